/* SPDX-License-Identifier: GPL-3.0-or-later */
/* If one provider vanished now: which servers would resolvers still find, and what would
 * those say? */
#include "providers/report.h"

#include <stdio.h>
#include <string.h>

#include "wire/type.h"

#define TOLD_MAX 32

static const struct hf_outlook_parent *a_parent(const struct hf_outlook *look)
{
	for (size_t i = 0; i < look->parent_count; i++)
		if (look->parents[i].delegates)
			return &look->parents[i];
	return NULL;
}

/* Resolvers find only those that the parent names, or whose addresses it gives. Where no
 * parent could be asked, all are taken for found. */
static bool is_found(const struct hf_outlook_parent *parent, const struct hf_outlook_server *s)
{
	const uint8_t *data;
	struct hf_name name;
	size_t at = 0;
	uint16_t len;
	if (!parent)
		return true;
	while (s->name.len && hf_set_next(&parent->ns, &at, &data, &len))
		if (hf_rdata_name(data, len, &name) && name.len == s->name.len &&
			memcmp(name.bytes, s->name.bytes, name.len) == 0)
			return true;
	for (size_t i = 0; i < parent->glue_count && !s->name.len; i++)
		if (parent->glue[i].address.family == s->address.family &&
			memcmp(parent->glue[i].address.bytes, s->address.bytes,
				sizeof s->address.bytes) == 0)
			return true;
	return false;
}

static bool is_left(const struct hf_outlook *look, const struct hf_outlook_server *s)
{
	return !s->away && s->authoritative && is_found(a_parent(look), s);
}

static bool is_good(const struct hf_outlook_sample *sample, const struct hf_outlook_answer *answer)
{
	return answer->said == HF_SAID_SET && answer->set.count &&
	       (!sample->known || hf_set_same(&answer->set, &sample->truth));
}

static bool survives(const struct hf_outlook *look, const struct hf_outlook_sample *sample)
{
	for (size_t i = 0; i < look->server_count; i++)
		if (is_left(look, &look->servers[i]) && is_good(sample, &sample->answers[i]))
			return true;
	return false;
}

static void say_what_fails(struct hf_reporting *r, const struct hf_outlook_sample *sample)
{
	char name[HF_NAME_TEXT_MAX], type[HF_TYPE_TEXT_MAX], truth[HF_SET_TEXT_MAX];
	char given[HF_SET_TEXT_MAX], who[HF_WHO_MAX];
	const struct hf_outlook_server *wrong = NULL;
	const struct hf_outlook_answer *answer = NULL;
	for (size_t i = 0; i < r->look->server_count && !wrong; i++) {
		if (!is_left(r->look, &r->look->servers[i]))
			continue;
		wrong = &r->look->servers[i];
		answer = &sample->answers[i];
	}
	struct hf_provider_finding *f = hf_report_add(r, HF_WEIGHT_FAULT, "without", wrong,
		"%s %s: without provider %s nobody is left who gives %s%s%s%s%s",
		hf_name_text(sample->owner.bytes, name), hf_type_text(sample->type, type),
		r->look->without,
		sample->known && sample->truth.count ? hf_set_text(&sample->truth, truth)
						     : "anything",
		wrong ? ": " : "", wrong ? hf_report_who(wrong, who) : "",
		!wrong                            ? ""
		: answer->said == HF_SAID_SET     ? " gives "
		: answer->said == HF_SAID_FAILURE ? " fails"
						  : " does not answer",
		wrong && answer->said == HF_SAID_SET ? hf_set_text(&answer->set, given) : "");
	hf_report_todo(f, "publish the name at the other providers, too");
}

static void try_names(struct hf_reporting *r)
{
	size_t told = 0;
	for (size_t i = 0; i < r->look->sample_count; i++) {
		const struct hf_outlook_sample *sample = &r->look->samples[i];
		if (sample->known && !sample->truth.count)
			continue; /* that the name has none of these is the truth */
		r->report->tried++;
		if (survives(r->look, sample))
			r->report->left++;
		else if (told++ < TOLD_MAX)
			say_what_fails(r, sample);
	}
	if (told > TOLD_MAX)
		hf_report_add(r, HF_WEIGHT_FAULT, "without", NULL,
			"without provider %s nobody is left who gives %zu further sets of records",
			r->look->without, told - TOLD_MAX);
	if (!r->report->tried)
		hf_report_todo(hf_report_add(r, HF_WEIGHT_UNASKED, "without", NULL,
				       "no names are known that could be tried without provider %s",
				       r->look->without),
			"name a `source`, or some `names`, in the delegation");
}

/* A server outside of the zone is found by its own name, which has servers of its own. */
static void look_at_names(struct hf_reporting *r, const struct hf_outlook_server *s)
{
	const struct hf_name *zone = &r->look->conf->zone;
	char name[HF_NAME_TEXT_MAX];
	if (!s->name.len || hf_name_within(s->name.bytes, s->name.len, zone->bytes, zone->len))
		return;
	for (size_t i = 0; i < r->look->server_count; i++) {
		const struct hf_outlook_server *gone = &r->look->servers[i];
		if (!gone->away || !gone->name.len ||
			strcmp((const char *)hf_name_parent(gone->name.bytes),
				(const char *)hf_name_parent(s->name.bytes)) != 0)
			continue;
		hf_report_add(r, HF_WEIGHT_NOTE, "one-domain", s,
			"%s is named in the same domain as servers of provider %s: whether its "
			"address can still be found then was not tried",
			hf_name_text(s->name.bytes, name), r->look->without);
		return;
	}
}

void hf_report_without(struct hf_reporting *r)
{
	const struct hf_outlook *look = r->look;
	size_t left = 0, all = 0;
	for (size_t i = 0; i < look->server_count; i++) {
		const struct hf_outlook_server *s = &look->servers[i];
		all += s->provider && hf_address_set(&s->address);
		left += is_left(look, s);
		if (is_left(look, s))
			look_at_names(r, s);
	}
	if (!left)
		hf_report_todo(hf_report_add(r, HF_WEIGHT_FAULT, "without-delegation", NULL,
				       "without provider %s no server is left that the parent "
				       "delegates to and that has authority: nothing resolves",
				       look->without),
			"publish the zone at a second provider, and delegate to both");
	try_names(r);
	hf_report_add(r, HF_WEIGHT_NOTE, "without", NULL,
		"without provider %s %zu of %zu servers are left, and %zu of %zu sets of records "
		"that were tried are still given",
		look->without, left, all, r->report->left, r->report->tried);
}
