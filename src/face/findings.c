/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/findings.h"

#include <jansson.h>

#include "base/error.h"
#include "face/json_parts.h"
#include "wire/type.h"

#define PROPOSED_MAX 8

/* ---- questions ---- */

const char *hf_question_text(
	const struct hf_question *question, char buf[static HF_QUESTION_TEXT_MAX])
{
	char name[HF_NAME_TEXT_MAX], type[16];
	snprintf(buf, HF_QUESTION_TEXT_MAX, "%s %s", hf_name_text(question->name.bytes, name),
		hf_type_text(question->type, type));
	return buf;
}

const struct hf_upstream_conf *hf_finding_upstream(
	const struct hf_examined *examined, const struct hf_finding *finding)
{
	return &examined->plan->forward->upstreams[finding->upstream];
}

static const struct hf_examined_question *question_of(
	const struct hf_examined *examined, const struct hf_finding *finding)
{
	return &examined->findings.questions[finding->question];
}

bool hf_question_unanswered(
	const struct hf_examined *examined, const struct hf_examined_question *question)
{
	for (size_t i = 0; i < question->count; i++)
		if (examined->findings.items[question->first + i].said)
			return false;
	return true;
}

const char *hf_outcome_word(
	const struct hf_examined_question *question, const struct hf_finding *finding)
{
	bool unheld = finding->found == HF_FOUND_TRUE && !question->expected;
	return unheld ? "answer" : hf_found_name(finding->found);
}

/* ---- sentences ---- */

static const char *what_to_do(const struct hf_finding *finding, bool outdated)
{
	if (finding->found == HF_FOUND_LIE && outdated)
		return "see what is proposed, or take it out of its route";
	if (finding->found == HF_FOUND_LIE)
		return "take it out of its route, or correct `expect` if the name has moved";
	if (finding->found == HF_FOUND_DENIED)
		return "see whether the zone has lost the name, or take its expectation away";
	if (finding->found == HF_FOUND_UNPROVEN)
		return "see whether the port can be reached from here, or set `prove-port`";
	if (finding->found == HF_FOUND_UNSURE)
		return "see who of them is right; `agree` may ask for more than there are";
	if (finding->untrusted)
		return "see `tls-name`, `tls-pins` and `tls-ca`; it is asked nothing until it "
		       "proves "
		       "who it is";
	return "see whether it runs and lets this host ask";
}

const char *hf_where_text(
	const struct hf_upstream_conf *upstream, char buf[static HF_WHERE_TEXT_MAX])
{
	static const char *const schemes[] = {
		[HF_CHANNEL_UDP] = "", [HF_CHANNEL_TCP] = "tcp://", [HF_CHANNEL_TLS] = "tls://"};
	char address[HF_ADDRESS_TEXT_MAX];
	snprintf(buf, HF_WHERE_TEXT_MAX, "%s%s", schemes[upstream->channel],
		hf_address_text(&upstream->address, address));
	return buf;
}

void hf_finding_say_dark(const struct hf_examined *examined, const struct hf_finding *finding,
	size_t count, struct hf_text *text)
{
	const struct hf_upstream_conf *upstream = hf_finding_upstream(examined, finding);
	char why[HF_EVIDENCE_TEXT_MAX], where[HF_WHERE_TEXT_MAX];
	hf_text_add(text, "upstream %s (%s) ", upstream->name, hf_where_text(upstream, where));
	if (finding->untrusted)
		hf_text_add(text, "is not believed, and not asked");
	else
		hf_text_add(text, "answered none of %zu questions", count);
	hf_text_add(text, ": %s; %s", hf_finding_text(finding, why), what_to_do(finding, false));
}

void hf_finding_say(
	const struct hf_examined *examined, const struct hf_finding *finding, struct hf_text *text)
{
	char question[HF_QUESTION_TEXT_MAX], why[HF_EVIDENCE_TEXT_MAX], said[HF_SAID_TEXT_MAX];
	char where[HF_WHERE_TEXT_MAX], expects[HF_EXPECTS_TEXT_MAX];
	const struct hf_examined_question *q = question_of(examined, finding);
	const struct hf_upstream_conf *upstream = hf_finding_upstream(examined, finding);
	hf_finding_text(finding, why);
	hf_said_text(finding, said);
	hf_text_add(text, "%s: upstream %s (%s) ", hf_question_text(&q->question, question),
		upstream->name, hf_where_text(upstream, where));
	if (finding->found == HF_FOUND_LIE)
		hf_text_add(text, "answered %s", why);
	else if (finding->said)
		hf_text_add(text, "answered %s: %s", said, why);
	else
		hf_text_add(text, "%s: %s",
			finding->untrusted ? "is not believed, and not asked" : "gave no answer",
			why);
	if (q->expected && finding->said)
		hf_text_add(text, " (expected: %s)", hf_expects_text(q->expected->conf, expects));
	hf_text_add(text, "; %s", what_to_do(finding, q->outdated));
}

void hf_finding_propose(const struct hf_examined *examined,
	const struct hf_examined_question *question, struct hf_text *text)
{
	struct hf_address proposed[PROPOSED_MAX];
	char address[HF_ADDRESS_TEXT_MAX], name[HF_EXPECT_TEXT_MAX];
	size_t n = hf_findings_propose(&examined->findings, question, proposed, PROPOSED_MAX);
	if (!n)
		return;
	hf_text_add(text, "add ");
	for (size_t i = 0; i < n; i++)
		hf_text_add(text, "%s%s/%d", i ? ", " : "", hf_address_text(&proposed[i], address),
			proposed[i].family == 4 ? 32 : 128);
	hf_text_add(text, " to addresses of %s: %s", hf_expect_text(question->expected->conf, name),
		question->proven ? "a certificate for the name was shown there"
				 : "all who answered say so; make sure before you do");
}

/* ---- objects ---- */

static json_t *addresses_json(const struct hf_finding *finding)
{
	json_t *list = json_array();
	for (unsigned i = 0; finding->said && i < finding->said->count; i++) {
		char text[HF_ADDRESS_TEXT_MAX];
		json_array_append_new(
			list, json_string(hf_address_text(&finding->said->addresses[i], text)));
	}
	return list;
}

static json_t *row_json(const struct hf_examined *examined, const struct hf_finding *finding)
{
	const struct hf_examined_question *q = question_of(examined, finding);
	const struct hf_upstream_conf *upstream = hf_finding_upstream(examined, finding);
	char text[HF_EVIDENCE_TEXT_MAX], said[HF_SAID_TEXT_MAX], name[HF_NAME_TEXT_MAX], type[16];
	char where[HF_WHERE_TEXT_MAX];
	json_t *row = json_object();
	hf_json_put(row, "name", json_string(hf_name_text(q->question.name.bytes, name)));
	hf_json_put(row, "type", json_string(hf_type_text(q->question.type, type)));
	hf_json_put(row, "upstream", json_string(upstream->name));
	hf_json_put(row, "address", json_string(hf_where_text(upstream, where)));
	hf_json_put(row, "outcome", json_string(hf_outcome_word(q, finding)));
	hf_json_put(row, "answer",
		finding->said ? json_string(hf_said_text(finding, said)) : json_null());
	hf_json_put(row, "addresses", addresses_json(finding));
	hf_json_put(row, "ttl",
		finding->said && finding->said->ttl != UINT32_MAX ? json_integer(finding->said->ttl)
								  : json_null());
	hf_json_put(row, "lie",
		finding->found == HF_FOUND_LIE ? json_string(hf_lie_name(finding->evidence.lie))
					       : json_null());
	hf_json_put(row, "evidence", json_string(hf_finding_text(finding, text)));
	hf_json_put(row, "took_ms", hf_json_ms(finding->took));
	return row;
}

json_t *hf_findings_json(const struct hf_examined *examined)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < examined->findings.count; i++)
		json_array_append_new(rows, row_json(examined, &examined->findings.items[i]));
	return rows;
}

json_t *hf_findings_upstreams_json(const struct hf_examined *examined)
{
	const struct hf_forward_conf *forward = examined->plan->forward;
	json_t *list = json_array();
	for (uint16_t u = 0; u < forward->upstream_count; u++) {
		struct hf_finding_sums sums = hf_findings_sum(&examined->findings, u);
		char where[HF_WHERE_TEXT_MAX];
		if (!sums.all)
			continue;
		json_t *one = json_object();
		hf_json_put(one, "name", json_string(forward->upstreams[u].name));
		hf_json_put(
			one, "address", json_string(hf_where_text(&forward->upstreams[u], where)));
		hf_json_put(one, "asked", json_integer((json_int_t)sums.all));
		for (int f = 0; f < HF_FOUNDS; f++)
			if (sums.of[f])
				hf_json_put(one, hf_found_name((enum hf_found)f),
					json_integer((json_int_t)sums.of[f]));
		hf_json_put(one, "slowest_ms", hf_json_ms(sums.slowest));
		json_array_append_new(list, one);
	}
	return list;
}
