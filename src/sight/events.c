/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sight/events.h"

#include "base/check.h"
#include "base/error.h"
#include "upstream/health.h"

_Static_assert(HF_EVENT_KINDS <= HF_LOG_KINDS, "every kind of event has its own rate");

/* What a change of state means to who reads it. */
static const struct {
	const char *message;
	enum hf_log_level level;
} states[HF_HEALTH_STATES] = {
	[HF_HEALTH_CLOSED] = { "upstream is in use again", HF_LOG_INFO },
	[HF_HEALTH_OPEN] = { "upstream is rested", HF_LOG_WARNING },
	[HF_HEALTH_PROBING] = { "upstream is given a probe", HF_LOG_DEBUG },
	[HF_HEALTH_QUARANTINED] = { "upstream is quarantined", HF_LOG_ERROR },
};

static bool is_state(int64_t state)
{
	return state >= 0 && state < HF_HEALTH_STATES;
}

const char *hf_upstream_state_name(int64_t state)
{
	return is_state(state) ? hf_health_state_name((enum hf_health_state)state) : "unknown";
}

static void say_upstream_state(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("upstream", upstream),
		HF_LOG_TEXT_FIELD("before", hf_upstream_state_name(event->a)),
		HF_LOG_TEXT_FIELD("now", hf_upstream_state_name(event->b)),
		{ .key = NULL },
	};
	if (is_state(event->b))
		hf_log_say(log, states[event->b].level, states[event->b].message, fields);
}

static void say_sockets_short(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	(void)upstream;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("error", hf_strerror(event->a)),
		{ .key = NULL },
	};
	hf_log_say(log, HF_LOG_ERROR, "no socket for a question to an upstream", fields);
}

static const struct {
	const char *name;
	void (*say)(struct hf_log *log, const struct hf_event *event, const char *upstream);
} kinds[HF_EVENT_KINDS] = {
	[HF_EVENT_UPSTREAM_STATE] = { "upstream state", say_upstream_state },
	[HF_EVENT_SOCKETS_SHORT] = { "sockets short", say_sockets_short },
};

const char *hf_event_kind_name(unsigned kind)
{
	return kind < HF_EVENT_KINDS ? kinds[kind].name : "unknown";
}

void hf_events_say(struct hf_event_ring *ring, struct hf_log *log,
	const struct hf_slot_names *names, hf_us now)
{
	struct hf_event event;
	/* A writer that never stops must not keep the reader for ever. */
	for (unsigned left = HF_EVENT_RING; left && hf_event_take(ring, &event); left--) {
		char upstream[256];
		if (hf_unexpected(event.kind >= HF_EVENT_KINDS) || !hf_log_admit(log, event.kind, now))
			continue;
		if (!names->name(names->ctx, event.slot, upstream, sizeof upstream))
			snprintf(upstream, sizeof upstream, "(gone)");
		kinds[event.kind].say(log, &event, upstream);
	}
}
