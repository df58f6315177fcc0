/* SPDX-License-Identifier: GPL-3.0-or-later */
/* client.c - many stub resolvers that ask at given moments and write down all.
 *
 * client ADDRESS PORT LOG asks the server at ADDRESS over UDP. Standard input has
 * a line for each *flow*, and then ends:
 *
 *   LABEL SOURCE START COUNT PERIOD TYPE TRIES WAIT AGAIN MODULO PATTERN
 *
 * From the address SOURCE, from START microseconds on, COUNT questions are asked,
 * one every PERIOD microseconds (0: all at once), for A or PTR of PATTERN, in
 * which `%` stands for the question's number, 0 upwards (modulo MODULO unless
 * that is 0; `%3` and `%4` for its octets, as a name below in-addr.arpa has
 * them). A question that has no reply after WAIT milliseconds is sent again, the
 * same octets from the same port, TRIES times in all, as the stub resolver of
 * the C library does it. SERVFAIL ends a question, unless AGAIN is 1: then it
 * costs a try and the next follows at once, which is what that stub does when it
 * knows no other server.
 *
 * `begin NANOSECONDS` (of the wall clock) is printed when the first flow's time
 * 0 has come. The process ends when every question has ended; LOG then has a
 * line for each: label, when it was to be asked (nanoseconds of the wall clock),
 * how late it was (microseconds), tries, microseconds to the first reply (-1:
 * none) and its rcode, the same for the last reply, what that said (`x` a wrong
 * address, `-` none, else its epoch), TTL, extended errors, name.
 *
 * Bounds: 64 flows, 60,000 questions of a flow under way; past that the process
 * ends and says so.  Threads: one. */
#include "packet.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FLOWS 64
#define UNDER_WAY 60000u
#define FOREVER INT64_MAX

struct question {
	int64_t due;         /* when the present try is over; 0: the question has ended */
	int64_t asked;       /* microseconds since the beginning, as planned */
	int32_t late;        /* how much later it was sent */
	int32_t first, last; /* microseconds from `asked` to the reply, -1: none */
	uint16_t id;
	uint8_t tries, first_rcode;
	struct hf_stage_verdict verdict; /* of the last reply */
};

struct deadline {
	int64_t due;
	uint32_t question;
};

struct flow {
	char label[32], source[32], pattern[128];
	long start, period, wait, modulo;
	unsigned count, tries, type, again;
	int fd;
	struct question *questions;
	unsigned asked, open;
	uint32_t by_id[65536]; /* question + 1; 0: free */
	uint16_t next_id;
	/* Every try waits for the same time, so deadlines are in order: a ring, of
	 * one more than all tries of all questions. */
	struct deadline *deadlines;
	size_t deadline_room, deadline_first, deadline_end;
};

static struct flow *flows[FLOWS];
static unsigned flow_count;
static int64_t began;      /* microseconds, monotonic */
static int64_t began_wall; /* nanoseconds */

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000 - began;
}

static int64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* ---- flows ---- */

static void *zeroed(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory == NULL)
		err(1, "%zu octets", count * size);
	return memory;
}

static int open_socket(const struct flow *f, const struct sockaddr_in *server)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), room = 8 << 20;

	if (fd < 0)
		err(1, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	if (inet_pton(AF_INET, f->source, &from.sin_addr) != 1)
		errx(2, "no address: %s", f->source);
	if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0 ||
		connect(fd, (const struct sockaddr *)server, sizeof *server) < 0)
		err(1, "%s", f->source);
	return fd;
}

static void read_flow(const char *line, const struct sockaddr_in *server)
{
	struct flow *f = zeroed(1, sizeof *f);
	char type[8];

	if (flow_count == FLOWS)
		errx(2, "at most %d flows", FLOWS);
	if (sscanf(line, "%31s %31s %ld %u %ld %7s %u %ld %u %ld %127s", f->label, f->source,
		    &f->start, &f->count, &f->period, type, &f->tries, &f->wait, &f->again,
		    &f->modulo, f->pattern) != 11 ||
		f->tries < 1 || f->tries > 100 || f->count > 10000000)
		errx(2, "no flow: %s", line);
	f->type = strcmp(type, "PTR") == 0 ? HF_STAGE_PTR : HF_STAGE_A;
	f->fd = open_socket(f, server);
	f->questions = zeroed(f->count, sizeof *f->questions);
	f->deadline_room = (size_t)f->count * f->tries + 1;
	f->deadlines = zeroed(f->deadline_room, sizeof *f->deadlines);
	flows[flow_count++] = f;
}

/* The name of question `number`: the pattern with its number in it. */
static void name_of(const struct flow *f, unsigned number, char name[HF_STAGE_NAME])
{
	size_t used = 0;

	if (f->modulo)
		number %= (unsigned)f->modulo;
	for (const char *p = f->pattern; *p && used + 16 < HF_STAGE_NAME; p++) {
		if (*p != '%') {
			name[used++] = *p;
			continue;
		}
		unsigned shown = number;
		if (p[1] == '3' || p[1] == '4')
			shown = *++p == '4' ? number & 255 : number >> 8 & 255;
		used += (size_t)snprintf(name + used, 16, "%u", shown);
	}
	name[used] = '\0';
}

/* ---- one question's life ---- */

static void send_try(struct flow *f, unsigned number, int64_t now)
{
	struct question *q = &f->questions[number];
	uint8_t out[HF_STAGE_MESSAGE];
	char name[HF_STAGE_NAME];

	name_of(f, number, name);
	size_t length = hf_stage_write_query(q->id, name, (uint16_t)f->type, out);
	if (length == 0)
		errx(2, "no name: %s", name);
	/* A refused port is the network's answer to an earlier packet: send again. */
	if (send(f->fd, out, length, 0) < 0)
		send(f->fd, out, length, 0);
	q->tries++;
	q->due = now + f->wait * 1000;
	f->deadlines[f->deadline_end] = (struct deadline){q->due, number};
	f->deadline_end = (f->deadline_end + 1) % f->deadline_room;
}

static void ask_next(struct flow *f, int64_t now)
{
	unsigned number = f->asked++;
	struct question *q = &f->questions[number];

	if (f->open == UNDER_WAY)
		errx(1, "%s: too many questions under way", f->label);
	while (f->by_id[f->next_id])
		f->next_id++;
	f->open++;
	q->id = f->next_id++;
	q->asked = f->start + (int64_t)number * f->period;
	q->late = (int32_t)(now - q->asked);
	q->first = q->last = -1;
	f->by_id[q->id] = number + 1;
	send_try(f, number, now);
}

static void end_question(struct flow *f, struct question *q)
{
	q->due = 0;
	f->by_id[q->id] = 0;
	f->open--;
}

static void take_reply(struct flow *f, const uint8_t *m, size_t length, int64_t now)
{
	struct hf_stage_question said;
	struct hf_stage_verdict verdict;
	char name[HF_STAGE_NAME];

	if (hf_stage_read_question(m, length, &said) < 0 || f->by_id[said.id] == 0)
		return;
	unsigned number = f->by_id[said.id] - 1;
	struct question *q = &f->questions[number];
	name_of(f, number, name);
	if (strcmp(name, said.name) != 0 || said.type != f->type ||
		hf_stage_judge(m, length, name, &verdict) < 0)
		return;
	if (q->first < 0) {
		q->first = (int32_t)(now - q->asked);
		q->first_rcode = (uint8_t)verdict.rcode;
	}
	q->last = (int32_t)(now - q->asked);
	q->verdict = verdict;
	if (verdict.rcode == HF_STAGE_SERVFAIL && f->again && q->tries < f->tries)
		send_try(f, number, now);
	else
		end_question(f, q);
}

static void receive(struct flow *f)
{
	uint8_t in[4096];

	for (int i = 0; i < 256; i++) {
		ssize_t length = recv(f->fd, in, sizeof in, 0);
		if (length < 0 && errno != ECONNREFUSED)
			return;
		if (length > 0)
			take_reply(f, in, (size_t)length, now_us());
	}
}

/* ---- time ---- */

/* Does what is due in a flow; returns when something will be, or FOREVER. */
static int64_t turn(struct flow *f, int64_t now)
{
	while (f->asked < f->count && f->start + (int64_t)f->asked * f->period <= now)
		ask_next(f, now);
	while (f->deadline_first != f->deadline_end && f->deadlines[f->deadline_first].due <= now) {
		struct deadline d = f->deadlines[f->deadline_first];
		struct question *q = &f->questions[d.question];
		f->deadline_first = (f->deadline_first + 1) % f->deadline_room;
		if (q->due != d.due)
			continue;
		if (q->tries < f->tries)
			send_try(f, d.question, now);
		else
			end_question(f, q);
	}
	int64_t next = FOREVER;
	if (f->asked < f->count)
		next = f->start + (int64_t)f->asked * f->period;
	if (f->open && f->deadlines[f->deadline_first].due < next)
		next = f->deadlines[f->deadline_first].due;
	return next;
}

/* Until every question of every flow has ended. */
static void play(void)
{
	for (;;) {
		struct pollfd ready[FLOWS];
		int64_t now = now_us(), next = FOREVER;
		for (unsigned i = 0; i < flow_count; i++) {
			int64_t at = turn(flows[i], now);
			next = at < next ? at : next;
			ready[i] = (struct pollfd){.fd = flows[i]->fd, .events = POLLIN};
		}
		if (next == FOREVER)
			return;
		now = now_us();
		int64_t left = next > now ? next - now : 0;
		struct timespec wait = {.tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000};
		ppoll(ready, flow_count, &wait, NULL);
		for (unsigned i = 0; i < flow_count; i++)
			if (ready[i].revents)
				receive(flows[i]);
	}
}

/* ---- the log ---- */

static void write_edes(FILE *out, const struct hf_stage_verdict *v)
{
	for (unsigned i = 0; i < v->edes; i++)
		fprintf(out, "%s%u", i ? "," : "", v->ede[i]);
	fputs(v->edes ? "\t" : "-\t", out);
}

static void write_question(FILE *out, const struct flow *f, unsigned number)
{
	const struct question *q = &f->questions[number];
	char name[HF_STAGE_NAME], said[16] = "-";

	name_of(f, number, name);
	if (q->last >= 0 && q->verdict.epoch != -1)
		snprintf(said, sizeof said, q->verdict.epoch < 0 ? "x" : "%d", q->verdict.epoch);
	fprintf(out, "%s\t%lld\t%d\t%u\t%d\t%u\t%d\t%u\t%s\t%u\t", f->label,
		(long long)(began_wall + q->asked * 1000), q->late, q->tries, q->first,
		q->first_rcode, q->last, q->verdict.rcode, said, q->verdict.ttl);
	write_edes(out, &q->verdict);
	fprintf(out, "%s\n", name);
}

static void write_log(const char *path)
{
	FILE *out = fopen(path, "w");

	if (out == NULL)
		err(1, "%s", path);
	for (unsigned i = 0; i < flow_count; i++)
		for (unsigned number = 0; number < flows[i]->asked; number++)
			write_question(out, flows[i], number);
	if (fclose(out) != 0)
		err(1, "%s", path);
}

int main(int argc, char **argv)
{
	struct sockaddr_in server = {.sin_family = AF_INET};
	char line[512];

	if (argc != 4 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1)
		errx(2, "usage: client ADDRESS PORT LOG");
	server.sin_port = htons((uint16_t)atoi(argv[2]));
	while (fgets(line, sizeof line, stdin))
		read_flow(line, &server);
	began = now_us();
	began_wall = wall_ns();
	printf("begin %lld\n", (long long)began_wall);
	fflush(stdout);
	play();
	write_log(argv[3]);
	return 0;
}
