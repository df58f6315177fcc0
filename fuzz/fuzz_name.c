/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets as names: at each place of a message, and as text. The two readers
 * agree, a name survives its text form, and "lies within" is what a slow
 * comparison of labels says it is. */
#include <stdlib.h>

#include "base/check.h"
#include "wire/name.h"

static void survives_text(const struct hf_name *name)
{
	char text[HF_NAME_TEXT_MAX], again[HF_NAME_TEXT_MAX];
	struct hf_name lowered = *name, back;
	hf_name_lower(lowered.bytes, lowered.len);
	hf_name_text(name->bytes, text);
	for (const char *c = text; *c; c++)
		hf_require(*c > 0x20 && *c < 0x7f);
	hf_require(!hf_name_from_text(text, strlen(text), &back));
	hf_require(back.len == name->len && memcmp(back.bytes, lowered.bytes, name->len) == 0);
	hf_require(hf_name_equal(back.bytes, name->bytes, name->len));
	hf_name_text(back.bytes, again);
	hf_require(!hf_name_from_text(again, strlen(again), &lowered));
	hf_require(memcmp(&lowered, &back, 1 + (size_t)back.len) == 0);
}

static bool slowly_within(const struct hf_name *name, const struct hf_name *zone)
{
	for (const uint8_t *at = name->bytes;; at = hf_name_parent(at)) {
		size_t left = name->len - (size_t)(at - name->bytes);
		if (left == zone->len && memcmp(at, zone->bytes, left) == 0)
			return true;
		if (!*at)
			return false;
	}
}

static void compare(const struct hf_name *a, const struct hf_name *b)
{
	hf_require(hf_name_within(a->bytes, a->len, b->bytes, b->len) == slowly_within(a, b));
	hf_require(hf_name_within(b->bytes, b->len, a->bytes, a->len) == slowly_within(b, a));
	hf_require(hf_name_within(a->bytes, a->len, (const uint8_t *)"", 1));
}

static void read_everywhere(const uint8_t *data, size_t size)
{
	struct hf_name name, last = { .len = 1 };
	for (size_t at = 0; at < size && at < 128; at++) {
		size_t next = 0, skipped = 0;
		int rc = hf_name_read(data, size, at, &name, &next);
		hf_require(rc == hf_name_skip(data, size, at, &skipped));
		size_t plain = hf_name_wire_len(data + at, size - at);
		hf_require(!plain || !rc);
		if (rc)
			continue;
		hf_require(next == skipped && next > at && next <= size);
		hf_require(name.len >= 1 && hf_name_wire_len(name.bytes, name.len) == name.len);
		hf_require(!plain || (plain == name.len && next == at + plain));
		hf_require(hf_name_labels(name.bytes) <= 127);
		survives_text(&name);
		hf_name_lower(name.bytes, name.len);
		compare(&name, &last);
		last = name;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_name name;
	if (!hf_name_from_text((const char *)data, size, &name)) {
		hf_require(hf_name_wire_len(name.bytes, name.len) == name.len);
		survives_text(&name);
	}
	read_everywhere(data, size);
	return 0;
}
