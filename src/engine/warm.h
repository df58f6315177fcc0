/* SPDX-License-Identifier: GPL-3.0-or-later */
/* warm.h - answers fetched anew before they end: popular ones, and those that the
 * operator names.
 *
 * Story: an answer that has been asked for at least twice since it was fetched is
 * fetched again when a hit finds it within the last tenth of its time; a name of
 * `keep-warm` is, asked for or not. Nobody waits for such a refresh, so it is
 * sent only if there is room in every budget, and given up at once if there is
 * not. When exactly within that tenth differs from name to name and from process
 * to process, so that neither names nor instances that were filled together
 * refresh together.
 * Private to engine/.  Threads: the worker's own.
 * At the bound: a refresh a second and name from this worker, by the last
 * HF_WARM_RECENT names. */
#ifndef HF_ENGINE_WARM_H
#define HF_ENGINE_WARM_H

#include "engine/inside.h"

/* A fresh answer was found. True: it is time to refresh it. */
bool hf_warm_due(struct hf_worker *worker, const struct hf_cache_key *key,
	const struct hf_cached *copy, hf_us now);

/* Is it near its end, or over? Without asking who wants it. */
bool hf_warm_near_end(const struct hf_cache_key *key, const struct hf_cached *copy, hf_us now);

/* Looks after the names of `keep-warm` that belong to this worker; once a second. */
void hf_warm_tick(struct hf_worker *worker, hf_us now);

#endif
