/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/check_zones.h"

#include <string.h>

#include "authority/zone_file.h"
#include "base/error.h"
#include "zone/sanity.h"

static void fault(void *ctx, const char *path, uint32_t line, const char *why)
{
	if (line)
		fprintf(ctx, "%s:%u: error: %s\n", path, line, why);
	else
		fprintf(ctx, "%s: error: %s\n", path, why);
}

/* Whole, but would a server take it? */
static bool is_sane(const struct hf_zone_conf *conf, const struct hf_tombstones *tombstones,
	const struct hf_zone *zone, FILE *complaints)
{
	const struct hf_sanity_conf sanity = {
		.max_shrink = 100, .never = &conf->never, .tombstones = tombstones};
	char why[HF_SANITY_WHY_MAX];
	if (hf_sanity(&sanity, NULL, zone, why))
		return true;
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

size_t hf_check_zone_files(const struct hf_config *config, FILE *complaints)
{
	size_t bad = 0;
	for (size_t i = 0; i < config->zones.zone_count; i++) {
		const struct hf_zone_conf *zone = &config->zones.zones[i];
		if (strcmp(zone->file, "none") != 0)
			bad += !check(zone, config->forward.truth.tombstones.all, complaints);
	}
	return bad;
}
