/* SPDX-License-Identifier: GPL-3.0-or-later */
/* server.h - the whole server as one object: workers, listeners, cache.
 *
 * Story: hf_server_start binds every address, makes the cache, and starts the
 * workers, each a thread with a loop and sockets of its own; when it returns 0
 * questions are being answered. hf_server_reload opens what the new
 * configuration needs before anything changes, and only then hands it to the
 * workers: if it fails, nothing happened. hf_server_drain stops listening,
 * answers what was asked, and ends the workers.
 * With `persist` the cache of the last session is put back once the addresses are
 * bound, before the first worker answers: questions wait in the kernel meanwhile. A
 * keeper (keep/keeper.h) writes the cache down from then on.
 * Ownership: the server holds references on the settings that it is given.
 * Threads: start, reload, drain and free from one thread (main); the readers
 * (meters, cache figures, slots) from any. */
#ifndef HF_SERVE_SERVER_H
#define HF_SERVE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cache/cache_conf.h"
#include "forward/route.h"
#include "meter/event.h"
#include "meter/meter.h"
#include "serve/serve_conf.h"

/* What the server wants to know of a configuration. Everything that it points
 * to must stay as it is until release(owner) is called, once, from any thread. */
struct hf_settings {
	const struct hf_listen_conf *listen;
	const struct hf_tcp_conf *tcp;
	const struct hf_clients_conf *clients;
	const struct hf_forward_conf *forward;
	const struct hf_cache_conf *cache;
	const struct hf_zones_conf *zones; /* served with authority; NULL: none */
	const struct hf_siblings_conf *siblings; /* who else does; NULL: nobody */
	const struct hf_local_conf *local; /* single names answered from here; NULL: none */
	uint32_t workers;
	const char *persist; /* where the cache is written down, or NULL; at start only */
	void *owner;
	void (*release)(void *owner);
};

/* A bound socket that somebody (systemd) has opened for us. */
struct hf_given_socket {
	int fd;
	int type; /* SOCK_DGRAM or SOCK_STREAM */
	struct hf_address address;
};

struct hf_server;

/* Starts. ::1 is passed over, with a word on `complaints`, on a host without IPv6
 * if there are other addresses to serve. `given` sockets whose address matches one of listen.dns are used in
 * place of own ones; any others are served too. What went wrong is said on
 * `complaints` in a line each; the return is then a negative error and nothing
 * is left running. Takes `settings` in any case (releases it on failure). */
int hf_server_start(const struct hf_settings *settings, const struct hf_given_socket *given,
	size_t given_count, FILE *complaints, struct hf_server **ret);

/* Switches to new settings; a chain and key for TLS are read anew, and tickets go on where
 * they are the same. On failure says why and keeps the old ones; takes
 * `settings` in any case. workers and cache size stay as they were started. */
int hf_server_reload(struct hf_server *server, const struct hf_settings *settings,
	FILE *complaints);

/* About once a second, from main: looks after what nobody tells of, such as addresses of
 * the host that have come or gone, and a certificate that runs out. */
void hf_server_tick(struct hf_server *server, FILE *complaints);

/* Has the worker that owns the first question's name find something out: inspect.h. From
 * main, until the server drains. */
struct hf_inspect_conf;
int hf_server_inspect(struct hf_server *server, const struct hf_inspect_conf *conf);

/* What was decided lately, by all workers: diaries.h, which says who may ask and what it
 * returns; and the client as the wish wants it. */
struct hf_diaries_wish;
struct hf_recollection;
int hf_server_decisions(
	struct hf_server *server, const struct hf_diaries_wish *wish, struct hf_recollection *ret);
uint64_t hf_server_client(const struct hf_server *server, const struct hf_address *client);

/* Stops listening, waits until all questions under way are answered, or
 * `longest` has passed; then ends the workers. Returns how many questions were
 * left without an answer. */
size_t hf_server_drain(struct hf_server *server, hf_us longest);

void hf_server_free(struct hf_server *server); /* NULL is fine; drains with no wait */

/* True if every worker has finished a turn of its loop within `within`: the
 * watchdog's question. Workers turn at least once a second. */
bool hf_server_alive(const struct hf_server *server, hf_us now, hf_us within);

/* ---- readers ---- */

size_t hf_server_workers(const struct hf_server *server);
const struct hf_meter *hf_server_meter(const struct hf_server *server, size_t worker);
struct hf_event_ring *hf_server_events(struct hf_server *server, size_t worker);

/* False: the cache is not written down. The ring's one reader is whoever reads the
 * workers'. */
struct hf_keeper_figures;
bool hf_server_keeper_figures(const struct hf_server *server, struct hf_keeper_figures *ret);
struct hf_event_ring *hf_server_keeper_events(struct hf_server *server); /* or NULL */

/* Who looks after zones, or NULL: there are none. */
struct hf_authority;
struct hf_authority *hf_server_authority(const struct hf_server *server);

/* False: nothing is answered at a driver. */
struct hf_xdp_figures;
bool hf_server_xdp_figures(const struct hf_server *server, struct hf_xdp_figures *ret);

struct hf_cache_figures {
	uint64_t entries, bytes, size, evictions;
};
struct hf_cache_figures hf_server_cache_figures(const struct hf_server *server);

/* Has the kernel give some of the memory that the cache will use next, so that no worker waits
 * for it (cache/cache.h). Takes up to 10 ms; to be called HF_PREFAULT_EVERY by one thread. */
#define HF_PREFAULT_EVERY (100 * HF_MS)
void hf_server_prefault(struct hf_server *server);

/* The upstream that a slot stands for, copied into buf; false: none (any more). */
bool hf_server_slot_name(const struct hf_server *server, unsigned slot, char *buf, size_t size);

/* Why the upstream in a slot is not believed (TLS), copied to buf; "": it is. */
void hf_server_slot_why(const struct hf_server *server, unsigned slot, char buf[static 200]);

/* What the upstream in a slot is in quarantine for; false: nothing. */
struct hf_quarantine;
bool hf_server_quarantine(const struct hf_server *server, unsigned slot, struct hf_quarantine *ret);

/* Until when (seconds since 1970) what is shown over TLS counts; false: nothing is shown. */
bool hf_server_tls_until(const struct hf_server *server, int64_t *ret);

/* Which machine it says that it is; false: it has not said. */
struct hf_identity;
bool hf_server_identity(const struct hf_server *server, unsigned slot, struct hf_identity *ret);

/* What it contradicted last; false: nothing yet. */
struct hf_contradiction;
bool hf_server_contradiction(
	const struct hf_server *server, unsigned slot, struct hf_contradiction *ret);

/* The zones that it has in an older version than its fellows: how many, and up to `most`. */
struct hf_bar;
size_t hf_server_late(const struct hf_server *server, unsigned slot, struct hf_bar *ret, size_t most);

/* What readiness (serve/readiness.h) is to know of routes: how many there are, in how many
 * at least one upstream is in use, or was rested and may be tried again, and is not in
 * quarantine for all names, and a reason for each of the others. The look is added to. */
struct hf_look;
void hf_server_look(const struct hf_server *server, struct hf_look *look);

#endif
