/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "drill/play.h"

#define STAGE "upstream a answers shop.example A 192.0.2.10 ttl 300\nroute . to a\n"
#define ASK "at 0s ask shop.example A expect 192.0.2.10\n"

/* Reads a text and returns the complaints in `said`. */
static int parse(const char *text, char *said, size_t size, struct hf_scenario **ret)
{
	char *complaints = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&complaints, &len);
	assert_non_null(out);
	int rc = hf_scenario_parse("x.play", text, strlen(text), out, ret);
	fclose(out);
	snprintf(said, size, "%s", complaints);
	free(complaints);
	return rc;
}

static struct hf_scenario *good(const char *text)
{
	char said[4096];
	struct hf_scenario *s = NULL;
	int rc = parse(text, said, sizeof said, &s);
	assert_string_equal(said, "");
	assert_int_equal(rc, 0);
	return s;
}

static void refused(const char *text, const char *expected)
{
	char said[8192];
	struct hf_scenario *s = NULL;
	assert_int_equal(parse(text, said, sizeof said, &s), HF_ESYNTAX);
	assert_string_equal(said, expected);
}

static void the_example_is_read(void **state)
{
	struct hf_scenario *s = good("# a comment\nseed 7\nworkers 2\n" STAGE
		"upstream b delay 5ms..40ms loss 3% duplicate 10%   # weather\n"
		"route example to a b order listed\n"
		"option upstream a failures-to-open 3\noption cache ttl-max 1h\n"
		"at 10m upstream a silent for 2s\n"
		"at 16m every 5s until 17m ask shop.example A via tcp do expect servfail ede 22\n"
		"at 20m clock of holdfast jumps -3h\n"
		"at 21m load 200/s for 60s names n{0..99}.example A expect 192.0.2.10 ttl <= 9\n"
		"finally packets to a <= 60 answered >= 99.9% servfail == 0\n");
	(void)state;
	assert_int_equal(s->seed, 7);
	assert_int_equal(s->workers, 2);
	assert_int_equal(s->upstream_count, 2);
	assert_int_equal(s->upstreams[0].data.count, 1);
	assert_int_equal(s->upstreams[0].data.items[0].ttl, 300);
	assert_int_equal(s->upstreams[0].conf.failures_to_open, 3);
	assert_int_equal(s->upstreams[1].weather.delay_max, 40 * HF_MS);
	assert_int_equal(s->upstreams[1].weather.loss, 30000);
	assert_int_equal(s->cache.ttl_max, 3600 * HF_SECOND);
	assert_int_equal(s->routes[1].upstream_count, 2);
	assert_int_equal(s->routes[1].order, HF_ORDER_LISTED);
	assert_int_equal(s->event_count, 4);
	assert_string_equal(s->events[0].manner->word, "silent");
	assert_int_equal(s->events[0].lasting, 2 * HF_SECOND);
	assert_true(s->events[1].ask.tcp && s->events[1].ask.dnssec_ok);
	assert_int_equal(s->events[1].every, 5 * HF_SECOND);
	assert_string_equal(s->events[1].ask.expects->row->word, "servfail");
	assert_int_equal(s->events[1].ask.expects->next->number, 22);
	assert_int_equal(s->events[2].number, -3 * 3600 * HF_SECOND);
	assert_int_equal(s->events[3].ask.rate, 200);
	assert_int_equal(s->events[3].ask.names.high, 99);
	assert_int_equal(s->events[3].ask.expects->rdata_len, 4);
	assert_int_equal(s->events[3].ask.expects->next->compare, HF_AT_MOST);
	assert_int_equal(s->finals->number, 60);
	assert_int_equal(s->finals->next->number, 999000);
	hf_scenario_free(s);
}

static void many_servers_and_stubs_are_read(void **state)
{
	struct hf_scenario *s = good("instances 200\n" STAGE "upstream a delay 5ms tail 2s cap 100\n"
		"at 0s load 9/s for 5s n{0..99}.example A popular as glibc from 10.60.0.0/24\n"
		"at 1s ask shop.example A as bulk\nat 2s upstream a flaps 10s\n"
		"finally amplification <= 1.1 resolved >= 99% busiest to a <= 10 lookups > 3 needed == 7\n");
	(void)state;
	assert_int_equal(s->instances, 200);
	assert_int_equal(s->upstreams[0].weather.tail, 2 * HF_SECOND);
	assert_int_equal(s->upstreams[0].weather.cap, 100);
	assert_true(s->events[0].ask.popular);
	assert_string_equal(s->events[0].ask.stub->word, "glibc");
	assert_int_equal(s->events[0].ask.from.bits, 24);
	assert_string_equal(s->events[1].ask.stub->word, "bulk");
	assert_int_equal(s->events[2].number, 10 * HF_SECOND);
	assert_int_equal(s->finals->number, 1100);
	hf_scenario_free(s);
	refused(STAGE "at 0s ask shop.example A as glib\n", "x.play:3:29: expected a stub such as glibc or "
		"bulk, found 'glib'; did you mean 'glibc'?\n");
	refused(STAGE "at 0s ask shop.example A from 10.53.0.0/24\n", "x.play:3:31: expected addresses such as "
		"10.60.0.0/24 (/16 to /32, not in 10.52.0.0/15), found '10.53.0.0/24'\n");
	refused("instances 1001\n" STAGE ASK, "x.play:1:11: expected a number of servers (1 to 1000), found "
		"'1001'\n");
	refused(STAGE ASK "finally amplification <= 1.1234\n", "x.play:4:26: expected a ratio such as 1.1, "
		"found '1.1234'\n");
}

static void certificates_are_read(void **state)
{
	struct hf_scenario *s = good("certificate 192.0.2.10 shop.example *.shop.example\n"
		"certificate 2001:db8::1 none\n" STAGE "at 0s certificate 192.0.2.10 none\n");
	(void)state;
	assert_int_equal(s->vouches.count, 2);
	assert_int_equal(s->vouches.all[0].count, 2);
	assert_false(s->vouches.all[0].names[0].below);
	assert_true(s->vouches.all[0].names[1].below);
	assert_int_equal(s->vouches.all[1].address.family, 6);
	assert_int_equal(s->events[0].what, HF_PLAY_VOUCH);
	assert_int_equal(s->events[0].vouched->count, 0);
	hf_scenario_free(s);
	refused("certificate shop.example\n" STAGE ASK, "x.play:1:13: expected an address such as "
		"192.0.2.10, found 'shop.example'\n");
	refused("certificate 192.0.2.10\n" STAGE ASK, "x.play:1:23: expected a name such as "
		"shop.example, found the end of the line\n");
}

static void what_is_expected_of_names_is_read(void **state)
{
	struct hf_scenario *s = good("expect *.bank.example addresses 192.0.2.0/28 2001:db8::/32 "
				     "never 192.0.2.3/32 agree 2 of 3\n"
				     "expect db.example prove tls prove-when after\n" STAGE ASK);
	(void)state;
	assert_int_equal(s->truth.expectation_count, 2);
	assert_true(s->expectations[0].below);
	assert_int_equal(s->expectations[0].addresses.count, 2);
	assert_int_equal(s->expectations[0].never.count, 1);
	assert_string_equal(s->expectations[0].agree, "2 of 3");
	assert_int_equal(s->expectations[1].prove_when, HF_PROVE_AFTER);
	assert_int_equal(s->expectations[1].prove_port, 443);
	hf_scenario_free(s);
	refused("expect db.example addresses\n" STAGE ASK,
		"x.play:1:28: expected prefixes such as 192.0.2.0/28, found the end of the line\n");
	refused("expect db.example agree 3 of 2\n" STAGE ASK, "x.play:1:31: more than there are\n");
}

static void every_fault_has_its_place_and_the_nearest_word(void **state)
{
	(void)state;
	refused("sed 7\n" STAGE ASK, "x.play:1:1: expected seed, workers, instances, option, "
				     "certificate, expect, tombstones, upstream, route, at or "
				     "finally, found 'sed'; did you mean 'seed'?\n");
	refused(STAGE "at 0s upstream a silnt\n", "x.play:3:18: expected how the upstream behaves, such as "
		"silent or delay, found 'silnt'; did you mean 'silent'?\n");
	refused(STAGE "at 0s ask shop.example A expect servfial\n", "x.play:3:33: expected something to "
		"expect, such as an address or servfail, found 'servfial'; did you mean 'servfail'?\n");
	refused(STAGE ASK "finally packts to a == 1\n", "x.play:4:9: expected what must hold in the end, such "
		"as servfail or packets, found 'packts'; did you mean 'packets'?\n");
	refused("upstream one silent\nroute . to oen\n", "x.play:2:12: expected an upstream that stands "
		"above, found 'oen'; did you mean 'one'?\n");
	refused(STAGE ASK "option upstream a failures-to-opn 3\n", "x.play:4:19: expected an option, found "
		"'failures-to-opn'; did you mean 'failures-to-open'?\n");
}

static void all_faults_are_told_in_one_run(void **state)
{
	(void)state;
	refused("workers 0\n" STAGE "at soon ask shop.example A\nat 0s ask shop.example NOTYPE\n"
		"at 0s ask shop.example A expect\nat 1s ask a..b A\nat 1s clock of holdfast jumps 3h\n",
		"x.play:1:9: expected a number of workers (1 to 16), found '0'\n"
		"x.play:4:4: expected a duration such as 400ms, 2s or 4h10m, found 'soon'\n"
		"x.play:5:24: expected a record type such as A, MX or TYPE65280, found 'NOTYPE'\n"
		"x.play:6:32: expected something to expect, such as an address or servfail, found the end of "
		"the line\n"
		"x.play:7:11: expected a name such as shop.example or n{0..99}.example, found 'a..b'\n"
		"x.play:8:31: expected a jump such as +3h or -10s, found '3h'\n");
}

static void a_fault_in_zone_text_has_the_line_of_the_file(void **state)
{
	char said[4096];
	struct hf_scenario *s = NULL;
	(void)state;
	static const char text[] = "upstream a zone {\n$ORIGIN example.\nshop A 192.0.2.10\n"
		"bad A 192.0.2\n}\nroute . to a\nat 0s ask shop.exmple\n";
	assert_int_equal(parse(text, said, sizeof said, &s), HF_ESYNTAX);
	assert_memory_equal(said, "x.play:4: ", 10); /* the cause is libzscanner's sentence */
	assert_non_null(strstr(said, "\nx.play:7:22: "));
	assert_int_equal(parse("upstream a answers shop.example A 192.0.2\n", said, sizeof said, &s),
		HF_ESYNTAX);
	assert_memory_equal(said, "x.play:1:20: ", 13);
	refused("upstream a zone /etc/passwd\n", "x.play:1:17: expected a file that lies beside this one, or "
		"below, found '/etc/passwd'\n");
	refused("upstream a zone {\n", "x.play:1:18: expected '}' at the end of the zone, found the end of "
		"the file\n");
}

static void a_scenario_without_route_or_event_is_none(void **state)
{
	(void)state;
	refused("", "x.play:0:1: no route: write 'route . to UPSTREAM...'\n");
	refused(STAGE, "x.play:2:1: nothing happens: write 'at 0s ask NAME TYPE expect ...'\n");
}

static void many_faults_are_counted_and_not_all_shown(void **state)
{
	char text[4096] = "", said[16384];
	struct hf_scenario *s = NULL;
	(void)state;
	for (size_t i = 0; i < 100; i++)
		snprintf(text + 4 * i, sizeof text - 4 * i, "bad\n");
	assert_int_equal(parse(text, said, sizeof said, &s), HF_ESYNTAX);
	size_t lines = 0;
	for (const char *c = said; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, HF_FAULTS_TOLD + 1);
}

/* ---- playing ---- */

static struct hf_play_result play(const char *text, uint64_t seed)
{
	struct hf_play_result result;
	char *told = NULL;
	size_t len = 0;
	FILE *report = open_memstream(&told, &len);
	struct hf_scenario *s = good(text);
	assert_int_equal(hf_play(s, seed, NULL, report, &result), 0);
	fclose(report);
	assert_true(result.good || len > 0);
	free(told);
	hf_scenario_free(s);
	return result;
}

static void what_is_expected_and_comes_is_good(void **state)
{
	struct hf_play_result r = play(STAGE ASK "finally packets to a == 1\n", 1);
	(void)state;
	assert_true(r.good);
	assert_int_equal(r.tally.questions, 1);
	assert_int_equal(r.tally.packets[0], 1);
}

static void what_is_expected_and_does_not_come_is_told_with_its_line(void **state)
{
	struct hf_play_result r = play(STAGE "at 1s ask shop.example A expect 192.0.2.11\n", 1);
	(void)state;
	assert_false(r.good);
	assert_int_equal(r.line, 3);
	assert_non_null(strstr(r.what, "expected  192.0.2.11"));
	assert_non_null(strstr(r.what, "came      noerror 192.0.2.10 ttl 300"));
	r = play(STAGE ASK "finally packets to a == 2\n", 1);
	assert_false(r.good);
	assert_int_equal(r.line, 4);
	assert_non_null(strstr(r.what, "came      1"));
	r = play(STAGE "at 0s ask shop.example A expect nothing\n", 1);
	assert_false(r.good);
}

/* Each row of expectation is able to fail: asked of an answer that is not it. */
static void every_word_of_expectation_can_fail(void **state)
{
	static const char *const wrong[] = { "formerr", "servfail", "nxdomain", "notimp", "refused",
		"nodata", "data 192.0.2.11", "ttl 299", "ttl > 300", "ede 22", "records 2", "bytes < 40",
		"within 1ms", "after 1s", "truncated", "stale", "cached", "from b", "nothing" };
	char text[512];
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		snprintf(text, sizeof text,
			"upstream b silent\n" STAGE "at 0s ask shop.example A expect noerror fresh %s\n", wrong[i]);
		struct hf_play_result r = play(text, 1);
		if (r.good)
			fail_msg("held: %s", wrong[i]);
	}
	assert_false(play(STAGE "at 0s ask none.example A expect noerror\n", 1).good);
	assert_false(play(STAGE "upstream a silent\nat 0s ask shop.example A expect fresh\n", 1).good);
	assert_false(play(STAGE ASK "at 1s ask shop.example A expect fetched\n", 1).good);
}

static void the_same_seed_is_the_same_play(void **state)
{
	static const char text[] = "workers 2\nupstream a answers *.example A 192.0.2.1\n"
		"upstream a loss 5% delay 1ms..9ms\nroute . to a\n"
		"at 0s load 50/s for 5s n{0..9}.example A\n";
	(void)state;
	uint64_t first = play(text, 3).trace;
	assert_true(play(text, 3).trace == first);
	assert_true(play(text, 4).trace != first);
}

/* ---- many servers, and those who ask again ---- */

static void instances_share_upstreams_and_nothing_else(void **state)
{
	static const char text[] = STAGE "at 0s ask shop.example A times 100 expect 192.0.2.10\n"
		"at 10s ask shop.example A times 100 expect 192.0.2.10 cached\n";
	char many[512];
	struct hf_play_result one = play(text, 1);
	(void)state;
	assert_true(one.good);
	assert_int_equal(one.tally.packets[0], 1);
	snprintf(many, sizeof many, "instances 4\n%s", text);
	struct hf_play_result four = play(many, 1);
	assert_true(four.good);
	assert_int_equal(four.tally.packets[0], 4);
	assert_int_equal(four.tally.needed, 4);
}

static void a_stub_asks_again_and_every_message_is_answered(void **state)
{
	struct hf_play_result r = play(STAGE "at 0s upstream a silent for 6s\n"
		"at 0s ask shop.example A as bulk\nfinally lookups == 1  resolved == 0%  questions == 5\n", 1);
	(void)state;
	assert_true(r.good);
	assert_int_equal(r.tally.replies, 5);
	r = play(STAGE "at 0s upstream a servfail for 1s\nat 0s ask shop.example A as go\n", 1);
	assert_int_equal(r.tally.questions, 4); /* each failure is reason to ask at once */
	r = play(STAGE "at 0s ask shop.example A as musl\nfinally resolved == 100%  questions == 2\n", 1);
	assert_true(r.good);
}

static void a_cap_lets_so_much_through_and_no_more(void **state)
{
	static const char stage[] = "upstream a answers *.example A 192.0.2.1\nroute . to a\n"
		"at 0s load 200/s for 2s n{0..99999}.example A\n";
	char text[512];
	struct hf_play_result r = play(stage, 1);
	(void)state;
	assert_true(r.good);
	assert_int_equal(r.tally.rcodes[HF_RCODE_SERVFAIL], 0);
	assert_int_equal(r.tally.packets[0], r.tally.needed);
	snprintf(text, sizeof text, "upstream a cap 20\n%s", stage);
	r = play(text, 1);
	assert_true(r.good);
	assert_true(r.tally.rcodes[HF_RCODE_SERVFAIL] > r.tally.questions / 10);
	assert_true(r.tally.packets[0] > r.tally.needed);
}

static void the_busiest_tenth_of_a_second_is_found(void **state)
{
	struct hf_play_result r = play("upstream a answers *.example A 192.0.2.1\nroute . to a\n"
		"at 0s load 20/s for 2s n{0..99999}.example A\n"
		"at 1s ask m{0..99999}.example A times 70\nfinally busiest to a <= 50\n", 1);
	(void)state;
	assert_false(r.good); /* nothing holds it back yet */
	assert_int_equal(r.law, HF_LAW_FINALLY);
	assert_in_range(r.tally.busiest[0], 70, 76);
	assert_in_range(r.tally.busiest_second[0], 80, 120);
}

static void strangers_ask_from_addresses_of_their_own(void **state)
{
	struct hf_play_result r = play(STAGE "at 0s ask shop.example A times 300 from 10.60.0.0/24 "
		"expect 192.0.2.10\nfinally answered == 100%\n", 1);
	(void)state;
	assert_true(r.good);
	assert_int_equal(r.tally.replies, 300);
}

static void a_flapping_upstream_is_there_half_of_the_time(void **state)
{
	struct hf_play_result r = play("upstream a answers *.example A 192.0.2.1\nupstream a flaps 20s\n"
		"route . to a\nat 5s ask one.example A expect 192.0.2.1\n"
		"at 12s ask two.example A expect servfail\nat 26s ask three.example A expect 192.0.2.1\n", 1);
	(void)state;
	assert_true(r.good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_is_read),
		cmocka_unit_test(many_servers_and_stubs_are_read),
		cmocka_unit_test(certificates_are_read),
		cmocka_unit_test(what_is_expected_of_names_is_read),
		cmocka_unit_test(every_fault_has_its_place_and_the_nearest_word),
		cmocka_unit_test(all_faults_are_told_in_one_run),
		cmocka_unit_test(a_fault_in_zone_text_has_the_line_of_the_file),
		cmocka_unit_test(a_scenario_without_route_or_event_is_none),
		cmocka_unit_test(many_faults_are_counted_and_not_all_shown),
		cmocka_unit_test(what_is_expected_and_comes_is_good),
		cmocka_unit_test(what_is_expected_and_does_not_come_is_told_with_its_line),
		cmocka_unit_test(every_word_of_expectation_can_fail),
		cmocka_unit_test(the_same_seed_is_the_same_play),
		cmocka_unit_test(instances_share_upstreams_and_nothing_else),
		cmocka_unit_test(a_stub_asks_again_and_every_message_is_answered),
		cmocka_unit_test(a_cap_lets_so_much_through_and_no_more),
		cmocka_unit_test(the_busiest_tenth_of_a_second_is_found),
		cmocka_unit_test(strangers_ask_from_addresses_of_their_own),
		cmocka_unit_test(a_flapping_upstream_is_there_half_of_the_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
