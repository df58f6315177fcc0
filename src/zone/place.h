/* SPDX-License-Identifier: GPL-3.0-or-later */
/* place.h - who is asked about a zone, as an operator writes it down.
 *
 * Story: `primaries`, `published` and `notify` are lists of text; this says what one of
 * them means: "10.0.0.10", "10.0.0.10:5353", "[2001:db8::1]:53", "tls://10.0.0.11" (port
 * 853), "https://host/path" (zone/url.h), "txt:serial.corp.example@10.0.0.53" (who is asked
 * for the TXT record; without it, whoever looks after the zone decides).
 * Host names are not looked up: a zone must not need another to be had.
 * Threads: pure. */
#ifndef HF_ZONE_PLACE_H
#define HF_ZONE_PLACE_H

#include "base/address.h"
#include "wire/name.h"

enum hf_place_kind {
	HF_PLACE_DNS = 1, /* over UDP, or TCP where the question needs it */
	HF_PLACE_TLS,
	HF_PLACE_TXT,
	HF_PLACE_URL,
};

struct hf_place {
	enum hf_place_kind kind;
	struct hf_address address; /* DNS, TLS, TXT (or unset): with its port */
	struct hf_name name;       /* TXT: lowered */
	const char *url;           /* URL: the text given */
};

/* The place keeps `text` where it is a URL. HF_ESYNTAX. */
int hf_place_parse(const char *text, struct hf_place *ret);

#endif
