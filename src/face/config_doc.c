/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known about the keys, for people and for editors. */
#include <jansson.h>

#include "face/config_rows.h"

#include "base/check.h"
#include "base/error.h"

/* Read by a test as any file would be: it stays true. */
static const char example[] =
	"listen:\n"
	"  dns: [127.0.0.1:53, \"[::1]:53\"]     # UDP and TCP\n"
	"  http: 127.0.0.1:9153                # /metrics, /healthz, /ready, /api\n"
	"clients:\n"
	"  allow: [127.0.0.0/8, \"::1\", 10.0.0.0/8]\n"
	"upstreams:\n"
	"  cloudflare: 1.1.1.1                 # short for { address: 1.1.1.1 }\n"
	"  quad9: { address: 9.9.9.9, timeout-max: 800ms }\n"
	"  inner: { address: \"tcp://10.0.0.2:5353\", case-mix: no }\n"
	"forward:\n"
	"  - { zone: \".\", to: [cloudflare, quad9] }\n"
	"  - { zone: corp.example, to: inner }\n"
	"  - { zone: 10.in-addr.arpa, to: inner }\n"
	"expect:\n"
	"  - { name: db.corp.example, addresses: 10.0.8.0/24 }\n"
	"  - { name: shop.example, prove: tls }\n"
	"cache: { size: 1GiB, ttl-max: 12h }\n"
	"log: { level: warning, format: json }\n";

static const struct {
	const char *kind, *written;
} notations[] = {
	{ "duration", "`400ms`, `2s`, `1.5s`, `10m`, `4h`, `3d`, sums such as `4h10m`, or `0`; any "
		"other number needs its unit" },
	{ "size", "`4096`, `64KiB`, `256MiB`, `2GiB`, `1TiB`; powers of 1024 only" },
	{ "rate", "`1024/s`, so many a second" },
	{ "address", "`192.0.2.1`, `192.0.2.1:53`, `\"[2001:db8::1]:53\"`, `\"fe80::1%2\"` (a "
		"numeric scope); never a host name" },
	{ "prefix", "`10.0.0.0/8`, `\"fc00::/7\"`, or an address for itself alone" },
	{ "list", "`[one, two]`, items on lines of their own behind `- `, or a single value" },
	{ "yes or no", "`yes`, `no`, `true`, `false`, `on`, `off`" },
};

/* ---- what a key takes, as a phrase ---- */

static void write_range(const struct hf_option *row, FILE *out)
{
	char least[HF_NUMBER_TEXT_MAX], most[HF_NUMBER_TEXT_MAX];
	if (row->type == HF_OPT_DURATION)
		fprintf(out, "%s to %s", hf_duration_text((hf_us)row->min, least),
			hf_duration_text((hf_us)row->max, most));
	else if (row->type == HF_OPT_SIZE)
		fprintf(out, "%s to %s", hf_size_text(row->min, least),
			hf_size_text(row->max, most));
	else if (row->type == HF_OPT_RATE)
		fprintf(out, "%llu/s to %llu/s", (unsigned long long)row->min,
			(unsigned long long)row->max);
	else
		fprintf(out, "%llu to %llu", (unsigned long long)row->min,
			(unsigned long long)row->max);
}

static void write_takes(struct hf_key key, FILE *out)
{
	static const struct {
		const char *phrase;
		bool range;
	} kinds[] = {
		[HF_OPT_FLAG] = { "yes or no", false },
		[HF_OPT_COUNT] = { "number, ", true },
		[HF_OPT_DURATION] = { "duration, ", true },
		[HF_OPT_SIZE] = { "size, ", true },
		[HF_OPT_RATE] = { "rate, ", true },
		[HF_OPT_TEXT] = { "text, ", true },
		[HF_OPT_WORD] = { "", false },
		[HF_OPT_ADDRESS] = { "address or none", false },
		[HF_OPT_ADDRESSES] = { "list of addresses", false },
		[HF_OPT_PREFIXES] = { "list of prefixes", false },
		[HF_OPT_TEXTS] = { "list of texts", false },
	};
	char words[HF_OPTION_TAKES_MAX];
	if (key.own) {
		fputs(key.own->takes, out);
		return;
	}
	fputs(kinds[key.row->type].phrase, out);
	if (kinds[key.row->type].range)
		write_range(key.row, out);
	if (key.row->type == HF_OPT_TEXT)
		fputs(" bytes", out);
	hf_option_words(key.row, words);
	if (words[0])
		fprintf(out, "%s%s", key.row->type == HF_OPT_WORD ? "" : ", or ", words);
}

static const char *when(const struct hf_option *row)
{
	return row->live ? "reload" : "restart";
}

/* Rows that stand in another section are not written twice. */
static size_t keys_shown(const struct hf_section *section)
{
	size_t i = 0, keys = hf_section_keys(section);
	while (i < keys && (!section->inherits || hf_section_key(section, i).own))
		i++;
	return i;
}

static int end_of(FILE *out)
{
	return fflush(out) || ferror(out) ? -EIO : 0;
}

/* ---- the reference page ---- */

static const char introduction[] =
	"# Configuration\n\n"
	"<!-- Written by `holdfast doc reference` from the option rows: change those. -->\n\n"
	"holdfast reads one YAML file. Every key has a default, so an empty file, or none, is a\n"
	"complete configuration: it answers on 127.0.0.1:5300 and forwards to public resolvers\n"
	"and to those of the host.\n\n"
	"`holdfast check` names every fault of a file in one run, with line, column and what was\n"
	"expected; `holdfast check -p` prints the configuration as understood, with where each\n"
	"value came from. A file with a fault changes nothing. `holdfast reload` takes changes\n"
	"over while running, and names those that wait for a restart.\n\n"
	"## Example\n\n```yaml\n";

static const char quoting[] =
	"Put quotes round what begins with `[`, `:`, `*` or `&`. Anchors, aliases, tags, merge keys, "
	"directives and second documents are refused: what a file means can be seen where it stands.";

static void write_notation(FILE *out)
{
	fprintf(out, "## How values are written\n\n| Kind | Written as |\n| --- | --- |\n");
	for (size_t i = 0; i < HF_COUNT_OF(notations); i++)
		fprintf(out, "| %s | %s |\n", notations[i].kind, notations[i].written);
	fprintf(out, "\n%s\n", quoting);
}

static const char *form_of(const struct hf_section *section)
{
	static const char *const forms[] = {
		[HF_KIND_TOP] = "Keys with a plain value, at the top of the file.",
		[HF_KIND_ONE] = "A mapping.",
		[HF_KIND_NAMED] = "A mapping of entries by name (1 to 63 letters, digits, `-`, `_` "
			"and `.`).",
		[HF_KIND_LIST] = "A list of entries.",
	};
	return forms[section->kind];
}

static void write_table_row(struct hf_key key, FILE *out)
{
	fprintf(out, "| `%s` | ", key.row->name);
	write_takes(key, out);
	if (key.own)
		fprintf(out, " | must be given | ");
	else
		fprintf(out, " | `%s` | ", key.row->def);
	fprintf(out, "%s | %s |\n", when(key.row), key.row->help);
}

int hf_config_write_reference(FILE *out)
{
	fprintf(out, "%s%s```\n\n", introduction, example);
	write_notation(out);
	for (unsigned id = 0; id < HF_SECTIONS; id++) {
		const struct hf_section *section = &hf_sections[id];
		if (section->name)
			fprintf(out, "\n## `%s`\n\n", section->name);
		else
			fprintf(out, "\n## The process\n\n");
		fprintf(out, "%s %s", section->help, form_of(section));
		if (section->shorthand)
			fprintf(out, " An entry that is only its `%s` may be written as that alone.",
				section->own[0].row.name);
		if (section->entry)
			fprintf(out, " At most %zu.", section->max);
		fprintf(out, "\n\n| Key | Takes | Default | Changes at | Meaning |\n"
			"| --- | --- | --- | --- | --- |\n");
		for (size_t i = 0; i < keys_shown(section); i++)
			write_table_row(hf_section_key(section, i), out);
	}
	return end_of(out);
}

/* ---- the manual ---- */

/* Text for mdoc: backslashes and quotes written out, `words` in quotes, each
 * sentence on its line, and no line that could be taken for a request. */
static void write_roff(const char *text, FILE *out)
{
	bool inside = false, line_begins = true;
	for (const char *c = text; *c; c++) {
		if (line_begins && (*c == '.' || *c == '\''))
			fputs("\\&", out);
		line_begins = *c == '\n';
		if (*c == '`')
			fputs((inside = !inside) ? "\\(lq" : "\\(rq", out);
		else if (*c == '\\')
			fputs("\\e", out);
		else if (*c == '"')
			fputs("\\(dq", out);
		else if (*c == ' ' && c > text && c[-1] == '.')
			fputc('\n', out);
		else
			fputc(*c, out);
	}
}

static void write_manual_key(struct hf_key key, FILE *out)
{
	char *takes = NULL;
	size_t len = 0;
	FILE *phrase = open_memstream(&takes, &len);
	if (phrase) {
		write_takes(key, phrase);
		fclose(phrase);
	}
	fprintf(out, ".It Cm %s : ", key.row->name);
	write_roff(takes ? takes : "", out);
	fputc('\n', out);
	free(takes);
	write_roff(key.row->help, out);
	if (key.own) {
		fputs("\nIt must be given.\n", out);
	} else {
		fputs("\nThe default is\n.Ql ", out);
		write_roff(key.row->def, out);
		fputs(" .\n", out);
	}
	if (!key.row->live)
		fputs("A change needs a restart.\n", out);
}

static void write_manual_values(FILE *out)
{
	fprintf(out, ".Ss How values are written\n.Bl -tag -width Ds\n");
	for (size_t i = 0; i < HF_COUNT_OF(notations); i++) {
		fprintf(out, ".It %s\n", notations[i].kind);
		write_roff(notations[i].written, out);
		fputc('\n', out);
	}
	fprintf(out, ".El\n.Pp\n");
	write_roff(quoting, out);
	fputc('\n', out);
}

int hf_config_write_manual(FILE *out)
{
	write_manual_values(out);
	for (unsigned id = 0; id < HF_SECTIONS; id++) {
		const struct hf_section *section = &hf_sections[id];
		fprintf(out, ".Ss %s\n", section->name ? section->name : "The process");
		write_roff(section->help, out);
		fputc('\n', out);
		write_roff(form_of(section), out);
		fprintf(out, "\n.Bl -tag -width Ds\n");
		for (size_t i = 0; i < keys_shown(section); i++)
			write_manual_key(hf_section_key(section, i), out);
		fprintf(out, ".El\n");
	}
	fprintf(out, ".Sh EXAMPLES\n.Bd -literal -offset indent\n");
	write_roff(example, out);
	fprintf(out, ".Ed\n");
	return end_of(out);
}

/* ---- the schema ---- */

#define DECIMAL "[0-9]+(\\.[0-9]{1,6})?"
#define DURATION_PATTERN "^(?=[0-9])(" DECIMAL "d)?(" DECIMAL "h)?(" DECIMAL "m)?(" DECIMAL "s)?(" \
	DECIMAL "ms)?(" DECIMAL "us)?$|^0$"
#define RATE_PATTERN "^[0-9]+/s$"
#define SIZE_PATTERN "^[0-9]+(KiB|MiB|GiB|TiB)?$"
/* Loose: what an address is, the parser knows better than any pattern. */
#define ADDRESS_PATTERN "^[\\[\\]0-9A-Fa-f.:%]+$"
#define PREFIX_PATTERN "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$"
#define NAME_PATTERN "^[A-Za-z0-9._-]{1,63}$"

static json_t *string_like(const char *pattern)
{
	return json_pack("{s:s, s:s}", "type", "string", "pattern", pattern);
}

static json_t *either(json_t *a, json_t *b)
{
	return json_pack("{s:[o, o]}", "anyOf", a, b);
}

static json_t *one_of_words(const struct hf_option *row)
{
	json_t *words = json_array();
	for (const struct hf_word *word = row->words; word && word->word; word++)
		json_array_append_new(words, json_string(word->word));
	return json_pack("{s:o}", "enum", words);
}

/* One value, or a list of such. */
static json_t *listed(json_t *(*item)(const void *), const void *about, size_t least, size_t most)
{
	json_t *list = json_pack("{s:s, s:o, s:I, s:b}", "type", "array", "items", item(about),
		"minItems", (json_int_t)least, "uniqueItems", 1);
	if (most)
		json_object_set_new(list, "maxItems", json_integer((json_int_t)most));
	return either(item(about), list);
}

static json_t *pattern_item(const void *pattern)
{
	return string_like(pattern);
}

static json_t *whole_number(const struct hf_option *row)
{
	return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)row->min,
		"maximum", (json_int_t)row->max);
}

static json_t *schema_of_row(const struct hf_option *row)
{
	switch (row->type) {
	case HF_OPT_FLAG:
		return json_pack("{s:[b, b, s, s, s, s, s, s]}", "enum", 1, 0, "yes", "no", "true",
			"false", "on", "off");
	case HF_OPT_COUNT:
		return row->words ? either(whole_number(row), one_of_words(row)) : whole_number(row);
	case HF_OPT_DURATION:
		/* 0 is written without a unit; where there are words it is none of the values. */
		return either(row->words ? one_of_words(row) : json_pack("{s:i}", "const", 0),
			string_like(DURATION_PATTERN));
	case HF_OPT_SIZE:
		return either(whole_number(row), string_like(SIZE_PATTERN));
	case HF_OPT_RATE:
		return row->words ? either(string_like(RATE_PATTERN), one_of_words(row))
				  : string_like(RATE_PATTERN);
	case HF_OPT_TEXT:
		return json_pack("{s:s, s:I, s:I}", "type", "string", "minLength",
			(json_int_t)row->min, "maxLength", (json_int_t)row->max);
	case HF_OPT_WORD: return one_of_words(row);
	case HF_OPT_ADDRESS: return either(string_like("^none$"), string_like(ADDRESS_PATTERN));
	case HF_OPT_ADDRESSES: return listed(pattern_item, ADDRESS_PATTERN, 1, 0);
	case HF_OPT_TEXTS: return listed(pattern_item, ".", 0, 0);
	case HF_OPT_PREFIXES: return listed(pattern_item, PREFIX_PATTERN, 0, 0);
	}
	return json_object();
}

static json_t *own_item(const void *about)
{
	const struct hf_own_key *own = about;
	if (own->pattern)
		return string_like(own->pattern);
	return json_pack("{s:s, s:i}", "type", "string", "minLength", 1);
}

static json_t *schema_of_key(struct hf_key key)
{
	char *text = NULL;
	size_t len = 0;
	json_t *schema = !key.own ? schema_of_row(key.row) : !key.own->list ? own_item(key.own) :
		listed(own_item, key.own, 1, key.own->max);
	FILE *out = open_memstream(&text, &len);
	if (!out)
		return schema;
	fprintf(out, "%s (", key.row->help);
	write_takes(key, out);
	fprintf(out, "; changes at %s)", when(key.row));
	if (!fclose(out))
		json_object_set_new(schema, "description", json_string(text));
	free(text);
	return schema;
}

/* Adds a section's keys to `properties`, with their defaults; entry is where the
 * defaults of lists can be seen. NULL, where there are no entries unless given: lists
 * are empty then. Returns the keys that must be given. */
static json_t *add_properties(const struct hf_section *section, const struct hf_config *defaults,
	const void *entry, json_t *properties)
{
	json_t *required = json_array();
	for (size_t i = 0; i < hf_section_keys(section); i++) {
		struct hf_key key = hf_section_key(section, i);
		json_t *schema = schema_of_key(key);
		if (key.own)
			json_array_append_new(required, json_string(key.row->name));
		else if (section->inherits)
			json_object_del(schema, "default");
		else if (hf_key_is_list(key))
			json_object_set_new(schema, "default",
				entry ? hf_json_of_key(defaults, key, entry) : json_array());
		else
			json_object_set_new(schema, "default", hf_json_of_text(key, key.row->def));
		json_object_set_new(properties, key.row->name, schema);
	}
	return required;
}

static json_t *closed_object(json_t *properties, json_t *required)
{
	return json_pack("{s:s, s:b, s:o, s:o}", "type", "object", "additionalProperties", 0,
		"required", required, "properties", properties);
}

static json_t *schema_of_section(const struct hf_section *section, const struct hf_config *defaults)
{
	size_t count;
	const void *entries = hf_section_entries(section, defaults, &count);
	json_t *properties = json_object();
	json_t *required = add_properties(section, defaults, entries, properties);
	json_t *entry = closed_object(properties, required), *schema = entry;
	if (section->shorthand)
		entry = either(own_item(&section->own[0]), entry);
	if (section->kind == HF_KIND_NAMED)
		schema = json_pack("{s:s, s:i, s:I, s:o, s:o}", "type", "object", "minProperties", 1,
			"maxProperties", (json_int_t)section->max, "propertyNames",
			string_like(NAME_PATTERN), "additionalProperties", entry);
	else if (section->kind == HF_KIND_LIST)
		schema = json_pack("{s:s, s:i, s:I, s:o}", "type", "array", "minItems", 1, "maxItems",
			(json_int_t)section->max, "items", entry);
	json_object_set_new(schema, "description", json_string(section->help));
	return schema;
}

int hf_config_write_schema(FILE *out)
{
	struct hf_config *defaults;
	int error = hf_config_parse("(defaults)", "", 0, stderr, &defaults);
	if (error)
		return error;
	json_t *properties = json_object();
	const struct hf_section *top = &hf_sections[HF_SECTION_TOP];
	json_t *required = add_properties(top, defaults, &defaults->process, properties);
	for (unsigned id = HF_SECTION_TOP + 1; id < HF_SECTIONS; id++)
		json_object_set_new(properties, hf_sections[id].name,
			schema_of_section(&hf_sections[id], defaults));
	hf_config_unref(defaults);
	/* An empty file is a good one: its YAML value is null. */
	json_t *schema = json_pack("{s:s, s:s, s:s, s:[s, s], s:b, s:o, s:o}", "$schema",
		"https://json-schema.org/draft/2020-12/schema", "title", "holdfast.yaml", "description",
		"Configuration of the DNS server holdfast.", "type", "object", "null",
		"additionalProperties", 0, "required", required, "properties", properties);
	error = schema && !json_dumpf(schema, out, JSON_INDENT(2)) ? 0 : -ENOMEM;
	fputc('\n', out);
	json_decref(schema);
	return error ? error : end_of(out);
}
