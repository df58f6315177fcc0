/* SPDX-License-Identifier: GPL-3.0-or-later */
/* play_inside.h - what the parts of a play share. Private to drill/.
 *
 * Story: play_stage.c sets the stage, lets the world run and clears up; play_act.c
 * carries out the scenario's events; play_judge.c sees all that goes over the
 * network and holds it against the laws (law.h).
 * Threads: the world's one. */
#ifndef HF_DRILL_PLAY_INSIDE_H
#define HF_DRILL_PLAY_INSIDE_H

#include "drill/crowd.h"
#include "drill/house.h"
#include "drill/known.h"
#include "drill/play.h"

/* Events that a failure shows, and the octets of one. */
#define HF_TOLD 32
#define HF_TOLD_MAX 240

/* A packet that others overtake is held back by up to this. */
#define HF_HELD_BACK (100 * HF_MS)

struct hf_play;

struct hf_running { /* an event that comes again, or a load under way */
	struct hf_running *next;
	struct hf_play *play;
	const struct hf_play_event *event;
	hf_us end;
};

struct hf_lately { /* instants of the questions of the last 100 ms, a ring */
	hf_us *at;
	size_t first, count, cap;
};

struct hf_second { /* questions in the present second of the clock */
	hf_us number;
	uint64_t count;
};

struct hf_bucket { /* of an upstream that lets only so much through */
	int64_t tokens; /* in millionths of a question */
	hf_us filled;
};

struct hf_play {
	const struct hf_scenario *scenario;
	struct hf_sim *sim;
	struct hf_house *houses[HF_PLAY_INSTANCES_MAX];
	uint64_t open[HF_PLAY_INSTANCES_MAX]; /* questions without a reply yet */
	struct hf_crowd *crowd;
	struct hf_stubs *stubs;
	struct hf_peer *peers[HF_PLAY_UPSTREAMS_MAX];
	struct hf_weather weather[HF_PLAY_UPSTREAMS_MAX];
	struct hf_bucket buckets[HF_PLAY_UPSTREAMS_MAX];
	struct hf_lately lately[HF_PLAY_UPSTREAMS_MAX];
	struct hf_second seconds[HF_PLAY_UPSTREAMS_MAX];
	int64_t budgets[HF_PLAY_UPSTREAMS_MAX]; /* questions a second; 0: none is set */
	struct hf_known *known;
	struct hf_vouches vouches;
	struct hf_running *running;
	hf_us stalled;       /* in all: how much longer replies may take */
	hf_us jumped;        /* how far the server's clock was set ahead in all */
	enum { HF_CALM_UNKNOWN, HF_CALM, HF_TROUBLED } calm; /* does any upstream ever change? */
	hf_us stalled_until; /* what is said before then waits for the server */
	uint64_t unexpected_before;
	char told[HF_TOLD][HF_TOLD_MAX];
	uint64_t told_count;
	FILE *trace;
	struct hf_play_result *result;
};

/* ---- play_stage.c ---- */

hf_us hf_play_now(const struct hf_play *p); /* since the beginning */

/* Notes a line of what happens. */
__attribute__((format(printf, 2, 3))) void hf_play_tell(struct hf_play *p, const char *format, ...);

/* A law is broken; the first is the play's result. line 0: of no line. */
__attribute__((format(printf, 4, 5))) void hf_play_fail(struct hf_play *p, enum hf_law law,
	unsigned line, const char *format, ...);

struct hf_question_text {
	char name[HF_NAME_TEXT_MAX], type[32];
};
const char *hf_play_question(const struct hf_question *q, struct hf_question_text *t); /* t->name */

/* ---- play_act.c ---- */

/* Sets the scenario's events on their times; returns when the last is over. */
hf_us hf_play_schedule(struct hf_play *p);

extern const struct hf_stub_watch hf_play_stub_watch; /* with the play as its ctx */

/* ---- play_judge.c ---- */

extern const struct hf_crowd_watch hf_play_crowd_watch; /* ctx is to be set, */
extern const struct hf_peer_watch hf_play_peer_watch;   /* as here */
void hf_play_blow(void *ctx, struct hf_sim *sim, const struct hf_sim_packet *packet, hf_us now,
	struct hf_sim_path *path);
void hf_play_check(void *ctx, struct hf_sim *sim);                       /* after every event */
void hf_play_broken(void *ctx, unsigned instance, const char *what);     /* said by a house */
void hf_play_check_end(struct hf_play *p);                               /* when all is over */

/* A question of a client is about to be asked of an instance. */
void hf_play_note_asked(struct hf_play *p, unsigned instance, const struct hf_play_event *event,
	const struct hf_question *q);

/* What the settings of an upstream say of its budget, whether or not they know
 * the word: 0 is none. */
int64_t hf_play_budget(const struct hf_upstream_conf *conf);

#endif
