/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sight/events.h"

#include "base/check.h"
#include "base/error.h"
#include "truth/judge.h"
#include "truth/proof.h"
#include "upstream/health.h"
#include "wire/name.h"
#include "zone/gate.h"
#include "zone/zones.h"

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

/* A probe that failed is the outage that was told of already. */
static enum hf_log_level level_of(const struct hf_event *event)
{
	bool again = event->a == HF_HEALTH_PROBING && event->b == HF_HEALTH_OPEN;
	return again ? HF_LOG_DEBUG : states[event->b].level;
}

static void say_upstream_state(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	char zone[HF_NAME_TEXT_MAX];
	bool opened = event->b == HF_HEALTH_OPEN;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("upstream", upstream),
		HF_LOG_TEXT_FIELD("before", hf_upstream_state_name(event->a)),
		HF_LOG_TEXT_FIELD("now", hf_upstream_state_name(event->b)),
		HF_LOG_TEXT_FIELD(event->about_len ? "zone" : opened ? "because" : NULL,
			event->about_len ? hf_name_text(event->about, zone)
					 : hf_outcome_text((enum hf_outcome)event->c)),
		HF_LOG_TEXT_FIELD(event->about_len && opened ? "because" : NULL,
			hf_outcome_text((enum hf_outcome)event->c)),
		{ .key = NULL },
	};
	if (is_state(event->b))
		hf_log_say(log, level_of(event), states[event->b].message, fields);
}

static void say_cap(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	bool lifted = event->kind == HF_EVENT_CAP_LIFTED;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("upstream", upstream),
		HF_LOG_NUMBER_FIELD(lifted ? NULL : "replies", event->a),
		HF_LOG_NUMBER_FIELD(lifted ? NULL : "held_to", event->b),
		{ .key = NULL },
	};
	hf_log_say(log, event->kind == HF_EVENT_CAP_FOUND ? HF_LOG_WARNING : HF_LOG_INFO,
		event->kind == HF_EVENT_CAP_FOUND ? "upstream seems to be capped: replies stay flat while questions grow"
		: lifted ? "upstream is not capped any more"
			 : "upstream's cap has moved", fields);
}

static void say_size_limit(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("upstream", upstream),
		HF_LOG_NUMBER_FIELD("octets", event->a),
		{ .key = NULL },
	};
	hf_log_say(log, HF_LOG_WARNING,
		"large answers of the upstream get lost over UDP: asking for small ones, and TCP", fields);
}

static void say_no_edns(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	(void)event;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("upstream", upstream),
		{ .key = NULL },
	};
	hf_log_say(log, HF_LOG_WARNING, "upstream answers only without EDNS", fields);
}

static void say_sockets_short(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	(void)upstream;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("error", hf_strerror(event->a)),
		{ .key = NULL },
	};
	hf_log_say(log, HF_LOG_ERROR, "no further socket for questions to upstreams", fields);
}

static void say_lie(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	char name[HF_NAME_TEXT_MAX], address[HF_ADDRESS_TEXT_MAX];
	hf_address_text(&event->address, address);
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("upstream", upstream),
		HF_LOG_TEXT_FIELD(
			"name", event->about_len ? hf_name_text(event->about, name) : "(long)"),
		HF_LOG_TEXT_FIELD("lie", hf_lie_name((enum hf_lie)event->a)),
		HF_LOG_TEXT_FIELD("address", hf_address_set(&event->address) ? address : "none"),
		{.key = NULL},
	};
	/* Anybody may give a public name a private address, and need not be an upstream. */
	bool rebind = event->a == HF_LIE_REBIND;
	hf_log_say(log, rebind ? HF_LOG_WARNING : HF_LOG_ERROR,
		rebind ? "an answer is refused" : "an answer is not believed", fields);
}

/* The name has it, perhaps: who passes it on need not have lied. */
static void say_tombstone(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	char name[HF_NAME_TEXT_MAX], address[HF_ADDRESS_TEXT_MAX];
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("upstream", upstream),
		HF_LOG_TEXT_FIELD(
			"name", event->about_len ? hf_name_text(event->about, name) : "(long)"),
		HF_LOG_TEXT_FIELD("address", hf_address_text(&event->address, address)),
		{.key = NULL},
	};
	hf_log_say(log, HF_LOG_WARNING, "an address that is retired is refused", fields);
}

static void say_quarantined(
	struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	char suffix[HF_NAME_TEXT_MAX];
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("upstream", upstream),
		HF_LOG_TEXT_FIELD("suffix", event->b ? "." : event->about_len ? hf_name_text(event->about, suffix) : "(long)"),
		HF_LOG_TEXT_FIELD("lie", hf_lie_name((enum hf_lie)event->a)),
		HF_LOG_TEXT_FIELD("gave", event->why),
		{.key = NULL},
	};
	hf_log_say(log, HF_LOG_ERROR,
		event->b ? "upstream is quarantined for all names" : "upstream is quarantined", fields);
}

static void say_released(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	char suffix[HF_NAME_TEXT_MAX];
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("upstream", upstream),
		HF_LOG_TEXT_FIELD("suffix", event->b ? "." : event->about_len ? hf_name_text(event->about, suffix) : "(long)"),
		HF_LOG_TEXT_FIELD("because", event->a == HF_RELEASED_RELOAD ? "this is not expected any more" : "it tells the truth again"),
		HF_LOG_NUMBER_FIELD("seconds", event->c),
		{.key = NULL},
	};
	hf_log_say(log, HF_LOG_INFO, "upstream is out of quarantine", fields);
}

static void say_zone(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	static const char *const messages[HF_EVENT_KINDS] = {
		[HF_EVENT_ZONE_BEHIND] = "upstream serves an older zone than the others: it is not asked for it",
		[HF_EVENT_ZONE_CAUGHT_UP] = "upstream has caught up with the zone",
		[HF_EVENT_SERIAL_DOUBTED] = "upstream alone claims a newer zone: that is not believed",
	};
	char zone[HF_NAME_TEXT_MAX];
	bool caught_up = event->kind == HF_EVENT_ZONE_CAUGHT_UP;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("upstream", upstream),
		HF_LOG_TEXT_FIELD("zone", event->about_len ? hf_name_text(event->about, zone) : "(long)"),
		HF_LOG_NUMBER_FIELD(caught_up ? "seconds" : "serial", caught_up ? event->c : (int64_t)(uint32_t)event->a),
		HF_LOG_NUMBER_FIELD(caught_up ? NULL : "others", (int64_t)(uint32_t)event->b),
		{.key = NULL},
	};
	hf_log_say(log, caught_up ? HF_LOG_INFO : HF_LOG_ERROR, messages[event->kind], fields);
}

/* Findings that prove nothing of one upstream. */
static void say_finding(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	static const char *const messages[HF_EVENT_KINDS] = {
		[HF_EVENT_ALL_ANSWER] = "all upstreams answer for a name that cannot exist: they rewrite, or something in the path does",
		[HF_EVENT_CONTRADICTION] = "upstream contradicts the answer that was given, and nothing explains it",
		[HF_EVENT_ABSURD_TTL] = "upstream gives a TTL of over a week",
	};
	char name[HF_NAME_TEXT_MAX], address[HF_ADDRESS_TEXT_MAX];
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("upstream", upstream),
		HF_LOG_TEXT_FIELD("name", event->about_len ? hf_name_text(event->about, name) : "(long)"),
		HF_LOG_TEXT_FIELD("address", hf_address_set(&event->address) ? hf_address_text(&event->address, address) : "none"),
		HF_LOG_NUMBER_FIELD(event->kind == HF_EVENT_ABSURD_TTL ? "ttl" : NULL, event->a),
		{.key = NULL},
	};
	hf_log_say(log, HF_LOG_WARNING, messages[event->kind], fields);
}

static void say_proof(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	char name[HF_NAME_TEXT_MAX], address[HF_ADDRESS_TEXT_MAX];
	(void)upstream;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD(
			"name", event->about_len ? hf_name_text(event->about, name) : "(long)"),
		HF_LOG_TEXT_FIELD("address", hf_address_text(&event->address, address)),
		HF_LOG_TEXT_FIELD("because", event->why),
		{.key = NULL},
	};
	hf_log_say(log, HF_LOG_WARNING,
		event->a == HF_PROOF_FAILS
			? "an address shows a certificate that is not one for the name"
			: "an address shows no certificate for the name",
		fields);
}

static void say_trust_store(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	(void)upstream;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("prove_ca", event->why),
		HF_LOG_TEXT_FIELD("error", hf_strerror(event->a)),
		{.key = NULL},
	};
	hf_log_say(log, HF_LOG_ERROR,
		event->b ? "certificate authorities cannot be read: nothing can be proven by them"
			 : "certificate authorities cannot be read again: those of before go on to count",
		fields);
}

static void say_intercepted(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	char name[HF_NAME_TEXT_MAX], address[HF_ADDRESS_TEXT_MAX];
	(void)upstream;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("asked", hf_address_text(&event->address, address)),
		HF_LOG_TEXT_FIELD("name",
			event->about_len ? hf_name_text(event->about, name) : "(long)"),
		HF_LOG_TEXT_FIELD(event->a ? "answer" : NULL, event->why),
		{.key = NULL},
	};
	if (event->a)
		hf_log_say(log, HF_LOG_WARNING,
			"somebody in the path answers questions that are for others: upstreams in plain "
			"text cannot be trusted on this network, use tls:// upstreams",
			fields);
	else
		hf_log_say(log, HF_LOG_INFO,
			"nobody in the path answers questions that are for others any more",
			fields);
}

static void say_as_one(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("upstream", upstream),
		HF_LOG_TEXT_FIELD("identity", event->why),
		{.key = NULL},
	};
	hf_log_say(log, HF_LOG_WARNING,
		"two upstreams answer as one machine: they are one operator's, or something in the path "
		"answers for both",
		fields);
}

/* Siblings of ours, and ourselves. */
static void say_twin(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	char zone[HF_NAME_TEXT_MAX], address[HF_ADDRESS_TEXT_MAX] = "this node";
	bool behind = event->kind == HF_EVENT_TWIN_BEHIND;
	bool over = event->kind == HF_EVENT_TWIN_CAUGHT_UP;
	bool us = !hf_address_set(&event->address);
	(void)upstream;
	if (!us)
		hf_address_text(&event->address, address);
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("zone",
			event->about_len ? hf_name_text(event->about, zone) : "(long)"),
		HF_LOG_TEXT_FIELD("node", address),
		HF_LOG_NUMBER_FIELD(over ? "seconds" : "serial", over ? (int64_t)event->c : (int64_t)(uint32_t)event->a),
		HF_LOG_NUMBER_FIELD(behind ? "newest" : NULL, (uint32_t)event->b),
		{.key = NULL},
	};
	hf_log_say(log, over ? HF_LOG_INFO : HF_LOG_ERROR,
		over     ? "the node serves what its siblings serve again"
		: behind ? "a node serves an older zone than its siblings"
		: us     ? "this node has other records than its siblings, which agree"
			 : "a sibling has other records under the same serial",
		fields);
}

static void say_vip(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	char zone[HF_NAME_TEXT_MAX], address[HF_ADDRESS_TEXT_MAX];
	bool old = event->kind == HF_EVENT_VIP_OLD;
	(void)upstream;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("zone",
			event->about_len ? hf_name_text(event->about, zone) : "(long)"),
		HF_LOG_TEXT_FIELD("vip", hf_address_text(&event->address, address)),
		HF_LOG_NUMBER_FIELD(old ? "serial" : NULL, (uint32_t)event->a),
		HF_LOG_NUMBER_FIELD(old ? "newest" : NULL, (uint32_t)event->b),
		HF_LOG_TEXT_FIELD(old && event->why[0] ? "shown_by" : NULL, event->why),
		{.key = NULL},
	};
	hf_log_say(log, old ? HF_LOG_ERROR : HF_LOG_INFO,
		old ? "clients get an old zone at the VIP" : "clients get the newest zone at the VIP again",
		fields);
}

static void say_panic(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	char zone[HF_NAME_TEXT_MAX];
	(void)upstream;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("zone",
			event->about_len ? hf_name_text(event->about, zone) : "(long)"),
		HF_LOG_NUMBER_FIELD("serial", (uint32_t)event->b),
		{.key = NULL},
	};
	hf_log_say(log, event->a ? HF_LOG_ERROR : HF_LOG_INFO,
		event->a ? "no node can prove the zone and no primary can be reached: the newest copy is "
			   "served, marked"
			 : "the zone needs no panic any more",
		fields);
}

static const char *about_zone(const struct hf_event *event, char buf[static HF_NAME_TEXT_MAX])
{
	return event->about_len ? hf_name_text(event->about, buf) : "(long)";
}

static void say_zone_loaded(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	char zone[HF_NAME_TEXT_MAX];
	(void)upstream;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("zone", about_zone(event, zone)),
		HF_LOG_NUMBER_FIELD("serial", (uint32_t)event->a),
		HF_LOG_NUMBER_FIELD("records", (uint32_t)event->b),
		HF_LOG_TEXT_FIELD(event->why[0] ? "note" : NULL, event->why),
		{.key = NULL},
	};
	hf_log_say(log, HF_LOG_INFO, "zone: a version is here", fields);
}

static void say_zone_trouble(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	char zone[HF_NAME_TEXT_MAX];
	bool refused = event->kind == HF_EVENT_ZONE_REFUSED;
	bool copy = event->kind == HF_EVENT_ZONE_COPY, put_off = event->kind == HF_EVENT_ZONE_PUT_OFF;
	(void)upstream;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("because", event->why),
		HF_LOG_TEXT_FIELD(event->about_len ? "zone" : NULL, about_zone(event, zone)),
		HF_LOG_NUMBER_FIELD(refused ? "serial" : NULL, (uint32_t)event->a),
		{.key = NULL},
	};
	hf_log_say(log, refused ? HF_LOG_ERROR : HF_LOG_WARNING,
		refused    ? event->b ? "zone: a version is refused, and there is no other"
				      : "zone: a version is refused, the one before stays"
		: copy     ? "zone-state: copies on the disk"
		: put_off  ? "zone: a version has to wait"
		: event->b ? "zone: its source could not be had, and there is no version of before"
			   : "zone: its source could not be had, the version before stays",
		fields);
}

static void say_catalog(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	char zone[HF_NAME_TEXT_MAX];
	(void)upstream;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("catalog", about_zone(event, zone)),
		HF_LOG_NUMBER_FIELD("members", (uint32_t)event->c),
		HF_LOG_NUMBER_FIELD("came", (uint32_t)event->a),
		HF_LOG_NUMBER_FIELD("went", (uint32_t)event->b),
		HF_LOG_NUMBER_FIELD(event->slot ? "passed_over" : NULL, event->slot),
		HF_LOG_TEXT_FIELD(event->why[0] ? "because" : NULL, event->why),
		{.key = NULL},
	};
	hf_log_say(log, event->slot ? HF_LOG_WARNING : HF_LOG_INFO, "catalog: its zones are others", fields);
}

static void say_catalog_group(
	struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	char zone[HF_NAME_TEXT_MAX];
	(void)upstream;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("catalog", about_zone(event, zone)),
		HF_LOG_NUMBER_FIELD("members", (uint32_t)event->a),
		HF_LOG_TEXT_FIELD("because", event->why),
		{.key = NULL},
	};
	hf_log_say(log, HF_LOG_WARNING,
		"catalog: members of groups that are not in catalog-groups go by its own settings",
		fields);
}

static void say_local(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	static const struct {
		enum hf_log_level level;
		const char *text;
	} lines[] = {
		[HF_LOCAL_LOADED] = {HF_LOG_INFO, "local data: a version is here"},
		[HF_LOCAL_REFUSED] = {HF_LOG_ERROR,
			"local data: a version is refused, the one before stays"},
		[HF_LOCAL_PARTLY] = {HF_LOG_ERROR,
			"local data: there are faults; what is good is served"},
		[HF_LOCAL_REMARK] = {HF_LOG_WARNING, "local data: a line is left out"},
	};
	(void)upstream;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("of", event->slot ? "hosts files" : "records"),
		HF_LOG_NUMBER_FIELD("records", (uint32_t)event->b),
		HF_LOG_TEXT_FIELD(event->why[0] ? "because" : NULL, event->why),
		{.key = NULL},
	};
	hf_log_say(log, lines[event->a].level, lines[event->a].text, fields);
}

static void say_zone_untold(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	char zone[HF_NAME_TEXT_MAX], address[HF_ADDRESS_TEXT_MAX];
	(void)upstream;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("zone", about_zone(event, zone)),
		HF_LOG_TEXT_FIELD("secondary", hf_address_text(&event->address, address)),
		HF_LOG_NUMBER_FIELD("serial", (uint32_t)event->a),
		HF_LOG_TEXT_FIELD("because", event->why),
		{.key = NULL},
	};
	hf_log_say(log, HF_LOG_WARNING, "zone: a secondary could not be told of a version", fields);
}

static void say_update(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	char zone[HF_NAME_TEXT_MAX], address[HF_ADDRESS_TEXT_MAX];
	bool failed = event->kind == HF_EVENT_UPDATE_FAILED;
	bool drift = event->kind == HF_EVENT_UPDATE_DRIFT;
	(void)upstream;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("zone", about_zone(event, zone)),
		HF_LOG_TEXT_FIELD("server", hf_address_text(&event->address, address)),
		HF_LOG_NUMBER_FIELD("serial", (uint32_t)event->a),
		HF_LOG_NUMBER_FIELD(drift ? "records" : "behind", (uint32_t)event->b),
		HF_LOG_TEXT_FIELD(drift ? "first" : failed ? "because" : "note", event->why),
		{.key = NULL},
	};
	hf_log_say(log, failed || drift ? HF_LOG_WARNING : HF_LOG_INFO,
		failed  ? "zone: a provider could not be given a version by updates"
		: drift ? "zone: somebody else had changed a provider's zone, which is put right"
			: "zone: a provider that could not be given updates is current",
		fields);
}

static void say_zone_told(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	char zone[HF_NAME_TEXT_MAX], address[HF_ADDRESS_TEXT_MAX];
	(void)upstream;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("zone", about_zone(event, zone)),
		HF_LOG_TEXT_FIELD("secondary", hf_address_text(&event->address, address)),
		HF_LOG_NUMBER_FIELD("serial", (uint32_t)event->a),
		{.key = NULL},
	};
	hf_log_say(log, HF_LOG_INFO, "zone: a secondary that could not be told is current", fields);
}

static void say_zone_state(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	static const char *const standings[] = {
		[HF_ZONE_SERVED] = "zone: served",
		[HF_ZONE_MARKED] = "zone: served, though not proven to be current",
		[HF_ZONE_WITHHELD] = "zone: not served, SERVFAIL",
		[HF_ZONE_DROPPED] = "zone: not served, no reply",
	};
	char zone[HF_NAME_TEXT_MAX];
	(void)upstream;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("zone", about_zone(event, zone)),
		HF_LOG_TEXT_FIELD("state", hf_gate_state_text((enum hf_gate_state)event->a)),
		HF_LOG_TEXT_FIELD("because", event->why),
		{.key = NULL},
	};
	if (hf_unexpected((unsigned)event->b >= HF_COUNT_OF(standings)))
		return;
	hf_log_say(log,
		event->b != HF_ZONE_SERVED    ? HF_LOG_ERROR
		: event->a == HF_GATE_CURRENT ? HF_LOG_INFO
					      : HF_LOG_WARNING,
		standings[event->b], fields);
}

static void say_path_lame(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	char zone[HF_NAME_TEXT_MAX];
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("upstream", upstream),
		HF_LOG_TEXT_FIELD("zone", hf_name_text(event->about, zone)),
		HF_LOG_NUMBER_FIELD(event->a ? "seconds" : NULL, event->c),
		{.key = NULL},
	};
	hf_log_say(log, event->a ? HF_LOG_WARNING : HF_LOG_INFO,
		event->a ? "upstream answers for no name of the zone, nor for the zone itself: it is "
			   "asked only now and then"
			 : "upstream answers for the zone again",
		fields);
}

static void say_crowded(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	char zone[HF_NAME_TEXT_MAX];
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("upstream", upstream),
		HF_LOG_TEXT_FIELD("zone", hf_name_text(event->about, zone)),
		HF_LOG_NUMBER_FIELD("in_use", event->b),
		{.key = NULL},
	};
	hf_log_say(log, HF_LOG_WARNING,
		event->a ? "upstream is not asked: questions wait on all connections that it, or the "
			   "zone, may have"
			 : "upstream is not asked: questions wait on all connections that there may be",
		fields);
}

static void say_cookies_odd(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("upstream", upstream),
		{.key = NULL},
	};
	hf_log_say(log, HF_LOG_WARNING,
		event->a ? "replies of the upstream have cookies that are not ours: they are forged, or "
			   "something in the path answers for it; it is asked over TCP"
			 : "upstream gives cookies back as they were sent: it, or something in the path, "
			   "copies what it does not know",
		fields);
}

static const char *const persist_steps[HF_PERSIST_STEPS] = {
	[HF_PERSIST_OPEN] = "opening the directory",
	[HF_PERSIST_LOCK] = "locking the directory: another holdfast has it",
	[HF_PERSIST_JOURNAL] = "writing the journal",
	[HF_PERSIST_SNAPSHOT] = "writing a snapshot",
};

static void say_persist_failed(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	(void)upstream;
	bool known = event->b >= 0 && event->b < HF_PERSIST_STEPS;
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("while", known ? persist_steps[event->b] : "unknown"),
		HF_LOG_TEXT_FIELD("error", hf_strerror(event->a)),
		{ .key = NULL },
	};
	hf_log_say(log, HF_LOG_WARNING,
		"cache.persist: the cache cannot be written down; it serves all the same, and is tried again",
		fields);
}

static void say_persist_works(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	(void)event;
	(void)upstream;
	hf_log_say(log, HF_LOG_INFO, "cache.persist: the cache is written down again", NULL);
}

static void say_untrusted(struct hf_log *log, const struct hf_event *event, const char *upstream)
{
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("upstream", upstream),
		HF_LOG_TEXT_FIELD("because", event->why),
		{.key = NULL},
	};
	hf_log_say(log, HF_LOG_ERROR, "upstream is not believed, and not asked", fields);
}

static const struct {
	const char *name;
	void (*say)(struct hf_log *log, const struct hf_event *event, const char *upstream);
} kinds[HF_EVENT_KINDS] = {
	[HF_EVENT_UPSTREAM_STATE] = {"upstream state", say_upstream_state},
	[HF_EVENT_SOCKETS_SHORT] = {"sockets short", say_sockets_short},
	[HF_EVENT_PATH_STATE] = {"path state", say_upstream_state},
	[HF_EVENT_CAP_FOUND] = {"cap found", say_cap},
	[HF_EVENT_CAP_MOVED] = {"cap moved", say_cap},
	[HF_EVENT_CAP_LIFTED] = {"cap lifted", say_cap},
	[HF_EVENT_SIZE_LIMIT] = {"size limit", say_size_limit},
	[HF_EVENT_NO_EDNS] = {"no EDNS", say_no_edns},
	[HF_EVENT_PERSIST_FAILED] = {"persist failed", say_persist_failed},
	[HF_EVENT_PERSIST_WORKS] = {"persist works", say_persist_works},
	[HF_EVENT_LIE] = {"lie told", say_lie},
	[HF_EVENT_UNTRUSTED] = {"upstream not believed", say_untrusted},
	[HF_EVENT_QUARANTINED] = {"quarantined", say_quarantined},
	[HF_EVENT_RELEASED] = {"out of quarantine", say_released},
	[HF_EVENT_ZONE_BEHIND] = {"zone behind", say_zone},
	[HF_EVENT_ZONE_CAUGHT_UP] = {"zone caught up", say_zone},
	[HF_EVENT_SERIAL_DOUBTED] = {"serial doubted", say_zone},
	[HF_EVENT_ALL_ANSWER] = {"all answer", say_finding},
	[HF_EVENT_CONTRADICTION] = {"contradiction", say_finding},
	[HF_EVENT_ABSURD_TTL] = {"absurd TTL", say_finding},
	[HF_EVENT_PROOF] = {"proof failed", say_proof},
	[HF_EVENT_AS_ONE] = {"upstreams as one", say_as_one},
	[HF_EVENT_INTERCEPTED] = {"intercepted", say_intercepted},
	[HF_EVENT_COOKIES_ODD] = {"odd cookies", say_cookies_odd},
	[HF_EVENT_PATH_LAME] = {"path lame", say_path_lame},
	[HF_EVENT_TRUST_STORE] = {"trust store", say_trust_store},
	[HF_EVENT_ZONE_LOADED] = {"zone loaded", say_zone_loaded},
	[HF_EVENT_ZONE_REFUSED] = {"zone refused", say_zone_trouble},
	[HF_EVENT_ZONE_FETCH_FAILED] = {"zone source", say_zone_trouble},
	[HF_EVENT_ZONE_STATE] = {"zone state", say_zone_state},
	[HF_EVENT_ZONE_COPY] = {"zone copies", say_zone_trouble},
	[HF_EVENT_ZONE_PUT_OFF] = {"zone put off", say_zone_trouble},
	[HF_EVENT_CATALOG] = {"catalog", say_catalog},
	[HF_EVENT_CATALOG_GROUP] = {"catalog group", say_catalog_group},
	[HF_EVENT_LOCAL] = {"local data", say_local},
	[HF_EVENT_TOMBSTONE] = {"tombstone", say_tombstone},
	[HF_EVENT_UPDATE_FAILED] = {"update failed", say_update},
	[HF_EVENT_UPDATE_DONE] = {"update done", say_update},
	[HF_EVENT_UPDATE_DRIFT] = {"provider drifted", say_update},
	[HF_EVENT_ZONE_UNTOLD] = {"secondary not told", say_zone_untold},
	[HF_EVENT_ZONE_TOLD] = {"secondary told", say_zone_told},
	[HF_EVENT_TWIN_BEHIND] = {"sibling behind", say_twin},
	[HF_EVENT_TWIN_CAUGHT_UP] = {"sibling caught up", say_twin},
	[HF_EVENT_TWIN_DIFFERS] = {"sibling differs", say_twin},
	[HF_EVENT_VIP_OLD] = {"VIP old", say_vip},
	[HF_EVENT_VIP_GOOD] = {"VIP good", say_vip},
	[HF_EVENT_PANIC] = {"zone panic", say_panic},
	[HF_EVENT_CROWDED] = {"connections short", say_crowded},
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
