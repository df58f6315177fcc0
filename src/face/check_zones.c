/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/check_zones.h"

#include <stdlib.h>
#include <string.h>

#include "authority/libcurl.h"
#include "authority/zone_file.h"
#include "base/error.h"
#include "face/config_source.h"
#include "xdp/xdp.h"
#include "zone/local.h"
#include "zone/rules.h"
#include "zone/sanity.h"

/* As much of a line as is shown; a zone may be one line of any length. */
#define SHOWN_MAX 160

/* The line itself, below what is wrong with it: why it cannot be read seldom says what. */
static void show_line(FILE *out, const char *path, uint32_t line)
{
	char text[SHOWN_MAX];
	FILE *file = fopen(path, "re");
	uint32_t at = 1;
	bool whole = true;
	if (!file)
		return;
	/* What does not fit comes with the next turns. */
	while (fgets(text, sizeof text, file)) {
		size_t len = strcspn(text, "\n");
		if (at == line && whole) {
			fprintf(out, "  ");
			hf_write_shown(out, text, len);
			fprintf(out, "%s\n", text[len] || feof(file) ? "" : "...");
			break;
		}
		whole = text[len] == '\n';
		at += whole;
	}
	fclose(file);
}

static void fault(void *ctx, const char *path, uint32_t line, const char *why)
{
	if (!line) {
		fprintf(ctx, "%s: error: %s\n", path, why);
		return;
	}
	fprintf(ctx, "%s:%u: error: %s\n", path, line, why);
	show_line(ctx, path, line);
}

/* Whole, but would a server take it? */
static bool is_sane(const struct hf_zone_conf *conf, const struct hf_tombstones *tombstones,
	const struct hf_zone *zone, FILE *complaints)
{
	struct hf_zone_record culprit = {.type = 0};
	const struct hf_sanity_conf sanity = {.max_shrink = 100,
		.never = &conf->never,
		.tombstones = tombstones,
		.ret_culprit = &culprit};
	char why[HF_SANITY_WHY_MAX], place[HF_ZONE_FILE_PLACE_MAX];
	if (hf_sanity(&sanity, NULL, zone, why))
		return true;
	if (culprit.type && hf_zone_file_find(conf->file, &conf->name, &culprit, place))
		fprintf(complaints, "%s: error: %s\n", place, why);
	else
		fault(complaints, conf->file, 0, why);
	return false;
}

static bool check(
	const struct hf_zone_conf *conf, const struct hf_tombstones *tombstones, FILE *complaints)
{
	struct hf_zone_files files = {.count = 0};
	struct hf_zone *zone = NULL;
	const struct hf_zone_limits limits = {.octets = conf->max_size};
	int rc = hf_zone_file_read(
		conf->file, &conf->name, &limits, fault, complaints, &files, &zone);
	if (rc == -ENOMEM)
		fault(complaints, conf->file, 0, hf_strerror(rc));
	bool good = !rc && is_sane(conf, tombstones, zone, complaints);
	hf_zone_unref(zone);
	hf_zone_files_clear(&files);
	return good;
}

/* ---- local data ---- */

static void remark(void *ctx, const char *path, uint32_t line, const char *why)
{
	fprintf(ctx, "%s:%u: warning: %s\n", path, line, why);
	show_line(ctx, path, line);
}

static int read_local(const struct hf_local_conf *conf, bool hosts, const char *path,
	struct hf_local_build *build, FILE *complaints)
{
	char why[HF_ZONE_FILE_WHY_MAX], *text;
	size_t len;
	int rc = hf_zone_file_text(path, &text, &len, why);
	if (rc) {
		fault(complaints, path, 0, rc == -ENOMEM ? hf_strerror(rc) : why);
		return rc;
	}
	rc = hosts ? hf_local_read_hosts(build, conf, path, text, len)
		   : hf_local_read_text(build, path, text, len);
	free(text);
	return rc;
}

static bool layer_is_good(const struct hf_local_conf *conf, const struct hf_local_rules *rules,
	bool hosts, FILE *complaints)
{
	const struct hf_local_teller teller = {fault, remark, complaints};
	const struct hf_text_list one = {&conf->file, 1}, *paths = hosts ? &conf->hosts : &one;
	struct hf_local_build *build;
	struct hf_local *local = NULL;
	if (hf_local_build_new(rules, &teller, &build))
		return false;
	/* The records of the configuration go along, with which those of the file must agree. */
	int rc = hosts ? 0 : hf_local_read_records(build, conf);
	for (size_t i = 0; i < paths->count; i++) {
		int error = read_local(conf, hosts, paths->items[i], build, complaints);
		rc = rc ? rc : error;
	}
	bool good = !hf_local_faults(build) && !rc;
	good &= hf_local_build_finish(build, &local) == 0;
	hf_local_unref(local);
	return good;
}

static size_t check_local(const struct hf_config *config, FILE *complaints)
{
	const struct hf_local_conf *conf = &config->local;
	struct hf_zone_rules *zones;
	size_t bad = 0;
	if (hf_zone_rules_of_names(&config->zones, &zones))
		return 1;
	const struct hf_local_rules rules = {config->forward.truth.tombstones.all, zones};
	if (strcmp(conf->file, "none") != 0)
		bad += !layer_is_good(conf, &rules, false, complaints);
	if (conf->hosts.count)
		bad += !layer_is_good(conf, &rules, true, complaints);
	hf_zone_rules_free(zones);
	return bad;
}

int hf_check_needed(const struct hf_config *config, FILE *complaints)
{
	const struct hf_zones_conf *zones = &config->zones;
	char why[HF_LIBCURL_WHY_MAX];
	for (size_t i = 0; i < zones->zone_count + zones->group_count; i++) {
		const struct hf_zone_conf *zone =
			i < zones->zone_count ? &zones->zones[i]
					      : &zones->groups[i - zones->zone_count].zone;
		char name[HF_NAME_TEXT_MAX];
		if (!hf_zone_conf_has_url(zone))
			continue;
		if (hf_libcurl_load(why) == 0)
			return 0;
		fprintf(complaints, "%s: error: zone %s: %s\n", config->source,
			hf_name_text(zone->name.bytes, name), why);
		return HF_ECONFIG;
	}
	return 0;
}

size_t hf_check_zone_files(const struct hf_config *config, FILE *complaints)
{
	size_t bad = 0;
	for (size_t i = 0; i < config->zones.zone_count; i++) {
		const struct hf_zone_conf *zone = &config->zones.zones[i];
		if (strcmp(zone->file, "none") != 0)
			bad += !check(zone, config->forward.truth.tombstones.all, complaints);
	}
	return bad + check_local(config, complaints);
}

void hf_check_drivers(const struct hf_config *config, FILE *complaints)
{
	const struct hf_text_list *xdp = &config->listen.xdp;
	for (size_t i = 0; i < xdp->count; i++) {
		const char *why = hf_xdp_hindrance(xdp->items[i]);
		if (why)
			fprintf(complaints,
				"%s: warning: listen.xdp: nothing is answered at %s: %s\n",
				config->source, xdp->items[i], why);
	}
}
