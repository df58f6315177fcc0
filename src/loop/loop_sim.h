/* SPDX-License-Identifier: GPL-3.0-or-later */
/* loop_sim.h - a world in a box: virtual time, seeded dice, a modelled network.
 *
 * Story: a world has hosts, hosts have addresses, loops live on hosts. What a
 * loop sends travels as an event on a heap that is ordered by time and, within
 * one instant, by who came first; running the world is taking events off that
 * heap. No time passes while anybody computes, so four dark hours cost what
 * happens in them and no more. The same seed and the same calls give the same
 * world to the last octet: hf_sim_trace says so in one number.
 *
 * Datagrams can be lost, doubled, delayed and refused by the owner's policy.
 * Streams keep what TCP promises (order, no loss, backpressure at 64 KiB):
 * what the policy drops is sent again 0.2 s later, then 0.4 s and so on, and a
 * stream whose data nobody has taken for 10 s fails with -ETIMEDOUT, as does a
 * connection that could not be made in that time. The real world's limits are
 * the same (epoll_stream.c).
 *
 * Ownership: a loop is freed with hf_loop_free or, at the latest, with its
 * world. Hosts live as long as the world.
 * Threads: one for the whole world. A loop is used from its own callbacks, from
 * hf_sim_at callbacks, and between two runs; from another loop's callbacks only
 * hf_loop_wake and hf_loop_stop, as everywhere.
 * At the bound: past HF_SIM_EVENTS_MAX datagrams are dropped and counted. Four
 * million events without any time passing mean that somebody spins (a stream
 * that is never read, a timer always armed for now): the process stops there.
 * Never:   reads a clock or asks the kernel for anything but memory. */
#ifndef HF_LOOP_LOOP_SIM_H
#define HF_LOOP_LOOP_SIM_H

#include "loop/loop.h"

struct hf_sim;

#define HF_SIM_START (86400 * HF_SECOND) /* the first instant: a machine that is up for a day */
#define HF_SIM_WALL 1767225600           /* its wall clock: 2026-01-01T00:00:00Z */
#define HF_SIM_DELAY 100                 /* us one way, unless the policy says more: a LAN */
#define HF_SIM_EVENTS_MAX (1u << 20)     /* datagrams under way in the world */
#define HF_SIM_INBOX_MAX 4096            /* datagrams waiting at one endpoint */
#define HF_SIM_PIPE_MAX 65536            /* octets written to a stream and not yet read */

/* A world; stops for want of memory. */
struct hf_sim *hf_sim_new(uint64_t seed);
void hf_sim_free(struct hf_sim *sim); /* with all loops in it; NULL is fine */

/* ---- hosts and loops ---- */

enum hf_sim_host_state {
	HF_SIM_UP,
	HF_SIM_DOWN, /* cut off: all its packets vanish, both ways; its loops run on */
	HF_SIM_DEAD, /* the machine answers, its processes do not: datagrams are refused,
	                connections are reset, its loops stand still */
};

/* A loop on the host called `host` (NULL: "localhost"), which is made if it is
 * new. Every host has 127.0.0.0/8 and ::1 to itself, an address of its own in
 * 198.18.0.0/16 and in 2001:2::/48, and what it is given or binds first. */
int hf_sim_loop_new(struct hf_sim *sim, const char *host, struct hf_loop **ret);

/* Gives an address to a host, takes it from another (NULL: nobody has it). What
 * is already bound there stays bound, and hears nothing when it is taken away. */
void hf_sim_address(struct hf_sim *sim, const char *host, const struct hf_address *address);

/* What the host sends from when nothing else is said; family is 4 or 6. */
struct hf_address hf_sim_source(struct hf_sim *sim, const char *host, int family);

void hf_sim_host(struct hf_sim *sim, const char *host, enum hf_sim_host_state state);

/* Clocks of one loop: its monotonic clock jumps (a machine that was suspended),
 * its wall clock jumps (somebody set it), its process gets no time at all until
 * `us` have passed (packets pile up meanwhile). */
void hf_sim_jump(struct hf_loop *loop, hf_us us);
void hf_sim_jump_wall(struct hf_loop *loop, int64_t seconds);
void hf_sim_stall(struct hf_loop *loop, hf_us us);

/* hf_loop_stop was called: the loop does not turn any more, until it is resumed
 * as another hf_loop_run would. */
bool hf_sim_stopped(const struct hf_loop *loop);
void hf_sim_resume(struct hf_loop *loop);

/* ---- the network ---- */

enum hf_sim_kind {
	HF_SIM_DATAGRAM,
	HF_SIM_NOTICE,  /* ICMP: the datagram could not be delivered */
	HF_SIM_CONNECT, /* opening of a stream, either direction */
	HF_SIM_SEGMENT, /* data of a stream, or its end */
	HF_SIM_RESET,   /* a stream is refused or broken off */
};

struct hf_sim_packet {
	enum hf_sim_kind kind;
	struct hf_address from, to;
	const uint8_t *bytes; /* DATAGRAM and SEGMENT; may be NULL when len is 0 */
	size_t len;
};

/* What becomes of a packet. Comes filled in as it would be without a policy. */
struct hf_sim_path {
	hf_us delay;
	bool drop;
	int error;        /* negative errno: not delivered, and the sender is told so after
	                     `delay`; both ends of a stream are told */
	bool twice;       /* a second copy arrives (datagrams only) ... */
	hf_us twin_delay; /* ... after this */
};

/* Asked once a packet, when it leaves; again for each repetition of a segment. */
typedef void hf_sim_policy(void *ctx, struct hf_sim *sim, const struct hf_sim_packet *packet,
	hf_us now, struct hf_sim_path *path);
void hf_sim_set_policy(struct hf_sim *sim, hf_sim_policy *policy, void *ctx);

/* ---- time and chance ---- */

hf_us hf_sim_now(const struct hf_sim *sim);

/* Lets the next event happen. False: nothing will ever happen by itself. */
bool hf_sim_step(struct hf_sim *sim);

/* Lets all happen that happens up to and at `until`, which is then now. */
void hf_sim_run_until(struct hf_sim *sim, hf_us until);
void hf_sim_run_for(struct hf_sim *sim, hf_us us);

/* Calls `act` at that time, outside of every loop: the director's voice. */
void hf_sim_at(struct hf_sim *sim, hf_us at, void (*act)(void *ctx, struct hf_sim *sim), void *ctx);

/* Called after every event; for what must always be true. */
void hf_sim_check(struct hf_sim *sim, void (*check)(void *ctx, struct hf_sim *sim), void *ctx);

/* The world's dice, for policies and directors. */
uint64_t hf_sim_dice(struct hf_sim *sim);
uint64_t hf_sim_roll(struct hf_sim *sim, uint64_t sides); /* in [0, sides) */

/* ---- what was seen ---- */

struct hf_sim_counts {
	uint64_t events;
	uint64_t sent;     /* datagrams */
	uint64_t arrived;  /* datagrams at an endpoint, twins too */
	uint64_t refused;  /* notices that reached an endpoint with `errors` */
	uint64_t overflow; /* datagrams dropped at a bound of the simulator */
};
struct hf_sim_counts hf_sim_counts(const struct hf_sim *sim);

/* A hash over all that happened so far. */
uint64_t hf_sim_trace(const struct hf_sim *sim);

#endif
