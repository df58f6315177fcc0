/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct hf_upstream_conf upstreams[HF_UPSTREAMS_MAX];
static char names[2 * HF_UPSTREAMS_MAX][16];
static uint16_t slots_of[HF_UPSTREAMS_MAX];
static bool fresh[HF_UPSTREAMS_MAX];

static void assign(struct hf_slots *slots, size_t from, size_t count)
{
	const struct hf_forward_conf conf = { .upstreams = upstreams, .upstream_count = count };
	for (size_t i = 0; i < count; i++) {
		snprintf(names[from + i], sizeof names[0], "u%zu", from + i);
		upstreams[i] = (struct hf_upstream_conf){ .name = names[from + i] };
	}
	hf_slots_assign(slots, &conf, slots_of, fresh);
}

static void an_upstream_keeps_its_slot_over_reloads(void **state)
{
	(void)state;
	struct hf_slots *slots;
	assert_int_equal(hf_slots_new(&slots), 0);
	assign(slots, 0, 3);
	assert_true(fresh[0] && fresh[2]);
	uint16_t third = slots_of[2];
	assign(slots, 2, 3);
	assert_int_equal(slots_of[0], third);
	assert_false(fresh[0]);
	assert_true(fresh[1]);
	assert_string_equal(hf_slots_name(slots, third), "u2");
	hf_slots_free(slots);
}

static void another_address_under_the_same_name_starts_anew(void **state)
{
	(void)state;
	struct hf_slots *slots;
	assert_int_equal(hf_slots_new(&slots), 0);
	assign(slots, 0, 1);
	const struct hf_forward_conf conf = { .upstreams = upstreams, .upstream_count = 1 };
	hf_slots_assign(slots, &conf, slots_of, fresh);
	assert_false(fresh[0]);
	upstreams[0].address.port = 54;
	hf_slots_assign(slots, &conf, slots_of, fresh);
	assert_true(fresh[0]);
	hf_slots_free(slots);
}

static void as_many_new_upstreams_as_there_may_be_find_a_slot(void **state)
{
	(void)state;
	struct hf_slots *slots;
	assert_int_equal(hf_slots_new(&slots), 0);
	assign(slots, 0, HF_UPSTREAMS_MAX);
	assign(slots, HF_UPSTREAMS_MAX / 2, HF_UPSTREAMS_MAX);
	bool seen[HF_UPSTREAMS_MAX] = { false };
	for (size_t i = 0; i < HF_UPSTREAMS_MAX; i++) {
		assert_false(seen[slots_of[i]]);
		seen[slots_of[i]] = true;
		assert_int_equal(fresh[i], i >= HF_UPSTREAMS_MAX / 2);
	}
	hf_slots_free(slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_upstream_keeps_its_slot_over_reloads),
		cmocka_unit_test(another_address_under_the_same_name_starts_anew),
		cmocka_unit_test(as_many_new_upstreams_as_there_may_be_find_a_slot),
	};
	return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
