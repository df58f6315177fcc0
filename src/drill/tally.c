/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/tally.h"

static int64_t packets(const struct hf_tally *t, unsigned upstream)
{
	return (int64_t)t->packets[upstream];
}

static int64_t streams(const struct hf_tally *t, unsigned upstream)
{
	return (int64_t)t->streams[upstream];
}

static int64_t busiest(const struct hf_tally *t, unsigned upstream)
{
	return (int64_t)t->busiest[upstream];
}

static int64_t busiest_second(const struct hf_tally *t, unsigned upstream)
{
	return (int64_t)t->busiest_second[upstream];
}

static int64_t busiest_back(const struct hf_tally *t, unsigned upstream)
{
	return (int64_t)t->busiest_back[upstream];
}

/* In thousandths, rounded up. */
static int64_t amplification(const struct hf_tally *t, unsigned upstream)
{
	uint64_t sum = 0, needed = t->needed ? t->needed : 1;
	(void)upstream;
	for (size_t i = 0; i < HF_PLAY_UPSTREAMS_MAX; i++)
		sum += t->packets[i] + t->streams[i];
	return (int64_t)((sum * 1000 + needed - 1) / needed);
}

/* In millionths, rounded down: 100 % is all of them. */
static int64_t answered(const struct hf_tally *t, unsigned upstream)
{
	(void)upstream;
	return t->questions ? (int64_t)(t->answered * 1000000 / t->questions) : 1000000;
}

static int64_t resolved(const struct hf_tally *t, unsigned upstream)
{
	(void)upstream;
	return t->lookups ? (int64_t)(t->resolved * 1000000 / t->lookups) : 1000000;
}

#define NUMBER_OF(name, what) \
	static int64_t name(const struct hf_tally *t, unsigned upstream) \
	{ \
		(void)upstream; \
		return (int64_t)t->what; \
	}

NUMBER_OF(questions, questions)
NUMBER_OF(lookups, lookups)
NUMBER_OF(needed, needed)
NUMBER_OF(noerror, rcodes[HF_RCODE_NOERROR])
NUMBER_OF(servfail, rcodes[HF_RCODE_SERVFAIL])
NUMBER_OF(nxdomain, rcodes[HF_RCODE_NXDOMAIN])
NUMBER_OF(truncated, truncated)
NUMBER_OF(slowest, slowest)
NUMBER_OF(cached, cached)
NUMBER_OF(joined, joined)
NUMBER_OF(strays, strays)

const struct hf_tally_row hf_tally_rows[] = {
	{ "packets", true, HF_TAKES_NUMBER, packets },
	{ "streams", true, HF_TAKES_NUMBER, streams },
	{ "busiest", true, HF_TAKES_NUMBER, busiest },
	{ "busiest-second", true, HF_TAKES_NUMBER, busiest_second },
	{ "busiest-back", true, HF_TAKES_NUMBER, busiest_back },
	{ "amplification", false, HF_TAKES_RATIO, amplification },
	{ "lookups", false, HF_TAKES_NUMBER, lookups },
	{ "resolved", false, HF_TAKES_PERCENT, resolved },
	{ "needed", false, HF_TAKES_NUMBER, needed },
	{ "questions", false, HF_TAKES_NUMBER, questions },
	{ "answered", false, HF_TAKES_PERCENT, answered },
	{ "noerror", false, HF_TAKES_NUMBER, noerror },
	{ "servfail", false, HF_TAKES_NUMBER, servfail },
	{ "nxdomain", false, HF_TAKES_NUMBER, nxdomain },
	{ "truncated", false, HF_TAKES_NUMBER, truncated },
	{ "slowest", false, HF_TAKES_DURATION, slowest },
	{ "cached", false, HF_TAKES_NUMBER, cached },
	{ "joined", false, HF_TAKES_NUMBER, joined },
	{ "strays", false, HF_TAKES_NUMBER, strays },
	{ NULL, false, HF_TAKES_NOTHING, NULL },
};
