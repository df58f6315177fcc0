/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config_source.h - the text of a configuration and what is wrong with it.
 *
 * Story: a place in the text is a byte offset until it is shown; only then does
 * it become a line and a column (characters, from 1). Complaints are collected
 * in any order and shown sorted, each with its line and a caret. What comes
 * from the file is never printed raw: control characters and the invisible
 * marks that reorder text are written as escapes.
 * Ownership: the text stays the caller's; the rest goes with _clear.
 * At the bound: HF_COMPLAINTS_MAX complaints are kept; the rest are counted. */
#ifndef HF_FACE_CONFIG_SOURCE_H
#define HF_FACE_CONFIG_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"

/* Nobody reads more; and a hostile file cannot make us think about each byte. */
#define HF_COMPLAINTS_MAX 1000

/* A longer line is nobody's writing, and the YAML parser keeps a whole line of
 * tokens in memory while it looks for a colon. */
#define HF_CONFIG_LINE_MAX 65536u

struct hf_complaint {
	uint32_t at;
	uint32_t number; /* in order of discovery: a tie-breaker */
	bool warning;
	const char *text;
};

struct hf_source {
	const char *name;
	const char *text;
	size_t len;          /* at most HF_CONFIG_FILE_MAX */
	uint32_t *lines;     /* offset of the first byte of each line */
	size_t line_count;
	struct hf_arena arena; /* texts of complaints */
	struct hf_complaint *complaints;
	size_t count;
	unsigned errors;     /* complaints that are no warnings, kept or not */
	int failed;          /* -ENOMEM: a complaint could not be kept */
};

/* -ENOMEM. */
int hf_source_init(struct hf_source *source, const char *name, const char *text, size_t len);
void hf_source_clear(struct hf_source *source);

/* Complains about what YAML and we cannot take in any text: bytes that are not
 * UTF-8, control characters, directives, endless lines. */
void hf_source_check_text(struct hf_source *source);

__attribute__((format(printf, 3, 4))) void hf_complain(
	struct hf_source *source, uint32_t at, const char *format, ...);
__attribute__((format(printf, 3, 4))) void hf_warn(
	struct hf_source *source, uint32_t at, const char *format, ...);

/* True once so much is wrong that it makes no sense to look for more. */
bool hf_source_hopeless(const struct hf_source *source);

/* The line, from 1, that an offset is on; and back from line and column. */
unsigned hf_source_line(const struct hf_source *source, uint32_t at);
uint32_t hf_source_offset(const struct hf_source *source, unsigned line, unsigned column);

/* Writes what was collected, in the order of the text. */
void hf_source_report(struct hf_source *source, FILE *out);

/* Text from outside as it may stand in a message: escaped, and cut after about
 * 60 characters. Returns buf. */
#define HF_QUOTE_MAX 320
const char *hf_quote(const char *text, size_t len, char buf[static HF_QUOTE_MAX]);

/* The same without the cut, straight to a file. */
void hf_write_shown(FILE *out, const char *text, size_t len);

/* True for characters that would not show as themselves: controls, and the marks
 * that hide text or turn its direction. */
bool hf_must_escape(uint32_t code);

/* Length of the character that begins at text, 1 to 4; 0 if it is not UTF-8.
 * ret_code is the code point. */
size_t hf_utf8_char(const char *text, size_t len, uint32_t *ret_code);

#endif
