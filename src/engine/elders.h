/* SPDX-License-Identifier: GPL-3.0-or-later */
/* elders.h - the servers of each forwarded zone, asked for its serial in rounds.
 *
 * Story: a route for a zone whose upstreams are the zone's own servers (they answer with
 * AA) must not serve two versions of it for long. The first worker asks the upstreams of
 * each such route for the SOA record every `truth.serials` or so, and truth/serials.h says
 * who is behind; late.h keeps it from being asked. Routes whose upstreams are resolvers
 * are found out by their answers, and asked again much more seldom.
 * A reload keeps what is known of upstreams and zones that stay.
 * Private to engine/.  Threads: the first worker's own.
 * At the bound: HF_ELDERS_ZONES routes, as they stand in the file; a few rounds begin
 * at a time, and all of it lies within the retry budget. */
#ifndef HF_ENGINE_ELDERS_H
#define HF_ENGINE_ELDERS_H

#include "engine/inside.h"

#define HF_ELDERS_ZONES 4096

struct hf_elders; /* NULL: none yet */

/* Begins the rounds that are due. */
void hf_elders_look(struct hf_worker *worker, hf_us now);

void hf_elders_free(struct hf_elders *elders); /* NULL is fine */

#endif
