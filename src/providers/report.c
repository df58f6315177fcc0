/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "providers/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

const char *const hf_finding_ids[] = {"unreachable", "no-route", "lame", "transports", "one-family",
	"behind", "ahead", "drift", "ttl-drift", "transfer", "not-delegated", "ns-only-parent",
	"ns-only-child", "ns-stray", "ns-drift", "glue-stale", "glue-missing", "ds-mismatch",
	"ds-without-key", "unsigned-delegation", "key-drift", "one-provider", "one-network",
	"one-domain", "soa-timers", "negative-ttl", "ttl-high", "without", "without-delegation",
	"parent-unasked", "source-unasked", "server-unasked", "late", NULL};

static bool is_accepted(const struct hf_outlook *look, const char *id)
{
	for (size_t i = 0; i < look->conf->accept.count; i++)
		if (strcmp(look->conf->accept.items[i], id) == 0)
			return true;
	return false;
}

/* What there is no room for is written here and not kept. */
static struct hf_provider_finding *place_for(struct hf_report *report)
{
	if (report->count < HF_REPORT_FINDINGS)
		return &report->items[report->count++];
	report->more++;
	return &report->items[HF_REPORT_FINDINGS];
}

struct hf_provider_finding *hf_report_add(struct hf_reporting *r, enum hf_weight weight,
	const char *id, const struct hf_outlook_server *server, const char *format, ...)
{
	struct hf_provider_finding *f = place_for(r->report);
	va_list args;
	*f = (struct hf_provider_finding){.id = id,
		.weight = is_accepted(r->look, id) ? HF_WEIGHT_NOTE : weight,
		.provider = server && server->provider ? server->provider->name : NULL};
	if (server)
		f->address = server->address;
	va_start(args, format);
	vsnprintf(f->text, sizeof f->text, format, args);
	va_end(args);
	r->report->of[f->weight]++;
	return f;
}

void hf_report_todo(struct hf_provider_finding *finding, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(finding->todo, sizeof finding->todo, format, args);
	va_end(args);
}

const char *hf_report_who(const struct hf_outlook_server *server, char buf[static HF_WHO_MAX])
{
	char name[HF_NAME_TEXT_MAX], address[HF_ADDRESS_TEXT_MAX];
	bool named = server->name.len, placed = hf_address_set(&server->address);
	if (named)
		hf_name_text(server->name.bytes, name);
	if (placed)
		hf_address_text(&server->address, address);
	snprintf(buf, HF_WHO_MAX, "%s%s%s%s%s%s",
		named    ? name
		: placed ? address
			 : "a server",
		named && placed ? " (" : "", named && placed ? address : "",
		named && placed ? ")" : "", server->provider ? " of provider " : "",
		server->provider ? server->provider->name : "");
	return buf;
}

/* Stable by weight; within one, as they were found. */
static void put_in_order(struct hf_report *report)
{
	struct hf_provider_finding *from = report->items;
	struct hf_provider_finding *to = calloc(HF_REPORT_FINDINGS + 1, sizeof *to);
	size_t n = 0;
	if (!to)
		return;
	for (int weight = HF_WEIGHT_FAULT; weight <= HF_WEIGHT_NOTE; weight++)
		for (size_t i = 0; i < report->count; i++)
			if (from[i].weight == (enum hf_weight)weight)
				to[n++] = from[i];
	report->items = to;
	free(from);
}

static void say_what_is_missing(struct hf_reporting *r)
{
	const struct hf_outlook *look = r->look;
	if (look->late)
		hf_report_todo(hf_report_add(r, HF_WEIGHT_UNASKED, "late", NULL,
				       "the time was over before all had been heard"),
			"give it a longer --deadline");
	if (look->source_fault[0])
		hf_report_todo(hf_report_add(r, HF_WEIGHT_UNASKED, "source-unasked", NULL,
				       "the source cannot be had: %s; providers were only "
				       "compared with each other",
				       look->source_fault),
			"see `source` of the delegation");
	if (look->servers_more)
		hf_report_add(r, HF_WEIGHT_UNASKED, "server-unasked", NULL,
			"%zu addresses of servers were not asked: there are more than %d",
			look->servers_more, HF_OUTLOOK_SERVERS);
}

int hf_report_new(const struct hf_outlook *look, struct hf_report **ret)
{
	struct hf_report *report = calloc(1, sizeof *report);
	struct hf_reporting r = {.look = look, .report = report};
	if (report)
		report->items = calloc(HF_REPORT_FINDINGS + 1, sizeof *report->items);
	if (!report || !report->items) {
		free(report);
		return -ENOMEM;
	}
	if (look->without)
		hf_report_without(&r);
	hf_report_servers(&r);
	if (!look->without) {
		hf_report_delegation(&r);
		hf_report_zone(&r);
	}
	say_what_is_missing(&r);
	put_in_order(report);
	*ret = report;
	return 0;
}

void hf_report_free(struct hf_report *report)
{
	if (!report)
		return;
	free(report->items);
	free(report);
}
