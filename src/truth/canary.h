/* SPDX-License-Identifier: GPL-3.0-or-later */
/* canary.h - a question to which only one answer is true.
 *
 * Story: a name of letters drawn by chance does not exist. Who has an answer for it makes
 * answers up (NXDOMAIN rewriting, a box in the path that answers for everybody), unless
 * the zone has a wildcard. So all upstreams of a route are asked for the same name, and
 * judged together: where some deny it, the others lie; where nobody denies it there is a
 * wildcard, or nobody to be believed rather than another, and it is only told. In a private zone an
 * own server of the zone (AA) that answers where another does not may have an older or a newer
 * zone: that is no lie either, and serials.h looks into it.
 * Threads: pure. */
#ifndef HF_TRUTH_CANARY_H
#define HF_TRUTH_CANARY_H

#include <stddef.h>

#include "truth/testimony.h"

#define HF_CANARY_DICE 16

/* A name right under a zone (len 1: a name of one label) that nobody has ever asked for;
 * of fresh octets drawn by chance. The zone itself if there is no room for a label. */
struct hf_name hf_canary_name(
	const struct hf_name *zone, const uint8_t dice[static HF_CANARY_DICE]);

enum hf_canary {           /* what an answer to it shows */
	HF_CANARY_NOTHING, /* none, or one that another must decide */
	HF_CANARY_TRUE,    /* it denies the name */
	HF_CANARY_FALSE,   /* it answers, where another denies the name */
	HF_CANARY_ALONE,   /* it answers, and nobody denies the name */
};

/* Judges what each of `count` upstreams said (NULL: nothing) of one such name; own_zone: of
 * a zone that upstreams may be the own servers of. */
void hf_canary_judge(
	const struct hf_testimony *const *said, size_t count, bool own_zone, enum hf_canary ret[]);

#endif
