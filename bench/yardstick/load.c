/* SPDX-License-Identifier: GPL-3.0-or-later */
/* load.c - the load generator of the yardstick.
 *
 * load udp|tcp ADDRESS PORT [KEY=VALUE...] asks one server for numbered names
 * (numbered.h), checks every reply and at the end prints one JSON object. Keys:
 *
 *   names=N       ask for the numbers 0 to N - 1, in random order (1)
 *   fresh=P       so many percent are asked for new numbers instead (0)
 *   from=N        where the new numbers begin
 *   each=1        ask for each name until it is answered right, then end
 *   seconds=S     for so long, or
 *   count=N       so many questions
 *   window=N      so many under way at once (128: what fits into the 208 KiB of
 *                 a socket that nobody has made larger), or
 *   rate=R        so many a second at random moments, whatever comes back
 *   lanes=N       sockets or connections (8)
 *   lockstep=1    ask for a window only when the last one is answered whole
 *   timed=1       tell the times of a window, too (ledger.h says what they are)
 *   spin=1        at a rate, wait for the next moment without sleeping
 *   want=WHAT     the right answer: address (the default), echo, or of a server with
 *                 authority denial, wild or referral
 *   secure=1      the records of DNSSEC are wanted
 *   seed=N        of what is random
 *
 * A reply ends its question, right or not; without one it ends after two
 * seconds. Then the process ends.  Bounds: ledger.h and lanes.h.  Threads: one. */
#include "lanes.h"

#include <err.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "batch.h"

#define CHUNK 32u          /* questions that leave a lane together */
#define LATE_BUCKETS 65536 /* the last one is for all that is later */
#define LATE_UNIT 10000    /* nanoseconds */

static struct hf_yard_plan plan = {.names = 1, .window = 128, .seed = 1};
static struct hf_yard_ledger ledger;
static const struct hf_yard_transport *transport;
static struct pollfd ready[HF_YARD_LANES];
static unsigned lane_count = 8, next_lane;
static int64_t due;                 /* the next question of a rate */
static uint64_t late[LATE_BUCKETS]; /* questions by how late they left */

int64_t hf_yard_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * HF_YARD_SECOND + t.tv_nsec;
}

/* ---- what is wanted ---- */

static enum hf_yard_want read_want(const char *value)
{
	static const char *const wants[] = {"address", "echo", "denial", "wild", "referral"};

	for (size_t i = 0; i < sizeof wants / sizeof *wants; i++)
		if (strcmp(value, wants[i]) == 0)
			return (enum hf_yard_want)i;
	errx(2, "no right answer: %s", value);
}

static void read_word(char *word)
{
	char *value = strchr(word, '=');

	if (value == NULL)
		errx(2, "no KEY=VALUE: %s", word);
	*value++ = '\0';
	double number = atof(value);
	const struct {
		const char *key;
		uint32_t *u32;
		unsigned *u;
		uint64_t *u64;
		double *real;
		bool *flag;
	} keys[] = {{"names", .u32 = &plan.names}, {"fresh", .u = &plan.fresh},
		{"from", .u32 = &plan.fresh_from}, {"seconds", .real = &plan.seconds},
		{"count", .u64 = &plan.count}, {"window", .u = &plan.window},
		{"rate", .real = &plan.rate}, {"lanes", .u = &lane_count},
		{"lockstep", .flag = &plan.lockstep}, {"spin", .flag = &plan.spin},
		{"timed", .flag = &plan.timed}, {"secure", .flag = &plan.secure},
		{"seed", .u64 = &plan.seed}};
	if (strcmp(word, "want") == 0) {
		plan.want = read_want(value);
		return;
	}
	if (strcmp(word, "each") == 0) {
		plan.order = number > 0 ? HF_YARD_EACH : HF_YARD_RANDOM;
		return;
	}
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		if (strcmp(word, keys[i].key) != 0)
			continue;
		if (keys[i].u32)
			*keys[i].u32 = (uint32_t)number;
		else if (keys[i].u)
			*keys[i].u = (unsigned)number;
		else if (keys[i].u64)
			*keys[i].u64 = (uint64_t)number;
		else if (keys[i].real)
			*keys[i].real = number;
		else
			*keys[i].flag = number > 0;
		return;
	}
	errx(2, "no key: %s", word);
}

static void check_plan(void)
{
	if (plan.names == 0 || lane_count == 0 || lane_count > HF_YARD_LANES || plan.fresh > 100 ||
		plan.window == 0 || plan.window > lane_count * 60000 || plan.rate < 0)
		errx(2, "names, lanes, fresh, window or rate is out of bounds");
	if (plan.order != HF_YARD_EACH && plan.count == 0 && !(plan.seconds > 0))
		errx(2, "one of seconds, count and each must be given");
	if (plan.timed && !(plan.seconds > 0 && plan.seconds < 1000))
		errx(2, "times need seconds, and less than 1000");
	if (plan.rate > 0 && !(plan.seconds > 0 && plan.seconds * plan.rate < 1e8))
		errx(2, "a rate needs seconds, and at most 100 million questions");
}

/* ---- asking ---- */

static void end_chunk(void)
{
	ready[next_lane].events = transport->flush(next_lane) ? POLLIN : POLLIN | POLLOUT;
	next_lane = (next_lane + 1) % lane_count;
}

/* Fills the window up. */
static void ask_window(int64_t now)
{
	uint8_t query[HF_YARD_QUERY];

	if (plan.lockstep && ledger.under_way > 0)
		return;
	while (ledger.under_way < plan.window && hf_yard_more(&ledger, now)) {
		for (unsigned i = 0;
			i < CHUNK && ledger.under_way < plan.window && hf_yard_more(&ledger, now);
			i++)
			if (hf_yard_ask(&ledger, next_lane, now, query))
				transport->put(next_lane, query);
		end_chunk();
	}
}

static void note_late(int64_t by)
{
	int64_t bucket = by / LATE_UNIT;

	late[bucket < 0 ? 0 : bucket < LATE_BUCKETS ? bucket : LATE_BUCKETS - 1]++;
}

/* Asks what was to be asked by now, at the moment for which it was planned. */
static void ask_due(int64_t now)
{
	uint8_t query[HF_YARD_QUERY];

	while (due <= now && hf_yard_more(&ledger, due)) {
		for (unsigned i = 0; i < CHUNK && due <= now && hf_yard_more(&ledger, due); i++) {
			if (hf_yard_ask(&ledger, next_lane, due, query))
				transport->put(next_lane, query);
			note_late(now - due);
			due += hf_yard_gap(&ledger);
		}
		end_chunk();
	}
}

/* How long to sleep: until the next question, at most until one may be given up. */
static struct timespec patience(int64_t now)
{
	int64_t left = 50000000;

	if (plan.rate > 0 && hf_yard_more(&ledger, due)) {
		left = due - now < left ? due - now : left;
		if (plan.spin || left < 0)
			left = 0;
	}
	return (struct timespec){.tv_nsec = left};
}

static void play(void)
{
	for (;;) {
		int64_t now = hf_yard_now();
		hf_yard_expire(&ledger, now);
		if (plan.rate > 0)
			ask_due(now);
		else
			ask_window(now);
		if (ledger.under_way == 0 && !hf_yard_more(&ledger, plan.rate > 0 ? due : now))
			return;
		struct timespec wait = patience(now);
		ppoll(ready, lane_count, &wait, NULL);
		for (unsigned i = 0; i < lane_count; i++) {
			if (ready[i].revents & POLLOUT)
				ready[i].events = transport->flush(i) ? POLLIN : POLLIN | POLLOUT;
			if (ready[i].revents & ~POLLOUT)
				ready[i].fd = transport->receive(i, &ledger);
		}
	}
}

/* ---- the report ---- */

static double late_percentile(double share)
{
	uint64_t wanted = (uint64_t)(share * (double)ledger.asked), seen = 0;

	for (int i = 0; i < LATE_BUCKETS; i++)
		if ((seen += late[i]) > wanted)
			return (i + 1) * (LATE_UNIT / 1000.0);
	return 0;
}

/* Replies that found the socket of their lane full: datagrams, for a connection loses none so. */
static uint64_t dropped(void)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < lane_count && transport == &hf_yard_udp; i++) {
		uint32_t memory[SK_MEMINFO_VARS] = {0};
		socklen_t len = sizeof memory;
		if (getsockopt(ready[i].fd, SOL_SOCKET, SO_MEMINFO, memory, &len) < 0)
			err(1, "SO_MEMINFO");
		all += memory[SK_MEMINFO_DROPS];
	}
	return all;
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void report(int64_t began, int64_t ended)
{
	struct rusage used;
	double took = (double)(ended - began) / 1e9;
	double load_time = plan.seconds > 0 ? plan.seconds : took;

	getrusage(RUSAGE_SELF, &used);
	printf("{\"asked\": %llu, \"right\": %llu, \"failed\": %llu, \"wrong\": %llu, "
	       "\"lost\": %llu, \"stray\": %llu, \"reconnects\": %llu, \"dropped\": %llu, ",
		(unsigned long long)ledger.asked, (unsigned long long)ledger.right,
		(unsigned long long)ledger.failed, (unsigned long long)ledger.wrong,
		(unsigned long long)ledger.lost, (unsigned long long)ledger.stray,
		(unsigned long long)hf_yard_reconnects, (unsigned long long)dropped());
	printf("\"seconds\": %.6f, \"per_second\": %.1f, \"cpu\": %.6f, ", took,
		(double)ledger.right_in_time / load_time,
		seconds_of(used.ru_utime) + seconds_of(used.ru_stime));
	printf("\"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f, \"longest\": %.1f, "
	       "\"late_p50\": %.0f, \"late_p99\": %.0f}\n",
		hf_yard_percentile(&ledger, 0.5), hf_yard_percentile(&ledger, 0.99),
		hf_yard_percentile(&ledger, 0.999), hf_yard_percentile(&ledger, 1),
		late_percentile(0.5), late_percentile(0.99));
}

int main(int argc, char **argv)
{
	if (argc < 4)
		errx(2, "usage: load udp|tcp ADDRESS PORT [KEY=VALUE...]");
	struct sockaddr_in server = hf_yard_address(argv[2], argv[3]);
	transport = strcmp(argv[1], "tcp") == 0 ? &hf_yard_tcp : &hf_yard_udp;
	for (int i = 4; i < argc; i++)
		read_word(argv[i]);
	check_plan();
	prctl(PR_SET_TIMERSLACK, 1UL);
	hf_yard_ledger_init(&ledger, &plan);
	for (unsigned i = 0; i < lane_count; i++)
		ready[i] = (struct pollfd){
			.fd = transport->open(i, &server, plan.rate > 0 || plan.timed),
			.events = POLLIN};
	int64_t began = due = hf_yard_now();
	if (plan.seconds > 0)
		ledger.until = began + (int64_t)(plan.seconds * 1e9);
	play();
	report(began, hf_yard_now());
	return 0;
}
