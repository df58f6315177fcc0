/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/lame.h"

#include "base/check.h"

/* As many as open a circuit by default. */
#define FAILURES 5

/* Who has answered within that time serves something of the zone. */
#define RECENT (60 * HF_SECOND)

/* RFC 9520 3.2: failures are remembered for a second or more. */
#define LEAST (1 * HF_SECOND)

/* 2^9 s is past any rest-max that makes sense. */
#define TIMES_MOST 9

/* Between two questions about the zone, and for an answer to a trial. */
#define APART (1 * HF_SECOND)

void hf_lame_useful(struct hf_lame *lame, hf_us now)
{
	if (lame->run || lame->times)
		*lame = (struct hf_lame){.proof = lame->proof};
	lame->useful = now;
}

void hf_lame_useless(struct hf_lame *lame, uint32_t name)
{
	lame->on_trial = false;
	if (lame->run < UINT16_MAX)
		lame->run++;
	for (unsigned i = 0; i < lame->name_count && i < HF_COUNT_OF(lame->names); i++)
		if (lame->names[i] == name)
			return;
	if (lame->name_count < HF_COUNT_OF(lame->names))
		lame->names[lame->name_count] = name;
	if (lame->name_count < HF_LAME_NAMES)
		lame->name_count++;
}

bool hf_lame_wants_proof(const struct hf_lame *lame, hf_us now)
{
	if (lame->proof && now - lame->proof < APART)
		return false;
	if (lame->times)
		return lame->run;
	return lame->run >= FAILURES && lame->name_count >= HF_LAME_NAMES &&
	       (!lame->useful || now - lame->useful >= RECENT);
}

void hf_lame_asked(struct hf_lame *lame, hf_us now)
{
	lame->proof = now;
}

void hf_lame_proven(struct hf_lame *lame, hf_us most, uint32_t dice, hf_us now)
{
	hf_us rest = LEAST << lame->times;
	if (rest > most)
		rest = most > LEAST ? most : LEAST;
	if (lame->times < TIMES_MOST)
		lame->times++;
	lame->until = now + rest + (hf_us)((uint64_t)(rest / 4) * dice >> 32);
	lame->run = 0;
	lame->name_count = 0;
	lame->on_trial = false;
}

void hf_lame_sent(struct hf_lame *lame, hf_us now)
{
	if (!lame->times)
		return;
	lame->until = now + APART;
	lame->on_trial = true;
}
