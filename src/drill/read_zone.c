/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/read.h"

#include "base/check.h"
#include "base/error.h"
#include "zone/text.h"

struct gathering {
	struct hf_reader *r;
	struct hf_peer_data *data;
	size_t cap;
	unsigned first_line; /* of the text within the file; 0: a file of its own */
	const char *file;
};

static int gather_record(void *ctx, const struct hf_zone_record *record)
{
	struct gathering *g = ctx;
	if (record->class != HF_CLASS_IN || g->data->count >= HF_PEER_RECORDS_MAX)
		return record->class == HF_CLASS_IN ? HF_EBOUND : 0;
	if (g->data->count == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 4;
		struct hf_peer_record *items = hf_read_memory(g->r, cap * sizeof *items);
		if (!items)
			return -ENOMEM;
		if (g->data->count)
			memcpy(items, g->data->items, g->data->count * sizeof *items);
		g->data->items = items;
		g->cap = cap;
	}
	uint8_t *rdata = hf_read_memory(g->r, record->rdata_len);
	if (!rdata)
		return -ENOMEM;
	memcpy(rdata, record->rdata, record->rdata_len);
	struct hf_peer_record *to = &g->data->items[g->data->count++];
	*to = (struct hf_peer_record){ record->owner, record->type, record->rdata_len, record->ttl, rdata };
	hf_name_lower(to->owner.bytes, to->owner.len);
	return 0;
}

static void gather_fault(void *ctx, uint32_t line, const char *why)
{
	struct gathering *g = ctx;
	struct hf_words *w = &g->r->words;
	if (!g->first_line && !g->file) {
		hf_words_fault(w, "%s", why); /* of one line of the play */
		return;
	}
	line += g->first_line ? g->first_line - 1 : 0;
	w->bad = true;
	if (++w->faults <= HF_FAULTS_TOLD)
		fprintf(w->complaints, "%s:%u: %s\n", g->file ? g->file : w->file, (unsigned)line, why);
}

void hf_read_zone_text(struct hf_reader *r, const char *text, size_t len, unsigned first_line,
	const char *file, struct hf_peer_data *data)
{
	static const struct hf_zone_handler handler = { gather_record, gather_fault };
	struct gathering g = { r, data, data->count, first_line, file };
	const struct hf_zone_text in = { .text = text, .len = len, .ttl = 300,
		.records_max = HF_PEER_RECORDS_MAX, .faults_max = 8 };
	int rc = hf_zone_text_read(&in, &handler, &g);
	if (rc && !r->words.bad)
		hf_words_fault(&r->words, "zone text: %s", hf_strerror(rc));
}

/* Text up to and with the line that is only "}". */
void hf_read_zone_block(struct hf_reader *r, struct hf_peer_data *data)
{
	const char *from = r->at;
	unsigned first = r->words.line + 1;
	while (r->at < r->end) {
		const char *line = r->at, *stop = memchr(line, '\n', (size_t)(r->end - line));
		const char *end = stop ? stop : r->end;
		r->at = stop ? stop + 1 : r->end;
		r->words.line++;
		while (line < end && (*line == ' ' || *line == '\t'))
			line++;
		if (line < end && *line == '}') {
			hf_read_zone_text(r, from, (size_t)(line - from), first, NULL, data);
			return;
		}
	}
	hf_words_fault(&r->words, "expected '}' at the end of the zone, found the end of the file");
}

/* The whole of a file with a NUL behind it, to be freed; NULL and errno. */
char *hf_read_file(const char *path, size_t most, size_t *ret_len)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t len = 0, cap = 0;
	if (!file)
		return NULL;
	do {
		if (len + 1 >= cap) {
			char *more = realloc(text, cap = cap ? 2 * cap : 65536);
			hf_require(more);
			text = more;
		}
		len += fread(text + len, 1, cap - len - 1, file);
	} while (!feof(file) && !ferror(file) && len <= most);
	int error = ferror(file) ? errno : len > most ? EFBIG : 0;
	fclose(file);
	if (error) {
		free(text);
		errno = error;
		return NULL;
	}
	text[len] = '\0';
	*ret_len = len;
	return text;
}

void hf_read_zone_file(struct hf_reader *r, struct hf_peer_data *data)
{
	const char *name = hf_words_text(&r->words, "a file or '{'"), *file = r->scenario->file;
	const char *slash = strrchr(file, '/');
	char path[4096];
	size_t len = 0;
	if (r->words.bad)
		return;
	/* A scenario that somebody sent may not look around. */
	if (name[0] == '/' || strstr(name, "..")) {
		r->words.at--;
		hf_words_expected(&r->words, "a file that lies beside this one, or below", NULL);
		return;
	}
	snprintf(path, sizeof path, "%.*s%s", slash ? (int)(slash - file + 1) : 0, file, name);
	char *text = hf_read_file(path, HF_ZONE_TEXT_MAX, &len);
	if (!text) {
		r->words.at--;
		hf_words_fault(&r->words, "cannot read %s: %s", path, hf_strerror(-errno));
		return;
	}
	hf_read_zone_text(r, text, len, 0, path, data);
	free(text);
}

/* "OWNER TYPE DATA... [ttl N]" */
void hf_read_answers(struct hf_reader *r, struct hf_peer_data *data)
{
	struct hf_words *w = &r->words;
	const struct hf_word_at *first = hf_words_peek(w);
	size_t last = w->count;
	int64_t ttl = 300;
	if (last - w->at >= 2 && hf_words_are(&w->items[last - 2], "ttl")) {
		size_t at = w->at;
		w->at = last - 1;
		if (!hf_words_number(w, "seconds", 0, INT32_MAX, &ttl))
			return;
		w->at = at;
		last -= 2;
	}
	if (last - w->at < 3) {
		w->at = last;
		hf_words_fault(w, "expected OWNER TYPE DATA [ttl SECONDS], found the end of it");
		return;
	}
	const char *owner_end = first->text + first->len, *end = w->items[last - 1].text + w->items[last - 1].len;
	size_t room = (size_t)(end - first->text) + 32, len;
	char *text = hf_read_memory(r, room);
	if (!text)
		return;
	len = (size_t)snprintf(text, room, "%.*s %lld%.*s\n", (int)first->len, first->text, (long long)ttl,
		(int)(end - owner_end), owner_end);
	size_t before = data->count;
	hf_read_zone_text(r, text, len, 0, NULL, data);
	if (!w->bad && data->count == before)
		hf_words_expected(w, "a record", NULL);
	w->at = w->count;
}
