/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/peer.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "base/hash.h"
#include "transport/frame.h"
#include "upstream/cookie.h"
#include "wire/build.h"

/* After a lie the truth follows so much later. */
#define TRUTH_AFTER (5 * HF_MS)

/* What waits for a reader of a stream; larger than any reply. */
#define OUT_LIMIT (1u << 20)

/* The address in every lie (TEST-NET-3): no scenario may answer with it. */
static const uint8_t poison[4] = { 203, 0, 113, 66 };

#define MNAME "\2ns\5drill"

struct connection {
	struct connection *next, **prev;
	struct hf_peer *peer;
	struct hf_stream *stream;
	uint64_t number;
	struct hf_frame_in in;
	struct hf_frame_out out;
};

struct delayed {
	struct hf_timer timer;
	struct delayed *next, **prev;
	struct hf_peer *peer;
	struct hf_address to;
	uint64_t connection; /* 0: by UDP */
	bool honest;
	size_t len;
	uint8_t bytes[];
};

struct hf_peer {
	struct hf_sim *sim;
	char host[80];
	unsigned index;
	struct hf_loop *loop;
	struct hf_endpoint *endpoint, *elsewhere; /* another port, for forgeries */
	struct hf_stream_door *door;
	struct hf_peer_watch watch;
	const struct hf_manner *manner;
	int64_t number;
	uint64_t secret; /* that its cookies are made with */
	uint32_t negative_ttl;
	struct hf_peer_record *records;
	size_t count, cap;
	struct connection *connections;
	uint64_t connected;
	struct delayed *waiting;
	uint8_t out[HF_MESSAGE_MAX];
};

struct hf_heard { /* a question */
	const uint8_t *m;
	struct hf_query_view view;
	struct hf_address from;
	uint64_t connection; /* 0: by UDP */
};

/* ---- saying ---- */

static void say_now(struct hf_peer *peer, const struct hf_address *to, uint64_t number,
	struct hf_endpoint *from, const uint8_t *m, size_t len, bool honest)
{
	struct connection *c = peer->connections;
	if (honest)
		peer->watch.said(peer->watch.ctx, peer->index, number != 0, m, len);
	if (!number) {
		const struct hf_datagram d = { .bytes = (uint8_t *)(uintptr_t)m, .len = len, .peer = *to };
		hf_endpoint_send(from, &d, 1, NULL);
		return;
	}
	while (c && c->number != number)
		c = c->next;
	if (!c || hf_frame_put(&c->out, m, len, OUT_LIMIT))
		return;
	hf_stream_want_write(c->stream, hf_frame_flush(&c->out, c->stream) == 0);
}

static void drop_delayed(struct delayed *d)
{
	hf_timer_disarm(hf_loop_timers(d->peer->loop), &d->timer);
	*d->prev = d->next;
	if (d->next)
		d->next->prev = d->prev;
	free(d);
}

static void say_delayed(struct hf_timer *timer, hf_us now)
{
	struct delayed *d = (struct delayed *)((char *)timer - offsetof(struct delayed, timer));
	(void)now;
	say_now(d->peer, &d->to, d->connection, d->peer->endpoint, d->bytes, d->len, d->honest);
	drop_delayed(d);
}

static void say(struct hf_peer *peer, const struct hf_heard *heard, size_t len, bool honest, hf_us after)
{
	if (!after) {
		say_now(peer, &heard->from, heard->connection, peer->endpoint, peer->out, len, honest);
		return;
	}
	struct delayed *d = calloc(1, sizeof *d + len);
	hf_require(d);
	d->peer = peer;
	d->to = heard->from;
	d->connection = heard->connection;
	d->honest = honest;
	d->len = len;
	memcpy(d->bytes, peer->out, len);
	d->next = peer->waiting;
	d->prev = &peer->waiting;
	if (d->next)
		d->next->prev = &d->next;
	peer->waiting = d;
	d->timer.fire = say_delayed;
	hf_timer_arm(hf_loop_timers(peer->loop), &d->timer, hf_loop_now(peer->loop) + after);
}

/* ---- writing a reply ---- */

struct reply {
	const struct hf_heard *heard;
	struct hf_writer w;
	unsigned rcode, flags;
	uint16_t answers, authorities;
	uint8_t cookie[HF_COOKIE_MAX];
	uint8_t cookie_len; /* 0: none */
};

/* The asker's cookie and eight octets of the peer's own; or the asker's as it stands. */
static void add_cookie(const struct hf_peer *peer, const struct hf_heard *heard, struct reply *r)
{
	static const struct hf_hash_key key = {0x636f6f6b, 0x69657300};
	const struct hf_edns *edns = &heard->view.edns;
	const size_t ours = HF_COOKIE_CLIENT;
	r->cookie_len = 0;
	if (!peer->manner->cookies || edns->cookie_len < ours || edns->cookie_len > HF_COOKIE_MAX)
		return;
	memcpy(r->cookie, heard->m + edns->cookie_at, edns->cookie_len);
	r->cookie_len = (uint8_t)edns->cookie_len;
	if (peer->manner->cookies == HF_PEER_ECHOES)
		return;
	const uint64_t own = hf_hash(&key, peer->secret, r->cookie, ours);
	memcpy(r->cookie + ours, &own, sizeof own);
	r->cookie_len = (uint8_t)(ours + sizeof own);
}

static void begin(struct hf_peer *peer, const struct hf_heard *heard, struct reply *r)
{
	*r = (struct reply){ .heard = heard, .w = hf_writer(peer->out, sizeof peer->out) };
	uint8_t *head = hf_write_room(&r->w, HF_HEADER_LEN);
	memset(head, 0, HF_HEADER_LEN);
	hf_write(&r->w, heard->m + HF_HEADER_LEN, heard->view.question_len);
	add_cookie(peer, heard, r);
}

static void put_head(const struct reply *r, uint16_t additionals)
{
	const struct hf_query_view *v = &r->heard->view;
	uint8_t *head = r->w.bytes;
	hf_put_u16(head, v->id);
	hf_put_u16(head + 2, (uint16_t)(HF_FLAG_QR | HF_FLAG_RA | r->flags | (r->rcode & HF_FLAG_RCODE) |
			(v->flags & (HF_FLAG_RD | HF_FLAG_CD))));
	hf_put_u16(head + 4, 1);
	hf_put_u16(head + 6, r->answers);
	hf_put_u16(head + 8, r->authorities);
	hf_put_u16(head + 10, additionals);
}

static void put_record(struct reply *r, const struct hf_name *owner, uint16_t type, uint32_t ttl,
	const void *rdata, uint16_t len)
{
	const struct hf_name *asked = &r->heard->view.question.name;
	if (owner->len == asked->len && memcmp(owner->bytes, asked->bytes, asked->len) == 0)
		hf_write(&r->w, "\xc0\x0c", 2);
	else
		hf_write(&r->w, owner->bytes, owner->len);
	hf_write_u16(&r->w, type);
	hf_write_u16(&r->w, HF_CLASS_IN);
	hf_write_u32(&r->w, ttl);
	hf_write_u16(&r->w, len);
	hf_write(&r->w, rdata, len);
}

/* OPT and head; what does not fit the asker is cut to TC. Returns the length. */
static size_t finish(struct reply *r)
{
	const struct hf_query_view *v = &r->heard->view;
	size_t limit = r->heard->connection ? HF_MESSAGE_MAX : hf_reply_limit_udp(&v->edns, HF_MESSAGE_MAX);
	size_t options = r->cookie_len ? 4 + (size_t)r->cookie_len : 0;
	size_t opt = v->edns.present ? HF_OPT_LEN + options : 0;
	if (r->w.overrun || r->w.len + opt > limit) {
		r->w.overrun = false;
		r->w.len = HF_HEADER_LEN + (size_t)v->question_len;
		r->answers = r->authorities = 0;
		r->flags |= HF_FLAG_TC;
	}
	if (opt) {
		hf_write_u8(&r->w, 0);
		hf_write_u16(&r->w, HF_TYPE_OPT);
		hf_write_u16(&r->w, 4096);
		hf_write_u8(&r->w, (uint8_t)(r->rcode >> 4));
		hf_write_u8(&r->w, 0);
		hf_write_u16(&r->w, v->edns.dnssec_ok ? HF_EDNS_DO : 0);
		hf_write_u16(&r->w, (uint16_t)options);
	}
	if (opt && options) {
		hf_write_u16(&r->w, HF_EDNS_COOKIE);
		hf_write_u16(&r->w, r->cookie_len);
		hf_write(&r->w, r->cookie, r->cookie_len);
	}
	put_head(r, opt != 0);
	return r->w.len;
}

/* ---- what is known ---- */

static bool is_at(const struct hf_peer_record *record, const struct hf_name *name)
{
	return record->owner.len == name->len &&
	       memcmp(record->owner.bytes, name->bytes, name->len) == 0;
}

/* At the name or below it. */
static bool exists(const struct hf_peer *peer, const struct hf_name *name)
{
	for (size_t i = 0; i < peer->count; i++)
		if (hf_name_within(peer->records[i].owner.bytes, peer->records[i].owner.len,
			    name->bytes, name->len))
			return true;
	return false;
}

static struct hf_name above(const struct hf_name *name)
{
	struct hf_name parent = { .len = (uint8_t)(name->len - name->bytes[0] - 1) };
	memcpy(parent.bytes, name->bytes + 1 + name->bytes[0], parent.len);
	return parent;
}

/* Where the records for a name stand: there, or at the wildcard that covers it
 * (RFC 4592: below its closest encloser). False: the name does not exist. */
static bool find_source(const struct hf_peer *peer, const struct hf_name *name, struct hf_name *ret)
{
	struct hf_name encloser = *name;
	*ret = *name;
	if (exists(peer, name))
		return true;
	do
		encloser = above(&encloser);
	while (encloser.len > 1 && !exists(peer, &encloser));
	if (encloser.len + 2 > HF_NAME_MAX)
		return false;
	ret->len = (uint8_t)(encloser.len + 2);
	ret->bytes[0] = 1;
	ret->bytes[1] = '*';
	memcpy(ret->bytes + 2, encloser.bytes, encloser.len);
	return exists(peer, ret);
}

static bool put_all(const struct hf_peer *peer, const struct hf_name *source, uint16_t type,
	const struct hf_name *owner, struct reply *r, struct hf_name *ret_target)
{
	bool any = false;
	for (size_t i = 0; i < peer->count; i++) {
		const struct hf_peer_record *record = &peer->records[i];
		if (record->type != type || !is_at(record, source))
			continue;
		put_record(r, owner, type, record->ttl, record->rdata, record->rdata_len);
		r->answers++;
		any = true;
		if (ret_target && record->rdata_len <= HF_NAME_MAX) {
			ret_target->len = (uint8_t)record->rdata_len;
			memcpy(ret_target->bytes, record->rdata, record->rdata_len);
			hf_name_lower(ret_target->bytes, ret_target->len);
		}
	}
	return any;
}

/* The zone's own with its TTL as it stands: not every server lowers it to the
 * MINIMUM (RFC 2308 section 3), and who caches must. */
static void put_soa(const struct hf_peer *peer, struct reply *r, const struct hf_name *name)
{
	struct hf_name zone = *name;
	uint8_t made[sizeof MNAME + 1 + 20] = MNAME;
	for (; zone.len; zone = above(&zone)) {
		for (size_t i = 0; i < peer->count; i++) {
			const struct hf_peer_record *record = &peer->records[i];
			if (record->type != HF_TYPE_SOA || !is_at(record, &zone))
				continue;
			put_record(r, &zone, HF_TYPE_SOA, record->ttl, record->rdata, record->rdata_len);
			r->authorities++;
			return;
		}
		if (zone.len == 1)
			break;
	}
	hf_put_u32(made + sizeof made - 4, peer->negative_ttl);
	put_record(r, &zone, HF_TYPE_SOA, peer->negative_ttl, made, sizeof made);
	r->authorities++;
}

static size_t write_honest(struct hf_peer *peer, const struct hf_heard *heard)
{
	struct hf_name name = heard->view.question.name, source, target = { .len = 0 };
	uint16_t type = heard->view.question.type;
	struct reply r;
	begin(peer, heard, &r);
	for (int hops = 0; hops < HF_PEER_CHAIN_MAX; hops++) {
		if (!find_source(peer, &name, &source)) {
			r.rcode = HF_RCODE_NXDOMAIN;
			put_soa(peer, &r, &name);
			break;
		}
		if (put_all(peer, &source, type, &name, &r, NULL))
			break;
		if (!put_all(peer, &source, HF_TYPE_CNAME, &name, &r, &target)) {
			put_soa(peer, &r, &name);
			break;
		}
		name = target;
	}
	return finish(&r);
}

/* ---- manners ---- */

static void answer(struct hf_peer *peer, const struct hf_heard *heard)
{
	say(peer, heard, write_honest(peer, heard), true, 0);
}

static void keep_silent(struct hf_peer *peer, const struct hf_heard *heard)
{
	(void)peer;
	(void)heard;
}

static void say_rcode(struct hf_peer *peer, const struct hf_heard *heard, unsigned rcode)
{
	struct reply r;
	begin(peer, heard, &r);
	r.rcode = rcode;
	say(peer, heard, finish(&r), false, 0);
}

static void say_servfail(struct hf_peer *peer, const struct hf_heard *heard)
{
	say_rcode(peer, heard, HF_RCODE_SERVFAIL);
}

static void say_refused(struct hf_peer *peer, const struct hf_heard *heard)
{
	say_rcode(peer, heard, HF_RCODE_REFUSED);
}

static void say_notimp(struct hf_peer *peer, const struct hf_heard *heard)
{
	say_rcode(peer, heard, HF_RCODE_NOTIMP);
}

/* A server from before EDNS: what it does not know, it calls malformed, and its
 * reply has no OPT. */
static void say_formerr_on_edns(struct hf_peer *peer, const struct hf_heard *heard)
{
	struct hf_heard old = *heard;
	if (!heard->view.edns.present) {
		answer(peer, heard);
		return;
	}
	old.view.edns.present = false;
	say_rcode(peer, &old, HF_RCODE_FORMERR);
}

static void drop_edns(struct hf_peer *peer, const struct hf_heard *heard)
{
	if (!heard->view.edns.present)
		answer(peer, heard);
}

/* A record that ends before it begins. */
static void say_garbage(struct hf_peer *peer, const struct hf_heard *heard)
{
	struct reply r;
	begin(peer, heard, &r);
	size_t len = finish(&r);
	hf_put_u16(peer->out + 6, 9);
	say(peer, heard, len, false, 0);
}

static void truncate(struct hf_peer *peer, const struct hf_heard *heard)
{
	struct reply r;
	if (heard->connection) {
		answer(peer, heard);
		return;
	}
	begin(peer, heard, &r);
	r.flags = HF_FLAG_TC;
	say(peer, heard, finish(&r), false, 0);
}

static void refer(struct hf_peer *peer, const struct hf_heard *heard)
{
	struct reply r;
	const struct hf_name root = { .len = 1 };
	begin(peer, heard, &r);
	put_record(&r, &root, HF_TYPE_NS, 3600, MNAME, sizeof MNAME);
	r.authorities++;
	say(peer, heard, finish(&r), false, 0);
}

static void be_late(struct hf_peer *peer, const struct hf_heard *heard)
{
	say(peer, heard, write_honest(peer, heard), true, peer->number);
}

static void repeat(struct hf_peer *peer, const struct hf_heard *heard)
{
	size_t len = write_honest(peer, heard);
	say(peer, heard, len, true, 0);
	say(peer, heard, len, true, 0);
	say(peer, heard, len, true, TRUTH_AFTER);
}

/* Half of the time there, half of it away. */
static void flap(struct hf_peer *peer, const struct hf_heard *heard)
{
	hf_us half = peer->number / 2;
	if (!half || hf_loop_now(peer->loop) / half % 2 == 0)
		answer(peer, heard);
}

static void be_deaf_on_tcp(struct hf_peer *peer, const struct hf_heard *heard)
{
	if (!heard->connection)
		answer(peer, heard);
}

/* A firewall: datagrams pass, and connections are reset. */
static void refuse_tcp(struct hf_peer *peer, const struct hf_heard *heard)
{
	if (!heard->connection)
		answer(peer, heard);
}

/* ---- lies: first a false answer, then the true one ---- */

static size_t write_lie(struct hf_peer *peer, const struct hf_heard *heard)
{
	struct reply r;
	begin(peer, heard, &r);
	if (heard->view.question.type == HF_TYPE_A) {
		put_record(&r, &heard->view.question.name, HF_TYPE_A, 86400, poison, sizeof poison);
		r.answers++;
	} else {
		r.rcode = HF_RCODE_NXDOMAIN;
	}
	return finish(&r);
}

static void tell_truth(struct hf_peer *peer, const struct hf_heard *heard)
{
	say(peer, heard, write_honest(peer, heard), true, TRUTH_AFTER);
}

/* Over TCP nobody can forge; there it is honest. */
static bool is_honest_here(struct hf_peer *peer, const struct hf_heard *heard)
{
	if (!heard->connection)
		return false;
	answer(peer, heard);
	return true;
}

static void lie_about_id(struct hf_peer *peer, const struct hf_heard *heard)
{
	if (is_honest_here(peer, heard))
		return;
	size_t len = write_lie(peer, heard);
	hf_put_u16(peer->out, (uint16_t)(heard->view.id + 1));
	say(peer, heard, len, false, 0);
	tell_truth(peer, heard);
}

/* The case of every letter turned: whoever does not see the question guesses. */
static void lie_about_case(struct hf_peer *peer, const struct hf_heard *heard)
{
	if (is_honest_here(peer, heard))
		return;
	size_t len = write_lie(peer, heard);
	for (size_t i = HF_HEADER_LEN; i < HF_HEADER_LEN + (size_t)heard->view.question.name.len; i++)
		if ((peer->out[i] | 0x20) >= 'a' && (peer->out[i] | 0x20) <= 'z')
			peer->out[i] ^= 0x20;
	say(peer, heard, len, false, 0);
	tell_truth(peer, heard);
}

static void lie_about_question(struct hf_peer *peer, const struct hf_heard *heard)
{
	if (is_honest_here(peer, heard))
		return;
	size_t len = write_lie(peer, heard);
	if (heard->view.question.name.len > 1)
		peer->out[HF_HEADER_LEN + 1] ^= 1;
	say(peer, heard, len, false, 0);
	tell_truth(peer, heard);
}

/* All is right but for the port that it comes from. */
static void lie_from_elsewhere(struct hf_peer *peer, const struct hf_heard *heard)
{
	if (is_honest_here(peer, heard))
		return;
	size_t len = write_lie(peer, heard);
	say_now(peer, &heard->from, 0, peer->elsewhere, peer->out, len, false);
	tell_truth(peer, heard);
}

/* Whoever does not see the question has no cookie. */
static void lie_about_cookie(struct hf_peer *peer, const struct hf_heard *heard)
{
	struct hf_heard unseen = *heard;
	if (is_honest_here(peer, heard))
		return;
	unseen.view.edns.cookie_len = 0;
	say(peer, heard, write_lie(peer, &unseen), false, 0);
	tell_truth(peer, heard);
}

/* ---- cookies ---- */

/* Whoever does not bring back what it was given may be somebody else (RFC 7873 5.2.3). */
static void demand_cookie(struct hf_peer *peer, const struct hf_heard *heard)
{
	const struct hf_edns *edns = &heard->view.edns;
	struct reply r;
	begin(peer, heard, &r);
	bool good = r.cookie_len && edns->cookie_len == r.cookie_len &&
		    memcmp(heard->m + edns->cookie_at, r.cookie, r.cookie_len) == 0;
	if (heard->connection || !r.cookie_len || good) {
		answer(peer, heard);
		return;
	}
	r.rcode = HF_RCODE_BADCOOKIE;
	say(peer, heard, finish(&r), false, 0);
}

/* ---- lies of its own: nothing on the wire gives them away ---- */

/* So many of its answers about addresses, in millionths, are somebody else's. */
static void forge(struct hf_peer *peer, const struct hf_heard *heard)
{
	bool lies = heard->view.question.type == HF_TYPE_A &&
		    (int64_t)hf_sim_roll(peer->sim, 1000000) < peer->number;
	if (lies)
		say(peer, heard, write_lie(peer, heard), false, 0);
	else
		answer(peer, heard);
}

/* What does not exist gets an address, as where advertisements live by typing errors. */
static void rewrite_nxdomain(struct hf_peer *peer, const struct hf_heard *heard)
{
	size_t len = write_honest(peer, heard);
	bool denied = (peer->out[3] & HF_FLAG_RCODE) == HF_RCODE_NXDOMAIN;
	if (denied && heard->view.question.type == HF_TYPE_A)
		say(peer, heard, write_lie(peer, heard), false, 0);
	else
		say(peer, heard, len, true, 0);
}

/* Whatever it is asked for does not exist, or has nothing of the type. */
static void say_denial(struct hf_peer *peer, const struct hf_heard *heard, unsigned rcode)
{
	const struct hf_name root = { .len = 1 };
	uint8_t soa[sizeof MNAME + 1 + 20] = MNAME;
	struct reply r;
	begin(peer, heard, &r);
	r.rcode = rcode;
	hf_put_u32(soa + sizeof soa - 4, peer->negative_ttl);
	put_record(&r, &root, HF_TYPE_SOA, peer->negative_ttl, soa, sizeof soa);
	r.authorities++;
	say(peer, heard, finish(&r), false, 0);
}

static void deny(struct hf_peer *peer, const struct hf_heard *heard)
{
	say_denial(peer, heard, HF_RCODE_NXDOMAIN);
}

static void empty(struct hf_peer *peer, const struct hf_heard *heard)
{
	say_denial(peer, heard, HF_RCODE_NOERROR);
}

/* Not even a SOA: a negative answer of a kind that RFC 2308 2.2 knows, too. */
static void say_nothing_at_all(struct hf_peer *peer, const struct hf_heard *heard)
{
	say_rcode(peer, heard, HF_RCODE_NOERROR);
}

const struct hf_manner hf_manners[] = {
	{ "answers", HF_TAKES_NOTHING, HF_SIM_UP, answer },
	{ "silent", HF_TAKES_NOTHING, HF_SIM_UP, keep_silent },
	{ "dark", HF_TAKES_NOTHING, HF_SIM_DOWN, keep_silent },
	{ "refuses", HF_TAKES_NOTHING, HF_SIM_DEAD, keep_silent },
	{ "servfail", HF_TAKES_NOTHING, HF_SIM_UP, say_servfail },
	{ "refused", HF_TAKES_NOTHING, HF_SIM_UP, say_refused },
	{ "notimp", HF_TAKES_NOTHING, HF_SIM_UP, say_notimp },
	{ "formerr-on-edns", HF_TAKES_NOTHING, HF_SIM_UP, say_formerr_on_edns },
	{ "drops-edns", HF_TAKES_NOTHING, HF_SIM_UP, drop_edns },
	{ "garbage", HF_TAKES_NOTHING, HF_SIM_UP, say_garbage },
	{ "truncates", HF_TAKES_NOTHING, HF_SIM_UP, truncate },
	{ "lame", HF_TAKES_NOTHING, HF_SIM_UP, refer },
	{ "late", HF_TAKES_DURATION, HF_SIM_UP, be_late },
	{ "repeats", HF_TAKES_NOTHING, HF_SIM_UP, repeat },
	{ "flaps", HF_TAKES_DURATION, HF_SIM_UP, flap },
	{ "deaf-on-tcp", HF_TAKES_NOTHING, HF_SIM_UP, be_deaf_on_tcp },
	{ "refuses-tcp", HF_TAKES_NOTHING, HF_SIM_UP, refuse_tcp },
	{ "lies-id", HF_TAKES_NOTHING, HF_SIM_UP, lie_about_id },
	{ "lies-case", HF_TAKES_NOTHING, HF_SIM_UP, lie_about_case },
	{ "lies-question", HF_TAKES_NOTHING, HF_SIM_UP, lie_about_question },
	{ "lies-address", HF_TAKES_NOTHING, HF_SIM_UP, lie_from_elsewhere },
	{ "forges", HF_TAKES_PERCENT, HF_SIM_UP, forge },
	{ "rewrites-nxdomain", HF_TAKES_NOTHING, HF_SIM_UP, rewrite_nxdomain },
	{ "denies", HF_TAKES_NOTHING, HF_SIM_UP, deny },
	{ "empties", HF_TAKES_NOTHING, HF_SIM_UP, empty },
	{ "hollow", HF_TAKES_NOTHING, HF_SIM_UP, say_nothing_at_all },
	{ "cookies", HF_TAKES_NOTHING, HF_SIM_UP, answer, HF_PEER_GIVES },
	{ "demands-cookies", HF_TAKES_NOTHING, HF_SIM_UP, demand_cookie, HF_PEER_GIVES },
	{ "echoes-cookies", HF_TAKES_NOTHING, HF_SIM_UP, answer, HF_PEER_ECHOES },
	{ "lies-cookie", HF_TAKES_NOTHING, HF_SIM_UP, lie_about_cookie, HF_PEER_GIVES },
	{ NULL, HF_TAKES_NOTHING, HF_SIM_UP, NULL, HF_PEER_NO_COOKIES },
};

/* ---- hearing ---- */

static void hear(struct hf_peer *peer, const uint8_t *m, size_t len, const struct hf_address *from,
	uint64_t connection)
{
	struct hf_heard heard = { .m = m, .from = *from, .connection = connection };
	if (hf_query_read(m, len, &heard.view) != HF_QUERY_GOOD)
		return;
	if (connection)
		peer->watch.asked_by_stream(peer->watch.ctx, peer->index, &heard.view.question);
	peer->manner->reply(peer, &heard);
}

static void received(void *ctx, struct hf_endpoint *endpoint, struct hf_datagram *batch, size_t n,
	hf_us now)
{
	struct hf_peer *peer = ctx;
	(void)now;
	for (size_t i = 0; endpoint == peer->endpoint && i < n; i++)
		hear(peer, batch[i].bytes, batch[i].len, &batch[i].peer, 0);
}

static const struct hf_endpoint_handler endpoint_handler = { received, NULL };

static void close_connection(struct connection *c)
{
	hf_stream_close(c->stream);
	hf_frame_in_clear(&c->in);
	hf_frame_out_clear(&c->out);
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	free(c);
}

static void ready(void *ctx, struct hf_stream *stream, unsigned what, hf_us now)
{
	struct connection *c = ctx;
	struct hf_address from = hf_stream_peer(stream);
	const uint8_t *m;
	size_t len;
	(void)now;
	if (what & HF_STREAM_WRITABLE)
		hf_stream_want_write(stream, hf_frame_flush(&c->out, stream) == 0);
	if (!(what & HF_STREAM_READABLE))
		return;
	int rc = hf_frame_fill(&c->in, stream);
	if (rc == -EAGAIN)
		return;
	if (rc <= 0) {
		close_connection(c);
		return;
	}
	while (hf_frame_next(&c->in, &m, &len))
		hear(c->peer, m, len, &from, c->number);
}

static const struct hf_stream_handler stream_handler = { ready };

static void accepted(void *ctx, struct hf_stream_door *door, struct hf_stream *stream, hf_us now)
{
	struct hf_peer *peer = ctx;
	(void)door;
	(void)now;
	if (peer->manner->reply == refuse_tcp) {
		hf_stream_close(stream);
		return;
	}
	struct connection *c = calloc(1, sizeof *c);
	hf_require(c);
	c->peer = peer;
	c->stream = stream;
	c->number = ++peer->connected;
	c->next = peer->connections;
	c->prev = &peer->connections;
	if (c->next)
		c->next->prev = &c->next;
	peer->connections = c;
	hf_stream_handle(stream, &stream_handler, c);
}

static const struct hf_door_handler door_handler = { accepted };

/* ---- life ---- */

void hf_peer_behave(struct hf_peer *peer, const struct hf_manner *manner, int64_t number)
{
	peer->manner = manner;
	peer->number = number;
	peer->secret++; /* as if it had been started anew */
	hf_sim_host(peer->sim, peer->host, manner->host);
	/* A process that has died says nothing of what it was about to say. */
	while (manner->host == HF_SIM_DEAD && peer->waiting)
		drop_delayed(peer->waiting);
}

void hf_peer_negative_ttl(struct hf_peer *peer, uint32_t ttl)
{
	peer->negative_ttl = ttl;
}

static void drop_records(struct hf_peer *peer, const struct hf_name *name, int type)
{
	size_t kept = 0;
	for (size_t i = 0; i < peer->count; i++) {
		const struct hf_peer_record *record = &peer->records[i];
		if (!is_at(record, name) || (type >= 0 && record->type != type))
			peer->records[kept++] = *record;
	}
	peer->count = kept;
}

void hf_peer_forget(struct hf_peer *peer, const struct hf_name *name)
{
	drop_records(peer, name, -1);
}

int hf_peer_learn(struct hf_peer *peer, const struct hf_peer_data *data, bool replace)
{
	for (size_t i = 0; replace && i < data->count; i++)
		drop_records(peer, &data->items[i].owner, data->items[i].type);
	if (peer->count + data->count > peer->cap) {
		size_t cap = 2 * (peer->count + data->count);
		struct hf_peer_record *records = realloc(peer->records, cap * sizeof *records);
		if (!records)
			return -ENOMEM;
		peer->records = records;
		peer->cap = cap;
	}
	if (data->count)
		memcpy(peer->records + peer->count, data->items, data->count * sizeof *data->items);
	peer->count += data->count;
	return 0;
}

static int open_all(struct hf_peer *peer, const struct hf_address *address)
{
	struct hf_bind bind = { .address = *address, .fd = -1 };
	int rc = hf_sim_loop_new(peer->sim, peer->host, &peer->loop);
	if (rc)
		return rc;
	hf_sim_address(peer->sim, peer->host, address);
	rc = hf_endpoint_open(peer->loop, &bind, &endpoint_handler, peer, &peer->endpoint);
	if (!rc)
		rc = hf_door_open(peer->loop, &bind, &door_handler, peer, &peer->door);
	bind.address.port = 5353;
	if (!rc)
		rc = hf_endpoint_open(peer->loop, &bind, &endpoint_handler, peer, &peer->elsewhere);
	return rc;
}

int hf_peer_new(struct hf_sim *sim, const char *host, unsigned index, const struct hf_address *address,
	const struct hf_peer_watch *watch, struct hf_peer **ret)
{
	struct hf_peer *peer = calloc(1, sizeof *peer);
	if (!peer)
		return -ENOMEM;
	peer->sim = sim;
	snprintf(peer->host, sizeof peer->host, "%s", host);
	peer->index = index;
	peer->watch = *watch;
	peer->manner = &hf_manners[0];
	peer->negative_ttl = 60;
	int rc = open_all(peer, address);
	if (rc) {
		hf_peer_free(peer);
		return rc;
	}
	*ret = peer;
	return 0;
}

void hf_peer_free(struct hf_peer *peer)
{
	if (!peer)
		return;
	while (peer->waiting)
		drop_delayed(peer->waiting);
	while (peer->connections)
		close_connection(peer->connections);
	if (peer->loop)
		hf_loop_free(peer->loop);
	free(peer->records);
	free(peer);
}
