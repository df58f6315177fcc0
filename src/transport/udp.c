/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/udp.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"

/* Sockets of one family. Enough that a forger who knows all of them still has to
 * guess one of 64 besides the id and the case; few enough for 1,024 descriptors
 * with 4 workers. */
#define SOCKETS 64

/* Questions that a socket sends before it is replaced: opening one costs about
 * as much as one question, so this adds half a percent. */
#define USES_MAX 200

/* A socket that nothing has been sent from for so long goes back to the system:
 * descriptors are shared with clients' connections. */
#define IDLE (10 * HF_SECOND)

/* Questions that leave together: an eighth of a system call each is little enough, and
 * 500 that come at once still go from some forty ports. */
#define TOGETHER 8

/* So long after the system had no socket for us it is asked again, after a sweep the next one
 * is worth it, and it is told again. */
#define SHORT_FOR (10 * HF_MS)
#define SWEEP_EVERY (1 * HF_MS)
#define TELL_EVERY HF_SECOND

#define BUCKETS 4096

/* Peers of which is known what they answered last; those that meet here push each other out. */
#define HEARD 64
#define TRIES 16

/* Ports below are where servers live; a resolver should not sit on theirs. */
#define PORT_MIN 16384

struct hf_udp_socket {
	struct hf_udp_pool *pool;
	struct hf_udp_socket *next; /* among the retired */
	struct hf_endpoint *endpoint;
	struct hf_udp_attempt *attempts;
	unsigned uses;
	unsigned posted; /* messages that have not left yet */
	hf_us used; /* last sent from */
	bool calling; /* a callback is under way: not to be freed under it */
};

struct together { /* what leaves at once, from one socket */
	struct hf_udp_socket *socket; /* of posted messages, if there are any */
	struct hf_datagram batch[TOGETHER];
	struct hf_udp_attempt *attempts[TOGETHER]; /* NULL: forgotten */
	uint8_t bytes[TOGETHER][HF_UDP_TOGETHER_MAX];
	unsigned n;
};

struct heard {
	struct hf_address peer;
	uint64_t serial; /* of the newest attempt that it has answered */
};

struct shortage {
	int error; /* why the system gave no socket when it was last asked; 0: it did */
	hf_us until;
};

struct hf_udp_pool {
	struct hf_loop *loop;
	const struct hf_udp_handler *handler;
	void *ctx;
	struct hf_udp_socket *sockets[2][SOCKETS]; /* IPv4, IPv6 */
	struct hf_udp_socket *retired;
	unsigned open, given_up;     /* of all: those that are retired */
	hf_us swept;                 /* when the retired ones were last looked at */
	struct shortage shortage[2]; /* IPv4, IPv6 */
	hf_us short_told;
	struct hf_timer tidy; /* armed while there are sockets */
	struct together together[2]; /* IPv4, IPv6 */
	struct hf_udp_attempt *unsent; /* not told of yet */
	struct hf_timer due; /* armed while something is posted or unsent */
	struct hf_udp_attempt *buckets[BUCKETS];
	struct heard heard[HEARD];
	uint64_t serial;    /* of the next attempt */
	uint16_t dice[128]; /* drawn in one go: a question needs three numbers */
	unsigned dice_left;
};

static uint16_t roll(struct hf_udp_pool *pool)
{
	if (!pool->dice_left) {
		hf_loop_random(pool->loop, pool->dice, sizeof pool->dice);
		pool->dice_left = HF_COUNT_OF(pool->dice);
	}
	return pool->dice[--pool->dice_left];
}

static struct together *together_of(struct hf_udp_pool *pool, const struct hf_address *peer)
{
	return &pool->together[peer->family == 6];
}

static struct hf_udp_attempt **bucket(struct hf_udp_pool *pool, uint16_t id)
{
	return &pool->buckets[id % BUCKETS]; /* ids are random: no hash is needed */
}

static struct hf_udp_attempt *find(struct hf_udp_socket *socket, uint16_t id,
	const struct hf_address *peer)
{
	struct hf_udp_attempt *a = *bucket(socket->pool, id);
	for (; a; a = a->next)
		if (a->socket == socket && a->id == id && hf_address_equal(&a->peer, peer))
			return a;
	return NULL;
}

/* ---- sockets ---- */

static void socket_free(struct hf_udp_socket *socket)
{
	if (!socket)
		return;
	socket->pool->open--;
	hf_endpoint_close(socket->endpoint);
	free(socket);
}

static bool is_busy(const struct hf_udp_socket *socket)
{
	return socket->attempts || socket->posted || socket->calling;
}

/* Closes the retired ones that nothing is waiting on any more. */
static void sweep(struct hf_udp_pool *pool)
{
	struct hf_udp_socket **at = &pool->retired;
	while (*at) {
		struct hf_udp_socket *socket = *at;
		if (is_busy(socket)) {
			at = &socket->next;
			continue;
		}
		*at = socket->next;
		pool->given_up--;
		socket_free(socket);
	}
	pool->swept = hf_loop_now(pool->loop);
}

static bool unused(const struct hf_udp_socket *socket, hf_us now)
{
	return socket && !is_busy(socket) && now - socket->used >= IDLE;
}

static void tidy(struct hf_timer *timer, hf_us now)
{
	struct hf_udp_pool *pool =
		(struct hf_udp_pool *)((char *)timer - offsetof(struct hf_udp_pool, tidy));
	bool any = false;
	sweep(pool);
	for (int i = 0; i < 2 * SOCKETS; i++) {
		struct hf_udp_socket **place = &pool->sockets[i / SOCKETS][i % SOCKETS];
		if (unused(*place, now)) {
			socket_free(*place);
			*place = NULL;
		}
		any |= *place != NULL;
	}
	if (any || pool->retired)
		hf_timer_arm(hf_loop_timers(pool->loop), timer, now + IDLE);
}

static struct heard *heard_of(struct hf_udp_pool *pool, const struct hf_address *peer)
{
	uint32_t words[4], sum;
	memcpy(words, peer->bytes, sizeof words);
	sum = (words[0] ^ words[1] ^ words[2] ^ words[3]) + peer->port;
	return &pool->heard[(sum ^ sum >> 8 ^ sum >> 16 ^ sum >> 24) % HEARD];
}

static void note_heard(struct hf_udp_pool *pool, const struct hf_udp_attempt *a)
{
	struct heard *heard = heard_of(pool, &a->peer);
	if (a->serial >= heard->serial || !hf_address_equal(&heard->peer, &a->peer))
		*heard = (struct heard){a->peer, a->serial};
}

/* Until which attempt it is known to have been there. */
static uint64_t heard_until(struct hf_udp_pool *pool, const struct hf_address *peer)
{
	const struct heard *heard = heard_of(pool, peer);
	return hf_address_equal(&heard->peer, peer) ? heard->serial : 0;
}

static void received(void *ctx, struct hf_endpoint *endpoint, struct hf_datagram *batch, size_t n,
	hf_us now)
{
	struct hf_udp_socket *socket = ctx;
	struct hf_udp_pool *pool = socket->pool;
	(void)endpoint;
	socket->calling = true;
	for (size_t i = 0; i < n; i++) {
		const struct hf_datagram *d = &batch[i];
		struct hf_udp_attempt *attempt =
			d->len >= 2 ? find(socket, hf_get_u16(d->bytes), &d->peer) : NULL;
		if (!attempt || attempt->posted) { /* who answers before it is asked guesses */
			pool->handler->stray(pool->ctx, &d->peer);
			continue;
		}
		note_heard(pool, attempt);
		pool->handler->replied(pool->ctx, attempt, d->bytes, d->len, d->cut, now);
	}
	socket->calling = false;
}

/* An attempt at the peer that was sent from `since` on and before `until`, or NULL. */
static struct hf_udp_attempt *sent_to(const struct hf_udp_socket *socket,
	const struct hf_address *peer, uint64_t since, uint64_t until)
{
	struct hf_udp_attempt *a = socket->attempts;
	while (a && (a->serial < since || a->serial >= until || a->posted ||
			    !hf_address_equal(&a->peer, peer)))
		a = a->socket_next;
	return a;
}

/* Is it to be believed, and of what was sent from when on? Who repeats an id of ours has seen a
 * question. Who repeats nothing, as some systems do, may have guessed the port, and is not
 * believed of what was sent before something that the peer has answered. */
static bool look_at_quote(
	struct hf_udp_socket *socket, const struct hf_refusal *refusal, uint64_t *ret_since)
{
	*ret_since = 0;
	if (refusal->len >= 2) {
		const struct hf_udp_attempt *a =
			find(socket, hf_get_u16(refusal->quoted), &refusal->peer);
		return a && !a->posted;
	}
	*ret_since = heard_until(socket->pool, &refusal->peer);
	return true;
}

static void refused(
	void *ctx, struct hf_endpoint *endpoint, const struct hf_refusal *refusal, hf_us now)
{
	struct hf_udp_socket *socket = ctx;
	struct hf_udp_pool *pool = socket->pool;
	uint64_t since, until = pool->serial;
	struct hf_udp_attempt *a;
	(void)endpoint;
	if (!look_at_quote(socket, refusal, &since))
		return; /* forged, or of one that is over */
	socket->calling = true;
	/* What the handler does may forget some and start others: look anew each
	 * time, and leave alone what was sent after the news came. */
	while ((a = sent_to(socket, &refusal->peer, since, until))) {
		hf_udp_forget(a);
		pool->handler->refused(pool->ctx, a, refusal->error, now);
	}
	socket->calling = false;
}

static const struct hf_endpoint_handler handler = { received, refused };

static int open_on_random_port(struct hf_udp_pool *pool, uint8_t family,
	struct hf_udp_socket *socket)
{
	struct hf_bind bind = { .address = { .family = family }, .fd = -1, .errors = true };
	int rc = -EADDRINUSE;
	for (int i = 0; rc == -EADDRINUSE && i < TRIES; i++) {
		bind.address.port =
			(uint16_t)(PORT_MIN + (uint32_t)roll(pool) * (65536 - PORT_MIN) / 65536);
		rc = hf_endpoint_open(pool->loop, &bind, &handler, socket, &socket->endpoint);
	}
	return rc;
}

static int socket_new(struct hf_udp_pool *pool, uint8_t family, struct hf_udp_socket **ret)
{
	struct hf_udp_socket *socket = calloc(1, sizeof *socket);
	if (!socket)
		return -ENOMEM;
	socket->pool = pool;
	int rc = open_on_random_port(pool, family, socket);
	if (rc) {
		free(socket);
		return rc;
	}
	pool->open++;
	*ret = socket;
	return 0;
}

/* Is there room for one more among those that have been given up? */
static bool may_retire(struct hf_udp_pool *pool, hf_us now)
{
	if (pool->given_up >= HF_UDP_RETIRED && now - pool->swept >= SWEEP_EVERY)
		sweep(pool);
	return pool->given_up < HF_UDP_RETIRED;
}

static void note_shortage(struct hf_udp_pool *pool, uint8_t family, int error, hf_us now)
{
	pool->shortage[family == 6] = (struct shortage){error, now + SHORT_FOR};
	sweep(pool);
	if (!pool->handler->short_of || (pool->short_told && now - pool->short_told < TELL_EVERY))
		return;
	pool->short_told = now;
	pool->handler->short_of(pool->ctx, error, now);
}

/* A fresh socket for the place, or none for now. */
static void renew(struct hf_udp_pool *pool, uint8_t family, struct hf_udp_socket **place)
{
	struct hf_udp_socket *fresh;
	struct shortage *shortage = &pool->shortage[family == 6];
	hf_us now = hf_loop_now(pool->loop);
	if ((shortage->error && now < shortage->until) || (*place && !may_retire(pool, now)))
		return;
	int rc = socket_new(pool, family, &fresh);
	if (rc) {
		note_shortage(pool, family, rc, now);
		return;
	}
	shortage->error = 0;
	if (*place) {
		(*place)->next = pool->retired;
		pool->retired = *place;
		pool->given_up++;
		sweep(pool);
	}
	*place = fresh;
}

/* A place with a socket: this one, or the next that has one. NULL: none has. */
static struct hf_udp_socket **taken_place(struct hf_udp_socket *places[SOCKETS], unsigned first)
{
	for (unsigned i = 0; i < SOCKETS; i++)
		if (places[(first + i) % SOCKETS])
			return &places[(first + i) % SOCKETS];
	return NULL;
}

/* A socket of the family, fresh if the place is empty or worn out. */
static int choose_socket(struct hf_udp_pool *pool, uint8_t family, struct hf_udp_socket **ret)
{
	struct hf_udp_socket **places = pool->sockets[family == 6];
	unsigned which = roll(pool) % SOCKETS;
	struct hf_udp_socket **place = &places[which];
	if (!*place || (*place)->uses >= USES_MAX)
		renew(pool, family, place);
	place = *place ? place : taken_place(places, which);
	if (!place)
		return pool->shortage[family == 6].error;
	(*place)->used = hf_loop_now(pool->loop);
	if (!hf_timer_armed(&pool->tidy))
		hf_timer_arm(hf_loop_timers(pool->loop), &pool->tidy, (*place)->used + IDLE);
	*ret = *place;
	return 0;
}

/* ---- attempts ---- */

static void link_attempt(struct hf_udp_socket *socket, struct hf_udp_attempt *a)
{
	struct hf_udp_attempt **at = bucket(socket->pool, a->id);
	a->next = *at;
	if (a->next)
		a->next->prev = &a->next;
	a->prev = at;
	*at = a;
	a->socket = socket;
	a->serial = socket->pool->serial++;
	a->socket_next = socket->attempts;
	if (a->socket_next)
		a->socket_next->socket_prev = &a->socket_next;
	a->socket_prev = &socket->attempts;
	socket->attempts = a;
}

static void unlink_attempt(struct hf_udp_attempt *a)
{
	*a->prev = a->next;
	if (a->next)
		a->next->prev = a->prev;
}

void hf_udp_forget(struct hf_udp_attempt *a)
{
	if (!a->socket && !a->unsent)
		return;
	unlink_attempt(a);
	a->unsent = 0;
	if (!a->socket)
		return;
	if (a->posted)
		together_of(a->socket->pool, &a->peer)->attempts[a->posted - 1] = NULL;
	a->posted = 0;
	*a->socket_prev = a->socket_next;
	if (a->socket_next)
		a->socket_next->socket_prev = a->socket_prev;
	a->socket = NULL;
}

static int choose_id(struct hf_udp_socket *socket, const struct hf_address *peer, uint16_t *ret)
{
	for (int i = 0; i < TRIES; i++) {
		uint16_t id = roll(socket->pool);
		if (!find(socket, id, peer)) {
			*ret = id;
			return 0;
		}
	}
	return -EAGAIN;
}

/* Draws an id, and puts the attempt under way from the socket. */
static int begin(struct hf_udp_socket *socket, struct hf_udp_attempt *attempt,
	const struct hf_address *peer, uint8_t *m)
{
	int rc = choose_id(socket, peer, &attempt->id);
	if (rc)
		return rc;
	hf_put_u16(m, attempt->id);
	attempt->peer = *peer;
	attempt->posted = 0;
	attempt->unsent = 0;
	socket->uses++;
	link_attempt(socket, attempt);
	return 0;
}

int hf_udp_send(struct hf_udp_pool *pool, struct hf_udp_attempt *attempt,
	const struct hf_address *peer, uint8_t *m, size_t len)
{
	struct hf_udp_socket *socket;
	struct hf_datagram d = {.bytes = m, .len = len, .peer = *peer};
	int error = 0;
	int rc = choose_socket(pool, peer->family, &socket);
	if (!rc)
		rc = begin(socket, attempt, peer, m);
	if (rc)
		return rc;
	if (hf_endpoint_send(socket->endpoint, &d, 1, &error) == 1)
		return 0;
	hf_udp_forget(attempt);
	return error ? error : -EAGAIN;
}

/* ---- sending together ---- */

static void due_now(struct hf_udp_pool *pool)
{
	if (!hf_timer_armed(&pool->due))
		hf_timer_arm(hf_loop_timers(pool->loop), &pool->due, hf_loop_now(pool->loop));
}

/* It is told of later, and may be forgotten until then. */
static void note_unsent(struct hf_udp_pool *pool, struct hf_udp_attempt *a, int error)
{
	if (!a)
		return;
	hf_udp_forget(a);
	a->unsent = error;
	a->next = pool->unsent;
	if (a->next)
		a->next->prev = &a->next;
	a->prev = &pool->unsent;
	pool->unsent = a;
	due_now(pool);
}

/* Without room in the system the rest need not be tried. */
static void leave(struct hf_udp_pool *pool, struct together *t)
{
	int error = 0;
	for (unsigned at = 0; at < t->n;) {
		unsigned left = at;
		if (error != -EAGAIN && error != -ENOBUFS)
			left += (unsigned)hf_endpoint_send_some(
				t->socket->endpoint, t->batch + at, t->n - at, &error);
		for (; at < left; at++)
			if (t->attempts[at])
				t->attempts[at]->posted = 0;
		if (at < t->n)
			note_unsent(pool, t->attempts[at++], error ? error : -EAGAIN);
	}
	if (t->n)
		t->socket->posted = 0;
	t->n = 0;
}

static void put(struct together *t, struct hf_udp_attempt *attempt, const uint8_t *m, size_t len)
{
	unsigned i = t->n++;
	memcpy(t->bytes[i], m, len);
	t->batch[i] = (struct hf_datagram){.bytes = t->bytes[i], .len = len, .peer = attempt->peer};
	t->attempts[i] = attempt;
	attempt->posted = (uint8_t)t->n;
	t->socket->posted++;
}

int hf_udp_post(struct hf_udp_pool *pool, struct hf_udp_attempt *attempt,
	const struct hf_address *peer, uint8_t *m, size_t len)
{
	struct together *t = together_of(pool, peer);
	int rc = 0;
	if (len > HF_UDP_TOGETHER_MAX)
		return hf_udp_send(pool, attempt, peer, m, len);
	if (t->n == TOGETHER)
		leave(pool, t);
	if (!t->n)
		rc = choose_socket(pool, peer->family, &t->socket);
	if (!rc)
		rc = begin(t->socket, attempt, peer, m);
	if (rc)
		return rc;
	put(t, attempt, m, len);
	due_now(pool);
	return 0;
}

void hf_udp_flush(struct hf_udp_pool *pool)
{
	for (unsigned i = 0; i < HF_COUNT_OF(pool->together); i++)
		leave(pool, &pool->together[i]);
	if (!pool->unsent)
		hf_timer_disarm(hf_loop_timers(pool->loop), &pool->due);
}

/* Those who are told may forget others, and post anew: what becomes of that is told
 * with the next turn. */
static void tell_unsent(struct hf_udp_pool *pool, hf_us now)
{
	struct hf_udp_attempt *list = pool->unsent;
	pool->unsent = NULL;
	if (list)
		list->prev = &list;
	while (list) {
		struct hf_udp_attempt *a = list;
		int error = a->unsent;
		hf_udp_forget(a);
		pool->handler->unsent(pool->ctx, a, error, now);
	}
}

static void due(struct hf_timer *timer, hf_us now)
{
	struct hf_udp_pool *pool =
		(struct hf_udp_pool *)((char *)timer - offsetof(struct hf_udp_pool, due));
	tell_unsent(pool, now);
	hf_udp_flush(pool);
}

/* ---- the pool ---- */

unsigned hf_udp_sockets(const struct hf_udp_pool *pool)
{
	return pool->open;
}

int hf_udp_pool_new(struct hf_loop *loop, const struct hf_udp_handler *udp_handler, void *ctx,
	struct hf_udp_pool **ret)
{
	struct hf_udp_pool *pool = calloc(1, sizeof *pool);
	if (!pool)
		return -ENOMEM;
	pool->loop = loop;
	pool->handler = udp_handler;
	pool->ctx = ctx;
	pool->tidy.fire = tidy;
	pool->due.fire = due;
	*ret = pool;
	return 0;
}

void hf_udp_pool_free(struct hf_udp_pool *pool)
{
	if (!pool)
		return;
	hf_timer_disarm(hf_loop_timers(pool->loop), &pool->tidy);
	hf_timer_disarm(hf_loop_timers(pool->loop), &pool->due);
	for (int family = 0; family < 2; family++)
		for (int i = 0; i < SOCKETS; i++)
			socket_free(pool->sockets[family][i]);
	while (pool->retired) {
		struct hf_udp_socket *socket = pool->retired;
		pool->retired = socket->next;
		socket_free(socket);
	}
	free(pool);
}
