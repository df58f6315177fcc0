/* SPDX-License-Identifier: GPL-3.0-or-later */
/* url.h - where a document about a zone is found over HTTP, and at which address.
 *
 * Story: `url`, `url-digest` and witnesses of `published` may be "https://host/path". The
 * host is an address or a name. A name is never looked up, for a zone must not need
 * another one to be had: which addresses it has stands in `url-address`, whose items are
 * "10.0.0.5", for every host that has none of its own, or "store.example=10.0.0.5".
 * What is no plain URL is refused: a user name, a fragment, white space, a host that is
 * neither an address nor a host name. So nobody can read it in another way than this does.
 * Threads: pure.
 * At the bound: HF_URL_MAX octets with the NUL; HF_URL_ADDRESSES_MAX addresses of a host,
 * the first ones; more are left out. */
#ifndef HF_ZONE_URL_H
#define HF_ZONE_URL_H

#include "base/address.h"
#include "base/option.h"

#define HF_URL_MAX 1024
#define HF_URL_HOST_MAX 254
#define HF_URL_ADDRESSES_MAX 8

struct hf_url {
	bool tls;                   /* https:// */
	uint16_t port;              /* 443, or 80, where none is written */
	char host[HF_URL_HOST_MAX]; /* lowered; an address without its brackets */
	struct hf_address address;  /* with the port; unset: the host is a name */
};

/* HF_ESYNTAX. */
int hf_url_parse(const char *text, struct hf_url *ret);

/* The same scheme, host and port: who is trusted with a secret. */
bool hf_url_same_server(const struct hf_url *a, const struct hf_url *b);

/* An address of this machine's own: nobody listens between it and us. */
bool hf_url_is_loopback(const struct hf_url *url);

/* What stands behind the last "/" of the path, in the text; "" if nothing does. */
const char *hf_url_file(const char *text, size_t *ret_len);

/* One item of `url-address`: the host ("": any) and the address, with port 0. HF_ESYNTAX. */
int hf_url_address_parse(
	const char *text, char ret_host[static HF_URL_HOST_MAX], struct hf_address *ret);

/* At which addresses the host is, each with the port; returns how many. Its own address
 * goes first where the host is one and the list does not name it. */
size_t hf_url_addresses(const struct hf_url *url, const struct hf_text_list *list,
	struct hf_address ret[static HF_URL_ADDRESSES_MAX]);

/* The host is an address that the list has, as a host's or as a host itself. */
bool hf_url_is_listed(const struct hf_url *url, const struct hf_text_list *list);

#endif
