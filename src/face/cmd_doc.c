/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/check.h"
#include "base/error.h"
#include "base/nearest.h"
#include "face/config.h"
#include "face/verbs.h"

/* What the command line knows, as the manual's mdoc: `doc verbs`. */
static int write_verbs(const struct hf_program *program, FILE *out)
{
	for (const struct hf_verb *const *at = program->verbs; *at; at++) {
		const struct hf_verb *verb = *at;
		fprintf(out, ".It Cm %s", verb->name);
		for (const struct hf_flag_row *flag = verb->flags; flag->name; flag++) {
			fprintf(out, " Oo ");
			if (flag->letter)
				fprintf(out, "Fl %c", flag->letter);
			else
				fprintf(out, "Fl Fl %s", flag->name);
			if (flag->value)
				fprintf(out, " Ar %s", flag->value);
			fprintf(out, " Oc");
		}
		if (verb->words)
			fprintf(out, " Ar %s", verb->words);
		fprintf(out, "\n%s\n", verb->help);
	}
	return ferror(out) ? -EIO : 0;
}

static int write_reference(const struct hf_program *program, FILE *out)
{
	(void)program;
	return hf_config_write_reference(out);
}

static int write_schema(const struct hf_program *program, FILE *out)
{
	(void)program;
	return hf_config_write_schema(out);
}

static int write_manual(const struct hf_program *program, FILE *out)
{
	(void)program;
	return hf_config_write_manual(out);
}

static const struct {
	const char *name;
	int (*write)(const struct hf_program *program, FILE *out);
} docs[] = {
	{ "reference", write_reference },
	{ "schema", write_schema },
	{ "manual", write_manual },
	{ "verbs", write_verbs },
};

static int doc(const struct hf_call *call)
{
	const char *word = call->words[0];
	struct hf_nearest nearest = hf_nearest(word, strlen(word));
	for (size_t i = 0; i < HF_COUNT_OF(docs); i++) {
		hf_nearest_offer(&nearest, docs[i].name);
		if (strcmp(docs[i].name, word) != 0)
			continue;
		int error = docs[i].write(call->program, call->out);
		if (error && !ferror(call->out)) /* that is told for every verb */
			fprintf(call->err, "holdfast doc: %s\n", hf_strerror(error));
		return error ? HF_EXIT_UNREACHED : HF_EXIT_GOOD;
	}
	fprintf(call->err, "holdfast doc: there is no `%s`", word);
	if (nearest.best)
		fprintf(call->err, ", did you mean `%s`?", nearest.best);
	fprintf(call->err, "\n`holdfast doc --help` tells what it takes.\n");
	return HF_EXIT_USAGE;
}

static const struct hf_flag_row flags[] = { HF_FLAG_END };

const struct hf_verb hf_cmd_doc = {
	.name = "doc",
	.words = "reference|schema|manual|verbs",
	.words_min = 1,
	.words_max = 1,
	.help = "Print a page of documentation that is made from the program's own tables.",
	.more = "reference: every key, in Markdown; schema: JSON Schema, for editors;\n"
		"manual: the keys as in holdfast.yaml(5); verbs: the verbs as in holdfast(1).",
	.flags = flags,
	.run = doc,
};
