/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outlook.h - one zone, looked at from outside: what its parent and its servers say.
 *
 * Story: a zone that two providers serve is only as good as the worse of them, and as what
 * the parent zone says of both. So the parent's servers are asked for the delegation (NS,
 * glue, DS), each name server for SOA over UDP and TCP, NS and DNSKEY, and for the records:
 * the whole zone where it may be transferred, else some names of the source, or those of
 * the configuration. What was heard is put down as facts; what they come to is said by
 * report.h, which asks nobody.
 * With `without`, the servers of one provider are left alone, as if it had vanished, and
 * the names are asked of the others.
 * Knows:   the wire, by asker.h and axfr.h.  Never: findings, how to find addresses of hosts.
 * Ownership: a look owns all that hangs on it but its configuration and keys.
 * Threads: its loop's own; once done it is only read.
 * At the bound: HF_OUTLOOK_SERVERS addresses of servers, HF_OUTLOOK_PARENTS of the parent's,
 * HF_OUTLOOK_SAMPLES sets of records asked for at each, HF_OUTLOOK_DRIFTS differences kept of each
 * server (all are counted); after `longest` it ends with what there is, and `late` says so. */
#ifndef HF_PROVIDERS_OUTLOOK_H
#define HF_PROVIDERS_OUTLOOK_H

#include "providers/asker.h"
#include "providers/providers_conf.h"
#include "providers/sets.h"
#include "zone/snapshot.h"

#define HF_OUTLOOK_SERVERS 64
#define HF_OUTLOOK_PARENTS 16
#define HF_OUTLOOK_GLUE 64
#define HF_OUTLOOK_SAMPLES 96
#define HF_OUTLOOK_DRIFTS 32
#define HF_OUTLOOK_WHY_MAX 400

enum hf_outlook_compared { /* how its records were held against the others' */
	HF_OUTLOOK_NOT,
	HF_OUTLOOK_BEHIND, /* not: it has another version, and so other records */
	HF_OUTLOOK_SAMPLED,
	HF_OUTLOOK_WHOLE,
};

struct hf_outlook_server {
	const struct hf_provider_conf *provider; /* NULL: of none that is configured */
	struct hf_name name;                     /* len 0: not known */
	struct hf_address address;               /* not set: not known, and not asked */
	bool away;                               /* of the provider that is done without */
	enum hf_reach udp, tcp;
	unsigned rcode;     /* of its answer for the SOA */
	bool authoritative; /* AA, and the zone's SOA in it */
	struct hf_zone_soa soa;
	bool ns_heard, keys_heard;
	struct hf_set ns, keys; /* as it has them */
	bool transfer_refused;
	char transfer_why[HF_OUTLOOK_WHY_MAX]; /* why there was none; "" */
	struct hf_zone *copy;                  /* as it was transferred; NULL */
	enum hf_outlook_compared compared;
	size_t sets;    /* of records that were compared */
	size_t drifted; /* ... and are not as they should be */
	hf_us took;     /* until the first answer */
};

struct hf_outlook_glue {
	struct hf_name name;
	struct hf_address address; /* port 0 */
};

struct hf_outlook_parent {
	struct hf_address address;
	enum hf_reach reach;
	unsigned rcode;
	bool delegates; /* it gave NS records of the zone */
	struct hf_set ns;
	bool ds_heard;
	struct hf_set ds;
	struct hf_outlook_glue glue[HF_OUTLOOK_GLUE];
	size_t glue_count;
};

enum hf_outlook_said { HF_SAID_NOTHING, HF_SAID_SET, HF_SAID_FAILURE, HF_SAID_SILENCE };

struct hf_outlook_answer {
	enum hf_outlook_said said;
	unsigned rcode;
	struct hf_set set; /* SET; empty: a denial */
};

struct hf_outlook_sample {
	struct hf_name owner; /* lowered */
	uint16_t type;
	bool known; /* `truth` is what it should be */
	struct hf_set truth;
	struct hf_outlook_answer answers[HF_OUTLOOK_SERVERS];
};

struct hf_outlook_drift {
	uint16_t server;
	struct hf_name owner;
	uint16_t type;
	struct hf_set theirs, ours; /* the same data: then the TTL differs */
};

/* The addresses of a name server, as the zone itself has them. */
struct hf_outlook_host {
	struct hf_name name;
	bool heard[2]; /* A, AAAA */
	struct hf_set of[2];
};

struct hf_outlook {
	const struct hf_delegation_conf *conf;
	const char *without; /* a provider, or NULL */
	bool late;
	hf_us took;

	struct hf_outlook_server servers[HF_OUTLOOK_SERVERS];
	size_t server_count, servers_more; /* more: there was no room for */
	struct hf_outlook_parent parents[HF_OUTLOOK_PARENTS];
	size_t parent_count;
	struct hf_outlook_host hosts[HF_OUTLOOK_SERVERS];
	size_t host_count;

	char source[HF_OUTLOOK_WHY_MAX];       /* what it is, in words; "": there is none */
	char source_fault[HF_OUTLOOK_WHY_MAX]; /* why it could not be had; "" */
	bool has_source;
	uint32_t source_serial;
	struct hf_zone *reference; /* what whole zones are compared with, or NULL */
	int reference_server;      /* whose it is; -1: the source's */
	bool newest_known;
	uint32_t newest; /* the source's serial, else the newest that is served */

	struct hf_outlook_sample *samples;
	size_t sample_count;
	struct hf_outlook_drift *drifts;
	size_t drift_count, drift_cap;
};

/* How a transfer is signed: the key of that name, or NULL. */
struct hf_tsig_key;
typedef const struct hf_tsig_key *hf_outlook_key(void *ctx, const char *name);

struct hf_outlook_conf {
	struct hf_loop *loop;
	const struct hf_delegation_conf *delegation;
	hf_outlook_key *key; /* may be NULL: no key is known */
	void *key_ctx;
	const char *without;
	hf_us longest;
	void (*done)(void *ctx, struct hf_outlook *look, hf_us now); /* the callee's from then on */
	void *ctx;
};

/* Makes one in which nothing has been heard. Servers, parents, and a source are added
 * before it begins. -ENOMEM. */
int hf_outlook_new(const struct hf_outlook_conf *conf, struct hf_outlook **ret);
void hf_outlook_free(struct hf_outlook *look); /* NULL is fine */

/* HF_EBOUND: there is no room, and `servers_more` counts it. */
int hf_outlook_add_server(struct hf_outlook *look, const struct hf_provider_conf *provider,
	const struct hf_name *name, const struct hf_address *address);
int hf_outlook_add_parent(struct hf_outlook *look, const struct hf_address *address);

/* The source's version; takes a reference. */
void hf_outlook_add_source(struct hf_outlook *look, struct hf_zone *zone, const char *what);

struct hf_looking;

/* Begins. `done` comes once, unless hf_looking_end comes first. -ENOMEM, or what the system
 * refuses; the look stays the caller's then. */
int hf_looking_begin(
	const struct hf_outlook_conf *conf, struct hf_outlook *look, struct hf_looking **ret);

/* Ends it before its time, frees it and the look. NULL is fine. */
void hf_looking_end(struct hf_looking *looking);

/* ---- for those who fill in facts, and for tests ---- */

/* When all has been heard: what is newest, and who differs from whom. -ENOMEM. */
int hf_outlook_settle(struct hf_outlook *look);

/* Draws what to ask for: from the reference if there is one, and the names that are
 * configured. -ENOMEM. */
int hf_outlook_draw(struct hf_outlook *look);

/* Is this a record that providers may differ in: signatures, denials and keys, for each may
 * sign with its own, and what is looked at otherwise (SOA, NS at the apex)? */
bool hf_outlook_is_own(const struct hf_name *zone, const struct hf_name *owner, uint16_t type);

#endif
