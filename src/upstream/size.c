/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/size.h"

/* RFC 1035: what always has to get through. */
#define LEAST 512

/* Two losses further apart are two accidents. */
#define TOGETHER (60 * HF_SECOND)

void hf_size_arrived(struct hf_size *size, uint16_t octets, hf_us now)
{
	if (octets < size->largest && now < size->largest_until)
		return;
	size->largest = octets;
	size->largest_until = now + HF_SIZE_MEMORY;
}

static uint16_t allowed(const struct hf_size *size, const struct hf_upstream_conf *conf, hf_us now)
{
	bool limited = size->limit && now < size->limit_until && size->limit < conf->edns_size;
	return limited ? size->limit : (uint16_t)conf->edns_size;
}

bool hf_size_lost(struct hf_size *size, const struct hf_upstream_conf *conf, uint16_t octets,
	uint32_t name, hf_us now)
{
	uint16_t told = allowed(size, conf, now);
	uint16_t seen = now < size->largest_until ? size->largest : 0;
	if (octets <= LEAST || octets > told || octets <= seen)
		return false; /* as small as what arrives, or it would have been truncated */
	bool second = size->suspected && size->suspect != name && now - size->suspected < TOGETHER;
	bool limited = size->limit && now < size->limit_until;
	if (!second && !limited) {
		size->suspect = name;
		size->suspected = now;
		return false;
	}
	size->limit = seen > LEAST ? seen : LEAST;
	size->limit_until = now + HF_SIZE_MEMORY;
	size->suspected = 0;
	return true;
}

bool hf_size_plain(struct hf_size *size, hf_us now)
{
	bool new = now >= size->plain_until;
	size->plain_until = now + HF_SIZE_MEMORY;
	return new;
}

uint16_t hf_size_edns(const struct hf_size *size, const struct hf_upstream_conf *conf, hf_us now)
{
	return now < size->plain_until ? 0 : allowed(size, conf, now);
}

bool hf_size_sane(uint16_t limit)
{
	return !limit || limit >= LEAST;
}
