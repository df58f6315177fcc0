/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lame.h - does this upstream answer for this zone at all?
 *
 * Story: failures are remembered question by question (RFC 9520), and a path whose
 * upstream is silent, or does not answer what another does, is rested (health.h). What
 * these leave out is an upstream that says SERVFAIL, REFUSED, or refers elsewhere for every
 * name of a zone while nobody else answers either: each new name would be one more message
 * in vain. So failures are remembered for the path, too: it is not asked for a second,
 * doubling up to `rest-max` of the path, with a quarter of jitter, and no question waits
 * for that: others of the route are asked, or it fails at once.
 * A name that fails says nothing of its zone, however many do. So replies of no use, for
 * several names and with no answer for a minute, only raise the suspicion; then the zone
 * itself is asked about (its SOA). If that is answered, nothing comes of it. Only if it
 * fails too does the path rest. When the rest is over one question of a client is the
 * trial, and others wait a moment for what comes of it: an answer ends it all, a failure has
 * the zone asked about again. A rest never stands on anything older than the one before it.
 * What lies within the zone is not told apart: where it is cut a forwarder does not know.
 * Knows:   counts, instants given to it, hashes of names.
 * Never:   names, why a reply was of no use, the clock, its own dice.
 * At the bound: nothing grows.  Threads: one at a time, by the caller's lock. */
#ifndef HF_UPSTREAM_LAME_H
#define HF_UPSTREAM_LAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

#define HF_LAME_NAMES 3 /* distinct names that have to fail */

struct hf_lame {
	hf_us until;                       /* it is not asked before */
	hf_us useful;                      /* instant of the last answer; 0: none yet */
	hf_us proof;                       /* when the zone itself was asked about; 0: never */
	uint32_t names[HF_LAME_NAMES - 1]; /* that failed since the last answer, or rest */
	uint16_t run;                      /* failures since then */
	uint8_t name_count;
	uint8_t times; /* rests in a row; 0: it is asked as any */
	bool on_trial; /* a question is on its way that may end them */
};

/* A zeroed struct has nothing against anybody. */

/* A reply was of use; or of none, for a name of which `name` is a hash. */
void hf_lame_useful(struct hf_lame *lame, hf_us now);
void hf_lame_useless(struct hf_lame *lame, uint32_t name);

/* Is it time to ask about the zone itself? At most once a second. */
bool hf_lame_wants_proof(const struct hf_lame *lame, hf_us now);

/* That is done. */
void hf_lame_asked(struct hf_lame *lame, hf_us now);

/* It was of no use either: the path rests. most: its longest rest. */
void hf_lame_proven(struct hf_lame *lame, hf_us most, uint32_t dice, hf_us now);

/* A question goes out: after a rest it is the trial, and none other does for a second. */
void hf_lame_sent(struct hf_lame *lame, hf_us now);

/* Does it rest, or wait for its trial? */
static inline bool hf_lame_rests(const struct hf_lame *lame, hf_us now)
{
	return lame->times && now < lame->until;
}

#endif
