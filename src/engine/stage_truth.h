/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stage_truth.h - what tests of the truth need besides a stage: certificates, and bars.
 *
 * Story: a test says what each address shows to who looks at it, and how long that takes;
 * there is no handshake. The look itself is that of prove.h.
 * Ownership: the certificates are the test's, and outlive the stage.
 * Threads: one. Used by tests only. */
#ifndef HF_ENGINE_STAGE_TRUTH_H
#define HF_ENGINE_STAGE_TRUTH_H

#include "engine/stage.h"
#include "engine/truth.h"

struct stage_certificates {
	struct stage *stage;
	struct hf_proof_seen (*shown)(void *ctx, const struct hf_address *address);
	void *ctx;
	hf_us take;     /* how long a look takes */
	unsigned looks; /* so far */
};

struct stage_look {
	struct hf_timer timer; /* first */
	struct stage_certificates *certificates;
	struct hf_prove_look *look;
};

static inline int stage_trust(
	void *ctx, const char *ca, hf_us now, uint64_t *ret_number, int *ret_news)
{
	(void)ctx, (void)ca, (void)now;
	*ret_number = 1;
	*ret_news = 0;
	return 0;
}

static inline void stage_look_over(struct hf_timer *timer, hf_us now)
{
	struct stage_look l = *(struct stage_look *)timer;
	const struct hf_proof_seen seen =
		l.certificates->shown(l.certificates->ctx, &l.look->key->address);
	free(timer);
	hf_prove_shown(l.look, &seen, now);
}

static inline const char *stage_look_begin(void *ctx, struct hf_prove_look *look)
{
	struct stage_certificates *c = ctx;
	struct hf_loop *loop = c->stage->loops[0];
	struct stage_look *l = calloc(1, sizeof *l);
	assert_non_null(l);
	*l = (struct stage_look){{.fire = stage_look_over}, c, look};
	look->hand = l;
	c->looks++;
	hf_timer_arm(hf_loop_timers(loop), &l->timer, hf_loop_now(loop) + c->take);
	return NULL;
}

static inline void stage_look_end(void *ctx, struct hf_prove_look *look)
{
	struct stage_certificates *c = ctx;
	struct stage_look *l = look->hand;
	hf_timer_disarm(hf_loop_timers(c->stage->loops[0]), &l->timer);
	free(l);
}

/* To be called before stage_open: the stage's addresses show what `c` says. */
static inline void stage_certify(struct stage *s, struct stage_certificates *c)
{
	static const struct hf_prove_means means = {stage_trust, stage_look_begin, stage_look_end};
	c->stage = s;
	s->means = &means;
	s->means_ctx = c;
}

/* The stage's upstreams, a bit each, that are not to be asked for a name. */
static inline uint64_t stage_barred(struct stage *s, const char *text)
{
	const struct hf_name name = stage_name(text);
	return hf_truth_barred(s->worker[0], s->plan, &s->route,
		hf_expect_find(s->plan->expected, &name), &name, hf_loop_now(s->loops[0]));
}

#endif
