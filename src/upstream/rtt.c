/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/rtt.h"

/* For an upstream never heard of: longer than a round trip half way round the
 * globe (about 300 ms), short enough to leave room for two more attempts before
 * a stub gives up. */
#define FIRST_TIMEOUT (400 * HF_MS)

/* 2^6 times any time-out is past timeout-max. */
#define BACKOFF_MAX 6

/* Samples before a percentile means something, and after which the old ones
 * count half. */
#define SAMPLES_LEAST 20
#define SAMPLES_MOST 512

/* Nobody waits longer for an answer, by far. */
#define LONGEST (60 * HF_SECOND)

#define LOSS_ONE 65536
#define LOSS_SHIFT 4

/* Bucket 0 ends at 1 ms; four buckets double it. */
static hf_us bucket_end(unsigned bucket)
{
	static const unsigned quarter[4] = {1000, 1189, 1414, 1682}; /* 2^(n/4) */
	return (hf_us)quarter[bucket % 4] << (bucket / 4);
}

static void count(struct hf_rtt *rtt, hf_us took)
{
	unsigned bucket = 0;
	while (bucket + 4 < HF_RTT_BUCKETS && took > bucket_end(bucket + 3))
		bucket += 4;
	while (bucket < HF_RTT_BUCKETS - 1 && took > bucket_end(bucket))
		bucket++;
	rtt->buckets[bucket]++;
	if (++rtt->samples < SAMPLES_MOST)
		return;
	rtt->samples = 0;
	for (unsigned i = 0; i < HF_RTT_BUCKETS; i++) {
		rtt->buckets[i] /= 2;
		rtt->samples = (uint16_t)(rtt->samples + rtt->buckets[i]);
	}
}

bool hf_rtt_sane(const struct hf_rtt *rtt)
{
	unsigned samples = 0;
	for (unsigned i = 0; i < HF_RTT_BUCKETS; i++)
		samples += rtt->buckets[i];
	return rtt->srtt >= 0 && rtt->srtt <= LONGEST && rtt->rttvar >= 0 &&
	       rtt->rttvar <= LONGEST && rtt->backoff <= BACKOFF_MAX && rtt->loss <= LOSS_ONE &&
	       rtt->samples == samples && samples < SAMPLES_MOST && (rtt->srtt || !samples);
}

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
	count(rtt, took);
	rtt->sampled = now;
	rtt->backoff = 0;
}

void hf_rtt_settle(struct hf_rtt *rtt, bool answered, hf_us now)
{
	rtt->loss -= rtt->loss >> LOSS_SHIFT;
	if (!answered)
		rtt->loss += LOSS_ONE >> LOSS_SHIFT;
	else if (rtt->loss < 1u << LOSS_SHIFT)
		rtt->loss = 0; /* what is left of the shift */
	rtt->sampled = now;
}

void hf_rtt_forgive(struct hf_rtt *rtt)
{
	rtt->loss = 0;
	rtt->backoff = 0;
}

_Static_assert(HF_RTT_BUCKETS % 4 == 0, "whole octaves");

/* At which of an octave's buckets no more than `most` are left above. */
static unsigned which_of(const uint16_t *four, unsigned above, unsigned most)
{
	unsigned i = 0;
	while ((above -= four[i]) > most)
		i++;
	return i;
}

hf_us hf_rtt_p95(const struct hf_rtt *rtt)
{
	unsigned above = rtt->samples, most = rtt->samples / 20;
	if (rtt->samples < SAMPLES_LEAST)
		return 0;
	for (unsigned i = 0; i < HF_RTT_BUCKETS; i += 4) {
		const uint16_t *four = &rtt->buckets[i];
		unsigned after = above - four[0] - four[1] - four[2] - four[3];
		if (after <= most)
			return bucket_end(i + which_of(four, above, most));
		above = after;
	}
	return 0;
}

void hf_rtt_lost(struct hf_rtt *rtt, hf_us sent, hf_us now)
{
	if (rtt->backoff && sent < rtt->doubled)
		return;
	rtt->doubled = now;
	if (rtt->backoff < BACKOFF_MAX)
		rtt->backoff++;
}

hf_us hf_rtt_timeout(const struct hf_rtt *rtt, const struct hf_upstream_conf *conf)
{
	/* One whose answers never vary would be late with the first that does. */
	hf_us spread = 4 * rtt->rttvar > rtt->srtt / 2 ? 4 * rtt->rttvar : rtt->srtt / 2;
	hf_us timeout = rtt->srtt ? rtt->srtt + spread : FIRST_TIMEOUT;
	if (timeout < conf->timeout_min)
		timeout = conf->timeout_min;
	timeout <<= rtt->backoff;
	return timeout < conf->timeout_max ? timeout : conf->timeout_max;
}

hf_us hf_rtt_rank_faded(const struct hf_rtt *rtt, uint32_t loss, hf_us now)
{
	hf_us minutes = now > rtt->sampled ? (now - rtt->sampled) / HF_RTT_FADE : 0;
	hf_us cost = rtt->srtt + (hf_us)(HF_RTT_LOSS_COST * loss / LOSS_ONE);
	return minutes < 40 ? cost >> minutes : 0;
}
