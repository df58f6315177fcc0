/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/authority_reply.h"

#include "serve/chain.h"
#include "serve/desk.h"
#include "zone/sample_zone.h"

static const char home[] = HF_SAMPLE_APEX
	"www 300 A 192.0.2.80\n"
	"alias 300 CNAME www\n"
	"out 100 CNAME far.test.\n"
	"twice 100 CNAME out\n"
	"over 100 CNAME host.other.\n"
	"loop 100 CNAME loop.other.\n"
	"away 100 CNAME a.invalid.\n"
	"into 100 CNAME x.sub\n"
	"s0 9 CNAME s1\ns1 9 CNAME s2\ns2 9 CNAME s3\ns3 9 CNAME s4\ns4 9 CNAME s5\n"
	"s5 9 CNAME s6\ns6 9 CNAME s7\ns7 9 CNAME s8\ns8 9 CNAME s9\ns9 9 CNAME s10\n"
	"s10 9 CNAME s11\ns11 9 CNAME s12\ns12 9 CNAME s13\ns13 9 CNAME s14\n"
	"s14 9 CNAME s15\ns15 9 CNAME s16\ns16 9 CNAME s17\ns17 9 A 192.0.2.17\n"
	"big 300 TXT "
	"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	"aaaaaa\"\n"
	"big 300 TXT "
	"\"baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	"aaaaaaa\"\n"
	"big 300 TXT "
	"\"caaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	"aaaaaaa\"\n"
	"big 300 TXT "
	"\"daaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	"aaaaaaa\"\n"
	"big 300 TXT "
	"\"eaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	"aaaaaaa\"\n"
	"sub 300 NS ns.sub\n"
	"ns.sub 300 A 192.0.2.53\n"
	"long 300 NS "
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.long\n"
	"long 300 NS "
	"caaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.long\n"
	"long 300 NS "
	"daaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.long\n"
	"long 300 NS "
	"eaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.long\n"
	"long 300 NS "
	"faaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.long\n"
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.long 300 AAAA 2001:db8::1\n"
	"caaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.long 300 AAAA 2001:db8::2\n"
	"daaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.long 300 AAAA 2001:db8::3\n"
	"eaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.long 300 AAAA 2001:db8::4\n"
	"faaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.long 300 AAAA 2001:db8::5\n";

static const char other[] = HF_SAMPLE_APEX "host 200 A 192.0.2.90\n"
					   "loop 200 CNAME loop.home.\n";

struct room {
	struct desk *desk;
	struct hf_zone *home, *other;
	struct hf_zones_entry entries[2];
};

static struct room room;

static void adopt(void)
{
	struct hf_zones *zones;
	assert_int_equal(hf_zones_new(room.entries, 2, &zones), 0);
	hf_responder_adopt_zones(room.desk->responder, zones);
	hf_zones_unref(zones);
}

static int open_room(void **state)
{
	open_desk(state);
	room.desk = *state;
	room.home = hf_sample_zone("home", home);
	room.other = hf_sample_zone("other", other);
	room.entries[0] = (struct hf_zones_entry){
		.origin = stage_name("home"), .zone = room.home, .ede = HF_EDE_NONE};
	room.entries[1] = (struct hf_zones_entry){
		.origin = stage_name("other"), .zone = room.other, .ede = HF_EDE_NONE};
	adopt();
	return 0;
}

static int close_room(void **state)
{
	hf_zone_unref(room.home);
	hf_zone_unref(room.other);
	return close_desk(state);
}

static struct packet unrecursive(const char *name, uint16_t type)
{
	struct packet p = question(name, type);
	p.bytes[2] &= 0xfe;
	return p;
}

/* The how many-th record of the last reply. */
static struct hf_record record(const struct desk *d, unsigned n)
{
	struct hf_record found = {.end = d->view.question_end};
	for (unsigned i = 0; i <= n; i++)
		assert_int_equal(hf_record_read(d->reply, d->len, found.end, &found), 0);
	return found;
}

static void assert_owner(const struct desk *d, unsigned n, const char *name)
{
	struct hf_record at = record(d, n);
	struct hf_name owner, wanted = stage_name(name);
	size_t next;
	assert_int_equal(hf_name_read(d->reply, d->len, at.at, &owner, &next), 0);
	hf_name_lower(owner.bytes, owner.len);
	assert_int_equal(owner.len, wanted.len);
	assert_memory_equal(owner.bytes, wanted.bytes, wanted.len);
}

static void a_zone_of_ours_is_answered_with_authority_and_nobody_is_asked(void **state)
{
	struct desk *d = *state;
	struct packet p = question("www.home", HF_TYPE_A);
	add_opt(&p, 1232, 0);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_true(d->view.flags & HF_FLAG_AA && d->view.flags & HF_FLAG_RA);
	assert_false(d->view.flags & (HF_FLAG_AD | HF_FLAG_TC));
	assert_int_equal(d->view.answers, 1);
	assert_int_equal(d->view.edns.ede, HF_EDE_NONE);
	assert_echoes(d, &p);
	p = question("gone.home", HF_TYPE_A);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_NXDOMAIN);
	assert_true(d->view.flags & HF_FLAG_AA);
	assert_int_equal(d->stage.upstreams[0].asked, 0);
	assert_int_equal(stage_counted(&d->stage, HF_COUNT_ZONE_ANSWERS), 1);
	assert_int_equal(stage_counted(&d->stage, HF_COUNT_ZONE_DENIALS), 1);
}

static void who_desires_no_recursion_is_answered_from_zones_and_from_nothing_else(void **state)
{
	struct desk *d = *state;
	struct packet p = unrecursive("www.home", HF_TYPE_A);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_NOERROR);
	assert_int_equal(d->view.answers, 1);
	assert_false(d->view.flags & HF_FLAG_RD);
	p = unrecursive("www.test", HF_TYPE_A);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_REFUSED);
}

static void strangers_get_nothing_from_zones_either(void **state)
{
	struct desk *d = *state;
	struct packet p = question("www.home", HF_TYPE_A);
	d->path.peer = stage_address("192.0.2.200:4000");
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_REFUSED);
	assert_int_equal(d->view.answers, 0);
}

static void what_the_cache_held_of_a_name_is_not_used_once_a_zone_covers_it(void **state)
{
	struct desk *d = *state;
	struct packet p = question("www.home", HF_TYPE_A);
	hf_responder_adopt_zones(d->responder, NULL);
	ask(d, &p);
	assert_false(d->view.flags & HF_FLAG_AA);
	assert_int_equal(d->stage.upstreams[0].asked, 1);
	adopt();
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_true(d->view.flags & HF_FLAG_AA);
	struct hf_record a = record(d, 0);
	assert_memory_equal(d->reply + a.rdata_at, "\xc0\x00\x02\x50", 4);
}

static void new_zones_are_there(void *ctx)
{
	(void)ctx;
	adopt();
}

/* Another worker may have answered from them already. */
static void zones_that_are_there_when_a_packet_is_answered_count_for_it(void **state)
{
	struct desk *d = *state;
	struct packet p = question("www.home", HF_TYPE_A);
	const struct hf_packet packet = {.transport = d->path.transport,
		.ctx = d->path.ctx,
		.peer = &d->path.peer,
		.local = &d->path.local,
		.bytes = p.bytes,
		.len = p.len};
	uint8_t out[HF_RESPOND_ROOM];
	const uint8_t *reply;
	size_t len;
	hf_responder_set_renew(d->responder, new_zones_are_there, NULL);
	room.entries[0].standing = HF_ZONE_WITHHELD;
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_SERVFAIL);
	room.entries[0].standing = HF_ZONE_SERVED;
	hf_respond_begin(d->responder, 0, &packet, 0);
	hf_respond_approach(d->responder, 1);
	assert_int_equal(hf_respond_finish(d->responder, 0, out, &reply, &len), HF_RESPOND_NOW);
	assert_int_equal(reply[3] & 15, HF_RCODE_NOERROR);
}

static void a_zone_that_may_not_be_served_says_why_or_says_nothing(void **state)
{
	struct desk *d = *state;
	struct packet p = question("www.home", HF_TYPE_A);
	add_opt(&p, 1232, 0);
	room.entries[0].standing = HF_ZONE_WITHHELD;
	room.entries[0].ede = HF_EDE_NOT_READY;
	snprintf(room.entries[0].why, sizeof room.entries[0].why, "not proven to be current");
	adopt();
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_SERVFAIL);
	assert_int_equal(d->view.edns.ede, HF_EDE_NOT_READY);
	assert_int_equal(d->view.answers, 0);
	room.entries[0].standing = HF_ZONE_MARKED;
	adopt();
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_NOERROR);
	assert_int_equal(d->view.answers, 1);
	assert_int_equal(d->view.edns.ede, HF_EDE_NOT_READY);
	room.entries[0].standing = HF_ZONE_DROPPED;
	adopt();
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_SILENCE);
	assert_int_equal(d->stage.upstreams[0].asked, 0);
	assert_int_equal(stage_counted(&d->stage, HF_COUNT_ZONE_WITHHELD), 1);
	assert_int_equal(stage_counted(&d->stage, HF_COUNT_ZONE_DROPPED), 1);
}

static void what_is_too_long_for_a_datagram_is_truncated_and_keeps_its_authority(void **state)
{
	struct desk *d = *state;
	struct packet p = question("big.home", HF_TYPE_TXT);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_true(d->view.flags & HF_FLAG_TC && d->view.flags & HF_FLAG_AA);
	assert_true(d->len <= HF_UDP_PLAIN_MAX);
	d->path.transport = HF_TRANSPORT_TCP;
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_false(d->view.flags & HF_FLAG_TC);
	assert_int_equal(d->view.answers, 5);
}

static void a_referral_that_loses_its_glue_is_truncated(void **state)
{
	struct desk *d = *state;
	struct packet p = unrecursive("x.long.home", HF_TYPE_A);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_true(d->view.flags & HF_FLAG_TC);
	assert_false(d->view.flags & HF_FLAG_AA);
	d->path.transport = HF_TRANSPORT_TCP;
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_false(d->view.flags & HF_FLAG_TC);
	assert_int_equal(d->view.authorities, 5);
	assert_int_equal(d->view.additionals, 5);
}

static void an_alias_out_of_the_zone_is_followed_by_asking_upstreams(void **state)
{
	struct desk *d = *state;
	struct packet p = question("twice.home", HF_TYPE_A);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_LATER);
	run(d, HF_SECOND);
	assert_int_equal(d->replies, 1);
	assert_int_equal(d->view.rcode, HF_RCODE_NOERROR);
	assert_true(d->view.flags & HF_FLAG_AA);
	assert_int_equal(d->view.answers, 3);
	assert_owner(d, 0, "twice.home");
	assert_owner(d, 1, "out.home");
	assert_owner(d, 2, "far.test");
	assert_int_equal(record(d, 0).ttl, 100);
	assert_int_equal(record(d, 2).ttl, 300);
	assert_echoes(d, &p);
	run(d, 50 * HF_SECOND);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW); /* from the cache */
	assert_int_equal(d->view.answers, 3);
	assert_int_equal(record(d, 0).ttl, 100);
	assert_in_range(record(d, 2).ttl, 248, 250);
	assert_int_equal(d->stage.upstreams[0].asked, 1);
	p = unrecursive("twice.home", HF_TYPE_A);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.answers, 2); /* the aliases alone */
	assert_int_equal(hf_responder_pending(d->responder), 0);
}

static void an_alias_into_another_zone_of_ours_needs_no_upstream(void **state)
{
	struct desk *d = *state;
	struct packet p = question("over.home", HF_TYPE_A);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.answers, 2);
	assert_owner(d, 1, "host.other");
	p = question("over.home", HF_TYPE_AAAA);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.answers, 1);
	assert_int_equal(d->view.authorities, 1); /* of the zone that denies it */
	room.entries[1].standing = HF_ZONE_WITHHELD;
	room.entries[1].ede = HF_EDE_NOT_READY;
	adopt();
	add_opt(&p, 1232, 0);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_SERVFAIL);
	assert_int_equal(d->view.edns.ede, HF_EDE_NOT_READY);
	assert_int_equal(d->stage.upstreams[0].asked, 0);
}

static void aliases_in_a_circle_through_two_zones_end(void **state)
{
	struct desk *d = *state;
	struct packet p = question("loop.home", HF_TYPE_A);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_SERVFAIL);
	assert_int_equal(d->stage.upstreams[0].asked, 0);
}

static void more_aliases_than_are_followed_are_no_answer(void **state)
{
	struct desk *d = *state;
	struct packet p = question("s1.home", HF_TYPE_A);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_NOERROR);
	assert_int_equal(d->view.answers, 17); /* sixteen, and the address */
	p = question("s0.home", HF_TYPE_A);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_SERVFAIL);
	p = unrecursive("s0.home", HF_TYPE_A);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_NOERROR);
}

static void an_alias_to_a_special_name_asks_nobody(void **state)
{
	struct desk *d = *state;
	struct packet p = question("away.home", HF_TYPE_A);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_NXDOMAIN);
	assert_int_equal(d->view.answers, 1);
	assert_int_equal(d->stage.upstreams[0].asked, 0);
}

static void if_the_rest_of_the_aliases_cannot_be_had_the_answer_is_servfail(void **state)
{
	struct desk *d = *state;
	struct packet p = question("out.home", HF_TYPE_A);
	add_opt(&p, 1232, 0);
	d->stage.upstreams[0].manner = d->stage.upstreams[1].manner = STAGE_SERVFAIL;
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_LATER);
	for (unsigned i = 0; i < 600 && !d->replies; i++)
		run(d, 10 * HF_MS);
	assert_int_equal(d->replies, 1);
	assert_int_equal(d->view.rcode, HF_RCODE_SERVFAIL);
	assert_int_equal(d->view.answers, 0);
	assert_true(d->view.edns.ede != HF_EDE_NONE);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_SERVFAIL);
	assert_int_equal(d->view.edns.ede, HF_EDE_CACHED_ERROR);
}

/* far.test. is an alias of www.home., of which it says 6.6.6.6. */
static void speaks_of_ours(struct stage_upstream *u, const uint8_t *q, size_t name)
{
	hf_sample_begin(&u->sample, HF_FLAG_QR | HF_FLAG_RA, q + HF_HEADER_LEN, name,
		hf_get_u16(q + HF_HEADER_LEN + name));
	memcpy(u->sample.bytes, q, 2);
	hf_sample_record(&u->sample, HF_SAMPLE_ANSWER, HF_RAW("\xc0\x0c"), HF_TYPE_CNAME, 300,
		HF_RAW("\3www\4home\0"));
	hf_sample_record(&u->sample, HF_SAMPLE_ANSWER, HF_RAW("\3www\4home\0"), HF_TYPE_A, 300,
		HF_RAW("\6\6\6\6"));
}

static void what_an_upstream_says_of_a_zone_of_ours_behind_an_alias_is_not_used(void **state)
{
	struct desk *d = *state;
	struct packet p = question("out.home", HF_TYPE_A);
	d->stage.upstreams[0].speaks = speaks_of_ours;
	for (unsigned i = 0; i < 2; i++) { /* when it comes, and from the cache */
		ask(d, &p);
		assert_int_equal(d->view.answers, 3);
		struct hf_record a = record(d, 2);
		assert_owner(d, 2, "www.home");
		assert_memory_equal(d->reply + a.rdata_at, "\xc0\x00\x02\x50", 4);
	}
	assert_int_equal(d->stage.upstreams[0].asked, 1);
}

/* far.test. is an alias of www.home., which does not exist, as far as it knows. */
static void denies_ours(struct stage_upstream *u, const uint8_t *q, size_t name)
{
	hf_sample_begin(&u->sample, HF_FLAG_QR | HF_FLAG_RA | HF_RCODE_NXDOMAIN, q + HF_HEADER_LEN,
		name, hf_get_u16(q + HF_HEADER_LEN + name));
	memcpy(u->sample.bytes, q, 2);
	hf_sample_record(&u->sample, HF_SAMPLE_ANSWER, HF_RAW("\xc0\x0c"), HF_TYPE_CNAME, 300,
		HF_RAW("\3www\4home\0"));
	hf_sample_record(&u->sample, HF_SAMPLE_AUTHORITY, HF_RAW("\0"), HF_TYPE_SOA, 300,
		HF_RAW("\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\1\0"));
}

static void what_an_upstream_denies_of_a_zone_of_ours_is_answered_from_the_zone(void **state)
{
	struct desk *d = *state;
	struct packet p = question("out.home", HF_TYPE_A);
	d->stage.upstreams[0].speaks = denies_ours;
	for (unsigned i = 0; i < 2; i++) { /* when it comes, and from the cache */
		ask(d, &p);
		assert_int_equal(d->view.rcode, HF_RCODE_NOERROR);
		assert_int_equal(d->view.answers, 3);
		struct hf_record a = record(d, 2);
		assert_owner(d, 2, "www.home");
		assert_memory_equal(d->reply + a.rdata_at, "\xc0\x00\x02\x50", 4);
	}
}

static void assert_address(const struct desk *d, unsigned n, const char *owner, const char *four)
{
	struct hf_record a = record(d, n);
	assert_owner(d, n, owner);
	assert_int_equal(a.type, HF_TYPE_A);
	assert_memory_equal(d->reply + a.rdata_at, four, 4);
}

static void an_upstreams_alias_into_a_zone_of_ours_goes_on_in_the_zone(void **state)
{
	struct desk *d = *state;
	struct packet p = question("far.test", HF_TYPE_A);
	d->stage.upstreams[0].speaks = speaks_of_ours;
	for (unsigned i = 0; i < 5; i++) { /* when it comes, and from the cache */
		ask(d, &p);
		assert_int_equal(d->view.rcode, HF_RCODE_NOERROR);
		assert_int_equal(d->view.answers, 2);
		assert_owner(d, 0, "far.test");
		assert_address(d, 1, "www.home", "\xc0\x00\x02\x50");
		assert_false(d->view.flags & (HF_FLAG_AA | HF_FLAG_AD));
		assert_echoes(d, &p);
	}
	assert_int_equal(d->stage.upstreams[0].asked, 1);
	assert_int_equal(stage_counted(&d->stage, HF_COUNT_ZONE_LED_IN), 5);
	p = question("far.test", HF_TYPE_CNAME); /* that is the upstream's to say */
	ask(d, &p);
	assert_owner(d, 0, "far.test");
	assert_int_equal(stage_counted(&d->stage, HF_COUNT_ZONE_LED_IN), 5);
}

static void zones_that_come_and_go_change_where_a_kept_alias_leads(void **state)
{
	struct desk *d = *state;
	struct packet p = question("far.test", HF_TYPE_A);
	d->stage.upstreams[0].speaks = speaks_of_ours;
	hf_responder_adopt_zones(d->responder, NULL);
	ask(d, &p);
	assert_address(d, 1, "www.home", "\6\6\6\6"); /* nobody here has a say in it */
	adopt();
	ask(d, &p);
	assert_address(d, 1, "www.home", "\xc0\x00\x02\x50");
	hf_responder_adopt_zones(d->responder, NULL);
	ask(d, &p);
	assert_address(d, 1, "www.home", "\6\6\6\6");
	adopt();
	ask(d, &p);
	assert_address(d, 1, "www.home", "\xc0\x00\x02\x50");
	assert_int_equal(d->stage.upstreams[0].asked, 1);
}

static void an_alias_into_a_zone_that_may_not_be_served_is_servfail_and_says_why(void **state)
{
	struct desk *d = *state;
	struct packet p = question("far.test", HF_TYPE_A);
	add_opt(&p, 1232, 0);
	d->stage.upstreams[0].speaks = speaks_of_ours;
	room.entries[0].standing = HF_ZONE_WITHHELD;
	room.entries[0].ede = HF_EDE_NOT_READY;
	adopt();
	for (unsigned i = 0; i < 2; i++) {
		ask(d, &p);
		assert_int_equal(d->view.rcode, HF_RCODE_SERVFAIL);
		assert_int_equal(d->view.edns.ede, HF_EDE_NOT_READY);
		assert_int_equal(d->view.answers, 0);
	}
}

static void what_an_upstream_denies_behind_its_own_alias_is_answered_from_the_zone(void **state)
{
	struct desk *d = *state;
	struct packet p = question("far.test", HF_TYPE_A);
	d->stage.upstreams[0].speaks = denies_ours;
	for (unsigned i = 0; i < 2; i++) {
		ask(d, &p);
		assert_int_equal(d->view.rcode, HF_RCODE_NOERROR);
		assert_int_equal(d->view.answers, 2);
		assert_address(d, 1, "www.home", "\xc0\x00\x02\x50");
	}
}

static void an_old_answer_that_leads_into_a_zone_of_ours_goes_on_there_too(void **state)
{
	struct desk *d = *state;
	struct packet p = question("far.test", HF_TYPE_A);
	add_opt(&p, 1232, 0);
	d->stage.cache_conf.stale = 86400 * HF_SECOND;
	d->stage.cache_conf.stale_after = 1800 * HF_MS;
	d->stage.cache_conf.stale_ttl = 30 * HF_SECOND;
	d->stage.upstreams[0].speaks = speaks_of_ours;
	ask(d, &p);
	run(d, 301 * HF_SECOND);
	d->stage.upstreams[0].speaks = NULL;
	d->stage.upstreams[0].manner = d->stage.upstreams[1].manner = STAGE_SERVFAIL;
	for (unsigned i = 0; i < 2; i++) { /* of a flight, and of the cache */
		ask(d, &p);
		assert_int_equal(d->view.edns.ede, HF_EDE_STALE);
		assert_int_equal(d->view.answers, 2);
		assert_address(d, 1, "www.home", "\xc0\x00\x02\x50");
	}
}

/* The address before the alias, and the alias' signature behind it. */
static void speaks_out_of_order(struct stage_upstream *u, const uint8_t *q, size_t name)
{
	hf_sample_begin(&u->sample, HF_FLAG_QR | HF_FLAG_RA, q + HF_HEADER_LEN, name,
		hf_get_u16(q + HF_HEADER_LEN + name));
	memcpy(u->sample.bytes, q, 2);
	hf_sample_record(&u->sample, HF_SAMPLE_ANSWER, HF_RAW("\3www\4home\0"), HF_TYPE_A, 300,
		HF_RAW("\6\6\6\6"));
	hf_sample_record(&u->sample, HF_SAMPLE_ANSWER, HF_RAW("\xc0\x0c"), HF_TYPE_CNAME, 300,
		HF_RAW("\3www\4home\0"));
	hf_sample_record(&u->sample, HF_SAMPLE_ANSWER, HF_RAW("\xc0\x0c"), HF_TYPE_RRSIG, 300,
		HF_RAW("\0\5\10\2\0\0\1\54\0\0\0\0\0\0\0\0\0\0\4test\0sig"));
}

static void the_order_of_an_upstreams_records_does_not_matter(void **state)
{
	struct desk *d = *state;
	struct packet p = question("far.test", HF_TYPE_A);
	add_opt(&p, 1232, HF_EDNS_DO);
	d->stage.upstreams[0].speaks = speaks_out_of_order;
	for (unsigned i = 0; i < 2; i++) {
		ask(d, &p);
		assert_int_equal(d->view.answers, 3);
		assert_owner(d, 0, "far.test");
		assert_owner(d, 1, "far.test");
		assert_address(d, 2, "www.home", "\xc0\x00\x02\x50");
	}
	d->stage.upstreams[0].speaks = NULL;
}

/* Any name of test. but far.test. is an alias of twice.home. */
static void leads_in_and_out(struct stage_upstream *u, const uint8_t *q, size_t name)
{
	bool far = q[HF_HEADER_LEN] == 3;
	hf_sample_begin(&u->sample, HF_FLAG_QR | HF_FLAG_RA, q + HF_HEADER_LEN, name,
		hf_get_u16(q + HF_HEADER_LEN + name));
	memcpy(u->sample.bytes, q, 2);
	if (far)
		hf_sample_record(&u->sample, HF_SAMPLE_ANSWER, HF_RAW("\xc0\x0c"), HF_TYPE_A, 300,
			HF_RAW("\7\7\7\7"));
	else
		hf_sample_record(&u->sample, HF_SAMPLE_ANSWER, HF_RAW("\xc0\x0c"), HF_TYPE_CNAME,
			300, HF_RAW("\5twice\4home\0"));
}

static void a_chain_may_lead_into_a_zone_of_ours_and_out_again(void **state)
{
	struct desk *d = *state;
	struct packet p = question("xx.test", HF_TYPE_A);
	d->stage.upstreams[0].speaks = d->stage.upstreams[1].speaks = leads_in_and_out;
	for (unsigned i = 0; i < 3; i++) {
		ask(d, &p);
		assert_int_equal(d->view.rcode, HF_RCODE_NOERROR);
		assert_int_equal(d->view.answers, 4);
		assert_owner(d, 0, "xx.test");
		assert_owner(d, 1, "twice.home");
		assert_owner(d, 2, "out.home");
	}
}

/* far.test. is an alias of out.home., for this moment only. */
static void leads_back(struct stage_upstream *u, const uint8_t *q, size_t name)
{
	hf_sample_begin(&u->sample, HF_FLAG_QR | HF_FLAG_RA, q + HF_HEADER_LEN, name,
		hf_get_u16(q + HF_HEADER_LEN + name));
	memcpy(u->sample.bytes, q, 2);
	hf_sample_record(&u->sample, HF_SAMPLE_ANSWER, HF_RAW("\xc0\x0c"), HF_TYPE_CNAME, 0,
		HF_RAW("\3out\4home\0"));
	hf_sample_record(&u->sample, HF_SAMPLE_ANSWER, HF_RAW("\3out\4home\0"), HF_TYPE_A, 0,
		HF_RAW("\6\6\6\6"));
}

static void aliases_in_a_circle_through_an_upstream_ask_it_once(void **state)
{
	struct desk *d = *state;
	struct packet p = question("out.home", HF_TYPE_A);
	d->stage.upstreams[0].speaks = leads_back;
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_LATER);
	run(d, 5 * HF_SECOND);
	assert_int_equal(d->replies, 1);
	assert_int_equal(d->view.rcode, HF_RCODE_SERVFAIL);
	assert_int_equal(d->stage.upstreams[0].asked, 1);
}

static void a_circle_that_begins_at_an_upstream_ends_too(void **state)
{
	struct desk *d = *state;
	struct packet p = question("far.test", HF_TYPE_A);
	d->stage.upstreams[0].speaks = leads_back;
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_LATER);
	run(d, 5 * HF_SECOND);
	assert_int_equal(d->replies, 1);
	assert_int_equal(d->view.rcode, HF_RCODE_SERVFAIL);
	assert_int_equal(d->stage.upstreams[0].asked, 1);
}

static void zones_may_go_while_an_alias_is_being_followed(void **state)
{
	struct desk *d = *state;
	struct packet p = question("out.home", HF_TYPE_A);
	d->stage.upstreams[0].manner = STAGE_HOLDS;
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_LATER);
	run(d, 10 * HF_MS);
	hf_responder_adopt_zones(d->responder, NULL);
	stage_release(&d->stage.upstreams[0]);
	run(d, HF_SECOND);
	assert_int_equal(d->replies, 1);
	assert_int_equal(d->view.answers, 2);
}

static void a_delegation_is_answered_with_a_referral_unless_a_route_lies_there(void **state)
{
	struct desk *d = *state;
	struct packet p = question("x.sub.home", HF_TYPE_A);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.answers, 0);
	assert_int_equal(d->view.authorities, 1);
	assert_int_equal(d->view.additionals, 1);
	assert_false(d->view.flags & HF_FLAG_AA);
	assert_int_equal(stage_counted(&d->stage, HF_COUNT_ZONE_REFERRALS), 1);
	d->stage.route.zone = stage_name("sub.home");
	struct hf_plan *plan = stage_plan(&d->stage);
	hf_worker_adopt(d->stage.worker[0], plan);
	hf_plan_unref(plan);
	ask(d, &p);
	assert_int_equal(d->view.answers, 1);
	assert_int_equal(d->view.authorities, 0);
	assert_int_equal(d->stage.upstreams[0].asked, 1);
	p = question("into.home", HF_TYPE_A); /* the same behind an alias, from the cache */
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.answers, 2);
	assert_owner(d, 1, "x.sub.home");
	p = unrecursive("x.sub.home", HF_TYPE_A);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.authorities, 1);
}

static void any_gets_one_set_over_udp_and_all_over_tcp(void **state)
{
	struct desk *d = *state;
	struct packet p = question("home", HF_TYPE_ANY);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_false(d->view.flags & HF_FLAG_TC);
	assert_int_equal(d->view.answers, 1);
	d->path.transport = HF_TRANSPORT_TCP;
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.answers, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_room, close_room)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_zone_of_ours_is_answered_with_authority_and_nobody_is_asked),
		TEST(who_desires_no_recursion_is_answered_from_zones_and_from_nothing_else),
		TEST(strangers_get_nothing_from_zones_either),
		TEST(what_the_cache_held_of_a_name_is_not_used_once_a_zone_covers_it),
		TEST(zones_that_are_there_when_a_packet_is_answered_count_for_it),
		TEST(a_zone_that_may_not_be_served_says_why_or_says_nothing),
		TEST(what_is_too_long_for_a_datagram_is_truncated_and_keeps_its_authority),
		TEST(a_referral_that_loses_its_glue_is_truncated),
		TEST(an_alias_out_of_the_zone_is_followed_by_asking_upstreams),
		TEST(an_alias_into_another_zone_of_ours_needs_no_upstream),
		TEST(aliases_in_a_circle_through_two_zones_end),
		TEST(more_aliases_than_are_followed_are_no_answer),
		TEST(an_alias_to_a_special_name_asks_nobody),
		TEST(if_the_rest_of_the_aliases_cannot_be_had_the_answer_is_servfail),
		TEST(what_an_upstream_says_of_a_zone_of_ours_behind_an_alias_is_not_used),
		TEST(what_an_upstream_denies_of_a_zone_of_ours_is_answered_from_the_zone),
		TEST(aliases_in_a_circle_through_an_upstream_ask_it_once),
		TEST(an_upstreams_alias_into_a_zone_of_ours_goes_on_in_the_zone),
		TEST(zones_that_come_and_go_change_where_a_kept_alias_leads),
		TEST(an_alias_into_a_zone_that_may_not_be_served_is_servfail_and_says_why),
		TEST(what_an_upstream_denies_behind_its_own_alias_is_answered_from_the_zone),
		TEST(an_old_answer_that_leads_into_a_zone_of_ours_goes_on_there_too),
		TEST(the_order_of_an_upstreams_records_does_not_matter),
		TEST(a_chain_may_lead_into_a_zone_of_ours_and_out_again),
		TEST(a_circle_that_begins_at_an_upstream_ends_too),
		TEST(zones_may_go_while_an_alias_is_being_followed),
		TEST(a_delegation_is_answered_with_a_referral_unless_a_route_lies_there),
		TEST(any_gets_one_set_over_udp_and_all_over_tcp),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
