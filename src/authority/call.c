/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "transport/frame.h"

/* How often it is looked whether a peer still talks. */
#define LOOK (1 * HF_SECOND)

/* Reads of one connection in a turn of the loop: others want to be heard, too. Of as many octets
 * ten thousand records may come, which take some milliseconds. */
#define READS_A_TURN 4

/* Files of authorities that are remembered; more are loaded each time. */
#define TRUSTS_MAX 16
#define TRUST_KEPT (60 * HF_SECOND)

struct trust {
	char *path; /* NULL: the place is free */
	struct hf_trust *trust;
	hf_us loaded;
};

struct line {
	unsigned most, taken;
	unsigned share; /* of one peer, at most */
	struct hf_turn *first, **last;
	struct hf_turn *holders;
};

struct hf_calls {
	struct hf_loop *loop;
	struct hf_spaces *spaces;
	struct hf_udp_pool *udp;
	struct hf_tls_tickets *tickets;
	void *guest;
	void (*end_guest)(void *guest);
	struct line lines[HF_TURN_KINDS];
	struct hf_timer next; /* those in line for whom there is room */
	struct trust trusts[TRUSTS_MAX];
};

struct hf_call {
	struct hf_calls *calls;
	struct hf_stream *stream;
	struct hf_tls_session *tls;
	struct hf_trust *trust;
	struct hf_frame_in in;
	struct hf_frame_out out;
	const struct hf_call_handler *handler;
	void *ctx;
	struct hf_timer look;
	hf_us began, heard;
	uint64_t octets;
	bool talking; /* within a callback: not to be freed under our feet */
	bool over;
};

/* ---- what calls share ---- */

static struct hf_datagram_call *of_attempt(struct hf_udp_attempt *attempt)
{
	return (struct hf_datagram_call *)((char *)attempt -
					   offsetof(struct hf_datagram_call, attempt));
}

static void replied(void *ctx, struct hf_udp_attempt *attempt, const uint8_t *m, size_t len,
	bool cut, hf_us now)
{
	struct hf_datagram_call *call = of_attempt(attempt);
	uint8_t copy[HF_DATAGRAM_MAX]; /* a signature is taken off in place */
	(void)ctx;
	len = len < sizeof copy ? len : sizeof copy;
	memcpy(copy, m, len);
	call->replied(call, copy, len, cut, now);
}

static void refused(void *ctx, struct hf_udp_attempt *attempt, int error, hf_us now)
{
	struct hf_datagram_call *call = of_attempt(attempt);
	(void)ctx;
	call->refused(call, error, now);
}

static void stray(void *ctx, const struct hf_address *peer)
{
	(void)ctx;
	(void)peer;
}

static const struct hf_udp_handler udp_handler = {replied, refused, refused, stray};

static void let_next(struct hf_timer *timer, hf_us now);

int hf_calls_new(struct hf_loop *loop, struct hf_calls **ret)
{
	struct hf_calls *calls = calloc(1, sizeof *calls);
	if (!calls)
		return -ENOMEM;
	calls->loop = loop;
	calls->next.fire = let_next;
	calls->lines[HF_TURN_TRANSFER].most = HF_AUTHORITY_TRANSFERS;
	calls->lines[HF_TURN_QUESTION].most = HF_CALLS_QUESTIONS;
	calls->lines[HF_TURN_NOTIFY].most = HF_CALLS_NOTIFIES;
	calls->lines[HF_TURN_NOTIFY_SILENT].most = HF_CALLS_NOTIFIES;
	calls->lines[HF_TURN_UPDATE].most = HF_CALLS_UPDATES;
	for (unsigned i = 0; i < HF_TURN_KINDS; i++) {
		calls->lines[i].last = &calls->lines[i].first;
		calls->lines[i].share = calls->lines[i].most / 2;
	}
	calls->lines[HF_TURN_UPDATE].share = HF_CALLS_UPDATES / 8;
	int rc = hf_spaces_new(loop, &calls->spaces);
	rc = rc ? rc : hf_tls_tickets_new(&calls->tickets);
	rc = rc ? rc : hf_udp_pool_new(loop, &udp_handler, calls, &calls->udp);
	if (rc)
		hf_calls_free(calls);
	else
		*ret = calls;
	return rc;
}

static void drop_trust(struct trust *trust)
{
	hf_trust_unref(trust->trust);
	free(trust->path);
	*trust = (struct trust){.path = NULL};
}

void hf_calls_free(struct hf_calls *calls)
{
	if (!calls)
		return;
	hf_timer_disarm(hf_loop_timers(calls->loop), &calls->next);
	for (unsigned i = 0; i < TRUSTS_MAX; i++)
		drop_trust(&calls->trusts[i]);
	if (calls->end_guest)
		calls->end_guest(calls->guest);
	hf_spaces_free(calls->spaces);
	hf_udp_pool_free(calls->udp);
	hf_tls_tickets_free(calls->tickets);
	free(calls);
}

struct hf_loop *hf_calls_loop(const struct hf_calls *calls)
{
	return calls->loop;
}

struct hf_spaces *hf_calls_spaces(const struct hf_calls *calls)
{
	return calls->spaces;
}

void *hf_calls_guest(const struct hf_calls *calls)
{
	return calls->guest;
}

void hf_calls_set_guest(struct hf_calls *calls, void *guest, void (*end)(void *guest))
{
	calls->guest = guest;
	calls->end_guest = end;
}

/* ---- whom to believe ---- */

/* The place of a path: its own, or one that is free or the oldest. */
static struct trust *place_of(struct hf_calls *calls, const char *path)
{
	struct trust *oldest = &calls->trusts[0];
	for (unsigned i = 0; i < TRUSTS_MAX; i++) {
		struct trust *t = &calls->trusts[i];
		if (t->path && strcmp(t->path, path) == 0)
			return t;
		if (oldest->path && (!t->path || t->loaded < oldest->loaded))
			oldest = t;
	}
	return oldest;
}

static int load(struct hf_calls *calls, const char *path, struct hf_trust **ret)
{
	struct trust *place = place_of(calls, path);
	hf_us now = hf_loop_now(calls->loop);
	bool here = place->path && strcmp(place->path, path) == 0;
	bool system = strcmp(path, "system") == 0;
	if (!here || now - place->loaded > TRUST_KEPT) {
		struct hf_trust *trust = NULL;
		int rc = hf_trust_load(system ? NULL : path, &trust);
		if (rc && (!system || rc == -ENOMEM))
			return rc;
		drop_trust(place);
		*place = (struct trust){.path = strdup(path), .trust = trust, .loaded = now};
		if (!place->path) {
			drop_trust(place);
			return -ENOMEM;
		}
	}
	*ret = place->trust ? hf_trust_ref(place->trust) : NULL;
	return 0;
}

int hf_calls_secure(struct hf_calls *calls, const struct hf_zone_conf *zone, struct hf_secure *ret)
{
	struct hf_secure s = {.peer = {.alpn = "dot"}};
	size_t len = strlen(zone->tls_name);
	if (len && zone->tls_name[len - 1] == '.')
		len--; /* certificates and SNI have names without their last dot */
	if (strcmp(zone->tls_name, "none") != 0)
		snprintf(s.peer.name, sizeof s.peer.name, "%.*s", (int)len, zone->tls_name);
	for (size_t i = 0; i < zone->tls_pins.count && s.peer.pin_count < HF_TRUST_PINS; i++)
		if (!hf_unexpected(
			    hf_pin_parse(zone->tls_pins.items[i], &s.peer.pins[s.peer.pin_count])))
			s.peer.pin_count++;
	int rc = s.peer.name[0] ? load(calls, zone->tls_ca, &s.trust) : 0;
	if (!rc)
		*ret = s;
	return rc;
}

/* ---- turns ---- */

static void leave(struct hf_calls *calls, struct hf_turn *turn)
{
	struct line *line = &calls->lines[turn->kind];
	*turn->prev = turn->next;
	if (turn->next)
		turn->next->prev = turn->prev;
	else
		line->last = turn->prev;
	turn->next = NULL;
	turn->prev = NULL;
}

static bool same_host(const struct hf_address *a, const struct hf_address *b)
{
	return a->family == b->family && a->scope == b->scope &&
	       memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* Has the peer as many turns as one may have? */
static bool has_its_share(const struct line *line, const struct hf_address *peer)
{
	unsigned has = 0;
	for (const struct hf_turn *t = line->holders; t; t = t->holder)
		has += same_host(&t->peer, peer);
	return has >= line->share;
}

static void hold(struct line *line, struct hf_turn *turn)
{
	turn->taken = true;
	turn->holder = line->holders;
	line->holders = turn;
	line->taken++;
}

static void let_go(struct line *line, struct hf_turn *turn)
{
	struct hf_turn **at = &line->holders;
	while (*at != turn)
		at = &(*at)->holder;
	*at = turn->holder;
	turn->taken = false;
	line->taken--;
}

/* The first in line whose peer may have one more. Neighbours in line are often of one
 * peer, which is counted once. */
static struct hf_turn *first_of(const struct line *line)
{
	const struct hf_address *passed = NULL;
	for (struct hf_turn *t = line->first; t; t = t->next) {
		if (passed && same_host(passed, &t->peer))
			continue;
		if (!has_its_share(line, &t->peer))
			return t;
		passed = &t->peer;
	}
	return NULL;
}

/* As many as there is room for now; what they give back at once is for the next turn of
 * the loop. */
static void let_next(struct hf_timer *timer, hf_us now)
{
	struct hf_calls *calls =
		(struct hf_calls *)((char *)timer - offsetof(struct hf_calls, next));
	for (unsigned i = 0; i < HF_TURN_KINDS; i++) {
		struct line *line = &calls->lines[i];
		for (unsigned room = line->most - line->taken; room; room--) {
			struct hf_turn *turn = first_of(line);
			if (!turn)
				break;
			leave(calls, turn);
			hold(line, turn);
			turn->come(turn, now);
		}
	}
}

bool hf_turn_take(struct hf_calls *calls, struct hf_turn *turn, enum hf_turn_kind kind,
	const struct hf_address *peer)
{
	struct line *line = &calls->lines[kind];
	if (hf_unexpected(turn->taken || turn->prev))
		return turn->taken;
	turn->kind = kind;
	turn->peer = *peer;
	bool room = line->taken < line->most && !has_its_share(line, peer);
	if (room && !line->first) {
		hold(line, turn);
		return true;
	}
	turn->next = NULL;
	turn->prev = line->last;
	*line->last = turn;
	line->last = &turn->next;
	if (room) /* those in front may wait for peers that have theirs */
		hf_timer_arm(hf_loop_timers(calls->loop), &calls->next, hf_loop_now(calls->loop));
	return false;
}

void hf_turn_give(struct hf_calls *calls, struct hf_turn *turn)
{
	struct line *line = &calls->lines[turn->kind];
	if (turn->prev)
		leave(calls, turn);
	if (!turn->taken)
		return;
	let_go(line, turn);
	if (line->first)
		hf_timer_arm(hf_loop_timers(calls->loop), &calls->next, hf_loop_now(calls->loop));
}

/* ---- calls ---- */

static void call_free(struct hf_call *call)
{
	hf_timer_disarm(hf_loop_timers(call->calls->loop), &call->look);
	hf_tls_close(call->tls);
	hf_stream_close(call->stream);
	hf_trust_unref(call->trust);
	hf_frame_in_clear(&call->in);
	hf_frame_out_clear(&call->out);
	free(call);
}

void hf_call_end(struct hf_call *call)
{
	if (!call)
		return;
	call->over = true;
	if (!call->talking)
		call_free(call);
}

/* Everything that calls the owner goes through here: it may have hung up when that is
 * done. */
static void finish_talking(struct hf_call *call)
{
	call->talking = false;
	if (call->over)
		call_free(call);
}

static void fail(struct hf_call *call, const char *why, hf_us now)
{
	hf_timer_disarm(hf_loop_timers(call->calls->loop), &call->look);
	hf_stream_pause(call->stream, true);
	hf_stream_want_write(call->stream, false);
	call->handler->failed(call->ctx, why, now);
}

static void fail_with(struct hf_call *call, int error, hf_us now)
{
	const char *why = call->tls ? hf_tls_cause(call->tls) : "";
	if (error == HF_ECLOSED && call->octets)
		why = "the connection was closed before the end";
	fail(call, why[0] ? why : hf_strerror(error), now);
}

static void deliver(struct hf_call *call, hf_us now)
{
	const uint8_t *m;
	size_t len;
	while (!call->over && hf_frame_next(&call->in, &m, &len)) {
		/* It lies in our own buffer, and nobody reads it a second time. */
		uint8_t *mine = call->in.bytes + (m - call->in.bytes);
		call->handler->message(call->ctx, mine, len, now);
	}
}

static int take(struct hf_call *call, hf_us now)
{
	for (unsigned i = 0; i < READS_A_TURN && !call->over; i++) {
		int n = call->tls ? hf_frame_fill_tls(&call->in, call->tls)
				  : hf_frame_fill(&call->in, call->stream);
		if (n <= 0)
			return n ? n : HF_ECLOSED;
		call->octets += (size_t)n;
		call->heard = now;
		deliver(call, now);
	}
	/* What TLS has taken from the stream does not show there: come again. */
	if (!call->over && call->tls)
		hf_stream_want_write(call->stream, true);
	return -EAGAIN;
}

static int push(struct hf_call *call)
{
	int rc = call->tls ? hf_tls_flush(call->tls) : 0;
	if (rc < 0)
		return rc;
	rc = call->tls ? hf_frame_flush_tls(&call->out, call->tls)
		       : hf_frame_flush(&call->out, call->stream);
	if (rc == 1 && !call->tls)
		hf_stream_want_write(call->stream, false);
	return rc;
}

static void ready(void *ctx, struct hf_stream *stream, unsigned what, hf_us now)
{
	struct hf_call *call = ctx;
	(void)stream;
	call->talking = true;
	int rc = call->tls ? hf_tls_handshake(call->tls) : 0;
	if (!rc && (what & HF_STREAM_WRITABLE || call->tls))
		rc = push(call);
	if (rc >= 0 && (what & HF_STREAM_READABLE || call->tls))
		rc = take(call, now);
	if (rc < 0 && rc != -EAGAIN && !call->over)
		fail_with(call, rc, now);
	finish_talking(call);
}

static const struct hf_stream_handler stream_handler = {ready};

static bool too_slow(const struct hf_call *call, hf_us now)
{
	hf_us age = now - call->began;
	return age > HF_CALL_SLOW && call->octets < (uint64_t)(age / HF_SECOND) * HF_CALL_PACE;
}

static void look(struct hf_timer *timer, hf_us now)
{
	struct hf_call *call = (struct hf_call *)((char *)timer - offsetof(struct hf_call, look));
	call->talking = true;
	if (now - call->heard >= HF_CALL_PATIENCE)
		fail(call, call->octets ? "it stopped talking" : "it does not answer", now);
	else if (too_slow(call, now))
		fail(call, "it is too slow", now);
	else
		hf_timer_arm(hf_loop_timers(call->calls->loop), timer, now + LOOK);
	finish_talking(call);
}

static int connect_to(
	struct hf_call *call, const struct hf_address *peer, const struct hf_secure *secure)
{
	struct hf_calls *calls = call->calls;
	int rc = hf_stream_connect(calls->loop, peer, &stream_handler, call, &call->stream);
	if (rc)
		return rc;
	hf_stream_want_write(call->stream, true);
	if (!secure)
		return 0;
	call->trust = secure->trust ? hf_trust_ref(secure->trust) : NULL;
	return hf_tls_open(call->stream, &secure->peer, call->trust, calls->tickets, &call->tls);
}

int hf_call_begin(struct hf_calls *calls, const struct hf_address *peer,
	const struct hf_secure *secure, const uint8_t *request, size_t len,
	const struct hf_call_handler *handler, void *ctx, struct hf_call **ret)
{
	struct hf_call *call = calloc(1, sizeof *call);
	if (!call)
		return -ENOMEM;
	call->calls = calls;
	call->handler = handler;
	call->ctx = ctx;
	call->look.fire = look;
	call->began = call->heard = hf_loop_now(calls->loop);
	int rc = hf_frame_put(&call->out, request, len, 2 + HF_MESSAGE_MAX);
	rc = rc ? rc : connect_to(call, peer, secure);
	if (rc) {
		call_free(call);
		return rc;
	}
	hf_timer_arm(hf_loop_timers(calls->loop), &call->look, call->began + LOOK);
	*ret = call;
	return 0;
}

/* ---- questions over UDP ---- */

int hf_datagram_call(struct hf_calls *calls, struct hf_datagram_call *call,
	const struct hf_address *peer, uint8_t *m, size_t len)
{
	hf_udp_forget(&call->attempt);
	return hf_udp_send(calls->udp, &call->attempt, peer, m, len);
}

void hf_datagram_forget(struct hf_datagram_call *call)
{
	hf_udp_forget(&call->attempt);
}
