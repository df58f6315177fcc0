/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/probe.h"

#include <stdlib.h>

#include "engine/quarantines.h"
#include "engine/round.h"
#include "engine/vouch.h"
#include "truth/canary.h"

/* Beside the one that lied, so many are asked where others have to tell. */
#define WITNESSES 3

struct probe {
	struct hf_round round; /* first */
	struct hf_barred of;
	unsigned upstream; /* its place in the route */
	bool canary;
	bool beside; /* others are asked now; it has said this: */
	struct hf_testimony said;
};

static void end(
	struct probe *p, enum hf_probed probed, const struct hf_evidence *evidence, hf_us now)
{
	hf_quarantines_probed(p->round.worker, &p->of, probed, evidence, now);
}

static const struct hf_expected *expected_of(const struct probe *p)
{
	return hf_expect_find(p->round.plan->expected, &p->round.question.name);
}

/* ---- what others say ---- */

static bool same(const struct probe *p, const struct hf_testimony *other)
{
	if (p->canary)
		return p->said.denial == other->denial;
	/* Who hands out its addresses a few at a time agrees with itself (trial.h). */
	return hf_testimony_same(&p->said, other) || hf_testimony_shared(&p->said, other);
}

static void differs(struct probe *p, hf_us now)
{
	struct hf_evidence evidence = {.lie = p->canary        ? HF_LIE_CANARY
					      : p->said.denial ? hf_lie_of_denial(&p->said)
							       : HF_LIE_OUTVOTED};
	if (p->said.count)
		evidence.address = p->said.addresses[0];
	end(p, HF_PROBED_FALSE, &evidence, now);
}

/* Of those that are asked, only who is believed in the matter counts; if nobody is,
 * everybody, or two that were kept out could never come back. */
static void witnesses_heard(struct hf_round *round, hf_us now)
{
	struct probe *p = (struct probe *)round;
	uint64_t barred = hf_quarantines_barred(
		round->worker, round->plan, round->route, &round->question.name);
	unsigned heard[2] = {0, 0}, agreeing[2] = {0, 0};
	for (unsigned i = 0; i < round->route->upstream_count; i++) {
		const struct hf_voice *voice = &round->voices[i];
		unsigned of = barred >> i & 1;
		heard[of] += voice->answered;
		agreeing[of] += voice->answered && same(p, &voice->testimony);
	}
	unsigned of = heard[0] ? 0 : 1;
	if (agreeing[of])
		end(p, HF_PROBED_TRUE, NULL, now);
	else if (heard[0])
		differs(p, now);
	else
		end(p, HF_PROBED_NOTHING, NULL, now);
}

static uint64_t witnesses(const struct probe *p)
{
	const struct hf_route *route = p->round.route;
	struct hf_worker *worker = p->round.worker;
	uint64_t barred =
		hf_quarantines_barred(worker, p->round.plan, route, &p->round.question.name);
	uint64_t chosen = 0;
	unsigned count = 0, first = hf_loop_random_u32(worker->loop) % route->upstream_count;
	for (int of = 0; of <= 1; of++)
		for (unsigned i = 0; i < route->upstream_count && count < WITNESSES; i++) {
			unsigned at = (first + i) % route->upstream_count;
			if (at == p->upstream || (int)(barred >> at & 1) != of)
				continue;
			chosen |= 1ull << at;
			count++;
		}
	return chosen;
}

static struct probe *probe_new(const struct hf_barred *of)
{
	struct probe *p = calloc(1, sizeof *p);
	if (p)
		p->of = *of;
	return p;
}

/* The route is the worker's plan's, or there is no asking any more. */
static void ask_witnesses(struct probe *first, const struct hf_testimony *said, hf_us now)
{
	struct hf_round *round = &first->round;
	struct probe *p = round->worker->plan == round->plan ? probe_new(&first->of) : NULL;
	uint64_t whom = witnesses(first);
	/* A denial that all give is believed (trial.h); of one alone it is its. */
	bool alone = round->route->upstream_count == 1 && said->denial && !first->canary;
	if (!p || !whom) {
		free(p);
		end(first, alone ? HF_PROBED_TRUE : HF_PROBED_NOTHING, NULL, now);
		return;
	}
	p->round.done = witnesses_heard;
	p->upstream = first->upstream;
	p->canary = first->canary;
	p->said = *said;
	if (hf_round_begin(&p->round, round->worker, round->route, &round->question, whom, now))
		end(first, HF_PROBED_NOTHING, NULL, now);
}

/* ---- what the addresses show ---- */

struct proof_probe {
	struct hf_vouching vouching; /* first */
	struct hf_barred of;
};

static void vouched(struct hf_vouching *vouching, enum hf_proof proof,
	const struct hf_evidence *evidence, hf_us now)
{
	static const enum hf_probed probed[] = {
		[HF_PROOF_HOLDS] = HF_PROBED_TRUE,
		[HF_PROOF_FAILS] = HF_PROBED_FALSE,
		[HF_PROOF_MISSING] = HF_PROBED_NOTHING,
	};
	const struct proof_probe *p = (const struct proof_probe *)vouching;
	hf_quarantines_probed(vouching->worker, &p->of, probed[proof], evidence, now);
}

static void ask_addresses(struct probe *first, const struct hf_expected *expected,
	const struct hf_testimony *said, hf_us now)
{
	struct proof_probe *p = first->round.worker->prover ? calloc(1, sizeof *p) : NULL;
	if (!p) {
		end(first, HF_PROBED_NOTHING, NULL, now);
		return;
	}
	p->of = first->of;
	p->vouching.done = vouched;
	hf_vouch(&p->vouching, first->round.worker, expected->conf, &first->round.question.name,
		said, now);
}

/* ---- what it says itself ---- */

static void suspect_heard(struct hf_round *round, hf_us now)
{
	struct probe *p = (struct probe *)round;
	const struct hf_voice *voice = &round->voices[p->upstream];
	const struct hf_expected *expected = expected_of(p);
	const struct hf_testimony *said = &voice->testimony;
	struct hf_evidence evidence;
	if (!voice->answered) {
		end(p, HF_PROBED_NOTHING, NULL, now);
	} else if (p->canary) {
		if (said->denial && !said->count)
			end(p, HF_PROBED_TRUE, NULL, now);
		else
			ask_witnesses(p, said, now);
	} else if (!expected) {
		ask_witnesses(p, said, now);
	} else {
		switch (hf_judge(expected, said, &evidence)) {
		case HF_BELIEF_GOOD: end(p, HF_PROBED_TRUE, NULL, now); break;
		case HF_BELIEF_LIE: end(p, HF_PROBED_FALSE, &evidence, now); break;
		case HF_BELIEF_UNSURE: ask_witnesses(p, said, now); break;
		case HF_BELIEF_UNPROVEN: ask_addresses(p, expected, said, now); break;
		}
	}
}

/* A name that could not exist when it lied may do so since: another each time. */
static struct hf_question question_of(struct hf_worker *worker, const struct hf_bar *bar)
{
	struct hf_question question = bar->asked;
	uint8_t dice[HF_CANARY_DICE];
	if (bar->evidence.lie != HF_LIE_CANARY)
		return question;
	const uint8_t *above = hf_name_parent(bar->asked.name.bytes);
	struct hf_name zone = {
		.len = (uint8_t)(bar->asked.name.len - (above - bar->asked.name.bytes))};
	memcpy(zone.bytes, above, zone.len);
	hf_loop_random(worker->loop, dice, sizeof dice);
	question.name = hf_canary_name(&zone, dice);
	return question;
}

static void begin(
	struct hf_worker *worker, const struct hf_barred *of, const struct hf_bar *bar, hf_us now)
{
	const struct hf_question question = question_of(worker, bar);
	const struct hf_route *route = hf_route_find(worker->plan->routes, &question.name);
	int place = route ? hf_round_place(worker->plan, route, of->slot) : -1;
	struct probe *p = place >= 0 ? probe_new(of) : NULL;
	if (!p) {
		hf_quarantines_probed(worker, of, HF_PROBED_NOTHING, NULL, now);
		return;
	}
	p->round.done = suspect_heard;
	p->upstream = (unsigned)place;
	p->canary = bar->evidence.lie == HF_LIE_CANARY;
	if (hf_round_begin(&p->round, worker, route, &question, 1ull << place, now))
		hf_quarantines_probed(worker, of, HF_PROBED_NOTHING, NULL, now);
}

void hf_probes_begin(struct hf_worker *worker, hf_us now)
{
	struct hf_barred of;
	struct hf_bar bar;
	for (unsigned slot = 0; hf_quarantines_due(worker, &slot, now, &of, &bar);)
		begin(worker, &of, &bar, now);
}
