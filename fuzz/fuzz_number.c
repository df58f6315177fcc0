/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text as a number, a duration, a size, an address, a prefix. What is read
 * is printed, and what was printed reads as the same value again. */
#include <stdlib.h>

#include "base/address.h"
#include "base/check.h"
#include "base/number.h"

static void numbers(const char *text, size_t len)
{
	char buf[HF_NUMBER_TEXT_MAX];
	uint64_t value = 7, again;
	if (hf_parse_u64(text, len, 1000000, &value))
		hf_require(value <= 1000000);
	else
		hf_require(value == 7);
	if (hf_parse_u64(text, len, UINT64_MAX, &value)) {
		int n = snprintf(buf, sizeof buf, "%llu", (unsigned long long)value);
		hf_require(hf_parse_u64(buf, (size_t)n, UINT64_MAX, &again) && again == value);
	}
	if (hf_parse_size(text, len, &value)) {
		hf_size_text(value, buf);
		hf_require(hf_parse_size(buf, strlen(buf), &again) && again == value);
	}
}

static void durations(const char *text, size_t len)
{
	char buf[HF_NUMBER_TEXT_MAX];
	hf_us value, again;
	if (!hf_parse_duration(text, len, &value))
		return;
	hf_require(value >= 0 && value <= HF_DURATION_MAX);
	hf_duration_text(value, buf);
	hf_require(hf_parse_duration(buf, strlen(buf), &again) && again == value);
}

static void addresses(const char *text)
{
	char buf[HF_ADDRESS_TEXT_MAX];
	struct hf_address address, again;
	struct hf_prefix prefix, second;
	if (!hf_address_parse(text, 0, &address)) {
		hf_require(hf_address_set(&address));
		hf_require(!hf_address_parse(hf_address_text(&address, buf), 0, &again));
		hf_require(hf_address_equal(&address, &again));
	}
	if (!hf_prefix_parse(text, &prefix)) {
		hf_require(hf_prefix_has(&prefix, &prefix.address));
		hf_require(!hf_prefix_parse(hf_prefix_text(&prefix, buf), &second));
		hf_require(second.bits == prefix.bits);
		hf_require(hf_address_equal(&second.address, &prefix.address));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[512];
	if (size >= sizeof text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	numbers(text, size);
	durations(text, size);
	addresses(text);
	return 0;
}
