/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop/timer_wheel.h"

#include "base/check.h"

/* A slot is chosen by the highest group of six bits in which the timer's tick
 * and the wheel's tick differ. All that is in level n then lies before all that
 * is in level n + 1, and slots at or behind the wheel's own place are empty:
 * finding what comes next is one bit scan a level, however far the clock went.
 * Only the wheel's own slot in level 0 may hold timers: those that are past.
 * The outermost level never uses its slot 0 for itself (it is behind or at the
 * wheel's place), so that slot keeps what lies past the horizon. */
#define SLOT_BITS 6
#define SLOT_MASK (HF_WHEEL_SLOTS - 1)
#define OUTERMOST (HF_WHEEL_LEVELS - 1)
#define TICKS_A_TURN (INT64_C(1) << (SLOT_BITS * HF_WHEEL_LEVELS))

_Static_assert(HF_WHEEL_SLOTS == 1 << SLOT_BITS, "a slot is six bits of a tick");

static int64_t tick_before(hf_us at)
{
	return at / HF_MS - (at % HF_MS < 0);
}

/* Rounded up, so that nothing fires early. The last tick that an hf_us can name
 * stays nameable: HF_NEVER is due then. */
static int64_t tick_after(hf_us at)
{
	int64_t tick = at / HF_MS + (at % HF_MS > 0);
	return tick > HF_NEVER / HF_MS ? HF_NEVER / HF_MS : tick;
}

static unsigned slot_of(int64_t tick, unsigned level)
{
	return (unsigned)((uint64_t)tick >> (SLOT_BITS * level)) & SLOT_MASK;
}

static void link_timer(struct hf_timer **head, struct hf_timer *timer)
{
	timer->next = *head;
	timer->prev = head;
	if (timer->next)
		timer->next->prev = &timer->next;
	*head = timer;
}

static void unlink_timer(struct hf_timer *timer)
{
	*timer->prev = timer->next;
	if (timer->next)
		timer->next->prev = timer->prev;
	timer->next = NULL;
	timer->prev = NULL;
}

static void place(struct hf_timer_wheel *wheel, struct hf_timer *timer)
{
	int64_t tick = timer->due <= wheel->ran ? wheel->tick : tick_after(timer->due);
	if (tick < wheel->tick)
		tick = wheel->tick;
	uint64_t differs = (uint64_t)tick ^ (uint64_t)wheel->tick;
	unsigned level = differs ? (63u - (unsigned)__builtin_clzll(differs)) / SLOT_BITS : 0;
	unsigned slot = level > OUTERMOST ? 0 : slot_of(tick, level);
	if (level > OUTERMOST)
		level = OUTERMOST;
	link_timer(&wheel->slots[level][slot], timer);
	wheel->occupied[level] |= UINT64_C(1) << slot;
}

void hf_timer_wheel_init(struct hf_timer_wheel *wheel, hf_us now)
{
	*wheel = (struct hf_timer_wheel){ .tick = tick_before(now), .ran = now };
}

void hf_timer_arm(struct hf_timer_wheel *wheel, struct hf_timer *timer, hf_us due)
{
	hf_require(timer->fire);
	hf_timer_disarm(wheel, timer);
	timer->due = due;
	place(wheel, timer);
	wheel->armed++;
}

/* The slot's bit stays: clearing is the common case, and a bit without a timer
 * costs one look when the wheel comes by. */
void hf_timer_disarm(struct hf_timer_wheel *wheel, struct hf_timer *timer)
{
	if (!hf_timer_armed(timer))
		return;
	unlink_timer(timer);
	wheel->armed--;
}

/* The slots of a level that are still ahead; in level 0 the wheel's own too. */
static uint64_t ahead(const struct hf_timer_wheel *wheel, unsigned level)
{
	uint64_t from_here = ~UINT64_C(0) << slot_of(wheel->tick, level);
	return wheel->occupied[level] & (level ? from_here << 1 : from_here);
}

/* The first tick at which there is a slot to be looked at. */
static bool next_tick(const struct hf_timer_wheel *wheel, int64_t *ret)
{
	for (unsigned level = 0; level < HF_WHEEL_LEVELS; level++) {
		for (uint64_t slots = ahead(wheel, level); slots; slots &= slots - 1) {
			unsigned slot = (unsigned)__builtin_ctzll(slots);
			if (!wheel->slots[level][slot])
				continue;
			uint64_t turn = ~UINT64_C(0) << (SLOT_BITS * (level + 1));
			*ret = (int64_t)(((uint64_t)wheel->tick & turn) |
					 (uint64_t)slot << (SLOT_BITS * level));
			return true;
		}
	}
	*ret = (wheel->tick | (TICKS_A_TURN - 1)) + 1;
	return wheel->slots[OUTERMOST][0];
}

static struct hf_timer *take_slot(struct hf_timer_wheel *wheel, unsigned level, unsigned slot)
{
	struct hf_timer *list = wheel->slots[level][slot];
	wheel->slots[level][slot] = NULL;
	wheel->occupied[level] &= ~(UINT64_C(1) << slot);
	return list;
}

/* Past the horizon: go at once to the turn in which the first of them, or the
 * target, lies, so that years cost no more steps than hours. */
static int64_t skip_turns(const struct hf_timer_wheel *wheel, int64_t next, int64_t target)
{
	int64_t first = target;
	for (const struct hf_timer *t = wheel->slots[OUTERMOST][0]; t; t = t->next)
		if (tick_after(t->due) < first)
			first = tick_after(t->due);
	first &= ~(TICKS_A_TURN - 1);
	return first > next ? first : next;
}

/* The wheel enters a tick: outer slots that begin here are dealt out again. */
static void deal_out(struct hf_timer_wheel *wheel)
{
	for (unsigned level = OUTERMOST; level; level--) {
		uint64_t inner = (UINT64_C(1) << (SLOT_BITS * level)) - 1;
		if ((uint64_t)wheel->tick & inner)
			continue;
		struct hf_timer *next, *t = take_slot(wheel, level, slot_of(wheel->tick, level));
		for (; t; t = next) {
			next = t->next;
			place(wheel, t);
		}
	}
}

/* Slots behind the wheel are empty: drop what disarming left of their bits. */
static void forget_passed_bits(struct hf_timer_wheel *wheel)
{
	for (unsigned level = 0; level < OUTERMOST; level++)
		wheel->occupied[level] &= ahead(wheel, level);
}

/* Moves the wheel to target; all that is due on the way is linked to *tail. */
static void advance(struct hf_timer_wheel *wheel, int64_t target, struct hf_timer **tail)
{
	int64_t next;
	while (next_tick(wheel, &next) && next <= target) {
		if (next > (wheel->tick | (TICKS_A_TURN - 1)))
			next = skip_turns(wheel, next, target);
		if (next != wheel->tick) {
			wheel->tick = next;
			deal_out(wheel);
		}
		struct hf_timer *list = take_slot(wheel, 0, slot_of(next, 0));
		*tail = list;
		if (list)
			list->prev = tail;
		while (*tail)
			tail = &(*tail)->next;
	}
	wheel->tick = target;
	forget_passed_bits(wheel);
}

void hf_timer_wheel_run(struct hf_timer_wheel *wheel, hf_us now)
{
	struct hf_timer *due = NULL;
	if (now < wheel->ran)
		return;
	/* First collect, then fire: what callbacks arm is not met in this run. */
	advance(wheel, tick_before(now), &due);
	wheel->ran = now;
	while (due) {
		struct hf_timer *timer = due;
		hf_timer_disarm(wheel, timer);
		timer->fire(timer, now);
	}
}

hf_us hf_timer_wheel_wait(const struct hf_timer_wheel *wheel, hf_us now)
{
	int64_t next;
	hf_us at, wait;
	if (!wheel->armed || !next_tick(wheel, &next))
		return HF_NEVER;
	if (__builtin_mul_overflow(next, HF_MS, &at) || at < wheel->ran)
		at = next > 0 && next > wheel->tick ? HF_NEVER : wheel->ran;
	if (at <= now)
		return 0;
	return __builtin_sub_overflow(at, now, &wait) ? HF_NEVER : wait;
}
