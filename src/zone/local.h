/* SPDX-License-Identifier: GPL-3.0-or-later */
/* local.h - local data: what single names are said to be, without a zone for them.
 *
 * Story: an engineer writes down records, or has a hosts file, and from then on these names
 * are answered from there, whatever upstreams say of them. The rules:
 *
 *   - A name that has local data is answered from it alone. Types that it does not have are
 *     answered with no data, for half an answer from here and half from elsewhere would be
 *     no statement that anybody has made. Names below and beside it are resolved as usual.
 *   - A name at or below a zone of ours is the zone's: local data for it is refused, and if
 *     the zone came later (from a catalog), it is not used. Then come records, then hosts
 *     files, then special names (localhost), the cache and upstreams.
 *   - Answers carry AA and no signatures. A validator behind us that knows the name to be
 *     signed will not take them.
 *   - An alias is followed, within local data and out of it, as a zone's is. An alias of an
 *     upstream's that leads to a local name stays the upstream's word: what is local is what
 *     is asked for here, not what others say of it.
 *   - "*.corp.example" answers for names below corp.example that are not there, as RFC 4592
 *     has it; what lies below another local name is none of its business.
 *   - NS, SOA and DNAME, and the types of DNSSEC, speak of more than a name: they are
 *     refused, and so are the root, and "*." for all names there are.
 *   - A retired address (truth/tombstones.h) is refused with its name and line.
 *   - Hosts files give A, AAAA, and PTR to the first name of the first line of an address.
 *     Loopback addresses are left out unless they are asked for.
 *
 * A *layer* is made whole, as a zone is, of one or more sources, and knows of each name the
 * source and the line that it came from.
 * Ownership: a layer is counted, a build its maker's.
 * Threads: a build has one owner; a layer may be used by any thread.
 * At the bound: HF_LOCAL_SOURCES_MAX sources; records and lines as given; more are a fault. */
#ifndef HF_ZONE_LOCAL_H
#define HF_ZONE_LOCAL_H

#include "truth/tombstones.h"
#include "zone/local_conf.h"
#include "zone/snapshot.h"

#define HF_LOCAL_SOURCES_MAX 64
#define HF_LOCAL_RECORDS_MAX 1000000

struct hf_local;
struct hf_local_build;
struct hf_zone_rules;

enum hf_local_layer { HF_LOCAL_DATA, HF_LOCAL_HOSTS, HF_LOCAL_LAYERS };

/* What is held against each record; both may be NULL, and outlive the build. */
struct hf_local_rules {
	const struct hf_tombstones *tombstones;
	const struct hf_zone_rules *zones;
};

struct hf_local_teller {
	/* path: of the source; line 0: none in particular. */
	void (*fault)(void *ctx, const char *path, uint32_t line, const char *why);
	void (*remark)(void *ctx, const char *path, uint32_t line, const char *why);
	void *ctx;
};

/* -ENOMEM. The teller is copied. */
int hf_local_build_new(const struct hf_local_rules *rules, const struct hf_local_teller *teller,
	struct hf_local_build **ret);
void hf_local_build_free(struct hf_local_build *build); /* NULL is fine */

/* Zone text; and one record of the configuration's, which stands on this line of it. 0, also
 * when faults were told; -ENOMEM, HF_EBOUND (told). */
int hf_local_read_text(
	struct hf_local_build *build, const char *path, const char *text, size_t len);
int hf_local_read_record(struct hf_local_build *build, const char *path, uint32_t line,
	const char *text, size_t len);

/* All records of the configuration's, until one returns otherwise than 0. */
int hf_local_read_records(struct hf_local_build *build, const struct hf_local_conf *conf);

/* The text of a hosts file. Returns as above. */
int hf_local_read_hosts(struct hf_local_build *build, const struct hf_local_conf *conf,
	const char *path, const char *text, size_t len);

unsigned hf_local_faults(const struct hf_local_build *build); /* told so far */

/* Makes the layer of what was read without a fault, and ends the build in any case.
 * HF_EMALFORMED: records do not go together; each was told. -ENOMEM, HF_EBOUND. */
int hf_local_build_finish(struct hf_local_build *build, struct hf_local **ret);

struct hf_local *hf_local_ref(struct hf_local *local);
void hf_local_unref(struct hf_local *local); /* NULL is fine */

struct hf_zone *hf_local_zone(const struct hf_local *local);

/* Where the (lowered) name is written down: "/etc/hosts, line 7". False: nowhere. */
#define HF_LOCAL_WHERE_MAX 320
bool hf_local_where(const struct hf_local *local, const struct hf_name *name,
	char ret[static HF_LOCAL_WHERE_MAX]);

#endif
