/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/config_rows.h"

#include "base/check.h"
#include "base/error.h"
#include "base/nearest.h"

static void *get(struct hf_reading *r, struct hf_arena *arena, size_t size)
{
	void *piece = hf_arena_get(arena, size);
	if (!piece)
		r->failed = -ENOMEM;
	return piece;
}

static bool give_up(const struct hf_reading *r)
{
	return r->failed || hf_source_hopeless(r->source);
}

/* ---- one value ---- */

bool hf_expect_word(struct hf_reading *r, const struct hf_node *node, const char *takes)
{
	if (node->kind == HF_NODE_WORD)
		return true;
	if (node->kind != HF_NODE_FAULT)
		hf_complain(r->source, node->at, "expected %s, found %s", takes,
			hf_node_kind_text(node->kind));
	return false;
}

/* A bound as the row's type writes it. */
static const char *bound_text(const struct hf_option *row, uint64_t bound,
	char buf[static HF_OPTION_TEXT_MAX])
{
	if (row->type == HF_OPT_DURATION)
		return hf_duration_text((hf_us)bound, buf);
	if (row->type == HF_OPT_SIZE)
		return hf_size_text(bound, buf);
	snprintf(buf, HF_OPTION_TEXT_MAX, "%llu", (unsigned long long)bound);
	return buf;
}

static void complain_range(struct hf_reading *r, const struct hf_option *row,
	const struct hf_node *node, const char *quoted)
{
	char least[HF_OPTION_TEXT_MAX], most[HF_OPTION_TEXT_MAX], words[HF_OPTION_TAKES_MAX];
	hf_option_words(row, words);
	if (row->type == HF_OPT_PREFIXES)
		hf_complain(r->source, node->at, "'%s' has bits set behind its length", quoted);
	else if (row->type == HF_OPT_TEXT || row->type == HF_OPT_TEXTS)
		hf_complain(r->source, node->at, "'%s' is %u bytes long: expected %s to %s", quoted,
			node->len, bound_text(row, row->min, least), bound_text(row, row->max, most));
	else
		hf_complain(r->source, node->at, "%s is out of range: expected %s to %s%s%s", quoted,
			bound_text(row, row->min, least), bound_text(row, row->max, most),
			words[0] ? " or " : "", words);
}

static void complain_word(struct hf_reading *r, const struct hf_option *row,
	const struct hf_node *node, const char *quoted)
{
	char words[HF_OPTION_TAKES_MAX];
	struct hf_nearest nearest = hf_nearest(node->text, node->len);
	for (const struct hf_word *word = row->words; word->word; word++)
		hf_nearest_offer(&nearest, word->word);
	hf_complain(r->source, node->at, "'%s' is not known here: expected %s%s%s%s", quoted,
		hf_option_words(row, words), nearest.best ? "; did you mean '" : "",
		nearest.best ? nearest.best : "", nearest.best ? "'?" : "");
}

static void complain_syntax(struct hf_reading *r, const struct hf_option *row,
	const struct hf_node *node, const char *quoted)
{
	static const char *const is_no[] = {
		[HF_OPT_FLAG] = "is neither yes nor no",
		[HF_OPT_COUNT] = "is no whole number",
		[HF_OPT_DURATION] = "is no duration (write 400ms or 2s)",
		[HF_OPT_SIZE] = "is no size (write 64KiB or 256MiB)",
		[HF_OPT_RATE] = "is no rate (write 1024/s)",
		[HF_OPT_TEXT] = "contains a control character",
		[HF_OPT_ADDRESS] = "is no address (write 127.0.0.1:5300, \"[::1]:5300\" or none)",
		[HF_OPT_ADDRESSES] = "is no address (write 127.0.0.1:5300 or \"[::1]:5300\")",
		[HF_OPT_TEXTS] = "contains a control character",
		[HF_OPT_PREFIXES] = "is no prefix (write 10.0.0.0/8 or \"::1\")",
	};
	char words[HF_OPTION_TAKES_MAX];
	hf_option_words(row, words);
	if (row->type == HF_OPT_WORD)
		complain_word(r, row, node, quoted);
	else
		hf_complain(r->source, node->at, "'%s' %s%s%s", quoted, is_no[row->type],
			words[0] ? ", nor " : "", words);
}

/* Reads a word into a field or a list's item. */
static bool read_item(struct hf_reading *r, const struct hf_option *row, bool item,
	const struct hf_node *node, void *ret)
{
	char takes[HF_OPTION_TAKES_MAX], quoted[HF_QUOTE_MAX];
	if (!hf_expect_word(r, node, hf_option_takes(row, item, takes)))
		return false;
	int error = hf_option_read(row, node->text, node->len, &r->config->arena, ret);
	hf_quote(node->text, node->len, quoted);
	if (error == HF_ERANGE)
		complain_range(r, row, node, quoted);
	else if (error == -ENOMEM)
		r->failed = error;
	else if (error)
		complain_syntax(r, row, node, quoted);
	return !error;
}

/* ---- lists ---- */

struct listed {
	const struct hf_node *node;
	struct hf_prefix value; /* an address is one with 0 bits */
};

static int compare_listed(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;
	int order = memcmp(&x->value.address, &y->value.address, sizeof x->value.address);
	if (!order)
		order = x->value.bits - y->value.bits;
	return order ? order : x->node->at < y->node->at ? -1 : x->node->at > y->node->at;
}

/* The same thing twice is a slip of the hand in any list. Port 0 is a different
 * port each time. */
static void refuse_twice(struct hf_reading *r, const struct hf_option *row,
	struct listed *items, size_t count)
{
	char text[HF_OPTION_TEXT_MAX];
	qsort(items, count, sizeof *items, compare_listed);
	for (size_t i = 1; i < count; i++) {
		const struct hf_prefix *a = &items[i - 1].value, *b = &items[i].value;
		if (!hf_address_equal(&a->address, &b->address) || a->bits != b->bits ||
			(row->type == HF_OPT_ADDRESSES && a->address.port == 0))
			continue;
		hf_complain(r->source, items[i].node->at, "%s is given twice, first on line %u",
			hf_option_text(row, b, text), hf_source_line(r->source, items[i - 1].node->at));
	}
}

/* Remembers where each text stands, for whoever finds a fault in one. */
static void note_places(struct hf_reading *r, const void *items, const struct listed *listed,
	size_t count)
{
	struct hf_listed *list = get(r, r->scratch, sizeof *list);
	uint32_t *at = get(r, r->scratch, count * sizeof *at);
	if (give_up(r))
		return;
	for (size_t i = 0; i < count; i++)
		at[i] = listed[i].node->at;
	*list = (struct hf_listed){r->lists, items, at};
	r->lists = list;
}

uint32_t hf_place_of_item(
	const struct hf_reading *r, const struct hf_text_list *list, size_t item, uint32_t otherwise)
{
	const struct hf_listed *found = r->lists;
	while (found && found->items != list->items)
		found = found->next;
	return found ? found->at[item] : otherwise;
}

/* A list row takes a list, or one word for a list of one. */
static void read_list(struct hf_reading *r, const struct hf_option *row,
	const struct hf_node *node, void *ret)
{
	bool list = node->kind == HF_NODE_LIST;
	size_t count = list ? node->count : 1, size = hf_option_item_size(row), good = 0;
	char takes[HF_OPTION_TAKES_MAX];
	if (!list && !hf_expect_word(r, node, hf_option_takes(row, false, takes)))
		return;
	char *items = get(r, &r->config->arena, count * size);
	struct listed *listed = get(r, r->scratch, count * sizeof *listed);
	const struct hf_node *item = list ? node->first : node;
	for (; item && !give_up(r); item = list ? item->next : NULL) {
		char *place = items + good * size;
		if (!read_item(r, row, true, item, place))
			continue;
		listed[good].node = item;
		memcpy(&listed[good].value, place, size);
		good++;
	}
	if (give_up(r))
		return;
	if (row->type == HF_OPT_TEXTS) {
		if (good)
			note_places(r, items, listed, good);
		*(struct hf_text_list *)ret = (struct hf_text_list){ (void *)items, good };
		return;
	}
	refuse_twice(r, row, listed, good);
	if (row->type == HF_OPT_ADDRESSES)
		*(struct hf_address_list *)ret = (struct hf_address_list){ (void *)items, good };
	else
		*(struct hf_prefix_list *)ret = (struct hf_prefix_list){ (void *)items, good };
}

static void read_row(struct hf_reading *r, const struct hf_option *row,
	const struct hf_node *node, void *entry)
{
	void *field = (char *)entry + row->at;
	if (hf_option_is_list(row))
		read_list(r, row, node, field);
	else
		read_item(r, row, false, node, field);
}

/* A default goes the way of any value: through the YAML reader when it may be a
 * list, else straight to the row's. An empty list is one without a reader: ten thousand
 * zones have seventy thousand of them. */
static void read_default(struct hf_reading *r, const struct hf_option *row, void *entry)
{
	static const struct hf_node nothing = { .kind = HF_NODE_LIST };
	struct hf_source source;
	struct hf_node *node = NULL;
	int error = 0;
	if (!hf_option_is_list(row)) {
		error = hf_option_read(row, row->def, strlen(row->def), &r->config->arena,
			(char *)entry + row->at);
	} else if (strcmp(row->def, "[]") == 0) {
		read_row(r, row, &nothing, entry);
	} else if (!(error = hf_source_init(&source, row->name, row->def, strlen(row->def)))) {
		struct hf_reading inner = *r;
		inner.source = &source;
		error = hf_tree_read(&source, r->scratch, &node);
		if (!error)
			read_row(&inner, row, node, entry);
		error = error ? error : inner.failed ? inner.failed : source.errors ? HF_ECONFIG : 0;
		hf_source_clear(&source);
	}
	if (error == -ENOMEM)
		r->failed = error;
	else if (hf_unexpected(error))
		hf_complain(r->source, 0, "the default of %s cannot be read", row->name);
}

/* ---- mappings ---- */

/* The nearest key is looked for where the unknown one stands. */
static void complain_unknown(struct hf_reading *r, const struct hf_section *section,
	const struct hf_node *key)
{
	char quoted[HF_QUOTE_MAX];
	struct hf_nearest nearest = hf_nearest(key->text, key->len);
	for (size_t i = 0; i < hf_section_keys(section); i++)
		hf_nearest_offer(&nearest, hf_section_key(section, i).row->name);
	for (size_t i = 0; section->kind == HF_KIND_TOP && i < HF_SECTIONS; i++)
		if (hf_sections[i].name)
			hf_nearest_offer(&nearest, hf_sections[i].name);
	hf_quote(key->text, key->len, quoted);
	if (nearest.best)
		hf_complain(r->source, key->at, "unknown key '%s', did you mean '%s'?", quoted,
			nearest.best);
	else if (section->entry)
		hf_complain(r->source, key->at, "unknown key '%s' in %s", quoted, section->entry);
	else if (section->name)
		hf_complain(r->source, key->at, "unknown key '%s' in '%s'", quoted, section->name);
	else
		hf_complain(r->source, key->at, "unknown key '%s'", quoted);
}

/* Notes where a key stands; false if it stood there before. */
static bool first_time(struct hf_reading *r, const struct hf_node *key, uint32_t *origin)
{
	char quoted[HF_QUOTE_MAX];
	if (*origin != HF_ORIGIN_DEFAULT) {
		hf_complain(r->source, key->at, "key '%s' is given twice, first on line %u",
			hf_quote(key->text, key->len, quoted), hf_source_line(r->source, *origin));
		return false;
	}
	*origin = key->at;
	return true;
}

static size_t find_key(const struct hf_section *section, const struct hf_node *node)
{
	size_t i = 0, keys = hf_section_keys(section);
	while (i < keys && strcmp(hf_section_key(section, i).row->name, node->text) != 0)
		i++;
	return i;
}

static void read_key(struct hf_reading *r, const struct hf_section *section, size_t i,
	const struct hf_node *key, void *entry, uint32_t *origins)
{
	struct hf_key k = hf_section_key(section, i);
	if (!first_time(r, key, &origins[i]))
		return;
	if (k.own)
		k.own->read(r, entry, key->value);
	else
		read_row(r, k.row, key->value, entry);
}

/* Fills what was not given: a default for a row, a complaint for an own key. */
static void read_defaults(struct hf_reading *r, const struct hf_section *section, uint32_t at,
	void *entry, const uint32_t *origins)
{
	for (size_t i = 0; i < hf_section_keys(section) && !give_up(r); i++) {
		struct hf_key key = hf_section_key(section, i);
		if (origins[i] != HF_ORIGIN_DEFAULT)
			continue;
		if (key.own)
			hf_complain(r->source, at, "%s needs the key '%s': %s", section->entry,
				key.row->name, key.own->takes);
		else
			read_default(r, key.row, entry);
	}
}

static bool expect_mapping(struct hf_reading *r, const struct hf_section *section,
	const struct hf_node *node)
{
	if (node->kind == HF_NODE_MAPPING)
		return true;
	if (node->kind == HF_NODE_FAULT)
		return false;
	const char *hint = node->kind == HF_NODE_NOTHING ?
		" (leave the key out to take the defaults)" : "";
	hf_complain(r->source, node->at, "expected a mapping%s%s, found %s%s",
		section->entry ? " for " : "", section->entry ? section->entry : "",
		hf_node_kind_text(node->kind), hint);
	return false;
}

/* Reads an entry, or a ONE section. at is where it begins, for what is missing. */
static void read_entry(struct hf_reading *r, const struct hf_section *section,
	const struct hf_node *node, uint32_t at, void *entry, uint32_t *origins)
{
	unsigned errors = r->source->errors;
	if (section->shorthand && node->kind == HF_NODE_WORD) {
		origins[0] = node->at;
		section->own[0].read(r, entry, node);
	} else if (!expect_mapping(r, section, node)) {
		return;
	} else {
		for (const struct hf_node *key = node->first; key && !give_up(r); key = key->next) {
			if (key->kind != HF_NODE_WORD)
				continue;
			size_t i = find_key(section, key);
			if (i < hf_section_keys(section))
				read_key(r, section, i, key, entry, origins);
			else
				complain_unknown(r, section, key);
		}
	}
	read_defaults(r, section, at, entry, origins);
	if (section->check && r->source->errors == errors && !give_up(r))
		section->check(r, entry, origins);
}

/* ---- sections of many entries ---- */

static bool good_name(const char *name, size_t len)
{
	return len >= 1 && len <= 63 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == len;
}

static void read_name(struct hf_reading *r, const struct hf_node *key,
	const struct hf_section *section, void *entry)
{
	char quoted[HF_QUOTE_MAX];
	if (!good_name(key->text, key->len))
		hf_complain(r->source, key->at,
			"'%s' is no name for %s (1 to 63 letters, digits, '-', '_' and '.')",
			hf_quote(key->text, key->len, quoted), section->entry);
	const char *name = hf_arena_text(&r->config->arena, key->text, key->len);
	if (!name)
		r->failed = -ENOMEM;
	*(const char **)(void *)((char *)entry + section->name_at) = name;
}

static bool expect_entries(struct hf_reading *r, const struct hf_section *section,
	const struct hf_node *node)
{
	enum hf_node_kind wanted =
		section->kind == HF_KIND_LIST ? HF_NODE_LIST : HF_NODE_MAPPING;
	const char *form = section->form;
	if (node->kind == HF_NODE_FAULT)
		return false;
	if (node->kind != wanted)
		hf_complain(r->source, node->at, "expected %s, found %s%s", form,
			hf_node_kind_text(node->kind), node->kind == HF_NODE_NOTHING ?
			" (leave the key out to take the defaults)" : "");
	else if (!node->count)
		hf_complain(r->source, node->at, "expected %s, found none", section->entry);
	else if (node->count > section->max)
		hf_complain(r->source, node->at, "%u entries: more than %zu are not taken",
			node->count, section->max);
	return node->kind == wanted && node->count && node->count <= section->max;
}

static void set_all_default(uint32_t *origins, size_t count)
{
	for (size_t i = 0; i < count; i++)
		origins[i] = HF_ORIGIN_DEFAULT;
}

/* Origins for count entries, all of them "default" so far. */
static void make_origins(struct hf_reading *r, enum hf_section_id id, size_t count)
{
	size_t keys = hf_section_keys(&hf_sections[id]);
	uint32_t *at = get(r, &r->config->arena, count * sizeof *at);
	uint32_t *key_at = get(r, &r->config->arena, count * keys * sizeof *key_at);
	if (r->failed)
		return;
	set_all_default(at, count);
	set_all_default(key_at, count * keys);
	r->origins->of[id].entries = at;
	r->origins->of[id].keys = key_at;
}

/* Names are at most a thousand: comparing each with those before is cheap. */
static const struct hf_node *same_key_before(const struct hf_node *parent,
	const struct hf_node *key)
{
	for (const struct hf_node *other = parent->first; other != key; other = other->next)
		if (other->kind == HF_NODE_WORD && strcmp(other->text, key->text) == 0)
			return other;
	return NULL;
}

void hf_read_entries(struct hf_reading *r, enum hf_section_id id, const struct hf_node *node)
{
	const struct hf_section *section = &hf_sections[id];
	size_t keys = hf_section_keys(section), n = 0;
	bool named = section->kind == HF_KIND_NAMED;
	if (!expect_entries(r, section, node))
		return;
	make_origins(r, id, node->count);
	char *entries = get(r, &r->config->arena, node->count * section->size);
	for (const struct hf_node *item = node->first; item && !give_up(r); item = item->next) {
		if (item->kind == HF_NODE_FAULT || (named && item->kind != HF_NODE_WORD))
			continue;
		const struct hf_node *before = named ? same_key_before(node, item) : NULL;
		uint32_t first = before ? before->at : HF_ORIGIN_DEFAULT;
		if (!first_time(r, item, &first))
			continue;
		void *entry = entries + n * section->size;
		r->origins->of[id].entries[n] = item->at;
		if (named)
			read_name(r, item, section, entry);
		read_entry(r, section, named ? item->value : item, item->at, entry,
			r->origins->of[id].keys + n * keys);
		n++;
	}
	*(void **)(void *)((char *)r->config + section->at) = entries;
	*(size_t *)(void *)((char *)r->config + section->count_at) = n;
}

/* ---- the whole ---- */

static void read_one(struct hf_reading *r, enum hf_section_id id, const struct hf_node *node)
{
	const struct hf_section *section = &hf_sections[id];
	void *place = (char *)r->config + section->at;
	if (node)
		read_entry(r, section, node, node->at, place, r->origins->of[id].keys);
	else
		read_defaults(r, section, 0, place, r->origins->of[id].keys);
}

static enum hf_section_id find_section(const struct hf_node *key)
{
	unsigned id = HF_SECTION_TOP + 1;
	while (id < HF_SECTIONS && strcmp(hf_sections[id].name, key->text) != 0)
		id++;
	return id;
}

/* Sorts the keys of the file by section; top-level values are read at once. */
static void read_top(struct hf_reading *r, const struct hf_node *root,
	const struct hf_node *found[static HF_SECTIONS])
{
	const struct hf_section *top = &hf_sections[HF_SECTION_TOP];
	uint32_t *origins = r->origins->of[HF_SECTION_TOP].keys;
	void *place = (char *)r->config + top->at;
	for (const struct hf_node *key = root ? root->first : NULL; key && !give_up(r); key = key->next) {
		if (key->kind != HF_NODE_WORD)
			continue;
		enum hf_section_id id = find_section(key);
		size_t i = find_key(top, key);
		if (i < hf_section_keys(top))
			read_key(r, top, i, key, place, origins);
		else if (id == HF_SECTIONS)
			complain_unknown(r, top, key);
		else if (first_time(r, key, &r->origins->of[id].section))
			found[id] = key->value;
	}
	read_defaults(r, top, 0, place, origins);
}

static void clear_origins(struct hf_reading *r)
{
	for (unsigned id = 0; id < HF_SECTIONS; id++) {
		enum hf_section_kind kind = hf_sections[id].kind;
		r->origins->of[id].section = HF_ORIGIN_DEFAULT;
		if (kind == HF_KIND_TOP || kind == HF_KIND_ONE)
			make_origins(r, id, 1);
	}
}

void hf_read_sections(struct hf_reading *r, const struct hf_node *root)
{
	const struct hf_node *found[HF_SECTIONS] = { 0 };
	clear_origins(r);
	if (r->failed)
		return;
	if (root && root->kind != HF_NODE_MAPPING) {
		if (root->kind != HF_NODE_NOTHING && root->kind != HF_NODE_FAULT)
			hf_complain(r->source, root->at,
				"expected a mapping such as 'listen: { ... }', found %s",
				hf_node_kind_text(root->kind));
		root = NULL;
	}
	read_top(r, root, found);
	for (unsigned id = HF_SECTION_TOP + 1; id < HF_SECTIONS && !give_up(r); id++) {
		enum hf_section_kind kind = hf_sections[id].kind;
		if (kind == HF_KIND_ONE)
			read_one(r, id, found[id]);
		else if (found[id])
			hf_read_entries(r, id, found[id]);
		else if (id == HF_SECTION_UPSTREAMS ||
			 id == HF_SECTION_FORWARD) /* of others there are none */
			hf_read_default_entries(r, id);
	}
}
