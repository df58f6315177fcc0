/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/config.h"

#include <jansson.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"
#include "face/config_rows.h"

/* ---- helpers ---- */

/* Parses and gives what was said; the caller frees it. *ret is NULL on failure. */
static char *said(const char *text, size_t len, struct hf_config **ret)
{
	char *complaints = NULL;
	size_t size;
	struct hf_config *config = NULL;
	FILE *out = open_memstream(&complaints, &size);
	int error = hf_config_parse("t", text, len, out, &config);
	fclose(out);
	assert_int_equal(error, config ? 0 : HF_ECONFIG);
	if (ret)
		*ret = config;
	else
		hf_config_unref(config);
	return complaints;
}

static struct hf_config *good(const char *text)
{
	struct hf_config *config;
	char *complaints = said(text, strlen(text), &config);
	assert_string_equal(complaints, "");
	assert_non_null(config);
	free(complaints);
	return config;
}

/* Keeps the lines "t:1:2: error: ..." and leaves the shown source and carets out. */
static void keep_headers(char *complaints)
{
	char *to = complaints, *line = complaints;
	while (*line) {
		size_t len = strcspn(line, "\n") + 1;
		if (strncmp(line, "t:", 2) == 0) {
			memmove(to, line, len);
			to += len;
		}
		line += len;
	}
	*to = '\0';
}

static void assert_said(const char *text, size_t len, const char *expected)
{
	char *complaints = said(text, len, NULL);
	keep_headers(complaints);
	assert_string_equal(complaints, expected);
	free(complaints);
}

struct fault {
	const char *text, *complaint;
};

static void assert_faults(const struct fault *faults, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_said(faults[i].text, strlen(faults[i].text), faults[i].complaint);
}

#define UPSTREAM "upstreams: { a: 192.0.2.1 }\n"

/* ---- good files ---- */

static void an_empty_file_is_the_built_in_configuration(void **state)
{
	(void)state;
	static const char *const texts[] = { "", "# only a comment\n", "---\n", "---\n...\n", "~\n",
		"{}\n", "\xef\xbb\xbf", "\n\n" };
	for (size_t i = 0; i < HF_COUNT_OF(texts); i++) {
		struct hf_config *config = good(texts[i]);
		assert_int_equal(config->forward.upstream_count, 3);
		assert_string_equal(config->forward.upstreams[0].name, "cloudflare");
		for (size_t u = 0; u < 3; u++)
			assert_int_equal(config->forward.upstreams[u].channel, HF_CHANNEL_TLS);
		assert_int_equal(config->forward.route_count, 1);
		assert_int_equal(config->forward.routes[0].zone.len, 1);
		assert_int_equal(config->forward.routes[0].upstream_count, 3);
		assert_int_equal(config->forward.routes[0].order, HF_ORDER_LISTED);
		assert_int_equal(config->cache.size, 256 << 20);
		assert_int_equal(config->listen.dns.count, 2);
		assert_int_equal(config->listen.dns.items[1].port, 5300);
		assert_int_equal(config->clients.allow.count, 7);
		hf_config_unref(config);
	}
}

static const char whole[] =
	"listen: { dns: [127.0.0.1:5301, \"[::1]:5301\"], http: none, edns-size: 1400 }\n"
	"workers: 3\n"
	"control: \"/tmp/a b.sock\"\n"
	"drain: 1m30s\n"
	"tcp: { connections: 10, per-client: 2, in-flight: 3, idle: 4s, stall: 500ms }\n"
	"clients:\n"
	"  allow:\n"
	"  - 127.0.0.0/8\n"
	"  - \"::1\"\n"
	"  in-flight: 17\n"
	"upstreams:\n"
	"  plain: { address: 192.0.2.1 }\n"
	"  inner: { address: \"tcp://10.0.0.2:5353\", timeout-min: 30ms, timeout-max: 800ms,\n"
	"    failures-to-open: 9, rest-min: 1s, rest-max: 2s, edns-size: 600, case-mix: off }\n"
	"  short: \"udp://[2001:db8::1]\"\n"
	"forward:\n"
	"  - { zone: \".\", to: [plain, inner], order: listed }\n"
	"  - { zone: Corp.Example., to: short }\n"
	"cache: { size: 1MiB, ttl-max: 0, negative-max: 10m, failure: 5s, nxdomain-cut: false }\n"
	"log: { level: debug, format: json }\n";

static void every_key_reaches_its_field(void **state)
{
	(void)state;
	struct hf_config *c = good(whole);
	char buf[HF_NAME_TEXT_MAX];
	assert_string_equal(hf_address_text(&c->listen.dns.items[1], buf), "[::1]:5301");
	assert_false(hf_address_set(&c->listen.http));
	assert_int_equal(c->listen.edns_size, 1400);
	assert_int_equal(c->process.workers, 3);
	assert_string_equal(c->process.control, "/tmp/a b.sock");
	assert_int_equal(c->process.drain, 90 * HF_SECOND);
	assert_int_equal(c->tcp.connections, 10);
	assert_int_equal(c->tcp.per_client, 2);
	assert_int_equal(c->tcp.in_flight, 3);
	assert_int_equal(c->tcp.idle, 4 * HF_SECOND);
	assert_int_equal(c->tcp.stall, 500 * HF_MS);
	assert_int_equal(c->clients.allow.count, 2);
	assert_int_equal(c->clients.allow.items[1].bits, 128);
	assert_int_equal(c->clients.in_flight, 17);
	assert_int_equal(c->cache.size, 1 << 20);
	assert_int_equal(c->cache.ttl_max, 0);
	assert_int_equal(c->cache.negative_max, 600 * HF_SECOND);
	assert_int_equal(c->cache.failure, 5 * HF_SECOND);
	assert_false(c->cache.nxdomain_cut);
	assert_int_equal(c->log.level, HF_LOG_DEBUG);
	assert_int_equal(c->log.format, HF_LOG_JSON);
	hf_config_unref(c);
}

static void upstreams_and_routes_are_as_written(void **state)
{
	(void)state;
	struct hf_config *c = good(whole);
	const struct hf_upstream_conf *u = c->forward.upstreams;
	const struct hf_route *routes = c->forward.routes;
	char buf[HF_NAME_TEXT_MAX];
	assert_int_equal(c->forward.upstream_count, 3);
	assert_string_equal(u[0].name, "plain");
	assert_int_equal(u[0].channel, HF_CHANNEL_UDP);
	assert_int_equal(u[0].timeout_max, 1500 * HF_MS);
	assert_true(u[0].case_mix);
	assert_int_equal(u[1].channel, HF_CHANNEL_TCP);
	assert_string_equal(hf_address_text(&u[1].address, buf), "10.0.0.2:5353");
	assert_int_equal(u[1].timeout_min, 30 * HF_MS);
	assert_int_equal(u[1].timeout_max, 800 * HF_MS);
	assert_int_equal(u[1].failures_to_open, 9);
	assert_int_equal(u[1].rest_min, HF_SECOND);
	assert_int_equal(u[1].rest_max, 2 * HF_SECOND);
	assert_int_equal(u[1].edns_size, 600);
	assert_false(u[1].case_mix);
	assert_int_equal(u[2].channel, HF_CHANNEL_UDP);
	assert_string_equal(hf_address_text(&u[2].address, buf), "[2001:db8::1]:53");
	assert_int_equal(c->forward.route_count, 2);
	assert_int_equal(routes[0].order, HF_ORDER_LISTED);
	assert_int_equal(routes[0].upstream_count, 2);
	assert_int_equal(routes[0].upstreams[1], 1);
	assert_string_equal(hf_name_text(routes[1].zone.bytes, buf), "corp.example");
	assert_int_equal(routes[1].order, HF_ORDER_FASTEST);
	assert_int_equal(routes[1].upstream_count, 1);
	assert_int_equal(routes[1].upstreams[0], 2);
	hf_config_unref(c);
}

static void upstreams_without_routes_answer_for_all_names(void **state)
{
	(void)state;
	struct hf_config *c = good("upstreams: { b: 192.0.2.1, a: 192.0.2.2, \"null\": 192.0.2.3 }\n");
	assert_int_equal(c->forward.upstream_count, 3);
	assert_int_equal(c->forward.route_count, 1);
	assert_int_equal(c->forward.routes[0].zone.len, 1);
	assert_int_equal(c->forward.routes[0].upstream_count, 3);
	assert_int_equal(c->forward.routes[0].upstreams[0], 0);
	assert_int_equal(c->forward.routes[0].order, HF_ORDER_FASTEST);
	hf_config_unref(c);
}

static void routes_may_name_the_built_in_upstreams(void **state)
{
	(void)state;
	struct hf_config *c = good("forward: [{ zone: corp.example, to: quad9 }]\n");
	assert_int_equal(c->forward.upstream_count, 3);
	assert_int_equal(c->forward.route_count, 1);
	assert_int_equal(c->forward.routes[0].upstreams[0], 1);
	hf_config_unref(c);
}

static void automatic_workers_are_the_cores_we_may_use(void **state)
{
	(void)state;
	cpu_set_t set;
	assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
	struct hf_config *c = good("workers: auto\n");
	assert_int_equal(c->process.workers, CPU_COUNT(&set));
	hf_config_unref(c);
}

static void a_list_of_one_needs_no_brackets(void **state)
{
	(void)state;
	struct hf_config *c = good("listen: { dns: 127.0.0.1 }\nclients: { allow: 10.0.0.0/8 }\n");
	assert_int_equal(c->listen.dns.count, 1);
	assert_int_equal(c->listen.dns.items[0].port, 53);
	assert_int_equal(c->clients.allow.count, 1);
	hf_config_unref(c);
}

static void every_default_is_within_its_own_row(void **state)
{
	(void)state;
	union {
		uint64_t bytes[64];
		struct hf_address address;
	} field;
	for (unsigned id = 0; id < HF_SECTIONS; id++)
		for (const struct hf_option *row = hf_sections[id].rows; row->name; row++) {
			struct hf_arena arena;
			hf_arena_init(&arena, 0);
			if (!hf_option_is_list(row)) /* lists are read when a file is */
				assert_int_equal(hf_option_read(row, row->def, strlen(row->def), &arena,
					&field), 0);
			assert_non_null(row->help);
			assert_int_equal(row->help[strlen(row->help) - 1], '.');
			hf_arena_clear(&arena);
		}
}

static void entries_change_without_a_restart(void **state)
{
	(void)state;
	static const enum hf_section_id ids[] = { HF_SECTION_UPSTREAMS, HF_SECTION_FORWARD };
	for (size_t i = 0; i < HF_COUNT_OF(ids); i++)
		for (size_t k = 0; k < hf_section_keys(&hf_sections[ids[i]]); k++)
			assert_true(hf_section_key(&hf_sections[ids[i]], k).row->live);
}

/* ---- complaints: one of each kind ---- */

static void unknown_keys_are_named_with_the_nearest_known(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{ "workers: 1\nupstreamz: 1\n",
		  "t:2:1: error: unknown key 'upstreamz', did you mean 'upstreams'?\n" },
		{ "worker: 1\n", "t:1:1: error: unknown key 'worker', did you mean 'workers'?\n" },
		{ "banana: 1\n", "t:1:1: error: unknown key 'banana'\n" },
		{ "cache: { sise: 1MiB }\n",
		  "t:1:10: error: unknown key 'sise', did you mean 'size'?\n" },
		{ "cache: { workers: 1 }\n", "t:1:10: error: unknown key 'workers' in 'cache'\n" },
		{ "upstreams: { a: { address: 192.0.2.1, zone: x } }\n",
		  "t:1:39: error: unknown key 'zone' in an upstream\n" },
		{ "upstreams:\n  a:\n    address: 192.0.2.1\n    timeout-mxa: 1s\n",
		  "t:4:5: error: unknown key 'timeout-mxa', did you mean 'timeout-max'?\n" },
		{ UPSTREAM "forward: [{ zone: ., to: a, ordr: x }]\n",
		  "t:2:29: error: unknown key 'ordr', did you mean 'order'?\n" },
	};
	assert_faults(faults, HF_COUNT_OF(faults));
}

static void a_key_is_given_once(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{ "drain: 1s\nworkers: 1\ndrain: 2s\n",
		  "t:3:1: error: key 'drain' is given twice, first on line 1\n" },
		{ "cache: {}\ncache: { size: nonsense }\n",
		  "t:2:1: error: key 'cache' is given twice, first on line 1\n" },
		{ "cache:\n  failure: 1s\n  failure: 1s\n",
		  "t:3:3: error: key 'failure' is given twice, first on line 2\n" },
		{ "upstreams:\n  a: 192.0.2.1\n  a: 192.0.2.2\n",
		  "t:3:3: error: key 'a' is given twice, first on line 2\n" },
		{ "upstreams: { a: { address: 192.0.2.1, address: 192.0.2.1 } }\n",
		  "t:1:39: error: key 'address' is given twice, first on line 1\n" },
	};
	assert_faults(faults, HF_COUNT_OF(faults));
}

static void a_wrong_type_is_named_beside_the_right_one(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{ "drain: [1s]\n", "t:1:8: error: expected a duration such as 2s, found a list\n" },
		{ "drain: { a: 1 }\n", "t:1:8: error: expected a duration such as 2s, found a mapping\n" },
		{ "drain:\n", "t:1:1: error: expected a duration such as 2s, found nothing\n" },
		{ "drain: ~\n", "t:1:8: error: expected a duration such as 2s, found nothing\n" },
		{ "workers: []\n",
		  "t:1:10: error: expected a whole number such as 256 or auto, found a list\n" },
		{ "control: null\n", "t:1:10: error: expected text, found nothing\n" },
		{ "cache: { size: {} }\n",
		  "t:1:16: error: expected a size such as 256MiB, found a mapping\n" },
		{ "cache: { nxdomain-cut: [] }\n",
		  "t:1:24: error: expected yes or no, found a list\n" },
		{ "log: { level: [] }\n",
		  "t:1:15: error: expected error, warning, info or debug, found a list\n" },
		{ "listen: { http: [] }\n",
		  "t:1:17: error: expected an address such as 127.0.0.1:5300, found a list\n" },
		{ "listen: { dns: {} }\n", "t:1:16: error: expected addresses such as "
		  "[127.0.0.1:5300, \"[::1]:5300\"], found a mapping\n" },
		{ "listen: { dns: [[]] }\n",
		  "t:1:17: error: expected an address such as 127.0.0.1:5300, found a list\n" },
		{ "clients: { allow: {} }\n", "t:1:19: error: expected prefixes such as "
		  "[10.0.0.0/8, \"::1\"], found a mapping\n" },
		{ "clients: { allow: [{}] }\n",
		  "t:1:20: error: expected a prefix such as 10.0.0.0/8, found a mapping\n" },
		{ "cache: 5\n", "t:1:8: error: expected a mapping, found a word\n" },
		{ "cache: [a]\n", "t:1:8: error: expected a mapping, found a list\n" },
		{ "tcp:\n", "t:1:1: error: expected a mapping, found nothing "
		  "(leave the key out to take the defaults)\n" },
		{ "upstreams: [a]\n",
		  "t:1:12: error: expected a mapping of names to upstreams, found a list\n" },
		{ "upstreams:\n", "t:1:1: error: expected a mapping of names to upstreams, found nothing "
		  "(leave the key out to take the defaults)\n" },
		{ "upstreams: {}\n", "t:1:12: error: expected an upstream, found none\n" },
		{ "upstreams: { a: [192.0.2.1] }\n",
		  "t:1:17: error: expected a mapping for an upstream, found a list\n" },
		{ "upstreams: { a: { address: [] } }\n", "t:1:28: error: expected an address such as "
		  "192.0.2.53, \"[2001:db8::1]:5353\" or tls://192.0.2.53, found a list\n" },
		{ UPSTREAM "forward: { zone: ., to: a }\n", "t:2:10: error: expected a list of routes such "
		  "as - { zone: ., to: name }, found a mapping\n" },
		{ UPSTREAM "forward: []\n", "t:2:10: error: expected a route, found none\n" },
		{ UPSTREAM "forward: [a]\n",
		  "t:2:11: error: expected a mapping for a route, found a word\n" },
		{ UPSTREAM "forward: [{ zone: [], to: a }]\n",
		  "t:2:19: error: expected a zone such as corp.example or \".\", found a list\n" },
		{ UPSTREAM "forward: [{ zone: ., to: {} }]\n",
		  "t:2:26: error: expected names of upstreams such as [one, two], found a mapping\n" },
		{ UPSTREAM "forward: [{ zone: ., to: [[]] }]\n",
		  "t:2:27: error: expected the name of an upstream, found a list\n" },
		{ "just a word\n", "t:1:1: error: expected a mapping such as 'listen: { ... }', "
		  "found a word\n" },
		{ "- a\n", "t:1:1: error: expected a mapping such as 'listen: { ... }', found a list\n" },
		{ "? [a]\n: 1\n", "t:1:3: error: expected a word as key, found a list\n" },
		{ "~: 1\n", "t:1:1: error: expected a word as key, found nothing\n" },
	};
	assert_faults(faults, HF_COUNT_OF(faults));
}

static void values_out_of_range_are_told_the_range(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{"workers: 0\n", "t:1:10: error: 0 is out of range: expected 1 to 256 or auto\n"},
		{"workers: 257\n",
			"t:1:10: error: 257 is out of range: expected 1 to 256 or auto\n"},
		{"listen: { edns-size: 70000 }\n",
			"t:1:22: error: 70000 is out of range: expected 512 to 4096\n"},
		{"drain: 6m\n", "t:1:8: error: 6m is out of range: expected 0s to 5m\n"},
		{"cache: { size: 4KiB }\n",
			"t:1:16: error: 4KiB is out of range: expected 1MiB to 16TiB\n"},
		{"control: \"\"\n", "t:1:10: error: '' is 0 bytes long: expected 1 to 107\n"},
		{"cache: { keep-warm: [\"\"] }\n",
			"t:1:22: error: '' is 0 bytes long: expected 1 to 1023\n"},
		{"clients: { allow: 10.0.0.1/8 }\n",
			"t:1:19: error: '10.0.0.1/8' has bits set behind its length\n"},
	};
	assert_faults(faults, HF_COUNT_OF(faults));
}

static void what_cannot_be_read_is_told_how_to_write_it(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{ "drain: soon\n", "t:1:8: error: 'soon' is no duration (write 400ms or 2s)\n" },
		{ "\xef\xbb\xbf" "drain: soon\n",
		  "t:1:8: error: 'soon' is no duration (write 400ms or 2s)\n" },
		{ "drain: 5\n", "t:1:8: error: '5' is no duration (write 400ms or 2s)\n" },
		{ "workers: some\n", "t:1:10: error: 'some' is no whole number, nor auto\n" },
		{ "tcp: { per-client: 1.5 }\n", "t:1:20: error: '1.5' is no whole number\n" },
		{ "cache: { size: 5kB }\n",
		  "t:1:16: error: '5kB' is no size (write 64KiB or 256MiB)\n" },
		{ "cache: { nxdomain-cut: maybe }\n", "t:1:24: error: 'maybe' is neither yes nor no\n" },
		{ "log: { level: inf }\n", "t:1:15: error: 'inf' is not known here: expected error, "
		  "warning, info or debug; did you mean 'info'?\n" },
		{ "log: { format: xml }\n",
		  "t:1:16: error: 'xml' is not known here: expected text or json\n" },
		{ "listen: { http: localhost }\n", "t:1:17: error: 'localhost' is no address "
		  "(write 127.0.0.1:5300, \"[::1]:5300\" or none)\n" },
		{ "listen: { dns: [127.0.0.1, eth0] }\n", "t:1:28: error: 'eth0' is no address "
		  "(write 127.0.0.1:5300 or \"[::1]:5300\")\n" },
		{ "clients: { allow: [10/8] }\n", "t:1:20: error: '10/8' is no prefix "
		  "(write 10.0.0.0/8 or \"::1\")\n" },
		{ "control: \"a\\nb\"\n", "t:1:10: error: 'a\\x0ab' contains a control character\n" },
	};
	assert_faults(faults, HF_COUNT_OF(faults));
}

static void who_is_asked_over_tls_must_be_known_by_something(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{ "upstreams: { a: \"tls://192.0.2.1\" }\n",
		  "t:1:17: error: how is this server to be known? Write the name that its certificate is "
		  "for (tls-name: dns.example), or its key (tls-pins: [sha256/...]), or believe anybody "
		  "(tls-auth: opportunistic)\n" },
		{ "upstreams: { a: { address: \"tls://192.0.2.1\", tls-name: \"a b..c\" } }\n",
		  "t:1:47: error: 'a b..c' is neither a host name nor an address\n" },
		{ "upstreams: { a: { address: \"tls://192.0.2.1\", tls-pins: [sha256/AAA] } }\n",
		  "t:1:47: error: 'sha256/AAA' is no pin (write sha256/ and the 44 base64 digits of the "
		  "SHA-256 of the server's public key)\n" },
		{ "upstreams: { a: { address: \"tls://192.0.2.1\", tls-name: a.example, tls-ca: /no/ca } }\n",
		  "t:1:68: error: /no/ca cannot be read: No such file or directory\n" },
		{ "upstreams: { a: { address: \"tls://192.0.2.1\", tls-name: a.example, tls-ca: /dev/null } }\n",
		  "t:1:68: error: /dev/null holds no certificate of an authority in PEM form\n" },
		/* What would otherwise be asked in plain text: */
		{ "upstreams: { a: { address: 192.0.2.1, tls-name: a.example } }\n",
		  "t:1:39: error: tls-name is for an address that begins with tls://\n" },
		{ "upstreams: { a: { address: \"tcp://192.0.2.1\", tls-auth: opportunistic } }\n",
		  "t:1:47: error: tls-auth is for an address that begins with tls://\n" },
	};
	assert_faults(faults, HF_COUNT_OF(faults));
}

static void what_is_asked_over_tls_is_as_written(void **state)
{
	(void)state;
	struct hf_config *c = good("upstreams:\n"
		"  a: { address: \"tls://192.0.2.1\", tls-name: dns.example }\n"
		"  b: { address: \"tls://[2001:db8::1]:8853\", tls-name: 192.0.2.1, tls-pins: "
		"[sha256/AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=] }\n"
		"  c: { address: \"tls://192.0.2.3\", tls-auth: opportunistic }\n");
	const struct hf_upstream_conf *u = c->forward.upstreams;
	char buf[HF_ADDRESS_TEXT_MAX];
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(u[i].channel, HF_CHANNEL_TLS);
	assert_string_equal(hf_address_text(&u[0].address, buf), "192.0.2.1:853");
	assert_string_equal(hf_address_text(&u[1].address, buf), "[2001:db8::1]:8853");
	assert_string_equal(u[0].tls_name, "dns.example");
	assert_string_equal(u[0].tls_ca, "system");
	assert_int_equal(u[0].tls_pins.count, 0);
	assert_int_equal(u[1].tls_pins.count, 1);
	assert_int_equal(u[0].tls_auth, HF_TLS_STRICT);
	assert_int_equal(u[2].tls_auth, HF_TLS_OPPORTUNISTIC);
	hf_config_unref(c);
}

#define NO_ADDRESS " is no address (write 192.0.2.53, \"[2001:db8::1]:5353\" or " \
	"tls://192.0.2.53; host names are not looked up)\n"

static void upstream_addresses_are_of_one_server_that_can_be_reached(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{ "upstreams: { a: dns.example }\n", "t:1:17: error: 'dns.example'" NO_ADDRESS },
		{ "upstreams: { a: \"tcp://x\" }\n", "t:1:17: error: 'tcp://x'" NO_ADDRESS },
		{ "upstreams: { a: { address: \"https://1.1.1.1/dns-query\" } }\n", "t:1:28: error: "
		  "https:// is not in this version: use udp:// (the default), tcp:// or tls://\n" },
		{ "upstreams: { a: \"gopher://1.1.1.1\" }\n",
		  "t:1:17: error: 'gopher://' is not known: use udp:// (the default), tcp:// or tls://\n" },
		{ "upstreams: { a: \"192.0.2.1:0\" }\n",
		  "t:1:17: error: '192.0.2.1:0': nobody can be asked on port 0\n" },
		{ "upstreams: { a: 0.0.0.0 }\n",
		  "t:1:17: error: '0.0.0.0' is not the address of one server\n" },
		{ "upstreams: { a: 255.255.255.255 }\n",
		  "t:1:17: error: '255.255.255.255' is not the address of one server\n" },
		{ "upstreams: { a: \"ff02::1\" }\n",
		  "t:1:17: error: 'ff02::1' is not the address of one server\n" },
		{ "upstreams: { a: {} }\n", "t:1:14: error: an upstream needs the key 'address': an "
		  "address such as 192.0.2.53, \"[2001:db8::1]:5353\" or tls://192.0.2.53\n" },
	};
	assert_faults(faults, HF_COUNT_OF(faults));
}

static void upstream_names_are_plain(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{ "upstreams: { a b: 192.0.2.1 }\n", "t:1:14: error: 'a b' is no name for an upstream "
		  "(1 to 63 letters, digits, '-', '_' and '.')\n" },
		{ "upstreams: { \"\": 192.0.2.1 }\n", "t:1:14: error: '' is no name for an upstream "
		  "(1 to 63 letters, digits, '-', '_' and '.')\n" },
		{ "upstreams: { aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: "
		  "192.0.2.1 }\n", "t:1:14: error: "
		  "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...' is no name for an "
		  "upstream (1 to 63 letters, digits, '-', '_' and '.')\n" },
	};
	assert_faults(faults, HF_COUNT_OF(faults));
	hf_config_unref(good("upstreams: { A-b_c.9: 192.0.2.1 }\n"));
}

static void routes_are_whole_and_name_what_there_is(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{ UPSTREAM "forward: [{ to: a }]\n", "t:2:11: error: a route needs the key 'zone': a zone "
		  "such as corp.example or \".\"\n" },
		{ UPSTREAM "forward: [{ zone: . }]\n", "t:2:11: error: a route needs the key 'to': names "
		  "of upstreams such as [one, two]\n" },
		{ UPSTREAM "forward: [{ zone: ., to: [] }]\n",
		  "t:2:26: error: a route needs at least one upstream\n" },
		{ UPSTREAM "forward: [{ zone: ., to: [b] }]\n",
		  "t:2:27: error: no upstream is called 'b'\n" },
		{ "upstreams: { cloudflare: 192.0.2.1 }\nforward: [{ zone: ., to: cloudfare }]\n",
		  "t:2:26: error: no upstream is called 'cloudfare', did you mean 'cloudflare'?\n" },
		{ "upstreams: []\nforward: [{ zone: ., to: [b] }]\n",
		  "t:1:12: error: expected a mapping of names to upstreams, found a list\n" },
		{ "interfaces: { eni0: { budget: 1024/s } }\nupstreams: { a: { address: 192.0.2.1, interface: eni1 } }\n",
		  "t:2:39: error: 'eni1' is not among the interfaces; did you mean 'eni0'?\n" },
		{ "update-servers: { north: { address: 192.0.2.1 } }\nzones: [{ name: a.example, file: /dev/null, "
		  "updates: [norht] }]\n",
		  "t:2:45: error: 'norht' is not among the update-servers; did you mean 'north'?\n" },
		{ "update-servers: { north: { key: none } }\n",
		  "t:1:19: error: update server 'north' needs an address such as 10.0.1.1\n" },
		{ "update-servers: { north: { address: 192.0.2.1, key: k } }\n",
		  "t:1:48: error: 'k' is not among the keys\n" },
		{ "interfaces: { eni0: { budget: 1024 } }\n",
		  "t:1:31: error: '1024' is no rate (write 1024/s), nor none\n" },
		{ UPSTREAM "forward: [{ zone: ., to: [a, a] }]\n",
		  "t:2:30: error: upstream 'a' is named twice in one route\n" },
		{ UPSTREAM "forward: [{ zone: a..b, to: a }]\n", "t:2:19: error: 'a..b' is no domain name "
		  "(write corp.example, or \".\" for all names)\n" },
		{ UPSTREAM "forward: [{ zone: \"*.a\", to: a }]\n",
		  "t:2:19: error: '*.a': a zone covers all names below it; leave '*.' off\n" },
		{ UPSTREAM "forward:\n- { zone: x.example, to: a }\n- { to: a, zone: X.EXAMPLE. }\n",
		  "t:4:12: error: zone 'x.example' has two routes, the first on line 3\n" },
		{ UPSTREAM "forward: [{ zone: ., to: a, order: quick }]\n",
		  "t:2:36: error: 'quick' is not known here: expected fastest, listed or strict\n" },
	};
	assert_faults(faults, HF_COUNT_OF(faults));
}

#define CATALOG                                                                                    \
	UPSTREAM "zones: [{ name: c.example, catalog: yes, primaries: 192.0.2.7, grace: 3s, "      \
		 "notify: 192.0.2.8 }]\n"

#define GROUP_OF_63 "abcdefghi-abcdefghi-abcdefghi-abcdefghi-abcdefghi-abcdefghi-abc"

static void a_group_of_a_catalog_has_of_the_catalog_what_it_does_not_say(void **state)
{
	struct hf_config *c = good(CATALOG "catalog-groups:\n"
					   "  - { catalog: C.example, group: fast, grace: 1s }\n"
					   "  - { catalog: c.example, group: slow, notify: [] }\n"
					   "  - { catalog: c.example, group: " GROUP_OF_63 " }\n");
	const struct hf_zone_group_conf *groups = c->zones.groups;
	(void)state;
	assert_int_equal(c->zones.group_count, 3);
	assert_string_equal(groups[0].group, "fast");
	assert_string_equal(groups[2].group, GROUP_OF_63);
	assert_int_equal(groups[0].zone.grace, HF_SECOND);
	assert_int_equal(groups[1].zone.grace, 3 * HF_SECOND);
	assert_string_equal(groups[0].zone.primaries.items[0], "192.0.2.7");
	assert_int_equal(groups[0].zone.notify.count, 1);
	assert_int_equal(groups[1].zone.notify.count, 0);
	assert_string_equal(groups[0].zone.file, "none");
	assert_string_equal(groups[0].zone.url, "none");
	assert_int_equal(groups[0].zone.catalog_limit, 10000);
	assert_true(groups[0].key && groups[0].key != groups[1].key);
	hf_config_unref(c);
}

/* What is inherited stands where it stood; what is not, where it stands now. */
static void groups_belong_to_a_catalog_and_are_held_against_it(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{CATALOG "catalog-groups: [{ catalog: d.example, group: a }]\n",
			"t:3:20: error: 'd.example' is not among the zones, or has no catalog: "
			"yes\n"},
		{CATALOG "catalog-groups: [{ catalog: c.example, group: a }, { catalog: c.example, "
			 "group: a }]\n",
			"t:3:74: error: group 'a' of this catalog is given twice, first on line "
			"3\n"},
		{CATALOG "catalog-groups: [{ catalog: c.example, group: a?b }]\n",
			"t:3:47: error: 'a?b' is no group that could be told apart: write 1 to 63 "
			"visible "
			"ASCII characters, without '?'\n"},
		{CATALOG "catalog-groups: [{ catalog: c.example, group: " GROUP_OF_63 "d }]\n",
			"t:3:47: error: 'abcdefghi-abcdefghi-abcdefghi-abcdefghi-abcdefghi-"
			"abcdefghi-...' is no group that could be told apart: write 1 to 63 "
			"visible ASCII characters, without '?'\n"},
		{CATALOG "catalog-groups: [{ catalog: c.example, group: a, refresh-min: 1h }]\n",
			"t:3:50: error: refresh-min (1h) is more than refresh-max (5m)\n"},
		{CATALOG "catalog-groups: [{ catalog: c.example, group: a, primaries: [] }]\n",
			"t:3:50: error: where do these members come from? Give primaries\n"},
		{CATALOG "catalog-groups: [{ catalog: c.example, group: a, file: /dev/null }]\n",
			"t:3:50: error: unknown key 'file' in a group\n"},
		{UPSTREAM "zones: [{ name: c.example, catalog: yes, url: \"https://192.0.2.1/z\" "
			  "}]\n",
			"t:2:28: error: a catalog needs primaries: its members come from them, "
			"too\n"},
	};
	assert_faults(faults, HF_COUNT_OF(faults));
}

static void a_route_says_of_its_paths_what_its_upstreams_say_else(void **state)
{
	static const char text[] = UPSTREAM "forward:\n"
					    "  - { zone: ., to: a }\n"
					    "  - { zone: x.example, to: a, timeout-min: 700ms, "
					    "failures-to-open: 9, hedge: no,\n"
					    "      rest-max: upstream, retry-floor: 2/s }\n";
	struct hf_config *c = good(text);
	(void)state;
	assert_false(hf_route_has_figures(&c->forward.routes[0]));
	const struct hf_route *route = &c->forward.routes[1];
	struct hf_upstream_conf conf = c->forward.upstreams[0];
	hf_route_lay_over(route, &conf);
	assert_int_equal(conf.timeout_min, 700 * HF_MS);
	assert_int_equal(conf.timeout_max, 1500 * HF_MS);
	assert_int_equal(conf.failures_to_open, 9);
	assert_int_equal(conf.rest_max, 30 * HF_SECOND);
	assert_false(conf.hedge);
	assert_int_equal(conf.retry.percent, 10);
	assert_int_equal(conf.retry.floor, 2);
	char *yaml = hf_config_yaml(c);
	assert_non_null(strstr(yaml, "timeout-min: 700ms"));
	assert_non_null(strstr(yaml, "rest-max: upstream"));
	free(yaml);
	hf_config_unref(c);
}

static void values_must_agree_with_each_other(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{UPSTREAM "forward: [{ zone: ., to: a, timeout-max: 10ms }]\n",
			"t:2:29: error: timeout-min (20ms) is more than timeout-max (10ms) for "
			"upstream 'a' on "
			"this route\n"},
		{UPSTREAM "forward: [{ zone: ., to: a, rest-min: 50s }]\n",
			"t:2:29: error: rest-min (50s) is more than rest-max (30s) for upstream "
			"'a' on this "
			"route\n"},
		{UPSTREAM "forward: [{ zone: ., to: a, timeout-min: soon }]\n",
			"t:2:42: error: 'soon' is no duration (write 400ms or 2s), nor upstream\n"},
		{"upstreams: { a: { address: 192.0.2.1, timeout-min: 2s } }\n",
			"t:1:39: error: timeout-min (2s) is more than timeout-max (1500ms)\n"},
		{"upstreams: { a: { address: 192.0.2.1, timeout-max: 10ms } }\n",
			"t:1:39: error: timeout-min (20ms) is more than timeout-max (10ms)\n"},
		{"upstreams: { a: { rest-max: 1s, address: 192.0.2.1, rest-min: 2s } }\n",
			"t:1:19: error: rest-min (2s) is more than rest-max (1s)\n"},
		{"listen: { dns: [127.0.0.1, 127.0.0.1:53] }\n",
			"t:1:28: error: 127.0.0.1:53 is given twice, first on line 1\n"},
		{"clients: { allow: [10.0.0.0/8,\n 10.0.0.0/9, 10.0.0.0/8] }\n",
			"t:2:14: error: 10.0.0.0/8 is given twice, first on line 1\n"},
		{"listen: { dns: [] }\n",
			"t:1:11: error: listen needs at least one address in 'dns'\n"},
		{"listen: { dns: 127.0.0.1:80, http: 127.0.0.1:80 }\n",
			"t:1:30: error: 127.0.0.1:80 is also in listen.dns\n"},
	};
	assert_faults(faults, HF_COUNT_OF(faults));
}

#define THREE                                                                                      \
	"upstreams: { a: { address: 192.0.2.1 }, b: { address: 192.0.2.2 }, "                      \
	"l: { address: 192.0.2.3, trust: low } }\n"                                                \
	"forward: [ { zone: ., to: [a, b] }, { zone: eu.corp.example, to: [a] },\n"                \
	" { zone: far.example, to: [l] } ]\n"

static void names_have_enough_upstreams_to_be_believed(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{THREE "expect: [ { name: db.example, agree: 3 of 3 } ]\n",
			"t:4:31: error: '3 of 3', but the route for zone '.' has only 2 upstreams: "
			"no answer would ever be believed\n"},
		{THREE "expect: [ { name: \"*.corp.example\", agree: 2 of 2 } ]\n",
			"t:4:37: error: '2 of 2', but the route for zone 'eu.corp.example' has "
			"only 1 upstream: no answer would ever be believed\n"},
	};
	assert_faults(faults, HF_COUNT_OF(faults));
}

static void an_address_where_a_resolver_runs_shows_no_interception(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{THREE "truth: { intercept-probe: 192.0.2.1 }\n",
			"t:4:10: error: upstream 'a' is at this address: give one at which no "
			"resolver runs\n"},
		{THREE "listen: { dns: 127.0.0.1:5300 }\ntruth: { intercept-probe: 127.0.0.1:5300 "
		       "}\n",
			"t:5:10: error: this is one of our own listen addresses: give one at which "
			"no resolver runs\n"},
	};
	assert_faults(faults, HF_COUNT_OF(faults));
	hf_config_unref(good(THREE "truth: { intercept-probe: 192.0.2.99 }\n"));
}

static void what_nobody_better_or_nothing_can_be_believed_of_gets_a_warning(void **state)
{
	static const struct fault warnings[] = {
		{THREE "expect: [ { name: db.example, addresses: 10.0.8.0/24, never: 10.0.0.0/8 } ]\n",
			"t:4:31: warning: 10.0.8.0/24 lies in 10.0.0.0/8, where by 'never' no "
			"address may be: none of it would be believed\n"},
		{THREE "expect: [ { name: db.example, addresses: 10.0.8.0/24, never: 10.0.8.17 } ]\n",
			""},
		{THREE "expect: [ { name: a.example, addresses: 192.0.2.0/24 },\n"
		       " { name: b.example, addresses: [192.0.2.0/24, 2001:db8::/32] },\n"
		       " { name: c.example, addresses: 198.51.100.1 } ]\n",
			"t:4:30: warning: only IPv4 is listed here and in 1 more expectation: an "
			"answer with an IPv6 address would be a lie\n"},
		{THREE "expect: [ { name: db.example, agree: 2 of 3 } ]\n",
			"t:4:31: warning: '2 of 3', but the route for zone '.' has only 2 "
			"upstreams\n"},
		{THREE "expect: [ { name: www.far.example, prove: tls } ]\n",
			"t:4:36: warning: all upstreams of the route for zone 'far.example' have "
			"'trust: low': nobody better is asked when they are wrong\n"},
		{THREE "expect: [ { name: db.example, agree: 2 of 2 },\n"
		       " { name: \"*.corp.example\", prove: tls } ]\n",
			""},
	};
	(void)state;
	for (size_t i = 0; i < HF_COUNT_OF(warnings); i++) {
		struct hf_config *config;
		char *complaints = said(warnings[i].text, strlen(warnings[i].text), &config);
		assert_non_null(config);
		keep_headers(complaints);
		assert_string_equal(complaints, warnings[i].complaint);
		hf_config_unref(config);
		free(complaints);
	}
}

/* Found before a name depends on it. */
static void who_is_to_vouch_for_names_can_be_read(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{ "expect: [{ name: a.example, prove: tls, prove-ca: /nonexistent/ca.pem }]\n",
		  "t:1:41: error: nobody in '/nonexistent/ca.pem' can vouch for a name: No such file "
		  "or directory\n" },
		{ "expect: [{ name: a.example, prove: tls, prove-ca: /proc/self/stat }]\n",
		  "t:1:41: error: nobody in '/proc/self/stat' can vouch for a name: no certificate is "
		  "in it\n" },
		{ "expect: [{ name: a.example, prove: tls, prove-ca: /dev/null }]\n",
		  "t:1:41: error: nobody in '/dev/null' can vouch for a name: Invalid argument\n" },
		{ "expect:\n- { name: a.example, prove: tls, prove-ca: /nonexistent }\n"
		  "- { name: b.example, prove: tls, prove-ca: /nonexistent }\n",
		  "t:2:34: error: nobody in '/nonexistent' can vouch for a name: No such file or "
		  "directory\n" },
	};
	assert_faults(faults, HF_COUNT_OF(faults));
	hf_config_unref(good("expect: [{ name: a.example, never: [192.0.2.1], prove-ca: /nonexistent }]\n"));
}

#define CIRCLE "upstream 'a' is one of our own listen addresses: questions would go round in circles\n"

static void nobody_forwards_to_himself(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{ "upstreams: { a: 127.0.0.1:5300 }\n", "t:1:17: error: " CIRCLE },
		{ "listen: { dns: 192.0.2.7 }\nupstreams:\n  a:\n    address: 192.0.2.7\n",
		  "t:4:5: error: " CIRCLE },
		{ "listen: { dns: 0.0.0.0 }\nupstreams: { a: 127.0.0.53 }\n", "t:2:17: error: " CIRCLE },
		{ "listen: { dns: \"[::]\" }\nupstreams: { a: \"::1\" }\n", "t:2:17: error: " CIRCLE },
	};
	assert_faults(faults, HF_COUNT_OF(faults));
	hf_config_unref(good("listen: { dns: 0.0.0.0 }\nupstreams: { a: 127.0.0.53:54 }\n"));
	hf_config_unref(good("listen: { dns: 0.0.0.0 }\nupstreams: { a: \"::1\" }\n"));
	hf_config_unref(good("listen: { dns: [127.0.0.1:0, 127.0.0.1:0] }\n"));
}

static void yaml_that_hides_its_meaning_is_refused(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{ "drain: &x 5s\n", "t:1:8: error: anchors (&) are not taken: write the value out where "
		  "it is needed\n" },
		{ "workers: 1\ncache: &c\n  size: 1MiB\n", "t:2:8: error: anchors (&) are not taken: "
		  "write the value out where it is needed\n" },
		{ "drain: *x\n", "t:1:8: error: aliases (*) are not taken: write the value out, or quote "
		  "text that begins with *\n" },
		{ "cache: { <<: *x }\n",
		  "t:1:10: error: merge keys (<<) are not taken: write the values out\n" },
		{ "<<: { drain: 5s }\n",
		  "t:1:1: error: merge keys (<<) are not taken: write the values out\n" },
		{ "drain: !!str 5s\n", "t:1:8: error: tags (!) are not taken: each key knows its type\n" },
		{ "cache: !mine { size: 1MiB }\n",
		  "t:1:8: error: tags (!) are not taken: each key knows its type\n" },
		{ "drain: 5s\n---\ndrain: 5s\n",
		  "t:2:1: error: a second document begins here; a configuration is one\n" },
		{ "%YAML 1.2\n---\ndrain: 5s\n",
		  "t:1:1: error: YAML directives (%) are not taken\n" },
		{ "\"<<\": 1\n", "t:1:1: error: unknown key '<<'\n" },
	};
	assert_faults(faults, HF_COUNT_OF(faults));
}

static void bytes_that_are_no_text_are_refused(void **state)
{
	(void)state;
	assert_said("drain: 5s # \xff\n", 14, "t:1:13: error: byte 0xff is not UTF-8 here\n");
	assert_said("a\xc3", 2, "t:1:2: error: byte 0xc3 is not UTF-8 here\n");
	assert_said("\xe2\x82\n", 3, "t:1:1: error: byte 0xe2 is not UTF-8 here\n"
		"t:1:2: error: byte 0x82 is not UTF-8 here\n");
	assert_said("\xc0\x80", 2, "t:1:1: error: byte 0xc0 is not UTF-8 here\n"
		"t:1:2: error: byte 0x80 is not UTF-8 here\n");
	assert_said("\xed\xa0\x80", 3, "t:1:1: error: byte 0xed is not UTF-8 here\n"
		"t:1:2: error: byte 0xa0 is not UTF-8 here\nt:1:3: error: byte 0x80 is not UTF-8 here\n");
	assert_said("drain: 5s\0", 10, "t:1:10: error: a zero byte: is this a text file?\n");
	assert_said("a\x1b[2J", 5, "t:1:2: error: control character 0x1b\n");
	assert_said("a\rb", 3, "t:1:2: error: a carriage return that ends no line\n");
	assert_said("control: \"a\\0b\"\n", 16,
		"t:1:10: error: text with a zero byte or half a character in it\n");
	hf_config_unref(good("drain: 5s # \xc3\xa9\r\nworkers: 1\r\n"));
}

static void broken_yaml_is_told_where(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{ "drain: 5s\n  workers: 1\n", "t:1:8: error: not valid YAML: " },
		{ "workers: 1\n\tdrain: 5s\n", "t:1:" },
		{ "drain: \"5s\n", "t:" },
		{ "listen: { dns: [127.0.0.1\nworkers: 1\n", "t:" },
		{ "drain: @x\n", "t:1:8: error: not valid YAML: " },
	};
	for (size_t i = 0; i < HF_COUNT_OF(faults); i++) {
		char *complaints = said(faults[i].text, strlen(faults[i].text), NULL);
		assert_int_equal(strncmp(complaints, faults[i].complaint, strlen(faults[i].complaint)), 0);
		assert_non_null(strstr(complaints, ": error: not valid YAML: "));
		free(complaints);
	}
	char *complaints = said(faults[3].text, strlen(faults[3].text), NULL);
	assert_non_null(strstr(complaints, "of line 1)"));
	free(complaints);
}

/* ---- how complaints look ---- */

static void all_faults_come_in_one_run_in_the_order_of_the_file(void **state)
{
	(void)state;
	static const char text[] = "upstreamz: 1\n"
		"log: { level: loud, formt: text }\n"
		"forward: [{ zone: x, to: nobody }, { zone: x, to: b }]\n"
		"drain: soon\n"
		"upstreams: { a: here, b: { adress: 192.0.2.1 }, c: *d }\n"
		"cache: { size: 5kB, size: 1 }\n";
	assert_said(text, strlen(text),
		"t:1:1: error: unknown key 'upstreamz', did you mean 'upstreams'?\n"
		"t:2:15: error: 'loud' is not known here: expected error, warning, info or debug\n"
		"t:2:21: error: unknown key 'formt', did you mean 'format'?\n"
		"t:3:26: error: no upstream is called 'nobody'\n"
		"t:3:38: error: zone 'x' has two routes, the first on line 3\n"
		"t:4:8: error: 'soon' is no duration (write 400ms or 2s)\n"
		"t:5:17: error: 'here'" NO_ADDRESS
		"t:5:23: error: an upstream needs the key 'address': an address such as 192.0.2.53, "
		"\"[2001:db8::1]:5353\" or tls://192.0.2.53\n"
		"t:5:28: error: unknown key 'adress', did you mean 'address'?\n"
		"t:5:52: error: aliases (*) are not taken: write the value out, or quote text that begins "
		"with *\n"
		"t:6:16: error: '5kB' is no size (write 64KiB or 256MiB)\n"
		"t:6:21: error: key 'size' is given twice, first on line 6\n");
}

static void assert_shown(const char *text, const char *expected)
{
	char *complaints = said(text, strlen(text), NULL);
	assert_string_equal(complaints, expected);
	free(complaints);
}

static void the_line_is_shown_with_a_caret(void **state)
{
	(void)state;
	assert_shown("workers: 1\ndrain:  soon # really\n",
		"t:2:9: error: 'soon' is no duration (write 400ms or 2s)\n"
		"drain:  soon # really\n"
		"        ^\n");
	assert_shown("drain:\tsoon\r\n",
		"t:1:8: error: 'soon' is no duration (write 400ms or 2s)\n"
		"drain: soon\n"
		"       ^\n");
	assert_shown("{ control: /caf\xc3\xa9, drain: soon }\n",
		"t:1:26: error: 'soon' is no duration (write 400ms or 2s)\n"
		"{ control: /caf\xc3\xa9, drain: soon }\n"
		"                         ^\n");
}

static void what_would_move_the_cursor_is_escaped(void **state)
{
	(void)state;
	assert_shown("a: \x1b[2J\n",
		"t:1:4: error: control character 0x1b\n"
		"a: \\x1b[2J\n"
		"   ^\n");
	assert_shown("upstreams: { \"a\\e[2J\": 192.0.2.1, \"a\\e[2J\": 192.0.2.1 }\n",
		"t:1:14: error: 'a\\x1b[2J' is no name for an upstream (1 to 63 letters, digits, '-', '_' "
		"and '.')\n"
		"upstreams: { \"a\\e[2J\": 192.0.2.1, \"a\\e[2J\": 192.0.2.1 }\n"
		"             ^\n"
		"t:1:35: error: key 'a\\x1b[2J' is given twice, first on line 1\n"
		"upstreams: { \"a\\e[2J\": 192.0.2.1, \"a\\e[2J\": 192.0.2.1 }\n"
		"                                  ^\n");
	assert_shown("drain: so\xe2\x80\xaeon # \xe2\x80\xae\n",
		"t:1:8: error: 'so\\u{202e}on' is no duration (write 400ms or 2s)\n"
		"drain: so\\u{202e}on # \\u{202e}\n"
		"       ^\n");
}

static void long_lines_are_cut_round_the_fault(void **state)
{
	(void)state;
	char text[600] = "", *complaints;
	struct hf_config *config;
	memset(text, ' ', 500);
	memcpy(text, "{ drain: 1s,", 12);
	memcpy(text + 300, "workers: many,", 14);
	memcpy(text + 480, "control: x }\n", 14);
	complaints = said(text, strlen(text), &config);
	char *source = strchr(complaints, '\n') + 1, *caret = strchr(source, '\n') + 1;
	assert_int_equal(strncmp(complaints, "t:1:310: error:", 15), 0);
	assert_int_equal(strncmp(source, "...", 3), 0);
	assert_int_equal(caret - source, 3 + 160 + 3 + 1);
	assert_int_equal(source[strchr(caret, '^') - caret], 'm');
	free(complaints);
}

static void an_unused_upstream_is_only_warned_about(void **state)
{
	(void)state;
	static const char text[] = "upstreams:\n  a: 192.0.2.1\n  b: 192.0.2.2\n"
		"forward: [{ zone: ., to: a }]\n";
	struct hf_config *config;
	char *complaints = said(text, strlen(text), &config);
	assert_non_null(config);
	assert_string_equal(complaints,
		"t:3:3: warning: upstream 'b' is in no route and will never be asked\n"
		"  b: 192.0.2.2\n"
		"  ^\n");
	free(complaints);
	hf_config_unref(config);
}

static void two_names_for_one_server_are_warned_about(void **state)
{
	(void)state;
	static const char text[] = "upstreams: { a: 192.0.2.1, b: \"tcp://192.0.2.1\", c: 192.0.2.1:53 }\n";
	struct hf_config *config;
	char *complaints = said(text, strlen(text), &config);
	assert_non_null(config);
	keep_headers(complaints);
	assert_string_equal(complaints, "t:1:53: warning: upstreams 'a' and 'c' are the same server: "
		"the one cannot stand in for the other\n");
	free(complaints);
	hf_config_unref(config);
}

/* ---- limits ---- */

/* n times a format with one number, between a head and a tail. */
static char *many(const char *head, const char *format, unsigned n, const char *tail)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	fputs(head, out);
	for (unsigned i = 0; i < n; i++)
		fprintf(out, format, i);
	fputs(tail, out);
	fclose(out);
	return text;
}

static void assert_many(const char *head, const char *format, unsigned n, const char *tail,
	const char *expected)
{
	char *text = many(head, format, n, tail);
	assert_said(text, strlen(text), expected);
	free(text);
}

static void numbers_of_things_are_bounded(void **state)
{
	(void)state;
	assert_many("upstreams:\n", "  u%u: 192.0.2.1\n", 1025, "",
		"t:2:3: error: 1025 entries: more than 1024 are not taken\n");
	assert_many(UPSTREAM "forward:\n", "- { zone: z%u, to: a }\n", 100001, "",
		"t:3:1: error: 100001 entries: more than 100000 are not taken\n");
	assert_many(UPSTREAM "forward: [{ zone: ., to: [", "u%u, ", 65, "] }]\n",
		"t:2:26: error: 65 upstreams in one route: more than 64 are not taken\n");
}

static void too_many_upstreams_for_one_route_want_routes(void **state)
{
	(void)state;
	assert_many("drain: 1s\nupstreams:\n", "  u%1$u: 192.0.2.%1$u\n", 65, "",
		"t:2:1: error: 65 upstreams are too many for one route (at most 64): say in 'forward' "
		"which are asked for what\n");
}

static void nesting_is_bounded(void **state)
{
	(void)state;
	assert_many("", "[", 17, "", "t:1:17: error: nested deeper than 16\n");
	assert_many("", "[\n", 1001, "", "t:1001:1: error: more than 1000 brackets are open\n");
}

static void line_length_and_number_of_values_are_bounded(void **state)
{
	(void)state;
	assert_many("drain: 1s\n#", "%u", 20000, "\n",
		"t:2:1: error: a line of more than 65536 bytes\n");
	assert_many("a:\n", "- x\n", 2000000, "",
		"t:1999999:3: error: more than 2000000 values in one file\n");
}

static void a_file_over_16_mib_is_refused(void **state)
{
	(void)state;
	char *text = malloc((16 << 20) + 1);
	memset(text, '\n', (16 << 20) + 1);
	assert_said(text, (16 << 20) + 1, "t: error: more than 16 MiB\n");
	struct hf_config *config;
	free(said(text, 16 << 20, &config));
	assert_non_null(config);
	hf_config_unref(config);
	free(text);
}

static void a_thousand_complaints_are_enough(void **state)
{
	(void)state;
	char *text = many("", "k%u: 1\n", 5000, "");
	char *complaints = said(text, strlen(text), NULL);
	unsigned lines = 0;
	for (const char *c = complaints; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 3 * HF_COMPLAINTS_MAX);
	free(complaints);
	free(text);
}

/* ---- what is printed ---- */

/* Cuts the comments off. */
static void forget_origins(char *yaml)
{
	char *to = yaml;
	while (*yaml) {
		char *end = strchr(yaml, '\n'), *comment = end;
		while (comment[-1] != '#')
			comment--;
		comment--;
		while (comment[-1] == ' ')
			comment--;
		memmove(to, yaml, (size_t)(comment - yaml));
		to += comment - yaml;
		*to++ = '\n';
		yaml = end + 1;
	}
	*to = '\0';
}

/* As long as the configuration lives. */
static const char *keep(struct hf_config *c, char *text)
{
	assert_non_null(text);
	const char *kept = hf_arena_text(&c->arena, text, strlen(text));
	free(text);
	return kept;
}

static const char *yaml_of(struct hf_config *c)
{
	return keep(c, hf_config_yaml(c));
}

static const char *json_of(struct hf_config *c)
{
	return keep(c, hf_config_json(c));
}

static void what_is_printed_reads_back_the_same(void **state)
{
	(void)state;
	char *lists = many("clients: { allow: [", "10.0.%1$u.0/24, \"fc00:%1$u::/32\",\n ", 200, "] }\n");
	const char *const texts[] = { "", whole, lists,
		"upstreams: { \"null\": 192.0.2.1, \"1.5\": \"fe80::1%3\" }\ncontrol: \"a \\\"b\\\" \\\\ # c: \"\n",
		"upstreams: { a: 192.0.2.1 }\nforward: [{ zone: 'a\\.b\\000.example', to: a }]\n",
		"clients: { allow: [] }\nlisten: { dns: 127.0.0.1:0 }\n",
		"control: \"/tmp/\\u202e\\u009b\xc3\xa9\"\n" };
	for (size_t i = 0; i < HF_COUNT_OF(texts); i++) {
		struct hf_config *first = good(texts[i]);
		struct hf_config *second = good(yaml_of(first));
		char *a = strdup(yaml_of(first)), *b = strdup(yaml_of(second));
		forget_origins(a);
		forget_origins(b);
		assert_string_equal(a, b);
		free(a);
		free(b);
		hf_config_unref(first);
		hf_config_unref(second);
	}
	free(lists);
}

static void every_printed_line_says_where_it_came_from(void **state)
{
	(void)state;
	struct hf_config *c = good("workers: 2\ncache:\n  size: 1MiB\n" UPSTREAM);
	static const char *const lines[] = {
		"workers: 2                                   # t:1\n",
		"drain: 5s                                    # default\n",
		"cache:                                       # t:2\n",
		"  size: 1MiB                                 # t:3\n",
		"  ttl-max: 1d                                # default\n",
		"  a:                                         # t:4\n",
		"    address: 192.0.2.1:53                    # t:4\n",
		"    case-mix: yes                            # default\n",
		"  - zone: \".\"                                # default\n",
		"    to: [a]                                  # default\n",
	};
	for (size_t i = 0; i < HF_COUNT_OF(lines); i++)
		assert_non_null(strstr(yaml_of(c), lines[i]));
	const char *yaml = yaml_of(c);
	for (const char *line = yaml; *line; line = strchr(line, '\n') + 1) {
		const char *comment = memchr(line, '#', strcspn(line, "\n"));
		assert_non_null(comment);
	}
	hf_config_unref(c);
}

static void the_json_holds_values_and_origins(void **state)
{
	(void)state;
	struct hf_config *c = good("cache:\n  size: 1MiB\n" UPSTREAM);
	json_t *json = json_loads(json_of(c), 0, NULL), *config, *origins;
	assert_non_null(json);
	config = json_object_get(json, "config");
	origins = json_object_get(json, "origins");
	assert_string_equal(json_string_value(json_object_get(json, "source")), "t");
	json_t *cache = json_object_get(config, "cache");
	assert_string_equal(json_string_value(json_object_get(cache, "size")), "1MiB");
	assert_true(json_is_true(json_object_get(cache, "nxdomain-cut")));
	json_t *tcp = json_object_get(config, "tcp");
	assert_int_equal(json_integer_value(json_object_get(tcp, "in-flight")), 128);
	assert_string_equal(json_string_value(json_object_get(config, "workers")), "auto");
	json_t *route = json_array_get(json_object_get(config, "forward"), 0);
	assert_string_equal(json_string_value(json_array_get(json_object_get(route, "to"), 0)), "a");
	assert_string_equal(json_string_value(json_object_get(origins, "cache.size")), "t:2");
	assert_string_equal(json_string_value(json_object_get(origins, "cache.ttl-max")), "default");
	assert_string_equal(json_string_value(json_object_get(origins, "upstreams.a.address")), "t:3");
	assert_string_equal(json_string_value(json_object_get(origins, "forward[0].zone")), "default");
	json_decref(json);
	hf_config_unref(c);
}

static void the_printed_json_config_is_itself_a_good_file(void **state)
{
	(void)state;
	struct hf_config *first = good(whole), *second;
	json_t *json = json_loads(json_of(first), 0, NULL);
	char *text = json_dumps(json_object_get(json, "config"), JSON_INDENT(1));
	second = good(text);
	char *a = strdup(yaml_of(first)), *b = strdup(yaml_of(second));
	forget_origins(a);
	forget_origins(b);
	assert_string_equal(a, b);
	free(a);
	free(b);
	free(text);
	json_decref(json);
	hf_config_unref(first);
	hf_config_unref(second);
}

/* ---- reload ---- */

static char *restart_lines(const char *now, const char *next, unsigned *ret)
{
	char *lines = NULL;
	size_t size;
	struct hf_config *a = good(now), *b = good(next);
	FILE *out = open_memstream(&lines, &size);
	*ret = hf_config_restart_needed(a, b, out);
	fclose(out);
	hf_config_unref(a);
	hf_config_unref(b);
	return lines;
}

static void only_what_cannot_change_while_running_needs_a_restart(void **state)
{
	(void)state;
	unsigned count;
	char *lines = restart_lines("workers: 1\n", "workers: 2\nlisten: { http: none }\n"
		"cache: { size: 1GiB, ttl-max: 1h }\ndrain: 1s\n" UPSTREAM, &count);
	assert_int_equal(count, 3);
	assert_string_equal(lines, "workers: 1 -> 2\n"
		"listen.http: 127.0.0.1:9153 -> none\n"
		"cache.size: 256MiB -> 1GiB\n");
	free(lines);
	lines = restart_lines(whole, whole, &count);
	assert_int_equal(count, 0);
	assert_string_equal(lines, "");
	free(lines);
}

static void the_last_reference_frees(void **state)
{
	(void)state;
	struct hf_config *c = good(whole);
	hf_config_unref(NULL);
	assert_ptr_equal(hf_config_ref(c), c);
	hf_config_unref(c);
	assert_string_equal(c->source, "t"); /* still there, or ASan says so */
	hf_config_unref(c);
}

/* ---- files ---- */

static void write_file(char *path, const char *text)
{
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void a_file_is_loaded_under_its_name(void **state)
{
	(void)state;
	char path[] = "/tmp/holdfast-config-XXXXXX", *complaints = NULL, expected[200];
	size_t size;
	struct hf_config *c = NULL;
	write_file(path, "drain: 7s\nworkers: many\n");
	FILE *out = open_memstream(&complaints, &size);
	assert_int_equal(hf_config_load(path, NULL, out, &c), HF_ECONFIG);
	fclose(out);
	assert_null(c);
	snprintf(expected, sizeof expected, "%s:2:10: error: 'many' is no whole number, nor auto\n"
		"workers: many\n         ^\n", path);
	assert_string_equal(complaints, expected);
	free(complaints);
	unlink(path);
}

static void a_file_that_cannot_be_read_is_said_in_words(void **state)
{
	(void)state;
	static const struct {
		const char *path, *complaint;
		int error;
	} files[] = {
		{ "/nonexistent/x.yaml", "/nonexistent/x.yaml: error: cannot be read: No such file or "
			"directory\n", -ENOENT },
		{ "/", "/: error: cannot be read: Is a directory\n", -EISDIR },
		{ "/dev/zero", "/dev/zero: error: more than 16 MiB\n", HF_ECONFIG },
	};
	for (size_t i = 0; i < HF_COUNT_OF(files); i++) {
		char *complaints = NULL;
		size_t size;
		struct hf_config *c = NULL;
		FILE *out = open_memstream(&complaints, &size);
		assert_int_equal(hf_config_load(files[i].path, NULL, out, &c), files[i].error);
		fclose(out);
		assert_null(c);
		assert_string_equal(complaints, files[i].complaint);
		free(complaints);
	}
}

static void a_list_of_the_retired_that_is_a_pipe_is_not_waited_for(void **state)
{
	(void)state;
	char folder[] = "/tmp/holdfast-config-XXXXXX", path[64], text[128], expected[128];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/pipe", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(text, sizeof text, "tombstones: { file: %s }\n", path);
	snprintf(expected, sizeof expected, "t:1:15: error: %s is no file\n", path);
	alarm(20);
	assert_said(text, strlen(text), expected);
	alarm(0);
	unlink(path);
	rmdir(folder);
}

static void the_hosts_own_resolvers_stand_behind_the_public_ones(void **state)
{
	(void)state;
	char path[] = "/tmp/holdfast-resolv-XXXXXX", buf[HF_ADDRESS_TEXT_MAX];
	struct hf_config *c = NULL;
	write_file(path, "# a comment\nsearch example.com\nnameserver 192.0.2.53\n"
		"nameserver 192.0.2.53\n  nameserver\t2001:db8::53 # trailing\nnameserver 9.9.9.9\n"
		"nameserver fe80::1%lo\nnameserver not-an-address\nnameservers 192.0.2.99\n"
		"options edns0\nnameserver fe80::2%no-such-interface-here\nnameserver 192.0.2.54");
	assert_int_equal(hf_config_load(NULL, path, stderr, &c), 0);
	assert_string_equal(c->source, "(defaults)");
	assert_int_equal(c->forward.upstream_count, 8);
	const struct hf_upstream_conf *u = c->forward.upstreams;
	assert_string_equal(u[2].name, "google");
	assert_string_equal(u[3].name, "host1");
	assert_string_equal(hf_address_text(&u[3].address, buf), "192.0.2.53:53");
	assert_string_equal(hf_address_text(&u[4].address, buf), "[2001:db8::53]:53");
	assert_string_equal(hf_address_text(&u[5].address, buf), "9.9.9.9:53"); /* in plain text */
	assert_string_equal(hf_address_text(&u[6].address, buf), "[fe80::1%1]:53");
	assert_string_equal(u[7].name, "host5");
	assert_int_equal(c->forward.routes[0].upstream_count, 8);
	assert_null(strstr(yaml_of(c), "(defaults):"));
	hf_config_unref(c);
	unlink(path);
}

static void a_host_resolver_that_is_ourselves_is_left_out(void **state)
{
	(void)state;
	char resolv[] = "/tmp/holdfast-resolv-XXXXXX", path[] = "/tmp/holdfast-config-XXXXXX";
	struct hf_config *c = NULL;
	write_file(resolv, "nameserver 127.0.0.1\nnameserver 192.0.2.53\n");
	write_file(path, "listen: { dns: 127.0.0.1 }\n");
	assert_int_equal(hf_config_load(path, resolv, stderr, &c), 0);
	assert_int_equal(c->forward.upstream_count, 4);
	assert_int_equal(c->forward.upstreams[3].address.bytes[0], 192);
	hf_config_unref(c);
	unlink(resolv);
	unlink(path);
}

/* ---- documents ---- */

static char *document(int (*write)(FILE *))
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_int_equal(write(out), 0);
	fclose(out);
	char *copy = strdup(text);
	free(text);
	return copy;
}

static void every_key_is_in_every_document(void **state)
{
	(void)state;
	char *reference = document(hf_config_write_reference), *manual = document(hf_config_write_manual);
	char *schema = document(hf_config_write_schema), wanted[300];
	for (unsigned id = 0; id < HF_SECTIONS; id++)
		for (size_t i = 0; i < hf_section_keys(&hf_sections[id]); i++) {
			const struct hf_option *row = hf_section_key(&hf_sections[id], i).row;
			snprintf(wanted, sizeof wanted, "\n| `%s` | ", row->name);
			assert_non_null(strstr(reference, wanted));
			assert_non_null(strstr(reference, row->help));
			snprintf(wanted, sizeof wanted, "\n.It Cm %s : ", row->name);
			assert_non_null(strstr(manual, wanted));
			snprintf(wanted, sizeof wanted, "\"%s\": {", row->name);
			assert_non_null(strstr(schema, wanted));
		}
	free(reference);
	free(manual);
	free(schema);
}

static void the_example_of_the_reference_is_a_good_file(void **state)
{
	(void)state;
	char *reference = document(hf_config_write_reference);
	char *begin = strstr(reference, "```yaml\n") + 8;
	*strstr(begin, "```") = '\0';
	struct hf_config *c = good(begin);
	assert_int_equal(c->forward.route_count, 3);
	hf_config_unref(c);
	free(reference);
}

static void the_schema_is_closed_json(void **state)
{
	(void)state;
	char *text = document(hf_config_write_schema);
	json_t *schema = json_loads(text, 0, NULL);
	assert_non_null(schema);
	assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
	json_t *cache = json_object_get(json_object_get(schema, "properties"), "cache");
	assert_true(json_is_false(json_object_get(cache, "additionalProperties")));
	json_decref(schema);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_is_the_built_in_configuration),
		cmocka_unit_test(every_key_reaches_its_field),
		cmocka_unit_test(upstreams_and_routes_are_as_written),
		cmocka_unit_test(upstreams_without_routes_answer_for_all_names),
		cmocka_unit_test(routes_may_name_the_built_in_upstreams),
		cmocka_unit_test(automatic_workers_are_the_cores_we_may_use),
		cmocka_unit_test(a_list_of_one_needs_no_brackets),
		cmocka_unit_test(every_default_is_within_its_own_row),
		cmocka_unit_test(entries_change_without_a_restart),
		cmocka_unit_test(unknown_keys_are_named_with_the_nearest_known),
		cmocka_unit_test(a_key_is_given_once),
		cmocka_unit_test(a_wrong_type_is_named_beside_the_right_one),
		cmocka_unit_test(values_out_of_range_are_told_the_range),
		cmocka_unit_test(what_cannot_be_read_is_told_how_to_write_it),
		cmocka_unit_test(upstream_addresses_are_of_one_server_that_can_be_reached),
		cmocka_unit_test(who_is_asked_over_tls_must_be_known_by_something),
		cmocka_unit_test(what_is_asked_over_tls_is_as_written),
		cmocka_unit_test(upstream_names_are_plain),
		cmocka_unit_test(routes_are_whole_and_name_what_there_is),
		cmocka_unit_test(a_group_of_a_catalog_has_of_the_catalog_what_it_does_not_say),
		cmocka_unit_test(groups_belong_to_a_catalog_and_are_held_against_it),
		cmocka_unit_test(a_route_says_of_its_paths_what_its_upstreams_say_else),
		cmocka_unit_test(values_must_agree_with_each_other),
		cmocka_unit_test(names_have_enough_upstreams_to_be_believed),
		cmocka_unit_test(an_address_where_a_resolver_runs_shows_no_interception),
		cmocka_unit_test(what_nobody_better_or_nothing_can_be_believed_of_gets_a_warning),
		cmocka_unit_test(who_is_to_vouch_for_names_can_be_read),
		cmocka_unit_test(nobody_forwards_to_himself),
		cmocka_unit_test(yaml_that_hides_its_meaning_is_refused),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
		cmocka_unit_test(broken_yaml_is_told_where),
		cmocka_unit_test(all_faults_come_in_one_run_in_the_order_of_the_file),
		cmocka_unit_test(the_line_is_shown_with_a_caret),
		cmocka_unit_test(what_would_move_the_cursor_is_escaped),
		cmocka_unit_test(long_lines_are_cut_round_the_fault),
		cmocka_unit_test(an_unused_upstream_is_only_warned_about),
		cmocka_unit_test(two_names_for_one_server_are_warned_about),
		cmocka_unit_test(numbers_of_things_are_bounded),
		cmocka_unit_test(too_many_upstreams_for_one_route_want_routes),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(line_length_and_number_of_values_are_bounded),
		cmocka_unit_test(a_file_over_16_mib_is_refused),
		cmocka_unit_test(a_thousand_complaints_are_enough),
		cmocka_unit_test(what_is_printed_reads_back_the_same),
		cmocka_unit_test(every_printed_line_says_where_it_came_from),
		cmocka_unit_test(the_json_holds_values_and_origins),
		cmocka_unit_test(the_printed_json_config_is_itself_a_good_file),
		cmocka_unit_test(only_what_cannot_change_while_running_needs_a_restart),
		cmocka_unit_test(the_last_reference_frees),
		cmocka_unit_test(a_file_is_loaded_under_its_name),
		cmocka_unit_test(a_file_that_cannot_be_read_is_said_in_words),
		cmocka_unit_test(a_list_of_the_retired_that_is_a_pipe_is_not_waited_for),
		cmocka_unit_test(the_hosts_own_resolvers_stand_behind_the_public_ones),
		cmocka_unit_test(a_host_resolver_that_is_ourselves_is_left_out),
		cmocka_unit_test(every_key_is_in_every_document),
		cmocka_unit_test(the_example_of_the_reference_is_a_good_file),
		cmocka_unit_test(the_schema_is_closed_json),
	};
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
