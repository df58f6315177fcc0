/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/note.h"

/* The cell with all but what it is about. */
static struct hf_decision *write_down(struct hf_worker *worker, enum hf_decided what, unsigned why,
	int64_t a, int64_t b, hf_us now)
{
	struct hf_decision *d = hf_diary_next(worker->diary, what);
	d->at = now;
	d->flight = 0;
	d->since = 0;
	d->a = hf_decision_figure(a);
	d->b = hf_decision_figure(b);
	d->slot = d->other = HF_DECISION_NOBODY;
	d->why = (uint8_t)why;
	return d;
}

void hf_note_flight(
	const struct flight *f, enum hf_decided what, unsigned why, int64_t a, int64_t b, hf_us now)
{
	const struct hf_question *question = &f->base.question;
	struct hf_decision *d = write_down(f->worker, what, why, a, b, now);
	d->flight = f->number;
	d->since = (uint32_t)(now - f->base.query.began);
	hf_decision_about(
		d, question->name.bytes, question->name.len, f->base.query.name, question->type);
}

void hf_note_question(struct hf_worker *worker, const struct hf_cache_key *key,
	enum hf_decided what, int64_t a, int64_t b, hf_us now)
{
	struct hf_decision *d = write_down(worker, what, 0, a, b, now);
	hf_decision_about(d, key->name->bytes, key->name->len, (uint32_t)key->name_hash, key->type);
}
