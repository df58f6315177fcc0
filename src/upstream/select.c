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

/* ... and is looked at so often meanwhile; sooner if it is for its losses and it answers
 * now, for with each answer they are forgotten by a sixteenth. */
#define LOOK (1 * HF_SECOND)
#define LOOK_WELL (250 * HF_MS)

static bool barred(const struct hf_selection *s, size_t i)
{
	return s->barred >> i & 1;
}

static bool lame(const struct hf_selection *s, const struct hf_candidate *c)
{
	return !s->own && hf_lame_rests(&c->path->lame, s->now);
}

static enum hf_admission admit(const struct hf_selection *s, const struct hf_candidate *c)
{
	const hf_us now = s->now;
	if (lame(s, c))
		return HF_ADMIT_NOT;
	const struct hf_health *mine = &c->state->health, *path = &c->path->health;
	if (mine->state == HF_HEALTH_CLOSED && path->state == HF_HEALTH_CLOSED)
		return HF_ADMIT;
	enum hf_admission a = hf_health_admit(mine, now), b = hf_health_admit(path, now);
	return a > b ? a : b;
}

static bool low(const struct hf_selection *s, size_t i)
{
	return s->candidates[i].conf->trust == HF_TRUST_LOW;
}

static bool any_in_use(const struct hf_selection *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (!barred(s, i) && !low(s, i) && admit(s, &s->candidates[i]) == HF_ADMIT)
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

static hf_us candidate_when(const struct hf_selection *s, const struct hf_candidate *c, bool alone)
{
	hf_us upstream = rest_end(&c->state->health, alone),
	      path = rest_end(&c->path->health, alone);
	if (lame(s, c) && c->path->lame.until > path)
		path = c->path->lame.until;
	return upstream > path ? upstream : path;
}

hf_us hf_rest_end_alone(const struct hf_health *health)
{
	return rest_end(health, true);
}

bool hf_has_room(const struct hf_selection *s, size_t i)
{
	return hf_room_is_free(
		s->candidates[i].state, s->outgoing, s->outgoing_conf, s->cost, s->now);
}

/* Over a connection a question that is in vain is no packet of its own; and what we ask for
 * ourselves finds out whether it is there. */
hf_us hf_unheard_until(const struct hf_selection *s, size_t i)
{
	const struct hf_candidate *c = &s->candidates[i];
	if (c->state->answered || s->own || c->conf->channel != HF_CHANNEL_UDP)
		return s->now;
	return hf_unheard_when(&c->state->unheard, s->account, s->now);
}

/* What one in use offers. The budgets are looked at last: they cost most. */
static enum hf_offer offer_in_use(const struct hf_selection *s, size_t i)
{
	if (s->first && !hf_pace_free(&s->candidates[i].state->pace, s->now))
		return HF_OFFER_WAIT;
	if (!s->candidates[i].state->answered && hf_unheard_until(s, i) > s->now)
		return HF_OFFER_WAIT;
	return hf_has_room(s, i) ? HF_OFFER_USE : HF_OFFER_WAIT;
}

/* While another is in use, who rests does so until its rest is over. */
static enum hf_offer offer_alone(const struct hf_selection *s, size_t i)
{
	return candidate_when(s, &s->candidates[i], true) <= s->now ? HF_OFFER_DUE : HF_OFFER_REST;
}

enum hf_offer hf_offer(const struct hf_selection *s, size_t i)
{
	switch (admit(s, &s->candidates[i])) {
	case HF_ADMIT: break;
	case HF_ADMIT_PROBE: return HF_OFFER_DUE;
	case HF_ADMIT_NOT: return any_in_use(s) ? HF_OFFER_REST : offer_alone(s, i);
	}
	return offer_in_use(s, i);
}

/* What was lost before it came back says nothing of it now. */
static hf_us cost_of(const struct hf_selection *s, size_t i)
{
	const struct hf_candidate *c = &s->candidates[i];
	hf_us mine = c->state->health.since, path = c->path->health.since;
	return hf_rtt_rank(&c->path->rtt, mine > path ? mine : path, s->now);
}

static bool passed_over(hf_us cost, hf_us best)
{
	return best && cost > best * WORSE_TIMES + WORSE_BY;
}

void hf_look(const struct hf_selection *s, struct hf_looks *ret)
{
	ret->in_use = ret->untried = false;
	ret->best = 0;
	for (size_t i = 0; i < s->count; i++) {
		if (barred(s, i))
			continue;
		hf_us cost = ret->costs[i] = cost_of(s, i);
		ret->admissions[i] = (uint8_t)admit(s, &s->candidates[i]);
		if (ret->admissions[i] != HF_ADMIT || low(s, i))
			continue;
		ret->in_use = true;
		ret->untried |= s->tries[i] == 0;
		if (cost && (!ret->best || cost < ret->best))
			ret->best = cost;
	}
}

struct standing { /* smaller is better, from the top */
	unsigned tries;
	bool low;
	unsigned offer;
	bool poor;
	hf_us rank;
};

static bool before(const struct standing *a, const struct standing *b)
{
	if (a->tries != b->tries)
		return a->tries < b->tries;
	if (a->low != b->low)
		return b->low;
	if (a->offer != b->offer)
		return a->offer < b->offer;
	if (a->poor != b->poor)
		return b->poor;
	return a->rank < b->rank;
}

/* How one stands if all that is not known yet were in its favour. */
static struct standing stand(const struct hf_selection *s, const struct hf_looks *looks, size_t i)
{
	struct standing one = {.tries = s->tries[i], .low = low(s, i), .offer = HF_OFFER_USE};
	switch ((enum hf_admission)looks->admissions[i]) {
	case HF_ADMIT: break;
	case HF_ADMIT_PROBE: one.offer = HF_OFFER_DUE; break;
	case HF_ADMIT_NOT: one.offer = looks->in_use ? HF_OFFER_REST : offer_alone(s, i); break;
	}
	one.tries += one.offer == HF_OFFER_DUE ? DUE_PENALTY : 0u;
	one.poor = !s->by_rtt && !s->strict && passed_over(looks->costs[i], looks->best);
	one.rank = s->by_rtt ? looks->costs[i] : (hf_us)i;
	return one;
}

/* Whether there is room is asked only of those who would come first if there were:
 * of a few, however many they are. */
int hf_select_from(const struct hf_selection *s, const struct hf_looks *looks)
{
	struct standing best = {0};
	int ret = -1;
	for (size_t i = 0; i < s->count; i++) {
		if (barred(s, i) || (low(s, i) && (looks->untried || s->spare_low)))
			continue;
		struct standing one = stand(s, looks, i);
		if (one.offer == HF_OFFER_REST || (ret >= 0 && !before(&one, &best)))
			continue;
		if (one.offer == HF_OFFER_USE)
			one.offer = offer_in_use(s, i);
		if (ret < 0 || before(&one, &best)) {
			ret = (int)i;
			best = one;
		}
	}
	return ret;
}

int hf_select(const struct hf_selection *s)
{
	struct hf_looks looks;
	hf_look(s, &looks);
	return hf_select_from(s, &looks);
}

hf_us hf_select_when(const struct hf_selection *s)
{
	hf_us first = HF_NEVER;
	bool alone = !any_in_use(s);
	for (size_t i = 0; i < s->count; i++) {
		hf_us when = candidate_when(s, &s->candidates[i], alone);
		if (!barred(s, i) && when < first)
			first = when;
	}
	return first;
}

int hf_select_lame(const struct hf_selection *s)
{
	int ret = -1;
	for (size_t i = 0; i < s->count; i++) {
		if (barred(s, i))
			continue;
		if (!lame(s, &s->candidates[i]) || s->candidates[i].path->lame.on_trial)
			return -1;
		if (ret < 0)
			ret = (int)i;
	}
	return ret;
}

static hf_us look_after(const struct hf_candidate *c)
{
	return c->path->rtt.backoff || !c->path->rtt.loss ? LOOK : LOOK_WELL;
}

int hf_select_probe(const struct hf_selection *s, const struct hf_looks *looks, int chosen)
{
	for (size_t i = 0; i < s->count; i++) {
		if ((int)i == chosen || barred(s, i) || low(s, i) || s->tries[i])
			continue;
		if (looks->admissions[i] == HF_ADMIT_PROBE)
			return (int)i;
		if (looks->admissions[i] == HF_ADMIT && passed_over(looks->costs[i], looks->best) &&
			s->now - s->candidates[i].path->asked >= look_after(&s->candidates[i]) &&
			hf_has_room(s, i))
			return (int)i;
	}
	return -1;
}
