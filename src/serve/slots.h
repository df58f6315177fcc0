/* SPDX-License-Identifier: GPL-3.0-or-later */
/* slots.h - which upstream counts where, over reloads.
 *
 * Story: an upstream keeps its slot, and with it its figures and what has been
 * learnt of it, as long as its name is in the configuration; if its address
 * changes, what was learnt starts anew. A slot whose upstream has gone is given
 * to another only when no unused one is left.
 * Threads: the caller's lock. */
#ifndef HF_SERVE_SLOTS_H
#define HF_SERVE_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "forward/route.h"

struct hf_slots;

int hf_slots_new(struct hf_slots **ret);
void hf_slots_free(struct hf_slots *slots); /* NULL is fine */

/* A slot for each upstream; fresh: nothing learnt in it is about this one. There
 * are as many slots as upstreams may be, so one is always found. */
void hf_slots_assign(struct hf_slots *slots, const struct hf_forward_conf *conf, uint16_t *ret_slots,
	bool *ret_fresh);

/* The name of the upstream that is in use, or NULL. */
const char *hf_slots_name(const struct hf_slots *slots, unsigned slot);

#endif
