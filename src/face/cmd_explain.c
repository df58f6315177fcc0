/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"
#include "engine/examiner.h"
#include "face/ask.h"
#include "face/control.h"
#include "face/instance.h"
#include "face/story.h"
#include "face/verbs.h"
#include "zone/rules.h"

/* As the control socket wants it. */
static bool make_argument(const struct hf_call *call, char *buf, size_t size)
{
	const char *type = call->word_count > 1 ? call->words[1] : "A";
	if (!hf_story_words_good(call->words[0], type, call->err))
		return false;
	int len = snprintf(buf, size, "%s %s%s%s", call->words[0], type,
		call->flags.no_ask ? "" : " ask", call->flags.json ? " json" : "");
	if (len > 0 && (size_t)len < size)
		return true;
	fprintf(call->err, "the name is too long\n");
	return false;
}

/* As a server with this configuration would tell it that has just begun. */
static int explain_alone(const struct hf_call *call, const char *argument)
{
	struct hf_story_wish wish;
	struct hf_config *config;
	struct hf_story *story;
	struct hf_zone_rules *zones = NULL;
	if (!hf_story_wish_read(argument, &wish, call->err) ||
		hf_config_load(call->flags.config, HF_RESOLV_CONF, call->err, &config))
		return HF_EXIT_USAGE;
	if (hf_zone_rules_of_names(&config->zones, &zones)) {
		fprintf(call->err, "there is no memory\n");
		hf_config_unref(config);
		return HF_EXIT_UNREACHED;
	}
	const struct hf_examiner_conf conf = {.forward = &config->forward,
		.cache = &config->cache,
		.longest = wish.ask ? HF_STORY_LONGEST : 0,
		.zones = zones,
		.interrupt = -1};
	int error = hf_examiner_explain(&conf, &wish.question, &story);
	int status = HF_EXIT_UNREACHED;
	if (error)
		fprintf(call->err, "upstreams cannot be asked: %s\n", hf_strerror(error));
	else
		status = hf_story_write(story, wish.json, call->out);
	if (!error)
		hf_story_free(story);
	hf_zone_rules_free(zones);
	hf_config_unref(config);
	return status;
}

static int ask_the_server(const struct hf_call *call, const char *argument)
{
	char request[HF_CONTROL_REQUEST_MAX];
	char *path = hf_ask_path(call->flags.socket, call->flags.config, call->err);
	if (!path)
		return HF_EXIT_USAGE;
	int status = HF_EXIT_USAGE;
	if (snprintf(request, sizeof request, "explain %s", argument) < (int)sizeof request)
		status = hf_ask(path, request, call->out, call->err);
	else
		fprintf(call->err, "the name is too long\n");
	if (status == HF_EXIT_UNREACHED)
		fprintf(call->err, "`--standalone` asks the upstreams without a server.\n");
	free(path);
	return status;
}

static int explain(const struct hf_call *call)
{
	char argument[HF_CONTROL_REQUEST_MAX];
	if (!make_argument(call, argument, sizeof argument))
		return HF_EXIT_USAGE;
	return call->flags.standalone ? explain_alone(call, argument)
				      : ask_the_server(call, argument);
}

static const struct hf_flag_row flags[] = {
	{"config", 'c', "FILE", offsetof(struct hf_flags, config),
		"Take the control socket's path from this file; with --standalone, all."},
	HF_FLAG_SOCKET,
	{"no-ask", 'q', NULL, offsetof(struct hf_flags, no_ask),
		"Tell what is known, and ask no upstream."},
	{"quiet", 0, NULL, offsetof(struct hf_flags, no_ask), "The same as --no-ask."},
	{"standalone", 0, NULL, offsetof(struct hf_flags, standalone),
		"Without a running server: only upstreams are asked."},
	HF_FLAG_JSON,
	HF_FLAG_END,
};

const struct hf_verb hf_cmd_explain = {
	.name = "explain",
	.words = "NAME [TYPE]",
	.words_min = 1,
	.words_max = 2,
	.help = "Tell the whole story of one answer: route, upstreams, cache, and who says what.",
	.more = "Each upstream of the name's route is asked anew, within its budget; none is for "
		"a name\n"
		"that a zone of ours, local data or a hosts file answers. Exit status 0: there is "
		"an\n"
		"answer, and nobody lies; 1: an upstream lies, none says anything, or the zone is "
		"not\n"
		"served; 3: no holdfast runs here.",
	.flags = flags,
	.run = explain,
};
