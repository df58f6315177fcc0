/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/examine.h"

#include "base/check.h"
#include "base/error.h"
#include "engine/inquiry.h"
#include "engine/inside.h"
#include "engine/prove.h"
#include "engine/truth.h"

#define WINDOW 64        /* questions at once: the inquiries of a worker are 256 */
#define UPSTREAM_MOST 16 /* ... of one upstream: half as many as would look like a flood */
#define PROOFS 64        /* certificates at once */

struct asking {                    /* one question under way */
	struct hf_inquiry inquiry; /* first */
	struct hf_examination *of; /* NULL: free */
	uint32_t finding;
};

struct proving {                   /* one certificate under way */
	struct hf_proof_wish wish; /* first */
	struct hf_examination *of; /* NULL: free */
	uint32_t finding;
	uint16_t address; /* of what was said */
};

struct tally { /* of one upstream */
	uint32_t under_way, silent;
	bool spoke;
};

struct hf_examination {
	struct hf_worker *worker;
	struct hf_examined *examined;
	bool proves; /* something is to be proven */
	bool accuse;
	hf_us began;
	struct hf_timer timer; /* its end, or its next step */
	hf_us end;
	void (*heard)(void *ctx, const struct hf_question *question, const uint8_t *m,
		const struct hf_message_view *view);
	void (*done)(void *ctx, struct hf_examined *examined, hf_us now);
	void *ctx;
	uint32_t next;      /* the first finding that may not have been asked for */
	bool *asked;        /* of each finding */
	uint32_t *to_prove; /* findings whose addresses are to be looked at, a ring that never wraps
			     */
	uint32_t prove_count, prove_next;
	uint16_t prove_address; /* of the finding at prove_next */
	unsigned under_way, proving;
	struct tally *tallies; /* of each upstream */
	struct asking askings[WINDOW];
	struct proving provings[PROOFS];
};

void hf_examined_free(struct hf_examined *examined)
{
	if (!examined)
		return;
	hf_findings_clear(&examined->findings);
	hf_plan_unref(examined->plan);
	free(examined);
}

static struct hf_finding *finding_at(const struct hf_examination *x, uint32_t at)
{
	return &x->examined->findings.items[at];
}

static const struct hf_examined_question *question_at(const struct hf_examination *x, uint32_t at)
{
	return &x->examined->findings.questions[finding_at(x, at)->question];
}

/* ---- what comes of it ---- */

/* As soon as it is known: what is still to be heard takes its time. */
static void accuse(struct hf_examination *x, struct hf_finding *f, hf_us now)
{
	const struct hf_examined_question *q = &x->examined->findings.questions[f->question];
	const struct hf_plan *plan = x->examined->plan;
	if (!x->accuse || f->found != HF_FOUND_LIE || f->accused || x->worker->plan != plan)
		return;
	f->accused = true;
	const struct hf_said said = {plan, hf_route_find(plan->routes, &q->question.name), f->place,
		&q->question, q->expected};
	hf_truth_lied(x->worker, &said, &f->evidence, now);
}

/* ---- its end ---- */

static void forget_all(struct hf_examination *x)
{
	for (unsigned i = 0; i < WINDOW; i++)
		if (x->askings[i].of)
			hf_inquiry_forget(&x->askings[i].inquiry);
	for (unsigned i = 0; i < PROOFS; i++)
		if (x->provings[i].of)
			hf_prove_forget(&x->provings[i].wish);
}

static void release(struct hf_examination *x)
{
	hf_timer_disarm(hf_loop_timers(x->worker->loop), &x->timer);
	forget_all(x);
	free(x->asked);
	free(x->to_prove);
	free(x->tallies);
	free(x);
}

void hf_examination_end(struct hf_examination *x)
{
	if (!x)
		return;
	struct hf_examined *examined = x->examined;
	release(x);
	hf_examined_free(examined);
}

static void finish(struct hf_examination *x, hf_us now)
{
	struct hf_examined *examined = x->examined;
	void (*done)(void *, struct hf_examined *, hf_us) = x->done;
	void *ctx = x->ctx;
	examined->took = now - x->began;
	for (uint32_t q = 0; q < examined->findings.question_count; q++)
		hf_findings_settle(&examined->findings, q);
	for (uint32_t at = 0; at < examined->findings.count; at++)
		accuse(x, finding_at(x, at), now);
	release(x);
	done(ctx, examined, now);
}

/* ---- certificates ---- */

static void proven(struct hf_proof_wish *wish, enum hf_proof proof, const char *why, hf_us now);

static enum hf_shown shown_by(enum hf_proof proof)
{
	return proof == HF_PROOF_HOLDS   ? HF_SHOWN_HOLDS
	       : proof == HF_PROOF_FAILS ? HF_SHOWN_FAILS
					 : HF_SHOWN_MISSING;
}

static void step_soon(struct hf_examination *x)
{
	hf_timer_arm(hf_loop_timers(x->worker->loop), &x->timer, hf_loop_now(x->worker->loop));
}

static struct proving *free_proving(struct hf_examination *x)
{
	for (unsigned i = 0; i < PROOFS; i++)
		if (!x->provings[i].of)
			return &x->provings[i];
	return NULL;
}

static void prove_one(struct hf_examination *x, struct proving *p, uint32_t at, uint16_t address)
{
	struct hf_finding *f = finding_at(x, at);
	const struct hf_examined_question *q = question_at(x, at);
	const struct hf_address *where = &f->said->addresses[address];
	enum hf_proof proof;
	char why[HF_PROOF_WHY] = "";
	*p = (struct proving){
		.wish = {.proven = proven}, .of = x, .finding = at, .address = address};
	x->proving++;
	if (!hf_prove(x->worker->prover, q->expected->conf, &q->question.name, where, &p->wish,
		    &proof, why))
		return;
	hf_finding_show(f, where, shown_by(proof), why);
	p->of = NULL;
	x->proving--;
}

static void prove_more(struct hf_examination *x)
{
	struct proving *p;
	while (x->prove_next < x->prove_count && (p = free_proving(x))) {
		uint32_t at = x->to_prove[x->prove_next];
		prove_one(x, p, at, x->prove_address);
		if (++x->prove_address >= finding_at(x, at)->said->count) {
			x->prove_address = 0;
			x->prove_next++;
		}
	}
}

static void proven(struct hf_proof_wish *wish, enum hf_proof proof, const char *why, hf_us now)
{
	struct proving *p = (struct proving *)wish;
	struct hf_examination *x = p->of;
	struct hf_finding *f = finding_at(x, p->finding);
	(void)now;
	p->of = NULL;
	x->proving--;
	hf_finding_show(f, &f->said->addresses[p->address], shown_by(proof), why);
	step_soon(x);
}

/* ---- questions ---- */

/* An upstream that is not believed is asked nothing, and what TLS showed of it says more. */
static void fail(
	struct hf_examination *x, struct hf_finding *f, bool silent, const struct hf_heard *heard)
{
	char why[HF_WHY_MAX] = "";
	f->untrusted = heard->cause == HF_CAUSE_UNTRUSTED;
	if (f->untrusted)
		hf_upstreams_why(
			x->worker->team->upstreams, x->examined->plan->slots[f->upstream], why);
	hf_finding_fail(f, silent, why[0] ? why : hf_query_cause_text(heard->cause), heard->took);
}

static void fill_in(struct hf_examination *x, uint32_t at, const struct hf_heard *heard, hf_us now)
{
	struct hf_finding *f = finding_at(x, at);
	struct tally *tally = &x->tallies[f->upstream];
	bool silent = heard->cause == HF_CAUSE_TIMEOUT || heard->cause == HF_CAUSE_UNREACHABLE ||
		      heard->cause == HF_CAUSE_RESTING || heard->cause == HF_CAUSE_BUDGET ||
		      heard->cause == HF_CAUSE_UNSENT || heard->cause == HF_CAUSE_CROWDED;
	tally->under_way--;
	if (heard->answered && x->heard)
		x->heard(x->ctx, &question_at(x, at)->question, heard->m, heard->view);
	tally->spoke |= heard->answered || !silent;
	tally->silent += !heard->answered && silent;
	if (!heard->answered)
		fail(x, f, silent, heard);
	else if (!hf_finding_hear(&x->examined->findings, f, heard->m, heard->view, heard->took) &&
		 x->proves && hf_finding_wants_proof(&x->examined->findings, f))
		x->to_prove[x->prove_count++] = at;
	accuse(x, f, now);
}

static void heard(struct hf_inquiry *inquiry, const struct hf_heard *heard, hf_us now)
{
	struct asking *a = (struct asking *)inquiry;
	struct hf_examination *x = a->of;
	a->of = NULL;
	x->under_way--;
	fill_in(x, a->finding, heard, now);
	step_soon(x);
}

static struct asking *free_asking(struct hf_examination *x)
{
	for (unsigned i = 0; i < WINDOW; i++)
		if (!x->askings[i].of)
			return &x->askings[i];
	return NULL;
}

/* False: there is no room in the worker just now. */
static bool ask_one(struct hf_examination *x, struct asking *a, uint32_t at, hf_us now)
{
	const struct hf_finding *f = finding_at(x, at);
	const struct hf_question *question = &question_at(x, at)->question;
	const struct hf_asked asked = {
		.route = hf_route_find(x->examined->plan->routes, &question->name),
		.upstream = f->place,
		.question = *question,
		.urgent = true};
	*a = (struct asking){.inquiry = {.heard = heard}, .finding = at};
	if (hf_inquire(x->worker, &a->inquiry, &asked, now))
		return false;
	a->of = x;
	x->under_way++;
	x->asked[at] = true;
	x->tallies[f->upstream].under_way++;
	return true;
}

static bool hopeless(const struct tally *tally)
{
	return !tally->spoke && tally->silent >= UPSTREAM_MOST;
}

static void ask_more(struct hf_examination *x, hf_us now)
{
	size_t count = x->examined->findings.count;
	struct asking *a;
	while (x->next < count && x->asked[x->next])
		x->next++;
	for (uint32_t at = x->next; at < count && (a = free_asking(x)); at++) {
		const struct tally *tally = &x->tallies[finding_at(x, at)->upstream];
		if (x->asked[at])
			continue;
		if (hopeless(tally)) {
			x->asked[at] = true;
			hf_finding_fail(finding_at(x, at), true,
				"it was asked no further, for it has not said a word", 0);
		} else if (tally->under_way < UPSTREAM_MOST && !ask_one(x, a, at, now)) {
			break;
		}
	}
	while (x->next < count && x->asked[x->next])
		x->next++;
}

/* A reload has come between: places in routes may have changed. */
static void give_up(struct hf_examination *x)
{
	for (uint32_t at = 0; at < x->examined->findings.count; at++) {
		if (x->asked[at])
			continue;
		x->asked[at] = true;
		snprintf(finding_at(x, at)->why, sizeof finding_at(x, at)->why,
			"the configuration was reloaded meanwhile");
	}
	x->next = (uint32_t)x->examined->findings.count;
}

static void step(struct hf_timer *timer, hf_us now)
{
	struct hf_examination *x =
		(struct hf_examination *)((char *)timer - offsetof(struct hf_examination, timer));
	if (x->worker->plan != x->examined->plan)
		give_up(x);
	if (now < x->end) {
		ask_more(x, now);
		prove_more(x);
	}
	bool over = x->next >= x->examined->findings.count && !x->under_way && !x->proving &&
		    x->prove_next >= x->prove_count;
	if (over || now >= x->end) {
		x->examined->late = !over;
		finish(x, now);
		return;
	}
	/* No room in the worker, though nothing of ours is under way: look again soon. */
	bool idle = !x->under_way && !x->proving;
	hf_timer_arm(hf_loop_timers(x->worker->loop), &x->timer,
		idle && now + 50 * HF_MS < x->end ? now + 50 * HF_MS : x->end);
}

/* ---- its beginning ---- */

static int add_question(struct hf_examined *examined, const struct hf_question *question)
{
	const struct hf_plan *plan = examined->plan;
	const struct hf_route *route = hf_route_find(plan->routes, &question->name);
	int rc = route ? hf_findings_add(&examined->findings, question,
				 hf_expect_find(plan->expected, &question->name), route->upstreams,
				 route->upstream_count)
		       : 0;
	return rc == HF_EBOUND ? 0 : rc; /* it is counted */
}

static int make_table(const struct hf_examine_conf *conf, struct hf_examined **ret)
{
	struct hf_examined *examined = calloc(1, sizeof *examined);
	if (!examined)
		return -ENOMEM;
	examined->plan = hf_plan_ref(conf->worker->plan);
	int rc = 0;
	for (size_t i = 0; !rc && i < conf->count; i++)
		rc = add_question(examined, &conf->questions[i]);
	if (rc)
		hf_examined_free(examined);
	else
		*ret = examined;
	return rc;
}

static bool any_to_prove(const struct hf_findings *findings)
{
	for (size_t i = 0; i < findings->question_count; i++) {
		const struct hf_expected *expected = findings->questions[i].expected;
		if (expected && expected->conf->prove != HF_PROVE_NOT)
			return true;
	}
	return false;
}

static int make_room(struct hf_examination *x)
{
	size_t rows = x->examined->findings.count + 1;
	x->asked = calloc(rows, sizeof *x->asked);
	x->to_prove = calloc(rows, sizeof *x->to_prove);
	x->tallies = calloc(x->examined->plan->forward->upstream_count + 1, sizeof *x->tallies);
	x->proves = any_to_prove(&x->examined->findings);
	return x->asked && x->to_prove && x->tallies ? 0 : -ENOMEM;
}

int hf_examine(const struct hf_examine_conf *conf, hf_us now, struct hf_examination **ret)
{
	struct hf_examination *x = calloc(1, sizeof *x);
	int rc = x ? make_table(conf, &x->examined) : -ENOMEM;
	if (rc) {
		free(x);
		return rc;
	}
	x->worker = conf->worker;
	x->began = now;
	x->end = now + conf->longest;
	x->accuse = conf->accuse;
	x->done = conf->done;
	x->heard = conf->heard;
	x->ctx = conf->ctx;
	x->timer.fire = step;
	rc = make_room(x);
	if (rc) {
		hf_examination_end(x);
		return rc;
	}
	step_soon(x);
	*ret = x;
	return 0;
}

/* ---- what to ask ---- */

static int add_name(struct hf_questions *q, size_t *cap, const struct hf_name *name)
{
	for (size_t i = 0; i < q->count; i += 2) /* a name stands there twice, in a row */
		if (q->items[i].name.len == name->len &&
			memcmp(q->items[i].name.bytes, name->bytes, name->len) == 0)
			return 0;
	if (q->count + 2 > *cap) {
		size_t wanted = *cap ? 2 * *cap : 64;
		struct hf_question *grown = realloc(q->items, wanted * sizeof *grown);
		if (!grown)
			return -ENOMEM;
		q->items = grown;
		*cap = wanted;
	}
	q->items[q->count++] =
		(struct hf_question){.name = *name, .type = HF_TYPE_A, .class = HF_CLASS_IN};
	q->items[q->count++] =
		(struct hf_question){.name = *name, .type = HF_TYPE_AAAA, .class = HF_CLASS_IN};
	return 0;
}

static int add_texts(struct hf_questions *q, size_t *cap, const struct hf_text_list *texts)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < texts->count; i++) {
		struct hf_name name;
		if (hf_unexpected(
			    hf_name_from_text(texts->items[i], strlen(texts->items[i]), &name)))
			continue;
		rc = add_name(q, cap, &name);
	}
	return rc;
}

int hf_questions_of(const struct hf_truth_conf *truth, const struct hf_text_list *names,
	struct hf_questions *ret)
{
	struct hf_questions q = {0};
	size_t cap = 0;
	int rc = 0;
	for (size_t i = 0; !rc && i < truth->expectation_count; i++) {
		const struct hf_expectation *e = &truth->expectations[i];
		if (!e->below)
			rc = add_name(&q, &cap, &e->name);
		if (!rc)
			rc = add_texts(&q, &cap, &e->examples);
		q.unasked += e->below && !e->examples.count;
	}
	if (!rc)
		rc = add_texts(&q, &cap, names);
	if (rc)
		free(q.items);
	else
		*ret = q;
	return rc;
}
