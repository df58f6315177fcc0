/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/gate.h"

#include "base/check.h"
#include "base/error.h"
#include "engine/examiner.h"
#include "face/command.h"
#include "face/findings.h"

#define LINES_MAX 20 /* faults told one by one: a screen */

bool hf_gate_wanted(const struct hf_config *config, enum hf_verify how, struct hf_questions *ret)
{
	*ret = (struct hf_questions){0};
	if (config->startup.verify != (int)how)
		return false;
	if (hf_questions_of(&config->forward.truth, &config->startup.names, ret))
		return false;
	if (!ret->count)
		free(ret->items);
	return ret->count;
}

/* ---- what was found ---- */

static void say(struct hf_log *log, enum hf_log_level level, struct hf_text *text)
{
	if (text->bytes && text->len)
		hf_log_say(log, level, text->bytes, NULL);
	hf_text_clear(text);
}

static void say_finding(
	const struct hf_examined *examined, const struct hf_finding *f, struct hf_log *log)
{
	struct hf_text text = hf_text(HF_LOG_LINE_MAX / 2);
	hf_finding_say(examined, f, &text);
	say(log, f->found == HF_FOUND_LIE ? HF_LOG_ERROR : HF_LOG_WARNING, &text);
}

static void say_proposals(const struct hf_examined *examined, struct hf_log *log)
{
	for (size_t q = 0; q < examined->findings.question_count; q++) {
		struct hf_text text = hf_text(HF_LOG_LINE_MAX / 2);
		hf_finding_propose(examined, &examined->findings.questions[q], &text);
		say(log, HF_LOG_WARNING, &text);
	}
}

/* Lies first: they must not be lost behind a screen of silences. */
static size_t say_those(
	const struct hf_examined *examined, bool lies, size_t room, struct hf_log *log)
{
	size_t said = 0;
	for (size_t i = 0; i < examined->findings.count; i++) {
		const struct hf_finding *f = &examined->findings.items[i];
		if (f->found == HF_FOUND_TRUE || (f->found == HF_FOUND_LIE) != lies)
			continue;
		if (said++ < room)
			say_finding(examined, f, log);
	}
	return said;
}

struct hf_gate_found hf_gate_say(const struct hf_examined *examined, struct hf_log *log)
{
	const struct hf_findings *findings = &examined->findings;
	struct hf_gate_found found = {0};
	found.lies = say_those(examined, true, LINES_MAX, log);
	size_t others = say_those(
		examined, false, found.lies < LINES_MAX ? LINES_MAX - found.lies : 0, log);
	for (size_t q = 0; q < findings->question_count; q++)
		found.unanswered += hf_question_unanswered(examined, &findings->questions[q]);
	for (size_t i = 0; i < findings->count; i++) {
		found.answers += findings->items[i].said != NULL;
		found.grave += findings->items[i].found == HF_FOUND_LIE &&
			       hf_finding_upstream(examined, &findings->items[i])->trust != HF_TRUST_LOW;
	}
	if (found.lies + others > LINES_MAX) {
		struct hf_text text = hf_text(HF_LOG_LINE_MAX / 2);
		hf_text_add(&text, "%zu more are not listed; `holdfast check --live` lists all",
			found.lies + others - LINES_MAX);
		say(log, HF_LOG_WARNING, &text);
	}
	say_proposals(examined, log);
	const struct hf_log_field fields[] = {
		HF_LOG_NUMBER_FIELD("questions", findings->question_count),
		HF_LOG_NUMBER_FIELD("asked", findings->count),
		HF_LOG_NUMBER_FIELD("answers", found.answers),
		HF_LOG_NUMBER_FIELD("lies", found.lies),
		HF_LOG_NUMBER_FIELD("other_faults", others),
		HF_LOG_NUMBER_FIELD("unanswered", found.unanswered),
		HF_LOG_NUMBER_FIELD("no_room", findings->refused),
		HF_LOG_NUMBER_FIELD("took_ms", examined->took / HF_MS),
		{.key = NULL},
	};
	hf_log_say(log,
		found.lies ? HF_LOG_ERROR
		: others   ? HF_LOG_WARNING
			   : HF_LOG_INFO,
		"upstreams have been asked for the names with expectations", fields);
	return found;
}

/* ---- the gate ---- */

static int refuse(const char *why, struct hf_log *log, struct hf_notify *notify)
{
	hf_log_say(log, HF_LOG_ERROR, why, NULL);
	hf_notify_status(notify, why);
	return HF_EXIT_FAULT;
}

static int judge(const struct hf_config *config, const struct hf_examined *examined,
	struct hf_log *log, struct hf_notify *notify)
{
	struct hf_gate_found found = hf_gate_say(examined, log);
	if (found.grave)
		return refuse("not started: an upstream lies (see above; startup.verify is abort; "
			      "with warn, holdfast serves and keeps liars out)",
			log, notify);
	if (found.unanswered && config->startup.unanswered == HF_VERIFY_ABORT)
		return refuse(
			"not started: no upstream says anything about a name with an expectation "
			"(startup.unanswered is abort)",
			log, notify);
	return HF_EXIT_GOOD;
}

int hf_gate_pass(
	const struct hf_config *config, int interrupt, struct hf_log *log, struct hf_notify *notify)
{
	const struct hf_examiner_conf conf = {.forward = &config->forward,
		.cache = &config->cache,
		.longest = config->startup.deadline,
		.interrupt = interrupt};
	struct hf_questions questions;
	struct hf_examined *examined;
	if (!hf_gate_wanted(config, HF_VERIFY_ABORT, &questions))
		return HF_EXIT_GOOD;
	hf_notify_status(notify, "asking upstreams for the names with expectations");
	int error = hf_examiner_run(&conf, questions.items, questions.count, &examined);
	free(questions.items);
	if (error == -ECANCELED) /* told to stop: that is seen to as soon as it has started */
		return HF_EXIT_GOOD;
	if (error) {
		const struct hf_log_field fields[] = {
			HF_LOG_TEXT_FIELD("error", hf_strerror(error)), {.key = NULL}};
		hf_log_say(
			log, HF_LOG_ERROR, "upstreams could not be asked before the start", fields);
		return HF_EXIT_UNREACHED;
	}
	int status = judge(config, examined, log, notify);
	hf_examined_free(examined);
	return status;
}
