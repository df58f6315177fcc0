/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zone_conf.h - what an operator may say about zones that are served with authority.
 *
 * Everything here is immutable and belongs to one configuration. */
#ifndef HF_ZONE_ZONE_CONF_H
#define HF_ZONE_ZONE_CONF_H

#include "base/address.h"
#include "base/option.h"
#include "base/time.h"
#include "wire/name.h"

#define HF_ZONES_MAX 100000
#define HF_ZONE_GROUPS_MAX 256 /* of all catalogs */
#define HF_KEYS_MAX 1000
#define HF_UPDATE_SERVERS_MAX 100
#define HF_ZONE_UPDATES_MAX 8 /* of one zone */

/* One entry of `keys:` (TSIG, RFC 8945). */
struct hf_key_conf {
	const char *name;        /* as it stands in the configuration; a domain name */
	int algorithm;           /* enum hf_tsig_algorithm (zone/tsig.h) */
	const char *secret_file; /* its first line: the secret in base64 */
};
extern const struct hf_option hf_key_options[];

enum hf_update_apex { /* whose the SOA and NS records at a zone's own name are */
	HF_UPDATE_APEX_OURS,
	HF_UPDATE_APEX_THEIRS,
};

/* One entry of `update-servers:` (RFC 2136). */
struct hf_update_server_conf {
	const char *name;
	struct hf_address address;
	const char *key;     /* of `keys:`, for updates and transfers; or "none" */
	int apex;            /* enum hf_update_apex */
	hf_us look, compare; /* how often its serial is asked for, and its zone compared */
};
extern const struct hf_option hf_update_server_options[];

enum hf_unproven_policy { /* what clients get of a zone that is not served */
	HF_UNPROVEN_SERVFAIL,
	HF_UNPROVEN_DROP,
};

enum hf_transfer_over { /* by which way a zone may go out */
	HF_TRANSFER_OVER_ANY,
	HF_TRANSFER_OVER_TLS,
};

struct hf_zone_group_conf;

/* One entry of `zones:`. The source is exactly one of file, primaries, url. */
struct hf_zone_conf {
	struct hf_name name; /* lowered */
	const char *file;                /* zone text, or "none" */
	struct hf_text_list primaries;   /* "10.0.0.10", "10.0.0.10:5353", "tls://10.0.0.11" */
	const char *url;                 /* "https://...", or "none" (zone/url.h) */
	struct hf_text_list url_address; /* of hosts in URLs */
	const char *url_ca;              /* a file of authorities, or "system" */
	struct hf_text_list url_pins;
	const char *url_digest;          /* where its SHA-256 is, or "none" */
	const char *url_token_file;      /* its first line is sent as a Bearer token; or "none" */
	const char *tls_name;            /* of what is asked at tls://, or "none" */
	struct hf_text_list tls_pins;    /* (transport/trust.h) */
	const char *tls_ca;              /* a file of authorities, or "system" */
	const char *key;                 /* of `keys:`, for primaries and witnesses; or "none" */
	struct hf_text_list published;   /* witnesses besides the primaries: addresses, URLs, "txt:NAME" */
	bool required;                   /* the node is not ready without it */
	hf_us serve_unproven, grace;
	int when_unproven;               /* enum hf_unproven_policy */
	uint32_t max_shrink;             /* per cent of its records that a new version may lack */
	uint64_t max_size;               /* octets that a version may take while it is read */
	bool serial_may_go_back;
	struct hf_prefix_list never;     /* addresses that no record of it may have */
	hf_us refresh_min, refresh_max;  /* bounds of the SOA's refresh and retry */
	struct hf_prefix_list allow_notify;   /* besides the primaries */
	struct hf_text_list notify;           /* whom to tell of a new version */
	struct hf_text_list updates;          /* who is given it by updates: of `update-servers:` */
	struct hf_prefix_list allow_transfer; /* who may have the zone */
	const char *transfer_key;             /* ... and must sign with it; or "none" */
	int transfer_over;                    /* ... by which way: enum hf_transfer_over */
	uint32_t journal_versions;            /* differences that are kept for secondaries */
	uint64_t journal_size;                /* ... and octets of them */
	bool catalog;                         /* it is a list of zones: RFC 9432 */
	uint32_t catalog_limit;               /* ... of so many at most */
	const struct hf_zone_conf *from; /* of a member, which no configuration names: its catalog */
	const struct hf_zone_group_conf *group; /* ... whose settings it has; NULL: its catalog's */
};
extern const struct hf_option hf_zone_options[];

/* So many of them come first, and say where a zone itself is from; what is behind them can be
 * said of members of a catalog, too: `catalog-groups:`. */
#define HF_ZONE_SOURCE_ROWS 6

/* One entry of `catalog-groups:`: how the members of a catalog are served that it lists with
 * this group (RFC 9432 4.3.2). What it leaves out is as the catalog's own entry has it, which
 * is filled in when all of a file has been read. */
struct hf_zone_group_conf {
	struct hf_zone_conf zone; /* first, for its rows; its name: the catalog's */
	const char *group;        /* visible ASCII without '?', at most HF_ZONE_GROUP_MAX octets */
	uint64_t key;             /* hf_zone_group_key */
};
#define HF_ZONE_GROUP_MAX 63

/* A number for this group of this (lowered) catalog, by which two configurations know that
 * they speak of the same; never 0. */
uint64_t hf_zone_group_key(const struct hf_name *catalog, const char *group);

/* Top-level keys beside `zones:`. */
struct hf_zones_conf {
	const struct hf_zone_conf *zones;
	size_t zone_count;
	const struct hf_zone_group_conf *groups;
	size_t group_count;
	const struct hf_key_conf *keys;
	size_t key_count;
	const struct hf_update_server_conf *update_servers;
	size_t update_server_count;
	uint64_t transfer_memory; /* octets for all that is being received; 0: no bound */
	const char *state; /* directory of copies and proofs, or "none": top-level `zone-state` */
};

/* Does anything of it come from a web server: the zone itself, or its published serial? */
bool hf_zone_conf_has_url(const struct hf_zone_conf *zone);

#endif
