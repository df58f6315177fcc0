/* SPDX-License-Identifier: MIT */
/* arena.h - memory that lives as long as its story.
 *
 * Story: an arena hands out pieces and takes none back; all of it goes at once
 * when the story (one configuration, one scenario) is over. Pieces are zeroed
 * and aligned for any object. One that grows large, without a limit, takes larger blocks:
 * up to a quarter of it may be taken from the system and never touched.
 * At the bound: an arena never holds more than `limit` bytes; past it
 * hf_arena_get returns NULL, as it does when the system has no memory.
 * Threads: one owner. */
#ifndef HF_BASE_ARENA_H
#define HF_BASE_ARENA_H

#include <stddef.h>

struct hf_arena_block;

struct hf_arena {
	struct hf_arena_block *blocks;
	size_t used;  /* bytes taken from the system */
	size_t limit; /* bytes; 0: no limit */
};

/* Makes an empty arena in place; takes no memory yet. */
void hf_arena_init(struct hf_arena *arena, size_t limit);

/* Gives back everything. The arena is empty and usable again. */
void hf_arena_clear(struct hf_arena *arena);

/* size zeroed bytes, or NULL at the limit. A size of 0 gives a valid pointer. */
void *hf_arena_get(struct hf_arena *arena, size_t size);

/* A copy of the first len bytes of text with a NUL behind them, or NULL. */
char *hf_arena_text(struct hf_arena *arena, const char *text, size_t len);

#endif
