/* SPDX-License-Identifier: GPL-3.0-or-later */
/* identity.h - which machine an upstream says that it is.
 *
 * Story: many servers tell what they are called and what they run, if they are asked for
 * TXT of id.server, hostname.bind or version.bind in class CHAOS (RFC 4892). One name
 * behind two addresses in different networks means that both lead to the same machine: the
 * two belong to one operator, or something in the path answers for both. What the version
 * says is no name: half of the world runs the same. A name that changes is anycast or a
 * balancer at work; it is counted and shown, and means nothing by itself.
 * What a server says here is its own word, worth no more than that; nobody is believed, or
 * kept out, for it.
 * Knows:   texts, as they were heard.  Never: who is asked, when.
 * Ownership: a plain value.  Zeroed: nothing was heard.  Threads: pure.
 * At the bound: texts are cut at HF_IDENTITY_TEXT. */
#ifndef HF_TRUTH_IDENTITY_H
#define HF_TRUTH_IDENTITY_H

#include "base/address.h"
#include "base/time.h"
#include "wire/message.h"

#define HF_IDENTITY_TEXT 64 /* octets, with the NUL */

enum hf_identity_ask { /* what is asked for, in this order */
	HF_IDENTITY_ID,      /* id.server */
	HF_IDENTITY_HOST,    /* hostname.bind: only if the first gave nothing */
	HF_IDENTITY_VERSION, /* version.bind */
	HF_IDENTITY_ASKS
};

struct hf_identity {
	char name[HF_IDENTITY_TEXT];    /* of the machine; "": it did not say */
	char version[HF_IDENTITY_TEXT]; /* "": ... */
	uint32_t changes;               /* of the name, from one text to another */
	hf_us heard;                    /* when it last said anything; 0: never */
};

/* The question. */
struct hf_question hf_identity_question(enum hf_identity_ask ask);

/* The first text of a message that hf_message_read has accepted, what cannot be printed as
 * '?'; "" if there is none. Returns buf. */
const char *hf_identity_read(const uint8_t *m, const struct hf_message_view *view,
	char buf[static HF_IDENTITY_TEXT]);

/* It said this; "" changes nothing, for one that is silent may have been out of reach. */
void hf_identity_note(
	struct hf_identity *identity, enum hf_identity_ask ask, const char *text, hf_us now);

/* Do two upstreams give one name, at addresses in different networks (/16, /32 for IPv6)? */
bool hf_identity_as_one(const struct hf_identity *a, const struct hf_address *at_a,
	const struct hf_identity *b, const struct hf_address *at_b);

#endif
