/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forward/query_inside.h"

void hf_facts_touch(struct hf_step *s, unsigned upstream)
{
	struct hf_choice *choice = s->env->candidates;
	const struct hf_candidate *c = &choice->of[upstream];
	for (unsigned i = 0; i < choice->touched_count; i++)
		if (choice->touched[i].upstream == upstream)
			return;
	if (hf_unexpected(choice->touched_count >= HF_ATTEMPTS_MAX))
		return;
	choice->touched[choice->touched_count++] = (struct hf_touched){(uint8_t)upstream,
		c->state->health.state, c->path->health.state, c->state->size.limit,
		c->state->size.plain_until, c->state->cookie.habit, c->path->lame.times != 0};
}

static struct hf_health_fact fact(const struct hf_step *s, enum hf_outcome outcome, bool probe)
{
	return (struct hf_health_fact){outcome, probe, s->q->name, s->env->dice, s->env->now,
		s->q->check};
}

/* What those of the route that are out of use were asked before: whoever comes
 * back first carries their share as well. */
static uint64_t rates_out_of_use(const struct hf_step *s)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < s->env->route->upstream_count; i++)
		if (hf_step_state(s, i)->health.state != HF_HEALTH_CLOSED)
			sum += hf_pace_share(&hf_step_state(s, i)->pace);
	return sum;
}

void hf_facts_report(struct hf_step *s, const struct hf_attempt *a, enum hf_outcome outcome)
{
	struct hf_upstream_state *state = hf_step_state(s, a->upstream);
	struct hf_health_fact f = fact(s, outcome, a->probe);
	bool was_open = state->health.state != HF_HEALTH_CLOSED;
	hf_health_report(&state->health, hf_step_conf(s, a->upstream), &f);
	if (state->health.state == HF_HEALTH_OPEN && !was_open)
		hf_pace_hold(&state->pace, s->env->now);
	if (outcome != HF_OUTCOME_ANSWERED)
		return;
	state->answered = s->env->now;
	if (!was_open)
		hf_pace_answered(&state->pace, s->env->now);
	if (was_open && state->health.state == HF_HEALTH_CLOSED) {
		hf_pace_begin(&state->pace, rates_out_of_use(s), s->env->now);
		hf_rtt_forgive(hf_step_rtt(s, a->upstream));
	}
}

void hf_facts_path(struct hf_step *s, const struct hf_attempt *a, enum hf_outcome outcome)
{
	struct hf_health_fact f = fact(s, outcome, a->probe);
	if (outcome == HF_OUTCOME_ANSWERED)
		hf_lame_useful(&hf_step_candidate(s, a->upstream)->path->lame, s->env->now);
	hf_health_report(&hf_step_candidate(s, a->upstream)->path->health,
		hf_step_figures(s, a->upstream), &f);
}

void hf_facts_useless(struct hf_step *s, const struct hf_attempt *a)
{
	if (s->env->route->rest_lame)
		hf_lame_useless(&hf_step_candidate(s, a->upstream)->path->lame, s->q->name);
}

/* Of the first over TCP: the others are for the same question. */
void hf_facts_nothing(struct hf_step *s, const struct hf_attempt *a)
{
	const struct hf_attempt *first = s->q->attempts;
	if (a->channel != HF_CHANNEL_TCP || !(s->q->uncookied & hf_step_bit(a->upstream)))
		return;
	while (first->channel != HF_CHANNEL_TCP || first->upstream != a->upstream)
		first++;
	if (first == a)
		hf_cookie_unsettled(&hf_step_state(s, a->upstream)->cookie, s->env->now);
}

void hf_facts_beaten(struct hf_step *s, const struct hf_attempt *a)
{
	if (hf_step_state(s, a->upstream)->answered > a->sent)
		hf_facts_path(s, a, HF_OUTCOME_BEATEN);
	else
		hf_facts_report(s, a, HF_OUTCOME_BEATEN);
}

void hf_facts_settle(struct hf_step *s, const struct hf_attempt *a, bool answered)
{
	struct hf_health_fact f =
		fact(s, answered ? HF_OUTCOME_ANSWERED : HF_OUTCOME_BEATEN, a->probe);
	if (!hf_step_measured(a))
		return;
	hf_rtt_settle(hf_step_rtt(s, a->upstream), answered, s->env->now);
	if (!answered && a->upstream == s->q->answerer)
		return; /* it has answered in another way, or another time */
	hf_health_settle(&hf_step_candidate(s, a->upstream)->path->health,
		hf_step_figures(s, a->upstream), &f);
}

/* What UDP had not brought came over TCP. */
static void note_size(struct hf_step *s, const struct hf_attempt *got, uint16_t octets)
{
	for (unsigned i = 0; i < s->q->sends; i++) {
		const struct hf_attempt *a = &s->q->attempts[i];
		if (a->open && a->late && a->upstream == got->upstream &&
			a->channel == HF_CHANNEL_UDP && got->channel == HF_CHANNEL_TCP)
			hf_size_lost(&hf_step_state(s, a->upstream)->size,
				hf_step_conf(s, a->upstream), octets, s->q->name, s->env->now);
	}
}

static void note_plain(struct hf_step *s, const struct hf_attempt *got)
{
	if (s->q->plain & hf_step_bit(got->upstream) && !got->edns)
		hf_size_plain(&hf_step_state(s, got->upstream)->size, s->env->now);
}

/* It was silent when asked with a cookie. */
static void note_unheard(struct hf_step *s, const struct hf_attempt *got)
{
	if (got->cookie || got->channel != HF_CHANNEL_UDP)
		return;
	for (unsigned i = 0; i < s->q->sends; i++) {
		const struct hf_attempt *a = &s->q->attempts[i];
		if (a->open && a->late && a->cookie && a->upstream == got->upstream &&
			a->channel == HF_CHANNEL_UDP)
			hf_cookie_unheard(&hf_step_state(s, a->upstream)->cookie, s->env->now);
	}
}

static void note_cookie(
	struct hf_step *s, const struct hf_attempt *a, const struct hf_query_event *event)
{
	struct hf_cookie *cookie = &hf_step_state(s, a->upstream)->cookie;
	hf_cookie_heard(
		cookie, a->client, event->found, event->cookie, event->cookie_len, s->env->now);
	if (event->found == HF_COOKIE_NONE && a->channel == HF_CHANNEL_TCP &&
		s->q->uncookied & hf_step_bit(a->upstream))
		hf_cookie_ended(cookie, s->env->now);
}

void hf_facts_reply(struct hf_step *s, struct hf_attempt *a, const struct hf_query_event *event)
{
	if (hf_step_conf(s, a->upstream)->infer_cap && a->channel == HF_CHANNEL_UDP)
		hf_cap_replied(&hf_step_state(s, a->upstream)->cap, a->sent, s->env->now);
	if (event->verdict == HF_VERDICT_GARBAGE) {
		hf_facts_report(s, a, HF_OUTCOME_GARBAGE);
		return;
	}
	hf_facts_report(s, a, HF_OUTCOME_ANSWERED);
	if (a->cookie)
		note_cookie(s, a, event);
	a->met &= !event->moved;
	hf_facts_settle(s, a, true);
	if (hf_step_measured(a))
		hf_rtt_sample(hf_step_rtt(s, a->upstream), s->env->now - a->sent, s->env->now);
	if (a->channel != HF_CHANNEL_UDP)
		return;
	hf_size_arrived(&hf_step_state(s, a->upstream)->size, event->octets, s->env->now);
}

void hf_facts_answer(struct hf_step *s, const struct hf_attempt *got, uint16_t octets)
{
	note_size(s, got, octets);
	note_plain(s, got);
	note_unheard(s, got);
}
