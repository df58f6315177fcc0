/* SPDX-License-Identifier: GPL-3.0-or-later */
/* witness.h - who is asked for the published serial of a zone.
 *
 * Story: the primaries and what `published` lists are witnesses. Each is asked now and
 * then, and either says a serial or could not be reached. A primary or another server is
 * asked for the SOA record (UDP, TCP when cut; over TLS where so configured; signed with
 * the zone's key, if it has one) and believed only with AA and exactly that record; a
 * txt: name's TXT record is asked of the server behind its "@" (without one, of the
 * primaries in turn) and is one decimal number; a URL gives a document that says the serial in
 * one of the ways of zone/document.h, over TLS and with the zone's url-... keys.
 * Over UDP a question is tried three times, each with a port, id and case of letters of its
 * own. What does not fit it, or is not signed as it should be, is passed over: it may be
 * forged, and the next message may be the right one.
 * What a serial means is the gate's to say (zone/gate.h).
 * Ownership: a witness is its keeper's; configuration, key and loop outlive it.
 * Threads: the authority's.
 * At the bound: one question at a time; HF_CALLS_QUESTIONS connections for all (call.h), the
 * next ones wait for their turn; no answer within HF_WITNESS_PATIENCE (tries over UDP
 * included) is a failure. */
#ifndef HF_AUTHORITY_WITNESS_H
#define HF_AUTHORITY_WITNESS_H

#include "authority/call.h"
#include "zone/gate.h"
#include "zone/place.h"
#include "zone/tsig.h"
#include "zone/zone_conf.h"

#define HF_WITNESS_PATIENCE (5 * HF_SECOND)

struct hf_witness;

/* reached: `serial` is what it says, why is "". Else: why, a phrase that names who and
 * what. May come from within ask; never after cancel. */
typedef void hf_witness_said(
	void *ctx, size_t index, bool reached, uint32_t serial, const char *why, hf_us now);

struct hf_witness_conf {
	struct hf_loop *loop;
	struct hf_calls *calls; /* of this loop */
	const struct hf_zone_conf *zone;
	const struct hf_tsig_key *key; /* NULL: unsigned */
	struct hf_place place;
	size_t index; /* handed back with each report */
	hf_witness_said *said;
	void *ctx;
};

int hf_witness_new(const struct hf_witness_conf *conf, struct hf_witness **ret);
void hf_witness_ask(struct hf_witness *witness, hf_us now); /* under way already: does nothing */
void hf_witness_cancel(struct hf_witness *witness);         /* not under way is fine */
void hf_witness_free(struct hf_witness *witness);           /* cancels; NULL is fine */

#endif
