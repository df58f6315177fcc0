/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/health.h"

#include <string.h>

#include "base/check.h"

#define TO(state) (1u << HF_HEALTH_##state)

/* The whole life of a circuit; any other move is a bug. */
static const unsigned allowed[HF_HEALTH_STATES] = {
	[HF_HEALTH_CLOSED] = TO(OPEN) | TO(QUARANTINED),
	[HF_HEALTH_OPEN] = TO(PROBING) | TO(QUARANTINED),
	[HF_HEALTH_PROBING] = TO(CLOSED) | TO(OPEN) | TO(QUARANTINED),
	[HF_HEALTH_QUARANTINED] = TO(PROBING),
};

/* 2^12 times the first rest is over any rest-max that makes sense. */
#define RESTS_MAX 12

/* A resolver that says nothing for so long while it is asked is not just slow
 * with the names that happen to be asked. */
#define SILENCE (1 * HF_SECOND)

/* ... and a check says whether it is, asked so late that a moment's trouble costs none, and so early
 * that one that is dead is rested no later. Where nobody could ask it, silence has to be longer. */
#define CHECK_AFTER (800 * HF_MS)
#define CHECK_EVERY (1 * HF_SECOND)
#define SILENCE_UNCHECKED (4 * HF_SECOND)

#define WINDOW (10 * HF_SECOND)
#define WINDOW_LEAST 20

/* The shortest rest, whatever the dice say: what was sent together fails together. */
#define REST_LEAST (10 * HF_MS)

/* After so many in a row it is no moment's trouble, and rests last so long at least: with
 * the time that a probe is waited for that is about a probe a second. */
#define SHORT_RESTS 3
#define REST_LATER (500 * HF_MS)

static void move(struct hf_health *h, enum hf_health_state to, hf_us now)
{
	hf_unexpected(!(allowed[h->state] & 1u << to));
	h->state = to;
	h->since = now;
}

/* Full jitter: anything from next to nothing to the bound, which doubles. */
static hf_us rest(const struct hf_health *h, const struct hf_upstream_conf *conf, uint32_t dice)
{
	hf_us longest = conf->rest_min << (h->rests < RESTS_MAX ? h->rests : RESTS_MAX);
	if (longest > conf->rest_max)
		longest = conf->rest_max;
	hf_us least = h->rests < SHORT_RESTS ? REST_LEAST : REST_LATER;
	if (least > longest)
		least = longest;
	return least + (hf_us)((uint64_t)(longest - least) * dice >> 32);
}

enum hf_admission hf_health_admit(const struct hf_health *h, hf_us now)
{
	if (h->state == HF_HEALTH_CLOSED)
		return HF_ADMIT;
	return now >= h->until ? HF_ADMIT_PROBE : HF_ADMIT_NOT;
}

void hf_health_probe(struct hf_health *h, hf_us deadline, hf_us now)
{
	if (h->state != HF_HEALTH_PROBING)
		move(h, HF_HEALTH_PROBING, now);
	h->until = deadline + HF_HEALTH_UNREPORTED;
	h->probed = now;
}

static void forget(struct hf_health *h)
{
	memset(h->run, 0, sizeof h->run);
	h->name_count = 0;
	h->failing = 0;
}

static void take_rest(
	struct hf_health *h, const struct hf_upstream_conf *conf, const struct hf_health_fact *fact)
{
	move(h, HF_HEALTH_OPEN, fact->now);
	h->cause = fact->outcome;
	h->until = fact->now + rest(h, conf, fact->dice);
	h->rests++;
	h->window_failed = h->window_all = 0;
	h->check_due = false;
	forget(h);
}

static void answered(struct hf_health *h, hf_us now)
{
	forget(h);
	if (h->state == HF_HEALTH_PROBING) {
		move(h, HF_HEALTH_CLOSED, now);
		h->rests = 0;
		h->probed = 0;
	} else if (h->state == HF_HEALTH_OPEN) {
		h->until = now; /* a late answer: alive after all, so probe at once */
	}
}

static void note_name(struct hf_health *h, uint32_t name)
{
	for (unsigned i = 0; i < h->name_count && i < HF_COUNT_OF(h->names); i++)
		if (h->names[i] == name)
			return;
	if (h->name_count < HF_COUNT_OF(h->names))
		h->names[h->name_count] = name;
	if (h->name_count < HF_HEALTH_NAMES)
		h->name_count++;
}

static bool is_silent(
	const struct hf_health *h, const struct hf_upstream_conf *conf, hf_us now, hf_us least)
{
	return h->name_count >= HF_HEALTH_NAMES &&
	       h->run[HF_OUTCOME_SILENT] >= conf->failures_to_open && now - h->failing >= least;
}

/* Since the last answer a check has not been answered. */
static bool is_checked(const struct hf_health *h, hf_us now)
{
	return h->unchecked >= h->failing || now - h->failing >= SILENCE_UNCHECKED;
}

static void note_check(
	struct hf_health *h, const struct hf_upstream_conf *conf, const struct hf_health_fact *fact)
{
	if (fact->check)
		h->unchecked = fact->now;
	if (!is_silent(h, conf, fact->now, CHECK_AFTER) || is_checked(h, fact->now) ||
		(h->check && fact->now - h->check < CHECK_EVERY))
		return;
	h->check = fact->now;
	h->check_due = true;
}

/* Is what has been seen since the last answer enough to open the circuit? */
static bool damning(const struct hf_health *h, const struct hf_upstream_conf *conf, hf_us now)
{
	bool names = h->name_count >= HF_HEALTH_NAMES;
	unsigned most = conf->failures_to_open;
	return h->run[HF_OUTCOME_UNTRUSTED] || h->run[HF_OUTCOME_UNREACHABLE] >= most ||
	       (names && (h->run[HF_OUTCOME_BEATEN] >= most || h->run[HF_OUTCOME_GARBAGE] >= most ||
				 (is_silent(h, conf, now, SILENCE) && is_checked(h, now))));
}

static void failed(struct hf_health *h, const struct hf_health_fact *fact)
{
	if (h->run[fact->outcome] < UINT16_MAX)
		h->run[fact->outcome]++;
	note_name(h, fact->name);
	if (!h->failing)
		h->failing = fact->now;
}

bool hf_health_report(
	struct hf_health *h, const struct hf_upstream_conf *conf, const struct hf_health_fact *fact)
{
	enum hf_health_state before = h->state;
	if (fact->outcome == HF_OUTCOME_UNSENT || fact->outcome == HF_OUTCOME_CROWDED)
		return false;
	if (fact->outcome == HF_OUTCOME_ANSWERED) {
		answered(h, fact->now);
	} else if (h->state == HF_HEALTH_PROBING) {
		if (fact->probe)
			take_rest(h, conf, fact);
	} else if (h->state == HF_HEALTH_CLOSED) {
		failed(h, fact);
		note_check(h, conf, fact);
		if (damning(h, conf, fact->now))
			take_rest(h, conf, fact);
	}
	return h->state != before;
}

bool hf_health_settle(
	struct hf_health *h, const struct hf_upstream_conf *conf, const struct hf_health_fact *fact)
{
	enum hf_health_state before = h->state;
	if (h->state != HF_HEALTH_CLOSED)
		return false;
	if (fact->now - h->window >= WINDOW || fact->now < h->window ||
		h->window_all == UINT16_MAX) {
		h->window = fact->now;
		h->window_failed = h->window_all = 0;
	}
	h->window_all++;
	if (fact->outcome != HF_OUTCOME_ANSWERED)
		h->window_failed++;
	if (h->window_all >= WINDOW_LEAST && h->window_failed > h->window_all / 2)
		take_rest(h, conf, fact);
	return h->state != before;
}

const char *hf_health_state_name(enum hf_health_state state)
{
	static const char *const names[HF_HEALTH_STATES] = {
		"closed",
		"open",
		"probing",
		"quarantined",
	};
	return state < HF_HEALTH_STATES ? names[state] : "?";
}

const char *hf_outcome_text(enum hf_outcome outcome)
{
	static const char *const texts[HF_OUTCOMES] = {
		[HF_OUTCOME_ANSWERED] = "answered",
		[HF_OUTCOME_SILENT] = "says nothing",
		[HF_OUTCOME_BEATEN] = "did not answer what another upstream answered",
		[HF_OUTCOME_UNREACHABLE] = "is not reachable",
		[HF_OUTCOME_GARBAGE] = "answers garbage",
		[HF_OUTCOME_UNSENT] = "could not be asked",
		[HF_OUTCOME_UNTRUSTED] = "is not believed",
		[HF_OUTCOME_CROWDED] = "has no connection left",
	};
	return outcome < HF_OUTCOMES ? texts[outcome] : "?";
}
