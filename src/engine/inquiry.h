/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inquiry.h - one question to one upstream, for our own sake.
 *
 * Story: a second opinion, a canary, a probe of one that lied, the check of a name at
 * start: a question for no client, to the upstream that is meant and to no other. It
 * travels as any question does: random port, id and case, TCP for what was cut, within
 * every budget; what it shows of the upstream's health counts. But nobody may join it,
 * no other upstream takes its place, and what is answered goes to who asked and never
 * into the cache.
 * To an upstream that has said nothing to anybody since, such a question goes twice and no
 * more, unless it is urgent. An upstream that rests is not asked. One inquiry that is not `urgent` takes a token of
 * the retry budget, the upstream's and everybody's, and is given up if there is none, or
 * no room: so however many there are to be made, an upstream sees no more of them
 * than of other copies.
 * Ownership: an inquiry is embedded in its owner's struct, and must be forgotten before
 * that memory goes, unless it has been heard.
 * Threads: the worker's own.
 * At the bound: as for any flight (worker.h): HF_EBOUND. */
#ifndef HF_ENGINE_INQUIRY_H
#define HF_ENGINE_INQUIRY_H

#include "forward/query.h"
#include "wire/message.h"

struct hf_worker;

struct hf_heard {
	bool answered; /* a positive answer or a denial; else the rest says why not */
	const uint8_t *m; /* the message, good until the call returns; NULL: none */
	size_t len;
	const struct hf_message_view *view;
	enum hf_query_cause cause;
	int32_t ede;   /* that the upstream gave with its failure, or HF_EDE_NONE */
	hf_us took;    /* since it was begun */
};

struct hf_inquiry {
	/* Once, and not before hf_inquire has returned, unless the worker ends first. */
	void (*heard)(struct hf_inquiry *inquiry, const struct hf_heard *heard, hf_us now);
	struct flight *flight; /* private; NULL: not under way */
};

struct hf_asked {
	const struct hf_route *route; /* of the worker's plan */
	unsigned upstream;            /* its place in the route */
	struct hf_question question;  /* lowered */
	uint8_t flags;                /* HF_CACHE_DO, HF_CACHE_CD */
	bool urgent;                  /* counts as a question of a client, not as a copy */
	bool check;                   /* urgent, and shows whether it is alive: health.h */
};

/* Begins one. HF_EBOUND, -ENOMEM: it has not begun, and will not be heard. */
int hf_inquire(struct hf_worker *worker, struct hf_inquiry *inquiry, const struct hf_asked *asked,
	hf_us now);

void hf_inquiry_forget(struct hf_inquiry *inquiry); /* not under way is fine */

#endif
