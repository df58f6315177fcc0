/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/identity.h"

#include <stdio.h>
#include <string.h>

struct hf_question hf_identity_question(enum hf_identity_ask ask)
{
	static const struct hf_name names[HF_IDENTITY_ASKS] = {
		[HF_IDENTITY_ID] = {11, "\2id\6server"},
		[HF_IDENTITY_HOST] = {15, "\10hostname\4bind"},
		[HF_IDENTITY_VERSION] = {14, "\7version\4bind"},
	};
	return (struct hf_question){names[ask], HF_TYPE_TXT, HF_CLASS_CH};
}

/* A TXT record begins with a length and so many octets; the rest is left alone. */
static void copy(const uint8_t *rdata, size_t len, char buf[static HF_IDENTITY_TEXT])
{
	size_t n = len ? rdata[0] : 0;
	n = n < len ? n : len ? len - 1 : 0;
	n = n < HF_IDENTITY_TEXT - 1 ? n : HF_IDENTITY_TEXT - 1;
	for (size_t i = 0; i < n; i++)
		buf[i] = rdata[1 + i] >= ' ' && rdata[1 + i] < 127 ? (char)rdata[1 + i] : '?';
	buf[n] = 0;
}

const char *hf_identity_read(
	const uint8_t *m, const struct hf_message_view *view, char buf[static HF_IDENTITY_TEXT])
{
	struct hf_record record;
	size_t at = view->question_end;
	buf[0] = 0;
	for (unsigned i = 0; i < view->answers; i++, at = record.end) {
		if (hf_record_read(m, view->answer_end, at, &record))
			break;
		if (record.type != HF_TYPE_TXT || record.class != HF_CLASS_CH)
			continue;
		copy(m + record.rdata_at, record.rdata_len, buf);
		break;
	}
	return buf;
}

void hf_identity_note(
	struct hf_identity *identity, enum hf_identity_ask ask, const char *text, hf_us now)
{
	bool of_version = ask == HF_IDENTITY_VERSION;
	char *place = of_version ? identity->version : identity->name;
	if (!text[0])
		return;
	identity->heard = now;
	if (!of_version && place[0] && strcmp(place, text) != 0)
		identity->changes++;
	snprintf(place, HF_IDENTITY_TEXT, "%s", text);
}

static bool same_network(const struct hf_address *a, const struct hf_address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, a->family == 4 ? 2 : 4) == 0;
}

bool hf_identity_as_one(const struct hf_identity *a, const struct hf_address *at_a,
	const struct hf_identity *b, const struct hf_address *at_b)
{
	return a->name[0] && strcmp(a->name, b->name) == 0 && !same_network(at_a, at_b);
}
