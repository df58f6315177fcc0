/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/fair.h"

#include <string.h>

#define TOKEN 16 /* a counter's worth of one: half of it is still something a few seconds later */
#define HALF_LIFE HF_SECOND
#define HALVINGS 16 /* leave nothing of a counter */

static uint16_t *counter(struct hf_fair *f, unsigned table, uint64_t account)
{
	return &f->drawn[table][(account >> (table ? 40 : 8)) % HF_FAIR_COUNTERS];
}

static void halve(struct hf_fair *f, int64_t times)
{
	unsigned shift = times < HALVINGS ? (unsigned)times : HALVINGS;
	f->total = 0;
	for (unsigned i = 0; i < HF_FAIR_COUNTERS; i++) {
		f->drawn[0][i] = (uint16_t)(f->drawn[0][i] >> shift);
		f->drawn[1][i] = (uint16_t)(f->drawn[1][i] >> shift);
		f->total += f->drawn[0][i];
	}
}

static void advance(struct hf_fair *f, hf_us now)
{
	int64_t times = (now - f->halved) / HALF_LIFE;
	if (now < f->halved - HF_SECOND) {
		f->halved = now;
	} else if (times > 0) {
		halve(f, times);
		f->halved += times * HALF_LIFE;
	}
}

static void add(struct hf_fair *f, uint64_t account, uint16_t worth)
{
	for (unsigned table = 0; table < HF_FAIR_TABLES; table++) {
		uint16_t *n = counter(f, table, account);
		uint16_t more = UINT16_MAX - *n < worth ? (uint16_t)(UINT16_MAX - *n) : worth;
		*n = (uint16_t)(*n + more);
		f->total += table ? 0 : more;
	}
}

static uint16_t had(struct hf_fair *f, uint64_t account)
{
	uint16_t one = *counter(f, 0, account), other = *counter(f, 1, account);
	return one < other ? one : other;
}

static uint32_t sharing(const struct hf_fair *f, unsigned table)
{
	uint32_t counters = 0;
	for (unsigned i = 0; i < HF_FAIR_COUNTERS; i++)
		counters += f->drawn[table][i] != 0;
	return counters;
}

void hf_fair_draw(struct hf_fair *f, uint64_t account, hf_us now)
{
	advance(f, now);
	add(f, account, TOKEN);
}

void hf_fair_want(struct hf_fair *f, uint64_t account, hf_us now)
{
	advance(f, now);
	if (!had(f, account))
		add(f, account, 1);
}

bool hf_fair_heavy(struct hf_fair *f, uint64_t account, hf_us now)
{
	advance(f, now);
	uint32_t one = sharing(f, 0), other = sharing(f, 1);
	return (uint64_t)had(f, account) * (one > other ? one : other) > f->total;
}
