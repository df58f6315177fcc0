/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inside.h - what a worker consists of. Private to engine/.
 *
 * The parts of the engine share this one struct: worker.c (life, questions in),
 * flight.c and its neighbours (questions on their way: flight_inside.h) and answer.c
 * (answers out, between workers).
 * Threads: everything but the mailbox belongs to the worker's own thread. */
#ifndef HF_ENGINE_INSIDE_H
#define HF_ENGINE_INSIDE_H

#include "base/share.h"
#include "cache/cache.h"
#include "engine/client.h"
#include "engine/hot.h"
#include "engine/mailbox.h"
#include "engine/anchors.h"
#include "engine/plan.h"
#include "engine/prove.h"
#include "engine/upstreams.h"
#include "forward/inflight.h"
#include "loop/loop.h"
#include "meter/decision.h"
#include "meter/event.h"
#include "meter/meter.h"
#include "transport/tcp.h"
#include "transport/udp.h"

#define HF_WORKERS_MAX 256

struct hf_team {
	unsigned size;
	struct hf_cache *cache;
	struct hf_upstreams *upstreams;
	struct hf_anchors *anchors;
	struct {                     /* of each shard: sweep.h */
		_Atomic hf_us since; /* what came later was held against what is expected now */
		_Atomic uint64_t
			adopted;        /* ... under this plan, or one with the same expectations */
		_Atomic uint64_t swept; /* what came earlier too */
		_Atomic hf_us believed; /* failures from before may have come of another belief */
	} sweeps[HF_WORKERS_MAX];
	struct hf_worker *workers[];
};

#define HF_WARM_RECENT 256

struct hf_recent { /* what was refreshed before its end, and when */
	uint64_t hash;
	hf_us at;
};

struct hf_heat { /* what was said of hot answers: heat.c */
	struct hf_recent recent[HF_WARM_RECENT];
	hf_us since;
	unsigned told;
};

struct hf_sweep {       /* what is in the cache, looked at again: sweep.c */
	bool doubts;    /* nothing of it is given before it has been judged */
	bool retires;   /* ... also by the addresses that are retired */
	bool rebinds;   /* ... also by what is refused of private addresses */
	bool under_way; /* in our shard */
	uint64_t slot;
	struct hf_timer timer;
	struct hf_plan *before; /* by which what is there was believed; NULL: nobody knows */
};

struct hf_zones;

struct hf_worker {
	struct hf_team *team;
	unsigned index;
	struct hf_loop *loop;
	struct hf_meter *meter;
	struct hf_event_ring *events;
	struct hf_diary *diary;  /* what was decided about questions; our own */
	struct hf_decision *noted; /* in it, the last that wants to know its client: note.h */
	hf_us away_since;        /* the second that lines about who was turned away are counted in */
	uint32_t away_lines, away_unsaid;
	uint32_t flights_begun;  /* the number of the last */
	struct hf_plan *plan;
	struct hf_zones *zones; /* what is answered without us (zone/zones.h), or NULL */
	const struct hf_hot *hot; /* NULL: nobody takes hot answers */
	void *hot_ctx;
	const struct hf_client *client;
	void *client_ctx;
	void (*turned)(void *ctx, hf_us now);
	void *turned_ctx;
	struct hf_mailbox mailbox;
	struct hf_inflight inflight;
	struct hf_udp_pool *udp;
	struct hf_tcp_pool *tcp;
	struct hf_prove_tls *tls; /* how it looks at addresses; NULL: as its maker has it */
	struct hf_prover *prover; /* NULL: nothing can be proven */
	struct flight *flights; /* all that are up */
	struct flight *spare;   /* some that were */
	unsigned spares;
	int64_t waiting;        /* clients of ours that wait for an answer */
	unsigned lingering;     /* flights that have their answer and listen on */
	unsigned check_slot;    /* of an upstream that is to be checked, plus 1: alive.h */
	unsigned inquiries;     /* flights for questions of our own: inquiry.h */
	unsigned standing;      /* questions that wait for room in a budget */
	struct hf_hold *probations; /* answers given before their proof: hold.h */
	size_t held_octets;         /* of all answers that are held */
	struct hf_share held_by_client, held_by_name; /* ... for whom, and of which expectation */
	struct hf_recent recent[HF_WARM_RECENT];
	struct hf_heat heat;
	struct hf_sweep sweep;
	size_t warm_next;       /* the last name of keep-warm that was looked at */
	struct hf_timer pump;   /* when there may be some */
	struct hf_timer truth;  /* when to look whether a probe is due: truth.c */
	uint64_t truth_swept;   /* hf_upstreams.adoptions that quarantines were last held against */
	struct hf_lames *lames; /* questions about zones: lames.h; NULL: none yet */
	struct hf_canaries *canaries; /* the first worker's */
	struct hf_elders *elders;     /* the first worker's */
	struct hf_intercept *intercept; /* the first worker's */
	struct hf_identifier *identifier; /* the first worker's */
	hf_us sample_due[2];    /* when the next answer is compared; of what is expected: second.c */
	struct hf_round *rounds; /* that are up */
	struct hf_vouching *vouchings;
	unsigned rounds_up;
	struct hf_cached scratch;
	uint8_t scratch_wire[HF_MESSAGE_MAX + HF_OPT_ROOM];
	uint16_t scratch_ttl_at[HF_RECORDS_MAX];
	hf_us retired_told; /* when it was last told of a retired address; 0: never */
	hf_us crowded_told; /* when it was last told of a want of connections; 0: never */
	hf_us rebind_told; /* when it was last told of a private address; 0: never */
	uint8_t tidied[HF_MESSAGE_MAX]; /* the reply that is being looked at, if it was not tidy */
};

/* The worker's one copy of a kept answer, blank; good until the next use. */
static inline struct hf_cached *hf_scratch(struct hf_worker *worker)
{
	worker->scratch = (struct hf_cached){
		.kept = { .wire = worker->scratch_wire, .ttl_at = worker->scratch_ttl_at },
		.wire_cap = HF_MESSAGE_MAX,
		.ttl_cap = HF_RECORDS_MAX,
	};
	return &worker->scratch;
}

#endif
