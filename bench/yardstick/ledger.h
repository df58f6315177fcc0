/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ledger.h - what the load generator has asked, and what became of it.
 *
 * Story: a *plan* says which numbers to ask for, and when: as fast as answers
 * come, with so many questions under way (a *window*), or at random moments of a
 * given rate whatever comes back. A *lane* is a client's socket or connection
 * with ids of its own. The ledger picks each next number, gives it an id in a
 * lane, and closes it when its answer came, or when two seconds are over: only
 * then is it lost. The time of a question at a rate begins when it was to be
 * asked and not when it was, so that a server that stands still is charged for
 * all who would have asked it meanwhile. That of a question of a window begins when
 * it is asked: a server that stands still is charged for the window alone, which the
 * longest time tells and a percentile of many questions need not.
 * Knows: numbers, ids, moments in nanoseconds that it is told, verdicts.
 * Never knows: sockets, the clock.
 * Ownership: memory is taken once, by hf_yard_ledger_init, and lives as long as
 * the process.
 * At the bound: 16 lanes of 65,535 questions under way; a question for which a
 * lane has no id counts as lost at once. A name that shall be answered and is
 * not (HF_YARD_EACH) is asked again, so often in all as there are names. Of a window
 * the first HF_YARD_TIMES_A_SECOND times of its seconds are kept.
 * Threads: one owner. */
#ifndef HF_YARD_LEDGER_H
#define HF_YARD_LEDGER_H

#include "numbered.h"

#define HF_YARD_LANES 16
#define HF_YARD_SECOND 1000000000LL
#define HF_YARD_PATIENCE (2 * HF_YARD_SECOND)
#define HF_YARD_TIMES_A_SECOND 4000000 /* more than a bare echo answers over TCP */

enum hf_yard_order {
	HF_YARD_RANDOM, /* any of the names, each as likely */
	HF_YARD_EACH,   /* each name once, and again until it is answered */
};

/* What the right answer is: numbered.h judges it. */
enum hf_yard_want {
	HF_YARD_ADDRESS,
	HF_YARD_ECHO,
	HF_YARD_DENIAL,
	HF_YARD_WILD,
	HF_YARD_REFERRAL,
};

struct hf_yard_plan {
	uint32_t names;      /* the numbers 0 to names - 1 */
	uint32_t fresh_from; /* numbers from here on are asked once each */
	unsigned fresh;      /* percent of the questions that are of that kind */
	enum hf_yard_order order;
	enum hf_yard_want want;
	bool secure;     /* the records of DNSSEC are wanted */
	uint64_t count;  /* of questions; 0: until the time is over */
	double seconds;  /* 0: until the count is reached */
	double rate;     /* questions a second; 0: as many as the window allows */
	unsigned window; /* questions under way, when there is no rate */
	bool lockstep;   /* the next window only when the last one is answered whole */
	bool spin;       /* do not sleep between two moments of a rate */
	bool timed;      /* take the times of a window, too; it must have seconds */
	uint64_t seed;
};

struct hf_yard_entry {
	int64_t since; /* when it was (to be) asked; 0: not under way */
	uint32_t number;
};

struct hf_yard_lane {
	uint16_t oldest, next; /* ids from oldest to next may be under way */
	struct hf_yard_entry *entries;
};

struct hf_yard_ledger {
	struct hf_yard_plan plan;
	struct hf_yard_lane lanes[HF_YARD_LANES];
	uint64_t dice;
	uint64_t asked, right, failed, wrong, lost, stray;
	uint64_t right_in_time; /* before `until` */
	uint64_t under_way;
	int64_t until;
	uint32_t fresh_next, each_next;
	uint32_t *again; /* numbers to be asked again; as many as names */
	uint32_t again_count;
	uint64_t again_left;
	uint32_t *took; /* tenths of microseconds of each question whose time is taken */
	uint64_t took_count, took_room;
	bool sorted;
};

/* Takes the memory that a plan needs, or ends the process. */
void hf_yard_ledger_init(struct hf_yard_ledger *l, const struct hf_yard_plan *plan);

/* Whether the plan wants another question at all (when its moment comes). */
bool hf_yard_more(const struct hf_yard_ledger *l, int64_t now);

/* Writes the next question, to be asked in a lane, whose time began at `since`.
 * False if the lane has no room: then the question is lost. */
bool hf_yard_ask(
	struct hf_yard_ledger *l, unsigned lane, int64_t since, uint8_t out[HF_YARD_QUERY]);

/* Takes what came back in a lane at the moment `when`. */
void hf_yard_take(
	struct hf_yard_ledger *l, unsigned lane, const uint8_t *m, size_t length, int64_t when);

/* Gives up what was asked two seconds ago. Cheap when there is nothing. */
void hf_yard_expire(struct hf_yard_ledger *l, int64_t now);

/* Tells a question of a lane that is still under way: the next one at or after
 * `*id`, which is moved behind it. False if there is none. */
bool hf_yard_still(
	const struct hf_yard_ledger *l, unsigned lane, uint16_t *id, uint8_t out[HF_YARD_QUERY]);

/* How long until the next question of a rate: exponential, as of many clients
 * who know nothing of each other. Nanoseconds. */
int64_t hf_yard_gap(struct hf_yard_ledger *l);

/* The time that a share (0 to 1) of the questions did not exceed, in microseconds;
 * lost ones took two seconds. 0 if no times were taken. Sorts at the first call. */
double hf_yard_percentile(struct hf_yard_ledger *l, double share);

#endif
