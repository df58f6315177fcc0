/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/stale.h"

#include "base/check.h"
#include "engine/sweep.h"

/* A failure counts as one in a row, and stale answers need no new proof, for so
 * long after its time: twice the longest rest of an upstream. */
#define LATELY 60

static uint32_t seconds(hf_us duration)
{
	return (uint32_t)(duration / HF_SECOND);
}

bool hf_remarked(const struct hf_worker *worker, const struct hf_cache_key *key, hf_us now)
{
	return hf_cache_remarked(worker->team->cache, key, now - LATELY * HF_SECOND);
}

/* ---- failures ---- */

/* A failure from before an upstream came back, or a reload changed what is believed, says
 * nothing any more. */
static bool over(struct hf_worker *worker, const struct hf_cache_key *key,
	const struct hf_cached *failure)
{
	return hf_sweep_outdates(worker, key, failure->stored) ||
	       hf_upstreams_recovered(worker->team->upstreams, worker->plan,
		       hf_route_find(worker->plan->routes, key->name), failure->stored);
}

enum hf_trouble hf_trouble(struct hf_worker *worker, const struct hf_cache_key *key, hf_us now,
	struct hf_cached *copy)
{
	struct hf_cache_key failed = hf_cache_failure_key(key);
	switch (hf_cache_lookup(worker->team->cache, &failed, now, copy)) {
	case HF_CACHE_FRESH: return over(worker, key, copy) ? HF_TROUBLE_NONE : HF_TROUBLE_NOW;
	case HF_CACHE_EXPIRED:
		if (over(worker, key, copy))
			return HF_TROUBLE_NONE;
		return copy->age < copy->kept.ttl + LATELY ? HF_TROUBLE_LATE : HF_TROUBLE_NONE;
	case HF_CACHE_MISS: break;
	}
	return HF_TROUBLE_NONE;
}

/* Twice the last time if that was lately, less up to a quarter by chance: those
 * who failed together shall not come back together. */
static uint32_t next_time(struct hf_worker *worker, const struct hf_cache_key *failed, hf_us now,
	uint32_t dice)
{
	const struct hf_cache_conf *conf = worker->plan->cache;
	uint8_t wire[HF_HEADER_LEN + HF_NAME_MAX + 4];
	struct hf_cached last = { .kept = { .wire = wire }, .wire_cap = sizeof wire };
	uint32_t ttl = seconds(conf->failure), most = seconds(conf->failure_max);
	if (hf_cache_lookup(worker->team->cache, failed, now, &last) != HF_CACHE_MISS &&
		last.age < last.kept.ttl + LATELY && !over(worker, failed, &last))
		ttl = last.kept.ttl * 2 + 1; /* + 1: jitter must not hold it at 1 */
	if (ttl > most)
		ttl = most;
	return ttl - (uint32_t)((uint64_t)(ttl / 4 + 1) * dice >> 32);
}

uint32_t hf_trouble_remember(struct hf_worker *worker, const struct hf_cache_key *key, hf_us now,
	uint32_t dice)
{
	uint8_t wire[HF_HEADER_LEN + HF_NAME_MAX + 4] = { 0 };
	uint16_t len = (uint16_t)(HF_HEADER_LEN + key->name->len + 4);
	struct hf_cache_key failed = hf_cache_failure_key(key);
	uint32_t ttl = next_time(worker, &failed, now, dice);
	memcpy(wire + HF_HEADER_LEN, key->name->bytes, key->name->len);
	hf_put_u16(wire + len - 4, key->type);
	hf_put_u16(wire + len - 2, key->class);
	const struct hf_kept kept = { .wire = wire, .len = len, .answer_end = len,
		.authority_end = len, .ttl = ttl ? ttl : 1 };
	hf_cache_store(worker->team->cache, &failed, now, &kept);
	return kept.ttl;
}

void hf_trouble_forget(struct hf_worker *worker, const struct hf_cache_key *key, hf_us now)
{
	if (!hf_remarked(worker, key, now))
		return;
	struct hf_cache_key failed = hf_cache_failure_key(key);
	hf_cache_remove(worker->team->cache, &failed, 0);
}

/* ---- old answers ---- */

static bool young_enough(const struct hf_worker *worker, enum hf_cache_result found,
	const struct hf_cached *copy)
{
	uint32_t most = seconds(worker->plan->cache->stale);
	if (found != HF_CACHE_MISS && !hf_sweep_fits(worker, copy))
		return false;
	return found == HF_CACHE_FRESH ||
	       (found == HF_CACHE_EXPIRED && most && copy->age - copy->kept.ttl < most);
}

bool hf_stale_find(struct hf_worker *worker, const struct hf_cache_key *key, hf_us now,
	struct hf_cached *copy, struct hf_answer *ret)
{
	struct hf_cache *cache = worker->team->cache;
	struct hf_cache_key name = hf_cache_name_key(key);
	enum hf_cache_result denied = hf_cache_lookup(cache, &name, now, copy);
	hf_us denied_at = young_enough(worker, denied, copy) ? copy->stored : INT64_MIN;
	enum hf_cache_result found = hf_cache_lookup(cache, key, now, copy);
	bool old = young_enough(worker, found, copy);
	/* The later of the two is what the upstreams last said. */
	if (denied_at != INT64_MIN && (!old || denied_at > copy->stored)) {
		found = hf_cache_lookup(cache, &name, now, copy);
		old = young_enough(worker, found, copy);
	}
	if (!old)
		return false;
	/* What another question brought to light meanwhile, such as that there is no
	 * such name, is as fresh as can be. */
	if (found == HF_CACHE_FRESH) {
		*ret = (struct hf_answer){ .kept = &copy->kept, .age = copy->age, .ede = HF_EDE_NONE };
		return true;
	}
	bool nxdomain = copy->rcode == HF_RCODE_NXDOMAIN;
	*ret = (struct hf_answer){
		.kept = &copy->kept,
		.age = UINT32_MAX,
		.ttl_floor = seconds(worker->plan->cache->stale_ttl),
		.ede = nxdomain ? HF_EDE_STALE_NXDOMAIN : HF_EDE_STALE,
		.ede_text = "no upstream gives a new answer",
	};
	return true;
}
