/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets as what a sibling replies. */
#include "base/check.h"
#include "zone/sibling.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_message_view view;
	struct hf_twin_report report = {.said = HF_TWIN_SILENT};
	struct hf_question q = {.type = HF_TYPE_MX, .class = HF_CLASS_IN};
	uint64_t sum = 0;
	size_t next;
	if (hf_message_read(data, size, &view))
		return 0;
	if (view.question_end <= HF_HEADER_LEN ||
		hf_name_read(data, view.end, HF_HEADER_LEN, &q.name, &next))
		q.name = (struct hf_name){.len = 1};
	hf_name_lower(q.name.bytes, q.name.len);
	hf_sibling_read_soa(data, &view, &q.name, &report);
	hf_require(report.said != HF_TWIN_SILENT);
	hf_require(report.said < HF_TWIN_MARKED || report.has_serial);
	for (uint16_t type = 1; type < 66; type++) {
		q.type = type;
		(void)hf_sibling_digest_reply(data, &view, &q, &sum);
	}
	return 0;
}
