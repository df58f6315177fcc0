/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/readiness.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- what was seen ---- */

const char *hf_reason_kind_name(enum hf_reason_kind kind)
{
	static const char *const names[HF_REASON_KINDS] = {
		[HF_REASON_STARTUP] = "startup",
		[HF_REASON_SETTLING] = "settling",
		[HF_REASON_UPSTREAM] = "upstream",
		[HF_REASON_ZONE] = "zone",
		[HF_REASON_SIBLING] = "sibling",
		[HF_REASON_CLOCK] = "clock",
		[HF_REASON_DRAINING] = "draining",
	};
	return names[kind];
}

void hf_look_add(struct hf_look *look, enum hf_reason_kind kind, enum hf_reason_weight weight,
	const char *what, const char *format, ...)
{
	va_list args;
	look->kinds[kind]++;
	if (look->reason_count == HF_REASONS_MAX) {
		look->left_out++;
		if (weight > look->worst_left_out)
			look->worst_left_out = weight;
		return;
	}
	struct hf_reason *reason = &look->reasons[look->reason_count++];
	*reason = (struct hf_reason){.kind = kind, .weight = weight};
	snprintf(reason->what, sizeof reason->what, "%s", what ? what : "");
	va_start(args, format);
	vsnprintf(reason->text, sizeof reason->text, format, args);
	va_end(args);
}

const struct hf_reason *hf_look_worst(const struct hf_look *look)
{
	const struct hf_reason *worst = NULL;
	for (size_t i = 0; i < look->reason_count; i++)
		if (!worst || look->reasons[i].weight > worst->weight)
			worst = &look->reasons[i];
	return worst;
}

/* ---- the machine ---- */

void hf_readiness_adopt(struct hf_readiness *readiness, const struct hf_ready_conf *conf)
{
	readiness->rise = conf->rise;
	readiness->fall = conf->fall;
	readiness->hold = conf->hold;
	readiness->upstreams = conf->upstreams;
	readiness->held = conf->held;
}

void hf_readiness_init(struct hf_readiness *readiness, const struct hf_ready_conf *conf, hf_us now)
{
	*readiness = (struct hf_readiness){
		.since = now,
		.good_since = HF_READINESS_UNSEEN,
		.bad_since = HF_READINESS_UNSEEN,
	};
	hf_readiness_adopt(readiness, conf);
}

/* Does it matter that an upstream is away? */
static enum hf_reason_weight upstream_weight(
	const struct hf_readiness *readiness, const struct hf_look *look)
{
	if (readiness->upstreams == HF_READY_NONE)
		return HF_REASON_NOTED;
	if (readiness->upstreams == HF_READY_ALL)
		return HF_REASON_SLOW;
	bool enough = look->routes_usable || (readiness->held && look->held >= readiness->held);
	return enough ? HF_REASON_NOTED : HF_REASON_SLOW;
}

static enum hf_reason_weight weigh(const struct hf_readiness *readiness, struct hf_look *look)
{
	enum hf_reason_weight of_upstreams = upstream_weight(readiness, look);
	enum hf_reason_weight worst = look->worst_left_out;
	for (size_t i = 0; i < look->reason_count; i++) {
		if (look->reasons[i].kind == HF_REASON_UPSTREAM)
			look->reasons[i].weight = of_upstreams;
		if (look->reasons[i].weight > worst)
			worst = look->reasons[i].weight;
	}
	if (look->left_out && look->kinds[HF_REASON_UPSTREAM] && of_upstreams > worst)
		worst = of_upstreams;
	return worst;
}

static void remember(struct hf_readiness *readiness, bool good, hf_us now)
{
	hf_us *is = good ? &readiness->good_since : &readiness->bad_since;
	hf_us *is_not = good ? &readiness->bad_since : &readiness->good_since;
	if (*is == HF_READINESS_UNSEEN)
		*is = now;
	*is_not = HF_READINESS_UNSEEN;
}

static bool should_be_ready(
	const struct hf_readiness *readiness, enum hf_reason_weight worst, hf_us now)
{
	bool held = now - readiness->since >= readiness->hold;
	if (worst == HF_REASON_AT_ONCE)
		return false;
	if (worst == HF_REASON_SLOW)
		return readiness->ready && !(held && now - readiness->bad_since >= readiness->fall);
	return readiness->ready ||
	       (now - readiness->good_since >= readiness->rise && (held || !readiness->ever));
}

static double seconds(hf_us us)
{
	return (double)us / HF_SECOND;
}

/* Good, and not ready: what is being waited for. */
static void say_settling(const struct hf_readiness *readiness, struct hf_look *look, hf_us now)
{
	hf_us good = now - readiness->good_since, out = now - readiness->since;
	if (good >= readiness->rise)
		hf_look_add(look, HF_REASON_SETTLING, HF_REASON_SLOW, NULL,
			"withdrawn for %.1f s of the %.1f s that ready.hold asks for", seconds(out),
			seconds(readiness->hold));
	else
		hf_look_add(look, readiness->ever ? HF_REASON_SETTLING : HF_REASON_STARTUP,
			HF_REASON_SLOW, NULL,
			"good for %.1f s of the %.1f s that ready.rise asks for", seconds(good),
			seconds(readiness->rise));
}

bool hf_readiness_judge(struct hf_readiness *readiness, struct hf_look *look, hf_us now)
{
	enum hf_reason_weight worst = weigh(readiness, look);
	remember(readiness, worst == HF_REASON_NOTED, now);
	bool ready = should_be_ready(readiness, worst, now);
	bool changed = ready != readiness->ready;
	if (changed) {
		readiness->ready = ready;
		readiness->ever |= ready;
		readiness->since = now;
		readiness->changes++;
	}
	if (!ready && worst == HF_REASON_NOTED)
		say_settling(readiness, look, now);
	return changed;
}
