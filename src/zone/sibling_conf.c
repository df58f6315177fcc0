/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/sibling_conf.h"

static const struct hf_word panics[] = {
	{"off", HF_PANIC_OFF},
	{"serve-newest", HF_PANIC_SERVE_NEWEST},
	{NULL, 0},
};

#define ROW(field) .at = offsetof(struct hf_siblings_conf, field)

const struct hf_option hf_sibling_options[] = {
	{.name = "servers",
		.type = HF_OPT_ADDRESSES,
		ROW(servers),
		.port = 53,
		.def = "[]",
		.live = true,
		.help = "Addresses of the other nodes that serve the same zones, of whatever make; "
			"at "
			"most sixteen."},
	{.name = "vip",
		.type = HF_OPT_ADDRESS,
		ROW(vip),
		.port = 53,
		.def = "none",
		.live = true,
		.help = "The address that clients use and that leads to one of the nodes: it is "
			"asked, "
			"too, and an old serial there is told; or `none`."},
	{.name = "interval",
		.type = HF_OPT_DURATION,
		ROW(interval),
		.min = 100 * HF_MS,
		.max = 3600 * HF_SECOND,
		.def = "5s",
		.live = true,
		.help = "How often each of them is asked for the serial of each zone. Who is "
			"behind is "
			"named after two of these at the latest."},
	{.name = "key",
		.type = HF_OPT_TEXT,
		ROW(key),
		.min = 1,
		.max = 255,
		.def = "none",
		.live = true,
		.help = "One of `keys:`, with which these questions are signed, and answers must "
			"be."},
	{.name = "samples",
		.type = HF_OPT_COUNT,
		ROW(samples),
		.min = 0,
		.max = 8,
		.def = "2",
		.live = true,
		.help = "How many sets of records of each zone are compared each time, chosen by "
			"chance."},
	{.name = "panic",
		.type = HF_OPT_WORD,
		ROW(panic),
		.words = panics,
		.def = "off",
		.live = true,
		.help = "`serve-newest`: if no node can prove its copy of a zone and no primary "
			"can be "
			"reached, those that hold the newest serve it, marked, in place of nobody; "
			"`off`: nobody does."},
	HF_OPTION_END,
};
