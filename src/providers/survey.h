/* SPDX-License-Identifier: GPL-3.0-or-later */
/* survey.h - all that a look needs, found, and the look itself.
 *
 * Story: a configuration gives names of servers where an address is wanted, leaves the
 * parent's servers to be found, and says where the source is. So names are looked up first,
 * by way of our own upstreams (engine/examiner.h) and only if there are any; then the
 * source is read or transferred; then the zone is looked at.
 * Ownership: conf is the caller's and outlives the look.
 * Threads: blocks the caller's, for `longest` and a little more at most; makes loops of
 * its own. It may run beside a server, whose workers it does not touch.
 * At the bound: 64 names looked up, 8 zones above ours, 16 of the parent's servers; a source
 * file of HF_ZONE_TEXT_MAX octets. */
#ifndef HF_PROVIDERS_SURVEY_H
#define HF_PROVIDERS_SURVEY_H

#include "authority/keys.h"
#include "cache/cache_conf.h"
#include "forward/route.h"
#include "providers/outlook.h"
#include "zone/zone_conf.h"

#define HF_SURVEY_LONGEST (30 * HF_SECOND)

struct hf_survey_conf {
	const struct hf_forward_conf *forward;
	const struct hf_cache_conf *cache;
	const struct hf_providers_conf *providers;
	const struct hf_zones_conf *zones;
	const struct hf_keys *keys; /* NULL: none */
	const char *without;        /* a provider, or NULL */
	hf_us longest;
	int interrupt; /* a descriptor: once it can be read, it ends (-ECANCELED); or -1 */
};

/* -ENOMEM, -EMFILE and the like: nothing could be asked. What could not be found is put
 * down in the look. */
int hf_survey(const struct hf_survey_conf *conf, const struct hf_delegation_conf *delegation,
	struct hf_outlook **ret);

#endif
