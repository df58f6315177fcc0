/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/pace.h"

#define FRACTION 8
#define DOUBLING (250 * HF_MS)

/* For so long it is given its share and no more; then twice as much, and so on: it has
 * shown that it carries it, and what still waits is not to wait for ever. By then what was
 * popular has been fetched: with six seconds, two hundred that share one upstream asked it
 * more than half as much again as before the outage. */
#define MORE (30 * HF_SECOND)

/* What one whose rate nobody knows is given to begin with, messages/s. */
#define UNKNOWN 16

/* 2^20 times that is more than any machine sends. */
#define DOUBLINGS_MAX 20

/* ... but not for longer. */
#define DEBT (500 * HF_MS)

#define LONGEST (60 * HF_SECOND)

/* Nobody had to wait for so long: there is no crowd any more. */
#define CALM (2 * HF_SECOND)

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

#define HALF (500 * HF_MS)
#define MINUTE (60 * HF_SECOND)

/* Of what it answered in its busiest second so much is a share: with the eighth on top of
 * it a half. Two hundred that are given all of it at the same moment would be twice the
 * load that there ever was, for their busiest seconds were not the same. */
#define CARRIED_PART 4
#define CARRIED_OF 9

/* Of the counts of a hundred seconds the busiest lies so many roots of the mean above it by
 * chance alone. */
#define CHANCE 4

/* Somebody who had to wait so lately is still about. */
#define LATELY HF_SECOND

/* The first seconds of all count as much as each of the others: the one in which it
 * happened to be asked first may have been a quiet one. */
static unsigned one_more(struct hf_pace *pace)
{
	pace->seconds = pace->seconds < AVERAGE ? (uint8_t)(pace->seconds + 1) : AVERAGE;
	return pace->seconds;
}

/* The second that is over, and those since then in which nothing was sent. */
static void roll(struct hf_pace *pace, hf_us now)
{
	if (!pace->seconds && !pace->second)
		pace->second = now; /* the first of all */
	if (now >= pace->second && now - pace->second < HF_SECOND)
		return;
	hf_us seconds = (now - pace->second) / HF_SECOND;
	unsigned of = one_more(pace);
	pace->rate = (pace->rate * (of - 1) + pace->sends * ONE) / of;
	for (hf_us i = 1; i < seconds && pace->rate; i++) {
		of = one_more(pace);
		pace->rate -= (pace->rate + of - 1) / of;
	}
	pace->sends = 0;
	pace->second = now;
}

/* One that is asked three times a second is asked eight times in one of them, and that says
 * nothing of what it carries: two hundred such would ask twice the load that there ever was. */
static bool is_chance(uint32_t carried, uint64_t rate)
{
	uint64_t most = (uint64_t)carried * ONE;
	if (most <= rate + ONE)
		return true;
	uint64_t over = most - rate - ONE;
	return over < UINT32_MAX && over * over <= CHANCE * CHANCE * ONE * rate;
}

uint64_t hf_pace_share(const struct hf_pace *pace)
{
	uint32_t carried =
		pace->carried[0] > pace->carried[1] ? pace->carried[0] : pace->carried[1];
	if (is_chance(carried, pace->rate))
		return pace->rate;
	uint64_t part = (uint64_t)carried * ONE * CARRIED_PART / CARRIED_OF;
	return part > pace->rate ? part : pace->rate;
}

static unsigned doublings(hf_us since, hf_us each)
{
	return since < 0                      ? 0
	       : since / each < DOUBLINGS_MAX ? (unsigned)(since / each)
					      : DOUBLINGS_MAX;
}

/* Messages a second, in parts of ONE; 0: no pace is set. */
static uint64_t given(const struct hf_pace *pace, hf_us now)
{
	if (!pace->began)
		return 0;
	hf_us since = now - pace->began;
	if (since >= LONGEST || now - pace->refused >= CALM)
		return 0;
	uint64_t share = hf_pace_share(pace) + pace->others, most = share + share / 8;
	uint64_t rate = most ? most / FRACTION : UNKNOWN * ONE;
	if (rate < LEAST)
		rate = LEAST;
	if (most && most < LEAST)
		most = LEAST;
	rate <<= doublings(since, DOUBLING);
	most <<= doublings(since, MORE);
	return most && rate > most ? most : rate;
}

/* The most within a second that is made up of two halves of the clock. */
static void note_carried(struct hf_pace *pace)
{
	uint32_t second = pace->answers[0] + pace->answers[1];
	if (second > pace->carried[0])
		pace->carried[0] = second;
}

void hf_pace_answered(struct hf_pace *pace, hf_us now)
{
	/* Nor is what comes back under a pace a measure of what it can carry. */
	if (pace->held || given(pace, now))
		return;
	if (now < pace->half || now - pace->half >= HALF) {
		pace->answers[1] = (now - pace->half) / HALF == 1 ? pace->answers[0] : 0;
		pace->answers[0] = 0;
		pace->half = now - now % HALF;
	}
	if (now < pace->minute || now - pace->minute >= MINUTE) {
		pace->carried[1] = (now - pace->minute) / MINUTE == 1 ? pace->carried[0] : 0;
		pace->carried[0] = 0;
		pace->minute = now - now % MINUTE;
	}
	if (pace->answers[0] < UINT32_MAX / 2)
		pace->answers[0]++;
	note_carried(pace);
}

/* From one message to the next; rate: in parts of ONE. */
static hf_us gap(uint64_t rate)
{
	return HF_SECOND * ONE / (hf_us)rate;
}

/* A message is paid for with the time that a pace gives it. What goes out though nothing is
 * left for it, because it has waited for long enough, is paid for by those who come later. */
static void spend(struct hf_pace *pace, hf_us each, hf_us now)
{
	hf_us most = each > SAVED ? each : SAVED;
	hf_us spent = pace->spent > now - most ? pace->spent : now - most;
	pace->spent = spent + each < now + DEBT ? spent + each : now + DEBT;
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

void hf_pace_also(struct hf_pace *pace, hf_us now)
{
	uint64_t rate = given(pace, now);
	if (rate && !pace->held)
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
	pace->sends = 0;   /* of a second that the outage cut short */
	pace->spent = now; /* what it has answered just now was the first */
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

bool hf_pace_crowded(const struct hf_pace *pace, hf_us now)
{
	return given(pace, now) && pace->refused > pace->began && now - pace->refused < LATELY;
}

void hf_pace_refuse(struct hf_pace *pace, hf_us now)
{
	pace->refused = now;
}
