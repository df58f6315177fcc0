/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/identities.h"

#include <stdlib.h>

#include "engine/inquiry.h"
#include "engine/round.h"

/* After the start, so that the first answers of clients are not held up. */
#define FIRST (10 * HF_SECOND)
#define SILENT_FACTOR 20

struct kept {
	struct hf_identity identity;
	uint64_t begun; /* hf_upstreams.begun of the slot: whose it is */
	bool told;      /* that another gives its name, too */
};

struct hf_identities {
	struct kept of[HF_SLOTS_MAX];
};

struct hf_identifier {
	struct hf_inquiry inquiry; /* first; under way or not */
	struct hf_worker *worker;
	hf_us due[HF_SLOTS_MAX]; /* 0: not yet seen */
	unsigned slot;           /* that is being asked */
	uint64_t begun;
	enum hf_identity_ask ask;
	bool going; /* `ask` is the next to be asked of it, or is being asked */
	bool named; /* it has said its name this time */
	bool spoke; /* ... or anything */
};

/* ---- what was said ---- */

bool hf_identities_of(const struct hf_upstreams *all, unsigned slot, struct hf_identity *ret)
{
	const struct kept *kept = all->identities ? &all->identities->of[slot] : NULL;
	if (!kept || !kept->identity.heard || kept->begun != all->begun[slot])
		return false;
	*ret = kept->identity;
	return true;
}

/* Over TLS it was shown who is asked, unless anybody is believed. */
static bool is_plain(const struct hf_upstream_conf *conf)
{
	return conf->channel != HF_CHANNEL_TLS || conf->tls_auth == HF_TLS_OPPORTUNISTIC;
}

/* Another upstream of the plan that gives the same name, by its place; -1: none. Under the
 * lock. */
static int twin_of(const struct hf_upstreams *all, const struct hf_plan *plan, size_t one)
{
	const struct hf_upstream_conf *confs = plan->forward->upstreams;
	struct hf_identity a, b;
	if (!is_plain(&confs[one]) || !hf_identities_of(all, plan->slots[one], &a))
		return -1;
	for (size_t i = 0; i < plan->forward->upstream_count; i++)
		if (i != one && is_plain(&confs[i]) && hf_identities_of(all, plan->slots[i], &b) &&
			hf_identity_as_one(&a, &confs[one].address, &b, &confs[i].address))
			return (int)i;
	return -1;
}

static void tell(struct hf_worker *worker, unsigned slot, unsigned other, const char *name, hf_us now)
{
	struct hf_event event = {.at = now,
		.kind = HF_EVENT_AS_ONE,
		.slot = (uint16_t)slot,
		.a = (int32_t)other};
	hf_event_why(&event, name);
	hf_event_put(worker->events, &event);
	hf_count(worker->meter, HF_COUNT_AS_ONE);
}

/* Under the lock. */
static void compare(struct hf_worker *worker, unsigned slot, hf_us now)
{
	struct hf_upstreams *all = worker->team->upstreams;
	const struct hf_plan *plan = worker->plan;
	struct kept *kept = &all->identities->of[slot];
	size_t one = 0;
	while (one < plan->forward->upstream_count && plan->slots[one] != slot)
		one++;
	int twin = one < plan->forward->upstream_count ? twin_of(all, plan, one) : -1;
	bool news = twin >= 0 && !kept->told;
	kept->told = twin >= 0;
	if (!news)
		return;
	unsigned other = plan->slots[twin];
	all->identities->of[other].told = true; /* of the two it is told once */
	tell(worker, slot, other, kept->identity.name, now);
}

static void note(struct hf_identifier *i, const char *text, hf_us now)
{
	struct hf_upstreams *all = i->worker->team->upstreams;
	hf_upstreams_lock(all);
	if (!all->identities)
		all->identities = calloc(1, sizeof *all->identities);
	struct kept *kept = all->identities ? &all->identities->of[i->slot] : NULL;
	if (kept && i->begun == all->begun[i->slot]) { /* else it has left its slot */
		if (kept->begun != i->begun)
			*kept = (struct kept){.begun = i->begun};
		hf_identity_note(&kept->identity, i->ask, text, now);
		compare(i->worker, i->slot, now);
	}
	hf_upstreams_unlock(all);
}

/* ---- asking ---- */

static hf_us jittered(struct hf_worker *worker, hf_us wait)
{
	return wait - wait / 4 +
	       (hf_us)((uint64_t)(wait / 2) * hf_loop_random_u32(worker->loop) >> 32);
}

/* The next question to the same upstream, or its end. */
static void go_on(struct hf_identifier *i, hf_us now)
{
	const hf_us wait = i->worker->plan->forward->truth.canaries;
	i->ask++;
	if (i->ask == HF_IDENTITY_HOST && i->named)
		i->ask++;
	i->going = i->ask < HF_IDENTITY_ASKS;
	if (!i->going)
		i->due[i->slot] =
			now + jittered(i->worker, i->spoke ? wait : SILENT_FACTOR * wait);
}

static void heard(struct hf_inquiry *inquiry, const struct hf_heard *heard, hf_us now)
{
	struct hf_identifier *i = (struct hf_identifier *)inquiry;
	char text[HF_IDENTITY_TEXT] = "";
	i->inquiry.flight = NULL;
	if (heard->answered)
		hf_identity_read(heard->m, heard->view, text);
	if (text[0]) {
		i->spoke = true;
		i->named |= i->ask != HF_IDENTITY_VERSION;
		note(i, text, now);
	}
	go_on(i, now);
}

static void ask(struct hf_identifier *i, hf_us now)
{
	struct hf_worker *worker = i->worker;
	const struct hf_route *route = hf_round_route_of(worker, i->slot);
	int place = route ? hf_round_place(worker->plan, route, i->slot) : -1;
	hf_us usable = atomic_load_explicit(
		&worker->team->upstreams->usable[i->slot], memory_order_relaxed);
	/* A reload has taken it away; or it rests, and what it is called can wait: not
	 * every server that is well says that, so it would be a poor probe. */
	if (place < 0 || usable) {
		i->ask = HF_IDENTITY_VERSION;
		go_on(i, now);
		return;
	}
	const struct hf_asked asked = {.route = route,
		.upstream = (unsigned)place,
		.question = hf_identity_question(i->ask)};
	i->inquiry.heard = heard;
	if (hf_inquire(worker, &i->inquiry, &asked, now))
		go_on(i, now);
}

static void begin(struct hf_identifier *i, unsigned slot)
{
	struct hf_upstreams *all = i->worker->team->upstreams;
	hf_upstreams_lock(all);
	i->begun = all->begun[slot];
	hf_upstreams_unlock(all);
	i->slot = slot;
	i->ask = HF_IDENTITY_ID;
	i->named = i->spoke = false;
	i->going = true;
}

static struct hf_identifier *make(struct hf_worker *worker)
{
	struct hf_identifier *i = calloc(1, sizeof *i);
	if (i)
		i->worker = worker;
	return i;
}

void hf_identities_look(struct hf_worker *worker, hf_us now)
{
	const struct hf_plan *plan = worker->plan;
	const struct hf_truth_conf *conf = &plan->forward->truth;
	if (!conf->identity || !conf->canaries || !plan->forward->route_count)
		return;
	if (!worker->identifier)
		worker->identifier = make(worker);
	struct hf_identifier *i = worker->identifier;
	if (!i || i->inquiry.flight)
		return;
	for (size_t u = 0; !i->going && u < plan->forward->upstream_count; u++) {
		hf_us *due = &i->due[plan->slots[u]];
		if (*due == 0)
			*due = now + jittered(worker, FIRST);
		if (now >= *due)
			begin(i, plan->slots[u]);
	}
	if (i->going)
		ask(i, now);
}

void hf_identifier_free(struct hf_identifier *identifier)
{
	if (identifier)
		hf_inquiry_forget(&identifier->inquiry);
	free(identifier);
}
