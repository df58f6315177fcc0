/* SPDX-License-Identifier: GPL-3.0-or-later */
/* space.h - memory for all versions that are being received, and who has how much of it.
 *
 * Story: each zone has a bound of its own (max-size), but forty of them may come at a time, and
 * the machine has what it has. So whoever receives a version takes *space* for it, more and more
 * as it grows, counted with what making a zone of it will take. Nobody waits with something in
 * its hands: who cannot have more gives back all that it has, drops what has come, stands in
 * line for twice as much, and begins anew when it is its turn and there is so much. So whoever
 * goes on comes to its end, and gives back.
 * Small ones, up to a sixty-fourth of all, have a quarter for themselves, and the huge ones the
 * rest, with a line for each: no zone that is small waits for one that is huge. Within a line it
 * is first come, first served, and nobody who comes later passes those that wait.
 * Knows:   octets, as they are told.
 * Ownership: a space is its owner's, and given back before its memory goes.
 * Threads: the loop's.
 * At the bound: HF_SPACE_LATER; for one that could not even have all that huge ones share,
 * HF_SPACE_NEVER. */
#ifndef HF_AUTHORITY_SPACE_H
#define HF_AUTHORITY_SPACE_H

#include "loop/loop.h"

struct hf_spaces;

/* Without a bound, at first. -ENOMEM. */
int hf_spaces_new(struct hf_loop *loop, struct hf_spaces **ret);
void hf_spaces_free(struct hf_spaces *spaces); /* after all that use it; NULL is fine */

/* `octets` for all together, 0: no bound. Who has more already keeps it. */
void hf_spaces_bound(struct hf_spaces *spaces, uint64_t octets);

struct hf_space {
	struct hf_space *next, **prev; /* in line; prev NULL: not */
	uint64_t octets;               /* that it has, or, in line, wants */
	bool held, huge;
	/* It has what it wanted. May take more, and give back. */
	void (*come)(struct hf_space *space, hf_us now);
};

enum hf_space_said {
	HF_SPACE_TAKEN,
	HF_SPACE_LATER, /* others have it: it may go on with what it has, or wait */
	HF_SPACE_NEVER, /* one alone cannot have so much */
};

/* So many octets in all, from now on; fewer than it has changes nothing. */
enum hf_space_said hf_space_take(struct hf_spaces *spaces, struct hf_space *space, uint64_t octets);

/* Gives back what it has, and stands in line for twice as much as `octets`. */
void hf_space_wait(struct hf_spaces *spaces, struct hf_space *space, uint64_t octets);

/* Gives it back, or leaves the line. Neither is fine. */
void hf_space_give(struct hf_spaces *spaces, struct hf_space *space);

struct hf_spaces_figures {
	uint64_t octets, used; /* octets 0: no bound */
	unsigned waiting;
	uint64_t put_off; /* times that one had to wait */
};
struct hf_spaces_figures hf_spaces_figures(const struct hf_spaces *spaces);

#endif
