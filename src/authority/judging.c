/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/judging.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority/zone_file.h"
#include "base/error.h"
#include "zone/catalog.h"

/* Octets of both versions together: some fifteen thousand records, gone through in a few
 * milliseconds. Less is not worth the way. */
#define LARGE (1u << 20)

struct hf_judging {
	struct hf_job job;         /* first */
	struct hf_judging **place; /* NULL: nobody wants it any more */
	struct hf_loan *loan;
	hf_judging_done *done;
	void *ctx;
	/* What it goes by: the zone's own configuration may go before it (members of catalogs),
	 * what that points to may not. */
	struct hf_name name;
	const char *file;
	struct hf_prefix_list never;
	struct hf_sanity_conf sanity;
	struct hf_journal_limits journal;
	bool journaled, catalog;
	uint32_t catalog_limit;
	/* What it is about. */
	struct hf_zone *here, *zone;
	struct hf_journal *before;
	char said[HF_SOURCE_WHY_MAX];
	/* What came of it. */
	bool judged;
	struct hf_judged result;
	char why[HF_SANITY_WHY_MAX];
};

/* ---- by a hand ---- */

static bool same_set(const struct hf_zone_set *a, const struct hf_zone_set *b)
{
	return a->type == b->type && a->count == b->count && a->ttl == b->ttl &&
	       a->rdata_octets == b->rdata_octets && a->owner[0] == b->owner[0] &&
	       memcmp(a->rdata, b->rdata, a->rdata_octets) == 0 &&
	       hf_name_wire_len(a->owner, HF_NAME_MAX) == hf_name_wire_len(b->owner, HF_NAME_MAX) &&
	       memcmp(a->owner, b->owner, hf_name_wire_len(a->owner, HF_NAME_MAX)) == 0;
}

/* A file may be written again with nothing new in it. */
static bool same_zone(const struct hf_zone *a, const struct hf_zone *b)
{
	struct hf_zone_walk x = hf_zone_walk(a), y = hf_zone_walk(b);
	struct hf_zone_set s, t;
	if (hf_zone_records(a) != hf_zone_records(b))
		return false;
	while (hf_zone_next(&x, &s))
		if (!hf_zone_next(&y, &t) || !same_set(&s, &t))
			return false;
	return true;
}

/* A list of zones that cannot be gone by would take the place of one that can. */
static bool is_catalog(struct hf_judging *j)
{
	const struct hf_catalog_bounds bounds = {.most = j->catalog_limit};
	struct hf_catalog catalog;
	_Static_assert(HF_CATALOG_WHY_MAX <= HF_SANITY_WHY_MAX, "both are written there");
	if (!j->catalog)
		return true;
	if (hf_catalog_read(j->zone, &bounds, j->why, &catalog))
		return false;
	hf_catalog_clear(&catalog);
	return true;
}

/* In front of the words, where they are about a record of a file: its last name, as an event
 * has not many words, and the line. */
static void add_place(struct hf_judging *j, const struct hf_zone_record *record)
{
	char place[HF_ZONE_FILE_PLACE_MAX], words[HF_SANITY_WHY_MAX];
	if (!hf_zone_file_find(j->file, &j->name, record, place))
		return;
	const char *slash = strrchr(place, '/');
	memcpy(words, j->why, sizeof words);
	size_t len = (size_t)snprintf(j->why, sizeof j->why, "%s: ", slash ? slash + 1 : place);
	snprintf(j->why + len, sizeof j->why - len, "%s", words);
}

static bool is_sane(struct hf_judging *j)
{
	struct hf_zone_record culprit = {.type = 0};
	struct hf_sanity_conf conf = j->sanity;
	conf.ret_culprit = &culprit;
	if (hf_sanity(&conf, j->here, j->zone, j->why))
		return is_catalog(j);
	if (culprit.type && strcmp(j->file, "none") != 0)
		add_place(j, &culprit);
	return false;
}

static void run(struct hf_job *job)
{
	struct hf_judging *j = (struct hf_judging *)job;
	struct hf_judged *r = &j->result;
	r->sane = is_sane(j);
	r->same = r->sane && j->here && same_zone(j->here, j->zone);
	if (r->sane && !r->same && j->here && j->journaled)
		r->journal = hf_journal_add(j->before, j->here, j->zone, &j->journal);
	j->judged = true;
}

/* ---- in the loop's thread ---- */

static void done(struct hf_job *job, hf_us now)
{
	struct hf_judging *j = (struct hf_judging *)job;
	if (j->place)
		*j->place = NULL;
	if (j->place && j->judged)
		j->done(j->ctx, &j->result, now);
	hf_journal_unref(j->result.journal);
	hf_journal_unref(j->before);
	hf_zone_unref(j->here);
	hf_zone_unref(j->zone);
	hf_loan_unref(j->loan);
	free(j);
}

static void fill(struct hf_judging *j, const struct hf_judging_conf *conf)
{
	const struct hf_zone_conf *zone = conf->zone;
	j->name = zone->name;
	j->file = zone->file;
	j->never = zone->never;
	j->sanity = (struct hf_sanity_conf){.max_shrink = zone->max_shrink,
		.serial_may_go_back = zone->serial_may_go_back,
		.never = &j->never,
		.tombstones = conf->tombstones};
	j->journal = (struct hf_journal_limits){zone->journal_versions, zone->journal_size};
	j->journaled = zone->allow_transfer.count;
	j->catalog = zone->catalog;
	j->catalog_limit = zone->catalog_limit;
}

int hf_judging_begin(const struct hf_judging_conf *conf, const struct hf_fetched *fetched,
	struct hf_judging **place, hf_us now)
{
	struct hf_judging *j = calloc(1, sizeof *j);
	if (!j)
		return -ENOMEM;
	j->job = (struct hf_job){.run = run, .done = done};
	j->place = place;
	j->loan = hf_loan_ref(conf->loan);
	j->done = conf->done;
	j->ctx = conf->ctx;
	fill(j, conf);
	j->here = conf->here ? hf_zone_ref(conf->here) : NULL;
	j->zone = hf_zone_ref(fetched->zone);
	j->before = conf->journal ? hf_journal_ref(conf->journal) : NULL;
	snprintf(j->said, sizeof j->said, "%s", fetched->why ? fetched->why : "");
	j->result.fetched = *fetched;
	j->result.fetched.why = j->said;
	j->result.why = j->why;
	*place = j;
	size_t octets = hf_zone_octets(j->zone) + (j->here ? hf_zone_octets(j->here) : 0);
	if (hf_hands_are_open(conf->hands) && octets >= LARGE) {
		hf_hands_give(conf->hands, &j->job);
		return 0;
	}
	run(&j->job);
	done(&j->job, now);
	return 0;
}

void hf_judging_end(struct hf_judging **place)
{
	if (*place)
		(*place)->place = NULL;
	*place = NULL;
}
