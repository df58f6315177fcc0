/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_conf.h"

#define ROW(field) .at = offsetof(struct hf_cache_conf, field)

const struct hf_option hf_cache_options[] = {
	{ .name = "size", .type = HF_OPT_SIZE, ROW(size), .min = 1 << 20, .max = 1ull << 44,
	  .def = "256MiB", .live = false,
	  .help = "Memory for answers and their index, taken once at start." },
	{ .name = "ttl-max", .type = HF_OPT_DURATION, ROW(ttl_max), .min = 0, .max = 7 * 86400 * HF_SECOND,
	  .def = "1d", .live = true,
	  .help = "No record is kept, or told to a client, for longer than this." },
	{ .name = "negative-max", .type = HF_OPT_DURATION, ROW(negative_max), .min = 0,
	  .max = 86400 * HF_SECOND, .def = "1h", .live = true,
	  .help = "No NXDOMAIN or empty answer is kept for longer than this (RFC 2308)." },
	{ .name = "failure", .type = HF_OPT_DURATION, ROW(failure), .min = 1 * HF_SECOND,
	  .max = 300 * HF_SECOND, .def = "1s", .live = true,
	  .help = "How long a question that no upstream could answer is not asked again (RFC 9520); doubled each time in a row." },
	{ .name = "failure-max", .type = HF_OPT_DURATION, ROW(failure_max), .min = 1 * HF_SECOND,
	  .max = 300 * HF_SECOND, .def = "30s", .live = true,
	  .help = "The longest such time, however often the question has failed." },
	{ .name = "stale", .type = HF_OPT_DURATION, ROW(stale), .min = 0, .max = 30 * 86400 * HF_SECOND,
	  .def = "3d", .live = true,
	  .help = "How long past its TTL an answer is still given when no upstream answers, marked as stale (RFC 8767); 0s: never." },
	{ .name = "stale-after", .type = HF_OPT_DURATION, ROW(stale_after), .min = 10 * HF_MS,
	  .max = 10 * HF_SECOND, .def = "1800ms", .live = true,
	  .help = "How long a client waits for a fresh answer before it is given a stale one." },
	{ .name = "stale-ttl", .type = HF_OPT_DURATION, ROW(stale_ttl), .min = 1 * HF_SECOND,
	  .max = 300 * HF_SECOND, .def = "30s", .live = true,
	  .help = "The TTL that stale records are given." },
	{ .name = "prefetch", .type = HF_OPT_FLAG, ROW(prefetch), .def = "yes", .live = true,
	  .help = "Fetch answers that are asked for anew in the last tenth of their time, if there is room in every budget." },
	{ .name = "keep-warm", .type = HF_OPT_TEXTS, ROW(keep_warm), .min = 1, .max = 1023, .def = "[]", .live = true,
	  .help = "Names whose A and AAAA records are fetched anew before they end, asked for or not." },
	{ .name = "nxdomain-cut", .type = HF_OPT_FLAG, ROW(nxdomain_cut), .def = "yes", .live = true,
	  .help = "Take a name that does not exist as proof that nothing exists below it (RFC 8020)." },
	HF_OPTION_END,
};
