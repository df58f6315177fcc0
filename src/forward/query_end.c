/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forward/query_inside.h"

void hf_step_blame(struct hf_query *q, enum hf_query_cause cause, unsigned upstream, int32_t ede)
{
	if (q->cause >= HF_CAUSE_DOUBTED && cause < q->cause)
		return;
	q->cause = cause;
	q->cause_upstream = (uint8_t)upstream;
	q->cause_ede = ede;
}

void hf_step_close(struct hf_step *s, struct hf_attempt *a)
{
	if (!a->queued)
		hf_step_state(s, a->upstream)->in_flight--;
	a->open = a->queued = false;
}

void hf_step_end(struct hf_step *s)
{
	for (unsigned i = 0; i < s->q->sends; i++)
		if (s->q->attempts[i].open)
			hf_step_close(s, &s->q->attempts[i]);
	s->q->done = true;
}

static int32_t ede_of(const struct hf_query *q)
{
	if (q->cause_ede != HF_EDE_NONE)
		return q->cause_ede;
	switch (q->cause) {
	case HF_CAUSE_UNREACHABLE: return HF_EDE_NETWORK_ERROR;
	case HF_CAUSE_UNSENT:
	case HF_CAUSE_CROWDED:
	case HF_CAUSE_BUDGET:
	case HF_CAUSE_SERVFAIL: return HF_EDE_OTHER;
	/* "Forged Answer" is said of one's own, "Blocked" and its like of the operator's
	 * wish, "Bogus" of signatures (RFC 8914 4.5, 4.16, 4.7): the text has to tell. */
	case HF_CAUSE_DOUBTED:
	case HF_CAUSE_LIE:
	case HF_CAUSE_QUARANTINED: return HF_EDE_OTHER;
	case HF_CAUSE_BLOCKED: return HF_EDE_BLOCKED;
	case HF_CAUSE_RETIRED: return HF_EDE_FILTERED;
	case HF_CAUSE_GARBAGE: return HF_EDE_INVALID_DATA;
	default: return HF_EDE_NO_REACHABLE_AUTHORITY;
	}
}

void hf_step_settle(struct hf_step *s, enum hf_trial_left left)
{
	hf_step_act(s, HF_ACT_SETTLE)->left = left;
}

void hf_step_give_up(struct hf_step *s)
{
	if (s->q->held) {
		hf_step_settle(s, s->env->now >= s->q->deadline ? HF_LEFT_NO_TIME : HF_LEFT_NONE);
		return;
	}
	struct hf_action *fail = hf_step_act(s, HF_ACT_FAIL);
	hf_step_note(s, HF_DECIDED_FAIL, s->q->cause,
		s->q->cause == HF_CAUSE_NONE ? HF_STEP_NOBODY : s->q->cause_upstream, s->q->sends,
		0);
	fail->cause = s->q->cause;
	fail->upstream = s->q->cause_upstream;
	fail->ede = ede_of(s->q);
	hf_step_end(s);
}

void hf_step_lose_patience(struct hf_step *s)
{
	if (s->q->patience != HF_NEVER)
		hf_step_act(s, HF_ACT_LATE);
	s->q->patience = HF_NEVER;
}

const char *hf_query_cause_text(enum hf_query_cause cause)
{
	static const char *const texts[HF_CAUSES] = {
		[HF_CAUSE_NONE] = "no upstream to ask",
		[HF_CAUSE_TIMEOUT] = "no answer in time",
		[HF_CAUSE_UNREACHABLE] = "not reachable",
		[HF_CAUSE_UNSENT] = "could not be asked for want of sockets or memory",
		[HF_CAUSE_SERVFAIL] = "answered SERVFAIL",
		[HF_CAUSE_REFUSED] = "refused to answer",
		[HF_CAUSE_LAME] = "answered with a referral",
		[HF_CAUSE_GARBAGE] = "answered garbage",
		[HF_CAUSE_RESTING] = "does not answer, and is only probed now and then",
		[HF_CAUSE_BUDGET] = "over its packet budget",
		[HF_CAUSE_DOUBTED] = "gave what nothing shows to be true",
		[HF_CAUSE_RETIRED] = "gave an address that is retired",
		[HF_CAUSE_LIE] = "gave what is not expected of the name",
		[HF_CAUSE_BLOCKED] = "gave what no client may have",
		[HF_CAUSE_QUARANTINED] = "keeps lying",
		[HF_CAUSE_UNTRUSTED] = "is not believed",
		[HF_CAUSE_NO_NAME] =
			"answers for no name of the zone, and is asked only now and then",
		[HF_CAUSE_CROWDED] = "has all connections that it, or the zone, may have",
	};
	return cause < HF_CAUSES ? texts[cause] : "?";
}
