/* SPDX-License-Identifier: GPL-3.0-or-later */
/* authority_inside.h - what the authority consists of. Private to the files that are one.
 *
 * Story: the thread hears of orders, notices, keepers and files; each leaves a mark, and the
 * turn of the loop ends with what is marked. Each of these files does one thing:
 *
 *   authority_life.c     its life: started, ended; its thread, and what others order it to do
 *   authority_conf.c     goes by a configuration: keys, siblings, copies, local data, zones
 *   authority_cast.c     members of catalogs come and go
 *   authority_serve.c    workers are handed another set
 *   authority_show.c     figures of zones, and who reads them
 *   authority_keepers.c  the table of zones: keepers made and found, what they say, and the
 *                        line of those that want to fetch
 *
 * Each calls those below it, never one above.
 * Ownership: as authority.h says.
 * Threads: the authority's, but for what stands under the lock, is atomic, or is for readers
 * (authority_show.c).
 * At the bound: as authority.h says; HF_NOTICES_MAX notices wait. */
#ifndef HF_AUTHORITY_AUTHORITY_INSIDE_H
#define HF_AUTHORITY_AUTHORITY_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "authority/authority.h"
#include "authority/keeper.h"
#include "authority/locals.h"
#include "authority/members.h"

struct hf_calls;
struct hf_copies;
struct hf_hands;
struct hf_keys;
struct hf_siblings;
struct hf_update_figures;
struct hf_watch;

/* Notices of other threads that wait; more are dropped, as the network might have. */
#define HF_NOTICES_MAX 1024

struct hf_notice { /* a NOTIFY that a listener got */
	struct hf_name zone;
	struct hf_address peer;
	bool has_serial;
	uint32_t serial;
};

/* A zone, for readers. */
struct hf_shown {
	struct hf_name name, catalog;      /* that it is a member of; len 0: none */
	char group[HF_ZONE_GROUP_MAX + 1]; /* whose settings it has; "": it has its catalog's */
	bool required;
	struct hf_zone_keeper_figures figures;
	struct hf_update_figures *updates; /* figures.updates of them; within shown_updates */
};

struct hf_authority {
	struct hf_loop *loop;
	pthread_t thread;
	bool started;
	hf_authority_serve *serve;
	void *serve_ctx;
	struct hf_event_ring events;

	/* The thread's own, once it runs. */
	struct hf_authority_conf conf;
	struct hf_loan *loan; /* what `conf` belongs to */
	struct hf_keys *keys;
	struct hf_copies *copies;
	struct hf_watch *watch;
	struct hf_hands *hands;
	struct hf_calls *calls;
	struct hf_locals *locals;
	struct hf_zone_keeper **keepers; /* in the order of their names */
	size_t keeper_count;
	struct hf_members members; /* of catalogs: some of the keepers are theirs */
	size_t siblings_asked;
	bool listed;          /* a catalog has another version, perhaps */
	uint64_t lists;       /* a sum of those that were gone by */
	struct hf_name *left; /* members whose copies go when workers have let go of them */
	size_t left_count;
	struct hf_zone_keeper *line, **line_end;    /* those that want to fetch */
	bool dirty;                                 /* the set is to be made anew */
	bool moved;                                 /* figures are others */
	hf_us handed_over, cost;                    /* when that was done last, what it took */
	struct hf_timer again;                      /* looks at `dirty` and `moved` */
	_Atomic size_t trouble;                     /* for readers: hf_authority_trouble */
	_Atomic uint64_t space_used, space_waiting; /* ... and hf_authority_space */

	pthread_mutex_t lock; /* over all that follows */
	pthread_cond_t news;
	struct hf_shown *shown;
	size_t shown_count;
	struct hf_local_figures shown_locals[HF_LOCAL_LAYERS];
	struct hf_update_figures *shown_updates;
	struct hf_siblings *siblings; /* swapped under the lock; else the thread's own */
	struct hf_notice notices[HF_NOTICES_MAX];
	size_t notice_count;
	const struct hf_authority_conf *order; /* a configuration to be gone by */
	FILE *complaints;                      /* ... of who waits for it */
	size_t darkened;                       /* zones that it darkened */
	bool ordered;                          /* it has been taken, with this result */
	int order_rc;
};

/* All that is looked after, while it takes the place of what is. */
struct hf_cast {
	const struct hf_authority_conf *conf;
	struct hf_loan *loan;
	const struct hf_keys *keys;
	size_t siblings;
	struct hf_zone_keeper **configured; /* in the order of their names */
	size_t configured_count;
	bool anew;                       /* no keeper stays: the configuration is another */
	struct hf_zone_keeper **keepers; /* those and the members', in order */
	size_t count;
	struct hf_members members;
	struct hf_event event; /* what is told of it */
	struct hf_event stray; /* ... of members in groups that nobody knows */
};

/* ---- authority_conf.c ---- */

/* Goes by another configuration, or by the first. On failure all is as it was. */
int hf_authority_take_conf(struct hf_authority *a, const struct hf_authority_conf *conf);

/* ---- authority_cast.c ---- */

/* Makes the keepers of members and puts all together. -ENOMEM: nothing has changed. */
int hf_authority_make_cast(struct hf_authority *a, struct hf_cast *cast);

/* The members take the place of those that there were, whose keepers have ended. */
void hf_authority_enter(struct hf_authority *a, struct hf_cast *cast);

/* Which versions of catalogs there are: the same sum says that none is another. */
uint64_t hf_authority_lists(const struct hf_authority *a);

/* A catalog has another version: members come and go, and all else stays as it is. */
void hf_authority_follow_catalogs(struct hf_authority *a);

/* ---- authority_serve.c ---- */

/* Workers get the set as it is now. On failure they keep the one that they have, and it is
 * tried again at the next turn. */
void hf_authority_hand_over(struct hf_authority *a, hf_us now);

/* ... if it is another one; at once, or when the last one is long enough ago. */
void hf_authority_hand_over_in_time(struct hf_authority *a, hf_us now);

/* The timer `again`. The turn that it fires in ends with a look at `dirty`. */
void hf_authority_again(struct hf_timer *timer, hf_us now);

/* ---- authority_show.c ---- */

/* Readers see figures as they are now. Without memory they see what was. */
void hf_authority_show(struct hf_authority *a, hf_us now);
void hf_authority_show_space(struct hf_authority *a);

/* ---- authority_keepers.c ---- */

/* Of the keeper of a zone, by its name. SIZE_MAX: there is none. */
size_t hf_authority_find(const struct hf_authority *a, const struct hf_name *name);

int hf_authority_compare_keepers(const void *a, const void *b); /* for qsort: by name */

/* `before`: the zone's keeper until now, whose version it goes on with; NULL: none. */
int hf_authority_make_keeper(struct hf_authority *a, const struct hf_authority_conf *next,
	struct hf_loan *loan, const struct hf_zone_conf *zone, const struct hf_keys *keys,
	size_t siblings, const struct hf_zone_keeper *before, struct hf_zone_keeper **ret);

/* Those of the zones that stand in the configuration, in order. */
int hf_authority_make_keepers(struct hf_authority *a, const struct hf_authority_conf *next,
	struct hf_loan *loan, const struct hf_keys *keys, size_t siblings,
	struct hf_zone_keeper ***ret);

/* And the array; keepers may be NULL. */
void hf_authority_free_keepers(
	struct hf_authority *a, struct hf_zone_keeper **keepers, size_t count);

/* Is in the line no more; not to be in it is fine. */
void hf_authority_leave_line(struct hf_authority *a, struct hf_zone_keeper *keeper);

/* Files are read as they are begun: after `longest` the rest waits for the next turn. */
void hf_authority_begin_fetches(struct hf_authority *a, hf_us longest);

/* Figures are others, and an event: from keepers and local data. `ctx`: the authority. */
void hf_authority_moved(void *ctx);
void hf_authority_tell(void *ctx, struct hf_event *event);

#endif
