/* SPDX-License-Identifier: GPL-3.0-or-later */
/* truth_conf.h - what an operator may say about which answers are true.
 *
 * Everything here is immutable and belongs to one configuration. */
#ifndef HF_TRUTH_TRUTH_CONF_H
#define HF_TRUTH_TRUTH_CONF_H

#include "base/address.h"
#include "base/option.h"
#include "base/time.h"
#include "wire/name.h"

enum hf_prove { /* how an address shows that it is the name's */
	HF_PROVE_NOT,
	HF_PROVE_TLS, /* it holds a certificate for the name */
};

enum hf_prove_when {
	HF_PROVE_FIRST, /* the answer waits for the proof */
	HF_PROVE_AFTER, /* the answer goes out, and is withdrawn if the proof fails */
};

enum hf_rebind_policy { /* for a private address in a public name: rebind.h */
	HF_REBIND_ALLOW,
	HF_REBIND_REFUSE,
};

/* One entry of `expect:`: what must hold of the answers for a name. */
struct hf_expectation {
	struct hf_name name;             /* lowered, without "*." */
	bool below;                      /* it stood as "*.name": all names below it, not itself */
	struct hf_prefix_list addresses; /* every address lies in one of these; none: anywhere */
	struct hf_prefix_list never;     /* no address lies in any of these */
	struct hf_text_list cname;       /* addresses belong to names at or below one of these */
	int prove;                       /* enum hf_prove */
	int prove_when;                  /* enum hf_prove_when */
	uint32_t prove_port;
	const char *prove_ca;            /* PEM file of those who may vouch, or "system" */
	const char *agree;               /* "2 of 3", or "none" */
	struct hf_text_list examples;    /* names that it is for, to be asked about in checks */
};

extern const struct hf_option hf_expectation_options[];

/* `tombstones:` */
struct hf_tombstones;
struct hf_tombstones_conf {
	struct hf_prefix_list addresses;
	const char *file;          /* more of them, or "none" */
	struct hf_tombstones *all; /* those of both; NULL: none */
};

#define HF_TOMBSTONES_MAX 100000

extern const struct hf_option hf_tombstones_options[];

/* `truth:` */
struct hf_truth_conf {
	const struct hf_expectation *expectations;
	size_t expectation_count; /* at most HF_EXPECTATIONS_MAX */
	int rebind;                           /* enum hf_rebind_policy */
	struct hf_text_list rebind_allow;     /* names at or below these are not public */
	struct hf_prefix_list rebind_private; /* addresses that are private as well */
	uint32_t release;         /* truthful answers in a row that end a quarantine */
	uint32_t sample;          /* believed answers a second that another is asked about; 0: none */
	hf_us canaries;           /* between two names that cannot exist; 0: none */
	hf_us serials;            /* between two looks at a zone's serials; 0: none */
	bool identity;            /* upstreams are asked which machine they are */
	struct hf_address intercept_probe; /* where no resolver runs; unset: none */
	struct hf_tombstones_conf tombstones; /* a section of its own */
};

extern const struct hf_option hf_truth_options[];

#define HF_EXPECTATIONS_MAX 10000
#define HF_ANCHORS_MAX 16 /* different prove-ca */

/* "2 of 3": at least k of the n upstreams that are asked say the same. False: the text
 * says nothing of the kind, or k is under 2 or over n, or n over 64. "none" is 0 of 0. */
bool hf_agree_read(const char *text, unsigned *ret_k, unsigned *ret_n);

#endif
