/* SPDX-License-Identifier: GPL-3.0-or-later */
/* asker.h - questions to other people's servers, with manners.
 *
 * Story: to see a zone as the world sees it, its servers and its parent's are asked as a
 * resolver would: without recursion, over UDP with a second and a third try, over TCP what
 * was cut, or over the one that is meant. It is somebody else's server, so it never gets
 * more than HF_ASKER_RATE packets a second from one asker, however many questions there are.
 * Each question ends in one call with what came of it: an answer, or how it failed.
 * Knows:   messages.  Never: zones, what the answers are good for, names of hosts.
 * Ownership: what has been asked is the asker's; a reply is good until `heard` returns.
 * Threads: its loop's own.
 * At the bound: HF_ASKER_WINDOW questions under way, HF_ASKER_PER_SERVER at one address; the
 * others wait in line, HF_ASKER_MAX at the most: HF_EBOUND. */
#ifndef HF_PROVIDERS_ASKER_H
#define HF_PROVIDERS_ASKER_H

#include "loop/loop.h"
#include "wire/message.h"

#define HF_ASKER_RATE 50
#define HF_ASKER_WINDOW 64
#define HF_ASKER_PER_SERVER 8
#define HF_ASKER_MAX 65536

enum hf_reach { /* how one can be reached */
	HF_REACH_UNTRIED,
	HF_REACH_ANSWERS,
	HF_REACH_SILENT,
	HF_REACH_CLOSED,   /* the host, or a device before it, says that nobody listens */
	HF_REACH_NO_ROUTE, /* this host has no way to that address */
	HF_REACH_GARBLED,  /* something came that is no answer */
};

struct hf_asker_said {
	enum hf_reach reach;
	bool stream;      /* over TCP in the end */
	const uint8_t *m; /* ANSWERS, else NULL */
	size_t len;
	const struct hf_message_view *view;
	hf_us took;
};

struct hf_asker_question {
	struct hf_address to;
	struct hf_question question; /* lowered */
	bool stream;                 /* over TCP from the beginning */
	bool dnssec_ok;
	/* Once, never from within hf_asker_ask, unless the asker is freed first. */
	void (*heard)(void *ctx, uint32_t token, const struct hf_asker_said *said, hf_us now);
	void *ctx;
	uint32_t token; /* handed back */
};

struct hf_asker;

int hf_asker_new(struct hf_loop *loop, struct hf_asker **ret); /* -ENOMEM */
void hf_asker_free(struct hf_asker *asker); /* NULL is fine; nobody is called any more */

/* Asks, or stands in line. HF_EBOUND, -ENOMEM: `heard` will not be called. */
int hf_asker_ask(struct hf_asker *asker, const struct hf_asker_question *question);

const char *hf_reach_text(enum hf_reach reach); /* "does not answer" */

#endif
