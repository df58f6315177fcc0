/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is to be asked for, and who differs from whom. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "providers/outlook.h"
#include "truth/serials.h"

#define DRAWN_MAX 64 /* of the reference; the rest of HF_OUTLOOK_SAMPLES is for names given */

bool hf_outlook_is_own(const struct hf_name *zone, const struct hf_name *owner, uint16_t type)
{
	static const uint16_t types[] = {HF_TYPE_SOA, HF_TYPE_SIG, HF_TYPE_RRSIG, HF_TYPE_NSEC,
		HF_TYPE_DNSKEY, HF_TYPE_NSEC3, 51 /* NSEC3PARAM */, 59 /* CDS */, 60 /* CDNSKEY */,
		63 /* ZONEMD */};
	for (size_t i = 0; i < HF_COUNT_OF(types); i++)
		if (types[i] == type)
			return true;
	return type == HF_TYPE_NS && owner->len == zone->len;
}

static struct hf_name owner_of(const struct hf_zone_set *set)
{
	struct hf_name name = {.len = (uint8_t)hf_name_wire_len(set->owner, HF_NAME_MAX)};
	memcpy(name.bytes, set->owner, name.len);
	return name;
}

/* ---- what to ask for ---- */

/* Behind a delegation this zone's servers do not answer; at one only for NS and DS. */
static bool is_answered(const struct hf_zone *zone, const struct hf_name *owner, uint16_t type)
{
	const struct hf_name *origin = hf_zone_origin(zone);
	struct hf_name at = *owner;
	struct hf_zone_set set;
	if (at.len > origin->len && type != HF_TYPE_NS && type != HF_TYPE_DS &&
		hf_zone_find(zone, &at, HF_TYPE_NS, &set))
		return false;
	while (at.len > origin->len) {
		uint8_t n = (uint8_t)(at.bytes[0] + 1);
		memmove(at.bytes, at.bytes + n, at.len -= n);
		if (at.len > origin->len && hf_zone_find(zone, &at, HF_TYPE_NS, &set))
			return false;
	}
	return true;
}

static int add_sample(struct hf_outlook *look, const struct hf_name *owner, uint16_t type,
	const struct hf_zone_set *truth)
{
	for (size_t i = 0; i < look->sample_count; i++)
		if (look->samples[i].type == type && look->samples[i].owner.len == owner->len &&
			memcmp(look->samples[i].owner.bytes, owner->bytes, owner->len) == 0)
			return 0;
	if (look->sample_count == HF_OUTLOOK_SAMPLES)
		return 0;
	struct hf_outlook_sample *sample = &look->samples[look->sample_count];
	if (truth) {
		int rc = hf_set_of_zone(truth, &sample->truth);
		if (rc)
			return rc == -ENOMEM ? rc : 0;
		sample->known = true;
	}
	sample->owner = *owner;
	sample->type = type;
	look->sample_count++;
	return 0;
}

static bool is_drawn(const struct hf_outlook *look, const struct hf_zone_set *set)
{
	struct hf_name owner = owner_of(set);
	return !hf_outlook_is_own(&look->conf->zone, &owner, set->type) &&
	       is_answered(look->reference, &owner, set->type);
}

/* Evenly from one end of the zone to the other. */
static int draw(struct hf_outlook *look)
{
	struct hf_zone_walk walk = hf_zone_walk(look->reference);
	struct hf_zone_set set;
	size_t all = 0, i = 0, drawn = 0;
	int rc = 0;
	while (hf_zone_next(&walk, &set))
		all += is_drawn(look, &set);
	walk = hf_zone_walk(look->reference);
	while (!rc && hf_zone_next(&walk, &set)) {
		if (!is_drawn(look, &set))
			continue;
		if (all <= DRAWN_MAX || i * DRAWN_MAX / all >= drawn) {
			struct hf_name owner = owner_of(&set);
			rc = add_sample(look, &owner, set.type, &set);
			drawn++;
		}
		i++;
	}
	return rc;
}

/* A name that the reference has as an alias is asked for as that. */
static int add_name(struct hf_outlook *look, const struct hf_name *name)
{
	static const uint16_t types[] = {HF_TYPE_CNAME, HF_TYPE_A, HF_TYPE_AAAA};
	struct hf_zone_set set;
	bool found = false;
	int rc = 0;
	for (size_t i = 0; i < HF_COUNT_OF(types) && !rc; i++) {
		if (!look->reference || !hf_zone_find(look->reference, name, types[i], &set))
			continue;
		found = true;
		rc = add_sample(look, name, types[i], &set);
	}
	for (size_t i = 1; i < HF_COUNT_OF(types) && !rc && !found; i++)
		rc = add_sample(look, name, types[i], NULL);
	return rc;
}

/* ---- which is the newest ---- */

static bool counts(const struct hf_outlook_server *server)
{
	return server->authoritative && !(server->provider && server->provider->own_serials);
}

static void find_newest(struct hf_outlook *look)
{
	if (look->has_source) {
		look->newest_known = true;
		look->newest = look->source_serial;
	}
	for (size_t i = 0; i < look->server_count && !look->has_source; i++) {
		const struct hf_outlook_server *server = &look->servers[i];
		if (!counts(server) ||
			(look->newest_known && !hf_serial_older(look->newest, server->soa.serial)))
			continue;
		look->newest_known = true;
		look->newest = server->soa.serial;
	}
}

static bool is_behind(const struct hf_outlook *look, const struct hf_outlook_server *server)
{
	return look->newest_known && counts(server) && server->soa.serial != look->newest;
}

/* ---- who differs ---- */

/* Takes what is in both sets. -ENOMEM: they are gone. */
static int add_drift(struct hf_outlook *look, size_t server, const struct hf_name *owner,
	uint16_t type, struct hf_set *theirs, struct hf_set *ours)
{
	if (look->servers[server].drifted++ >= HF_OUTLOOK_DRIFTS) {
		hf_set_clear(theirs);
		hf_set_clear(ours);
		return 0;
	}
	if (look->drift_count == look->drift_cap) {
		size_t cap = look->drift_cap ? look->drift_cap * 2 : 16;
		struct hf_outlook_drift *grown = realloc(look->drifts, cap * sizeof *grown);
		if (!grown) {
			hf_set_clear(theirs);
			hf_set_clear(ours);
			return -ENOMEM;
		}
		look->drifts = grown;
		look->drift_cap = cap;
	}
	look->drifts[look->drift_count++] = (struct hf_outlook_drift){
		.server = (uint16_t)server,
		.owner = *owner,
		.type = type,
		.theirs = *theirs,
		.ours = *ours,
	};
	return 0;
}

static bool differ(const struct hf_set *theirs, const struct hf_set *ours)
{
	return !hf_set_same(theirs, ours) || (ours->count && theirs->ttl != ours->ttl);
}

/* One set of a zone, which may not be there in the other. */
static int compare_set(struct hf_outlook *look, size_t server, const struct hf_zone_set *in_copy,
	const struct hf_zone_set *in_reference, const struct hf_zone_set *named)
{
	struct hf_set theirs = {.type = named->type}, ours = {.type = named->type};
	struct hf_name owner = owner_of(named);
	int rc = in_copy ? hf_set_of_zone(in_copy, &theirs) : 0;
	if (!rc && in_reference)
		rc = hf_set_of_zone(in_reference, &ours);
	if (!rc && differ(&theirs, &ours))
		return add_drift(look, server, &owner, named->type, &theirs, &ours);
	hf_set_clear(&theirs);
	hf_set_clear(&ours);
	return rc == HF_EMALFORMED ? 0 : rc;
}

static int compare_whole(struct hf_outlook *look, size_t at)
{
	struct hf_outlook_server *server = &look->servers[at];
	struct hf_zone_walk walk = hf_zone_walk(look->reference);
	struct hf_zone_set set, other;
	int rc = 0;
	server->compared = HF_OUTLOOK_WHOLE;
	while (!rc && hf_zone_next(&walk, &set)) {
		struct hf_name owner = owner_of(&set);
		if (hf_outlook_is_own(&look->conf->zone, &owner, set.type))
			continue;
		server->sets++;
		bool there = hf_zone_find(server->copy, &owner, set.type, &other);
		rc = compare_set(look, at, there ? &other : NULL, &set, &set);
	}
	walk = hf_zone_walk(server->copy);
	while (!rc && hf_zone_next(&walk, &set)) {
		struct hf_name owner = owner_of(&set);
		if (!hf_outlook_is_own(&look->conf->zone, &owner, set.type) &&
			!hf_zone_find(look->reference, &owner, set.type, &other))
			rc = compare_set(look, at, &set, NULL, &set);
	}
	return rc;
}

static int compare_samples(struct hf_outlook *look, size_t at)
{
	int rc = 0;
	for (size_t i = 0; i < look->sample_count && !rc; i++) {
		const struct hf_outlook_sample *sample = &look->samples[i];
		const struct hf_outlook_answer *answer = &sample->answers[at];
		struct hf_set theirs, ours;
		if (!sample->known || answer->said != HF_SAID_SET)
			continue;
		look->servers[at].compared = HF_OUTLOOK_SAMPLED;
		look->servers[at].sets++;
		if (!differ(&answer->set, &sample->truth))
			continue;
		rc = hf_set_copy(&answer->set, &theirs);
		if (!rc && (rc = hf_set_copy(&sample->truth, &ours)))
			hf_set_clear(&theirs);
		if (!rc)
			rc = add_drift(look, at, &sample->owner, sample->type, &theirs, &ours);
	}
	return rc;
}

/* Where nobody knows the truth, it is what the first server with the newest version says. */
static int learn_truth(struct hf_outlook *look)
{
	int rc = 0;
	for (size_t i = 0; i < look->sample_count && !rc; i++) {
		struct hf_outlook_sample *sample = &look->samples[i];
		for (size_t s = 0; s < look->server_count && !sample->known && !rc; s++) {
			const struct hf_outlook_answer *answer = &sample->answers[s];
			if (answer->said != HF_SAID_SET || is_behind(look, &look->servers[s]))
				continue;
			rc = hf_set_copy(&answer->set, &sample->truth);
			sample->known = !rc;
		}
	}
	return rc;
}

/* Without a source the reference is the newest copy that could be had. */
static void find_reference(struct hf_outlook *look)
{
	for (size_t i = 0; i < look->server_count && !look->reference; i++) {
		struct hf_outlook_server *server = &look->servers[i];
		if (!server->copy || is_behind(look, server))
			continue;
		look->reference = hf_zone_ref(server->copy);
		look->reference_server = (int)i;
	}
}

int hf_outlook_draw(struct hf_outlook *look)
{
	struct hf_name name;
	int rc = 0;
	find_newest(look);
	find_reference(look);
	for (size_t i = 0; i < look->conf->names.count && !rc; i++) {
		const char *text = look->conf->names.items[i];
		if (!hf_name_from_text(text, strlen(text), &name))
			rc = add_name(look, &name);
	}
	return rc || !look->reference ? rc : draw(look);
}

int hf_outlook_settle(struct hf_outlook *look)
{
	int rc;
	find_newest(look);
	find_reference(look);
	rc = learn_truth(look);
	for (size_t i = 0; i < look->server_count && !rc; i++) {
		struct hf_outlook_server *server = &look->servers[i];
		if (is_behind(look, server))
			server->compared = HF_OUTLOOK_BEHIND;
		else if (server->copy && look->reference && (int)i != look->reference_server)
			rc = compare_whole(look, i);
		else
			rc = compare_samples(look, i);
	}
	return rc;
}
