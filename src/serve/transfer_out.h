/* SPDX-License-Identifier: GPL-3.0-or-later */
/* transfer_out.h - one transfer of a zone to a secondary, on its way over a connection.
 *
 * Story: an errand (serve/errand.h) begins one; the connection takes message after message
 * from it, each signed if the request was, as fast as its reader follows, and frees it at
 * the end or when it closes.
 * Ownership: the connection's; it holds the version that it began with, and the plan whose
 * keys it signs with.
 * Threads: the worker's own.
 * At the bound: HF_TRANSFERS_OUT of one worker at a time; who comes then is told SERVFAIL. */
#ifndef HF_SERVE_TRANSFER_OUT_H
#define HF_SERVE_TRANSFER_OUT_H

#include "engine/plan.h"
#include "loop/loop.h"
#include "zone/outgoing.h"
#include "zone/tsig.h"

#define HF_TRANSFERS_OUT 16

struct hf_transfer_out {
	struct hf_transfer_out *next; /* its connection's */
	struct hf_loop *loop;
	struct hf_zone_out *outgoing;
	struct hf_tsig *tsig; /* NULL: unsigned */
	struct hf_plan *plan;
	unsigned *under_way; /* one less when it ends */
};

/* The next message; m has room for HF_MESSAGE_MAX octets. 1: there are more; 0: that was the
 * last; else an error, and the connection has to be closed, so that what has gone out is
 * not taken for a zone. */
int hf_transfer_out_next(struct hf_transfer_out *transfer, uint8_t *m, size_t *ret_len);

void hf_transfer_out_free(struct hf_transfer_out *transfer); /* NULL is fine */

#endif
