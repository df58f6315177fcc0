/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/making.h"

#include <stdlib.h>

#include "base/error.h"

/* Some eight thousand records, made in ten milliseconds: less is not worth the way. */
#define LARGE (1u << 20)

struct hf_making {
	struct hf_job job;        /* first */
	struct hf_making **place; /* NULL: nobody wants it any more */
	struct hf_hands *hands;
	struct hf_transfer *transfer;
	hf_making_done *done;
	void *ctx;
	struct hf_made made;
};

static void run(struct hf_job *job)
{
	struct hf_making *m = (struct hf_making *)job;
	m->made.rc = hf_transfer_zone(m->transfer, &m->made.zone, &m->made.differences);
}

static void done(struct hf_job *job, hf_us now)
{
	struct hf_making *m = (struct hf_making *)job;
	if (m->place)
		*m->place = NULL;
	m->made.why = hf_transfer_why(m->transfer);
	if (m->place && m->made.rc != -ECANCELED && !hf_hands_are_over(m->hands))
		m->done(m->ctx, &m->made, now);
	else
		hf_zone_unref(m->made.zone);
	hf_transfer_free(m->transfer);
	free(m);
}

int hf_making_begin(struct hf_hands *hands, struct hf_transfer *transfer, hf_making_done *tell,
	void *ctx, struct hf_making **place, hf_us now)
{
	struct hf_making *m = calloc(1, sizeof *m);
	if (!m) {
		hf_transfer_free(transfer);
		return -ENOMEM;
	}
	*m = (struct hf_making){.job = {.run = run, .done = done},
		.place = place,
		.hands = hands,
		.transfer = transfer,
		.done = tell,
		.ctx = ctx,
		.made = {.rc = -ECANCELED}};
	*place = m;
	if (hf_hands_are_open(hands) && hf_transfer_memory(transfer) >= LARGE) {
		hf_hands_give(hands, &m->job);
		return 0;
	}
	run(&m->job);
	done(&m->job, now);
	return 0;
}

void hf_making_end(struct hf_making **place)
{
	if (*place)
		(*place)->place = NULL;
	*place = NULL;
}
