/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "face/given.h"

#define BASE 200 /* the descriptors that a manager would have put at 3 and up */
#define ME 42

static struct hf_given given;
static char complaints[4096];

static void take(const char *pid, const char *fds, const char *names)
{
	memset(complaints, 0, sizeof complaints);
	FILE *out = fmemopen(complaints, sizeof complaints - 1, "w");
	hf_given_take(&given, pid, fds, names, ME, BASE, out);
	fclose(out);
}

static void place(int fd, int at)
{
	assert_int_equal(dup2(fd, at), at);
	close(fd);
}

static void place_socket(int family, int type, bool listening, int at)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(family, type, 0);
	assert_int_equal(family == AF_INET ? bind(fd, (struct sockaddr *)&v4, sizeof v4) :
		bind(fd, (struct sockaddr *)&v6, sizeof v6), 0);
	if (listening)
		assert_int_equal(listen(fd, 1), 0);
	place(fd, at);
}

static void sockets_of_both_families_and_types_are_taken(void **state)
{
	(void)state;
	place_socket(AF_INET, SOCK_DGRAM, false, BASE);
	place_socket(AF_INET6, SOCK_STREAM, true, BASE + 1);
	take("42", "2", "dns:dns-tcp");
	assert_string_equal(complaints, "");
	assert_int_equal(given.count, 2);
	assert_int_equal(given.sockets[0].fd, BASE);
	assert_int_equal(given.sockets[0].type, SOCK_DGRAM);
	assert_int_equal(given.sockets[0].address.family, 4);
	assert_true(given.sockets[0].address.port != 0);
	assert_int_equal(given.sockets[1].type, SOCK_STREAM);
	assert_int_equal(given.sockets[1].address.family, 6);
	assert_true(fcntl(BASE, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(BASE, F_GETFL) & O_NONBLOCK);
	hf_given_close(&given);
	assert_int_equal(fcntl(BASE + 1, F_GETFD), -1);
}

static void what_is_no_listening_socket_is_told_by_name_and_closed(void **state)
{
	(void)state;
	place(open("/dev/null", O_RDONLY), BASE);
	place_socket(AF_INET, SOCK_STREAM, false, BASE + 1);
	place(socket(AF_UNIX, SOCK_DGRAM, 0), BASE + 2);
	place(socket(AF_INET, SOCK_DGRAM, 0), BASE + 3);
	place_socket(AF_INET, SOCK_DGRAM, false, BASE + 4);
	take("42", "5", "file:quiet:unix:unbound:good");
	assert_int_equal(given.count, 1);
	assert_int_equal(given.sockets[0].fd, BASE + 4);
	assert_non_null(strstr(complaints, "200 (file) is no socket"));
	assert_non_null(strstr(complaints, "201 (quiet) is a stream socket that does not listen"));
	assert_non_null(strstr(complaints, "202 (unix) is no socket of IPv4 or IPv6"));
	assert_non_null(strstr(complaints, "203 (unbound) is not bound to a port"));
	for (int fd = BASE; fd < BASE + 4; fd++)
		assert_int_equal(fcntl(fd, F_GETFD), -1);
	hf_given_close(&given);
}

/* The second is closed, and what stands at the first and third was opened here. */
static void what_was_not_passed_is_left_alone(void **state)
{
	(void)state;
	place(open("/dev/null", O_RDONLY), BASE);
	place_socket(AF_INET, SOCK_DGRAM, false, BASE + 2);
	assert_int_equal(fcntl(BASE, F_SETFD, FD_CLOEXEC), 0);
	assert_int_equal(fcntl(BASE + 2, F_SETFD, FD_CLOEXEC), 0);
	place_socket(AF_INET, SOCK_DGRAM, false, BASE + 3);
	take("42", "4", "ours:closed:too:dns");
	assert_non_null(strstr(complaints, "200 (ours) is not open\n"));
	assert_non_null(strstr(complaints, "201 (closed) is not open\n"));
	assert_non_null(strstr(complaints, "202 (too) is not open\n"));
	assert_int_equal(given.count, 1);
	assert_int_equal(given.sockets[0].fd, BASE + 3);
	assert_int_not_equal(fcntl(BASE, F_GETFD), -1);
	assert_int_not_equal(fcntl(BASE + 2, F_GETFD), -1);
	hf_given_close(&given);
	close(BASE);
	close(BASE + 2);
}

static void sockets_for_another_process_are_left_alone(void **state)
{
	(void)state;
	place_socket(AF_INET, SOCK_DGRAM, false, BASE);
	take("43", "1", NULL);
	assert_int_equal(given.count, 0);
	take(NULL, "1", NULL);
	assert_int_equal(given.count, 0);
	take("42", NULL, NULL);
	assert_int_equal(given.count, 0);
	assert_int_not_equal(fcntl(BASE, F_GETFD), -1);
	close(BASE);
}

static void nonsense_in_the_environment_takes_nothing(void **state)
{
	(void)state;
	take("42", "-1", NULL);
	assert_non_null(strstr(complaints, "LISTEN_FDS=-1"));
	take("42", "4000000000", NULL);
	assert_non_null(strstr(complaints, "no number of sockets"));
	assert_int_equal(given.count, 0);
}

static void names_may_be_fewer_than_sockets(void **state)
{
	(void)state;
	place_socket(AF_INET, SOCK_DGRAM, false, BASE);
	place(open("/dev/null", O_RDONLY), BASE + 1);
	place(open("/dev/null", O_RDONLY), BASE + 2);
	/* What lies behind the names must not be taken for one. */
	static const char names[] = "one\0secret\0words";
	take("42", "3", names);
	assert_int_equal(given.count, 1);
	assert_non_null(strstr(complaints, "201 () is no socket"));
	assert_non_null(strstr(complaints, "202 () is no socket"));
	hf_given_close(&given);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_of_both_families_and_types_are_taken),
		cmocka_unit_test(what_is_no_listening_socket_is_told_by_name_and_closed),
		cmocka_unit_test(what_was_not_passed_is_left_alone),
		cmocka_unit_test(sockets_for_another_process_are_left_alone),
		cmocka_unit_test(nonsense_in_the_environment_takes_nothing),
		cmocka_unit_test(names_may_be_fewer_than_sockets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
