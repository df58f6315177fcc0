/* SPDX-License-Identifier: GPL-3.0-or-later */
/* local_conf.h - what an operator may say about local data and hosts files.
 *
 * Everything here is immutable and belongs to one configuration. */
#ifndef HF_ZONE_LOCAL_CONF_H
#define HF_ZONE_LOCAL_CONF_H

#include "base/option.h"
#include "base/time.h"

struct hf_local_conf {
	struct hf_text_list records; /* each a line of zone text */
	const uint32_t *lines;       /* of the configuration, on which they stand */
	const char *source;          /* ... which is this file */
	const char *file;            /* zone text, or "none" */
	struct hf_text_list hosts;   /* paths of hosts files */
	hf_us hosts_ttl;
	uint32_t hosts_limit; /* lines of all hosts files */
	bool hosts_loopback;  /* lines with a loopback address count as well */
};
extern const struct hf_option hf_local_options[];

/* Is there anything to look after? */
static inline bool hf_local_given(const struct hf_local_conf *conf)
{
	return conf && (conf->records.count || conf->hosts.count ||
			       (conf->file && __builtin_strcmp(conf->file, "none") != 0));
}

#endif
