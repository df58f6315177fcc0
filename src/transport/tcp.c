/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/tcp.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "transport/frame.h"

/* Most servers give up an idle connection after 10 to 30 s (Unbound 30, BIND 30,
 * Knot 10): we close first, so that a question rarely meets a closing one. */
#define IDLE (8 * HF_SECOND)

/* What the large public servers allow over TLS, and below the 30 s of hasty NATs. Nobody
 * is taken at a longer word. */
#define IDLE_TLS (25 * HF_SECOND)

/* A handshake takes two round trips and some work; nobody waits longer for an answer. */
#define HANDSHAKE (4 * HF_SECOND)

/* Idle for longer than this, a connection may have been forgotten on the way. */
#define RESTED (1 * HF_SECOND)

/* How long a system may take to acknowledge, in round trips and at least and at most: the
 * least is over the 40 ms for which Linux delays an acknowledgement. On a connection in
 * use a lost packet is likelier, which comes again after 0.2 s: three times as long. */
#define ROUNDS 4
#define ROUNDS_LEAST (100 * HF_MS)
#define ROUNDS_MOST (1 * HF_SECOND)
#define IN_USE 3

/* Reads of one TLS connection in a turn. */
#define READS_A_TURN 16

/* Longer than the longest time-out that an attempt is given by default. */
#define MUTE (2 * HF_SECOND)

/* 100 questions of ordinary size. */
#define OUT_LIMIT 65536

#define TRIES 16

/* Of a connection's places, those that are not its own route's alone. */
#define FOR_OTHERS (HF_TCP_PIPELINE / 2)

struct hf_tcp_connection {
	struct hf_tcp_pool *pool;
	struct hf_tcp_connection *next, **prev;
	struct hf_stream *stream;
	struct hf_secure *secure;   /* NULL: plain */
	struct hf_tls_session *tls;
	struct hf_address peer;
	struct hf_tcp_account account; /* of who used it last */
	struct hf_frame_in in;
	struct hf_frame_out out;
	struct hf_tcp_attempt *attempts;
	unsigned waiting;
	hf_us heard; /* when it last gave a message, or had its first question */
	hf_us opened;
	hf_us round;  /* what it took to connect; 0: it is not up */
	hf_us rested; /* when the last question was answered or given up */
	hf_us keep;   /* for how long it is kept idle */
	bool up;     /* questions go out at once: connected, and believed */
	bool was_idle; /* ... for long, before the questions that wait now */
	bool stale;  /* gets no more questions */
	bool reused; /* has answered before: its end may be that of an idle one */
	bool over;   /* being taken apart */
	bool calling; /* handing out answers: not to be freed under its own feet */
	struct hf_timer idle;
	struct hf_timer watch; /* the handshake's end; then, when to ask for a sign of life */
};

struct hf_tcp_pool {
	struct hf_loop *loop;
	struct hf_tls_tickets *tickets;
	const struct hf_tcp_handler *handler;
	void *ctx;
	struct hf_tcp_connection *connections;
	unsigned count, most;
	unsigned in_use; /* of them: those that questions wait on */
	struct hf_share by_upstream, by_route; /* ... on whose account */
};

static int attach(struct hf_tcp_pool *pool, struct hf_tcp_attempt *attempt,
	const struct hf_address *peer, const struct hf_secure *secure,
	const struct hf_tcp_account *account);

/* ---- shares ---- */

/* May one more connection come into use on this account? */
static int look_for_share(const struct hf_tcp_pool *pool, const struct hf_tcp_account *account)
{
	size_t used = pool->in_use, most = pool->most;
	size_t left = hf_share_left(&pool->by_upstream, account->upstream, used, most);
	if (used >= most)
		return HF_EBOUND;
	if (!left || !hf_share_part_left(&pool->by_route, account->route, used,
			     account->inner ? used + left : most))
		return HF_ESHARE;
	return 0;
}

static void come_into_use(struct hf_tcp_connection *c)
{
	struct hf_tcp_pool *pool = c->pool;
	pool->in_use++;
	hf_share_take(&pool->by_upstream, c->account.upstream);
	hf_share_take(&pool->by_route, c->account.route.holder);
}

static void go_out_of_use(struct hf_tcp_connection *c)
{
	struct hf_tcp_pool *pool = c->pool;
	pool->in_use--;
	hf_share_give(&pool->by_upstream, c->account.upstream);
	hf_share_give(&pool->by_route, c->account.route.holder);
}

/* ---- attempts ---- */

static void unlink_attempt(struct hf_tcp_attempt *a)
{
	*a->prev = a->next;
	if (a->next)
		a->next->prev = a->prev;
	if (!--a->connection->waiting && !a->connection->over)
		go_out_of_use(a->connection);
	a->connection = NULL;
}

static void rest(struct hf_tcp_connection *c)
{
	c->rested = hf_loop_now(c->pool->loop);
	hf_timer_arm(hf_loop_timers(c->pool->loop), &c->idle, c->rested + c->keep);
}

void hf_tcp_forget(struct hf_tcp_attempt *a)
{
	struct hf_tcp_connection *c = a->connection;
	if (!c)
		return;
	unlink_attempt(a);
	free(a->message);
	a->message = NULL;
	if (!c->waiting)
		rest(c);
}

void hf_tcp_keep(struct hf_tcp_attempt *a, hf_us idle)
{
	/* A packet may be on its way when the server's patience ends. */
	idle -= idle / 8;
	if (!a->connection)
		return;
	a->connection->keep = idle < IDLE_TLS ? idle : IDLE_TLS;
	a->connection->stale |= idle == 0;
}

static struct hf_tcp_attempt *find(struct hf_tcp_connection *c, uint16_t id)
{
	struct hf_tcp_attempt *a = c->attempts;
	while (a && a->id != id)
		a = a->next;
	return a;
}

/* ---- connections ---- */

static void connection_free(struct hf_tcp_connection *c)
{
	hf_timer_disarm(hf_loop_timers(c->pool->loop), &c->idle);
	hf_timer_disarm(hf_loop_timers(c->pool->loop), &c->watch);
	hf_tls_close(c->tls);
	hf_stream_close(c->stream);
	if (c->secure)
		hf_trust_unref(c->secure->trust);
	free(c->secure);
	hf_frame_in_clear(&c->in);
	hf_frame_out_clear(&c->out);
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->pool->count--;
	free(c);
}

/* Once at most, and not more often than its question may be sent. */
static bool may_move(const struct hf_tcp_pool *pool, struct hf_tcp_attempt *a)
{
	return !a->moved && (!pool->handler->may_move || pool->handler->may_move(pool->ctx, a));
}

/* The connection is over. Those who wait on it get another one if this may just
 * have been an idle connection's end, else the news. Each is taken off singly:
 * what the handler does may forget others. */
static void broken(struct hf_tcp_connection *c, int error, hf_us now)
{
	struct hf_tcp_pool *pool = c->pool;
	const char *why = c->tls && hf_tls_cause(c->tls)[0] ? hf_tls_cause(c->tls) : NULL;
	if (c->waiting)
		go_out_of_use(c); /* its share is for what its questions move to */
	c->over = true;
	while (c->attempts) {
		struct hf_tcp_attempt *a = c->attempts;
		unlink_attempt(a);
		if (c->reused && may_move(pool, a)) {
			a->moved = true;
			if (attach(pool, a, &c->peer, c->secure, &c->account) == 0) {
				pool->handler->moved(pool->ctx, a, !a->joined, now);
				continue;
			}
		}
		free(a->message);
		a->message = NULL;
		pool->handler->refused(pool->ctx, a, error, why, now);
	}
	connection_free(c);
}

/* Hands out what has arrived. */
static void deliver(struct hf_tcp_connection *c, hf_us now)
{
	struct hf_tcp_pool *pool = c->pool;
	const uint8_t *m;
	size_t len;
	c->calling = true;
	while (hf_frame_next(&c->in, &m, &len)) {
		struct hf_tcp_attempt *a = len >= 2 ? find(c, hf_get_u16(m)) : NULL;
		c->heard = now;
		c->reused |= a != NULL; /* strays earn no second connection */
		if (a)
			pool->handler->replied(pool->ctx, a, m, len, now);
		else
			pool->handler->stray(pool->ctx, &c->peer);
	}
	c->calling = false;
}

static void is_up(struct hf_tcp_connection *c)
{
	c->up = true;
	hf_timer_disarm(hf_loop_timers(c->pool->loop), &c->watch);
}

/* Goes on with the handshake, if there is one. 0: it may be talked to. */
static int shake_hands(struct hf_tcp_connection *c, unsigned what, hf_us now)
{
	if (!c->round && what & HF_STREAM_WRITABLE)
		c->round = now - c->opened ? now - c->opened : 1;
	int rc = c->tls ? hf_tls_handshake(c->tls) : 0;
	if (!rc && c->round && !c->up)
		is_up(c);
	return rc;
}

static int push(struct hf_tcp_connection *c)
{
	int rc = c->tls ? hf_tls_flush(c->tls) : 0;
	if (rc < 0)
		return rc;
	return c->tls ? hf_frame_flush_tls(&c->out, c->tls) : hf_frame_flush(&c->out, c->stream);
}

/* What TLS has taken from the stream does not show there: read until nothing is left, or
 * go on with the next turn. */
static int take_all(struct hf_tcp_connection *c, hf_us now)
{
	int n = -EAGAIN;
	for (unsigned i = 0; i < READS_A_TURN; i++) {
		n = hf_frame_fill_tls(&c->in, c->tls);
		if (n <= 0)
			return n;
		deliver(c, now);
	}
	hf_stream_want_write(c->stream, true);
	return -EAGAIN;
}

static int take(struct hf_tcp_connection *c, hf_us now)
{
	if (c->tls)
		return take_all(c, now);
	int n = hf_frame_fill(&c->in, c->stream);
	if (n > 0)
		deliver(c, now);
	return n > 0 ? -EAGAIN : n;
}

static void ready(void *ctx, struct hf_stream *stream, unsigned what, hf_us now)
{
	struct hf_tcp_connection *c = ctx;
	(void)stream;
	int rc = shake_hands(c, what, now);
	if (rc == -EAGAIN)
		return;
	if (!rc && (what & HF_STREAM_WRITABLE || c->tls))
		rc = push(c);
	if (rc >= 0 && (what & HF_STREAM_READABLE || c->tls)) {
		rc = take(c, now);
		if (rc == -EAGAIN)
			return;
		rc = rc ? rc : HF_ECLOSED;
	}
	if (rc < 0)
		broken(c, rc, now);
}

static const struct hf_stream_handler stream_handler = { ready };

static void idle_over(struct hf_timer *timer, hf_us now)
{
	struct hf_tcp_connection *c =
		(struct hf_tcp_connection *)((char *)timer - offsetof(struct hf_tcp_connection, idle));
	(void)now;
	if (!c->waiting)
		connection_free(c);
}

/* The one that has been idle for longest. */
static bool close_an_idle_one(struct hf_tcp_pool *pool)
{
	struct hf_tcp_connection *oldest = NULL;
	for (struct hf_tcp_connection *c = pool->connections; c; c = c->next)
		if (!c->waiting && !c->over && !c->calling &&
			(!oldest || c->rested < oldest->rested))
			oldest = c;
	if (oldest)
		connection_free(oldest);
	return oldest != NULL;
}

static void watch(struct hf_timer *timer, hf_us now);

static int lay_tls(struct hf_tcp_connection *c, const struct hf_secure *secure)
{
	c->secure = malloc(sizeof *secure);
	if (!c->secure)
		return -ENOMEM;
	*c->secure = *secure;
	if (secure->trust)
		hf_trust_ref(secure->trust);
	return hf_tls_open(c->stream, &secure->peer, secure->trust, c->pool->tickets, &c->tls);
}

static void link_connection(struct hf_tcp_pool *pool, struct hf_tcp_connection *c)
{
	c->next = pool->connections;
	if (c->next)
		c->next->prev = &c->next;
	c->prev = &pool->connections;
	pool->connections = c;
	pool->count++;
}

static int open_connection(struct hf_tcp_pool *pool, const struct hf_address *peer,
	const struct hf_secure *secure, const struct hf_tcp_account *account,
	struct hf_tcp_connection **ret)
{
	int rc = look_for_share(pool, account);
	if (rc)
		return rc;
	if (pool->count >= pool->most && !close_an_idle_one(pool))
		return HF_EBOUND;
	struct hf_tcp_connection *c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	c->pool = pool;
	c->peer = *peer;
	c->account = *account;
	c->keep = secure ? IDLE_TLS : IDLE;
	c->idle.fire = idle_over;
	c->watch.fire = watch;
	rc = hf_stream_connect(pool->loop, peer, &stream_handler, c, &c->stream);
	if (rc) {
		free(c);
		return rc;
	}
	link_connection(pool, c);
	c->heard = c->opened = c->rested = hf_loop_now(pool->loop);
	hf_stream_want_write(c->stream, true);
	rc = secure ? lay_tls(c, secure) : 0;
	if (rc) {
		connection_free(c);
		return rc;
	}
	if (secure)
		hf_timer_arm(hf_loop_timers(pool->loop), &c->watch, c->opened + HANDSHAKE);
	hf_timer_arm(hf_loop_timers(pool->loop), &c->idle, c->opened + c->keep);
	*ret = c;
	return 0;
}

/* Questions wait on it and nothing has come for a while: a peer that accepts and
 * never answers must not draw all further questions to itself. */
static bool mute(const struct hf_tcp_connection *c, hf_us now)
{
	return c->waiting && now - c->heard > MUTE;
}

static bool leads_to(const struct hf_tcp_connection *c, const struct hf_address *peer,
	const struct hf_secure *secure)
{
	return hf_address_equal(&c->peer, peer) && !c->secure == !secure &&
	       (!secure || hf_secure_equal(c->secure, secure));
}

static bool is_full(const struct hf_tcp_connection *c, const struct hf_tcp_account *account)
{
	bool own = c->account.route.holder == account->route.holder;
	return c->waiting >= (own || !c->waiting ? HF_TCP_PIPELINE : FOR_OTHERS);
}

/* One that is there. An idle one comes into use by it, for which there must be a share. */
static struct hf_tcp_connection *with_room(struct hf_tcp_pool *pool, const struct hf_address *peer,
	const struct hf_secure *secure, const struct hf_tcp_account *account)
{
	struct hf_tcp_connection *c = pool->connections;
	hf_us now = hf_loop_now(pool->loop);
	bool shared = look_for_share(pool, account) == 0;
	while (c && (c->over || c->stale || (!c->waiting && !shared) || is_full(c, account) ||
			    mute(c, now) || !leads_to(c, peer, secure)))
		c = c->next;
	return c;
}

/* ---- sending ---- */

static int choose_id(struct hf_tcp_connection *c, uint16_t *ret)
{
	for (int i = 0; i < TRIES; i++) {
		uint16_t id = (uint16_t)hf_loop_random_u32(c->pool->loop);
		if (!find(c, id)) {
			*ret = id;
			return 0;
		}
	}
	return -EAGAIN;
}

static void put_on(struct hf_tcp_connection *c, struct hf_tcp_attempt *a)
{
	a->connection = c;
	a->next = c->attempts;
	if (a->next)
		a->next->prev = &a->next;
	a->prev = &c->attempts;
	c->attempts = a;
	if (!c->waiting++)
		come_into_use(c);
}

/* How long the other side's system may take to acknowledge. */
static hf_us patience(const struct hf_tcp_connection *c)
{
	hf_us least = ROUNDS * c->round;
	least = least < ROUNDS_LEAST ? ROUNDS_LEAST : least > ROUNDS_MOST ? ROUNDS_MOST : least;
	return c->was_idle ? least : IN_USE * least;
}

/* Puts the attempt's message on a connection, which is in use on this account if it was not. */
static int attach_to(struct hf_tcp_connection *c, struct hf_tcp_attempt *a,
	const struct hf_tcp_account *account)
{
	struct hf_timer_wheel *timers = hf_loop_timers(c->pool->loop);
	hf_us now = hf_loop_now(c->pool->loop);
	int rc = choose_id(c, &a->id);
	if (rc)
		return rc;
	hf_put_u16(a->message, a->id);
	rc = hf_frame_put(&c->out, a->message, a->len, OUT_LIMIT);
	if (rc)
		return rc;
	if (!c->waiting) {
		c->heard = now;
		c->was_idle = now - c->rested >= RESTED;
		c->account = *account;
	}
	a->met = c->up;
	put_on(c, a);
	hf_timer_disarm(timers, &c->idle);
	/* A plain one in use carries single large answers: left to their time-outs. */
	if (c->up && (c->was_idle || c->tls) && !hf_timer_armed(&c->watch))
		hf_timer_arm(timers, &c->watch, now + patience(c));
	/* The loop says when it can be written: errors then arrive in one place. */
	if (c->up || !c->tls)
		hf_stream_want_write(c->stream, true);
	return 0;
}

static int attach(struct hf_tcp_pool *pool, struct hf_tcp_attempt *a, const struct hf_address *peer,
	const struct hf_secure *secure, const struct hf_tcp_account *account)
{
	struct hf_tcp_connection *c = with_room(pool, peer, secure, account);
	a->joined = c != NULL;
	int rc = c ? 0 : open_connection(pool, peer, secure, account, &c);
	return rc ? rc : attach_to(c, a, account);
}

/* Nobody acknowledges: what waits goes to a fresh connection, and not to another that may
 * have been forgotten as well. What has moved before stays, and waits for its time-out. */
static void desert(struct hf_tcp_connection *c, hf_us now)
{
	struct hf_tcp_connection *fresh;
	struct hf_tcp_pool *pool = c->pool;
	bool first = true;
	c->stale = true;
	if (open_connection(pool, &c->peer, c->secure, &c->account, &fresh))
		return;
	for (struct hf_tcp_attempt *a = c->attempts, *next; a; a = next) {
		next = a->next;
		if (!may_move(pool, a))
			continue;
		unlink_attempt(a);
		a->moved = true;
		a->joined = a->met = false;
		if (attach_to(fresh, a, &c->account)) {
			put_on(c, a);
			continue;
		}
		pool->handler->moved(pool->ctx, a, first, now);
		first = false;
	}
	if (!c->waiting)
		connection_free(c);
}

static void watch(struct hf_timer *timer, hf_us now)
{
	struct hf_tcp_connection *c =
		(struct hf_tcp_connection *)((char *)timer -
					     offsetof(struct hf_tcp_connection, watch));
	hf_us unheard = hf_stream_unheard(c->stream), most = patience(c);
	if (!c->up)
		broken(c, -ETIMEDOUT, now);
	else if (!c->waiting || !unheard)
		return;
	else if (unheard >= most)
		desert(c, now);
	else
		hf_timer_arm(hf_loop_timers(c->pool->loop), timer, now + most - unheard);
}

int hf_tcp_send(struct hf_tcp_pool *pool, struct hf_tcp_attempt *attempt,
	const struct hf_address *peer, const struct hf_secure *secure,
	const struct hf_tcp_account *account, uint8_t *m, size_t len)
{
	static const struct hf_tcp_account nobody;
	attempt->message = malloc(len);
	if (!attempt->message)
		return -ENOMEM;
	memcpy(attempt->message, m, len);
	attempt->len = (uint16_t)len;
	attempt->moved = false;
	int rc = attach(pool, attempt, peer, secure, account ? account : &nobody);
	if (rc) {
		free(attempt->message);
		attempt->message = NULL;
	}
	return rc;
}

void hf_tcp_pool_bound(struct hf_tcp_pool *pool, unsigned connections)
{
	pool->most = connections ? connections : 1;
}

unsigned hf_tcp_in_use(const struct hf_tcp_pool *pool)
{
	return pool->in_use;
}

int hf_tcp_pool_new(struct hf_loop *loop, const struct hf_tcp_handler *handler, void *ctx,
	struct hf_tcp_pool **ret)
{
	struct hf_tcp_pool *pool = calloc(1, sizeof *pool);
	if (!pool)
		return -ENOMEM;
	pool->loop = loop;
	pool->handler = handler;
	pool->ctx = ctx;
	pool->most = HF_TCP_CONNECTIONS;
	int rc = hf_tls_tickets_new(&pool->tickets);
	if (rc)
		free(pool);
	else
		*ret = pool;
	return rc;
}

void hf_tcp_pool_free(struct hf_tcp_pool *pool)
{
	while (pool && pool->connections)
		connection_free(pool->connections);
	if (pool)
		hf_tls_tickets_free(pool->tickets);
	free(pool);
}
