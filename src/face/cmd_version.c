/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <jansson.h>

#include "face/verbs.h"
#include "face/version.h"

static void write_json(FILE *out)
{
	char value[HF_FACT_MAX];
	json_t *facts = json_object();
	for (const struct hf_fact *fact = hf_facts; fact->name; fact++) {
		fact->write(value);
		json_object_set_new(facts, fact->name, json_string(value));
	}
	json_dumpf(facts, out, JSON_INDENT(2));
	fprintf(out, "\n");
	json_decref(facts);
}

static void write_text(FILE *out)
{
	char value[HF_FACT_MAX];
	fprintf(out, "holdfast %s\n", hf_version());
	for (const struct hf_fact *fact = hf_facts + 1; fact->name; fact++) {
		fact->write(value);
		fprintf(out, "%-15s %s\n", fact->name, value);
	}
}

static int version(const struct hf_call *call)
{
	(call->flags.json ? write_json : write_text)(call->out);
	return HF_EXIT_GOOD;
}

static const struct hf_flag_row flags[] = { HF_FLAG_JSON, HF_FLAG_END };

const struct hf_verb hf_cmd_version = {
	.name = "version",
	.help = "Tell what this is built from and with.",
	.flags = flags,
	.run = version,
};
