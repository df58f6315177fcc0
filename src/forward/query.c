/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forward/query.h"

#include "base/check.h"
#include "upstream/room.h"

/* A connection costs a round trip more before the question can go out, and a
 * lost SYN comes again only after a second: three times the time-out, at least
 * a quarter of a second. */
#define STREAM_PATIENCE 3
#define STREAM_TIMEOUT_MIN (250 * HF_MS)

/* Before an upstream that refused to listen is asked again; doubled each time. A
 * server that is restarted is back within a second or so. */
#define PAUSE (100 * HF_MS)

/* After so many silent attempts over UDP, TCP is tried on no other evidence. */
#define SILENT_BEFORE_STREAM 2

/* While all upstreams rest, or the pace of one that came back is to be kept, the
 * question looks again so often, less up to half by chance. */
#define LOOK_AGAIN (200 * HF_MS)

/* ... and after each look in vain half as often, down to once in 0.8 to 1.6 s. */
#define LOOKS_MAX 3

/* Who has no old answer waits for the pace no longer than this. */
#define PACE_MOST (500 * HF_MS)

/* In the dark who has an old answer waits for a probe no longer than one that is
 * back would take; otherwise a client a second would wait for all of its patience. */
#define PROBE_PATIENCE (200 * HF_MS)

/* A probe is waited for no longer: the next one may find it back. */
#define PROBE_MOST (1 * HF_SECOND)

/* A second copy sooner than this would only race the network's jitter. */
#define HEDGE_LEAST (10 * HF_MS)

/* A handshake, of which nothing is known yet, has stalled. */
#define HEDGE_HANDSHAKE (300 * HF_MS)

/* At least so long passes between looking for a token of the retry budget. */
#define TOKEN_LEAST (5 * HF_MS)

/* A certificate is seen two round trips after connecting; one that takes so long may
 * never be, and another upstream may give another address. */
#define PROOF_PATIENCE (250 * HF_MS)

/* A question may stand in line for so long at least, however patient one is with
 * the upstream. */
#define STAND_LEAST (HF_QUERY_DEADLINE / 2)

_Static_assert(HF_ROUTE_UPSTREAMS_MAX <= HF_SELECT_MOST, "a choice holds any route");

struct step { /* one call of hf_query_step */
	struct hf_query *q;
	const struct hf_query_env *env;
	struct hf_action *actions;
	size_t count;
};

static struct hf_action *act(struct step *s, enum hf_action_kind kind)
{
	hf_require(s->count < HF_ACTIONS_MAX);
	struct hf_action *action = &s->actions[s->count++];
	*action = (struct hf_action){ .kind = kind, .ede = HF_EDE_NONE };
	return action;
}

static uint64_t bit(unsigned upstream)
{
	return 1ull << upstream;
}

static const struct hf_candidate *candidate(const struct step *s, unsigned upstream)
{
	return &s->env->candidates->of[upstream];
}

static struct hf_upstream_state *state_of(const struct step *s, unsigned upstream)
{
	return candidate(s, upstream)->state;
}

static struct hf_rtt *rtt_of(const struct step *s, unsigned upstream)
{
	return &candidate(s, upstream)->path->rtt;
}

static const struct hf_upstream_conf *conf_of(const struct step *s, unsigned upstream)
{
	return candidate(s, upstream)->conf;
}

/* Does the time that it took say how far away the upstream is? Over UDP, and over TLS
 * where no handshake came first. Over TCP a question is an exception. */
static bool is_measured(const struct hf_attempt *a)
{
	return a->channel == HF_CHANNEL_UDP || a->met;
}

static struct hf_selection selection(const struct step *s)
{
	return (struct hf_selection){
		.candidates = s->env->candidates->of,
		.count = s->env->route->upstream_count,
		.tries = s->q->tries,
		.barred = s->q->barred | s->q->held,
		.by_rtt = s->env->route->order == HF_ORDER_FASTEST,
		.first = s->q->sends == 0,
		.cost = HF_COST_UDP,
		.outgoing = s->env->outgoing,
		.outgoing_conf = s->env->outgoing_conf,
		.now = s->env->now,
	};
}

/* That somebody lied, or may have, outweighs that others said nothing: it is what to
 * look into. */
static void blame(struct hf_query *q, enum hf_query_cause cause, unsigned upstream, int32_t ede)
{
	if (q->cause >= HF_CAUSE_DOUBTED && cause < q->cause)
		return;
	q->cause = cause;
	q->cause_upstream = (uint8_t)upstream;
	q->cause_ede = ede;
}

/* Before anything of an upstream changes. Those of all attempts, done or not, are
 * touched at the start of a step, the others when they are sent to. */
static void touch(struct step *s, unsigned upstream)
{
	struct hf_choice *choice = s->env->candidates;
	const struct hf_candidate *c = &choice->of[upstream];
	for (unsigned i = 0; i < choice->touched_count; i++)
		if (choice->touched[i].upstream == upstream)
			return;
	if (hf_unexpected(choice->touched_count >= HF_ATTEMPTS_MAX))
		return;
	choice->touched[choice->touched_count++] =
		(struct hf_touched){(uint8_t)upstream, c->state->health.state,
			c->path->health.state, c->state->size.limit, c->state->size.plain_until};
}

/* ---- facts ---- */

static struct hf_health_fact fact(const struct step *s, enum hf_outcome outcome, bool probe)
{
	return (struct hf_health_fact){ outcome, probe, s->q->name, s->env->dice, s->env->now };
}

/* What those of the route that are out of use were asked before: whoever comes
 * back first carries their share as well. */
static uint64_t rates_out_of_use(const struct step *s)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < s->env->route->upstream_count; i++)
		if (state_of(s, i)->health.state != HF_HEALTH_CLOSED)
			sum += state_of(s, i)->pace.rate;
	return sum;
}

/* About the upstream itself. */
static void report(struct step *s, const struct hf_attempt *a, enum hf_outcome outcome)
{
	struct hf_upstream_state *state = state_of(s, a->upstream);
	struct hf_health_fact f = fact(s, outcome, a->probe);
	bool was_open = state->health.state != HF_HEALTH_CLOSED;
	hf_health_report(&state->health, conf_of(s, a->upstream), &f);
	if (state->health.state == HF_HEALTH_OPEN && !was_open)
		hf_pace_hold(&state->pace, s->env->now);
	if (outcome != HF_OUTCOME_ANSWERED)
		return;
	state->answered = s->env->now;
	if (was_open && state->health.state == HF_HEALTH_CLOSED) {
		hf_pace_begin(&state->pace, rates_out_of_use(s), s->env->now);
		hf_rtt_forgive(rtt_of(s, a->upstream));
	}
}

/* About what it does for this route. */
static void report_path(struct step *s, const struct hf_attempt *a, enum hf_outcome outcome)
{
	struct hf_health_fact f = fact(s, outcome, a->probe);
	hf_health_report(&candidate(s, a->upstream)->path->health, conf_of(s, a->upstream), &f);
}

/* Another upstream gave the answer. One that talks to others but not of this
 * zone is no use on this path; one that talks to nobody is no use at all. */
static void report_beaten(struct step *s, const struct hf_attempt *a)
{
	if (state_of(s, a->upstream)->answered > a->sent)
		report_path(s, a, HF_OUTCOME_BEATEN);
	else
		report(s, a, HF_OUTCOME_BEATEN);
}

/* The attempt's end: answered, if late, or lost though somebody had an answer. */
static void settle(struct step *s, const struct hf_attempt *a, bool answered)
{
	struct hf_health_fact f = fact(s, answered ? HF_OUTCOME_ANSWERED : HF_OUTCOME_BEATEN, a->probe);
	if (!is_measured(a))
		return;
	hf_rtt_settle(rtt_of(s, a->upstream), answered, s->env->now);
	if (!answered && a->upstream == s->q->answerer)
		return; /* it has answered in another way, or another time */
	hf_health_settle(&candidate(s, a->upstream)->path->health, conf_of(s, a->upstream), &f);
}

static void close_attempt(struct step *s, struct hf_attempt *a)
{
	if (!a->queued)
		state_of(s, a->upstream)->in_flight--;
	a->open = a->queued = false;
}

/* ---- ending ---- */

static void end(struct step *s)
{
	for (unsigned i = 0; i < s->q->sends; i++)
		if (s->q->attempts[i].open)
			close_attempt(s, &s->q->attempts[i]);
	s->q->done = true;
}

static int32_t ede_of(const struct hf_query *q)
{
	if (q->cause_ede != HF_EDE_NONE)
		return q->cause_ede;
	switch (q->cause) {
	case HF_CAUSE_UNREACHABLE: return HF_EDE_NETWORK_ERROR;
	case HF_CAUSE_UNSENT:
	case HF_CAUSE_BUDGET:
	case HF_CAUSE_SERVFAIL: return HF_EDE_OTHER;
	/* "Forged Answer" is said of one's own, "Blocked" and its like of the operator's
	 * wish, "Bogus" of signatures (RFC 8914 4.5, 4.16, 4.7): the text has to tell. */
	case HF_CAUSE_DOUBTED:
	case HF_CAUSE_LIE:
	case HF_CAUSE_QUARANTINED: return HF_EDE_OTHER;
	case HF_CAUSE_BLOCKED: return HF_EDE_BLOCKED;
	case HF_CAUSE_GARBAGE: return HF_EDE_INVALID_DATA;
	default: return HF_EDE_NO_REACHABLE_AUTHORITY;
	}
}

static void settle_held(struct step *s, enum hf_trial_left left)
{
	act(s, HF_ACT_SETTLE)->left = left;
}

/* Nobody is left, or no time is: what is held is all there is. */
static void give_up(struct step *s)
{
	if (s->q->held) {
		settle_held(s, s->env->now >= s->q->deadline ? HF_LEFT_NO_TIME : HF_LEFT_NONE);
		return;
	}
	struct hf_action *fail = act(s, HF_ACT_FAIL);
	fail->cause = s->q->cause;
	fail->upstream = s->q->cause_upstream;
	fail->ede = ede_of(s->q);
	end(s);
}

/* ---- sending ---- */

/* Lost for its size? It answered others since we asked, or it is silent for the
 * third time. */
static bool wants_stream(const struct step *s, unsigned upstream)
{
	const struct hf_query *q = s->q;
	if (conf_of(s, upstream)->channel != HF_CHANNEL_UDP || q->stream & bit(upstream))
		return true;
	if (q->tries[upstream] >= SILENT_BEFORE_STREAM && !(q->refused & bit(upstream)))
		return true;
	for (unsigned i = 0; i < q->sends; i++) {
		const struct hf_attempt *a = &q->attempts[i];
		if (a->open && a->late && a->upstream == upstream &&
			state_of(s, upstream)->answered > a->sent)
			return true;
	}
	return false;
}

static enum hf_channel channel_to(const struct step *s, unsigned upstream)
{
	if (conf_of(s, upstream)->channel == HF_CHANNEL_TLS)
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

static hf_us patience(const struct step *s, unsigned upstream, enum hf_channel channel)
{
	const struct hf_upstream_conf *conf = conf_of(s, upstream);
	hf_us timeout = hf_rtt_timeout(rtt_of(s, upstream), conf);
	if (channel == HF_CHANNEL_UDP)
		return timeout;
	timeout *= STREAM_PATIENCE;
	if (timeout < STREAM_TIMEOUT_MIN)
		timeout = STREAM_TIMEOUT_MIN;
	return timeout < conf->timeout_max ? timeout : conf->timeout_max;
}

static void charge(struct step *s, unsigned upstream, uint32_t cost)
{
	hf_room_take(state_of(s, upstream), s->env->outgoing, s->env->outgoing_conf, cost, s->env->now);
}

static void refund(struct step *s, unsigned upstream, uint32_t cost, hf_us taken)
{
	hf_room_give_back(
		state_of(s, upstream), s->env->outgoing, s->env->outgoing_conf, cost, taken);
}

static void set_hedge(struct step *s, struct hf_attempt *a)
{
	const struct hf_candidate *c = candidate(s, a->upstream);
	hf_us p95 = hf_rtt_p95(&c->path->rtt);
	if (a->channel == HF_CHANNEL_TLS && !a->met)
		p95 = p95 ? STREAM_PATIENCE * p95 : HEDGE_HANDSHAKE;
	a->hedge = HF_NEVER;
	if (p95 && a->channel != HF_CHANNEL_TCP && c->conf->hedge && !a->probe)
		a->hedge = a->sent + (p95 > HEDGE_LEAST ? p95 : HEDGE_LEAST);
}

/* It goes out now, and has been charged. */
static void dispatch(struct step *s, struct hf_attempt *a)
{
	struct hf_candidate c = *candidate(s, a->upstream);
	hf_us now = s->env->now;
	a->queued = false;
	a->sent = now;
	a->due = now + patience(s, a->upstream, a->channel);
	set_hedge(s, a);
	bool resting = c.state->health.state != HF_HEALTH_CLOSED ||
		       c.path->health.state != HF_HEALTH_CLOSED;
	if (resting && a->channel != HF_CHANNEL_TCP && a->due > now + PROBE_MOST)
		a->due = now + PROBE_MOST;
	if (c.state->health.state != HF_HEALTH_CLOSED)
		hf_health_probe(&c.state->health, a->due, now);
	if (c.path->health.state != HF_HEALTH_CLOSED)
		hf_health_probe(&c.path->health, a->due, now);
	a->probe = a->probe || resting;
	if (a->reason == HF_SEND_FIRST && !a->probe)
		hf_pace_sent(&c.state->pace, now);
	if (c.conf->infer_cap && a->channel == HF_CHANNEL_UDP)
		hf_cap_sent(&c.state->cap, a->cost, now);
	c.state->in_flight++;
	c.path->asked = now;
	struct hf_action *send = act(s, HF_ACT_SEND);
	send->attempt = (uint8_t)(a - s->q->attempts);
	send->upstream = a->upstream;
	send->channel = a->channel;
	send->reason = a->reason;
	send->edns_size = a->edns ? hf_size_edns(&c.state->size, c.conf, now) : 0;
	a->edns = send->edns_size != 0;
}

static void stand_in_line(struct step *s, struct hf_attempt *a)
{
	struct hf_action *queue = act(s, HF_ACT_QUEUE);
	hf_us needs = patience(s, a->upstream, a->channel), most = HF_QUERY_DEADLINE - STAND_LEAST;
	a->queued = true;
	queue->attempt = (uint8_t)(a - s->q->attempts);
	queue->upstream = a->upstream;
	queue->cost = a->cost;
	/* What is sent later than this is answered too late for anybody. */
	queue->due = s->q->deadline - (needs < most ? needs : most);
}

/* Each message has its own place and keeps it: when all upstreams turn slow at
 * once, the first one's answer is the first to come. */
static void send_to(struct step *s, unsigned upstream, enum hf_send_reason reason)
{
	struct hf_query *q = s->q;
	if (hf_unexpected(!hf_query_may_send(q)))
		return;
	touch(s, upstream);
	struct hf_attempt *a = &q->attempts[q->sends];
	enum hf_channel channel = channel_to(s, upstream);
	*a = (struct hf_attempt){
		.open = true,
		.probe = reason == HF_SEND_PROBE,
		.edns = !(q->plain & bit(upstream)),
		.upstream = (uint8_t)upstream,
		.channel = channel,
		.cost = cost_of(channel),
		.reason = reason,
	};
	if (q->tries[upstream] < UINT8_MAX)
		q->tries[upstream]++;
	q->sends++;
	struct hf_selection sel = selection(s);
	sel.cost = a->cost;
	if (!hf_has_room(&sel, upstream)) {
		stand_in_line(s, a);
		return;
	}
	charge(s, upstream, a->cost);
	a->charged = s->env->now;
	dispatch(s, a);
}

/* True if an attempt is open that has not timed out and is not just a probe. */
static bool waiting(const struct hf_query *q)
{
	for (unsigned i = 0; i < q->sends; i++) {
		const struct hf_attempt *a = &q->attempts[i];
		if (a->open && !a->late && a->reason != HF_SEND_PROBE)
			return true;
	}
	return false;
}

/* True if an attempt at this upstream, probe or not, may yet be in time. */
static bool asked(const struct hf_query *q, unsigned upstream)
{
	for (unsigned i = 0; i < q->sends; i++) {
		const struct hf_attempt *a = &q->attempts[i];
		if (a->open && !a->late && a->upstream == upstream)
			return true;
	}
	return false;
}

static bool hoping(const struct hf_query *q)
{
	for (unsigned i = 0; i < q->sends; i++)
		if (q->attempts[i].open)
			return true;
	return false;
}

/* In the dark the question itself is the probe. */
static bool only_probes(const struct hf_query *q)
{
	for (unsigned i = 0; i < q->sends; i++)
		if (q->attempts[i].open && !q->attempts[i].probe)
			return false;
	return true;
}

static void lose_patience(struct step *s)
{
	if (s->q->patience != HF_NEVER)
		act(s, HF_ACT_LATE);
	s->q->patience = HF_NEVER;
}

/* Nothing can be sent before `when`; if nothing is on its way either, whoever
 * waits may as well hear what is at hand. */
static void pause_until(struct step *s, hf_us when)
{
	hf_us least = s->env->now + TOKEN_LEAST;
	s->q->resume = when > least ? when : least;
	if (!hoping(s->q) && !s->q->held)
		lose_patience(s);
}

static hf_us a_while(const struct step *s)
{
	return LOOK_AGAIN - (hf_us)((uint64_t)(LOOK_AGAIN / 2) * s->env->dice >> 32);
}

/* All that is left rest: look again when one may be asked, but not in step with
 * all the others that wait for the same. */
static void wait_for_rest(struct step *s, const struct hf_selection *selected)
{
	struct hf_query *q = s->q;
	hf_us when = hf_select_when(selected), later = s->env->now + (a_while(s) << q->looks);
	if (when == HF_NEVER || !hf_query_may_send(q)) {
		if (!hoping(q))
			give_up(s);
		return;
	}
	if (q->cause == HF_CAUSE_NONE)
		blame(q, state_of(s, 0)->health.cause == HF_OUTCOME_UNTRUSTED ? HF_CAUSE_UNTRUSTED
									 : HF_CAUSE_RESTING,
			0, HF_EDE_NONE);
	if (q->background && !hoping(q)) {
		give_up(s);
		return;
	}
	/* Ten thousand that wait in the dark shall not look ten times a second each. */
	if (q->looks < LOOKS_MAX)
		q->looks++;
	pause_until(s, when < later ? when + a_while(s) / 16 : later);
}

/* A token for a message that nobody forces us to send, or when to look again. */
static bool take_token(struct step *s, unsigned upstream, hf_us *ret_when)
{
	struct hf_upstream_state *state = state_of(s, upstream);
	const struct hf_retry_conf *conf = &conf_of(s, upstream)->retry;
	hf_us now = s->env->now, mine = hf_retry_when(&state->retry, conf, now);
	hf_us all = hf_retry_when(&s->env->outgoing->retry, &s->env->outgoing_conf->retry, now);
	if (mine > now || all > now) {
		*ret_when = mine > all ? mine : all;
		return false;
	}
	hf_retry_take(&state->retry, conf, now);
	hf_retry_take(&s->env->outgoing->retry, &s->env->outgoing_conf->retry, now);
	return true;
}

/* A first message allows all who may have to take its place a share of a retry. */
static void earn_tokens(struct step *s)
{
	for (unsigned i = 0; i < s->env->route->upstream_count; i++)
		hf_retry_earn(&state_of(s, i)->retry, &conf_of(s, i)->retry, s->env->now);
	hf_retry_earn(&s->env->outgoing->retry, &s->env->outgoing_conf->retry, s->env->now);
}

/* The best has no token left: another one that has, if it is well, even one that has
 * been asked before. What one may be sent would lie idle while many wait for the
 * other. Returns its index, paid for, or -1. */
static int take_other(struct step *s, const struct hf_selection *selected, unsigned best)
{
	struct hf_selection others = *selected;
	hf_us when;
	others.barred |= bit(best);
	int other = hf_select(&others);
	if (other < 0 || asked(s->q, (unsigned)other) || s->q->refused & bit((unsigned)other) ||
		hf_offer(&others, (size_t)other) != HF_OFFER_USE ||
		state_of(s, (unsigned)other)->answered < s->q->began ||
		!take_token(s, (unsigned)other, &when))
		return -1;
	return other;
}

/* Answers are held, and who is left has been asked before, or rests: before it is
 * waited for, whoever holds them may be content. Once. */
static bool is_content(struct step *s, int next)
{
	struct hf_query *q = s->q;
	if (!q->held || q->settling || (next >= 0 && !q->tries[next]) || waiting(q))
		return false;
	q->settling = true;
	settle_held(s, HF_LEFT_SLOW);
	return true;
}

/* Asks `next`, or pauses before one that has just refused, or gives up when nobody
 * is left (-1) who could still answer. */
static void go_on_to(struct step *s, const struct hf_selection *selected, int next)
{
	struct hf_query *q = s->q;
	bool rested = q->resume && q->resume <= s->env->now;
	hf_us when;
	if (rested)
		q->resume = 0; /* whatever comes of it: a time that has passed is not armed */
	if (is_content(s, next))
		return;
	if (next < 0) {
		wait_for_rest(s, selected);
		return;
	}
	if (asked(q, (unsigned)next))
		return; /* the probe is the best that is left */
	if (q->refused & bit((unsigned)next) && !rested) {
		unsigned doubling = q->tries[next] > 4 ? 4 : q->tries[next];
		if (!q->resume)
			pause_until(s, s->env->now + (PAUSE << (doubling ? doubling - 1 : 0)));
		return;
	}
	bool wanted = q->wished && q->sends && !q->tries[next];
	bool token = (!q->sends && !q->copy) || wanted || take_token(s, (unsigned)next, &when);
	if (!token && q->copy) {
		blame(q, HF_CAUSE_BUDGET, (unsigned)next, HF_EDE_NONE);
		if (!hoping(q))
			give_up(s);
		return;
	}
	if (!token && (next = take_other(s, selected, (unsigned)next)) < 0) {
		pause_until(s, when == HF_NEVER ? when : when + a_while(s) / 8);
		return;
	}
	if (!q->sends && !q->copy)
		earn_tokens(s);
	q->resume = 0;
	if (wanted)
		q->wished = false;
	send_to(s, (unsigned)next,
		wanted     ? HF_SEND_FOLLOW
		: q->sends ? HF_SEND_RETRY
		: q->copy  ? HF_SEND_PROBE
			   : HF_SEND_FIRST);
	q->refused &= ~bit((unsigned)next); /* after: it was refused, not silent */
	if (only_probes(q) && q->patience != HF_NEVER && q->patience > s->env->now + PROBE_PATIENCE)
		q->patience = s->env->now + PROBE_PATIENCE;
}

static void go_on(struct step *s)
{
	struct hf_selection selected = selection(s);
	if (s->env->now >= s->q->deadline) {
		give_up(s);
		return;
	}
	go_on_to(s, &selected, hf_query_may_send(s->q) ? hf_select(&selected) : -1);
}

/* The same upstream once more, in another way, which is no new try. */
static void ask_again(struct step *s, unsigned upstream)
{
	if (!hf_query_may_send(s->q) || (s->q->barred | s->q->held) & bit(upstream)) {
		if (!waiting(s->q))
			go_on(s);
		return;
	}
	send_to(s, upstream, HF_SEND_FOLLOW);
	s->q->tries[upstream]--;
}

/* ---- events ---- */

/* One that came back is given its share slowly. Who has an old answer gets it
 * meanwhile; who has none waits, but not for long. */
static bool kept_back(struct step *s, const struct hf_selection *selected, unsigned first)
{
	struct hf_query *q = s->q;
	struct hf_pace *pace = &state_of(s, first)->pace;
	if (hf_offer(selected, first) != HF_OFFER_WAIT || hf_pace_free(pace, s->env->now) ||
		s->env->now - q->began >= PACE_MOST)
		return false;
	hf_pace_refuse(pace, s->env->now);
	lose_patience(s);
	q->resume = s->env->now + a_while(s) / 4;
	return true;
}

/* The looks are from before the first message, which changed nobody else. */
static void probe_beside(struct step *s, const struct hf_selection *selected,
	const struct hf_looks *looks, int first)
{
	hf_us when;
	int probe = hf_select_probe(selected, looks, first);
	if (probe >= 0 && hf_has_room(selected, (size_t)probe) && take_token(s, (unsigned)probe, &when))
		send_to(s, (unsigned)probe, HF_SEND_PROBE);
}

/* The first message, at once or when its time has come. */
static void start(struct step *s)
{
	struct hf_query *q = s->q;
	struct hf_selection selected = selection(s);
	struct hf_looks looks;
	hf_look(&selected, &looks);
	int first = hf_select_from(&selected, &looks);
	if (first >= 0 && q->background && hf_offer(&selected, (size_t)first) == HF_OFFER_WAIT) {
		blame(q, HF_CAUSE_BUDGET, (unsigned)first, HF_EDE_NONE);
		give_up(s);
		return;
	}
	if (first >= 0 && kept_back(s, &selected, (unsigned)first))
		return;
	go_on_to(s, &selected, first);
	if (first >= 0 && !q->done)
		probe_beside(s, &selected, &looks, first);
}

static void leave_line(struct step *s, unsigned upstream)
{
	struct hf_query *q = s->q;
	for (unsigned i = 0; i < q->sends; i++)
		if (q->attempts[i].queued && q->attempts[i].upstream == upstream)
			close_attempt(s, &q->attempts[i]);
}

/* Not again for this question: neither does it wait there for room any more. */
static void bar(struct step *s, unsigned upstream)
{
	s->q->barred |= bit(upstream);
	leave_line(s, upstream);
}

static void bar_and_go_on(struct step *s, enum hf_query_cause cause, const struct hf_attempt *a,
	int32_t ede)
{
	/* What an upstream said of the name outweighs another's silence. */
	blame(s->q, cause, a->upstream, ede);
	bar(s, a->upstream);
	if (cause != HF_CAUSE_GARBAGE) {
		s->q->useless |= bit(a->upstream);
		if (candidate(s, a->upstream)->path->health.state == HF_HEALTH_PROBING)
			report_path(s, a, HF_OUTCOME_BEATEN);
	}
	if (!waiting(s->q))
		go_on(s);
}

/* What it said is of no use, but it said it: it serves this route. */
static void disbelieve(struct step *s, enum hf_query_cause cause, const struct hf_attempt *a)
{
	blame(s->q, cause, a->upstream, HF_EDE_NONE);
	bar(s, a->upstream);
	report_path(s, a, HF_OUTCOME_ANSWERED);
	if (s->env->now >= s->q->deadline)
		give_up(s);
	else if (!waiting(s->q))
		go_on(s);
}

/* What it says may be true. It is not asked again meanwhile, and if it says it twice that
 * is no more. */
static void hold(struct step *s, struct hf_attempt *a, const struct hf_query_event *event)
{
	report_path(s, a, HF_OUTCOME_ANSWERED);
	leave_line(s, a->upstream);
	if (s->q->held & bit(a->upstream))
		return;
	s->q->wished |= event->wished;
	a->held = true;
	a->hedge = event->proving ? s->env->now + PROOF_PATIENCE : HF_NEVER;
	s->q->held |= bit(a->upstream);
}

static void let_go_of_held(struct hf_query *q)
{
	q->held = 0;
	for (unsigned i = 0; i < q->sends; i++)
		q->attempts[i].held = false;
}

/* It is the name that is refused, and not what this upstream said of it. */
static void block(struct step *s, const struct hf_attempt *a)
{
	blame(s->q, HF_CAUSE_BLOCKED, a->upstream, HF_EDE_NONE);
	report_path(s, a, HF_OUTCOME_ANSWERED);
	let_go_of_held(s->q);
	give_up(s);
}

static bool look_at_attempts(struct step *s);

/* The first answer: what does it say about the others? */
static void answered(struct step *s, struct hf_attempt *winner)
{
	struct hf_query *q = s->q;
	let_go_of_held(q);
	act(s, HF_ACT_ANSWER)->attempt = (uint8_t)(winner - q->attempts);
	report_path(s, winner, HF_OUTCOME_ANSWERED);
	q->answered = true;
	q->answerer = winner->upstream;
	for (unsigned i = 0; i < q->sends; i++) {
		struct hf_attempt *a = &q->attempts[i];
		if (a->queued)
			close_attempt(s, a);
		else if (a->open && a->late && a->upstream != winner->upstream)
			report_beaten(s, a);
		else if (!a->open && q->useless & bit(a->upstream) && a->upstream != winner->upstream)
			report_path(s, a, HF_OUTCOME_BEATEN);
	}
	look_at_attempts(s); /* some have been listened to for long enough */
	if (!hoping(q))
		end(s);
}

/* What UDP had not brought came over TCP. */
static void note_size(struct step *s, const struct hf_attempt *got, uint16_t octets)
{
	for (unsigned i = 0; i < s->q->sends; i++) {
		const struct hf_attempt *a = &s->q->attempts[i];
		if (a->open && a->late && a->upstream == got->upstream && a->channel == HF_CHANNEL_UDP &&
			got->channel == HF_CHANNEL_TCP)
			hf_size_lost(&state_of(s, a->upstream)->size, conf_of(s, a->upstream), octets,
				s->q->name, s->env->now);
	}
}

static void note_plain(struct step *s, const struct hf_attempt *got)
{
	if (s->q->plain & bit(got->upstream) && !got->edns)
		hf_size_plain(&state_of(s, got->upstream)->size, s->env->now);
}

/* The facts of a reply, whatever it is good for. */
static void take_note(struct step *s, struct hf_attempt *a, const struct hf_query_event *event)
{
	if (conf_of(s, a->upstream)->infer_cap && a->channel == HF_CHANNEL_UDP)
		hf_cap_replied(&state_of(s, a->upstream)->cap, s->env->now);
	if (event->verdict == HF_VERDICT_GARBAGE) {
		report(s, a, HF_OUTCOME_GARBAGE);
		return;
	}
	report(s, a, HF_OUTCOME_ANSWERED);
	a->met &= !event->moved;
	settle(s, a, true);
	if (is_measured(a))
		hf_rtt_sample(rtt_of(s, a->upstream), s->env->now - a->sent, s->env->now);
	if (a->channel != HF_CHANNEL_UDP)
		return;
	hf_size_arrived(&state_of(s, a->upstream)->size, event->octets, s->env->now);
}

static void answer_of(struct step *s, struct hf_attempt *a, const struct hf_query_event *event)
{
	unsigned upstream = a->upstream;
	switch (event->verdict) {
	case HF_VERDICT_ANSWER: answered(s, a); break;
	case HF_VERDICT_TRUNCATED:
		if (a->channel != HF_CHANNEL_UDP) {
			bar_and_go_on(s, HF_CAUSE_GARBAGE, a, event->ede);
			break;
		}
		s->q->stream |= bit(upstream);
		ask_again(s, upstream);
		break;
	case HF_VERDICT_FORMERR:
	case HF_VERDICT_NOTIMP:
		if (!a->edns) {
			bar_and_go_on(s, HF_CAUSE_REFUSED, a, event->ede);
			break;
		}
		s->q->plain |= bit(upstream);
		ask_again(s, upstream);
		break;
	case HF_VERDICT_SERVFAIL: bar_and_go_on(s, HF_CAUSE_SERVFAIL, a, event->ede); break;
	case HF_VERDICT_REFUSED: bar_and_go_on(s, HF_CAUSE_REFUSED, a, event->ede); break;
	case HF_VERDICT_LAME: bar_and_go_on(s, HF_CAUSE_LAME, a, event->ede); break;
	case HF_VERDICT_GARBAGE: bar_and_go_on(s, HF_CAUSE_GARBAGE, a, event->ede); break;
	case HF_VERDICT_DOUBTED: disbelieve(s, HF_CAUSE_DOUBTED, a); break;
	case HF_VERDICT_LIE:
		s->q->wished = true;
		disbelieve(s, HF_CAUSE_LIE, a);
		break;
	case HF_VERDICT_BLOCKED: block(s, a); break;
	}
}

/* After the answer: only what it says about the upstream matters. */
static void heard_late(struct step *s, struct hf_attempt *a, enum hf_verdict verdict)
{
	if (verdict == HF_VERDICT_ANSWER || verdict == HF_VERDICT_TRUNCATED ||
		verdict == HF_VERDICT_DOUBTED || verdict == HF_VERDICT_LIE ||
		verdict == HF_VERDICT_BLOCKED)
		report_path(s, a, HF_OUTCOME_ANSWERED);
	else if (verdict != HF_VERDICT_GARBAGE)
		report_path(s, a, HF_OUTCOME_BEATEN);
	if (!hoping(s->q))
		end(s);
}

static void replied(struct step *s, const struct hf_query_event *event)
{
	struct hf_attempt *a = &s->q->attempts[event->attempt];
	if (a->held) { /* the facts of it are known */
		a->held = false;
		s->q->held &= ~bit(a->upstream);
	} else {
		take_note(s, a, event);
		close_attempt(s, a);
		if (event->verdict == HF_VERDICT_ANSWER && !s->q->answered) {
			note_size(s, a, event->octets);
			note_plain(s, a);
		}
	}
	if (s->q->answered)
		heard_late(s, a, event->verdict);
	else if (event->kind == HF_QUERY_HELD)
		hold(s, a, event);
	else
		answer_of(s, a, event);
}

static enum hf_query_cause cause_of_loss(enum hf_outcome outcome)
{
	switch (outcome) {
	case HF_OUTCOME_UNSENT: return HF_CAUSE_UNSENT;
	case HF_OUTCOME_UNTRUSTED: return HF_CAUSE_UNTRUSTED;
	default: return HF_CAUSE_UNREACHABLE;
	}
}

static void drop(struct step *s, const struct hf_query_event *event)
{
	blame(s->q, HF_CAUSE_DOUBTED, s->q->attempts[event->attempt].upstream, HF_EDE_NONE);
	let_go_of_held(s->q);
	give_up(s);
}

static void lost(struct step *s, const struct hf_query_event *event)
{
	struct hf_attempt *a = &s->q->attempts[event->attempt];
	report(s, a, event->outcome);
	if (event->outcome == HF_OUTCOME_UNSENT)
		refund(s, a->upstream, a->cost, a->charged);
	close_attempt(s, a);
	if (s->q->answered) {
		if (!hoping(s->q))
			end(s);
		return;
	}
	if (event->outcome == HF_OUTCOME_UNTRUSTED)
		bar(s, a->upstream);
	s->q->refused |= bit(a->upstream);
	if (s->q->cause != HF_CAUSE_SERVFAIL)
		blame(s->q, cause_of_loss(event->outcome), a->upstream, HF_EDE_NONE);
	if (!waiting(s->q))
		go_on(s);
}

/* Asks over TCP, where nobody can forge, beside the attempt that stays open. */
static void doubt(struct step *s, const struct hf_query_event *event)
{
	unsigned upstream = s->q->attempts[event->attempt].upstream;
	if (s->q->stream & bit(upstream) || s->q->answered)
		return;
	s->q->stream |= bit(upstream);
	ask_again(s, upstream);
}

/* There is room, but who came to rest meanwhile is not sent what stood in line. */
static void grant(struct step *s, const struct hf_query_event *event)
{
	struct hf_attempt *a = &s->q->attempts[event->attempt];
	struct hf_selection selected = selection(s);
	if (!a->queued)
		return;
	a->charged = event->charged;
	if (hf_offer(&selected, a->upstream) != HF_OFFER_REST) {
		dispatch(s, a);
		return;
	}
	refund(s, a->upstream, a->cost, a->charged);
	close_attempt(s, a);
	if (!waiting(s->q))
		go_on(s);
}

static void evict(struct step *s, const struct hf_query_event *event)
{
	struct hf_attempt *a = &s->q->attempts[event->attempt];
	if (!a->queued)
		return;
	blame(s->q, HF_CAUSE_BUDGET, a->upstream, HF_EDE_NONE);
	bar(s, a->upstream);
	if (!s->q->answered && !waiting(s->q))
		go_on(s);
}

/* No handshake comes first: it may be expected like a datagram. A packet that is lost
 * comes again, though, after 0.2 s at the earliest. */
static void went_at_once(struct step *s, struct hf_attempt *a)
{
	const struct hf_candidate *c = candidate(s, a->upstream);
	hf_us timeout = hf_rtt_timeout(&c->path->rtt, c->conf);
	a->met = true;
	if (timeout < STREAM_TIMEOUT_MIN)
		timeout = STREAM_TIMEOUT_MIN;
	if (a->due > a->sent + timeout)
		a->due = a->sent + timeout;
	set_hedge(s, a);
}

static void reused(struct step *s, const struct hf_query_event *event)
{
	struct hf_attempt *a = &s->q->attempts[event->attempt];
	refund(s, a->upstream, a->cost - HF_COST_TCP_REUSED, a->charged);
	a->cost = HF_COST_TCP_REUSED;
	/* Told late it would be armed for what has passed. */
	if (event->met && a->channel == HF_CHANNEL_TLS && s->env->now - a->sent < HEDGE_LEAST)
		went_at_once(s, a);
}

/* Whether anybody answered or not: this one did not, in time. */
static void note_late(struct step *s, struct hf_attempt *a)
{
	struct hf_query *q = s->q;
	a->late = true;
	hf_rtt_lost(rtt_of(s, a->upstream), a->sent, s->env->now);
	if (q->answered) {
		if (a->upstream != q->answerer)
			report_beaten(s, a);
		return;
	}
	report(s, a, HF_OUTCOME_SILENT);
	if (q->cause != HF_CAUSE_SERVFAIL)
		blame(q, HF_CAUSE_TIMEOUT, a->upstream, HF_EDE_NONE);
}

/* After the answer an attempt is listened to for the longest time-out. */
static hf_us listened_until(const struct step *s, const struct hf_attempt *a)
{
	return a->sent + conf_of(s, a->upstream)->timeout_max;
}

/* True if one has become late that was not before. */
static bool look_at_attempts(struct step *s)
{
	bool any = false;
	for (unsigned i = 0; i < s->q->sends; i++) {
		struct hf_attempt *a = &s->q->attempts[i];
		if (!a->open || a->queued)
			continue;
		if (!a->late && a->due <= s->env->now) {
			note_late(s, a);
			any = true;
		}
		if (s->q->answered && a->late && listened_until(s, a) <= s->env->now) {
			settle(s, a, false);
			close_attempt(s, a);
		}
	}
	return any;
}

/* A second copy for the attempt that takes long, if somebody else has room, and
 * there is a token. */
static void hedge(struct step *s)
{
	for (unsigned i = 0; i < s->q->sends; i++) {
		struct hf_attempt *a = &s->q->attempts[i];
		struct hf_selection selected = selection(s);
		hf_us when;
		if (!a->open || a->late || a->queued || a->hedge > s->env->now)
			continue;
		a->hedge = HF_NEVER;
		selected.spare_low = true;
		int other = hf_query_may_send(s->q) ? hf_select(&selected) : -1;
		if (other < 0 || other == a->upstream || asked(s->q, (unsigned)other) ||
			hf_offer(&selected, (size_t)other) != HF_OFFER_USE ||
			!take_token(s, (unsigned)other, &when))
			continue;
		send_to(s, (unsigned)other, HF_SEND_HEDGE);
		return;
	}
}

/* A proof takes long: somebody else may say something else. */
static bool proof_is_late(struct hf_query *q, hf_us now)
{
	bool late = false;
	for (unsigned i = 0; i < q->sends; i++) {
		if (!q->attempts[i].held || q->attempts[i].hedge > now)
			continue;
		q->attempts[i].hedge = HF_NEVER;
		late = true;
	}
	return late;
}

static void timer(struct step *s)
{
	struct hf_query *q = s->q;
	bool late = look_at_attempts(s);
	bool resumed = q->resume && q->resume <= s->env->now;
	if (q->answered) {
		if (!hoping(q))
			end(s);
		return;
	}
	if (s->env->now >= q->patience)
		lose_patience(s);
	if (s->env->now >= q->deadline) {
		for (unsigned i = 0; i < q->sends; i++)
			if (q->attempts[i].queued)
				blame(q, HF_CAUSE_BUDGET, q->attempts[i].upstream, HF_EDE_NONE);
		give_up(s);
		return;
	}
	bool beside = proof_is_late(q, s->env->now);
	if (resumed && !q->sends)
		start(s);
	else if (resumed || ((late || beside) && !waiting(q)))
		go_on(s);
	else
		hedge(s);
}

static void sooner(hf_us *due, hf_us instant)
{
	if (instant < *due)
		*due = instant;
}

static void arm(struct step *s)
{
	const struct hf_query *q = s->q;
	hf_us due = HF_NEVER;
	if (!q->answered) {
		due = q->patience < q->deadline ? q->patience : q->deadline;
		if (q->resume)
			sooner(&due, q->resume);
	}
	for (unsigned i = 0; i < q->sends; i++) {
		const struct hf_attempt *a = &q->attempts[i];
		if (a->held)
			sooner(&due, a->hedge);
		if (!a->open || a->queued)
			continue;
		if (!a->late)
			sooner(&due, a->hedge < a->due && !q->answered ? a->hedge : a->due);
		else if (q->answered)
			sooner(&due, listened_until(s, a));
	}
	act(s, HF_ACT_ARM)->due = due;
}

void hf_query_init(struct hf_query *q, uint32_t name, hf_us now)
{
	*q = (struct hf_query){ .deadline = now + HF_QUERY_DEADLINE, .patience = HF_NEVER,
		.cause_ede = HF_EDE_NONE, .began = now, .name = name };
}

/* Is it about something that still is? */
static bool concerns(const struct hf_query *q, const struct hf_query_event *event)
{
	if (event->kind == HF_QUERY_START || event->kind == HF_QUERY_TIMER)
		return true;
	if (event->kind == HF_QUERY_GO_ON || event->kind == HF_QUERY_DROP)
		return q->held != 0;
	if (event->attempt >= HF_ATTEMPTS_MAX)
		return false;
	return q->attempts[event->attempt].open ||
	       (event->kind == HF_QUERY_REPLY && q->attempts[event->attempt].held);
}

size_t hf_query_step(struct hf_query *q, const struct hf_query_env *env,
	const struct hf_query_event *event, struct hf_action actions[static HF_ACTIONS_MAX])
{
	struct step s = { .q = q, .env = env, .actions = actions };
	if (hf_unexpected(q->done) || !concerns(q, event))
		return 0;
	for (unsigned i = 0; i < q->sends; i++)
		touch(&s, q->attempts[i].upstream);
	switch (event->kind) {
	case HF_QUERY_START: start(&s); break;
	case HF_QUERY_REPLY:
	case HF_QUERY_HELD: replied(&s, event); break;
	case HF_QUERY_GO_ON:
		if (!waiting(q))
			go_on(&s);
		break;
	case HF_QUERY_DROP: drop(&s, event); break;
	case HF_QUERY_LOST: lost(&s, event); break;
	case HF_QUERY_DOUBT: doubt(&s, event); break;
	case HF_QUERY_TIMER: timer(&s); break;
	case HF_QUERY_GRANT: grant(&s, event); break;
	case HF_QUERY_EVICT: evict(&s, event); break;
	case HF_QUERY_REUSED: reused(&s, event); break;
	}
	if (!q->done)
		arm(&s);
	return s.count;
}

void hf_query_abandon(struct hf_query *q, const struct hf_query_env *env)
{
	struct step s = { .q = q, .env = env };
	if (!q->done)
		end(&s);
}

const char *hf_query_cause_text(enum hf_query_cause cause)
{
	static const char *const texts[HF_CAUSES] = {
		[HF_CAUSE_NONE] = "no upstream to ask",
		[HF_CAUSE_TIMEOUT] = "no answer in time",
		[HF_CAUSE_UNREACHABLE] = "not reachable",
		[HF_CAUSE_UNSENT] = "could not be asked for want of sockets or memory",
		[HF_CAUSE_SERVFAIL] = "answered SERVFAIL",
		[HF_CAUSE_REFUSED] = "refused to answer",
		[HF_CAUSE_LAME] = "answered with a referral",
		[HF_CAUSE_GARBAGE] = "answered garbage",
		[HF_CAUSE_RESTING] = "does not answer, and is only probed now and then",
		[HF_CAUSE_BUDGET] = "over its packet budget",
		[HF_CAUSE_DOUBTED] = "gave what nothing shows to be true",
		[HF_CAUSE_LIE] = "gave what is not expected of the name",
		[HF_CAUSE_BLOCKED] = "gave what no client may have",
		[HF_CAUSE_QUARANTINED] = "keeps lying",
		[HF_CAUSE_UNTRUSTED] = "is not believed",
	};
	return cause < HF_CAUSES ? texts[cause] : "?";
}
