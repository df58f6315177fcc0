/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/expect.h"

#include <libknot/descriptor.h>

#include "base/buffer.h"
#include "base/check.h"

/* ---- comparisons ---- */

static const char *const compare_words[] = {
	[HF_EQUAL] = "==", [HF_LESS] = "<", [HF_AT_MOST] = "<=", [HF_MORE] = ">",
	[HF_AT_LEAST] = ">=", [HF_NOT] = "!=",
};

bool hf_compare(int64_t a, enum hf_compare how, int64_t b)
{
	switch (how) {
	case HF_EQUAL: return a == b;
	case HF_LESS: return a < b;
	case HF_AT_MOST: return a <= b;
	case HF_MORE: return a > b;
	case HF_AT_LEAST: return a >= b;
	case HF_NOT: return a != b;
	}
	return false;
}

enum hf_compare hf_compare_take(struct hf_words *w)
{
	for (size_t i = 0; i < HF_COUNT_OF(compare_words); i++)
		if (hf_words_take(w, compare_words[i]))
			return (enum hf_compare)i;
	return HF_EQUAL;
}

/* ---- what a reply holds ---- */

typedef bool visitor(const struct hf_seen *seen, const struct hf_record *record, void *arg);

/* Visits the answer records until one returns true. */
static bool any_answer(const struct hf_seen *seen, visitor *visit, void *arg)
{
	size_t at = seen->view.question_end;
	struct hf_record record;
	for (unsigned i = 0; i < seen->view.answers; i++, at = record.end) {
		if (hf_record_read(seen->m, seen->len, at, &record))
			return false;
		if (visit(seen, &record, arg))
			return true;
	}
	return false;
}

static bool is_of_type(const struct hf_seen *seen, const struct hf_record *record, void *arg)
{
	(void)arg;
	return record->type == seen->type;
}

static bool has_data(const struct hf_seen *seen, const struct hf_record *record, void *arg)
{
	const struct hf_expect *expect = arg;
	return record->type == seen->type && record->rdata_len == expect->rdata_len &&
	       memcmp(seen->m + record->rdata_at, expect->rdata, expect->rdata_len) == 0;
}

static bool holds_data(const struct hf_seen *seen, const struct hf_expect *expect)
{
	return seen->view.rcode == HF_RCODE_NOERROR && any_answer(seen, has_data, (void *)(uintptr_t)expect);
}

static bool holds_nodata(const struct hf_seen *seen, const struct hf_expect *expect)
{
	(void)expect;
	return seen->view.rcode == HF_RCODE_NOERROR && !(seen->view.flags & HF_FLAG_TC) &&
	       !any_answer(seen, is_of_type, NULL);
}

#define RCODE(name, code) \
	static bool holds_##name(const struct hf_seen *seen, const struct hf_expect *expect) \
	{ \
		(void)expect; \
		return seen->view.rcode == (code); \
	}

RCODE(noerror, HF_RCODE_NOERROR)
RCODE(formerr, HF_RCODE_FORMERR)
RCODE(servfail, HF_RCODE_SERVFAIL)
RCODE(nxdomain, HF_RCODE_NXDOMAIN)
RCODE(notimp, HF_RCODE_NOTIMP)
RCODE(refused, HF_RCODE_REFUSED)

#define NUMBER(name, value) \
	static bool holds_##name(const struct hf_seen *seen, const struct hf_expect *expect) \
	{ \
		return hf_compare((int64_t)(value), expect->compare, expect->number); \
	}

NUMBER(ttl, seen->view.ttl_min)
NUMBER(ede, seen->view.edns.ede)
NUMBER(records, seen->view.answers)
NUMBER(bytes, seen->len)

static bool holds_within(const struct hf_seen *seen, const struct hf_expect *expect)
{
	return seen->took <= expect->number;
}

static bool holds_after(const struct hf_seen *seen, const struct hf_expect *expect)
{
	return seen->took >= expect->number;
}

static bool holds_truncated(const struct hf_seen *seen, const struct hf_expect *expect)
{
	(void)expect;
	return seen->view.flags & HF_FLAG_TC;
}

static bool is_stale(const struct hf_seen *seen)
{
	return seen->view.edns.ede == HF_EDE_STALE || seen->view.edns.ede == HF_EDE_STALE_NXDOMAIN;
}

static bool holds_stale(const struct hf_seen *seen, const struct hf_expect *expect)
{
	(void)expect;
	return is_stale(seen);
}

static bool holds_fresh(const struct hf_seen *seen, const struct hf_expect *expect)
{
	(void)expect;
	return !is_stale(seen) && (seen->view.rcode == HF_RCODE_NOERROR ||
					  seen->view.rcode == HF_RCODE_NXDOMAIN);
}

static bool holds_cached(const struct hf_seen *seen, const struct hf_expect *expect)
{
	(void)expect;
	return !seen->asked_meanwhile;
}

static bool holds_fetched(const struct hf_seen *seen, const struct hf_expect *expect)
{
	(void)expect;
	return seen->asked_meanwhile;
}

static bool holds_from(const struct hf_seen *seen, const struct hf_expect *expect)
{
	return seen->from == expect->number;
}

/* Checked where it is known that nothing came. */
static bool holds_nothing(const struct hf_seen *seen, const struct hf_expect *expect)
{
	(void)expect;
	return !seen->replied;
}

const struct hf_expect_row hf_expect_address = { "an address", HF_TAKES_DATA, holds_data };

const struct hf_expect_row hf_expect_rows[] = {
	{ "noerror", HF_TAKES_NOTHING, holds_noerror },
	{ "formerr", HF_TAKES_NOTHING, holds_formerr },
	{ "servfail", HF_TAKES_NOTHING, holds_servfail },
	{ "nxdomain", HF_TAKES_NOTHING, holds_nxdomain },
	{ "notimp", HF_TAKES_NOTHING, holds_notimp },
	{ "refused", HF_TAKES_NOTHING, holds_refused },
	{ "nodata", HF_TAKES_NOTHING, holds_nodata },
	{ "data", HF_TAKES_DATA, holds_data },
	{ "ttl", HF_TAKES_COMPARISON, holds_ttl },
	{ "ede", HF_TAKES_COMPARISON, holds_ede },
	{ "records", HF_TAKES_COMPARISON, holds_records },
	{ "bytes", HF_TAKES_COMPARISON, holds_bytes },
	{ "within", HF_TAKES_DURATION, holds_within },
	{ "after", HF_TAKES_DURATION, holds_after },
	{ "truncated", HF_TAKES_NOTHING, holds_truncated },
	{ "stale", HF_TAKES_NOTHING, holds_stale },
	{ "fresh", HF_TAKES_NOTHING, holds_fresh },
	{ "cached", HF_TAKES_NOTHING, holds_cached },
	{ "fetched", HF_TAKES_NOTHING, holds_fetched },
	{ "from", HF_TAKES_UPSTREAM, holds_from },
	{ "nothing", HF_TAKES_NOTHING, holds_nothing },
	{ NULL, HF_TAKES_NOTHING, NULL },
};

/* ---- in words ---- */

static bool write_record(const struct hf_seen *seen, const struct hf_record *record, void *arg)
{
	struct hf_writer *w = arg;
	struct hf_address a = { .family = record->type == HF_TYPE_A ? 4 : 6 };
	char text[HF_ADDRESS_TEXT_MAX], type[32];
	if (w->len > HF_SEEN_TEXT_MAX / 2) {
		hf_write_text(w, " ...");
		return true;
	}
	if ((record->type == HF_TYPE_A && record->rdata_len == 4) ||
		(record->type == HF_TYPE_AAAA && record->rdata_len == 16)) {
		memcpy(a.bytes, seen->m + record->rdata_at, record->rdata_len);
		hf_write_text(w, " %s", hf_address_text(&a, text));
	} else {
		knot_rrtype_to_string(record->type, type, sizeof type);
		hf_write_text(w, " %s(%u octets)", type, record->rdata_len);
	}
	hf_write_text(w, " ttl %u", (unsigned)record->ttl);
	return false;
}

static const char *rcode_text(unsigned rcode, char buf[static 16])
{
	static const char *const names[] = { "noerror", "formerr", "servfail", "nxdomain", "notimp",
		"refused" };
	if (rcode < HF_COUNT_OF(names))
		return names[rcode];
	snprintf(buf, 16, "rcode %u", rcode & 0xffff);
	return buf;
}

const char *hf_seen_text(const struct hf_seen *seen, char buf[static HF_SEEN_TEXT_MAX])
{
	char rcode[16];
	struct hf_writer w = hf_writer((uint8_t *)buf, HF_SEEN_TEXT_MAX - 1);
	if (!seen->replied) {
		snprintf(buf, HF_SEEN_TEXT_MAX, "nothing");
		return buf;
	}
	hf_write_text(&w, "%s", rcode_text(seen->view.rcode, rcode));
	if (seen->view.flags & HF_FLAG_TC)
		hf_write_text(&w, " truncated");
	any_answer(seen, write_record, &w);
	if (seen->view.edns.ede != HF_EDE_NONE)
		hf_write_text(&w, " ede %d", (int)seen->view.edns.ede);
	hf_write_text(&w, " after %.3f ms", (double)seen->took / (double)HF_MS);
	hf_write_text(&w, seen->asked_meanwhile ? "" : ", cached");
	buf[w.len] = '\0';
	return buf;
}
