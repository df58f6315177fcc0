/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/text.h"

#include <libzscanner/scanner.h>

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"

struct reading {
	const struct hf_zone_text *in;
	const struct hf_zone_handler *handler;
	void *ctx;
	zs_scanner_t *scanner;
	size_t records, faults;
	uint32_t last_fault; /* line of it */
};

static uint32_t line_of(const zs_scanner_t *scanner)
{
	return scanner->line_counter < UINT32_MAX ? (uint32_t)scanner->line_counter : UINT32_MAX;
}

static void tell(struct reading *r, uint32_t line, const char *why)
{
	r->faults++;
	r->last_fault = line;
	r->handler->fault(r->ctx, line, why);
}

/* A line that is broken in one place is often broken in the next; once is enough. */
static void tell_scanner(struct reading *r)
{
	uint32_t line = line_of(r->scanner);
	if (!r->faults || line != r->last_fault || r->scanner->error.fatal)
		tell(r, line, zs_strerror(r->scanner->error.code));
}

static int give(struct reading *r)
{
	const zs_scanner_t *scanner = r->scanner;
	struct hf_zone_record record = {
		.type = scanner->r_type, .class = scanner->r_class, .ttl = scanner->r_ttl,
		.rdata = scanner->r_data, .rdata_len = (uint16_t)scanner->r_data_length,
		.line = line_of(scanner),
	};
	if (hf_unexpected(scanner->r_owner_length > HF_NAME_MAX ||
		    scanner->r_data_length > UINT16_MAX))
		return HF_EMALFORMED;
	if (r->in->records_max && r->records >= r->in->records_max) {
		tell(r, record.line, "too many records");
		return HF_EBOUND;
	}
	record.owner.len = (uint8_t)scanner->r_owner_length;
	memcpy(record.owner.bytes, scanner->r_owner, record.owner.len);
	r->records++;
	return r->handler->record(r->ctx, &record);
}

static int include(struct reading *r)
{
	const char *file = r->scanner->include_filename;
	char origin[HF_NAME_TEXT_MAX + 1];
	if (!r->handler->include) {
		tell(r, line_of(r->scanner), "$INCLUDE is not read here");
		return HF_ESYNTAX;
	}
	/* The scanner puts its own path in front of what is relative. */
	if (strncmp(file, "./", 2) == 0)
		file += 2;
	memcpy(origin, r->scanner->buffer, sizeof origin);
	origin[sizeof origin - 1] = 0;
	int rc = r->handler->include(
		r->ctx, line_of(r->scanner), file, origin, r->scanner->default_ttl);
	if (rc == HF_ESYNTAX)
		r->faults++;
	return rc;
}

/* One step of the scanner. 1: there is more. */
static int step(struct reading *r)
{
	if (zs_parse_record(r->scanner)) {
		tell_scanner(r);
		return HF_ESYNTAX;
	}
	switch (r->scanner->state) {
	case ZS_STATE_DATA: {
		int rc = give(r);
		return rc ? rc : 1;
	}
	case ZS_STATE_ERROR:
		tell_scanner(r);
		return r->scanner->error.fatal || r->faults > r->in->faults_max ? HF_ESYNTAX : 1;
	case ZS_STATE_INCLUDE: {
		/* The scanner called for its own rules and does not return from there: the
		 * seventeenth time its stack would be full, and it does not look. */
		r->scanner->top = 0;
		int rc = include(r);
		if (rc == HF_ESYNTAX && r->faults <= r->in->faults_max)
			return 1;
		return rc ? rc : 1;
	}
	default: return r->faults ? HF_ESYNTAX : 0;
	}
}

static int read_all(struct reading *r)
{
	int rc;
	if (zs_set_input_string(r->scanner, r->in->text, r->in->len))
		return -ENOMEM;
	do
		rc = step(r);
	while (rc == 1);
	return rc;
}

int hf_zone_text_read(const struct hf_zone_text *in, const struct hf_zone_handler *handler, void *ctx)
{
	struct reading r = { .in = in, .handler = handler, .ctx = ctx };
	if (in->len > HF_ZONE_TEXT_MAX) {
		tell(&r, 1, "zone text is too long");
		return HF_EBOUND;
	}
	if (!in->len)
		return 0;
	r.scanner = calloc(1, sizeof *r.scanner); /* 200 KB: not for a stack */
	if (!r.scanner)
		return -ENOMEM;
	int rc = HF_ESYNTAX;
	if (!zs_init(r.scanner, in->origin ? in->origin : ".", HF_CLASS_IN, in->ttl)) {
		rc = read_all(&r);
		zs_deinit(r.scanner);
	}
	free(r.scanner);
	return rc;
}
