/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/local_conf.h"

#define ROW(field) .at = offsetof(struct hf_local_conf, field)

const struct hf_option hf_local_options[] = {
	{.name = "records",
		.type = HF_OPT_TEXTS,
		ROW(records),
		.min = 1,
		.max = 4095,
		.def = "[]",
		.live = true,
		.help = "Records as in a zone file, with whole names: `\"db.corp.example. 300 A "
			"10.0.0.5\"`. A name that has one is answered from these records alone: "
			"other types of it are answered with no data."},
	{.name = "file",
		.type = HF_OPT_TEXT,
		ROW(file),
		.min = 1,
		.max = 255,
		.def = "none",
		.live = true,
		.help = "A file of such records (RFC 1035 section 5), read again when it changes; "
			"or `none`. A version with a fault in it is told of with its line, and "
			"the one before stays."},
	{.name = "hosts",
		.type = HF_OPT_TEXTS,
		ROW(hosts),
		.min = 1,
		.max = 255,
		.def = "[]",
		.live = true,
		.help = "Files such as /etc/hosts, whose names are answered for where no record "
			"above has them; each is read again when it changes. For each address "
			"there is a PTR record to the first name of the first line that has it."},
	{.name = "hosts-ttl",
		.type = HF_OPT_DURATION,
		ROW(hosts_ttl),
		.min = HF_SECOND,
		.max = 86400 * HF_SECOND,
		.def = "60s",
		.live = true,
		.help = "The TTL of what hosts files say."},
	{.name = "hosts-limit",
		.type = HF_OPT_COUNT,
		ROW(hosts_limit),
		.min = 1,
		.max = 10000000,
		.def = "200000",
		.live = true,
		.help = "Lines that all hosts files together may have; with more they are "
			"refused."},
	{.name = "hosts-loopback",
		.type = HF_OPT_FLAG,
		ROW(hosts_loopback),
		.def = "no",
		.live = true,
		.help = "Whether lines with a loopback address (127.0.0.0/8, ::1) count, too. "
			"They say what is true for this machine alone, such as its own name at "
			"127.0.1.1, and would mislead every other."},
	HF_OPTION_END,
};
