/* SPDX-License-Identifier: MIT */
/* Poisoned replies, and ordinary ones. A row holds the records of a reply; what stands
 * behind "-" must be left off. */
#include "wire/tidy.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/error.h"
#include "wire/build.h"
#include "wire/sample.h"

#define ADDRESS "\300\0\2\1"
#define ADDRESS6 " \1\r\270\0\0\0\0\0\0\0\0\0\0\0\1"
#define WWW "\3wWw\4shop\4test\0"
#define SHOP "\4shop\4test\0"
#define TEST "\4test\0"
#define ROOT "\0"
#define CDN "\1a\3cdn\4test\0"
#define CDN2 "\1b\3cdn\4test\0"
#define CDN_ZONE "\3cdn\4test\0"
#define OTHER "\4bank\4test\0"
#define HOST "\4mail\4shop\4test\0"
#define BELOW "\1x\3www\4shop\4test\0"
#define SOA_DATA "\2ns\0\4root\0\0\0\0\1\0\0\16\20\0\0\3\204\0\11\72\200\0\0\0\74"
/* type covered, algorithm, labels, TTL, two instants, tag; the signer follows */
#define SIGNED(type) "\0" type "\10\3\0\0\16\20\0\0\0\0\0\0\0\0\0\1"
#define OF_A "\1"
#define OF_CNAME "\5"
#define OF_SOA "\6"
#define OF_AAAA "\34"
#define OF_DNAME "\47"
#define OF_NSEC "\57"

#define ANSWER HF_SAMPLE_ANSWER
#define AUTHORITY HF_SAMPLE_AUTHORITY
#define ADDITIONAL HF_SAMPLE_ADDITIONAL

struct row {
	enum hf_sample_section section;
	const char *owner;
	size_t owner_len;
	uint16_t type;
	const char *data;
	size_t data_len;
	bool off;
};

#define R(section, owner, type, data)                                                              \
	{                                                                                          \
		section, owner, sizeof(owner) - 1, type, data, sizeof(data) - 1, false             \
	}
#define OFF(section, owner, type, data)                                                            \
	{                                                                                          \
		section, owner, sizeof(owner) - 1, type, data, sizeof(data) - 1, true              \
	}

struct scene {
	const char *what;
	const char *asked; /* NULL: WWW */
	size_t asked_len;
	uint16_t type, rcode;
	bool garbage;
	struct row rows[8];
};

#define ASKED(name) .asked = (name), .asked_len = sizeof(name) - 1

static const struct scene scenes[] = {
	{"an address", .type = HF_TYPE_A, .rows = {R(ANSWER, WWW, HF_TYPE_A, ADDRESS)}},
	{"aliases in any order", .type = HF_TYPE_A,
		.rows = {R(ANSWER, CDN2, HF_TYPE_A, ADDRESS), R(ANSWER, CDN, HF_TYPE_CNAME, CDN2),
			R(ANSWER, WWW, HF_TYPE_CNAME, CDN)}},
	{"the sibling of what was asked for", .type = HF_TYPE_A,
		.rows = {R(ANSWER, WWW, HF_TYPE_A, ADDRESS),
			OFF(ANSWER, OTHER, HF_TYPE_A, ADDRESS)}},
	{"a name below what was asked for", .type = HF_TYPE_A,
		.rows = {R(ANSWER, WWW, HF_TYPE_A, ADDRESS),
			OFF(ANSWER, BELOW, HF_TYPE_A, ADDRESS)}},
	{"another name's alias, in front", .type = HF_TYPE_A,
		.rows = {OFF(ANSWER, OTHER, HF_TYPE_CNAME, CDN), R(ANSWER, WWW, HF_TYPE_A, ADDRESS),
			OFF(ANSWER, CDN, HF_TYPE_A, ADDRESS)}},
	{"an alias that ends elsewhere than the address begins", .type = HF_TYPE_A, .garbage = true,
		.rows = {R(ANSWER, WWW, HF_TYPE_CNAME, CDN), R(ANSWER, CDN2, HF_TYPE_A, ADDRESS)}},
	{"an answer to another question", .type = HF_TYPE_A, .garbage = true,
		.rows = {R(ANSWER, OTHER, HF_TYPE_A, ADDRESS)}},
	{"nothing but another name's alias", .type = HF_TYPE_A, .garbage = true,
		.rows = {R(ANSWER, OTHER, HF_TYPE_CNAME, CDN)}},
	{"who asks for an alias is not led further", .type = HF_TYPE_CNAME,
		.rows = {R(ANSWER, WWW, HF_TYPE_CNAME, CDN),
			OFF(ANSWER, CDN, HF_TYPE_CNAME, CDN2)}},
	{"aliases in a ring", .type = HF_TYPE_A,
		.rows = {R(ANSWER, WWW, HF_TYPE_CNAME, CDN), R(ANSWER, CDN, HF_TYPE_CNAME, WWW)}},
	{"a DNAME and the alias made of it", .type = HF_TYPE_A,
		.rows = {R(ANSWER, SHOP, HF_TYPE_DNAME, CDN_ZONE),
			R(ANSWER, WWW, HF_TYPE_CNAME, "\3www\3cdn\4test\0"),
			R(ANSWER, "\3www\3cdn\4test\0", HF_TYPE_A, ADDRESS)}},
	{"a DNAME alone leads on as well", .type = HF_TYPE_A,
		.rows = {R(ANSWER, "\3www\3cdn\4test\0", HF_TYPE_A, ADDRESS),
			R(ANSWER, SHOP, HF_TYPE_DNAME, CDN_ZONE),
			R(ANSWER, SHOP, HF_TYPE_RRSIG, SIGNED(OF_DNAME) SHOP)}},
	{"a DNAME of no ancestor", .type = HF_TYPE_A,
		.rows = {OFF(ANSWER, OTHER, HF_TYPE_DNAME, CDN_ZONE),
			R(ANSWER, WWW, HF_TYPE_A, ADDRESS)}},
	{"a DNAME at the name itself leads nowhere", .type = HF_TYPE_A, .garbage = true,
		.rows = {R(ANSWER, WWW, HF_TYPE_DNAME, CDN), R(ANSWER, CDN, HF_TYPE_A, ADDRESS)}},
	{"signatures of what belongs", .type = HF_TYPE_A,
		.rows = {R(ANSWER, WWW, HF_TYPE_CNAME, CDN),
			R(ANSWER, WWW, HF_TYPE_RRSIG, SIGNED(OF_CNAME) SHOP),
			R(ANSWER, CDN, HF_TYPE_A, ADDRESS),
			R(ANSWER, CDN, HF_TYPE_RRSIG, SIGNED(OF_A) CDN_ZONE),
			OFF(ANSWER, OTHER, HF_TYPE_RRSIG, SIGNED(OF_A) TEST)}},
	{"a denial by the zone, and by one above it", .type = HF_TYPE_A, .rcode = HF_RCODE_NXDOMAIN,
		.rows = {R(AUTHORITY, SHOP, HF_TYPE_SOA, SOA_DATA),
			R(AUTHORITY, ROOT, HF_TYPE_SOA, SOA_DATA)}},
	{"a denial by another zone", .type = HF_TYPE_A, .rcode = HF_RCODE_NXDOMAIN,
		.rows = {OFF(AUTHORITY, OTHER, HF_TYPE_SOA, SOA_DATA)}},
	{"a denial by a zone below the name", .type = HF_TYPE_A, .rcode = HF_RCODE_NXDOMAIN,
		.rows = {OFF(AUTHORITY, BELOW, HF_TYPE_SOA, SOA_DATA)}},
	{"a denial of where an alias leads, by the zone that it leads away from", .type = HF_TYPE_A,
		.rcode = HF_RCODE_NXDOMAIN,
		.rows = {R(ANSWER, WWW, HF_TYPE_CNAME, CDN),
			OFF(AUTHORITY, SHOP, HF_TYPE_SOA, SOA_DATA),
			R(AUTHORITY, CDN_ZONE, HF_TYPE_SOA, SOA_DATA)}},
	{"a signed denial", .type = HF_TYPE_A, .rcode = HF_RCODE_NXDOMAIN,
		.rows = {R(AUTHORITY, HOST, HF_TYPE_NSEC, "\1z\4shop\4test\0"),
			R(AUTHORITY, HOST, HF_TYPE_RRSIG, SIGNED(OF_NSEC) SHOP),
			R(AUTHORITY, SHOP, HF_TYPE_SOA, SOA_DATA),
			R(AUTHORITY, SHOP, HF_TYPE_RRSIG, SIGNED(OF_SOA) SHOP),
			OFF(AUTHORITY, OTHER, HF_TYPE_NSEC, TEST)}},
	{"a denial that another zone signed", .type = HF_TYPE_A, .rcode = HF_RCODE_NXDOMAIN,
		.rows = {R(AUTHORITY, SHOP, HF_TYPE_SOA, SOA_DATA),
			OFF(AUTHORITY, CDN, HF_TYPE_NSEC, TEST),
			OFF(AUTHORITY, CDN, HF_TYPE_RRSIG, SIGNED(OF_NSEC) CDN_ZONE)}},
	{"the proof that a signed wildcard needs, before an alias leads away", .type = HF_TYPE_A,
		.rows = {R(ANSWER, WWW, HF_TYPE_CNAME, CDN), R(ANSWER, CDN, HF_TYPE_A, ADDRESS),
			R(AUTHORITY, HOST, HF_TYPE_NSEC, TEST),
			R(AUTHORITY, HOST, HF_TYPE_RRSIG, SIGNED(OF_NSEC) SHOP)}},
	{"Kaminsky's: name servers of the zone, with the address of one to be poisoned",
		.type = HF_TYPE_A,
		.rows = {R(ANSWER, WWW, HF_TYPE_A, ADDRESS), R(AUTHORITY, TEST, HF_TYPE_NS, OTHER),
			OFF(ADDITIONAL, OTHER, HF_TYPE_A, ADDRESS)}},
	{"name servers of another zone", .type = HF_TYPE_A,
		.rows = {R(ANSWER, WWW, HF_TYPE_A, ADDRESS),
			OFF(AUTHORITY, OTHER, HF_TYPE_NS, HOST)}},
	{"other types have no business in authority", .type = HF_TYPE_A,
		.rows = {R(ANSWER, WWW, HF_TYPE_A, ADDRESS),
			OFF(AUTHORITY, WWW, HF_TYPE_A, ADDRESS)}},
	{"an address that nothing names", .type = HF_TYPE_A,
		.rows = {R(ANSWER, WWW, HF_TYPE_A, ADDRESS),
			OFF(ADDITIONAL, OTHER, HF_TYPE_A, ADDRESS),
			OFF(ADDITIONAL, WWW, HF_TYPE_AAAA, ADDRESS6)}},
	{"addresses of a mail server", ASKED(SHOP), .type = HF_TYPE_MX,
		.rows = {R(ANSWER, SHOP, HF_TYPE_MX, "\0\12" HOST),
			R(ADDITIONAL, HOST, HF_TYPE_A, ADDRESS),
			R(ADDITIONAL, HOST, HF_TYPE_AAAA, ADDRESS6),
			R(ADDITIONAL, HOST, HF_TYPE_RRSIG, SIGNED(OF_AAAA) SHOP),
			OFF(ADDITIONAL, HOST, HF_TYPE_TXT, "\1x"),
			OFF(ADDITIONAL, OTHER, HF_TYPE_A, ADDRESS)}},
	{"addresses of a name server that was asked for", ASKED(SHOP), .type = HF_TYPE_NS,
		.rows = {R(ANSWER, SHOP, HF_TYPE_NS, HOST),
			R(ADDITIONAL, HOST, HF_TYPE_A, ADDRESS)}},
	{"addresses of a service", .type = HF_TYPE_SRV,
		.rows = {R(ANSWER, WWW, HF_TYPE_SRV, "\0\1\0\1\1\273" HOST),
			R(ADDITIONAL, HOST, HF_TYPE_A, ADDRESS)}},
	{"addresses of a binding's target, and of the owner that it may stand for",
		.type = HF_TYPE_HTTPS,
		.rows = {R(ANSWER, WWW, HF_TYPE_HTTPS, "\0\1" HOST),
			R(ANSWER, WWW, HF_TYPE_HTTPS, "\0\2" ROOT),
			R(ADDITIONAL, HOST, HF_TYPE_A, ADDRESS),
			R(ADDITIONAL, WWW, HF_TYPE_A, ADDRESS),
			OFF(ADDITIONAL, SHOP, HF_TYPE_A, ADDRESS)}},
	{"all types of a name", .type = HF_TYPE_ANY,
		.rows = {R(ANSWER, WWW, HF_TYPE_A, ADDRESS), R(ANSWER, WWW, HF_TYPE_TXT, "\1x"),
			OFF(ANSWER, OTHER, HF_TYPE_A, ADDRESS)}},
};

static struct hf_sample s;
static uint8_t out[HF_MESSAGE_MAX];
static struct hf_message_view view;
static struct hf_tidied tidied;

static void begin(const char *asked, size_t len, uint16_t type, unsigned rcode)
{
	hf_sample_begin(&s, (uint16_t)(HF_FLAG_QR | rcode), (const uint8_t *)asked, len, type);
}

static void begin_scene(const struct scene *scene)
{
	begin(scene->asked ? scene->asked : WWW, scene->asked ? scene->asked_len : sizeof WWW - 1,
		scene->type, scene->rcode);
}

static int tidy(void)
{
	assert_int_equal(hf_message_read(s.bytes, s.w.len, &view), 0);
	return hf_tidy(s.bytes, &view, NULL, out, &tidied);
}

static bool end_of_rows(const struct scene *scene, unsigned i)
{
	return i == HF_COUNT_OF(scene->rows) || !scene->rows[i].owner;
}

static size_t put(const struct row *row)
{
	return hf_sample_record(&s, row->section, (const uint8_t *)row->owner, row->owner_len,
		row->type, 300, (const uint8_t *)row->data, row->data_len);
}

/* The records of `out` are those of the scene that are not to be left off. */
static void compare(const struct scene *scene)
{
	static uint8_t a[1024], b[1024];
	size_t at = tidied.view.question_end;
	for (unsigned i = 0; !end_of_rows(scene, i); i++) {
		struct hf_record want, got;
		struct hf_writer wa = hf_writer(a, sizeof a), wb = hf_writer(b, sizeof b);
		if (scene->rows[i].off)
			continue;
		begin(ROOT, 1, 0, 0);
		size_t from = put(&scene->rows[i]);
		assert_int_equal(hf_record_read(s.bytes, s.w.len, from, &want), 0);
		assert_int_equal(hf_record_read(out, tidied.len, at, &got), 0);
		assert_int_equal(hf_record_copy(s.bytes, &want, 0, &wa), 0);
		assert_int_equal(hf_record_copy(out, &got, 0, &wb), 0);
		assert_int_equal(wa.len, wb.len);
		assert_memory_equal(a, b, wa.len);
		assert_int_equal(got.ttl, 300);
		at = got.end;
	}
	assert_int_equal(at, tidied.len);
}

static void play(const struct scene *scene)
{
	unsigned off = 0;
	begin_scene(scene);
	for (unsigned i = 0; !end_of_rows(scene, i); i++) {
		put(&scene->rows[i]);
		off += scene->rows[i].off;
	}
	int rc = tidy();
	assert_int_equal(rc, scene->garbage ? HF_EMALFORMED : 0);
	if (scene->garbage)
		return;
	assert_int_equal(tidied.left_off, off);
	assert_true(!view.tidy || !off);
	if (off)
		compare(scene);
}

static void what_was_not_asked_for_is_left_off(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HF_COUNT_OF(scenes); i++) {
		print_message("# %s\n", scenes[i].what);
		play(&scenes[i]);
	}
}

static void what_is_left_off_shows_in_the_view(void **state)
{
	(void)state;
	begin(WWW, sizeof WWW - 1, HF_TYPE_A, HF_RCODE_NXDOMAIN);
	put(&(struct row)R(AUTHORITY, OTHER, HF_TYPE_SOA, SOA_DATA));
	hf_sample_opt(&s, 1232, 0, HF_RAW("\0\17\0\2\0\23"));
	assert_int_equal(tidy(), 0);
	assert_true(view.has_soa);
	assert_int_equal(tidied.left_off, 1);
	assert_false(tidied.view.has_soa);
	assert_true(tidied.view.tidy);
	assert_int_equal(tidied.view.rcode, HF_RCODE_NXDOMAIN);
	assert_true(tidied.view.edns.present);
	assert_int_equal(tidied.view.edns.ede, HF_EDE_STALE_NXDOMAIN);
	assert_int_equal(tidied.view.end, tidied.len);
}

static void names_that_lean_on_what_is_left_off_are_written_out(void **state)
{
	(void)state;
	begin(WWW, sizeof WWW - 1, HF_TYPE_A, 0);
	size_t at = put(&(struct row)OFF(ANSWER, OTHER, HF_TYPE_CNAME, CDN));
	put(&(struct row)R(ANSWER, WWW, HF_TYPE_A, ADDRESS));
	uint8_t pointer[] = {0xc0, (uint8_t)(at + 5)}; /* "test" of the other name */
	hf_sample_record(&s, AUTHORITY, pointer, 2, HF_TYPE_NS, 300, pointer, 2);
	assert_int_equal(tidy(), 0);
	assert_int_equal(tidied.left_off, 1);
	assert_int_equal(tidied.view.authorities, 1);
	struct hf_record record;
	struct hf_name name;
	size_t next;
	assert_int_equal(hf_record_read(out, tidied.len, tidied.view.answer_end, &record), 0);
	assert_int_equal(hf_name_read(out, tidied.len, record.at, &name, &next), 0);
	assert_memory_equal(name.bytes, TEST, sizeof TEST - 1);
	assert_int_equal(hf_name_read(out, tidied.len, record.rdata_at, &name, &next), 0);
	assert_memory_equal(name.bytes, TEST, sizeof TEST - 1);
}

static void another_class_is_left_off(void **state)
{
	(void)state;
	begin(WWW, sizeof WWW - 1, HF_TYPE_A, 0);
	put(&(struct row)R(ANSWER, WWW, HF_TYPE_A, ADDRESS));
	size_t at = put(&(struct row)R(ANSWER, WWW, HF_TYPE_A, ADDRESS));
	hf_put_u16(s.bytes + at + sizeof WWW - 1 + 2, HF_CLASS_CH);
	assert_int_equal(tidy(), 0);
	assert_int_equal(tidied.left_off, 1);
}

/* What most upstreams send: each owner a pointer to the name that it repeats. */
static void ordinary_replies_are_seen_to_be_tidy_at_once(void **state)
{
	(void)state;
	begin(WWW, sizeof WWW - 1, HF_TYPE_A, 0);
	size_t at = hf_sample_record(
		&s, ANSWER, HF_RAW("\xc0\x0c"), HF_TYPE_CNAME, 300, HF_RAW("\1a\xc0\x10"));
	uint8_t target[] = {0xc0, (uint8_t)(at + 12)};
	hf_sample_record(&s, ANSWER, target, 2, HF_TYPE_A, 300, HF_RAW(ADDRESS));
	hf_sample_record(&s, AUTHORITY, HF_RAW("\xc0\x10"), HF_TYPE_NS, 300, HF_RAW("\xc0\x0c"));
	hf_sample_opt(&s, 1232, 0, NULL, 0);
	assert_int_equal(tidy(), 0);
	assert_true(view.tidy);
	assert_int_equal(tidied.left_off, 0);

	begin(WWW, sizeof WWW - 1, HF_TYPE_A, HF_RCODE_NXDOMAIN);
	hf_sample_record(&s, AUTHORITY, HF_RAW("\xc0\x15"), HF_TYPE_SOA, 300, HF_RAW(SOA_DATA));
	assert_int_equal(tidy(), 0);
	assert_true(view.tidy);
	hf_sample_record(&s, AUTHORITY, HF_RAW(ROOT), HF_TYPE_SOA, 300, HF_RAW(SOA_DATA));
	assert_int_equal(tidy(), 0);
	assert_true(view.tidy);
	assert_int_equal(tidied.left_off, 0);
}

static void a_pointer_elsewhere_is_read_with_care(void **state)
{
	(void)state;
	begin(WWW, sizeof WWW - 1, HF_TYPE_A, 0);
	hf_sample_record(&s, ANSWER, HF_RAW("\xc0\x10"), HF_TYPE_A, 300, HF_RAW(ADDRESS));
	hf_sample_record(&s, ANSWER, HF_RAW("\xc0\x0c"), HF_TYPE_A, 300, HF_RAW(ADDRESS));
	assert_int_equal(tidy(), 0);
	assert_false(view.tidy);
	assert_int_equal(tidied.left_off, 1);

	/* An alias whose end is denied by the zone that it led away from. */
	begin(WWW, sizeof WWW - 1, HF_TYPE_A, HF_RCODE_NXDOMAIN);
	hf_sample_record(&s, ANSWER, HF_RAW("\xc0\x0c"), HF_TYPE_CNAME, 300, HF_RAW(CDN));
	hf_sample_record(&s, AUTHORITY, HF_RAW("\xc0\x10"), HF_TYPE_SOA, 300, HF_RAW(SOA_DATA));
	assert_int_equal(tidy(), 0);
	assert_false(view.tidy);
	assert_int_equal(tidied.left_off, 1);
}

static bool is_host(void *ctx, const struct hf_name *name)
{
	++*(unsigned *)ctx;
	return name->len == sizeof HOST - 1 && memcmp(name->bytes, HOST, sizeof HOST - 1) == 0;
}

/* What the upstream has no say in. */
static void addresses_of_barred_names_are_left_off_with_their_signatures(void **state)
{
	unsigned asked = 0;
	const struct hf_tidy_bar bar = {is_host, &asked};
	(void)state;
	begin(SHOP, sizeof SHOP - 1, HF_TYPE_MX, 0);
	hf_sample_record(&s, ANSWER, HF_RAW("\xc0\x0c"), HF_TYPE_MX, 300, HF_RAW("\0\12" HOST));
	hf_sample_record(&s, ANSWER, HF_RAW("\xc0\x0c"), HF_TYPE_MX, 300, HF_RAW("\0\24" OTHER));
	hf_sample_record(&s, ADDITIONAL, HF_RAW(OTHER), HF_TYPE_A, 300, HF_RAW(ADDRESS));
	assert_int_equal(hf_message_read(s.bytes, s.w.len, &view), 0);
	assert_false(hf_tidy_is_barred(s.bytes, &view, &bar));
	hf_sample_record(&s, ADDITIONAL, HF_RAW(HOST), HF_TYPE_A, 300, HF_RAW(ADDRESS));
	hf_sample_record(
		&s, ADDITIONAL, HF_RAW(HOST), HF_TYPE_RRSIG, 300, HF_RAW(SIGNED(OF_A) SHOP));
	assert_int_equal(hf_message_read(s.bytes, s.w.len, &view), 0);
	assert_true(hf_tidy_is_barred(s.bytes, &view, &bar));
	assert_int_equal(hf_tidy(s.bytes, &view, &bar, out, &tidied), 0);
	assert_int_equal(tidied.left_off, 2);
	assert_int_equal(tidied.view.answers, 2); /* that it is named is the upstream's to say */
	assert_int_equal(tidied.view.additionals, 1);
	assert_false(hf_tidy_is_barred(out, &tidied.view, &bar));
	assert_true(asked > 0);
}

static void a_chain_has_an_end(void **state)
{
	uint8_t owner[] = "\1a\4test\0", target[] = "\1a\4test\0";
	(void)state;
	for (unsigned links = 30; links <= 65; links++) {
		owner[1] = 1;
		begin((const char *)owner, 8, HF_TYPE_A, 0);
		for (unsigned i = 0; i < links; i++) {
			owner[1] = (uint8_t)(i + 1);
			target[1] = (uint8_t)(i + 2);
			hf_sample_record(&s, ANSWER, owner, 8, HF_TYPE_CNAME, 300, target, 8);
		}
		int rc = tidy();
		assert_int_equal(rc, links == 65 ? HF_EMALFORMED : 0);
		if (!rc)
			assert_int_equal(tidied.left_off, links > 32 ? links - 32 : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_not_asked_for_is_left_off),
		cmocka_unit_test(what_is_left_off_shows_in_the_view),
		cmocka_unit_test(names_that_lean_on_what_is_left_off_are_written_out),
		cmocka_unit_test(another_class_is_left_off),
		cmocka_unit_test(ordinary_replies_are_seen_to_be_tidy_at_once),
		cmocka_unit_test(a_pointer_elsewhere_is_read_with_care),
		cmocka_unit_test(addresses_of_barred_names_are_left_off_with_their_signatures),
		cmocka_unit_test(a_chain_has_an_end),
	};
	return cmocka_run_group_tests_name("tidy", tests, NULL, NULL);
}
