/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Second opinions: believed answers, compared with what another upstream says.
 *
 * Of the answers that were believed, `truth.sample` a second for names of which something is
 * expected, and as many of the others, another upstream of the route is asked the same, behind the
 * client's back. What it says is held against the expectation, if there is one: who breaks it has
 * lied. Else truth/compare.h says how the two differ; that is counted for the second, and a
 * contradiction told of, but nobody is kept out for one: it does not say which of the two is wrong.
 * What finds no room, in the worker's rounds or the retry budget, is not compared. */
#include "engine/truth.h"

#include <stdlib.h>

#include "engine/quarantines.h"
#include "engine/round.h"
#include "truth/compare.h"

struct second {
	struct hf_round round;    /* first */
	unsigned first;           /* who was believed: its place in the route */
	unsigned other;           /* who is asked as well */
	struct hf_testimony said; /* by the first */
};

static const int counters[HF_COMPARED] = {
	[HF_COMPARED_AGREE] = HF_UP_AGREED,
	[HF_COMPARED_DESIGN] = HF_UP_DIFFERED,
	[HF_COMPARED_CONTRADICT] = HF_UP_CONTRADICTED,
	[HF_COMPARED_OLDER] = HF_UP_OLDER,
	[HF_COMPARED_NEWER] = HF_UP_AGREED, /* it is the first that is behind */
};

static void tell(const struct second *s, enum hf_event_kind kind, unsigned upstream, int32_t a,
	const struct hf_testimony *t, hf_us now)
{
	const struct hf_round *round = &s->round;
	struct hf_event event = {.at = now,
		.kind = (uint16_t)kind,
		.slot = (uint16_t)round->plan->slots[round->route->upstreams[upstream]],
		.a = a};
	if (t->count)
		event.address = t->addresses[0];
	hf_event_about(&event, round->question.name.bytes, round->question.name.len);
	hf_event_put(round->worker->events, &event);
}

/* For whoever looks at the status: the log has all of them. */
static void keep_contradiction(const struct second *s, const struct hf_testimony *t, hf_us now)
{
	const struct hf_round *round = &s->round;
	struct hf_upstreams *all = round->worker->team->upstreams;
	unsigned slot = round->plan->slots[round->route->upstreams[s->other]];
	hf_upstreams_lock(all);
	struct hf_contradicted **kept = &all->contradicted[slot];
	bool here = hf_upstreams_state(all, round->plan, slot) == &all->states[slot];
	if (here && !*kept)
		*kept = calloc(1, sizeof **kept);
	if (here && *kept) {
		**kept = (struct hf_contradicted){.begun = all->begun[slot],
			.last = {.name = round->question.name, .at = now}};
		if (s->said.count)
			(*kept)->last.believed = s->said.addresses[0];
		if (t->count)
			(*kept)->last.gave = t->addresses[0];
	}
	hf_upstreams_unlock(all);
}

static void look_at_ttl(
	const struct second *s, unsigned upstream, const struct hf_testimony *t, hf_us now)
{
	const struct hf_round *round = &s->round;
	if (!hf_ttl_absurd(t))
		return;
	hf_count_upstream(round->worker->meter,
		round->plan->slots[round->route->upstreams[upstream]], HF_UP_ABSURD_TTLS);
	tell(s, HF_EVENT_ABSURD_TTL, upstream, (int32_t)(t->ttl < INT32_MAX ? t->ttl : INT32_MAX),
		t, now);
}

/* A denial that the first refutes, or any lie? */
static bool is_false(const struct second *s, const struct hf_expected *expected,
	const struct hf_testimony *t, struct hf_evidence *ret)
{
	if (hf_judge(expected, t, ret) == HF_BELIEF_LIE)
		return true;
	*ret = (struct hf_evidence){.lie = hf_lie_of_denial(t)};
	return hf_denies_expected(expected, t) && !hf_denies_expected(expected, &s->said);
}

/* What is expected of the name decides first, whatever the first one said. */
static bool breaks_expectation(const struct second *s, const struct hf_testimony *t, hf_us now)
{
	const struct hf_round *round = &s->round;
	const struct hf_expected *expected =
		hf_expect_find(round->plan->expected, &round->question.name);
	const struct hf_said said = {
		round->plan, round->route, s->other, &round->question, expected};
	struct hf_evidence evidence;
	if (!expected || !is_false(s, expected, t, &evidence))
		return false;
	hf_truth_lied(round->worker, &said, &evidence, now);
	return true;
}

static void heard(struct hf_round *round, hf_us now)
{
	struct second *s = (struct second *)round;
	const struct hf_voice *voice = &round->voices[s->other];
	unsigned slot = round->plan->slots[round->route->upstreams[s->other]];
	const char *why;
	if (!voice->answered)
		return;
	look_at_ttl(s, s->first, &s->said, now);
	look_at_ttl(s, s->other, &voice->testimony, now);
	if (breaks_expectation(s, &voice->testimony, now))
		return;
	enum hf_compared compared = hf_compare_said(&s->said, &voice->testimony, &why);
	hf_count_upstream(round->worker->meter, slot, (enum hf_upstream_counter)counters[compared]);
	if (compared != HF_COMPARED_CONTRADICT)
		return;
	keep_contradiction(s, &voice->testimony, now);
	tell(s, HF_EVENT_CONTRADICTION, s->other,
		round->plan->slots[round->route->upstreams[s->first]], &voice->testimony, now);
}

/* ---- which answers, and whom to ask ---- */

/* Of all workers together no more than the rate, each at instants of its own: copies for
 * clients need the retry budget more. What comes next after such an instant is as good as
 * drawn by lot. */
static bool is_sampled(struct hf_worker *worker, const struct hf_said *said, hf_us now)
{
	hf_us *due = &worker->sample_due[said->expected != NULL];
	if (now < *due)
		return false;
	hf_us mean = (hf_us)worker->team->size * HF_SECOND / said->plan->forward->truth.sample;
	*due = now + (hf_us)((uint64_t)(2 * mean) * hf_loop_random_u32(worker->loop) >> 32);
	return true;
}

/* Somebody else who is believed in the matter, or -1. */
static int other_than(struct hf_worker *worker, const struct hf_said *said)
{
	const struct hf_route *route = said->route;
	unsigned count = route->upstream_count;
	uint64_t barred = hf_quarantines_barred(worker, said->plan, route, &said->question->name);
	unsigned first = hf_loop_random_u32(worker->loop) % count;
	for (unsigned i = 0; i < count; i++) {
		unsigned at = (first + i) % count;
		if (at != said->upstream && !(barred >> at & 1))
			return (int)at;
	}
	return -1;
}

/* hf_round_begin asks by the worker's plan. */
static bool is_wanted(struct hf_worker *worker, const struct hf_said *said, hf_us now)
{
	return said->plan == worker->plan && said->plan->forward->truth.sample &&
	       said->route->upstream_count > 1 && hf_compare_can(said->question->type) &&
	       said->question->class == HF_CLASS_IN && is_sampled(worker, said, now);
}

void hf_truth_believed(struct hf_worker *worker, const struct hf_said *said, const uint8_t *m,
	const struct hf_message_view *view, hf_us now)
{
	int other = is_wanted(worker, said, now) ? other_than(worker, said) : -1;
	struct second *s = other >= 0 ? calloc(1, sizeof *s) : NULL;
	if (!s)
		return;
	s->round.done = heard;
	s->first = said->upstream;
	s->other = (unsigned)other;
	hf_testimony_read(said->question, m, view, &s->said);
	hf_round_begin(&s->round, worker, said->route, said->question, 1ull << other, now);
}
