/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/update.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "wire/message.h"
#include "zone/order.h"
#include "zone/sample_zone.h"

/* ---- a server that takes updates, as RFC 2136 section 3 says ---- */

struct server {
	struct hf_zone *zone;
	unsigned messages, largest;
	unsigned prerequisites; /* of the last message: records in its section */
	uint16_t prerequisite_class;
	bool soa_was_set; /* in the last message */
};

struct rr {
	struct hf_name owner;
	uint16_t type, class, len;
	uint32_t ttl;
	const uint8_t *rdata;
};

static struct rr read_rr(const uint8_t *m, size_t len, size_t *at)
{
	struct rr r;
	assert_int_equal(hf_name_read(m, len, *at, &r.owner, at), 0);
	assert_true(len - *at >= 10);
	r.type = hf_get_u16(m + *at);
	r.class = hf_get_u16(m + *at + 2);
	r.ttl = hf_get_u32(m + *at + 4);
	r.len = hf_get_u16(m + *at + 8);
	r.rdata = m + *at + 10;
	*at += 10u + r.len;
	assert_true(*at <= len);
	return r;
}

static void no_fault(void *ctx, uint32_t line, const char *why)
{
	(void)ctx, (void)line;
	fail_msg("%s", why);
}

static void apply_rr(struct server *s, struct hf_zone_build *build, const struct rr *r)
{
	const struct hf_zone_record record = {.owner = r->owner,
		.type = r->type,
		.class = HF_CLASS_IN,
		.ttl = r->ttl,
		.rdata = r->rdata,
		.rdata_len = r->len};
	bool soa = r->type == HF_TYPE_SOA;
	s->soa_was_set |= soa;
	if (r->class == HF_CLASS_NONE) {
		assert_false(soa);
		assert_int_equal(r->ttl, 0);
		(void)hf_zone_build_remove(build, &record); /* one that is not there is no fault */
		return;
	}
	assert_int_equal(r->class, HF_CLASS_IN);
	if (soa) {
		struct hf_update_soa old;
		hf_update_soa_of(s->zone, &old);
		const struct hf_zone_record before = {.owner = r->owner,
			.type = HF_TYPE_SOA,
			.class = HF_CLASS_IN,
			.rdata = old.rdata,
			.rdata_len = old.len};
		assert_int_equal(hf_zone_build_remove(build, &before), 0);
	} else {
		(void)hf_zone_build_remove(build, &record); /* the TTL may be another */
	}
	assert_int_equal(hf_zone_build_add(build, &record), 0);
}

static void apply(struct server *s, const uint8_t *m, size_t len)
{
	size_t at = HF_HEADER_LEN;
	struct hf_name zone;
	struct hf_zone_build *build;
	assert_int_equal(hf_message_opcode(m), HF_OPCODE_UPDATE);
	assert_int_equal(hf_name_read(m, len, at, &zone, &at), 0);
	assert_int_equal(hf_get_u16(m + at), HF_TYPE_SOA);
	at += 4;
	s->messages++;
	s->largest = len > s->largest ? (unsigned)len : s->largest;
	s->prerequisites = hf_get_u16(m + 6);
	s->soa_was_set = false;
	for (unsigned i = 0; i < s->prerequisites; i++)
		s->prerequisite_class = read_rr(m, len, &at).class;
	assert_int_equal(hf_zone_build_new(hf_zone_origin(s->zone), NULL, &build), 0);
	assert_int_equal(hf_zone_build_from(build, s->zone), 0);
	for (unsigned i = hf_get_u16(m + 8); i; i--) {
		struct rr r = read_rr(m, len, &at);
		apply_rr(s, build, &r);
	}
	assert_int_equal(at, len);
	hf_zone_unref(s->zone);
	assert_int_equal(hf_zone_build_finish(build, no_fault, NULL, &s->zone), 0);
}

/* Gives the server all that it lacks; returns how many records that were. */
static uint64_t bring(
	struct server *s, struct hf_zone *want, const struct hf_update_manners *manners)
{
	struct hf_update *u;
	struct hf_update_soa soa;
	enum hf_update_step step;
	uint8_t *m;
	size_t len;
	assert_int_equal(hf_update_new(s->zone, want, manners, &u), 0);
	do {
		hf_update_soa_of(s->zone, &soa);
		step = hf_update_next(u, &soa, 7, &m, &len);
		assert_int_not_equal(step, HF_UPDATE_TOO_LARGE);
		if (step == HF_UPDATE_MESSAGE_MADE || step == HF_UPDATE_LAST)
			apply(s, m, len);
	} while (step != HF_UPDATE_LAST && step != HF_UPDATE_NOTHING);
	uint64_t changes = hf_update_changes(u);
	hf_update_free(u);
	return changes;
}

static void assert_same(const struct hf_zone *a, const struct hf_zone *b)
{
	struct hf_zone_walk x = hf_zone_walk(a), y = hf_zone_walk(b);
	struct hf_zone_set s, t;
	while (hf_zone_next(&x, &s)) {
		assert_true(hf_zone_next(&y, &t));
		assert_int_equal(hf_order_sets(&s, &t), 0);
		if (s.type != HF_TYPE_SOA)
			assert_true(hf_same_records(&s, &t));
	}
	assert_false(hf_zone_next(&y, &t));
}

static const struct hf_update_manners ours = {.apex_theirs = false};

/* From one text to another, and all that should hold of it. */
static struct server go(const char *from, const char *to, const struct hf_update_manners *manners)
{
	struct server s = {.zone = hf_sample_zone("example", from)};
	struct hf_zone *want = hf_sample_zone("example", to);
	bring(&s, want, manners);
	if (!manners->apex_theirs)
		assert_same(s.zone, want);
	struct server again = {.zone = hf_zone_ref(s.zone)};
	assert_int_equal(bring(&again, want, manners), 0);
	assert_int_equal(again.messages, 0);
	hf_zone_unref(again.zone);
	hf_zone_unref(want);
	return s;
}

#define APEX(serial) "@ 3600 SOA ns.example. admin.example. " serial " 7200 600 86400 60\n"
#define NS "@ 3600 NS ns.example.\n"

static void one_message_carries_a_small_difference(void **state)
{
	struct server s = go(APEX("1") NS "a A 192.0.2.1\nb A 192.0.2.2\nb A 192.0.2.3\n",
		APEX("2") NS "b A 192.0.2.3\nc TXT \"x\"\nb AAAA 2001:db8::1\n", &ours);
	(void)state;
	assert_int_equal(s.messages, 1);
	assert_int_equal(s.prerequisites, 1);
	assert_int_equal(s.prerequisite_class, HF_CLASS_IN);
	assert_int_equal(hf_zone_soa(s.zone)->serial, 2);
	hf_zone_unref(s.zone);
}

static void nothing_is_said_to_one_that_has_all_of_it(void **state)
{
	(void)state;
	struct server s = go(APEX("2") NS "a A 192.0.2.1\n", APEX("2") NS "a A 192.0.2.1\n", &ours);
	assert_int_equal(s.messages, 0);
	hf_zone_unref(s.zone);
	/* Its serial is ahead: its own counting, no difference. */
	s = go(APEX("9") NS "a A 192.0.2.1\n", APEX("2") NS "a A 192.0.2.1\n", &ours);
	assert_int_equal(s.messages, 0);
	hf_zone_unref(s.zone);
}

static void a_serial_that_it_would_not_take_is_made_one_that_it_does(void **state)
{
	(void)state;
	struct server s = go(APEX("9") NS "a A 192.0.2.1\n", APEX("2") NS "a A 192.0.2.2\n", &ours);
	assert_int_equal(hf_zone_soa(s.zone)->serial, 10);
	hf_zone_unref(s.zone);
}

static void an_alias_takes_the_place_of_addresses_and_back(void **state)
{
	(void)state;
	struct server s =
		go(APEX("1") NS "a A 192.0.2.1\na MX 1 b\n", APEX("2") NS "a CNAME b\n", &ours);
	hf_zone_unref(s.zone);
	s = go(APEX("1") NS "a CNAME b\n", APEX("2") NS "a A 192.0.2.1\na TXT x\n", &ours);
	hf_zone_unref(s.zone);
}

static void name_servers_are_added_before_the_last_is_taken_away(void **state)
{
	(void)state;
	struct hf_zone *have = hf_sample_zone("example", APEX("1") "@ NS a.test.\n");
	struct hf_zone *want = hf_sample_zone("example", APEX("2") "@ NS b.test.\n");
	struct hf_update *u;
	struct hf_update_soa soa;
	uint8_t *m;
	size_t len, at = HF_HEADER_LEN;
	hf_update_soa_of(have, &soa);
	assert_int_equal(hf_update_new(have, want, &ours, &u), 0);
	assert_int_equal(hf_update_next(u, &soa, 7, &m, &len), HF_UPDATE_LAST);
	at += 9 + 4;
	(void)read_rr(m, len, &at);
	struct rr first = read_rr(m, len, &at), second = read_rr(m, len, &at);
	assert_int_equal(first.class, HF_CLASS_IN);
	assert_int_equal(first.type, HF_TYPE_NS);
	assert_int_equal(second.class, HF_CLASS_NONE);
	hf_update_free(u);
	hf_zone_unref(have);
	hf_zone_unref(want);
}

static void a_ttl_that_changes_is_said_of_each_record(void **state)
{
	(void)state;
	struct server s = go(APEX("1") NS "a 60 A 192.0.2.1\na 60 A 192.0.2.2\n",
		APEX("2") NS "a 90 A 192.0.2.1\na 90 A 192.0.2.2\n", &ours);
	hf_zone_unref(s.zone);
}

static void the_case_of_letters_in_data_is_no_difference(void **state)
{
	(void)state;
	struct server s = {.zone = hf_sample_zone("example", APEX("2") NS "a CNAME B.Test.\n")};
	struct hf_zone *want = hf_sample_zone("example", APEX("2") NS "a CNAME b.test.\n");
	assert_int_equal(bring(&s, want, &ours), 0);
	assert_int_equal(s.messages, 0);
	hf_zone_unref(s.zone);
	hf_zone_unref(want);
}

static void with_an_apex_of_its_own_only_that_stays(void **state)
{
	const struct hf_update_manners theirs = {.apex_theirs = true};
	(void)state;
	struct server s = go(APEX("7") "@ NS their.test.\n@ A 192.0.2.9\n",
		APEX("2") NS "@ A 192.0.2.1\nsub NS ns.sub\nns.sub A 192.0.2.2\n", &theirs);
	struct hf_zone *wanted = hf_sample_zone("example",
		APEX("7") "@ NS their.test.\n@ A 192.0.2.1\nsub NS ns.sub\nns.sub A 192.0.2.2\n");
	assert_same(s.zone, wanted);
	assert_int_equal(hf_zone_soa(s.zone)->serial, 7);
	hf_zone_unref(wanted);
	hf_zone_unref(s.zone);
}

static void what_a_server_signs_is_left_alone(void **state)
{
	static const char records[] =
		"@ DNSKEY 257 3 13 "
		"mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+"
		"KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==\n"
		"@ NSEC3PARAM 1 0 0 -\n@ TYPE65534 \\# 5 0d00010000\n@ CDS 1 13 2 "
		"4C3F1D9B6E2A7C805D1F3B6A9E8C7D2B4A5F6E7D8C9B0A1F2E3D4C5B6A7F8E9D\n";
	char from[1000];
	(void)state;
	snprintf(from, sizeof from, "%s%s%s", APEX("1"), NS "a A 192.0.2.1\n", records);
	struct server s = {.zone = hf_sample_zone("example", from)};
	struct hf_zone *want = hf_sample_zone("example", APEX("2") NS "a A 192.0.2.2\n");
	assert_int_equal(bring(&s, want, &ours), 2);
	assert_int_equal(hf_zone_records(s.zone), hf_zone_records(want) + 4);
	hf_zone_unref(s.zone);
	hf_zone_unref(want);
}

static void unguarded_messages_want_a_zone_and_no_more(void **state)
{
	const struct hf_update_manners unguarded = {.unguarded = true};
	(void)state;
	struct server s = go(APEX("1") NS, APEX("2") NS "a A 192.0.2.1\n", &unguarded);
	assert_int_equal(s.prerequisites, 1);
	assert_int_equal(s.prerequisite_class, HF_CLASS_ANY);
	hf_zone_unref(s.zone);
}

/* ---- large ones ---- */

static char *many(unsigned serial, unsigned from, unsigned to, unsigned per_name)
{
	size_t size = 200 + (size_t)(to - from) * per_name * 40, len;
	char *text = malloc(size);
	assert_non_null(text);
	len = (size_t)snprintf(text, size,
		"@ 3600 SOA ns.example. admin.example. %u 7200 600 86400 60\n" NS, serial);
	for (unsigned i = from; i < to; i++)
		for (unsigned k = 0; k < per_name; k++)
			len += (size_t)snprintf(text + len, size - len, "h%u A 10.%u.%u.%u\n", i,
				k >> 8 & 255, k & 255, i & 255);
	return text;
}

static void a_large_difference_is_cut_between_names(void **state)
{
	char *from = many(1, 0, 3000, 1), *to = many(9, 2000, 9000, 1);
	(void)state;
	struct server s = go(from, to, &ours);
	assert_in_range(s.messages, 3, 12);
	assert_true(s.largest <= HF_UPDATE_MESSAGE);
	assert_true(s.soa_was_set);
	assert_int_equal(hf_zone_soa(s.zone)->serial, 9);
	hf_zone_unref(s.zone);
	free(from);
	free(to);
}

static void small_messages_are_made_where_they_are_wanted(void **state)
{
	const struct hf_update_manners small = {.most = HF_UPDATE_LEAST};
	char *from = many(1, 0, 10, 1), *to = many(2, 0, 2000, 1);
	(void)state;
	struct server s = go(from, to, &small);
	assert_true(s.messages > 10);
	assert_true(s.largest <= HF_UPDATE_LEAST);
	hf_zone_unref(s.zone);
	free(from);
	free(to);
}

static void a_name_that_fits_into_no_message_is_cut_within(void **state)
{
	char *from = many(1, 0, 1, 9000), *to = many(2, 1, 2, 9000);
	(void)state;
	struct server s = go(from, to, &ours);
	assert_true(s.messages >= 4);
	assert_true(s.largest <= HF_UPDATE_MESSAGE);
	hf_zone_unref(s.zone);
	free(from);
	free(to);
}

#define LARGEST 60000

/* All but every third are gone, and others are there: one pass over either, or it takes for ever. */
static void sixty_thousand_records_of_a_name_are_compared_in_one_pass(void **state)
{
	size_t size = 200 + 32 * LARGEST, from_len, to_len;
	char *from = malloc(size), *to = malloc(size);
	(void)state;
	assert_true(from && to);
	from_len = (size_t)snprintf(from, size, APEX("1") NS);
	to_len = (size_t)snprintf(to, size, APEX("2") NS);
	for (unsigned i = 0; i < LARGEST; i++) {
		from_len += (size_t)snprintf(from + from_len, size - from_len,
			"h A 10.0.%u.%u\n", i >> 8 & 255, i & 255);
		to_len += (size_t)snprintf(to + to_len, size - to_len, "h A 10.%u.%u.%u\n",
			i % 3 != 0, i >> 8 & 255, i & 255);
	}
	struct server s = go(from, to, &ours);
	assert_in_range(s.messages, 20, 40);
	hf_zone_unref(s.zone);
	free(from);
	free(to);
}

static void sixty_thousand_types_of_a_name_are_compared_in_one_pass(void **state)
{
	size_t size = 200 + 32 * LARGEST, from_len, to_len;
	char *from = malloc(size), *to = malloc(size);
	(void)state;
	assert_true(from && to);
	from_len = (size_t)snprintf(from, size, APEX("1") NS);
	to_len = (size_t)snprintf(to, size, APEX("2") NS);
	for (unsigned i = 1000; i < LARGEST; i++) {
		from_len += (size_t)snprintf(
			from + from_len, size - from_len, "h TYPE%u \\# 1 00\n", i);
		to_len += (size_t)snprintf(to + to_len, size - to_len, "h TYPE%u \\# 1 %02u\n", i,
			i % 3 != 0);
	}
	struct server s = go(from, to, &ours);
	assert_in_range(s.messages, 15, 40);
	hf_zone_unref(s.zone);
	free(from);
	free(to);
}

static void a_walk_lets_others_have_their_turn(void **state)
{
	char *from = many(1, 0, HF_UPDATE_SLICE * 2, 1);
	struct hf_zone *have = hf_sample_zone("example", from);
	struct hf_update *u;
	struct hf_update_soa soa;
	uint8_t *m;
	size_t len;
	unsigned later = 0;
	(void)state;
	hf_update_soa_of(have, &soa);
	assert_int_equal(hf_update_new(have, have, &ours, &u), 0);
	while (hf_update_next(u, &soa, 7, &m, &len) == HF_UPDATE_LATER)
		later++;
	assert_int_equal(later, 2);
	hf_update_free(u);
	hf_zone_unref(have);
	free(from);
}

/* A linear congruence, whose upper bits are good enough to draw zones with. */
static unsigned next_draw(unsigned *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 12;
}

/* Zones of a few names, types and values, drawn: whatever they are, one leads to the other,
 * in messages of any size, and each message may come twice. */
static char *drawn(unsigned *seed, unsigned serial)
{
	static const char *const data[] = {"A 192.0.2.1", "A 192.0.2.2", "TXT x", "TXT y",
		"AAAA ::1", "MX 1 Mail.test.", "MX 2 mail.test.", "SRV 1 2 3 h.test.",
		"LOC 1 N 1 W 1m"};
	char *text = malloc(8000);
	assert_non_null(text);
	int len = snprintf(
		text, 8000, "@ 3600 SOA ns.example. admin.example. %u 7200 600 86400 60\n", serial);
	for (unsigned i = 0; i < 3; i++)
		if (!i || next_draw(seed) % 2)
			len += snprintf(text + len, 8000 - (size_t)len, "@ NS ns%u.test.\n",
				i ? i : serial);
	for (unsigned name = 0; name < 30; name++) {
		unsigned ttl = 60 + 30 * (unsigned)(next_draw(seed) % 2);
		if (next_draw(seed) % 5 == 0) {
			len += snprintf(text + len, 8000 - (size_t)len, "n%u %u CNAME a%d\n", name,
				ttl, next_draw(seed) % 2);
			continue;
		}
		for (unsigned d = 0; d < sizeof data / sizeof data[0]; d++)
			if (next_draw(seed) % 3 == 0)
				len += snprintf(text + len, 8000 - (size_t)len, "n%u.s %u %s\n",
					name, ttl, data[d]);
	}
	return text;
}

static void any_zone_leads_to_any_other(void **state)
{
	unsigned seed = 4711;
	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		const struct hf_update_manners manners = {.most = round % 2 ? 1200 : 0};
		char *from = drawn(&seed, 1), *to = drawn(&seed, 2);
		struct server s = go(from, to, &manners);
		hf_zone_unref(s.zone);
		free(from);
		free(to);
	}
}

/* ---- replies ---- */

static void an_soa_answer_is_read_and_others_are_not(void **state)
{
	struct hf_zone *zone = hf_sample_zone("example", APEX("77") NS);
	const struct hf_name *origin = hf_zone_origin(zone);
	uint8_t m[HF_UPDATE_ASK_MAX + 200];
	struct hf_update_soa soa, got;
	(void)state;
	hf_update_soa_of(zone, &soa);
	size_t len = hf_update_ask(origin, 9, m);
	struct hf_writer w = hf_writer(m, sizeof m);
	w.len = len;
	hf_write_u16(&w, 0xc000 | HF_HEADER_LEN);
	hf_write_u16(&w, HF_TYPE_SOA);
	hf_write_u16(&w, HF_CLASS_IN);
	hf_write_u32(&w, 60);
	hf_write_u16(&w, soa.len);
	hf_write(&w, soa.rdata, soa.len);
	assert_string_equal(hf_update_read_soa(origin, 9, m, len, &got),
		"an answer that does not fit the question for its SOA record");
	m[2] = HF_FLAG_QR >> 8;
	m[7] = 1;
	assert_string_equal(
		hf_update_read_soa(origin, 9, m, w.len, &got), "it has no authority for the zone");
	m[2] |= HF_FLAG_AA >> 8;
	assert_null(hf_update_read_soa(origin, 9, m, w.len, &got));
	assert_int_equal(got.len, soa.len);
	assert_memory_equal(got.rdata, soa.rdata, soa.len);
	assert_int_equal(hf_update_soa_serial(&got), 77);
	assert_non_null(hf_update_read_soa(origin, 8, m, w.len, &got));
	m[len + 3] = HF_TYPE_NS;
	assert_non_null(hf_update_read_soa(origin, 9, m, w.len, &got));
	m[3] = HF_RCODE_REFUSED;
	assert_string_equal(hf_update_read_soa(origin, 9, m, w.len, &got), "REFUSED");
	hf_zone_unref(zone);
}

static void a_reply_is_one_to_an_update_of_ours(void **state)
{
	uint8_t m[HF_HEADER_LEN] = {0, 5, 0x80 | HF_OPCODE_UPDATE << 3, 8};
	(void)state;
	assert_int_equal(hf_update_reply(5, m, sizeof m), 8);
	assert_int_equal(hf_update_reply(6, m, sizeof m), -1);
	assert_int_equal(hf_update_reply(5, m, sizeof m - 1), -1);
	m[2] = HF_OPCODE_UPDATE << 3;
	assert_int_equal(hf_update_reply(5, m, sizeof m), -1);
	assert_string_equal(hf_update_rcode_text(8), "NXRRSET");
	assert_string_equal(hf_update_rcode_text(15), "an RCODE that is not known");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_message_carries_a_small_difference),
		cmocka_unit_test(nothing_is_said_to_one_that_has_all_of_it),
		cmocka_unit_test(a_serial_that_it_would_not_take_is_made_one_that_it_does),
		cmocka_unit_test(an_alias_takes_the_place_of_addresses_and_back),
		cmocka_unit_test(name_servers_are_added_before_the_last_is_taken_away),
		cmocka_unit_test(a_ttl_that_changes_is_said_of_each_record),
		cmocka_unit_test(the_case_of_letters_in_data_is_no_difference),
		cmocka_unit_test(with_an_apex_of_its_own_only_that_stays),
		cmocka_unit_test(what_a_server_signs_is_left_alone),
		cmocka_unit_test(unguarded_messages_want_a_zone_and_no_more),
		cmocka_unit_test(a_large_difference_is_cut_between_names),
		cmocka_unit_test(small_messages_are_made_where_they_are_wanted),
		cmocka_unit_test(a_name_that_fits_into_no_message_is_cut_within),
		cmocka_unit_test(sixty_thousand_records_of_a_name_are_compared_in_one_pass),
		cmocka_unit_test(sixty_thousand_types_of_a_name_are_compared_in_one_pass),
		cmocka_unit_test(a_walk_lets_others_have_their_turn),
		cmocka_unit_test(any_zone_leads_to_any_other),
		cmocka_unit_test(an_soa_answer_is_read_and_others_are_not),
		cmocka_unit_test(a_reply_is_one_to_an_update_of_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
