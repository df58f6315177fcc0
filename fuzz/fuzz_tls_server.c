/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets to the server side of TLS, in a world in a box. The first octet's lowest bit says
 * whether a client of ours shakes hands as well; then come steps: an octet that says what is done,
 * two of length, and as many octets of the client's stream, written past its session; or so many
 * that it seals. Whatever comes, no octet is taken for a client's that a session did not seal, they
 * arrive in their order without a gap, an end is an end, and what waits and what is answered is
 * bounded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "loop/loop_sim.h"
#include "transport/tls.h"

/* What a handshake, alerts and tickets may come to, and far more. */
#define ANSWERED_MAX (64u << 10)
#define WAITING_MAX (80u << 10)

/* Made for this, and good for nothing else. */
static const char certificate[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBgTCCASegAwIBAgIUBLIITNR+LpxSPtglIFl1IcVUCLcwCgYIKoZIzj0EAwIw\n"
	"FTETMBEGA1UEAwwKbnMuZXhhbXBsZTAgFw0yNjExMjIwNTE2MjVaGA8yMTI2MTAy\n"
	"OTA1MTYyNVowFTETMBEGA1UEAwwKbnMuZXhhbXBsZTBZMBMGByqGSM49AgEGCCqG\n"
	"SM49AwEHA0IABO0Sy65weVRZkgqm7oNiDRiUxTrlrjqnMmCaW9ofCaEcXdaWss9c\n"
	"fiIotGQKxyZfzP5s3YzBu6NZyl69Yf+m0GmjUzBRMB0GA1UdDgQWBBRwEzLszNJB\n"
	"ASHvAMVim82NsQoTuzAfBgNVHSMEGDAWgBRwEzLszNJBASHvAMVim82NsQoTuzAP\n"
	"BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIBUA6ONApUfqYLQ0OWUL\n"
	"7Rdjbegb+GVCnl315XzHl2aVAiEAmCnCI4Vq251VXFzdzxHi/u64vW07hL1KvlRU\n"
	"Affk1Bc=\n"
	"-----END CERTIFICATE-----\n";

static const char secret[] = "-----BEGIN PRIVATE KEY-----\n"
			     "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg0XjT4xsmB0/aOgew\n"
			     "3OBfeA+qPpO+uZn48zmHe5D9eIKhRANCAATtEsuucHlUWZIKpu6DYg0YlMU65a46\n"
			     "pzJgmlvaHwmhHF3WlrLPXH4iKLRkCscmX8z+bN2MwbujWcpevWH/ptBp\n"
			     "-----END PRIVATE KEY-----\n";

enum step { RAW, SEALED, REST, END, STEPS };

struct side {
	struct hf_stream *stream;
	struct hf_tls_session *tls; /* NULL: octets as they are */
	bool open, ended;
	size_t sealed; /* octets that it was given to seal */
	size_t got;
};

struct world {
	struct hf_sim *sim;
	struct hf_stream_door *door;
	struct side came, went;
};

static uint8_t pattern(size_t at)
{
	return (uint8_t)(at * 7 + (at >> 8));
}

/* ---- what is shown ---- */

static void write_file(char path[static 64], const char *text)
{
	snprintf(path, 64, "/tmp/holdfast-fuzz-XXXXXX");
	int fd = mkstemp(path);
	hf_require(fd >= 0 && fchmod(fd, 0600) == 0);
	hf_require(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static struct hf_tls_server *shown(void)
{
	static struct hf_tls_server *server;
	char chain[64], key[64], why[HF_TLS_WHY_MAX];
	if (server)
		return server;
	write_file(chain, certificate);
	write_file(key, secret);
	int rc = hf_tls_server_load(chain, key, why, &server);
	unlink(chain);
	unlink(key);
	hf_require(!rc);
	return server;
}

/* ---- the server ---- */

static void end(struct side *s)
{
	s->ended = true;
	hf_stream_pause(s->stream, true);
	hf_stream_want_write(s->stream, false);
}

static void serve(void *ctx, struct hf_stream *stream, unsigned what, hf_us now)
{
	struct world *w = ctx;
	struct side *s = &w->came;
	uint8_t bytes[1000];
	int n = s->ended ? -EPROTO : hf_tls_handshake(s->tls);
	(void)stream;
	(void)now;
	hf_require(hf_tls_waiting(s->tls) <= WAITING_MAX);
	hf_require(n <= 0);
	if (n < 0 && n != -EAGAIN)
		end(s);
	if (n < 0)
		return;
	s->open = true;
	if (what & HF_STREAM_WRITABLE && hf_tls_flush(s->tls) < 0) {
		end(s);
		return;
	}
	while ((n = hf_tls_read(s->tls, bytes, sizeof bytes)) > 0)
		for (int i = 0; i < n; i++)
			hf_require(bytes[i] == pattern(s->got++));
	hf_require(s->got <= w->went.sealed);
	if (n != -EAGAIN)
		end(s);
}

static const struct hf_stream_handler server_handler = {serve};

static void accepted(void *ctx, struct hf_stream_door *door, struct hf_stream *stream, hf_us now)
{
	struct world *w = ctx;
	(void)door;
	(void)now;
	hf_require(!w->came.stream);
	w->came.stream = stream;
	hf_require(!hf_tls_accept(stream, shown(), &w->came.tls));
	hf_stream_handle(stream, &server_handler, w);
}

/* ---- the client ---- */

static void talk(void *ctx, struct hf_stream *stream, unsigned what, hf_us now)
{
	struct world *w = ctx;
	struct side *s = &w->went;
	uint8_t bytes[4096];
	int n = 0;
	(void)what;
	(void)now;
	if (s->ended || (s->tls && (n = hf_tls_handshake(s->tls)) == -EAGAIN))
		return;
	s->open = !n;
	if (!n && s->tls && hf_tls_flush(s->tls) < 0)
		n = -EPROTO;
	while (!n) {
		int got = s->tls ? hf_tls_read(s->tls, bytes, sizeof bytes)
				 : hf_stream_read(stream, bytes, sizeof bytes);
		if (got == -EAGAIN)
			return;
		n = got > 0 ? 0 : -EPROTO;
		s->got += got > 0 ? (size_t)got : 0;
		hf_require(s->got <= ANSWERED_MAX);
	}
	end(s);
}

static const struct hf_stream_handler client_handler = {talk};

static void seal(struct side *s, size_t count)
{
	uint8_t bytes[4096];
	if (!s->tls || !s->open || s->ended)
		return;
	count = count < sizeof bytes ? count : sizeof bytes;
	for (size_t i = 0; i < count; i++)
		bytes[i] = pattern(s->sealed + i);
	int n = count ? hf_tls_write(s->tls, bytes, count) : 0;
	s->sealed += n > 0 ? (size_t)n : 0;
}

/* A client that has gone leaves the session without a word. */
static void hang_up(struct side *s)
{
	hf_tls_close(s->tls);
	hf_stream_close(s->stream);
	s->tls = NULL;
	s->stream = NULL;
	s->ended = true;
}

/* ---- the world ---- */

static void open_world(struct world *w, bool shakes)
{
	static const struct hf_door_handler door_handler = {accepted};
	const struct hf_tls_peer peer = {.anybody = true, .alpn = "dot"};
	struct hf_loop *here, *there;
	struct hf_address at;
	w->sim = hf_sim_new(3);
	hf_require(w->sim && !hf_address_parse("192.0.2.1:853", 0, &at));
	const struct hf_bind bind = {.address = at, .fd = -1};
	hf_require(!hf_sim_loop_new(w->sim, "here", &here));
	hf_require(!hf_sim_loop_new(w->sim, "there", &there));
	hf_require(!hf_door_open(there, &bind, &door_handler, w, &w->door));
	hf_require(!hf_stream_connect(here, &at, &client_handler, w, &w->went.stream));
	if (shakes)
		hf_require(!hf_tls_open(w->went.stream, &peer, NULL, NULL, &w->went.tls));
	hf_sim_run_for(w->sim, 100 * HF_MS);
	hf_require(w->came.stream && (!shakes || w->came.open));
}

/* Returns how much of the input it took. */
static size_t step(struct world *w, const uint8_t *data, size_t size)
{
	size_t len = hf_get_u16(data + 1), left = size - 3;
	enum step what = data[0] % STEPS;
	if (what == RAW) {
		len = len < left ? len : left;
		if (w->went.stream && len)
			hf_stream_write(w->went.stream, data + 3, len);
	} else if (what == SEALED) {
		seal(&w->went, len);
	} else if (what == END) {
		hang_up(&w->went);
	}
	hf_sim_run_for(w->sim, what == REST ? HF_SECOND : 10 * HF_MS);
	return 3 + (what == RAW ? len : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = {.went = {.got = 0}};
	if (!size)
		return 0;
	bool clean = data[0] & 1;
	open_world(&w, data[0] & 1);
	for (data++, size--; size >= 3;) {
		clean = clean && data[0] % STEPS != RAW && data[0] % STEPS != END;
		size_t taken = step(&w, data, size);
		data += taken;
		size -= taken;
	}
	/* Who was left in peace has been heard whole. */
	hf_require(!clean || (!w.came.ended && w.came.got == w.went.sealed));
	hang_up(&w.went);
	hf_sim_run_for(w.sim, HF_SECOND);
	hf_require(w.came.ended && w.came.got <= w.went.sealed);
	hang_up(&w.came);
	hf_door_close(w.door);
	hf_sim_free(w.sim);
	return 0;
}
