/* SPDX-License-Identifier: GPL-3.0-or-later */
/* house.h - holdfast itself inside a simulated world.
 *
 * Story: what serve/server_life.c does with threads and sockets is done here with
 * loops of the simulator: the same listeners, workers, cache and upstream
 * policy, on virtual time. Only main's part (configuration files, signals) is
 * left out.
 * Ownership: the house keeps pointing into the scenario; it is freed before its
 * world.  Threads: the world's one. */
#ifndef HF_DRILL_HOUSE_H
#define HF_DRILL_HOUSE_H

#include "drill/scenario.h"
#include "meter/decision.h"
#include "meter/meter.h"

struct hf_house;

struct hf_house_watch {
	/* A bound does not hold, or the books do not agree, at the end of a turn. */
	void (*broken)(void *ctx, unsigned instance, const char *what);
	/* What it decided about a question (meter/decision.h); NULL: nobody wants to know. */
	void (*decided)(void *ctx, unsigned instance, const struct hf_decision *d);
	void *ctx;
	const uint64_t *open; /* questions of clients that wait for each instance */
	const struct hf_vouches *vouches; /* certificates, as they are at any instant */
};

/* The instance with that number; all share the upstreams and nothing else. */
int hf_house_new(struct hf_sim *sim, const struct hf_scenario *scenario, unsigned instance,
	const struct hf_house_watch *watch, struct hf_house **ret);
void hf_house_free(struct hf_house *house); /* NULL is fine */

/* Where an instance serves. */
struct hf_address hf_house_address(unsigned instance);

void hf_house_jump(struct hf_house *house, hf_us us);
void hf_house_jump_wall(struct hf_house *house, hf_us us);
void hf_house_stall(struct hf_house *house, hf_us us);

/* Clients' questions that wait in it, and the work that is done for them:
 * flights, attempts. Nothing of it may be left when everybody has an answer. */
size_t hf_house_pending(const struct hf_house *house);
size_t hf_house_flights(const struct hf_house *house);
size_t hf_house_attempts(const struct hf_house *house);

/* What its gauges say is under way, all of them added up. */
uint64_t hf_house_gauges(const struct hf_house *house);

/* Retries, hedges and probes to one upstream. */
uint64_t hf_house_copies(const struct hf_house *house, unsigned upstream);

uint64_t hf_house_count(const struct hf_house *house, enum hf_counter counter);

#endif
