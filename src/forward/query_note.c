/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forward/query_inside.h"

static inline uint16_t slot_of(const struct hf_step *s, unsigned upstream)
{
	return upstream == HF_STEP_NOBODY ? HF_DECISION_NOBODY
					  : s->env->slots[s->env->route->upstreams[upstream]];
}

static inline struct hf_decision *write_down(
	const struct hf_step *s, enum hf_decided what, unsigned why, hf_us at, int64_t a, int64_t b)
{
	const struct hf_query_env *env = s->env;
	struct hf_decision *d = hf_diary_next(env->diary, what);
	d->at = at;
	d->client = s->q->account;
	d->unsaid = 0;
	d->flight = env->flight;
	d->since = (uint32_t)(at - s->q->began);
	d->a = hf_decision_figure(a);
	d->b = hf_decision_figure(b);
	d->why = (uint8_t)why;
	hf_decision_about(d, env->question->name.bytes, env->question->name.len, s->q->name,
		env->question->type);
	return d;
}

/* The first message, once there is more to tell than that it was answered. */
static __attribute__((noinline)) void write_ask(const struct hf_step *s)
{
	const struct hf_attempt *first = &s->q->attempts[0];
	if (!s->q->sends || first->reason != HF_SEND_FIRST || first->queued || !first->sent)
		return;
	struct hf_decision *d =
		write_down(s, HF_DECIDED_ASK, 0, first->sent, first->due - first->sent, 0);
	d->channel = (uint8_t)first->channel;
	d->slot = slot_of(s, first->upstream);
	d->other = HF_DECISION_NOBODY;
	s->q->ask_noted = true;
}

struct hf_decision *hf_step_write(const struct hf_step *s, enum hf_decided what, unsigned why,
	unsigned upstream, unsigned other, int64_t a, int64_t b)
{
	if (!s->q->ask_noted)
		write_ask(s);
	struct hf_decision *d = write_down(s, what, why, s->env->now, a, b);
	d->slot = slot_of(s, upstream);
	d->other = slot_of(s, other);
	return d;
}

void hf_step_write_answered(const struct hf_step *s, const struct hf_attempt *winner)
{
	if (s->q->sends != 1 && !s->q->ask_noted)
		write_ask(s);
	struct hf_decision *d = write_down(s, HF_DECIDED_ANSWERED, winner->reason, s->env->now,
		s->env->now - winner->sent, s->q->sends);
	d->slot = slot_of(s, winner->upstream);
	d->other = HF_DECISION_NOBODY;
}
