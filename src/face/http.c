/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/http.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "face/command.h"
#include "face/listen_at.h"
#include "face/recent.h"
#include "face/version.h"
#include "loop/loop_epoll.h"

#define CONNECTIONS 64u          /* scrapers and probes, not browsers */
#define CONNECTIONS_PER_IP 32u   /* one client cannot lock out the probes */
#define TIMEOUT_S 10u
#define CONNECTION_MEMORY ((size_t)32 << 10)
#define TARGET_MAX 1024
#define PAGE_MAX (64u << 20)  /* the configuration with 100,000 routes is 10 MiB */
#define LABELS_MAX 16
#define RECALLS_A_SECOND 10 /* a diary is 5,120 cells for a worker to look at */
#define PATIENCE (5 * HF_SECOND) /* workers turn once a second */

struct hf_http {
	struct hf_instance *instance;
	struct hf_address address;
	struct MHD_Daemon *daemon;
	char facts[LABELS_MAX][HF_FACT_MAX];
	struct hf_metrics_label build[LABELS_MAX + 1];
	hf_us recalls_since; /* the HTTP thread's own */
	unsigned recalls;
};

/* ---- pages: each writes its text and returns the status ---- */

static unsigned page_metrics(struct hf_http *http, struct hf_text *text)
{
	struct hf_metrics_source source = hf_instance_metrics(http->instance);
	source.build = http->build;
	hf_lookout_metrics(http->instance->lookout, text);
	return hf_metrics_write(&source, text) == 0 ? MHD_HTTP_OK : MHD_HTTP_INTERNAL_SERVER_ERROR;
}

static unsigned page_healthz(struct hf_http *http, struct hf_text *text)
{
	bool alive = hf_instance_alive(http->instance, hf_clock_now(), PATIENCE);
	hf_text_add(text, alive ? "ok\n" : "a worker has not finished a turn for five seconds\n");
	return alive ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static unsigned page_ready(struct hf_http *http, struct hf_text *text, bool json)
{
	struct hf_ready_view view;
	char *page = NULL;
	size_t len;
	FILE *out = open_memstream(&page, &len);
	if (!out)
		return MHD_HTTP_INTERNAL_SERVER_ERROR;
	hf_ready_read(&http->instance->ready, &view);
	int error = json ? hf_ready_write_json(&view, hf_clock_now(), out) : 0;
	if (!json)
		hf_ready_write_text(&view, out);
	bool whole = fclose(out) == 0 && !error && hf_text_put(text, page, len);
	free(page);
	return !whole     ? MHD_HTTP_INTERNAL_SERVER_ERROR
	       : view.ready ? MHD_HTTP_OK
			    : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static unsigned page_ready_text(struct hf_http *http, struct hf_text *text)
{
	return page_ready(http, text, false);
}

static unsigned page_ready_json(struct hf_http *http, struct hf_text *text)
{
	return page_ready(http, text, true);
}

static unsigned page_config(struct hf_http *http, struct hf_text *text)
{
	struct hf_config *config = hf_instance_config(http->instance);
	char *printed = hf_config_json(config);
	hf_config_unref(config);
	if (printed)
		hf_text_put(text, printed, strlen(printed));
	free(printed);
	return printed ? MHD_HTTP_OK : MHD_HTTP_INTERNAL_SERVER_ERROR;
}

/* ---- what was decided lately ---- */

struct wanting { /* the words of a request, one after another */
	struct hf_http *http;
	struct hf_recent_wish wish;
	FILE *out;
	bool good;
};

static enum MHD_Result want(void *ctx, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct wanting *w = ctx;
	(void)kind;
	w->good = hf_recent_want(w->http->instance, key, value ? value : "", &w->wish, w->out);
	return w->good ? MHD_YES : MHD_NO;
}

/* Workers have to look, so there is a bound on how often. */
static bool may_recall(struct hf_http *http, hf_us now)
{
	if (now - http->recalls_since >= HF_SECOND) {
		http->recalls_since = now;
		http->recalls = 0;
	}
	return http->recalls++ < RECALLS_A_SECOND;
}

static unsigned recall(struct wanting *w, struct MHD_Connection *connection)
{
	hf_us now = hf_clock_now();
	w->wish.json = true;
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, want, w);
	if (!w->good)
		return MHD_HTTP_BAD_REQUEST;
	if (may_recall(w->http, now) &&
		hf_recent_write(w->http->instance, &w->wish, now, w->out) == HF_EXIT_GOOD)
		return MHD_HTTP_OK;
	return MHD_HTTP_SERVICE_UNAVAILABLE;
}

static unsigned page_decisions(
	struct hf_http *http, struct MHD_Connection *connection, struct hf_text *text)
{
	char *page = NULL;
	size_t len;
	struct wanting w = {http, hf_recent_any, open_memstream(&page, &len), true};
	unsigned status = w.out ? recall(&w, connection) : MHD_HTTP_INTERNAL_SERVER_ERROR;
	if (w.out && fclose(w.out) == 0 && len)
		hf_text_put(text, page, len);
	else
		hf_text_add(text, "too many are asking already, try again\n");
	free(page);
	return status;
}

static unsigned page_index(struct hf_http *http, struct hf_text *text);

static const struct route {
	const char *path;
	const char *type;
	const char *help;
	unsigned (*write)(struct hf_http *http, struct hf_text *text);
	const char *json; /* the page that who accepts JSON gets instead; may be NULL */
	/* In place of `write`, for a page that depends on what follows the `?`. */
	unsigned (*ask)(
		struct hf_http *http, struct MHD_Connection *connection, struct hf_text *text);
} routes[] = {
	{ "/", "text/plain; charset=utf-8", "this list", page_index },
	{ "/metrics", "text/plain; version=0.0.4; charset=utf-8", "figures for Prometheus", page_metrics },
	{ "/healthz", "text/plain; charset=utf-8", "200 while the workers turn, else 503", page_healthz },
	{ "/ready", "text/plain; charset=utf-8", "200 while clients may be sent here, else 503, and why",
	  page_ready_text, "/ready.json" },
	{ "/ready.json", "application/json", "the same as an object", page_ready_json },
	{ "/api/v1/config", "application/json", "the configuration in force, with all defaults", page_config },
	{"/api/v1/decisions", "application/json",
		"what was decided lately; ?upstream=, route=, name=, client=, last=", NULL, NULL,
		page_decisions},
};

static unsigned page_index(struct hf_http *http, struct hf_text *text)
{
	(void)http;
	hf_text_add(text, "holdfast %s\n\n", hf_version());
	for (size_t i = 0; i < HF_COUNT_OF(routes); i++)
		hf_text_add(text, "%-18s %s\n", routes[i].path, routes[i].help);
	return MHD_HTTP_OK;
}

/* ---- answering ---- */

static enum MHD_Result respond(struct MHD_Connection *connection, unsigned status, const char *type,
	struct hf_text *text)
{
	char *bytes = text->bytes;
	struct MHD_Response *response = MHD_create_response_from_buffer(text->len, bytes,
		bytes ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	if (!response) {
		free(bytes);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *why)
{
	struct hf_text text = hf_text(256);
	hf_text_add(&text, "%s\n", why);
	return respond(connection, status, "text/plain; charset=utf-8", &text);
}

static const struct route *find_route(const char *path)
{
	for (size_t i = 0; i < HF_COUNT_OF(routes); i++)
		if (strcmp(routes[i].path, path) == 0)
			return &routes[i];
	return NULL;
}

/* "application/json", alone or in a list, whatever its weight: programs that send it want it. */
static bool accepts_json(struct MHD_Connection *connection)
{
	const char *accept =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	return accept && strcasestr(accept, "application/json");
}

static enum MHD_Result show(struct hf_http *http, struct MHD_Connection *connection,
	const struct route *route)
{
	struct hf_text text = hf_text(PAGE_MAX);
	unsigned status =
		route->ask ? route->ask(http, connection, &text) : route->write(http, &text);
	if (!text.overrun)
		return respond(connection, status,
			route->ask && status != MHD_HTTP_OK ? "text/plain; charset=utf-8"
							    : route->type,
			&text);
	hf_text_clear(&text);
	return refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "the page does not fit into memory");
}

static bool has_body(struct MHD_Connection *connection)
{
	const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
		MHD_HTTP_HEADER_CONTENT_LENGTH);
	return (length && strcmp(length, "0") != 0) ||
	       MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
		       MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

/* Called once when the headers are there and again for the answer. What is
 * refused in the first call has its body neither read nor the connection kept. */
static enum MHD_Result answer(void *ctx, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *upload, size_t *upload_len, void **state)
{
	static const char headers_seen;
	struct hf_http *http = ctx;
	const struct route *route = find_route(path);
	(void)version;
	(void)upload;
	bool reads = strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
	if (strlen(path) > TARGET_MAX)
		return refuse(connection, MHD_HTTP_URI_TOO_LONG, "the target is too long");
	if (!reads)
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD");
	if (has_body(connection) || *upload_len)
		return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE, "no body is wanted");
	if (!*state) {
		*state = (void *)(uintptr_t)&headers_seen;
		return MHD_YES;
	}
	if (!route)
		return refuse(connection, MHD_HTTP_NOT_FOUND, "there is no such page; / lists them");
	if (route->json && accepts_json(connection))
		route = find_route(route->json);
	return show(http, connection, route);
}

/* Paths are compared as they were sent: what nobody decodes cannot hide a NUL. */
static size_t keep_escapes(void *ctx, struct MHD_Connection *connection, char *text)
{
	(void)ctx;
	(void)connection;
	return strlen(text);
}

/* ---- start and stop ---- */

static void read_address(int fd, struct hf_address *ret)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof sa;
	if (getsockname(fd, (struct sockaddr *)&sa, &len) == 0)
		hf_address_from_system((const struct sockaddr *)&sa, ret);
}

static void fill_build(struct hf_http *http)
{
	size_t n = 0;
	for (const struct hf_fact *fact = hf_facts; fact->name && n < LABELS_MAX; fact++) {
		if (!fact->label)
			continue;
		fact->write(http->facts[n]);
		http->build[n] = (struct hf_metrics_label){ fact->name, http->facts[n] };
		n++;
	}
}

int hf_http_start(struct hf_instance *instance, const struct hf_address *address,
	struct hf_http **ret)
{
	struct hf_http *http = calloc(1, sizeof *http);
	if (!http)
		return -ENOMEM;
	http->instance = instance;
	http->address = *address;
	fill_build(http);
	int fd = hf_listen_at(address); /* the library's errors have no numbers */
	if (fd < 0) {
		free(http);
		return fd;
	}
	read_address(fd, &http->address);
	http->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL, 0, NULL, NULL,
		answer, http, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, CONNECTIONS_PER_IP, MHD_OPTION_CONNECTION_TIMEOUT,
		TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_END);
	if (!http->daemon) {
		close(fd);
		free(http);
		return -EIO;
	}
	*ret = http;
	return 0;
}

struct hf_address hf_http_address(const struct hf_http *http)
{
	return http->address;
}

void hf_http_stop(struct hf_http *http)
{
	if (!http)
		return;
	MHD_stop_daemon(http->daemon);
	free(http);
}
