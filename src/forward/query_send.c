/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forward/query_inside.h"

#include <string.h>

#include "upstream/room.h"

/* A connection costs a round trip more before the question can go out, and a
 * lost SYN comes again only after a second: three times the time-out, at least
 * a quarter of a second. */
#define STREAM_PATIENCE 3
#define STREAM_TIMEOUT_MIN (250 * HF_MS)

/* After so many silent attempts over UDP, TCP is tried on no other evidence: from then on,
 * or once, and then UDP again, while what is lost is lost for other reasons than its size. */
#define SILENT_BEFORE_STREAM 2

/* A probe is waited for no longer: the next one may find it back. */
#define PROBE_MOST (1 * HF_SECOND)

/* A check is waited for so long at least, or so many round trips. */
#define CHECK_LEAST (200 * HF_MS)
#define CHECK_ROUND_TRIPS 3

/* A second copy sooner than this would only race the network's jitter. */
#define HEDGE_LEAST (10 * HF_MS)

/* A handshake, of which nothing is known yet, has stalled. */
#define HEDGE_HANDSHAKE (300 * HF_MS)

/* A question may stand in line for so long at least, however patient one is with
 * the upstream. */
#define STAND_LEAST (HF_QUERY_DEADLINE / 2)

/* One that says nothing to anybody is no sign of lost fragments, and a connection costs
 * six packets where a probe costs one. Only now and then, about once a minute, a probe
 * finds out whether TCP is what still gets through. */
#define PROBES_A_STREAM 64

static bool is_dark(const struct hf_step *s, unsigned upstream)
{
	const struct hf_health *health = &hf_step_state(s, upstream)->health;
	return health->state != HF_HEALTH_CLOSED &&
	       health->rests % PROBES_A_STREAM != PROBES_A_STREAM - 1;
}

/* Lost for its size? It answered others since we asked, but not while many of all sizes
 * are lost; or it is silent for the third time. */
static bool wants_stream(const struct hf_step *s, unsigned upstream)
{
	const struct hf_query *q = s->q;
	unsigned tries = q->tries[upstream];
	if (hf_step_conf(s, upstream)->channel != HF_CHANNEL_UDP ||
		q->stream & hf_step_bit(upstream))
		return true;
	if (is_dark(s, upstream))
		return false;
	bool losing = tries && hf_cap_losing(&hf_step_state(s, upstream)->cap);
	if (losing)
		tries %= SILENT_BEFORE_STREAM + 1;
	if (tries >= SILENT_BEFORE_STREAM && !(q->refused & hf_step_bit(upstream)))
		return true;
	for (unsigned i = 0; i < q->sends && !losing; i++) {
		const struct hf_attempt *a = &q->attempts[i];
		if (a->open && a->late && a->upstream == upstream &&
			hf_step_state(s, upstream)->answered > a->sent)
			return true;
	}
	return false;
}

enum hf_channel hf_send_channel(const struct hf_step *s, unsigned upstream)
{
	if (hf_step_conf(s, upstream)->channel == HF_CHANNEL_TLS)
		return HF_CHANNEL_TLS;
	return wants_stream(s, upstream) ? HF_CHANNEL_TCP : HF_CHANNEL_UDP;
}

static uint8_t cost_of(enum hf_channel channel)
{
	static const uint8_t costs[] = {
		[HF_CHANNEL_UDP] = HF_COST_UDP,
		[HF_CHANNEL_TCP] = HF_COST_TCP,
		[HF_CHANNEL_TLS] = HF_COST_TLS,
	};
	return costs[channel];
}

static hf_us patience(const struct hf_step *s, unsigned upstream, enum hf_channel channel)
{
	const struct hf_upstream_conf *conf = hf_step_figures(s, upstream);
	hf_us timeout = hf_rtt_timeout(hf_step_rtt(s, upstream), conf);
	if (channel == HF_CHANNEL_UDP)
		return timeout;
	timeout *= STREAM_PATIENCE;
	if (timeout < STREAM_TIMEOUT_MIN)
		timeout = STREAM_TIMEOUT_MIN;
	return timeout < conf->timeout_max ? timeout : conf->timeout_max;
}

static void charge(struct hf_step *s, unsigned upstream, uint32_t cost)
{
	hf_room_take(hf_step_state(s, upstream), s->env->outgoing, s->env->outgoing_conf, cost,
		s->env->now);
}

void hf_send_refund(struct hf_step *s, const struct hf_attempt *a, uint32_t packets)
{
	hf_room_give_back(hf_step_state(s, a->upstream), s->env->outgoing, s->env->outgoing_conf,
		packets, a->charged);
}

static void set_hedge(struct hf_step *s, struct hf_attempt *a)
{
	const struct hf_candidate *c = hf_step_candidate(s, a->upstream);
	hf_us p95 = hf_rtt_p95(&c->path->rtt);
	if (a->channel == HF_CHANNEL_TLS && !a->met)
		p95 = p95 ? STREAM_PATIENCE * p95 : HEDGE_HANDSHAKE;
	a->hedge = HF_NEVER;
	if (p95 && a->channel != HF_CHANNEL_TCP && hf_candidate_figures(c)->hedge && !a->probe)
		a->hedge = a->sent + (p95 > HEDGE_LEAST ? p95 : HEDGE_LEAST);
}

/* Over TCP as well: whether it gives one there tells what to think of it. */
static void add_cookie(const struct hf_step *s, struct hf_attempt *a, struct hf_action *send)
{
	const struct hf_candidate *c = hf_step_candidate(s, a->upstream);
	struct hf_cookie *cookie = &c->state->cookie;
	const hf_us now = s->env->now;
	if (!c->conf->cookies || !a->edns || c->conf->channel != HF_CHANNEL_UDP)
		return;
	send->cookie_len = (uint8_t)hf_cookie_write(
		cookie, s->q->tries[a->upstream] > 1, now, send->client_and_server);
	a->cookie = send->cookie_len != 0;
	a->cookie_due = a->cookie && a->channel == HF_CHANNEL_UDP && hf_cookie_due(cookie, now);
	memcpy(a->client, send->client_and_server, sizeof a->client);
}

/* The first is written down when there is more to tell of it. That the protocol or the truth
 * wants one is where that is known, and a second copy where it is known what for. */
static void note_sent(const struct hf_step *s, const struct hf_attempt *a)
{
	const struct hf_query *q = s->q;
	hf_us waited = a->due - a->sent;
	bool retry = a->reason == HF_SEND_RETRY;
	unsigned why = retry ? q->cause : q->copy ? HF_PROBE_OWN : HF_PROBE_LOOK;
	if (s->env->diary && (retry || a->reason == HF_SEND_PROBE))
		hf_step_write(s, retry ? HF_DECIDED_RETRY : HF_DECIDED_PROBE, why, a->upstream,
			HF_STEP_NOBODY, waited, retry ? q->sends : 0)
			->channel = (uint8_t)a->channel;
}

/* Time-outs have doubled by then for want of answers; of a check something has to be known soon,
 * and an answer that comes later counts all the same. */
static hf_us check_patience(const struct hf_candidate *c)
{
	hf_us usual = CHECK_ROUND_TRIPS * c->path->rtt.srtt;
	return usual > CHECK_LEAST ? usual : CHECK_LEAST;
}

void hf_send_dispatch(struct hf_step *s, struct hf_attempt *a)
{
	struct hf_candidate c = *hf_step_candidate(s, a->upstream);
	hf_us now = s->env->now;
	a->queued = false;
	a->sent = now;
	a->due = now + patience(s, a->upstream, a->channel);
	set_hedge(s, a);
	bool resting = c.state->health.state != HF_HEALTH_CLOSED ||
		       c.path->health.state != HF_HEALTH_CLOSED;
	if (resting && a->channel != HF_CHANNEL_TCP && a->due > now + PROBE_MOST)
		a->due = now + PROBE_MOST;
	if (s->q->check && a->due > now + check_patience(&c))
		a->due = now + check_patience(&c);
	if (c.state->health.state != HF_HEALTH_CLOSED)
		hf_health_probe(&c.state->health, a->due, now);
	if (c.path->health.state != HF_HEALTH_CLOSED)
		hf_health_probe(&c.path->health, a->due, now);
	a->probe = a->probe || resting;
	if (a->reason == HF_SEND_FIRST && !a->probe)
		hf_pace_sent(&c.state->pace, now);
	else if (!a->probe)
		hf_pace_also(&c.state->pace, now);
	if (c.conf->infer_cap)
		(a->channel == HF_CHANNEL_UDP ? hf_cap_sent : hf_cap_spent)(
			&c.state->cap, a->cost, now);
	if (!c.state->answered)
		hf_unheard_sent(&c.state->unheard, s->q->account, now);
	c.state->in_flight++;
	c.path->asked = now;
	if (!s->q->own)
		hf_lame_sent(&c.path->lame, now);
	struct hf_action *send = hf_step_act(s, HF_ACT_SEND);
	send->attempt = (uint8_t)(a - s->q->attempts);
	send->upstream = a->upstream;
	send->channel = a->channel;
	send->reason = a->reason;
	send->edns_size = a->edns ? hf_size_edns(&c.state->size, c.conf, now) : 0;
	a->edns = send->edns_size != 0;
	s->q->waits_noted = 0;
	add_cookie(s, a, send);
	note_sent(s, a);
}

static void stand_in_line(struct hf_step *s, struct hf_attempt *a)
{
	struct hf_action *queue = hf_step_act(s, HF_ACT_QUEUE);
	hf_us needs = patience(s, a->upstream, a->channel), most = HF_QUERY_DEADLINE - STAND_LEAST;
	a->queued = true;
	queue->attempt = (uint8_t)(a - s->q->attempts);
	queue->upstream = a->upstream;
	queue->cost = a->cost;
	queue->reason = a->reason;
	/* What is sent later than this is answered too late for anybody. */
	queue->due = s->q->deadline - (needs < most ? needs : most);
	hf_step_note(s, HF_DECIDED_QUEUE, 0, a->upstream, a->cost, queue->due - s->env->now);
}

void hf_send_to(struct hf_step *s, unsigned upstream, enum hf_send_reason reason)
{
	struct hf_query *q = s->q;
	if (hf_unexpected(!hf_query_may_send(q)))
		return;
	hf_facts_touch(s, upstream);
	struct hf_attempt *a = &q->attempts[q->sends];
	enum hf_channel channel = hf_send_channel(s, upstream);
	*a = (struct hf_attempt){
		.open = true,
		.probe = reason == HF_SEND_PROBE,
		.edns = !(q->plain & hf_step_bit(upstream)),
		.upstream = (uint8_t)upstream,
		.channel = channel,
		.cost = cost_of(channel),
		.reason = reason,
	};
	if (q->tries[upstream] < UINT8_MAX)
		q->tries[upstream]++;
	q->sends++;
	if (!hf_room_is_free(hf_step_state(s, upstream), s->env->outgoing, s->env->outgoing_conf,
		    a->cost, s->env->now)) {
		stand_in_line(s, a);
		return;
	}
	charge(s, upstream, a->cost);
	a->charged = s->env->now;
	hf_send_dispatch(s, a);
}

/* No handshake comes first: it may be expected like a datagram. A packet that is lost
 * comes again, though, after 0.2 s at the earliest. */
static void went_at_once(struct hf_step *s, struct hf_attempt *a)
{
	const struct hf_candidate *c = hf_step_candidate(s, a->upstream);
	hf_us timeout = hf_rtt_timeout(&c->path->rtt, hf_candidate_figures(c));
	a->met = true;
	if (timeout < STREAM_TIMEOUT_MIN)
		timeout = STREAM_TIMEOUT_MIN;
	if (a->due > a->sent + timeout)
		a->due = a->sent + timeout;
	set_hedge(s, a);
}

void hf_send_reused(struct hf_step *s, struct hf_attempt *a, bool met)
{
	hf_send_refund(s, a, a->cost - HF_COST_TCP_REUSED);
	a->cost = HF_COST_TCP_REUSED;
	/* Told late it would be armed for what has passed. */
	if (met && a->channel == HF_CHANNEL_TLS && s->env->now - a->sent < HEDGE_LEAST)
		went_at_once(s, a);
}
