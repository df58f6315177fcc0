/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/world.h"

#include <stdbool.h>

#include "base/check.h"
#include "drill/scenario.h"

#define UPSTREAMS_MAX 4
#define LOADS_MAX 6
#define MANY 200 /* servers: so many are common among fleets */
#define TROUBLES_MAX 4 /* of one upstream */

/* ---- kinds ---- */

/* What a kind promises. A promise that the server of today does not keep is
 * written into the world as a comment, with the reason. */
struct promise {
	const char *words; /* behind `finally`; NULL: the last */
	const char *not_yet;
};

struct kind {
	const char *word;
	unsigned share;     /* of a hundred worlds */
	bool wind;          /* loss, long tails, doubles, caps */
	bool large;         /* answers that do not fit, or get lost on the way */
	unsigned well;      /* so many upstreams of each route stay well */
	bool troubles;      /* the others may turn silent, refuse, lie... */
	bool clocks;        /* jumps and stalls */
	bool fleet;         /* many servers */
	bool tight;         /* small bounds */
	struct promise promises[4];
};

static const struct kind kinds[] = {
	{ .word = "healthy", .share = 20, .well = UPSTREAMS_MAX,
		.promises = { { "answered == 100%  resolved == 100%  slowest <= 1s", NULL } } },
	{ .word = "windy", .share = 20, .wind = true, .large = true, .well = UPSTREAMS_MAX },
	{ .word = "ailing", .share = 22, .large = true, .well = 1, .troubles = true },
	{ .word = "dark", .share = 16, .wind = true, .troubles = true, .tight = true },
	{ .word = "clocks", .share = 12, .large = true, .well = 1, .troubles = true, .clocks = true },
	{ .word = "fleet", .share = 2, .wind = true, .troubles = true, .fleet = true },
	{ .word = "storm", .share = 8, .wind = true, .large = true, .troubles = true, .clocks = true,
		.tight = true },
};

/* ---- dice ---- */

struct world {
	const struct kind *kind;
	uint64_t dice;
	FILE *out;
	unsigned upstreams, instances;
	bool healed[UPSTREAMS_MAX]; /* stays well */
	bool case_mix[UPSTREAMS_MAX];
	bool expects; /* what liars say is ruled out for all names */
	long lasts; /* s */
	long ends;  /* when the last question is asked, s */
};

/* splitmix64, as the simulator's seeds are made. */
static uint64_t dice(struct world *w)
{
	uint64_t z = w->dice += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned roll(struct world *w, unsigned sides)
{
	return (unsigned)(dice(w) % sides);
}

/* In [low, high]. */
static unsigned between(struct world *w, unsigned low, unsigned high)
{
	return low + roll(w, high - low + 1);
}

static bool chance(struct world *w, unsigned percent)
{
	return roll(w, 100) < percent;
}

static const char *one_of(struct world *w, const char *const *words, size_t count)
{
	return words[roll(w, (unsigned)count)];
}

#define ONE_OF(w, ...) \
	one_of((w), (const char *const[]){ __VA_ARGS__ }, \
		sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static char name_of(unsigned upstream)
{
	return (char)('a' + upstream);
}

/* ---- what upstreams know ---- */

/* About a thousand octets: more than old paths let through, less than one reply
 * over TCP. */
static void write_long_text(struct world *w, unsigned strings)
{
	for (unsigned i = 0; i < strings; i++)
		fprintf(w->out, "*.long.example TXT \"%0200u\"\n", i);
}

static void write_zone(struct world *w, unsigned upstream, const unsigned ttls[static 4],
	unsigned strings, bool soa)
{
	fprintf(w->out, "upstream %c zone {\n", name_of(upstream));
	fprintf(w->out, "*.pop.example %u A 192.0.2.10\n*.pop.example %u AAAA 2001:db8::10\n", ttls[0], ttls[0]);
	fprintf(w->out, "*.v4.example %u A 192.0.2.4\n", ttls[1]);
	fprintf(w->out, "*.alias.example %u CNAME one.pop.example.\n", ttls[2]);
	fprintf(w->out, "*.dangling.example %u CNAME nowhere.gone.test.\n", ttls[2]);
	fprintf(w->out, "*.113.81.in-addr.arpa %u PTR host.pop.example.\n", ttls[3]);
	fprintf(w->out, "*.last.example 60 A 192.0.2.7\n");
	fprintf(w->out, "*.corp.test %u A 198.51.100.%u\n", ttls[1], upstream + 1);
	/* Whose TTL and whose MINIMUM are not the same. */
	if (soa)
		fprintf(w->out, "example. %u SOA ns.example. mail.example. 1 7200 900 604800 %u\n", ttls[3], ttls[0]);
	fprintf(w->out, "$TTL %u\n", ttls[2]);
	write_long_text(w, strings);
	fprintf(w->out, "}\n");
}

static void write_knowledge(struct world *w)
{
	static const unsigned likely[] = { 0, 1, 5, 20, 60, 60, 300, 300, 3600, 86400 };
	unsigned ttls[4], strings = w->kind->large ? between(w, 1, 16) : 1;
	for (unsigned i = 0; i < 4; i++)
		ttls[i] = likely[roll(w, sizeof likely / sizeof *likely)];
	unsigned negative = likely[roll(w, sizeof likely / sizeof *likely)];
	bool soa = chance(w, 50);
	for (unsigned u = 0; u < w->upstreams; u++) {
		write_zone(w, u, ttls, strings, soa);
		fprintf(w->out, "upstream %c negative %us\n", name_of(u), negative);
	}
}

/* ---- the way to them ---- */

static void write_wind(struct world *w)
{
	if (chance(w, 60))
		fprintf(w->out, " loss %u%%", between(w, 1, 20));
	if (chance(w, 30))
		fprintf(w->out, " tail %ums", between(w, 100, 4000));
	if (chance(w, 25))
		fprintf(w->out, " reorder %u%%", between(w, 1, 30));
	if (chance(w, 20))
		fprintf(w->out, " duplicate %u%%", between(w, 1, 20));
	if (chance(w, 20))
		fprintf(w->out, " cap %u", between(w, 5, 200));
	if (w->kind->large && chance(w, 40))
		fprintf(w->out, " loses-above %s", ONE_OF(w, "500", "900", "1231", "1400"));
}

static void write_weather(struct world *w, unsigned upstream)
{
	unsigned least = between(w, 1, chance(w, 20) ? 150 : 30);
	fprintf(w->out, "upstream %c delay %ums..%ums", name_of(upstream), least, least + least / 4);
	if (w->kind->wind)
		write_wind(w);
	fprintf(w->out, "\n");
}

/* ---- settings ---- */

static void write_cache_options(struct world *w)
{
	FILE *out = w->out;
	/* Where nothing is to be asked for twice there is room for all of it, even in
	 * the tenth that is for names that were asked for once. */
	fprintf(out, "option cache size %s\n", !w->kind->troubles && !w->kind->wind ? "32MiB"
		: w->kind->fleet || chance(w, 60) ? "1MiB" : "4MiB");
	if (chance(w, 40))
		fprintf(out, "option cache stale %s\n", ONE_OF(w, "0s", "10s", "10m", "1h", "3d"));
	if (chance(w, 30))
		fprintf(out, "option cache stale-after %ums\n", between(w, 10, 5000));
	if (chance(w, 20))
		fprintf(out, "option cache stale-ttl %us\n", between(w, 1, 60));
	if (chance(w, 30))
		fprintf(out, "option cache failure %us\noption cache failure-max %us\n", between(w, 1, 10),
			between(w, 10, 300));
	if (chance(w, 20))
		fprintf(out, "option cache ttl-max %s\n", ONE_OF(w, "0s", "1s", "30s", "1h", "7d"));
	if (chance(w, 20))
		fprintf(out, "option cache negative-max %s\n", ONE_OF(w, "0s", "1s", "30s", "1d"));
	if (chance(w, 15))
		fprintf(out, "option cache nxdomain-cut no\n");
}

static void write_upstream_options(struct world *w, unsigned upstream)
{
	char name = name_of(upstream);
	w->case_mix[upstream] = !chance(w, 10);
	if (!w->case_mix[upstream])
		fprintf(w->out, "option upstream %c case-mix no\n", name);
	if (chance(w, 15))
		fprintf(w->out, "option upstream %c edns-size %s\n", name, ONE_OF(w, "512", "1400", "4096"));
	if (chance(w, 15) && w->kind->troubles)
		fprintf(w->out, "option upstream %c failures-to-open %u\n", name, between(w, 1, 20));
	if (chance(w, 10) && w->kind->troubles)
		fprintf(w->out, "option upstream %c timeout-max %ums\n", name, between(w, 50, 3000));
	if (chance(w, 10) && w->kind->troubles)
		fprintf(w->out, "option upstream %c rest-min %ums\noption upstream %c rest-max %us\n", name,
			between(w, 10, 5000), name, between(w, 5, 300));
}

/* Budgets that may bite, and floors so low that a law of copies can break. */
static void write_budgets(struct world *w, unsigned upstream)
{
	char name = name_of(upstream);
	if (w->kind->troubles && chance(w, 15))
		fprintf(w->out, "option upstream %c budget %u/s\n", name, between(w, 10, 500));
	if (chance(w, 50))
		fprintf(w->out, "option upstream %c retry-floor %u/s\n", name, between(w, 1, 3));
	if (chance(w, 10))
		fprintf(w->out, "option upstream %c retry-percent %u\n", name, between(w, 0, 30));
	if (chance(w, 10))
		fprintf(w->out, "option upstream %c hedge no\noption upstream %c infer-cap no\n", name, name);
}

static void write_outgoing(struct world *w)
{
	if (w->kind->troubles && chance(w, 10))
		fprintf(w->out, "option outgoing budget %u/s\n", between(w, 20, 1000));
	if (chance(w, 50))
		fprintf(w->out, "option outgoing retry-floor %u/s\n", between(w, 1, 5));
	if (chance(w, 20))
		fprintf(w->out, "option cache prefetch no\n");
}

static void write_options(struct world *w)
{
	write_outgoing(w);
	write_cache_options(w);
	if (w->kind->fleet)
		fprintf(w->out, "option clients in-flight 256\n");
	else if (w->kind->tight && chance(w, 40))
		fprintf(w->out, "option clients in-flight %u\n", between(w, 16, 64));
	else
		fprintf(w->out, "option clients in-flight 1024\n");
	for (unsigned u = 0; u < w->upstreams; u++) {
		write_upstream_options(w, u);
		write_budgets(w, u);
	}
}

/* ---- routes ---- */

/* Every second route has upstreams of its own choice. Those that are to stay well
 * come first in each. */
static void write_route(struct world *w, const char *zone)
{
	unsigned first = roll(w, w->upstreams), count = between(w, 1, w->upstreams);
	fprintf(w->out, "route %s to", zone);
	for (unsigned i = 0; i < count; i++) {
		unsigned upstream = (first + i) % w->upstreams;
		fprintf(w->out, " %c", name_of(upstream));
		if (i < w->kind->well)
			w->healed[upstream] = true;
	}
	fprintf(w->out, " order %s\n", chance(w, 50) ? "listed" : "fastest");
}

static void write_routes(struct world *w)
{
	write_route(w, ".");
	if (chance(w, 40))
		write_route(w, "corp.test");
	if (chance(w, 20))
		write_route(w, "long.example");
}

/* ---- who asks ---- */

static const char *pick_names(struct world *w, const char **ret_type)
{
	static const struct {
		const char *names, *type;
		unsigned share;
		bool large;
	} rows[] = {
		{ "n{0..49}.pop.example", "A", 25, false },
		{ "n{0..49}.pop.example", "AAAA", 12, false },
		{ "n{0..9999}.pop.example", "A", 10, false },
		{ "n{0..19}.v4.example", "A", 8, false },
		{ "n{0..19}.v4.example", "AAAA", 8, false }, /* NODATA */
		{ "n{0..19}.gone.example", "A", 7, false },  /* NXDOMAIN */
		{ "n{0..9999}.gone.example", "TXT", 3, false },
		{ "n{0..29}.alias.example", "A", 8, false },
		{ "n{0..9}.alias.example", "AAAA", 5, false },
		{ "n{0..9}.dangling.example", "A", 3, false }, /* NXDOMAIN, but not of that name */
		{ "n{0..9}.dangling.example", "TXT", 3, false },
		{ "n{0..9}.dangling.example", "CNAME", 2, false },
		{ "{0..999999}.113.81.in-addr.arpa", "PTR", 6, false }, /* a storm of names used once */
		{ "n{0..29}.corp.test", "A", 8, false },
		{ "n{0..9}.long.example", "TXT", 12, true },
		{ "one.pop.example", "A", 5, false },
	};
	for (;;) {
		size_t i = roll(w, sizeof rows / sizeof *rows);
		if (roll(w, 25) >= rows[i].share || (rows[i].large && !w->kind->large))
			continue;
		*ret_type = rows[i].type;
		return rows[i].names;
	}
}

static void write_asker(struct world *w)
{
	const char *type, *names = pick_names(w, &type);
	fprintf(w->out, "%s %s", names, type);
	if (chance(w, 50))
		fprintf(w->out, " popular");
	if (chance(w, 15))
		fprintf(w->out, " do");
	if (chance(w, 5))
		fprintf(w->out, " cd");
	if (chance(w, 10))
		fprintf(w->out, " plain");
	else if (chance(w, 15))
		fprintf(w->out, " edns %s", ONE_OF(w, "512", "1400", "4096"));
	if (chance(w, 60))
		fprintf(w->out, " as %s", ONE_OF(w, "glibc", "musl", "resolved", "java", "go", "bulk"));
	if (chance(w, 30))
		fprintf(w->out, " from 10.%u.0.0/%u", between(w, 60, 90), between(w, 24, 32));
	fprintf(w->out, "\n");
}

/* A burst, or a question now and then all the time. */
static void write_load(struct world *w)
{
	unsigned burst = between(w, 10, chance(w, 3) ? 6000 : 200);
	unsigned at = roll(w, (unsigned)w->lasts), rate = between(w, 1, 100);
	if (chance(w, 60)) {
		fprintf(w->out, "at %us load %u/s for %us ", at, rate, burst / rate + 1);
		if (w->ends < at + burst / rate + 1)
			w->ends = at + burst / rate + 1;
	} else {
		unsigned every = (unsigned)(w->lasts * 1000 / burst) + 1;
		fprintf(w->out, "at %ums every %ums until %lds ask ", roll(w, every), every, w->lasts);
	}
	write_asker(w);
}

/* Over TCP at a rate that keeps within the connections of one client. */
static void write_stream_load(struct world *w)
{
	const char *type, *names = pick_names(w, &type);
	fprintf(w->out, "at %us load %u/s for %us %s %s via tcp\n", roll(w, (unsigned)w->lasts), between(w, 1, 6),
		between(w, 1, 20), names, type);
}

static void write_loads(struct world *w)
{
	unsigned count = between(w, 1, w->instances > MANY ? 2 : LOADS_MAX);
	for (unsigned i = 0; i < count; i++)
		write_load(w);
	if (chance(w, 30))
		write_stream_load(w);
}

/* All that liars say lies in one network, which no upstream ever truthfully names. */
static void write_expectations(struct world *w)
{
	w->expects = w->kind->troubles && chance(w, 40);
	if (!w->expects)
		return;
	fprintf(w->out, "expect *. never 203.0.113.0/24\n");
	if (chance(w, 50))
		fprintf(w->out, "expect one.pop.example addresses 192.0.2.0/24\n");
	if (w->upstreams > 1 && chance(w, 30))
		fprintf(w->out, "expect *.v4.example never 203.0.113.0/24 agree 2 of %u\n",
			w->upstreams);
}

/* ---- what goes wrong ---- */

static const char *const lies[] = { "lies-id", "lies-question", "lies-address", "lies-case" };

static void write_manner(struct world *w, unsigned upstream)
{
	static const char *const plain[] = { "silent", "dark", "refuses", "servfail", "refused", "notimp",
		"formerr-on-edns", "drops-edns", "garbage", "truncates", "lame", "repeats", "deaf-on-tcp",
		"cookies", "demands-cookies", "echoes-cookies" };
	if (w->expects && chance(w, 25))
		fprintf(w->out, chance(w, 70) ? "forges %u%%" : "rewrites-nxdomain",
			chance(w, 50) ? 1 : between(w, 1, 100));
	else if (chance(w, 15))
		fprintf(w->out, "late %ums", between(w, 50, 6000));
	else if (chance(w, 12))
		fprintf(w->out, "flaps %us", between(w, 1, 120));
	else if (chance(w, 10)) /* whoever does not mix case cannot tell the last */
		fprintf(w->out, "%s", lies[roll(w, w->case_mix[upstream] ? 4 : 3)]);
	else
		fprintf(w->out, "%s", plain[roll(w, sizeof plain / sizeof *plain)]);
}

static void write_trouble(struct world *w, unsigned upstream)
{
	unsigned at = roll(w, (unsigned)w->lasts);
	fprintf(w->out, "at %us upstream %c ", at, name_of(upstream));
	if (w->kind->wind && chance(w, 25)) {
		unsigned least = between(w, 1, 500);
		fprintf(w->out, "delay %ums..%ums loss %u%%\n", least, least * 2, roll(w, 60));
		return;
	}
	write_manner(w, upstream);
	/* From the restart of a process to a night. */
	unsigned most = (unsigned)w->lasts;
	if (chance(w, 30))
		fprintf(w->out, " for %ums\n", between(w, 50, 3000));
	else if (chance(w, 80))
		fprintf(w->out, " for %us\n", between(w, 1, most));
	else
		fprintf(w->out, "\n");
}

static void write_change(struct world *w)
{
	unsigned upstream = roll(w, w->upstreams), at = roll(w, (unsigned)w->lasts);
	if (chance(w, 50))
		fprintf(w->out, "at %us upstream %c answers one.pop.example A 192.0.2.%u ttl %u\n", at,
			name_of(upstream), between(w, 20, 99), between(w, 0, 600));
	else
		fprintf(w->out, "at %us upstream %c forgets *.%s.example\n", at, name_of(upstream),
			ONE_OF(w, "pop", "v4", "alias"));
}

/* Stalls lie far apart: nobody waits for more than one of them. */
static void write_clocks(struct world *w)
{
	long third = w->lasts / 3;
	for (long part = 0; part < 3 && third > 20; part++) {
		unsigned at = (unsigned)(part * third) + roll(w, (unsigned)third - 15);
		switch (roll(w, 4)) {
		case 0: fprintf(w->out, "at %us holdfast stalls %ums\n", at, between(w, 10, 3000)); break;
		case 1: fprintf(w->out, "at %us clock of holdfast jumps +%us\n", at, between(w, 1, 40000)); break;
		case 2: fprintf(w->out, "at %us wall clock jumps %c%us\n", at, chance(w, 50) ? '+' : '-',
				between(w, 1, 4000000)); break;
		default: break;
		}
	}
}

static void write_events(struct world *w)
{
	for (unsigned u = 0; w->kind->troubles && u < w->upstreams; u++)
		for (unsigned n = w->healed[u] ? 0 : between(w, 0, TROUBLES_MAX); n; n--)
			write_trouble(w, u);
	if (w->kind->well < UPSTREAMS_MAX)
		for (unsigned n = roll(w, 3); n; n--)
			write_change(w);
	if (w->kind->clocks)
		write_clocks(w);
}

/* Who lied is used again within a minute of having turned honest. */
#define RELEASE 60

/* When all is well again and the last stub has given up, what has never been
 * asked for is answered, and soon. */
static void write_recovery(struct world *w)
{
	long at = (w->ends > w->lasts ? w->ends : w->lasts) + 40;
	for (unsigned u = 0; u < w->upstreams; u++)
		fprintf(w->out, "at %lds upstream %c answers\nat %lds upstream %c delay 5ms loss 0%% duplicate 0%% "
			"reorder 0%% tail 0s loses-above 0 cap 0\n", at, name_of(u), at, name_of(u));
	if (w->expects)
		at += RELEASE;
	for (unsigned n = 1; n <= 3; n++)
		fprintf(w->out, "at %lds ask n%u.last.example A expect 192.0.2.7 within 3s\n", at + n * n * 2, n);
}

/* ---- the whole ---- */

static const struct kind *pick_kind(struct world *w)
{
	unsigned number = roll(w, 100);
	for (size_t i = 0; i < HF_COUNT_OF(kinds); i++) {
		if (number < kinds[i].share)
			return &kinds[i];
		number -= kinds[i].share;
	}
	return &kinds[0];
}

static void write_promises(struct world *w)
{
	for (const struct promise *p = w->kind->promises; p->words; p++) {
		if (p->not_yet)
			fprintf(w->out, "# not yet: finally %s (%s)\n", p->words, p->not_yet);
		else
			fprintf(w->out, "finally %s\n", p->words);
	}
}

const char *hf_world_kind(uint64_t seed)
{
	struct world w = { .dice = seed };
	return pick_kind(&w)->word;
}

/* One world in five hundred has more than MANY, and is short: what a thousand servers do
 * together they do at once. */
static unsigned draw_fleet(struct world *w)
{
	unsigned size = roll(w, 100);
	if (size >= 90)
		return between(w, MANY + 1, HF_PLAY_INSTANCES_MAX);
	return between(w, 2, size < 10 ? MANY : 30);
}

void hf_world_write(uint64_t seed, FILE *out)
{
	struct world w = { .dice = seed, .out = out };
	static const long lasting[] = { 30, 60, 60, 300, 300, 1800, 7200, 28800 };
	w.kind = pick_kind(&w);
	w.lasts = lasting[roll(&w, w.kind->fleet ? 4 : HF_COUNT_OF(lasting))];
	w.upstreams = between(&w, 1, UPSTREAMS_MAX);
	w.instances = w.kind->fleet ? draw_fleet(&w) : 1;
	if (w.instances > MANY)
		w.lasts = lasting[0];
	fprintf(out, "# SPDX-License-Identifier: GPL-3.0-or-later\n# World %llu: %s.\nseed %llu\nworkers %u\n",
		(unsigned long long)seed, w.kind->word, (unsigned long long)seed,
		w.kind->fleet ? 1 : between(&w, 1, 4));
	if (w.instances > 1)
		fprintf(out, "instances %u\n", w.instances);
	write_knowledge(&w);
	for (unsigned u = 0; u < w.upstreams; u++)
		write_weather(&w, u);
	write_options(&w);
	write_routes(&w);
	write_expectations(&w);
	write_loads(&w);
	write_events(&w);
	write_recovery(&w);
	write_promises(&w);
}
