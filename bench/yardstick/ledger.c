/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ledger.h"

#include <err.h>
#include <math.h>
#include <stdlib.h>

#define IDS 65536u
#define TOOK_UNIT 100 /* nanoseconds */

static void *zeroed(uint64_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (memory == NULL)
		err(1, "%llu octets", (unsigned long long)(count * size));
	return memory;
}

void hf_yard_ledger_init(struct hf_yard_ledger *l, const struct hf_yard_plan *plan)
{
	*l = (struct hf_yard_ledger){.plan = *plan, .fresh_next = plan->fresh_from};
	l->dice = plan->seed * 2 + 1;
	l->until = INT64_MAX;
	for (unsigned i = 0; i < HF_YARD_LANES; i++)
		l->lanes[i].entries = zeroed(IDS, sizeof *l->lanes[i].entries);
	if (plan->order == HF_YARD_EACH) {
		l->again = zeroed(plan->names, sizeof *l->again);
		l->again_left = plan->names;
	}
	if (plan->rate > 0) {
		/* A sixth more than is expected: of 1,000 random arrivals that is five
		 * standard deviations, of more it is more. */
		l->took_room = (uint64_t)(plan->rate * plan->seconds * 7 / 6) + 1000;
	} else if (plan->timed) {
		l->took_room = (uint64_t)(plan->seconds * HF_YARD_TIMES_A_SECOND);
	}
	if (l->took_room > 0)
		l->took = zeroed(l->took_room, sizeof *l->took);
}

/* ---- which number is next ---- */

/* xorshift64*: this needs to be quick and the same in every run, no more. */
static uint32_t random32(struct hf_yard_ledger *l)
{
	l->dice ^= l->dice >> 12;
	l->dice ^= l->dice << 25;
	l->dice ^= l->dice >> 27;
	return (uint32_t)(l->dice * 2685821657736338717u >> 32);
}

static uint32_t below(struct hf_yard_ledger *l, uint32_t bound)
{
	return (uint32_t)((uint64_t)random32(l) * bound >> 32);
}

static uint32_t pick(struct hf_yard_ledger *l)
{
	if (l->plan.order == HF_YARD_EACH)
		return l->each_next < l->plan.names ? l->each_next++ : l->again[--l->again_count];
	if (l->plan.fresh && below(l, 100) < l->plan.fresh)
		return l->fresh_next++;
	return below(l, l->plan.names);
}

bool hf_yard_more(const struct hf_yard_ledger *l, int64_t now)
{
	if (l->plan.order == HF_YARD_EACH)
		return l->each_next < l->plan.names || l->again_count > 0;
	if (l->plan.count && l->asked >= l->plan.count)
		return false;
	return now < l->until;
}

int64_t hf_yard_gap(struct hf_yard_ledger *l)
{
	double share = (random32(l) + 0.5) / 4294967296.0;

	return (int64_t)(-log(share) / l->plan.rate * (double)HF_YARD_SECOND);
}

/* ---- a question's life ---- */

static enum hf_yard_verdict (*const judges[])(const uint8_t *, size_t, uint32_t) = {
	[HF_YARD_ADDRESS] = hf_yard_judge,
	[HF_YARD_ECHO] = hf_yard_judge_echo,
	[HF_YARD_DENIAL] = hf_yard_judge_denial,
	[HF_YARD_WILD] = hf_yard_judge_wild,
	[HF_YARD_REFERRAL] = hf_yard_judge_referral,
};

static void note_time(struct hf_yard_ledger *l, int64_t took)
{
	if (l->took_count < l->took_room)
		l->took[l->took_count++] = took > 0 ? (uint32_t)(took / TOOK_UNIT) : 0;
}

/* It had no right answer: who must have one is asked about it again. */
static void ask_again(struct hf_yard_ledger *l, uint32_t number)
{
	if (l->plan.order == HF_YARD_EACH && l->again_left > 0) {
		l->again_left--;
		l->again[l->again_count++] = number;
	}
}

bool hf_yard_ask(struct hf_yard_ledger *l, unsigned lane, int64_t since, uint8_t out[HF_YARD_QUERY])
{
	struct hf_yard_lane *at = &l->lanes[lane];
	uint32_t number = pick(l);

	l->asked++;
	if ((uint16_t)(at->next + 1) == at->oldest) {
		l->lost++;
		note_time(l, HF_YARD_PATIENCE);
		return false;
	}
	at->entries[at->next] = (struct hf_yard_entry){since, number};
	hf_yard_write_query(number, at->next++, out);
	if (l->plan.secure)
		hf_yard_want_signed(out);
	l->under_way++;
	return true;
}

/* Ids that are no longer under way are free again, in their order. */
static void close_entry(struct hf_yard_ledger *l, struct hf_yard_lane *at, struct hf_yard_entry *e)
{
	e->since = 0;
	l->under_way--;
	while (at->oldest != at->next && at->entries[at->oldest].since == 0)
		at->oldest++;
}

void hf_yard_take(
	struct hf_yard_ledger *l, unsigned lane, const uint8_t *m, size_t length, int64_t when)
{
	struct hf_yard_lane *at = &l->lanes[lane];
	struct hf_yard_entry *e = &at->entries[hf_yard_id(m, length)];

	if (e->since == 0) {
		l->stray++;
		return;
	}
	enum hf_yard_verdict verdict = judges[l->plan.want](m, length, e->number);
	note_time(l, when - e->since);
	if (verdict == HF_YARD_RIGHT) {
		l->right++;
		l->right_in_time += when < l->until;
	} else {
		l->failed += verdict == HF_YARD_FAILED;
		l->wrong += verdict == HF_YARD_WRONG;
		ask_again(l, e->number);
	}
	close_entry(l, at, e);
}

void hf_yard_expire(struct hf_yard_ledger *l, int64_t now)
{
	for (unsigned i = 0; i < HF_YARD_LANES; i++) {
		struct hf_yard_lane *at = &l->lanes[i];
		while (at->oldest != at->next) {
			struct hf_yard_entry *e = &at->entries[at->oldest];
			if (e->since + HF_YARD_PATIENCE > now)
				break;
			l->lost++;
			note_time(l, HF_YARD_PATIENCE);
			ask_again(l, e->number);
			close_entry(l, at, e);
		}
	}
}

bool hf_yard_still(
	const struct hf_yard_ledger *l, unsigned lane, uint16_t *id, uint8_t out[HF_YARD_QUERY])
{
	const struct hf_yard_lane *at = &l->lanes[lane];

	while (*id != at->next) {
		const struct hf_yard_entry *e = &at->entries[(*id)++];
		if (e->since) {
			hf_yard_write_query(e->number, (uint16_t)(*id - 1), out);
			if (l->plan.secure)
				hf_yard_want_signed(out);
			return true;
		}
	}
	return false;
}

/* ---- the end ---- */

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

double hf_yard_percentile(struct hf_yard_ledger *l, double share)
{
	if (l->took_count == 0)
		return 0;
	if (!l->sorted)
		qsort(l->took, l->took_count, sizeof *l->took, by_size);
	l->sorted = true;
	uint64_t at = (uint64_t)(share * (double)l->took_count);
	if (at >= l->took_count)
		at = l->took_count - 1;
	return l->took[at] * (TOOK_UNIT / 1000.0);
}
