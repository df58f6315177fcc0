/* SPDX-License-Identifier: MIT */
#include "wire/type.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/number.h"
#include "wire/dns.h"

static const struct {
	uint16_t type;
	const char *name;
} types[] = {
	{HF_TYPE_A, "A"},
	{HF_TYPE_NS, "NS"},
	{HF_TYPE_CNAME, "CNAME"},
	{HF_TYPE_SOA, "SOA"},
	{HF_TYPE_PTR, "PTR"},
	{HF_TYPE_HINFO, "HINFO"},
	{HF_TYPE_MX, "MX"},
	{HF_TYPE_TXT, "TXT"},
	{HF_TYPE_AAAA, "AAAA"},
	{HF_TYPE_SRV, "SRV"},
	{HF_TYPE_NAPTR, "NAPTR"},
	{HF_TYPE_DNAME, "DNAME"},
	{HF_TYPE_DS, "DS"},
	{44, "SSHFP"},
	{HF_TYPE_DNSKEY, "DNSKEY"},
	{HF_TYPE_TLSA, "TLSA"},
	{HF_TYPE_SVCB, "SVCB"},
	{HF_TYPE_HTTPS, "HTTPS"},
	{HF_TYPE_CAA, "CAA"},
};

const char *hf_type_text(uint16_t type, char buf[static HF_TYPE_TEXT_MAX])
{
	for (size_t i = 0; i < HF_COUNT_OF(types); i++)
		if (types[i].type == type)
			return types[i].name;
	snprintf(buf, HF_TYPE_TEXT_MAX, "TYPE%u", type); /* RFC 3597 5 */
	return buf;
}

uint16_t hf_type_read(const char *text)
{
	uint64_t number;
	for (size_t i = 0; i < HF_COUNT_OF(types); i++)
		if (strcasecmp(types[i].name, text) == 0)
			return types[i].type;
	if (strncasecmp(text, "TYPE", 4) == 0 &&
		hf_parse_u64(text + 4, strlen(text + 4), 65535, &number) && number != 0 &&
		number != HF_TYPE_OPT && !(number >= 128 && number <= 255))
		return (uint16_t)number;
	return 0;
}

const char *hf_rcode_text(unsigned rcode, char buf[static HF_RCODE_TEXT_MAX])
{
	static const char *const names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",
		"REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"};
	if (rcode < HF_COUNT_OF(names))
		return names[rcode];
	snprintf(buf, HF_RCODE_TEXT_MAX, "RCODE %u", rcode % 65536);
	return buf;
}
