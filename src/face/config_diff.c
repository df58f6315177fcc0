/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/config_rows.h"

#include "base/check.h"

/* Values of one key for a line of text; long lists are cut. */
static void write_values(struct hf_key key, const struct hf_config *config, const void *entry,
	FILE *out)
{
	char buf[HF_NAME_TEXT_MAX];
	size_t count = hf_key_count(key, entry), shown = count < 4 ? count : 4;
	if (!count)
		fprintf(out, "[]");
	for (size_t i = 0; i < shown; i++)
		fprintf(out, "%s%s", i ? ", " : "", hf_key_text(key, config, entry, i, buf));
	if (shown < count)
		fprintf(out, " and %zu more", count - shown);
}

static unsigned compare_section(const struct hf_section *section, const struct hf_config *now,
	const struct hf_config *next, FILE *out)
{
	unsigned differ = 0;
	const char *a = (const char *)now + section->at, *b = (const char *)next + section->at;
	for (const struct hf_option *row = section->rows; row->name; row++) {
		struct hf_key key = { .row = row };
		if (row->live || hf_option_same(row, a + row->at, b + row->at))
			continue;
		differ++;
		fprintf(out, "%s%s%s: ", section->name ? section->name : "",
			section->name ? "." : "", row->name);
		write_values(key, now, a, out);
		fprintf(out, " -> ");
		write_values(key, next, b, out);
		fputc('\n', out);
	}
	return differ;
}

/* Entries of `upstreams` and `forward` come and go while running: all of their
 * rows are live, which a test holds to. */
unsigned hf_config_restart_needed(const struct hf_config *now, const struct hf_config *next,
	FILE *out)
{
	unsigned differ = 0;
	for (unsigned id = 0; id < HF_SECTIONS; id++)
		if (hf_sections[id].kind == HF_KIND_TOP || hf_sections[id].kind == HF_KIND_ONE)
			differ += compare_section(&hf_sections[id], now, next, out);
	return differ;
}
