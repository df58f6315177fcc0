/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/deliver.h"

#include "base/check.h"
#include "cache/ttl.h"
#include "engine/answer.h"
#include "engine/believe.h"
#include "engine/flight_inside.h"
#include "engine/quarantines.h"
#include "engine/heat.h"
#include "engine/hold.h"
#include "engine/inquiry.h"
#include "engine/note.h"
#include "engine/stale.h"
#include "engine/sweep.h"
#include "engine/truth.h"

void hf_deliver_to_all(struct flight *f, const struct hf_answer *answer, hf_us now)
{
	hf_flight_take_down(f);
	hf_answer_flight(f->worker, &f->base, answer, now);
}

/* ---- old answers ---- */

struct old_answer {
	struct hf_cached copy;
	uint16_t ttl_at[HF_RECORDS_MAX];
	uint8_t wire[HF_MESSAGE_MAX];
};

static struct old_answer *blank_old_answer(void)
{
	struct old_answer *old = malloc(sizeof *old);
	if (old)
		old->copy = (struct hf_cached){.kept = {.wire = old->wire, .ttl_at = old->ttl_at},
			.wire_cap = sizeof old->wire,
			.ttl_cap = HF_RECORDS_MAX};
	return old;
}

/* answer: what there is for those who wait; NULL: nothing. */
static void note_old(
	const struct flight *f, const struct hf_answer *answer, uint32_t age, hf_us now)
{
	bool failed = f->base.query.done;
	if (answer && answer->ede != HF_EDE_NONE)
		hf_note_flight(f, HF_DECIDED_STALE, failed ? HF_STALE_FAILED : HF_STALE_PATIENCE,
			age, (int64_t)f->base.waiter_count, now);
	else if (!answer && !failed)
		hf_note_flight(f, HF_DECIDED_WAIT, 0, 0, 0, now);
}

/* The copy is made apart from the scratch, which may hold an answer that is just being
 * handed out: a client that hears of it can ask again, and that can fail at once. */
bool hf_deliver_stale(struct flight *f, const char *why, hf_us now)
{
	struct hf_worker *worker = f->worker;
	struct old_answer *old = blank_old_answer();
	struct hf_answer answer;
	if (!old)
		return false;
	bool found = hf_stale_find(worker, &f->key, now, &old->copy, &answer);
	if (f->base.waiter_count)
		note_old(f, found ? &answer : NULL, old->copy.age, now);
	if (found) {
		if (why && answer.ede != HF_EDE_NONE)
			answer.ede_text = why;
		hf_meter_add(&worker->meter->counters[HF_COUNT_CACHE_STALE], f->base.waiter_count);
		hf_answer_flight(worker, &f->base, &answer, now);
	}
	free(old);
	return found;
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
		const struct hf_answer answer = {.kept = &old->copy.kept,
			.age = UINT32_MAX,
			.ttl_floor = (uint32_t)(f->plan->cache->stale_ttl / HF_SECOND),
			.ede = HF_EDE_STALE,
			.ede_text = "suddenly denied; held for now"};
		hf_count(worker->meter, HF_COUNT_HELD);
		hf_note_flight(f, HF_DECIDED_STALE, HF_STALE_DENIED, old->copy.age,
			(int64_t)f->base.waiter_count, now);
		/* Who asks while it is remembered is given the old answer as a stale one. */
		if (f->plan->cache->stale >= f->route->hold_good)
			hf_trouble_remember(worker, &f->key, now, hf_loop_random_u32(worker->loop));
		hf_deliver_to_all(f, &answer, now);
	}
	free(old);
	return held;
}

/* ---- answers ---- */

bool hf_deliver_keep(struct flight *f, const uint8_t *m, const struct hf_message_view *view,
	uint32_t ttl_most, struct hf_kept *kept)
{
	const struct hf_cache_conf *conf = f->plan->cache;
	uint32_t ttl_max = (uint32_t)(conf->ttl_max / HF_SECOND);
	if (ttl_max > ttl_most)
		ttl_max = ttl_most;
	if (hf_keep(m, view, ttl_max, kept))
		return false;
	hf_ttl_bound(kept, m, view, f->base.question.type, conf);
	return true;
}

/* came: when it was heard; its TTLs count from there. */
static void store(struct flight *f, const struct hf_message_view *view, const struct hf_kept *kept,
	hf_us came, hf_us now)
{
	struct hf_worker *worker = f->worker;
	const struct hf_cache_key *asked = &f->key;
	/* Where a sudden denial is not believed at once, what is said of one type is kept
	 * for that type: it would end what another is known by, and nobody would have
	 * asked whether that is to be held. */
	bool of_name = hf_nxdomain_of_name(view) && !f->route->hold_good;
	struct hf_cache_key key = of_name ? hf_cache_name_key(asked) : *asked;
	hf_trouble_forget(worker, asked, now);
	hf_heat_withdraw(worker, &key);
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

void hf_deliver(
	struct flight *f, const struct flight_reply *reply, const struct hf_kept *kept, hf_us now)
{
	const struct hf_answer answer = {.kept = kept,
		.age = (uint32_t)((now - reply->came) / HF_SECOND),
		.ede = HF_EDE_NONE};
	const struct hf_said said = hf_flight_said(f, reply->upstream);
	if (hold_good(f, reply->view, now))
		return;
	store(f, reply->view, kept, reply->came, now);
	hf_truth_believed(f->worker, &said, reply->m, reply->view, now);
	hf_deliver_to_all(f, &answer, now);
}

void hf_deliver_held(struct flight *f, hf_us now)
{
	struct hf_hold *hold = f->hold;
	unsigned answer = f->accepted - 1;
	struct hf_trial *trial = hf_hold_trial(hold);
	const struct hf_held *held = hf_hold_at(hold, answer);
	struct hf_cached *copy = hf_scratch(f->worker);
	struct hf_message_view view;
	if (hf_unexpected(hf_message_read(held->m, held->len, &view) != 0))
		return;
	const struct flight_reply reply = {
		held->attempt, held->upstream, held->m, held->len, &view, held->came};
	const struct hf_said said = hf_flight_said(f, held->upstream);
	bool provisional = !f->proven;
	bool kept = hf_deliver_keep(f, held->m, &view, UINT32_MAX, &copy->kept);
	if (f->proven)
		hf_believe_overrule(f, &trial->answers[answer].testimony, now);
	if (provisional && hf_trial_shown(trial, answer) == HF_SHOWN_PENDING && kept &&
		hf_hold_probation(hold, answer, &said, &f->key, &copy->kept))
		f->hold = NULL;
	if (provisional)
		kept = hf_deliver_keep(f, held->m, &view, HF_PROVISIONAL_TTL, &copy->kept);
	if (!hf_unexpected(!kept))
		hf_deliver(f, &reply, &copy->kept, now);
}

/* ---- failures, and who asked for our own sake ---- */

void hf_deliver_inquiry(struct flight *f, struct hf_heard *heard, hf_us now)
{
	struct hf_inquiry *inquiry = f->inquiry;
	f->inquiry = NULL;
	if (!inquiry)
		return;
	inquiry->flight = NULL;
	heard->took = now - f->base.query.began;
	inquiry->heard(inquiry, heard, now);
}

/* What has been found last. It need not be why the question has failed. */
static enum hf_query_cause cause_of(const struct flight_words *words)
{
	switch (words ? words->evidence.lie : HF_LIE_NONE) {
	case HF_LIE_NONE: return HF_CAUSE_NONE;
	case HF_LIE_REBIND: return HF_CAUSE_BLOCKED;
	case HF_LIE_RETIRED: return HF_CAUSE_RETIRED;
	default: return HF_CAUSE_LIE;
	}
}

/* "upstream isp: gave 192.0.2.66, which is none of the addresses expected". */
static void fail_text(
	const struct flight *f, const struct hf_action *action, char text[static HF_EDE_TEXT_MAX])
{
	char evidence[HF_EVIDENCE_TEXT_MAX], gave[HF_BAR_TEXT_MAX] = "";
	const char *cause = hf_query_cause_text(action->cause);
	char why[HF_WHY_MAX] = "";
	if (action->cause == HF_CAUSE_UNTRUSTED)
		hf_upstreams_why(
			f->worker->team->upstreams, hf_flight_slot(f, action->upstream), why);
	if (why[0])
		cause = why;
	if (action->cause == HF_CAUSE_QUARANTINED)
		hf_quarantines_why(f->worker, f->plan, hf_flight_slot(f, action->upstream),
			&f->base.question.name, gave);
	if (action->cause == HF_CAUSE_NONE)
		snprintf(text, HF_EDE_TEXT_MAX, "%s", cause);
	else if (action->cause == HF_CAUSE_DOUBTED)
		snprintf(text, HF_EDE_TEXT_MAX, "upstream %s: %.64s",
			hf_flight_conf(f, action->upstream)->name,
			f->words ? f->words->doubt : cause);
	else if (action->cause == cause_of(f->words))
		snprintf(text, HF_EDE_TEXT_MAX, "upstream %s: gave %s",
			hf_flight_conf(f, action->upstream)->name,
			hf_evidence_text(&f->words->evidence, evidence));
	else
		snprintf(text, HF_EDE_TEXT_MAX, "upstream %s: %s%s%s",
			hf_flight_conf(f, action->upstream)->name, cause, gave[0] ? "; " : "", gave);
}

static bool is_of_truth(enum hf_query_cause cause)
{
	return cause >= HF_CAUSE_DOUBTED;
}

/* An upstream has come back since the last message of it went out: that those before were
 * lost in the dark says nothing of the name any more. */
static bool is_of_the_dark(const struct flight *f)
{
	const struct hf_query *q = &f->base.query;
	hf_us last = q->began;
	for (unsigned i = 0; i < q->sends; i++)
		if (!q->attempts[i].queued && q->attempts[i].sent > last)
			last = q->attempts[i].sent;
	return hf_upstreams_recovered(f->worker->team->upstreams, f->plan, f->route, last);
}

void hf_deliver_failure(struct flight *f, const struct hf_action *action, hf_us now)
{
	if (f->private) {
		struct hf_heard heard = {.cause = action->cause, .ede = f->base.query.cause_ede};
		hf_deliver_inquiry(f, &heard, now);
		return;
	}
	char text[HF_EDE_TEXT_MAX];
	fail_text(f, action, text);
	const struct hf_answer answer = {.ede = action->ede, .ede_text = text};
	hf_flight_take_down(f);
	/* That nobody was waiting and there was no room says nothing of the name. */
	if (f->base.query.background &&
		(action->cause == HF_CAUSE_RESTING || action->cause == HF_CAUSE_BUDGET))
		return;
	hf_count(f->worker->meter, HF_COUNT_FAILURES);
	if (!is_of_the_dark(f)) {
		uint32_t lasts = hf_trouble_remember(
			f->worker, &f->key, now, hf_loop_random_u32(f->worker->loop));
		hf_note_flight(f, HF_DECIDED_REMEMBER, 0, lasts, 0, now);
	}
	if (!hf_deliver_stale(f, is_of_truth(action->cause) ? text : NULL, now))
		hf_deliver_to_all(f, &answer, now);
}
