/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/stub.h"

#include <errno.h>

#include "base/check.h"

/* Two servers each: glibc and Go ask both twice, 5 s a time; musl asks both at
 * once and again after half of its 5 s; systemd-resolved changes server after
 * 5 s; JNDI waits 1, 2, 4 and 8 s; a bulk job has its own 5 times a second. */
const struct hf_stub_row hf_stub_rows[] = {
	{ "glibc", 4, 1, 5 * HF_SECOND, false, true },
	{ "musl", 4, 2, 2500 * HF_MS, false, true },
	{ "resolved", 6, 1, 5 * HF_SECOND, false, true },
	{ "java", 4, 1, HF_SECOND, true, true },
	{ "go", 4, 1, 5 * HF_SECOND, false, true },
	{ "bulk", 5, 1, HF_SECOND, false, false },
	{ NULL, 0, 0, 0, false, false },
};

struct lookup {
	struct hf_stub_lookup base; /* first */
	struct lookup *next, **prev;
	struct hf_stubs *stubs;
	struct hf_timer timer;
	unsigned sent, round, open; /* messages sent, and those not yet heard of */
	bool over, sending;
};

struct hf_stubs {
	struct hf_loop *loop;
	struct hf_stub_watch watch;
	struct lookup *lookups;
};

static void drop(struct lookup *l)
{
	hf_timer_disarm(hf_loop_timers(l->stubs->loop), &l->timer);
	*l->prev = l->next;
	if (l->next)
		l->next->prev = l->prev;
	free(l);
}

static void end(struct lookup *l, bool resolved)
{
	l->over = true;
	hf_timer_disarm(hf_loop_timers(l->stubs->loop), &l->timer);
	l->stubs->watch.over(l->stubs->watch.ctx, &l->base, resolved);
}

/* The next messages, and how long to wait for them. */
static void send_some(struct lookup *l, unsigned count)
{
	const struct hf_stub_row *row = l->base.row;
	struct hf_loop *loop = l->stubs->loop;
	l->sending = true;
	for (; count && l->sent < row->sends && !l->over; count--) {
		unsigned server = l->sent++ % 2;
		l->open++;
		l->stubs->watch.send(l->stubs->watch.ctx, &l->base, server);
	}
	l->sending = false;
	if (l->over)
		return;
	hf_us wait = row->doubling ? row->wait << l->round : row->wait;
	l->round++;
	hf_timer_arm(hf_loop_timers(loop), &l->timer, hf_loop_now(loop) + wait);
}

static void waited(struct hf_timer *timer, hf_us now)
{
	struct lookup *l = (struct lookup *)((char *)timer - offsetof(struct lookup, timer));
	(void)now;
	if (l->sent < l->base.row->sends)
		send_some(l, l->base.row->together);
	else
		end(l, false);
	if (l->over && !l->open)
		drop(l);
}

void hf_stub_heard(struct hf_stub_lookup *lookup, bool good)
{
	struct lookup *l = (struct lookup *)lookup;
	const struct hf_stub_row *row = l->base.row;
	l->open--;
	if (!l->over && good)
		end(l, true);
	else if (!l->over && row->hasty && l->sent < row->sends)
		send_some(l, 1);
	else if (!l->over && l->sent == row->sends && !l->open)
		end(l, false);
	if (l->over && !l->open && !l->sending)
		drop(l);
}

int hf_stub_look_up(struct hf_stubs *stubs, const struct hf_stub_lookup *what)
{
	struct lookup *l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	l->base = *what;
	l->stubs = stubs;
	l->timer.fire = waited;
	l->next = stubs->lookups;
	l->prev = &stubs->lookups;
	if (l->next)
		l->next->prev = &l->next;
	stubs->lookups = l;
	send_some(l, what->row->together);
	return 0;
}

int hf_stubs_new(struct hf_loop *loop, const struct hf_stub_watch *watch, struct hf_stubs **ret)
{
	struct hf_stubs *stubs = calloc(1, sizeof *stubs);
	if (!stubs)
		return -ENOMEM;
	stubs->loop = loop;
	stubs->watch = *watch;
	*ret = stubs;
	return 0;
}

void hf_stubs_free(struct hf_stubs *stubs)
{
	if (!stubs)
		return;
	while (stubs->lookups)
		drop(stubs->lookups);
	free(stubs);
}
