/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <malloc.h>
#include <sys/prctl.h>

#include "base/check.h"
#include "base/error.h"
#include "drill/drill.h"
#include "drill/play.h"
#include "drill/worlds.h"

#define FILES_MAX 10000
#define SEEDS_MAX 1000000

struct drilling { /* one call of the verb */
	const struct hf_call *call;
	uint64_t first, last; /* seeds; last 0: what the file says */
	unsigned number;      /* of the file, from 1 */
	bool fault, unreadable;
};

/* ---- reports ---- */

static void write_good(const struct drilling *d, const char *file, uint64_t plays,
	const struct hf_play_result *sum)
{
	char lasted[HF_NUMBER_TEXT_MAX];
	fprintf(d->call->out, "ok %u - %s # %llu %s, %llu questions, %s\n", d->number, file,
		(unsigned long long)plays, plays == 1 ? "seed" : "seeds",
		(unsigned long long)sum->tally.questions,
		hf_play_time_text(sum->lasted, lasted));
}

/* Text of several lines behind "# ". */
static void write_lines(FILE *out, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		fprintf(out, "# %.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static void write_bad(const struct drilling *d, const char *file, uint64_t seed,
	const struct hf_play_result *result, const char *told)
{
	FILE *out = d->call->out;
	char when[HF_NUMBER_TEXT_MAX];
	fprintf(out, "not ok %u - %s\n# seed %llu, at %s", d->number, file, (unsigned long long)seed,
		hf_play_time_text(result->when, when));
	if (result->line)
		fprintf(out, ", line %u", result->line);
	fprintf(out, ":\n");
	write_lines(out, result->what);
	if (*told)
		fprintf(out, "# what came before:\n%s", told);
	fprintf(out, "# replay: %s drill --seed %llu %s\n", d->call->program->name,
		(unsigned long long)seed, file);
}

/* ---- playing ---- */

/* One seed. True: it held. */
static bool play_seed(struct drilling *d, const struct hf_scenario *s, uint64_t seed,
	struct hf_play_result *sum)
{
	struct hf_play_result result;
	char *told = NULL;
	size_t len = 0;
	FILE *report = open_memstream(&told, &len);
	FILE *trace = d->call->flags.trace ? d->call->out : NULL;
	int rc = report ? hf_play(s, seed, trace, report, &result) : -ENOMEM;
	if (report)
		fclose(report);
	if (rc) {
		fprintf(d->call->out, "not ok %u - %s\n# cannot be played: %s\n", d->number, s->file,
			hf_strerror(rc));
	} else if (!result.good) {
		write_bad(d, s->file, seed, &result, told);
	} else {
		sum->tally.questions += result.tally.questions;
		sum->lasted += result.lasted;
	}
	free(told);
	return !rc && result.good;
}

static void play_file(struct drilling *d, const char *file)
{
	struct hf_scenario *s;
	struct hf_play_result sum = { .good = true };
	d->number++;
	if (hf_scenario_load(file, d->call->err, &s)) {
		fprintf(d->call->out, "not ok %u - %s # cannot be read\n", d->number, file);
		d->unreadable = true;
		return;
	}
	uint64_t first = d->last ? d->first : s->seed, last = d->last ? d->last : s->seed;
	for (uint64_t seed = first; sum.good && seed <= last; seed++)
		sum.good = play_seed(d, s, seed, &sum);
	if (sum.good)
		write_good(d, file, last - first + 1, &sum);
	else
		d->fault = true;
	fflush(d->call->out);
	hf_scenario_free(s);
}

static bool read_seeds(struct drilling *d)
{
	const struct hf_flags *flags = &d->call->flags;
	if (flags->seed && flags->seeds) {
		fprintf(d->call->err, "holdfast drill: --seed and --seeds say the same thing twice\n");
		return false;
	}
	if (flags->seed && hf_parse_u64(flags->seed, strlen(flags->seed), INT64_MAX, &d->first) && d->first)
		d->last = d->first;
	else if (flags->seeds && hf_parse_u64(flags->seeds, strlen(flags->seeds), SEEDS_MAX, &d->last))
		d->first = 1;
	if ((flags->seed || flags->seeds) && !d->last) {
		fprintf(d->call->err, "holdfast drill: `%s` is not a number from 1 on\n",
			flags->seed ? flags->seed : flags->seeds);
		return false;
	}
	return true;
}

/* A world has up to a thousand servers in one process, each with room for all that a server
 * may have to hold. What the heap carves out of its top it clears, whoever needs it or not;
 * what it maps for itself takes memory where it is touched, a small page at a time. */
#define MAPPED_FROM (16 << 10)

static void take_little_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* a wish: fine without */
}

static int drill(const struct hf_call *call)
{
	struct drilling d = { .call = call };
	bool worlds = call->flags.world || call->flags.worlds;
	if (worlds == (call->word_count > 0)) {
		fprintf(call->err, "holdfast drill: wants files, or --world, or --worlds\n");
		return HF_EXIT_USAGE;
	}
	take_little_memory();
	if (worlds)
		return hf_worlds(call);
	if (!read_seeds(&d))
		return HF_EXIT_USAGE;
	fprintf(call->out, "1..%zu\n", call->word_count);
	for (size_t i = 0; i < call->word_count; i++)
		play_file(&d, call->words[i]);
	return d.unreadable ? HF_EXIT_USAGE : d.fault ? HF_EXIT_FAULT : HF_EXIT_GOOD;
}

static const struct hf_flag_row flags[] = {
	{ "seed", 0, "N", offsetof(struct hf_flags, seed), "The seed of the dice; without it, the file's." },
	{ "seeds", 0, "N", offsetof(struct hf_flags, seeds), "Play each file with the seeds 1 to N." },
	{ "trace", 0, NULL, offsetof(struct hf_flags, trace), "Print everything that happens." },
	{ "world", 0, "N", offsetof(struct hf_flags, world), "Play the world that the seed N makes up." },
	{ "print", 'p', NULL, offsetof(struct hf_flags, print), "... or print it as a scenario." },
	{ "worlds", 0, "A..B", offsetof(struct hf_flags, worlds), "Play the worlds A to B, or 1 to N." },
	{ "jobs", 'j', "N", offsetof(struct hf_flags, jobs), "... so many at once." },
	{ "minutes", 0, "N", offsetof(struct hf_flags, minutes), "... and begin no more after this time." },
	{ "keep", 0, "FOLDER", offsetof(struct hf_flags, keep),
		"Make those that fail smaller and keep them there." },
	HF_FLAG_END,
};

const struct hf_verb hf_cmd_drill = {
	.name = "drill",
	.words = "FILE...",
	.words_min = 0,
	.words_max = FILES_MAX,
	.help = "Play scenarios of outages with this server, in a simulated world.",
	.more = "Nothing is sent anywhere and no time passes. What does not hold is printed with the\n"
		"command that plays it again. A world is a scenario made up from a number; worlds are\n"
		"tests by the hundred. Exit status 0: all held; 1: something did not; 2: a file\n"
		"could not be read.",
	.flags = flags,
	.run = drill,
};
