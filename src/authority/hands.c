/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/hands.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"

#define NICE 5

struct queue {
	struct hf_job *first, **last;
};

struct hf_hands {
	struct hf_loop *loop;
	pthread_t threads[HF_HANDS];
	unsigned count;       /* of threads; the loop's own */
	pthread_mutex_t lock; /* over all that follows */
	pthread_cond_t news;
	struct queue waiting, ready;
	bool over; /* the loop's thread says so, and reads it without the lock */
};

static void put(struct queue *q, struct hf_job *job)
{
	job->next = NULL;
	*q->last = job;
	q->last = &job->next;
}

static struct hf_job *get(struct queue *q)
{
	struct hf_job *job = q->first;
	if (!job)
		return NULL;
	q->first = job->next;
	if (!q->first)
		q->last = &q->first;
	return job;
}

static void *work(void *arg)
{
	struct hf_hands *h = arg;
	/* Threads that answer, and the one that looks after all zones, go first. If that is not
	 * allowed, nothing is lost but that. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	pthread_mutex_lock(&h->lock);
	while (!h->over) {
		struct hf_job *job = get(&h->waiting);
		if (!job) {
			pthread_cond_wait(&h->news, &h->lock);
			continue;
		}
		pthread_mutex_unlock(&h->lock);
		job->run(job);
		pthread_mutex_lock(&h->lock);
		put(&h->ready, job);
		hf_loop_wake(h->loop);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

int hf_hands_new(struct hf_loop *loop, struct hf_hands **ret)
{
	struct hf_hands *h = calloc(1, sizeof *h);
	if (!h)
		return -ENOMEM;
	h->loop = loop;
	h->waiting.last = &h->waiting.first;
	h->ready.last = &h->ready.first;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->news, NULL);
	*ret = h;
	return 0;
}

int hf_hands_open(struct hf_hands *h)
{
	while (h->count < HF_HANDS) {
		int rc = pthread_create(&h->threads[h->count], NULL, work, h);
		if (rc)
			return h->count ? 0 : -rc;
		pthread_setname_np(h->threads[h->count], "zone-hand");
		h->count++;
	}
	return 0;
}

bool hf_hands_are_open(const struct hf_hands *h)
{
	return h && h->count;
}

bool hf_hands_are_over(const struct hf_hands *h)
{
	return h && h->over;
}

void hf_hands_give(struct hf_hands *h, struct hf_job *job)
{
	pthread_mutex_lock(&h->lock);
	put(&h->waiting, job);
	pthread_cond_signal(&h->news);
	pthread_mutex_unlock(&h->lock);
}

void hf_hands_take(struct hf_hands *h, hf_us now)
{
	struct hf_job *job;
	do {
		pthread_mutex_lock(&h->lock);
		job = get(&h->ready);
		pthread_mutex_unlock(&h->lock);
		if (job)
			job->done(job, now);
	} while (job);
}

void hf_hands_close(struct hf_hands *h)
{
	struct hf_job *job;
	if (!h)
		return;
	pthread_mutex_lock(&h->lock);
	h->over = true;
	pthread_cond_broadcast(&h->news);
	pthread_mutex_unlock(&h->lock);
	for (unsigned i = 0; i < h->count; i++)
		pthread_join(h->threads[i], NULL);
	h->count = 0;
	while ((job = get(&h->waiting)))
		put(&h->ready, job);
	hf_hands_take(h, hf_loop_now(h->loop));
}

void hf_hands_free(struct hf_hands *h)
{
	if (!h)
		return;
	hf_hands_close(h);
	pthread_mutex_destroy(&h->lock);
	pthread_cond_destroy(&h->news);
	free(h);
}

/* ---- what jobs read ---- */

struct hf_loan {
	unsigned refs;
	void *owner;
	void (*release)(void *owner);
};

int hf_loan_new(void *owner, void (*release)(void *owner), struct hf_loan **ret)
{
	struct hf_loan *loan = calloc(1, sizeof *loan);
	if (!loan)
		return -ENOMEM;
	*loan = (struct hf_loan){.refs = 1, .owner = owner, .release = release};
	*ret = loan;
	return 0;
}

struct hf_loan *hf_loan_ref(struct hf_loan *loan)
{
	if (loan)
		loan->refs++;
	return loan;
}

void hf_loan_unref(struct hf_loan *loan)
{
	if (!loan || --loan->refs)
		return;
	if (loan->release)
		loan->release(loan->owner);
	free(loan);
}

void hf_loan_forget(struct hf_loan *loan)
{
	if (loan)
		loan->release = NULL;
	hf_loan_unref(loan);
}
