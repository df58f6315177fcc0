/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/ask.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "base/number.h"
#include "face/command.h"
#include "face/config.h"
#include "face/control.h"
#include "loop/loop_epoll.h"
#include "sight/text.h"

char *hf_ask_path(const char *given, const char *config, FILE *err)
{
	if (given)
		return strdup(given);
	struct hf_config *loaded;
	if (hf_config_load(config, NULL, err, &loaded))
		return NULL;
	char *path = strdup(loaded->process.control);
	hf_config_unref(loaded);
	return path;
}

/* What is left until the deadline is how long the next call may take. */
static int be_patient(int fd, hf_us deadline)
{
	hf_us left = deadline - hf_clock_now();
	if (left <= 0)
		return -ETIMEDOUT;
	const struct timeval patience = {
		.tv_sec = left / HF_SECOND, .tv_usec = left % HF_SECOND};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	return 0;
}

static int connect_to(const char *path, hf_us deadline)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* Calls that have patience are interrupted even by being stopped and continued. */
	int rc, error;
	do {
		error = be_patient(fd, deadline);
		rc = error ? -1 : connect(fd, (const struct sockaddr *)&address, sizeof address);
	} while (!error && rc < 0 && errno == EINTR);
	if (error || rc < 0) {
		error = error ? error : errno == EAGAIN ? -ETIMEDOUT : -errno;
		close(fd);
		return error;
	}
	return fd;
}

/* Who turns us away may have hung up already; why stands in what it left. */
static int say(int fd, const char *line, size_t len, hf_us deadline)
{
	ssize_t n;
	do {
		if (be_patient(fd, deadline))
			return -ETIMEDOUT;
		n = send(fd, line, len, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)len || errno == EPIPE ? 0 : -errno;
}

static int talk(int fd, const char *request, hf_us deadline, struct hf_text *reply)
{
	char line[HF_CONTROL_REQUEST_MAX];
	int len = snprintf(line, sizeof line, "%s\n", request);
	if (len < 0 || (size_t)len >= sizeof line)
		return -E2BIG;
	int rc = say(fd, line, (size_t)len, deadline);
	if (rc)
		return rc;
	for (;;) {
		char bytes[16384];
		if (be_patient(fd, deadline))
			return -ETIMEDOUT;
		ssize_t n = recv(fd, bytes, sizeof bytes, 0);
		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ECONNRESET && reply->len)
			return 0; /* it hung up on what we had not sent in vain */
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (!hf_text_put(reply, bytes, (size_t)n))
			return HF_EBOUND;
	}
}

/* "ok", "found N" or "fault N", then the text: what was asked for, or why not. */
static int hand_over(const struct hf_text *reply, FILE *out, FILE *err)
{
	const char *text = reply->bytes ? reply->bytes : "";
	const char *end = strchr(text, '\n');
	uint64_t status = HF_EXIT_UNREACHED;
	if (end && strncmp(text, "ok\n", 3) == 0) {
		fwrite(end + 1, 1, reply->len - (size_t)(end + 1 - text), out);
		return HF_EXIT_GOOD;
	}
	bool found = strncmp(text, "found ", 6) == 0;
	if (!end || (!found && strncmp(text, "fault ", 6) != 0) ||
		!hf_parse_u64(text + 6, (size_t)(end - text) - 6, HF_EXIT_UNREACHED, &status)) {
		fprintf(err, "the answer is not one of holdfast's\n");
		return HF_EXIT_UNREACHED;
	}
	fwrite(end + 1, 1, reply->len - (size_t)(end + 1 - text), found ? out : err);
	return (int)status;
}

static void tell_unreached(const char *path, int error, FILE *err)
{
	fprintf(err, "cannot ask the holdfast at %s: %s\n", path, hf_strerror(error));
	if (error == -ENOENT || error == -ECONNREFUSED)
		fprintf(err, "Does it run, and with this control socket? -s SOCKET names another, "
			     "-c FILE\nthe configuration that says where it is.\n");
	if (error == -EACCES || error == -EPERM)
		fprintf(err, "Only root and the user that holdfast runs as may ask.\n");
}

int hf_ask_within(const char *path, const char *request, hf_us longest, FILE *out, FILE *err)
{
	struct hf_text reply = hf_text(HF_CONTROL_REPLY_MAX);
	hf_us deadline = hf_clock_now() + longest;
	int fd = connect_to(path, deadline);
	int error = fd < 0 ? fd : talk(fd, request, deadline, &reply);
	if (fd >= 0)
		close(fd);
	int status = HF_EXIT_UNREACHED;
	if (error)
		tell_unreached(path, error, err);
	else
		status = hand_over(&reply, out, err);
	hf_text_clear(&reply);
	return status;
}

int hf_ask(const char *path, const char *request, FILE *out, FILE *err)
{
	return hf_ask_within(path, request, HF_ASK_PATIENCE, out, err);
}
