/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The program itself, run by the kernel on packets from here: on no interface. What it
 * answers is held against wire/ and cache/, octet for octet, and what it does not answer
 * must come out as it went in. In the environment: XDP_RUNS, packets to make up; HOLDFAST_SEED,
 * what they are made up from, which is said with what fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <pthread.h>
#include <sched.h>

#include "base/check.h"
#include "base/error.h"
#include "base/number.h"
#include "cache/cache.h"
#include "loop/loop_epoll.h"
#include "wire/sample.h"
#include "xdp/inside.h"
#include "xdp/xdp.h"

#define PLAN 3
#define RUNS 200000
#define LARGEST 2048
#define EDNS_SIZE 1232
#define PORT 53
#define VLAN 5
#define LOOPBACK 1 /* the interface that test runs come from */

enum { ABORTED, DROP, PASS, TX };

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1}, their_mac[6] = {2, 0, 0, 0, 0, 2};
static const uint8_t our4[4] = {10, 77, 0, 1}, their4[4] = {10, 77, 0, 2};
static const uint8_t our6[16] = {0xfd, 0x77, [15] = 1}, their6[16] = {0xfd, 0x77, [15] = 2};

struct bench {
	struct hf_xdp *xdp;
	struct hf_cache *cache;
	uint64_t dice;
	uint32_t sample; /* as it was loaded with; the other tests go without */
	struct hf_question questions[32];
	uint8_t flags[32];
	size_t question_count;
};

static uint64_t seed;

/* A number of the environment's, or what is there without it. */
static uint64_t told(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	if (text)
		hf_parse_u64(text, strlen(text), UINT64_MAX, &otherwise);
	return otherwise;
}

static uint32_t roll(struct bench *b, uint32_t sides)
{
	b->dice ^= b->dice << 13;
	b->dice ^= b->dice >> 7;
	b->dice ^= b->dice << 17;
	return (uint32_t)((b->dice >> 16) % sides);
}

/* ---- answers ---- */

static void learn(struct bench *b, const char *name, uint16_t type, uint8_t flags,
	const struct hf_sample *sample, uint32_t ttl, hf_us age)
{
	static uint8_t wire[HF_MESSAGE_MAX], out[HF_MESSAGE_MAX];
	static uint16_t ttl_at[HF_RECORDS_MAX], out_ttl_at[HF_RECORDS_MAX];
	struct hf_kept kept = {.wire = wire, .ttl_at = ttl_at};
	struct hf_cached copy = {.kept = {.wire = out, .ttl_at = out_ttl_at},
		.wire_cap = sizeof out,
		.ttl_cap = HF_RECORDS_MAX};
	struct hf_message_view view;
	struct hf_question *q = &b->questions[b->question_count];
	hf_us now = hf_clock_now();
	*q = (struct hf_question){.type = type, .class = HF_CLASS_IN};
	assert_int_equal(hf_name_from_text(name, strlen(name), &q->name), 0);
	b->flags[b->question_count++] = flags;
	assert_int_equal(hf_message_read(sample->bytes, sample->w.len, &view), 0);
	assert_int_equal(hf_keep(sample->bytes, &view, 86400, &kept), 0);
	kept.ttl = ttl;
	struct hf_cache_key key = hf_cache_key(b->cache, 0, q, flags);
	assert_int_equal(hf_cache_store(b->cache, &key, now - age, &kept), 0);
	hf_cache_lookup(b->cache, &key, now, &copy);
	assert_true(hf_xdp_publish(&b->xdp->table, &key, &copy, PLAN, now));
}

/* Records with data of some octets and some TTLs; the answer may be a denial. */
static void learn_records(struct bench *b, const char *name, uint16_t type, uint8_t flags,
	unsigned records, unsigned octets, unsigned rcode, hf_us age)
{
	static struct hf_sample s;
	static uint8_t data[512];
	struct hf_name n;
	hf_name_from_text(name, strlen(name), &n);
	hf_sample_begin(
		&s, (uint16_t)(HF_FLAG_QR | HF_FLAG_RD | HF_FLAG_RA | rcode), n.bytes, n.len, type);
	for (unsigned i = 0; i < records; i++) {
		enum hf_sample_section section = rcode ? HF_SAMPLE_AUTHORITY : HF_SAMPLE_ANSWER;
		memset(data, (int)(0x31 + i), sizeof data);
		if (i && i + 1 == records)
			section = HF_SAMPLE_ADDITIONAL;
		hf_sample_record(&s, section, HF_RAW("\xc0\x0c"), 65280, 60 + 100000 * i, data,
			octets + i % 2);
	}
	learn(b, name, type, flags, &s, 60, age);
}

static void learn_all(struct bench *b)
{
	learn_records(b, "www.shop.example", HF_TYPE_A, 0, 1, 4, 0, 0);
	learn_records(b, "www.shop.example", HF_TYPE_A, HF_CACHE_DO, 3, 33, 0, 7 * HF_SECOND);
	learn_records(b, "www.shop.example", HF_TYPE_A, HF_CACHE_CD, 2, 4, 0, HF_SECOND);
	learn_records(b, "www.shop.example", HF_TYPE_AAAA, HF_CACHE_DO | HF_CACHE_CD, 2, 16, 0,
		HF_SECOND);
	learn_records(b, "w.shop.example", HF_TYPE_MX, 0, 16, 7, 0, 3 * HF_SECOND);
	learn_records(b, "ab.example", HF_TYPE_TXT, 0, 1, 460, 0, 0);
	learn_records(b, "ab.example", HF_TYPE_TXT, HF_CACHE_DO, 1, 484, 0, 0);
	/* Just within 512 octets, with and without OPT, and just not. */
	learn_records(b, "ab.example", 65001, 0, 1, 461, 0, 0);
	learn_records(b, "ab.example", 65002, 0, 1, 462, 0, 0);
	learn_records(b, "ab.example", 65003, 0, 1, 472, 0, 0);
	learn_records(b, "ab.example", 65004, 0, 1, 473, 0, 0);
	learn_records(b, "nx.example", HF_TYPE_A, 0, 1, 30, HF_RCODE_NXDOMAIN, 0);
	learn_records(b, "none.example", HF_TYPE_AAAA, 0, 0, 0, 0, 0);
	learn_records(b, "late.example", HF_TYPE_A, 0, 1, 4, 0, 55 * HF_SECOND);
	learn_records(b, "over.example", HF_TYPE_A, 0, 1, 4, 0, 99 * HF_SECOND);
	learn_records(b, "a-name-that-takes-all-of-the-room.that-there-is.for-a.name", HF_TYPE_A, 0,
		2, 5, 0, 0);
	learn_records(b, ".", HF_TYPE_NS, 0, 4, 20, 0, 0);
	learn_records(b, "x", 65000, 0, 1, 3, 0, 0);
}

/* ---- the bench ---- */

static void allow(
	struct bench *b, uint32_t family, const uint8_t *address, size_t len, uint32_t bits)
{
	struct hf_xdp_prefix prefix = {.bits = 32 + bits, .family = family};
	uint8_t yes = 1;
	memcpy(prefix.address, address, len);
	assert_int_equal(bpf_map_update_elem(b->xdp->clients_fd, &prefix, &yes, BPF_ANY), 0);
}

static void serve_at(struct bench *b, bool v6, uint16_t vlan)
{
	struct hf_xdp_place place = {.ifindex = LOOPBACK, .vlan = vlan, .port = htons(PORT)};
	uint8_t yes = 1;
	if (v6) {
		memcpy(place.address, our6, 16);
	} else {
		place.address[2] = htonl(0xffff);
		memcpy(&place.address[3], our4, 4);
	}
	assert_int_equal(bpf_map_update_elem(b->xdp->places_fd, &place, &yes, BPF_ANY), 0);
}

static int begin(void **state)
{
	static const struct hf_hash_key key = {1, 2};
	struct bench *b = calloc(1, sizeof *b);
	b->dice = seed * 0x853c49e6748fea9bull | 1;
	if (hf_xdp_load(&(struct hf_xdp_key){7, 7}, &b->xdp) ||
		hf_cache_new(4 << 20, 1, &key, &b->cache))
		return -1;
	struct hf_xdp_settings *settings = b->xdp->settings;
	b->sample = settings->sample;
	settings->sample = 0;
	settings->edns_size = EDNS_SIZE;
	settings->door_count = 1;
	settings->doors[0].ifindex = LOOPBACK;
	memcpy(settings->doors[0].mac, our_mac, 6);
	allow(b, 4, their4, 4, 24);
	allow(b, 6, their6, 16, 16);
	for (int v6 = 0; v6 < 2; v6++) {
		serve_at(b, v6, 0);
		serve_at(b, v6, VLAN);
	}
	learn_all(b);
	__atomic_store_n(&settings->generation, PLAN, __ATOMIC_RELEASE);
	*state = b;
	return 0;
}

static int end(void **state)
{
	struct bench *b = *state;
	hf_xdp_close(b->xdp);
	hf_cache_free(b->cache);
	free(b);
	return 0;
}

/* Runs the program on a frame. Returns what it said; out is what the packet is then. */
static int run(
	struct bench *b, const uint8_t *frame, size_t len, uint8_t out[LARGEST], size_t *ret_len)
{
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		.data_size_in = (uint32_t)len, .data_out = out, .data_size_out = LARGEST,
		.repeat = 1);
	assert_int_equal(bpf_prog_test_run_opts(b->xdp->program_fd, &opts), 0);
	*ret_len = opts.data_size_out;
	return (int)opts.retval;
}

/* ---- frames, by the book ---- */

struct frame {
	uint8_t bytes[LARGEST];
	size_t len;
};

static uint32_t add_up(uint32_t sum, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += (uint32_t)(i % 2 ? bytes[i] : bytes[i] << 8);
	return sum;
}

static uint16_t checksum(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Where IP begins: behind Ethernet and one tag. 0: no such frame. */
static size_t ip_at(const struct frame *f)
{
	size_t at = 14;
	if (f->len < 14 + 4)
		return 0;
	if (hf_get_u16(f->bytes + 12) == 0x8100)
		at = 18;
	return at;
}

static uint32_t udp_sum(const uint8_t *ip, bool v6, const uint8_t *udp, size_t len)
{
	uint32_t sum = add_up(0, ip + (v6 ? 8 : 12), v6 ? 32 : 8);
	return add_up(sum + 17 + (uint32_t)len, udp, len);
}

/* Lengths and checksums as they have to be for whatever stands in the frame. */
static void seal(struct frame *f)
{
	size_t at = ip_at(f);
	uint8_t *ip = f->bytes + at;
	bool v6 = ip[0] >> 4 == 6;
	if (!at || f->len < at + (v6 ? 48 : 28))
		return;
	size_t head = v6 ? 40 : 20, udp_len = f->len - at - head;
	uint8_t *udp = ip + head;
	if (v6) {
		hf_put_u16(ip + 4, (uint16_t)udp_len);
	} else {
		hf_put_u16(ip + 2, (uint16_t)(f->len - at));
		hf_put_u16(ip + 10, 0);
		hf_put_u16(ip + 10, checksum(add_up(0, ip, 20)));
	}
	hf_put_u16(udp + 4, (uint16_t)udp_len);
	hf_put_u16(udp + 6, 0);
	uint16_t check = checksum(udp_sum(ip, v6, udp, udp_len));
	hf_put_u16(udp + 6, check ? check : 0xffff);
}

static void put(struct frame *f, const void *bytes, size_t len)
{
	memcpy(f->bytes + f->len, bytes, len);
	f->len += len;
}

static void put_u16(struct frame *f, uint16_t value)
{
	hf_put_u16(f->bytes + f->len, value);
	f->len += 2;
}

struct manner { /* how a question is asked */
	bool v6, edns;
	uint16_t vlan, edns_size, id, port; /* port 0: any */
};

static void put_dns(struct frame *f, const struct hf_question *q, uint8_t flags,
	const struct manner *how, uint64_t case_bits)
{
	put_u16(f, how->id);
	put_u16(f, (uint16_t)(HF_FLAG_RD | (flags & HF_CACHE_CD ? HF_FLAG_CD : 0)));
	put_u16(f, 1);
	put(f, "\0\0\0\0", 4);
	put_u16(f, how->edns);
	for (size_t i = 0; i < q->name.len; i++) {
		uint8_t c = q->name.bytes[i];
		f->bytes[f->len++] =
			c >= 'a' && c <= 'z' && case_bits >> i % 64 & 1 ? (uint8_t)(c - 32) : c;
	}
	put_u16(f, q->type);
	put_u16(f, q->class);
	if (!how->edns)
		return;
	put(f, "\0\0\x29", 3);
	put_u16(f, how->edns_size);
	put(f, flags & HF_CACHE_DO ? "\0\0\x80\0\0\0" : "\0\0\0\0\0\0", 6);
}

static void write_question(struct bench *b, struct frame *f, const struct hf_question *q,
	uint8_t flags, const struct manner *how)
{
	f->len = 0;
	put(f, our_mac, 6);
	put(f, their_mac, 6);
	if (how->vlan) {
		put_u16(f, 0x8100);
		put_u16(f, how->vlan);
	}
	put_u16(f, how->v6 ? 0x86dd : 0x0800);
	if (how->v6) {
		put(f, "\x60\0\0\0\0\0\x11\x40", 8);
		put(f, their6, 16);
		put(f, our6, 16);
	} else {
		put(f, "\x45\0\0\0\0\1\0\0\x40\x11\0\0", 12);
		put(f, their4, 4);
		put(f, our4, 4);
	}
	put_u16(f, how->port ? how->port : (uint16_t)(1024 + roll(b, 60000)));
	put_u16(f, PORT);
	put(f, "\0\0\0\0", 4);
	put_dns(f, q, flags, how, (uint64_t)roll(b, UINT32_MAX) << 32 | roll(b, UINT32_MAX));
	seal(f);
}

/* ---- the reference ---- */

struct parts { /* of a frame that a host with our address would take in */
	bool v6;
	size_t ip, udp, dns, dns_len;
	uint16_t vlan;
};

static bool take_apart(const struct frame *f, const uint8_t to_mac[6], struct parts *ret)
{
	size_t at = ip_at(f);
	if (!at || memcmp(f->bytes, to_mac, 6) != 0)
		return false;
	const uint8_t *ip = f->bytes + at;
	uint16_t proto = hf_get_u16(ip - 2);
	bool v6 = proto == 0x86dd;
	size_t head = v6 ? 40 : 20;
	if ((!v6 && proto != 0x0800) || f->len < at + head + 8)
		return false;
	size_t len = v6 ? hf_get_u16(ip + 4) : (size_t)hf_get_u16(ip + 2) - 20;
	if (v6 ? ip[0] >> 4 != 6 || ip[6] != 17
	       : ip[0] != 0x45 || ip[9] != 17 || checksum(add_up(0, ip, 20)) ||
				hf_get_u16(ip + 6) & 0xbfff)
		return false;
	const uint8_t *udp = ip + head;
	if (len < 8 || at + head + len > f->len || hf_get_u16(udp + 4) != len ||
		!hf_get_u16(udp + 6) || checksum(udp_sum(ip, v6, udp, len)))
		return false;
	*ret = (struct parts){v6, at, at + head, at + head + 8, len - 8,
		at == 18 ? hf_get_u16(f->bytes + 14) & 0xfff : 0};
	return true;
}

static bool may_ask(const struct frame *f, const struct parts *p)
{
	const uint8_t *ip = f->bytes + p->ip;
	return (p->vlan == 0 || p->vlan == VLAN) && hf_get_u16(f->bytes + p->udp + 2) == PORT &&
	       (p->v6 ? memcmp(ip + 8, their6, 2) == 0 && memcmp(ip + 24, our6, 16) == 0
		      : memcmp(ip + 12, their4, 3) == 0 && memcmp(ip + 16, our4, 4) == 0);
}

/* What the sockets would say to the question, as they stand at an instant. 0: nothing
 * from a fresh answer of the cache. */
static size_t reference(struct bench *b, const struct frame *f, const struct parts *p, hf_us now,
	uint8_t out[LARGEST], bool *ret_whole)
{
	static uint16_t ttl_at[HF_RECORDS_MAX];
	const uint8_t *m = f->bytes + p->dns;
	struct hf_query_view view;
	struct hf_cached copy = {.kept = {.wire = out, .ttl_at = ttl_at},
		.wire_cap = 1500,
		.ttl_cap = HF_RECORDS_MAX};
	if (hf_query_read(m, p->dns_len, &view) != HF_QUERY_GOOD || !(view.flags & HF_FLAG_RD))
		return 0;
	uint8_t flags = (uint8_t)((view.edns.dnssec_ok ? HF_CACHE_DO : 0) |
				  (view.flags & HF_FLAG_CD ? HF_CACHE_CD : 0));
	struct hf_cache_key key = hf_cache_key(b->cache, 0, &view.question, flags);
	if (hf_cache_lookup(b->cache, &key, now, &copy) != HF_CACHE_FRESH)
		return 0;
	const struct hf_reply reply = {.id = view.id,
		.flags = view.flags,
		.question = m + HF_HEADER_LEN,
		.question_len = view.question_len,
		.limit = hf_reply_limit_udp(&view.edns, EDNS_SIZE),
		.edns = view.edns.present,
		.dnssec_ok = view.edns.dnssec_ok,
		.ede = HF_EDE_NONE};
	size_t len = hf_reply_patch(out, &copy.kept, copy.age, 0, &reply);
	*ret_whole = len == copy.kept.len + (view.edns.present ? 11u : 0);
	return len;
}

static bool is_reply(const struct frame *f, const struct parts *p, const uint8_t *m, size_t len)
{
	return p->dns_len == len && memcmp(f->bytes + p->dns, m, len) == 0;
}

/* The way back: addresses, ports and tag are the question's, turned round. */
static bool is_turned(
	const struct frame *q, const struct parts *p, const struct frame *r, const struct parts *s)
{
	size_t n = p->v6 ? 16 : 4, src = p->v6 ? 8 : 12;
	const uint8_t *a = q->bytes + p->ip + src, *z = r->bytes + s->ip + src;
	return p->v6 == s->v6 && p->vlan == s->vlan && r->len == s->dns + s->dns_len &&
	       memcmp(q->bytes, r->bytes + 6, 6) == 0 && memcmp(a, z + n, n) == 0 &&
	       memcmp(a + n, z, n) == 0 &&
	       memcmp(q->bytes + p->udp, r->bytes + s->udp + 2, 2) == 0 &&
	       memcmp(q->bytes + p->udp + 2, r->bytes + s->udp, 2) == 0;
}

static void show(const char *what, const struct frame *f)
{
	fprintf(stderr, "# HOLDFAST_SEED=%llu: %s (%zu):", (unsigned long long)seed, what, f->len);
	for (size_t i = 0; i < f->len; i++)
		fprintf(stderr, " %02x", f->bytes[i]);
	fprintf(stderr, "\n");
}

/* True if it was answered; stops the test if that, or how, is wrong. */
static bool judge(struct bench *b, const struct frame *f)
{
	static struct frame out;
	static uint8_t before[LARGEST], after[LARGEST];
	struct parts p, r;
	hf_us first = hf_clock_now();
	int said = run(b, f->bytes, f->len, out.bytes, &out.len);
	if (said != TX) {
		bool same = said == PASS && out.len == f->len &&
			    memcmp(out.bytes, f->bytes, f->len) == 0;
		if (!same)
			show("came", f), show("left", &out);
		assert_int_equal(said, PASS);
		assert_true(same);
		return false;
	}
	bool good = take_apart(f, our_mac, &p) && may_ask(f, &p);
	good = good && take_apart(&out, f->bytes + 6, &r) && is_turned(f, &p, &out, &r);
	if (good) {
		bool whole;
		size_t a = reference(b, f, &p, first, before, &whole);
		size_t z = reference(b, f, &p, hf_clock_now(), after, &whole);
		good = (a && is_reply(&out, &r, before, a)) || (z && is_reply(&out, &r, after, z));
	}
	if (!good)
		show("came", f), show("left", &out);
	assert_true(good);
	return true;
}

/* ---- tests ---- */

static const char *const left_alone[] = {"late.example", "over.example"};

static bool is_left_alone(const struct hf_question *q)
{
	char text[HF_NAME_TEXT_MAX];
	hf_name_text(q->name.bytes, text);
	for (size_t i = 0; i < HF_COUNT_OF(left_alone); i++)
		if (strcmp(text, left_alone[i]) == 0)
			return true;
	return false;
}

static void every_good_question_is_answered_as_by_the_sockets(void **state)
{
	struct bench *b = *state;
	static struct frame f;
	static uint8_t out[LARGEST];
	for (size_t i = 0; i < b->question_count; i++)
		for (unsigned n = 0; n < 2 * 2 * 4; n++) {
			static const uint16_t sizes[] = {0, 512, 1232, 65535};
			struct manner how = {.v6 = n & 1,
				.vlan = n & 2 ? VLAN : 0,
				.edns = b->flags[i] & HF_CACHE_DO || n / 4,
				.edns_size = sizes[n / 4],
				.id = (uint16_t)roll(b, 65536)};
			write_question(b, &f, &b->questions[i], b->flags[i], &how);
			struct parts p;
			bool whole = false, answered = judge(b, &f);
			assert_true(take_apart(&f, our_mac, &p));
			reference(b, &f, &p, hf_clock_now(), out, &whole);
			if (answered != (whole && !is_left_alone(&b->questions[i]))) {
				show(answered ? "answered" : "not answered", &f);
				fail();
			}
		}
}

/* The server finds its way by the same hash as the program, whatever lies in the last word. */
static void names_of_each_length_are_found(void **state)
{
	struct bench *b = *state;
	static struct frame f;
	char name[HF_XDP_NAME] = "";
	for (size_t len = 3; len <= HF_XDP_NAME; len++) { /* on the wire: one label and the root */
		name[len - 3] = 'n';
		b->question_count = 0;
		learn_records(b, name, HF_TYPE_A, 0, 1, 4, 0, 0);
		assert_int_equal(b->questions[0].name.len, len);
		struct manner how = {.id = 9};
		write_question(b, &f, &b->questions[0], 0, &how);
		assert_true(judge(b, &f));
	}
}

static void a_sum_that_comes_out_as_zero_is_sent_as_all_ones(void **state)
{
	struct bench *b = *state;
	static struct frame f;
	/* All ids of one question: each sum occurs. */
	for (unsigned id = 0; id < 65536; id++)
		for (unsigned v6 = 0; v6 < 2; v6++) {
			struct manner how = {.v6 = v6, .port = 4444, .id = (uint16_t)id};
			write_question(b, &f, &b->questions[0], b->flags[0], &how);
			assert_true(judge(b, &f));
		}
}

static void nothing_is_answered_without_rules_or_for_another_plan(void **state)
{
	struct bench *b = *state;
	static struct frame f;
	struct manner how = {.id = 9};
	write_question(b, &f, &b->questions[0], 0, &how);
	assert_true(judge(b, &f));
	b->xdp->settings->generation = 0;
	assert_false(judge(b, &f));
	b->xdp->settings->generation = PLAN + 1;
	assert_false(judge(b, &f));
	b->xdp->settings->generation = PLAN;
	struct hf_cache_key key = hf_cache_key(b->cache, 0, &b->questions[0], 0);
	hf_xdp_withdraw(&b->xdp->table, &key);
	assert_false(judge(b, &f));
}

static void a_question_with_edns_options_is_left_to_the_sockets_and_counted(void **state)
{
	static const uint8_t cookie[] = {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
	struct bench *b = *state;
	static struct frame f;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct manner how = {.v6 = v6, .edns = true, .edns_size = 1232, .id = 9};
		write_question(b, &f, &b->questions[0], 0, &how);
		assert_true(judge(b, &f));
		hf_put_u16(f.bytes + f.len - 2, sizeof cookie);
		put(&f, cookie, sizeof cookie);
		seal(&f);
		assert_false(judge(b, &f));
		assert_int_equal(hf_xdp_figures(b->xdp).fates[HF_XDP_OPTION], v6 + 1);
		/* Nothing of the kind: the options are longer than the packet. */
		f.bytes[f.len - sizeof cookie - 1]++;
		seal(&f);
		assert_false(judge(b, &f));
		assert_int_equal(hf_xdp_figures(b->xdp).fates[HF_XDP_OPTION], v6 + 1);
	}
}

struct sweep { /* under way, in which it is asked */
	struct bench *bench;
	struct frame frame;
	unsigned depth, asked;
};

static bool ask_meanwhile(const void *of, const struct hf_name *name, bool aliased)
{
	struct sweep *s = (struct sweep *)of;
	(void)name;
	(void)aliased;
	assert_false(judge(s->bench, &s->frame));
	if (s->asked++ == 0 && s->depth) { /* another begins, and is over first */
		struct sweep within = {s->bench, s->frame, 0, 0};
		hf_xdp_hot.sweep(s->bench->xdp, ask_meanwhile, &within);
		assert_int_equal(within.asked, s->bench->question_count);
	}
	return false;
}

static void nothing_is_answered_while_anybody_sweeps(void **state)
{
	struct bench *b = *state;
	static struct sweep s;
	struct manner how = {.id = 9};
	s = (struct sweep){.bench = b, .depth = 1};
	write_question(b, &s.frame, &b->questions[0], 0, &how);
	assert_true(judge(b, &s.frame));
	hf_xdp_hot.sweep(b->xdp, ask_meanwhile, &s);
	assert_int_equal(s.asked, b->question_count);
	assert_true(judge(b, &s.frame));
}

static void one_question_in_256_goes_up_all_the_same(void **state)
{
	enum { TIMES = 64 };
	struct bench *b = *state;
	static struct frame f;
	struct manner how = {.id = 9};
	unsigned passed = 0;
	write_question(b, &f, &b->questions[0], 0, &how);
	b->xdp->settings->sample = b->sample;
	for (unsigned i = 0; i < TIMES * HF_XDP_SAMPLE_OF; i++)
		passed += !judge(b, &f);
	/* A deviation is 8 of 64. */
	assert_in_range(passed, TIMES - 6 * 8, TIMES + 6 * 8);
	assert_int_equal(hf_xdp_figures(b->xdp).fates[HF_XDP_SAMPLE], passed);
}

/* Between the program's look at a tag and at the entry the way may become another's. */
static void an_entry_of_another_question_under_a_tag_is_not_given(void **state)
{
	struct bench *b = *state;
	static struct frame f;
	const struct hf_question *q = &b->questions[0]; /* A; as AAAA it is asked with DO and CD */
	struct manner how = {.id = 9};
	__u64 words[HF_XDP_NAME_WORDS] = {0};
	memcpy(words, q->name.bytes, q->name.len);
	uint64_t hash = hf_xdp_hash(words, q->name.len, &b->xdp->table.key),
		 of_a = hf_xdp_tag(hash, q->type, 0);
	struct hf_xdp_bucket *bucket = &b->xdp->table.buckets[hf_xdp_bucket_of(hash)];
	write_question(b, &f, q, 0, &how);
	assert_true(judge(b, &f));
	for (unsigned way = 0; way < HF_XDP_WAYS; way++)
		if (bucket->tags[way] == of_a)
			bucket->tags[way] = 0;
	for (unsigned way = 0; way < HF_XDP_WAYS; way++) {
		uint64_t seen = bucket->tags[way];
		if (!seen)
			continue;
		bucket->tags[way] = of_a;
		assert_false(judge(b, &f));
		bucket->tags[way] = seen;
	}
}

/* The host's own addresses lie in what is allowed, and are not. */
static void who_is_left_to_the_sockets_is_not_answered_though_a_wider_prefix_is_allowed(
	void **state)
{
	struct bench *b = *state;
	static struct frame f;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct manner how = {.v6 = v6, .id = 9};
		struct hf_xdp_prefix one = {.bits = 32 + (v6 ? 128 : 32), .family = v6 ? 6 : 4};
		uint8_t no = 0;
		memcpy(one.address, v6 ? their6 : their4, v6 ? 16 : 4);
		write_question(b, &f, &b->questions[0], 0, &how);
		assert_true(judge(b, &f));
		assert_int_equal(bpf_map_update_elem(b->xdp->clients_fd, &one, &no, BPF_ANY), 0);
		assert_false(judge(b, &f));
		assert_int_equal(bpf_map_delete_elem(b->xdp->clients_fd, &one), 0);
		assert_true(judge(b, &f));
	}
}

static void mutate(struct bench *b, struct frame *f)
{
	size_t at = f->len ? roll(b, (uint32_t)f->len) : 0, dns = ip_at(f) + 28;
	if (roll(b, 2) && f->len > dns)
		at = dns + roll(b, (uint32_t)(f->len - dns));
	switch (roll(b, 7)) {
	case 0: f->bytes[at] ^= (uint8_t)(1 << roll(b, 8)); break;
	case 1: f->bytes[at] = (uint8_t)roll(b, 256); break;
	case 2: f->bytes[at] = (uint8_t)(roll(b, 2) ? 0 : 255); break;
	case 3:
		memmove(f->bytes + at + 1, f->bytes + at, f->len - at);
		f->bytes[at] = (uint8_t)roll(b, 256);
		f->len++;
		break;
	case 4:
		memmove(f->bytes + at, f->bytes + at + 1, f->len - at - 1);
		f->len--;
		break;
	case 5: f->len = at < 14 ? 14 : at; break;
	case 6:
		for (unsigned n = roll(b, 30); n; n--)
			f->bytes[f->len++] = (uint8_t)(roll(b, 2) ? 0 : roll(b, 256));
		break;
	}
	if (f->len < 14)
		f->len = 14;
}

static void made_up_packets_are_answered_as_by_the_sockets_or_not_at_all(void **state)
{
	struct bench *b = *state;
	static struct frame f;
	uint64_t runs = told("XDP_RUNS", RUNS), answered = 0;
	for (uint64_t i = 0; i < runs; i++) {
		size_t q = roll(b, (uint32_t)b->question_count);
		uint8_t flags = roll(b, 8) ? b->flags[q] : (uint8_t)roll(b, 4);
		struct manner how = {.v6 = roll(b, 2),
			.vlan = roll(b, 3) ? 0 : VLAN,
			.edns = flags & HF_CACHE_DO || roll(b, 2),
			.id = (uint16_t)roll(b, 65536),
			.edns_size = (uint16_t)(roll(b, 2) ? 1232 : roll(b, 65536))};
		write_question(b, &f, &b->questions[q], flags, &how);
		for (unsigned n = 1 + roll(b, 3); n; n--)
			mutate(b, &f);
		if (roll(b, 4))
			seal(&f);
		answered += judge(b, &f);
	}
	print_message("# HOLDFAST_SEED=%llu: %llu packets, %llu of them answered\n",
		(unsigned long long)seed, (unsigned long long)runs, (unsigned long long)answered);
	assert_true(answered > runs / 100);
}

/* ---- replaced while it is read ---- */

struct changer {
	struct bench *bench;
	_Atomic bool stop;
	int processor; /* -1: any */
	uint64_t changes;
};

/* Either answer is all of one octet, with its own length: half of each is seen. */
static void publish_filled(struct bench *b, uint8_t octet, uint16_t len, hf_us stored)
{
	static uint8_t wire[HF_MESSAGE_MAX];
	const struct hf_question *q = &b->questions[0];
	size_t head = HF_HEADER_LEN + (size_t)q->name.len + 4;
	struct hf_cache_key key = hf_cache_key(b->cache, 0, q, 0);
	struct hf_cached copy = {.kept = {.wire = wire, .len = (uint16_t)(head + len), .ttl = 3600},
		.stored = stored};
	hf_put_u16(wire + 2, HF_FLAG_QR | HF_FLAG_RA);
	hf_put_u16(wire + 4, 1);
	hf_put_u16(wire + 6, octet);
	memset(wire + head, octet, len);
	hf_xdp_publish(&b->xdp->table, &key, &copy, PLAN, stored);
}

static void what_was_stored_on_a_clock_that_is_ahead_of_the_programs_is_not_given(void **state)
{
	struct bench *b = *state;
	static struct frame f, out;
	struct manner how = {.id = 9};
	hf_us ahead = 3600 * HF_SECOND;
	write_question(b, &f, &b->questions[0], 0, &how);
	publish_filled(b, 0x11, 61, hf_clock_now() + ahead);
	assert_false(judge(b, &f));
	b->xdp->table.ahead = ahead; /* but if it is known by how much */
	publish_filled(b, 0x11, 61, hf_clock_now() + ahead);
	assert_int_equal(run(b, f.bytes, f.len, out.bytes, &out.len), TX);
}

/* The nth processor that this program may run on; -1 if there is none. */
static int nth_processor(int n)
{
	cpu_set_t ours;
	if (sched_getaffinity(0, sizeof ours, &ours))
		return -1;
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &ours) && n-- == 0)
			return i;
	return -1;
}

static void stay_on(int processor)
{
	cpu_set_t only;
	CPU_ZERO(&only);
	CPU_SET(processor, &only);
	hf_require(pthread_setaffinity_np(pthread_self(), sizeof only, &only) == 0);
}

static void *change(void *arg)
{
	struct changer *c = arg;
	hf_us now = hf_clock_now();
	struct hf_cache_key key = hf_cache_key(c->bench->cache, 0, &c->bench->questions[0], 0);
	if (c->processor >= 0)
		stay_on(c->processor);
	for (; !atomic_load(&c->stop); c->changes++) {
		/* Of all lengths, so that some looks fall between two changes. */
		for (volatile uint64_t rest = c->changes % 256 * 8; rest; rest--)
			;
		publish_filled(c->bench, c->changes & 1 ? 0x11 : 0xee, c->changes & 1 ? 490 : 61,
			now - (hf_us)(c->changes % 100000));
		if (c->changes % 5 == 0)
			hf_xdp_withdraw(&c->bench->xdp->table, &key);
	}
	return NULL;
}

/* On one processor nothing comes between a program's two looks; a kernel that is
 * busy otherwise likes to have both threads on one. */
static void an_answer_that_is_replaced_while_it_is_read_is_given_whole_or_not_at_all(void **state)
{
	enum { ENOUGH = 1000, MOST_RUNS = 4000000 }; /* on two idle processors 20,000 will do */
	struct bench *b = *state;
	static struct frame f, out;
	struct changer c = {.bench = b, .processor = nth_processor(1)};
	struct manner how = {.edns = true, .edns_size = 1232, .id = 77};
	cpu_set_t before;
	pthread_t thread;
	uint64_t answered = 0, raced = 0, runs = 0;
	write_question(b, &f, &b->questions[0], 0, &how);
	publish_filled(b, 0x11, 490, 1);
	assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
	stay_on(nth_processor(0));
	assert_int_equal(pthread_create(&thread, NULL, change, &c), 0);
	for (; runs < MOST_RUNS && (answered < ENOUGH || raced < ENOUGH); runs++) {
		struct parts p;
		if (runs % 1000 == 0)
			raced = hf_xdp_figures(b->xdp).fates[HF_XDP_RACE];
		int said = run(b, f.bytes, f.len, out.bytes, &out.len);
		if (said == PASS && out.len == f.len && memcmp(out.bytes, f.bytes, f.len) == 0)
			continue;
		assert_int_equal(said, TX);
		assert_true(take_apart(&out, their_mac, &p)); /* with its checksum */
		const uint8_t *body = out.bytes + p.dns + 12 + b->questions[0].name.len + 4;
		size_t len = body[0] == 0x11 ? 490 : 61;
		assert_true(body[0] == 0x11 || body[0] == 0xee);
		assert_int_equal(out.bytes[p.dns + 7], body[0]);
		assert_int_equal(out.len, (size_t)(body - out.bytes) + len + 11);
		for (size_t n = 0; n < len; n++)
			assert_int_equal(body[n], body[0]);
		answered++;
	}
	atomic_store(&c.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
	print_message(
		"# of %llu runs %llu answered, %llu found out at the last look; %llu changes\n",
		(unsigned long long)runs, (unsigned long long)answered, (unsigned long long)raced,
		(unsigned long long)c.changes);
	assert_true(answered >= ENOUGH && (raced > 0 || c.processor < 0));
}

int main(void)
{
	struct hf_xdp *probe;
	seed = told("HOLDFAST_SEED", (uint64_t)hf_clock_now());
	int rc = hf_xdp_load(&(struct hf_xdp_key){1, 1}, &probe);
	if (rc) {
		printf("1..0 # SKIP BPF programs cannot be loaded here: %s\n", hf_strerror(rc));
		return 0;
	}
	hf_xdp_close(probe);
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(every_good_question_is_answered_as_by_the_sockets),
		TEST(names_of_each_length_are_found),
		TEST(a_sum_that_comes_out_as_zero_is_sent_as_all_ones),
		TEST(nothing_is_answered_without_rules_or_for_another_plan),
		TEST(a_question_with_edns_options_is_left_to_the_sockets_and_counted),
		TEST(nothing_is_answered_while_anybody_sweeps),
		TEST(one_question_in_256_goes_up_all_the_same),
		TEST(an_entry_of_another_question_under_a_tag_is_not_given),
		TEST(who_is_left_to_the_sockets_is_not_answered_though_a_wider_prefix_is_allowed),
		TEST(what_was_stored_on_a_clock_that_is_ahead_of_the_programs_is_not_given),
		TEST(made_up_packets_are_answered_as_by_the_sockets_or_not_at_all),
		TEST(an_answer_that_is_replaced_while_it_is_read_is_given_whole_or_not_at_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
