/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/locals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "zone/sanity.h"

struct shelf { /* of one layer */
	struct hf_locals *locals;
	enum hf_local_layer layer;
	struct hf_local *local; /* or NULL */
	struct hf_zone_files files;
	struct hf_vigil vigil;
	hf_us loaded;
	unsigned refused;
	unsigned faults; /* of what is read */
	char fault[200]; /* the first of them */
	size_t name_at;  /* in it: the file's name, behind its folders */
};

struct hf_locals {
	struct hf_locals_conf conf;
	struct shelf shelves[HF_LOCAL_LAYERS];
};

/* ---- telling ---- */

static void say(struct shelf *shelf, enum hf_local_news news, const char *why)
{
	const struct hf_locals_conf *conf = &shelf->locals->conf;
	struct hf_event event = {.kind = HF_EVENT_LOCAL,
		.slot = (uint16_t)shelf->layer,
		.at = hf_loop_now(conf->loop),
		.a = (int32_t)news,
		.b = shelf->local ? (int32_t)hf_zone_records(hf_local_zone(shelf->local)) : 0};
	hf_event_why(&event, why);
	conf->tell(conf->ctx, &event);
}

static void fault(void *ctx, const char *path, uint32_t line, const char *why)
{
	struct shelf *shelf = ctx;
	if (shelf->faults++)
		return;
	const char *slash = strrchr(path, '/');
	shelf->name_at = slash ? (size_t)(slash + 1 - path) : 0;
	if (line)
		snprintf(shelf->fault, sizeof shelf->fault, "%s:%u: %s", path, line, why);
	else
		snprintf(shelf->fault, sizeof shelf->fault, "%.90s: %.100s", path, why);
}

/* As many words as an event has; the folders are the first to be left out. */
static void shorten(const struct shelf *shelf, char *text, size_t size)
{
	size_t room = shelf->faults > 1 ? size - sizeof " (and 4294967295 more)" : size - 1;
	size_t len = strlen(shelf->fault);
	size_t from = len > room && shelf->name_at < len ? shelf->name_at : 0;
	if (shelf->faults > 1)
		snprintf(text, size, "%.*s (and %u more)", (int)room, shelf->fault + from,
			shelf->faults - 1);
	else
		snprintf(text, size, "%.*s", (int)room, shelf->fault + from);
}

static void remark(void *ctx, const char *path, uint32_t line, const char *why)
{
	char text[HF_EVENT_WHY];
	snprintf(text, sizeof text, "%s:%u: %.100s", path, line, why);
	say(ctx, HF_LOCAL_REMARK, text);
}

/* ---- reading ---- */

static int read_file(struct shelf *shelf, struct hf_local_build *build, const char *path)
{
	char why[HF_ZONE_FILE_WHY_MAX], *text = NULL;
	size_t len = 0;
	int rc = hf_zone_files_add(&shelf->files, path);
	if (!rc)
		rc = hf_zone_file_text(path, &text, &len, why);
	if (rc == HF_EMALFORMED) {
		fault(shelf, path, 0, why);
		return 0;
	}
	if (!rc && shelf->layer == HF_LOCAL_HOSTS)
		rc = hf_local_read_hosts(build, shelf->locals->conf.local, path, text, len);
	else if (!rc)
		rc = hf_local_read_text(build, path, text, len);
	free(text);
	return rc;
}

static int read_sources(struct shelf *shelf, struct hf_local_build *build, bool files)
{
	const struct hf_local_conf *conf = shelf->locals->conf.local;
	int rc = 0;
	if (shelf->layer == HF_LOCAL_DATA) {
		rc = hf_local_read_records(build, conf);
		if (!rc && files && strcmp(conf->file, "none") != 0)
			rc = read_file(shelf, build, conf->file);
	}
	for (size_t i = 0; !rc && shelf->layer == HF_LOCAL_HOSTS && i < conf->hosts.count; i++)
		rc = read_file(shelf, build, conf->hosts.items[i]);
	return rc;
}

static int make_of(struct shelf *shelf, bool files, struct hf_local **ret)
{
	const struct hf_local_teller teller = {fault, remark, shelf};
	struct hf_local_build *build;
	*ret = NULL;
	int rc = hf_local_build_new(&shelf->locals->conf.rules, &teller, &build);
	if (rc)
		return rc;
	rc = read_sources(shelf, build, files);
	if (!rc || rc == HF_EBOUND)
		return hf_local_build_finish(build, ret);
	hf_local_build_free(build);
	return rc;
}

/* All sources of the layer; what is good of them. If the file's records do not go together,
 * or with those of the configuration, these alone. -ENOMEM; else a layer, or NULL. */
static int make(struct shelf *shelf, struct hf_local **ret)
{
	shelf->faults = 0;
	shelf->fault[0] = 0;
	shelf->name_at = 0;
	hf_zone_files_clear(&shelf->files);
	int rc = make_of(shelf, true, ret);
	if (rc == HF_EMALFORMED && shelf->layer == HF_LOCAL_DATA)
		rc = make_of(shelf, false, ret);
	hf_vigil_moved(&shelf->vigil);
	return rc == -ENOMEM ? rc : 0;
}

static bool is_given(const struct shelf *shelf)
{
	const struct hf_local_conf *conf = shelf->locals->conf.local;
	return shelf->layer == HF_LOCAL_HOSTS
		       ? conf->hosts.count > 0
		       : conf->records.count || strcmp(conf->file, "none") != 0;
}

static void put_up(struct shelf *shelf, struct hf_local *local)
{
	hf_local_unref(shelf->local);
	shelf->local = local;
	shelf->loaded = hf_loop_now(shelf->locals->conf.loop);
}

static void read_again(struct shelf *shelf)
{
	struct hf_local *local;
	char text[HF_EVENT_WHY];
	if (make(shelf, &local)) {
		fault(shelf, "local data", 0, hf_strerror(-ENOMEM));
		local = NULL;
	}
	bool take = local && (!shelf->faults || !shelf->local);
	if (take)
		put_up(shelf, local);
	else
		hf_local_unref(local);
	if (!shelf->faults) {
		say(shelf, HF_LOCAL_LOADED, "");
		return;
	}
	shelf->refused++;
	shorten(shelf, text, sizeof text);
	say(shelf, take ? HF_LOCAL_PARTLY : HF_LOCAL_REFUSED, text);
}

static void changed(void *ctx, hf_us now)
{
	struct shelf *shelf = ctx;
	const struct hf_local *before = shelf->local;
	(void)now;
	read_again(shelf);
	shelf->locals->conf.changed(shelf->locals->conf.ctx, shelf->local != before);
}

/* ---- life ---- */

static bool same_texts(const struct hf_text_list *a, const struct hf_text_list *b)
{
	bool same = a->count == b->count;
	for (size_t i = 0; same && i < a->count; i++)
		same = strcmp(a->items[i], b->items[i]) == 0;
	return same;
}

/* Is what lay on the shelf still what is to lie there, should its sources be broken now? */
static bool may_stay(const struct shelf *shelf, const struct shelf *before)
{
	const struct hf_locals_conf *conf = &shelf->locals->conf;
	const struct hf_local_conf *was = before->locals->conf.local;
	const struct hf_sanity_conf sanity = {.tombstones = conf->rules.tombstones};
	char why[HF_SANITY_WHY_MAX];
	return before->local && same_texts(&conf->local->records, &was->records) &&
	       same_texts(&conf->local->hosts, &was->hosts) &&
	       strcmp(conf->local->file, was->file) == 0 &&
	       hf_sanity_addresses(&sanity, hf_local_zone(before->local), why);
}

static void fill(struct shelf *shelf, const struct shelf *before)
{
	struct hf_locals *locals = shelf->locals;
	shelf->loaded = HF_NEVER;
	if (before) {
		shelf->refused = before->refused;
		if (is_given(shelf) && may_stay(shelf, before)) {
			shelf->local = hf_local_ref(before->local);
			shelf->loaded = before->loaded;
		}
	}
	if (!is_given(shelf))
		return;
	hf_vigil_begin(&shelf->vigil, locals->conf.loop, locals->conf.watch, &shelf->files, changed,
		shelf);
	read_again(shelf);
}

int hf_locals_new(
	const struct hf_locals_conf *conf, const struct hf_locals *before, struct hf_locals **ret)
{
	struct hf_locals *locals = calloc(1, sizeof *locals);
	if (!locals)
		return -ENOMEM;
	locals->conf = *conf;
	for (unsigned i = 0; i < HF_LOCAL_LAYERS; i++) {
		locals->shelves[i].locals = locals;
		locals->shelves[i].layer = (enum hf_local_layer)i;
		fill(&locals->shelves[i], before ? &before->shelves[i] : NULL);
	}
	*ret = locals;
	return 0;
}

void hf_locals_free(struct hf_locals *locals)
{
	if (!locals)
		return;
	for (unsigned i = 0; i < HF_LOCAL_LAYERS; i++) {
		struct shelf *shelf = &locals->shelves[i];
		hf_vigil_end(&shelf->vigil);
		hf_zone_files_clear(&shelf->files);
		hf_local_unref(shelf->local);
	}
	free(locals);
}

/* ---- readers ---- */

struct hf_local *hf_locals_layer(const struct hf_locals *locals, enum hf_local_layer layer)
{
	return locals->shelves[layer].local;
}

void hf_locals_figures(
	const struct hf_locals *locals, enum hf_local_layer layer, struct hf_local_figures *ret)
{
	const struct shelf *shelf = &locals->shelves[layer];
	const struct hf_zone *zone = shelf->local ? hf_local_zone(shelf->local) : NULL;
	*ret = (struct hf_local_figures){.given = is_given(shelf),
		.records = zone ? hf_zone_records(zone) : 0,
		.octets = zone ? hf_zone_octets(zone) : 0,
		.loaded = shelf->loaded,
		.refused = shelf->refused};
	memcpy(ret->fault, shelf->fault, sizeof ret->fault);
}
