/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "face/ask.h"
#include "face/verbs.h"

static int status(const struct hf_call *call)
{
	char *path = hf_ask_path(call->flags.socket, call->flags.config, call->err);
	int result = HF_EXIT_USAGE;
	if (path)
		result = hf_ask(path, call->flags.json ? "status json" : "status", call->out, call->err);
	free(path);
	return result;
}

static const struct hf_flag_row flags[] = {
	{ "config", 'c', "FILE", offsetof(struct hf_flags, config),
	  "Take the control socket's path from this file." },
	HF_FLAG_SOCKET,
	HF_FLAG_JSON,
	HF_FLAG_END,
};

const struct hf_verb hf_cmd_status = {
	.name = "status",
	.help = "Tell how the running holdfast, its upstreams and its cache are.",
	.flags = flags,
	.run = status,
};
