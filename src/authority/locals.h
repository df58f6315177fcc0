/* SPDX-License-Identifier: GPL-3.0-or-later */
/* locals.h - local data and hosts files looked after: read, watched, read again.
 *
 * Story: each of the two layers (zone/local.h) has its sources: records of the configuration
 * and a file of such records; hosts files. They are read when a configuration comes, and
 * again when a file has changed. A version with a fault in it is told of with file and line,
 * and the layer before stays. Where there is none before, as at a start, what is good of it
 * is served, for each line stands for itself, and a server that knew none of the names would
 * answer more of them wrongly.
 * A layer that has an address which has been retired since is not kept.
 * Ownership: configuration, loop, watch and rules outlive it.  Threads: the authority's.
 * At the bound: as zone/local.h; the first fault of a version is told, and how many more. */
#ifndef HF_AUTHORITY_LOCALS_H
#define HF_AUTHORITY_LOCALS_H

#include "authority/vigil.h"
#include "meter/event.h"
#include "zone/local.h"

struct hf_locals;

struct hf_locals_conf {
	struct hf_loop *loop;
	struct hf_watch *watch; /* or NULL */
	const struct hf_local_conf *local;
	struct hf_local_rules rules;
	void (*changed)(void *ctx, bool another); /* figures are others; or a layer is, too */
	void (*tell)(void *ctx, struct hf_event *event);
	void *ctx;
};

/* Reads. `before`: those of the last configuration, or NULL. -ENOMEM. */
int hf_locals_new(
	const struct hf_locals_conf *conf, const struct hf_locals *before, struct hf_locals **ret);
void hf_locals_free(struct hf_locals *locals); /* NULL is fine */

/* NULL: there is none. The caller takes a reference to keep it. */
struct hf_local *hf_locals_layer(const struct hf_locals *locals, enum hf_local_layer layer);

struct hf_local_figures {
	bool given; /* there is something to read */
	size_t records, octets;
	hf_us loaded;     /* HF_NEVER: nothing has been */
	unsigned refused; /* versions with faults, in all */
	char fault[200];  /* of the version that was read last; "" */
};
void hf_locals_figures(
	const struct hf_locals *locals, enum hf_local_layer layer, struct hf_local_figures *ret);

#endif
