/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/watch.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "base/hash.h"

#define BUCKETS 4096 /* a power of two; a hundred thousand files are 25 in each */
#define STIRS                                                                                      \
	(IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE |        \
		IN_ATTRIB)

struct place {               /* a name in a directory that somebody cares for */
	struct place *next;  /* in its bucket */
	struct place *other; /* of the same watcher */
	struct hf_watcher *watcher;
	int directory;
	uint64_t hash;
};

struct hf_watcher {
	struct hf_watch *watch;
	struct hf_watcher *next, **prev;
	void (*stirred)(void *ctx, hf_us now);
	void *ctx;
	struct place *places;
};

struct hf_watch {
	struct hf_loop *loop;
	int fd;
	struct hf_watcher *watchers;
	struct place *buckets[BUCKETS];
};

static uint64_t hash_of(int directory, const char *name)
{
	static const struct hf_hash_key key = {1, 2}; /* names of our own operator */
	return hf_hash(&key, (uint64_t)directory, name, strlen(name));
}

/* ---- events ---- */

/* Directories are never given up: the same ones come back with each change, and the
 * system forgets those that are gone. */
static void stir(struct hf_watch *watch, int directory, const char *name, hf_us now)
{
	uint64_t hash = hash_of(directory, name);
	struct place *next;
	for (struct place *p = watch->buckets[hash % BUCKETS]; p; p = next) {
		next = p->next;
		if (p->directory == directory && p->hash == hash)
			p->watcher->stirred(p->watcher->ctx, now);
	}
}

/* A directory that is swapped as a whole ("..data") says nothing of the files in it. */
static void stir_all(struct hf_watch *watch, hf_us now)
{
	struct hf_watcher *next;
	for (struct hf_watcher *w = watch->watchers; w; w = next) {
		next = w->next;
		w->stirred(w->ctx, now);
	}
}

static void take_events(struct hf_watch *watch, const char *bytes, size_t len, hf_us now)
{
	bool all = false;
	for (size_t at = 0; at + sizeof(struct inotify_event) <= len;) {
		struct inotify_event event;
		memcpy(&event, bytes + at, sizeof event);
		const char *name = bytes + at + sizeof event;
		at += sizeof event + event.len;
		all |= (event.mask & IN_Q_OVERFLOW) || (event.len && strncmp(name, "..", 2) == 0);
		if (event.len && !all)
			stir(watch, event.wd, name, now);
	}
	if (all)
		stir_all(watch, now);
}

static void readable(void *ctx, int fd, hf_us now)
{
	struct hf_watch *watch = ctx;
	char bytes[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	for (unsigned i = 0; i < 64; i++) { /* the rest at the next turn */
		ssize_t n = read(fd, bytes, sizeof bytes);
		if (n <= 0)
			return;
		take_events(watch, bytes, (size_t)n, now);
	}
}

/* ---- life ---- */

int hf_watch_new(struct hf_loop *loop, struct hf_watch **ret)
{
	struct hf_watch *watch = calloc(1, sizeof *watch);
	if (!watch)
		return -ENOMEM;
	watch->loop = loop;
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	int rc = watch->fd < 0 ? -errno : hf_loop_watch(loop, watch->fd, readable, watch);
	if (rc) {
		if (watch->fd >= 0)
			close(watch->fd);
		free(watch);
		return rc;
	}
	*ret = watch;
	return 0;
}

void hf_watch_free(struct hf_watch *watch)
{
	if (!watch)
		return;
	hf_unexpected(watch->watchers != NULL);
	hf_loop_watch(watch->loop, watch->fd, NULL, NULL);
	close(watch->fd);
	free(watch);
}

int hf_watcher_new(struct hf_watch *watch, void (*stirred)(void *ctx, hf_us now), void *ctx,
	struct hf_watcher **ret)
{
	struct hf_watcher *watcher = calloc(1, sizeof *watcher);
	if (!watcher)
		return -ENOMEM;
	*watcher = (struct hf_watcher){.watch = watch,
		.stirred = stirred,
		.ctx = ctx,
		.next = watch->watchers,
		.prev = &watch->watchers};
	if (watcher->next)
		watcher->next->prev = &watcher->next;
	watch->watchers = watcher;
	*ret = watcher;
	return 0;
}

static void forget_places(struct hf_watcher *watcher)
{
	while (watcher->places) {
		struct place *place = watcher->places;
		struct place **at = &watcher->watch->buckets[place->hash % BUCKETS];
		while (*at != place)
			at = &(*at)->next;
		*at = place->next;
		watcher->places = place->other;
		free(place);
	}
}

void hf_watcher_free(struct hf_watcher *watcher)
{
	if (!watcher)
		return;
	forget_places(watcher);
	*watcher->prev = watcher->next;
	if (watcher->next)
		watcher->next->prev = watcher->prev;
	free(watcher);
}

static void add_place(struct hf_watcher *watcher, const char *path)
{
	struct hf_watch *watch = watcher->watch;
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int len = slash == path ? 1 : slash ? (int)(slash - path) : 1;
	if (slash && (size_t)(slash - path) >= sizeof folder)
		return;
	snprintf(folder, sizeof folder, "%.*s", len, slash ? path : ".");
	int directory = inotify_add_watch(watch->fd, folder, STIRS);
	struct place *place = directory < 0 ? NULL : calloc(1, sizeof *place);
	if (!place)
		return; /* it is looked at now and then all the same */
	*place = (struct place){.watcher = watcher,
		.directory = directory,
		.other = watcher->places,
		.hash = hash_of(directory, slash ? slash + 1 : path)};
	place->next = watch->buckets[place->hash % BUCKETS];
	watch->buckets[place->hash % BUCKETS] = place;
	watcher->places = place;
}

void hf_watcher_look_at(struct hf_watcher *watcher, const struct hf_zone_files *files)
{
	forget_places(watcher);
	for (size_t i = 0; i < files->count; i++)
		add_place(watcher, files->items[i].path);
}
