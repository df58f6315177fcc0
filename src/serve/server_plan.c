/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "authority/keys.h"
#include "serve/server_inside.h"
#include "serve/slots.h"
#include "transport/tls_server.h"

static void free_above(struct hf_above *it)
{
	hf_zone_rules_free(it->rules);
	hf_keys_free(it->keys);
	hf_tls_server_unref(it->respond.tls);
	free(it);
}

static void release_settings(void *owner)
{
	struct hf_above *above = owner;
	if (above->settings.release)
		above->settings.release(above->settings.owner);
	free_above(above);
}

/* Whoever looks after zones says so (authority/authority_conf.c). */
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
static int make_rules(const struct hf_server *server, struct hf_above *above)
{
	const struct hf_zones_conf *zones = above->settings.zones;
	if (!zones || !zones->zone_count)
		return 0;
	int rc = hf_keys_load(zones->keys, zones->key_count, pass_over_key, NULL, &above->keys);
	if (rc)
		return rc;
	struct hf_zone_rules_conf conf = {
		.zones = zones, .hash_key = &server->key, .find_key = find_key, .ctx = above->keys};
	conf.keys = hf_keys_all(above->keys, &conf.key_count);
	rc = hf_zone_rules_new(&conf, &above->rules);
	above->respond.rules = above->rules;
	return rc;
}

/* What is shown over TLS. What has not changed goes on, for its tickets. */
static int load_tls(const struct hf_server *server, struct hf_above *it, FILE *complaints)
{
	const struct hf_listen_conf *listen = it->settings.listen;
	char why[HF_TLS_WHY_MAX];
	struct hf_tls_server *tls,
		*before = server->plan ? hf_above(server->plan)->respond.tls : NULL;
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

int hf_server_plan(struct hf_server *server, const struct hf_settings *settings, FILE *complaints,
	struct hf_plan **ret)
{
	uint16_t slots[HF_UPSTREAMS_MAX];
	bool fresh[HF_UPSTREAMS_MAX];
	struct hf_above *it = malloc(sizeof *it);
	struct hf_plan *plan;
	if (!it)
		return -ENOMEM;
	*it = (struct hf_above){*settings, {settings->listen, settings->tcp, settings->clients}};
	int rc = make_rules(server, it);
	if (!rc)
		rc = load_tls(server, it, complaints);
	if (rc) {
		free_above(it);
		return rc;
	}
	hf_slots_assign(server->slots, settings->forward, slots, fresh);
	if (hf_plan_new(settings->forward, settings->cache, &server->key, slots, fresh,
		    server->plan, &plan))
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
