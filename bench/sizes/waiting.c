/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hundred thousand questions that wait at once, over real sockets on loopback.
 *
 * This is client and upstream in one; the server is a child. The upstream stalls: it
 * takes note of what it is asked, so it is known at each moment how many wait, and no more
 * than a window of questions is under way to it. In the end it answers all of them.
 * Printed are the server's processor time and memory, and what they are for a question
 * that is asked while nobody waits stands beside one that is asked while 99,000 do.
 *
 * A question fails after 4.5 s, so all have to be asked and answered within that: a server
 * that has half a processor for itself manages, on a machine that others use it may not,
 * and the last line says how many failed. A hundred thousand take a server's processor some
 * two seconds, so such a machine can be asked for them (chrt -r 1).
 *
 * With `reload` the configuration is changed by a zone and loaded anew while none waits, a
 * tenth of them and all; how long the verb took and what the server used for it is printed
 * last.
 *
 *     growth_waiting HOLDFAST [QUESTIONS [reload]]
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS 64
#define SERVER_PORT 5398
#define UPSTREAM_PORT 5397
#define WINDOW 128     /* less than the smallest socket buffer holds */
#define STALLED_MS 500 /* without any progress: what is under way is lost */
#define QUESTION_MAX 96
#define QUESTIONS_MAX 1000000

/* A question as it came to the upstream. */
struct noted {
	struct sockaddr_in from;
	uint8_t len, octets[QUESTION_MAX];
};

static int clients[CLIENTS], upstream;
static pid_t server;
static struct noted *noted;
static unsigned noted_count, noted_max;
static unsigned answered, failed;

/* What a reload took, and how many waited meanwhile. */
struct reloaded {
	unsigned waiting;
	double seconds, processor;
};

static bool reloading;
static struct reloaded reloads[3];
static unsigned reload_count;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int udp(const char *address, int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int size = 4 << 20, fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, address, &at.sin_addr);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at))
		err(1, "%s", address);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	return fd;
}

static char configuration[] = "/tmp/growth-waiting-XXXXXX";

/* Each reload finds another zone than the one before. */
static void write_configuration(int fd)
{
	if (fd < 0)
		err(1, "%s", configuration);
	dprintf(fd,
		"workers: 1\ncontrol: %s.sock\n"
		"listen: { dns: ['127.0.0.1:%d'], http: none }\n"
		"upstreams: { stalling: { address: '127.0.0.1:%d', infer-cap: no,"
		" timeout-min: 10s, timeout-max: 10s } }\n"
		"forward: [ { zone: '.', to: [stalling] }, { zone: r%u.example, to: [stalling] } "
		"]\n"
		"clients: { in-flight: %d }\ncache: { size: 256MiB, persist: none }\n",
		configuration, SERVER_PORT, UPSTREAM_PORT, reload_count, 2 * QUESTIONS_MAX);
	close(fd);
}

static pid_t start(const char *holdfast, const char *verb)
{
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		int null = open("/dev/null", O_WRONLY);
		dup2(null, 1);
		dup2(null, 2);
		execl(holdfast, holdfast, verb, "-c", configuration, (char *)NULL);
		_exit(127);
	}
	return child;
}

/* Seconds on a processor, of all its threads: the kernel knows them in nanoseconds. */
static double processor(void)
{
	char path[320];
	unsigned long long ns, sum = 0;
	snprintf(path, sizeof path, "/proc/%d/task", (int)server);
	DIR *tasks = opendir(path);
	for (struct dirent *task; tasks && (task = readdir(tasks));) {
		snprintf(
			path, sizeof path, "/proc/%d/task/%s/schedstat", (int)server, task->d_name);
		FILE *file = fopen(path, "r");
		if (file && fscanf(file, "%llu", &ns) == 1)
			sum += ns;
		if (file)
			fclose(file);
	}
	if (tasks)
		closedir(tasks);
	return (double)sum / 1e9;
}

static long resident_kib(void)
{
	char path[64], line[256];
	long kib = 0;
	snprintf(path, sizeof path, "/proc/%d/status", (int)server);
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof line, file))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	if (file)
		fclose(file);
	return kib;
}

/* Octets of a question for a name of a label below example. */
static size_t make_question(const char *label, unsigned number, uint8_t m[static QUESTION_MAX])
{
	static const uint8_t head[12] = {[2] = 1, [5] = 1};
	size_t n = strlen(label);
	memcpy(m, head, sizeof head);
	m[0] = (uint8_t)(number >> 8);
	m[1] = (uint8_t)number;
	m[12] = (uint8_t)n;
	memcpy(m + 13, label, n);
	memcpy(m + 13 + n,
		"\x7"
		"example\0\0\1\0\1",
		13);
	return 13 + n + 13;
}

static void ask(const char *label, unsigned number)
{
	uint8_t m[QUESTION_MAX];
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(SERVER_PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	size_t len = make_question(label, number, m);
	if (sendto(clients[number % CLIENTS], m, len, 0, (struct sockaddr *)&to, sizeof to) < 0)
		warn("send");
}

/* Of the clients from..to-1. */
static void take_replies(int from, int to)
{
	uint8_t m[2048];
	for (int i = from; i < to; i++)
		while (recv(clients[i], m, sizeof m, 0) >= 12) {
			answered += (m[3] & 15) == 0 && m[7];
			failed += (m[3] & 15) != 0;
		}
}

/* ---- the upstream ---- */

static void note_questions(void)
{
	while (noted_count < noted_max) {
		struct noted *q = &noted[noted_count];
		socklen_t len = sizeof q->from;
		ssize_t n = recvfrom(upstream, q->octets, sizeof q->octets, 0,
			(struct sockaddr *)&q->from, &len);
		if (n < 12)
			return;
		q->len = (uint8_t)n;
		noted_count++;
	}
}

/* The question with one record; what followed it (EDNS) is left out. */
static void answer(const struct noted *q)
{
	static const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1};
	uint8_t m[QUESTION_MAX + sizeof record];
	size_t at = 12;
	memcpy(m, q->octets, q->len);
	while (at < q->len && m[at])
		at += 1u + m[at];
	at += 5;
	if (at > q->len)
		return;
	m[2] |= 0x80;
	m[3] = 0x80;
	m[7] = 1;
	m[8] = m[9] = m[10] = m[11] = 0;
	memcpy(m + at, record, sizeof record);
	sendto(upstream, m, at + sizeof record, 0, (const struct sockaddr *)&q->from,
		sizeof q->from);
}

static void wait_until_up(void)
{
	for (double end = now() + 20; now() < end && !answered;) {
		ask("up", 0);
		poll(NULL, 0, 50);
		note_questions();
		while (noted_count)
			answer(&noted[--noted_count]);
		poll(NULL, 0, 20);
		take_replies(0, 1);
	}
	if (!answered)
		errx(1, "the server does not come up");
	poll(NULL, 0, 200);
	take_replies(0, 1);
	answered = failed = noted_count = 0;
}

/* ---- many ---- */

/* Asks for the names from..to-1, as fast as they come to the upstream. */
static void ask_many(unsigned from, unsigned to)
{
	char label[32];
	struct pollfd wait = {.fd = upstream, .events = POLLIN};
	for (unsigned i = from; i < to;) {
		for (unsigned end = noted_count + WINDOW; i < to && i < end; i++) {
			snprintf(label, sizeof label, "w%08u", i);
			ask(label, i);
		}
		if (poll(&wait, 1, STALLED_MS) == 0)
			return;
		note_questions();
	}
	while (noted_count < to && poll(&wait, 1, STALLED_MS) > 0)
		note_questions();
}

/* Answers everything, as fast as it comes to the clients. */
static void answer_many(unsigned from, unsigned to)
{
	unsigned before = answered + failed;
	double progress = now();
	for (unsigned i = from; i < to;) {
		unsigned done = answered + failed;
		for (unsigned end = from + done - before + WINDOW; i < to && i < end; i++)
			answer(&noted[i]);
		take_replies(0, CLIENTS);
		if (answered + failed > done)
			progress = now();
		else if (now() > progress + STALLED_MS / 1e3)
			return;
	}
}

static void take_the_rest(unsigned questions)
{
	for (double end = now() + 8; now() < end && answered + failed < questions;) {
		take_replies(0, CLIENTS);
		poll(NULL, 0, 1);
	}
}

/* ---- the table ---- */

static void tell(
	const char *what, unsigned waiting, unsigned questions, double used, double seconds)
{
	printf("%-10s %9u %9u %13.2f %9.2f %12ld\n", what, waiting, questions,
		questions ? used * 1e6 / questions : 0.0, seconds, resident_kib());
	fflush(stdout);
}

static void reload(const char *holdfast)
{
	struct reloaded *r = &reloads[reload_count++];
	int status = 0;
	write_configuration(open(configuration, O_WRONLY | O_TRUNC | O_CLOEXEC));
	*r = (struct reloaded){noted_count, now(), processor()};
	waitpid(start(holdfast, "reload"), &status, 0);
	r->seconds = now() - r->seconds;
	r->processor = processor() - r->processor;
	if (status)
		errx(1, "the server was not reloaded");
}

/* Asks in pieces, so that how many wait stands for each: a thousand, a few thousand, the
 * rest of a tenth, tenths. */
static void ask_in_pieces(unsigned questions, double begun, const char *holdfast)
{
	const unsigned tenth = questions / 10, few = tenth / 10;
	unsigned at = 0, next[] = {1, few, few * 2, tenth, tenth + few, 5 * tenth, 5 * tenth + few,
				 questions - few, questions};
	for (size_t i = 0; i < sizeof next / sizeof next[0]; i++) {
		double before = processor();
		unsigned waited = noted_count;
		ask_many(at, next[i]);
		tell("asked", waited, noted_count - waited, processor() - before, now() - begun);
		at = next[i];
		if (reloading && (at == tenth || at == questions))
			reload(holdfast);
	}
}

int main(int argc, char **argv)
{
	if (argc < 2)
		errx(2, "usage: growth_waiting HOLDFAST [QUESTIONS [reload]]");
	unsigned questions = argc > 2 ? (unsigned)atoi(argv[2]) : 100000;
	char address[32];
	reloading = argc > 3 && strcmp(argv[3], "reload") == 0;
	if (questions < 100 || questions > QUESTIONS_MAX)
		errx(2, "from 100 to %d questions", QUESTIONS_MAX);
	noted_max = questions + questions / 2;
	noted = calloc(noted_max, sizeof *noted);
	if (!noted)
		err(1, "memory");
	upstream = udp("127.0.0.1", UPSTREAM_PORT);
	for (int i = 0; i < CLIENTS; i++) {
		snprintf(address, sizeof address, "127.0.%d.1", i + 1);
		clients[i] = udp(address, 0);
	}
	write_configuration(mkstemp(configuration));
	server = start(argv[1], "run");
	wait_until_up();
	if (reloading)
		reload(argv[1]);
	long empty = resident_kib();
	printf("%-10s %9s %9s %13s %9s %12s\n", "", "waiting", "questions", "us a question",
		"after, s", "memory, KiB");
	tell("", 0, 0, 0, 0);
	double begun = now();
	ask_in_pieces(questions, begun, argv[1]);
	take_replies(0, CLIENTS);
	unsigned waiting = noted_count, early = answered + failed;
	long full = resident_kib();
	double before = processor();
	answer_many(0, waiting);
	take_the_rest(questions);
	tell("answered", waiting, answered + failed - early, processor() - before, now() - begun);
	printf("%u asked, %u came to the upstream, %u replies while it stalled, then %u answers "
	       "and %u failures; %.0f octets a waiting question\n",
		questions, waiting, early, answered, failed,
		(double)(full - empty) * 1024 / waiting);
	for (unsigned i = 0; i < reload_count; i++)
		printf("reloaded while %6u waited: %.3f s, of a processor %.3f s\n",
			reloads[i].waiting, reloads[i].seconds, reloads[i].processor);
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	unlink(configuration);
	free(noted);
	return 0;
}
