/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "face/command.h"

static struct hf_call seen;
static char word[32];

static int remember(const struct hf_call *call)
{
	seen = *call;
	word[0] = '\0';
	if (call->word_count)
		snprintf(word, sizeof word, "%s", call->words[0]);
	return HF_EXIT_FAULT;
}

static const struct hf_flag_row flags[] = {
	HF_FLAG_CONFIG,
	{ "print", 'p', NULL, offsetof(struct hf_flags, print), "Print it." },
	HF_FLAG_JSON,
	HF_FLAG_END,
};
static const struct hf_verb serve_verb = { .name = "serve", .help = "Serve it.", .flags = flags,
	.run = remember };
static const struct hf_verb play_verb = { .name = "play", .words = "FILE", .words_min = 1,
	.words_max = 1, .help = "Play a file.", .flags = flags, .run = remember };
static const struct hf_verb *const verbs[] = { &serve_verb, &play_verb, NULL };
static const struct hf_program program = { .name = "prog", .help = "A program.", .verbs = verbs };

static char out_text[4096], err_text[4096];

/* Runs a command line of up to seven words, NULL-terminated. */
static int command(const char *const *line)
{
	char copies[8][64];
	char *argv[9] = { NULL };
	int argc = 0;
	for (; line[argc]; argc++) {
		snprintf(copies[argc], sizeof copies[argc], "%s", line[argc]);
		argv[argc] = copies[argc];
	}
	memset(out_text, 0, sizeof out_text);
	memset(err_text, 0, sizeof err_text);
	FILE *out = fmemopen(out_text, sizeof out_text - 1, "w");
	FILE *err = fmemopen(err_text, sizeof err_text - 1, "w");
	int status = hf_command(&program, argc, argv, out, err);
	if (seen.flags.config) /* it pointed into a copy that ends here */
		seen.flags.config = strcmp(seen.flags.config, "x.yaml") == 0 ? "x.yaml" : "other";
	fclose(out);
	fclose(err);
	return status;
}

#define COMMAND(...) command((const char *const[]){ "prog", ##__VA_ARGS__, NULL })

static void a_verb_gets_its_flags_in_short_and_long_form(void **state)
{
	(void)state;
	assert_int_equal(COMMAND("serve", "-c", "x.yaml", "-p"), HF_EXIT_FAULT);
	assert_string_equal(seen.flags.config, "x.yaml");
	assert_true(seen.flags.print);
	assert_false(seen.flags.json);
	assert_int_equal(COMMAND("serve", "--config=x.yaml", "--json"), HF_EXIT_FAULT);
	assert_string_equal(seen.flags.config, "x.yaml");
	assert_false(seen.flags.print);
	assert_true(seen.flags.json);
}

static void words_may_stand_before_flags(void **state)
{
	(void)state;
	assert_int_equal(COMMAND("play", "a.play", "--json"), HF_EXIT_FAULT);
	assert_string_equal(word, "a.play");
	assert_true(seen.flags.json);
	assert_int_equal(COMMAND("play", "--", "-p"), HF_EXIT_FAULT);
	assert_string_equal(word, "-p");
}

static void an_unknown_verb_gets_the_nearest_one(void **state)
{
	(void)state;
	assert_int_equal(COMMAND("serv"), HF_EXIT_USAGE);
	assert_non_null(strstr(err_text, "unknown verb `serv`, did you mean `serve`?"));
	assert_int_equal(COMMAND("dance"), HF_EXIT_USAGE);
	assert_null(strstr(err_text, "did you mean"));
}

static void an_unknown_flag_gets_the_nearest_one(void **state)
{
	(void)state;
	assert_int_equal(COMMAND("serve", "--confg=x"), HF_EXIT_USAGE);
	assert_non_null(strstr(err_text, "unknown flag `--confg=x`, did you mean `--config`?"));
	assert_int_equal(COMMAND("serve", "-x"), HF_EXIT_USAGE);
	assert_non_null(strstr(err_text, "unknown flag `-x`"));
}

static void a_flag_wants_exactly_what_its_row_says(void **state)
{
	(void)state;
	assert_int_equal(COMMAND("serve", "-c"), HF_EXIT_USAGE);
	assert_non_null(strstr(err_text, "`-c` wants a value: FILE"));
	assert_int_equal(COMMAND("serve", "--json=yes"), HF_EXIT_USAGE);
	assert_non_null(strstr(err_text, "takes no value"));
}

static void too_many_and_too_few_words_are_usage(void **state)
{
	(void)state;
	assert_int_equal(COMMAND("serve", "now"), HF_EXIT_USAGE);
	assert_non_null(strstr(err_text, "`now` is one word too many"));
	assert_int_equal(COMMAND("play"), HF_EXIT_USAGE);
	assert_non_null(strstr(err_text, "wants FILE"));
	assert_int_equal(COMMAND(), HF_EXIT_USAGE);
	assert_non_null(strstr(err_text, "usage: prog VERB"));
}

static void help_is_made_from_the_rows(void **state)
{
	(void)state;
	assert_int_equal(COMMAND("--help"), HF_EXIT_GOOD);
	assert_non_null(strstr(out_text, "serve"));
	assert_non_null(strstr(out_text, "Play a file."));
	assert_int_equal(COMMAND("play", "--help"), HF_EXIT_GOOD);
	assert_non_null(strstr(out_text, "usage: prog play [FLAGS] FILE"));
	assert_non_null(strstr(out_text, "-c, --config FILE"));
	assert_non_null(strstr(out_text, "Print it."));
	assert_int_equal(COMMAND("help", "serve"), HF_EXIT_GOOD);
	assert_non_null(strstr(out_text, "Serve it."));
	assert_int_equal(COMMAND("help", "serv"), HF_EXIT_USAGE);
	assert_non_null(strstr(err_text, "unknown verb `serv`, did you mean `serve`?"));
}

static void output_that_cannot_be_written_is_no_success(void **state)
{
	(void)state;
	char name[] = "prog", flag[] = "--help";
	char *argv[] = { name, flag, NULL };
	FILE *full = fopen("/dev/full", "w");
	FILE *err = fmemopen(err_text, sizeof err_text - 1, "w");
	assert_int_equal(hf_command(&program, 2, argv, full, err), HF_EXIT_UNREACHED);
	fclose(full);
	fclose(err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_verb_gets_its_flags_in_short_and_long_form),
		cmocka_unit_test(words_may_stand_before_flags),
		cmocka_unit_test(an_unknown_verb_gets_the_nearest_one),
		cmocka_unit_test(an_unknown_flag_gets_the_nearest_one),
		cmocka_unit_test(a_flag_wants_exactly_what_its_row_says),
		cmocka_unit_test(too_many_and_too_few_words_are_usage),
		cmocka_unit_test(help_is_made_from_the_rows),
		cmocka_unit_test(output_that_cannot_be_written_is_no_success),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
