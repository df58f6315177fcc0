/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A check as JUnit's XML. There is no standard; this is what Jenkins, GitLab and the
 * tools around GitHub Actions read alike. */
#include "base/check.h"
#include "face/findings.h"
#include "face/junit.h"
#include "face/live.h"

/* Text in an attribute. XML 1.0 has no way to write most control characters. */
static void write_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '&')
			fputs("&amp;", out);
		else if (c == '<')
			fputs("&lt;", out);
		else if (c == '>')
			fputs("&gt;", out);
		else if (c == '"')
			fputs("&quot;", out);
		else
			fputc(c < 0x20 || c > 0x7e ? '?' : c, out);
	}
}

void hf_junit_attribute(FILE *out, const char *name, const char *value)
{
	fprintf(out, " %s=\"", name);
	write_escaped(out, value);
	fputc('"', out);
}

void hf_junit_result(FILE *out, const char *element, const char *type, const char *message)
{
	fprintf(out, "\n      <%s", element);
	hf_junit_attribute(out, "type", type);
	hf_junit_attribute(out, "message", message);
	fprintf(out, "/>\n    ");
}

static void write_case(const struct hf_examined *examined, const struct hf_finding *f,
	const char *class, FILE *out)
{
	const struct hf_examined_question *q = &examined->findings.questions[f->question];
	char question[HF_QUESTION_TEXT_MAX];
	struct hf_text text = hf_text(4096);
	enum hf_live_class is = hf_live_class(f);
	fprintf(out, "    <testcase");
	hf_junit_attribute(out, "classname", class);
	hf_junit_attribute(out, "name", hf_question_text(&q->question, question));
	fprintf(out, " time=\"%.3f\">", (double)f->took / HF_SECOND);
	if (is != HF_LIVE_GOOD) {
		hf_finding_say(examined, f, &text);
		if (q->outdated && f->found == HF_FOUND_LIE) {
			hf_text_add(&text, "; ");
			hf_finding_propose(examined, q, &text);
		}
		hf_junit_result(out, is == HF_LIVE_FAILURE ? "failure" : "error",
			hf_found_name(f->found), text.bytes ? text.bytes : "");
	}
	fprintf(out, "</testcase>\n");
	hf_text_clear(&text);
}

void hf_junit_open_suite(FILE *out, const char *name, size_t tests, size_t failures, size_t errors)
{
	fprintf(out, "  <testsuite");
	hf_junit_attribute(out, "name", name);
	fprintf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"0\">\n", tests,
		failures, errors);
}

static void write_upstream(
	const struct hf_examined *examined, uint16_t upstream, const char *prefix, FILE *out)
{
	const struct hf_findings *all = &examined->findings;
	const struct hf_upstream_conf *conf = &examined->plan->forward->upstreams[upstream];
	size_t sums[3] = {0}, tests = 0;
	char where[HF_WHERE_TEXT_MAX], name[512];
	for (size_t i = 0; i < all->count; i++) {
		if (all->items[i].upstream != upstream)
			continue;
		sums[hf_live_class(&all->items[i])]++;
		tests++;
	}
	if (!tests)
		return;
	snprintf(name, sizeof name, "%s %s (%s)", prefix, conf->name,
		hf_where_text(conf, where));
	hf_junit_open_suite(out, name, tests, sums[HF_LIVE_FAILURE], sums[HF_LIVE_ERROR]);
	for (size_t i = 0; i < all->count; i++)
		if (all->items[i].upstream == upstream)
			write_case(examined, &all->items[i], name, out);
	fprintf(out, "  </testsuite>\n");
}

static void write_item(const struct hf_audit_item *item, FILE *out)
{
	char name[512];
	if (item->line)
		snprintf(name, sizeof name, "%s:%u %s", item->file, item->line, item->what);
	else
		snprintf(name, sizeof name, "%s %s", item->file, item->what);
	fprintf(out, "    <testcase");
	hf_junit_attribute(out, "classname", "host");
	hf_junit_attribute(out, "name", name);
	fprintf(out, ">");
	if (item->finding) {
		char message[2048];
		snprintf(message, sizeof message, "%s%s%s", item->what,
			*item->instead ? "; instead: " : "", item->instead);
		hf_junit_result(out, "failure", "host", message);
	}
	fprintf(out, "</testcase>\n");
}

static void write_host(const struct hf_audit *audit, FILE *out)
{
	hf_junit_open_suite(out, "host", audit->count, hf_audit_findings(audit), 0);
	for (size_t i = 0; i < audit->count; i++)
		write_item(&audit->items[i], out);
	fprintf(out, "  </testsuite>\n");
}

void hf_live_write_junit(const struct hf_live *live, FILE *out)
{
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"holdfast check "
		"--live\" time=\"%.3f\">\n",
		(double)live->took / HF_SECOND);
	for (uint16_t u = 0; live->examined && u < live->config->forward.upstream_count; u++)
		write_upstream(live->examined, u, "upstream", out);
	for (uint16_t u = 0; live->beside && u < live->forward.upstream_count; u++)
		write_upstream(live->beside, u, "resolver of the", out);
	if (live->audit)
		write_host(live->audit, out);
	if (live->error) {
		hf_junit_open_suite(out, "upstreams", 1, 0, 1);
		fprintf(out, "    <testcase classname=\"upstreams\" name=\"asked\">");
		hf_junit_result(out, "error", "system", "upstreams could not be asked");
		fprintf(out, "</testcase>\n  </testsuite>\n");
	}
	fprintf(out, "</testsuites>\n");
}
