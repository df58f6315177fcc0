/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "face/ask.h"
#include "face/verbs.h"

static int reload(const struct hf_call *call)
{
	char *path = hf_ask_path(call->flags.socket, call->flags.config, call->err);
	int status = path ? hf_ask(path, "reload", call->out, call->err) : HF_EXIT_USAGE;
	free(path);
	return status;
}

static const struct hf_flag_row flags[] = {
	{ "config", 'c', "FILE", offsetof(struct hf_flags, config),
	  "Take the control socket's path from this file." },
	HF_FLAG_SOCKET,
	HF_FLAG_END,
};

const struct hf_verb hf_cmd_reload = {
	.name = "reload",
	.help = "Make the running holdfast read its configuration again.",
	.more = "It reads the file that it was started with. If that has a fault, nothing changes\n"
		"and the faults are printed here. Keys that need a restart are named. If a zone "
		"that was\n"
		"answered is not any more under the new configuration it is named, and the exit "
		"status\n"
		"is 1; the configuration has been taken.",
	.flags = flags,
	.run = reload,
};
