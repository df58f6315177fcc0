/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/trial.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

/* So many upstreams have to give what nobody can prove. */
#define VOUCHERS 2

void hf_trial_init(struct hf_trial *trial, const struct hf_expected *expected)
{
	trial->expected = expected;
	trial->left = HF_LEFT_SOME;
	trial->count = 0;
}

int hf_trial_hold(struct hf_trial *trial, const struct hf_testimony *testimony)
{
	if (trial->count == HF_TRIAL_MAX)
		return -1;
	struct hf_trial_answer *answer = &trial->answers[trial->count];
	answer->testimony = *testimony;
	answer->refused = false;
	answer->why[0] = '\0';
	answer->why_of = 0;
	memset(answer->shown, HF_SHOWN_PENDING, sizeof answer->shown);
	return (int)trial->count++;
}

bool hf_trial_proves(const struct hf_trial *trial, unsigned answer)
{
	hf_require(answer < trial->count);
	return trial->expected->conf->prove != HF_PROVE_NOT &&
	       trial->answers[answer].testimony.count != 0;
}

void hf_trial_show(struct hf_trial *trial, unsigned answer, unsigned address, enum hf_shown shown,
	const char *why)
{
	hf_require(answer < trial->count && address < HF_TESTIMONY_ADDRESSES);
	struct hf_trial_answer *one = &trial->answers[answer];
	bool worst = shown != HF_SHOWN_HOLDS && (!one->why[0] || shown == HF_SHOWN_FAILS);
	one->shown[address] = (uint8_t)shown;
	if (!worst)
		return;
	one->why_of = (uint16_t)address;
	snprintf(one->why, sizeof one->why, "%s", why);
}

/* ---- what is known of one ---- */

enum hf_shown hf_trial_shown(const struct hf_trial *trial, unsigned answer)
{
	const struct hf_trial_answer *one = &trial->answers[answer];
	enum hf_shown worst = HF_SHOWN_HOLDS;
	for (unsigned i = 0; hf_trial_proves(trial, answer) && i < one->testimony.count; i++)
		if (one->shown[i] > worst)
			worst = one->shown[i];
	return worst == HF_SHOWN_PENDING && trial->left == HF_LEFT_NO_TIME ? HF_SHOWN_MISSING
									   : worst;
}

static bool agree(const struct hf_testimony *a, const struct hf_testimony *b)
{
	return hf_testimony_same(a, b) || hf_testimony_shared(a, b) != 0;
}

/* How many say so, itself included. */
static unsigned voices(const struct hf_trial *trial, unsigned answer)
{
	unsigned n = 1;
	for (unsigned i = 0; i < trial->count; i++)
		n += i != answer && !trial->answers[i].refused &&
		     agree(&trial->answers[i].testimony, &trial->answers[answer].testimony);
	return n;
}

static bool gives(const struct hf_testimony *t, const struct hf_address *address)
{
	for (unsigned i = 0; i < t->count; i++)
		if (memcmp(&t->addresses[i], address, sizeof *address) == 0)
			return true;
	return false;
}

/* How many of its addresses are given by fewer than have to agree. */
static unsigned strangers(const struct hf_trial *trial, unsigned answer)
{
	const struct hf_testimony *t = &trial->answers[answer].testimony;
	unsigned n = 0;
	for (unsigned a = 0; trial->expected->agree && a < t->count; a++) {
		unsigned given = 0;
		for (unsigned i = 0; i < trial->count; i++)
			given += !trial->answers[i].refused &&
				 gives(&trial->answers[i].testimony, &t->addresses[a]);
		n += given < trial->expected->agree;
	}
	return n;
}

/* Does somebody else give each address that is missing a proof? */
static bool vouched_for(const struct hf_trial *trial, unsigned answer)
{
	const struct hf_trial_answer *one = &trial->answers[answer];
	for (unsigned a = 0; a < one->testimony.count; a++) {
		unsigned n = one->shown[a] == HF_SHOWN_HOLDS ? VOUCHERS : 1;
		for (unsigned i = 0; i < trial->count; i++)
			n += i != answer && !trial->answers[i].refused &&
			     gives(&trial->answers[i].testimony, &one->testimony.addresses[a]);
		if (n < VOUCHERS)
			return false;
	}
	return true;
}

/* ---- rulings ---- */

struct looks { /* at all that are not refused */
	unsigned held, pending;
	unsigned denials; /* of what is expected */
	unsigned empty;   /* of them: that know the name */
};

static struct looks look(const struct hf_trial *trial)
{
	struct looks l = {0};
	for (unsigned i = 0; i < trial->count; i++) {
		if (trial->answers[i].refused)
			continue;
		const struct hf_testimony *t = &trial->answers[i].testimony;
		bool denies = hf_denies_expected(trial->expected, t);
		l.held++;
		l.denials += denies;
		l.empty += denies && t->rcode != HF_RCODE_NXDOMAIN;
		l.pending += hf_trial_shown(trial, i) == HF_SHOWN_PENDING;
	}
	return l;
}

static bool refuse(struct hf_trial *trial, struct hf_ruling *ret)
{
	for (unsigned i = 0; i < trial->count; i++) {
		struct hf_trial_answer *one = &trial->answers[i];
		if (one->refused || hf_trial_shown(trial, i) != HF_SHOWN_FAILS)
			continue;
		one->refused = true;
		ret->kind = HF_RULING_REFUSE;
		ret->answer = i;
		ret->evidence = (struct hf_evidence){
			.lie = HF_LIE_PROOF, .address = one->testimony.addresses[one->why_of]};
		snprintf(ret->evidence.why, sizeof ret->evidence.why, "%s", one->why);
		return true;
	}
	return false;
}

static bool shown_enough(const struct hf_trial *trial, unsigned answer, const struct looks *l)
{
	switch (hf_trial_shown(trial, answer)) {
	case HF_SHOWN_HOLDS: return true;
	case HF_SHOWN_PENDING: return trial->expected->conf->prove_when == HF_PROVE_AFTER;
	case HF_SHOWN_MISSING:
		if (trial->expected->conf->prove_when == HF_PROVE_AFTER)
			return true;
		return !l->pending && vouched_for(trial, answer);
	case HF_SHOWN_FAILS: break;
	}
	return false;
}

static bool heard_enough(const struct hf_trial *trial, unsigned answer, const struct looks *l)
{
	if (trial->expected->agree)
		return voices(trial, answer) >= trial->expected->agree &&
		       (!strangers(trial, answer) || trial->count >= trial->expected->of ||
			       trial->left != HF_LEFT_SOME);
	const struct hf_testimony *t = &trial->answers[answer].testimony;
	if (!hf_denies_expected(trial->expected, t))
		return true;
	/* Of two denials the one that denies less: the name may have other types. */
	if (t->rcode == HF_RCODE_NXDOMAIN && l->empty)
		return false;
	return l->denials == l->held && trial->left != HF_LEFT_SOME;
}

/* What is proven comes before what is only vouched for; then what has the fewest addresses
 * that nobody else gives, or a lie that comes with a piece of the truth would be taken. */
static bool accept(const struct hf_trial *trial, const struct looks *l, struct hf_ruling *ret)
{
	unsigned least = HF_TESTIMONY_ADDRESSES + 1;
	for (int proven = 1; proven >= 0 && least > HF_TESTIMONY_ADDRESSES; proven--) {
		for (unsigned i = 0; i < trial->count; i++) {
			if (trial->answers[i].refused || !shown_enough(trial, i, l) ||
				!heard_enough(trial, i, l) ||
				(hf_trial_shown(trial, i) == HF_SHOWN_HOLDS) != proven ||
				strangers(trial, i) >= least)
				continue;
			least = strangers(trial, i);
			ret->kind = HF_RULING_ACCEPT;
			ret->answer = i;
			ret->proven = proven;
		}
	}
	return least <= HF_TESTIMONY_ADDRESSES;
}

/* Have as many answered as are to be asked, and does no proof change that? */
static bool all_heard(const struct hf_trial *trial, const struct looks *l)
{
	return trial->expected->agree && trial->count >= trial->expected->of && !l->pending;
}

/* Is there one that only wants its proof? Then nobody else need be asked. */
static bool wants_proof(const struct hf_trial *trial, const struct looks *l)
{
	for (unsigned i = 0; l->pending && i < trial->count; i++)
		if (!trial->answers[i].refused && hf_trial_shown(trial, i) == HF_SHOWN_PENDING &&
			(heard_enough(trial, i, l) || trial->left >= HF_LEFT_NONE))
			return true;
	return false;
}

void hf_trial_rule(struct hf_trial *trial, struct hf_ruling *ret)
{
	memset(ret, 0, sizeof *ret);
	if (refuse(trial, ret))
		return;
	struct looks l = look(trial);
	if (l.held && accept(trial, &l, ret))
		return;
	if (all_heard(trial, &l))
		ret->kind = HF_RULING_FAIL;
	else if (wants_proof(trial, &l))
		ret->kind = HF_RULING_WAIT;
	else
		ret->kind = trial->left >= HF_LEFT_NONE ? HF_RULING_FAIL : HF_RULING_ASK;
}

unsigned hf_trial_overruled(
	const struct hf_trial *trial, const struct hf_testimony *believed, uint32_t *ret_liars)
{
	unsigned n = 0;
	*ret_liars = 0;
	if (hf_denies_expected(trial->expected, believed))
		return 0;
	for (unsigned i = 0; i < trial->count; i++) {
		const struct hf_trial_answer *one = &trial->answers[i];
		if (one->refused || !hf_denies_expected(trial->expected, &one->testimony))
			continue;
		*ret_liars |= 1u << i;
		n++;
	}
	return n;
}

const char *hf_trial_text(const struct hf_trial *trial, char buf[static HF_TRIAL_TEXT_MAX])
{
	const size_t size = HF_TRIAL_TEXT_MAX;
	unsigned most = 0;
	buf[0] = '\0';
	for (unsigned i = 0; i < trial->count; i++)
		if (!trial->answers[i].refused && voices(trial, i) > most)
			most = voices(trial, i);
	if (trial->expected->agree && most < trial->expected->agree) {
		snprintf(buf, size, "says what %u of %u agree on, where %u are to", most,
			trial->count, trial->expected->agree);
		return buf;
	}
	for (unsigned i = 0; i < trial->count; i++) {
		const struct hf_trial_answer *one = &trial->answers[i];
		struct hf_evidence evidence = {.lie = HF_LIE_PROOF};
		char text[HF_EVIDENCE_TEXT_MAX];
		if (one->refused || hf_trial_shown(trial, i) == HF_SHOWN_HOLDS)
			continue;
		evidence.address = one->testimony.addresses[one->why_of];
		snprintf(evidence.why, sizeof evidence.why, "%s",
			one->why[0] ? one->why : "no time");
		snprintf(buf, size, "gave %.240s", hf_evidence_text(&evidence, text));
		return buf;
	}
	snprintf(buf, size, "says what others do not");
	return buf;
}
