/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/flight.h"

#include "base/check.h"
#include "base/error.h"
#include "cache/ttl.h"
#include "engine/answer.h"
#include "engine/heat.h"
#include "engine/hold.h"
#include "engine/inquiry.h"
#include "engine/stale.h"
#include "engine/sweep.h"
#include "engine/telling.h"
#include "engine/truth.h"
#include "wire/tidy.h"

/* Flights kept for the next question instead of being freed. */
#define SPARES_MAX 256

/* Of all flights that may be up, as many again may listen on after their answer. */
#define LINGERING_SHARE 2

struct io { /* the hands of one attempt */
	struct flight *flight;
	struct hf_udp_attempt udp;
	struct hf_tcp_attempt tcp;
	struct hf_standing standing;
};

struct flight {
	struct hf_flight base;
	struct flight *next, **prev; /* among the worker's */
	struct hf_worker *worker;
	struct hf_plan *plan;
	const struct hf_route *route;
	const struct hf_expected *expected; /* of the name; NULL: nothing, or nobody to judge */
	bool up;   /* others may join */
	bool late; /* who waited has been given an old answer, if there was one */
	bool lingers; /* it has its answer, and listens on */
	bool stood;   /* in a line, once */
	bool limited; /* a budget is promised for one of those whom it may ask */
	bool private; /* it is an inquiry's, and counts as one */
	bool proven;  /* what is `accepted` */
	unsigned accepted;          /* the answer that was held and is now believed, plus 1 */
	struct hf_hold *hold;       /* answers that are not believed yet; NULL: none */
	struct hf_inquiry *inquiry; /* who hears of it in place of clients and the cache */
	struct hf_timer timer;
	struct hf_cache_key key; /* of the question; its name lies in base */
	uint8_t mixed[HF_NAME_MAX]; /* the name in the case to ask with */
	/* From here on nothing is cleared for the next question: only what has been
	 * sent is looked at, and sending sets it; and of the last lie, if there was one, or
	 * of why nothing was believed. */
	struct io io[HF_ATTEMPTS_MAX];
	struct hf_evidence evidence;
	char doubt[HF_EDE_TEXT_MAX];
};

#define UDP_IO(attempt) ((struct io *)((char *)(attempt)-offsetof(struct io, udp)))
#define TCP_IO(attempt) ((struct io *)((char *)(attempt)-offsetof(struct io, tcp)))

static const struct hf_upstream_conf *conf_of(const struct flight *f, unsigned upstream)
{
	return &f->plan->forward->upstreams[f->route->upstreams[upstream]];
}

static unsigned slot_of(const struct flight *f, unsigned upstream)
{
	return f->plan->slots[f->route->upstreams[upstream]];
}

/* ---- beginning and ending ---- */

static struct flight *allocate(void)
{
	struct flight *f = calloc(1, sizeof *f);
	for (unsigned i = 0; f && i < HF_ATTEMPTS_MAX; i++)
		f->io[i].flight = f;
	return f;
}

static struct flight *flight_new(struct hf_worker *worker)
{
	struct flight *f = worker->spare;
	if (f) {
		worker->spare = f->next;
		worker->spares--;
	} else {
		f = allocate();
	}
	if (!f)
		return NULL;
	f->base.waiters = NULL;
	f->base.waiter_count = 0;
	memset((char *)f + sizeof f->base, 0, offsetof(struct flight, mixed) - sizeof f->base);
	f->worker = worker;
	f->next = worker->flights;
	if (f->next)
		f->next->prev = &f->next;
	f->prev = &worker->flights;
	worker->flights = f;
	return f;
}

static void forget(struct io *io)
{
	hf_udp_forget(&io->udp);
	hf_tcp_forget(&io->tcp);
}

static void take_down(struct flight *f)
{
	if (f->up)
		hf_inflight_remove(&f->worker->inflight, &f->base);
	f->up = false;
}

/* Who asks again because of the answer begins a flight of its own: it must not
 * join one that is being answered, or there may be no end to it. */
static void answer_all(struct flight *f, const struct hf_answer *answer, hf_us now)
{
	take_down(f);
	hf_answer_flight(f->worker, &f->base, answer, now);
}

/* Ends the machine before its time. */
static void abandon(struct flight *f, hf_us now)
{
	struct hf_upstreams *all = f->worker->team->upstreams;
	struct hf_telling telling;
	hf_upstreams_lock(all);
	hf_telling_look(&telling, f->worker, f->plan, f->route, now);
	hf_query_abandon(&f->base.query,
		&(struct hf_query_env){ .route = f->route, .candidates = telling.candidates });
	hf_upstreams_unlock(all);
}

static void leave_lines(struct flight *f);

static void flight_end(struct flight *f)
{
	struct hf_worker *worker = f->worker;
	struct hf_waiter waiter;
	for (unsigned i = 0; i < f->base.query.sends; i++)
		forget(&f->io[i]);
	hf_timer_disarm(hf_loop_timers(worker->loop), &f->timer);
	worker->lingering -= f->lingers;
	worker->inquiries -= f->private;
	hf_hold_free(f->hold);
	if (f->inquiry)
		f->inquiry->flight = NULL;
	take_down(f);
	while (hf_inflight_leave(&worker->inflight, &f->base, &waiter))
		; /* only when the worker ends are there any left */
	hf_plan_unref(f->plan);
	*f->prev = f->next;
	if (f->next)
		f->next->prev = f->prev;
	if (worker->spares >= SPARES_MAX) {
		free(f);
		return;
	}
	f->next = worker->spare;
	worker->spare = f;
	worker->spares++;
}

void hf_flights_end(struct hf_worker *worker)
{
	while (worker->flights) {
		struct flight *f = worker->flights;
		abandon(f, 0);
		leave_lines(f);
		flight_end(f);
	}
	hf_probations_end(worker);
	while (worker->spare) {
		struct flight *f = worker->spare;
		worker->spare = f->next;
		free(f);
	}
}

/* ---- carrying out actions ---- */

static const uint8_t *name_as_asked(const struct flight *f, const struct hf_upstream_conf *conf)
{
	return conf->case_mix ? f->mixed : f->base.question.name.bytes;
}

static size_t write_question(const struct flight *f, const struct hf_action *action,
	uint8_t out[static HF_QUERY_MAX])
{
	const struct hf_upstream_conf *conf = conf_of(f, action->upstream);
	const struct hf_ask ask = {
		.question = &f->base.question,
		.recursion_desired = true,
		.checking_disabled = f->base.flags & HF_CACHE_CD,
		.dnssec_ok = f->base.flags & HF_CACHE_DO,
		.edns = action->edns_size != 0,
		.edns_size = action->edns_size,
		.stream = action->channel != HF_CHANNEL_UDP,
		.pad_to = action->channel == HF_CHANNEL_TLS ? HF_PAD_MAX : 0,
		.mixed = name_as_asked(f, conf),
	};
	return hf_build_query(out, &ask);
}

static void count_reason(struct hf_worker *worker, unsigned slot, enum hf_send_reason reason)
{
	static const int counters[HF_SEND_REASONS] = {
		[HF_SEND_FIRST] = -1, [HF_SEND_FOLLOW] = -1, [HF_SEND_RETRY] = HF_UP_RETRIES,
		[HF_SEND_HEDGE] = HF_UP_HEDGES, [HF_SEND_PROBE] = HF_UP_PROBES,
	};
	hf_count_upstream(worker->meter, slot, HF_UP_PACKETS_OUT);
	if (reason == HF_SEND_FIRST)
		hf_count(worker->meter, HF_COUNT_ASKED);
	else if (counters[reason] >= 0)
		hf_count_upstream(worker->meter, slot, (enum hf_upstream_counter)counters[reason]);
}

static int send_message(struct flight *f, const struct hf_action *action)
{
	struct hf_worker *worker = f->worker;
	struct io *io = &f->io[action->attempt];
	const struct hf_upstream_conf *conf = conf_of(f, action->upstream);
	uint8_t out[HF_QUERY_MAX];
	size_t len = write_question(f, action, out);
	count_reason(worker, slot_of(f, action->upstream), action->reason);
	if (action->channel != HF_CHANNEL_UDP)
		return hf_tcp_send(worker->tcp, &io->tcp, &conf->address,
			hf_plan_secure_of(f->plan, f->route->upstreams[action->upstream]), out, len);
	/* A promise of what leaves within 100 ms is kept best by what leaves at once. */
	return f->limited ? hf_udp_send(worker->udp, &io->udp, &conf->address, out, len)
			  : hf_udp_post(worker->udp, &io->udp, &conf->address, out, len);
}

/* A refresh that nobody waits for stands as the house's own. */
static struct hf_queue_class class_of(const struct flight *f, uint64_t client)
{
	return (struct hf_queue_class){ client, (uint32_t)(f->route - f->plan->forward->routes),
		f->base.question.type };
}

static int stand_in_line(struct flight *f, const struct hf_action *action)
{
	struct hf_worker *worker = f->worker;
	struct hf_standing *standing = &f->io[action->attempt].standing;
	unsigned slot = slot_of(f, action->upstream);
	struct hf_queue_class class = class_of(f, f->base.client);
	int wake;
	*standing = (struct hf_standing){ .worker = worker->index, .slot = (uint16_t)slot,
		.cost = action->cost, .until = action->due };
	int rc = hf_upstreams_stand(worker->team->upstreams, standing, &class, &wake);
	hf_count_upstream(worker->meter, slot, rc ? HF_UP_EVICTED : HF_UP_QUEUED_TOTAL);
	if (rc)
		return rc;
	standing->listed = f->stood = true;
	worker->standing++;
	if (!hf_timer_armed(&worker->pump))
		hf_timer_arm(hf_loop_timers(worker->loop), &worker->pump, hf_loop_now(worker->loop));
	if (wake >= 0 && (unsigned)wake != worker->index)
		hf_loop_wake(worker->team->workers[wake]->loop);
	return 0;
}

struct old_answer {
	struct hf_cached copy;
	uint16_t ttl_at[HF_RECORDS_MAX];
	uint8_t wire[HF_MESSAGE_MAX];
};

static struct old_answer *blank_old_answer(void)
{
	struct old_answer *old = malloc(sizeof *old);
	if (old)
		old->copy = (struct hf_cached){ .kept = { .wire = old->wire, .ttl_at = old->ttl_at },
			.wire_cap = sizeof old->wire, .ttl_cap = HF_RECORDS_MAX };
	return old;
}

/* An old answer for all who wait, if there is one; `why` it is old, if that is not
 * that nobody answered. The copy is made apart from
 * the scratch, which may hold an answer that is just being handed out: a client
 * that hears of it can ask again, and that can fail at once. */
static bool answer_stale(struct flight *f, const char *why, hf_us now)
{
	struct hf_worker *worker = f->worker;
	struct old_answer *old = blank_old_answer();
	struct hf_answer answer;
	if (!old)
		return false;
	bool found = hf_stale_find(worker, &f->key, now, &old->copy, &answer);
	if (found) {
		if (why && answer.ede != HF_EDE_NONE)
			answer.ede_text = why;
		hf_meter_add(&worker->meter->counters[HF_COUNT_CACHE_STALE], f->base.waiter_count);
		hf_answer_flight(worker, &f->base, &answer, now);
	}
	free(old);
	return found;
}

/* The one who inquired hears of it, once, if it has not been forgotten. */
static void tell_inquiry(struct flight *f, struct hf_heard *heard, hf_us now)
{
	struct hf_inquiry *inquiry = f->inquiry;
	f->inquiry = NULL;
	if (!inquiry)
		return;
	inquiry->flight = NULL;
	heard->took = now - f->base.query.began;
	inquiry->heard(inquiry, heard, now);
}

/* "upstream isp: gave 192.0.2.66, which is none of the addresses expected". */
static void fail_text(
	const struct flight *f, const struct hf_action *action, char text[static HF_EDE_TEXT_MAX])
{
	char evidence[HF_EVIDENCE_TEXT_MAX];
	const char *cause = hf_query_cause_text(action->cause);
	char why[HF_WHY_MAX] = "";
	if (action->cause == HF_CAUSE_UNTRUSTED)
		hf_upstreams_why(f->worker->team->upstreams, slot_of(f, action->upstream), why);
	if (why[0])
		cause = why;
	if (action->cause == HF_CAUSE_NONE)
		snprintf(text, HF_EDE_TEXT_MAX, "%s", cause);
	else if (action->cause == HF_CAUSE_DOUBTED)
		snprintf(text, HF_EDE_TEXT_MAX, "upstream %s: %.64s",
			conf_of(f, action->upstream)->name, f->doubt);
	else if (action->cause == HF_CAUSE_LIE || action->cause == HF_CAUSE_BLOCKED)
		snprintf(text, HF_EDE_TEXT_MAX, "upstream %s: gave %s",
			conf_of(f, action->upstream)->name,
			hf_evidence_text(&f->evidence, evidence));
	else
		snprintf(text, HF_EDE_TEXT_MAX, "upstream %s: %s",
			conf_of(f, action->upstream)->name, cause);
}

static bool is_of_truth(enum hf_query_cause cause)
{
	return cause >= HF_CAUSE_DOUBTED;
}

static void carry_out_fail(struct flight *f, const struct hf_action *action, hf_us now)
{
	if (f->private) {
		struct hf_heard heard = {.cause = action->cause, .ede = f->base.query.cause_ede};
		tell_inquiry(f, &heard, now);
		return;
	}
	char text[HF_EDE_TEXT_MAX];
	fail_text(f, action, text);
	const struct hf_answer answer = { .ede = action->ede, .ede_text = text };
	take_down(f);
	/* That nobody was waiting and there was no room says nothing of the name. */
	if (f->base.query.background &&
		(action->cause == HF_CAUSE_RESTING || action->cause == HF_CAUSE_BUDGET))
		return;
	hf_count(f->worker->meter, HF_COUNT_FAILURES);
	hf_trouble_remember(f->worker, &f->key, now, hf_loop_random_u32(f->worker->loop));
	if (!answer_stale(f, is_of_truth(action->cause) ? text : NULL, now))
		answer_all(f, &answer, now);
}

/* Is it for want of something of ours that a message could not be sent? */
static bool is_our_own(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS ||
	       error == -EAGAIN || error == HF_EBOUND;
}

/* What the machine has to know of, in order. Each step takes one; what follows from
 * carrying out its actions is no more than this: messages that could not be sent, and a
 * ruling on all that is held. */
#define SCRIPT_MOST (2 * HF_SENDS_MAX + HF_TRIAL_MAX + 2)

struct script {
	struct hf_query_event events[SCRIPT_MOST];
	size_t count;
	bool over; /* the query has had its answer or failure */
};

static void follow(struct script *script, const struct hf_query_event *event)
{
	if (!hf_unexpected(script->count == SCRIPT_MOST))
		script->events[script->count++] = *event;
}

static struct hf_query_event could_not_send(
	struct hf_worker *worker, unsigned attempt, int error, hf_us now)
{
	bool own = is_our_own(error);
	if (own)
		hf_event_put(worker->events,
			&(struct hf_event){
				.at = now, .kind = HF_EVENT_SOCKETS_SHORT, .a = error});
	return (struct hf_query_event){.kind = HF_QUERY_LOST,
		.attempt = attempt,
		.outcome = own ? HF_OUTCOME_UNSENT : HF_OUTCOME_UNREACHABLE};
}

/* Between the charge and the wire somebody else may have had the processor. */
static void note_left(struct flight *f, const struct hf_action *action)
{
	hf_us charged = f->base.query.attempts[action->attempt].charged;
	hf_us left = hf_loop_clock(f->worker->loop);
	if (left - charged >= HF_MS)
		hf_upstreams_left_late(f->worker->team->upstreams, slot_of(f, action->upstream),
			HF_COST_UDP, charged, left);
}

static void carry_out_send(
	struct flight *f, const struct hf_action *action, hf_us now, struct script *script)
{
	int error = send_message(f, action);
	if (!error && f->limited && action->channel == HF_CHANNEL_UDP)
		note_left(f, action);
	const struct hf_tcp_attempt *stream = &f->io[action->attempt].tcp;
	struct hf_query_event follows;
	if (error) {
		follows = could_not_send(f->worker, action->attempt, error, now);
		follow(script, &follows);
	} else if (action->channel != HF_CHANNEL_UDP && stream->joined) {
		follows = (struct hf_query_event){
			.kind = HF_QUERY_REUSED, .attempt = action->attempt, .met = stream->met};
		follow(script, &follows);
	}
}

static void rule(struct flight *f, struct script *script, hf_us now);
static void deliver_held(struct flight *f, hf_us now);

/* Who is left to be asked is news for what is held. */
static void carry_out_settle(
	struct flight *f, const struct hf_action *action, hf_us now, struct script *script)
{
	if (hf_unexpected(!f->hold))
		return;
	struct hf_trial *trial = hf_hold_trial(f->hold);
	if (action->left > trial->left)
		trial->left = action->left;
	rule(f, script, now);
}

static void carry_out(
	struct flight *f, const struct hf_action *action, hf_us now, struct script *script)
{
	const struct hf_query_event evicted = {.kind = HF_QUERY_EVICT, .attempt = action->attempt};
	switch (action->kind) {
	case HF_ACT_SEND: carry_out_send(f, action, now, script); break;
	case HF_ACT_QUEUE:
		if (stand_in_line(f, action))
			follow(script, &evicted);
		break;
	case HF_ACT_SETTLE: carry_out_settle(f, action, now, script); break;
	case HF_ACT_ARM:
		hf_timer_arm(hf_loop_timers(f->worker->loop), &f->timer, action->due);
		break;
	case HF_ACT_LATE:
		f->late = true;
		if (answer_stale(f, NULL, now))
			f->base.query.background = true; /* nobody waits any more */
		break;
	case HF_ACT_ANSWER:
		script->over = true;
		if (f->accepted)
			deliver_held(f, now);
		break;
	case HF_ACT_FAIL:
		carry_out_fail(f, action, now);
		script->over = true;
		break;
	}
}

/* ---- driving the machine ---- */

static void count_timeouts(const struct flight *f, hf_us now)
{
	for (unsigned i = 0; i < HF_ATTEMPTS_MAX; i++) {
		const struct hf_attempt *a = &f->base.query.attempts[i];
		if (a->open && !a->late && a->due <= now)
			hf_count_upstream(f->worker->meter, slot_of(f, a->upstream), HF_UP_TIMEOUTS);
	}
}

/* One step, under the lock: no system call, no client, no other flight. */
static size_t take_step(struct flight *f, const struct hf_query_event *event, hf_us now,
	struct hf_action actions[static HF_ACTIONS_MAX])
{
	struct hf_worker *worker = f->worker;
	struct hf_upstreams *all = worker->team->upstreams;
	struct hf_telling telling;
	uint32_t dice = hf_loop_random_u32(worker->loop);
	hf_upstreams_lock(all);
	hf_telling_look(&telling, worker, f->plan, f->route, now);
	const struct hf_query_env env = { f->route, telling.candidates, &all->outgoing,
		&f->plan->forward->outgoing, now, dice };
	size_t n = hf_query_step(&f->base.query, &env, event, actions);
	hf_telling_tell(&telling, worker, f->plan, f->route, now);
	hf_upstreams_unlock(all);
	return n;
}

/* A promise about what leaves within 100 ms is kept by the clock, not by the
 * instant at which this turn began. */
static hf_us instant(const struct flight *f, hf_us now)
{
	return f->limited ? hf_loop_clock(f->worker->loop) : now;
}

/* Feeds events to the machine and carries out what it says, including what follows from
 * that, such as from attempts that could not even be sent. */
static void drive_all(struct flight *f, struct script *script, hf_us now)
{
	for (size_t next = 0; next < script->count && !f->base.query.done; next++) {
		struct hf_action actions[HF_ACTIONS_MAX];
		size_t n = take_step(f, &script->events[next], instant(f, now), actions);
		for (size_t i = 0; i < n; i++)
			carry_out(f, &actions[i], now, script);
	}
}

/* The same for one. True: there is an answer or a failure (which has been handed out). */
static bool drive(struct flight *f, const struct hf_query_event *event, hf_us now)
{
	struct script script;
	script.count = 0;
	script.over = false;
	follow(&script, event);
	drive_all(f, &script, now);
	return script.over;
}

/* Leaves the lines that it need not stand in any more. */
static void leave_lines(struct flight *f)
{
	for (unsigned i = 0; f->stood && i < f->base.query.sends; i++) {
		struct hf_standing *standing = &f->io[i].standing;
		if (!standing->listed || f->base.query.attempts[i].queued)
			continue;
		hf_upstreams_leave(f->worker->team->upstreams, standing);
		standing->listed = false;
		f->worker->standing--;
	}
}

/* After a step: ends the flight that is done. One that has its answer listens on
 * to those who have not spoken yet, unless there are too many such. */
static void go_or_end(struct flight *f, hf_us now)
{
	struct hf_worker *worker = f->worker;
	leave_lines(f);
	if (f->base.query.answered) {
		hf_hold_free(f->hold);
		f->hold = NULL;
	}
	if (f->base.query.answered && !f->base.query.done && !f->lingers) {
		take_down(f);
		f->lingers = !f->private &&
			     worker->lingering < worker->inflight.flights_max / LINGERING_SHARE;
		worker->lingering += f->lingers;
		if (!f->lingers)
			abandon(f, now);
	}
	if (f->base.query.done)
		flight_end(f);
}

/* ---- events ---- */

static void timer_fired(struct hf_timer *timer, hf_us now)
{
	struct flight *f = (struct flight *)((char *)timer - offsetof(struct flight, timer));
	const struct hf_query_event event = { .kind = HF_QUERY_TIMER };
	count_timeouts(f, now);
	drive(f, &event, now);
	go_or_end(f, now);
}

static unsigned attempt_of(const struct io *io)
{
	return (unsigned)(io - io->flight->io);
}

static void lost(struct io *io, enum hf_outcome outcome, hf_us now)
{
	struct flight *f = io->flight;
	const struct hf_query_event event = { .kind = HF_QUERY_LOST, .attempt = attempt_of(io),
		.outcome = outcome };
	unsigned upstream = f->base.query.attempts[event.attempt].upstream;
	hf_count_upstream(f->worker->meter, slot_of(f, upstream), HF_UP_ERRORS);
	drive(f, &event, now);
	go_or_end(f, now);
}

/* Keeps an answer that the machine is about to accept, for ttl_most seconds. False: it cannot be
 * kept in one piece, so it is garbage. */
static bool keep(struct flight *f, const uint8_t *m, const struct hf_message_view *view,
	uint32_t ttl_most, struct hf_kept *kept)
{
	const struct hf_cache_conf *conf = f->plan->cache;
	uint32_t ttl_max = (uint32_t)(conf->ttl_max / HF_SECOND);
	if (ttl_max > ttl_most)
		ttl_max = ttl_most;
	if (hf_keep(m, view, ttl_max, kept))
		return false;
	enum hf_answer_kind kind = hf_answer_kind(m, view, f->base.question.type);
	kept->ttl = hf_ttl_of(kind, view, kept->ttl, conf);
	if (kind != HF_ANSWER_POSITIVE && view->has_soa)
		hf_ttl_of_denial(kept);
	return true;
}

/* came: when it was heard; its TTLs count from there. */
static void store(struct flight *f, const struct hf_message_view *view,
	const struct hf_kept *kept, hf_us came, hf_us now)
{
	struct hf_worker *worker = f->worker;
	const struct hf_cache_key *asked = &f->key;
	/* Where a sudden denial is not believed at once, what is said of one type is kept
	 * for that type: it would end what another is known by, and nobody would have
	 * asked whether that is to be held. */
	bool of_name = hf_nxdomain_of_name(view) && !f->route->hold_good;
	struct hf_cache_key key = of_name ? hf_cache_name_key(asked) : *asked;
	hf_trouble_forget(worker, asked, now);
	hf_heat_withdraw(worker, &f->base.question.name);
	/* What may not be kept for a second may still be better than nothing. */
	bool keep_it = kept->ttl != 0 || (f->plan->cache->stale && view->answers != 0);
	if (keep_it && hf_cache_store(worker->team->cache, &key, came, kept) == 0) {
		hf_count(worker->meter, HF_COUNT_CACHE_STORES);
		return;
	}
	if (keep_it)
		hf_count(worker->meter, HF_COUNT_CACHE_TOO_LARGE);
	/* What cannot be kept still ends what was known before. */
	hf_cache_remove(worker->team->cache, &key, now);
	hf_cache_remove(worker->team->cache, asked, now);
}

enum match { MATCH_NO, MATCH_CASE, MATCH_YES };

/* Is this the question that the attempt asked? Over TCP nobody can forge, so
 * case does not matter there. A failure may come without a question. */
static enum match match_question(const struct flight *f, const struct hf_attempt *attempt,
	const uint8_t *m, size_t len)
{
	size_t name = f->base.question.name.len;
	const uint8_t *echo = m + HF_HEADER_LEN;
	const uint8_t *asked = name_as_asked(f, conf_of(f, attempt->upstream));
	if (len < HF_HEADER_LEN || !(hf_message_flags(m) & HF_FLAG_QR))
		return MATCH_NO; /* no reply at all */
	if (m[4] == 0 && m[5] == 0)
		return m[3] & HF_FLAG_RCODE && (m[3] & HF_FLAG_RCODE) != HF_RCODE_NXDOMAIN ? MATCH_YES
											  : MATCH_NO;
	if (len < HF_HEADER_LEN + name + 4 ||
		hf_get_u16(echo + name) != f->base.question.type ||
		hf_get_u16(echo + name + 2) != f->base.question.class)
		return MATCH_NO;
	if (memcmp(echo, asked, name) == 0)
		return MATCH_YES;
	if (!hf_name_equal(echo, asked, name))
		return MATCH_NO;
	return attempt->channel == HF_CHANNEL_UDP ? MATCH_CASE : MATCH_YES;
}

static void count_verdict(struct hf_worker *worker, unsigned slot, enum hf_verdict verdict)
{
	if (verdict == HF_VERDICT_GARBAGE)
		hf_count_upstream(worker->meter, slot, HF_UP_MALFORMED);
	else if (verdict == HF_VERDICT_TRUNCATED)
		hf_count_upstream(worker->meter, slot, HF_UP_TRUNCATED);
	else if (verdict != HF_VERDICT_ANSWER && verdict != HF_VERDICT_LAME &&
		 verdict != HF_VERDICT_LIE && verdict != HF_VERDICT_DOUBTED &&
		 verdict != HF_VERDICT_BLOCKED)
		hf_count_upstream(worker->meter, slot, HF_UP_SERVFAIL);
}

/* A denial of what had an answer until a moment ago, on a route where such is
 * not believed at once. The old answer goes to all who wait, and the denial is
 * treated as a failure: asked about again soon, and known to no cache. */
static bool hold_good(struct flight *f, const struct hf_message_view *view, hf_us now)
{
	struct hf_worker *worker = f->worker;
	struct old_answer *old;
	hf_us ended;
	bool held = false;
	if (!f->route->hold_good || view->answers != 0 || !(old = blank_old_answer()))
		return false;
	if (hf_cache_lookup(worker->team->cache, &f->key, now, &old->copy) != HF_CACHE_MISS &&
		hf_sweep_fits(worker, &old->copy)) {
		ended = old->copy.stored + (hf_us)old->copy.kept.ttl * HF_SECOND;
		held = old->copy.rcode == HF_RCODE_NOERROR &&
		       old->copy.kept.answer_end > HF_HEADER_LEN + f->base.question.name.len + 4u &&
		       now - ended < f->route->hold_good;
	}
	if (held) {
		const struct hf_answer answer = { .kept = &old->copy.kept, .age = UINT32_MAX,
			.ttl_floor = (uint32_t)(f->plan->cache->stale_ttl / HF_SECOND),
			.ede = HF_EDE_STALE, .ede_text = "suddenly denied; held for now" };
		hf_count(worker->meter, HF_COUNT_HELD);
		/* Who asks while it is remembered is given the old answer as a stale one. */
		if (f->plan->cache->stale >= f->route->hold_good)
			hf_trouble_remember(worker, &f->key, now, hf_loop_random_u32(worker->loop));
		answer_all(f, &answer, now);
	}
	free(old);
	return held;
}

/* Leaves off what does not belong to the question. False: then nothing is left of it. */
static bool tidy(struct flight *f, unsigned slot, const uint8_t **m, size_t *len,
	struct hf_message_view *view)
{
	struct hf_worker *worker = f->worker;
	struct hf_tidied tidied;
	if (hf_tidy(*m, view, worker->tidied, &tidied))
		return false;
	if (!tidied.left_off)
		return true;
	hf_meter_add(&worker->meter->upstreams[slot].counters[HF_UP_FOREIGN], tidied.left_off);
	*m = worker->tidied;
	*len = tidied.len;
	*view = tidied.view;
	return true;
}

static struct hf_said said_by(const struct flight *f, unsigned upstream)
{
	return (struct hf_said){f->plan, f->route, upstream, &f->base.question, f->expected};
}

static void tell_of_lie(
	struct flight *f, unsigned upstream, const struct hf_evidence *evidence, hf_us now)
{
	const struct hf_said said = said_by(f, upstream);
	f->evidence = *evidence;
	hf_truth_lied(f->worker, &said, evidence, now);
}

static const char outdated_text[] = "answered while what is expected was changed";

/* An answer of an upstream, as it is to be judged. */
struct heard {
	unsigned attempt, upstream;
	const uint8_t *m;
	size_t len;
	const struct hf_message_view *view;
	hf_us came;
};

/* Is it what is expected under the newest plan, if that is not the flight's? Nothing that
 * breaks what a reload has brought goes to a client or to the cache; what would have to be
 * shown first is asked for anew. */
static enum hf_verdict judge_anew(struct flight *f, const struct heard *heard,
	const struct hf_testimony *testimony, hf_us now)
{
	const struct hf_expected *expected =
		hf_expect_find(f->worker->plan->expected, &f->base.question.name);
	struct hf_evidence evidence;
	if (!expected || (f->expected && f->expected->print == expected->print))
		return HF_VERDICT_ANSWER;
	switch (hf_judge(expected, testimony, &evidence)) {
	case HF_BELIEF_GOOD: return HF_VERDICT_ANSWER;
	case HF_BELIEF_LIE: tell_of_lie(f, heard->upstream, &evidence, now); return HF_VERDICT_LIE;
	case HF_BELIEF_UNSURE:
	case HF_BELIEF_UNPROVEN: break;
	}
	snprintf(f->doubt, sizeof f->doubt, "%s", outdated_text);
	return HF_VERDICT_DOUBTED;
}

/* Somebody has shown that there is such a name: who denied it lied. */
static void overrule(struct flight *f, const struct hf_testimony *believed, hf_us now)
{
	const struct hf_evidence denied = {.lie = HF_LIE_DENIED};
	uint32_t liars = 0;
	if (!f->hold || !hf_trial_overruled(hf_hold_trial(f->hold), believed, &liars))
		return;
	for (unsigned i = 0; liars >> i; i++)
		if (liars >> i & 1)
			tell_of_lie(f, hf_hold_at(f->hold, i)->upstream, &denied, now);
}

static void proof_came(void *ctx, hf_us now)
{
	struct flight *f = ctx;
	struct script script;
	script.count = 0;
	script.over = false;
	rule(f, &script, now);
	drive_all(f, &script, now);
	go_or_end(f, now);
}

/* Holds an answer that has to be shown to be true. The script is what follows. */
static enum hf_verdict hold(struct flight *f, const struct heard *heard,
	const struct hf_testimony *testimony, struct hf_query_event *event)
{
	const struct hf_hold_conf conf = {.expected = f->expected,
		.name = &f->base.question.name,
		.news = proof_came,
		.ctx = f};
	const struct hf_held held = {
		heard->attempt, heard->upstream, heard->m, heard->len, heard->came};
	event->kind = HF_QUERY_HELD;
	if (f->base.query.held >> heard->upstream & 1)
		return HF_VERDICT_ANSWER; /* one upstream has one voice */
	int rc = f->hold ? 0 : hf_hold_new(f->worker, &conf, &f->hold);
	if (!rc)
		rc = hf_hold_add(f->hold, &held, testimony);
	if (rc) {
		event->kind = HF_QUERY_REPLY;
		hf_count(f->worker->meter, HF_COUNT_HELD_REFUSED);
		snprintf(f->doubt, sizeof f->doubt, "%s",
			rc == -ENOSYS ? "gave what nobody here can prove"
				      : "answered, but too many answers wait to be shown true");
		return HF_VERDICT_DOUBTED;
	}
	hf_count(f->worker->meter, HF_COUNT_ON_TRIAL);
	event->wished = f->expected->agree || testimony->denial;
	event->proving = f->expected->conf->prove != HF_PROVE_NOT && testimony->count;
	return HF_VERDICT_ANSWER;
}

/* Has the operator said where the name's addresses lie, or has each to show a certificate? */
static bool is_vouched_for(const struct flight *f)
{
	return f->expected && (f->expected->conf->addresses.count ||
				      f->expected->conf->prove != HF_PROVE_NOT);
}

/* Is an answer one that nobody may have, because it leads from a public name into a
 * private network? Anybody can have such names by the thousand: each is counted, and one
 * a second is told of. */
static bool is_blocked(struct flight *f, const struct heard *heard, hf_us now)
{
	struct hf_worker *worker = f->worker;
	const struct hf_name *name = &f->base.question.name;
	const struct hf_rebind *rebind = worker->plan->rebind;
	struct hf_event event = {.at = now,
		.kind = HF_EVENT_LIE,
		.slot = (uint16_t)slot_of(f, heard->upstream),
		.a = HF_LIE_REBIND};
	if (!rebind || is_vouched_for(f) || !hf_rebind_guards(rebind, &f->route->zone, name) ||
		!hf_rebind_breaks(rebind, heard->m, heard->view, &f->evidence))
		return false;
	hf_count(worker->meter, HF_COUNT_REBIND);
	event.address = f->evidence.address;
	hf_event_about(&event, name->bytes, name->len);
	if (now - worker->rebind_told >= HF_SECOND || !worker->rebind_told) {
		worker->rebind_told = now;
		hf_event_put(worker->events, &event);
	}
	return true;
}

/* What an answer is worth. One that has to be held makes another event. */
static enum hf_verdict judge(
	struct flight *f, const struct heard *heard, struct hf_query_event *event, hf_us now)
{
	bool reloaded = f->plan != f->worker->plan;
	struct hf_testimony testimony;
	struct hf_evidence evidence;
	if (!f->expected && !reloaded)
		return is_blocked(f, heard, now) ? HF_VERDICT_BLOCKED : HF_VERDICT_ANSWER;
	hf_testimony_read(&f->base.question, heard->m, heard->view, &testimony);
	enum hf_verdict anew = reloaded ? judge_anew(f, heard, &testimony, now) : HF_VERDICT_ANSWER;
	enum hf_belief belief = f->expected ? hf_judge(f->expected, &testimony, &evidence)
					    : HF_BELIEF_GOOD;
	if (anew != HF_VERDICT_ANSWER)
		return anew;
	if (belief == HF_BELIEF_LIE) {
		tell_of_lie(f, heard->upstream, &evidence, now);
		return HF_VERDICT_LIE;
	}
	if (is_blocked(f, heard, now))
		return HF_VERDICT_BLOCKED;
	if (belief == HF_BELIEF_GOOD) {
		overrule(f, &testimony, now);
		return HF_VERDICT_ANSWER;
	}
	/* After the answer it is of no use to anybody. */
	return f->base.query.answered ? HF_VERDICT_ANSWER : hold(f, heard, &testimony, event);
}

/* ---- what is held ---- */

static void refuse_held(
	struct flight *f, const struct hf_ruling *ruling, struct script *script, hf_us now)
{
	const struct hf_held *held = hf_hold_at(f->hold, ruling->answer);
	tell_of_lie(f, held->upstream, &ruling->evidence, now);
	follow(script, &(struct hf_query_event){.kind = HF_QUERY_REPLY,
			       .attempt = held->attempt,
			       .verdict = HF_VERDICT_LIE,
			       .ede = HF_EDE_NONE});
}

/* Has a reload changed what is expected since the question was asked? */
static bool is_outdated(const struct flight *f)
{
	const struct hf_expected *now;
	if (f->plan == f->worker->plan)
		return false;
	now = hf_expect_find(f->worker->plan->expected, &f->base.question.name);
	return now && now->print != f->expected->print;
}

static void accept_held(struct flight *f, const struct hf_ruling *ruling, struct script *script)
{
	f->accepted = ruling->answer + 1;
	f->proven = ruling->proven;
	follow(script, &(struct hf_query_event){.kind = HF_QUERY_REPLY,
			       .attempt = hf_hold_at(f->hold, ruling->answer)->attempt,
			       .verdict = HF_VERDICT_ANSWER,
			       .ede = HF_EDE_NONE});
}

static void drop_held(struct flight *f, const char *why, struct script *script)
{
	unsigned last = hf_hold_trial(f->hold)->count - 1;
	snprintf(f->doubt, sizeof f->doubt, "%s", why);
	follow(script, &(struct hf_query_event){.kind = HF_QUERY_DROP,
			       .attempt = hf_hold_at(f->hold, last)->attempt});
}

/* What comes of it, as events for the machine. */
static void rule(struct flight *f, struct script *script, hf_us now)
{
	struct hf_trial *trial = hf_hold_trial(f->hold);
	const struct hf_query_event go_on = {.kind = HF_QUERY_GO_ON};
	struct hf_ruling ruling;
	char text[HF_TRIAL_TEXT_MAX];
	for (hf_trial_rule(trial, &ruling); ruling.kind == HF_RULING_REFUSE;
		hf_trial_rule(trial, &ruling))
		refuse_held(f, &ruling, script, now);
	switch (ruling.kind) {
	case HF_RULING_WAIT:
	case HF_RULING_REFUSE: break;
	case HF_RULING_ASK: follow(script, &go_on); break;
	case HF_RULING_ACCEPT:
		if (is_outdated(f))
			drop_held(f, outdated_text, script);
		else
			accept_held(f, &ruling, script);
		break;
	case HF_RULING_FAIL: drop_held(f, hf_trial_text(trial, text), script); break;
	}
}

/* To the cache and to all who wait. */
static void deliver(
	struct flight *f, const struct heard *heard, const struct hf_kept *kept, hf_us now)
{
	const struct hf_answer answer = {.kept = kept,
		.age = (uint32_t)((now - heard->came) / HF_SECOND),
		.ede = HF_EDE_NONE};
	const struct hf_said said = said_by(f, heard->upstream);
	if (hold_good(f, heard->view, now))
		return;
	store(f, heard->view, kept, heard->came, now);
	hf_truth_believed(f->worker, &said, heard->m, heard->view, now);
	answer_all(f, &answer, now);
}

/* What was held is believed. What is still to be proven is kept and given for a few
 * seconds only; when the proof is under way its hold goes on without the flight. */
static void deliver_held(struct flight *f, hf_us now)
{
	struct hf_hold *hold = f->hold;
	unsigned answer = f->accepted - 1;
	struct hf_trial *trial = hf_hold_trial(hold);
	const struct hf_held *held = hf_hold_at(hold, answer);
	struct hf_cached *copy = hf_scratch(f->worker);
	struct hf_message_view view;
	if (hf_unexpected(hf_message_read(held->m, held->len, &view) != 0))
		return;
	const struct heard heard = {
		held->attempt, held->upstream, held->m, held->len, &view, held->came};
	const struct hf_said said = said_by(f, held->upstream);
	bool provisional = !f->proven;
	bool kept = keep(f, held->m, &view, UINT32_MAX, &copy->kept);
	if (f->proven)
		overrule(f, &trial->answers[answer].testimony, now);
	if (provisional && hf_trial_shown(trial, answer) == HF_SHOWN_PENDING && kept &&
		hf_hold_probation(hold, answer, &said, &f->key, &copy->kept))
		f->hold = NULL;
	if (provisional)
		kept = keep(f, held->m, &view, HF_PROVISIONAL_TTL, &copy->kept);
	if (!hf_unexpected(!kept))
		deliver(f, &heard, &copy->kept, now);
}

/* A message for this attempt; the reply, or something to be dropped. */
static void replied(struct io *io, const uint8_t *m, size_t len, bool cut, hf_us now)
{
	struct flight *f = io->flight;
	struct hf_worker *worker = f->worker;
	struct hf_query_event event = { .kind = HF_QUERY_REPLY, .attempt = attempt_of(io),
		.ede = HF_EDE_NONE };
	const struct hf_attempt *attempt = &f->base.query.attempts[event.attempt];
	unsigned slot = slot_of(f, attempt->upstream);
	struct hf_message_view view;
	struct hf_cached *copy = hf_scratch(worker);
	enum match match = match_question(f, attempt, m, len);
	hf_count_upstream(worker->meter, slot, HF_UP_PACKETS_IN);
	if (match != MATCH_YES) {
		hf_count_upstream(worker->meter, slot, HF_UP_MISMATCHED);
		event.kind = HF_QUERY_DOUBT;
		if (match == MATCH_CASE) {
			drive(f, &event, now);
			go_or_end(f, now);
		}
		return;
	}
	event.octets = len < UINT16_MAX ? (uint16_t)len : UINT16_MAX;
	if (cut) {
		event.verdict = HF_VERDICT_TRUNCATED;
	} else if (hf_message_read(m, len, &view)) {
		event.verdict = HF_VERDICT_GARBAGE;
	} else {
		event.verdict = hf_verdict(&view);
		event.ede = view.edns.ede;
		if (attempt->channel != HF_CHANNEL_UDP && view.edns.keepalive_timed)
			hf_tcp_keep(&io->tcp, view.edns.keepalive_100ms * 100 * HF_MS);
		if (event.verdict == HF_VERDICT_ANSWER && !view.tidy &&
			!tidy(f, slot, &m, &len, &view))
			event.verdict = HF_VERDICT_GARBAGE;
		const struct heard heard = {event.attempt, attempt->upstream, m, len, &view, now};
		if (event.verdict == HF_VERDICT_ANSWER && !f->private &&
			!keep(f, m, &view, UINT32_MAX, &copy->kept))
			event.verdict = HF_VERDICT_GARBAGE;
		if (event.verdict == HF_VERDICT_ANSWER && !f->private)
			event.verdict = judge(f, &heard, &event, now);
	}
	count_verdict(worker, slot, event.verdict);
	event.moved = attempt->channel != HF_CHANNEL_UDP && io->tcp.moved;
	forget(io);
	struct script script;
	script.count = 0;
	script.over = false;
	follow(&script, &event);
	if (event.kind == HF_QUERY_HELD)
		rule(f, &script, now);
	drive_all(f, &script, now);
	bool over = script.over && event.kind == HF_QUERY_REPLY;
	if (over && f->private && event.verdict == HF_VERDICT_ANSWER) {
		struct hf_heard heard = {
			.answered = true, .m = m, .len = len, .view = &view, .ede = HF_EDE_NONE};
		tell_inquiry(f, &heard, now);
	} else if (over && event.verdict == HF_VERDICT_ANSWER) {
		const struct heard heard = {
			event.attempt, f->base.query.answerer, m, len, &view, now};
		deliver(f, &heard, &copy->kept, now);
	}
	go_or_end(f, now);
}

/* ---- standing in line ---- */

/* Room has been found, or is not to be found. */
static void told(struct hf_worker *worker, struct hf_standing *standing, hf_us now)
{
	struct io *io = (struct io *)((char *)standing - offsetof(struct io, standing));
	const struct hf_query_event event = { .attempt = attempt_of(io),
		.kind = standing->evicted ? HF_QUERY_EVICT : HF_QUERY_GRANT,
		.charged = standing->charged };
	standing->listed = false;
	worker->standing--;
	drive(io->flight, &event, now);
	go_or_end(io->flight, now);
}

void hf_flights_told(struct hf_worker *worker, hf_us now)
{
	struct hf_standing *standing;
	while ((standing = hf_upstreams_told(worker->team->upstreams, worker->index)))
		told(worker, standing, now);
}

void hf_flights_pump(struct hf_timer *timer, hf_us now)
{
	struct hf_worker *worker = (struct hf_worker *)((char *)timer - offsetof(struct hf_worker, pump));
	struct hf_team *team = worker->team;
	bool wake[HF_WORKERS_MAX] = { false };
	hf_us next = hf_upstreams_pump(team->upstreams, hf_loop_clock(worker->loop), wake);
	for (unsigned w = 0; w < team->size; w++)
		if (wake[w] && w != worker->index)
			hf_loop_wake(team->workers[w]->loop);
	hf_flights_told(worker, now);
	if (worker->standing && next != HF_NEVER)
		hf_timer_arm(hf_loop_timers(worker->loop), &worker->pump, next);
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
	struct io *io = UDP_IO(attempt);
	const struct hf_query_event event = could_not_send(ctx, attempt_of(io), error, now);
	drive(io->flight, &event, now);
	go_or_end(io->flight, now);
}

static void tcp_replied(void *ctx, struct hf_tcp_attempt *attempt, const uint8_t *m, size_t len,
	hf_us now)
{
	(void)ctx;
	replied(TCP_IO(attempt), m, len, false, now);
}

static void tell_untrusted(struct hf_worker *worker, const struct io *io, const char *why, hf_us now)
{
	const struct flight *f = io->flight;
	unsigned slot = slot_of(f, f->base.query.attempts[attempt_of(io)].upstream);
	struct hf_event event = {
		.at = now, .kind = HF_EVENT_UNTRUSTED, .slot = (uint16_t)slot};
	if (!hf_upstreams_distrust(worker->team->upstreams, f->plan, slot, why))
		return;
	hf_event_why(&event, why);
	hf_event_put(worker->events, &event);
}

static void tcp_refused(
	void *ctx, struct hf_tcp_attempt *attempt, int error, const char *why, hf_us now)
{
	struct io *io = TCP_IO(attempt);
	bool untrusted = why && (error == HF_EAUTH || error == -EPROTO);
	if (untrusted)
		tell_untrusted(ctx, io, why, now);
	lost(io, untrusted ? HF_OUTCOME_UNTRUSTED : HF_OUTCOME_UNREACHABLE, now);
}

/* What went out on a connection that had been forgotten goes out anew. */
static void tcp_moved(void *ctx, struct hf_tcp_attempt *attempt, bool opened, hf_us now)
{
	struct hf_worker *worker = ctx;
	const struct io *io = TCP_IO(attempt);
	const struct flight *f = io->flight;
	const struct hf_attempt *a = &f->base.query.attempts[attempt_of(io)];
	uint32_t cost = a->channel == HF_CHANNEL_TLS ? HF_COST_TLS : HF_COST_TCP;
	if (f->limited)
		hf_upstreams_charge(worker->team->upstreams, f->plan, slot_of(f, a->upstream),
			opened ? cost : HF_COST_TCP_REUSED, now);
}

static void stray(void *ctx, const struct hf_address *peer)
{
	struct hf_worker *worker = ctx;
	/* Late replies to questions long answered come here too: a count, no alarm. */
	(void)peer;
	hf_count(worker->meter, HF_COUNT_STRAY);
}

static const struct hf_udp_handler udp_handler = {udp_replied, udp_refused, udp_unsent, stray};
static const struct hf_tcp_handler tcp_handler = {tcp_replied, tcp_refused, tcp_moved, stray};

int hf_transports_open(struct hf_worker *worker)
{
	int rc = hf_udp_pool_new(worker->loop, &udp_handler, worker, &worker->udp);
	return rc ? rc : hf_tcp_pool_new(worker->loop, &tcp_handler, worker, &worker->tcp);
}

/* ---- joining ---- */

/* Who waits for what stands in a bulk job's line need not wait as long as that. */
static void also_for(struct flight *f, uint64_t client)
{
	struct hf_queue_class class = class_of(f, client);
	for (unsigned i = 0; i < f->base.query.sends; i++)
		if (f->io[i].standing.listed)
			hf_upstreams_also(f->worker->team->upstreams, &f->io[i].standing, &class);
}

static int join(struct hf_worker *worker, struct flight *up, const struct hf_waiter *waiter,
	hf_us now)
{
	if (!waiter)
		return 0;
	hf_count(worker->meter, HF_COUNT_JOINED);
	int rc = hf_inflight_join(&worker->inflight, &up->base, waiter);
	if (!rc)
		up->base.query.background = false;
	if (!rc && up->stood)
		also_for(up, waiter->client);
	/* Others have already waited long enough: this one hears at the next turn. */
	if (!rc && up->late) {
		up->base.query.patience = now;
		hf_timer_arm(hf_loop_timers(worker->loop), &up->timer, now);
	}
	return rc;
}

static void draw_case(struct flight *f)
{
	const struct hf_name *name = &f->base.question.name;
	uint8_t bits[(HF_NAME_MAX + 7) / 8];
	hf_loop_random(f->worker->loop, bits, (name->len + 7u) / 8);
	hf_name_mix(name->bytes, name->len, bits, f->mixed);
}

/* A flight for a question of the worker's plan on this route; NULL: no memory. */
static struct flight *prepare(struct hf_worker *worker, const struct hf_route *route,
	const struct hf_cache_key *key, hf_us now)
{
	struct flight *f = flight_new(worker);
	if (!f)
		return NULL;
	f->plan = hf_plan_ref(worker->plan);
	f->route = route;
	f->timer.fire = timer_fired;
	f->base.hash = key->hash;
	f->base.question.type = key->type;
	f->base.question.class = key->class;
	f->base.question.name.len = key->name->len;
	memcpy(f->base.question.name.bytes, key->name->bytes, key->name->len);
	f->base.flags = key->flags;
	f->key = *key;
	f->key.name = &f->base.question.name;
	f->key.way = 0; /* until it is answered the cache may look otherwise */
	draw_case(f);
	/* The slot of whom it will most likely be asked of; + 1: 0 is nobody. */
	f->base.upstream = f->route ? slot_of(f, 0) + 1u : 0;
	f->limited = f->plan->forward->outgoing.budget != 0;
	for (unsigned i = 0; f->route && i < f->route->upstream_count; i++)
		f->limited |= conf_of(f, i)->budget || conf_of(f, i)->interface_at;
	hf_query_init(&f->base.query, (uint32_t)key->name_hash, now);
	return f;
}

/* What is expected of the name, and who is not to be asked for it. */
static void ask_truth(struct flight *f, hf_us now)
{
	struct hf_query *q = &f->base.query;
	const struct hf_name *name = &f->base.question.name;
	f->expected = hf_expect_find(f->plan->expected, name);
	if (!f->route)
		return;
	uint64_t all = ~0ull >> (64 - f->route->upstream_count);
	q->barred = hf_truth_barred(f->worker, f->plan, f->route, f->expected, name, now);
	/* If nobody is left the machine fails at once, and this is why. */
	if ((q->barred & all) == all)
		q->cause = HF_CAUSE_QUARANTINED;
}

int hf_flight_join(struct hf_worker *worker, const struct hf_cache_key *key,
	const struct hf_waiter *waiter, hf_us now)
{
	struct hf_flight *up = hf_inflight_find(&worker->inflight, key);
	if (up)
		return join(worker, (struct flight *)up, waiter, now);
	const struct hf_query_event start = {.kind = HF_QUERY_START};
	struct flight *f =
		prepare(worker, hf_route_find(worker->plan->routes, key->name), key, now);
	if (!f)
		return -ENOMEM;
	f->base.client = waiter ? waiter->client : 0;
	f->base.query.background = !waiter;
	ask_truth(f, now);
	if (f->plan->cache->stale)
		f->base.query.patience = now + f->plan->cache->stale_after;
	int rc = hf_inflight_add(&worker->inflight, &f->base);
	f->up = !rc;
	if (!rc && waiter)
		rc = hf_inflight_join(&worker->inflight, &f->base, waiter);
	if (rc) {
		flight_end(f);
	} else if (!f->route) {
		const struct hf_answer nowhere = { .ede = HF_EDE_NO_REACHABLE_AUTHORITY,
			.ede_text = "no upstream is configured for this name" };
		answer_all(f, &nowhere, now);
		flight_end(f);
	} else {
		drive(f, &start, now);
		if (!waiter && f->base.query.sends)
			hf_count(worker->meter, HF_COUNT_PREFETCHED);
		go_or_end(f, now);
	}
	return rc;
}

/* ---- inquiries ---- */

/* Far more than are ever under way, and few beside the clients' questions. */
#define INQUIRIES_MAX 256

static void inquiry_begins(struct hf_timer *timer, hf_us now)
{
	struct flight *f = (struct flight *)((char *)timer - offsetof(struct flight, timer));
	const struct hf_query_event start = {.kind = HF_QUERY_START};
	f->timer.fire = timer_fired;
	drive(f, &start, now);
	go_or_end(f, now);
}

int hf_inquire(struct hf_worker *worker, struct hf_inquiry *inquiry, const struct hf_asked *asked,
	hf_us now)
{
	struct hf_cache_key key =
		hf_plan_key(worker->plan, worker->team->cache, &asked->question, asked->flags);
	if (worker->inquiries >= INQUIRIES_MAX)
		return HF_EBOUND;
	struct flight *f = prepare(worker, asked->route, &key, now);
	if (!f)
		return -ENOMEM;
	f->private = true;
	f->inquiry = inquiry;
	f->base.query.background = !asked->urgent;
	f->base.query.copy = !asked->urgent;
	f->base.query.barred = ~(1ull << asked->upstream);
	f->timer.fire = inquiry_begins;
	hf_timer_arm(hf_loop_timers(worker->loop), &f->timer, now);
	worker->inquiries++;
	inquiry->flight = f;
	return 0;
}

void hf_inquiry_forget(struct hf_inquiry *inquiry)
{
	if (inquiry->flight)
		inquiry->flight->inquiry = NULL;
	inquiry->flight = NULL;
}
