/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sibling_conf.h - what an operator may say about the other nodes behind the same address. */
#ifndef HF_ZONE_SIBLING_CONF_H
#define HF_ZONE_SIBLING_CONF_H

#include "base/option.h"
#include "base/time.h"

enum hf_panic { HF_PANIC_OFF, HF_PANIC_SERVE_NEWEST };

struct hf_siblings_conf { /* `siblings:` */
	struct hf_address_list servers;
	struct hf_address vip; /* family 0: none */
	hf_us interval;
	const char *key;  /* of `keys:`, or "none" */
	uint32_t samples; /* records of each zone that are compared in a round */
	int panic;        /* enum hf_panic */
};
extern const struct hf_option hf_sibling_options[];

#endif
