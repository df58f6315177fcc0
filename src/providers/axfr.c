/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "providers/axfr.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "zone/transfer.h"

struct hf_axfr {
	struct hf_axfr_conf conf;
	struct hf_call *call;
	struct hf_transfer *transfer;
	struct hf_tsig *tsig;
	struct hf_timer timer;
	int failed; /* at once; told a turn later */
};

static struct hf_loop *loop_of(const struct hf_axfr *a)
{
	return hf_calls_loop(a->conf.calls);
}

void hf_axfr_end(struct hf_axfr *a)
{
	if (!a)
		return;
	hf_timer_disarm(hf_loop_timers(loop_of(a)), &a->timer);
	hf_call_end(a->call);
	hf_transfer_free(a->transfer);
	hf_tsig_free(a->tsig);
	free(a);
}

static void tell(struct hf_axfr *a, struct hf_zone *zone, bool refused, const char *why, hf_us now)
{
	const struct hf_axfr_conf conf = a->conf;
	char text[HF_AXFR_WHY_MAX];
	snprintf(text, sizeof text, "%s", why); /* it may be a's */
	hf_axfr_end(a);
	conf.done(conf.ctx, conf.token, zone, refused, text, now);
	hf_zone_unref(zone);
}

static void late(struct hf_timer *timer, hf_us now)
{
	struct hf_axfr *a = (struct hf_axfr *)((char *)timer - offsetof(struct hf_axfr, timer));
	tell(a, NULL, false, a->failed ? hf_strerror(a->failed) : "it took too long", now);
}

static void whole(struct hf_axfr *a, hf_us now)
{
	struct hf_zone *zone = NULL;
	char why[HF_AXFR_WHY_MAX];
	bool differences;
	if (a->tsig && !hf_tsig_settled(a->tsig)) {
		tell(a, NULL, false, "its last message is not signed", now); /* RFC 8945 5.3.1 */
	} else if (hf_transfer_zone(a->transfer, &zone, &differences)) {
		snprintf(why, sizeof why, "what came is no zone: %s", hf_transfer_why(a->transfer));
		tell(a, NULL, false, why, now);
	} else {
		tell(a, zone, false, "", now);
	}
}

static void message(void *ctx, uint8_t *m, size_t len, hf_us now)
{
	struct hf_axfr *a = ctx;
	if (a->tsig) {
		uint64_t wall = (uint64_t)hf_loop_wall(loop_of(a));
		enum hf_tsig_found found = hf_tsig_check_reply(a->tsig, m, &len, false, wall);
		if (found != HF_TSIG_GOOD) {
			tell(a, NULL, found == HF_TSIG_ABSENT, hf_tsig_found_text(found), now);
			return;
		}
	}
	enum hf_transfer_step step = hf_transfer_message(a->transfer, m, len);
	if (step == HF_TRANSFER_WHOLE)
		whole(a, now);
	else if (step != HF_TRANSFER_MORE)
		tell(a, NULL, step == HF_TRANSFER_REFUSED, hf_transfer_why(a->transfer), now);
}

static void failed(void *ctx, const char *why, hf_us now)
{
	tell(ctx, NULL, false, why, now);
}

static const struct hf_call_handler handler = {message, failed};

static int ask(struct hf_axfr *a)
{
	uint8_t m[HF_TRANSFER_ASK_MAX + HF_TSIG_ROOM];
	uint16_t id;
	int rc = 0;
	hf_loop_random(loop_of(a), &id, sizeof id);
	size_t len = hf_transfer_ask(a->transfer, id, m);
	if (a->conf.key)
		rc = hf_tsig_new(a->conf.key, 1, &a->tsig);
	if (!rc && a->tsig)
		rc = hf_tsig_sign(a->tsig, m, &len, sizeof m, (uint64_t)hf_loop_wall(loop_of(a)));
	return rc ? rc
		  : hf_call_begin(
			    a->conf.calls, &a->conf.from, NULL, m, len, &handler, a, &a->call);
}

int hf_axfr(const struct hf_axfr_conf *conf, struct hf_axfr **ret)
{
	const struct hf_zone_limits limits = {.records = HF_AXFR_RECORDS, .octets = HF_AXFR_OCTETS};
	struct hf_axfr *a = calloc(1, sizeof *a);
	int rc = a ? 0 : -ENOMEM;
	if (rc)
		return rc;
	a->conf = *conf;
	a->timer.fire = late;
	rc = hf_transfer_new(&conf->zone, NULL, &limits, &a->transfer);
	if (rc) {
		hf_axfr_end(a);
		return rc;
	}
	a->failed = ask(a);
	hf_timer_arm(hf_loop_timers(loop_of(a)), &a->timer,
		hf_loop_now(loop_of(a)) + (a->failed ? 0 : conf->longest));
	*ret = a;
	return 0;
}
