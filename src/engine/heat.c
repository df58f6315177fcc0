/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/heat.h"

#include "base/check.h"
#include "wire/aliases.h"
#include "zone/rules.h"
#include "zone/zones.h"

/* Hits before this one that make an answer hot: it is the third. The cache counts to 3. */
#define HOT 2

/* For so long a worker says nothing more of an answer that it has spoken of. */
#define AGAIN (100 * HF_MS)

/* Answers of others that a worker speaks of in that time: ten thousand a second fill any
 * table soon enough, and are lost among the questions of a busy server. */
#define TOLD_MOST 1000

struct hot_message {
	struct hf_message message;
	struct hf_question question;
	uint8_t flags;
};

/* By the plan, and by the zones that are there now. */
static bool is_in_zone(void *ctx, const struct hf_name *name)
{
	const struct hf_worker *worker = ctx;
	if (hf_zone_rules_cover(worker->plan->zones, name))
		return true;
	const struct hf_zones_entry *entry =
		worker->zones ? hf_zones_find(worker->zones, name, 0) : NULL;
	return entry && !entry->local;
}

/* What lies in a zone of ours is answered from that, and not from what the cache held before
 * the zone was there. As this goes by the plan under whose number it is published, no word
 * that comes late can bring it back. Local data, and zones that no configuration names, change
 * without a plan: hf_heat_zones. */
static void publish(struct hf_worker *worker, const struct hf_cache_key *key,
	const struct hf_cached *copy, hf_us now)
{
	if (hf_zone_rules_cover(worker->plan->zones, key->name) ||
		(worker->zones && hf_zones_find(worker->zones, key->name, 0)))
		return;
	if (hf_aliases_lead(&copy->kept, is_in_zone, worker))
		return; /* the sockets go on in the zone (serve/authority_reply.h) */
	worker->hot->publish(worker->hot_ctx, key, copy, worker->plan->number, now);
}

/* Word of a hot answer of ours. What the other saw may have been replaced since. */
static void hot_arrived(void *owner, struct hf_message *message)
{
	struct hot_message *m = (struct hot_message *)message;
	struct hf_worker *worker = owner;
	/* Without a door: somebody else was told of it a moment before us. */
	if (worker && worker->hot && !worker->sweep.doubts) {
		hf_us now = hf_loop_now(worker->loop);
		struct hf_cache *cache = worker->team->cache;
		struct hf_cache_key key = hf_plan_key(worker->plan, cache, &m->question, m->flags);
		struct hf_cache_key name = hf_cache_name_key(&key);
		struct hf_cached *copy = hf_scratch(worker);
		if (hf_cache_lookup(cache, &key, now, copy) == HF_CACHE_FRESH ||
			hf_cache_lookup(cache, &name, now, copy) == HF_CACHE_FRESH)
			publish(worker, &key, copy, now);
	}
	free(m);
}

static void tell(struct hf_worker *owner, const struct hf_cache_key *key)
{
	struct hot_message *m = malloc(sizeof *m);
	bool wake = false;
	if (!m)
		return;
	m->message.arrive = hot_arrived;
	m->question =
		(struct hf_question){.name = *key->name, .type = key->type, .class = key->class};
	m->flags = key->flags;
	if (!hf_mailbox_push(&owner->mailbox, &m->message, false, &wake)) {
		free(m);
		return;
	}
	if (wake)
		hf_loop_wake(owner->loop);
}

static bool spoken_of(struct hf_worker *worker, uint64_t hash, hf_us now)
{
	struct hf_recent *recent = &worker->heat.recent[hash % HF_WARM_RECENT];
	bool lately = recent->hash == hash && now - recent->at < AGAIN && now >= recent->at;
	if (!lately)
		*recent = (struct hf_recent){hash, now};
	return lately;
}

static bool may_tell(struct hf_worker *worker, hf_us now)
{
	if (now - worker->heat.since >= AGAIN || now < worker->heat.since) {
		worker->heat.since = now;
		worker->heat.told = 0;
	}
	return worker->heat.told++ < TOLD_MOST;
}

void hf_heat_note(struct hf_worker *worker, const struct hf_cache_key *key,
	const struct hf_cached *copy, hf_us now)
{
	unsigned shard = hf_cache_shard(worker->team->cache, key);
	if (copy->hits < HOT || spoken_of(worker, key->hash, now))
		return;
	if (shard == worker->index)
		publish(worker, key, copy, now);
	else if (may_tell(worker, now))
		tell(worker->team->workers[shard], key);
}

/* Where an alias leads is not known at the door: all of them go, and come back when they are
 * asked for again. */
static bool is_gone(const void *of, const struct hf_name *name, bool aliased)
{
	return aliased || hf_zones_find(of, name, 0) != NULL;
}

void hf_heat_zones(struct hf_worker *worker, const struct hf_zones *before)
{
	if (worker->hot && worker->zones && !hf_zones_same_names(before, worker->zones))
		worker->hot->sweep(worker->hot_ctx, is_gone, worker->zones);
}
