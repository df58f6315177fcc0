/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/words.h"

#include <stdarg.h>

#include "base/check.h"
#include "base/nearest.h"

/* ---- cutting ---- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static const char *word_end(const char *at, const char *end)
{
	bool quoted = false;
	for (; at < end && (quoted || !is_space(*at)); at++) {
		if (*at == '"')
			quoted = !quoted;
		else if (*at == '\\' && at + 1 < end)
			at++;
	}
	return at;
}

static void cut(struct hf_words *w)
{
	for (const char *at = w->start; at < w->end;) {
		if (is_space(*at)) {
			at++;
			continue;
		}
		if (*at == '#')
			return;
		const char *stop = word_end(at, w->end);
		if (w->count == HF_WORDS_MAX) {
			hf_words_fault(w, "more than %d words on a line", HF_WORDS_MAX);
			return;
		}
		w->items[w->count++] = (struct hf_word_at){ at, (size_t)(stop - at),
			(unsigned)(at - w->start) + 1 };
		at = stop;
	}
}

bool hf_words_line(struct hf_words *w, const char **at, const char *end)
{
	if (*at >= end)
		return false;
	const char *stop = memchr(*at, '\n', (size_t)(end - *at));
	w->start = *at;
	w->end = stop ? stop : end;
	w->line++;
	w->count = w->at = 0;
	w->bad = false;
	*at = stop ? stop + 1 : end;
	cut(w);
	return true;
}

/* ---- complaining ---- */

static unsigned column(const struct hf_words *w)
{
	return w->at < w->count ? w->items[w->at].column : (unsigned)(w->end - w->start) + 1;
}

void hf_words_fault(struct hf_words *w, const char *format, ...)
{
	char text[512];
	va_list args;
	if (w->bad)
		return;
	w->bad = true;
	if (++w->faults > HF_FAULTS_TOLD)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	/* What is quoted may hold anything; a terminal gets none of it. */
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	fprintf(w->complaints, "%s:%u:%u: %s\n", w->file, w->line, column(w), text);
	if (w->faults == HF_FAULTS_TOLD)
		fprintf(w->complaints, "%s: further faults are not shown\n", w->file);
}

void hf_words_expected(struct hf_words *w, const char *what, const char *nearest)
{
	const struct hf_word_at *word = hf_words_peek(w);
	if (!word)
		hf_words_fault(w, "expected %s, found the end of the line", what);
	else
		hf_words_fault(w, "expected %s, found '%.*s'%s%s%s", what,
			(int)(word->len < 64 ? word->len : 64), word->text,
			nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

/* ---- taking ---- */

const struct hf_word_at *hf_words_peek(const struct hf_words *w)
{
	return w->bad || w->at >= w->count ? NULL : &w->items[w->at];
}

bool hf_words_are(const struct hf_word_at *word, const char *text)
{
	return word && strlen(text) == word->len && memcmp(word->text, text, word->len) == 0;
}

bool hf_words_take(struct hf_words *w, const char *text)
{
	bool same = hf_words_are(hf_words_peek(w), text);
	w->at += same;
	return same;
}

bool hf_words_want(struct hf_words *w, const char *text)
{
	char what[80];
	if (hf_words_take(w, text))
		return true;
	const struct hf_word_at *word = hf_words_peek(w);
	struct hf_nearest nearest = hf_nearest(word ? word->text : "", word ? word->len : 0);
	hf_nearest_offer(&nearest, text);
	snprintf(what, sizeof what, "'%s'", text);
	hf_words_expected(w, what, nearest.best);
	return false;
}

const char *hf_words_text(struct hf_words *w, const char *what)
{
	const struct hf_word_at *word = hf_words_peek(w);
	if (!word) {
		hf_words_expected(w, what, NULL);
		return "";
	}
	const char *text = hf_arena_text(w->arena, word->text, word->len);
	if (!text) {
		hf_words_fault(w, "the file is too large");
		return "";
	}
	w->at++;
	return text;
}

bool hf_words_number(struct hf_words *w, const char *what, uint64_t min, uint64_t max, int64_t *ret)
{
	const struct hf_word_at *word = hf_words_peek(w);
	uint64_t value;
	if (!word || !hf_parse_u64(word->text, word->len, max, &value) || value < min) {
		char text[160];
		snprintf(text, sizeof text, "%s (%llu to %llu)", what, (unsigned long long)min,
			(unsigned long long)max);
		hf_words_expected(w, text, NULL);
		return false;
	}
	*ret = (int64_t)value;
	w->at++;
	return true;
}

bool hf_words_duration(struct hf_words *w, hf_us *ret)
{
	const struct hf_word_at *word = hf_words_peek(w);
	if (!word || !hf_parse_duration(word->text, word->len, ret)) {
		hf_words_expected(w, "a duration such as 400ms, 2s or 4h10m", NULL);
		return false;
	}
	w->at++;
	return true;
}

/* "99.9": digits before the point and up to `places` behind it, in units of the
 * last place. */
static bool parse_decimal(const char *text, size_t len, unsigned places, uint64_t most, int64_t *ret)
{
	uint64_t whole, part = 0;
	const char *point = memchr(text, '.', len);
	size_t before = point ? (size_t)(point - text) : len, after = point ? len - before - 1 : 0;
	if (!hf_parse_u64(text, before, most, &whole) || after > places || (point && !after) ||
		(point && !hf_parse_u64(point + 1, after, 9999, &part)))
		return false;
	for (; after < places; after++)
		part *= 10;
	for (; places; places--)
		whole *= 10;
	*ret = (int64_t)(whole + part);
	return true;
}

static bool parse_percent(const char *text, size_t len, int64_t *ret)
{
	return len >= 2 && text[len - 1] == '%' && parse_decimal(text, len - 1, 4, 100, ret) &&
	       *ret <= 1000000;
}

bool hf_words_percent(struct hf_words *w, int64_t *ret)
{
	const struct hf_word_at *word = hf_words_peek(w);
	if (!word || !parse_percent(word->text, word->len, ret)) {
		hf_words_expected(w, "a share such as 3% or 99.9%", NULL);
		return false;
	}
	w->at++;
	return true;
}

bool hf_words_ratio(struct hf_words *w, int64_t *ret)
{
	const struct hf_word_at *word = hf_words_peek(w);
	if (!word || !parse_decimal(word->text, word->len, 3, 1000000, ret)) {
		hf_words_expected(w, "a ratio such as 1.1", NULL);
		return false;
	}
	w->at++;
	return true;
}

void hf_words_end(struct hf_words *w, const char *what)
{
	if (hf_words_peek(w))
		hf_words_expected(w, what, NULL);
}
