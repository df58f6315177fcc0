/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/tsig.h"

#include <gnutls/crypto.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "wire/dns.h"
#include "wire/message.h"

/* The largest digest: SHA-512. */
#define MAC_MAX 64

/* Seconds that clocks may differ by: RFC 8945 section 10. */
#define FUDGE 300

/* RFC 8945 section 5.3.1: at least each hundredth message is signed. */
#define UNSIGNED_MAX 99

enum error { /* in the record: RFC 8945 section 3 */
	ERROR_BADSIG = 16,
	ERROR_BADKEY = 17,
	ERROR_BADTIME = 18,
	ERROR_BADTRUNC = 22,
};

struct algorithm {
	const uint8_t *name;
	uint8_t name_len, size;
	gnutls_mac_algorithm_t mac;
};

#define NAME(text) (const uint8_t *)(text), sizeof(text)

static const struct algorithm algorithms[] = {
	[HF_TSIG_SHA1] = {NAME("\11hmac-sha1"), 20, GNUTLS_MAC_SHA1},
	[HF_TSIG_SHA224] = {NAME("\13hmac-sha224"), 28, GNUTLS_MAC_SHA224},
	[HF_TSIG_SHA256] = {NAME("\13hmac-sha256"), 32, GNUTLS_MAC_SHA256},
	[HF_TSIG_SHA384] = {NAME("\13hmac-sha384"), 48, GNUTLS_MAC_SHA384},
	[HF_TSIG_SHA512] = {NAME("\13hmac-sha512"), 64, GNUTLS_MAC_SHA512},
};

struct mac {
	uint8_t bytes[MAC_MAX];
	uint8_t len; /* 0: none */
};

struct hf_tsig {
	const struct hf_tsig_key *keys;
	size_t count;
	const struct hf_tsig_key *key; /* the one in use; NULL: none yet */
	bool server;
	bool begun;               /* the stream's first message has been signed, or checked */
	struct mac last;          /* of the request, then of the last signed message */
	gnutls_hmac_hd_t running; /* over what came unsigned since; NULL: nothing did */
	unsigned unsigned_count;
	uint64_t asked_at;                          /* server: when the client says that it asked */
	struct hf_name asked_name, asked_algorithm; /* server: as the request has them */
};

/* A TSIG record as it stands in a message. */
struct record {
	struct hf_name name, algorithm; /* lowered */
	size_t at;                      /* where it begins */
	uint64_t time;
	uint16_t fudge, id, error, mac_len, other_len;
	const uint8_t *mac, *other;
};

int hf_tsig_new(const struct hf_tsig_key *keys, size_t count, struct hf_tsig **ret)
{
	struct hf_tsig *t = calloc(1, sizeof *t);
	if (!t)
		return -ENOMEM;
	t->keys = keys;
	t->count = count;
	*ret = t;
	return 0;
}

static void forget_unsigned(struct hf_tsig *t)
{
	if (t->running)
		gnutls_hmac_deinit(t->running, NULL);
	t->running = NULL;
	t->unsigned_count = 0;
}

void hf_tsig_free(struct hf_tsig *t)
{
	if (t)
		forget_unsigned(t);
	free(t);
}

/* ---- digests ---- */

static int add(gnutls_hmac_hd_t h, const void *bytes, size_t len)
{
	return len && gnutls_hmac(h, bytes, len) ? -EPROTO : 0;
}

/* Begins a digest with the MAC before, if there is one: RFC 8945 sections 4.3.1 and 5.3.1. */
static int begin(const struct hf_tsig_key *key, const struct mac *last, gnutls_hmac_hd_t *ret)
{
	gnutls_hmac_hd_t h;
	const uint8_t length[2] = {0, last->len};
	if (gnutls_hmac_init(&h, algorithms[key->algorithm].mac, key->secret, key->secret_len))
		return -EPROTO;
	if (last->len && (add(h, length, 2) || add(h, last->bytes, last->len))) {
		gnutls_hmac_deinit(h, NULL);
		return -EPROTO;
	}
	*ret = h;
	return 0;
}

static void put_time(uint8_t *p, uint64_t time)
{
	hf_put_u16(p, (uint16_t)(time >> 32));
	hf_put_u32(p + 2, (uint32_t)time);
}

/* What is signed besides the message: section 4.3.3, of which later messages of a stream
 * have the time and its fudge only. */
static int add_variables(gnutls_hmac_hd_t h, const struct record *r, bool all)
{
	uint8_t fixed[6] = {0, HF_CLASS_ANY}, timers[8], tail[4];
	put_time(timers, r->time);
	hf_put_u16(timers + 6, r->fudge);
	if (!all)
		return add(h, timers, sizeof timers);
	hf_put_u16(tail, r->error);
	hf_put_u16(tail + 2, r->other_len);
	int rc = add(h, r->name.bytes, r->name.len);
	rc = rc ? rc : add(h, fixed, sizeof fixed);
	rc = rc ? rc : add(h, r->algorithm.bytes, r->algorithm.len);
	rc = rc ? rc : add(h, timers, sizeof timers);
	rc = rc ? rc : add(h, tail, sizeof tail);
	return rc ? rc : add(h, r->other, r->other_len);
}

/* The digest of a message that ends in front of its record, with the id that the signer
 * gave it and without that record in its count. */
static int digest(const struct hf_tsig *t, const uint8_t *m, size_t len, const struct record *r,
	uint16_t records, uint8_t out[MAC_MAX])
{
	uint8_t head[HF_HEADER_LEN];
	gnutls_hmac_hd_t h;
	int rc = 0;
	memcpy(head, m, sizeof head);
	hf_put_u16(head, r->id);
	hf_put_u16(head + 10, records);
	if (t->running)
		rc = (h = gnutls_hmac_copy(t->running)) ? 0 : -EPROTO;
	else
		rc = begin(t->key, &t->last, &h);
	if (rc)
		return rc;
	rc = add(h, head, sizeof head);
	rc = rc ? rc : add(h, m + sizeof head, len - sizeof head);
	rc = rc ? rc : add_variables(h, r, !t->begun);
	gnutls_hmac_deinit(h, out);
	return rc;
}

static void remember(struct hf_tsig *t, const uint8_t *mac, size_t len)
{
	forget_unsigned(t);
	memcpy(t->last.bytes, mac, len);
	t->last.len = (uint8_t)len;
}

/* ---- writing ---- */

static void describe(struct record *r, const struct hf_tsig_key *key)
{
	const struct algorithm *a = &algorithms[key->algorithm];
	r->name = key->name;
	r->algorithm.len = a->name_len;
	memcpy(r->algorithm.bytes, a->name, a->name_len);
}

/* Puts the record behind the message and counts it. */
static int append(const struct record *r, uint8_t *m, size_t *len, size_t room)
{
	struct hf_writer w = hf_writer(m + *len, room - *len);
	uint8_t time[6];
	put_time(time, r->time);
	hf_write(&w, r->name.bytes, r->name.len);
	hf_write_u16(&w, HF_TYPE_TSIG);
	hf_write_u16(&w, HF_CLASS_ANY);
	hf_write_u32(&w, 0);
	hf_write_u16(&w, (uint16_t)(r->algorithm.len + 16u + r->mac_len + r->other_len));
	hf_write(&w, r->algorithm.bytes, r->algorithm.len);
	hf_write(&w, time, sizeof time);
	hf_write_u16(&w, r->fudge);
	hf_write_u16(&w, r->mac_len);
	hf_write(&w, r->mac, r->mac_len);
	hf_write_u16(&w, r->id);
	hf_write_u16(&w, r->error);
	hf_write_u16(&w, r->other_len);
	hf_write(&w, r->other, r->other_len);
	if (w.overrun)
		return HF_ESPACE;
	hf_put_u16(m + 10, (uint16_t)(hf_get_u16(m + 10) + 1));
	*len += w.len;
	return 0;
}

static int sign(struct hf_tsig *t, struct record *r, uint8_t *m, size_t *len, size_t room)
{
	uint8_t mac[MAC_MAX];
	r->id = hf_get_u16(m);
	int rc = digest(t, m, *len, r, hf_get_u16(m + 10), mac);
	if (rc)
		return rc;
	r->mac = mac;
	r->mac_len = algorithms[t->key->algorithm].size;
	rc = append(r, m, len, room);
	if (!rc)
		remember(t, mac, r->mac_len);
	return rc;
}

int hf_tsig_sign(struct hf_tsig *t, uint8_t *m, size_t *len, size_t room, uint64_t wall)
{
	struct record r = {.time = wall, .fudge = FUDGE};
	if (*len < HF_HEADER_LEN || *len > room || (t->server ? !t->key : !t->count))
		return HF_EMALFORMED;
	if (!t->server) { /* a request: a new chain */
		t->key = &t->keys[0];
		t->last.len = 0;
		t->begun = false;
		forget_unsigned(t);
	}
	describe(&r, t->key);
	int rc = sign(t, &r, m, len, room);
	if (!rc && t->server)
		t->begun = true;
	return rc;
}

/* ---- reading ---- */

/* Where the record at `at` ends, and its type. Names inside of its data are not looked at:
 * that is for whoever reads the message. */
static bool skip_record(const uint8_t *m, size_t len, size_t *at, uint16_t *ret_type)
{
	size_t next;
	if (hf_name_skip(m, len, *at, &next) || len - next < 10)
		return false;
	*ret_type = hf_get_u16(m + next);
	size_t octets = hf_get_u16(m + next + 8);
	if (len - next - 10 < octets)
		return false;
	*at = next + 10 + octets;
	return true;
}

/* Finds the record, which has to be the last one, and nothing behind it. */
static enum hf_tsig_found find(const uint8_t *m, size_t len, size_t *ret_at)
{
	if (len < HF_HEADER_LEN || len > HF_MESSAGE_MAX)
		return HF_TSIG_MALFORMED;
	size_t at = HF_HEADER_LEN, next;
	unsigned left = 0;
	uint16_t type = 0;
	for (unsigned i = hf_get_u16(m + 4); i; i--) {
		if (hf_name_skip(m, len, at, &next) || len - next < 4)
			return HF_TSIG_MALFORMED;
		at = next + 4;
	}
	for (unsigned i = 6; i < HF_HEADER_LEN; i += 2)
		left += hf_get_u16(m + i);
	while (left--) {
		*ret_at = at;
		if (!skip_record(m, len, &at, &type) || (type == HF_TYPE_TSIG && left))
			return HF_TSIG_MALFORMED;
	}
	if (type != HF_TYPE_TSIG)
		return HF_TSIG_ABSENT;
	return at == len && hf_get_u16(m + 10) ? HF_TSIG_GOOD : HF_TSIG_MALFORMED;
}

static bool read_data(struct hf_reader *in, struct record *ret)
{
	uint16_t high;
	uint32_t low;
	if (!hf_read_u16(in, &high) || !hf_read_u32(in, &low) || !hf_read_u16(in, &ret->fudge) ||
		!hf_read_u16(in, &ret->mac_len))
		return false;
	ret->time = (uint64_t)high << 32 | low;
	ret->mac = in->bytes + in->at;
	if (!hf_read_skip(in, ret->mac_len) || !hf_read_u16(in, &ret->id) ||
		!hf_read_u16(in, &ret->error) || !hf_read_u16(in, &ret->other_len))
		return false;
	ret->other = in->bytes + in->at;
	return hf_read_skip(in, ret->other_len) && !hf_reader_left(in);
}

static enum hf_tsig_found read_record(const uint8_t *m, size_t len, struct record *ret)
{
	struct hf_record r;
	size_t data;
	enum hf_tsig_found found = find(m, len, &ret->at);
	if (found != HF_TSIG_GOOD)
		return found;
	if (hf_record_read(m, len, ret->at, &r) || r.class != HF_CLASS_ANY || r.ttl ||
		hf_name_read(m, len, ret->at, &ret->name, &data) ||
		hf_name_read(m, r.end, r.rdata_at, &ret->algorithm, &data))
		return HF_TSIG_MALFORMED;
	hf_name_lower(ret->name.bytes, ret->name.len);
	hf_name_lower(ret->algorithm.bytes, ret->algorithm.len);
	struct hf_reader in = hf_reader(m + data, r.end - data);
	return read_data(&in, ret) ? HF_TSIG_GOOD : HF_TSIG_MALFORMED;
}

static bool names(const struct record *r, const struct hf_tsig_key *key)
{
	struct record own;
	describe(&own, key);
	return r->name.len == own.name.len && r->algorithm.len == own.algorithm.len &&
	       memcmp(r->name.bytes, own.name.bytes, own.name.len) == 0 &&
	       memcmp(r->algorithm.bytes, own.algorithm.bytes, own.algorithm.len) == 0;
}

/* Digests are asked for whole: what is cut is no better than what it is cut to (section
 * 5.2.2.1 leaves that to us). */
static enum hf_tsig_found check_mac(
	struct hf_tsig *t, const uint8_t *m, const struct record *r, uint8_t mac[MAC_MAX])
{
	size_t size = algorithms[t->key->algorithm].size;
	size_t least = size / 2 > 10 ? size / 2 : 10;
	if (r->mac_len > size || r->mac_len < least)
		return r->mac_len ? HF_TSIG_MALFORMED : HF_TSIG_BADSIG;
	if (r->mac_len < size)
		return HF_TSIG_BADTRUNC;
	if (digest(t, m, r->at, r, (uint16_t)(hf_get_u16(m + 10) - 1), mac))
		return HF_TSIG_BADSIG;
	return gnutls_memcmp(mac, r->mac, size) ? HF_TSIG_BADSIG : HF_TSIG_GOOD;
}

static bool in_time(const struct record *r, uint64_t wall)
{
	return (r->time > wall ? r->time - wall : wall - r->time) <= r->fudge;
}

static void take_off(const struct record *r, uint8_t *m, size_t *len)
{
	*len = r->at;
	hf_put_u16(m + 10, (uint16_t)(hf_get_u16(m + 10) - 1));
}

/* ---- server ---- */

enum hf_tsig_found hf_tsig_check_request(struct hf_tsig *t, uint8_t *m, size_t *len, uint64_t wall,
	const struct hf_tsig_key **ret_key)
{
	struct record r;
	uint8_t mac[MAC_MAX];
	enum hf_tsig_found found = read_record(m, *len, &r);
	if (found != HF_TSIG_GOOD)
		return found;
	t->server = true;
	t->begun = false;
	t->last.len = 0;
	t->key = NULL;
	forget_unsigned(t);
	t->asked_name = r.name;
	t->asked_algorithm = r.algorithm;
	t->asked_at = r.time;
	for (size_t i = 0; i < t->count && !t->key; i++)
		t->key = names(&r, &t->keys[i]) ? &t->keys[i] : NULL;
	if (!t->key)
		return HF_TSIG_BADKEY;
	found = check_mac(t, m, &r, mac);
	if (found != HF_TSIG_GOOD)
		return found;
	remember(t, mac, r.mac_len);
	if (!in_time(&r, wall))
		return HF_TSIG_BADTIME;
	take_off(&r, m, len);
	*ret_key = t->key;
	return HF_TSIG_GOOD;
}

int hf_tsig_sign_error(struct hf_tsig *t, enum hf_tsig_found found, uint8_t *m, size_t *len,
	size_t room, uint64_t wall)
{
	static const uint16_t errors[] = {
		[HF_TSIG_BADKEY] = ERROR_BADKEY,
		[HF_TSIG_BADSIG] = ERROR_BADSIG,
		[HF_TSIG_BADTIME] = ERROR_BADTIME,
		[HF_TSIG_BADTRUNC] = ERROR_BADTRUNC,
	};
	uint8_t clock[6];
	struct record r = {.time = wall, .fudge = FUDGE};
	if (*len < HF_HEADER_LEN || *len > room)
		return HF_EMALFORMED;
	if ((size_t)found >= HF_COUNT_OF(errors) || !errors[found])
		return 0; /* FORMERR says it all */
	r.error = errors[found];
	r.name = t->asked_name;
	r.algorithm = t->asked_algorithm;
	r.id = hf_get_u16(m);
	if (found != HF_TSIG_BADTIME) /* nothing that we could sign with: section 5.3.2 */
		return append(&r, m, len, room);
	/* The client's time, and ours beside it: section 5.2.3. */
	put_time(clock, wall);
	r.time = t->asked_at;
	r.other = clock;
	r.other_len = sizeof clock;
	return sign(t, &r, m, len, room);
}

/* ---- client ---- */

/* What a server says that refuses a request: not proven, but it is why there is no answer. */
static enum hf_tsig_found refusal(const struct record *r)
{
	switch (r->error) {
	case ERROR_BADKEY: return HF_TSIG_BADKEY;
	case ERROR_BADTIME: return HF_TSIG_BADTIME;
	case ERROR_BADTRUNC: return HF_TSIG_BADTRUNC;
	default: return HF_TSIG_BADSIG;
	}
}

static enum hf_tsig_found absent(struct hf_tsig *t, const uint8_t *m, size_t len, bool last)
{
	if (last || !t->begun || t->unsigned_count >= UNSIGNED_MAX)
		return HF_TSIG_ABSENT;
	if (!t->running && begin(t->key, &t->last, &t->running))
		return HF_TSIG_BADSIG;
	if (add(t->running, m, len))
		return HF_TSIG_BADSIG;
	t->unsigned_count++;
	return HF_TSIG_GOOD;
}

enum hf_tsig_found hf_tsig_check_reply(
	struct hf_tsig *t, uint8_t *m, size_t *len, bool last, uint64_t wall)
{
	struct record r;
	uint8_t mac[MAC_MAX];
	enum hf_tsig_found found = read_record(m, *len, &r);
	if (found == HF_TSIG_ABSENT)
		return absent(t, m, *len, last);
	if (found != HF_TSIG_GOOD)
		return found;
	if (!t->key || !names(&r, t->key))
		return r.error ? refusal(&r) : HF_TSIG_BADKEY;
	if (r.error && !r.mac_len)
		return refusal(&r);
	found = check_mac(t, m, &r, mac);
	if (found != HF_TSIG_GOOD)
		return found;
	if (r.error)
		return refusal(&r);
	if (!in_time(&r, wall))
		return HF_TSIG_BADTIME;
	remember(t, mac, r.mac_len);
	t->begun = true;
	take_off(&r, m, len);
	return HF_TSIG_GOOD;
}

bool hf_tsig_settled(const struct hf_tsig *t)
{
	return t->begun && !t->unsigned_count;
}

const char *hf_tsig_found_text(enum hf_tsig_found found)
{
	static const char *const texts[] = {
		[HF_TSIG_GOOD] = "the signature is good",
		[HF_TSIG_ABSENT] = "there is no signature",
		[HF_TSIG_BADKEY] = "the key is not known, or its algorithm is another (BADKEY)",
		[HF_TSIG_BADSIG] = "the signature does not fit (BADSIG)",
		[HF_TSIG_BADTIME] = "the clocks are too far apart (BADTIME)",
		[HF_TSIG_MALFORMED] = "the signature's record is malformed",
		[HF_TSIG_BADTRUNC] = "the signature is cut short (BADTRUNC)",
	};
	return (size_t)found < HF_COUNT_OF(texts) ? texts[found] : "";
}
