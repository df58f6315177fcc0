/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/note.h"

/* The cell with all but what it is about. */
static struct hf_decision *write_down(struct hf_worker *worker, enum hf_decided what, unsigned why,
	int64_t a, int64_t b, hf_us now)
{
	struct hf_decision *d = hf_diary_next(worker->diary, what);
	d->at = now;
	d->client = 0;
	d->unsaid = 0;
	d->flight = 0;
	d->since = 0;
	d->a = hf_decision_figure(a);
	d->b = hf_decision_figure(b);
	d->slot = d->other = HF_DECISION_NOBODY;
	d->why = (uint8_t)why;
	return d;
}

static struct hf_decision *about_flight(
	const struct flight *f, enum hf_decided what, unsigned why, int64_t a, int64_t b, hf_us now)
{
	const struct hf_question *question = &f->base.question;
	struct hf_decision *d = write_down(f->worker, what, why, a, b, now);
	d->flight = f->number;
	d->client = f->base.query.account;
	d->since = (uint32_t)(now - f->base.query.began);
	hf_decision_about(
		d, question->name.bytes, question->name.len, f->base.query.name, question->type);
	return d;
}

void hf_note_flight(
	const struct flight *f, enum hf_decided what, unsigned why, int64_t a, int64_t b, hf_us now)
{
	about_flight(f, what, why, a, b, now);
}

void hf_note_joined(const struct flight *f, uint64_t client, hf_us now)
{
	about_flight(f, HF_DECIDED_JOIN, 0, (int64_t)f->base.waiter_count,
		(int64_t)f->worker->inflight.waiters_max, now)
		->client = client;
}

void hf_note_question(struct hf_worker *worker, const struct hf_cache_key *key,
	enum hf_decided what, int64_t a, int64_t b, hf_us now)
{
	struct hf_decision *d = write_down(worker, what, 0, a, b, now);
	hf_decision_about(d, key->name->bytes, key->name->len, (uint32_t)key->name_hash, key->type);
	worker->noted = d;
}

void hf_note_client(struct hf_worker *worker, uint64_t client)
{
	if (worker->noted)
		worker->noted->client = client;
	worker->noted = NULL;
}

void hf_note_away(struct hf_worker *worker, const struct hf_cache_key *key, uint64_t client,
	enum hf_decided_away why, size_t there, size_t most, hf_us now)
{
	if (now - worker->away_since >= HF_SECOND || now < worker->away_since) {
		worker->away_since = now;
		worker->away_lines = 0;
	}
	if (worker->away_lines >= HF_DECIDED_AWAY_MOST) {
		worker->away_unsaid += worker->away_unsaid < UINT32_MAX;
		return;
	}
	worker->away_lines++;
	struct hf_decision *d =
		write_down(worker, HF_DECIDED_TURN_AWAY, why, (int64_t)there, (int64_t)most, now);
	hf_decision_about(d, key->name->bytes, key->name->len, (uint32_t)key->name_hash, key->type);
	d->client = client;
	d->unsaid = worker->away_unsaid;
	worker->away_unsaid = 0;
}
