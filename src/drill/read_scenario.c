/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/read.h"

#include "base/check.h"
#include "base/error.h"
#include "base/nearest.h"
#include "truth/tombstones.h"

/* The cache of a drill: plenty for what a scenario asks, and quickly made. */
#define CACHE_SIZE (4u << 20)

/* ---- options ---- */

static void read_option(struct hf_reader *r)
{
	struct hf_scenario *s = r->scenario;
	const struct {
		const char *word;
		const struct hf_option *rows;
		void *to;
	} parts[] = {
		{"cache", hf_cache_options, &s->cache},
		{"clients", hf_clients_options, &s->clients},
		{"listen", hf_listen_options, &s->listen},
		{"outgoing", hf_outgoing_options, &s->outgoing},
		{"tcp", hf_tcp_options, &s->tcp},
		{"truth", hf_truth_options, &s->truth},
	};
	unsigned upstream;
	if (hf_words_take(&r->words, "upstream")) {
		if (hf_take_upstream(r, &upstream))
			hf_take_option(r, hf_upstream_options, &s->upstreams[upstream].conf);
		return;
	}
	const struct hf_word_at *word = hf_words_peek(&r->words);
	struct hf_nearest nearest = hf_nearest(word ? word->text : "", word ? word->len : 0);
	for (size_t i = 0; i < HF_COUNT_OF(parts); i++) {
		if (hf_words_take(&r->words, parts[i].word)) {
			hf_take_option(r, parts[i].rows, parts[i].to);
			return;
		}
		hf_nearest_offer(&nearest, parts[i].word);
	}
	hf_words_expected(&r->words, "upstream, cache, clients, listen, outgoing, tcp or truth",
		nearest.best);
}

/* ---- expectations ---- */

static void take_prefixes(struct hf_reader *r, struct hf_prefix_list *ret)
{
	struct hf_prefix *items = hf_read_memory(r, HF_PLAY_PREFIXES_MAX * sizeof *items);
	size_t count = 0;
	for (; items && count < HF_PLAY_PREFIXES_MAX; count++) {
		const struct hf_word_at *word = hf_words_peek(&r->words);
		char text[HF_ADDRESS_TEXT_MAX];
		if (!word || word->len >= sizeof text)
			break;
		memcpy(text, word->text, word->len);
		text[word->len] = '\0';
		if (hf_prefix_parse(text, &items[count]))
			break;
		r->words.at++;
	}
	if (!count)
		hf_words_expected(&r->words, "prefixes such as 192.0.2.0/28", NULL);
	*ret = (struct hf_prefix_list){items, count};
}

static void take_expected_name(struct hf_reader *r, struct hf_expectation *ret)
{
	const struct hf_word_at *word = hf_words_peek(&r->words);
	ret->below = word && word->len >= 2 && memcmp(word->text, "*.", 2) == 0;
	size_t skip = ret->below ? word->len == 2 ? 1 : 2 : 0; /* "*.": all names there are */
	if (word && hf_name_from_text(word->text + skip, word->len - skip, &ret->name) == 0)
		r->words.at++;
	else
		hf_words_expected(&r->words, "a name, or *.NAME", NULL);
}

/* 2 of 3 */
static void take_agreement(struct hf_reader *r, const char **ret)
{
	char *text = hf_read_memory(r, 16);
	unsigned k, n;
	int64_t some = 0, all = 0;
	if (!text || !hf_words_number(&r->words, "how many", 2, 64, &some) ||
		!hf_words_want(&r->words, "of") ||
		!hf_words_number(&r->words, "of how many", 2, 64, &all))
		return;
	snprintf(text, 16, "%d of %d", (int)some, (int)all);
	*ret = text;
	if (!hf_agree_read(text, &k, &n))
		hf_words_fault(&r->words, "more than there are");
}

static void read_expectation(struct hf_reader *r)
{
	struct hf_scenario *s = r->scenario;
	struct hf_expectation e = {.agree = "none", .prove_ca = "system"};
	hf_read_defaults(hf_expectation_options, &e);
	take_expected_name(r, &e);
	while (!r->words.bad && hf_words_peek(&r->words)) {
		if (hf_words_take(&r->words, "addresses"))
			take_prefixes(r, &e.addresses);
		else if (hf_words_take(&r->words, "never"))
			take_prefixes(r, &e.never);
		else if (hf_words_take(&r->words, "agree"))
			take_agreement(r, &e.agree);
		else
			hf_take_option(r, hf_expectation_options, &e);
	}
	if (s->truth.expectation_count == HF_PLAY_EXPECTATIONS_MAX)
		hf_words_fault(&r->words, "more than %d expectations", HF_PLAY_EXPECTATIONS_MAX);
	if (!r->words.bad)
		s->expectations[s->truth.expectation_count++] = e;
}

static void read_tombstones(struct hf_reader *r)
{
	struct hf_tombstones_conf *conf = &r->scenario->truth.tombstones;
	if (conf->all) {
		hf_words_fault(&r->words, "tombstones are given once");
		return;
	}
	take_prefixes(r, &conf->addresses);
	if (!r->words.bad &&
		hf_tombstones_new(conf->addresses.items, conf->addresses.count, &conf->all))
		hf_words_fault(&r->words, "no memory for tombstones");
}

/* ---- what happens ---- */

static bool take_jump(struct hf_reader *r, int64_t *ret)
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

static void read_clock(struct hf_reader *r, struct hf_play_event *event)
{
	event->what = HF_PLAY_JUMP;
	if (hf_words_want(&r->words, "of") && hf_words_want(&r->words, "holdfast") &&
		hf_words_want(&r->words, "jumps"))
		take_jump(r, &event->number);
}

static void read_wall(struct hf_reader *r, struct hf_play_event *event)
{
	event->what = HF_PLAY_WALL;
	if (hf_words_want(&r->words, "clock") && hf_words_want(&r->words, "jumps"))
		take_jump(r, &event->number);
}

static void read_stall(struct hf_reader *r, struct hf_play_event *event)
{
	event->what = HF_PLAY_STALL;
	if (hf_words_want(&r->words, "stalls"))
		hf_words_duration(&r->words, &event->number);
}

/* ---- certificates ---- */

static void take_vouched_name(struct hf_reader *r, struct hf_vouched_name *ret)
{
	const struct hf_word_at *word = hf_words_peek(&r->words);
	ret->below = word && word->len > 2 && memcmp(word->text, "*.", 2) == 0;
	if (ret->below && hf_name_from_text(word->text + 2, word->len - 2, &ret->name) == 0)
		r->words.at++;
	else
		hf_take_name(r, &ret->name);
}

static void take_vouched(struct hf_reader *r, struct hf_vouched *ret)
{
	const char *text = hf_words_text(&r->words, "an address such as 192.0.2.10");
	if (!r->words.bad && (hf_address_parse(text, 0, &ret->address) || ret->address.port)) {
		r->words.at--;
		hf_words_expected(&r->words, "an address such as 192.0.2.10", NULL);
	}
	if (hf_words_take(&r->words, "none"))
		return;
	do {
		if (ret->count == HF_VOUCHED_NAMES)
			hf_words_fault(&r->words, "more than %d names", HF_VOUCHED_NAMES);
		else
			take_vouched_name(r, &ret->names[ret->count++]);
	} while (hf_words_peek(&r->words));
}

static void read_certificate(struct hf_reader *r)
{
	struct hf_vouched vouched = { .count = 0 };
	take_vouched(r, &vouched);
	if (!r->words.bad && !hf_vouches_set(&r->scenario->vouches, &vouched))
		hf_words_fault(&r->words, "more than %d certificates", HF_VOUCHED_MAX);
}

static void read_certificate_event(struct hf_reader *r, struct hf_play_event *event)
{
	struct hf_vouched *vouched = hf_read_memory(r, sizeof *vouched);
	if (!vouched)
		return;
	take_vouched(r, vouched);
	event->what = HF_PLAY_VOUCH;
	event->vouched = vouched;
}

/* ---- routes ---- */

static bool is_route_option(const struct hf_words *w)
{
	for (const struct hf_option *row = hf_route_options; row->name; row++)
		if (hf_words_are(hf_words_peek(w), row->name))
			return true;
	return false;
}

static void read_route(struct hf_reader *r)
{
	struct hf_scenario *s = r->scenario;
	uint16_t *upstreams = hf_read_memory(r, HF_PLAY_UPSTREAMS_MAX * sizeof *upstreams);
	struct hf_route route = { .upstreams = upstreams };
	unsigned upstream;
	if (!upstreams)
		return;
	if (s->route_count == HF_PLAY_ROUTES_MAX) {
		hf_words_fault(&r->words, "more than %d routes", HF_PLAY_ROUTES_MAX);
		return;
	}
	hf_read_defaults(hf_route_options, &route);
	if (!hf_take_name(r, &route.zone) || !hf_words_want(&r->words, "to"))
		return;
	for (size_t i = 0; i < s->route_count; i++)
		if (s->routes[i].zone.len == route.zone.len &&
			memcmp(s->routes[i].zone.bytes, route.zone.bytes, route.zone.len) == 0)
			hf_words_fault(&r->words, "a second route for the same zone");
	do {
		if (route.upstream_count == HF_PLAY_UPSTREAMS_MAX)
			hf_words_fault(&r->words, "too many upstreams");
		else if (hf_take_upstream(r, &upstream))
			upstreams[route.upstream_count++] = (uint16_t)upstream;
	} while (hf_words_peek(&r->words) && !is_route_option(&r->words));
	while (hf_words_peek(&r->words))
		hf_take_option(r, hf_route_options, &route);
	if (!r->words.bad)
		s->routes[s->route_count++] = route;
}

/* ---- lines ---- */

static void read_event_words(struct hf_reader *r, struct hf_play_event *event)
{
	static const struct {
		const char *word;
		void (*read)(struct hf_reader *, struct hf_play_event *);
	} verbs[] = {
		{ "ask", hf_read_ask }, { "load", hf_read_load }, { "upstream", hf_read_upstream_event },
		{ "clock", read_clock }, { "wall", read_wall }, { "holdfast", read_stall },
		{ "certificate", read_certificate_event },
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
	hf_words_expected(&r->words, "ask, load, upstream, certificate, clock, wall or holdfast", nearest.best);
}

static bool grow_events(struct hf_reader *r)
{
	struct hf_scenario *s = r->scenario;
	if (s->event_count < r->events_cap)
		return true;
	if (s->event_count >= HF_PLAY_EVENTS_MAX) {
		hf_words_fault(&r->words, "more than %d events", HF_PLAY_EVENTS_MAX);
		return false;
	}
	size_t cap = r->events_cap ? 2 * r->events_cap : 16;
	struct hf_play_event *events = hf_read_memory(r, cap * sizeof *events);
	if (!events)
		return false;
	if (s->event_count)
		memcpy(events, s->events, s->event_count * sizeof *events);
	s->events = events;
	r->events_cap = cap;
	return true;
}

static void read_at(struct hf_reader *r)
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
	event.text = hf_read_rest(r);
	read_event_words(r, &event);
	hf_words_end(w, "the end of the line");
	if (!w->bad && grow_events(r))
		r->scenario->events[r->scenario->event_count++] = event;
}

static const struct hf_tally_row *take_tally(struct hf_reader *r)
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

static void read_finally(struct hf_reader *r)
{
	do {
		struct hf_final *final = hf_read_memory(r, sizeof *final);
		if (!final)
			return;
		final->text = hf_read_rest(r);
		final->line = r->words.line;
		final->row = take_tally(r);
		if (!final->row)
			return;
		if (final->row->of_upstream && hf_words_want(&r->words, "to"))
			hf_take_upstream(r, &final->upstream);
		final->compare = hf_compare_take(&r->words);
		if (r->words.bad || !hf_take_value(r, final->row->takes, &final->number))
			return;
		*r->last_final = final;
		r->last_final = &final->next;
	} while (hf_words_peek(&r->words));
}

static void read_seed(struct hf_reader *r)
{
	int64_t seed;
	if (hf_words_number(&r->words, "a seed", 0, INT64_MAX, &seed))
		r->scenario->seed = (uint64_t)seed;
}

static void read_workers(struct hf_reader *r)
{
	int64_t workers;
	if (hf_words_number(&r->words, "a number of workers", 1, HF_PLAY_WORKERS_MAX, &workers))
		r->scenario->workers = (unsigned)workers;
}

static void read_instances(struct hf_reader *r)
{
	int64_t instances;
	if (hf_words_number(&r->words, "a number of servers", 1, HF_PLAY_INSTANCES_MAX, &instances))
		r->scenario->instances = (unsigned)instances;
}

static void read_line(struct hf_reader *r)
{
	static const struct {
		const char *word;
		void (*read)(struct hf_reader *);
	} lines[] = {
		{"seed", read_seed},
		{"workers", read_workers},
		{"instances", read_instances},
		{"option", read_option},
		{"certificate", read_certificate},
		{"expect", read_expectation},
		{"tombstones", read_tombstones},
		{"upstream", hf_read_upstream},
		{"route", read_route},
		{"at", read_at},
		{"finally", read_finally},
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
	hf_words_expected(&r->words,
		"seed, workers, instances, option, certificate, expect, tombstones, upstream, "
		"route, "
		"at or finally",
		nearest.best);
}

/* ---- the whole ---- */

static int begin(struct hf_reader *r, const char *file)
{
	static const struct hf_prefix all = { .address.family = 4 };
	struct hf_scenario *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	hf_arena_init(&s->arena, HF_PLAY_MEMORY_MAX);
	s->file = hf_arena_text(&s->arena, file, strlen(file));
	s->seed = 1;
	s->workers = s->instances = 1;
	hf_read_defaults(hf_cache_options, &s->cache);
	hf_read_defaults(hf_clients_options, &s->clients);
	hf_read_defaults(hf_listen_options, &s->listen);
	hf_read_defaults(hf_tcp_options, &s->tcp);
	hf_read_defaults(hf_outgoing_options, &s->outgoing);
	hf_read_defaults(hf_truth_options, &s->truth);
	s->truth.sample = 0;
	s->truth.canaries = s->truth.serials = 0;
	s->cache.size = CACHE_SIZE;
	s->clients.allow = (struct hf_prefix_list){ &all, 1 };
	r->scenario = s;
	r->last_final = &s->finals;
	r->words.arena = &s->arena;
	r->words.file = s->file;
	return s->file ? 0 : -ENOMEM;
}

static void finish(struct hf_reader *r)
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
	struct hf_reader r = { .words = { .complaints = complaints }, .at = text, .end = text + len };
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
	char *text = hf_read_file(file, HF_PLAY_TEXT_MAX, &len);
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
	hf_tombstones_free(s->truth.tombstones.all);
	hf_arena_clear(&s->arena);
	free(s);
}
