/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/decisions.h"

#include "face/json_parts.h"
#include "wire/type.h"

static json_t *upstream_json(const struct hf_slot_names *names, uint16_t slot)
{
	char name[HF_DECISION_TEXT_MAX];
	if (slot == HF_DECISION_NOBODY)
		return json_null();
	return json_string(hf_decision_upstream(names, slot, name, sizeof name));
}

json_t *hf_decision_json(const struct hf_decision *d, const struct hf_slot_names *names, hf_us now)
{
	char name[HF_NAME_TEXT_MAX], type[16], text[HF_DECISION_TEXT_MAX];
	json_t *one = json_object();
	hf_json_put(one, "ago_ms", hf_json_ms(now - d->at));
	hf_json_put(one, "name", json_string(hf_decision_name(d, name)));
	hf_json_put(one, "type", json_string(hf_type_text(d->type, type)));
	hf_json_put(one, "flight", d->flight ? json_integer(d->flight) : json_null());
	hf_json_put(one, "since_ms", d->flight ? hf_json_ms(d->since) : json_null());
	hf_json_put(one, "decided", json_string(hf_decision_kind_name(d->kind)));
	hf_json_put(one, "upstream", upstream_json(names, d->slot));
	hf_json_put(one, "other", upstream_json(names, d->other));
	hf_json_put(one, "a", json_integer(d->a));
	hf_json_put(one, "b", json_integer(d->b));
	hf_json_put(one, "says", json_string(hf_decision_text(d, names, text)));
	return one;
}

static const char *word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

void hf_decision_write(const json_t *object, bool named, FILE *out)
{
	const json_t *worker = json_object_get(object, "worker");
	char flight[32] = "";
	fprintf(out, "  %9.3f s ago", number(object, "ago_ms") / 1000);
	if (json_is_integer(json_object_get(object, "flight")))
		snprintf(flight, sizeof flight, "#%.0f", number(object, "flight"));
	if (worker)
		fprintf(out, "  %2.0f", json_number_value(worker));
	if (*flight)
		fprintf(out, "  %-7s +%8.1f ms  ", flight, number(object, "since_ms"));
	else
		fprintf(out, "  %-7s %12s  ", "", "");
	if (named)
		fprintf(out, "%s %s: ", word(object, "name"), word(object, "type"));
	fprintf(out, "%s\n", word(object, "says"));
}
