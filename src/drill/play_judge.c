/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/play_inside.h"

#include "base/check.h"
#include "base/error.h"
#include "drill/ruled.h"
#include "forward/query.h"

/* To the client and back, through two workers. */
#define WAY (100 * HF_MS)

/* How long a fact may be under way besides its delay: rounding of seconds, the
 * way to the client and from worker to worker; and
 * over a stream, whose packets are repeated when they are lost, for as long as a
 * query lives: nobody waits for it after that. */
#define ROUNDING (HF_SECOND + 10 * HF_MS)
#define REPETITIONS HF_QUERY_DEADLINE

/* What an upstream's budget is measured in, and its part of a second. */
#define WINDOW (100 * HF_MS)
#define WINDOWS 10

/* ---- the network ---- */

/* Which upstream has this address; -1: none. */
static int upstream_at(const struct hf_play *p, const struct hf_address *a)
{
	unsigned last = a->bytes[3];
	return a->family == 4 && a->bytes[0] == 10 && a->bytes[1] == 53 && a->bytes[2] == 0 && last &&
			last <= p->scenario->upstream_count ? (int)last - 1 : -1;
}

static bool happens(struct hf_play *p, int64_t millionths)
{
	return millionths && (int64_t)hf_sim_roll(p->sim, 1000000) < millionths;
}

/* A long tail: twice as much has two chances in five, again and again; nine in
 * ten thousand packets take more than a hundred times as long as most do. */
static hf_us draw_tail(struct hf_play *p, const struct hf_weather *w)
{
	hf_us extra = w->delay_min > HF_MS ? w->delay_min : HF_MS;
	if (!happens(p, 400000))
		return 0;
	while (extra < w->tail && happens(p, 400000))
		extra *= 2;
	extra += (hf_us)hf_sim_roll(p->sim, (uint64_t)extra + 1);
	return extra < w->tail ? extra : w->tail;
}

static hf_us draw_delay(struct hf_play *p, const struct hf_weather *w)
{
	hf_us spread = w->delay_max - w->delay_min, delay = w->delay_min;
	if (spread)
		delay += (hf_us)hf_sim_roll(p->sim, (uint64_t)spread + 1);
	if (w->tail)
		delay += draw_tail(p, w);
	if (happens(p, w->reorder))
		delay += (hf_us)hf_sim_roll(p->sim, HF_HELD_BACK);
	return delay;
}

/* A bucket of a tenth of a second's questions, filled evenly. */
static bool is_over_cap(struct hf_play *p, unsigned upstream, int64_t cap)
{
	struct hf_bucket *bucket = &p->buckets[upstream];
	hf_us now = hf_sim_now(p->sim), passed = now - bucket->filled;
	int64_t most = (cap / WINDOWS + 1) * 1000000;
	if (passed > HF_SECOND)
		passed = HF_SECOND;
	bucket->tokens += passed * cap; /* a microsecond fills a millionth of the cap */
	if (bucket->tokens > most)
		bucket->tokens = most;
	bucket->filled = now;
	if (bucket->tokens < 1000000)
		return true;
	bucket->tokens -= 1000000;
	return false;
}

/* ---- what upstreams are asked ---- */

int64_t hf_play_budget(const struct hf_upstream_conf *conf)
{
	for (const struct hf_option *row = hf_upstream_options; row->name; row++)
		if (strcmp(row->name, "budget") == 0 && row->type == HF_OPT_COUNT)
			return *(const uint32_t *)(const void *)((const char *)conf + row->at);
	return 0;
}

static void note_instant(struct hf_lately *l, hf_us now)
{
	while (l->count && l->at[l->first] <= now - WINDOW) {
		l->first = (l->first + 1) % l->cap;
		l->count--;
	}
	if (l->count == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		hf_us *at = calloc(cap, sizeof *at);
		hf_require(at);
		for (size_t i = 0; i < l->count; i++)
			at[i] = l->at[(l->first + i) % l->cap];
		free(l->at);
		*l = (struct hf_lately){ at, 0, l->count, cap };
	}
	l->at[(l->first + l->count++) % l->cap] = now;
}

static void check_budget(struct hf_play *p, unsigned upstream)
{
	struct hf_lately *l = &p->lately[upstream];
	uint64_t *busiest = &p->result->tally.busiest[upstream];
	int64_t most = p->budgets[upstream] / WINDOWS;
	note_instant(l, hf_sim_now(p->sim));
	if (*busiest < l->count)
		*busiest = l->count;
	if (!p->budgets[upstream])
		return;
	most = (most ? most : 1) * (int64_t)p->scenario->instances; /* each has its own */
	if ((int64_t)l->count > most)
		hf_play_fail(p, HF_LAW_BUDGET, 0, "upstream %s got %zu questions in 100 ms; its budget allows %lld",
			p->scenario->upstreams[upstream].name, l->count, (long long)most);
}

static void count_in_second(struct hf_play *p, unsigned upstream)
{
	struct hf_second *second = &p->seconds[upstream];
	uint64_t *busiest = &p->result->tally.busiest_second[upstream];
	hf_us number = hf_play_now(p) / HF_SECOND;
	if (second->number != number)
		*second = (struct hf_second){ number, 0 };
	second->count++;
	if (*busiest < second->count)
		*busiest = second->count;
	if (p->result->tally.busiest_back[upstream] < second->count)
		p->result->tally.busiest_back[upstream] = second->count;
}

/* Canaries, probes and their like are nobody's questions. How many there are is bounded
 * by the retry budget, as all copies are: check_copies. */
static bool asks_by_itself(const struct hf_play *p)
{
	const struct hf_truth_conf *truth = &p->scenario->truth;
	return truth->sample || truth->canaries || truth->serials || truth->expectation_count;
}

/* ... and so are those that show whether an upstream answers for a route's zone at all. */
static bool is_about_a_zone(const struct hf_play *p, const struct hf_question *q)
{
	for (size_t i = 0; q->type == HF_TYPE_SOA && i < p->scenario->route_count; i++) {
		const struct hf_route *route = &p->scenario->routes[i];
		if (route->rest_lame && route->zone.len == q->name.len &&
			memcmp(route->zone.bytes, q->name.bytes, q->name.len) == 0)
			return true;
	}
	return false;
}

/* Checks whether an upstream that says nothing is alive: two packets a second for each, if the
 * reply is cut. */
static uint64_t checks_allowed(const struct hf_play *p, const struct hf_question *q)
{
	const struct hf_scenario *s = p->scenario;
	if (q->type != HF_TYPE_NS)
		return 0;
	for (size_t i = 0; i < s->route_count; i++)
		if (s->routes[i].zone.len == q->name.len &&
			hf_name_equal(s->routes[i].zone.bytes, q->name.bytes, q->name.len))
			return 2 * (uint64_t)(hf_play_now(p) / HF_SECOND + 1) * s->upstream_count *
			       s->instances;
	return 0;
}

static void count_sent(struct hf_play *p, unsigned upstream, const struct hf_question *q, const char *how)
{
	struct hf_topic *topic = hf_known_topic(p->known, q);
	struct hf_question_text t;
	topic->sent++;
	hf_play_tell(p, "holdfast asks %s for %s %s%s", p->scenario->upstreams[upstream].name,
		hf_play_question(q, &t), t.type, how);
	if (topic->sent > HF_SENDS_MAX * topic->asked + checks_allowed(p, q) &&
		!asks_by_itself(p) && !is_about_a_zone(p, q))
		hf_play_fail(p, HF_LAW_SENDS, 0, "%s %s: %llu packets to upstreams for %llu questions of clients",
			t.name, t.type, (unsigned long long)topic->sent, (unsigned long long)topic->asked);
	count_in_second(p, upstream);
	check_budget(p, upstream);
}

/* Which questions are one for a server: the flags are part of it. */
#define FLAG_DO 1u
#define FLAG_CD 2u

/* A failure is kept in the cache, where there must be room for it, and counted in
 * whole seconds, less a quarter and one. */
#define ROOM_FOR_FAILURES (1u << 20)

/* An upstream that comes back makes void what failed before: only where none ever
 * goes, a failure must be remembered for its whole time. */
static bool is_calm(struct hf_play *p)
{
	const struct hf_scenario *s = p->scenario;
	static const struct hf_weather fair;
	bool calm = true;
	for (size_t i = 0; i < s->event_count; i++)
		calm &= s->events[i].what != HF_PLAY_MANNER && s->events[i].what != HF_PLAY_WEATHER &&
			s->events[i].what != HF_PLAY_STALL && s->events[i].what != HF_PLAY_VOUCH;
	for (size_t i = 0; i < s->upstream_count; i++)
		calm &= s->upstreams[i].weather.loss == fair.loss && !s->upstreams[i].weather.cap &&
			s->upstreams[i].manner == &hf_manners[0];
	return calm;
}

static bool remembers_failures(struct hf_play *p)
{
	const struct hf_scenario *s = p->scenario;
	if (p->calm == HF_CALM_UNKNOWN)
		p->calm = is_calm(p) ? HF_CALM : HF_TROUBLED;
	/* Who was turned away at a bound of the server has seen no failure. */
	return p->calm == HF_CALM && s->instances == 1 &&
	       s->cache.size / s->workers >= ROOM_FOR_FAILURES && !p->jumped &&
	       !hf_house_count(p->houses[0], HF_COUNT_OVERLOAD);
}

static hf_us least_rest(const struct hf_play *p)
{
	const struct hf_cache_conf *cache = &p->scenario->cache;
	hf_us first = cache->failure < cache->failure_max ? cache->failure : cache->failure_max;
	hf_us s = first / HF_SECOND, least = s - s / 4 - 1;
	return (least > 1 ? least : 1) * HF_SECOND - 2 * WAY;
}

static void check_rest(struct hf_play *p, const struct hf_query_view *view)
{
	unsigned flags = (view->edns.dnssec_ok ? FLAG_DO : 0) | (view->flags & HF_FLAG_CD ? FLAG_CD : 0);
	struct hf_question_text t;
	if (remembers_failures(p) &&
		hf_sim_now(p->sim) < hf_known_need(p->known, &view->question, 0, flags)->failed_until)
		hf_play_fail(p, HF_LAW_RESTED, 0, "%s is asked for again right after it failed",
			hf_play_question(&view->question, &t));
}

static void see_question(struct hf_play *p, unsigned upstream, const struct hf_sim_packet *packet)
{
	struct hf_query_view view;
	p->result->tally.packets[upstream]++;
	if (hf_query_read(packet->bytes, packet->len, &view) == HF_QUERY_GOOD) {
		count_sent(p, upstream, &view.question, "");
		if (view.edns.present) /* without it nothing says whether DO was asked for */
			check_rest(p, &view);
	} else {
		hf_play_fail(p, HF_LAW_QUESTIONS, 0, "a packet to upstream %s that is no question",
			p->scenario->upstreams[upstream].name);
	}
}

void hf_play_blow(void *ctx, struct hf_sim *sim, const struct hf_sim_packet *packet, hf_us now,
	struct hf_sim_path *path)
{
	struct hf_play *p = ctx;
	int to = upstream_at(p, &packet->to), from = upstream_at(p, &packet->from);
	(void)sim;
	(void)now;
	if (to < 0 && from < 0)
		return;
	const struct hf_weather *w = &p->weather[to < 0 ? from : to];
	if (to >= 0 && packet->kind == HF_SIM_DATAGRAM)
		see_question(p, (unsigned)to, packet);
	path->delay = draw_delay(p, w);
	path->drop = happens(p, w->loss);
	if (to >= 0 && w->cap && packet->kind != HF_SIM_RESET && is_over_cap(p, (unsigned)to, w->cap))
		path->drop = true;
	if (packet->kind != HF_SIM_DATAGRAM)
		return;
	if (from >= 0 && w->loses_above && packet->len > (size_t)w->loses_above)
		path->drop = true;
	path->twice = happens(p, w->duplicate);
	path->twin_delay = draw_delay(p, w);
	if (path->drop)
		hf_play_tell(p, "the network loses a packet %s %s", to < 0 ? "from" : "to",
			p->scenario->upstreams[to < 0 ? from : to].name);
}

/* ---- what upstreams say ---- */

static void asked_by_stream(void *ctx, unsigned peer, const struct hf_question *question)
{
	struct hf_play *p = ctx;
	p->result->tally.streams[peer]++;
	count_sent(p, peer, question, " via tcp");
}

static void said(void *ctx, unsigned peer, bool by_stream, const uint8_t *m, size_t len)
{
	struct hf_play *p = ctx;
	const struct hf_weather *w = &p->weather[peer];
	struct hf_query_view view;
	struct hf_name name;
	size_t next;
	hf_us slack = w->delay_max + w->tail + (w->reorder ? HF_HELD_BACK : 0);
	hf_us now = hf_sim_now(p->sim);
	slack = ROUNDING + (by_stream ? REPETITIONS : slack);
	hf_known_say(p->known, m, len, now < p->stalled_until ? p->stalled_until : now, slack);
	if (hf_name_read(m, len, HF_HEADER_LEN, &name, &next))
		return;
	view.question = (struct hf_question){ name, (uint16_t)(m[next] << 8 | m[next + 1]), HF_CLASS_IN };
	hf_name_lower(view.question.name.bytes, name.len);
	hf_known_topic(p->known, &view.question)->last = (int)peer;
	hf_play_tell(p, "%s answers with %u octets", p->scenario->upstreams[peer].name, (unsigned)len);
}

const struct hf_peer_watch hf_play_peer_watch = { asked_by_stream, said, NULL };

/* ---- what clients need ---- */

static unsigned flags_of(const struct hf_play_event *event)
{
	return (event->ask.dnssec_ok && !event->ask.plain ? FLAG_DO : 0) |
	       (event->ask.checking_disabled ? FLAG_CD : 0);
}

void hf_play_note_asked(struct hf_play *p, unsigned instance, const struct hf_play_event *event,
	const struct hf_question *q)
{
	struct hf_need *need = hf_known_need(p->known, q, instance, flags_of(event));
	if (!need->open && hf_sim_now(p->sim) >= need->fresh_until) {
		need->fetching = true;
		p->result->tally.needed++;
	}
	need->open++;
	p->open[instance]++;
}

static bool is_stale(const struct hf_seen *seen)
{
	return seen->view.edns.ede == HF_EDE_STALE || seen->view.edns.ede == HF_EDE_STALE_NXDOMAIN;
}

static bool is_negative(const struct hf_seen *seen)
{
	return seen->view.rcode == HF_RCODE_NXDOMAIN || seen->view.soa_negative != UINT32_MAX;
}

static void note_need_over(struct hf_play *p, const struct hf_asked *asked, const struct hf_seen *seen)
{
	const struct hf_message_view *v = &seen->view;
	struct hf_need *need =
		hf_known_need(p->known, &asked->question, asked->instance, flags_of(asked->event));
	hf_us most = is_negative(seen) ? p->scenario->cache.negative_max : HF_NEVER;
	need->open--;
	bool good = seen->replied && (v->rcode == HF_RCODE_NOERROR || v->rcode == HF_RCODE_NXDOMAIN) &&
		    !(v->flags & HF_FLAG_TC) && v->ttl_min != UINT32_MAX && !is_stale(seen);
	if (seen->replied && v->rcode == HF_RCODE_SERVFAIL && seen->asked_meanwhile)
		need->failed_until = hf_sim_now(p->sim) + least_rest(p);
	else if (good)
		need->failed_until = INT64_MIN;
	/* Without EDNS nothing tells an old answer from a fresh one; and what comes from
	 * the cache says a TTL that is rounded up. */
	if (!good || !need->fetching || !v->edns.present)
		return;
	hf_us lasts = (v->soa_negative < v->ttl_min ? v->soa_negative : v->ttl_min) * HF_SECOND;
	need->fetching = false;
	need->fresh_until = hf_sim_now(p->sim) + (lasts < most ? lasts : most);
}

/* ---- what clients get ---- */

static void check_expects(struct hf_play *p, const struct hf_asked *asked, const struct hf_seen *seen)
{
	const struct hf_play_event *event = asked->event;
	char what[HF_SEEN_TEXT_MAX];
	for (const struct hf_expect *e = event->ask.expects; e; e = e->next)
		if (!e->row->holds(seen, e)) {
			hf_play_fail(p, HF_LAW_EXPECTED, event->line, "%s\n  expected  %s\n  came      %s",
				event->text, e->text, hf_seen_text(seen, what));
			return;
		}
}

static bool expects_nothing(const struct hf_play_event *event)
{
	const struct hf_expect *e = event->ask.expects;
	return e && strcmp(e->row->word, "nothing") == 0;
}

static bool is_failure(const struct hf_seen *seen)
{
	return seen->view.rcode == HF_RCODE_SERVFAIL || seen->view.rcode == HF_RCODE_REFUSED;
}

static void note_reply(struct hf_play *p, const struct hf_seen *seen)
{
	struct hf_tally *t = &p->result->tally;
	t->replies++;
	t->rcodes[seen->view.rcode & 15]++;
	t->answered += !is_failure(seen);
	t->truncated += (seen->view.flags & HF_FLAG_TC) != 0;
	if (t->slowest < seen->took)
		t->slowest = seen->took;
}

/* Who waits is given an old answer when the time for that has come, and who gets
 * one has not waited for longer. */
static hf_us patience(const struct hf_play *p, const struct hf_seen *seen)
{
	hf_us after = p->scenario->cache.stale_after;
	/* A denial may have been learnt, by a question for another type, later on. */
	bool stale = is_stale(seen) && seen->view.rcode != HF_RCODE_NXDOMAIN;
	return (stale && after < HF_QUERY_DEADLINE ? after : HF_QUERY_DEADLINE) + WAY + p->stalled;
}

static void check_always(struct hf_play *p, const struct hf_asked *asked, const struct hf_seen *seen)
{
	const struct hf_play_event *event = asked->event;
	const struct hf_cache_conf *cache = &p->scenario->cache;
	const struct hf_staleness stale = { cache->stale, (uint32_t)(cache->stale_ttl / HF_SECOND) };
	char why[160] = "", took[HF_NUMBER_TEXT_MAX];
	if (seen->took > patience(p, seen))
		hf_play_fail(p, HF_LAW_IN_TIME, event->line, "%s\n  the reply took %s", event->text,
			hf_play_time_text(seen->took, took));
	else if (!hf_known_allows(p->known, seen->m, &seen->view, &asked->question, hf_sim_now(p->sim),
			 &stale, why, sizeof why))
		hf_play_fail(p, HF_LAW_TRUE, event->line, "%s\n  a false answer: %s", event->text, why);
	else if (hf_ruled_out(p->scenario, &asked->question, seen->m, &seen->view, why, sizeof why))
		hf_play_fail(p, HF_LAW_BELIEVED, event->line, "%s\n  which is ruled out: %s",
			event->text, why);
	else if (is_failure(seen) && seen->view.edns.present && seen->view.edns.ede == HF_EDE_NONE)
		hf_play_fail(p, HF_LAW_TOLD, event->line, "%s\n  a failure without a reason", event->text);
}

/* A message that cannot be read is none that says anything. */
static bool see_reply(struct hf_play *p, const struct hf_asked *asked, const uint8_t *m, size_t len,
	struct hf_seen *ret)
{
	const struct hf_topic *topic = hf_known_topic(p->known, &asked->question);
	*ret = (struct hf_seen){ .replied = m, .m = m, .len = len, .type = asked->question.type,
		.took = hf_sim_now(p->sim) - asked->since, .from = topic->last,
		.asked_meanwhile = topic->sent - asked->sent_before };
	if (m)
		p->open[asked->instance]--;
	if (!m && !expects_nothing(asked->event))
		hf_play_fail(p, HF_LAW_ANSWERED, asked->event->line, "%s\n  no reply at all", asked->event->text);
	else if (m && hf_message_read(m, len, &ret->view))
		hf_play_fail(p, HF_LAW_MATCHED, asked->event->line, "%s\n  a malformed reply, at octet %u",
			asked->event->text, (unsigned)ret->view.where);
	return p->result->good;
}

static void over(void *ctx, const struct hf_asked *asked, const uint8_t *m, size_t len)
{
	struct hf_play *p = ctx;
	struct hf_seen seen;
	char what[HF_SEEN_TEXT_MAX];
	struct hf_question_text t;
	if (!see_reply(p, asked, m, len, &seen))
		return;
	hf_play_tell(p, "a client gets for %s %s: %s", hf_play_question(&asked->question, &t), t.type,
		hf_seen_text(&seen, what));
	note_need_over(p, asked, &seen);
	if (m) {
		note_reply(p, &seen);
		check_always(p, asked, &seen);
	}
	check_expects(p, asked, &seen);
	if (asked->lookup)
		hf_stub_heard(asked->lookup, m && !is_failure(&seen));
}

static void wrong(void *ctx, enum hf_law law, const char *what)
{
	hf_play_fail(ctx, law, 0, "a client got %s", what);
}

const struct hf_crowd_watch hf_play_crowd_watch = { over, wrong, NULL };

/* ---- what must always hold ---- */

void hf_play_check(void *ctx, struct hf_sim *sim)
{
	struct hf_play *p = ctx;
	(void)sim;
	if (hf_unexpected_total() != p->unexpected_before)
		hf_play_fail(p, HF_LAW_POSSIBLE, 0, "the server met something that it holds to be impossible");
}

void hf_play_broken(void *ctx, unsigned instance, const char *what)
{
	hf_play_fail(ctx, HF_LAW_BOUNDED, 0, "in instance %u: %s", instance, what);
}

/* ---- in the end ---- */

static void check_leftovers(struct hf_play *p)
{
	size_t waiting = hf_crowd_waiting(p->crowd), pending = 0, flights = 0, attempts = 0;
	uint64_t gauges = 0;
	for (unsigned i = 0; i < p->scenario->instances; i++) {
		pending += hf_house_pending(p->houses[i]);
		flights += hf_house_flights(p->houses[i]);
		attempts += hf_house_attempts(p->houses[i]);
		gauges += hf_house_gauges(p->houses[i]);
	}
	if (waiting || pending || flights || attempts || gauges)
		hf_play_fail(p, HF_LAW_EMPTY, 0, "in the end there are left: %zu clients waiting, "
			"%zu questions pending, %zu flights, %zu attempts; %llu by the gauges", waiting, pending,
			flights, attempts, (unsigned long long)gauges);
}

/* The law of upstream/retry.h over the whole play: a share of the questions that
 * needed an upstream, and the floor; clocks that jump earn no more than they pass. */
static bool within(const struct hf_retry_conf *conf, uint64_t copies, uint64_t asked, hf_us lasted)
{
	return copies <= asked * conf->percent / 100 + conf->floor * (uint64_t)(lasted / HF_SECOND + 2);
}

static void check_copies(struct hf_play *p)
{
	const struct hf_scenario *s = p->scenario;
	hf_us lasted = hf_play_now(p) + p->jumped;
	for (unsigned i = 0; i < s->instances; i++) {
		uint64_t all = 0, asked = hf_house_count(p->houses[i], HF_COUNT_ASKED);
		for (unsigned u = 0; u < s->upstream_count; u++) {
			uint64_t copies = hf_house_copies(p->houses[i], u);
			all += copies;
			if (!within(&s->upstreams[u].conf.retry, copies, asked, lasted))
				hf_play_fail(p, HF_LAW_COPIES, 0, "instance %u sent upstream %s %llu copies of %llu "
					"questions", i, s->upstreams[u].name, (unsigned long long)copies,
					(unsigned long long)asked);
		}
		if (!within(&s->outgoing.retry, all, asked, lasted))
			hf_play_fail(p, HF_LAW_COPIES, 0, "instance %u sent %llu copies of %llu questions", i,
				(unsigned long long)all, (unsigned long long)asked);
	}
}

static void number_text(const struct hf_final *final, int64_t number, char *buf, size_t size)
{
	if (final->row->takes == HF_TAKES_PERCENT)
		snprintf(buf, size, "%lld.%04lld%%", (long long)(number / 10000),
			(long long)(number % 10000));
	else if (final->row->takes == HF_TAKES_RATIO)
		snprintf(buf, size, "%lld.%03lld", (long long)(number / 1000), (long long)(number % 1000));
	else if (final->row->takes == HF_TAKES_DURATION)
		hf_play_time_text(number, buf);
	else
		snprintf(buf, size, "%lld", (long long)number);
}

static void sum_up(struct hf_play *p)
{
	struct hf_tally *t = &p->result->tally;
	for (unsigned i = 0; i < p->scenario->instances; i++) {
		const struct hf_house *house = p->houses[i];
		t->cached += hf_house_count(house, HF_COUNT_CACHE_HITS) +
			     hf_house_count(house, HF_COUNT_CACHE_CUT_HITS);
		/* What is fetched before its end is needed, if not yet. */
		t->needed += hf_house_count(house, HF_COUNT_PREFETCHED);
		t->joined += hf_house_count(house, HF_COUNT_JOINED);
		t->strays += hf_house_count(house, HF_COUNT_STRAY);
	}
}

static void check_finals(struct hf_play *p)
{
	char is[HF_NUMBER_TEXT_MAX];
	sum_up(p);
	for (const struct hf_final *f = p->scenario->finals; f; f = f->next) {
		int64_t value = f->row->value(&p->result->tally, f->upstream);
		if (hf_compare(value, f->compare, f->number))
			continue;
		number_text(f, value, is, sizeof is);
		hf_play_fail(p, HF_LAW_FINALLY, f->line, "in the end\n  expected  %s\n  came      %s", f->text, is);
	}
}

void hf_play_check_end(struct hf_play *p)
{
	check_leftovers(p);
	check_copies(p);
	if (p->result->good)
		check_finals(p);
}
