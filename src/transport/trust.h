/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trust.h - whom to believe: from a chain of certificates to a verdict.
 *
 * Story: a peer showed certificates, and has proved that it holds the key of the
 * first. A *trust* is a set of certificate authorities, the system's or those of a
 * file; a *peer* says what is expected: a name, pins of the server's key, or
 * nothing at all. hf_trust_judge holds one against the other at an instant of
 * the wall clock, says yes or no, why in plain words, and until when that holds.
 * Where a name and pins are given, both must hold. A name means: a chain from an
 * authority of the trust, for this name (RFC 6125 wildcards and all), meant for
 * servers, within its dates. A pin means: SHA-256 of the public key of the first
 * certificate (RFC 7858 section 4.2); keys of authorities are not pins here, since
 * without a chain that is verified anyone can send along a certificate of theirs.
 * Pins alone say nothing of dates: the key is believed, whatever is written round it.
 * It knows certificates. It must never know connections, DNS, or which clock
 * gave the instant. Revocation is not looked up: that would need names.
 * Ownership: a trust is counted and never changes once it is loaded.
 * Threads: any, at once; the count is atomic.
 * At the bound: 8 MiB of authorities; HF_TRUST_CHAIN certificates of a peer, else no; HF_TRUST_PINS
 * pins; a cause is cut at HF_TRUST_CAUSE_MAX, and what a certificate says in it is printed as plain
 * ASCII. */
#ifndef HF_TRANSPORT_TRUST_H
#define HF_TRANSPORT_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gnutls_session_int;

#define HF_TRUST_PINS 8
#define HF_TRUST_CHAIN 16
#define HF_TRUST_CAUSE_MAX 200
#define HF_TRUST_NAME_MAX 254 /* with its NUL */

#define HF_PIN_SIZE 32
#define HF_PIN_TEXT_MAX 52 /* "sha256/", 44 digits, NUL */

struct hf_pin {
	uint8_t sha256[HF_PIN_SIZE]; /* of SubjectPublicKeyInfo */
};

/* "sha256/" (which may be left out) and 44 digits of base64. HF_ESYNTAX. */
int hf_pin_parse(const char *text, struct hf_pin *ret);
const char *hf_pin_text(const struct hf_pin *pin, char buf[static HF_PIN_TEXT_MAX]);

/* Whom we expect, and how it is spoken to. A value; zeroed: somebody who cannot be
 * believed, for there is nothing to know it by. */
struct hf_tls_peer {
	char name[HF_TRUST_NAME_MAX]; /* a host's name or an address; "": no name, no SNI */
	char alpn[16];                /* protocol to agree on (RFC 7301); "": none */
	struct hf_pin pins[HF_TRUST_PINS];
	uint8_t pin_count;
	bool anybody; /* believe whoever answers: opportunistic (RFC 8310 section 5) */
};

struct hf_trust;

/* Loads authorities from a PEM file, or the system's (NULL). -ENOENT: there is no
 * such file; HF_ESYNTAX: no authority in it, or it is no file or over 8 MiB; -ENOMEM. One
 * reference. */
int hf_trust_load(const char *path, struct hf_trust **ret);
unsigned hf_trust_size(const struct hf_trust *trust); /* authorities */
struct hf_trust *hf_trust_ref(struct hf_trust *trust);
void hf_trust_unref(struct hf_trust *trust); /* NULL is fine */

struct hf_trust_verdict {
	bool believed;
	bool siblings; /* believed by name, and it is for "*" in place of the first label, too */
	int64_t until; /* believed: first second since 1970 when it no longer holds;
			  INT64_MAX where dates do not count */
	char cause[HF_TRUST_CAUSE_MAX]; /* not believed: why, without a full stop */
};

/* What to think of the peer of a session whose handshake has ended, at `wall` seconds
 * since 1970. trust may be NULL where the peer needs none (pins alone, anybody).
 * A session that was resumed is judged by the certificates that it began with. */
void hf_trust_judge(struct hf_trust *trust, const struct hf_tls_peer *peer,
	struct gnutls_session_int *session, int64_t wall, struct hf_trust_verdict *ret);

/* The version of GnuTLS that is in use: "3.7.9". */
const char *hf_trust_library(void);

#endif
