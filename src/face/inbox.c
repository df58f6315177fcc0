/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/inbox.h"

#include "base/check.h"
#include "base/error.h"
#include "face/command.h"
#include "face/gate.h"
#include "face/story.h"
#include "serve/inspect.h"

struct hf_inbox_item {
	struct hf_inbox *inbox;
	struct hf_inbox_item *next; /* once it has been left */
	bool explains;              /* for the asker; else for the log */
	bool json;
	struct hf_control_asker asker;
	struct hf_story *story;
	struct hf_examined *examined;
};

static void item_free(struct hf_inbox_item *item)
{
	hf_story_free(item->story);
	hf_examined_free(item->examined);
	free(item);
}

/* In a worker's thread. */
static void told(void *ctx, struct hf_story *story, struct hf_examined *examined)
{
	struct hf_inbox_item *item = ctx;
	struct hf_inbox *inbox = item->inbox;
	item->story = story;
	item->examined = examined;
	if (story) {
		story->examined = examined;
		item->examined = NULL;
	}
	pthread_mutex_lock(&inbox->lock);
	item->next = inbox->first;
	inbox->first = item;
	pthread_mutex_unlock(&inbox->lock);
	hf_loop_wake(inbox->loop);
}

static void reply(struct hf_inbox *inbox, const struct hf_inbox_item *item)
{
	static const char nothing[] = "it could not be found out\n";
	char *text = NULL;
	size_t len = 0;
	FILE *out = inbox->control && item->story ? open_memstream(&text, &len) : NULL;
	int status = out ? hf_story_write(item->story, item->json, out) : HF_EXIT_UNREACHED;
	if (out && fclose(out) == 0)
		hf_control_reply(inbox->control, &item->asker, status, text, len);
	else if (inbox->control)
		hf_control_reply(
			inbox->control, &item->asker, HF_EXIT_UNREACHED, nothing, strlen(nothing));
	free(text);
}

static struct hf_inbox_item *take(struct hf_inbox *inbox)
{
	pthread_mutex_lock(&inbox->lock);
	struct hf_inbox_item *item = inbox->first;
	if (item)
		inbox->first = item->next;
	pthread_mutex_unlock(&inbox->lock);
	return item;
}

static void woken(void *ctx, hf_us now)
{
	struct hf_inbox *inbox = ctx;
	struct hf_inbox_item *item;
	(void)now;
	while ((item = take(inbox))) {
		if (item->explains)
			reply(inbox, item);
		else if (item->examined)
			hf_gate_say(item->examined, inbox->log);
		item_free(item);
	}
}

static const struct hf_loop_hooks hooks = {.woken = woken};

void hf_inbox_init(struct hf_inbox *inbox, struct hf_loop *loop, struct hf_log *log)
{
	*inbox = (struct hf_inbox){.loop = loop, .log = log};
	pthread_mutex_init(&inbox->lock, NULL);
	hf_loop_set_hooks(loop, &hooks, inbox);
}

void hf_inbox_clear(struct hf_inbox *inbox)
{
	struct hf_inbox_item *item;
	while (inbox->first && (item = take(inbox)))
		item_free(item);
	if (inbox->loop)
		pthread_mutex_destroy(&inbox->lock);
	inbox->loop = NULL;
}

int hf_inbox_explain(struct hf_inbox *inbox, struct hf_server *server, const char *argument,
	const struct hf_control_asker *asker, FILE *out)
{
	struct hf_story_wish wish;
	if (!hf_story_wish_read(argument, &wish, out))
		return HF_EXIT_USAGE;
	struct hf_inbox_item *item = calloc(1, sizeof *item);
	if (!item)
		return HF_EXIT_UNREACHED;
	*item = (struct hf_inbox_item){
		.inbox = inbox, .explains = true, .json = wish.json, .asker = *asker};
	const struct hf_inspect_conf conf = {.questions = &wish.question,
		.count = 1,
		.story = true,
		.longest = wish.ask ? HF_STORY_LONGEST : 0,
		.told = told,
		.ctx = item};
	int error = hf_server_inspect(server, &conf);
	if (!error)
		return HF_CONTROL_LATER;
	free(item);
	fprintf(out, "%s\n",
		error == HF_EBOUND ? "too much is being explained already, try again"
				   : hf_strerror(error));
	return HF_EXIT_UNREACHED;
}

void hf_inbox_verify(
	struct hf_inbox *inbox, struct hf_server *server, const struct hf_config *config)
{
	struct hf_questions questions;
	if (!hf_gate_wanted(config, HF_VERIFY_WARN, &questions))
		return;
	struct hf_inbox_item *item = calloc(1, sizeof *item);
	if (item)
		*item = (struct hf_inbox_item){.inbox = inbox};
	const struct hf_inspect_conf conf = {.questions = questions.items,
		.count = questions.count,
		.longest = config->startup.deadline,
		.accuse = true,
		.told = told,
		.ctx = item};
	if (!item || hf_server_inspect(server, &conf)) {
		hf_log_say(inbox->log, HF_LOG_WARNING,
			"upstreams could not be asked for the names with expectations", NULL);
		free(item);
	}
	free(questions.items);
}
