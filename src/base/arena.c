/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>

#include "base/check.h"

/* 4 KiB: a configuration of ordinary size fits into one or two. */
#define BLOCK_SIZE 4096

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

static struct hf_arena_block *add_block(struct hf_arena *arena, size_t need)
{
	size_t size = need > BLOCK_SIZE ? need : BLOCK_SIZE;
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
