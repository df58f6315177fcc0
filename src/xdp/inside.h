/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inside.h - what a loaded program consists of. Private to xdp/ and to its tests, which
 * run the program without an interface.
 * Threads: as xdp.h says. */
#ifndef HF_XDP_INSIDE_H
#define HF_XDP_INSIDE_H

#include <stdatomic.h>

#include "xdp/places.h"
#include "xdp/table.h"

struct bpf_object;

struct hf_xdp {
	struct bpf_object *object;
	int program_fd, places_fd, clients_fd; /* the object's */
	struct hf_xdp_settings *settings;      /* maps of the kernel, seen from here */
	struct hf_xdp_cpu *cpus;
	size_t cpu_count;
	struct hf_xdp_table table;
	struct hf_xdp_door doors[HF_XDP_DOORS];
	size_t door_count;
	struct hf_address *served;
	size_t served_count;
	struct hf_prefix *allowed;
	size_t allowed_count;
	struct hf_xdp_found *found; /* as it stands in the maps */
	bool clients_tried, clients_good; /* since the rules came: written, and all of it */
	bool told;
	_Atomic uint64_t plan;         /* whose answers count; 0: nobody's */
	uint64_t folded[HF_XDP_CELLS]; /* the folding worker's */
};

/* Loads it and attaches it nowhere. */
int hf_xdp_load(const struct hf_xdp_key *key, struct hf_xdp **ret);

#endif
