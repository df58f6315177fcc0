/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/zone_conf.h"

#include <string.h>

#include "base/hash.h"
#include "zone/journal.h"
#include "zone/tsig.h"
#include "zone/url.h"

#define DAY (86400 * HF_SECOND)

static const struct hf_word algorithms[] = {
	{"hmac-sha1", HF_TSIG_SHA1},
	{"hmac-sha224", HF_TSIG_SHA224},
	{"hmac-sha256", HF_TSIG_SHA256},
	{"hmac-sha384", HF_TSIG_SHA384},
	{"hmac-sha512", HF_TSIG_SHA512},
	{NULL, 0},
};

static const struct hf_word ways_out[] = {
	{"any", HF_TRANSFER_OVER_ANY},
	{"tls", HF_TRANSFER_OVER_TLS},
	{NULL, 0},
};

static const struct hf_word unproven_policies[] = {
	{"servfail", HF_UNPROVEN_SERVFAIL},
	{"drop", HF_UNPROVEN_DROP},
	{NULL, 0},
};

#define ROW(field) .at = offsetof(struct hf_key_conf, field)

const struct hf_option hf_key_options[] = {
	{.name = "algorithm",
		.type = HF_OPT_WORD,
		ROW(algorithm),
		.words = algorithms,
		.def = "hmac-sha256",
		.live = true,
		.help = "How messages are signed with it."},
	{.name = "secret-file",
		.type = HF_OPT_TEXT,
		ROW(secret_file),
		.min = 1,
		.max = 255,
		.def = "none",
		.live = true,
		.help = "A file whose first line is the secret, in base64; it must not be readable by "
			"everybody."},
	HF_OPTION_END,
};

#undef ROW
#define ROW(field) .at = offsetof(struct hf_update_server_conf, field)

static const struct hf_word apexes[] = {
	{"ours", HF_UPDATE_APEX_OURS},
	{"theirs", HF_UPDATE_APEX_THEIRS},
	{NULL, 0},
};

const struct hf_option hf_update_server_options[] = {
	{.name = "address",
		.type = HF_OPT_ADDRESS,
		ROW(address),
		.port = 53,
		.def = "none",
		.live = true,
		.help = "Where it takes updates, over TCP; it is asked for the SOA record and for "
			"the whole zone there, too, and must give both."},
	{.name = "key",
		.type = HF_OPT_TEXT,
		ROW(key),
		.min = 1,
		.max = 255,
		.def = "none",
		.live = true,
		.help = "One of `keys:`, with which updates and requests for the whole zone are "
			"signed, and replies must be."},
	{.name = "apex",
		.type = HF_OPT_WORD,
		ROW(apex),
		.words = apexes,
		.def = "ours",
		.live = true,
		.help = "Whose the SOA and NS records at the zone's own name are: with `theirs` they "
			"are neither sent nor compared."},
	{.name = "look",
		.type = HF_OPT_DURATION,
		ROW(look),
		.min = HF_SECOND,
		.max = DAY,
		.def = "5m",
		.live = true,
		.help = "How often it is asked for its serial while nothing changes here; one that "
			"is not the one that the last update left means that all is compared."},
	{.name = "compare",
		.type = HF_OPT_DURATION,
		ROW(compare),
		.min = HF_SECOND,
		.max = 28 * DAY,
		.def = "6h",
		.live = true,
		.help = "How often all of its zone is compared with ours, whatever its serial."},
	HF_OPTION_END,
};

#undef ROW
#define ROW(field) .at = offsetof(struct hf_zone_conf, field)

const struct hf_option hf_zone_options[] = {
	{.name = "file",
		.type = HF_OPT_TEXT,
		ROW(file),
		.min = 1,
		.max = 255,
		.def = "none",
		.live = true,
		.help = "Zone text (RFC 1035 section 5) that is the source, read again when it "
			"changes; "
			"or `none`."},
	{.name = "url",
		.type = HF_OPT_TEXT,
		ROW(url),
		.min = 1,
		.max = HF_URL_MAX - 1,
		.def = "none",
		.live = true,
		.help = "An https:// URL whose document is the zone's text, without $INCLUDE; or "
			"`none`. "
			"http:// is for an address of this machine, or where `url-digest` is "
			"given."},
	{.name = "url-digest",
		.type = HF_OPT_TEXT,
		ROW(url_digest),
		.min = 1,
		.max = HF_URL_MAX - 1,
		.def = "none",
		.live = true,
		.help = "A URL of a document with the SHA-256 of that of `url`, as sha256sum "
			"writes it; a "
			"zone that has another is refused. Or `none`. What a header of the zone's "
			"own answer "
			"says (Repr-Digest, Content-Digest, Digest) must be right in any case."},
	{.name = "url-token-file",
		.type = HF_OPT_TEXT,
		ROW(url_token_file),
		.min = 1,
		.max = 255,
		.def = "none",
		.live = true,
		.help = "A file whose first line is sent to the server of `url` as `Authorization: "
			"Bearer`; "
			"it must not be readable by everybody. Or `none`."},
	{.name = "catalog",
		.type = HF_OPT_FLAG,
		ROW(catalog),
		.def = "no",
		.live = true,
		.help = "Whether it is a catalog (RFC 9432): a list of zones, each of which is "
			"served as if it stood here with the keys of this entry, and comes and "
			"goes as the catalog says. The catalog itself is told to those who may "
			"transfer it, and to nobody else."},
	{.name = "catalog-limit",
		.type = HF_OPT_COUNT,
		ROW(catalog_limit),
		.min = 1,
		.max = HF_ZONES_MAX,
		.def = "10000",
		.live = true,
		.help = "Members that a catalog may have; a version with more is refused."},
	/* From here on: of members of a catalog, too, group by group (HF_ZONE_SOURCE_ROWS). */
	{.name = "primaries",
		.type = HF_OPT_TEXTS,
		ROW(primaries),
		.min = 1,
		.max = 255,
		.def = "[]",
		.live = true,
		.help = "Servers from which the zone is transferred, such as 10.0.0.10 or "
			"tls://10.0.0.11; "
			"each of them is also a witness of the published serial."},
	{.name = "url-address",
		.type = HF_OPT_TEXTS,
		ROW(url_address),
		.min = 1,
		.max = 511,
		.def = "[]",
		.live = true,
		.help = "Where the hosts of this zone's URLs are, since their names are not looked "
			"up: "
			"addresses of any host, such as 10.0.0.5, or of one, such as "
			"store.example=10.0.0.5; the first 8 of a host are tried one after the "
			"other."},
	{.name = "url-ca",
		.type = HF_OPT_TEXT,
		ROW(url_ca),
		.min = 1,
		.max = 4095,
		.def = "system",
		.live = true,
		.help = "For URLs: the certificate authorities to trust, those of the system or "
			"those of a "
			"PEM file."},
	{.name = "url-pins",
		.type = HF_OPT_TEXTS,
		ROW(url_pins),
		.min = 1,
		.max = 51,
		.def = "[]",
		.live = true,
		.help = "For URLs: keys that a server may have besides being trusted, as in "
			"`tls-pins`; at "
			"most 8."},
	{.name = "key",
		.type = HF_OPT_TEXT,
		ROW(key),
		.min = 1,
		.max = 255,
		.def = "none",
		.live = true,
		.help = "One of `keys:`, with which questions to primaries are signed, and answers "
			"must be."},
	{.name = "tls-name",
		.type = HF_OPT_TEXT,
		ROW(tls_name),
		.min = 1,
		.max = 253,
		.def = "none",
		.live = true,
		.help = "For what is written with `tls://`: the host name (or address) that its "
			"certificate must be for, signed by an authority that is trusted."},
	{.name = "tls-pins",
		.type = HF_OPT_TEXTS,
		ROW(tls_pins),
		.min = 1,
		.max = 51,
		.def = "[]",
		.live = true,
		.help = "For what is written with `tls://`: keys that a server may have, each the "
			"SHA-256 "
			"of its public key (SPKI) in base64, as in `sha256/AAAA...=`; at most 8. "
			"With "
			"`tls-name`, both must hold."},
	{.name = "tls-ca",
		.type = HF_OPT_TEXT,
		ROW(tls_ca),
		.min = 1,
		.max = 4095,
		.def = "system",
		.live = true,
		.help = "For what is written with `tls://`: the certificate authorities to trust, "
			"those of "
			"the system or those of a PEM file."},
	{.name = "published",
		.type = HF_OPT_TEXTS,
		ROW(published),
		.min = 1,
		.max = 1023,
		.def = "[]",
		.live = true,
		.help = "Further witnesses of the published serial: servers that are asked for the "
			"SOA "
			"record, txt:NAME, whose TXT record gives it, or an https:// URL that "
			"gives it as a "
			"number, as `{\"ZONE\": SERIAL}` or as zone text that begins with the "
			"SOA."},
	{.name = "required",
		.type = HF_OPT_FLAG,
		ROW(required),
		.def = "yes",
		.live = true,
		.help = "Whether the node is not ready while this zone is not served."},
	{.name = "serve-unproven",
		.type = HF_OPT_DURATION,
		ROW(serve_unproven),
		.min = 0,
		.max = 28 * DAY,
		.def = "0s",
		.live = true,
		.help = "For how long after the start a copy that nobody has proven to be current "
			"may be "
			"served, with a word that it is not, while no witness can be reached; 0s: "
			"never."},
	{.name = "grace",
		.type = HF_OPT_DURATION,
		ROW(grace),
		.min = 0,
		.max = DAY,
		.def = "10s",
		.live = true,
		.help = "How long a newer version may take to arrive once it has been published, "
			"before "
			"the old one is no longer served."},
	{.name = "when-unproven",
		.type = HF_OPT_WORD,
		ROW(when_unproven),
		.words = unproven_policies,
		.def = "servfail",
		.live = true,
		.help = "What clients get of a zone that may not be served: `servfail`, or no "
			"reply at all "
			"(`drop`), so that they turn to another server."},
	{.name = "max-shrink",
		.type = HF_OPT_COUNT,
		ROW(max_shrink),
		.min = 0,
		.max = 100,
		.def = "50",
		.live = true,
		.help = "Per cent of its records that a new version may lack; one that lacks more "
			"is refused."},
	{.name = "max-size",
		.type = HF_OPT_SIZE,
		ROW(max_size),
		.min = 1 << 16,
		.max = 1ull << 40,
		.def = "1GiB",
		.live = true,
		.help = "Memory that a new version may take while it is read or transferred, some "
			"50 "
			"octets and its own for each record; one that takes more is given up."},
	{.name = "serial-may-go-back",
		.type = HF_OPT_FLAG,
		ROW(serial_may_go_back),
		.def = "no",
		.live = true,
		.help = "Whether a source may replace a version by one with an older serial (RFC "
			"1982)."},
	{.name = "never",
		.type = HF_OPT_PREFIXES,
		ROW(never),
		.def = "[]",
		.live = true,
		.help = "Addresses that no record of the zone may have: a version with one is "
			"refused."},
	{.name = "refresh-min",
		.type = HF_OPT_DURATION,
		ROW(refresh_min),
		.min = HF_SECOND,
		.max = DAY,
		.def = "2s",
		.live = true,
		.help = "Witnesses are asked no more often than this, whatever the SOA says."},
	{.name = "refresh-max",
		.type = HF_OPT_DURATION,
		ROW(refresh_max),
		.min = HF_SECOND,
		.max = 28 * DAY,
		.def = "5m",
		.live = true,
		.help = "... and no less often than this."},
	{.name = "allow-notify",
		.type = HF_OPT_PREFIXES,
		ROW(allow_notify),
		.def = "[]",
		.live = true,
		.help = "Who may say that there is a new version (RFC 1996), besides the "
			"primaries."},
	{.name = "notify",
		.type = HF_OPT_TEXTS,
		ROW(notify),
		.min = 1,
		.max = 255,
		.def = "[]",
		.live = true,
		.help = "Who is told of each new version (RFC 1996)."},
	{.name = "updates",
		.type = HF_OPT_TEXTS,
		ROW(updates),
		.min = 1,
		.max = 63,
		.def = "[]",
		.live = true,
		.help = "Who is given each new version by dynamic updates (RFC 2136), each on its "
			"own: "
			"names of `update-servers:`, at most 8. What is in their zone and not in "
			"this one is taken away."},
	{.name = "allow-transfer",
		.type = HF_OPT_PREFIXES,
		ROW(allow_transfer),
		.def = "[]",
		.live = true,
		.help = "Who may transfer the zone from here."},
	{.name = "transfer-key",
		.type = HF_OPT_TEXT,
		ROW(transfer_key),
		.min = 1,
		.max = 255,
		.def = "none",
		.live = true,
		.help = "One of `keys:`, with which requests for a transfer must be signed."},
	{.name = "allow-transfer-over",
		.type = HF_OPT_WORD,
		ROW(transfer_over),
		.words = ways_out,
		.def = "any",
		.live = true,
		.help = "`tls`: the zone is given away over TLS only (RFC 9103), to those whom "
			"`allow-transfer` lists."},
	{.name = "journal-versions",
		.type = HF_OPT_COUNT,
		ROW(journal_versions),
		.min = 0,
		.max = HF_JOURNAL_VERSIONS_MAX,
		.def = "20",
		.live = true,
		.help = "Of how many versions before the present one secondaries can get just what "
			"has "
			"changed since (IXFR); others get the whole zone, and so do all after a "
			"restart."},
	{.name = "journal-size",
		.type = HF_OPT_SIZE,
		ROW(journal_size),
		.min = 0,
		.max = 1ull << 34,
		.def = "16MiB",
		.live = true,
		.help = "Memory that these differences may take; the oldest make room."},
	HF_OPTION_END,
};

/* Both are the operator's own words: nobody else chooses what is hashed. */
uint64_t hf_zone_group_key(const struct hf_name *catalog, const char *group)
{
	static const struct hf_hash_key fixed = {0};
	uint64_t of_catalog = hf_hash(&fixed, 0, catalog->bytes, catalog->len);
	uint64_t key = hf_hash(&fixed, of_catalog, group, strlen(group));
	return key ? key : 1;
}

bool hf_zone_conf_has_url(const struct hf_zone_conf *zone)
{
	for (size_t i = 0; i < zone->published.count; i++)
		if (strstr(zone->published.items[i], "://") &&
			strncmp(zone->published.items[i], "tls://", 6) != 0)
			return true;
	return strcmp(zone->url, "none") != 0;
}
