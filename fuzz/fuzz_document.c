/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets as what a web server says of a zone: digests and serials. */
#include "base/check.h"
#include "base/error.h"
#include "zone/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	uint8_t digest[HF_SHA256];
	char why[HF_DOCUMENT_WHY_MAX] = "";
	struct hf_name zone;
	uint32_t serial = 7;
	hf_require(hf_name_from_text("corp.example", 12, &zone) == 0);
	(void)hf_document_digest(text, size, "corp.zone", 9, digest);
	(void)hf_document_digest_header(text, size, true, digest);
	(void)hf_document_digest_header(text, size, false, digest);
	int rc = hf_document_serial(text, size, &zone, why, &serial);
	hf_require(!rc || (why[0] && serial == 7) || rc == -ENOMEM);
	return 0;
}
