/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/warm.h"

#include "base/check.h"
#include "engine/flight.h"

/* Of the time that an answer is good for. */
#define NEAR_END 10

/* Hits since it was fetched that make an answer popular; the cache counts to 3. */
#define POPULAR 2

/* Names of keep-warm that are looked at in one second. */
#define TICK_MOST 10000

bool hf_warm_near_end(const struct hf_cache_key *key, const struct hf_cached *copy, hf_us now)
{
	hf_us life = (hf_us)copy->kept.ttl * HF_SECOND, left = copy->stored + life - now;
	if (left * NEAR_END > life)
		return false;
	hf_us span = life / NEAR_END;
	/* Between a half and all of that tenth, as the name's keyed hash has it. */
	return left <= span / 2 + (hf_us)(span / 2 * (hf_us)(key->hash & 0xff) / 0xff);
}

static bool asked_lately(struct hf_worker *worker, const struct hf_cache_key *key, hf_us now)
{
	struct hf_recent *recent = &worker->recent[key->hash % HF_WARM_RECENT];
	bool lately = recent->hash == key->hash && now - recent->at < HF_SECOND && now >= recent->at;
	if (!lately)
		*recent = (struct hf_recent){ key->hash, now };
	return lately;
}

inline bool hf_warm_due(struct hf_worker *worker, const struct hf_cache_key *key,
	const struct hf_cached *copy, hf_us now)
{
	/* It is fresh. By whole seconds, which are at hand, nearly all are not near their end. */
	uint64_t left = copy->kept.ttl - copy->age - 1;
	return left * NEAR_END <= copy->kept.ttl && worker->plan->cache->prefetch &&
	       copy->hits >= POPULAR && hf_warm_near_end(key, copy, now) &&
	       !asked_lately(worker, key, now);
}

static void keep_warm(struct hf_worker *worker, const struct hf_question *question, hf_us now)
{
	struct hf_cache_key key = hf_plan_key(worker->plan, worker->team->cache, question, 0);
	struct hf_cache_key name = hf_cache_name_key(&key);
	struct hf_cached *copy = hf_scratch(worker);
	if (hf_cache_shard(worker->team->cache, &key) != worker->index)
		return;
	bool there = hf_cache_lookup(worker->team->cache, &key, now, copy) == HF_CACHE_FRESH ||
		     hf_cache_lookup(worker->team->cache, &name, now, copy) == HF_CACHE_FRESH;
	if (!there || hf_warm_near_end(&key, copy, now))
		hf_flight_join(worker, &key, NULL, now);
}

void hf_warm_tick(struct hf_worker *worker, hf_us now)
{
	const struct hf_plan *plan = worker->plan;
	size_t most = plan->warm_count < TICK_MOST ? plan->warm_count : TICK_MOST;
	for (size_t i = 0; i < most; i++) {
		worker->warm_next = (worker->warm_next + 1) % plan->warm_count;
		keep_warm(worker, &plan->warm[worker->warm_next], now);
	}
}
