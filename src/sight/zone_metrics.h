/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zone_metrics.h - figures of the zones that are served with authority.
 *
 * Story: face hands in a list of figures (sight knows nobody who looks after zones); each
 * becomes a sample of each family, labelled with the zone's name; those of providers that are
 * given updates with the server's, too.
 * Threads: any.
 * At the bound: the first HF_METRICS_ZONES_MAX zones have samples of their own; all count in
 * holdfast_zones. */
#ifndef HF_SIGHT_ZONE_METRICS_H
#define HF_SIGHT_ZONE_METRICS_H

#include "base/time.h"
#include "sight/text.h"
#include "wire/name.h"
#include "zone/gate.h"
#include "zone/zones.h"

#define HF_METRICS_ZONES_MAX 5000

struct hf_zone_figures {
	struct hf_name name;
	enum hf_gate_state state;
	enum hf_zone_standing standing;
	bool required, has_copy, published_known, faulty; /* faulty: its source is, now */
	uint32_t serial, published;
	uint64_t records, octets;
	hf_us proven_ago; /* -1: never */
	uint64_t loads, refused, transfers, transfers_failed, notifies;
	uint64_t notifies_sent, put_off;
	unsigned untold; /* secondaries that could not be told, or did not fetch */
	int http_status; /* of the last answer of its URL; 0: none */
	hf_us asked_ago; /* when the URL was last asked for; -1: never, or it has none */
};

/* A provider that is given a zone by updates (RFC 2136). */
struct hf_zone_update_figures {
	struct hf_name zone;
	char server[64];
	bool current, faulty;
	uint64_t behind, messages, changes, failures, compares, drifts;
};

/* Nothing for none. */
void hf_zone_update_metrics_write(
	const struct hf_zone_update_figures *updates, size_t count, struct hf_text *text);

/* total: how many zones there are; count: those given. */
void hf_zone_metrics_write(
	const struct hf_zone_figures *zones, size_t count, size_t total, struct hf_text *text);

#endif
