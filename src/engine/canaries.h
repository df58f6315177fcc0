/* SPDX-License-Identifier: GPL-3.0-or-later */
/* canaries.h - names that cannot exist, asked of every upstream now and then.
 *
 * Story: a resolver that answers for names that do not exist, or something in the path to
 * it, lies to everybody who mistypes. Soon after the start and every `truth.canaries` or
 * so, the first worker has all upstreams of a route asked for one such name
 * (truth/canary.h): under the root and its great zones where the route is for the root,
 * else under the route's zone. Who answers where another denies it has lied. Where all
 * answer it is only told: there is nobody to be believed instead, and to keep all of
 * them out would make an outage of what is false for names that do not exist.
 * Private to engine/.  Threads: the first worker's own.
 * At the bound: each upstream has its turn once in the interval, by one of its routes; a
 * round a look, within the retry budget. */
#ifndef HF_ENGINE_CANARIES_H
#define HF_ENGINE_CANARIES_H

#include "engine/inside.h"

struct hf_canaries; /* NULL: none yet */

/* Begins a round if one is due. */
void hf_canaries_look(struct hf_worker *worker, hf_us now);

void hf_canaries_free(struct hf_canaries *canaries); /* NULL is fine */

#endif
