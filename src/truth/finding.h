/* SPDX-License-Identifier: GPL-3.0-or-later */
/* finding.h - what upstreams say of names when they are all asked, side by side.
 *
 * Story: before a server starts, in a check, or to explain an answer, questions are put
 * to every upstream of their routes. Each (question, upstream) is a finding: what was
 * said, whether it may be believed, and why not. What one answer cannot show by itself
 * (a denial, a vote, a list that has grown old) is settled when all have been heard.
 * Knows:   questions, expectations, what was heard. Never: how it was asked, by whom.
 * Ownership: a table owns its findings and what was said; expectations stay their plan's.
 * Threads: one owner.
 * At the bound: HF_FINDINGS_MAX findings; further questions are refused (HF_EBOUND) and
 * counted, so that whoever reports can say that not all was asked. */
#ifndef HF_TRUTH_FINDING_H
#define HF_TRUTH_FINDING_H

#include "base/time.h"
#include "truth/judge.h"
#include "truth/trial.h"

#define HF_FINDINGS_MAX 32768

enum hf_found {
	HF_FOUND_NOT_ASKED, /* no time was left, or there was no room */
	HF_FOUND_TRUE,      /* nothing speaks against it */
	HF_FOUND_LIE,
	HF_FOUND_DENIED,   /* addresses are expected, and whoever answered knows none, or no name */
	HF_FOUND_UNPROVEN, /* no certificate could be looked at */
	HF_FOUND_UNSURE,   /* too few say the same */
	HF_FOUND_SILENT,   /* nothing came back */
	HF_FOUND_FAILED,   /* a failure came back, or something that cannot be read */
	HF_FOUNDS
};

struct hf_finding {
	uint32_t question; /* of the table */
	uint16_t upstream; /* in the configuration's list */
	uint16_t place;    /* in its route */
	enum hf_found found;
	enum hf_belief belief;
	struct hf_evidence evidence; /* LIE */
	struct hf_testimony *said;   /* NULL: there was no answer */
	bool untrusted;              /* FAILED: over TLS it did not prove who it is */
	char why[144];               /* UNPROVEN, UNSURE, SILENT, FAILED, NOT_ASKED: in words */
	uint16_t shown[HF_SHOWN_FAILS + 1]; /* addresses, by enum hf_shown */
	bool accused;                       /* whoever keeps liars out has been told */
	hf_us took;
};

struct hf_examined_question {
	struct hf_question question;
	const struct hf_expected *expected; /* NULL: nothing is expected of the name */
	uint32_t first, count;              /* its findings */
	bool outdated; /* the list of addresses seems to be: see hf_findings_propose */
	bool proven;   /* ... for what is not on it has shown a certificate */
};

struct hf_findings {
	struct hf_examined_question *questions;
	size_t question_count, question_cap;
	struct hf_finding *items;
	size_t count, cap;
	size_t refused; /* questions for which there was no room */
};

void hf_findings_clear(struct hf_findings *findings); /* zeroed is fine */

/* Adds a question that `count` upstreams are to be asked: their places in the list and,
 * in order, in the route. HF_EBOUND, -ENOMEM. */
int hf_findings_add(struct hf_findings *findings, const struct hf_question *question,
	const struct hf_expected *expected, const uint16_t *upstreams, size_t count);

/* An answer was heard. -ENOMEM: the finding says FAILED. */
int hf_finding_hear(struct hf_findings *findings, struct hf_finding *finding, const uint8_t *m,
	const struct hf_message_view *view, hf_us took);

/* There was none. `silent`: nothing at all came back. */
void hf_finding_fail(struct hf_finding *finding, bool silent, const char *why, hf_us took);

/* Is it worth while to look for certificates at the addresses that were given? */
bool hf_finding_wants_proof(const struct hf_findings *findings, const struct hf_finding *finding);

/* What one of them showed; why: in words, unless it HOLDS. */
void hf_finding_show(struct hf_finding *finding, const struct hf_address *address,
	enum hf_shown shown, const char *why);

/* All that can be heard of a question has been: settles what its findings come to. */
void hf_findings_settle(struct hf_findings *findings, uint32_t question);

/* ---- to be read ---- */

/* The addresses that `addresses` does not list, though they are proven, or all upstreams
 * say so; up to `max` of them. 0 unless the question is `outdated`. */
size_t hf_findings_propose(const struct hf_findings *findings,
	const struct hf_examined_question *question, struct hf_address *ret, size_t max);

struct hf_finding_sums {
	size_t of[HF_FOUNDS];
	size_t all;
	hf_us slowest;
};

/* Do all who answered say the same? True with fewer than two. */
bool hf_findings_alike(
	const struct hf_findings *findings, const struct hf_examined_question *question);

/* Of one upstream; of all with UINT16_MAX. */
struct hf_finding_sums hf_findings_sum(const struct hf_findings *findings, uint16_t upstream);

const char *hf_found_name(enum hf_found found); /* "no answer" */

/* What it answered: "192.0.2.1, 192.0.2.2", "NXDOMAIN"; "" without an answer. */
#define HF_SAID_TEXT_MAX 256
const char *hf_said_text(const struct hf_finding *finding, char buf[static HF_SAID_TEXT_MAX]);

/* What is wrong with it, or "". Stands behind "answered" for a lie. */
const char *hf_finding_text(
	const struct hf_finding *finding, char buf[static HF_EVIDENCE_TEXT_MAX]);

/* What is expected, as one would write it: "addresses 10.0.8.0/24, prove tls". */
#define HF_EXPECTS_TEXT_MAX 512
const char *hf_expects_text(
	const struct hf_expectation *expectation, char buf[static HF_EXPECTS_TEXT_MAX]);

#endif
