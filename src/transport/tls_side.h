/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tls_side.h - one end of a TLS session, for tests.
 *
 * Story: it shakes hands, writes as many zeros as it has to give, counts what it gets, and
 * notes how it ended. Whoever makes it opens `stream` with side_handler, and `tls` over it.
 * Ownership: a side is the test's, and ended by side_hang_up.
 * Threads: one. Used by tests only. */
#ifndef HF_TRANSPORT_TLS_SIDE_H
#define HF_TRANSPORT_TLS_SIDE_H

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "transport/tls.h"

struct side {
	struct hf_stream *stream;
	struct hf_tls_session *tls;
	bool open, ended;
	int error;         /* that ended it; 0: the other side did */
	size_t got, gives; /* octets that came; that are still to be written */
};

static inline void side_gives(struct side *s)
{
	static const uint8_t zeros[30000];
	while (s->gives) {
		int n = hf_tls_write(
			s->tls, zeros, s->gives < sizeof zeros ? s->gives : sizeof zeros);
		if (n == -EAGAIN)
			return;
		assert_true(n > 0);
		s->gives -= (size_t)n;
	}
}

static inline void side_stops(struct side *s, int error)
{
	s->error = error;
	s->ended = true;
	hf_stream_pause(s->stream, true);
	hf_stream_want_write(s->stream, false);
}

static inline void side_ready(void *ctx, struct hf_stream *stream, unsigned what, hf_us now)
{
	struct side *s = ctx;
	uint8_t bytes[1000];
	int n = hf_tls_handshake(s->tls);
	(void)stream;
	(void)now;
	if (n < 0) {
		if (n != -EAGAIN)
			side_stops(s, n);
		return;
	}
	s->open = true;
	if (what & HF_STREAM_WRITABLE)
		assert_true(hf_tls_flush(s->tls) >= 0);
	side_gives(s);
	while ((n = hf_tls_read(s->tls, bytes, sizeof bytes)) > 0)
		s->got += (size_t)n;
	if (n != -EAGAIN)
		side_stops(s, n);
	else
		assert_false(hf_tls_holds(s->tls));
}

static const struct hf_stream_handler side_handler = {side_ready};

static inline void side_hang_up(struct side *s)
{
	hf_tls_close(s->tls);
	hf_stream_close(s->stream);
	*s = (struct side){.got = 0};
}

#endif
