/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>

#include "base/check.h"

/* 4 KiB: a configuration of ordinary size fits into one or two. A large one has blocks of a
 * quarter of what it has so far: they lie in whole pages of their own, not among what others
 * keep, and go back to the kernel when they are freed. What is not used of one is not touched. */
#define BLOCK_SIZE 4096
#define BLOCK_MOST (1u << 20)
#define GROWTH 4

struct hf_arena_block {
	struct hf_arena_block *next;
	size_t size;
	size_t used;
	alignas(max_align_t) unsigned char bytes[];
};

void hf_arena_init(struct hf_arena *arena, size_t limit)
{
	*arena = (struct hf_arena){ .limit = limit };
}

void hf_arena_clear(struct hf_arena *arena)
{
	struct hf_arena_block *block = arena->blocks;
	while (block) {
		struct hf_arena_block *next = block->next;
		free(block);
		block = next;
	}
	hf_arena_init(arena, arena->limit);
}

/* With a limit all blocks are small: none is to be refused for what it would not use. */
static size_t block_size(const struct hf_arena *arena, size_t need)
{
	size_t size = arena->limit ? 0 : arena->used / GROWTH;
	size = size < BLOCK_MOST ? size : BLOCK_MOST;
	size = size > BLOCK_SIZE ? size : BLOCK_SIZE;
	return need > size ? need : size;
}

static struct hf_arena_block *add_block(struct hf_arena *arena, size_t need)
{
	size_t size = block_size(arena, need);
	size_t total = sizeof(struct hf_arena_block) + size;
	if (arena->limit && (total > arena->limit || arena->used > arena->limit - total))
		return NULL;
	struct hf_arena_block *block = calloc(1, total);
	if (!block)
		return NULL;
	block->size = size;
	block->next = arena->blocks;
	arena->blocks = block;
	arena->used += total;
	return block;
}

void *hf_arena_get(struct hf_arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	if (size > SIZE_MAX / 2)
		return NULL;
	size = size ? (size + align - 1) / align * align : align;
	struct hf_arena_block *block = arena->blocks;
	if (!block || block->size - block->used < size)
		block = add_block(arena, size);
	if (!block)
		return NULL;
	void *piece = block->bytes + block->used;
	block->used += size;
	return piece;
}

char *hf_arena_text(struct hf_arena *arena, const char *text, size_t len)
{
	char *copy = len < SIZE_MAX ? hf_arena_get(arena, len + 1) : NULL;
	if (copy && len)
		memcpy(copy, text, len);
	return copy;
}
