/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hundred thousand questions that wait at once, over real sockets on loopback.
 *
 * This is client and upstream in one; the server is a child. The upstream stalls:
 * questions lie in its socket while ever new ones are asked, then it answers all
 * of them. Printed are the server's processor time and memory for each tenth of the
 * questions, so what is asked while 90,000 wait stands beside what is asked while
 * nobody does, and how many were answered in the end.
 *
 *     growth_waiting HOLDFAST [QUESTIONS]
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
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
#define TENTHS 10

static int clients[CLIENTS], upstream;
static pid_t server;
static unsigned answered, failed, asked_upstream;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int udp(const char *address, int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int size = 512 << 20, fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, address, &at.sin_addr);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at))
		err(1, "%s", address);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
		warn("a large receive buffer: questions may be lost in it");
	return fd;
}

static char *configuration(void)
{
	static char path[] = "/tmp/growth-waiting-XXXXXX";
	int fd = mkstemp(path);
	if (fd < 0)
		err(1, "%s", path);
	dprintf(fd,
		"workers: 1\ncontrol: %s.sock\nlisten: { dns: ['127.0.0.1:%d'], http: none }\n"
		"upstreams: { stalling: { address: '127.0.0.1:%d', infer-cap: no, timeout-min: 10s, timeout-max: 10s } }\n"
		"clients: { in-flight: 1000000 }\ncache: { size: 256MiB, persist: none }\n",
		path, SERVER_PORT, UPSTREAM_PORT);
	close(fd);
	return path;
}

static void start(const char *holdfast, char *path)
{
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		int null = open("/dev/null", O_WRONLY);
		dup2(null, 1);
		dup2(null, 2);
		execl(holdfast, holdfast, "run", "-c", path, (char *)NULL);
		_exit(127);
	}
}

/* utime and stime are the 14th and 15th fields, in hundredths of a second. */
static double processor(void)
{
	char path[64], text[1024], *at;
	unsigned long user = 0, kernel = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)server);
	FILE *file = fopen(path, "r");
	size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
	text[n] = 0;
	at = strrchr(text, ')');
	if (at)
		sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
	if (file)
		fclose(file);
	return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
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

/* What stands in the server's sockets unread (false), or was dropped there (true). */
static unsigned unread(bool dropped)
{
	char line[512];
	unsigned sum = 0, port, queue;
	FILE *file = fopen("/proc/net/udp", "r");
	while (file && fgets(line, sizeof line, file)) {
		size_t len = strlen(line);
		while (len && (line[len - 1] == '\n' || line[len - 1] == ' '))
			line[--len] = 0;
		const char *last = strrchr(line, ' ');
		if (sscanf(line, " %*u: %*x:%x %*x:%*x %*x %*x:%x", &port, &queue) == 2 && last &&
			port == SERVER_PORT)
			sum += dropped ? (unsigned)strtoul(last, NULL, 10) : queue;
	}
	if (file)
		fclose(file);
	return sum;
}

static void ask(const char *name, unsigned number)
{
	uint8_t m[64] = { (uint8_t)(number >> 8), (uint8_t)number, 1, 0, 0, 1 };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(SERVER_PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	size_t at = 12, n = strlen(name);
	m[at++] = (uint8_t)n;
	memcpy(m + at, name, n);
	memcpy(m + at + n, "\x7" "example\0\0\1\0\1", 13);
	at += n + 13;
	if (sendto(clients[number % CLIENTS], m, at, 0, (struct sockaddr *)&to, sizeof to) < 0)
		warn("send");
}

static void take_replies(void)
{
	uint8_t m[2048];
	for (int i = 0; i < CLIENTS; i++)
		while (recv(clients[i], m, sizeof m, 0) >= 12) {
			answered += (m[3] & 15) == 0 && m[7];
			failed += (m[3] & 15) != 0;
		}
}

/* The question with one record; what followed it (EDNS) is left out. */
static void answer_some(void)
{
	static const uint8_t record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1 };
	uint8_t m[2048];
	struct sockaddr_in from;
	for (int i = 0; i < 64; i++) {
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(upstream, m, sizeof m, 0, (struct sockaddr *)&from, &len);
		if (n < 12)
			return;
		size_t at = 12;
		while (at < 300 && m[at])
			at += 1u + m[at];
		at += 5;
		m[2] |= 0x80;
		m[3] = 0x80;
		m[7] = 1;
		m[8] = m[9] = m[10] = m[11] = 0;
		memcpy(m + at, record, sizeof record);
		sendto(upstream, m, at + sizeof record, 0, (struct sockaddr *)&from, len);
		asked_upstream++;
	}
}

static void wait_until_up(void)
{
	for (double end = now() + 10; now() < end && !answered;) {
		ask("up", 0);
		poll(NULL, 0, 50);
		answer_some();
		poll(NULL, 0, 10);
		take_replies();
	}
	poll(NULL, 0, 200);
	answer_some();
	poll(NULL, 0, 100);
	take_replies();
	if (!answered)
		errx(1, "the server does not come up");
	answered = failed = asked_upstream = 0;
}

/* As fast as the server reads: what it has not read does not wait in it. */
static void ask_tenth(unsigned from, unsigned to)
{
	char name[32];
	for (unsigned i = from; i < to; i++) {
		while (i % 1024 == 0 && unread(false))
			;
		snprintf(name, sizeof name, "w%08u", i);
		ask(name, i);
	}
	while (unread(false))
		;
	poll(NULL, 0, 5);
}

static void tell(const char *what, unsigned waiting, unsigned questions, double used)
{
	printf("%-24s %9u %13.2f %12ld\n", what, waiting, used * 1e6 / questions, resident_kib());
	fflush(stdout);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		errx(2, "usage: growth_waiting HOLDFAST [QUESTIONS]");
	unsigned questions = argc > 2 ? (unsigned)atoi(argv[2]) : 100000, part = questions / TENTHS;
	char *path = configuration(), address[32];
	upstream = udp("127.0.0.1", UPSTREAM_PORT);
	for (int i = 0; i < CLIENTS; i++) {
		snprintf(address, sizeof address, "127.0.%d.1", i + 1);
		clients[i] = udp(address, 0);
	}
	start(argv[1], path);
	wait_until_up();
	long empty = resident_kib();
	unsigned waiting = 0;
	printf("%-24s %9s %13s %12s\n", "", "waiting", "us a question", "memory, KiB");
	for (unsigned t = 0; t < TENTHS; t++) {
		char what[32];
		double before = processor();
		unsigned lost = unread(true);
		ask_tenth(t * part, (t + 1) * part);
		snprintf(what, sizeof what, "asked, tenth %u", t + 1);
		lost = unread(true) - lost;
		waiting += part - lost;
		tell(what, waiting, part > lost ? part - lost : 1, processor() - before);
	}
	long full = resident_kib();
	take_replies();
	unsigned early = answered + failed;
	double before = processor();
	for (double end = now() + 8; now() < end && answered + failed < waiting;) {
		answer_some();
		take_replies();
	}
	tell("answered", 0, waiting, processor() - before);
	printf("%u asked, %u of them dropped unread, %u replies while the upstream stalled, then %u answers and %u failures; it saw %u questions; %.0f octets a waiting question\n",
		questions, questions - waiting, early, answered, failed, asked_upstream,
		(double)(full - empty) * 1024 / waiting);
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	unlink(path);
	return 0;
}
