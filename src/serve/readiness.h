/* SPDX-License-Identifier: GPL-3.0-or-later */
/* readiness.h - should this node get questions? One machine for the process.
 *
 * Story: whoever stands in front of several nodes (keepalived, a route that BIRD
 * announces, a load balancer) asks one thing: may clients be sent here? Ready means "can
 * still answer truthfully". Somebody *looks* a few times a second and puts down every
 * reason against it; each has a *weight*:
 *
 *   at once  an answer from here could be false, or none comes at all: a zone that is
 *            behind, unproven or expired, sampled records that differ from those of most
 *            siblings, the end of the process. The node is withdrawn at this look.
 *   slow     answers are missing: withdrawn when it has been so for `fall`, and not
 *            before the node has been ready for `hold`.
 *   noted    said, and no more: a dead upstream while there is enough to answer from.
 *
 * It returns when nothing with a weight has been seen for `rise`, and it has been
 * withdrawn for `hold`. So it does not flap: two changes to "ready" are never closer than
 * `hold`. At the start it is not ready and comes in after `rise`; a process that dies
 * and is started again and again does not get in between.
 *
 * Upstreams: if all nodes are cut off from the same upstreams, withdrawing all of them
 * makes an outage of one that nobody would have noticed. So with `upstreams: any` one route
 * that works, or `held` answers in the cache, are enough.
 *
 * Knows:   reasons and instants.  Never: who is told, how anything was found out.
 * Threads: one owner, pure.
 * At the bound: HF_REASONS_MAX reasons are kept; further ones count, with their weight, and
 * are only told as a number. Texts are cut to fit. */
#ifndef HF_SERVE_READINESS_H
#define HF_SERVE_READINESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/option.h"
#include "base/time.h"

#define HF_REASONS_MAX 32
#define HF_REASON_WHAT_MAX 128
#define HF_REASON_TEXT_MAX 256

enum hf_reason_kind {
	HF_REASON_STARTUP,  /* not looked at for long enough since the start */
	HF_REASON_SETTLING, /* good again, and not yet for long enough */
	HF_REASON_UPSTREAM,
	HF_REASON_ZONE,
	HF_REASON_SIBLING,
	HF_REASON_CLOCK,
	HF_REASON_DRAINING,
	HF_REASON_KINDS
};

enum hf_reason_weight { HF_REASON_NOTED, HF_REASON_SLOW, HF_REASON_AT_ONCE };

struct hf_reason {
	enum hf_reason_kind kind;
	enum hf_reason_weight weight;
	char what[HF_REASON_WHAT_MAX]; /* the zone; "" if there is nothing to name */
	char text[HF_REASON_TEXT_MAX]; /* a sentence without a full stop */
};

enum hf_ready_upstreams { HF_READY_ANY, HF_READY_ALL, HF_READY_NONE };

struct hf_ready_conf { /* `ready:` */
	hf_us rise, fall, hold;
	int upstreams; /* enum hf_ready_upstreams */
	uint32_t held; /* answers in the cache that do for an upstream; 0: none do */
	struct hf_text_list on_ready, on_withdraw; /* a command and its arguments; may be empty */
	hf_us timeout;                             /* of a command */
	hf_us linger;                              /* from withdrawal at the end to drain */
	struct hf_address agent;                   /* family 0: none */
};
extern const struct hf_option hf_ready_options[];

/* What was seen at one instant. */
struct hf_look {
	size_t routes, routes_usable; /* usable: one of its upstreams may be asked */
	uint64_t held;                /* answers in the cache; 0 if old ones may not be given */
	size_t reason_count, left_out;
	size_t kinds[HF_REASON_KINDS]; /* how many of each, those left out included */
	enum hf_reason_weight worst_left_out;
	struct hf_reason reasons[HF_REASONS_MAX]; /* last: those that are not there are not set */
};

/* Has seen nothing yet. */
static inline void hf_look_begin(struct hf_look *look)
{
	memset(look, 0, offsetof(struct hf_look, reasons));
}

/* There are few reasons, mostly none: so most of a look need not be copied. */
static inline void hf_look_copy(struct hf_look *to, const struct hf_look *from)
{
	memcpy(to, from,
		offsetof(struct hf_look, reasons) + from->reason_count * sizeof from->reasons[0]);
}

/* Puts down a reason; what may be NULL. */
__attribute__((format(printf, 5, 6))) void hf_look_add(struct hf_look *look,
	enum hf_reason_kind kind, enum hf_reason_weight weight, const char *what,
	const char *format, ...);

struct hf_readiness {
	hf_us rise, fall, hold;
	int upstreams;
	uint32_t held;
	bool ready, ever;            /* now; at some time since the start */
	hf_us since;                 /* it is as it is */
	hf_us good_since, bad_since; /* HF_READINESS_UNSEEN: it is not so */
	uint64_t changes;
};
#define HF_READINESS_UNSEEN INT64_MIN

void hf_readiness_init(struct hf_readiness *readiness, const struct hf_ready_conf *conf, hf_us now);

/* Goes by other figures from the next look on. */
void hf_readiness_adopt(struct hf_readiness *readiness, const struct hf_ready_conf *conf);

/* Judges. Gives reasons about upstreams their weight and, if nothing is the matter but
 * time, adds the reason that says so. True: readiness->ready has changed. */
bool hf_readiness_judge(struct hf_readiness *readiness, struct hf_look *look, hf_us now);

/* "upstream", "zone" ... */
const char *hf_reason_kind_name(enum hf_reason_kind kind);

/* The weightiest reason, or NULL: what a single line is to say. */
const struct hf_reason *hf_look_worst(const struct hf_look *look);

#endif
