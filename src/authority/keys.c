/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/keys.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"

#define FILE_MAX 4096

struct hf_keys {
	size_t count;
	struct hf_tsig_key *items;
	const char **names; /* of the configuration, copied */
	uint8_t (*secrets)[HF_KEY_SECRET_MAX];
};

/* ---- base64 (RFC 4648 section 4) ---- */

static int digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* False: not base64, or none, or too much. */
static bool decode(const char *text, size_t len, uint8_t *ret, size_t *ret_len)
{
	size_t n = 0, pad = 0;
	uint32_t bits = 0;
	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	if (len == 0 || len % 4 != 0 || len / 4 * 3 - pad > HF_KEY_SECRET_MAX)
		return false;
	for (size_t i = 0; i < len - pad; i++) {
		int digit = digit_of(text[i]);
		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 != 0)
			ret[n++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	*ret_len = n;
	return n > 0;
}

/* ---- one file ---- */

static void wipe(void *bytes, size_t len)
{
	volatile uint8_t *at = bytes;
	while (len--)
		*at++ = 0;
}

/* The first line, without what may stand round it. */
static size_t read_line(int fd, char *buf, size_t cap)
{
	ssize_t n;
	do
		n = read(fd, buf, cap);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return 0;
	size_t len = 0;
	while (len < (size_t)n && buf[len] != '\n')
		len++;
	while (len && strchr(" \t\r", buf[len - 1]))
		len--;
	return len;
}

/* The first line of a file that not everybody may read. False: `why` says why not. */
static bool read_private_line(const char *path, char line[static FILE_MAX], size_t *ret_len,
	char why[static HF_KEY_WHY_MAX])
{
	struct stat st;
	/* Not a pipe that nobody writes to. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		snprintf(why, HF_KEY_WHY_MAX, "%s cannot be read: %s", path, hf_strerror(-errno));
		return false;
	}
	bool good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	if (!good) {
		snprintf(why, HF_KEY_WHY_MAX, "%s is no file", path);
	} else if (st.st_mode & (S_IROTH | S_IWOTH)) {
		snprintf(why, HF_KEY_WHY_MAX, "%s may be read by everybody: chmod o-rwx", path);
		good = false;
	} else {
		*ret_len = read_line(fd, line, FILE_MAX);
	}
	close(fd);
	return good;
}

bool hf_key_read(const struct hf_key_conf *conf, uint8_t *ret, size_t *ret_len,
	char why[static HF_KEY_WHY_MAX])
{
	char line[FILE_MAX];
	size_t len;
	bool good = false;
	if (read_private_line(conf->secret_file, line, &len, why)) {
		good = decode(line, len, ret, ret_len);
		if (!good)
			snprintf(why, HF_KEY_WHY_MAX,
				"the first line of %s is no secret in base64 of 1 to %d octets",
				conf->secret_file, HF_KEY_SECRET_MAX);
	}
	wipe(line, sizeof line);
	return good;
}

bool hf_token_read(const char *path, char *ret, size_t size, char why[static HF_KEY_WHY_MAX])
{
	char line[FILE_MAX];
	size_t len;
	bool good = false;
	if (read_private_line(path, line, &len, why)) {
		good = len > 0 && len < size && len < sizeof line;
		for (size_t i = 0; good && i < len; i++)
			good = line[i] > ' ' && line[i] <= '~';
		if (!good)
			snprintf(why, HF_KEY_WHY_MAX,
				"the first line of %s is no token: visible ASCII without blanks",
				path);
	}
	if (good) {
		memcpy(ret, line, len);
		ret[len] = 0;
	}
	wipe(line, sizeof line);
	return good;
}

/* ---- all ---- */

static struct hf_keys *make(size_t count)
{
	struct hf_keys *keys = calloc(1, sizeof *keys);
	if (!keys)
		return NULL;
	keys->items = calloc(count + 1, sizeof *keys->items);
	keys->names = calloc(count + 1, sizeof *keys->names);
	keys->secrets = calloc(count + 1, sizeof *keys->secrets);
	if (keys->items && keys->names && keys->secrets)
		return keys;
	hf_keys_free(keys);
	return NULL;
}

/* False: no memory. One that cannot be read is left out. */
static bool add(struct hf_keys *keys, const struct hf_key_conf *conf,
	void (*fault)(void *, const struct hf_key_conf *, const char *), void *ctx)
{
	char why[HF_KEY_WHY_MAX] = "its name is no domain name";
	struct hf_tsig_key *key = &keys->items[keys->count];
	*key = (struct hf_tsig_key){ .algorithm = (enum hf_tsig_algorithm)conf->algorithm,
		.secret = keys->secrets[keys->count] };
	if (hf_name_from_text(conf->name, strlen(conf->name), &key->name) ||
		!hf_key_read(conf, keys->secrets[keys->count], &key->secret_len, why)) {
		fault(ctx, conf, why);
		return true;
	}
	keys->names[keys->count] = strdup(conf->name);
	return keys->names[keys->count++] != NULL;
}

int hf_keys_load(const struct hf_key_conf *confs, size_t count,
	void (*fault)(void *ctx, const struct hf_key_conf *conf, const char *why), void *ctx,
	struct hf_keys **ret)
{
	struct hf_keys *keys = make(count);
	for (size_t i = 0; keys && i < count; i++) {
		if (add(keys, &confs[i], fault, ctx))
			continue;
		hf_keys_free(keys);
		keys = NULL;
	}
	if (!keys)
		return -ENOMEM;
	*ret = keys;
	return 0;
}

void hf_keys_free(struct hf_keys *keys)
{
	if (!keys)
		return;
	for (size_t i = 0; i < keys->count; i++) {
		wipe(keys->secrets[i], sizeof keys->secrets[i]);
		free((char *)(uintptr_t)keys->names[i]);
	}
	free(keys->items);
	free(keys->names);
	free(keys->secrets);
	free(keys);
}

const struct hf_tsig_key *hf_keys_find(const struct hf_keys *keys, const char *name)
{
	for (size_t i = 0; i < keys->count; i++)
		if (strcmp(keys->names[i], name) == 0)
			return &keys->items[i];
	return NULL;
}

const struct hf_tsig_key *hf_keys_all(const struct hf_keys *keys, size_t *ret_count)
{
	*ret_count = keys->count;
	return keys->items;
}
