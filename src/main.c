/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of commands, nothing else. */
#include "drill/drill.h"
#include "face/command.h"
#include "face/verbs.h"

static const struct hf_verb *const verbs[] = {
	&hf_cmd_run,
	&hf_cmd_check,
	&hf_cmd_reload,
	&hf_cmd_status,
	&hf_cmd_ready,
	&hf_cmd_explain,
	&hf_cmd_decisions,
	&hf_cmd_providers,
	&hf_cmd_doc,
	&hf_cmd_drill,
	&hf_cmd_version,
	NULL,
};

int main(int argc, char **argv)
{
	static const struct hf_program program = {
		.name = "holdfast",
		.help = "holdfast - a caching, forwarding DNS server that fails over.",
		.verbs = verbs,
	};
	return hf_command(&program, argc, argv, stdout, stderr);
}
