/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/serials.h"

static void hear(struct hf_serial_of *of, const struct hf_serial_said *said, hf_us now)
{
	if (!said->answered) {
		of->missed = (uint8_t)(of->missed < UINT8_MAX ? of->missed + 1 : UINT8_MAX);
		of->known = of->known && of->missed <= HF_SERIALS_GRACE;
		return;
	}
	if (!of->known || of->serial != said->serial)
		of->changed = now;
	of->known = true;
	of->missed = 0;
	of->serial = said->serial;
}

/* The server with the newest zone among those in a set, or -1. */
static int newest_of(const struct hf_serials *s, uint64_t set)
{
	int newest = -1;
	for (unsigned i = 0; i < s->count; i++)
		if (set >> i & 1 &&
			(newest < 0 || hf_serial_older(s->of[newest].serial, s->of[i].serial)))
			newest = (int)i;
	return newest;
}

static unsigned count(uint64_t set)
{
	unsigned n = 0;
	for (; set; set &= set - 1)
		n++;
	return n;
}

static bool all_stable(const struct hf_serials *s, uint64_t set, hf_us now)
{
	for (unsigned i = 0; i < s->count; i++)
		if (set >> i & 1 && now - s->of[i].changed < HF_SERIALS_PATIENCE)
			return false;
	return true;
}

/* Does only one server of a set have its newest serial, and is that hard to believe? */
static bool is_doubtful(const struct hf_serials *s, uint64_t set, unsigned newest, hf_us now)
{
	uint64_t others = set & ~(1ull << newest);
	int next = newest_of(s, others);
	if (next < 0 || s->of[next].serial == s->of[newest].serial)
		return false;
	if (s->of[newest].serial - s->of[next].serial > HF_SERIALS_JUMP)
		return true;
	return count(others) >= 2 && all_stable(s, set, now);
}

static uint64_t known(const struct hf_serials *s)
{
	uint64_t set = 0;
	for (unsigned i = 0; i < s->count; i++)
		set |= (uint64_t)s->of[i].known << i;
	return set;
}

/* What was the newest cannot be newer than the newest that is left to go by. */
static void note_newest(struct hf_serials *s, uint32_t newest)
{
	for (unsigned i = HF_SERIALS_GRACE; i > 0; i--)
		s->newest[i] = s->rounds ? s->newest[i - 1] : newest;
	s->newest[0] = newest;
	s->rounds += s->rounds <= HF_SERIALS_GRACE;
	for (unsigned i = 1; i <= HF_SERIALS_GRACE; i++)
		if (!hf_serial_older(s->newest[i], newest))
			s->newest[i] = newest;
}

static void place(struct hf_serials *s, unsigned i, struct hf_serials_found *found, hf_us now)
{
	struct hf_serial_of *of = &s->of[i];
	bool before = of->out;
	if (of->out)
		of->out = hf_serial_older(of->serial, s->newest[1]);
	else
		of->out = s->rounds > HF_SERIALS_GRACE &&
			  hf_serial_older(of->serial, s->newest[HF_SERIALS_GRACE]);
	if (of->out && !before) {
		of->since = now;
		found->out |= 1ull << i;
	} else if (!of->out && before) {
		found->in |= 1ull << i;
	}
}

struct hf_serials_found hf_serials_round(
	struct hf_serials *s, const struct hf_serial_said *said, hf_us now)
{
	struct hf_serials_found found = {0, 0, 0};
	for (unsigned i = 0; i < s->count; i++)
		hear(&s->of[i], &said[i], now);
	uint64_t set = known(s), doubted = 0;
	int newest = newest_of(s, set);
	while (newest >= 0 && is_doubtful(s, set, (unsigned)newest, now)) {
		doubted |= 1ull << newest;
		set &= ~(1ull << newest);
		newest = newest_of(s, set);
	}
	if (newest < 0)
		return found;
	note_newest(s, s->of[newest].serial);
	for (unsigned i = 0; i < s->count; i++) {
		bool is = doubted >> i & 1;
		if (is && !s->of[i].doubted)
			found.doubted |= 1ull << i;
		s->of[i].doubted = is;
		if (s->of[i].known && !is)
			place(s, i, &found, now);
		else if (is && s->of[i].out) {
			s->of[i].out = false;
			found.in |= 1ull << i;
		}
	}
	return found;
}
