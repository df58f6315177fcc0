/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/frame.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"

/* First size of a buffer: queries and most answers fit. */
#define FIRST 2048

/* A drained buffer over this is given back: one large answer must not cost its
 * size for the life of the connection. */
#define KEEP 16384

#define LARGEST (2 + 65535)

void hf_frame_in_clear(struct hf_frame_in *in)
{
	free(in->bytes);
	*in = (struct hf_frame_in){ 0 };
}

void hf_frame_out_clear(struct hf_frame_out *out)
{
	free(out->bytes);
	*out = (struct hf_frame_out){ 0 };
}

static int grow(uint8_t **bytes, size_t *cap, size_t need)
{
	size_t size = *cap ? *cap : FIRST;
	if (need <= *cap)
		return 0;
	while (size < need)
		size *= 2;
	uint8_t *more = realloc(*bytes, size);
	if (!more)
		return -ENOMEM;
	*bytes = more;
	*cap = size;
	return 0;
}

/* How much the message that has begun will be in all, as far as is known. */
static size_t wanted(const struct hf_frame_in *in)
{
	size_t here = in->len - in->at;
	return here < 2 ? 2 : 2 + (size_t)hf_get_u16(in->bytes + in->at);
}

/* Room for what is due and, while small, for what may follow it. 0, or an error. */
static int make_room(struct hf_frame_in *in)
{
	if (in->at) {
		memmove(in->bytes, in->bytes + in->at, in->len - in->at);
		in->len -= in->at;
		in->at = 0;
	}
	size_t need = in->bytes ? wanted(in) : FIRST;
	if (need < FIRST)
		need = FIRST;
	if (hf_unexpected(need > LARGEST) || grow(&in->bytes, &in->cap, need))
		return -ENOMEM;
	return in->len == in->cap ? -EAGAIN : 0; /* whole messages wait to be taken first */
}

int hf_frame_fill(struct hf_frame_in *in, struct hf_stream *stream)
{
	int rc = make_room(in);
	if (rc)
		return rc;
	int n = hf_stream_read(stream, in->bytes + in->len, in->cap - in->len);
	if (n > 0)
		in->len += (size_t)n;
	return n;
}

int hf_frame_fill_tls(struct hf_frame_in *in, struct hf_tls_session *tls)
{
	int rc = make_room(in);
	if (rc)
		return rc;
	int n = hf_tls_read(tls, in->bytes + in->len, in->cap - in->len);
	if (n > 0)
		in->len += (size_t)n;
	return n;
}

bool hf_frame_whole(const struct hf_frame_in *in)
{
	size_t here = in->len - in->at;
	return here >= 2 && here >= wanted(in);
}

bool hf_frame_next(struct hf_frame_in *in, const uint8_t **ret, size_t *ret_len)
{
	if (!hf_frame_whole(in)) {
		if (in->at == in->len && in->cap > KEEP)
			hf_frame_in_clear(in);
		return false;
	}
	*ret_len = wanted(in) - 2;
	*ret = in->bytes + in->at + 2;
	in->at += 2 + *ret_len;
	return true;
}

int hf_frame_put(struct hf_frame_out *out, const uint8_t *m, size_t len, size_t limit)
{
	if (hf_unexpected(len > UINT16_MAX))
		return HF_EBOUND;
	if (out->len - out->at + 2 + len > limit)
		return HF_EBOUND;
	if (out->at) {
		memmove(out->bytes, out->bytes + out->at, out->len - out->at);
		out->len -= out->at;
		out->at = 0;
	}
	if (grow(&out->bytes, &out->cap, out->len + 2 + len))
		return -ENOMEM;
	hf_put_u16(out->bytes + out->len, (uint16_t)len);
	memcpy(out->bytes + out->len + 2, m, len);
	out->len += 2 + len;
	return 0;
}

static int all_gone(struct hf_frame_out *out)
{
	if (out->cap > KEEP)
		hf_frame_out_clear(out);
	out->at = out->len = 0;
	return 1;
}

int hf_frame_flush(struct hf_frame_out *out, struct hf_stream *stream)
{
	while (out->at < out->len) {
		int n = hf_stream_write(stream, out->bytes + out->at, out->len - out->at);
		if (n == -EAGAIN) {
			hf_stream_want_write(stream, true);
			return 0;
		}
		if (n < 0)
			return n;
		out->at += (size_t)n;
	}
	hf_stream_want_write(stream, false);
	return all_gone(out);
}

int hf_frame_flush_tls(struct hf_frame_out *out, struct hf_tls_session *tls)
{
	while (out->at < out->len) {
		int n = hf_tls_write(tls, out->bytes + out->at, out->len - out->at);
		if (n == -EAGAIN)
			return 0; /* the session has asked to be written */
		if (n < 0)
			return n;
		out->at += (size_t)n;
	}
	return all_gone(out);
}
