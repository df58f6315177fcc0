/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/examiner.h"

#include "base/check.h"
#include "base/error.h"
#include "engine/worker.h"
#include "loop/loop_epoll.h"

#define CACHE (1u << 20) /* inquiries leave nothing in it */
#define FLIGHTS 256      /* as many as there may be inquiries */

struct examiner {
	const struct hf_examiner_conf *conf;
	struct hf_loop *loop;
	struct hf_cache *cache;
	struct hf_team *team;
	struct hf_plan *plan;
	struct hf_meter *meter;
	struct hf_event_ring *events;
	struct hf_worker *worker;
	struct hf_examination *examination;
	struct hf_examined *examined;
};

static void no_client(
	void *ctx, uint32_t ticket, uint32_t generation, const struct hf_answer *answer, hf_us now)
{
	(void)ctx, (void)ticket, (void)generation, (void)answer, (void)now;
}

static const struct hf_client client = {no_client};

/* The configuration's, but it asks nothing by itself. The plan, which lives as long as what
 * was found, ends it. */
static struct hf_forward_conf *quiet(const struct hf_forward_conf *forward)
{
	struct hf_forward_conf *copy = malloc(sizeof *copy);
	if (!copy)
		return NULL;
	*copy = *forward;
	copy->truth.sample = 0;
	copy->truth.canaries = copy->truth.serials = 0;
	return copy;
}

static int make_plan(struct examiner *e)
{
	struct hf_forward_conf *forward = quiet(e->conf->forward);
	uint16_t slots[HF_UPSTREAMS_MAX];
	bool fresh[HF_UPSTREAMS_MAX];
	struct hf_hash_key key;
	hf_random(&key, sizeof key);
	for (size_t i = 0; forward && i < forward->upstream_count; i++) {
		slots[i] = (uint16_t)i;
		fresh[i] = true;
	}
	int rc = forward ? hf_plan_new(forward, e->conf->cache, &key, slots, fresh, NULL, &e->plan)
			 : -ENOMEM;
	if (rc) {
		free(forward);
		return rc;
	}
	e->plan->owner = forward;
	e->plan->release = free;
	e->plan->zones = e->conf->zones;
	/* Without this, whoever is to be asked over TLS would be asked in plain text. */
	return hf_plan_secure(e->plan);
}

static int make_worker(struct examiner *e)
{
	e->meter = aligned_alloc(64, (sizeof *e->meter + 63) / 64 * 64);
	e->events = calloc(1, sizeof *e->events);
	if (!e->meter || !e->events)
		return -ENOMEM;
	memset(e->meter, 0, sizeof *e->meter);
	const struct hf_worker_conf conf = {.team = e->team,
		.loop = e->loop,
		.meter = e->meter,
		.events = e->events,
		.plan = e->plan,
		.flights_max = FLIGHTS,
		.client = &client};
	return hf_worker_new(&conf, &e->worker);
}

static int begin(struct examiner *e)
{
	struct hf_hash_key key;
	hf_random(&key, sizeof key);
	int rc = hf_loop_epoll_new(&e->loop);
	if (!rc)
		rc = make_plan(e);
	if (!rc)
		rc = hf_cache_new(CACHE, 1, &key, &e->cache);
	if (!rc)
		rc = hf_team_new(1, e->cache, &e->team);
	return rc ? rc : make_worker(e);
}

static void end(struct examiner *e)
{
	hf_examination_end(e->examination);
	hf_team_free(e->team);
	hf_loop_free(e->loop);
	hf_cache_free(e->cache);
	hf_plan_unref(e->plan);
	free(e->meter);
	free(e->events);
}

static void done(void *ctx, struct hf_examined *examined, hf_us now)
{
	struct examiner *e = ctx;
	(void)now;
	e->examination = NULL;
	e->examined = examined;
	hf_loop_stop(e->loop);
}

static void interrupted(void *ctx, int fd, hf_us now)
{
	struct examiner *e = ctx;
	(void)now;
	hf_loop_watch(e->loop, fd, NULL, NULL);
	hf_loop_stop(e->loop);
}

static void heard(void *ctx, const struct hf_question *question, const uint8_t *m,
	const struct hf_message_view *view)
{
	const struct examiner *e = ctx;
	if (e->conf->heard)
		e->conf->heard(e->conf->ctx, question, m, view);
}

static int run(struct examiner *e, const struct hf_question *questions, size_t count)
{
	const struct hf_examine_conf conf = {.worker = e->worker,
		.questions = questions,
		.count = count,
		.longest = e->conf->longest,
		.heard = heard,
		.done = done,
		.ctx = e};
	int rc = 0;
	if (e->conf->interrupt >= 0)
		rc = hf_loop_watch(e->loop, e->conf->interrupt, interrupted, e);
	if (!rc)
		rc = hf_examine(&conf, hf_loop_now(e->loop), &e->examination);
	if (!rc)
		rc = hf_loop_run(e->loop);
	return rc ? rc : e->examined ? 0 : -ECANCELED;
}

int hf_examiner_run(const struct hf_examiner_conf *conf, const struct hf_question *questions,
	size_t count, struct hf_examined **ret)
{
	struct examiner e = {.conf = conf};
	int rc = begin(&e);
	if (!rc)
		rc = run(&e, questions, count);
	if (!rc)
		*ret = e.examined;
	end(&e);
	return rc;
}

int hf_examiner_explain(const struct hf_examiner_conf *conf, const struct hf_question *question,
	struct hf_story **ret)
{
	struct examiner e = {.conf = conf};
	struct hf_story *story = NULL;
	int rc = begin(&e);
	if (!rc)
		rc = hf_story_look(e.worker, question, hf_loop_now(e.loop), &story);
	if (!rc && conf->longest && hf_story_is_upstreams(story))
		rc = run(&e, question, 1);
	if (rc) {
		hf_story_free(story);
		hf_examined_free(e.examined);
	} else {
		story->examined = e.examined;
		story->alone = true;
		*ret = story;
	}
	end(&e);
	return rc;
}
