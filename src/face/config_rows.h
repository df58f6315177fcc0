/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config_rows.h - the whole configuration as one small table.
 *
 * Story: a file is sections, a section is keys. Most keys are option rows that
 * belong to the part that uses them; the three that need more than their own
 * text to be understood (an upstream's address, a route's zone and upstreams)
 * are *own keys*, read here. Parser, printer, reference, schema and manual all
 * walk this table and nothing else, so none of them can know a key that the
 * others do not.
 *
 * A section is TOP (keys with a plain value beside the other sections), ONE (a
 * mapping), NAMED (a mapping of entries by name) or LIST (a list of entries).
 * The *origins* of a configuration are where each value stood in the source.
 * Threads: tables are const; a reading has one owner. */
#ifndef HF_FACE_CONFIG_ROWS_H
#define HF_FACE_CONFIG_ROWS_H

#include "face/config.h"
#include "face/config_source.h"
#include "face/config_tree.h"

#define HF_DNS_PORT 53
#define HF_TLS_PORT 853

enum hf_section_id {
	HF_SECTION_TOP,
	HF_SECTION_LISTEN,
	HF_SECTION_TCP,
	HF_SECTION_CLIENTS,
	HF_SECTION_INTERFACES,
	HF_SECTION_UPSTREAMS,
	HF_SECTION_FORWARD,
	HF_SECTION_OUTGOING,
	HF_SECTION_EXPECT,
	HF_SECTION_TRUTH,
	HF_SECTION_TOMBSTONES,
	HF_SECTION_STARTUP,
	HF_SECTION_KEYS,
	HF_SECTION_UPDATE_SERVERS,
	HF_SECTION_ZONES,
	HF_SECTION_CATALOG_GROUPS,
	HF_SECTION_LOCAL,
	HF_SECTION_READY,
	HF_SECTION_SIBLINGS,
	HF_SECTION_CACHE,
	HF_SECTION_LOG,
	HF_SECTION_PROVIDERS,
	HF_SECTION_DELEGATIONS,
	HF_SECTIONS
};

enum hf_section_kind { HF_KIND_TOP = 1, HF_KIND_ONE, HF_KIND_NAMED, HF_KIND_LIST };

struct hf_reading;

/* A key that no option row can describe. It has no default: it must be given. */
struct hf_own_key {
	struct hf_option row; /* name, live and help; its type is 0 */
	bool list;
	size_t max;           /* of values in a list */
	const char *takes;    /* behind "expected" */
	const char *pattern;  /* of one value, for the schema; NULL: any text */
	void (*read)(struct hf_reading *r, void *entry, const struct hf_node *value);
	size_t (*count)(const void *entry); /* NULL: always one */
	const char *(*text)(const struct hf_config *config, const void *entry, size_t i,
		char buf[static HF_NAME_TEXT_MAX]);
};

struct hf_section {
	const char *name;  /* NULL: TOP */
	enum hf_section_kind kind;
	size_t at;         /* in struct hf_config: the struct, or the pointer to the entries */
	size_t count_at;   /* NAMED, LIST: the number of entries, a size_t */
	size_t size;       /* NAMED, LIST: of an entry */
	size_t name_at;    /* NAMED: its name, in an entry */
	size_t max;        /* NAMED, LIST: entries */
	const char *entry; /* NAMED, LIST: what one is called: "an upstream" */
	const char *form;  /* NAMED, LIST: behind "expected" */
	bool shorthand;    /* NAMED: a word in place of an entry is its first own key */
	bool inherits;     /* LIST: what a row does not say is as in an entry elsewhere (`help`) */
	const struct hf_own_key *own; /* ends with a row without a name; may be NULL */
	const struct hf_option *rows;
	/* Complains about an entry whose keys are good each but not together. */
	void (*check)(struct hf_reading *r, const void *entry, const uint32_t *origins);
	const char *help;
};

extern const struct hf_section hf_sections[HF_SECTIONS];

/* ---- keys: own keys first, then rows ---- */

struct hf_key {
	const struct hf_option *row;
	const struct hf_own_key *own; /* NULL: an ordinary row */
};

size_t hf_section_keys(const struct hf_section *section);
struct hf_key hf_section_key(const struct hf_section *section, size_t i);

bool hf_key_is_list(struct hf_key key);
size_t hf_key_count(struct hf_key key, const void *entry); /* values that stand in it */
const char *hf_key_text(struct hf_key key, const struct hf_config *config, const void *entry,
	size_t i, char buf[static HF_NAME_TEXT_MAX]);

/* The struct of a TOP or ONE section, or the entries of the others. */
const void *hf_section_entries(const struct hf_section *section, const struct hf_config *config,
	size_t *ret_count);
const char *hf_entry_name(const struct hf_section *section, const void *entry); /* NAMED */

/* ---- origins ---- */

#define HF_ORIGIN_DEFAULT UINT32_MAX

/* Places in the text while it is read; line numbers when that is done, for the
 * text goes and they stay. */
struct hf_origins {
	struct {
		uint32_t section;  /* where the section itself stood */
		uint32_t *entries; /* a place an entry */
		uint32_t *keys;    /* hf_section_keys() places an entry */
	} of[HF_SECTIONS];
};

/* ---- reading ---- */

struct hf_listed { /* a list of texts, and where its items stand */
	const struct hf_listed *next;
	const void *items;
	const uint32_t *at;
};

struct hf_reading {
	struct hf_source *source;
	struct hf_config *config;
	struct hf_origins *origins;
	struct hf_arena *scratch; /* goes with the tree */
	const char *resolv_conf;  /* where the host names its resolvers, or NULL */
	const struct hf_listed *lists; /* of texts: hf_place_of_item */
	const uint16_t *by_name;  /* upstreams in the order of their names; made when needed */
	int failed;               /* -ENOMEM */
};

/* Reads the tree into the configuration, section by section; NULL reads as an
 * empty mapping. A key or section that is not there gets its default. */
void hf_read_sections(struct hf_reading *r, const struct hf_node *root);

/* Reads one NAMED or LIST section from its node. */
void hf_read_entries(struct hf_reading *r, enum hf_section_id id, const struct hf_node *node);

/* A file whole, which the caller frees. -errno, -ESPIPE for a pipe; HF_EBOUND: more than
 * HF_CONFIG_FILE_MAX octets. In config_load.c. */
int hf_config_text(const char *path, char **ret_text, size_t *ret_len);

/* Gives a section the entries it has when the file does not speak of it: the
 * built-in upstreams, and one route for all names to all upstreams. */
void hf_read_default_entries(struct hf_reading *r, enum hf_section_id id);

/* For own keys: true if the node is a word; complains if it is not. */
bool hf_expect_word(struct hf_reading *r, const struct hf_node *node, const char *takes);

/* The own keys, in config_own.c. */
extern const struct hf_own_key hf_upstream_own_keys[];
extern const struct hf_own_key hf_route_own_keys[];
extern const struct hf_own_key hf_expectation_own_keys[]; /* in config_truth.c */
extern const struct hf_own_key hf_zone_own_keys[];        /* in config_zones.c */
extern const struct hf_own_key hf_group_own_keys[];       /* ... */
extern const struct hf_own_key hf_delegation_own_keys[];  /* in config_providers.c */
void hf_upstream_check(struct hf_reading *r, const void *entry, const uint32_t *origins);
void hf_route_check(struct hf_reading *r, const void *entry, const uint32_t *origins);

/* Faults that lie between sections, in config_check.c. */
void hf_check_all(struct hf_reading *r);
void hf_check_expectations(struct hf_reading *r); /* in config_truth.c */
void hf_check_startup(struct hf_reading *r);      /* ... */
void hf_check_listen(struct hf_reading *r);       /* in config_listen.c: reads what TLS shows */
/* What is said of TLS: for upstreams and for zones. In config_own.c. */
void hf_check_tls_name(struct hf_reading *r, const char *text, uint32_t at);
void hf_check_pins(struct hf_reading *r, const struct hf_text_list *pins, uint32_t at);
void hf_check_authorities(struct hf_reading *r, const char *path, uint32_t at);

void hf_check_tombstones(struct hf_reading *r);   /* in config_tombstones.c: reads their file */
void hf_check_zones(struct hf_reading *r);        /* in config_zones.c */
void hf_check_local(struct hf_reading *r);        /* in config_local.c */
/* Complains about the name of a key that is not there; "none" is fine. */
void hf_check_key(struct hf_reading *r, uint32_t at, const char *name);
void hf_check_ready(struct hf_reading *r);        /* in config_check.c */
void hf_check_providers(struct hf_reading *r);    /* in config_providers.c */

/* Have the names of `expect` enough upstreams to ask? Once all else is good. */
void hf_check_enough(struct hf_reading *r);

/* Complains about each text in a list that is no domain name; label: the list, as the
 * complaint calls it. In config_check.c. */
void hf_check_names(
	struct hf_reading *r, const struct hf_text_list *texts, uint32_t at, const char *label);

/* Where a key of an entry stood, for a complaint about it. */
uint32_t hf_place_of(
	const struct hf_reading *r, enum hf_section_id id, size_t entry, const char *key);

/* Where an item of a list of texts stands; `otherwise` if it is a default. */
uint32_t hf_place_of_item(
	const struct hf_reading *r, const struct hf_text_list *list, size_t item, uint32_t otherwise);

/* ---- out ---- */

/* A value as a YAML word, quoted when it could be taken for something else. */
void hf_write_yaml_word(FILE *out, const char *text);

/* A value as JSON, and all that stands in a key: numbers and flags as such, all
 * else as the text of the file. The caller owns it. */
struct json_t;
struct json_t *hf_json_of_text(struct hf_key key, const char *text);
struct json_t *hf_json_of_key(const struct hf_config *config, struct hf_key key,
	const void *entry);

/* True if a question sent to upstream would come back to ourselves. */
bool hf_listens_on(const struct hf_listen_conf *listen, const struct hf_address *upstream);

#endif
