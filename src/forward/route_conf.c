/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forward/route.h"

static const struct hf_word orders[] = {
	{"fastest", HF_ORDER_FASTEST},
	{"listed", HF_ORDER_LISTED},
	{"strict", HF_ORDER_STRICT},
	{NULL, 0},
};

static const struct hf_word all_of_it[] = {{"all", 0}, {NULL, 0}};

static const struct hf_word as_upstream[] = {{"upstream", 0}, {NULL, 0}};

static const struct hf_word hedges[] = {
	{"upstream", HF_HEDGE_AS_UPSTREAM},
	{"yes", HF_HEDGE_YES},
	{"no", HF_HEDGE_NO},
	{NULL, 0},
};

#define FIGURE(field) .at = offsetof(struct hf_route, figures.field)

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
	{.name = "rest-lame",
		.type = HF_OPT_FLAG,
		.at = offsetof(struct hf_route, rest_lame),
		.def = "yes",
		.live = true,
		.help = "Whether an upstream that fails several names of the zone, answers none for "
			"a minute and fails the zone's own SOA, too (SERVFAIL, REFUSED, a referral), "
			"is not asked for this route for a second, doubling up to `rest-max`. `no`: "
			"where it serves parts of the zone and refuses the zone itself."},
	{.name = "in-flight-percent",
		.type = HF_OPT_COUNT,
		.at = offsetof(struct hf_route, in_flight_percent),
		.min = 1,
		.max = 99,
		.words = all_of_it,
		.def = "80",
		.live = true,
		.help = "Where there are other routes, the most of `clients.in-flight` that "
			"questions of this one may hold alone, in percent, and less while others "
			"hold some; of what its first upstream may have, where another route "
			"begins with that, too. `all`: no bound of its own. Past it old answers "
			"are given, or SERVFAIL with an extended error. The same part holds of "
			"`outgoing.connections`."},
	/* Bounds as of the upstreams' rows of these names; 0 is the word, so it is no value. */
	{.name = "timeout-min",
		.type = HF_OPT_DURATION,
		FIGURE(timeout_min),
		.min = 1 * HF_MS,
		.max = 10 * HF_SECOND,
		.words = as_upstream,
		.def = "upstream",
		.live = true,
		.help = "Least time that one attempt on this route is given; `upstream`: what the "
			"upstream's own row of this name says, here and in the rows below."},
	{.name = "timeout-max",
		.type = HF_OPT_DURATION,
		FIGURE(timeout_max),
		.min = 10 * HF_MS,
		.max = 10 * HF_SECOND,
		.words = as_upstream,
		.def = "upstream",
		.live = true,
		.help = "Most time that one attempt on this route is given."},
	{.name = "failures-to-open",
		.type = HF_OPT_COUNT,
		FIGURE(failures_to_open),
		.min = 1,
		.max = 1000,
		.words = as_upstream,
		.def = "upstream",
		.live = true,
		.help = "Failed attempts in a row before an upstream is rested for this route. "
			"When "
			"it is rested for all of its routes stays the upstream's to say."},
	{.name = "rest-min",
		.type = HF_OPT_DURATION,
		FIGURE(rest_min),
		.min = 10 * HF_MS,
		.max = 60 * HF_SECOND,
		.words = as_upstream,
		.def = "upstream",
		.live = true,
		.help = "First rest of an upstream that is rested for this route; each further one "
			"is twice as long, with jitter."},
	{.name = "rest-max",
		.type = HF_OPT_DURATION,
		FIGURE(rest_max),
		.min = 100 * HF_MS,
		.max = 3600 * HF_SECOND,
		.words = as_upstream,
		.def = "upstream",
		.live = true,
		.help = "Longest rest between two probes of an upstream that is rested for this "
			"route."},
	{.name = "hedge",
		.type = HF_OPT_WORD,
		FIGURE(hedge),
		.words = hedges,
		.def = "upstream",
		.live = true,
		.help = "Whether another upstream is asked as well when one takes longer than 19 "
			"in "
			"20 of its answers on this route did."},
	{.name = "retry-percent",
		.type = HF_OPT_COUNT,
		FIGURE(retry.percent),
		.min = 1,
		.max = 1000,
		.words = as_upstream,
		.def = "upstream",
		.live = true,
		.help = "Retries, hedges and probes sent to each upstream on this route, as a "
			"share "
			"of the questions of this route that it may be asked. The upstream's own "
			"retry budget, for all of its routes, holds as well: this one keeps a "
			"route from using it up."},
	{.name = "retry-floor",
		.type = HF_OPT_RATE,
		FIGURE(retry.floor),
		.min = 1,
		.max = 1000000,
		.words = as_upstream,
		.def = "upstream",
		.live = true,
		.help = "So many of those are allowed in any case, within what the upstream's own "
			"retry budget has left. A route that sets neither of the two has no retry "
			"budget of its own."},
	HF_OPTION_END,
};
