/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "face/ask.h"
#include "face/control.h"
#include "face/recent.h"
#include "face/verbs.h"

/* " key=value" behind what is there. */
static bool add(char *request, size_t size, const char *key, const char *value)
{
	size_t len = strlen(request);
	int more = snprintf(request + len, size - len, " %s=", key);
	len += more > 0 ? (size_t)more : size;
	return len < size && hf_recent_encode(value, request + len, size - len);
}

static bool make_request(const struct hf_call *call, char *request, size_t size)
{
	const struct {
		const char *key, *value;
	} wanted[] = {
		{"name", call->word_count ? call->words[0] : NULL},
		{"upstream", call->flags.upstream},
		{"route", call->flags.route},
		{"client", call->flags.client},
		{"last", call->flags.last},
	};
	snprintf(request, size, "decisions%s", call->flags.json ? " json" : "");
	for (size_t i = 0; i < HF_COUNT_OF(wanted); i++)
		if (wanted[i].value && !add(request, size, wanted[i].key, wanted[i].value)) {
			fprintf(call->err, "holdfast decisions: the request is too long\n");
			return false;
		}
	return true;
}

static int decisions(const struct hf_call *call)
{
	char request[HF_CONTROL_REQUEST_MAX];
	if (!make_request(call, request, sizeof request))
		return HF_EXIT_USAGE;
	char *path = hf_ask_path(call->flags.socket, call->flags.config, call->err);
	int result = path ? hf_ask(path, request, call->out, call->err) : HF_EXIT_USAGE;
	free(path);
	return result;
}

static const struct hf_flag_row flags[] = {
	{"config", 'c', "FILE", offsetof(struct hf_flags, config),
		"Take the control socket's path from this file."},
	HF_FLAG_SOCKET,
	{"upstream", 'u', "UPSTREAM", offsetof(struct hf_flags, upstream),
		"Only what is about this upstream."},
	{"route", 0, "ZONE", offsetof(struct hf_flags, route),
		"Only questions that take the route of this zone."},
	{"client", 0, "ADDRESS", offsetof(struct hf_flags, client),
		"Only questions that a client of this address's network asked first, or joined."},
	{"last", 'n', "N", offsetof(struct hf_flags, last), "So many, 1 to 1000 (50)."},
	HF_FLAG_JSON,
	HF_FLAG_END,
};

const struct hf_verb hf_cmd_decisions = {
	.name = "decisions",
	.words = "[NAME]",
	.words_max = 1,
	.help = "Tell what was decided lately about questions, by all workers, the last one last.",
	.more = "Whom they were asked of, what was waited for, what was given or refused, and why. "
		"With\n"
		"NAME, only those for it and for names below it. What goes as it should is kept "
		"for "
		"a\n"
		"moment (1,024 lines of each worker), the rest for longer (4,096); hits leave no "
		"line.",
	.flags = flags,
	.run = decisions,
};
