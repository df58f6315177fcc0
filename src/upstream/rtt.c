/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/rtt.h"

/* For an upstream never heard of: longer than a round trip half way round the
 * globe (about 300 ms), short enough to leave room for two more attempts before
 * a stub gives up. */
#define FIRST_TIMEOUT (400 * HF_MS)

/* 2^6 times any time-out is past timeout-max. */
#define BACKOFF_MAX 6

#define FADE (60 * HF_SECOND)

void hf_rtt_sample(struct hf_rtt *rtt, hf_us took, hf_us now)
{
	if (took < 1)
		took = 1;
	if (rtt->srtt == 0) {
		rtt->srtt = took;
		rtt->rttvar = took / 2;
	} else {
		hf_us off = took > rtt->srtt ? took - rtt->srtt : rtt->srtt - took;
		rtt->rttvar += (off - rtt->rttvar) / 4;
		rtt->srtt += (took - rtt->srtt) / 8;
		if (rtt->srtt < 1)
			rtt->srtt = 1;
	}
	rtt->sampled = now;
	rtt->backoff = 0;
}

void hf_rtt_lost(struct hf_rtt *rtt)
{
	if (rtt->backoff < BACKOFF_MAX)
		rtt->backoff++;
}

hf_us hf_rtt_timeout(const struct hf_rtt *rtt, const struct hf_upstream_conf *conf)
{
	hf_us timeout = rtt->srtt ? rtt->srtt + 4 * rtt->rttvar : FIRST_TIMEOUT;
	if (timeout < conf->timeout_min)
		timeout = conf->timeout_min;
	timeout <<= rtt->backoff;
	return timeout < conf->timeout_max ? timeout : conf->timeout_max;
}

hf_us hf_rtt_rank(const struct hf_rtt *rtt, hf_us now)
{
	hf_us minutes = now > rtt->sampled ? (now - rtt->sampled) / FADE : 0;
	return minutes < 40 ? rtt->srtt >> minutes : 0;
}
