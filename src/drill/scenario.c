/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/scenario.h"

#include <libknot/descriptor.h>

#include "base/check.h"
#include "base/error.h"
#include "base/nearest.h"
#include "zone/text.h"

/* The cache of a drill: plenty for what a scenario asks, and quickly made. */
#define CACHE_SIZE (4u << 20)

struct reader {
	struct hf_words words;
	struct hf_scenario *scenario;
	const char *at, *end; /* what has not been read yet */
	size_t events_cap;
	struct hf_final **last_final;
	/* The weather as the events so far leave it: an event changes some of it. */
	struct hf_weather latest[HF_PLAY_UPSTREAMS_MAX];
	bool changed[HF_PLAY_UPSTREAMS_MAX];
};

static void *get(struct reader *r, size_t size)
{
	void *p = hf_arena_get(&r->scenario->arena, size);
	if (!p)
		hf_words_fault(&r->words, "the scenario is too large");
	return p;
}

/* A copy of the rest of the line from the next word on. */
static const char *rest(struct reader *r)
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

static bool take_type(struct reader *r, uint16_t *ret)
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

static bool take_name(struct reader *r, struct hf_name *ret)
{
	const struct hf_word_at *word = hf_words_peek(&r->words);
	if (!word || hf_name_from_text(word->text, word->len, ret)) {
		hf_words_expected(&r->words, "a name such as shop.example", NULL);
		return false;
	}
	r->words.at++;
	return true;
}

static bool take_upstream(struct reader *r, unsigned *ret)
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

static bool take_jump(struct reader *r, int64_t *ret)
{
	const struct hf_word_at *word = hf_words_peek(&r->words);
	hf_us us;
	if (!word || word->len < 2 || (*word->text != '+' && *word->text != '-') ||
		!hf_parse_duration(word->text + 1, word->len - 1, &us)) {
		hf_words_expected(&r->words, "a jump such as +3h or -10s", NULL);
		return false;
	}
	*ret = *word->text == '-' ? -us : us;
	r->words.at++;
	return true;
}

/* What stands behind a word. */
static bool take_value(struct reader *r, enum hf_takes takes, int64_t *ret)
{
	unsigned upstream = 0;
	switch (takes) {
	case HF_TAKES_NUMBER:
	case HF_TAKES_COMPARISON:
		return hf_words_number(&r->words, "a whole number", 0, UINT32_MAX, ret);
	case HF_TAKES_BYTES: return hf_words_number(&r->words, "a number of octets", 0, 65535, ret);
	case HF_TAKES_PERCENT: return hf_words_percent(&r->words, ret);
	case HF_TAKES_DURATION: return hf_words_duration(&r->words, ret);
	case HF_TAKES_UPSTREAM:
		if (!take_upstream(r, &upstream))
			return false;
		*ret = upstream;
		return true;
	case HF_TAKES_NOTHING:
	case HF_TAKES_DATA: break;
	}
	return true;
}

/* "n{0..9999}.example" */
static bool take_names(struct reader *r, struct hf_play_names *ret)
{
	const char *text = hf_words_text(&r->words, "a name such as shop.example or n{0..99}.example");
	const char *open = strchr(text, '{'), *dots = open ? strstr(open, "..") : NULL;
	const char *close = dots ? strchr(dots, '}') : NULL;
	struct hf_name name;
	*ret = (struct hf_play_names){ .before = text, .after = "" };
	if (open) {
		ret->many = true;
		ret->before = hf_arena_text(&r->scenario->arena, text, (size_t)(open - text));
		ret->after = close ? close + 1 : "";
		if (!close || !ret->before ||
			!hf_parse_u64(open + 1, (size_t)(dots - open - 1), UINT32_MAX, &ret->low) ||
			!hf_parse_u64(dots + 2, (size_t)(close - dots - 2), UINT32_MAX, &ret->high) ||
			ret->low > ret->high) {
			r->words.at -= r->words.at > 0 && !r->words.bad;
			hf_words_expected(&r->words, "a range such as {0..99}", NULL);
			return false;
		}
	}
	if (!r->words.bad && hf_play_name(ret, ret->high, &name)) {
		r->words.at--;
		hf_words_expected(&r->words, "a name such as shop.example or n{0..99}.example", NULL);
	}
	return !r->words.bad;
}

int hf_play_name(const struct hf_play_names *names, uint64_t number, struct hf_name *ret)
{
	char text[HF_NAME_TEXT_MAX + 32];
	int len = snprintf(text, sizeof text, "%s", names->before);
	if (names->many)
		len = snprintf(text, sizeof text, "%s%llu%s", names->before,
			(unsigned long long)number, names->after);
	return len < 0 || (size_t)len >= sizeof text ? HF_ERANGE
						     : hf_name_from_text(text, (size_t)len, ret);
}

/* ---- options ---- */

static void set_defaults(const struct hf_option *rows, void *to)
{
	for (const struct hf_option *row = rows; row->name; row++)
		if (!hf_option_is_list(row) && row->type != HF_OPT_TEXT)
			hf_require(hf_option_read(row, row->def, strlen(row->def), NULL,
					   (char *)to + row->at) == 0);
}

static void take_option_value(struct reader *r, const struct hf_option *row, void *to)
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

static void take_option(struct reader *r, const struct hf_option *rows, void *to)
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

static void read_option(struct reader *r)
{
	struct hf_scenario *s = r->scenario;
	const struct {
		const char *word;
		const struct hf_option *rows;
		void *to;
	} parts[] = {
		{ "cache", hf_cache_options, &s->cache },
		{ "clients", hf_clients_options, &s->clients },
		{ "listen", hf_listen_options, &s->listen },
		{ "tcp", hf_tcp_options, &s->tcp },
	};
	unsigned upstream;
	if (hf_words_take(&r->words, "upstream")) {
		if (take_upstream(r, &upstream))
			take_option(r, hf_upstream_options, &s->upstreams[upstream].conf);
		return;
	}
	const struct hf_word_at *word = hf_words_peek(&r->words);
	struct hf_nearest nearest = hf_nearest(word ? word->text : "", word ? word->len : 0);
	for (size_t i = 0; i < HF_COUNT_OF(parts); i++) {
		if (hf_words_take(&r->words, parts[i].word)) {
			take_option(r, parts[i].rows, parts[i].to);
			return;
		}
		hf_nearest_offer(&nearest, parts[i].word);
	}
	hf_words_expected(&r->words, "upstream, cache, clients, listen or tcp", nearest.best);
}

/* ---- zone text ---- */

struct gathering {
	struct reader *r;
	struct hf_peer_data *data;
	size_t cap;
	unsigned first_line; /* of the text within the file; 0: a file of its own */
	const char *file;
};

static int gather_record(void *ctx, const struct hf_zone_record *record)
{
	struct gathering *g = ctx;
	if (record->class != HF_CLASS_IN || g->data->count >= HF_PEER_RECORDS_MAX)
		return record->class == HF_CLASS_IN ? HF_EBOUND : 0;
	if (g->data->count == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 4;
		struct hf_peer_record *items = get(g->r, cap * sizeof *items);
		if (!items)
			return -ENOMEM;
		if (g->data->count)
			memcpy(items, g->data->items, g->data->count * sizeof *items);
		g->data->items = items;
		g->cap = cap;
	}
	uint8_t *rdata = get(g->r, record->rdata_len);
	if (!rdata)
		return -ENOMEM;
	memcpy(rdata, record->rdata, record->rdata_len);
	struct hf_peer_record *to = &g->data->items[g->data->count++];
	*to = (struct hf_peer_record){ record->owner, record->type, record->rdata_len, record->ttl, rdata };
	hf_name_lower(to->owner.bytes, to->owner.len);
	return 0;
}

static void gather_fault(void *ctx, uint32_t line, const char *why)
{
	struct gathering *g = ctx;
	struct hf_words *w = &g->r->words;
	if (!g->first_line && !g->file) {
		hf_words_fault(w, "%s", why); /* of one line of the play */
		return;
	}
	line += g->first_line ? g->first_line - 1 : 0;
	w->bad = true;
	if (++w->faults <= HF_FAULTS_TOLD)
		fprintf(w->complaints, "%s:%u: %s\n", g->file ? g->file : w->file, (unsigned)line, why);
}

static void gather(struct reader *r, const char *text, size_t len, unsigned first_line,
	const char *file, struct hf_peer_data *data)
{
	static const struct hf_zone_handler handler = { gather_record, gather_fault };
	struct gathering g = { r, data, data->count, first_line, file };
	const struct hf_zone_text in = { .text = text, .len = len, .ttl = 300,
		.records_max = HF_PEER_RECORDS_MAX, .faults_max = 8 };
	int rc = hf_zone_text_read(&in, &handler, &g);
	if (rc && !r->words.bad)
		hf_words_fault(&r->words, "zone text: %s", hf_strerror(rc));
}

/* Text up to and with the line that is only "}". */
static void read_zone_block(struct reader *r, struct hf_peer_data *data)
{
	const char *from = r->at;
	unsigned first = r->words.line + 1;
	while (r->at < r->end) {
		const char *line = r->at, *stop = memchr(line, '\n', (size_t)(r->end - line));
		const char *end = stop ? stop : r->end;
		r->at = stop ? stop + 1 : r->end;
		r->words.line++;
		while (line < end && (*line == ' ' || *line == '\t'))
			line++;
		if (line < end && *line == '}') {
			gather(r, from, (size_t)(line - from), first, NULL, data);
			return;
		}
	}
	hf_words_fault(&r->words, "expected '}' at the end of the zone, found the end of the file");
}

/* The whole of a file with a NUL behind it, to be freed; NULL and errno. */
static char *read_file(const char *path, size_t most, size_t *ret_len)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t len = 0, cap = 0;
	if (!file)
		return NULL;
	do {
		if (len + 1 >= cap) {
			char *more = realloc(text, cap = cap ? 2 * cap : 65536);
			hf_require(more);
			text = more;
		}
		len += fread(text + len, 1, cap - len - 1, file);
	} while (!feof(file) && !ferror(file) && len <= most);
	int error = ferror(file) ? EIO : len > most ? EFBIG : 0;
	fclose(file);
	if (error) {
		free(text);
		errno = error;
		return NULL;
	}
	text[len] = '\0';
	*ret_len = len;
	return text;
}

static void read_zone_file(struct reader *r, struct hf_peer_data *data)
{
	const char *name = hf_words_text(&r->words, "a file or '{'"), *file = r->scenario->file;
	const char *slash = strrchr(file, '/');
	char path[4096];
	size_t len = 0;
	if (r->words.bad)
		return;
	/* A scenario that somebody sent may not look around. */
	if (name[0] == '/' || strstr(name, "..")) {
		r->words.at--;
		hf_words_expected(&r->words, "a file that lies beside this one, or below", NULL);
		return;
	}
	snprintf(path, sizeof path, "%.*s%s", slash ? (int)(slash - file + 1) : 0, file, name);
	char *text = read_file(path, HF_ZONE_TEXT_MAX, &len);
	if (!text) {
		r->words.at--;
		hf_words_fault(&r->words, "cannot read %s: %s", path, hf_strerror(-errno));
		return;
	}
	gather(r, text, len, 0, path, data);
	free(text);
}

/* "OWNER TYPE DATA... [ttl N]" */
static void read_answers(struct reader *r, struct hf_peer_data *data)
{
	struct hf_words *w = &r->words;
	const struct hf_word_at *first = hf_words_peek(w);
	size_t last = w->count;
	int64_t ttl = 300;
	if (last - w->at >= 2 && hf_words_are(&w->items[last - 2], "ttl")) {
		size_t at = w->at;
		w->at = last - 1;
		if (!hf_words_number(w, "seconds", 0, INT32_MAX, &ttl))
			return;
		w->at = at;
		last -= 2;
	}
	if (last - w->at < 3) {
		w->at = last;
		hf_words_fault(w, "expected OWNER TYPE DATA [ttl SECONDS], found the end of it");
		return;
	}
	const char *owner_end = first->text + first->len, *end = w->items[last - 1].text + w->items[last - 1].len;
	size_t room = (size_t)(end - first->text) + 32, len;
	char *text = get(r, room);
	if (!text)
		return;
	len = (size_t)snprintf(text, room, "%.*s %lld%.*s\n", (int)first->len, first->text, (long long)ttl,
		(int)(end - owner_end), owner_end);
	size_t before = data->count;
	gather(r, text, len, 0, NULL, data);
	if (!w->bad && data->count == before)
		hf_words_expected(w, "a record", NULL);
	w->at = w->count;
}

/* Octets of `text` as the data of a record of that type. */
static void take_data(struct reader *r, uint16_t type, struct hf_expect *expect)
{
	struct hf_peer_data data = { .count = 0 };
	const char *word = hf_words_text(&r->words, "a record's data");
	size_t len = strlen(word);
	char name[32], text[4096];
	if (r->words.bad)
		return;
	if (type != HF_TYPE_TXT && len >= 2 && word[0] == '"' && word[len - 1] == '"') {
		word++;
		len -= 2;
	}
	knot_rrtype_to_string(type, name, sizeof name);
	int n = snprintf(text, sizeof text, ". 0 %s %.*s\n", name, (int)len, word);
	r->words.at--;
	if (n < (int)sizeof text)
		gather(r, text, (size_t)n, 0, NULL, &data);
	if (!r->words.bad && data.count != 1)
		hf_words_expected(&r->words, "a record's data", NULL);
	r->words.at++;
	if (data.count) {
		expect->rdata = data.items[0].rdata;
		expect->rdata_len = data.items[0].rdata_len;
	}
}

/* ---- expectations ---- */

static const struct hf_expect_row *find_expect(const struct hf_words *w, const char **ret_nearest)
{
	const struct hf_word_at *word = hf_words_peek(w);
	struct hf_nearest nearest = hf_nearest(word ? word->text : "", word ? word->len : 0);
	struct hf_address a;
	char text[HF_ADDRESS_TEXT_MAX];
	for (const struct hf_expect_row *row = hf_expect_rows; word && row->word; row++) {
		if (hf_words_are(word, row->word))
			return row;
		hf_nearest_offer(&nearest, row->word);
	}
	*ret_nearest = nearest.best;
	if (!word || word->len >= sizeof text)
		return NULL;
	snprintf(text, sizeof text, "%.*s", (int)word->len, word->text);
	return hf_address_parse(text, 0, &a) ? NULL : &hf_expect_address;
}

static void read_expects(struct reader *r, struct hf_play_ask *ask)
{
	const struct hf_expect **last = &ask->expects;
	do {
		const char *nearest = NULL;
		const struct hf_expect_row *row = find_expect(&r->words, &nearest);
		if (!row) {
			hf_words_expected(&r->words, "something to expect, such as an address or servfail",
				nearest);
			return;
		}
		struct hf_expect *expect = get(r, sizeof *expect);
		if (!expect)
			return;
		expect->row = row;
		expect->text = rest(r);
		r->words.at += row != &hf_expect_address;
		if (row->takes == HF_TAKES_COMPARISON)
			expect->compare = hf_compare_take(&r->words);
		if (row->takes == HF_TAKES_DATA)
			take_data(r, ask->type, expect);
		else
			take_value(r, row->takes, &expect->number);
		*last = expect;
		last = &expect->next;
	} while (hf_words_peek(&r->words));
}

/* ---- what happens ---- */

static void read_manners_of_asking(struct reader *r, struct hf_play_ask *ask)
{
	struct hf_words *w = &r->words;
	int64_t number;
	while (hf_words_peek(w)) {
		if (hf_words_take(w, "via")) {
			ask->tcp = hf_words_take(w, "tcp");
			if (!ask->tcp)
				hf_words_want(w, "udp");
		} else if (hf_words_take(w, "do")) {
			ask->dnssec_ok = true;
		} else if (hf_words_take(w, "cd")) {
			ask->checking_disabled = true;
		} else if (hf_words_take(w, "plain")) {
			ask->plain = true;
		} else if (hf_words_take(w, "edns")) {
			if (hf_words_number(w, "octets", 0, 65535, &number))
				ask->edns_size = (uint16_t)number;
		} else if (hf_words_take(w, "times")) {
			hf_words_number(w, "a number of questions", 1, HF_PLAY_REPEATS_MAX, &ask->times);
		} else if (hf_words_take(w, "expect")) {
			read_expects(r, ask);
			return;
		} else {
			const struct hf_word_at *word = hf_words_peek(w);
			struct hf_nearest nearest = hf_nearest(word->text, word->len);
			static const char *const known[] = { "via", "do", "cd", "plain", "edns", "times",
				"expect" };
			for (size_t i = 0; i < HF_COUNT_OF(known); i++)
				hf_nearest_offer(&nearest, known[i]);
			hf_words_expected(w, "via, do, cd, plain, edns, times or expect", nearest.best);
		}
	}
}

static void read_ask(struct reader *r, struct hf_play_event *event)
{
	event->what = HF_PLAY_ASK;
	event->ask.edns_size = HF_EDNS_SIZE;
	event->ask.times = 1;
	if (take_names(r, &event->ask.names) && take_type(r, &event->ask.type))
		read_manners_of_asking(r, &event->ask);
}

/* "200/s" */
static void take_rate(struct reader *r, int64_t *ret)
{
	const struct hf_word_at *word = hf_words_peek(&r->words);
	uint64_t rate;
	if (!word || word->len < 3 || memcmp(word->text + word->len - 2, "/s", 2) != 0 ||
		!hf_parse_u64(word->text, word->len - 2, 100000, &rate) || !rate) {
		hf_words_expected(&r->words, "a rate such as 200/s (1/s to 100000/s)", NULL);
		return;
	}
	*ret = (int64_t)rate;
	r->words.at++;
}

static void read_load(struct reader *r, struct hf_play_event *event)
{
	take_rate(r, &event->ask.rate);
	if (hf_words_want(&r->words, "for"))
		hf_words_duration(&r->words, &event->ask.lasting);
	if (!r->words.bad)
		hf_words_take(&r->words, "names");
	int64_t rate = event->ask.rate;
	hf_us lasting = event->ask.lasting;
	if (!r->words.bad)
		read_ask(r, event);
	event->ask.rate = rate;
	event->ask.lasting = lasting;
	if (!r->words.bad && (lasting / HF_SECOND + 1) > 10 * (int64_t)HF_PLAY_REPEATS_MAX / rate)
		hf_words_fault(&r->words, "more than %d questions", 10 * HF_PLAY_REPEATS_MAX);
}

static void read_clock(struct reader *r, struct hf_play_event *event)
{
	event->what = HF_PLAY_JUMP;
	if (hf_words_want(&r->words, "of") && hf_words_want(&r->words, "holdfast") &&
		hf_words_want(&r->words, "jumps"))
		take_jump(r, &event->number);
}

static void read_wall(struct reader *r, struct hf_play_event *event)
{
	event->what = HF_PLAY_WALL;
	if (hf_words_want(&r->words, "clock") && hf_words_want(&r->words, "jumps"))
		take_jump(r, &event->number);
}

static void read_stall(struct reader *r, struct hf_play_event *event)
{
	event->what = HF_PLAY_STALL;
	if (hf_words_want(&r->words, "stalls"))
		hf_words_duration(&r->words, &event->number);
}

/* ---- upstreams ---- */

static void take_delay(struct reader *r, struct hf_weather *weather)
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
	{ "loses-above", HF_TAKES_BYTES, offsetof(struct hf_weather, loses_above) },
};

/* Takes one word of weather; false: the next is none. */
static bool take_weather(struct reader *r, struct hf_weather *weather)
{
	if (hf_words_take(&r->words, "delay")) {
		take_delay(r, weather);
		return true;
	}
	for (size_t i = 0; i < HF_COUNT_OF(weather_rows); i++) {
		const struct weather_row *row = &weather_rows[i];
		if (hf_words_take(&r->words, row->word)) {
			take_value(r, row->takes, (int64_t *)(void *)((char *)weather + row->at));
			return true;
		}
	}
	return false;
}

static bool take_manner(struct reader *r, const struct hf_manner **ret, int64_t *ret_number)
{
	for (const struct hf_manner *manner = hf_manners; manner->word; manner++) {
		if (!hf_words_take(&r->words, manner->word))
			continue;
		*ret = manner;
		take_value(r, manner->takes, ret_number);
		return true;
	}
	return false;
}

static void expect_behaviour(struct reader *r)
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
static bool take_answers(struct reader *r, struct hf_peer_data *data)
{
	const struct hf_words *w = &r->words;
	if (!hf_words_are(hf_words_peek(w), "answers") || w->at + 1 >= w->count ||
		hf_words_are(&w->items[w->at + 1], "for"))
		return false;
	r->words.at++;
	read_answers(r, data);
	return true;
}

/* Within an event. */
static void read_upstream_event(struct reader *r, struct hf_play_event *event)
{
	if (!take_upstream(r, &event->upstream))
		return;
	unsigned u = event->upstream;
	event->weather = r->changed[u] ? r->latest[u] : r->scenario->upstreams[u].weather;
	if (hf_words_take(&r->words, "forgets")) {
		event->what = HF_PLAY_FORGET;
		take_name(r, &event->name);
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

static struct hf_play_upstream *add_upstream(struct reader *r)
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
	set_defaults(hf_upstream_options, &u->conf);
	u->conf.name = text;
	u->weather.delay_min = u->weather.delay_max = 5 * HF_MS; /* a resolver in the same town */
	u->conf.address = (struct hf_address){ .family = 4, .port = 53,
		.bytes = { 10, 53, 0, (uint8_t)(s->upstream_count + 1) } };
	s->upstream_count++;
	return u;
}

static void read_upstream(struct reader *r)
{
	struct hf_play_upstream *u = add_upstream(r);
	hf_us ttl;
	if (!u)
		return;
	do {
		if (hf_words_take(&r->words, "zone")) {
			if (hf_words_take(&r->words, "{"))
				read_zone_block(r, &u->data);
			else
				read_zone_file(r, &u->data);
		} else if (hf_words_take(&r->words, "negative")) {
			if (hf_words_duration(&r->words, &ttl))
				u->negative_ttl = (uint32_t)(ttl / HF_SECOND);
		} else if (!take_answers(r, &u->data) && !take_weather(r, &u->weather) &&
			   !take_manner(r, &u->manner, &u->manner_number)) {
			expect_behaviour(r);
		}
	} while (hf_words_peek(&r->words));
}

/* ---- routes ---- */

static bool is_route_option(const struct hf_words *w)
{
	for (const struct hf_option *row = hf_route_options; row->name; row++)
		if (hf_words_are(hf_words_peek(w), row->name))
			return true;
	return false;
}

static void read_route(struct reader *r)
{
	struct hf_scenario *s = r->scenario;
	uint16_t *upstreams = get(r, HF_PLAY_UPSTREAMS_MAX * sizeof *upstreams);
	struct hf_route route = { .upstreams = upstreams };
	unsigned upstream;
	if (!upstreams)
		return;
	if (s->route_count == HF_PLAY_ROUTES_MAX) {
		hf_words_fault(&r->words, "more than %d routes", HF_PLAY_ROUTES_MAX);
		return;
	}
	set_defaults(hf_route_options, &route);
	if (!take_name(r, &route.zone) || !hf_words_want(&r->words, "to"))
		return;
	for (size_t i = 0; i < s->route_count; i++)
		if (s->routes[i].zone.len == route.zone.len &&
			memcmp(s->routes[i].zone.bytes, route.zone.bytes, route.zone.len) == 0)
			hf_words_fault(&r->words, "a second route for the same zone");
	do {
		if (route.upstream_count == HF_PLAY_UPSTREAMS_MAX)
			hf_words_fault(&r->words, "too many upstreams");
		else if (take_upstream(r, &upstream))
			upstreams[route.upstream_count++] = (uint16_t)upstream;
	} while (hf_words_peek(&r->words) && !is_route_option(&r->words));
	while (hf_words_peek(&r->words))
		take_option(r, hf_route_options, &route);
	if (!r->words.bad)
		s->routes[s->route_count++] = route;
}

/* ---- lines ---- */

static void read_event_words(struct reader *r, struct hf_play_event *event)
{
	static const struct {
		const char *word;
		void (*read)(struct reader *, struct hf_play_event *);
	} verbs[] = {
		{ "ask", read_ask }, { "load", read_load }, { "upstream", read_upstream_event },
		{ "clock", read_clock }, { "wall", read_wall }, { "holdfast", read_stall },
	};
	const struct hf_word_at *word = hf_words_peek(&r->words);
	struct hf_nearest nearest = hf_nearest(word ? word->text : "", word ? word->len : 0);
	for (size_t i = 0; i < HF_COUNT_OF(verbs); i++) {
		if (hf_words_take(&r->words, verbs[i].word)) {
			verbs[i].read(r, event);
			return;
		}
		hf_nearest_offer(&nearest, verbs[i].word);
	}
	hf_words_expected(&r->words, "ask, load, upstream, clock, wall or holdfast", nearest.best);
}

static bool grow_events(struct reader *r)
{
	struct hf_scenario *s = r->scenario;
	if (s->event_count < r->events_cap)
		return true;
	if (s->event_count >= HF_PLAY_EVENTS_MAX) {
		hf_words_fault(&r->words, "more than %d events", HF_PLAY_EVENTS_MAX);
		return false;
	}
	size_t cap = r->events_cap ? 2 * r->events_cap : 16;
	struct hf_play_event *events = get(r, cap * sizeof *events);
	if (!events)
		return false;
	if (s->event_count)
		memcpy(events, s->events, s->event_count * sizeof *events);
	s->events = events;
	r->events_cap = cap;
	return true;
}

static void read_at(struct reader *r)
{
	struct hf_words *w = &r->words;
	struct hf_play_event event = { .line = w->line };
	if (!hf_words_duration(w, &event.at))
		return;
	if (hf_words_take(w, "every") && hf_words_duration(w, &event.every) &&
		hf_words_want(w, "until"))
		hf_words_duration(w, &event.until);
	if (event.every && !w->bad && (event.until - event.at) / event.every > HF_PLAY_REPEATS_MAX)
		hf_words_fault(w, "more than %d times", HF_PLAY_REPEATS_MAX);
	event.text = rest(r);
	read_event_words(r, &event);
	hf_words_end(w, "the end of the line");
	if (!w->bad && grow_events(r))
		r->scenario->events[r->scenario->event_count++] = event;
}

static const struct hf_tally_row *take_tally(struct reader *r)
{
	const struct hf_word_at *word = hf_words_peek(&r->words);
	struct hf_nearest nearest = hf_nearest(word ? word->text : "", word ? word->len : 0);
	for (const struct hf_tally_row *row = hf_tally_rows; row->word; row++) {
		if (hf_words_take(&r->words, row->word))
			return row;
		hf_nearest_offer(&nearest, row->word);
	}
	hf_words_expected(&r->words, "what must hold in the end, such as servfail or packets", nearest.best);
	return NULL;
}

static void read_finally(struct reader *r)
{
	do {
		struct hf_final *final = get(r, sizeof *final);
		if (!final)
			return;
		final->text = rest(r);
		final->line = r->words.line;
		final->row = take_tally(r);
		if (!final->row)
			return;
		if (final->row->of_upstream && hf_words_want(&r->words, "to"))
			take_upstream(r, &final->upstream);
		final->compare = hf_compare_take(&r->words);
		if (r->words.bad || !take_value(r, final->row->takes, &final->number))
			return;
		*r->last_final = final;
		r->last_final = &final->next;
	} while (hf_words_peek(&r->words));
}

static void read_seed(struct reader *r)
{
	int64_t seed;
	if (hf_words_number(&r->words, "a seed", 0, INT64_MAX, &seed))
		r->scenario->seed = (uint64_t)seed;
}

static void read_workers(struct reader *r)
{
	int64_t workers;
	if (hf_words_number(&r->words, "a number of workers", 1, HF_PLAY_WORKERS_MAX, &workers))
		r->scenario->workers = (unsigned)workers;
}

static void read_line(struct reader *r)
{
	static const struct {
		const char *word;
		void (*read)(struct reader *);
	} lines[] = {
		{ "seed", read_seed }, { "workers", read_workers }, { "option", read_option },
		{ "upstream", read_upstream }, { "route", read_route }, { "at", read_at },
		{ "finally", read_finally },
	};
	const struct hf_word_at *word = hf_words_peek(&r->words);
	if (!word)
		return;
	struct hf_nearest nearest = hf_nearest(word->text, word->len);
	for (size_t i = 0; i < HF_COUNT_OF(lines); i++) {
		if (hf_words_take(&r->words, lines[i].word)) {
			lines[i].read(r);
			hf_words_end(&r->words, "the end of the line");
			return;
		}
		hf_nearest_offer(&nearest, lines[i].word);
	}
	hf_words_expected(&r->words, "seed, workers, option, upstream, route, at or finally", nearest.best);
}

/* ---- the whole ---- */

static int begin(struct reader *r, const char *file)
{
	static const struct hf_prefix all = { .address.family = 4 };
	struct hf_scenario *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	hf_arena_init(&s->arena, HF_PLAY_MEMORY_MAX);
	s->file = hf_arena_text(&s->arena, file, strlen(file));
	s->seed = 1;
	s->workers = 1;
	set_defaults(hf_cache_options, &s->cache);
	set_defaults(hf_clients_options, &s->clients);
	set_defaults(hf_listen_options, &s->listen);
	set_defaults(hf_tcp_options, &s->tcp);
	s->cache.size = CACHE_SIZE;
	s->clients.allow = (struct hf_prefix_list){ &all, 1 };
	r->scenario = s;
	r->last_final = &s->finals;
	r->words.arena = &s->arena;
	r->words.file = s->file;
	return s->file ? 0 : -ENOMEM;
}

static void finish(struct reader *r)
{
	struct hf_words *w = &r->words;
	w->count = w->at = 0;
	w->start = w->end = r->end;
	w->bad = false;
	if (!w->faults && !r->scenario->route_count)
		hf_words_fault(w, "no route: write 'route . to UPSTREAM...'");
	else if (!w->faults && !r->scenario->event_count)
		hf_words_fault(w, "nothing happens: write 'at 0s ask NAME TYPE expect ...'");
}

int hf_scenario_parse(const char *file, const char *text, size_t len, FILE *complaints,
	struct hf_scenario **ret)
{
	struct reader r = { .words = { .complaints = complaints }, .at = text, .end = text + len };
	if (len > HF_PLAY_TEXT_MAX) {
		fprintf(complaints, "%s: longer than %u octets\n", file, HF_PLAY_TEXT_MAX);
		return HF_ESYNTAX;
	}
	int rc = begin(&r, file);
	while (!rc && hf_words_line(&r.words, &r.at, r.end))
		read_line(&r);
	if (!rc)
		finish(&r);
	if (rc || r.words.faults) {
		hf_scenario_free(r.scenario);
		return rc ? rc : HF_ESYNTAX;
	}
	*ret = r.scenario;
	return 0;
}

int hf_scenario_load(const char *file, FILE *complaints, struct hf_scenario **ret)
{
	size_t len = 0;
	char *text = read_file(file, HF_PLAY_TEXT_MAX, &len);
	if (!text) {
		int error = -errno;
		fprintf(complaints, "%s: %s\n", file, hf_strerror(error));
		return error;
	}
	int rc = hf_scenario_parse(file, text, len, complaints, ret);
	free(text);
	return rc;
}

void hf_scenario_free(struct hf_scenario *s)
{
	if (!s)
		return;
	hf_arena_clear(&s->arena);
	free(s);
}
