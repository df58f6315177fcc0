/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop/loop_epoll.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "loop/loop_scenarios.h"

static void world_open(struct world *w)
{
	assert_int_equal(hf_loop_epoll_new(&w->loop), 0);
}

static void world_close(struct world *w)
{
	hf_loop_free(w->loop);
}

struct deadline {
	struct hf_timer timer; /* first: fire casts */
	struct hf_loop *loop;
	unsigned turns; /* since it was due */
};

/* Where the machine stood still until it was due, there has been no turn yet but this one:
 * what takes a few gets them. */
#define LAST_TURNS 8

static void give_up(struct hf_timer *timer, hf_us now)
{
	struct deadline *d = (struct deadline *)timer;
	if (d->turns++ < LAST_TURNS)
		hf_timer_arm(hf_loop_timers(d->loop), timer, now + HF_MS);
	else
		hf_loop_stop(d->loop);
}

static void world_run(struct world *w, hf_us most)
{
	struct deadline d = { .timer.fire = give_up, .loop = w->loop };
	hf_timer_arm(hf_loop_timers(w->loop), &d.timer, hf_clock_now() + most);
	assert_int_equal(hf_loop_run(w->loop), 0);
	hf_timer_disarm(hf_loop_timers(w->loop), &d.timer);
}

/* ---- what only the kernel's world has ---- */

#define WAKES 20000

struct waker {
	struct hf_loop *loop;
	atomic_uint sent, seen;
	unsigned looked;
};

static void *wake_often(void *arg)
{
	struct waker *k = arg;
	for (unsigned i = 0; i < WAKES; i++) {
		atomic_fetch_add(&k->sent, 1);
		hf_loop_wake(k->loop);
	}
	return NULL;
}

static void look(void *ctx, hf_us now)
{
	struct waker *k = ctx;
	(void)now;
	k->looked++;
	atomic_store(&k->seen, atomic_load(&k->sent));
	if (atomic_load(&k->seen) == WAKES)
		hf_loop_stop(k->loop);
}

/* If the last wake could be lost, the loop would not stop by itself. */
static void no_message_of_another_thread_is_left_lying(void **state)
{
	struct world *w = *state;
	static const struct hf_loop_hooks hooks = { .woken = look };
	for (unsigned round = 0; round < 20; round++) {
		struct waker k = { .loop = w->loop };
		struct deadline d = { .timer.fire = give_up, .loop = w->loop };
		pthread_t thread;
		hf_loop_set_hooks(w->loop, &hooks, &k);
		hf_timer_arm(hf_loop_timers(w->loop), &d.timer, hf_clock_now() + LIMIT);
		assert_int_equal(pthread_create(&thread, NULL, wake_often, &k), 0);
		assert_int_equal(hf_loop_run(w->loop), 0);
		pthread_join(thread, NULL);
		hf_timer_disarm(hf_loop_timers(w->loop), &d.timer);
		assert_int_equal(atomic_load(&k.seen), WAKES);
		assert_in_range(k.looked, 1, WAKES);
	}
}

static void *stop_it(void *loop)
{
	hf_loop_stop(loop);
	return NULL;
}

static void another_thread_can_stop_the_loop(void **state)
{
	struct world *w = *state;
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, stop_it, w->loop), 0);
	assert_int_equal(hf_loop_run(w->loop), 0);
	pthread_join(thread, NULL);
}

static void an_adopted_descriptor_serves_and_is_closed_with_its_endpoint(void **state)
{
	struct world *w = *state;
	struct ear client = { .wanted = 1 }, server = { .answers = true, .in_order = true };
	struct hf_address at = address("127.0.0.1");
	struct hf_bind bind = { .fd = hf_socket_bind(&at, SOCK_DGRAM), .local_addresses = true };
	assert_true(bind.fd >= 0);
	/* As socket activation hands it over: blocking, inherited. */
	assert_int_equal(fcntl(bind.fd, F_SETFL, 0), 0);
	assert_int_equal(
		hf_endpoint_open(w->loop, &bind, &ear_handler, &server, &server.endpoint), 0);
	open_ear(w, &client, "127.0.0.1", false, false);
	struct hf_address there = at_port_of("127.0.0.1", &server);
	send_numbers(&client, &there, 1);
	run_until(w, &client.done);
	assert_true(hf_address_equal(&client.peer, &there));
	hf_endpoint_close(server.endpoint);
	assert_int_equal(fcntl(bind.fd, F_GETFD), -1);
}

static void an_adopted_dual_endpoint_speaks_both_families(void **state)
{
	struct world *w = *state;
	static const char *const hosts[] = { "127.0.0.2", "::1" };
	struct ear server = { .answers = true, .in_order = true };
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	struct hf_bind take = { .local_addresses = true, .errors = true };
	take.fd = socket(AF_INET6, SOCK_DGRAM, 0);
	int off = 0;
	assert_int_equal(setsockopt(take.fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off), 0);
	assert_int_equal(bind(take.fd, (struct sockaddr *)&any, sizeof any), 0);
	assert_int_equal(
		hf_endpoint_open(w->loop, &take, &ear_handler, &server, &server.endpoint), 0);
	for (size_t i = 0; i < HF_COUNT_OF(hosts); i++) {
		struct ear client = { .wanted = 3 };
		struct hf_address asked = at_port_of(hosts[i], &server);
		open_ear(w, &client, i ? "::1" : "127.0.0.1", false, false);
		send_numbers(&client, &asked, 3);
		run_until(w, &client.done);
		assert_true(hf_address_equal(&server.local, &asked));
		assert_true(hf_address_equal(&client.peer, &asked));
	}
	struct hf_address nowhere = nobody(w, "127.0.0.1");
	send_numbers(&server, &nowhere, 1);
	run_until(w, &server.was_refused);
	assert_true(hf_address_equal(&server.refused_by, &nowhere));
}

static void an_adopted_door_serves(void **state)
{
	struct world *w = *state;
	struct mouth server = { .echoes = true }, client = { .to_send = 100 };
	struct hall hall = { .mouths = &server, .count = 1 };
	struct hf_address at = address("::1");
	struct hf_bind bind = { .fd = hf_socket_bind(&at, SOCK_STREAM) };
	assert_true(bind.fd >= 0);
	assert_int_equal(fcntl(bind.fd, F_SETFL, 0), 0); /* the second accept would wait */
	assert_int_equal(hf_door_open(w->loop, &bind, &hall_handler, &hall, &hall.door), 0);
	struct hf_address there = hf_door_address(hall.door);
	call(w, &client, &there);
	run_until(w, &client.all_heard);
	assert_true(client.good);
}

/* The patience of the connection that has this address at its own end, in ms. */
static int patience_of(const struct hf_address *own)
{
	for (int fd = 0; fd < 256; fd++) {
		struct sockaddr_storage sa;
		struct tcp_info info;
		struct hf_address at;
		socklen_t len = sizeof sa, size = sizeof info;
		int ms;
		if (getsockname(fd, (struct sockaddr *)&sa, &len) ||
			hf_address_from_system((struct sockaddr *)&sa, &at) ||
			!hf_address_equal(&at, own) ||
			getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) ||
			info.tcpi_state != TCP_ESTABLISHED)
			continue;
		size = sizeof ms;
		assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, &size), 0);
		return ms;
	}
	fail_msg("no such connection");
	return -1;
}

/* The system would count a closed window among what is not acknowledged. */
static void the_system_gives_up_servers_that_are_silent_but_no_client_that_is_busy(void **state)
{
	struct world *w = *state;
	struct mouth server = {.echoes = true}, client = {.to_send = 100};
	struct hall hall;
	struct hf_address there = open_hall(w, &hall, &server, 1, "127.0.0.1");
	call(w, &client, &there);
	run_until(w, &client.all_heard);
	struct hf_address here = hf_stream_local(client.stream);
	assert_int_equal(patience_of(&here), 10000);
	assert_int_equal(patience_of(&there), 0);
	assert_int_equal(hf_stream_unread(client.stream), 0);
}

static void what_is_no_socket_of_ours_is_not_adopted(void **state)
{
	struct world *w = *state;
	struct ear ear;
	struct hall hall;
	int pair[2];
	struct hf_bind bind = { .fd = socket(AF_INET, SOCK_STREAM, 0) };
	assert_int_equal(hf_endpoint_open(w->loop, &bind, &ear_handler, &ear, &ear.endpoint),
		-ESOCKTNOSUPPORT);
	assert_int_equal(close(bind.fd), 0); /* it stayed ours */
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	bind.fd = pair[0];
	assert_int_equal(hf_endpoint_open(w->loop, &bind, &ear_handler, &ear, &ear.endpoint),
		-EAFNOSUPPORT);
	assert_int_equal(
		hf_door_open(w->loop, &bind, &hall_handler, &hall, &hall.door), -ESOCKTNOSUPPORT);
	close(pair[0]);
	close(pair[1]);
}

static void the_same_address_is_bound_for_every_thread(void **state)
{
	(void)state;
	static const int types[] = { SOCK_DGRAM, SOCK_STREAM };
	for (size_t i = 0; i < HF_COUNT_OF(types); i++) {
		struct hf_address at = address("127.0.0.1"), found = { 0 };
		struct sockaddr_storage sa;
		socklen_t len = sizeof sa;
		int one = hf_socket_bind(&at, types[i]);
		assert_true(one >= 0);
		assert_int_equal(getsockname(one, (struct sockaddr *)&sa, &len), 0);
		assert_int_equal(hf_address_from_system((struct sockaddr *)&sa, &found), 0);
		int two = hf_socket_bind(&found, types[i]);
		assert_true(two >= 0);
		assert_true(fcntl(two, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(two, F_GETFD) & FD_CLOEXEC);
		close(one);
		close(two);
	}
	struct hf_address none = { 0 };
	assert_int_equal(hf_socket_bind(&none, SOCK_DGRAM), -EAFNOSUPPORT);
}

struct pipe_watch {
	bool came;
	unsigned times;
};

static void see(void *ctx, int fd, hf_us now)
{
	struct pipe_watch *p = ctx;
	char c;
	(void)now;
	assert_int_equal(read(fd, &c, 1), 1);
	p->came = true;
	p->times++;
}

static void a_watched_descriptor_is_told_of_until_it_is_let_go(void **state)
{
	struct world *w = *state;
	struct pipe_watch p = { 0 };
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(hf_loop_watch(w->loop, fds[0], see, &p), 0);
	assert_int_equal(hf_loop_watch(w->loop, fds[0], see, &p), 0);
	assert_int_equal(write(fds[1], "ab", 2), 2);
	run_on(w);
	assert_int_equal(p.times, 2);
	assert_int_equal(hf_loop_watch(w->loop, fds[0], NULL, NULL), 0);
	assert_int_equal(hf_loop_watch(w->loop, fds[0], NULL, NULL), 0);
	assert_int_equal(write(fds[1], "c", 1), 1);
	run_on(w);
	assert_int_equal(p.times, 2);
	assert_int_equal(hf_loop_watch(w->loop, -1, see, &p), -EBADF);
	close(fds[0]);
	close(fds[1]);
}

static unsigned open_descriptors(void)
{
	unsigned n = 0;
	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* With no descriptor left, a door that asked on and on would turn thousands of
 * times in that second. */
static void a_door_without_descriptors_rests_and_comes_back(void **state)
{
	struct world *w = *state;
	struct mouth guest = { 0 }, caller = { 0 };
	struct hall hall;
	struct rlimit before, tight;
	struct hf_address there = open_hall(w, &hall, &guest, 1, "127.0.0.1");
	call(w, &caller, &there);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	tight = before;
	tight.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	run_on(w);
	run_on(w);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_false(hall.full);
	assert_true(w->turned < 200);
	run_until(w, &hall.full);
}

/* ---- the process stands still ---- */

static struct {
	int fds[2]; /* a pipe */
	hf_us until;
	volatile bool late;
} still;

/* As by SIGSTOP and SIGCONT the wait is interrupted, and what came meanwhile lies there. */
static void stand_still(int signal)
{
	(void)signal;
	still.late = hf_clock_now() >= still.until || write(still.fds[1], "x", 1) != 1;
	while (hf_clock_now() < still.until)
		;
}

struct order {
	struct alarm due;
	bool came_first;
};

static void note_order(void *ctx, int fd, hf_us now)
{
	struct order *o = ctx;
	char c;
	(void)now;
	assert_int_equal(read(fd, &c, 1), 1);
	o->came_first = !o->due.rang;
}

static bool comes_before_the_timer(struct world *w)
{
	struct order o = {.due.timer.fire = ring};
	const struct itimerval soon = {.it_value.tv_usec = 20000};
	assert_int_equal(pipe(still.fds), 0);
	assert_int_equal(hf_loop_watch(w->loop, still.fds[0], note_order, &o), 0);
	still.until = hf_clock_now() + 300 * HF_MS;
	hf_timer_arm(hf_loop_timers(w->loop), &o.due.timer, still.until);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	run_until(w, &o.due.rang);
	assert_int_equal(hf_loop_watch(w->loop, still.fds[0], NULL, NULL), 0);
	close(still.fds[0]);
	close(still.fds[1]);
	return o.came_first;
}

static void what_came_while_the_process_stood_still_has_not_timed_out(void **state)
{
	const struct sigaction handler = {.sa_handler = stand_still};
	struct sigaction before;
	bool first;
	assert_int_equal(sigaction(SIGALRM, &handler, &before), 0);
	do
		first = comes_before_the_timer(*state);
	while (still.late); /* the machine itself stood still until it was due */
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	assert_true(first);
}

static void a_freed_loop_leaves_no_descriptor_behind(void **state)
{
	(void)state;
	unsigned before = open_descriptors();
	struct world *w = calloc(1, sizeof *w);
	struct ear ear = { 0 };
	struct mouth guest = { 0 }, caller = { 0 };
	struct hall hall;
	int fds[2];
	world_open(w);
	hf_loop_set_hooks(w->loop, &(struct hf_loop_hooks){ .turned = count_turned }, w);
	open_ear(w, &ear, "::1", true, true);
	struct hf_address there = open_hall(w, &hall, &guest, 1, "127.0.0.1");
	call(w, &caller, &there);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(hf_loop_watch(w->loop, fds[0], see, NULL), 0);
	run_until(w, &hall.full);
	world_close(w);
	hf_loop_free(NULL);
	assert_int_equal(open_descriptors(), before + 2); /* a watch is not ours to close */
	close(fds[0]);
	close(fds[1]);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_SCENARIOS,
		SCENARIO(no_message_of_another_thread_is_left_lying),
		SCENARIO(another_thread_can_stop_the_loop),
		SCENARIO(an_adopted_descriptor_serves_and_is_closed_with_its_endpoint),
		SCENARIO(an_adopted_dual_endpoint_speaks_both_families),
		SCENARIO(an_adopted_door_serves),
		SCENARIO(the_system_gives_up_servers_that_are_silent_but_no_client_that_is_busy),
		SCENARIO(what_is_no_socket_of_ours_is_not_adopted),
		SCENARIO(the_same_address_is_bound_for_every_thread),
		SCENARIO(a_watched_descriptor_is_told_of_until_it_is_let_go),
		SCENARIO(a_door_without_descriptors_rests_and_comes_back),
		SCENARIO(what_came_while_the_process_stood_still_has_not_timed_out),
		cmocka_unit_test(a_freed_loop_leaves_no_descriptor_behind),
	};
	return cmocka_run_group_tests_name("loop_epoll", tests, NULL, NULL);
}
