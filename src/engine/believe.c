/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/believe.h"

#include <stdlib.h>

#include "base/error.h"
#include "engine/flight_inside.h"
#include "engine/hold.h"
#include "engine/truth.h"
#include "truth/beside.h"
#include "wire/tidy.h"
#include "zone/rules.h"
#include "zone/zones.h"

/* By the newest plan, and by the zones that are there now. */
static bool is_ours(void *ctx, const struct hf_name *name)
{
	const struct hf_worker *worker = ctx;
	return hf_zone_rules_cover(worker->plan->zones, name) ||
	       (worker->zones && hf_zones_find(worker->zones, name, 0));
}

bool hf_believe_is_untidy(
	const struct flight *f, const uint8_t *m, const struct hf_message_view *view)
{
	const struct hf_tidy_bar bar = {is_ours, f->worker};
	bool zones = f->worker->plan->zones || f->worker->zones;
	return !view->tidy || (zones && view->additionals > view->edns.present &&
				      hf_tidy_is_barred(m, view, &bar));
}

bool hf_believe_tidy(struct flight *f, unsigned slot, const uint8_t **m, size_t *len,
	struct hf_message_view *view)
{
	struct hf_worker *worker = f->worker;
	const struct hf_tidy_bar bar = {is_ours, worker};
	struct hf_tidied tidied;
	if (hf_tidy(*m, view, &bar, worker->tidied, &tidied))
		return false;
	if (!tidied.left_off)
		return true;
	hf_meter_add(&worker->meter->upstreams[slot].counters[HF_UP_FOREIGN], tidied.left_off);
	*m = worker->tidied;
	*len = tidied.len;
	*view = tidied.view;
	return true;
}

/* ---- what is to be said of it ---- */

/* NULL: no memory. */
static struct flight_words *words(struct flight *f)
{
	if (!f->words)
		f->words = calloc(1, sizeof *f->words);
	return f->words;
}

static void keep_evidence(struct flight *f, const struct hf_evidence *evidence)
{
	if (words(f))
		f->words->evidence = *evidence;
}

static void keep_doubt(struct flight *f, const char *why)
{
	if (words(f))
		snprintf(f->words->doubt, sizeof f->words->doubt, "%s", why);
}

/* ---- an answer by itself ---- */

static void tell_of_lie(
	struct flight *f, unsigned upstream, const struct hf_evidence *evidence, hf_us now)
{
	const struct hf_said said = hf_flight_said(f, upstream);
	keep_evidence(f, evidence);
	hf_truth_lied(f->worker, &said, evidence, now);
}

static const char outdated_text[] = "answered while what is expected was changed";

/* Is it what is expected under the newest plan, if that is not the flight's? Nothing that
 * breaks what a reload has brought goes to a client or to the cache; what would have to be
 * shown first is asked for anew. */
static enum hf_verdict judge_anew(struct flight *f, const struct flight_reply *reply,
	const struct hf_testimony *testimony, hf_us now)
{
	const struct hf_expected *expected =
		hf_expect_find(f->worker->plan->expected, &f->base.question.name);
	struct hf_evidence evidence;
	if (!expected || (f->expected && f->expected->print == expected->print))
		return HF_VERDICT_ANSWER;
	switch (hf_judge(expected, testimony, &evidence)) {
	case HF_BELIEF_GOOD: return HF_VERDICT_ANSWER;
	case HF_BELIEF_LIE: tell_of_lie(f, reply->upstream, &evidence, now); return HF_VERDICT_LIE;
	case HF_BELIEF_UNSURE:
	case HF_BELIEF_UNPROVEN: break;
	}
	keep_doubt(f, outdated_text);
	return HF_VERDICT_DOUBTED;
}

void hf_believe_overrule(struct flight *f, const struct hf_testimony *believed, hf_us now)
{
	uint32_t liars = 0;
	if (!f->hold || !hf_trial_overruled(hf_hold_trial(f->hold), believed, &liars))
		return;
	for (unsigned i = 0; liars >> i; i++) {
		const struct hf_trial *trial = hf_hold_trial(f->hold);
		const struct hf_evidence denied = {
			.lie = hf_lie_of_denial(&trial->answers[i].testimony)};
		if (liars >> i & 1)
			tell_of_lie(f, hf_hold_at(f->hold, i)->upstream, &denied, now);
	}
}

/* Holds an answer that has to be shown to be true. */
static enum hf_verdict hold(struct flight *f, const struct flight_reply *reply,
	const struct hf_testimony *testimony, void (*news)(void *flight, hf_us now),
	struct hf_query_event *event)
{
	const struct hf_hold_conf conf = {.expected = f->expected,
		.name = &f->base.question.name,
		.client = f->base.client,
		.news = news,
		.ctx = f};
	const struct hf_held held = {
		reply->attempt, reply->upstream, reply->m, reply->len, reply->came};
	event->kind = HF_QUERY_HELD;
	if (f->base.query.held >> reply->upstream & 1)
		return HF_VERDICT_ANSWER; /* one upstream has one voice */
	int rc = f->hold ? 0 : hf_hold_new(f->worker, &conf, &f->hold);
	if (!rc)
		rc = hf_hold_add(f->hold, &held, testimony);
	if (rc) {
		event->kind = HF_QUERY_REPLY;
		hf_count(f->worker->meter, HF_COUNT_HELD_REFUSED);
		keep_doubt(f, rc == -ENOSYS
				      ? "gave what nobody here can prove"
				      : "answered, but too many answers wait to be shown true");
		return HF_VERDICT_DOUBTED;
	}
	hf_count(f->worker->meter, HF_COUNT_ON_TRIAL);
	event->wished = f->expected->agree || hf_denies_expected(f->expected, testimony);
	event->proving = f->expected->conf->prove != HF_PROVE_NOT && testimony->count;
	return HF_VERDICT_ANSWER;
}

/* Has the operator said where the name's addresses lie, or does each show a certificate? */
static bool is_vouched_for(const struct flight *f, bool proven)
{
	return f->expected && (f->expected->conf->addresses.count ||
				      (proven && f->expected->conf->prove != HF_PROVE_NOT));
}

/* Is an answer one that nobody may have, because it leads from a public name into a
 * private network? Anybody can have such names by the thousand: each is counted, and one
 * a second is told of. */
static bool is_blocked(struct flight *f, const struct flight_reply *reply, bool proven, hf_us now)
{
	struct hf_worker *worker = f->worker;
	const struct hf_name *name = &f->base.question.name;
	const struct hf_rebind *rebind = worker->plan->rebind;
	struct hf_evidence evidence;
	if (!rebind || is_vouched_for(f, proven) ||
		!hf_rebind_guards(rebind, &f->route->zone, name) ||
		!hf_rebind_breaks(rebind, reply->m, reply->view, &evidence))
		return false;
	keep_evidence(f, &evidence);
	hf_count(worker->meter, HF_COUNT_REBIND);
	struct hf_event event = {.at = now,
		.kind = HF_EVENT_LIE,
		.slot = (uint16_t)hf_flight_slot(f, reply->upstream),
		.a = HF_LIE_REBIND,
		.address = evidence.address};
	hf_event_about(&event, name->bytes, name->len);
	if (now - worker->rebind_told >= HF_SECOND || !worker->rebind_told) {
		worker->rebind_told = now;
		hf_event_put(worker->events, &event);
	}
	return true;
}

/* Does an answer give a retired address? By the newest plan. A name that many ask for may have
 * one for long: each answer is counted, and one a second is told of. */
static bool is_retired(struct flight *f, const struct flight_reply *reply, hf_us now)
{
	struct hf_worker *worker = f->worker;
	const struct hf_name *name = &f->base.question.name;
	struct hf_evidence evidence;
	if (!hf_tombstones_break(worker->plan->tombstones, reply->m, reply->view, &evidence))
		return false;
	keep_evidence(f, &evidence);
	hf_count(worker->meter, HF_COUNT_RETIRED);
	struct hf_event event = {.at = now,
		.kind = HF_EVENT_TOMBSTONE,
		.slot = (uint16_t)hf_flight_slot(f, reply->upstream),
		.address = evidence.address};
	hf_event_about(&event, name->bytes, name->len);
	if (now - worker->retired_told >= HF_SECOND || !worker->retired_told) {
		worker->retired_told = now;
		hf_event_put(worker->events, &event);
	}
	return true;
}

/* A record beside the answer may be a name's owner's doing, as in is_blocked. */
static void tell_of_record(
	struct flight *f, unsigned upstream, const struct hf_evidence *evidence, hf_us now)
{
	unsigned slot = hf_flight_slot(f, upstream);
	struct hf_event event = {.at = now,
		.kind = HF_EVENT_LIE,
		.slot = (uint16_t)slot,
		.a = evidence->lie,
		.address = evidence->address};
	hf_event_about(&event, f->base.question.name.bytes, f->base.question.name.len);
	hf_count_upstream(f->worker->meter, slot, HF_UP_LIES);
	hf_event_put(f->worker->events, &event);
}

/* Does an answer lead to another name, and there to what must not be? By whatever is expected
 * now. Who gave it is not asked for the question's name until it says what others say. */
static bool is_false_beside(struct flight *f, const struct flight_reply *reply, hf_us now)
{
	const struct hf_said said = {f->plan, f->route, reply->upstream, &f->base.question, NULL};
	struct hf_beside beside;
	if (!hf_beside_breaks(
		    f->worker->plan->expected, &f->base.question, reply->m, reply->view, &beside))
		return false;
	keep_evidence(f, &beside.evidence);
	if (beside.answer)
		hf_truth_lied(f->worker, &said, &beside.evidence, now);
	else
		tell_of_record(f, reply->upstream, &beside.evidence, now);
	return true;
}

/* Does it wait for a proof, which decides about private addresses, too? */
static bool will_be_proven(const struct flight *f)
{
	return f->expected && f->expected->conf->prove_when == HF_PROVE_FIRST;
}

enum hf_verdict hf_believe_judge(struct flight *f, const struct flight_reply *reply,
	void (*news)(void *flight, hf_us now), struct hf_query_event *event, hf_us now)
{
	bool reloaded = f->plan != f->worker->plan;
	struct hf_testimony testimony;
	struct hf_evidence evidence;
	if (is_false_beside(f, reply, now))
		return HF_VERDICT_LIE;
	if (is_retired(f, reply, now))
		return HF_VERDICT_RETIRED;
	if (!f->expected && !reloaded)
		return is_blocked(f, reply, false, now) ? HF_VERDICT_BLOCKED : HF_VERDICT_ANSWER;
	hf_testimony_read(&f->base.question, reply->m, reply->view, &testimony);
	enum hf_verdict anew = reloaded ? judge_anew(f, reply, &testimony, now) : HF_VERDICT_ANSWER;
	enum hf_belief belief =
		f->expected ? hf_judge(f->expected, &testimony, &evidence) : HF_BELIEF_GOOD;
	if (anew != HF_VERDICT_ANSWER)
		return anew;
	if (belief == HF_BELIEF_LIE) {
		tell_of_lie(f, reply->upstream, &evidence, now);
		return HF_VERDICT_LIE;
	}
	if (is_blocked(f, reply, will_be_proven(f), now))
		return HF_VERDICT_BLOCKED;
	if (belief == HF_BELIEF_GOOD) {
		hf_believe_overrule(f, &testimony, now);
		return HF_VERDICT_ANSWER;
	}
	/* After the answer it is of no use to anybody. */
	return f->base.query.answered ? HF_VERDICT_ANSWER : hold(f, reply, &testimony, news, event);
}

/* ---- what is held ---- */

static void refuse_held(
	struct flight *f, const struct hf_ruling *ruling, struct flight_script *script, hf_us now)
{
	const struct hf_held *held = hf_hold_at(f->hold, ruling->answer);
	tell_of_lie(f, held->upstream, &ruling->evidence, now);
	hf_script_add(script, &(struct hf_query_event){.kind = HF_QUERY_REPLY,
				      .attempt = held->attempt,
				      .verdict = HF_VERDICT_LIE,
				      .ede = HF_EDE_NONE});
}

/* What two upstreams give may be believed without a proof, but it takes one to lead from a
 * public name into a private network. And a reload may have retired an address meanwhile. */
static const char *forbidden(struct flight *f, const struct hf_ruling *ruling, hf_us now)
{
	const struct hf_held *held = hf_hold_at(f->hold, ruling->answer);
	struct hf_message_view view;
	if (hf_message_read(held->m, held->len, &view))
		return NULL;
	const struct flight_reply reply = {
		held->attempt, held->upstream, held->m, held->len, &view, held->came};
	if (is_retired(f, &reply, now))
		return "gave an address that is retired";
	if (!ruling->proven && is_blocked(f, &reply, false, now))
		return "gave a private address that is not proven";
	return NULL;
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

static void accept_held(
	struct flight *f, const struct hf_ruling *ruling, struct flight_script *script)
{
	f->accepted = ruling->answer + 1;
	f->proven = ruling->proven;
	hf_script_add(script, &(struct hf_query_event){.kind = HF_QUERY_REPLY,
				      .attempt = hf_hold_at(f->hold, ruling->answer)->attempt,
				      .verdict = HF_VERDICT_ANSWER,
				      .ede = HF_EDE_NONE});
}

static void drop_held(struct flight *f, const char *why, struct flight_script *script)
{
	unsigned last = hf_hold_trial(f->hold)->count - 1;
	keep_doubt(f, why);
	hf_script_add(script, &(struct hf_query_event){.kind = HF_QUERY_DROP,
				      .attempt = hf_hold_at(f->hold, last)->attempt});
}

void hf_believe_rule(struct flight *f, struct flight_script *script, hf_us now)
{
	struct hf_trial *trial = hf_hold_trial(f->hold);
	const struct hf_query_event go_on = {.kind = HF_QUERY_GO_ON};
	struct hf_ruling ruling;
	char text[HF_TRIAL_TEXT_MAX];
	const char *why;
	for (hf_trial_rule(trial, &ruling); ruling.kind == HF_RULING_REFUSE;
		hf_trial_rule(trial, &ruling))
		refuse_held(f, &ruling, script, now);
	switch (ruling.kind) {
	case HF_RULING_WAIT:
	case HF_RULING_REFUSE: break;
	case HF_RULING_ASK: hf_script_add(script, &go_on); break;
	case HF_RULING_ACCEPT:
		if (is_outdated(f))
			drop_held(f, outdated_text, script);
		else if ((why = forbidden(f, &ruling, now)) != NULL)
			drop_held(f, why, script);
		else
			accept_held(f, &ruling, script);
		break;
	case HF_RULING_FAIL: drop_held(f, hf_trial_text(trial, text), script); break;
	}
}
