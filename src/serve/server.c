/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/server.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "authority/keys.h"
#include "base/check.h"
#include "base/error.h"
#include "engine/worker.h"
#include "keep/keeper.h"
#include "loop/loop_epoll.h"
#include "serve/inspect.h"
#include "serve/listener.h"
#include "serve/readiness.h"
#include "serve/slots.h"
#include "serve/zones_link.h"
#include "transport/tls_server.h"
#include "xdp/xdp.h"

/* A worker with nothing to do turns so often all the same: the watchdog asks. */
#define TURN (500 * HF_MS)

/* Longer than a retired address can go on being heard (listener.c: RETIRE). */
#define LEFT (6 * HF_SECOND)

/* A worker takes an order between two turns; one that needs longer is stuck. */
#define ORDER_PATIENCE_S 30

/* What a plan was made from, kept with it. */
struct above {
	struct hf_settings settings;
	struct hf_respond_conf respond;
	struct hf_keys *keys; /* NULL: there are no zones */
	struct hf_zone_rules *rules;
};

struct crew { /* one worker with its thread and ears */
	struct hf_server *server;
	struct hf_loop *loop;
	struct hf_listener *listener;
	struct hf_worker *worker;
	struct hf_meter *meter;
	struct hf_event_ring *events;
	struct hf_timer turn;
	pthread_t thread;
	bool started;
	bool draining; /* the worker's own */
	bool done;     /* under the server's lock */
	uint64_t zones; /* number of the set that it answers from; the worker's own */
	_Atomic hf_us turned;
};

struct hf_server {
	struct hf_hash_key key;
	struct hf_cache *cache;
	struct hf_keeper *keeper; /* NULL: the cache is not written down */
	struct hf_xdp *xdp;       /* NULL: sockets answer everything */
	uint64_t plans;           /* made so far */
	struct hf_team *team;
	struct hf_zones_link zones;
	struct hf_admission_table *admission;
	struct hf_slots *slots;
	struct hf_inspections inspections;
	struct hf_address *given; /* addresses that cannot be bound again */
	size_t given_count;
	pthread_mutex_t lock; /* over all that follows, and slots */
	pthread_cond_t news;
	struct hf_plan *plan;
	struct {
		struct hf_address address;
		hf_us at;
	} left[16]; /* addresses that reloads took away last; main's own */
	size_t left_next;
	bool serving;         /* main's own */
	hf_us certificate_due; /* main's own: when what is shown over TLS is looked at again */
	unsigned outstanding; /* workers that have not yet taken the current order */
	int order_error;
	size_t size;
	struct crew crew[];
};

/* ---- plans ---- */

static void free_above(struct above *it)
{
	hf_zone_rules_free(it->rules);
	hf_keys_free(it->keys);
	hf_tls_server_unref(it->respond.tls);
	free(it);
}

static void release_settings(void *owner)
{
	struct above *above = owner;
	if (above->settings.release)
		above->settings.release(above->settings.owner);
	free_above(above);
}

/* Whoever looks after zones says so (authority/authority.c). */
static void pass_over_key(void *ctx, const struct hf_key_conf *conf, const char *why)
{
	(void)ctx;
	(void)conf;
	(void)why;
}

static const struct hf_tsig_key *find_key(void *ctx, const char *name)
{
	return hf_keys_find(ctx, name);
}

/* Who may do what with zones. */
static int make_rules(const struct hf_server *server, struct above *above)
{
	const struct hf_zones_conf *zones = above->settings.zones;
	if (!zones || !zones->zone_count)
		return 0;
	int rc = hf_keys_load(zones->keys, zones->key_count, pass_over_key, NULL, &above->keys);
	if (rc)
		return rc;
	struct hf_zone_rules_conf conf = {.zones = zones, .hash_key = &server->key,
		.find_key = find_key, .ctx = above->keys};
	conf.keys = hf_keys_all(above->keys, &conf.key_count);
	rc = hf_zone_rules_new(&conf, &above->rules);
	above->respond.rules = above->rules;
	return rc;
}

static const struct above *above(const struct hf_plan *plan)
{
	return plan->above;
}

/* What is shown over TLS. What has not changed goes on, for its tickets. */
static int load_tls(const struct hf_server *server, struct above *it, FILE *complaints)
{
	const struct hf_listen_conf *listen = it->settings.listen;
	char why[HF_TLS_WHY_MAX];
	struct hf_tls_server *tls, *before = server->plan ? above(server->plan)->respond.tls : NULL;
	if (!listen->tls.count)
		return 0;
	int rc = hf_tls_server_load(listen->tls_certificate, listen->tls_key, why, &tls);
	if (rc) {
		fprintf(complaints, "listen.tls: %s\n", why);
		return rc;
	}
	if (before && hf_tls_server_same(before, tls)) {
		hf_tls_server_unref(tls);
		tls = hf_tls_server_ref(before);
	}
	it->respond.tls = tls;
	return 0;
}

/* Makes a plan that holds the settings from now on. */
static int make_plan(struct hf_server *server, const struct hf_settings *settings, FILE *complaints,
	struct hf_plan **ret)
{
	uint16_t slots[HF_UPSTREAMS_MAX];
	bool fresh[HF_UPSTREAMS_MAX];
	struct above *it = malloc(sizeof *it);
	struct hf_plan *plan;
	if (!it)
		return -ENOMEM;
	*it = (struct above){*settings, {settings->listen, settings->tcp, settings->clients}};
	int rc = make_rules(server, it);
	if (!rc)
		rc = load_tls(server, it, complaints);
	if (rc) {
		free_above(it);
		return rc;
	}
	hf_slots_assign(server->slots, settings->forward, slots, fresh);
	if (hf_plan_new(settings->forward, settings->cache, &server->key, slots, fresh, server->plan,
		    &plan))
		rc = -ENOMEM;
	if (!rc && (rc = hf_plan_secure(plan)))
		hf_plan_unref(plan);
	if (rc) {
		free_above(it);
		return rc;
	}
	hf_plan_hash_faster(plan);
	plan->number = ++server->plans;
	plan->zones = it->rules;
	plan->above = it;
	plan->owner = it;
	plan->release = release_settings;
	*ret = plan;
	return 0;
}

/* ---- sockets ---- */

static int complain(FILE *out, const struct hf_address *address, const char *kind, int error)
{
	char text[HF_ADDRESS_TEXT_MAX];
	fprintf(out, "cannot listen on %s (%s): %s\n", hf_address_text(address, text), kind,
		hf_strerror(error));
	return error;
}

static bool overlap(const struct hf_address *a, const struct hf_address *b)
{
	static const uint8_t any[16];
	return a->family == b->family && a->port == b->port &&
	       (hf_address_equal(a, b) || memcmp(a->bytes, any, sizeof any) == 0 ||
		       memcmp(b->bytes, any, sizeof any) == 0);
}

static bool overlaps(const struct hf_address_list *list, const struct hf_address *address)
{
	for (size_t i = 0; i < list->count; i++)
		if (overlap(&list->items[i], address))
			return true;
	return false;
}

/* Do we listen there now, or did we a moment ago? Ears that a reload took away
 * hear on for a while. */
static bool is_ours(const struct hf_server *server, const struct hf_address *address)
{
	const struct hf_listen_conf *now = above(server->plan)->settings.listen;
	if (server->serving && (overlaps(&now->dns, address) || overlaps(&now->tls, address)))
		return true;
	for (size_t i = 0; i < HF_COUNT_OF(server->left); i++)
		if (hf_address_set(&server->left[i].address) &&
			overlap(&server->left[i].address, address) &&
			hf_clock_now() - server->left[i].at < LEFT)
			return true;
	return false;
}

/* Our own sockets share an address on purpose (SO_REUSEPORT); they must not come
 * to share it with another server of the same user without anybody noticing. */
static int check_free(const struct hf_server *server, const struct hf_address *address, int type)
{
	if (is_ours(server, address))
		return 0;
	struct sockaddr_storage sa;
	socklen_t len = hf_address_to_system(address, &sa);
	int one = 1;
	int fd = socket(sa.ss_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (sa.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (type == SOCK_STREAM) /* connections of before that linger are nobody's ears */
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	int rc = bind(fd, (struct sockaddr *)&sa, len) ? -errno : 0;
	close(fd);
	return rc;
}

struct ears { /* for every worker, those of the addresses that are new */
	struct hf_ear *items; /* [worker][address] */
	size_t addresses;
	bool tls;
};

static void close_ears(struct ears *ears, size_t workers)
{
	for (size_t i = 0; ears->items && i < workers * ears->addresses; i++) {
		if (ears->items[i].udp >= 0)
			close(ears->items[i].udp);
		if (ears->items[i].tcp >= 0)
			close(ears->items[i].tcp);
	}
	free(ears->items);
	ears->items = NULL;
}

static int reserve_ears(struct ears *ears, size_t workers, size_t addresses)
{
	ears->items = calloc(workers * addresses + 1, sizeof *ears->items);
	ears->addresses = addresses;
	for (size_t i = 0; ears->items && i < workers * addresses; i++)
		ears->items[i].udp = ears->items[i].tcp = -1;
	return ears->items ? 0 : -ENOMEM;
}

static int bind_address(struct hf_server *server, struct ears *ears, size_t at,
	const struct hf_address *address, FILE *complaints)
{
	const char *stream = ears->tls ? "tls" : "tcp";
	int rc = check_free(server, address, ears->tls ? SOCK_STREAM : SOCK_DGRAM);
	if (rc)
		return complain(complaints, address, ears->tls ? stream : "udp", rc);
	for (size_t w = 0; w < server->size; w++) {
		struct hf_ear *ear = &ears->items[w * ears->addresses + at];
		ear->address = *address;
		ear->tls = ears->tls;
		ear->udp = ears->tls ? -1 : hf_socket_bind(address, SOCK_DGRAM);
		if (ear->udp < 0 && !ears->tls)
			return complain(complaints, address, "udp", ear->udp);
		ear->tcp = hf_socket_bind(address, SOCK_STREAM);
		if (ear->tcp < 0)
			return complain(complaints, address, stream, ear->tcp);
	}
	return 0;
}

/* One descriptor that every worker shares: a copy for each. */
static int share_given(struct hf_server *server, struct ears *ears, size_t at,
	const struct hf_given_socket *given, FILE *complaints)
{
	for (size_t w = 0; w < server->size; w++) {
		struct hf_ear *ear = &ears->items[w * ears->addresses + at];
		int *place = given->type == SOCK_DGRAM ? &ear->udp : &ear->tcp;
		ear->address = given->address;
		if (*place >= 0)
			continue; /* given twice */
		*place = dup(given->fd);
		if (*place < 0)
			return complain(complaints, &given->address, "given socket", -errno);
	}
	return 0;
}

static bool has_address(const struct hf_address *list, size_t count, const struct hf_address *a)
{
	for (size_t i = 0; i < count; i++)
		if (hf_address_equal(&list[i], a))
			return true;
	return false;
}

/* Addresses of `next` that are neither served by `now` nor given. Sockets that are given
 * are for DNS without TLS. */
static size_t new_addresses(const struct hf_server *server, const struct hf_address_list *now,
	const struct hf_address_list *next, bool tls, struct hf_address *ret)
{
	size_t count = 0;
	for (size_t i = 0; i < next->count; i++) {
		const struct hf_address *a = &next->items[i];
		if ((tls || !has_address(server->given, server->given_count, a)) &&
			!(now && has_address(now->items, now->count, a)))
			ret[count++] = *a;
	}
	return count;
}

/* A host without IPv6 has no ::1; what listens on 127.0.0.1 as well is not to
 * fail for it, least of all with the defaults. */
static bool may_be_missing(const struct hf_address *address, size_t count, int error)
{
	static const uint8_t loopback[16] = { [15] = 1 };
	return address->family == 6 && memcmp(address->bytes, loopback, sizeof loopback) == 0 &&
	       count > 1 && (error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT);
}

static int bind_list(struct hf_server *server, const struct hf_address_list *now,
	const struct hf_address_list *next, bool tls, FILE *complaints, struct ears *ret)
{
	struct hf_address *wanted = calloc(next->count + 1, sizeof *wanted);
	int rc = wanted ? 0 : -ENOMEM;
	size_t count = wanted ? new_addresses(server, now, next, tls, wanted) : 0;
	ret->tls = tls;
	if (!rc)
		rc = reserve_ears(ret, server->size, count);
	for (size_t i = 0; !rc && i < count; i++) {
		rc = bind_address(server, ret, i, &wanted[i], complaints);
		if (rc && may_be_missing(&wanted[i], next->count, rc))
			rc = 0; /* it has been said; its ears stay without descriptors */
	}
	if (rc)
		close_ears(ret, server->size);
	free(wanted);
	return rc;
}

enum { EARS_DNS, EARS_TLS, EARS_KINDS };

/* What `next` listens on and `now` (or NULL) does not. On failure nothing is bound. */
static int bind_new(struct hf_server *server, const struct hf_listen_conf *now,
	const struct hf_listen_conf *next, FILE *complaints, struct ears ret[static EARS_KINDS])
{
	int rc = bind_list(
		server, now ? &now->dns : NULL, &next->dns, false, complaints, &ret[EARS_DNS]);
	if (rc)
		return rc;
	rc = bind_list(
		server, now ? &now->tls : NULL, &next->tls, true, complaints, &ret[EARS_TLS]);
	if (rc)
		close_ears(&ret[EARS_DNS], server->size);
	return rc;
}

/* ---- orders to all workers ---- */

struct order {
	struct crew *crew;
	struct hf_plan *plan;
	const struct ears *ears; /* EARS_KINDS of them, or NULL */
	void (*run)(struct order *order, hf_us now);
};

static void finish_order(struct crew *crew, int error)
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

/* Has `run` called by every worker and waits until all have done so. */
static int order_all(struct hf_server *server, void (*run)(struct order *, hf_us),
	struct hf_plan *plan, const struct ears *ears)
{
	int rc = 0;
	server->outstanding = 0;
	server->order_error = 0;
	for (size_t w = 0; w < server->size; w++) {
		struct order *order = malloc(sizeof *order);
		if (!order)
			return -ENOMEM;
		*order = (struct order){ &server->crew[w], plan, ears, run };
		pthread_mutex_lock(&server->lock);
		server->outstanding++;
		pthread_mutex_unlock(&server->lock);
		rc = hf_worker_order(server->crew[w].worker, take_order, order);
		if (rc)
			return rc;
	}
	pthread_mutex_lock(&server->lock);
	while (server->outstanding)
		pthread_cond_wait(&server->news, &server->lock);
	rc = server->order_error;
	pthread_mutex_unlock(&server->lock);
	return rc;
}

static int take_ears(struct crew *crew, const struct ears *ears)
{
	int error = 0;
	size_t worker = (size_t)(crew - crew->server->crew);
	for (size_t i = 0; i < ears->addresses; i++) {
		struct hf_ear *ear = &ears->items[worker * ears->addresses + i];
		if (ear->udp < 0 && ear->tcp < 0)
			continue;
		int rc = hf_listener_add(crew->listener, ear);
		ear->udp = ear->tcp = -1; /* the listener's now, or closed */
		if (rc)
			error = rc;
	}
	return error;
}

static void retain(struct crew *crew, const struct hf_plan *plan)
{
	const struct hf_server *server = crew->server;
	const struct hf_listen_conf *listen = above(plan)->settings.listen;
	const struct hf_address_list *dns = &listen->dns;
	struct hf_address *keep = calloc(dns->count + server->given_count + 1, sizeof *keep);
	if (!keep)
		return; /* serves an address too many rather than one too few */
	memcpy(keep, dns->items, dns->count * sizeof *keep);
	memcpy(keep + dns->count, server->given, server->given_count * sizeof *keep);
	const struct hf_address_list list = {keep, dns->count + server->given_count};
	hf_listener_retain(crew->listener, &list, &listen->tls);
	free(keep);
}

static void run_adopt(struct order *order, hf_us now)
{
	struct crew *crew = order->crew;
	(void)now;
	/* The listener first: its settings live as long as the old plan. */
	hf_listener_adopt(crew->listener, &above(order->plan)->respond);
	hf_worker_adopt(crew->worker, order->plan);
	int error = take_ears(crew, &order->ears[EARS_DNS]);
	int error_tls = take_ears(crew, &order->ears[EARS_TLS]);
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

static void take_zones(struct crew *crew)
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
	const struct hf_settings *settings = &above(server->plan)->settings;
	int rc = hf_zones_link_adopt(
		&server->zones, settings->zones, settings->siblings, settings->local,
		server->plan, complaints);
	for (size_t w = 0; !rc && w < server->size; w++)
		take_zones(&server->crew[w]);
	return rc;
}

struct hf_authority *hf_server_authority(const struct hf_server *server)
{
	return atomic_load(&server->zones.authority);
}

/* ---- a worker's thread ---- */

static void turned(void *ctx, hf_us now)
{
	struct crew *crew = ctx;
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
	struct crew *crew = (struct crew *)((char *)timer - offsetof(struct crew, turn));
	/* What was answered at the driver is counted with what the first worker did. */
	if (crew->server->xdp && crew == crew->server->crew)
		hf_xdp_fold(crew->server->xdp, crew->meter);
	hf_worker_tick(crew->worker, now);
	take_zones(crew);
	hf_timer_arm(hf_loop_timers(crew->loop), timer, now + TURN);
}

static void *work(void *arg)
{
	struct crew *crew = arg;
	int rc = hf_loop_run(crew->loop);
	hf_unexpected(rc < 0);
	return NULL;
}

static int make_crew(struct hf_server *server, size_t index)
{
	struct crew *crew = &server->crew[index];
	const struct hf_settings *settings = &above(server->plan)->settings;
	size_t most = settings->clients->in_flight;
	crew->server = server;
	crew->meter = aligned_alloc(64, (sizeof *crew->meter + 63) / 64 * 64);
	crew->events = calloc(1, sizeof *crew->events);
	if (!crew->meter || !crew->events)
		return -ENOMEM;
	memset(crew->meter, 0, sizeof *crew->meter);
	int rc = crew->loop ? 0 : hf_loop_epoll_new(&crew->loop);
	if (!rc)
		rc = hf_listener_new(crew->loop, crew->meter, server->admission, most, &crew->listener);
	if (rc)
		return rc;
	struct hf_responder *responder = hf_listener_responder(crew->listener);
	const struct hf_worker_conf conf = {
		.team = server->team, .index = (unsigned)index, .loop = crew->loop,
		.meter = crew->meter, .events = crew->events, .plan = server->plan,
		.flights_max = most, .client = &hf_responder_client, .client_ctx = responder,
		.turned = turned, .turned_ctx = crew,
	};
	rc = hf_worker_new(&conf, &crew->worker);
	if (rc)
		return rc;
	hf_responder_attach(responder, crew->worker);
	hf_responder_set_notified(responder, notified, server);
	hf_listener_adopt(crew->listener, &above(server->plan)->respond);
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

static int list_given(struct hf_server *server, const struct hf_given_socket *given, size_t count)
{
	server->given = calloc(count + 1, sizeof *server->given);
	if (!server->given)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (!has_address(server->given, server->given_count, &given[i].address))
			server->given[server->given_count++] = given[i].address;
	return 0;
}

static int take_given(struct hf_server *server, const struct hf_given_socket *given, size_t count,
	FILE *complaints, struct ears *ret)
{
	int rc = reserve_ears(ret, server->size, server->given_count);
	for (size_t i = 0; !rc && i < count; i++) {
		size_t at = 0;
		while (!hf_address_equal(&server->given[at], &given[i].address))
			at++;
		rc = share_given(server, ret, at, &given[i], complaints);
	}
	if (rc)
		close_ears(ret, server->size);
	return rc;
}

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
	hf_loop_random(server->crew[0].loop, &server->admission->key, sizeof server->admission->key);
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
		rc = make_plan(server, settings, complaints, &server->plan);
	if (rc)
		return rc;
	for (size_t w = 0; !rc && w < server->size; w++)
		rc = make_crew(server, w);
	return rc;
}

static int listen_everywhere(struct hf_server *server, const struct hf_given_socket *given,
	size_t given_count, FILE *complaints)
{
	struct ears ears[EARS_KINDS + 1] = {{0}};
	int rc = list_given(server, given, given_count);
	if (!rc)
		rc = take_given(server, given, given_count, complaints, &ears[EARS_KINDS]);
	if (!rc)
		rc = bind_new(server, NULL, above(server->plan)->settings.listen, complaints, ears);
	for (int kind = 0; !rc && kind <= EARS_KINDS; kind++)
		for (size_t w = 0; !rc && w < server->size; w++)
			rc = take_ears(&server->crew[w], &ears[kind]);
	for (int kind = 0; kind <= EARS_KINDS; kind++)
		close_ears(&ears[kind], server->size);
	return rc;
}

/* What was known is put back before anybody is answered. */
static int keep_cache(struct hf_server *server, FILE *complaints)
{
	const char *path = above(server->plan)->settings.persist;
	if (!path)
		return 0;
	int rc = hf_keeper_open(path, server->plan, server->cache, server->team, complaints,
		&server->keeper);
	return rc ? rc : hf_keeper_begin(server->keeper);
}

/* ---- at the driver ---- */

/* The plan's rules come into force there. */
static void adopt_at_driver(struct hf_server *server, FILE *complaints)
{
	const struct hf_settings *settings = &above(server->plan)->settings;
	size_t count = settings->listen->dns.count + server->given_count;
	struct hf_address *served = calloc(count + 1, sizeof *served);
	if (!served)
		return; /* sockets answer */
	memcpy(served, settings->listen->dns.items, settings->listen->dns.count * sizeof *served);
	memcpy(served + settings->listen->dns.count, server->given,
		server->given_count * sizeof *served);
	const struct hf_xdp_rules rules = { served, count, settings->clients->allow.items,
		settings->clients->allow.count, settings->listen->edns_size };
	hf_xdp_adopt(server->xdp, &rules, server->plan->number, complaints);
	free(served);
}

/* What cannot be had there is no reason not to serve. */
static void open_at_driver(struct hf_server *server, FILE *complaints)
{
	const struct hf_text_list *xdp = &above(server->plan)->settings.listen->xdp;
	uint64_t seed;
	hf_loop_random(server->crew[0].loop, &seed, sizeof seed);
	if (!xdp->count || hf_xdp_open(xdp->items, xdp->count, seed, complaints, &server->xdp))
		return;
	hf_team_set_hot(server->team, &hf_xdp_hot, server->xdp);
	adopt_at_driver(server, complaints);
}

/* Once a day. */
static void watch_certificate(struct hf_server *server, FILE *complaints)
{
	const struct hf_settings *settings = &above(server->plan)->settings;
	const struct hf_tls_server *tls = above(server->plan)->respond.tls;
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

bool hf_server_xdp_figures(const struct hf_server *server, struct hf_xdp_figures *ret)
{
	if (server->xdp)
		*ret = hf_xdp_figures(server->xdp);
	return server->xdp;
}

int hf_server_start(const struct hf_settings *settings, const struct hf_given_socket *given,
	size_t given_count, FILE *complaints, struct hf_server **ret)
{
	size_t size = settings->workers;
	struct hf_server *server = calloc(1, sizeof *server + size * sizeof server->crew[0]);
	int rc = server ? 0 : -ENOMEM;
	if (server) {
		server->size = size;
		hf_inspections_init(&server->inspections);
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

/* ---- reload ---- */

static void note_left(struct hf_server *server, const struct hf_address_list *before,
	const struct hf_address_list *after)
{
	for (size_t i = 0; i < before->count; i++) {
		if (has_address(after->items, after->count, &before->items[i]))
			continue;
		server->left[server->left_next].address = before->items[i];
		server->left[server->left_next].at = hf_clock_now();
		server->left_next = (server->left_next + 1) % HF_COUNT_OF(server->left);
	}
}

static void close_both(struct ears ears[static EARS_KINDS], size_t workers)
{
	close_ears(&ears[EARS_DNS], workers);
	close_ears(&ears[EARS_TLS], workers);
}

int hf_server_reload(struct hf_server *server, const struct hf_settings *settings, FILE *complaints)
{
	struct ears ears[EARS_KINDS] = {{0}};
	struct hf_plan *plan, *old = server->plan;
	const struct hf_listen_conf *before = above(old)->settings.listen;
	int rc = bind_new(server, before, settings->listen, complaints, ears);
	if (!rc) {
		pthread_mutex_lock(&server->lock);
		rc = make_plan(server, settings, complaints, &plan);
		pthread_mutex_unlock(&server->lock);
		if (rc)
			close_both(ears, server->size);
	}
	if (rc) {
		if (settings->release)
			settings->release(settings->owner);
		return rc;
	}
	pthread_mutex_lock(&server->lock);
	server->plan = plan;
	pthread_mutex_unlock(&server->lock);
	note_left(server, &before->dns, &settings->listen->dns);
	note_left(server, &before->tls, &settings->listen->tls);
	if (server->xdp)
		hf_xdp_pause(server->xdp);
	/* Before the workers: what they store from now on is this plan's. */
	if (server->keeper)
		hf_keeper_adopt(server->keeper, plan);
	rc = order_all(server, run_adopt, plan, ears);
	if (rc)
		fprintf(complaints, "some workers could not take all of it: %s\n", hf_strerror(rc));
	close_both(ears, server->size);
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
	for (size_t w = 0; w < server->size; w++) {
		hf_loop_free(server->crew[w].loop);
		free(server->crew[w].meter);
		free(server->crew[w].events);
	}
	hf_cache_free(server->cache);
	hf_slots_free(server->slots);
	hf_plan_unref(server->plan);
	free(server->admission);
	free(server->given);
	pthread_mutex_destroy(&server->lock);
	pthread_cond_destroy(&server->news);
	free(server);
}

/* ---- readers ---- */

bool hf_server_alive(const struct hf_server *server, hf_us now, hf_us within)
{
	for (size_t w = 0; w < server->size; w++)
		if (now - atomic_load_explicit(&server->crew[w].turned, memory_order_relaxed) > within)
			return false;
	return true;
}

size_t hf_server_workers(const struct hf_server *server)
{
	return server->size;
}

const struct hf_meter *hf_server_meter(const struct hf_server *server, size_t worker)
{
	return server->crew[worker].meter;
}

struct hf_event_ring *hf_server_events(struct hf_server *server, size_t worker)
{
	return server->crew[worker].events;
}

bool hf_server_keeper_figures(const struct hf_server *server, struct hf_keeper_figures *ret)
{
	if (server->keeper)
		*ret = hf_keeper_figures(server->keeper);
	return server->keeper;
}

struct hf_event_ring *hf_server_keeper_events(struct hf_server *server)
{
	return server->keeper ? hf_keeper_events(server->keeper) : NULL;
}

struct hf_cache_figures hf_server_cache_figures(const struct hf_server *server)
{
	struct hf_cache_sums sums = hf_cache_sums(server->cache);
	return (struct hf_cache_figures){ sums.entries, sums.bytes, sums.size, sums.evictions };
}

/* The lock is the server's own business: readers see a const server. */
static pthread_mutex_t *lock_of(const struct hf_server *server)
{
	return (pthread_mutex_t *)(uintptr_t)&server->lock;
}

bool hf_server_tls_until(const struct hf_server *server, int64_t *ret)
{
	pthread_mutex_lock(lock_of(server));
	const struct hf_tls_server *tls = above(server->plan)->respond.tls;
	if (tls)
		*ret = hf_tls_server_until(tls);
	pthread_mutex_unlock(lock_of(server));
	return tls != NULL;
}

bool hf_server_slot_name(const struct hf_server *server, unsigned slot, char *buf, size_t size)
{
	pthread_mutex_lock(lock_of(server));
	const char *name = hf_slots_name(server->slots, slot);
	if (name)
		snprintf(buf, size, "%s", name);
	pthread_mutex_unlock(lock_of(server));
	return name != NULL;
}

void hf_server_slot_why(const struct hf_server *server, unsigned slot, char buf[static 200])
{
	hf_team_why(server->team, slot, buf);
}

bool hf_server_quarantine(const struct hf_server *server, unsigned slot, struct hf_quarantine *ret)
{
	return hf_team_quarantine(server->team, slot, ret);
}

bool hf_server_identity(const struct hf_server *server, unsigned slot, struct hf_identity *ret)
{
	return hf_team_identity(server->team, slot, ret);
}

bool hf_server_contradiction(
	const struct hf_server *server, unsigned slot, struct hf_contradiction *ret)
{
	return hf_team_contradiction(server->team, slot, ret);
}

size_t hf_server_late(const struct hf_server *server, unsigned slot, struct hf_bar *ret, size_t most)
{
	return hf_team_late(server->team, slot, ret, most);
}

/* In use, or its rest is over: without questions nobody would ever find out, and
 * who goes by our readiness sends none until we say that we are ready. */
static bool usable(const struct hf_server *server, unsigned slot)
{
	const _Atomic int64_t *gauges = server->crew[0].meter->upstreams[slot].gauges;
	return atomic_load_explicit(&gauges[HF_UP_STATE], memory_order_relaxed) == HF_HEALTH_CLOSED ||
	       atomic_load_explicit(&gauges[HF_UP_DUE], memory_order_relaxed);
}

/* Not asked for anything, because it lied. Our own questions find out when that is over,
 * whether or not clients ask. */
static bool distrusted(const struct hf_server *server, unsigned slot)
{
	const _Atomic int64_t *gauges = server->crew[0].meter->upstreams[slot].gauges;
	return atomic_load_explicit(&gauges[HF_UP_DISTRUSTED], memory_order_relaxed) != 0;
}

/* "a, b; the others do not answer" */
static void name_liars(const struct hf_server *server, const struct hf_route *route, unsigned liars,
	char *buf, size_t size)
{
	const struct hf_forward_conf *forward = server->plan->forward;
	size_t len = 0;
	for (size_t i = 0; i < route->upstream_count && len < size; i++)
		if (distrusted(server, server->plan->slots[route->upstreams[i]]))
			len += (size_t)snprintf(buf + len, size - len, " %s",
				forward->upstreams[route->upstreams[i]].name);
	if (liars < route->upstream_count && len < size)
		snprintf(buf + len, size - len, "; the others do not answer");
}

static void look_at_route(
	const struct hf_server *server, const struct hf_route *route, struct hf_look *look)
{
	char zone[HF_NAME_TEXT_MAX], names[HF_REASON_TEXT_MAX] = "";
	unsigned liars = 0;
	look->routes++;
	for (size_t i = 0; i < route->upstream_count; i++) {
		unsigned slot = server->plan->slots[route->upstreams[i]];
		if (usable(server, slot) && !distrusted(server, slot)) {
			look->routes_usable++;
			return;
		}
		liars += distrusted(server, slot);
	}
	hf_name_text(route->zone.bytes, zone);
	if (!liars) {
		hf_look_add(look, HF_REASON_UPSTREAM, HF_REASON_NOTED, zone,
			"no upstream of zone %s answers", zone);
		return;
	}
	name_liars(server, route, liars, names, sizeof names);
	hf_look_add(look, HF_REASON_UPSTREAM, HF_REASON_NOTED, zone,
		"no upstream of zone %s can be believed: in quarantine for all names:%s", zone,
		names);
}

/* An answer from a zone that is not served would be an error, and one that is served is
 * true: there is no waiting. */
static void look_at_zone(void *ctx, const struct hf_authority_zone *zone)
{
	char name[HF_NAME_TEXT_MAX];
	if (zone->odd)
		hf_look_add(ctx, HF_REASON_SIBLING, HF_REASON_AT_ONCE,
			hf_name_text(zone->name.bytes, name),
			"zone %s has other records here than at its siblings, which agree", name);
	if (!zone->required || zone->standing == HF_ZONE_SERVED || zone->standing == HF_ZONE_MARKED)
		return;
	hf_name_text(zone->name.bytes, name);
	hf_look_add(ctx, HF_REASON_ZONE, HF_REASON_AT_ONCE, name, "zone %s is not served: %s: %s",
		name, hf_gate_state_text(zone->state), zone->why);
}

void hf_server_look(const struct hf_server *server, struct hf_look *look)
{
	pthread_mutex_lock(lock_of(server));
	const struct hf_forward_conf *forward = server->plan->forward;
	for (size_t i = 0; i < forward->route_count; i++)
		look_at_route(server, &forward->routes[i], look);
	pthread_mutex_unlock(lock_of(server));
	struct hf_authority *authority = hf_server_authority(server);
	if (authority && hf_authority_trouble(authority))
		hf_authority_each(authority, look_at_zone, look);
}
