/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/prove.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "engine/prove_tls.h"
#include "loop/loop_sim.h"
#include "transport/identity.h"

#define DAY 86400
#define NAME "shop.example"
#define GUESTS 700

/* ---- certificates ---- */

enum { AUTHORITY, TRUE, OTHER, EXPIRED, SELF, STRANGER, WIDE, NARROW, IDENTITIES };
static struct identity identities[IDENTITIES];

/* For a host, or an authority's (NULL); valid from so many days ago to so many ahead. */
static void certify(
	struct identity *i, const struct identity *by, const char *host, int from, int last)
{
	const struct identity_conf conf = {
		.cn = host ? "a server" : "Test CA", .host = host, .from = from, .last = last};
	identity_key(i);
	identity_certify(i, by, &conf);
}

static char ca_path[] = "/tmp/holdfast-prove-XXXXXX";

static int make_identities(void **state)
{
	struct identity *i = identities;
	(void)state;
	certify(&i[AUTHORITY], &i[AUTHORITY], NULL, -900, 900);
	certify(&i[TRUE], &i[AUTHORITY], NAME, -10, 2);
	certify(&i[OTHER], &i[AUTHORITY], "sinkhole.example", -10, 90);
	certify(&i[EXPIRED], &i[AUTHORITY], NAME, -90, -1);
	certify(&i[SELF], &i[SELF], NAME, -10, 90);
	certify(&i[STRANGER], &i[STRANGER], NULL, -900, 900);
	certify(&i[WIDE], &i[AUTHORITY], "*.wide.example", -10, 90);
	certify(&i[NARROW], &i[AUTHORITY], "a.wide.example", -10, 90);
	int fd = mkstemp(ca_path);
	assert_true(fd >= 0);
	close(fd);
	return 0;
}

static int forget_identities(void **state)
{
	(void)state;
	for (unsigned i = 0; i < IDENTITIES; i++)
		identity_clear(&identities[i]);
	unlink(ca_path);
	return 0;
}

/* ---- servers ---- */

struct world;

struct guest { /* a connection at a server */
	struct server *server;
	struct hf_stream *stream;
	gnutls_session_t tls;
	bool over;
};

struct server {
	struct world *w;
	struct hf_stream_door *door;
	gnutls_certificate_credentials_t credentials; /* NULL: it speaks no TLS */
	bool silent;
	char sni[64]; /* the last that it was asked for */
};

#define SERVERS 8

struct world {
	struct hf_sim *sim;
	struct hf_loop *here, *there;
	struct server servers[SERVERS];
	unsigned server_count;
	struct guest guests[GUESTS];
	unsigned guest_count, most_at_once, at_once;
	struct hf_anchors *anchors;
	struct hf_prove_tls *tls;
	struct hf_prover *prover;
	struct hf_meter *meter;
	struct hf_event_ring *events;
	struct hf_expectation expectation;
};

static ssize_t guest_push(gnutls_transport_ptr_t ctx, const void *bytes, size_t len)
{
	struct guest *g = ctx;
	int n = hf_stream_write(g->stream, bytes, len);
	if (n < 0)
		gnutls_transport_set_errno(g->tls, -n);
	return n < 0 ? -1 : n;
}

static ssize_t guest_pull(gnutls_transport_ptr_t ctx, void *bytes, size_t cap)
{
	struct guest *g = ctx;
	int n = hf_stream_read(g->stream, bytes, cap);
	if (n < 0)
		gnutls_transport_set_errno(g->tls, -n);
	return n < 0 ? -1 : n;
}

static void guest_end(struct guest *g)
{
	if (g->over)
		return;
	g->over = true;
	g->server->w->at_once--;
	hf_stream_close(g->stream);
	if (g->tls)
		gnutls_deinit(g->tls);
}

static void guest_plain(struct guest *g)
{
	static const uint8_t hello[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	uint8_t bytes[4096];
	int n = hf_stream_read(g->stream, bytes, sizeof bytes);
	if (n <= 0 && n != -EAGAIN)
		guest_end(g);
	else if (n > 0 && !g->server->silent)
		hf_stream_write(g->stream, hello, sizeof hello - 1);
}

static void guest_ready(void *ctx, struct hf_stream *stream, unsigned what, hf_us now)
{
	struct guest *g = ctx;
	char bytes[64];
	size_t len = sizeof g->server->sni - 1;
	unsigned type;
	(void)stream, (void)what, (void)now;
	if (!g->tls) {
		guest_plain(g);
		return;
	}
	int rc = gnutls_handshake(g->tls);
	if (rc == 0)
		gnutls_server_name_get(g->tls, g->server->sni, &len, &type, 0);
	if (rc == 0 && gnutls_record_recv(g->tls, bytes, sizeof bytes) == GNUTLS_E_AGAIN)
		return;
	if (rc != GNUTLS_E_AGAIN)
		guest_end(g);
}

static void accepted(void *ctx, struct hf_stream_door *door, struct hf_stream *stream, hf_us now)
{
	static const struct hf_stream_handler handler = {guest_ready};
	struct server *s = ctx;
	struct world *w = s->w;
	(void)door, (void)now;
	assert_true(w->guest_count < GUESTS);
	struct guest *g = &w->guests[w->guest_count++];
	*g = (struct guest){.server = s, .stream = stream};
	if (++w->at_once > w->most_at_once)
		w->most_at_once = w->at_once;
	hf_stream_handle(stream, &handler, g);
	if (!s->credentials)
		return;
	assert_int_equal(gnutls_init(&g->tls, GNUTLS_SERVER | GNUTLS_NONBLOCK), 0);
	gnutls_credentials_set(g->tls, GNUTLS_CRD_CERTIFICATE, s->credentials);
	gnutls_set_default_priority(g->tls);
	gnutls_transport_set_ptr(g->tls, g);
	gnutls_transport_set_push_function(g->tls, guest_push);
	gnutls_transport_set_pull_function(g->tls, guest_pull);
}

static struct hf_address at(const char *text)
{
	struct hf_address address;
	assert_int_equal(hf_address_parse(text, 443, &address), 0);
	return address;
}

/* A server with one of the certificates; IDENTITIES: without TLS. */
static struct server *serve(struct world *w, const char *text, unsigned who)
{
	static const struct hf_door_handler handler = {accepted};
	struct server *s = &w->servers[w->server_count++];
	struct hf_bind bind = {.address = at(text), .fd = -1};
	assert_true(w->server_count <= SERVERS);
	s->w = w;
	assert_int_equal(hf_door_open(w->there, &bind, &handler, s, &s->door), 0);
	if (who == IDENTITIES)
		return s;
	s->credentials = identity_credentials(&identities[who]);
	return s;
}

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	assert_non_null(w);
	w->sim = hf_sim_new(5);
	assert_int_equal(hf_sim_loop_new(w->sim, "here", &w->here), 0);
	assert_int_equal(hf_sim_loop_new(w->sim, "there", &w->there), 0);
	w->meter = aligned_alloc(64, (sizeof *w->meter + 63) / 64 * 64);
	w->events = calloc(1, sizeof *w->events);
	assert_true(w->meter && w->events);
	memset(w->meter, 0, sizeof *w->meter);
	identity_write(&identities[AUTHORITY], ca_path);
	assert_int_equal(hf_anchors_new(&w->anchors), 0);
	assert_int_equal(hf_prove_tls_new(w->here, w->anchors, &w->tls), 0);
	const struct hf_prover_conf conf = {.loop = w->here,
		.meter = w->meter,
		.events = w->events,
		.shares = 1,
		.means = &hf_prove_tls,
		.means_ctx = w->tls};
	assert_int_equal(hf_prover_new(&conf, &w->prover), 0);
	w->expectation = (struct hf_expectation){
		.prove = HF_PROVE_TLS, .prove_port = 443, .prove_ca = ca_path};
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;
	hf_prover_free(w->prover);
	hf_prove_tls_free(w->tls);
	hf_anchors_free(w->anchors);
	for (unsigned i = 0; i < w->guest_count; i++)
		guest_end(&w->guests[i]);
	for (unsigned i = 0; i < w->server_count; i++)
		if (w->servers[i].credentials)
			gnutls_certificate_free_credentials(w->servers[i].credentials);
	hf_sim_free(w->sim);
	free(w->meter);
	free(w->events);
	free(w);
	return 0;
}

/* ---- asking ---- */

struct asker {
	struct hf_proof_wish wish; /* first */
	unsigned told;
	enum hf_proof proof;
	char why[HF_PROOF_WHY];
	hf_us at;
	struct asker *forgets; /* when it is told */
};

static void proven(struct hf_proof_wish *wish, enum hf_proof proof, const char *why, hf_us now)
{
	struct asker *a = (struct asker *)wish;
	a->told++;
	a->proof = proof;
	a->at = now;
	snprintf(a->why, sizeof a->why, "%s", why);
	if (a->forgets)
		hf_prove_forget(&a->forgets->wish);
}

/* True: it was known. */
static bool ask_for(struct world *w, struct asker *a, const char *name, const char *address)
{
	struct hf_address to = at(address);
	struct hf_name n;
	enum hf_proof proof;
	char why[HF_PROOF_WHY];
	assert_int_equal(hf_name_from_text(name, strlen(name), &n), 0);
	*a = (struct asker){.wish.proven = proven};
	if (!hf_prove(w->prover, &w->expectation, &n, &to, &a->wish, &proof, why))
		return false;
	assert_int_equal(a->told, 0);
	a->proof = proof;
	snprintf(a->why, sizeof a->why, "%s", why);
	return true;
}

static struct asker prove(struct world *w, const char *address)
{
	struct asker a;
	hf_us began = hf_loop_now(w->here);
	if (ask_for(w, &a, NAME, address))
		return a;
	hf_sim_run_for(w->sim, HF_PROVE_MOST + 10 * HF_MS);
	assert_int_equal(a.told, 1);
	assert_true(a.at - began <= HF_PROVE_MOST);
	return a;
}

static uint64_t counted(const struct world *w, enum hf_counter counter)
{
	return w->meter->counters[counter];
}

/* ---- one look ---- */

static void an_address_with_a_certificate_for_the_name_is_proven(void **state)
{
	struct world *w = *state;
	struct server *s = serve(w, "192.0.2.1", TRUE);
	struct asker a = prove(w, "192.0.2.1");
	assert_int_equal(a.proof, HF_PROOF_HOLDS);
	assert_string_equal(a.why, "");
	assert_string_equal(s->sni, NAME);
	assert_int_equal(w->at_once, 0); /* and the connection is closed */
	assert_int_equal(counted(w, HF_COUNT_PROOFS_HELD), 1);
}

static void what_was_proven_is_known_until_the_certificate_ends_or_a_day_has_passed(void **state)
{
	struct world *w = *state;
	struct asker a;
	serve(w, "192.0.2.1", TRUE); /* for two days */
	prove(w, "192.0.2.1");
	assert_true(ask_for(w, &a, NAME, "192.0.2.1"));
	assert_int_equal(counted(w, HF_COUNT_PROOFS_REMEMBERED), 1);
	hf_sim_run_for(w->sim, DAY * HF_SECOND);
	assert_int_equal(prove(w, "192.0.2.1").proof, HF_PROOF_HOLDS);
	assert_int_equal(w->guest_count, 2);
	hf_sim_run_for(w->sim, DAY * HF_SECOND);
	assert_int_equal(prove(w, "192.0.2.1").proof, HF_PROOF_FAILS); /* not renewed */
}

static void a_certificate_for_another_name_fails(void **state)
{
	struct world *w = *state;
	serve(w, "192.0.2.1", OTHER);
	struct asker a = prove(w, "192.0.2.1");
	assert_int_equal(a.proof, HF_PROOF_FAILS);
	assert_string_equal(a.why, "certificate is for sinkhole.example, not " NAME);
	assert_int_equal(counted(w, HF_COUNT_PROOFS_FAILED), 1);
}

static void a_certificate_that_is_over_or_signed_by_nobody_fails(void **state)
{
	struct world *w = *state;
	serve(w, "192.0.2.1", EXPIRED);
	serve(w, "192.0.2.2", SELF);
	assert_int_equal(prove(w, "192.0.2.1").proof, HF_PROOF_FAILS);
	struct asker a = prove(w, "192.0.2.2");
	assert_int_equal(a.proof, HF_PROOF_FAILS);
	assert_string_equal(a.why, "certificate is signed by itself and not trusted");
}

static void who_speaks_no_tls_or_not_at_all_is_missing(void **state)
{
	struct world *w = *state;
	serve(w, "192.0.2.1", IDENTITIES);
	serve(w, "192.0.2.2", IDENTITIES)->silent = true;
	serve(w, "192.0.2.3:8443", TRUE); /* another port is connected to by nobody */
	static const char *const addresses[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3"};
	static const char *const why[] = {
		"peer does not speak TLS", "no certificate in time", "Connection refused"};
	for (unsigned i = 0; i < 3; i++) {
		struct asker a = prove(w, addresses[i]);
		assert_int_equal(a.proof, HF_PROOF_MISSING);
		assert_string_equal(a.why, why[i]);
	}
	assert_int_equal(w->at_once, 0);
	assert_int_equal(counted(w, HF_COUNT_PROOFS_MISSING), 3);
	assert_int_equal(w->meter->gauges[HF_GAUGE_PROOFS_WAITING], 0);
}

static void a_server_that_is_mended_is_soon_believed(void **state)
{
	struct world *w = *state;
	assert_int_equal(prove(w, "192.0.2.1").proof, HF_PROOF_MISSING);
	serve(w, "192.0.2.1", TRUE);
	assert_int_equal(prove(w, "192.0.2.1").proof, HF_PROOF_MISSING);
	hf_sim_run_for(w->sim, HF_PROOF_AGAIN);
	assert_int_equal(prove(w, "192.0.2.1").proof, HF_PROOF_HOLDS);
}

static void an_alien_name_is_missing_without_a_connection(void **state)
{
	static const char *const names[] = {".", "192.0.2.1", "a\\000b.example"};
	struct world *w = *state;
	serve(w, "192.0.2.1", TRUE);
	for (unsigned i = 0; i < HF_COUNT_OF(names); i++) {
		struct asker a;
		assert_false(ask_for(w, &a, names[i], "192.0.2.1"));
		hf_sim_run_for(w->sim, HF_SECOND);
		assert_int_equal(a.told, 1);
		assert_int_equal(a.proof, HF_PROOF_MISSING);
		assert_string_equal(a.why, "no certificate can be for such a name");
	}
	assert_int_equal(w->guest_count, 0);
}

static void a_clock_that_was_never_set_makes_no_liars(void **state)
{
	struct world *w = *state;
	serve(w, "192.0.2.1", TRUE);
	hf_sim_jump_wall(w->here, -HF_SIM_WALL);
	assert_int_equal(prove(w, "192.0.2.1").proof, HF_PROOF_MISSING);
	assert_int_equal(w->guest_count, 0);
}

static void our_own_host_is_left_alone_unless_it_is_expected_there(void **state)
{
	struct world *w = *state;
	struct hf_prefix loopback;
	struct asker a;
	assert_int_equal(hf_prefix_parse("127.0.0.0/8", &loopback), 0);
	assert_true(ask_for(w, &a, NAME, "127.0.0.1"));
	assert_int_equal(a.proof, HF_PROOF_MISSING);
	assert_string_equal(a.why, "this host itself");
	w->expectation.addresses = (struct hf_prefix_list){&loopback, 1};
	assert_false(ask_for(w, &a, NAME, "127.0.0.1"));
	hf_prove_forget(&a.wish);
}

/* ---- many ---- */

static void who_asks_at_once_shares_one_connection(void **state)
{
	struct world *w = *state;
	struct asker many[20];
	serve(w, "192.0.2.1", TRUE);
	for (unsigned i = 0; i < 20; i++)
		assert_false(ask_for(w, &many[i], NAME, "192.0.2.1"));
	hf_sim_run_for(w->sim, HF_SECOND);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(many[i].told, 1);
	assert_int_equal(w->guest_count, 1);
}

static struct asker prove_name(struct world *w, const char *name, const char *address)
{
	struct asker a;
	if (!ask_for(w, &a, name, address))
		hf_sim_run_for(w->sim, HF_SECOND);
	return a;
}

static void a_wildcard_certificate_proves_all_names_beside_the_one_that_was_asked_for(void **state)
{
	struct world *w = *state;
	serve(w, "192.0.2.1", WIDE);
	serve(w, "192.0.2.2", NARROW);
	assert_int_equal(prove_name(w, "a.wide.example", "192.0.2.1").proof, HF_PROOF_HOLDS);
	assert_int_equal(prove_name(w, "b.wide.example", "192.0.2.1").proof, HF_PROOF_HOLDS);
	assert_int_equal(w->guest_count, 1);
	assert_int_equal(prove_name(w, "c.b.wide.example", "192.0.2.1").proof, HF_PROOF_FAILS);
	assert_int_equal(prove_name(w, "a.wide.example", "192.0.2.2").proof, HF_PROOF_HOLDS);
	assert_int_equal(prove_name(w, "b.wide.example", "192.0.2.2").proof, HF_PROOF_FAILS);
	assert_int_equal(w->guest_count, 4);
}

static void who_is_told_may_forget_the_others(void **state)
{
	struct world *w = *state;
	struct asker many[3];
	serve(w, "192.0.2.1", TRUE);
	for (unsigned i = 0; i < 3; i++)
		assert_false(ask_for(w, &many[i], NAME, "192.0.2.1"));
	many[2].forgets = &many[1]; /* the last to ask is told first */
	hf_sim_run_for(w->sim, HF_SECOND);
	assert_int_equal(many[2].told, 1);
	assert_int_equal(many[1].told, 0);
	assert_int_equal(many[0].told, 1);
}

static void who_forgets_in_line_costs_no_connection(void **state)
{
	struct world *w = *state;
	struct asker a;
	serve(w, "192.0.2.1", TRUE);
	assert_false(ask_for(w, &a, NAME, "192.0.2.1"));
	hf_prove_forget(&a.wish);
	hf_prove_forget(&a.wish);
	hf_sim_run_for(w->sim, HF_SECOND);
	assert_int_equal(w->guest_count, 0);
	assert_int_equal(a.told, 0);
}

static void nobody_can_make_us_connect_to_one_address_without_end(void **state)
{
	static struct asker many[GUESTS];
	struct world *w = *state;
	serve(w, "192.0.2.1", OTHER);
	for (unsigned i = 0; i < GUESTS; i++) {
		char name[32];
		snprintf(name, sizeof name, "n%u.example", i);
		if (ask_for(w, &many[i], name, "192.0.2.1"))
			many[i].told = 1;
	}
	hf_sim_run_for(w->sim, HF_PROVE_MOST + 10 * HF_MS);
	for (unsigned i = 0; i < GUESTS; i++) {
		assert_int_equal(many[i].told, 1);
		assert_int_not_equal(many[i].proof, HF_PROOF_HOLDS);
	}
	assert_in_range(w->guest_count, HF_PROOFS_BURST_EACH,
		HF_PROOFS_BURST_EACH + HF_PROOFS_RATE_EACH + 1);
	assert_true(w->most_at_once <= HF_PROOFS_AT_ONCE);
}

static void a_prover_that_ends_closes_what_is_open(void **state)
{
	struct world *w = *state;
	struct asker a;
	serve(w, "192.0.2.1", IDENTITIES)->silent = true;
	assert_false(ask_for(w, &a, NAME, "192.0.2.1"));
	hf_sim_run_for(w->sim, 10 * HF_MS);
	assert_int_equal(w->at_once, 1);
	hf_prove_forget(&a.wish);
	hf_prover_free(w->prover);
	w->prover = NULL;
	hf_sim_run_for(w->sim, 10 * HF_MS);
	assert_int_equal(w->at_once, 0);
}

/* ---- who vouches ---- */

static void authorities_that_change_are_read_anew_and_what_was_proven_by_the_old_is_not(
	void **state)
{
	struct world *w = *state;
	serve(w, "192.0.2.1", TRUE);
	assert_int_equal(prove(w, "192.0.2.1").proof, HF_PROOF_HOLDS);
	unlink(ca_path);
	identity_write(&identities[STRANGER], ca_path);
	hf_sim_run_for(w->sim, 10 * HF_SECOND);
	struct asker a = prove(w, "192.0.2.1");
	assert_int_equal(a.proof, HF_PROOF_FAILS);
	assert_string_equal(a.why, "signature of the certificate is not that of \"Test CA\"");
}

static void a_file_that_is_spoilt_leaves_the_authorities_of_before_in_force(void **state)
{
	struct world *w = *state;
	struct hf_event event;
	serve(w, "192.0.2.1", TRUE);
	assert_int_equal(prove(w, "192.0.2.1").proof, HF_PROOF_HOLDS);
	FILE *file = fopen(ca_path, "w");
	fprintf(file, "nothing of the kind\n");
	fclose(file);
	for (unsigned i = 0; i < 3; i++) {
		hf_sim_run_for(w->sim, 10 * HF_SECOND);
		assert_int_equal(prove(w, "192.0.2.1").proof, HF_PROOF_HOLDS);
	}
	assert_true(hf_event_take(w->events, &event));
	assert_int_equal(event.kind, HF_EVENT_TRUST_STORE);
	assert_int_equal(event.a, HF_ESYNTAX);
	assert_int_equal(event.b, 0);
	assert_string_equal(event.why, ca_path);
	assert_false(hf_event_take(w->events, &event)); /* once */
}

static void without_authorities_nothing_is_proven_and_nobody_connected_to(void **state)
{
	struct world *w = *state;
	struct hf_event event;
	serve(w, "192.0.2.1", TRUE);
	w->expectation.prove_ca = "/nonexistent/ca.pem";
	struct asker a = prove(w, "192.0.2.1");
	assert_int_equal(a.proof, HF_PROOF_MISSING);
	assert_int_equal(w->guest_count, 0);
	assert_true(hf_event_take(w->events, &event));
	assert_int_equal(event.a, -ENOENT);
	assert_int_equal(event.b, -ENOENT);
	hf_sim_run_for(w->sim, 10 * HF_SECOND);
	prove(w, "192.0.2.1");
	assert_false(hf_event_take(w->events, &event)); /* once */
}

static void the_first_failure_of_a_name_and_address_is_an_event(void **state)
{
	struct world *w = *state;
	struct hf_event event;
	struct hf_address liar = at("192.0.2.1");
	serve(w, "192.0.2.1", OTHER);
	for (unsigned i = 0; i < 4; i++) {
		prove(w, "192.0.2.1");
		hf_sim_run_for(w->sim, 60 * HF_SECOND);
	}
	assert_int_equal(w->guest_count, 4);
	assert_true(hf_event_take(w->events, &event));
	assert_int_equal(event.kind, HF_EVENT_PROOF);
	assert_int_equal(event.a, HF_PROOF_FAILS);
	assert_true(hf_address_equal(&event.address, &liar));
	assert_string_equal(event.why, "certificate is for sinkhole.example, not " NAME);
	assert_false(hf_event_take(w->events, &event));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		TEST(an_address_with_a_certificate_for_the_name_is_proven),
		TEST(what_was_proven_is_known_until_the_certificate_ends_or_a_day_has_passed),
		TEST(a_certificate_for_another_name_fails),
		TEST(a_certificate_that_is_over_or_signed_by_nobody_fails),
		TEST(who_speaks_no_tls_or_not_at_all_is_missing),
		TEST(a_server_that_is_mended_is_soon_believed),
		TEST(an_alien_name_is_missing_without_a_connection),
		TEST(a_clock_that_was_never_set_makes_no_liars),
		TEST(our_own_host_is_left_alone_unless_it_is_expected_there),
		TEST(who_asks_at_once_shares_one_connection),
		TEST(a_wildcard_certificate_proves_all_names_beside_the_one_that_was_asked_for),
		TEST(who_is_told_may_forget_the_others),
		TEST(who_forgets_in_line_costs_no_connection),
		TEST(nobody_can_make_us_connect_to_one_address_without_end),
		TEST(a_prover_that_ends_closes_what_is_open),
		TEST(authorities_that_change_are_read_anew_and_what_was_proven_by_the_old_is_not),
		TEST(a_file_that_is_spoilt_leaves_the_authorities_of_before_in_force),
		TEST(without_authorities_nothing_is_proven_and_nobody_connected_to),
		TEST(the_first_failure_of_a_name_and_address_is_an_event),
	};
	return cmocka_run_group_tests(tests, make_identities, forget_identities);
}
