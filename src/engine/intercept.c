/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/intercept.h"

#include <stdlib.h>

#include "truth/canary.h"
#include "truth/testimony.h"
#include "wire/build.h"

#define FIRST (2 * HF_SECOND)
#define EVERY (300 * HF_SECOND) /* without canaries */
#define PATIENCE (3 * HF_SECOND)

/* Probes in a row that nobody answers, before the path counts as free again: one alone
 * may have been lost. */
#define SILENT_ENOUGH 3

struct hf_intercept {
	struct hf_worker *worker;
	struct hf_udp_pool *pool;
	struct hf_udp_attempt attempt;
	struct hf_timer patience; /* armed: an answer may still come */
	struct hf_address address;
	struct hf_question question;
	uint8_t asked[HF_QUERY_MAX];
	size_t asked_len;
	hf_us due;
	bool found;
	unsigned silent;
};

static hf_us jittered(struct hf_worker *worker, hf_us wait)
{
	return wait - wait / 4 +
	       (hf_us)((uint64_t)(wait / 2) * hf_loop_random_u32(worker->loop) >> 32);
}

/* ---- what came of it ---- */

static void show(struct hf_intercept *i, bool found)
{
	i->found = found;
	i->silent = 0;
	hf_gauge_set(&i->worker->meter->gauges[HF_GAUGE_INTERCEPTED], found);
}

static void tell(const struct hf_intercept *i, const char *gave, hf_us now)
{
	struct hf_event event = {.at = now,
		.kind = HF_EVENT_INTERCEPTED,
		.a = gave != NULL,
		.address = i->address};
	hf_event_about(&event, i->question.name.bytes, i->question.name.len);
	hf_event_why(&event, gave ? gave : "");
	hf_event_put(i->worker->events, &event);
}

static void stop(struct hf_intercept *i)
{
	hf_udp_forget(&i->attempt);
	hf_timer_disarm(hf_loop_timers(i->worker->loop), &i->patience);
}

static void unanswered(struct hf_intercept *i, hf_us now)
{
	stop(i);
	if (!i->found || ++i->silent < SILENT_ENOUGH)
		return;
	show(i, false);
	tell(i, NULL, now);
}

static void given_up(struct hf_timer *timer, hf_us now)
{
	unanswered(
		(struct hf_intercept *)((char *)timer - offsetof(struct hf_intercept, patience)),
		now);
}

/* "192.0.2.1", or the name of the code. */
static const char *said(const struct hf_intercept *i, const uint8_t *m,
	const struct hf_message_view *view, char buf[static HF_ADDRESS_TEXT_MAX])
{
	struct hf_testimony testimony;
	hf_testimony_read(&i->question, m, view, &testimony);
	if (testimony.count)
		return hf_address_text(&testimony.addresses[0], buf);
	return hf_meter_rcode_name(hf_meter_rcode_index(view->rcode));
}

static void replied(void *ctx, struct hf_udp_attempt *attempt, const uint8_t *m, size_t len,
	bool cut, hf_us now)
{
	struct hf_intercept *i = ctx;
	struct hf_message_view view;
	char text[HF_ADDRESS_TEXT_MAX];
	(void)attempt, (void)cut;
	if (hf_message_read(m, len, &view) || !(view.flags & HF_FLAG_QR) ||
		!hf_message_echoes(m, &view, i->asked + HF_HEADER_LEN,
			(size_t)i->question.name.len + 4))
		return;
	stop(i);
	hf_count(i->worker->meter, HF_COUNT_INTERCEPTED);
	bool news = !i->found;
	show(i, true);
	if (news)
		tell(i, said(i, m, &view, text), now);
}

/* "Nobody is there" is what ought to come back. */
static void refused(void *ctx, struct hf_udp_attempt *attempt, int error, hf_us now)
{
	(void)attempt, (void)error;
	unanswered(ctx, now);
}

/* What did not leave shows nothing. */
static void unsent(void *ctx, struct hf_udp_attempt *attempt, int error, hf_us now)
{
	(void)attempt, (void)error, (void)now;
	stop(ctx);
}

static void stray(void *ctx, const struct hf_address *peer)
{
	struct hf_intercept *i = ctx;
	(void)peer;
	hf_count(i->worker->meter, HF_COUNT_STRAY);
}

static const struct hf_udp_handler handler = {replied, refused, unsent, stray};

/* ---- the probe ---- */

static void probe(struct hf_intercept *i, hf_us now)
{
	static const struct hf_name com = {5, "\3com"};
	struct hf_worker *worker = i->worker;
	uint8_t dice[HF_CANARY_DICE];
	hf_loop_random(worker->loop, dice, sizeof dice);
	i->question = (struct hf_question){
		hf_canary_name(&com, dice), HF_TYPE_A, HF_CLASS_IN};
	const struct hf_ask ask = {.question = &i->question, .recursion_desired = true};
	stop(i);
	i->asked_len = hf_build_query(i->asked, &ask);
	if (hf_udp_send(i->pool, &i->attempt, &i->address, i->asked, i->asked_len))
		return;
	hf_count(worker->meter, HF_COUNT_INTERCEPT_PROBES);
	hf_timer_arm(hf_loop_timers(worker->loop), &i->patience, now + PATIENCE);
}

static struct hf_intercept *make(struct hf_worker *worker, hf_us now)
{
	struct hf_intercept *i = calloc(1, sizeof *i);
	if (!i || hf_udp_pool_new(worker->loop, &handler, i, &i->pool)) {
		free(i);
		return NULL;
	}
	i->worker = worker;
	i->patience.fire = given_up;
	i->address = worker->plan->forward->truth.intercept_probe;
	i->due = now + jittered(worker, FIRST);
	return i;
}

void hf_intercept_look(struct hf_worker *worker, hf_us now)
{
	const struct hf_truth_conf *conf = &worker->plan->forward->truth;
	if (!hf_address_set(&conf->intercept_probe))
		return;
	if (!worker->intercept)
		worker->intercept = make(worker, now);
	struct hf_intercept *i = worker->intercept;
	if (!i || now < i->due || hf_timer_armed(&i->patience))
		return;
	i->due = now + jittered(worker, conf->canaries ? conf->canaries : EVERY);
	probe(i, now);
}

void hf_intercept_adopted(struct hf_worker *worker)
{
	struct hf_intercept *i = worker->intercept;
	if (!i || hf_address_equal(&i->address, &worker->plan->forward->truth.intercept_probe))
		return;
	show(i, false);
	hf_intercept_free(i);
	worker->intercept = NULL;
}

void hf_intercept_free(struct hf_intercept *intercept)
{
	if (!intercept)
		return;
	stop(intercept);
	hf_udp_pool_free(intercept->pool);
	free(intercept);
}
