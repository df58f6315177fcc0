/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a configuration. A file with a fault says so in at least one
 * line; a file without one is printed, and what was printed reads as the same
 * configuration again. */
#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"
#include "face/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libfyaml 0.7 forgets a small buffer, at most once a file, after some texts with
 * five or more doubled quotes. Our own use of the library is watched by the unit
 * tests, which run under the leak checker without this. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml.so\n";
}

/* Complaints may hold any character, but nothing that a terminal obeys. */
static void look_at_complaints(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hf_require((unsigned char)text[i] >= 0x20 || text[i] == '\n');
}

static struct hf_config *parse(const char *text, size_t len)
{
	char *complaints = NULL;
	size_t complaints_len = 0;
	struct hf_config *config = NULL;
	FILE *out = open_memstream(&complaints, &complaints_len);
	hf_require(out);
	int error = hf_config_parse("fuzz", text, len, out, &config);
	hf_require(fclose(out) == 0);
	hf_require(error == 0 || error == HF_ECONFIG);
	hf_require(!error == (config != NULL));
	hf_require(!error || complaints_len);
	look_at_complaints(complaints, complaints_len);
	free(complaints);
	return config;
}

/* Equal but for the comments, which begin with " # " and the name of the source. */
static void same_values(const char *a, const char *b)
{
	while (*a && *b) {
		const char *a_end = strstr(a, "\n"), *b_end = strstr(b, "\n");
		const char *a_comment = memrchr(a, '#', (size_t)(a_end - a));
		const char *b_comment = memrchr(b, '#', (size_t)(b_end - b));
		hf_require(a_comment && b_comment && a_comment - a == b_comment - b);
		hf_require(memcmp(a, b, (size_t)(a_comment - a)) == 0);
		a = a_end + 1;
		b = b_end + 1;
	}
	hf_require(!*a && !*b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_config *first = parse((const char *)data, size), *second;
	if (!first)
		return 0;
	char *a = hf_config_yaml(first);
	hf_require(a);
	second = parse(a, strlen(a));
	hf_require(second);
	char *b = hf_config_yaml(second);
	hf_require(b);
	same_values(a, b);
	free(a);
	free(b);
	hf_require(!hf_config_restart_needed(first, second, stderr));
	hf_config_unref(first);
	hf_config_unref(second);
	return 0;
}
