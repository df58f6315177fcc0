/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/tls.h"

#include <gnutls/gnutls.h>

#include "base/check.h"
#include "base/error.h"

/* X25519 first: the cheapest for both sides, and everybody has it. */
#define PRIORITY                                                                                   \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:"                                              \
	"-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1"

/* One read from the stream: holds most turns' answers. */
#define IN_SIZE 4096

/* Sealed octets that may wait for the stream before a write takes no more. */
#define OUT_LIMIT 65536

/* A drained buffer over this is given back. */
#define OUT_KEEP 8192

/* Two chains of certificates would fit; nobody sends more. */
#define TICKET_MAX 16384

/* Octets that may come with nothing for the owner in them: in the handshake of one who comes
 * to us HF_TLS_HELLO_MAX, of one whom we come to two chains of certificates, later a few
 * tickets and keys. GnuTLS goes on gathering a message of 16 MiB, whatever it is told to
 * take, if it comes in many records. */
#define IDLE_MAX_CLIENT (96u << 10)
#define IDLE_MAX_OPEN (64u << 10)

struct ticket {
	struct hf_address address;
	char name[HF_TRUST_NAME_MAX];
	gnutls_datum_t data; /* NULL: the place is free */
	uint64_t used;       /* when, counted in uses */
};

struct hf_tls_tickets {
	struct ticket all[HF_TLS_TICKETS];
	uint64_t uses;
};

struct hf_tls_session {
	gnutls_session_t tls;
	gnutls_certificate_credentials_t credentials; /* empty: we show nothing */
	struct hf_tls_server *server;                 /* what we show; NULL: we are the client */
	struct hf_stream *stream;
	struct hf_tls_peer peer;
	struct hf_trust *trust;
	struct hf_tls_tickets *tickets;
	struct hf_trust_verdict verdict;
	int error;     /* how it ended; 0: it has not */
	bool open;     /* the handshake is done, the peer believed */
	bool may_pull; /* this call may still read from the stream */
	bool ticket;   /* one has come that is not kept yet */
	bool resumed;
	char alpn[32];
	uint8_t in[IN_SIZE];
	size_t in_at, in_len;
	uint64_t taken; /* octets that GnuTLS has taken from `in`, ever */
	uint64_t useful; /* `taken` when something last came of it for the owner */
	uint8_t *out;
	size_t out_at, out_len, out_cap;
};

bool hf_secure_equal(const struct hf_secure *a, const struct hf_secure *b)
{
	return a->trust == b->trust && a->peer.pin_count == b->peer.pin_count &&
	       a->peer.anybody == b->peer.anybody && strcmp(a->peer.name, b->peer.name) == 0 &&
	       strcmp(a->peer.alpn, b->peer.alpn) == 0 &&
	       memcmp(a->peer.pins, b->peer.pins, a->peer.pin_count * sizeof a->peer.pins[0]) == 0;
}

/* ---- tickets ---- */

int hf_tls_tickets_new(struct hf_tls_tickets **ret)
{
	struct hf_tls_tickets *t = calloc(1, sizeof *t);
	if (!t)
		return -ENOMEM;
	*ret = t;
	return 0;
}

static void drop(struct ticket *t)
{
	gnutls_free(t->data.data);
	*t = (struct ticket){.used = 0};
}

void hf_tls_tickets_free(struct hf_tls_tickets *tickets)
{
	for (unsigned i = 0; tickets && i < HF_TLS_TICKETS; i++)
		drop(&tickets->all[i]);
	free(tickets);
}

static struct ticket *find(
	struct hf_tls_tickets *tickets, const struct hf_address *address, const char *name)
{
	for (unsigned i = 0; i < HF_TLS_TICKETS; i++) {
		struct ticket *t = &tickets->all[i];
		if (t->data.data && hf_address_equal(&t->address, address) &&
			strcmp(t->name, name) == 0)
			return t;
	}
	return NULL;
}

/* Free places have never been used: they are the least lately used ones. */
static struct ticket *place_for(
	struct hf_tls_tickets *tickets, const struct hf_address *address, const char *name)
{
	struct ticket *t = find(tickets, address, name);
	for (unsigned i = 0; !t && i < HF_TLS_TICKETS; i++)
		if (!tickets->all[i].data.data)
			t = &tickets->all[i];
	if (t)
		return t;
	t = &tickets->all[0];
	for (unsigned i = 1; i < HF_TLS_TICKETS; i++)
		if (tickets->all[i].used < t->used)
			t = &tickets->all[i];
	return t;
}

/* Keeps what the peer has given to come back with, if it has. */
static void remember(struct hf_tls_session *s)
{
	gnutls_datum_t data;
	if (!s->ticket || !s->open)
		return;
	s->ticket = false;
	if (gnutls_session_get_data2(s->tls, &data))
		return;
	if (data.size > TICKET_MAX) {
		gnutls_free(data.data);
		return;
	}
	struct hf_address address = hf_stream_peer(s->stream);
	struct ticket *t = place_for(s->tickets, &address, s->peer.name);
	drop(t);
	*t = (struct ticket){.address = address, .data = data, .used = ++s->tickets->uses};
	memcpy(t->name, s->peer.name, sizeof t->name);
}

static int ticket_came(gnutls_session_t tls, unsigned type, unsigned when, unsigned incoming,
	const gnutls_datum_t *message)
{
	struct hf_tls_session *s = gnutls_session_get_ptr(tls);
	(void)type;
	(void)when;
	(void)message;
	s->ticket |= incoming != 0;
	return 0;
}

static void present(struct hf_tls_session *s)
{
	struct hf_address address = hf_stream_peer(s->stream);
	struct ticket *t = s->tickets ? find(s->tickets, &address, s->peer.name) : NULL;
	if (!t)
		return;
	/* One that does not fit any more is the same as none. */
	(void)gnutls_session_set_data(s->tls, t->data.data, t->data.size);
	drop(t);
}

/* ---- octets between GnuTLS and the stream ---- */

static int out_grow(struct hf_tls_session *s, size_t need)
{
	size_t size = s->out_cap ? s->out_cap : 1024;
	if (s->out_at) {
		memmove(s->out, s->out + s->out_at, s->out_len - s->out_at);
		s->out_len -= s->out_at;
		s->out_at = 0;
	}
	need += s->out_len;
	if (need <= s->out_cap)
		return 0;
	while (size < need)
		size *= 2;
	uint8_t *more = realloc(s->out, size);
	if (!more)
		return -ENOMEM;
	s->out = more;
	s->out_cap = size;
	return 0;
}

/* Takes all: what goes out is bounded before it is sealed. */
static ssize_t push(gnutls_transport_ptr_t ctx, const void *bytes, size_t len)
{
	struct hf_tls_session *s = ctx;
	if (out_grow(s, len)) {
		gnutls_transport_set_errno(s->tls, ENOMEM);
		return -1;
	}
	memcpy(s->out + s->out_len, bytes, len);
	s->out_len += len;
	return (ssize_t)len;
}

static ssize_t pull_error(struct hf_tls_session *s, int error)
{
	if (error != -EAGAIN)
		s->error = error;
	gnutls_transport_set_errno(s->tls, error == -EAGAIN ? EAGAIN : EIO);
	return -1;
}

/* Has more come than can be meant well? */
static bool floods(const struct hf_tls_session *s)
{
	uint64_t most = s->open ? IDLE_MAX_OPEN : s->server ? HF_TLS_HELLO_MAX : IDLE_MAX_CLIENT;
	return s->taken - s->useful > most;
}

/* At most one read from the stream a call: then -EAGAIN always means that nothing is
 * left in here, and the loop says when there is more out there. */
static ssize_t pull(gnutls_transport_ptr_t ctx, void *bytes, size_t cap)
{
	struct hf_tls_session *s = ctx;
	if (floods(s))
		return pull_error(s, -EPROTO);
	if (s->in_at == s->in_len) {
		if (!s->may_pull)
			return pull_error(s, -EAGAIN);
		s->may_pull = false;
		int n = hf_stream_read(s->stream, s->in, sizeof s->in);
		if (n <= 0)
			return n ? pull_error(s, n) : 0;
		s->in_at = 0;
		s->in_len = (size_t)n;
	}
	size_t n = s->in_len - s->in_at < cap ? s->in_len - s->in_at : cap;
	memcpy(bytes, s->in + s->in_at, n);
	s->in_at += n;
	s->taken += n;
	return (ssize_t)n;
}

int hf_tls_flush(struct hf_tls_session *s)
{
	while (s->out_at < s->out_len) {
		int n = hf_stream_write(s->stream, s->out + s->out_at, s->out_len - s->out_at);
		if (n == -EAGAIN) {
			hf_stream_want_write(s->stream, true);
			return 0;
		}
		if (n < 0)
			return n;
		s->out_at += (size_t)n;
	}
	s->out_at = s->out_len = 0;
	if (s->out_cap > OUT_KEEP) {
		free(s->out);
		s->out = NULL;
		s->out_cap = 0;
	}
	hf_stream_want_write(s->stream, false);
	return 1;
}

/* ---- the handshake ---- */

static int fail(struct hf_tls_session *s, int error)
{
	s->error = error;
	if (s->verdict.cause[0])
		return error;
	snprintf(s->verdict.cause, sizeof s->verdict.cause, "%s", hf_strerror(error));
	return error;
}

/* What GnuTLS could not go on with, as an error and a cause. */
static int fail_by(struct hf_tls_session *s, int rc)
{
	char *cause = s->verdict.cause;
	if (s->error) /* the stream's own */
		return fail(s, s->error);
	if (rc == GNUTLS_E_PREMATURE_TERMINATION)
		return fail(s, HF_ECLOSED);
	if (rc == GNUTLS_E_MEMORY_ERROR)
		return fail(s, -ENOMEM);
	if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED)
		snprintf(cause, HF_TRUST_CAUSE_MAX, "peer's TLS alert: %s",
			gnutls_alert_get_name(gnutls_alert_get(s->tls)));
	else if (rc == GNUTLS_E_UNEXPECTED_PACKET_LENGTH || rc == GNUTLS_E_UNEXPECTED_PACKET ||
		 rc == GNUTLS_E_UNSUPPORTED_VERSION_PACKET || rc == GNUTLS_E_RECORD_OVERFLOW)
		snprintf(cause, HF_TRUST_CAUSE_MAX, "peer does not speak TLS");
	else
		snprintf(cause, HF_TRUST_CAUSE_MAX, "TLS: %s", gnutls_strerror(rc));
	return fail(s, -EPROTO);
}

/* The last word to a peer, as far as the stream takes it. */
static void alert(struct hf_tls_session *s, gnutls_alert_description_t what)
{
	(void)gnutls_alert_send(s->tls, GNUTLS_AL_FATAL, what);
	(void)hf_tls_flush(s);
}

static void note_agreement(struct hf_tls_session *s)
{
	gnutls_datum_t alpn;
	s->open = true;
	s->useful = s->taken;
	s->resumed = gnutls_session_is_resumed(s->tls) != 0;
	if (gnutls_alpn_get_selected_protocol(s->tls, &alpn) == 0)
		snprintf(s->alpn, sizeof s->alpn, "%.*s", (int)alpn.size, (char *)alpn.data);
}

static int judge(struct hf_tls_session *s)
{
	if (s->server) {
		note_agreement(s);
		return 0;
	}
	hf_trust_judge(s->trust, &s->peer, s->tls, hf_loop_wall(s->stream->loop), &s->verdict);
	if (!s->verdict.believed) {
		alert(s, GNUTLS_A_BAD_CERTIFICATE);
		return fail(s, HF_EAUTH);
	}
	note_agreement(s);
	/* In TLS 1.2 the ticket came with the handshake, or the old one goes on to count. */
	if (s->resumed && gnutls_protocol_get_version(s->tls) == GNUTLS_TLS1_2)
		s->ticket = s->tickets != NULL;
	remember(s);
	return 0;
}

int hf_tls_handshake(struct hf_tls_session *s)
{
	int rc;
	if (s->open)
		return 0;
	if (s->error)
		return s->error;
	s->may_pull = true;
	do {
		rc = gnutls_handshake(s->tls);
	} while (rc == GNUTLS_E_WARNING_ALERT_RECEIVED || rc == GNUTLS_E_INTERRUPTED);
	if (rc == 0 && (rc = judge(s)))
		return rc;
	if (rc != 0 && rc != GNUTLS_E_AGAIN && s->server && !s->error)
		(void)gnutls_alert_send_appropriate(s->tls, rc);
	int flushed = hf_tls_flush(s);
	if (rc != 0 && rc != GNUTLS_E_AGAIN)
		return fail_by(s, rc);
	if (flushed < 0)
		return fail(s, flushed);
	return rc == 0 ? 0 : -EAGAIN;
}

/* ---- talking ---- */

/* After -EAGAIN of GnuTLS: has it taken anything since then, and is there more? What it
 * answers by itself (a ticket, a new key) is no end of what has come. A place in `in` says
 * nothing of that: what was read in between may have led to the same one. */
static bool more_in(const struct hf_tls_session *s, uint64_t taken)
{
	return s->in_at < s->in_len && s->taken != taken;
}

int hf_tls_read(struct hf_tls_session *s, uint8_t *bytes, size_t cap)
{
	ssize_t n;
	uint64_t taken;
	if (s->error)
		return s->error;
	if (!s->open)
		return -EAGAIN;
	s->may_pull = true;
	do {
		taken = s->taken;
		n = gnutls_record_recv(s->tls, bytes, cap > INT32_MAX ? INT32_MAX : cap);
	} while (n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_WARNING_ALERT_RECEIVED ||
		 (n == GNUTLS_E_AGAIN && more_in(s, taken)));
	if (n > 0)
		s->useful = s->taken;
	if (n > 0 || n == GNUTLS_E_AGAIN)
		remember(s);
	if (s->out_at < s->out_len) {
		int rc = hf_tls_flush(s);
		if (rc < 0)
			return fail(s, rc);
	}
	if (n == GNUTLS_E_AGAIN)
		return -EAGAIN;
	if (n == GNUTLS_E_PREMATURE_TERMINATION && !s->error)
		return 0; /* messages know their own length */
	return n >= 0 ? (int)n : fail_by(s, (int)n);
}

int hf_tls_write(struct hf_tls_session *s, const uint8_t *bytes, size_t len)
{
	size_t done = 0;
	if (s->error)
		return s->error;
	if (!s->open)
		return -EAGAIN;
	if (len > INT32_MAX)
		len = INT32_MAX;
	while (done < len && s->out_len - s->out_at < OUT_LIMIT) {
		ssize_t n = gnutls_record_send(s->tls, bytes + done, len - done);
		if (n < 0)
			return fail_by(s, (int)n);
		done += (size_t)n;
	}
	int rc = hf_tls_flush(s);
	if (rc < 0)
		return fail(s, rc);
	return done || !len ? (int)done : -EAGAIN;
}

/* ---- beginning and end ---- */

static int set_name(struct hf_tls_session *s)
{
	struct hf_address a;
	const char *name = s->peer.name;
	if (!name[0] || hf_address_parse(name, 0, &a) == 0)
		return 0; /* an address is no name to ask for (RFC 6066 section 3) */
	return gnutls_server_name_set(s->tls, GNUTLS_NAME_DNS, name, strlen(name));
}

/* All that GnuTLS says and hears goes through the session. */
static void carry(struct hf_tls_session *s)
{
	gnutls_session_set_ptr(s->tls, s);
	gnutls_transport_set_ptr(s->tls, s);
	gnutls_transport_set_push_function(s->tls, push);
	gnutls_transport_set_pull_function(s->tls, pull);
	gnutls_handshake_set_timeout(s->tls, 0); /* the owner's */
}

static int set_up(struct hf_tls_session *s)
{
	gnutls_datum_t alpn = {(unsigned char *)s->peer.alpn, (unsigned)strlen(s->peer.alpn)};
	unsigned flags = GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL;
	int rc = gnutls_init(&s->tls, s->tickets ? flags : flags | GNUTLS_NO_TICKETS);
	if (!rc)
		rc = gnutls_certificate_allocate_credentials(&s->credentials);
	if (!rc)
		rc = gnutls_credentials_set(s->tls, GNUTLS_CRD_CERTIFICATE, s->credentials);
	if (!rc)
		rc = gnutls_priority_set_direct(s->tls, PRIORITY, NULL);
	if (!rc)
		rc = set_name(s);
	if (!rc && alpn.size)
		rc = gnutls_alpn_set_protocols(s->tls, &alpn, 1, 0);
	if (rc)
		return rc == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EPROTO;
	carry(s);
	if (s->tickets)
		gnutls_handshake_set_hook_function(
			s->tls, GNUTLS_HANDSHAKE_NEW_SESSION_TICKET, GNUTLS_HOOK_POST, ticket_came);
	present(s);
	return 0;
}

int hf_tls_open(struct hf_stream *stream, const struct hf_tls_peer *peer, struct hf_trust *trust,
	struct hf_tls_tickets *tickets, struct hf_tls_session **ret)
{
	struct hf_tls_session *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->stream = stream;
	s->peer = *peer;
	s->tickets = tickets;
	int rc = set_up(s);
	if (rc) {
		hf_tls_close(s);
		return rc;
	}
	s->trust = trust ? hf_trust_ref(trust) : NULL;
	hf_stream_want_write(stream, true);
	*ret = s;
	return 0;
}

static int set_up_server(struct hf_tls_session *s)
{
	int rc = gnutls_init(&s->tls, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
	if (rc)
		return rc == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EPROTO;
	rc = hf_tls_server_dress(s->server, s->tls, hf_loop_now(s->stream->loop));
	if (rc)
		return rc;
	carry(s);
	return 0;
}

int hf_tls_accept(
	struct hf_stream *stream, struct hf_tls_server *server, struct hf_tls_session **ret)
{
	struct hf_tls_session *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->stream = stream;
	s->server = hf_tls_server_ref(server);
	int rc = set_up_server(s);
	if (rc) {
		hf_tls_close(s);
		return rc;
	}
	*ret = s;
	return 0;
}

void hf_tls_close(struct hf_tls_session *s)
{
	if (!s)
		return;
	if (s->open && !s->error) {
		(void)gnutls_bye(s->tls, GNUTLS_SHUT_WR);
		(void)hf_tls_flush(s);
	}
	if (s->tls)
		gnutls_deinit(s->tls);
	if (s->credentials)
		gnutls_certificate_free_credentials(s->credentials);
	hf_trust_unref(s->trust);
	hf_tls_server_unref(s->server);
	free(s->out);
	free(s);
}

const char *hf_tls_cause(const struct hf_tls_session *s)
{
	return s->verdict.cause;
}

int64_t hf_tls_until(const struct hf_tls_session *s)
{
	return s->verdict.until;
}

bool hf_tls_siblings(const struct hf_tls_session *s)
{
	return s->verdict.siblings;
}

bool hf_tls_resumed(const struct hf_tls_session *s)
{
	return s->resumed;
}

const char *hf_tls_alpn(const struct hf_tls_session *s)
{
	return s->alpn;
}

bool hf_tls_is_1_3(const struct hf_tls_session *s)
{
	return gnutls_protocol_get_version(s->tls) >= GNUTLS_TLS1_3;
}

size_t hf_tls_waiting(const struct hf_tls_session *s)
{
	return s->out_len - s->out_at;
}

bool hf_tls_holds(const struct hf_tls_session *s)
{
	return s->in_at < s->in_len || gnutls_record_check_pending(s->tls) > 0;
}
