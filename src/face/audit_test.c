/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"

static struct hf_audit *audit;
static struct hf_config *config;

static void begin_with(const char *text)
{
	if (config) {
		hf_audit_clear(audit);
		hf_config_unref(config);
	}
	assert_int_equal(hf_config_parse("t", text, strlen(text), stderr, &config), 0);
	hf_audit_init(audit, config);
}

static int begin(void **state)
{
	(void)state;
	audit = calloc(1, sizeof *audit);
	assert_non_null(audit);
	begin_with("listen: { dns: [127.0.0.1:53, 10.0.0.1:53] }\n"
		   "upstreams: { a: 192.0.2.53, vpc: 10.0.0.2 }\n");
	return 0;
}

static int end(void **state)
{
	(void)state;
	hf_audit_clear(audit);
	hf_config_unref(config);
	config = NULL;
	free(audit);
	return 0;
}

static void read_with(hf_audit_parser *parse, const char *text)
{
	size_t len = strlen(text);
	char *exact = malloc(len + 1); /* so that a look past the end is seen */
	memcpy(exact, text, len);
	parse(audit, "f", exact, len);
	free(exact);
}

/* The first item that says so; fails if there is none. */
static const struct hf_audit_item *says(const char *part)
{
	for (size_t i = 0; i < audit->count; i++)
		if (strstr(audit->items[i].what, part))
			return &audit->items[i];
	for (size_t i = 0; i < audit->count; i++)
		print_error("said: %s\n", audit->items[i].what);
	fail_msg("nothing says '%s'", part);
	return NULL;
}

static bool silent_about(const char *part)
{
	for (size_t i = 0; i < audit->count; i++)
		if (strstr(audit->items[i].what, part))
			return false;
	return true;
}

/* ---- resolv.conf ---- */

static void programs_that_ask_us_are_well(void **state)
{
	(void)state;
	read_with(
		hf_audit_resolv_conf, "# made by hand\nnameserver 127.0.0.1\noptions timeout:1\n");
	hf_audit_conclude(audit);
	assert_int_equal(hf_audit_findings(audit), 0);
	assert_int_equal(says("programs here ask 127.0.0.1:53: holdfast")->line, 2);
}

static void programs_that_ask_somebody_else_are_found(void **state)
{
	(void)state;
	read_with(hf_audit_resolv_conf, "nameserver 203.0.113.53\nnameserver "
					"192.168.1.1\n\tnameserver\t192.0.2.53 # ours\n");
	hf_audit_conclude(audit);
	const struct hf_audit_item *item =
		says("203.0.113.53:53: nobody that the configuration knows");
	assert_true(item->finding);
	assert_string_equal(item->file, "f");
	assert_int_equal(item->line, 1);
	assert_string_equal(item->instead, "nameserver 127.0.0.1");
	assert_true(says("192.168.1.1:53: a private address")->finding);
	assert_true(says("192.0.2.53:53: an upstream, asked past holdfast")->finding);
}

static void a_reserve_beside_us_is_found_for_what_it_is(void **state)
{
	(void)state;
	read_with(hf_audit_resolv_conf,
		"nameserver 127.0.0.1\nnameserver 203.0.113.53\noptions rotate\n");
	hf_audit_conclude(audit);
	says("whenever holdfast is slow to answer");
	assert_int_equal(says("rotate:")->line, 3);
}

static void what_is_never_read_is_found(void **state)
{
	(void)state;
	read_with(hf_audit_resolv_conf,
		"nameserver 127.0.0.1\nnameserver 127.0.0.2\nnameserver 127.0.0.3\n"
		"nameserver 203.0.113.53\nnameserver dns.example\n");
	assert_int_equal(says("never asked")->line, 4);
	assert_int_equal(says("no address stands here")->line, 5);
	hf_audit_conclude(audit);
	assert_true(silent_about("203.0.113.53"));
}

static void patience_and_search_are_reckoned_up(void **state)
{
	(void)state;
	read_with(hf_audit_resolv_conf, "nameserver 10.0.0.1\nsearch a.example b.example\n"
					"options ndots:5 timeout:5 attempts:3 trust-ad\n");
	says("waits 5 s, and a program up to 15 s");
	assert_true(says("ndots:5: a name with fewer dots is first asked for under each of 2")
			    ->finding);
	assert_true(says("trust-ad")->finding);
}

static void an_empty_file_means_this_host(void **state)
{
	(void)state;
	read_with(hf_audit_resolv_conf, "");
	says("it names nobody");
	read_with(hf_audit_resolv_conf, "\n;\n#nameserver 1.2.3.4\n");
	hf_audit_conclude(audit);
	assert_int_equal(hf_audit_findings(audit), 0);
}

/* ---- systemd-resolved ---- */

static void behind_the_stub_those_count_whom_resolved_asks(void **state)
{
	(void)state;
	read_with(
		hf_audit_resolv_conf, "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n");
	read_with(hf_audit_resolved_uplink, "nameserver 192.168.178.1\nnameserver 10.0.0.1\n");
	read_with(hf_audit_lease,
		"ADDRESS=192.168.178.20\nROUTER=192.168.178.1\nDNS=192.168.178.1\n");
	hf_audit_conclude(audit);
	says("127.0.0.53:53: systemd-resolved on this host");
	assert_true(says("systemd-resolved here asks 192.168.178.1:53")->finding);
	says("named by DHCP, so probably the network's or the provider's");
	says("systemd-resolved here asks 10.0.0.1:53: holdfast");
	assert_true(silent_about("trust-ad")); /* loopback: nobody is on the way */
}

static void a_lease_by_itself_harms_nobody(void **state)
{
	(void)state;
	read_with(hf_audit_resolv_conf, "nameserver 127.0.0.1\noptions timeout:1\n");
	read_with(hf_audit_lease,
		"lease {\n  option domain-name-servers 198.51.100.1, 198.51.100.2;\n}\n");
	assert_int_equal(audit->resolver_count, 3);
	hf_audit_conclude(audit);
	assert_int_equal(hf_audit_findings(audit), 0);
}

static void fallbacks_of_resolved_are_found(void **state)
{
	(void)state;
	read_with(hf_audit_resolved_conf,
		"[Other]\nFallbackDNS=1.2.3.4\n[Resolve]\n#FallbackDNS=1.1.1.1\n"
		"DNS=10.0.0.1\nFallbackDNS=198.51.100.1#dns.example "
		"127.0.0.1\nDNSOverTLS=opportunistic\n");
	assert_int_equal(says("198.51.100.1#dns.example is asked when no other")->line, 6);
	assert_int_equal(hf_audit_findings(audit), 1);
	says("opportunistic");
	assert_true(silent_about("1.2.3.4"));
	assert_true(silent_about("127.0.0.1"));
}

/* ---- nsswitch.conf ---- */

static void how_debian_has_it_is_no_fault(void **state)
{
	(void)state;
	read_with(hf_audit_nsswitch, "passwd: files\nhosts:          files dns\n");
	assert_int_equal(audit->count, 0);
}

static void modules_before_dns_are_told_of(void **state)
{
	(void)state;
	read_with(hf_audit_nsswitch, "hosts: files mdns4_minimal [NOTFOUND=return] resolve "
				     "[!UNAVAIL=return] myhostname dns # x\n");
	says(".local never reach DNS");
	says("programs ask systemd-resolved over a socket of its own");
	says("answered by myhostname");
	assert_int_equal(hf_audit_findings(audit), 0);
	assert_true(audit->resolve_module);
}

static void a_host_without_dns_is_found(void **state)
{
	(void)state;
	read_with(hf_audit_nsswitch, "hosts: files mdns\n");
	assert_true(says("DNS is not asked at all")->finding);
	begin_with("upstreams: { a: 192.0.2.53 }\n");
	read_with(hf_audit_nsswitch, "hosts:dns files\n");
	assert_true(says("dns stands before files")->finding);
}

static void what_cannot_be_read_does_no_harm(void **state)
{
	(void)state;
	read_with(hf_audit_nsswitch, "hosts: [\n");
	read_with(hf_audit_nsswitch, "hosts: files [NOTFOUND");
	read_with(hf_audit_nsswitch, "");
	says("there is no line for hosts");
}

/* ---- Docker ---- */

static void containers_that_cannot_reach_us_are_found(void **state)
{
	(void)state;
	read_with(hf_audit_docker, "{ \"dns\": [\"127.0.0.1\", \"8.8.8.8\", \"10.0.0.1\", 5] }");
	assert_true(says("each container's own loopback")->finding);
	assert_true(says("containers ask 8.8.8.8, past holdfast")->finding);
	assert_false(says("containers ask 10.0.0.1: holdfast")->finding);
	assert_true(says("holds what is no address")->finding);
}

static void docker_takes_others_when_there_is_only_loopback(void **state)
{
	(void)state;
	read_with(hf_audit_resolv_conf, "nameserver 127.0.0.1\noptions timeout:1\n");
	read_with(hf_audit_docker, "{}");
	hf_audit_conclude(audit);
	assert_true(says("gives its containers public resolvers")->finding);
	begin_with("listen: { dns: 127.0.0.1:53 }\nupstreams: { a: 192.0.2.53 }\n");
	read_with(hf_audit_docker, "{}");
	hf_audit_conclude(audit);
	assert_false(says("cannot be reached from them")->finding);
}

static void a_file_that_docker_cannot_read_is_found(void **state)
{
	(void)state;
	read_with(hf_audit_docker, "{\n \"dns\": [\n");
	assert_true(says("Docker cannot read it")->finding);
}

/* ---- the others ---- */

static void java_that_never_forgets_is_found(void **state)
{
	(void)state;
	read_with(hf_audit_java, "# networkaddress.cache.ttl=-1\nnetworkaddress.cache.ttl=-1\n"
				 "networkaddress.cache.negative.ttl=10\n");
	assert_int_equal(says("keep an address for ever")->line, 2);
	assert_int_equal(audit->count, 1);
	read_with(hf_audit_java, "networkaddress.cache.ttl = 60\n");
	assert_false(says("for 60 s")->finding);
}

static void other_caches_and_orders_are_told_of(void **state)
{
	(void)state;
	read_with(hf_audit_nscd, "\tenable-cache\t\tpasswd\t\tyes\n\tenable-cache hosts yes\n");
	assert_int_equal(says("nscd")->line, 2);
	read_with(hf_audit_gai, "#precedence ::ffff:0:0/96 100\nprecedence ::ffff:0:0/96  100\n");
	assert_int_equal(says("IPv4 addresses are tried before")->line, 2);
	hf_audit_variable(audit, "RES_OPTIONS", "ndots:3");
	hf_audit_variable(audit, "LOCALDOMAIN", NULL);
	hf_audit_variable(audit, "HOSTALIASES", "/home/a\x1b[31m/x");
	says("RES_OPTIONS=ndots:3");
	assert_true(
		says("HOSTALIASES=/home/a?[31m/x")->finding); /* nothing that a terminal obeys */
	assert_true(silent_about("LOCALDOMAIN"));
}

static void there_is_a_bound_and_it_is_told(void **state)
{
	char *text = calloc(1, 100000);
	(void)state;
	for (int i = 0; i < 2000; i++)
		memcpy(text + (size_t)i * 20, "nameserver nobody.x\n", 20);
	read_with(hf_audit_resolv_conf, text);
	assert_int_equal(audit->count, HF_AUDIT_ITEMS_MAX);
	assert_true(audit->more);
	free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(programs_that_ask_us_are_well),
		TEST(programs_that_ask_somebody_else_are_found),
		TEST(a_reserve_beside_us_is_found_for_what_it_is),
		TEST(what_is_never_read_is_found),
		TEST(patience_and_search_are_reckoned_up),
		TEST(an_empty_file_means_this_host),
		TEST(behind_the_stub_those_count_whom_resolved_asks),
		TEST(a_lease_by_itself_harms_nobody),
		TEST(fallbacks_of_resolved_are_found),
		TEST(how_debian_has_it_is_no_fault),
		TEST(modules_before_dns_are_told_of),
		TEST(a_host_without_dns_is_found),
		TEST(what_cannot_be_read_does_no_harm),
		TEST(containers_that_cannot_reach_us_are_found),
		TEST(docker_takes_others_when_there_is_only_loopback),
		TEST(a_file_that_docker_cannot_read_is_found),
		TEST(java_that_never_forgets_is_found),
		TEST(other_caches_and_orders_are_told_of),
		TEST(there_is_a_bound_and_it_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
