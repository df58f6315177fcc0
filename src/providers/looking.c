/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A look under way: in four rounds, each of which begins when the one before has been
 * heard. Whom to ask, and what for, is known from what was said before. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "providers/axfr.h"
#include "providers/outlook.h"

#define FETCHES 4 /* at once */
#define FETCH_LONGEST (30 * HF_SECOND)

enum what { /* a question is for; a token holds it and two places */
	PARENT_NS,
	PARENT_DS,
	SOA_UDP,
	SOA_TCP,
	ASK_NS,
	ASK_KEYS,
	HOST,
	SAMPLE,
};

enum round { DELEGATION, SERVERS, WHOLE, SAMPLES, OVER };

struct hf_looking {
	struct hf_outlook_conf conf;
	struct hf_outlook *look;
	struct hf_asker *asker;
	struct hf_calls *calls;
	enum round round;
	unsigned pending;
	size_t next_fetch; /* the first server that may not have been asked for its zone */
	struct hf_axfr *fetches[HF_OUTLOOK_SERVERS];
	struct hf_timer step, end;
	hf_us began;
};

static void heard(void *ctx, uint32_t token, const struct hf_asker_said *said, hf_us now);

/* ---- asking ---- */

static void ask(struct hf_looking *l, enum what what, size_t x, size_t y,
	const struct hf_address *to, const struct hf_name *name, uint16_t type, bool stream)
{
	const struct hf_asker_question q = {.to = *to,
		.question = {.name = *name, .type = type, .class = HF_CLASS_IN},
		.stream = stream,
		.dnssec_ok = type == HF_TYPE_DNSKEY || type == HF_TYPE_DS,
		.heard = heard,
		.ctx = l,
		.token = (uint32_t)what << 28 | (uint32_t)x << 14 | (uint32_t)y};
	if (!hf_asker_ask(l->asker, &q))
		l->pending++;
}

static const struct hf_name *zone_of(const struct hf_looking *l)
{
	return &l->look->conf->zone;
}

static bool is_asked(const struct hf_outlook_server *server)
{
	return !server->away && hf_address_set(&server->address);
}

static void ask_soa(struct hf_looking *l, size_t at)
{
	const struct hf_outlook_server *s = &l->look->servers[at];
	if (!is_asked(s) || s->udp != HF_REACH_UNTRIED)
		return;
	ask(l, SOA_UDP, at, 0, &s->address, zone_of(l), HF_TYPE_SOA, false);
	ask(l, SOA_TCP, at, 0, &s->address, zone_of(l), HF_TYPE_SOA, true);
}

/* Over UDP unless nothing comes that way. */
static void ask_server(struct hf_looking *l, enum what what, size_t at, size_t y,
	const struct hf_name *name, uint16_t type)
{
	const struct hf_outlook_server *s = &l->look->servers[at];
	ask(l, what, at, y, &s->address, name, type, s->udp != HF_REACH_ANSWERS);
}

static void ask_delegation(struct hf_looking *l)
{
	for (size_t i = 0; i < l->look->parent_count; i++) {
		const struct hf_address *to = &l->look->parents[i].address;
		ask(l, PARENT_NS, i, 0, to, zone_of(l), HF_TYPE_NS, false);
		ask(l, PARENT_DS, i, 0, to, zone_of(l), HF_TYPE_DS, false);
	}
	for (size_t i = 0; i < l->look->server_count; i++)
		ask_soa(l, i);
}

/* ---- name servers that nobody told of ---- */

static bool same_host(const struct hf_address *a, const struct hf_address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static bool same_name(const struct hf_name *a, const struct hf_name *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* A server whose address alone is known gets its name from the glue. */
static bool is_known(struct hf_outlook *look, const struct hf_outlook_glue *glue)
{
	bool known = false;
	for (size_t i = 0; i < look->server_count; i++) {
		struct hf_outlook_server *s = &look->servers[i];
		bool here = same_host(&s->address, &glue->address);
		if (here && !s->name.len)
			s->name = glue->name;
		known |= here || (same_name(&s->name, &glue->name) && s->provider);
	}
	return known;
}

static void add_strays(struct hf_looking *l)
{
	for (size_t p = 0; p < l->look->parent_count; p++) {
		const struct hf_outlook_parent *parent = &l->look->parents[p];
		for (size_t g = 0; g < parent->glue_count; g++) {
			struct hf_address address = parent->glue[g].address;
			address.port = 53;
			if (!is_known(l->look, &parent->glue[g]) &&
				!hf_outlook_add_server(
					l->look, NULL, &parent->glue[g].name, &address))
				ask_soa(l, l->look->server_count - 1);
		}
	}
}

/* ---- name servers' own addresses ---- */

static void add_host(struct hf_outlook *look, const struct hf_name *name)
{
	const struct hf_name *zone = &look->conf->zone;
	if (!hf_name_within(name->bytes, name->len, zone->bytes, zone->len) ||
		look->host_count == HF_OUTLOOK_SERVERS)
		return;
	for (size_t i = 0; i < look->host_count; i++)
		if (same_name(&look->hosts[i].name, name))
			return;
	look->hosts[look->host_count++].name = *name;
}

static void ask_hosts(struct hf_looking *l)
{
	struct hf_outlook *look = l->look;
	size_t from = 0;
	for (size_t p = 0; p < look->parent_count; p++) {
		const uint8_t *data;
		struct hf_name name;
		size_t at = 0;
		uint16_t len;
		while (hf_set_next(&look->parents[p].ns, &at, &data, &len))
			if (hf_rdata_name(data, len, &name))
				add_host(look, &name);
	}
	while (from < look->server_count && !look->servers[from].authoritative)
		from++;
	for (size_t i = 0; i < look->host_count && from < look->server_count; i++) {
		ask_server(l, HOST, from, i << 1, &look->hosts[i].name, HF_TYPE_A);
		ask_server(l, HOST, from, i << 1 | 1, &look->hosts[i].name, HF_TYPE_AAAA);
	}
}

static void ask_servers(struct hf_looking *l)
{
	add_strays(l);
	for (size_t i = 0; i < l->look->server_count; i++) {
		if (!l->look->servers[i].authoritative)
			continue;
		ask_server(l, ASK_NS, i, 0, zone_of(l), HF_TYPE_NS);
		ask_server(l, ASK_KEYS, i, 0, zone_of(l), HF_TYPE_DNSKEY);
	}
	ask_hosts(l);
}

/* ---- whole zones ---- */

static void fetch_next(struct hf_looking *l);

static void fetched(
	void *ctx, uint32_t token, struct hf_zone *zone, bool refused, const char *why, hf_us now)
{
	struct hf_looking *l = ctx;
	struct hf_outlook_server *s = &l->look->servers[token];
	l->fetches[token] = NULL;
	l->pending--;
	s->copy = zone ? hf_zone_ref(zone) : NULL;
	s->transfer_refused = refused;
	snprintf(s->transfer_why, sizeof s->transfer_why, "%s", why);
	fetch_next(l);
	hf_timer_arm(hf_loop_timers(l->conf.loop), &l->step, now);
}

static bool may_fetch(const struct hf_looking *l, const struct hf_outlook_server *s)
{
	return s->authoritative && s->provider && s->provider->transfer &&
	       s->tcp == HF_REACH_ANSWERS && !l->look->without;
}

static void fetch_next(struct hf_looking *l)
{
	while (l->next_fetch < l->look->server_count && l->pending < FETCHES) {
		size_t at = l->next_fetch++;
		struct hf_outlook_server *s = &l->look->servers[at];
		if (!may_fetch(l, s))
			continue;
		struct hf_axfr_conf conf = {.calls = l->calls,
			.from = s->address,
			.zone = *zone_of(l),
			.longest = FETCH_LONGEST,
			.done = fetched,
			.ctx = l,
			.token = (uint32_t)at};
		if (l->conf.key && strcmp(s->provider->key, "none") != 0)
			conf.key = l->conf.key(l->conf.key_ctx, s->provider->key);
		int rc = hf_axfr(&conf, &l->fetches[at]);
		if (rc)
			snprintf(s->transfer_why, sizeof s->transfer_why, "%s", hf_strerror(rc));
		else
			l->pending++;
	}
}

/* ---- records ---- */

static void ask_samples(struct hf_looking *l)
{
	if (hf_outlook_draw(l->look))
		return;
	for (size_t i = 0; i < l->look->sample_count; i++) {
		const struct hf_outlook_sample *sample = &l->look->samples[i];
		for (size_t s = 0; s < l->look->server_count; s++) {
			const struct hf_outlook_server *server = &l->look->servers[s];
			if (server->authoritative && (l->look->without || !server->copy))
				ask_server(l, SAMPLE, s, i, &sample->owner, sample->type);
		}
	}
}

/* ---- hearing ---- */

static void hear_glue(struct hf_outlook_parent *parent, const uint8_t *m,
	const struct hf_message_view *view, const struct hf_name *name, uint16_t type)
{
	struct hf_set set = {0};
	const uint8_t *data;
	size_t at = 0;
	uint16_t len;
	if (hf_set_of_message(m, view, HF_SET_ADDITIONAL, name, type, &set))
		return;
	while (hf_set_next(&set, &at, &data, &len) && parent->glue_count < HF_OUTLOOK_GLUE) {
		struct hf_outlook_glue *glue = &parent->glue[parent->glue_count];
		glue->name = *name;
		parent->glue_count += hf_rdata_address(type, data, len, &glue->address);
	}
	hf_set_clear(&set);
}

/* A referral has them in its authority section; a server that has both zones answers. */
static void hear_delegation(
	struct hf_looking *l, struct hf_outlook_parent *parent, const struct hf_asker_said *said)
{
	struct hf_name name;
	const uint8_t *data;
	size_t at = 0;
	uint16_t len;
	parent->reach = said->reach;
	if (!said->m)
		return;
	parent->rcode = said->view->rcode;
	hf_set_clear(&parent->ns);
	hf_set_of_message(
		said->m, said->view, HF_SET_AUTHORITY, zone_of(l), HF_TYPE_NS, &parent->ns);
	if (!parent->ns.count) {
		hf_set_clear(&parent->ns);
		hf_set_of_message(
			said->m, said->view, HF_SET_ANSWER, zone_of(l), HF_TYPE_NS, &parent->ns);
	}
	parent->delegates = parent->ns.count > 0;
	while (hf_set_next(&parent->ns, &at, &data, &len)) {
		if (!hf_rdata_name(data, len, &name))
			continue;
		hear_glue(parent, said->m, said->view, &name, HF_TYPE_A);
		hear_glue(parent, said->m, said->view, &name, HF_TYPE_AAAA);
	}
}

static void hear_ds(
	struct hf_looking *l, struct hf_outlook_parent *parent, const struct hf_asker_said *said)
{
	if (!said->m || said->view->rcode != HF_RCODE_NOERROR)
		return;
	hf_set_clear(&parent->ds);
	parent->ds_heard = !hf_set_of_message(
		said->m, said->view, HF_SET_ANSWER, zone_of(l), HF_TYPE_DS, &parent->ds);
}

static bool read_soa(const struct hf_set *set, struct hf_zone_soa *ret)
{
	const uint8_t *data;
	struct hf_name name;
	size_t at = 0;
	uint16_t len;
	if (set->count != 1 || !hf_set_next(set, &at, &data, &len))
		return false;
	for (unsigned i = 0; i < 2; i++) { /* MNAME, RNAME */
		if (!hf_rdata_name(data, len, &name))
			return false;
		data += name.len;
		len = (uint16_t)(len - name.len);
	}
	if (len != 20)
		return false;
	*ret = (struct hf_zone_soa){.serial = hf_get_u32(data),
		.refresh = hf_get_u32(data + 4),
		.retry = hf_get_u32(data + 8),
		.expire = hf_get_u32(data + 12),
		.minimum = hf_get_u32(data + 16),
		.ttl = set->ttl};
	return true;
}

static void hear_soa(struct hf_looking *l, struct hf_outlook_server *s, bool stream,
	const struct hf_asker_said *said)
{
	struct hf_set set = {0};
	*(stream ? &s->tcp : &s->udp) = said->reach;
	if (!said->m)
		return;
	if (!s->took)
		s->took = said->took;
	if (s->authoritative)
		return;
	s->rcode = said->view->rcode;
	if (!hf_set_of_message(said->m, said->view, HF_SET_ANSWER, zone_of(l), HF_TYPE_SOA, &set) &&
		said->view->flags & HF_FLAG_AA)
		s->authoritative = read_soa(&set, &s->soa);
	hf_set_clear(&set);
}

static void hear_set(struct hf_looking *l, const struct hf_asker_said *said, uint16_t type,
	bool *ret_heard, struct hf_set *ret)
{
	if (!said->m || said->view->rcode != HF_RCODE_NOERROR ||
		!(said->view->flags & HF_FLAG_AA) || *ret_heard)
		return;
	*ret_heard = !hf_set_of_message(said->m, said->view, HF_SET_ANSWER, zone_of(l), type, ret);
}

static void hear_host(struct hf_looking *l, struct hf_outlook_host *host, unsigned family,
	const struct hf_asker_said *said)
{
	if (!said->m || said->view->rcode != HF_RCODE_NOERROR ||
		!(said->view->flags & HF_FLAG_AA) || host->heard[family])
		return;
	(void)l;
	host->heard[family] = !hf_set_of_message(said->m, said->view, HF_SET_ANSWER, &host->name,
		family ? HF_TYPE_AAAA : HF_TYPE_A, &host->of[family]);
}

static void hear_sample(struct hf_looking *l, const struct hf_outlook_sample *sample,
	struct hf_outlook_answer *answer, const struct hf_asker_said *said)
{
	bool referral;
	(void)l;
	answer->said = said->m ? HF_SAID_FAILURE : HF_SAID_SILENCE;
	if (!said->m)
		return;
	answer->rcode = said->view->rcode;
	/* Of a delegation the servers tell by referring to it. */
	referral = sample->type == HF_TYPE_NS && said->view->has_referral;
	if ((answer->rcode != HF_RCODE_NOERROR && answer->rcode != HF_RCODE_NXDOMAIN) ||
		(!(said->view->flags & HF_FLAG_AA) && !referral))
		return;
	hf_set_clear(&answer->set);
	if (!hf_set_of_message(said->m, said->view, referral ? HF_SET_AUTHORITY : HF_SET_ANSWER,
		    &sample->owner, sample->type, &answer->set))
		answer->said = HF_SAID_SET;
}

static void heard(void *ctx, uint32_t token, const struct hf_asker_said *said, hf_us now)
{
	struct hf_looking *l = ctx;
	struct hf_outlook *look = l->look;
	size_t x = token >> 14 & 0x3fff, y = token & 0x3fff;
	switch ((enum what)(token >> 28)) {
	case PARENT_NS: hear_delegation(l, &look->parents[x], said); break;
	case PARENT_DS: hear_ds(l, &look->parents[x], said); break;
	case SOA_UDP: hear_soa(l, &look->servers[x], false, said); break;
	case SOA_TCP: hear_soa(l, &look->servers[x], true, said); break;
	case ASK_NS:
		hear_set(l, said, HF_TYPE_NS, &look->servers[x].ns_heard, &look->servers[x].ns);
		break;
	case ASK_KEYS:
		hear_set(l, said, HF_TYPE_DNSKEY, &look->servers[x].keys_heard,
			&look->servers[x].keys);
		break;
	case HOST: hear_host(l, &look->hosts[y >> 1], y & 1, said); break;
	case SAMPLE: hear_sample(l, &look->samples[y], &look->samples[y].answers[x], said); break;
	}
	l->pending--;
	hf_timer_arm(hf_loop_timers(l->conf.loop), &l->step, now);
}

/* ---- from round to round ---- */

static void release(struct hf_looking *l)
{
	for (size_t i = 0; i < HF_OUTLOOK_SERVERS; i++)
		hf_axfr_end(l->fetches[i]);
	hf_timer_disarm(hf_loop_timers(l->conf.loop), &l->step);
	hf_timer_disarm(hf_loop_timers(l->conf.loop), &l->end);
	hf_asker_free(l->asker);
	hf_calls_free(l->calls);
	free(l);
}

static void finish(struct hf_looking *l, hf_us now)
{
	const struct hf_outlook_conf conf = l->conf;
	struct hf_outlook *look = l->look;
	look->took = now - l->began;
	release(l);
	if (hf_outlook_settle(look))
		look->late = true; /* no memory: not all of it was compared */
	conf.done(conf.ctx, look, now);
}

static void step(struct hf_timer *timer, hf_us now)
{
	struct hf_looking *l =
		(struct hf_looking *)((char *)timer - offsetof(struct hf_looking, step));
	while (!l->pending && l->round != OVER) {
		l->round++;
		if (l->round == SERVERS)
			ask_servers(l);
		else if (l->round == WHOLE)
			fetch_next(l);
		else if (l->round == SAMPLES)
			ask_samples(l);
	}
	if (!l->pending)
		finish(l, now);
}

static void over(struct hf_timer *timer, hf_us now)
{
	struct hf_looking *l =
		(struct hf_looking *)((char *)timer - offsetof(struct hf_looking, end));
	l->look->late = true;
	finish(l, now);
}

int hf_looking_begin(
	const struct hf_outlook_conf *conf, struct hf_outlook *look, struct hf_looking **ret)
{
	struct hf_looking *l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	int rc = hf_asker_new(conf->loop, &l->asker);
	if (!rc)
		rc = hf_calls_new(conf->loop, &l->calls);
	if (rc) {
		hf_asker_free(l->asker);
		free(l);
		return rc;
	}
	l->conf = *conf;
	l->look = look;
	l->began = hf_loop_now(conf->loop);
	l->step.fire = step;
	l->end.fire = over;
	ask_delegation(l);
	hf_timer_arm(hf_loop_timers(conf->loop), &l->step, l->began);
	hf_timer_arm(hf_loop_timers(conf->loop), &l->end, l->began + conf->longest);
	*ret = l;
	return 0;
}

void hf_looking_end(struct hf_looking *l)
{
	if (!l)
		return;
	struct hf_outlook *look = l->look;
	release(l);
	hf_outlook_free(look);
}
