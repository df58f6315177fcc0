/* SPDX-License-Identifier: GPL-3.0-or-later */
/* proof.h - which address has shown that it is a name's, and which is to show it next.
 *
 * Story: a proof is asked for by (name, address and port, trust store). One that is
 * known is told at once; else it is begun, or joined if somebody asked before. What is
 * begun stands in line until there is room for a connection, then is *looked at*; what
 * came of that is told to all who wait, and remembered:
 *   it holds      as long as the certificate does, a day at the most
 *   it fails      (a certificate was shown that is not the name's) and
 *   it is missing (nobody there, no TLS, no time): 10 s, then twice as long each time, a
 *                 minute at the most, so that a mended server is soon believed.
 * A certificate for "*.example.net" that was shown for one name is one for all names
 * beside it: whoever shows it holds their key, too. So they need no look of their own,
 * and the many names behind one address, or random ones, cost one.
 * That there was no room for a connection says nothing of the address, and is told but
 * not remembered.
 * Whoever can make us look at an address must not make us harm it: looks are paced, for
 * each address and in all, with all ports and names of an address counted together.
 * Events come in as calls; what is to be done comes out of hf_proofs_next.
 * Knows:   names, addresses, time.
 * Never:   connections, certificates, who waits, which upstream gave the address.
 * Ownership: the table owns all.  Threads: one owner.
 * At the bound: HF_PROOFS_MAX are remembered, then the one unused for longest goes;
 * HF_PROOFS_LINE stand in line, the next is turned away; who has stood there for
 * HF_PROOF_LINE_MOST is told that it is missing. Pace and connections are those of the
 * process: each of its tables has its share, and one connection a second at the least.
 * Addresses share HF_PROOFS_PACED counters by a keyed hash: two that fall together are
 * looked at more slowly. */
#ifndef HF_TRUTH_PROOF_H
#define HF_TRUTH_PROOF_H

#include <stdbool.h>

#include "base/address.h"
#include "base/hash.h"
#include "base/time.h"
#include "truth/truth_conf.h"
#include "wire/name.h"

#define HF_PROOFS_MAX 8192
#define HF_PROOFS_LINE 1024
#define HF_PROOFS_AT_ONCE 64 /* connections, half of them to one address at the most */
#define HF_PROOFS_PACED 1024

/* Connections a second, and how many may come together. A handshake costs us and the
 * other side about a millisecond: so a tenth of a core at the most, and less than
 * nothing to a server. Five hundred names behind one address take some seconds. */
#define HF_PROOFS_RATE 128
#define HF_PROOFS_BURST 256
#define HF_PROOFS_RATE_EACH 32
#define HF_PROOFS_BURST_EACH 64

#define HF_PROOF_LINE_MOST HF_SECOND       /* in line */
#define HF_PROOF_LOOK_MOST (2 * HF_SECOND) /* from connecting to a certificate */
#define HF_PROOF_LIFE_MOST (86400 * HF_SECOND)
#define HF_PROOF_AGAIN (10 * HF_SECOND)
#define HF_PROOF_AGAIN_MOST (60 * HF_SECOND)

enum hf_proof { HF_PROOF_HOLDS, HF_PROOF_FAILS, HF_PROOF_MISSING, HF_PROOFS };

#define HF_PROOF_WHY 96

/* What is asked for. */
struct hf_proof_key {
	struct hf_name name;       /* lowered */
	struct hf_address address; /* with the port */
	uint64_t trust;            /* a number of whoever vouches: see anchors.h */
	bool below;                /* the table's own: all names one label below; false to ask */
};

/* What was seen. */
struct hf_proof_seen {
	enum hf_proof proof;
	hf_us life;             /* HOLDS: for how long */
	char why[HF_PROOF_WHY]; /* in words, "the certificate expired on 2026-01-01"; HOLDS: "" */
	bool siblings; /* HOLDS: so it does for all names that differ in the first label only */
};

/* May an address be connected to at all? Not what is no host's (multicast, 0.0.0.0/8,
 * 240.0.0.0/4, IPv4 in IPv6 clothes); what is this host or its own link (loopback,
 * link-local) only if `addresses` of the expectation says so: else whoever answers could
 * make us talk to our own services. NULL: it may; else why not, in words. */
const char *hf_proof_barred(
	const struct hf_expectation *expectation, const struct hf_address *address);

struct hf_proofs;

/* shares: the tables of the process. -ENOMEM. */
int hf_proofs_new(const struct hf_hash_key *key, unsigned shares, struct hf_proofs **ret);
void hf_proofs_free(struct hf_proofs *proofs); /* NULL is fine */

enum hf_proof_asked {
	HF_PROOF_KNOWN,       /* *ret_seen tells; good until the next call */
	HF_PROOF_BEGUN,       /* it will be told of *ret_place ... */
	HF_PROOF_JOINED,      /* ... for which somebody waits, or something is under way, already */
	HF_PROOF_TURNED_AWAY, /* the line is full */
};

/* Asks for a proof. A place is below HF_PROOFS_MAX and stands for the key until it is
 * told of, or abandoned. */
enum hf_proof_asked hf_proofs_ask(struct hf_proofs *proofs, const struct hf_proof_key *key,
	hf_us now, const struct hf_proof_seen **ret_seen, unsigned *ret_place);

/* Nobody waits for it any more. It leaves the line; a look under way goes on, for what
 * it shows will be asked for again. */
void hf_proofs_abandon(struct hf_proofs *proofs, unsigned place);

/* What a look has shown. HF_PROOF_DO_LOOK must have been the last word about the place. */
void hf_proofs_shown(
	struct hf_proofs *proofs, unsigned place, const struct hf_proof_seen *seen, hf_us now);

enum hf_proof_do {
	HF_PROOF_DO_NOTHING,
	HF_PROOF_DO_LOOK,  /* connect, and say hf_proofs_shown */
	HF_PROOF_DO_CLOSE, /* the look has taken too long: end it; a TELL follows */
	HF_PROOF_DO_TELL,  /* to all who wait; the place stands for nothing any more */
};

struct hf_proof_action {
	enum hf_proof_do what;
	unsigned place;
	const struct hf_proof_key *key;   /* good until the next call, and so is: */
	const struct hf_proof_seen *seen; /* TELL */
	bool news; /* TELL: it does not hold, and that was not said yet of this name and address */
};

/* What is to be done at this instant; to be called until it is NOTHING. */
struct hf_proof_action hf_proofs_next(struct hf_proofs *proofs, hf_us now);

/* When hf_proofs_next may have something to say though nothing happens; HF_NEVER. */
hf_us hf_proofs_due(const struct hf_proofs *proofs);

unsigned hf_proofs_waiting(const struct hf_proofs *proofs);    /* in line, or looked at */
unsigned hf_proofs_looking(const struct hf_proofs *proofs);    /* connections */
unsigned hf_proofs_remembered(const struct hf_proofs *proofs); /* known, or known once */

#endif
