/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A zone from a file on this machine, read again when it has changed (authority/vigil.h). */
#include <stdio.h>
#include <stdlib.h>

#include "authority/source.h"
#include "authority/vigil.h"
#include "authority/zone_file.h"
#include "base/check.h"
#include "base/error.h"

struct file_source {
	struct hf_source source;     /* first */
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

struct faults {
	unsigned count;
	char first[HF_SOURCE_WHY_MAX - 32];
};

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

static void read_it(struct file_source *s, hf_us now)
{
	const struct hf_source_conf *conf = &s->source.conf;
	struct faults faults = {.count = 0};
	char *why = s->why;
	struct hf_zone *zone = NULL;
	struct hf_fetched fetched = {
		.result = HF_SOURCE_FAILED, .primary = HF_SOURCE_NO_PRIMARY, .why = why};
	int rc = hf_zone_file_read(conf->zone->file, &conf->zone->name, &conf->limits, fault,
		&faults, &s->files, &zone);
	s->read = !rc;
	s->bad = rc == HF_EMALFORMED;
	hf_vigil_moved(&s->vigil);
	if (!rc) {
		fetched.result = HF_SOURCE_NEW;
		fetched.zone = zone;
		fetched.serial = hf_zone_soa(zone)->serial;
		fetched.why = "";
	} else if (faults.count > 1) {
		snprintf(why, sizeof s->why, "%s (and %u more)", faults.first, faults.count - 1);
	} else {
		snprintf(why, sizeof s->why, "%s", faults.count ? faults.first : hf_strerror(rc));
	}
	report(s, &fetched, now);
	hf_zone_unref(zone);
}

static void begin(struct hf_source *source, const struct hf_fetch *fetch, hf_us now)
{
	struct file_source *s = (struct file_source *)source;
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

/* It ends before begin returns. */
static void cancel(struct hf_source *source)
{
	(void)source;
}

static void free_source(struct hf_source *source)
{
	struct file_source *s = (struct file_source *)source;
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
