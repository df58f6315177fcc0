/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/listener.h"

#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "serve/connection.h"

/* A retired address is closed at the latest after this: by then every question
 * that came through it has been answered or has failed. */
#define RETIRE (5 * HF_SECOND)

/* Datagrams taken from a socket's queue when it is drained: more than its buffer
 * (4 MiB) can hold of ordinary questions. */
#define DRAIN_MOST 65536

struct ear {
	struct ear *next;
	struct hf_listener *listener;
	struct hf_address address;
	struct hf_endpoint *endpoint; /* or NULL */
	struct hf_stream_door *door;  /* or NULL */
	size_t pending;               /* questions that came by UDP and wait */
	hf_us retired;                /* 0: in use */
	bool tls;
};

struct hf_listener {
	struct hf_loop *loop;
	struct hf_meter *meter;
	struct hf_responder *responder;
	struct hf_connections *connections;
	struct ear *ears;
	/* Replies that are ready, all for one socket. */
	struct ear *out_ear;
	size_t out_count;
	struct hf_datagram out[HF_BATCH_MAX];
	uint8_t out_bytes[HF_BATCH_MAX][HF_RESPOND_ROOM];
};

/* ---- datagrams out ---- */

static void flush(struct hf_listener *l)
{
	size_t n = l->out_count;
	if (!n)
		return;
	struct hf_endpoint *endpoint = l->out_ear->endpoint;
	size_t sent = endpoint ? hf_endpoint_send(endpoint, l->out, n, NULL) : 0;
	if (sent < n)
		hf_meter_add(&l->meter->counters[HF_COUNT_SEND_LOST], n - sent);
	l->out_count = 0;
}

/* The next place in the batch of replies through this ear. */
static uint8_t *out_place(struct hf_listener *l, struct ear *ear)
{
	if (l->out_count && (l->out_ear != ear || l->out_count == HF_BATCH_MAX))
		flush(l);
	l->out_ear = ear;
	return l->out_bytes[l->out_count];
}

static void out_add(struct hf_listener *l, const struct hf_address *peer,
	const struct hf_address *local, uint8_t *bytes, size_t len)
{
	struct hf_datagram *d = &l->out[l->out_count++];
	d->bytes = bytes;
	d->len = len;
	d->peer = *peer;
	d->local = *local;
}

/* ---- datagrams in ---- */

static inline void serve_one(struct ear *ear, const struct hf_datagram *came, size_t i)
{
	struct hf_listener *l = ear->listener;
	uint8_t *place = out_place(l, ear);
	const uint8_t *reply;
	size_t len;
	ear->pending++; /* before asking: the answer may come from within */
	switch (hf_respond_finish(l->responder, i, place, &reply, &len)) {
	case HF_RESPOND_LATER: return;
	case HF_RESPOND_SILENCE:
	case HF_RESPOND_STREAM: break; /* the latter comes over TCP only */
	case HF_RESPOND_NOW:
		/* Over UDP no reply is longer than a place, whatever memory it used. */
		if (reply != place)
			memcpy(place, reply, len);
		out_add(l, &came->peer, &came->local, place, len);
		break;
	}
	ear->pending--;
}

/* Returns how many of the datagrams it took. */
static size_t serve_group(struct ear *ear, const struct hf_datagram *batch, size_t n, hf_us now)
{
	struct hf_responder *responder = ear->listener->responder;
	const struct hf_datagram *group[HF_RESPOND_GROUP];
	size_t count = 0, taken = 0;
	for (; taken < n && count < HF_RESPOND_GROUP; taken++) {
		const struct hf_datagram *d = &batch[taken];
		if (!d->peer.port)
			continue; /* nothing can be sent there */
		const struct hf_packet packet = {
			HF_TRANSPORT_UDP, ear, &d->peer, &d->local, d->bytes, d->len};
		hf_respond_begin(responder, count, &packet, now);
		group[count++] = d;
	}
	hf_respond_approach(responder, count);
	for (size_t i = 0; i < count; i++)
		serve_one(ear, group[i], i);
	return taken;
}

static void received(
	void *ctx, struct hf_endpoint *endpoint, struct hf_datagram *batch, size_t n, hf_us now)
{
	struct ear *ear = ctx;
	(void)endpoint;
	while (n) {
		size_t taken = serve_group(ear, batch, n, now);
		batch += taken;
		n -= taken;
	}
	flush(ear->listener);
}

static const struct hf_endpoint_handler endpoint_handler = {received, NULL};

static void accepted(void *ctx, struct hf_stream_door *door, struct hf_stream *stream, hf_us now)
{
	struct ear *ear = ctx;
	(void)door;
	hf_connections_accept(ear->listener->connections, stream, ear->tls, now);
}

static const struct hf_door_handler door_handler = {accepted};

/* ---- answers that come later ---- */

static void send_reply(
	void *owner, const struct hf_reply_path *path, const uint8_t *reply, size_t len, hf_us now)
{
	struct hf_listener *l = owner;
	if (path->transport != HF_TRANSPORT_UDP) {
		hf_connections_reply(l->connections, path, reply, len, now);
		return;
	}
	struct ear *ear = path->ctx;
	ear->pending--;
	if (hf_unexpected(len > HF_RESPOND_ROOM))
		return;
	uint8_t *place = out_place(l, ear);
	memcpy(place, reply, len);
	out_add(l, &path->peer, &path->local, place, len);
}

/* ---- ears ---- */

static void ear_free(struct ear *ear)
{
	hf_endpoint_close(ear->endpoint);
	hf_door_close(ear->door);
	free(ear);
}

/* For the loop, -1 means to open one. */
static int to_take_over(int fd)
{
	return fd == HF_EAR_UNBOUND ? -1 : fd;
}

static int open_ear(struct ear *ear, const struct hf_ear *from)
{
	struct hf_listener *l = ear->listener;
	struct hf_bind bind = {.address = from->address, .local_addresses = true};
	int rc = 0;
	bind.fd = to_take_over(from->udp);
	if (from->udp != -1)
		rc = hf_endpoint_open(l->loop, &bind, &endpoint_handler, ear, &ear->endpoint);
	bind.fd = to_take_over(from->tcp);
	if (!rc && from->tcp != -1)
		rc = hf_door_open(l->loop, &bind, &door_handler, ear, &ear->door);
	return rc;
}

int hf_listener_add(struct hf_listener *l, const struct hf_ear *from)
{
	struct ear *ear = calloc(1, sizeof *ear);
	int rc = ear ? 0 : -ENOMEM;
	if (ear) {
		ear->listener = l;
		ear->address = from->address;
		ear->tls = from->tls;
		rc = open_ear(ear, from);
	}
	if (rc) {
		if (ear && from->udp >= 0 && !ear->endpoint)
			close(from->udp);
		if (from->tcp >= 0 && (!ear || !ear->door))
			close(from->tcp);
		if (ear)
			ear_free(ear);
		return rc;
	}
	ear->next = l->ears;
	l->ears = ear;
	return 0;
}

static bool listed(const struct hf_address *address, const struct hf_address_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (hf_address_equal(address, &list->items[i]))
			return true;
	return false;
}

static void retire(struct ear *ear)
{
	if (ear->retired)
		return;
	ear->retired = hf_loop_now(ear->listener->loop);
	if (!ear->retired)
		ear->retired = 1; /* a clock that stands at zero, as in a simulation */
	hf_door_close(ear->door);
	ear->door = NULL;
}

void hf_listener_retain(struct hf_listener *l, const struct hf_address_list *keep,
	const struct hf_address_list *keep_tls)
{
	for (struct ear *ear = l->ears; ear; ear = ear->next)
		if (!listed(&ear->address, ear->tls ? keep_tls : keep))
			retire(ear);
}

void hf_listener_drain(struct hf_listener *l, hf_us now)
{
	for (struct ear *ear = l->ears; ear; ear = ear->next) {
		if (ear->endpoint)
			hf_endpoint_drain(ear->endpoint, DRAIN_MOST);
		retire(ear);
	}
	hf_connections_drain(l->connections, now);
}

/* A retired ear whose questions are answered, or whose time is up, stops hearing:
 * what still lies in its queue is taken first, and may keep it a little longer. */
static void stop_hearing(struct hf_listener *l, struct ear *ear, hf_us now)
{
	if (!ear->retired || !ear->endpoint || (ear->pending && now < ear->retired + RETIRE))
		return;
	hf_endpoint_drain(ear->endpoint, DRAIN_MOST);
	flush(l);
	if (ear->pending && now < ear->retired + RETIRE)
		return;
	hf_endpoint_close(ear->endpoint);
	ear->endpoint = NULL;
}

void hf_listener_turned(struct hf_listener *l, hf_us now)
{
	struct ear **at = &l->ears;
	flush(l);
	while (*at) {
		struct ear *ear = *at;
		stop_hearing(l, ear, now);
		if (ear->retired && !ear->endpoint && !ear->pending) {
			*at = ear->next;
			ear_free(ear);
		} else {
			at = &ear->next;
		}
	}
}

bool hf_listener_done(const struct hf_listener *l)
{
	return !l->ears && !hf_responder_pending(l->responder) &&
	       !hf_connections_open(l->connections);
}

/* ---- life ---- */

struct hf_responder *hf_listener_responder(struct hf_listener *l)
{
	return l->responder;
}

void hf_listener_adopt(struct hf_listener *l, const struct hf_respond_conf *conf)
{
	hf_responder_adopt(l->responder, conf);
	hf_connections_adopt(l->connections, conf->tcp, conf->listen, conf->tls);
}

int hf_listener_new(struct hf_loop *loop, struct hf_meter *meter,
	struct hf_admission_table *admission, size_t pending_max, struct hf_listener **ret)
{
	struct hf_listener *l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	l->loop = loop;
	l->meter = meter;
	int rc = hf_responder_new(pending_max, send_reply, l, &l->responder);
	if (!rc)
		rc = hf_connections_new(loop, meter, admission, l->responder, &l->connections);
	if (rc) {
		hf_listener_free(l);
		return rc;
	}
	*ret = l;
	return 0;
}

void hf_listener_free(struct hf_listener *l)
{
	if (!l)
		return;
	hf_connections_free(l->connections);
	while (l->ears) {
		struct ear *ear = l->ears;
		l->ears = ear->next;
		ear_free(ear);
	}
	hf_responder_free(l->responder);
	free(l);
}
