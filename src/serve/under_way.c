/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/under_way.h"

#include <stddef.h>

void hf_under_way_init(struct hf_under_way *all)
{
	*all = (struct hf_under_way){.first = NULL};
	pthread_mutex_init(&all->lock, NULL);
}

void hf_under_way_clear(struct hf_under_way *all)
{
	pthread_mutex_destroy(&all->lock);
}

bool hf_under_way_join(struct hf_under_way *all, struct hf_under_way_item *item, unsigned most)
{
	pthread_mutex_lock(&all->lock);
	bool room = all->count < most;
	if (room) {
		*item = (struct hf_under_way_item){all->first, &all->first};
		if (item->next)
			item->next->prev = &item->next;
		all->first = item;
		all->count++;
	}
	pthread_mutex_unlock(&all->lock);
	return room;
}

void hf_under_way_leave(struct hf_under_way *all, struct hf_under_way_item *item)
{
	pthread_mutex_lock(&all->lock);
	*item->prev = item->next;
	if (item->next)
		item->next->prev = item->prev;
	all->count--;
	pthread_mutex_unlock(&all->lock);
}
