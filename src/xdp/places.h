/* SPDX-License-Identifier: GPL-3.0-or-later */
/* places.h - where a question may be sent to, as keys for the program at the driver.
 *
 * Story: a socket on a wildcard hears what the host's routing lets through; the program
 * sits before that, so it is told each address, for the interface and the VLAN at which
 * it may be asked: the interface's own, those of VLANs above it (for packets with their
 * tag), and those of the loopback interface that are not 127/8 or ::1 (anycast), unless
 * the interface carries VLANs, whose tags a card may have taken off. What is down has none.
 * Link-local addresses are left to the sockets.
 *
 * It is also told which sources no client of another host can have: any address of this one,
 * and those of broadcasts. The kernel drops what comes from them, or sends nothing there; the
 * program would have answered.
 * Threads: from one at a time.
 * At the bound: no more than the caller's room; what is left out is counted. */
#ifndef HF_XDP_PLACES_H
#define HF_XDP_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"
#include "xdp/doors.h"
#include "xdp/xdp_map.h"

struct hf_xdp_found {
	size_t place_count, place_missed;
	size_t our_count, our_missed;
	struct hf_xdp_place places[HF_XDP_PLACES]; /* without repeats */
	struct hf_xdp_prefix ours[HF_XDP_OURS];    /* in the order of the kernel, with repeats */
};

/* As the host's addresses are now. Sets the doors' MACs, too. 0, or -errno. */
int hf_xdp_places(struct hf_xdp_door *doors, size_t door_count, const struct hf_address *served,
	size_t served_count, struct hf_xdp_found *ret);

#endif
