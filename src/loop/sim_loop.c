/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop/loop_sim.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/hash.h"
#include "loop/sim_world.h"

/* Events of one instant after which the world is held to be spinning. The
 * largest honest burst, a full heap of datagrams at once, needs about two each. */
#define SAME_INSTANT_MAX (4u * HF_SIM_EVENTS_MAX)

void *hf_sim_get(size_t size)
{
	void *p = calloc(1, size);
	hf_require(p);
	return p;
}

/* ---- dice ---- */

/* splitmix64 and xoshiro256** (Blackman and Vigna, "Scrambled linear
 * pseudorandom number generators", 2021). */
static uint64_t next_seed(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint64_t rotated(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

uint64_t hf_sim_dice(struct hf_sim *sim)
{
	uint64_t *s = sim->dice, value = rotated(s[1] * 5, 7) * 9, t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotated(s[3], 45);
	return value;
}

/* The bias is below 2^-32 for any number of sides that a test has. */
uint64_t hf_sim_roll(struct hf_sim *sim, uint64_t sides)
{
	return hf_sim_dice(sim) % sides;
}

/* ---- the heap ---- */

static bool is_before(const struct hf_sim_event *a, const struct hf_sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void put_at(struct hf_sim *sim, struct hf_sim_event *event, size_t place)
{
	sim->heap[place] = event;
	event->place = place;
}

static void sift_up(struct hf_sim *sim, struct hf_sim_event *event)
{
	size_t place = event->place;
	for (; place > 1 && is_before(event, sim->heap[place / 2]); place /= 2)
		put_at(sim, sim->heap[place / 2], place);
	put_at(sim, event, place);
}

static void sift_down(struct hf_sim *sim, struct hf_sim_event *event)
{
	size_t place = event->place;
	for (size_t child; (child = 2 * place) <= sim->heap_len; place = child) {
		if (child < sim->heap_len && is_before(sim->heap[child + 1], sim->heap[child]))
			child++;
		if (!is_before(sim->heap[child], event))
			break;
		put_at(sim, sim->heap[child], place);
	}
	put_at(sim, event, place);
}

static void grow_heap(struct hf_sim *sim)
{
	size_t cap = sim->heap_cap ? 2 * sim->heap_cap : 256;
	struct hf_sim_event **heap = realloc(sim->heap, cap * sizeof *heap);
	hf_require(heap);
	sim->heap = heap;
	sim->heap_cap = cap;
}

void hf_sim_schedule(struct hf_sim *sim, struct hf_sim_event *event, hf_us at)
{
	if (!event->place) {
		if (sim->heap_len + 1 >= sim->heap_cap)
			grow_heap(sim);
		put_at(sim, event, ++sim->heap_len);
	}
	event->at = at > sim->now ? at : sim->now;
	event->order = sim->orders++;
	sift_up(sim, event);
	sift_down(sim, event);
}

void hf_sim_cancel(struct hf_sim *sim, struct hf_sim_event *event)
{
	if (!event->place)
		return;
	struct hf_sim_event *last = sim->heap[sim->heap_len--];
	size_t place = event->place;
	event->place = 0;
	if (last == event)
		return;
	put_at(sim, last, place);
	sift_up(sim, last);
	sift_down(sim, last);
}

/* Turns, segments and directors are bounded by what they belong to; only
 * datagrams can flood the heap. */
bool hf_sim_is_full(struct hf_sim *sim)
{
	if (sim->heap_len < HF_SIM_EVENTS_MAX)
		return false;
	sim->counts.overflow++;
	return true;
}

/* ---- sources ---- */

static void link_source(struct hf_sim_source **head, struct hf_sim_source *source)
{
	source->next = *head;
	source->prev = head;
	if (source->next)
		source->next->prev = &source->next;
	*head = source;
}

static void unlink_source(struct hf_sim_source *source)
{
	*source->prev = source->next;
	if (source->next)
		source->next->prev = source->prev;
}

static void queue_init(struct hf_sim_queue *queue)
{
	queue->first = NULL;
	queue->tail = &queue->first;
}

static void enqueue(struct hf_sim_queue *queue, struct hf_sim_source *source)
{
	source->ready_next = NULL;
	source->ready_prev = queue->tail;
	*queue->tail = source;
	queue->tail = &source->ready_next;
}

static void dequeue(struct hf_sim_queue *queue, struct hf_sim_source *source)
{
	*source->ready_prev = source->ready_next;
	if (source->ready_next)
		source->ready_next->ready_prev = source->ready_prev;
	else
		queue->tail = source->ready_prev;
	source->ready_prev = NULL;
}

static void plan(struct hf_sim_loop *loop);

void hf_sim_source_open(struct hf_sim_loop *loop, struct hf_sim_source *source)
{
	link_source(&loop->open, source);
}

void hf_sim_source_check(struct hf_sim_loop *loop, struct hf_sim_source *source)
{
	if (source->closed || source->ready_prev || !source->is_ready(source->object))
		return;
	enqueue(&loop->ready, source);
	plan(loop);
}

void hf_sim_source_close(struct hf_sim_loop *loop, struct hf_sim_source *source)
{
	if (source->ready_prev)
		dequeue(&loop->ready, source);
	source->closed = true;
	unlink_source(source);
	link_source(&loop->dead, source);
}

static void bury(struct hf_sim_loop *loop)
{
	while (loop->dead) {
		struct hf_sim_source *source = loop->dead;
		unlink_source(source);
		free(source->object);
	}
}

/* ---- turns ---- */

/* When the loop's next turn is due, or HF_NEVER. */
static hf_us next_turn(const struct hf_sim_loop *loop)
{
	const struct hf_sim *sim = loop->sim;
	if (loop->stopped || loop->host->state == HF_SIM_DEAD)
		return HF_NEVER;
	hf_us wait = 0, at;
	if (!loop->ready.first && !loop->woken)
		wait = hf_timer_wheel_wait(&loop->base.timers, sim->now + loop->skew);
	if (__builtin_add_overflow(sim->now, wait, &at))
		return HF_NEVER;
	return at < loop->stalled_until ? loop->stalled_until : at;
}

static void plan(struct hf_sim_loop *loop)
{
	hf_us at = next_turn(loop);
	if (at == HF_NEVER)
		hf_sim_cancel(loop->sim, &loop->turn);
	else if (!loop->turn.place || loop->turn.at != at)
		hf_sim_schedule(loop->sim, &loop->turn, at);
}

/* Between two events anybody may have set timers: look at all loops. */
static void refresh(struct hf_sim *sim)
{
	for (struct hf_sim_loop *loop = sim->loops; loop; loop = loop->next) {
		if (!loop->turning)
			loop->base.now = sim->now + loop->skew;
		plan(loop);
	}
}

/* Those that are queued now; what gets ready meanwhile has the next turn. */
static void visit_ready(struct hf_sim_loop *loop)
{
	size_t n = 0;
	for (struct hf_sim_source *s = loop->ready.first; s; s = s->ready_next)
		n++;
	for (; n && loop->ready.first; n--) {
		struct hf_sim_source *source = loop->ready.first;
		dequeue(&loop->ready, source);
		source->ready(source->object);
		hf_sim_source_check(loop, source);
	}
}

static void turn(struct hf_sim *sim, struct hf_sim_event *event)
{
	struct hf_sim_loop *loop = (struct hf_sim_loop *)((char *)event -
		offsetof(struct hf_sim_loop, turn));
	struct hf_loop *base = &loop->base;
	base->now = sim->now + loop->skew;
	loop->turning = true;
	hf_sim_note(sim, (unsigned)loop->number, NULL, NULL, NULL, 0);
	if (loop->woken) {
		loop->woken = false;
		if (base->hooks && base->hooks->woken)
			base->hooks->woken(base->hooks_ctx, base->now);
	}
	visit_ready(loop);
	hf_timer_wheel_run(&base->timers, base->now);
	if (base->hooks && base->hooks->turned)
		base->hooks->turned(base->hooks_ctx, base->now);
	bury(loop);
	loop->turning = false;
	plan(loop);
}

/* ---- the loop's own operations ---- */

static hf_us clock_of(struct hf_loop *base)
{
	return base->now;
}

static int64_t wall(struct hf_loop *base)
{
	struct hf_sim_loop *loop = hf_sim_loop_of(base);
	return HF_SIM_WALL + (loop->sim->now - HF_SIM_START) / HF_SECOND + loop->wall_skew;
}

static void random_bytes(struct hf_loop *base, void *bytes, size_t len)
{
	struct hf_sim *sim = hf_sim_loop_of(base)->sim;
	uint8_t *to = bytes;
	while (len) {
		uint64_t value = hf_sim_dice(sim);
		size_t n = len < sizeof value ? len : sizeof value;
		memcpy(to, &value, n);
		to += n;
		len -= n;
	}
}

static void wake(struct hf_loop *base)
{
	struct hf_sim_loop *loop = hf_sim_loop_of(base);
	loop->woken = true;
	plan(loop);
}

static void stop(struct hf_loop *base)
{
	struct hf_sim_loop *loop = hf_sim_loop_of(base);
	loop->stopped = true;
	plan(loop);
}

static int watch(struct hf_loop *base, int fd, void (*readable)(void *, int, hf_us), void *ctx)
{
	(void)base;
	(void)fd;
	(void)readable;
	(void)ctx;
	return -ENOSYS;
}

static void free_loop(struct hf_loop *base)
{
	struct hf_sim_loop *loop = hf_sim_loop_of(base);
	struct hf_sim *sim = loop->sim;
	hf_require(!loop->turning);
	while (loop->open)
		loop->open->close(loop->open->object);
	bury(loop);
	hf_sim_cancel(sim, &loop->turn);
	*loop->prev = loop->next;
	if (loop->next)
		loop->next->prev = loop->prev;
	else
		sim->loops_tail = loop->prev;
	free(loop);
}

static const struct hf_loop_ops sim_ops = {
	.endpoint_open = hf_sim_endpoint_open,
	.endpoint_send_some = hf_sim_endpoint_send_some,
	.endpoint_address = hf_sim_endpoint_address,
	.endpoint_drain = hf_sim_endpoint_drain,
	.endpoint_close = hf_sim_endpoint_close,
	.stream_connect = hf_sim_stream_connect,
	.stream_read = hf_sim_stream_read,
	.stream_write = hf_sim_stream_write,
	.stream_unheard = hf_sim_stream_unheard,
	.stream_unread = hf_sim_stream_unread,
	.stream_want_write = hf_sim_stream_want_write,
	.stream_pause = hf_sim_stream_pause,
	.stream_peer = hf_sim_stream_peer,
	.stream_local = hf_sim_stream_local,
	.stream_handle = hf_sim_stream_handle,
	.stream_close = hf_sim_stream_close,
	.door_open = hf_sim_door_open,
	.door_address = hf_sim_door_address,
	.door_close = hf_sim_door_close,
	.clock = clock_of,
	.wall = wall,
	.random = random_bytes,
	.wake = wake,
	.stop = stop,
	.watch = watch,
	.free = free_loop,
};

int hf_sim_loop_new(struct hf_sim *sim, const char *host, struct hf_loop **ret)
{
	struct hf_sim_loop *loop = hf_sim_get(sizeof *loop);
	loop->base.ops = &sim_ops;
	loop->base.now = sim->now;
	hf_timer_wheel_init(&loop->base.timers, sim->now);
	loop->sim = sim;
	loop->host = hf_sim_host_named(sim, host);
	loop->number = ++sim->loop_count;
	loop->turn.happen = turn;
	queue_init(&loop->ready);
	loop->prev = sim->loops_tail;
	*sim->loops_tail = loop;
	sim->loops_tail = &loop->next;
	*ret = &loop->base;
	return 0;
}

/* ---- what the world does to a loop ---- */

void hf_sim_jump(struct hf_loop *base, hf_us us)
{
	hf_sim_loop_of(base)->skew += us;
	refresh(hf_sim_loop_of(base)->sim);
}

void hf_sim_jump_wall(struct hf_loop *base, int64_t seconds)
{
	hf_sim_loop_of(base)->wall_skew += seconds;
}

void hf_sim_stall(struct hf_loop *base, hf_us us)
{
	struct hf_sim_loop *loop = hf_sim_loop_of(base);
	loop->stalled_until = loop->sim->now + us;
	plan(loop);
}

bool hf_sim_stopped(const struct hf_loop *base)
{
	return ((const struct hf_sim_loop *)base)->stopped;
}

void hf_sim_resume(struct hf_loop *base)
{
	hf_sim_loop_of(base)->stopped = false;
	plan(hf_sim_loop_of(base));
}

void hf_sim_host(struct hf_sim *sim, const char *name, enum hf_sim_host_state state)
{
	struct hf_sim_host *host = hf_sim_host_named(sim, name);
	host->state = state;
	if (state == HF_SIM_DEAD)
		hf_sim_reset_host(sim, host);
	refresh(sim);
}

/* ---- directors ---- */

struct act {
	struct hf_sim_event event; /* first: happen and discard cast */
	void (*act)(void *ctx, struct hf_sim *sim);
	void *ctx;
};

static void play(struct hf_sim *sim, struct hf_sim_event *event)
{
	struct act *act = (struct act *)event;
	act->act(act->ctx, sim);
	free(act);
	refresh(sim);
}

static void discard_act(struct hf_sim_event *event)
{
	free(event);
}

void hf_sim_at(struct hf_sim *sim, hf_us at, void (*act)(void *ctx, struct hf_sim *sim), void *ctx)
{
	struct act *a = hf_sim_get(sizeof *a);
	*a = (struct act){ .event = { .happen = play, .discard = discard_act }, .act = act,
		.ctx = ctx };
	hf_sim_schedule(sim, &a->event, at);
}

void hf_sim_check(struct hf_sim *sim, void (*check)(void *ctx, struct hf_sim *sim), void *ctx)
{
	sim->check = check;
	sim->check_ctx = ctx;
}

/* ---- running ---- */

hf_us hf_sim_now(const struct hf_sim *sim)
{
	return sim->now;
}

static void happen(struct hf_sim *sim, struct hf_sim_event *event)
{
	sim->same_instant = event->at > sim->now ? 0 : sim->same_instant + 1;
	hf_require(sim->same_instant < SAME_INSTANT_MAX);
	sim->now = event->at;
	sim->counts.events++;
	hf_sim_cancel(sim, event);
	event->happen(sim, event);
	if (sim->check)
		sim->check(sim->check_ctx, sim);
}

static bool run(struct hf_sim *sim, hf_us until, bool once)
{
	bool happened = false;
	hf_require(!sim->running);
	sim->running = true;
	refresh(sim);
	while (sim->heap_len && sim->heap[1]->at <= until && !(once && happened)) {
		happen(sim, sim->heap[1]);
		happened = true;
	}
	sim->running = false;
	return happened;
}

bool hf_sim_step(struct hf_sim *sim)
{
	return run(sim, HF_NEVER, true);
}

void hf_sim_run_until(struct hf_sim *sim, hf_us until)
{
	run(sim, until, false);
	if (until > sim->now)
		sim->now = until;
	refresh(sim);
}

void hf_sim_run_for(struct hf_sim *sim, hf_us us)
{
	hf_sim_run_until(sim, sim->now + us);
}

/* ---- what was seen ---- */

void hf_sim_note(struct hf_sim *sim, unsigned what, const struct hf_address *from,
	const struct hf_address *to, const void *bytes, size_t len)
{
	static const struct hf_hash_key fixed;
	uint64_t now = (uint64_t)sim->now;
	uint64_t trace = hf_hash(&fixed, sim->trace ^ what, &now, sizeof now);
	if (from)
		trace = hf_hash(&fixed, trace, from, sizeof *from);
	if (to)
		trace = hf_hash(&fixed, trace, to, sizeof *to);
	sim->trace = len ? hf_hash(&fixed, trace, bytes, len) : trace;
}

uint64_t hf_sim_trace(const struct hf_sim *sim)
{
	return sim->trace;
}

struct hf_sim_counts hf_sim_counts(const struct hf_sim *sim)
{
	return sim->counts;
}

/* ---- beginning and end ---- */

struct hf_sim *hf_sim_new(uint64_t seed)
{
	struct hf_sim *sim = hf_sim_get(sizeof *sim);
	sim->now = HF_SIM_START;
	for (unsigned i = 0; i < 4; i++)
		sim->dice[i] = next_seed(&seed);
	sim->loops_tail = &sim->loops;
	sim->net.hosts_tail = &sim->net.hosts;
	return sim;
}

void hf_sim_free(struct hf_sim *sim)
{
	if (!sim)
		return;
	while (sim->loops)
		hf_loop_free(&sim->loops->base);
	for (size_t i = 1; i <= sim->heap_len; i++) {
		sim->heap[i]->place = 0;
		if (sim->heap[i]->discard)
			sim->heap[i]->discard(sim->heap[i]);
	}
	hf_sim_conns_clear(sim);
	hf_sim_net_clear(&sim->net);
	free(sim->heap);
	free(sim);
}
