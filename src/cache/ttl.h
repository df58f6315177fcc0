/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ttl.h - how long an answer may be kept.
 *
 * Positive: the smallest TTL of all its records (RFC 1035 3.2.1). Negative
 * (NXDOMAIN, NODATA): also the SOA's MINIMUM and the operator's bound; without
 * a SOA not at all (RFC 2308 section 5). Nothing is ever kept for longer than
 * its own records say: a minimum would be a lie.
 * Threads: pure. */
#ifndef HF_CACHE_TTL_H
#define HF_CACHE_TTL_H

#include <stdint.h>

#include "cache/cache_conf.h"
#include "wire/build.h"
#include "wire/message.h"

enum hf_answer_kind {
	HF_ANSWER_POSITIVE, /* records that answer */
	HF_ANSWER_NODATA,   /* the name exists, the type does not; or only an alias to such */
	HF_ANSWER_NXDOMAIN, /* the name, or what it is an alias of, does not exist */
};

/* What a NOERROR or NXDOMAIN reply says. type: the one asked for. */
enum hf_answer_kind hf_answer_kind(const uint8_t *m, const struct hf_message_view *view,
	uint16_t type);

/* True if the NXDOMAIN is about the very name that was asked (no alias leads
 * away from it): then it holds for all types, and for all names below. */
static inline bool hf_nxdomain_of_name(const struct hf_message_view *view)
{
	return view->rcode == HF_RCODE_NXDOMAIN && view->answers == 0;
}

/* Seconds, from the reply and the limits. `smallest` is the smallest TTL of the
 * records after limits (hf_kept.ttl), UINT32_MAX if there are none. */
uint32_t hf_ttl_of(enum hf_answer_kind kind, const struct hf_message_view *view,
	uint32_t smallest, const struct hf_cache_conf *conf);

/* No record of a denial's authority section says more than the denial is good for
 * (kept->ttl): who caches behind us would believe it for the MINIMUM once more,
 * however old it is here (RFC 2308 section 5). */
void hf_ttl_of_denial(struct hf_kept *kept);

/* Both, for what is kept of a message, its TTLs noted already (hf_keep). type: the one asked for.
 */
void hf_ttl_bound(struct hf_kept *kept, const uint8_t *m, const struct hf_message_view *view,
	uint16_t type, const struct hf_cache_conf *conf);

#endif
