/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/connection.h"

#include "base/check.h"
#include "base/error.h"
#include "serve/transfer_out.h"
#include "transport/frame.h"

#define OUT_LIMIT (512u << 10)

/* Above this many octets of unread answers no more questions are read. */
#define OUT_PAUSE (64u << 10)

/* Transfers put messages (of 16 KiB) behind no more than this: so there is always room for
 * answers to other questions, and they go on being read. */
#define OUT_FILL (32u << 10)

/* Messages of transfers that one turn may write to a connection, for others' sake. */
#define TURN_MOST 64

/* The system may hold megabytes that a slow reader has not taken: while it does, the
 * connection is not idle, for so many times `idle` at the most. */
#define IDLES_WITH_UNREAD 30

/* Reads of unwanted octets before a close: as much as a socket's buffer holds. */
#define SWALLOWS 64

/* Reads of a turn from a TLS session, for others' sake. */
#define TLS_READS 16

/* So much of a second's handshakes may be begun at once. */
#define SHAKE_AHEAD (HF_SECOND / 10)

/* A reader that takes this much within `stall` is slow, not stuck. */
#define PROGRESS (16u << 10)

struct connection {
	struct hf_connections *all;
	struct connection *next, *prev; /* by last use, oldest first */
	struct hf_stream *stream;       /* NULL: closed, kept for its pending questions */
	struct hf_address peer;
	struct hf_tls_session *tls; /* NULL: plain, or its handshake has not begun */
	const char *unfit;          /* why no zone may go out over it, or NULL */
	hf_us slot;                 /* when its handshake may begin; 0: not asked yet */
	struct hf_frame_in in;
	struct hf_frame_out out;
	struct hf_timer timer;
	unsigned waiting; /* questions under way */
	hf_us used;       /* last whole question or finished answer */
	hf_us begun;      /* first octet of a question that is not whole; 0: none */
	hf_us stuck;      /* since when answers wait for the reader; 0: none do */
	size_t taken;     /* octets that the system has taken since then */
	size_t unread;    /* those that it held at the last look ... */
	bool looked;      /* ... if there was one */
	struct hf_transfer_out *transfers; /* under way; each counts in `waiting` */
	bool ended;                        /* the client has closed its side */
	bool reading;                      /* being served: not to be freed under its caller */
	bool over_tls;
	bool met; /* over TLS: hands have been shaken */
};

struct hf_connections {
	struct hf_loop *loop;
	struct hf_meter *meter;
	struct hf_admission_table *admission;
	struct hf_responder *responder;
	const struct hf_tcp_conf *conf;
	const struct hf_listen_conf *listen;
	struct hf_tls_server *tls; /* what is shown; NULL: nothing */
	hf_us next_shake;          /* when one more handshake may begin */
	struct connection *oldest, *newest;
	size_t open, open_tls;
	bool draining;
	uint8_t out[HF_RESPOND_ROOM_TLS];
	uint8_t *page; /* HF_MESSAGE_MAX, for messages of transfers; once there was one */
};

/* ---- the list, oldest use first ---- */

static void unlink_connection(struct connection *c)
{
	struct hf_connections *all = c->all;
	*(c->prev ? &c->prev->next : &all->oldest) = c->next;
	*(c->next ? &c->next->prev : &all->newest) = c->prev;
	c->next = c->prev = NULL;
}

static void link_newest(struct connection *c)
{
	struct hf_connections *all = c->all;
	c->prev = all->newest;
	c->next = NULL;
	*(c->prev ? &c->prev->next : &all->oldest) = c;
	all->newest = c;
}

static void touch(struct connection *c, hf_us now)
{
	c->used = now;
	c->looked = false;
	unlink_connection(c);
	link_newest(c);
}

/* ---- the end ---- */

static void connection_free(struct connection *c)
{
	unlink_connection(c);
	free(c);
}

static void drop_transfers(struct connection *c)
{
	while (c->transfers) {
		struct hf_transfer_out *transfer = c->transfers;
		c->transfers = transfer->next;
		hf_transfer_out_free(transfer);
		c->waiting--;
	}
}

/* Closes the stream; what is pending keeps the rest until it is answered. */
static void shut(struct connection *c)
{
	struct hf_connections *all = c->all;
	if (!c->stream)
		return;
	hf_timer_disarm(hf_loop_timers(all->loop), &c->timer);
	hf_tls_close(c->tls);
	c->tls = NULL;
	all->open_tls -= c->met;
	hf_gauge_set(&all->meter->gauges[HF_GAUGE_TLS_OPEN], (int64_t)all->open_tls);
	hf_stream_close(c->stream);
	c->stream = NULL;
	hf_frame_in_clear(&c->in);
	hf_frame_out_clear(&c->out);
	drop_transfers(c);
	hf_connection_gone(all->admission, &c->peer);
	all->open--;
	hf_gauge_set(&all->meter->gauges[HF_GAUGE_TCP_OPEN], (int64_t)all->open);
	if (!c->waiting && !c->reading)
		connection_free(c);
}

static void shut_counted(struct connection *c, enum hf_counter why)
{
	hf_count(c->all->meter, why);
	shut(c);
}

/* Closes after the last answer. Octets that lie unread would make the system reset
 * the connection, and answers that are still on their way would be lost. */
static void shut_gently(struct connection *c)
{
	uint8_t *nowhere = c->all->out;
	for (int i = 0; i < SWALLOWS; i++)
		if (hf_stream_read(c->stream, nowhere, sizeof c->all->out) <= 0)
			break;
	shut(c);
}

/* ---- time ---- */

/* Octets that wait for the reader, sealed or not. */
static size_t unsent(const struct connection *c)
{
	return hf_frame_waiting(&c->out) + (c->tls ? hf_tls_waiting(c->tls) : 0);
}

static bool idle(const struct connection *c)
{
	return !c->waiting && !unsent(c);
}

/* Is it to shake hands yet? */
static bool unmet(const struct connection *c)
{
	return c->over_tls && !c->met;
}

static bool waits_for_slot(const struct connection *c)
{
	return unmet(c) && !c->tls && c->slot;
}

static hf_us due(const struct connection *c)
{
	const struct hf_tcp_conf *conf = c->all->conf;
	if (unmet(c))
		return waits_for_slot(c) && c->slot < c->used + conf->stall ? c->slot
									    : c->used + conf->stall;
	hf_us at = idle(c) ? c->used + conf->idle : HF_NEVER;
	if (c->begun && c->begun + conf->stall < at)
		at = c->begun + conf->stall;
	hf_us patience = c->looked ? conf->stall : conf->stall / 2;
	if (c->stuck && c->stuck + patience < at)
		at = c->stuck + patience;
	return at;
}

static void arm(struct connection *c)
{
	hf_us at = due(c);
	struct hf_timer_wheel *wheel = hf_loop_timers(c->all->loop);
	if (at == HF_NEVER)
		hf_timer_disarm(wheel, &c->timer);
	else
		hf_timer_arm(wheel, &c->timer, at);
}

static void look(struct connection *c)
{
	c->unread = hf_stream_unread(c->stream);
	c->looked = true;
}

/* Have all answers left, but not arrived, and do they arrive? It looks when it is due: a
 * reader that took nothing between two looks is gone. */
static bool being_read(struct connection *c, hf_us now)
{
	if (!idle(c) || c->begun || unmet(c) ||
		now >= c->used + IDLES_WITH_UNREAD * c->all->conf->idle)
		return false;
	size_t before = c->unread;
	bool looked = c->looked;
	look(c);
	return c->unread && (!looked || c->unread < before);
}

/* Answers wait here, for the system holds so many that it does not ask for more. Does the
 * reader take those? What it takes at first may only fill its own system's room, so it
 * counts from the middle of the time on. */
static bool follows(struct connection *c, hf_us now)
{
	if (c->stuck + c->all->conf->stall > now) {
		look(c);
		return true;
	}
	if (hf_stream_unread(c->stream) + PROGRESS / 2 > c->unread)
		return false;
	c->stuck = now;
	c->taken = 0;
	c->looked = false;
	return true;
}

static void shake(struct connection *c, hf_us now);
static bool goes_on(struct connection *c, hf_us now);

static void timer_fired(struct hf_timer *timer, hf_us now)
{
	struct connection *c =
		(struct connection *)((char *)timer - offsetof(struct connection, timer));
	if (due(c) > now) {
		arm(c);
		return;
	}
	if (waits_for_slot(c) && now < c->used + c->all->conf->stall) {
		hf_stream_pause(c->stream, false);
		shake(c, now);
		return;
	}
	if (unmet(c))
		hf_count(c->all->meter, HF_COUNT_TLS_FAILED);
	if (being_read(c, now)) {
		hf_timer_arm(hf_loop_timers(c->all->loop), &c->timer, now + c->all->conf->idle);
		return;
	}
	bool drips = c->begun && c->begun + c->all->conf->stall <= now;
	if (c->stuck && !drips && follows(c, now)) {
		arm(c);
		return;
	}
	if (c->stuck && !drips && goes_on(c, now))
		return;
	bool stalled = drips || c->stuck || unmet(c);
	shut_counted(c, stalled ? HF_COUNT_TCP_CLOSED_STALLED : HF_COUNT_TCP_CLOSED_IDLE);
}

/* ---- answers out ---- */

/* True while more questions may be begun. */
static bool may_serve(const struct connection *c)
{
	return !c->all->draining && c->waiting < c->all->conf->in_flight && unsent(c) < OUT_PAUSE;
}

/* ... and taken from the stream. */
static bool may_read(const struct connection *c)
{
	return !c->ended && may_serve(c);
}

/* What the reader has taken says whether it is stuck, or only slow. */
static void note_progress(struct connection *c, size_t before, size_t left, hf_us now)
{
	if (left < before) /* seals are octets, too */
		c->taken += before - left;
	if (!left) {
		c->stuck = 0;
		c->looked = false;
	} else if (!c->stuck || c->taken >= PROGRESS) {
		c->stuck = now;
		c->taken = 0;
		c->looked = false;
	}
}

static int flush(struct connection *c)
{
	if (!c->tls)
		return hf_frame_flush(&c->out, c->stream);
	int rc = hf_tls_flush(c->tls);
	return rc < 0 ? rc : hf_frame_flush_tls(&c->out, c->tls);
}

/* Are there octets of questions that no READABLE will tell of? */
static bool holds_more(const struct connection *c)
{
	return hf_frame_whole(&c->in) || (c->tls && !c->ended && hf_tls_holds(c->tls));
}

/* Pushes answers out. False: that was all, it is closed. */
static bool push(struct connection *c, hf_us now)
{
	size_t before = unsent(c);
	int rc = flush(c);
	size_t left = unsent(c);
	bool last = (c->ended || c->all->draining) && idle(c) &&
		    !(may_serve(c) && hf_frame_whole(&c->in));
	if (rc < 0)
		shut(c);
	else if (last)
		shut_gently(c);
	if (rc < 0 || last)
		return false;
	note_progress(c, before, left, now);
	return true;
}

static bool queue(struct connection *c, const uint8_t *reply, size_t len)
{
	if (hf_frame_put(&c->out, reply, len, OUT_LIMIT) == 0)
		return true;
	shut_counted(c, HF_COUNT_TCP_CLOSED_STALLED);
	return false;
}

/* ---- transfers ---- */

static void add_transfer(struct connection *c, struct hf_transfer_out *transfer)
{
	struct hf_transfer_out **at = &c->transfers;
	while (*at)
		at = &(*at)->next;
	transfer->next = NULL;
	*at = transfer;
}

/* Each transfer in its turn. False: the stream was closed. */
static bool fill_one(struct connection *c)
{
	struct hf_transfer_out *transfer = c->transfers;
	size_t len;
	int more = hf_transfer_out_next(transfer, c->all->page, &len);
	if (more < 0) { /* what has gone out must not be taken for a zone */
		shut_counted(c, HF_COUNT_TCP_CLOSED_STALLED);
		return false;
	}
	c->transfers = transfer->next;
	if (more) {
		add_transfer(c, transfer);
	} else {
		hf_transfer_out_free(transfer);
		c->waiting--;
	}
	return queue(c, c->all->page, len);
}

/* Lets transfers go on as far as their reader follows. */
static void fill(struct connection *c, hf_us now)
{
	unsigned most = TURN_MOST;
	while (c->stream && c->transfers && most && unsent(c) < OUT_FILL) {
		if (!fill_one(c))
			return;
		most--;
		if (unsent(c) >= OUT_FILL || !c->transfers || !most)
			if (!push(c, now))
				return;
	}
	if (c->transfers)
		hf_stream_want_write(c->stream, true);
	if (c->transfers && !c->stuck) { /* all that was made is gone, but there is more */
		c->stuck = now;
		c->taken = 0;
	}
	if (!c->transfers && idle(c))
		touch(c, now);
}

static bool begin_transfer(struct connection *c)
{
	struct hf_connections *all = c->all;
	struct hf_transfer_out *transfer = hf_responder_transfer(all->responder);
	if (!all->page)
		all->page = malloc(HF_MESSAGE_MAX);
	if (!all->page) {
		hf_transfer_out_free(transfer);
		c->waiting--;
		shut_counted(c, HF_COUNT_TCP_CLOSED_LIMIT);
		return false;
	}
	add_transfer(c, transfer);
	return true;
}

/* ---- questions in ---- */

static bool serve_one(struct connection *c, const uint8_t *m, size_t len, hf_us now)
{
	struct hf_connections *all = c->all;
	static const struct hf_address nowhere;
	const struct hf_packet packet = {c->over_tls ? HF_TRANSPORT_TLS : HF_TRANSPORT_TCP, c,
		&c->peer, &nowhere, m, len, c->unfit};
	const uint8_t *reply;
	size_t reply_len;
	c->waiting++; /* before asking: the answer may come from within */
	enum hf_respond rc = hf_respond(all->responder, &packet, now, all->out, &reply, &reply_len);
	if (rc == HF_RESPOND_LATER)
		return c->stream != NULL;
	if (rc == HF_RESPOND_STREAM)
		return begin_transfer(c);
	c->waiting--;
	if (rc == HF_RESPOND_SILENCE)
		return true;
	return queue(c, reply, reply_len);
}

/* Serves whole questions while it may. False: the stream was closed. */
static bool serve_waiting(struct connection *c, hf_us now)
{
	const uint8_t *m;
	size_t len;
	while (may_serve(c) && hf_frame_next(&c->in, &m, &len)) {
		touch(c, now);
		c->begun = 0;
		if (!serve_one(c, m, len, now))
			return false;
	}
	return c->stream != NULL;
}

/* What may happen next. */
static void settle(struct connection *c, hf_us now)
{
	if (!hf_frame_partial(&c->in))
		c->begun = 0;
	else if (!c->begun)
		c->begun = now;
	if (!may_serve(c))
		c->begun = 0; /* it waits for us, not the other way round */
	hf_stream_pause(c->stream, !may_read(c));
	if (c->tls && may_read(c) && holds_more(c))
		hf_stream_want_write(c->stream, true); /* go on with the next turn */
	arm(c);
}

/* Takes what has arrived; at its end what is pending is still answered (a client
 * may close its side early, RFC 7766 section 6.2.4 and 8). */
static int read_once(struct connection *c, hf_us now)
{
	int n = c->tls ? hf_frame_fill_tls(&c->in, c->tls) : hf_frame_fill(&c->in, c->stream);
	if (n == 0)
		c->ended = true;
	else if (n < 0 && n != -EAGAIN)
		shut(c);
	else
		serve_waiting(c, now);
	return n;
}

static void read_more(struct connection *c, hf_us now)
{
	unsigned most = c->tls ? TLS_READS : 1;
	while (most-- && read_once(c, now) > 0 && c->stream && may_read(c))
		;
}

/* Runs `what` on a connection that cannot be freed under it. */
static void guarded(struct connection *c, void (*what)(struct connection *c, hf_us now), hf_us now)
{
	c->reading = true;
	what(c, now);
	/* Answers that are gone make room for questions that were held back. */
	while (c->stream && push(c, now) && may_serve(c) && hf_frame_whole(&c->in))
		serve_waiting(c, now);
	if (c->stream && c->transfers)
		fill(c, now);
	c->reading = false;
	if (c->stream)
		settle(c, now);
	else if (!c->waiting)
		connection_free(c);
}

static void serve_held_back(struct connection *c, hf_us now)
{
	if (serve_waiting(c, now) && c->tls && may_read(c) && hf_tls_holds(c->tls))
		read_more(c, now);
}

/* ---- hands ---- */

/* When the next handshake may begin; the place is taken. */
static hf_us take_slot(struct hf_connections *all, hf_us now)
{
	if (all->next_shake < now - SHAKE_AHEAD)
		all->next_shake = now - SHAKE_AHEAD;
	hf_us slot = all->next_shake;
	all->next_shake += HF_SECOND / (hf_us)all->listen->tls_handshakes;
	return slot > 0 ? slot : 1;
}

/* True: its turn has come, and there is a session. Else it waits, or has been closed. */
static bool begin_session(struct connection *c, hf_us now)
{
	struct hf_connections *all = c->all;
	if (!c->slot)
		c->slot = take_slot(all, now);
	if (c->slot > now && c->slot < c->used + all->conf->stall) {
		hf_stream_pause(c->stream, true);
		arm(c);
		return false;
	}
	bool refused = c->slot > now || !all->tls;
	if (!refused && hf_tls_accept(c->stream, all->tls, &c->tls) == 0)
		return true;
	shut_counted(c, refused ? HF_COUNT_TLS_REFUSED : HF_COUNT_TLS_FAILED);
	return false;
}

static const char *why_unfit(const struct hf_tls_session *tls)
{
	if (!hf_tls_is_1_3(tls))
		return "a transfer over TLS needs version 1.3";
	if (strcmp(hf_tls_alpn(tls), "dot") != 0)
		return "a transfer over TLS needs ALPN: dot";
	return NULL;
}

static void meet(struct connection *c, hf_us now)
{
	struct hf_connections *all = c->all;
	c->met = true;
	c->used = now;
	c->unfit = why_unfit(c->tls);
	all->open_tls++;
	hf_gauge_set(&all->meter->gauges[HF_GAUGE_TLS_OPEN], (int64_t)all->open_tls);
	hf_count(all->meter, HF_COUNT_TLS_HANDSHAKES);
	if (hf_tls_resumed(c->tls))
		hf_count(all->meter, HF_COUNT_TLS_RESUMED);
	guarded(c, read_more, now); /* a question may have come with the last of it */
}

/* Goes on with the handshake, as far as what has come goes. */
static void shake(struct connection *c, hf_us now)
{
	if (!c->tls && !begin_session(c, now))
		return;
	int rc = hf_tls_handshake(c->tls);
	if (rc == 0) {
		meet(c, now);
		return;
	}
	if (rc == -EAGAIN) {
		arm(c);
		return;
	}
	hf_count(c->all->meter, HF_COUNT_TLS_FAILED);
	shut_gently(c);
}

/* The system says that it has room only when a third of megabytes is free, which a slow
 * reader has not taken in time. So what seems to be stuck is tried once more. False: it is. */
static bool goes_on(struct connection *c, hf_us now)
{
	hf_us since = c->stuck;
	c->reading = true;
	if (push(c, now) && c->transfers)
		fill(c, now);
	c->reading = false;
	if (!c->stream) {
		if (!c->waiting)
			connection_free(c);
		return true;
	}
	if (c->stuck == since)
		return false;
	settle(c, now);
	return true;
}

static void ready(void *ctx, struct hf_stream *stream, unsigned what, hf_us now)
{
	struct connection *c = ctx;
	(void)stream;
	if (unmet(c))
		shake(c, now);
	else
		guarded(c, what & HF_STREAM_READABLE && may_read(c) ? read_more : serve_held_back,
			now);
}

static const struct hf_stream_handler stream_handler = {ready};

void hf_connections_reply(struct hf_connections *all, const struct hf_reply_path *path,
	const uint8_t *reply, size_t len, hf_us now)
{
	struct connection *c = path->ctx;
	(void)all;
	c->waiting--;
	if (!c->stream) {
		if (!c->waiting && !c->reading)
			connection_free(c);
		return;
	}
	touch(c, now);
	if (c->reading) { /* from within serve_one: its caller pushes */
		queue(c, reply, len);
		return;
	}
	if (queue(c, reply, len))
		guarded(c, serve_held_back, now);
}

/* ---- coming and going ---- */

static struct connection *idlest(struct hf_connections *all)
{
	struct connection *c = all->oldest;
	while (c && !(c->stream && idle(c) && !c->reading))
		c = c->next;
	return c;
}

static bool admit(struct hf_connections *all, const struct hf_address *peer)
{
	struct connection *victim;
	switch (hf_connection_admit(all->admission, all->conf, peer)) {
	case HF_CONNECTION_ADMITTED: return true;
	case HF_CONNECTION_CLIENT_LIMIT: break;
	case HF_CONNECTION_ONE_TOO_MANY:
		victim = idlest(all);
		if (victim) {
			shut_counted(victim, HF_COUNT_TCP_CLOSED_LIMIT);
			return true;
		}
		hf_connection_gone(all->admission, peer);
		break;
	}
	hf_count(all->meter, HF_COUNT_TCP_CLOSED_LIMIT);
	return false;
}

/* Has the client begun no more handshakes than it may? */
static bool may_shake(struct hf_connections *all, const struct hf_address *peer, hf_us now)
{
	if (hf_handshake_admit(all->admission, all->listen->tls_handshakes_per_client, peer, now))
		return true;
	hf_count(all->meter, HF_COUNT_TLS_REFUSED);
	return false;
}

void hf_connections_accept(
	struct hf_connections *all, struct hf_stream *stream, bool tls, hf_us now)
{
	struct hf_address peer = hf_stream_peer(stream);
	hf_count(all->meter, HF_COUNT_TCP_ACCEPTED);
	if (all->draining || (tls && !may_shake(all, &peer, now)) || !admit(all, &peer)) {
		hf_stream_close(stream);
		return;
	}
	struct connection *c = calloc(1, sizeof *c);
	if (!c) {
		hf_connection_gone(all->admission, &peer);
		hf_stream_close(stream);
		return;
	}
	*c = (struct connection){.all = all,
		.stream = stream,
		.peer = peer,
		.used = now,
		.timer.fire = timer_fired,
		.over_tls = tls};
	link_newest(c);
	all->open++;
	hf_gauge_set(&all->meter->gauges[HF_GAUGE_TCP_OPEN], (int64_t)all->open);
	hf_stream_handle(stream, &stream_handler, c);
	arm(c);
}

void hf_connections_drain(struct hf_connections *all, hf_us now)
{
	struct connection *next, *last = all->newest;
	/* What has arrived was asked before we stopped: it is still served, once
	 * each, though who is served moves to the end of the list. */
	for (struct connection *c = all->oldest; c; c = next) {
		next = c == last ? NULL : c->next;
		if (c->stream && may_read(c))
			ready(c, c->stream, HF_STREAM_READABLE, now);
	}
	all->draining = true;
	for (struct connection *c = all->oldest; c; c = next) {
		next = c->next;
		if (c->stream && idle(c))
			shut_gently(c);
	}
}

size_t hf_connections_open(const struct hf_connections *all)
{
	return all->open;
}

void hf_connections_adopt(struct hf_connections *all, const struct hf_tcp_conf *conf,
	const struct hf_listen_conf *listen, struct hf_tls_server *tls)
{
	all->conf = conf;
	all->listen = listen;
	all->tls = tls;
}

int hf_connections_new(struct hf_loop *loop, struct hf_meter *meter,
	struct hf_admission_table *admission, struct hf_responder *responder,
	struct hf_connections **ret)
{
	struct hf_connections *all = calloc(1, sizeof *all);
	if (!all)
		return -ENOMEM;
	all->loop = loop;
	all->meter = meter;
	all->admission = admission;
	all->responder = responder;
	*ret = all;
	return 0;
}

void hf_connections_free(struct hf_connections *all)
{
	while (all && all->oldest) {
		struct connection *c = all->oldest;
		drop_transfers(c);
		c->waiting = 0;
		if (c->stream)
			shut(c);
		else
			connection_free(c);
	}
	if (all)
		free(all->page);
	free(all);
}
