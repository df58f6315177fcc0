/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decision.h - what was decided about questions lately: what, why, and by which figures.
 *
 * Story: counters say how often a second copy was sent, events (event.h) what changed for
 * everybody. Neither says why this client waited for 1.8 s for this name. So whoever
 * decides about a question writes it down at the same moment: the query machine
 * (forward/query.h) whom it asks, what it waits for and what it does without, the engine
 * what is given to whom. `holdfast explain NAME` reads it, and so does the trace of a
 * drill.
 * A *diary* keeps two rings. What goes as it should (asked, answered, joined, answered from
 * a failure that is remembered) is the *routine*, and would push out in a moment what one
 * looks for afterwards; so the rest has a ring of its own. Who is turned away is in a crowd, which
 * would push out all else: of those lines HF_DECIDED_AWAY_MOST a second are written, and each says
 * how many were left out before it.
 * Most misses write one cell of 128 octets, when they are answered; a cache hit none.
 * Units:   microseconds, but where a row says otherwise. Figures that do not fit are cut to
 *          what does.
 * Ownership: a diary is one block, a worker's; its owner says how many cells each ring has.
 *          A reader copies what it wants.
 * Threads: the worker's own, for writing and for reading. Who is elsewhere asks the worker
 *          for a copy.
 * At the bound: the oldest of its ring goes. Of a long name the first HF_DECISION_NAME
 *          octets are kept, and its hash tells it from others that begin so.
 * Never:   who the client is (a hash of its network under a secret key is enough to find what
 *          was decided for one that is known), what the answer says, allocation. */
#ifndef HF_METER_DECISION_H
#define HF_METER_DECISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/time.h"

enum hf_decided {
	/* The routine. */
	HF_DECIDED_ASK,         /* the first message, to slot; a: how long it is waited for. It is
				   written with the next line of its flight, or not at all if that
				   is its answer */
	HF_DECIDED_ANSWERED,    /* slot's answer is taken; why: of which message it is the reply
				   (enum hf_send_reason), a: after how long, b: messages in all */
	HF_DECIDED_JOIN,        /* another client waits for the same; a: how many do now */
	HF_DECIDED_FORGO,       /* a refresh that nobody waits for is not sent: slot has no room, or
				   others wait for theirs */
	HF_DECIDED_STALE_AGAIN, /* an old answer, for the question failed lately; a: its age, s */
	HF_DECIDED_FAIL_AGAIN, /* a failure, for the question failed lately; a: for how much longer,
				  s */
	HF_DECIDED_ROUTINES,

	/* What is out of the ordinary. */
	HF_DECIDED_SILENT = HF_DECIDED_ROUTINES, /* slot's time-out is over; a: how long it was */
	HF_DECIDED_REJECT,    /* what slot replied is of no use, or it could not be asked; why: enum
				 hf_query_cause */
	HF_DECIDED_RETRY,     /* a further message, to slot; why: what went before (enum
				 hf_query_cause), a: how long it is waited for, b: the how many-th */
	HF_DECIDED_HEDGE,     /* a second copy, to slot; other: who is silent, a: for how long, b:
				 95 % of its answers take no longer */
	HF_DECIDED_NO_HEDGE,  /* ... that is not sent; other: who is silent, a: for how long, why:
				 enum hf_decided_without */
	HF_DECIDED_PROBE,     /* a message to slot for our own sake; why: enum hf_decided_probe */
	HF_DECIDED_FOLLOW,    /* the same once more to slot, or another is heard; why: enum
				 hf_decided_follow */
	HF_DECIDED_NO_TOKEN,  /* no further message yet; why: whose budget of retries is spent
				 (enum hf_decided_without), slot: whom it would go to, a: until it is
				 looked at again */
	HF_DECIDED_QUEUE,     /* stands in slot's line; a: packets that it costs, b: for how long at
				 most */
	HF_DECIDED_GRANT,     /* ... has room now */
	HF_DECIDED_EVICT,     /* ... has lost its place */
	HF_DECIDED_REST,      /* all rest; why: enum hf_query_cause, a: until it is looked again */
	HF_DECIDED_KEEP_BACK, /* slot has just come back, and its share is used; a: until it is
				 looked again, b: messages/s that it is given */
	HF_DECIDED_UNHEARD,   /* slot has never said a word, and few are sent there until it does;
				 a: until it is looked again */
	HF_DECIDED_PAUSE,     /* slot has just refused; a: until it is asked again */
	HF_DECIDED_HOLD,      /* slot's answer is not believed yet */
	HF_DECIDED_STALE,    /* those who wait get an old answer; why: enum hf_decided_stale, a: its
				age, s, b: how many they are */
	HF_DECIDED_WAIT,     /* they have waited for long enough, and there is no old answer */
	HF_DECIDED_FAIL,     /* it has failed; slot and why (enum hf_query_cause), a: messages */
	HF_DECIDED_REMEMBER, /* ... and that counts for a s (RFC 9520) */
	HF_DECIDED_TURN_AWAY, /* not taken on, for a bound; why: enum hf_decided_away, a: how many
				 there are of those that it has, b: that may be */
	HF_DECIDED_NO_ROUTE,  /* no upstream is configured for the name */
	HF_DECIDEDS
};

enum hf_decided_without {        /* why a copy is not sent */
	HF_WITHOUT_ITS_TOKEN,    /* the upstream's budget of retries is spent */
	HF_WITHOUT_ROUTES_TOKEN, /* the one that its route has of its own is */
	HF_WITHOUT_OUR_TOKEN,    /* everybody's is */
	HF_WITHOUT_SHARE,        /* this client has had its share of it */
	HF_WITHOUT_ANOTHER,      /* nobody else is well and has room */
	HF_WITHOUT_MESSAGES,     /* it has had as many as it may */
};

enum hf_decided_follow {
	HF_FOLLOW_TRUNCATED, /* over TCP */
	HF_FOLLOW_NO_EDNS,   /* without EDNS */
	HF_FOLLOW_COOKIE,    /* with the cookie that it gave, or over TCP */
	HF_FOLLOW_FORGED,    /* over TCP: somebody may have guessed what was asked */
	HF_FOLLOW_TRUTH,     /* another: one lied, or several have to agree */
};

enum hf_decided_probe {
	HF_PROBE_LOOK, /* a copy of a client's question: it is due for a look */
	HF_PROBE_OWN,  /* a canary, a comparison and the like */
};

enum hf_decided_stale {
	HF_STALE_PATIENCE, /* clients' patience is over; the question goes on */
	HF_STALE_FAILED,   /* the question has failed */
	HF_STALE_DENIED,   /* what was there a moment ago is denied, and that is not believed yet */
};

enum hf_decided_away {     /* what there is no room for */
	HF_AWAY_QUESTIONS, /* questions under way, in all or in a share of them */
	HF_AWAY_WAITING,   /* clients that wait for what is under way */
	HF_AWAY_PENDING,   /* clients' questions that a worker keeps, in all or in a share */
};

/* Lines of a second about who is turned away, of one worker. */
#define HF_DECIDED_AWAY_MOST 16

/* An address in ip6.arpa has 74. */
#define HF_DECISION_NAME 74
#define HF_DECISION_NOBODY UINT16_MAX

struct hf_decision {
	hf_us at;
	uint64_t client; /* hash of the network of who asked, or asked first; 0: nobody did */
	uint32_t number; /* of all that the diary was told, in order */
	uint32_t flight; /* which of the worker's: all of one number are about one question */
	uint32_t since;  /* since it began; 0 if it is no flight's */
	uint32_t hash;   /* of the name, whole */
	int32_t a, b;
	uint32_t unsaid; /* TURN_AWAY: how many before it were not written down */
	uint16_t slot, other; /* HF_DECISION_NOBODY: nobody */
	uint16_t type;
	uint8_t kind, why;
	uint8_t channel; /* ASK, RETRY, HEDGE, PROBE, FOLLOW: what the message goes over (enum
			    hf_channel) */
	uint8_t name_len;               /* of the whole name */
	uint8_t name[HF_DECISION_NAME]; /* in wire form, cut to fit */
};

_Static_assert(sizeof(struct hf_decision) == 128, "two cache lines");

struct hf_diary_size { /* cells of each ring: powers of two */
	uint32_t routine, notable;
};

#define HF_DIARY_SIZE ((struct hf_diary_size){1024, 4096}) /* of a server: 640 KiB */

struct hf_diary {
	uint64_t routine_written, notable_written; /* ever */
	struct hf_diary_size size;
	struct hf_decision cells[]; /* the routine's first */
};

/* An empty one. -ENOMEM. */
int hf_diary_new(struct hf_diary_size size, struct hf_diary **ret);
void hf_diary_free(struct hf_diary *diary); /* NULL is fine */

/* The cell that has the number-th line of its ring. */
static inline struct hf_decision *hf_diary_routine(const struct hf_diary *diary, uint64_t number)
{
	return (struct hf_decision *)&diary->cells[number & (diary->size.routine - 1)];
}

static inline struct hf_decision *hf_diary_notable(const struct hf_diary *diary, uint64_t number)
{
	return (struct hf_decision *)&diary
		->cells[diary->size.routine + (number & (diary->size.notable - 1))];
}

/* The cell for what was just decided: its number and kind are set, the rest is to be. */
static inline struct hf_decision *hf_diary_next(struct hf_diary *diary, enum hf_decided kind)
{
	uint32_t number = (uint32_t)(diary->routine_written + diary->notable_written);
	struct hf_decision *d = kind < HF_DECIDED_ROUTINES
					? hf_diary_routine(diary, diary->routine_written++)
					: hf_diary_notable(diary, diary->notable_written++);
	d->number = number;
	d->kind = (uint8_t)kind;
	return d;
}

/* name: HF_DECISION_NAME octets at least may be read there, whatever its len. */
static inline void hf_decision_about(
	struct hf_decision *d, const uint8_t *name, uint8_t len, uint32_t hash, uint16_t type)
{
	memcpy(d->name, name, HF_DECISION_NAME);
	d->name_len = len;
	d->hash = hash;
	d->type = type;
}

static inline int32_t hf_decision_figure(int64_t figure)
{
	return figure > INT32_MAX ? INT32_MAX : figure < 0 ? 0 : (int32_t)figure;
}

/* Where a reader stands: what is read is in the order in which it was decided. */
struct hf_diary_reader {
	uint64_t routine, notable; /* of each ring, how many have been read or passed over */
};

/* At the oldest that there is. */
struct hf_diary_reader hf_diary_oldest(const struct hf_diary *diary);

/* The next, or NULL. One that was overwritten since is passed over. */
const struct hf_decision *hf_diary_read(
	const struct hf_diary *diary, struct hf_diary_reader *reader);

/* Copies the last, up to `most`, that fit, the oldest first. Returns how many. */
size_t hf_diary_last_that(const struct hf_diary *diary,
	bool (*fits)(const void *ctx, const struct hf_decision *d), const void *ctx,
	struct hf_decision *ret, size_t most);

/* Copies the last, up to `most`, that are about the name and type, the oldest first;
 * name_len 0: about any. Returns how many. */
size_t hf_diary_last(const struct hf_diary *diary, const uint8_t *name, size_t name_len,
	uint32_t hash, uint16_t type, struct hf_decision *ret, size_t most);

#endif
