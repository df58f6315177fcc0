/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/live.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"
#include "engine/examiner.h"
#include "face/command.h"
#include "face/findings.h"
#include "face/json_parts.h"
#include "loop/loop_epoll.h"

/* ---- what to ask ---- */

static bool add_zones(const struct hf_forward_conf *forward, struct hf_questions *q)
{
	size_t routes =
		forward->route_count < HF_LIVE_ROUTES ? forward->route_count : HF_LIVE_ROUTES;
	struct hf_question *grown = realloc(q->items, (q->count + routes + 1) * sizeof *grown);
	if (!grown)
		return false;
	q->items = grown;
	for (size_t i = 0; i < routes; i++)
		q->items[q->count++] = (struct hf_question){
			.name = forward->routes[i].zone, .type = HF_TYPE_SOA, .class = HF_CLASS_IN};
	return true;
}

static int examine(const struct hf_config *config, const struct hf_forward_conf *forward,
	const struct hf_questions *q, hf_us longest, struct hf_examined **ret)
{
	const struct hf_examiner_conf conf = {.forward = forward,
		.cache = &config->cache,
		.longest = longest > 0 ? longest : 1,
		.interrupt = -1};
	return hf_examiner_run(&conf, q->items, q->count, ret);
}

/* ---- the host's resolvers ---- */

static bool is_beside(const struct hf_audit_resolver *r)
{
	return (r->is == HF_AUDIT_ROUTER || r->is == HF_AUDIT_UNKNOWN) && r->address.scope == 0 &&
	       (r->direct || r->uplink);
}

static size_t count_beside(const struct hf_audit *audit)
{
	size_t n = 0;
	for (size_t i = 0; i < audit->resolver_count; i++)
		n += is_beside(&audit->resolvers[i]);
	return n;
}

/* They get the manners of the first upstream, without its budget's interface. */
static void make_host(struct hf_live *live, size_t at, const struct hf_audit_resolver *r)
{
	live->hosts[at] = live->config->forward.upstreams[0];
	live->hosts[at].name = r->direct ? "host" : "host-resolved";
	live->hosts[at].address = r->address;
	live->hosts[at].channel = HF_CHANNEL_UDP;
	live->hosts[at].interface = "none";
	live->hosts[at].interface_at = 0;
	live->indices[at] = (uint16_t)at;
}

static bool make_beside(struct hf_live *live)
{
	size_t n = count_beside(live->audit), at = 0;
	if (!n || !live->config->forward.upstream_count)
		return false;
	live->hosts = calloc(n, sizeof *live->hosts);
	live->indices = calloc(n, sizeof *live->indices);
	if (!live->hosts || !live->indices)
		return false;
	for (size_t i = 0; i < live->audit->resolver_count; i++)
		if (is_beside(&live->audit->resolvers[i]))
			make_host(live, at++, &live->audit->resolvers[i]);
	live->route = (struct hf_route){.zone = {.len = 1},
		.upstreams = live->indices,
		.upstream_count = (uint16_t)n,
		.order = HF_ORDER_LISTED};
	live->forward = live->config->forward;
	live->forward.upstreams = live->hosts;
	live->forward.upstream_count = n;
	live->forward.routes = &live->route;
	live->forward.route_count = 1;
	live->forward.interface_count = 0;
	return true;
}

/* ---- the run ---- */

static void look_at_host(struct hf_live *live, const struct hf_live_conf *conf)
{
	live->audit = malloc(sizeof *live->audit);
	if (!live->audit)
		return;
	hf_audit_init(live->audit, live->config);
	hf_audit_host(live->audit, conf->root);
}

void hf_live_run(
	struct hf_live *live, const struct hf_config *config, const struct hf_live_conf *conf)
{
	struct hf_questions q = {0};
	hf_us began = hf_clock_now(), end = began + conf->deadline;
	*live = (struct hf_live){.config = config};
	if (conf->host)
		look_at_host(live, conf);
	bool beside = live->audit && make_beside(live);
	live->error = hf_questions_of(&config->forward.truth, &config->startup.names, &q);
	live->unasked = q.unasked;
	const size_t names = q.count;
	if (!live->error && !add_zones(&config->forward, &q))
		live->error = -ENOMEM;
	/* The host's are left a third of the time: else a dark upstream would take it all. */
	hf_us share = beside && names ? conf->deadline / 3 : 0;
	if (!live->error)
		live->error = examine(config, &config->forward, &q, end - share - hf_clock_now(),
			&live->examined);
	q.count = names;
	if (!live->error && share)
		examine(config, &live->forward, &q, end - hf_clock_now(), &live->beside);
	free(q.items);
	live->took = hf_clock_now() - began;
}

void hf_live_clear(struct hf_live *live)
{
	hf_examined_free(live->examined);
	hf_examined_free(live->beside);
	free(live->hosts);
	free(live->indices);
	if (live->audit)
		hf_audit_clear(live->audit);
	free(live->audit);
}

/* ---- what it comes to ---- */

enum hf_live_class hf_live_class(const struct hf_finding *finding)
{
	switch (finding->found) {
	case HF_FOUND_TRUE: return HF_LIVE_GOOD;
	case HF_FOUND_LIE:
	case HF_FOUND_DENIED:
	case HF_FOUND_UNSURE: return HF_LIVE_FAILURE;
	case HF_FOUND_NOT_ASKED:
	case HF_FOUND_UNPROVEN:
	case HF_FOUND_SILENT:
	case HF_FOUND_FAILED:
	case HF_FOUNDS: break;
	}
	return HF_LIVE_ERROR;
}

struct sums {
	size_t good, failures, errors;
};

static void sum(const struct hf_examined *examined, struct sums *ret)
{
	for (size_t i = 0; examined && i < examined->findings.count; i++) {
		enum hf_live_class class = hf_live_class(&examined->findings.items[i]);
		ret->good += class == HF_LIVE_GOOD;
		ret->failures += class == HF_LIVE_FAILURE;
		ret->errors += class == HF_LIVE_ERROR;
	}
}

/* That a resolver of the host is silent harms nobody whose programs do not ask it. */
static struct sums sums_of(const struct hf_live *live)
{
	struct sums s = {0}, beside = {0};
	sum(live->examined, &s);
	sum(live->beside, &beside);
	s.failures += beside.failures;
	s.good += beside.good;
	if (live->audit)
		s.failures += hf_audit_findings(live->audit);
	if (!live->examined || live->examined->findings.refused)
		s.errors++;
	return s;
}

int hf_live_exit(const struct hf_live *live)
{
	struct sums s = sums_of(live);
	return s.failures ? HF_EXIT_FAULT : s.errors ? HF_EXIT_UNREACHED : HF_EXIT_GOOD;
}

/* ---- the object ---- */

static json_t *proposals_json(const struct hf_examined *examined)
{
	json_t *list = json_array();
	for (size_t i = 0; examined && i < examined->findings.question_count; i++) {
		struct hf_text text = hf_text(4096);
		hf_finding_propose(examined, &examined->findings.questions[i], &text);
		if (text.bytes)
			json_array_append_new(list, json_string(text.bytes));
		hf_text_clear(&text);
	}
	return list;
}

static json_t *resolver_json(const struct hf_audit_resolver *r)
{
	char address[HF_ADDRESS_TEXT_MAX];
	json_t *one = json_object();
	hf_json_put(one, "address", json_string(hf_address_text(&r->address, address)));
	hf_json_put(one, "file", json_string(r->file));
	hf_json_put(one, "line", json_integer(r->line));
	hf_json_put(one, "is", json_string(hf_audit_is_text(r->is)));
	hf_json_put(one, "dhcp", json_boolean(r->dhcp));
	hf_json_put(one, "asked_by_programs", json_boolean(r->direct));
	return one;
}

static json_t *item_json(const struct hf_audit_item *item)
{
	json_t *one = json_object();
	hf_json_put(one, "severity", json_string(item->finding ? "finding" : "note"));
	hf_json_put(one, "file", json_string(item->file));
	hf_json_put(one, "line", json_integer(item->line));
	hf_json_put(one, "what", json_string(item->what));
	hf_json_put(one, "instead", json_string(item->instead));
	return one;
}

static json_t *audit_json(const struct hf_audit *audit)
{
	json_t *host = json_object(), *resolvers = json_array(), *items = json_array(),
	       *files = json_array();
	for (size_t i = 0; i < audit->resolver_count; i++)
		json_array_append_new(resolvers, resolver_json(&audit->resolvers[i]));
	for (size_t i = 0; i < audit->count; i++)
		json_array_append_new(items, item_json(&audit->items[i]));
	for (size_t i = 0; i < audit->file_count; i++)
		json_array_append_new(files, json_string(audit->files[i]));
	hf_json_put(host, "resolvers", resolvers);
	hf_json_put(host, "items", items);
	hf_json_put(host, "files", files);
	hf_json_put(host, "more", json_boolean(audit->more));
	return host;
}

json_t *hf_live_json(const struct hf_live *live)
{
	struct sums s = sums_of(live);
	int status = hf_live_exit(live);
	json_t *all = json_object();
	hf_json_put(all, "good", json_boolean(status == HF_EXIT_GOOD));
	hf_json_put(all, "exit", json_integer(status));
	hf_json_put(all, "configuration", json_string(live->config->source));
	hf_json_put(all, "findings", json_integer((json_int_t)s.failures));
	hf_json_put(all, "could_not_ask", json_integer((json_int_t)s.errors));
	hf_json_put(
		all, "error", live->error ? json_string(hf_strerror(live->error)) : json_null());
	hf_json_put(all, "late", json_boolean(live->examined && live->examined->late));
	hf_json_put(all, "took_ms", json_integer((json_int_t)(live->took / HF_MS)));
	hf_json_put(all, "without_example", json_integer((json_int_t)live->unasked));
	hf_json_put(all, "refused",
		json_integer(live->examined ? (json_int_t)live->examined->findings.refused : 0));
	hf_json_put(all, "upstreams",
		live->examined ? hf_findings_upstreams_json(live->examined) : json_array());
	hf_json_put(
		all, "answers", live->examined ? hf_findings_json(live->examined) : json_array());
	hf_json_put(all, "proposals", proposals_json(live->examined));
	hf_json_put(
		all, "host_answers", live->beside ? hf_findings_json(live->beside) : json_array());
	hf_json_put(all, "host", live->audit ? audit_json(live->audit) : json_null());
	return all;
}

/* ---- the page ---- */

/* Is it one of those that show that an upstream says nothing at all? */
static bool is_quiet(const struct hf_finding *f)
{
	return f->found == HF_FOUND_SILENT || f->found == HF_FOUND_NOT_ASKED || f->untrusted;
}

/* How many questions each upstream was to be asked if it has said nothing to any of several;
 * else 0. NULL: no memory, or nothing was asked. */
static size_t *count_dark(const struct hf_examined *examined)
{
	size_t upstreams = examined ? examined->plan->forward->upstream_count : 0;
	size_t *dark = upstreams ? calloc(upstreams, sizeof *dark) : NULL;
	for (size_t i = 0; dark && i < examined->findings.count; i++)
		dark[examined->findings.items[i].upstream]++;
	for (size_t u = 0; dark && u < upstreams; u++)
		dark[u] = dark[u] > 1 ? dark[u] : 0;
	for (size_t i = 0; dark && i < examined->findings.count; i++)
		if (!is_quiet(&examined->findings.items[i]))
			dark[examined->findings.items[i].upstream] = 0;
	return dark;
}

/* One line for an upstream that is dark, however many names there are. */
static void say_errors(const struct hf_examined *examined, FILE *out)
{
	size_t *dark = count_dark(examined);
	for (size_t i = 0; examined && i < examined->findings.count; i++) {
		const struct hf_finding *f = &examined->findings.items[i];
		struct hf_text text = hf_text(4096);
		size_t questions = dark ? dark[f->upstream] : 0;
		if (hf_live_class(f) != HF_LIVE_ERROR || questions == SIZE_MAX)
			continue;
		if (questions) {
			hf_finding_say_dark(examined, f, questions, &text);
			dark[f->upstream] = SIZE_MAX;
		} else {
			hf_finding_say(examined, f, &text);
		}
		fprintf(out, "%-9s %s\n", hf_found_name(f->found), text.bytes ? text.bytes : "");
		hf_text_clear(&text);
	}
	free(dark);
}

static void say(const struct hf_examined *examined, enum hf_live_class class, FILE *out)
{
	for (size_t i = 0; examined && i < examined->findings.count; i++) {
		const struct hf_finding *f = &examined->findings.items[i];
		struct hf_text text = hf_text(4096);
		if (hf_live_class(f) != class)
			continue;
		hf_finding_say(examined, f, &text);
		fprintf(out, "%-9s %s\n", hf_found_name(f->found), text.bytes ? text.bytes : "");
		hf_text_clear(&text);
	}
}

static void write_upstreams(const struct hf_examined *examined, FILE *out)
{
	size_t i;
	json_t *u, *list = hf_findings_upstreams_json(examined);
	json_array_foreach(list, i, u)
	{
		json_int_t asked = json_integer_value(json_object_get(u, "asked"));
		json_int_t good = json_integer_value(json_object_get(u, "true"));
		fprintf(out,
			"upstream  %s (%s): %lld of %lld answers true, the slowest after %.1f ms\n",
			json_string_value(json_object_get(u, "name")),
			json_string_value(json_object_get(u, "address")), (long long)good,
			(long long)asked, json_number_value(json_object_get(u, "slowest_ms")));
	}
	json_decref(list);
}

static void write_proposals(const struct hf_examined *examined, FILE *out)
{
	size_t i;
	json_t *line, *list = proposals_json(examined);
	json_array_foreach(list, i, line) fprintf(out, "proposal  %s\n", json_string_value(line));
	json_decref(list);
}

static void write_items(const struct hf_audit *audit, bool findings, FILE *out)
{
	for (size_t i = 0; i < audit->count; i++) {
		const struct hf_audit_item *item = &audit->items[i];
		char line[16] = "";
		if (item->finding != findings)
			continue;
		if (item->line)
			snprintf(line, sizeof line, ":%u", item->line);
		fprintf(out, "%-9s %s%s: %s\n", findings ? "host" : "note", item->file, line,
			item->what);
		if (*item->instead)
			fprintf(out, "          instead: %s\n", item->instead);
	}
}

void hf_live_write_text(const struct hf_live *live, FILE *out)
{
	static const char *const verdicts[] = {
		"good", "a fault was found", "", "could not be asked in full"};
	struct sums s = sums_of(live);
	say(live->examined, HF_LIVE_FAILURE, out);
	say(live->beside, HF_LIVE_FAILURE, out);
	if (live->audit)
		write_items(live->audit, true, out);
	say_errors(live->examined, out);
	write_proposals(live->examined, out);
	if (live->audit)
		write_items(live->audit, false, out);
	if (live->unasked)
		fprintf(out,
			"note      of %zu expectations for all names below one nothing was asked: "
			"they have no examples\n",
			live->unasked);
	if (live->examined && live->examined->findings.refused)
		fprintf(out, "note      %zu questions were not asked: there are too many\n",
			live->examined->findings.refused);
	if (live->error)
		fprintf(out, "error     upstreams could not be asked: %s\n",
			hf_strerror(live->error));
	if (live->examined)
		write_upstreams(live->examined, out);
	fprintf(out, "%s: %s: %zu findings, %zu that could not be asked, %zu true, in %.1f s\n",
		live->config->source, verdicts[hf_live_exit(live)], s.failures, s.errors, s.good,
		(double)live->took / HF_SECOND);
}
