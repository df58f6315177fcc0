/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/prove.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"

struct waiting { /* for the proof in one place of the table */
	struct hf_proof_wish *wishes;
	struct hf_prove_look *look;
};

struct hf_prover {
	struct hf_prover_conf conf;
	struct hf_timer timer;
	struct hf_proofs *proofs;      /* these three: NULL until the first is asked for */
	struct waiting *waiting;       /* HF_PROOFS_MAX */
	struct hf_prove_look *looks;   /* HF_PROOFS_AT_ONCE; prover NULL: free */
	struct hf_proof_wish *telling; /* wishes that are being told */
};

static void pump(struct hf_prover *p, hf_us now);

/* ---- life ---- */

static void due(struct hf_timer *timer, hf_us now)
{
	pump((struct hf_prover *)((char *)timer - offsetof(struct hf_prover, timer)), now);
}

int hf_prover_new(const struct hf_prover_conf *conf, struct hf_prover **ret)
{
	struct hf_prover *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	p->conf = *conf;
	p->timer.fire = due;
	*ret = p;
	return 0;
}

static bool furnish(struct hf_prover *p)
{
	struct hf_hash_key key;
	if (!p->waiting)
		p->waiting = calloc(HF_PROOFS_MAX, sizeof *p->waiting);
	if (!p->looks)
		p->looks = calloc(HF_PROOFS_AT_ONCE, sizeof *p->looks);
	if (p->proofs || !p->waiting || !p->looks)
		return p->proofs != NULL;
	hf_loop_random(p->conf.loop, &key, sizeof key);
	return hf_proofs_new(&key, p->conf.shares, &p->proofs) == 0;
}

void hf_prover_free(struct hf_prover *p)
{
	if (!p)
		return;
	for (unsigned i = 0; p->looks && i < HF_PROOFS_AT_ONCE; i++)
		if (p->looks[i].prover)
			p->conf.means->end(p->conf.means_ctx, &p->looks[i]);
	hf_timer_disarm(hf_loop_timers(p->conf.loop), &p->timer);
	hf_proofs_free(p->proofs);
	free(p->looks);
	free(p->waiting);
	free(p);
}

/* ---- who may vouch ---- */

static int trust(struct hf_prover *p, const char *ca, hf_us now, uint64_t *ret)
{
	int news = 0;
	int rc = p->conf.means->trust(p->conf.means_ctx, ca, now, ret, &news);
	if (news) {
		struct hf_event event = {
			.at = now, .kind = HF_EVENT_TRUST_STORE, .a = news, .b = rc};
		hf_event_why(&event, ca);
		hf_event_put(p->conf.events, &event);
	}
	return rc;
}

void hf_prover_expect(struct hf_prover *p, const struct hf_expect_table *table, hf_us now)
{
	uint64_t number;
	for (size_t i = 0; i < hf_expect_count(table); i++) {
		const struct hf_expectation *conf = hf_expect_at(table, i)->conf;
		if (conf->prove == HF_PROVE_TLS)
			trust(p, conf->prove_ca, now, &number);
	}
}

/* ---- telling ---- */

static void show_waiting(struct hf_prover *p)
{
	hf_gauge_set(&p->conf.meter->gauges[HF_GAUGE_PROOFS_WAITING],
		(int64_t)hf_proofs_waiting(p->proofs));
}

static void report(struct hf_prover *p, const struct hf_proof_action *action, hf_us now)
{
	struct hf_event event = {.at = now,
		.kind = HF_EVENT_PROOF,
		.a = action->seen->proof,
		.address = action->key->address};
	if (!action->news)
		return;
	hf_event_about(&event, action->key->name.bytes, action->key->name.len);
	hf_event_why(&event, action->seen->why);
	hf_event_put(p->conf.events, &event);
}

static void unlink_wish(struct hf_proof_wish *wish)
{
	*wish->prev = wish->next;
	if (wish->next)
		wish->next->prev = wish->prev;
	wish->prev = NULL;
}

/* Who is told may forget others, and ask for more, for the same place too. */
static void tell(struct hf_prover *p, const struct hf_proof_action *action, hf_us now)
{
	static const enum hf_counter counters[HF_PROOFS] = {
		[HF_PROOF_HOLDS] = HF_COUNT_PROOFS_HELD,
		[HF_PROOF_FAILS] = HF_COUNT_PROOFS_FAILED,
		[HF_PROOF_MISSING] = HF_COUNT_PROOFS_MISSING,
	};
	const struct hf_proof_seen seen = *action->seen;
	struct hf_proof_wish *wish = p->waiting[action->place].wishes;
	hf_count(p->conf.meter, counters[seen.proof]);
	report(p, action, now);
	p->waiting[action->place].wishes = NULL;
	p->telling = wish;
	if (wish)
		wish->prev = &p->telling;
	while ((wish = p->telling)) {
		unlink_wish(wish);
		wish->proven(wish, seen.proof, seen.why, now);
	}
}

/* ---- looking ---- */

static struct hf_prove_look *free_look(struct hf_prover *p)
{
	for (unsigned i = 0; i < HF_PROOFS_AT_ONCE; i++)
		if (!p->looks[i].prover)
			return &p->looks[i];
	return NULL;
}

static void end(struct hf_prover *p, unsigned place)
{
	struct hf_prove_look *look = p->waiting[place].look;
	p->waiting[place].look = NULL;
	if (!look)
		return;
	p->conf.means->end(p->conf.means_ctx, look);
	look->prover = NULL;
}

/* Says what a look has shown, which is none any more. */
static void shown(struct hf_prove_look *look, const struct hf_proof_seen *seen, hf_us now)
{
	struct hf_prover *p = look->prover;
	p->waiting[look->place].look = NULL;
	look->prover = NULL;
	hf_proofs_shown(p->proofs, look->place, seen, now);
}

static void begin(struct hf_prover *p, const struct hf_proof_action *action, hf_us now)
{
	struct hf_proof_seen failed = {.proof = HF_PROOF_MISSING};
	struct hf_prove_look *look = free_look(p);
	hf_require(look != NULL);
	*look = (struct hf_prove_look){.prover = p, .key = action->key, .place = action->place};
	p->waiting[action->place].look = look;
	const char *why = p->conf.means->begin(p->conf.means_ctx, look);
	if (!why)
		return;
	snprintf(failed.why, sizeof failed.why, "%s", why);
	shown(look, &failed, now);
}

/* Ends, for looks are paced, and nothing else brings anything to tell. */
static void pump(struct hf_prover *p, hf_us now)
{
	struct hf_proof_action action;
	while ((action = hf_proofs_next(p->proofs, now)).what != HF_PROOF_DO_NOTHING) {
		if (action.what == HF_PROOF_DO_LOOK)
			begin(p, &action, now);
		else if (action.what == HF_PROOF_DO_CLOSE)
			end(p, action.place);
		else
			tell(p, &action, now);
	}
	hf_us next = hf_proofs_due(p->proofs);
	show_waiting(p);
	if (next == HF_NEVER)
		hf_timer_disarm(hf_loop_timers(p->conf.loop), &p->timer);
	else
		hf_timer_arm(hf_loop_timers(p->conf.loop), &p->timer, next);
}

void hf_prove_shown(struct hf_prove_look *look, const struct hf_proof_seen *seen, hf_us now)
{
	struct hf_prover *p = look->prover;
	shown(look, seen, now);
	pump(p, now);
}

/* ---- asking ---- */

static bool missing(struct hf_prover *p, const char *reason, enum hf_proof *ret_proof,
	char why[static HF_PROOF_WHY])
{
	hf_count(p->conf.meter, HF_COUNT_PROOFS_MISSING);
	snprintf(why, HF_PROOF_WHY, "%s", reason);
	*ret_proof = HF_PROOF_MISSING;
	return true;
}

static bool known(struct hf_prover *p, const struct hf_proof_seen *seen, enum hf_proof *ret_proof,
	char why[static HF_PROOF_WHY])
{
	hf_count(p->conf.meter, HF_COUNT_PROOFS_REMEMBERED);
	memcpy(why, seen->why, HF_PROOF_WHY);
	*ret_proof = seen->proof;
	return true;
}

static void wait_for(struct hf_prover *p, unsigned place, struct hf_proof_wish *wish, hf_us now)
{
	struct waiting *w = &p->waiting[place];
	wish->prover = p;
	wish->place = place;
	wish->next = w->wishes;
	wish->prev = &w->wishes;
	if (wish->next)
		wish->next->prev = &wish->next;
	w->wishes = wish;
	hf_timer_arm(hf_loop_timers(p->conf.loop), &p->timer, now);
	show_waiting(p);
}

bool hf_prove(struct hf_prover *p, const struct hf_expectation *expectation,
	const struct hf_name *name, const struct hf_address *address, struct hf_proof_wish *wish,
	enum hf_proof *ret_proof, char why[static HF_PROOF_WHY])
{
	hf_us now = hf_loop_now(p->conf.loop);
	struct hf_proof_key key = {.name = *name, .address = *address};
	const struct hf_proof_seen *seen;
	unsigned place;
	const char *barred = hf_proof_barred(expectation, address);
	wish->prev = NULL;
	if (barred)
		return missing(p, barred, ret_proof, why);
	if (trust(p, expectation->prove_ca, now, &key.trust))
		return missing(p, "nobody to vouch: prove-ca cannot be read", ret_proof, why);
	if (!furnish(p))
		return missing(p, "out of memory", ret_proof, why);
	key.address.port = (uint16_t)expectation->prove_port;
	switch (hf_proofs_ask(p->proofs, &key, now, &seen, &place)) {
	case HF_PROOF_KNOWN: return known(p, seen, ret_proof, why);
	case HF_PROOF_TURNED_AWAY:
		return missing(p, "too many addresses are to be proven at once", ret_proof, why);
	case HF_PROOF_BEGUN:
	case HF_PROOF_JOINED: break;
	}
	wait_for(p, place, wish, now);
	return false;
}

void hf_prove_forget(struct hf_proof_wish *wish)
{
	struct hf_prover *p = wish->prover;
	if (!wish->prev)
		return;
	unlink_wish(wish);
	if (!p->waiting[wish->place].wishes)
		hf_proofs_abandon(p->proofs, wish->place);
}
