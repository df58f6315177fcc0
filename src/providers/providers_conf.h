/* SPDX-License-Identifier: GPL-3.0-or-later */
/* providers_conf.h - who serves our zones for the world, and what is held against whom.
 *
 * Everything here is immutable and belongs to one configuration. */
#ifndef HF_PROVIDERS_PROVIDERS_CONF_H
#define HF_PROVIDERS_PROVIDERS_CONF_H

#include "base/address.h"
#include "base/option.h"
#include "base/time.h"
#include "wire/name.h"

#define HF_PROVIDERS_MAX 64
#define HF_DELEGATIONS_MAX 1000

/* One entry of `providers:`. */
struct hf_provider_conf {
	const char *name;
	struct hf_text_list servers; /* see hf_provider_server_read */
	bool transfer;               /* ask it for the whole zone */
	const char *key;             /* of `keys:`, for that; or "none" */
	bool own_serials;            /* it counts serials by itself */
};
extern const struct hf_option hf_provider_options[];

/* One entry of `delegations:`. */
struct hf_delegation_conf {
	struct hf_name zone;            /* lowered */
	struct hf_text_list providers;  /* of `providers:`; none: all of them */
	struct hf_address_list parents; /* the parent zone's servers; none: they are looked up */
	const char *source;             /* "auto", "none", a file, or a server's address */
	const char *source_key;         /* of `keys:`, for a transfer from there; or "none" */
	struct hf_text_list names;      /* compared and tried besides those of the source */
	hf_us change_within;            /* 0: it does not matter */
	hf_us negative_max;
	hf_us every;                     /* a running server looks; 0: it does not */
	struct hf_text_list accept; /* findings that are as they should be */
};
extern const struct hf_option hf_delegation_options[];

struct hf_providers_conf {
	const struct hf_provider_conf *providers;
	size_t provider_count;
	const struct hf_delegation_conf *delegations;
	size_t delegation_count;
};

/* "192.0.2.1", "ns1.example", "ns1.example@192.0.2.1:53": a name (len 0: none) and an
 * address (not set: it is to be looked up). Port 53 where none is written. HF_ESYNTAX. */
int hf_provider_server_read(const char *text, struct hf_name *ret_name, struct hf_address *ret);

/* Whose zone this is: does it serve the delegation? */
bool hf_delegation_has(const struct hf_delegation_conf *delegation, const char *provider);

/* What a source's text is. */
enum hf_source_kind { HF_SOURCE_AUTO, HF_SOURCE_NONE, HF_SOURCE_FILE, HF_SOURCE_SERVER };

/* HF_ESYNTAX: none of those. *ret is set for a server. */
int hf_source_read(const char *text, enum hf_source_kind *ret_kind, struct hf_address *ret);

#endif
