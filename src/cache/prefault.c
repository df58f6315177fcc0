/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/prefault.h"

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

uint64_t hf_front_look(struct hf_front *front, uint64_t used)
{
	uint64_t moved = used > front->seen ? used - front->seen : 0;
	uint64_t ahead = HF_PREFAULT_MARGIN + moved;
	if (ahead > HF_PREFAULT_AHEAD)
		ahead = HF_PREFAULT_AHEAD;
	front->seen = used;
	front->ready = larger(front->ready, hf_pages_whole(used));
	if (used)
		front->wanted = used + ahead;
	return ahead;
}

void hf_front_begins(struct hf_front *front)
{
	front->wanted = larger(front->wanted, 1);
}

bool hf_front_next(struct hf_front *front, uint64_t size, uint64_t *ret_from)
{
	if (front->ready >= front->wanted || front->ready >= size)
		return false;
	*ret_from = front->ready;
	front->ready += HF_PAGES_HUGE;
	return true;
}
