/* SPDX-License-Identifier: GPL-3.0-or-later */
/* event.h - what happened, for logs today and incidents tomorrow.
 *
 * Story: parts below engine/ never write a log line: the worker drops a
 * fixed-size event into its own ring, and one reader (the main thread) takes
 * them out and puts them into words.
 * Threads: one writer, one reader, no lock. The writer publishes `head` with
 * release after filling the cell; the reader publishes `tail` with release
 * after copying it out: neither touches a cell that the other may.
 * At the bound: a full ring drops the new event and counts it. */
#ifndef HF_METER_EVENT_H
#define HF_METER_EVENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/address.h"
#include "base/time.h"

enum hf_event_kind {
	HF_EVENT_UPSTREAM_STATE, /* slot; a: state before, b: state now (enum
				    hf_health_state), c: why (enum hf_outcome) */
	HF_EVENT_SOCKETS_SHORT,  /* a: error; no socket for an upstream query could be had */
	HF_EVENT_PATH_STATE,     /* as UPSTREAM_STATE, for one route: about is its zone */
	HF_EVENT_CAP_FOUND,      /* a: replies/s at which it is flat, b: packets/s held to */
	HF_EVENT_CAP_MOVED,
	HF_EVENT_CAP_LIFTED,
	HF_EVENT_SIZE_LIMIT,     /* a: octets over UDP that get through */
	HF_EVENT_NO_EDNS,        /* it answers only without EDNS */
	HF_EVENT_PERSIST_FAILED, /* a: error; b: enum hf_persist_step that failed */
	HF_EVENT_PERSIST_WORKS,  /* writing the cache down works (again) */
	HF_EVENT_LIE,            /* a: what was wrong (enum hf_lie), about the name; address */
	HF_EVENT_UNTRUSTED,      /* slot; why its TLS is not believed */
	HF_EVENT_QUARANTINED,    /* a: what was wrong (enum hf_lie), b: 1 for all names, about the
				    suffix; address, why: what it gave */
	HF_EVENT_RELEASED,       /* a: why (enum hf_released), b: 1 for all names, c: seconds that it
				    lasted, about the suffix */
	HF_EVENT_ZONE_BEHIND,    /* a: its serial, b: the newest, about the zone */
	HF_EVENT_ZONE_CAUGHT_UP, /* c: seconds that it was behind, about the zone */
	HF_EVENT_SERIAL_DOUBTED, /* a: the serial, b: that of the others, about the zone */
	HF_EVENT_ALL_ANSWER,     /* all upstreams of a route answer for about, which cannot exist;
				    address */
	HF_EVENT_CONTRADICTION,  /* a: the slot that was believed, about the name; address */
	HF_EVENT_ABSURD_TTL,     /* a: seconds, about the name */
	HF_EVENT_PROOF,          /* an address did not prove to be the name's: a: enum hf_proof,
				    about, address, why */
	HF_EVENT_TRUST_STORE,    /* a: error; b: 0 if what was read before goes on to count; why:
				    the file, or "system" */
	HF_EVENT_INTERCEPTED,    /* a: 1: address, where no resolver runs, has answered for about;
				    why: what. 0: it does not any more */
	HF_EVENT_AS_ONE,         /* two upstreams give one name: a: the slot of the other, why: it */
	HF_EVENT_TWIN_BEHIND,    /* address: a sibling, family 0: ourselves; a: its serial, b: the
				    newest, about the zone */
	HF_EVENT_TWIN_CAUGHT_UP, /* address as above, c: seconds that it was behind, or differed */
	HF_EVENT_TWIN_DIFFERS,   /* address as above (ourselves: from all who agree), a: the serial */
	HF_EVENT_VIP_OLD,        /* address: the VIP; a: what it gives, b: the newest, why: who shows
				    that serial */
	HF_EVENT_VIP_GOOD,       /* ... not any more */
	HF_EVENT_PANIC,          /* a: 1: it begins, 0: it ends; b: our serial, about the zone */
	HF_EVENT_ZONE_LOADED,    /* a: serial, b: records; about the zone; why: whence */
	HF_EVENT_ZONE_REFUSED,   /* a: serial, b: 1: there is no other; about the zone; why */
	HF_EVENT_ZONE_FETCH_FAILED, /* about the zone; why */
	HF_EVENT_ZONE_STATE,     /* slot: standing before, a: state (enum hf_gate_state), b: standing
				    (enum hf_zone_standing), c: serial; about the zone; why */
	HF_EVENT_ZONE_COPY,      /* a copy on the disk could not be written or read; about the zone;
				    why */
	HF_EVENT_PATH_LAME,      /* a: 1: slot answers for no name of the zone, and rests for c
				    seconds; 0: it does again; about the zone */
	HF_EVENT_COOKIES_ODD,    /* a: 0: it copies cookies as they are; 1: its replies have others' */
	HF_EVENT_ZONE_PUT_OFF,   /* a version is not received now, for others have the memory; about
				    the zone; why */
	HF_EVENT_ZONE_UNTOLD,    /* a: serial; address: a secondary that could not be told of it; about
				    the zone; why */
	HF_EVENT_ZONE_TOLD,      /* ... that has it after all */
	HF_EVENT_UPDATE_FAILED,  /* a: our serial, b: versions that it is behind; address: a provider
				    that could not be given it by updates; about the zone; why */
	HF_EVENT_UPDATE_DONE,    /* ... that has it after all; b: versions that it was behind */
	HF_EVENT_UPDATE_DRIFT,   /* ... whose zone somebody else had changed; b: records that were
				    put right; why: the first */
	HF_EVENT_TOMBSTONE,      /* slot gave an address that is retired; about the name; address */
	HF_EVENT_LOCAL, /* slot: enum hf_local_layer (zone/local.h), a: enum hf_local_news, b: records
			   that are served; why: file, line and cause */
	HF_EVENT_CATALOG, /* about a catalog; a: members that came, b: that went, c: there are; why: the
			     first that was passed over; slot: how many were */
	HF_EVENT_CATALOG_GROUP, /* about a catalog; a: members in groups that the configuration does
				   not know, though it knows others; why: the first of them */
	HF_EVENT_CROWDED, /* slot was not asked for want of a connection; a: 1: others are left, which
			     are not for it or the route; b: that are in use; about the zone */
	HF_EVENT_KINDS
};

enum hf_local_news { /* of local data and hosts files */
	HF_LOCAL_LOADED,
	HF_LOCAL_REFUSED, /* a version has a fault: the one before stays */
	HF_LOCAL_PARTLY,  /* ... and there is none before: what is good of it is served */
	HF_LOCAL_REMARK,  /* a line was left out, and that is no fault */
};

enum hf_persist_step { /* what was being done with the files of the cache */
	HF_PERSIST_OPEN,     /* the directory */
	HF_PERSIST_LOCK,     /* somebody else writes there */
	HF_PERSIST_JOURNAL,
	HF_PERSIST_SNAPSHOT,
	HF_PERSIST_STEPS
};

enum hf_released { /* why a quarantine ended */
	HF_RELEASED_TRUTHFUL, /* so many true answers in a row */
	HF_RELEASED_RELOAD,   /* what was broken is not expected any more */
};

#define HF_EVENT_ABOUT 64
#define HF_EVENT_WHY 128

struct hf_event {
	hf_us at;
	uint16_t kind;
	uint16_t slot;
	int32_t a, b, c;
	struct hf_address address; /* that it is about; family 0: none */
	uint8_t about_len;
	uint8_t about[HF_EVENT_ABOUT]; /* a name in wire form, if it fits */
	char why[HF_EVENT_WHY];        /* in words, cut to fit; "" */
};

static inline void hf_event_about(struct hf_event *event, const uint8_t *name, size_t len)
{
	event->about_len = len <= HF_EVENT_ABOUT ? (uint8_t)len : 0;
	memcpy(event->about, name, event->about_len);
}

static inline void hf_event_why(struct hf_event *event, const char *why)
{
	size_t len = strlen(why);
	len = len < HF_EVENT_WHY ? len : HF_EVENT_WHY - 1;
	memcpy(event->why, why, len);
	event->why[len] = 0;
}

#define HF_EVENT_RING 1024 /* a power of two */

struct hf_event_ring {
	_Atomic uint32_t head, tail;
	_Atomic uint64_t dropped;
	struct hf_event cells[HF_EVENT_RING];
};

static inline bool hf_event_put(struct hf_event_ring *ring, const struct hf_event *event)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	if (head - atomic_load_explicit(&ring->tail, memory_order_acquire) == HF_EVENT_RING) {
		atomic_fetch_add_explicit(&ring->dropped, 1, memory_order_relaxed);
		return false;
	}
	ring->cells[head % HF_EVENT_RING] = *event;
	atomic_store_explicit(&ring->head, head + 1, memory_order_release);
	return true;
}

static inline bool hf_event_take(struct hf_event_ring *ring, struct hf_event *ret)
{
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	if (tail == atomic_load_explicit(&ring->head, memory_order_acquire))
		return false;
	*ret = ring->cells[tail % HF_EVENT_RING];
	atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
	return true;
}

#endif
