/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/place.h"

#include <string.h>

#include "base/error.h"
#include "zone/url.h"

#define DNS_PORT 53
#define TLS_PORT 853

static bool takes(const char **text, const char *prefix)
{
	size_t len = strlen(prefix);
	if (strncmp(*text, prefix, len) != 0)
		return false;
	*text += len;
	return true;
}

static int read_address(const char *text, uint16_t port, struct hf_place *ret)
{
	int rc = hf_address_parse(text, port, &ret->address);
	return rc ? rc : ret->address.port ? 0 : HF_ESYNTAX;
}

/* The name, and behind the last "@" who is asked for it. */
static int read_txt(const char *rest, struct hf_place *ret)
{
	const char *at = strrchr(rest, '@');
	int rc = at ? read_address(at + 1, DNS_PORT, ret) : 0;
	return rc ? rc
		  : hf_name_from_text(rest, at ? (size_t)(at - rest) : strlen(rest), &ret->name);
}

int hf_place_parse(const char *text, struct hf_place *ret)
{
	struct hf_place place = {.kind = HF_PLACE_DNS};
	const char *rest = text;
	int rc;
	if (takes(&rest, "tls://")) {
		place.kind = HF_PLACE_TLS;
		rc = read_address(rest, TLS_PORT, &place);
	} else if (strstr(text, "://")) {
		struct hf_url url;
		place.kind = HF_PLACE_URL;
		place.url = text;
		rc = hf_url_parse(text, &url);
	} else if (takes(&rest, "txt:")) {
		place.kind = HF_PLACE_TXT;
		rc = read_txt(rest, &place);
	} else {
		rc = read_address(rest, DNS_PORT, &place);
	}
	if (rc)
		return HF_ESYNTAX;
	*ret = place;
	return 0;
}
