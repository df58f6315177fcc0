/* SPDX-License-Identifier: MIT */
/* option.h - one row per option, owned by the part that uses it.
 *
 * Story: what an option is called, what it takes, between which bounds, what it
 * is when nobody says anything, whether it may change while running, and the
 * sentence that explains it, all stand in one row beside the struct that it
 * fills. The parser, `--help`, the reference page, the editors' schema, `check
 * -p` and reload read the row; none of them has a list of its own.
 *
 * A row fills a field of a struct at `at` with what its type says:
 *   FLAG bool · COUNT uint32_t, or a word that stands for one · DURATION hf_us, or a
 *   word · SIZE uint64_t · RATE uint32_t, or a word · TEXT const char * (owned by the
 *   configuration's arena) · WORD int, one of `words` · ADDRESS struct hf_address ·
 *   ADDRESSES struct
 *   hf_address_list · PREFIXES struct hf_prefix_list ·
 *   TEXTS struct hf_text_list.
 * `def` is the default as a user would write it, read by the same parser.
 * Threads: rows are const. */
#ifndef HF_BASE_OPTION_H
#define HF_BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/number.h"

struct hf_address_list {
	const struct hf_address *items;
	size_t count;
};

struct hf_prefix_list {
	const struct hf_prefix *items;
	size_t count;
};

struct hf_text_list {
	const char *const *items;
	size_t count;
};

enum hf_option_type {
	HF_OPT_FLAG = 1, /* yes, no, true, false, on, off */
	HF_OPT_COUNT,
	HF_OPT_DURATION,
	HF_OPT_SIZE,
	HF_OPT_RATE,      /* so many a second: 1024/s */
	HF_OPT_TEXT,
	HF_OPT_WORD,
	HF_OPT_ADDRESS,   /* with a port; `none` leaves it unset */
	HF_OPT_ADDRESSES, /* a list, or one */
	HF_OPT_PREFIXES,  /* a list, or one */
	HF_OPT_TEXTS,     /* a list, or one; owned by the configuration's arena */
};

struct hf_word {
	const char *word;
	int value;
};

struct hf_option {
	const char *name;
	enum hf_option_type type;
	size_t at;                   /* offsetof in the struct that the table is for */
	uint64_t min, max;           /* COUNT, DURATION (us), SIZE, RATE, TEXT (bytes): inclusive */
	const char *def;             /* as written in the file; lists as "[a, b]" */
	const struct hf_word
		*words; /* WORD; COUNT, DURATION, RATE (outside the range): ends with a NULL word */
	uint16_t port;               /* ADDRESS(ES): when none is written */
	bool live;                   /* may change on reload; else: needs a restart */
	const char *help;            /* one sentence with a full stop */
};

/* Tables end with a row without a name. */
#define HF_OPTION_END { .name = NULL }

bool hf_option_is_list(const struct hf_option *row);

/* Octets of one item of a list row, or of the field of any other. */
size_t hf_option_item_size(const struct hf_option *row);

/* Reads one value into the field at ret or, for a list row, one item of the list.
 * text ends with a NUL behind len. arena keeps TEXT; nothing else needs one.
 * HF_ESYNTAX: not the row's type; HF_ERANGE: outside the row's bounds, or bits
 * past a prefix's length; -ENOMEM. */
int hf_option_read(const struct hf_option *row, const char *text, size_t len,
	struct hf_arena *arena, void *ret);

/* What stands in the field of any row, as items: one, or those of a list. */
const void *hf_option_items(const struct hf_option *row, const void *field, size_t *ret_count);

/* One item as a user would write it; read back, it gives the same value. Returns
 * buf, or the text itself for TEXT. */
#define HF_OPTION_TEXT_MAX HF_ADDRESS_TEXT_MAX
const char *hf_option_text(const struct hf_option *row, const void *item,
	char buf[static HF_OPTION_TEXT_MAX]);

/* Whether two fields of the row hold the same value; lists in the same order. */
bool hf_option_same(const struct hf_option *row, const void *a, const void *b);

/* What the row takes, with an example, to stand behind "expected": "a duration
 * such as 2s". `item`: of one item of a list row. Returns buf, cut to fit. */
#define HF_OPTION_TAKES_MAX 128
const char *hf_option_takes(const struct hf_option *row, bool item,
	char buf[static HF_OPTION_TAKES_MAX]);

/* The words of a WORD, COUNT, DURATION or RATE row: "fastest or listed"; "" for other rows.
 * Returns buf, cut to fit. */
const char *hf_option_words(const struct hf_option *row, char buf[static HF_OPTION_TAKES_MAX]);

#endif
