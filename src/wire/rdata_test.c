/* SPDX-License-Identifier: MIT */
#include "wire/rdata.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/error.h"
#include "wire/sample.h"

static void types_without_a_row_are_opaque(void **state)
{
	(void)state;
	static const uint16_t opaque[] = { 0, HF_TYPE_A, HF_TYPE_TXT, HF_TYPE_RRSIG, HF_TYPE_SVCB,
		HF_TYPE_OPT, HF_TYPE_TSIG, 65280, 65535 };
	for (size_t i = 0; i < HF_COUNT_OF(opaque); i++)
		assert_int_equal(hf_rdata_shape(opaque[i])->names, 0);
}

static void types_with_names_have_their_own_row(void **state)
{
	(void)state;
	unsigned rows = 0;
	for (uint32_t type = 0; type <= UINT16_MAX; type++)
		rows += hf_rdata_shape((uint16_t)type)->names != 0;
	assert_int_equal(rows, 21);
	assert_int_equal(hf_rdata_shape(HF_TYPE_SOA)->names, 2);
	assert_int_equal(hf_rdata_shape(HF_TYPE_SRV)->before, 6);
}

static void names_begin_behind_fixed_octets_and_strings(void **state)
{
	(void)state;
	static const struct hf_rdata_shape shape = { .before = 2, .strings = 2, .names = 1 };
	const uint8_t *data = (const uint8_t *)"XX\3abc\0\1x\0";
	size_t at = 99;
	assert_int_equal(hf_rdata_names_at(&shape, data, 0, 10, &at), 0);
	assert_int_equal(at, 7);
	assert_int_equal(hf_rdata_names_at(&shape, data, 0, 7, &at), 0); /* nothing is left: the end */
	assert_int_equal(at, 7);
	at = 99;
	for (size_t end = 0; end < 7; end++)
		assert_int_equal(hf_rdata_names_at(&shape, data, 0, end, &at), HF_EMALFORMED);
	const uint8_t *lie = (const uint8_t *)"XX\0\3ab"; /* the last string runs over */
	assert_int_equal(hf_rdata_names_at(&shape, lie, 0, 6, &at), HF_EMALFORMED);
	assert_int_equal(at, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_without_a_row_are_opaque),
		cmocka_unit_test(types_with_names_have_their_own_row),
		cmocka_unit_test(names_begin_behind_fixed_octets_and_strings),
	};
	return cmocka_run_group_tests_name("rdata", tests, NULL, NULL);
}
