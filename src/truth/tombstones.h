/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tombstones.h - addresses that are retired: of hosts that are gone for good.
 *
 * Story: an address that once was a database may be anybody's tomorrow. What is listed here
 * is never an answer, whatever the name and whoever says so: not from a zone
 * (zone/sanity.h), and not from an upstream, the cache or what was written down of it.
 * An upstream that gives one has not lied, for the name may still have it: the answer is
 * refused, and the upstream is as good as before. An IPv6 address that leads to a retired
 * IPv4 address (mapped, NAT64) is as retired as that.
 * Addresses are looked for in answer and additional, hints of HTTPS and SVCB included.
 * Ownership: the configuration's.  Threads: immutable; any thread may ask.
 * At the bound: HF_TOMBSTONES_MAX prefixes, of 28 octets each; more are refused. Every
 * address of a message is looked at; there is none. */
#ifndef HF_TRUTH_TOMBSTONES_H
#define HF_TRUTH_TOMBSTONES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"
#include "truth/judge.h"
#include "wire/message.h"

struct hf_tombstones;

/* Copies; looks up in O(length of an address), however many there are: they are searched in
 * order. Of prefixes that lie in one another the largest is kept. -ENOMEM, HF_EBOUND. */
int hf_tombstones_new(const struct hf_prefix *prefixes, size_t count, struct hf_tombstones **ret);
void hf_tombstones_free(struct hf_tombstones *tombstones); /* NULL is fine */

/* The prefix that the address lies in, as given or as meant (truth/meant.h), or NULL. */
const struct hf_prefix *hf_tombstones_find(
	const struct hf_tombstones *tombstones, const struct hf_address *address);

/* Does a message that hf_message_read has accepted give a retired address? Then ret is the
 * evidence. NULL: nothing is retired, and nothing is looked at. */
bool hf_tombstones_break(const struct hf_tombstones *tombstones, const uint8_t *m,
	const struct hf_message_view *view, struct hf_evidence *ret);

/* Is anything retired by `next` that was not by `before`, as far as can be told without
 * comparing one by one? NULL: nothing is retired. */
bool hf_tombstones_more(const struct hf_tombstones *before, const struct hf_tombstones *next);

/* Reads a list: an address or a prefix a line; what stands behind a # is a comment. Each
 * fault is told with its line, and the line passed over. -ENOMEM; HF_EBOUND: there are more
 * than `most`. *ret is the caller's to free, as *ret_count are there. */
typedef void hf_tombstones_fault(void *ctx, size_t line, const char *text, size_t len, int error);
int hf_tombstones_read(const char *text, size_t len, size_t most, hf_tombstones_fault *fault,
	void *ctx, struct hf_prefix **ret, size_t *ret_count);

#endif
