/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fair.h - whose questions have had many of the retries?
 *
 * Story: when an upstream drops a large share of what it is sent, there are more
 * questions that want a retry than tokens for one (retry.h). Whoever asks most has
 * most of them waiting, and would have nearly all tokens. So it is counted who was
 * given one. A client that had more than its share of late is *heavy*: it leaves the last
 * tokens to those who are not, and takes what is over.
 * A share is that of all clients that had a token of late, or wanted one: who asks for the
 * first time is not heavy, and from then on the others share with it.
 * Words: an *account* is the keyed hash of a client; 0 is nobody, and one like others.
 * Clients are counted in two tables of 128 counters by different bits of the hash, and the
 * smaller of a client's two counters counts: two clients are taken for one another about
 * once in 16,384 pairs. Counters are halved each second.
 * Knows:   keyed hashes, counts, instants given to it.
 * Never:   addresses, tokens.
 * At the bound: constant size; a counter that is full stays full until it is halved. With
 * some hundred clients the counters are shared, and heavy is who is far over all others.
 * A clock that goes back halves nothing until it has caught up; one that goes back by over
 * a second is believed.
 * Threads: one owner, no locks. */
#ifndef HF_UPSTREAM_FAIR_H
#define HF_UPSTREAM_FAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

#define HF_FAIR_TABLES 2
#define HF_FAIR_COUNTERS 128

/* A zeroed struct has counted nobody. */
struct hf_fair {
	hf_us halved;   /* when the counters were, last */
	uint32_t total; /* of one table */
	uint16_t drawn[HF_FAIR_TABLES][HF_FAIR_COUNTERS];
};

/* It is given a token. */
void hf_fair_draw(struct hf_fair *f, uint64_t account, hf_us now);

/* It wants one, and may not get it: it is one of those who share. */
void hf_fair_want(struct hf_fair *f, uint64_t account, hf_us now);

/* Has it had more than its share of late? */
bool hf_fair_heavy(struct hf_fair *f, uint64_t account, hf_us now);

#endif
