/* SPDX-License-Identifier: GPL-3.0-or-later */
/* examiner.h - an examination without a server.
 *
 * Story: a team of one worker with a loop, a small cache and a plan of its own, made for
 * one examination and ended after it: before a server starts, and on the command line
 * of a host where none runs. Upstreams see what they would see of a server with this
 * configuration; its budgets hold.
 * Ownership: conf stays the caller's and outlives what is handed back.
 * Threads: blocks the caller's, for `longest` and a little more at most. */
#ifndef HF_ENGINE_EXAMINER_H
#define HF_ENGINE_EXAMINER_H

#include "engine/examine.h"
#include "engine/explain.h"

struct hf_examiner_conf {
	const struct hf_forward_conf *forward;
	const struct hf_cache_conf *cache; /* its size counts for nothing */
	hf_us longest;
	/* Each message that answers, while it is there; may be NULL. */
	void (*heard)(void *ctx, const struct hf_question *question, const uint8_t *m,
		const struct hf_message_view *view);
	void *ctx;
	/* For a story: names of our own zones, of which nobody is asked; NULL: none. It is needed
	 * for as long as the story. */
	const struct hf_zone_rules *zones;
	int interrupt; /* a descriptor: once it can be read, the examination ends; or -1 */
};

/* All questions to all upstreams. -ECANCELED: it was interrupted; -ENOMEM, -EMFILE. */
int hf_examiner_run(const struct hf_examiner_conf *conf, const struct hf_question *questions,
	size_t count, struct hf_examined **ret);

/* The story of one answer (explain.h), as a server without a cache would tell it. */
int hf_examiner_explain(const struct hf_examiner_conf *conf, const struct hf_question *question,
	struct hf_story **ret);

#endif
