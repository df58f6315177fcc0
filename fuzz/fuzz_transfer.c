/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets as the messages of a transfer, each behind two octets of length; the first
 * octet says whether differences were asked for. A transfer ends once; what comes whole is a
 * zone with the serial that it began with, or none, and then there is a word why. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "zone/transfer.h"

#define ID 0x1234

static const char text[] = "@ SOA ns host 7 60 30 600 300\n@ NS ns\nns A 192.0.2.53\n"
			   "web A 192.0.2.1\nweb A 192.0.2.2\n";

static int to_build(void *ctx, const struct hf_zone_record *record)
{
	return hf_zone_build_add(ctx, record);
}

static void no_fault(void *ctx, uint32_t line, const char *why)
{
	(void)ctx;
	(void)line;
	hf_require(!why);
}

static struct hf_zone *make(const struct hf_name *origin, const struct hf_zone_limits *limits)
{
	const struct hf_zone_handler handler = {to_build, no_fault};
	const struct hf_zone_text in = {
		.text = text, .len = sizeof text - 1, .origin = "corp.internal.", .ttl = 300};
	struct hf_zone_build *build;
	struct hf_zone *zone;
	hf_require(!hf_zone_build_new(origin, limits, &build));
	hf_require(!hf_zone_text_read(&in, &handler, build));
	hf_require(!hf_zone_build_finish(build, no_fault, NULL, &zone));
	return zone;
}

static void finish(struct hf_transfer *t, const struct hf_zone *have)
{
	struct hf_zone *zone;
	bool differences;
	int rc = hf_transfer_zone(t, &zone, &differences);
	hf_require(!rc || rc == -ENOMEM || *hf_transfer_why(t));
	if (rc)
		return;
	hf_require(hf_zone_soa(zone)->serial == hf_transfer_serial(t));
	hf_require(have || !differences);
	hf_zone_unref(zone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct hf_zone_limits limits = {.records = 1000};
	struct hf_name origin;
	struct hf_transfer *t;
	uint8_t ask[HF_TRANSFER_ASK_MAX];
	enum hf_transfer_step step = HF_TRANSFER_MORE;
	if (!size)
		return 0;
	hf_require(!hf_name_from_text("corp.internal", 13, &origin));
	struct hf_zone *have = *data & 1 ? make(&origin, &limits) : NULL;
	hf_require(!hf_transfer_new(&origin, have, &limits, &t));
	hf_require(hf_transfer_ask(t, ID, ask) > HF_HEADER_LEN);
	data++;
	size--;
	while (size >= 2 && step == HF_TRANSFER_MORE) {
		size_t len = hf_get_u16(data);
		data += 2;
		size -= 2;
		len = len < size ? len : size;
		step = hf_transfer_message(t, data, len);
		hf_require(step != HF_TRANSFER_AGAIN || have);
		hf_require(step == HF_TRANSFER_MORE || step == HF_TRANSFER_WHOLE ||
			   *hf_transfer_why(t));
		data += len;
		size -= len;
	}
	if (step == HF_TRANSFER_WHOLE)
		finish(t, have);
	hf_transfer_free(t);
	hf_zone_unref(have);
	return 0;
}
