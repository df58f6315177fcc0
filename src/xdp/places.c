/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "xdp/places.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/error.h"
#include "base/number.h"

#define VLANS_MOST 256

struct vlan {
	char name[16];
	size_t door;
	uint16_t id;
};

struct search {
	struct hf_xdp_door *doors;
	size_t door_count;
	const struct hf_address *served;
	size_t served_count;
	struct hf_xdp_found *ret;
	struct vlan vlans[VLANS_MOST];
	size_t vlan_count;
};

static bool is_at(const struct search *s, size_t door, const char *interface)
{
	return !s->doors[door].error && strcmp(s->doors[door].real, interface) == 0;
}

/* ---- VLANs, as /proc/net/vlan/config lists them: "eth0.10 | 10 | eth0" ---- */

static void note_vlan(struct search *s, const char *name, unsigned id, const char *above)
{
	for (size_t d = 0; d < s->door_count && s->vlan_count < VLANS_MOST; d++) {
		if (!is_at(s, d, above) || id == 0 || id > 4094)
			continue;
		struct vlan *vlan = &s->vlans[s->vlan_count++];
		snprintf(vlan->name, sizeof vlan->name, "%s", name);
		vlan->door = d;
		vlan->id = (uint16_t)id;
	}
}

static void read_vlans(struct search *s)
{
	FILE *in = fopen("/proc/net/vlan/config", "re");
	char line[128], name[16], above[16];
	unsigned id;
	while (in && fgets(line, sizeof line, in))
		if (sscanf(line, "%15s | %u | %15s", name, &id, above) == 3)
			note_vlan(s, name, id, above);
	if (in)
		fclose(in);
}

static bool carries_vlans(const struct search *s, size_t door)
{
	for (size_t v = 0; v < s->vlan_count; v++)
		if (s->vlans[v].door == door)
			return true;
	return false;
}

/* ---- places ---- */

static bool has(const struct search *s, const struct hf_xdp_place *place)
{
	for (size_t i = 0; i < s->ret->place_count; i++)
		if (memcmp(&s->ret->places[i], place, sizeof *place) == 0)
			return true;
	return false;
}

static void add(
	struct search *s, size_t door, uint16_t vlan, const struct hf_address *local, uint16_t port)
{
	struct hf_xdp_place place = {
		.ifindex = s->doors[door].ifindex, .vlan = vlan, .port = htons(port)};
	if (local->family == 4) {
		place.address[2] = htonl(0xffff);
		memcpy(&place.address[3], local->bytes, 4);
	} else {
		memcpy(place.address, local->bytes, 16);
	}
	if (has(s, &place))
		return;
	if (s->ret->place_count == HF_XDP_PLACES)
		s->ret->place_missed++;
	else
		s->ret->places[s->ret->place_count++] = place;
}

static bool covers(const struct hf_address *served, const struct hf_address *local)
{
	static const uint8_t any[16];
	return served->family == local->family &&
	       (memcmp(served->bytes, any, sizeof any) == 0 ||
		       memcmp(served->bytes, local->bytes, sizeof any) == 0);
}

static bool is_nobodys(const struct hf_address *local)
{
	static const uint8_t loopback[16] = {[15] = 1};
	return local->family == 4
		       ? local->bytes[0] == 127 || local->bytes[0] >= 224
		       : memcmp(local->bytes, loopback, 16) == 0 ||
				 (local->bytes[0] == 0xfe && (local->bytes[1] & 0xc0) == 0x80);
}

static void add_all(struct search *s, size_t door, uint16_t vlan, const struct hf_address *local)
{
	for (size_t i = 0; i < s->served_count; i++)
		if (covers(&s->served[i], local))
			add(s, door, vlan, local, s->served[i].port);
}

/* An address of an interface: at which doors, and in which VLAN, may it be asked? */
static void note_address(
	struct search *s, const char *interface, bool loopback, const struct hf_address *local)
{
	if (is_nobodys(local))
		return;
	for (size_t d = 0; d < s->door_count; d++)
		if (is_at(s, d, interface) ||
			(loopback && !s->doors[d].error && !carries_vlans(s, d)))
			add_all(s, d, 0, local);
	for (size_t v = 0; v < s->vlan_count; v++)
		if (strcmp(s->vlans[v].name, interface) == 0)
			add_all(s, s->vlans[v].door, s->vlans[v].id, local);
}

/* ---- sources that no client has ---- */

static void add_ours(struct search *s, uint32_t family, const void *address, size_t len)
{
	struct hf_xdp_prefix key = {.bits = (uint32_t)(32 + 8 * len), .family = family};
	memcpy(key.address, address, len);
	if (s->ret->our_count == HF_XDP_OURS)
		s->ret->our_missed++;
	else
		s->ret->ours[s->ret->our_count++] = key;
}

static uint32_t ip4_of(const struct sockaddr *address)
{
	return ((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr;
}

/* The broadcast that was set, and that of the subnet, which the kernel has all the same. */
static void note_broadcasts(struct search *s, const struct ifaddrs *at)
{
	uint32_t mask = at->ifa_netmask ? ip4_of(at->ifa_netmask) : UINT32_MAX;
	uint32_t all = ip4_of(at->ifa_addr) | ~mask;
	if (ntohl(~mask) > 1) /* two addresses: there is no broadcast (RFC 3021) */
		add_ours(s, 4, &all, sizeof all);
	if (at->ifa_flags & IFF_BROADCAST && at->ifa_broadaddr &&
		at->ifa_broadaddr->sa_family == AF_INET) {
		uint32_t set = ip4_of(at->ifa_broadaddr);
		add_ours(s, 4, &set, sizeof set);
	}
}

static void note_ours(struct search *s, const struct ifaddrs *at, const struct hf_address *local)
{
	add_ours(s, local->family, local->bytes, local->family == 4 ? 4 : 16);
	if (local->family == 4)
		note_broadcasts(s, at);
}

static void note_mac(struct search *s, const char *interface, const struct sockaddr_ll *ll)
{
	for (size_t d = 0; d < s->door_count; d++)
		if (is_at(s, d, interface) && ll->sll_halen == 6)
			memcpy(s->doors[d].mac, ll->sll_addr, 6);
}

/* An address of IPv4 goes by its label, such as "eth0:1", if it has one. */
static void note(struct search *s, const struct ifaddrs *at)
{
	struct hf_address local;
	char interface[IF_NAMESIZE];
	size_t len = strcspn(at->ifa_name, ":");
	snprintf(interface, sizeof interface, "%.*s", (int)len, at->ifa_name);
	if (!at->ifa_addr)
		return;
	if (at->ifa_addr->sa_family == AF_PACKET) {
		note_mac(s, at->ifa_name, (const void *)at->ifa_addr);
	} else if (hf_address_from_system(at->ifa_addr, &local) == 0) {
		local.scope = 0;
		local.port = 0;
		note_ours(s, at, &local);
		if (at->ifa_flags & IFF_UP) /* the kernel takes nothing in for one that is not */
			note_address(s, interface, at->ifa_flags & IFF_LOOPBACK, &local);
	}
}

int hf_xdp_places(struct hf_xdp_door *doors, size_t door_count, const struct hf_address *served,
	size_t served_count, struct hf_xdp_found *ret)
{
	struct search s = {.doors = doors,
		.door_count = door_count,
		.served = served,
		.served_count = served_count,
		.ret = ret};
	struct ifaddrs *all;
	if (getifaddrs(&all) < 0)
		return -errno;
	ret->place_count = ret->place_missed = ret->our_count = ret->our_missed = 0;
	read_vlans(&s);
	for (const struct ifaddrs *at = all; at; at = at->ifa_next)
		note(&s, at);
	freeifaddrs(all);
	return 0;
}
