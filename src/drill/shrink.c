/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/shrink.h"

#include <ctype.h>
#include <sys/resource.h>

#include "base/check.h"
#include "drill/trial.h"

struct shrinking {
	const char *file;
	enum hf_law law;
	char *text; /* the smallest so far */
	char *what; /* that its play said */
	struct hf_trial trial;
	unsigned trials;
	long began; /* s of processor time */
};

static long spent(void)
{
	struct rusage used;
	return getrusage(RUSAGE_CHILDREN, &used) ? 0 : (long)(used.ru_utime.tv_sec + used.ru_stime.tv_sec);
}

static bool is_over(const struct shrinking *s)
{
	return s->trials >= HF_SHRINK_TRIALS || spent() - s->began >= HF_SHRINK_SECONDS;
}

/* In the end many things are promised: it must be the same one, which stands in
 * the words before what came of it. */
static bool is_same(const struct shrinking *s, const struct hf_play_result *play)
{
	const char *came = s->what ? strstr(s->what, "\n  came") : NULL;
	if (play->good || play->law != s->law)
		return false;
	return s->law != HF_LAW_FINALLY || !came ||
	       strncmp(play->what, s->what, (size_t)(came - s->what)) == 0;
}

/* Plays a text (and takes it); it becomes the smallest if it breaks the law. */
static bool attempt(struct shrinking *s, char *text)
{
	bool same = false;
	if (!text || is_over(s)) {
		free(text);
		return false;
	}
	s->trials++;
	if (hf_trial_begin(&s->trial, s->file, text, strlen(text), true) == 0 && hf_trial_wait(&s->trial, 1)) {
		const struct hf_trial_result *r = s->trial.result;
		same = r->readable && !r->error && is_same(s, &r->play);
	}
	if (!same) {
		free(text);
		return false;
	}
	free(s->text);
	free(s->what);
	s->text = text;
	s->what = strdup(s->trial.result->play.what);
	return true;
}

/* ---- without some of it ---- */

/* The text with [from, to) replaced. */
static char *spliced(const char *text, size_t from, size_t to, const char *by)
{
	char *out = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&out, &len);
	if (!f)
		return NULL;
	fprintf(f, "%.*s%s%s", (int)from, text, by, text + to);
	fclose(f);
	return out;
}

static size_t line_count(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* The offset of a line; of the end if there is none. */
static size_t line_at(const char *text, size_t number)
{
	const char *at = text;
	for (; number && *at; number--) {
		const char *stop = strchr(at, '\n');
		at = stop ? stop + 1 : at + strlen(at);
	}
	return (size_t)(at - text);
}

/* One round with pieces of that many lines. True: some could go. */
static bool drop_lines(struct shrinking *s, size_t piece)
{
	bool any = false;
	/* From the end: what comes later depends on what comes before. */
	for (size_t i = line_count(s->text); i > 0;) {
		size_t first = i > piece ? i - piece : 0;
		any |= attempt(s, spliced(s->text, line_at(s->text, first), line_at(s->text, i), ""));
		i = first;
	}
	return any;
}

static bool drop_all_lines(struct shrinking *s)
{
	bool any = false, again = true;
	for (size_t piece = line_count(s->text) / 2; piece > 1; piece /= 2)
		any |= drop_lines(s, piece);
	while (again && !is_over(s))
		any |= again = drop_lines(s, 1);
	return any;
}

/* ---- with fewer words ---- */

/* What must hold stays as it is, or something else would be broken in the end. */
static bool is_promise(const char *text, size_t at)
{
	while (at && text[at - 1] != '\n')
		at--;
	return strncmp(text + at, "finally", 7) == 0;
}

static size_t word_end(const char *text, size_t at)
{
	while (text[at] && !isspace((unsigned char)text[at]))
		at++;
	return at;
}

/* One word, or two that belong together, such as "loss 3%". */
static bool drop_words(struct shrinking *s)
{
	bool any = false;
	for (size_t at = strlen(s->text); at > 0; at--) {
		if (s->text[at - 1] != ' ' || is_promise(s->text, at))
			continue;
		size_t one = word_end(s->text, at), two = s->text[one] == ' ' ? word_end(s->text, one + 1) : one;
		if (attempt(s, spliced(s->text, at - 1, two, "")) ||
			(two != one && attempt(s, spliced(s->text, at - 1, one, ""))))
			any = true;
	}
	return any;
}

/* ---- with smaller numbers ---- */

static bool lower_number(struct shrinking *s, size_t at, size_t end)
{
	char number[24];
	unsigned long long value = strtoull(s->text + at, NULL, 10);
	const unsigned long long smaller[] = { 0, 1, value / 10, value / 2, value - value / 4 };
	for (size_t i = 0; i < HF_COUNT_OF(smaller); i++) {
		snprintf(number, sizeof number, "%llu", smaller[i]);
		if (smaller[i] < value && attempt(s, spliced(s->text, at, end, number)))
			return true;
	}
	return false;
}

/* Not within a word: the parts of an address are none. */
static bool begins_number(const char *text, size_t at)
{
	if (!isdigit((unsigned char)text[at]) || at == 0)
		return false;
	return strchr(" {-+", text[at - 1]) || (at > 1 && text[at - 1] == '.' && text[at - 2] == '.');
}

static bool lower_numbers(struct shrinking *s)
{
	bool any = false;
	for (size_t at = strlen(s->text); at > 0; at--) {
		size_t from = at - 1, end = at;
		while (isdigit((unsigned char)s->text[end]))
			end++;
		if (begins_number(s->text, from) && end - from < 19 && !is_promise(s->text, from))
			any |= lower_number(s, from, end);
	}
	return any;
}

/* ---- the whole ---- */

char *hf_shrink(const char *file, const char *text, enum hf_law law, char **ret_what)
{
	struct shrinking s = { .file = file, .law = law, .began = spent() };
	bool again = attempt(&s, strdup(text));
	while (again && !is_over(&s)) {
		again = drop_all_lines(&s);
		again |= drop_words(&s);
		again |= lower_numbers(&s);
	}
	hf_trial_free(&s.trial);
	*ret_what = s.what;
	return s.text;
}
