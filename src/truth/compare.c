/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/compare.h"

#include <string.h>

#include "truth/serials.h"

/* Whose network an address is can only be guessed: blocks of these sizes are what one
 * holder is mostly given, and what a place of a content network mostly has. */
#define NETWORK4 2 /* octets: /16 */
#define NETWORK6 4 /* /32 */

/* Labels of two owners that are the same, from the right, if both are a content network's:
 * its own domain under a public suffix. */
#define OWNER_LABELS 2

bool hf_compare_can(uint16_t type)
{
	return type == HF_TYPE_A || type == HF_TYPE_AAAA || type == HF_TYPE_HTTPS ||
	       type == HF_TYPE_SVCB;
}

static bool same_network(const struct hf_address *a, const struct hf_address *b)
{
	return a->family == b->family &&
	       memcmp(a->bytes, b->bytes, a->family == 4 ? NETWORK4 : NETWORK6) == 0;
}

static bool networks_meet(const struct hf_testimony *a, const struct hf_testimony *b)
{
	for (unsigned i = 0; i < a->count; i++)
		for (unsigned j = 0; j < b->count; j++)
			if (same_network(&a->addresses[i], &b->addresses[j]))
				return true;
	return false;
}

/* The last OWNER_LABELS labels of a name; all of a shorter one. */
static const uint8_t *domain_of(const struct hf_name *name)
{
	const uint8_t *at = name->bytes;
	for (unsigned labels = hf_name_labels(at); labels > OWNER_LABELS; labels--)
		at = hf_name_parent(at);
	return at;
}

/* Do both lead, by aliases, to names of one holder? */
static bool owners_meet(const struct hf_testimony *a, const struct hf_testimony *b)
{
	const uint8_t *x = domain_of(&a->owner), *y = domain_of(&b->owner);
	size_t len = hf_name_wire_len(x, HF_NAME_MAX);
	return a->aliases && b->aliases && hf_name_labels(x) == OWNER_LABELS &&
	       len == hf_name_wire_len(y, HF_NAME_MAX) && memcmp(x, y, len) == 0;
}

static enum hf_compared because(enum hf_compared compared, const char *why, const char **ret_why)
{
	*ret_why = why;
	return compared;
}

enum hf_compared hf_compare_said(
	const struct hf_testimony *first, const struct hf_testimony *second, const char **ret_why)
{
	bool own = first->authoritative && second->authoritative && first->has_serial &&
		   second->has_serial;
	if (own && hf_serial_older(second->serial, first->serial))
		return because(HF_COMPARED_OLDER, "it serves an older zone", ret_why);
	if (own && hf_serial_older(first->serial, second->serial))
		return because(HF_COMPARED_NEWER, "it serves a newer zone", ret_why);
	if (hf_testimony_same(first, second))
		return because(HF_COMPARED_AGREE, "they say the same", ret_why);
	if (first->denial && second->denial)
		return because(HF_COMPARED_DESIGN, "both deny it in their own way", ret_why);
	if (first->denial != second->denial)
		return because(HF_COMPARED_CONTRADICT, "one denies what the other has", ret_why);
	if (hf_testimony_shared(first, second))
		return because(HF_COMPARED_DESIGN, "they have addresses in common", ret_why);
	if (networks_meet(first, second))
		return because(HF_COMPARED_DESIGN, "the addresses are of one network", ret_why);
	if (owners_meet(first, second))
		return because(HF_COMPARED_DESIGN, "the aliases lead to one domain", ret_why);
	if (!first->count && !second->count)
		return because(HF_COMPARED_DESIGN, "neither gives an address", ret_why);
	return because(HF_COMPARED_CONTRADICT, "nothing explains the difference", ret_why);
}

const char *hf_compared_name(enum hf_compared compared)
{
	static const char *const names[HF_COMPARED] = {
		[HF_COMPARED_AGREE] = "agree",
		[HF_COMPARED_DESIGN] = "design",
		[HF_COMPARED_CONTRADICT] = "contradict",
		[HF_COMPARED_OLDER] = "older",
		[HF_COMPARED_NEWER] = "newer",
	};
	return compared < HF_COMPARED ? names[compared] : "?";
}
