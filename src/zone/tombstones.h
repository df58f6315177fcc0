/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tombstones.h - addresses that are retired: of hosts that are gone for good.
 *
 * Story: an address that once was a database may be anybody's tomorrow. What is listed here
 * is never an answer: not from a zone (zone/sanity.h), not from upstreams or the cache
 * (there it works as `never` of every name, truth/expect.h), not from local data.
 * Threads: immutable.  At the bound: HF_TOMBSTONES_MAX prefixes. */
#ifndef HF_ZONE_TOMBSTONES_H
#define HF_ZONE_TOMBSTONES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"
#include "base/option.h"

#define HF_TOMBSTONES_MAX 100000

struct hf_tombstones;

/* Copies; looks up in O(length of an address), however many there are: they are searched in
 * order. Of prefixes that lie in one another the largest is kept. -ENOMEM, HF_EBOUND. */
int hf_tombstones_new(const struct hf_prefix *prefixes, size_t count, struct hf_tombstones **ret);
void hf_tombstones_free(struct hf_tombstones *tombstones); /* NULL is fine */

/* The prefix that the address lies in, or NULL. */
const struct hf_prefix *hf_tombstones_find(
	const struct hf_tombstones *tombstones, const struct hf_address *address);

#endif
