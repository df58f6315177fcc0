/* SPDX-License-Identifier: MIT */
#include "base/option.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"

/* The first word that is written for a value is its name; the rest are other
 * spellings that are only read. */
static const struct hf_word flags[] = {
	{ "yes", true }, { "no", false }, { "true", true }, { "false", false },
	{ "on", true }, { "off", false }, { NULL, 0 },
};

static const struct hf_word *find_word(const struct hf_word *words, const char *text, size_t len)
{
	for (; words && words->word; words++)
		if (strlen(words->word) == len && memcmp(words->word, text, len) == 0)
			return words;
	return NULL;
}

static const char *word_for(const struct hf_word *words, int value)
{
	for (; words && words->word; words++)
		if (words->value == value)
			return words->word;
	return NULL;
}

static bool in_range(const struct hf_option *row, uint64_t value)
{
	return value >= row->min && value <= row->max;
}

static bool all_digits(const char *text, size_t len)
{
	size_t n = strspn(text, "0123456789");
	return n && n == len;
}

/* ---- text to value, a function a type ---- */

static int read_flag(const struct hf_option *row, const char *text, size_t len,
	struct hf_arena *arena, void *ret)
{
	(void)row;
	(void)arena;
	const struct hf_word *word = find_word(flags, text, len);
	if (!word)
		return HF_ESYNTAX;
	*(bool *)ret = word->value;
	return 0;
}

static int read_count(const struct hf_option *row, const char *text, size_t len,
	struct hf_arena *arena, void *ret)
{
	(void)arena;
	uint64_t value;
	const struct hf_word *word = find_word(row->words, text, len);
	if (word) {
		*(uint32_t *)ret = (uint32_t)word->value;
		return 0;
	}
	if (!all_digits(text, len))
		return HF_ESYNTAX;
	if (!hf_parse_u64(text, len, UINT32_MAX, &value) || !in_range(row, value))
		return HF_ERANGE;
	*(uint32_t *)ret = (uint32_t)value;
	return 0;
}

static int read_rate(const struct hf_option *row, const char *text, size_t len,
	struct hf_arena *arena, void *ret)
{
	static const struct hf_option no_words = { .name = "", .min = 0, .max = UINT32_MAX };
	uint32_t value;
	const struct hf_word *word = find_word(row->words, text, len);
	if (word) {
		*(uint32_t *)ret = (uint32_t)word->value;
		return 0;
	}
	if (len < 3 || memcmp(text + len - 2, "/s", 2) != 0)
		return HF_ESYNTAX;
	int rc = read_count(&no_words, text, len - 2, arena, &value);
	if (rc)
		return rc;
	if (!in_range(row, value))
		return HF_ERANGE;
	*(uint32_t *)ret = value;
	return 0;
}

static int read_duration(const struct hf_option *row, const char *text, size_t len,
	struct hf_arena *arena, void *ret)
{
	(void)arena;
	hf_us value;
	const struct hf_word *word = find_word(row->words, text, len);
	if (word) {
		*(hf_us *)ret = word->value;
		return 0;
	}
	if (!hf_parse_duration(text, len, &value))
		return HF_ESYNTAX;
	if (!in_range(row, (uint64_t)value))
		return HF_ERANGE;
	*(hf_us *)ret = value;
	return 0;
}

static int read_size(const struct hf_option *row, const char *text, size_t len,
	struct hf_arena *arena, void *ret)
{
	(void)arena;
	uint64_t value;
	if (!hf_parse_size(text, len, &value))
		return all_digits(text, len) ? HF_ERANGE : HF_ESYNTAX;
	if (!in_range(row, value))
		return HF_ERANGE;
	*(uint64_t *)ret = value;
	return 0;
}

static int read_text(const struct hf_option *row, const char *text, size_t len,
	struct hf_arena *arena, void *ret)
{
	if (!in_range(row, len))
		return HF_ERANGE;
	/* Text ends up in paths and logs: nothing that moves a cursor. */
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return HF_ESYNTAX;
	const char *copy = hf_arena_text(arena, text, len);
	if (!copy)
		return -ENOMEM;
	*(const char **)ret = copy;
	return 0;
}

static int read_word(const struct hf_option *row, const char *text, size_t len,
	struct hf_arena *arena, void *ret)
{
	(void)arena;
	const struct hf_word *word = find_word(row->words, text, len);
	if (!word)
		return HF_ESYNTAX;
	*(int *)ret = word->value;
	return 0;
}

/* The address parser stops at a NUL; text with one inside is no address. */
static int read_address_item(const struct hf_option *row, const char *text, size_t len,
	struct hf_arena *arena, void *ret)
{
	(void)arena;
	return strlen(text) == len ? hf_address_parse(text, row->port, ret) : HF_ESYNTAX;
}

static int read_address(const struct hf_option *row, const char *text, size_t len,
	struct hf_arena *arena, void *ret)
{
	if (len == 4 && memcmp(text, "none", 4) == 0) {
		*(struct hf_address *)ret = (struct hf_address){ 0 };
		return 0;
	}
	return read_address_item(row, text, len, arena, ret);
}

static int read_prefix(const struct hf_option *row, const char *text, size_t len,
	struct hf_arena *arena, void *ret)
{
	(void)row;
	(void)arena;
	return strlen(text) == len ? hf_prefix_parse(text, ret) : HF_ESYNTAX;
}

/* ---- value to text ---- */

static const char *copy_text(const char *text, char *buf)
{
	snprintf(buf, HF_OPTION_TEXT_MAX, "%s", text ? text : "");
	return buf;
}

static const char *text_of_flag(const struct hf_option *row, const void *item, char *buf)
{
	(void)row;
	return copy_text(word_for(flags, *(const bool *)item), buf);
}

static const char *text_of_count(const struct hf_option *row, const void *item, char *buf)
{
	uint32_t value = *(const uint32_t *)item;
	const char *word = word_for(row->words, (int)value);
	if (word)
		return copy_text(word, buf);
	snprintf(buf, HF_OPTION_TEXT_MAX, "%u", value);
	return buf;
}

static const char *text_of_rate(const struct hf_option *row, const void *item, char *buf)
{
	uint32_t value = *(const uint32_t *)item;
	const char *word = word_for(row->words, (int)value);
	if (word)
		return copy_text(word, buf);
	snprintf(buf, HF_OPTION_TEXT_MAX, "%u/s", value);
	return buf;
}

static const char *text_of_duration(const struct hf_option *row, const void *item, char *buf)
{
	hf_us value = *(const hf_us *)item;
	const char *word = value == (int)value ? word_for(row->words, (int)value) : NULL;
	return word ? copy_text(word, buf) : hf_duration_text(value, buf);
}

static const char *text_of_size(const struct hf_option *row, const void *item, char *buf)
{
	(void)row;
	return hf_size_text(*(const uint64_t *)item, buf);
}

static const char *text_of_text(const struct hf_option *row, const void *item, char *buf)
{
	(void)row;
	(void)buf;
	return *(const char *const *)item;
}

static const char *text_of_word(const struct hf_option *row, const void *item, char *buf)
{
	return copy_text(word_for(row->words, *(const int *)item), buf);
}

/* hf_address_text leaves a port of 0 off, but read back that would be the
 * row's own port: 0 (any port) is written out. */
static const char *text_of_address(const struct hf_option *row, const void *item, char *buf)
{
	(void)row;
	struct hf_address a = *(const struct hf_address *)item;
	char with_port[HF_ADDRESS_TEXT_MAX];
	if (!hf_address_set(&a) || a.port)
		return hf_address_text(&a, buf);
	a.port = 1;
	hf_address_text(&a, with_port);
	with_port[strlen(with_port) - 1] = '0';
	return copy_text(with_port, buf);
}

static const char *text_of_prefix(const struct hf_option *row, const void *item, char *buf)
{
	(void)row;
	return hf_prefix_text(item, buf);
}

/* ---- the types side by side ---- */

struct type {
	size_t size; /* of the field, or of a list's item */
	bool list;
	int (*read)(const struct hf_option *, const char *, size_t, struct hf_arena *, void *);
	const char *(*text)(const struct hf_option *, const void *, char *);
	const char *takes, *item_takes;
};

static const struct type types[] = {
	[HF_OPT_FLAG] = { sizeof(bool), false, read_flag, text_of_flag, "yes or no", NULL },
	[HF_OPT_COUNT] = { sizeof(uint32_t), false, read_count, text_of_count,
		"a whole number such as", NULL },
	[HF_OPT_DURATION] = { sizeof(hf_us), false, read_duration, text_of_duration,
		"a duration such as 2s", NULL },
	[HF_OPT_SIZE] = { sizeof(uint64_t), false, read_size, text_of_size,
		"a size such as 256MiB", NULL },
	[HF_OPT_RATE] = { sizeof(uint32_t), false, read_rate, text_of_rate,
		"a rate such as 1024/s", NULL },
	[HF_OPT_TEXT] = { sizeof(char *), false, read_text, text_of_text, "text", NULL },
	[HF_OPT_WORD] = { sizeof(int), false, read_word, text_of_word, "", NULL },
	[HF_OPT_ADDRESS] = { sizeof(struct hf_address), false, read_address, text_of_address,
		"an address such as 127.0.0.1:5300", NULL },
	[HF_OPT_ADDRESSES] = { sizeof(struct hf_address), true, read_address_item, text_of_address,
		"addresses such as [127.0.0.1:5300, \"[::1]:5300\"]",
		"an address such as 127.0.0.1:5300" },
	[HF_OPT_TEXTS] = { sizeof(char *), true, read_text, text_of_text,
		"a list such as [one, two]", "text" },
	[HF_OPT_PREFIXES] = { sizeof(struct hf_prefix), true, read_prefix, text_of_prefix,
		"prefixes such as [10.0.0.0/8, \"::1\"]", "a prefix such as 10.0.0.0/8" },
};

bool hf_option_is_list(const struct hf_option *row)
{
	return types[row->type].list;
}

size_t hf_option_item_size(const struct hf_option *row)
{
	return types[row->type].size;
}

int hf_option_read(const struct hf_option *row, const char *text, size_t len,
	struct hf_arena *arena, void *ret)
{
	return types[row->type].read(row, text, len, arena, ret);
}

const void *hf_option_items(const struct hf_option *row, const void *field, size_t *ret_count)
{
	if (row->type == HF_OPT_ADDRESSES) {
		const struct hf_address_list *list = field;
		*ret_count = list->count;
		return list->items;
	}
	if (row->type == HF_OPT_PREFIXES) {
		const struct hf_prefix_list *list = field;
		*ret_count = list->count;
		return list->items;
	}
	if (row->type == HF_OPT_TEXTS) {
		const struct hf_text_list *list = field;
		*ret_count = list->count;
		return list->items;
	}
	*ret_count = 1;
	return field;
}

const char *hf_option_text(const struct hf_option *row, const void *item,
	char buf[static HF_OPTION_TEXT_MAX])
{
	return types[row->type].text(row, item, buf);
}

static bool same_item(const struct hf_option *row, const void *a, const void *b)
{
	if (row->type == HF_OPT_TEXT || row->type == HF_OPT_TEXTS)
		return strcmp(*(const char *const *)a, *(const char *const *)b) == 0;
	if (row->type == HF_OPT_PREFIXES) { /* the only type with bytes of no meaning in it */
		const struct hf_prefix *p = a, *q = b;
		return p->bits == q->bits && hf_address_equal(&p->address, &q->address);
	}
	return memcmp(a, b, hf_option_item_size(row)) == 0;
}

bool hf_option_same(const struct hf_option *row, const void *a, const void *b)
{
	size_t a_count, b_count, size = hf_option_item_size(row);
	const char *a_items = hf_option_items(row, a, &a_count);
	const char *b_items = hf_option_items(row, b, &b_count);
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (!same_item(row, a_items + i * size, b_items + i * size))
			return false;
	return true;
}

const char *hf_option_words(const struct hf_option *row, char buf[static HF_OPTION_TAKES_MAX])
{
	struct hf_writer w = hf_writer((uint8_t *)buf, HF_OPTION_TAKES_MAX);
	for (const struct hf_word *word = row->words; word && word->word; word++) {
		const char *between = word == row->words ? "" : word[1].word ? ", " : " or ";
		hf_write_text(&w, "%s%s", between, word->word);
	}
	buf[w.len] = '\0'; /* hf_write_text leaves room for it */
	return buf;
}

const char *hf_option_takes(const struct hf_option *row, bool item,
	char buf[static HF_OPTION_TAKES_MAX])
{
	const struct type *type = &types[row->type];
	char words[HF_OPTION_TAKES_MAX];
	hf_option_words(row, words);
	if (row->type == HF_OPT_WORD)
		snprintf(buf, HF_OPTION_TAKES_MAX, "%s", words);
	else if (row->type == HF_OPT_COUNT)
		snprintf(buf, HF_OPTION_TAKES_MAX, "%s %llu%s%.60s", type->takes,
			(unsigned long long)(row->max < 1024 ? row->max : 1024),
			words[0] ? " or " : "", words);
	else if (row->type == HF_OPT_RATE || row->type == HF_OPT_DURATION)
		snprintf(buf, HF_OPTION_TAKES_MAX, "%s%s%.60s", type->takes, words[0] ? " or " : "",
			words);
	else
		snprintf(buf, HF_OPTION_TAKES_MAX, "%s",
			item && type->item_takes ? type->item_takes : type->takes);
	return buf;
}
