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
	unsigned heard;
	uint32_t serial;
	bool silent, unsigned_reply;
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
	unsigned failed;
	char why[80];
};

static const char *const places[SECONDARIES] = {"192.0.2.1:5300", "192.0.2.2:5300"};
static const struct hf_tsig_key key = {.name = {.len = 5, .bytes = "\3key"},
	.algorithm = HF_TSIG_SHA256,
	.secret = (const uint8_t *)"0123456789abcdef",
	.secret_len = 16};

static void received(
	void *ctx, struct hf_endpoint *endpoint, struct hf_datagram *batch, size_t n, hf_us now)
{
	struct server *s = ctx;
	uint8_t reply[1500];
	for (size_t i = 0; i < n; i++) {
		struct hf_errand_view view;
		const struct hf_tsig_key *used;
		size_t len = batch[i].len;
		memcpy(reply, batch[i].bytes, len);
		if (s->tsig)
			assert_int_equal(hf_tsig_check_request(s->tsig, reply, &len,
						 (uint64_t)hf_loop_wall(s->scene->theirs), &used),
				HF_TSIG_GOOD);
		assert_int_equal(hf_errand_read(reply, len, &view), HF_QUERY_GOOD);
		assert_true(view.notify && view.has_serial && view.query.flags & HF_FLAG_AA);
		assert_int_equal(view.query.question.type, HF_TYPE_SOA);
		s->serial = view.serial;
		if (s->heard < 64)
			s->at[s->heard] = now;
		s->heard++;
		if (s->silent)
			continue;
		len = HF_HEADER_LEN + view.query.question_len;
		memset(reply + 6, 0, 6);
		reply[2] |= 0x80;
		reply[3] = (uint8_t)s->rcode;
		if (s->tsig && !s->unsigned_reply)
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

static void begin(struct scene *s, const struct hf_tsig_key *with, const struct hf_notify *before)
{
	const struct hf_notify_conf conf = {
		.calls = s->calls, .zone = &s->zone, .key = with, .failed = failed, .ctx = s};
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
	hf_sim_run_for(s->sim, 3600 * HF_SECOND);
	assert_int_equal(s->servers[0].heard, HF_NOTIFY_TRIES);
	assert_int_equal(s->servers[1].heard, 1);
	for (unsigned i = 2; i < HF_NOTIFY_TRIES; i++)
		assert_true(s->servers[0].at[i] - s->servers[0].at[i - 1] >= 3 * HF_SECOND);
	hf_us last = s->servers[0].at[HF_NOTIFY_TRIES - 1] - s->servers[0].at[HF_NOTIFY_TRIES - 2];
	assert_in_range(last, 46 * HF_SECOND, 63 * HF_SECOND);
	assert_int_equal(s->failed, 1);
	assert_string_equal(s->why, "it does not answer");
	s->servers[0].silent = false;
	tell(s, 6); /* a new version is a new beginning */
	hf_sim_run_for(s->sim, HF_SECOND);
	assert_int_equal(s->servers[0].serial, 6);
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

static void who_says_no_is_not_told_again(void **state)
{
	struct scene *s = *state;
	s->servers[0].rcode = HF_RCODE_REFUSED;
	tell(s, 5);
	hf_sim_run_for(s->sim, 600 * HF_SECOND);
	assert_int_equal(s->servers[0].heard, 1);
	assert_int_equal(s->failed, 1);
	assert_string_equal(s->why, "it answers with RCODE 5");
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
	assert_int_equal(s->servers[1].heard, HF_NOTIFY_TRIES);
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
		TEST(who_says_no_is_not_told_again),
		TEST(with_a_key_only_a_signed_reply_counts),
		TEST(a_reload_tells_nobody_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
