/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sight/metrics.h"

#include "base/check.h"
#include "base/error.h"

typedef unsigned long long ull; /* what %llu takes */

/* ---- sums over the workers ---- */

static uint64_t load(const _Atomic uint64_t *number)
{
	return atomic_load_explicit(number, memory_order_relaxed);
}

uint64_t hf_metrics_counter(const struct hf_metrics_source *source, enum hf_counter counter)
{
	uint64_t sum = 0;
	for (size_t w = 0; w < source->workers; w++)
		sum += load(&source->meter(source->ctx, w)->counters[counter]);
	return sum;
}

int64_t hf_metrics_gauge(const struct hf_metrics_source *source, enum hf_gauge gauge)
{
	int64_t sum = 0;
	for (size_t w = 0; w < source->workers; w++)
		sum += atomic_load_explicit(&source->meter(source->ctx, w)->gauges[gauge],
			memory_order_relaxed);
	return sum;
}

uint64_t hf_metrics_upstream_counter(const struct hf_metrics_source *source, unsigned slot,
	enum hf_upstream_counter counter)
{
	uint64_t sum = 0;
	for (size_t w = 0; w < source->workers; w++)
		sum += load(&source->meter(source->ctx, w)->upstreams[slot].counters[counter]);
	return sum;
}

int64_t hf_metrics_upstream_gauge(const struct hf_metrics_source *source, unsigned slot,
	enum hf_upstream_gauge gauge)
{
	if (source->workers == 0)
		return 0;
	return atomic_load_explicit(&source->meter(source->ctx, 0)->upstreams[slot].gauges[gauge],
		memory_order_relaxed);
}

static uint64_t queries(const struct hf_metrics_source *source, unsigned transport, unsigned type)
{
	uint64_t sum = 0;
	for (size_t w = 0; w < source->workers; w++)
		sum += load(&source->meter(source->ctx, w)->queries[transport][type]);
	return sum;
}

static uint64_t replies(const struct hf_metrics_source *source, unsigned transport, unsigned rcode)
{
	uint64_t sum = 0;
	for (size_t w = 0; w < source->workers; w++)
		sum += load(&source->meter(source->ctx, w)->replies[transport][rcode]);
	return sum;
}

uint64_t hf_metrics_queries(const struct hf_metrics_source *source)
{
	uint64_t sum = 0;
	for (unsigned t = 0; t < HF_TRANSPORTS; t++)
		for (unsigned i = 0; i < HF_METER_TYPES; i++)
			sum += queries(source, t, i);
	return sum;
}

/* ---- the page ---- */

static void begin(struct hf_text *text, const char *family, const char *type, const char *help)
{
	hf_text_add(text, "# HELP %s %s\n# TYPE %s %s\n", family, help, family, type);
}

static void write_one(struct hf_text *text, const char *family, const char *type, const char *help,
	uint64_t value)
{
	begin(text, family, type, help);
	hf_text_add(text, "%s %llu\n", family, (ull)value);
}

static void write_seconds(struct hf_text *text, uint64_t us)
{
	hf_text_add(text, " %llu.%06llu\n", (ull)(us / HF_SECOND), (ull)(us % HF_SECOND));
}

/* A label's value: backslash, quote and line feed are escaped, nothing else. */
static void write_value(struct hf_text *text, const char *value)
{
	for (; *value; value++) {
		if (*value == '\n')
			hf_text_put(text, "\\n", 2);
		else if (*value == '\\' || *value == '"')
			hf_text_add(text, "\\%c", *value);
		else
			hf_text_put(text, value, 1);
	}
}

static void write_rows(const struct hf_metrics_source *source, struct hf_text *text)
{
	for (unsigned i = 0; i < HF_COUNTERS; i++)
		write_one(text, hf_counter_rows[i].family, "counter", hf_counter_rows[i].help,
			hf_metrics_counter(source, i));
	for (unsigned i = 0; i < HF_GAUGES; i++) {
		begin(text, hf_gauge_rows[i].family, "gauge", hf_gauge_rows[i].help);
		hf_text_add(text, "%s %lld\n", hf_gauge_rows[i].family,
			(long long)hf_metrics_gauge(source, i));
	}
}

/* Messages to upstreams for each distinct question that needed one: the promise. */
static void write_amplification(const struct hf_metrics_source *source, struct hf_text *text)
{
	uint64_t asked = hf_metrics_counter(source, HF_COUNT_ASKED), sent = 0;
	for (unsigned slot = 0; slot < HF_SLOTS_MAX; slot++)
		sent += hf_metrics_upstream_counter(source, slot, HF_UP_PACKETS_OUT);
	begin(text, "holdfast_amplification", "gauge",
		"Messages to upstreams for each distinct question that needed one, since the start.");
	hf_text_add(text, "holdfast_amplification %.3f\n", asked ? (double)sent / (double)asked : 0.0);
}

static void write_queries(const struct hf_metrics_source *source, struct hf_text *text)
{
	begin(text, "holdfast_queries_total", "counter", "Questions of clients.");
	for (unsigned t = 0; t < HF_TRANSPORTS; t++)
		for (unsigned i = 0; i < HF_METER_TYPES; i++)
			hf_text_add(text, "holdfast_queries_total{transport=\"%s\",type=\"%s\"} %llu\n",
				hf_transport_names[t], hf_meter_type_name(i),
				(ull)queries(source, t, i));
}

static void write_replies(const struct hf_metrics_source *source, struct hf_text *text)
{
	begin(text, "holdfast_replies_total", "counter", "Replies to clients.");
	for (unsigned t = 0; t < HF_TRANSPORTS; t++)
		for (unsigned i = 0; i < HF_METER_RCODES; i++)
			hf_text_add(text, "holdfast_replies_total{transport=\"%s\",rcode=\"%s\"} %llu\n",
				hf_transport_names[t], hf_meter_rcode_name(i),
				(ull)replies(source, t, i));
}

#define DURATION "dns_query_duration_seconds"

/* _count is the sum of the buckets as they were read, so that the last bucket
 * and the count agree although questions go on arriving. */
static void write_duration_of(const struct hf_metrics_source *source, struct hf_text *text, unsigned t)
{
	uint64_t count = 0, sum_us = 0;
	const char *name = hf_transport_names[t];
	for (unsigned b = 0; b < HF_DURATION_BUCKETS; b++) {
		for (size_t w = 0; w < source->workers; w++)
			count += load(&source->meter(source->ctx, w)->duration[t].buckets[b]);
		hf_text_add(text, DURATION "_bucket{transport=\"%s\",le=\"", name);
		if (b < HF_DURATION_BUCKETS - 1)
			hf_text_add(text, "%g\"} %llu\n", (double)hf_duration_bounds[b] / HF_SECOND,
				(ull)count);
		else
			hf_text_add(text, "+Inf\"} %llu\n", (ull)count);
	}
	for (size_t w = 0; w < source->workers; w++)
		sum_us += load(&source->meter(source->ctx, w)->duration[t].sum_us);
	hf_text_add(text, DURATION "_sum{transport=\"%s\"}", name);
	write_seconds(text, sum_us);
	hf_text_add(text, DURATION "_count{transport=\"%s\"} %llu\n", name, (ull)count);
}

static void write_durations(const struct hf_metrics_source *source, struct hf_text *text)
{
	begin(text, DURATION, "histogram", "From a client's question to the reply, as the client sees it.");
	for (unsigned t = 0; t < HF_TRANSPORTS; t++)
		write_duration_of(source, text, t);
}

/* ---- upstreams ---- */

struct names {
	size_t count;
	struct {
		unsigned slot;
		char name[256];
	} items[HF_SLOTS_MAX];
};

/* Names are read once, so that all families show the same upstreams. */
static struct names *read_names(const struct hf_metrics_source *source)
{
	struct names *names = malloc(sizeof *names);
	if (!names)
		return NULL;
	names->count = 0;
	for (unsigned slot = 0; slot < HF_SLOTS_MAX; slot++) {
		size_t i = names->count;
		names->items[i].slot = slot;
		names->count += source->slot_name(source->ctx, slot, names->items[i].name,
			sizeof names->items[i].name);
	}
	return names;
}

static void write_upstream_sample(
	struct hf_text *text, const struct hf_meter_row *row, const char *name)
{
	hf_text_add(text, "%s{upstream=\"", row->family);
	write_value(text, name);
	hf_text_add(text, "\"%s%s}", row->label ? "," : "", row->label ? row->label : "");
}

static void write_upstream_counters(const struct hf_metrics_source *source, struct hf_text *text,
	const struct names *names, unsigned counter)
{
	const struct hf_meter_row *row = &hf_upstream_counter_rows[counter];
	begin(text, row->family, "counter", row->help);
	for (size_t i = 0; i < names->count; i++) {
		write_upstream_sample(text, row, names->items[i].name);
		hf_text_add(text, " %llu\n",
			(ull)hf_metrics_upstream_counter(source, names->items[i].slot, counter));
	}
}

/* A round-trip time that nobody knows yet is left out: 0 would be a claim. */
static void write_upstream_gauges(const struct hf_metrics_source *source, struct hf_text *text,
	const struct names *names, unsigned gauge)
{
	const struct hf_meter_row *row = &hf_upstream_gauge_rows[gauge];
	if (*row->help) /* else of the family before */
		begin(text, row->family, "gauge", row->help);
	for (size_t i = 0; i < names->count; i++) {
		int64_t value = hf_metrics_upstream_gauge(source, names->items[i].slot, gauge);
		if (gauge == HF_UP_RTT_US && value <= 0)
			continue;
		write_upstream_sample(text, row, names->items[i].name);
		if (gauge == HF_UP_RTT_US || gauge == HF_UP_SINCE)
			write_seconds(text, (uint64_t)value);
		else
			hf_text_add(text, " %lld\n", (long long)value);
	}
}

static void write_upstreams(const struct hf_metrics_source *source, struct hf_text *text,
	const struct names *names)
{
	for (unsigned i = 0; i < HF_UP_COUNTERS; i++)
		write_upstream_counters(source, text, names, i);
	for (unsigned i = 0; i < HF_UP_GAUGES; i++)
		write_upstream_gauges(source, text, names, i);
}

/* ---- the process ---- */

static void write_build(const struct hf_metrics_label *label, struct hf_text *text)
{
	begin(text, "holdfast_build_info", "gauge", "What is running; always 1.");
	hf_text_add(text, "holdfast_build_info{");
	for (bool first = true; label->name; label++, first = false) {
		hf_text_add(text, "%s%s=\"", first ? "" : ",", label->name);
		write_value(text, label->value);
		hf_text_add(text, "\"");
	}
	hf_text_add(text, "} 1\n");
}

static void write_tls(const struct hf_metrics_source *source, struct hf_text *text)
{
	if (!source->shows_tls)
		return;
	write_one(text, "holdfast_tls_certificate_expires_seconds", "gauge",
		"When the certificate that is shown over TLS (listen.tls) runs out, in seconds "
		"since "
		"1970.",
		source->tls_until > 0 ? (uint64_t)source->tls_until : 0);
}

static void write_persist(const struct hf_metrics_source *source, struct hf_text *text)
{
	if (!source->persist.on)
		return;
	write_one(text, "holdfast_persist_entries_loaded", "gauge",
		"Answers that the start put back into the cache.", source->persist.loaded);
	write_one(text, "holdfast_persist_written_total", "counter",
		"Answers written to the files of the cache.", source->persist.written);
	write_one(text, "holdfast_persist_bytes", "gauge", "Bytes of the files of the cache.",
		source->persist.bytes);
	write_one(text, "holdfast_persist_errors_total", "counter",
		"Times that the files of the cache could not be written.", source->persist.errors);
	write_one(text, "holdfast_persist_lost_total", "counter",
		"Times that answers left the cache before they were written.", source->persist.lost);
	write_one(text, "holdfast_persist_last_success_seconds", "gauge",
		"When all that there was had been written last, in seconds since 1970; 0: never.",
		(uint64_t)source->persist.success_wall);
}

static void write_driver(const struct hf_metrics_source *source, struct hf_text *text)
{
	if (!source->driver.on)
		return;
	write_one(text, "holdfast_xdp_entries", "gauge",
		"Answers that are given at the network driver.", source->driver.entries);
	write_one(text, "holdfast_xdp_answered_total", "counter",
		"Questions answered at the network driver; the other counters contain them half a second later.",
		source->driver.fate[0]);
	begin(text, "holdfast_xdp_attached", "gauge",
		"1 while the network driver of this interface of listen.xdp is answered at.");
	for (size_t i = 0; i < source->driver.doors; i++) {
		hf_text_add(text, "holdfast_xdp_attached{interface=\"");
		write_value(text, source->driver.door[i].name);
		hf_text_add(text, "\"} %d\n", source->driver.door[i].attached);
	}
	begin(text, "holdfast_xdp_passed_total", "counter",
		"Plain questions that the network driver left to the sockets, by reason.");
	for (size_t i = 1; i < source->driver.fates; i++)
		hf_text_add(text, "holdfast_xdp_passed_total{reason=\"%s\"} %llu\n",
			source->driver.fate_names[i], (ull)source->driver.fate[i]);
}

static void write_ready(const struct hf_metrics_source *source, struct hf_text *text)
{
	write_one(text, "holdfast_ready", "gauge", "1 while clients may be sent to this node.",
		source->ready);
	write_one(text, "holdfast_ready_changes_total", "counter",
		"How often the node has become ready, or was withdrawn.", source->ready_changes);
	begin(text, "holdfast_ready_reasons", "gauge",
		"Reasons against being ready, by kind; those that are only noted count, too.");
	for (size_t i = 0; i < source->reason_kinds; i++)
		hf_text_add(text, "holdfast_ready_reasons{kind=\"%s\"} %llu\n",
			source->reason_names[i], (ull)source->reasons[i]);
	begin(text, "holdfast_ready_hooks_total", "counter",
		"Programs of ready.on-ready and ready.on-withdraw that were run, by how they ended.");
	hf_text_add(text, "holdfast_ready_hooks_total{result=\"succeeded\"} %llu\n",
		(ull)source->hooks.succeeded);
	hf_text_add(text, "holdfast_ready_hooks_total{result=\"failed\"} %llu\n",
		(ull)source->hooks.failed);
	hf_text_add(text, "holdfast_ready_hooks_total{result=\"killed\"} %llu\n",
		(ull)source->hooks.killed);
}

/* Of the siblings, or of the VIP, which may well be the address of one of them. */
static void write_twins(const struct hf_metrics_source *source, bool vip, const char *name,
	const char *label, struct hf_text *text)
{
	for (size_t i = 0; i < source->siblings; i++)
		for (size_t s = 0; s < HF_METRICS_TWIN_STATES; s++)
			if (source->sibling[i].vip == vip)
				hf_text_add(text, "%s{%s=\"%s\",state=\"%s\"} %llu\n", name, label,
					source->sibling[i].name, source->twin_states[s],
					(ull)source->sibling[i].zones[s]);
}

/* Shown while there are some. */
static void write_siblings(const struct hf_metrics_source *source, struct hf_text *text)
{
	if (!source->siblings)
		return;
	begin(text, "holdfast_sibling_zones", "gauge",
		"Zones that a sibling serves, by how they stand to ours.");
	write_twins(source, false, "holdfast_sibling_zones", "sibling", text);
	begin(text, "holdfast_vip_zones", "gauge",
		"Zones that clients get at the VIP, by how they stand to the newest.");
	write_twins(source, true, "holdfast_vip_zones", "vip", text);
}

/* Shown while there are zones. */
static void write_transfers(const struct hf_metrics_source *source, struct hf_text *text)
{
	if (!source->transfers)
		return;
	write_one(text, "holdfast_transfer_memory_octets", "gauge",
		"Memory of all zones' versions that are being received.", source->transfer_octets);
	write_one(text, "holdfast_transfer_memory_waiting", "gauge",
		"Versions that wait until others are through.", source->transfers_waiting);
}

static void write_process(const struct hf_metrics_source *source, struct hf_text *text)
{
	write_one(text, "holdfast_cache_entries", "gauge", "Answers in the cache.",
		source->cache_entries);
	write_one(text, "holdfast_cache_bytes", "gauge", "Bytes of the cache that answers take.",
		source->cache_bytes);
	write_one(text, "holdfast_cache_size_bytes", "gauge", "Bytes that the cache may take.",
		source->cache_size);
	write_one(text, "holdfast_cache_evictions_total", "counter",
		"Answers that had to leave the cache before their time.", source->cache_evictions);
	write_one(text, "holdfast_unexpected_total", "counter",
		"Things that should never happen, but did. Please report any.", source->unexpected);
	write_one(text, "holdfast_events_dropped_total", "counter",
		"Events that were not logged because a ring was full.", source->events_dropped);
	write_one(text, "holdfast_reloads_total", "counter", "Configurations applied since the start.",
		source->reloads);
	write_one(text, "holdfast_reload_failures_total", "counter",
		"Configurations that were refused since the start.", source->reload_failures);
	write_ready(source, text);
	write_siblings(source, text);
	write_transfers(source, text);
	write_one(text, "holdfast_workers", "gauge", "Threads that answer questions.", source->workers);
	write_one(text, "process_start_time_seconds", "gauge",
		"Start of the process, in seconds since 1970.", (uint64_t)source->started_wall);
}

/* -ENOMEM. */
static int write_zones(const struct hf_metrics_source *source, struct hf_text *text)
{
	size_t total = source->zones ? source->zones(source->ctx, NULL, 0) : 0;
	size_t count = total < HF_METRICS_ZONES_MAX ? total : HF_METRICS_ZONES_MAX;
	struct hf_zone_figures *zones = calloc(count + 1, sizeof *zones);
	if (!zones)
		return -ENOMEM;
	total = count ? source->zones(source->ctx, zones, count) : 0;
	hf_zone_metrics_write(zones, total < count ? total : count, total, text);
	free(zones);
	return 0;
}

/* -ENOMEM. */
static int write_updates(const struct hf_metrics_source *source, struct hf_text *text)
{
	size_t total = source->updates ? source->updates(source->ctx, NULL, 0) : 0;
	size_t count = total < HF_METRICS_ZONES_MAX ? total : HF_METRICS_ZONES_MAX;
	struct hf_zone_update_figures *updates = calloc(count + 1, sizeof *updates);
	if (!updates)
		return -ENOMEM;
	total = count ? source->updates(source->ctx, updates, count) : 0;
	hf_zone_update_metrics_write(updates, total < count ? total : count, text);
	free(updates);
	return 0;
}

int hf_metrics_write(const struct hf_metrics_source *source, struct hf_text *text)
{
	struct names *names = read_names(source);
	if (!names)
		return -ENOMEM;
	write_build(source->build, text);
	write_process(source, text);
	write_persist(source, text);
	write_tls(source, text);
	write_driver(source, text);
	if (write_zones(source, text) || write_updates(source, text)) {
		free(names);
		return -ENOMEM;
	}
	write_queries(source, text);
	write_replies(source, text);
	write_durations(source, text);
	write_rows(source, text);
	write_amplification(source, text);
	write_upstreams(source, text, names);
	free(names);
	return text->overrun ? -ENOMEM : 0;
}
