/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/hold.h"

#include "base/check.h"
#include "base/error.h"
#include "engine/heat.h"
#include "engine/prove.h"

extern __typeof__(hf_prove) hf_prove __attribute__((weak));
extern __typeof__(hf_prove_forget) hf_prove_forget __attribute__((weak));

struct wish {
	struct hf_proof_wish base;
	struct answer *answer;
	unsigned address;
};

struct answer {
	struct hf_held held;
	struct hf_hold *hold;
	unsigned number; /* in the trial */
	size_t size;     /* of all of it */
	unsigned wish_count;
	struct wish wishes[]; /* and the message behind */
};

/* What has been given out before it was proven. */
struct probation {
	struct hf_said said;
	struct hf_question question;
	struct hf_cache_key key;
	struct hf_plan *plan;
	unsigned answer;
	hf_us stored;
	size_t size;
	struct hf_kept kept;
	uint16_t ttl_at[]; /* and the wire behind */
};

struct hf_hold {
	struct hf_hold *next, **prev; /* of those on probation */
	struct hf_worker *worker;
	struct hf_hold_conf conf;
	uint64_t print; /* of the expectation */
	struct probation *probation;
	struct answer *answers[HF_TRIAL_MAX];
	struct hf_trial trial;
};

/* ---- room ---- */

static bool has_room(const struct hf_worker *worker, uint64_t client, uint64_t print, size_t size)
{
	size_t used = worker->held_octets;
	return used + size <= HF_HELD_MOST &&
	       hf_share_has_room(&worker->held_by_client, client, used, HF_HELD_MOST) &&
	       hf_share_has_room(&worker->held_by_name, print, used, HF_HELD_MOST);
}

static void add_octets(struct hf_share *share, uint64_t holder, uint32_t octets)
{
	if (holder)
		share->held[holder % HF_SHARE_HOLDERS] += octets;
}

static void take(struct hf_hold *hold, size_t size)
{
	hold->worker->held_octets += size;
	add_octets(&hold->worker->held_by_client, hold->conf.client, (uint32_t)size);
	add_octets(&hold->worker->held_by_name, hold->print, (uint32_t)size);
}

static void give(struct hf_hold *hold, size_t size)
{
	hold->worker->held_octets -= size;
	add_octets(&hold->worker->held_by_client, hold->conf.client, -(uint32_t)size);
	add_octets(&hold->worker->held_by_name, hold->print, -(uint32_t)size);
}

/* ---- one hold ---- */

int hf_hold_new(struct hf_worker *worker, const struct hf_hold_conf *conf, struct hf_hold **ret)
{
	if (!has_room(worker, conf->client, conf->expected->print, sizeof(struct hf_hold)))
		return HF_EBOUND;
	struct hf_hold *hold = malloc(sizeof *hold);
	if (!hold)
		return -ENOMEM;
	hold->next = NULL;
	hold->prev = NULL;
	hold->worker = worker;
	hold->conf = *conf;
	hold->print = conf->expected->print;
	take(hold, sizeof *hold);
	hold->probation = NULL;
	hf_trial_init(&hold->trial, conf->expected);
	*ret = hold;
	return 0;
}

static void answer_free(struct answer *answer)
{
	for (unsigned i = 0; i < answer->wish_count; i++)
		hf_prove_forget(&answer->wishes[i].base);
	give(answer->hold, answer->size);
	free(answer);
}

static void probation_free(struct hf_hold *hold)
{
	struct probation *p = hold->probation;
	if (!p)
		return;
	*hold->prev = hold->next;
	if (hold->next)
		hold->next->prev = hold->prev;
	give(hold, p->size);
	hf_plan_unref(p->plan);
	free(p);
}

void hf_hold_free(struct hf_hold *hold)
{
	if (!hold)
		return;
	for (unsigned i = 0; i < hold->trial.count; i++)
		answer_free(hold->answers[i]);
	probation_free(hold);
	give(hold, sizeof *hold);
	free(hold);
}

struct hf_trial *hf_hold_trial(struct hf_hold *hold)
{
	return &hold->trial;
}

const struct hf_held *hf_hold_at(const struct hf_hold *hold, unsigned answer)
{
	hf_require(answer < hold->trial.count);
	return &hold->answers[answer]->held;
}

/* ---- proofs ---- */

static void show(struct answer *answer, unsigned address, enum hf_proof proof, const char *why)
{
	static const enum hf_shown shown[] = {
		[HF_PROOF_HOLDS] = HF_SHOWN_HOLDS,
		[HF_PROOF_FAILS] = HF_SHOWN_FAILS,
		[HF_PROOF_MISSING] = HF_SHOWN_MISSING,
	};
	hf_trial_show(&answer->hold->trial, answer->number, address, shown[proof], why);
}

static void proven(struct hf_proof_wish *base, enum hf_proof proof, const char *why, hf_us now)
{
	struct wish *wish = (struct wish *)base;
	struct hf_hold *hold = wish->answer->hold;
	show(wish->answer, wish->address, proof, why);
	hold->conf.news(hold->conf.ctx, now);
}

static void begin_proofs(struct answer *answer, const struct hf_testimony *testimony)
{
	struct hf_hold *hold = answer->hold;
	for (unsigned i = 0; i < answer->wish_count; i++) {
		enum hf_proof proof;
		char why[96];
		answer->wishes[i] =
			(struct wish){.base = {.proven = proven}, .answer = answer, .address = i};
		if (hf_prove(hold->worker->prover, hold->conf.expected->conf, hold->conf.name,
			    &testimony->addresses[i], &answer->wishes[i].base, &proof, why))
			show(answer, i, proof, why);
	}
}

int hf_hold_add(
	struct hf_hold *hold, const struct hf_held *held, const struct hf_testimony *testimony)
{
	bool proves = hold->conf.expected->conf->prove != HF_PROVE_NOT && testimony->count;
	unsigned wishes = proves ? testimony->count : 0;
	struct answer *answer;
	size_t size = sizeof *answer + wishes * sizeof answer->wishes[0] + held->len;
	if (proves && !hold->worker->prover)
		return -ENOSYS;
	if (!has_room(hold->worker, hold->conf.client, hold->print, size) ||
		hold->trial.count == HF_TRIAL_MAX)
		return HF_EBOUND;
	answer = malloc(size);
	if (!answer)
		return -ENOMEM;
	take(hold, size);
	uint8_t *copy = (uint8_t *)&answer->wishes[wishes];
	memcpy(copy, held->m, held->len);
	*answer = (struct answer){.held = *held, .hold = hold, .size = size, .wish_count = wishes};
	answer->held.m = copy;
	answer->number = (unsigned)hf_trial_hold(&hold->trial, testimony);
	hold->answers[answer->number] = answer;
	begin_proofs(answer, testimony);
	return 0;
}

/* ---- probation ---- */

static bool still_there(const struct hf_worker *worker, const struct probation *p)
{
	hf_us stored;
	return hf_cache_stored(worker->team->cache, &p->key, &stored) && stored == p->stored;
}

static void withdraw(struct hf_worker *worker, const struct probation *p,
	const struct hf_trial_answer *answer, hf_us now)
{
	struct hf_evidence evidence = {
		.lie = HF_LIE_PROOF, .address = answer->testimony.addresses[answer->why_of]};
	snprintf(evidence.why, sizeof evidence.why, "%s", answer->why);
	/* At the driver it may be even if the cache has dropped it for want of room. */
	hf_heat_withdraw(worker, &p->key);
	if (still_there(worker, p))
		hf_cache_remove(worker->team->cache, &p->key, now);
	hf_count(worker->meter, HF_COUNT_WITHDRAWN);
	hf_truth_lied(worker, &p->said, &evidence, now);
}

/* Its own life began when it came. */
static void keep_for_good(struct hf_worker *worker, const struct probation *p)
{
	/* A reload may expect other things: it ends by itself, and is asked for again. */
	if (worker->plan != p->plan || !still_there(worker, p))
		return;
	hf_heat_withdraw(worker, &p->key);
	hf_cache_store(worker->team->cache, &p->key, p->stored, &p->kept);
}

static void heard(void *ctx, hf_us now)
{
	struct hf_hold *hold = ctx;
	const struct probation *p = hold->probation;
	const struct hf_trial_answer *answer = &hold->trial.answers[p->answer];
	switch (hf_trial_shown(&hold->trial, p->answer)) {
	case HF_SHOWN_PENDING: return;
	case HF_SHOWN_FAILS: withdraw(hold->worker, p, answer, now); break;
	case HF_SHOWN_HOLDS: keep_for_good(hold->worker, p); break;
	case HF_SHOWN_MISSING: break; /* it ends by itself, and is asked for again */
	}
	hf_hold_free(hold);
}

static struct probation *probation_new(
	const struct hf_said *said, const struct hf_cache_key *key, const struct hf_kept *kept)
{
	size_t ttls = kept->ttl_count * sizeof kept->ttl_at[0];
	struct probation *p;
	size_t size = sizeof *p + ttls + kept->len;
	p = malloc(size);
	if (!p)
		return NULL;
	*p = (struct probation){.said = *said,
		.question = *said->question,
		.key = *key,
		.plan = hf_plan_ref((struct hf_plan *)said->plan),
		.size = size,
		.kept = *kept};
	p->said.question = &p->question;
	p->key.name = &p->question.name;
	hf_cache_key_forget(&p->key);
	p->kept.ttl_at = p->ttl_at;
	p->kept.wire = (uint8_t *)p->ttl_at + ttls;
	memcpy(p->kept.ttl_at, kept->ttl_at, ttls);
	memcpy(p->kept.wire, kept->wire, kept->len);
	return p;
}

bool hf_hold_probation(struct hf_hold *hold, unsigned answer, const struct hf_said *said,
	const struct hf_cache_key *key, const struct hf_kept *kept)
{
	struct hf_worker *worker = hold->worker;
	struct probation *p =
		worker->held_octets < HF_HELD_MOST ? probation_new(said, key, kept) : NULL;
	if (!p)
		return false;
	p->answer = answer;
	p->stored = hold->answers[answer]->held.came;
	take(hold, p->size);
	hold->probation = p;
	hold->conf.news = heard;
	hold->conf.ctx = hold;
	hold->conf.name = &p->question.name;
	hold->next = worker->probations;
	hold->prev = &worker->probations;
	if (hold->next)
		hold->next->prev = &hold->next;
	worker->probations = hold;
	return true;
}

void hf_probations_end(struct hf_worker *worker)
{
	while (worker->probations)
		hf_hold_free(worker->probations);
}
