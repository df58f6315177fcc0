/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses that are retired: the list in a file, and what is expected in spite of it. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "face/config_rows.h"
#include "truth/tombstones.h"

/* Faults of one file that are told. */
#define FAULTS_MAX 20

struct faults {
	struct hf_reading *r;
	const char *path;
	uint32_t at;
	unsigned count;
};

static void fault(void *ctx, size_t line, const char *text, size_t len, int error)
{
	struct faults *f = ctx;
	char quoted[HF_QUOTE_MAX];
	if (f->count++ >= FAULTS_MAX)
		return;
	hf_complain(f->r->source, f->at, "%s:%zu: '%s' is no address or prefix%s", f->path, line,
		hf_quote(text, len, quoted),
		error == HF_ERANGE ? " (there are bits behind its length, or that is too long)"
				   : "");
}

/* What the file has. False: that has been complained about. */
static bool read_list(struct hf_reading *r, const char *path, uint32_t at, size_t most,
	struct hf_prefix **ret, size_t *ret_count)
{
	struct faults faults = {r, path, at, 0};
	char *text;
	size_t len;
	int rc = hf_config_text(path, &text, &len);
	if (rc == HF_EBOUND)
		hf_complain(
			r->source, at, "%s has more than %u MiB", path, HF_CONFIG_FILE_MAX >> 20);
	else if (rc == -ESPIPE)
		hf_complain(r->source, at, "%s is no file", path);
	else if (rc)
		hf_complain(r->source, at, "%s cannot be read: %s", path, hf_strerror(rc));
	if (rc)
		return false;
	rc = hf_tombstones_read(text, len, most, fault, &faults, ret, ret_count);
	free(text);
	if (rc == HF_EBOUND)
		hf_complain(r->source, at, "there are more than %d tombstones", HF_TOMBSTONES_MAX);
	else if (rc)
		r->failed = rc;
	return !rc && !faults.count;
}

static int join(struct hf_tombstones_conf *conf, const struct hf_prefix *more, size_t count)
{
	size_t given = conf->addresses.count;
	struct hf_prefix *all = calloc(given + count + 1, sizeof *all);
	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < given; i++)
		all[i] = conf->addresses.items[i];
	for (size_t i = 0; i < count; i++)
		all[given + i] = more[i];
	int rc = given + count ? hf_tombstones_new(all, given + count, &conf->all) : 0;
	free(all);
	return rc;
}

/* That a host of a network is gone is usual; that all of what is expected is retired is a
 * mistake in one of the two. */
static void warn_expected(struct hf_reading *r)
{
	const struct hf_truth_conf *truth = &r->config->forward.truth;
	char inner[HF_ADDRESS_TEXT_MAX], outer[HF_ADDRESS_TEXT_MAX];
	for (size_t i = 0; i < truth->expectation_count; i++)
		for (size_t a = 0; a < truth->expectations[i].addresses.count; a++) {
			const struct hf_prefix *expected =
				&truth->expectations[i].addresses.items[a];
			const struct hf_prefix *retired =
				hf_tombstones_find(truth->tombstones.all, &expected->address);
			if (!retired || retired->bits > expected->bits)
				continue;
			hf_warn(r->source, hf_place_of(r, HF_SECTION_EXPECT, i, "addresses"),
				"%s lies in %s, which the tombstones have: no answer with it would "
				"reach a client",
				hf_prefix_text(expected, inner), hf_prefix_text(retired, outer));
		}
}

void hf_check_tombstones(struct hf_reading *r)
{
	struct hf_tombstones_conf *conf = &r->config->forward.truth.tombstones;
	uint32_t at = hf_place_of(r, HF_SECTION_TOMBSTONES, 0, "file");
	struct hf_prefix *more = NULL;
	size_t count = 0;
	if (conf->addresses.count > HF_TOMBSTONES_MAX) {
		hf_complain(r->source, hf_place_of(r, HF_SECTION_TOMBSTONES, 0, "addresses"),
			"there are more than %d tombstones", HF_TOMBSTONES_MAX);
		return;
	}
	if (strcmp(conf->file, "none") != 0 &&
		!read_list(r, conf->file, at, HF_TOMBSTONES_MAX - conf->addresses.count, &more,
			&count)) {
		free(more);
		return;
	}
	int rc = join(conf, more, count);
	free(more);
	if (rc)
		r->failed = rc;
	else if (conf->all)
		warn_expected(r);
}
