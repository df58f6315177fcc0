/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "xdp/xdp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "xdp/inside.h"
#include "xdp/object.h"

static const char *const fate_names[HF_XDP_FATES] = {
	[HF_XDP_ANSWERED] = "answered",
	[HF_XDP_MISS] = "miss",
	[HF_XDP_ELSEWHERE] = "elsewhere",
	[HF_XDP_CLIENT] = "client",
	[HF_XDP_CHECKSUM] = "checksum",
	[HF_XDP_OLD] = "old",
	[HF_XDP_SIZE] = "size",
	[HF_XDP_ROOM] = "room",
	[HF_XDP_SAMPLE] = "sample",
	[HF_XDP_RACE] = "race",
	[HF_XDP_OPTION] = "option",
};

const char *hf_xdp_fate_name(enum hf_xdp_fate fate)
{
	return fate_names[fate];
}

/* ---- loading ---- */

static const char *remedy(int error)
{
	switch (error) {
	case -EPERM:
	case -EACCES: return "; it takes CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN (see the runbook)";
	case -ENOSYS:
	case -EINVAL:
	case -EOPNOTSUPP: return "; it takes Linux 5.18 or later with BPF";
	default: return "";
	}
}

static int complain(FILE *out, const char *what, const char *where, int error)
{
	fprintf(out, "listen.xdp: %s %s: %s%s; sockets answer\n", what, where, hf_strerror(error),
		remedy(error));
	return error;
}

/* What libbpf would print is told by its error. */
static int say_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static void *map_memory(const struct hf_xdp *xdp, const char *name, size_t size)
{
	int fd = bpf_object__find_map_fd_by_name(xdp->object, name);
	void *memory =
		fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

static int map_all(struct hf_xdp *xdp)
{
	xdp->settings = map_memory(xdp, "hf_settings", sizeof *xdp->settings);
	xdp->cpus = map_memory(xdp, "hf_cpus", HF_XDP_CPUS * sizeof *xdp->cpus);
	xdp->table.buckets =
		map_memory(xdp, "hf_buckets", HF_XDP_BUCKETS * sizeof(struct hf_xdp_bucket));
	xdp->table.entries =
		map_memory(xdp, "hf_entries", HF_XDP_ENTRIES * sizeof(struct hf_xdp_entry));
	xdp->table.published = calloc(HF_XDP_ENTRIES, sizeof *xdp->table.published);
	xdp->found = calloc(1, sizeof *xdp->found);
	int cpus = libbpf_num_possible_cpus();
	xdp->cpu_count = cpus > 0 && cpus < HF_XDP_CPUS ? (size_t)cpus : HF_XDP_CPUS;
	xdp->places_fd = bpf_object__find_map_fd_by_name(xdp->object, "hf_places");
	xdp->clients_fd = bpf_object__find_map_fd_by_name(xdp->object, "hf_clients");
	return xdp->settings && xdp->cpus && xdp->table.buckets && xdp->table.entries &&
			       xdp->table.published && xdp->found
		       ? 0
		       : -ENOMEM;
}

/* In a time namespace our monotonic clock is not the kernel's own, by which the program goes:
 * lines such as "monotonic 86400 0", seconds and nanoseconds. */
static hf_us clock_ahead(void)
{
	FILE *in = fopen("/proc/self/timens_offsets", "re");
	char line[64];
	long long seconds, ns;
	hf_us ahead = 0;
	while (in && fgets(line, sizeof line, in))
		if (sscanf(line, "monotonic %lld %lld", &seconds, &ns) == 2)
			ahead = seconds * HF_SECOND + ns / 1000;
	if (in)
		fclose(in);
	return ahead;
}

int hf_xdp_load(const struct hf_xdp_key *key, struct hf_xdp **ret)
{
	struct hf_xdp *xdp = calloc(1, sizeof *xdp);
	if (!xdp)
		return -ENOMEM;
	libbpf_print_fn_t before = libbpf_set_print(say_nothing);
	DECLARE_LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "holdfast");
	xdp->object = bpf_object__open_mem(hf_xdp_object, hf_xdp_object_len, &opts);
	int rc = xdp->object ? bpf_object__load(xdp->object) : -errno;
	libbpf_set_print(before);
	if (!rc)
		rc = map_all(xdp);
	if (rc) {
		hf_xdp_close(xdp);
		return rc;
	}
	xdp->program_fd =
		bpf_program__fd(bpf_object__find_program_by_name(xdp->object, "hf_xdp_answer"));
	xdp->table.key = xdp->settings->key = *key;
	xdp->table.ahead = clock_ahead();
	xdp->settings->sample = HF_XDP_SAMPLE_OF;
	*ret = xdp;
	return 0;
}

/* ---- doors ---- */

/* The door of before, if it was asked for by the same name and mode. */
static struct hf_xdp_door *find_door(
	struct hf_xdp_door *doors, size_t count, const struct hf_xdp_door *like)
{
	for (size_t d = 0; d < count; d++)
		if (strcmp(doors[d].name, like->name) == 0 &&
			doors[d].may_native == like->may_native &&
			doors[d].may_generic == like->may_generic)
			return &doors[d];
	return NULL;
}

static bool is_known(const struct hf_xdp *xdp, const char *name)
{
	for (size_t d = 0; d < xdp->door_count; d++)
		if (strcmp(xdp->doors[d].name, name) == 0)
			return true;
	return false;
}

/* What is written wrong, or twice, the configuration's reader has said. */
void hf_xdp_list(struct hf_xdp *xdp, const char *const *interfaces, size_t count, FILE *complaints)
{
	struct hf_xdp_door before[HF_XDP_DOORS], door, *same;
	size_t before_count = xdp->door_count;
	memcpy(before, xdp->doors, sizeof before);
	xdp->door_count = 0;
	for (size_t i = 0; i < count && xdp->door_count < HF_XDP_DOORS; i++) {
		if (hf_xdp_door_read(interfaces[i], &door) || is_known(xdp, door.name))
			continue;
		if ((same = find_door(before, before_count, &door))) {
			door = *same;
			same->link = -1; /* is the new one's */
			door.over = false;
		}
		xdp->doors[xdp->door_count++] = door;
	}
	for (size_t d = 0; d < before_count; d++)
		hf_xdp_door_leave(&before[d]);
	hf_xdp_doors_look(xdp->doors, xdp->door_count, xdp->program_fd, complaints);
}

const char *hf_xdp_hindrance(const char *interface)
{
	struct hf_xdp_door door;
	int rc = hf_xdp_door_read(interface, &door);
	rc = rc ? rc : hf_xdp_door_exists(&door);
	return rc ? hf_xdp_door_why(rc) : NULL;
}

int hf_xdp_open(const char *const *interfaces, size_t count, const struct hf_xdp_key *key,
	FILE *complaints, struct hf_xdp **ret)
{
	struct hf_xdp *xdp;
	int rc = hf_xdp_load(key, &xdp);
	if (rc)
		return complain(complaints, "the program", "cannot be loaded", rc);
	hf_xdp_list(xdp, interfaces, count, complaints);
	if (!xdp->door_count) {
		hf_xdp_close(xdp);
		return -ENODEV;
	}
	*ret = xdp;
	return 0;
}

static void unmap(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}

void hf_xdp_close(struct hf_xdp *xdp)
{
	if (!xdp)
		return;
	for (size_t d = 0; d < xdp->door_count; d++)
		hf_xdp_door_leave(&xdp->doors[d]);
	unmap(xdp->settings, sizeof *xdp->settings);
	unmap(xdp->cpus, HF_XDP_CPUS * sizeof *xdp->cpus);
	unmap(xdp->table.buckets, HF_XDP_BUCKETS * sizeof(struct hf_xdp_bucket));
	unmap(xdp->table.entries, HF_XDP_ENTRIES * sizeof(struct hf_xdp_entry));
	free(xdp->table.published);
	bpf_object__close(xdp->object);
	free(xdp->found);
	free(xdp->allowed);
	free(xdp->served);
	free(xdp);
}

/* ---- rules ---- */

static void set_generation(struct hf_xdp *xdp, uint64_t generation)
{
	__atomic_store_n(&xdp->settings->generation, generation, __ATOMIC_RELEASE);
}

void hf_xdp_pause(struct hf_xdp *xdp)
{
	atomic_store(&xdp->plan, 0);
	set_generation(xdp, 0);
}

/* Takes every key of a map away. */
static void empty(int fd, void *key)
{
	while (bpf_map_get_next_key(fd, NULL, key) == 0 && bpf_map_delete_elem(fd, key) == 0)
		;
}

/* Who may ask; and, longer than any of these, who cannot. */
static int write_clients(const struct hf_xdp *xdp)
{
	const struct hf_xdp_found *found = xdp->found;
	struct hf_xdp_prefix key;
	uint8_t yes = 1, no = 0;
	empty(xdp->clients_fd, &key);
	for (size_t i = 0; i < xdp->allowed_count; i++) {
		const struct hf_prefix *prefix = &xdp->allowed[i];
		key = (struct hf_xdp_prefix){
			.bits = 32u + prefix->bits, .family = prefix->address.family};
		memcpy(key.address, prefix->address.bytes, 16);
		if (bpf_map_update_elem(xdp->clients_fd, &key, &yes, BPF_ANY) < 0)
			return -errno;
	}
	for (size_t i = 0; i < found->our_count; i++)
		if (bpf_map_update_elem(xdp->clients_fd, &found->ours[i], &no, BPF_ANY) < 0)
			return -errno;
	return found->our_missed ? HF_EBOUND : 0;
}

static bool listed(const struct hf_xdp_place *place, const struct hf_xdp_place *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (memcmp(place, &list[i], sizeof *place) == 0)
			return true;
	return false;
}

static int write_places(const struct hf_xdp *xdp, const struct hf_xdp_found *next)
{
	const struct hf_xdp_found *now = xdp->found;
	uint8_t yes = 1;
	for (size_t i = 0; i < now->place_count; i++)
		if (!listed(&now->places[i], next->places, next->place_count))
			bpf_map_delete_elem(xdp->places_fd, &now->places[i]);
	for (size_t i = 0; i < next->place_count; i++)
		if (!listed(&next->places[i], now->places, now->place_count) &&
			bpf_map_update_elem(xdp->places_fd, &next->places[i], &yes, BPF_ANY) < 0)
			return -errno;
	return 0;
}

/* Before the program is let on, or while it is at work: a door is a few words, which it
 * may see half changed; then a packet goes up. */
static void write_doors(struct hf_xdp *xdp)
{
	for (size_t d = 0; d < HF_XDP_DOORS; d++) {
		const struct hf_xdp_door *door = &xdp->doors[d];
		bool open = d < xdp->door_count && !door->error;
		memcpy(xdp->settings->doors[d].mac, door->mac, 6);
		xdp->settings->doors[d].ifindex = open ? door->ifindex : 0;
	}
	xdp->settings->door_count = (uint32_t)xdp->door_count;
}

static bool same_ours(const struct hf_xdp_found *a, const struct hf_xdp_found *b)
{
	return a->our_count == b->our_count && a->our_missed == b->our_missed &&
	       memcmp(a->ours, b->ours, a->our_count * sizeof a->ours[0]) == 0;
}

/* *ret_ours: our own addresses are others than before. */
static int find_places(struct hf_xdp *xdp, FILE *complaints, bool *ret_ours)
{
	struct hf_xdp_found *next = calloc(1, sizeof *next);
	if (!next)
		return -ENOMEM;
	int rc = hf_xdp_places(xdp->doors, xdp->door_count, xdp->served, xdp->served_count, next);
	if (!rc)
		rc = write_places(xdp, next);
	if (rc) {
		free(next);
		return rc;
	}
	write_doors(xdp);
	if (next->place_missed && !xdp->found->place_missed)
		fprintf(complaints, "listen.xdp: %zu addresses too many; sockets answer there\n",
			next->place_missed);
	*ret_ours = !same_ours(next, xdp->found);
	free(xdp->found);
	xdp->found = next;
	return 0;
}

/* While they are rewritten everything goes up, and so it does from then on if they cannot all
 * be written. */
static int rewrite_clients(struct hf_xdp *xdp)
{
	set_generation(xdp, 0);
	xdp->clients_tried = true;
	int rc = write_clients(xdp);
	xdp->clients_good = rc == 0;
	return rc;
}

static int copy_rules(struct hf_xdp *xdp, const struct hf_xdp_rules *rules)
{
	struct hf_address *served = calloc(rules->served_count + 1, sizeof *served);
	struct hf_prefix *allowed = calloc(rules->allowed_count + 1, sizeof *allowed);
	if (!served || !allowed) {
		free(served);
		free(allowed);
		return -ENOMEM;
	}
	for (size_t i = 0; i < rules->served_count; i++)
		served[i] = rules->served[i];
	for (size_t i = 0; i < rules->allowed_count; i++)
		allowed[i] = rules->allowed[i];
	free(xdp->served);
	free(xdp->allowed);
	xdp->served = served;
	xdp->served_count = rules->served_count;
	xdp->allowed = allowed;
	xdp->allowed_count = rules->allowed_count;
	return 0;
}

/* By the host's addresses as they are now. What cannot be read or written today may be
 * tomorrow; until then everything goes up. */
static void renew(struct hf_xdp *xdp, FILE *complaints)
{
	bool ours = false;
	int rc = find_places(xdp, complaints, &ours);
	if (!rc && (ours || !xdp->clients_tried))
		rc = rewrite_clients(xdp);
	if (rc && !xdp->told)
		complain(complaints, "the rules", "cannot be written", rc);
	if (!rc && xdp->clients_good) {
		set_generation(xdp, atomic_load(&xdp->plan));
		xdp->told = false;
	} else {
		set_generation(xdp, 0);
		xdp->told = true;
	}
}

void hf_xdp_adopt(
	struct hf_xdp *xdp, const struct hf_xdp_rules *rules, uint64_t plan, FILE *complaints)
{
	hf_xdp_pause(xdp);
	int rc = copy_rules(xdp, rules);
	if (rc) {
		complain(complaints, "the rules", "cannot be written", rc);
		return;
	}
	xdp->settings->edns_size = rules->edns_size;
	xdp->clients_tried = xdp->told = false;
	atomic_store(&xdp->plan, plan);
	renew(xdp, complaints);
}

void hf_xdp_tick(struct hf_xdp *xdp, FILE *complaints)
{
	hf_xdp_doors_look(xdp->doors, xdp->door_count, xdp->program_fd, complaints);
	if (atomic_load(&xdp->plan) && xdp->door_count)
		renew(xdp, complaints);
}

/* ---- workers ---- */

static void publish(void *ctx, const struct hf_cache_key *key, const struct hf_cached *copy,
	uint64_t plan, hf_us now)
{
	struct hf_xdp *xdp = ctx;
	hf_xdp_publish(&xdp->table, key, copy, plan, now);
}

static void withdraw(void *ctx, const struct hf_cache_key *key)
{
	struct hf_xdp *xdp = ctx;
	hf_xdp_withdraw(&xdp->table, key);
}

static void sweep(void *ctx, hf_hot_gone *gone, const void *of)
{
	struct hf_xdp *xdp = ctx;
	__atomic_fetch_add(&xdp->settings->sweepers, 1, __ATOMIC_SEQ_CST);
	hf_xdp_sweep(&xdp->table, gone, of);
	__atomic_fetch_sub(&xdp->settings->sweepers, 1, __ATOMIC_SEQ_CST);
}

const struct hf_hot hf_xdp_hot = {publish, withdraw, sweep};

/* ---- figures ---- */

static uint64_t sum_cpus(const struct hf_xdp *xdp, size_t at)
{
	const uint8_t *first = (const uint8_t *)xdp->cpus + at;
	uint64_t sum = 0;
	for (size_t cpu = 0; cpu < xdp->cpu_count; cpu++)
		sum += __atomic_load_n(
			(const __u64 *)(const void *)(first + cpu * sizeof *xdp->cpus),
			__ATOMIC_RELAXED);
	return sum;
}

void hf_xdp_fold(struct hf_xdp *xdp, struct hf_meter *meter)
{
	static const unsigned rcodes[2] = {HF_RCODE_NOERROR, HF_RCODE_NXDOMAIN};
	for (unsigned cell = 0; cell < HF_XDP_CELLS; cell++) {
		uint64_t sum = sum_cpus(xdp, offsetof(struct hf_xdp_cpu, answered[cell]));
		uint64_t more = sum - xdp->folded[cell];
		unsigned rcode = hf_meter_rcode_index(rcodes[cell % 2]);
		if (!more)
			continue;
		xdp->folded[cell] = sum;
		hf_meter_add(&meter->queries[HF_TRANSPORT_UDP][cell / 2], more);
		hf_meter_add(&meter->replies[HF_TRANSPORT_UDP][rcode], more);
		hf_meter_add(&meter->duration[HF_TRANSPORT_UDP].buckets[0], more);
		hf_meter_add(&meter->counters[HF_COUNT_CACHE_HITS], more);
	}
}

struct hf_xdp_figures hf_xdp_figures(const struct hf_xdp *xdp)
{
	struct hf_xdp_figures figures = {.door_count = xdp->door_count};
	for (size_t d = 0; d < xdp->door_count; d++) {
		memcpy(figures.doors[d].name, xdp->doors[d].name, sizeof figures.doors[d].name);
		figures.doors[d].native = xdp->doors[d].native;
		int error = xdp->doors[d].error;
		figures.doors[d].why = error ? hf_xdp_door_why(error) : NULL;
	}
	for (unsigned fate = 0; fate < HF_XDP_FATES; fate++)
		figures.fates[fate] = sum_cpus(xdp, offsetof(struct hf_xdp_cpu, fates[fate]));
	figures.entries = hf_xdp_entries(&xdp->table, atomic_load(&xdp->plan));
	return figures;
}
