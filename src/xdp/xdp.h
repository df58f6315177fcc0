/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xdp.h - hot answers given at the network driver (`listen.xdp`).
 *
 * Story: hf_xdp_open loads the program (xdp_answer.bpf.c) and puts it at the interfaces
 * that are named, at the driver if it can be, else behind it ("generic"). From then on it
 * sees every packet that arrives there, answers plain questions from the table of hot
 * answers (table.h, filled through engine/hot.h), and passes up all else, untouched: what
 * it is not sure of is for the sockets, and so is one question in 256 that it could
 * answer, so that what is learnt from hits goes on being learnt.
 *
 * It answers only while rules are in force. hf_xdp_pause ends that at once; hf_xdp_adopt
 * writes new ones (who may ask, where, how large replies are) and lets answers of that
 * plan's number count. Between the two everything goes up.
 * Places to ask at are kept as addresses of the interfaces: those that a wildcard stands
 * for, without the loopback's own; a VLAN's addresses only for packets with its tag.
 * Addresses of this host, and of broadcasts, are no clients', whoever is allowed.
 * hf_xdp_tick looks now and then whether any of them have changed.
 *
 * An interface that is not there is waited for, and so is what another program sits at
 * (doors.h); hf_xdp_tick sees whether it has come.
 *
 * What is attached ends with the process, however it ends: the kernel's link closes with
 * its descriptor. It never takes the place of a program that is there already.
 * It needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN when it is opened, and the descriptors
 * do from then on; and Linux 5.18, whose programs may copy octets at any offset of a packet.
 *
 * What is answered here has passed neither the host's packet filter nor its check of
 * return paths: docs/architecture.md.
 *
 * Ownership: hf_xdp_close ends everything; no worker may publish any more then.
 * Threads: open, list, pause, adopt, tick, close from one (main); hf_xdp_fold from one (a
 * worker); figures from any, but not beside open, list or close; hf_xdp_hot from workers.
 * At the bound: HF_XDP_DOORS interfaces and HF_XDP_PLACES addresses; beyond it sockets
 * answer, and it is said. With more than HF_XDP_OURS addresses of its own, or with too many
 * prefixes of clients, they answer everywhere. */
#ifndef HF_XDP_XDP_H
#define HF_XDP_XDP_H

#include <stdbool.h>
#include <stdio.h>

#include "base/address.h"
#include "engine/hot.h"
#include "meter/meter.h"
#include "xdp/xdp_map.h"

struct hf_xdp;

/* One of 256 questions goes up although it could be answered. */
#define HF_XDP_SAMPLE_OF 256

/* interfaces: names, each by itself or with ":native" or ":generic" behind it. key:
 * random octets. What cannot be had is said on `complaints`, a line each with the cause and
 * what helps; the rest works, or is waited for. Nothing of it: a negative error. -ENOSYS: not built
 * in. */
int hf_xdp_open(const char *const *interfaces, size_t count, const struct hf_xdp_key *key,
	FILE *complaints, struct hf_xdp **ret);
void hf_xdp_close(struct hf_xdp *xdp); /* NULL is fine */

/* Why nothing could be answered at what is listed, as far as that can be told without rights and
 * without a program; NULL: nothing is known to stand in the way. */
const char *hf_xdp_hindrance(const char *interface);

struct hf_xdp_rules {
	const struct hf_address *served; /* by UDP; with ports; zero bytes: a wildcard */
	size_t served_count;
	const struct hf_prefix *allowed;
	size_t allowed_count;
	uint32_t edns_size;
};

/* Other interfaces than before: those that stay keep their program. While it is paused. */
void hf_xdp_list(struct hf_xdp *xdp, const char *const *interfaces, size_t count, FILE *complaints);

/* Everything goes up from now on. */
void hf_xdp_pause(struct hf_xdp *xdp);

/* Answers of the plan with this number are given under these rules (which are copied).
 * If they cannot all be written, everything goes on going up, and it is said. */
void hf_xdp_adopt(
	struct hf_xdp *xdp, const struct hf_xdp_rules *rules, uint64_t plan, FILE *complaints);

/* Now and then, a second or so apart: addresses and interfaces that have come or gone. */
void hf_xdp_tick(struct hf_xdp *xdp, FILE *complaints);

/* For hf_worker_set_hot, with the hf_xdp as its context. */
extern const struct hf_hot hf_xdp_hot;

/* Adds what was answered since the last call to a worker's block: queries, replies and
 * hits mean the same wherever they were answered. */
void hf_xdp_fold(struct hf_xdp *xdp, struct hf_meter *meter);

struct hf_xdp_figures {
	struct {
		char name[16];
		bool native; /* else generic */
		const char *why; /* nothing is answered there; NULL: it is */
	} doors[HF_XDP_DOORS];
	size_t door_count;
	uint64_t fates[HF_XDP_FATES];
	uint64_t entries;
};
struct hf_xdp_figures hf_xdp_figures(const struct hf_xdp *xdp);

/* "answered", "miss"... as metrics call them. */
const char *hf_xdp_fate_name(enum hf_xdp_fate fate);

#endif
