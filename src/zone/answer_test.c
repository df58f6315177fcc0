/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "zone/sample_zone.h"

/* ---- what an answer says, as text ---- */

struct said {
	enum hf_zone_said how;
	struct hf_name target;
	struct hf_message_view view;
	uint8_t wire[HF_MESSAGE_MAX];
	uint16_t ttl_at[HF_RECORDS_MAX];
	struct hf_kept kept;
	char text[8192];
	size_t len;
};

static struct said said;

static void put(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void put(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	said.len +=
		(size_t)vsnprintf(said.text + said.len, sizeof said.text - said.len, format, args);
	va_end(args);
	assert_true(said.len < sizeof said.text);
}

static const char *type_text(uint16_t type)
{
	static const struct {
		uint16_t type;
		const char *text;
	} types[] = {
		{HF_TYPE_A, "A"},
		{HF_TYPE_NS, "NS"},
		{HF_TYPE_CNAME, "CNAME"},
		{HF_TYPE_SOA, "SOA"},
		{HF_TYPE_MX, "MX"},
		{HF_TYPE_TXT, "TXT"},
		{HF_TYPE_AAAA, "AAAA"},
		{HF_TYPE_SRV, "SRV"},
		{HF_TYPE_DNAME, "DNAME"},
		{HF_TYPE_DS, "DS"},
		{HF_TYPE_RRSIG, "RRSIG"},
		{HF_TYPE_NSEC, "NSEC"},
		{HF_TYPE_DNSKEY, "DNSKEY"},
		{HF_TYPE_NSEC3, "NSEC3"},
		{HF_TYPE_NSEC3PARAM, "NSEC3PARAM"},
	};
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (types[i].type == type)
			return types[i].text;
	return "?";
}

static void put_data(const struct hf_record *record)
{
	char text[HF_NAME_TEXT_MAX];
	struct hf_name name;
	size_t next, before = record->type == HF_TYPE_MX ? 2 : 0;
	const uint8_t *rdata = said.wire + record->rdata_at;
	switch (record->type) {
	case HF_TYPE_A: put(" %u.%u.%u.%u", rdata[0], rdata[1], rdata[2], rdata[3]); break;
	case HF_TYPE_RRSIG: put(" %s", type_text(hf_get_u16(rdata))); break;
	case HF_TYPE_NS:
	case HF_TYPE_CNAME:
	case HF_TYPE_DNAME:
	case HF_TYPE_MX:
		assert_int_equal(hf_name_read(said.wire, record->end, record->rdata_at + before,
					 &name, &next),
			0);
		put(" %s", hf_name_text(name.bytes, text));
		break;
	default: break;
	}
}

static void put_records(char section, size_t at, size_t end)
{
	char owner[HF_NAME_TEXT_MAX];
	struct hf_record record;
	struct hf_name name;
	size_t next;
	for (; at < end; at = record.end) {
		assert_int_equal(hf_record_read(said.wire, end, at, &record), 0);
		assert_int_equal(hf_name_read(said.wire, end, at, &name, &next), 0);
		put("%c %s %s", section, hf_name_text(name.bytes, owner), type_text(record.type));
		put_data(&record);
		put("\n");
	}
}

static void read_back(void)
{
	const struct hf_kept *kept = &said.kept;
	assert_int_equal(hf_message_read(said.wire, kept->len, &said.view), 0);
	assert_int_equal(said.view.answer_end, kept->answer_end);
	assert_int_equal(said.view.authority_end, kept->authority_end);
	assert_int_equal(said.view.end, kept->len);
	assert_int_equal(said.view.ttl_min, kept->ttl);
	unsigned records = said.view.answers + said.view.authorities + said.view.additionals;
	assert_int_equal(records, kept->ttl_count);
	said.len = 0;
	put("%u%s%s\n", said.view.rcode, said.view.flags & HF_FLAG_AA ? " aa" : "",
		said.view.flags & HF_FLAG_TC ? " tc" : "");
	put_records('=', said.view.question_end, said.view.answer_end);
	put_records('-', said.view.answer_end, said.view.authority_end);
	put_records('+', said.view.authority_end, said.view.end);
}

enum { DO = 1, ALL = 2 };

static void ask(const struct hf_zone *zone, const char *name, uint16_t type, unsigned how)
{
	struct hf_question question = {.type = type, .class = HF_CLASS_IN};
	const struct hf_zone_ask a = {&question, how & DO, how & ALL};
	assert_int_equal(hf_name_from_text(name, strlen(name), &question.name), 0);
	said.kept = (struct hf_kept){.wire = said.wire, .ttl_at = said.ttl_at};
	said.target.len = 0;
	said.how = hf_zone_answer(zone, &a, &said.kept, &said.target);
	read_back();
}

#define SAYS(zone, name, type, how, expected)                                                      \
	do {                                                                                       \
		ask(zone, name, type, how);                                                        \
		assert_string_equal(said.text, expected);                                          \
	} while (0)

/* ---- plain answers ---- */

static struct hf_zone *plain;

static const char plain_text[] = HF_SAMPLE_APEX
	"ns A 192.0.2.53\n"
	"www A 192.0.2.1\n"
	"www A 192.0.2.2\n"
	"Mixed MX 10 Mail.example.\n"
	"mixed MX 20 mail.example.\n"
	"mixed MX 30 mail.elsewhere.test.\n"
	"mail A 192.0.2.25\n"
	"mail AAAA 2001:db8::25\n"
	"_s._tcp SRV 0 0 53 mail\n"
	"a.deep.empty TXT \"x\"\n"
	"alias CNAME www\n"
	"two CNAME alias\n"
	"out CNAME www.elsewhere.test.\n"
	"nowhere CNAME nothing\n"
	"loop CNAME pool\n"
	"pool CNAME loop\n"
	"intocut CNAME a.sub\n"
	"*.wild A 192.0.2.99\n"
	"*.wild TXT \"w\"\n"
	"there.wild A 192.0.2.98\n"
	"*.walias CNAME www\n"
	"x.*.hole A 192.0.2.7\n"
	"tree DNAME wood.example.\n"
	"a.wood A 192.0.2.31\n"
	"far DNAME elsewhere.test.\n"
	"sub NS ns.sub\n"
	"sub NS ns.other\n"
	"sub NS ns\n"
	"sub NS ns.elsewhere.test.\n"
	"sub DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000\n"
	"ns.sub A 192.0.2.54\n"
	"*.sub A 192.0.2.66\n"
	"a.b.sub A 192.0.2.67\n"
	"other NS ns.other\n"
	"ns.other AAAA 2001:db8::55\n";

#define NEGATIVE "- example SOA\n"

static void a_set_is_given_with_authority_and_nothing_else(void **state)
{
	(void)state;
	SAYS(plain, "www.example", HF_TYPE_A, 0,
		"0 aa\n= www.example A 192.0.2.1\n= www.example A 192.0.2.2\n");
	assert_int_equal(said.how, HF_ZONE_SAID);
	assert_int_equal(said.kept.ttl, 300);
	SAYS(plain, "example", HF_TYPE_NS, 0, "0 aa\n= example NS ns.example\n");
	SAYS(plain, "example", HF_TYPE_SOA, 0, "0 aa\n= example SOA\n");
}

static void what_does_not_exist_is_denied_with_the_soa(void **state)
{
	(void)state;
	SAYS(plain, "nothing.example", HF_TYPE_A, 0, "3 aa\n" NEGATIVE);
	assert_int_equal(said.kept.ttl, 60); /* MINIMUM, not the SOA's own 3600 */
	SAYS(plain, "a.nothing.example", HF_TYPE_A, 0, "3 aa\n" NEGATIVE);
	SAYS(plain, "x.www.example", HF_TYPE_A, 0, "3 aa\n" NEGATIVE);
	SAYS(plain, "www.example", HF_TYPE_TXT, 0, "0 aa\n" NEGATIVE);
	SAYS(plain, "example", HF_TYPE_DS, 0, "0 aa\n" NEGATIVE);
}

static void an_empty_non_terminal_exists(void **state)
{
	(void)state;
	SAYS(plain, "empty.example", HF_TYPE_A, 0, "0 aa\n" NEGATIVE);
	SAYS(plain, "deep.empty.example", HF_TYPE_ANY, 0, "0 aa\n" NEGATIVE);
	SAYS(plain, "b.deep.empty.example", HF_TYPE_A, 0, "3 aa\n" NEGATIVE);
}

static void a_name_deeper_than_the_zone_is_denied(void **state)
{
	char name[HF_NAME_MAX + 8] = "";
	(void)state;
	for (unsigned i = 0; i < 120; i++)
		memcpy(name + 2 * i, "a.", 2);
	memcpy(name + 240, "example", 8);
	SAYS(plain, name, HF_TYPE_A, 0, "3 aa\n" NEGATIVE);
}

static void targets_of_mx_and_srv_come_with_their_addresses_once(void **state)
{
	(void)state;
	SAYS(plain, "mixed.example", HF_TYPE_MX, 0,
		"0 aa\n= mixed.example MX Mail.example\n= mixed.example MX mail.example\n"
		"= mixed.example MX mail.elsewhere.test\n"
		"+ mail.example A 192.0.2.25\n+ mail.example AAAA\n");
	SAYS(plain, "_s._tcp.example", HF_TYPE_SRV, 0,
		"0 aa\n= _s._tcp.example SRV\n+ mail.example A 192.0.2.25\n+ mail.example AAAA\n");
}

/* ---- aliases ---- */

static void an_alias_is_followed_within_the_zone(void **state)
{
	(void)state;
	SAYS(plain, "two.example", HF_TYPE_A, 0,
		"0 aa\n= two.example CNAME alias.example\n= alias.example CNAME www.example\n"
		"= www.example A 192.0.2.1\n= www.example A 192.0.2.2\n");
	SAYS(plain, "alias.example", HF_TYPE_CNAME, 0, "0 aa\n= alias.example CNAME www.example\n");
	SAYS(plain, "alias.example", HF_TYPE_ANY, 0, "0 aa\n= alias.example CNAME www.example\n");
	SAYS(plain, "alias.example", HF_TYPE_TXT, 0,
		"0 aa\n= alias.example CNAME www.example\n" NEGATIVE);
	SAYS(plain, "nowhere.example", HF_TYPE_A, 0,
		"3 aa\n= nowhere.example CNAME nothing.example\n" NEGATIVE);
}

static void an_alias_that_leads_out_names_its_target(void **state)
{
	char text[HF_NAME_TEXT_MAX];
	(void)state;
	SAYS(plain, "out.example", HF_TYPE_A, 0, "0 aa\n= out.example CNAME www.elsewhere.test\n");
	assert_int_equal(said.how, HF_ZONE_LED_OUT);
	assert_string_equal(hf_name_text(said.target.bytes, text), "www.elsewhere.test");
}

static void a_loop_of_aliases_ends(void **state)
{
	(void)state;
	SAYS(plain, "loop.example", HF_TYPE_A, 0,
		"0 aa\n= loop.example CNAME pool.example\n= pool.example CNAME loop.example\n");
	assert_int_equal(said.how, HF_ZONE_SAID);
}

static void a_dname_leads_what_is_below_it_elsewhere(void **state)
{
	char text[HF_NAME_TEXT_MAX];
	(void)state;
	SAYS(plain, "a.tree.example", HF_TYPE_A, 0,
		"0 aa\n= tree.example DNAME wood.example\n= a.tree.example CNAME a.wood.example\n"
		"= a.wood.example A 192.0.2.31\n");
	SAYS(plain, "tree.example", HF_TYPE_DNAME, 0, "0 aa\n= tree.example DNAME wood.example\n");
	SAYS(plain, "tree.example", HF_TYPE_A, 0, "0 aa\n" NEGATIVE);
	SAYS(plain, "x.far.example", HF_TYPE_A, 0,
		"0 aa\n= far.example DNAME elsewhere.test\n= x.far.example CNAME "
		"x.elsewhere.test\n");
	assert_int_equal(said.how, HF_ZONE_LED_OUT);
	assert_string_equal(hf_name_text(said.target.bytes, text), "x.elsewhere.test");
}

static void a_name_that_a_dname_makes_too_long_is_yxdomain(void **state)
{
	char name[HF_NAME_MAX + 8] = "";
	(void)state;
	for (unsigned i = 0; i < 121; i++)
		memcpy(name + 2 * i, "a.", 2);
	memcpy(name + 242, "far.example", 12);
	SAYS(plain, name, HF_TYPE_A, 0, "6 aa\n= far.example DNAME elsewhere.test\n");
	assert_int_equal(said.how, HF_ZONE_SAID);
}

/* ---- wildcards: RFC 4592 ---- */

static void a_wildcard_answers_for_what_does_not_exist(void **state)
{
	(void)state;
	SAYS(plain, "x.wild.example", HF_TYPE_A, 0, "0 aa\n= x.wild.example A 192.0.2.99\n");
	SAYS(plain, "x.y.wild.example", HF_TYPE_A, 0, "0 aa\n= x.y.wild.example A 192.0.2.99\n");
	SAYS(plain, "x.wild.example", HF_TYPE_MX, 0, "0 aa\n" NEGATIVE);
	SAYS(plain, "*.wild.example", HF_TYPE_A, 0, "0 aa\n= *.wild.example A 192.0.2.99\n");
	SAYS(plain, "x.walias.example", HF_TYPE_A, 0,
		"0 aa\n= x.walias.example CNAME www.example\n= www.example A 192.0.2.1\n"
		"= www.example A 192.0.2.2\n");
}

static void a_wildcard_stands_back_for_what_exists(void **state)
{
	(void)state;
	SAYS(plain, "there.wild.example", HF_TYPE_TXT, 0, "0 aa\n" NEGATIVE);
	SAYS(plain, "x.there.wild.example", HF_TYPE_A, 0, "3 aa\n" NEGATIVE);
	SAYS(plain, "wild.example", HF_TYPE_A, 0, "0 aa\n" NEGATIVE);
	SAYS(plain, "x.*.wild.example", HF_TYPE_A, 0, "3 aa\n" NEGATIVE);
}

static void a_wildcard_may_be_an_empty_non_terminal(void **state)
{
	(void)state;
	SAYS(plain, "y.hole.example", HF_TYPE_A, 0, "0 aa\n" NEGATIVE);
	SAYS(plain, "x.*.hole.example", HF_TYPE_A, 0, "0 aa\n= x.*.hole.example A 192.0.2.7\n");
}

/* ---- delegations ---- */

#define REFERRAL                                                                                   \
	"- sub.example NS ns.sub.example\n- sub.example NS ns.other.example\n"                     \
	"- sub.example NS ns.example\n- sub.example NS ns.elsewhere.test\n"
#define GLUE "+ ns.sub.example A 192.0.2.54\n+ ns.other.example AAAA\n+ ns.example A 192.0.2.53\n"

static void what_is_below_a_delegation_is_referred(void **state)
{
	(void)state;
	SAYS(plain, "www.sub.example", HF_TYPE_A, 0, "0\n" REFERRAL GLUE);
	assert_int_equal(said.how, HF_ZONE_REFERRED);
	SAYS(plain, "sub.example", HF_TYPE_A, 0, "0\n" REFERRAL GLUE);
	SAYS(plain, "sub.example", HF_TYPE_NS, 0, "0\n" REFERRAL GLUE);
	/* Glue is no answer, nor is what hides behind a delegation, wildcards included. */
	SAYS(plain, "ns.sub.example", HF_TYPE_A, 0, "0\n" REFERRAL GLUE);
	SAYS(plain, "a.b.sub.example", HF_TYPE_A, 0, "0\n" REFERRAL GLUE);
	SAYS(plain, "c.b.sub.example", HF_TYPE_A, 0, "0\n" REFERRAL GLUE);
}

static void ds_at_a_delegation_is_the_parents_to_give(void **state)
{
	(void)state;
	SAYS(plain, "sub.example", HF_TYPE_DS, 0, "0 aa\n= sub.example DS\n");
	SAYS(plain, "other.example", HF_TYPE_DS, 0, "0 aa\n" NEGATIVE);
	SAYS(plain, "x.sub.example", HF_TYPE_DS, 0, "0\n" REFERRAL GLUE);
}

static void an_alias_into_a_delegation_keeps_its_authority(void **state)
{
	(void)state;
	SAYS(plain, "intocut.example", HF_TYPE_A, 0,
		"0 aa\n= intocut.example CNAME a.sub.example\n" REFERRAL GLUE);
	assert_int_equal(said.how, HF_ZONE_REFERRED);
}

/* ---- ANY, and what is long ---- */

static void any_gets_one_set_or_all(void **state)
{
	(void)state;
	SAYS(plain, "mail.example", HF_TYPE_ANY, 0, "0 aa\n= mail.example A 192.0.2.25\n");
	SAYS(plain, "mail.example", HF_TYPE_ANY, ALL,
		"0 aa\n= mail.example A 192.0.2.25\n= mail.example AAAA\n");
	SAYS(plain, "x.wild.example", HF_TYPE_ANY, ALL,
		"0 aa\n= x.wild.example A 192.0.2.99\n= x.wild.example TXT\n");
}

static void what_does_not_fit_a_message_is_cut(void **state)
{
	static char text[2 << 20];
	size_t len = (size_t)snprintf(text, sizeof text, "%s", HF_SAMPLE_APEX);
	(void)state;
	for (unsigned i = 0; i < 400; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "big TXT \"%0200u\"\n", i);
	for (unsigned i = 0; i < 7000; i++)
		len += (size_t)snprintf(
			text + len, sizeof text - len, "many A 10.0.%u.%u\n", i / 256, i % 256);
	struct hf_zone *zone = hf_sample_zone("example", text);
	struct hf_question question = {.type = HF_TYPE_TXT, .class = HF_CLASS_IN};
	assert_int_equal(hf_name_from_text("big.example", 11, &question.name), 0);
	said.kept = (struct hf_kept){.wire = said.wire, .ttl_at = said.ttl_at};
	hf_zone_answer(
		zone, &(struct hf_zone_ask){.question = &question}, &said.kept, &said.target);
	assert_int_equal(hf_message_read(said.wire, said.kept.len, &said.view), 0);
	assert_true(said.view.flags & HF_FLAG_TC);
	assert_in_range(said.kept.len, HF_MESSAGE_MAX - 213, HF_MESSAGE_MAX);
	question.type = HF_TYPE_A;
	assert_int_equal(hf_name_from_text("many.example", 12, &question.name), 0);
	hf_zone_answer(
		zone, &(struct hf_zone_ask){.question = &question}, &said.kept, &said.target);
	assert_int_equal(hf_message_read(said.wire, said.kept.len, &said.view), 0);
	assert_true(said.view.flags & HF_FLAG_TC);
	assert_true(said.view.answers > 4000 && said.view.answers <= HF_RECORDS_MAX);
	hf_zone_unref(zone);
}

static void the_root_is_a_zone_too(void **state)
{
	struct hf_zone *zone =
		hf_sample_zone(".", ". SOA a. b. 1 2 3 4 5\n. NS a.\na A 192.0.2.1\ntest NS "
				    "a.test\na.test A 192.0.2.2\n");
	(void)state;
	SAYS(zone, ".", HF_TYPE_NS, 0, "0 aa\n= . NS a\n");
	SAYS(zone, "a", HF_TYPE_A, 0, "0 aa\n= a A 192.0.2.1\n");
	SAYS(zone, "b.c", HF_TYPE_A, 0, "3 aa\n- . SOA\n");
	SAYS(zone, "x.test", HF_TYPE_A, 0, "0\n- test NS a.test\n+ a.test A 192.0.2.2\n");
	hf_zone_unref(zone);
}

/* ---- proofs ---- */

#define SIG(owner, type, labels)                                                                   \
	owner " 60 RRSIG " type " 8 " labels " 60 20300101000000 20200101000000 1 example. AAAA\n"

static const char nsec_text[] = HF_SAMPLE_APEX "@ DNSKEY 257 3 8 AAAA\n" SIG("@", "SOA", "1") SIG(
	"@", "DNSKEY", "1") "@ 60 NSEC a NS SOA RRSIG NSEC DNSKEY\n" SIG("@", "NSEC",
	"1") "a 60 A 192.0.2.1\n" SIG("a", "A", "2") "a 60 NSEC x.hollow A RRSIG NSEC\n" SIG("a",
	"NSEC", "2") "x.hollow 60 A 192.0.2.2\n"
		     "x.hollow 60 NSEC sub A RRSIG NSEC\n"
		     "sub NS ns.sub\n"
		     "ns.sub A 192.0.2.3\n"
		     "sub 60 NSEC *.w NS RRSIG NSEC\n"
		     "*.w 60 A 192.0.2.4\n" SIG("*.w", "A", "2") "*.w 60 NSEC @ A RRSIG NSEC\n";

static void denials_are_proven_by_nsec(void **state)
{
	struct hf_zone *zone = hf_sample_zone("example", nsec_text);
	(void)state;
	assert_true(hf_zone_signed(zone));
	SAYS(zone, "a.example", HF_TYPE_A, DO,
		"0 aa\n= a.example A 192.0.2.1\n= a.example RRSIG A\n");
	SAYS(zone, "a.example", HF_TYPE_A, 0, "0 aa\n= a.example A 192.0.2.1\n");
	/* The name lies behind a, and the wildcard behind the apex. */
	SAYS(zone, "b.example", HF_TYPE_A, DO,
		"3 aa\n- example SOA\n- example RRSIG SOA\n- a.example NSEC\n- a.example RRSIG "
		"NSEC\n"
		"- example NSEC\n- example RRSIG NSEC\n");
	SAYS(zone, "a.example", HF_TYPE_TXT, DO,
		"0 aa\n- example SOA\n- example RRSIG SOA\n- a.example NSEC\n- a.example RRSIG "
		"NSEC\n");
	SAYS(zone, "hollow.example", HF_TYPE_A, DO,
		"0 aa\n- example SOA\n- example RRSIG SOA\n- a.example NSEC\n- a.example RRSIG "
		"NSEC\n");
	SAYS(zone, "q.w.example", HF_TYPE_A, DO,
		"0 aa\n= q.w.example A 192.0.2.4\n= q.w.example RRSIG A\n- *.w.example NSEC\n");
	SAYS(zone, "www.sub.example", HF_TYPE_A, DO,
		"0\n- sub.example NS ns.sub.example\n- sub.example NSEC\n"
		"+ ns.sub.example A 192.0.2.3\n");
	SAYS(zone, "sub.example", HF_TYPE_DS, DO,
		"0 aa\n- example SOA\n- example RRSIG SOA\n- sub.example NSEC\n");
	hf_zone_unref(zone);
}

/* The hashes of RFC 5155, appendix A: of `example`, a, ai, ns1, ns2, x.w, *.w, y.w, xx, and
 * of the empty non-terminals w and x.y.w; salt aabbccdd, 12 iterations. */
static const char nsec3_text[] = HF_SAMPLE_APEX
	"@ 0 NSEC3PARAM 1 0 12 aabbccdd\n"
	"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr "
	"MX DNSKEY NS SOA NSEC3PARAM RRSIG\n"
	"2t7b4g4vsa5smi47k61mv5bv1a22bojr NSEC3 1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A "
	"RRSIG\n"
	"2vptu5timamqttgl4luu9kg21e0aor3s NSEC3 1 1 12 aabbccdd 35mthgpgcu1qg68fab165klnsnk3dpvl "
	"MX RRSIG\n"
	"35mthgpgcu1qg68fab165klnsnk3dpvl NSEC3 1 1 12 aabbccdd b4um86eghhds6nea196smvmlo4ors995 "
	"NS DS RRSIG\n"
	"b4um86eghhds6nea196smvmlo4ors995 NSEC3 1 1 12 aabbccdd gjeqe526plbf1g8mklp59enfd789njgi "
	"MX RRSIG\n"
	"gjeqe526plbf1g8mklp59enfd789njgi NSEC3 1 1 12 aabbccdd ji6neoaepv8b5o6k4ev33abha8ht9fgc "
	"HINFO A AAAA RRSIG\n"
	"ji6neoaepv8b5o6k4ev33abha8ht9fgc NSEC3 1 1 12 aabbccdd k8udemvp1j2f7eg6jebps17vp3n8i58h\n"
	"k8udemvp1j2f7eg6jebps17vp3n8i58h NSEC3 1 1 12 aabbccdd q04jkcevqvmu85r014c7dkba38o0ji5r\n"
	"q04jkcevqvmu85r014c7dkba38o0ji5r NSEC3 1 1 12 aabbccdd r53bq7cc2uvmubfu5ocmm6pers9tk9en A "
	"RRSIG\n"
	"r53bq7cc2uvmubfu5ocmm6pers9tk9en NSEC3 1 1 12 aabbccdd t644ebqk9bibcna874givr6joj62mlhv "
	"MX RRSIG\n"
	"t644ebqk9bibcna874givr6joj62mlhv NSEC3 1 1 12 aabbccdd 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom "
	"HINFO A AAAA RRSIG\n"
	"a NS ns1.a\na DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000\n"
	"ns1 A 192.0.2.1\nns2 A 192.0.2.2\nai A 192.0.2.9\nxx A 192.0.2.10\n"
	"x.w MX 1 xx\n*.w MX 1 ai\nx.y.w MX 1 xx\nc NS ns1.c\n";

static void denials_are_proven_by_nsec3(void **state)
{
	struct hf_zone *zone = hf_sample_zone("example", nsec3_text);
	(void)state;
	/* RFC 5155, appendix B.1: the closest encloser, the next closer name, the wildcard. */
	SAYS(zone, "a.c.x.w.example", HF_TYPE_A, DO,
		"3 aa\n- example SOA\n- b4um86eghhds6nea196smvmlo4ors995.example NSEC3\n"
		"- 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example NSEC3\n"
		"- 35mthgpgcu1qg68fab165klnsnk3dpvl.example NSEC3\n");
	/* B.2: no data; B.2.1: an empty non-terminal. */
	SAYS(zone, "ns1.example", HF_TYPE_MX, DO,
		"0 aa\n- example SOA\n- 2t7b4g4vsa5smi47k61mv5bv1a22bojr.example NSEC3\n");
	SAYS(zone, "y.w.example", HF_TYPE_A, DO,
		"0 aa\n- example SOA\n- ji6neoaepv8b5o6k4ev33abha8ht9fgc.example NSEC3\n");
	/* B.4: a wildcard's answer. */
	SAYS(zone, "a.z.w.example", HF_TYPE_MX, DO,
		"0 aa\n= a.z.w.example MX ai.example\n"
		"- q04jkcevqvmu85r014c7dkba38o0ji5r.example NSEC3\n+ ai.example A 192.0.2.9\n");
	/* B.5: a wildcard without such data. */
	SAYS(zone, "a.z.w.example", HF_TYPE_AAAA, DO,
		"0 aa\n- example SOA\n- q04jkcevqvmu85r014c7dkba38o0ji5r.example NSEC3\n"
		"- k8udemvp1j2f7eg6jebps17vp3n8i58h.example NSEC3\n"
		"- r53bq7cc2uvmubfu5ocmm6pers9tk9en.example NSEC3\n");
	/* B.6: no DS at the apex; and a name that is nothing but a hash does not exist. */
	SAYS(zone, "example", HF_TYPE_DS, DO,
		"0 aa\n- example SOA\n- 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example NSEC3\n");
	SAYS(zone, "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example", HF_TYPE_NSEC3, 0, "3 aa\n" NEGATIVE);
	hf_zone_unref(zone);
}

static int set_up(void **state)
{
	(void)state;
	plain = hf_sample_zone("example", plain_text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hf_zone_unref(plain);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_set_is_given_with_authority_and_nothing_else),
		cmocka_unit_test(what_does_not_exist_is_denied_with_the_soa),
		cmocka_unit_test(an_empty_non_terminal_exists),
		cmocka_unit_test(a_name_deeper_than_the_zone_is_denied),
		cmocka_unit_test(targets_of_mx_and_srv_come_with_their_addresses_once),
		cmocka_unit_test(an_alias_is_followed_within_the_zone),
		cmocka_unit_test(an_alias_that_leads_out_names_its_target),
		cmocka_unit_test(a_loop_of_aliases_ends),
		cmocka_unit_test(a_dname_leads_what_is_below_it_elsewhere),
		cmocka_unit_test(a_name_that_a_dname_makes_too_long_is_yxdomain),
		cmocka_unit_test(a_wildcard_answers_for_what_does_not_exist),
		cmocka_unit_test(a_wildcard_stands_back_for_what_exists),
		cmocka_unit_test(a_wildcard_may_be_an_empty_non_terminal),
		cmocka_unit_test(what_is_below_a_delegation_is_referred),
		cmocka_unit_test(ds_at_a_delegation_is_the_parents_to_give),
		cmocka_unit_test(an_alias_into_a_delegation_keeps_its_authority),
		cmocka_unit_test(any_gets_one_set_or_all),
		cmocka_unit_test(what_does_not_fit_a_message_is_cut),
		cmocka_unit_test(the_root_is_a_zone_too),
		cmocka_unit_test(denials_are_proven_by_nsec),
		cmocka_unit_test(denials_are_proven_by_nsec3),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
