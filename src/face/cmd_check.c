/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <jansson.h>

#include "base/check.h"
#include "face/config.h"
#include "face/instance.h"
#include "face/verbs.h"

/* The complaints as one object: {"good": false, "complaints": ["...", ...]}. */
static void write_json(const struct hf_call *call, const struct hf_config *config,
	const char *complaints)
{
	json_t *lines = json_array();
	for (const char *line = complaints; *line;) {
		size_t n = strcspn(line, "\n");
		json_array_append_new(lines, json_stringn(line, n));
		line += n + (line[n] == '\n');
	}
	json_t *result = json_pack("{s:b, s:o}", "good", config != NULL, "complaints", lines);
	char *printed = config && call->flags.print ? hf_config_json(config) : NULL;
	if (printed)
		json_object_set_new(result, "configuration", json_loads(printed, 0, NULL));
	free(printed);
	json_dumpf(result, call->out, JSON_INDENT(2));
	fprintf(call->out, "\n");
	json_decref(result);
}

static void write_text(const struct hf_call *call, const struct hf_config *config,
	const char *complaints)
{
	fputs(complaints, call->err);
	char *printed = config && call->flags.print ? hf_config_yaml(config) : NULL;
	if (printed)
		fputs(printed, call->out);
	else if (config)
		fprintf(call->out, "%s: good\n", config->source);
	free(printed);
}

static int check(const struct hf_call *call)
{
	char *complaints = NULL;
	size_t len = 0;
	struct hf_config *config = NULL;
	FILE *out = open_memstream(&complaints, &len);
	if (!out)
		return HF_EXIT_UNREACHED;
	int error = hf_config_load(call->flags.config, HF_RESOLV_CONF, out, &config);
	if (fclose(out) == 0)
		(call->flags.json ? write_json : write_text)(call, error ? NULL : config, complaints);
	free(complaints);
	if (!error)
		hf_config_unref(config);
	return error ? HF_EXIT_USAGE : HF_EXIT_GOOD;
}

static const struct hf_flag_row flags[] = {
	HF_FLAG_CONFIG,
	{ "print", 'p', NULL, offsetof(struct hf_flags, print),
	  "Print what was understood: all values, and where each comes from." },
	HF_FLAG_JSON,
	HF_FLAG_END,
};

const struct hf_verb hf_cmd_check = {
	.name = "check",
	.help = "Read the configuration, report every fault in it, and change nothing.",
	.more = "Exit status 0: it can be used; 2: it cannot.",
	.flags = flags,
	.run = check,
};
