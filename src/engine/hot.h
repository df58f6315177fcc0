/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hot.h - the door for a place that gives hot answers before the sockets see the question.
 *
 * Story: an answer that is asked for a third time since it came into the cache is *hot*:
 * it is published to whoever stands at this door (xdp/: a program at the driver), which
 * from then on gives it by itself. Only the worker that owns a name publishes its answers,
 * from its own look at the cache, and only it stores them; and before it stores anything
 * for a question, or removes it, what is published of that question is withdrawn, and with it
 * all denials of the name; before it stores or removes a denial of the name, all that is published
 * of it. So nothing older is ever published after something newer, and nothing older is given at
 * the door once the sockets may give the newer. What the name's other questions are answered
 * with stays, as it does in the cache: else who asks for ever other types of a name that many
 * want would keep it from the door. A worker that sees a hot answer of another's name tells
 * the owner, who looks for itself.
 *
 * An answer is published under the number of the plan by which it was looked up
 * (hf_plan.number); whoever gives it out goes by one plan's numbers only. That is how a
 * reload takes everything back at once.
 *
 * What lies in a zone of ours or has local data is not published, by the set of zones that
 * the worker goes by; nor is an answer with an alias that leads into such a zone. When a set
 * comes that answers for other names, each worker sweeps the door for them, and for all
 * aliases, after it has begun to go by it: when all have, nothing of them is left.
 *
 * Nobody stands at the door in the simulator, nor without `listen.xdp`: then a hit costs
 * one branch more, and a store too.
 * Threads: all functions are called by workers, the first two for their own names only, at any time
 * between hf_worker_set_hot and the end of the workers; they must not wait.
 * At the bound: a worker tells of so many answers of others in 100 ms, and of each at most
 * once; the rest stay with the sockets until they are asked for again. */
#ifndef HF_ENGINE_HOT_H
#define HF_ENGINE_HOT_H

#include "cache/cache.h"

/* Is this name not to be given any more? aliased: one of its answers holds an alias. */
typedef bool hf_hot_gone(const void *of, const struct hf_name *name, bool aliased);

struct hf_hot {
	/* An answer as it lies in the cache: fresh, and popular. key: the question's; what
	 * copy holds may also be the NXDOMAIN of its name. Repeats do no harm. */
	void (*publish)(void *ctx, const struct hf_cache_key *key, const struct hf_cached *copy,
		uint64_t plan, hf_us now);
	/* When this returns, nothing that was published of this question (name, type, DO and CD)
	 * is given any more, and no NXDOMAIN of its name; with HF_CACHE_NAME in the key's
	 * flags, nothing of the name. */
	void (*withdraw)(void *ctx, const struct hf_cache_key *key);
	/* The same of each name that `gone` says of; what others publish meanwhile may stay. As
	 * this may take milliseconds, nothing at all is given at the door until it is over. */
	void (*sweep)(void *ctx, hf_hot_gone *gone, const void *of);
};

#endif
