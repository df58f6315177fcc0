/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/admission.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct hf_address address(const char *text)
{
	struct hf_address a;
	assert_int_equal(hf_address_parse(text, 0, &a), 0);
	return a;
}

static struct hf_admission_table *new_table(void)
{
	struct hf_admission_table *table = calloc(1, sizeof *table);
	assert_non_null(table);
	table->key = (struct hf_hash_key){ 1, 2 };
	return table;
}

static void only_who_is_listed_is_a_client(void **state)
{
	struct hf_prefix allow[2];
	struct hf_clients_conf conf = { .allow = { allow, 2 } };
	(void)state;
	assert_int_equal(hf_prefix_parse("10.0.0.0/8", &allow[0]), 0);
	assert_int_equal(hf_prefix_parse("2001:db8::/32", &allow[1]), 0);
	static const struct {
		const char *who;
		bool allowed;
	} rows[] = { { "10.255.0.1", true }, { "11.0.0.1", false }, { "2001:db8::1", true },
		{ "2001:db9::1", false }, { "::ffff:10.1.1.1", true }, { "a00::1", false } };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct hf_address who = address(rows[i].who);
		assert_int_equal(hf_client_allowed(&conf, &who), rows[i].allowed);
	}
	conf.allow.count = 0;
	struct hf_address who = address("10.0.0.1");
	assert_false(hf_client_allowed(&conf, &who));
}

static void limits_hold_for_each_and_for_all(void **state)
{
	const struct hf_tcp_conf conf = { .connections = 3, .per_client = 2 };
	struct hf_admission_table *table = new_table();
	struct hf_address a = address("10.0.0.1"), b = address("10.0.0.2");
	(void)state;
	assert_int_equal(hf_connection_admit(table, &conf, &a), HF_CONNECTION_ADMITTED);
	a.port = 4000; /* another port is the same client */
	assert_int_equal(hf_connection_admit(table, &conf, &a), HF_CONNECTION_ADMITTED);
	assert_int_equal(hf_connection_admit(table, &conf, &a), HF_CONNECTION_CLIENT_LIMIT);
	assert_int_equal(table->total, 2);
	assert_int_equal(hf_connection_admit(table, &conf, &b), HF_CONNECTION_ADMITTED);
	assert_int_equal(hf_connection_admit(table, &conf, &b), HF_CONNECTION_ONE_TOO_MANY);
	assert_int_equal(table->total, 4);
	hf_connection_gone(table, &b);
	hf_connection_gone(table, &b);
	hf_connection_gone(table, &a);
	assert_int_equal(hf_connection_admit(table, &conf, &a), HF_CONNECTION_ADMITTED);
	hf_connection_gone(table, &a);
	hf_connection_gone(table, &a);
	assert_int_equal(table->total, 0);
	free(table);
}

static void an_ipv6_client_has_one_limit_for_its_64(void **state)
{
	const struct hf_tcp_conf conf = { .connections = 10, .per_client = 1 };
	struct hf_admission_table *table = new_table();
	struct hf_address a = address("2001:db8::1"), b = address("2001:db8::ffff:1");
	struct hf_address c = address("2001:db8:0:1::1");
	(void)state;
	assert_int_equal(hf_connection_admit(table, &conf, &a), HF_CONNECTION_ADMITTED);
	assert_int_equal(hf_connection_admit(table, &conf, &b), HF_CONNECTION_CLIENT_LIMIT);
	assert_int_equal(hf_connection_admit(table, &conf, &c), HF_CONNECTION_ADMITTED);
	free(table);
}

static void handshakes_are_counted_by_the_second_and_by_the_client(void **state)
{
	struct hf_admission_table *table = new_table();
	struct hf_address a = address("10.0.0.1"), b = address("10.0.0.2");
	(void)state;
	for (unsigned second = 0; second < 3; second++) {
		hf_us now = second * HF_SECOND;
		for (unsigned i = 0; i < 5; i++)
			assert_int_equal(
				hf_handshake_admit(table, 3, &a, now + i * 100 * HF_MS), i < 3);
		assert_true(hf_handshake_admit(table, 3, &b, now));
	}
	assert_false(hf_handshake_admit(table, 3, &a, 2 * HF_SECOND + 999 * HF_MS));
	free(table);
}

#define ROUNDS 20000

static void *come_and_go(void *arg)
{
	static const struct hf_tcp_conf conf = { .connections = 1000, .per_client = 1000 };
	const struct hf_address who = { .family = 4, .bytes = { 10, 0, 0, 1 } };
	for (unsigned i = 0; i < ROUNDS; i++)
		if (hf_connection_admit(arg, &conf, &who) != HF_CONNECTION_CLIENT_LIMIT)
			hf_connection_gone(arg, &who);
	return NULL;
}

static void threads_count_together(void **state)
{
	struct hf_admission_table *table = new_table();
	pthread_t threads[3];
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, table), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(table->total, 0);
	for (size_t i = 0; i < HF_ADMISSION_PLACES; i++)
		assert_int_equal(table->places[i], 0);
	free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_who_is_listed_is_a_client),
		cmocka_unit_test(limits_hold_for_each_and_for_all),
		cmocka_unit_test(an_ipv6_client_has_one_limit_for_its_64),
		cmocka_unit_test(handshakes_are_counted_by_the_second_and_by_the_client),
		cmocka_unit_test(threads_count_together),
	};
	return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
