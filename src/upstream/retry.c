/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/retry.h"

#include <string.h>

#define TOKEN HF_RETRY_TOKEN

/* Further back than turns of two loops are ever apart: the clock was set. */
#define JUMP_BACK HF_SECOND

static int64_t second_of(hf_us now)
{
	return now / HF_SECOND - (now % HF_SECOND < 0);
}

static unsigned bin_of(int64_t second)
{
	int64_t bin = second % HF_RETRY_BINS;
	return (unsigned)(bin < 0 ? bin + HF_RETRY_BINS : bin);
}

static uint64_t *bin_at(struct hf_retry *r, int64_t second)
{
	return &r->earned[bin_of(second)];
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
void hf_retry_catch_up(struct hf_retry *r, const struct hf_retry_conf *conf, hf_us now)
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
	r->newest = (uint8_t)bin_of(r->second);
	r->end = (r->second + 1) * HF_SECOND;
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

bool hf_retry_take(struct hf_retry *r, const struct hf_retry_conf *conf, hf_us now)
{
	hf_retry_catch_up(r, conf, now);
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
	hf_retry_catch_up(r, conf, now);
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
		hf_retry_catch_up(&play, conf, end);
		at = end;
		if (sum(&play) >= TOKEN)
			return end;
	}
}
