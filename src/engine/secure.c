/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/secure.h"

#include "base/check.h"
#include "base/error.h"

#define NONE "none"
#define SYSTEM "system"

static void expect(const struct hf_upstream_conf *conf, struct hf_tls_peer *peer)
{
	*peer = (struct hf_tls_peer){
		.alpn = "dot", .anybody = conf->tls_auth == HF_TLS_OPPORTUNISTIC};
	size_t len = strlen(conf->tls_name);
	if (len && conf->tls_name[len - 1] == '.')
		len--; /* certificates and SNI have names without their last dot */
	if (strcmp(conf->tls_name, NONE) != 0)
		snprintf(peer->name, sizeof peer->name, "%.*s", (int)len, conf->tls_name);
	for (size_t i = 0; i < conf->tls_pins.count && peer->pin_count < HF_TRUST_PINS; i++)
		if (!hf_unexpected(
			    hf_pin_parse(conf->tls_pins.items[i], &peer->pins[peer->pin_count])))
			peer->pin_count++;
}

/* Pins alone need no authorities, nor does who believes anybody. */
static bool needs_trust(const struct hf_tls_peer *peer)
{
	return peer->name[0] && !peer->anybody;
}

/* The trust of an earlier upstream with the same authorities, or NULL. */
static struct hf_trust *loaded(
	const struct hf_upstream_conf *confs, const struct hf_secure *all, size_t before)
{
	for (size_t i = 0; i < before; i++)
		if (all[i].trust && strcmp(confs[i].tls_ca, confs[before].tls_ca) == 0)
			return hf_trust_ref(all[i].trust);
	return NULL;
}

static int load(const struct hf_upstream_conf *confs, struct hf_secure *all, size_t i)
{
	bool system = strcmp(confs[i].tls_ca, SYSTEM) == 0;
	all[i].trust = loaded(confs, all, i);
	if (all[i].trust)
		return 0;
	int rc = hf_trust_load(system ? NULL : confs[i].tls_ca, &all[i].trust);
	return system && rc != -ENOMEM ? 0 : rc;
}

int hf_secures_new(const struct hf_forward_conf *forward, struct hf_secure **ret)
{
	size_t count = forward->upstream_count;
	struct hf_secure *all = calloc(count ? count : 1, sizeof *all);
	int rc = all ? 0 : -ENOMEM;
	for (size_t i = 0; !rc && i < count; i++) {
		if (forward->upstreams[i].channel != HF_CHANNEL_TLS)
			continue;
		expect(&forward->upstreams[i], &all[i].peer);
		if (needs_trust(&all[i].peer))
			rc = load(forward->upstreams, all, i);
	}
	if (rc)
		hf_secures_free(all, count);
	else
		*ret = all;
	return rc;
}

void hf_secures_free(struct hf_secure *all, size_t count)
{
	for (size_t i = 0; all && i < count; i++)
		hf_trust_unref(all[i].trust);
	free(all);
}
