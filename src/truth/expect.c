/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/expect.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"

enum { ITSELF, BELOW }; /* the seed of a hash: a name may have both */

struct hf_expect_table {
	struct hf_hash_key key;
	struct hf_expected *items;
	size_t count;
	uint64_t mask;
	const struct hf_expected **slots; /* open addressing, at most half full */
	unsigned labels_max;              /* of the deepest name with a "*." */
};

static const struct hf_expected **probe(const struct hf_expect_table *table, bool below,
	const uint8_t *name, size_t len)
{
	uint64_t at = hf_hash(&table->key, below ? BELOW : ITSELF, name, len);
	for (;; at++) {
		const struct hf_expected **slot = &table->slots[at & table->mask];
		if (!*slot)
			return slot;
		const struct hf_expectation *conf = (*slot)->conf;
		if (conf->below == below && conf->name.len == len &&
			memcmp(conf->name.bytes, name, len) == 0)
			return slot;
	}
}

/* ---- what it says, as a number ---- */

struct print {
	const struct hf_hash_key *key;
	uint64_t sum;
};

static void add(struct print *p, const void *bytes, size_t len)
{
	p->sum = hf_hash(p->key, p->sum, bytes, len);
}

static void add_prefixes(struct print *p, const struct hf_prefix_list *list)
{
	char text[HF_ADDRESS_TEXT_MAX];
	add(p, &list->count, sizeof list->count);
	for (size_t i = 0; i < list->count; i++) {
		hf_prefix_text(&list->items[i], text);
		add(p, text, strlen(text) + 1);
	}
}

static void add_text(struct print *p, const char *text)
{
	add(p, text ? text : "", text ? strlen(text) + 1 : 1);
}

static uint64_t print_of(const struct hf_hash_key *key, const struct hf_expectation *conf)
{
	struct print p = {.key = key};
	const uint64_t numbers[] = {conf->below, (uint64_t)conf->prove, (uint64_t)conf->prove_when,
		conf->prove_port, conf->cname.count};
	add(&p, conf->name.bytes, conf->name.len);
	add(&p, numbers, sizeof numbers);
	add_prefixes(&p, &conf->addresses);
	add_prefixes(&p, &conf->never);
	for (size_t i = 0; i < conf->cname.count; i++)
		add_text(&p, conf->cname.items[i]);
	add_text(&p, conf->prove_ca);
	add_text(&p, conf->agree);
	return p.sum;
}

static int compile(struct hf_arena *arena, const struct hf_expectation *conf, struct hf_expected *ret)
{
	struct hf_name *names = hf_arena_get(arena, conf->cname.count * sizeof *names);
	if (!names)
		return -ENOMEM;
	if (!hf_agree_read(conf->agree, &ret->agree, &ret->of))
		return HF_ESYNTAX;
	for (size_t i = 0; i < conf->cname.count; i++) {
		int rc = hf_name_from_text(conf->cname.items[i], strlen(conf->cname.items[i]), &names[i]);
		if (rc)
			return rc;
	}
	ret->conf = conf;
	ret->cnames = names;
	ret->cname_count = conf->cname.count;
	return 0;
}

int hf_expect_table_build(struct hf_arena *arena, const struct hf_hash_key *key,
	const struct hf_truth_conf *conf, struct hf_expect_table **ret)
{
	struct hf_expect_table *table = hf_arena_get(arena, sizeof *table);
	size_t slots = 2, count = conf->expectation_count;
	while (slots < 2 * count)
		slots *= 2;
	if (!table)
		return -ENOMEM;
	*table = (struct hf_expect_table){ .key = *key, .count = count, .mask = slots - 1 };
	table->items = hf_arena_get(arena, (count ? count : 1) * sizeof *table->items);
	table->slots = hf_arena_get(arena, slots * sizeof *table->slots);
	if (!table->items || !table->slots)
		return -ENOMEM;
	memset(table->slots, 0, slots * sizeof *table->slots);
	for (size_t i = 0; i < count; i++) {
		struct hf_expected *item = &table->items[i];
		int rc = compile(arena, &conf->expectations[i], item);
		if (rc)
			return rc;
		item->index = (unsigned)i;
		item->print = print_of(key, item->conf);
		const struct hf_expectation *e = item->conf;
		*probe(table, e->below, e->name.bytes, e->name.len) = item;
		unsigned labels = hf_name_labels(e->name.bytes);
		if (e->below && labels + 1 > table->labels_max)
			table->labels_max = labels + 1;
	}
	*ret = table;
	return 0;
}

const struct hf_expected *hf_expect_find(const struct hf_expect_table *table,
	const struct hf_name *name)
{
	if (!table->count)
		return NULL;
	const struct hf_expected *own = *probe(table, false, name->bytes, name->len);
	if (own || !table->labels_max)
		return own;
	const uint8_t *suffix = name->bytes;
	for (unsigned labels = hf_name_labels(suffix); labels > table->labels_max; labels--)
		suffix = hf_name_parent(suffix);
	while (suffix[0]) {
		suffix = hf_name_parent(suffix);
		size_t len = name->len - (size_t)(suffix - name->bytes);
		const struct hf_expected *below = *probe(table, true, suffix, len);
		if (below)
			return below;
	}
	return NULL;
}

const struct hf_expected *hf_expect_at(const struct hf_expect_table *table, size_t index)
{
	hf_require(index < table->count);
	return &table->items[index];
}

uint64_t hf_expect_print(const struct hf_expect_table *table)
{
	uint64_t print = table->count;
	for (size_t i = 0; i < table->count; i++)
		print += table->items[i].print;
	return print;
}

size_t hf_expect_count(const struct hf_expect_table *table)
{
	return table->count;
}

const char *hf_expect_text(const struct hf_expectation *expectation, char buf[static HF_EXPECT_TEXT_MAX])
{
	char name[HF_NAME_TEXT_MAX];
	snprintf(buf, HF_EXPECT_TEXT_MAX, "%s%s", expectation->below ? "*." : "",
		hf_name_text(expectation->name.bytes, name));
	return buf;
}
