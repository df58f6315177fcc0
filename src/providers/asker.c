/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "providers/asker.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"
#include "transport/tcp.h"
#include "transport/udp.h"
#include "wire/build.h"

#define TRIES 3              /* over UDP */
#define FIRST_WAIT HF_SECOND /* twice, then twice as long: four seconds in all */
#define STREAM_WAIT (4 * HF_SECOND)
#define GAP (HF_SECOND / HF_ASKER_RATE)

struct target { /* an address that is asked */
	struct target *next;
	struct hf_address address;
	unsigned under_way;
	hf_us free_at; /* when the next packet may leave */
};

struct ask {
	struct ask *next, **prev; /* in line, or under way */
	struct hf_asker *of;
	struct target *target;
	struct hf_asker_question q;
	struct hf_udp_attempt udp;
	struct hf_tcp_attempt tcp;
	struct hf_timer timer;
	hf_us began;
	unsigned tries;
	bool stream, garbled;
	bool standing; /* the timer is for its turn, not for an answer */
	uint16_t len;
	uint8_t sent[HF_QUERY_MAX];
};

struct hf_asker {
	struct hf_loop *loop;
	struct hf_udp_pool *udp;
	struct hf_tcp_pool *tcp;
	struct target *targets;
	struct ask *line, **line_end; /* oldest first */
	struct ask *out;              /* under way */
	struct hf_timer timer;        /* somebody in line may go */
	unsigned in_line, under_way;
};

static void go_on(struct hf_asker *asker, hf_us now);

/* ---- lists ---- */

static void take_off(struct ask *a)
{
	if (a->of->line_end == &a->next)
		a->of->line_end = a->prev;
	if (a->next)
		a->next->prev = a->prev;
	*a->prev = a->next;
}

static void put_out(struct ask *a)
{
	a->next = a->of->out;
	if (a->next)
		a->next->prev = &a->next;
	a->prev = &a->of->out;
	a->of->out = a;
}

static void put_in_line(struct ask *a)
{
	a->next = NULL;
	a->prev = a->of->line_end;
	*a->of->line_end = a;
	a->of->line_end = &a->next;
}

static struct target *target_of(struct hf_asker *asker, const struct hf_address *address)
{
	struct target *t = asker->targets;
	while (t && !hf_address_equal(&t->address, address))
		t = t->next;
	if (t)
		return t;
	t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->address = *address;
	t->next = asker->targets;
	asker->targets = t;
	return t;
}

/* ---- the end of one ---- */

static void forget(struct ask *a)
{
	hf_udp_forget(&a->udp);
	hf_tcp_forget(&a->tcp);
	hf_timer_disarm(hf_loop_timers(a->of->loop), &a->timer);
}

static void end(struct ask *a, struct hf_asker_said said, hf_us now)
{
	struct hf_asker *asker = a->of;
	const struct hf_asker_question q = a->q;
	forget(a);
	take_off(a);
	a->target->under_way--;
	asker->under_way--;
	said.took = now - a->began;
	said.stream = a->stream;
	free(a);
	/* What is heard may lead to further questions, but not to the asker's end. */
	q.heard(q.ctx, q.token, &said, now);
	hf_timer_arm(hf_loop_timers(asker->loop), &asker->timer, now);
}

static void fail(struct ask *a, enum hf_reach reach, hf_us now)
{
	end(a, (struct hf_asker_said){.reach = a->garbled ? HF_REACH_GARBLED : reach}, now);
}

static enum hf_reach reach_of(int error)
{
	switch (error) {
	case -ENETUNREACH:
	case -EADDRNOTAVAIL:
	case -EAFNOSUPPORT:
	case -EACCES:
	case -EPERM: return HF_REACH_NO_ROUTE;
	case -ETIMEDOUT: return HF_REACH_SILENT;
	default: return HF_REACH_CLOSED;
	}
}

/* ---- sending ---- */

static void send_ask(struct ask *a, hf_us now);

static void waited(struct hf_timer *timer, hf_us now)
{
	struct ask *a = (struct ask *)((char *)timer - offsetof(struct ask, timer));
	bool standing = a->standing;
	a->standing = false;
	hf_udp_forget(&a->udp);
	hf_tcp_forget(&a->tcp);
	if (!standing && (a->stream || a->tries >= TRIES))
		fail(a, HF_REACH_SILENT, now);
	else
		send_ask(a, now);
}

static void build(struct ask *a)
{
	const struct hf_ask ask = {.question = &a->q.question,
		.dnssec_ok = a->q.dnssec_ok,
		.edns = true,
		.edns_size = HF_EDNS_SIZE,
		.stream = false};
	a->len = (uint16_t)hf_build_query(a->sent, &ask);
}

static void send_ask(struct ask *a, hf_us now)
{
	struct hf_asker *asker = a->of;
	hf_us wait = a->stream ? STREAM_WAIT : FIRST_WAIT << a->tries / 2;
	int rc;
	/* A try that is due before the server may be sent more waits its turn. */
	if (a->target->free_at > now) {
		a->standing = true;
		hf_timer_arm(hf_loop_timers(asker->loop), &a->timer, a->target->free_at);
		return;
	}
	a->tries++;
	a->target->free_at = now + GAP;
	rc = a->stream
		     ? hf_tcp_send(asker->tcp, &a->tcp, &a->target->address, NULL, NULL,
				       a->sent, a->len)
		     : hf_udp_send(asker->udp, &a->udp, &a->target->address, a->sent, a->len);
	if (rc)
		fail(a, reach_of(rc), now);
	else
		hf_timer_arm(hf_loop_timers(asker->loop), &a->timer, now + wait);
}

/* ---- hearing ---- */

/* An answer to this question, or something else that came from the right place. */
static bool belongs(const struct ask *a, const uint8_t *m, size_t len, struct hf_message_view *view)
{
	return !hf_message_read(m, len, view) && view->flags & HF_FLAG_QR &&
	       (hf_message_echoes(m, view, a->sent + HF_HEADER_LEN, a->q.question.name.len + 4u) ||
		       (view->question_end == HF_HEADER_LEN && view->rcode == HF_RCODE_FORMERR));
}

static void replied(struct ask *a, const uint8_t *m, size_t len, bool cut, hf_us now)
{
	struct hf_message_view view;
	bool partial = cut || (len >= HF_HEADER_LEN && hf_message_flags(m) & HF_FLAG_TC);
	if (!a->stream && partial) { /* RFC 7766 5: over TCP, then */
		hf_udp_forget(&a->udp);
		a->stream = true;
		send_ask(a, now);
	} else if (!belongs(a, m, len, &view)) {
		a->garbled = true; /* the right one may still come */
	} else {
		end(a,
			(struct hf_asker_said){
				.reach = HF_REACH_ANSWERS, .m = m, .len = len, .view = &view},
			now);
	}
}

static void udp_replied(void *ctx, struct hf_udp_attempt *attempt, const uint8_t *m, size_t len,
	bool cut, hf_us now)
{
	(void)ctx;
	replied((struct ask *)((char *)attempt - offsetof(struct ask, udp)), m, len, cut, now);
}

static void udp_refused(void *ctx, struct hf_udp_attempt *attempt, int error, hf_us now)
{
	(void)ctx;
	fail((struct ask *)((char *)attempt - offsetof(struct ask, udp)), reach_of(error), now);
}

static void tcp_replied(
	void *ctx, struct hf_tcp_attempt *attempt, const uint8_t *m, size_t len, hf_us now)
{
	(void)ctx;
	replied((struct ask *)((char *)attempt - offsetof(struct ask, tcp)), m, len, false, now);
}

static void tcp_refused(
	void *ctx, struct hf_tcp_attempt *attempt, int error, const char *why, hf_us now)
{
	(void)ctx, (void)why;
	fail((struct ask *)((char *)attempt - offsetof(struct ask, tcp)), reach_of(error), now);
}

static void stray(void *ctx, const struct hf_address *peer)
{
	(void)ctx, (void)peer;
}

static void moved(void *ctx, struct hf_tcp_attempt *attempt, bool opened, hf_us now)
{
	(void)ctx, (void)attempt, (void)opened, (void)now;
}

static const struct hf_udp_handler over_udp = {
	.replied = udp_replied, .refused = udp_refused, .unsent = udp_refused, .stray = stray};
static const struct hf_tcp_handler over_tcp = {
	.replied = tcp_replied, .refused = tcp_refused, .moved = moved, .stray = stray};

/* ---- the line ---- */

static void begin(struct ask *a, hf_us now)
{
	take_off(a);
	put_out(a);
	a->of->in_line--;
	a->of->under_way++;
	a->target->under_way++;
	a->began = now;
	build(a);
	send_ask(a, now);
}

/* Whoever may go goes; for the others the timer is set to when the first may. */
static void go_on(struct hf_asker *asker, hf_us now)
{
	hf_us next = HF_NEVER;
	struct ask *after;
	for (struct ask *a = asker->line; a && asker->under_way < HF_ASKER_WINDOW; a = after) {
		after = a->next;
		if (a->target->under_way >= HF_ASKER_PER_SERVER)
			continue; /* the end of one of those looks again */
		if (a->target->free_at <= now) {
			begin(a, now);
			/* Who failed at once has been told, and the line may be another. */
			after = asker->line;
		} else if (a->target->free_at < next) {
			next = a->target->free_at;
		}
	}
	if (next != HF_NEVER)
		hf_timer_arm(hf_loop_timers(asker->loop), &asker->timer, next);
}

static void due(struct hf_timer *timer, hf_us now)
{
	go_on((struct hf_asker *)((char *)timer - offsetof(struct hf_asker, timer)), now);
}

int hf_asker_ask(struct hf_asker *asker, const struct hf_asker_question *question)
{
	if (asker->in_line >= HF_ASKER_MAX)
		return HF_EBOUND;
	struct ask *a = calloc(1, sizeof *a);
	if (a)
		a->target = target_of(asker, &question->to);
	if (!a || !a->target) {
		free(a);
		return -ENOMEM;
	}
	a->of = asker;
	a->q = *question;
	a->stream = question->stream;
	a->timer.fire = waited;
	put_in_line(a);
	asker->in_line++;
	hf_timer_arm(hf_loop_timers(asker->loop), &asker->timer, hf_loop_now(asker->loop));
	return 0;
}

int hf_asker_new(struct hf_loop *loop, struct hf_asker **ret)
{
	struct hf_asker *asker = calloc(1, sizeof *asker);
	int rc = asker ? 0 : -ENOMEM;
	if (rc)
		return rc;
	asker->loop = loop;
	asker->line_end = &asker->line;
	asker->timer.fire = due;
	rc = hf_udp_pool_new(loop, &over_udp, asker, &asker->udp);
	if (!rc)
		rc = hf_tcp_pool_new(loop, &over_tcp, asker, &asker->tcp);
	if (rc)
		hf_asker_free(asker);
	else
		*ret = asker;
	return rc;
}

static void drop_all(struct ask **list)
{
	while (*list) {
		struct ask *a = *list;
		forget(a);
		take_off(a);
		free(a);
	}
}

void hf_asker_free(struct hf_asker *asker)
{
	if (!asker)
		return;
	drop_all(&asker->out);
	drop_all(&asker->line);
	while (asker->targets) {
		struct target *t = asker->targets;
		asker->targets = t->next;
		free(t);
	}
	hf_timer_disarm(hf_loop_timers(asker->loop), &asker->timer);
	hf_udp_pool_free(asker->udp);
	hf_tcp_pool_free(asker->tcp);
	free(asker);
}

const char *hf_reach_text(enum hf_reach reach)
{
	static const char *const texts[] = {
		[HF_REACH_UNTRIED] = "was not asked",
		[HF_REACH_ANSWERS] = "answers",
		[HF_REACH_SILENT] = "does not answer",
		[HF_REACH_CLOSED] = "refuses connections",
		[HF_REACH_NO_ROUTE] = "cannot be reached from this host",
		[HF_REACH_GARBLED] = "answers with something that is no answer",
	};
	return texts[reach];
}
