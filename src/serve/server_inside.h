/* SPDX-License-Identifier: GPL-3.0-or-later */
/* server_inside.h - what the files of the server share. Private to serve/.
 *
 * server_life.c  workers and their threads; start, reload, drain
 * server_plan.c  a plan from settings: the rules of zones, what is shown over TLS
 * server_view.c  what others may read: figures, slots, readiness
 *
 * Threads: what a member says; main's own where it says nothing. */
#ifndef HF_SERVE_SERVER_INSIDE_H
#define HF_SERVE_SERVER_INSIDE_H

#include <pthread.h>

#include "serve/diaries.h"
#include "serve/ears.h"
#include "serve/inspect.h"
#include "serve/server.h"
#include "serve/zones_link.h"
#include "xdp/xdp_map.h"

/* What a plan was made from, kept with it. */
struct hf_above {
	struct hf_settings settings;
	struct hf_respond_conf respond;
	struct hf_keys *keys; /* NULL: there are no zones */
	struct hf_zone_rules *rules;
};

struct hf_crew { /* one worker with its thread and ears */
	struct hf_server *server;
	struct hf_loop *loop;
	struct hf_listener *listener;
	struct hf_worker *worker;
	struct hf_meter *meter;
	struct hf_event_ring *events;
	struct hf_xdp *xdp; /* as the server's, since it was told */
	struct hf_timer turn;
	pthread_t thread;
	bool started;
	bool draining;  /* the worker's own */
	bool done;      /* under the server's lock */
	uint64_t zones; /* number of the set that it answers from; the worker's own */
	_Atomic hf_us turned;
};

struct hf_server {
	struct hf_hash_key key;
	struct hf_cache *cache;
	struct hf_keeper *keeper; /* NULL: the cache is not written down */
	struct hf_xdp *xdp; /* NULL: sockets answer everything; main's, once there are workers */
	struct hf_xdp_key xdp_key;
	uint64_t plans;           /* made so far */
	struct hf_team *team;
	struct hf_zones_link zones;
	struct hf_admission_table *admission;
	struct hf_slots *slots;
	struct hf_under_way inspections; /* inspect.h */
	struct hf_under_way diaries;     /* diaries.h */
	struct hf_bound bound;
	bool serving;
	hf_us certificate_due; /* when what is shown over TLS is looked at again */
	pthread_mutex_t lock;  /* over all that follows, and slots */
	pthread_cond_t news;
	struct hf_plan *plan;
	unsigned outstanding; /* workers that have not yet taken the current order */
	int order_error;
	size_t size;
	struct hf_crew crew[];
};

static inline const struct hf_above *hf_above(const struct hf_plan *plan)
{
	return plan->above;
}

/* Makes a plan that holds the settings from now on (not on failure, a negative error). Under
 * the lock once there are workers. */
int hf_server_plan(struct hf_server *server, const struct hf_settings *settings, FILE *complaints,
	struct hf_plan **ret);

#endif
