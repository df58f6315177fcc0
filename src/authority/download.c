/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/download.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "authority/keys.h"
#include "authority/libcurl.h"
#include "base/check.h"
#include "base/error.h"

/* How often it is looked whether a server still talks. */
#define LOOK (1 * HF_SECOND)

/* For a connection and its handshake, where there is another address to be tried. */
#define CONNECT_LONGEST (5 * HF_SECOND)

/* Connections that wait for the next document: a poll need not shake hands each time. */
#define CONNECTIONS_KEPT 16

/* ... but what a certificate has shown does not hold for ever. */
#define CONNECTION_LONGEST 600 /* seconds */

/* For how long libcurl may keep a file of authorities, where it can. */
#define AUTHORITIES_KEPT 60 /* seconds */

/* What comes with an error is read to its end up to this, so that the connection may stay. */
#define LEFTOVERS_MAX 65536

/* A Last-Modified or an ETag made of it counts in seconds. */
#define SAME_SECOND 2

#define EVENTS_MAX 32
#define PINS_MAX (HF_TRUST_PINS * (HF_PIN_TEXT_MAX + 2))

#ifndef HF_VERSION
#define HF_VERSION "unknown"
#endif

struct shared { /* by all downloads of one authority; the calls' guest */
	struct hf_loop *loop;
	CURLM *multi;
	int fd;
	struct hf_timer timer;
};

struct response {
	size_t head; /* octets of header lines */
	size_t leftovers;
	bool has_length, chunked, encoded;
	long status;
	char tag[HF_DOWNLOAD_TAG_MAX], modified[HF_DOWNLOAD_DATE_MAX], date[HF_DOWNLOAD_DATE_MAX];
	int digested;
	uint8_t digest[HF_SHA256];
	const char *fault; /* why we broke off, or NULL */
};

struct hf_download {
	struct hf_download_conf conf;
	struct shared *shared;
	char url[HF_URL_MAX];
	struct hf_url at;
	struct hf_address addresses[HF_URL_ADDRESSES_MAX];
	size_t count, tried; /* addresses of this host */
	unsigned redirects;
	char tag[HF_DOWNLOAD_TAG_MAX], modified[HF_DOWNLOAD_DATE_MAX]; /* what is asked against */
	struct hf_turn turn;
	CURL *easy;
	bool added; /* to the multi handle */
	struct curl_slist *headers, *connect;
	char error[CURL_ERROR_SIZE];
	struct response response;
	uint8_t *body;
	size_t len, cap;
	struct hf_timer look;
	hf_us began, heard;
	uint64_t octets;
	bool talking, over; /* as in call.c */
};

/* ---- libcurl on the loop ---- */

static void collect(struct shared *shared, hf_us now);

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
	struct shared *shared = ctx;
	struct epoll_event event = {.data.fd = fd};
	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(shared->fd, EPOLL_CTL_DEL, fd, &event);
		return 0;
	}
	event.events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
	int rc = epoll_ctl(shared->fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
	if (rc < 0 && (errno == EEXIST || errno == ENOENT))
		rc = epoll_ctl(shared->fd, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
	hf_libcurl.multi_assign(shared->multi, fd, shared);
	return rc < 0 ? -1 : 0;
}

static int set_timer(CURLM *multi, long ms, void *ctx)
{
	struct shared *shared = ctx;
	(void)multi;
	if (ms < 0)
		hf_timer_disarm(hf_loop_timers(shared->loop), &shared->timer);
	else
		hf_timer_arm(hf_loop_timers(shared->loop), &shared->timer,
			hf_loop_now(shared->loop) + ms * HF_MS);
	return 0;
}

static void time_out(struct hf_timer *timer, hf_us now)
{
	struct shared *shared = (struct shared *)((char *)timer - offsetof(struct shared, timer));
	int running;
	hf_libcurl.multi_socket_action(shared->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(shared, now);
}

/* What does not fit into one turn shows again in the next. */
static void readable(void *ctx, int fd, hf_us now)
{
	struct shared *shared = ctx;
	struct epoll_event events[EVENTS_MAX];
	int running, n = epoll_wait(fd, events, EVENTS_MAX, 0);
	for (int i = 0; i < n; i++) {
		uint32_t e = events[i].events;
		int what = (e & EPOLLIN ? CURL_CSELECT_IN : 0) |
			   (e & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			   (e & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
		hf_libcurl.multi_socket_action(shared->multi, events[i].data.fd, what, &running);
	}
	collect(shared, now);
}

/* Programs that we start get none of our sockets. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)ctx;
	(void)purpose;
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static void free_shared(void *guest)
{
	struct shared *shared = guest;
	hf_libcurl.multi_cleanup(shared->multi); /* may still set the timer */
	hf_timer_disarm(hf_loop_timers(shared->loop), &shared->timer);
	if (shared->fd >= 0) {
		hf_loop_watch(shared->loop, shared->fd, NULL, NULL);
		close(shared->fd);
	}
	free(shared);
	hf_libcurl.global_cleanup();
}

/* What is there, or made by the first who wants it. */
static int share(struct hf_calls *calls, struct shared **ret)
{
	char why[HF_LIBCURL_WHY_MAX];
	struct shared *shared = hf_calls_guest(calls);
	if (shared) {
		*ret = shared;
		return 0;
	}
	int rc = hf_libcurl_load(why);
	if (rc)
		return rc;
	if (hf_libcurl.global_init(CURL_GLOBAL_ALL))
		return -ENOMEM;
	shared = calloc(1, sizeof *shared);
	if (!shared) {
		hf_libcurl.global_cleanup();
		return -ENOMEM;
	}
	shared->loop = hf_calls_loop(calls);
	shared->timer.fire = time_out;
	shared->fd = epoll_create1(EPOLL_CLOEXEC);
	rc = shared->fd < 0 ? -errno : 0;
	shared->multi = rc ? NULL : hf_libcurl.multi_init();
	rc = rc ? rc : !shared->multi ? -ENOMEM : 0;
	rc = rc ? rc : hf_loop_watch(shared->loop, shared->fd, readable, shared);
	if (rc) {
		free_shared(shared);
		return rc;
	}
	hf_libcurl.multi_setopt(shared->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	hf_libcurl.multi_setopt(shared->multi, CURLMOPT_SOCKETDATA, shared);
	hf_libcurl.multi_setopt(shared->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	hf_libcurl.multi_setopt(shared->multi, CURLMOPT_TIMERDATA, shared);
	hf_libcurl.multi_setopt(shared->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
	hf_calls_set_guest(calls, shared, free_shared);
	*ret = shared;
	return 0;
}

/* ---- the end ---- */

/* libcurl has nothing more to do with it. */
static void detach(struct hf_download *d)
{
	if (d->added)
		hf_libcurl.multi_remove_handle(d->shared->multi, d->easy);
	d->added = false;
}

static void free_download(struct hf_download *d)
{
	hf_timer_disarm(hf_loop_timers(d->shared->loop), &d->look);
	hf_turn_give(d->conf.calls, &d->turn);
	detach(d);
	hf_libcurl.easy_cleanup(d->easy);
	for (struct curl_slist *h = d->headers; h; h = h->next)
		explicit_bzero(h->data, strlen(h->data)); /* one is the token */
	hf_libcurl.slist_free_all(d->headers);
	hf_libcurl.slist_free_all(d->connect);
	free(d->body);
	free(d);
}

void hf_download_end(struct hf_download *d)
{
	if (!d)
		return;
	d->over = true;
	if (!d->talking)
		free_download(d);
}

static void finish(struct hf_download *d, const char *why, hf_us now)
{
	struct response *r = &d->response;
	detach(d);
	hf_timer_disarm(hf_loop_timers(d->shared->loop), &d->look);
	hf_turn_give(d->conf.calls, &d->turn);
	struct hf_downloaded downloaded = {.status = (int)r->status,
		.why = why,
		.body = d->body,
		.len = d->len,
		.measured = r->has_length || r->chunked,
		.redirected = d->redirects > 0,
		.url = d->url,
		.tag = r->tag,
		.modified = r->modified,
		.digested = r->digested};
	memcpy(downloaded.digest, r->digest, sizeof downloaded.digest);
	d->talking = true;
	d->conf.done(d->conf.ctx, &downloaded, now);
	d->talking = false;
	if (d->over)
		free_download(d);
}

/* With who was asked, for a host may have several addresses. */
static void fail(struct hf_download *d, const char *why, hf_us now)
{
	char text[HF_DOWNLOAD_WHY_MAX], who[HF_ADDRESS_TEXT_MAX] = "";
	if (d->count)
		hf_address_text(&d->addresses[d->tried], who);
	int at = snprintf(text, sizeof text, "%s%s", who, who[0] ? ": " : "");
	snprintf(text + at, sizeof text - (size_t)at, "%s", why); /* cut where there is no room */
	finish(d, text, now);
}

uint8_t *hf_download_take(struct hf_download *d)
{
	uint8_t *body = d->body;
	d->body = NULL;
	d->len = d->cap = 0;
	return body;
}

/* ---- what comes ---- */

static void heard(struct hf_download *d, size_t octets)
{
	d->heard = hf_loop_now(d->shared->loop);
	d->octets += octets;
}

/* What will be sent back, so nothing but visible ASCII and blanks; too long: none. */
static void keep(char *to, size_t room, const char *value, size_t len)
{
	to[0] = 0;
	if (len >= room)
		return;
	for (size_t i = 0; i < len; i++)
		if (value[i] < ' ' || value[i] > '~')
			return;
	memcpy(to, value, len);
	to[len] = 0;
}

static void read_digest(struct response *r, const char *value, size_t len, bool dictionary)
{
	uint8_t digest[HF_SHA256];
	int rc = hf_document_digest_header(value, len, dictionary, digest);
	if (rc == -ENOENT || r->digested == HF_DIGEST_GARBLED)
		return;
	bool another = r->digested == HF_DIGEST_GIVEN && memcmp(digest, r->digest, HF_SHA256) != 0;
	r->digested = rc || another ? HF_DIGEST_GARBLED : HF_DIGEST_GIVEN;
	if (!rc)
		memcpy(r->digest, digest, sizeof digest);
}

static bool is_word(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(text, word, len) == 0;
}

static void read_header(struct response *r, const char *line, size_t size)
{
	const char *colon = memchr(line, ':', size);
	size_t name = colon ? (size_t)(colon - line) : 0, len = size - name;
	const char *value = line + name;
	while (len && strchr(": \t", *value)) {
		value++;
		len--;
	}
	while (len && strchr(" \t\r\n", value[len - 1]))
		len--;
	if (is_word(line, name, "ETag"))
		keep(r->tag, sizeof r->tag, value, len);
	else if (is_word(line, name, "Last-Modified"))
		keep(r->modified, sizeof r->modified, value, len);
	else if (is_word(line, name, "Date"))
		keep(r->date, sizeof r->date, value, len);
	else if (is_word(line, name, "Content-Length"))
		r->has_length = true;
	else if (is_word(line, name, "Transfer-Encoding"))
		r->chunked = is_word(value, len, "chunked");
	else if (is_word(line, name, "Content-Encoding"))
		r->encoded = !is_word(value, len, "identity");
	else if (is_word(line, name, "Repr-Digest") || is_word(line, name, "Content-Digest"))
		read_digest(r, value, len, true);
	else if (is_word(line, name, "Digest"))
		read_digest(r, value, len, false);
}

/* One line. An answer may follow another (1xx): what the first said does not count. */
static size_t take_header(char *line, size_t one, size_t size, void *ctx)
{
	struct hf_download *d = ctx;
	struct response *r = &d->response;
	size_t head = r->head + size;
	heard(d, one * size);
	if (size > 5 && strncmp(line, "HTTP/", 5) == 0)
		*r = (struct response){.fault = r->fault};
	r->head = head;
	if (head > HF_DOWNLOAD_HEAD) {
		r->fault = "its header lines do not end";
		return 0;
	}
	read_header(r, line, size);
	return size;
}

static size_t refuse(struct hf_download *d, const char *why)
{
	d->response.fault = why;
	return 0;
}

static bool make_room(struct hf_download *d, size_t size)
{
	size_t cap = d->cap ? d->cap : 4096;
	while (cap < d->len + size)
		cap *= 2;
	uint8_t *grown = cap > d->cap ? realloc(d->body, cap) : d->body;
	if (!grown)
		return false;
	d->body = grown;
	d->cap = cap;
	return true;
}

static size_t take_body(char *bytes, size_t one, size_t size, void *ctx)
{
	struct hf_download *d = ctx;
	long status = 0;
	(void)one;
	heard(d, size);
	hf_libcurl.easy_getinfo(d->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200) {
		d->response.leftovers += size;
		return d->response.leftovers > LEFTOVERS_MAX ? 0 : size;
	}
	if (d->response.encoded)
		return refuse(d, "it is encoded (Content-Encoding), which was not asked for");
	if (size > d->conf.most - d->len)
		return refuse(d, "it is longer than it may be");
	const char *why = d->conf.grows ? d->conf.grows(d->conf.ctx, d->len + size) : NULL;
	if (why)
		return refuse(d, why);
	if (!make_room(d, size))
		return refuse(d, "there is no memory for it");
	memcpy(d->body + d->len, bytes, size);
	d->len += size;
	return size;
}

/* ---- asking ---- */

static bool add_header(struct hf_download *d, const char *text)
{
	struct curl_slist *more = hf_libcurl.slist_append(d->headers, text);
	if (more)
		d->headers = more;
	return more != NULL;
}

/* For the server of `url` alone; where the zone has none, for whoever is asked. Where a
 * redirect leads, it does not follow. */
static bool may_have_token(const struct hf_download *d)
{
	const struct hf_zone_conf *zone = d->conf.zone;
	struct hf_url own;
	if (strcmp(zone->url_token_file, "none") == 0 || !(d->at.tls || hf_url_is_loopback(&d->at)))
		return false;
	bool has_own = hf_url_parse(zone->url, &own) == 0;
	return has_own ? hf_url_same_server(&own, &d->at) : !d->redirects;
}

/* NULL, or why not: a phrase in `buf`. */
static const char *add_token(struct hf_download *d, char buf[static HF_KEY_WHY_MAX])
{
	char token[HF_TOKEN_MAX], line[HF_TOKEN_MAX + 32];
	if (!may_have_token(d))
		return NULL;
	bool read = hf_token_read(d->conf.zone->url_token_file, token, sizeof token, buf);
	bool good = false;
	if (read) {
		snprintf(line, sizeof line, "Authorization: Bearer %s", token);
		good = add_header(d, line);
	}
	explicit_bzero(token, sizeof token);
	explicit_bzero(line, sizeof line);
	return !read ? buf : good ? NULL : hf_strerror(-ENOMEM);
}

static const char *add_headers(struct hf_download *d, char buf[static HF_KEY_WHY_MAX])
{
	char line[HF_DOWNLOAD_TAG_MAX + 32];
	for (struct curl_slist *h = d->headers; h; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	hf_libcurl.slist_free_all(d->headers);
	d->headers = NULL;
	bool good = add_header(d, "Accept: */*");
	/* Nobody in between may say that nothing has changed. */
	good = good && add_header(d, "Cache-Control: no-cache");
	if (d->tag[0]) {
		snprintf(line, sizeof line, "If-None-Match: %s", d->tag);
		good = good && add_header(d, line);
	} else if (d->modified[0]) {
		snprintf(line, sizeof line, "If-Modified-Since: %s", d->modified);
		good = good && add_header(d, line);
	}
	return good ? add_token(d, buf) : hf_strerror(-ENOMEM);
}

/* libcurl writes "sha256//" in front of each, and ";" between them. */
static void write_pins(const struct hf_text_list *pins, char ret[static PINS_MAX])
{
	char one[HF_PIN_TEXT_MAX];
	struct hf_pin pin;
	size_t len = 0;
	ret[0] = 0;
	for (size_t i = 0; i < pins->count && i < HF_TRUST_PINS; i++)
		if (!hf_unexpected(hf_pin_parse(pins->items[i], &pin)))
			len += (size_t)snprintf(ret + len, PINS_MAX - len, "%ssha256//%s",
				len ? ";" : "", hf_pin_text(&pin, one) + sizeof "sha256/" - 1);
}

static bool set_trust(struct hf_download *d)
{
	const struct hf_zone_conf *zone = d->conf.zone;
	char pins[PINS_MAX];
	bool good = true;
	write_pins(&zone->url_pins, pins);
	if (strcmp(zone->url_ca, "system") != 0) {
		good = !hf_libcurl.easy_setopt(d->easy, CURLOPT_CAINFO, zone->url_ca);
		good = good && !hf_libcurl.easy_setopt(d->easy, CURLOPT_CAPATH, NULL);
	}
	if (pins[0])
		good = good && !hf_libcurl.easy_setopt(d->easy, CURLOPT_PINNEDPUBLICKEY, pins);
	return good;
}

/* What is the same for every try. */
static bool set_up(struct hf_download *d)
{
	CURL *e = d->easy;
	hf_libcurl.easy_setopt(e, CURLOPT_CA_CACHE_TIMEOUT, (long)AUTHORITIES_KEPT);
	return !hf_libcurl.easy_setopt(e, CURLOPT_PRIVATE, d) &&
	       !hf_libcurl.easy_setopt(e, CURLOPT_NOSIGNAL, 1L) &&
	       !hf_libcurl.easy_setopt(e, CURLOPT_PROXY, "") &&
	       !hf_libcurl.easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) &&
	       !hf_libcurl.easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
	       !hf_libcurl.easy_setopt(e, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_LONGEST) &&
	       !hf_libcurl.easy_setopt(e, CURLOPT_HTTP_CONTENT_DECODING, 0L) &&
	       !hf_libcurl.easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
	       !hf_libcurl.easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L) &&
	       !hf_libcurl.easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L) &&
	       !hf_libcurl.easy_setopt(e, CURLOPT_USERAGENT, "holdfast/" HF_VERSION) &&
	       !hf_libcurl.easy_setopt(e, CURLOPT_ERRORBUFFER, d->error) &&
	       !hf_libcurl.easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket) &&
	       !hf_libcurl.easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header) &&
	       !hf_libcurl.easy_setopt(e, CURLOPT_HEADERDATA, d) &&
	       !hf_libcurl.easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body) &&
	       !hf_libcurl.easy_setopt(e, CURLOPT_WRITEDATA, d) &&
	       !hf_libcurl.easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)d->conf.most) &&
	       set_trust(d);
}

/* "::ADDRESS:PORT": whatever the URL's host and port are, it is there. */
static bool set_place(struct hf_download *d)
{
	char text[HF_ADDRESS_TEXT_MAX + 2], who[HF_ADDRESS_TEXT_MAX];
	hf_us wait = d->conf.patience / (hf_us)(d->count + 1);
	wait = wait < CONNECT_LONGEST ? wait : CONNECT_LONGEST;
	snprintf(text, sizeof text, "::%s", hf_address_text(&d->addresses[d->tried], who));
	hf_libcurl.slist_free_all(d->connect);
	d->connect = hf_libcurl.slist_append(NULL, text);
	return d->connect && !hf_libcurl.easy_setopt(d->easy, CURLOPT_CONNECT_TO, d->connect) &&
	       !hf_libcurl.easy_setopt(d->easy, CURLOPT_URL, d->url) &&
	       !hf_libcurl.easy_setopt(
		       d->easy, CURLOPT_PROTOCOLS_STR, d->at.tls ? "https" : "http") &&
	       !hf_libcurl.easy_setopt(d->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(wait / HF_MS)) &&
	       !hf_libcurl.easy_setopt(d->easy, CURLOPT_HTTPHEADER, d->headers);
}

/* Asks the address whose turn it is. */
static void ask(struct hf_download *d, hf_us now)
{
	char why[HF_KEY_WHY_MAX];
	d->response = (struct response){.head = 0};
	d->len = 0;
	d->error[0] = 0;
	const char *fault = add_headers(d, why);
	if (!fault && (!set_place(d) || hf_libcurl.multi_add_handle(d->shared->multi, d->easy)))
		fault = hf_strerror(-ENOMEM);
	d->added = !fault;
	if (fault)
		fail(d, fault, now);
}

/* ---- what becomes of it ---- */

/* In words, where libcurl's own would not do. */
static const char *words(const struct hf_download *d, CURLcode code, char *buf, size_t size)
{
	switch (code) {
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING: return "the connection was closed before the end";
	case CURLE_RECV_ERROR:
		if (d->response.status)
			return "the connection was closed before the end";
		break;
	case CURLE_FILESIZE_EXCEEDED: return "it is longer than it may be";
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH: return "its key is none of url-pins";
	case CURLE_OPERATION_TIMEDOUT: return "it does not answer";
	case CURLE_PEER_FAILED_VERIFICATION:
		snprintf(buf, size, "it is not believed: %.120s",
			d->error[0] ? d->error : hf_libcurl.easy_strerror(code));
		return buf;
	default: break;
	}
	return d->error[0] ? d->error : hf_libcurl.easy_strerror(code);
}

static bool is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* May the zone be had there? NULL, or why not. */
static const char *set_target(struct hf_download *d, const char *url)
{
	struct hf_address found[HF_URL_ADDRESSES_MAX];
	struct hf_url to;
	if (d->redirects == HF_DOWNLOAD_REDIRECTS)
		return "it was redirected too often";
	if (strncmp(url, "https://", 8) != 0 && d->at.tls)
		return "it is redirected to what is not https://";
	if (hf_url_parse(url, &to))
		return "it is redirected to what is no URL";
	if (!to.tls && !hf_url_is_loopback(&to))
		return "it is redirected to what is not https://";
	const struct hf_text_list *list = &d->conf.zone->url_address;
	bool own = strcmp(to.host, d->at.host) == 0;
	size_t count = hf_url_addresses(&to, list, found);
	if (!count || (!own && hf_address_set(&to.address) && !hf_url_is_listed(&to, list)))
		return "it is redirected to a host that url-address does not name";
	d->redirects++;
	d->at = to;
	memcpy(d->addresses, found, sizeof found);
	d->count = count;
	d->tried = d->conf.first % count;
	snprintf(d->url, sizeof d->url, "%s", url);
	return NULL;
}

static void follow(struct hf_download *d, hf_us now)
{
	char text[HF_DOWNLOAD_WHY_MAX];
	char *url = NULL;
	hf_libcurl.easy_getinfo(d->easy, CURLINFO_REDIRECT_URL, &url);
	const char *why = url ? set_target(d, url) : "it is redirected to nowhere";
	if (!why) {
		ask(d, now);
		return;
	}
	snprintf(text, sizeof text, "%s%s%.80s", why, url ? ": " : "", url ? url : "");
	fail(d, text, now);
}

/* A document that is changed twice in a second looks the same to who counts in seconds: as
 * long as that may be, it is asked for anew. */
static void drop_weak_tags(struct response *r)
{
	time_t modified = r->modified[0] ? hf_libcurl.getdate(r->modified, NULL) : -1;
	time_t date = r->date[0] ? hf_libcurl.getdate(r->date, NULL) : -1;
	bool strong = modified >= 0 && date >= 0 && date - modified >= SAME_SECOND;
	if (strong || (!r->modified[0] && r->tag[0]))
		return;
	r->modified[0] = 0;
	r->tag[0] = 0;
}

static void answered(struct hf_download *d, hf_us now)
{
	struct response *r = &d->response;
	char text[HF_DOWNLOAD_WHY_MAX];
	bool conditional = d->tag[0] || d->modified[0];
	if (is_redirect(r->status)) {
		follow(d, now);
	} else if (r->status == 200 || (r->status == 304 && conditional)) {
		drop_weak_tags(r);
		finish(d, "", now);
	} else {
		snprintf(text, sizeof text, "the answer is HTTP %ld", r->status);
		fail(d, text, now);
	}
}

/* Another address of the host may do better, as long as this one has said nothing. */
static bool try_next(struct hf_download *d, hf_us now)
{
	size_t next = (d->tried + 1) % d->count;
	if (d->response.status || next == d->conf.first % d->count)
		return false;
	d->tried = next;
	ask(d, now);
	return true;
}

static void came(struct hf_download *d, CURLcode code, hf_us now)
{
	char buf[HF_DOWNLOAD_WHY_MAX];
	hf_libcurl.easy_getinfo(d->easy, CURLINFO_RESPONSE_CODE, &d->response.status);
	detach(d);
	bool left_over = code == CURLE_WRITE_ERROR && d->response.leftovers > LEFTOVERS_MAX;
	if (d->response.fault)
		fail(d, d->response.fault, now);
	else if (code == CURLE_OK || left_over)
		answered(d, now);
	else if (!try_next(d, now))
		fail(d, words(d, code, buf, sizeof buf), now);
}

/* Those that have ended. Whoever hears of one may begin or end others. */
static void collect(struct shared *shared, hf_us now)
{
	CURLMsg *message;
	int left;
	while ((message = hf_libcurl.multi_info_read(shared->multi, &left))) {
		void *d = NULL;
		CURLcode code = message->data.result;
		if (message->msg != CURLMSG_DONE)
			continue;
		hf_libcurl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &d);
		came(d, code, now);
	}
}

static bool too_slow(const struct hf_download *d, hf_us now)
{
	hf_us age = now - d->began;
	return age > HF_CALL_SLOW && d->octets < (uint64_t)(age / HF_SECOND) * HF_CALL_PACE;
}

static void look(struct hf_timer *timer, hf_us now)
{
	struct hf_download *d =
		(struct hf_download *)((char *)timer - offsetof(struct hf_download, look));
	if (now - d->began >= d->conf.patience)
		fail(d, "it takes too long", now);
	else if (now - d->heard >= HF_CALL_PATIENCE + CONNECT_LONGEST * (hf_us)(d->count - 1))
		fail(d, d->octets ? "it stopped talking" : "it does not answer", now);
	else if (too_slow(d, now))
		fail(d, "it is too slow", now);
	else
		hf_timer_arm(hf_loop_timers(d->shared->loop), timer, now + LOOK);
}

/* ---- the beginning ---- */

static void turn_came(struct hf_turn *turn, hf_us now)
{
	struct hf_download *d =
		(struct hf_download *)((char *)turn - offsetof(struct hf_download, turn));
	d->began = d->heard = now;
	hf_timer_arm(hf_loop_timers(d->shared->loop), &d->look, now + LOOK);
	ask(d, now);
}

/* The turn may come within begin, and it may fail then: so it begins a moment later. */
static void begin_now(struct hf_timer *timer, hf_us now)
{
	struct hf_download *d =
		(struct hf_download *)((char *)timer - offsetof(struct hf_download, look));
	d->look.fire = look;
	if (hf_turn_take(d->conf.calls, &d->turn, d->conf.kind, &d->addresses[d->tried]))
		turn_came(&d->turn, now);
}

static int prepare(struct hf_download *d)
{
	const struct hf_download_conf *conf = &d->conf;
	int rc = hf_url_parse(conf->url, &d->at);
	if (rc)
		return rc;
	d->count = hf_url_addresses(&d->at, &conf->zone->url_address, d->addresses);
	if (!d->count)
		return HF_ESYNTAX;
	d->tried = conf->first % d->count;
	snprintf(d->url, sizeof d->url, "%s", conf->url);
	snprintf(d->tag, sizeof d->tag, "%s", conf->tag ? conf->tag : "");
	snprintf(d->modified, sizeof d->modified, "%s", conf->modified ? conf->modified : "");
	rc = share(conf->calls, &d->shared);
	if (rc)
		return rc;
	d->easy = hf_libcurl.easy_init();
	return d->easy && set_up(d) ? 0 : -ENOMEM;
}

int hf_download_begin(const struct hf_download_conf *conf, struct hf_download **ret)
{
	struct hf_download *d = calloc(1, sizeof *d);
	if (!d)
		return -ENOMEM;
	d->conf = *conf;
	d->turn.come = turn_came;
	d->look.fire = begin_now;
	int rc = prepare(d);
	if (rc) {
		if (d->easy)
			hf_libcurl.easy_cleanup(d->easy);
		free(d);
		return rc;
	}
	struct hf_loop *loop = d->shared->loop;
	hf_timer_arm(hf_loop_timers(loop), &d->look, hf_loop_now(loop));
	*ret = d;
	return 0;
}
