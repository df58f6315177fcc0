/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets as what was learnt of upstreams, as if their checksum were right.
 * Whatever is read must come back the same when it is written, and whatever is
 * recalled must leave an upstream that can be used: no rest without end, no time-out
 * out of its bounds, no limit of nothing. The first octets are the time without a
 * server. */
#include <stdlib.h>

#include "base/check.h"
#include "keep/memory.h"
#include "upstream/select.h"

#define DAYS (49 * 86400 * HF_SECOND)

static const struct hf_upstream_conf conf = {
	.timeout_min = 20 * HF_MS,
	.timeout_max = 1500 * HF_MS,
	.failures_to_open = 5,
	.rest_min = 200 * HF_MS,
	.rest_max = 30 * HF_SECOND,
	.edns_size = 1232,
	.infer_cap = true,
};

static void be_useful(const struct hf_health *h, hf_us now)
{
	hf_require(h->state == HF_HEALTH_CLOSED || h->state == HF_HEALTH_OPEN);
	hf_require(hf_health_admit(h, now + conf.rest_max) != HF_ADMIT_NOT);
	hf_require(hf_rest_end_alone(h) <= now + conf.rest_max);
	hf_require(h->since <= now && hf_outcome_text(h->cause)[0]);
}

/* Ten minutes of use. */
static void be_used(struct hf_upstream_state *state, hf_us now)
{
	for (hf_us end = now + 600 * HF_SECOND; now < end; now += 7 * HF_SECOND) {
		hf_pace_free(&state->pace, now);
		hf_pace_sent(&state->pace, now);
		hf_cap_sent(&state->cap, 2, now);
		hf_cap_replied(&state->cap, now, now + HF_MS);
		hf_cap_step(&state->cap, now + 2 * HF_MS);
		hf_size_lost(&state->size, &conf, 900, (uint32_t)now, now);
		hf_size_arrived(&state->size, 300, now);
	}
	hf_require(!hf_cap_found(&state->cap) && !hf_pace_rate(&state->pace, now));
}

static void recall_upstream(const struct hf_upstream_memory *memory,
	const struct hf_memory_gap *gap, hf_us now)
{
	struct hf_upstream_state state = { .limit = 0 };
	if (!hf_upstream_recall(memory, gap, &conf, now, &state))
		return;
	be_useful(&state.health, now);
	hf_require(hf_upstream_touched(&state));
	hf_require(hf_upstream_remember(&state, now).age <= HF_MEMORY_LONGEST);
	hf_require(!memory->cap || gap->unknown || hf_cap_limit(&state.cap) <= memory->cap);
	uint16_t edns = hf_size_edns(&state.size, &conf, now);
	hf_require(!edns || (edns >= 512 && edns <= conf.edns_size));
	hf_require(hf_size_edns(&state.size, &conf, now + HF_SIZE_MEMORY) == conf.edns_size);
	hf_require(hf_pace_free(&state.pace, now + 3600 * HF_SECOND));
	be_used(&state, now);
}

static void recall_path(const struct hf_path_memory *memory, const struct hf_memory_gap *gap,
	hf_us now)
{
	struct hf_path path = { .asked = 0 };
	if (!hf_path_recall(memory, gap, &conf, now, &path))
		return;
	be_useful(&path.health, now);
	hf_require(hf_path_touched(&path));
	hf_us timeout = hf_rtt_timeout(&path.rtt, &conf);
	hf_require(timeout >= conf.timeout_min && timeout <= conf.timeout_max);
	hf_require(hf_rtt_p95(&path.rtt) >= 0 && hf_rtt_rank(&path.rtt, now, now) >= 0);
	for (unsigned i = 0; i < 1000; i++)
		hf_rtt_sample(&path.rtt, 10 * HF_MS, now);
	hf_require(hf_rtt_sane(&path.rtt) && hf_rtt_p95(&path.rtt) > 0);
}

/* As it was read, but for the order of its fields: both ways of octets agree. */
static void come_back(const struct hf_keep_memory *memory)
{
	static uint8_t first[HF_KEEP_MEMORY_MAX], second[HF_KEEP_MEMORY_MAX];
	static struct hf_keep_memory back;
	struct hf_writer w = hf_writer(first, sizeof first), v = hf_writer(second, sizeof second);
	hf_require(hf_keep_memory_put(&w, &memory->learnt));
	struct hf_reader r = hf_reader(first, w.len);
	hf_require(hf_keep_memory_get(&r, &back) == HF_KEEP_MEMORY_RECORD && !hf_reader_left(&r));
	hf_require(hf_keep_memory_put(&v, &back.learnt));
	hf_require(w.len == v.len && memcmp(first, second, w.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hf_keep_memory memory;
	struct hf_reader r = hf_reader(data, size);
	uint32_t seconds = 0;
	uint8_t unknown = 0;
	if (!hf_read_u32(&r, &seconds) || !hf_read_u8(&r, &unknown))
		return 0;
	const struct hf_memory_gap gap = { (hf_us)seconds * HF_SECOND % (2 * HF_MEMORY_LONGEST), unknown & 1 };
	hf_us now = unknown & 2 ? HF_SECOND : DAYS;
	for (unsigned records = 0; records < 64; records++) {
		enum hf_keep_memory_step step = hf_keep_memory_get(&r, &memory);
		if (step == HF_KEEP_MEMORY_END)
			return 0;
		if (step != HF_KEEP_MEMORY_RECORD)
			continue;
		come_back(&memory);
		if (memory.learnt.zone)
			recall_path(&memory.learnt.memory.path, &gap, now);
		else
			recall_upstream(&memory.learnt.memory.upstream, &gap, now);
	}
	return 0;
}
