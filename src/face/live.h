/* SPDX-License-Identifier: GPL-3.0-or-later */
/* live.h - `check --live`: is what the configuration expects true today?
 *
 * Story: for a build server and for cron. Every upstream is asked for the names with
 * expectations, and for the head of each zone that it is asked for, so that one that is
 * dark shows even if nothing is expected of it. Then this host is looked at: whom do its
 * programs ask (audit.h)? Resolvers that they ask past the configuration are put to the
 * same questions. All of it becomes one object; the page and the JUnit file are written
 * from the same findings.
 * At the bound: HF_LIVE_DEADLINE unless another is given, for all of it together.
 * Threads: main; blocks. */
#ifndef HF_FACE_LIVE_H
#define HF_FACE_LIVE_H

#include <stdio.h>

#include "engine/examine.h"
#include "face/audit.h"

#define HF_LIVE_DEADLINE (10 * HF_SECOND)
#define HF_LIVE_ROUTES 256 /* whose zones are asked for themselves */

struct hf_live {
	const struct hf_config *config;
	struct hf_examined *examined;   /* of the upstreams; NULL: could not begin */
	struct hf_examined *beside;     /* of the host's resolvers; NULL: there are none */
	struct hf_upstream_conf *hosts; /* which those are */
	struct hf_forward_conf forward; /* ... as a configuration */
	struct hf_route route;
	uint16_t *indices;
	struct hf_audit *audit; /* NULL: the host was not looked at */
	size_t unasked;         /* expectations of a "*." without an example */
	int error;              /* why examined is NULL */
	hf_us took;
};

struct hf_live_conf {
	hf_us deadline;
	bool host;        /* look at it */
	const char *root; /* where its files lie; "" */
};

/* Does all of it. The caller clears it. */
void hf_live_run(
	struct hf_live *live, const struct hf_config *config, const struct hf_live_conf *conf);
void hf_live_clear(struct hf_live *live);

/* An enum hf_exit: a finding goes before what could not be asked. */
int hf_live_exit(const struct hf_live *live);

struct json_t;
struct json_t *hf_live_json(const struct hf_live *live); /* NULL: no memory */
void hf_live_write_text(const struct hf_live *live, FILE *out);

/* As JUnit's XML, which build servers read: an upstream is a suite, a question a case,
 * what is false or amiss a failure, what could not be asked an error. */
void hf_live_write_junit(const struct hf_live *live, FILE *out);

/* What a row counts as. */
enum hf_live_class { HF_LIVE_GOOD, HF_LIVE_FAILURE, HF_LIVE_ERROR };
enum hf_live_class hf_live_class(const struct hf_finding *finding);

#endif
