/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "face/notify.h"

static char message[1024];

/* A manager's socket; name[0] '@' is an abstract one. */
static int listen_as_manager(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	memcpy(address.sun_path, name, strlen(name));
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	else
		len++;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	return fd;
}

static const char *received(int fd)
{
	ssize_t n = recv(fd, message, sizeof message - 1, 0);
	message[n > 0 ? n : 0] = '\0';
	return message;
}

static void messages_reach_a_socket_with_a_path(void **state)
{
	(void)state;
	char folder[] = "/tmp/holdfast-notify-XXXXXX", path[64];
	struct hf_notify notify;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/socket", folder);
	int manager = listen_as_manager(path);
	assert_int_equal(hf_notify_open(&notify, path, NULL, NULL, 1), 0);
	hf_notify_ready(&notify, "serving 127.0.0.1:53");
	assert_string_equal(received(manager), "READY=1\nSTATUS=serving 127.0.0.1:53");
	hf_notify_reloading(&notify, 1234567);
	assert_non_null(strstr(received(manager), "RELOADING=1\nMONOTONIC_USEC=1234567\n"));
	hf_notify_stopping(&notify, "draining");
	assert_string_equal(received(manager), "STOPPING=1\nSTATUS=draining");
	hf_notify_watchdog(&notify);
	assert_string_equal(received(manager), "WATCHDOG=1");
	hf_notify_close(&notify);
	close(manager);
	unlink(path);
	rmdir(folder);
}

static void messages_reach_an_abstract_socket(void **state)
{
	(void)state;
	char name[64];
	struct hf_notify notify;
	snprintf(name, sizeof name, "@holdfast-notify-test-%d", (int)getpid());
	int manager = listen_as_manager(name);
	assert_int_equal(hf_notify_open(&notify, name, NULL, NULL, 1), 0);
	hf_notify_watchdog(&notify);
	assert_string_equal(received(manager), "WATCHDOG=1");
	hf_notify_close(&notify);
	close(manager);
}

static void a_status_cannot_smuggle_in_another_key(void **state)
{
	(void)state;
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
	struct hf_notify notify = { .fd = pair[0] };
	hf_notify_ready(&notify, "fine\nMAINPID=1");
	assert_string_equal(received(pair[1]), "READY=1\nSTATUS=fine");
	close(pair[0]);
	close(pair[1]);
}

static void a_manager_that_does_not_read_is_not_waited_for(void **state)
{
	(void)state;
	char name[64];
	struct hf_notify notify;
	snprintf(name, sizeof name, "@holdfast-notify-full-%d", (int)getpid());
	int manager = listen_as_manager(name);
	assert_int_equal(hf_notify_open(&notify, name, NULL, NULL, 1), 0);
	for (int i = 0; i < 10000; i++)
		hf_notify_watchdog(&notify);
	hf_notify_close(&notify);
	close(manager);
}

static void nobody_listening_is_no_error(void **state)
{
	(void)state;
	struct hf_notify notify;
	assert_int_equal(hf_notify_open(&notify, NULL, "1000000", NULL, 1), 0);
	assert_int_equal(notify.watchdog, 0);
	hf_notify_ready(&notify, "to nobody");
	hf_notify_close(&notify);
	assert_true(hf_notify_open(&notify, "relative/path", NULL, NULL, 1) < 0);
	assert_true(hf_notify_open(&notify, "/nonexistent/socket", NULL, NULL, 1) < 0);
	hf_notify_ready(&notify, "to nobody");
}

static void the_watchdog_is_for_the_process_it_names(void **state)
{
	(void)state;
	char name[64];
	struct hf_notify notify;
	snprintf(name, sizeof name, "@holdfast-notify-dog-%d", (int)getpid());
	int manager = listen_as_manager(name);
	const struct { const char *usec, *pid; hf_us period; } cases[] = {
		{ "30000000", "42", 30 * HF_SECOND }, { "30000000", NULL, 30 * HF_SECOND },
		{ "30000000", "43", 0 }, { "soon", "42", 0 }, { "30000000", "x", 0 }, { NULL, "42", 0 },
		{ "99999999999999999999", NULL, 0 },
	};
	for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
		assert_int_equal(hf_notify_open(&notify, name, cases[i].usec, cases[i].pid, 42), 0);
		assert_int_equal(notify.watchdog, cases[i].period);
		hf_notify_close(&notify);
	}
	close(manager);
}

static void the_environment_is_not_left_to_children(void **state)
{
	(void)state;
	struct hf_notify notify;
	setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
	setenv("WATCHDOG_USEC", "1", 1);
	assert_true(hf_notify_from_environment(&notify) < 0);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_reach_a_socket_with_a_path),
		cmocka_unit_test(messages_reach_an_abstract_socket),
		cmocka_unit_test(a_status_cannot_smuggle_in_another_key),
		cmocka_unit_test(a_manager_that_does_not_read_is_not_waited_for),
		cmocka_unit_test(nobody_listening_is_no_error),
		cmocka_unit_test(the_watchdog_is_for_the_process_it_names),
		cmocka_unit_test(the_environment_is_not_left_to_children),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
