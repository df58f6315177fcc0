/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report.h - what a look at a zone comes to: findings, each a sentence and what to do.
 *
 * Story: facts in (outlook.h), findings out, in the order of what should be seen to first. A
 * finding has a name that does not change from one version of holdfast to the next, so
 * that a script, or `accept` in the configuration, can go by it.
 * Ownership: a report owns its findings; they point to the look's configuration.
 * Threads: pure.
 * At the bound: HF_REPORT_FINDINGS; `more` counts the others. */
#ifndef HF_PROVIDERS_REPORT_H
#define HF_PROVIDERS_REPORT_H

#include "providers/outlook.h"

#define HF_REPORT_FINDINGS 512
#define HF_FINDING_TEXT_MAX 640
#define HF_FINDING_TODO_MAX 240

enum hf_weight {
	HF_WEIGHT_FAULT,   /* it will do harm, or does so already */
	HF_WEIGHT_UNASKED, /* something could not be asked for, so nobody knows */
	HF_WEIGHT_NOTE,    /* how things are */
};

struct hf_provider_finding {
	const char *id; /* "behind"; static */
	enum hf_weight weight;
	const char *provider;      /* or NULL: of the zone as a whole */
	struct hf_address address; /* of the server, if one is meant */
	char text[HF_FINDING_TEXT_MAX];
	char todo[HF_FINDING_TODO_MAX]; /* "" for most notes */
};

struct hf_report {
	struct hf_provider_finding *items; /* by weight */
	size_t count, more;
	size_t of[3]; /* by weight */
	/* Without a provider: sets of records that were tried, and that are still there. */
	size_t tried, left;
};

/* -ENOMEM. */
int hf_report_new(const struct hf_outlook *look, struct hf_report **ret);
void hf_report_free(struct hf_report *report); /* NULL is fine */

/* All names that findings may have, for `accept`; ends with NULL. */
extern const char *const hf_finding_ids[];

/* ---- for the parts of the report (report_*.c) ---- */

struct hf_reporting {
	const struct hf_outlook *look;
	struct hf_report *report;
};

/* Begins a finding of a server (NULL: of the zone); what is said is printf's. */
__attribute__((format(printf, 5, 6))) struct hf_provider_finding *hf_report_add(
	struct hf_reporting *r, enum hf_weight weight, const char *id,
	const struct hf_outlook_server *server, const char *format, ...);
__attribute__((format(printf, 2, 3))) void hf_report_todo(
	struct hf_provider_finding *finding, const char *format, ...);

/* "ns1.a.example (192.0.2.1:53) of provider a". */
#define HF_WHO_MAX (HF_NAME_TEXT_MAX + HF_ADDRESS_TEXT_MAX + 100)
const char *hf_report_who(const struct hf_outlook_server *server, char buf[static HF_WHO_MAX]);

void hf_report_delegation(struct hf_reporting *r); /* what the parent says */
void hf_report_servers(struct hf_reporting *r);    /* reach, serials, records */
void hf_report_zone(struct hf_reporting *r);       /* timers, TTLs, one of a kind */
void hf_report_without(struct hf_reporting *r);    /* what is left */

#endif
