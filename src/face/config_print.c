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

static void write_origin(const struct hf_config *config, uint32_t line, FILE *out)
{
	if (line == HF_ORIGIN_DEFAULT) {
		fprintf(out, "default");
		return;
	}
	hf_write_shown(out, config->source, strlen(config->source));
	fprintf(out, ":%u", line);
}

static void end_line(struct printer *p, uint32_t line)
{
	int pad = COMMENT_COLUMN - p->column;
	fprintf(p->out, "%*s # ", pad > 0 ? pad : 0, "");
	write_origin(p->config, line, p->out);
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

/* As it was written: with `auto` where that stood. Nothing of it is for keeping, and
 * all but the count of its holders is copied: that others change meanwhile. */
static void copy_as_written(const struct hf_config *config, struct hf_config *ret)
{
	const size_t rest = offsetof(struct hf_config, arena);
	atomic_init(&ret->refs, 0);
	memcpy((char *)ret + rest, (const char *)config + rest, sizeof *ret - rest);
	if (ret->workers_auto)
		ret->process.workers = 0;
}

/* Closes the stream; the text, or NULL if some of it is missing. */
static char *whole_text(FILE *out, char **text, bool good)
{
	good = !ferror(out) && good;
	if (fclose(out) == 0 && good)
		return *text;
	free(*text);
	return NULL;
}

char *hf_config_yaml(const struct hf_config *config)
{
	char *text = NULL;
	size_t len = 0;
	struct hf_config written;
	copy_as_written(config, &written);
	struct printer p = {.config = &written};
	p.out = open_memstream(&text, &len);
	if (!p.out)
		return NULL;
	for (unsigned id = 0; id < HF_SECTIONS; id++)
		print_section(&p, config->origins, id);
	return whole_text(p.out, &text, true);
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

/* The name is shown the same way everywhere, and made showable once. */
static json_t *json_of_origin(const char *shown, uint32_t line)
{
	return line == HF_ORIGIN_DEFAULT ? json_string("default")
					 : json_sprintf("%s:%u", shown, line);
}

struct json_printer {
	const char *source; /* its name, as it may be shown */
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

static char *shown(const char *name)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	hf_write_shown(out, name, strlen(name));
	return whole_text(out, &text, true);
}

static char *dump(const json_t *whole)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = whole ? open_memstream(&text, &len) : NULL;
	if (!out)
		return NULL;
	int error = json_dumpf(whole, out, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	return whole_text(out, &text, !error);
}

char *hf_config_json(const struct hf_config *config)
{
	char *name = shown(config->source), *text = NULL;
	struct hf_config written;
	copy_as_written(config, &written);
	if (!name)
		return NULL;
	struct json_printer p = {.source = name,
		.config = &written,
		.values = json_object(),
		.origins = json_object()};
	for (unsigned id = 0; id < HF_SECTIONS; id++)
		add_section(&p, config->origins, id);
	json_t *whole = json_pack("{s:o?, s:o?, s:o?}", "source", json_string(config->source),
		"config", p.values, "origins", p.origins);
	text = dump(whole);
	json_decref(whole);
	free(name);
	return text;
}
