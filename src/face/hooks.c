/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/hooks.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"

#define OURS 3       /* variables that we add */
#define READS_MAX 64 /* of a program that talks without end, a turn */

static void begin(struct hf_hooks *hooks);

static const struct hf_text_list *program_of(const struct hf_hooks *hooks, enum hf_hook hook)
{
	return hook == HF_HOOK_READY ? &hooks->conf->on_ready : &hooks->conf->on_withdraw;
}

static const char *name_of(enum hf_hook hook)
{
	return hook == HF_HOOK_READY ? "on-ready" : "on-withdraw";
}

/* ---- beginning ---- */

/* Our environment and what the program is to know; ours[] holds the texts. NULL: no
 * memory. */
static char **make_environment(const struct hf_hooks *hooks, char *ours[OURS])
{
	size_t count = 0;
	while (environ[count])
		count++;
	char **all = calloc(count + OURS + 1, sizeof *all);
	bool ready = hooks->running == HF_HOOK_READY;
	int rc = asprintf(&ours[0], "HOLDFAST_STATE=%s", ready ? "ready" : "withdrawn");
	rc = rc < 0 ? rc : asprintf(&ours[1], "HOLDFAST_REASONS=%s", hooks->reasons);
	rc = rc < 0 ? rc : asprintf(&ours[2], "HOLDFAST_PID=%d", (int)getpid());
	if (!all || rc < 0) {
		free(all);
		return NULL;
	}
	memcpy(all, environ, count * sizeof *all);
	memcpy(all + count, ours, OURS * sizeof *all);
	return all;
}

static char **make_arguments(const struct hf_text_list *program)
{
	char **argv = calloc(program->count + 1, sizeof *argv);
	for (size_t i = 0; argv && i < program->count; i++)
		argv[i] = (char *)(uintptr_t)program->items[i]; /* posix_spawn copies */
	return argv;
}

/* A group of its own, so that all of it can be killed; signals as a program expects them. */
static int set_up(posix_spawnattr_t *attr, posix_spawn_file_actions_t *files, int out)
{
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	int rc = posix_spawnattr_setflags(
		attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	rc = rc ? rc : posix_spawnattr_setpgroup(attr, 0);
	rc = rc ? rc : posix_spawnattr_setsigmask(attr, &none);
	rc = rc ? rc : posix_spawnattr_setsigdefault(attr, &all);
	rc = rc ? rc : posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
	rc = rc ? rc : posix_spawn_file_actions_adddup2(files, out, 1);
	return rc ? rc : posix_spawn_file_actions_adddup2(files, out, 2);
}

static int spawn_with(struct hf_hooks *hooks, int out, char **argv, char **envp)
{
	posix_spawnattr_t attr;
	posix_spawn_file_actions_t files;
	if (posix_spawnattr_init(&attr))
		return -ENOMEM;
	if (posix_spawn_file_actions_init(&files)) {
		posix_spawnattr_destroy(&attr);
		return -ENOMEM;
	}
	int rc = set_up(&attr, &files, out);
	rc = rc ? rc : posix_spawn(&hooks->pid, argv[0], &files, &attr, argv, envp);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return -rc;
}

static int spawn(struct hf_hooks *hooks, int out)
{
	char *ours[OURS] = {NULL};
	char **envp = make_environment(hooks, ours);
	char **argv = make_arguments(program_of(hooks, hooks->running));
	int rc = envp && argv ? spawn_with(hooks, out, argv, envp) : -ENOMEM;
	for (size_t i = 0; i < OURS; i++)
		free(ours[i]);
	free(envp);
	free(argv);
	return rc;
}

/* ---- the end of a run ---- */

static void stop_listening(struct hf_hooks *hooks)
{
	if (hooks->out >= 0) {
		hf_loop_watch(hooks->loop, hooks->out, NULL, NULL);
		close(hooks->out);
	}
	if (hooks->pidfd >= 0) {
		hf_loop_watch(hooks->loop, hooks->pidfd, NULL, NULL);
		close(hooks->pidfd);
	}
	hooks->out = hooks->pidfd = -1;
	hooks->pid = 0;
	hf_timer_disarm(hf_loop_timers(hooks->loop), &hooks->timer);
}

/* Which fault it is: the program, how it ended, and with what. What it said is not part of that,
 * for it may have the time in it. */
static uint64_t fault_of(const struct hf_hooks *hooks, const char *how, int64_t status, int error)
{
	uint64_t kind = (uint64_t)hooks->running << 2 | (uint64_t)hooks->killed << 1 |
			(how && strcmp(how, "signal") == 0);
	return kind << 32 | (uint32_t)(error ? error : status);
}

/* Is the end of this run worth a line? *ret_times: of how many others it speaks. */
static bool is_news(struct hf_hooks *hooks, const char *how, int64_t status, int error, bool good,
	uint64_t *ret_times)
{
	if (good) {
		*ret_times = hf_telling_end(&hooks->telling);
		hooks->failing = HF_HOOK_NONE;
		return true;
	}
	hooks->failing = hooks->running;
	return hf_telling_fault(&hooks->telling, fault_of(hooks, how, status, error),
		hf_loop_now(hooks->loop), ret_times);
}

/* One that has failed is not wanted any more, and its faults are over. */
static void forget_failing(struct hf_hooks *hooks)
{
	bool untold = hooks->telling.untold > 0;
	const struct hf_log_field fields[] = {
		HF_LOG_NUMBER_FIELD("failed", hf_telling_end(&hooks->telling)), {.key = NULL}};
	char line[64];
	snprintf(line, sizeof line, "%s has failed to the end, and is not wanted any more",
		name_of(hooks->failing));
	hooks->failing = HF_HOOK_NONE;
	if (untold)
		hf_log_say(hooks->log, HF_LOG_WARNING, line, fields);
}

/* error: why it could not be begun, or 0. */
static void tell(struct hf_hooks *hooks, const char *how, int64_t status, int error, bool good)
{
	uint64_t times;
	if (!is_news(hooks, how, status, error, good, &times))
		return;
	hooks->said[hooks->said_len] = '\0';
	hooks->said[strcspn(hooks->said, "\n")] = '\0';
	struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("program", program_of(hooks, hooks->running)->count
						     ? program_of(hooks, hooks->running)->items[0]
						     : "(none)"),
		error ? (struct hf_log_field)HF_LOG_TEXT_FIELD("because", hf_strerror(error))
		      : (struct hf_log_field)HF_LOG_NUMBER_FIELD(how, status),
		HF_LOG_NUMBER_FIELD("ms", (hf_loop_now(hooks->loop) - hooks->began) / HF_MS),
		{.key = NULL},
		{.key = NULL},
		{.key = NULL},
	};
	struct hf_log_field *more = fields + 3;
	if (times)
		*more++ = (struct hf_log_field)HF_LOG_NUMBER_FIELD(
			good ? "failed_before" : "failed_meanwhile", times);
	if (hooks->said[0])
		*more = (struct hf_log_field)HF_LOG_TEXT_FIELD("said", hooks->said);
	char line[64];
	snprintf(line, sizeof line, "%s %s", name_of(hooks->running),
		good            ? "has run"
		: hooks->killed ? "was killed"
				: "has failed");
	hf_log_say(hooks->log, good ? HF_LOG_INFO : HF_LOG_ERROR, line, fields);
}

static void ended(struct hf_hooks *hooks, const char *how, int64_t status, int error, bool good)
{
	enum hf_hook ran = hooks->running;
	tell(hooks, how, status, error, good);
	stop_listening(hooks);
	atomic_fetch_add(good            ? &hooks->succeeded
			 : hooks->killed ? &hooks->kills
					 : &hooks->failed,
		1);
	hooks->running = HF_HOOK_NONE;
	/* One that failed may have told half of it: then neither counts as told. */
	hooks->told = good ? ran : HF_HOOK_NONE;
	if (hooks->wanted != ran)
		begin(hooks);
	else if (!good)
		hf_timer_arm(hf_loop_timers(hooks->loop), &hooks->timer,
			hf_loop_now(hooks->loop) + HF_HOOKS_AGAIN);
	if (hooks->running == HF_HOOK_NONE && hooks->settled)
		hooks->settled(hooks->ctx);
}

static void hear(struct hf_hooks *hooks)
{
	char bytes[4096];
	for (int i = 0; i < READS_MAX && hooks->out >= 0; i++) {
		ssize_t n = read(hooks->out, bytes, sizeof bytes);
		if (n < 0)
			return;
		if (n == 0) {
			hf_loop_watch(hooks->loop, hooks->out, NULL, NULL);
			close(hooks->out);
			hooks->out = -1;
			return;
		}
		size_t room = sizeof hooks->said - 1 - hooks->said_len;
		size_t take = (size_t)n < room ? (size_t)n : room;
		memcpy(hooks->said + hooks->said_len, bytes, take);
		hooks->said_len += take;
	}
}

static void it_says(void *ctx, int fd, hf_us now)
{
	(void)fd, (void)now;
	hear(ctx);
}

static void it_ended(void *ctx, int fd, hf_us now)
{
	struct hf_hooks *hooks = ctx;
	siginfo_t info = {.si_pid = 0};
	(void)now;
	if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) < 0 || !info.si_pid)
		return;
	hear(hooks);
	bool exited = info.si_code == CLD_EXITED;
	ended(hooks, exited ? "status" : "signal", info.si_status, 0,
		exited && info.si_status == 0 && !hooks->killed);
}

/* The leader has not been waited for, so its number, the group's, is still its own. */
static void kill_it(struct hf_hooks *hooks)
{
	hooks->killed = true;
	kill(-hooks->pid, SIGKILL);
}

static void fire(struct hf_timer *timer, hf_us now)
{
	struct hf_hooks *hooks =
		(struct hf_hooks *)((char *)timer - offsetof(struct hf_hooks, timer));
	(void)now;
	if (hooks->running != HF_HOOK_NONE)
		kill_it(hooks);
	else
		begin(hooks);
}

/* ---- running ---- */

/* The pipe, the program, and a descriptor that tells of its end. */
static int run(struct hf_hooks *hooks)
{
	int pipe[2];
	if (pipe2(pipe, O_CLOEXEC) < 0)
		return -errno;
	hooks->out = pipe[0];
	int rc = fcntl(pipe[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : spawn(hooks, pipe[1]);
	close(pipe[1]);
	if (rc) {
		hooks->pid = 0;
		return rc;
	}
	hooks->pidfd = pidfd_open(hooks->pid, 0);
	rc = hooks->pidfd < 0 ? -errno : hf_loop_watch(hooks->loop, hooks->pidfd, it_ended, hooks);
	rc = rc ? rc : hf_loop_watch(hooks->loop, hooks->out, it_says, hooks);
	if (rc) { /* nobody would ever wait for it */
		kill_it(hooks);
		waitpid(hooks->pid, NULL, 0);
	}
	return rc;
}

static void begin(struct hf_hooks *hooks)
{
	hf_us now = hf_loop_now(hooks->loop);
	if (hooks->failing != HF_HOOK_NONE && hooks->failing != hooks->wanted)
		forget_failing(hooks);
	if (hooks->wanted == HF_HOOK_NONE || hooks->wanted == hooks->told)
		return;
	if (!program_of(hooks, hooks->wanted)->count) {
		hooks->told = hooks->wanted;
		return;
	}
	hooks->running = hooks->wanted;
	hooks->began = now;
	hooks->killed = false;
	hooks->said_len = 0;
	int rc = run(hooks);
	if (rc) {
		ended(hooks, NULL, 0, rc, false);
		return;
	}
	hf_timer_arm(hf_loop_timers(hooks->loop), &hooks->timer, now + hooks->conf->timeout);
}

void hf_hooks_init(struct hf_hooks *hooks, struct hf_loop *loop, struct hf_log *log,
	const struct hf_ready_conf *conf)
{
	*hooks = (struct hf_hooks){
		.loop = loop, .log = log, .conf = conf, .pidfd = -1, .out = -1, .timer.fire = fire};
}

void hf_hooks_adopt(struct hf_hooks *hooks, const struct hf_ready_conf *conf)
{
	hooks->conf = conf;
}

void hf_hooks_want(struct hf_hooks *hooks, enum hf_hook hook, const char *reasons)
{
	hooks->wanted = hook;
	snprintf(hooks->reasons, sizeof hooks->reasons, "%s", reasons);
	if (hooks->running == HF_HOOK_NONE)
		begin(hooks);
	else if (hooks->running == HF_HOOK_READY && hook == HF_HOOK_WITHDRAW)
		kill_it(hooks);
}

bool hf_hooks_busy(const struct hf_hooks *hooks)
{
	return hooks->running != HF_HOOK_NONE;
}

void hf_hooks_clear(struct hf_hooks *hooks)
{
	if (!hooks->loop)
		return;
	if (hooks->pid) {
		kill_it(hooks);
		waitpid(hooks->pid, NULL, 0);
	}
	stop_listening(hooks);
}
