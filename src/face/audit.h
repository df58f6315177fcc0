/* SPDX-License-Identifier: GPL-3.0-or-later */
/* audit.h - whom do the programs of this host ask, and what stands in their way?
 *
 * Story: a server that tells the truth is of no use to programs that ask another one.
 * What decides whom they ask lies in a dozen files and some variables. Each is read by a
 * parser of its own (text in, items out: they know no file system), and when all have
 * been, what only shows together is concluded: which resolvers the host really uses,
 * whether they are ours, and where they come from.
 * An item is a *finding* (something that will do harm, with what to write instead) or a
 * *note* (how things are). What a file means is said as glibc 2.36, systemd 252, Docker
 * 20 and OpenJDK 17, or later, have it.
 * Ownership: an audit owns its items; texts are only read while a parser runs.
 * Threads: one owner.
 * At the bound: HF_AUDIT_ITEMS_MAX items and HF_AUDIT_RESOLVERS_MAX resolvers; further
 * ones are dropped, and `more` says so. Files over HF_AUDIT_FILE_MAX are cut there.
 * Never:   writes anything. */
#ifndef HF_FACE_AUDIT_H
#define HF_FACE_AUDIT_H

#include "base/arena.h"
#include "face/config.h"

#define HF_AUDIT_ITEMS_MAX 256
#define HF_AUDIT_RESOLVERS_MAX 32
#define HF_AUDIT_FILE_MAX (1u << 20)

struct hf_audit_item {
	bool finding;
	const char *file;    /* "environment" for variables */
	unsigned line;       /* 0: the whole of it */
	const char *what;    /* what it means */
	const char *instead; /* what to write instead; "" for most notes */
};

enum hf_audit_is {         /* what a resolver is to us */
	HF_AUDIT_OURS,     /* holdfast itself */
	HF_AUDIT_STUB,     /* systemd-resolved's, which asks others in turn */
	HF_AUDIT_UPSTREAM, /* one of our upstreams, asked past us */
	HF_AUDIT_ROUTER,   /* a private address that we do not know: most likely a router */
	HF_AUDIT_UNKNOWN,
};

struct hf_audit_resolver {
	struct hf_address address; /* with port */
	const char *file;
	unsigned line;
	enum hf_audit_is is;
	bool dhcp;   /* from a lease: the network's, so most likely the provider's */
	bool direct; /* programs ask it */
	bool uplink; /* systemd-resolved asks it, in their place */
};

struct hf_audit {
	struct hf_arena arena;
	const struct hf_config *config;
	struct hf_audit_item items[HF_AUDIT_ITEMS_MAX];
	size_t count;
	struct hf_audit_resolver resolvers[HF_AUDIT_RESOLVERS_MAX];
	size_t resolver_count;
	const char *files[64]; /* that were read */
	const char *real[64];  /* ... by their last names, for links lead to the same */
	size_t file_count;
	bool more;
	/* For what is concluded. */
	bool seen_resolv, stub, resolve_module, docker, docker_dns, loopback_only;
};

/* ---- parsers: text need not end with a NUL ---- */

typedef void hf_audit_parser(
	struct hf_audit *audit, const char *file, const char *text, size_t len);

hf_audit_parser hf_audit_resolv_conf;     /* resolv.conf(5), what programs read */
hf_audit_parser hf_audit_resolved_uplink; /* /run/systemd/resolve/resolv.conf: whom resolved asks */
hf_audit_parser hf_audit_resolved_conf;   /* resolved.conf(5) */
hf_audit_parser hf_audit_nsswitch;        /* nsswitch.conf(5) */
hf_audit_parser hf_audit_lease;           /* systemd-networkd's or dhclient's */
hf_audit_parser hf_audit_docker;          /* daemon.json */
hf_audit_parser hf_audit_java;            /* java.security */
hf_audit_parser hf_audit_gai;             /* gai.conf(5) */
hf_audit_parser hf_audit_nscd;            /* nscd.conf(5) */

/* Variables of the environment; value NULL: not set. */
void hf_audit_variable(struct hf_audit *audit, const char *name, const char *value);

/* When all have been read. */
void hf_audit_conclude(struct hf_audit *audit);

/* ---- the whole ---- */

void hf_audit_init(struct hf_audit *audit, const struct hf_config *config);
void hf_audit_clear(struct hf_audit *audit);

/* Reads all files of the host below `root` ("" for the host itself, which also has an
 * environment), and concludes. */
void hf_audit_host(struct hf_audit *audit, const char *root);

size_t hf_audit_findings(const struct hf_audit *audit);
const char *hf_audit_is_text(enum hf_audit_is is);

/* For parsers (audit.c): adds one; format as printf's. */
__attribute__((format(printf, 6, 7))) void hf_audit_add(struct hf_audit *audit, bool finding,
	const char *file, unsigned line, const char *instead, const char *format, ...);

/* A resolver, where it stood. Twice is once. */
void hf_audit_resolver(struct hf_audit *audit, const struct hf_audit_resolver *resolver);

#endif
