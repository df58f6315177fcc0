/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keep/keeper.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "cache/written.h"
#include "engine/learnt.h"
#include "keep/files.h"
#include "keep/memory.h"
#include "keep/routes.h"
#include "loop/loop_epoll.h"

#define PASS_EVERY HF_SECOND          /* what kill -9 may take */
#define SYNC_EVERY (10 * HF_SECOND)   /* what power loss may take */
#define RETRY_AFTER (10 * HF_SECOND)  /* after a failure of the directory or a journal */
#define SNAPSHOT_RETRY (60 * HF_SECOND)

/* A block is lost as a whole when it is torn: small enough for that, large enough
 * for its header not to matter. */
#define BLOCK_CONTENT (256 << 10)

/* A journal is not worth a snapshot below this, however little lives. */
#define JOURNAL_MIN (8 << 20)

/* What was learnt of upstreams is looked through so often, and of what is new so much
 * is written at a time: a thousand zones in a pass or three. */
#define LEARN_EVERY (2 * HF_SECOND)
#define LEARN_OCTETS (64 << 10)

/* A worker's instant is that at which its turn began: so far back it may lie. */
#define LEARN_OVERLAP HF_SECOND

/* The table of routes is repeated after so many octets: a block that is lost must
 * not take all that follows with it. */
#define TABLE_EVERY (8 << 20)

/* A snapshot is written in steps with a rest between, about 80 MB/s: it is in no
 * hurry, and the disk and the processor are others' too. */
#define STEP_OCTETS (4 << 20)
#define STEP_SLOTS (1 << 17)
#define STEP_REST_MS 50
#define STEP_SYNC (16 << 20)

/* So many files are left by servers that were killed before their first snapshot was
 * whole; then the snapshot comes first, so that they do not pile up. */
#define LEFT_MAX 32

struct sink { /* a file that is being written, and its next block */
	struct hf_keep_file file;
	uint8_t *block;
	struct hf_writer content;
	uint32_t count;
	uint16_t kind;     /* of the block that is being filled */
	uint64_t table;    /* the table written last, and where */
	uint64_t table_at;
};

struct walk { /* a snapshot under way */
	bool on;
	unsigned shard;
	uint64_t slot;
	uint64_t unsafe;              /* octets since the last sync */
	struct hf_learnt_walk learnt; /* behind the shards */
};

struct news {                       /* what was learnt of upstreams, for the journal */
	struct hf_learnt_walk walk; /* one under way, maybe over several passes */
	hf_us begun, at;            /* when it was, and when the next one is due */
	hf_us since;                /* all from before is written */
};

struct hf_keeper {
	char *path;
	struct hf_cache *cache;
	struct hf_team *team;
	struct hf_keep_loaded loaded;
	struct hf_event_ring events;
	pthread_t thread;
	bool started;
	int stop; /* eventfd */
	pthread_mutex_t lock; /* over `next` */
	struct hf_plan *next; /* to be adopted, or NULL */

	/* The keeper's thread only, once it runs. */
	struct hf_plan *plan;
	struct hf_keep_dir dir;
	struct hf_keep_name old[HF_KEEP_FILES_MAX]; /* files that the next snapshot replaces */
	size_t old_count;
	uint64_t session;
	uint32_t generation;      /* the last that is in use */
	bool has_snapshot;        /* the present generation has one */
	bool wants_snapshot;
	bool lost;                /* something was not written: also wanted afterwards */
	unsigned failing;         /* a bit for each hf_persist_step that does not work */
	struct hf_cache_mark *marks; /* of each shard */
	struct sink journal, snapshot;
	struct walk walk;
	struct news news;
	uint8_t *table;           /* content of the table of routes */
	uint32_t table_len;
	uint16_t table_routes;
	uint64_t table_id;
	hf_us now, pass_at, sync_at, retry_at, snapshot_at;
	struct hf_cache_entry entry;
	uint8_t wire[HF_MESSAGE_MAX];
	uint16_t ttl_at[HF_RECORDS_MAX];

	_Atomic uint64_t written, bytes, errors, times_lost;
	_Atomic int64_t success_wall;
};

/* ---- how it goes ---- */

static void say(struct hf_keeper *k, enum hf_event_kind kind, int error, enum hf_persist_step step)
{
	const struct hf_event event = { .at = k->now, .kind = (uint16_t)kind, .a = error,
		.b = (int32_t)step };
	hf_event_put(&k->events, &event);
}

/* Told once, until all works again. */
static void fail(struct hf_keeper *k, int error, enum hf_persist_step step)
{
	atomic_fetch_add_explicit(&k->errors, 1, memory_order_relaxed);
	if (!k->failing)
		say(k, HF_EVENT_PERSIST_FAILED, error, step);
	k->failing |= 1u << step;
}

static void works(struct hf_keeper *k, enum hf_persist_step step)
{
	unsigned before = k->failing;
	k->failing &= ~(1u << step);
	if (before && !k->failing)
		say(k, HF_EVENT_PERSIST_WORKS, 0, step);
}

static void note_bytes(struct hf_keeper *k)
{
	uint64_t sum = k->journal.file.len + k->snapshot.file.len;
	for (size_t i = 0; i < k->old_count; i++)
		sum += k->old[i].len;
	atomic_store_explicit(&k->bytes, sum, memory_order_relaxed);
}

static void note_lost(struct hf_keeper *k)
{
	atomic_fetch_add_explicit(&k->times_lost, 1, memory_order_relaxed);
	k->lost = true;
}

/* ---- blocks ---- */

static void empty(struct sink *sink)
{
	sink->content = hf_writer(sink->block + HF_WRITTEN_BLOCK_HEADER, BLOCK_CONTENT);
	sink->count = 0;
}

static int append_block(struct sink *sink, uint8_t *block, const struct hf_written_block *b)
{
	size_t octets = hf_written_seal(block, b, sink->file.len);
	return hf_keep_append(&sink->file, block, octets);
}

static int write_table(struct hf_keeper *k, struct sink *sink)
{
	const struct hf_written_block b = { .kind = HF_WRITTEN_ROUTES, .len = k->table_len,
		.count = k->table_routes, .session = k->session, .clocks = hf_keep_clocks() };
	int rc = append_block(sink, k->table, &b);
	sink->table = k->table_id;
	sink->table_at = sink->file.len;
	return rc;
}

/* Writes the block that has been filled, if it holds anything. */
static int flush(struct hf_keeper *k, struct sink *sink)
{
	bool answers = sink->kind == HF_WRITTEN_ANSWERS;
	int rc = 0;
	if (!sink->count)
		return 0;
	if (answers &&
		(sink->table != k->table_id || sink->file.len - sink->table_at >
						       TABLE_EVERY + 16 * (uint64_t)k->table_len))
		rc = write_table(k, sink);
	const struct hf_written_block b = { .kind = sink->kind,
		.len = (uint32_t)sink->content.len, .count = sink->count, .session = k->session,
		.clocks = hf_keep_clocks(), .routes = answers ? k->table_id : 0 };
	if (!rc)
		rc = append_block(sink, sink->block, &b);
	if (!rc && answers)
		atomic_fetch_add_explicit(&k->written, sink->count, memory_order_relaxed);
	empty(sink);
	return rc;
}

/* What follows is of this kind. */
static int turn_to(struct hf_keeper *k, struct sink *sink, enum hf_written_kind kind)
{
	int rc = sink->kind == kind ? 0 : flush(k, sink);
	sink->kind = (uint16_t)kind;
	return rc;
}

/* Adds the keeper's entry, if it is anybody's word under the present plan. */
static int add(struct hf_keeper *k, struct sink *sink)
{
	const struct hf_cache_entry *e = &k->entry;
	const struct hf_written_answer answer = {
		.route = hf_keep_routes_of(k->plan, k->cache, e),
		.flags = e->flags | (e->gone ? HF_WRITTEN_GONE : 0), .hits = e->copy.hits,
		.ttl = e->copy.kept.ttl, .stored = e->copy.stored, .wire = e->copy.kept.wire,
		.len = e->copy.kept.len,
	};
	if (answer.route >= k->table_routes) /* HF_KEEP_NO_ROUTE among them */
		return 0;
	int rc = turn_to(k, sink, HF_WRITTEN_ANSWERS);
	if (!hf_written_answer_put(&sink->content, &answer)) {
		int full = flush(k, sink);
		rc = rc ? rc : full;
		hf_unexpected(!hf_written_answer_put(&sink->content, &answer));
	}
	sink->count++;
	return rc;
}

static int add_memory(struct hf_keeper *k, struct sink *sink, const struct hf_learnt *learnt)
{
	int rc = 0;
	if (!hf_keep_memory_put(&sink->content, learnt)) {
		rc = flush(k, sink);
		hf_unexpected(!hf_keep_memory_put(&sink->content, learnt));
	}
	sink->count++;
	return rc;
}

/* Goes on with a walk over what was learnt, for so many octets or to its end. */
static int add_learnt(
	struct hf_keeper *k, struct sink *sink, struct hf_learnt_walk *walk, uint64_t most)
{
	struct hf_learnt slice[HF_LEARNT_SLICE];
	size_t count;
	int rc = turn_to(k, sink, HF_WRITTEN_LEARNT);
	uint64_t end = sink->file.len + sink->content.len + most;
	while (!rc && sink->file.len + sink->content.len < end &&
		hf_learnt_next(walk, k->now, slice, &count))
		for (size_t i = 0; !rc && i < count; i++)
			rc = add_memory(k, sink, &slice[i]);
	return rc;
}

static void ready_entry(struct hf_keeper *k)
{
	k->entry.copy = (struct hf_cached){ .kept = { .wire = k->wire, .ttl_at = k->ttl_at },
		.wire_cap = sizeof k->wire, .ttl_cap = HF_RECORDS_MAX };
}

/* ---- the journal ---- */

static int create(struct hf_keeper *k, struct sink *sink, bool snapshot)
{
	uint8_t header[HF_WRITTEN_FILE_HEADER];
	const struct hf_keep_name name = { k->generation, k->session, snapshot, 0 };
	const struct hf_written_file file = { HF_WRITTEN_VERSION, k->generation, k->session };
	int rc = hf_keep_create(&k->dir, &name, &sink->file);
	if (rc)
		return rc;
	empty(sink);
	sink->table = 0;
	sink->table_at = 0;
	hf_written_file_put(&file, header);
	rc = hf_keep_append(&sink->file, header, sizeof header);
	if (!rc)
		rc = write_table(k, sink);
	return rc;
}

static int add_shard(struct hf_keeper *k, unsigned shard, const struct hf_cache_mark *end)
{
	int rc = 0;
	for (;;) {
		ready_entry(k);
		switch (hf_cache_follow(k->cache, shard, &k->marks[shard], end, &k->entry)) {
		case HF_CACHE_STEP_ENTRY: rc = rc ? rc : add(k, &k->journal); break;
		case HF_CACHE_STEP_LOST: note_lost(k); break;
		case HF_CACHE_STEP_ON:
		case HF_CACHE_STEP_END: return rc;
		}
	}
}

static uint64_t journal_limit(const struct hf_keeper *k)
{
	uint64_t live = hf_cache_sums(k->cache).bytes;
	return live > JOURNAL_MIN ? live : JOURNAL_MIN;
}

/* Passes over what there is without writing it. */
static void skip(struct hf_keeper *k)
{
	for (unsigned s = 0; s < hf_cache_shards(k->cache); s++)
		k->marks[s] = hf_cache_mark(k->cache, s);
	k->lost = true;
}

/* What was learnt since the last walk that came to its end. */
static int append_learnt(struct hf_keeper *k, bool last)
{
	struct news *news = &k->news;
	if (last)
		hf_learnt_end(&news->walk); /* what it has passed may have changed */
	if (!news->walk.plan) {
		if (k->now < news->at && !last)
			return 0;
		hf_learnt_begin(&news->walk, k->team, news->since);
		news->begun = k->now;
		news->at = k->now + LEARN_EVERY;
	}
	int rc = add_learnt(k, &k->journal, &news->walk, last ? UINT32_MAX : LEARN_OCTETS);
	if (rc)
		hf_learnt_end(&news->walk); /* made up for by the next snapshot */
	else if (!news->walk.plan)
		news->since = news->begun - LEARN_OVERLAP;
	return rc;
}

static int append_news(struct hf_keeper *k, bool last)
{
	int rc = 0;
	if (k->journal.file.fd < 0 || k->journal.file.len >= journal_limit(k)) {
		skip(k);
		return 0;
	}
	for (unsigned s = 0; s < hf_cache_shards(k->cache); s++) {
		const struct hf_cache_mark end = hf_cache_mark(k->cache, s);
		int one = add_shard(k, s, &end);
		rc = rc ? rc : one;
	}
	int learnt = append_learnt(k, last);
	int end = flush(k, &k->journal);
	return rc ? rc : learnt ? learnt : end;
}

static void pass(struct hf_keeper *k, bool last)
{
	int rc = append_news(k, last);
	if (!rc && k->now >= k->sync_at) {
		rc = hf_keep_sync(&k->journal.file);
		k->sync_at = k->now + SYNC_EVERY;
	}
	if (rc) {
		k->lost = true;
		fail(k, rc, HF_PERSIST_JOURNAL);
	} else if (!k->lost) {
		works(k, HF_PERSIST_JOURNAL);
		atomic_store_explicit(
			&k->success_wall, hf_keep_clocks().wall / HF_SECOND, memory_order_relaxed);
	}
	/* Made up for by a snapshot; so is a journal that has grown too long. */
	k->wants_snapshot = k->wants_snapshot || k->lost || k->journal.file.fd < 0 ||
			    k->journal.file.len >= journal_limit(k);
	note_bytes(k);
}

/* ---- snapshots ---- */

/* The present journal becomes one of the old files; a new generation begins. */
static int turn_over(struct hf_keeper *k)
{
	if (k->journal.file.fd >= 0) {
		int rc = hf_keep_sync(&k->journal.file);
		if (rc)
			fail(k, rc, HF_PERSIST_JOURNAL);
		if (k->old_count < HF_COUNT_OF(k->old)) {
			k->old[k->old_count] = k->journal.file.name;
			k->old[k->old_count++].len = k->journal.file.len;
		}
		hf_keep_close(&k->dir, &k->journal.file);
	}
	k->generation++;
	k->has_snapshot = false;
	int rc = create(k, &k->journal, false);
	if (rc && k->journal.file.fd >= 0) {
		hf_keep_remove(&k->dir, &k->journal.file.name);
		hf_keep_close(&k->dir, &k->journal.file);
	}
	return rc;
}

static void give_up(struct hf_keeper *k, int error)
{
	hf_keep_close(&k->dir, &k->snapshot.file);
	k->snapshot.file.len = 0;
	k->walk.on = false;
	hf_learnt_end(&k->walk.learnt);
	k->snapshot_at = k->now + SNAPSHOT_RETRY;
	fail(k, error, HF_PERSIST_SNAPSHOT);
	note_bytes(k);
}

/* The journal of the generation is begun before the walk: what changes meanwhile is
 * in one of both. */
static void begin_snapshot(struct hf_keeper *k)
{
	int rc = 0;
	if ((k->has_snapshot || k->journal.file.fd < 0) && k->old_count < LEFT_MAX)
		rc = turn_over(k);
	if (!rc)
		rc = create(k, &k->snapshot, true);
	if (rc) {
		give_up(k, rc);
		return;
	}
	k->lost = false; /* what was lost until here lives, or does not matter */
	k->walk = (struct walk){ .on = true };
}

static void finish_snapshot(struct hf_keeper *k)
{
	struct hf_keep_name name = k->snapshot.file.name;
	name.len = k->snapshot.file.len;
	int rc = flush(k, &k->snapshot);
	if (!rc)
		rc = write_table(k, &k->snapshot);
	if (!rc)
		rc = hf_keep_publish(&k->dir, &k->snapshot.file);
	if (rc) {
		give_up(k, rc);
		return;
	}
	name.len = k->snapshot.file.len;
	for (size_t i = 0; i < k->old_count; i++)
		hf_keep_remove(&k->dir, &k->old[i]);
	k->snapshot.file.len = 0;
	k->old[0] = name;
	k->old_count = 1;
	k->has_snapshot = true;
	k->walk.on = false;
	k->wants_snapshot = false;
	works(k, HF_PERSIST_SNAPSHOT);
	note_bytes(k);
}

static int sync_step(struct hf_keeper *k, uint64_t before)
{
	k->walk.unsafe += k->snapshot.file.len - before;
	if (k->walk.unsafe < STEP_SYNC)
		return 0;
	k->walk.unsafe = 0;
	return hf_keep_sync(&k->snapshot.file);
}

static int walk_shards(struct hf_keeper *k)
{
	uint64_t before = k->snapshot.file.len, slots = hf_cache_slots(k->cache);
	int rc = 0;
	for (unsigned n = 0; !rc && n < STEP_SLOTS && k->walk.shard < hf_cache_shards(k->cache) &&
			     k->snapshot.file.len - before < STEP_OCTETS; n++) {
		ready_entry(k);
		if (hf_cache_peek(k->cache, k->walk.shard, k->walk.slot, &k->entry))
			rc = add(k, &k->snapshot);
		if (++k->walk.slot == slots) {
			k->walk.slot = 0;
			k->walk.shard++;
		}
	}
	return rc;
}

/* The shards' answers, then what was learnt of upstreams. */
static int walk_on(struct hf_keeper *k, bool *ret_done)
{
	if (k->walk.shard < hf_cache_shards(k->cache)) {
		int rc = walk_shards(k);
		if (!rc && k->walk.shard == hf_cache_shards(k->cache))
			hf_learnt_begin(&k->walk.learnt, k->team, HF_LEARNT_ALL);
		return rc;
	}
	int rc = add_learnt(k, &k->snapshot, &k->walk.learnt, STEP_OCTETS);
	*ret_done = !rc && !k->walk.learnt.plan;
	return rc;
}

static void step_snapshot(struct hf_keeper *k)
{
	uint64_t before = k->snapshot.file.len;
	bool done = false;
	int rc = walk_on(k, &done);
	if (!rc)
		rc = sync_step(k, before);
	if (rc)
		give_up(k, rc);
	else if (done)
		finish_snapshot(k);
	note_bytes(k);
}

/* ---- the directory ---- */

static int list_old(struct hf_keeper *k)
{
	int count = hf_keep_list(&k->dir, k->old);
	if (count < 0)
		return count;
	k->old_count = (size_t)count;
	for (size_t i = 0; i < k->old_count; i++)
		if (k->old[i].generation > k->generation)
			k->generation = k->old[i].generation;
	return 0;
}

/* Locks the directory and looks what is there. */
static int open_dir(struct hf_keeper *k)
{
	int rc = hf_keep_dir_open(k->path, &k->dir);
	if (!rc)
		rc = list_old(k);
	if (rc)
		hf_keep_dir_close(&k->dir);
	return rc;
}

static enum hf_persist_step step_of(int error)
{
	return error == -EWOULDBLOCK ? HF_PERSIST_LOCK : HF_PERSIST_OPEN;
}

/* Begins to write into a directory that is open. Old files, if there are any, are
 * replaced by a snapshot soon. */
static void begin_files(struct hf_keeper *k)
{
	k->wants_snapshot = k->old_count > 0;
	if (k->old_count >= LEFT_MAX) {
		k->generation++; /* the snapshot's */
		return;
	}
	int rc = turn_over(k);
	if (rc)
		fail(k, rc, HF_PERSIST_JOURNAL);
}

static void try_dir(struct hf_keeper *k)
{
	int rc = open_dir(k);
	k->retry_at = k->now + RETRY_AFTER;
	if (rc) {
		fail(k, rc, step_of(rc));
		return;
	}
	begin_files(k);
	works(k, HF_PERSIST_OPEN);
	works(k, HF_PERSIST_LOCK);
	skip(k);
	k->wants_snapshot = true;
}

/* ---- plans ---- */

static void take_plan(struct hf_keeper *k)
{
	pthread_mutex_lock(&k->lock);
	struct hf_plan *next = k->next;
	k->next = NULL;
	pthread_mutex_unlock(&k->lock);
	if (!next)
		return;
	hf_plan_unref(k->plan);
	k->plan = next;
	struct hf_writer w = hf_writer(k->table + HF_WRITTEN_BLOCK_HEADER, HF_WRITTEN_CONTENT_MAX);
	k->table_routes = hf_keep_routes_write(k->plan, &w);
	k->table_len = (uint32_t)w.len;
	k->table_id = hf_written_routes_id(k->table + HF_WRITTEN_BLOCK_HEADER, w.len);
}

/* What is half filled refers to the table before. */
static void adopt_next(struct hf_keeper *k)
{
	int rc = k->walk.on ? flush(k, &k->snapshot) : 0;
	if (rc)
		give_up(k, rc);
	take_plan(k);
}

void hf_keeper_adopt(struct hf_keeper *k, struct hf_plan *plan)
{
	pthread_mutex_lock(&k->lock);
	hf_plan_unref(k->next);
	k->next = hf_plan_ref(plan);
	pthread_mutex_unlock(&k->lock);
}

/* ---- the thread ---- */

static void turn(struct hf_keeper *k, bool last)
{
	k->now = hf_clock_now();
	if (k->dir.fd < 0 && k->now >= k->retry_at && !last)
		try_dir(k);
	if (k->dir.fd < 0)
		return;
	adopt_next(k);
	if (last)
		k->sync_at = k->now;
	if (k->now >= k->pass_at || last) {
		pass(k, last);
		k->pass_at = k->now + PASS_EVERY;
	}
	if (last)
		return;
	if (k->walk.on)
		step_snapshot(k);
	else if (k->wants_snapshot && k->now >= k->snapshot_at)
		begin_snapshot(k);
}

static void *work(void *arg)
{
	struct hf_keeper *k = arg;
	struct pollfd stop = { .fd = k->stop, .events = POLLIN };
	/* Behind the workers: this thread's own priority. A refusal does not matter. */
	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10);
	while (poll(&stop, 1, k->walk.on ? STEP_REST_MS : 1000) <= 0)
		turn(k, false);
	turn(k, true);
	return NULL;
}

/* ---- life ---- */

static int make(struct hf_keeper *k, const char *path)
{
	k->path = strdup(path);
	k->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	k->dir = (struct hf_keep_dir){ -1, -1 };
	k->journal.file.fd = k->snapshot.file.fd = -1;
	k->marks = calloc(hf_cache_shards(k->cache), sizeof *k->marks);
	k->journal.block = malloc(HF_WRITTEN_BLOCK_HEADER + BLOCK_CONTENT + HF_WRITTEN_ALIGN);
	k->snapshot.block = malloc(HF_WRITTEN_BLOCK_HEADER + BLOCK_CONTENT + HF_WRITTEN_ALIGN);
	k->table = malloc(HF_WRITTEN_BLOCK_MAX);
	hf_random(&k->session, sizeof k->session);
	return k->path && k->stop >= 0 && k->marks && k->journal.block && k->snapshot.block &&
			       k->table ? 0 : -ENOMEM;
}

static void load(struct hf_keeper *k, struct hf_plan *plan, FILE *complaints)
{
	const struct hf_written_clocks now = hf_keep_clocks();
	k->loaded.gap = -1;
	int rc = open_dir(k);
	if (rc) {
		fail(k, rc, step_of(rc));
		return;
	}
	const struct hf_keep_home home = {plan, k->cache, k->team};
	hf_keep_load(&k->dir, k->path, k->old, k->old_count, &home, &now, complaints, &k->loaded);
}

int hf_keeper_open(const char *path, struct hf_plan *plan, struct hf_cache *cache,
	struct hf_team *team, FILE *complaints, struct hf_keeper **ret)
{
	struct hf_keeper *k = calloc(1, sizeof *k);
	if (!k)
		return -ENOMEM;
	k->cache = cache;
	k->team = team;
	k->news.since = HF_LEARNT_ALL;
	pthread_mutex_init(&k->lock, NULL);
	if (make(k, path)) {
		hf_keeper_free(k);
		return -ENOMEM;
	}
	k->now = hf_clock_now();
	load(k, plan, complaints);
	k->retry_at = k->now + RETRY_AFTER;
	k->next = hf_plan_ref(plan);
	take_plan(k);
	hf_cache_note_removals(cache);
	skip(k);
	k->lost = false;
	if (k->dir.fd >= 0)
		begin_files(k);
	note_bytes(k);
	*ret = k;
	return 0;
}

int hf_keeper_begin(struct hf_keeper *k)
{
	int rc = pthread_create(&k->thread, NULL, work, k);
	if (rc)
		return -rc;
	k->started = true;
	pthread_setname_np(k->thread, "keeper");
	return 0;
}

void hf_keeper_stop(struct hf_keeper *k)
{
	if (!k->started)
		return;
	uint64_t one = 1;
	hf_unexpected(write(k->stop, &one, sizeof one) != sizeof one);
	pthread_join(k->thread, NULL);
	k->started = false;
}

void hf_keeper_free(struct hf_keeper *k)
{
	if (!k)
		return;
	hf_keeper_stop(k);
	hf_learnt_end(&k->walk.learnt);
	hf_learnt_end(&k->news.walk);
	hf_keep_close(&k->dir, &k->snapshot.file);
	hf_keep_close(&k->dir, &k->journal.file);
	hf_keep_dir_close(&k->dir);
	hf_plan_unref(k->plan);
	hf_plan_unref(k->next);
	if (k->stop >= 0)
		close(k->stop);
	free(k->marks);
	free(k->journal.block);
	free(k->snapshot.block);
	free(k->table);
	free(k->path);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

/* ---- readers ---- */

struct hf_keeper_figures hf_keeper_figures(struct hf_keeper *k)
{
	return (struct hf_keeper_figures){
		.loaded = k->loaded,
		.written = atomic_load_explicit(&k->written, memory_order_relaxed),
		.bytes = atomic_load_explicit(&k->bytes, memory_order_relaxed),
		.errors = atomic_load_explicit(&k->errors, memory_order_relaxed),
		.lost = atomic_load_explicit(&k->times_lost, memory_order_relaxed),
		.success_wall = atomic_load_explicit(&k->success_wall, memory_order_relaxed),
	};
}

struct hf_event_ring *hf_keeper_events(struct hf_keeper *k)
{
	return &k->events;
}
