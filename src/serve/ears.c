/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/ears.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "loop/loop_epoll.h"
#include "serve/server.h"

/* Longer than a retired address can go on being heard (listener.c: RETIRE). */
#define LEFT (6 * HF_SECOND)

static int complain(FILE *out, const struct hf_address *address, const char *kind, int error)
{
	char text[HF_ADDRESS_TEXT_MAX];
	fprintf(out, "cannot listen on %s (%s): %s\n", hf_address_text(address, text), kind,
		hf_strerror(error));
	return error;
}

/* ---- whose an address is ---- */

static bool has_address(const struct hf_address *list, size_t count, const struct hf_address *a)
{
	for (size_t i = 0; i < count; i++)
		if (hf_address_equal(&list[i], a))
			return true;
	return false;
}

static bool overlap(const struct hf_address *a, const struct hf_address *b)
{
	static const uint8_t any[16];
	return a->family == b->family && a->port == b->port &&
	       (hf_address_equal(a, b) || memcmp(a->bytes, any, sizeof any) == 0 ||
		       memcmp(b->bytes, any, sizeof any) == 0);
}

static bool overlaps(const struct hf_address_list *list, const struct hf_address *address)
{
	for (size_t i = 0; i < list->count; i++)
		if (overlap(&list->items[i], address))
			return true;
	return false;
}

/* Do we listen there now, or did we a moment ago? */
static bool is_ours(const struct hf_bound *bound, const struct hf_listen_conf *now,
	const struct hf_address *address)
{
	if (now && (overlaps(&now->dns, address) || overlaps(&now->tls, address)))
		return true;
	for (size_t i = 0; i < HF_COUNT_OF(bound->left); i++)
		if (hf_address_set(&bound->left[i].address) &&
			overlap(&bound->left[i].address, address) &&
			hf_clock_now() - bound->left[i].at < LEFT)
			return true;
	return false;
}

/* Binds alone, for a moment: somebody else's address is refused. */
static int check_free(const struct hf_address *address, int type)
{
	struct sockaddr_storage sa;
	socklen_t len = hf_address_to_system(address, &sa);
	int one = 1;
	int fd = socket(sa.ss_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (sa.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (type == SOCK_STREAM) /* connections of before that linger are nobody's ears */
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	int rc = bind(fd, (struct sockaddr *)&sa, len) ? -errno : 0;
	close(fd);
	return rc;
}

static void note_left(struct hf_bound *bound, const struct hf_address_list *before,
	const struct hf_address_list *after)
{
	for (size_t i = 0; i < before->count; i++) {
		if (has_address(after->items, after->count, &before->items[i]))
			continue;
		bound->left[bound->left_next].address = before->items[i];
		bound->left[bound->left_next].at = hf_clock_now();
		bound->left_next = (bound->left_next + 1) % HF_COUNT_OF(bound->left);
	}
}

void hf_ears_left(
	struct hf_bound *bound, const struct hf_listen_conf *now, const struct hf_listen_conf *next)
{
	note_left(bound, &now->dns, &next->dns);
	note_left(bound, &now->tls, &next->tls);
}

size_t hf_bound_served(
	const struct hf_bound *bound, const struct hf_listen_conf *listen, struct hf_address *ret)
{
	size_t count = 0;
	for (size_t i = 0; i < listen->dns.count; i++)
		ret[count++] = listen->dns.items[i];
	for (size_t i = 0; i < bound->given_count; i++)
		ret[count++] = bound->given[i];
	return count;
}

size_t hf_bound_heard(
	const struct hf_bound *bound, const struct hf_listen_conf *listen, struct hf_address *ret)
{
	size_t count = 0;
	for (size_t i = 0; i < listen->dns.count; i++)
		if (!has_address(bound->given, bound->given_count, &listen->dns.items[i]))
			ret[count++] = listen->dns.items[i];
	for (size_t i = 0; i < bound->given_udp_count; i++)
		ret[count++] = bound->given_udp[i];
	return count;
}

void hf_bound_clear(struct hf_bound *bound)
{
	free(bound->given);
	free(bound->given_udp);
}

/* ---- ears ---- */

static struct hf_ear *ear_of(const struct hf_ears *ears, size_t worker, size_t at)
{
	return &ears->items[worker * ears->addresses + at];
}

static int reserve(struct hf_ears *ears, size_t workers, size_t addresses)
{
	ears->items = calloc(workers * addresses + 1, sizeof *ears->items);
	ears->workers = workers;
	ears->addresses = addresses;
	for (size_t i = 0; ears->items && i < workers * addresses; i++)
		ears->items[i].udp = ears->items[i].tcp = -1;
	return ears->items ? 0 : -ENOMEM;
}

void hf_ears_close(struct hf_ears *ears)
{
	for (size_t i = 0; ears->items && i < ears->workers * ears->addresses; i++) {
		if (ears->items[i].udp >= 0)
			close(ears->items[i].udp);
		if (ears->items[i].tcp >= 0)
			close(ears->items[i].tcp);
	}
	free(ears->items);
	ears->items = NULL;
}

int hf_ears_take(struct hf_ears *ears, size_t worker, struct hf_listener *listener)
{
	int error = 0;
	for (size_t i = 0; i < ears->addresses; i++) {
		struct hf_ear *ear = ear_of(ears, worker, i);
		if (ear->udp < 0 && ear->tcp < 0)
			continue;
		int rc = hf_listener_add(listener, ear);
		ear->udp = ear->tcp = -1; /* the listener's now, or closed */
		if (rc)
			error = rc;
	}
	return error;
}

/* ---- what was given ---- */

static bool is_of_one_interface(int fd)
{
	char name[16];
	socklen_t len = sizeof name;
	return getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len) || len;
}

static void add_once(struct hf_address *list, size_t *count, const struct hf_address *address)
{
	if (!has_address(list, *count, address))
		list[(*count)++] = *address;
}

static int list_given(struct hf_bound *bound, const struct hf_given_socket *given, size_t count)
{
	bound->given = calloc(count + 1, sizeof *bound->given);
	bound->given_udp = calloc(count + 1, sizeof *bound->given_udp);
	if (!bound->given || !bound->given_udp)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		add_once(bound->given, &bound->given_count, &given[i].address);
		if (given[i].type == SOCK_DGRAM && !is_of_one_interface(given[i].fd))
			add_once(bound->given_udp, &bound->given_udp_count, &given[i].address);
	}
	return 0;
}

/* One descriptor that every worker shares: a copy for each. */
static int share(
	struct hf_ears *ears, size_t at, const struct hf_given_socket *given, FILE *complaints)
{
	for (size_t w = 0; w < ears->workers; w++) {
		struct hf_ear *ear = ear_of(ears, w, at);
		int *place = given->type == SOCK_DGRAM ? &ear->udp : &ear->tcp;
		ear->address = given->address;
		if (*place >= 0)
			continue; /* given twice */
		*place = dup(given->fd);
		if (*place < 0)
			return complain(complaints, &given->address, "given socket", -errno);
	}
	return 0;
}

int hf_ears_share(struct hf_bound *bound, const struct hf_given_socket *given, size_t count,
	FILE *complaints, struct hf_ears *ret)
{
	int rc = list_given(bound, given, count);
	if (!rc)
		rc = reserve(ret, bound->workers, bound->given_count);
	for (size_t i = 0; !rc && i < count; i++) {
		size_t at = 0;
		while (!hf_address_equal(&bound->given[at], &given[i].address))
			at++;
		rc = share(ret, at, &given[i], complaints);
	}
	if (rc)
		hf_ears_close(ret);
	return rc;
}

/* ---- what is bound ---- */

static int bind_address(
	struct hf_ears *ears, size_t at, const struct hf_address *address, FILE *complaints)
{
	for (size_t w = 0; w < ears->workers; w++) {
		struct hf_ear *ear = ear_of(ears, w, at);
		ear->address = *address;
		ear->tls = ears->tls;
		ear->udp = ears->tls ? -1 : hf_socket_bind(address, SOCK_DGRAM);
		if (ear->udp < 0 && !ears->tls)
			return complain(complaints, address, "udp", ear->udp);
		ear->tcp = hf_socket_bind(address, SOCK_STREAM);
		if (ear->tcp < 0)
			return complain(complaints, address, ears->tls ? "tls" : "tcp", ear->tcp);
	}
	return 0;
}

/* Addresses of `next` that are neither served by `now` nor given. Sockets that are given
 * are for DNS without TLS. */
static size_t new_addresses(const struct hf_bound *bound, const struct hf_address_list *now,
	const struct hf_address_list *next, bool tls, struct hf_address *ret)
{
	size_t count = 0;
	for (size_t i = 0; i < next->count; i++) {
		const struct hf_address *a = &next->items[i];
		if ((tls || !has_address(bound->given, bound->given_count, a)) &&
			!(now && has_address(now->items, now->count, a)))
			ret[count++] = *a;
	}
	return count;
}

/* A host without IPv6 has no ::1; what listens on 127.0.0.1 as well is not to
 * fail for it, least of all with the defaults. */
static bool may_be_missing(const struct hf_address *address, size_t count, int error)
{
	static const uint8_t loopback[16] = {[15] = 1};
	return address->family == 6 && memcmp(address->bytes, loopback, sizeof loopback) == 0 &&
	       count > 1 && (error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT);
}

static int bind_kind(const struct hf_bound *bound, const struct hf_listen_conf *now,
	const struct hf_listen_conf *next, bool tls, FILE *complaints, struct hf_ears *ret)
{
	const struct hf_address_list *before = !now ? NULL : tls ? &now->tls : &now->dns;
	const struct hf_address_list *list = tls ? &next->tls : &next->dns;
	struct hf_address *wanted = calloc(list->count + 1, sizeof *wanted);
	int rc = wanted ? 0 : -ENOMEM;
	size_t count = wanted ? new_addresses(bound, before, list, tls, wanted) : 0;
	ret->tls = tls;
	if (!rc)
		rc = reserve(ret, bound->workers, count);
	for (size_t i = 0; !rc && i < count; i++) {
		if (!is_ours(bound, now, &wanted[i]))
			rc = check_free(&wanted[i], tls ? SOCK_STREAM : SOCK_DGRAM);
		rc = rc ? complain(complaints, &wanted[i], tls ? "tls" : "udp", rc)
			: bind_address(ret, i, &wanted[i], complaints);
		if (rc && may_be_missing(&wanted[i], list->count, rc))
			rc = 0; /* it has been said; its ears stay without descriptors */
	}
	if (rc)
		hf_ears_close(ret);
	free(wanted);
	return rc;
}

int hf_ears_bind(const struct hf_bound *bound, const struct hf_listen_conf *now,
	const struct hf_listen_conf *next, FILE *complaints,
	struct hf_ears ret[static HF_EARS_KINDS])
{
	int rc = bind_kind(bound, now, next, false, complaints, &ret[HF_EARS_DNS]);
	if (rc)
		return rc;
	rc = bind_kind(bound, now, next, true, complaints, &ret[HF_EARS_TLS]);
	if (rc)
		hf_ears_close(&ret[HF_EARS_DNS]);
	return rc;
}
