/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/vigil.h"

#include <stddef.h>

#define LOOK_EVERY (2 * HF_SECOND)   /* where nobody tells us */
#define LOOK_SELDOM (30 * HF_SECOND) /* where somebody does, and might have missed it */
#define SETTLED (300 * HF_MS)
#define SETTLES_MAX 20 /* one that is written to all the time is read all the same */

static void look_again(struct hf_vigil *v, hf_us now, hf_us after)
{
	hf_timer_arm(hf_loop_timers(v->loop), &v->look, now + after);
}

static hf_us rest(const struct hf_vigil *v)
{
	hf_us every = v->watcher ? LOOK_SELDOM : LOOK_EVERY;
	return every + hf_loop_random_u32(v->loop) % (uint32_t)(every / 4);
}

static void take_prints(struct hf_vigil *v)
{
	hf_zone_files_clear(&v->seen);
	if (hf_zone_files_look(v->files, &v->seen))
		hf_zone_files_clear(&v->seen);
}

static void look(struct hf_timer *timer, hf_us now)
{
	struct hf_vigil *v = (struct hf_vigil *)((char *)timer - offsetof(struct hf_vigil, look));
	if (hf_zone_files_same(v->files)) {
		v->settling = 0;
		look_again(v, now, rest(v));
		return;
	}
	bool still = v->settling && hf_zone_files_same(&v->seen);
	if (!still && v->settling++ < SETTLES_MAX) {
		take_prints(v);
		look_again(v, now, SETTLED);
		return;
	}
	v->settling = 0;
	look_again(v, now, rest(v));
	v->changed(v->ctx, now);
}

/* Somebody wrote to the directory: what else is in it does not matter. */
static void stirred(void *ctx, hf_us now)
{
	struct hf_vigil *v = ctx;
	if (!v->settling)
		look_again(v, now, SETTLED / 3);
}

void hf_vigil_begin(struct hf_vigil *v, struct hf_loop *loop, struct hf_watch *watch,
	const struct hf_zone_files *files, void (*changed)(void *ctx, hf_us now), void *ctx)
{
	*v = (struct hf_vigil){.loop = loop, .files = files, .changed = changed, .ctx = ctx};
	v->look.fire = look;
	/* Without a watcher they are looked at more often. */
	if (watch && hf_watcher_new(watch, stirred, v, &v->watcher))
		v->watcher = NULL;
	look_again(v, hf_loop_now(loop), rest(v));
}

void hf_vigil_moved(struct hf_vigil *v)
{
	if (v->watcher)
		hf_watcher_look_at(v->watcher, v->files);
}

void hf_vigil_end(struct hf_vigil *v)
{
	if (!v->loop)
		return;
	hf_timer_disarm(hf_loop_timers(v->loop), &v->look);
	hf_watcher_free(v->watcher);
	hf_zone_files_clear(&v->seen);
	v->loop = NULL;
}
