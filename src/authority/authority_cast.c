/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/authority_inside.h"

#include <stdlib.h>
#include <string.h>

#include "authority/copy.h"
#include "base/error.h"

static const struct hf_zone *version_of(void *ctx, const struct hf_zone_conf *catalog)
{
	const struct hf_cast *cast = ctx;
	for (size_t i = 0; i < cast->configured_count; i++)
		if (hf_zone_keeper_conf(cast->configured[i]) == catalog)
			return hf_zone_keeper_entry(cast->configured[i])->zone;
	return NULL;
}

static void passed_over(void *ctx, const struct hf_zone_conf *catalog, const struct hf_name *member,
	const char *why)
{
	struct hf_cast *cast = ctx;
	char name[HF_NAME_TEXT_MAX], text[HF_NAME_TEXT_MAX + 64];
	if (cast->event.slot < UINT16_MAX && cast->event.slot++)
		return;
	hf_event_about(&cast->event, catalog->name.bytes, catalog->name.len);
	snprintf(text, sizeof text, "%.80s %s", hf_name_text(member->bytes, name), why);
	hf_event_why(&cast->event, text);
}

/* Told when it is listed, and once for each configuration. */
static void note_stray(
	struct hf_cast *cast, const struct hf_member *next, const struct hf_member *now)
{
	char name[HF_NAME_TEXT_MAX], text[HF_EVENT_WHY];
	bool told = now && !cast->anew && strcmp(now->group, next->group) == 0;
	if (told || !hf_member_is_stray(next, cast->conf->zones) || cast->stray.a++)
		return;
	hf_event_about(&cast->stray, next->conf.from->name.bytes, next->conf.from->name.len);
	snprintf(text, sizeof text, "%.60s is in group '%.40s'",
		hf_name_text(next->conf.name.bytes, name), next->group);
	hf_event_why(&cast->stray, text);
}

/* A member that is what it was stays; one that is new, or as good as new, begins; else it goes
 * on from what there is under other settings. */
static int cast_member(struct hf_authority *a, struct hf_cast *cast, struct hf_member **member)
{
	struct hf_member *next = *member, *now = hf_members_find(&a->members, &next->conf.name);
	size_t at = hf_authority_find(a, &next->conf.name);
	bool same = now && hf_member_same(now, next);
	note_stray(cast, next, same ? now : NULL);
	if (same && !cast->anew && now->conf.from == next->conf.from &&
		now->conf.group == next->conf.group) {
		memcpy(now->group, next->group, sizeof now->group);
		free(next);
		*member = now;
		now->stays = true;
		return 0;
	}
	if (now && !same && a->copies) /* RFC 9432 5.4: nothing of it is kept */
		hf_copy_drop(a->copies, &next->conf.name);
	cast->event.a += !same;
	if (!cast->event.about_len)
		hf_event_about(
			&cast->event, next->conf.from->name.bytes, next->conf.from->name.len);
	return hf_authority_make_keeper(a, cast->conf, cast->loan, &next->conf, cast->keys,
		cast->siblings,
		now              ? (same ? now->keeper : NULL)
		: at == SIZE_MAX ? NULL
				 : a->keepers[at],
		&next->keeper);
}

static void drop_cast(struct hf_authority *a, struct hf_cast *cast)
{
	for (size_t i = 0; i < cast->members.count; i++) {
		struct hf_member *member = cast->members.items[i];
		if (member->stays || !member->keeper)
			continue;
		hf_authority_leave_line(a, member->keeper);
		hf_zone_keeper_free(member->keeper);
	}
	hf_members_clear(&cast->members);
	for (size_t i = 0; i < a->members.count; i++)
		a->members.items[i]->stays = false;
	free(cast->keepers);
}

int hf_authority_make_cast(struct hf_authority *a, struct hf_cast *cast)
{
	const struct hf_members_view view = {.zones = cast->conf->zones,
		.rules = cast->conf->rules,
		.version = version_of,
		.pass_over = passed_over,
		.ctx = cast};
	int rc = hf_members_wanted(&view, &a->members, &cast->members);
	size_t count = cast->configured_count;
	cast->keepers = rc ? NULL : calloc(count + cast->members.count + 1, sizeof(void *));
	if (!rc && !cast->keepers)
		rc = -ENOMEM;
	for (size_t i = 0; !rc && i < cast->members.count; i++)
		rc = cast_member(a, cast, &cast->members.items[i]);
	if (rc) {
		drop_cast(a, cast);
		return rc;
	}
	for (size_t i = 0; i < count; i++)
		cast->keepers[i] = cast->configured[i];
	for (size_t i = 0; i < cast->members.count; i++)
		cast->keepers[count++] = cast->members.items[i]->keeper;
	qsort(cast->keepers, count, sizeof(void *), hf_authority_compare_keepers);
	cast->count = count;
	return 0;
}

/* Members that went: their keepers end, and their copies when workers have another set. */
static void dismiss(struct hf_authority *a, struct hf_cast *cast)
{
	struct hf_name *left =
		realloc(a->left, (a->left_count + a->members.count + 1) * sizeof *left);
	a->left = left ? left : a->left;
	for (size_t i = 0; i < a->members.count; i++) {
		struct hf_member *member = a->members.items[i];
		if (member->stays)
			continue;
		hf_authority_leave_line(a, member->keeper);
		hf_zone_keeper_free(member->keeper);
		if (hf_members_find(&cast->members, &member->conf.name))
			continue;
		cast->event.b++;
		if (!cast->event.about_len)
			hf_event_about(&cast->event, member->conf.from->name.bytes,
				member->conf.from->name.len);
		if (left)
			a->left[a->left_count++] = member->conf.name;
	}
}

void hf_authority_enter(struct hf_authority *a, struct hf_cast *cast)
{
	hf_members_clear(&a->members);
	for (size_t i = 0; i < cast->members.count; i++)
		cast->members.items[i]->stays = false;
	free(a->keepers);
	a->members = cast->members;
	a->keepers = cast->keepers;
	a->keeper_count = cast->count;
	cast->event.kind = HF_EVENT_CATALOG;
	cast->event.at = hf_loop_now(a->loop);
	cast->event.c = (int32_t)a->members.count;
	if (cast->event.a || cast->event.b || cast->event.slot)
		hf_event_put(&a->events, &cast->event);
	cast->stray.kind = HF_EVENT_CATALOG_GROUP;
	cast->stray.at = cast->event.at;
	if (cast->stray.a)
		hf_event_put(&a->events, &cast->stray);
	a->dirty = true;
}

uint64_t hf_authority_lists(const struct hf_authority *a)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < a->keeper_count; i++) {
		const struct hf_zone *zone = hf_zone_keeper_entry(a->keepers[i])->zone;
		if (zone && hf_zone_keeper_conf(a->keepers[i])->catalog)
			sum = sum * 31 + (uintptr_t)zone + hf_zone_soa(zone)->serial;
	}
	return sum;
}

void hf_authority_follow_catalogs(struct hf_authority *a)
{
	uint64_t lists = hf_authority_lists(a);
	struct hf_cast cast = {
		.conf = &a->conf, .loan = a->loan, .keys = a->keys, .siblings = a->siblings_asked};
	a->listed = false;
	if (lists == a->lists)
		return;
	cast.configured = calloc(a->keeper_count + 1, sizeof(void *));
	for (size_t i = 0; cast.configured && i < a->keeper_count; i++)
		if (!hf_zone_keeper_conf(a->keepers[i])->from)
			cast.configured[cast.configured_count++] = a->keepers[i];
	if (cast.configured && hf_authority_make_cast(a, &cast) == 0) {
		dismiss(a, &cast);
		hf_authority_enter(a, &cast);
		a->lists = lists;
	} else {
		a->listed = true; /* without memory: later */
	}
	free(cast.configured);
}
