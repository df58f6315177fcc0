/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/retry.h"

#include <string.h>

#define TOKEN 1000000u /* so a floor of one a second gives one unit a microsecond */
#define PERCENT (TOKEN / 100)

/* Further back than turns of two loops are ever apart: the clock was set. */
#define JUMP_BACK HF_SECOND

static int64_t second_of(hf_us now)
{
	return now / HF_SECOND - (now % HF_SECOND < 0);
}

static uint64_t *bin_at(struct hf_retry *r, int64_t second)
{
	int64_t bin = second % HF_RETRY_BINS;
	return &r->earned[bin < 0 ? bin + HF_RETRY_BINS : bin];
}

static uint64_t standing_most(const struct hf_retry_conf *conf)
{
	return (uint64_t)conf->floor * TOKEN;
}

static void begin(struct hf_retry *r, uint64_t standing, hf_us now)
{
	r->begun = true;
	r->second = second_of(now);
	r->filled = now;
	r->standing = standing;
	memset(r->earned, 0, sizeof r->earned);
}

static void fill(struct hf_retry *r, const struct hf_retry_conf *conf, hf_us now)
{
	hf_us passed = now - r->filled;
	if (passed > 0) {
		r->standing += (uint64_t)(passed < HF_SECOND ? passed : HF_SECOND) * conf->floor;
		r->filled = now;
	}
	if (r->standing > standing_most(conf))
		r->standing = standing_most(conf);
}

/* Bins that begin now take the place of those that end. */
static void advance(struct hf_retry *r, const struct hf_retry_conf *conf, hf_us now)
{
	if (!r->begun)
		begin(r, standing_most(conf), now);
	else if (now < r->filled - JUMP_BACK)
		begin(r, r->standing, now);
	int64_t second = second_of(now);
	if (second - r->second > HF_RETRY_BINS)
		r->second = second - HF_RETRY_BINS;
	while (r->second < second)
		*bin_at(r, ++r->second) = 0;
	fill(r, conf, now);
}

static uint64_t sum(const struct hf_retry *r)
{
	uint64_t total = r->standing;
	for (int i = 0; i < HF_RETRY_BINS; i++)
		total += r->earned[i];
	return total;
}

/* Takes from one pot what it has of the price. */
static void pay(uint64_t *pot, uint64_t *price)
{
	uint64_t paid = *pot < *price ? *pot : *price;
	*pot -= paid;
	*price -= paid;
}

/* Nothing of r depends on when the floor of the running second is credited. */
static bool in_second(const struct hf_retry *r, hf_us now)
{
	return r->begun && now >= r->filled && now - r->second * HF_SECOND < HF_SECOND;
}

void hf_retry_earn(struct hf_retry *r, const struct hf_retry_conf *conf, hf_us now)
{
	if (!in_second(r, now))
		advance(r, conf, now);
	*bin_at(r, r->second) += (uint64_t)conf->percent * PERCENT;
}

bool hf_retry_take(struct hf_retry *r, const struct hf_retry_conf *conf, hf_us now)
{
	advance(r, conf, now);
	if (sum(r) < TOKEN)
		return false;
	uint64_t price = TOKEN;
	for (int64_t s = r->second - HF_RETRY_BINS + 1; s <= r->second; s++)
		pay(bin_at(r, s), &price);
	pay(&r->standing, &price);
	return true;
}

uint32_t hf_retry_saved(const struct hf_retry *r)
{
	uint64_t tokens = sum(r) / TOKEN;
	return tokens < UINT32_MAX ? (uint32_t)tokens : UINT32_MAX;
}

/* The sum grows with the floor and falls as bins end, so it is looked at from
 * one end to the next. */
hf_us hf_retry_when(struct hf_retry *r, const struct hf_retry_conf *conf, hf_us now)
{
	advance(r, conf, now);
	struct hf_retry play = *r;
	hf_us at = r->filled; /* now, or later if the clock went back */
	if (sum(&play) >= TOKEN)
		return now;
	if (conf->floor == 0)
		return HF_NEVER;
	for (;;) {
		uint64_t missing = TOKEN - sum(&play);
		hf_us when = at + (hf_us)((missing + conf->floor - 1) / conf->floor);
		hf_us end = (play.second + 1) * HF_SECOND;
		if (when < end)
			return when;
		advance(&play, conf, end);
		at = end;
		if (sum(&play) >= TOKEN)
			return end;
	}
}
