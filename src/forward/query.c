/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forward/query.h"

#include "base/check.h"

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

static struct hf_upstream_state *state_of(const struct step *s, unsigned upstream)
{
	return s->env->candidates[upstream].state;
}

static const struct hf_upstream_conf *conf_of(const struct step *s, unsigned upstream)
{
	return s->env->candidates[upstream].conf;
}

static struct hf_selection selection(const struct step *s)
{
	return (struct hf_selection){
		.candidates = s->env->candidates,
		.count = s->env->route->upstream_count,
		.tries = s->q->tries,
		.barred = s->q->barred,
		.by_rtt = s->env->route->order == HF_ORDER_FASTEST,
		.now = s->env->now,
	};
}

static void report(struct step *s, unsigned upstream, enum hf_outcome outcome)
{
	struct hf_upstream_state *state = state_of(s, upstream);
	hf_health_report(&state->health, conf_of(s, upstream), outcome, s->env->now, s->env->dice);
	if (outcome == HF_OUTCOME_ANSWERED)
		state->answered = s->env->now;
}

static void close_attempt(struct step *s, struct hf_attempt *attempt)
{
	attempt->open = false;
	state_of(s, attempt->upstream)->in_flight--;
}

static void blame(struct hf_query *q, enum hf_query_cause cause, unsigned upstream, int32_t ede)
{
	q->cause = cause;
	q->cause_upstream = (uint8_t)upstream;
	q->cause_ede = ede;
}

/* ---- ending ---- */

static void end(struct step *s)
{
	for (unsigned i = 0; i < HF_ATTEMPTS_MAX; i++)
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
	case HF_CAUSE_SERVFAIL: return HF_EDE_OTHER;
	case HF_CAUSE_GARBAGE: return HF_EDE_INVALID_DATA;
	default: return HF_EDE_NO_REACHABLE_AUTHORITY;
	}
}

static void give_up(struct step *s)
{
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
	if (conf_of(s, upstream)->channel == HF_CHANNEL_TCP || q->stream & bit(upstream))
		return true;
	if (q->tries[upstream] >= SILENT_BEFORE_STREAM && !(q->refused & bit(upstream)))
		return true;
	for (unsigned i = 0; i < HF_ATTEMPTS_MAX; i++) {
		const struct hf_attempt *a = &q->attempts[i];
		if (a->open && a->late && a->upstream == upstream &&
			state_of(s, upstream)->answered > a->sent)
			return true;
	}
	return false;
}

static hf_us patience(const struct step *s, unsigned upstream, enum hf_channel channel)
{
	const struct hf_upstream_conf *conf = conf_of(s, upstream);
	hf_us timeout = hf_rtt_timeout(&state_of(s, upstream)->rtt, conf);
	if (channel == HF_CHANNEL_UDP)
		return timeout;
	timeout *= STREAM_PATIENCE;
	if (timeout < STREAM_TIMEOUT_MIN)
		timeout = STREAM_TIMEOUT_MIN;
	return timeout < conf->timeout_max ? timeout : conf->timeout_max;
}

/* Each message has its own place and keeps it: when all upstreams turn slow at
 * once, the first one's answer is the first to come. */
static void send_to(struct step *s, unsigned upstream, bool probe)
{
	struct hf_query *q = s->q;
	if (hf_unexpected(q->sends >= HF_SENDS_MAX))
		return;
	struct hf_attempt *attempt = &q->attempts[q->sends];
	enum hf_channel channel = wants_stream(s, upstream) ? HF_CHANNEL_TCP : HF_CHANNEL_UDP;
	*attempt = (struct hf_attempt){
		.open = true,
		.probe = probe,
		.edns = !(q->plain & bit(upstream)),
		.upstream = (uint8_t)upstream,
		.channel = channel,
		.sent = s->env->now,
		.due = s->env->now + patience(s, upstream, channel),
	};
	struct hf_upstream_state *state = state_of(s, upstream);
	if (hf_health_admit(&state->health, s->env->now) == HF_ADMIT_PROBE)
		hf_health_probe(&state->health, attempt->due);
	state->in_flight++;
	if (q->tries[upstream] < UINT8_MAX)
		q->tries[upstream]++;
	q->sends++;
	struct hf_action *send = act(s, HF_ACT_SEND);
	send->attempt = (uint8_t)(attempt - q->attempts);
	send->upstream = (uint8_t)upstream;
	send->channel = channel;
	send->edns = attempt->edns;
}

/* True if an attempt is open that has not timed out and is not just a probe. */
static bool waiting(const struct hf_query *q)
{
	for (unsigned i = 0; i < HF_ATTEMPTS_MAX; i++)
		if (q->attempts[i].open && !q->attempts[i].late && !q->attempts[i].probe)
			return true;
	return false;
}

/* True if an attempt at this upstream, probe or not, may yet be in time. */
static bool asked(const struct hf_query *q, unsigned upstream)
{
	for (unsigned i = 0; i < HF_ATTEMPTS_MAX; i++) {
		const struct hf_attempt *a = &q->attempts[i];
		if (a->open && !a->late && a->upstream == upstream)
			return true;
	}
	return false;
}

static bool hoping(const struct hf_query *q)
{
	for (unsigned i = 0; i < HF_ATTEMPTS_MAX; i++)
		if (q->attempts[i].open)
			return true;
	return false;
}

static void lose_patience(struct step *s)
{
	if (s->q->patience != HF_NEVER)
		act(s, HF_ACT_LATE);
	s->q->patience = HF_NEVER;
}

/* Asks whoever is next, or pauses before one that has just refused, or gives up
 * when nobody is left who could still answer. */
static void go_on(struct step *s)
{
	struct hf_query *q = s->q;
	struct hf_selection selected = selection(s);
	int next = q->sends < HF_SENDS_MAX ? hf_select(&selected) : -1;
	bool rested = q->resume && q->resume <= s->env->now;
	if (rested)
		q->resume = 0; /* whatever comes of it: a time that has passed is not armed */
	if (next < 0) {
		if (!hoping(q))
			give_up(s);
		return;
	}
	if (asked(q, (unsigned)next))
		return; /* the probe is the best that is left */
	if (q->refused & bit((unsigned)next) && !rested) {
		unsigned doubling = q->tries[next] > 4 ? 4 : q->tries[next];
		if (!q->resume)
			q->resume = s->env->now + (PAUSE << (doubling ? doubling - 1 : 0));
		if (!hoping(q))
			lose_patience(s); /* nothing is on its way: there is nothing to wait for */
		return;
	}
	q->resume = 0;
	send_to(s, (unsigned)next, false);
	q->refused &= ~bit((unsigned)next); /* after: it was refused, not silent */
}

/* The same upstream once more, in another way, which is no new try. */
static void ask_again(struct step *s, unsigned upstream)
{
	if (s->q->sends >= HF_SENDS_MAX || s->q->barred & bit(upstream)) {
		if (!waiting(s->q))
			go_on(s);
		return;
	}
	send_to(s, upstream, false);
	s->q->tries[upstream]--;
}

/* ---- events ---- */

static void start(struct step *s)
{
	struct hf_selection selected = selection(s);
	int first = hf_select(&selected);
	if (first < 0) {
		give_up(s);
		return;
	}
	send_to(s, (unsigned)first, false);
	int probe = hf_select_probe(&selected, first);
	if (probe >= 0)
		send_to(s, (unsigned)probe, true);
}

static void bar_and_go_on(struct step *s, enum hf_query_cause cause, unsigned upstream, int32_t ede)
{
	/* What an upstream said of the name outweighs another's silence. */
	blame(s->q, cause, upstream, ede);
	s->q->barred |= bit(upstream);
	if (!waiting(s->q))
		go_on(s);
}

static void replied(struct step *s, const struct hf_query_event *event)
{
	struct hf_query *q = s->q;
	struct hf_attempt *attempt = &q->attempts[event->attempt];
	unsigned upstream = attempt->upstream;
	bool garbage = event->verdict == HF_VERDICT_GARBAGE;
	report(s, upstream, garbage ? HF_OUTCOME_GARBAGE : HF_OUTCOME_ANSWERED);
	if (!garbage && attempt->channel == HF_CHANNEL_UDP)
		hf_rtt_sample(&state_of(s, upstream)->rtt, s->env->now - attempt->sent, s->env->now);
	close_attempt(s, attempt);
	switch (event->verdict) {
	case HF_VERDICT_ANSWER:
		act(s, HF_ACT_ANSWER)->attempt = (uint8_t)event->attempt;
		end(s);
		break;
	case HF_VERDICT_TRUNCATED:
		if (attempt->channel == HF_CHANNEL_TCP) {
			bar_and_go_on(s, HF_CAUSE_GARBAGE, upstream, event->ede);
			break;
		}
		q->stream |= bit(upstream);
		ask_again(s, upstream);
		break;
	case HF_VERDICT_FORMERR:
	case HF_VERDICT_NOTIMP:
		if (!attempt->edns) {
			bar_and_go_on(s, HF_CAUSE_REFUSED, upstream, event->ede);
			break;
		}
		q->plain |= bit(upstream);
		ask_again(s, upstream);
		break;
	case HF_VERDICT_SERVFAIL: bar_and_go_on(s, HF_CAUSE_SERVFAIL, upstream, event->ede); break;
	case HF_VERDICT_REFUSED: bar_and_go_on(s, HF_CAUSE_REFUSED, upstream, event->ede); break;
	case HF_VERDICT_LAME: bar_and_go_on(s, HF_CAUSE_LAME, upstream, event->ede); break;
	case HF_VERDICT_GARBAGE: bar_and_go_on(s, HF_CAUSE_GARBAGE, upstream, event->ede); break;
	}
}

static void lost(struct step *s, const struct hf_query_event *event)
{
	struct hf_attempt *attempt = &s->q->attempts[event->attempt];
	unsigned upstream = attempt->upstream;
	report(s, upstream, event->outcome);
	close_attempt(s, attempt);
	s->q->refused |= bit(upstream);
	if (s->q->cause != HF_CAUSE_SERVFAIL)
		blame(s->q, event->outcome == HF_OUTCOME_UNSENT ? HF_CAUSE_UNSENT : HF_CAUSE_UNREACHABLE,
			upstream, HF_EDE_NONE);
	if (!waiting(s->q))
		go_on(s);
}

/* Asks over TCP, where nobody can forge, beside the attempt that stays open. */
static void doubt(struct step *s, const struct hf_query_event *event)
{
	unsigned upstream = s->q->attempts[event->attempt].upstream;
	if (s->q->stream & bit(upstream))
		return;
	s->q->stream |= bit(upstream);
	ask_again(s, upstream);
}

/* Marks the attempts whose time has passed; true if there were any. */
static bool note_late(struct step *s)
{
	bool any = false;
	for (unsigned i = 0; i < HF_ATTEMPTS_MAX; i++) {
		struct hf_attempt *a = &s->q->attempts[i];
		if (!a->open || a->late || a->due > s->env->now)
			continue;
		a->late = true;
		any = true;
		report(s, a->upstream, HF_OUTCOME_TIMEOUT);
		hf_rtt_lost(&state_of(s, a->upstream)->rtt);
		if (s->q->cause != HF_CAUSE_SERVFAIL)
			blame(s->q, HF_CAUSE_TIMEOUT, a->upstream, HF_EDE_NONE);
	}
	return any;
}

static void timer(struct step *s)
{
	bool late = note_late(s);
	bool resumed = s->q->resume && s->q->resume <= s->env->now;
	if (s->env->now >= s->q->patience)
		lose_patience(s);
	if (s->env->now >= s->q->deadline)
		give_up(s);
	else if (resumed || (late && !waiting(s->q)))
		go_on(s);
}

static void arm(struct step *s)
{
	const struct hf_query *q = s->q;
	hf_us due = q->patience < q->deadline ? q->patience : q->deadline;
	if (q->resume && q->resume < due)
		due = q->resume;
	for (unsigned i = 0; i < HF_ATTEMPTS_MAX; i++) {
		const struct hf_attempt *a = &q->attempts[i];
		if (a->open && !a->late && a->due < due)
			due = a->due;
	}
	act(s, HF_ACT_ARM)->due = due;
}

void hf_query_init(struct hf_query *q, hf_us now)
{
	*q = (struct hf_query){ .deadline = now + HF_QUERY_DEADLINE, .patience = HF_NEVER,
		.cause_ede = HF_EDE_NONE };
}

size_t hf_query_step(struct hf_query *q, const struct hf_query_env *env,
	const struct hf_query_event *event, struct hf_action actions[static HF_ACTIONS_MAX])
{
	struct step s = { .q = q, .env = env, .actions = actions };
	bool for_attempt = event->kind != HF_QUERY_START && event->kind != HF_QUERY_TIMER;
	if (hf_unexpected(q->done))
		return 0;
	if (for_attempt && (event->attempt >= HF_ATTEMPTS_MAX || !q->attempts[event->attempt].open))
		return 0;
	switch (event->kind) {
	case HF_QUERY_START: start(&s); break;
	case HF_QUERY_REPLY: replied(&s, event); break;
	case HF_QUERY_LOST: lost(&s, event); break;
	case HF_QUERY_DOUBT: doubt(&s, event); break;
	case HF_QUERY_TIMER: timer(&s); break;
	}
	if (!q->done)
		arm(&s);
	return s.count;
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
	};
	return cause < HF_CAUSES ? texts[cause] : "?";
}
