/* SPDX-License-Identifier: MIT */
#include "wire/rdata.h"

#include "base/check.h"
#include "base/error.h"
#include "wire/dns.h"

/* RFC 3597 section 4: compression must be understood in the types of RFC 1035,
 * and receivers should decompress RP, AFSDB, RT, SIG, PX, NXT, NAPTR and SRV.
 * KX and DNAME are here because servers older than their RFCs compressed them. */
static const struct hf_rdata_shape shapes[] = {
	[HF_TYPE_NS] = {0, 0, 1},
	[HF_TYPE_MD] = {0, 0, 1},
	[HF_TYPE_MF] = {0, 0, 1},
	[HF_TYPE_CNAME] = {0, 0, 1},
	[HF_TYPE_SOA] = {0, 0, 2},
	[HF_TYPE_MB] = {0, 0, 1},
	[HF_TYPE_MG] = {0, 0, 1},
	[HF_TYPE_MR] = {0, 0, 1},
	[HF_TYPE_PTR] = {0, 0, 1},
	[HF_TYPE_MINFO] = {0, 0, 2},
	[HF_TYPE_MX] = {2, 0, 1},
	[HF_TYPE_RP] = {0, 0, 2},
	[HF_TYPE_AFSDB] = {2, 0, 1},
	[HF_TYPE_RT] = {2, 0, 1},
	[HF_TYPE_SIG] = {18, 0, 1},
	[HF_TYPE_PX] = {2, 0, 2},
	[HF_TYPE_NXT] = {0, 0, 1},
	[HF_TYPE_SRV] = {6, 0, 1},
	[HF_TYPE_NAPTR] = {4, 3, 1},
	[HF_TYPE_KX] = {2, 0, 1},
	[HF_TYPE_DNAME] = {0, 0, 1},
};

const struct hf_rdata_shape *hf_rdata_shape(uint16_t type)
{
	static const struct hf_rdata_shape opaque = {0};
	return type < HF_COUNT_OF(shapes) ? &shapes[type] : &opaque;
}

int hf_rdata_names_at(const struct hf_rdata_shape *shape, const uint8_t *m, size_t at,
	size_t end, size_t *ret)
{
	at += shape->before;
	for (unsigned i = 0; i < shape->strings; i++) {
		if (at >= end)
			return HF_EMALFORMED;
		at += 1 + (size_t)m[at];
	}
	if (at > end)
		return HF_EMALFORMED;
	*ret = at;
	return 0;
}
