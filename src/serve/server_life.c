/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/server.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "engine/worker.h"
#include "keep/keeper.h"
#include "loop/loop_epoll.h"
#include "serve/listener.h"
#include "serve/server_inside.h"
#include "serve/slots.h"
#include "transport/tls_server.h"
#include "xdp/xdp.h"

/* A worker with nothing to do turns so often all the same: the watchdog asks. */
#define TURN (500 * HF_MS)

/* ---- orders to all workers ---- */

struct order {
	struct hf_crew *crew;
	struct hf_plan *plan;
	struct hf_ears *ears; /* HF_EARS_KINDS of them, or NULL */
	void (*run)(struct order *order, hf_us now);
};

static void finish_order(struct hf_crew *crew, int error)
{
	struct hf_server *server = crew->server;
	pthread_mutex_lock(&server->lock);
	server->outstanding--;
	if (error)
		server->order_error = error;
	pthread_cond_broadcast(&server->news);
	pthread_mutex_unlock(&server->lock);
}

static void take_order(void *arg, hf_us now)
{
	struct order *order = arg;
	order->run(order, now);
	free(order);
}

/* Gives one worker its order; -ENOMEM: it has none. */
static int give_order(const struct order *order)
{
	struct hf_server *server = order->crew->server;
	struct order *copy = malloc(sizeof *copy);
	if (!copy)
		return -ENOMEM;
	*copy = *order;
	pthread_mutex_lock(&server->lock);
	server->outstanding++;
	pthread_mutex_unlock(&server->lock);
	int rc = hf_worker_order(order->crew->worker, take_order, copy);
	if (!rc)
		return 0;
	finish_order(order->crew, rc);
	free(copy);
	return rc;
}

/* Has `run` called by every worker, and waits until all that could be told have done so:
 * what the order points to is the caller's. */
static int order_all(struct hf_server *server, void (*run)(struct order *, hf_us),
	struct hf_plan *plan, struct hf_ears *ears)
{
	int rc = 0;
	server->order_error = 0;
	for (size_t w = 0; !rc && w < server->size; w++)
		rc = give_order(&(struct order){&server->crew[w], plan, ears, run});
	pthread_mutex_lock(&server->lock);
	while (server->outstanding)
		pthread_cond_wait(&server->news, &server->lock);
	if (!rc)
		rc = server->order_error;
	pthread_mutex_unlock(&server->lock);
	return rc;
}

static void retain(struct hf_crew *crew, const struct hf_plan *plan)
{
	const struct hf_bound *bound = &crew->server->bound;
	const struct hf_listen_conf *listen = hf_above(plan)->settings.listen;
	struct hf_address *keep = calloc(listen->dns.count + bound->given_count + 1, sizeof *keep);
	if (!keep)
		return; /* serves an address too many rather than one too few */
	const struct hf_address_list list = {keep, hf_bound_served(bound, listen, keep)};
	hf_listener_retain(crew->listener, &list, &listen->tls);
	free(keep);
}

/* From now on it tells the driver what is hot. */
static void take_driver(struct hf_crew *crew)
{
	if (!crew->server->xdp || crew->xdp)
		return;
	crew->xdp = crew->server->xdp;
	hf_worker_set_hot(crew->worker, &hf_xdp_hot, crew->xdp);
}

static void run_adopt(struct order *order, hf_us now)
{
	struct hf_crew *crew = order->crew;
	(void)now;
	/* The listener first: its settings live as long as the old plan. */
	hf_listener_adopt(crew->listener, &hf_above(order->plan)->respond);
	hf_worker_adopt(crew->worker, order->plan);
	take_driver(crew);
	size_t worker = (size_t)(crew - crew->server->crew);
	int error = hf_ears_take(&order->ears[HF_EARS_DNS], worker, crew->listener);
	int error_tls = hf_ears_take(&order->ears[HF_EARS_TLS], worker, crew->listener);
	retain(crew, order->plan);
	finish_order(crew, error ? error : error_tls);
}

static void run_drain(struct order *order, hf_us now)
{
	order->crew->draining = true;
	hf_listener_drain(order->crew->listener, now);
	finish_order(order->crew, 0);
}

/* ---- zones ---- */

static void take_zones(struct hf_crew *crew)
{
	struct hf_zones *zones = hf_zones_link_take(&crew->server->zones, &crew->zones);
	if (zones) {
		hf_responder_adopt_zones(hf_listener_responder(crew->listener), zones);
		hf_worker_adopt_zones(crew->worker, zones);
	}
	hf_zones_unref(zones);
}

static void run_take_zones(void *arg, hf_us now)
{
	(void)now;
	take_zones(arg);
}

/* Before each group of packets: nobody is answered from an older set than another worker has
 * answered from. */
static void renew_zones(void *ctx)
{
	take_zones(ctx);
}

/* A worker that cannot be told looks for itself (turn_again). */
static void post_zones(void *ctx)
{
	struct hf_server *server = ctx;
	for (size_t w = 0; w < server->size; w++)
		if (hf_worker_order(server->crew[w].worker, run_take_zones, &server->crew[w]))
			return;
}

/* In any worker: a primary says that there is something new. */
static void notified(void *ctx, const struct hf_name *zone, const struct hf_address *peer,
	bool has_serial, uint32_t serial)
{
	struct hf_server *server = ctx;
	struct hf_authority *authority = atomic_load(&server->zones.authority);
	if (authority)
		hf_authority_notified(authority, zone, peer, has_serial, serial);
}

/* What files say is served from the first question on. */
static int begin_zones(struct hf_server *server, FILE *complaints)
{
	const struct hf_settings *settings = &hf_above(server->plan)->settings;
	int rc = hf_zones_link_adopt(&server->zones, settings->zones, settings->siblings,
		settings->local, server->plan, complaints);
	for (size_t w = 0; !rc && w < server->size; w++)
		take_zones(&server->crew[w]);
	return rc;
}

/* ---- a worker's thread ---- */

static void turned(void *ctx, hf_us now)
{
	struct hf_crew *crew = ctx;
	atomic_store_explicit(&crew->turned, now, memory_order_relaxed);
	hf_listener_turned(crew->listener, now);
	if (!crew->draining || crew->done || !hf_listener_done(crew->listener) ||
		hf_worker_flights(crew->worker))
		return;
	pthread_mutex_lock(&crew->server->lock);
	crew->done = true;
	pthread_cond_broadcast(&crew->server->news);
	pthread_mutex_unlock(&crew->server->lock);
}

static void turn_again(struct hf_timer *timer, hf_us now)
{
	struct hf_crew *crew = (struct hf_crew *)((char *)timer - offsetof(struct hf_crew, turn));
	/* What was answered at the driver is counted with what the first worker did. */
	if (crew->xdp && crew == crew->server->crew)
		hf_xdp_fold(crew->xdp, crew->meter);
	hf_worker_tick(crew->worker, now);
	take_zones(crew);
	hf_timer_arm(hf_loop_timers(crew->loop), timer, now + TURN);
}

static void *work(void *arg)
{
	struct hf_crew *crew = arg;
	int rc = hf_loop_run(crew->loop);
	hf_unexpected(rc < 0);
	return NULL;
}

static int make_crew(struct hf_server *server, size_t index)
{
	struct hf_crew *crew = &server->crew[index];
	const struct hf_settings *settings = &hf_above(server->plan)->settings;
	size_t most = settings->clients->in_flight;
	crew->server = server;
	crew->meter = aligned_alloc(64, (sizeof *crew->meter + 63) / 64 * 64);
	crew->events = calloc(1, sizeof *crew->events);
	if (!crew->meter || !crew->events)
		return -ENOMEM;
	memset(crew->meter, 0, sizeof *crew->meter);
	int rc = crew->loop ? 0 : hf_loop_epoll_new(&crew->loop);
	if (!rc)
		rc = hf_listener_new(
			crew->loop, crew->meter, server->admission, most, &crew->listener);
	if (rc)
		return rc;
	struct hf_responder *responder = hf_listener_responder(crew->listener);
	const struct hf_worker_conf conf = {
		.team = server->team,
		.index = (unsigned)index,
		.loop = crew->loop,
		.meter = crew->meter,
		.events = crew->events,
		.plan = server->plan,
		.flights_max = most,
		.client = &hf_responder_client,
		.client_ctx = responder,
		.turned = turned,
		.turned_ctx = crew,
	};
	rc = hf_worker_new(&conf, &crew->worker);
	if (rc)
		return rc;
	hf_responder_attach(responder, crew->worker);
	hf_responder_set_notified(responder, notified, server);
	hf_responder_set_renew(responder, renew_zones, crew);
	hf_listener_adopt(crew->listener, &hf_above(server->plan)->respond);
	crew->turn.fire = turn_again;
	hf_timer_arm(hf_loop_timers(crew->loop), &crew->turn, hf_loop_now(crew->loop) + TURN);
	atomic_store(&crew->turned, hf_loop_now(crew->loop));
	return 0;
}

static int start_threads(struct hf_server *server)
{
	for (size_t w = 0; w < server->size; w++) {
		char name[16];
		int rc = pthread_create(&server->crew[w].thread, NULL, work, &server->crew[w]);
		if (rc)
			return -rc;
		server->crew[w].started = true;
		snprintf(name, sizeof name, "worker/%u", (unsigned)w % 1000);
		pthread_setname_np(server->crew[w].thread, name);
	}
	return 0;
}

/* ---- start ---- */

/* Everything that has to exist before the first worker. */
static int make_server(struct hf_server *server, const struct hf_settings *settings)
{
	int rc = hf_loop_epoll_new(&server->crew[0].loop);
	if (rc)
		return rc;
	hf_loop_random(server->crew[0].loop, &server->key, sizeof server->key);
	server->admission = calloc(1, sizeof *server->admission);
	if (!server->admission)
		return -ENOMEM;
	hf_loop_random(
		server->crew[0].loop, &server->admission->key, sizeof server->admission->key);
	rc = hf_slots_new(&server->slots);
	if (!rc)
		rc = hf_cache_new(settings->cache->size, (unsigned)server->size, &server->key,
			&server->cache);
	if (!rc)
		hf_cache_hash_faster(server->cache);
	return rc ? rc : hf_team_new((unsigned)server->size, server->cache, &server->team);
}

static int make_all(struct hf_server *server, const struct hf_settings *settings, FILE *complaints)
{
	int rc = make_server(server, settings);
	if (!rc)
		rc = hf_server_plan(server, settings, complaints, &server->plan);
	if (rc)
		return rc;
	for (size_t w = 0; !rc && w < server->size; w++)
		rc = make_crew(server, w);
	return rc;
}

static int listen_everywhere(struct hf_server *server, const struct hf_given_socket *given,
	size_t given_count, FILE *complaints)
{
	enum { GIVEN = HF_EARS_KINDS, ALL };
	struct hf_ears ears[ALL] = {{0}};
	int rc = hf_ears_share(&server->bound, given, given_count, complaints, &ears[GIVEN]);
	if (!rc)
		rc = hf_ears_bind(&server->bound, NULL, hf_above(server->plan)->settings.listen,
			complaints, ears);
	for (int kind = 0; !rc && kind < ALL; kind++)
		for (size_t w = 0; !rc && w < server->size; w++)
			rc = hf_ears_take(&ears[kind], w, server->crew[w].listener);
	for (int kind = 0; kind < ALL; kind++)
		hf_ears_close(&ears[kind]);
	return rc;
}

/* What was known is put back before anybody is answered. */
static int keep_cache(struct hf_server *server, FILE *complaints)
{
	const char *path = hf_above(server->plan)->settings.persist;
	if (!path)
		return 0;
	int rc = hf_keeper_open(
		path, server->plan, server->cache, server->team, complaints, &server->keeper);
	return rc ? rc : hf_keeper_begin(server->keeper);
}

/* ---- at the driver ---- */

/* The plan's rules come into force there. */
static void adopt_at_driver(struct hf_server *server, FILE *complaints)
{
	const struct hf_settings *settings = &hf_above(server->plan)->settings;
	struct hf_address *served =
		calloc(settings->listen->dns.count + server->bound.given_count + 1, sizeof *served);
	if (!served)
		return; /* sockets answer */
	size_t count = hf_bound_heard(&server->bound, settings->listen, served);
	const struct hf_xdp_rules rules = {served, count, settings->clients->allow.items,
		settings->clients->allow.count, settings->listen->edns_size};
	hf_xdp_adopt(server->xdp, &rules, server->plan->number, complaints);
	free(served);
}

/* The interfaces that the plan lists. What cannot be had there is no reason not to serve. Without
 * any the table stays, for workers know it. */
static void list_at_driver(struct hf_server *server, FILE *complaints)
{
	const struct hf_text_list *xdp = &hf_above(server->plan)->settings.listen->xdp;
	struct hf_xdp *opened = NULL;
	if (!server->xdp && xdp->count)
		(void)hf_xdp_open(xdp->items, xdp->count, &server->xdp_key, complaints, &opened);
	/* Whoever reads its figures, of any thread, sees the list of before or this one. */
	pthread_mutex_lock(&server->lock);
	if (server->xdp)
		hf_xdp_list(server->xdp, xdp->items, xdp->count, complaints);
	else
		server->xdp = opened;
	pthread_mutex_unlock(&server->lock);
}

static void open_at_driver(struct hf_server *server, FILE *complaints)
{
	hf_loop_random(server->crew[0].loop, &server->xdp_key, sizeof server->xdp_key);
	list_at_driver(server, complaints);
	if (!server->xdp)
		return;
	for (size_t w = 0; w < server->size; w++)
		take_driver(&server->crew[w]);
	adopt_at_driver(server, complaints);
}

/* Once a day. */
static void watch_certificate(struct hf_server *server, FILE *complaints)
{
	const struct hf_settings *settings = &hf_above(server->plan)->settings;
	const struct hf_tls_server *tls = hf_above(server->plan)->respond.tls;
	const struct hf_clocks clocks = hf_clocks_now();
	char why[HF_TLS_WHY_MAX];
	if (!tls || clocks.monotonic < server->certificate_due)
		return;
	server->certificate_due = clocks.monotonic + 86400 * HF_SECOND;
	if (!hf_tls_server_lasts(tls, clocks.wall / HF_SECOND, why))
		fprintf(complaints, "listen.tls: %s: %s; renew it and reload\n",
			settings->listen->tls_certificate, why);
}

void hf_server_tick(struct hf_server *server, FILE *complaints)
{
	watch_certificate(server, complaints);
	if (server->xdp && server->serving)
		hf_xdp_tick(server->xdp, complaints);
}

int hf_server_start(const struct hf_settings *settings, const struct hf_given_socket *given,
	size_t given_count, FILE *complaints, struct hf_server **ret)
{
	size_t size = settings->workers;
	struct hf_server *server = calloc(1, sizeof *server + size * sizeof server->crew[0]);
	int rc = server ? 0 : -ENOMEM;
	if (server) {
		server->size = server->bound.workers = size;
		hf_under_way_init(&server->inspections);
		hf_under_way_init(&server->diaries);
		hf_zones_link_init(&server->zones, post_zones, server);
		pthread_mutex_init(&server->lock, NULL);
		pthread_cond_init(&server->news, NULL);
		rc = make_all(server, settings, complaints);
	}
	if (rc)
		fprintf(complaints, "cannot start: %s\n", hf_strerror(rc));
	if (rc && (!server || !server->plan) && settings->release)
		settings->release(settings->owner); /* no plan took it */
	if (!rc)
		rc = listen_everywhere(server, given, given_count, complaints);
	if (!rc)
		rc = keep_cache(server, complaints);
	if (!rc)
		rc = begin_zones(server, complaints);
	if (!rc)
		open_at_driver(server, complaints);
	if (!rc)
		rc = start_threads(server);
	if (rc) {
		hf_server_free(server);
		return rc;
	}
	server->serving = true;
	*ret = server;
	return 0;
}

int hf_server_inspect(struct hf_server *server, const struct hf_inspect_conf *conf)
{
	struct hf_cache_key key = hf_plan_key(server->plan, server->cache, &conf->questions[0], 0);
	unsigned owner = hf_cache_shard(server->cache, &key);
	return hf_inspect(&server->inspections, server->crew[owner].worker, conf);
}

int hf_server_decisions(
	struct hf_server *server, const struct hf_diaries_wish *wish, struct hf_recollection *ret)
{
	struct hf_worker **workers = calloc(server->size, sizeof *workers);
	if (!workers)
		return -ENOMEM;
	for (size_t w = 0; w < server->size; w++)
		workers[w] = server->crew[w].worker;
	int rc = hf_diaries_read(&server->diaries, workers, server->size, wish, ret);
	free(workers);
	return rc;
}

/* ---- reload ---- */

static void close_both(struct hf_ears ears[static HF_EARS_KINDS])
{
	hf_ears_close(&ears[HF_EARS_DNS]);
	hf_ears_close(&ears[HF_EARS_TLS]);
}

int hf_server_reload(struct hf_server *server, const struct hf_settings *settings, FILE *complaints)
{
	struct hf_ears ears[HF_EARS_KINDS] = {{0}};
	struct hf_plan *plan, *old = server->plan;
	const struct hf_listen_conf *before = hf_above(old)->settings.listen;
	int rc = hf_ears_bind(&server->bound, before, settings->listen, complaints, ears);
	if (!rc) {
		pthread_mutex_lock(&server->lock);
		rc = hf_server_plan(server, settings, complaints, &plan);
		pthread_mutex_unlock(&server->lock);
		if (rc)
			close_both(ears);
	}
	if (rc) {
		if (settings->release)
			settings->release(settings->owner);
		return rc;
	}
	pthread_mutex_lock(&server->lock);
	server->plan = plan;
	pthread_mutex_unlock(&server->lock);
	hf_ears_left(&server->bound, before, settings->listen);
	if (server->xdp)
		hf_xdp_pause(server->xdp);
	list_at_driver(server, complaints);
	/* Before the workers: what they store from now on is this plan's. */
	if (server->keeper)
		hf_keeper_adopt(server->keeper, plan);
	rc = order_all(server, run_adopt, plan, ears);
	if (rc)
		fprintf(complaints, "some workers could not take all of it: %s\n", hf_strerror(rc));
	close_both(ears);
	hf_zones_link_adopt(&server->zones, settings->zones, settings->siblings, settings->local,
		plan, complaints);
	hf_plan_unref(old);
	if (server->xdp)
		adopt_at_driver(server, complaints);
	return 0;
}

/* ---- drain and free ---- */

static bool all_done(const struct hf_server *server)
{
	for (size_t w = 0; w < server->size; w++)
		if (!server->crew[w].done)
			return false;
	return true;
}

/* Waits in short steps: the condition variable's clock is not worth a door. */
static void wait_done(struct hf_server *server, hf_us longest)
{
	hf_us end = hf_clock_now() + longest;
	for (;;) {
		pthread_mutex_lock(&server->lock);
		bool done = all_done(server);
		pthread_mutex_unlock(&server->lock);
		if (done || hf_clock_now() >= end)
			return;
		usleep(5000);
	}
}

static void stop_threads(struct hf_server *server)
{
	for (size_t w = 0; w < server->size; w++) {
		if (!server->crew[w].started)
			continue;
		hf_loop_stop(server->crew[w].loop);
		pthread_join(server->crew[w].thread, NULL);
		server->crew[w].started = false;
	}
}

size_t hf_server_drain(struct hf_server *server, hf_us longest)
{
	size_t left = 0;
	if (server->xdp)
		hf_xdp_pause(server->xdp);
	if (server->size && server->crew[0].started) {
		order_all(server, run_drain, NULL, NULL);
		wait_done(server, longest);
		hf_zones_link_stop(&server->zones);
		stop_threads(server);
		hf_inspections_end(&server->inspections);
	}
	if (server->keeper)
		hf_keeper_stop(server->keeper);
	for (size_t w = 0; w < server->size; w++)
		left += hf_responder_pending(hf_listener_responder(server->crew[w].listener));
	return left;
}

void hf_server_free(struct hf_server *server)
{
	if (!server)
		return;
	hf_zones_link_stop(&server->zones);
	stop_threads(server);
	hf_inspections_end(&server->inspections);
	hf_xdp_close(server->xdp);
	hf_keeper_free(server->keeper);
	for (size_t w = 0; w < server->size; w++)
		hf_listener_free(server->crew[w].listener);
	hf_team_free(server->team);
	hf_zones_link_clear(&server->zones);
	hf_diaries_clear(&server->diaries);
	hf_under_way_clear(&server->inspections);
	for (size_t w = 0; w < server->size; w++) {
		hf_loop_free(server->crew[w].loop);
		free(server->crew[w].meter);
		free(server->crew[w].events);
	}
	hf_cache_free(server->cache);
	hf_slots_free(server->slots);
	hf_plan_unref(server->plan);
	free(server->admission);
	hf_bound_clear(&server->bound);
	pthread_mutex_destroy(&server->lock);
	pthread_cond_destroy(&server->news);
	free(server);
}
