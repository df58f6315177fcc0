/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/health.h"

#include "base/check.h"

#define TO(state) (1u << HF_HEALTH_##state)

/* The whole life of an upstream; any other move is a bug. */
static const unsigned allowed[HF_HEALTH_STATES] = {
	[HF_HEALTH_CLOSED] = TO(OPEN) | TO(QUARANTINED),
	[HF_HEALTH_OPEN] = TO(PROBING) | TO(QUARANTINED),
	[HF_HEALTH_PROBING] = TO(CLOSED) | TO(OPEN) | TO(QUARANTINED),
	[HF_HEALTH_QUARANTINED] = TO(PROBING),
};

/* 2^12 times the first rest is over any rest-max that makes sense. */
#define RESTS_MAX 12

static void move(struct hf_health *h, enum hf_health_state to)
{
	hf_unexpected(!(allowed[h->state] & 1u << to));
	h->state = to;
}

static hf_us rest(const struct hf_health *h, const struct hf_upstream_conf *conf, uint32_t dice)
{
	hf_us longest = conf->rest_min << (h->rests < RESTS_MAX ? h->rests : RESTS_MAX);
	if (longest > conf->rest_max)
		longest = conf->rest_max;
	return longest / 2 + (hf_us)((uint64_t)(longest / 2) * dice >> 32);
}

enum hf_admission hf_health_admit(const struct hf_health *h, hf_us now)
{
	if (h->state == HF_HEALTH_CLOSED)
		return HF_ADMIT;
	/* A probe whose end nobody reported must not bar the way for ever. */
	return now >= h->until ? HF_ADMIT_PROBE : HF_ADMIT_NOT;
}

void hf_health_probe(struct hf_health *h, hf_us deadline)
{
	if (h->state != HF_HEALTH_PROBING)
		move(h, HF_HEALTH_PROBING);
	h->until = deadline;
}

static void take_rest(struct hf_health *h, const struct hf_upstream_conf *conf, hf_us now,
	uint32_t dice)
{
	move(h, HF_HEALTH_OPEN);
	h->until = now + rest(h, conf, dice);
	h->rests++;
}

static void answered(struct hf_health *h, hf_us now)
{
	h->failures = 0;
	if (h->state == HF_HEALTH_PROBING) {
		move(h, HF_HEALTH_CLOSED);
		h->rests = 0;
	} else if (h->state == HF_HEALTH_OPEN) {
		h->until = now; /* a late answer: alive after all, so probe at once */
	}
}

bool hf_health_report(struct hf_health *h, const struct hf_upstream_conf *conf,
	enum hf_outcome outcome, hf_us now, uint32_t dice)
{
	enum hf_health_state before = h->state;
	if (outcome == HF_OUTCOME_UNSENT)
		return false;
	if (outcome == HF_OUTCOME_ANSWERED)
		answered(h, now);
	else if (h->state == HF_HEALTH_PROBING)
		take_rest(h, conf, now, dice);
	else if (h->state == HF_HEALTH_CLOSED && ++h->failures >= conf->failures_to_open)
		take_rest(h, conf, now, dice);
	return h->state != before;
}

const char *hf_health_state_name(enum hf_health_state state)
{
	static const char *const names[HF_HEALTH_STATES] = {
		"closed", "open", "probing", "quarantined",
	};
	return state < HF_HEALTH_STATES ? names[state] : "?";
}
