/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"

#define LISTED_MAX 8 /* addresses and prefixes written out in one line */

/* ---- the table ---- */

void hf_findings_clear(struct hf_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		free(findings->items[i].said);
	free(findings->items);
	free(findings->questions);
	*findings = (struct hf_findings){0};
}

/* Makes room for `more` items behind `count`. False: no memory. */
static bool reserve(void **items, size_t *cap, size_t count, size_t more, size_t size)
{
	size_t wanted = *cap ? *cap : 16;
	while (wanted < count + more)
		wanted *= 2;
	if (wanted == *cap)
		return true;
	void *grown = realloc(*items, wanted * size);
	if (!grown)
		return false;
	*items = grown;
	*cap = wanted;
	return true;
}

int hf_findings_add(struct hf_findings *f, const struct hf_question *question,
	const struct hf_expected *expected, const uint16_t *upstreams, size_t count)
{
	if (f->count + count > HF_FINDINGS_MAX || f->question_count >= HF_FINDINGS_MAX) {
		f->refused++;
		return HF_EBOUND;
	}
	if (!reserve((void **)&f->questions, &f->question_cap, f->question_count, 1,
		    sizeof *f->questions) ||
		!reserve((void **)&f->items, &f->cap, f->count, count, sizeof *f->items))
		return -ENOMEM;
	f->questions[f->question_count] = (struct hf_examined_question){.question = *question,
		.expected = expected,
		.first = (uint32_t)f->count,
		.count = (uint32_t)count};
	for (size_t i = 0; i < count; i++)
		f->items[f->count++] = (struct hf_finding){.question = (uint32_t)f->question_count,
			.upstream = upstreams[i],
			.place = (uint16_t)i,
			.why = "there was no time left"};
	f->question_count++;
	return 0;
}

static const struct hf_examined_question *question_of(
	const struct hf_findings *f, const struct hf_finding *finding)
{
	return &f->questions[finding->question];
}

/* ---- what was heard ---- */

void hf_finding_fail(struct hf_finding *finding, bool silent, const char *why, hf_us took)
{
	finding->found = silent ? HF_FOUND_SILENT : HF_FOUND_FAILED;
	finding->took = took;
	snprintf(finding->why, sizeof finding->why, "%s", why);
}

int hf_finding_hear(struct hf_findings *f, struct hf_finding *finding, const uint8_t *m,
	const struct hf_message_view *view, hf_us took)
{
	const struct hf_examined_question *q = question_of(f, finding);
	finding->said = malloc(sizeof *finding->said);
	if (!finding->said) {
		hf_finding_fail(finding, false, "not enough memory to keep the answer", took);
		return -ENOMEM;
	}
	hf_testimony_read(&q->question, m, view, finding->said);
	finding->took = took;
	finding->why[0] = '\0';
	finding->belief = q->expected ? hf_judge(q->expected, finding->said, &finding->evidence)
				      : HF_BELIEF_GOOD;
	finding->found = finding->belief == HF_BELIEF_LIE    ? HF_FOUND_LIE
			 : finding->belief == HF_BELIEF_GOOD ? HF_FOUND_TRUE
							     : HF_FOUND_UNSURE;
	return 0;
}

/* Is the answer at odds with the list of addresses, and with nothing else that one
 * address can show? Then the list may be what is wrong. */
static bool breaks_the_list(const struct hf_finding *finding)
{
	return finding->said && !finding->said->more && finding->belief == HF_BELIEF_LIE &&
	       finding->evidence.lie == HF_LIE_ADDRESS;
}

bool hf_finding_wants_proof(const struct hf_findings *f, const struct hf_finding *finding)
{
	const struct hf_expected *expected = question_of(f, finding)->expected;
	if (!expected || expected->conf->prove == HF_PROVE_NOT || !finding->said ||
		!finding->said->count)
		return false;
	return finding->belief != HF_BELIEF_LIE || breaks_the_list(finding);
}

void hf_finding_show(struct hf_finding *finding, const struct hf_address *address,
	enum hf_shown shown, const char *why)
{
	finding->shown[shown]++;
	/* The worst that was seen, and of that the first, is what is told. */
	if (shown == HF_SHOWN_FAILS && finding->shown[shown] == 1 &&
		finding->belief != HF_BELIEF_LIE) {
		finding->evidence = (struct hf_evidence){.lie = HF_LIE_PROOF, .address = *address};
		snprintf(finding->evidence.why, sizeof finding->evidence.why, "%s", why);
	} else if (shown == HF_SHOWN_MISSING && finding->shown[shown] == 1) {
		char text[HF_ADDRESS_TEXT_MAX];
		snprintf(finding->why, sizeof finding->why, "%s: %s",
			hf_address_text(address, text), why);
	}
}

/* ---- what it comes to ---- */

static bool is_denial(const struct hf_expected *expected, const struct hf_finding *finding)
{
	return finding->said && hf_denies_expected(expected, finding->said);
}

static bool refutes_denials(const struct hf_expected *expected, const struct hf_finding *finding)
{
	return finding->found == HF_FOUND_TRUE && finding->said->rcode == HF_RCODE_NOERROR &&
	       !is_denial(expected, finding);
}

static const char *denied_text(const struct hf_finding *finding)
{
	return finding->said->rcode == HF_RCODE_NXDOMAIN
		       ? "addresses are expected, and nobody who was asked knows the name"
		       : "an address is expected, and nobody who was asked gives one";
}

static void settle_proof(const struct hf_findings *f, struct hf_finding *finding)
{
	if (!hf_finding_wants_proof(f, finding) || finding->belief == HF_BELIEF_LIE)
		return;
	if (finding->shown[HF_SHOWN_FAILS])
		finding->found = HF_FOUND_LIE;
	else if (finding->shown[HF_SHOWN_HOLDS] < finding->said->count)
		finding->found = HF_FOUND_UNPROVEN;
	else
		finding->found = HF_FOUND_TRUE;
	if (finding->found == HF_FOUND_UNPROVEN && !finding->why[0])
		snprintf(finding->why, sizeof finding->why,
			"there was no time left to look at certificates");
}

/* As whoever asks for a client has it (trial.h): who hands out its addresses in turns
 * agrees with itself. */
static bool agree(const struct hf_testimony *a, const struct hf_testimony *b)
{
	return hf_testimony_same(a, b) || (a->count && b->count && hf_testimony_shared(a, b));
}

/* How many agree with this one, itself included; those that lied are not heard. */
static unsigned votes(const struct hf_finding *rows, size_t count, const struct hf_finding *one)
{
	unsigned n = 0;
	for (size_t i = 0; i < count; i++)
		n += rows[i].said && rows[i].found != HF_FOUND_LIE && agree(rows[i].said, one->said);
	return n;
}

/* Who is outvoted has not lied: networks that answer by place differ by design. But
 * whoever asks for agreement wants to know. */
static void settle_vote(const struct hf_expected *expected, struct hf_finding *rows, size_t count)
{
	unsigned most = 0;
	for (size_t i = 0; i < count; i++) {
		unsigned n = rows[i].said && rows[i].found != HF_FOUND_LIE ?
			votes(rows, count, &rows[i]) : 0;
		most = n > most ? n : most;
	}
	for (size_t i = 0; i < count; i++) {
		struct hf_finding *row = &rows[i];
		if (!row->said || row->found == HF_FOUND_LIE || row->found == HF_FOUND_UNPROVEN)
			continue;
		unsigned n = votes(rows, count, row);
		row->found = n >= expected->agree ? HF_FOUND_TRUE : HF_FOUND_UNSURE;
		if (row->found == HF_FOUND_UNSURE && most >= expected->agree)
			snprintf(row->why, sizeof row->why, "%u others agree on something else", most);
		else if (row->found == HF_FOUND_UNSURE)
			snprintf(row->why, sizeof row->why, "%u of %u agree, %u are wanted", n,
				(unsigned)count, expected->agree);
	}
}

static void settle_denials(
	const struct hf_expected *expected, struct hf_finding *rows, size_t count)
{
	bool known = false;
	for (size_t i = 0; i < count; i++)
		known |= refutes_denials(expected, &rows[i]);
	for (size_t i = 0; i < count; i++) {
		struct hf_finding *row = &rows[i];
		if (!is_denial(expected, row) || row->found == HF_FOUND_LIE)
			continue;
		row->found = known ? HF_FOUND_LIE : HF_FOUND_DENIED;
		row->evidence = (struct hf_evidence){
			.lie = known ? hf_lie_of_denial(row->said) : HF_LIE_NONE};
		snprintf(row->why, sizeof row->why, "%s", known ? "" : denied_text(row));
	}
}

/* Do two or more answer, and all the same, though it is not on the list? */
static bool all_say_so(const struct hf_finding *rows, size_t count)
{
	const struct hf_finding *first = NULL;
	unsigned n = 0;
	for (size_t i = 0; i < count; i++) {
		if (!rows[i].said)
			continue;
		if (!breaks_the_list(&rows[i]) ||
			(first && !hf_testimony_same(first->said, rows[i].said)))
			return false;
		first = first ? first : &rows[i];
		n++;
	}
	return n >= 2;
}

static bool has_proof(const struct hf_finding *row)
{
	return breaks_the_list(row) && row->said->count &&
	       row->shown[HF_SHOWN_HOLDS] == row->said->count;
}

void hf_findings_settle(struct hf_findings *f, uint32_t question)
{
	struct hf_examined_question *q = &f->questions[question];
	struct hf_finding *rows = &f->items[q->first];
	if (!q->expected)
		return;
	for (size_t i = 0; i < q->count; i++) {
		settle_proof(f, &rows[i]);
		q->proven |= has_proof(&rows[i]);
	}
	if (q->expected->agree)
		settle_vote(q->expected, rows, q->count);
	else
		settle_denials(q->expected, rows, q->count);
	q->outdated = q->proven ||
		      (q->expected->conf->prove == HF_PROVE_NOT && all_say_so(rows, q->count));
}

/* ---- to be read ---- */

static bool listed(const struct hf_prefix_list *list, const struct hf_address *address)
{
	for (size_t i = 0; i < list->count; i++)
		if (hf_prefix_has(&list->items[i], address))
			return true;
	return false;
}

static bool has(const struct hf_address *list, size_t count, const struct hf_address *address)
{
	for (size_t i = 0; i < count; i++)
		if (hf_address_equal(&list[i], address))
			return true;
	return false;
}

size_t hf_findings_propose(const struct hf_findings *f, const struct hf_examined_question *q,
	struct hf_address *ret, size_t max)
{
	size_t n = 0;
	if (!q->outdated)
		return 0;
	for (size_t i = 0; i < q->count; i++) {
		const struct hf_finding *row = &f->items[q->first + i];
		if (q->proven ? !has_proof(row) : !breaks_the_list(row))
			continue;
		for (unsigned a = 0; a < row->said->count && n < max; a++) {
			const struct hf_address *address = &row->said->addresses[a];
			if (!listed(&q->expected->conf->addresses, address) &&
				!has(ret, n, address))
				ret[n++] = *address;
		}
	}
	return n;
}

bool hf_findings_alike(const struct hf_findings *f, const struct hf_examined_question *q)
{
	const struct hf_testimony *first = NULL;
	for (size_t i = 0; i < q->count; i++) {
		const struct hf_testimony *said = f->items[q->first + i].said;
		if (first && said && !hf_testimony_same(first, said))
			return false;
		first = first ? first : said;
	}
	return true;
}

struct hf_finding_sums hf_findings_sum(const struct hf_findings *f, uint16_t upstream)
{
	struct hf_finding_sums sums = {.all = 0};
	for (size_t i = 0; i < f->count; i++) {
		const struct hf_finding *row = &f->items[i];
		if (upstream != UINT16_MAX && row->upstream != upstream)
			continue;
		sums.of[row->found]++;
		sums.all++;
		if (row->said && row->took > sums.slowest)
			sums.slowest = row->took;
	}
	return sums;
}

const char *hf_found_name(enum hf_found found)
{
	static const char *const names[HF_FOUNDS] = {
		[HF_FOUND_NOT_ASKED] = "not asked",
		[HF_FOUND_TRUE] = "true",
		[HF_FOUND_LIE] = "lie",
		[HF_FOUND_DENIED] = "denied",
		[HF_FOUND_UNPROVEN] = "unproven",
		[HF_FOUND_UNSURE] = "unsure",
		[HF_FOUND_SILENT] = "no answer",
		[HF_FOUND_FAILED] = "failed",
	};
	return found < HF_FOUNDS ? names[found] : "?";
}

/* Adds to text that ends with a NUL; what does not fit is cut. */
static __attribute__((format(printf, 3, 4))) void add(
	char *buf, size_t size, const char *format, ...)
{
	size_t len = strlen(buf);
	va_list args;
	va_start(args, format);
	vsnprintf(buf + len, size - len, format, args);
	va_end(args);
}

const char *hf_said_text(const struct hf_finding *finding, char buf[static HF_SAID_TEXT_MAX])
{
	char text[HF_ADDRESS_TEXT_MAX];
	const struct hf_testimony *said = finding->said;
	buf[0] = '\0';
	if (!said)
		return buf;
	for (unsigned i = 0; i < said->count && i < LISTED_MAX; i++)
		add(buf, HF_SAID_TEXT_MAX, "%s%s", i ? ", " : "",
			hf_address_text(&said->addresses[i], text));
	if (said->count > LISTED_MAX)
		add(buf, HF_SAID_TEXT_MAX, " and %u more", said->count - LISTED_MAX);
	if (!said->count)
		add(buf, HF_SAID_TEXT_MAX, "%s",
			said->rcode == HF_RCODE_NXDOMAIN ? "NXDOMAIN"
			: said->denial                   ? "nothing of this type"
							 : "an answer");
	return buf;
}

const char *hf_finding_text(const struct hf_finding *finding, char buf[static HF_EVIDENCE_TEXT_MAX])
{
	if (finding->found == HF_FOUND_LIE)
		return hf_evidence_text(&finding->evidence, buf);
	snprintf(buf, HF_EVIDENCE_TEXT_MAX, "%s",
		finding->found == HF_FOUND_TRUE ? "" : finding->why);
	return buf;
}

static void add_prefixes(char *buf, const char *key, const struct hf_prefix_list *list)
{
	char text[HF_ADDRESS_TEXT_MAX];
	for (size_t i = 0; i < list->count && i < LISTED_MAX; i++)
		add(buf, HF_EXPECTS_TEXT_MAX, "%s%s", i ? ", " : key,
			hf_prefix_text(&list->items[i], text));
	if (list->count > LISTED_MAX)
		add(buf, HF_EXPECTS_TEXT_MAX, " and %zu more", list->count - LISTED_MAX);
	if (list->count)
		add(buf, HF_EXPECTS_TEXT_MAX, "; ");
}

const char *hf_expects_text(const struct hf_expectation *e, char buf[static HF_EXPECTS_TEXT_MAX])
{
	buf[0] = '\0';
	add_prefixes(buf, "addresses in ", &e->addresses);
	add_prefixes(buf, "none in ", &e->never);
	for (size_t i = 0; i < e->cname.count && i < LISTED_MAX; i++)
		add(buf, HF_EXPECTS_TEXT_MAX, "%s%.60s", i ? ", " : "cname ", e->cname.items[i]);
	add(buf, HF_EXPECTS_TEXT_MAX, "%s", e->cname.count ? "; " : "");
	if (e->prove == HF_PROVE_TLS)
		add(buf, HF_EXPECTS_TEXT_MAX, "a certificate at port %u; ", e->prove_port);
	if (strcmp(e->agree, "none") != 0)
		add(buf, HF_EXPECTS_TEXT_MAX, "%s agree; ", e->agree);
	size_t len = strlen(buf);
	if (len >= 2 && buf[len - 2] == ';')
		buf[len - 2] = '\0';
	return buf;
}
