/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"
#include "face/http.h"
#include "face/server_double.h"

struct fixture {
	struct hf_instance instance;
	struct hf_http *http;
	char reply[1 << 18];
};

static hf_us began;

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct hf_address address;
	assert_int_equal(hf_instance_init(&f->instance, NULL, stderr), 0);
	struct hf_settings settings = hf_instance_settings(f->instance.config);
	f->instance.server = hf_double_new(&settings);
	began = f->instance.ready.machine.since;
	assert_int_equal(hf_address_parse("127.0.0.1:0", 0, &address), 0);
	assert_int_equal(hf_http_start(&f->instance, &address, &f->http), 0);
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;
	hf_http_stop(f->http);
	hf_server_free(f->instance.server);
	hf_instance_clear(&f->instance);
	free(f);
	return 0;
}

static int connected(struct fixture *f)
{
	struct sockaddr_storage sa;
	struct hf_address address = hf_http_address(f->http);
	const struct timeval patience = { .tv_sec = 60 };
	socklen_t len = hf_address_to_system(&address, &sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, len), 0);
	return fd;
}

/* Sends raw text, returns all that comes until the other side closes. */
static const char *say(struct fixture *f, const char *request)
{
	int fd = connected(f);
	size_t len = 0;
	ssize_t n;
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	while ((n = recv(fd, f->reply + len, sizeof f->reply - 1 - len, 0)) > 0)
		len += (size_t)n;
	f->reply[len] = '\0';
	close(fd);
	return f->reply;
}

static const char *get(struct fixture *f, const char *path)
{
	char request[4096];
	snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
	return say(f, request);
}

#define assert_status(reply, status) assert_memory_equal(reply, "HTTP/1.1 " status, strlen("HTTP/1.1 " status))

static void pages_are_there(void **state)
{
	struct fixture *f = *state;
	assert_status(get(f, "/metrics"), "200");
	assert_non_null(strstr(f->reply, "Content-Type: text/plain; version=0.0.4"));
	assert_non_null(strstr(f->reply, "\nholdfast_cache_entries 7\n"));
	assert_non_null(strstr(f->reply, "holdfast_build_info{version=\""));
	assert_status(get(f, "/api/v1/config"), "200");
	assert_non_null(strstr(f->reply, "application/json"));
	assert_non_null(strstr(f->reply, "\r\n\r\n{"));
	assert_status(get(f, "/"), "200");
	assert_non_null(strstr(f->reply, "/metrics"));
	assert_status(get(f, "/metrics?x=y"), "200");
}

/* As the main thread would. */
static void watch(struct fixture *f, hf_us from, hf_us to)
{
	for (hf_us now = from; now <= to; now += HF_READY_EVERY)
		hf_instance_look(&f->instance, began + now, 1763705040);
}

static void readiness_is_an_object_for_those_who_ask_for_one(void **state)
{
	struct fixture *f = *state;
	watch(f, 0, 2 * HF_SECOND);
	assert_status(get(f, "/ready.json"), "200");
	assert_non_null(strstr(f->reply, "Content-Type: application/json"));
	assert_non_null(strstr(f->reply, "\"ready\": true"));
	say(f, "GET /ready HTTP/1.1\r\nHost: x\r\nAccept: text/html, application/json\r\n"
	       "Connection: close\r\n\r\n");
	assert_non_null(strstr(f->reply, "Content-Type: application/json"));
}

static void health_and_readiness_follow_the_server(void **state)
{
	struct fixture *f = *state;
	assert_status(get(f, "/healthz"), "200");
	assert_status(get(f, "/ready"), "503"); /* nobody has looked yet */
	watch(f, 0, 2 * HF_SECOND);
	assert_status(get(f, "/ready"), "200");
	assert_non_null(strstr(f->reply, "text/plain"));
	f->instance.server->alive = f->instance.server->ready = false;
	assert_status(get(f, "/healthz"), "503");
	watch(f, 3 * HF_SECOND, 10 * HF_SECOND);
	assert_status(get(f, "/ready"), "503");
	assert_non_null(strstr(f->reply, "not ready\nno upstream of zone ."));
}

static void head_has_no_body(void **state)
{
	struct fixture *f = *state;
	say(f, "HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_status(f->reply, "200");
	assert_non_null(strstr(f->reply, "Content-Length: 3"));
	assert_null(strstr(f->reply, "\r\n\r\nok"));
}

static void a_page_that_is_not_there_is_404(void **state)
{
	struct fixture *f = *state;
	assert_status(get(f, "/metrics/"), "404");
	assert_status(get(f, "/../etc/passwd"), "404");
	assert_status(get(f, "/%2e%2e/metrics"), "404");
	assert_status(get(f, "/%00"), "404");
	assert_status(get(f, "/metrics%00x"), "404");
}

static void other_methods_are_405_with_allow(void **state)
{
	struct fixture *f = *state;
	say(f, "DELETE /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_status(f->reply, "405");
	assert_non_null(strstr(f->reply, "Allow: GET, HEAD"));
	say(f, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nab");
	assert_status(f->reply, "405");
}

static void a_body_is_refused_unread(void **state)
{
	struct fixture *f = *state;
	say(f, "GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nab");
	assert_status(f->reply, "413");
	say(f, "GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n");
	assert_status(f->reply, "413");
}

static void a_target_that_is_too_long_is_414(void **state)
{
	struct fixture *f = *state;
	char path[2000];
	memset(path, 'a', sizeof path - 1);
	path[0] = '/';
	path[sizeof path - 1] = '\0';
	assert_status(get(f, path), "414");
	char huge[60000];
	memset(huge, 'a', sizeof huge - 1);
	memcpy(huge, "GET /", 5);
	huge[sizeof huge - 1] = '\0';
	say(f, huge);
	assert_status(f->reply, "414");
}

static void a_connection_serves_several_questions(void **state)
{
	struct fixture *f = *state;
	int fd = connected(f);
	for (int i = 0; i < 3; i++) {
		const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
		assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
		size_t len = 0;
		f->reply[0] = '\0';
		while (!strstr(f->reply, "\r\n\r\nok\n")) {
			ssize_t n = recv(fd, f->reply + len, sizeof f->reply - 1 - len, 0);
			assert_true(n > 0);
			len += (size_t)n;
			f->reply[len] = '\0';
		}
	}
	close(fd);
}

static void one_address_cannot_take_all_connections(void **state)
{
	struct fixture *f = *state;
	int fds[33];
	char byte;
	for (size_t i = 0; i < HF_COUNT_OF(fds); i++)
		fds[i] = connected(f);
	assert_true(recv(fds[32], &byte, 1, 0) <= 0);
	assert_true(errno != EAGAIN); /* closed at once, not after our own patience */
	for (size_t i = 0; i < HF_COUNT_OF(fds); i++)
		close(fds[i]);
}

static void an_address_that_is_taken_is_said_by_its_number(void **state)
{
	struct fixture *f = *state;
	struct hf_http *second = NULL;
	struct hf_address address = hf_http_address(f->http);
	assert_int_equal(hf_http_start(&f->instance, &address, &second), -EADDRINUSE);
	assert_int_equal(hf_address_parse("192.0.2.1:9153", 0, &address), 0);
	assert_int_equal(hf_http_start(&f->instance, &address, &second), -EADDRNOTAVAIL);
	assert_null(second);
}

static void nonsense_does_no_harm(void **state)
{
	struct fixture *f = *state;
	say(f, "\r\n\r\n\x01\x02 HTTP\r\n\r\n");
	say(f, "GET / HTTP/1.1\r\nContent-Length: -1\r\nConnection: close\r\n\r\n");
	say(f, "GET\r\n\r\n");
	assert_status(get(f, "/healthz"), "200");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pages_are_there, begin, end),
		cmocka_unit_test_setup_teardown(health_and_readiness_follow_the_server, begin, end),
		cmocka_unit_test_setup_teardown(readiness_is_an_object_for_those_who_ask_for_one, begin, end),
		cmocka_unit_test_setup_teardown(head_has_no_body, begin, end),
		cmocka_unit_test_setup_teardown(a_page_that_is_not_there_is_404, begin, end),
		cmocka_unit_test_setup_teardown(other_methods_are_405_with_allow, begin, end),
		cmocka_unit_test_setup_teardown(a_body_is_refused_unread, begin, end),
		cmocka_unit_test_setup_teardown(a_target_that_is_too_long_is_414, begin, end),
		cmocka_unit_test_setup_teardown(a_connection_serves_several_questions, begin, end),
		cmocka_unit_test_setup_teardown(one_address_cannot_take_all_connections, begin, end),
		cmocka_unit_test_setup_teardown(an_address_that_is_taken_is_said_by_its_number, begin, end),
		cmocka_unit_test_setup_teardown(nonsense_does_no_harm, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
