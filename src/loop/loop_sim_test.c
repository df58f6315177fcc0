/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop/loop_sim.h"

#include "loop/loop_scenarios.h"

static void world_open(struct world *w)
{
	struct hf_sim *sim = hf_sim_new(7);
	w->more = sim;
	assert_int_equal(hf_sim_loop_new(sim, NULL, &w->loop), 0);
	/* The documentation address of the scenarios belongs to somebody else. */
	struct hf_address theirs = address("192.0.2.77");
	hf_sim_address(sim, "elsewhere", &theirs);
}

static void world_close(struct world *w)
{
	hf_sim_free(w->more);
}

static void nothing(void *ctx, struct hf_sim *sim)
{
	(void)ctx;
	(void)sim;
}

static void world_run(struct world *w, hf_us most)
{
	hf_us end = hf_sim_now(w->more) + most;
	hf_sim_resume(w->loop);
	hf_sim_at(w->more, end, nothing, NULL);
	while (!*w->until && hf_sim_now(w->more) < end)
		assert_true(hf_sim_step(w->more));
}

/* ---- what only the simulator can do ---- */

/* A network whose ills are set by the test. */
struct weather {
	unsigned lose, twice, spread; /* percent, percent, us */
	hf_us dark_until;
	int error;
	enum hf_sim_kind error_kind;
	uint64_t asked;
};

static void blow(void *ctx, struct hf_sim *sim, const struct hf_sim_packet *packet, hf_us now,
	struct hf_sim_path *path)
{
	struct weather *weather = ctx;
	weather->asked++;
	path->drop = now < weather->dark_until || hf_sim_roll(sim, 100) < weather->lose;
	path->twice = hf_sim_roll(sim, 100) < weather->twice;
	if (weather->spread) {
		path->delay += (hf_us)hf_sim_roll(sim, weather->spread);
		path->twin_delay += (hf_us)hf_sim_roll(sim, weather->spread);
	}
	if (packet->kind == weather->error_kind)
		path->error = weather->error;
}

/* Two hosts, "here" and "there", each with a loop. */
struct pair {
	struct hf_sim *sim;
	struct weather weather;
	struct world here, there;
};

static void open_pair(struct pair *p, uint64_t seed)
{
	memset(p, 0, sizeof *p);
	p->sim = hf_sim_new(seed);
	hf_sim_set_policy(p->sim, blow, &p->weather);
	assert_int_equal(hf_sim_loop_new(p->sim, "here", &p->here.loop), 0);
	assert_int_equal(hf_sim_loop_new(p->sim, "there", &p->there.loop), 0);
}

static void close_pair(struct pair *p)
{
	hf_sim_free(p->sim);
}

/* Numbers, octets and refusals in a bad network; what was seen of it. */
struct story {
	size_t heard, calls, octets;
	bool in_order, whole;
	struct hf_sim_counts counts;
	uint64_t trace;
};

static struct story tell(uint64_t seed, unsigned lose, unsigned twice, unsigned spread)
{
	struct pair p;
	struct ear from = { 0 }, to = { .answers = true };
	struct mouth server = { .echoes = true }, client = { .to_send = 200000 };
	struct hall hall;
	open_pair(&p, seed);
	p.weather = (struct weather){ .lose = lose, .twice = twice, .spread = spread };
	open_ear(&p.here, &from, "0.0.0.0", false, true);
	open_ear(&p.there, &to, "192.0.2.1", false, false);
	struct hf_address there = hf_endpoint_address(to.endpoint);
	struct hf_address door = open_hall(&p.there, &hall, &server, 1, "192.0.2.1:53");
	call(&p.here, &client, &door);
	for (unsigned i = 0; i < 10; i++) {
		send_numbers(&from, &there, MANY);
		hf_sim_run_for(p.sim, HF_SECOND);
	}
	hf_sim_run_for(p.sim, 100 * HF_SECOND);
	struct story story = { .heard = to.heard, .calls = to.calls, .octets = client.heard,
		.in_order = to.in_order, .whole = client.all_heard && client.good,
		.counts = hf_sim_counts(p.sim), .trace = hf_sim_trace(p.sim) };
	close_pair(&p);
	return story;
}

static void the_same_seed_is_the_same_world(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 5; seed++) {
		struct story one = tell(seed, 10, 10, 5000), two = tell(seed, 10, 10, 5000);
		assert_memory_equal(&one.counts, &two.counts, sizeof one.counts);
		assert_int_equal(one.trace, two.trace);
		assert_int_not_equal(one.trace, tell(seed + 100, 10, 10, 5000).trace);
	}
}

static void datagrams_are_lost_doubled_and_disordered_as_the_policy_says(void **state)
{
	(void)state;
	struct story fair = tell(1, 0, 0, 0), lossy = tell(1, 50, 0, 0);
	struct story doubled = tell(1, 0, 100, 0), wild = tell(1, 0, 0, 5000);
	assert_int_equal(fair.heard, 10 * MANY);
	assert_int_equal(fair.counts.sent, 20 * MANY);
	assert_in_range(lossy.heard, 4 * MANY, 6 * MANY);
	assert_int_equal(doubled.heard, 20 * MANY);
	assert_int_equal(wild.heard, 10 * MANY);
	assert_false(wild.in_order);
	assert_true(wild.calls > fair.calls);
}

static void a_stream_survives_loss_and_disorder_whole(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++)
		assert_true(tell(seed, 10, 0, 20000).whole);
}

static void a_stream_into_the_dark_times_out_and_one_that_waits_it_out_goes_on(void **state)
{
	(void)state;
	for (unsigned dark = 5; dark <= 20; dark += 15) {
		struct pair p;
		struct mouth server = { 0 }, client = { .to_send = 10 };
		struct hall hall;
		open_pair(&p, 3);
		struct hf_address there = open_hall(&p.there, &hall, &server, 1, "192.0.2.1");
		call(&p.here, &client, &there);
		hf_sim_run_for(p.sim, HF_SECOND);
		assert_int_equal(server.heard, 10);
		hf_us start = hf_sim_now(p.sim);
		p.weather.dark_until = start + dark * HF_SECOND;
		client.to_send += 10;
		hf_stream_want_write(client.stream, true);
		hf_sim_run_for(p.sim, 9 * HF_SECOND);
		assert_false(client.ended);
		hf_sim_run_for(p.sim, 20 * HF_SECOND);
		assert_int_equal(client.ended, dark == 20);
		assert_int_equal(client.result, dark == 20 ? -ETIMEDOUT : 0);
		assert_int_equal(server.heard, dark == 20 ? 10 : 20);
		close_pair(&p);
	}
}

static void a_connection_into_the_dark_times_out(void **state)
{
	(void)state;
	struct pair p;
	struct mouth client = { 0 };
	struct hf_address nowhere = address("203.0.113.9:53");
	open_pair(&p, 3);
	call(&p.here, &client, &nowhere); /* no such host: nobody says no */
	hf_sim_run_for(p.sim, 9 * HF_SECOND);
	assert_false(client.ended);
	hf_sim_run_for(p.sim, 2 * HF_SECOND);
	assert_int_equal(client.result, -ETIMEDOUT);
	assert_int_equal(p.weather.asked, 4); /* at 0, 1, 3 and 7 s */
	close_pair(&p);
}

static void the_policy_can_refuse_and_break(void **state)
{
	(void)state;
	struct pair p;
	struct ear from = { 0 }, to = { 0 };
	struct mouth server = { 0 }, client = { .to_send = 10 }, late = { 0 };
	struct hall hall;
	open_pair(&p, 3);
	p.weather.error = -EHOSTUNREACH;
	open_ear(&p.here, &from, "0.0.0.0", false, true);
	open_ear(&p.there, &to, "192.0.2.1", false, false);
	struct hf_address there = hf_endpoint_address(to.endpoint);
	send_numbers(&from, &there, 1);
	hf_sim_run_for(p.sim, HF_SECOND);
	assert_int_equal(from.error, -EHOSTUNREACH);
	assert_int_equal(to.heard, 0);
	assert_true(hf_address_equal(&from.refused_by, &there));

	p.weather.error_kind = HF_SIM_SEGMENT;
	struct hf_address door = open_hall(&p.there, &hall, &server, 1, "192.0.2.1");
	call(&p.here, &client, &door);
	hf_sim_run_for(p.sim, HF_SECOND);
	assert_int_equal(client.result, -EHOSTUNREACH);
	assert_int_equal(server.result, -ECONNRESET);

	p.weather.error_kind = HF_SIM_CONNECT;
	call(&p.here, &late, &door);
	hf_sim_run_for(p.sim, HF_SECOND);
	assert_int_equal(late.result, -EHOSTUNREACH);
	assert_int_equal(late.writables, 0);
	close_pair(&p);
}

static void a_host_that_is_cut_off_is_silent_and_a_dead_one_refuses(void **state)
{
	(void)state;
	struct pair p;
	struct ear from = { 0 }, to = { 0 };
	struct mouth server = { 0 }, client = { 0 }, second = { 0 };
	struct hall hall;
	open_pair(&p, 3);
	open_ear(&p.here, &from, "0.0.0.0", false, true);
	open_ear(&p.there, &to, "192.0.2.1", false, false);
	struct hf_address there = hf_endpoint_address(to.endpoint);
	struct hf_address door = open_hall(&p.there, &hall, &server, 1, "192.0.2.1");
	call(&p.here, &client, &door);
	hf_sim_run_for(p.sim, HF_SECOND);

	hf_sim_host(p.sim, "there", HF_SIM_DOWN);
	send_numbers(&from, &there, 1);
	hf_sim_run_for(p.sim, HF_SECOND);
	assert_int_equal(from.refusals + to.heard, 0);
	hf_sim_host(p.sim, "there", HF_SIM_UP);
	send_numbers(&from, &there, 1);
	hf_sim_run_for(p.sim, HF_SECOND);
	assert_int_equal(to.heard, 1);
	send_numbers(&from, &there, 1);
	hf_sim_host(p.sim, "there", HF_SIM_DOWN); /* while it is under way */
	hf_sim_run_for(p.sim, HF_SECOND);
	assert_int_equal(to.heard, 1);

	hf_sim_host(p.sim, "there", HF_SIM_DEAD);
	hf_sim_run_for(p.sim, HF_SECOND);
	assert_int_equal(client.result, -ECONNRESET);
	send_numbers(&from, &there, 1);
	call(&p.here, &second, &door);
	hf_sim_run_for(p.sim, HF_SECOND);
	assert_int_equal(from.refusals, 1);
	assert_int_equal(second.result, -ECONNREFUSED);
	assert_int_equal(server.readables, 0); /* it stands still */
	close_pair(&p);
}

static void an_address_moves_to_another_host(void **state)
{
	(void)state;
	struct pair p;
	struct ear from = { 0 }, old = { 0 }, new = { 0 };
	open_pair(&p, 3);
	struct hf_address vip = address("192.0.2.53:53");
	hf_sim_address(p.sim, "there", &vip);
	open_ear(&p.here, &from, "0.0.0.0", false, true);
	open_ear(&p.there, &old, "192.0.2.53:53", true, false);
	open_ear(&p.here, &new, "0.0.0.0:53", true, false);
	send_numbers(&from, &vip, 1);
	hf_sim_run_for(p.sim, HF_SECOND);
	assert_int_equal(old.heard, 1);
	struct hf_address bare = address("192.0.2.53"), source = hf_sim_source(p.sim, "there", 4);
	assert_true(hf_address_equal(&source, &bare));
	hf_sim_address(p.sim, "here", &vip);
	send_numbers(&from, &vip, 1);
	hf_sim_run_for(p.sim, HF_SECOND);
	assert_int_equal(old.heard, 1);
	assert_int_equal(new.heard, 1);
	hf_sim_address(p.sim, NULL, &vip);
	send_numbers(&from, &vip, 1);
	hf_sim_run_for(p.sim, HF_SECOND);
	assert_int_equal(old.heard + new.heard + from.refusals, 2);
	source = hf_sim_source(p.sim, "there", 4);
	assert_false(hf_address_equal(&source, &bare));
	close_pair(&p);
}

static void loopback_stays_on_its_host(void **state)
{
	(void)state;
	struct pair p;
	struct ear from = { 0 }, to = { 0 };
	open_pair(&p, 3);
	open_ear(&p.here, &from, "0.0.0.0", false, true);
	open_ear(&p.there, &to, "127.0.0.1:53", false, false);
	struct hf_address there = hf_endpoint_address(to.endpoint);
	send_numbers(&from, &there, 1);
	hf_sim_run_for(p.sim, HF_SECOND);
	assert_int_equal(to.heard, 0);
	assert_int_equal(from.refusals, 1);
	close_pair(&p);
}

static void hours_pass_in_no_time(void **state)
{
	(void)state;
	struct pair p;
	struct alarm alarm = { .timer.fire = ring };
	open_pair(&p, 3);
	hf_timer_arm(hf_loop_timers(p.here.loop), &alarm.timer, HF_SIM_START + 14400 * HF_SECOND);
	hf_sim_run_until(p.sim, HF_SIM_START + 14399 * HF_SECOND);
	assert_false(alarm.rang);
	hf_sim_run_for(p.sim, HF_SECOND);
	assert_true(alarm.rang);
	assert_int_equal(alarm.at, HF_SIM_START + 14400 * HF_SECOND);
	assert_int_equal(hf_loop_wall(p.here.loop), HF_SIM_WALL + 14400);
	assert_in_range(hf_sim_counts(p.sim).events, 1, 100);
	assert_false(hf_sim_step(p.sim));
	close_pair(&p);
}

static void a_clock_that_jumps_is_the_loops_own(void **state)
{
	(void)state;
	struct pair p;
	struct alarm mine = { .timer.fire = ring }, other = { .timer.fire = ring };
	open_pair(&p, 3);
	hf_timer_arm(hf_loop_timers(p.here.loop), &mine.timer, HF_SIM_START + 3600 * HF_SECOND);
	hf_timer_arm(hf_loop_timers(p.there.loop), &other.timer, HF_SIM_START + 3600 * HF_SECOND);
	hf_sim_jump(p.here.loop, 7200 * HF_SECOND);
	hf_sim_run_for(p.sim, HF_SECOND);
	assert_true(mine.rang);
	assert_false(other.rang);
	assert_int_equal(mine.at, HF_SIM_START + 7200 * HF_SECOND);
	assert_int_equal(hf_loop_now(p.there.loop), HF_SIM_START + HF_SECOND);
	assert_int_equal(hf_loop_wall(p.here.loop), HF_SIM_WALL + 1);
	hf_sim_jump_wall(p.here.loop, -1000);
	assert_int_equal(hf_loop_wall(p.here.loop), HF_SIM_WALL - 999);
	hf_sim_jump(p.there.loop, -3600 * HF_SECOND);
	hf_sim_run_for(p.sim, 3600 * HF_SECOND);
	assert_false(other.rang);
	hf_sim_run_for(p.sim, 3600 * HF_SECOND);
	assert_true(other.rang);
	close_pair(&p);
}

static void a_stalled_loop_finds_all_that_came_meanwhile(void **state)
{
	(void)state;
	struct pair p;
	struct ear from = { 0 }, to = { 0 };
	open_pair(&p, 3);
	open_ear(&p.here, &from, "0.0.0.0", false, true);
	open_ear(&p.there, &to, "192.0.2.1", false, false);
	struct hf_address there = hf_endpoint_address(to.endpoint);
	hf_sim_stall(p.there.loop, 10 * HF_SECOND);
	for (unsigned i = 0; i < 30; i++) {
		send_numbers(&from, &there, MANY);
		hf_sim_run_for(p.sim, 300 * HF_MS);
	}
	assert_int_equal(to.heard, 0);
	hf_sim_run_for(p.sim, 2 * HF_SECOND);
	assert_int_equal(to.heard, HF_SIM_INBOX_MAX); /* no inbox is endless */
	assert_int_equal(hf_sim_counts(p.sim).overflow, 30 * MANY - HF_SIM_INBOX_MAX);
	close_pair(&p);
}

static void wake_other(void *ctx, hf_us now)
{
	(void)now;
	hf_loop_wake(ctx);
}

static void one_loop_wakes_another_of_the_same_world(void **state)
{
	(void)state;
	struct pair p;
	static const struct hf_loop_hooks poke = { .woken = wake_other };
	const struct hf_loop_hooks count = { .woken = count_woken };
	open_pair(&p, 3);
	hf_loop_set_hooks(p.here.loop, &poke, p.there.loop);
	hf_loop_set_hooks(p.there.loop, &count, &p.there);
	hf_loop_wake(p.here.loop);
	hf_sim_run_for(p.sim, 1);
	assert_int_equal(p.there.woken, 1);
	hf_loop_stop(p.there.loop);
	assert_true(hf_sim_stopped(p.there.loop));
	hf_loop_wake(p.there.loop);
	hf_sim_run_for(p.sim, HF_SECOND);
	assert_int_equal(p.there.woken, 1);
	hf_sim_resume(p.there.loop);
	hf_sim_run_for(p.sim, HF_SECOND);
	assert_int_equal(p.there.woken, 2);
	close_pair(&p);
}

static void count_checks(void *ctx, struct hf_sim *sim)
{
	(void)sim;
	++*(uint64_t *)ctx;
}

static void the_check_is_made_after_every_event(void **state)
{
	(void)state;
	struct pair p;
	uint64_t checks = 0, acts = 0;
	open_pair(&p, 3);
	hf_sim_check(p.sim, count_checks, &checks);
	hf_sim_at(p.sim, HF_SIM_START + 5, count_checks, &acts);
	hf_sim_at(p.sim, HF_SIM_START + 500 * HF_SECOND, count_checks, &acts);
	hf_sim_run_for(p.sim, HF_SECOND);
	assert_int_equal(acts, 1);
	assert_int_equal(checks, hf_sim_counts(p.sim).events);
	close_pair(&p); /* with one act still to come */
}

static void a_loop_that_dies_takes_its_ports_and_streams_along(void **state)
{
	(void)state;
	struct pair p;
	struct ear from = { 0 }, to = { 0 };
	struct mouth server = { 0 }, client = { 0 };
	struct hall hall;
	open_pair(&p, 3);
	open_ear(&p.here, &from, "0.0.0.0", false, true);
	open_ear(&p.there, &to, "192.0.2.1", false, false);
	struct hf_address there = hf_endpoint_address(to.endpoint);
	struct hf_address door = open_hall(&p.there, &hall, &server, 1, "192.0.2.1");
	call(&p.here, &client, &door);
	hf_sim_run_for(p.sim, HF_SECOND);
	hf_loop_free(p.there.loop);
	send_numbers(&from, &there, 1);
	hf_sim_run_for(p.sim, HF_SECOND);
	assert_int_equal(from.error, -ECONNREFUSED);
	assert_true(client.ended);
	assert_int_equal(client.result, 0);
	assert_int_equal(hf_loop_watch(p.here.loop, 0, NULL, NULL), -ENOSYS);
	hf_sim_free(NULL);
	close_pair(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_SCENARIOS,
		cmocka_unit_test(the_same_seed_is_the_same_world),
		cmocka_unit_test(datagrams_are_lost_doubled_and_disordered_as_the_policy_says),
		cmocka_unit_test(a_stream_survives_loss_and_disorder_whole),
		cmocka_unit_test(
			a_stream_into_the_dark_times_out_and_one_that_waits_it_out_goes_on),
		cmocka_unit_test(a_connection_into_the_dark_times_out),
		cmocka_unit_test(the_policy_can_refuse_and_break),
		cmocka_unit_test(a_host_that_is_cut_off_is_silent_and_a_dead_one_refuses),
		cmocka_unit_test(an_address_moves_to_another_host),
		cmocka_unit_test(loopback_stays_on_its_host),
		cmocka_unit_test(hours_pass_in_no_time),
		cmocka_unit_test(a_clock_that_jumps_is_the_loops_own),
		cmocka_unit_test(a_stalled_loop_finds_all_that_came_meanwhile),
		cmocka_unit_test(one_loop_wakes_another_of_the_same_world),
		cmocka_unit_test(the_check_is_made_after_every_event),
		cmocka_unit_test(a_loop_that_dies_takes_its_ports_and_streams_along),
	};
	return cmocka_run_group_tests_name("loop_sim", tests, NULL, NULL);
}
