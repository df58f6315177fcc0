/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cap.h - does this upstream drop what is over a limit that nobody told us of?
 *
 * Story: resolvers that many share limit each client (1,024 packets a second at
 * one large cloud) and say nothing: what is over the limit is dropped. Seen from
 * here, replies stay flat however much is sent, and every retry is thrown after
 * them. Holding to the limit answers as many questions without the loss.
 * The difficulty: an upstream or a path that loses half of everything looks the
 * same as long as the same number is sent, and so does a zone without servers
 * that somebody asks about all the time. What tells them apart is what happens
 * when *fewer* packets are sent: under a cap all of them are answered; otherwise
 * the same share is lost as before. So this part does not guess, it tries:
 *   1. watch  Three windows of half a second in a row in which replies are flat
 *             (within a tenth, or chance), 20 a second or more, and at least a
 *             sixth fewer than what was sent at any time in the 1.5 s before (a
 *             reply may be that late). If three are too few to tell from, up to twelve.
 *   2. hold   hf_cap_limit() is nine tenths of the replies until chance can no longer
 *             confuse the two (they lie eight standard deviations apart), for ten
 *             seconds at most: is nearly everything answered that is sent now, or the
 *             same share as before? That all is answered can be seen at once, that
 *             some is not only when no answer can come any more. What was sent in the
 *             first 1.5 s also counts by itself: fewer replies than sends there are a
 *             loss. If it is the same share it is no cap; the next trial is no sooner
 *             than 30 s later, then a minute, up to 16 minutes.
 *   3. raise  A third more than the replies, and 15, for 2 s, or up to 4 s while what
 *             the cap's bucket had saved, or room that connections had, is seen on
 *             top. If replies are where they were and the rest is lost again, it is a
 *             cap; if everything is answered, there was a loss that ended during the
 *             trial, and it is none. The loss is kept small: who asks for little has
 *             his answer with a retry.
 * After a trial that found nothing, steps 2 and 3 must succeed twice in a row.
 * A cap is found about 6 s after its first drop if twice as much is wanted, at 100 a
 * second as at 5,000; from 3 s on little more than a third over it is sent. The fewer
 * packets there are and the less is lost, the longer chance could be the cause: at 100 a
 * second with half as much again as the cap it takes some 14 s, with a quarter more a
 * minute or two; at 50 a second 10 s with twice as much, 40 s with half as much again, and
 * with a quarter more it is not found at all. A trial that could not tell the two apart
 * within ten seconds is left out.
 * What a trial costs if there is no cap: for half a second to some seconds fewer
 * packets go to an upstream that loses a sixth or more of them.
 * With a cap known, the limit begins at 95 % of it and grows by 1 % a second to
 * 103 % while it is used and all is answered, and stays there for 20 s; then it
 * grows to 109 %, as slowly, to see whether the cap is still there. When replies fall
 * behind, it goes back to 95 %. If they do not, for 20 s more, it grows by 4 % a second. When they fall
 * behind although the limit is not over 97 %: a tenth fewer is taken as loss, the
 * new normal and no reason to send less; if it is more, the trial of step 2 says
 * whether it is that or the cap has moved. It is forgotten when a quarter more
 * than it is answered for three seconds, or less than half of it is sent for a
 * minute.
 * It does not take for a cap: silence, loss at random, replies up to 1.5 s late, a
 * burst after idleness, a part of the questions that is never answered. It can
 * be wrong if loss begins and ends at the very moments of a trial, or if whoever
 * obeys the limit sends only what will be answered. It is not wrong for long.
 * Callers count what each has a reply of its own: datagrams of questions; and every
 * reply, late ones too. The packets of TCP connections have none, but they are sent
 * under the limit and use it up: they are told of apart.
 * Knows:   counts, instants given to it.
 * Never:   sockets, questions, which reply belongs to what.
 * At the bound: constant size; a gap of more than two minutes counts as two.
 * A clock that goes back stands still here; by over a second, a trial ends.
 * Threads: one owner, no locks. */
#ifndef HF_UPSTREAM_CAP_H
#define HF_UPSTREAM_CAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

enum hf_cap_change {
	HF_CAP_SAME,
	HF_CAP_FOUND,  /* there is a cap: hf_cap_found() */
	HF_CAP_MOVED,  /* it is another one now, by a tenth or more */
	HF_CAP_LIFTED, /* there is none any more */
};

enum hf_cap_phase {   /* how sure we are */
	HF_CAP_WATCH, /* none known */
	HF_CAP_HOLD,  /* a trial: fewer packets */
	HF_CAP_RAISE, /* a trial: more than the replies again */
	HF_CAP_KNOWN,
	HF_CAP_CHECK, /* known, and a trial whether it is still the same */
};

#define HF_CAP_WINDOWS 32 /* a power of two: the longest trial, and four of lag before */

struct hf_cap_count {
	uint32_t sent, replied; /* in it */
	uint32_t answered;      /* of those that were sent in it */
	uint32_t others;        /* packets that went under the limit, but are not looked at */
	uint32_t windows;
};

/* A zeroed struct knows of no cap. */
struct hf_cap {
	enum hf_cap_phase phase;
	enum hf_cap_change change; /* not yet told */
	bool begun;
	hf_us since; /* begin of the open window */
	hf_us next_trial;
	struct hf_cap_count open;
	struct hf_cap_count closed[HF_CAP_WINDOWS];
	struct hf_cap_count before; /* what a trial is compared with; sent: at least */
	struct hf_cap_count trial;
	uint32_t count;   /* windows closed */
	uint32_t settled; /* windows closed since the limit was changed at one go */
	uint32_t trials;  /* in a row that found nothing */
	uint32_t again;   /* a trial after one of those is made twice */
	uint32_t limit, found;
	uint32_t full; /* per mille of what is sent that is answered when no cap is in the way */
	uint32_t full_then;                 /* the same when it was last tried */
	uint32_t saved;                     /* windows that were held to less */
	uint32_t raised;                    /* replies since then */
	uint32_t behind, over, idle, dwelt; /* windows in a row */
};

/* So many packets were sent, one reply came, to what was sent at `sent`: at `now`. */
void hf_cap_sent(struct hf_cap *c, uint32_t packets, hf_us now);
void hf_cap_replied(struct hf_cap *c, hf_us sent, hf_us now);

/* Packets that are none of these (TCP) went out under the limit. */
void hf_cap_spent(struct hf_cap *c, uint32_t packets, hf_us now);

/* Of what was sent in the last second a sixth or more has not been answered: that one was
 * lost says nothing about it. */
bool hf_cap_losing(const struct hf_cap *c);

/* Looks at the windows that have ended and says what has changed since the last
 * call. As often as you like, but every 100 ms or so while packets are sent:
 * limits change here and when packets or replies are counted. */
enum hf_cap_change hf_cap_step(struct hf_cap *c, hf_us now);

/* When hf_cap_step will have something to look at: the end of the open window. */
hf_us hf_cap_due(const struct hf_cap *c);

/* Packets a second to hold to; 0: no limit. Not 0 during a trial either, when no
 * cap has been found yet. */
uint32_t hf_cap_limit(const struct hf_cap *c);

/* The replies a second at which it was flat; 0: no cap is known. */
uint32_t hf_cap_found(const struct hf_cap *c);

/* One that was known before: it goes on as known, at 95 % of it, until what comes
 * back says otherwise. `full` is the struct's. In a zeroed struct. */
void hf_cap_recall(struct hf_cap *c, uint32_t found, uint32_t full);

/* Can both be of a cap that was found (or 0, of none)? */
bool hf_cap_sane(uint32_t found, uint32_t full);

#endif
