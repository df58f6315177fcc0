/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cache_conf.h - what an operator may say about the cache. */
#ifndef HF_CACHE_CACHE_CONF_H
#define HF_CACHE_CACHE_CONF_H

#include "base/option.h"

struct hf_cache_conf {
	uint64_t size;        /* bytes for everything: answers and index */
	hf_us ttl_max;        /* no record is kept longer than this */
	hf_us negative_max;   /* NXDOMAIN and NODATA (RFC 2308 section 5: 1 to 3 h) */
	hf_us failure;        /* how long a first failure is remembered (RFC 9520) */
	hf_us failure_max;    /* the same after failures in a row */
	hf_us stale;          /* how long past its TTL an answer may serve (RFC 8767) */
	hf_us stale_after;    /* how long a client waits for a fresh one first */
	hf_us stale_ttl;      /* what such an answer says it is good for */
	bool prefetch;        /* popular answers are fetched anew before they end */
	struct hf_text_list keep_warm; /* names that always are */
	const char *persist;  /* directory to write the cache down in, `auto` or `none` */
	bool nxdomain_cut;    /* nothing exists below an NXDOMAIN (RFC 8020) */
};

/* The rows for `cache:`. */
extern const struct hf_option hf_cache_options[];

#endif
