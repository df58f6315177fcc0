/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/memory.h"

#include "base/check.h"

/* A slow return is over after a minute (pace.h): one from before that is none. */
#define RETURN (60 * HF_SECOND)

/* More than these nothing that we measured can have been. */
#define PACE_MOST (1024 * UINT64_C(10000000))
#define RESTS_MOST 64

/* 0 means "never" in the states; an instant of long ago may lie before 0. */
static hf_us ago(hf_us now, hf_us age)
{
	return now == age ? -1 : now - age;
}

static hf_us later(hf_us a, hf_us b)
{
	if (!a || !b)
		return a ? a : b;
	return a > b ? a : b;
}

static hf_us since(hf_us now, hf_us instant)
{
	return instant < now ? now - instant : 0;
}

/* From an instant, or after so long, up to another. */
static hf_us left(hf_us now, hf_us until)
{
	return until > now ? until - now : 0;
}

hf_us hf_upstream_touched(const struct hf_upstream_state *state)
{
	return later(later(state->answered, state->health.since), state->pace.second);
}

hf_us hf_path_touched(const struct hf_path *path)
{
	return later(later(path->asked, path->health.since), path->rtt.sampled);
}

/* ---- circuits ---- */

/* What was written down so lately may leave out a probe of just before the end: it is
 * written every two seconds. */
#define LATELY (3 * HF_SECOND)
#define A_PROBE HF_SECOND

static struct hf_circuit_memory remember_circuit(const struct hf_health *h, hf_us now)
{
	if (h->state == HF_HEALTH_CLOSED)
		return (struct hf_circuit_memory){.open = false};
	return (struct hf_circuit_memory){
		.open = true,
		.cause = h->cause,
		.rests = h->rests < RESTS_MOST ? h->rests : RESTS_MOST,
		.since = since(now, h->since),
		.left = h->state == HF_HEALTH_OPEN ? left(now, h->until) : 0,
	};
}

static void recall_circuit(const struct hf_circuit_memory *memory, const struct hf_memory_gap *gap,
	const struct hf_upstream_conf *conf, hf_us now, struct hf_health *h)
{
	*h = (struct hf_health){.state = HF_HEALTH_CLOSED};
	if (!memory->open)
		return;
	hf_us rest = gap->unknown ? 0 : left(gap->passed, memory->left);
	h->state = HF_HEALTH_OPEN;
	h->cause = memory->cause;
	h->rests = memory->rests;
	h->since = ago(now, memory->since + gap->passed);
	if (!gap->unknown && gap->passed < LATELY) {
		h->probed = now;
		rest = rest > A_PROBE ? rest : A_PROBE;
	}
	h->until = now + (rest < conf->rest_max ? rest : conf->rest_max);
}

/* ---- upstreams ---- */

/* Who writes it down may have looked at the clock before a worker did that has just learnt it. */
static hf_us size_left(hf_us now, hf_us until)
{
	hf_us rest = left(now, until);
	return rest < HF_SIZE_MEMORY ? rest : HF_SIZE_MEMORY;
}

static void remember_size(const struct hf_size *size, hf_us now, struct hf_upstream_memory *memory)
{
	memory->plain_left = size_left(now, size->plain_until);
	memory->size_limit_left = size->limit ? size_left(now, size->limit_until) : 0;
	memory->size_limit = memory->size_limit_left ? size->limit : 0;
	memory->size_largest_left = size->largest ? size_left(now, size->largest_until) : 0;
	memory->size_largest = memory->size_largest_left ? size->largest : 0;
}

struct hf_upstream_memory hf_upstream_remember(const struct hf_upstream_state *state, hf_us now)
{
	bool known = hf_cap_found(&state->cap) && hf_cap_sane(state->cap.found, state->cap.full);
	uint64_t share = hf_pace_share(&state->pace);
	struct hf_upstream_memory memory = {
		.age = since(now, hf_upstream_touched(state)),
		.circuit = remember_circuit(&state->health, now),
		.pace = share < PACE_MOST ? share : PACE_MOST,
		.pacing = hf_pace_rate(&state->pace, now) != 0,
		.cap = known ? state->cap.found : 0,
		.cap_full = known ? state->cap.full : 0,
	};
	remember_size(&state->size, now, &memory);
	return memory;
}

static void recall_size(const struct hf_upstream_memory *memory, const struct hf_memory_gap *gap,
	hf_us now, struct hf_size *size)
{
	*size = (struct hf_size){
		.largest = memory->size_largest,
		.limit = memory->size_limit,
		.limit_until = now + left(gap->passed, memory->size_limit_left),
		.largest_until = now + left(gap->passed, memory->size_largest_left),
		.plain_until = now + left(gap->passed, memory->plain_left),
	};
}

static void recall_pace(const struct hf_upstream_memory *memory, const struct hf_memory_gap *gap,
	hf_us now, struct hf_pace *pace)
{
	*pace = (struct hf_pace){
		.second = ago(now, memory->age + gap->passed),
		.rate = gap->unknown ? 0 : memory->pace,
		.seconds = UINT8_MAX,
		.held = memory->circuit.open,
	};
	if (memory->pacing && !pace->held && !gap->unknown && gap->passed < RETURN)
		hf_pace_begin(pace, 0, now);
}

/* Is it too old, or older than what is there? */
static bool outdated(hf_us age, const struct hf_memory_gap *gap, hf_us touched, hf_us now)
{
	return age + gap->passed > HF_MEMORY_LONGEST ||
	       (touched && touched > ago(now, age + gap->passed));
}

bool hf_upstream_recall(const struct hf_upstream_memory *memory, const struct hf_memory_gap *gap,
	const struct hf_upstream_conf *conf, hf_us now, struct hf_upstream_state *state)
{
	if (outdated(memory->age, gap, hf_upstream_touched(state), now))
		return false;
	recall_circuit(&memory->circuit, gap, conf, now, &state->health);
	recall_pace(memory, gap, now, &state->pace);
	recall_size(memory, gap, now, &state->size);
	state->cap = (struct hf_cap){.phase = HF_CAP_WATCH};
	if (memory->cap && conf->infer_cap && !gap->unknown)
		hf_cap_recall(&state->cap, memory->cap, memory->cap_full);
	state->answered = ago(now, memory->age + gap->passed);
	return true;
}

/* ---- paths ---- */

struct hf_path_memory hf_path_remember(const struct hf_path *path, hf_us now)
{
	struct hf_path_memory memory = {
		.age = since(now, hf_path_touched(path)),
		.circuit = remember_circuit(&path->health, now),
		.rtt = path->rtt,
		.sampled = path->rtt.sampled ? since(now, path->rtt.sampled) : -1,
		.asked = path->asked ? since(now, path->asked) : -1,
	};
	memory.rtt.sampled = 0;
	memory.rtt.backoff = 0;
	memory.rtt.doubled = 0;
	return memory;
}

bool hf_path_recall(const struct hf_path_memory *memory, const struct hf_memory_gap *gap,
	const struct hf_upstream_conf *conf, hf_us now, struct hf_path *path)
{
	if (outdated(memory->age, gap, hf_path_touched(path), now))
		return false;
	recall_circuit(&memory->circuit, gap, conf, now, &path->health);
	path->rtt = memory->rtt;
	path->rtt.sampled = memory->sampled < 0 ? 0 : ago(now, memory->sampled + gap->passed);
	path->asked = ago(now, (memory->asked < 0 ? memory->age : memory->asked) + gap->passed);
	return true;
}

/* ---- octets ---- */

static void put_u64(struct hf_writer *w, uint64_t v)
{
	hf_write_u32(w, (uint32_t)(v >> 32));
	hf_write_u32(w, (uint32_t)v);
}

static bool get_u64(struct hf_reader *r, uint64_t *ret)
{
	uint32_t high = 0, low = 0;
	bool good = hf_read_u32(r, &high) && hf_read_u32(r, &low);
	*ret = (uint64_t)high << 32 | low;
	return good;
}

#define NO_TIME UINT32_MAX /* for -1; the longest time is one less: 49 days */

static void put_time(struct hf_writer *w, hf_us time)
{
	hf_us ms = time / HF_MS;
	hf_write_u32(w, time < 0 ? NO_TIME : ms < NO_TIME ? (uint32_t)ms : NO_TIME - 1);
}

static bool get_time(struct hf_reader *r, hf_us *ret)
{
	uint32_t ms = 0;
	bool good = hf_read_u32(r, &ms);
	*ret = ms == NO_TIME ? -1 : (hf_us)ms * HF_MS;
	return good;
}

static void put_circuit(struct hf_writer *w, const struct hf_circuit_memory *circuit)
{
	hf_write_u8(w, circuit->open);
	hf_write_u8(w, (uint8_t)circuit->cause);
	hf_write_u8(w, (uint8_t)circuit->rests);
	put_time(w, circuit->since);
	put_time(w, circuit->left);
}

static bool get_circuit(struct hf_reader *r, struct hf_circuit_memory *ret)
{
	uint8_t open = 0, cause = 0, rests = 0;
	bool good = hf_read_u8(r, &open) && hf_read_u8(r, &cause) && hf_read_u8(r, &rests) &&
		    get_time(r, &ret->since) && get_time(r, &ret->left);
	ret->open = open;
	ret->cause = (enum hf_outcome)cause;
	ret->rests = rests;
	return good && open <= 1 && cause < HF_OUTCOMES && rests <= RESTS_MOST && ret->since >= 0 &&
	       ret->left >= 0;
}

bool hf_upstream_memory_put(struct hf_writer *w, const struct hf_upstream_memory *memory)
{
	put_time(w, memory->age);
	put_circuit(w, &memory->circuit);
	put_u64(w, memory->pace);
	hf_write_u8(w, memory->pacing);
	hf_write_u32(w, memory->cap);
	hf_write_u16(w, (uint16_t)memory->cap_full);
	hf_write_u16(w, memory->size_limit);
	hf_write_u16(w, memory->size_largest);
	put_time(w, memory->size_limit_left);
	put_time(w, memory->size_largest_left);
	put_time(w, memory->plain_left);
	return !w->overrun;
}

static bool lasts(hf_us left)
{
	return left >= 0 && left <= HF_SIZE_MEMORY;
}

static bool sane(const struct hf_upstream_memory *memory)
{
	return memory->age >= 0 && memory->pace <= PACE_MOST &&
	       hf_cap_sane(memory->cap, memory->cap_full) && hf_size_sane(memory->size_limit) &&
	       lasts(memory->size_limit_left) && lasts(memory->size_largest_left) &&
	       lasts(memory->plain_left);
}

bool hf_upstream_memory_get(struct hf_reader *r, struct hf_upstream_memory *ret)
{
	uint8_t pacing = 0;
	uint16_t full = 0;
	struct hf_upstream_memory memory;
	if (!get_time(r, &memory.age) || !get_circuit(r, &memory.circuit) ||
		!get_u64(r, &memory.pace) || !hf_read_u8(r, &pacing) ||
		!hf_read_u32(r, &memory.cap) || !hf_read_u16(r, &full) ||
		!hf_read_u16(r, &memory.size_limit) || !hf_read_u16(r, &memory.size_largest) ||
		!get_time(r, &memory.size_limit_left) || !get_time(r, &memory.size_largest_left) ||
		!get_time(r, &memory.plain_left))
		return false;
	memory.pacing = pacing;
	memory.cap_full = full;
	if (pacing > 1 || !sane(&memory))
		return false;
	*ret = memory;
	return true;
}

/* Most buckets are empty: their numbers and counts, then the end. */
#define NO_BUCKET UINT8_MAX

static void put_rtt(struct hf_writer *w, const struct hf_rtt *rtt)
{
	hf_write_u32(w, (uint32_t)rtt->srtt);
	hf_write_u32(w, (uint32_t)rtt->rttvar);
	hf_write_u32(w, rtt->loss);
	for (unsigned i = 0; i < HF_RTT_BUCKETS; i++) {
		if (!rtt->buckets[i])
			continue;
		hf_write_u8(w, (uint8_t)i);
		hf_write_u16(w, rtt->buckets[i]);
	}
	hf_write_u8(w, NO_BUCKET);
}

static bool get_buckets(struct hf_reader *r, struct hf_rtt *rtt)
{
	uint8_t bucket = 0;
	uint32_t samples = 0;
	for (unsigned next = 0; hf_read_u8(r, &bucket) && bucket != NO_BUCKET; next = bucket + 1u) {
		if (bucket < next || bucket >= HF_RTT_BUCKETS ||
			!hf_read_u16(r, &rtt->buckets[bucket]))
			return false;
		samples += rtt->buckets[bucket];
	}
	rtt->samples = (uint16_t)samples;
	return bucket == NO_BUCKET && samples <= UINT16_MAX;
}

static bool get_rtt(struct hf_reader *r, struct hf_rtt *ret)
{
	uint32_t srtt = 0, rttvar = 0;
	*ret = (struct hf_rtt){.srtt = 0};
	bool good = hf_read_u32(r, &srtt) && hf_read_u32(r, &rttvar) &&
		    hf_read_u32(r, &ret->loss) && get_buckets(r, ret);
	ret->srtt = srtt;
	ret->rttvar = rttvar;
	return good && hf_rtt_sane(ret);
}

_Static_assert(
	4 + 11 + 12 + 3 * HF_RTT_BUCKETS + 1 + 8 <= HF_MEMORY_OCTETS, "a path's memory fits");

bool hf_path_memory_put(struct hf_writer *w, const struct hf_path_memory *memory)
{
	put_time(w, memory->age);
	put_circuit(w, &memory->circuit);
	put_time(w, memory->sampled);
	put_time(w, memory->asked);
	put_rtt(w, &memory->rtt);
	return !w->overrun;
}

bool hf_path_memory_get(struct hf_reader *r, struct hf_path_memory *ret)
{
	struct hf_path_memory memory;
	if (!get_time(r, &memory.age) || !get_circuit(r, &memory.circuit) ||
		!get_time(r, &memory.sampled) || !get_time(r, &memory.asked) ||
		!get_rtt(r, &memory.rtt) || memory.age < 0)
		return false;
	*ret = memory;
	return true;
}
