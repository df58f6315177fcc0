/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/truth_conf.h"

#include <string.h>

static const struct hf_word proofs[] = {
	{ "none", HF_PROVE_NOT },
	{ "tls", HF_PROVE_TLS },
	{ NULL, 0 },
};

static const struct hf_word instants[] = {
	{ "first", HF_PROVE_FIRST },
	{ "after", HF_PROVE_AFTER },
	{ NULL, 0 },
};

static const struct hf_word rebinds[] = {
	{"allow", HF_REBIND_ALLOW},
	{"refuse", HF_REBIND_REFUSE},
	{NULL, 0},
};

#define ROW(field) .at = offsetof(struct hf_expectation, field)

const struct hf_option hf_expectation_options[] = {
	{ .name = "addresses", .type = HF_OPT_PREFIXES, ROW(addresses), .def = "[]", .live = true,
	  .help = "Every address in an answer must lie in one of these; with none given it may lie anywhere. "
		  "That a name (not a `*.`) has no address of a family listed here is only believed if all upstreams say so." },
	{ .name = "never", .type = HF_OPT_PREFIXES, ROW(never), .def = "[]", .live = true,
	  .help = "No address in an answer may lie in any of these: retired hosts, sinkholes, networks of others." },
	{ .name = "cname", .type = HF_OPT_TEXTS, ROW(cname), .min = 1, .max = 1023, .def = "[]", .live = true,
	  .help = "Addresses must belong to a name at or below one of these, as a content network's are reached through an alias; nor may an alias, or a record of type HTTPS or SVCB, lead elsewhere." },
	{ .name = "prove", .type = HF_OPT_WORD, ROW(prove), .words = proofs, .def = "none", .live = true,
	  .help = "`tls`: an address is only believed if a TLS server there holds a valid certificate for the name, so there is no list to go stale. "
		  "It is connected to from this host, and to addresses of this host itself only where `addresses` contains them." },
	{ .name = "prove-when", .type = HF_OPT_WORD, ROW(prove_when), .words = instants, .def = "first", .live = true,
	  .help = "`first`: a client waits until an answer is proven; `after`: it is given at once, and withdrawn if the proof fails." },
	{ .name = "prove-port", .type = HF_OPT_COUNT, ROW(prove_port), .min = 1, .max = 65535, .def = "443", .live = true,
	  .help = "The TCP port at which the certificate is asked for." },
	{ .name = "prove-ca", .type = HF_OPT_TEXT, ROW(prove_ca), .min = 1, .max = 255, .def = "system", .live = true,
	  .help = "A file of certificates (PEM) that may vouch for it, or `system` for those that the host trusts; read again when it has changed." },
	{ .name = "agree", .type = HF_OPT_TEXT, ROW(agree), .min = 1, .max = 15, .def = "none", .live = true,
	  .help = "So many upstreams must say the same before any of them is believed, such as `2 of 3`; or `none`." },
	{ .name = "examples", .type = HF_OPT_TEXTS, ROW(examples), .min = 1, .max = 1023, .def = "[]", .live = true,
	  .help = "Names that this is for, to be asked about at the start and in `check --live`: of a `*.` nothing can be asked without one." },
	HF_OPTION_END,
};

#undef ROW
#define ROW(field) .at = offsetof(struct hf_truth_conf, field)

static const struct hf_word no_sample[] = {
	{"none", 0},
	{NULL, 0},
};

const struct hf_option hf_truth_options[] = {
	{.name = "release",
		.type = HF_OPT_COUNT,
		ROW(release),
		.min = 1,
		.max = 100,
		.def = "3",
		.live = true,
		.help = "True answers in a row to questions of our own, before an upstream that "
			"has lied is used again."},
	{.name = "sample",
		.type = HF_OPT_RATE,
		ROW(sample),
		.min = 1,
		.max = 1000,
		.words = no_sample,
		.def = "1/s",
		.live = true,
		.help = "So many of the answers that were believed are compared with what another "
			"upstream of the route says, if the retry budget has room, and as many "
			"of those for names of `expect:`; or `none`."},
	{.name = "canaries",
		.type = HF_OPT_DURATION,
		ROW(canaries),
		.min = 0,
		.max = 86400 * HF_SECOND,
		.def = "5m",
		.live = true,
		.help = "How often, about, each upstream is asked for a name that cannot exist: who "
			"answers where another denies it is not asked for anything until it stops "
			"that; 0s: never."},
	{.name = "serials",
		.type = HF_OPT_DURATION,
		ROW(serials),
		.min = 0,
		.max = 3600 * HF_SECOND,
		.def = "30s",
		.live = true,
		.help = "How often, about, the upstreams of a forwarded zone are asked for its "
			"serial, if they are its own servers: one that has not followed after two "
			"such times is not asked until it has; 0s: never."},
	{.name = "identity",
		.type = HF_OPT_FLAG,
		ROW(identity),
		.def = "yes",
		.live = true,
		.help = "With each canary, about, upstreams are also asked what they are called and what "
			"they run (RFC 4892). It is shown, and told if two in plain text at addresses "
			"in different networks give one name: one operator, or something in the path "
			"that answers for both."},
	{.name = "intercept-probe",
		.type = HF_OPT_ADDRESS,
		ROW(intercept_probe),
		.port = 53,
		.def = "none",
		.live = true,
		.help = "An address at which no resolver runs, such as 192.0.2.1 (RFC 5737) or an unused "
			"one of your own. It is asked over UDP as often as canaries are: whatever "
			"answers there is in the path and answers for others, and upstreams in plain "
			"text cannot be told apart."},
	{.name = "rebind",
		.type = HF_OPT_WORD,
		ROW(rebind),
		.words = rebinds,
		.def = "allow",
		.live = true,
		.help = "`refuse`: a public name that is given a private address (loopback, link-local, "
			"RFC 1918, RFC 6598, RFC 4193) is not resolved, so that no page can make a "
			"browser talk to what stands behind it. Zones with a route of their own, names "
			"with one label and names such as those below local, internal, home.arpa or lan "
			"are not public. Where the upstreams of zone \".\" also answer for internal "
			"names, give those names a route of their own or list them in rebind-allow first. "
			"Answers that the cache has already are looked at again."},
	{.name = "rebind-allow",
		.type = HF_OPT_TEXTS,
		ROW(rebind_allow),
		.min = 1,
		.max = 1023,
		.def = "[]",
		.live = true,
		.help = "Names at or below one of these may have private addresses."},
	{.name = "rebind-private",
		.type = HF_OPT_PREFIXES,
		ROW(rebind_private),
		.def = "[]",
		.live = true,
		.help = "Addresses that no public name may have besides, such as one's own networks in "
			"public space."},
	HF_OPTION_END,
};

#undef ROW
#define ROW(field) .at = offsetof(struct hf_tombstones_conf, field)

const struct hf_option hf_tombstones_options[] = {
	{.name = "addresses",
		.type = HF_OPT_PREFIXES,
		ROW(addresses),
		.def = "[]",
		.live = true,
		.help = "Addresses, or prefixes, of hosts that are gone: no client gets one, "
			"whatever "
			"the name and whoever gives it."},
	{.name = "file",
		.type = HF_OPT_TEXT,
		ROW(file),
		.min = 1,
		.max = 255,
		.def = "none",
		.live = true,
		.help = "A file of more of them, one a line, comments behind a #; or `none`. It is "
			"read "
			"at the start and at each reload. At most 100,000 together."},
	HF_OPTION_END,
};

static const char *read_number(const char *text, unsigned *ret)
{
	unsigned n = 0;
	const char *at = text;
	while (*at >= '0' && *at <= '9' && n < 1000)
		n = n * 10 + (unsigned)(*at++ - '0');
	*ret = n;
	return at > text ? at : NULL;
}

bool hf_agree_read(const char *text, unsigned *ret_k, unsigned *ret_n)
{
	*ret_k = *ret_n = 0;
	if (strcmp(text, "none") == 0)
		return true;
	text = read_number(text, ret_k);
	if (!text || strncmp(text, " of ", 4) != 0)
		return false;
	text = read_number(text + 4, ret_n);
	return text && !*text && *ret_k >= 2 && *ret_k <= *ret_n && *ret_n <= 64;
}
