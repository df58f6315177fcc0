/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "providers/providers_conf.h"

#include <string.h>

#include "base/error.h"

#define DAY (86400 * HF_SECOND)
#define DNS_PORT 53

#define ROW(field) .at = offsetof(struct hf_provider_conf, field)

const struct hf_option hf_provider_options[] = {
	{.name = "servers",
		.type = HF_OPT_TEXTS,
		ROW(servers),
		.min = 1,
		.max = 1023,
		.def = "[]",
		.live = true,
		.help = "Its name servers: ns1.provider.example, an address, or both as "
			"ns1.provider.example@192.0.2.1. A name without an address is looked up by "
			"way "
			"of `forward`."},
	{.name = "transfer",
		.type = HF_OPT_FLAG,
		ROW(transfer),
		.def = "yes",
		.live = true,
		.help = "Whether it is asked for the whole zone (AXFR), so that every record can "
			"be "
			"compared; where it says no, some of the names are asked for."},
	{.name = "key",
		.type = HF_OPT_TEXT,
		ROW(key),
		.min = 1,
		.max = 255,
		.def = "none",
		.live = true,
		.help = "One of `keys:`, with which that transfer is signed."},
	{.name = "own-serials",
		.type = HF_OPT_FLAG,
		ROW(own_serials),
		.def = "no",
		.live = true,
		.help = "Whether it counts serials by itself, so that they say nothing about which "
			"version of the zone it has."},
	HF_OPTION_END,
};

#undef ROW
#define ROW(field) .at = offsetof(struct hf_delegation_conf, field)

const struct hf_option hf_delegation_options[] = {
	{.name = "providers",
		.type = HF_OPT_TEXTS,
		ROW(providers),
		.min = 1,
		.max = 63,
		.def = "[]",
		.live = true,
		.help = "Those of `providers:` that serve it; none given: all."},
	{.name = "parents",
		.type = HF_OPT_ADDRESSES,
		ROW(parents),
		.port = DNS_PORT,
		.def = "[]",
		.live = true,
		.help = "Servers of the zone above it, which are asked for the delegation; none "
			"given: "
			"they are looked up by way of `forward`."},
	{.name = "source",
		.type = HF_OPT_TEXT,
		ROW(source),
		.min = 1,
		.max = 255,
		.def = "auto",
		.live = true,
		.help = "What is published: a file of zone text, a server that lets us transfer "
			"it, "
			"`none`, or `auto`: the file, the URL or the first primary of the zone in "
			"`zones:`, if it is there."},
	{.name = "source-key",
		.type = HF_OPT_TEXT,
		ROW(source_key),
		.min = 1,
		.max = 255,
		.def = "none",
		.live = true,
		.help = "One of `keys:`, with which that transfer is signed."},
	{.name = "names",
		.type = HF_OPT_TEXTS,
		ROW(names),
		.min = 1,
		.max = 1023,
		.def = "[]",
		.live = true,
		.help = "Names that are compared, and tried without a provider, whatever is drawn "
			"from the source."},
	{.name = "change-within",
		.type = HF_OPT_DURATION,
		ROW(change_within),
		.min = 0,
		.max = 28 * DAY,
		.def = "0s",
		.live = true,
		.help = "How soon everybody should see a change: TTLs above it are findings. 0s: "
			"it "
			"does not matter."},
	{.name = "negative-max",
		.type = HF_OPT_DURATION,
		ROW(negative_max),
		.min = HF_SECOND,
		.max = 28 * DAY,
		.def = "3h",
		.live = true,
		.help = "How long a name that was missing for a moment may be missed at the most, "
			"by the "
			"SOA's MINIMUM and TTL (RFC 2308)."},
	{.name = "every",
		.type = HF_OPT_DURATION,
		ROW(every),
		.min = 0,
		.max = DAY,
		.def = "5m",
		.live = true,
		.help = "How long a running holdfast waits before it looks again; 0s: it does not "
			"look, "
			"only `holdfast providers` does."},
	{.name = "accept",
		.type = HF_OPT_TEXTS,
		ROW(accept),
		.min = 1,
		.max = 63,
		.def = "[]",
		.live = true,
		.help = "Findings, by what they are called (such as one-domain), that are as they "
			"should be: they become notes."},
	HF_OPTION_END,
};

/* "192.0.2.300" would be a name if nobody minded. */
static bool is_name(const char *text, size_t len)
{
	size_t last = len && text[len - 1] == '.' ? len - 1 : len;
	while (last && text[last - 1] >= '0' && text[last - 1] <= '9')
		last--;
	return last && text[last - 1] != '.';
}

int hf_provider_server_read(const char *text, struct hf_name *ret_name, struct hf_address *ret)
{
	struct hf_address address = {.family = 0};
	struct hf_name name = {.len = 0};
	const char *at = strchr(text, '@');
	if (!at && !hf_address_parse(text, DNS_PORT, &address))
		goto good;
	if (!is_name(text, at ? (size_t)(at - text) : strlen(text)) ||
		hf_name_from_text(text, at ? (size_t)(at - text) : strlen(text), &name) ||
		name.len <= 1 || (at && hf_address_parse(at + 1, DNS_PORT, &address)))
		return HF_ESYNTAX;
good:
	if (hf_address_set(&address) && !address.port)
		return HF_ESYNTAX;
	*ret_name = name;
	*ret = address;
	return 0;
}

bool hf_delegation_has(const struct hf_delegation_conf *delegation, const char *provider)
{
	for (size_t i = 0; i < delegation->providers.count; i++)
		if (strcmp(delegation->providers.items[i], provider) == 0)
			return true;
	return delegation->providers.count == 0;
}

int hf_source_read(const char *text, enum hf_source_kind *ret_kind, struct hf_address *ret)
{
	if (strcmp(text, "auto") == 0)
		*ret_kind = HF_SOURCE_AUTO;
	else if (strcmp(text, "none") == 0)
		*ret_kind = HF_SOURCE_NONE;
	else if (!hf_address_parse(text, DNS_PORT, ret) && ret->port)
		*ret_kind = HF_SOURCE_SERVER;
	else if (strchr(text, '/'))
		*ret_kind = HF_SOURCE_FILE;
	else
		return HF_ESYNTAX;
	return 0;
}
