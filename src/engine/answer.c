/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/answer.h"

#include "base/check.h"
#include "engine/sweep.h"

/* An answer on its way to other workers, counted. */
struct shared_answer {
	atomic_uint refs;
	uint64_t plan; /* which the sender went by: hf_plan.adopted */
	struct hf_answer answer;
	struct hf_kept kept;
	char ede_text[HF_EDE_TEXT_MAX];
	_Alignas(8) uint8_t bytes[];
};

void hf_answer_post(struct hf_worker *to, struct hf_message *message)
{
	bool wake = false;
	hf_mailbox_push(&to->mailbox, message, true, &wake);
	if (wake)
		hf_loop_wake(to->loop);
}

struct answer_message {
	struct hf_message message;
	struct shared_answer *shared;
	uint32_t ticket, generation;
};

static void shared_unref(struct shared_answer *shared)
{
	if (shared && atomic_fetch_sub_explicit(&shared->refs, 1, memory_order_acq_rel) == 1)
		free(shared);
}

static const struct hf_answer outdated = {
	.ede = HF_EDE_OTHER, .ede_text = "answered while what is expected was changed"};

static const struct hf_answer no_memory = {
	.ede = HF_EDE_OTHER, .ede_text = "no memory to hand the answer over"};

static void answer_arrived(void *owner, struct hf_message *message)
{
	struct answer_message *m = (struct answer_message *)message;
	struct hf_worker *worker = owner;
	if (worker) {
		hf_us now = hf_loop_now(worker->loop);
		const struct hf_answer *answer = m->shared ? &m->shared->answer : &no_memory;
		worker->waiting--;
		/* Who sent it may not have heard of a reload. */
		if (answer->kept && m->shared->plan < worker->plan->adopted &&
			worker->sweep.doubts && !hf_sweep_judge(worker, answer->kept, INT64_MIN))
			answer = &outdated;
		worker->client->answered(worker->client_ctx, m->ticket, m->generation, answer, now);
	}
	shared_unref(m->shared);
	free(m);
}

/* A copy that outlives the flight, for waiters of other workers. */
static struct shared_answer *share(const struct hf_worker *worker, const struct hf_answer *answer)
{
	const struct hf_kept *kept = answer->kept;
	size_t wire = kept ? kept->len : 0, ttls = kept ? kept->ttl_count * sizeof(uint16_t) : 0;
	struct shared_answer *shared = malloc(sizeof *shared + wire + 1 + ttls);
	if (!shared)
		return NULL;
	atomic_init(&shared->refs, 1);
	shared->plan = worker->plan->adopted;
	shared->answer = *answer;
	if (kept) {
		uint8_t *at = shared->bytes;
		shared->kept = *kept;
		shared->kept.ttl_at = (uint16_t *)(void *)at;
		shared->kept.wire = at + ttls;
		memcpy(at, kept->ttl_at, ttls);
		memcpy(at + ttls, kept->wire, wire);
		shared->answer.kept = &shared->kept;
	}
	if (answer->ede_text) {
		snprintf(shared->ede_text, sizeof shared->ede_text, "%s", answer->ede_text);
		shared->answer.ede_text = shared->ede_text;
	}
	return shared;
}

void *hf_answer_way_back(void)
{
	return malloc(sizeof(struct answer_message));
}

/* shared: NULL: there was no memory for it. */
static void answer_remote(
	struct hf_worker *to, const struct hf_waiter *waiter, struct shared_answer *shared)
{
	struct answer_message *m = waiter->back;
	if (hf_unexpected(!m))
		return;
	*m = (struct answer_message){
		{.arrive = answer_arrived}, shared, waiter->ticket, waiter->generation};
	if (shared)
		atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
	hf_answer_post(to, &m->message);
}

void hf_answer_flight(struct hf_worker *worker, struct hf_flight *flight,
	const struct hf_answer *answer, hf_us now)
{
	struct shared_answer *shared = NULL;
	struct hf_waiter waiter;
	while (hf_inflight_leave(&worker->inflight, flight, &waiter)) {
		if (waiter.worker == worker->index) {
			worker->waiting--;
			worker->client->answered(worker->client_ctx, waiter.ticket,
				waiter.generation, answer, now);
			continue;
		}
		if (!shared)
			shared = share(worker, answer);
		answer_remote(worker->team->workers[waiter.worker], &waiter, shared);
	}
	shared_unref(shared);
}

void hf_answer_one(struct hf_worker *worker, const struct hf_waiter *waiter,
	const struct hf_answer *answer, hf_us now)
{
	if (waiter->worker == worker->index) {
		worker->waiting--;
		worker->client->answered(
			worker->client_ctx, waiter->ticket, waiter->generation, answer, now);
		return;
	}
	struct shared_answer *shared = share(worker, answer);
	answer_remote(worker->team->workers[waiter->worker], waiter, shared);
	shared_unref(shared);
}
