/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/story.h"

#include <jansson.h>

#include "base/check.h"
#include "face/command.h"
#include "face/decisions.h"
#include "face/findings.h"
#include "face/json_parts.h"
#include "wire/type.h"
#include "zone/rules.h"

/* ---- the wish ---- */

static bool read_word(const char *word, struct hf_story_wish *wish)
{
	uint16_t type = hf_type_read(word);
	if (strcmp(word, "ask") == 0)
		wish->ask = true;
	else if (strcmp(word, "json") == 0)
		wish->json = true;
	else if (type)
		wish->question.type = type;
	else
		return false;
	return true;
}

static bool no_name(const char *word, FILE *out)
{
	fprintf(out, "'%s' is no domain name\n", word);
	return false;
}

static bool no_type(const char *word, FILE *out)
{
	fprintf(out, "'%s' is no type of record: expected A, AAAA, HTTPS ... or TYPE64\n", word);
	return false;
}

bool hf_story_words_good(const char *name, const char *type, FILE *out)
{
	if (!name[0] || name[strcspn(name, " \n")])
		return no_name(name, out);
	return hf_type_read(type) ? true : no_type(type, out);
}

bool hf_story_wish_read(const char *argument, struct hf_story_wish *ret, FILE *out)
{
	char line[HF_NAME_TEXT_MAX + 64], *rest;
	*ret = (struct hf_story_wish){.question = {.type = HF_TYPE_A, .class = HF_CLASS_IN}};
	if (snprintf(line, sizeof line, "%s", argument) >= (int)sizeof line) {
		fprintf(out, "the request is too long\n");
		return false;
	}
	const char *name = strtok_r(line, " ", &rest);
	if (!name || hf_name_from_text(name, strlen(name), &ret->question.name))
		return no_name(name ? name : "", out);
	for (const char *word; (word = strtok_r(NULL, " ", &rest));)
		if (!read_word(word, ret))
			return no_type(word, out);
	return true;
}

/* ---- the object ---- */

static json_t *milliseconds(hf_us duration)
{
	return duration ? hf_json_ms(duration) : json_null();
}

static json_t *name_json(const struct hf_name *name)
{
	char text[HF_NAME_TEXT_MAX];
	return json_string(hf_name_text(name->bytes, text));
}

static const struct hf_option *row_of(const struct hf_option *rows, const char *name)
{
	while (rows->name && strcmp(rows->name, name) != 0)
		rows++;
	return rows->name ? rows : NULL;
}

/* The rows that a route shares with its upstreams: what holds here, and who said so. */
static json_t *figures_json(const struct hf_story *s, const struct hf_story_upstream *u)
{
	char text[HF_OPTION_TEXT_MAX], said[HF_OPTION_TEXT_MAX];
	json_t *figures = json_object();
	for (const struct hf_option *row = hf_route_options; row->name; row++) {
		const struct hf_option *its = row_of(hf_upstream_options, row->name);
		if (!its)
			continue;
		bool upstream = strcmp(hf_option_text(row, (const char *)s->route + row->at, said),
					"upstream") == 0;
		hf_json_put(figures, row->name,
			json_pack("{s:s, s:s}", "is",
				hf_option_text(its, (const char *)u->figures + its->at, text),
				"from", upstream ? "upstream" : "route"));
	}
	return figures;
}

static json_t *upstream_json(const struct hf_story *s, unsigned i)
{
	const struct hf_story_upstream *u = &s->upstreams[i];
	char address[HF_ADDRESS_TEXT_MAX];
	json_t *one = json_object();
	bool rests = u->state != HF_HEALTH_CLOSED || u->path_state != HF_HEALTH_CLOSED;
	hf_json_put(one, "name", json_string(u->conf->name));
	hf_json_put(one, "address", json_string(hf_address_text(&u->conf->address, address)));
	hf_json_put(one, "state", json_string(hf_health_state_name(u->state)));
	hf_json_put(one, "state_here", json_string(hf_health_state_name(u->path_state)));
	hf_json_put(one, "because", rests ? json_string(hf_outcome_text(u->cause)) : json_null());
	hf_json_put(one, "rest_ms", milliseconds(u->rest));
	hf_json_put(one, "lame_ms", milliseconds(u->lame));
	hf_json_put(one, "kept_out", json_boolean(u->barred));
	hf_json_put(one, "trust", json_string(u->conf->trust == HF_TRUST_LOW ? "low" : "normal"));
	hf_json_put(one, "rtt_ms", milliseconds(u->rtt));
	hf_json_put(one, "timeout_ms", milliseconds(u->timeout));
	hf_json_put(one, "figures", figures_json(s, u));
	hf_json_put(one, "budget", u->limit ? json_integer(u->limit) : json_null());
	hf_json_put(one, "cap", u->cap ? json_integer(u->cap) : json_null());
	hf_json_put(one, "in_flight", json_integer(u->in_flight));
	hf_json_put(one, "first", json_boolean((int)i == s->first));
	return one;
}

static const char *order_name(enum hf_route_order order)
{
	static const char *const names[] = {
		[HF_ORDER_FASTEST] = "fastest",
		[HF_ORDER_LISTED] = "listed",
		[HF_ORDER_STRICT] = "strict",
	};
	return order < HF_COUNT_OF(names) ? names[order] : "?";
}

static json_t *route_json(const struct hf_story *s)
{
	if (!s->route)
		return json_null();
	json_t *route = json_object(), *upstreams = json_array();
	hf_json_put(route, "zone", name_json(&s->route->zone));
	hf_json_put(route, "order", json_string(order_name(s->route->order)));
	for (unsigned i = 0; i < s->route->upstream_count; i++)
		json_array_append_new(upstreams, upstream_json(s, i));
	hf_json_put(route, "upstreams", upstreams);
	return route;
}

static const char *cached_says(const struct hf_story *s, char buf[static HF_SAID_TEXT_MAX])
{
	const struct hf_finding as = {.said = (struct hf_testimony *)&s->cached.said};
	return hf_said_text(&as, buf);
}

static json_t *cache_json(const struct hf_story *s)
{
	static const char *const words[] = {
		[HF_STORY_NOTHING] = "nothing",
		[HF_STORY_FRESH] = "fresh",
		[HF_STORY_NO_NAME] = "no such name",
		[HF_STORY_NO_ABOVE] = "no such name above",
		[HF_STORY_STALE] = "stale",
		[HF_STORY_OLD] = "too old",
	};
	const struct hf_story_cached *c = &s->cached;
	char said[HF_SAID_TEXT_MAX];
	json_t *cache = json_object();
	bool any = c->what != HF_STORY_NOTHING;
	hf_json_put(cache, "holds", json_string(words[c->what]));
	hf_json_put(cache, "answer", any ? json_string(cached_says(s, said)) : json_null());
	hf_json_put(cache, "age", any ? json_integer(c->age) : json_null());
	hf_json_put(cache, "ttl", any ? json_integer(c->ttl) : json_null());
	hf_json_put(cache, "ttl_left",
		any ? json_integer(c->ttl > c->age ? c->ttl - c->age : 0) : json_null());
	hf_json_put(
		cache, "about", c->what == HF_STORY_NO_ABOVE ? name_json(&c->about) : json_null());
	hf_json_put(cache, "failed_lately", json_boolean(c->failed));
	hf_json_put(cache, "failure_counts_for", json_integer(c->failed_for));
	hf_json_put(cache, "worker", json_integer(s->worker));
	return cache;
}

static json_t *expected_json(const struct hf_story *s)
{
	char name[HF_EXPECT_TEXT_MAX], says[HF_EXPECTS_TEXT_MAX];
	if (!s->expected)
		return json_null();
	return json_pack("{s:s, s:s}", "name", hf_expect_text(s->expected->conf, name), "says",
		hf_expects_text(s->expected->conf, says));
}

/* ---- what was decided ---- */

static bool slot_name(void *ctx, unsigned slot, char *buf, size_t size)
{
	const struct hf_plan *plan = ctx;
	for (size_t i = 0; i < plan->forward->upstream_count; i++)
		if (plan->slots[i] == slot) {
			snprintf(buf, size, "%s", plan->forward->upstreams[i].name);
			return true;
		}
	return false;
}

static json_t *lately_json(const struct hf_story *s)
{
	const struct hf_slot_names names = {.name = slot_name, .ctx = s->plan};
	json_t *list = json_array();
	for (size_t i = 0; i < s->lately_count; i++)
		json_array_append_new(list, hf_decision_json(&s->lately[i], &names, s->looked));
	return list;
}

/* ---- what a client gets ---- */

/* The one whose answer a client would be given, were it asked now; NULL: none. */
static const struct hf_finding *believed(const struct hf_story *s)
{
	const struct hf_findings *f = s->examined ? &s->examined->findings : NULL;
	if (f && s->first >= 0 && (size_t)s->first < f->count &&
		f->items[s->first].found == HF_FOUND_TRUE)
		return &f->items[s->first];
	for (size_t i = 0; s->examined && i < s->examined->findings.count; i++)
		if (s->examined->findings.items[i].found == HF_FOUND_TRUE)
			return &s->examined->findings.items[i];
	return NULL;
}

static bool any_lie(const struct hf_story *s)
{
	return s->examined && hf_findings_sum(&s->examined->findings, UINT16_MAX).of[HF_FOUND_LIE];
}

static void from_upstreams(const struct hf_story *s, struct hf_text *text)
{
	const struct hf_finding *good = believed(s);
	char said[HF_SAID_TEXT_MAX];
	if (good)
		hf_text_add(text, "what upstream %s says%s: %s",
			hf_finding_upstream(s->examined, good)->name,
			s->expected ? ", which is believed" : "", hf_said_text(good, said));
	else if (!s->examined && s->first >= 0)
		hf_text_add(text, "what upstream %s says, or another if it does not",
			s->upstreams[s->first].conf->name);
	else if (s->cached.what == HF_STORY_STALE)
		hf_text_add(text, "the old answer from the cache, marked as stale (RFC 8767): %s",
			cached_says(s, said));
	else
		hf_text_add(text, "SERVFAIL, with an extended error that names upstream and cause "
				  "(RFC 8914)");
}

/* The zone of ours that answers for the name, or NULL. */
static const struct hf_name *own_zone(const struct hf_story *s)
{
	const struct hf_zone_rule *rule = hf_zone_rules_over(s->plan->zones, &s->question.name);
	if (s->zone.len) /* also one that no configuration names: a catalog's member */
		return &s->zone;
	return rule ? &rule->conf->name : NULL;
}

/* Its answer, as far as it has one. */
static void add_own_answer(const struct hf_story *s, struct hf_text *text)
{
	const struct hf_finding as = {.said = (struct hf_testimony *)&s->own.answer};
	char said[HF_SAID_TEXT_MAX], name[HF_NAME_TEXT_MAX];
	if (s->own.said == HF_ZONE_SAID)
		hf_text_add(text, ": %s", hf_said_text(&as, said));
	else if (s->own.said == HF_ZONE_LED_OUT)
		hf_text_add(text, ": an alias that leads to %s, and what is said of that name",
			hf_name_text(s->own.target.bytes, name));
	else
		hf_text_add(text,
			": the referral to the servers of a delegation, unless a route "
			"of `forward` lies at or below that: then what its upstreams say");
	if (s->own.standing == HF_ZONE_MARKED)
		hf_text_add(text, "; with a word that nobody has proven it: %s", s->own.why);
}

static void from_zone(const struct hf_story *s, const struct hf_name *zone, struct hf_text *text)
{
	char name[HF_NAME_TEXT_MAX];
	hf_name_text(zone->bytes, name);
	if (!s->own.any)
		hf_text_add(text,
			"what this node's own zone %s says, if it is served: the server that runs "
			"knows (leave out --standalone)",
			name);
	else if (s->own.closed)
		hf_text_add(text, "REFUSED: %s is a catalog, which is for secondaries alone", name);
	else if (s->own.standing == HF_ZONE_WITHHELD)
		hf_text_add(text,
			"SERVFAIL with extended error 14 (Not Ready), for this node's own zone %s "
			"is "
			"not served: %s",
			name, s->own.why);
	else if (s->own.standing == HF_ZONE_DROPPED)
		hf_text_add(text,
			"no reply at all (when-unproven: drop), for this node's own zone %s is not "
			"served: %s",
			name, s->own.why);
	else {
		hf_text_add(text, "what this node's own zone %s says", name);
		add_own_answer(s, text);
	}
}

static void client_gets(const struct hf_story *s, struct hf_text *text)
{
	const struct hf_story_cached *c = &s->cached;
	char said[HF_SAID_TEXT_MAX];
	uint32_t left = c->ttl > c->age ? c->ttl - c->age : 0;
	if (own_zone(s))
		from_zone(s, own_zone(s), text);
	else if (*s->local) {
		hf_text_add(text, "what this node's own records say (%s)", s->local);
		add_own_answer(s, text);
	} else if (!s->route)
		hf_text_add(text, "SERVFAIL: no upstream is configured for this name");
	else if (c->what == HF_STORY_FRESH)
		hf_text_add(text, "the answer from the cache, for %u s more: %s", left,
			cached_says(s, said));
	else if (c->what == HF_STORY_NO_NAME || c->what == HF_STORY_NO_ABOVE)
		hf_text_add(text, "NXDOMAIN from the cache, for %u s more", left);
	else if (c->failed_for && c->what == HF_STORY_STALE)
		hf_text_add(text, "the old answer from the cache, marked as stale (RFC 8767): %s",
			cached_says(s, said));
	else if (c->failed_for)
		hf_text_add(text,
			"SERVFAIL for %u s more, for the question has just failed (RFC 9520)",
			c->failed_for);
	else
		from_upstreams(s, text);
}

/* How the zone or the local data stands that answers for the name. */
static json_t *own_json(const struct hf_story *s)
{
	static const char *const standings[] = {
		[HF_ZONE_SERVED] = "served",
		[HF_ZONE_MARKED] = "marked",
		[HF_ZONE_WITHHELD] = "withheld",
		[HF_ZONE_DROPPED] = "dropped",
	};
	json_t *own = json_object();
	if (!s->own.any) {
		json_decref(own);
		return json_null();
	}
	hf_json_put(own, "standing", json_string(standings[s->own.standing]));
	hf_json_put(own, "why", *s->own.why ? json_string(s->own.why) : json_null());
	hf_json_put(own, "serial", s->own.has_serial ? json_integer(s->own.serial) : json_null());
	return own;
}

static json_t *story_json(const struct hf_story *s)
{
	struct hf_text text = hf_text(4096);
	char type[16];
	json_t *story = json_object();
	client_gets(s, &text);
	hf_json_put(story, "name", name_json(&s->question.name));
	hf_json_put(story, "type", json_string(hf_type_text(s->question.type, type)));
	hf_json_put(story, "zone", own_zone(s) ? name_json(own_zone(s)) : json_null());
	hf_json_put(story, "local", *s->local ? json_string(s->local) : json_null());
	hf_json_put(story, "own", own_json(s));
	hf_json_put(story, "is_upstreams", json_boolean(hf_story_is_upstreams(s)));
	hf_json_put(story, "route", route_json(s));
	hf_json_put(story, "expected", expected_json(s));
	hf_json_put(story, "cache", cache_json(s));
	hf_json_put(story, "asked", s->examined ? hf_findings_json(s->examined) : json_null());
	hf_json_put(story, "all_alike",
		s->examined && s->examined->findings.question_count
			? json_boolean(hf_findings_alike(
				  &s->examined->findings, &s->examined->findings.questions[0]))
			: json_null());
	hf_json_put(story, "lately", lately_json(s));
	hf_json_put(story, "standalone", json_boolean(s->alone));
	hf_json_put(story, "client_gets", json_string(text.bytes ? text.bytes : ""));
	hf_text_clear(&text);
	return story;
}

/* ---- the page ---- */

static const char *word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static bool is(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

/* "in use" of nobody who would not be asked. */
static void write_state(const json_t *u, bool alone, FILE *out)
{
	const char *state = word(u, "state");
	const char *before = "";
	bool rests = *word(u, "because"), lame = number(u, "lame_ms") > 0;
	if (rests) {
		fprintf(out, "rests: it %s%s", word(u, "because"),
			strcmp(state, "closed") == 0 ? ", for this zone" : "");
		if (number(u, "rest_ms") > 0)
			fprintf(out, ", for %.1f s more", number(u, "rest_ms") / 1000);
		before = ", ";
	}
	if (lame) {
		fprintf(out, "%sanswers for no name of the zone: not asked for %.1f s more", before,
			number(u, "lame_ms") / 1000);
		before = ", ";
	}
	if (is(u, "kept_out"))
		fprintf(out, "%skept out: see `holdfast status`", before);
	else if (!rests && !lame)
		fprintf(out, "%s", alone ? "not known (no server was asked)" : "in use");
	if (strcmp(word(u, "trust"), "low") == 0)
		fprintf(out, ", trusted little");
}

/* Only what is not the upstream's own. */
static void write_figures(const json_t *u, FILE *out)
{
	const char *name, *before = ", on this route with ";
	json_t *figure;
	json_object_foreach(json_object_get(u, "figures"), name, figure)
	{
		if (strcmp(word(figure, "from"), "route") != 0)
			continue;
		fprintf(out, "%s%s %s", before, name, word(figure, "is"));
		before = ", ";
	}
}

static void write_upstream(const json_t *u, bool alone, FILE *out)
{
	fprintf(out, "  %-16s %-24s ", word(u, "name"), word(u, "address"));
	write_state(u, alone, out);
	if (number(u, "rtt_ms") > 0)
		fprintf(out, ", answers in %.1f ms", number(u, "rtt_ms"));
	if (number(u, "budget") > 0)
		fprintf(out, ", %.0f packets/s at most", number(u, "budget"));
	if (number(u, "cap") > 0)
		fprintf(out, ", capped at %.0f/s", number(u, "cap"));
	write_figures(u, out);
	fprintf(out, "%s\n", is(u, "first") ? "  <- is asked first" : "");
}

static void write_route(const json_t *route, bool alone, FILE *out)
{
	size_t i;
	json_t *u;
	if (!json_is_object(route)) {
		fprintf(out, "route     none: no zone of `forward` covers the name\n");
		return;
	}
	const char *order = word(route, "order");
	fprintf(out, "route     zone %s, %s\n", word(route, "zone"),
		strcmp(order, "strict") == 0   ? "strictly in the order listed"
		: strcmp(order, "listed") == 0 ? "in the order listed"
					       : "the fastest first");
	json_array_foreach(json_object_get(route, "upstreams"), i, u) write_upstream(u, alone, out);
}

static void write_cache(const json_t *cache, FILE *out)
{
	const char *holds = word(cache, "holds");
	fprintf(out, "cache     %s", holds);
	if (*word(cache, "about"))
		fprintf(out, " (%s)", word(cache, "about"));
	if (*word(cache, "answer"))
		fprintf(out, ": %s, %.0f s old, %.0f s of %.0f left", word(cache, "answer"),
			number(cache, "age"), number(cache, "ttl_left"), number(cache, "ttl"));
	if (is(cache, "failed_lately"))
		fprintf(out, "; the question failed lately");
	fprintf(out, "\n");
}

static void write_asked(const json_t *asked, FILE *out)
{
	size_t i;
	json_t *row;
	if (!json_is_array(asked))
		return;
	fprintf(out, "asked     each of them just now:\n");
	json_array_foreach(asked, i, row)
	{
		fprintf(out, "  %-16s %-9s ", word(row, "upstream"), word(row, "outcome"));
		if (*word(row, "answer"))
			fprintf(out, "%s, in %.1f ms", word(row, "answer"), number(row, "took_ms"));
		if (*word(row, "evidence") && *word(row, "answer"))
			fprintf(out, "\n  %-26s ", "");
		fprintf(out, "%s\n", word(row, "evidence"));
	}
}

/* Where the answer comes from, if from here. */
static void write_own(const json_t *story, FILE *out)
{
	const json_t *own = json_object_get(story, "own");
	if (*word(story, "local"))
		fprintf(out, "local     %s\n", word(story, "local"));
	if (!json_is_object(own) || !*word(story, "zone"))
		return;
	fprintf(out, "zone      %s, %s", word(story, "zone"), word(own, "standing"));
	if (json_is_integer(json_object_get(own, "serial")))
		fprintf(out, ", serial %.0f", number(own, "serial"));
	fprintf(out, "%s%s; see `holdfast status`\n", *word(own, "why") ? ": " : "",
		word(own, "why"));
}

static void write_lately(const json_t *lately, FILE *out)
{
	size_t i;
	json_t *row;
	if (json_array_size(lately))
		fprintf(out, "lately    decided about it, as far as it is remembered:\n");
	json_array_foreach(lately, i, row) hf_decision_write(row, false, out);
}

static void write_page(const json_t *story, FILE *out)
{
	const json_t *expected = json_object_get(story, "expected");
	fprintf(out, "%s %s\n\n", word(story, "name"), word(story, "type"));
	write_own(story, out);
	if (!is(story, "is_upstreams")) {
		fprintf(out, "a client gets %s\n", word(story, "client_gets"));
		return;
	}
	write_route(json_object_get(story, "route"), is(story, "standalone"), out);
	if (json_is_object(expected))
		fprintf(out, "expected  %s (expect: %s)\n", word(expected, "says"),
			word(expected, "name"));
	else
		fprintf(out, "expected  nothing: whatever an upstream says of it is believed\n");
	write_cache(json_object_get(story, "cache"), out);
	write_lately(json_object_get(story, "lately"), out);
	write_asked(json_object_get(story, "asked"), out);
	if (json_is_false(json_object_get(story, "all_alike")))
		fprintf(out, "          they do not all say the same%s\n",
			json_is_object(expected)
				? ""
				: ", and nothing is expected that would tell who is right");
	fprintf(out, "a client gets %s\n", word(story, "client_gets"));
}

int hf_story_write(const struct hf_story *s, bool as_json, FILE *out)
{
	json_t *story = story_json(s);
	if (!story)
		return HF_EXIT_UNREACHED;
	if (as_json) {
		json_dumpf(story, out, JSON_INDENT(2) | HF_JSON_REALS);
		fprintf(out, "\n");
	} else {
		write_page(story, out);
	}
	json_decref(story);
	bool lost = (s->examined && !believed(s)) || !s->route;
	if (s->own.any) /* a delegated name is not lost: clients have its referral */
		lost = !s->own.closed && s->own.standing > HF_ZONE_MARKED;
	return any_lie(s) || lost ? HF_EXIT_FAULT : HF_EXIT_GOOD;
}
