/* SPDX-License-Identifier: GPL-3.0-or-later */
/* epoll_world.h - what the parts of the kernel's world share: the loop itself,
 * the descriptors that it watches, and the rooms that datagrams pass through.
 * Private to loop/.
 *
 * Story: every endpoint, stream, door and watch holds one source. A source that
 * is closed leaves epoll at once, but its object is kept until the turn ends:
 * events that were fetched with it in them are then still safe to look at. */
#ifndef HF_LOOP_EPOLL_WORLD_H
#define HF_LOOP_EPOLL_WORLD_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "loop/loop_epoll.h"

struct hf_epoll_source {
	void (*ready)(void *object, uint32_t events);
	void *object;                         /* from malloc; freed with the source */
	struct hf_epoll_source *next, **prev; /* in loop->open or loop->dead */
	int fd;
	uint32_t events; /* what epoll watches for; 0: it does not know the fd */
	bool owned;      /* the fd is closed with the source */
	bool closed;
};

/* Room for one IPv6 packet info, the larger of the two families'. */
#define HF_CONTROL_MAX CMSG_SPACE(sizeof(struct in6_pktinfo))

/* A cache line more than the datagram: 64 buffers exactly 4 KiB apart would all
 * begin in the same set of the first-level cache and push each other out. */
#define HF_RECEIVE_STRIDE (HF_DATAGRAM_MAX + 64)

union hf_control {
	struct cmsghdr head; /* for its alignment */
	uint8_t bytes[HF_CONTROL_MAX];
};

/* What does not change from batch to batch is set once, by hf_receive_room_prepare
 * and hf_send_room_prepare: where
 * each message's parts lie. Of the rest only what the kernel has overwritten is set
 * anew, and only in the messages that it used. */
struct hf_send_room {
	struct mmsghdr messages[HF_BATCH_MAX];
	struct iovec parts[HF_BATCH_MAX];
	struct sockaddr_storage peers[HF_BATCH_MAX];
	union hf_control control[HF_BATCH_MAX];
};

struct hf_receive_room {
	struct mmsghdr messages[HF_BATCH_MAX];
	struct iovec parts[HF_BATCH_MAX];
	struct sockaddr_storage peers[HF_BATCH_MAX];
	union hf_control control[HF_BATCH_MAX];
	struct hf_datagram datagrams[HF_BATCH_MAX];
	uint8_t bytes[HF_BATCH_MAX][HF_RECEIVE_STRIDE];
};

struct hf_epoll_loop {
	struct hf_loop base;
	int fd;
	int wake_fd;
	atomic_bool wake_pending; /* wake_fd has been written and not yet read */
	atomic_bool stopping;
	struct hf_epoll_source wake;
	struct hf_epoll_source *open, *dead;
	bool receiving;    /* `in` is lent to a callback */
	size_t dice_left;  /* unused bytes at the end of dice */
	uint8_t dice[512]; /* a system call pays for some 60 ports and ids */
	struct hf_send_room out;
	struct hf_receive_room in;
};

static inline struct hf_epoll_loop *hf_epoll_world(struct hf_loop *loop)
{
	return (struct hf_epoll_loop *)loop;
}

/* Begins to watch source->fd; its ready, object, fd and owned are set. EPOLLERR
 * and EPOLLHUP are always watched for. */
int hf_epoll_add(struct hf_epoll_loop *loop, struct hf_epoll_source *source, uint32_t events);

/* Changes what is watched for; 0 takes it out of epoll, errors included. */
int hf_epoll_want(struct hf_epoll_loop *loop, struct hf_epoll_source *source, uint32_t events);

/* Closes now, frees at the end of the turn. Once is enough, twice is fine. */
void hf_epoll_close(struct hf_epoll_loop *loop, struct hf_epoll_source *source);

/* epoll_socket.c: descriptors in the state that the loop wants them in. */

/* Adopts bind->fd or opens one. shared: others may bind the same address. */
int hf_socket_take(const struct hf_bind *bind, int type, bool shared);
struct hf_address hf_socket_address(int fd);
void hf_socket_set(int fd, int level, int option, int value); /* failure is no matter */

/* epoll_endpoint.c and epoll_stream.c: rows of the table of operations. */
void hf_receive_room_prepare(struct hf_receive_room *room);
void hf_send_room_prepare(struct hf_send_room *room);
int hf_epoll_endpoint_open(struct hf_loop *loop, const struct hf_bind *bind,
	const struct hf_endpoint_handler *handler, void *ctx, struct hf_endpoint **ret);
size_t hf_epoll_endpoint_send_some(
	struct hf_endpoint *endpoint, const struct hf_datagram *batch, size_t n, int *ret_error);
struct hf_address hf_epoll_endpoint_address(const struct hf_endpoint *endpoint);
void hf_epoll_endpoint_drain(struct hf_endpoint *endpoint, size_t most);
void hf_epoll_endpoint_close(struct hf_endpoint *endpoint);
int hf_epoll_stream_connect(struct hf_loop *loop, const struct hf_address *peer,
	const struct hf_stream_handler *handler, void *ctx, struct hf_stream **ret);
int hf_epoll_stream_read(struct hf_stream *stream, uint8_t *bytes, size_t cap);
int hf_epoll_stream_write(struct hf_stream *stream, const uint8_t *bytes, size_t len);
hf_us hf_epoll_stream_unheard(struct hf_stream *stream);
size_t hf_epoll_stream_unread(struct hf_stream *stream);
void hf_epoll_stream_want_write(struct hf_stream *stream, bool want);
void hf_epoll_stream_pause(struct hf_stream *stream, bool paused);
struct hf_address hf_epoll_stream_peer(const struct hf_stream *stream);
struct hf_address hf_epoll_stream_local(const struct hf_stream *stream);
void hf_epoll_stream_handle(
	struct hf_stream *stream, const struct hf_stream_handler *handler, void *ctx);
void hf_epoll_stream_close(struct hf_stream *stream);
int hf_epoll_door_open(struct hf_loop *loop, const struct hf_bind *bind,
	const struct hf_door_handler *handler, void *ctx, struct hf_stream_door **ret);
struct hf_address hf_epoll_door_address(const struct hf_stream_door *door);
void hf_epoll_door_close(struct hf_stream_door *door);

#endif
