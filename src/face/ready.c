/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/ready.h"

#include <jansson.h>

#include "base/check.h"
#include "base/error.h"
#include "face/json_parts.h"
#include "serve/server.h"

/* 2024-01-01: no clock of a host that runs this can truthfully show less. Certificates and
 * signed transfers cannot be judged by one that does. */
#define WALL_MIN INT64_C(1704067200)

void hf_ready_init(
	struct hf_ready *ready, const struct hf_ready_conf *conf, hf_us now, int64_t wall)
{
	*ready = (struct hf_ready){.since_wall = wall};
	pthread_mutex_init(&ready->lock, NULL);
	hf_readiness_init(&ready->machine, conf, now);
	hf_look_add(&ready->look, HF_REASON_STARTUP, HF_REASON_SLOW, NULL, "holdfast is starting");
}

void hf_ready_clear(struct hf_ready *ready)
{
	pthread_mutex_destroy(&ready->lock);
}

void hf_ready_adopt(struct hf_ready *ready, const struct hf_ready_conf *conf)
{
	pthread_mutex_lock(&ready->lock);
	hf_readiness_adopt(&ready->machine, conf);
	pthread_mutex_unlock(&ready->lock);
}

/* ---- looking ---- */

static void gather(const struct hf_ready_sight *sight, struct hf_look *look)
{
	if (sight->draining) /* nothing else matters, and the server is being taken apart */
		hf_look_add(
			look, HF_REASON_DRAINING, HF_REASON_AT_ONCE, NULL, "holdfast is stopping");
	else
		hf_server_look(sight->server, look);
	if (sight->wall < WALL_MIN)
		hf_look_add(look, HF_REASON_CLOCK, HF_REASON_SLOW, NULL,
			"the clock of this host shows a time long gone by: certificates cannot be "
			"judged");
	look->held = sight->stale ? hf_server_cache_figures(sight->server).entries : 0;
}

bool hf_ready_look(struct hf_ready *ready, const struct hf_ready_sight *sight)
{
	struct hf_look look;
	hf_look_begin(&look);
	gather(sight, &look);
	pthread_mutex_lock(&ready->lock);
	bool changed = hf_readiness_judge(&ready->machine, &look, sight->now);
	hf_look_copy(&ready->look, &look);
	ready->draining = sight->draining;
	if (changed)
		ready->since_wall = sight->wall;
	pthread_mutex_unlock(&ready->lock);
	return changed;
}

void hf_ready_read(struct hf_ready *ready, struct hf_ready_view *ret)
{
	pthread_mutex_lock(&ready->lock);
	ret->ready = ready->machine.ready;
	ret->since = ready->machine.since;
	ret->changes = ready->machine.changes;
	ret->draining = ready->draining;
	ret->since_wall = ready->since_wall;
	hf_look_copy(&ret->look, &ready->look);
	pthread_mutex_unlock(&ready->lock);
}

/* ---- showing ---- */

/* A text about a zone names it already, or it is put in front. */
static void write_reason(const struct hf_reason *reason, FILE *out)
{
	bool named = !reason->what[0] || strstr(reason->text, reason->what);
	fprintf(out, "%s%s%s\n", named ? "" : reason->what, named ? "" : ": ", reason->text);
}

static void write_those(const struct hf_ready_view *view, enum hf_reason_weight least, FILE *out)
{
	for (size_t i = 0; i < view->look.reason_count; i++)
		if (view->look.reasons[i].weight >= least)
			write_reason(&view->look.reasons[i], out);
	if (view->look.left_out)
		fprintf(out, "and %zu more\n", view->look.left_out);
}

void hf_ready_write_reasons(const struct hf_ready_view *view, FILE *out)
{
	if (!view->ready)
		write_those(view, HF_REASON_SLOW, out);
}

void hf_ready_write_text(const struct hf_ready_view *view, FILE *out)
{
	fprintf(out, "%s\n", view->ready ? "ready" : "not ready");
	write_those(view, view->ready ? HF_REASON_NOTED : HF_REASON_SLOW, out);
}

static json_t *describe_reason(const struct hf_reason *reason)
{
	static const char *const weights[] = {
		[HF_REASON_NOTED] = "noted",
		[HF_REASON_SLOW] = "slow",
		[HF_REASON_AT_ONCE] = "at once",
	};
	/* Cut text may end inside a character. */
	json_t *text = json_string(reason->text);
	return json_pack("{s:s, s:s, s:o, s:s}", "kind", hf_reason_kind_name(reason->kind), "what",
		reason->what, "text", text ? text : json_string("(not UTF-8)"), "weight",
		weights[reason->weight]);
}

static json_t *describe(const struct hf_ready_view *view, hf_us now)
{
	json_t *reasons = json_array();
	for (size_t i = 0; i < view->look.reason_count; i++)
		json_array_append_new(reasons, describe_reason(&view->look.reasons[i]));
	return json_pack("{s:b, s:s, s:I, s:f, s:I, s:I, s:o}", "ready", view->ready, "state",
		view->draining ? "stopping"
		: view->ready  ? "ready"
			       : "not ready",
		"since", (json_int_t)view->since_wall, "seconds",
		(double)(now - view->since) / HF_SECOND, "changes", (json_int_t)view->changes,
		"reasons_left_out", (json_int_t)view->look.left_out, "reasons", reasons);
}

int hf_ready_write_json(const struct hf_ready_view *view, hf_us now, FILE *out)
{
	json_t *object = describe(view, now);
	if (!object)
		return -ENOMEM;
	int error = json_dumpf(object, out, JSON_INDENT(2) | HF_JSON_REALS) < 0 ? -ENOMEM : 0;
	fprintf(out, "\n");
	json_decref(object);
	return error;
}
