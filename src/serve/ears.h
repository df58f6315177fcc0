/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ears.h - the sockets that clients ask at, bound for every worker before one of them has any.
 *
 * Story: every address that is new gets a socket and a door for each worker, or none does: a
 * configuration that cannot be listened to changes nothing. The workers' sockets share an
 * address on purpose (SO_REUSEPORT); so that they never come to share it with another server
 * unnoticed, an address that is not ours already is bound alone first. Sockets that somebody
 * (systemd) has opened for us are given to all workers as copies.
 * Knows addresses and descriptors; what a worker does with them is serve/listener.h's.
 * Ownership: who has a struct hf_ears owns its descriptors until hf_ears_take or _close.
 * Threads: bind, share, left and close from main; take in the worker concerned, while main
 * waits.
 * At the bound: the last 16 addresses that went are remembered. One that went before those and
 * comes back within seconds may be said to be taken, by our own ear that still hears. */
#ifndef HF_SERVE_EARS_H
#define HF_SERVE_EARS_H

#include <stdio.h>

#include "serve/listener.h"
#include "serve/serve_conf.h"

struct hf_given_socket;

struct hf_ears {              /* those of the addresses that are new */
	struct hf_ear *items; /* [worker][address], or NULL: none */
	size_t workers, addresses;
	bool tls;
};

enum { HF_EARS_DNS, HF_EARS_TLS, HF_EARS_KINDS };

/* What is to be known from one configuration to the next. Zeroed, but for `workers`. */
struct hf_bound {
	size_t workers;
	struct hf_address *given; /* addresses that cannot be bound again */
	size_t given_count;
	struct hf_address *given_udp; /* those at which datagrams of all interfaces are heard */
	size_t given_udp_count;
	struct {
		struct hf_address address;
		hf_us at;
	} left[16]; /* addresses that reloads took away last */
	size_t left_next;
};

/* Once, at the start: a copy for each worker of what was given. -ENOMEM or the system's
 * error, said on `complaints`; nothing is kept open then. */
int hf_ears_share(struct hf_bound *bound, const struct hf_given_socket *given, size_t count,
	FILE *complaints, struct hf_ears *ret);

/* Binds what `next` listens on and `now` (NULL: nothing yet) does not, but for what was
 * given. ::1 is passed over on a host without IPv6 if there are others. On failure says why
 * on `complaints`, returns the system's negative error, and nothing is bound. */
int hf_ears_bind(const struct hf_bound *bound, const struct hf_listen_conf *now,
	const struct hf_listen_conf *next, FILE *complaints,
	struct hf_ears ret[static HF_EARS_KINDS]);

/* `next` is in force where `now` was: what went hears on for a while (serve/listener.h), and is
 * ours if it comes back. */
void hf_ears_left(struct hf_bound *bound, const struct hf_listen_conf *now,
	const struct hf_listen_conf *next);

/* The listener has those of one worker from now on. The last error of those that it did not
 * take, which are closed. */
int hf_ears_take(struct hf_ears *ears, size_t worker, struct hf_listener *listener);

/* Closes what nobody took. */
void hf_ears_close(struct hf_ears *ears);

/* What is served by the plan of `listen`, given sockets included: `ret` has room for
 * listen->dns.count + given_count addresses. Returns how many. */
size_t hf_bound_served(
	const struct hf_bound *bound, const struct hf_listen_conf *listen, struct hf_address *ret);

/* Of these, where datagrams are heard, whichever interface they come to: of a socket that was
 * given, only the one who gave it knows (systemd.socket(5): ListenDatagram=, BindToDevice=). */
size_t hf_bound_heard(
	const struct hf_bound *bound, const struct hf_listen_conf *listen, struct hf_address *ret);

void hf_bound_clear(struct hf_bound *bound);

#endif
