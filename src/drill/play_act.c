/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/play_inside.h"

#include "base/check.h"
#include "base/error.h"

/* After the last question: the longest that anything may take. */
#define AFTERWARDS (10 * HF_SECOND)

/* ---- asking ---- */

/* Names of rank 2^n to 2^(n+1) get as many questions as those up to 2^n did per
 * doubling: Zipf's law in steps, without a logarithm. */
static uint64_t draw_popular(struct hf_play *p, uint64_t count)
{
	unsigned octaves = 0;
	while (count >> octaves)
		octaves++;
	for (;;) {
		unsigned octave = (unsigned)hf_sim_roll(p->sim, octaves);
		uint64_t rank = ((uint64_t)1 << octave) + hf_sim_roll(p->sim, (uint64_t)1 << octave);
		if (rank <= count)
			return rank - 1;
	}
}

static bool draw_name(struct hf_play *p, const struct hf_play_event *event, struct hf_name *ret)
{
	const struct hf_play_names *names = &event->ask.names;
	uint64_t number = names->low, count = names->high - names->low + 1;
	if (names->many)
		number += event->ask.popular ? draw_popular(p, count) : hf_sim_roll(p->sim, count);
	return !hf_unexpected(hf_play_name(names, number, ret));
}

static void ask_message(struct hf_play *p, const struct hf_play_event *event, const struct hf_name *name,
	unsigned instance, struct hf_stub_lookup *lookup)
{
	struct hf_asked asked = { .event = event, .question = { *name, event->ask.type, HF_CLASS_IN },
		.instance = instance, .lookup = lookup };
	const struct hf_address server = hf_house_address(instance);
	struct hf_question_text t;
	struct hf_topic *topic = hf_known_topic(p->known, &asked.question);
	topic->asked++;
	asked.sent_before = topic->sent;
	p->result->tally.questions++;
	hf_play_tell(p, "a client asks for %s %s%s", hf_play_question(&asked.question, &t), t.type,
		event->ask.tcp ? " via tcp" : "");
	hf_play_note_asked(p, instance, event, &asked.question);
	int rc = hf_crowd_ask(p->crowd, &asked, &server);
	if (rc)
		hf_play_fail(p, HF_LAW_EXPECTED, event->line, "%s\n  could not be asked: %s", event->text,
			hf_strerror(rc));
}

static void ask_for_stub(void *ctx, struct hf_stub_lookup *lookup, unsigned server)
{
	struct hf_play *p = ctx;
	ask_message(p, lookup->event, &lookup->name, (lookup->first + server) % p->scenario->instances, lookup);
}

static void lookup_over(void *ctx, const struct hf_stub_lookup *lookup, bool resolved)
{
	struct hf_play *p = ctx;
	(void)lookup;
	p->result->tally.resolved += resolved;
}

const struct hf_stub_watch hf_play_stub_watch = { ask_for_stub, lookup_over, NULL };

static void ask_once(struct hf_play *p, const struct hf_play_event *event)
{
	struct hf_stub_lookup lookup = { .row = event->ask.stub, .event = event, .since = hf_sim_now(p->sim) };
	if (!draw_name(p, event, &lookup.name))
		return;
	if (p->scenario->instances > 1)
		lookup.first = (unsigned)hf_sim_roll(p->sim, p->scenario->instances);
	if (!event->ask.stub) {
		ask_message(p, event, &lookup.name, lookup.first, NULL);
		return;
	}
	p->result->tally.lookups++;
	hf_require(hf_stub_look_up(p->stubs, &lookup) == 0);
}

static struct hf_running *run_later(struct hf_play *p, const struct hf_play_event *event, hf_us at,
	void (*act)(void *, struct hf_sim *))
{
	struct hf_running *running = calloc(1, sizeof *running);
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
	struct hf_running *running = ctx;
	struct hf_play *p = running->play;
	const struct hf_play_event *event = running->event;
	if (hf_play_now(p) > running->end)
		return;
	ask_once(p, event);
	hf_us mean = HF_SECOND / event->ask.rate;
	hf_sim_at(sim, hf_sim_now(sim) + 1 + (hf_us)hf_sim_roll(sim, (uint64_t)(2 * mean)), load_goes_on,
		running);
}

static void ask(struct hf_play *p, const struct hf_play_event *event)
{
	if (!event->ask.rate) {
		for (int64_t i = 0; i < event->ask.times; i++)
			ask_once(p, event);
		return;
	}
	struct hf_running *load = run_later(p, event, hf_play_now(p), load_goes_on);
	load->end = hf_play_now(p) + event->ask.lasting;
}

/* ---- what happens to upstreams ---- */

static void behave_again(void *ctx, struct hf_sim *sim)
{
	const struct hf_running *running = ctx;
	struct hf_play *p = running->play;
	unsigned u = running->event->upstream;
	(void)sim;
	hf_play_tell(p, "upstream %s %s again", p->scenario->upstreams[u].name, hf_manners[0].word);
	p->result->tally.busiest_back[u] = 0;
	hf_peer_behave(p->peers[u], &hf_manners[0], 0);
}

static void behave(struct hf_play *p, const struct hf_play_event *event)
{
	hf_peer_behave(p->peers[event->upstream], event->manner, event->number);
	if (event->lasting)
		run_later(p, event, hf_play_now(p) + event->lasting, behave_again);
}

static void blow_differently(struct hf_play *p, const struct hf_play_event *event)
{
	p->weather[event->upstream] = event->weather;
}

static void learn(struct hf_play *p, const struct hf_play_event *event)
{
	hf_require(hf_peer_learn(p->peers[event->upstream], &event->data, true) == 0);
}

static void forget(struct hf_play *p, const struct hf_play_event *event)
{
	hf_peer_forget(p->peers[event->upstream], &event->name);
}

static void vouch(struct hf_play *p, const struct hf_play_event *event)
{
	if (!hf_vouches_set(&p->vouches, event->vouched))
		hf_play_fail(p, HF_LAW_EXPECTED, event->line, "more than %d certificates", HF_VOUCHED_MAX);
}

/* ---- what happens to the server: to all instances at once ---- */

static void jump(struct hf_play *p, const struct hf_play_event *event)
{
	for (unsigned i = 0; i < p->scenario->instances; i++)
		hf_house_jump(p->houses[i], event->number);
	p->jumped += event->number > 0 ? event->number : 0;
	if (event->number < 0)
		hf_known_extend(p->known, -event->number);
}

static void jump_wall(struct hf_play *p, const struct hf_play_event *event)
{
	for (unsigned i = 0; i < p->scenario->instances; i++)
		hf_house_jump_wall(p->houses[i], event->number);
}

static void stall(struct hf_play *p, const struct hf_play_event *event)
{
	p->stalled += event->number;
	p->stalled_until = hf_sim_now(p->sim) + event->number;
	hf_known_extend(p->known, event->number); /* what is under way waits, too */
	for (unsigned i = 0; i < p->scenario->instances; i++)
		hf_house_stall(p->houses[i], event->number);
}

/* ---- all of them ---- */

static void happen(void *ctx, struct hf_sim *sim)
{
	static void (*const acts[])(struct hf_play *, const struct hf_play_event *) = {
		[HF_PLAY_ASK] = ask, [HF_PLAY_MANNER] = behave, [HF_PLAY_WEATHER] = blow_differently,
		[HF_PLAY_DATA] = learn, [HF_PLAY_FORGET] = forget, [HF_PLAY_JUMP] = jump,
		[HF_PLAY_WALL] = jump_wall, [HF_PLAY_STALL] = stall,
		[HF_PLAY_VOUCH] = vouch,
	};
	struct hf_running *running = ctx;
	struct hf_play *p = running->play;
	const struct hf_play_event *event = running->event;
	hf_play_tell(p, "line %u: %s", event->line, event->text);
	acts[event->what](p, event);
	if (event->every && hf_play_now(p) + event->every <= event->until)
		hf_sim_at(sim, hf_sim_now(sim) + event->every, happen, running);
}

/* The longest that a stub goes on asking. */
static hf_us patience_of(const struct hf_stub_row *stub)
{
	hf_us sum = 0, wait = stub ? stub->wait : 0;
	for (unsigned sent = 0; stub && sent < stub->sends; sent += stub->together) {
		sum += wait;
		wait *= stub->doubling ? 2 : 1;
	}
	return sum;
}

hf_us hf_play_schedule(struct hf_play *p)
{
	hf_us end = 0;
	for (size_t i = 0; i < p->scenario->event_count; i++) {
		const struct hf_play_event *event = &p->scenario->events[i];
		hf_us last = (event->every ? event->until : event->at) + event->lasting + event->ask.lasting +
			     patience_of(event->ask.stub);
		run_later(p, event, event->at, happen);
		if (end < last)
			end = last;
	}
	return end + HF_CROWD_PATIENCE + AFTERWARDS;
}
