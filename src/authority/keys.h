/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keys.h - the secrets of `keys:` and of web servers, read from their files.
 *
 * Story: a configuration names files; this makes of them keys that can sign (zone/tsig.h).
 * A secret that everybody on the machine can read is none: it is refused. Secrets are read
 * with the configuration that names them, so that a reload takes a new one.
 * Ownership: keys live as long as their set. Secrets are wiped when it goes.
 * Threads: immutable; read from any.
 * At the bound: HF_KEYS_MAX keys; a secret of HF_KEY_SECRET_MAX octets; a file's first 4 KiB. */
#ifndef HF_AUTHORITY_KEYS_H
#define HF_AUTHORITY_KEYS_H

#include "zone/tsig.h"
#include "zone/zone_conf.h"

#define HF_KEY_SECRET_MAX 512
#define HF_KEY_WHY_MAX 400
#define HF_TOKEN_MAX 4096 /* with its NUL */

struct hf_keys;

/* Reads the secret of one key: ret has room for HF_KEY_SECRET_MAX octets. False: `why` is a
 * phrase that names the file. */
bool hf_key_read(const struct hf_key_conf *conf, uint8_t *ret, size_t *ret_len,
	char why[static HF_KEY_WHY_MAX]);

/* Reads the token for a web server (RFC 6750): the first line of a file, visible ASCII without
 * blanks. False: `why` is a phrase that names the file. */
bool hf_token_read(const char *path, char *ret, size_t size, char why[static HF_KEY_WHY_MAX]);

/* All that can be read; for each of the others `fault` is called. -ENOMEM. */
int hf_keys_load(const struct hf_key_conf *confs, size_t count,
	void (*fault)(void *ctx, const struct hf_key_conf *conf, const char *why), void *ctx,
	struct hf_keys **ret);

void hf_keys_free(struct hf_keys *keys); /* NULL is fine */

/* The key of this name, as it stands in the configuration, or NULL. */
const struct hf_tsig_key *hf_keys_find(const struct hf_keys *keys, const char *name);

/* All of them, for a server that takes any. */
const struct hf_tsig_key *hf_keys_all(const struct hf_keys *keys, size_t *ret_count);

#endif
