/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim_conn.h - one simulated TCP connection, as the two kernels see it. Private
 * to loop/.
 *
 * Story: a connection has two halves, 0 who called and 1 who was called. A half
 * is what one host's kernel keeps: it outlives the stream that the program
 * holds, until what was written has arrived. Segments may overtake each other
 * on the way and are put in order again; what the policy drops is sent again.
 * Ownership: streams and events on their way hold the connection; the last that
 * lets go ends it. Segments belong to the half that sent them.
 * Never:   a callback of the program; it only says that a source may be ready. */
#ifndef HF_LOOP_SIM_CONN_H
#define HF_LOOP_SIM_CONN_H

#include "loop/sim_world.h"

struct hf_sim_segment;
struct hf_sim_stream;

struct hf_sim_half {
	struct hf_sim_conn *conn;
	struct hf_sim_host *host;
	struct hf_address address;
	struct hf_sim_stream *stream; /* NULL: closed, or not yet there */
	uint8_t *inbox;               /* HF_SIM_PIPE_MAX octets, a ring */
	size_t in_at, in_len;
	struct hf_sim_segment *out, **out_tail;
	size_t out_len; /* octets in `out` */
	bool up;
	bool ended; /* the other side sends no more */
	int error;
};

struct hf_sim_conn {
	struct hf_sim_conn *next, **prev;
	struct hf_sim *sim;
	struct hf_sim_half half[2];
	struct hf_sim_event again; /* the opening is repeated */
	hf_us opened;
	unsigned tries;
	unsigned refs; /* streams, and events on their way */
};

static inline struct hf_sim_half *hf_sim_other(struct hf_sim_half *h)
{
	return &h->conn->half[h == &h->conn->half[0]];
}

/* What a program does. */

/* A new connection from the loop's host; its half 0 wants a stream. */
struct hf_sim_half *hf_sim_conn_call(struct hf_sim_loop *loop, const struct hf_address *peer);
void hf_sim_conn_ref(struct hf_sim_conn *conn);
void hf_sim_conn_unref(struct hf_sim_conn *conn);
size_t hf_sim_half_room(struct hf_sim_half *h);
void hf_sim_half_write(struct hf_sim_half *h, const uint8_t *bytes, size_t len); /* <= room */
size_t hf_sim_half_read(struct hf_sim_half *h, uint8_t *bytes, size_t cap);
hf_us hf_sim_half_unheard(const struct hf_sim_half *h); /* as hf_stream_unheard */
void hf_sim_half_end(struct hf_sim_half *h); /* its stream is closed */

/* What a program is told (sim_stream.c). */

void hf_sim_half_changed(struct hf_sim_half *h);
void hf_sim_half_is_up(struct hf_sim_half *h);

/* Somebody is at the door. False: the backlog is full. */
bool hf_sim_door_knock(struct hf_sim_bound *bound, struct hf_sim_half *h);

#endif
