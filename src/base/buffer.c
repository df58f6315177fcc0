/* SPDX-License-Identifier: MIT */
#include "base/buffer.h"

#include <stdarg.h>

#include "base/check.h"

bool hf_write_text(struct hf_writer *w, const char *format, ...)
{
	if (w->overrun)
		return false;
	va_list args;
	va_start(args, format);
	int n = vsnprintf((char *)w->bytes + w->len, w->cap - w->len, format, args);
	va_end(args);
	/* vsnprintf wants room for a NUL that is not part of the text. */
	if (n < 0 || (size_t)n >= w->cap - w->len) {
		w->overrun = true;
		return false;
	}
	w->len += (size_t)n;
	return true;
}
