/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets as a file of the cache: as they are, and as the content of a block
 * whose checksums are right, as if somebody meant it. Whatever comes out of it as
 * an answer must be one that may be put into the cache and given to a client. */
#include <stdlib.h>

#include "base/check.h"
#include "cache/written.h"

#define SESSION 0x0102030405060708u

static uint8_t block[HF_WRITTEN_BLOCK_MAX], file[HF_WRITTEN_BLOCK_MAX];
static uint8_t out[HF_MESSAGE_MAX + HF_OPT_ROOM], again[HF_MESSAGE_MAX + 64];
static uint16_t ttl_at[HF_RECORDS_MAX];

static void be_given(const struct hf_kept *kept, const struct hf_question *question)
{
	struct hf_message_view view;
	uint8_t asked[HF_NAME_MAX + 4];
	memcpy(asked, question->name.bytes, question->name.len);
	hf_put_u16(asked + question->name.len, question->type);
	hf_put_u16(asked + question->name.len + 2, question->class);
	const struct hf_reply reply = { .question = asked, .limit = HF_MESSAGE_MAX, .edns = true,
		.question_len = (uint16_t)(question->name.len + 4), .ede = HF_EDE_NONE };
	memcpy(out, kept->wire, kept->len);
	size_t len = hf_reply_patch(out, kept, 17, 0, &reply);
	hf_require(len <= (size_t)kept->len + HF_OPT_ROOM);
	for (unsigned i = 0; i < kept->ttl_count; i++)
		hf_require(kept->ttl_at[i] + 6 <= kept->len && (!i || kept->ttl_at[i] > kept->ttl_at[i - 1]));
	hf_require(!hf_message_read(out, len, &view));
	hf_reply_nxdomain_cut(out, sizeof out, kept, 17, &reply);
}

static void read_answers(struct hf_written_block *b)
{
	struct hf_reader r = hf_reader(b->content, b->len);
	static const struct hf_cache_conf conf = {
		.ttl_max = 3600 * HF_SECOND, .negative_max = 60 * HF_SECOND};
	struct hf_written_answer answer, back;
	while (hf_written_answer_get(&r, b->content, &answer)) {
		struct hf_question question;
		struct hf_kept kept = { .ttl_at = ttl_at };
		struct hf_writer w = hf_writer(again, sizeof again);
		hf_require(hf_written_answer_put(&w, &answer));
		struct hf_reader second = hf_reader(again, w.len);
		hf_require(hf_written_answer_get(&second, again, &back) && !hf_reader_left(&second));
		hf_require(back.ttl == answer.ttl && back.stored == answer.stored);
		if (hf_written_answer_question(&answer, &question))
			continue;
		hf_require(hf_name_wire_len(question.name.bytes, question.name.len) == question.name.len);
		if (answer.flags & HF_WRITTEN_GONE || hf_written_answer_read(&answer, &conf, &kept))
			continue;
		hf_require(kept.ttl <= answer.ttl && kept.ttl <= conf.ttl_max / HF_SECOND);
		hf_require(kept.len >= HF_HEADER_LEN + question.name.len + 4);
		hf_require(kept.ttl_count <= HF_RECORDS_MAX);
		be_given(&kept, &question);
	}
}

static void read_routes(struct hf_written_block *b)
{
	struct hf_reader r = hf_reader(b->content, b->len);
	static struct hf_written_route route, back;
	while (hf_written_route_get(&r, &route)) {
		struct hf_writer w = hf_writer(again, sizeof again);
		hf_require(hf_written_route_put(&w, &route));
		struct hf_reader second = hf_reader(again, w.len);
		hf_require(hf_written_route_get(&second, &back));
		hf_require(memcmp(&route, &back, sizeof route) == 0);
	}
}

/* Only headers: what it jumps over must not be looked at. */
static void glance(uint8_t *bytes, size_t len)
{
	struct hf_written_window w = { .bytes = bytes, .len = len, .last = true,
		.session = SESSION };
	struct hf_written_block b;
	uint64_t where;
	const char *why;
	while (hf_written_next(&w, true, &b, &where, &why) != HF_WRITTEN_END)
		continue;
	hf_require(w.at == w.len);
}

static unsigned read_file(uint8_t *bytes, size_t len, bool last)
{
	struct hf_written_window w = { .bytes = bytes, .len = len, .last = last, .session = SESSION };
	unsigned blocks = 0;
	for (;;) {
		struct hf_written_block b;
		uint64_t where = 0;
		const char *why = NULL;
		size_t before = w.at;
		enum hf_written_step step = hf_written_next(&w, false, &b, &where, &why);
		hf_require(w.at <= w.len && w.at >= before);
		if (step == HF_WRITTEN_END || step == HF_WRITTEN_MORE) {
			hf_require(step == (last ? HF_WRITTEN_END : HF_WRITTEN_MORE));
			return blocks;
		}
		hf_require(w.at > before);
		hf_require(step == HF_WRITTEN_BLOCK || why);
		if (step == HF_WRITTEN_FAULT)
			continue;
		blocks++;
		read_answers(&b);
		read_routes(&b);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_written_file header;
	if (size > HF_WRITTEN_CONTENT_MAX)
		return 0;
	memcpy(file, data, size);
	read_file(file, size, true);
	read_file(file, size, false);
	glance(file, size);
	hf_written_file_get(data, size, &header);
	/* The same octets, meant. */
	const struct hf_written_block b = { .kind = HF_WRITTEN_ANSWERS, .len = (uint32_t)size,
		.session = SESSION };
	memcpy(block + HF_WRITTEN_BLOCK_HEADER, data, size);
	size_t len = hf_written_seal(block, &b, 0);
	hf_require(read_file(block, len, true) == 1);
	return 0;
}
