/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sample_zone.h - zones for tests, written as text.
 *
 * Threads: pure. Used by tests only. */
#ifndef HF_ZONE_SAMPLE_ZONE_H
#define HF_ZONE_SAMPLE_ZONE_H

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "zone/snapshot.h"
#include "zone/text.h"

/* What every zone needs, with serial 1 and a negative TTL of 60 s. */
#define HF_SAMPLE_APEX                                                                             \
	"@ 3600 SOA ns.example. admin.example. 1 7200 600 86400 60\n"                              \
	"@ 3600 NS ns.example.\n"

struct hf_sample_faults {
	size_t count;
	uint32_t line;  /* of the first */
	char why[1200]; /* of the first */
};

static inline int hf_sample_add(void *ctx, const struct hf_zone_record *record)
{
	return hf_zone_build_add(ctx, record);
}

static inline void hf_sample_no_fault(void *ctx, uint32_t line, const char *why)
{
	(void)ctx;
	fprintf(stderr, "line %u: %s\n", (unsigned)line, why);
	const bool sample_is_good = false;
	hf_require(sample_is_good);
}

static inline void hf_sample_note_fault(void *ctx, uint32_t line, const char *why)
{
	struct hf_sample_faults *faults = ctx;
	if (!faults->count++) {
		faults->line = line;
		snprintf(faults->why, sizeof faults->why, "%s", why);
	}
}

/* A build that holds the records of the text, which must be well-formed. */
static inline struct hf_zone_build *hf_sample_build(const char *origin, const char *text)
{
	static const struct hf_zone_handler handler = {hf_sample_add, hf_sample_no_fault};
	struct hf_zone_build *build;
	struct hf_name name;
	char absolute[HF_NAME_TEXT_MAX];
	const struct hf_zone_text in = {
		.text = text, .len = strlen(text), .origin = absolute, .ttl = 300};
	snprintf(absolute, sizeof absolute, "%s%s", origin, strcmp(origin, ".") != 0 ? "." : "");
	hf_require(!hf_name_from_text(origin, strlen(origin), &name));
	hf_require(!hf_zone_build_new(&name, NULL, &build));
	hf_require(!hf_zone_text_read(&in, &handler, build));
	return build;
}

/* The zone, or NULL and what is wrong with it. */
static inline struct hf_zone *hf_sample_finish(
	struct hf_zone_build *build, struct hf_sample_faults *faults)
{
	struct hf_zone *zone = NULL;
	*faults = (struct hf_sample_faults){0};
	int rc = hf_zone_build_finish(build, hf_sample_note_fault, faults, &zone);
	hf_require((rc == 0) == !faults->count);
	return zone;
}

/* The zone of a text, which must be one. */
static inline struct hf_zone *hf_sample_zone(const char *origin, const char *text)
{
	struct hf_sample_faults faults;
	struct hf_zone *zone = hf_sample_finish(hf_sample_build(origin, text), &faults);
	if (!zone)
		fprintf(stderr, "%s\n", faults.why);
	hf_require(zone);
	return zone;
}

#endif
