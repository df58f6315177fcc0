/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"
#include "upstream/queue.h"

#define A 1
#define AAAA 28
#define ANY_ROOM UINT32_MAX

struct item { /* what waits, and what the tests know of it */
	struct hf_queue_entry entry;
	struct hf_queue_class class;
	uint64_t arrival;
	uint32_t cost;
	bool in;
};

static struct item *item_of(struct hf_queue_entry *e)
{
	return e ? (struct item *)((char *)e - offsetof(struct item, entry)) : NULL;
}

static struct hf_queue *queue_of(size_t entries_max)
{
	struct hf_queue *q = NULL;
	assert_int_equal(hf_queue_new(entries_max, &q), 0);
	return q;
}

static struct item *add(
	struct hf_queue *q, struct item *i, uint64_t client, uint16_t type, uint32_t cost)
{
	struct hf_queue_entry *loser = NULL;
	i->class = (struct hf_queue_class){.client = client, .route = 1, .type = type};
	assert_int_equal(hf_queue_add(q, &i->entry, &i->class, cost, &loser), 0);
	return item_of(loser);
}

static void each_small_client_is_reached_within_one_take_a_client(void **state)
{
	(void)state;
	static struct item bulk[10000], small[10];
	memset(bulk, 0, sizeof bulk);
	memset(small, 0, sizeof small);
	struct hf_queue *q = queue_of(20000);
	for (size_t i = 0; i < 10000; i++)
		add(q, &bulk[i], 99, A, 1);
	for (int round = 0; round < 50; round++) {
		for (uint64_t i = 0; i < 10; i++)
			add(q, &small[i], i, A, 1);
		assert_int_equal(hf_queue_clients(q), 11);
		for (int take = 0; take < 11; take++)
			assert_non_null(hf_queue_next(q, ANY_ROOM));
		for (int i = 0; i < 10; i++)
			assert_false(small[i].entry.queued);
		/* Between the rounds the bulk has it to itself: nothing lies idle. */
		for (int take = 0; take < 7; take++)
			assert_int_equal(item_of(hf_queue_next(q, 1))->class.client, 99);
	}
	assert_int_equal(hf_queue_backlog(q, 99), 10000 - 50 * 8);
	hf_queue_free(q);
}

static void coming_back_at_once_wins_nothing(void **state)
{
	(void)state;
	static struct item bulk[1000], quick;
	memset(bulk, 0, sizeof bulk);
	struct hf_queue *q = queue_of(2000);
	int took = 0;
	for (size_t i = 0; i < 1000; i++)
		add(q, &bulk[i], 1 + i % 4, A, 1);
	for (int i = 0; i < 500; i++) {
		if (!quick.entry.queued)
			add(q, &quick, 9, A, 1);
		took += hf_queue_next(q, 1) == &quick.entry;
	}
	assert_int_equal(took, 100);
	hf_queue_free(q);
}

static void two_types_of_one_client_share_its_turns(void **state)
{
	(void)state;
	static struct item many[500], few[50], other[300];
	memset(many, 0, sizeof many);
	memset(few, 0, sizeof few);
	memset(other, 0, sizeof other);
	struct hf_queue *q = queue_of(2000);
	for (int i = 0; i < 500; i++)
		add(q, &many[i], 1, A, 1);
	for (int i = 0; i < 50; i++)
		add(q, &few[i], 1, AAAA, 1);
	for (int i = 0; i < 300; i++)
		add(q, &other[i], 2, A, 1);
	int took[3] = {0};
	for (int i = 0; i < 200; i++) {
		const struct item *taken = item_of(hf_queue_next(q, 1));
		took[taken->class.client == 2 ? 2 : taken->class.type == AAAA]++;
	}
	/* A second type is no second share. */
	assert_int_equal(took[0], 50);
	assert_int_equal(took[1], 50);
	assert_int_equal(took[2], 100);
	hf_queue_free(q);
}

/* Packets that two clients got, or two types of one, after some takes. */
static void share(bool one_client, uint32_t packets[static 2])
{
	static struct item items[2][4000];
	memset(items, 0, sizeof items);
	struct hf_queue *q = queue_of(8000);
	for (int i = 0; i < 4000; i++) {
		add(q, &items[0][i], 1, A, 1);
		add(q, &items[1][i], one_client ? 1 : 2, AAAA, 6);
	}
	packets[0] = packets[1] = 0;
	for (int i = 0; i < 2000; i++) {
		struct item *taken = item_of(hf_queue_next(q, 6));
		packets[taken->class.type == AAAA] += taken->entry.cost;
	}
	hf_queue_free(q);
}

static void what_is_shared_is_packets_not_questions(void **state)
{
	(void)state;
	uint32_t packets[2];
	share(false, packets);
	assert_true(packets[0] > 1500 && packets[0] <= packets[1] + 6);
	assert_true(packets[1] <= packets[0] + 6);
	share(true, packets);
	assert_true(packets[0] > 1500 && packets[0] <= packets[1] + 6);
	assert_true(packets[1] <= packets[0] + 6);
}

static void nobody_is_overtaken_because_there_is_no_room_for_him(void **state)
{
	(void)state;
	static struct item large, small[20];
	memset(small, 0, sizeof small);
	struct hf_queue *q = queue_of(100);
	assert_int_equal(hf_queue_wants(q), 0);
	assert_null(hf_queue_next(q, ANY_ROOM));
	add(q, &large, 1, A, 6);
	for (int i = 0; i < 20; i++)
		add(q, &small[i], 2, A, 1);
	/* It saves up for its turn, five of the other's long, and then it is its turn. */
	int before = 0;
	while (hf_queue_next(q, 5))
		before++;
	assert_int_equal(before, 5);
	assert_int_equal(hf_queue_wants(q), 6);
	for (int i = 0; i < 1000; i++)
		assert_null(hf_queue_next(q, 5));
	assert_ptr_equal(hf_queue_next(q, 6), &large.entry);
	assert_int_equal(hf_queue_wants(q), 1);
	hf_queue_free(q);
}

static void the_longest_backlog_loses_its_newest(void **state)
{
	(void)state;
	static struct item items[20];
	memset(items, 0, sizeof items);
	struct hf_queue *q = queue_of(10);
	for (int i = 0; i < 6; i++)
		assert_null(add(q, &items[i], 1, i % 2 ? A : AAAA, 1));
	for (int i = 6; i < 10; i++)
		assert_null(add(q, &items[i], 2, A, 1));
	assert_ptr_equal(add(q, &items[10], 3, A, 1), &items[5]);
	assert_false(items[5].entry.queued);
	assert_true(items[10].entry.queued);
	assert_int_equal(hf_queue_backlog(q, 1), 5);
	/* As long as the longest with this one: it is the newest. */
	assert_ptr_equal(add(q, &items[11], 2, A, 1), &items[11]);
	assert_false(items[11].entry.queued);
	assert_ptr_equal(add(q, &items[12], 1, A, 1), &items[12]);
	assert_int_equal(hf_queue_depth(q), 10);
	/* One each: nobody who waits is worse than the newcomer. */
	while (hf_queue_next(q, 1))
		;
	for (uint64_t i = 0; i < 10; i++)
		assert_null(add(q, &items[i], i, A, 1));
	assert_ptr_equal(add(q, &items[15], 77, A, 1), &items[15]);
	hf_queue_free(q);
}

static struct item *add_to(struct hf_queue *q, struct item *i, uint64_t client, uint32_t route)
{
	struct hf_queue_entry *loser = NULL;
	i->class = (struct hf_queue_class){.client = client, .route = route, .type = A};
	assert_int_equal(hf_queue_add(q, &i->entry, &i->class, 1, &loser), 0);
	return item_of(loser);
}

/* One client, as a resolver that forwards to us is: it floods one zone, and asks for another. */
static void a_clients_flood_for_one_route_does_not_keep_out_its_question_for_another(void **state)
{
	(void)state;
	static struct item flood[10], others[10];
	memset(flood, 0, sizeof flood);
	memset(others, 0, sizeof others);
	struct hf_queue *q = queue_of(10);
	for (int i = 0; i < 10; i++)
		assert_null(add_to(q, &flood[i], 1, 7));
	for (int i = 0; i < 5; i++) {
		assert_ptr_equal(add_to(q, &others[i], 1, 8), &flood[9 - i]);
		assert_true(others[i].entry.queued);
	}
	/* Now it has as much of both. */
	assert_ptr_equal(add_to(q, &others[5], 1, 8), &others[5]);
	assert_ptr_equal(add_to(q, &flood[9], 1, 7), &flood[9]);
	hf_queue_free(q);
}

static void a_flood_of_many_clients_for_one_route_keeps_out_nobodys_question_for_another(
	void **state)
{
	(void)state;
	enum { MOST = 8192 };
	struct item *flood = calloc(MOST, sizeof *flood);
	static struct item others[3], more;
	memset(others, 0, sizeof others);
	assert_non_null(flood);
	struct hf_queue *q = queue_of(MOST);
	for (uint64_t i = 0; i < MOST; i++)
		assert_null(add_to(q, &flood[i], 1000 + i, 7));
	assert_ptr_equal(add_to(q, &more, 1, 7), &more);
	assert_ptr_equal(add_to(q, &others[0], 1, 8), &flood[MOST - 1]);
	assert_ptr_equal(add_to(q, &others[1], 2, 8 + HF_QUEUE_ROUTES), &flood[MOST - 2]);
	/* Its client has one already, and nobody of the flood has more. */
	assert_ptr_equal(add_to(q, &others[2], 2, 8), &others[2]);
	/* A client of the flood's own gives up its own place. */
	assert_ptr_equal(add_to(q, &others[2], 1000 + MOST - 3, 8), &flood[MOST - 3]);
	assert_int_equal(hf_queue_depth(q), MOST);
	hf_queue_free(q);
	free(flood);
}

static void who_has_to_leave_is_of_the_clients_longest_flow(void **state)
{
	(void)state;
	static struct item items[8];
	memset(items, 0, sizeof items);
	struct hf_queue *q = queue_of(6);
	for (int i = 0; i < 4; i++)
		assert_null(add_to(q, &items[i], 1, 7));
	assert_null(add_to(q, &items[4], 1, 8));
	assert_null(add_to(q, &items[5], 2, 7));
	assert_ptr_equal(add_to(q, &items[6], 3, 7), &items[3]);
	assert_true(items[4].entry.queued);
	hf_queue_free(q);
}

static void each_kind_is_counted_while_it_waits(void **state)
{
	(void)state;
	static struct item items[4];
	memset(items, 0, sizeof items);
	struct hf_queue *q = queue_of(10);
	struct hf_queue_entry *loser;
	for (unsigned i = 0; i < 4; i++) {
		const struct hf_queue_class class = {.client = i < 2 ? 1 : 0,
			.route = 1,
			.type = A,
			.kind = i == 3   ? HF_QUEUE_PROBE
				: i == 2 ? HF_QUEUE_REFRESH
					 : HF_QUEUE_QUESTION};
		assert_int_equal(hf_queue_add(q, &items[i].entry, &class, 1, &loser), 0);
	}
	assert_int_equal(hf_queue_depth_of(q, HF_QUEUE_QUESTION), 2);
	assert_int_equal(hf_queue_depth_of(q, HF_QUEUE_REFRESH), 1);
	assert_int_equal(hf_queue_depth_of(q, HF_QUEUE_PROBE), 1);
	/* A client waits for what was a refresh: it is its question now. */
	const struct hf_queue_class also = {.client = 2, .route = 1, .type = A};
	hf_queue_move(q, &items[2].entry, &also);
	assert_int_equal(hf_queue_depth_of(q, HF_QUEUE_QUESTION), 3);
	assert_int_equal(hf_queue_depth_of(q, HF_QUEUE_REFRESH), 0);
	hf_queue_remove(q, &items[3].entry);
	while (hf_queue_next(q, 1))
		;
	for (unsigned kind = 0; kind < HF_QUEUE_KINDS; kind++)
		assert_int_equal(hf_queue_depth_of(q, kind), 0);
	hf_queue_free(q);
}

static void an_entry_moves_only_to_a_shorter_backlog(void **state)
{
	(void)state;
	static struct item bulk[100], own[3], same;
	memset(bulk, 0, sizeof bulk);
	memset(own, 0, sizeof own);
	struct hf_queue *q = queue_of(1000);
	struct hf_queue_class small = {.client = 2, .route = 1, .type = A};
	struct hf_queue_class large = {.client = 1, .route = 1, .type = A};
	hf_queue_move(q, &same.entry, &small); /* is not queued: nothing */
	assert_int_equal(hf_queue_depth(q), 0);
	for (int i = 0; i < 100; i++)
		add(q, &bulk[i], 1, A, 1);
	for (int i = 0; i < 3; i++)
		add(q, &own[i], 2, A, 1);
	hf_queue_move(q, &own[0].entry, &large);
	assert_int_equal(hf_queue_backlog(q, 2), 3);
	hf_queue_move(q, &bulk[99].entry, &small);
	assert_int_equal(hf_queue_backlog(q, 2), 4);
	assert_int_equal(hf_queue_backlog(q, 1), 99);
	assert_int_equal(hf_queue_depth(q), 103);
	/* It came before the small client's own, so there it goes first. */
	assert_ptr_equal(hf_queue_next(q, 1), &bulk[0].entry);
	assert_ptr_equal(hf_queue_next(q, 1), &bulk[99].entry);
	hf_queue_free(q);
}

static void a_move_into_a_long_backlog_keeps_the_order_sane(void **state)
{
	(void)state;
	static struct item first[300], second[200];
	memset(first, 0, sizeof first);
	memset(second, 0, sizeof second);
	struct hf_queue *q = queue_of(1000);
	struct hf_queue_class to = {.client = 2, .route = 1, .type = A};
	add(q, &first[0], 1, A, 1);
	for (int i = 0; i < 100; i++)
		add(q, &second[i], 2, A, 1);
	add(q, &first[1], 1, A, 1);
	for (int i = 100; i < 200; i++)
		add(q, &second[i], 2, A, 1);
	for (int i = 2; i < 300; i++)
		add(q, &first[i], 1, A, 1);
	hf_queue_move(q, &first[0].entry, &to);   /* before all */
	hf_queue_move(q, &first[1].entry, &to);   /* further in than anybody looks */
	hf_queue_move(q, &first[299].entry, &to); /* after all */
	int place[3] = {0};
	for (int take = 1, mine = 0; hf_queue_backlog(q, 2); take++) {
		const struct item *taken = item_of(hf_queue_next(q, 1));
		if (!taken)
			break;
		if (taken == &first[0] || taken == &first[1] || taken == &first[299])
			place[taken == &first[1] ? 1 : taken == &first[299] ? 2 : 0] = mine;
		mine += taken == &first[0] || taken == &first[1] || taken == &first[299] ||
			(taken >= second && taken < second + 200);
	}
	assert_int_equal(place[0], 0);
	assert_true(place[1] >= 101 && place[1] <= 203 - 64);
	assert_int_equal(place[2], 202);
	hf_queue_free(q);
}

static void nothing_that_is_taken_out_is_seen_again(void **state)
{
	(void)state;
	static struct item i;
	struct hf_queue *q = queue_of(1);
	hf_queue_remove(q, &i.entry);
	add(q, &i, 1, A, 0);
	assert_int_equal(i.entry.cost, 1);
	hf_queue_remove(q, &i.entry);
	hf_queue_remove(q, &i.entry);
	assert_int_equal(hf_queue_depth(q) + hf_queue_clients(q), 0);
	assert_null(hf_queue_next(q, ANY_ROOM));
	add(q, &i, 1, A, 1000000);
	assert_int_equal(hf_queue_wants(q), 65535);
	assert_ptr_equal(hf_queue_next(q, 65535), &i.entry);
	hf_queue_free(q);
	hf_queue_free(NULL);
	assert_int_equal(hf_queue_new(0, &q), HF_ERANGE);
}

/* ---- against a naive model ---- */

#define ITEMS 60
#define ENTRIES_MAX 40
#define CLASSES_MAX 64
#define ROUTES 3

struct model_flow {
	struct hf_queue_class class;
	int credit;
	bool due;
};

struct model_client {
	uint64_t id;
	int credit;
	bool due;
	struct model_flow flows[CLASSES_MAX];
	size_t flow_count;
};

static struct item items[ITEMS];
static struct model_client model[CLASSES_MAX];
static size_t model_count;
static uint64_t dice_state;

static uint32_t dice(uint32_t sides)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return (uint32_t)(dice_state >> 32) % sides;
}

static bool same_flow(const struct hf_queue_class *a, const struct hf_queue_class *b)
{
	return a->client == b->client && a->route == b->route && a->type == b->type;
}

static size_t model_backlog(uint64_t client)
{
	size_t n = 0;
	for (size_t i = 0; i < ITEMS; i++)
		n += items[i].in && items[i].class.client == client;
	return n;
}

static size_t model_longest(void)
{
	size_t longest = 0;
	for (size_t i = 0; i < model_count; i++)
		if (model_backlog(model[i].id) > longest)
			longest = model_backlog(model[i].id);
	return longest;
}

static struct item *model_first(const struct hf_queue_class *class)
{
	struct item *first = NULL;
	for (size_t i = 0; i < ITEMS; i++)
		if (items[i].in && same_flow(&items[i].class, class) &&
			(!first || items[i].arrival < first->arrival))
			first = &items[i];
	return first;
}

static void rotate_clients(void)
{
	struct model_client first = model[0];
	memmove(model, model + 1, (model_count - 1) * sizeof *model);
	model[model_count - 1] = first;
}

static void rotate_flows(struct model_client *c)
{
	struct model_flow first = c->flows[0];
	memmove(c->flows, c->flows + 1, (c->flow_count - 1) * sizeof *c->flows);
	c->flows[c->flow_count - 1] = first;
}

static struct item *model_client_first(struct model_client *c)
{
	for (int visits = 1; !c->flows[0].due; visits++) {
		struct model_flow *f = &c->flows[0];
		f->credit++;
		f->due = f->credit >= (int)model_first(&f->class)->cost || visits == 64;
		if (!f->due)
			rotate_flows(c);
	}
	return model_first(&c->flows[0].class);
}

static struct item *model_turn(void)
{
	for (int visits = 1; !model[0].due; visits++) {
		model[0].credit++;
		model[0].due =
			model[0].credit >= (int)model_client_first(&model[0])->cost || visits == 64;
		if (!model[0].due)
			rotate_clients();
	}
	return model_client_first(&model[0]);
}

/* Forgets the classes that have nothing left. */
static void model_sweep(void)
{
	for (size_t i = 0; i < model_count;) {
		struct model_client *c = &model[i];
		for (size_t f = 0; f < c->flow_count;)
			if (model_first(&c->flows[f].class))
				f++;
			else
				memmove(&c->flows[f], &c->flows[f + 1],
					(--c->flow_count - f) * sizeof *c->flows);
		if (c->flow_count)
			i++;
		else
			memmove(c, c + 1, (--model_count - i) * sizeof *c);
	}
}

static void model_join(const struct hf_queue_class *class)
{
	size_t i = 0, f = 0;
	while (i < model_count && model[i].id != class->client)
		i++;
	if (i == model_count)
		model[model_count++] = (struct model_client){.id = class->client};
	while (f < model[i].flow_count && !same_flow(&model[i].flows[f].class, class))
		f++;
	if (f == model[i].flow_count)
		model[i].flows[model[i].flow_count++] = (struct model_flow){.class = *class};
}

static void leave(struct item *i)
{
	assert_false(i->entry.queued);
	i->in = false;
	model_sweep();
}

static size_t model_flow_length(const struct hf_queue_class *class)
{
	size_t n = 0;
	for (size_t i = 0; i < ITEMS; i++)
		n += items[i].in && same_flow(&items[i].class, class);
	return n;
}

static size_t model_longest_flow(uint64_t client)
{
	size_t longest = 0;
	for (size_t i = 0; i < ITEMS; i++)
		if (items[i].in && items[i].class.client == client &&
			model_flow_length(&items[i].class) > longest)
			longest = model_flow_length(&items[i].class);
	return longest;
}

static size_t model_route_length(uint32_t route)
{
	size_t n = 0;
	for (size_t i = 0; i < ITEMS; i++)
		n += items[i].in && items[i].class.route == route;
	return n;
}

/* The newest of the longest route whose client has no less than the newcomer's would. */
static struct item *model_loser_by_route(const struct hf_queue_class *class)
{
	struct item *loser = NULL;
	size_t would_be = model_backlog(class->client) + 1;
	uint32_t most = 0;
	for (uint32_t r = 1; r < ROUTES; r++)
		if (model_route_length(r) > model_route_length(most))
			most = r;
	if (model_route_length(class->route) + 1 >= model_route_length(most))
		return NULL;
	for (size_t i = 0; i < ITEMS; i++)
		if (items[i].in && items[i].class.route == most &&
			(items[i].class.client == class->client ||
				model_backlog(items[i].class.client) >= would_be) &&
			(!loser || items[i].arrival > loser->arrival))
			loser = &items[i];
	return loser;
}

/* The newest of a longest flow of the client. */
static void assert_newest_of_longest(const struct item *lost, uint64_t client)
{
	assert_true(lost->class.client == client);
	assert_int_equal(model_flow_length(&lost->class), model_longest_flow(client));
	for (size_t k = 0; k < ITEMS; k++)
		if (items[k].in && same_flow(&items[k].class, &lost->class))
			assert_true(items[k].arrival <= lost->arrival);
}

/* NULL: the newcomer. */
static void assert_loses(const struct item *lost, const struct hf_queue_class *class)
{
	size_t longest = model_longest(), own = model_backlog(class->client);
	if (own + 1 < longest) {
		assert_non_null(lost);
		assert_int_equal(model_backlog(lost->class.client), longest);
		assert_newest_of_longest(lost, lost->class.client);
	} else if (model_longest_flow(class->client) > model_flow_length(class) + 1) {
		assert_non_null(lost);
		assert_newest_of_longest(lost, class->client);
	} else {
		assert_ptr_equal(lost, model_loser_by_route(class));
	}
}

static void try_add(
	struct hf_queue *q, struct item *i, const struct hf_queue_class *class, uint64_t arrival)
{
	struct hf_queue_entry *loser = NULL;
	bool full = hf_queue_depth(q) == ENTRIES_MAX;
	uint32_t cost = dice(3) ? 1 : 1 + dice(6);
	assert_int_equal(hf_queue_add(q, &i->entry, class, cost, &loser), 0);
	assert_int_equal(full, loser != NULL);
	if (loser)
		assert_loses(loser == &i->entry ? NULL : item_of(loser), class);
	if (loser && loser != &i->entry)
		leave(item_of(loser));
	else if (loser)
		return;
	i->class = *class;
	i->cost = cost;
	i->arrival = arrival;
	i->in = true;
	model_join(class);
}

static void try_move(struct hf_queue *q, struct item *i, const struct hf_queue_class *class)
{
	bool moves = model_backlog(class->client) < model_backlog(i->class.client);
	hf_queue_move(q, &i->entry, class);
	if (!moves)
		return;
	i->in = false;
	model_sweep();
	i->class = *class;
	i->in = true;
	model_join(class);
}

static void try_next(struct hf_queue *q)
{
	uint32_t room = dice(8);
	struct item *due = model_count ? model_turn() : NULL;
	assert_int_equal(hf_queue_wants(q), due ? due->cost : 0);
	struct item *taken = item_of(hf_queue_next(q, room));
	assert_ptr_equal(taken, due && due->cost <= room ? due : NULL);
	if (!taken)
		return;
	model[0].flows[0].credit -= (int)taken->cost;
	model[0].flows[0].due = false;
	rotate_flows(&model[0]);
	model[0].credit -= (int)taken->cost;
	model[0].due = false;
	rotate_clients();
	leave(taken);
}

static void it_does_what_a_naive_model_does(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct hf_queue *q = queue_of(ENTRIES_MAX);
		memset(items, 0, sizeof items);
		model_count = 0;
		dice_state = seed * 0x9e3779b97f4a7c15u;
		uint32_t clients = 1 + dice(seed % 3 ? 8 : 40);
		for (uint64_t step = 1; step <= 2000; step++) {
			struct item *i = &items[dice(ITEMS)];
			struct hf_queue_class class = {.client = dice(clients),
				.route = dice(seed % 2 ? 2 : ROUTES),
				.type = (uint16_t)(dice(4) ? A : AAAA)};
			uint32_t what = dice(10);
			if (!i->in && what < 5)
				try_add(q, i, &class, step);
			else if (i->in && what == 5)
				hf_queue_remove(q, &i->entry), leave(i);
			else if (i->in && what == 6)
				try_move(q, i, &class);
			else if (what > 6)
				try_next(q);
			assert_int_equal(hf_queue_clients(q), model_count);
			assert_int_equal(
				hf_queue_backlog(q, class.client), model_backlog(class.client));
		}
		while (hf_queue_depth(q))
			try_next(q);
		assert_int_equal(model_count, 0);
		hf_queue_free(q);
	}
}

static void a_hundred_thousand_clients_at_once_do_not_confuse_it(void **state)
{
	(void)state;
	enum { MANY = 100000 };
	struct item *many = calloc(MANY, sizeof *many);
	assert_non_null(many);
	struct hf_queue *q = queue_of(MANY);
	for (uint64_t i = 0; i < MANY; i++)
		assert_null(add(
			q, &many[i], i * 0x9e3779b97f4a7c15u, (uint16_t)i, (uint32_t)(1 + i % 6)));
	assert_int_equal(hf_queue_clients(q), MANY);
	for (uint64_t i = 0; i < MANY; i += 2)
		hf_queue_remove(q, &many[i].entry);
	for (int i = 0; i < MANY / 2; i++)
		assert_non_null(hf_queue_next(q, 6));
	assert_int_equal(hf_queue_depth(q) + hf_queue_clients(q), 0);
	hf_queue_free(q);
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_small_client_is_reached_within_one_take_a_client),
		cmocka_unit_test(coming_back_at_once_wins_nothing),
		cmocka_unit_test(two_types_of_one_client_share_its_turns),
		cmocka_unit_test(what_is_shared_is_packets_not_questions),
		cmocka_unit_test(nobody_is_overtaken_because_there_is_no_room_for_him),
		cmocka_unit_test(the_longest_backlog_loses_its_newest),
		cmocka_unit_test(
			a_clients_flood_for_one_route_does_not_keep_out_its_question_for_another),
		cmocka_unit_test(
			a_flood_of_many_clients_for_one_route_keeps_out_nobodys_question_for_another),
		cmocka_unit_test(who_has_to_leave_is_of_the_clients_longest_flow),
		cmocka_unit_test(each_kind_is_counted_while_it_waits),
		cmocka_unit_test(an_entry_moves_only_to_a_shorter_backlog),
		cmocka_unit_test(a_move_into_a_long_backlog_keeps_the_order_sane),
		cmocka_unit_test(nothing_that_is_taken_out_is_seen_again),
		cmocka_unit_test(it_does_what_a_naive_model_does),
		cmocka_unit_test(a_hundred_thousand_clients_at_once_do_not_confuse_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
