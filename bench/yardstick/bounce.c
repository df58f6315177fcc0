/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounce.c - starts the load at the driver (bounce.h), and counts.
 *
 * bounce OBJECT INTERFACE OWN-MAC SERVER-MAC OWN-ADDRESS SERVER-ADDRESS PORT NAMES WINDOW
 * puts the program of OBJECT at the interface and sends the first question of each
 * slot. From then on questions follow from replies. A slot that has stood still for
 * a second has lost its question or its reply: it is counted and gets another one.
 * A line on standard input is answered with the counts so far, as JSON, and the
 * moment. End of input ends the process, and with it the load.
 *
 * A first packet is 1,000 octets long, of which all behind the datagram is padding: in
 * its room the answers of its slot will lie.
 * At the bound: bounce.h.  Threads: one. */
#include "bounce.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "batch.h"
#include "numbered.h"

#define FRAME 1000
#define FIRST_PORT 20000
#define GENTLY 500 /* us: long packets are much for a socket of default size */
#define LOOK_MS 50
#define LOOKS 20 /* without a turn: lost */
#define ADDRESS_AT (HF_BOUNCE_QUERY - 11 + 12)

_Static_assert(HF_BOUNCE_QUERY == HF_YARD_QUERY, "one query");

static struct hf_bounce_plan *plan;
static struct hf_bounce_counts *counts;
static struct hf_bounce_slot *slots;
static struct hf_bounce_row *rows;
static int packets = -1;
static unsigned long long lost;

/* ---- the plan ---- */

static uint32_t sum_of(const uint8_t *octets, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i++)
		sum += (uint32_t)octets[i] << 8 * (i & 1);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void put16(uint8_t *p, unsigned value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void read_mac(const char *text, uint8_t out[6])
{
	unsigned octets[6];

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", &octets[0], &octets[1], &octets[2], &octets[3],
		    &octets[4], &octets[5]) != 6)
		errx(2, "no MAC: %s", text);
	for (int i = 0; i < 6; i++)
		out[i] = (uint8_t)octets[i];
}

/* Ethernet, IPv4 and UDP of every question. */
static void write_head(char **macs, const struct sockaddr_in *from, const struct sockaddr_in *to)
{
	uint8_t *ip = plan->head + 14, *udp = ip + 20;
	uint8_t pseudo[12] = {0};

	read_mac(macs[1], plan->head);
	read_mac(macs[0], plan->head + 6);
	put16(plan->head + 12, ETHERTYPE_IP);
	ip[0] = 0x45;
	put16(ip + 2, HF_BOUNCE_LEN - 14);
	put16(ip + 6, 0x4000);
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	memcpy(ip + 12, &from->sin_addr, 4);
	memcpy(ip + 16, &to->sin_addr, 4);
	uint16_t check = (uint16_t)~sum_of(ip, 20);
	memcpy(ip + 10, &check, 2);
	memcpy(udp + 2, &to->sin_port, 2);
	put16(udp + 4, 8 + HF_BOUNCE_QUERY);
	memcpy(pseudo, ip + 12, 8);
	pseudo[9] = IPPROTO_UDP;
	put16(pseudo + 10, 8 + HF_BOUNCE_QUERY);
	plan->sum = sum_of(pseudo, sizeof pseudo) + sum_of(udp, 8);
	plan->first_port = FIRST_PORT;
	plan->server_port = to->sin_port;
}

static void write_rows(uint32_t names)
{
	for (uint32_t i = 0; i < names; i++) {
		uint8_t reply[HF_YARD_RESPONSE];
		hf_yard_write_query(i, 0, rows[i].query);
		rows[i].sum = sum_of(rows[i].query, HF_BOUNCE_QUERY);
		if (!hf_yard_write_response(rows[i].query, HF_BOUNCE_QUERY, 0, reply))
			errx(1, "a query that cannot be read");
		memcpy(&rows[i].address, reply + ADDRESS_AT, 4);
	}
}

/* ---- the program ---- */

static void *memory_of(const struct bpf_object *object, const char *name, size_t size)
{
	int fd = bpf_object__find_map_fd_by_name(object, name);
	void *at =
		fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		err(1, "%s", name);
	return at;
}

static struct bpf_object *load(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);

	if (!object || bpf_object__load(object))
		err(1, "%s", path);
	plan = memory_of(object, "bounce_plan", sizeof *plan);
	counts = memory_of(object, "bounce_counts", sizeof *counts);
	slots = memory_of(object, "bounce_slots", HF_BOUNCE_SLOTS * sizeof *slots);
	rows = memory_of(object, "bounce_rows", HF_BOUNCE_ROWS * sizeof *rows);
	return object;
}

/* It goes with the process. */
static void attach(const struct bpf_object *object, unsigned interface)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, "hf_bounce");

	if (!program || !bpf_program__attach_xdp(program, (int)interface))
		err(1, "the interface does not take the program");
}

/* ---- first questions ---- */

static void serve(unsigned at)
{
	uint8_t frame[FRAME] = {0};
	struct hf_bounce_slot *slot = &slots[at];
	uint32_t number = (uint32_t)random() % plan->names;
	uint16_t id = (uint16_t)(at | (unsigned)random() % 256 << 8);

	slot->number = number;
	slot->id = id;
	memcpy(frame, plan->head, HF_BOUNCE_HEAD);
	memcpy(frame + HF_BOUNCE_HEAD, rows[number].query, HF_BOUNCE_QUERY);
	memcpy(frame + HF_BOUNCE_HEAD, &id, 2);
	put16(frame + 34, FIRST_PORT + at % HF_BOUNCE_LANES);
	uint32_t sum = plan->sum + rows[number].sum + id + sum_of(frame + 34, 2);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	uint16_t check = sum == 0xffff ? 0xffff : (uint16_t)~sum;
	memcpy(frame + 40, &check, 2);
	if (send(packets, frame, sizeof frame, 0) < 0)
		warn("send");
}

static void look_for_lost(void)
{
	static uint64_t seen[HF_BOUNCE_SLOTS];
	static unsigned looks[HF_BOUNCE_SLOTS];

	for (unsigned i = 0; i < plan->window; i++) {
		uint64_t turns = *(volatile __u64 *)&slots[i].turns;
		looks[i] = turns == seen[i] ? looks[i] + 1 : 0;
		seen[i] = turns;
		if (looks[i] < LOOKS)
			continue;
		looks[i] = 0;
		lost++;
		serve(i);
	}
}

static void tell(void)
{
	const volatile struct hf_bounce_counts *c = counts;
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	printf("{\"at\": %lld.%09ld, \"right\": %llu, \"failed\": %llu, \"wrong\": %llu, "
	       "\"stray\": %llu, \"lost\": %llu}\n",
		(long long)t.tv_sec, t.tv_nsec, c->right, c->failed, c->wrong, c->stray, lost);
	fflush(stdout);
}

static void play(void)
{
	struct pollfd input = {.fd = 0, .events = POLLIN};
	char line[64];

	for (;;) {
		if (poll(&input, 1, LOOK_MS) > 0) {
			if (read(0, line, sizeof line) <= 0)
				return;
			tell();
		}
		look_for_lost();
	}
}

int main(int argc, char **argv)
{
	if (argc != 10)
		errx(2, "usage: bounce OBJECT INTERFACE OWN-MAC SERVER-MAC OWN-ADDRESS "
			"SERVER-ADDRESS "
			"PORT NAMES WINDOW");
	unsigned interface = if_nametoindex(argv[2]);
	struct sockaddr_in from = hf_yard_address(argv[5], "0"),
			   to = hf_yard_address(argv[6], argv[7]);
	struct bpf_object *object = load(argv[1]);
	plan->names = (uint32_t)atoi(argv[8]);
	plan->window = (uint32_t)atoi(argv[9]);
	if (plan->names == 0 || plan->names > HF_BOUNCE_ROWS || plan->window == 0 ||
		plan->window > HF_BOUNCE_SLOTS)
		errx(2, "names or window is out of bounds");
	write_head(argv + 3, &from, &to);
	write_rows(plan->names);
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = (int)interface};
	packets = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (packets < 0 || bind(packets, (struct sockaddr *)&at, sizeof at) < 0)
		err(1, "%s", argv[2]);
	attach(object, interface);
	for (unsigned i = 0; i < plan->window; i++) {
		serve(i);
		usleep(GENTLY);
	}
	play();
	plan->stop = 1;
	return 0;
}
