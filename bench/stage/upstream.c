/* SPDX-License-Identifier: GPL-3.0-or-later */
/* upstream.c - simulated upstreams that can fail in every way of the book, on
 * command, and remember each packet that they got.
 *
 * Story: one process plays any number of upstreams, each on an address of its
 * own, over UDP and TCP. It answers every name under the zones that it is told
 * of with what packet.h calls the truth. Standard input says what goes wrong:
 *
 *   listen NAME ADDRESS PORT    a new upstream
 *   zone SUFFIX TTL             all upstreams answer for names below SUFFIX
 *   gone SUFFIX TTL             no name at or below SUFFIX exists, unless it is of a
 *                               zone; "." is all that there is
 *   victim NAME                 one of those that liars lie about
 *   epoch N                     another truth from now on (0 to 7)
 *   fault NAME answer           nothing goes wrong (so it begins)
 *   fault NAME silent           no reply; a TCP query is read and not answered
 *   fault NAME servfail         or refused: every reply has this rcode
 *   fault NAME loss PERCENT     so many queries get no reply
 *   fault NAME delay MS         every reply comes so much later
 *   fault NAME flap MS          silent for so long, well for so long, and so on
 *   fault NAME cap N            N replies a second, shared out evenly over windows
 *                               of 100 ms; what a window has no room for is dropped
 *   fault NAME lie PERCENT      so many answers about victims are forged, and every
 *                               name that does not exist is given the forged address
 *   fault NAME vary N           all give what differs by design, N (1 to 255) being where
 *                               this one stands: names that begin with `g` have addresses
 *                               near N, those with `c` two of fifty of a content network
 *                               by an alias, all others the same four in any order
 *   lose NAME N                 the next N queries for known names get no reply
 *   down NAME, up NAME          its sockets are closed (ICMP, RST), and open again
 *   save PATH                   writes the log
 *
 * Each command is answered on standard output by `ok NANOSECONDS`, the moment
 * when it took effect, or by `error WHY`. End of input ends the process.
 *
 * The log has a line a query: when the kernel received it (SO_TIMESTAMPNS, of
 * the wall clock), upstream, udp, tcp or tcp-new (the first query of a
 * connection), source port, type, what became of it, and the name. `# lost N`
 * at its head counts what the kernel's queues had no room for; above 0 the run
 * is worth nothing.
 *
 * At the bound: 16 upstreams, 8 zones and as many that are gone, 8 victims, 4,096 TCP connections
 * (further ones are closed at once), 65,536 delayed replies (further queries are dropped and
 * marked), 4,000,000 log lines (then the process ends and says so). Threads: one. Failures of the
 * machine (memory, sockets) end the process. */
#include "packet.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define UPSTREAMS 16
#define ZONES 8
#define VICTIMS 8
#define FORGED 0xcb007142u /* 203.0.113.66 */
#define CONNECTIONS 4096
#define DELAYED 65536
#define LOG_LINES 4000000u
#define WINDOW 100000000LL /* of a cap, in nanoseconds */
#define MILLISECOND 1000000LL
#define TCP_MESSAGE 2048

enum fault { ANSWER, SILENT, SERVFAIL, REFUSED, LOSS, DELAY, FLAP, CAP, LIE, VARY, FAULTS };
static const char *const fault_words[FAULTS] = {
	"answer", "silent", "servfail", "refused", "loss", "delay", "flap", "cap", "lie", "vary"};

enum way { UDP, TCP, TCP_NEW };
static const char *const way_words[] = {"udp", "tcp", "tcp-new"};

enum fate { ANSWERED, FAILED, DROPPED, LATER };
static const char *const fate_words[] = {"answered", "failed", "dropped", "later"};

struct upstream {
	char name[32];
	struct sockaddr_in at;
	int udp, tcp; /* -1: down */
	enum fault fault;
	int64_t value, since; /* of the fault; nanoseconds of the wall clock */
	uint64_t lose;
	int64_t window; /* the cap's present window, and replies in it */
	int64_t in_window;
	uint32_t lost; /* as the kernel counts (SO_RXQ_OVFL) */
};

struct zone {
	char suffix[HF_STAGE_NAME];
	uint32_t ttl;
};

struct connection { /* a client's; fd -1: free */
	int fd;
	unsigned upstream;
	size_t have;
	bool asked; /* it has brought a query before */
	uint8_t in[TCP_MESSAGE];
};

struct line { /* of the log */
	int64_t when;
	uint32_t name; /* offset in log_names */
	uint16_t port, type;
	uint8_t upstream, way, fate;
};

struct reply { /* that waits for its time */
	int64_t due;
	unsigned upstream;
	int connection; /* index and its fd, or -1 for UDP */
	int fd;
	struct sockaddr_in to;
	uint16_t length;
	uint8_t *octets;
};

struct query { /* one that was just received */
	int64_t when;
	unsigned upstream;
	enum way way;
	int connection;
	struct sockaddr_in from;
	const uint8_t *octets;
	size_t length;
};

static struct upstream upstreams[UPSTREAMS];
static unsigned upstream_count;
static struct zone zones[ZONES];
static unsigned zone_count;
static struct zone gone[ZONES];
static unsigned gone_count;
static char victims[VICTIMS][HF_STAGE_NAME];
static unsigned victim_count;
static unsigned epoch;
static struct connection connections[CONNECTIONS];
static struct line *lines;
static size_t line_count, line_room;
static char *names;
static size_t names_used, names_room;
static struct reply delayed[DELAYED]; /* a ring, by due time */
static unsigned delayed_first, delayed_count;
static int poller;
static uint64_t dice = 0x9e3779b97f4a7c15u;

static int64_t wall_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static unsigned roll(unsigned sides)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (unsigned)(dice >> 33) % sides;
}

/* ---- the log ---- */

static void *grow(void *old, size_t size)
{
	void *new = realloc(old, size);

	if (new == NULL)
		err(1, "log of %zu octets", size);
	return new;
}

static void remember(
	const struct query *q, const struct hf_stage_question *question, enum fate fate)
{
	size_t length = strlen(question->name) + 1;

	if (line_count == LOG_LINES)
		errx(1, "the log is full");
	if (line_count == line_room)
		lines = grow(
			lines, (line_room = line_room ? 2 * line_room : 65536) * sizeof *lines);
	if (names_used + length > names_room)
		names = grow(names, names_room = 2 * names_room + 65536);
	memcpy(names + names_used, question->name, length);
	lines[line_count++] = (struct line){.when = q->when,
		.name = (uint32_t)names_used,
		.port = ntohs(q->from.sin_port),
		.type = question->type,
		.upstream = (uint8_t)q->upstream,
		.way = (uint8_t)q->way,
		.fate = (uint8_t)fate};
	names_used += length;
}

static const char *save(char *path)
{
	FILE *out = path ? fopen(path, "w") : NULL;
	uint64_t lost = 0;

	if (out == NULL)
		return "cannot write there";
	for (unsigned i = 0; i < upstream_count; i++)
		lost += upstreams[i].lost;
	fprintf(out, "# lost %lu\n", (unsigned long)lost);
	for (size_t i = 0; i < line_count; i++) {
		const struct line *l = &lines[i];
		fprintf(out, "%lld\t%s\t%s\t%u\t%u\t%s\t%s\n", (long long)l->when,
			upstreams[l->upstream].name, way_words[l->way], l->port, l->type,
			fate_words[l->fate], names + l->name);
	}
	return fclose(out) == 0 ? NULL : "cannot write there";
}

/* ---- replies ---- */

static void end_connection(struct connection *c)
{
	close(c->fd);
	c->fd = -1;
}

static void send_reply(const struct reply *r)
{
	const struct upstream *u = &upstreams[r->upstream];

	if (r->connection < 0) {
		if (u->udp >= 0)
			sendto(u->udp, r->octets, r->length, 0, (const struct sockaddr *)&r->to,
				sizeof r->to);
		return;
	}
	struct connection *c = &connections[r->connection];
	uint8_t framed[2 + HF_STAGE_MESSAGE] = {(uint8_t)(r->length >> 8), (uint8_t)r->length};
	memcpy(framed + 2, r->octets, r->length);
	if (c->fd == r->fd && send(c->fd, framed, r->length + 2u, MSG_NOSIGNAL) != r->length + 2)
		end_connection(c);
}

/* Replies are of one delay at a time: nearly always the new one is the last. */
static void delay_reply(const struct reply *r)
{
	unsigned at = delayed_count++;

	for (; at > 0; at--) {
		struct reply *before = &delayed[(delayed_first + at - 1) % DELAYED];
		if (before->due <= r->due)
			break;
		delayed[(delayed_first + at) % DELAYED] = *before;
	}
	struct reply *slot = &delayed[(delayed_first + at) % DELAYED];
	*slot = *r;
	slot->octets = grow(NULL, r->length);
	memcpy(slot->octets, r->octets, r->length);
}

static void send_due(int64_t now)
{
	while (delayed_count && delayed[delayed_first].due <= now) {
		struct reply *r = &delayed[delayed_first];
		send_reply(r);
		free(r->octets);
		delayed_first = (delayed_first + 1) % DELAYED;
		delayed_count--;
	}
}

/* Milliseconds until the next delayed reply, rounded up; -1: none. */
static int until_due(int64_t now)
{
	if (delayed_count == 0)
		return -1;
	int64_t left = delayed[delayed_first].due - now;
	return left <= 0 ? 0 : (int)((left + MILLISECOND - 1) / MILLISECOND);
}

/* ---- what becomes of a query ---- */

static const struct zone *zone_of(const struct zone *list, unsigned count, const char *name)
{
	size_t length = strlen(name);

	for (unsigned i = 0; i < count; i++) {
		size_t suffix = strlen(list[i].suffix);
		if (suffix == 0 ||
			(length >= suffix && strcmp(name + length - suffix, list[i].suffix) == 0 &&
				(length == suffix || name[length - suffix - 1] == '.')))
			return &list[i];
	}
	return NULL;
}

static bool is_victim(const char *name)
{
	for (unsigned i = 0; i < victim_count; i++)
		if (strcmp(victims[i], name) == 0)
			return true;
	return false;
}

static bool cap_has_room(struct upstream *u, int64_t when)
{
	int64_t window = (when - u->since) / WINDOW;

	if (window != u->window) {
		u->window = window;
		u->in_window = 0;
	}
	return u->in_window++ < u->value / 10;
}

static bool drops(struct upstream *u, int64_t when)
{
	switch (u->fault) {
	case SILENT: return true;
	case LOSS: return roll(100) < (unsigned)u->value;
	case FLAP: return (when - u->since) / (u->value * MILLISECOND) % 2 == 0;
	case CAP: return !cap_has_room(u, when);
	default: return false;
	}
}

static unsigned rcode_of(
	const struct upstream *u, const struct hf_stage_question *q, bool known, bool denied)
{
	if (u->fault == SERVFAIL)
		return HF_STAGE_SERVFAIL;
	if (denied)
		return u->fault == LIE && q->type == HF_STAGE_A ? HF_STAGE_NOERROR
								: HF_STAGE_NXDOMAIN;
	/* The root is asked about by resolvers that prime; it has no data here. */
	if (u->fault == REFUSED || (!known && q->name[0]))
		return HF_STAGE_REFUSED;
	return HF_STAGE_NOERROR;
}

static void forge(struct hf_stage_truths *truths)
{
	truths->addresses = 1;
	truths->address[0] = FORGED;
}

/* What differs by design, from upstream to upstream and from question to question. */
static void vary(const struct upstream *u, const char *name, struct hf_stage_truths *truths)
{
	uint32_t where = 10u << 24 | (hf_stage_truth(name, 0) & 0xffff) << 8;
	unsigned turn = roll(4);

	if (name[0] == 'g') {
		truths->addresses = 1;
		truths->address[0] = where | (uint32_t)u->value;
	} else if (name[0] == 'c') {
		truths->addresses = 2;
		truths->alias = true;
		truths->address[0] = 10u << 24 | (uint32_t)u->value << 16 | roll(50);
		truths->address[1] = truths->address[0] ^ 0x100;
	} else {
		truths->addresses = 4;
		for (unsigned i = 0; i < 4; i++)
			truths->address[i] = where | ((i + turn) % 4 + 1);
	}
}

static enum fate answer(const struct query *q, const struct hf_stage_question *question)
{
	struct upstream *u = &upstreams[q->upstream];
	const struct zone *zone = zone_of(zones, zone_count, question->name);
	const struct zone *denied =
		zone || !question->name[0] ? NULL : zone_of(gone, gone_count, question->name);
	uint8_t out[HF_STAGE_MESSAGE];

	if (drops(u, q->when))
		return DROPPED;
	if (u->lose && zone) {
		u->lose--;
		return DROPPED;
	}
	struct hf_stage_truths truths = {.rcode = rcode_of(u, question, zone, denied),
		.epoch = epoch,
		.ttl = zone     ? zone->ttl
		       : denied ? denied->ttl
				: 60,
		.known = zone};
	if (u->fault == LIE && question->type == HF_STAGE_A &&
		(denied || (is_victim(question->name) && roll(100) < (unsigned)u->value)))
		forge(&truths);
	if (u->fault == VARY && zone && question->type == HF_STAGE_A)
		vary(u, question->name, &truths);
	size_t length = hf_stage_write_response(q->octets, question, &truths, out);
	struct reply r = {.upstream = q->upstream,
		.connection = q->connection,
		.fd = q->connection < 0 ? -1 : connections[q->connection].fd,
		.to = q->from,
		.length = (uint16_t)length,
		.octets = out};
	if (u->fault == DELAY) {
		if (delayed_count == DELAYED)
			return DROPPED;
		r.due = q->when + u->value * MILLISECOND;
		delay_reply(&r);
		return LATER;
	}
	send_reply(&r);
	return truths.rcode ? FAILED : ANSWERED;
}

static void take_query(const struct query *q)
{
	struct hf_stage_question question;

	if (q->length > HF_STAGE_MESSAGE ||
		hf_stage_read_question(q->octets, q->length, &question) < 0)
		return;
	remember(q, &question, answer(q, &question));
}

/* ---- sockets ---- */

/* What epoll hands back: a kind above, an index below. */
enum watched { OF_INPUT, OF_UDP, OF_TCP, OF_CONNECTION };

static void watch(int fd, enum watched what, unsigned index)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = (uint64_t)what << 32 | index};

	if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e) < 0)
		err(1, "epoll_ctl");
}

static int open_socket(const struct upstream *u, int type)
{
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, room = 8 << 20;

	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (type == SOCK_DGRAM) {
		setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
		setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0)
			setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	}
	if (bind(fd, (const struct sockaddr *)&u->at, sizeof u->at) < 0)
		err(1, "bind %s", u->name);
	if (type == SOCK_STREAM && listen(fd, 512) < 0)
		err(1, "listen %s", u->name);
	return fd;
}

static void bring_up(unsigned index)
{
	struct upstream *u = &upstreams[index];

	u->udp = open_socket(u, SOCK_DGRAM);
	u->tcp = open_socket(u, SOCK_STREAM);
	watch(u->udp, OF_UDP, index);
	watch(u->tcp, OF_TCP, index);
}

static void take_down(unsigned index)
{
	struct upstream *u = &upstreams[index];

	close(u->udp);
	close(u->tcp);
	u->udp = u->tcp = -1;
	for (unsigned i = 0; i < CONNECTIONS; i++)
		if (connections[i].fd >= 0 && connections[i].upstream == index)
			end_connection(&connections[i]);
}

static void read_ancillary(struct msghdr *m, struct upstream *u, int64_t *when)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct timespec t;
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SO_TIMESTAMPNS) {
			memcpy(&t, CMSG_DATA(c), sizeof t);
			*when = t.tv_sec * 1000000000LL + t.tv_nsec;
		} else if (c->cmsg_type == SO_RXQ_OVFL)
			memcpy(&u->lost, CMSG_DATA(c), sizeof u->lost);
	}
}

static void receive_udp(unsigned index)
{
	struct upstream *u = &upstreams[index];
	uint8_t in[TCP_MESSAGE], control[256];

	for (int i = 0; i < 64 && u->udp >= 0; i++) {
		struct query q = {.upstream = index, .way = UDP, .connection = -1, .octets = in};
		struct iovec piece = {in, sizeof in};
		struct msghdr m = {.msg_name = &q.from,
			.msg_namelen = sizeof q.from,
			.msg_iov = &piece,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof control};
		ssize_t length = recvmsg(u->udp, &m, 0);
		if (length < 0)
			return;
		q.when = wall_now();
		read_ancillary(&m, u, &q.when);
		q.length = (size_t)length;
		take_query(&q);
	}
}

static void accept_tcp(unsigned index)
{
	unsigned i = 0;
	int fd;

	while ((fd = accept4(upstreams[index].tcp, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
		0) {
		while (i < CONNECTIONS && connections[i].fd >= 0)
			i++;
		if (i == CONNECTIONS) {
			close(fd);
			continue;
		}
		connections[i].fd = fd;
		connections[i].upstream = index;
		connections[i].have = 0;
		connections[i].asked = false;
		watch(fd, OF_CONNECTION, i);
	}
}

static void take_framed(struct connection *c)
{
	for (;;) {
		size_t length = c->have < 2 ? 0 : (size_t)c->in[0] << 8 | c->in[1];
		if (c->have < 2 || c->have < length + 2)
			return;
		struct query q = {.when = wall_now(),
			.upstream = c->upstream,
			.way = c->asked ? TCP : TCP_NEW,
			.connection = (int)(c - connections),
			.octets = c->in + 2,
			.length = length};
		socklen_t size = sizeof q.from;
		getpeername(c->fd, (struct sockaddr *)&q.from, &size);
		c->asked = true;
		take_query(&q);
		c->have -= length + 2;
		memmove(c->in, c->in + length + 2, c->have);
		if (c->fd < 0)
			return;
	}
}

static void receive_tcp(struct connection *c)
{
	if (c->fd < 0)
		return;
	ssize_t got = recv(c->fd, c->in + c->have, sizeof c->in - c->have, 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		end_connection(c);
		return;
	}
	c->have += (size_t)got;
	take_framed(c);
	if (c->fd >= 0 && c->have == sizeof c->in)
		end_connection(c); /* longer than anything that is asked here */
}

/* ---- commands ---- */

static int find(const char *name)
{
	for (unsigned i = 0; name && i < upstream_count; i++)
		if (strcmp(upstreams[i].name, name) == 0)
			return (int)i;
	return -1;
}

static const char *do_listen(char **words)
{
	struct upstream *u = &upstreams[upstream_count];

	if (upstream_count == UPSTREAMS || !words[1] || !words[2] || !words[3])
		return "listen NAME ADDRESS PORT";
	*u = (struct upstream){.at.sin_family = AF_INET, .udp = -1, .tcp = -1, .window = -1};
	snprintf(u->name, sizeof u->name, "%s", words[1]);
	u->at.sin_port = htons((uint16_t)atoi(words[3]));
	if (inet_pton(AF_INET, words[2], &u->at.sin_addr) != 1)
		return "no address";
	bring_up(upstream_count++);
	return NULL;
}

static const char *add_zone(struct zone *list, unsigned *count, char **words)
{
	if (*count == ZONES || !words[1] || !words[2])
		return "zone or gone SUFFIX TTL";
	snprintf(list[*count].suffix, HF_STAGE_NAME, "%s", strcmp(words[1], ".") ? words[1] : "");
	list[(*count)++].ttl = (uint32_t)atol(words[2]);
	return NULL;
}

static const char *do_zone(char **words)
{
	return add_zone(zones, &zone_count, words);
}

static const char *do_gone(char **words)
{
	return add_zone(gone, &gone_count, words);
}

static const char *do_victim(char **words)
{
	if (victim_count == VICTIMS || !words[1])
		return "victim NAME";
	snprintf(victims[victim_count++], HF_STAGE_NAME, "%s", words[1]);
	return NULL;
}

static const char *do_epoch(char **words)
{
	if (!words[1] || atoi(words[1]) < 0 || atoi(words[1]) >= HF_STAGE_EPOCHS)
		return "epoch N";
	epoch = (unsigned)atoi(words[1]);
	return NULL;
}

static const char *do_fault(char **words)
{
	int index = find(words[1]), fault = 0;

	while (words[2] && fault < FAULTS && strcmp(fault_words[fault], words[2]) != 0)
		fault++;
	if (index < 0 || !words[2] || fault == FAULTS)
		return "fault NAME KIND [VALUE]";
	int64_t value = words[3] ? atoll(words[3]) : 0;
	if (fault >= LOSS && value <= 0)
		return "this fault needs a value";
	struct upstream *u = &upstreams[index];
	u->fault = (enum fault)fault;
	u->value = value;
	u->since = wall_now();
	u->window = -1;
	return NULL;
}

static const char *do_lose(char **words)
{
	int index = find(words[1]);

	if (index < 0 || !words[2])
		return "lose NAME N";
	upstreams[index].lose = (uint64_t)atoll(words[2]);
	return NULL;
}

static const char *do_down(char **words)
{
	int index = find(words[1]);

	if (index < 0 || upstreams[index].udp < 0)
		return "down NAME";
	take_down((unsigned)index);
	return NULL;
}

static const char *do_up(char **words)
{
	int index = find(words[1]);

	if (index < 0 || upstreams[index].udp >= 0)
		return "up NAME";
	bring_up((unsigned)index);
	return NULL;
}

static const char *do_save(char **words)
{
	return save(words[1]);
}

static const struct {
	const char *word;
	const char *(*run)(char **words); /* NULL, or why not */
} commands[] = {{"listen", do_listen}, {"zone", do_zone}, {"gone", do_gone}, {"victim", do_victim},
	{"epoch", do_epoch}, {"fault", do_fault}, {"lose", do_lose}, {"down", do_down},
	{"up", do_up}, {"save", do_save}};

static void command(char *text)
{
	char *words[6] = {NULL}, *rest = NULL;
	const char *wrong = "no such command";
	unsigned count = 0;

	for (char *w = strtok_r(text, " \n", &rest); w && count < 5;
		w = strtok_r(NULL, " \n", &rest))
		words[count++] = w;
	for (unsigned i = 0; count && i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].word, words[0]) == 0)
			wrong = commands[i].run(words);
	if (wrong)
		printf("error %s\n", wrong);
	else
		printf("ok %lld\n", (long long)wall_now());
	fflush(stdout);
}

/* Whole lines of what has come; false at the end of input. */
static bool read_commands(void)
{
	static char in[4096];
	static size_t have;
	ssize_t got = read(STDIN_FILENO, in + have, sizeof in - 1 - have);

	if (got <= 0)
		return got < 0 && errno == EINTR;
	have += (size_t)got;
	in[have] = '\0';
	char *line = in, *end;
	while ((end = strchr(line, '\n')) != NULL) {
		*end = '\0';
		command(line);
		line = end + 1;
	}
	have -= (size_t)(line - in);
	memmove(in, line, have);
	return have < sizeof in - 1;
}

static bool take_event(const struct epoll_event *e)
{
	unsigned index = (unsigned)e->data.u64;

	switch ((enum watched)(e->data.u64 >> 32)) {
	case OF_INPUT: return read_commands();
	case OF_UDP: receive_udp(index); break;
	case OF_TCP: accept_tcp(index); break;
	case OF_CONNECTION: receive_tcp(&connections[index]); break;
	}
	return true;
}

int main(void)
{
	bool going = true;

	for (unsigned i = 0; i < CONNECTIONS; i++)
		connections[i].fd = -1;
	poller = epoll_create1(EPOLL_CLOEXEC);
	if (poller < 0)
		err(1, "epoll_create1");
	watch(STDIN_FILENO, OF_INPUT, 0);
	while (going) {
		struct epoll_event events[64];
		int count = epoll_wait(poller, events, 64, until_due(wall_now()));
		send_due(wall_now());
		/* An end of input comes as EPOLLHUP too, and reads as 0 octets. */
		for (int i = 0; i < count && going; i++)
			going = take_event(&events[i]);
	}
	return 0;
}
