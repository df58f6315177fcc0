/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/budget.h"

#include <stdbool.h>
#include <string.h>

/* Any 100 ms touch at most 101 bins, any 10 ms at most 11. One bin more for the
 * time between decision and wire. */
#define WINDOW 102
#define PACE 11
#define PACE_PARTS 4

#define SLACK (2 * HF_MS)

#define OWED_WINDOWS 100

/* Further back than turns of two loops are ever apart: the clock was set. */
#define JUMP_BACK 1000

static int64_t bin_number(hf_us now)
{
	return now / HF_MS - (now % HF_MS < 0);
}

static uint32_t *bin_at(struct hf_budget *b, int64_t number)
{
	return &b->bins[(uint64_t)number % HF_BUDGET_BINS];
}

static uint32_t at_most(uint64_t value, uint32_t most)
{
	return value < most ? (uint32_t)value : most;
}

static void add_to(struct hf_budget *b, int64_t number, uint64_t packets)
{
	uint32_t *bin = bin_at(b, number), before = *bin;
	*bin = at_most(before + packets, UINT32_MAX);
	b->in_window += number > b->newest - WINDOW ? *bin - before : 0;
	b->in_pace += number > b->newest - PACE ? *bin - before : 0;
}

static void take_from(struct hf_budget *b, int64_t number, uint32_t packets)
{
	uint32_t *bin = bin_at(b, number), taken = at_most(*bin, packets);
	*bin -= taken;
	b->in_window -= number > b->newest - WINDOW ? taken : 0;
	b->in_pace -= number > b->newest - PACE ? taken : 0;
}

/* Packets in the `width` bins that end with `last`. Bins after the newest are
 * empty, whatever an old lap left in their place. */
static uint64_t spent_in(struct hf_budget *b, int64_t last, int width)
{
	uint64_t sum = 0;
	int64_t first = last - width + 1;
	if (last == b->newest && width == WINDOW)
		return b->in_window;
	if (last == b->newest && width == PACE)
		return b->in_pace;
	if (last > b->newest)
		last = b->newest;
	for (int64_t n = first; n <= last; n++)
		sum += *bin_at(b, n);
	return sum;
}

static bool slow(uint32_t per_second)
{
	return per_second < 10;
}

static uint32_t window_of(uint32_t per_second)
{
	return slow(per_second) ? 1 : per_second / 10;
}

static uint32_t pace_of(uint32_t per_second)
{
	uint32_t pace = window_of(per_second) / PACE_PARTS;
	return pace ? pace : 1;
}

static hf_us interval_of(uint32_t per_second)
{
	return HF_SECOND / per_second + SLACK;
}

static uint32_t spare(struct hf_budget *b)
{
	uint32_t window = window_of(b->per_second);
	return window - at_most(spent_in(b, b->newest, WINDOW), window);
}

/* What is owed is sent, in the books, as soon as the window has room. */
static void pay(struct hf_budget *b)
{
	if (!b->owed)
		return;
	uint32_t paid = at_most(spare(b), b->owed);
	add_to(b, b->newest, paid);
	b->owed -= paid;
}

static void empty(struct hf_budget *b, int64_t number)
{
	memset(b->bins, 0, sizeof b->bins);
	b->in_window = b->in_pace = 0;
	b->newest = number;
}

/* The clock was set back: the same window, all of it now. */
static void begin_anew(struct hf_budget *b, int64_t number)
{
	uint64_t sum = b->in_window;
	b->quiet_until -= (b->newest - number) * HF_MS;
	empty(b, number);
	add_to(b, number, sum);
}

static void step(struct hf_budget *b)
{
	b->in_window -= *bin_at(b, b->newest - WINDOW + 1);
	b->in_pace -= *bin_at(b, b->newest - PACE + 1);
	b->newest++;
	*bin_at(b, b->newest) = 0;
	pay(b);
}

/* Debts are paid bin by bin: at most OWED_WINDOWS of them. The rest is empty. */
static void advance(struct hf_budget *b, hf_us now)
{
	int64_t number = bin_number(now);
	if (number < b->newest - JUMP_BACK)
		begin_anew(b, number);
	while (b->newest < number && b->owed)
		step(b);
	if (number - b->newest > HF_BUDGET_BINS)
		empty(b, number);
	while (b->newest < number)
		step(b);
}

static void obey(struct hf_budget *b, uint32_t per_second, hf_us now)
{
	advance(b, now);
	if (b->per_second == per_second)
		return;
	b->per_second = per_second;
	uint64_t most = slow(per_second) ? 0 : (uint64_t)OWED_WINDOWS * window_of(per_second);
	b->owed = at_most(most, b->owed);
	pay(b);
}

uint32_t hf_budget_room(struct hf_budget *b, uint32_t per_second, hf_us now)
{
	obey(b, per_second, now);
	if (per_second == 0)
		return UINT32_MAX;
	if (slow(per_second) && now < b->quiet_until)
		return 0;
	uint32_t pace = pace_of(per_second);
	return at_most(spare(b), pace - at_most(spent_in(b, b->newest, PACE), pace));
}

void hf_budget_spend(struct hf_budget *b, uint32_t packets, hf_us now)
{
	advance(b, now);
	uint32_t counted = b->per_second ? at_most(spare(b), packets) : packets;
	add_to(b, b->newest, counted);
	if (b->per_second && slow(b->per_second)) {
		hf_us from = b->quiet_until > now ? b->quiet_until : now;
		hf_us most = now + OWED_WINDOWS * interval_of(b->per_second);
		hf_us until = from + at_most(packets, OWED_WINDOWS) * interval_of(b->per_second);
		b->quiet_until = until < most ? until : most;
	} else if (b->per_second) {
		uint64_t most = (uint64_t)OWED_WINDOWS * window_of(b->per_second);
		uint64_t owed = (uint64_t)b->owed + packets - counted;
		b->owed = at_most(owed < most ? owed : most, UINT32_MAX);
	}
}

void hf_budget_refund(struct hf_budget *b, uint32_t packets, hf_us spent)
{
	int64_t number = bin_number(spent);
	if (b->per_second && slow(b->per_second))
		b->quiet_until -= at_most(packets, OWED_WINDOWS) * interval_of(b->per_second);
	uint32_t owed = at_most(packets, b->owed);
	b->owed -= owed;
	packets -= owed;
	if (number <= b->newest - HF_BUDGET_BINS || number > b->newest)
		return;
	take_from(b, number, packets);
}

/* The first bin, from `first` on, in which the demand fits. A window without a
 * packet takes any demand, so the search ends after one. */
static int64_t first_fit(struct hf_budget *b, uint32_t packets, int64_t first)
{
	uint64_t window = spent_in(b, first, WINDOW), pace = spent_in(b, first, PACE);
	int64_t n = first;
	while ((window && window + packets > window_of(b->per_second)) ||
		(pace && pace + packets > pace_of(b->per_second))) {
		window -= n - WINDOW < b->newest ? *bin_at(b, n - WINDOW + 1) : 0;
		pace -= n - PACE < b->newest ? *bin_at(b, n - PACE + 1) : 0;
		n++;
	}
	return n;
}

/* What is owed is paid in windows that are all alike but for the last: those are
 * skipped, the last one is played. */
static int64_t first_fit_paid(const struct hf_budget *b, uint32_t packets)
{
	struct hf_budget play = *b;
	uint32_t window = window_of(b->per_second);
	int64_t alike = (b->owed - 1) / window;
	play.owed -= (uint32_t)alike * window;
	while (play.owed)
		step(&play);
	return alike * WINDOW + first_fit(&play, packets, play.newest);
}

hf_us hf_budget_when(struct hf_budget *b, uint32_t per_second, uint32_t packets, hf_us now)
{
	obey(b, per_second, now);
	if (per_second == 0 || packets == 0)
		return now;
	hf_us earliest = slow(per_second) && b->quiet_until > now ? b->quiet_until : now;
	int64_t first = bin_number(earliest) > b->newest ? bin_number(earliest) : b->newest;
	int64_t fit = b->owed ? first_fit_paid(b, packets) : first_fit(b, packets, first);
	return fit > first ? fit * HF_MS : earliest;
}
