/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a hit takes from the heap (nothing: a law of CONTRIBUTING.md), counted: whatever calls
 * the C library's allocator in this program, or in a library that it uses, comes by here first. */
#include "serve/respond.h"

#include "serve/desk.h"

#define GROUPS (10000 / HF_RESPOND_GROUP)
#define OURS __attribute__((visibility("default")))

/* glibc's own, which its manual leaves to those that replace the four. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void __libc_free(void *memory);

static unsigned calls; /* this program has one thread */

OURS void *malloc(size_t size)
{
	calls++;
	return __libc_malloc(size);
}

OURS void *calloc(size_t n, size_t size)
{
	calls++;
	return __libc_calloc(n, size);
}

OURS void *realloc(void *memory, size_t size)
{
	calls++;
	return __libc_realloc(memory, size);
}

OURS void free(void *memory)
{
	calls++;
	__libc_free(memory);
}

/* The same packet in every place of a group, as a listener's batch is answered. */
static unsigned answer_group(struct desk *d, const struct hf_packet *packet)
{
	const hf_us now = hf_loop_now(d->stage.loops[0]);
	unsigned answered = 0;
	for (size_t i = 0; i < HF_RESPOND_GROUP; i++)
		hf_respond_begin(d->responder, i, packet, now);
	hf_respond_approach(d->responder, HF_RESPOND_GROUP);
	for (size_t i = 0; i < HF_RESPOND_GROUP; i++) {
		const uint8_t *reply;
		size_t len;
		answered +=
			hf_respond_finish(d->responder, i, d->out, &reply, &len) == HF_RESPOND_NOW;
	}
	return answered;
}

static void assert_hits_take_nothing(struct desk *d, const struct packet *p)
{
	const struct hf_packet packet = {
		d->path.transport, d->path.ctx, &d->path.peer, &d->path.local, p->bytes, p->len};
	const uint64_t hits = stage_counted(&d->stage, HF_COUNT_CACHE_HITS);
	unsigned answered = 0;
	calls = 0;
	for (unsigned i = 0; i < GROUPS; i++)
		answered += answer_group(d, &packet);
	assert_int_equal(calls, 0);
	assert_int_equal(answered, GROUPS * HF_RESPOND_GROUP);
	assert_int_equal(stage_counted(&d->stage, HF_COUNT_CACHE_HITS) - hits, answered);
}

static void ten_thousand_hits_never_call_the_allocator(void **state)
{
	struct desk *d = *state;
	struct packet plain = question("a.example", HF_TYPE_A);
	struct packet edns = question("b.example", HF_TYPE_A);
	add_opt(&edns, 1232, HF_EDNS_DO);
	ask(d, &plain);
	ask(d, &edns);
	assert_hits_take_nothing(d, &plain);
	assert_hits_take_nothing(d, &edns);
}

static void a_denial_from_the_cache_never_calls_the_allocator(void **state)
{
	struct desk *d = *state;
	struct packet p = question("gone.example", HF_TYPE_A);
	d->stage.upstreams[0].manner = STAGE_NXDOMAIN;
	ask(d, &p);
	assert_hits_take_nothing(d, &p);
}

/* So that nothing above passes because nothing is counted. */
static void what_a_miss_takes_is_counted(void **state)
{
	struct desk *d = *state;
	void *volatile kept;
	calls = 0;
	kept = malloc(1);
	free(kept);
	assert_int_equal(calls, 2);
	struct packet p = question("a.example", HF_TYPE_A);
	calls = 0;
	ask(d, &p);
	assert_true(calls > 0);
}

#define AT_A_DESK(test) cmocka_unit_test_setup_teardown(test, open_desk, close_desk)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_A_DESK(ten_thousand_hits_never_call_the_allocator),
		AT_A_DESK(a_denial_from_the_cache_never_calls_the_allocator),
		AT_A_DESK(what_a_miss_takes_is_counted),
	};
	return cmocka_run_group_tests_name("respond_hit", tests, NULL, NULL);
}
