/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/space.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"

/* Parts of all: what is small, and what all small ones may have together. */
#define SMALL_PART 64
#define SMALL_SHARE 4

struct share {
	uint64_t most, used;
	struct hf_space *first, **last; /* in line */
};

struct hf_spaces {
	struct hf_loop *loop;
	struct hf_timer next; /* those in line for whom there is space */
	uint64_t octets, small;
	struct share shares[2]; /* by `huge` */
	unsigned waiting;
	uint64_t put_off;
};

static void let_next(struct hf_timer *timer, hf_us now);

int hf_spaces_new(struct hf_loop *loop, struct hf_spaces **ret)
{
	struct hf_spaces *spaces = calloc(1, sizeof *spaces);
	if (!spaces)
		return -ENOMEM;
	spaces->loop = loop;
	spaces->next.fire = let_next;
	for (unsigned i = 0; i < 2; i++)
		spaces->shares[i].last = &spaces->shares[i].first;
	hf_spaces_bound(spaces, 0);
	*ret = spaces;
	return 0;
}

void hf_spaces_free(struct hf_spaces *spaces)
{
	if (!spaces)
		return;
	hf_timer_disarm(hf_loop_timers(spaces->loop), &spaces->next);
	free(spaces);
}

static void look_soon(struct hf_spaces *spaces)
{
	if (spaces->waiting)
		hf_timer_arm(
			hf_loop_timers(spaces->loop), &spaces->next, hf_loop_now(spaces->loop));
}

void hf_spaces_bound(struct hf_spaces *spaces, uint64_t octets)
{
	spaces->octets = octets;
	spaces->small = octets ? octets / SMALL_PART : UINT64_MAX;
	spaces->shares[false].most = octets ? octets / SMALL_SHARE : UINT64_MAX;
	spaces->shares[true].most = octets ? octets - octets / SMALL_SHARE : UINT64_MAX;
	look_soon(spaces);
}

static bool fits(const struct share *share, uint64_t octets)
{
	return share->used <= share->most && octets <= share->most - share->used;
}

static void hold(struct hf_spaces *spaces, struct hf_space *space, uint64_t octets, bool huge)
{
	space->held = true;
	space->huge = huge;
	space->octets = octets;
	spaces->shares[huge].used += octets;
}

static void let_go(struct hf_spaces *spaces, struct hf_space *space)
{
	spaces->shares[space->huge].used -= space->octets;
	space->held = false;
	space->octets = 0;
}

static void leave(struct hf_spaces *spaces, struct hf_space *space)
{
	struct share *share = &spaces->shares[space->huge];
	*space->prev = space->next;
	if (space->next)
		space->next->prev = space->prev;
	else
		share->last = space->prev;
	space->next = NULL;
	space->prev = NULL;
	spaces->waiting--;
}

enum hf_space_said hf_space_take(struct hf_spaces *spaces, struct hf_space *space, uint64_t octets)
{
	bool huge = octets > spaces->small;
	struct share *share = &spaces->shares[huge];
	if (hf_unexpected(space->prev))
		hf_space_give(spaces, space);
	if (space->held && octets <= space->octets)
		return HF_SPACE_TAKEN;
	if (octets > spaces->shares[true].most)
		return HF_SPACE_NEVER;
	bool enters = !space->held || space->huge != huge;
	if (enters ? share->first || !fits(share, octets) : !fits(share, octets - space->octets))
		return HF_SPACE_LATER;
	if (space->held)
		let_go(spaces, space);
	hold(spaces, space, octets, huge);
	return HF_SPACE_TAKEN;
}

void hf_space_wait(struct hf_spaces *spaces, struct hf_space *space, uint64_t octets)
{
	hf_space_give(spaces, space);
	space->huge = octets > spaces->small;
	struct share *share = &spaces->shares[space->huge];
	uint64_t most = space->huge ? share->most : spaces->small;
	space->octets = octets < most / 2 ? 2 * octets : most;
	space->next = NULL;
	space->prev = share->last;
	*share->last = space;
	share->last = &space->next;
	spaces->waiting++;
	spaces->put_off++;
	look_soon(spaces);
}

void hf_space_give(struct hf_spaces *spaces, struct hf_space *space)
{
	if (space->prev)
		leave(spaces, space);
	else if (space->held)
		let_go(spaces, space);
	space->octets = 0;
	look_soon(spaces);
}

/* As many as there is space for. What they give back at once is for the next turn of the loop. A
 * bound that has become smaller since makes do with what there can be. */
static void let_next(struct hf_timer *timer, hf_us now)
{
	struct hf_spaces *spaces =
		(struct hf_spaces *)((char *)timer - offsetof(struct hf_spaces, next));
	for (unsigned i = 0; i < 2; i++) {
		struct share *share = &spaces->shares[i];
		for (unsigned left = spaces->waiting; left && share->first; left--) {
			struct hf_space *space = share->first;
			uint64_t octets = space->octets < share->most ? space->octets : share->most;
			if (!fits(share, octets))
				break;
			leave(spaces, space);
			hold(spaces, space, octets, i);
			space->come(space, now);
		}
	}
}

struct hf_spaces_figures hf_spaces_figures(const struct hf_spaces *spaces)
{
	return (struct hf_spaces_figures){.octets = spaces->octets,
		.used = spaces->shares[false].used + spaces->shares[true].used,
		.waiting = spaces->waiting,
		.put_off = spaces->put_off};
}
