/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text as a URL and as an item of `url-address`. */
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "zone/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[2 * HF_URL_MAX], host[HF_URL_HOST_MAX];
	const char *items[] = {text};
	const struct hf_text_list list = {items, 1};
	struct hf_address address, found[HF_URL_ADDRESSES_MAX];
	struct hf_url url;
	size_t len = size < sizeof text - 1 ? size : sizeof text - 1;
	memcpy(text, data, len);
	text[len] = 0;
	if (hf_url_address_parse(text, host, &address) == 0)
		hf_require(address.port == 0 && strlen(host) < sizeof host);
	if (hf_url_parse(text, &url))
		return 0;
	hf_require(url.port && url.host[0] && !strpbrk(url.host, "/@?# \r\n"));
	hf_require(hf_url_addresses(&url, &list, found) <= HF_URL_ADDRESSES_MAX);
	const char *file = hf_url_file(text, &len);
	hf_require(file >= text && file + len <= text + strlen(text));
	return 0;
}
