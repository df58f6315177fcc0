/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/instance.h"

#include <malloc.h>
#include <sys/stat.h>

#include "authority/authority.h"
#include "authority/update.h"
#include "authority/siblings.h"
#include "base/check.h"
#include "base/error.h"
#include "face/check_zones.h"
#include "face/command.h"
#include "face/hint.h"
#include "keep/keeper.h"
#include "loop/loop_epoll.h"
#include "xdp/xdp.h"

/* What can be served, besides being well written. */
static int load(const char *path, FILE *complaints, struct hf_config **ret)
{
	struct hf_config *config;
	int error = hf_config_load(path, HF_RESOLV_CONF, complaints, &config);
	if (error)
		return error;
	error = hf_check_needed(config, complaints);
	if (error)
		hf_config_unref(config);
	else
		*ret = config;
	return error;
}

/* From this size on a piece of memory is mapped by itself, and gone when it is freed. Left to
 * itself the C library goes up to 32 MiB with the largest that was freed: after the first
 * reload what a plan is made of would lie in the heap. */
#define MAPPED_FROM (128 << 10)

static void keep_large_pieces_apart(void)
{
#if defined(__GLIBC__)
	mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
#endif
}

int hf_instance_init(struct hf_instance *instance, const char *config_path, FILE *complaints)
{
	keep_large_pieces_apart();
	*instance = (struct hf_instance){ .config_path = config_path };
	int error = load(config_path, complaints, &instance->config);
	if (error)
		return error;
	instance->first_config = hf_config_ref(instance->config);
	pthread_mutex_init(&instance->lock, NULL);
	hf_ready_init(&instance->ready, &instance->config->ready, hf_clock_now(), 0);
	return 0;
}

void hf_instance_clear(struct hf_instance *instance)
{
	if (!instance->config)
		return;
	hf_config_unref(instance->config);
	hf_config_unref(instance->first_config);
	instance->config = instance->first_config = NULL;
	pthread_mutex_destroy(&instance->lock);
	hf_ready_clear(&instance->ready);
}

struct hf_config *hf_instance_config(struct hf_instance *instance)
{
	pthread_mutex_lock(&instance->lock);
	struct hf_config *config = hf_config_ref(instance->config);
	pthread_mutex_unlock(&instance->lock);
	return config;
}

/* `auto`: systemd names the directory that a unit's StateDirectory= made, the first
 * of a list. What else a path may be is the keeper's to find out. */
const char *hf_instance_persist(const struct hf_config *config, char *buf, size_t size)
{
	const char *path = config->cache.persist;
	if (strcmp(path, "none") == 0)
		return NULL;
	if (strcmp(path, "auto") != 0)
		return path;
	const char *state = getenv("STATE_DIRECTORY");
	if (!state || state[0] != '/')
		return NULL;
	int len = snprintf(buf, size, "%.*s/cache", (int)strcspn(state, ":"), state);
	return len > 0 && (size_t)len < size ? buf : NULL;
}

static void release_config(void *owner)
{
	hf_config_unref(owner);
}

struct hf_settings hf_instance_settings(struct hf_config *config)
{
	return (struct hf_settings){
		.listen = &config->listen,
		.tcp = &config->tcp,
		.clients = &config->clients,
		.forward = &config->forward,
		.cache = &config->cache,
		.zones = &config->zones,
		.siblings = &config->siblings,
		.local = &config->local,
		.workers = config->process.workers,
		.owner = hf_config_ref(config),
		.release = release_config,
	};
}

/* ---- reload ---- */

/* A line for each key that stays as it was until the next start. */
static void tell_restart(const struct hf_config *first, const struct hf_config *next, FILE *out)
{
	char *keys = NULL;
	size_t len;
	FILE *lines = open_memstream(&keys, &len);
	if (!lines)
		return;
	hf_config_restart_needed(first, next, lines);
	bool whole = fclose(lines) == 0;
	for (const char *key = keys; whole && *key;) {
		size_t n = strcspn(key, "\n");
		fprintf(out, "needs a restart to take effect: %.*s\n", (int)n, key);
		key += n + (key[n] == '\n');
	}
	free(keys);
}

static void take_config(struct hf_instance *instance, struct hf_config *next)
{
	pthread_mutex_lock(&instance->lock);
	struct hf_config *before = instance->config;
	instance->config = next;
	pthread_mutex_unlock(&instance->lock);
	hf_ready_adopt(&instance->ready, &next->ready);
	hf_hooks_adopt(&instance->hooks, &next->ready);
	hf_config_unref(before);
	hf_log_configure(instance->log, &next->log);
}

/* Returns an enum hf_exit; on HF_EXIT_GOOD the instance has taken `next`. */
static int apply(struct hf_instance *instance, struct hf_config *next, FILE *out)
{
	struct hf_settings settings = hf_instance_settings(next);
	int error = hf_server_reload(instance->server, &settings, out);
	if (error) {
		const char *hint = hf_hint(error);
		if (hint)
			fprintf(out, "%s\n", hint);
		return HF_EXIT_UNREACHED;
	}
	tell_restart(instance->first_config, next, out);
	take_config(instance, next);
	return HF_EXIT_GOOD;
}

/* What was read and thrown away leaves holes in the heap. Their pages go back to the kernel:
 * first what the last plan left, which workers let go of in their own time, and in the end
 * what reading took. */
static void give_back_memory(void)
{
#if defined(__GLIBC__)
	malloc_trim(0);
#endif
}

/* Zones that were answered until this configuration was taken: they have been named. */
static bool has_darkened(const struct hf_instance *instance)
{
	const struct hf_authority *authority = hf_server_authority(instance->server);
	return authority && hf_authority_darkened(authority) > 0;
}

/* A pipe would hold all up until somebody writes; and what came through it at the start is not
 * there again: nothing is, which would be taken for a good configuration. */
static bool can_be_read_again(const char *path, FILE *out)
{
	struct stat st;
	if (!path || stat(path, &st) != 0 || !S_ISFIFO(st.st_mode))
		return true;
	fprintf(out, "%s: error: it is a pipe, and cannot be read again\n", path);
	return false;
}

/* An empty file means the defaults, and on a full disk, or while somebody writes it in place, it
 * is what is left of another: the server would leave its addresses, and names of a house would
 * go to public resolvers. */
static bool has_become_empty(
	const struct hf_instance *instance, const struct hf_config *next, FILE *out)
{
	if (next->said || !instance->config->keyed)
		return false;
	fprintf(out,
		"%s: error: nothing is left in it: write {} if the defaults are meant, or start "
		"anew\n",
		instance->config_path);
	return true;
}

static int reload(struct hf_instance *instance, FILE *out)
{
	struct hf_config *next;
	bool taken = false;
	if (atomic_load(&instance->draining)) {
		fprintf(out, "holdfast is stopping: nothing is reloaded\n");
		return HF_EXIT_FAULT;
	}
	hf_notify_reloading(instance->notify, hf_clock_now());
	int status = HF_EXIT_USAGE;
	if (can_be_read_again(instance->config_path, out) &&
		load(instance->config_path, out, &next) == 0) {
		if (!has_become_empty(instance, next, out))
			status = apply(instance, next, out);
		taken = status == HF_EXIT_GOOD;
		if (!taken)
			hf_config_unref(next);
	}
	if (taken && has_darkened(instance))
		status = HF_EXIT_FAULT;
	atomic_fetch_add(taken ? &instance->reloads : &instance->reload_failures, 1);
	hf_notify_ready(instance->notify,
		status == HF_EXIT_GOOD ? "serving, configuration reloaded"
		: taken ? "serving, configuration reloaded: zones are not answered any more"
			: "serving with the configuration from before: the new one was refused");
	return status;
}

int hf_instance_reload(struct hf_instance *instance, FILE *out)
{
	give_back_memory();
	int status = reload(instance, out);
	give_back_memory();
	return status;
}

/* ---- readers ---- */

static const struct hf_meter *read_meter(void *ctx, size_t worker)
{
	return hf_server_meter(ctx, worker);
}

static bool read_slot_name(void *ctx, unsigned slot, char *buf, size_t size)
{
	return hf_server_slot_name(ctx, slot, buf, size);
}

static uint64_t events_dropped(struct hf_server *server)
{
	uint64_t sum = 0;
	for (size_t w = 0; w < hf_server_workers(server); w++)
		sum += atomic_load_explicit(&hf_server_events(server, w)->dropped, memory_order_relaxed);
	if (hf_server_authority(server))
		sum += atomic_load_explicit(
			&hf_authority_events(hf_server_authority(server))->dropped,
			memory_order_relaxed);
	return sum;
}

static void add_driver(struct hf_server *server, struct hf_metrics_source *source)
{
	struct hf_xdp_figures figures;
	_Static_assert(HF_XDP_FATES <= HF_METRICS_FATES, "no room for all fates");
	source->driver.on = hf_server_xdp_figures(server, &figures);
	if (!source->driver.on)
		return;
	_Static_assert(HF_XDP_DOORS <= HF_METRICS_DOORS, "no room for all interfaces");
	source->driver.entries = figures.entries;
	source->driver.doors = figures.door_count;
	for (size_t d = 0; d < figures.door_count; d++) {
		memcpy(source->driver.door[d].name, figures.doors[d].name,
			sizeof source->driver.door[d].name);
		source->driver.door[d].attached = !figures.doors[d].why;
	}
	source->driver.fates = HF_XDP_FATES;
	for (unsigned i = 0; i < HF_XDP_FATES; i++) {
		source->driver.fate[i] = figures.fates[i];
		source->driver.fate_names[i] = hf_xdp_fate_name(i);
	}
}

static void add_reasons(const struct hf_look *look, struct hf_metrics_source *source)
{
	_Static_assert(HF_REASON_KINDS <= HF_METRICS_REASONS, "no room for all kinds of reasons");
	source->reason_kinds = HF_REASON_KINDS;
	for (enum hf_reason_kind kind = 0; kind < HF_REASON_KINDS; kind++) {
		source->reasons[kind] = look->kinds[kind];
		source->reason_names[kind] = hf_reason_kind_name(kind);
	}
}

struct zone_list {
	struct hf_zone_figures *items;
	size_t count, most;
};

static void list_zone(void *ctx, const struct hf_authority_zone *z)
{
	struct zone_list *list = ctx;
	if (list->count < list->most)
		list->items[list->count] = (struct hf_zone_figures){.name = z->name,
			.state = z->state,
			.standing = z->standing,
			.required = z->required,
			.has_copy = z->has_copy,
			.published_known = z->published_known,
			.faulty = z->fault[0] != 0,
			.serial = z->serial,
			.published = z->published,
			.records = z->records,
			.octets = z->octets,
			.proven_ago = z->proven_ago,
			.loads = z->loads,
			.refused = z->refused,
			.transfers = z->transfers,
			.transfers_failed = z->transfers_failed,
			.put_off = z->put_off,
			.notifies = z->notifies,
			.notifies_sent = z->notifies_sent,
			.untold = z->untold,
			.http_status = z->http_status,
			.asked_ago = z->asked_ago};
	list->count++;
}

static size_t read_zones(void *ctx, struct hf_zone_figures *ret, size_t most)
{
	struct hf_authority *authority = hf_server_authority(ctx);
	struct zone_list list = {ret, 0, most};
	if (authority)
		hf_authority_each(authority, list_zone, &list);
	return list.count;
}

struct update_list {
	struct hf_zone_update_figures *items;
	size_t count, most;
};

static void list_update(
	void *ctx, const struct hf_name *zone, const struct hf_update_figures *provider)
{
	struct update_list *list = ctx;
	if (list->count < list->most) {
		struct hf_zone_update_figures *item = &list->items[list->count];
		*item = (struct hf_zone_update_figures){.zone = *zone,
			.current = provider->current,
			.faulty = provider->fault[0] != 0,
			.behind = provider->behind,
			.messages = provider->messages,
			.changes = provider->changes,
			.failures = provider->failures,
			.compares = provider->compares,
			.drifts = provider->drifts};
		memcpy(item->server, provider->server, sizeof item->server);
	}
	list->count++;
}

static size_t read_updates(void *ctx, struct hf_zone_update_figures *ret, size_t most)
{
	struct hf_authority *authority = hf_server_authority(ctx);
	struct update_list list = {ret, 0, most};
	_Static_assert(sizeof ret->server == sizeof((struct hf_update_figures *)NULL)->server,
		"names of servers are copied");
	if (authority)
		hf_authority_each_update(authority, list_update, &list);
	return list.count;
}

static void add_siblings(struct hf_server *server, struct hf_metrics_source *source)
{
	struct hf_sibling_figures figures[HF_METRICS_SIBLINGS];
	struct hf_authority *authority = hf_server_authority(server);
	_Static_assert(HF_METRICS_SIBLINGS == HF_TWINS_MAX + 1, "no room for all siblings");
	_Static_assert(HF_METRICS_TWIN_STATES == HF_TWIN_DIFFERS + 1, "no room for all states");
	if (!authority)
		return;
	source->siblings = hf_authority_siblings(authority, figures, HF_METRICS_SIBLINGS);
	for (size_t i = 0; i < source->siblings; i++) {
		hf_address_text(&figures[i].address, source->sibling[i].name);
		source->sibling[i].vip = figures[i].vip;
		for (size_t s = 0; s < HF_METRICS_TWIN_STATES; s++)
			source->sibling[i].zones[s] = figures[i].zones[s];
	}
	for (size_t s = 0; s < HF_METRICS_TWIN_STATES; s++)
		source->twin_states[s] = hf_twin_state_text((enum hf_twin_state)s);
}

static void add_transfers(struct hf_server *server, struct hf_metrics_source *source)
{
	struct hf_authority *authority = hf_server_authority(server);
	if (!authority)
		return;
	struct hf_authority_space space = hf_authority_space(authority);
	source->transfers = true;
	source->transfer_octets = space.used;
	source->transfers_waiting = space.waiting;
}

struct hf_metrics_source hf_instance_metrics(struct hf_instance *instance)
{
	struct hf_server *server = instance->server;
	struct hf_cache_figures cache = hf_server_cache_figures(server);
	struct hf_keeper_figures kept = { .written = 0 };
	bool keeps = hf_server_keeper_figures(server, &kept);
	struct hf_ready_view ready;
	hf_ready_read(&instance->ready, &ready);
	struct hf_metrics_source source = {
		.persist = { keeps, kept.loaded.entries, kept.written, kept.bytes, kept.errors,
			kept.lost, kept.success_wall },
		.workers = hf_server_workers(server),
		.meter = read_meter,
		.slot_name = read_slot_name,
		.zones = read_zones,
		.updates = read_updates,
		.ctx = server,
		.cache_entries = cache.entries,
		.cache_bytes = cache.bytes,
		.cache_size = cache.size,
		.cache_evictions = cache.evictions,
		.unexpected = hf_unexpected_total(),
		.events_dropped = events_dropped(server),
		.reloads = atomic_load(&instance->reloads),
		.reload_failures = atomic_load(&instance->reload_failures),
		.ready = ready.ready,
		.ready_changes = ready.changes,
		.hooks = { atomic_load(&instance->hooks.succeeded), atomic_load(&instance->hooks.failed),
			atomic_load(&instance->hooks.kills) },
		.started_wall = instance->started_wall,
	};
	source.shows_tls = hf_server_tls_until(server, &source.tls_until);
	add_driver(server, &source);
	add_reasons(&ready.look, &source);
	add_siblings(server, &source);
	add_transfers(server, &source);
	return source;
}

bool hf_instance_look(struct hf_instance *instance, hf_us now, int64_t wall)
{
	const struct hf_ready_sight sight = {
		.server = instance->server,
		.stale = instance->config->cache.stale > 0,
		.draining = atomic_load(&instance->draining),
		.now = now,
		.wall = wall,
	};
	return hf_ready_look(&instance->ready, &sight);
}

bool hf_instance_ready(struct hf_instance *instance, FILE *reasons)
{
	struct hf_ready_view view;
	hf_ready_read(&instance->ready, &view);
	hf_ready_write_reasons(&view, reasons);
	return view.ready;
}

bool hf_instance_alive(struct hf_instance *instance, hf_us now, hf_us patience)
{
	return atomic_load(&instance->draining) || hf_server_alive(instance->server, now, patience);
}
