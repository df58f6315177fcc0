/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The load at the driver (bounce.h): judges each reply and sends the next question. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bounce.h"

#define ALWAYS static inline __attribute__((always_inline))
#define UDP_AT 34
#define QUESTION_AT (HF_BOUNCE_HEAD + 12)
#define RECORD_AT (QUESTION_AT + HF_BOUNCE_QUESTION)
#define SHORTEST (RECORD_AT + 16) /* a reply with an address */
#define SUMMED 256                /* octets of UDP that a reply may have */

#define ARRAY(name, type_of_value, count)                                                          \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                  \
		__uint(map_flags, BPF_F_MMAPABLE);                                                 \
		__uint(max_entries, count);                                                        \
		__type(key, __u32);                                                                \
		__type(value, type_of_value);                                                      \
	} name SEC(".maps")

struct scratch {
	__u8 octets[SUMMED];
};

ARRAY(bounce_plan, struct hf_bounce_plan, 1);
ARRAY(bounce_counts, struct hf_bounce_counts, 1);
ARRAY(bounce_slots, struct hf_bounce_slot, HF_BOUNCE_SLOTS);
ARRAY(bounce_rows, struct hf_bounce_row, HF_BOUNCE_ROWS);
ARRAY(bounce_scratch, struct scratch, 1);

ALWAYS __u32 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u32)((sum & 0xffff) + (sum >> 16));
}

/* ---- what came back ---- */

/* Whether it is a reply of the server, whatever it says. */
ALWAYS int is_reply(struct xdp_md *ctx, const struct hf_bounce_plan *plan)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof *eth;
	struct udphdr *udp = data + UDP_AT;
	if (data + HF_BOUNCE_HEAD + 12 > end)
		return 0;
	return eth->h_proto == bpf_htons(ETH_P_IP) && ip->ihl == 5 && ip->protocol == IPPROTO_UDP &&
	       udp->source == plan->server_port;
}

ALWAYS struct hf_bounce_slot *slot_of(struct xdp_md *ctx, const struct hf_bounce_plan *plan)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	if (data + HF_BOUNCE_HEAD + 12 > end)
		return 0;
	__u16 id = *(__u16 *)(data + HF_BOUNCE_HEAD);
	__u32 at = id & 0xff;
	struct hf_bounce_slot *slot = bpf_map_lookup_elem(&bounce_slots, &at);
	struct udphdr *udp = data + UDP_AT;
	if (!slot || at >= plan->window || slot->id != id ||
		udp->dest != bpf_htons(plan->first_port + (at & (HF_BOUNCE_LANES - 1))))
		return 0;
	return slot;
}

ALWAYS int checksum_holds(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 first = 0;
	struct scratch *scratch = bpf_map_lookup_elem(&bounce_scratch, &first);
	if (!scratch || data + HF_BOUNCE_HEAD > end)
		return 0;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	__u32 len = bpf_ntohs(((struct udphdr *)(data + UDP_AT))->len);
	__u64 sum = (__u64)ip->saddr + ip->daddr + bpf_htons(IPPROTO_UDP) + bpf_htons((__u16)len);
	if (bpf_ntohs(ip->tot_len) != len + sizeof *ip || len < 8 || len > SUMMED)
		return 0;
	__builtin_memset(scratch->octets, 0, SUMMED);
	if (bpf_xdp_load_bytes(ctx, UDP_AT, scratch->octets, len))
		return 0;
	__s64 more = bpf_csum_diff(0, 0, (__be32 *)scratch->octets, SUMMED, 0);
	return more >= 0 && fold(sum + (__u32)more) == 0xffff;
}

ALWAYS int same(const __u8 *a, const __u8 *b)
{
	__u64 differ = 0;
#pragma clang loop unroll(full)
	for (int i = 0; i < HF_BOUNCE_QUESTION; i += 2)
		differ |= *(__u16 *)(a + i) ^ *(__u16 *)(b + i);
	return differ == 0;
}

/* Adds one to where it belongs. */
ALWAYS void judge(
	struct xdp_md *ctx, const struct hf_bounce_slot *slot, struct hf_bounce_counts *counts)
{
	__u32 number = slot->number;
	struct hf_bounce_row *row = bpf_map_lookup_elem(&bounce_rows, &number);
	int sound = checksum_holds(ctx);
	__u8 *m = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	if (!row || !sound || m + RECORD_AT > end || !same(m + QUESTION_AT, row->query + 12) ||
		!(m[HF_BOUNCE_HEAD + 2] & 0x80)) {
		counts->wrong++;
		return;
	}
	if (m[HF_BOUNCE_HEAD + 2] & 2 || m[HF_BOUNCE_HEAD + 3] & 15 || m[HF_BOUNCE_HEAD + 7] != 1 ||
		m + SHORTEST > end) {
		counts->failed++;
		return;
	}
	__u8 *record = m + RECORD_AT;
	int is_address = record[0] == 0xc0 && record[1] == 12 && !record[2] && record[3] == 1 &&
			 !record[4] && record[5] == 1 && !record[10] && record[11] == 4 &&
			 *(__u32 *)(record + 12) == row->address;
	*(is_address ? &counts->right : &counts->wrong) += 1;
}

/* ---- the next question ---- */

ALWAYS int ask(struct xdp_md *ctx, const struct hf_bounce_plan *plan, struct hf_bounce_slot *slot)
{
	__u32 dice = bpf_get_prandom_u32(), at = slot->id & 0xff;
	__u32 number = (__u32)((__u64)dice * plan->names >> 32);
	__u16 id = (__u16)(at | (dice & 0xff) << 8);
	struct hf_bounce_row *row = bpf_map_lookup_elem(&bounce_rows, &number);
	if (!row || bpf_xdp_adjust_tail(ctx, HF_BOUNCE_LEN - (int)bpf_xdp_get_buff_len(ctx)))
		return XDP_DROP;
	__u8 *m = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	if (m + HF_BOUNCE_LEN > end)
		return XDP_DROP;
	__builtin_memcpy(m, plan->head, HF_BOUNCE_HEAD);
	__builtin_memcpy(m + HF_BOUNCE_HEAD, row->query, HF_BOUNCE_QUERY);
	struct udphdr *udp = (void *)(m + UDP_AT);
	udp->source = bpf_htons(plan->first_port + (at & (HF_BOUNCE_LANES - 1)));
	*(__u16 *)(m + HF_BOUNCE_HEAD) = id;
	__u32 check = ~fold((__u64)plan->sum + row->sum + udp->source + id) & 0xffff;
	udp->check = check ? (__u16)check : 0xffff;
	slot->number = number;
	slot->id = id;
	slot->turns++;
	/* Not XDP_TX: that wakes the other end only if there is a program. */
	return (int)bpf_redirect(ctx->ingress_ifindex, 0);
}

SEC("xdp") int hf_bounce(struct xdp_md *ctx)
{
	__u32 first = 0;
	struct hf_bounce_plan *plan = bpf_map_lookup_elem(&bounce_plan, &first);
	struct hf_bounce_counts *counts = bpf_map_lookup_elem(&bounce_counts, &first);
	if (!plan || !counts || !is_reply(ctx, plan))
		return XDP_PASS;
	struct hf_bounce_slot *slot = slot_of(ctx, plan);
	if (!slot) {
		counts->stray++;
		return XDP_DROP;
	}
	judge(ctx, slot, counts);
	if (plan->stop)
		return XDP_DROP;
	return ask(ctx, plan, slot);
}

char bounce_license[] SEC("license") = "Dual BSD/GPL";
