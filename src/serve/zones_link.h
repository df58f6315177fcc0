/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zones_link.h - between who looks after zones (authority/) and the workers who answer.
 *
 * Story: the authority makes a new set of zones whenever something has changed; here it is
 * kept until each worker has taken it, at its next turn, or before it answers the next packet:
 * what a client has heard from one worker no other contradicts with an older set. A worker that
 * could not be told finds out by itself: sets have numbers. A configuration without zones and local
 * data needs no authority, until a reload brings some.
 * Ownership: holds a reference on the set, and the plan whose configuration the authority
 * goes by.
 * Threads: start, adopt, stop and clear from main; take from any worker; the rest from any. */
#ifndef HF_SERVE_ZONES_LINK_H
#define HF_SERVE_ZONES_LINK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "authority/authority.h"
#include "engine/plan.h"

struct hf_zones_link {
	_Atomic(struct hf_authority *) authority; /* NULL: there are no zones */
	_Atomic uint64_t number;                  /* of the set */
	void (*post)(void *ctx);                  /* has each worker take it */
	void *ctx;
	pthread_mutex_t lock;   /* over the set */
	struct hf_zones *zones; /* NULL: none */
};

void hf_zones_link_init(struct hf_zones_link *link, void (*post)(void *ctx), void *ctx);

/* Begins with the plan's zones, or goes by another plan. What is wrong is said on
 * `complaints`; a zone with a fault fails neither. -ENOMEM and the like: nothing changed. */
int hf_zones_link_adopt(struct hf_zones_link *link, const struct hf_zones_conf *zones,
	const struct hf_siblings_conf *siblings, const struct hf_local_conf *local,
	struct hf_plan *plan, FILE *complaints);

/* The set, if its number is not *number any more, which it becomes; else NULL. The caller
 * lets it go. */
struct hf_zones *hf_zones_link_take(struct hf_zones_link *link, uint64_t *number);

void hf_zones_link_stop(struct hf_zones_link *link);  /* no more posts */
void hf_zones_link_clear(struct hf_zones_link *link); /* stops */

#endif
