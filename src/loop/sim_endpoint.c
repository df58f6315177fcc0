/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop/sim_world.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"

/* What fits an IPv4 datagram behind its two heads. */
#define PAYLOAD_MAX 65507

/* As loop_epoll has it, so that a flood looks the same in both worlds. */
#define BATCHES_A_TURN 4

/* A datagram on its way, or the notice that it could not be delivered. */
struct packet {
	struct hf_sim_event event; /* first: happen and discard cast */
	struct packet *next;       /* in an inbox */
	struct hf_sim_host *origin;
	uint64_t sender; /* the endpoint's id */
	bool wants_notice;
	int error; /* what the notice says */
	struct hf_address from, to;
	size_t len;
	uint8_t bytes[];
};

struct inbox {
	struct packet *first, **tail;
	size_t count;
};

struct endpoint {
	struct hf_endpoint base;
	struct hf_sim_source source;
	struct hf_sim_bound bound;
	const struct hf_endpoint_handler *handler;
	void *ctx;
	bool local_addresses, errors;
	struct inbox datagrams, notices;
};

static struct endpoint *endpoint_of(struct hf_endpoint *base)
{
	return (struct endpoint *)base;
}

static struct hf_sim *world_of(const struct endpoint *e)
{
	return hf_sim_loop_of(e->base.loop)->sim;
}

/* ---- inboxes ---- */

static void inbox_init(struct inbox *box)
{
	*box = (struct inbox){ .tail = &box->first };
}

static void inbox_put(struct inbox *box, struct packet *p)
{
	p->next = NULL;
	*box->tail = p;
	box->tail = &p->next;
	box->count++;
}

static struct packet *inbox_take(struct inbox *box)
{
	struct packet *p = box->first;
	if (!p)
		return NULL;
	box->first = p->next;
	box->count--;
	if (!box->first)
		box->tail = &box->first;
	return p;
}

static void inbox_clear(struct inbox *box)
{
	for (struct packet *p; (p = inbox_take(box));)
		free(p);
}

static void put_in(struct endpoint *e, struct inbox *box, struct packet *p)
{
	if (box->count >= HF_SIM_INBOX_MAX) {
		world_of(e)->counts.overflow++;
		free(p);
		return;
	}
	inbox_put(box, p);
	hf_sim_source_check(hf_sim_loop_of(e->base.loop), &e->source);
}

/* ---- delivering ---- */

static bool has_waiting(const void *object)
{
	const struct endpoint *e = object;
	return e->datagrams.first || e->notices.first;
}

static void report_errors(struct endpoint *e)
{
	struct packet *p;
	while (!e->source.closed && (p = inbox_take(&e->notices))) {
		const struct hf_refusal refusal = {.peer = p->to,
			.error = p->error,
			.quoted = p->bytes,
			.len = p->len < HF_QUOTED_MAX ? p->len : HF_QUOTED_MAX};
		if (e->handler->refused)
			e->handler->refused(e->ctx, &e->base, &refusal, e->base.loop->now);
		free(p);
	}
}

static struct hf_datagram describe(const struct endpoint *e, struct packet *p)
{
	struct hf_datagram d = { .bytes = p->bytes, .len = p->len, .peer = p->from };
	d.cut = d.len > HF_DATAGRAM_MAX;
	if (d.cut)
		d.len = HF_DATAGRAM_MAX;
	if (e->local_addresses)
		d.local = p->to;
	return d;
}

/* Returns how many were delivered. */
static size_t deliver_batch(struct endpoint *e, size_t most)
{
	struct packet *packets[HF_BATCH_MAX];
	struct hf_datagram batch[HF_BATCH_MAX];
	size_t n = 0;
	while (n < most && n < HF_BATCH_MAX && (packets[n] = inbox_take(&e->datagrams))) {
		batch[n] = describe(e, packets[n]);
		n++;
	}
	if (n)
		e->handler->received(e->ctx, &e->base, batch, n, e->base.loop->now);
	for (size_t i = 0; i < n; i++)
		free(packets[i]);
	return n;
}

void hf_sim_endpoint_drain(struct hf_endpoint *base, size_t most)
{
	struct endpoint *e = endpoint_of(base);
	for (size_t n; most && !e->source.closed && (n = deliver_batch(e, most)); most -= n)
		;
}

static void visit(void *object)
{
	struct endpoint *e = object;
	report_errors(e);
	hf_sim_endpoint_drain(&e->base, BATCHES_A_TURN * HF_BATCH_MAX);
}

/* ---- opening and closing ---- */

static void close_any(void *object)
{
	struct endpoint *e = object;
	hf_sim_endpoint_close(&e->base);
}

int hf_sim_endpoint_open(struct hf_loop *base, const struct hf_bind *bind,
	const struct hf_endpoint_handler *handler, void *ctx, struct hf_endpoint **ret)
{
	struct hf_sim_loop *loop = hf_sim_loop_of(base);
	struct endpoint *e = hf_sim_get(sizeof *e);
	*e = (struct endpoint){ .base.loop = base, .handler = handler, .ctx = ctx,
		.local_addresses = bind->local_addresses, .errors = bind->errors,
		.bound = { .shared = bind->local_addresses, .object = e },
		.source = { .ready = visit, .is_ready = has_waiting, .close = close_any,
			.object = e } };
	int rc = hf_sim_bind(loop, &bind->address, &e->bound);
	if (rc) {
		free(e);
		return rc;
	}
	inbox_init(&e->datagrams);
	inbox_init(&e->notices);
	hf_sim_source_open(loop, &e->source);
	*ret = &e->base;
	return 0;
}

void hf_sim_endpoint_close(struct hf_endpoint *base)
{
	struct endpoint *e = endpoint_of(base);
	if (e->source.closed)
		return;
	hf_sim_unbind(&e->bound);
	inbox_clear(&e->datagrams);
	inbox_clear(&e->notices);
	hf_sim_source_close(hf_sim_loop_of(base->loop), &e->source);
}

struct hf_address hf_sim_endpoint_address(const struct hf_endpoint *base)
{
	return ((const struct endpoint *)base)->bound.address;
}

/* ---- travelling ---- */

static void discard(struct hf_sim_event *event)
{
	free(event);
}

static struct packet *new_packet(const struct endpoint *e, const struct hf_address *from,
	const struct hf_datagram *d)
{
	struct packet *p = hf_sim_get(sizeof *p + d->len);
	p->event.discard = discard;
	p->origin = e->bound.host;
	p->sender = e->bound.id;
	p->wants_notice = e->errors;
	p->from = *from;
	p->to = d->peer;
	p->len = d->len;
	if (d->len)
		memcpy(p->bytes, d->bytes, d->len);
	return p;
}

/* The notice has reached the host that sent the datagram. */
static void notice_arrives(struct hf_sim *sim, struct hf_sim_event *event)
{
	struct packet *p = (struct packet *)event;
	struct hf_sim_bound *b = hf_sim_bound_by_id(sim, p->origin, p->from.port, p->sender);
	hf_sim_note(sim, HF_SIM_NOTICE, &p->from, &p->to, NULL, 0);
	if (!b || b->host->state != HF_SIM_UP) {
		free(p);
		return;
	}
	struct endpoint *e = b->object;
	sim->counts.refused++;
	put_in(e, &e->notices, p);
}

static void send_notice(struct hf_sim *sim, struct packet *p, int error, hf_us delay)
{
	if (!p->wants_notice) {
		free(p);
		return;
	}
	p->error = error;
	p->event.happen = notice_arrives;
	hf_sim_schedule(sim, &p->event, sim->now + delay);
}

/* Nobody listens: the host says so, if its word gets through. */
static void refuse(struct hf_sim *sim, struct packet *p, struct hf_sim_host *there)
{
	struct hf_sim_packet notice = { .kind = HF_SIM_NOTICE, .from = p->to, .to = p->from };
	struct hf_sim_path path = hf_sim_path(sim, &notice, there, p->origin);
	if (path.drop || path.error)
		free(p);
	else
		send_notice(sim, p, -ECONNREFUSED, path.delay);
}

static void datagram_arrives(struct hf_sim *sim, struct hf_sim_event *event)
{
	struct packet *p = (struct packet *)event;
	struct hf_sim_host *there = hf_sim_host_at(sim, p->origin, &p->to);
	hf_sim_note(sim, HF_SIM_DATAGRAM, &p->from, &p->to, p->bytes, p->len);
	if (!there || (there->state == HF_SIM_DOWN && there != p->origin)) {
		free(p);
		return;
	}
	struct hf_sim_bound *b = hf_sim_bound_at(sim, there, &p->from, &p->to, false);
	if (!b || there->state == HF_SIM_DEAD) {
		refuse(sim, p, there);
		return;
	}
	struct endpoint *e = b->object;
	sim->counts.arrived++;
	put_in(e, &e->datagrams, p);
}

static void travel(struct hf_sim *sim, struct packet *p, hf_us delay)
{
	if (hf_sim_is_full(sim)) {
		free(p);
		return;
	}
	p->event.happen = datagram_arrives;
	hf_sim_schedule(sim, &p->event, sim->now + delay);
}

static void launch(struct endpoint *e, const struct hf_address *from, const struct hf_datagram *d)
{
	struct hf_sim *sim = world_of(e);
	struct hf_sim_packet packet = { .kind = HF_SIM_DATAGRAM, .from = *from, .to = d->peer,
		.bytes = d->bytes, .len = d->len };
	struct hf_sim_path path = hf_sim_path(
		sim, &packet, e->bound.host, hf_sim_host_at(sim, e->bound.host, &d->peer));
	sim->counts.sent++;
	if (path.drop)
		return;
	struct packet *p = new_packet(e, from, d);
	if (path.error) {
		send_notice(sim, p, path.error, path.delay);
		return;
	}
	travel(sim, p, path.delay);
	if (path.twice)
		travel(sim, new_packet(e, from, d), path.twin_delay);
}

/* The address that a datagram leaves from, or an error that the system would
 * have given. */
static int choose_source(const struct endpoint *e, const struct hf_datagram *d,
	struct hf_address *ret)
{
	static const uint8_t zero[16];
	struct hf_sim *sim = world_of(e);
	struct hf_address from = e->bound.address;
	if (d->peer.family != from.family)
		return -EAFNOSUPPORT;
	if (d->len > PAYLOAD_MAX)
		return -EMSGSIZE;
	if (!d->peer.port)
		return -EINVAL;
	if (d->local.family == from.family) {
		if (hf_sim_host_at(sim, e->bound.host, &d->local) != e->bound.host)
			return -EINVAL;
		from = d->local;
	} else if (memcmp(from.bytes, zero, sizeof zero) == 0) {
		from = hf_sim_source_for(sim, e->bound.host, &d->peer);
	}
	from.port = e->bound.address.port;
	*ret = from;
	return 0;
}

size_t hf_sim_endpoint_send_some(
	struct hf_endpoint *base, const struct hf_datagram *batch, size_t n, int *ret_error)
{
	struct endpoint *e = endpoint_of(base);
	struct hf_address from;
	size_t taken = 0;
	int error = e->source.closed ? -EBADF : 0;
	while (taken < n && !error) {
		error = choose_source(e, &batch[taken], &from);
		if (!error)
			launch(e, &from, &batch[taken++]);
	}
	*ret_error = error;
	return taken;
}
