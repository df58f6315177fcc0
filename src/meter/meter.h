/* SPDX-License-Identifier: GPL-3.0-or-later */
/* meter.h - what is counted, a row each; every worker counts for itself.
 *
 * Story: a counter is a row in a table (name, labels, help) and a number per
 * worker. A worker adds to its own block with plain stores; whoever wants to
 * know sums the blocks of all. No lock, no shared cache line, no read-modify-
 * write instruction.
 * What upstreams are like is known to all workers together: those gauges lie in
 * the first worker's block, whoever sets them.
 * Histograms have fixed bounds: one array index a sample.
 * Upstreams have a *slot*: a small number that stays with an upstream's name
 * over reloads, so that its figures do.
 * Knows:   rows and numbers; nobody who counts.
 * Threads: hf_count and friends from the block's owner only; hf_meter_* readers
 * from any thread: each number is whole, their sum is not one instant.
 * At the bound: slots above HF_SLOTS_MAX do not exist; the caller recycles. */
#ifndef HF_METER_METER_H
#define HF_METER_METER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

enum hf_counter {
	HF_COUNT_CACHE_HITS,
	HF_COUNT_CACHE_MISSES,
	HF_COUNT_CACHE_CUT_HITS, /* NXDOMAIN from an ancestor, RFC 8020 */
	HF_COUNT_CACHE_STALE,    /* answers given past their TTL, RFC 8767 */
	HF_COUNT_CACHE_STORES,
	HF_COUNT_CACHE_TOO_LARGE,
	HF_COUNT_JOINED,       /* questions that joined a flight under way */
	HF_COUNT_PREFETCHED,   /* asked with nobody waiting: refreshes */
	HF_COUNT_HELD,         /* sudden denials that were not believed (hold-good) */
	HF_COUNT_ON_TRIAL,     /* answers that others or a proof had to show to be true */
	HF_COUNT_HELD_REFUSED, /* ... not believed for want of room to hold them */
	HF_COUNT_WITHDRAWN,    /* ... given before their proof, which then failed */
	HF_COUNT_SWEPT,        /* ... of the cache, that a reload's expectations rule out */
	HF_COUNT_FAILURES,     /* failures that were remembered (RFC 9520) */
	HF_COUNT_ASKED,        /* distinct questions for which an upstream was asked */
	HF_COUNT_RETIRED,      /* answers refused because they give a retired address */
	HF_COUNT_REBIND,       /* public names that were given private addresses, and refused */
	HF_COUNT_MALFORMED,
	HF_COUNT_SILENCED,       /* packets that deserved no answer */
	HF_COUNT_REFUSED_CLIENT, /* not in clients.allow */
	HF_COUNT_TRUNCATED,
	HF_COUNT_OVERLOAD,       /* answered SERVFAIL at a bound of ours */
	HF_COUNT_OVERLOAD_ROUTE, /* not taken up, for their route has its part of the place */
	HF_COUNT_OVERLOAD_STALE, /* not taken up, and answered from what is old */
	HF_COUNT_STRAY,          /* messages from upstreams that nobody waits for */
	HF_COUNT_SEND_LOST,      /* replies that the kernel had no room for */
	HF_COUNT_TCP_ACCEPTED,
	HF_COUNT_TCP_CLOSED_IDLE,
	HF_COUNT_TCP_CLOSED_STALLED,
	HF_COUNT_TCP_CLOSED_LIMIT,
	HF_COUNT_TLS_HANDSHAKES,
	HF_COUNT_TLS_RESUMED,
	HF_COUNT_TLS_FAILED,
	HF_COUNT_TLS_REFUSED,
	HF_COUNT_PROOFS_HELD,           /* addresses that showed a certificate for the name */
	HF_COUNT_PROOFS_FAILED,         /* ... that showed another */
	HF_COUNT_PROOFS_MISSING,        /* ... that showed none, or for which there was no room */
	HF_COUNT_PROOFS_REMEMBERED,     /* proofs that were known already */
	HF_COUNT_INTERCEPT_PROBES,      /* questions to truth.intercept-probe */
	HF_COUNT_INTERCEPTED,           /* ... that somebody in the path has answered */
	HF_COUNT_AS_ONE,                /* pairs of upstreams found to give one name */
	HF_COUNT_ZONE_ANSWERS,          /* answered with authority, with records */
	HF_COUNT_ZONE_DENIALS,          /* ... that there are none */
	HF_COUNT_ZONE_REFERRALS,        /* ... with a delegation */
	HF_COUNT_LOCAL_ANSWERS,         /* from local data and hosts files */
	HF_COUNT_ZONE_LED_OUT,          /* ... with an alias out of the zone, followed from here */
	HF_COUNT_ZONE_LED_IN,           /* an upstream's alias into a zone, gone on with there */
	HF_COUNT_ZONE_WITHHELD,         /* SERVFAIL, for the zone may not be served */
	HF_COUNT_ZONE_DROPPED,          /* ... no reply at all, by policy */
	HF_COUNT_NOTIFY_HEARD,          /* NOTIFY messages that were heard */
	HF_COUNT_NOTIFY_REFUSED,        /* ... of others */
	HF_COUNT_TRANSFERS_WHOLE,       /* transfers to secondaries, of all of a zone */
	HF_COUNT_TRANSFERS_DIFFERENCES, /* ... of what has changed */
	HF_COUNT_TRANSFERS_NOTHING,     /* ... of the SOA record alone */
	HF_COUNT_TRANSFERS_REFUSED,     /* ... of others */
	HF_COUNT_TSIG_BAD,              /* requests whose signature was not good */
	HF_COUNTERS
};

enum hf_gauge {             /* like counters, but they also go down */
	HF_GAUGE_IN_FLIGHT, /* questions that wait for an upstream ("request list") */
	HF_GAUGE_WAITING,   /* clients that wait for them */
	HF_GAUGE_TCP_OPEN,
	HF_GAUGE_TLS_OPEN,
	HF_GAUGE_PROOFS_WAITING, /* addresses that are to show a certificate */
	HF_GAUGE_INTERCEPTED,    /* 1: somebody in the path answers for others */
	HF_GAUGE_CONNECTIONS,    /* to upstreams, that questions wait on */
	HF_GAUGES
};

enum hf_upstream_counter {
	HF_UP_PACKETS_OUT,
	HF_UP_PACKETS_IN,
	HF_UP_TIMEOUTS,
	HF_UP_ERRORS,     /* no way there, ICMP, refused or broken connections */
	HF_UP_SERVFAIL,   /* SERVFAIL, REFUSED, NOTIMP, FORMERR */
	HF_UP_MISMATCHED, /* right address, wrong id, question or case: dropped */
	HF_UP_UNCOOKIED,  /* all right but the cookie, wrong or missing: dropped */
	HF_UP_MALFORMED,
	HF_UP_TRUNCATED,    /* had to go on over TCP */
	HF_UP_RETRIES,      /* messages because another was late or failed */
	HF_UP_HEDGES,       /* ... because another took long */
	HF_UP_PROBES,       /* ... to see whether it answers again */
	HF_UP_QUEUED_TOTAL, /* messages that had to wait for room in a budget */
	HF_UP_EVICTED,      /* ... and found none */
	HF_UP_LIES,         /* answers that were not believed */
	HF_UP_QUARANTINES,  /* how often it was put in quarantine for them */
	HF_UP_CANARIES,     /* names that cannot exist of which it said something */
	HF_UP_AGREED,       /* second opinions of its that said the same as the first */
	HF_UP_DIFFERED,     /* ... that differed by design */
	HF_UP_CONTRADICTED, /* ... that differed, and nothing explains it */
	HF_UP_OLDER,        /* ... from an older zone */
	HF_UP_ABSURD_TTLS,  /* answers, of those compared, with a TTL of over a week */
	HF_UP_LAME,         /* times that it was found to answer for no name of a zone */
	HF_UP_FOREIGN,      /* records left off: they belonged to another question */
	HF_UP_CROWDED,      /* messages not sent: no connection was left for it, or for its route */
	HF_UP_COUNTERS
};

enum hf_upstream_gauge {
	HF_UP_RTT_US,           /* smoothed; 0: unknown */
	HF_UP_STATE,            /* enum hf_health_state */
	HF_UP_IN_FLIGHT,        /* attempts under way */
	HF_UP_DUE,              /* 1: not in use, but its rest is over: the next question tells */
	HF_UP_QUEUED,           /* messages that wait for room in a budget */
	HF_UP_QUEUED_QUESTIONS, /* ... of clients, for the first time: enum hf_queue_kind */
	HF_UP_QUEUED_REFRESHES, /* ... that nobody waits for */
	HF_UP_QUEUED_COPIES,    /* ... retries, hedges and the like */
	HF_UP_QUEUED_PROBES,    /* ... */
	HF_UP_QUEUE_CLIENTS,    /* clients that they belong to */
	HF_UP_ROOM,             /* packets that may go out at this instant; -1: any number */
	HF_UP_LIMIT,            /* packets/s that it may be sent, by budget or found cap; 0: any */
	HF_UP_CAP,              /* replies/s at which it was found to be capped; 0: not found */
	HF_UP_TOKENS,           /* copies that may go out at this instant */
	HF_UP_SINCE,            /* instant, us, at which it came into its state */
	HF_UP_QUARANTINED,      /* suffixes that it is not asked for because it lied */
	HF_UP_DISTRUSTED,       /* 1: it is not asked for anything because it lied */
	HF_UP_LATE_ZONES,       /* zones of which it has an older version than its fellows */
	HF_UP_COOKIES,          /* enum hf_cookie_habit */
	HF_UP_GAUGES
};

enum hf_transport { HF_TRANSPORT_UDP, HF_TRANSPORT_TCP, HF_TRANSPORT_TLS, HF_TRANSPORTS };

#define HF_METER_TYPES 16 /* see hf_meter_type_name; the last is "other" */
#define HF_METER_RCODES 8 /* see hf_meter_rcode_name; the last is "other" */
#define HF_SLOTS_MAX 1024
#define HF_DURATION_BUCKETS 16 /* the last has no upper bound */

struct hf_histogram {
	_Atomic uint64_t buckets[HF_DURATION_BUCKETS]; /* not cumulative */
	_Atomic uint64_t sum_us;
};

struct hf_upstream_meter {
	_Atomic uint64_t counters[HF_UP_COUNTERS];
	_Atomic int64_t gauges[HF_UP_GAUGES];
};

struct hf_meter { /* one worker's block; allocated zeroed, aligned to 64 */
	_Atomic uint64_t counters[HF_COUNTERS];
	_Atomic int64_t gauges[HF_GAUGES];
	_Atomic uint64_t queries[HF_TRANSPORTS][HF_METER_TYPES];
	_Atomic uint64_t replies[HF_TRANSPORTS][HF_METER_RCODES];
	struct hf_histogram duration[HF_TRANSPORTS];
	struct hf_upstream_meter upstreams[HF_SLOTS_MAX];
};

/* A row: how a number is shown. Families follow Prometheus' naming rules. Gauges of
 * upstreams that share a family follow each other: the first has the help. */
struct hf_meter_row {
	const char *family; /* "holdfast_cache_hits_total" */
	const char *help;
	const char *label; /* besides the upstream; NULL: none */
};

extern const struct hf_meter_row hf_counter_rows[HF_COUNTERS];
extern const struct hf_meter_row hf_gauge_rows[HF_GAUGES];
extern const struct hf_meter_row hf_upstream_counter_rows[HF_UP_COUNTERS];
extern const struct hf_meter_row hf_upstream_gauge_rows[HF_UP_GAUGES];
extern const hf_us hf_duration_bounds[HF_DURATION_BUCKETS - 1]; /* upper, inclusive */
extern const char *const hf_transport_names[HF_TRANSPORTS];

static inline void hf_meter_add(_Atomic uint64_t *counter, uint64_t n)
{
	/* One writer: a load and a store, no locked instruction. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
		memory_order_relaxed);
}

static inline void hf_count(struct hf_meter *meter, enum hf_counter counter)
{
	hf_meter_add(&meter->counters[counter], 1);
}

static inline void hf_count_upstream(
	struct hf_meter *meter, unsigned slot, enum hf_upstream_counter counter)
{
	hf_meter_add(&meter->upstreams[slot].counters[counter], 1);
}

static inline void hf_gauge_set(_Atomic int64_t *gauge, int64_t value)
{
	atomic_store_explicit(gauge, value, memory_order_relaxed);
}

/* A question came in. */
void hf_meter_query(struct hf_meter *meter, enum hf_transport transport, uint16_t type);

/* A reply went out, `took` after its question came in. */
void hf_meter_reply(
	struct hf_meter *meter, enum hf_transport transport, unsigned rcode, hf_us took);

/* Where a type or an rcode is counted: below HF_METER_TYPES, HF_METER_RCODES. */
unsigned hf_meter_type_index(uint16_t type);
unsigned hf_meter_rcode_index(unsigned rcode);

const char *hf_meter_type_name(unsigned index);  /* "A" ... "other" */
const char *hf_meter_rcode_name(unsigned index); /* "NOERROR" ... "other" */

#endif
