/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/lookout.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "authority/keys.h"
#include "base/hash.h"
#include "loop/loop_epoll.h"
#include "providers/report.h"
#include "providers/survey.h"
#include "truth/serials.h"

#define LABEL_MAX 256

struct server_row {
	char provider[64], address[HF_ADDRESS_TEXT_MAX];
	bool answers;
	uint32_t serial, behind;
};

struct known { /* a finding that was there at the last look */
	uint64_t key;
	char id[24];
	char text[HF_FINDING_TEXT_MAX];
};

struct zone {
	struct hf_name name;
	hf_us due;
	int64_t looked; /* wall clock; 0: never */
	size_t faults, unasked, server_count, known_count;
	struct server_row servers[HF_OUTLOOK_SERVERS];
	struct known *known;
};

struct hf_lookout {
	pthread_t thread;
	pthread_mutex_t lock; /* guards all below but what is the thread's */
	pthread_cond_t wake;
	int stop[2]; /* a pipe: readable once it is to end */
	bool ending;
	struct hf_config *config;
	struct zone *zones; /* of `looked_by`, in order; written by the thread */
	size_t zone_count;
	struct hf_config *looked_by; /* the thread's */
	struct hf_log *log;
	struct hf_hash_key key;
};

/* ---- what is new, what is gone ---- */

/* Figures may change while the finding stays: what stands before the first colon, or all if
 * there is none, names it. */
static uint64_t key_of(const struct hf_lookout *l, const struct hf_provider_finding *f)
{
	char what[HF_FINDING_TEXT_MAX + HF_ADDRESS_TEXT_MAX + 40],
		address[HF_ADDRESS_TEXT_MAX] = "";
	if (hf_address_set(&f->address))
		hf_address_text(&f->address, address);
	int len = snprintf(what, sizeof what, "%s %s %.*s", f->id, address,
		(int)strcspn(f->text, *address ? ":" : "\n"), f->text);
	return hf_hash(&l->key, 0, what, (size_t)len);
}

static bool has_key(const struct known *known, size_t count, uint64_t key)
{
	for (size_t i = 0; i < count; i++)
		if (known[i].key == key)
			return true;
	return false;
}

static void say(struct hf_lookout *l, const struct zone *zone, enum hf_log_level level,
	const char *message, const struct known *k)
{
	char name[HF_NAME_TEXT_MAX];
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("zone", hf_name_text(zone->name.bytes, name)),
		HF_LOG_TEXT_FIELD("finding", k->id),
		HF_LOG_TEXT_FIELD("what", k->text),
		{.key = NULL},
	};
	hf_log_say(l->log, level, message, fields);
}

static void say_changes(
	struct hf_lookout *l, const struct zone *zone, const struct known *now, size_t count)
{
	size_t lines = 0;
	for (size_t i = 0; i < count; i++)
		if (!has_key(zone->known, zone->known_count, now[i].key) &&
			lines++ < HF_LOOKOUT_LINES)
			say(l, zone, HF_LOG_WARNING, "provider finding", &now[i]);
	for (size_t i = 0; i < zone->known_count; i++)
		if (!has_key(now, count, zone->known[i].key) && lines++ < HF_LOOKOUT_LINES)
			say(l, zone, HF_LOG_INFO, "provider finding is gone", &zone->known[i]);
	if (lines <= HF_LOOKOUT_LINES)
		return;
	const struct hf_log_field fields[] = {
		HF_LOG_NUMBER_FIELD("not_listed", lines - HF_LOOKOUT_LINES), {.key = NULL}};
	hf_log_say(
		l->log, HF_LOG_WARNING, "more provider findings; see `holdfast providers`", fields);
}

static size_t list_known(
	const struct hf_lookout *l, const struct hf_report *report, struct known *ret)
{
	size_t n = 0;
	for (size_t i = 0; i < report->count; i++) {
		const struct hf_provider_finding *f = &report->items[i];
		if (f->weight == HF_WEIGHT_NOTE)
			continue;
		ret[n].key = key_of(l, f);
		snprintf(ret[n].id, sizeof ret[n].id, "%s", f->id);
		memcpy(ret[n].text, f->text, sizeof ret[n].text);
		n++;
	}
	return n;
}

/* ---- how it stands ---- */

static void note_servers(struct zone *zone, const struct hf_outlook *look)
{
	zone->server_count = 0;
	for (size_t i = 0; i < look->server_count; i++) {
		const struct hf_outlook_server *s = &look->servers[i];
		struct server_row *row = &zone->servers[zone->server_count];
		if (!s->provider || !hf_address_set(&s->address))
			continue;
		zone->server_count++;
		snprintf(row->provider, sizeof row->provider, "%s", s->provider->name);
		hf_address_text(&s->address, row->address);
		row->answers = s->authoritative;
		row->serial = s->soa.serial;
		row->behind = s->authoritative && look->newest_known && !s->provider->own_serials &&
					      hf_serial_older(s->soa.serial, look->newest)
				      ? look->newest - s->soa.serial
				      : 0;
	}
}

static void take_in(struct hf_lookout *l, struct zone *zone, const struct hf_outlook *look,
	const struct hf_report *report)
{
	struct known *now = calloc(report->count + 1, sizeof *now);
	if (!now)
		return;
	size_t count = list_known(l, report, now);
	say_changes(l, zone, now, count);
	pthread_mutex_lock(&l->lock);
	free(zone->known);
	zone->known = now;
	zone->known_count = count;
	zone->faults = report->of[HF_WEIGHT_FAULT];
	zone->unasked = report->of[HF_WEIGHT_UNASKED];
	zone->looked = hf_clocks_now().wall / HF_SECOND;
	note_servers(zone, look);
	pthread_mutex_unlock(&l->lock);
}

/* ---- looking ---- */

static void no_key(void *ctx, const struct hf_key_conf *conf, const char *why)
{
	const struct hf_log_field fields[] = {HF_LOG_TEXT_FIELD("key", conf->name),
		HF_LOG_TEXT_FIELD("error", why), {.key = NULL}};
	hf_log_say(((struct hf_lookout *)ctx)->log, HF_LOG_WARNING,
		"a key cannot be read, so providers are asked without it", fields);
}

static void look_at(struct hf_lookout *l, size_t at)
{
	struct hf_config *config = l->looked_by;
	struct hf_outlook *look = NULL;
	struct hf_report *report = NULL;
	struct hf_keys *keys = NULL;
	if (hf_keys_load(config->zones.keys, config->zones.key_count, no_key, l, &keys))
		return;
	const struct hf_survey_conf conf = {.forward = &config->forward,
		.cache = &config->cache,
		.providers = &config->providers,
		.zones = &config->zones,
		.keys = keys,
		.longest = HF_SURVEY_LONGEST,
		.interrupt = l->stop[0]};
	int rc = hf_survey(&conf, &config->providers.delegations[at], &look);
	if (!rc && !hf_report_new(look, &report))
		take_in(l, &l->zones[at], look, report);
	hf_report_free(report);
	hf_outlook_free(look);
	hf_keys_free(keys);
}

static void free_zones(struct zone *zones, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(zones[i].known);
	free(zones);
}

/* What was known of a zone that is still there stays known. */
static void carry_over(struct hf_lookout *l, struct zone *to)
{
	for (size_t i = 0; i < l->zone_count; i++) {
		struct zone *from = &l->zones[i];
		if (from->name.len != to->name.len ||
			memcmp(from->name.bytes, to->name.bytes, to->name.len) != 0)
			continue;
		hf_us due = to->due;
		*to = *from;
		to->due = due;
		from->known = NULL;
	}
}

/* With the lock held. */
static void adopt(struct hf_lookout *l, hf_us now)
{
	const struct hf_providers_conf *conf = &l->config->providers;
	if (l->looked_by == l->config)
		return;
	struct zone *zones = calloc(conf->delegation_count + 1, sizeof *zones);
	if (!zones)
		return; /* tried again at the next turn */
	for (size_t i = 0; i < conf->delegation_count; i++) {
		zones[i].name = conf->delegations[i].zone;
		zones[i].due = conf->delegations[i].every ? now : HF_NEVER;
		carry_over(l, &zones[i]);
	}
	free_zones(l->zones, l->zone_count);
	l->zones = zones;
	l->zone_count = conf->delegation_count;
	hf_config_unref(l->looked_by);
	l->looked_by = hf_config_ref(l->config);
}

/* The one that has been due for longest, or SIZE_MAX, and when the next is. */
static size_t next_due(const struct hf_lookout *l, hf_us now, hf_us *ret_next)
{
	size_t first = SIZE_MAX;
	*ret_next = HF_NEVER;
	for (size_t i = 0; i < l->zone_count; i++)
		if (l->zones[i].due < *ret_next) {
			*ret_next = l->zones[i].due;
			first = i;
		}
	return *ret_next <= now ? first : SIZE_MAX;
}

/* With the lock held; until something is due, at most an hour. */
static void wait_until(struct hf_lookout *l, hf_us due, hf_us now)
{
	hf_us most = now + 3600 * HF_SECOND;
	due = due < most ? due : most;
	const struct timespec at = {.tv_sec = due / HF_SECOND, .tv_nsec = due % HF_SECOND * 1000};
	pthread_cond_timedwait(&l->wake, &l->lock, &at);
}

static void *run(void *ctx)
{
	struct hf_lookout *l = ctx;
	pthread_mutex_lock(&l->lock);
	while (!l->ending) {
		hf_us now = hf_clock_now(), next;
		adopt(l, now);
		size_t at = next_due(l, now, &next);
		if (at == SIZE_MAX) {
			wait_until(l, next, now);
			continue;
		}
		pthread_mutex_unlock(&l->lock);
		look_at(l, at);
		pthread_mutex_lock(&l->lock);
		l->zones[at].due = hf_clock_now() + l->looked_by->providers.delegations[at].every;
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

/* ---- its life ---- */

static int prepare(struct hf_lookout *l)
{
	pthread_condattr_t monotonic;
	if (pipe2(l->stop, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&l->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&l->lock, NULL);
	hf_random(&l->key, sizeof l->key);
	int rc = pthread_create(&l->thread, NULL, run, l);
	if (!rc) {
		pthread_setname_np(l->thread, "lookout");
		return 0;
	}
	close(l->stop[0]);
	close(l->stop[1]);
	pthread_cond_destroy(&l->wake);
	pthread_mutex_destroy(&l->lock);
	return -rc;
}

int hf_lookout_start(struct hf_config *config, struct hf_log *log, struct hf_lookout **ret)
{
	struct hf_lookout *l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	l->log = log;
	l->config = hf_config_ref(config);
	int rc = prepare(l);
	if (rc) {
		hf_config_unref(l->config);
		free(l);
	} else {
		*ret = l;
	}
	return rc;
}

void hf_lookout_adopt(struct hf_lookout *lookout, struct hf_config *config)
{
	pthread_mutex_lock(&lookout->lock);
	hf_config_unref(lookout->config);
	lookout->config = hf_config_ref(config);
	pthread_cond_signal(&lookout->wake);
	pthread_mutex_unlock(&lookout->lock);
}

void hf_lookout_stop(struct hf_lookout *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->ending = true;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
	ssize_t wrote = write(l->stop[1], "", 1); /* wakes who waits for the network */
	(void)wrote;                              /* the pipe is empty: there is room */
	pthread_join(l->thread, NULL);
	close(l->stop[0]);
	close(l->stop[1]);
	free_zones(l->zones, l->zone_count);
	hf_config_unref(l->looked_by);
	hf_config_unref(l->config);
	pthread_cond_destroy(&l->wake);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* ---- the page ---- */

static void family(struct hf_text *text, const char *name, const char *help)
{
	hf_text_add(text, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

/* A zone's name as a label: its backslashes are escapes here, too. */
static const char *label(const struct hf_name *name, char buf[static LABEL_MAX * 8])
{
	char plain[HF_NAME_TEXT_MAX];
	size_t n = 0;
	for (const char *c = hf_name_text(name->bytes, plain); *c; c++) {
		if (*c == '\\' || *c == '"')
			buf[n++] = '\\';
		buf[n++] = *c;
	}
	buf[n] = '\0';
	return buf;
}

static void write_servers(const struct hf_lookout *l, struct hf_text *text, const char *name,
	const char *help, uint32_t (*value)(const struct server_row *row), bool answering)
{
	char zone[LABEL_MAX * 8];
	family(text, name, help);
	for (size_t z = 0; z < l->zone_count; z++)
		for (size_t s = 0; s < l->zones[z].server_count; s++) {
			const struct server_row *row = &l->zones[z].servers[s];
			if (row->answers || !answering)
				hf_text_add(text,
					"%s{zone=\"%s\",provider=\"%s\",server=\"%s\"} %u\n", name,
					label(&l->zones[z].name, zone), row->provider, row->address,
					value(row));
		}
}

static uint32_t answers(const struct server_row *row)
{
	return row->answers;
}

static uint32_t serial(const struct server_row *row)
{
	return row->serial;
}

static uint32_t behind(const struct server_row *row)
{
	return row->behind;
}

static void write_zones(const struct hf_lookout *l, struct hf_text *text)
{
	char zone[LABEL_MAX * 8];
	family(text, "holdfast_provider_findings",
		"Findings of the last look at a zone from outside, by severity.");
	for (size_t z = 0; z < l->zone_count; z++) {
		if (!l->zones[z].looked)
			continue;
		label(&l->zones[z].name, zone);
		hf_text_add(text,
			"holdfast_provider_findings{zone=\"%s\",severity=\"fault\"} %zu\n", zone,
			l->zones[z].faults);
		hf_text_add(text,
			"holdfast_provider_findings{zone=\"%s\",severity=\"unasked\"} %zu\n", zone,
			l->zones[z].unasked);
	}
	family(text, "holdfast_provider_looked_seconds",
		"When a zone was last looked at from outside, in seconds since 1970.");
	for (size_t z = 0; z < l->zone_count; z++)
		if (l->zones[z].looked)
			hf_text_add(text, "holdfast_provider_looked_seconds{zone=\"%s\"} %lld\n",
				label(&l->zones[z].name, zone), (long long)l->zones[z].looked);
}

void hf_lookout_metrics(struct hf_lookout *l, struct hf_text *text)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	if (l->zone_count) {
		write_zones(l, text);
		write_servers(l, text, "holdfast_provider_up",
			"1 if a provider's server answers for the zone with authority.", answers,
			false);
		write_servers(l, text, "holdfast_provider_serial",
			"The zone's serial at a provider's server.", serial, true);
		write_servers(l, text, "holdfast_provider_behind",
			"How far that is behind what is published, or the newest (RFC 1982).",
			behind, true);
	}
	pthread_mutex_unlock(&l->lock);
}
