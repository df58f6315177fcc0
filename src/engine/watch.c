/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/watch.h"

#include "engine/canaries.h"
#include "engine/elders.h"
#include "engine/identities.h"
#include "engine/intercept.h"
#include "engine/lames.h"
#include "engine/probe.h"
#include "engine/quarantines.h"
#include "engine/round.h"
#include "engine/truth.h"
#include "engine/vouch.h"

/* What everybody wants to know is asked by one. */
static bool is_first(const struct hf_worker *worker)
{
	const struct hf_truth_conf *conf = &worker->plan->forward->truth;
	return worker->index == 0 && (conf->canaries || conf->serials || worker->elders ||
					     hf_address_set(&conf->intercept_probe));
}

static void look(struct hf_timer *timer, hf_us now)
{
	struct hf_worker *worker =
		(struct hf_worker *)((char *)timer - offsetof(struct hf_worker, truth));
	bool liars = hf_liars_any(&worker->team->upstreams->liars);
	if (liars) {
		hf_quarantines_sweep(worker, now);
		hf_probes_begin(worker, now);
	}
	if (is_first(worker)) {
		hf_canaries_look(worker, now);
		hf_elders_look(worker, now);
		hf_intercept_look(worker, now);
		hf_identities_look(worker, now);
	}
	if (liars || is_first(worker))
		hf_truth_watch(worker, now);
}

void hf_watch_begin(struct hf_worker *worker)
{
	worker->truth.fire = look;
}

/* Before the next question. And again at the next look: what was asked under the plan before may
 * still bring a lie to light that is none by this one. */
static void lower_what_holds_no_more(struct hf_worker *worker, hf_us now)
{
	uint64_t swept = worker->truth_swept;
	if (!hf_liars_any(&worker->team->upstreams->liars))
		return;
	hf_quarantines_sweep(worker, now);
	worker->truth_swept = swept;
}

void hf_watch_adopted(struct hf_worker *worker, hf_us now)
{
	hf_intercept_adopted(worker);
	lower_what_holds_no_more(worker, now);
	if (is_first(worker))
		hf_truth_watch(worker, now);
}

void hf_watch_end(struct hf_worker *worker)
{
	hf_timer_disarm(hf_loop_timers(worker->loop), &worker->truth);
	hf_lames_end(worker);
	hf_rounds_end(worker);
	hf_vouchings_end(worker);
	hf_canaries_free(worker->canaries);
	hf_elders_free(worker->elders);
	hf_intercept_free(worker->intercept);
	hf_identifier_free(worker->identifier);
}
