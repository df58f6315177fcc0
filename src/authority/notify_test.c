/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/error.h"
#include "loop/loop_sim.h"
#include "wire/message.h"
#include "zone/sample_zone.h"

#define SECONDARIES 2

struct scene;

struct server {
	struct scene *scene;
	struct hf_endpoint *endpoint;
	struct hf_tsig *tsig;
	unsigned heard;  /* NOTIFY messages */
	unsigned asked;  /* for its SOA */
	uint32_t serial; /* of the last one */
	bool silent, unsigned_reply;
	bool keeps;    /* it fetches nothing: */
	uint32_t kept; /* what it serves */
	bool quiet;    /* it has no authority that it would show */
	unsigned rcode;
	hf_us at[64]; /* when */
};

struct scene {
	struct hf_sim *sim;
	struct hf_loop *ours, *theirs;
	struct hf_calls *calls;
	struct server servers[SECONDARIES];
	struct hf_zone_conf zone;
	struct hf_notify *notify;
	unsigned failed, told, moved, moved_when_told;
	char why[80];
};

static const char *const places[SECONDARIES] = {"192.0.2.1:5300", "192.0.2.2:5300"};
static const struct hf_tsig_key key = {.name = {.len = 5, .bytes = "\3key"},
	.algorithm = HF_TSIG_SHA256,
	.secret = (const uint8_t *)"0123456789abcdef",
	.secret_len = 16};

/* The reply to a question for the SOA; returns its length. */
static size_t say_soa(struct server *s, uint8_t *reply, size_t len)
{
	struct hf_writer w = hf_writer(reply, 1500);
	s->asked++;
	w.len = len;
	reply[2] = HF_FLAG_QR >> 8 | (s->quiet ? 0 : HF_FLAG_AA >> 8);
	reply[3] = s->quiet ? HF_RCODE_REFUSED : 0;
	if (s->quiet)
		return len;
	reply[7] = 1;
	hf_write_u16(&w, 0xc000 | HF_HEADER_LEN);
	hf_write_u16(&w, HF_TYPE_SOA);
	hf_write_u16(&w, HF_CLASS_IN);
	hf_write_u32(&w, 60);
	hf_write_u16(&w, 22);
	hf_write_u16(&w, 0); /* two roots */
	hf_write_u32(&w, s->keeps ? s->kept : s->serial);
	for (unsigned i = 0; i < 4; i++)
		hf_write_u32(&w, 60);
	return w.len;
}

/* Notes a NOTIFY, and writes its reply over it. */
static size_t take_notify(struct server *s, uint8_t *m, size_t len, hf_us now)
{
	struct hf_errand_view view;
	assert_int_equal(hf_errand_read(m, len, &view), HF_QUERY_GOOD);
	assert_true(view.notify && view.has_serial && view.query.flags & HF_FLAG_AA);
	assert_int_equal(view.query.question.type, HF_TYPE_SOA);
	s->serial = view.serial;
	if (s->heard < 64)
		s->at[s->heard] = now;
	s->heard++;
	memset(m + 6, 0, 6);
	m[2] |= 0x80;
	m[3] = (uint8_t)s->rcode;
	return HF_HEADER_LEN + view.query.question_len;
}

static void received(
	void *ctx, struct hf_endpoint *endpoint, struct hf_datagram *batch, size_t n, hf_us now)
{
	struct server *s = ctx;
	uint8_t reply[1500];
	for (size_t i = 0; i < n; i++) {
		const struct hf_tsig_key *used;
		size_t len = batch[i].len;
		memcpy(reply, batch[i].bytes, len);
		bool notify = hf_message_opcode(reply) == HF_OPCODE_NOTIFY;
		if (s->tsig && notify)
			assert_int_equal(hf_tsig_check_request(s->tsig, reply, &len,
						 (uint64_t)hf_loop_wall(s->scene->theirs), &used),
				HF_TSIG_GOOD);
		if (notify)
			len = take_notify(s, reply, len, now);
		else
			len = s->silent ? len : say_soa(s, reply, len);
		if (s->silent)
			continue;
		if (s->tsig && notify && !s->unsigned_reply)
			assert_int_equal(hf_tsig_sign(s->tsig, reply, &len, sizeof reply,
						 (uint64_t)hf_loop_wall(s->scene->theirs)),
				0);
		struct hf_datagram d = {.bytes = reply, .len = len, .peer = batch[i].peer};
		hf_endpoint_send(endpoint, &d, 1, NULL);
	}
}

static void failed(
	void *ctx, const struct hf_address *who, uint32_t serial, const char *why, hf_us now)
{
	struct scene *s = ctx;
	(void)who;
	(void)serial;
	(void)now;
	s->failed++;
	snprintf(s->why, sizeof s->why, "%s", why);
}

static void told(void *ctx, const struct hf_address *who, uint32_t serial, hf_us now)
{
	struct scene *s = ctx;
	(void)who;
	(void)serial;
	(void)now;
	s->told++;
	s->moved_when_told = s->moved;
}

static void moved(void *ctx)
{
	struct scene *s = ctx;
	s->moved++;
}

static void begin(struct scene *s, const struct hf_tsig_key *with, const struct hf_notify *before)
{
	const struct hf_notify_conf conf = {.calls = s->calls,
		.zone = &s->zone,
		.key = with,
		.failed = failed,
		.told = told,
		.moved = moved,
		.ctx = s};
	assert_int_equal(hf_notify_new(&conf, before, &s->notify), 0);
}

static int open_scene(void **state)
{
	static const struct hf_endpoint_handler handler = {received, NULL};
	struct scene *s = calloc(1, sizeof *s);
	assert_non_null(s);
	s->sim = hf_sim_new(7);
	assert_int_equal(hf_sim_loop_new(s->sim, "us", &s->ours), 0);
	assert_int_equal(hf_sim_loop_new(s->sim, "them", &s->theirs), 0);
	for (unsigned i = 0; i < SECONDARIES; i++) {
		struct hf_bind bind = {.fd = -1};
		assert_int_equal(hf_address_parse(places[i], 53, &bind.address), 0);
		s->servers[i].scene = s;
		assert_int_equal(hf_endpoint_open(s->theirs, &bind, &handler, &s->servers[i],
					 &s->servers[i].endpoint),
			0);
	}
	assert_int_equal(hf_calls_new(s->ours, &s->calls), 0);
	assert_int_equal(hf_name_from_text("example", 7, &s->zone.name), 0);
	s->zone.notify = (struct hf_text_list){(const char **)(uintptr_t)places, SECONDARIES};
	begin(s, NULL, NULL);
	*state = s;
	return 0;
}

static int close_scene(void **state)
{
	struct scene *s = *state;
	hf_notify_free(s->notify);
	hf_calls_free(s->calls);
	for (unsigned i = 0; i < SECONDARIES; i++) {
		hf_endpoint_close(s->servers[i].endpoint);
		hf_tsig_free(s->servers[i].tsig);
	}
	hf_sim_free(s->sim);
	free(s);
	return 0;
}

static void tell(struct scene *s, unsigned serial)
{
	char text[200];
	snprintf(text, sizeof text,
		"@ 3600 SOA ns.example. admin.example. %u 7200 600 86400 60\n@ NS ns.example.\n",
		serial);
	struct hf_zone *zone = hf_sample_zone("example", text);
	hf_notify_tell(s->notify, zone, hf_loop_now(s->ours));
	hf_zone_unref(zone);
}

static void each_secondary_hears_of_a_version_once(void **state)
{
	struct scene *s = *state;
	tell(s, 5);
	hf_sim_run_for(s->sim, 300 * HF_SECOND);
	tell(s, 5);
	hf_sim_run_for(s->sim, 300 * HF_SECOND);
	for (unsigned i = 0; i < SECONDARIES; i++) {
		assert_int_equal(s->servers[i].heard, 1);
		assert_int_equal(s->servers[i].serial, 5);
	}
	tell(s, 6);
	hf_sim_run_for(s->sim, 5 * HF_SECOND);
	assert_int_equal(s->servers[0].heard, 2);
	assert_int_equal(s->servers[0].serial, 6);
	assert_int_equal(hf_notify_figures(s->notify).answered, 4);
	assert_int_equal(s->failed, 0);
}

static void who_is_silent_is_told_again_less_and_less_often_and_delays_nobody(void **state)
{
	struct scene *s = *state;
	s->servers[0].silent = true;
	tell(s, 5);
	hf_sim_run_for(s->sim, HF_SECOND);
	assert_int_equal(s->servers[1].heard, 1);
	hf_sim_run_for(s->sim, 500 * HF_SECOND);
	assert_in_range(s->servers[0].heard, HF_NOTIFY_TRIES, HF_NOTIFY_TRIES + 2);
	assert_int_equal(s->servers[1].heard, 1);
	for (unsigned i = 2; i < HF_NOTIFY_TRIES; i++)
		assert_true(s->servers[0].at[i] - s->servers[0].at[i - 1] >= 3 * HF_SECOND);
	hf_us last = s->servers[0].at[HF_NOTIFY_TRIES - 1] - s->servers[0].at[HF_NOTIFY_TRIES - 2];
	assert_in_range(last, 46 * HF_SECOND, 63 * HF_SECOND);
	assert_int_equal(s->failed, 1);
	assert_string_equal(s->why, "it does not answer");
	s->servers[0].silent = false;
	tell(s, 6); /* a new version is a new beginning */
	hf_sim_run_for(s->sim, 3 * HF_SECOND);
	assert_int_equal(s->servers[0].serial, 6);
}

static void who_is_back_after_hours_is_told_within_two_minutes_though_nothing_changes(void **state)
{
	struct scene *s = *state;
	s->servers[0].silent = true;
	tell(s, 5);
	hf_sim_run_for(s->sim, 4 * 3600 * HF_SECOND);
	assert_int_equal(s->failed, 1);
	assert_int_equal(hf_notify_figures(s->notify).untold, 1);
	/* A message every two minutes, less up to a quarter. */
	assert_in_range(s->servers[0].heard, 110, 170);
	unsigned heard = s->servers[0].heard;
	s->servers[0].silent = false;
	hf_sim_run_for(s->sim, HF_NOTIFY_SELDOM + 3 * HF_SECOND);
	assert_int_equal(s->servers[0].heard, heard + 1);
	hf_sim_run_for(s->sim, 10 * HF_SECOND);
	assert_int_equal(s->told, 1);
	assert_true(s->moved > s->moved_when_told); /* or metrics would say what was */
	assert_int_equal(hf_notify_figures(s->notify).untold, 0);
	hf_sim_run_for(s->sim, 3600 * HF_SECOND);
	assert_int_equal(s->servers[0].heard, heard + 1);
	assert_int_equal(s->servers[1].heard, 1);
}

static void a_zone_that_changes_all_the_time_does_not_flood_who_is_silent(void **state)
{
	struct scene *s = *state;
	s->servers[0].silent = true;
	for (unsigned i = 1; i <= 120; i++) {
		tell(s, i);
		hf_sim_run_for(s->sim, 500 * HF_MS);
		assert_int_equal(s->servers[1].serial, i);
	}
	assert_int_equal(s->servers[1].heard, 120);
	assert_in_range(s->servers[0].heard, 20, 31);
	assert_int_equal(s->failed, 1); /* told of once, though no version was tried for long */
	s->servers[0].silent = false;
	hf_sim_run_for(s->sim, 5 * HF_SECOND);
	assert_int_equal(s->servers[0].serial, 120);
	hf_sim_run_for(s->sim, 20 * HF_SECOND);
	assert_int_equal(s->told, 1);
}

static void many_zones_of_a_silent_secondary_hold_up_nobody_else(void **state)
{
	struct scene *s = *state;
	enum { ZONES = 2 * HF_CALLS_NOTIFIES };
	struct hf_zone_conf dark = s->zone, well = s->zone;
	struct hf_notify *many[ZONES];
	dark.notify.count = 1;
	well.notify = (struct hf_text_list){(const char **)(uintptr_t)(places + 1), 1};
	s->servers[0].silent = true;
	s->zone = dark;
	for (unsigned i = 0; i < ZONES; i++) {
		struct hf_notify *own = s->notify;
		begin(s, NULL, NULL);
		tell(s, 1);
		many[i] = s->notify;
		s->notify = own;
	}
	hf_notify_free(s->notify);
	s->zone = well;
	begin(s, NULL, NULL);
	hf_sim_run_for(s->sim, 5 * HF_SECOND); /* all of them have been in vain once */
	for (unsigned serial = 2; serial < 50; serial++) {
		tell(s, serial);
		hf_sim_run_for(s->sim, 500 * HF_MS);
		assert_int_equal(s->servers[1].serial, serial);
	}
	assert_true(s->servers[0].heard > 3 * ZONES / 2);
	for (unsigned i = 0; i < ZONES; i++)
		hf_notify_free(many[i]);
}

static void who_has_heard_and_does_not_fetch_is_told_again_and_complained_of(void **state)
{
	struct scene *s = *state;
	s->servers[0].keeps = true;
	s->servers[0].kept = 4;
	tell(s, 5);
	hf_sim_run_for(s->sim, 20 * HF_SECOND);
	assert_in_range(s->servers[0].heard, 2, 3);
	assert_int_equal(s->failed, 0);
	hf_sim_run_for(s->sim, 3600 * HF_SECOND);
	assert_int_equal(s->failed, 1);
	assert_string_equal(s->why, "it was told, and still serves serial 4");
	assert_in_range(s->servers[0].heard, 30, 50);
	assert_int_equal(s->servers[1].heard, 1);
	s->servers[0].kept = 6; /* newer than ours: nothing to be told */
	hf_sim_run_for(s->sim, 2 * HF_NOTIFY_SELDOM);
	assert_int_equal(s->told, 1);
	unsigned asked = s->servers[0].asked;
	hf_sim_run_for(s->sim, 3600 * HF_SECOND);
	assert_int_equal(s->servers[0].asked, asked);
	assert_int_equal(s->servers[1].asked, 1);
}

static void who_does_not_say_what_it_serves_is_believed(void **state)
{
	struct scene *s = *state;
	s->servers[0].quiet = true;
	tell(s, 5);
	hf_sim_run_for(s->sim, 3600 * HF_SECOND);
	assert_int_equal(s->servers[0].heard, 1);
	assert_int_equal(s->servers[0].asked, 1);
	assert_int_equal(s->failed, 0);
}

static void who_is_gone_after_it_has_heard_is_told_when_it_is_back_with_an_old_version(void **state)
{
	struct scene *s = *state;
	tell(s, 5);
	hf_sim_run_for(s->sim, 2 * HF_SECOND);
	s->servers[0].silent = s->servers[0].keeps = true;
	s->servers[0].kept = 4;
	hf_sim_run_for(s->sim, 4 * 3600 * HF_SECOND);
	assert_int_equal(s->servers[0].heard, 1);
	s->servers[0].silent = false;
	hf_sim_run_for(s->sim, HF_NOTIFY_SELDOM + 3 * HF_SECOND);
	assert_true(s->servers[0].heard >= 2);
	s->servers[0].keeps = false;
	hf_sim_run_for(s->sim, 2 * HF_NOTIFY_SELDOM);
	unsigned heard = s->servers[0].heard;
	hf_sim_run_for(s->sim, 3600 * HF_SECOND);
	assert_int_equal(s->servers[0].heard, heard);
}

static void a_newer_version_takes_the_place_of_one_that_nobody_has_heard_of(void **state)
{
	struct scene *s = *state;
	s->servers[0].silent = true;
	tell(s, 5);
	hf_sim_run_for(s->sim, 10 * HF_SECOND);
	s->servers[0].silent = false;
	unsigned heard = s->servers[0].heard;
	tell(s, 6);
	hf_sim_run_for(s->sim, 600 * HF_SECOND);
	assert_int_equal(s->servers[0].heard, heard + 1);
	assert_int_equal(s->servers[0].serial, 6);
}

static void who_says_no_is_told_seldom_and_complained_of_once(void **state)
{
	struct scene *s = *state;
	s->servers[0].rcode = HF_RCODE_REFUSED;
	tell(s, 5);
	hf_sim_run_for(s->sim, 10 * HF_SECOND);
	tell(s, 5); /* which is said whenever anything about the zone is looked at */
	hf_sim_run_for(s->sim, 1190 * HF_SECOND);
	assert_in_range(s->servers[0].heard, 10, 14);
	assert_int_equal(s->failed, 1);
	assert_string_equal(s->why, "it answers with REFUSED");
	s->servers[0].rcode = 0;
	hf_sim_run_for(s->sim, HF_NOTIFY_SELDOM + 10 * HF_SECOND);
	assert_int_equal(s->told, 1);
}

static void who_does_not_know_what_a_notify_is_is_not_told_again(void **state)
{
	struct scene *s = *state;
	s->servers[0].rcode = HF_RCODE_NOTIMP;
	tell(s, 5);
	hf_sim_run_for(s->sim, 3600 * HF_SECOND);
	tell(s, 5);
	hf_sim_run_for(s->sim, 3600 * HF_SECOND);
	assert_int_equal(s->servers[0].heard, 1);
	assert_int_equal(s->failed, 1);
}

static void with_a_key_only_a_signed_reply_counts(void **state)
{
	struct scene *s = *state;
	hf_notify_free(s->notify);
	begin(s, &key, NULL);
	for (unsigned i = 0; i < SECONDARIES; i++)
		assert_int_equal(hf_tsig_new(&key, 1, &s->servers[i].tsig), 0);
	s->servers[1].unsigned_reply = true;
	tell(s, 5);
	hf_sim_run_for(s->sim, 3600 * HF_SECOND);
	assert_int_equal(s->servers[0].heard, 1);
	assert_int_equal(s->servers[0].asked, 1);
	assert_true(s->servers[1].heard > HF_NOTIFY_TRIES);
	assert_int_equal(s->failed, 1);
}

static void a_reload_tells_nobody_again(void **state)
{
	struct scene *s = *state;
	tell(s, 5);
	hf_sim_run_for(s->sim, 5 * HF_SECOND);
	struct hf_notify *before = s->notify;
	begin(s, NULL, before);
	hf_notify_free(before);
	tell(s, 5);
	hf_sim_run_for(s->sim, 5 * HF_SECOND);
	assert_int_equal(s->servers[0].heard, 1);
	tell(s, 6);
	hf_sim_run_for(s->sim, 5 * HF_SECOND);
	assert_int_equal(s->servers[0].heard, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_secondary_hears_of_a_version_once),
		TEST(who_is_silent_is_told_again_less_and_less_often_and_delays_nobody),
		TEST(a_newer_version_takes_the_place_of_one_that_nobody_has_heard_of),
		TEST(who_is_back_after_hours_is_told_within_two_minutes_though_nothing_changes),
		TEST(a_zone_that_changes_all_the_time_does_not_flood_who_is_silent),
		TEST(many_zones_of_a_silent_secondary_hold_up_nobody_else),
		TEST(who_has_heard_and_does_not_fetch_is_told_again_and_complained_of),
		TEST(who_does_not_say_what_it_serves_is_believed),
		TEST(who_is_gone_after_it_has_heard_is_told_when_it_is_back_with_an_old_version),
		TEST(who_says_no_is_told_seldom_and_complained_of_once),
		TEST(who_does_not_know_what_a_notify_is_is_not_told_again),
		TEST(with_a_key_only_a_signed_reply_counts),
		TEST(a_reload_tells_nobody_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
