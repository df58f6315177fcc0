/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/read.h"

#include <libknot/descriptor.h>

#include "base/check.h"
#include "base/error.h"
#include "base/nearest.h"

void *hf_read_memory(struct hf_reader *r, size_t size)
{
	void *p = hf_arena_get(&r->scenario->arena, size);
	if (!p)
		hf_words_fault(&r->words, "the scenario is too large");
	return p;
}

/* A copy of the rest of the line from the next word on. */
const char *hf_read_rest(struct hf_reader *r)
{
	const struct hf_word_at *from = hf_words_peek(&r->words);
	const struct hf_word_at *last = &r->words.items[r->words.count - 1];
	if (!from)
		return "";
	char *text = hf_arena_text(&r->scenario->arena, from->text,
		(size_t)(last->text + last->len - from->text));
	return text ? text : "";
}

/* ---- small readers ---- */

bool hf_take_type(struct hf_reader *r, uint16_t *ret)
{
	const struct hf_word_at *word = hf_words_peek(&r->words);
	char text[32];
	if (word && word->len < sizeof text) {
		snprintf(text, sizeof text, "%.*s", (int)word->len, word->text);
		if (knot_rrtype_from_string(text, ret) == 0) {
			r->words.at++;
			return true;
		}
	}
	hf_words_expected(&r->words, "a record type such as A, MX or TYPE65280", NULL);
	return false;
}

bool hf_take_name(struct hf_reader *r, struct hf_name *ret)
{
	const struct hf_word_at *word = hf_words_peek(&r->words);
	if (!word || hf_name_from_text(word->text, word->len, ret)) {
		hf_words_expected(&r->words, "a name such as shop.example", NULL);
		return false;
	}
	r->words.at++;
	return true;
}

bool hf_take_upstream(struct hf_reader *r, unsigned *ret)
{
	const struct hf_scenario *s = r->scenario;
	const struct hf_word_at *word = hf_words_peek(&r->words);
	struct hf_nearest nearest = hf_nearest(word ? word->text : "", word ? word->len : 0);
	for (size_t i = 0; word && i < s->upstream_count; i++) {
		hf_nearest_offer(&nearest, s->upstreams[i].name);
		if (hf_words_are(word, s->upstreams[i].name)) {
			*ret = (unsigned)i;
			r->words.at++;
			return true;
		}
	}
	hf_words_expected(&r->words, "an upstream that stands above", nearest.best);
	return false;
}

/* What stands behind a word. */
bool hf_take_value(struct hf_reader *r, enum hf_takes takes, int64_t *ret)
{
	unsigned upstream = 0;
	switch (takes) {
	case HF_TAKES_NUMBER:
	case HF_TAKES_COMPARISON:
		return hf_words_number(&r->words, "a whole number", 0, UINT32_MAX, ret);
	case HF_TAKES_BYTES: return hf_words_number(&r->words, "a number of octets", 0, 65535, ret);
	case HF_TAKES_PERCENT: return hf_words_percent(&r->words, ret);
	case HF_TAKES_RATIO: return hf_words_ratio(&r->words, ret);
	case HF_TAKES_DURATION: return hf_words_duration(&r->words, ret);
	case HF_TAKES_UPSTREAM:
		if (!hf_take_upstream(r, &upstream))
			return false;
		*ret = upstream;
		return true;
	case HF_TAKES_NOTHING:
	case HF_TAKES_DATA: break;
	}
	return true;
}

/* ---- options ---- */

void hf_read_defaults(const struct hf_option *rows, void *to)
{
	for (const struct hf_option *row = rows; row->name; row++)
		if (!hf_option_is_list(row) && row->type != HF_OPT_TEXT)
			hf_require(hf_option_read(row, row->def, strlen(row->def), NULL,
					   (char *)to + row->at) == 0);
}

static void take_option_value(struct hf_reader *r, const struct hf_option *row, void *to)
{
	char takes[HF_OPTION_TAKES_MAX], what[HF_OPTION_TAKES_MAX + 80];
	const struct hf_word_at *word = hf_words_peek(&r->words);
	char *text = word ? hf_arena_text(&r->scenario->arena, word->text, word->len) : NULL;
	int error = HF_ESYNTAX;
	if (hf_option_is_list(row)) {
		hf_words_fault(&r->words, "'%s' is a list, which a drill sets by itself", row->name);
		return;
	}
	if (text)
		error = hf_option_read(row, text, word->len, &r->scenario->arena, (char *)to + row->at);
	if (error) {
		snprintf(what, sizeof what, "%s%s", hf_option_takes(row, false, takes),
			error == HF_ERANGE ? " within the bounds of the manual" : "");
		hf_words_expected(&r->words, what, NULL);
		return;
	}
	r->words.at++;
}

void hf_take_option(struct hf_reader *r, const struct hf_option *rows, void *to)
{
	const struct hf_word_at *word = hf_words_peek(&r->words);
	struct hf_nearest nearest = hf_nearest(word ? word->text : "", word ? word->len : 0);
	for (const struct hf_option *row = rows; row->name; row++) {
		if (hf_words_take(&r->words, row->name)) {
			take_option_value(r, row, to);
			return;
		}
		hf_nearest_offer(&nearest, row->name);
	}
	hf_words_expected(&r->words, "an option", nearest.best);
}
