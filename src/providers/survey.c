/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "providers/survey.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority/source.h"
#include "authority/zone_file.h"
#include "base/check.h"
#include "base/error.h"
#include "engine/examiner.h"
#include "loop/loop_epoll.h"
#include "providers/axfr.h"
#include "zone/place.h"

#define NAMES_MAX 64
#define ZONES_MAX 8
#define ADDRESSES_MAX 8 /* of one name */
#define LOOKUP_LONGEST (8 * HF_SECOND)

/* ---- names that are looked up ---- */

struct host {
	struct hf_name name;
	size_t count;
	struct hf_address addresses[ADDRESSES_MAX];
};

struct above { /* a name above the zone: is it one itself? */
	struct hf_name name;
	struct hf_set ns;
};

struct survey {
	const struct hf_survey_conf *conf;
	const struct hf_delegation_conf *delegation;
	struct hf_outlook *look;
	hf_us end;
	struct host hosts[NAMES_MAX];
	size_t host_count;
	struct above above[ZONES_MAX]; /* the nearest first */
	size_t above_count;
	/* The look and the source, on a loop. */
	struct hf_loop *loop;
	struct hf_zone *source;
	struct hf_timer patience; /* with a web server */
	bool done;
};

static bool same_name(const struct hf_name *a, const struct hf_name *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static struct host *find_host(struct survey *s, const struct hf_name *name)
{
	for (size_t i = 0; i < s->host_count; i++)
		if (same_name(&s->hosts[i].name, name))
			return &s->hosts[i];
	return NULL;
}

static void add_host(struct survey *s, const struct hf_name *name)
{
	if (!find_host(s, name) && s->host_count < NAMES_MAX)
		s->hosts[s->host_count++].name = *name;
}

static void add_address(struct host *host, const struct hf_address *address)
{
	for (size_t i = 0; i < host->count; i++)
		if (hf_address_equal(&host->addresses[i], address))
			return;
	if (host->count < ADDRESSES_MAX)
		host->addresses[host->count++] = *address;
}

struct to_host {
	struct host *host;
};

static bool take_address(void *ctx, const struct hf_address *address)
{
	struct hf_address at = *address;
	at.port = 53;
	add_address(((struct to_host *)ctx)->host, &at);
	return true;
}

/* Whatever aliases lead there: the records of the answer are those of the name. */
static void hear_addresses(struct host *host, const uint8_t *m, const struct hf_message_view *view)
{
	struct to_host to = {host};
	struct hf_record record;
	for (size_t at = view->question_end; at < view->answer_end; at = record.end) {
		if (hf_record_read(m, view->end, at, &record))
			return;
		if (record.type == HF_TYPE_A || record.type == HF_TYPE_AAAA)
			hf_record_addresses(m, &record, take_address, &to);
	}
}

static void heard(void *ctx, const struct hf_question *question, const uint8_t *m,
	const struct hf_message_view *view)
{
	struct survey *s = ctx;
	struct host *host = find_host(s, &question->name);
	if (question->type != HF_TYPE_NS && host)
		hear_addresses(host, m, view);
	for (size_t i = 0; i < s->above_count && question->type == HF_TYPE_NS; i++)
		if (same_name(&s->above[i].name, &question->name) && !s->above[i].ns.count)
			hf_set_of_message(m, view, HF_SET_ANSWER, &question->name, HF_TYPE_NS,
				&s->above[i].ns);
}

static hf_us left(const struct survey *s, hf_us most)
{
	hf_us time = s->end - hf_clock_now();
	return time < 1 ? 1 : time < most ? time : most;
}

static int ask_upstreams(struct survey *s, const struct hf_question *questions, size_t count)
{
	struct hf_examined *examined = NULL;
	struct hf_forward_conf forward = *s->conf->forward;
	/* What is expected of a name server's name is not asked here. */
	forward.truth.expectations = NULL;
	forward.truth.expectation_count = 0;
	const struct hf_examiner_conf conf = {.forward = &forward,
		.cache = s->conf->cache,
		.longest = left(s, LOOKUP_LONGEST),
		.heard = heard,
		.ctx = s,
		.interrupt = s->conf->interrupt};
	int rc = count ? hf_examiner_run(&conf, questions, count, &examined) : 0;
	hf_examined_free(examined);
	return rc;
}

/* A and AAAA of the hosts from `first` on, and NS of what is above. */
static int look_up(struct survey *s, size_t first, bool above)
{
	struct hf_question questions[2 * NAMES_MAX + ZONES_MAX];
	size_t n = 0;
	for (size_t i = first; i < s->host_count; i++) {
		questions[n++] = (struct hf_question){
			.name = s->hosts[i].name, .type = HF_TYPE_A, .class = HF_CLASS_IN};
		questions[n++] = (struct hf_question){
			.name = s->hosts[i].name, .type = HF_TYPE_AAAA, .class = HF_CLASS_IN};
	}
	for (size_t i = 0; i < s->above_count && above; i++)
		questions[n++] = (struct hf_question){
			.name = s->above[i].name, .type = HF_TYPE_NS, .class = HF_CLASS_IN};
	return ask_upstreams(s, questions, n);
}

static void list_above(struct survey *s)
{
	struct hf_name name = s->delegation->zone;
	while (name.len > 1 && s->above_count < ZONES_MAX) {
		uint8_t n = (uint8_t)(name.bytes[0] + 1);
		memmove(name.bytes, name.bytes + n, name.len -= n);
		s->above[s->above_count++].name = name;
	}
}

/* ---- servers and parents ---- */

static void list_names(struct survey *s)
{
	const struct hf_providers_conf *conf = s->conf->providers;
	struct hf_address address;
	struct hf_name name;
	for (size_t p = 0; p < conf->provider_count; p++)
		for (size_t i = 0; i < conf->providers[p].servers.count; i++)
			if (hf_delegation_has(s->delegation, conf->providers[p].name) &&
				!hf_provider_server_read(
					conf->providers[p].servers.items[i], &name, &address) &&
				!hf_address_set(&address))
				add_host(s, &name);
}

static void add_server(struct survey *s, const struct hf_provider_conf *p, const char *text)
{
	struct hf_address address;
	struct hf_name name;
	if (hf_provider_server_read(text, &name, &address))
		return;
	struct host *host = hf_address_set(&address) ? NULL : find_host(s, &name);
	if (!host || !host->count)
		hf_outlook_add_server(s->look, p, &name, &address);
	for (size_t i = 0; host && i < host->count; i++)
		hf_outlook_add_server(s->look, p, &name, &host->addresses[i]);
}

static void add_servers(struct survey *s)
{
	const struct hf_providers_conf *conf = s->conf->providers;
	for (size_t p = 0; p < conf->provider_count; p++)
		for (size_t i = 0; i < conf->providers[p].servers.count; i++)
			if (hf_delegation_has(s->delegation, conf->providers[p].name))
				add_server(s, &conf->providers[p],
					conf->providers[p].servers.items[i]);
}

/* The servers of the nearest zone above ours, by their names. */
static int find_parents(struct survey *s)
{
	const struct above *parent = NULL;
	size_t first = s->host_count, at = 0;
	const uint8_t *data;
	struct hf_name name;
	uint16_t len;
	for (size_t i = 0; i < s->above_count && !parent; i++)
		if (s->above[i].ns.count)
			parent = &s->above[i];
	while (parent && hf_set_next(&parent->ns, &at, &data, &len))
		if (hf_rdata_name(data, len, &name))
			add_host(s, &name);
	int rc = look_up(s, first, false);
	for (at = 0; !rc && parent && hf_set_next(&parent->ns, &at, &data, &len);) {
		struct host *host = hf_rdata_name(data, len, &name) ? find_host(s, &name) : NULL;
		for (size_t i = 0; host && i < host->count; i++)
			hf_outlook_add_parent(s->look, &host->addresses[i]);
	}
	return rc;
}

static int find_everybody(struct survey *s)
{
	const struct hf_address_list *parents = &s->delegation->parents;
	int rc;
	list_names(s);
	if (!parents->count)
		list_above(s);
	rc = look_up(s, 0, true);
	add_servers(s);
	for (size_t i = 0; i < parents->count; i++)
		hf_outlook_add_parent(s->look, &parents->items[i]);
	return rc || parents->count ? rc : find_parents(s);
}

/* ---- the source ---- */

static void source_fault(struct survey *s, const char *what, const char *why)
{
	snprintf(s->look->source_fault, sizeof s->look->source_fault, "%.260s: %.130s", what, why);
}

static void take_fault(void *ctx, const char *path, uint32_t line, const char *why)
{
	struct survey *s = ctx;
	char what[HF_OUTLOOK_WHY_MAX];
	if (s->look->source_fault[0])
		return; /* the first is enough */
	snprintf(what, sizeof what, "%s:%u", path, line);
	source_fault(s, what, why);
}

static void read_source_file(struct survey *s, const char *path)
{
	const struct hf_zone_limits limits = {.records = HF_AXFR_RECORDS, .octets = HF_AXFR_OCTETS};
	struct hf_zone_files files = {.count = 0};
	struct hf_zone *zone = NULL;
	int rc = hf_zone_file_read(
		path, &s->delegation->zone, &limits, take_fault, s, &files, &zone);
	hf_zone_files_clear(&files);
	if (!rc)
		hf_outlook_add_source(s->look, zone, path);
	else if (!s->look->source_fault[0])
		source_fault(s, path, hf_strerror(rc));
	hf_zone_unref(zone);
}

static void fetched(
	void *ctx, uint32_t token, struct hf_zone *zone, bool refused, const char *why, hf_us now)
{
	struct survey *s = ctx;
	(void)token, (void)refused, (void)now;
	if (zone)
		s->source = hf_zone_ref(zone);
	else
		source_fault(s, s->look->source, why);
	s->done = true;
	hf_loop_stop(s->loop);
}

static const struct hf_tsig_key *find_key(void *ctx, const char *name)
{
	const struct hf_keys *keys = ctx;
	return keys && strcmp(name, "none") != 0 ? hf_keys_find(keys, name) : NULL;
}

static void interrupted(void *ctx, int fd, hf_us now)
{
	struct survey *s = ctx;
	(void)now;
	hf_loop_watch(s->loop, fd, NULL, NULL);
	hf_loop_stop(s->loop);
}

static int new_loop(struct survey *s)
{
	int rc = hf_loop_epoll_new(&s->loop);
	if (!rc && s->conf->interrupt >= 0)
		rc = hf_loop_watch(s->loop, s->conf->interrupt, interrupted, s);
	s->done = false;
	return rc;
}

static int fetch_source(struct survey *s, const struct hf_address *from, const char *key)
{
	struct hf_calls *calls = NULL;
	struct hf_axfr *axfr = NULL;
	char text[HF_ADDRESS_TEXT_MAX];
	int rc = new_loop(s);
	snprintf(s->look->source, sizeof s->look->source, "%s", hf_address_text(from, text));
	if (!rc)
		rc = hf_calls_new(s->loop, &calls);
	const struct hf_axfr_conf conf = {.calls = calls,
		.from = *from,
		.zone = s->delegation->zone,
		.key = find_key((void *)(uintptr_t)s->conf->keys, key),
		.longest = left(s, s->conf->longest / 2),
		.done = fetched,
		.ctx = s};
	if (!rc)
		rc = hf_axfr(&conf, &axfr);
	if (!rc)
		rc = hf_loop_run(s->loop);
	if (!rc && !s->done) {
		hf_axfr_end(axfr);
		rc = -ECANCELED;
	}
	if (!rc && s->source)
		hf_outlook_add_source(s->look, s->source, text);
	hf_zone_unref(s->source);
	hf_calls_free(calls);
	hf_loop_free(s->loop);
	s->loop = NULL;
	return rc;
}

/* ---- ... from a web server ---- */

static void downloaded(void *ctx, const struct hf_fetched *fetched, hf_us now)
{
	struct survey *s = ctx;
	(void)now;
	if (fetched->result == HF_SOURCE_NEW)
		s->source = hf_zone_ref(fetched->zone);
	else
		source_fault(s, s->look->source, fetched->why);
	s->done = true;
	hf_loop_stop(s->loop);
}

static void never_changed(void *ctx, hf_us now)
{
	(void)ctx;
	(void)now;
}

static void waited(struct hf_timer *timer, hf_us now)
{
	struct survey *s = (struct survey *)((char *)timer - offsetof(struct survey, patience));
	(void)now;
	source_fault(s, s->look->source, "it takes too long");
	s->done = true;
	hf_loop_stop(s->loop);
}

static int run_source(struct survey *s, struct hf_source *source)
{
	const struct hf_fetch fetch = {.whole = true, .first = HF_SOURCE_NO_PRIMARY};
	hf_us now = hf_loop_now(s->loop);
	s->patience.fire = waited;
	hf_timer_arm(hf_loop_timers(s->loop), &s->patience, now + left(s, s->conf->longest / 2));
	source->ops->begin(source, &fetch, now);
	int rc = s->done ? 0 : hf_loop_run(s->loop);
	hf_timer_disarm(hf_loop_timers(s->loop), &s->patience);
	return rc ? rc : s->done ? 0 : -ECANCELED;
}

/* As a server fetches it: with its addresses, its trust, its token and its digests. */
static int download_source(struct survey *s, const struct hf_zone_conf *zone)
{
	static const struct hf_source_handler handler = {downloaded, never_changed};
	struct hf_calls *calls = NULL;
	struct hf_source *source = NULL;
	int rc = new_loop(s);
	snprintf(s->look->source, sizeof s->look->source, "%.300s", zone->url);
	if (!rc)
		rc = hf_calls_new(s->loop, &calls);
	const struct hf_source_conf conf = {.loop = s->loop,
		.calls = calls,
		.zone = zone,
		.limits = {.records = HF_AXFR_RECORDS, .octets = zone->max_size},
		.handler = &handler,
		.ctx = s};
	if (!rc)
		rc = hf_source_url_new(&conf, &source);
	if (!rc)
		rc = run_source(s, source);
	if (!rc && s->source)
		hf_outlook_add_source(s->look, s->source, zone->url);
	if (source)
		source->ops->free(source);
	hf_zone_unref(s->source);
	hf_calls_free(calls);
	hf_loop_free(s->loop);
	s->loop = NULL;
	return rc;
}

/* Our own zone of that name: its file, its URL, or the first of its primaries that we can ask
 * here. */
static int find_own(struct survey *s)
{
	const struct hf_zones_conf *zones = s->conf->zones;
	struct hf_place place;
	for (size_t i = 0; zones && i < zones->zone_count; i++) {
		const struct hf_zone_conf *zone = &zones->zones[i];
		if (!same_name(&zone->name, &s->delegation->zone))
			continue;
		if (strcmp(zone->file, "none") != 0) {
			read_source_file(s, zone->file);
			return 0;
		}
		if (strcmp(zone->url, "none") != 0)
			return download_source(s, zone);
		for (size_t p = 0; p < zone->primaries.count; p++)
			if (!hf_place_parse(zone->primaries.items[p], &place) &&
				place.kind == HF_PLACE_DNS)
				return fetch_source(s, &place.address, zone->key);
		source_fault(s, "zones",
			"this zone has neither a file, a URL nor a primary that can be "
			"asked over TCP");
		return 0;
	}
	return 0;
}

static int find_source(struct survey *s)
{
	struct hf_address address;
	enum hf_source_kind kind;
	if (hf_source_read(s->delegation->source, &kind, &address))
		return 0;
	switch (kind) {
	case HF_SOURCE_AUTO: return find_own(s);
	case HF_SOURCE_FILE: read_source_file(s, s->delegation->source); return 0;
	case HF_SOURCE_SERVER: return fetch_source(s, &address, s->delegation->source_key);
	case HF_SOURCE_NONE: break;
	}
	return 0;
}

/* ---- the look ---- */

static void looked(void *ctx, struct hf_outlook *look, hf_us now)
{
	struct survey *s = ctx;
	(void)look, (void)now;
	s->done = true;
	hf_loop_stop(s->loop);
}

static int look(struct survey *s)
{
	struct hf_looking *looking = NULL;
	int rc = new_loop(s);
	const struct hf_outlook_conf conf = {.loop = s->loop,
		.delegation = s->delegation,
		.key = find_key,
		.key_ctx = (void *)(uintptr_t)s->conf->keys,
		.without = s->conf->without,
		.longest = left(s, s->conf->longest),
		.done = looked,
		.ctx = s};
	if (!rc)
		rc = hf_looking_begin(&conf, s->look, &looking);
	if (!rc) {
		rc = hf_loop_run(s->loop);
		if (!s->done) {
			hf_looking_end(looking);
			s->look = NULL; /* gone with it */
			rc = rc ? rc : -ECANCELED;
		}
	}
	hf_loop_free(s->loop);
	return rc;
}

int hf_survey(const struct hf_survey_conf *conf, const struct hf_delegation_conf *delegation,
	struct hf_outlook **ret)
{
	struct survey *s = calloc(1, sizeof *s);
	const struct hf_outlook_conf bare = {.delegation = delegation, .without = conf->without};
	if (!s)
		return -ENOMEM;
	*s = (struct survey){
		.conf = conf, .delegation = delegation, .end = hf_clock_now() + conf->longest};
	int rc = hf_outlook_new(&bare, &s->look);
	if (!rc)
		rc = find_everybody(s);
	if (!rc)
		rc = find_source(s);
	if (!rc)
		rc = look(s);
	for (size_t i = 0; i < s->above_count; i++)
		hf_set_clear(&s->above[i].ns);
	if (rc)
		hf_outlook_free(s->look);
	else
		*ret = s->look;
	free(s);
	return rc;
}
