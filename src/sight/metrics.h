/* SPDX-License-Identifier: GPL-3.0-or-later */
/* metrics.h - meter rows as a page that Prometheus reads.
 *
 * Story: everything on the page comes from a row of meter/ or from the few
 * figures in hf_metrics_source; the sums are taken while the page is written.
 * The format is the text exposition format 0.0.4: a HELP and a TYPE line for a
 * family, then its samples, families never mixed.
 * Knows:   numbers and names; not where they come from: face hands in readers.
 * Threads: any, as often as wanted; nothing is kept.
 * At the bound: the text's own; an incomplete page is told by text->overrun. */
#ifndef HF_SIGHT_METRICS_H
#define HF_SIGHT_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "meter/meter.h"
#include "sight/text.h"
#include "sight/zone_metrics.h"

#define HF_METRICS_FATES 16
#define HF_METRICS_DOORS 8
#define HF_METRICS_REASONS 8
#define HF_METRICS_SIBLINGS 17
#define HF_METRICS_TWIN_STATES 4

struct hf_metrics_label {
	const char *name;
	const char *value;
};

struct hf_metrics_source {
	size_t workers;
	const struct hf_meter *(*meter)(void *ctx, size_t worker);
	/* The upstream in a slot; false: none. Slots without a name are not shown. */
	bool (*slot_name)(void *ctx, unsigned slot, char *buf, size_t size);
	void *ctx;

	uint64_t cache_entries, cache_bytes, cache_size, cache_evictions;
	struct {                  /* shown if `on` */
		bool on;
		uint64_t loaded, written, bytes, errors, lost;
		int64_t success_wall; /* seconds since 1970; 0: never */
	} persist;
	struct {                  /* what was done at the network driver, shown if `on` */
		bool on;
		uint64_t entries;
		size_t fates;         /* of what it looked at */
		uint64_t fate[HF_METRICS_FATES];
		const char *fate_names[HF_METRICS_FATES]; /* the first: answered */
		size_t doors;                             /* interfaces that are listed */
		struct {
			char name[16];
			bool attached;
		} door[HF_METRICS_DOORS];
	} driver;
	uint64_t unexpected;      /* hf_unexpected_total() */
	uint64_t events_dropped;  /* of all rings */
	uint64_t reloads, reload_failures;
	bool ready;
	uint64_t ready_changes;
	size_t reason_kinds;      /* why it is not, or what is noted */
	uint64_t reasons[HF_METRICS_REASONS];
	const char *reason_names[HF_METRICS_REASONS];
	struct {                  /* programs run when that changed */
		uint64_t succeeded, failed, killed;
	} hooks;
	/* Fills in up to `most` zones and returns how many there are; NULL: there are none. */
	size_t (*zones)(void *ctx, struct hf_zone_figures *ret, size_t most);
	/* The same for providers that are given updates. */
	size_t (*updates)(void *ctx, struct hf_zone_update_figures *ret, size_t most);
	size_t siblings;          /* other nodes that serve our zones, and the VIP */
	struct {
		char name[HF_ADDRESS_TEXT_MAX];
		bool vip;
		uint64_t zones[HF_METRICS_TWIN_STATES];
	} sibling[HF_METRICS_SIBLINGS];
	const char *twin_states[HF_METRICS_TWIN_STATES];
	bool shows_tls;           /* something is shown over TLS ... */
	int64_t tls_until;        /* ... that counts until then, in seconds since 1970 */
	bool transfers; /* there are zones that could be received: */
	uint64_t transfer_octets, transfers_waiting;
	int64_t started_wall;     /* seconds since 1970 */
	const struct hf_metrics_label *build; /* labels of holdfast_build_info, NULL-name end */
};

/* -ENOMEM if the page did not fit into text or memory. One of 1,024 upstreams is
 * about 1 MiB. */
int hf_metrics_write(const struct hf_metrics_source *source, struct hf_text *text);

/* The sum of an upstream's counter or gauge over all workers; for RTT_US and
 * STATE, which each worker learns for itself, the mean of those that know and the
 * highest number. */
uint64_t hf_metrics_upstream_counter(const struct hf_metrics_source *source, unsigned slot,
	enum hf_upstream_counter counter);
int64_t hf_metrics_upstream_gauge(const struct hf_metrics_source *source, unsigned slot,
	enum hf_upstream_gauge gauge);
uint64_t hf_metrics_counter(const struct hf_metrics_source *source, enum hf_counter counter);
int64_t hf_metrics_gauge(const struct hf_metrics_source *source, enum hf_gauge gauge);

/* All queries of all transports and types. */
uint64_t hf_metrics_queries(const struct hf_metrics_source *source);

#endif
