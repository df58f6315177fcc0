/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verdict.h - what a reply that parses and matches is good for.
 * Threads: pure. */
#ifndef HF_FORWARD_VERDICT_H
#define HF_FORWARD_VERDICT_H

#include "wire/message.h"

enum hf_verdict {
	HF_VERDICT_ANSWER,    /* positive, NODATA or NXDOMAIN: hand it on */
	HF_VERDICT_TRUNCATED, /* TC: there is more over TCP */
	HF_VERDICT_SERVFAIL,  /* this upstream cannot answer this question */
	HF_VERDICT_REFUSED,   /* REFUSED, NOTAUTH or an rcode that no query deserves */
	HF_VERDICT_NOTIMP,    /* NOTIMP or BADVERS: perhaps without EDNS */
	HF_VERDICT_FORMERR,   /* perhaps without EDNS */
	HF_VERDICT_BADCOOKIE, /* once more, with the cookie that it gives (RFC 7873 5.3) */
	HF_VERDICT_LAME,      /* a referral: it does not resolve for us */
	HF_VERDICT_GARBAGE,   /* contradicts itself */
	HF_VERDICT_DOUBTED,   /* one that cannot be shown to be true; no lie */
	HF_VERDICT_BLOCKED,   /* an answer that no client may have, whoever gives it (truth/rebind) */
	HF_VERDICT_RETIRED,   /* an answer with an address that is retired; no lie (truth/tombstones) */
	HF_VERDICT_LIE,       /* an answer, but not what is expected of the name (truth/) */
};

/* What the message itself shows; whether it is a lie is for others to say. */
enum hf_verdict hf_verdict(const struct hf_message_view *view);

#endif
