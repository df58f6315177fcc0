/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keep/load.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "base/hash.h"
#include "keep/memory.h"
#include "keep/routes.h"
#include "loop/loop_epoll.h"
#include "truth/beside.h"

#define SESSIONS_MAX 16
#define TABLES_MAX 64
#define TOLD_MAX 20
#define WINDOW_MAX ((size_t)HF_WRITTEN_BLOCK_MAX)

/* Octets asked of the system at a time: small enough to stay in a processor's
 * cache until they are parsed. */
#define READ_SIZE (512 << 10)

/* The same when only headers are looked at. */
#define GLANCE_SIZE (16 << 10)

struct session {
	uint64_t number;
	hf_us first;                   /* its first word, on its monotonic clock */
	struct hf_written_clocks last; /* the clocks at its last */
	hf_us shift;                   /* add to its instants to get ours */
	hf_us latest;                  /* none of its answers is younger, on our clock */
	bool unknown;                  /* how old they are: never fresh */
};

struct table {
	uint64_t id;
	size_t count;
	const struct hf_route **routes;
};

/* Answers that are on their way while the processor fetches where they go: most of
 * the time that a million takes is spent in waiting for memory. */
#define AHEAD 16

struct ahead {
	struct hf_written_answer answer;
	struct hf_question question;
	struct hf_cache_key key;
};

/* Threads that put back, each the answers of its shards: a shard has one writer. All
 * read all; more than these would mostly read. */
#define HANDS_MAX 4

struct load { /* what one of them works with */
	unsigned hand, hands; /* the first also counts and tells what they all see */
	const struct hf_keep_name *names;
	size_t name_count;
	const struct hf_keep_dir *dir;
	const char *path;
	const struct hf_plan *plan;
	struct hf_cache *cache;
	struct hf_team *team;
	struct hf_written_clocks now;
	FILE *complaints;
	struct hf_keep_loaded *figures;
	struct session sessions[SESSIONS_MAX];
	size_t session_count;
	struct table tables[TABLES_MAX];
	size_t table_count;
	const struct hf_keep_name *name; /* the file being read */
	struct hf_written_window window;
	struct ahead ahead[AHEAD];
	uint16_t ttl_at[HF_RECORDS_MAX];
};

/* ---- complaints ---- */

static void tell(struct load *load, const char *where, const char *why)
{
	char text[HF_KEEP_NAME_MAX];
	if (load->hand == 0 && load->figures->faults++ < TOLD_MAX)
		fprintf(load->complaints, "%s/%s%s: %s: left out\n", load->path,
			hf_keep_name_text(load->name, text), where, why);
}

static void tell_at(struct load *load, uint64_t where, const char *why)
{
	char text[40];
	snprintf(text, sizeof text, " at octet %" PRIu64, where);
	tell(load, text, why);
}

/* ---- files, block by block ---- */

/* Moves the window on to where it stopped and fills it. */
static int refill(struct hf_written_window *w, int fd, bool quick)
{
	size_t left = w->at < w->len ? w->len - w->at : 0;
	memmove(w->bytes, w->bytes + w->len - left, left);
	w->place += w->at;
	w->len = left;
	w->at = 0;
	size_t most = left + (quick ? GLANCE_SIZE : READ_SIZE);
	if (most > WINDOW_MAX)
		most = WINDOW_MAX;
	while (w->len < most) {
		ssize_t n = pread(fd, w->bytes + w->len, most - w->len, (off_t)(w->place + w->len));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0) {
			w->last = true;
			return 0;
		}
		w->len += (size_t)n;
	}
	return 0;
}

/* Is this a file of ours, of this version, and the one that its name says? A
 * damaged header costs nothing: the name says all of it. */
static bool read_file_header(struct load *load, bool quick)
{
	struct hf_written_file header;
	struct hf_written_window *w = &load->window;
	char text[64];
	const char *why = NULL;
	bool good = false;
	if (w->len == 0)
		return false; /* killed before the first block */
	if (hf_written_file_get(w->bytes, w->len, &header)) {
		why = "no header of a holdfast cache file";
		good = true;
	} else if (header.version != HF_WRITTEN_VERSION) {
		snprintf(text, sizeof text, "version %" PRIu32 ", this holdfast reads %d: all of it",
			header.version, HF_WRITTEN_VERSION);
		why = text;
	} else if (header.session != load->name->session ||
		   header.generation != load->name->generation) {
		why = "not the file that its name says: all of it";
	} else {
		good = true;
	}
	if (why && !quick)
		tell(load, "", why);
	w->at = w->len < HF_WRITTEN_FILE_HEADER ? w->len : HF_WRITTEN_FILE_HEADER;
	return good;
}

/* Calls `block` for every whole block of a file. quick: silently, and content has
 * not been checked. */
static void read_blocks(struct load *load, int fd, bool quick,
	void (*block)(struct load *load, const struct hf_written_block *block))
{
	struct hf_written_window *w = &load->window;
	*w = (struct hf_written_window){ .bytes = w->bytes, .session = load->name->session };
	int rc = refill(w, fd, quick);
	bool go_on = !rc && read_file_header(load, quick);
	while (go_on) {
		struct hf_written_block b;
		uint64_t where;
		const char *why;
		switch (hf_written_next(w, quick, &b, &where, &why)) {
		case HF_WRITTEN_BLOCK: block(load, &b); break;
		case HF_WRITTEN_FAULT:
			if (!quick)
				tell_at(load, where, why);
			break;
		case HF_WRITTEN_MORE:
			rc = refill(w, fd, quick);
			go_on = !rc;
			break;
		case HF_WRITTEN_END: go_on = false; break;
		}
	}
	if (rc && !quick)
		tell_at(load, w->place + w->len, hf_strerror(rc));
}

static void read_file(struct load *load, const struct hf_keep_name *name, bool quick,
	void (*block)(struct load *load, const struct hf_written_block *block))
{
	load->name = name;
	int fd = hf_keep_open(load->dir, name);
	if (fd < 0) {
		if (!quick)
			tell(load, "", hf_strerror(fd));
		return;
	}
	if (!quick)
		posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	read_blocks(load, fd, quick, block);
	close(fd);
}

/* ---- the first time through: sessions and tables ---- */

static struct session *session_of(struct load *load, uint64_t number)
{
	for (size_t i = 0; i < load->session_count; i++)
		if (load->sessions[i].number == number)
			return &load->sessions[i];
	return NULL;
}

static void note_session(struct load *load, const struct hf_written_block *b)
{
	struct session *s = session_of(load, b->session);
	if (!s && load->session_count < SESSIONS_MAX) {
		s = &load->sessions[load->session_count++];
		*s = (struct session){ .number = b->session, .first = b->clocks.monotonic,
			.last = b->clocks };
	}
	if (s && b->clocks.monotonic >= s->last.monotonic)
		s->last = b->clocks;
	if (s && b->clocks.monotonic < s->first)
		s->first = b->clocks.monotonic;
}

static struct table *table_of(struct load *load, uint64_t id)
{
	for (size_t i = 0; i < load->table_count; i++)
		if (load->tables[i].id == id)
			return &load->tables[i];
	return NULL;
}

static void note_table(struct load *load, const struct hf_written_block *b)
{
	uint64_t id = hf_written_routes_id(b->content, b->len);
	struct hf_reader r = hf_reader(b->content, b->len);
	/* A route has two octets and the root's one at the least. */
	size_t most = b->len / 3 + 1;
	if (table_of(load, id))
		return;
	const struct hf_route **routes = malloc(most * sizeof(struct hf_route *));
	if (!routes)
		return;
	if (load->table_count == TABLES_MAX) { /* the oldest is the one that matters least */
		free(load->tables[0].routes);
		memmove(load->tables, load->tables + 1, --load->table_count * sizeof *load->tables);
	}
	size_t count = hf_keep_routes_read(load->plan, &r, routes, most);
	load->tables[load->table_count++] = (struct table){ id, count, routes };
}

static void note_block(struct load *load, const struct hf_written_block *b)
{
	note_session(load, b);
	if (b->kind == HF_WRITTEN_ROUTES && hf_written_whole(&load->window, b))
		note_table(load, b);
}

/* ---- time ---- */

struct hf_keep_gap hf_keep_gap(const struct hf_written_clocks *last,
	const struct hf_written_clocks *now)
{
	struct hf_keep_gap gap = { now->wall - last->wall, false };
	if (last->boot && last->boot == now->boot && now->boottime >= last->boottime) {
		hf_us by_boot = now->boottime - last->boottime;
		gap.gap = by_boot > gap.gap ? by_boot : gap.gap;
	} else if (gap.gap < 0) {
		gap = (struct hf_keep_gap){ 0, true };
	}
	return gap;
}

static int earlier_session(const void *a, const void *b)
{
	const struct session *x = a, *y = b;
	return (x->latest > y->latest) - (x->latest < y->latest);
}

/* From the last session to the first: all that one heard was heard before the next
 * began, whatever the clocks say. `latest` is the order of the files until then. */
static void date_sessions(struct load *load)
{
	hf_us latest = INT64_MAX;
	bool unknown = false;
	qsort(load->sessions, load->session_count, sizeof load->sessions[0], earlier_session);
	for (size_t i = load->session_count; i-- > 0;) {
		struct session *s = &load->sessions[i];
		struct hf_keep_gap gap = hf_keep_gap(&s->last, &load->now);
		s->shift = load->now.monotonic - gap.gap - s->last.monotonic;
		s->latest = s->last.monotonic + s->shift;
		if (s->latest > latest)
			s->latest = latest;
		s->unknown = unknown = unknown || gap.unknown;
		if (i + 1 == load->session_count)
			load->figures->gap = unknown ? -1 : gap.gap;
		latest = s->first + s->shift < s->latest ? s->first + s->shift : s->latest;
	}
	load->figures->clock_back = unknown;
}

/* ---- the second time through: answers ---- */

static hf_us no_later(hf_us instant, hf_us than)
{
	return instant < than ? instant : than;
}

/* When an answer was stored, on our clock. */
static hf_us stored_at(const struct load *load, const struct session *s,
	const struct hf_written_answer *answer)
{
	hf_us stored = answer->stored + s->shift;
	hf_us over = load->now.monotonic - (hf_us)answer->ttl * HF_SECOND;
	stored = no_later(stored, s->latest);
	return s->unknown ? no_later(stored, over) : stored;
}

static bool too_old(const struct load *load, hf_us stored, uint32_t ttl)
{
	hf_us past = load->now.monotonic - stored - (hf_us)ttl * HF_SECOND;
	return past >= load->plan->cache->stale && past >= 0;
}

/* Whose word it is now, and where it goes. False: it stays away. */
static bool place(struct load *load, const struct table *table, struct ahead *a)
{
	if (a->answer.route >= table->count ||
		hf_written_answer_question(&a->answer, &a->question)) {
		load->figures->damaged += load->hand == 0;
		return false;
	}
	const struct hf_route *route = hf_route_find(load->plan->routes, &a->question.name);
	if (!route || route != table->routes[a->answer.route]) {
		load->figures->rerouted += load->hand == 0;
		return false;
	}
	a->key = hf_cache_key(load->cache, hf_plan_realm(load->plan, route), &a->question,
		a->answer.flags & (uint8_t)~HF_WRITTEN_GONE);
	if (hf_cache_shard(load->cache, &a->key) % load->hands != load->hand)
		return false;
	hf_cache_expect(load->cache, &a->key);
	return true;
}

enum worth { WORTH_ALL, WORTH_OLD, WORTH_NOTHING };

/* Is it what is expected of the name today? What has to be shown to be true was, when it
 * came; but nobody knows whether that was asked of it then. It is put back as an old
 * answer: better than none, and the first who asks has it shown anew. */
static enum worth worth(const struct load *load, const struct ahead *a, const struct hf_kept *kept)
{
	const struct hf_expected *expected =
		hf_expect_find(load->plan->expected, &a->question.name);
	struct hf_message_view view;
	struct hf_testimony testimony;
	struct hf_evidence evidence;
	struct hf_beside beside;
	if (!hf_expect_count(load->plan->expected) && !load->plan->rebind &&
		!load->plan->tombstones)
		return WORTH_ALL;
	const struct hf_route *route = hf_route_find(load->plan->routes, &a->question.name);
	const struct hf_kept_question asked = {
		route ? &route->zone : NULL, &a->question.name, expected};
	if (hf_message_read(kept->wire, kept->len, &view) ||
		hf_beside_breaks(load->plan->expected, &a->question, kept->wire, &view, &beside) ||
		hf_rebind_forbids(load->plan->rebind, &asked, kept->wire, &view) ||
		hf_tombstones_break(load->plan->tombstones, kept->wire, &view, &evidence))
		return WORTH_NOTHING;
	if (!expected)
		return WORTH_ALL;
	hf_testimony_read(&a->question, kept->wire, &view, &testimony);
	switch (hf_judge(expected, &testimony, &evidence)) {
	case HF_BELIEF_GOOD: return WORTH_ALL;
	case HF_BELIEF_UNSURE:
	case HF_BELIEF_UNPROVEN: return WORTH_OLD;
	case HF_BELIEF_LIE: break;
	}
	return WORTH_NOTHING;
}

static void put_back(struct load *load, const struct session *s, const struct ahead *a)
{
	struct hf_kept kept = { .ttl_at = load->ttl_at };
	bool gone = a->answer.flags & HF_WRITTEN_GONE;
	hf_us stored = stored_at(load, s, &a->answer), before;
	if (!gone && hf_written_answer_read(&a->answer, load->plan->cache, &kept)) {
		load->figures->damaged++;
		return;
	}
	bool there = hf_cache_stored(load->cache, &a->key, &before);
	if (there && before > stored)
		return;
	enum worth is_worth = gone ? WORTH_ALL : worth(load, a, &kept);
	if (is_worth == WORTH_NOTHING) {
		load->figures->disbelieved++;
		gone = true;
	}
	if (is_worth == WORTH_OLD)
		stored = no_later(stored, load->now.monotonic - (hf_us)kept.ttl * HF_SECOND);
	/* What is too old itself still ends what was known before. */
	if (!gone && too_old(load, stored, kept.ttl)) {
		load->figures->too_old++;
		gone = true;
	}
	if (!gone)
		hf_cache_restore(load->cache, &a->key, stored, a->answer.hits, &kept);
	else if (there)
		hf_cache_remove(load->cache, &a->key, stored);
}

/* In the order of the block, each some answers after it was placed. */
static void take_answers(struct load *load, const struct session *s, const struct table *table,
	const struct hf_written_block *b)
{
	struct hf_reader r = hf_reader(b->content, b->len);
	unsigned placed = 0, done = 0;
	while (hf_reader_left(&r)) {
		struct ahead *a = &load->ahead[placed % AHEAD];
		if (placed - done == AHEAD)
			put_back(load, s, &load->ahead[done++ % AHEAD]);
		if (!hf_written_answer_get(&r, b->content, &a->answer)) {
			load->figures->damaged += load->hand == 0;
			break;
		}
		placed += place(load, table, a);
	}
	while (done < placed)
		put_back(load, s, &load->ahead[done++ % AHEAD]);
}

/* ---- what was learnt of upstreams ---- */

/* How long ago a block was written; as with answers, a session is older than those
 * after it. */
static struct hf_memory_gap gap_of(
	const struct load *load, const struct session *s, const struct hf_written_block *b)
{
	hf_us written = b->clocks.monotonic + s->shift;
	if (written > s->latest)
		written = s->latest;
	hf_us passed = load->now.monotonic - written;
	return (struct hf_memory_gap){passed > 0 ? passed : 0, s->unknown};
}

static void take_learnt(
	struct load *load, const struct session *s, const struct hf_written_block *b)
{
	const struct hf_memory_gap gap = gap_of(load, s, b);
	struct hf_reader r = hf_reader(b->content, b->len);
	struct hf_keep_memory memory;
	bool bad = false;
	for (;;) {
		switch (hf_keep_memory_get(&r, &memory)) {
		case HF_KEEP_MEMORY_RECORD:
			hf_learnt_recall(load->team, &memory.learnt, &gap, load->now.monotonic);
			break;
		case HF_KEEP_MEMORY_BAD: bad = true; break;
		case HF_KEEP_MEMORY_PASSED: break;
		case HF_KEEP_MEMORY_END:
			if (bad || hf_reader_left(&r))
				tell(load, "", "what was learnt of an upstream does not read");
			return;
		}
	}
}

/* What is known now of upstreams and paths. */
static void count_learnt(struct load *load)
{
	struct hf_learnt slice[HF_LEARNT_SLICE];
	struct hf_learnt_walk walk;
	size_t count;
	hf_learnt_begin(&walk, load->team, HF_LEARNT_ALL);
	while (hf_learnt_next(&walk, load->now.monotonic, slice, &count))
		for (size_t i = 0; i < count; i++) {
			load->figures->paths += slice[i].zone != NULL;
			load->figures->upstreams += slice[i].zone == NULL;
		}
}

static void take_block(struct load *load, const struct hf_written_block *b)
{
	const struct session *s = session_of(load, b->session);
	const struct table *table = table_of(load, b->routes);
	if (b->kind == HF_WRITTEN_LEARNT && s && load->hand == 0)
		take_learnt(load, s, b);
	if (b->kind != HF_WRITTEN_ANSWERS)
		return;
	if (s && table) {
		take_answers(load, s, table, b);
		return;
	}
	load->figures->damaged += load->hand == 0 ? b->count : 0;
	tell(load, "", "answers whose table of routes is lost");
}

/* ---- the whole ---- */

/* The newest snapshot, or the first file of all. */
static size_t first_that_counts(const struct hf_keep_name *names, size_t count)
{
	size_t first = 0;
	for (size_t i = 0; i < count; i++)
		if (names[i].snapshot)
			first = i;
	return first;
}

/* ---- hands ---- */

struct hand {
	struct load load;
	struct hf_keep_loaded figures;
	pthread_t thread;
	bool started;
};

static void *put_back_all(void *arg)
{
	struct load *load = arg;
	for (size_t i = 0; i < load->name_count; i++)
		read_file(load, &load->names[i], false, take_block);
	return NULL;
}

/* Another one that shares what has been learnt so far, or NULL. */
static struct hand *hand_new(const struct load *load)
{
	struct hand *hand = calloc(1, sizeof *hand);
	uint8_t *window = malloc(WINDOW_MAX);
	if (!hand || !window) {
		free(hand);
		free(window);
		return NULL;
	}
	hand->load = *load;
	hand->load.figures = &hand->figures;
	hand->load.window.bytes = window;
	return hand;
}

static void hand_join(struct load *load, struct hand *hand)
{
	if (hand->started)
		pthread_join(hand->thread, NULL);
	else
		put_back_all(&hand->load);
	load->figures->too_old += hand->figures.too_old;
	load->figures->damaged += hand->figures.damaged;
	load->figures->disbelieved += hand->figures.disbelieved;
	free(hand->load.window.bytes);
	free(hand);
}

static unsigned hands_wanted(const struct hf_cache *cache)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned most = hf_cache_shards(cache) < HANDS_MAX ? hf_cache_shards(cache) : HANDS_MAX;
	return processors < 1 ? 1 : (long)most < processors ? most : (unsigned)processors;
}

/* The second time through, by as many hands as there are processors and memory for. */
static void share_out(struct load *load)
{
	struct hand *others[HANDS_MAX];
	unsigned count = 0, wanted = hands_wanted(load->cache);
	while (count + 1 < wanted && (others[count] = hand_new(load)))
		count++;
	load->hands = count + 1;
	for (unsigned i = 0; i < count; i++) {
		others[i]->load.hand = i + 1;
		others[i]->load.hands = count + 1;
		others[i]->started = pthread_create(&others[i]->thread, NULL, put_back_all,
						    &others[i]->load) == 0;
	}
	put_back_all(load);
	for (unsigned i = 0; i < count; i++)
		hand_join(load, others[i]);
}

static void read_all(struct load *load, const struct hf_keep_name *names, size_t count)
{
	size_t first = first_that_counts(names, count);
	load->names = names + first;
	load->name_count = count - first;
	for (size_t i = first; i < count; i++) {
		size_t known = load->session_count;
		read_file(load, &names[i], true, note_block);
		while (known < load->session_count) /* in order of their files */
			load->sessions[known++].latest = (hf_us)names[i].generation;
	}
	date_sessions(load);
	share_out(load);
	if (load->figures->faults > TOLD_MAX)
		fprintf(load->complaints, "%s: %" PRIu64 " more damaged places\n", load->path,
			load->figures->faults - TOLD_MAX);
}

void hf_keep_load(const struct hf_keep_dir *dir, const char *path, const struct hf_keep_name *names,
	size_t count, const struct hf_keep_home *home, const struct hf_written_clocks *now,
	FILE *complaints, struct hf_keep_loaded *ret)
{
	struct load *load = calloc(1, sizeof *load);
	uint8_t *window = malloc(WINDOW_MAX);
	*ret = (struct hf_keep_loaded){ .gap = -1 };
	if (load && window) {
		*load = (struct load){ .dir = dir, .path = path, .plan = home->plan,
			.cache = home->cache, .team = home->team, .now = *now,
			.complaints = complaints, .figures = ret, .window = { .bytes = window } };
		read_all(load, names, count);
		count_learnt(load);
		ret->entries = hf_cache_sums(home->cache).entries;
	} else {
		fprintf(complaints, "%s: no memory to read it\n", path);
	}
	for (size_t i = 0; load && i < load->table_count; i++)
		free(load->tables[i].routes);
	free(window);
	free(load);
}

/* Which start of the machine this is, as a number. */
static uint64_t boot_number(void)
{
	static const struct hf_hash_key key = { 0, 0 };
	char text[64];
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof text);
	close(fd);
	return n > 0 ? hf_hash(&key, 0, text, (size_t)n) : 0;
}

struct hf_written_clocks hf_keep_clocks(void)
{
	static uint64_t boot;
	static bool known;
	struct hf_clocks now = hf_clocks_now();
	if (!known)
		boot = boot_number();
	known = true;
	return (struct hf_written_clocks){ boot, now.monotonic, now.boottime, now.wall };
}
