/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets as the text of a catalog: what is read of it are names that are well-formed and
 * different, each found again; what is not read has a reason. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "zone/catalog.h"
#include "zone/text.h"

#define MOST 20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int add(void *ctx, const struct hf_zone_record *record)
{
	return hf_zone_build_add(ctx, record);
}

static void no_fault(void *ctx, uint32_t line, const char *why)
{
	(void)ctx;
	(void)line;
	hf_require(*why);
}

static const struct hf_zone_handler handler = {add, no_fault, NULL};

/* What a zone must have stands before it. */
static struct hf_zone *make(const uint8_t *data, size_t size)
{
	static const char head[] = "@ SOA . . 1 1 1 1 1\n@ NS .\n";
	const struct hf_zone_limits limits = {.records = 1000};
	struct hf_zone_build *build;
	struct hf_zone *zone = NULL;
	struct hf_name origin;
	char *text = malloc(sizeof head + size);
	hf_require(text && !hf_name_from_text("cat", 3, &origin));
	memcpy(text, head, sizeof head - 1);
	memcpy(text + sizeof head - 1, data, size);
	const struct hf_zone_text in = {.text = text,
		.len = sizeof head - 1 + size,
		.origin = "cat.",
		.ttl = 60,
		.faults_max = 100};
	hf_require(!hf_zone_build_new(&origin, &limits, &build));
	int rc = hf_zone_text_read(&in, &handler, build);
	free(text);
	if (rc && rc != HF_ESYNTAX)
		hf_zone_build_free(build);
	else if (hf_zone_build_finish(build, no_fault, NULL, &zone))
		zone = NULL;
	return zone;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[HF_CATALOG_WHY_MAX] = "";
	struct hf_catalog catalog;
	struct hf_zone *zone = make(data, size);
	if (!zone)
		return 0;
	const char *const known[] = {"fast", "slow"};
	const struct hf_catalog_bounds bounds = {.most = MOST, .groups = {known, 2}};
	int rc = hf_catalog_read(zone, &bounds, why, &catalog);
	hf_require(rc == 0 || (rc == HF_EMALFORMED && *why));
	for (size_t i = 0; !rc && i < catalog.count; i++) {
		const struct hf_catalog_member *member = &catalog.members[i];
		hf_require(
			hf_name_wire_len(member->name.bytes, member->name.len) == member->name.len);
		hf_require(hf_catalog_find(&catalog, &member->name) == member);
		hf_require(*member->label && *member->label <= HF_LABEL_MAX);
		hf_require(strlen(member->group) < HF_CATALOG_GROUP_MAX);
	}
	if (!rc) {
		hf_require(catalog.count <= MOST);
		hf_catalog_clear(&catalog);
	}
	hf_zone_unref(zone);
	return 0;
}
