/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inspect.h - questions of people to a server that is running.
 *
 * Story: what upstreams say of some names (examine.h), or the whole story of one
 * (explain.h), is found out by a worker between its other work, and told to whoever
 * wanted to know in that worker's thread. If the server ends first, it is told that
 * nothing came of it.
 * Ownership: the server owns what is under way; what is told is the receiver's.
 * Threads: begun by any; told by a worker's, or by the one that ends the server.
 * At the bound: HF_INSPECTIONS_MAX under way at once; then HF_EBOUND. */
#ifndef HF_SERVE_INSPECT_H
#define HF_SERVE_INSPECT_H

#include "engine/explain.h"
#include "engine/worker.h"
#include "serve/under_way.h"

/* People and their scripts: each may put its question to 64 upstreams. */
#define HF_INSPECTIONS_MAX 8

struct hf_inspect_conf {
	const struct hf_question *questions; /* lowered; copied */
	size_t count;
	bool story;    /* of the first question: how things stand, too */
	hf_us longest; /* to ask upstreams; 0: they are not asked */
	bool accuse;   /* who is found lying is kept out */
	/* Once, if hf_inspect returned 0. NULL and NULL: nothing came of it. */
	void (*told)(void *ctx, struct hf_story *story, struct hf_examined *examined);
	void *ctx;
};

/* `all`: the server's. 0, HF_EBOUND, -ENOMEM. */
int hf_inspect(
	struct hf_under_way *all, struct hf_worker *worker, const struct hf_inspect_conf *conf);

/* No worker's thread runs any more; the workers are still there. */
void hf_inspections_end(struct hf_under_way *all);

#endif
