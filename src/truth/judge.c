/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/judge.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "truth/meant.h"

bool hf_judge_address(const struct hf_expected *expected, const struct hf_address *address,
	struct hf_evidence *ret)
{
	const struct hf_expectation *conf = expected->conf;
	const struct hf_address meant = hf_address_meant(address);
	const struct hf_prefix *never =
		hf_prefix_find(conf->never.items, conf->never.count, address);
	never = never ? never : hf_prefix_find(conf->never.items, conf->never.count, &meant);
	if (never) {
		*ret = (struct hf_evidence){ .lie = HF_LIE_NEVER, .address = *address, .prefix = *never };
		return false;
	}
	if (conf->addresses.count &&
		!hf_prefix_find(conf->addresses.items, conf->addresses.count, address)) {
		*ret = (struct hf_evidence){ .lie = HF_LIE_ADDRESS, .address = *address };
		return false;
	}
	return true;
}

static bool may_lead_to(const struct hf_expected *expected, const struct hf_name *name)
{
	for (size_t i = 0; i < expected->cname_count; i++)
		if (hf_name_within(name->bytes, name->len, expected->cnames[i].bytes,
			    expected->cnames[i].len))
			return true;
	return !expected->cname_count;
}

static bool good_owner(
	const struct hf_expected *expected, const struct hf_testimony *t, struct hf_evidence *ret)
{
	if (may_lead_to(expected, &t->owner))
		return true;
	*ret = (struct hf_evidence){ .lie = HF_LIE_CNAME, .name = t->owner };
	if (t->count)
		ret->address = t->addresses[0];
	return false;
}

static bool good_targets(
	const struct hf_expected *expected, const struct hf_testimony *t, struct hf_evidence *ret)
{
	struct hf_name target;
	for (size_t at = 0; at < t->targets_len; at += target.len) {
		target.len = (uint8_t)hf_name_wire_len(t->targets + at, t->targets_len - at);
		memcpy(target.bytes, t->targets + at, target.len);
		if (may_lead_to(expected, &target))
			continue;
		*ret = (struct hf_evidence){.lie = HF_LIE_CNAME, .name = target};
		return false;
	}
	return true;
}

bool hf_expects_addresses(const struct hf_expected *expected)
{
	const struct hf_expectation *conf = expected->conf;
	return !conf->below && (conf->addresses.count || expected->cname_count ||
				       conf->prove != HF_PROVE_NOT);
}

static bool lists_family(const struct hf_prefix_list *list, uint8_t family)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].address.family == family)
			return true;
	return false;
}

/* Does a name that is expected to have addresses have one of this type? */
static bool expects_type(const struct hf_expected *expected, uint16_t type)
{
	const struct hf_prefix_list *listed = &expected->conf->addresses;
	if ((type != HF_TYPE_A && type != HF_TYPE_AAAA) || !hf_expects_addresses(expected))
		return false;
	return listed->count ? lists_family(listed, type == HF_TYPE_A ? 4 : 6) : type == HF_TYPE_A;
}

bool hf_denies_expected(const struct hf_expected *expected, const struct hf_testimony *t)
{
	if (t->rcode == HF_RCODE_NXDOMAIN)
		return hf_expects_addresses(expected);
	return (t->denial || !t->count) && expects_type(expected, t->type);
}

enum hf_lie hf_lie_of_denial(const struct hf_testimony *t)
{
	return t->rcode == HF_RCODE_NXDOMAIN ? HF_LIE_DENIED : HF_LIE_EMPTY;
}

/* More addresses than were read: those that were not could be any. */
static bool too_many(const struct hf_expected *expected, const struct hf_testimony *t,
	struct hf_evidence *ret)
{
	const struct hf_expectation *conf = expected->conf;
	if (!t->more || (!conf->addresses.count && !conf->never.count && !expected->cname_count &&
				conf->prove == HF_PROVE_NOT))
		return false;
	*ret = (struct hf_evidence){ .lie = HF_LIE_ADDRESS, .address = t->addresses[0] };
	snprintf(ret->why, sizeof ret->why, "more than %d addresses at once", HF_TESTIMONY_ADDRESSES);
	return true;
}

enum hf_belief hf_judge(const struct hf_expected *expected, const struct hf_testimony *t,
	struct hf_evidence *ret)
{
	*ret = (struct hf_evidence){ .lie = HF_LIE_NONE };
	if (too_many(expected, t, ret))
		return HF_BELIEF_LIE;
	for (unsigned i = 0; i < t->count; i++)
		if (!hf_judge_address(expected, &t->addresses[i], ret))
			return HF_BELIEF_LIE;
	/* Whoever is led to another name may ask for its addresses next. */
	if ((t->count || t->aliases) && !good_owner(expected, t, ret))
		return HF_BELIEF_LIE;
	if (!good_targets(expected, t, ret))
		return HF_BELIEF_LIE;
	if (expected->agree || hf_denies_expected(expected, t))
		return HF_BELIEF_UNSURE;
	if (t->count && expected->conf->prove != HF_PROVE_NOT)
		return HF_BELIEF_UNPROVEN;
	return HF_BELIEF_GOOD;
}

const char *hf_lie_name(enum hf_lie lie)
{
	static const char *const names[HF_LIES] = {
		[HF_LIE_NONE] = "none",
		[HF_LIE_ADDRESS] = "address",
		[HF_LIE_NEVER] = "never",
		[HF_LIE_CNAME] = "cname",
		[HF_LIE_DENIED] = "denied",
		[HF_LIE_EMPTY] = "empty",
		[HF_LIE_PROOF] = "proof",
		[HF_LIE_OUTVOTED] = "outvoted",
		[HF_LIE_REBIND] = "rebind",
		[HF_LIE_CANARY] = "canary",
		[HF_LIE_STALE] = "stale",
		[HF_LIE_RETIRED] = "retired",
	};
	return lie < HF_LIES ? names[lie] : "?";
}

const char *hf_evidence_text(const struct hf_evidence *e, char buf[static HF_EVIDENCE_TEXT_MAX])
{
	char address[HF_ADDRESS_TEXT_MAX], prefix[HF_ADDRESS_TEXT_MAX], name[HF_NAME_TEXT_MAX];
	hf_address_text(&e->address, address);
	hf_prefix_text(&e->prefix, prefix);
	hf_name_text(e->name.len ? e->name.bytes : (const uint8_t *)"", name);
	const size_t size = HF_EVIDENCE_TEXT_MAX;
	switch (e->lie) {
	case HF_LIE_ADDRESS:
		if (e->why[0])
			snprintf(buf, size, "%s", e->why);
		else
			snprintf(buf, size, "%s, which is none of the addresses expected", address);
		break;
	case HF_LIE_NEVER:
		snprintf(buf, size, "%s, which lies in %s, where it must never be", address, prefix);
		break;
	case HF_LIE_CNAME:
		snprintf(buf, size, "with %s %.160s, which is no name expected",
			hf_address_set(&e->address) ? "an address of" : "a way to", name);
		break;
	case HF_LIE_DENIED:
		snprintf(buf, size, "that the name does not exist, which another upstream knows");
		break;
	case HF_LIE_EMPTY:
		snprintf(buf, size, "no address, where another upstream gives one");
		break;
	case HF_LIE_PROOF: snprintf(buf, size, "%s, not proven: %s", address, e->why); break;
	case HF_LIE_OUTVOTED:
		snprintf(buf, size, "%s, where others agree on something else",
			hf_address_set(&e->address) ? address : "something");
		break;
	case HF_LIE_REBIND:
		snprintf(buf, size, "%s, a private address in a public name", address);
		break;
	case HF_LIE_CANARY:
		snprintf(buf, size, "%s for a name that does not exist",
			hf_address_set(&e->address) ? address : "something");
		break;
	case HF_LIE_STALE:
		snprintf(buf, size, "with serial %u, where the newest is %u", e->serials[0],
			e->serials[1]);
		break;
	case HF_LIE_RETIRED: snprintf(buf, size, "%s, which is retired", address); break;
	case HF_LIE_NONE:
	case HF_LIES: snprintf(buf, size, "nothing false"); break;
	}
	return buf;
}
