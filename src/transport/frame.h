/* SPDX-License-Identifier: GPL-3.0-or-later */
/* frame.h - messages on a stream: two octets of length, then the message
 * (RFC 1035 4.2.2, RFC 7766 section 8).
 *
 * Story: `in` gathers what a stream gives and hands out whole messages; `out`
 * queues messages and pushes them as the stream takes them. Both sides of the
 * house use them: listeners and upstream connections.
 * Ownership: buffers grow on demand and belong to the struct.
 * At the bound: `in` never holds more than one largest message and its length;
 * `out` refuses (HF_EBOUND) past the limit that the caller gives.
 * Threads: one owner.  Never: what a message says. */
#ifndef HF_TRANSPORT_FRAME_H
#define HF_TRANSPORT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"
#include "transport/tls.h"

struct hf_frame_in {
	uint8_t *bytes;
	size_t cap, len, at;
};

struct hf_frame_out {
	uint8_t *bytes;
	size_t cap, len, at;
};

/* Zeroed structs are empty. */
void hf_frame_in_clear(struct hf_frame_in *in);
void hf_frame_out_clear(struct hf_frame_out *out);

/* One read from the stream. Octets read, 0 at its end, -EAGAIN, or an error. */
int hf_frame_fill(struct hf_frame_in *in, struct hf_stream *stream);

int hf_frame_fill_tls(struct hf_frame_in *in, struct hf_tls_session *tls); /* the same */

/* The next whole message, good until the next call for `in`. False: not there yet. */
bool hf_frame_next(struct hf_frame_in *in, const uint8_t **ret, size_t *ret_len);

bool hf_frame_whole(const struct hf_frame_in *in); /* _next would give one */

/* True if octets wait, of a whole message or of one that has begun to arrive. */
static inline bool hf_frame_partial(const struct hf_frame_in *in)
{
	return in->len > in->at;
}

/* Queues a message of at most 65,535 octets. HF_EBOUND past `limit` octets
 * waiting, -ENOMEM. */
int hf_frame_put(struct hf_frame_out *out, const uint8_t *m, size_t len, size_t limit);

/* Pushes what waits. 1: all gone; 0: the stream is full, WRITABLE is wanted; or
 * an error. */
int hf_frame_flush(struct hf_frame_out *out, struct hf_stream *stream);
int hf_frame_flush_tls(struct hf_frame_out *out, struct hf_tls_session *tls); /* the same */

static inline size_t hf_frame_waiting(const struct hf_frame_out *out)
{
	return out->len - out->at;
}

#endif
