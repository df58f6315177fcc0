/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Local data: the records of the configuration, as a server would take them. Files are none
 * of a configuration's faults: they come and go without it (check_zones.c). */
#include <string.h>

#include "base/error.h"
#include "face/config_rows.h"
#include "zone/local.h"
#include "zone/rules.h"

struct checking {
	struct hf_reading *r;
	uint32_t at; /* of the record that is read */
};

static void fault(void *ctx, const char *path, uint32_t line, const char *why)
{
	const struct checking *c = ctx;
	(void)path;
	(void)line;
	hf_complain(c->r->source, c->at, "%s", why);
}

/* Where each record stands is told with it as long as it is served. */
static int note_lines(struct hf_reading *r)
{
	struct hf_local_conf *conf = &r->config->local;
	uint32_t *lines =
		hf_arena_get(&r->config->arena, (conf->records.count + 1) * sizeof *lines);
	uint32_t key = hf_place_of(r, HF_SECTION_LOCAL, 0, "records");
	if (!lines)
		return -ENOMEM;
	for (size_t i = 0; i < conf->records.count; i++)
		lines[i] = hf_source_line(r->source, hf_place_of_item(r, &conf->records, i, key));
	conf->lines = lines;
	conf->source = r->config->source;
	return 0;
}

static int read_records(struct checking *c, struct hf_local_build *build)
{
	const struct hf_local_conf *conf = &c->r->config->local;
	uint32_t key = hf_place_of(c->r, HF_SECTION_LOCAL, 0, "records");
	int rc = 0;
	for (size_t i = 0; !rc && i < conf->records.count; i++) {
		const char *text = conf->records.items[i];
		c->at = hf_place_of_item(c->r, &conf->records, i, key);
		rc = hf_local_read_record(build, conf->source, conf->lines[i], text, strlen(text));
	}
	return rc;
}

static int check_records(struct hf_reading *r, const struct hf_zone_rules *zones)
{
	struct checking c = {r, hf_place_of(r, HF_SECTION_LOCAL, 0, "records")};
	const struct hf_local_rules rules = {r->config->forward.truth.tombstones.all, zones};
	const struct hf_local_teller teller = {fault, fault, &c};
	struct hf_local_build *build;
	struct hf_local *local = NULL;
	int rc = hf_local_build_new(&rules, &teller, &build);
	if (rc)
		return rc;
	rc = read_records(&c, build);
	if (rc) {
		hf_local_build_free(build);
		return rc;
	}
	rc = hf_local_build_finish(build, &local);
	hf_local_unref(local);
	return rc;
}

static void check_hosts(struct hf_reading *r)
{
	const struct hf_text_list *hosts = &r->config->local.hosts;
	if (hosts->count > HF_LOCAL_SOURCES_MAX)
		hf_complain(r->source, hf_place_of(r, HF_SECTION_LOCAL, 0, "hosts"),
			"there are more than %d hosts files", HF_LOCAL_SOURCES_MAX);
}

void hf_check_local(struct hf_reading *r)
{
	struct hf_zone_rules *zones = NULL;
	check_hosts(r);
	int rc = note_lines(r);
	if (!rc)
		rc = hf_zone_rules_of_names(&r->config->zones, &zones);
	if (!rc)
		rc = check_records(r, zones);
	hf_zone_rules_free(zones);
	if (rc == -ENOMEM)
		r->failed = rc;
}
