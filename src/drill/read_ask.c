/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/read.h"

#include <libknot/descriptor.h>

#include "base/check.h"
#include "base/error.h"
#include "base/nearest.h"

/* ---- names ---- */

/* "n{0..9999}.example" */
static bool take_names(struct hf_reader *r, struct hf_play_names *ret)
{
	const char *text = hf_words_text(&r->words, "a name such as shop.example or n{0..99}.example");
	const char *open = strchr(text, '{'), *dots = open ? strstr(open, "..") : NULL;
	const char *close = dots ? strchr(dots, '}') : NULL;
	struct hf_name name;
	*ret = (struct hf_play_names){ .before = text, .after = "" };
	if (open) {
		ret->many = true;
		ret->before = hf_arena_text(&r->scenario->arena, text, (size_t)(open - text));
		ret->after = close ? close + 1 : "";
		if (!close || !ret->before ||
			!hf_parse_u64(open + 1, (size_t)(dots - open - 1), UINT32_MAX, &ret->low) ||
			!hf_parse_u64(dots + 2, (size_t)(close - dots - 2), UINT32_MAX, &ret->high) ||
			ret->low > ret->high) {
			r->words.at -= r->words.at > 0 && !r->words.bad;
			hf_words_expected(&r->words, "a range such as {0..99}", NULL);
			return false;
		}
	}
	if (!r->words.bad && hf_play_name(ret, ret->high, &name)) {
		r->words.at--;
		hf_words_expected(&r->words, "a name such as shop.example or n{0..99}.example", NULL);
	}
	return !r->words.bad;
}

int hf_play_name(const struct hf_play_names *names, uint64_t number, struct hf_name *ret)
{
	char text[HF_NAME_TEXT_MAX + 32];
	int len = snprintf(text, sizeof text, "%s", names->before);
	if (names->many)
		len = snprintf(text, sizeof text, "%s%llu%s", names->before,
			(unsigned long long)number, names->after);
	return len < 0 || (size_t)len >= sizeof text ? HF_ERANGE
						     : hf_name_from_text(text, (size_t)len, ret);
}

/* ---- expectations ---- */

/* Octets of `text` as the data of a record of that type. */
static void take_data(struct hf_reader *r, uint16_t type, struct hf_expect *expect)
{
	struct hf_peer_data data = { .count = 0 };
	const char *word = hf_words_text(&r->words, "a record's data");
	size_t len = strlen(word);
	char name[32], text[4096];
	if (r->words.bad)
		return;
	if (type != HF_TYPE_TXT && len >= 2 && word[0] == '"' && word[len - 1] == '"') {
		word++;
		len -= 2;
	}
	knot_rrtype_to_string(type, name, sizeof name);
	int n = snprintf(text, sizeof text, ". 0 %s %.*s\n", name, (int)len, word);
	r->words.at--;
	if (n < (int)sizeof text)
		hf_read_zone_text(r, text, (size_t)n, 0, NULL, &data);
	if (!r->words.bad && data.count != 1)
		hf_words_expected(&r->words, "a record's data", NULL);
	r->words.at++;
	if (data.count) {
		expect->rdata = data.items[0].rdata;
		expect->rdata_len = data.items[0].rdata_len;
	}
}

static const struct hf_expect_row *find_expect(const struct hf_words *w, const char **ret_nearest)
{
	const struct hf_word_at *word = hf_words_peek(w);
	struct hf_nearest nearest = hf_nearest(word ? word->text : "", word ? word->len : 0);
	struct hf_address a;
	char text[HF_ADDRESS_TEXT_MAX];
	for (const struct hf_expect_row *row = hf_expect_rows; word && row->word; row++) {
		if (hf_words_are(word, row->word))
			return row;
		hf_nearest_offer(&nearest, row->word);
	}
	*ret_nearest = nearest.best;
	if (!word || word->len >= sizeof text)
		return NULL;
	snprintf(text, sizeof text, "%.*s", (int)word->len, word->text);
	return hf_address_parse(text, 0, &a) ? NULL : &hf_expect_address;
}

static void read_expects(struct hf_reader *r, struct hf_play_ask *ask)
{
	const struct hf_expect **last = &ask->expects;
	do {
		const char *nearest = NULL;
		const struct hf_expect_row *row = find_expect(&r->words, &nearest);
		if (!row) {
			hf_words_expected(&r->words, "something to expect, such as an address or servfail",
				nearest);
			return;
		}
		struct hf_expect *expect = hf_read_memory(r, sizeof *expect);
		if (!expect)
			return;
		expect->row = row;
		expect->text = hf_read_rest(r);
		r->words.at += row != &hf_expect_address;
		if (row->takes == HF_TAKES_COMPARISON)
			expect->compare = hf_compare_take(&r->words);
		if (row->takes == HF_TAKES_DATA)
			take_data(r, ask->type, expect);
		else
			hf_take_value(r, row->takes, &expect->number);
		*last = expect;
		last = &expect->next;
	} while (hf_words_peek(&r->words));
}

/* ---- what happens ---- */

static void take_stub(struct hf_reader *r, const struct hf_stub_row **ret)
{
	const struct hf_word_at *word = hf_words_peek(&r->words);
	struct hf_nearest nearest = hf_nearest(word ? word->text : "", word ? word->len : 0);
	for (const struct hf_stub_row *row = hf_stub_rows; row->word; row++) {
		if (hf_words_take(&r->words, row->word)) {
			*ret = row;
			return;
		}
		hf_nearest_offer(&nearest, row->word);
	}
	hf_words_expected(&r->words, "a stub such as glibc or bulk", nearest.best);
}

/* Where the play itself has its addresses, clients have none. */
static bool is_taken(const struct hf_address *a)
{
	return a->bytes[0] == 10 && (a->bytes[1] == 52 || a->bytes[1] == 53);
}

static void take_from(struct hf_reader *r, struct hf_prefix *ret)
{
	const struct hf_word_at *word = hf_words_peek(&r->words);
	char text[HF_ADDRESS_TEXT_MAX + 8] = "";
	struct hf_prefix prefix;
	if (word && word->len < sizeof text)
		memcpy(text, word->text, word->len);
	if (hf_prefix_parse(text, &prefix) || prefix.address.family != 4 || prefix.bits < 16 ||
		is_taken(&prefix.address)) {
		hf_words_expected(&r->words,
			"addresses such as 10.60.0.0/24 (/16 to /32, not in 10.52.0.0/15)", NULL);
		return;
	}
	*ret = prefix;
	r->words.at++;
}

static void read_manners_of_asking(struct hf_reader *r, struct hf_play_ask *ask)
{
	struct hf_words *w = &r->words;
	int64_t number;
	while (hf_words_peek(w)) {
		if (hf_words_take(w, "via")) {
			ask->tcp = hf_words_take(w, "tcp");
			if (!ask->tcp)
				hf_words_want(w, "udp");
		} else if (hf_words_take(w, "do")) {
			ask->dnssec_ok = true;
		} else if (hf_words_take(w, "cd")) {
			ask->checking_disabled = true;
		} else if (hf_words_take(w, "plain")) {
			ask->plain = true;
		} else if (hf_words_take(w, "edns")) {
			if (hf_words_number(w, "octets", 0, 65535, &number))
				ask->edns_size = (uint16_t)number;
		} else if (hf_words_take(w, "times")) {
			hf_words_number(w, "a number of questions", 1, HF_PLAY_REPEATS_MAX, &ask->times);
		} else if (hf_words_take(w, "popular")) {
			ask->popular = true;
		} else if (hf_words_take(w, "as")) {
			take_stub(r, &ask->stub);
		} else if (hf_words_take(w, "from")) {
			take_from(r, &ask->from);
		} else if (hf_words_take(w, "expect")) {
			read_expects(r, ask);
			return;
		} else {
			const struct hf_word_at *word = hf_words_peek(w);
			struct hf_nearest nearest = hf_nearest(word->text, word->len);
			static const char *const known[] = { "via", "do", "cd", "plain", "edns", "times",
				"popular", "as", "from", "expect" };
			for (size_t i = 0; i < HF_COUNT_OF(known); i++)
				hf_nearest_offer(&nearest, known[i]);
			hf_words_expected(w, "via, do, cd, plain, edns, times, popular, as, from or expect", nearest.best);
		}
	}
}

void hf_read_ask(struct hf_reader *r, struct hf_play_event *event)
{
	event->what = HF_PLAY_ASK;
	event->ask.edns_size = HF_EDNS_SIZE;
	event->ask.times = 1;
	if (take_names(r, &event->ask.names) && hf_take_type(r, &event->ask.type))
		read_manners_of_asking(r, &event->ask);
}

/* "200/s" */
static void take_rate(struct hf_reader *r, int64_t *ret)
{
	const struct hf_word_at *word = hf_words_peek(&r->words);
	uint64_t rate;
	if (!word || word->len < 3 || memcmp(word->text + word->len - 2, "/s", 2) != 0 ||
		!hf_parse_u64(word->text, word->len - 2, 100000, &rate) || !rate) {
		hf_words_expected(&r->words, "a rate such as 200/s (1/s to 100000/s)", NULL);
		return;
	}
	*ret = (int64_t)rate;
	r->words.at++;
}

void hf_read_load(struct hf_reader *r, struct hf_play_event *event)
{
	take_rate(r, &event->ask.rate);
	if (hf_words_want(&r->words, "for"))
		hf_words_duration(&r->words, &event->ask.lasting);
	if (!r->words.bad)
		hf_words_take(&r->words, "names");
	int64_t rate = event->ask.rate;
	hf_us lasting = event->ask.lasting;
	if (!r->words.bad)
		hf_read_ask(r, event);
	event->ask.rate = rate;
	event->ask.lasting = lasting;
	if (!r->words.bad && (lasting / HF_SECOND + 1) > 10 * (int64_t)HF_PLAY_REPEATS_MAX / rate)
		hf_words_fault(&r->words, "more than %d questions", 10 * HF_PLAY_REPEATS_MAX);
}
