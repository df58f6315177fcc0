/* SPDX-License-Identifier: GPL-3.0-or-later */
/* text.h - zone text (RFC 1035 section 5) as wire records, one by one.
 *
 * Story: the text is walked from top to bottom. Each record goes to the caller
 * with the line on which it ends; each fault goes there with its line and its
 * cause, and reading goes on behind it, so that one run shows all of them.
 * $ORIGIN and $TTL work as everywhere. $INCLUDE is the caller's to follow, or refused: a
 * zone that reads other files would reach further than whoever handed it over.
 * The grammar of all record types is libzscanner's.
 * Ownership: a record and its octets are the reader's and good until `record`
 * returns.
 * At the bound: HF_ZONE_TEXT_MAX octets; `faults_max` faults and `records_max`
 * records, then reading ends.
 * Threads: pure.  Never: opens a file, keeps a record. */
#ifndef HF_ZONE_TEXT_H
#define HF_ZONE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "wire/name.h"

#define HF_ZONE_TEXT_MAX (1u << 30) /* a million names that are signed, with NSEC3 */

struct hf_zone_record {
	struct hf_name owner; /* case as written */
	uint16_t type;
	uint16_t class;
	uint32_t ttl;
	const uint8_t *rdata; /* uncompressed */
	uint16_t rdata_len;
	uint32_t line;
};

struct hf_zone_text {
	const char *text;
	size_t len;
	const char *origin;  /* as text; NULL: the root, so every name is absolute */
	uint32_t ttl;        /* of records in front of a $TTL that name none */
	size_t records_max;  /* 0: no bound but the text's */
	size_t faults_max;   /* 0: end at the first */
};

struct hf_zone_handler {
	/* Nonzero ends reading and is what hf_zone_text_read returns. */
	int (*record)(void *ctx, const struct hf_zone_record *record);
	/* why: a phrase without a full stop. */
	void (*fault)(void *ctx, uint32_t line, const char *why);
	/* $INCLUDE of a file, whose records are to be given here, with this origin (text) and
	 * TTL. 0, or HF_ESYNTAX: faults have been told, read on; anything else ends reading and
	 * is what hf_zone_text_read returns. NULL: refused. */
	int (*include)(void *ctx, uint32_t line, const char *file, const char *origin, uint32_t ttl);
};

/* 0: read to the end without a fault. HF_ESYNTAX: there were faults, and `fault`
 * has told each. HF_EBOUND: too long, or too many records (told as well).
 * HF_ESYNTAX without a word: the origin is no name. -ENOMEM. */
int hf_zone_text_read(const struct hf_zone_text *in, const struct hf_zone_handler *handler, void *ctx);

#endif
