/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "providers/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/check.h"

static const struct hf_provider_conf provider_a = {.name = "a", .key = "none", .transfer = true};
static const struct hf_provider_conf provider_b = {.name = "b", .key = "none", .transfer = true};
static struct hf_delegation_conf conf;
static struct hf_outlook *look;
static struct hf_report *report;

static struct hf_name name_of(const char *text)
{
	struct hf_name name;
	assert_int_equal(hf_name_from_text(text, strlen(text), &name), 0);
	return name;
}

static struct hf_address address_of(const char *text)
{
	struct hf_address address;
	assert_int_equal(hf_address_parse(text, 0, &address), 0);
	return address;
}

static void add_rdata(struct hf_set *set, uint16_t type, uint32_t ttl, const void *data, size_t len)
{
	set->rdata = realloc(set->rdata, set->octets + 2 + len);
	assert_non_null(set->rdata);
	hf_put_u16(set->rdata + set->octets, (uint16_t)len);
	memcpy(set->rdata + set->octets + 2, data, len);
	set->octets += 2 + len;
	set->count++;
	set->type = type;
	set->ttl = ttl;
}

static void add_ns(struct hf_set *set, const char *text)
{
	struct hf_name name = name_of(text);
	add_rdata(set, HF_TYPE_NS, 3600, name.bytes, name.len);
}

static void add_a(struct hf_set *set, uint32_t ttl, const char *text)
{
	struct hf_address address = address_of(text);
	add_rdata(set, HF_TYPE_A, ttl, address.bytes, 4);
}

/* Two providers with a server each, in different networks and domains; a parent that
 * delegates to both: nothing is wrong. */
static void add_server(
	const struct hf_provider_conf *provider, const char *name, const char *address)
{
	struct hf_name n = name_of(name);
	struct hf_address at = address_of(address);
	at.port = 53;
	assert_int_equal(hf_outlook_add_server(look, provider, &n, &at), 0);
	struct hf_outlook_server *s = &look->servers[look->server_count - 1];
	s->udp = s->tcp = HF_REACH_ANSWERS;
	s->authoritative = s->ns_heard = s->keys_heard = true;
	s->soa = (struct hf_zone_soa){.serial = 12,
		.refresh = 3600,
		.retry = 900,
		.expire = 1209600,
		.minimum = 300,
		.ttl = 3600};
	s->compared = HF_OUTLOOK_WHOLE;
	add_ns(&s->ns, "ns1.a.test");
	add_ns(&s->ns, "ns1.b.invalid");
}

static int make_good(void **state)
{
	(void)state;
	memset(&conf, 0, sizeof conf);
	conf.zone = name_of("corp.example");
	conf.negative_max = 3 * 3600 * HF_SECOND;
	const struct hf_outlook_conf how = {.delegation = &conf};
	assert_int_equal(hf_outlook_new(&how, &look), 0);
	add_server(&provider_a, "ns1.a.test", "192.0.2.1");
	add_server(&provider_b, "ns1.b.invalid", "198.51.100.1");
	struct hf_address parent = address_of("203.0.113.1");
	hf_outlook_add_parent(look, &parent);
	look->parents[0].reach = HF_REACH_ANSWERS;
	look->parents[0].delegates = look->parents[0].ds_heard = true;
	add_ns(&look->parents[0].ns, "ns1.a.test");
	add_ns(&look->parents[0].ns, "ns1.b.invalid");
	look->newest_known = true;
	look->newest = 12;
	return 0;
}

static int clear(void **state)
{
	(void)state;
	hf_report_free(report);
	hf_outlook_free(look);
	report = NULL;
	return 0;
}

static void make_report(void)
{
	hf_report_free(report);
	assert_int_equal(hf_report_new(look, &report), 0);
	for (size_t i = 0; i < report->count; i++)
		print_message("# %d %s: %s; %s\n", report->items[i].weight, report->items[i].id,
			report->items[i].text, report->items[i].todo);
}

static const struct hf_provider_finding *find(const char *id)
{
	for (size_t i = 0; i < report->count; i++)
		if (strcmp(report->items[i].id, id) == 0)
			return &report->items[i];
	return NULL;
}

static void expect_says(const char *id, const char *in_text)
{
	const struct hf_provider_finding *f = find(id);
	if (!f || !strstr(f->text, in_text))
		fail_msg("no finding %s says `%s`", id, in_text);
}

/* This fault and no other. */
static void expect_only(const char *id, const char *in_text)
{
	make_report();
	const struct hf_provider_finding *f = find(id);
	assert_non_null(f);
	assert_int_equal(f->weight, HF_WEIGHT_FAULT);
	expect_says(id, in_text);
	assert_true(f->todo[0] != '\0');
	for (size_t i = 0; i < report->count; i++)
		if (report->items[i].weight != HF_WEIGHT_NOTE)
			assert_string_equal(report->items[i].id, id);
}

static void where_all_is_well_there_is_no_finding(void **state)
{
	(void)state;
	make_report();
	assert_int_equal(report->count, 0);
}

static void who_does_not_answer_is_unreachable(void **state)
{
	(void)state;
	look->servers[1].udp = HF_REACH_SILENT;
	look->servers[1].tcp = HF_REACH_CLOSED;
	look->servers[1].authoritative = false;
	make_report();
	const struct hf_provider_finding *f = find("unreachable");
	assert_non_null(f);
	assert_string_equal(f->provider, "b");
	expect_says("unreachable",
		"ns1.b.invalid (198.51.100.1:53) of provider b does not answer over UDP");
	assert_non_null(find("one-provider"));
}

static void who_answers_over_one_transport_only_is_named_with_it(void **state)
{
	(void)state;
	look->servers[0].tcp = HF_REACH_SILENT;
	expect_only("transports", "answers over UDP, but does not answer over TCP");
}

static void an_address_that_this_host_cannot_route_to_is_no_fault(void **state)
{
	(void)state;
	add_server(&provider_b, "ns1.b.invalid", "2001:db8::1");
	struct hf_outlook_server *s = &look->servers[2];
	s->udp = s->tcp = HF_REACH_NO_ROUTE;
	s->authoritative = s->ns_heard = s->keys_heard = false;
	make_report();
	assert_int_equal(report->of[HF_WEIGHT_FAULT], 0);
	assert_non_null(find("no-route"));
}

static void a_server_without_authority_is_lame(void **state)
{
	(void)state;
	add_server(&provider_b, "ns1.b.invalid", "198.51.100.2");
	look->servers[2].authoritative = look->servers[2].ns_heard = false;
	look->servers[2].keys_heard = false;
	look->servers[2].rcode = HF_RCODE_REFUSED;
	expect_only("lame", "it says REFUSED");
}

static void an_older_serial_is_behind_by_so_much(void **state)
{
	(void)state;
	look->servers[1].soa.serial = 4294967290u; /* RFC 1982: 18 further on is 12 */
	look->servers[1].compared = HF_OUTLOOK_BEHIND;
	expect_only("behind", "it serves serial 4294967290, and 12 is served by another server "
			      "(18 further on)");
}

static void a_newer_serial_than_the_source_has_is_ahead(void **state)
{
	(void)state;
	look->has_source = true;
	look->source_serial = 12;
	look->servers[1].soa.serial = 13;
	expect_only("ahead", "serves serial 13, and the source has only 12");
}

static void a_provider_that_counts_by_itself_is_never_behind(void **state)
{
	struct hf_provider_conf own = provider_b;
	(void)state;
	own.own_serials = true;
	look->servers[1].provider = &own;
	look->servers[1].soa.serial = 1;
	make_report();
	assert_int_equal(report->count, 0);
}

static void a_record_that_differs_is_named_with_both_sides(void **state)
{
	(void)state;
	look->drifts = calloc(1, sizeof *look->drifts);
	look->drifts[0] = (struct hf_outlook_drift){
		.server = 1, .owner = name_of("www.corp.example"), .type = HF_TYPE_A};
	look->drift_count = 1;
	add_a(&look->drifts[0].theirs, 300, "192.0.2.66");
	add_a(&look->drifts[0].ours, 300, "192.0.2.80");
	expect_only("drift",
		"www.corp.example A: ns1.b.invalid (198.51.100.1:53) of provider b has "
		"192.0.2.66, others have 192.0.2.80");
}

static void the_same_data_with_another_ttl_is_a_drift_of_ttl(void **state)
{
	(void)state;
	look->drifts = calloc(1, sizeof *look->drifts);
	look->drifts[0] = (struct hf_outlook_drift){
		.server = 1, .owner = name_of("www.corp.example"), .type = HF_TYPE_A};
	look->drift_count = 1;
	add_a(&look->drifts[0].theirs, 60, "192.0.2.80");
	add_a(&look->drifts[0].ours, 300, "192.0.2.80");
	expect_only("ttl-drift", "gives a TTL of 60 s, others have 300 s");
}

static void a_server_that_the_parent_does_not_name_is_asked_by_nobody(void **state)
{
	(void)state;
	hf_set_clear(&look->parents[0].ns);
	add_ns(&look->parents[0].ns, "ns1.a.test");
	make_report();
	assert_non_null(find("not-delegated"));
	assert_non_null(find("ns-only-child"));
}

static void a_server_that_nobody_knows_is_a_stray(void **state)
{
	(void)state;
	add_ns(&look->parents[0].ns, "ns9.old.example");
	make_report();
	expect_says("ns-stray", "ns9.old.example");
	expect_says("ns-only-parent", "ns9.old.example");
}

static void servers_with_other_ns_records_are_told_of(void **state)
{
	(void)state;
	hf_set_clear(&look->servers[1].ns);
	add_ns(&look->servers[1].ns, "ns1.b.invalid");
	expect_only("ns-drift", "has NS records ns1.b.invalid, and");
}

/* The first server's name lies in the zone, so it has glue. */
static void move_into_zone(void)
{
	look->servers[0].name = name_of("ns1.corp.example");
	hf_set_clear(&look->parents[0].ns);
	add_ns(&look->parents[0].ns, "ns1.corp.example");
	add_ns(&look->parents[0].ns, "ns1.b.invalid");
	for (size_t i = 0; i < 2; i++) {
		hf_set_clear(&look->servers[i].ns);
		add_ns(&look->servers[i].ns, "ns1.corp.example");
		add_ns(&look->servers[i].ns, "ns1.b.invalid");
	}
	look->hosts[0] = (struct hf_outlook_host){
		.name = name_of("ns1.corp.example"), .heard = {true, true}};
	look->host_count = 1;
	add_a(&look->hosts[0].of[0], 300, "192.0.2.1");
}

static void glue_that_is_not_the_zones_address_is_stale(void **state)
{
	(void)state;
	move_into_zone();
	look->parents[0].glue[0] =
		(struct hf_outlook_glue){name_of("ns1.corp.example"), address_of("192.0.2.99")};
	look->parents[0].glue_count = 1;
	expect_only("glue-stale", "has address 192.0.2.99, and the zone has 192.0.2.1");
}

static void good_glue_is_no_finding_and_missing_glue_is_one(void **state)
{
	(void)state;
	move_into_zone();
	look->parents[0].glue[0] =
		(struct hf_outlook_glue){name_of("ns1.corp.example"), address_of("192.0.2.1")};
	look->parents[0].glue_count = 1;
	make_report();
	assert_int_equal(report->count, 0);
	look->parents[0].glue_count = 0;
	expect_only("glue-missing", "gives no address of ns1.corp.example");
}

static void a_ds_without_a_key_breaks_whoever_validates(void **state)
{
	(void)state;
	add_rdata(&look->parents[0].ds, HF_TYPE_DS, 3600,
		"\1\2\15\2aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 36);
	expect_only("ds-without-key", "serves the zone without a key");
}

static void a_ds_of_another_key_is_a_mismatch(void **state)
{
	(void)state;
	add_rdata(&look->parents[0].ds, HF_TYPE_DS, 3600,
		"\1\2\15\2aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 36);
	for (size_t i = 0; i < 2; i++)
		add_rdata(&look->servers[i].keys, HF_TYPE_DNSKEY, 3600, "\1\1\3\15keykeykey", 13);
	expect_only("ds-mismatch", "(key tag 258)");
}

static void providers_with_different_keys_are_told_of(void **state)
{
	(void)state;
	look->parents[0].ds_heard = false;
	add_rdata(&look->servers[0].keys, HF_TYPE_DNSKEY, 3600, "\1\1\3\15keykeykey", 13);
	add_rdata(&look->servers[1].keys, HF_TYPE_DNSKEY, 3600, "\1\1\3\15yekyekyek", 13);
	expect_only("key-drift", "and not the same as");
}

static void leave_one_provider(void)
{
	look->servers[1].provider = &provider_a;
	look->servers[1].name = name_of("ns2.a.test");
	look->servers[1].address = address_of("192.0.2.2");
	hf_set_clear(&look->parents[0].ns);
	add_ns(&look->parents[0].ns, "ns1.a.test");
	add_ns(&look->parents[0].ns, "ns2.a.test");
	for (size_t i = 0; i < 2; i++) {
		hf_set_clear(&look->servers[i].ns);
		add_ns(&look->servers[i].ns, "ns1.a.test");
		add_ns(&look->servers[i].ns, "ns2.a.test");
	}
}

static void one_provider_one_network_one_domain_are_each_told(void **state)
{
	(void)state;
	leave_one_provider();
	make_report();
	assert_int_equal(report->of[HF_WEIGHT_FAULT], 3);
	expect_says("one-provider", "only provider a answers for the zone");
	expect_says("one-network", "lie in 192.0.2.0/24");
	expect_says("one-domain", "lie in a.test");
}

static void what_is_accepted_is_a_note(void **state)
{
	static const char *const accepted[] = {"one-provider", "one-network", "one-domain"};
	(void)state;
	conf.accept = (struct hf_text_list){accepted, 3};
	leave_one_provider();
	make_report();
	assert_int_equal(report->of[HF_WEIGHT_FAULT], 0);
	assert_int_equal(report->of[HF_WEIGHT_NOTE], 3);
}

static void timers_that_cannot_work_are_told_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++)
		look->servers[i].soa.expire = 3600;
	expect_only("soa-timers", "refresh 1h, retry 15m, expire 1h: the zone expires");
	assert_int_equal(report->of[HF_WEIGHT_FAULT], 1);
}

static void a_denial_that_lasts_too_long_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++)
		look->servers[i].soa.minimum = look->servers[i].soa.ttl = 86400;
	expect_only("negative-ttl", "a denial is remembered for 1d, longer than 3h");
}

static struct hf_outlook_sample *add_sample(const char *name, const char *truth, uint32_t ttl)
{
	struct hf_outlook_sample *sample = &look->samples[look->sample_count++];
	sample->owner = name_of(name);
	sample->type = HF_TYPE_A;
	sample->known = true;
	add_a(&sample->truth, ttl, truth);
	return sample;
}

static void a_ttl_that_outlasts_a_change_is_told(void **state)
{
	(void)state;
	conf.change_within = 300 * HF_SECOND;
	add_sample("www.corp.example", "192.0.2.80", 300);
	make_report();
	assert_int_equal(report->count, 0);
	add_sample("db.corp.example", "192.0.2.81", 86400);
	expect_only("ttl-high", "up to 1d to be seen everywhere, and should within 5m: "
				"db.corp.example A (86400 s)");
}

static void without_a_provider_what_the_others_have_is_left(void **state)
{
	(void)state;
	look->without = "a";
	look->servers[0].away = true;
	look->servers[0].authoritative = false;
	struct hf_outlook_sample *www = add_sample("www.corp.example", "192.0.2.80", 300);
	struct hf_outlook_sample *db = add_sample("db.corp.example", "192.0.2.81", 300);
	www->answers[1].said = db->answers[1].said = HF_SAID_SET;
	add_a(&www->answers[1].set, 300, "192.0.2.80");
	make_report();
	assert_int_equal(report->tried, 2);
	assert_int_equal(report->left, 1);
	assert_int_equal(report->of[HF_WEIGHT_FAULT], 1);
	expect_says("without",
		"db.corp.example A: without provider a nobody is left who gives 192.0.2.81: "
		"ns1.b.invalid (198.51.100.1:53) of provider b gives nothing");
	add_a(&db->answers[1].set, 300, "192.0.2.81");
	make_report();
	assert_int_equal(report->of[HF_WEIGHT_FAULT], 0);
	assert_int_equal(report->left, 2);
}

static void a_server_that_is_not_delegated_to_is_not_left(void **state)
{
	(void)state;
	without_a_provider_what_the_others_have_is_left(state);
	hf_set_clear(&look->parents[0].ns);
	add_ns(&look->parents[0].ns, "ns1.a.test");
	make_report();
	assert_int_equal(report->left, 0);
	assert_non_null(find("without-delegation"));
}

static void who_could_not_be_asked_is_neither_good_nor_a_fault(void **state)
{
	(void)state;
	look->parents[0].delegates = false;
	look->parents[0].reach = HF_REACH_SILENT;
	make_report();
	assert_int_equal(report->of[HF_WEIGHT_FAULT], 0);
	assert_int_equal(report->of[HF_WEIGHT_UNASKED], 1);
	assert_non_null(find("parent-unasked"));
}

static void faults_come_first_and_all_have_a_known_name(void **state)
{
	(void)state;
	leave_one_provider();
	look->late = true;
	add_rdata(&look->servers[0].keys, HF_TYPE_DNSKEY, 3600, "\1\1\3\15keykeykey", 13);
	make_report();
	for (size_t i = 1; i < report->count; i++)
		assert_true(report->items[i - 1].weight <= report->items[i].weight);
	for (size_t i = 0; i < report->count; i++) {
		const char *const *id = hf_finding_ids;
		while (*id && strcmp(*id, report->items[i].id) != 0)
			id++;
		assert_non_null(*id);
	}
}

static void more_findings_than_there_is_room_for_are_counted(void **state)
{
	(void)state;
	look->drifts = calloc(HF_REPORT_FINDINGS + 10, sizeof *look->drifts);
	look->drift_count = HF_REPORT_FINDINGS + 10;
	for (size_t i = 0; i < look->drift_count; i++) {
		look->drifts[i].owner = name_of("www.corp.example");
		look->drifts[i].type = HF_TYPE_A;
		add_a(&look->drifts[i].theirs, 60, "192.0.2.66");
	}
	hf_report_free(report);
	assert_int_equal(hf_report_new(look, &report), 0);
	assert_int_equal(report->count, HF_REPORT_FINDINGS);
	assert_int_equal(report->more, 10);
	assert_int_equal(report->of[HF_WEIGHT_FAULT], HF_REPORT_FINDINGS + 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_good, clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(where_all_is_well_there_is_no_finding),
		TEST(who_does_not_answer_is_unreachable),
		TEST(who_answers_over_one_transport_only_is_named_with_it),
		TEST(an_address_that_this_host_cannot_route_to_is_no_fault),
		TEST(a_server_without_authority_is_lame),
		TEST(an_older_serial_is_behind_by_so_much),
		TEST(a_newer_serial_than_the_source_has_is_ahead),
		TEST(a_provider_that_counts_by_itself_is_never_behind),
		TEST(a_record_that_differs_is_named_with_both_sides),
		TEST(the_same_data_with_another_ttl_is_a_drift_of_ttl),
		TEST(a_server_that_the_parent_does_not_name_is_asked_by_nobody),
		TEST(a_server_that_nobody_knows_is_a_stray),
		TEST(servers_with_other_ns_records_are_told_of),
		TEST(glue_that_is_not_the_zones_address_is_stale),
		TEST(good_glue_is_no_finding_and_missing_glue_is_one),
		TEST(a_ds_without_a_key_breaks_whoever_validates),
		TEST(a_ds_of_another_key_is_a_mismatch),
		TEST(providers_with_different_keys_are_told_of),
		TEST(one_provider_one_network_one_domain_are_each_told),
		TEST(what_is_accepted_is_a_note),
		TEST(timers_that_cannot_work_are_told_once),
		TEST(a_denial_that_lasts_too_long_is_told),
		TEST(a_ttl_that_outlasts_a_change_is_told),
		TEST(without_a_provider_what_the_others_have_is_left),
		TEST(a_server_that_is_not_delegated_to_is_not_left),
		TEST(who_could_not_be_asked_is_neither_good_nor_a_fault),
		TEST(faults_come_first_and_all_have_a_known_name),
		TEST(more_findings_than_there_is_room_for_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
