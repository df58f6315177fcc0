/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rebind.h - no public name may lead into the networks behind us.
 *
 * Story: whoever owns a public name may give it any address, 192.168.0.1 or 127.0.0.1
 * among them, and a browser that has been shown a page under that name then talks to the
 * router, or to its own machine, as if it were the page's own server (DNS rebinding).
 * Where the operator says so, an answer that gives a private address to a public name is
 * refused. Nobody has lied who passed it on: the name itself says so everywhere.
 * Private are loopback, link-local and unspecified addresses, those of RFC 1918, RFC 6598
 * and RFC 4193, site-local ones (RFC 3879), and IPv6 addresses that stand for such an IPv4
 * address (RFC 4291 2.5.5.2, RFC 6052); and what the operator adds.
 * A name is not public if its route is for a zone of its own (split horizon), if it has
 * one label, if it lies in a zone that nobody can register names in (RFC 6761, 6762, 8375
 * and their like), or where the operator excepts it.
 * Addresses are looked for in answer and additional, hints of HTTPS and SVCB included.
 * Ownership: as for expect.h.  Threads: immutable once built; any thread may ask.
 * At the bound: every address of a message is looked at; there is none. */
#ifndef HF_TRUTH_REBIND_H
#define HF_TRUTH_REBIND_H

#include "base/arena.h"
#include "truth/judge.h"
#include "truth/truth_conf.h"

struct hf_rebind;

/* What is to be refused; *ret is NULL if nothing is. HF_ESYNTAX: an exception is no name
 * (the configuration has seen to that). -ENOMEM. */
int hf_rebind_build(
	struct hf_arena *arena, const struct hf_truth_conf *conf, const struct hf_rebind **ret);

/* Is a lowered name public, asked for by the route of a zone? */
bool hf_rebind_guards(
	const struct hf_rebind *rebind, const struct hf_name *zone, const struct hf_name *name);

/* Does a message that hf_message_read has accepted give a private address? Then ret is the
 * evidence. */
bool hf_rebind_breaks(const struct hf_rebind *rebind, const uint8_t *m,
	const struct hf_message_view *view, struct hf_evidence *ret);

/* May such a message, which has lain in a cache, not be given for a name that the route of a
 * zone (NULL: none) is for? What is expected of the name (NULL: nothing) vouches for its
 * addresses if it lists them. rebind may be NULL. */
struct hf_kept_question {
	const struct hf_name *zone, *name;
	const struct hf_expected *expected;
};
bool hf_rebind_forbids(const struct hf_rebind *rebind, const struct hf_kept_question *question,
	const uint8_t *m, const struct hf_message_view *view);

/* A hash of all that is refused: another one, something has changed. NULL is 0. */
uint64_t hf_rebind_print(const struct hf_rebind *rebind);

#endif
