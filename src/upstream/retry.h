/* SPDX-License-Identifier: GPL-3.0-or-later */
/* retry.h - how many more copies of questions may go out?
 *
 * Story: a copy that goes out because an upstream is slow or silent (a retry, a
 * hedge, a probe that copies a question) is more load at the worst moment. So
 * copies are paid for with tokens, and tokens are earned by what is sent for the
 * first time: `percent` of a token each. On top of that comes a small floor of
 * so many a second, so that a quiet server can still retry.
 * Law: over any time T of 10 s or more, the copies are at most percent% of the
 * first sends in T and in the 10 s before it, plus floor * T, plus floor.
 * What is saved: of the floor, no more than one second of it; of what was
 * earned, what is less than about 10 s old (it is kept in bins of a second and
 * each bin is forgotten 10 s after it began). So an hour of calm buys no storm,
 * yet a sudden failure at 10,000 questions a second can be retried at once.
 * What is nearest to its end is spent first.
 * Knows:   counts, instants given to it.
 * Never:   why a copy is wanted, or where it goes.
 * At the bound: the answer is no, and hf_retry_when() says when to ask again.
 * A clock that goes back earns nothing until it has caught up; one that goes
 * back by over a second is believed, and what was earned is lost.
 * Threads: one owner, no locks. */
#ifndef HF_UPSTREAM_RETRY_H
#define HF_UPSTREAM_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

#define HF_RETRY_BINS 10 /* seconds that what was earned is good for */

#define HF_RETRY_TOKEN 1000000u /* so a floor of one a second gives one unit a microsecond */

struct hf_retry_conf {
	uint32_t percent; /* of a token, earned by each first send */
	uint32_t floor;   /* tokens a second that come in any case */
};

/* Zeroed: as new, with one second of the floor to begin with. Tokens are counted
 * in millionths, so that neither percents nor microseconds are rounded. */
struct hf_retry {
	bool begun;
	uint8_t newest;    /* bin */
	int64_t second;    /* of that one, ... */
	hf_us end;         /* ... and where it ends */
	hf_us filled;      /* up to when the floor has been credited */
	uint64_t standing; /* what is left of the floor */
	uint64_t earned[HF_RETRY_BINS];
};

/* Has the newest bin be that of `now`. */
void hf_retry_catch_up(struct hf_retry *r, const struct hf_retry_conf *conf, hf_us now);

/* A question is sent for the first time at `now`. Within a second nothing depends on when the
 * floor is credited, and each question passes here, for each of its upstreams. */
static inline void hf_retry_earn(struct hf_retry *r, const struct hf_retry_conf *conf, hf_us now)
{
	if (now < r->filled || now >= r->end)
		hf_retry_catch_up(r, conf, now);
	r->earned[r->newest] += (uint64_t)conf->percent * (HF_RETRY_TOKEN / 100);
}

/* May a copy go out at `now`? If so, it has been paid for. */
bool hf_retry_take(struct hf_retry *r, const struct hf_retry_conf *conf, hf_us now);

/* Copies that are paid for, as of the last call of the others. */
uint32_t hf_retry_saved(const struct hf_retry *r);

/* The earliest instant at which a copy may go out if nothing is sent for the first
 * time and no copy is taken until then: `now` if it may now, HF_NEVER if it will
 * not (there is no floor). */
hf_us hf_retry_when(struct hf_retry *r, const struct hf_retry_conf *conf, hf_us now);

#endif
