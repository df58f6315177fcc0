/* SPDX-License-Identifier: GPL-3.0-or-later */
/* under_way.h - what workers were ordered to find out, and have not told yet.
 *
 * Story: an order is carried out in the worker's thread, some time later, or never, if the
 * server ends first. So that no more than some are under way, and none is lost when no worker
 * runs any more, each stands here from before it is ordered until it has been told.
 * Ownership: an item is embedded in its owner's struct, and must leave before that memory goes.
 * Threads: any.
 * At the bound: as whoever joins says. */
#ifndef HF_SERVE_UNDER_WAY_H
#define HF_SERVE_UNDER_WAY_H

#include <pthread.h>
#include <stdbool.h>

struct hf_under_way_item { /* private */
	struct hf_under_way_item *next, **prev;
};

struct hf_under_way {
	pthread_mutex_t lock; /* also of what its items share between threads */
	/* When no worker's thread runs any more: one of them, until it leaves. */
	struct hf_under_way_item *first;
	unsigned count;
};

void hf_under_way_init(struct hf_under_way *all);

/* Nobody is under way. */
void hf_under_way_clear(struct hf_under_way *all);

/* False: `most` are there already. Not under the lock, as little as the next. */
bool hf_under_way_join(struct hf_under_way *all, struct hf_under_way_item *item, unsigned most);

void hf_under_way_leave(struct hf_under_way *all, struct hf_under_way_item *item);

#endif
