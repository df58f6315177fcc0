/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/ask.h"

#include "base/error.h"
#include "engine/flight_inside.h"

void hf_ask_draw_case(struct flight *f)
{
	const struct hf_name *name = &f->base.question.name;
	uint8_t bits[(HF_NAME_MAX + 31) / 32 * 4];
	/* In whole words, which is what the loop has at hand. */
	hf_loop_random(f->worker->loop, bits, (name->len + 31u) / 32 * 4);
	hf_name_mix(name->bytes, name->len, bits, f->mixed);
}

static const uint8_t *name_as_asked(const struct flight *f, const struct hf_upstream_conf *conf)
{
	return conf->case_mix ? f->mixed : f->base.question.name.bytes;
}

static size_t write_question(
	const struct flight *f, const struct hf_action *action, uint8_t out[static HF_QUERY_MAX])
{
	const struct hf_upstream_conf *conf = hf_flight_conf(f, action->upstream);
	const struct hf_ask ask = {
		.question = &f->base.question,
		.recursion_desired = true,
		.checking_disabled = f->base.flags & HF_CACHE_CD,
		.dnssec_ok = f->base.flags & HF_CACHE_DO,
		.edns = action->edns_size != 0,
		.edns_size = action->edns_size,
		.cookie = action->client_and_server,
		.cookie_len = action->cookie_len,
		.stream = action->channel != HF_CHANNEL_UDP,
		.pad_to = action->channel == HF_CHANNEL_TLS ? HF_PAD_MAX : 0,
		.mixed = name_as_asked(f, conf),
	};
	return hf_build_query(out, &ask);
}

static void count_reason(struct hf_worker *worker, unsigned slot, enum hf_send_reason reason)
{
	static const int counters[HF_SEND_REASONS] = {
		[HF_SEND_FIRST] = -1,
		[HF_SEND_FOLLOW] = -1,
		[HF_SEND_RETRY] = HF_UP_RETRIES,
		[HF_SEND_HEDGE] = HF_UP_HEDGES,
		[HF_SEND_PROBE] = HF_UP_PROBES,
	};
	hf_count_upstream(worker->meter, slot, HF_UP_PACKETS_OUT);
	if (reason == HF_SEND_FIRST)
		hf_count(worker->meter, HF_COUNT_ASKED);
	else if (counters[reason] >= 0)
		hf_count_upstream(worker->meter, slot, (enum hf_upstream_counter)counters[reason]);
}

/* Its upstream's share of the connections, and its route's. */
static struct hf_tcp_account account_of(const struct flight *f, unsigned upstream)
{
	return (struct hf_tcp_account){.upstream = hf_flight_slot(f, upstream) + 1u,
		.route = f->base.part,
		.inner = f->base.part.holder &&
			 hf_plan_has_several(f->plan, f->route->upstreams[upstream])};
}

int hf_ask_send(struct flight *f, const struct hf_action *action)
{
	struct hf_worker *worker = f->worker;
	struct flight_io *io = hf_flight_io(f, action->attempt);
	const struct hf_upstream_conf *conf = hf_flight_conf(f, action->upstream);
	uint8_t out[HF_QUERY_MAX];
	size_t len = write_question(f, action, out);
	count_reason(worker, hf_flight_slot(f, action->upstream), action->reason);
	if (action->channel != HF_CHANNEL_UDP) {
		const struct hf_secure *secure =
			hf_plan_secure_of(f->plan, f->route->upstreams[action->upstream]);
		if (action->channel == HF_CHANNEL_TLS && !secure)
			return -EPROTO; /* never in plain text, whoever forgot what for the plan */
		const struct hf_tcp_account account = account_of(f, action->upstream);
		return hf_tcp_send(
			worker->tcp, &io->tcp, &conf->address, secure, &account, out, len);
	}
	/* A promise of what leaves within 100 ms is kept best by what leaves at once. */
	return f->limited ? hf_udp_send(worker->udp, &io->udp, &conf->address, out, len)
			  : hf_udp_post(worker->udp, &io->udp, &conf->address, out, len);
}

enum hf_match hf_ask_match(
	const struct flight *f, const struct hf_attempt *attempt, const uint8_t *m, size_t len)
{
	size_t name = f->base.question.name.len;
	const uint8_t *echo = m + HF_HEADER_LEN;
	const uint8_t *asked = name_as_asked(f, hf_flight_conf(f, attempt->upstream));
	if (len < HF_HEADER_LEN || !(hf_message_flags(m) & HF_FLAG_QR))
		return HF_MATCH_NO; /* no reply at all */
	if (m[4] == 0 && m[5] == 0)
		return m[3] & HF_FLAG_RCODE && (m[3] & HF_FLAG_RCODE) != HF_RCODE_NXDOMAIN
			       ? HF_MATCH_YES
			       : HF_MATCH_NO;
	if (len < HF_HEADER_LEN + name + 4 || hf_get_u16(echo + name) != f->base.question.type ||
		hf_get_u16(echo + name + 2) != f->base.question.class)
		return HF_MATCH_NO;
	if (memcmp(echo, asked, name) == 0)
		return HF_MATCH_YES;
	if (!hf_name_equal(echo, asked, name))
		return HF_MATCH_NO;
	return attempt->channel == HF_CHANNEL_UDP ? HF_MATCH_CASE : HF_MATCH_YES;
}
