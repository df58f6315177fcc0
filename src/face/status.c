/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/status.h"

#include <jansson.h>
#include <time.h>
#include <unistd.h>

#include "authority/authority.h"
#include "authority/siblings.h"
#include "authority/update.h"
#include "base/check.h"
#include "base/error.h"
#include "face/json_parts.h"
#include "face/version.h"
#include "sight/events.h"
#include "truth/compare.h"
#include "truth/identity.h"
#include "truth/quarantine.h"
#include "upstream/queue.h"
#include "xdp/xdp.h"

/* ---- the object; the page is written from it, so they never differ ---- */

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/* A path may be any octets; JSON is UTF-8. */
static json_t *words(const char *text)
{
	json_t *value = json_string(text);
	return value ? value : json_string("(not UTF-8)");
}

static json_t *describe_upstream(const struct hf_metrics_source *source, unsigned slot,
	const char *name)
{
	static const struct { const char *key; enum hf_upstream_counter counter; } counters[] = {
		{ "packets_out", HF_UP_PACKETS_OUT }, { "packets_in", HF_UP_PACKETS_IN },
		{ "timeouts", HF_UP_TIMEOUTS }, { "errors", HF_UP_ERRORS },
		{ "failures", HF_UP_SERVFAIL }, { "mismatched", HF_UP_MISMATCHED },
		{ "retries", HF_UP_RETRIES }, { "hedges", HF_UP_HEDGES }, { "probes", HF_UP_PROBES },
		{ "evicted", HF_UP_EVICTED }, { "crowded", HF_UP_CROWDED },
	};
	static const struct { const char *key; enum hf_upstream_gauge gauge; } gauges[] = {
		{ "limit", HF_UP_LIMIT }, { "cap", HF_UP_CAP }, { "queued", HF_UP_QUEUED },
		{ "in_flight", HF_UP_IN_FLIGHT }, { "cookies", HF_UP_COOKIES },
	};
	json_t *queue = json_object();
	for (unsigned kind = 0; kind < HF_QUEUE_KINDS; kind++)
		json_object_set_new(queue, hf_queue_kind_name(kind),
			json_integer((json_int_t)hf_metrics_upstream_gauge(
				source, slot, HF_UP_QUEUED_QUESTIONS + kind)));
	int64_t rtt = hf_metrics_upstream_gauge(source, slot, HF_UP_RTT_US);
	json_t *upstream = json_object();
	json_object_set_new(upstream, "queue", queue);
	json_object_set_new(upstream, "name", words(name));
	json_object_set_new(upstream, "state", json_string(hf_upstream_state_name(
		hf_metrics_upstream_gauge(source, slot, HF_UP_STATE))));
	json_object_set_new(upstream, "rtt_ms",
		rtt > 0 ? json_real((double)rtt / HF_MS) : json_null());
	for (size_t i = 0; i < HF_COUNT_OF(counters); i++)
		json_object_set_new(upstream, counters[i].key,
			number(hf_metrics_upstream_counter(source, slot, counters[i].counter)));
	for (size_t i = 0; i < HF_COUNT_OF(gauges); i++)
		json_object_set_new(upstream, gauges[i].key, json_integer((json_int_t)
			hf_metrics_upstream_gauge(source, slot, gauges[i].gauge)));
	return upstream;
}

static json_t *describe_distrust(const struct hf_server *server, unsigned slot)
{
	char why[200];
	hf_server_slot_why(server, slot, why);
	return why[0] ? words(why) : json_null();
}

static json_t *describe_bar(const struct hf_bar *bar, hf_us now)
{
	char suffix[HF_NAME_TEXT_MAX], asked[HF_NAME_TEXT_MAX], evidence[HF_EVIDENCE_TEXT_MAX];
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o}",
		"suffix", words(hf_name_text(bar->suffix.bytes, suffix)),
		"lie", hf_lie_name(bar->evidence.lie),
		"name", words(hf_name_text(bar->asked.name.bytes, asked)),
		"gave", words(hf_evidence_text(&bar->evidence, evidence)),
		"for", number((uint64_t)((now - bar->since) / HF_SECOND)),
		"last", number((uint64_t)((now - bar->lied) / HF_SECOND)),
		"truths", number(bar->truths));
}

/* Zones of an upstream that are listed; the metrics say how many there are. */
#define LATE_SHOWN 8

/* What it is in quarantine for: all names first, zones that it is late with last. */
static json_t *describe_quarantine(struct hf_instance *instance, unsigned slot, hf_us now)
{
	json_t *bars = json_array();
	struct hf_quarantine *q = malloc(sizeof *q);
	bool any = q && hf_server_quarantine(instance->server, slot, q);
	for (unsigned i = 0; any && i <= HF_BAR_ALL; i++) {
		const struct hf_bar *bar = &q->bars[HF_BAR_ALL - i];
		if (bar->up)
			json_array_append_new(bars, describe_bar(bar, now));
	}
	free(q);
	struct hf_bar late[LATE_SHOWN];
	size_t count = hf_server_late(instance->server, slot, late, LATE_SHOWN);
	for (size_t i = 0; i < count && i < LATE_SHOWN; i++)
		json_array_append_new(bars, describe_bar(&late[i], now));
	return bars;
}

/* null: it was not asked, or does not say. */
static json_t *describe_identity(const struct hf_server *server, unsigned slot, hf_us now)
{
	struct hf_identity identity;
	if (!hf_server_identity(server, slot, &identity))
		return json_null();
	return json_pack("{s:s, s:s, s:o, s:o}", "name", identity.name, "version",
		identity.version, "changes", number(identity.changes), "heard",
		number((uint64_t)((now - identity.heard) / HF_SECOND)));
}

static json_t *address_or_null(const struct hf_address *address)
{
	char text[HF_ADDRESS_TEXT_MAX];
	return hf_address_set(address) ? json_string(hf_address_text(address, text)) : json_null();
}

static json_t *describe_contradiction(const struct hf_server *server, unsigned slot, hf_us now)
{
	struct hf_contradiction last;
	char name[HF_NAME_TEXT_MAX];
	if (!hf_server_contradiction(server, slot, &last))
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o}", "name",
		words(hf_name_text(last.name.bytes, name)), "believed",
		address_or_null(&last.believed), "gave", address_or_null(&last.gave), "ago",
		number((uint64_t)((now - last.at) / HF_SECOND)));
}

/* What it said when it was asked beside another: see truth.sample. */
static json_t *describe_opinions(const struct hf_metrics_source *source,
	const struct hf_server *server, unsigned slot, hf_us now)
{
	static const struct {
		const char *key;
		enum hf_upstream_counter counter;
	} rows[] = {
		{"agreed", HF_UP_AGREED},
		{"differed", HF_UP_DIFFERED},
		{"contradicted", HF_UP_CONTRADICTED},
		{"older", HF_UP_OLDER},
	};
	json_t *opinions = json_object();
	for (size_t i = 0; i < HF_COUNT_OF(rows); i++)
		json_object_set_new(opinions, rows[i].key,
			number(hf_metrics_upstream_counter(source, slot, rows[i].counter)));
	json_object_set_new(
		opinions, "last_contradiction", describe_contradiction(server, slot, now));
	return opinions;
}

static json_t *describe_upstreams(struct hf_instance *instance,
	const struct hf_metrics_source *source, hf_us now)
{
	json_t *upstreams = json_array();
	for (unsigned slot = 0; slot < HF_SLOTS_MAX; slot++) {
		char name[256];
		if (!source->slot_name(source->ctx, slot, name, sizeof name))
			continue;
		json_t *upstream = describe_upstream(source, slot, name);
		json_object_set_new(
			upstream, "not_believed", describe_distrust(instance->server, slot));
		json_object_set_new(upstream, "quarantine", describe_quarantine(instance, slot, now));
		json_object_set_new(
			upstream, "identity", describe_identity(instance->server, slot, now));
		json_object_set_new(upstream, "opinions",
			describe_opinions(source, instance->server, slot, now));
		json_array_append_new(upstreams, upstream);
	}
	return upstreams;
}

static json_t *describe_cache(const struct hf_metrics_source *source)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}",
		"entries", number(source->cache_entries), "bytes", number(source->cache_bytes),
		"size", number(source->cache_size), "evictions", number(source->cache_evictions),
		"hits", number(hf_metrics_counter(source, HF_COUNT_CACHE_HITS)),
		"misses", number(hf_metrics_counter(source, HF_COUNT_CACHE_MISSES)));
}

static json_t *describe_proofs(const struct hf_metrics_source *source)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "hold",
		number(hf_metrics_counter(source, HF_COUNT_PROOFS_HELD)), "fail",
		number(hf_metrics_counter(source, HF_COUNT_PROOFS_FAILED)), "missing",
		number(hf_metrics_counter(source, HF_COUNT_PROOFS_MISSING)), "remembered",
		number(hf_metrics_counter(source, HF_COUNT_PROOFS_REMEMBERED)), "waiting",
		number((uint64_t)hf_metrics_gauge(source, HF_GAUGE_PROOFS_WAITING)));
}

/* null: nobody is asked whether there is any. */
static json_t *describe_interception(
	const struct hf_metrics_source *source, const struct hf_config *config)
{
	const struct hf_address *probe = &config->forward.truth.intercept_probe;
	char address[HF_ADDRESS_TEXT_MAX];
	if (!hf_address_set(probe))
		return json_null();
	return json_pack("{s:s, s:b, s:o, s:o}", "probe", hf_address_text(probe, address),
		"intercepted", hf_metrics_gauge(source, HF_GAUGE_INTERCEPTED) > 0, "probes",
		number(hf_metrics_counter(source, HF_COUNT_INTERCEPT_PROBES)), "answered",
		number(hf_metrics_counter(source, HF_COUNT_INTERCEPTED)));
}

static const char *mode_of(const struct hf_xdp_figures *figures, size_t door)
{
	if (figures->doors[door].why)
		return "none";
	return figures->doors[door].native ? "native" : "generic";
}

/* null: nothing is answered at a driver. */
static json_t *describe_driver(struct hf_instance *instance)
{
	struct hf_xdp_figures figures;
	if (!hf_server_xdp_figures(instance->server, &figures))
		return json_null();
	json_t *doors = json_array();
	for (size_t d = 0; d < figures.door_count; d++)
		json_array_append_new(
			doors, json_pack("{s:s, s:s, s:s*}", "name", figures.doors[d].name, "mode",
				       mode_of(&figures, d), "why", figures.doors[d].why));
	return json_pack("{s:o, s:o, s:o, s:o}", "interfaces", doors, "answered",
		number(figures.fates[HF_XDP_ANSWERED]), "options",
		number(figures.fates[HF_XDP_OPTION]), "entries", number(figures.entries));
}

/* null: nothing is shown over TLS. */
static json_t *describe_tls(const struct hf_metrics_source *source)
{
	if (!source->shows_tls)
		return json_null();
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "expires", (json_int_t)source->tls_until,
		"sessions", number((uint64_t)hf_metrics_gauge(source, HF_GAUGE_TLS_OPEN)),
		"handshakes", number(hf_metrics_counter(source, HF_COUNT_TLS_HANDSHAKES)),
		"resumed", number(hf_metrics_counter(source, HF_COUNT_TLS_RESUMED)), "failed",
		number(hf_metrics_counter(source, HF_COUNT_TLS_FAILED)), "refused",
		number(hf_metrics_counter(source, HF_COUNT_TLS_REFUSED)));
}

static json_t *seconds_or_null(hf_us age)
{
	return age < 0 ? json_null() : number((uint64_t)(age / HF_SECOND));
}

/* Of a zone from a URL: what its server said last. */
static json_t *describe_http(const struct hf_authority_zone *zone)
{
	if (zone->asked_ago < 0)
		return json_null();
	return json_pack("{s:o, s:o, s:o}", "status",
		zone->http_status ? number((uint64_t)zone->http_status) : json_null(), "asked",
		seconds_or_null(zone->asked_ago), "etag",
		zone->http_tag[0] ? words(zone->http_tag) : json_null());
}

static void describe_zone(void *ctx, const struct hf_authority_zone *zone)
{
	static const char *const standings[] = {[HF_ZONE_SERVED] = "served",
		[HF_ZONE_MARKED] = "marked",
		[HF_ZONE_WITHHELD] = "withheld",
		[HF_ZONE_DROPPED] = "dropped"};
	char name[HF_NAME_TEXT_MAX];
	char catalog[HF_NAME_TEXT_MAX];
	json_array_append_new(ctx,
		json_pack("{s:s, s:o, s:o, s:s, s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
			  "s:o, "
			  "s:o, s:o, "
			  "s:o, s:o}",
			"name", hf_name_text(zone->name.bytes, name), "catalog",
			zone->catalog.len ? words(hf_name_text(zone->catalog.bytes, catalog))
					  : json_null(),
			"group", zone->group[0] ? words(zone->group) : json_null(), "state",
			hf_gate_state_text(zone->state), "standing", standings[zone->standing],
			"why", zone->why, "required", zone->required, "fault",
			zone->fault[0] ? words(zone->fault) : json_null(), "serial",
			zone->has_copy ? number(zone->serial) : json_null(), "published",
			zone->published_known ? number(zone->published) : json_null(), "records",
			number(zone->records), "bytes", number(zone->octets), "proven",
			seconds_or_null(zone->proven_ago), "loaded",
			seconds_or_null(zone->loaded_ago), "loads", number(zone->loads), "refused",
			number(zone->refused), "failed", number(zone->transfers_failed), "notifies",
			number(zone->notifies), "http", describe_http(zone)));
}

static json_t *describe_zones(struct hf_instance *instance)
{
	json_t *zones = json_array();
	struct hf_authority *authority = hf_server_authority(instance->server);
	if (authority)
		hf_authority_each(authority, describe_zone, zones);
	return zones;
}

static json_t *describe_local(struct hf_instance *instance)
{
	static const char *const layers[] = {"records", "hosts"};
	struct hf_authority *authority = hf_server_authority(instance->server);
	struct hf_authority_local local;
	json_t *all = json_array();
	for (unsigned i = 0; authority && i < HF_COUNT_OF(layers); i++)
		if (hf_authority_local(authority, i, &local))
			json_array_append_new(all,
				json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "of", layers[i],
					"records", number(local.records), "bytes",
					number(local.octets), "loaded",
					seconds_or_null(local.loaded_ago), "refused",
					number(local.refused), "fault",
					local.fault[0] ? words(local.fault) : json_null()));
	return all;
}

static void describe_update(
	void *ctx, const struct hf_name *zone, const struct hf_update_figures *p)
{
	char name[HF_NAME_TEXT_MAX];
	json_array_append_new(ctx,
		json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "zone",
			hf_name_text(zone->bytes, name), "server", p->server, "current", p->current,
			"serial", p->known ? number(p->serial) : json_null(), "behind",
			number(p->behind), "fault", p->fault[0] ? words(p->fault) : json_null(),
			"messages", number(p->messages), "changes", number(p->changes), "failures",
			number(p->failures), "compares", number(p->compares), "drifts",
			number(p->drifts)));
}

static json_t *describe_updates(struct hf_instance *instance)
{
	json_t *updates = json_array();
	struct hf_authority *authority = hf_server_authority(instance->server);
	if (authority)
		hf_authority_each_update(authority, describe_update, updates);
	return updates;
}

/* The reasons for not being ready, a line each, as strings; *ret_ready too. */
static json_t *describe_reasons(struct hf_instance *instance, bool *ret_ready)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	*ret_ready = hf_instance_ready(instance, out);
	fclose(out);
	json_t *reasons = json_array();
	for (const char *line = text; !*ret_ready && line && *line;) {
		size_t n = strcspn(line, "\n");
		json_array_append_new(reasons, json_stringn(line, n));
		line += n + (line[n] == '\n');
	}
	free(text);
	return reasons;
}

static json_t *describe_siblings(struct hf_instance *instance)
{
	struct hf_sibling_figures figures[HF_TWINS_MAX + 1];
	struct hf_authority *authority = hf_server_authority(instance->server);
	size_t count = authority ? hf_authority_siblings(authority, figures, HF_TWINS_MAX + 1) : 0;
	json_t *siblings = json_array();
	for (size_t i = 0; i < count; i++) {
		char address[HF_ADDRESS_TEXT_MAX];
		json_t *zones = json_object();
		for (size_t s = 0; s <= HF_TWIN_DIFFERS; s++)
			json_object_set_new(zones, hf_twin_state_text((enum hf_twin_state)s),
				number(figures[i].zones[s]));
		json_array_append_new(siblings,
			json_pack("{s:s, s:b, s:o, s:s}", "address",
				hf_address_text(&figures[i].address, address), "vip",
				figures[i].vip, "zones", zones, "worst", figures[i].worst));
	}
	return siblings;
}

static json_t *describe(struct hf_instance *instance, hf_us now)
{
	struct hf_metrics_source source = hf_instance_metrics(instance);
	struct hf_config *config = hf_instance_config(instance);
	bool ready = false;
	json_t *reasons = describe_reasons(instance, &ready);
	json_t *status = json_pack(
		"{s:s, s:i, s:o, s:o, s:b, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o}",
		"version", hf_version(), "pid", (int)getpid(),
		"started", number((uint64_t)instance->started_wall),
		"uptime", number((uint64_t)((now - instance->started) / HF_SECOND)),
		"ready", ready, "reasons", reasons,
		"draining", (int)atomic_load(&instance->draining),
		"configuration", words(config->source), "workers", number(source.workers),
		"queries", number(hf_metrics_queries(&source)),
		"in_flight", number((uint64_t)hf_metrics_gauge(&source, HF_GAUGE_IN_FLIGHT)),
		"reloads", number(source.reloads),
		"cache", describe_cache(&source), "xdp", describe_driver(instance),
		"proofs", describe_proofs(&source), "upstreams", describe_upstreams(instance, &source, now),
		"release", number(config->forward.truth.release),
		"interception", describe_interception(&source, config));
	json_object_set_new(status, "tls", describe_tls(&source));
	json_object_set_new(status, "zones", describe_zones(instance));
	json_object_set_new(status, "local", describe_local(instance));
	json_object_set_new(status, "updates", describe_updates(instance));
	hf_config_unref(config);
	json_object_set_new(status, "siblings", describe_siblings(instance));
	return status;
}

int hf_status_write_json(struct hf_instance *instance, hf_us now, FILE *out)
{
	json_t *status = describe(instance, now);
	if (!status)
		return -ENOMEM;
	int error = json_dumpf(status, out, JSON_INDENT(2) | HF_JSON_REALS) < 0 ? -ENOMEM : 0;
	fprintf(out, "\n");
	json_decref(status);
	return error;
}

/* ---- the page ---- */

static long long get_number(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static const char *get_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* The two largest units: "3d4h", "1m30s"; nobody counts the seconds of a week. */
static const char *uptime_text(long long seconds, char buf[static HF_NUMBER_TEXT_MAX])
{
	static const struct { long long seconds; char letter; } units[] = {
		{ 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' },
	};
	size_t i = 0;
	while (i < HF_COUNT_OF(units) - 1 && seconds < units[i].seconds)
		i++;
	int len = snprintf(buf, HF_NUMBER_TEXT_MAX, "%lld%c", seconds / units[i].seconds,
		units[i].letter);
	if (++i < HF_COUNT_OF(units))
		snprintf(buf + len, HF_NUMBER_TEXT_MAX - (size_t)len, "%lld%c",
			seconds % units[i - 1].seconds / units[i].seconds, units[i].letter);
	return buf;
}

static void write_quarantine(const json_t *upstream, long long release, FILE *out)
{
	size_t i;
	json_t *bar;
	json_array_foreach(json_object_get(upstream, "quarantine"), i, bar) {
		char age[HF_NUMBER_TEXT_MAX];
		const char *suffix = get_text(bar, "suffix");
		bool all = strcmp(suffix, ".") == 0;
		fprintf(out, "    in quarantine for %s%s since %s: answered %s %s; ",
			all ? "all names" : suffix, all ? "" : " and below",
			uptime_text(get_number(bar, "for"), age), get_text(bar, "name"),
			get_text(bar, "gave"));
		if (strcmp(get_text(bar, "lie"), "stale") == 0)
			fprintf(out, "until it has caught up\n");
		else
			fprintf(out, "%lld of %lld true answers so far\n",
				get_number(bar, "truths"), release);
	}
}

static const char *address_text(const json_t *object, const char *key)
{
	const char *text = get_text(object, key);
	return text ? text : "no address";
}

static void write_contradictions(const json_t *opinions, FILE *out)
{
	const json_t *last = json_object_get(opinions, "last_contradiction");
	char age[HF_NUMBER_TEXT_MAX];
	long long contradicted = get_number(opinions, "contradicted");
	long long all = contradicted + get_number(opinions, "agreed") +
			get_number(opinions, "differed") + get_number(opinions, "older");
	if (!contradicted || !json_is_object(last))
		return;
	fprintf(out,
		"    contradicts others: %lld of %lld answers compared; last %s ago %s: gave %s, "
		"where %s was believed\n",
		contradicted, all, uptime_text(get_number(last, "ago"), age),
		get_text(last, "name"), address_text(last, "gave"),
		address_text(last, "believed"));
}

/* A circuit's name means the opposite to who knows doors and not circuits. */
static const char *plain_state(const char *state)
{
	static const struct {
		const char *state, *plain;
	} rows[] = {
		{"closed", "in use"},
		{"open", "rests"},
		{"probing", "is probed"},
	};
	for (size_t i = 0; i < HF_COUNT_OF(rows); i++)
		if (strcmp(rows[i].state, state) == 0)
			return rows[i].plain;
	return state;
}

static void write_upstream(const json_t *upstream, long long release, FILE *out)
{
	const json_t *rtt = json_object_get(upstream, "rtt_ms");
	char rtt_text[32] = "-";
	if (json_is_real(rtt))
		snprintf(rtt_text, sizeof rtt_text, "%.1f ms", json_real_value(rtt));
	fprintf(out, "  %-20s %-12s %10s %12lld %12lld %9lld %9lld\n", get_text(upstream, "name"),
		plain_state(get_text(upstream, "state")), rtt_text,
		get_number(upstream, "packets_out"), get_number(upstream, "packets_in"),
		get_number(upstream, "timeouts"),
		get_number(upstream, "failures") + get_number(upstream, "errors"));
	if (get_text(upstream, "not_believed"))
		fprintf(out, "    not believed, and not asked: %s\n",
			get_text(upstream, "not_believed"));
	if (get_number(upstream, "limit"))
		fprintf(out, "    may be sent %lld packets/s%s; %lld messages wait for room, %lld gave up\n",
			get_number(upstream, "limit"),
			get_number(upstream, "cap") ? " (a cap that was found)" : "",
			get_number(upstream, "queued"), get_number(upstream, "evicted"));
	const json_t *queue = json_object_get(upstream, "queue");
	if (get_number(upstream, "queued"))
		fprintf(out,
			"    of those, %lld questions of clients, %lld refreshes, %lld copies, "
			"%lld probes\n",
			get_number(queue, "question"), get_number(queue, "refresh"),
			get_number(queue, "copy"), get_number(queue, "probe"));
	if (get_number(upstream, "crowded"))
		fprintf(out, "    %lld messages were not sent for want of a connection\n",
			get_number(upstream, "crowded"));
	const json_t *identity = json_object_get(upstream, "identity");
	if (json_is_object(identity))
		fprintf(out, "    says that it is '%s', running '%s'\n", get_text(identity, "name"),
			get_text(identity, "version"));
	write_contradictions(json_object_get(upstream, "opinions"), out);
	write_quarantine(upstream, release, out);
}

static void write_cache(const json_t *cache, FILE *out)
{
	char size[HF_NUMBER_TEXT_MAX];
	long long hits = get_number(cache, "hits"), misses = get_number(cache, "misses");
	double percent = hits + misses ? 100.0 * (double)hits / (double)(hits + misses) : 0;
	fprintf(out, "cache       %lld answers, %.1f MiB of %s used, %.1f %% hits, %lld evicted\n",
		get_number(cache, "entries"), (double)get_number(cache, "bytes") / (1 << 20),
		hf_size_text((uint64_t)get_number(cache, "size"), size), percent,
		get_number(cache, "evictions"));
}

static void write_driver(const json_t *driver, FILE *out)
{
	size_t i;
	json_t *door;
	if (!json_is_object(driver))
		return;
	fprintf(out, "xdp         on");
	json_array_foreach(json_object_get(driver, "interfaces"), i, door)
		fprintf(out, "%s %s (%s%s)", i ? "," : "", get_text(door, "name"),
			json_object_get(door, "why") ? "not: " : "",
			get_text(door, json_object_get(door, "why") ? "why" : "mode"));
	fprintf(out,
		", %lld answers, %lld questions answered there, %lld with EDNS options left to "
		"sockets\n",
		get_number(driver, "entries"), get_number(driver, "answered"),
		get_number(driver, "options"));
}

static void write_tls(const json_t *tls, FILE *out)
{
	struct tm date;
	char text[32] = "?";
	if (!json_is_object(tls))
		return;
	time_t last = (time_t)get_number(tls, "expires") - 1;
	if (gmtime_r(&last, &date))
		strftime(text, sizeof text, "%Y-%m-%d", &date);
	fprintf(out,
		"tls         %lld sessions open, %lld begun, %lld of them resumed; %lld handshakes "
		"failed, %lld refused; certificate until %s\n",
		get_number(tls, "sessions"), get_number(tls, "handshakes"),
		get_number(tls, "resumed"), get_number(tls, "failed"), get_number(tls, "refused"),
		text);
}

/* Nothing where nothing ever had to be proven. */
static void write_proofs(const json_t *proofs, FILE *out)
{
	long long hold = get_number(proofs, "hold"), fail = get_number(proofs, "fail");
	long long missing = get_number(proofs, "missing"), waiting = get_number(proofs, "waiting");
	if (hold || fail || missing || waiting)
		fprintf(out,
			"proofs      %lld addresses are their name's, %lld are not, %lld show no "
			"certificate, %lld waiting\n",
			hold, fail, missing, waiting);
}

static void write_interception(const json_t *interception, FILE *out)
{
	if (!json_is_object(interception))
		return;
	bool now = json_is_true(json_object_get(interception, "intercepted"));
	fprintf(out, "path        %s: %lld of %lld questions to %s, where no resolver runs, were answered%s\n",
		now ? "INTERCEPTED" : "free", get_number(interception, "answered"),
		get_number(interception, "probes"), get_text(interception, "probe"),
		now ? "; upstreams in plain text cannot be trusted, use tls://" : "");
}

/* Zones that are listed for people; JSON has all. */
#define ZONES_SHOWN 30

static bool is_well(const json_t *zone)
{
	return strcmp(get_text(zone, "state"), "current") == 0 && !get_text(zone, "fault");
}

static void write_zone(const json_t *zone, FILE *out)
{
	char serial[24] = "-", published[24] = "-";
	if (json_is_integer(json_object_get(zone, "serial")))
		snprintf(serial, sizeof serial, "%lld", get_number(zone, "serial"));
	if (json_is_integer(json_object_get(zone, "published")))
		snprintf(published, sizeof published, "%lld", get_number(zone, "published"));
	fprintf(out, "  %-28s %-9s %-9s %10s %10s %9lld\n", get_text(zone, "name"),
		get_text(zone, "standing"), get_text(zone, "state"), serial, published,
		get_number(zone, "records"));
	if (strcmp(get_text(zone, "state"), "current") != 0)
		fprintf(out, "    %s\n", get_text(zone, "why"));
	if (get_text(zone, "fault"))
		fprintf(out, "    its source: %s\n", get_text(zone, "fault"));
}

/* Those with something the matter first. */
static void write_zones(const json_t *zones, FILE *out)
{
	size_t i, shown = 0;
	json_t *zone;
	if (!json_array_size(zones))
		return;
	fprintf(out, "\n  %-28s %-9s %-9s %10s %10s %9s\n", "zone", "standing", "state", "serial",
		"published", "records");
	for (int well = 0; well <= 1; well++)
		json_array_foreach(zones, i, zone) if (is_well(zone) == well && shown < ZONES_SHOWN)
		{
			write_zone(zone, out);
			shown++;
		}
	if (shown < json_array_size(zones))
		fprintf(out, "  and %zu more: `holdfast status --json` has all\n",
			json_array_size(zones) - shown);
}

static void write_local(const json_t *all, FILE *out)
{
	size_t i;
	json_t *local;
	json_array_foreach(all, i, local)
	{
		fprintf(out, "%-11s %lld records\n",
			strcmp(get_text(local, "of"), "hosts") == 0 ? "hosts" : "local data",
			get_number(local, "records"));
		if (get_text(local, "fault"))
			fprintf(out, "            FAULT: %s\n", get_text(local, "fault"));
	}
}

/* Those that are not current, and how many there are besides. */
static void write_updates(const json_t *updates, FILE *out)
{
	size_t i, current = 0, shown = 0, all = json_array_size(updates);
	json_t *item;
	if (!all)
		return;
	fprintf(out, "\n");
	json_array_foreach(updates, i, item)
	{
		const char *fault = get_text(item, "fault");
		bool good = json_is_true(json_object_get(item, "current"));
		current += good;
		if ((good && !fault) || shown++ >= ZONES_SHOWN)
			continue;
		fprintf(out, "  %s at %s: %lld versions behind%s%s\n", get_text(item, "zone"),
			get_text(item, "server"), get_number(item, "behind"), fault ? "; " : "",
			fault ? fault : "");
	}
	fprintf(out, "  updates: %zu of %zu providers current\n", current, all);
}

static void write_siblings(const json_t *siblings, FILE *out)
{
	size_t i;
	json_t *item;
	json_array_foreach(siblings, i, item) {
		const json_t *zones = json_object_get(item, "zones");
		const char *worst = get_text(item, "worst");
		fprintf(out, "%-11s %s: %lld zones the same, %lld behind, %lld differ, %lld unknown%s%s\n",
			json_is_true(json_object_get(item, "vip")) ? "VIP" : "sibling",
			get_text(item, "address"), get_number(zones, "same"),
			get_number(zones, "behind"), get_number(zones, "differs"),
			get_number(zones, "unknown"), worst[0] ? "; " : "", worst);
	}
}

static void write_page(const json_t *status, FILE *out)
{
	char uptime[HF_NUMBER_TEXT_MAX];
	size_t i;
	json_t *item;
	bool ready = json_is_true(json_object_get(status, "ready"));
	fprintf(out, "holdfast %s, process %lld, up %s, %s\n", get_text(status, "version"),
		get_number(status, "pid"),
		uptime_text(get_number(status, "uptime"), uptime),
		ready ? "ready" : "NOT ready");
	json_array_foreach(json_object_get(status, "reasons"), i, item)
		fprintf(out, "  because %s\n", json_string_value(item));
	fprintf(out, "serves      %lld workers, configuration %s, reloaded %lld times\n",
		get_number(status, "workers"), get_text(status, "configuration"),
		get_number(status, "reloads"));
	fprintf(out, "questions   %lld, %lld waiting for an upstream\n",
		get_number(status, "queries"), get_number(status, "in_flight"));
	write_cache(json_object_get(status, "cache"), out);
	write_driver(json_object_get(status, "xdp"), out);
	write_tls(json_object_get(status, "tls"), out);
	write_proofs(json_object_get(status, "proofs"), out);
	write_interception(json_object_get(status, "interception"), out);
	write_local(json_object_get(status, "local"), out);
	write_siblings(json_object_get(status, "siblings"), out);
	fprintf(out, "\n  %-20s %-12s %10s %12s %12s %9s %9s\n", "upstream", "state", "rtt",
		"packets out", "packets in", "timeouts", "failures");
	json_array_foreach(json_object_get(status, "upstreams"), i, item)
		write_upstream(item, get_number(status, "release"), out);
	write_zones(json_object_get(status, "zones"), out);
	write_updates(json_object_get(status, "updates"), out);
}

int hf_status_write_text(struct hf_instance *instance, hf_us now, FILE *out)
{
	json_t *status = describe(instance, now);
	if (!status)
		return -ENOMEM;
	write_page(status, out);
	json_decref(status);
	return 0;
}
