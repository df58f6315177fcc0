/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sight/decisions.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "forward/query.h"

#define UPSTREAM_NAME_MAX 64

/* One decision on its way into words. */
struct saying {
	const struct hf_decision *d;
	char slot[UPSTREAM_NAME_MAX], other[UPSTREAM_NAME_MAX];
	char *buf;
};

static void say(const struct saying *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(const struct saying *s, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vsnprintf(s->buf, HF_DECISION_TEXT_MAX, format, list);
	va_end(list);
}

static double ms(int64_t us)
{
	return (double)us / HF_MS;
}

static const char *of(const char *const *words, size_t count, unsigned which)
{
	return which < count && words[which] ? words[which] : "?";
}
#define OF(words, which) of(words, HF_COUNT_OF(words), which)

static const char *channel(unsigned which)
{
	static const char *const words[] = {
		[HF_CHANNEL_UDP] = "UDP", [HF_CHANNEL_TCP] = "TCP", [HF_CHANNEL_TLS] = "TLS"};
	return OF(words, which);
}

static const char *without(unsigned which)
{
	static const char *const words[] = {
		[HF_WITHOUT_ITS_TOKEN] = "its budget of retries is spent",
		[HF_WITHOUT_ROUTES_TOKEN] = "its route's budget of retries is spent",
		[HF_WITHOUT_OUR_TOKEN] = "the budget of retries for all upstreams is spent",
		[HF_WITHOUT_SHARE] = "this client has had its share of the budget of retries",
		[HF_WITHOUT_ANOTHER] = "no other upstream is well and has room",
		[HF_WITHOUT_MESSAGES] = "the question has had as many messages as it may",
	};
	return OF(words, which);
}

/* ---- a sentence each ---- */

static void say_ask(const struct saying *s)
{
	say(s, "asked %s over %s, and waits %.1f ms for it", s->slot, channel(s->d->channel),
		ms(s->d->a));
}

static void say_answered(const struct saying *s)
{
	static const char *const words[HF_SEND_REASONS] = {
		[HF_SEND_FIRST] = "the first message",
		[HF_SEND_RETRY] = "a retry",
		[HF_SEND_HEDGE] = "the second copy",
		[HF_SEND_PROBE] = "a probe",
		[HF_SEND_FOLLOW] = "the message that the protocol or the truth wanted",
	};
	say(s, "%s answered %s, after %.1f ms; %d message%s in all", s->slot, OF(words, s->d->why),
		ms(s->d->a), s->d->b, s->d->b == 1 ? "" : "s");
}

static void say_join(const struct saying *s)
{
	say(s, "another client waits for the same answer; %d do now", s->d->a);
}

static void say_forgo(const struct saying *s)
{
	say(s, "no refresh: nobody waits for it, and %s has no room, or others wait for theirs",
		s->slot);
}

static void say_stale_again(const struct saying *s)
{
	say(s, "gave the old answer at once, %d s old: the question failed lately", s->d->a);
}

static void say_fail_again(const struct saying *s)
{
	say(s, "gave SERVFAIL at once: the question failed lately, which counts for %d s more",
		s->d->a);
}

static void say_silent(const struct saying *s)
{
	say(s, "%s has said nothing for %.1f ms, its time-out", s->slot, ms(s->d->a));
}

static void say_reject(const struct saying *s)
{
	say(s, "upstream %s %s", s->slot, hf_query_cause_text(s->d->why));
}

static void say_retry(const struct saying *s)
{
	say(s, "asked %s over %s, message %d, and waits %.1f ms for it; before that: %s", s->slot,
		channel(s->d->channel), s->d->b, ms(s->d->a), hf_query_cause_text(s->d->why));
}

static void say_hedge(const struct saying *s)
{
	say(s,
		"asked %s over %s as well: %s has been silent for %.1f ms, and 95 %% of its "
		"answers take no longer than %.1f ms",
		s->slot, channel(s->d->channel), s->other, ms(s->d->a), ms(s->d->b));
}

static void say_no_hedge(const struct saying *s)
{
	say(s, "no second copy, though %s has been silent for %.1f ms: %s", s->other, ms(s->d->a),
		without(s->d->why));
}

static void say_probe(const struct saying *s)
{
	say(s,
		s->d->why == HF_PROBE_OWN ? "asked %s over %s, a question of our own"
					  : "sent %s a copy over %s, to see whether it is back",
		s->slot, channel(s->d->channel));
}

static void say_follow(const struct saying *s)
{
	static const char *const words[] = {
		[HF_FOLLOW_TRUNCATED] = ", for its reply was cut short",
		[HF_FOLLOW_NO_EDNS] = " without EDNS, which it does not know",
		[HF_FOLLOW_COOKIE] = " with the cookie that it wants",
		[HF_FOLLOW_FORGED] = ", for what came back may have been forged",
		[HF_FOLLOW_TRUTH] = " too, for another lied, or several have to agree",
	};
	say(s, "asked %s over %s%s", s->slot, channel(s->d->channel), OF(words, s->d->why));
}

static void say_no_token(const struct saying *s)
{
	say(s, "asks nobody else for now, next would be %s: %s; looks again in %.1f ms", s->slot,
		without(s->d->why), ms(s->d->a));
}

static void say_queue(const struct saying *s)
{
	say(s,
		"stands in line for %s, whose budget has no room for %d packet%s; at most for %.1f "
		"ms",
		s->slot, s->d->a, s->d->a == 1 ? "" : "s", ms(s->d->b));
}

static void say_grant(const struct saying *s)
{
	say(s, "%s has room now", s->slot);
}

static void say_evict(const struct saying *s)
{
	say(s, "lost its place in the line for %s: others have waited for less", s->slot);
}

static void say_rest(const struct saying *s)
{
	say(s, "asks nobody: all that are left rest (%s: %s); looks again in %.1f ms", s->slot,
		hf_query_cause_text(s->d->why), ms(s->d->a));
}

static void say_keep_back(const struct saying *s)
{
	say(s,
		"waits: %s has just come back, is given %d questions/s, and those are used; looks "
		"again in %.1f ms",
		s->slot, s->d->b, ms(s->d->a));
}

static void say_unheard(const struct saying *s)
{
	say(s,
		"waits: %s has not said a word yet, and few are sent there until it does; looks "
		"again in %.1f ms",
		s->slot, ms(s->d->a));
}

static void say_pause(const struct saying *s)
{
	say(s, "waits: %s has just refused, and is asked again in %.1f ms", s->slot, ms(s->d->a));
}

static void say_hold(const struct saying *s)
{
	say(s, "%s answered, which is not believed yet", s->slot);
}

static void say_stale(const struct saying *s)
{
	static const char *const words[] = {
		[HF_STALE_PATIENCE] = "it has taken long enough, and goes on",
		[HF_STALE_FAILED] = "the question has failed",
		[HF_STALE_DENIED] = "what was there is suddenly denied, which is not believed yet",
	};
	say(s, "gave the old answer, %d s old, to %d client%s: %s", s->d->a, s->d->b,
		s->d->b == 1 ? "" : "s", OF(words, s->d->why));
}

static void say_wait(const struct saying *s)
{
	say(s, "it has taken long enough, but there is no old answer: goes on");
}

static void say_fail(const struct saying *s)
{
	say(s, "failed after %d message%s: %s%s%s", s->d->a, s->d->a == 1 ? "" : "s",
		*s->slot ? s->slot : "", *s->slot ? ": " : "", hf_query_cause_text(s->d->why));
}

static void say_remember(const struct saying *s)
{
	say(s, "who asks within %d s is told that it failed, or gets an old answer (RFC 9520)",
		s->d->a);
}

static void say_turn_away(const struct saying *s)
{
	static const char *const words[] = {
		[HF_AWAY_QUESTIONS] = "questions are under way",
		[HF_AWAY_WAITING] = "clients wait for what is under way",
		[HF_AWAY_PENDING] = "clients' questions wait at this worker",
	};
	char before[48] = "";
	if (s->d->unsaid)
		snprintf(before, sizeof before, "; so were %u more before it", s->d->unsaid);
	say(s,
		"not taken on: %d %s, of %d that may, or this client, route or upstream has its "
		"share of them%s",
		s->d->a, OF(words, s->d->why), s->d->b, before);
}

static void say_no_route(const struct saying *s)
{
	say(s, "no upstream is configured for the name");
}

static const struct row {
	const char *name;
	void (*say)(const struct saying *s);
} rows[HF_DECIDEDS] = {
	[HF_DECIDED_ASK] = {"ask", say_ask},
	[HF_DECIDED_ANSWERED] = {"answered", say_answered},
	[HF_DECIDED_JOIN] = {"join", say_join},
	[HF_DECIDED_FORGO] = {"forgo", say_forgo},
	[HF_DECIDED_STALE_AGAIN] = {"stale_again", say_stale_again},
	[HF_DECIDED_FAIL_AGAIN] = {"fail_again", say_fail_again},
	[HF_DECIDED_SILENT] = {"silent", say_silent},
	[HF_DECIDED_REJECT] = {"reject", say_reject},
	[HF_DECIDED_RETRY] = {"retry", say_retry},
	[HF_DECIDED_HEDGE] = {"hedge", say_hedge},
	[HF_DECIDED_NO_HEDGE] = {"no_hedge", say_no_hedge},
	[HF_DECIDED_PROBE] = {"probe", say_probe},
	[HF_DECIDED_FOLLOW] = {"follow", say_follow},
	[HF_DECIDED_NO_TOKEN] = {"no_token", say_no_token},
	[HF_DECIDED_QUEUE] = {"queue", say_queue},
	[HF_DECIDED_GRANT] = {"grant", say_grant},
	[HF_DECIDED_EVICT] = {"evict", say_evict},
	[HF_DECIDED_REST] = {"rest", say_rest},
	[HF_DECIDED_KEEP_BACK] = {"keep_back", say_keep_back},
	[HF_DECIDED_UNHEARD] = {"unheard", say_unheard},
	[HF_DECIDED_PAUSE] = {"pause", say_pause},
	[HF_DECIDED_HOLD] = {"hold", say_hold},
	[HF_DECIDED_STALE] = {"stale", say_stale},
	[HF_DECIDED_WAIT] = {"wait", say_wait},
	[HF_DECIDED_FAIL] = {"fail", say_fail},
	[HF_DECIDED_REMEMBER] = {"remember", say_remember},
	[HF_DECIDED_TURN_AWAY] = {"turn_away", say_turn_away},
	[HF_DECIDED_NO_ROUTE] = {"no_route", say_no_route},
};

const char *hf_decision_upstream(
	const struct hf_slot_names *names, uint16_t slot, char *buf, size_t size)
{
	if (slot == HF_DECISION_NOBODY)
		snprintf(buf, size, "%s", "");
	else if (!names->name(names->ctx, slot, buf, size))
		snprintf(buf, size, "?");
	return buf;
}

const char *hf_decision_text(const struct hf_decision *d, const struct hf_slot_names *names,
	char buf[static HF_DECISION_TEXT_MAX])
{
	struct saying s = {.d = d, .buf = buf};
	buf[0] = 0;
	if (hf_unexpected(d->kind >= HF_DECIDEDS))
		return buf;
	hf_decision_upstream(names, d->slot, s.slot, sizeof s.slot);
	hf_decision_upstream(names, d->other, s.other, sizeof s.other);
	rows[d->kind].say(&s);
	return buf;
}

const char *hf_decision_kind_name(unsigned kind)
{
	return kind < HF_DECIDEDS ? rows[kind].name : "unknown";
}

/* Of one that was cut, the labels that are whole. */
const char *hf_decision_name(const struct hf_decision *d, char buf[static HF_NAME_TEXT_MAX])
{
	uint8_t name[HF_DECISION_NAME + 1];
	size_t at = 0;
	if (d->name_len <= HF_DECISION_NAME)
		return hf_name_text(d->name, buf);
	while (at + 1 + d->name[at] <= HF_DECISION_NAME - 1u && d->name[at])
		at += 1u + d->name[at];
	memcpy(name, d->name, at);
	name[at] = 0;
	hf_name_text(name, buf);
	snprintf(buf + strlen(buf), HF_NAME_TEXT_MAX - strlen(buf), "...");
	return buf;
}
