/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rtt.h - how long does this upstream take, and how long do we wait for it?
 *
 * Smoothed round trip and its variation by RFC 6298 (gains 1/8 and 1/4), in
 * microseconds. The time-out of an attempt is srtt + 4 rttvar within the
 * operator's bounds, doubled for each attempt in a row that got no answer.
 * Attempts over UDP that were answered are samples, late ones too: each has an id
 * of its own, so there is no doubt which one an answer belongs to.
 * Threads: one owner. */
#ifndef HF_UPSTREAM_RTT_H
#define HF_UPSTREAM_RTT_H

#include "base/time.h"
#include "upstream/upstream.h"

struct hf_rtt {
	hf_us srtt;        /* 0: no sample yet */
	hf_us rttvar;
	hf_us sampled;     /* instant of the last sample */
	uint32_t backoff;  /* attempts in a row without an answer */
};

/* A zeroed struct knows nothing. */
void hf_rtt_sample(struct hf_rtt *rtt, hf_us took, hf_us now);
void hf_rtt_lost(struct hf_rtt *rtt);

/* Time to wait for an answer to what is sent now. */
hf_us hf_rtt_timeout(const struct hf_rtt *rtt, const struct hf_upstream_conf *conf);

/* For ranking: the smoothed round trip, halved for every minute without a
 * sample, so that a slow upstream is looked at again now and then and one
 * without samples is looked at first. */
hf_us hf_rtt_rank(const struct hf_rtt *rtt, hf_us now);

#endif
