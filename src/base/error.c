/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <string.h>

static const struct {
	int code;
	const char *sentence;
} sentences[] = {
	{HF_OK, "success"},
	{HF_EMALFORMED, "malformed DNS data"},
	{HF_ESPACE, "output buffer too small"},
	{HF_EBOUND, "bound reached"},
	{HF_ESYNTAX, "text does not parse"},
	{HF_ERANGE, "value out of range"},
	{HF_ECLOSED, "closed by the peer"},
	{HF_ECONFIG, "unusable configuration"},
	{HF_EAUTH, "the peer is not believed"},
	{HF_ESHARE, "its share is used up"},
};

const char *hf_strerror(int code)
{
	for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++)
		if (sentences[i].code == code)
			return sentences[i].sentence;
	if (code < 0 && code > -HF_ERR_BASE)
		return strerror(-code);
	return "unknown error";
}
