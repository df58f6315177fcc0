/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of questions when there is no memory: this test is linked with --wrap=malloc,
 * and has one allocation after the other fail. (The simulator's world uses calloc.) */
#include "engine/worker.h"

#include "engine/stage.h"

#define ASKED 3 /* questions of each worker's client */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

static unsigned left; /* until one fails; 0: none does */
static bool failed;

void *__wrap_malloc(size_t size)
{
	if (left && !--left) {
		failed = true;
		return NULL;
	}
	return __real_malloc(size);
}

struct client {
	unsigned index;
	unsigned heard[ASKED]; /* how often, of each */
};

static void answered(
	void *ctx, uint32_t ticket, uint32_t generation, const struct hf_answer *answer, hf_us now)
{
	struct client *c = ctx;
	(void)answer;
	(void)now;
	assert_int_equal(generation, ticket + 7);
	c->heard[ticket]++;
}

static const struct hf_client client = {answered};

static struct hf_question question_of(struct stage *s, unsigned owner)
{
	struct hf_question q = {.type = HF_TYPE_A, .class = HF_CLASS_IN};
	for (unsigned i = 0;; i++) {
		char text[32];
		int len = snprintf(text, sizeof text, "name%u.example", i);
		assert_int_equal(hf_name_from_text(text, (size_t)len, &q.name), 0);
		struct hf_cache_key key = hf_worker_key(s->worker[0], &q, 0);
		if (hf_cache_shard(s->cache, &key) == owner)
			return q;
	}
}

/* Both workers' clients ask, each several times. Who is refused at once is told so. */
static void ask_all(struct stage *s, struct client *clients)
{
	struct hf_question q = question_of(s, 1);
	struct hf_cache_key key = hf_worker_key(s->worker[0], &q, 0);
	for (uint32_t i = 0; i < ASKED * STAGE_WORKERS; i++) {
		struct client *c = &clients[i % STAGE_WORKERS];
		const uint32_t n = i / STAGE_WORKERS;
		const struct hf_ticket ticket = {100 + c->index, n, n + 7};
		if (hf_worker_ask(
			    s->worker[c->index], &key, &ticket, hf_loop_now(s->loops[c->index])))
			c->heard[n]++;
	}
}

/* One life of a server, in which the n-th allocation fails, counted from the first question;
 * then all is asked once more. False: there have not been so many. */
static bool live(unsigned n, enum stage_manner manner)
{
	struct client clients[STAGE_WORKERS] = {{.index = 0}, {.index = 1}};
	struct stage s = {.client = &client, .client_ctx = {&clients[0], &clients[1]}};
	stage_open(&s, STAGE_WORKERS);
	s.upstreams[0].manner = s.upstreams[1].manner = manner;
	failed = false;
	left = n;
	ask_all(&s, clients);
	hf_sim_run_for(s.sim, 6 * HF_SECOND);
	ask_all(&s, clients);
	hf_sim_run_for(s.sim, 6 * HF_SECOND);
	left = 0;
	for (unsigned w = 0; w < STAGE_WORKERS; w++) {
		for (unsigned i = 0; i < ASKED; i++)
			assert_int_equal(clients[w].heard[i], 2);
		assert_int_equal(hf_worker_flights(s.worker[w]), 0);
	}
	assert_int_equal(hf_worker_attempts(s.worker[0]), 0);
	stage_close(&s);
	return failed;
}

static void whatever_allocation_fails_everybody_is_answered_once(void **state)
{
	static const enum stage_manner manners[] = {
		STAGE_ANSWERS, STAGE_TRUNCATES, STAGE_SERVFAIL, STAGE_SILENT};
	(void)state;
	for (size_t i = 0; i < HF_COUNT_OF(manners); i++) {
		unsigned n = 1;
		while (live(n, manners[i]))
			n++;
		assert_true(n > ASKED * STAGE_WORKERS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_allocation_fails_everybody_is_answered_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
