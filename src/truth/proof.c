/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/proof.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"

#define NOWHERE UINT16_MAX

enum list { FREE, LINE, LOOKING, TELLING, KNOWN, LISTS };

struct entry {
	uint16_t next, before; /* in its list */
	uint16_t chain;        /* of its hash; NOWHERE: the last */
	uint8_t list;
	uint8_t tries; /* that have not held, in a row */
	bool said;     /* that it does not hold */
	bool overdue;  /* TELLING: the look is to be closed first */
	bool forget;   /* TELLING: says nothing of the address */
	uint64_t hash;
	hf_us until; /* LINE, LOOKING: its end; KNOWN: how long it counts */
	struct hf_proof_key key;
	struct hf_proof_seen seen;
};

struct ends {
	uint16_t first, last;
	unsigned count;
};

/* What may still go out, as the instant at which all of the burst may again. */
struct pace {
	hf_us step;  /* between two */
	hf_us burst; /* that is, burst * step */
};

struct hf_proofs {
	struct hf_hash_key key;
	unsigned at_once;
	struct pace all, each;
	hf_us full; /* of all */
	hf_us full_each[HF_PROOFS_PACED];
	uint8_t looking_each[HF_PROOFS_PACED];
	hf_us room; /* when there is room for some of the line */
	struct ends lists[LISTS];
	uint16_t untouched;            /* from here on no entry was ever used */
	uint16_t heads[HF_PROOFS_MAX]; /* by hash */
	struct entry entries[HF_PROOFS_MAX];
};

_Static_assert(HF_PROOFS_MAX < NOWHERE, "a place is 16 bits");
_Static_assert(HF_PROOFS_LINE + 2 * HF_PROOFS_AT_ONCE < HF_PROOFS_MAX, "some are only remembered");

/* ---- where nobody is to be looked for ---- */

static const struct barred {
	const char *why;
	bool own; /* unless it is expected there */
	uint8_t family, bits;
	uint8_t bytes[16];
} barred[] = {
	{"this host itself", true, 4, 8, {127}},
	{"this host itself", true, 6, 128, {[15] = 1}},
	{"an address of the link only", true, 4, 16, {169, 254}},
	{"an address of the link only", true, 6, 10, {0xfe, 0x80}},
	{"no host's address", false, 4, 8, {0}},
	{"no host's address", false, 4, 4, {240}},
	{"an address of many", false, 4, 4, {224}},
	{"an address of many", false, 6, 8, {0xff}},
	{"no host's address", false, 6, 96, {0}},
	{"an IPv4 address as an IPv6 one", false, 6, 96, {[10] = 0xff, 0xff}},
};

static bool expected_there(
	const struct hf_expectation *expectation, const struct hf_address *address)
{
	for (size_t i = 0; i < expectation->addresses.count; i++)
		if (hf_prefix_has(&expectation->addresses.items[i], address))
			return true;
	return false;
}

const char *hf_proof_barred(
	const struct hf_expectation *expectation, const struct hf_address *address)
{
	for (size_t i = 0; i < HF_COUNT_OF(barred); i++) {
		const struct barred *row = &barred[i];
		struct hf_prefix prefix = {{.family = row->family}, row->bits};
		memcpy(prefix.address.bytes, row->bytes, sizeof row->bytes);
		if (!hf_prefix_has(&prefix, address))
			continue;
		return row->own && expected_there(expectation, address) ? NULL : row->why;
	}
	return NULL;
}

/* ---- pace: the generic cell rate algorithm ---- */

static struct pace pace_of(unsigned rate, unsigned burst, unsigned shares)
{
	hf_us step = HF_SECOND * shares / rate;
	unsigned together = burst / shares;
	step = step > HF_SECOND ? HF_SECOND : step;
	return (struct pace){step, step * (together ? together : 1)};
}

/* How long until one may go; 0: now. What lies further ahead than a burst was written
 * before a clock was set back. */
static hf_us pace_wait(const struct pace *pace, hf_us *full, hf_us now)
{
	if (*full > now + pace->burst)
		*full = now;
	hf_us over = *full + pace->step - pace->burst - now;
	return over > 0 ? over : 0;
}

static void pace_take(const struct pace *pace, hf_us *full, hf_us now)
{
	*full = (*full > now ? *full : now) + pace->step;
}

static size_t place_of(const struct hf_proofs *p, const struct hf_address *address)
{
	struct hf_address host = *address;
	host.port = 0;
	return hf_hash(&p->key, 1, &host, sizeof host) % HF_PROOFS_PACED;
}

static void note_looking(struct hf_proofs *p, const struct entry *e, int by)
{
	uint8_t *each = &p->looking_each[place_of(p, &e->key.address)];
	*each = (uint8_t)(*each + by);
}

/* ---- lists ---- */

static void take_out(struct hf_proofs *p, uint16_t at)
{
	struct entry *e = &p->entries[at];
	struct ends *ends = &p->lists[e->list];
	if (e->list == LOOKING)
		note_looking(p, e, -1);
	*(e->before == NOWHERE ? &ends->first : &p->entries[e->before].next) = e->next;
	*(e->next == NOWHERE ? &ends->last : &p->entries[e->next].before) = e->before;
	ends->count--;
}

static void append(struct hf_proofs *p, uint16_t at, enum list list)
{
	struct entry *e = &p->entries[at];
	struct ends *ends = &p->lists[list];
	if (list == LOOKING)
		note_looking(p, e, 1);
	e->list = (uint8_t)list;
	e->next = NOWHERE;
	e->before = ends->last;
	*(ends->last == NOWHERE ? &ends->first : &p->entries[ends->last].next) = at;
	ends->last = at;
	ends->count++;
}

static void move(struct hf_proofs *p, uint16_t at, enum list list)
{
	take_out(p, at);
	append(p, at, list);
}

/* ---- the table ---- */

int hf_proofs_new(const struct hf_hash_key *key, unsigned shares, struct hf_proofs **ret)
{
	struct hf_proofs *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	p->key = *key;
	p->at_once = HF_PROOFS_AT_ONCE / shares ? HF_PROOFS_AT_ONCE / shares : 1;
	p->all = pace_of(HF_PROOFS_RATE, HF_PROOFS_BURST, shares);
	p->each = pace_of(HF_PROOFS_RATE_EACH, HF_PROOFS_BURST_EACH, shares);
	p->room = HF_NEVER;
	/* An instant may be anything: nothing has gone out before the first. */
	p->full = INT64_MIN / 2;
	for (unsigned i = 0; i < HF_PROOFS_PACED; i++)
		p->full_each[i] = INT64_MIN / 2;
	for (unsigned i = 0; i < LISTS; i++)
		p->lists[i] = (struct ends){NOWHERE, NOWHERE, 0};
	for (unsigned i = 0; i < HF_PROOFS_MAX; i++)
		p->heads[i] = NOWHERE;
	*ret = p;
	return 0;
}

void hf_proofs_free(struct hf_proofs *proofs)
{
	free(proofs);
}

static uint64_t hash_of(const struct hf_proofs *p, const struct hf_proof_key *key)
{
	uint64_t seed = 2 * key->trust + key->below;
	uint64_t where = hf_hash(&p->key, seed, &key->address, sizeof key->address);
	return hf_hash(&p->key, where, key->name.bytes, key->name.len);
}

static bool same_key(const struct hf_proof_key *a, const struct hf_proof_key *b)
{
	return a->trust == b->trust && a->below == b->below &&
	       hf_address_equal(&a->address, &b->address) && a->name.len == b->name.len &&
	       memcmp(a->name.bytes, b->name.bytes, a->name.len) == 0;
}

static uint16_t find(const struct hf_proofs *p, const struct hf_proof_key *key, uint64_t hash)
{
	uint16_t at = p->heads[hash % HF_PROOFS_MAX];
	while (at != NOWHERE &&
		(p->entries[at].hash != hash || !same_key(&p->entries[at].key, key)))
		at = p->entries[at].chain;
	return at;
}

static void drop(struct hf_proofs *p, uint16_t at)
{
	struct entry *e = &p->entries[at];
	uint16_t *link = &p->heads[e->hash % HF_PROOFS_MAX];
	while (*link != at)
		link = &p->entries[*link].chain;
	*link = e->chain;
	move(p, at, FREE);
}

/* An entry for the line. Line and looks leave some for what is known, so there is one
 * to take. */
static uint16_t add(struct hf_proofs *p, const struct hf_proof_key *key, uint64_t hash)
{
	if (p->lists[FREE].first == NOWHERE && p->untouched < HF_PROOFS_MAX)
		append(p, p->untouched++, FREE);
	else if (p->lists[FREE].first == NOWHERE)
		drop(p, p->lists[KNOWN].first);
	uint16_t at = p->lists[FREE].last; /* used lately: its memory is at hand */
	struct entry *e = &p->entries[at];
	uint16_t *head = &p->heads[hash % HF_PROOFS_MAX];
	e->key = *key;
	e->hash = hash;
	e->tries = 0;
	e->said = false;
	e->chain = *head;
	*head = at;
	return at;
}

/* ---- asking ---- */

/* An instant further ahead than anything counts is one before a clock was set back. */
static bool counts(const struct entry *e, hf_us now)
{
	return now < e->until && e->until - now <= HF_PROOF_LIFE_MOST;
}

/* The key of all names beside one; false: there are none. */
static bool siblings(const struct hf_proof_key *key, struct hf_proof_key *ret)
{
	const uint8_t *parent = hf_name_parent(key->name.bytes);
	size_t len = key->name.len - (size_t)(parent - key->name.bytes);
	if (len < 2)
		return false;
	*ret = (struct hf_proof_key){.address = key->address, .trust = key->trust, .below = true};
	ret->name.len = (uint8_t)len;
	memcpy(ret->name.bytes, parent, len);
	return true;
}

/* What a certificate has shown that was looked at for another name. */
static const struct hf_proof_seen *by_sibling(
	struct hf_proofs *p, const struct hf_proof_key *key, hf_us now)
{
	struct hf_proof_key all;
	if (!siblings(key, &all))
		return NULL;
	uint16_t at = find(p, &all, hash_of(p, &all));
	if (at == NOWHERE || !counts(&p->entries[at], now))
		return NULL;
	move(p, at, KNOWN);
	return &p->entries[at].seen;
}

enum hf_proof_asked hf_proofs_ask(struct hf_proofs *p, const struct hf_proof_key *key, hf_us now,
	const struct hf_proof_seen **ret_seen, unsigned *ret_place)
{
	uint64_t hash = hash_of(p, key);
	uint16_t at = find(p, key, hash);
	const struct entry *e = at == NOWHERE ? NULL : &p->entries[at];
	if (e && e->list == KNOWN && counts(e, now)) {
		move(p, at, KNOWN); /* the last to go */
		*ret_seen = &e->seen;
		return HF_PROOF_KNOWN;
	}
	if (e && e->list != KNOWN) {
		*ret_place = at;
		return HF_PROOF_JOINED;
	}
	const struct hf_proof_seen *beside = by_sibling(p, key, now);
	if (beside) {
		*ret_seen = beside;
		return HF_PROOF_KNOWN;
	}
	if (p->lists[LINE].count >= HF_PROOFS_LINE)
		return HF_PROOF_TURNED_AWAY;
	if (!e)
		at = add(p, key, hash);
	move(p, at, LINE);
	p->entries[at].until = now + HF_PROOF_LINE_MOST;
	p->room = now;
	*ret_place = at;
	return HF_PROOF_BEGUN;
}

void hf_proofs_abandon(struct hf_proofs *p, unsigned place)
{
	hf_require(place < HF_PROOFS_MAX);
	if (p->entries[place].list == LINE)
		drop(p, (uint16_t)place);
}

/* ---- what came of it ---- */

/* Remembers it for all names beside this one, and tells those of them that are in line. */
static void show_siblings(struct hf_proofs *p, uint16_t at)
{
	struct hf_proof_key all, other;
	if (!siblings(&p->entries[at].key, &all))
		return;
	uint64_t hash = hash_of(p, &all);
	uint16_t known = find(p, &all, hash), next;
	if (known == NOWHERE)
		known = add(p, &all, hash);
	p->entries[known].seen = p->entries[at].seen;
	p->entries[known].until = p->entries[at].until;
	move(p, known, KNOWN);
	for (uint16_t i = p->lists[LINE].first; i != NOWHERE; i = next) {
		struct entry *e = &p->entries[i];
		next = e->next;
		if (!siblings(&e->key, &other) || !same_key(&all, &other))
			continue;
		e->seen = p->entries[at].seen;
		e->forget = true; /* it is known by the others */
		e->overdue = false;
		move(p, i, TELLING);
	}
}

void hf_proofs_shown(
	struct hf_proofs *p, unsigned place, const struct hf_proof_seen *seen, hf_us now)
{
	hf_require(place < HF_PROOFS_MAX);
	struct entry *e = &p->entries[place];
	hf_us life = seen->life;
	if (hf_unexpected(e->list != LOOKING))
		return;
	e->seen = *seen;
	e->forget = e->overdue = false;
	if (seen->proof != HF_PROOF_HOLDS) {
		life = HF_PROOF_AGAIN << e->tries;
		e->tries = (uint8_t)(e->tries + (life < HF_PROOF_AGAIN_MOST));
		life = life < HF_PROOF_AGAIN_MOST ? life : HF_PROOF_AGAIN_MOST;
	} else {
		e->tries = 0;
		life = life < HF_PROOF_LIFE_MOST ? life : HF_PROOF_LIFE_MOST;
	}
	e->until = now + life;
	p->room = now;
	move(p, (uint16_t)place, TELLING);
	if (seen->proof == HF_PROOF_HOLDS && seen->siblings)
		show_siblings(p, (uint16_t)place);
}

static struct hf_proof_action tell(struct hf_proofs *p, uint16_t at)
{
	struct entry *e = &p->entries[at];
	struct hf_proof_action action = {
		.what = HF_PROOF_DO_TELL, .place = at, .key = &e->key, .seen = &e->seen};
	if (e->overdue) {
		e->overdue = false;
		action.what = HF_PROOF_DO_CLOSE;
		return action;
	}
	if (e->forget) {
		drop(p, at);
		return action;
	}
	action.news = e->seen.proof != HF_PROOF_HOLDS && !e->said;
	e->said = e->seen.proof != HF_PROOF_HOLDS;
	move(p, at, KNOWN);
	return action;
}

static const struct hf_proof_seen no_room = {
	HF_PROOF_MISSING, 0, "too many addresses are to be proven at once"};
static const struct hf_proof_seen no_answer = {HF_PROOF_MISSING, 0, "no certificate in time"};

/* The oldest of a list come first, and all of one wait equally long. */
static void end_overdue(struct hf_proofs *p, hf_us now)
{
	uint16_t at;
	while ((at = p->lists[LOOKING].first) != NOWHERE && now >= p->entries[at].until) {
		hf_proofs_shown(p, at, &no_answer, now);
		p->entries[at].overdue = true;
	}
	while ((at = p->lists[LINE].first) != NOWHERE && now >= p->entries[at].until) {
		p->entries[at].seen = no_room;
		p->entries[at].forget = true;
		p->entries[at].overdue = false;
		move(p, at, TELLING);
	}
}

/* ---- the line ---- */

static struct hf_proof_action look(struct hf_proofs *p, uint16_t at, hf_us *each, hf_us now)
{
	struct entry *e = &p->entries[at];
	pace_take(&p->all, &p->full, now);
	pace_take(&p->each, each, now);
	e->until = now + HF_PROOF_LOOK_MOST;
	move(p, at, LOOKING);
	return (struct hf_proof_action){.what = HF_PROOF_DO_LOOK, .place = at, .key = &e->key};
}

/* One address that lets everybody wait leaves half of the connections to others. */
static bool has_enough(const struct hf_proofs *p, size_t place)
{
	return p->at_once > 1 && p->looking_each[place] >= p->at_once / 2;
}

/* The first in line whose address may be looked at; none: when that may be. */
static struct hf_proof_action admit(struct hf_proofs *p, hf_us now)
{
	const struct hf_proof_action nothing = {.what = HF_PROOF_DO_NOTHING};
	hf_us least = pace_wait(&p->all, &p->full, now);
	p->room = HF_NEVER;
	if (p->lists[LOOKING].count >= p->at_once || !p->lists[LINE].count)
		return nothing;
	if (least) {
		p->room = now + least;
		return nothing;
	}
	least = HF_NEVER;
	for (uint16_t at = p->lists[LINE].first; at != NOWHERE; at = p->entries[at].next) {
		size_t place = place_of(p, &p->entries[at].key.address);
		hf_us *each = &p->full_each[place];
		hf_us wait = has_enough(p, place) ? HF_NEVER : pace_wait(&p->each, each, now);
		if (!wait)
			return p->room = now, look(p, at, each, now);
		least = wait < least ? wait : least;
	}
	p->room = least == HF_NEVER ? HF_NEVER : now + least;
	return nothing;
}

struct hf_proof_action hf_proofs_next(struct hf_proofs *p, hf_us now)
{
	end_overdue(p, now);
	if (p->lists[TELLING].first != NOWHERE)
		return tell(p, p->lists[TELLING].first);
	return admit(p, now);
}

hf_us hf_proofs_due(const struct hf_proofs *p)
{
	hf_us due = p->lists[LINE].count ? p->room : HF_NEVER;
	if (p->lists[TELLING].count)
		return INT64_MIN;
	for (unsigned list = LINE; list <= LOOKING; list++) {
		uint16_t first = p->lists[list].first;
		if (first != NOWHERE && p->entries[first].until < due)
			due = p->entries[first].until;
	}
	return due;
}

unsigned hf_proofs_waiting(const struct hf_proofs *p)
{
	return p->lists[LINE].count + p->lists[LOOKING].count + p->lists[TELLING].count;
}

unsigned hf_proofs_looking(const struct hf_proofs *p)
{
	return p->lists[LOOKING].count;
}

unsigned hf_proofs_remembered(const struct hf_proofs *p)
{
	return p->lists[KNOWN].count;
}
