/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/sanity.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "truth/serials.h"
#include "wire/dns.h"
#include "zone/digest.h"

enum { IPV4_HINT = 4, IPV6_HINT = 6 }; /* keys of SVCB: RFC 9460 14.3.2 */

struct looking {
	const struct hf_sanity_conf *conf;
	char *why;
	char owner[HF_NAME_TEXT_MAX];
};

static bool serial_is_good(const struct hf_sanity_conf *conf, const struct hf_zone *old,
	const struct hf_zone *zone, char *why)
{
	uint32_t was = hf_zone_soa(old)->serial, is = hf_zone_soa(zone)->serial;
	if (conf->serial_may_go_back || !hf_serial_older(is, was))
		return true;
	snprintf(why, HF_SANITY_WHY_MAX, "its serial %u is older than %u, which is here", is, was);
	return false;
}

static bool size_is_good(const struct hf_sanity_conf *conf, const struct hf_zone *old,
	const struct hf_zone *zone, char *why)
{
	size_t was = hf_zone_records(old), is = hf_zone_records(zone);
	if (is >= was || (was - is) * 100 <= was * conf->max_shrink)
		return true;
	snprintf(why, HF_SANITY_WHY_MAX,
		"it has %zu records where %zu were: %zu per cent fewer, and max-shrink is %u", is,
		was, (was - is) * 100 / was, conf->max_shrink);
	return false;
}

/* ---- addresses ---- */

static bool address_is_good(struct looking *l, const uint8_t *bytes, unsigned family)
{
	const struct hf_sanity_conf *conf = l->conf;
	char address[HF_ADDRESS_TEXT_MAX], prefix[HF_ADDRESS_TEXT_MAX];
	struct hf_address a = {.family = (uint8_t)family};
	memcpy(a.bytes, bytes, family == 4 ? 4 : 16);
	const struct hf_prefix *found =
		conf->never ? hf_prefix_find(conf->never->items, conf->never->count, &a) : NULL;
	const char *list = "`never` has";
	if (!found && conf->tombstones) {
		found = hf_tombstones_find(conf->tombstones, &a);
		list = "the tombstones have";
	}
	if (!found)
		return true;
	/* A name may have a thousand characters, and the address says more. */
	snprintf(l->why, HF_SANITY_WHY_MAX, "%.200s%s has the address %s, and %s %s", l->owner,
		strlen(l->owner) > 200 ? "..." : "", hf_address_text(&a, address), list,
		hf_prefix_text(found, prefix));
	return false;
}

/* The hints of a service binding: RFC 9460 7.3. What is malformed there has none. */
static bool hints_are_good(struct looking *l, const uint8_t *rdata, size_t len)
{
	size_t target = len > 2 ? hf_name_wire_len(rdata + 2, len - 2) : 0;
	struct hf_reader r = hf_reader(rdata, len);
	uint16_t key, size;
	if (!target || !hf_read_skip(&r, 2 + target))
		return true;
	while (hf_read_u16(&r, &key) && hf_read_u16(&r, &size) && hf_reader_left(&r) >= size) {
		size_t step = key == IPV4_HINT ? 4 : key == IPV6_HINT ? 16 : 0;
		for (size_t at = 0; step && at + step <= size; at += step)
			if (!address_is_good(l, rdata + r.at + at, step == 4 ? 4 : 6))
				return false;
		hf_read_skip(&r, size);
	}
	return true;
}

static bool record_is_good(struct looking *l, uint16_t type, const uint8_t *rdata, size_t len)
{
	switch (type) {
	case HF_TYPE_A: return address_is_good(l, rdata, 4);
	case HF_TYPE_AAAA: return address_is_good(l, rdata, 6);
	case HF_TYPE_SVCB:
	case HF_TYPE_HTTPS: return hints_are_good(l, rdata, len);
	default: return true;
	}
}

bool hf_sanity_record(const struct hf_sanity_conf *conf, const struct hf_name *owner, uint16_t type,
	const uint8_t *rdata, size_t len, char why[static HF_SANITY_WHY_MAX])
{
	struct looking l = {.conf = conf, .why = why};
	if (!conf->never && !conf->tombstones)
		return true;
	hf_name_text(owner->bytes, l.owner);
	return record_is_good(&l, type, rdata, len);
}

static bool has_addresses(uint16_t type)
{
	return type == HF_TYPE_A || type == HF_TYPE_AAAA || type == HF_TYPE_SVCB ||
	       type == HF_TYPE_HTTPS;
}

static void tell_record(
	struct hf_zone_record *ret, const struct hf_zone_set *set, const uint8_t *at)
{
	if (!ret)
		return;
	*ret = (struct hf_zone_record){.type = set->type,
		.class = HF_CLASS_IN,
		.ttl = set->ttl,
		.rdata = at + 2,
		.rdata_len = hf_get_u16(at)};
	ret->owner.len = (uint8_t)hf_name_wire_len(set->owner, HF_NAME_MAX);
	memcpy(ret->owner.bytes, set->owner, ret->owner.len);
}

bool hf_sanity_addresses(const struct hf_sanity_conf *conf, const struct hf_zone *zone,
	char why[static HF_SANITY_WHY_MAX])
{
	struct looking l = {.conf = conf, .why = why};
	struct hf_zone_walk walk = hf_zone_walk(zone);
	struct hf_zone_set set;
	if ((!conf->never || !conf->never->count) && !conf->tombstones)
		return true;
	while (hf_zone_next(&walk, &set)) {
		const uint8_t *at = set.rdata;
		if (!has_addresses(set.type))
			continue;
		hf_name_text(set.owner, l.owner);
		for (unsigned i = 0; i < set.count; i++, at += 2 + hf_get_u16(at))
			if (!record_is_good(&l, set.type, at + 2, hf_get_u16(at))) {
				tell_record(conf->ret_culprit, &set, at);
				return false;
			}
	}
	return true;
}

/* ---- the digest ---- */

static bool digest_is_good(const struct hf_zone *zone, char *why)
{
	static const char *const causes[] = {
		[HF_ZONEMD_SERIAL] = "its ZONEMD record is of another serial",
		[HF_ZONEMD_WRONG] = "its records do not have the digest that ZONEMD says",
		[HF_ZONEMD_TWICE] = "it has two ZONEMD records of one kind",
	};
	enum hf_zonemd found;
	int rc = hf_zonemd_check(zone, &found);
	if (!rc && !causes[found])
		return true;
	snprintf(why, HF_SANITY_WHY_MAX, "%s",
		rc ? "there was no memory to compute its digest" : causes[found]);
	return false;
}

bool hf_sanity(const struct hf_sanity_conf *conf, const struct hf_zone *old,
	const struct hf_zone *zone, char why[static HF_SANITY_WHY_MAX])
{
	if (old && (!serial_is_good(conf, old, zone, why) || !size_is_good(conf, old, zone, why)))
		return false;
	return hf_sanity_addresses(conf, zone, why) && digest_is_good(zone, why);
}
