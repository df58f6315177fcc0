/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

/* ---- the child ---- */

static void keep_quiet(void)
{
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (nowhere >= 0)
		dup2(nowhere, STDERR_FILENO);
}

static void play_it(struct hf_trial_result *result, const char *file, const char *text, size_t len)
{
	struct hf_scenario *s = NULL;
	char *told = NULL;
	size_t told_len = 0;
	FILE *report = open_memstream(&told, &told_len);
	hf_require(report);
	if (hf_scenario_parse(file, text, len, stderr, &s) == 0) {
		result->readable = true;
		result->error = hf_play(s, s->seed, NULL, report, &result->play);
	}
	fclose(report);
	snprintf(result->told, sizeof result->told, "%s", told);
	free(told);
	hf_scenario_free(s);
}

/* ---- the parent ---- */

int hf_trial_begin(struct hf_trial *trial, const char *file, const char *text, size_t len, bool quiet)
{
	if (!trial->result) {
		void *shared = mmap(NULL, sizeof *trial->result, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (shared == MAP_FAILED)
			return -errno;
		trial->result = shared;
	}
	*trial->result = (struct hf_trial_result){ 0 };
	/* Until it says otherwise, it has died. */
	trial->result->play.law = HF_LAW_ALIVE;
	fflush(NULL);
	trial->pid = fork();
	if (trial->pid > 0)
		return 0;
	if (trial->pid < 0) {
		trial->pid = 0;
		return -errno;
	}
	signal(SIGALRM, SIG_DFL);
	alarm(HF_TRIAL_SECONDS);
	if (quiet)
		keep_quiet();
	play_it(trial->result, file, text, len);
	fflush(stderr);
	_exit(0);
}

static void note_death(struct hf_trial_result *result, int status)
{
	struct hf_play_result *play = &result->play;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	result->readable = true;
	play->good = false;
	play->law = HF_LAW_ALIVE;
	play->line = 0;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		snprintf(play->what, sizeof play->what, "not over after %d s", HF_TRIAL_SECONDS);
	else if (WIFSIGNALED(status))
		snprintf(play->what, sizeof play->what, "the process died of %s", strsignal(WTERMSIG(status)));
	else
		snprintf(play->what, sizeof play->what, "the process ended with status %d", WEXITSTATUS(status));
}

struct hf_trial *hf_trial_wait(struct hf_trial *trials, size_t count)
{
	bool any = false;
	for (size_t i = 0; i < count; i++)
		any |= trials[i].pid != 0;
	while (any) {
		int status;
		/* Of one alone it is said which: others may be under way elsewhere. */
		pid_t pid = waitpid(count == 1 ? trials->pid : -1, &status, 0);
		if (pid < 0 && errno == EINTR)
			continue;
		hf_require(pid > 0);
		for (size_t i = 0; i < count; i++) {
			if (trials[i].pid != pid)
				continue;
			trials[i].pid = 0;
			note_death(trials[i].result, status);
			return &trials[i];
		}
	}
	return NULL;
}

void hf_trial_free(struct hf_trial *trial)
{
	if (trial->result)
		munmap(trial->result, sizeof *trial->result);
	trial->result = NULL;
}
