/* SPDX-License-Identifier: GPL-3.0-or-later */
/* watch.h - who wants to know when something stirs in a directory.
 *
 * Story: zone files are replaced by editors, deployments and links that change their aim.
 * One inotify descriptor for all watches the directories in which they lie; whenever
 * something is written, moved or linked there, those whose file it may be are told, and
 * look for themselves. So nothing depends on which event it was, and where watching is not
 * to be had, those who look every other second find out as well.
 * Ownership: a watch outlives its watchers; watchers are their owners'.
 * Threads: that of its loop.
 * At the bound: the system's (fs.inotify.max_user_watches): then nobody is told. An
 * overflow of events stirs all. */
#ifndef HF_AUTHORITY_WATCH_H
#define HF_AUTHORITY_WATCH_H

#include "authority/zone_file.h"
#include "loop/loop.h"

struct hf_watch;
struct hf_watcher;

/* -ENOSYS: this world has no files; -EMFILE, -ENOMEM. */
int hf_watch_new(struct hf_loop *loop, struct hf_watch **ret);
void hf_watch_free(struct hf_watch *watch); /* NULL is fine */

int hf_watcher_new(struct hf_watch *watch, void (*stirred)(void *ctx, hf_us now), void *ctx,
	struct hf_watcher **ret);
void hf_watcher_free(struct hf_watcher *watcher); /* NULL is fine */

/* From now on it is about these files, in place of those before. */
void hf_watcher_look_at(struct hf_watcher *watcher, const struct hf_zone_files *files);

#endif
