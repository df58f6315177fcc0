/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/mailbox.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct letter {
	struct hf_message message;
	unsigned writer, number;
};

struct reader {
	unsigned next[4];
	unsigned got;
};

static void read_letter(void *owner, struct hf_message *message)
{
	struct letter *letter = (struct letter *)message;
	struct reader *reader = owner;
	/* In the order in which each writer wrote. */
	if (letter->number != reader->next[letter->writer]++)
		abort();
	reader->got++;
	free(letter);
}

static struct letter *write_letter(unsigned writer, unsigned number)
{
	struct letter *letter = malloc(sizeof *letter);
	*letter = (struct letter){ { .arrive = read_letter }, writer, number };
	return letter;
}

static void messages_arrive_once_and_in_order(void **state)
{
	(void)state;
	struct hf_mailbox box;
	struct reader reader = { 0 };
	bool wake;
	hf_mailbox_init(&box, 10);
	for (unsigned i = 0; i < 10; i++) {
		assert_true(hf_mailbox_push(&box, &write_letter(0, i)->message, false, &wake));
		assert_int_equal(wake, i == 0);
	}
	hf_mailbox_deliver(&box, &reader);
	hf_mailbox_deliver(&box, &reader);
	assert_int_equal(reader.got, 10);
}

static void a_full_box_refuses_all_but_what_must_arrive(void **state)
{
	(void)state;
	struct hf_mailbox box;
	struct reader reader = { 0 };
	bool wake;
	hf_mailbox_init(&box, 1);
	struct letter *letter = write_letter(0, 1);
	assert_true(hf_mailbox_push(&box, &write_letter(0, 0)->message, false, &wake));
	assert_false(hf_mailbox_push(&box, &letter->message, false, &wake));
	assert_true(hf_mailbox_push(&box, &letter->message, true, &wake));
	hf_mailbox_deliver(&box, &reader);
	assert_int_equal(reader.got, 2);
	assert_true(hf_mailbox_push(&box, &write_letter(0, 2)->message, false, &wake));
	hf_mailbox_deliver(&box, &reader);
}

#define LETTERS 20000

struct writer {
	struct hf_mailbox *box;
	unsigned index;
};

static void *write_all(void *arg)
{
	struct writer *writer = arg;
	bool wake;
	for (unsigned i = 0; i < LETTERS; i++)
		hf_mailbox_push(writer->box, &write_letter(writer->index, i)->message, true, &wake);
	return NULL;
}

static void many_writers_lose_nothing(void **state)
{
	(void)state;
	struct hf_mailbox box;
	struct reader reader = { 0 };
	struct writer writers[3];
	pthread_t threads[3];
	hf_mailbox_init(&box, SIZE_MAX);
	for (unsigned i = 0; i < 3; i++) {
		writers[i] = (struct writer){ &box, i };
		assert_int_equal(pthread_create(&threads[i], NULL, write_all, &writers[i]), 0);
	}
	while (reader.got < 3 * LETTERS)
		hf_mailbox_deliver(&box, &reader);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_arrive_once_and_in_order),
		cmocka_unit_test(a_full_box_refuses_all_but_what_must_arrive),
		cmocka_unit_test(many_writers_lose_nothing),
	};
	return cmocka_run_group_tests_name("mailbox", tests, NULL, NULL);
}
