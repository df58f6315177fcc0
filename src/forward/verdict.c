/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forward/verdict.h"

static enum hf_verdict verdict_of_content(const struct hf_message_view *view)
{
	if (view->flags & HF_FLAG_TC)
		return HF_VERDICT_TRUNCATED;
	if (view->rcode == HF_RCODE_NOERROR && view->has_referral && !(view->flags & HF_FLAG_AA))
		return HF_VERDICT_LAME;
	return HF_VERDICT_ANSWER;
}

enum hf_verdict hf_verdict(const struct hf_message_view *view)
{
	unsigned opcode = (view->flags & HF_FLAG_OPCODE) >> 11;
	if (!(view->flags & HF_FLAG_QR) || opcode != HF_OPCODE_QUERY)
		return HF_VERDICT_GARBAGE;
	switch (view->rcode) {
	case HF_RCODE_NOERROR:
	case HF_RCODE_NXDOMAIN: return verdict_of_content(view);
	case HF_RCODE_FORMERR: return HF_VERDICT_FORMERR;
	case HF_RCODE_SERVFAIL: return HF_VERDICT_SERVFAIL;
	case HF_RCODE_NOTIMP:
	case HF_RCODE_BADVERS: return HF_VERDICT_NOTIMP;
	case HF_RCODE_BADCOOKIE: return HF_VERDICT_BADCOOKIE;
	default: return HF_VERDICT_REFUSED;
	}
}
