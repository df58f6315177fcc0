/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/stored.h"

/* What cannot be said in a header stands in the word that follows the wire form. */
struct ends {
	uint16_t answer, authority, ttl_count;
};

static inline uint64_t pack_ends(const struct hf_kept *kept)
{
	return (uint64_t)kept->answer_end << 32 | (uint64_t)kept->authority_end << 16 |
	       kept->ttl_count;
}

static inline struct ends unpack_ends(uint64_t word)
{
	return (struct ends){(uint16_t)(word >> 32), (uint16_t)(word >> 16), (uint16_t)word};
}

static inline size_t ttl_words(size_t ttl_count)
{
	return (ttl_count * 2 + 7) / 8;
}

/* A record right behind the question, with two octets of owner, and no other. */
static enum hf_form choose_form(const struct hf_kept *kept, size_t question_end)
{
	bool answers = kept->answer_end == kept->len;
	if (kept->authority_end != kept->len)
		return HF_FORM_LISTED;
	if (!kept->ttl_count && answers && kept->len == question_end)
		return HF_FORM_BARE;
	if (kept->ttl_count != 1 || kept->ttl_at[0] != question_end + HF_STORED_USUAL_TTL)
		return HF_FORM_LISTED;
	return answers ? HF_FORM_ANSWER
		       : (kept->answer_end == question_end ? HF_FORM_AUTHORITY : HF_FORM_LISTED);
}

struct hf_stored hf_stored_of(
	const struct hf_cache_key *key, hf_us stored, const struct hf_kept *kept)
{
	size_t question_end = HF_HEADER_LEN + (size_t)key->name->len + 4;
	return (struct hf_stored){
		.hash = key->hash,
		.w1 = (uint64_t)stored << HF_STORED_INSTANT_AT |
		      (uint64_t)choose_form(kept, question_end) << HF_STORED_FORM_AT | key->flags,
		.w2 = (uint64_t)kept->ttl << 32 | (uint64_t)kept->len << 16 |
		      hf_get_u16(kept->wire + 2),
	};
}

uint64_t hf_stored_words(const struct hf_stored *h, const struct hf_kept *kept)
{
	uint64_t words = HF_STORED_HEADER + hf_stored_wire_words(kept->len);
	return hf_stored_form(h) == HF_FORM_LISTED ? words + 1 + ttl_words(kept->ttl_count) : words;
}

uint64_t hf_stored_words_at(const struct hf_ring *log, uint64_t position)
{
	if (hf_ring_word(log, position) == HF_RING_PADDING)
		return log->capacity - position % log->capacity;
	const struct hf_stored entry = hf_stored_load(log, position), *h = &entry;
	uint64_t words = HF_STORED_HEADER + hf_stored_wire_words(hf_stored_wire_len(h));
	if (hf_stored_form(h) != HF_FORM_LISTED)
		return words;
	return words + 1 + ttl_words(unpack_ends(hf_ring_word(log, position + words)).ttl_count);
}

/* Apart: few answers have one. */
__attribute__((noinline)) bool hf_stored_take_list(const struct hf_ring *log, uint64_t position,
	const struct hf_stored *h, struct hf_cached *copy)
{
	const _Atomic uint64_t *list = &log->words[position % log->capacity] + HF_STORED_HEADER +
				       hf_stored_wire_words(hf_stored_wire_len(h));
	struct ends ends = unpack_ends(hf_stored_word(list, 0));
	/* Only if it is the entry's own is the count true. */
	if (!hf_ring_intact(log, position) || ends.ttl_count > copy->ttl_cap)
		return false;
	hf_ring_copy_words(
		list + 1, copy->kept.ttl_at, (size_t)ends.ttl_count * 2, copy->ttl_cap * 2);
	copy->kept.answer_end = ends.answer;
	copy->kept.authority_end = ends.authority;
	copy->kept.ttl_count = ends.ttl_count;
	return true;
}

uint64_t hf_stored_write(
	struct hf_ring *log, const struct hf_stored *h, const struct hf_kept *kept, uint64_t n)
{
	uint64_t at = hf_ring_reserve(log, n), next = at + HF_STORED_HEADER;
	_Atomic uint64_t *head = &log->words[at % log->capacity];
	atomic_store_explicit(&head[0], h->hash, memory_order_release);
	atomic_store_explicit(&head[1], h->w1, memory_order_release);
	atomic_store_explicit(&head[2], h->w2, memory_order_release);
	hf_ring_copy_in(log, next, kept->wire + HF_STORED_IN_HEADER,
		(size_t)kept->len - HF_STORED_IN_HEADER);
	if (hf_stored_form(h) == HF_FORM_LISTED) {
		next += hf_stored_wire_words(kept->len);
		hf_ring_set_word(log, next, pack_ends(kept));
		hf_ring_copy_in(log, next + 1, kept->ttl_at, (size_t)kept->ttl_count * 2);
	}
	hf_ring_publish(log);
	return at;
}
