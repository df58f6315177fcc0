/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/control.h"

#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "base/nearest.h"
#include "face/command.h"

struct client {
	struct hf_timer timer; /* first: fire gets the client from it */
	struct hf_control *control;
	int fd;                /* -1: free */
	char request[HF_CONTROL_REQUEST_MAX];
	size_t request_len;
	char *reply;           /* once there is one, nothing more is read */
	size_t reply_len, reply_sent;
	bool waits; /* its reply is being found out */
	uint32_t generation;
};

struct hf_control {
	struct hf_loop *loop;
	const struct hf_control_request *requests;
	void *ctx;
	int fd;    /* listens */
	int spare; /* a descriptor set aside for when there are none left, or -1 */
	struct hf_timer rest; /* of a listener that could not accept */
	int epoll; /* the listener and the clients; the loop's door watches this one,
	              for it tells of reading only */
	char path[sizeof((struct sockaddr_un *)NULL)->sun_path];
	dev_t device;
	ino_t inode; /* of the file that we made */
	uint32_t generation; /* of clients so far */
	struct client clients[HF_CONTROL_CLIENTS];
};

/* ---- clients ---- */

static int open_spare(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void close_client(struct client *client)
{
	hf_timer_disarm(hf_loop_timers(client->control->loop), &client->timer);
	close(client->fd); /* leaves the epoll set by itself */
	free(client->reply);
	client->fd = -1;
	client->reply = NULL;
	if (client->control->spare < 0)
		client->control->spare = open_spare();
}

static void hear(struct hf_control *control, bool on)
{
	struct epoll_event event = { .events = on ? EPOLLIN : 0, .data.ptr = NULL };
	epoll_ctl(control->epoll, EPOLL_CTL_MOD, control->fd, &event);
}

static void rested(struct hf_timer *timer, hf_us now)
{
	(void)now;
	hear((struct hf_control *)((char *)timer - offsetof(struct hf_control, rest)), true);
}

static void lose_patience(struct hf_timer *timer, hf_us now)
{
	(void)now;
	close_client((struct client *)timer);
}

static void be_patient(struct client *client, hf_us now)
{
	hf_timer_arm(hf_loop_timers(client->control->loop), &client->timer, now + HF_CONTROL_PATIENCE);
}

static int unknown_request(const struct hf_control_request *requests, const char *name, FILE *out)
{
	struct hf_nearest nearest = hf_nearest(name, strlen(name));
	for (const struct hf_control_request *row = requests; row->name; row++)
		hf_nearest_offer(&nearest, row->name);
	fprintf(out, "unknown request");
	if (nearest.best)
		fprintf(out, ", did you mean `%s`?", nearest.best);
	fprintf(out, " The requests are:\n");
	for (const struct hf_control_request *row = requests; row->name; row++)
		fprintf(out, "%s: %s\n", row->name, row->help);
	return HF_EXIT_USAGE;
}

static int run_request(struct client *client, char *line, FILE *out)
{
	struct hf_control *control = client->control;
	const struct hf_control_asker asker = {
		(unsigned)(client - control->clients), client->generation};
	char *argument = line + strcspn(line, " ");
	if (*argument)
		*argument++ = '\0';
	for (const struct hf_control_request *row = control->requests; row->name; row++)
		if (strcmp(row->name, line) == 0)
			return row->run ? row->run(control->ctx, argument, out)
					: row->begin(control->ctx, argument, &asker, out);
	return unknown_request(control->requests, line, out);
}

/* Head and text become one reply. False: no memory. */
static bool set_reply(
	struct client *client, const char *word, int status, const char *text, size_t len)
{
	char head[32];
	if (status == HF_EXIT_GOOD)
		snprintf(head, sizeof head, "ok\n");
	else
		snprintf(head, sizeof head, "%s %d\n", word, status);
	size_t head_len = strlen(head);
	if (len > HF_CONTROL_REPLY_MAX - head_len)
		len = HF_CONTROL_REPLY_MAX - head_len;
	client->reply = malloc(head_len + len + 1);
	if (!client->reply)
		return false;
	memcpy(client->reply, head, head_len);
	memcpy(client->reply + head_len, text, len);
	client->reply_len = head_len + len;
	client->reply_sent = 0;
	return true;
}

static bool answer(struct client *client, char *line)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		return false;
	int status = run_request(client, line, out);
	bool whole = fclose(out) == 0;
	client->waits = whole && status == HF_CONTROL_LATER;
	const char *word = status == HF_EXIT_FAULT ? "found" : "fault";
	bool done = client->waits || (whole && set_reply(client, word, status, text, len));
	free(text);
	return done;
}

/* Only that it hangs up is listened for. */
static void wait_for_reply(struct client *client, hf_us now)
{
	struct epoll_event event = {.events = 0, .data.ptr = client};
	epoll_ctl(client->control->epoll, EPOLL_CTL_MOD, client->fd, &event);
	hf_timer_arm(
		hf_loop_timers(client->control->loop), &client->timer, now + HF_CONTROL_LONGEST);
}

static void send_reply(struct client *client, hf_us now)
{
	while (client->reply_sent < client->reply_len) {
		ssize_t n = send(client->fd, client->reply + client->reply_sent,
			client->reply_len - client->reply_sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			struct epoll_event event = { .events = EPOLLOUT, .data.ptr = client };
			epoll_ctl(client->control->epoll, EPOLL_CTL_MOD, client->fd, &event);
			be_patient(client, now);
			return;
		}
		if (n < 0)
			break;
		client->reply_sent += (size_t)n;
	}
	close_client(client);
}

/* True once a whole line is in client->request, NUL in place of the line feed. */
static bool read_line(struct client *client, bool *ret_broken)
{
	size_t room = sizeof client->request - client->request_len;
	ssize_t n = recv(client->fd, client->request + client->request_len, room, 0);
	*ret_broken = n == 0 || (n < 0 && errno != EAGAIN);
	if (n <= 0)
		return false;
	client->request_len += (size_t)n;
	char *end = memchr(client->request, '\n', client->request_len);
	if (end)
		*end = '\0';
	return end;
}

static void serve_client(struct client *client, hf_us now)
{
	static const char too_long[] = "the request is too long\n";
	bool broken = false;
	if (client->reply) {
		send_reply(client, now);
		return;
	}
	if (client->waits) { /* it has hung up */
		close_client(client);
		return;
	}
	bool done = read_line(client, &broken);
	if (done)
		broken = !answer(client, client->request);
	else if (!broken && client->request_len == sizeof client->request)
		broken = !set_reply(client, "fault", HF_EXIT_USAGE, too_long, strlen(too_long));
	if (broken)
		close_client(client);
	else if (client->reply)
		send_reply(client, now);
	else if (client->waits)
		wait_for_reply(client, now);
	/* else: the rest of the line must come in the time that began with accept */
}

void hf_control_reply(struct hf_control *control, const struct hf_control_asker *asker, int status,
	const char *text, size_t len)
{
	struct client *client = &control->clients[asker->client];
	if (client->fd < 0 || client->generation != asker->generation || !client->waits)
		return;
	hf_us now = hf_loop_now(control->loop);
	const char *word = status == HF_EXIT_FAULT ? "found" : "fault";
	client->waits = false;
	if (!set_reply(client, word, status, text, len))
		close_client(client);
	else
		send_reply(client, now);
}

/* ---- the listener ---- */

static bool may_ask(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static struct client *free_client(struct hf_control *control)
{
	for (size_t i = 0; i < HF_CONTROL_CLIENTS; i++)
		if (control->clients[i].fd < 0)
			return &control->clients[i];
	return NULL;
}

/* Tells and closes; a socket that has just been accepted has room for a line. */
static void turn_away(int fd, const char *reason)
{
	if (send(fd, reason, strlen(reason), MSG_NOSIGNAL) < 0) {
		/* It is closed all the same. */
	}
	close(fd);
}

static void begin_client(struct hf_control *control, int fd, hf_us now)
{
	struct client *client = free_client(control);
	if (!client || !may_ask(fd)) {
		turn_away(fd, client ? "fault 3\nonly root and holdfast's own user may ask\n" :
			"fault 3\ntoo many are asking at once, try again\n");
		return;
	}
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };
	if (epoll_ctl(control->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		close(fd);
		return;
	}
	*client = (struct client){.timer.fire = lose_patience,
		.control = control,
		.fd = fd,
		.generation = ++control->generation};
	be_patient(client, now);
}

/* When descriptors have run out, the one that was set aside is used: that is when
 * somebody wants to know what is going on. Without it the client is not taken
 * but may not wake us for ever either: the listener sleeps until one has left. */
static int accept_one(struct hf_control *control)
{
	int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0 || (errno != EMFILE && errno != ENFILE))
		return fd;
	if (control->spare >= 0) {
		close(control->spare);
		control->spare = -1;
		return accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	}
	hear(control, false);
	hf_timer_arm(hf_loop_timers(control->loop), &control->rest,
		hf_loop_now(control->loop) + HF_SECOND);
	return -1;
}

static void accept_clients(struct hf_control *control, hf_us now)
{
	int fd;
	/* As many a turn as may be served: the rest wait in the backlog. */
	for (int left = HF_CONTROL_CLIENTS; left; left--) {
		fd = accept_one(control);
		if (fd < 0)
			return;
		begin_client(control, fd, now);
	}
}

static void something_happened(void *ctx, int fd, hf_us now)
{
	struct hf_control *control = ctx;
	struct epoll_event events[HF_CONTROL_CLIENTS + 1];
	int n = epoll_wait(fd, events, (int)HF_COUNT_OF(events), 0);
	for (int i = 0; i < n; i++) {
		struct client *client = events[i].data.ptr;
		/* A client may have been closed earlier in this very turn. */
		if (!client)
			accept_clients(control, now);
		else if (client->fd >= 0)
			serve_client(client, now);
	}
}

/* ---- the file ---- */

static socklen_t address_of(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path, path, strlen(path) + 1);
	return (socklen_t)sizeof *ret;
}

/* 0: nobody is there (any more). */
static int remove_stale(const char *path, const struct sockaddr_un *address, socklen_t len)
{
	struct stat status;
	if (lstat(path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int error = connect(fd, (const struct sockaddr *)address, len) < 0 ? errno : 0;
	close(fd);
	/* 0 and EAGAIN (its backlog is full): somebody listens. */
	if (error != ECONNREFUSED)
		return error && error != EAGAIN ? -error : -EADDRINUSE;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* A descriptor of the folder, locked, or -1: then we go without the lock, for a
 * folder that others may open may be locked by anybody for ever. */
static int lock_folder(const char *path)
{
	char folder[sizeof((struct sockaddr_un *)NULL)->sun_path];
	memcpy(folder, path, strlen(path) + 1);
	int fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	for (int tries = 0; tries < 20; tries++) { /* 200 ms: another's bind takes one */
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
		poll(NULL, 0, 10);
	}
	close(fd);
	return -1;
}

static int bind_path(struct hf_control *control)
{
	struct sockaddr_un address;
	struct stat status;
	socklen_t len = address_of(control->path, &address);
	int error = remove_stale(control->path, &address, len);
	if (error)
		return error;
	/* The mode is set before the name exists: never open to others, not for an
	 * instant. */
	if (fchmod(control->fd, 0600) < 0 ||
	    bind(control->fd, (const struct sockaddr *)&address, len) < 0 ||
	    lstat(control->path, &status) < 0 || listen(control->fd, HF_CONTROL_CLIENTS) < 0)
		return -errno;
	control->device = status.st_dev;
	control->inode = status.st_ino;
	return 0;
}

static int bind_locked(struct hf_control *control)
{
	int lock = lock_folder(control->path);
	int error = bind_path(control);
	if (lock >= 0)
		close(lock);
	return error;
}

static int listen_on(struct hf_control *control)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	control->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (control->fd < 0 || control->epoll < 0)
		return -errno;
	int error = bind_locked(control);
	if (error)
		return error;
	if (epoll_ctl(control->epoll, EPOLL_CTL_ADD, control->fd, &event) < 0)
		return -errno;
	return hf_loop_watch(control->loop, control->epoll, something_happened, control);
}

int hf_control_open(struct hf_loop *loop, const char *path,
	const struct hf_control_request *requests, void *ctx, struct hf_control **ret)
{
	struct hf_control *control = calloc(1, sizeof *control);
	if (!control)
		return -ENOMEM;
	size_t len = strlen(path);
	*control = (struct hf_control){ .loop = loop, .requests = requests, .ctx = ctx, .fd = -1,
		.epoll = -1, .spare = open_spare(), .rest.fire = rested };
	for (size_t i = 0; i < HF_CONTROL_CLIENTS; i++)
		control->clients[i].fd = -1;
	int error = -ENAMETOOLONG;
	if (len && len < sizeof control->path) {
		memcpy(control->path, path, len + 1);
		error = listen_on(control);
	}
	if (error)
		hf_control_close(control);
	else
		*ret = control;
	return error;
}

void hf_control_abandon(const struct hf_control *control)
{
	struct stat status;
	if (control && control->inode && lstat(control->path, &status) == 0 &&
	    status.st_ino == control->inode && status.st_dev == control->device)
		unlink(control->path);
}

void hf_control_close(struct hf_control *control)
{
	if (!control)
		return;
	hf_control_abandon(control);
	for (size_t i = 0; i < HF_CONTROL_CLIENTS; i++)
		if (control->clients[i].fd >= 0)
			close_client(&control->clients[i]);
	if (control->epoll >= 0) {
		hf_loop_watch(control->loop, control->epoll, NULL, NULL);
		close(control->epoll);
	}
	if (control->fd >= 0)
		close(control->fd);
	if (control->spare >= 0)
		close(control->spare);
	hf_timer_disarm(hf_loop_timers(control->loop), &control->rest);
	free(control);
}
