/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/play_inside.h"

#include <libknot/descriptor.h>
#include <stdarg.h>

#include "base/check.h"
#include "base/error.h"
#include "sight/decisions.h"

/* How far the world runs before it is looked whether a law was broken. */
#define SLICE HF_SECOND

/* ---- telling ---- */

hf_us hf_play_now(const struct hf_play *p)
{
	return hf_sim_now(p->sim) - HF_SIM_START;
}

const char *hf_play_time_text(hf_us at, char buf[static HF_NUMBER_TEXT_MAX])
{
	long long minutes = at / (60 * HF_SECOND);
	double seconds = (double)(at % (60 * HF_SECOND)) / (double)HF_SECOND;
	if (minutes >= 60)
		snprintf(buf, HF_NUMBER_TEXT_MAX, "%lldh%lldm%.3fs", minutes / 60, minutes % 60, seconds);
	else if (minutes)
		snprintf(buf, HF_NUMBER_TEXT_MAX, "%lldm%.3fs", minutes, seconds);
	else
		snprintf(buf, HF_NUMBER_TEXT_MAX, "%.3fs", seconds);
	return buf;
}

/* What comes after the first broken law is of no interest. */
void hf_play_tell(struct hf_play *p, const char *format, ...)
{
	char *line = p->told[p->told_count % HF_TOLD], at[HF_NUMBER_TEXT_MAX];
	va_list args;
	if (!p->result->good)
		return;
	p->told_count++;
	int n = snprintf(line, HF_TOLD_MAX, "%-14s ", hf_play_time_text(hf_play_now(p), at));
	va_start(args, format);
	vsnprintf(line + n, HF_TOLD_MAX - (size_t)n, format, args);
	va_end(args);
	if (p->trace)
		fprintf(p->trace, "# %s\n", line);
}

void hf_play_fail(struct hf_play *p, enum hf_law law, unsigned line, const char *format, ...)
{
	va_list args;
	struct hf_play_result *result = p->result;
	if (!result->good)
		return;
	va_start(args, format);
	vsnprintf(result->what, sizeof result->what, format, args);
	va_end(args);
	hf_play_tell(p, "this does not hold: %.*s", (int)strcspn(result->what, "\n"), result->what);
	result->good = false;
	result->law = law;
	result->when = hf_play_now(p);
	result->line = line;
}

const char *hf_play_question(const struct hf_question *q, struct hf_question_text *t)
{
	knot_rrtype_to_string(q->type, t->type, sizeof t->type);
	return hf_name_text(q->name.bytes, t->name);
}

/* ---- the stage ---- */

static int make_peers(struct hf_play *p)
{
	struct hf_peer_watch watch = hf_play_peer_watch;
	watch.ctx = p;
	for (unsigned i = 0; i < p->scenario->upstream_count; i++) {
		const struct hf_play_upstream *u = &p->scenario->upstreams[i];
		char host[80];
		snprintf(host, sizeof host, "upstream/%s", u->name);
		int rc = hf_peer_new(p->sim, host, i, &u->conf.address, &watch, &p->peers[i]);
		if (!rc)
			rc = hf_peer_learn(p->peers[i], &u->data, false);
		if (rc)
			return rc;
		hf_peer_negative_ttl(p->peers[i], u->negative_ttl);
		hf_peer_behave(p->peers[i], u->manner, u->manner_number);
		p->weather[i] = u->weather;
		p->budgets[i] = hf_play_budget(&u->conf);
	}
	return 0;
}

static bool slot_name(void *ctx, unsigned slot, char *buf, size_t size)
{
	const struct hf_scenario *s = ctx;
	if (slot < s->upstream_count)
		snprintf(buf, size, "%s", s->upstreams[slot].name);
	return slot < s->upstream_count;
}

static void decided(void *ctx, unsigned instance, const struct hf_decision *d)
{
	struct hf_play *p = ctx;
	const struct hf_slot_names names = { slot_name, (void *)p->scenario };
	char who[24] = "", flight[16] = "", type[32], name[HF_NAME_TEXT_MAX], text[HF_DECISION_TEXT_MAX];
	if (p->scenario->instances > 1)
		snprintf(who, sizeof who, " %u", instance);
	knot_rrtype_to_string(d->type, type, sizeof type);
	if (d->flight)
		snprintf(flight, sizeof flight, " #%u", d->flight);
	hf_play_tell(p, "  holdfast%s, %s %s%s: %s", who, hf_decision_name(d, name), type, flight,
		hf_decision_text(d, &names, text));
}

static int make_houses(struct hf_play *p)
{
	const struct hf_house_watch watch = { hf_play_broken, p->trace ? decided : NULL, p, p->open,
		&p->vouches };
	int rc = 0;
	for (unsigned i = 0; !rc && i < p->scenario->instances; i++)
		rc = hf_house_new(p->sim, p->scenario, i, &watch, &p->houses[i]);
	return rc;
}

static int make_crowd(struct hf_play *p)
{
	struct hf_crowd_watch watch = hf_play_crowd_watch;
	struct hf_stub_watch stub_watch = hf_play_stub_watch;
	watch.ctx = stub_watch.ctx = p;
	int rc = hf_crowd_new(p->sim, &watch, &p->crowd);
	return rc ? rc : hf_stubs_new(hf_crowd_loop(p->crowd), &stub_watch, &p->stubs);
}

static int set_stage(struct hf_play *p)
{
	int rc = make_peers(p);
	if (!rc)
		rc = make_houses(p);
	if (!rc)
		rc = make_crowd(p);
	hf_sim_set_policy(p->sim, hf_play_blow, p);
	if (!rc)
		hf_sim_check(p->sim, hf_play_check, p);
	return rc;
}

static void clear_stage(struct hf_play *p)
{
	hf_sim_check(p->sim, NULL, NULL);
	hf_stubs_free(p->stubs);
	hf_crowd_free(p->crowd);
	for (size_t i = 0; i < HF_PLAY_INSTANCES_MAX; i++)
		hf_house_free(p->houses[i]);
	for (size_t i = 0; i < HF_PLAY_UPSTREAMS_MAX; i++) {
		hf_peer_free(p->peers[i]);
		free(p->lately[i].at);
	}
	hf_sim_free(p->sim);
	while (p->running) {
		struct hf_running *running = p->running;
		p->running = running->next;
		free(running);
	}
	hf_known_free(p->known);
}

/* ---- the whole ---- */

static void run(struct hf_play *p)
{
	hf_us end = HF_SIM_START + hf_play_schedule(p);
	while (p->result->good && hf_sim_now(p->sim) < end) {
		hf_us until = hf_sim_now(p->sim) + SLICE;
		hf_sim_run_until(p->sim, until < end ? until : end);
	}
	if (p->result->good)
		hf_play_check_end(p);
	p->result->lasted = hf_play_now(p);
	p->result->events = hf_sim_counts(p->sim).events;
	p->result->trace = hf_sim_trace(p->sim);
}

static void show_told(const struct hf_play *p, FILE *report)
{
	uint64_t first = p->told_count > HF_TOLD ? p->told_count - HF_TOLD : 0;
	for (uint64_t i = first; i < p->told_count; i++)
		fprintf(report, "#   %s\n", p->told[i % HF_TOLD]);
}

int hf_play(const struct hf_scenario *scenario, uint64_t seed, FILE *trace, FILE *report,
	struct hf_play_result *ret)
{
	struct hf_play *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	*ret = (struct hf_play_result){ .good = true };
	p->scenario = scenario;
	p->result = ret;
	p->trace = trace;
	p->sim = hf_sim_new(seed);
	p->known = hf_known_new();
	for (size_t i = 0; i < scenario->vouches.count; i++)
		hf_require(hf_vouches_set(&p->vouches, &scenario->vouches.all[i]));
	p->unexpected_before = hf_unexpected_total();
	int rc = set_stage(p);
	if (!rc)
		run(p);
	if (!rc && !ret->good && !trace)
		show_told(p, report);
	clear_stage(p);
	free(p);
	return rc;
}
