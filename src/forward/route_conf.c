/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forward/route.h"

static const struct hf_word orders[] = {
	{ "fastest", HF_ORDER_FASTEST },
	{ "listed", HF_ORDER_LISTED },
	{ NULL, 0 },
};

const struct hf_option hf_route_options[] = {
	{ .name = "order", .type = HF_OPT_WORD, .at = offsetof(struct hf_route, order), .words = orders,
	  .def = "fastest", .live = true,
	  .help = "Which usable upstream is asked first: the fastest, or the first listed." },
	HF_OPTION_END,
};
