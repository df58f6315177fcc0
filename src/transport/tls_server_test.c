/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "loop/loop_sim.h"
#include "transport/identity.h"
#include "transport/tls_side.h"

#define NAME "ns.example"
#define DAY 86400
#define SIDES 16
#define LARGE (1 << 20)

struct world {
	struct hf_sim *sim;
	struct hf_loop *here, *there;
	struct hf_address at;
	struct hf_stream_door *door;
	struct identity identity;
	char pem[64], key[64];
	struct hf_tls_server *shown;
	struct hf_tls_tickets *tickets;
	struct side came[SIDES], went[SIDES];
	unsigned accepted;
};

/* ---- who comes ---- */

static void accepted(void *ctx, struct hf_stream_door *door, struct hf_stream *stream, hf_us now)
{
	struct world *w = ctx;
	struct side *s = &w->came[w->accepted++];
	(void)door;
	(void)now;
	s->stream = stream;
	assert_int_equal(hf_tls_accept(stream, w->shown, &s->tls), 0);
	hf_stream_handle(stream, &side_handler, s);
}

/* ---- files ---- */

static void certify(struct identity *i, int from, int last)
{
	const struct identity_conf conf = {
		.cn = "a server", .host = NAME, .from = from, .last = last};
	identity_key(i);
	identity_certify(i, i, &conf);
}

static void make_file(char path[static 64])
{
	snprintf(path, 64, "/tmp/holdfast-shown-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
}

static int load(struct world *w, char why[static HF_TLS_WHY_MAX], struct hf_tls_server **ret)
{
	return hf_tls_server_load(w->pem, w->key, why, ret);
}

/* ---- the world ---- */

static int open_world(void **state)
{
	static const struct hf_door_handler door_handler = {accepted};
	char why[HF_TLS_WHY_MAX] = "";
	struct world *w = calloc(1, sizeof *w);
	assert_non_null(w);
	make_file(w->pem);
	make_file(w->key);
	certify(&w->identity, -1, 30);
	identity_write(&w->identity, w->pem);
	identity_write_key(&w->identity, w->key);
	assert_int_equal(load(w, why, &w->shown), 0);
	w->sim = hf_sim_new(3);
	assert_int_equal(hf_address_parse("192.0.2.1:853", 0, &w->at), 0);
	struct hf_bind bind = {.address = w->at, .fd = -1};
	assert_int_equal(hf_sim_loop_new(w->sim, "here", &w->here), 0);
	assert_int_equal(hf_sim_loop_new(w->sim, "there", &w->there), 0);
	assert_int_equal(hf_door_open(w->there, &bind, &door_handler, w, &w->door), 0);
	assert_int_equal(hf_tls_tickets_new(&w->tickets), 0);
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < SIDES; i++) {
		side_hang_up(&w->came[i]);
		side_hang_up(&w->went[i]);
	}
	unlink(w->pem);
	unlink(w->key);
	identity_clear(&w->identity);
	hf_tls_server_unref(w->shown);
	hf_tls_tickets_free(w->tickets);
	hf_sim_free(w->sim);
	free(w);
	return 0;
}

/* Comes, asking for a protocol, with something to say; and waits for what there is. */
static struct side *come(struct world *w, const char *alpn, size_t gives)
{
	struct hf_tls_peer peer = {.anybody = true};
	struct side *s = &w->went[w->accepted];
	snprintf(peer.alpn, sizeof peer.alpn, "%s", alpn);
	*s = (struct side){.gives = gives};
	assert_int_equal(hf_stream_connect(w->here, &w->at, &side_handler, s, &s->stream), 0);
	assert_int_equal(hf_tls_open(s->stream, &peer, NULL, w->tickets, &s->tls), 0);
	hf_sim_run_for(w->sim, 100 * HF_MS);
	return s;
}

/* ---- sessions ---- */

static void who_comes_is_shown_the_chain_and_talked_to(void **state)
{
	struct world *w = *state;
	w->came[0].gives = 7;
	struct side *s = come(w, "dot", 5);
	assert_true(s->open && w->came[0].open);
	assert_int_equal(w->came[0].got, 5);
	assert_string_equal(hf_tls_alpn(w->came[0].tls), "dot");
	assert_true(hf_tls_is_1_3(w->came[0].tls));
	assert_int_equal(hf_tls_waiting(w->came[0].tls), 0);
	side_hang_up(s);
	hf_sim_run_for(w->sim, 10 * HF_MS);
	assert_true(w->came[0].ended);
	assert_int_equal(w->came[0].error, 0);
}

static void large_amounts_pass_both_ways_at_once(void **state)
{
	struct world *w = *state;
	w->came[0].gives = LARGE;
	struct side *s = come(w, "dot", LARGE);
	hf_sim_run_for(w->sim, 10 * HF_SECOND);
	assert_int_equal(w->came[0].got, LARGE);
	assert_int_equal(s->got, LARGE);
}

static void another_protocol_is_refused_and_none_is_as_good_as_dot(void **state)
{
	struct world *w = *state;
	struct side *s = come(w, "h2", 5);
	assert_false(s->open || w->came[0].open);
	assert_int_equal(w->came[0].error, -EPROTO);
	assert_int_equal(s->error, -EPROTO);
	assert_non_null(strstr(hf_tls_cause(s->tls), "alert"));
	s = come(w, "", 5);
	assert_true(s->open && w->came[1].open);
	assert_string_equal(hf_tls_alpn(w->came[1].tls), "");
}

static void who_comes_back_with_a_ticket_is_known_while_its_key_counts(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < 3; i++) {
		struct side *s = come(w, "dot", 5);
		assert_int_equal(hf_tls_resumed(w->came[i].tls), i > 0);
		side_hang_up(s);
	}
	/* What another process, or this one much later, has sealed is worth nothing. */
	hf_sim_run_for(w->sim, HF_TLS_TICKET_KEY_FOR);
	come(w, "dot", 5);
	assert_true(w->came[3].open);
	assert_false(hf_tls_resumed(w->came[3].tls));
}

static void a_session_goes_on_with_what_it_began_with(void **state)
{
	struct world *w = *state;
	char why[HF_TLS_WHY_MAX];
	struct hf_tls_server *first = w->shown;
	struct side *s = come(w, "dot", 5);
	assert_int_equal(load(w, why, &w->shown), 0);
	assert_true(hf_tls_server_same(first, w->shown));
	hf_tls_server_unref(first);
	s->gives = 10;
	hf_stream_want_write(s->stream, true);
	hf_sim_run_for(w->sim, 100 * HF_MS);
	assert_int_equal(w->came[0].got, 15);
}

/* Who comes with octets that are no TLS. */
struct stranger {
	struct hf_stream *stream;
	const void *octets;
	size_t len;
};

static void say(void *ctx, struct hf_stream *stream, unsigned what, hf_us now)
{
	struct stranger *s = ctx;
	uint8_t bytes[1000];
	(void)now;
	if (what & HF_STREAM_WRITABLE && s->len) {
		assert_int_equal(hf_stream_write(stream, s->octets, s->len), s->len);
		s->len = 0;
	}
	hf_stream_want_write(stream, false);
	(void)hf_stream_read(stream, bytes, sizeof bytes);
}

static void come_with(struct world *w, const void *octets, size_t len)
{
	static const struct hf_stream_handler saying = {say};
	struct stranger s = {.octets = octets, .len = len};
	assert_int_equal(hf_stream_connect(w->here, &w->at, &saying, &s, &s.stream), 0);
	hf_stream_want_write(s.stream, true);
	hf_sim_run_for(w->sim, 100 * HF_MS);
	hf_stream_close(s.stream);
	hf_sim_run_for(w->sim, 10 * HF_MS);
}

static void what_is_no_tls_ends_with_a_word(void **state)
{
	struct world *w = *state;
	static const char http[] = "GET / HTTP/1.1\r\n\r\n";
	static const uint8_t huge[5 + 1000] = {22, 3, 1, 255, 255};
	/* A first message of 16 MiB, of which the beginning is here, in records of 16 KiB. */
	static uint8_t endless[2 * (5 + 16384)] = {22, 3, 1, 64, 0, 1, 255, 255, 255};
	memcpy(endless + 5 + 16384, endless, 5);
	const struct {
		const void *octets;
		size_t len;
	} all[] = {{http, sizeof http - 1}, {huge, sizeof huge}, {endless, sizeof endless}};
	for (unsigned i = 0; i < HF_COUNT_OF(all); i++) {
		come_with(w, all[i].octets, all[i].len);
		assert_false(w->came[i].open);
		assert_int_equal(w->came[i].error, -EPROTO);
	}
}

/* ---- files ---- */

static void a_key_must_be_that_of_the_first_certificate(void **state)
{
	struct world *w = *state;
	struct identity other = {0};
	struct hf_tls_server *none = NULL;
	char why[HF_TLS_WHY_MAX] = "";
	certify(&other, -1, 30);
	identity_write_key(&other, w->key);
	assert_int_equal(load(w, why, &none), HF_ESYNTAX);
	assert_non_null(strstr(why, "is not that of the first certificate"));
	assert_null(none);
	identity_clear(&other);
}

static void a_key_that_everybody_may_read_is_none(void **state)
{
	struct world *w = *state;
	struct hf_tls_server *none = NULL;
	char why[HF_TLS_WHY_MAX] = "";
	assert_int_equal(chmod(w->key, 0644), 0);
	assert_int_equal(load(w, why, &none), -EPERM);
	assert_non_null(strstr(why, "may be read by everybody"));
	assert_int_equal(chmod(w->key, 0640), 0);
	assert_int_equal(load(w, why, &none), 0);
	hf_tls_server_unref(none);
}

static void files_that_hold_something_else_are_told_of(void **state)
{
	struct world *w = *state;
	struct hf_tls_server *none = NULL;
	char why[HF_TLS_WHY_MAX] = "";
	assert_int_equal(hf_tls_server_load("/nonexistent", w->key, why, &none), -ENOENT);
	assert_non_null(strstr(why, "/nonexistent cannot be read"));
	assert_int_equal(hf_tls_server_load("/dev/null", w->key, why, &none), HF_ESYNTAX);
	assert_non_null(strstr(why, "/dev/null is no file"));
	assert_int_equal(hf_tls_server_load(w->key, w->key, why, &none), HF_ESYNTAX);
	assert_int_equal(truncate(w->pem, HF_TLS_FILE_MAX + 1), 0);
	assert_int_equal(load(w, why, &none), HF_EBOUND);
	assert_non_null(strstr(why, "is larger than 256 KiB"));
	assert_int_equal(truncate(w->pem, 0), 0);
	assert_int_equal(load(w, why, &none), HF_ESYNTAX);
	assert_null(none);
}

static void what_is_shown_knows_until_when_it_counts(void **state)
{
	struct world *w = *state;
	assert_int_equal(hf_tls_server_until(w->shown), HF_SIM_WALL + 30 * DAY + 1);
	assert_int_equal(hf_tls_server_from(w->shown), HF_SIM_WALL - DAY);
	char why[HF_TLS_WHY_MAX] = "";
	assert_true(hf_tls_server_lasts(w->shown, HF_SIM_WALL, why));
	assert_true(hf_tls_server_lasts(w->shown, HF_SIM_WALL + 16 * DAY, why));
	assert_false(hf_tls_server_lasts(w->shown, HF_SIM_WALL + 17 * DAY, why));
	assert_string_equal(why, "certificate expires on 2026-01-31: 13 days are left");
	assert_false(hf_tls_server_lasts(w->shown, HF_SIM_WALL + 30 * DAY, why));
	assert_string_equal(why, "certificate expires on 2026-01-31: 0 days are left");
	assert_false(hf_tls_server_lasts(w->shown, HF_SIM_WALL + 30 * DAY + 1, why));
	assert_non_null(strstr(why, "certificate expired on 2026-01-31"));
	assert_false(hf_tls_server_lasts(w->shown, HF_SIM_WALL - DAY - 1, why));
	assert_non_null(strstr(why, "does not count yet"));
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_WORLD(who_comes_is_shown_the_chain_and_talked_to),
		IN_A_WORLD(large_amounts_pass_both_ways_at_once),
		IN_A_WORLD(another_protocol_is_refused_and_none_is_as_good_as_dot),
		IN_A_WORLD(who_comes_back_with_a_ticket_is_known_while_its_key_counts),
		IN_A_WORLD(a_session_goes_on_with_what_it_began_with),
		IN_A_WORLD(what_is_no_tls_ends_with_a_word),
		IN_A_WORLD(a_key_must_be_that_of_the_first_certificate),
		IN_A_WORLD(a_key_that_everybody_may_read_is_none),
		IN_A_WORLD(files_that_hold_something_else_are_told_of),
		IN_A_WORLD(what_is_shown_knows_until_when_it_counts),
	};
	return cmocka_run_group_tests_name("tls_server", tests, NULL, NULL);
}
