/* SPDX-License-Identifier: GPL-3.0-or-later */
/* document.h - what a document on a web server says about a zone: its digest, its serial.
 *
 * Story: a zone from a URL is held against a SHA-256, and a witness may be a URL. What
 * is accepted is written down here, and nothing else is:
 *   a digest file   lines as sha256sum writes them, "64 hex digits, a space, a space or
 *                   '*', a name". One line counts whatever it names; of several that
 *                   which names the file counts. 64 hex digits alone are fine, too.
 *   a digest header `Repr-Digest` or `Content-Digest` (RFC 9530): a member
 *                   "sha-256=:base64:"; or `Digest` (RFC 3230): "SHA-256=base64".
 *   a serial        one decimal number; or a JSON object in which the zone's name (with
 *                   or without its last dot) has a whole number; or zone text of which
 *                   the first record is the zone's SOA.
 * White space round any of these is fine.
 * Ownership: the caller's.  Threads: pure.  Never: how the document was had.
 * At the bound: documents of HF_DOCUMENT_MAX octets; longer ones are refused. */
#ifndef HF_ZONE_DOCUMENT_H
#define HF_ZONE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/name.h"
#include "zone/digest.h"

#define HF_DOCUMENT_MAX 16384
#define HF_DOCUMENT_WHY_MAX 120

/* The digest of the file of this name. HF_ESYNTAX: it is no such document; -ENOENT: it does not
 * name the file; HF_EBOUND: it is too long. */
int hf_document_digest(const char *text, size_t len, const char *file, size_t file_len,
	uint8_t ret[static HF_SHA256]);

/* The value of a header; `dictionary`: as RFC 9530 has it, else as RFC 3230. -ENOENT: there is
 * none by SHA-256; HF_ESYNTAX: there is, and it cannot be read. */
int hf_document_digest_header(
	const char *value, size_t len, bool dictionary, uint8_t ret[static HF_SHA256]);

/* The zone's (lowered) serial. HF_ESYNTAX, HF_EBOUND: `why` is a phrase. -ENOMEM. */
int hf_document_serial(const char *text, size_t len, const struct hf_name *zone,
	char why[static HF_DOCUMENT_WHY_MAX], uint32_t *ret);

#endif
