/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/prove_tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "transport/tls.h"

/* 2024-01-01: this program did not exist then, so a clock before it was never set. By it
 * every true certificate would be one of the future, and every upstream a liar. */
#define CLOCK_UNSET 1704067200

struct hf_prove_tls {
	struct hf_loop *loop;
	struct hf_anchors *anchors;
};

struct hand {
	struct hf_prove_look *look;
	struct hf_stream *stream;
	struct hf_tls_session *session;
};

int hf_prove_tls_new(struct hf_loop *loop, struct hf_anchors *anchors, struct hf_prove_tls **ret)
{
	struct hf_prove_tls *tls = calloc(1, sizeof *tls);
	if (!tls)
		return -ENOMEM;
	*tls = (struct hf_prove_tls){loop, anchors};
	*ret = tls;
	return 0;
}

void hf_prove_tls_free(struct hf_prove_tls *tls)
{
	free(tls);
}

static int trust(void *ctx, const char *ca, hf_us now, uint64_t *ret_number, int *ret_news)
{
	struct hf_prove_tls *tls = ctx;
	return hf_anchors_number(tls->anchors, ca, now, ret_number, ret_news);
}

static void let_go(struct hand *hand)
{
	hf_tls_close(hand->session);
	hf_stream_close(hand->stream);
	free(hand);
}

/* ---- what the session says ---- */

static void read_proof(
	const struct hf_tls_session *session, int rc, int64_t wall, struct hf_proof_seen *ret)
{
	int64_t left = hf_tls_until(session) - wall, most = HF_PROOF_LIFE_MOST / HF_SECOND;
	*ret = (struct hf_proof_seen){.proof = HF_PROOF_HOLDS};
	if (rc == 0) {
		ret->life = (left < most ? left : most) * HF_SECOND;
		ret->siblings = hf_tls_siblings(session);
		return;
	}
	ret->proof = rc == HF_EAUTH ? HF_PROOF_FAILS : HF_PROOF_MISSING;
	snprintf(ret->why, sizeof ret->why, "%s", hf_tls_cause(session));
}

static void ready(void *ctx, struct hf_stream *stream, unsigned what, hf_us now)
{
	struct hand *hand = ctx;
	struct hf_prove_look *look = hand->look;
	struct hf_proof_seen seen;
	(void)what;
	int rc = hf_tls_handshake(hand->session);
	if (rc == -EAGAIN)
		return;
	read_proof(hand->session, rc, hf_loop_wall(stream->loop), &seen);
	let_go(hand);
	hf_prove_shown(look, &seen, now);
}

static const struct hf_stream_handler handler = {ready};

/* ---- beginning and end ---- */

/* The name as it stands in certificates. Not all that DNS knows can stand there. */
static bool peer_of(const struct hf_name *name, struct hf_tls_peer *ret)
{
	char text[HF_NAME_TEXT_MAX];
	struct hf_address address;
	hf_name_text(name->bytes, text);
	size_t len = strlen(text);
	*ret = (struct hf_tls_peer){.name = ""};
	if (name->len < 2 || len >= sizeof ret->name || strchr(text, '\\') ||
		hf_address_parse(text, 0, &address) == 0)
		return false;
	memcpy(ret->name, text, len + 1);
	return true;
}

static int connect_to(struct hf_prove_tls *tls, struct hand *hand, const struct hf_tls_peer *peer)
{
	const struct hf_proof_key *key = hand->look->key;
	struct hf_trust *trust = hf_anchors_ref(tls->anchors, key->trust);
	if (!trust)
		return -EAGAIN; /* read anew since it was asked for */
	int rc = hf_stream_connect(tls->loop, &key->address, &handler, hand, &hand->stream);
	if (!rc)
		rc = hf_tls_open(hand->stream, peer, trust, NULL, &hand->session);
	hf_trust_unref(trust);
	return rc;
}

static const char *begin(void *ctx, struct hf_prove_look *look)
{
	struct hf_prove_tls *tls = ctx;
	struct hf_tls_peer peer;
	if (!peer_of(&look->key->name, &peer))
		return "no certificate can be for such a name";
	if (hf_loop_wall(tls->loop) < CLOCK_UNSET)
		return "the clock of this host is not set";
	struct hand *hand = calloc(1, sizeof *hand);
	if (!hand)
		return hf_strerror(-ENOMEM);
	hand->look = look;
	look->hand = hand;
	int rc = connect_to(tls, hand, &peer);
	if (rc)
		let_go(hand);
	return rc ? hf_strerror(rc) : NULL;
}

static void end(void *ctx, struct hf_prove_look *look)
{
	(void)ctx;
	let_go(look->hand);
}

const struct hf_prove_means hf_prove_tls = {trust, begin, end};
