/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A zone from a file on this machine, read again when it has changed (authority/vigil.h); a
 * large one by a hand (authority/hands.h), so that other zones are looked after meanwhile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "authority/hands.h"
#include "authority/source.h"
#include "authority/vigil.h"
#include "authority/zone_file.h"
#include "base/check.h"
#include "base/error.h"

/* Some five thousand records, read in ten milliseconds: less is not worth the way. */
#define LARGE (256u << 10)

struct faults {
	unsigned count;
	char first[HF_SOURCE_WHY_MAX - 32];
};

/* All that reading takes and gives. */
struct reading {
	struct hf_job job;         /* first */
	struct file_source *owner; /* NULL: nobody wants it any more */
	struct hf_name name;
	struct hf_zone_limits limits;
	struct faults faults;
	struct hf_zone_files files;
	struct hf_zone *zone;
	int rc;
	char path[];
};

struct file_source {
	struct hf_source source;     /* first */
	struct reading *reading;     /* NULL: none is under way */
	struct hf_zone_files files;  /* as they were read last, or given up */
	bool read;                   /* `files` were a good zone */
	bool bad;                    /* ... or had faults */
	char why[HF_SOURCE_WHY_MAX]; /* the first of them */
	struct hf_vigil vigil;
};

static void changed(void *ctx, hf_us now)
{
	const struct file_source *s = ctx;
	s->source.conf.handler->changed(s->source.conf.ctx, now);
}

/* ---- reading ---- */

static void fault(void *ctx, const char *path, uint32_t line, const char *why)
{
	struct faults *faults = ctx;
	if (faults->count++)
		return;
	if (line)
		snprintf(faults->first, sizeof faults->first, "%s:%u: %s", path, line, why);
	else
		snprintf(faults->first, sizeof faults->first, "%s: %s", path, why);
}

static void report(struct file_source *s, const struct hf_fetched *fetched, hf_us now)
{
	s->source.conf.handler->fetched(s->source.conf.ctx, fetched, now);
}

static void free_reading(struct reading *r)
{
	hf_zone_unref(r->zone);
	hf_zone_files_clear(&r->files);
	free(r);
}

/* What came of it. */
static void take(struct file_source *s, struct reading *r, hf_us now)
{
	struct hf_fetched fetched = {
		.result = HF_SOURCE_FAILED, .primary = HF_SOURCE_NO_PRIMARY, .why = s->why};
	const struct hf_zone_files before = s->files;
	s->files = r->files;
	r->files = before;
	s->read = !r->rc;
	s->bad = r->rc == HF_EMALFORMED;
	hf_vigil_moved(&s->vigil);
	if (!r->rc) {
		fetched.result = HF_SOURCE_NEW;
		fetched.zone = r->zone;
		fetched.serial = hf_zone_soa(r->zone)->serial;
		fetched.why = "";
	} else if (r->faults.count > 1) {
		snprintf(s->why, sizeof s->why, "%s (and %u more)", r->faults.first,
			r->faults.count - 1);
	} else {
		snprintf(s->why, sizeof s->why, "%s",
			r->faults.count ? r->faults.first : hf_strerror(r->rc));
	}
	report(s, &fetched, now);
}

static void run(struct hf_job *job)
{
	struct reading *r = (struct reading *)job;
	r->rc = hf_zone_file_read(
		r->path, &r->name, &r->limits, fault, &r->faults, &r->files, &r->zone);
}

static void done(struct hf_job *job, hf_us now)
{
	struct reading *r = (struct reading *)job;
	struct file_source *s = r->owner;
	if (s)
		s->reading = NULL;
	if (s && r->rc != -ECANCELED && !hf_hands_are_over(s->source.conf.hands))
		take(s, r, now);
	free_reading(r);
}

static bool is_large(const struct file_source *s)
{
	struct stat st;
	uint64_t size = stat(s->source.conf.zone->file, &st) ? 0 : (uint64_t)st.st_size;
	for (size_t i = 1; i < s->files.count; i++) /* those that it included last time */
		size += s->files.items[i].size;
	return size >= LARGE;
}

static void read_it(struct file_source *s, hf_us now)
{
	const struct hf_source_conf *conf = &s->source.conf;
	size_t len = strlen(conf->zone->file) + 1;
	struct reading *r = calloc(1, sizeof *r + len);
	if (!r) {
		const struct hf_fetched failed = {.result = HF_SOURCE_FAILED,
			.primary = HF_SOURCE_NO_PRIMARY,
			.why = hf_strerror(-ENOMEM)};
		report(s, &failed, now);
		return;
	}
	r->job = (struct hf_job){.run = run, .done = done};
	r->owner = s;
	r->name = conf->zone->name;
	r->limits = conf->limits;
	r->rc = -ECANCELED; /* should nobody get to it before the end */
	memcpy(r->path, conf->zone->file, len);
	s->reading = r;
	if (hf_hands_are_open(conf->hands) && is_large(s)) {
		hf_hands_give(conf->hands, &r->job);
		return;
	}
	run(&r->job);
	done(&r->job, now);
}

static void cancel(struct hf_source *source)
{
	struct file_source *s = (struct file_source *)source;
	if (s->reading)
		s->reading->owner = NULL;
	s->reading = NULL;
}

static void begin(struct hf_source *source, const struct hf_fetch *fetch, hf_us now)
{
	struct file_source *s = (struct file_source *)source;
	cancel(source);
	if (s->bad && hf_zone_files_same(&s->files)) { /* nobody has mended it */
		const struct hf_fetched bad = {
			.result = HF_SOURCE_FAILED, .primary = HF_SOURCE_NO_PRIMARY, .why = s->why};
		report(s, &bad, now);
		return;
	}
	if (!fetch->have || !s->read || fetch->whole || !hf_zone_files_same(&s->files)) {
		read_it(s, now);
		return;
	}
	const struct hf_fetched nothing = {.result = HF_SOURCE_NOTHING,
		.serial = hf_zone_soa(fetch->have)->serial,
		.primary = HF_SOURCE_NO_PRIMARY,
		.why = ""};
	report(s, &nothing, now);
}

static void free_source(struct hf_source *source)
{
	struct file_source *s = (struct file_source *)source;
	cancel(source);
	hf_vigil_end(&s->vigil);
	hf_zone_files_clear(&s->files);
	free(s);
}

static const struct hf_source_ops ops = {begin, cancel, free_source, NULL};

int hf_source_file_new(const struct hf_source_conf *conf, struct hf_source **ret)
{
	struct file_source *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->source = (struct hf_source){&ops, *conf};
	hf_vigil_begin(&s->vigil, conf->loop, conf->watch, &s->files, changed, s);
	*ret = &s->source;
	return 0;
}
