/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/tombstones.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "truth/meant.h"

struct hf_tombstones {
	uint64_t print; /* a hash of all */
	size_t count;
	struct hf_prefix prefixes[]; /* in order, none within another */
};

static int compare_addresses(const struct hf_address *a, const struct hf_address *b)
{
	int rc = a->family - b->family;
	return rc ? rc : memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

/* Of prefixes with the same first address the larger one comes first. */
static int compare(const void *a, const void *b)
{
	const struct hf_prefix *p = a, *q = b;
	int rc = compare_addresses(&p->address, &q->address);
	return rc ? rc : p->bits - q->bits;
}

static uint64_t print_of(const struct hf_tombstones *t)
{
	static const struct hf_hash_key key = {4, 1};
	uint64_t print = 1;
	for (size_t i = 0; i < t->count; i++) {
		const struct hf_prefix *prefix = &t->prefixes[i];
		print = hf_hash(&key, print ^ prefix->bits, prefix->address.bytes,
			sizeof prefix->address.bytes);
	}
	return print;
}

int hf_tombstones_new(const struct hf_prefix *prefixes, size_t count, struct hf_tombstones **ret)
{
	if (count > HF_TOMBSTONES_MAX)
		return HF_EBOUND;
	struct hf_tombstones *t = calloc(1, sizeof *t + count * sizeof *prefixes);
	if (!t)
		return -ENOMEM;
	if (count)
		memcpy(t->prefixes, prefixes, count * sizeof *prefixes);
	qsort(t->prefixes, count, sizeof *prefixes, compare);
	for (size_t i = 0; i < count; i++) {
		const struct hf_prefix *last = t->count ? &t->prefixes[t->count - 1] : NULL;
		if (!last || !hf_prefix_has(last, &t->prefixes[i].address))
			t->prefixes[t->count++] = t->prefixes[i];
	}
	t->print = print_of(t);
	*ret = t;
	return 0;
}

void hf_tombstones_free(struct hf_tombstones *tombstones)
{
	free(tombstones);
}

static const struct hf_prefix *find(
	const struct hf_tombstones *tombstones, const struct hf_address *address)
{
	size_t low = 0, high = tombstones->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_addresses(&tombstones->prefixes[middle].address, address) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	const struct hf_prefix *prefix = low ? &tombstones->prefixes[low - 1] : NULL;
	return prefix && hf_prefix_has(prefix, address) ? prefix : NULL;
}

const struct hf_prefix *hf_tombstones_find(
	const struct hf_tombstones *tombstones, const struct hf_address *address)
{
	const struct hf_prefix *prefix = find(tombstones, address);
	struct hf_address meant;
	if (prefix || address->family == 4)
		return prefix;
	meant = hf_address_meant(address);
	return meant.family == 4 ? find(tombstones, &meant) : NULL;
}

/* ---- messages ---- */

struct search {
	const struct hf_tombstones *tombstones;
	struct hf_evidence *ret;
};

/* False, and the search ends, at the first that is retired. */
static bool is_alive(void *ctx, const struct hf_address *address)
{
	struct search *search = ctx;
	const struct hf_prefix *prefix = hf_tombstones_find(search->tombstones, address);
	if (prefix)
		*search->ret = (struct hf_evidence){
			.lie = HF_LIE_RETIRED, .address = *address, .prefix = *prefix};
	return !prefix;
}

bool hf_tombstones_break(const struct hf_tombstones *tombstones, const uint8_t *m,
	const struct hf_message_view *view, struct hf_evidence *ret)
{
	struct search search = {tombstones, ret};
	struct hf_record record;
	if (!tombstones)
		return false;
	for (size_t at = view->question_end; at < view->end; at = record.end) {
		if (hf_record_read(m, view->end, at, &record))
			return false;
		if (at >= view->answer_end && at < view->authority_end)
			continue;
		if (!hf_record_addresses(m, &record, is_alive, &search))
			return true;
	}
	return false;
}

bool hf_tombstones_more(const struct hf_tombstones *before, const struct hf_tombstones *next)
{
	return next && next->count && (!before || before->print != next->print);
}

/* ---- a list in a file ---- */

struct list {
	struct hf_prefix *items;
	size_t count, cap, most;
};

static int add(struct list *list, const struct hf_prefix *prefix)
{
	if (list->count == list->most)
		return HF_EBOUND;
	if (list->count == list->cap) {
		size_t cap = list->cap ? 2 * list->cap : 64;
		struct hf_prefix *grown = realloc(list->items, cap * sizeof *grown);
		if (!grown)
			return -ENOMEM;
		list->items = grown;
		list->cap = cap;
	}
	list->items[list->count++] = *prefix;
	return 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* What stands on a line, without comment and spaces. */
static const char *trim(const char *line, size_t *len)
{
	const char *comment = memchr(line, '#', *len);
	if (comment)
		*len = (size_t)(comment - line);
	while (*len && is_space(*line)) {
		line++;
		--*len;
	}
	while (*len && is_space(line[*len - 1]))
		--*len;
	return line;
}

static int read_prefix(const char *text, size_t len, struct hf_prefix *ret)
{
	char copy[HF_ADDRESS_TEXT_MAX];
	if (len >= sizeof copy || memchr(text, '\0', len))
		return HF_ESYNTAX;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return hf_prefix_parse(copy, ret);
}

int hf_tombstones_read(const char *text, size_t len, size_t most, hf_tombstones_fault *fault,
	void *ctx, struct hf_prefix **ret, size_t *ret_count)
{
	struct list list = {.most = most};
	size_t number = 1;
	for (size_t at = 0, end; at < len; at = end + 1, number++) {
		const char *stop = memchr(text + at, '\n', len - at);
		end = stop ? (size_t)(stop - text) : len;
		size_t line_len = end - at;
		const char *line = trim(text + at, &line_len);
		struct hf_prefix prefix;
		if (!line_len)
			continue;
		int rc = read_prefix(line, line_len, &prefix);
		if (rc) {
			fault(ctx, number, line, line_len, rc);
			continue;
		}
		rc = add(&list, &prefix);
		if (rc) {
			free(list.items);
			return rc;
		}
	}
	*ret = list.items;
	*ret_count = list.count;
	return 0;
}
