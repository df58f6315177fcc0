/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Expectations: the name of one, and what is wrong with them together. */
#include "face/config_rows.h"

#include "base/check.h"
#include "base/error.h"
#include "engine/anchors.h"
#include "transport/trust.h"
#include "truth/expect.h"
#include "truth/meant.h"

#define NAME_TAKES "a name such as db.corp.example, or \"*.corp.example\" for all names below"

static void read_name(struct hf_reading *r, void *entry, const struct hf_node *node)
{
	struct hf_expectation *expectation = entry;
	char quoted[HF_QUOTE_MAX];
	if (!hf_expect_word(r, node, NAME_TAKES))
		return;
	const char *text = node->text;
	size_t len = node->len;
	expectation->below = len >= 2 && memcmp(text, "*.", 2) == 0;
	if (expectation->below && len > 2) {
		text += 2;
		len -= 2;
	} else if (expectation->below) {
		text++; /* "*.": all names there are */
		len--;
	}
	if (hf_name_from_text(text, len, &expectation->name))
		hf_complain(r->source, node->at, "'%s' is no domain name (write " NAME_TAKES ")",
			hf_quote(node->text, node->len, quoted));
}

static const char *text_of_name(const struct hf_config *config, const void *entry, size_t i,
	char buf[static HF_NAME_TEXT_MAX])
{
	const struct hf_expectation *expectation = entry;
	char name[HF_NAME_TEXT_MAX];
	(void)config;
	(void)i;
	hf_name_text(expectation->name.bytes, name);
	snprintf(buf, HF_NAME_TEXT_MAX, "%s%.*s", expectation->below ? "*." : "",
		(int)(HF_NAME_TEXT_MAX - 3), strcmp(name, ".") == 0 && expectation->below ? "" : name);
	return buf;
}

const struct hf_own_key hf_expectation_own_keys[] = {
	{ .row = { .name = "name", .live = true,
		.help = "The name that it is for, or `\"*.corp.example\"` for all names below corp.example but not "
			"itself." },
	  .takes = NAME_TAKES, .read = read_name, .text = text_of_name },
	{ .row = { .name = NULL } },
};

/* ---- together ---- */

struct name_at {
	const struct hf_expectation *expectation;
	uint32_t at;
};

static int compare(const void *a, const void *b)
{
	const struct name_at *x = a, *y = b;
	const struct hf_expectation *e = x->expectation, *f = y->expectation;
	if (e->below != f->below)
		return e->below - f->below;
	if (e->name.len != f->name.len)
		return e->name.len < f->name.len ? -1 : 1;
	int order = memcmp(e->name.bytes, f->name.bytes, e->name.len);
	return order ? order : x->at < y->at ? -1 : x->at > y->at;
}

static bool same_name(const struct hf_expectation *e, const struct hf_expectation *f)
{
	return e->below == f->below && e->name.len == f->name.len &&
	       memcmp(e->name.bytes, f->name.bytes, e->name.len) == 0;
}

static void check_twice(struct hf_reading *r)
{
	const struct hf_truth_conf *truth = &r->config->forward.truth;
	char text[HF_NAME_TEXT_MAX], quoted[HF_QUOTE_MAX];
	struct name_at *names = hf_arena_get(r->scratch, truth->expectation_count * sizeof *names);
	if (!names) {
		r->failed = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < truth->expectation_count; i++)
		names[i] = (struct name_at){ &truth->expectations[i],
			hf_place_of(r, HF_SECTION_EXPECT, i, "name") };
	qsort(names, truth->expectation_count, sizeof *names, compare);
	for (size_t i = 1; i < truth->expectation_count && !hf_source_hopeless(r->source); i++) {
		if (!names[i].expectation->name.len ||
			!same_name(names[i].expectation, names[i - 1].expectation))
			continue;
		text_of_name(r->config, names[i].expectation, 0, text);
		hf_complain(r->source, names[i].at, "'%s' has two expectations, the first on line %u",
			hf_quote(text, strlen(text), quoted),
			hf_source_line(r->source, names[i - 1].at));
	}
}

static bool says_nothing(const struct hf_expectation *e)
{
	return !e->addresses.count && !e->never.count && !e->cname.count &&
	       e->prove == HF_PROVE_NOT && strcmp(e->agree, "none") == 0;
}

/* An example of what the expectation is for; the closest counts, alone, so it may still
 * be another's. */
static void check_example(struct hf_reading *r, size_t i, const char *text)
{
	const struct hf_expectation *e = &r->config->forward.truth.expectations[i];
	char quoted[HF_QUOTE_MAX];
	struct hf_name name;
	if (hf_name_from_text(text, strlen(text), &name)) {
		hf_complain(r->source, hf_place_of(r, HF_SECTION_EXPECT, i, "examples"),
			"'%s' in examples is no domain name", hf_quote(text, strlen(text), quoted));
		return;
	}
	bool within = hf_name_within(name.bytes, name.len, e->name.bytes, e->name.len);
	if (e->name.len && (!within || (e->below == (name.len == e->name.len))))
		hf_complain(r->source, hf_place_of(r, HF_SECTION_EXPECT, i, "examples"),
			"'%s' is no example: this expectation is not for it",
			hf_quote(text, strlen(text), quoted));
}

static bool lies_within(const struct hf_prefix *inner, const struct hf_prefix *outer)
{
	return outer->bits <= inner->bits && hf_prefix_has(outer, &inner->address);
}

/* What is expected must never be: then nothing of it would be believed. */
static void check_never(struct hf_reading *r, size_t i)
{
	const struct hf_expectation *e = &r->config->forward.truth.expectations[i];
	char inner[HF_ADDRESS_TEXT_MAX], outer[HF_ADDRESS_TEXT_MAX];
	for (size_t a = 0; a < e->addresses.count; a++)
		for (size_t n = 0; n < e->never.count; n++) {
			if (!lies_within(&e->addresses.items[a], &e->never.items[n]))
				continue;
			hf_warn(r->source, hf_place_of(r, HF_SECTION_EXPECT, i, "addresses"),
				"%s lies in %s, where by 'never' no address may be: none of it would "
				"be believed",
				hf_prefix_text(&e->addresses.items[a], inner),
				hf_prefix_text(&e->never.items[n], outer));
			break;
		}
}

/* Who has private addresses is not reached over the Internet, where IPv6 comes unasked. */
static bool lists_ipv4_only(const struct hf_expectation *e)
{
	bool public = false;
	for (size_t i = 0; i < e->addresses.count; i++) {
		if (e->addresses.items[i].address.family != 4)
			return false;
		public |= !hf_address_private(&e->addresses.items[i].address);
	}
	return public;
}

/* It may be meant so, and there may be thousands: it is said once. */
static void check_families(struct hf_reading *r)
{
	const struct hf_truth_conf *truth = &r->config->forward.truth;
	size_t count = 0, first = 0;
	char others[48] = "";
	for (size_t i = 0; i < truth->expectation_count; i++) {
		if (!lists_ipv4_only(&truth->expectations[i]))
			continue;
		first = count ? first : i;
		count++;
	}
	if (!count)
		return;
	if (count > 1)
		snprintf(others, sizeof others, " and in %zu more expectation%s", count - 1,
			count == 2 ? "" : "s");
	hf_warn(r->source, hf_place_of(r, HF_SECTION_EXPECT, first, "addresses"),
		"only IPv4 is listed here%s: an answer with an IPv6 address would be a lie", others);
}

static void check_one(struct hf_reading *r, size_t i)
{
	const struct hf_expectation *e = &r->config->forward.truth.expectations[i];
	char quoted[HF_QUOTE_MAX];
	unsigned k, n;
	hf_check_names(r, &e->cname, hf_place_of(r, HF_SECTION_EXPECT, i, "cname"), "cname");
	for (size_t x = 0; x < e->examples.count; x++)
		check_example(r, i, e->examples.items[x]);
	if (!hf_agree_read(e->agree, &k, &n))
		hf_complain(r->source, hf_place_of(r, HF_SECTION_EXPECT, i, "agree"),
			"'%s': expected how many of how many upstreams, such as 2 of 3, or none",
			hf_quote(e->agree, strlen(e->agree), quoted));
	if (says_nothing(e))
		hf_complain(r->source, hf_place_of(r, HF_SECTION_EXPECT, i, "name"),
			"nothing is expected: give addresses, never, cname, prove or agree");
	check_never(r, i);
}

/* Each file once, however many expectations name it. */
static void check_authorities(struct hf_reading *r)
{
	const struct hf_truth_conf *truth = &r->config->forward.truth;
	const char *seen[HF_ANCHORS_MAX], *ca;
	char quoted[HF_QUOTE_MAX];
	size_t count = 0, s;
	for (size_t i = 0; i < truth->expectation_count; i++) {
		struct hf_trust *trust = NULL;
		const struct hf_expectation *e = &truth->expectations[i];
		ca = e->prove_ca;
		for (s = 0; s < count && strcmp(seen[s], ca) != 0;)
			s++;
		if (e->prove == HF_PROVE_NOT || s < count)
			continue;
		if (count == HF_ANCHORS_MAX) {
			hf_complain(r->source, hf_place_of(r, HF_SECTION_EXPECT, i, "prove-ca"),
				"more than %d different files in prove-ca", HF_ANCHORS_MAX);
			return;
		}
		seen[count++] = ca;
		int rc = hf_anchors_load(ca, &trust);
		hf_trust_unref(trust);
		if (rc)
			hf_complain(r->source, hf_place_of(r, HF_SECTION_EXPECT, i, "prove-ca"),
				"nobody in '%s' can vouch for a name: %s",
				hf_quote(ca, strlen(ca), quoted),
				rc == HF_ESYNTAX ? "no certificate is in it" : hf_strerror(rc));
	}
}

/* Where a resolver runs that is no secret, an answer shows nothing. */
static void check_intercept(struct hf_reading *r)
{
	const struct hf_forward_conf *forward = &r->config->forward;
	const struct hf_address *probe = &forward->truth.intercept_probe;
	uint32_t at = hf_place_of(r, HF_SECTION_TRUTH, 0, "intercept-probe");
	if (!hf_address_set(probe))
		return;
	for (size_t i = 0; i < forward->upstream_count; i++)
		if (hf_address_equal(&forward->upstreams[i].address, probe))
			hf_complain(r->source, at,
				"upstream '%s' is at this address: give one at which no resolver "
				"runs",
				forward->upstreams[i].name);
	if (hf_listens_on(&r->config->listen, probe))
		hf_complain(r->source, at,
			"this is one of our own listen addresses: give one at which no resolver "
			"runs");
}

void hf_check_expectations(struct hf_reading *r)
{
	hf_check_names(r, &r->config->forward.truth.rebind_allow,
		hf_place_of(r, HF_SECTION_TRUTH, 0, "rebind-allow"), "rebind-allow");
	check_intercept(r);
	check_twice(r);
	check_authorities(r);
	for (size_t i = 0; i < r->config->forward.truth.expectation_count && !r->failed; i++)
		check_one(r, i);
	check_families(r);
}

/* ---- and the routes that its names take ---- */

static bool is_trusted_little(const struct hf_forward_conf *forward, const struct hf_route *route)
{
	for (size_t i = 0; i < route->upstream_count; i++)
		if (forward->upstreams[route->upstreams[i]].trust != HF_TRUST_LOW)
			return false;
	return true;
}

/* False: nothing was wrong. */
static bool check_route(
	struct hf_reading *r, const struct hf_expected *expected, const struct hf_route *route)
{
	const struct hf_expectation *e = expected->conf;
	const char *key = expected->agree ? "agree" : "prove";
	char zone[HF_NAME_TEXT_MAX], quoted[HF_QUOTE_MAX];
	uint32_t at = hf_place_of(r, HF_SECTION_EXPECT, expected->index, key);
	hf_name_text(route->zone.bytes, zone);
	hf_quote(zone, strlen(zone), quoted);
	if (expected->agree > route->upstream_count)
		hf_complain(r->source, at,
			"'%s', but the route for zone '%s' has only %u upstream%s: no answer "
			"would ever be believed",
			e->agree, quoted, (unsigned)route->upstream_count,
			route->upstream_count == 1 ? "" : "s");
	else if (expected->of > route->upstream_count)
		hf_warn(r->source, at, "'%s', but the route for zone '%s' has only %u upstreams",
			e->agree, quoted, (unsigned)route->upstream_count);
	else if ((expected->agree || e->prove != HF_PROVE_NOT) &&
		 is_trusted_little(&r->config->forward, route))
		hf_warn(r->source, at,
			"all upstreams of the route for zone '%s' have 'trust: low': nobody better "
			"is asked when they are wrong",
			quoted);
	else
		return false;
	return true;
}

/* A name takes the route of its longest zone. Below "*.corp.example" there may be zones
 * with routes of their own. */
void hf_check_enough(struct hf_reading *r)
{
	static const struct hf_hash_key key = {1, 2}; /* whoever wrote the file runs it */
	const struct hf_forward_conf *forward = &r->config->forward;
	struct hf_route_table *routes;
	struct hf_expect_table *expected;
	bool *told = hf_arena_get(r->scratch, forward->truth.expectation_count * sizeof *told);
	if (!forward->truth.expectation_count)
		return;
	if (!told || hf_route_table_build(r->scratch, &key, forward, &routes) ||
		hf_expect_table_build(r->scratch, &key, &forward->truth, &expected)) {
		r->failed = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < forward->truth.expectation_count; i++) {
		const struct hf_expected *one = hf_expect_at(expected, i);
		const struct hf_route *route = hf_route_find(routes, &one->conf->name);
		told[i] = route && check_route(r, one, route);
	}
	for (size_t i = 0; i < forward->route_count; i++) {
		const struct hf_route *route = &forward->routes[i];
		const struct hf_expected *one = hf_expect_find(expected, &route->zone);
		if (one && !told[one->index])
			told[one->index] = check_route(r, one, route);
	}
}

void hf_check_startup(struct hf_reading *r)
{
	hf_check_names(r, &r->config->startup.names, hf_place_of(r, HF_SECTION_STARTUP, 0, "names"),
		"startup.names");
}
