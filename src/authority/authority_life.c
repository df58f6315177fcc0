/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/authority_inside.h"

#include <stdlib.h>

#include "authority/call.h"
#include "authority/copy.h"
#include "authority/hands.h"
#include "authority/keys.h"
#include "authority/siblings.h"
#include "authority/watch.h"
#include "base/check.h"
#include "base/error.h"
#include "loop/loop_epoll.h"

/* So much of a turn may go into reading files before others are heard. */
#define BEGIN_LONGEST (20 * HF_MS)

/* ---- the thread ---- */

/* Whoever gave the order waits, and its stream with it. Returns how many there are. */
static size_t name_darkened(const struct hf_authority *a, FILE *complaints)
{
	struct hf_zone_keeper_figures figures;
	char name[HF_NAME_TEXT_MAX];
	size_t count = 0;
	for (size_t i = 0; i < a->keeper_count; i++) {
		const struct hf_zone_keeper *keeper = a->keepers[i];
		if (!hf_zone_keeper_darkened(keeper) || count++ >= HF_AUTHORITY_DARKENED_SHOWN)
			continue;
		hf_zone_keeper_figures(keeper, hf_loop_now(a->loop), &figures);
		fprintf(complaints, "zone %s was answered until now, and is not any more: %s\n",
			hf_name_text(hf_zone_keeper_conf(keeper)->name.bytes, name), figures.why);
	}
	if (count > HF_AUTHORITY_DARKENED_SHOWN)
		fprintf(complaints, "... and so are %zu other zones\n",
			count - HF_AUTHORITY_DARKENED_SHOWN);
	return count;
}

static void take_order(struct hf_authority *a)
{
	pthread_mutex_lock(&a->lock);
	const struct hf_authority_conf *order = a->order;
	a->order = NULL;
	pthread_mutex_unlock(&a->lock);
	if (!order)
		return;
	int rc = hf_authority_take_conf(a, order);
	size_t darkened = rc ? 0 : name_darkened(a, a->complaints);
	pthread_mutex_lock(&a->lock);
	a->darkened = darkened;
	a->ordered = true;
	a->order_rc = rc;
	pthread_cond_broadcast(&a->news);
	pthread_mutex_unlock(&a->lock);
}

static bool take_notice(struct hf_authority *a, struct hf_notice *ret)
{
	pthread_mutex_lock(&a->lock);
	bool any = a->notice_count > 0;
	if (any)
		*ret = a->notices[--a->notice_count];
	pthread_mutex_unlock(&a->lock);
	return any;
}

static void take_notices(struct hf_authority *a, hf_us now)
{
	struct hf_notice notice;
	for (unsigned i = 0; i < HF_NOTICES_MAX && take_notice(a, &notice); i++) {
		size_t at = hf_authority_find(a, &notice.zone);
		if (at != SIZE_MAX)
			hf_zone_keeper_notified(a->keepers[at], &notice.peer, notice.has_serial,
				notice.serial, now);
	}
}

static void woken(void *ctx, hf_us now)
{
	struct hf_authority *a = ctx;
	hf_hands_take(a->hands, now);
	take_order(a);
	take_notices(a, now);
}

static void turned(void *ctx, hf_us now)
{
	struct hf_authority *a = ctx;
	hf_authority_show_space(a);
	hf_authority_begin_fetches(a, BEGIN_LONGEST);
	if (a->listed)
		hf_authority_follow_catalogs(a);
	hf_authority_hand_over_in_time(a, now);
}

static const struct hf_loop_hooks hooks = {woken, turned};

static void *work(void *arg)
{
	struct hf_authority *a = arg;
	int rc = hf_loop_run(a->loop);
	hf_unexpected(rc < 0);
	return NULL;
}

/* ---- life ---- */

/* Those that come from files have been read by now, or have a fault. */
static void complain(struct hf_authority *a, FILE *complaints)
{
	struct hf_zone_keeper_figures figures;
	struct hf_local_figures local;
	char name[HF_NAME_TEXT_MAX];
	for (unsigned i = 0; i < HF_LOCAL_LAYERS; i++) {
		hf_locals_figures(a->locals, (enum hf_local_layer)i, &local);
		if (local.fault[0])
			fprintf(complaints, "local data: %s\n", local.fault);
	}
	for (size_t i = 0; i < a->keeper_count; i++) {
		hf_zone_keeper_figures(a->keepers[i], hf_loop_now(a->loop), &figures);
		if (figures.fault[0])
			fprintf(complaints, "zone %s: %s\n",
				hf_name_text(hf_zone_keeper_conf(a->keepers[i])->name.bytes, name),
				figures.fault);
	}
}

static struct hf_authority *make(hf_authority_serve *serve, void *ctx)
{
	struct hf_authority *a = calloc(1, sizeof *a);
	if (!a)
		return NULL;
	a->serve = serve;
	a->serve_ctx = ctx;
	a->line_end = &a->line;
	a->again.fire = hf_authority_again;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->news, NULL);
	return a;
}

int hf_authority_start(const struct hf_authority_conf *conf, FILE *complaints,
	hf_authority_serve *serve, void *ctx, struct hf_authority **ret)
{
	struct hf_authority *a = make(serve, ctx);
	int rc = a ? hf_loop_epoll_new(&a->loop) : -ENOMEM;
	if (!rc) {
		hf_loop_set_hooks(a->loop, &hooks, a);
		if (hf_watch_new(a->loop, &a->watch))
			a->watch = NULL; /* files are looked at more often */
		rc = hf_calls_new(a->loop, &a->calls);
	}
	if (!rc)
		rc = hf_hands_new(a->loop, &a->hands);
	if (!rc)
		rc = hf_authority_take_conf(a, conf);
	if (rc) {
		hf_authority_free(a);
		return rc;
	}
	hf_authority_begin_fetches(a, HF_NEVER);
	complain(a, complaints);
	hf_authority_hand_over(a, hf_loop_clock(a->loop));
	hf_hands_open(a->hands); /* without a hand the thread does it all by itself */
	rc = pthread_create(&a->thread, NULL, work, a);
	if (rc) {
		hf_loan_forget(a->loan); /* the caller's still */
		a->loan = NULL;
		hf_authority_free(a);
		return -rc;
	}
	a->started = true;
	pthread_setname_np(a->thread, "authority");
	*ret = a;
	return 0;
}

int hf_authority_adopt(
	struct hf_authority *a, const struct hf_authority_conf *conf, FILE *complaints)
{
	pthread_mutex_lock(&a->lock);
	a->order = conf;
	a->complaints = complaints;
	a->ordered = false;
	pthread_mutex_unlock(&a->lock);
	hf_loop_wake(a->loop);
	pthread_mutex_lock(&a->lock);
	while (!a->ordered)
		pthread_cond_wait(&a->news, &a->lock);
	int rc = a->order_rc;
	pthread_mutex_unlock(&a->lock);
	return rc;
}

size_t hf_authority_darkened(const struct hf_authority *a)
{
	return a->darkened;
}

void hf_authority_notified(struct hf_authority *a, const struct hf_name *zone,
	const struct hf_address *peer, bool has_serial, uint32_t serial)
{
	pthread_mutex_lock(&a->lock);
	bool room = a->notice_count < HF_NOTICES_MAX;
	if (room)
		a->notices[a->notice_count++] =
			(struct hf_notice){*zone, *peer, has_serial, serial};
	pthread_mutex_unlock(&a->lock);
	if (room)
		hf_loop_wake(a->loop);
}

void hf_authority_stop(struct hf_authority *a)
{
	if (!a->started)
		return;
	hf_loop_stop(a->loop);
	pthread_join(a->thread, NULL);
	a->started = false;
}

void hf_authority_free(struct hf_authority *a)
{
	if (!a)
		return;
	hf_authority_stop(a);
	hf_siblings_free(a->siblings);
	hf_hands_close(a->hands); /* what they have not written down is written now */
	for (size_t i = 0; i < a->keeper_count; i++)
		hf_zone_keeper_finish(a->keepers[i]);
	hf_authority_free_keepers(a, a->keepers, a->keeper_count);
	hf_members_clear(&a->members);
	free(a->left);
	hf_locals_free(a->locals);
	hf_keys_free(a->keys);
	hf_copies_close(a->copies);
	hf_watch_free(a->watch);
	hf_calls_free(a->calls);
	hf_hands_free(a->hands);
	hf_loop_free(a->loop);
	hf_loan_unref(a->loan);
	free(a->shown);
	free(a->shown_updates);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->news);
	free(a);
}
