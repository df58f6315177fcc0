/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In place of xdp.c where libbpf or a compiler for BPF was not there. */
#include "xdp/xdp.h"

#include "base/check.h"
#include "base/error.h"

int hf_xdp_open(const char *const *interfaces, size_t count, const struct hf_xdp_key *key,
	FILE *complaints, struct hf_xdp **ret)
{
	(void)interfaces;
	(void)count;
	(void)key;
	(void)ret;
	fprintf(complaints, "listen.xdp: this holdfast was built without XDP (it takes libbpf and "
			    "clang); sockets answer\n");
	return -ENOSYS;
}

const char *hf_xdp_hindrance(const char *interface)
{
	(void)interface;
	return "this holdfast was built without XDP (it takes libbpf and clang)";
}

void hf_xdp_close(struct hf_xdp *xdp)
{
	(void)xdp;
}

void hf_xdp_list(struct hf_xdp *xdp, const char *const *interfaces, size_t count, FILE *complaints)
{
	(void)xdp;
	(void)interfaces;
	(void)count;
	(void)complaints;
}

void hf_xdp_pause(struct hf_xdp *xdp)
{
	(void)xdp;
}

void hf_xdp_adopt(
	struct hf_xdp *xdp, const struct hf_xdp_rules *rules, uint64_t plan, FILE *complaints)
{
	(void)xdp;
	(void)rules;
	(void)plan;
	(void)complaints;
}

void hf_xdp_tick(struct hf_xdp *xdp, FILE *complaints)
{
	(void)xdp;
	(void)complaints;
}

const struct hf_hot hf_xdp_hot = {NULL, NULL, NULL};

void hf_xdp_fold(struct hf_xdp *xdp, struct hf_meter *meter)
{
	(void)xdp;
	(void)meter;
}

struct hf_xdp_figures hf_xdp_figures(const struct hf_xdp *xdp)
{
	(void)xdp;
	return (struct hf_xdp_figures){.entries = 0};
}

const char *hf_xdp_fate_name(enum hf_xdp_fate fate)
{
	(void)fate;
	return "none";
}
