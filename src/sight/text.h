/* SPDX-License-Identifier: GPL-3.0-or-later */
/* text.h - text that grows up to a bound.
 *
 * Story: a page, a reply or a log line is added to piece by piece and looked at
 * once, at the end. The first piece that does not fit, for the bound or for want
 * of memory, is left out, and so are all later ones: `overrun` then says that
 * the text is not whole.
 * Ownership: bytes is malloc's and may be taken (set it to NULL); hf_text_clear
 * frees what is left.
 * Threads: one owner.
 * At the bound: overrun, as told. */
#ifndef HF_SIGHT_TEXT_H
#define HF_SIGHT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct hf_text {
	char *bytes; /* NUL-terminated once anything was added */
	size_t len;
	size_t cap;
	size_t limit; /* largest len */
	bool overrun;
};

static inline struct hf_text hf_text(size_t limit)
{
	return (struct hf_text){ .limit = limit };
}

bool hf_text_put(struct hf_text *text, const void *bytes, size_t len);

__attribute__((format(printf, 2, 3))) bool hf_text_add(
	struct hf_text *text, const char *format, ...);

void hf_text_clear(struct hf_text *text);

#endif
