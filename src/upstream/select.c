/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/select.h"

/* How many failed attempts an open circuit is worth. */
#define OPEN_PENALTY 2

static bool barred(const struct hf_selection *s, size_t i)
{
	return s->barred >> i & 1;
}

int hf_select(const struct hf_selection *s)
{
	int best = -1;
	unsigned best_tries = 0;
	hf_us best_rank = 0;
	for (size_t i = 0; i < s->count; i++) {
		const struct hf_upstream_state *state = s->candidates[i].state;
		if (barred(s, i))
			continue;
		bool open = hf_health_admit(&state->health, s->now) != HF_ADMIT;
		unsigned tries = s->tries[i] + (open ? OPEN_PENALTY : 0u);
		hf_us rank = s->by_rtt ? hf_rtt_rank(&state->rtt, s->now) : (hf_us)i;
		if (best < 0 || tries < best_tries || (tries == best_tries && rank < best_rank)) {
			best = (int)i;
			best_tries = tries;
			best_rank = rank;
		}
	}
	return best;
}

int hf_select_probe(const struct hf_selection *s, int chosen)
{
	for (size_t i = 0; i < s->count; i++)
		if ((int)i != chosen && !barred(s, i) && !s->tries[i] &&
			hf_health_admit(&s->candidates[i].state->health, s->now) == HF_ADMIT_PROBE)
			return (int)i;
	return -1;
}
