/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/reply.h"

#include "base/error.h"
#include "engine/ask.h"
#include "engine/believe.h"
#include "engine/deliver.h"
#include "engine/flight.h"
#include "engine/flight_inside.h"
#include "engine/inquiry.h"

#define UDP_IO(attempt) ((struct flight_io *)((char *)(attempt)-offsetof(struct flight_io, udp)))
#define TCP_IO(attempt) ((struct flight_io *)((char *)(attempt)-offsetof(struct flight_io, tcp)))

static void lost(struct flight_io *io, enum hf_outcome outcome, hf_us now)
{
	struct flight *f = io->flight;
	const struct hf_query_event event = {
		.kind = HF_QUERY_LOST, .attempt = hf_io_attempt(io), .outcome = outcome};
	unsigned upstream = f->base.query.attempts[event.attempt].upstream;
	hf_count_upstream(f->worker->meter, hf_flight_slot(f, upstream), HF_UP_ERRORS);
	hf_flight_drive(f, &event, now);
	hf_flight_go_or_end(f, now);
}

static void count_verdict(struct hf_worker *worker, unsigned slot, enum hf_verdict verdict)
{
	if (verdict == HF_VERDICT_GARBAGE)
		hf_count_upstream(worker->meter, slot, HF_UP_MALFORMED);
	else if (verdict == HF_VERDICT_TRUNCATED)
		hf_count_upstream(worker->meter, slot, HF_UP_TRUNCATED);
	else if (verdict != HF_VERDICT_ANSWER && verdict != HF_VERDICT_LAME &&
		 verdict != HF_VERDICT_BADCOOKIE && verdict != HF_VERDICT_LIE &&
		 verdict != HF_VERDICT_DOUBTED && verdict != HF_VERDICT_BLOCKED &&
		 verdict != HF_VERDICT_RETIRED)
		hf_count_upstream(worker->meter, slot, HF_UP_SERVFAIL);
}

/* A proof that something held has waited for. */
static void proof_came(void *ctx, hf_us now)
{
	struct flight *f = ctx;
	struct flight_script script;
	hf_script_clear(&script);
	hf_believe_rule(f, &script, now);
	hf_flight_drive_all(f, &script, now);
	hf_flight_go_or_end(f, now);
}

/* A message that is no reply to the attempt. */
static void mismatched(struct flight_io *io, unsigned slot, enum hf_match match, hf_us now)
{
	const struct hf_query_event event = {
		.kind = HF_QUERY_DOUBT, .attempt = hf_io_attempt(io), .ede = HF_EDE_NONE};
	hf_count_upstream(io->flight->worker->meter, slot, HF_UP_MISMATCHED);
	if (match != HF_MATCH_CASE)
		return;
	hf_flight_drive(io->flight, &event, now);
	hf_flight_go_or_end(io->flight, now);
}

/* Right but for the cookie: whoever sent it may not have seen the question. */
static void uncookied(struct flight_io *io, unsigned slot, enum hf_cookie_found found, hf_us now)
{
	const struct hf_query_event event = {.kind = HF_QUERY_DOUBT,
		.attempt = hf_io_attempt(io),
		.found = found,
		.ede = HF_EDE_NONE};
	hf_count_upstream(io->flight->worker->meter, slot, HF_UP_UNCOOKIED);
	hf_flight_drive(io->flight, &event, now);
	hf_flight_go_or_end(io->flight, now);
}

/* False: it is not to be taken. What cannot be read (view is NULL) has shown no cookie. */
static bool look_at_cookie(const struct hf_attempt *attempt, const uint8_t *m,
	const struct hf_message_view *view, struct hf_query_event *event)
{
	if (!attempt->cookie)
		return true;
	bool any = view && view->edns.cookie_at;
	event->cookie = any ? m + view->edns.cookie_at : NULL;
	event->cookie_len = any ? view->edns.cookie_len : 0;
	event->found = hf_cookie_look(
		attempt->client, attempt->cookie_due, event->cookie, event->cookie_len);
	return attempt->channel != HF_CHANNEL_UDP ||
	       (event->found != HF_COOKIE_MISSING && event->found != HF_COOKIE_WRONG);
}

/* What a reply is good for, as the event. An answer for clients is made ready to be kept,
 * and judged; that of an inquiry is for the one who inquired. */
static void weigh(struct flight *f, struct flight_reply *reply, struct hf_message_view *view,
	struct hf_kept *kept, struct hf_query_event *event)
{
	unsigned slot = hf_flight_slot(f, reply->upstream);
	event->verdict = hf_verdict(view);
	event->ede = view->edns.ede;
	if (event->verdict != HF_VERDICT_ANSWER)
		return;
	if (hf_believe_is_untidy(f, reply->m, view) &&
		!hf_believe_tidy(f, slot, &reply->m, &reply->len, view))
		event->verdict = HF_VERDICT_GARBAGE;
	else if (f->private)
		return;
	else if (!hf_deliver_keep(f, reply->m, view, UINT32_MAX, kept))
		event->verdict = HF_VERDICT_GARBAGE;
	else
		event->verdict = hf_believe_judge(f, reply, proof_came, event, reply->came);
}

/* The query has its answer, and this is it. */
static void hand_out(
	struct flight *f, struct flight_reply *reply, const struct hf_kept *kept, hf_us now)
{
	struct hf_heard heard = {.answered = true,
		.m = reply->m,
		.len = reply->len,
		.view = reply->view,
		.ede = HF_EDE_NONE};
	if (f->private) {
		hf_deliver_inquiry(f, &heard, now);
		return;
	}
	reply->upstream = f->base.query.answerer;
	hf_deliver(f, reply, kept, now);
}

/* A message for this attempt; the reply, or something to be dropped. */
static void replied(struct flight_io *io, const uint8_t *m, size_t len, bool cut, hf_us now)
{
	struct flight *f = io->flight;
	struct flight_script script;
	struct hf_query_event *event = hf_script_begin(&script);
	*event = (struct hf_query_event){
		.kind = HF_QUERY_REPLY, .attempt = hf_io_attempt(io), .ede = HF_EDE_NONE};
	const struct hf_attempt *attempt = &f->base.query.attempts[event->attempt];
	unsigned slot = hf_flight_slot(f, attempt->upstream);
	struct hf_message_view view;
	struct flight_reply reply = {event->attempt, attempt->upstream, m, len, &view, now};
	struct hf_kept *kept = &hf_scratch(f->worker)->kept;
	enum hf_match match = hf_ask_match(f, attempt, m, len);
	hf_count_upstream(f->worker->meter, slot, HF_UP_PACKETS_IN);
	if (match != HF_MATCH_YES) {
		mismatched(io, slot, match, now);
		return;
	}
	event->octets = len < UINT16_MAX ? (uint16_t)len : UINT16_MAX;
	bool readable = !cut && hf_message_read(m, len, &view) == 0;
	if (!cut && !look_at_cookie(attempt, m, readable ? &view : NULL, event)) {
		uncookied(io, slot, event->found, now);
		return;
	}
	if (cut) {
		event->verdict = HF_VERDICT_TRUNCATED;
	} else if (!readable) {
		event->verdict = HF_VERDICT_GARBAGE;
	} else {
		if (attempt->channel != HF_CHANNEL_UDP && view.edns.keepalive_timed)
			hf_tcp_keep(&io->tcp, view.edns.keepalive_100ms * 100 * HF_MS);
		weigh(f, &reply, &view, kept, event);
	}
	count_verdict(f->worker, slot, event->verdict);
	event->moved = attempt->channel != HF_CHANNEL_UDP && io->tcp.moved;
	hf_io_forget(io);
	if (event->kind == HF_QUERY_HELD)
		hf_believe_rule(f, &script, now);
	hf_flight_drive_all(f, &script, now);
	if (script.over && event->kind == HF_QUERY_REPLY && event->verdict == HF_VERDICT_ANSWER)
		hand_out(f, &reply, kept, now);
	hf_flight_go_or_end(f, now);
}

/* ---- the transports' side ---- */

static void udp_replied(void *ctx, struct hf_udp_attempt *attempt, const uint8_t *m, size_t len,
	bool cut, hf_us now)
{
	(void)ctx;
	replied(UDP_IO(attempt), m, len, cut, now);
}

static void udp_refused(void *ctx, struct hf_udp_attempt *attempt, int error, hf_us now)
{
	(void)ctx;
	(void)error;
	lost(UDP_IO(attempt), HF_OUTCOME_UNREACHABLE, now);
}

static void udp_unsent(void *ctx, struct hf_udp_attempt *attempt, int error, hf_us now)
{
	struct flight_io *io = UDP_IO(attempt);
	const struct hf_query_event event =
		hf_flight_unsent(io->flight, hf_io_attempt(io), error, now);
	(void)ctx;
	hf_flight_drive(io->flight, &event, now);
	hf_flight_go_or_end(io->flight, now);
}

static void tcp_replied(
	void *ctx, struct hf_tcp_attempt *attempt, const uint8_t *m, size_t len, hf_us now)
{
	(void)ctx;
	replied(TCP_IO(attempt), m, len, false, now);
}

static void tell_untrusted(
	struct hf_worker *worker, const struct flight_io *io, const char *why, hf_us now)
{
	const struct flight *f = io->flight;
	unsigned slot = hf_flight_slot(f, f->base.query.attempts[hf_io_attempt(io)].upstream);
	struct hf_event event = {.at = now, .kind = HF_EVENT_UNTRUSTED, .slot = (uint16_t)slot};
	if (!hf_upstreams_distrust(worker->team->upstreams, f->plan, slot, why))
		return;
	hf_event_why(&event, why);
	hf_event_put(worker->events, &event);
}

static void tcp_refused(
	void *ctx, struct hf_tcp_attempt *attempt, int error, const char *why, hf_us now)
{
	struct flight_io *io = TCP_IO(attempt);
	bool untrusted = why && (error == HF_EAUTH || error == -EPROTO);
	if (untrusted)
		tell_untrusted(ctx, io, why, now);
	lost(io, untrusted ? HF_OUTCOME_UNTRUSTED : HF_OUTCOME_UNREACHABLE, now);
}

/* What went out on a connection that had been forgotten goes out anew. */
static void tcp_moved(void *ctx, struct hf_tcp_attempt *attempt, bool opened, hf_us now)
{
	struct hf_worker *worker = ctx;
	const struct flight_io *io = TCP_IO(attempt);
	struct flight *f = io->flight;
	const struct hf_attempt *a = &f->base.query.attempts[hf_io_attempt(io)];
	f->base.query.moves++;
	uint32_t cost = a->channel == HF_CHANNEL_TLS ? HF_COST_TLS : HF_COST_TCP;
	if (f->limited)
		hf_upstreams_charge(worker->team->upstreams, f->plan,
			hf_flight_slot(f, a->upstream), opened ? cost : HF_COST_TCP_REUSED, now);
}

static bool may_move(void *ctx, struct hf_tcp_attempt *attempt)
{
	(void)ctx;
	return hf_query_may_send(&TCP_IO(attempt)->flight->base.query);
}

static void stray(void *ctx, const struct hf_address *peer)
{
	struct hf_worker *worker = ctx;
	/* Late replies to questions long answered come here too: a count, no alarm. */
	(void)peer;
	hf_count(worker->meter, HF_COUNT_STRAY);
}

static void short_of(void *ctx, int error, hf_us now)
{
	struct hf_worker *worker = ctx;
	hf_event_put(worker->events,
		&(struct hf_event){.at = now, .kind = HF_EVENT_SOCKETS_SHORT, .a = error});
}

static const struct hf_udp_handler udp_handler = {
	udp_replied, udp_refused, udp_unsent, stray, short_of};
static const struct hf_tcp_handler tcp_handler = {
	tcp_replied, tcp_refused, tcp_moved, stray, may_move};

int hf_transports_open(struct hf_worker *worker)
{
	int rc = hf_udp_pool_new(worker->loop, &udp_handler, worker, &worker->udp);
	return rc ? rc : hf_tcp_pool_new(worker->loop, &tcp_handler, worker, &worker->tcp);
}
