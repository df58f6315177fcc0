/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/read.h"

#include "base/check.h"
#include "base/nearest.h"

static void take_delay(struct hf_reader *r, struct hf_weather *weather)
{
	const struct hf_word_at *word = hf_words_peek(&r->words);
	const char *dots = word ? memmem(word->text, word->len, "..", 2) : NULL;
	size_t low = dots ? (size_t)(dots - word->text) : 0;
	if (!dots) {
		if (hf_words_duration(&r->words, &weather->delay_min))
			weather->delay_max = weather->delay_min;
		return;
	}
	if (!hf_parse_duration(word->text, low, &weather->delay_min) ||
		!hf_parse_duration(dots + 2, word->len - low - 2, &weather->delay_max) ||
		weather->delay_min > weather->delay_max) {
		hf_words_expected(&r->words, "a delay such as 5ms or 5ms..40ms", NULL);
		return;
	}
	r->words.at++;
}

static const struct weather_row {
	const char *word;
	enum hf_takes takes;
	size_t at;
} weather_rows[] = {
	{ "loss", HF_TAKES_PERCENT, offsetof(struct hf_weather, loss) },
	{ "duplicate", HF_TAKES_PERCENT, offsetof(struct hf_weather, duplicate) },
	{ "reorder", HF_TAKES_PERCENT, offsetof(struct hf_weather, reorder) },
	{ "tail", HF_TAKES_DURATION, offsetof(struct hf_weather, tail) },
	{ "loses-above", HF_TAKES_BYTES, offsetof(struct hf_weather, loses_above) },
	{ "cap", HF_TAKES_NUMBER, offsetof(struct hf_weather, cap) },
};

/* Takes one word of weather; false: the next is none. */
static bool take_weather(struct hf_reader *r, struct hf_weather *weather)
{
	if (hf_words_take(&r->words, "delay")) {
		take_delay(r, weather);
		return true;
	}
	for (size_t i = 0; i < HF_COUNT_OF(weather_rows); i++) {
		const struct weather_row *row = &weather_rows[i];
		if (hf_words_take(&r->words, row->word)) {
			hf_take_value(r, row->takes, (int64_t *)(void *)((char *)weather + row->at));
			return true;
		}
	}
	return false;
}

static bool take_manner(struct hf_reader *r, const struct hf_manner **ret, int64_t *ret_number)
{
	for (const struct hf_manner *manner = hf_manners; manner->word; manner++) {
		if (!hf_words_take(&r->words, manner->word))
			continue;
		*ret = manner;
		hf_take_value(r, manner->takes, ret_number);
		return true;
	}
	return false;
}

static void expect_behaviour(struct hf_reader *r)
{
	const struct hf_word_at *word = hf_words_peek(&r->words);
	struct hf_nearest nearest = hf_nearest(word ? word->text : "", word ? word->len : 0);
	for (const struct hf_manner *manner = hf_manners; manner->word; manner++)
		hf_nearest_offer(&nearest, manner->word);
	for (size_t i = 0; i < HF_COUNT_OF(weather_rows); i++)
		hf_nearest_offer(&nearest, weather_rows[i].word);
	hf_nearest_offer(&nearest, "delay");
	hf_nearest_offer(&nearest, "zone");
	hf_nearest_offer(&nearest, "negative");
	hf_nearest_offer(&nearest, "forgets");
	hf_words_expected(&r->words, "how the upstream behaves, such as silent or delay", nearest.best);
}

/* "answers" alone is a manner; with a record behind it, what is known. */
static bool take_answers(struct hf_reader *r, struct hf_peer_data *data)
{
	const struct hf_words *w = &r->words;
	if (!hf_words_are(hf_words_peek(w), "answers") || w->at + 1 >= w->count ||
		hf_words_are(&w->items[w->at + 1], "for"))
		return false;
	r->words.at++;
	hf_read_answers(r, data);
	return true;
}

/* Within an event. */
void hf_read_upstream_event(struct hf_reader *r, struct hf_play_event *event)
{
	if (!hf_take_upstream(r, &event->upstream))
		return;
	unsigned u = event->upstream;
	event->weather = r->changed[u] ? r->latest[u] : r->scenario->upstreams[u].weather;
	if (hf_words_take(&r->words, "forgets")) {
		event->what = HF_PLAY_FORGET;
		hf_take_name(r, &event->name);
	} else if (take_answers(r, &event->data)) {
		event->what = HF_PLAY_DATA;
	} else if (take_weather(r, &event->weather)) {
		event->what = HF_PLAY_WEATHER;
		while (hf_words_peek(&r->words) && take_weather(r, &event->weather))
			;
		r->latest[u] = event->weather;
		r->changed[u] = true;
	} else if (take_manner(r, &event->manner, &event->number)) {
		event->what = HF_PLAY_MANNER;
		if (hf_words_take(&r->words, "for"))
			hf_words_duration(&r->words, &event->lasting);
	} else {
		expect_behaviour(r);
	}
}

static struct hf_play_upstream *add_upstream(struct hf_reader *r)
{
	struct hf_scenario *s = r->scenario;
	struct hf_name name;
	const char *text = hf_words_text(&r->words, "an upstream's name");
	if (r->words.bad)
		return NULL;
	for (size_t i = 0; i < s->upstream_count; i++)
		if (strcmp(s->upstreams[i].name, text) == 0)
			return &s->upstreams[i];
	r->words.at--;
	if (s->upstream_count == HF_PLAY_UPSTREAMS_MAX)
		hf_words_fault(&r->words, "more than %d upstreams", HF_PLAY_UPSTREAMS_MAX);
	else if (strlen(text) > 63 || hf_name_from_text(text, strlen(text), &name))
		hf_words_expected(&r->words, "an upstream's name, such as a", NULL);
	if (r->words.bad)
		return NULL;
	r->words.at++;
	struct hf_play_upstream *u = &s->upstreams[s->upstream_count];
	*u = (struct hf_play_upstream){ .name = text, .manner = &hf_manners[0], .negative_ttl = 60 };
	hf_read_defaults(hf_upstream_options, &u->conf);
	u->conf.name = text;
	u->weather.delay_min = u->weather.delay_max = 5 * HF_MS; /* a resolver in the same town */
	u->conf.address = (struct hf_address){ .family = 4, .port = 53,
		.bytes = { 10, 53, 0, (uint8_t)(s->upstream_count + 1) } };
	s->upstream_count++;
	return u;
}

void hf_read_upstream(struct hf_reader *r)
{
	struct hf_play_upstream *u = add_upstream(r);
	hf_us ttl;
	if (!u)
		return;
	do {
		if (hf_words_take(&r->words, "zone")) {
			if (hf_words_take(&r->words, "{"))
				hf_read_zone_block(r, &u->data);
			else
				hf_read_zone_file(r, &u->data);
		} else if (hf_words_take(&r->words, "negative")) {
			if (hf_words_duration(&r->words, &ttl))
				u->negative_ttl = (uint32_t)(ttl / HF_SECOND);
		} else if (!take_answers(r, &u->data) && !take_weather(r, &u->weather) &&
			   !take_manner(r, &u->manner, &u->manner_number)) {
			expect_behaviour(r);
		}
	} while (hf_words_peek(&r->words));
}
