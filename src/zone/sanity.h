/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sanity.h - may this version take the place of the one that is served?
 *
 * Story: a version that is whole and well-formed may still be a mistake: half of its
 * records gone, its serial gone back, a retired address in it, another ZONEMD digest (RFC
 * 8976) than its records have. Such a one is refused with the first cause found, and the
 * old one stays.
 * Threads: pure. */
#ifndef HF_ZONE_SANITY_H
#define HF_ZONE_SANITY_H

#include "truth/tombstones.h"
#include "zone/snapshot.h"
#include "zone/text.h"

struct hf_sanity_conf {
	uint32_t max_shrink; /* per cent */
	bool serial_may_go_back;
	const struct hf_prefix_list *never;     /* of this zone */
	const struct hf_tombstones *tombstones; /* of all; may be NULL */
	/* NULL, or where to put the record that has an address of these lists (its rdata stays
	 * the zone's): who read it from a file can look for its line. Else it is left alone. */
	struct hf_zone_record *ret_culprit;
};

/* `old` may be NULL. True: it may. Else `why` says what is wrong, with name and figures. */
#define HF_SANITY_WHY_MAX 400
bool hf_sanity(const struct hf_sanity_conf *conf, const struct hf_zone *old,
	const struct hf_zone *zone, char why[static HF_SANITY_WHY_MAX]);

/* Only one record that is well-formed: whether an address in it is retired. */
bool hf_sanity_record(const struct hf_sanity_conf *conf, const struct hf_name *owner, uint16_t type,
	const uint8_t *rdata, size_t len, char why[static HF_SANITY_WHY_MAX]);

/* Only whether an address in it is retired, or one that this zone must never have: what a
 * reload may have changed about a version that is served. */
bool hf_sanity_addresses(const struct hf_sanity_conf *conf, const struct hf_zone *zone,
	char why[static HF_SANITY_WHY_MAX]);

#endif
