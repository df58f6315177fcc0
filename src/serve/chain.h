/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chain.h - one answer put together from several: aliases, and what they lead to.
 *
 * Story: an alias of a zone of ours leads to another zone, or out to what we forward. The
 * client gets one answer: the aliases in their order, then the records of the last name,
 * with that part's rcode and authority section. Each part is given in as a kept answer;
 * its records are written anew, with their TTLs less the part's age. Owner names that
 * repeat the question's, or the last alias' target, are compressed to pointers.
 * Ownership: the memory is the caller's.  Threads: pure.
 * At the bound: what does not fit into a message ends it with TC set (hf_chain_end); more
 * than HF_CHAIN_ALIASES aliases are told by hf_chain_too_long. */
#ifndef HF_SERVE_CHAIN_H
#define HF_SERVE_CHAIN_H

#include "engine/client.h"
#include "wire/aliases.h"
#include "wire/build.h"

/* As many as a zone follows within itself (zone/answer.h). */
#define HF_CHAIN_ALIASES 16

struct hf_chain {
	uint8_t *wire; /* HF_MESSAGE_MAX + HF_OPT_ROOM octets */
	size_t len, answer_end;
	uint16_t question_end;
	uint16_t answers, authorities;
	uint16_t aliases;
	uint16_t target_at; /* where the last alias' target stands; 0: nowhere */
	uint16_t flags;     /* of the reply: AA, and the last part's rcode */
	bool overrun;
};

/* Begins with a question section as a client sent it: at most HF_NAME_MAX + 4 octets. */
void hf_chain_begin(struct hf_chain *chain, uint8_t *wire, const uint8_t *question, size_t len);

/* Adds the answer section of a part. */
void hf_chain_add(
	struct hf_chain *chain, const struct hf_kept *kept, uint32_t age, uint32_t ttl_floor);

/* Adds what a part says on the way to the first name that is ours, if its aliases lead to
 * one: *ret_stopped is that name, and true is returned. What is said of it there, and of what
 * it might lead to, is left off, for it is not to be believed here. Else all is added. */
bool hf_chain_add_until(struct hf_chain *chain, const struct hf_kept *kept, uint32_t age,
	uint32_t ttl_floor, hf_alias_to *ours, void *ctx, struct hf_name *ret_stopped);

/* Adds the authority section of the last part, and takes its rcode. */
void hf_chain_close(
	struct hf_chain *chain, const struct hf_kept *kept, uint32_t age, uint32_t ttl_floor);

/* Is this name (lowered) an alias that the chain has already come by? */
bool hf_chain_passed(const struct hf_chain *chain, const struct hf_name *name);

static inline bool hf_chain_too_long(const struct hf_chain *chain)
{
	return chain->aliases > HF_CHAIN_ALIASES;
}

/* The whole: in `ret`, whose wire is the chain's, without TTLs to be patched. Once. */
void hf_chain_end(struct hf_chain *chain, struct hf_kept *ret);

#endif
