/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/diaries.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/plan.h"
#include "loop/loop_epoll.h"

/* While others look. */
#define NAP_US 500

struct part { /* one worker's */
	struct hf_gathering *of;
	struct hf_worker *worker;
	struct hf_decision *found; /* the worker's until `told` */
	size_t count;
	bool told; /* under the lock */
};

struct hf_gathering {
	struct hf_under_way_item item; /* first: hf_diaries_clear casts */
	struct hf_under_way *all;
	struct hf_diaries_wish wish;
	size_t outstanding; /* parts that are not told; under the lock */
	bool left;          /* nobody waits for it any more */
	size_t size;
	struct part parts[];
};

struct fit {
	const struct hf_worker *worker;
	const struct hf_diaries_wish *wish;
};

/* ---- in a worker's thread ---- */

static bool name_fits(const struct hf_name *wish, const struct hf_decision *d)
{
	if (!wish->len)
		return true;
	if (d->name_len <= HF_DECISION_NAME)
		return hf_name_within(d->name, d->name_len, wish->bytes, wish->len);
	return d->name_len == wish->len && memcmp(d->name, wish->bytes, HF_DECISION_NAME) == 0;
}

static bool route_fits(
	const struct hf_worker *worker, const struct hf_name *zone, const struct hf_decision *d)
{
	struct hf_name name = {.len = d->name_len};
	if (!zone->len || !worker)
		return true;
	if (d->name_len > HF_DECISION_NAME)
		return false;
	memcpy(name.bytes, d->name, d->name_len);
	const struct hf_route *route = hf_route_find(hf_worker_plan(worker)->routes, &name);
	return route && route->zone.len == zone->len &&
	       memcmp(route->zone.bytes, zone->bytes, zone->len) == 0;
}

bool hf_diaries_fits(const struct hf_worker *worker, const struct hf_diaries_wish *wish,
	const struct hf_decision *d)
{
	return (wish->slot == HF_DECISION_NOBODY || d->slot == wish->slot ||
		       d->other == wish->slot) &&
	       (!wish->client || d->client == wish->client) && name_fits(&wish->name, d) &&
	       route_fits(worker, &wish->route, d);
}

static bool fits(const void *ctx, const struct hf_decision *d)
{
	const struct fit *fit = ctx;
	return hf_diaries_fits(fit->worker, fit->wish, d);
}

static void gathering_free(struct hf_gathering *g)
{
	for (size_t i = 0; i < g->size; i++)
		free(g->parts[i].found);
	free(g);
}

static void end(struct hf_gathering *g)
{
	hf_under_way_leave(g->all, &g->item);
	gathering_free(g);
}

/* Whoever is the last with it, of those who look and the one who waits, frees it. */
static void told(struct hf_gathering *g, struct part *part)
{
	struct hf_under_way *all = g->all;
	pthread_mutex_lock(&all->lock);
	part->told = true;
	g->outstanding--;
	bool last = g->left && !g->outstanding;
	pthread_mutex_unlock(&all->lock);
	if (last)
		end(g);
}

static void look(void *arg, hf_us now)
{
	struct part *part = arg;
	const struct fit fit = {part->worker, &part->of->wish};
	(void)now;
	part->count = hf_diary_last_that(
		hf_worker_diary(part->worker), fits, &fit, part->found, part->of->wish.most);
	told(part->of, part);
}

/* ---- who asks ---- */

static struct hf_gathering *gathering_new(struct hf_under_way *all,
	struct hf_worker *const *workers, size_t count, const struct hf_diaries_wish *wish)
{
	struct hf_gathering *g = calloc(1, sizeof *g + count * sizeof g->parts[0]);
	bool whole = g;
	if (!g)
		return NULL;
	*g = (struct hf_gathering){.all = all, .wish = *wish, .outstanding = count, .size = count};
	for (size_t i = 0; i < count; i++) {
		g->parts[i] = (struct part){.of = g, .worker = workers[i]};
		g->parts[i].found = calloc(wish->most, sizeof *g->parts[i].found);
		whole &= g->parts[i].found != NULL;
	}
	if (whole)
		return g;
	gathering_free(g);
	return NULL;
}

static bool is_whole(struct hf_gathering *g)
{
	pthread_mutex_lock(&g->all->lock);
	bool whole = !g->outstanding;
	pthread_mutex_unlock(&g->all->lock);
	return whole;
}

/* So many will never look. */
static void forgive(struct hf_gathering *g, size_t lost)
{
	pthread_mutex_lock(&g->all->lock);
	g->outstanding -= lost;
	pthread_mutex_unlock(&g->all->lock);
}

static int by_time(const void *a, const void *b)
{
	const struct hf_recalled *one = a, *other = b;
	if (one->decision.at != other->decision.at)
		return one->decision.at < other->decision.at ? -1 : 1;
	if (one->worker != other->worker)
		return one->worker < other->worker ? -1 : 1;
	int32_t order = (int32_t)(one->decision.number - other->decision.number);
	return order < 0 ? -1 : order > 0;
}

/* Those of all who have told, under the lock. */
static int collect(const struct hf_gathering *g, struct hf_recollection *ret)
{
	size_t sum = 1;
	for (size_t i = 0; i < g->size; i++)
		sum += g->parts[i].told ? g->parts[i].count : 0;
	*ret = (struct hf_recollection){
		.items = calloc(sum, sizeof *ret->items), .workers = g->size};
	if (!ret->items)
		return -ENOMEM;
	for (size_t i = 0; i < g->size; i++)
		for (size_t k = 0; g->parts[i].told && k < g->parts[i].count; k++)
			ret->items[ret->count++] =
				(struct hf_recalled){g->parts[i].found[k], (uint16_t)i};
	return 0;
}

static void keep_last(struct hf_recollection *r, size_t most)
{
	qsort(r->items, r->count, sizeof *r->items, by_time);
	if (r->count <= most)
		return;
	memmove(r->items, r->items + r->count - most, most * sizeof *r->items);
	r->count = most;
}

int hf_diaries_read(struct hf_under_way *all, struct hf_worker *const *workers, size_t count,
	const struct hf_diaries_wish *wish, struct hf_recollection *ret)
{
	struct hf_gathering *g = gathering_new(all, workers, count, wish);
	if (!g)
		return -ENOMEM;
	if (!hf_under_way_join(all, &g->item, HF_DIARIES_UNDER_WAY)) {
		gathering_free(g);
		return HF_EBOUND;
	}
	const size_t most = wish->most;
	/* One that cannot be ordered to is one that has no time. */
	size_t lost = 0;
	for (size_t i = 0; i < count; i++)
		lost += hf_worker_order(workers[i], look, &g->parts[i]) != 0;
	forgive(g, lost);
	for (hf_us end = hf_clock_now() + HF_DIARIES_LONGEST; !is_whole(g) && hf_clock_now() < end;)
		usleep(NAP_US);
	pthread_mutex_lock(&all->lock);
	int rc = collect(g, ret);
	ret->silent = g->outstanding + lost;
	g->left = true;
	bool last = !g->outstanding;
	pthread_mutex_unlock(&all->lock);
	if (last)
		end(g);
	if (!rc)
		keep_last(ret, most);
	return rc;
}

void hf_diaries_clear(struct hf_under_way *all)
{
	while (all->first)
		end((struct hf_gathering *)all->first);
	hf_under_way_clear(all);
}
