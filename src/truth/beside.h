/* SPDX-License-Identifier: GPL-3.0-or-later */
/* beside.h - what an answer says of other names than the one that was asked about.
 *
 * Story: whoever asks for www may be led to db by an alias, or be handed the address
 * of db along with a record that names it (RFC 9460 4.2), and goes there. What is expected
 * of db must hold by these ways too: each address in the answer and the additional
 * section is held against what is expected of the name that it is given to.
 * Only `addresses` and `never` count here. That others agree, or a certificate, is asked
 * for where the name itself is asked about: which name a server has to show is the
 * one that its clients began with.
 * Knows:   one message, the table of expectations.  Never: who said it, time.
 * Threads: pure.  At the bound: a message has HF_RECORDS_MAX records; an empty table
 * costs one compare. */
#ifndef HF_TRUTH_BESIDE_H
#define HF_TRUTH_BESIDE_H

#include "truth/judge.h"

struct hf_beside {
	bool answer; /* it stands in the answer section: an alias leads there */
	struct hf_evidence evidence;
};

/* Does a message that hf_message_read has accepted give an address that breaks what is
 * expected of whose it is? What the answer section says of the question's own name is for
 * hf_judge. ret is only written when it does. */
bool hf_beside_breaks(const struct hf_expect_table *table, const struct hf_question *question,
	const uint8_t *m, const struct hf_message_view *view, struct hf_beside *ret);

#endif
