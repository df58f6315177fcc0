/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forward/route.h"

static const struct hf_word orders[] = {
	{"fastest", HF_ORDER_FASTEST},
	{"listed", HF_ORDER_LISTED},
	{"strict", HF_ORDER_STRICT},
	{NULL, 0},
};

const struct hf_option hf_route_options[] = {
	{.name = "order",
		.type = HF_OPT_WORD,
		.at = offsetof(struct hf_route, order),
		.words = orders,
		.def = "fastest",
		.live = true,
		.help = "Which upstream in use is asked first. `fastest`: the one with the "
			"smallest smoothed round trip, a lost message counting as time lost; "
			"`strict`: the first in the list of `to`, however slow, so that a standby "
			"is asked only while those before it rest, have no room or have failed the "
			"question, and no longer; `listed`: both, the first in the list, but one "
			"that costs over twice the time of the best and 50 ms more is passed over "
			"until it is better."},
	{.name = "hold-good",
		.type = HF_OPT_DURATION,
		.at = offsetof(struct hf_route, hold_good),
		.min = 0,
		.max = 3600 * HF_SECOND,
		.def = "0s",
		.live = true,
		.help = "When a name that had an answer is suddenly denied (NXDOMAIN, or nothing "
			"of the type), the old answer is given, marked as stale, for this long "
			"after its end; 0s: a denial counts at once."},
	HF_OPTION_END,
};
