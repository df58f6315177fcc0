/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/queue.h"

#include "base/check.h"
#include "base/error.h"

/* Longest chain of a hash bucket, longest walk for the place of an entry that
 * moves, or for one that has to leave, most turns passed on before somebody goes. Reached only by
 * an accident or costs far from 1 to 6; see the header for what happens then. */
#define PROBES 64
#define WALK 64
#define VISITS 64

#define QUANTUM 1 /* packets a turn is worth */
#define DEEPEST_DEBT (-65536)

#define OWNER(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/* Somebody who takes turns: a client among clients, a flow among its client's. */
struct turn {
	struct hf_queue_link link;
	int32_t credit; /* packets */
	bool due;       /* has saved enough, or was passed on for too long: goes next */
};

struct node { /* in a hash table */
	struct node *chain;
	size_t bucket;
};

struct client {
	struct turn turn;
	struct node node;
	uint64_t id;
	struct hf_queue_link same;    /* among those with a backlog as long */
	struct hf_queue_link entries; /* by arrival */
	struct hf_queue_link flows;   /* whose turn it is */
	size_t backlog;
};

struct hf_queue_flow {
	struct turn turn;
	struct node node;
	struct client *client;
	uint32_t route;
	uint16_t type;
	size_t length;
	struct hf_queue_link entries; /* by arrival */
};

struct table {
	struct node **buckets;
	struct node *spare;
};

struct hf_queue {
	size_t entries_max, depth, client_count;
	size_t depth_of[HF_QUEUE_KINDS];
	size_t longest; /* backlog; by_length[longest] has somebody unless it is 0 */
	uint64_t arrivals;
	struct hf_queue_link turns;      /* clients; whose turn it is comes first */
	struct hf_queue_link *by_length; /* clients by backlog */
	size_t of_route[HF_QUEUE_ROUTES];
	struct hf_queue_link in_route[HF_QUEUE_ROUTES]; /* entries, by arrival */
	size_t mask;
	struct table clients, flows;
	struct client *client_pool;
	struct hf_queue_flow *flow_pool;
};

/* ---- lists ---- */

static void list_init(struct hf_queue_link *list)
{
	list->prev = list->next = list;
}

static bool list_empty(const struct hf_queue_link *list)
{
	return list->next == list;
}

static void list_insert_before(struct hf_queue_link *at, struct hf_queue_link *link)
{
	link->prev = at->prev;
	link->next = at;
	at->prev->next = link;
	at->prev = link;
}

static void list_remove(struct hf_queue_link *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
}

static void list_to_end(struct hf_queue_link *list, struct hf_queue_link *link)
{
	list_remove(link);
	list_insert_before(list, link);
}

/* ---- classes ---- */

/* Spreads over all bits what was packed into one word (the finish of MurmurHash3:
 * a bijection, so what is chosen by a client meets its hash, which is secret). */
static uint64_t mix(uint64_t word)
{
	word = (word ^ word >> 33) * 0xff51afd7ed558ccdu;
	word = (word ^ word >> 33) * 0xc4ceb9fe1a85ec53u;
	return word ^ word >> 33;
}

static size_t client_bucket(const struct hf_queue *q, uint64_t id)
{
	return mix(id) & q->mask;
}

static size_t flow_bucket(const struct hf_queue *q, const struct hf_queue_class *c)
{
	return mix(c->client + mix((uint64_t)c->route << 16 | c->type)) & q->mask;
}

static struct node *table_take(struct table *table, size_t bucket)
{
	struct node *node = table->spare;
	table->spare = node->chain;
	node->bucket = bucket;
	node->chain = table->buckets[bucket];
	table->buckets[bucket] = node;
	return node;
}

static void table_give_back(struct table *table, struct node *node)
{
	struct node **at = &table->buckets[node->bucket];
	while (*at != node)
		at = &(*at)->chain;
	*at = node->chain;
	node->chain = table->spare;
	table->spare = node;
}

static struct client *client_find(const struct hf_queue *q, uint64_t id)
{
	int probes = 0;
	for (struct node *n = q->clients.buckets[client_bucket(q, id)]; n; n = n->chain) {
		struct client *client = OWNER(n, struct client, node);
		if (client->id == id || ++probes == PROBES)
			return client;
	}
	return NULL;
}

static struct hf_queue_flow *flow_find(const struct hf_queue *q, const struct hf_queue_class *c)
{
	int probes = 0;
	for (struct node *n = q->flows.buckets[flow_bucket(q, c)]; n; n = n->chain) {
		struct hf_queue_flow *flow = OWNER(n, struct hf_queue_flow, node);
		if ((flow->client->id == c->client && flow->route == c->route &&
			    flow->type == c->type) ||
			++probes == PROBES)
			return flow;
	}
	return NULL;
}

static struct client *client_new(struct hf_queue *q, uint64_t id)
{
	struct node *node = table_take(&q->clients, client_bucket(q, id));
	struct client *client = OWNER(node, struct client, node);
	client->id = id;
	client->backlog = 0;
	client->turn.credit = 0;
	client->turn.due = false;
	list_init(&client->entries);
	list_init(&client->flows);
	list_insert_before(&q->turns, &client->turn.link);
	list_insert_before(&q->by_length[0], &client->same);
	q->client_count++;
	return client;
}

static struct hf_queue_flow *flow_new(struct hf_queue *q, const struct hf_queue_class *c)
{
	struct client *client = client_find(q, c->client);
	if (!client)
		client = client_new(q, c->client);
	struct node *node = table_take(&q->flows, flow_bucket(q, c));
	struct hf_queue_flow *flow = OWNER(node, struct hf_queue_flow, node);
	flow->client = client;
	flow->route = c->route;
	flow->type = c->type;
	flow->length = 0;
	flow->turn.credit = 0;
	flow->turn.due = false;
	list_init(&flow->entries);
	list_insert_before(&client->flows, &flow->turn.link);
	return flow;
}

static void set_backlog(struct hf_queue *q, struct client *client, size_t backlog)
{
	client->backlog = backlog;
	list_to_end(&q->by_length[backlog], &client->same);
	if (backlog > q->longest)
		q->longest = backlog;
	/* It was the only one of its length, and is now one shorter. */
	while (q->longest && list_empty(&q->by_length[q->longest]))
		q->longest--;
}

/* ---- entries ---- */

/* Where an entry belongs in a list by arrival: before the link returned. */
static struct hf_queue_link *place_of(struct hf_queue_link *list, uint64_t arrival, size_t offset)
{
	struct hf_queue_link *at = list;
	for (int i = 0; i < WALK && at->prev != list; i++, at = at->prev)
		if (((struct hf_queue_entry *)((char *)at->prev - offset))->arrival < arrival)
			return at;
	struct hf_queue_link *first = list->next;
	if (at->prev != list &&
		((struct hf_queue_entry *)((char *)first - offset))->arrival > arrival)
		return first;
	return at;
}

static size_t route_at(uint32_t route)
{
	return route % HF_QUEUE_ROUTES;
}

/* Queues an entry whose cost and arrival are set. */
static void attach(struct hf_queue *q, struct hf_queue_entry *e, const struct hf_queue_class *c)
{
	struct hf_queue_flow *flow = flow_find(q, c);
	if (!flow)
		flow = flow_new(q, c);
	struct client *client = flow->client;
	struct hf_queue_link *route = &q->in_route[route_at(flow->route)];
	list_insert_before(
		place_of(&flow->entries, e->arrival, offsetof(struct hf_queue_entry, in_flow)),
		&e->in_flow);
	list_insert_before(
		place_of(&client->entries, e->arrival, offsetof(struct hf_queue_entry, in_client)),
		&e->in_client);
	list_insert_before(place_of(route, e->arrival, offsetof(struct hf_queue_entry, in_route)),
		&e->in_route);
	set_backlog(q, client, client->backlog + 1);
	flow->length++;
	q->of_route[route_at(flow->route)]++;
	e->flow = flow;
	e->queued = true;
	e->kind = (uint8_t)c->kind;
	q->depth++;
	q->depth_of[e->kind]++;
}

static void client_leave(struct hf_queue *q, struct client *client)
{
	list_remove(&client->turn.link);
	list_remove(&client->same);
	table_give_back(&q->clients, &client->node);
	q->client_count--;
}

static void detach(struct hf_queue *q, struct hf_queue_entry *e)
{
	struct hf_queue_flow *flow = e->flow;
	struct client *client = flow->client;
	list_remove(&e->in_flow);
	list_remove(&e->in_client);
	list_remove(&e->in_route);
	flow->length--;
	q->of_route[route_at(flow->route)]--;
	set_backlog(q, client, client->backlog - 1);
	if (list_empty(&flow->entries)) {
		list_remove(&flow->turn.link);
		table_give_back(&q->flows, &flow->node);
	}
	if (client->backlog == 0)
		client_leave(q, client);
	e->flow = NULL;
	e->queued = false;
	q->depth--;
	q->depth_of[e->kind]--;
}

/* ---- turns ---- */

static struct hf_queue_entry *flow_first(const struct turn *turn)
{
	const struct hf_queue_flow *flow = OWNER(turn, const struct hf_queue_flow, turn);
	return OWNER(flow->entries.next, struct hf_queue_entry, in_flow);
}

static struct turn *whose(
	struct hf_queue_link *turns, struct hf_queue_entry *(*first)(const struct turn *turn));

static struct hf_queue_entry *client_first(const struct turn *turn)
{
	struct client *client = OWNER(turn, struct client, turn);
	return flow_first(whose(&client->flows, flow_first));
}

/* Passes the turn on until it is with somebody who has saved enough for his
 * first entry. He stays first, and due, until he has gone. */
static struct turn *whose(
	struct hf_queue_link *turns, struct hf_queue_entry *(*first)(const struct turn *turn))
{
	for (int visits = 1;; visits++) {
		struct turn *turn = OWNER(turns->next, struct turn, link);
		if (turn->due)
			return turn;
		turn->credit += QUANTUM;
		turn->due = turn->credit >= first(turn)->cost || visits == VISITS;
		if (!turn->due)
			list_to_end(turns, &turn->link);
	}
}

static void charge(struct hf_queue_link *turns, struct turn *turn, uint16_t cost)
{
	turn->credit -= cost;
	if (turn->credit < DEEPEST_DEBT)
		turn->credit = DEEPEST_DEBT;
	turn->due = false;
	list_to_end(turns, &turn->link);
}

/* ---- who has to leave ---- */

static struct hf_queue_entry *newest(const struct hf_queue_flow *flow)
{
	return OWNER(flow->entries.prev, struct hf_queue_entry, in_flow);
}

/* The client's longest flow; of several the one whose newest came last. */
static struct hf_queue_flow *longest_flow(const struct client *client)
{
	struct hf_queue_flow *longest = NULL;
	const struct hf_queue_link *at = client->flows.next;
	for (int i = 0; i < WALK && at != &client->flows; i++, at = at->next) {
		struct hf_queue_flow *flow = OWNER(at, struct hf_queue_flow, turn.link);
		if (!longest || flow->length > longest->length ||
			(flow->length == longest->length &&
				newest(flow)->arrival > newest(longest)->arrival))
			longest = flow;
	}
	return longest;
}

/* Of the route with the most entries, if that is not the newcomer's: the newest of a client
 * that is no better off than the newcomer's would be. */
static struct hf_queue_entry *loser_by_route(
	const struct hf_queue *q, const struct hf_queue_class *c, size_t would_be)
{
	size_t most = 0;
	for (size_t i = 1; i < HF_QUEUE_ROUTES; i++)
		if (q->of_route[i] > q->of_route[most])
			most = i;
	if (q->of_route[route_at(c->route)] + 1 >= q->of_route[most])
		return NULL;
	const struct hf_queue_link *list = &q->in_route[most], *at = list->prev;
	for (int i = 0; i < WALK && at != list; i++, at = at->prev) {
		struct hf_queue_entry *e = OWNER(at, struct hf_queue_entry, in_route);
		const struct client *client = e->flow->client;
		if (client->backlog >= would_be || client->id == c->client)
			return e;
	}
	return NULL;
}

/* Whose place the newcomer takes; NULL: nobody's. See the header. */
static struct hf_queue_entry *loser_to(const struct hf_queue *q, const struct hf_queue_class *c)
{
	size_t would_be = hf_queue_backlog(q, c->client) + 1;
	if (would_be < q->longest)
		return newest(
			longest_flow(OWNER(q->by_length[q->longest].next, struct client, same)));
	const struct client *own = client_find(q, c->client);
	const struct hf_queue_flow *longest = own ? longest_flow(own) : NULL;
	const struct hf_queue_flow *flow = flow_find(q, c);
	if (longest && longest->length > (flow ? flow->length : 0) + 1)
		return newest(longest);
	return loser_by_route(q, c, would_be);
}

/* ---- the doors ---- */

static int queue_take_memory(struct hf_queue *q)
{
	size_t buckets = 16;
	while (buckets < q->entries_max && buckets < 1u << 24)
		buckets *= 2;
	q->mask = buckets - 1;
	q->by_length = calloc(q->entries_max + 1, sizeof *q->by_length);
	q->clients.buckets = calloc(buckets, sizeof(struct node *));
	q->flows.buckets = calloc(buckets, sizeof(struct node *));
	q->client_pool = calloc(q->entries_max, sizeof *q->client_pool);
	q->flow_pool = calloc(q->entries_max, sizeof *q->flow_pool);
	return q->by_length && q->clients.buckets && q->flows.buckets && q->client_pool &&
			       q->flow_pool
		       ? 0
		       : -ENOMEM;
}

int hf_queue_new(size_t entries_max, struct hf_queue **ret)
{
	if (entries_max < 1 || entries_max == SIZE_MAX)
		return HF_ERANGE;
	struct hf_queue *q = calloc(1, sizeof *q);
	if (!q)
		return -ENOMEM;
	q->entries_max = entries_max;
	if (queue_take_memory(q) < 0) {
		hf_queue_free(q);
		return -ENOMEM;
	}
	list_init(&q->turns);
	for (size_t i = 0; i < HF_QUEUE_ROUTES; i++)
		list_init(&q->in_route[i]);
	for (size_t i = 0; i <= entries_max; i++)
		list_init(&q->by_length[i]);
	for (size_t i = entries_max; i-- > 0;) {
		q->client_pool[i].node.chain = q->clients.spare;
		q->clients.spare = &q->client_pool[i].node;
		q->flow_pool[i].node.chain = q->flows.spare;
		q->flows.spare = &q->flow_pool[i].node;
	}
	*ret = q;
	return 0;
}

void hf_queue_free(struct hf_queue *q)
{
	if (!q)
		return;
	free(q->by_length);
	free(q->clients.buckets);
	free(q->flows.buckets);
	free(q->client_pool);
	free(q->flow_pool);
	free(q);
}

int hf_queue_add(struct hf_queue *q, struct hf_queue_entry *e, const struct hf_queue_class *c,
	uint32_t cost, struct hf_queue_entry **ret_loser)
{
	if (hf_unexpected(e->queued))
		return -EALREADY;
	struct hf_queue_entry *loser = NULL;
	if (q->depth == q->entries_max) {
		*ret_loser = e;
		loser = loser_to(q, c);
		if (!loser)
			return 0;
		detach(q, loser);
	}
	e->cost = (uint16_t)(cost < 1 ? 1 : cost < UINT16_MAX ? cost : UINT16_MAX);
	e->arrival = ++q->arrivals;
	attach(q, e, c);
	*ret_loser = loser;
	return 0;
}

void hf_queue_remove(struct hf_queue *q, struct hf_queue_entry *e)
{
	if (e->queued)
		detach(q, e);
}

void hf_queue_move(struct hf_queue *q, struct hf_queue_entry *e, const struct hf_queue_class *c)
{
	if (!e->queued)
		return;
	if (hf_queue_backlog(q, c->client) >= e->flow->client->backlog) {
		q->depth_of[e->kind]--;
		q->depth_of[e->kind = (uint8_t)c->kind]++;
		return;
	}
	detach(q, e);
	attach(q, e, c);
}

uint32_t hf_queue_wants(struct hf_queue *q)
{
	return q->depth ? client_first(whose(&q->turns, client_first))->cost : 0;
}

struct hf_queue_entry *hf_queue_next(struct hf_queue *q, uint32_t room)
{
	if (!q->depth)
		return NULL;
	struct turn *turn = whose(&q->turns, client_first);
	struct client *client = OWNER(turn, struct client, turn);
	struct hf_queue_entry *e = client_first(turn);
	if (e->cost > room)
		return NULL;
	charge(&client->flows, &e->flow->turn, e->cost);
	charge(&q->turns, turn, e->cost);
	detach(q, e);
	return e;
}

size_t hf_queue_depth(const struct hf_queue *q)
{
	return q->depth;
}

size_t hf_queue_depth_of(const struct hf_queue *q, enum hf_queue_kind kind)
{
	return kind < HF_QUEUE_KINDS ? q->depth_of[kind] : 0;
}

const char *hf_queue_kind_name(enum hf_queue_kind kind)
{
	static const char *const names[HF_QUEUE_KINDS] = {"question", "refresh", "copy", "probe"};
	return kind < HF_QUEUE_KINDS ? names[kind] : "?";
}

size_t hf_queue_clients(const struct hf_queue *q)
{
	return q->client_count;
}

size_t hf_queue_backlog(const struct hf_queue *q, uint64_t client)
{
	const struct client *found = client_find(q, client);
	return found ? found->backlog : 0;
}
