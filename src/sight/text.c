/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sight/text.h"

#include <stdarg.h>

#include "base/check.h"

#define FIRST_CAP 4096 /* a page: most replies need no second */

/* Makes room for len bytes and a NUL behind them. */
static bool make_room(struct hf_text *text, size_t len)
{
	if (text->overrun || len > text->limit - text->len) {
		text->overrun = true;
		return false;
	}
	size_t cap = text->cap ? text->cap : FIRST_CAP;
	while (cap - text->len <= len)
		cap *= 2;
	if (cap == text->cap)
		return true;
	char *bytes = realloc(text->bytes, cap);
	if (!bytes) {
		text->overrun = true;
		return false;
	}
	text->bytes = bytes;
	text->cap = cap;
	return true;
}

bool hf_text_put(struct hf_text *text, const void *bytes, size_t len)
{
	if (!make_room(text, len))
		return false;
	if (len)
		memcpy(text->bytes + text->len, bytes, len);
	text->len += len;
	text->bytes[text->len] = '\0';
	return true;
}

bool hf_text_add(struct hf_text *text, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	bool done = len >= 0 && make_room(text, (size_t)len);
	if (done) {
		vsnprintf(text->bytes + text->len, (size_t)len + 1, format, again);
		text->len += (size_t)len;
	} else {
		text->overrun = true;
	}
	va_end(again);
	return done;
}

void hf_text_clear(struct hf_text *text)
{
	free(text->bytes);
	*text = hf_text(text->limit);
}
