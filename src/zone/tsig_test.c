/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/tsig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "wire/sample.h"

#define WALL 1700000000u
#define ROOM 2048

/* What dnspython 2.3 signs with the key "transfer.key." at WALL (and a second later for
 * each reply): a request with each algorithm, then the replies to that with SHA-256. */
static const char *const vectors[] = {
	/* request hmac-sha1 */
	"12340000000100000000000104636f727008696e7465726e616c0000fc0001087472616e73666572"
	"036b65790000fa00ff00000000002f09686d61632d736861310000006553f100012c0014d37516e4"
	"86ed68982f784d9ccb39d93b1b7442db123400000000",
	/* request hmac-sha224 */
	"12340000000100000000000104636f727008696e7465726e616c0000fc0001087472616e73666572"
	"036b65790000fa00ff0000000000390b686d61632d7368613232340000006553f100012c001cf7f8"
	"d90f362e762c9b9489a3d974e9d3ff4b3c366c44d825add07634123400000000",
	/* request hmac-sha256 */
	"12340000000100000000000104636f727008696e7465726e616c0000fc0001087472616e73666572"
	"036b65790000fa00ff00000000003d0b686d61632d7368613235360000006553f100012c0020c13d"
	"0b5e7506683d8952d2ada8fb3495beaf2aa2e05d4432b63b5ce409aa553c123400000000",
	/* request hmac-sha384 */
	"12340000000100000000000104636f727008696e7465726e616c0000fc0001087472616e73666572"
	"036b65790000fa00ff00000000004d0b686d61632d7368613338340000006553f100012c0030ea7c"
	"d695497bac3d444980f6ec6498531cf31c900ab02cff4c3bf0bc1cd4f45604b34119841fd1c7be44"
	"761969810573123400000000",
	/* request hmac-sha512 */
	"12340000000100000000000104636f727008696e7465726e616c0000fc0001087472616e73666572"
	"036b65790000fa00ff00000000005d0b686d61632d7368613531320000006553f100012c0040f749"
	"90c9d165c344a776864a3c012df445bc1d823672499820c0ae38348c22d83cab1afdc9d23c0e9bd7"
	"bb365faeb859cd689050ae5a953b6df3aab685079af5123400000000",
	/* reply 0 */
	"12348400000100010000000104636f727008696e7465726e616c0000fc0001026830c00c00010001"
	"0000012c0004c0000200087472616e73666572036b65790000fa00ff00000000003d0b686d61632d"
	"7368613235360000006553f100012c0020b3a381961d9c173a82ba8e467ca4ff4f0ce51859c470e5"
	"9cdcef8958683364dc123400000000",
	/* reply 1 */
	"12348400000000010000000102683104636f727008696e7465726e616c00000100010000012c0004"
	"c0000201087472616e73666572036b65790000fa00ff00000000003d0b686d61632d736861323536"
	"0000006553f101012c002055d694bd173a32b224d210523a886fcbec5c1e18855c92107d14cad1be"
	"2c02bc123400000000",
	/* reply 2 unsigned */
	"12348400000000010000000002683204636f727008696e7465726e616c00000100010000012c0004"
	"c0000202",
	/* reply 3 unsigned */
	"12348400000000010000000002683304636f727008696e7465726e616c00000100010000012c0004"
	"c0000203",
	/* reply 4 */
	"12348400000000010000000102683404636f727008696e7465726e616c00000100010000012c0004"
	"c0000204087472616e73666572036b65790000fa00ff00000000003d0b686d61632d736861323536"
	"0000006553f104012c002069b090ea9705b1de9a72100e7d14f71a9e6e9ac660dc7f0f1f3b6d8e9f"
	"e6e746123400000000",
};

enum { REQUESTS = 5, REPLIES = 5, FIRST_REPLY = REQUESTS };

static const uint8_t secret[32] = {16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
	32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47};

struct message {
	uint8_t bytes[ROOM];
	size_t len;
};

static struct message vector(size_t i)
{
	struct message m = {.len = strlen(vectors[i]) / 2};
	for (size_t at = 0; at < m.len; at++) {
		const char digits[3] = {vectors[i][2 * at], vectors[i][2 * at + 1], 0};
		m.bytes[at] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return m;
}

static struct hf_tsig_key key_named(const char *name, enum hf_tsig_algorithm algorithm)
{
	struct hf_tsig_key key = {
		.algorithm = algorithm, .secret = secret, .secret_len = sizeof secret};
	assert_int_equal(hf_name_from_text(name, strlen(name), &key.name), 0);
	return key;
}

static struct message request(void)
{
	struct message m;
	struct hf_sample s;
	hf_sample_begin(&s, 0, HF_RAW("\4corp\10internal\0"), HF_TYPE_AXFR);
	memcpy(m.bytes, s.bytes, s.w.len);
	m.len = s.w.len;
	return m;
}

struct both { /* ends of one exchange */
	struct hf_tsig_key key, theirs;
	struct hf_tsig *client, *server;
};

static int set_up(void **state)
{
	struct both *b = calloc(1, sizeof *b);
	b->key = key_named("transfer.key", HF_TSIG_SHA256);
	b->theirs = b->key;
	assert_int_equal(hf_tsig_new(&b->key, 1, &b->client), 0);
	assert_int_equal(hf_tsig_new(&b->theirs, 1, &b->server), 0);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct both *b = *state;
	hf_tsig_free(b->client);
	hf_tsig_free(b->server);
	free(b);
	return 0;
}

static enum hf_tsig_found serve(struct both *b, struct message *m, uint64_t wall)
{
	const struct hf_tsig_key *key;
	return hf_tsig_check_request(b->server, m->bytes, &m->len, wall, &key);
}

static void ask(struct both *b, struct message *m, uint64_t wall)
{
	*m = request();
	assert_int_equal(hf_tsig_sign(b->client, m->bytes, &m->len, ROOM, wall), 0);
}

static enum hf_tsig_found hear(struct both *b, struct message *m, bool last)
{
	return hf_tsig_check_reply(b->client, m->bytes, &m->len, last, WALL);
}

/* A reply that the server signs; `mark` makes it another than others. */
static struct message reply(struct both *b, uint8_t mark, bool is_signed)
{
	struct message m = request();
	hf_put_u16(m.bytes + 2, HF_FLAG_QR);
	m.bytes[3] |= mark;
	if (is_signed)
		assert_int_equal(hf_tsig_sign(b->server, m.bytes, &m.len, ROOM, WALL), 0);
	return m;
}

static void begin_stream(struct both *b)
{
	struct message m;
	ask(b, &m, WALL);
	assert_int_equal(serve(b, &m, WALL), HF_TSIG_GOOD);
}

static void requests_are_signed_as_others_sign_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < REQUESTS; i++) {
		struct hf_tsig_key key =
			key_named("transfer.key", (enum hf_tsig_algorithm)(HF_TSIG_SHA1 + i));
		struct message theirs = vector(i), ours = request();
		struct hf_tsig *t;
		assert_int_equal(hf_tsig_new(&key, 1, &t), 0);
		assert_int_equal(hf_tsig_sign(t, ours.bytes, &ours.len, ROOM, WALL), 0);
		assert_int_equal(ours.len, theirs.len);
		assert_memory_equal(ours.bytes, theirs.bytes, theirs.len);
		hf_tsig_free(t);
	}
}

static void what_others_sign_is_accepted_with_each_algorithm(void **state)
{
	struct hf_tsig_key keys[REQUESTS];
	struct hf_tsig *t;
	(void)state;
	for (size_t i = 0; i < REQUESTS; i++)
		keys[i] = key_named("Transfer.KEY", (enum hf_tsig_algorithm)(HF_TSIG_SHA1 + i));
	assert_int_equal(hf_tsig_new(keys, REQUESTS, &t), 0);
	for (size_t i = 0; i < REQUESTS; i++) {
		const struct hf_tsig_key *key;
		struct message m = vector(i), plain = request();
		assert_int_equal(
			hf_tsig_check_request(t, m.bytes, &m.len, WALL, &key), HF_TSIG_GOOD);
		assert_ptr_equal(key, &keys[i]);
		assert_int_equal(m.len, plain.len);
		assert_memory_equal(m.bytes, plain.bytes, plain.len);
	}
	hf_tsig_free(t);
}

static void a_stream_of_another_server_is_followed_over_unsigned_messages(void **state)
{
	struct both *b = *state;
	struct message m;
	ask(b, &m, WALL);
	assert_false(hf_tsig_settled(b->client));
	for (size_t i = 0; i < REPLIES; i++) {
		m = vector(FIRST_REPLY + i);
		assert_int_equal(hear(b, &m, false), HF_TSIG_GOOD);
		assert_int_equal(hf_tsig_settled(b->client), i != 2 && i != 3);
	}
}

static void an_unsigned_message_that_was_changed_shows_at_the_next_signed_one(void **state)
{
	struct both *b = *state;
	struct message m;
	ask(b, &m, WALL);
	for (size_t i = 0; i < REPLIES; i++) {
		m = vector(FIRST_REPLY + i);
		if (i == 2)
			m.bytes[m.len - 1] ^= 1;
		assert_int_equal(
			hear(b, &m, false), i + 1 < REPLIES ? HF_TSIG_GOOD : HF_TSIG_BADSIG);
	}
	assert_false(hf_tsig_settled(b->client));
}

static void a_message_left_out_of_a_stream_shows(void **state)
{
	struct both *b = *state;
	struct message first, second, third;
	begin_stream(b);
	first = reply(b, 0, true);
	second = reply(b, 1, true);
	third = reply(b, 2, true);
	assert_int_equal(hear(b, &first, false), HF_TSIG_GOOD);
	assert_int_equal(hear(b, &third, false), HF_TSIG_BADSIG);
	assert_int_equal(hear(b, &second, false), HF_TSIG_GOOD); /* nothing was changed by it */
}

static void the_first_and_a_single_reply_must_be_signed(void **state)
{
	struct both *b = *state;
	struct message m;
	begin_stream(b);
	m = reply(b, 0, false);
	assert_int_equal(hear(b, &m, false), HF_TSIG_ABSENT);
	m = reply(b, 0, true);
	assert_int_equal(hear(b, &m, true), HF_TSIG_GOOD);
	m = reply(b, 0, false);
	assert_int_equal(hear(b, &m, true), HF_TSIG_ABSENT);
}

static void a_hundredth_message_without_a_signature_is_too_many(void **state)
{
	struct both *b = *state;
	struct message m;
	begin_stream(b);
	m = reply(b, 0, true);
	assert_int_equal(hear(b, &m, false), HF_TSIG_GOOD);
	for (int i = 0; i < 99; i++) {
		m = reply(b, 0, false);
		assert_int_equal(hear(b, &m, false), HF_TSIG_GOOD);
	}
	m = reply(b, 0, false);
	assert_int_equal(hear(b, &m, false), HF_TSIG_ABSENT);
}

static void each_octet_of_a_request_counts(void **state)
{
	struct both *b = *state;
	struct message m;
	ask(b, &m, WALL);
	for (size_t i = 2; i < m.len; i++) {
		struct message other = m;
		other.bytes[i] ^= 0x55;
		assert_int_not_equal(serve(b, &other, WALL), HF_TSIG_GOOD);
	}
	/* The id is the one of the record: whoever passes a request on may give it another. */
	m.bytes[0] ^= 0x55;
	assert_int_equal(serve(b, &m, WALL), HF_TSIG_GOOD);
}

static void a_request_that_is_cut_anywhere_is_never_good(void **state)
{
	struct both *b = *state;
	struct message m;
	ask(b, &m, WALL);
	for (size_t len = 0; len < m.len; len++) {
		struct message cut = m;
		cut.len = len;
		assert_int_equal(serve(b, &cut, WALL), HF_TSIG_MALFORMED);
	}
}

static void clocks_may_differ_by_the_fudge_and_no_more(void **state)
{
	struct both *b = *state;
	static const int64_t apart[] = {-301, -300, 300, 301};
	for (size_t i = 0; i < HF_COUNT_OF(apart); i++) {
		struct message m;
		ask(b, &m, WALL);
		assert_int_equal(serve(b, &m, (uint64_t)(WALL + apart[i])),
			i == 1 || i == 2 ? HF_TSIG_GOOD : HF_TSIG_BADTIME);
	}
}

static void a_request_out_of_time_is_answered_with_both_clocks_and_signed(void **state)
{
	struct both *b = *state;
	struct message m, answer = request();
	ask(b, &m, WALL);
	assert_int_equal(serve(b, &m, WALL + 9999), HF_TSIG_BADTIME);
	assert_int_equal(hf_tsig_sign_error(b->server, HF_TSIG_BADTIME, answer.bytes, &answer.len,
				 ROOM, WALL + 9999),
		0);
	const uint8_t clock[] = {0, 6, 0, 0, 0x65, 0x54, 0x18, 0x0f};
	assert_memory_equal(answer.bytes + answer.len - 8, clock, sizeof clock);
	assert_int_equal(hear(b, &answer, true), HF_TSIG_BADTIME);
}

static void a_key_that_is_not_known_is_told_so_without_a_signature(void **state)
{
	struct both *b = *state;
	static const char *const names[] = {"other.key", "transfer.key"};
	for (size_t i = 0; i < 2; i++) { /* another name, another algorithm */
		struct message m, answer = request();
		b->theirs = key_named(names[i], i ? HF_TSIG_SHA512 : HF_TSIG_SHA256);
		ask(b, &m, WALL);
		assert_int_equal(serve(b, &m, WALL), HF_TSIG_BADKEY);
		assert_int_equal(hf_tsig_sign_error(b->server, HF_TSIG_BADKEY, answer.bytes,
					 &answer.len, ROOM, WALL),
			0);
		assert_int_equal(hear(b, &answer, true), HF_TSIG_BADKEY);
	}
}

static void another_secret_is_a_bad_signature_at_both_ends(void **state)
{
	struct both *b = *state;
	struct message m, answer = request();
	ask(b, &m, WALL);
	b->theirs.secret_len--;
	assert_int_equal(serve(b, &m, WALL), HF_TSIG_BADSIG);
	assert_int_equal(hf_tsig_sign_error(
				 b->server, HF_TSIG_BADSIG, answer.bytes, &answer.len, ROOM, WALL),
		0);
	assert_int_equal(hear(b, &answer, true), HF_TSIG_BADSIG);
}

/* Where the MAC's length stands, from the end of a SHA-256 record. */
#define MAC_LEN_FROM_END (6 + 32 + 2)

static void shorten(struct message *m, size_t to)
{
	size_t at = m->len - MAC_LEN_FROM_END, lost = 32 - to;
	size_t rdlen = at - 8 - sizeof "\13hmac-sha256" - 2;
	hf_put_u16(m->bytes + at, (uint16_t)to);
	hf_put_u16(m->bytes + rdlen, (uint16_t)(hf_get_u16(m->bytes + rdlen) - lost));
	memmove(m->bytes + at + 2 + to, m->bytes + at + 2 + 32, 6);
	m->len -= lost;
}

static void a_digest_that_is_cut_is_not_accepted(void **state)
{
	struct both *b = *state;
	static const struct {
		size_t to;
		enum hf_tsig_found found;
	} cases[] = {{32, HF_TSIG_GOOD}, {31, HF_TSIG_BADTRUNC}, {16, HF_TSIG_BADTRUNC},
		{15, HF_TSIG_MALFORMED}, {1, HF_TSIG_MALFORMED}, {0, HF_TSIG_BADSIG}};
	for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
		struct message m;
		ask(b, &m, WALL);
		shorten(&m, cases[i].to);
		assert_int_equal(serve(b, &m, WALL), cases[i].found);
	}
}

static void a_record_that_is_not_the_last_is_malformed(void **state)
{
	struct both *b = *state;
	struct message m;
	static const uint8_t opt[] = {0, 0, HF_TYPE_OPT, 4, 0xd0, 0, 0, 0, 0, 0, 0};
	ask(b, &m, WALL);
	memcpy(m.bytes + m.len, opt, sizeof opt);
	m.len += sizeof opt;
	assert_int_equal(serve(b, &m, WALL), HF_TSIG_MALFORMED);
	m.bytes[11]++;
	assert_int_equal(serve(b, &m, WALL), HF_TSIG_MALFORMED);
}

static void a_message_without_a_record_has_none(void **state)
{
	struct both *b = *state;
	struct message m = request();
	assert_int_equal(serve(b, &m, WALL), HF_TSIG_ABSENT);
	assert_int_equal(m.len, request().len);
}

static void what_there_is_no_room_for_is_not_signed(void **state)
{
	struct both *b = *state;
	struct message m = request();
	size_t before = m.len;
	assert_int_equal(hf_tsig_sign(b->client, m.bytes, &m.len, before + 40, WALL), HF_ESPACE);
	assert_int_equal(m.len, before);
	assert_int_equal(m.bytes[11], 0);
}

static void one_signer_serves_one_request_after_another(void **state)
{
	struct both *b = *state;
	for (int i = 0; i < 3; i++) {
		struct message m;
		begin_stream(b);
		m = reply(b, (uint8_t)i, true);
		assert_int_equal(hear(b, &m, false), HF_TSIG_GOOD);
		m = reply(b, 0, true);
		assert_int_equal(hear(b, &m, false), HF_TSIG_GOOD);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(requests_are_signed_as_others_sign_them),
		T(what_others_sign_is_accepted_with_each_algorithm),
		T(a_stream_of_another_server_is_followed_over_unsigned_messages),
		T(an_unsigned_message_that_was_changed_shows_at_the_next_signed_one),
		T(a_message_left_out_of_a_stream_shows),
		T(the_first_and_a_single_reply_must_be_signed),
		T(a_hundredth_message_without_a_signature_is_too_many),
		T(each_octet_of_a_request_counts),
		T(a_request_that_is_cut_anywhere_is_never_good),
		T(clocks_may_differ_by_the_fudge_and_no_more),
		T(a_request_out_of_time_is_answered_with_both_clocks_and_signed),
		T(a_key_that_is_not_known_is_told_so_without_a_signature),
		T(another_secret_is_a_bad_signature_at_both_ends),
		T(a_digest_that_is_cut_is_not_accepted),
		T(a_record_that_is_not_the_last_is_malformed),
		T(a_message_without_a_record_has_none),
		T(what_there_is_no_room_for_is_not_signed),
		T(one_signer_serves_one_request_after_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
