/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop/sim_conn.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"

/* The system's first patience: 1 s for an opening (RFC 6298), 200 ms for data
 * (Linux's least); each next is twice as long. */
#define OPENING_AGAIN HF_SECOND
#define SEGMENT_AGAIN (200 * HF_MS)

/* As epoll_stream.c sets it with TCP_USER_TIMEOUT for whoever opens a connection. */
#define PATIENCE (10 * HF_SECOND)

struct hf_sim_segment {
	struct hf_sim_event event; /* first: happen casts */
	struct hf_sim_segment *next; /* in the sender's `out`, in order */
	struct hf_sim_half *sender;
	hf_us first_sent;
	unsigned tries;
	bool arrived; /* but one before it has not */
	bool last;    /* the sender's end of stream */
	size_t len;
	uint8_t bytes[];
};

/* An opening, its answer or a reset on its way to half `to`. */
struct signal {
	struct hf_sim_event event; /* first: happen and discard cast */
	struct hf_sim_conn *conn;
	struct hf_sim_half *to;
	int error; /* of a reset */
};

/* ---- life of a connection ---- */

static struct hf_sim_conn *new_conn(struct hf_sim *sim)
{
	struct hf_sim_conn *conn = hf_sim_get(sizeof *conn);
	conn->sim = sim;
	for (unsigned i = 0; i < 2; i++) {
		conn->half[i].conn = conn;
		conn->half[i].out_tail = &conn->half[i].out;
	}
	conn->next = sim->conns;
	conn->prev = &sim->conns;
	if (conn->next)
		conn->next->prev = &conn->next;
	sim->conns = conn;
	return conn;
}

static void free_half(struct hf_sim_half *h)
{
	for (struct hf_sim_segment *s; (s = h->out);) {
		h->out = s->next;
		free(s);
	}
	free(h->inbox);
}

static void free_conn(struct hf_sim_conn *conn)
{
	*conn->prev = conn->next;
	if (conn->next)
		conn->next->prev = conn->prev;
	free_half(&conn->half[0]);
	free_half(&conn->half[1]);
	free(conn);
}

void hf_sim_conn_unref(struct hf_sim_conn *conn)
{
	if (--conn->refs == 0)
		free_conn(conn);
}

/* Events hold the connection; whoever handles one lets go at the end. */
static void set_off(struct hf_sim_conn *conn, struct hf_sim_event *event, hf_us delay)
{
	hf_require(!event->place);
	conn->refs++;
	hf_sim_schedule(conn->sim, event, conn->sim->now + delay);
}

static void take_back(struct hf_sim_conn *conn, struct hf_sim_event *event)
{
	if (!event->place)
		return;
	hf_sim_cancel(conn->sim, event);
	conn->refs--; /* never the last: the caller holds one */
}

void hf_sim_conns_clear(struct hf_sim *sim)
{
	while (sim->conns)
		free_conn(sim->conns);
}

void hf_sim_conn_ref(struct hf_sim_conn *conn)
{
	conn->refs++;
}

size_t hf_sim_half_room(struct hf_sim_half *h)
{
	size_t used = h->out_len + hf_sim_other(h)->in_len;
	return used < HF_SIM_PIPE_MAX ? HF_SIM_PIPE_MAX - used : 0;
}

hf_us hf_sim_half_unheard(const struct hf_sim_half *h)
{
	hf_us waits = h->out ? h->conn->sim->now - h->out->first_sent : 0;
	return h->out && !waits ? 1 : waits;
}

static void drop_output(struct hf_sim_half *h)
{
	for (struct hf_sim_segment *s; (s = h->out);) {
		h->out = s->next;
		take_back(h->conn, &s->event);
		free(s);
	}
	h->out_tail = &h->out;
	h->out_len = 0;
}

/* This end is broken; what it had to say is lost. */
static void break_half(struct hf_sim_half *h, int error)
{
	drop_output(h);
	if (!h->error)
		h->error = error;
	hf_sim_half_changed(h);
}

/* ---- resets ---- */

static struct hf_sim_path ask(struct hf_sim_half *from, enum hf_sim_kind kind, const uint8_t *bytes,
	size_t len)
{
	struct hf_sim_half *to = hf_sim_other(from);
	struct hf_sim_packet packet = { .kind = kind, .from = from->address, .to = to->address,
		.bytes = bytes, .len = len };
	return hf_sim_path(from->conn->sim, &packet, from->host, to->host);
}

static void discard_signal(struct hf_sim_event *event)
{
	free(event);
}

static void send_signal(struct hf_sim_half *to, hf_us delay, int error,
	void (*happen)(struct hf_sim *, struct hf_sim_event *))
{
	struct signal *s = hf_sim_get(sizeof *s);
	s->event.happen = happen;
	s->event.discard = discard_signal;
	s->conn = to->conn;
	s->to = to;
	s->error = error;
	set_off(to->conn, &s->event, delay);
}

static void reset_arrives(struct hf_sim *sim, struct hf_sim_event *event)
{
	struct signal *s = (struct signal *)event;
	hf_sim_note(sim, HF_SIM_RESET, &hf_sim_other(s->to)->address, &s->to->address, NULL, 0);
	take_back(s->conn, &s->conn->again);
	break_half(s->to, s->error);
	hf_sim_conn_unref(s->conn);
	free(s);
}

static void send_reset(struct hf_sim_half *from, int error)
{
	struct hf_sim_path path = ask(from, HF_SIM_RESET, NULL, 0);
	if (!path.drop && !path.error)
		send_signal(hf_sim_other(from), path.delay, error, reset_arrives);
}

/* The policy broke the connection: both ends hear of it. */
static void break_both(struct hf_sim_half *h, const struct hf_sim_path *path)
{
	send_signal(h, path->delay, path->error, reset_arrives);
	if (hf_sim_other(h)->up)
		send_signal(hf_sim_other(h), path->delay, -ECONNRESET, reset_arrives);
}

static void become_up(struct hf_sim_half *h)
{
	if (h->up)
		return;
	h->up = true;
	take_back(h->conn, &h->conn->again);
	hf_sim_half_is_up(h);
}

/* ---- data ---- */

static bool is_reachable(const struct hf_sim_half *a, const struct hf_sim_half *b)
{
	return a->host == b->host ||
	       (a->host->state != HF_SIM_DOWN && b->host->state != HF_SIM_DOWN);
}

/* How much of len lies in one piece from `at` in the ring on. */
static size_t piece(size_t at, size_t len)
{
	return len < HF_SIM_PIPE_MAX - at ? len : HF_SIM_PIPE_MAX - at;
}

static void put_in(struct hf_sim_half *h, const uint8_t *bytes, size_t len)
{
	if (!h->inbox)
		h->inbox = hf_sim_get(HF_SIM_PIPE_MAX);
	hf_require(h->in_len + len <= HF_SIM_PIPE_MAX);
	while (len) {
		size_t at = (h->in_at + h->in_len) % HF_SIM_PIPE_MAX, n = piece(at, len);
		memcpy(h->inbox + at, bytes, n);
		h->in_len += n;
		bytes += n;
		len -= n;
	}
}

size_t hf_sim_half_read(struct hf_sim_half *h, uint8_t *bytes, size_t cap)
{
	size_t taken = 0, want = cap < h->in_len ? cap : h->in_len;
	while (taken < want) {
		size_t n = piece(h->in_at, want - taken);
		memcpy(bytes + taken, h->inbox + h->in_at, n);
		h->in_at = (h->in_at + n) % HF_SIM_PIPE_MAX;
		h->in_len -= n;
		taken += n;
	}
	return taken;
}

/* Takes over what has arrived in an unbroken row. */
static void take_row(struct hf_sim_half *from, struct hf_sim_half *to)
{
	for (struct hf_sim_segment *s; (s = from->out) && s->arrived;) {
		put_in(to, s->bytes, s->len);
		to->ended |= s->last;
		from->out_len -= s->len;
		from->out = s->next;
		if (!from->out)
			from->out_tail = &from->out;
		free(s);
	}
}

static void send_segment(struct hf_sim_segment *s);

static void send_again(struct hf_sim *sim, struct hf_sim_event *event)
{
	struct hf_sim_segment *s = (struct hf_sim_segment *)event;
	struct hf_sim_half *h = s->sender;
	struct hf_sim_conn *conn = h->conn;
	if (sim->now - s->first_sent >= PATIENCE)
		break_half(h, -ETIMEDOUT);
	else
		send_segment(s);
	hf_sim_conn_unref(conn);
}

/* The wait before the next try: doubled each time, but not past our patience. */
static hf_us next_try(const struct hf_sim *sim, hf_us first_wait, unsigned tries, hf_us began)
{
	hf_us left = began + PATIENCE - sim->now, wait = first_wait << (tries < 6 ? tries : 6);
	return wait < left ? wait : left;
}

static void lose_segment(struct hf_sim_segment *s)
{
	struct hf_sim_conn *conn = s->sender->conn;
	s->event.happen = send_again;
	set_off(conn, &s->event, next_try(conn->sim, SEGMENT_AGAIN, s->tries++, s->first_sent));
}

/* Nobody is there to take it: its process died, or has closed or lost the
 * stream. The end of a stream that is closed on both sides is no offence. */
static bool is_unwelcome(const struct hf_sim_half *to, const struct hf_sim_segment *s)
{
	if (to->host->state == HF_SIM_DEAD || to->error)
		return true;
	return !to->stream && !s->last;
}

static void segment_arrives(struct hf_sim *sim, struct hf_sim_event *event)
{
	struct hf_sim_segment *s = (struct hf_sim_segment *)event;
	struct hf_sim_half *from = s->sender, *to = hf_sim_other(from);
	struct hf_sim_conn *conn = from->conn;
	if (!is_reachable(from, to)) {
		lose_segment(s);
		hf_sim_conn_unref(conn);
		return;
	}
	hf_sim_note(sim, HF_SIM_SEGMENT, &from->address, &to->address, s->bytes, s->len);
	if (is_unwelcome(to, s)) {
		send_reset(to, -ECONNRESET);
		drop_output(from);
	} else {
		become_up(to); /* the answer to the opening may have been overtaken */
		s->arrived = true;
		take_row(from, to);
		hf_sim_half_changed(to);
		hf_sim_half_changed(from);
	}
	hf_sim_conn_unref(conn);
}

static void send_segment(struct hf_sim_segment *s)
{
	struct hf_sim_half *h = s->sender;
	struct hf_sim_path path = ask(h, HF_SIM_SEGMENT, s->bytes, s->len);
	if (path.error) {
		break_both(h, &path);
		return;
	}
	if (path.drop) {
		lose_segment(s);
		return;
	}
	s->event.happen = segment_arrives;
	set_off(h->conn, &s->event, path.delay);
}

static void append(struct hf_sim_half *h, const uint8_t *bytes, size_t len, bool last)
{
	struct hf_sim_segment *s = hf_sim_get(sizeof *s + len);
	s->sender = h;
	s->first_sent = h->conn->sim->now;
	s->last = last;
	s->len = len;
	if (len)
		memcpy(s->bytes, bytes, len);
	*h->out_tail = s;
	h->out_tail = &s->next;
	h->out_len += len;
	send_segment(s);
}

void hf_sim_half_write(struct hf_sim_half *h, const uint8_t *bytes, size_t len)
{
	append(h, bytes, len, false);
}

/* ---- opening and ending ---- */

static void answer_arrives(struct hf_sim *sim, struct hf_sim_event *event)
{
	struct signal *s = (struct signal *)event;
	struct hf_sim_half *to = s->to;
	hf_sim_note(sim, HF_SIM_CONNECT, &hf_sim_other(to)->address, &to->address, NULL, 0);
	if (!to->stream || to->error)
		send_reset(to, -ECONNRESET);
	else
		become_up(to);
	hf_sim_conn_unref(s->conn);
	free(s);
}

static void answer(struct hf_sim_half *from)
{
	struct hf_sim_path path = ask(from, HF_SIM_CONNECT, NULL, 0);
	if (!path.drop && !path.error)
		send_signal(hf_sim_other(from), path.delay, 0, answer_arrives);
}

/* Somebody knocks. A full backlog lets the knock go unheard; it is repeated. */
static void knock(struct hf_sim *sim, struct hf_sim_half *to)
{
	const struct hf_address *caller = &hf_sim_other(to)->address;
	struct hf_sim_bound *b = hf_sim_bound_at(sim, to->host, caller, &to->address, true);
	if (!b || to->host->state == HF_SIM_DEAD) {
		send_reset(to, -ECONNREFUSED);
		return;
	}
	to->up = hf_sim_door_knock(b, to);
	if (to->up)
		answer(to);
}

static void opening_arrives(struct hf_sim *sim, struct hf_sim_event *event)
{
	struct signal *s = (struct signal *)event;
	struct hf_sim_half *to = s->to, *from = hf_sim_other(to);
	struct hf_sim_host *there = hf_sim_host_at(sim, from->host, &to->address);
	hf_sim_note(sim, HF_SIM_CONNECT, &from->address, &to->address, NULL, 0);
	if (to->up) {
		answer(to); /* the first answer was lost */
	} else if (there && (there->state != HF_SIM_DOWN || there == from->host)) {
		to->host = there;
		knock(sim, to);
	}
	hf_sim_conn_unref(s->conn);
	free(s);
}

static void send_opening(struct hf_sim_conn *conn)
{
	struct hf_sim_half *from = &conn->half[0];
	struct hf_sim_path path = ask(from, HF_SIM_CONNECT, NULL, 0);
	if (path.error)
		send_signal(from, path.delay, path.error, reset_arrives);
	else if (!path.drop)
		send_signal(hf_sim_other(from), path.delay, 0, opening_arrives);
	set_off(conn, &conn->again,
		next_try(conn->sim, OPENING_AGAIN, conn->tries++, conn->opened));
}

static void open_again(struct hf_sim *sim, struct hf_sim_event *event)
{
	struct hf_sim_conn *conn = (struct hf_sim_conn *)((char *)event -
		offsetof(struct hf_sim_conn, again));
	if (sim->now - conn->opened >= PATIENCE)
		break_half(&conn->half[0], -ETIMEDOUT);
	else
		send_opening(conn);
	hf_sim_conn_unref(conn);
}

struct hf_sim_half *hf_sim_conn_call(struct hf_sim_loop *loop, const struct hf_address *peer)
{
	struct hf_sim *sim = loop->sim;
	struct hf_sim_conn *conn = new_conn(sim);
	struct hf_sim_half *from = &conn->half[0], *to = &conn->half[1];
	conn->opened = sim->now;
	conn->again.happen = open_again;
	from->host = loop->host;
	from->address = hf_sim_source_for(sim, loop->host, peer);
	from->address.port = hf_sim_next_port(loop->host);
	to->address = *peer;
	to->host = hf_sim_host_at(sim, loop->host, peer);
	send_opening(conn);
	return from;
}

/* As a kernel does it: what was written still goes out, then the end; but with
 * octets left unread the peer is told that they were lost. */
void hf_sim_half_end(struct hf_sim_half *h)
{
	if (!h->up) {
		take_back(h->conn, &h->conn->again);
	} else if (h->in_len && !h->error) {
		h->in_len = 0;
		send_reset(h, -ECONNRESET);
		break_half(h, -ECONNRESET);
	} else if (!h->error) {
		append(h, NULL, 0, true);
	}
}

void hf_sim_reset_host(struct hf_sim *sim, const struct hf_sim_host *host)
{
	for (struct hf_sim_conn *next, *conn = sim->conns; conn; conn = next) {
		next = conn->next;
		conn->refs++;
		for (unsigned i = 0; i < 2; i++) {
			struct hf_sim_half *h = &conn->half[i];
			if (h->host != host || h->error)
				continue;
			take_back(conn, &conn->again);
			if (h->up)
				send_reset(h, -ECONNRESET);
			break_half(h, -ECONNRESET);
		}
		hf_sim_conn_unref(conn);
	}
}
