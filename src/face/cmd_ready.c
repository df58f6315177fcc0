/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/number.h"
#include "base/option.h"
#include "face/ask.h"
#include "face/verbs.h"
#include "loop/loop_epoll.h"

#define LONGEST (800 * HF_MS) /* keepalived and the like give a check a second */
#define BETWEEN (100 * HF_MS)
#define WAIT_MAX (86400 * HF_SECOND)

/* One question. Its words are kept from the streams until we know that they count. */
static int ask(const char *path, bool json, char **ret_said, char **ret_complained)
{
	size_t len;
	FILE *out = open_memstream(ret_said, &len), *err = open_memstream(ret_complained, &len);
	int status = HF_EXIT_UNREACHED;
	if (out && err)
		status = hf_ask_within(path, json ? "ready json" : "ready", LONGEST, out, err);
	if (out)
		fclose(out);
	if (err)
		fclose(err);
	return status;
}

static void rest(void)
{
	const struct timespec time = {.tv_nsec = BETWEEN * 1000};
	nanosleep(&time, NULL);
}

/* Asks until it is ready, or until the deadline. */
static int ask_until(const struct hf_call *call, const char *path, hf_us deadline)
{
	for (;;) {
		char *said = NULL, *complained = NULL;
		int status = ask(path, call->flags.json, &said, &complained);
		bool last = status == HF_EXIT_GOOD || hf_clock_now() + BETWEEN >= deadline;
		if (last) {
			fputs(said ? said : "", call->out);
			fputs(complained ? complained : "", call->err);
		}
		free(said);
		free(complained);
		if (last)
			return status;
		rest();
	}
}

static bool read_wait(const struct hf_call *call, hf_us *ret)
{
	static const struct hf_option wait = {
		.name = "wait", .type = HF_OPT_DURATION, .max = WAIT_MAX};
	const char *text = call->flags.wait;
	*ret = 0;
	if (!text || hf_option_read(&wait, text, strlen(text), NULL, ret) == 0)
		return true;
	fprintf(call->err, "--wait takes a duration such as 30s, at most a day\n");
	return false;
}

static int ready(const struct hf_call *call)
{
	hf_us wait;
	if (!read_wait(call, &wait))
		return HF_EXIT_USAGE;
	char *path = hf_ask_path(call->flags.socket, call->flags.config, call->err);
	int status = path ? ask_until(call, path, hf_clock_now() + wait) : HF_EXIT_USAGE;
	free(path);
	return status;
}

static const struct hf_flag_row flags[] = {
	{"config", 'c', "FILE", offsetof(struct hf_flags, config),
		"Take the control socket's path from this file."},
	HF_FLAG_SOCKET,
	HF_FLAG_JSON,
	{"wait", 0, "DURATION", offsetof(struct hf_flags, wait),
		"Ask again until it is ready, for so long at the most."},
	HF_FLAG_END,
};

const struct hf_verb hf_cmd_ready = {
	.name = "ready",
	.help = "Tell whether clients may be sent to the running holdfast.",
	.more = "Exit status 0: ready; 1: not, and why; 3: it cannot be asked. Takes less than a "
		"second\n"
		"without --wait, so that keepalived and the like can use it as a check.",
	.flags = flags,
	.run = ready,
};
