/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rtt.h - how long does this upstream take for this route, how sure is it, and
 * how long do we wait for it?
 *
 * Smoothed round trip and its variation by RFC 6298 (gains 1/8 and 1/4), in
 * microseconds. The time-out of an attempt is srtt + 4 rttvar, at least half as much
 * again as srtt, within the operator's bounds, doubled for each time-out in a row. What
 * was sent before the last doubling does not double it again: many that are under way
 * when an upstream falls silent are one time-out, as for TCP, or the last of them
 * would wait for sixty times as long.
 * Attempts over UDP that were answered are samples, late ones too: each has an id
 * of its own, so there is no doubt which one an answer belongs to.
 *
 * Beside it: a histogram of the last few hundred round trips, whose 95th
 * percentile says when a second copy is worth sending ("The tail at scale",
 * Dean and Barroso, 2013), and the share of messages that got no answer at all.
 * Threads: one at a time, by the caller's lock. */
#ifndef HF_UPSTREAM_RTT_H
#define HF_UPSTREAM_RTT_H

#include <stdbool.h>

#include "base/time.h"
#include "upstream/upstream.h"

#define HF_RTT_BUCKETS 40 /* four an octave from 1 ms: up to about a second */

struct hf_rtt {            /* what every choice looks at comes first */
	hf_us srtt;        /* 0: no sample yet */
	hf_us rttvar;
	hf_us sampled;     /* instant of the last sample */
	uint32_t backoff;  /* time-outs in a row without an answer */
	uint32_t loss;     /* share without an answer, in 1/65536, smoothed by 1/16 */
	uint16_t samples;  /* in the buckets */
	uint16_t buckets[HF_RTT_BUCKETS];
	hf_us doubled;     /* instant of the last doubling */
};

/* A zeroed struct knows nothing. */
void hf_rtt_sample(struct hf_rtt *rtt, hf_us took, hf_us now);

/* What was sent at `sent` is late. */
void hf_rtt_lost(struct hf_rtt *rtt, hf_us sent, hf_us now);

/* It was answered after all, or never. */
void hf_rtt_settle(struct hf_rtt *rtt, bool answered, hf_us now);

/* It is in use again: the losses are over. */
void hf_rtt_forgive(struct hf_rtt *rtt);

/* Can it have been measured? For what was read from somewhere; whatever it is then,
 * no reckoning with it overflows. */
bool hf_rtt_sane(const struct hf_rtt *rtt);

/* Time to wait for an answer to what is sent now. */
hf_us hf_rtt_timeout(const struct hf_rtt *rtt, const struct hf_upstream_conf *conf);

/* After so long only one in twenty is still to come; 0: too few samples to say. */
hf_us hf_rtt_p95(const struct hf_rtt *rtt);

/* For ranking: what a question to it costs in time, a lost one being worth
 * HF_RTT_LOSS_COST; halved for every minute without news, so that one that was
 * bad is looked at again now and then, and one never tried is looked at first. */
#define HF_RTT_LOSS_COST (400 * HF_MS)
#define HF_RTT_FADE (60 * HF_SECOND)
hf_us hf_rtt_rank_faded(const struct hf_rtt *rtt, uint32_t loss, hf_us now);

/* The same for its own loss, which counts only if there has been news from `since` on;
 * made for asking many. */
static inline hf_us hf_rtt_rank(const struct hf_rtt *rtt, hf_us since, hf_us now)
{
	if (now - rtt->sampled >= HF_RTT_FADE || rtt->loss)
		return hf_rtt_rank_faded(rtt, rtt->sampled < since ? 0 : rtt->loss, now);
	return rtt->srtt; /* news of this minute, and nothing lost */
}

#endif
