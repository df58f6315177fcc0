/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a lookup costs with 10 thousand to 10 million names in the cache, asked in
 * random order one by one and in batches that are expected first, and what memory
 * a name takes.
 *
 *     growth_names [SIZE-IN-MIB] [small-pages]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/check.h"
#include "cache/cache.h"
#include "count.h"

#define BATCH 32
#define LOOKUPS 2000000
#define TTL 86400
#define NOW (1000 * HF_SECOND)

struct names {
	struct hf_cache *cache;
	uint8_t wire[HF_MESSAGE_MAX];
	uint16_t ttl_at[HF_RECORDS_MAX];
	uint64_t seed;
	long empty_kib;
};

/* "n0001234567.example.com.": 24 octets, as many as names in traces have on average. */
static void name_of(uint64_t number, struct hf_question *ret)
{
	char text[32];
	int len = snprintf(text, sizeof text, "n%010llu.example.com", (unsigned long long)number);
	hf_require(!hf_name_from_text(text, (size_t)len, &ret->name));
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

static unsigned look_up(struct names *n, const struct hf_cache_key *key)
{
	struct hf_cached copy = {.kept = {.wire = n->wire, .ttl_at = n->ttl_at},
		.wire_cap = sizeof n->wire,
		.ttl_cap = HF_RECORDS_MAX};
	return hf_cache_lookup(n->cache, key, NOW + HF_SECOND, &copy) == HF_CACHE_FRESH;
}

/* Questions are made before the clock starts: here only the cache counts. */
static struct count ask(struct names *n, uint64_t names, bool ahead, unsigned *ret_found)
{
	struct count sum = {0};
	static struct hf_question questions[8 * BATCH];
	const unsigned most = HF_COUNT_OF(questions);
	*ret_found = 0;
	for (unsigned done = 0; done < LOOKUPS; done += most) {
		for (unsigned i = 0; i < most; i++)
			name_of(count_dice(&n->seed) % names, &questions[i]);
		count_begin();
		for (unsigned i = 0; i < most; i += BATCH) {
			struct hf_cache_key keys[BATCH];
			for (unsigned k = 0; k < BATCH; k++) {
				keys[k] = hf_cache_key(n->cache, 0, &questions[i + k], 0);
				if (ahead)
					hf_cache_expect(n->cache, &keys[k]);
			}
			for (unsigned k = 0; k < BATCH && ahead; k++)
				hf_cache_approach(n->cache, &keys[k]);
			for (unsigned k = 0; k < BATCH; k++)
				*ret_found += look_up(n, &keys[k]);
		}
		struct count c = count_end();
		sum.ns += c.ns;
		sum.instructions += c.instructions;
		sum.cache_misses += c.cache_misses;
		sum.tlb_misses += c.tlb_misses;
	}
	return sum;
}

static void per(const char *what, struct count c)
{
	printf("  %s %6.1f ns", what, c.ns / LOOKUPS);
	if (c.instructions > 0)
		printf(" (%.0f instructions, %.2f cache and %.2f TLB misses)",
			(double)c.instructions / LOOKUPS, (double)c.cache_misses / LOOKUPS,
			(double)c.tlb_misses / LOOKUPS);
}

static void measure(struct names *n, uint64_t names)
{
	unsigned found;
	struct hf_cache_sums sums = hf_cache_sums(n->cache);
	printf("%9llu names, %8ld KiB, %5.1f octets a name:", (unsigned long long)sums.entries,
		count_status_kib("VmRSS:") - n->empty_kib,
		(double)(count_status_kib("VmRSS:") - n->empty_kib) * 1024 / (double)sums.entries);
	per("one by one", ask(n, names, false, &found));
	per(" in batches", ask(n, names, true, &found));
	printf("  %5.2f %% found\n", 100.0 * found / LOOKUPS);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const uint64_t counts[] = {10000, 100000, 1000000, 10000000};
	static struct names n = {.seed = 1};
	const struct hf_hash_key key = {1, 2};
	uint64_t mib = argc > 1 ? strtoull(argv[1], NULL, 10) : 4096, names = 0;
	if (argc > 2)
		prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	memset(n.wire, 1, sizeof n.wire); /* so that it is not counted as the cache's */
	n.empty_kib = count_status_kib("VmRSS:");
	count_begin();
	hf_require(!hf_cache_new(mib << 20, 1, &key, &n.cache));
	struct count c = count_end();
	printf("a cache of %llu MiB is made in %.2f ms and %ld KiB; pages %s\n",
		(unsigned long long)mib, c.ns / 1e6, count_status_kib("VmRSS:") - n.empty_kib,
		argc > 2 ? "of 4 KiB" : "huge if there are any");
	for (size_t i = 0; i < HF_COUNT_OF(counts); i++) {
		for (; names < counts[i]; names++)
			store(&n, names);
		measure(&n, names);
	}
	hf_cache_free(n.cache);
	return 0;
}
