/* SPDX-License-Identifier: GPL-3.0-or-later */
/* instance.h - the running holdfast, as its faces see it.
 *
 * Story: the main thread starts the server and keeps it; the control socket and
 * the HTTP thread look at the same thing through this struct. The configuration
 * in force is counted and swapped whole under a lock that is held for the
 * length of two assignments.
 * Ownership: the instance holds a reference on the configuration in force and
 * on the one it was started with; server, log and notify belong to `run`.
 * Threads: hf_instance_reload from main; everything else from any. `server` is
 * set before other threads begin and stays until they have ended. */
#ifndef HF_FACE_INSTANCE_H
#define HF_FACE_INSTANCE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "face/config.h"
#include "face/hooks.h"
#include "face/lookout.h"
#include "face/notify.h"
#include "face/ready.h"
#include "serve/server.h"
#include "sight/log.h"
#include "sight/metrics.h"

#define HF_RESOLV_CONF "/etc/resolv.conf"

struct hf_instance {
	const char *config_path; /* NULL: built-in defaults */
	struct hf_server *server;
	struct hf_log *log;
	struct hf_notify *notify;
	hf_us started;
	int64_t started_wall;
	atomic_bool draining;
	struct hf_ready ready;
	struct hf_hooks hooks;
	struct hf_lookout *lookout; /* NULL: there is none */
	atomic_uint_fast64_t reloads, reload_failures;
	pthread_mutex_t lock;            /* guards config */
	struct hf_config *config;        /* in force */
	struct hf_config *first_config;  /* what the keys that need a restart are at */
};

/* Loads the configuration. 0, HF_ECONFIG or -errno; complaints said. */
int hf_instance_init(struct hf_instance *instance, const char *config_path, FILE *complaints);
void hf_instance_clear(struct hf_instance *instance);

/* The configuration in force; the caller unrefs it. */
struct hf_config *hf_instance_config(struct hf_instance *instance);

/* The server's view of a configuration; it holds a reference of its own. */
struct hf_settings hf_instance_settings(struct hf_config *config);

/* Where the cache is to be written down, in buf or the configuration, or NULL. */
const char *hf_instance_persist(const struct hf_config *config, char *buf, size_t size);

/* Loads the file again and applies it, or changes nothing. What went wrong, or
 * needs a restart, is written to `out`; the return is an enum hf_exit. */
int hf_instance_reload(struct hf_instance *instance, FILE *out);

/* The readers' view. The build labels are the caller's to fill in. */
struct hf_metrics_source hf_instance_metrics(struct hf_instance *instance);

/* Looks whether this instance should get questions. From main, every HF_READY_EVERY. True:
 * what is to be said about that has changed. */
bool hf_instance_look(struct hf_instance *instance, hf_us now, int64_t wall);

/* What the last look found: false with reasons, a line each. */
bool hf_instance_ready(struct hf_instance *instance, FILE *reasons);

/* Do the workers still turn? Workers do so once a second; `patience` is what a
 * busy machine is forgiven. While draining they end one by one: alive. */
bool hf_instance_alive(struct hf_instance *instance, hf_us now, hf_us patience);

#endif
