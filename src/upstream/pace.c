/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/pace.h"

#define FRACTION 16
#define DOUBLING (500 * HF_MS)

/* What one whose rate nobody knows is given to begin with, messages/s. */
#define UNKNOWN 16

/* 2^20 times that is more than any machine sends. */
#define DOUBLINGS_MAX 20

#define LONGEST (60 * HF_SECOND)

/* Nobody had to wait for so long: there is no crowd any more. */
#define CALM (10 * HF_SECOND)

/* Questions do not come evenly: what was not used in so long may be used at once. With
 * less, an upstream that is given an eighth more than it had would still be passed
 * over by every third question. */
#define SAVED (250 * HF_MS)

/* Of a message, so that a rate below one a second is one too. */
#define ONE 1024

/* Whatever it was, one in two seconds is nothing to be run over by. */
#define LEAST (ONE / 2)

/* Seconds of the average. */
#define AVERAGE 32

/* The second that is over, and those since then in which nothing was sent. */
static void roll(struct hf_pace *pace, hf_us now)
{
	hf_us seconds = (now - pace->second) / HF_SECOND;
	if (seconds < 1 && now >= pace->second)
		return;
	if (!pace->rate)
		pace->rate = pace->sends * ONE;
	else
		pace->rate = (pace->rate * (AVERAGE - 1) + pace->sends * ONE) / AVERAGE;
	for (hf_us i = 1; i < seconds && pace->rate; i++)
		pace->rate -= (pace->rate + AVERAGE - 1) / AVERAGE;
	pace->sends = 0;
	pace->second = now;
}

/* Messages a second, in parts of ONE; 0: no pace is set. */
static uint64_t given(const struct hf_pace *pace, hf_us now)
{
	hf_us since = now - pace->began;
	uint64_t most = (pace->rate + pace->others) + (pace->rate + pace->others) / 8;
	if (!pace->began || since >= LONGEST || now - pace->refused >= CALM)
		return 0;
	uint64_t rate = pace->rate ? pace->rate / FRACTION : UNKNOWN * ONE;
	if (rate < LEAST)
		rate = LEAST;
	if (most && most < LEAST)
		most = LEAST;
	rate <<= since < 0                          ? 0
		 : since / DOUBLING < DOUBLINGS_MAX ? since / DOUBLING
						    : DOUBLINGS_MAX;
	return most && rate > most ? most : rate;
}

/* From one message to the next; rate: in parts of ONE. */
static hf_us gap(uint64_t rate)
{
	return HF_SECOND * ONE / (hf_us)rate;
}

/* A message is paid for with the time that a pace gives it. What goes out though
 * nothing is left for it, because it has waited for long enough, is no debt. */
static void spend(struct hf_pace *pace, hf_us each, hf_us now)
{
	hf_us most = each > SAVED ? each : SAVED;
	hf_us spent = pace->spent > now - most ? pace->spent : now - most;
	pace->spent = spent + each < now ? spent + each : now;
}

void hf_pace_sent(struct hf_pace *pace, hf_us now)
{
	/* What goes out under a pace is no measure of what is wanted. */
	uint64_t rate = given(pace, now);
	if (pace->held)
		return;
	if (!rate) {
		roll(pace, now);
		pace->sends++;
		return;
	}
	spend(pace, gap(rate), now);
}

void hf_pace_hold(struct hf_pace *pace, hf_us now)
{
	if (!pace->held && pace->rate)
		roll(pace, now);
	pace->held = true;
}

void hf_pace_begin(struct hf_pace *pace, uint64_t others, hf_us now)
{
	pace->others = others;
	pace->held = false;
	pace->second = now;
	pace->began = now;
	pace->refused = now;
	pace->sends = 0;                           /* of a second that the outage cut short */
	pace->spent = now - gap(given(pace, now)); /* one may go at once */
}

uint32_t hf_pace_rate(const struct hf_pace *pace, hf_us now)
{
	uint64_t rate = given(pace, now);
	return rate && rate < ONE ? 1
				  : (uint32_t)(rate / ONE < UINT32_MAX ? rate / ONE : UINT32_MAX);
}

bool hf_pace_free(struct hf_pace *pace, hf_us now)
{
	uint64_t rate = given(pace, now);
	if (!rate) {
		pace->began = 0;
		return true;
	}
	/* As fast as it is now, not as it was when the last one went. */
	return now - pace->spent >= gap(rate);
}

void hf_pace_refuse(struct hf_pace *pace, hf_us now)
{
	pace->refused = now;
}
