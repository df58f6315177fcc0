/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hooks.h - programs of the operator that are run when readiness changes.
 *
 * Story: BIRD, a cloud's load balancer, whatever stands in front of the nodes, is told by
 * `ready.on-ready` and `ready.on-withdraw`. What counts is who is told last: programs run
 * one at a time, and what is wanted when one has ended is compared with what was told then.
 * Changes in between are not told. An on-ready that still runs when the node must be
 * withdrawn is killed: truth does not wait for it.
 *
 * A program is run without a shell, in a process group of its own, with no rights but ours
 * and no descriptor but 0, 1 and 2; its environment is ours and
 *   HOLDFAST_STATE     ready | withdrawn
 *   HOLDFAST_REASONS   the reasons, a line each; empty with ready
 *   HOLDFAST_PID       ours
 * After `timeout` its group is killed. One that fails, cannot be begun or is killed is run
 * again after HF_HOOKS_AGAIN as long as it is what is wanted: a route that goes on being
 * announced is what this is against. Each run that went well is a line in the log, with the first
 * line that the program said; one that fails again and again, as telling.h has it.
 * Ownership: argv is looked at when a program begins and must stay until then: hf_hooks_adopt
 * comes before the configuration from before goes.
 * Threads: the loop's; the figures from any.
 * At the bound: what a program says past HF_HOOKS_SAID_MAX octets is read and dropped. */
#ifndef HF_FACE_HOOKS_H
#define HF_FACE_HOOKS_H

#include <stdatomic.h>
#include <sys/types.h>

#include "face/telling.h"
#include "loop/loop.h"
#include "serve/readiness.h"
#include "sight/log.h"

#define HF_HOOKS_AGAIN (5 * HF_SECOND)
#define HF_HOOKS_SAID_MAX 256
#define HF_HOOKS_REASONS_MAX 4096

enum hf_hook { HF_HOOK_NONE, HF_HOOK_READY, HF_HOOK_WITHDRAW };

struct hf_hooks {
	struct hf_loop *loop;
	struct hf_log *log;
	const struct hf_ready_conf *conf;
	enum hf_hook wanted, running, told; /* told: the last that ended well */
	char reasons[HF_HOOKS_REASONS_MAX]; /* of what is wanted */
	pid_t pid;
	int pidfd, out; /* -1: none */
	char said[HF_HOOKS_SAID_MAX];
	size_t said_len;
	hf_us began;
	bool killed;
	enum hf_hook failing; /* the one that has failed so far; or none */
	struct hf_telling telling;
	struct hf_timer timer;      /* of the run, or until the next try */
	void (*settled)(void *ctx); /* a program has ended and no other has begun; may be NULL */
	void *ctx;
	atomic_uint_fast64_t succeeded, failed, kills;
};

void hf_hooks_init(struct hf_hooks *hooks, struct hf_loop *loop, struct hf_log *log,
	const struct hf_ready_conf *conf);

/* Goes by another configuration from the next program on. */
void hf_hooks_adopt(struct hf_hooks *hooks, const struct hf_ready_conf *conf);

/* This is how it is now. Reasons: lines, cut to fit. */
void hf_hooks_want(struct hf_hooks *hooks, enum hf_hook hook, const char *reasons);

/* A program runs: hooks->settled will be called. */
bool hf_hooks_busy(const struct hf_hooks *hooks);

/* Kills what runs. Safe on one that was only zeroed. */
void hf_hooks_clear(struct hf_hooks *hooks);

#endif
