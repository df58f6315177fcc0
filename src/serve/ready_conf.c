/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/readiness.h"

static const struct hf_word upstreams[] = {
	{"any", HF_READY_ANY},
	{"all", HF_READY_ALL},
	{"none", HF_READY_NONE},
	{NULL, 0},
};

static const struct hf_word none_word[] = {{"none", 0}, {NULL, 0}};

#define ROW(field) .at = offsetof(struct hf_ready_conf, field)

const struct hf_option hf_ready_options[] = {
	{.name = "rise",
		.type = HF_OPT_DURATION,
		ROW(rise),
		.min = 0,
		.max = 600 * HF_SECOND,
		.def = "1s",
		.live = true,
		.help = "How long all must have been well before the node is ready, at the start, "
			"too."},
	{.name = "fall",
		.type = HF_OPT_DURATION,
		ROW(fall),
		.min = 0,
		.max = 600 * HF_SECOND,
		.def = "3s",
		.live = true,
		.help = "How long answers must have been missing before the node is withdrawn. A "
			"zone that may not be served withdraws it at once."},
	{.name = "hold",
		.type = HF_OPT_DURATION,
		ROW(hold),
		.min = 0,
		.max = 600 * HF_SECOND,
		.def = "3s",
		.live = true,
		.help = "How long the node stays ready, or withdrawn, at the least; only what "
			"could "
			"be a false answer withdraws it earlier."},
	{.name = "upstreams",
		.type = HF_OPT_WORD,
		ROW(upstreams),
		.words = upstreams,
		.def = "any",
		.live = true,
		.help = "Which upstreams the node is not ready without. `any`: one route must have "
			"an "
			"upstream that may be used, or the cache hold enough to go on answering; "
			"`all`: each route must; `none`: it is ready without."},
	{.name = "held",
		.type = HF_OPT_COUNT,
		ROW(held),
		.min = 1,
		.max = 1000000000,
		.words = none_word,
		.def = "100",
		.live = true,
		.help = "How many answers in the cache are enough to go on with while no upstream "
			"answers, with `upstreams: any` and `cache.stale` above 0s; `none`: "
			"however "
			"many there are, they are not."},
	{.name = "on-ready",
		.type = HF_OPT_TEXTS,
		ROW(on_ready),
		.min = 1,
		.max = 1023,
		.def = "[]",
		.live = true,
		.help = "A program, by its whole path, and its arguments, such as "
			"`[/usr/sbin/birdc, "
			"enable, anycast]`; run, without a shell, when the node has become ready."},
	{.name = "on-withdraw",
		.type = HF_OPT_TEXTS,
		ROW(on_withdraw),
		.min = 1,
		.max = 1023,
		.def = "[]",
		.live = true,
		.help = "The same for when it is not ready any more, at the start, and before the "
			"last questions are answered at the end."},
	{.name = "timeout",
		.type = HF_OPT_DURATION,
		ROW(timeout),
		.min = 100 * HF_MS,
		.max = 60 * HF_SECOND,
		.def = "5s",
		.live = true,
		.help = "How long such a program may run before it, and what it has started, is "
			"killed."},
	{.name = "linger",
		.type = HF_OPT_DURATION,
		ROW(linger),
		.min = 0,
		.max = 60 * HF_SECOND,
		.def = "0s",
		.live = true,
		.help = "How long all questions are still answered at the end, when it has been said "
			"that the node is not ready: for those who only ask now and then, such as "
			"keepalived."},
	{.name = "agent",
		.type = HF_OPT_ADDRESS,
		ROW(agent),
		.port = 9154,
		.def = "none",
		.live = false,
		.help = "Address at which HAProxy's agent-check is answered over TCP: `up ready`, "
			"`down` with the reason, or `drain`; or `none`."},
	HF_OPTION_END,
};
