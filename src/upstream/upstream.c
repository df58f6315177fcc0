/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/upstream.h"

static const struct hf_word none[] = { { "none", 0 }, { NULL, 0 } };

static const struct hf_word trusts[] = {
	{ "normal", HF_TRUST_NORMAL },
	{ "low", HF_TRUST_LOW },
	{ NULL, 0 },
};

static const struct hf_word tls_auths[] = {
	{"strict", HF_TLS_STRICT},
	{"opportunistic", HF_TLS_OPPORTUNISTIC},
	{NULL, 0},
};

#define ROW(field) .at = offsetof(struct hf_upstream_conf, field)

const struct hf_option hf_upstream_options[] = {
	{ .name = "timeout-min", .type = HF_OPT_DURATION, ROW(timeout_min), .min = 1 * HF_MS,
	  .max = 10 * HF_SECOND, .def = "20ms", .live = true,
	  .help = "Least time that one attempt is given, however fast the upstream was so far." },
	{ .name = "timeout-max", .type = HF_OPT_DURATION, ROW(timeout_max), .min = 10 * HF_MS,
	  .max = 10 * HF_SECOND, .def = "1500ms", .live = true,
	  .help = "Most time that one attempt is given; within it the time-out follows the measured round trip." },
	/* 5: at 10 % packet loss a healthy upstream trips once in 100,000 runs of five. */
	{ .name = "failures-to-open", .type = HF_OPT_COUNT, ROW(failures_to_open), .min = 1, .max = 1000,
	  .def = "5", .live = true,
	  .help = "Failed attempts in a row before the upstream is rested and only probed." },
	{ .name = "rest-min", .type = HF_OPT_DURATION, ROW(rest_min), .min = 10 * HF_MS,
	  .max = 60 * HF_SECOND, .def = "200ms", .live = true,
	  .help = "First rest of an upstream that failed; each further one is twice as long, with jitter." },
	{ .name = "rest-max", .type = HF_OPT_DURATION, ROW(rest_max), .min = 100 * HF_MS,
	  .max = 3600 * HF_SECOND, .def = "30s", .live = true,
	  .help = "Longest rest between two probes of an upstream that does not answer." },
	{ .name = "edns-size", .type = HF_OPT_COUNT, ROW(edns_size), .min = 512, .max = 4096,
	  .def = "1232", .live = true,
	  .help = "Largest UDP reply that the upstream is told to send, in bytes; more comes over TCP." },
	{ .name = "case-mix", .type = HF_OPT_FLAG, ROW(case_mix), .def = "yes", .live = true,
	  .help = "Ask with random upper and lower case and accept only replies that repeat it (0x20)." },
	{ .name = "cookies", .type = HF_OPT_FLAG, ROW(cookies), .def = "yes", .live = true,
	  .help = "Over UDP, ask with a cookie (RFC 7873), and once the upstream has given it back accept only replies that do; what has none is asked for over TCP." },
	{ .name = "budget", .type = HF_OPT_RATE, ROW(budget), .min = 1, .max = 10000000, .words = none,
	  .def = "none", .live = true,
	  .help = "Packets a second that the upstream may be sent, kept within any 100 ms; more stands in line, and clients share what there is." },
	{ .name = "infer-cap", .type = HF_OPT_FLAG, ROW(infer_cap), .def = "yes", .live = true,
	  .help = "Find out by itself where replies stop to grow with what is sent, and stay below it." },
	{ .name = "hedge", .type = HF_OPT_FLAG, ROW(hedge), .def = "yes", .live = true,
	  .help = "Ask another upstream as well when this one takes longer than 19 in 20 of its answers did." },
	{ .name = "trust", .type = HF_OPT_WORD, ROW(trust), .words = trusts, .def = "normal", .live = true,
	  .help = "`low`: asked only when every other upstream of the route rests, is kept out or has failed the question; else only to compare." },
	{ .name = "retry-percent", .type = HF_OPT_COUNT, ROW(retry.percent), .min = 0, .max = 1000,
	  .def = "10", .live = true,
	  .help = "Retries, hedges and probes sent to it, as a share of the questions that it may be asked." },
	{ .name = "retry-floor", .type = HF_OPT_RATE, ROW(retry.floor), .min = 1, .max = 1000000,
	  .def = "10/s", .live = true,
	  .help = "So many of those are allowed in any case." },
	{ .name = "interface", .type = HF_OPT_TEXT, ROW(interface), .min = 1, .max = 63, .def = "none",
	  .live = true,
	  .help = "The entry of `interfaces` whose budget it shares with all others that are reached through it." },
	{ .name = "tls-name", .type = HF_OPT_TEXT, ROW(tls_name), .min = 1, .max = 253, .def = "none",
	  .live = true,
	  .help = "For `tls://`: the host name (or address) that its certificate must be for, signed by an authority that is trusted; it is also asked for (SNI)." },
	{ .name = "tls-pins", .type = HF_OPT_TEXTS, ROW(tls_pins), .min = 1, .max = 51, .def = "[]",
	  .live = true,
	  .help = "For `tls://`: keys that the server may have, each the SHA-256 of its public key (SPKI) in base64, as in `sha256/AAAA...=`; at most 8. With `tls-name`, both must hold; alone, the key is believed whatever its certificate says." },
	{ .name = "tls-ca", .type = HF_OPT_TEXT, ROW(tls_ca), .min = 1, .max = 4095, .def = "system",
	  .live = true,
	  .help = "For `tls://`: the certificate authorities to trust, those of the system or those of a PEM file." },
	{ .name = "tls-auth", .type = HF_OPT_WORD, ROW(tls_auth), .words = tls_auths, .def = "strict",
	  .live = true,
	  .help = "For `tls://`: strict asks nobody who has not proved who it is; opportunistic encrypts and believes anybody (RFC 8310)." },
	HF_OPTION_END,
};

#undef ROW
#define ROW(field) .at = offsetof(struct hf_interface_conf, field)

const struct hf_option hf_interface_options[] = {
	{ .name = "budget", .type = HF_OPT_RATE, ROW(budget), .min = 1, .max = 10000000, .words = none,
	  .def = "none", .live = true,
	  .help = "Packets a second to all upstreams that name it, such as a cloud allows an interface, kept within any 100 ms." },
	HF_OPTION_END,
};

#undef ROW
#define ROW(field) .at = offsetof(struct hf_outgoing_conf, field)

const struct hf_option hf_outgoing_options[] = {
	{ .name = "budget", .type = HF_OPT_RATE, ROW(budget), .min = 1, .max = 10000000, .words = none,
	  .def = "none", .live = true,
	  .help = "Packets a second to all upstreams together, such as a network interface is capped at." },
	{ .name = "retry-percent", .type = HF_OPT_COUNT, ROW(retry.percent), .min = 0, .max = 1000,
	  .def = "10", .live = true,
	  .help = "Retries, hedges and probes to all upstreams, as a share of questions that need an upstream." },
	{ .name = "retry-floor", .type = HF_OPT_RATE, ROW(retry.floor), .min = 1, .max = 1000000,
	  .def = "50/s", .live = true,
	  .help = "So many of those are allowed in any case." },
	{ .name = "connections", .type = HF_OPT_COUNT, ROW(connections), .min = 8, .max = 1024,
	  .def = "256", .live = true,
	  .help = "TCP and TLS connections to upstreams that may be open at once, per worker, each for up to 100 questions. One upstream may have four fifths of those in use, and a route its `in-flight-percent` of them, or of what the upstream may have where several routes ask it. Idle ones make room for whoever needs one. At the bound a question goes to the next upstream, or gets an old answer, or SERVFAIL with an extended error." },
	HF_OPTION_END,
};
