/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/worlds.h"

#include <signal.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "drill/shrink.h"
#include "drill/trial.h"
#include "drill/world.h"

#define JOBS_MAX 64
#define WORLDS_MAX 100000000
#define BLOCK 100 /* worlds that are one test */
#define KEEP_MOST 10 /* failures that are made smaller: the first ones tell most */
#define FILE_NAME_MAX 32

struct block {
	uint64_t first, last, begun, done, failed, questions;
	hf_us lasted;
};

struct playing {
	const struct hf_call *call;
	uint64_t first, last, next;
	unsigned jobs, kept;
	struct hf_trial trials[JOBS_MAX];
	struct block blocks[JOBS_MAX + 1]; /* of the worlds that are under way */
	uint64_t worlds, failed, questions;
	hf_us lasted;
};

static volatile sig_atomic_t time_is_over;

static void note_time(int signal)
{
	(void)signal;
	time_is_over = 1;
}

/* ---- a world as text ---- */

static char *world_text(uint64_t seed, char file[static FILE_NAME_MAX])
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	hf_require(out);
	hf_world_write(seed, out);
	fclose(out);
	snprintf(file, FILE_NAME_MAX, "world-%llu", (unsigned long long)seed);
	return text;
}

/* ---- failures ---- */

static void write_lines(FILE *out, const char *before, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		fprintf(out, "# %s%.*s\n", before, (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static void tell_failure(const struct playing *p, uint64_t seed, const struct hf_trial_result *result)
{
	FILE *out = p->call->out;
	char when[HF_NUMBER_TEXT_MAX];
	fprintf(out, "# world %llu (%s) breaks `%s` at %s", (unsigned long long)seed, hf_world_kind(seed),
		hf_laws[result->play.law].word, hf_play_time_text(result->play.when, when));
	if (result->play.line)
		fprintf(out, ", line %u", result->play.line);
	fprintf(out, ":\n");
	write_lines(out, "  ", result->readable ? result->play.what : "the world cannot be read");
	fprintf(out, "# replay: %s drill --world %llu\n", p->call->program->name, (unsigned long long)seed);
	fflush(out);
}

static void keep(struct playing *p, uint64_t seed, const char *file, const char *text, enum hf_law law)
{
	const char *folder = p->call->flags.keep;
	char path[4096], *what = NULL, *small;
	if (!folder || p->kept++ >= KEEP_MOST)
		return;
	snprintf(path, sizeof path, "%s/found-%llu.play", folder, (unsigned long long)seed);
	small = hf_shrink(file, text, law, &what);
	FILE *out = small ? fopen(path, "we") : NULL;
	if (out) {
		fprintf(out, "# SPDX-License-Identifier: GPL-3.0-or-later\n# Found in world %llu (%s). It broke "
			"the law `%s`: %s\n", (unsigned long long)seed, hf_world_kind(seed), hf_laws[law].word,
			hf_laws[law].sentence);
		write_lines(out, "", what ? what : "");
		/* The comments at the top of the world have gone already, or say less. */
		fputs(small, out);
		fclose(out);
	}
	fprintf(p->call->out, out ? "# kept as %s\n" : "# could not be kept as %s\n", path);
	free(small);
	free(what);
}

/* ---- playing ---- */

static struct block *block_of(struct playing *p, uint64_t seed)
{
	return &p->blocks[(seed - p->first) / BLOCK % HF_COUNT_OF(p->blocks)];
}

static void write_block(const struct playing *p, const struct block *b)
{
	char lasted[HF_NUMBER_TEXT_MAX];
	fprintf(p->call->out, "%s %llu - worlds %llu to %llu # %llu questions, %s\n", b->failed ? "not ok" : "ok",
		(unsigned long long)((b->first - p->first) / BLOCK + 1), (unsigned long long)b->first,
		(unsigned long long)b->last, (unsigned long long)b->questions,
		hf_play_time_text(b->lasted, lasted));
	fflush(p->call->out);
}

static void note_over(struct playing *p, const struct hf_trial *trial)
{
	const struct hf_trial_result *result = trial->result;
	struct block *b = block_of(p, trial->number);
	char file[FILE_NAME_MAX];
	b->done++;
	b->questions += result->play.tally.questions;
	b->lasted += result->play.lasted;
	p->worlds++;
	p->questions += result->play.tally.questions;
	p->lasted += result->play.lasted;
	if (!result->play.good || !result->readable || result->error) {
		char *text = world_text(trial->number, file);
		enum hf_law law = result->play.law;
		b->failed++;
		p->failed++;
		tell_failure(p, trial->number, result);
		keep(p, trial->number, file, text, law);
		free(text);
	}
	if (b->done == b->last - b->first + 1 || (time_is_over && b->done == b->begun))
		write_block(p, b);
}

static int begin_next(struct playing *p, struct hf_trial *trial)
{
	char file[FILE_NAME_MAX];
	struct block *b = block_of(p, p->next);
	if ((p->next - p->first) % BLOCK == 0) {
		uint64_t last = p->next + BLOCK - 1;
		*b = (struct block){ .first = p->next, .last = last < p->last ? last : p->last };
	}
	char *text = world_text(p->next, file);
	trial->number = p->next++;
	b->begun++;
	int rc = hf_trial_begin(trial, file, text, strlen(text), false);
	free(text);
	return rc;
}

/* The next may begin unless the blocks under way would be too many. */
static bool may_begin(struct playing *p)
{
	if (p->next > p->last || time_is_over)
		return false;
	const struct block *b = block_of(p, p->next);
	return (p->next - p->first) % BLOCK != 0 || b->done == b->begun;
}

static int play_all(struct playing *p)
{
	int rc = 0;
	for (;;) {
		for (unsigned i = 0; !rc && i < p->jobs && may_begin(p); i++)
			if (!p->trials[i].pid)
				rc = begin_next(p, &p->trials[i]);
		struct hf_trial *over = hf_trial_wait(p->trials, p->jobs);
		if (!over)
			break;
		note_over(p, over);
	}
	for (unsigned i = 0; i < p->jobs; i++)
		hf_trial_free(&p->trials[i]);
	return rc;
}

/* ---- the flags ---- */

static bool read_number(const struct hf_call *call, const char *flag, const char *text, size_t len,
	uint64_t most, uint64_t *ret)
{
	if (hf_parse_u64(text, len, most, ret) && *ret)
		return true;
	fprintf(call->err, "holdfast drill: --%s: `%s` is not a number from 1 to %llu\n", flag, text,
		(unsigned long long)most);
	return false;
}

/* "A..B", or "N" for 1 to N. */
static bool read_range(struct playing *p, const char *text)
{
	const char *dots = strstr(text, "..");
	p->first = 1;
	if (dots && !read_number(p->call, "worlds", text, (size_t)(dots - text), WORLDS_MAX, &p->first))
		return false;
	const char *last = dots ? dots + 2 : text;
	if (!read_number(p->call, "worlds", last, strlen(last), WORLDS_MAX, &p->last))
		return false;
	if (p->first > p->last)
		fprintf(p->call->err, "holdfast drill: --worlds: `%s` is empty\n", text);
	return p->first <= p->last;
}

static int play_many(const struct hf_call *call)
{
	const struct hf_flags *flags = &call->flags;
	struct playing p = { .call = call };
	uint64_t jobs = 1, minutes = 0;
	if (!read_range(&p, flags->worlds) ||
		(flags->jobs && !read_number(call, "jobs", flags->jobs, strlen(flags->jobs), JOBS_MAX, &jobs)) ||
		(flags->minutes &&
			!read_number(call, "minutes", flags->minutes, strlen(flags->minutes), 100000, &minutes)))
		return HF_EXIT_USAGE;
	p.jobs = (unsigned)jobs;
	p.next = p.first;
	signal(SIGALRM, note_time);
	alarm((unsigned)minutes * 60);
	fprintf(call->out, "1..%llu\n", (unsigned long long)((p.last - p.first) / BLOCK + 1));
	int rc = play_all(&p);
	if (rc)
		fprintf(call->err, "holdfast drill: %s\n", hf_strerror(rc));
	fprintf(call->out, "# %llu worlds, %llu failed; %.1f hours of virtual time, %llu questions\n",
		(unsigned long long)p.worlds, (unsigned long long)p.failed,
		(double)p.lasted / (double)(3600 * HF_SECOND), (unsigned long long)p.questions);
	return rc ? HF_EXIT_UNREACHED : p.failed ? HF_EXIT_FAULT : HF_EXIT_GOOD;
}

/* ---- a single one ---- */

static int play_here(const struct hf_call *call, const char *file, const char *text)
{
	struct hf_scenario *s;
	struct hf_play_result result;
	char when[HF_NUMBER_TEXT_MAX];
	if (hf_scenario_parse(file, text, strlen(text), call->err, &s))
		return HF_EXIT_USAGE;
	fprintf(call->out, "1..1\n");
	int rc = hf_play(s, s->seed, call->flags.trace ? call->out : NULL, call->out, &result);
	hf_scenario_free(s);
	if (rc) {
		fprintf(call->out, "not ok 1 - %s\n# cannot be played: %s\n", file, hf_strerror(rc));
		return HF_EXIT_UNREACHED;
	}
	if (result.good) {
		fprintf(call->out, "ok 1 - %s # %llu questions, %s\n", file,
			(unsigned long long)result.tally.questions, hf_play_time_text(result.lasted, when));
		return HF_EXIT_GOOD;
	}
	fprintf(call->out, "not ok 1 - %s\n# breaks `%s` at %s, line %u:\n", file, hf_laws[result.law].word,
		hf_play_time_text(result.when, when), result.line);
	write_lines(call->out, "", result.what);
	return HF_EXIT_FAULT;
}

static int play_one(const struct hf_call *call)
{
	char file[FILE_NAME_MAX];
	uint64_t seed;
	int rc = HF_EXIT_GOOD;
	if (!read_number(call, "world", call->flags.world, strlen(call->flags.world), WORLDS_MAX, &seed))
		return HF_EXIT_USAGE;
	char *text = world_text(seed, file);
	if (call->flags.print)
		fputs(text, call->out);
	else
		rc = play_here(call, file, text);
	free(text);
	return rc;
}

int hf_worlds(const struct hf_call *call)
{
	return call->flags.world ? play_one(call) : play_many(call);
}
