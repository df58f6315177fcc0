/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config.h - text in, one immutable configuration out, or every complaint.
 *
 * Story: a file is read whole, parsed as YAML 1.2 without anchors, aliases,
 * tags or merge keys, and walked beside the option rows. Every fault of the
 * file is reported in one run, each with file, line, column, what was expected
 * and the nearest valid word, and the offending line with a caret. Only a
 * file without any fault becomes a configuration.
 *
 * Ownership: a configuration owns everything it points to and is immutable from
 * the moment hf_config_load returns it. It is counted: each worker holds one
 * reference, and the last _unref frees it.
 * Threads: _ref and _unref from any thread; loading from one at a time.
 * At the bound: a file over HF_CONFIG_FILE_MAX bytes, a line over 65,536, nesting
 * over 16, over 2,000,000 values, 1,024 upstreams or 100,000 routes is refused
 * with a message; after a thousand complaints no more are looked for. */
#ifndef HF_FACE_CONFIG_H
#define HF_FACE_CONFIG_H

#include <stdatomic.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/hash.h"
#include "cache/cache_conf.h"
#include "forward/route.h"
#include "providers/providers_conf.h"
#include "serve/readiness.h"
#include "serve/serve_conf.h"
#include "sight/log_conf.h"
#include "zone/local_conf.h"
#include "zone/zone_conf.h"
#include "zone/sibling_conf.h"

#define HF_CONFIG_FILE_MAX (16u << 20)

struct hf_process_conf { /* top-level keys with a plain value */
	uint32_t workers;     /* 1 to 256; `auto` has become the cores we may use */
	const char *control;  /* path of the control socket */
	hf_us drain;          /* longest wait for questions under way at SIGTERM */
	const char *zone_state; /* directory of copies of zones, or "none" */
	uint64_t transfer_memory; /* octets for all versions that are being received */
};

enum hf_verify { HF_VERIFY_OFF, HF_VERIFY_WARN, HF_VERIFY_ABORT };

struct hf_startup_conf { /* what the start makes sure of */
	int verify;      /* enum hf_verify: what comes of an upstream that lies */
	int unanswered;  /* ... with abort, of a name that no upstream says anything about */
	hf_us deadline;  /* longest time that it may take */
	struct hf_text_list names; /* asked about besides those with expectations */
};

struct hf_config {
	atomic_uint refs;
	struct hf_arena arena;
	const char *source;           /* file name, or "(defaults)" */
	bool said;                    /* there is something in it, if only {} */
	bool keyed;                   /* ... and a key */
	struct hf_process_conf process;
	struct hf_listen_conf listen;
	struct hf_tcp_conf tcp;
	struct hf_clients_conf clients;
	struct hf_forward_conf forward;
	struct hf_cache_conf cache;
	struct hf_log_conf log;
	struct hf_startup_conf startup;
	struct hf_zones_conf zones;
	struct hf_local_conf local;
	struct hf_ready_conf ready;
	struct hf_siblings_conf siblings;
	struct hf_providers_conf providers;
	bool workers_auto;          /* process.workers stood as `auto` */
	struct hf_origins *origins; /* the line of each value, for printing */
};

/* Loads a file. path NULL: the built-in configuration. A file that names no
 * upstreams gets the pinned public ones and behind them the host's own resolvers
 * (from resolv_conf, usually "/etc/resolv.conf"; NULL: none). Warnings do not
 * count as complaints. Complaints are written to `complaints` as
 * "file:line:column: error: ..." and counted; HF_ECONFIG if there was any,
 * -errno if the file cannot be read (also said in words). */
int hf_config_load(const char *path, const char *resolv_conf, FILE *complaints,
	struct hf_config **ret);

/* The same for text in memory; `source` is the name used in complaints. Without
 * `upstreams` in the text, the pinned public ones alone are taken. */
int hf_config_parse(const char *source, const char *text, size_t len, FILE *complaints,
	struct hf_config **ret);

/* The configuration as understood, each value with where it came from: what
 * `check -p` and /api/v1/config print. Made when it is asked for, which takes
 * longer than reading the file. The caller frees it; NULL: no memory. */
char *hf_config_yaml(const struct hf_config *config);
char *hf_config_json(const struct hf_config *config);

struct hf_config *hf_config_ref(struct hf_config *config);
void hf_config_unref(struct hf_config *config); /* NULL is fine */

/* Names the keys that differ between the two and need a restart to take
 * effect, a line each, to `out`. Returns how many. */
unsigned hf_config_restart_needed(const struct hf_config *now, const struct hf_config *next,
	FILE *out);

/* Generated from the rows: the reference page (Markdown), the JSON Schema for
 * editors, and the options paragraph of the manual (mdoc). */
int hf_config_write_reference(FILE *out);
int hf_config_write_schema(FILE *out);
int hf_config_write_manual(FILE *out);

#endif
