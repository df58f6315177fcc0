/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sight/log.h"

#include <pthread.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"

struct kind {
	hf_us since; /* the second that is being counted began here */
	uint32_t admitted;
	uint32_t suppressed;
};

struct hf_log {
	struct hf_log_to to;
	pthread_mutex_t lock; /* guards conf and the order of lines */
	struct hf_log_conf conf;
	struct kind kinds[HF_LOG_KINDS];
};

static const struct {
	const char *word;
	int priority; /* syslog's */
} levels[] = {
	[HF_LOG_ERROR] = { "error", 3 },
	[HF_LOG_WARNING] = { "warning", 4 },
	[HF_LOG_INFO] = { "info", 6 },
	[HF_LOG_DEBUG] = { "debug", 7 },
};

int hf_log_new(const struct hf_log_to *to, const struct hf_log_conf *conf, struct hf_log **ret)
{
	struct hf_log *log = calloc(1, sizeof *log);
	if (!log)
		return -ENOMEM;
	log->to = *to;
	log->conf = *conf;
	pthread_mutex_init(&log->lock, NULL);
	*ret = log;
	return 0;
}

void hf_log_free(struct hf_log *log)
{
	if (!log)
		return;
	pthread_mutex_destroy(&log->lock);
	free(log);
}

void hf_log_configure(struct hf_log *log, const struct hf_log_conf *conf)
{
	if (!log)
		return;
	pthread_mutex_lock(&log->lock);
	log->conf = *conf;
	pthread_mutex_unlock(&log->lock);
}

/* ---- characters ---- */

/* Length of the well-formed UTF-8 sequence at p, 0 if there is none (RFC 3629:
 * no surrogates, nothing over U+10FFFF, no longer form than needed). */
static size_t utf8_len(const unsigned char *p)
{
	if (p[0] < 0x80)
		return 1;
	size_t len = p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 :
		     p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

/* U+0080 to U+009F are control characters too: some terminals obey them. */
static bool is_control(const unsigned char *p)
{
	return p[0] < 0x20 || p[0] == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0);
}

static void put_escaped(struct hf_writer *w, const char *text, bool json)
{
	for (const unsigned char *p = (const unsigned char *)text; *p;) {
		size_t len = utf8_len(p);
		bool control = len && is_control(p);
		if (!len)
			hf_write_text(w, json ? "\\u00%02x" : "\\x%02x", *p);
		else if (control)
			hf_write_text(w, json ? "\\u00%02x" : "\\x%02x", p[len - 1]);
		else if (*p == '\\' || (*p == '"' && json))
			hf_write_text(w, "\\%c", *p);
		else
			hf_write(w, p, len);
		p += len ? len : 1;
	}
}

/* A value that would not end where its field ends is put into quotes. */
static bool wants_quotes(const char *text)
{
	return !*text || strpbrk(text, " =\"\t\n\r") != NULL;
}

static void put_quoted(struct hf_writer *w, const char *text)
{
	hf_write_u8(w, '"');
	put_escaped(w, text, true);
	hf_write_u8(w, '"');
}

/* ---- lines ---- */

static void put_time(struct hf_writer *w, const struct hf_log *log)
{
	time_t wall = (time_t)log->to.wall(log->to.wall_ctx);
	struct tm tm;
	char text[32];
	if (gmtime_r(&wall, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm))
		hf_write_text(w, "%s", text);
}

static void write_text_line(const struct hf_log *log, struct hf_writer *w, enum hf_log_level level,
	const char *message, const struct hf_log_field *field)
{
	if (log->to.journal) {
		hf_write_text(w, "<%d>", levels[level].priority);
	} else if (log->to.wall) {
		put_time(w, log);
		hf_write_u8(w, ' ');
	}
	hf_write_text(w, "%s ", levels[level].word);
	put_escaped(w, message, false);
	for (; field && field->key; field++) {
		hf_write_text(w, " %s=", field->key);
		if (!field->text)
			hf_write_text(w, "%lld", (long long)field->number);
		else if (wants_quotes(field->text))
			put_quoted(w, field->text);
		else
			put_escaped(w, field->text, false);
	}
}

static void write_json_line(const struct hf_log *log, struct hf_writer *w, enum hf_log_level level,
	const char *message, const struct hf_log_field *field)
{
	hf_write_u8(w, '{');
	if (log->to.wall) {
		hf_write_text(w, "\"time\":\"");
		put_time(w, log);
		hf_write_text(w, "\",");
	}
	hf_write_text(w, "\"level\":\"%s\",\"message\":", levels[level].word);
	put_quoted(w, message);
	for (; field && field->key; field++) {
		hf_write_text(w, ",\"%s\":", field->key);
		if (field->text)
			put_quoted(w, field->text);
		else
			hf_write_text(w, "%lld", (long long)field->number);
	}
	hf_write_u8(w, '}');
}

/* A line that does not fit loses its fields before it loses its message. */
static size_t compose(const struct hf_log *log, char line[static HF_LOG_LINE_MAX],
	enum hf_log_level level, const char *message, const struct hf_log_field *fields)
{
	const struct { const char *message; const struct hf_log_field *fields; } tries[] = {
		{ message, fields }, { message, NULL }, { "(a line that is too long)", NULL },
	};
	for (size_t i = 0; i < HF_COUNT_OF(tries); i++) {
		struct hf_writer w = hf_writer((uint8_t *)line, HF_LOG_LINE_MAX - 1);
		if (log->conf.format == HF_LOG_JSON)
			write_json_line(log, &w, level, tries[i].message, tries[i].fields);
		else
			write_text_line(log, &w, level, tries[i].message, tries[i].fields);
		if (w.overrun)
			continue;
		line[w.len] = '\n';
		return w.len + 1;
	}
	return 0;
}

void hf_log_say(struct hf_log *log, enum hf_log_level level, const char *message,
	const struct hf_log_field *fields)
{
	char line[HF_LOG_LINE_MAX];
	if (!log)
		return;
	pthread_mutex_lock(&log->lock);
	if ((int)level <= log->conf.level) {
		size_t len = compose(log, line, level, message, fields);
		if (write(log->to.fd, line, len) < 0) {
			/* There is nobody left to tell; the line is lost. */
		}
	}
	pthread_mutex_unlock(&log->lock);
}

/* Is this line nothing but a caret below something? */
static bool only_points(const char *line)
{
	size_t blank = strspn(line, " \t");
	size_t marks = strspn(line + blank, "^~");
	return marks && (line[blank + marks] == '\n' || line[blank + marks] == '\0');
}

void hf_log_lines(struct hf_log *log, enum hf_log_level level, const char *lines)
{
	while (*lines) {
		size_t len = strcspn(lines, "\n");
		const char *next = lines + len + (lines[len] == '\n');
		char line[HF_LOG_LINE_MAX / 8]; /* fits even if every octet becomes \u00xx */
		if (len && !only_points(lines) && !only_points(next)) {
			snprintf(line, sizeof line, "%.*s", (int)len, lines);
			hf_log_say(log, level, line, NULL);
		}
		lines = next;
	}
}

/* ---- what happens in bulk ---- */

bool hf_log_admit(struct hf_log *log, unsigned kind, hf_us now)
{
	if (!log || hf_unexpected(kind >= HF_LOG_KINDS))
		return false;
	struct kind *k = &log->kinds[kind];
	if (!k->suppressed && (k->admitted == 0 || now - k->since >= HF_SECOND || now < k->since)) {
		k->since = now;
		k->admitted = 0;
	}
	if (k->admitted >= HF_LOG_BURST) {
		k->suppressed++;
		return false;
	}
	k->admitted++;
	return true;
}

void hf_log_turn(struct hf_log *log, hf_us now, const char *(*name)(unsigned kind))
{
	for (unsigned i = 0; log && i < HF_LOG_KINDS; i++) {
		struct kind *k = &log->kinds[i];
		if (!k->suppressed || (now - k->since < HF_SECOND && now >= k->since))
			continue;
		const struct hf_log_field fields[] = {
			HF_LOG_TEXT_FIELD("kind", name(i)),
			HF_LOG_NUMBER_FIELD("suppressed", k->suppressed),
			{ .key = NULL },
		};
		hf_log_say(log, HF_LOG_WARNING, "more of the same suppressed", fields);
		*k = (struct kind){ .since = now };
	}
}
