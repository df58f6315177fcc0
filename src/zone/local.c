/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/local.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "wire/dns.h"
#include "zone/hosts.h"
#include "zone/rules.h"
#include "zone/sanity.h"
#include "zone/text.h"

/* Of records that name none. */
#define TTL_DEFAULT 300

#define FAULTS_TOLD 20

struct source {
	char *path;
	uint32_t base; /* a record's line in the zone is its own, plus this */
	uint32_t lines;
};

struct sources {
	struct source items[HF_LOCAL_SOURCES_MAX];
	size_t count;
};

struct hf_local {
	atomic_uint refs;
	struct hf_zone *zone;
	struct sources sources;
};

/* Whom an address belongs to, until the PTR records are made. */
struct owner {
	struct hf_address address;
	uint32_t line; /* its file's base included */
	uint8_t *name;
	uint8_t len;
};

struct hf_local_build {
	struct hf_local_rules rules;
	struct hf_local_teller teller;
	struct hf_zone_build *zone;
	struct sources sources;
	unsigned faults;
	uint32_t hosts_lines; /* of all hosts files so far */
	uint32_t ttl;         /* of what they say */
	struct owner *owners;
	size_t owner_count, owner_room;
	/* Of the text that is read. */
	const struct hf_local_conf *conf;
	uint32_t one_line; /* a record of the configuration's: its line; else 0 */
};

/* ---- sources ---- */

static void clear_sources(struct sources *sources)
{
	for (size_t i = 0; i < sources->count; i++)
		free(sources->items[i].path);
	sources->count = 0;
}

static const struct source *last_source(const struct hf_local_build *build)
{
	return &build->sources.items[build->sources.count - 1];
}

static void tell(struct hf_local_build *build, uint32_t line, const char *why)
{
	const struct source *source = last_source(build);
	if (build->faults++ < FAULTS_TOLD)
		build->teller.fault(build->teller.ctx, source->path, line, why);
}

static uint32_t count_lines(const char *text, size_t len)
{
	uint32_t lines = 1;
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	return lines;
}

/* The records of the configuration are one source, whose lines are those of its file. */
static int add_source(struct hf_local_build *build, const char *path, uint32_t lines)
{
	struct sources *sources = &build->sources;
	struct source *last = sources->count ? &sources->items[sources->count - 1] : NULL;
	if (last && strcmp(last->path, path) == 0 && build->one_line) {
		last->lines = lines > last->lines ? lines : last->lines;
		return 0;
	}
	if (sources->count == HF_LOCAL_SOURCES_MAX)
		return HF_EBOUND;
	char *copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	sources->items[sources->count++] =
		(struct source){copy, last ? last->base + last->lines : 0, lines};
	return 0;
}

static const struct source *source_of(const struct sources *sources, uint32_t line)
{
	size_t i = sources->count - 1;
	while (i && line <= sources->items[i].base)
		i--;
	return &sources->items[i];
}

/* ---- one record ---- */

static bool speaks_of_more(uint16_t type)
{
	static const uint16_t types[] = {HF_TYPE_NS, HF_TYPE_SOA, HF_TYPE_DNAME, HF_TYPE_DS,
		HF_TYPE_RRSIG, HF_TYPE_NSEC, HF_TYPE_DNSKEY, HF_TYPE_NSEC3, HF_TYPE_NSEC3PARAM};
	for (size_t i = 0; i < HF_COUNT_OF(types); i++)
		if (types[i] == type)
			return true;
	return false;
}

/* The address of a record is retired. */
static bool is_retired(const struct hf_local_build *build, const struct hf_zone_record *record,
	char why[static HF_SANITY_WHY_MAX])
{
	const struct hf_sanity_conf sanity = {.tombstones = build->rules.tombstones};
	return !hf_sanity_record(
		&sanity, &record->owner, record->type, record->rdata, record->rdata_len, why);
}

/* NULL: it may be taken. Else the cause, maybe in buf. */
static const char *fault_of(const struct hf_local_build *build, const struct hf_zone_record *record,
	char buf[static HF_SANITY_WHY_MAX])
{
	char name[HF_NAME_TEXT_MAX], zone[HF_NAME_TEXT_MAX];
	const struct hf_name *owner = &record->owner;
	const struct hf_zone_rule *rule = hf_zone_rules_over(build->rules.zones, owner);
	if (owner->len == 1 || (owner->len == 3 && owner->bytes[1] == '*'))
		return "local data for the root, or for all names there are, is not taken";
	if (speaks_of_more(record->type))
		return "a record of this type speaks of more than its name: it needs a zone";
	if (rule) {
		snprintf(buf, HF_SANITY_WHY_MAX,
			"%.150s lies in the zone %.150s, which is served from here and answers for "
			"it",
			hf_name_text(owner->bytes, name),
			hf_name_text(rule->conf->name.bytes, zone));
		return buf;
	}
	return is_retired(build, record, buf) ? buf : NULL;
}

/* Takes a record, whose owner is lowered and whose line is that of its source. */
static int take(struct hf_local_build *build, struct hf_zone_record *record)
{
	char buf[HF_SANITY_WHY_MAX];
	const char *why = fault_of(build, record, buf);
	uint32_t line = record->line;
	if (why) {
		tell(build, line, why);
		return 0;
	}
	record->line += last_source(build)->base;
	int rc = hf_zone_build_add(build->zone, record);
	if (rc == HF_EBOUND)
		tell(build, line, "there are too many records");
	return rc;
}

/* ---- zone text ---- */

static int text_record(void *ctx, const struct hf_zone_record *given)
{
	struct hf_local_build *build = ctx;
	struct hf_zone_record record = *given;
	hf_name_lower(record.owner.bytes, record.owner.len);
	record.line = build->one_line ? build->one_line : given->line;
	return take(build, &record);
}

static void text_fault(void *ctx, uint32_t line, const char *why)
{
	struct hf_local_build *build = ctx;
	tell(build, build->one_line ? build->one_line : line, why);
}

static int read_text(struct hf_local_build *build, const char *text, size_t len)
{
	static const struct hf_zone_handler handler = {text_record, text_fault, NULL};
	const struct hf_zone_text in = {
		.text = text, .len = len, .ttl = TTL_DEFAULT, .faults_max = FAULTS_TOLD};
	int rc = hf_zone_text_read(&in, &handler, build);
	return rc == HF_ESYNTAX ? 0 : rc;
}

int hf_local_read_text(struct hf_local_build *build, const char *path, const char *text, size_t len)
{
	build->one_line = 0;
	int rc = add_source(build, path, count_lines(text, len));
	return rc ? rc : read_text(build, text, len);
}

int hf_local_read_record(
	struct hf_local_build *build, const char *path, uint32_t line, const char *text, size_t len)
{
	build->one_line = line ? line : 1;
	int rc = add_source(build, path, build->one_line);
	char *copy = rc ? NULL : malloc(len + 1);
	if (!copy)
		return rc ? rc : -ENOMEM;
	memcpy(copy, text, len);
	copy[len] = '\n';
	rc = read_text(build, copy, len + 1);
	free(copy);
	return rc;
}

int hf_local_read_records(struct hf_local_build *build, const struct hf_local_conf *conf)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < conf->records.count; i++)
		rc = hf_local_read_record(build, conf->source, conf->lines[i],
			conf->records.items[i], strlen(conf->records.items[i]));
	return rc;
}

/* ---- hosts ---- */

/* 4.3.2.1.in-addr.arpa, or 32 nibbles and ip6.arpa: RFC 1035 3.5, RFC 3596 2.5. */
static void reverse_name(const struct hf_address *address, struct hf_name *ret)
{
	static const char digits[] = "0123456789abcdef";
	char text[HF_NAME_MAX];
	const uint8_t *b = address->bytes;
	int len = 0;
	if (address->family == 4)
		len = snprintf(
			text, sizeof text, "%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1], b[0]);
	for (int i = 15; address->family == 6 && i >= 0; i--) {
		text[len++] = digits[b[i] & 15];
		text[len++] = '.';
		text[len++] = digits[b[i] >> 4];
		text[len++] = '.';
	}
	if (address->family == 6)
		len += snprintf(text + len, sizeof text - (size_t)len, "ip6.arpa");
	hf_unexpected(hf_name_from_text(text, (size_t)len, ret) != 0);
}

static bool is_loopback(const struct hf_address *address)
{
	static const uint8_t one[16] = {[15] = 1};
	return address->family == 4 ? address->bytes[0] == 127
				    : memcmp(address->bytes, one, sizeof one) == 0;
}

static int note_owner(struct hf_local_build *build, const struct hf_host *host)
{
	if (build->owner_count == build->owner_room) {
		size_t room = build->owner_room ? 2 * build->owner_room : 256;
		struct owner *owners = realloc(build->owners, room * sizeof *owners);
		if (!owners)
			return -ENOMEM;
		build->owners = owners;
		build->owner_room = room;
	}
	uint8_t *name = malloc(host->name.len);
	if (!name)
		return -ENOMEM;
	memcpy(name, host->name.bytes, host->name.len);
	uint32_t line = host->line + last_source(build)->base;
	build->owners[build->owner_count++] =
		(struct owner){host->address, line, name, host->name.len};
	return 0;
}

static int take_host(void *ctx, const struct hf_host *host)
{
	struct hf_local_build *build = ctx;
	const struct hf_address *address = &host->address;
	bool four = address->family == 4;
	struct hf_zone_record record = {.owner = host->name,
		.type = four ? HF_TYPE_A : HF_TYPE_AAAA,
		.class = HF_CLASS_IN,
		.ttl = build->ttl,
		.rdata = address->bytes,
		.rdata_len = four ? 4 : 16,
		.line = host->line};
	unsigned faults = build->faults;
	if (is_loopback(address) && !build->conf->hosts_loopback)
		return 0;
	/* What lies in a zone is its own to say, and hosts files often name such a host. */
	int rc = hf_zone_rules_cover(build->rules.zones, &host->name) ? 0 : take(build, &record);
	return rc || faults != build->faults || !host->canonical ? rc : note_owner(build, host);
}

static void host_fault(void *ctx, uint32_t line, const char *why)
{
	tell(ctx, line, why);
}

static void host_remark(void *ctx, uint32_t line, const char *why)
{
	const struct hf_local_build *build = ctx;
	build->teller.remark(build->teller.ctx, last_source(build)->path, line, why);
}

int hf_local_read_hosts(struct hf_local_build *build, const struct hf_local_conf *conf,
	const char *path, const char *text, size_t len)
{
	static const struct hf_hosts_handler handler = {take_host, host_fault, host_remark};
	uint32_t lines = count_lines(text, len), left = conf->hosts_limit - build->hosts_lines;
	build->one_line = 0;
	build->conf = conf;
	build->ttl = (uint32_t)(conf->hosts_ttl / HF_SECOND);
	int rc = add_source(build, path, lines);
	if (!rc)
		rc = hf_hosts_read(text, len, left, &handler, build);
	build->hosts_lines += lines < left ? lines : left;
	return rc;
}

/* ---- whom addresses belong to ---- */

static int compare_owners(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;
	int order = memcmp(&x->address, &y->address, sizeof x->address);
	return order ? order : x->line < y->line ? -1 : x->line > y->line;
}

static int add_pointer(struct hf_local_build *build, const struct owner *owner)
{
	struct hf_zone_record record = {.type = HF_TYPE_PTR,
		.class = HF_CLASS_IN,
		.ttl = build->ttl,
		.rdata = owner->name,
		.rdata_len = owner->len,
		.line = owner->line};
	reverse_name(&owner->address, &record.owner);
	return hf_zone_rules_cover(build->rules.zones, &record.owner)
		       ? 0
		       : hf_zone_build_add(build->zone, &record);
}

/* The first line that has an address says whose it is. */
static int add_pointers(struct hf_local_build *build)
{
	struct owner *owners = build->owners;
	int rc = 0;
	if (build->owner_count)
		qsort(owners, build->owner_count, sizeof *owners, compare_owners);
	for (size_t i = 0; !rc && i < build->owner_count; i++)
		if (!i || !hf_address_equal(&owners[i].address, &owners[i - 1].address))
			rc = add_pointer(build, &owners[i]);
	return rc;
}

/* ---- the whole ---- */

int hf_local_build_new(const struct hf_local_rules *rules, const struct hf_local_teller *teller,
	struct hf_local_build **ret)
{
	const struct hf_zone_limits limits = {.records = HF_LOCAL_RECORDS_MAX};
	struct hf_local_build *build = calloc(1, sizeof *build);
	if (!build)
		return -ENOMEM;
	build->rules = *rules;
	build->teller = *teller;
	int rc = hf_zone_build_new_loose(&limits, &build->zone);
	if (rc)
		free(build);
	else
		*ret = build;
	return rc;
}

void hf_local_build_free(struct hf_local_build *build)
{
	if (!build)
		return;
	for (size_t i = 0; i < build->owner_count; i++)
		free(build->owners[i].name);
	free(build->owners);
	hf_zone_build_free(build->zone);
	clear_sources(&build->sources);
	free(build);
}

unsigned hf_local_faults(const struct hf_local_build *build)
{
	return build->faults;
}

/* Of records that do not go together. */
static void whole_fault(void *ctx, uint32_t line, const char *why)
{
	struct hf_local_build *build = ctx;
	const struct source *source = source_of(&build->sources, line);
	if (build->faults++ < FAULTS_TOLD)
		build->teller.fault(build->teller.ctx, source->path,
			line > source->base ? line - source->base : 0, why);
}

int hf_local_build_finish(struct hf_local_build *build, struct hf_local **ret)
{
	struct hf_local *local = calloc(1, sizeof *local);
	int rc = local ? add_pointers(build) : -ENOMEM;
	if (!rc) {
		struct hf_zone_build *zone = build->zone;
		build->zone = NULL;
		rc = hf_zone_build_finish(zone, whole_fault, build, &local->zone);
	}
	if (rc) {
		free(local);
	} else {
		atomic_init(&local->refs, 1);
		local->sources = build->sources;
		build->sources.count = 0;
		*ret = local;
	}
	hf_local_build_free(build);
	return rc;
}

struct hf_local *hf_local_ref(struct hf_local *local)
{
	atomic_fetch_add_explicit(&local->refs, 1, memory_order_relaxed);
	return local;
}

void hf_local_unref(struct hf_local *local)
{
	if (!local || atomic_fetch_sub_explicit(&local->refs, 1, memory_order_acq_rel) != 1)
		return;
	hf_zone_unref(local->zone);
	clear_sources(&local->sources);
	free(local);
}

struct hf_zone *hf_local_zone(const struct hf_local *local)
{
	return local->zone;
}

bool hf_local_where(const struct hf_local *local, const struct hf_name *name,
	char ret[static HF_LOCAL_WHERE_MAX])
{
	uint32_t line = hf_zone_line(local->zone, name);
	if (!line)
		return false;
	const struct source *source = source_of(&local->sources, line);
	snprintf(ret, HF_LOCAL_WHERE_MAX, "%.255s, line %u", source->path, line - source->base);
	return true;
}
