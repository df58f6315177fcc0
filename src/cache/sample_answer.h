/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sample_answer.h - questions and answers for tests of the cache.
 *
 * Story: a cache never looks into an answer behind its question, so that need not be one: it
 * is one octet, again and again, and a copy that is torn shows.
 * Ownership: all memory is the caller's.  Threads: pure. Used by tests only. */
#ifndef HF_CACHE_SAMPLE_ANSWER_H
#define HF_CACHE_SAMPLE_ANSWER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cache/cache.h"

struct answer {
	uint8_t wire[HF_MESSAGE_MAX];
	uint16_t ttl_at[HF_RECORDS_MAX];
	struct hf_kept kept;
};

struct copy {
	uint8_t wire[HF_MESSAGE_MAX];
	uint16_t ttl_at[HF_RECORDS_MAX];
	struct hf_cached cached;
};

/* Memory for any copy. */
static inline struct hf_cached *blank(struct copy *copy)
{
	copy->cached = (struct hf_cached){
		.kept = {.wire = copy->wire, .ttl_at = copy->ttl_at},
		.wire_cap = sizeof copy->wire,
		.ttl_cap = HF_RECORDS_MAX,
	};
	return &copy->cached;
}

static inline struct hf_question question(const char *name, uint16_t type)
{
	struct hf_question q = {.type = type, .class = HF_CLASS_IN};
	assert_int_equal(hf_name_from_text(name, strlen(name), &q.name), 0);
	return q;
}

/* Stands for an answer: the question, then so many octets of `fill`. */
static inline void make_answer(
	struct answer *a, const struct hf_question *q, size_t octets, uint8_t fill, uint32_t ttl)
{
	size_t head = HF_HEADER_LEN + (size_t)q->name.len + 4;
	memset(a->wire, 0, HF_HEADER_LEN);
	memcpy(a->wire + HF_HEADER_LEN, q->name.bytes, q->name.len);
	hf_put_u16(a->wire + head - 4, q->type);
	hf_put_u16(a->wire + head - 2, q->class);
	memset(a->wire + head, fill, octets);
	a->kept = (struct hf_kept){.wire = a->wire,
		.len = (uint16_t)(head + octets),
		.ttl = ttl,
		.ttl_at = a->ttl_at,
		.ttl_count = 3,
		.answer_end = 40,
		.authority_end = 41};
	a->ttl_at[0] = a->ttl_at[1] = a->ttl_at[2] = fill;
}

/* The n-th of many, for its address. */
static inline struct hf_question numbered(unsigned n)
{
	char text[40];
	snprintf(text, sizeof text, "n%u.example", n);
	return question(text, HF_TYPE_A);
}

#endif
