/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/law.h"

const struct hf_law_row hf_laws[HF_LAWS] = {
	[HF_LAW_NONE] = { "none", "All held." },
	[HF_LAW_EXPECTED] = { "expected", "A reply is what its line expects." },
	[HF_LAW_ANSWERED] = { "answered", "Every question gets a reply, and only one." },
	[HF_LAW_IN_TIME] = { "in-time", "It comes within the time that stubs wait." },
	[HF_LAW_MATCHED] = { "matched", "It repeats id, question and case, and is well-formed." },
	[HF_LAW_TRUE] = { "true", "It says nothing that no upstream said, nor for longer; old answers are marked." },
	[HF_LAW_BELIEVED] = { "believed", "It gives no address that `expect` rules out." },
	[HF_LAW_TOLD] = { "told", "A failure says why, to those who can hear it (EDNS)." },
	[HF_LAW_SENDS] = { "sends", "No question costs more than ten packets to upstreams." },
	[HF_LAW_RESTED] = { "rested", "What has failed is not asked again for `cache.failure` (RFC 9520)." },
	[HF_LAW_BUDGET] = { "budget", "No upstream gets more in 100 ms than a tenth of its budget." },
	[HF_LAW_COPIES] = { "copies", "Retries, hedges and probes stay within what the retry budgets allow." },
	[HF_LAW_QUESTIONS] = { "questions", "What goes to upstreams are questions." },
	[HF_LAW_POSSIBLE] = { "possible", "The server meets nothing that it holds to be impossible." },
	[HF_LAW_BOUNDED] = { "bounded", "What the server keeps is within its bounds, and its books agree." },
	[HF_LAW_EMPTY] = { "empty", "When all is over nothing is left in the server." },
	[HF_LAW_FINALLY] = { "finally", "In the end the sums are what `finally` says." },
	[HF_LAW_ALIVE] = { "alive", "The process neither dies nor runs without end." },
};
