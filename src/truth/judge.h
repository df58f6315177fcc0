/* SPDX-License-Identifier: GPL-3.0-or-later */
/* judge.h - may this answer be believed, and if not, why not?
 *
 * Story: what an answer says (testimony.h) is held against what is expected of the
 * name (expect.h). What breaks an expectation is a lie, with evidence that a person can
 * check. What breaks none is good, unless it has to be shown first: by other upstreams
 * that say the same, or by a certificate at each address.
 * That a name is denied of which addresses are expected is not enough for a lie: another
 * upstream is asked first. So it is with an answer that gives no address where one is
 * expected, whatever else stands in it:
 *
 *   `addresses` with an IPv4 prefix   an empty answer for A is doubted
 *   ... with an IPv6 prefix           an empty answer for AAAA is
 *   only `cname` or `prove`           the name has addresses, but of which family is not
 *                                     said: an empty answer for A is doubted. Most names
 *                                     have no AAAA record, and each time that one of these
 *                                     says so, all upstreams would have to be waited for
 *   "*.name"                          says nothing of whether a name below it has
 *                                     addresses, or exists: neither denial is doubted
 *   `agree`                           so many voices decide, about denials too
 *
 * Other types (HTTPS, MX ...) may be missing from any name.
 * Where `cname` says to whom addresses belong, aliases must end there too if no address
 * is given, and so must what HTTPS and SVCB records name as the host that serves.
 * Knows:   one answer, one expectation.
 * Never:   who said it, what it said before, sockets, time.
 * Threads: pure. */
#ifndef HF_TRUTH_JUDGE_H
#define HF_TRUTH_JUDGE_H

#include "truth/expect.h"
#include "truth/testimony.h"

enum hf_belief {
	HF_BELIEF_GOOD,
	HF_BELIEF_UNSURE,   /* another upstream has to say so too */
	HF_BELIEF_UNPROVEN, /* each address has to show a certificate */
	HF_BELIEF_LIE,
};

enum hf_lie { /* what was wrong; a label each in metrics, see hf_lie_name */
	HF_LIE_NONE,
	HF_LIE_ADDRESS,  /* outside of `addresses` */
	HF_LIE_NEVER,    /* inside of `never` */
	HF_LIE_CNAME,    /* the addresses belong to a name outside of `cname`, or it leads there */
	HF_LIE_DENIED,   /* denied, though another upstream has it */
	HF_LIE_EMPTY,    /* nothing of the type, though another upstream gives an address */
	HF_LIE_PROOF,    /* an address without a certificate for the name */
	HF_LIE_OUTVOTED, /* others agree on something else */
	HF_LIE_REBIND,   /* a private address in a public name */
	HF_LIE_CANARY,   /* an answer for a name that cannot exist */
	HF_LIE_STALE,    /* an older zone than its fellows serve */
	HF_LIE_RETIRED,  /* an address that nobody may be given any more: no lie (tombstones.h) */
	HF_LIES
};

/* What shows it. */
struct hf_evidence {
	enum hf_lie lie;
	struct hf_address address; /* that was given; family 0: it is not about one */
	struct hf_prefix prefix;   /* NEVER, RETIRED: that it lies in */
	struct hf_name name;       /* CNAME: that the addresses belong to, or that it leads to */
	uint32_t serials[2];       /* STALE: its own, and the newest */
	char why[96];              /* PROOF: in words; else "" */
};

/* Holds what an answer says against an expectation. Fills in ret for a LIE, else its
 * `lie` is HF_LIE_NONE. */
enum hf_belief hf_judge(const struct hf_expected *expected, const struct hf_testimony *testimony,
	struct hf_evidence *ret);

/* The same for one address: may the name have it? Fills in ret if not. What must never be
 * given is not to be had by way of IPv6 either (hf_address_meant). */
bool hf_judge_address(const struct hf_expected *expected, const struct hf_address *address,
	struct hf_evidence *ret);

/* Does the expectation say that the name has addresses? Then a denial is doubtful. */
bool hf_expects_addresses(const struct hf_expected *expected);

/* Does an answer deny what is expected: the name, or that it has addresses of the family
 * that was asked for? Then it is believed when all whom one can ask say so. */
bool hf_denies_expected(const struct hf_expected *expected, const struct hf_testimony *testimony);

/* What such a denial is if another upstream refutes it. */
enum hf_lie hf_lie_of_denial(const struct hf_testimony *testimony);

const char *hf_lie_name(enum hf_lie lie); /* "address", for labels */

/* The evidence in words, to stand behind "answered": "192.0.2.66, which is none of the
 * addresses expected". Returns buf, cut to fit. */
#define HF_EVIDENCE_TEXT_MAX 256
const char *hf_evidence_text(const struct hf_evidence *evidence,
	char buf[static HF_EVIDENCE_TEXT_MAX]);

#endif
