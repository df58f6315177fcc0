/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/play.h"

#include <libknot/descriptor.h>
#include <stdarg.h>

#include "base/check.h"
#include "base/error.h"
#include "drill/crowd.h"
#include "drill/house.h"
#include "drill/known.h"
#include "forward/query.h"

/* Events that a failure shows, and the octets of one. */
#define TOLD 32
#define TOLD_MAX 160

/* After the last question: the longest that anything may take. */
#define AFTERWARDS (10 * HF_SECOND)

/* A reply may take as long as a query lives, and the way to the client. */
#define REPLY_MOST (HF_QUERY_DEADLINE + 100 * HF_MS)

/* How long a fact may be under way besides its delay: rounding of seconds; and
 * over a stream that loses packets, its repetitions (0.2 + 0.4 + ... s). */
#define ROUNDING HF_SECOND
#define REPETITIONS (10 * HF_SECOND)

/* A packet that others overtake is held back by up to this. */
#define HELD_BACK (100 * HF_MS)

struct play;

struct running { /* an event that comes again, or a load under way */
	struct running *next;
	struct play *play;
	const struct hf_play_event *event;
	hf_us end;
};

struct play {
	const struct hf_scenario *scenario;
	struct hf_sim *sim;
	struct hf_house *house;
	struct hf_crowd *crowd;
	struct hf_peer *peers[HF_PLAY_UPSTREAMS_MAX];
	struct hf_weather weather[HF_PLAY_UPSTREAMS_MAX];
	struct hf_known *known;
	struct running *running;
	hf_us stalled;       /* in all: how much longer replies may take */
	hf_us stalled_until; /* what is said before then waits for the server */
	uint64_t unexpected_before;
	char told[TOLD][TOLD_MAX];
	uint64_t told_count;
	FILE *trace;
	struct hf_play_result *result;
};

/* ---- telling ---- */

static hf_us play_time(const struct play *p)
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

__attribute__((format(printf, 2, 3))) static void tell(struct play *p, const char *format, ...)
{
	char *line = p->told[p->told_count++ % TOLD], at[HF_NUMBER_TEXT_MAX];
	va_list args;
	int n = snprintf(line, TOLD_MAX, "%-14s ", hf_play_time_text(play_time(p), at));
	va_start(args, format);
	vsnprintf(line + n, TOLD_MAX - (size_t)n, format, args);
	va_end(args);
	if (p->trace)
		fprintf(p->trace, "# %s\n", line);
}

__attribute__((format(printf, 3, 4))) static void fail(struct play *p, unsigned line,
	const char *format, ...)
{
	va_list args;
	if (!p->result->good)
		return;
	p->result->good = false;
	p->result->when = play_time(p);
	p->result->line = line;
	va_start(args, format);
	vsnprintf(p->result->what, sizeof p->result->what, format, args);
	va_end(args);
	tell(p, "this does not hold: %.*s", (int)strcspn(p->result->what, "\n"), p->result->what);
}

struct question_text {
	char name[HF_NAME_TEXT_MAX], type[32];
};

static const char *name_text(const struct hf_question *q, struct question_text *t)
{
	knot_rrtype_to_string(q->type, t->type, sizeof t->type);
	return hf_name_text(q->name.bytes, t->name);
}

/* ---- the network ---- */

/* Which upstream has this address; -1: none. */
static int upstream_at(const struct play *p, const struct hf_address *a)
{
	unsigned last = a->bytes[3];
	return a->family == 4 && a->bytes[0] == 10 && a->bytes[1] == 53 && a->bytes[2] == 0 && last &&
			last <= p->scenario->upstream_count ? (int)last - 1 : -1;
}

static bool happens(struct play *p, int64_t millionths)
{
	return millionths && (int64_t)hf_sim_roll(p->sim, 1000000) < millionths;
}

static hf_us draw_delay(struct play *p, const struct hf_weather *w)
{
	hf_us spread = w->delay_max - w->delay_min, delay = w->delay_min;
	if (spread)
		delay += (hf_us)hf_sim_roll(p->sim, (uint64_t)spread + 1);
	if (happens(p, w->reorder))
		delay += (hf_us)hf_sim_roll(p->sim, HELD_BACK);
	return delay;
}

static void count_sent(struct play *p, unsigned upstream, const struct hf_question *q, const char *how)
{
	struct hf_topic *topic = hf_known_topic(p->known, q);
	struct question_text t;
	topic->sent++;
	tell(p, "holdfast asks %s for %s %s%s", p->scenario->upstreams[upstream].name, name_text(q, &t),
		t.type, how);
	if (topic->sent > HF_SENDS_MAX * topic->asked)
		fail(p, 0, "%s %s: %llu packets to upstreams for %llu questions of clients", t.name, t.type,
			(unsigned long long)topic->sent, (unsigned long long)topic->asked);
}

static void see_question(struct play *p, unsigned upstream, const struct hf_sim_packet *packet)
{
	struct hf_query_view view;
	p->result->tally.packets[upstream]++;
	if (hf_query_read(packet->bytes, packet->len, &view) == HF_QUERY_GOOD)
		count_sent(p, upstream, &view.question, "");
	else
		fail(p, 0, "a packet to upstream %s that is no question",
			p->scenario->upstreams[upstream].name);
}

static void blow(void *ctx, struct hf_sim *sim, const struct hf_sim_packet *packet, hf_us now,
	struct hf_sim_path *path)
{
	struct play *p = ctx;
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
	if (packet->kind != HF_SIM_DATAGRAM)
		return;
	if (from >= 0 && w->loses_above && packet->len > (size_t)w->loses_above)
		path->drop = true;
	path->twice = happens(p, w->duplicate);
	path->twin_delay = draw_delay(p, w);
	if (path->drop)
		tell(p, "the network loses a packet %s %s", to < 0 ? "from" : "to",
			p->scenario->upstreams[to < 0 ? from : to].name);
}

/* ---- upstreams ---- */

static void asked_by_stream(void *ctx, unsigned peer, const struct hf_question *question)
{
	struct play *p = ctx;
	p->result->tally.streams[peer]++;
	count_sent(p, peer, question, " via tcp");
}

static void said(void *ctx, unsigned peer, const uint8_t *m, size_t len)
{
	struct play *p = ctx;
	const struct hf_weather *w = &p->weather[peer];
	struct hf_query_view view;
	struct hf_name name;
	size_t next;
	hf_us slack = ROUNDING + w->delay_max + (w->reorder ? HELD_BACK : 0) + (w->loss ? REPETITIONS : 0);
	hf_us now = hf_sim_now(p->sim);
	hf_known_say(p->known, m, len, now < p->stalled_until ? p->stalled_until : now, slack);
	if (hf_name_read(m, len, HF_HEADER_LEN, &name, &next))
		return;
	view.question = (struct hf_question){ name, (uint16_t)(m[next] << 8 | m[next + 1]), HF_CLASS_IN };
	hf_name_lower(view.question.name.bytes, name.len);
	hf_known_topic(p->known, &view.question)->last = (int)peer;
	tell(p, "%s answers with %u octets", p->scenario->upstreams[peer].name, (unsigned)len);
}

/* ---- clients ---- */

static void check_expects(struct play *p, const struct hf_asked *asked, const struct hf_seen *seen)
{
	const struct hf_play_event *event = asked->event;
	char what[HF_SEEN_TEXT_MAX];
	for (const struct hf_expect *e = event->ask.expects; e; e = e->next)
		if (!e->row->holds(seen, e)) {
			fail(p, event->line, "%s\n  expected  %s\n  came      %s", event->text, e->text,
				hf_seen_text(seen, what));
			return;
		}
}

static bool expects_nothing(const struct hf_play_event *event)
{
	const struct hf_expect *e = event->ask.expects;
	return e && strcmp(e->row->word, "nothing") == 0;
}

static void note_reply(struct play *p, const struct hf_seen *seen)
{
	struct hf_tally *t = &p->result->tally;
	t->replies++;
	t->rcodes[seen->view.rcode & 15]++;
	t->answered += seen->view.rcode != HF_RCODE_SERVFAIL && seen->view.rcode != HF_RCODE_REFUSED;
	t->truncated += (seen->view.flags & HF_FLAG_TC) != 0;
	if (t->slowest < seen->took)
		t->slowest = seen->took;
}

static void check_always(struct play *p, const struct hf_asked *asked, const struct hf_seen *seen)
{
	const struct hf_play_event *event = asked->event;
	char why[160] = "", took[HF_NUMBER_TEXT_MAX];
	if (seen->took > REPLY_MOST + p->stalled)
		fail(p, event->line, "%s\n  the reply took %s", event->text, hf_play_time_text(seen->took, took));
	else if (!hf_known_allows(p->known, seen->m, &seen->view, &asked->question, hf_sim_now(p->sim), why,
			 sizeof why))
		fail(p, event->line, "%s\n  a false answer: %s", event->text, why);
}

static void over(void *ctx, const struct hf_asked *asked, const uint8_t *m, size_t len)
{
	struct play *p = ctx;
	const struct hf_topic *topic = hf_known_topic(p->known, &asked->question);
	struct hf_seen seen = { .replied = m, .m = m, .len = len, .type = asked->question.type,
		.took = hf_sim_now(p->sim) - asked->since, .from = topic->last,
		.asked_meanwhile = topic->sent - asked->sent_before };
	char what[HF_SEEN_TEXT_MAX];
	struct question_text t;
	if (!m && !expects_nothing(asked->event)) {
		fail(p, asked->event->line, "%s\n  no reply at all", asked->event->text);
		return;
	}
	if (m && hf_message_read(m, len, &seen.view)) {
		fail(p, asked->event->line, "%s\n  a malformed reply, at octet %u", asked->event->text,
			(unsigned)seen.view.where);
		return;
	}
	tell(p, "a client gets for %s %s: %s", name_text(&asked->question, &t), t.type,
		hf_seen_text(&seen, what));
	if (m) {
		note_reply(p, &seen);
		check_always(p, asked, &seen);
	}
	check_expects(p, asked, &seen);
}

static void wrong(void *ctx, const char *what)
{
	fail(ctx, 0, "a client got %s", what);
}

/* ---- events ---- */

static void ask_once(struct play *p, const struct hf_play_event *event)
{
	const struct hf_play_names *names = &event->ask.names;
	struct hf_question q = { .type = event->ask.type, .class = HF_CLASS_IN };
	uint64_t number = names->low;
	struct question_text t;
	if (names->many)
		number += hf_sim_roll(p->sim, names->high - names->low + 1);
	if (hf_unexpected(hf_play_name(names, number, &q.name)))
		return;
	struct hf_topic *topic = hf_known_topic(p->known, &q);
	topic->asked++;
	p->result->tally.questions++;
	tell(p, "a client asks for %s %s%s", name_text(&q, &t), t.type, event->ask.tcp ? " via tcp" : "");
	int rc = hf_crowd_ask(p->crowd, event, &q.name, topic->sent);
	if (rc)
		fail(p, event->line, "%s\n  could not be asked: %s", event->text, hf_strerror(rc));
}

static struct running *run_later(struct play *p, const struct hf_play_event *event, hf_us at,
	void (*act)(void *, struct hf_sim *))
{
	struct running *running = calloc(1, sizeof *running);
	hf_require(running);
	running->play = p;
	running->event = event;
	running->next = p->running;
	p->running = running;
	hf_sim_at(p->sim, HF_SIM_START + at, act, running);
	return running;
}

/* Arrivals between nothing and twice the mean apart. */
static void load_goes_on(void *ctx, struct hf_sim *sim)
{
	struct running *running = ctx;
	struct play *p = running->play;
	const struct hf_play_event *event = running->event;
	if (play_time(p) > running->end)
		return;
	ask_once(p, event);
	hf_us mean = HF_SECOND / event->ask.rate;
	hf_sim_at(sim, hf_sim_now(sim) + 1 + (hf_us)hf_sim_roll(sim, (uint64_t)(2 * mean)), load_goes_on,
		running);
}

static void ask(struct play *p, const struct hf_play_event *event)
{
	if (!event->ask.rate) {
		for (int64_t i = 0; i < event->ask.times; i++)
			ask_once(p, event);
		return;
	}
	struct running *load = run_later(p, event, play_time(p), load_goes_on);
	load->end = play_time(p) + event->ask.lasting;
}

static void behave_again(void *ctx, struct hf_sim *sim)
{
	const struct running *running = ctx;
	struct play *p = running->play;
	unsigned u = running->event->upstream;
	(void)sim;
	tell(p, "upstream %s %s again", p->scenario->upstreams[u].name, hf_manners[0].word);
	hf_peer_behave(p->peers[u], &hf_manners[0], 0);
}

static void behave(struct play *p, const struct hf_play_event *event)
{
	hf_peer_behave(p->peers[event->upstream], event->manner, event->number);
	if (event->lasting)
		run_later(p, event, play_time(p) + event->lasting, behave_again);
}

static void blow_differently(struct play *p, const struct hf_play_event *event)
{
	p->weather[event->upstream] = event->weather;
}

static void learn(struct play *p, const struct hf_play_event *event)
{
	hf_require(hf_peer_learn(p->peers[event->upstream], &event->data, true) == 0);
}

static void forget(struct play *p, const struct hf_play_event *event)
{
	hf_peer_forget(p->peers[event->upstream], &event->name);
}

static void jump(struct play *p, const struct hf_play_event *event)
{
	hf_house_jump(p->house, event->number);
	if (event->number < 0)
		hf_known_extend(p->known, -event->number);
}

static void jump_wall(struct play *p, const struct hf_play_event *event)
{
	hf_house_jump_wall(p->house, event->number);
}

static void stall(struct play *p, const struct hf_play_event *event)
{
	p->stalled += event->number;
	p->stalled_until = hf_sim_now(p->sim) + event->number;
	hf_known_extend(p->known, event->number); /* what is under way waits, too */
	hf_house_stall(p->house, event->number);
}

static void happen(void *ctx, struct hf_sim *sim)
{
	static void (*const acts[])(struct play *, const struct hf_play_event *) = {
		[HF_PLAY_ASK] = ask, [HF_PLAY_MANNER] = behave, [HF_PLAY_WEATHER] = blow_differently,
		[HF_PLAY_DATA] = learn, [HF_PLAY_FORGET] = forget, [HF_PLAY_JUMP] = jump,
		[HF_PLAY_WALL] = jump_wall, [HF_PLAY_STALL] = stall,
	};
	struct running *running = ctx;
	struct play *p = running->play;
	const struct hf_play_event *event = running->event;
	tell(p, "line %u: %s", event->line, event->text);
	acts[event->what](p, event);
	if (event->every && play_time(p) + event->every <= event->until)
		hf_sim_at(sim, hf_sim_now(sim) + event->every, happen, running);
}

/* ---- what must always hold ---- */

static void check(void *ctx, struct hf_sim *sim)
{
	struct play *p = ctx;
	(void)sim;
	if (hf_unexpected_total() != p->unexpected_before)
		fail(p, 0, "the server met something that it holds to be impossible");
	else if (hf_house_pending(p->house) > p->result->tally.questions - p->result->tally.replies)
		fail(p, 0, "the server remembers more questions than are open");
}

static void check_leftovers(struct play *p)
{
	size_t waiting = hf_crowd_waiting(p->crowd), pending = hf_house_pending(p->house);
	size_t flights = hf_house_flights(p->house), attempts = hf_house_attempts(p->house);
	if (waiting || pending || flights || attempts)
		fail(p, 0, "in the end there are left: %zu clients waiting, %zu questions pending, "
			   "%zu flights, %zu attempts", waiting, pending, flights, attempts);
}

static void number_text(const struct hf_final *final, int64_t number, char *buf, size_t size)
{
	if (final->row->takes == HF_TAKES_PERCENT)
		snprintf(buf, size, "%lld.%04lld%%", (long long)(number / 10000),
			(long long)(number % 10000));
	else if (final->row->takes == HF_TAKES_DURATION)
		hf_play_time_text(number, buf);
	else
		snprintf(buf, size, "%lld", (long long)number);
}

static void check_finals(struct play *p)
{
	struct hf_tally *t = &p->result->tally;
	char is[HF_NUMBER_TEXT_MAX];
	t->cached = hf_house_count(p->house, HF_COUNT_CACHE_HITS) +
		    hf_house_count(p->house, HF_COUNT_CACHE_CUT_HITS);
	t->joined = hf_house_count(p->house, HF_COUNT_JOINED);
	t->strays = hf_house_count(p->house, HF_COUNT_STRAY);
	for (const struct hf_final *f = p->scenario->finals; f; f = f->next) {
		int64_t value = f->row->value(t, f->upstream);
		if (hf_compare(value, f->compare, f->number))
			continue;
		number_text(f, value, is, sizeof is);
		fail(p, f->line, "in the end\n  expected  %s\n  came      %s", f->text, is);
	}
}

/* ---- the whole ---- */

static int make_peers(struct play *p)
{
	const struct hf_peer_watch watch = { asked_by_stream, said, p };
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
	}
	return 0;
}

static int set_stage(struct play *p)
{
	const struct hf_crowd_watch watch = { over, wrong, p };
	const struct hf_address server = hf_house_address();
	int rc = make_peers(p);
	if (!rc)
		rc = hf_house_new(p->sim, p->scenario, &p->house);
	if (!rc)
		rc = hf_crowd_new(p->sim, &server, &watch, &p->crowd);
	hf_sim_set_policy(p->sim, blow, p);
	if (!rc)
		hf_sim_check(p->sim, check, p);
	return rc;
}

static hf_us schedule(struct play *p)
{
	hf_us end = 0;
	for (size_t i = 0; i < p->scenario->event_count; i++) {
		const struct hf_play_event *event = &p->scenario->events[i];
		hf_us last = (event->every ? event->until : event->at) + event->lasting + event->ask.lasting;
		run_later(p, event, event->at, happen);
		if (end < last)
			end = last;
	}
	return end + HF_CROWD_PATIENCE + AFTERWARDS;
}

static void nothing(void *ctx, struct hf_sim *sim)
{
	(void)ctx;
	(void)sim;
}

static void run(struct play *p)
{
	hf_us end = HF_SIM_START + schedule(p);
	hf_sim_at(p->sim, end, nothing, NULL);
	while (p->result->good && hf_sim_now(p->sim) < end)
		if (!hf_sim_step(p->sim))
			break;
	if (p->result->good)
		check_leftovers(p);
	if (p->result->good)
		check_finals(p);
	p->result->lasted = play_time(p);
	p->result->events = hf_sim_counts(p->sim).events;
	p->result->trace = hf_sim_trace(p->sim);
}

static void clear_stage(struct play *p)
{
	hf_sim_check(p->sim, NULL, NULL);
	hf_crowd_free(p->crowd);
	hf_house_free(p->house);
	for (size_t i = 0; i < HF_PLAY_UPSTREAMS_MAX; i++)
		hf_peer_free(p->peers[i]);
	hf_sim_free(p->sim);
	while (p->running) {
		struct running *running = p->running;
		p->running = running->next;
		free(running);
	}
	hf_known_free(p->known);
}

static void show_told(const struct play *p, FILE *report)
{
	uint64_t first = p->told_count > TOLD ? p->told_count - TOLD : 0;
	for (uint64_t i = first; i < p->told_count; i++)
		fprintf(report, "#   %s\n", p->told[i % TOLD]);
}

int hf_play(const struct hf_scenario *scenario, uint64_t seed, FILE *trace, FILE *report,
	struct hf_play_result *ret)
{
	struct play *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	*ret = (struct hf_play_result){ .good = true };
	p->scenario = scenario;
	p->result = ret;
	p->trace = trace;
	p->sim = hf_sim_new(seed);
	p->known = hf_known_new();
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
