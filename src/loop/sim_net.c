/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop/sim_world.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/hash.h"

/* Where Linux takes ports from when none is named. */
#define PORT_FIRST 32768u
#define PORT_LAST 60999u

static const struct hf_hash_key fixed; /* the world hides nothing from itself */

/* ---- addresses ---- */

static struct hf_address without_port(const struct hf_address *a)
{
	struct hf_address bare = *a;
	bare.port = 0;
	return bare;
}

static bool is_wildcard(const struct hf_address *a)
{
	static const uint8_t zero[16];
	return memcmp(a->bytes, zero, sizeof zero) == 0;
}

static bool is_loopback(const struct hf_address *a)
{
	static const uint8_t one[16] = { [15] = 1 };
	return a->family == 4 ? a->bytes[0] == 127 : memcmp(a->bytes, one, sizeof one) == 0;
}

static struct hf_address loopback(uint8_t family)
{
	return family == 4 ? (struct hf_address){ .family = 4, .bytes = { 127, 0, 0, 1 } }
			   : (struct hf_address){ .family = 6, .bytes = { [15] = 1 } };
}

static struct hf_sim_claim **find_claim(struct hf_sim *sim, const struct hf_address *bare)
{
	size_t bucket = hf_hash(&fixed, 0, bare, sizeof *bare) % HF_SIM_BUCKETS;
	struct hf_sim_claim **at = &sim->net.claims[bucket];
	while (*at && !hf_address_equal(&(*at)->address, bare))
		at = &(*at)->next;
	return at;
}

static void claim(struct hf_sim *sim, struct hf_sim_host *host, const struct hf_address *bare)
{
	struct hf_sim_claim **at = find_claim(sim, bare);
	if (!*at) {
		*at = hf_sim_get(sizeof **at);
		(*at)->address = *bare;
	}
	(*at)->host = host;
}

static unsigned family_index(const struct hf_address *a)
{
	return a->family == 4 ? 0 : 1;
}

/* The first address that a host is given becomes its face to the world. */
static void give(struct hf_sim *sim, struct hf_sim_host *host, const struct hf_address *bare)
{
	unsigned f = family_index(bare);
	claim(sim, host, bare);
	if (!host->source_given[f])
		host->source[f] = *bare;
	host->source_given[f] = true;
}

void hf_sim_address(struct hf_sim *sim, const char *name, const struct hf_address *address)
{
	struct hf_address bare = without_port(address);
	struct hf_sim_claim **old = find_claim(sim, &bare);
	unsigned f = family_index(&bare);
	if (*old && (*old)->host && hf_address_equal(&(*old)->host->source[f], &bare)) {
		(*old)->host->source[f] = (*old)->host->born_with[f];
		(*old)->host->source_given[f] = false;
	}
	if (name)
		give(sim, hf_sim_host_named(sim, name), &bare);
	else
		claim(sim, NULL, &bare);
}

/* ---- hosts ---- */

static struct hf_sim_host *new_host(struct hf_sim *sim, const char *name)
{
	struct hf_sim_host *host = hf_sim_get(sizeof *host);
	unsigned n = ++sim->net.host_count;
	uint8_t high = (uint8_t)(n >> 8), low = (uint8_t)n;
	hf_require(n < 65535);
	snprintf(host->name, sizeof host->name, "%s", name);
	host->number = n;
	/* RFC 2544 and RFC 5180: addresses for networks that are not real. */
	host->source[0] = (struct hf_address){ .family = 4, .bytes = { 198, 18, high, low } };
	host->source[1] = (struct hf_address){ .family = 6,
		.bytes = { 0x20, 0x01, 0x00, 0x02, [14] = high, [15] = low } };
	for (unsigned f = 0; f < 2; f++) {
		host->born_with[f] = host->source[f];
		claim(sim, host, &host->source[f]);
	}
	host->next_port = (uint16_t)(PORT_FIRST + hf_sim_roll(sim, PORT_LAST - PORT_FIRST + 1));
	*sim->net.hosts_tail = host;
	sim->net.hosts_tail = &host->next;
	return host;
}

struct hf_sim_host *hf_sim_host_named(struct hf_sim *sim, const char *name)
{
	if (!name)
		name = "localhost";
	for (struct hf_sim_host *host = sim->net.hosts; host; host = host->next)
		if (strcmp(host->name, name) == 0)
			return host;
	return new_host(sim, name);
}

struct hf_sim_host *hf_sim_host_at(struct hf_sim *sim, struct hf_sim_host *here,
	const struct hf_address *to)
{
	if (is_loopback(to))
		return here;
	struct hf_address bare = without_port(to);
	struct hf_sim_claim *claimed = *find_claim(sim, &bare);
	return claimed ? claimed->host : NULL;
}

/* As Linux does it: to oneself from the address asked, else from one's face. */
struct hf_address hf_sim_source_for(struct hf_sim *sim, struct hf_sim_host *here,
	const struct hf_address *to)
{
	if (is_loopback(to))
		return loopback(to->family);
	if (hf_sim_host_at(sim, here, to) == here)
		return without_port(to);
	return here->source[family_index(to)];
}

struct hf_address hf_sim_source(struct hf_sim *sim, const char *host, int family)
{
	return hf_sim_host_named(sim, host)->source[family == 4 ? 0 : 1];
}

/* ---- ports ---- */

/* A thousand hosts all serve at the same port: the host is part of the place. */
static struct hf_sim_bound **bucket_of(struct hf_sim *sim, const struct hf_sim_host *host, uint16_t port)
{
	return &sim->net.ports[(port + host->number * 31u) % HF_SIM_BUCKETS];
}

static bool overlaps(const struct hf_sim_bound *a, const struct hf_sim_bound *b)
{
	struct hf_address x = a->address, y = b->address;
	return a->host == b->host && a->stream == b->stream && x.family == y.family &&
	       x.port == y.port && (is_wildcard(&x) || is_wildcard(&y) ||
		       memcmp(x.bytes, y.bytes, sizeof x.bytes) == 0);
}

static bool is_taken(struct hf_sim *sim, const struct hf_sim_bound *wanted)
{
	struct hf_sim_bound *other = *bucket_of(sim, wanted->host, wanted->address.port);
	for (; other; other = other->next)
		if (overlaps(wanted, other) && !(wanted->shared && other->shared))
			return true;
	return false;
}

/* A few throws, then whatever is free from there on. Nobody is led to somebody
 * else's shared port: one that was not asked for by number is nobody else's. */
static int choose_port(struct hf_sim *sim, struct hf_sim_bound *bound)
{
	unsigned count = PORT_LAST - PORT_FIRST + 1;
	unsigned at = (unsigned)hf_sim_roll(sim, count);
	struct hf_sim_bound alone = *bound;
	alone.shared = false;
	for (unsigned n = 0; n < count; n++) {
		alone.address.port = bound->address.port = (uint16_t)(PORT_FIRST + at);
		if (!is_taken(sim, &alone))
			return 0;
		at = n < 16 ? (unsigned)hf_sim_roll(sim, count) : (at + 1) % count;
	}
	return -EADDRINUSE;
}

/* An address that nobody has is there for the taking. */
static int settle_address(struct hf_sim *sim, struct hf_sim_host *host,
	const struct hf_address *address)
{
	struct hf_address bare = without_port(address);
	if (is_wildcard(address) || is_loopback(address))
		return 0;
	struct hf_sim_claim *claimed = *find_claim(sim, &bare);
	if (claimed)
		return claimed->host == host ? 0 : -EADDRNOTAVAIL;
	give(sim, host, &bare);
	return 0;
}

int hf_sim_bind(struct hf_sim_loop *loop, const struct hf_address *address,
	struct hf_sim_bound *bound)
{
	struct hf_sim *sim = loop->sim;
	if (address->family != 4 && address->family != 6)
		return -EAFNOSUPPORT;
	bound->host = loop->host;
	bound->address = *address;
	int rc = settle_address(sim, loop->host, address);
	if (rc == 0)
		rc = address->port ? (is_taken(sim, bound) ? -EADDRINUSE : 0)
				   : choose_port(sim, bound);
	if (rc)
		return rc;
	bound->id = ++sim->net.next_id;
	bound->prev = bucket_of(sim, bound->host, bound->address.port);
	bound->next = *bound->prev;
	if (bound->next)
		bound->next->prev = &bound->next;
	*bound->prev = bound;
	return 0;
}

void hf_sim_unbind(struct hf_sim_bound *bound)
{
	*bound->prev = bound->next;
	if (bound->next)
		bound->next->prev = bound->prev;
}

uint16_t hf_sim_next_port(struct hf_sim_host *host)
{
	uint16_t port = host->next_port;
	host->next_port = (uint16_t)(port == PORT_LAST ? PORT_FIRST : port + 1u);
	return port;
}

/* How well a bound address fits: 2 exactly, 1 as a wildcard, 0 not. */
static unsigned fits(const struct hf_sim_bound *b, const struct hf_sim_host *host,
	const struct hf_address *to, bool stream)
{
	if (b->host != host || b->stream != stream || b->address.port != to->port ||
		b->address.family != to->family)
		return 0;
	if (is_wildcard(&b->address))
		return 1;
	return memcmp(b->address.bytes, to->bytes, sizeof to->bytes) == 0 ? 2 : 0;
}

struct hf_sim_bound *hf_sim_bound_at(struct hf_sim *sim, const struct hf_sim_host *host,
	const struct hf_address *from, const struct hf_address *to, bool stream)
{
	struct hf_sim_bound *first = *bucket_of(sim, host, to->port), *b;
	unsigned best = 1, count = 0;
	for (b = first; b; b = b->next) {
		unsigned fit = fits(b, host, to, stream);
		count = fit > best ? 1 : fit == best ? count + 1 : count;
		best = fit > best ? fit : best;
	}
	if (!count)
		return NULL;
	/* SO_REUSEPORT: one peer, one listener. */
	uint64_t pick = count == 1 ? 0 : hf_hash(&fixed, 1, from, sizeof *from) % count;
	for (b = first; b; b = b->next)
		if (fits(b, host, to, stream) == best && pick-- == 0)
			break;
	return b;
}

struct hf_sim_bound *hf_sim_bound_by_id(struct hf_sim *sim, const struct hf_sim_host *host,
	uint16_t port, uint64_t id)
{
	struct hf_sim_bound *b = *bucket_of(sim, host, port);
	while (b && b->id != id)
		b = b->next;
	return b;
}

/* ---- paths ---- */

void hf_sim_set_policy(struct hf_sim *sim, hf_sim_policy *policy, void *ctx)
{
	sim->net.policy = policy;
	sim->net.policy_ctx = ctx;
}

struct hf_sim_path hf_sim_path(struct hf_sim *sim, const struct hf_sim_packet *packet,
	const struct hf_sim_host *here, const struct hf_sim_host *there)
{
	struct hf_sim_path path = { .delay = HF_SIM_DELAY, .twin_delay = 2 * HF_SIM_DELAY };
	if (sim->net.policy)
		sim->net.policy(sim->net.policy_ctx, sim, packet, sim->now, &path);
	/* A machine without a network still hears itself. */
	bool cut_off = here->state == HF_SIM_DOWN || (there && there->state == HF_SIM_DOWN);
	if (cut_off && here != there)
		path.drop = true;
	return path;
}

void hf_sim_net_clear(struct hf_sim_net *net)
{
	while (net->hosts) {
		struct hf_sim_host *next = net->hosts->next;
		free(net->hosts);
		net->hosts = next;
	}
	for (size_t i = 0; i < HF_SIM_BUCKETS; i++) {
		while (net->claims[i]) {
			struct hf_sim_claim *next = net->claims[i]->next;
			free(net->claims[i]);
			net->claims[i] = next;
		}
	}
}
