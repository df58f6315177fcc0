/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/command.h"

#include <getopt.h>

#include "base/check.h"
#include "base/error.h"
#include "base/nearest.h"

#define FLAGS_MAX 16  /* of one verb, --help included */
#define HELP_COLUMN 24

/* ---- help ---- */

static void write_row(FILE *out, const char *left, const char *help)
{
	fprintf(out, "  %-*s %s\n", HELP_COLUMN - 3, left, help);
}

static void write_flag(FILE *out, const struct hf_flag_row *flag)
{
	char left[64];
	char letter[8] = "    ";
	if (flag->letter)
		snprintf(letter, sizeof letter, "-%c, ", flag->letter);
	snprintf(left, sizeof left, "%s--%s%s%s", letter, flag->name, flag->value ? " " : "",
		flag->value ? flag->value : "");
	write_row(out, left, flag->help);
}

static const struct hf_flag_row help_flag = { "help", 'h', NULL, 0, "Print this and exit." };

static void write_verb_help(FILE *out, const struct hf_program *program, const struct hf_verb *verb)
{
	fprintf(out, "usage: %s %s [FLAGS]%s%s\n\n%s\n", program->name, verb->name,
		verb->words ? " " : "", verb->words ? verb->words : "", verb->help);
	if (verb->more)
		fprintf(out, "%s\n", verb->more);
	fprintf(out, "\nFlags:\n");
	for (const struct hf_flag_row *flag = verb->flags; flag->name; flag++)
		write_flag(out, flag);
	write_flag(out, &help_flag);
}

static void write_program_help(FILE *out, const struct hf_program *program)
{
	fprintf(out, "%s\n\nusage: %s VERB [FLAGS] [WORDS]\n\nVerbs:\n", program->help,
		program->name);
	for (const struct hf_verb *const *verb = program->verbs; *verb; verb++)
		write_row(out, (*verb)->name, (*verb)->help);
	fprintf(out, "\n`%s VERB --help` tells more of a verb.\n"
		"Exit status: 0 good, 1 a fault was found, 2 wrong usage or configuration,\n"
		"3 something that is needed could not be reached.\n", program->name);
}

static void suggest(FILE *err, const struct hf_nearest *nearest, const char *before)
{
	if (nearest->best)
		fprintf(err, ", did you mean `%s%s`?", before, nearest->best);
	fprintf(err, "\n");
}

/* ---- flags ---- */

/* What getopt_long wants, made from a verb's rows. An option's val is its
 * place in the table, past anything that a letter can be. */
struct getopt_tables {
	struct option longs[FLAGS_MAX + 1];
	char letters[2 * FLAGS_MAX + 3];
	const struct hf_flag_row *flags[FLAGS_MAX];
	int count;
};

#define LONG_FLAG 256

static void add_flag(struct getopt_tables *tables, const struct hf_flag_row *flag)
{
	int i = tables->count;
	hf_require(i < FLAGS_MAX);
	tables->flags[i] = flag;
	tables->longs[i] = (struct option){ .name = flag->name,
		.has_arg = flag->value ? required_argument : no_argument, .val = LONG_FLAG + i };
	tables->count++;
	if (!flag->letter)
		return;
	size_t len = strlen(tables->letters);
	tables->letters[len] = flag->letter;
	if (flag->value)
		tables->letters[len + 1] = ':';
}

/* ':' first: a missing value is told apart from an unknown flag. */
static void make_tables(const struct hf_verb *verb, struct getopt_tables *tables)
{
	*tables = (struct getopt_tables){ .letters = ":" };
	for (const struct hf_flag_row *flag = verb->flags; flag->name; flag++)
		add_flag(tables, flag);
	add_flag(tables, &help_flag);
}

static const struct hf_flag_row *find_flag(const struct getopt_tables *tables, int val)
{
	if (val >= LONG_FLAG)
		return tables->flags[val - LONG_FLAG];
	for (int i = 0; i < tables->count; i++)
		if (tables->flags[i]->letter == val)
			return tables->flags[i];
	return NULL;
}

static void set_flag(struct hf_flags *flags, const struct hf_flag_row *flag)
{
	char *at = (char *)flags + flag->at;
	if (flag->value)
		*(const char **)at = optarg;
	else
		*(bool *)at = true;
}

/* getopt has just refused argv[optind - 1] (or a letter inside it). */
static void complain_of_flag(FILE *err, const struct hf_program *program, const struct hf_verb *verb,
	const struct getopt_tables *tables, char *const *argv, int seen)
{
	const char *given = argv[optind - 1];
	if (seen == ':') {
		const struct hf_flag_row *flag = find_flag(tables, optopt);
		fprintf(err, "%s %s: `%s` wants a value: %s\n", program->name, verb->name, given,
			flag ? flag->value : "");
		return;
	}
	if (optopt >= LONG_FLAG) {
		fprintf(err, "%s %s: `%s` takes no value\n", program->name, verb->name, given);
		return;
	}
	if (optopt) {
		fprintf(err, "%s %s: unknown flag `-%c`\n", program->name, verb->name, optopt);
		return;
	}
	const char *word = given + strspn(given, "-");
	struct hf_nearest nearest = hf_nearest(word, strcspn(word, "="));
	for (int i = 0; i < tables->count; i++)
		hf_nearest_offer(&nearest, tables->flags[i]->name);
	fprintf(err, "%s %s: unknown flag `%s`", program->name, verb->name, given);
	suggest(err, &nearest, "--");
}

enum parsed { PARSED, PARSED_HELP, PARSED_WRONG };

static enum parsed parse_flags(const struct hf_verb *verb, struct hf_call *call, int argc, char **argv)
{
	struct getopt_tables tables;
	make_tables(verb, &tables);
	optind = 0; /* glibc: begin anew */
	opterr = 0;
	int seen;
	while ((seen = getopt_long(argc, argv, tables.letters, tables.longs, NULL)) != -1) {
		const struct hf_flag_row *flag = seen == '?' || seen == ':' ? NULL : find_flag(&tables, seen);
		if (flag == &help_flag)
			return PARSED_HELP;
		if (!flag) {
			complain_of_flag(call->err, call->program, verb, &tables, argv, seen);
			return PARSED_WRONG;
		}
		set_flag(&call->flags, flag);
	}
	call->words = argv + optind;
	call->word_count = (size_t)(argc - optind);
	return PARSED;
}

/* ---- verbs ---- */

static int run_verb(const struct hf_verb *verb, struct hf_call *call, int argc, char **argv)
{
	const char *program = call->program->name;
	enum parsed parsed = parse_flags(verb, call, argc, argv);
	if (parsed == PARSED_HELP) {
		write_verb_help(call->out, call->program, verb);
		return HF_EXIT_GOOD;
	}
	if (parsed == PARSED && call->word_count < verb->words_min)
		fprintf(call->err, "%s %s: wants %s\n", program, verb->name, verb->words);
	else if (parsed == PARSED && call->word_count > verb->words_max)
		fprintf(call->err, "%s %s: `%s` is one word too many\n", program, verb->name,
			call->words[verb->words_max]);
	else if (parsed == PARSED)
		return verb->run(call);
	fprintf(call->err, "`%s %s --help` tells what it takes.\n", program, verb->name);
	return HF_EXIT_USAGE;
}

static bool is_one_of(const char *word, const char *const *words)
{
	while (*words && strcmp(*words, word) != 0)
		words++;
	return *words;
}

static const struct hf_verb *find_verb(const struct hf_program *program, const char *name)
{
	for (const struct hf_verb *const *verb = program->verbs; *verb; verb++)
		if (strcmp((*verb)->name, name) == 0)
			return *verb;
	return NULL;
}

static int unknown_verb(const struct hf_program *program, const char *name, FILE *err)
{
	struct hf_nearest nearest = hf_nearest(name, strlen(name));
	for (const struct hf_verb *const *verb = program->verbs; *verb; verb++)
		hf_nearest_offer(&nearest, (*verb)->name);
	fprintf(err, "%s: unknown verb `%s`", program->name, name);
	suggest(err, &nearest, "");
	fprintf(err, "`%s --help` lists the verbs.\n", program->name);
	return HF_EXIT_USAGE;
}

/* What was written must have arrived: `holdfast doc schema > /dev/full` fails. */
static int close_out(FILE *out, FILE *err, int status)
{
	if (fflush(out) == 0 && !ferror(out))
		return status;
	fprintf(err, "holdfast: cannot write the output: %s\n", strerror(errno));
	return status == HF_EXIT_GOOD ? HF_EXIT_UNREACHED : status;
}

/* `holdfast help VERB` is what some people type first. */
static int help(const struct hf_program *program, const char *about, FILE *out, FILE *err)
{
	const struct hf_verb *verb = about ? find_verb(program, about) : NULL;
	if (about && !verb)
		return unknown_verb(program, about, err);
	if (verb)
		write_verb_help(out, program, verb);
	else
		write_program_help(out, program);
	return HF_EXIT_GOOD;
}

int hf_command(const struct hf_program *program, int argc, char **argv, FILE *out, FILE *err)
{
	static const char *const helps[] = { "--help", "-h", "help", NULL };
	static const char *const versions[] = { "--version", "-V", NULL };
	struct hf_call call = { .program = program, .out = out, .err = err };
	if (argc < 2) {
		write_program_help(err, program);
		return HF_EXIT_USAGE;
	}
	const char *word = is_one_of(argv[1], versions) ? "version" : argv[1];
	const struct hf_verb *verb = find_verb(program, word);
	if (verb)
		return close_out(out, err, run_verb(verb, &call, argc - 1, argv + 1));
	if (is_one_of(word, helps))
		return close_out(out, err, help(program, argc > 2 ? argv[2] : NULL, out, err));
	return unknown_verb(program, argv[1], err);
}
