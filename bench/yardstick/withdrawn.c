/* SPDX-License-Identifier: GPL-3.0-or-later */
/* yard_withdrawn - how long an answer goes on being given at the driver once it is withdrawn.
 *
 * The program at the driver, loaded but at no interface, with its table full. One thread has
 * it answer a question over and over; the other withdraws the answer in each of the ways
 * there are. For each way it tells, in microseconds, how long after the call the last run
 * that answered began, and how long the call took: medians and greatest. The last way is
 * there to be compared with: the same sweep, and the program not paused. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "loop/loop_epoll.h"
#include "xdp/inside.h"
#include "xdp/xdp.h"
#include "zone/zones.h"

#define PLAN 1
#define ROUNDS 101
#define LOOPBACK 1 /* the interface that test runs come from */
#define TX 3

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1}, us[4] = {10, 0, 0, 1};

/* hot.gone.example, A, from 10.0.0.2. The IP checksum is right for these octets; UDP's is
 * computed. */
static uint8_t question[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 62, 0, 0, 0, 0,
	64, 17, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1, 0x20, 0, 0, 53, 0, 42, 0, 0, 0, 9, 1, 0, 0, 1, 0, 0,
	0, 0, 0, 0, 3, 'h', 'o', 't', 4, 'g', 'o', 'n', 'e', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e',
	0, 0, 1, 0, 1};
#define IP_AT 14
#define UDP_AT 34

struct stage {
	struct hf_xdp *xdp;
	struct hf_zones *zones;
	_Atomic hf_us last; /* when the last run that answered began */
	_Atomic bool over;
};

static uint16_t sum(uint32_t begin, const uint8_t *octets, size_t len)
{
	for (size_t i = 0; i < len; i++)
		begin += (uint32_t)(i % 2 ? octets[i] : octets[i] << 8);
	while (begin >> 16)
		begin = (begin & 0xffff) + (begin >> 16);
	return htons((uint16_t)~begin);
}

static void seal(void)
{
	size_t len = sizeof question - UDP_AT;
	uint16_t ip = sum(0, question + IP_AT, 20);
	memcpy(question + IP_AT + 10, &ip, 2);
	/* The pseudo header: addresses lie right before UDP. */
	uint16_t udp = sum(17 + (uint32_t)len, question + UDP_AT - 8, len + 8);
	memcpy(question + UDP_AT + 6, &udp, 2);
}

static void publish(struct stage *s, const char *text)
{
	static uint8_t wire[512];
	struct hf_name name;
	hf_name_from_text(text, strlen(text), &name);
	const struct hf_cache_key key = {.name = &name, .type = HF_TYPE_A, .class = HF_CLASS_IN};
	const struct hf_cached copy = {.kept = {.wire = wire,
					       .len = (uint16_t)(HF_HEADER_LEN + name.len + 20),
					       .ttl = 86400},
		.stored = hf_clock_now()};
	wire[5] = 1;
	hf_xdp_publish(&s->xdp->table, &key, &copy, PLAN, copy.stored);
}

static bool open_stage(struct stage *s)
{
	struct hf_xdp_key key = {(uint64_t)hf_clock_now(), 1};
	struct hf_xdp_place place = {.ifindex = LOOPBACK, .port = htons(53)};
	struct hf_xdp_prefix all = {.bits = 32, .family = 4};
	struct hf_zones_entry zone = {.standing = HF_ZONE_WITHHELD, .ede = HF_EDE_NOT_READY};
	uint8_t yes = 1;
	char text[32];
	if (hf_xdp_load(&key, &s->xdp))
		return false;
	hf_name_from_text("gone.example", 12, &zone.origin);
	if (hf_zones_new(&zone, 1, &s->zones))
		return false;
	s->xdp->settings->sample = 0;
	s->xdp->settings->edns_size = 1232;
	s->xdp->settings->doors[0].ifindex = LOOPBACK;
	memcpy(s->xdp->settings->doors[0].mac, mac, 6);
	place.address[2] = htonl(0xffff);
	memcpy(&place.address[3], us, 4);
	bpf_map_update_elem(s->xdp->places_fd, &place, &yes, BPF_ANY);
	bpf_map_update_elem(s->xdp->clients_fd, &all, &yes, BPF_ANY);
	publish(s, "hot.gone.example");
	for (unsigned i = 0; i < 4 * HF_XDP_ENTRIES; i++) {
		snprintf(text, sizeof text, "n%u.shop.example", i);
		publish(s, text);
	}
	return true;
}

static void *ask(void *arg)
{
	struct stage *s = arg;
	uint8_t out[2048];
	while (!atomic_load(&s->over)) {
		hf_us begun = hf_clock_now();
		DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = question,
			.data_size_in = sizeof question, .data_out = out,
			.data_size_out = sizeof out, .repeat = 1);
		if (bpf_prog_test_run_opts(s->xdp->program_fd, &opts) == 0 && opts.retval == TX)
			atomic_store(&s->last, begun);
	}
	return NULL;
}

static bool is_gone(const void *of, const struct hf_name *name, bool aliased)
{
	return aliased || hf_zones_find(of, name, 0) != NULL;
}

static void one_question(struct stage *s)
{
	struct hf_name name;
	hf_name_from_text("hot.gone.example", 16, &name);
	const struct hf_cache_key key = {.name = &name, .type = HF_TYPE_A, .class = HF_CLASS_IN};
	hf_xdp_hot.withdraw(s->xdp, &key);
}

static void reload(struct stage *s)
{
	hf_xdp_pause(s->xdp);
}

static void zones(struct stage *s)
{
	hf_xdp_hot.sweep(s->xdp, is_gone, s->zones);
}

static void zones_unpaused(struct stage *s)
{
	hf_xdp_sweep(&s->xdp->table, is_gone, s->zones);
}

static int by_size(const void *a, const void *b)
{
	hf_us x = *(const hf_us *)a, y = *(const hf_us *)b;
	return (x > y) - (x < y);
}

static bool wait_for_answers(struct stage *s)
{
	hf_us begun = hf_clock_now();
	while (atomic_load(&s->last) < begun)
		if (hf_clock_now() - begun > HF_SECOND)
			return false;
	return true;
}

static bool measure(struct stage *s, const char *what, void (*withdraw)(struct stage *))
{
	hf_us until[ROUNDS], took[ROUNDS];
	for (unsigned i = 0; i < ROUNDS; i++) {
		__atomic_store_n(&s->xdp->settings->generation, PLAN, __ATOMIC_RELEASE);
		publish(s, "hot.gone.example");
		if (!wait_for_answers(s))
			return false;
		hf_us begun = hf_clock_now();
		withdraw(s);
		took[i] = hf_clock_now() - begun;
		usleep(5000);
		until[i] = atomic_load(&s->last) - begun;
		until[i] = until[i] > 0 ? until[i] : 0;
	}
	qsort(until, ROUNDS, sizeof *until, by_size);
	qsort(took, ROUNDS, sizeof *took, by_size);
	printf("%s: given for %lld us more, %lld at most; the call takes %lld us, %lld at most\n",
		what, (long long)until[ROUNDS / 2], (long long)until[ROUNDS - 1],
		(long long)took[ROUNDS / 2], (long long)took[ROUNDS - 1]);
	return true;
}

int main(void)
{
	static struct stage s;
	pthread_t asker;
	seal();
	if (!open_stage(&s)) {
		fprintf(stderr, "BPF programs cannot be loaded here\n");
		return 1;
	}
	printf("%zu entries\n", hf_xdp_entries(&s.xdp->table, PLAN));
	if (pthread_create(&asker, NULL, ask, &s))
		return 1;
	bool good = measure(&s, "one question", one_question) && measure(&s, "reload", reload) &&
		    measure(&s, "zones", zones) && measure(&s, "zones, not paused", zones_unpaused);
	atomic_store(&s.over, true);
	pthread_join(asker, NULL);
	hf_zones_unref(s.zones);
	hf_xdp_close(s.xdp);
	if (!good)
		fprintf(stderr, "nothing is answered\n");
	return !good;
}
