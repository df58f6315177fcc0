/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/inspect.h"

#include "base/check.h"
#include "base/error.h"

struct hf_inspection {
	struct hf_under_way_item item; /* first: hf_inspections_end casts */
	struct hf_under_way *all;
	struct hf_worker *worker;
	struct hf_inspect_conf conf; /* its questions are ours */
	struct hf_story *story;
	struct hf_examination *examination;
};

static void tell(struct hf_inspection *in, struct hf_story *story, struct hf_examined *examined)
{
	hf_under_way_leave(in->all, &in->item);
	in->conf.told(in->conf.ctx, story, examined);
	free((void *)in->conf.questions);
	free(in);
}

static void done(void *ctx, struct hf_examined *examined, hf_us now)
{
	struct hf_inspection *in = ctx;
	(void)now;
	tell(in, in->story, examined);
}

static void begin(void *arg, hf_us now)
{
	struct hf_inspection *in = arg;
	const struct hf_examine_conf conf = {.worker = in->worker,
		.questions = in->conf.questions,
		.count = in->conf.count,
		.longest = in->conf.longest,
		.accuse = in->conf.accuse,
		.done = done,
		.ctx = in};
	int rc = in->conf.story ? hf_story_look(in->worker, &in->conf.questions[0], now, &in->story)
				: 0;
	/* A name of ours is no upstream's business. */
	bool asks = conf.longest && (!in->story || hf_story_is_upstreams(in->story));
	if (!rc && asks)
		rc = hf_examine(&conf, now, &in->examination);
	if (rc) {
		hf_story_free(in->story);
		tell(in, NULL, NULL);
	} else if (!asks) {
		tell(in, in->story, NULL);
	}
}

int hf_inspect(
	struct hf_under_way *all, struct hf_worker *worker, const struct hf_inspect_conf *conf)
{
	struct hf_inspection *in = calloc(1, sizeof *in);
	struct hf_question *questions = calloc(conf->count, sizeof *questions);
	int rc = in && questions ? 0 : -ENOMEM;
	if (!rc) {
		memcpy(questions, conf->questions, conf->count * sizeof *questions);
		*in = (struct hf_inspection){.all = all, .worker = worker, .conf = *conf};
		in->conf.questions = questions;
		rc = hf_under_way_join(all, &in->item, HF_INSPECTIONS_MAX) ? 0 : HF_EBOUND;
	}
	if (!rc && (rc = hf_worker_order(worker, begin, in)))
		hf_under_way_leave(all, &in->item);
	if (rc) {
		free(questions);
		free(in);
	}
	return rc;
}

void hf_inspections_end(struct hf_under_way *all)
{
	while (all->first) {
		struct hf_inspection *in = (struct hf_inspection *)all->first;
		hf_examination_end(in->examination);
		hf_story_free(in->story);
		tell(in, NULL, NULL);
	}
}
