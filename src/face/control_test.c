/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"
#include "face/ask.h"
#include "face/command.h"
#include "face/control.h"
#include "loop/loop_epoll.h"

#define BIG (3u << 20) /* more than any socket buffer holds */

struct fixture {
	char folder[64], path[96];
	struct hf_loop *loop;
	struct hf_control *control;
	pthread_t thread;
	char out[4096], err[4096];
};

static int echo(void *ctx, const char *argument, FILE *out)
{
	assert_non_null(ctx);
	fprintf(out, "you said [%s]\n", argument);
	return HF_EXIT_GOOD;
}

static int refuse(void *ctx, const char *argument, FILE *out)
{
	(void)ctx;
	(void)argument;
	fprintf(out, "file.yaml:3:1: error: no\n");
	return HF_EXIT_USAGE;
}

static int big(void *ctx, const char *argument, FILE *out)
{
	(void)ctx;
	(void)argument;
	for (unsigned i = 0; i < BIG; i++)
		fputc('x', out);
	return HF_EXIT_GOOD;
}

/* The one that waits; answered by `answer STATUS`. */
static struct hf_control_asker waiting;

static int wait(void *ctx, const char *argument, const struct hf_control_asker *asker, FILE *out)
{
	(void)ctx;
	(void)argument;
	(void)out;
	waiting = *asker;
	return HF_CONTROL_LATER;
}

static int give(void *ctx, const char *argument, FILE *out)
{
	struct fixture *f = ctx;
	fprintf(out, "given\n");
	hf_control_reply(f->control, &waiting, argument[0] - '0', "at last\n", 8);
	hf_control_reply(f->control, &waiting, HF_EXIT_GOOD, "twice\n", 6); /* to nobody */
	return HF_EXIT_GOOD;
}

static const struct hf_control_request requests[] = {
	{"wait", "say it later", NULL, wait},
	{"give", "answer who waits", give},
	{"echo", "say it again", echo},
	{"refuse", "say no", refuse},
	{"big", "say much", big},
	{NULL, NULL, NULL},
};

static void *turn(void *ctx)
{
	hf_loop_run(ctx);
	return NULL;
}

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	snprintf(f->folder, sizeof f->folder, "/tmp/holdfast-control-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof f->path, "%s/socket", f->folder);
	assert_int_equal(hf_loop_epoll_new(&f->loop), 0);
	*state = f;
	return 0;
}

static void serve(struct fixture *f)
{
	assert_int_equal(hf_control_open(f->loop, f->path, requests, f, &f->control), 0);
	assert_int_equal(pthread_create(&f->thread, NULL, turn, f->loop), 0);
}

static int end(void **state)
{
	struct fixture *f = *state;
	if (f->control) {
		hf_loop_stop(f->loop);
		pthread_join(f->thread, NULL);
	}
	hf_control_close(f->control);
	hf_loop_free(f->loop);
	unlink(f->path);
	assert_int_equal(rmdir(f->folder), 0);
	free(f);
	return 0;
}

static int ask(struct fixture *f, const char *request)
{
	memset(f->out, 0, sizeof f->out);
	memset(f->err, 0, sizeof f->err);
	FILE *out = fmemopen(f->out, sizeof f->out - 1, "w");
	FILE *err = fmemopen(f->err, sizeof f->err - 1, "w");
	int status = hf_ask(f->path, request, out, err);
	fclose(out);
	fclose(err);
	return status;
}

/* Until there is room: who has closed is only forgotten in a later turn of the loop. */
static int ask_when_there_is_room(struct fixture *f, const char *request)
{
	int status = ask(f, request);
	for (unsigned i = 0; i < 6000 && status == HF_EXIT_UNREACHED; i++) {
		poll(NULL, 0, 10);
		status = ask(f, request);
	}
	return status;
}

static int raw(struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	memcpy(address.sun_path, f->path, strlen(f->path));
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

/* What comes until the end, at most for 60 s. */
static const char *read_all(int fd)
{
	static char text[4096];
	const struct timeval patience = { .tv_sec = 60 };
	size_t len = 0;
	ssize_t n;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	while ((n = recv(fd, text + len, sizeof text - 1 - len, 0)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return n < 0 && errno == EAGAIN ? "still open" : text;
}

static void a_request_is_answered_with_text_and_status(void **state)
{
	struct fixture *f = *state;
	serve(f);
	assert_int_equal(ask(f, "echo a b"), HF_EXIT_GOOD);
	assert_string_equal(f->out, "you said [a b]\n");
	assert_int_equal(ask(f, "echo"), HF_EXIT_GOOD);
	assert_string_equal(f->out, "you said []\n");
	assert_int_equal(ask(f, "refuse"), HF_EXIT_USAGE);
	assert_string_equal(f->out, "");
	assert_string_equal(f->err, "file.yaml:3:1: error: no\n");
}

static void an_unknown_request_gets_the_nearest_one(void **state)
{
	struct fixture *f = *state;
	serve(f);
	assert_int_equal(ask(f, "ecko"), HF_EXIT_USAGE);
	assert_non_null(strstr(f->err, "did you mean `echo`?"));
}

static void a_reply_larger_than_the_socket_s_buffer_arrives_whole(void **state)
{
	struct fixture *f = *state;
	serve(f);
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	assert_int_equal(hf_ask(f->path, "big", out, stderr), HF_EXIT_GOOD);
	fclose(out);
	assert_int_equal(len, BIG);
	free(text);
}

static void the_socket_is_for_its_owner_only(void **state)
{
	struct fixture *f = *state;
	struct stat status;
	serve(f);
	assert_int_equal(stat(f->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
}

static void a_request_may_come_in_pieces_but_not_without_end(void **state)
{
	struct fixture *f = *state;
	char endless[HF_CONTROL_REQUEST_MAX];
	serve(f);
	int fd = raw(f);
	assert_int_equal(send(fd, "ec", 2, 0), 2);
	poll(NULL, 0, 50);
	assert_int_equal(send(fd, "ho x\n", 5, 0), 5);
	assert_string_equal(read_all(fd), "ok\nyou said [x]\n");
	close(fd);
	fd = raw(f);
	memset(endless, 'x', sizeof endless);
	assert_int_equal(send(fd, endless, sizeof endless, 0), sizeof endless);
	assert_string_equal(read_all(fd), "fault 2\nthe request is too long\n");
	close(fd);
}

static void a_reply_may_come_later_and_others_are_served_meanwhile(void **state)
{
	static const struct {
		const char *give, *reply;
	} cases[] = {
		{"give 0", "ok\nat last\n"},
		{"give 1", "found 1\nat last\n"},
		{"give 3", "fault 3\nat last\n"},
	};
	struct fixture *f = *state;
	serve(f);
	for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
		int fd = raw(f);
		assert_int_equal(send(fd, "wait\n", 5, 0), 5);
		assert_int_equal(ask(f, "echo meanwhile"), HF_EXIT_GOOD);
		assert_int_equal(ask(f, cases[i].give), HF_EXIT_GOOD);
		assert_string_equal(read_all(fd), cases[i].reply);
		close(fd);
	}
}

struct patient {
	const struct fixture *f;
	char out[64];
	int status;
	atomic_bool done;
};

static void *ask_patiently(void *ctx)
{
	struct patient *p = ctx;
	FILE *out = fmemopen(p->out, sizeof p->out - 1, "w");
	p->status = hf_ask(p->f->path, "wait", out, stderr);
	fclose(out);
	atomic_store(&p->done, true);
	return NULL;
}

static void nothing(int number)
{
	(void)number;
}

/* As one is who is stopped at a terminal and goes on. */
static void who_is_interrupted_while_waiting_waits_on(void **state)
{
	struct fixture *f = *state;
	struct patient p = {.f = f};
	struct sigaction act = {.sa_handler = nothing}, before;
	pthread_t thread;
	serve(f);
	assert_int_equal(sigaction(SIGUSR1, &act, &before), 0);
	assert_int_equal(pthread_create(&thread, NULL, ask_patiently, &p), 0);
	for (unsigned i = 0; i < 50; i++) {
		poll(NULL, 0, 2);
		assert_int_equal(pthread_kill(thread, SIGUSR1), 0);
	}
	while (!atomic_load(&p.done)) { /* it may not have asked yet */
		assert_int_equal(ask(f, "give 0"), HF_EXIT_GOOD);
		poll(NULL, 0, 1);
	}
	pthread_join(thread, NULL);
	sigaction(SIGUSR1, &before, NULL);
	assert_int_equal(p.status, HF_EXIT_GOOD);
	assert_string_equal(p.out, "at last\n");
}

static void who_does_not_wait_for_a_later_reply_is_forgotten(void **state)
{
	struct fixture *f = *state;
	serve(f);
	for (int i = 0; i < 2 * HF_CONTROL_CLIENTS; i++) {
		int fd = raw(f);
		assert_int_equal(send(fd, "wait\n", 5, 0), 5);
		poll(NULL, 0, 5);
		close(fd);
	}
	assert_int_equal(ask_when_there_is_room(f, "give 0"), HF_EXIT_GOOD); /* to nobody */
	assert_string_equal(f->out, "given\n");
}

static void a_client_too_many_is_told_and_a_silent_one_is_dropped(void **state)
{
	struct fixture *f = *state;
	int silent[HF_CONTROL_CLIENTS];
	serve(f);
	for (size_t i = 0; i < HF_COUNT_OF(silent); i++)
		silent[i] = raw(f);
	assert_int_equal(ask(f, "echo"), HF_EXIT_UNREACHED);
	assert_non_null(strstr(f->err, "too many"));
	close(silent[0]); /* makes room at once */
	assert_int_equal(ask_when_there_is_room(f, "echo"), HF_EXIT_GOOD);
	for (size_t i = 1; i < HF_COUNT_OF(silent); i++) {
		assert_string_equal(read_all(silent[i]), "");
		close(silent[i]);
	}
}

static void a_stale_file_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	memcpy(address.sun_path, f->path, strlen(f->path));
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	close(fd); /* as kill -9 leaves it */
	serve(f);
	assert_int_equal(ask(f, "echo"), HF_EXIT_GOOD);
}

static void a_live_holdfast_is_not_pushed_aside(void **state)
{
	struct fixture *f = *state;
	struct hf_control *second = NULL;
	serve(f);
	struct hf_loop *loop;
	assert_int_equal(hf_loop_epoll_new(&loop), 0);
	assert_int_equal(hf_control_open(loop, f->path, requests, f, &second), -EADDRINUSE);
	hf_loop_free(loop);
	assert_int_equal(ask(f, "echo"), HF_EXIT_GOOD);
}

static void what_is_no_socket_is_never_removed(void **state)
{
	struct fixture *f = *state;
	FILE *file = fopen(f->path, "w");
	fclose(file);
	assert_int_equal(hf_control_open(f->loop, f->path, requests, f, &f->control), -EEXIST);
	assert_null(f->control);
	assert_int_equal(access(f->path, F_OK), 0);
}

static void the_file_goes_with_the_control_unless_it_is_another_s(void **state)
{
	struct fixture *f = *state;
	struct hf_control *control;
	assert_int_equal(hf_control_open(f->loop, f->path, requests, f, &control), 0);
	hf_control_close(control);
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(hf_control_open(f->loop, f->path, requests, f, &control), 0);
	/* Beside the first one, so that the two cannot share an inode. */
	char aside[112];
	snprintf(aside, sizeof aside, "%s.aside", f->path);
	assert_int_equal(rename(f->path, aside), 0);
	FILE *file = fopen(f->path, "w");
	fclose(file);
	hf_control_close(control);
	assert_int_equal(access(f->path, F_OK), 0);
	unlink(aside);
}

static void a_path_that_cannot_be_is_an_error(void **state)
{
	struct fixture *f = *state;
	char path[256];
	memset(path, 'x', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	assert_int_equal(hf_control_open(f->loop, path, requests, f, &f->control), -ENAMETOOLONG);
	assert_int_equal(hf_control_open(f->loop, "/nonexistent/socket", requests, f, &f->control),
		-ENOENT);
}

static void nobody_there_is_unreached_with_a_hint(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(ask(f, "echo"), HF_EXIT_UNREACHED);
	assert_non_null(strstr(f->err, "Does it run"));
	assert_non_null(strstr(f->err, "-c FILE"));
}

struct stranger {
	int door;
	const char *answer;
};

/* Takes one connection, reads the question and says its own. */
static void *answer_strangely(void *ctx)
{
	struct stranger *stranger = ctx;
	char question[64];
	int fd = accept(stranger->door, NULL, NULL);
	if (recv(fd, question, sizeof question, 0) > 0)
		send(fd, stranger->answer, strlen(stranger->answer), MSG_NOSIGNAL);
	close(fd);
	return NULL;
}

static void an_answer_that_is_not_ours_is_unreached(void **state)
{
	struct fixture *f = *state;
	static const char *const answers[] = { "", "ok", "fault 9\nx", "fault\n", "HTTP/1.1 400\r\n\r\n",
		"broken3\n", "fault -1\n", "okay\n" };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	memcpy(address.sun_path, f->path, strlen(f->path));
	int door = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(door, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(door, 8), 0);
	for (size_t i = 0; i < HF_COUNT_OF(answers); i++) {
		struct stranger stranger = { .door = door, .answer = answers[i] };
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, answer_strangely, &stranger), 0);
		assert_int_equal(ask(f, "echo"), HF_EXIT_UNREACHED);
		assert_non_null(strstr(f->err, "not one of holdfast's"));
		pthread_join(thread, NULL);
	}
	close(door);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_request_is_answered_with_text_and_status, begin, end),
		cmocka_unit_test_setup_teardown(
			an_unknown_request_gets_the_nearest_one, begin, end),
		cmocka_unit_test_setup_teardown(
			a_reply_larger_than_the_socket_s_buffer_arrives_whole, begin, end),
		cmocka_unit_test_setup_teardown(the_socket_is_for_its_owner_only, begin, end),
		cmocka_unit_test_setup_teardown(
			a_request_may_come_in_pieces_but_not_without_end, begin, end),
		cmocka_unit_test_setup_teardown(
			a_reply_may_come_later_and_others_are_served_meanwhile, begin, end),
		cmocka_unit_test_setup_teardown(
			who_does_not_wait_for_a_later_reply_is_forgotten, begin, end),
		cmocka_unit_test_setup_teardown(
			a_client_too_many_is_told_and_a_silent_one_is_dropped, begin, end),
		cmocka_unit_test_setup_teardown(
			who_is_interrupted_while_waiting_waits_on, begin, end),
		cmocka_unit_test_setup_teardown(a_stale_file_is_replaced, begin, end),
		cmocka_unit_test_setup_teardown(a_live_holdfast_is_not_pushed_aside, begin, end),
		cmocka_unit_test_setup_teardown(what_is_no_socket_is_never_removed, begin, end),
		cmocka_unit_test_setup_teardown(
			the_file_goes_with_the_control_unless_it_is_another_s, begin, end),
		cmocka_unit_test_setup_teardown(a_path_that_cannot_be_is_an_error, begin, end),
		cmocka_unit_test_setup_teardown(nobody_there_is_unreached_with_a_hint, begin, end),
		cmocka_unit_test_setup_teardown(
			an_answer_that_is_not_ours_is_unreached, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
