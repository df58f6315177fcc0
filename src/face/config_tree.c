/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/config_tree.h"

#include <libfyaml.h>

#include "base/check.h"
#include "base/error.h"

struct frame {
	struct hf_node *node;
	struct hf_node *key; /* the key that waits for its value */
	bool flow;           /* written with a bracket or brace */
};

struct builder {
	struct hf_source *source;
	struct hf_arena *arena;
	struct hf_node *root;
	struct frame open[HF_TREE_DEPTH_MAX];
	unsigned depth;
	unsigned nodes;
	unsigned documents;
	int error; /* reading cannot go on */
};

const char *hf_node_kind_text(enum hf_node_kind kind)
{
	static const char *const texts[] = {
		[HF_NODE_WORD] = "a word",
		[HF_NODE_NOTHING] = "nothing",
		[HF_NODE_LIST] = "a list",
		[HF_NODE_MAPPING] = "a mapping",
		[HF_NODE_FAULT] = "a fault",
	};
	return texts[kind];
}

/* ---- places ---- */

/* Where a token begins. Marks of quoted texts, anchors and aliases lie behind
 * their first sign in some versions of the library. */
static uint32_t token_at(const struct builder *b, struct fy_token *token, uint32_t otherwise)
{
	const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
	if (!mark || mark->input_pos > b->source->len)
		return otherwise;
	size_t at = mark->input_pos;
	if (at > 0 && strchr("\"'&*", b->source->text[at - 1]))
		at--;
	return (uint32_t)at;
}

/* The best place for an event without one, an empty value: its key. */
static uint32_t place_of_parent(const struct builder *b)
{
	if (!b->depth)
		return 0;
	const struct frame *top = &b->open[b->depth - 1];
	return top->key ? top->key->at : top->node->at;
}

/* ---- growing the tree ---- */

static struct hf_node *new_node(struct builder *b, enum hf_node_kind kind, uint32_t at)
{
	if (b->nodes++ == HF_TREE_NODES_MAX) {
		hf_complain(b->source, at, "more than %u values in one file", HF_TREE_NODES_MAX);
		b->error = HF_ECONFIG;
		return NULL;
	}
	struct hf_node *node = hf_arena_get(b->arena, sizeof *node);
	if (!node) {
		b->error = -ENOMEM;
		return NULL;
	}
	node->kind = kind;
	node->at = at;
	return node;
}

static void append(struct hf_node *parent, struct hf_node *node)
{
	if (parent->last)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	parent->count++;
}

/* Takes a node as a mapping's next key. */
static void add_key(struct builder *b, struct frame *top, struct hf_node *node)
{
	if (node->kind != HF_NODE_WORD && node->kind != HF_NODE_FAULT) {
		hf_complain(b->source, node->at, "expected a word as key, found %s",
			hf_node_kind_text(node->kind));
		node->kind = node->kind == HF_NODE_NOTHING ? HF_NODE_FAULT : node->kind;
	}
	append(top->node, node);
	top->key = node;
}

static void add(struct builder *b, struct hf_node *node)
{
	if (!b->depth) {
		b->root = node;
		return;
	}
	struct frame *top = &b->open[b->depth - 1];
	if (top->node->kind == HF_NODE_LIST) {
		append(top->node, node);
	} else if (!top->key) {
		add_key(b, top, node);
	} else {
		top->key->value = node;
		top->key = NULL;
	}
}

/* ---- events ---- */

static void refuse_anchor_and_tag(struct builder *b, struct fy_event *event)
{
	struct fy_token *anchor = fy_event_get_anchor_token(event);
	struct fy_token *tag = fy_event_get_tag_token(event);
	if (anchor && event->type != FYET_ALIAS)
		hf_complain(b->source, token_at(b, anchor, place_of_parent(b)),
			"anchors (&) are not taken: write the value out where it is needed");
	if (tag)
		hf_complain(b->source, token_at(b, tag, place_of_parent(b)),
			"tags (!) are not taken: each key knows its type");
}

static void on_alias(struct builder *b, struct fy_event *event)
{
	uint32_t at = token_at(b, fy_event_get_token(event), place_of_parent(b));
	const struct frame *top = b->depth ? &b->open[b->depth - 1] : NULL;
	if (!top || !top->key || top->key->kind != HF_NODE_FAULT) /* not "<<: *x" once more */
		hf_complain(b->source, at, "aliases (*) are not taken: write the value out, "
			"or quote text that begins with *");
	struct hf_node *node = new_node(b, HF_NODE_FAULT, at);
	if (node)
		add(b, node);
}

/* `<<` means "merge" only as a key, and only when it is not quoted. */
static bool is_merge_key(const struct builder *b, const char *text, size_t len, bool plain)
{
	const struct frame *top = b->depth ? &b->open[b->depth - 1] : NULL;
	return plain && len == 2 && memcmp(text, "<<", 2) == 0 && top &&
	       top->node->kind == HF_NODE_MAPPING && !top->key;
}

static bool means_nothing(const char *text, size_t len)
{
	return len == 0 || (len == 1 && text[0] == '~') || (len == 4 && memcmp(text, "null", 4) == 0);
}

/* Escapes in quoted text can make what the file itself may not hold. */
static bool is_sound(const char *text, size_t len)
{
	uint32_t code;
	for (size_t at = 0, size; at < len; at += size)
		if (!(size = hf_utf8_char(text + at, len - at, &code)) || code == 0)
			return false;
	return true;
}

static void on_scalar(struct builder *b, struct fy_event *event)
{
	struct fy_token *token = event->scalar.value;
	size_t len = 0;
	const char *text = token ? fy_token_get_text(token, &len) : NULL;
	bool plain = !token || fy_token_scalar_style(token) == FYSS_PLAIN;
	/* libfyaml 0.8 has a token of no octets for an empty value, 0.7 has none. */
	struct hf_node *node = new_node(b, HF_NODE_WORD,
		token_at(b, plain && !len ? NULL : token, place_of_parent(b)));
	if (!node)
		return;
	if (is_merge_key(b, text, len, plain)) {
		hf_complain(b->source, node->at, "merge keys (<<) are not taken: write the values out");
		node->kind = HF_NODE_FAULT;
	} else if (plain && (!text || means_nothing(text, len))) {
		node->kind = HF_NODE_NOTHING;
	} else if (!is_sound(text, len)) {
		hf_complain(b->source, node->at, "text with a zero byte or half a character in it");
		node->kind = HF_NODE_FAULT;
	}
	node->len = (uint32_t)len;
	node->text = hf_arena_text(b->arena, text ? text : "", len);
	if (!node->text)
		b->error = -ENOMEM;
	else
		add(b, node);
}

static void on_open(struct builder *b, struct fy_event *event)
{
	bool list = event->type == FYET_SEQUENCE_START;
	uint32_t at = token_at(b, fy_event_get_token(event), place_of_parent(b));
	if (b->depth == HF_TREE_DEPTH_MAX) {
		hf_complain(b->source, at, "nested deeper than %u", HF_TREE_DEPTH_MAX);
		b->error = HF_ECONFIG;
		return;
	}
	struct hf_node *node = new_node(b, list ? HF_NODE_LIST : HF_NODE_MAPPING, at);
	if (!node)
		return;
	add(b, node);
	b->open[b->depth++] = (struct frame){ .node = node,
		.flow = fy_event_get_node_style(event) == FYNS_FLOW };
}

static void on_document(struct builder *b, struct fy_event *event)
{
	if (++b->documents < 2)
		return;
	hf_complain(b->source, token_at(b, fy_event_get_token(event), (uint32_t)b->source->len),
		"a second document begins here; a configuration is one");
	b->error = HF_ECONFIG;
}

static void on_event(struct builder *b, struct fy_event *event)
{
	refuse_anchor_and_tag(b, event);
	switch (event->type) {
	case FYET_DOCUMENT_START: on_document(b, event); break;
	case FYET_SCALAR: on_scalar(b, event); break;
	case FYET_ALIAS: on_alias(b, event); break;
	case FYET_SEQUENCE_START:
	case FYET_MAPPING_START: on_open(b, event); break;
	case FYET_SEQUENCE_END:
	case FYET_MAPPING_END: b->depth--; break;
	default: break;
	}
}

/* ---- the parser ---- */

static void complain_about_syntax(struct builder *b, struct fy_diag *diag)
{
	void *iterator = NULL;
	char quoted[HF_QUOTE_MAX];
	const struct fy_diag_error *error;
	while ((error = fy_diag_errors_iterate(diag, &iterator)) && error->type < FYET_ERROR)
		;
	const char *text = error && error->msg ? error->msg : "no YAML";
	uint32_t at = (uint32_t)b->source->len;
	if (error && error->line > 0 && error->column > 0)
		at = hf_source_offset(b->source, (unsigned)error->line, (unsigned)error->column);
	const struct frame *top = b->depth ? &b->open[b->depth - 1] : NULL;
	if (top && top->flow)
		hf_complain(b->source, at, "not valid YAML: %s (inside the '%c' of line %u)",
			hf_quote(text, strlen(text), quoted),
			top->node->kind == HF_NODE_LIST ? '[' : '{',
			hf_source_line(b->source, top->node->at));
	else
		hf_complain(b->source, at, "not valid YAML: %s",
			hf_quote(text, strlen(text), quoted));
	b->error = HF_ECONFIG;
}

static void parse(struct builder *b, struct fy_parser *parser, struct fy_diag *diag)
{
	struct fy_event *event;
	if (fy_parser_set_string(parser, b->source->text, b->source->len)) {
		b->error = -ENOMEM;
		return;
	}
	while (!b->error && (event = fy_parser_parse(parser))) {
		on_event(b, event);
		fy_parser_event_free(parser, event);
	}
	if (!b->error && fy_parser_get_stream_error(parser))
		complain_about_syntax(b, diag);
}

int hf_tree_read(struct hf_source *source, struct hf_arena *arena, struct hf_node **ret_root)
{
	struct builder b = { .source = source, .arena = arena };
	struct fy_diag_cfg diag_cfg;
	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	struct fy_diag *diag = fy_diag_create(&diag_cfg);
	if (!diag)
		return -ENOMEM;
	fy_diag_set_collect_errors(diag, true);
	/* No FYPCF_RESOLVE_DOCUMENT, and no document at all: nothing can expand. */
	struct fy_parse_cfg cfg = { .search_path = "", .diag = diag,
		.flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE };
	struct fy_parser *parser = fy_parser_create(&cfg);
	if (parser)
		parse(&b, parser, diag);
	else
		b.error = -ENOMEM;
	fy_parser_destroy(parser);
	fy_diag_destroy(diag);
	if (b.error)
		return b.error;
	*ret_root = b.root;
	return 0;
}
