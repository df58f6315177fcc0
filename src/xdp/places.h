/* SPDX-License-Identifier: GPL-3.0-or-later */
/* places.h - where a question may be sent to, as keys for the program at the driver.
 *
 * Story: a socket on a wildcard hears what the host's routing lets through; the program
 * sits before that, so it is told each address, for the interface and the VLAN at which
 * it may be asked: the interface's own, those of VLANs above it (for packets with their
 * tag), and those of the loopback interface that are not 127/8 or ::1 (anycast), unless
 * the interface carries VLANs, whose tags a card may have taken off. Link-local
 * addresses are left to the sockets.
 * Threads: from one at a time.
 * At the bound: no more than the caller's room; *ret_missed says how many were left out. */
#ifndef HF_XDP_PLACES_H
#define HF_XDP_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"
#include "xdp/xdp_map.h"

struct hf_xdp_door { /* an interface that the program sits at */
	char name[16];
	uint32_t ifindex;
	uint16_t mac[3]; /* as on the wire */
	bool may_native, may_generic; /* modes that it was asked for */
	_Atomic bool native;           /* the mode that it has */
	int link;                     /* a descriptor */
};

/* Fills in ret with the places as the host's addresses are now, without repeats, and the
 * doors' MACs. Returns how many, or -errno. */
int hf_xdp_places(struct hf_xdp_door *doors, size_t door_count, const struct hf_address *served,
	size_t served_count, struct hf_xdp_place *ret, size_t most, size_t *ret_missed);

#endif
