/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/outside.h"

#include <jansson.h>

#include "base/check.h"
#include "base/error.h"
#include "face/command.h"
#include "face/json_parts.h"
#include "face/junit.h"
#include "truth/serials.h"

static const char *const weights[] = {
	[HF_WEIGHT_FAULT] = "fault",
	[HF_WEIGHT_UNASKED] = "unasked",
	[HF_WEIGHT_NOTE] = "note",
};

void hf_outside_clear(struct hf_outside *outside)
{
	hf_report_free(outside->report);
	hf_outlook_free(outside->look);
	*outside = (struct hf_outside){.look = NULL};
}

static int exit_of(const struct hf_outside *o)
{
	if (!o->report)
		return HF_EXIT_UNREACHED;
	return o->report->of[HF_WEIGHT_FAULT]     ? HF_EXIT_FAULT
	       : o->report->of[HF_WEIGHT_UNASKED] ? HF_EXIT_UNREACHED
						  : HF_EXIT_GOOD;
}

int hf_outside_exit(const struct hf_outside *zones, size_t count)
{
	bool unreached = false;
	for (size_t i = 0; i < count; i++) {
		int status = exit_of(&zones[i]);
		if (status == HF_EXIT_FAULT)
			return status;
		unreached |= status == HF_EXIT_UNREACHED;
	}
	return unreached ? HF_EXIT_UNREACHED : HF_EXIT_GOOD;
}

/* ---- the page ---- */

static const char *compared_text(const struct hf_outlook_server *s, char buf[static 96])
{
	if (s->compared == HF_OUTLOOK_BEHIND)
		return "records not compared: another version";
	if (s->compared == HF_OUTLOOK_NOT && s->copy)
		return "its records are what others are compared with";
	if (s->compared == HF_OUTLOOK_NOT)
		return "records not compared";
	snprintf(buf, 96, "%zu sets of records compared%s, %zu differ", s->sets,
		s->compared == HF_OUTLOOK_WHOLE ? ", the whole zone" : "", s->drifted);
	return buf;
}

static void write_server(const struct hf_outlook_server *s, FILE *out)
{
	char who[HF_WHO_MAX], compared[96];
	hf_report_who(s, who);
	if (s->away)
		fprintf(out, "server    %s: left alone\n", who);
	else if (s->authoritative)
		fprintf(out, "server    %s: serial %u, %s; the first answer after %.1f ms\n", who,
			s->soa.serial, compared_text(s, compared), (double)s->took / HF_MS);
	else if (hf_address_set(&s->address))
		fprintf(out, "server    %s: no answer with authority\n", who);
}

static void write_finding(const struct hf_provider_finding *f, FILE *out)
{
	fprintf(out, "%-9s %s [%s]\n", weights[f->weight], f->text, f->id);
	if (f->todo[0] && f->weight != HF_WEIGHT_NOTE)
		fprintf(out, "          instead: %s\n", f->todo);
}

void hf_outside_write_text(const struct hf_outside *o, FILE *out)
{
	static const char *const verdicts[] = {
		"good", "a fault was found", "", "could not be asked in full"};
	char zone[HF_NAME_TEXT_MAX];
	hf_name_text(o->delegation->zone.bytes, zone);
	if (!o->report) {
		fprintf(out, "%s: could not be looked at: %s\n", zone, hf_strerror(o->error));
		return;
	}
	for (size_t i = 0; i < o->report->count; i++)
		write_finding(&o->report->items[i], out);
	if (o->report->more)
		fprintf(out, "note      %zu further findings are not listed\n", o->report->more);
	for (size_t i = 0; i < o->look->server_count; i++)
		write_server(&o->look->servers[i], out);
	if (o->look->has_source)
		fprintf(out, "source    %s: serial %u\n", o->look->source, o->look->source_serial);
	fprintf(out, "%s: %s: %zu faults, %zu that could not be asked, %zu notes, in %.1f s\n",
		zone, verdicts[exit_of(o)], o->report->of[HF_WEIGHT_FAULT],
		o->report->of[HF_WEIGHT_UNASKED], o->report->of[HF_WEIGHT_NOTE],
		(double)o->look->took / HF_SECOND);
}

/* ---- the object ---- */

static json_t *name_json(const struct hf_name *name)
{
	char text[HF_NAME_TEXT_MAX];
	return name->len ? json_string(hf_name_text(name->bytes, text)) : json_null();
}

static json_t *address_json(const struct hf_address *address)
{
	char text[HF_ADDRESS_TEXT_MAX];
	return hf_address_set(address) ? json_string(hf_address_text(address, text)) : json_null();
}

static json_t *finding_json(const struct hf_provider_finding *f)
{
	json_t *one = json_object();
	hf_json_put(one, "id", json_string(f->id));
	hf_json_put(one, "severity", json_string(weights[f->weight]));
	hf_json_put(one, "provider", f->provider ? json_string(f->provider) : json_null());
	hf_json_put(one, "server", address_json(&f->address));
	hf_json_put(one, "text", json_string(f->text));
	hf_json_put(one, "instead", f->todo[0] ? json_string(f->todo) : json_null());
	return one;
}

static json_t *server_json(const struct hf_outlook *look, const struct hf_outlook_server *s)
{
	static const char *const compared[] = {[HF_OUTLOOK_NOT] = "no",
		[HF_OUTLOOK_BEHIND] = "other version",
		[HF_OUTLOOK_SAMPLED] = "sampled",
		[HF_OUTLOOK_WHOLE] = "whole"};
	json_t *one = json_object();
	bool behind = s->authoritative && look->newest_known &&
		      hf_serial_older(s->soa.serial, look->newest);
	hf_json_put(one, "provider", s->provider ? json_string(s->provider->name) : json_null());
	hf_json_put(one, "name", name_json(&s->name));
	hf_json_put(one, "address", address_json(&s->address));
	hf_json_put(one, "left_alone", json_boolean(s->away));
	hf_json_put(one, "udp", json_string(hf_reach_text(s->udp)));
	hf_json_put(one, "tcp", json_string(hf_reach_text(s->tcp)));
	hf_json_put(one, "authoritative", json_boolean(s->authoritative));
	hf_json_put(one, "serial", s->authoritative ? json_integer(s->soa.serial) : json_null());
	hf_json_put(one, "behind",
		json_integer(behind ? (json_int_t)(look->newest - s->soa.serial) : 0));
	hf_json_put(one, "compared", json_string(compared[s->compared]));
	hf_json_put(one, "sets", json_integer((json_int_t)s->sets));
	hf_json_put(one, "differ", json_integer((json_int_t)s->drifted));
	hf_json_put(one, "first_answer_ms", s->took ? hf_json_ms(s->took) : json_null());
	return one;
}

static json_t *parent_json(const struct hf_outlook_parent *p)
{
	json_t *one = json_object();
	hf_json_put(one, "address", address_json(&p->address));
	hf_json_put(one, "reach", json_string(hf_reach_text(p->reach)));
	hf_json_put(one, "delegates", json_boolean(p->delegates));
	hf_json_put(one, "ns", json_integer(p->ns.count));
	hf_json_put(one, "ds", json_integer(p->ds.count));
	return one;
}

static void put_look(json_t *zone, const struct hf_outlook *look)
{
	json_t *servers = json_array(), *parents = json_array();
	for (size_t i = 0; i < look->server_count; i++)
		json_array_append_new(servers, server_json(look, &look->servers[i]));
	for (size_t i = 0; i < look->parent_count; i++)
		json_array_append_new(parents, parent_json(&look->parents[i]));
	hf_json_put(zone, "without", look->without ? json_string(look->without) : json_null());
	hf_json_put(zone, "source", look->has_source ? json_string(look->source) : json_null());
	hf_json_put(zone, "serial", look->newest_known ? json_integer(look->newest) : json_null());
	hf_json_put(zone, "late", json_boolean(look->late));
	hf_json_put(zone, "took_ms", json_integer((json_int_t)(look->took / HF_MS)));
	hf_json_put(zone, "servers", servers);
	hf_json_put(zone, "parents", parents);
}

static json_t *zone_json(const struct hf_outside *o)
{
	json_t *zone = json_object(), *findings = json_array();
	hf_json_put(zone, "zone", name_json(&o->delegation->zone));
	hf_json_put(zone, "good", json_boolean(exit_of(o) == HF_EXIT_GOOD));
	hf_json_put(zone, "error", o->report ? json_null() : json_string(hf_strerror(o->error)));
	for (size_t i = 0; o->report && i < o->report->count; i++)
		json_array_append_new(findings, finding_json(&o->report->items[i]));
	hf_json_put(zone, "findings", findings);
	if (!o->report)
		return zone;
	hf_json_put(zone, "not_listed", json_integer((json_int_t)o->report->more));
	put_look(zone, o->look);
	if (o->look->without) {
		hf_json_put(zone, "tried", json_integer((json_int_t)o->report->tried));
		hf_json_put(zone, "left", json_integer((json_int_t)o->report->left));
	}
	return zone;
}

json_t *hf_outside_json(const struct hf_outside *zones, size_t count)
{
	int status = hf_outside_exit(zones, count);
	json_t *all = json_object(), *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, zone_json(&zones[i]));
	hf_json_put(all, "good", json_boolean(status == HF_EXIT_GOOD));
	hf_json_put(all, "exit", json_integer(status));
	hf_json_put(all, "zones", list);
	return all;
}

/* ---- JUnit ---- */

static void open_case(const char *zone, const char *name, FILE *out)
{
	fprintf(out, "    <testcase");
	hf_junit_attribute(out, "classname", zone);
	hf_junit_attribute(out, "name", name);
	fprintf(out, ">");
}

static void write_zone(const struct hf_outside *o, FILE *out)
{
	char zone[HF_NAME_TEXT_MAX], name[HF_WHO_MAX],
		message[HF_FINDING_TEXT_MAX + HF_FINDING_TODO_MAX + 4];
	const struct hf_report *report = o->report;
	size_t servers = report ? o->look->server_count : 0;
	hf_name_text(o->delegation->zone.bytes, zone);
	hf_junit_open_suite(out, zone, report ? report->count + servers : 1,
		report ? report->of[HF_WEIGHT_FAULT] : 0,
		report ? report->of[HF_WEIGHT_UNASKED] : 1);
	for (size_t i = 0; i < servers; i++) {
		open_case(zone, hf_report_who(&o->look->servers[i], name), out);
		fprintf(out, "</testcase>\n");
	}
	for (size_t i = 0; report && i < report->count; i++) {
		const struct hf_provider_finding *f = &report->items[i];
		open_case(zone, f->id, out);
		snprintf(message, sizeof message, "%s%s%s", f->text, f->todo[0] ? "; " : "",
			f->todo);
		if (f->weight != HF_WEIGHT_NOTE)
			hf_junit_result(out, f->weight == HF_WEIGHT_FAULT ? "failure" : "error",
				f->id, message);
		fprintf(out, "</testcase>\n");
	}
	if (!report) {
		open_case(zone, "looked at", out);
		hf_junit_result(out, "error", "system", hf_strerror(o->error));
		fprintf(out, "</testcase>\n");
	}
	fprintf(out, "  </testsuite>\n");
}

void hf_outside_write_junit(const struct hf_outside *zones, size_t count, FILE *out)
{
	fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"holdfast "
		     "providers\">\n");
	for (size_t i = 0; i < count; i++)
		write_zone(&zones[i], out);
	fprintf(out, "</testsuites>\n");
}
