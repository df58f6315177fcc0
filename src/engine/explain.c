/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/explain.h"

#include "base/check.h"
#include "base/error.h"
#include "engine/stale.h"
#include "engine/telling.h"
#include "engine/truth.h"
#include "engine/worker.h"
#include "forward/query.h"
#include "zone/rules.h"
#include "zone/zones.h"

static uint32_t seconds(hf_us duration)
{
	return (uint32_t)(duration / HF_SECOND);
}

void hf_story_free(struct hf_story *story)
{
	if (!story)
		return;
	hf_examined_free(story->examined);
	hf_plan_unref(story->plan);
	free(story->lately);
	free(story->upstreams);
	free(story);
}

/* ---- upstreams ---- */

static bool in_use(const struct hf_candidate *c)
{
	return c->state->health.state == HF_HEALTH_CLOSED &&
	       c->path->health.state == HF_HEALTH_CLOSED;
}

static void describe(
	const struct hf_candidate *c, uint64_t barred, hf_us now, struct hf_story_upstream *ret)
{
	const struct hf_health *worse =
		c->state->health.state != HF_HEALTH_CLOSED ? &c->state->health : &c->path->health;
	uint32_t found = (uint32_t)hf_cap_found(&c->state->cap);
	*ret = (struct hf_story_upstream){.conf = c->conf,
		.state = c->state->health.state,
		.path_state = c->path->health.state,
		.cause = worse->cause,
		.rest = in_use(c) || worse->until <= now ? 0 : worse->until - now,
		.rtt = c->path->rtt.srtt,
		.figures = hf_candidate_figures(c),
		.timeout = hf_rtt_timeout(&c->path->rtt, hf_candidate_figures(c)),
		.limit = c->conf->budget,
		.cap = found,
		.in_flight = c->state->in_flight,
		.size_limit = c->state->size.limit,
		.lame = hf_lame_rests(&c->path->lame, now) ? c->path->lame.until - now : 0,
		.barred = barred & 1};
}

static int choose(const struct hf_worker *worker, const struct hf_story *s,
	const struct hf_candidate *candidates, uint64_t barred, hf_us now)
{
	static const uint8_t tries[HF_SELECT_MOST];
	const struct hf_selection selection = {.candidates = candidates,
		.count = s->route->upstream_count,
		.tries = tries,
		.barred = barred,
		.by_rtt = s->route->order == HF_ORDER_FASTEST,
		.strict = s->route->order == HF_ORDER_STRICT,
		.first = true,
		.cost = HF_COST_UDP,
		.outgoing = &worker->team->upstreams->outgoing,
		.outgoing_conf = &s->plan->forward->outgoing,
		.now = now};
	return hf_select(&selection);
}

static void look_at_upstreams(struct hf_worker *worker, struct hf_story *s, hf_us now)
{
	struct hf_upstreams *all = worker->team->upstreams;
	struct hf_telling telling;
	uint64_t barred =
		hf_truth_barred(worker, s->plan, s->route, s->expected, &s->question.name, now);
	hf_upstreams_lock(all);
	hf_telling_look(&telling, worker, s->plan, s->route, now);
	const struct hf_candidate *candidates = telling.candidates->of;
	for (unsigned i = 0; i < s->route->upstream_count; i++)
		describe(&candidates[i], barred >> i, now, &s->upstreams[i]);
	s->first = choose(worker, s, candidates, barred, now);
	hf_upstreams_unlock(all);
}

/* ---- the cache ---- */

static bool look(struct hf_worker *worker, const struct hf_cache_key *key, hf_us now,
	struct hf_cached *copy, enum hf_cache_result *ret)
{
	*ret = hf_cache_lookup(worker->team->cache, key, now, copy);
	return *ret != HF_CACHE_MISS;
}

static void note(struct hf_story *s, enum hf_story_cache what, const struct hf_cached *copy)
{
	struct hf_message_view view;
	struct hf_story_cached *c = &s->cached;
	c->what = what;
	c->age = copy->age;
	c->ttl = copy->kept.ttl;
	/* What is kept has been read before; its header lacks only what is a client's. */
	if (hf_message_read(copy->kept.wire, copy->kept.len, &view) == 0)
		hf_testimony_read(&s->question, copy->kept.wire, &view, &c->said);
	c->said.rcode = copy->rcode;
}

/* The denial of a name above, the closest first. */
static bool look_above(struct hf_worker *worker, struct hf_story *s, const struct hf_cache_key *key,
	hf_us now, struct hf_cached *copy)
{
	struct hf_question above = {.class = s->question.class};
	const uint8_t *name = s->question.name.bytes;
	size_t len = s->question.name.len;
	enum hf_cache_result found;
	while (s->plan->cache->nxdomain_cut && len > 1 && len > s->route->zone.len) {
		len -= 1 + (size_t)name[0];
		name = hf_name_parent(name);
		memcpy(above.name.bytes, name, len);
		above.name.len = (uint8_t)len;
		struct hf_cache_key up =
			hf_cache_key(worker->team->cache, key->realm, &above, HF_CACHE_NAME);
		if (look(worker, &up, now, copy, &found) && found == HF_CACHE_FRESH) {
			s->cached.about = above.name;
			return true;
		}
	}
	return false;
}

static void look_for_failure(struct hf_worker *worker, struct hf_story *s,
	const struct hf_cache_key *key, hf_us now, struct hf_cached *copy)
{
	enum hf_trouble trouble = hf_trouble(worker, key, now, copy);
	s->cached.failed = trouble != HF_TROUBLE_NONE;
	if (trouble == HF_TROUBLE_NOW && copy->kept.ttl > copy->age)
		s->cached.failed_for = copy->kept.ttl - copy->age;
}

static void look_at_cache(struct hf_worker *worker, struct hf_story *s, hf_us now)
{
	struct hf_cache_key key = hf_worker_key(worker, &s->question, 0);
	struct hf_cache_key name = hf_cache_name_key(&key);
	struct hf_cached *copy = hf_scratch(worker);
	enum hf_cache_result found;
	if (look(worker, &key, now, copy, &found) && found == HF_CACHE_FRESH) {
		note(s, HF_STORY_FRESH, copy);
	} else if (found == HF_CACHE_EXPIRED) {
		bool stale = s->plan->cache->stale &&
			     copy->age - copy->kept.ttl < seconds(s->plan->cache->stale);
		note(s, stale ? HF_STORY_STALE : HF_STORY_OLD, copy);
	}
	if (s->cached.what != HF_STORY_FRESH &&
		look(worker, &name, now, hf_scratch(worker), &found) && found == HF_CACHE_FRESH)
		note(s, HF_STORY_NO_NAME, copy);
	else if (s->cached.what != HF_STORY_FRESH &&
		 look_above(worker, s, &key, now, hf_scratch(worker)))
		note(s, HF_STORY_NO_ABOVE, copy);
	look_for_failure(worker, s, &key, now, hf_scratch(worker));
}

/* ---- what is answered without us ---- */

static void ask_zone(const struct hf_zones_entry *entry, struct hf_story *s, struct hf_kept *kept)
{
	const struct hf_zone_ask ask = {.question = &s->question};
	struct hf_message_view view;
	s->own.said = hf_zone_answer(entry->zone, &ask, kept, &s->own.target);
	if (hf_message_read(kept->wire, kept->len, &view) == 0)
		hf_testimony_read(&s->question, kept->wire, &view, &s->own.answer);
}

static void look_at_zones(
	struct hf_worker *worker, const struct hf_zones *zones, struct hf_story *s)
{
	const struct hf_zones_entry *entry =
		hf_zones_find(zones, &s->question.name, s->question.type);
	struct hf_story_own *own = &s->own;
	if (!entry)
		return;
	own->any = true;
	own->closed = entry->role == HF_ZONES_CATALOG;
	own->standing = entry->standing;
	memcpy(own->why, entry->why, sizeof own->why);
	if (!entry->local) {
		s->zone = entry->origin;
		own->has_serial = entry->zone;
		own->serial = entry->zone ? hf_zone_soa(entry->zone)->serial : 0;
	}
	if (!own->closed && entry->zone && own->standing <= HF_ZONE_MARKED)
		ask_zone(entry, s, &hf_scratch(worker)->kept);
	hf_zones_local_where(zones, &s->question.name, s->local, sizeof s->local);
}

bool hf_story_is_upstreams(const struct hf_story *story)
{
	const struct hf_story_own *own = &story->own;
	if (!own->any) /* without a server the zones of the configuration are all that is known */
		return !hf_zone_rules_over(story->plan->zones, &story->question.name);
	return (own->standing <= HF_ZONE_MARKED && !own->closed && own->said == HF_ZONE_REFERRED);
}

static void look_at_diary(
	const struct hf_worker *worker, const struct hf_cache_key *key, struct hf_story *s)
{
	s->lately_count = hf_diary_last(worker->diary, key->name->bytes, key->name->len,
		(uint32_t)key->name_hash, key->type, s->lately, HF_STORY_LATELY);
}

int hf_story_look(struct hf_worker *worker, const struct hf_question *question, hf_us now,
	struct hf_story **ret)
{
	struct hf_story *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->question = *question;
	s->plan = hf_plan_ref(worker->plan);
	s->route = hf_route_find(s->plan->routes, &question->name);
	s->expected = hf_expect_find(s->plan->expected, &question->name);
	if (worker->zones)
		look_at_zones(worker, worker->zones, s);
	s->worker = worker->index;
	s->first = -1;
	s->looked = now;
	s->upstreams = calloc(s->route ? s->route->upstream_count : 1, sizeof *s->upstreams);
	s->lately = calloc(HF_STORY_LATELY, sizeof *s->lately);
	if (!s->upstreams || !s->lately) {
		hf_story_free(s);
		return -ENOMEM;
	}
	const struct hf_cache_key key = hf_worker_key(worker, &s->question, 0);
	look_at_diary(worker, &key, s);
	if (s->route) {
		look_at_upstreams(worker, s, now);
		look_at_cache(worker, s, now);
	}
	*ret = s;
	return 0;
}
