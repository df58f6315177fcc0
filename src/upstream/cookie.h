/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cookie.h - cookies that we and an upstream give each other over UDP (RFC 7873, RFC 9018).
 *
 * Story: a question carries eight octets of ours, which nobody off the path can guess, and
 * what the upstream gave us with its last reply. A reply that repeats ours comes from
 * somebody who has seen the question. Not all upstreams do cookies, so a reply without
 * one is taken, until one has come with it: from then on a forged reply would have to
 * have it, too. The rule is:
 *
 *   ours, and the upstream's    good: from now on a reply without it is not taken (due)
 *   ours alone                  an echo: something copies what it does not know. It has seen
 *                               the question, so the reply is taken; nothing is made due by
 *                               it, and it is told of
 *   not ours, or misshapen      not taken: forged, or somebody in the path answers for others
 *   none                        not taken where it is due
 *
 * For what is not taken TCP is asked, where nobody can forge. If the upstream gives no cookie
 * there either it does not do them any more: none is due for HF_COOKIE_MEMORY. Nor is one
 * if TCP gives nothing at all for several questions in a row, with no good cookie between:
 * whoever wants that must have guessed port, id and case of each of them. What is due
 * also lapses if it has not been seen for as long: nobody shall be lost for a change of
 * settings at the other end.
 * An upstream that is silent with a cookie and answers the same question without one
 * (a firewall that knows no such option) is asked without for as long, if it never gave one.
 * One that has been started anew may not know what it gave: it answers, or says BADCOOKIE,
 * with what is good from now on (forward/query.h).
 * Ours is a keyed hash of a secret and the upstream's address, and another one each
 * HF_COOKIE_LIFE, so that two upstreams cannot compare whom they serve. Our own address is
 * not part of it: sockets are not bound to one, and a day ends whatever follows a host
 * from network to network.
 * Knows:   one upstream's cookies, instants. Never: messages, other upstreams, dice.
 * Ownership: a plain value. Zeroed: no secret, and so no cookies.
 * Threads: one at a time, by the engine's lock; hf_cookie_look is pure. */
#ifndef HF_UPSTREAM_COOKIE_H
#define HF_UPSTREAM_COOKIE_H

#include <stdbool.h>

#include "base/address.h"
#include "base/hash.h"
#include "base/time.h"

#define HF_COOKIE_CLIENT 8
#define HF_COOKIE_SERVER_MIN 8
#define HF_COOKIE_SERVER_MAX 32
#define HF_COOKIE_MAX (HF_COOKIE_CLIENT + HF_COOKIE_SERVER_MAX)

#define HF_COOKIE_LIFE (86400 * HF_SECOND)
#define HF_COOKIE_MEMORY (600 * HF_SECOND) /* as size.h */

enum hf_cookie_found { /* in a reply to a question that had one */
	HF_COOKIE_NONE,
	HF_COOKIE_GOOD,
	HF_COOKIE_ECHO,    /* ours alone */
	HF_COOKIE_MISSING, /* none, where one is due */
	HF_COOKIE_WRONG,   /* not ours, or misshapen */
};

enum hf_cookie_habit { /* of an upstream: what its replies showed last */
	HF_COOKIE_KNOWS_NONE,
	HF_COOKIE_GIVES,
	HF_COOKIE_ECHOES,
	HF_COOKIE_MANGLES, /* several wrong ones, and no good one between */
};

struct hf_cookie {
	struct hf_hash_key secret;
	uint8_t client[HF_COOKIE_CLIENT];
	hf_us client_until;
	uint8_t server[HF_COOKIE_SERVER_MAX]; /* what it gave for `client` */
	uint8_t server_len;                   /* 0: nothing yet */
	uint8_t wrong;                        /* in a row */
	uint8_t unheard;                      /* questions answered only without one, in a row */
	uint8_t unsettled; /* those that one was MISSING for, and no TCP, in a row */
	uint8_t habit;                        /* enum hf_cookie_habit */
	hf_us due_until;
	hf_us lenient_until; /* nothing is made due before */
	hf_us silent_until;  /* it is asked without one */
};

/* Sets the secret for an upstream at an address, made of `key`, which is secret itself and
 * the same for the life of the process. */
void hf_cookie_begin(
	struct hf_cookie *cookie, const struct hf_hash_key *key, const struct hf_address *address);

/* The option's octets for a question that goes out now; 0: it goes without.
 * again: it has been asked before, and nothing came of it. */
size_t hf_cookie_write(
	struct hf_cookie *cookie, bool again, hf_us now, uint8_t ret[static HF_COOKIE_MAX]);

/* Must a reply over UDP to what goes out now have one? */
bool hf_cookie_due(const struct hf_cookie *cookie, hf_us now);

/* What is the option of a reply (NULL: there is none) to a question with `client`, and a
 * cookie due or not? MISSING and WRONG are not to be taken over UDP. Pure. */
enum hf_cookie_found hf_cookie_look(
	const uint8_t client[static HF_COOKIE_CLIENT], bool due, const uint8_t *option, size_t len);

/* A reply was taken. option: of a GOOD one. */
void hf_cookie_heard(struct hf_cookie *cookie, const uint8_t client[static HF_COOKIE_CLIENT],
	enum hf_cookie_found found, const uint8_t *option, size_t len, hf_us now);

/* One was not taken. */
void hf_cookie_refused(struct hf_cookie *cookie, enum hf_cookie_found found);

/* Over TCP it gave none, after one was MISSING. */
void hf_cookie_ended(struct hf_cookie *cookie, hf_us now);

/* After one was MISSING nothing came over TCP. Once a question. */
void hf_cookie_unsettled(struct hf_cookie *cookie, hf_us now);

/* With one it was silent, and without it answered the same question. */
void hf_cookie_unheard(struct hf_cookie *cookie, hf_us now);

#endif
