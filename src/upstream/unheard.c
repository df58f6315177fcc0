/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/unheard.h"

/* Nearly all answers of all upstreams come within that time, however far away they are. */
#define FREE (200 * HF_MS)

/* From then on: as many at once as open a circuit by default, less one, for at that time the
 * check follows; and one every so often. */
#define BURST 4
#define EACH (250 * HF_MS)

/* Nothing was sent for longer than any question lasts. */
#define ANEW (10 * HF_SECOND)

static bool begins(const struct hf_unheard *u, hf_us now)
{
	return !u->first || now < u->last || now - u->last >= ANEW;
}

static hf_us spent(const struct hf_unheard *u, hf_us now)
{
	hf_us least = now - BURST * EACH;
	return u->spent < least ? least : u->spent;
}

/* The high bits: those below choose counters elsewhere. */
static unsigned bit_of(uint64_t account)
{
	return (unsigned)(account >> 56) % HF_UNHEARD_CLIENTS;
}

static bool is_first(const struct hf_unheard *u, uint64_t account)
{
	unsigned bit = bit_of(account);
	return account && !(u->clients[bit / 64] >> bit % 64 & 1);
}

/* What goes in the first moment leaves nothing for after it, but owes nothing either. */
void hf_unheard_sent(struct hf_unheard *u, uint64_t account, hf_us now)
{
	unsigned bit = bit_of(account);
	if (begins(u, now))
		*u = (struct hf_unheard){.first = now, .spent = now - BURST * EACH};
	hf_us next = spent(u, now) + EACH;
	u->spent = next < now ? next : now;
	u->clients[bit / 64] |= (uint64_t)1 << bit % 64;
	u->last = now;
}

hf_us hf_unheard_when(const struct hf_unheard *u, uint64_t account, hf_us now)
{
	if (begins(u, now) || now - u->first < FREE || is_first(u, account))
		return now;
	hf_us when = spent(u, now) + EACH;
	return when > now ? when : now;
}
