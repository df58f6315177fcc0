/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets as what a server that takes updates replies. */
#include "base/check.h"
#include "wire/message.h"
#include "zone/update.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct hf_name origin = {.len = 14, .bytes = "\4shop\7example"};
	struct hf_update_soa soa = {.len = 0};
	uint16_t id = size >= 2 ? hf_message_id(data) : 0;
	int rcode = hf_update_reply(id, data, size);
	hf_require(rcode >= -1 && rcode < 16);
	if (!hf_update_read_soa(&origin, id, data, size, &soa)) {
		hf_require(soa.len >= 22 && soa.len <= sizeof soa.rdata);
		(void)hf_update_soa_serial(&soa);
	} else {
		hf_require(!soa.len);
	}
	return 0;
}
