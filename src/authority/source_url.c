/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A zone from a web server (authority/download.h).
 *
 * The document is asked for unless it is still what we have (ETag, Last-Modified), held
 * against each digest that is given, and read as zone text. What we have is only asked
 * against where it is the very version that this source gave: not after a version was
 * refused, and not of a copy from the disk.
 * A document without a length could lack its end and nobody would see: it is taken only
 * with a digest. The digest's own document may be a moment older or newer than the zone's:
 * then the keeper comes again. A large document is measured and read by a hand
 * (authority/hands.h), so that other zones are looked after meanwhile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority/download.h"
#include "authority/hands.h"
#include "authority/source.h"
#include "base/check.h"
#include "base/error.h"
#include "zone/digest.h"
#include "zone/text.h"

/* Some five thousand records, read in ten milliseconds: less is not worth the way. */
#define LARGE (256u << 10)

/* Of records in front of a $TTL that name none: an hour, as from a file. */
#define TTL_DEFAULT 3600

/* Of memory, for each octet of a document: its own, of which a half may be room, what it
 * becomes while it is read, and the zone. */
#define DOCUMENT_TIMES 6

#define FAULTS_MAX 20
#define DIGEST_SHOWN 8 /* octets: enough to tell two apart */
#define DIGEST_TEXT (2 * DIGEST_SHOWN + 4)

struct document {
	uint8_t *body;
	size_t len;
	uint8_t sum[HF_SHA256];
	int digested;            /* by a header, as struct hf_downloaded has it */
	uint8_t said[HF_SHA256]; /* ... which says this */
	bool measured, vouched;  /* its length is known; a digest is right */
	char tag[HF_DOWNLOAD_TAG_MAX], modified[HF_DOWNLOAD_DATE_MAX];
	char note[HF_SOURCE_WHY_MAX]; /* where it was found, if that is another place */
};

/* A document that is measured, or read; by a hand, if it is large. */
struct reading {
	struct hf_job job;        /* first */
	struct url_source *owner; /* NULL: nobody wants it any more */
	void (*then)(struct url_source *s, struct reading *r, hf_us now);
	struct hf_name name;
	struct hf_zone_limits limits;
	struct document document;
	struct hf_zone_build *build;
	struct hf_zone *zone;
	bool ran;
	int rc;
	unsigned faults;
	char first[HF_SOURCE_WHY_MAX - 32];
};

struct url_source {
	struct hf_source source; /* first */
	struct hf_download *download;
	struct reading *reading; /* NULL: none is under way */
	struct hf_timer wait;
	struct hf_space space; /* the document, and the zone that is made of it */
	uint64_t later;        /* so much of it could not be had now; 0: it could */
	unsigned first; /* the address to begin with: another one after a failure */
	/* ---- what was given last ---- */
	bool given;
	uint32_t serial;
	uint8_t sum[HF_SHA256];
	char tag[HF_DOWNLOAD_TAG_MAX], modified[HF_DOWNLOAD_DATE_MAX];
	/* ---- of this fetch ---- */
	bool same; /* what is here is what was given last */
	struct document document;
	/* ---- to be seen ---- */
	int status;
	hf_us at;
};

/* ---- the end ---- */

static void drop_document(struct url_source *s)
{
	free(s->document.body);
	s->document = (struct document){.body = NULL};
}

static void cancel(struct hf_source *source)
{
	struct url_source *s = (struct url_source *)source;
	hf_timer_disarm(hf_loop_timers(source->conf.loop), &s->wait);
	hf_download_end(s->download);
	s->download = NULL;
	if (s->reading)
		s->reading->owner = NULL;
	s->reading = NULL;
	hf_space_give(hf_calls_spaces(source->conf.calls), &s->space);
	drop_document(s);
}

/* Nothing of the source may be touched behind it. Takes the zone. */
static void finish(struct url_source *s, struct hf_fetched fetched, hf_us now)
{
	const struct hf_source_conf conf = s->source.conf;
	char why[HF_SOURCE_WHY_MAX];
	snprintf(why, sizeof why, "%s", fetched.why);
	fetched.why = why;
	fetched.primary = HF_SOURCE_NO_PRIMARY;
	cancel(&s->source);
	conf.handler->fetched(conf.ctx, &fetched, now);
	hf_zone_unref(fetched.zone);
}

static void fail(struct url_source *s, const char *why, hf_us now)
{
	s->first++;
	finish(s, (struct hf_fetched){.result = HF_SOURCE_FAILED, .why = why}, now);
}

static void has_nothing(struct url_source *s, hf_us now)
{
	finish(s, (struct hf_fetched){.result = HF_SOURCE_NOTHING, .serial = s->serial, .why = ""},
		now);
}

/* ---- what takes long ---- */

static void done(struct hf_job *job, hf_us now)
{
	struct reading *r = (struct reading *)job;
	struct url_source *s = r->owner;
	if (s)
		s->reading = NULL;
	if (s && r->ran && !hf_hands_are_over(s->source.conf.hands))
		r->then(s, r, now);
	hf_zone_unref(r->zone);
	free(r->document.body);
	free(r);
}

/* Takes the document along. */
static void work(struct url_source *s, void (*run)(struct hf_job *job),
	void (*then)(struct url_source *s, struct reading *r, hf_us now), hf_us now)
{
	const struct hf_source_conf *conf = &s->source.conf;
	struct reading *r = calloc(1, sizeof *r);
	if (!r) {
		fail(s, hf_strerror(-ENOMEM), now);
		return;
	}
	r->job = (struct hf_job){.run = run, .done = done};
	r->owner = s;
	r->then = then;
	r->name = conf->zone->name;
	r->limits = conf->limits;
	r->document = s->document;
	s->document = (struct document){.body = NULL};
	s->reading = r;
	if (hf_hands_are_open(conf->hands) && r->document.len >= LARGE) {
		hf_hands_give(conf->hands, &r->job);
		return;
	}
	run(&r->job);
	done(&r->job, now);
}

/* ---- a document is read ---- */

static void fault(void *ctx, uint32_t line, const char *why)
{
	struct reading *r = ctx;
	if (r->faults++)
		return;
	if (line)
		snprintf(r->first, sizeof r->first, "line %u: %s", line, why);
	else
		snprintf(r->first, sizeof r->first, "%s", why);
}

static int record(void *ctx, const struct hf_zone_record *record)
{
	struct reading *r = ctx;
	int rc = hf_zone_build_add(r->build, record);
	if (rc == HF_EBOUND)
		fault(r, record->line, "there is more than the zone may have");
	return rc;
}

static int read_zone(struct reading *r)
{
	/* $INCLUDE would reach for files of this machine. */
	static const struct hf_zone_handler handler = {record, fault, NULL};
	char origin[HF_NAME_TEXT_MAX];
	const struct hf_zone_text in = {.text = (const char *)r->document.body,
		.len = r->document.len,
		.origin = hf_name_text(r->name.bytes, origin),
		.ttl = TTL_DEFAULT,
		.faults_max = FAULTS_MAX};
	int rc = hf_zone_build_new(&r->name, &r->limits, &r->build);
	if (rc)
		return rc;
	rc = hf_zone_text_read(&in, &handler, r);
	if (!rc)
		return hf_zone_build_finish(r->build, fault, r, &r->zone);
	hf_zone_build_free(r->build);
	return rc;
}

static void run_read(struct hf_job *job)
{
	struct reading *r = (struct reading *)job;
	r->rc = read_zone(r);
	r->ran = true;
}

static void document_was_read(struct url_source *s, struct reading *r, hf_us now)
{
	char why[HF_SOURCE_WHY_MAX];
	if (r->rc) {
		if (r->faults > 1)
			snprintf(why, sizeof why, "%s (and %u more)", r->first, r->faults - 1);
		else
			snprintf(why, sizeof why, "%s", r->faults ? r->first : hf_strerror(r->rc));
		fail(s, why, now);
		return;
	}
	const struct document *d = &r->document;
	struct hf_fetched fetched = {.result = HF_SOURCE_NEW,
		.zone = r->zone,
		.serial = hf_zone_soa(r->zone)->serial,
		.why = d->note};
	r->zone = NULL; /* finish lets go of it */
	s->given = true;
	s->serial = fetched.serial;
	memcpy(s->sum, d->sum, sizeof s->sum);
	memcpy(s->tag, d->tag, sizeof s->tag);
	memcpy(s->modified, d->modified, sizeof s->modified);
	finish(s, fetched, now);
}

/* ---- a document is judged ---- */

static void take_document(struct url_source *s, hf_us now)
{
	const struct document *d = &s->document;
	if (!d->measured && !d->vouched) {
		fail(s,
			"the server does not say how long it is, and there is no digest: a part of "
			"it "
			"might be missing",
			now);
	} else if (s->same && memcmp(d->sum, s->sum, sizeof s->sum) == 0) {
		memcpy(s->tag, d->tag, sizeof s->tag);
		memcpy(s->modified, d->modified, sizeof s->modified);
		has_nothing(s, now);
	} else {
		work(s, run_read, document_was_read, now);
	}
}

static const char *show(const uint8_t *digest, char buf[static DIGEST_TEXT])
{
	for (unsigned i = 0; i < DIGEST_SHOWN; i++)
		snprintf(buf + 2 * i, 3, "%02x", digest[i]);
	snprintf(buf + 2 * DIGEST_SHOWN, 4, "...");
	return buf;
}

static void differs(struct url_source *s, const char *who, const uint8_t *said, hf_us now)
{
	char why[HF_SOURCE_WHY_MAX], a[DIGEST_TEXT], b[DIGEST_TEXT];
	snprintf(why, sizeof why, "its SHA-256 is %s, %s says %s", show(s->document.sum, a), who,
		show(said, b));
	fail(s, why, now);
}

static void digest_came(void *ctx, const struct hf_downloaded *downloaded, hf_us now)
{
	struct url_source *s = ctx;
	const char *url = s->source.conf.zone->url;
	uint8_t digest[HF_SHA256];
	char why[HF_SOURCE_WHY_MAX];
	size_t len;
	if (downloaded->why[0]) {
		snprintf(why, sizeof why, "url-digest: %s", downloaded->why);
		fail(s, why, now);
		return;
	}
	const char *file = hf_url_file(url, &len);
	int rc = hf_document_digest(
		(const char *)downloaded->body, downloaded->len, file, len, digest);
	if (rc) {
		fail(s,
			rc == -ENOENT ? "url-digest does not name the file"
				      : "url-digest is not what sha256sum writes",
			now);
	} else if (memcmp(digest, s->document.sum, sizeof digest) != 0) {
		differs(s, "url-digest", digest, now);
	} else {
		s->document.vouched = true;
		take_document(s, now);
	}
}

static struct hf_download_conf conf_of(struct url_source *s)
{
	return (struct hf_download_conf){.calls = s->source.conf.calls,
		.zone = s->source.conf.zone,
		.kind = HF_TURN_TRANSFER,
		.patience = HF_DOWNLOAD_LONGEST,
		.first = s->first,
		.ctx = s};
}

static void ask_for_digest(struct url_source *s, hf_us now)
{
	struct hf_download_conf conf = conf_of(s);
	hf_download_end(s->download);
	s->download = NULL;
	conf.url = s->source.conf.zone->url_digest;
	conf.most = HF_DOCUMENT_MAX;
	conf.patience = HF_SOURCE_PATIENCE;
	conf.done = digest_came;
	int rc = hf_download_begin(&conf, &s->download);
	if (rc)
		fail(s, hf_strerror(rc), now);
}

static void keep_document(struct url_source *s, const struct hf_downloaded *downloaded)
{
	struct document *d = &s->document;
	d->len = downloaded->len;
	d->measured = downloaded->measured;
	d->digested = (int)downloaded->digested;
	memcpy(d->said, downloaded->digest, sizeof d->said);
	snprintf(d->tag, sizeof d->tag, "%s", downloaded->tag);
	snprintf(d->modified, sizeof d->modified, "%s", downloaded->modified);
	if (downloaded->redirected)
		snprintf(d->note, sizeof d->note, "redirected to %.100s", downloaded->url);
	d->body = hf_download_take(s->download);
}

static void run_measure(struct hf_job *job)
{
	struct reading *r = (struct reading *)job;
	hf_sha256(r->document.body, r->document.len, r->document.sum);
	r->ran = true;
}

static void document_was_measured(struct url_source *s, struct reading *r, hf_us now)
{
	s->document = r->document;
	r->document.body = NULL;
	if (s->document.digested == HF_DIGEST_GARBLED) {
		fail(s, "the header with its digest cannot be read", now);
	} else if (s->document.digested == HF_DIGEST_GIVEN &&
		   memcmp(s->document.said, s->document.sum, HF_SHA256) != 0) {
		differs(s, "its header", s->document.said, now);
	} else {
		s->document.vouched = s->document.digested == HF_DIGEST_GIVEN;
		if (strcmp(s->source.conf.zone->url_digest, "none") != 0)
			ask_for_digest(s, now);
		else
			take_document(s, now);
	}
}

/* Others have the memory: all is dropped, and asked for anew when there is enough. */
static void put_off(struct url_source *s, hf_us now)
{
	const struct hf_source_conf *conf = &s->source.conf;
	cancel(&s->source);
	hf_space_wait(hf_calls_spaces(conf->calls), &s->space, s->later);
	conf->handler->put_off(conf->ctx, now);
}

static const char *document_grows(void *ctx, size_t len)
{
	struct url_source *s = ctx;
	uint64_t octets = DOCUMENT_TIMES * (uint64_t)len;
	switch (hf_space_take(hf_calls_spaces(s->source.conf.calls), &s->space, octets)) {
	case HF_SPACE_TAKEN: return NULL;
	case HF_SPACE_LATER: s->later = octets; return "others have the memory";
	case HF_SPACE_NEVER:
	default: return HF_SOURCE_NO_SPACE;
	}
}

static void zone_came(void *ctx, const struct hf_downloaded *downloaded, hf_us now)
{
	struct url_source *s = ctx;
	s->status = downloaded->status;
	s->at = now;
	if (s->later) {
		put_off(s, now);
		return;
	}
	if (downloaded->why[0]) {
		fail(s, downloaded->why, now);
		return;
	}
	if (downloaded->status == 304) {
		has_nothing(s, now);
		return;
	}
	keep_document(s, downloaded);
	work(s, run_measure, document_was_measured, now);
}

/* ---- asking ---- */

static void ask(struct url_source *s, hf_us now)
{
	const struct hf_source_conf *source = &s->source.conf;
	struct hf_download_conf conf = conf_of(s);
	s->later = 0;
	conf.url = source->zone->url;
	conf.most =
		source->limits.octets < HF_ZONE_TEXT_MAX ? source->limits.octets : HF_ZONE_TEXT_MAX;
	conf.tag = s->same ? s->tag : NULL;
	conf.modified = s->same ? s->modified : NULL;
	conf.grows = document_grows;
	conf.done = zone_came;
	int rc = hf_download_begin(&conf, &s->download);
	if (rc)
		fail(s, hf_strerror(rc), now);
}

static void space_came(struct hf_space *space, hf_us now)
{
	ask((struct url_source *)((char *)space - offsetof(struct url_source, space)), now);
}

static void waited(struct hf_timer *timer, hf_us now)
{
	ask((struct url_source *)((char *)timer - offsetof(struct url_source, wait)), now);
}

static void begin(struct hf_source *source, const struct hf_fetch *fetch, hf_us now)
{
	struct url_source *s = (struct url_source *)source;
	cancel(source);
	s->same = fetch->have && !fetch->whole && s->given &&
		  hf_zone_soa(fetch->have)->serial == s->serial;
	if (fetch->within <= 0) {
		ask(s, now);
		return;
	}
	hf_timer_arm(hf_loop_timers(source->conf.loop), &s->wait,
		now + hf_loop_random_u32(source->conf.loop) % (uint64_t)fetch->within);
}

static void free_source(struct hf_source *source)
{
	cancel(source);
	free((struct url_source *)source);
}

static void sight(const struct hf_source *source, struct hf_source_sight *ret)
{
	const struct url_source *s = (const struct url_source *)source;
	ret->status = s->status;
	ret->at = s->at;
	snprintf(ret->tag, sizeof ret->tag, "%.*s", HF_SOURCE_TAG_MAX - 1, s->tag);
}

static const struct hf_source_ops ops = {begin, cancel, free_source, sight};

int hf_source_url_new(const struct hf_source_conf *conf, struct hf_source **ret)
{
	struct url_source *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->source = (struct hf_source){&ops, *conf};
	s->wait.fire = waited;
	s->space.come = space_came;
	*ret = &s->source;
	return 0;
}
