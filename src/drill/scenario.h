/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scenario.h - a .play file: what the world is like, what happens, what must
 * come of it.
 *
 * Story: a scenario is read whole before anything is played. It has upstreams
 * (what they know, how they behave, what the way to them is like), routes, the
 * server's options, events at their times, and what must hold in the end.
 *
 *   seed 7                          the dice, unless the command says otherwise
 *   workers 2
 *   instances 200                   servers beside one another, before the same upstreams
 *   option [upstream NAME | cache | clients | listen | outgoing | tcp | truth] KEY VALUE
 *                                   what asks by itself (truth) is off if it is not named
 *   expect *.bank.example addresses 192.0.2.0/28 agree 2 of 3   as `expect:` does
 *   tombstones 192.0.2.66 10.0.3.0/24                           as `tombstones:` does
 *   upstream a answers shop.example A 192.0.2.10 ttl 300
 *   certificate 192.0.2.10 shop.example *.shop.example    what a server there shows (vouch.h)
 *   upstream a zone FILE            or: zone { ...lines of zone text... }
 *   upstream a negative 60s         SOA MINIMUM of what it denies
 *   upstream a silent               any manner (peer.h) or weather (below)
 *   route . to a b order listed
 *   at 16m [every 5s until 60m] WHAT
 *       ask NAME TYPE [via tcp] [do] [cd] [plain] [edns N] [times N] [popular]
 *           [as STUB] [from PREFIX] [expect ...]
 *       load 200/s for 60s names n{0..9999}.example A [...] [expect ...]
 *       upstream a MANNER [for DURATION] | WEATHER | answers ... | forgets NAME
 *       certificate 192.0.2.10 NAME... | none
 *       clock of holdfast jumps +3h | wall clock jumps -1h | holdfast stalls 2s
 *   finally packets to a <= 60  answered >= 99.9%  servfail == 0
 *
 * Words of expectation are rows in expect.h, those of the end in tally.h, those
 * of an upstream's behaviour in peer.h, stubs and how they try again in stub.h: a
 * new one is a row there.
 * Ownership: everything lies in the scenario's arena and is const once read.
 * At the bound: HF_PLAY_* below; past them, a complaint.
 * Threads: one owner.  Never: plays anything. */
#ifndef HF_DRILL_SCENARIO_H
#define HF_DRILL_SCENARIO_H

#include "base/arena.h"
#include "cache/cache_conf.h"
#include "drill/expect.h"
#include "drill/peer.h"
#include "drill/stub.h"
#include "drill/tally.h"
#include "drill/vouch.h"
#include "forward/route.h"
#include "serve/serve_conf.h"

#define HF_PLAY_TEXT_MAX (1u << 20)     /* octets of a file */
#define HF_PLAY_MEMORY_MAX (256u << 20) /* of all that is read, zones included */
#define HF_PLAY_ROUTES_MAX 64
#define HF_PLAY_EXPECTATIONS_MAX 64
#define HF_PLAY_PREFIXES_MAX 16 /* of one list of an expectation */
#define HF_PLAY_WORKERS_MAX 16
#define HF_PLAY_INSTANCES_MAX 1000
#define HF_PLAY_EVENTS_MAX 10000
#define HF_PLAY_REPEATS_MAX 100000      /* of one event by `every`, and of one ask by `times` */

/* "n{0..9999}.example": one of many names. */
struct hf_play_names {
	const char *before, *after;
	uint64_t low, high; /* inclusive */
	bool many;
};

struct hf_play_ask {
	struct hf_play_names names;
	uint16_t type;
	bool tcp, dnssec_ok, checking_disabled, plain;
	uint16_t edns_size;
	bool popular; /* the first names are asked for most: twice as far, half as often */
	const struct hf_stub_row *stub; /* who asks, and asks again; NULL: once */
	struct hf_prefix from;          /* addresses of those who ask; family 0: the crowd's own */
	int64_t times;
	int64_t rate; /* load: a second; 0: all at once */
	hf_us lasting;
	const struct hf_expect *expects;
};

enum hf_play_what {
	HF_PLAY_ASK,
	HF_PLAY_MANNER,
	HF_PLAY_WEATHER,
	HF_PLAY_DATA,   /* sets what an upstream knows of some names and types */
	HF_PLAY_FORGET,
	HF_PLAY_JUMP,
	HF_PLAY_WALL,
	HF_PLAY_STALL,
	HF_PLAY_VOUCH,
};

struct hf_play_event {
	enum hf_play_what what;
	hf_us at, every, until; /* from the beginning of the play; every 0: once */
	unsigned line;
	const char *text; /* as written, for reports */
	unsigned upstream;
	struct hf_play_ask ask;
	const struct hf_manner *manner;
	int64_t number;     /* of the manner; the jump or stall in us */
	hf_us lasting;      /* of the manner; 0: until told otherwise */
	struct hf_weather weather;
	struct hf_peer_data data;
	struct hf_name name;
	const struct hf_vouched *vouched;
};

struct hf_play_upstream {
	const char *name;
	struct hf_upstream_conf conf;
	struct hf_peer_data data;
	const struct hf_manner *manner;
	int64_t manner_number;
	struct hf_weather weather;
	uint32_t negative_ttl;
};

struct hf_scenario {
	struct hf_arena arena;
	const char *file;
	uint64_t seed;
	unsigned workers, instances;
	struct hf_play_upstream upstreams[HF_PLAY_UPSTREAMS_MAX];
	size_t upstream_count;
	struct hf_route routes[HF_PLAY_ROUTES_MAX];
	size_t route_count;
	struct hf_cache_conf cache;
	struct hf_clients_conf clients;
	struct hf_listen_conf listen;
	struct hf_tcp_conf tcp;
	struct hf_outgoing_conf outgoing;
	struct hf_truth_conf truth;
	struct hf_expectation expectations[HF_PLAY_EXPECTATIONS_MAX];
	struct hf_play_event *events;
	size_t event_count;
	struct hf_final *finals;
	struct hf_vouches vouches; /* as the play begins */
};

/* Reads a text. Every fault is a line on complaints; then HF_ESYNTAX. `file` is
 * named there, and is where zone files are looked for beside. */
int hf_scenario_parse(const char *file, const char *text, size_t len, FILE *complaints,
	struct hf_scenario **ret);

/* The same from a file; what the system says is a complaint, too. */
int hf_scenario_load(const char *file, FILE *complaints, struct hf_scenario **ret);

void hf_scenario_free(struct hf_scenario *scenario); /* NULL is fine */

/* Writes the name number `number` (low to high) of a pattern. */
int hf_play_name(const struct hf_play_names *names, uint64_t number, struct hf_name *ret);

#endif
