/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "providers/asker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "loop/loop_sim.h"

#define SERVER "192.0.2.53:53"

/* A server that does as it is told, and one who asks it. */
static struct world {
	struct hf_sim *sim;
	struct hf_loop *here, *there;
	struct hf_endpoint *endpoint;
	struct hf_stream_door *door;
	struct hf_asker *asker;
	bool silent, cut, other_question, garbage;
	size_t udp, tcp;   /* questions that came */
	hf_us first, last; /* ... over UDP */
	size_t calls;
	struct hf_asker_said said;
	unsigned rcode;
	size_t again; /* further questions to ask from within the call */
} w;

static struct hf_address address_of(const char *text)
{
	struct hf_address address;
	assert_int_equal(hf_address_parse(text, 53, &address), 0);
	return address;
}

/* The question, sent back as an answer without records. */
static size_t answer(uint8_t *m, size_t len)
{
	hf_put_u16(m + 2, HF_FLAG_QR | HF_FLAG_AA | HF_RCODE_NXDOMAIN);
	hf_put_u16(m + 10, 0); /* no OPT */
	size_t end = HF_HEADER_LEN + hf_name_wire_len(m + HF_HEADER_LEN, len) + 4;
	if (w.other_question)
		m[HF_HEADER_LEN + 1] ^= 1;
	return w.garbage ? 13 : end;
}

static void received(
	void *ctx, struct hf_endpoint *endpoint, struct hf_datagram *batch, size_t n, hf_us now)
{
	(void)ctx;
	for (size_t i = 0; i < n; i++) {
		w.first = w.udp++ ? w.first : now;
		w.last = now;
		if (w.silent)
			continue;
		batch[i].len = answer(batch[i].bytes, batch[i].len);
		if (w.cut)
			batch[i].bytes[2] |= HF_FLAG_TC >> 8;
		memset(&batch[i].local, 0, sizeof batch[i].local);
		hf_endpoint_send(endpoint, &batch[i], 1, NULL);
	}
}

static void readable(void *ctx, struct hf_stream *stream, unsigned ready, hf_us now)
{
	uint8_t m[1024];
	(void)ctx, (void)now;
	if (!(ready & HF_STREAM_READABLE))
		return;
	int n = hf_stream_read(stream, m, sizeof m);
	if (n == -EAGAIN)
		return;
	if (n <= 2) {
		hf_stream_close(stream);
		return;
	}
	w.tcp++;
	size_t len = answer(m + 2, (size_t)n - 2);
	hf_put_u16(m, (uint16_t)len);
	if (!w.silent)
		hf_stream_write(stream, m, len + 2);
}

static void accepted(void *ctx, struct hf_stream_door *door, struct hf_stream *stream, hf_us now)
{
	static const struct hf_stream_handler handler = {readable};
	(void)ctx, (void)door, (void)now;
	hf_stream_handle(stream, &handler, NULL);
}

static void heard(void *ctx, uint32_t token, const struct hf_asker_said *said, hf_us now);

static void ask_at(const char *to, bool stream)
{
	struct hf_asker_question q = {.to = address_of(to),
		.question = {.type = HF_TYPE_SOA, .class = HF_CLASS_IN},
		.stream = stream,
		.heard = heard,
		.ctx = &w,
		.token = 7};
	assert_int_equal(hf_name_from_text("corp.example", 12, &q.question.name), 0);
	assert_int_equal(hf_asker_ask(w.asker, &q), 0);
}

static void heard(void *ctx, uint32_t token, const struct hf_asker_said *said, hf_us now)
{
	(void)now;
	assert_ptr_equal(ctx, &w);
	assert_int_equal(token, 7);
	w.calls++;
	w.said = *said;
	w.rcode = said->view ? said->view->rcode : 99;
	if (w.again) {
		w.again--;
		ask_at(SERVER, false);
	}
}

static int open_world(void **state)
{
	static const struct hf_endpoint_handler over_udp = {received, NULL};
	static const struct hf_door_handler over_tcp = {accepted};
	struct hf_bind bind = {.address = address_of(SERVER), .fd = -1};
	(void)state;
	memset(&w, 0, sizeof w);
	w.sim = hf_sim_new(5);
	hf_sim_address(w.sim, "there", &bind.address);
	assert_int_equal(hf_sim_loop_new(w.sim, "here", &w.here), 0);
	assert_int_equal(hf_sim_loop_new(w.sim, "there", &w.there), 0);
	assert_int_equal(hf_endpoint_open(w.there, &bind, &over_udp, NULL, &w.endpoint), 0);
	assert_int_equal(hf_door_open(w.there, &bind, &over_tcp, NULL, &w.door), 0);
	assert_int_equal(hf_asker_new(w.here, &w.asker), 0);
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	hf_asker_free(w.asker);
	hf_sim_free(w.sim);
	return 0;
}

static void an_answer_is_heard_once_over_the_transport_that_was_meant(void **state)
{
	(void)state;
	for (unsigned stream = 0; stream < 2; stream++) {
		ask_at(SERVER, stream);
		hf_sim_run_for(w.sim, HF_SECOND);
		assert_int_equal(w.calls, stream + 1);
		assert_int_equal(w.said.reach, HF_REACH_ANSWERS);
		assert_int_equal(w.rcode, HF_RCODE_NXDOMAIN);
		assert_int_equal(w.said.stream, stream);
	}
	assert_int_equal(w.udp, 1);
	assert_int_equal(w.tcp, 1);
}

static void what_was_cut_is_asked_for_over_tcp(void **state)
{
	(void)state;
	w.cut = true;
	ask_at(SERVER, false);
	hf_sim_run_for(w.sim, HF_SECOND);
	assert_int_equal(w.calls, 1);
	assert_int_equal(w.said.reach, HF_REACH_ANSWERS);
	assert_true(w.said.stream);
	assert_int_equal(w.udp, 1);
	assert_int_equal(w.tcp, 1);
}

static void silence_is_told_after_three_tries_in_four_seconds(void **state)
{
	(void)state;
	w.silent = true;
	ask_at(SERVER, false);
	hf_sim_run_for(w.sim, 3900 * HF_MS);
	assert_int_equal(w.calls, 0);
	hf_sim_run_for(w.sim, 200 * HF_MS);
	assert_int_equal(w.calls, 1);
	assert_int_equal(w.said.reach, HF_REACH_SILENT);
	assert_int_equal(w.udp, 3);
}

static void silence_over_tcp_is_told_after_four_seconds(void **state)
{
	(void)state;
	w.silent = true;
	ask_at(SERVER, true);
	hf_sim_run_for(w.sim, 5 * HF_SECOND);
	assert_int_equal(w.calls, 1);
	assert_int_equal(w.said.reach, HF_REACH_SILENT);
}

static void a_closed_port_is_told_at_once(void **state)
{
	(void)state;
	for (unsigned stream = 0; stream < 2; stream++) {
		ask_at("192.0.2.53:54", stream);
		hf_sim_run_for(w.sim, 100 * HF_MS);
		assert_int_equal(w.calls, stream + 1);
		assert_int_equal(w.said.reach, HF_REACH_CLOSED);
	}
}

static void what_answers_something_else_is_garbled(void **state)
{
	(void)state;
	w.other_question = true;
	ask_at(SERVER, false);
	hf_sim_run_for(w.sim, 5 * HF_SECOND);
	assert_int_equal(w.said.reach, HF_REACH_GARBLED);
	w.other_question = false;
	w.garbage = true;
	ask_at(SERVER, false);
	hf_sim_run_for(w.sim, 5 * HF_SECOND);
	assert_int_equal(w.calls, 2);
	assert_int_equal(w.said.reach, HF_REACH_GARBLED);
}

static void a_server_gets_no_more_than_so_many_a_second(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3 * HF_ASKER_RATE; i++)
		ask_at(SERVER, false);
	hf_sim_run_for(w.sim, 10 * HF_SECOND);
	assert_int_equal(w.calls, 3 * HF_ASKER_RATE);
	assert_int_equal(w.udp, 3 * HF_ASKER_RATE);
	assert_true(w.last - w.first >= 2900 * HF_MS);
}

static void tries_again_keep_to_that_as_well(void **state)
{
	(void)state;
	w.silent = true;
	for (unsigned i = 0; i < 4 * HF_ASKER_PER_SERVER; i++)
		ask_at(SERVER, false);
	hf_sim_run_for(w.sim, 60 * HF_SECOND);
	assert_int_equal(w.calls, 4 * HF_ASKER_PER_SERVER);
	assert_int_equal(w.udp, 3 * 4 * HF_ASKER_PER_SERVER);
}

static void what_is_heard_may_lead_to_more_questions(void **state)
{
	(void)state;
	w.again = 5;
	ask_at(SERVER, false);
	hf_sim_run_for(w.sim, HF_SECOND);
	assert_int_equal(w.calls, 6);
}

static void an_asker_may_go_while_it_waits(void **state)
{
	(void)state;
	w.silent = true;
	for (unsigned i = 0; i < 100; i++)
		ask_at(SERVER, i & 1);
	hf_sim_run_for(w.sim, 100 * HF_MS);
	hf_asker_free(w.asker);
	w.asker = NULL;
	hf_sim_run_for(w.sim, 10 * HF_SECOND);
	assert_int_equal(w.calls, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_is_heard_once_over_the_transport_that_was_meant),
		TEST(what_was_cut_is_asked_for_over_tcp),
		TEST(silence_is_told_after_three_tries_in_four_seconds),
		TEST(silence_over_tcp_is_told_after_four_seconds),
		TEST(a_closed_port_is_told_at_once),
		TEST(what_answers_something_else_is_garbled),
		TEST(a_server_gets_no_more_than_so_many_a_second),
		TEST(tries_again_keep_to_that_as_well),
		TEST(what_is_heard_may_lead_to_more_questions),
		TEST(an_asker_may_go_while_it_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
