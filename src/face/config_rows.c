/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/config_rows.h"

#include "base/check.h"

static const struct hf_word auto_word[] = { { "auto", 0 }, { NULL, 0 } };

static const struct hf_option process_options[] = {
	/* 256: twice the cores of any machine that a resolver was seen on. */
	{ .name = "workers", .type = HF_OPT_COUNT, .at = offsetof(struct hf_process_conf, workers),
	  .min = 1, .max = 256, .words = auto_word, .def = "auto", .live = false,
	  .help = "Threads that answer questions; `auto` is one for each core we may use." },
	/* 107: what fits into a socket address with its NUL. */
	{ .name = "control", .type = HF_OPT_TEXT, .at = offsetof(struct hf_process_conf, control),
	  .min = 1, .max = 107, .def = "/run/holdfast/control.sock", .live = false,
	  .help = "Path of the socket that `holdfast reload`, `status` and the like talk to." },
	{ .name = "drain", .type = HF_OPT_DURATION, .at = offsetof(struct hf_process_conf, drain),
	  .min = 0, .max = 300 * HF_SECOND, .def = "5s", .live = true,
	  .help = "Longest wait for questions under way when told to end." },
	{ .name = "zone-state", .type = HF_OPT_TEXT, .at = offsetof(struct hf_process_conf, zone_state),
	  .min = 1, .max = 255, .def = "none", .live = true,
	  .help = "A directory in which copies of `zones` are written down, with when they were last "
		  "proven to be current; `none`: nothing is, and a restart begins with what can be had then." },
	{ .name = "transfer-memory", .type = HF_OPT_SIZE,
	  .at = offsetof(struct hf_process_conf, transfer_memory),
	  .min = 16ull << 20, .max = 1ull << 44, .def = "4GiB", .live = true,
	  .help = "Memory that all versions of `zones` may take together while they are transferred, "
		  "fetched or compared with what providers have, some 150 octets for a record. One that "
		  "would need more waits until others are through, and then begins anew; those that "
		  "take less than a sixty-fourth have a quarter of it for themselves, so that none of "
		  "them waits for a huge one." },
	HF_OPTION_END,
};

static const struct hf_word levels[] = {
	{ "error", HF_LOG_ERROR }, { "warning", HF_LOG_WARNING },
	{ "info", HF_LOG_INFO }, { "debug", HF_LOG_DEBUG }, { NULL, 0 },
};

static const struct hf_word formats[] = {
	{ "text", HF_LOG_TEXT }, { "json", HF_LOG_JSON }, { NULL, 0 },
};

static const struct hf_option log_options[] = {
	{ .name = "level", .type = HF_OPT_WORD, .at = offsetof(struct hf_log_conf, level),
	  .words = levels, .def = "info", .live = true,
	  .help = "The least important line that is still written." },
	{ .name = "format", .type = HF_OPT_WORD, .at = offsetof(struct hf_log_conf, format),
	  .words = formats, .def = "text", .live = true,
	  .help = "Lines for people, or one JSON object a line." },
	HF_OPTION_END,
};

static const struct hf_word verifications[] = {
	{"abort", HF_VERIFY_ABORT},
	{"warn", HF_VERIFY_WARN},
	{"off", HF_VERIFY_OFF},
	{NULL, 0},
};

static const struct hf_word unanswered[] = {
	{"abort", HF_VERIFY_ABORT},
	{"warn", HF_VERIFY_WARN},
	{NULL, 0},
};

static const struct hf_option startup_options[] = {
	{.name = "verify",
		.type = HF_OPT_WORD,
		.at = offsetof(struct hf_startup_conf, verify),
		.words = verifications,
		.def = "warn",
		.live = false,
		.help = "Whether every upstream is asked for the names with expectations at the "
			"start. `abort`: before anything is served, and if one lies (but for those "
			"with `trust: low`) holdfast ends with status 1; `warn`: while it serves, and who lies is kept out."},
	{.name = "unanswered",
		.type = HF_OPT_WORD,
		.at = offsetof(struct hf_startup_conf, unanswered),
		.words = unanswered,
		.def = "warn",
		.live = false,
		.help = "With `verify: abort`, what becomes of a name about which no upstream says "
			"anything: a silence is no lie, and a start in the middle of an outage "
			"should not wait for its end."},
	{.name = "deadline",
		.type = HF_OPT_DURATION,
		.at = offsetof(struct hf_startup_conf, deadline),
		.min = 100 * HF_MS,
		.max = 60 * HF_SECOND,
		.def = "4s",
		.live = false,
		.help = "The longest time that it may take; what has not been heard by then counts "
			"as unanswered."},
	{.name = "names",
		.type = HF_OPT_TEXTS,
		.at = offsetof(struct hf_startup_conf, names),
		.min = 1,
		.max = 1023,
		.def = "[]",
		.live = false,
		.help = "Names that are asked about besides those with expectations of their own, "
			"such as some below a `*.`."},
	HF_OPTION_END,
};

#define IN(field) .at = offsetof(struct hf_config, field)

const struct hf_section hf_sections[HF_SECTIONS] = {
	[HF_SECTION_TOP] = {.kind = HF_KIND_TOP,
		IN(process),
		.rows = process_options,
		.help = "The process itself."},
	[HF_SECTION_LISTEN] = {.name = "listen",
		.kind = HF_KIND_ONE,
		IN(listen),
		.rows = hf_listen_options,
		.help = "Where holdfast is reached."},
	[HF_SECTION_TCP] = {.name = "tcp",
		.kind = HF_KIND_ONE,
		IN(tcp),
		.rows = hf_tcp_options,
		.help = "How many TCP connections clients may hold, and for how long."},
	[HF_SECTION_CLIENTS] = {.name = "clients",
		.kind = HF_KIND_ONE,
		IN(clients),
		.rows = hf_clients_options,
		.help = "Who may ask, and how much at once."},
	[HF_SECTION_INTERFACES] = {.name = "interfaces",
		.kind = HF_KIND_NAMED,
		IN(forward.interfaces),
		.count_at = offsetof(struct hf_config, forward.interface_count),
		.size = sizeof(struct hf_interface_conf),
		.name_at = offsetof(struct hf_interface_conf, name),
		.max = HF_INTERFACES_MAX,
		.entry = "an interface",
		.form = "a mapping of names to interfaces",
		.rows = hf_interface_options,
		.help = "What may leave through the network interfaces that upstreams are reached "
			"through, "
			"by a name of your choice."},
	[HF_SECTION_UPSTREAMS] = {.name = "upstreams",
		.kind = HF_KIND_NAMED,
		IN(forward.upstreams),
		.count_at = offsetof(struct hf_config, forward.upstream_count),
		.size = sizeof(struct hf_upstream_conf),
		.name_at = offsetof(struct hf_upstream_conf, name),
		.max = HF_UPSTREAMS_MAX,
		.entry = "an upstream",
		.form = "a mapping of names to upstreams",
		.shorthand = true,
		.own = hf_upstream_own_keys,
		.rows = hf_upstream_options,
		.check = hf_upstream_check,
		.help = "The servers that questions are forwarded to, by a name of your choice. "
			"Those "
			"given here replace the built-in public resolvers and those of the host."},
	[HF_SECTION_FORWARD] = {.name = "forward",
		.kind = HF_KIND_LIST,
		IN(forward.routes),
		.count_at = offsetof(struct hf_config, forward.route_count),
		.size = sizeof(struct hf_route),
		.max = 100000,
		.entry = "a route",
		.form = "a list of routes such as - { zone: ., to: name }",
		.own = hf_route_own_keys,
		.rows = hf_route_options,
		.check = hf_route_check,
		.help = "Which upstreams are asked for which names; the longest zone that a name "
			"lies in "
			"decides. Without any, all upstreams are asked for all names."},
	[HF_SECTION_OUTGOING] = {.name = "outgoing",
		.kind = HF_KIND_ONE,
		IN(forward.outgoing),
		.rows = hf_outgoing_options,
		.help = "What all upstreams together may be sent."},
	[HF_SECTION_EXPECT] = {.name = "expect",
		.kind = HF_KIND_LIST,
		IN(forward.truth.expectations),
		.count_at = offsetof(struct hf_config, forward.truth.expectation_count),
		.size = sizeof(struct hf_expectation),
		.max = HF_EXPECTATIONS_MAX,
		.entry = "an expectation",
		.form = "a list of expectations such as - { name: db.example, addresses: "
			"10.0.8.0/24 }",
		.own = hf_expectation_own_keys,
		.rows = hf_expectation_options,
		.help = "What must hold of the answers for a name. An answer that breaks it "
			"reaches no "
			"client and no cache: another upstream is asked, and the one that gave it "
			"is kept out. "
			"Of several that fit a name the closest counts, alone."},
	[HF_SECTION_TRUTH] = {.name = "truth",
		.kind = HF_KIND_ONE,
		IN(forward.truth),
		.rows = hf_truth_options,
		.help = "How upstreams are held to the truth."},
	[HF_SECTION_TOMBSTONES] = {.name = "tombstones",
		.kind = HF_KIND_ONE,
		IN(forward.truth.tombstones),
		.rows = hf_tombstones_options,
		.help = "Addresses that are retired. No client gets one, from zones, upstreams or "
			"the cache: a version of a zone that has one is refused, and so is an "
			"answer that has one, for whatever name; another upstream is asked, and if "
			"none "
			"gives anything else the answer is SERVFAIL with extended error 17. The "
			"upstream is not held to have lied."},
	[HF_SECTION_STARTUP] = {.name = "startup",
		.kind = HF_KIND_ONE,
		IN(startup),
		.rows = startup_options,
		.help = "What is made sure of at the start."},
	[HF_SECTION_KEYS] = {.name = "keys",
		.kind = HF_KIND_NAMED,
		IN(zones.keys),
		.count_at = offsetof(struct hf_config, zones.key_count),
		.size = sizeof(struct hf_key_conf),
		.name_at = offsetof(struct hf_key_conf, name),
		.max = HF_KEYS_MAX,
		.entry = "a key",
		.form = "a mapping of names to keys",
		.rows = hf_key_options,
		.help = "Secrets that are shared with other servers (TSIG, RFC 8945), by the name "
			"that both sides know."},
	[HF_SECTION_UPDATE_SERVERS] = {.name = "update-servers",
		.kind = HF_KIND_NAMED,
		IN(zones.update_servers),
		.count_at = offsetof(struct hf_config, zones.update_server_count),
		.size = sizeof(struct hf_update_server_conf),
		.name_at = offsetof(struct hf_update_server_conf, name),
		.max = HF_UPDATE_SERVERS_MAX,
		.entry = "an update server",
		.form = "a mapping of names to update servers",
		.rows = hf_update_server_options,
		.help = "Servers that take zones by dynamic updates (RFC 2136), by a name of your "
			"choice; each must give the zone by transfer (AXFR), too, so that what it "
			"has "
			"can be compared."},
	[HF_SECTION_ZONES] = {.name = "zones",
		.kind = HF_KIND_LIST,
		IN(zones.zones),
		.count_at = offsetof(struct hf_config, zones.zone_count),
		.size = sizeof(struct hf_zone_conf),
		.max = HF_ZONES_MAX,
		.entry = "a zone",
		.form = "a list of zones such as - { name: corp.example, file: "
			"/etc/holdfast/corp.zone }",
		.own = hf_zone_own_keys,
		.rows = hf_zone_options,
		.help = "Zones that are answered with authority, each from one source: a file, or "
			"primaries. A copy that is not proven to be the published version is not "
			"served."},
	[HF_SECTION_CATALOG_GROUPS] = {.name = "catalog-groups",
		.kind = HF_KIND_LIST,
		IN(zones.groups),
		.count_at = offsetof(struct hf_config, zones.group_count),
		.size = sizeof(struct hf_zone_group_conf),
		.max = HF_ZONE_GROUPS_MAX,
		.entry = "a group",
		.form = "a list of groups such as - { catalog: catalog.example, group: fast, "
			"refresh-max: 10s }",
		.own = hf_group_own_keys,
		.rows = hf_zone_options + HF_ZONE_SOURCE_ROWS,
		.inherits = true,
		.help = "How members of a catalog are served that it lists with a group, where "
			"that "
			"is not as its own entry in `zones` has it: every key of `zones` from "
			"`primaries` on may stand here, and what is left out is as there."},
	[HF_SECTION_LOCAL] = {.name = "local",
		.kind = HF_KIND_ONE,
		IN(local),
		.rows = hf_local_options,
		.help = "Single names that are answered from here, without a zone for them. Zones "
			"go before them, and they go before what is known of all names "
			"(localhost), the cache and upstreams; names below and beside them are "
			"resolved as usual."},
	[HF_SECTION_READY] = {.name = "ready",
		.kind = HF_KIND_ONE,
		IN(ready),
		.rows = hf_ready_options,
		.help = "When clients may be sent to this node, and who is told."},
	[HF_SECTION_SIBLINGS] = {.name = "siblings",
		.kind = HF_KIND_ONE,
		IN(siblings),
		.rows = hf_sibling_options,
		.help = "The other nodes that clients may be led to, which must say the same of "
			"the "
			"zones that are served with authority."},
	[HF_SECTION_CACHE] = {.name = "cache",
		.kind = HF_KIND_ONE,
		IN(cache),
		.rows = hf_cache_options,
		.help = "How much is kept, and for how long."},
	[HF_SECTION_LOG] = {.name = "log",
		.kind = HF_KIND_ONE,
		IN(log),
		.rows = log_options,
		.help = "What is written to standard error."},
	[HF_SECTION_PROVIDERS] = {.name = "providers",
		.kind = HF_KIND_NAMED,
		IN(providers.providers),
		.count_at = offsetof(struct hf_config, providers.provider_count),
		.size = sizeof(struct hf_provider_conf),
		.name_at = offsetof(struct hf_provider_conf, name),
		.max = HF_PROVIDERS_MAX,
		.entry = "a provider",
		.form = "a mapping of names to providers",
		.rows = hf_provider_options,
		.help = "Who serves zones of ours for the world, by a name of your choice; "
			"`holdfast providers` looks at them from outside."},
	[HF_SECTION_DELEGATIONS] = {.name = "delegations",
		.kind = HF_KIND_LIST,
		IN(providers.delegations),
		.count_at = offsetof(struct hf_config, providers.delegation_count),
		.size = sizeof(struct hf_delegation_conf),
		.max = HF_DELEGATIONS_MAX,
		.entry = "a delegation",
		.form = "a list of delegations such as - { zone: corp.example, providers: [a, b] }",
		.own = hf_delegation_own_keys,
		.rows = hf_delegation_options,
		.help = "The zones that providers serve, and what they are held against."},
};

/* ---- keys ---- */

static size_t own_keys(const struct hf_section *section)
{
	size_t n = 0;
	while (section->own && section->own[n].row.name)
		n++;
	return n;
}

size_t hf_section_keys(const struct hf_section *section)
{
	size_t n = 0;
	while (section->rows[n].name)
		n++;
	return own_keys(section) + n;
}

struct hf_key hf_section_key(const struct hf_section *section, size_t i)
{
	size_t own = own_keys(section);
	if (i < own)
		return (struct hf_key){ .row = &section->own[i].row, .own = &section->own[i] };
	return (struct hf_key){ .row = &section->rows[i - own] };
}

bool hf_key_is_list(struct hf_key key)
{
	return key.own ? key.own->list : hf_option_is_list(key.row);
}

size_t hf_key_count(struct hf_key key, const void *entry)
{
	size_t count;
	if (key.own)
		return key.own->count ? key.own->count(entry) : 1;
	hf_option_items(key.row, (const char *)entry + key.row->at, &count);
	return count;
}

const char *hf_key_text(struct hf_key key, const struct hf_config *config, const void *entry,
	size_t i, char buf[static HF_NAME_TEXT_MAX])
{
	size_t count;
	if (key.own)
		return key.own->text(config, entry, i, buf);
	const char *items = hf_option_items(key.row, (const char *)entry + key.row->at, &count);
	return hf_option_text(key.row, items + i * hf_option_item_size(key.row), buf);
}

/* ---- entries ---- */

const void *hf_section_entries(const struct hf_section *section, const struct hf_config *config,
	size_t *ret_count)
{
	const char *place = (const char *)config + section->at;
	if (section->kind == HF_KIND_TOP || section->kind == HF_KIND_ONE) {
		*ret_count = 1;
		return place;
	}
	*ret_count = *(const size_t *)(const void *)((const char *)config + section->count_at);
	return *(const void *const *)(const void *)place;
}

const char *hf_entry_name(const struct hf_section *section, const void *entry)
{
	return *(const char *const *)(const void *)((const char *)entry + section->name_at);
}
