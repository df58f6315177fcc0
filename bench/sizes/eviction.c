/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many questions a full cache answers: ours, the very code, against the rules
 * that others go by, simulated plainly with as many names as ours held, and against
 * the best that a fixed choice of names could do. Traces are made up: Zipf over ten
 * million names; the same with as many questions from a walk through names that are
 * asked once each (a storm of PTR), where only the first kind counts; and with the
 * popular names changing half way. Every policy sees the same questions.
 *
 *     growth_eviction [MILLIONS-OF-NAMES] [MILLIONS-OF-QUESTIONS]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "cache/cache.h"
#include "count.h"

#define NONE UINT32_MAX
#define SCAN (1u << 31) /* in a question: of the walk */

struct trace {
	uint32_t names;     /* that are popular */
	uint32_t ids;       /* all */
	uint32_t questions;
	uint32_t *at;
	double best;        /* share that the most popular names alone would answer */
	uint32_t counted;   /* from there on hits count */
};

/* ---- a policy with lists ---- */

enum list { OUT, SMALL, MAIN, GHOST_SMALL, GHOST_MAIN, LISTS };

struct node {
	uint32_t prev, next; /* towards the head, the tail */
	uint8_t list, hits;
};

struct lists {
	struct node *nodes;
	uint32_t head[LISTS], tail[LISTS], count[LISTS];
	uint32_t room, hand;
	double wanted; /* ARC: of what is in SMALL */
};

static void take_out(struct lists *l, uint32_t id)
{
	struct node *n = &l->nodes[id];
	if (l->hand == id)
		l->hand = n->prev;
	*(n->prev == NONE ? &l->head[n->list] : &l->nodes[n->prev].next) = n->next;
	*(n->next == NONE ? &l->tail[n->list] : &l->nodes[n->next].prev) = n->prev;
	l->count[n->list]--;
	n->list = OUT;
}

static void put_first(struct lists *l, uint32_t id, enum list list)
{
	struct node *n = &l->nodes[id];
	if (n->list != OUT)
		take_out(l, id);
	*n = (struct node){ NONE, l->head[list], (uint8_t)list, n->hits };
	*(n->next == NONE ? &l->tail[list] : &l->nodes[n->next].prev) = id;
	l->head[list] = id;
	l->count[list]++;
}

static void drop_last(struct lists *l, enum list list)
{
	take_out(l, l->tail[list]);
}

static bool fifo(struct lists *l, uint32_t id)
{
	if (l->nodes[id].list)
		return true;
	if (l->count[MAIN] == l->room)
		drop_last(l, MAIN);
	put_first(l, id, MAIN);
	return false;
}

static bool lru(struct lists *l, uint32_t id)
{
	bool hit = l->nodes[id].list != OUT;
	if (!hit && l->count[MAIN] == l->room)
		drop_last(l, MAIN);
	put_first(l, id, MAIN);
	return hit;
}

static bool clock_of(struct lists *l, uint32_t id)
{
	if (l->nodes[id].list) {
		l->nodes[id].hits = 1;
		return true;
	}
	while (l->count[MAIN] == l->room) {
		uint32_t last = l->tail[MAIN];
		if (l->nodes[last].hits)
			put_first(l, last, MAIN);
		else
			take_out(l, last);
		l->nodes[last].hits = 0;
	}
	put_first(l, id, MAIN);
	l->nodes[id].hits = 0;
	return false;
}

/* Zhang et al., "SIEVE is simpler than LRU", NSDI 2024. */
static bool sieve(struct lists *l, uint32_t id)
{
	if (l->nodes[id].list) {
		l->nodes[id].hits = 1;
		return true;
	}
	if (l->count[MAIN] == l->room) {
		uint32_t at = l->hand == NONE ? l->tail[MAIN] : l->hand;
		while (l->nodes[at].hits) {
			l->nodes[at].hits = 0;
			at = l->nodes[at].prev == NONE ? l->tail[MAIN] : l->nodes[at].prev;
		}
		l->hand = at;
		take_out(l, at); /* moves the hand on */
	}
	put_first(l, id, MAIN);
	l->nodes[id].hits = 0;
	return false;
}

static void s3_make_room(struct lists *l)
{
	while (l->count[SMALL] + l->count[MAIN] >= l->room) {
		enum list from = l->count[SMALL] >= l->room / 10 || !l->count[MAIN] ? SMALL : MAIN;
		uint32_t last = l->tail[from];
		uint8_t hits = l->nodes[last].hits;
		if (from == SMALL && hits > 1) {
			put_first(l, last, MAIN);
			l->nodes[last].hits = 0;
		} else if (from == SMALL) {
			if (l->count[GHOST_SMALL] == l->room - l->room / 10)
				drop_last(l, GHOST_SMALL);
			put_first(l, last, GHOST_SMALL);
		} else if (hits) {
			put_first(l, last, MAIN);
			l->nodes[last].hits = hits - 1;
		} else {
			take_out(l, last);
		}
	}
}

/* Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023. */
static bool s3_fifo(struct lists *l, uint32_t id)
{
	struct node *n = &l->nodes[id];
	if (n->list == SMALL || n->list == MAIN) {
		n->hits = (uint8_t)(n->hits + (n->hits < 3));
		return true;
	}
	enum list to = n->list == GHOST_SMALL ? MAIN : SMALL;
	if (n->list)
		take_out(l, id);
	s3_make_room(l);
	put_first(l, id, to);
	n->hits = 0;
	return false;
}

static void arc_replace(struct lists *l, bool ghost_main)
{
	bool small = l->count[SMALL] && (l->count[SMALL] > l->wanted ||
		(ghost_main && l->count[SMALL] >= l->wanted) || !l->count[MAIN]);
	enum list from = small ? SMALL : MAIN;
	uint32_t last = l->tail[from];
	put_first(l, last, small ? GHOST_SMALL : GHOST_MAIN);
}

static double at_least_one(uint32_t a, uint32_t b)
{
	return b && a / b > 1 ? (double)a / b : 1;
}

/* Megiddo and Modha, "ARC: a self-tuning, low overhead replacement cache", FAST 2003. */
static bool arc(struct lists *l, uint32_t id)
{
	enum list in = l->nodes[id].list;
	if (in == SMALL || in == MAIN) {
		put_first(l, id, MAIN);
		return true;
	}
	if (in) {
		uint32_t a = l->count[GHOST_SMALL], b = l->count[GHOST_MAIN];
		l->wanted += in == GHOST_SMALL ? at_least_one(b, a) : -at_least_one(a, b);
		l->wanted = l->wanted < 0 ? 0 : l->wanted > l->room ? l->room : l->wanted;
		arc_replace(l, in == GHOST_MAIN);
		put_first(l, id, MAIN);
		return false;
	}
	uint32_t first = l->count[SMALL] + l->count[GHOST_SMALL];
	uint32_t all = first + l->count[MAIN] + l->count[GHOST_MAIN];
	if (first == l->room && l->count[SMALL] == l->room) {
		drop_last(l, SMALL);
	} else if (first == l->room) {
		drop_last(l, GHOST_SMALL);
		arc_replace(l, false);
	} else if (all >= l->room) {
		if (all == 2 * l->room)
			drop_last(l, GHOST_MAIN);
		if (l->count[SMALL] + l->count[MAIN] >= l->room)
			arc_replace(l, false);
	}
	put_first(l, id, SMALL);
	return false;
}

static double play(const struct trace *t, uint32_t room, bool (*ask)(struct lists *, uint32_t))
{
	struct lists l = { .nodes = calloc(t->ids, sizeof(struct node)), .room = room, .hand = NONE };
	uint64_t hits = 0, all = 0;
	for (int i = 0; i < LISTS; i++)
		l.head[i] = l.tail[i] = NONE;
	for (uint32_t i = 0; i < t->questions; i++) {
		bool scan = t->at[i] & SCAN, hit = ask(&l, t->at[i] & ~SCAN);
		hits += !scan && i >= t->counted && hit;
		all += !scan && i >= t->counted;
	}
	free(l.nodes);
	return 100.0 * (double)hits / (double)all;
}

/* ---- ours ---- */

static void question_of(uint32_t id, struct hf_question *ret)
{
	uint8_t *b = ret->name.bytes;
	*ret = (struct hf_question){ .type = HF_TYPE_A, .class = HF_CLASS_IN };
	ret->name.len = 10;
	b[0] = 8;
	for (int i = 0; i < 8; i++)
		b[1 + i] = (uint8_t)('a' + (id >> 4 * i & 15));
	b[9] = 0;
}

/* An answer like any other: 64 octets of wire, and as its TTL is not at the usual place an
 * entry of 13 words. */
static void make(const struct hf_question *q, uint8_t wire[64], struct hf_kept *ret)
{
	static uint16_t ttl_at = 40;
	memset(wire, 0, 64);
	memcpy(wire + HF_HEADER_LEN, q->name.bytes, q->name.len);
	hf_put_u16(wire + HF_HEADER_LEN + q->name.len, q->type);
	hf_put_u16(wire + HF_HEADER_LEN + q->name.len + 2, q->class);
	*ret = (struct hf_kept){ .wire = wire, .len = 64, .answer_end = 64, .authority_end = 64,
		.ttl_at = &ttl_at, .ttl_count = 1, .ttl = 86400 };
}

static double play_ours(const struct trace *t, uint64_t size, uint64_t *ret_names)
{
	static const struct hf_hash_key hash_key = { 1, 2 };
	uint8_t wire[512];
	uint16_t ttl_at[16];
	uint64_t hits = 0, all = 0;
	struct hf_cache *cache;
	hf_require(!hf_cache_new(size, 1, &hash_key, &cache));
	for (uint32_t i = 0; i < t->questions; i++) {
		struct hf_question q;
		struct hf_kept kept;
		struct hf_cached copy = { .kept = { .wire = wire, .ttl_at = ttl_at },
			.wire_cap = sizeof wire, .ttl_cap = 16 };
		bool counts = !(t->at[i] & SCAN) && i >= t->counted;
		question_of(t->at[i] & ~SCAN, &q);
		struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
		all += counts;
		if (hf_cache_lookup(cache, &key, HF_SECOND, &copy) == HF_CACHE_FRESH) {
			hits += counts;
			continue;
		}
		make(&q, wire, &kept);
		hf_cache_store(cache, &key, HF_SECOND, &kept);
	}
	*ret_names = hf_cache_sums(cache).entries;
	hf_cache_free(cache);
	return 100.0 * (double)hits / (double)all;
}

/* The size at which the cache holds about so many of these names when it is full. */
static uint64_t size_for(uint64_t names)
{
	uint64_t a = names * 14 * 8 * 5 / 4, filled;
	struct trace fill = { .questions = (uint32_t)names * 3 / 2, .ids = (uint32_t)names * 3 / 2 };
	fill.at = malloc((size_t)fill.questions * sizeof *fill.at);
	for (uint32_t i = 0; i < fill.questions; i++)
		fill.at[i] = i;
	for (int i = 0; i < 3; i++) {
		play_ours(&fill, a, &filled);
		a = (uint64_t)((double)a * (double)names / (double)filled);
	}
	free(fill.at);
	return a;
}

/* ---- traces ---- */

static uint32_t zipf(const double *sums, uint32_t names, uint64_t *seed)
{
	double at = (double)(count_dice(seed) >> 11) / 9007199254740992.0 * sums[names - 1];
	uint32_t low = 0, high = names - 1;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (sums[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct trace make_trace(uint32_t names, uint32_t questions, double s, bool scan, bool shift)
{
	struct trace t = { .names = names, .questions = questions, .counted = questions / 4 };
	double *sums = malloc(names * sizeof *sums), sum = 0;
	uint64_t seed = 7;
	t.at = malloc((size_t)questions * sizeof *t.at);
	for (uint32_t i = 0; i < names; i++)
		sums[i] = sum += pow(i + 1, -s);
	for (uint32_t i = 0; i < questions; i++) {
		t.at[i] = zipf(sums, names, &seed);
		if (shift && i >= questions / 2)
			t.at[i] = (t.at[i] + names / 2) % names;
	}
	t.ids = names;
	/* From a third on every other question is of the walk. */
	for (uint32_t i = questions / 3; scan && i < questions && t.ids < names + 2000000; i += 2)
		t.at[i] = t.ids++ | SCAN;
	free(sums);
	return t;
}

/* What the most popular names alone would have answered, had they been there. */
static double best_fixed(const struct trace *t, uint32_t room)
{
	uint32_t *count = calloc(t->ids, sizeof *count), *of = calloc(1 << 20, sizeof *of);
	uint64_t all = 0, hits = 0, left = room;
	for (uint32_t i = t->counted; i < t->questions; i++)
		if (!(t->at[i] & SCAN)) {
			count[t->at[i]]++;
			all++;
		}
	for (uint32_t i = 0; i < t->ids; i++)
		of[count[i] < (1 << 20) ? count[i] : (1 << 20) - 1]++;
	for (uint32_t n = (1 << 20) - 1; n && left; n--) {
		uint64_t taken = of[n] < left ? of[n] : left;
		hits += taken * n;
		left -= taken;
	}
	free(count);
	free(of);
	return 100.0 * (double)hits / (double)all;
}

static void measure(const char *what, const struct trace *t, uint64_t size)
{
	static bool (*const policies[])(struct lists *, uint32_t) = { fifo, lru, clock_of, sieve,
		s3_fifo, arc };
	uint64_t names;
	double ours = play_ours(t, size, &names);
	uint32_t room = (uint32_t)names;
	printf("%-22s %5.2f %% %7.2f", what, 100.0 * (double)names / t->names, ours);
	for (size_t i = 0; i < HF_COUNT_OF(policies); i++)
		printf(" %7.2f", play(t, room, policies[i]));
	printf(" %7.2f\n", best_fixed(t, room));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	uint32_t names = (argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 10) * 1000000;
	uint32_t questions = (argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 20) * 1000000;
	const uint32_t rooms[] = { names / 100, names / 10 };
	const uint64_t sizes[] = { size_for(rooms[0]), size_for(rooms[1]) };
	printf("%-22s %7s %7s %7s %7s %7s %7s %7s %7s %7s\n", "questions", "cache", "ours", "FIFO",
		"LRU", "CLOCK", "SIEVE", "S3-FIFO", "ARC", "fixed");
	for (int s = 8; s <= 10; s++)
		for (int kind = 0; kind < 3; kind++) {
			static const char *const kinds[] = { "", ", with a scan", ", with a shift" };
			char what[40];
			struct trace t = make_trace(names, questions, s / 10.0, kind == 1, kind == 2);
			snprintf(what, sizeof what, "Zipf %.1f%s", s / 10.0, kinds[kind]);
			for (int i = 0; i < 2; i++)
				measure(what, &t, sizes[i]);
			free(t.at);
		}
	return 0;
}
