/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop/epoll_world.h"

#include <linux/errqueue.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"

/* Full batches that one endpoint may deliver in a turn: the others have their
 * turn too, and epoll reminds us of the rest. */
#define BATCHES_A_TURN 4

/* ICMP errors read in a turn, for the same reason. */
#define ERRORS_A_TURN 64

/* Bursts that a listener survives while its worker does something else for a
 * while: 4 MiB are some 5,000 queries as the kernel counts them (about 768
 * octets each). An upstream endpoint carries one worker's share of answers. */
#define LISTENER_BUFFER (4 << 20)
#define OTHER_BUFFER (1 << 20)

struct endpoint {
	struct hf_endpoint base;
	struct hf_epoll_source source;
	const struct hf_endpoint_handler *handler;
	void *ctx;
	struct hf_address address;
	struct hf_address told; /* as the local address of what comes, unless it has to say */
	bool says; /* bound to a wildcard: each datagram has to say what address it was for */
	bool errors;
	bool dual; /* adopted, IPv6, and IPv4 arrives at it too */
};

static struct endpoint *endpoint_of(struct hf_endpoint *base)
{
	return (struct endpoint *)base;
}

/* ---- control messages ---- */

static struct hf_address local_v4(const struct cmsghdr *c, uint16_t port)
{
	struct in_pktinfo info;
	struct hf_address a = {.family = 4, .port = port};
	memcpy(&info, CMSG_DATA(c), sizeof info);
	/* spec_dst is, for a broadcast too, ours to reply from; but it is empty for a
	 * datagram that came before the option was set, as on a socket that was
	 * opened for us. */
	memcpy(a.bytes, info.ipi_spec_dst.s_addr ? &info.ipi_spec_dst : &info.ipi_addr, 4);
	return a;
}

static struct hf_address local_v6(const struct cmsghdr *c, uint16_t port)
{
	struct in6_pktinfo info;
	struct hf_address a = {0};
	memcpy(&info, CMSG_DATA(c), sizeof info);
	struct sockaddr_in6 sa = {
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = info.ipi6_addr};
	if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
		sa.sin6_scope_id = info.ipi6_ifindex;
	(void)hf_address_from_system((struct sockaddr *)&sa, &a); /* may be a mapped one */
	return a;
}

static bool is_control(const struct cmsghdr *c, int level, int type)
{
	return c->cmsg_level == level && c->cmsg_type == type;
}

static struct hf_address local_address(struct msghdr *m, uint16_t port)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (is_control(c, IPPROTO_IP, IP_PKTINFO))
			return local_v4(c, port);
		if (is_control(c, IPPROTO_IPV6, IPV6_PKTINFO))
			return local_v6(c, port);
	}
	return (struct hf_address){0};
}

static void put_control(struct msghdr *m, int level, int type, const void *info, size_t len)
{
	m->msg_controllen = CMSG_SPACE(len);
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), info, len);
}

/* msg_control is set; without this call its length is 0. */
static void send_from(struct msghdr *m, const struct hf_address *local)
{
	if (local->family == 4) {
		struct in_pktinfo v4 = {0};
		memcpy(&v4.ipi_spec_dst, local->bytes, 4);
		put_control(m, IPPROTO_IP, IP_PKTINFO, &v4, sizeof v4);
	} else {
		struct in6_pktinfo v6 = {.ipi6_ifindex = local->scope};
		memcpy(&v6.ipi6_addr, local->bytes, 16);
		put_control(m, IPPROTO_IPV6, IPV6_PKTINFO, &v6, sizeof v6);
	}
}

/* ---- opening ---- */

/* RFC 9715: never fragment by a path MTU that anybody may have told us in a
 * forged ICMP message; packets larger than the link leave in fragments. */
static void set_options(const struct endpoint *e, bool listens)
{
	bool v4 = e->address.family == 4;
	int level = v4 ? IPPROTO_IP : IPPROTO_IPV6, fd = e->source.fd;
	int room = listens ? LISTENER_BUFFER : OTHER_BUFFER;
	hf_socket_set(fd, level, v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER,
		v4 ? IP_PMTUDISC_OMIT : IPV6_PMTUDISC_OMIT);
	hf_socket_set(fd, SOL_SOCKET, SO_RCVBUF, room);
	hf_socket_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, room); /* past rmem_max, if allowed */
	hf_socket_set(fd, SOL_SOCKET, SO_SNDBUF, OTHER_BUFFER);
	if (e->says)
		hf_socket_set(fd, level, v4 ? IP_PKTINFO : IPV6_RECVPKTINFO, 1);
	if (e->errors)
		hf_socket_set(fd, level, v4 ? IP_RECVERR : IPV6_RECVERR, 1);
	if (e->errors && e->dual)
		hf_socket_set(fd, IPPROTO_IP, IP_RECVERR, 1);
}

/* systemd's default for `ListenDatagram=53`. One that we open is IPv6 only. */
static bool is_dual(int fd, const struct hf_address *address)
{
	int only = 1;
	socklen_t len = sizeof only;
	return address->family == 6 &&
	       getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &len) == 0 && !only;
}

static bool is_wildcard(const struct hf_address *address)
{
	static const uint8_t zeros[sizeof address->bytes];
	return memcmp(address->bytes, zeros, sizeof zeros) == 0;
}

static void ready(void *object, uint32_t events);

static struct endpoint *new_endpoint(struct hf_loop *loop, int fd, const struct hf_bind *bind)
{
	struct endpoint *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	e->base.loop = loop;
	e->address = hf_socket_address(fd);
	e->says = bind->local_addresses && is_wildcard(&e->address);
	if (bind->local_addresses)
		e->told = e->address;
	e->errors = bind->errors;
	e->dual = is_dual(fd, &e->address);
	e->source = (struct hf_epoll_source){.ready = ready, .object = e, .fd = fd, .owned = true};
	set_options(e, bind->local_addresses);
	return e;
}

int hf_epoll_endpoint_open(struct hf_loop *loop, const struct hf_bind *bind,
	const struct hf_endpoint_handler *handler, void *ctx, struct hf_endpoint **ret)
{
	int fd = hf_socket_take(bind, SOCK_DGRAM, bind->local_addresses);
	if (fd < 0)
		return fd;
	bool adopted = fd == bind->fd;
	struct endpoint *e = new_endpoint(loop, fd, bind);
	int rc = -ENOMEM;
	if (e) {
		e->handler = handler;
		e->ctx = ctx;
		/* An adopted one may be shared: one datagram need not wake them all. */
		rc = hf_epoll_add(
			hf_epoll_world(loop), &e->source, EPOLLIN | (adopted ? EPOLLEXCLUSIVE : 0));
	}
	if (rc == 0) {
		*ret = &e->base;
		return 0;
	}
	free(e);
	if (!adopted)
		close(fd);
	return rc;
}

void hf_epoll_endpoint_close(struct hf_endpoint *base)
{
	hf_epoll_close(hf_epoll_world(base->loop), &endpoint_of(base)->source);
}

struct hf_address hf_epoll_endpoint_address(const struct hf_endpoint *base)
{
	return ((const struct endpoint *)base)->address;
}

/* ---- errors ---- */

/* The error that the network told us in m, or 0. */
static int told_error(struct msghdr *m)
{
	struct sock_extended_err error;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (!is_control(c, IPPROTO_IP, IP_RECVERR) &&
			!is_control(c, IPPROTO_IPV6, IPV6_RECVERR))
			continue;
		memcpy(&error, CMSG_DATA(c), sizeof error);
		return -(int)error.ee_errno;
	}
	return 0;
}

/* Reads one message of the error queue: whom we had sent to, what came of it (0: nothing), and
 * what is repeated of it. False: the queue is empty. */
static bool read_error(int fd, uint8_t quoted[static HF_QUOTED_MAX], struct hf_refusal *ret)
{
	struct sockaddr_storage sa = {0};
	union {
		struct cmsghdr head;
		uint8_t bytes[CMSG_SPACE(sizeof(struct sock_extended_err) +
					 sizeof(struct sockaddr_in6)) +
			      HF_CONTROL_MAX];
	} control;
	struct iovec part = {.iov_base = quoted, .iov_len = HF_QUOTED_MAX};
	struct msghdr m = {.msg_name = &sa,
		.msg_namelen = sizeof sa,
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control};
	ssize_t len = recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);
	if (len < 0)
		return false;
	*ret = (struct hf_refusal){.error = told_error(&m), .quoted = quoted, .len = (size_t)len};
	if (!m.msg_namelen || hf_address_from_system((struct sockaddr *)&sa, &ret->peer))
		ret->error = 0;
	return true;
}

static void report_errors(struct endpoint *e)
{
	uint8_t quoted[HF_QUOTED_MAX];
	struct hf_refusal refusal;
	for (unsigned n = 0; n < ERRORS_A_TURN && !e->source.closed; n++) {
		if (!read_error(e->source.fd, quoted, &refusal))
			return;
		if (refusal.error && e->handler->refused)
			e->handler->refused(e->ctx, &e->base, &refusal, e->base.loop->now);
	}
}

/* ---- receiving ---- */

void hf_receive_room_prepare(struct hf_receive_room *room)
{
	for (size_t i = 0; i < HF_BATCH_MAX; i++) {
		room->parts[i] = (struct iovec){room->bytes[i], HF_DATAGRAM_MAX};
		room->messages[i].msg_hdr = (struct msghdr){.msg_name = &room->peers[i],
			.msg_namelen = sizeof room->peers[i],
			.msg_iov = &room->parts[i],
			.msg_iovlen = 1,
			.msg_control = &room->control[i],
			.msg_controllen = sizeof room->control[i]};
	}
}

/* Tells of message i, and makes it ready for the next batch. */
static bool describe(
	const struct endpoint *e, struct hf_receive_room *room, unsigned i, struct hf_datagram *ret)
{
	struct mmsghdr *m = &room->messages[i];
	ret->bytes = room->bytes[i];
	ret->len = m->msg_len;
	ret->cut = m->msg_hdr.msg_flags & MSG_TRUNC;
	if (e->says)
		ret->local = local_address(&m->msg_hdr, e->address.port);
	else
		ret->local = e->told;
	m->msg_hdr.msg_namelen = sizeof room->peers[i];
	m->msg_hdr.msg_controllen = sizeof room->control[i];
	return hf_address_from_system((struct sockaddr *)&room->peers[i], &ret->peer) == 0;
}

/* With IP_RECVERR a pending error is the result of one receive, and gone. It is
 * in the error queue too, so nothing is lost by asking again; each new try eats
 * one error, and a flood of them waits for the next turn. */
static int receive_batch(const struct endpoint *e, struct hf_receive_room *room, unsigned most)
{
	int n;
	for (unsigned tries = 0; tries < 4; tries++) {
		n = recvmmsg(e->source.fd, room->messages, most, MSG_DONTWAIT, NULL);
		if (n >= 0 || errno == EAGAIN)
			break;
	}
	return n;
}

/* Delivers up to `most`; false: nothing is waiting any more. */
static bool deliver_batch(struct endpoint *e, struct hf_receive_room *room, unsigned most)
{
	int got = receive_batch(e, room, most);
	unsigned n = 0;
	for (int i = 0; i < got; i++)
		n += describe(e, room, (unsigned)i, &room->datagrams[n]);
	if (n)
		e->handler->received(e->ctx, &e->base, room->datagrams, n, e->base.loop->now);
	return got == (int)most && !e->source.closed;
}

static void deliver_some(struct endpoint *e, struct hf_receive_room *room, size_t most)
{
	while (most) {
		unsigned batch = most < HF_BATCH_MAX ? (unsigned)most : HF_BATCH_MAX;
		if (!deliver_batch(e, room, batch))
			return;
		most -= batch;
	}
}

/* Draining one endpoint inside another's callback must not overwrite the batch
 * that the callback is reading: it gets a room of its own. */
static void deliver(struct endpoint *e, size_t most)
{
	struct hf_epoll_loop *loop = hf_epoll_world(e->base.loop);
	if (!loop->receiving) {
		loop->receiving = true;
		deliver_some(e, &loop->in, most);
		loop->receiving = false;
		return;
	}
	struct hf_receive_room *room = malloc(sizeof *room);
	if (!room)
		return;
	hf_receive_room_prepare(room);
	deliver_some(e, room, most);
	free(room);
}

static void ready(void *object, uint32_t events)
{
	struct endpoint *e = object;
	if (events & EPOLLERR)
		report_errors(e);
	if (!e->source.closed && events & EPOLLIN)
		deliver(e, BATCHES_A_TURN * HF_BATCH_MAX);
}

void hf_epoll_endpoint_drain(struct hf_endpoint *base, size_t most)
{
	struct endpoint *e = endpoint_of(base);
	if (!e->source.closed)
		deliver(e, most);
}

/* ---- sending ---- */

/* A send under way: at most one batch, and what became of it. */
struct sending {
	struct endpoint *endpoint;
	struct hf_send_room *room;
	unsigned n;
	size_t taken;
	int error; /* of the first datagram that was not taken: then it is over */
};

void hf_send_room_prepare(struct hf_send_room *room)
{
	for (size_t i = 0; i < HF_BATCH_MAX; i++)
		room->messages[i].msg_hdr = (struct msghdr){.msg_name = &room->peers[i],
			.msg_iov = &room->parts[i],
			.msg_iovlen = 1,
			.msg_control = &room->control[i]};
}

/* A dual endpoint speaks to IPv4 in IPv6's clothes. */
static struct hf_address dressed(const struct hf_address *a)
{
	struct hf_address mapped = {.family = 6, .port = a->port, .bytes = {[10] = 0xff, 0xff}};
	memcpy(mapped.bytes + 12, a->bytes, 4);
	return a->family == 4 ? mapped : *a;
}

/* Then the kernel knows where from, and is faster. */
static inline bool is_bound_to(const struct endpoint *e, const struct hf_address *local)
{
	return memcmp(local->bytes, e->address.bytes, sizeof local->bytes) == 0;
}

static inline void address(struct sending *s, unsigned i, const struct hf_address *peer,
	const struct hf_address *local)
{
	struct msghdr *m = &s->room->messages[i].msg_hdr;
	m->msg_namelen = hf_address_to_system(peer, &s->room->peers[i]);
	m->msg_controllen = 0;
	if (local->family == peer->family && !is_bound_to(s->endpoint, local))
		send_from(m, local);
}

/* False: its peer cannot be reached from this endpoint. */
static inline bool add(struct sending *s, const struct hf_datagram *d)
{
	const struct endpoint *e = s->endpoint;
	unsigned i = s->n;
	if (d->peer.family == e->address.family) {
		address(s, i, &d->peer, &d->local);
	} else if (e->dual && d->peer.family == 4) {
		struct hf_address peer = dressed(&d->peer), local = dressed(&d->local);
		address(s, i, &peer, &local);
	} else {
		return false;
	}
	s->room->parts[i] = (struct iovec){d->bytes, d->len};
	s->n++;
	return true;
}

/* Hands over what was added, up to the first that the system does not want. With
 * `errors`, an error may also be an older datagram's that surfaces here, and asking
 * again sends this one. */
static void flush(struct sending *s)
{
	bool again = s->endpoint->errors;
	for (unsigned at = 0; at < s->n && !s->error;) {
		int rc = sendmmsg(
			s->endpoint->source.fd, s->room->messages + at, s->n - at, MSG_DONTWAIT);
		if (rc > 0) {
			at += (unsigned)rc;
			s->taken += (unsigned)rc;
			again = s->endpoint->errors;
			continue;
		}
		int error = rc ? errno : EIO;
		if (error == EINTR)
			continue;
		if (again && error != EAGAIN)
			again = false;
		else
			s->error = -error;
	}
	s->n = 0;
}

size_t hf_epoll_endpoint_send_some(
	struct hf_endpoint *base, const struct hf_datagram *batch, size_t n, int *ret_error)
{
	struct endpoint *e = endpoint_of(base);
	struct sending s = {.endpoint = e, .room = &hf_epoll_world(base->loop)->out};
	if (e->source.closed)
		s.error = -EBADF;
	for (size_t i = 0; i < n && !s.error; i++) {
		bool reachable = add(&s, &batch[i]);
		if (!reachable || s.n == HF_BATCH_MAX)
			flush(&s);
		if (!reachable && !s.error)
			s.error = -EAFNOSUPPORT;
	}
	if (s.n)
		flush(&s);
	*ret_error = s.error;
	return s.taken;
}
