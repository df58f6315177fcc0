/* SPDX-License-Identifier: MIT */
/* type.h - what record types and RCODEs are called, where people read or write them.
 * Threads: pure. */
#ifndef HF_WIRE_TYPE_H
#define HF_WIRE_TYPE_H

#include <stdint.h>

/* "A", "HTTPS", "TYPE1234" (RFC 3597 5). Returns buf, or a constant. */
#define HF_TYPE_TEXT_MAX 16
const char *hf_type_text(uint16_t type, char buf[static HF_TYPE_TEXT_MAX]);

/* And back, whatever the case: 0 is no type that could be asked for. */
uint16_t hf_type_read(const char *text);

/* "REFUSED", "RCODE 16" for what has no name in a header (RFC 1035, RFC 2136). Returns buf, or
 * a constant. */
#define HF_RCODE_TEXT_MAX 16
const char *hf_rcode_text(unsigned rcode, char buf[static HF_RCODE_TEXT_MAX]);

#endif
