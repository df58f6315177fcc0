/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "loop/loop_sim.h"
#include "transport/identity.h"
#include "transport/tcp.h"
#include "transport/tls_side.h"

#define DAY 86400
#define NAME "dns.example"
#define SERVERS 80
#define LARGE (1 << 20)

/* What the tests are made from, once: keys take time. */
static struct identity authority, stranger, impostor;

struct server {
	struct world *w;
	struct hf_stream *stream;
	gnutls_session_t tls;
	bool open, resumed;
	uint8_t out[65536];
	size_t out_len;
	size_t got;   /* octets of application data */
	size_t gives; /* octets still to be sent, unasked */
};

struct world {
	struct hf_sim *sim;
	struct hf_loop *here, *there;
	struct hf_address at;
	struct hf_stream_door *door;
	gnutls_certificate_credentials_t credentials;
	gnutls_datum_t ticket_key;
	struct identity identity;
	struct hf_trust *trust;
	struct hf_tls_tickets *tickets;
	struct server servers[SERVERS];
	unsigned accepted;
	bool plain; /* talks, but not TLS */
	bool hangs_up;
	bool echoes; /* gives back what it gets: a question is its own answer */
	size_t drip; /* octets that it sends in a millisecond; 0: all */
	const char *priority, *alpn;
};

/* ---- certificates ---- */

/* A certificate for up to two hosts, or an authority's, from..last days off the start. */
static void certify_as(const char *cn, struct identity *i, const struct identity *by,
	const char *host, const char *other, int from, int last)
{
	static const uint8_t address[] = {192, 0, 2, 1};
	const struct identity_conf conf = {cn, host, other, address, from, last};
	identity_certify(i, by, &conf);
}

static void certify(struct identity *i, const struct identity *by, const char *host,
	const char *other, int from, int last)
{
	certify_as(host ? "a server" : "Test CA", i, by, host, other, from, last);
}

static int make_authorities(void **state)
{
	(void)state;
	identity_key(&authority);
	certify(&authority, &authority, NULL, NULL, -1000, 1000);
	identity_key(&stranger);
	certify_as("Another CA", &stranger, &stranger, NULL, NULL, -1000, 1000);
	identity_key(&impostor);
	certify(&impostor, &impostor, NULL, NULL, -1000, 1000);
	return 0;
}

static int forget_authorities(void **state)
{
	(void)state;
	identity_clear(&authority);
	identity_clear(&stranger);
	identity_clear(&impostor);
	return 0;
}

static struct hf_pin pin_of(const struct identity *i)
{
	struct hf_pin pin;
	size_t size = sizeof pin;
	assert_int_equal(
		gnutls_x509_crt_get_key_id(i->cert, GNUTLS_KEYID_USE_SHA256, pin.sha256, &size), 0);
	return pin;
}

/* ---- the other side ---- */

static ssize_t server_push(gnutls_transport_ptr_t ctx, const void *bytes, size_t len)
{
	struct server *s = ctx;
	if (s->out_len + len > sizeof s->out) {
		gnutls_transport_set_errno(s->tls, EAGAIN);
		return -1;
	}
	memcpy(s->out + s->out_len, bytes, len);
	s->out_len += len;
	return (ssize_t)len;
}

static ssize_t server_pull(gnutls_transport_ptr_t ctx, void *bytes, size_t cap)
{
	struct server *s = ctx;
	int n = hf_stream_read(s->stream, bytes, cap);
	if (n < 0)
		gnutls_transport_set_errno(s->tls, -n);
	return n < 0 ? -1 : n;
}

static void server_end(struct server *s)
{
	hf_stream_close(s->stream);
	s->stream = NULL;
	if (s->tls)
		gnutls_deinit(s->tls);
	s->tls = NULL;
}

static void server_flush(struct server *s)
{
	size_t most = s->w->drip && s->w->drip < s->out_len ? s->w->drip : s->out_len;
	int n = hf_stream_write(s->stream, s->out, most);
	if (n > 0)
		memmove(s->out, s->out + n, s->out_len -= (size_t)n);
	hf_stream_want_write(s->stream, !s->w->drip && (s->out_len || s->gives));
}

static void server_gives(struct server *s)
{
	static const uint8_t zeros[10000];
	while (s->gives) {
		ssize_t n = gnutls_record_send(
			s->tls, zeros, s->gives < sizeof zeros ? s->gives : sizeof zeros);
		if (n <= 0)
			return;
		s->gives -= (size_t)n;
	}
}

static void server_ready(void *ctx, struct hf_stream *stream, unsigned what, hf_us now)
{
	struct server *s = ctx;
	uint8_t bytes[4096];
	ssize_t n = GNUTLS_E_AGAIN;
	(void)what;
	(void)now;
	if (s->w->plain) {
		if (hf_stream_read(stream, bytes, sizeof bytes) <= 0)
			server_end(s);
		else
			assert_true(hf_stream_write(
					    stream, (const uint8_t *)"\0\x0cno TLS here", 14) > 0);
		return;
	}
	if (!s->open) {
		n = gnutls_handshake(s->tls);
		s->open = n == 0;
		s->resumed = s->open && gnutls_session_is_resumed(s->tls);
	}
	while (s->open && (n = gnutls_record_recv(s->tls, bytes, sizeof bytes)) > 0) {
		s->got += (size_t)n;
		if (s->w->echoes)
			assert_int_equal(gnutls_record_send(s->tls, bytes, (size_t)n), n);
	}
	if (n != GNUTLS_E_AGAIN) {
		server_end(s);
		return;
	}
	if (s->open)
		server_gives(s);
	server_flush(s);
}

static void accepted(void *ctx, struct hf_stream_door *door, struct hf_stream *stream, hf_us now)
{
	static const struct hf_stream_handler handler = {server_ready};
	struct world *w = ctx;
	(void)door;
	(void)now;
	assert_true(w->accepted < SERVERS);
	struct server *s = &w->servers[w->accepted++];
	s->w = w;
	if (w->hangs_up) {
		hf_stream_close(stream);
		return;
	}
	s->stream = stream;
	assert_int_equal(gnutls_init(&s->tls, GNUTLS_SERVER | GNUTLS_NONBLOCK), 0);
	gnutls_credentials_set(s->tls, GNUTLS_CRD_CERTIFICATE, w->credentials);
	assert_int_equal(
		gnutls_priority_set_direct(s->tls, w->priority ? w->priority : "NORMAL", NULL), 0);
	gnutls_session_ticket_enable_server(s->tls, &w->ticket_key);
	if (w->alpn) {
		gnutls_datum_t alpn = {(unsigned char *)w->alpn, (unsigned)strlen(w->alpn)};
		gnutls_alpn_set_protocols(s->tls, &alpn, 1, 0);
	}
	gnutls_transport_set_ptr(s->tls, s);
	gnutls_transport_set_push_function(s->tls, server_push);
	gnutls_transport_set_pull_function(s->tls, server_pull);
	hf_stream_handle(stream, &handler, s);
}

static const struct hf_door_handler door_handler = {accepted};

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	assert_non_null(w);
	w->sim = hf_sim_new(3);
	assert_int_equal(hf_address_parse("192.0.2.1:853", 0, &w->at), 0);
	struct hf_bind bind = {.address = w->at, .fd = -1};
	assert_int_equal(hf_sim_loop_new(w->sim, "here", &w->here), 0);
	assert_int_equal(hf_sim_loop_new(w->sim, "there", &w->there), 0);
	assert_int_equal(hf_door_open(w->there, &bind, &door_handler, w, &w->door), 0);
	assert_int_equal(gnutls_session_ticket_key_generate(&w->ticket_key), 0);
	assert_int_equal(hf_tls_tickets_new(&w->tickets), 0);
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < w->accepted; i++)
		if (w->servers[i].stream)
			server_end(&w->servers[i]);
	hf_tls_tickets_free(w->tickets);
	hf_trust_unref(w->trust);
	if (w->credentials)
		gnutls_certificate_free_credentials(w->credentials);
	gnutls_free(w->ticket_key.data);
	identity_clear(&w->identity);
	hf_sim_free(w->sim);
	free(w);
	return 0;
}

static void forget_tickets(struct world *w)
{
	hf_tls_tickets_free(w->tickets);
	assert_int_equal(hf_tls_tickets_new(&w->tickets), 0);
}

static struct hf_trust *trust_in(const struct identity *who)
{
	char path[] = "/tmp/holdfast-tls-XXXXXX";
	struct hf_trust *trust = NULL;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	identity_write(who, path);
	assert_int_equal(hf_trust_load(path, &trust), 0);
	assert_int_equal(hf_trust_size(trust), 1);
	unlink(path);
	return trust;
}

/* The server's certificate, signed by `by`; the authority is trusted. */
static void serve_as(struct world *w, const struct identity *by, const char *host,
	const char *other, int from, int last)
{
	if (!w->trust)
		w->trust = trust_in(&authority);
	if (w->credentials)
		gnutls_certificate_free_credentials(w->credentials);
	identity_clear(&w->identity);
	identity_key(&w->identity);
	certify(&w->identity, by ? by : &w->identity, host, other, from, last);
	w->credentials = identity_credentials(&w->identity);
}

/* The same by way of an authority in between, which the server sends along; and behind it
 * what else it may send: a certificate of the authority by one that is gone. */
static void serve_by_way_of_another(
	struct world *w, int since, int last, bool sends_it, bool sends_more)
{
	struct identity between = {0}, crossed = {0}, gone = {0};
	gnutls_x509_crt_t chain[3];
	unsigned count = 1;
	serve_as(w, &authority, NAME, NULL, -1, 30);
	identity_key(&between);
	certify_as("In Between CA", &between, &authority, NULL, NULL, since, last);
	identity_key(&gone);
	certify_as("Gone CA", &gone, &gone, NULL, NULL, -2000, -1000);
	crossed.key = authority.key;
	certify(&crossed, &gone, NULL, NULL, -2000, -1000);
	gnutls_x509_crt_deinit(w->identity.cert);
	certify(&w->identity, &between, NAME, NULL, -1, 30);
	chain[0] = w->identity.cert;
	if (sends_it)
		chain[count++] = between.cert;
	if (sends_more)
		chain[count++] = crossed.cert;
	gnutls_certificate_free_keys(w->credentials);
	assert_int_equal(
		gnutls_certificate_set_x509_key(w->credentials, chain, (int)count, w->identity.key),
		0);
	crossed.key = NULL;
	identity_clear(&between);
	identity_clear(&crossed);
	identity_clear(&gone);
}

/* ---- this side ---- */

static struct hf_tls_peer peer_named(const char *name)
{
	struct hf_tls_peer peer = {.alpn = "dot"};
	snprintf(peer.name, sizeof peer.name, "%s", name);
	return peer;
}

static void dial(struct world *w, struct side *c, const struct hf_tls_peer *peer)
{
	*c = (struct side){.gives = c->gives};
	assert_int_equal(hf_stream_connect(w->here, &w->at, &side_handler, c, &c->stream), 0);
	assert_int_equal(hf_tls_open(c->stream, peer, w->trust, w->tickets, &c->tls), 0);
}

static void call(struct world *w, struct side *c, const struct hf_tls_peer *peer)
{
	dial(w, c, peer);
	hf_sim_run_for(w->sim, 100 * HF_MS);
}

static void hang_up(struct world *w, struct side *c)
{
	side_hang_up(c);
	hf_sim_run_for(w->sim, 10 * HF_MS);
}

static void expect_no(struct world *w, const struct hf_tls_peer *peer, const char *cause)
{
	struct side c = {.gives = 5};
	call(w, &c, peer);
	assert_string_equal(hf_tls_cause(c.tls), cause);
	assert_int_equal(c.error, HF_EAUTH);
	assert_int_equal(hf_tls_handshake(c.tls), HF_EAUTH);
	assert_int_equal(hf_tls_write(c.tls, (const uint8_t *)"secret", 6), HF_EAUTH);
	hang_up(w, &c);
	assert_int_equal(w->servers[w->accepted - 1].got, 0);
	assert_null(w->servers[w->accepted - 1].stream);
}

static void expect_yes(struct world *w, const struct hf_tls_peer *peer)
{
	struct side c = {.gives = 5};
	call(w, &c, peer);
	assert_string_equal(hf_tls_cause(c.tls), "");
	assert_true(c.open && !c.ended);
	assert_int_equal(w->servers[w->accepted - 1].got, 5);
	hang_up(w, &c);
}

/* ---- tests ---- */

static void a_peer_that_proves_its_name_is_talked_to(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = peer_named(NAME);
	struct side c = {.gives = 100};
	w->alpn = "dot";
	serve_as(w, &authority, NAME, NULL, -1, 30);
	call(w, &c, &peer);
	assert_true(c.open && !c.ended);
	assert_string_equal(hf_tls_alpn(c.tls), "dot");
	assert_int_equal(hf_tls_until(c.tls), HF_SIM_WALL + 30 * DAY + 1);
	assert_false(hf_tls_resumed(c.tls));
	assert_int_equal(w->servers[0].got, 100);
	w->servers[0].gives = 200;
	server_gives(&w->servers[0]);
	server_flush(&w->servers[0]);
	hf_sim_run_for(w->sim, HF_MS);
	assert_int_equal(c.got, 200);
	hang_up(w, &c);
	assert_null(w->servers[0].stream); /* it heard the goodbye */
}

static void both_versions_are_spoken_and_older_ones_are_not(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = peer_named(NAME);
	struct side c = {.gives = 0};
	serve_as(w, &authority, NAME, NULL, -1, 30);
	w->priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
	expect_yes(w, &peer);
	forget_tickets(w); /* one of TLS 1.2 would only confuse this server */
	w->priority = "NORMAL:-VERS-ALL:+VERS-TLS1.3";
	expect_yes(w, &peer);
	w->priority = "LEGACY:-VERS-ALL:+VERS-TLS1.1";
	call(w, &c, &peer);
	assert_int_equal(c.error, -EPROTO);
	assert_non_null(strstr(hf_tls_cause(c.tls), "TLS"));
	hang_up(w, &c);
}

static void a_certificate_counts_between_its_dates(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = peer_named(NAME);
	serve_as(w, &authority, NAME, NULL, -30, 1);
	expect_yes(w, &peer);
	hf_sim_jump_wall(w->here, 2 * DAY);
	expect_no(w, &peer, "certificate expired on 2026-01-02");
	hf_sim_jump_wall(w->here, -40 * DAY);
	expect_no(w, &peer, "certificate is not valid before 2025-12-02");
}

static void an_authority_counts_between_its_dates_too(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = peer_named(NAME);
	serve_as(w, &authority, NAME, NULL, -2000, 2000);
	expect_yes(w, &peer);
	hf_sim_jump_wall(w->here, 1001 * DAY);
	expect_no(w, &peer, "authority's certificate expired on 2028-09-27");
}

static void a_chain_counts_as_far_as_it_leads_to_an_authority(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = peer_named(NAME);
	serve_by_way_of_another(w, -30, 20, true, false);
	expect_yes(w, &peer);
	serve_by_way_of_another(w, -30, 20, true, true); /* what is over and not needed */
	expect_yes(w, &peer);
	forget_tickets(w); /* who comes back is judged by what was shown at first */
	serve_by_way_of_another(w, -30, -1, true, false);
	expect_no(w, &peer, "issuer's certificate expired on 2025-12-31");
	serve_by_way_of_another(w, -30, 20, false, false);
	expect_no(w, &peer, "issuer is not trusted: \"In Between CA\"");
}

static void a_verdict_holds_until_the_first_certificate_of_the_chain_ends(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = peer_named(NAME);
	struct side c = {.gives = 0};
	serve_by_way_of_another(w, -30, 20, true, false);
	call(w, &c, &peer);
	assert_int_equal(hf_tls_until(c.tls), HF_SIM_WALL + 20 * DAY + 1);
	hang_up(w, &c);
}

static void a_certificate_for_others_is_refused_and_says_for_whom_it_is(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = peer_named(NAME);
	serve_as(w, &authority, "*.example.net", NULL, -1, 30);
	expect_no(w, &peer, "certificate is for *.example.net, 192.0.2.1, not dns.example");
	serve_as(w, &authority, "a\"b.example", NULL, -1, 30);
	expect_no(w, &peer, "certificate is for a?b.example, 192.0.2.1, not dns.example");
}

static void wildcards_and_addresses_are_names(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = peer_named("one.example.net");
	serve_as(w, &authority, NAME, "*.example.net", -1, 30);
	expect_yes(w, &peer);
	peer = peer_named("192.0.2.1");
	expect_yes(w, &peer);
	peer = peer_named("192.0.2.2");
	expect_no(w, &peer,
		"certificate is for dns.example, *.example.net, 192.0.2.1, not 192.0.2.2");
}

static void an_issuer_that_is_not_trusted_is_named(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = peer_named(NAME);
	serve_as(w, &stranger, NAME, NULL, -1, 30);
	expect_no(w, &peer, "issuer is not trusted: \"Another CA\"");
	serve_as(w, &impostor, NAME, NULL, -1, 30); /* which calls itself like the authority */
	expect_no(w, &peer, "signature of the certificate is not that of \"Test CA\"");
	serve_as(w, NULL, NAME, NULL, -1, 30);
	expect_no(w, &peer, "certificate is signed by itself and not trusted");
}

static void a_pin_believes_the_key_and_nothing_else(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = {.pin_count = 2};
	char text[HF_PIN_TEXT_MAX], cause[100];
	serve_as(w, NULL, "whoever.example", NULL, -30, -20); /* long over, by itself */
	peer.pins[0] = pin_of(&authority);
	peer.pins[1] = pin_of(&w->identity);
	expect_yes(w, &peer);
	peer.pin_count = 1;
	struct hf_pin shown = pin_of(&w->identity);
	snprintf(cause, sizeof cause, "pin does not match: %s", hf_pin_text(&shown, text));
	expect_no(w, &peer, cause);
}

static void a_name_and_a_pin_must_both_hold(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = peer_named(NAME);
	serve_as(w, &authority, NAME, NULL, -1, 30);
	peer.pins[0] = pin_of(&w->identity);
	peer.pin_count = 1;
	expect_yes(w, &peer);
	snprintf(peer.name, sizeof peer.name, "other.example");
	expect_no(w, &peer, "certificate is for dns.example, 192.0.2.1, not other.example");
	peer = peer_named(NAME);
	peer.pins[0] = pin_of(&authority); /* which signed it, and that is not enough */
	peer.pin_count = 1;
	struct side c = {.gives = 5};
	call(w, &c, &peer);
	assert_int_equal(c.error, HF_EAUTH);
	hang_up(w, &c);
}

static void who_cannot_be_known_is_believed_only_on_request(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = {.anybody = false};
	serve_as(w, &stranger, NAME, NULL, -30, -1);
	expect_no(w, &peer, "there is nothing to know the peer by");
	peer.anybody = true;
	expect_yes(w, &peer);
	hf_trust_unref(w->trust);
	w->trust = NULL;
	peer = peer_named(NAME);
	expect_no(w, &peer, "there are no certificate authorities to trust");
}

static void a_session_is_resumed_with_each_ticket_once(void **state)
{
	static const char *const versions[] = {
		"NORMAL:-VERS-ALL:+VERS-TLS1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.3"};
	struct world *w = *state;
	struct hf_tls_peer peer = peer_named(NAME), other = peer_named("192.0.2.1");
	serve_as(w, &authority, NAME, NULL, -1, 30);
	for (unsigned v = 0; v < HF_COUNT_OF(versions); v++) {
		struct side c = {.gives = 1};
		w->priority = versions[v];
		unsigned before = w->accepted;
		for (unsigned i = 0; i < 3; i++) {
			call(w, &c, &peer);
			assert_int_equal(w->servers[before + i].resumed, i > 0);
			assert_int_equal(hf_tls_resumed(c.tls), i > 0);
			assert_int_equal(hf_tls_until(c.tls), HF_SIM_WALL + 30 * DAY + 1);
			hang_up(w, &c);
		}
		call(w, &c, &other); /* another name has no part in it */
		assert_false(hf_tls_resumed(c.tls));
		hang_up(w, &c);
		forget_tickets(w);
	}
}

static void two_connections_at_once_do_not_show_the_same_ticket(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = peer_named(NAME);
	struct side one = {.gives = 1}, other = {.gives = 1};
	serve_as(w, &authority, NAME, NULL, -1, 30);
	w->priority = "NORMAL:-VERS-ALL:+VERS-TLS1.3";
	expect_yes(w, &peer);
	dial(w, &one, &peer);
	dial(w, &other, &peer);
	hf_sim_run_for(w->sim, 100 * HF_MS);
	assert_true(one.open && other.open);
	assert_int_equal(w->servers[1].resumed + w->servers[2].resumed, 1);
	hang_up(w, &one);
	hang_up(w, &other);
}

/* As Unbound sends them: one ticket, then another just as long and the answer with it. */
static void an_answer_behind_a_second_ticket_is_read_at_once(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = peer_named(NAME);
	struct side c = {.gives = 1};
	serve_as(w, &authority, NAME, NULL, -1, 30);
	w->priority = "NORMAL:-VERS-ALL:+VERS-TLS1.3";
	call(w, &c, &peer);
	struct server *s = &w->servers[0];
	assert_int_equal(gnutls_session_ticket_send(s->tls, 1, 0), 0);
	server_flush(s);
	hf_sim_run_for(w->sim, 100 * HF_MS);
	assert_int_equal(gnutls_session_ticket_send(s->tls, 1, 0), 0);
	assert_int_equal(gnutls_record_send(s->tls, "answer", 6), 6);
	server_flush(s);
	hf_sim_run_for(w->sim, 100 * HF_MS);
	assert_int_equal(c.got, 6);
	hang_up(w, &c);
}

static void a_resumed_peer_is_judged_again(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = peer_named(NAME);
	serve_as(w, &authority, NAME, NULL, -1, 1);
	expect_yes(w, &peer);
	hf_sim_jump_wall(w->here, 2 * DAY);
	expect_no(w, &peer, "certificate expired on 2026-01-02");
	assert_true(w->servers[1].resumed);
}

static void who_is_not_believed_leaves_no_ticket(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = peer_named(NAME), anybody = {.anybody = true};
	serve_as(w, &stranger, NAME, NULL, -1, 30);
	w->priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
	expect_no(w, &peer, "issuer is not trusted: \"Another CA\"");
	expect_no(w, &peer, "issuer is not trusted: \"Another CA\"");
	assert_false(w->servers[1].resumed);
	/* Nor does belief in anybody carry over to where proof is asked. */
	snprintf(anybody.name, sizeof anybody.name, NAME);
	expect_yes(w, &anybody);
	expect_no(w, &peer, "issuer is not trusted: \"Another CA\"");
}

static void the_least_lately_used_ticket_goes_first(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = {.anybody = true};
	serve_as(w, &authority, NAME, NULL, -1, 30);
	for (unsigned i = 0; i < HF_TLS_TICKETS + 1; i++) {
		snprintf(peer.name, sizeof peer.name, "host%u.example", i);
		expect_yes(w, &peer);
	}
	expect_yes(w, &peer);
	assert_true(w->servers[w->accepted - 1].resumed);
	snprintf(peer.name, sizeof peer.name, "host1.example");
	expect_yes(w, &peer);
	assert_true(w->servers[w->accepted - 1].resumed);
	snprintf(peer.name, sizeof peer.name, "host0.example");
	expect_yes(w, &peer);
	assert_false(w->servers[w->accepted - 1].resumed);
}

static void large_amounts_pass_both_ways_at_once(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = peer_named(NAME);
	struct side c = {.gives = LARGE};
	serve_as(w, &authority, NAME, NULL, -1, 30);
	call(w, &c, &peer);
	w->servers[0].gives = LARGE;
	hf_stream_want_write(w->servers[0].stream, true);
	hf_sim_run_for(w->sim, 10 * HF_SECOND);
	assert_int_equal(c.gives, 0);
	assert_int_equal(w->servers[0].got, LARGE);
	assert_int_equal(c.got, LARGE);
	assert_false(c.ended);
	hang_up(w, &c);
}

struct dripper {
	struct hf_timer timer; /* first: fire casts */
	struct server *server;
};

static void drip(struct hf_timer *timer, hf_us now)
{
	struct dripper *d = (struct dripper *)timer;
	if (d->server->stream && d->server->out_len)
		server_flush(d->server);
	hf_timer_arm(hf_loop_timers(d->server->w->there), timer, now + HF_MS);
}

static void octets_may_come_one_by_one(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = peer_named(NAME);
	struct side c = {.gives = 5};
	struct dripper d = {.timer.fire = drip, .server = &w->servers[0]};
	serve_as(w, &authority, NAME, NULL, -1, 30);
	w->drip = 1;
	w->servers[0].w = w;
	hf_timer_arm(hf_loop_timers(w->there), &d.timer, hf_loop_now(w->there) + HF_MS);
	call(w, &c, &peer);
	assert_false(c.open);
	hf_sim_run_for(w->sim, 10 * HF_SECOND);
	assert_true(c.open);
	w->servers[0].gives = 300;
	server_gives(&w->servers[0]);
	hf_sim_run_for(w->sim, HF_SECOND);
	assert_int_equal(c.got, 300);
	assert_int_equal(w->servers[0].got, 5);
	hf_timer_disarm(hf_loop_timers(w->there), &d.timer);
	hang_up(w, &c);
}

static void who_does_not_speak_tls_is_told_apart_from_who_hangs_up(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = peer_named(NAME);
	struct side c = {.gives = 0};
	serve_as(w, &authority, NAME, NULL, -1, 30);
	w->plain = true;
	call(w, &c, &peer);
	assert_int_equal(c.error, -EPROTO);
	assert_string_equal(hf_tls_cause(c.tls), "peer does not speak TLS");
	hang_up(w, &c);
	w->plain = false;
	w->hangs_up = true;
	call(w, &c, &peer);
	assert_int_equal(c.error, HF_ECLOSED);
	assert_string_equal(hf_tls_cause(c.tls), hf_strerror(HF_ECLOSED));
	hang_up(w, &c);
	hf_door_close(w->door);
	call(w, &c, &peer);
	assert_int_equal(c.error, -ECONNREFUSED);
	hang_up(w, &c);
}

static void the_end_of_a_conversation_is_seen(void **state)
{
	struct world *w = *state;
	struct hf_tls_peer peer = peer_named(NAME);
	struct side c = {.gives = 5};
	serve_as(w, &authority, NAME, NULL, -1, 30);
	call(w, &c, &peer);
	gnutls_bye(w->servers[0].tls, GNUTLS_SHUT_WR);
	server_flush(&w->servers[0]);
	hf_sim_run_for(w->sim, HF_MS);
	assert_true(c.ended);
	assert_int_equal(c.error, 0);
	hang_up(w, &c);
	c.gives = 5;
	call(w, &c, &peer);
	server_end(&w->servers[1]); /* without a word */
	hf_sim_run_for(w->sim, HF_MS);
	assert_true(c.ended);
	assert_int_equal(c.error, 0);
	hang_up(w, &c);
}

/* ---- questions over it: tcp.h ---- */

#define QUESTIONS 100

struct pool {
	struct hf_tcp_pool *pool;
	struct hf_tcp_attempt attempts[QUESTIONS];
	unsigned replies, refusals, strays, moves;
	int error;
	char why[HF_TRUST_CAUSE_MAX];
};

static void pool_replied(
	void *ctx, struct hf_tcp_attempt *a, const uint8_t *m, size_t len, hf_us now)
{
	struct pool *p = ctx;
	(void)now;
	assert_int_equal(len, 14);
	assert_int_equal(m[13], a - p->attempts);
	p->replies++;
	hf_tcp_forget(a);
}

static void pool_refused(void *ctx, struct hf_tcp_attempt *a, int error, const char *why, hf_us now)
{
	struct pool *p = ctx;
	(void)a;
	(void)now;
	p->refusals++;
	p->error = error;
	snprintf(p->why, sizeof p->why, "%s", why ? why : "");
}

static void pool_moved(void *ctx, struct hf_tcp_attempt *a, bool opened, hf_us now)
{
	(void)a;
	(void)opened;
	(void)now;
	((struct pool *)ctx)->moves++;
}

static void pool_stray(void *ctx, const struct hf_address *peer)
{
	(void)peer;
	((struct pool *)ctx)->strays++;
}

static void open_pool(struct world *w, struct pool *p)
{
	static const struct hf_tcp_handler handler = {
		pool_replied, pool_refused, pool_moved, pool_stray};
	*p = (struct pool){.error = 0};
	assert_int_equal(hf_tcp_pool_new(w->here, &handler, p, &p->pool), 0);
}

static void question(struct world *w, struct pool *p, unsigned n)
{
	struct hf_secure secure = {.peer = peer_named(NAME), .trust = w->trust};
	uint8_t m[14] = {[13] = (uint8_t)n};
	assert_int_equal(hf_tcp_send(p->pool, &p->attempts[n], &w->at, &secure, NULL, m, sizeof m), 0);
}

static void close_pool(struct world *w, struct pool *p)
{
	for (unsigned i = 0; i < QUESTIONS; i++)
		hf_tcp_forget(&p->attempts[i]);
	hf_tcp_pool_free(p->pool);
	hf_sim_run_for(w->sim, 10 * HF_MS);
}

static void many_questions_share_a_session_and_wait_for_its_handshake(void **state)
{
	struct world *w = *state;
	struct pool p;
	serve_as(w, &authority, NAME, NULL, -1, 30);
	w->echoes = true;
	open_pool(w, &p);
	for (unsigned i = 0; i < QUESTIONS; i++)
		question(w, &p, i);
	assert_false(p.attempts[QUESTIONS - 1].met);
	hf_sim_run_for(w->sim, 100 * HF_MS);
	assert_int_equal(p.replies, QUESTIONS);
	assert_int_equal(w->accepted, 1);
	question(w, &p, 0);
	assert_true(p.attempts[0].met);
	hf_sim_run_for(w->sim, 20 * HF_SECOND);
	assert_int_equal(p.replies, QUESTIONS + 1);
	assert_non_null(w->servers[0].stream); /* kept longer than a plain one */
	hf_sim_run_for(w->sim, 10 * HF_SECOND);
	assert_null(w->servers[0].stream);
	question(w, &p, 1);
	hf_sim_run_for(w->sim, 100 * HF_MS);
	assert_int_equal(p.replies, QUESTIONS + 2);
	assert_true(w->servers[1].resumed);
	close_pool(w, &p);
}

static void no_question_goes_to_who_is_not_believed_and_all_hear_why(void **state)
{
	struct world *w = *state;
	struct pool p;
	serve_as(w, &authority, NAME, NULL, -30, -1);
	w->echoes = true;
	open_pool(w, &p);
	for (unsigned i = 0; i < 3; i++)
		question(w, &p, i);
	hf_sim_run_for(w->sim, 100 * HF_MS);
	assert_int_equal(p.refusals, 3);
	assert_int_equal(p.error, HF_EAUTH);
	assert_string_equal(p.why, "certificate expired on 2025-12-31");
	assert_int_equal(w->servers[0].got, 0);
	close_pool(w, &p);
}

static void a_handshake_that_stalls_is_given_up(void **state)
{
	struct world *w = *state;
	struct pool p;
	serve_as(w, &authority, NAME, NULL, -1, 30);
	w->drip = 1; /* and then nobody lets it drip */
	open_pool(w, &p);
	question(w, &p, 0);
	hf_sim_run_for(w->sim, 3900 * HF_MS);
	assert_int_equal(p.refusals, 0);
	hf_sim_run_for(w->sim, 200 * HF_MS);
	assert_int_equal(p.refusals, 1);
	assert_int_equal(p.error, -ETIMEDOUT);
	close_pool(w, &p);
}

/* More than a turn reads, part of it in records that are long in here already. */
static void a_flood_of_what_nobody_asked_for_is_read_to_its_end(void **state)
{
	struct world *w = *state;
	struct pool p;
	serve_as(w, &authority, NAME, NULL, -1, 30);
	w->echoes = true;
	open_pool(w, &p);
	question(w, &p, 0);
	hf_sim_run_for(w->sim, 100 * HF_MS);
	w->servers[0].gives = LARGE;
	hf_stream_want_write(w->servers[0].stream, true);
	hf_sim_run_for(w->sim, 10 * HF_SECOND);
	assert_int_equal(p.strays, LARGE / 2); /* empty messages */
	for (unsigned i = 0; i < 100; i++)     /* at once, and nothing after them */
		assert_int_equal(gnutls_record_send(w->servers[0].tls, "\0", 2), 2);
	server_flush(&w->servers[0]);
	hf_sim_run_for(w->sim, 100 * HF_MS);
	assert_int_equal(p.strays, LARGE / 2 + 100);
	question(w, &p, 1);
	hf_sim_run_for(w->sim, 100 * HF_MS);
	assert_int_equal(p.replies, 2);
	assert_int_equal(w->accepted, 1);
	close_pool(w, &p);
}

static void cut_off(void *ctx, struct hf_sim *sim, const struct hf_sim_packet *packet, hf_us now,
	struct hf_sim_path *path)
{
	(void)ctx;
	(void)sim;
	(void)now;
	path->drop = packet->kind != HF_SIM_DATAGRAM;
}

static void a_session_that_was_forgotten_on_the_way_is_replaced(void **state)
{
	struct world *w = *state;
	struct pool p;
	serve_as(w, &authority, NAME, NULL, -1, 30);
	w->echoes = true;
	open_pool(w, &p);
	question(w, &p, 0);
	hf_sim_run_for(w->sim, 2 * HF_SECOND);
	hf_sim_set_policy(w->sim, cut_off, NULL);
	question(w, &p, 1);
	hf_sim_run_for(w->sim, 99 * HF_MS);
	hf_sim_set_policy(w->sim, NULL, NULL); /* a way for new ones, at the right moment */
	hf_sim_run_for(w->sim, 50 * HF_MS);
	assert_int_equal(p.moves, 1);
	assert_int_equal(p.replies, 2);
	assert_int_equal(w->accepted, 2);
	close_pool(w, &p);
}

static void pins_are_read_and_written(void **state)
{
	struct hf_pin pin = {{1, 2, 3}}, same;
	char text[HF_PIN_TEXT_MAX];
	(void)state;
	assert_string_equal(
		hf_pin_text(&pin, text), "sha256/AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
	assert_int_equal(hf_pin_parse(text, &same), 0);
	assert_memory_equal(&pin, &same, sizeof pin);
	assert_int_equal(hf_pin_parse(text + strlen("sha256/"), &same), 0);
	assert_int_equal(hf_pin_parse("sha256/AQID", &same), HF_ESYNTAX);
	assert_int_equal(hf_pin_parse("sha1/AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", &same),
		HF_ESYNTAX);
	assert_int_equal(
		hf_pin_parse("????????????????????????????????????????????", &same), HF_ESYNTAX);
}

static void a_file_without_authorities_is_an_error(void **state)
{
	struct hf_trust *trust = NULL;
	(void)state;
	assert_int_equal(hf_trust_load("/nonexistent/ca.pem", &trust), -ENOENT);
	assert_int_equal(hf_trust_load("/dev/null", &trust), HF_ESYNTAX);
	assert_null(trust);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_WORLD(a_peer_that_proves_its_name_is_talked_to),
		IN_A_WORLD(both_versions_are_spoken_and_older_ones_are_not),
		IN_A_WORLD(a_certificate_counts_between_its_dates),
		IN_A_WORLD(an_authority_counts_between_its_dates_too),
		IN_A_WORLD(a_chain_counts_as_far_as_it_leads_to_an_authority),
		IN_A_WORLD(a_verdict_holds_until_the_first_certificate_of_the_chain_ends),
		IN_A_WORLD(a_certificate_for_others_is_refused_and_says_for_whom_it_is),
		IN_A_WORLD(wildcards_and_addresses_are_names),
		IN_A_WORLD(an_issuer_that_is_not_trusted_is_named),
		IN_A_WORLD(a_pin_believes_the_key_and_nothing_else),
		IN_A_WORLD(a_name_and_a_pin_must_both_hold),
		IN_A_WORLD(who_cannot_be_known_is_believed_only_on_request),
		IN_A_WORLD(a_session_is_resumed_with_each_ticket_once),
		IN_A_WORLD(two_connections_at_once_do_not_show_the_same_ticket),
		IN_A_WORLD(an_answer_behind_a_second_ticket_is_read_at_once),
		IN_A_WORLD(a_resumed_peer_is_judged_again),
		IN_A_WORLD(who_is_not_believed_leaves_no_ticket),
		IN_A_WORLD(the_least_lately_used_ticket_goes_first),
		IN_A_WORLD(large_amounts_pass_both_ways_at_once),
		IN_A_WORLD(octets_may_come_one_by_one),
		IN_A_WORLD(who_does_not_speak_tls_is_told_apart_from_who_hangs_up),
		IN_A_WORLD(the_end_of_a_conversation_is_seen),
		IN_A_WORLD(many_questions_share_a_session_and_wait_for_its_handshake),
		IN_A_WORLD(no_question_goes_to_who_is_not_believed_and_all_hear_why),
		IN_A_WORLD(a_handshake_that_stalls_is_given_up),
		IN_A_WORLD(a_flood_of_what_nobody_asked_for_is_read_to_its_end),
		IN_A_WORLD(a_session_that_was_forgotten_on_the_way_is_replaced),
		cmocka_unit_test(pins_are_read_and_written),
		cmocka_unit_test(a_file_without_authorities_is_an_error),
	};
	return cmocka_run_group_tests_name("tls", tests, make_authorities, forget_authorities);
}
