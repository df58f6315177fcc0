/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "xdp/doors.h"

#include "base/check.h"
#include "base/error.h"

int hf_xdp_door_read(const char *text, struct hf_xdp_door *ret)
{
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	*ret = (struct hf_xdp_door){.link = -1, .error = -ENODEV};
	if (len == 0 || len >= sizeof ret->name)
		return -ENAMETOOLONG;
	memcpy(ret->name, text, len);
	ret->may_native = !colon || strcmp(colon, ":native") == 0;
	ret->may_generic = !colon || strcmp(colon, ":generic") == 0;
	return ret->may_native || ret->may_generic ? 0 : HF_ESYNTAX;
}
