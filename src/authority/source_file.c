/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A zone from a file on this machine, looked at every other second and whenever the
 * directory says that something has changed. Whoever writes it may do so in pieces: it is
 * read when it has looked the same for a while. */
#include <stdio.h>
#include <stdlib.h>

#include "authority/source.h"
#include "authority/watch.h"
#include "authority/zone_file.h"
#include "base/check.h"
#include "base/error.h"

#define LOOK_EVERY (2 * HF_SECOND)   /* where nobody tells us */
#define LOOK_SELDOM (30 * HF_SECOND) /* where somebody does, and might have missed it */
#define SETTLED (300 * HF_MS)
#define SETTLES_MAX 20 /* one that is written to all the time is read all the same */

struct file_source {
	struct hf_source source;     /* first */
	struct hf_zone_files files;  /* as they were read last, or given up */
	struct hf_zone_files seen;   /* while they settle */
	bool read;                   /* `files` were a good zone */
	bool bad;                    /* ... or had faults */
	char why[HF_SOURCE_WHY_MAX]; /* the first of them */
	unsigned settling;
	struct hf_watcher *watcher;
	struct hf_timer look;
};

static void look_again(struct file_source *s, hf_us now, hf_us after)
{
	hf_timer_arm(hf_loop_timers(s->source.conf.loop), &s->look, now + after);
}

static hf_us rest(const struct file_source *s)
{
	hf_us every = s->watcher ? LOOK_SELDOM : LOOK_EVERY;
	return every + hf_loop_random_u32(s->source.conf.loop) % (uint32_t)(every / 4);
}

/* ---- looking ---- */

static void take_prints(struct file_source *s)
{
	hf_zone_files_clear(&s->seen);
	if (hf_zone_files_look(&s->files, &s->seen))
		hf_zone_files_clear(&s->seen);
}

static void look(struct hf_timer *timer, hf_us now)
{
	struct file_source *s =
		(struct file_source *)((char *)timer - offsetof(struct file_source, look));
	if (hf_zone_files_same(&s->files)) {
		s->settling = 0;
		look_again(s, now, rest(s));
		return;
	}
	bool still = s->settling && hf_zone_files_same(&s->seen);
	if (!still && s->settling++ < SETTLES_MAX) {
		take_prints(s);
		look_again(s, now, SETTLED);
		return;
	}
	s->settling = 0;
	look_again(s, now, rest(s));
	s->source.conf.handler->changed(s->source.conf.ctx, now);
}

/* Somebody wrote to the directory: what else is in it does not matter. */
static void stirred(void *ctx, hf_us now)
{
	struct file_source *s = ctx;
	if (!s->settling)
		look_again(s, now, SETTLED / 3);
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

static void watch(struct file_source *s)
{
	if (s->watcher)
		hf_watcher_look_at(s->watcher, &s->files);
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
	watch(s);
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
	hf_timer_disarm(hf_loop_timers(source->conf.loop), &s->look);
	hf_watcher_free(s->watcher);
	hf_zone_files_clear(&s->files);
	hf_zone_files_clear(&s->seen);
	free(s);
}

static const struct hf_source_ops ops = {begin, cancel, free_source};

int hf_source_file_new(const struct hf_source_conf *conf, struct hf_source **ret)
{
	struct file_source *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->source = (struct hf_source){&ops, *conf};
	s->look.fire = look;
	/* Without a watcher it is looked at more often. */
	if (conf->watch && hf_watcher_new(conf->watch, stirred, s, &s->watcher))
		s->watcher = NULL;
	look_again(s, hf_loop_now(conf->loop), rest(s));
	*ret = &s->source;
	return 0;
}
