/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/crowd.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "transport/frame.h"

#define HOST "clients"
#define PORTS 8
#define WAITING_MAX 32768
#define STRANGERS_MAX 4096
#define STRANGER_BUCKETS 256

struct asked {
	struct hf_asked base; /* first */
	struct asked *next, **prev;
	struct hf_address server;
	struct hf_crowd *crowd;
	struct hf_timer timer;
	struct hf_endpoint *endpoint; /* UDP */
	struct hf_stream *stream;     /* TCP */
	struct hf_frame_in in;
	struct hf_frame_out out;
	uint16_t id;
	size_t question_len;
	uint8_t sent[HF_HEADER_LEN + HF_NAME_MAX + 4 + 11];
};

struct stranger { /* a client with an address of its own */
	struct stranger *next;
	struct hf_address address;
	struct hf_endpoint *endpoint;
};

struct hf_crowd {
	struct hf_sim *sim;
	struct hf_loop *loop;
	struct hf_crowd_watch watch;
	struct stranger *strangers[STRANGER_BUCKETS];
	size_t stranger_count;
	struct hf_endpoint *endpoints[PORTS];
	struct asked *waiting;
	size_t count;
	struct asked *by_id[65536]; /* of those over UDP */
};

static void forget(struct asked *a)
{
	struct hf_crowd *crowd = a->crowd;
	hf_timer_disarm(hf_loop_timers(crowd->loop), &a->timer);
	if (a->endpoint)
		crowd->by_id[a->id] = NULL;
	if (a->stream)
		hf_stream_close(a->stream);
	hf_frame_in_clear(&a->in);
	hf_frame_out_clear(&a->out);
	*a->prev = a->next;
	if (a->next)
		a->next->prev = a->prev;
	crowd->count--;
	free(a);
}

static void wrong(struct hf_crowd *crowd, enum hf_law law, const char *what)
{
	crowd->watch.wrong(crowd->watch.ctx, law, what);
}

/* A message that must be the reply to the question. */
static void take_reply(struct asked *a, const uint8_t *m, size_t len)
{
	struct hf_crowd *crowd = a->crowd;
	if (len < HF_HEADER_LEN || hf_message_id(m) != a->id)
		wrong(crowd, HF_LAW_MATCHED, "a reply with another id");
	else if (!(hf_message_flags(m) & HF_FLAG_QR))
		wrong(crowd, HF_LAW_MATCHED, "a reply that is a question");
	else if (len < HF_HEADER_LEN + a->question_len ||
		 memcmp(m + HF_HEADER_LEN, a->sent + HF_HEADER_LEN, a->question_len) != 0)
		wrong(crowd, HF_LAW_MATCHED, "a reply with another question, or in another case");
	crowd->watch.over(crowd->watch.ctx, &a->base, m, len);
	forget(a);
}

static void give_up(struct hf_timer *timer, hf_us now)
{
	struct asked *a = (struct asked *)((char *)timer - offsetof(struct asked, timer));
	(void)now;
	a->crowd->watch.over(a->crowd->watch.ctx, &a->base, NULL, 0);
	forget(a);
}

/* ---- UDP ---- */

static void received(void *ctx, struct hf_endpoint *endpoint, struct hf_datagram *batch, size_t n,
	hf_us now)
{
	struct hf_crowd *crowd = ctx;
	(void)now;
	for (size_t i = 0; i < n; i++) {
		const struct hf_datagram *d = &batch[i];
		struct asked *a = d->len < 2 ? NULL : crowd->by_id[hf_message_id(d->bytes)];
		if (!a || a->endpoint != endpoint)
			wrong(crowd, HF_LAW_ANSWERED, "a second reply, or one to nobody's question");
		else if (!hf_address_equal(&d->peer, &a->server))
			wrong(crowd, HF_LAW_MATCHED, "a reply from another address");
		else
			take_reply(a, d->bytes, d->len);
	}
}

static const struct hf_endpoint_handler endpoint_handler = { received, NULL };

/* One of the addresses that the event names, each with one port. */
static int choose_stranger(struct hf_crowd *crowd, const struct hf_prefix *from,
	struct hf_endpoint **ret)
{
	struct hf_bind bind = { .address = from->address, .fd = -1 };
	uint32_t number = hf_loop_random_u32(crowd->loop) & (uint32_t)((1ull << (32 - from->bits)) - 1);
	for (int i = 0; i < 4; i++)
		bind.address.bytes[i] |= (uint8_t)(number >> (24 - 8 * i));
	struct stranger **bucket = &crowd->strangers[number % STRANGER_BUCKETS], *s = *bucket;
	while (s && !hf_address_equal(&s->address, &bind.address))
		s = s->next;
	if (!s) {
		if (crowd->stranger_count == STRANGERS_MAX)
			return HF_EBOUND;
		s = calloc(1, sizeof *s);
		if (!s)
			return -ENOMEM;
		s->address = bind.address;
		s->next = *bucket;
		*bucket = s;
		crowd->stranger_count++;
		hf_sim_address(crowd->sim, HOST, &bind.address);
	}
	int rc = s->endpoint ? 0
			     : hf_endpoint_open(crowd->loop, &bind, &endpoint_handler, crowd, &s->endpoint);
	if (!rc)
		*ret = s->endpoint;
	return rc;
}

static int send_datagram(struct hf_crowd *crowd, struct asked *a, size_t len)
{
	const struct hf_datagram d = { .bytes = a->sent, .len = len, .peer = a->server };
	const struct hf_prefix *from = &a->base.event->ask.from;
	struct hf_endpoint *endpoint = crowd->endpoints[hf_loop_random_u32(crowd->loop) % PORTS];
	int rc = from->address.family ? choose_stranger(crowd, from, &endpoint) : 0;
	if (rc || crowd->count > WAITING_MAX)
		return rc ? rc : HF_EBOUND;
	do
		a->id = (uint16_t)hf_loop_random_u32(crowd->loop);
	while (crowd->by_id[a->id]);
	hf_put_u16(a->sent, a->id);
	a->endpoint = endpoint;
	crowd->by_id[a->id] = a;
	hf_endpoint_send(a->endpoint, &d, 1, NULL);
	return 0;
}

/* ---- TCP ---- */

static void ready(void *ctx, struct hf_stream *stream, unsigned what, hf_us now)
{
	struct asked *a = ctx;
	const uint8_t *m;
	size_t len;
	(void)now;
	if (what & HF_STREAM_WRITABLE)
		hf_stream_want_write(stream, hf_frame_flush(&a->out, stream) == 0);
	if (!(what & HF_STREAM_READABLE))
		return;
	int rc = hf_frame_fill(&a->in, stream);
	if (rc == -EAGAIN)
		return;
	if (rc <= 0) {
		wrong(a->crowd, HF_LAW_ANSWERED, "a connection that was closed before the answer");
		forget(a);
	} else if (hf_frame_next(&a->in, &m, &len)) {
		take_reply(a, m, len);
	}
}

static const struct hf_stream_handler stream_handler = { ready };

static int send_by_stream(struct hf_crowd *crowd, struct asked *a, size_t len)
{
	a->id = (uint16_t)hf_loop_random_u32(crowd->loop);
	hf_put_u16(a->sent, a->id);
	int rc = hf_frame_put(&a->out, a->sent, len, HF_MESSAGE_MAX);
	if (!rc)
		rc = hf_stream_connect(crowd->loop, &a->server, &stream_handler, a, &a->stream);
	return rc;
}

/* ---- asking ---- */

static size_t write_question(struct hf_crowd *crowd, struct asked *a)
{
	const struct hf_play_ask *ask = &a->base.event->ask;
	const struct hf_name *name = &a->base.question.name;
	struct hf_writer w = hf_writer(a->sent, sizeof a->sent);
	uint8_t bits[32];
	hf_write_u16(&w, 0);
	hf_write_u16(&w, HF_FLAG_RD | (ask->checking_disabled ? HF_FLAG_CD : 0));
	hf_write(&w, "\0\1\0\0\0\0", 6);
	hf_write_u16(&w, !ask->plain);
	hf_write(&w, name->bytes, name->len);
	hf_write_u16(&w, a->base.question.type);
	hf_write_u16(&w, HF_CLASS_IN);
	a->question_len = w.len - HF_HEADER_LEN;
	hf_loop_random(crowd->loop, bits, sizeof bits);
	for (size_t i = 0; i < name->len; i++) {
		uint8_t *c = &a->sent[HF_HEADER_LEN + i];
		if (*c >= 'a' && *c <= 'z' && bits[i / 8] >> i % 8 & 1)
			*c &= (uint8_t)~0x20;
	}
	if (!ask->plain) {
		hf_write(&w, "\0\0\x29", 3);
		hf_write_u16(&w, ask->edns_size);
		hf_write(&w, ask->dnssec_ok ? "\0\0\x80\0\0\0" : "\0\0\0\0\0\0", 6);
	}
	return w.len;
}

int hf_crowd_ask(struct hf_crowd *crowd, const struct hf_asked *asked,
	const struct hf_address *server)
{
	struct asked *a = calloc(1, sizeof *a);
	if (!a)
		return -ENOMEM;
	a->base = *asked;
	a->base.since = hf_sim_now(crowd->sim);
	a->server = *server;
	a->crowd = crowd;
	a->next = crowd->waiting;
	a->prev = &crowd->waiting;
	if (a->next)
		a->next->prev = &a->next;
	crowd->waiting = a;
	crowd->count++;
	a->timer.fire = give_up;
	hf_timer_arm(hf_loop_timers(crowd->loop), &a->timer, a->base.since + HF_CROWD_PATIENCE);
	size_t len = write_question(crowd, a);
	int rc = asked->event->ask.tcp ? send_by_stream(crowd, a, len) : send_datagram(crowd, a, len);
	if (rc)
		forget(a);
	return rc;
}

struct hf_loop *hf_crowd_loop(struct hf_crowd *crowd)
{
	return crowd->loop;
}

size_t hf_crowd_waiting(const struct hf_crowd *crowd)
{
	return crowd->count;
}

/* ---- life ---- */

int hf_crowd_new(struct hf_sim *sim, const struct hf_crowd_watch *watch, struct hf_crowd **ret)
{
	struct hf_address own = { .family = 4, .bytes = { 10, 53, 254, 1 } };
	struct hf_crowd *crowd = calloc(1, sizeof *crowd);
	if (!crowd)
		return -ENOMEM;
	crowd->sim = sim;
	crowd->watch = *watch;
	int rc = hf_sim_loop_new(sim, HOST, &crowd->loop);
	if (!rc)
		hf_sim_address(sim, HOST, &own);
	for (size_t i = 0; !rc && i < PORTS; i++) {
		const struct hf_bind bind = { .address = own, .fd = -1 };
		rc = hf_endpoint_open(crowd->loop, &bind, &endpoint_handler, crowd, &crowd->endpoints[i]);
	}
	if (rc) {
		hf_crowd_free(crowd);
		return rc;
	}
	*ret = crowd;
	return 0;
}

void hf_crowd_free(struct hf_crowd *crowd)
{
	if (!crowd)
		return;
	while (crowd->waiting)
		forget(crowd->waiting);
	if (crowd->loop)
		hf_loop_free(crowd->loop);
	for (size_t i = 0; i < STRANGER_BUCKETS; i++) {
		while (crowd->strangers[i]) {
			struct stranger *next = crowd->strangers[i]->next;
			free(crowd->strangers[i]);
			crowd->strangers[i] = next;
		}
	}
	free(crowd);
}
