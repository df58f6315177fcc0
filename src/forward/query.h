/* SPDX-License-Identifier: GPL-3.0-or-later */
/* query.h - one question's life among its upstreams: events in, actions out.
 *
 * Story: a query is born with a route and asks the upstream that select.h puts
 * first. What comes back, or does not, is an event; what to do about it are
 * actions, which the engine carries out:
 *
 *   no room in a budget         stand in line (queue.h) until there is
 *   silence past the 95th       hedge: ask another as well
 *   percentile of this upstream
 *   silence past the time-out   ask the next; the old attempt stays open, for a
 *                               late answer is an answer
 *   unreachable                 ask the next at once; come back after a pause, and
 *                               if nothing is on its way meanwhile, say so
 *   all answer for no name      say so at once (upstream/lame.h)
 *   of the zone
 *   all rest                    wait until one may be asked, and say so
 *   not believed (TLS)          ask the next; not this one again
 *   SERVFAIL, REFUSED, lame     ask the next; not this one again
 *   an answer that is not       it is held (truth/): others are asked, or a proof is
 *   believed yet                waited for, and then another; when nobody is left that
 *                               is said, and what is held is ruled on
 *   a lie                       ask the next; not this one again; but who lies is
 *                               alive, and its health is none the worse for it
 *   a retired address           ask the next; not this one again; it has not lied
 *   blocked                     say so: all others would answer the same
 *   FORMERR or NOTIMP on EDNS   ask the same without EDNS
 *   truncated                   ask the same over TCP
 *   BADCOOKIE                   ask the same with the cookie that came with it; the second
 *                               time over TCP
 *   silence again and again     over UDP though it answers others: large answers
 *                               get lost on the way, so ask over TCP
 *   an answer                   done; who has not answered is listened to a little
 *                               longer, to know whether it is slow or silent
 *   patience over               say so, once: the engine may have an old answer
 *   deadline, or nobody left    fail, with the extended error that says why
 *
 * Every message after the first that is not forced by the protocol (TCP after a
 * truncated reply, no EDNS after FORMERR) or wanted by the operator (after a lie, or
 * where upstreams have to agree, the next who has not been asked) takes a token of the
 * retry budget, the upstream's and everybody's (and the route's, if it has one); who has
 * had more than his share of those leaves the last of them to others (upstream/fair.h).
 * Without one another upstream that is well takes its place, even one that was asked
 * before; if that has none either, it waits.
 * When another upstream of the route is due for a probe, it gets a copy of the
 * question; its answer counts like any other.
 *
 * Facts about upstreams are reported to health, rtt and size as they become known; each
 * decision is written into the caller's diary, if it keeps one.
 * Ownership: a query lies in its flight; it points to nothing.
 * At the bound: HF_SENDS_MAX messages a query, HF_QUERY_DEADLINE in all.
 * Never:   sockets, bytes, the clock, who the client is.
 * Threads: one owner; the upstreams' states by the caller's lock. */
#ifndef HF_FORWARD_QUERY_H
#define HF_FORWARD_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "forward/route.h"
#include "forward/verdict.h"
#include "meter/decision.h"
#include "truth/trial.h"
#include "upstream/select.h"

#define HF_SENDS_MAX 10
#define HF_ATTEMPTS_MAX HF_SENDS_MAX /* every message keeps its place */
#define HF_ACTIONS_MAX 8

/* Stubs give up after 5 s (glibc, c-ares); an answer must be there before. */
#define HF_QUERY_DEADLINE (4500 * HF_MS)

enum hf_send_reason {   /* why a message goes out; a row each in meter.c */
	HF_SEND_FIRST,  /* of its question */
	HF_SEND_RETRY,  /* another attempt failed, or is late */
	HF_SEND_HEDGE,  /* another attempt takes long */
	HF_SEND_PROBE,  /* a copy for an upstream that wants a look */
	HF_SEND_FOLLOW, /* the protocol wants it: TCP, no EDNS; or the truth */
	HF_SEND_REASONS
};

/* What a question is charged with, in packets of ours: a datagram; or SYN, ACK,
 * question, ACK, FIN, ACK of a connection. On one that is open already four are
 * given back (HF_QUERY_REUSED). */
#define HF_COST_UDP 1
#define HF_COST_TCP 6
#define HF_COST_TCP_REUSED 2

/* TLS adds, of ours: the hello, the finish with its alert or goodbye at the end, and their
 * acknowledgements. A session that is resumed costs the same number of packets. */
#define HF_COST_TLS 9

struct hf_attempt {
	bool open;      /* an answer may still come */
	bool held;      /* it has come, and is not believed yet; not open */
	bool queued;    /* it stands in line and has not been sent */
	bool late;      /* its time-out has passed */
	bool probe;
	bool edns;
	bool met;       /* over TLS: it went out at once, on a connection that was open */
	bool cookie;    /* it had a cookie: `client` */
	bool cookie_due; /* ... and a reply must have it */
	uint8_t client[HF_COOKIE_CLIENT];
	uint8_t upstream; /* index in the route */
	uint8_t cost;   /* packets that it was charged with */
	enum hf_channel channel;
	enum hf_send_reason reason;
	hf_us sent, due;
	hf_us charged;  /* the instant at which the budgets were */
	hf_us hedge;    /* when a second copy is worth it; HF_NEVER: not any more */
};

enum hf_query_cause { /* why nothing came of it; the last one counts */
	HF_CAUSE_NONE,
	HF_CAUSE_TIMEOUT,
	HF_CAUSE_UNREACHABLE,
	HF_CAUSE_UNSENT,
	HF_CAUSE_SERVFAIL,
	HF_CAUSE_REFUSED,
	HF_CAUSE_LAME,
	HF_CAUSE_GARBAGE,
	HF_CAUSE_RESTING,
	HF_CAUSE_BUDGET,
	HF_CAUSE_UNTRUSTED,   /* its TLS is not believed */
	HF_CAUSE_NO_NAME,     /* it answers for no name of the zone, and was not asked */
	HF_CAUSE_CROWDED,     /* no connection was left that it, or the route, may have */
	/* From here on it is about the truth; a later one outweighs those before. */
	HF_CAUSE_DOUBTED,     /* it answered, and nothing showed that to be true */
	HF_CAUSE_RETIRED,     /* it gave an address that is retired */
	HF_CAUSE_LIE,         /* it answered, and was not believed */
	HF_CAUSE_QUARANTINED, /* it has lied before, and is not asked */
	HF_CAUSE_BLOCKED,     /* its answer is one that no client may have */
	HF_CAUSES
};

struct hf_query {
	hf_us deadline;
	hf_us patience;      /* when those who wait want to hear something; HF_NEVER: never */
	hf_us resume;        /* end of a pause before asking again; 0: none */
	uint64_t barred;     /* a bit an upstream: do not ask again */
	uint64_t held;       /* ... its answer is held */
	bool wished;         /* the operator wants to hear another, or one lied: whoever is asked
				next for the first time needs no token */
	bool spared;         /* a message found no connection: whoever is asked in its place needs
				no token */
	uint64_t plain;      /* ... ask without EDNS */
	uint64_t badcookie;  /* ... has said BADCOOKIE */
	uint64_t uncookied;  /* ... a reply was not taken, for it had no cookie */
	uint64_t stream;     /* ... ask over TCP */
	uint64_t refused;    /* ... was unreachable when last asked */
	uint64_t useless;    /* ... replied, but not with an answer */
	hf_us began;
	uint32_t name;       /* a hash of the name asked for */
	uint64_t account;    /* ... of the client that asked first; 0: nobody. The caller sets it */
	bool background;     /* nobody waits: better no answer than one out of turn */
	bool own;            /* an inquiry's: see select.h */
	bool check;          /* of our own making: is an upstream alive that says nothing? */
	bool copy;           /* of our own making: its first message takes a token as well */
	bool answered;       /* it is over for those who wait */
	uint8_t answerer;    /* who gave the answer: index in the route */
	uint8_t tries[HF_ROUTE_UPSTREAMS_MAX];
	unsigned sends;      /* attempts: those below */
	unsigned moves;      /* of them, how many went out again over another connection: the caller
				counts */
	uint8_t looks;       /* how often it has looked whether anybody's rest is over */
	uint32_t waits_noted; /* a bit for each enum hf_decided that it has waited for since it last
				 sent something */
	bool ask_noted;      /* the first message has been written down */
	bool settling;       /* it has been said that only who was asked in vain is left */
	bool done;
	enum hf_query_cause cause;
	uint8_t cause_upstream;
	int32_t cause_ede;   /* that an upstream gave, or HF_EDE_NONE */
	struct hf_attempt attempts[HF_ATTEMPTS_MAX]; /* last: those that are not yet are not set */
};

enum hf_query_event_kind {
	HF_QUERY_START,
	HF_QUERY_REPLY,  /* attempt, verdict, ede */
	HF_QUERY_LOST,   /* attempt, outcome: it could not be sent, or was refused */
	HF_QUERY_DOUBT,  /* attempt, found: a reply came that is right but for the question's
			    case or its cookie; a forgery, or a server that does not keep case
			    or forgets cookies: TCP will tell */
	HF_QUERY_TIMER,  /* what was armed is due */
	HF_QUERY_GRANT,  /* attempt: there is room now, and it has been charged */
	HF_QUERY_EVICT,  /* attempt: it lost its place in line */
	HF_QUERY_HELD,   /* attempt: an answer came that is to be held until a REPLY for the
			    same attempt says what it is; nothing more if another answer of
			    the same upstream is */
	HF_QUERY_GO_ON,  /* what is held is not ruled on yet: ask whom there is */
	HF_QUERY_DROP,   /* nothing that is held is believed, nor need others be asked: it has
			    failed; attempt: whom to name */
	HF_QUERY_REUSED, /* attempt, met: it shares a connection that was there already; told
			    right after it was sent */
};

struct hf_query_event {
	enum hf_query_event_kind kind;
	unsigned attempt;
	enum hf_verdict verdict;
	enum hf_outcome outcome;
	int32_t ede;
	uint16_t octets; /* of the reply */
	enum hf_cookie_found found;    /* REPLY, HELD, DOUBT: in the reply ... */
	const uint8_t *cookie;         /* ... its octets, if it is good; of the message */
	uint16_t cookie_len;
	bool met;        /* REUSED: the connection was open, so the question left at once */
	bool moved;      /* REPLY: it came on another connection than the first */
	bool wished;     /* HELD: the operator wants to hear others */
	bool proving;    /* HELD: a proof is under way */
	hf_us charged;   /* GRANT: when */
};

enum hf_action_kind {
	HF_ACT_SEND,   /* attempt: to `upstream` over `channel`, with or without EDNS */
	HF_ACT_QUEUE,  /* attempt: stands in line for `upstream` until `due`; charge `cost`
			  and say GRANT */
	HF_ACT_ARM,    /* wake me at `due` */
	HF_ACT_LATE,   /* patience is over: what is at hand is better than waiting; once */
	HF_ACT_SETTLE, /* answers are held, and who is `left` (truth/trial.h) to be asked? Say
			  REPLY, GO_ON or DROP; or nothing while a proof is under way and
			  there is time left */
	HF_ACT_ANSWER, /* attempt's reply is the answer; unless the query is done it goes on
			  listening, and needs its timer, but nobody may join it */
	HF_ACT_FAIL,   /* no answer: cause, ede, upstream; the query is done */
};

struct hf_action {
	enum hf_action_kind kind;
	uint8_t attempt;
	uint8_t upstream;
	enum hf_channel channel;
	enum hf_send_reason reason;
	uint16_t edns_size; /* 0: without EDNS */
	uint8_t cookie_len; /* 0: without one */
	uint8_t cost;
	hf_us due;
	enum hf_query_cause cause;
	int32_t ede;
	enum hf_trial_left left;
	uint8_t client_and_server[HF_COOKIE_MAX]; /* the cookie's octets; last: without one they are
						     not set */
};

/* One that a step sent to or learnt of, as it was before. */
struct hf_touched {
	uint8_t upstream; /* index in the route */
	enum hf_health_state health, path_health;
	uint16_t size_limit;
	hf_us plain_until;
	uint8_t cookie_habit; /* enum hf_cookie_habit */
	bool lame;            /* it has been found to answer for no name of the zone */
};

/* Whom a question may be sent to. Whoever tells of changes, or shows figures, need
 * look only at those that were touched: at most HF_ATTEMPTS_MAX, however many the
 * route has. */
struct hf_choice {
	const struct hf_candidate *of; /* the route's, in its order */
	unsigned touched_count;        /* of one step: the caller begins with 0 */
	struct hf_touched touched[HF_ATTEMPTS_MAX];
};

/* The world as one step sees it. */
struct hf_query_env {
	const struct hf_route *route;
	struct hf_choice *candidates;
	struct hf_outgoing_state *outgoing;
	const struct hf_outgoing_conf *outgoing_conf;
	hf_us now;
	uint32_t dice; /* fresh 32 random bits a step */
	/* Where it writes down what it decides (meter/decision.h), and as which flight about
	 * what; slots: of the plan's upstreams. diary NULL: nowhere, and the rest is not looked
	 * at. */
	struct hf_diary *diary;
	const struct hf_question *question;
	const uint16_t *slots;
	uint32_t flight;
};

/* May another message go out for it? Those that went again over a fresh connection count. */
static inline bool hf_query_may_send(const struct hf_query *q)
{
	return q->sends + q->moves < HF_SENDS_MAX;
}

/* A new query for a name of which `name` is a hash; its first step is
 * HF_QUERY_START. Its patience has no end unless the caller sets one. */
void hf_query_init(struct hf_query *q, uint32_t name, hf_us now);

/* Takes an event; returns how many actions were written. Once the query is
 * `done` every attempt is over and no step may follow. Events for attempts that
 * are not open are ignored (a duplicate, a reply to an abandoned one). */
size_t hf_query_step(struct hf_query *q, const struct hf_query_env *env,
	const struct hf_query_event *event, struct hf_action actions[static HF_ACTIONS_MAX]);

/* The query ends before its time (its worker does): attempts are closed. */
void hf_query_abandon(struct hf_query *q, const struct hf_query_env *env);

/* "no answer in time" and the like, for extended errors and logs. */
const char *hf_query_cause_text(enum hf_query_cause cause);

#endif
