/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration as understood: every value with where it came from. */
#include <jansson.h>
#include <stdarg.h>

#include "face/config_rows.h"

#include "base/check.h"
#include "base/error.h"

#define COMMENT_COLUMN 44 /* right of nearly every value */
#define INLINE_MAX 56     /* octets of a list that still stands on one line */

struct printer {
	FILE *out;
	int column;
	const struct hf_source *source;
	const struct hf_config *config;
};

/* ---- YAML ---- */

static bool is_plain(const char *text)
{
	static const char begin[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/";
	size_t len = strlen(text), alnum = strspn(text, begin);
	if (!alnum || text[len - 1] == ':' || strcmp(text, "null") == 0)
		return false;
	for (const char *c = text; *c; c++)
		if (!strchr(begin, *c) && !strchr(".:_%+-", *c))
			return false;
	return true;
}

static int write_quoted(FILE *out, const char *text)
{
	int n = fprintf(out, "\"");
	uint32_t code;
	for (size_t len = strlen(text), size; len; text += size, len -= size) {
		size = hf_utf8_char(text, len, &code);
		if (hf_unexpected(!size)) /* whatever was read was UTF-8 */
			break;
		if (code == '"' || code == '\\')
			n += fprintf(out, "\\%c", (char)code);
		else if (hf_must_escape(code))
			n += fprintf(out, "\\U%08x", code);
		else
			n += fprintf(out, "%.*s", (int)size, text);
	}
	return n + fprintf(out, "\"");
}

static int write_word(FILE *out, const char *text)
{
	return is_plain(text) ? fprintf(out, "%s", text) : write_quoted(out, text);
}

void hf_write_yaml_word(FILE *out, const char *text)
{
	write_word(out, text);
}

__attribute__((format(printf, 2, 3))) static void put(struct printer *p, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vfprintf(p->out, format, args);
	va_end(args);
	p->column += n > 0 ? n : 0;
}

static void put_word(struct printer *p, const char *text)
{
	p->column += write_word(p->out, text);
}

static void write_origin(const struct hf_source *source, uint32_t at, FILE *out)
{
	if (at == HF_ORIGIN_DEFAULT) {
		fprintf(out, "default");
		return;
	}
	hf_write_shown(out, source->name, strlen(source->name));
	fprintf(out, ":%u", hf_source_line(source, at));
}

static void end_line(struct printer *p, uint32_t at)
{
	int pad = COMMENT_COLUMN - p->column;
	fprintf(p->out, "%*s # ", pad > 0 ? pad : 0, "");
	write_origin(p->source, at, p->out);
	fputc('\n', p->out);
	p->column = 0;
}

static bool fits_line(struct printer *p, struct hf_key key, const void *entry)
{
	char buf[HF_NAME_TEXT_MAX];
	size_t total = 0, count = hf_key_count(key, entry);
	for (size_t i = 0; i < count && total <= INLINE_MAX; i++)
		total += strlen(hf_key_text(key, p->config, entry, i, buf)) + 2;
	return total <= INLINE_MAX;
}

static void print_inline(struct printer *p, struct hf_key key, const void *entry, uint32_t origin)
{
	char buf[HF_NAME_TEXT_MAX];
	bool list = hf_key_is_list(key);
	put(p, "%s", list ? " [" : " ");
	for (size_t i = 0; i < hf_key_count(key, entry); i++) {
		put(p, "%s", i ? ", " : "");
		put_word(p, hf_key_text(key, p->config, entry, i, buf));
	}
	put(p, "%s", list ? "]" : "");
	end_line(p, origin);
}

static void print_block(struct printer *p, int indent, struct hf_key key, const void *entry,
	uint32_t origin)
{
	char buf[HF_NAME_TEXT_MAX];
	end_line(p, origin);
	for (size_t i = 0; i < hf_key_count(key, entry); i++) {
		put(p, "%*s- ", indent + 2, "");
		put_word(p, hf_key_text(key, p->config, entry, i, buf));
		end_line(p, origin);
	}
}

/* Prints the keys of one entry; `- ` before the first makes it an item. */
static void print_keys(struct printer *p, const struct hf_section *section, int indent, bool item,
	const void *entry, const uint32_t *origins)
{
	for (size_t i = 0; i < hf_section_keys(section); i++) {
		struct hf_key key = hf_section_key(section, i);
		put(p, "%*s%s:", indent, item && !i ? "- " : "", key.row->name);
		if (!hf_key_is_list(key) || fits_line(p, key, entry))
			print_inline(p, key, entry, origins[i]);
		else
			print_block(p, indent, key, entry, origins[i]);
	}
}

static void print_section(struct printer *p, const struct hf_origins *origins,
	enum hf_section_id id)
{
	const struct hf_section *section = &hf_sections[id];
	size_t count, keys = hf_section_keys(section);
	const char *entries = hf_section_entries(section, p->config, &count);
	if (!count)
		return; /* a section that nobody has written down, and without built-in entries */
	if (section->kind != HF_KIND_TOP) {
		put(p, "%s:", section->name);
		end_line(p, origins->of[id].section);
	}
	for (size_t i = 0; i < count; i++) {
		const void *entry = entries + i * section->size;
		if (section->kind == HF_KIND_NAMED) {
			put(p, "  ");
			put_word(p, hf_entry_name(section, entry));
			put(p, ":");
			end_line(p, origins->of[id].entries[i]);
		}
		int indent = section->kind == HF_KIND_TOP ? 0 : section->kind == HF_KIND_ONE ? 2 : 4;
		print_keys(p, section, indent, section->kind == HF_KIND_LIST, entry,
			origins->of[id].keys + i * keys);
	}
}

/* Closes the stream and keeps what was written in the configuration's arena. */
static int keep_text(FILE *out, char **text, size_t *len, struct hf_config *config,
	const char **ret)
{
	int error = ferror(out) ? -ENOMEM : 0;
	if (fclose(out))
		error = -ENOMEM;
	const char *copy = error ? NULL : hf_arena_text(&config->arena, *text, *len);
	free(*text);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

int hf_print_yaml(const struct hf_source *source, const struct hf_origins *origins,
	struct hf_config *config)
{
	char *text = NULL;
	size_t len = 0;
	struct printer p = { .source = source, .config = config };
	p.out = open_memstream(&text, &len);
	if (!p.out)
		return -ENOMEM;
	for (unsigned id = 0; id < HF_SECTIONS; id++)
		print_section(&p, origins, id);
	return keep_text(p.out, &text, &len, config, &config->printed_yaml);
}

/* ---- JSON ---- */

json_t *hf_json_of_text(struct hf_key key, const char *text)
{
	if (!key.own && key.row->type == HF_OPT_FLAG)
		return json_boolean(strcmp(text, "yes") == 0);
	uint64_t number;
	if (!key.own && key.row->type == HF_OPT_COUNT &&
		hf_parse_u64(text, strlen(text), UINT32_MAX, &number))
		return json_integer((json_int_t)number);
	return json_string(text);
}

json_t *hf_json_of_key(const struct hf_config *config, struct hf_key key, const void *entry)
{
	char buf[HF_NAME_TEXT_MAX];
	if (!hf_key_is_list(key))
		return hf_json_of_text(key, hf_key_text(key, config, entry, 0, buf));
	json_t *list = json_array();
	for (size_t i = 0; i < hf_key_count(key, entry); i++)
		json_array_append_new(list, hf_json_of_text(key, hf_key_text(key, config, entry, i, buf)));
	return list;
}

static json_t *json_of_origin(const struct hf_source *source, uint32_t at)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	write_origin(source, at, out);
	json_t *origin = fclose(out) ? NULL : json_stringn(text, len);
	free(text);
	return origin;
}

struct json_printer {
	const struct hf_source *source;
	const struct hf_config *config;
	json_t *values;  /* "config" */
	json_t *origins; /* "cache.size" -> "holdfast.yaml:4" */
};

/* Fills `into` with an entry's keys, and the origins under `path`. */
static void add_keys(struct json_printer *p, const struct hf_section *section, const char *path,
	const void *entry, const uint32_t *origins, json_t *into)
{
	char name[256];
	for (size_t i = 0; i < hf_section_keys(section); i++) {
		struct hf_key key = hf_section_key(section, i);
		snprintf(name, sizeof name, "%s%s%s", path, *path ? "." : "", key.row->name);
		json_object_set_new(into, key.row->name, hf_json_of_key(p->config, key, entry));
		json_object_set_new(p->origins, name, json_of_origin(p->source, origins[i]));
	}
}

static void add_section(struct json_printer *p, const struct hf_origins *origins,
	enum hf_section_id id)
{
	const struct hf_section *section = &hf_sections[id];
	size_t count, keys = hf_section_keys(section);
	const char *entries = hf_section_entries(section, p->config, &count);
	char path[128];
	if (!count)
		return;
	json_t *all = section->kind == HF_KIND_LIST ? json_array() : json_object();
	if (section->kind != HF_KIND_TOP)
		json_object_set_new(p->values, section->name, all);
	for (size_t i = 0; i < count; i++) {
		const void *entry = entries + i * section->size;
		json_t *into = section->kind == HF_KIND_TOP ? p->values : all;
		snprintf(path, sizeof path, "%s", section->name ? section->name : "");
		if (section->kind == HF_KIND_LIST) {
			snprintf(path, sizeof path, "%s[%zu]", section->name, i);
			json_array_append_new(all, into = json_object());
		} else if (section->kind == HF_KIND_NAMED) {
			const char *name = hf_entry_name(section, entry);
			snprintf(path, sizeof path, "%s.%.63s", section->name, name);
			json_object_set_new(all, name, into = json_object());
		}
		add_keys(p, section, path, entry, origins->of[id].keys + i * keys, into);
	}
	if (section->kind == HF_KIND_TOP)
		json_decref(all);
}

int hf_print_json(const struct hf_source *source, const struct hf_origins *origins,
	struct hf_config *config)
{
	char *text = NULL;
	size_t len = 0;
	int error = -ENOMEM;
	struct json_printer p = { .source = source, .config = config, .values = json_object(),
		.origins = json_object() };
	for (unsigned id = 0; id < HF_SECTIONS; id++)
		add_section(&p, origins, id);
	json_t *whole = json_pack("{s:o?, s:o?, s:o?}", "source", json_string(source->name),
		"config", p.values, "origins", p.origins);
	FILE *out = whole ? open_memstream(&text, &len) : NULL;
	if (out) {
		error = json_dumpf(whole, out, JSON_INDENT(2) | JSON_ENSURE_ASCII) ? -ENOMEM : 0;
		int kept = keep_text(out, &text, &len, config, &config->printed_json);
		error = error ? error : kept;
	}
	json_decref(whole);
	return error;
}
