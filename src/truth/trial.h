/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trial.h - answers to one question that are not believed yet: which one is, in the end?
 *
 * Story: an answer that breaks no expectation may still have to be shown to be true
 * (judge.h): others have to say the same, or its addresses have to show certificates, or
 * it denies a name that is expected to exist. Such answers are *held*. After each piece of
 * news (another answer, a proof, nobody left to ask) the trial says what comes next: wait
 * for a proof, ask another upstream, accept one of those held, refuse one as a lie, or
 * give up.
 *
 *   agree: K of N   accepted as soon as K upstreams agree, and each address of it is given
 *                   by K of them. While others may be asked, one that only shares an
 *                   address waits for them; after N answers the one of which least is
 *                   said by it alone is accepted. After N answers without agreement, or
 *                   when nobody is left to ask, it has failed.
 *   prove: tls      an answer is accepted when each of its addresses is proven; one with
 *                   an address whose certificate is another name's is a lie. An address
 *                   at which nobody could be asked (*missing*) says nothing of who gave
 *                   it: such an answer is accepted only if another upstream gives the
 *                   same, and no proof is under way that may bring something better.
 *                   Where a proof may come after, what has not failed is accepted.
 *   denials         of a name that is expected to have addresses, or of an address that it
 *                   is expected to have (judge.h): accepted when all whom one can ask deny
 *                   it, and of several the one that denies least. When another upstream
 *                   knows it after all, the denial was a lie.
 *
 * Two answers *agree* if they say the same, or if they share an address: whoever hands out
 * its addresses in turns, a few at a time, agrees with itself, and none of them breaks the
 * expectation, or it would not be held. One that has no addresses has to be the same. Who
 * is outvoted has not lied: networks that answer by place differ by design.
 * An answer is accepted whole or not at all.
 * Knows:   testimonies, in the order in which they came, and what has been shown of them.
 * Never:   who said it, messages, connections, time.
 * Ownership: a plain value, but for `expected`, which must outlive it.  Threads: pure.
 * At the bound: HF_TRIAL_MAX answers; a question sends no more messages. */
#ifndef HF_TRUTH_TRIAL_H
#define HF_TRUTH_TRIAL_H

#include "truth/judge.h"

#define HF_TRIAL_MAX 10

enum hf_shown { /* of an address, or of all of an answer's: the worst is the highest */
	HF_SHOWN_HOLDS,
	HF_SHOWN_MISSING, /* nobody there, no time */
	HF_SHOWN_PENDING, /* nothing yet */
	HF_SHOWN_FAILS,
};

struct hf_trial_answer {
	struct hf_testimony testimony;
	bool refused;
	uint8_t shown[HF_TESTIMONY_ADDRESSES]; /* enum hf_shown, of each address */
	char why[96];                          /* the last that does not hold, in words */
	uint16_t why_of;                       /* ... and which address that is */
};

/* Who is left to be asked. It only ever rises. */
enum hf_trial_left {
	HF_LEFT_SOME,
	HF_LEFT_SLOW, /* only who was asked in vain already, or rests */
	HF_LEFT_NONE,
	HF_LEFT_NO_TIME, /* what is not proven now never will be */
};

struct hf_trial {
	const struct hf_expected *expected;
	enum hf_trial_left left;
	unsigned count;
	struct hf_trial_answer answers[HF_TRIAL_MAX];
};

enum hf_ruling_kind {
	HF_RULING_WAIT,   /* for a proof that is under way */
	HF_RULING_ASK,    /* another upstream */
	HF_RULING_ACCEPT, /* `answer` */
	HF_RULING_REFUSE, /* `answer` is a lie, and `evidence` shows it; then ask for a ruling again
			   */
	HF_RULING_FAIL,   /* none of those held can be believed */
};

struct hf_ruling {
	enum hf_ruling_kind kind;
	unsigned answer;
	bool proven; /* ACCEPT: all its addresses, or there is nothing to prove */
	struct hf_evidence evidence;
};

void hf_trial_init(struct hf_trial *trial, const struct hf_expected *expected);

/* Holds an answer that hf_judge has called UNSURE or UNPROVEN. Returns its number, or -1
 * if there are too many. */
int hf_trial_hold(struct hf_trial *trial, const struct hf_testimony *testimony);

/* Do an answer's addresses have to be proven? */
bool hf_trial_proves(const struct hf_trial *trial, unsigned answer);

/* What the `address`-th address of an answer has shown; why: "" if it holds. */
void hf_trial_show(struct hf_trial *trial, unsigned answer, unsigned address, enum hf_shown shown,
	const char *why);

/* ... and what all of them have, the worst. Nothing to prove holds. */
enum hf_shown hf_trial_shown(const struct hf_trial *trial, unsigned answer);

/* What comes next? A REFUSE has been noted when this returns. */
void hf_trial_rule(struct hf_trial *trial, struct hf_ruling *ret);

/* An answer that needs nothing more to be believed has come: held denials of what it says
 * were lies. Their number, and a bit for each answer that is one in *ret_liars. */
unsigned hf_trial_overruled(
	const struct hf_trial *trial, const struct hf_testimony *believed, uint32_t *ret_liars);

/* Why a FAIL, to stand behind "upstream x: ". Returns buf, cut to fit. */
#define HF_TRIAL_TEXT_MAX HF_EVIDENCE_TEXT_MAX
const char *hf_trial_text(const struct hf_trial *trial, char buf[static HF_TRIAL_TEXT_MAX]);

#endif
