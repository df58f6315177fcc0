/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/select.h"

#include "upstream/room.h"

/* How many failed attempts a rest that is over is worth. */
#define DUE_PENALTY 2

/* When nobody is in use, with a little jitter so that two of them take turns. */
#define ALONE (1 * HF_SECOND)
#define ALONE_JITTER 0x1ffff

/* As listed: one is passed over when it costs so much more than the best. */
#define WORSE_TIMES 2
#define WORSE_BY (50 * HF_MS)

/* ... and is looked at so often meanwhile. */
#define LOOK (1 * HF_SECOND)

static bool barred(const struct hf_selection *s, size_t i)
{
	return s->barred >> i & 1;
}

static enum hf_admission admit(const struct hf_candidate *c, hf_us now)
{
	enum hf_admission upstream = hf_health_admit(&c->state->health, now);
	enum hf_admission path = hf_health_admit(&c->path->health, now);
	return upstream > path ? upstream : path;
}

static bool any_in_use(const struct hf_selection *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (!barred(s, i) && admit(&s->candidates[i], s->now) == HF_ADMIT)
			return true;
	return false;
}

static hf_us rest_end(const struct hf_health *h, bool alone)
{
	/* From probe to probe, however long one was waited for. */
	hf_us early = (h->probed ? h->probed : h->since) + ALONE + (h->until & ALONE_JITTER);
	if (h->state == HF_HEALTH_CLOSED)
		return 0;
	return alone && h->state == HF_HEALTH_OPEN && early < h->until ? early : h->until;
}

static hf_us candidate_when(const struct hf_candidate *c, bool alone)
{
	hf_us upstream = rest_end(&c->state->health, alone), path = rest_end(&c->path->health, alone);
	return upstream > path ? upstream : path;
}

hf_us hf_rest_end_alone(const struct hf_health *health)
{
	return rest_end(health, true);
}

bool hf_has_room(const struct hf_selection *s, size_t i)
{
	struct hf_upstream_state *state = s->candidates[i].state;
	if (state->queue && hf_queue_depth(state->queue))
		return false;
	return hf_room_when(state, s->outgoing, s->outgoing_conf, s->cost, s->now) <= s->now;
}

static enum hf_offer offer(const struct hf_selection *s, size_t i, bool alone)
{
	const struct hf_candidate *c = &s->candidates[i];
	switch (admit(c, s->now)) {
	case HF_ADMIT: break;
	case HF_ADMIT_PROBE: return HF_OFFER_DUE;
	case HF_ADMIT_NOT: return candidate_when(c, alone) <= s->now ? HF_OFFER_DUE : HF_OFFER_REST;
	}
	if (s->first && !hf_pace_free(&c->state->pace, s->now))
		return HF_OFFER_WAIT;
	return hf_has_room(s, i) ? HF_OFFER_USE : HF_OFFER_WAIT;
}

enum hf_offer hf_offer(const struct hf_selection *s, size_t i)
{
	return offer(s, i, !any_in_use(s));
}

/* What was lost before it came back says nothing of it now. */
static hf_us cost_of(const struct hf_selection *s, size_t i)
{
	const struct hf_candidate *c = &s->candidates[i];
	struct hf_rtt rtt = c->path->rtt;
	if (rtt.sampled < c->state->health.since || rtt.sampled < c->path->health.since)
		rtt.loss = 0;
	return hf_rtt_rank(&rtt, s->now);
}

/* The least that a question costs at one in use; 0: nothing is known of any. */
static hf_us best_cost(const struct hf_selection *s)
{
	hf_us best = 0;
	for (size_t i = 0; i < s->count; i++) {
		hf_us cost = cost_of(s, i);
		if (!barred(s, i) && admit(&s->candidates[i], s->now) == HF_ADMIT && cost &&
			(!best || cost < best))
			best = cost;
	}
	return best;
}

static bool passed_over(const struct hf_selection *s, size_t i, hf_us best)
{
	return best && cost_of(s, i) > best * WORSE_TIMES + WORSE_BY;
}

struct standing { /* smaller is better, from the top */
	unsigned tries;
	unsigned offer;
	bool poor;
	hf_us rank;
};

static bool before(const struct standing *a, const struct standing *b)
{
	if (a->tries != b->tries)
		return a->tries < b->tries;
	if (a->offer != b->offer)
		return a->offer < b->offer;
	if (a->poor != b->poor)
		return b->poor;
	return a->rank < b->rank;
}

int hf_select(const struct hf_selection *s)
{
	struct standing best;
	int ret = -1;
	bool alone = !any_in_use(s);
	hf_us cost = s->by_rtt ? 0 : best_cost(s);
	for (size_t i = 0; i < s->count; i++) {
		struct standing one;
		if (barred(s, i))
			continue;
		one.offer = offer(s, i, alone);
		if (one.offer == HF_OFFER_REST)
			continue;
		one.tries = s->tries[i] + (one.offer == HF_OFFER_DUE ? DUE_PENALTY : 0u);
		one.poor = !s->by_rtt && passed_over(s, i, cost);
		one.rank = s->by_rtt ? cost_of(s, i) : (hf_us)i;
		if (ret < 0 || before(&one, &best)) {
			ret = (int)i;
			best = one;
		}
	}
	return ret;
}

hf_us hf_select_when(const struct hf_selection *s)
{
	hf_us first = HF_NEVER;
	bool alone = !any_in_use(s);
	for (size_t i = 0; i < s->count; i++) {
		hf_us when = candidate_when(&s->candidates[i], alone);
		if (!barred(s, i) && when < first)
			first = when;
	}
	return first;
}

int hf_select_probe(const struct hf_selection *s, int chosen)
{
	hf_us cost = best_cost(s);
	for (size_t i = 0; i < s->count; i++) {
		const struct hf_candidate *c = &s->candidates[i];
		if ((int)i == chosen || barred(s, i) || s->tries[i])
			continue;
		enum hf_admission admission = admit(c, s->now);
		if (admission == HF_ADMIT_PROBE)
			return (int)i;
		if (admission == HF_ADMIT && passed_over(s, i, cost) && s->now - c->path->asked >= LOOK &&
			hf_has_room(s, i))
			return (int)i;
	}
	return -1;
}
