/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config_tree.h - YAML text as a tree of words, lists and mappings.
 *
 * Story: the parser's events are turned into a small tree of our own, node by
 * node, so that a file costs what it holds, depth and number are bounded while
 * reading, and each node knows where it began. Aliases are never followed:
 * anchors, aliases, tags, merge keys and second documents are complained about
 * and reading goes on behind them, so that all are named in one run.
 * Ownership: the tree lives in the arena given and copies its texts.
 * At the bound: nesting over HF_TREE_DEPTH_MAX and more than HF_TREE_NODES_MAX
 * nodes are refused with a complaint. */
#ifndef HF_FACE_CONFIG_TREE_H
#define HF_FACE_CONFIG_TREE_H

#include "face/config_source.h"

#define HF_TREE_DEPTH_MAX 16
/* 100,000 routes with a handful of words each; 160 MiB at the most. */
#define HF_TREE_NODES_MAX 2000000

enum hf_node_kind {
	HF_NODE_WORD = 1,
	HF_NODE_NOTHING, /* "key:", "~" or "null" */
	HF_NODE_LIST,
	HF_NODE_MAPPING,
	HF_NODE_FAULT,   /* already complained about: pass over in silence */
};

struct hf_node {
	enum hf_node_kind kind;
	uint32_t at;           /* offset in the source */
	uint32_t len;          /* WORD: of text, which ends with a NUL behind it */
	uint32_t count;        /* LIST, MAPPING: of children */
	const char *text;
	struct hf_node *first; /* items of a list, keys of a mapping */
	struct hf_node *last;
	struct hf_node *next;
	struct hf_node *value; /* of a key in a mapping: never NULL in a finished tree */
};

/* Reads the source's text. ret_root is NULL for a text without content.
 * HF_ECONFIG: the text cannot be read to its end, which was complained about;
 * the caller need not look for more faults. -ENOMEM. */
int hf_tree_read(struct hf_source *source, struct hf_arena *arena, struct hf_node **ret_root);

/* "a list", "a mapping", "a word", "nothing". */
const char *hf_node_kind_text(enum hf_node_kind kind);

#endif
