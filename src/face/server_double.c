/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/server_double.h"

#include "base/check.h"
#include "base/error.h"
#include "serve/diaries.h"
#include "serve/readiness.h"

struct hf_server *hf_double_new(const struct hf_settings *settings)
{
	struct hf_server *server = aligned_alloc(64, (sizeof *server + 63) / 64 * 64);
	hf_require(server);
	memset(server, 0, sizeof *server);
	server->settings = *settings;
	server->alive = server->ready = true;
	return server;
}

int hf_server_start(const struct hf_settings *settings, const struct hf_given_socket *given,
	size_t given_count, FILE *complaints, struct hf_server **ret)
{
	(void)given;
	(void)given_count;
	(void)complaints;
	*ret = hf_double_new(settings);
	return 0;
}

int hf_server_reload(struct hf_server *server, const struct hf_settings *settings, FILE *complaints)
{
	const struct hf_settings *leaves = server->reload_error ? settings : &server->settings;
	leaves->release(leaves->owner);
	if (server->reload_error)
		fprintf(complaints, "192.0.2.1:53 cannot be had\n");
	else
		server->settings = *settings;
	server->reloads += !server->reload_error;
	return server->reload_error;
}

size_t hf_server_drain(struct hf_server *server, hf_us longest)
{
	(void)server;
	(void)longest;
	return 0;
}

void hf_server_free(struct hf_server *server)
{
	if (server)
		server->settings.release(server->settings.owner);
	free(server);
}

bool hf_server_alive(const struct hf_server *server, hf_us now, hf_us within)
{
	(void)now;
	(void)within;
	return server->alive;
}

size_t hf_server_workers(const struct hf_server *server)
{
	(void)server;
	return HF_DOUBLE_WORKERS;
}

const struct hf_meter *hf_server_meter(const struct hf_server *server, size_t worker)
{
	return &server->meters[worker];
}

struct hf_event_ring *hf_server_events(struct hf_server *server, size_t worker)
{
	return &server->events[worker];
}

void hf_server_tick(struct hf_server *server, FILE *complaints)
{
	(void)server;
	(void)complaints;
}

bool hf_server_xdp_figures(const struct hf_server *server, struct hf_xdp_figures *ret)
{
	(void)server;
	(void)ret;
	return false;
}

bool hf_server_keeper_figures(const struct hf_server *server, struct hf_keeper_figures *ret)
{
	(void)server;
	(void)ret;
	return false;
}

struct hf_authority *hf_server_authority(const struct hf_server *server)
{
	(void)server;
	return NULL;
}

struct hf_event_ring *hf_server_keeper_events(struct hf_server *server)
{
	(void)server;
	return NULL;
}

struct hf_cache_figures hf_server_cache_figures(const struct hf_server *server)
{
	(void)server;
	return (struct hf_cache_figures){ .entries = 7, .bytes = 700, .size = 1 << 20, .evictions = 1 };
}

bool hf_server_quarantine(const struct hf_server *server, unsigned slot, struct hf_quarantine *ret)
{
	(void)server, (void)slot, (void)ret;
	return false;
}

bool hf_server_identity(const struct hf_server *server, unsigned slot, struct hf_identity *ret)
{
	(void)server, (void)slot, (void)ret;
	return false;
}

bool hf_server_contradiction(
	const struct hf_server *server, unsigned slot, struct hf_contradiction *ret)
{
	(void)server, (void)slot, (void)ret;
	return false;
}

size_t hf_server_late(const struct hf_server *server, unsigned slot, struct hf_bar *ret, size_t most)
{
	(void)server, (void)slot, (void)ret, (void)most;
	return 0;
}

bool hf_server_tls_until(const struct hf_server *server, int64_t *ret)
{
	(void)server, (void)ret;
	return false;
}

bool hf_server_slot_name(const struct hf_server *server, unsigned slot, char *buf, size_t size)
{
	(void)server;
	return slot == HF_DOUBLE_SLOT && snprintf(buf, size, "quad9") > 0;
}

void hf_server_slot_why(const struct hf_server *server, unsigned slot, char buf[static 200])
{
	(void)server;
	snprintf(buf, 200, "%s", slot == HF_DOUBLE_SLOT ? "certificate expired on 2026-01-02" : "");
}

void hf_server_look(const struct hf_server *server, struct hf_look *look)
{
	look->routes = 1;
	look->routes_usable = server->ready;
	if (!server->ready)
		hf_look_add(look, HF_REASON_UPSTREAM, HF_REASON_NOTED, ".",
			"no upstream of zone . may be used");
}

int hf_server_decisions(
	struct hf_server *server, const struct hf_diaries_wish *wish, struct hf_recollection *ret)
{
	(void)server;
	(void)wish;
	*ret = (struct hf_recollection){.workers = 1};
	return 0;
}

uint64_t hf_server_client(const struct hf_server *server, const struct hf_address *client)
{
	(void)server;
	return client->bytes[0];
}

int hf_server_inspect(struct hf_server *server, const struct hf_inspect_conf *conf)
{
	(void)server;
	(void)conf;
	return -ENOMEM;
}
