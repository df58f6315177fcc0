/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tsig.h - messages that both sides sign with one secret: RFC 8945.
 *
 * Story: a key is a name, an algorithm and a secret. A *signer* goes along with one
 * exchange: it signs the request and checks each reply of the stream (or, at a server,
 * checks the request and signs the replies), as the chain of digests in section 5.3 wants.
 * Digests are GnuTLS's, and nothing of GnuTLS is visible here: libknot has functions for all
 * of this, too, but they read the system's clock.
 * Time is an argument, seconds since 1970.  Threads: keys are immutable, a signer has one
 * owner.
 * What is refused changes nothing: over UDP, where anybody can throw in a message, the next
 * one may be the right one.
 * At the bound: a stream may have at most 99 messages between two signed ones (5.3.1). */
#ifndef HF_ZONE_TSIG_H
#define HF_ZONE_TSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/name.h"

enum hf_tsig_algorithm {
	HF_TSIG_SHA1 = 1, HF_TSIG_SHA224, HF_TSIG_SHA256, HF_TSIG_SHA384, HF_TSIG_SHA512,
};

struct hf_tsig_key {
	struct hf_name name; /* lowered */
	enum hf_tsig_algorithm algorithm;
	const uint8_t *secret;
	size_t secret_len;
};

/* Room that a signature needs behind a message. */
#define HF_TSIG_ROOM 512

struct hf_tsig;

/* Keys must outlive it. `keys`: those that a server accepts; a client has one. -ENOMEM.
 * It may be used for one exchange after another. */
int hf_tsig_new(const struct hf_tsig_key *keys, size_t count, struct hf_tsig **ret);
void hf_tsig_free(struct hf_tsig *tsig); /* NULL is fine */

/* Signs the message at m[0..*len); m has `room` octets in all, of which HF_TSIG_ROOM behind
 * the message are always enough. Client: a request. Server: a reply to the request that
 * hf_tsig_check_request accepted, or the next of a stream of them. `wall` in seconds since
 * 1970. HF_ESPACE; -EPROTO: the system has no such digest. */
int hf_tsig_sign(struct hf_tsig *tsig, uint8_t *m, size_t *len, size_t room, uint64_t wall);

enum hf_tsig_found {
	HF_TSIG_GOOD,
	HF_TSIG_ABSENT,  /* no TSIG record */
	HF_TSIG_BADKEY,  /* a key that is not ours, or another algorithm */
	HF_TSIG_BADSIG,
	HF_TSIG_BADTIME, /* further than the fudge from our clock */
	HF_TSIG_MALFORMED,
	HF_TSIG_BADTRUNC, /* cut, though long enough to be legal */
};

/* Server: a request. On GOOD *ret_key is the key, and the message's length without its TSIG
 * record is in *len, ARCOUNT lowered. Other results but ABSENT are answered NOTAUTH with a
 * TSIG record that says so: hf_tsig_sign_error. */
enum hf_tsig_found hf_tsig_check_request(struct hf_tsig *tsig, uint8_t *m, size_t *len,
	uint64_t wall, const struct hf_tsig_key **ret_key);
int hf_tsig_sign_error(
	struct hf_tsig *tsig, enum hf_tsig_found found, uint8_t *m, size_t *len, size_t room, uint64_t wall);

/* Client: the next reply. As above, the record is taken off. A message without one is GOOD
 * in the middle of a stream (`last` false) within the bound, until more is known:
 * hf_tsig_settled. One that names an error of TSIG is never GOOD; it may be anybody's. */
enum hf_tsig_found hf_tsig_check_reply(
	struct hf_tsig *tsig, uint8_t *m, size_t *len, bool last, uint64_t wall);

/* Client: whether all that has come is covered by a signature. The last message of a stream
 * has to be; which it is may show only when it has been read. */
bool hf_tsig_settled(const struct hf_tsig *tsig);

/* A phrase. Static storage. */
const char *hf_tsig_found_text(enum hf_tsig_found found);

#endif
