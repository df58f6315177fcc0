/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/cookie.h"

#include <string.h>

/* One may be forged by chance, and one silence be a lost packet. */
#define WRONG_SEVERAL 3
#define UNHEARD_SEVERAL 3
#define UNSETTLED_SEVERAL 3

void hf_cookie_begin(
	struct hf_cookie *cookie, const struct hf_hash_key *key, const struct hf_address *address)
{
	const struct hf_hash_key secret = {hf_hash(key, 'c', address, sizeof *address),
		hf_hash(key, 'C', address, sizeof *address)};
	if (secret.k0 == cookie->secret.k0 && secret.k1 == cookie->secret.k1)
		return;
	*cookie = (struct hf_cookie){.secret = secret};
}

/* What the upstream gave for the one before is of no use with another. */
static void renew(struct hf_cookie *cookie, hf_us now)
{
	const uint64_t day = (uint64_t)(now / HF_COOKIE_LIFE);
	const uint64_t drawn = hf_hash(&cookie->secret, day, &day, sizeof day);
	memcpy(cookie->client, &drawn, sizeof cookie->client);
	cookie->client_until = (hf_us)(day + 1) * HF_COOKIE_LIFE;
	cookie->server_len = 0;
}

size_t hf_cookie_write(
	struct hf_cookie *cookie, bool again, hf_us now, uint8_t ret[static HF_COOKIE_MAX])
{
	if (!(cookie->secret.k0 | cookie->secret.k1) || now < cookie->silent_until)
		return 0;
	if (now >= cookie->client_until)
		renew(cookie, now);
	if (again && !cookie->server_len && !hf_cookie_due(cookie, now))
		return 0;
	memcpy(ret, cookie->client, HF_COOKIE_CLIENT);
	memcpy(ret + HF_COOKIE_CLIENT, cookie->server, HF_COOKIE_SERVER_MAX);
	return HF_COOKIE_CLIENT + (size_t)cookie->server_len;
}

bool hf_cookie_due(const struct hf_cookie *cookie, hf_us now)
{
	return now < cookie->due_until;
}

enum hf_cookie_found hf_cookie_look(
	const uint8_t client[static HF_COOKIE_CLIENT], bool due, const uint8_t *option, size_t len)
{
	if (!option)
		return due ? HF_COOKIE_MISSING : HF_COOKIE_NONE;
	if (len < HF_COOKIE_CLIENT || memcmp(option, client, HF_COOKIE_CLIENT) != 0)
		return HF_COOKIE_WRONG;
	if (len == HF_COOKIE_CLIENT)
		return HF_COOKIE_ECHO;
	return len >= HF_COOKIE_CLIENT + HF_COOKIE_SERVER_MIN && len <= HF_COOKIE_MAX
		       ? HF_COOKIE_GOOD
		       : HF_COOKIE_WRONG;
}

static void keep(struct hf_cookie *cookie, const uint8_t *server, size_t len)
{
	memcpy(cookie->server, server, len);
	cookie->server_len = (uint8_t)len;
}

void hf_cookie_heard(struct hf_cookie *cookie, const uint8_t client[static HF_COOKIE_CLIENT],
	enum hf_cookie_found found, const uint8_t *option, size_t len, hf_us now)
{
	if (found == HF_COOKIE_ECHO)
		cookie->habit = HF_COOKIE_ECHOES;
	if (found == HF_COOKIE_GOOD || found == HF_COOKIE_ECHO || found == HF_COOKIE_NONE)
		cookie->unheard = 0;
	if (found != HF_COOKIE_GOOD)
		return;
	cookie->habit = HF_COOKIE_GIVES;
	cookie->wrong = 0;
	cookie->unsettled = 0;
	if (now >= cookie->lenient_until)
		cookie->due_until = now + HF_COOKIE_MEMORY;
	if (memcmp(client, cookie->client, HF_COOKIE_CLIENT) == 0)
		keep(cookie, option + HF_COOKIE_CLIENT, len - HF_COOKIE_CLIENT);
}

void hf_cookie_refused(struct hf_cookie *cookie, enum hf_cookie_found found)
{
	if (found != HF_COOKIE_WRONG || cookie->wrong >= WRONG_SEVERAL)
		return;
	if (++cookie->wrong == WRONG_SEVERAL)
		cookie->habit = HF_COOKIE_MANGLES;
}

void hf_cookie_ended(struct hf_cookie *cookie, hf_us now)
{
	cookie->due_until = 0;
	cookie->lenient_until = now + HF_COOKIE_MEMORY;
	cookie->server_len = 0;
	cookie->unsettled = 0;
	cookie->habit = HF_COOKIE_KNOWS_NONE;
}

void hf_cookie_unsettled(struct hf_cookie *cookie, hf_us now)
{
	if (hf_cookie_due(cookie, now) && ++cookie->unsettled >= UNSETTLED_SEVERAL)
		hf_cookie_ended(cookie, now);
}

void hf_cookie_unheard(struct hf_cookie *cookie, hf_us now)
{
	if (cookie->server_len || hf_cookie_due(cookie, now) || ++cookie->unheard < UNHEARD_SEVERAL)
		return;
	cookie->unheard = 0;
	cookie->silent_until = now + HF_COOKIE_MEMORY;
}
