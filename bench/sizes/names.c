/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a lookup costs with 10 thousand to 10 million names in the cache, asked in
 * random order one by one and in batches that are expected first, and what memory
 * a name takes. Beside it stands what a bare table costs (bare.h), and what making the
 * keys does, which both pay. They take turns, a fortieth of a second each, and the
 * median of their turns is printed: what disturbs one disturbs the others.
 * The cache counts the first three hits of a name, and each name has had them before; with
 * `uncounted` it has not, and with more names than questions nearly each hit is counted.
 *
 * With `profiled`, and only under valgrind's callgrind, there is a profile for each kind
 * and number of names instead (bench/growth adds them up): it counts misses where the
 * processor's own counters cannot be read.
 *
 *     growth_names [SIZE-IN-MIB] [small-pages] [uncounted] [profiled] [most=NAMES] [turns=N]
 *         [only=KIND]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "bare.h"
#include "base/check.h"
#include "cache/cache.h"
#include "count.h"

#define BATCH 32
#define QUESTIONS 256 /* made at once, before the clock starts */
#define A_TURN 80     /* so many times QUESTIONS */
#define TURNS 101
#define WARM_TURNS 16 /* before a profile: some 300,000 lookups fill 32 MiB */
#define TTL 86400
#define NOW (1000 * HF_SECOND)

struct names {
	struct hf_cache *cache;
	uint8_t wire[HF_MESSAGE_MAX];
	uint16_t ttl_at[HF_RECORDS_MAX];
	struct bare bare;
	uint64_t copy[BARE_WORDS];
	struct hf_question questions[QUESTIONS];
	uint64_t seed;
	long empty_kib;
	uint64_t asked, found; /* of the cache */
	uint64_t sum;          /* so that no work can be left out */
};

/* "n0001234567.example.com.": 24 octets, as many as names in traces have on average. */
static void name_of(uint64_t number, struct hf_question *ret)
{
	static const char shape[] = "\13n0000000000\7example\3com";
	uint8_t *digit = ret->name.bytes + 11;
	memcpy(ret->name.bytes, shape, sizeof shape);
	ret->name.len = sizeof shape;
	for (; number; number /= 10)
		*digit-- = (uint8_t)(0x30 + number % 10);
	ret->type = HF_TYPE_A;
	ret->class = HF_CLASS_IN;
}

/* One A record, its name compressed. */
static void store(struct names *n, uint64_t number)
{
	static const uint8_t record[] = {
		0xc0, 12, 0, 1, 0, 1, 0, 1, 0x51, 0x80, 0, 4, 192, 0, 2, 1};
	uint8_t wire[HF_HEADER_LEN + HF_NAME_MAX + 4 + sizeof record] = {
		[2] = 0x81, [3] = 0x80, [5] = 1, [7] = 1};
	struct hf_question q = {0};
	name_of(number, &q);
	size_t at = HF_HEADER_LEN;
	memcpy(wire + at, q.name.bytes, q.name.len);
	at += q.name.len;
	memcpy(wire + at, (uint8_t[]){0, 1, 0, 1}, 4);
	at += 4;
	uint16_t ttl_at = (uint16_t)(at + 6), len = (uint16_t)(at + sizeof record);
	memcpy(wire + at, record, sizeof record);
	const struct hf_kept kept = {.wire = wire,
		.len = len,
		.answer_end = len,
		.authority_end = len,
		.ttl_at = &ttl_at,
		.ttl_count = 1,
		.ttl = TTL};
	struct hf_cache_key key = hf_cache_key(n->cache, 0, &q, 0);
	hf_require(!hf_cache_store(n->cache, &key, NOW, &kept));
}

static void look_up(struct names *n, const struct hf_cache_key *key)
{
	struct hf_cached copy = {.kept = {.wire = n->wire, .ttl_at = n->ttl_at},
		.wire_cap = sizeof n->wire,
		.ttl_cap = HF_RECORDS_MAX};
	n->found += hf_cache_lookup(n->cache, key, NOW + HF_SECOND, &copy) == HF_CACHE_FRESH;
	n->asked++;
}

/* ---- a batch of each kind ---- */

static void make_keys(struct names *n, const struct hf_question *questions)
{
	struct hf_cache_key keys[BATCH];
	for (unsigned k = 0; k < BATCH; k++)
		keys[k] = hf_cache_key(n->cache, 0, &questions[k], 0);
	for (unsigned k = 0; k < BATCH; k++)
		n->sum += keys[k].hash;
}

static void ask_cache(struct names *n, const struct hf_question *questions)
{
	for (unsigned k = 0; k < BATCH; k++) {
		struct hf_cache_key key = hf_cache_key(n->cache, 0, &questions[k], 0);
		look_up(n, &key);
	}
}

static void ask_cache_ahead(struct names *n, const struct hf_question *questions)
{
	struct hf_cache_key keys[BATCH], *all[BATCH];
	for (unsigned k = 0; k < BATCH; k++) {
		all[k] = &keys[k];
		hf_cache_key_at(n->cache, 0, &questions[k], 0, &keys[k]);
	}
	hf_cache_look_ahead(n->cache, all, BATCH);
	for (unsigned k = 0; k < BATCH; k++)
		look_up(n, &keys[k]);
}

static void take_bare(struct names *n, const uint64_t *record)
{
	memcpy(n->copy, record, sizeof n->copy);
	n->sum += n->copy[0];
	n->sum += n->copy[BARE_WORDS - 1];
}

static void ask_bare(struct names *n, const struct hf_question *questions)
{
	for (unsigned k = 0; k < BATCH; k++) {
		struct hf_cache_key key = hf_cache_key(n->cache, 0, &questions[k], 0);
		take_bare(n, bare_record(&n->bare, bare_slot(&n->bare, key.hash)));
	}
}

static void ask_bare_ahead(struct names *n, const struct hf_question *questions)
{
	const uint64_t *at[BATCH];
	for (unsigned k = 0; k < BATCH; k++)
		at[k] = bare_slot(&n->bare, hf_cache_key(n->cache, 0, &questions[k], 0).hash);
	for (unsigned k = 0; k < BATCH; k++)
		__builtin_prefetch(at[k]);
	for (unsigned k = 0; k < BATCH; k++)
		at[k] = bare_record(&n->bare, at[k]);
	for (unsigned k = 0; k < BATCH; k++) {
		__builtin_prefetch(at[k]);
		__builtin_prefetch(at[k] + 8);
		__builtin_prefetch(at[k] + BARE_WORDS - 1);
	}
	for (unsigned k = 0; k < BATCH; k++)
		take_bare(n, at[k]);
}

/* Lines at random places of memory as large as all entries, alone or each with its
 * neighbour: what the machine takes for them if those of a batch are on their way at once. */
static void read_lines(struct names *n, bool neighbours)
{
	const uint64_t *at[BATCH], *beside[BATCH];
	for (unsigned k = 0; k < BATCH; k++) {
		uint64_t line = bare_some_line(&n->bare, count_dice(&n->seed));
		at[k] = bare_line(&n->bare, line);
		beside[k] = bare_line(&n->bare, neighbours ? line ^ 1 : line);
	}
	for (unsigned k = 0; k < BATCH; k++)
		__builtin_prefetch(at[k]);
	for (unsigned k = 0; k < BATCH && neighbours; k++)
		__builtin_prefetch(beside[k]);
	for (unsigned k = 0; k < BATCH; k++)
		n->sum += *at[k];
	for (unsigned k = 0; k < BATCH && neighbours; k++)
		n->sum += *beside[k];
}

static void ask_line(struct names *n, const struct hf_question *questions)
{
	(void)questions;
	read_lines(n, false);
}

static void ask_two_lines(struct names *n, const struct hf_question *questions)
{
	(void)questions;
	read_lines(n, true);
}

enum { KEYS, AHEAD, BARE_AHEAD, ALONE, BARE_ALONE, LINE, TWO_LINES, KINDS };
static const struct {
	const char *word;
	void (*batch)(struct names *n, const struct hf_question *questions);
} kinds[KINDS] = {
	[KEYS] = {"keys", make_keys},
	[AHEAD] = {"batches", ask_cache_ahead},
	[BARE_AHEAD] = {"bare-batches", ask_bare_ahead},
	[ALONE] = {"one-by-one", ask_cache},
	[BARE_ALONE] = {"bare-one-by-one", ask_bare},
	[LINE] = {"line", ask_line},
	[TWO_LINES] = {"two-lines", ask_two_lines},
};

/* ---- turns ---- */

/* Nanoseconds for a lookup, and what can be counted of all. Questions are made before the
 * clock starts. */
static double take_turn(struct names *n, int kind, uint64_t names, struct count *sum)
{
	double ns = 0;
	for (unsigned part = 0; part < A_TURN; part++) {
		for (unsigned i = 0; i < QUESTIONS; i++)
			name_of(count_dice(&n->seed) % names, &n->questions[i]);
		count_begin();
		for (unsigned i = 0; i < QUESTIONS; i += BATCH)
			kinds[kind].batch(n, &n->questions[i]);
		struct count c = count_end();
		ns += c.ns;
		sum->instructions += c.instructions;
		sum->cache_misses += c.cache_misses;
		sum->tlb_misses += c.tlb_misses;
	}
	return ns / (A_TURN * QUESTIONS);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

struct result {
	double ns[TURNS]; /* in the end by their size */
	struct count sum;
};

static void take_turns(
	struct names *n, uint64_t names, unsigned turns, int only, struct result results[KINDS])
{
	memset(results, 0, KINDS * sizeof *results);
	for (unsigned t = 0; t < turns; t++)
		for (int kind = 0; kind < KINDS; kind++)
			if (only < 0 || only == kind)
				results[kind].ns[t] = take_turn(n, kind, names, &results[kind].sum);
	for (int kind = 0; kind < KINDS; kind++)
		qsort(results[kind].ns, turns, sizeof results[kind].ns[0], by_size);
}

/* ---- the table ---- */

struct wanted {
	uint64_t mib, most;
	unsigned turns;
	int only; /* a kind, or -1 */
	bool small_pages, uncounted, profiled;
};

static void fill(struct names *n, uint64_t from, uint64_t to, bool uncounted)
{
	for (uint64_t i = from; i < to; i++)
		store(n, i);
	for (uint64_t i = 0; i < 3 * (to - from) && !uncounted; i++) {
		struct hf_question q = {0};
		name_of(from + i % (to - from), &q);
		struct hf_cache_key key = hf_cache_key(n->cache, 0, &q, 0);
		look_up(n, &key);
	}
}

static void fill_bare(struct names *n, uint64_t names)
{
	bare_make(&n->bare, names);
	for (uint64_t i = 0; i < names; i++) {
		struct hf_question q = {0};
		name_of(i, &q);
		bare_put(&n->bare, i, hf_cache_key(n->cache, 0, &q, 0).hash);
	}
}

static void tell(const struct result *result, unsigned turns)
{
	double lookups = (double)turns * A_TURN * QUESTIONS;
	printf(" %10.1f", result->ns[turns / 2]);
	if (result->sum.instructions > 0)
		printf(" (%.0f instructions, %.2f cache and %.2f TLB misses)",
			(double)result->sum.instructions / lookups,
			(double)result->sum.cache_misses / lookups,
			(double)result->sum.tlb_misses / lookups);
}

/* One profile of each kind: first so many turns for the simulated caches to fill. */
static void profile(struct names *n, uint64_t names, const struct wanted *w)
{
	struct count sum = {0};
	fill_bare(n, names);
	count_watch(true);
	for (int kind = 0; kind < KINDS; kind++) {
		char what[64];
		if (w->only >= 0 && w->only != kind)
			continue;
		for (unsigned t = 0; t < WARM_TURNS; t++)
			take_turn(n, kind, names, &sum);
		count_profile("left out");
		for (unsigned t = 0; t < w->turns; t++)
			take_turn(n, kind, names, &sum);
		snprintf(what, sizeof what, "%llu %s %u", (unsigned long long)names,
			kinds[kind].word, w->turns * A_TURN * QUESTIONS);
		count_profile(what);
	}
	count_watch(false);
	bare_clear(&n->bare);
}

static void measure(struct names *n, uint64_t names, const struct wanted *w)
{
	static struct result results[KINDS];
	long used = count_status_kib("VmRSS:") - n->empty_kib;
	fill_bare(n, names);
	n->asked = n->found = 0;
	take_turns(n, names, w->turns, w->only, results);
	bare_clear(&n->bare);
	printf("%9llu %10ld %7.1f", (unsigned long long)names, used,
		(double)used * 1024 / (double)names);
	for (int kind = 0; kind < KINDS; kind++)
		tell(&results[kind], w->turns);
	printf(" %9.3f\n", n->asked ? 100.0 * (double)n->found / (double)n->asked : 0.0);
	fflush(stdout);
}

static void make_cache(struct names *n, const struct wanted *w)
{
	const struct hf_hash_key key = {1, 2};
	memset(n->wire, 1, sizeof n->wire); /* so that it is not counted as the cache's */
	n->empty_kib = count_status_kib("VmRSS:");
	count_begin();
	hf_require(!hf_cache_new(w->mib << 20, 1, &key, &n->cache));
	struct count c = count_end();
	hf_cache_hash_faster(n->cache); /* as the server does */
	printf("a cache of %llu MiB is made in %.2f ms and %ld KiB; pages %s; hits %s\n",
		(unsigned long long)w->mib, c.ns / 1e6, count_status_kib("VmRSS:") - n->empty_kib,
		w->small_pages ? "of 4 KiB" : "huge if there are any",
		w->uncounted ? "not counted before" : "counted before");
	printf("%9s %10s %7s", "names", "KiB", "octets");
	for (int kind = 0; kind < KINDS; kind++)
		printf(" %10s", kinds[kind].word);
	printf(" %9s\n", "% found");
}

static int kind_of(const char *word)
{
	for (int kind = 0; kind < KINDS; kind++)
		if (strcmp(word, kinds[kind].word) == 0)
			return kind;
	fprintf(stderr, "growth_names: no kind is called %s\n", word);
	exit(2);
}

static void read_words(int argc, char **argv, struct wanted *w)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "small-pages") == 0)
			w->small_pages = true;
		else if (strcmp(argv[i], "profiled") == 0)
			w->profiled = true;
		else if (strcmp(argv[i], "uncounted") == 0)
			w->uncounted = true;
		else if (strncmp(argv[i], "most=", 5) == 0)
			w->most = strtoull(argv[i] + 5, NULL, 10);
		else if (strncmp(argv[i], "turns=", 6) == 0)
			w->turns = (unsigned)strtoul(argv[i] + 6, NULL, 10);
		else if (strncmp(argv[i], "only=", 5) == 0)
			w->only = kind_of(argv[i] + 5);
		else
			w->mib = strtoull(argv[i], NULL, 10);
	}
	w->turns = w->turns < 1 ? 1 : (w->turns > TURNS ? TURNS : w->turns);
}

int main(int argc, char **argv)
{
	static const uint64_t counts[] = {10000, 100000, 1000000, 10000000};
	static struct names n = {.seed = 1};
	struct wanted w = {.mib = 4096, .most = UINT64_MAX, .turns = TURNS, .only = -1};
	uint64_t names = 0;
	read_words(argc, argv, &w);
	if (w.small_pages)
		prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	make_cache(&n, &w);
	for (size_t i = 0; i < HF_COUNT_OF(counts) && counts[i] <= w.most; i++) {
		fill(&n, names, counts[i], w.uncounted);
		names = counts[i];
		if (w.profiled)
			profile(&n, names, &w);
		else
			measure(&n, names, &w);
	}
	hf_cache_free(n.cache);
	return 0;
}
