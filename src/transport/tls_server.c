/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/tls_server.h"

#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "loop/read_whole.h"

/* RFC 9325 sections 3.1 and 4.2: what keeps no secret for later, and what is not sealed, is
 * left out. X25519 first, the cheapest for both sides. */
#define PRIORITY                                                                                   \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:-MAC-ALL:+AEAD:"                 \
	"-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1"

#define DIGEST 32

struct hf_tls_server {
	atomic_uint references;
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
	int64_t from, until;
	uint8_t digest[DIGEST]; /* of both files */
	pthread_mutex_t lock;   /* over what follows */
	gnutls_datum_t ticket_key;
	hf_us ticket_key_made;
};

/* ---- files ---- */

struct file {
	const char *path;
	bool secret;
	char *bytes;
	size_t len;
};

static void forget(struct file *file)
{
	if (file->bytes && file->secret)
		explicit_bzero(file->bytes, file->len);
	free(file->bytes);
	file->bytes = NULL;
}

static int read_open(struct file *file, int fd, char why[static HF_TLS_WHY_MAX])
{
	struct stat st;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		snprintf(why, HF_TLS_WHY_MAX, "%s is no file", file->path);
		return HF_ESYNTAX;
	}
	if (file->secret && st.st_mode & (S_IROTH | S_IWOTH)) {
		snprintf(why, HF_TLS_WHY_MAX, "%s may be read by everybody: chmod o-rwx",
			file->path);
		return -EPERM;
	}
	int rc = hf_read_whole(fd, HF_TLS_FILE_MAX, &file->bytes, &file->len);
	if (rc == HF_EBOUND)
		snprintf(why, HF_TLS_WHY_MAX, "%s is larger than %u KiB", file->path,
			HF_TLS_FILE_MAX >> 10);
	else if (rc)
		snprintf(why, HF_TLS_WHY_MAX, "%s cannot be read: %s", file->path, hf_strerror(rc));
	return rc;
}

static int read_file(struct file *file, char why[static HF_TLS_WHY_MAX])
{
	/* Not a pipe that nobody writes to. */
	int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		int rc = -errno;
		snprintf(why, HF_TLS_WHY_MAX, "%s cannot be read: %s", file->path, hf_strerror(rc));
		return rc;
	}
	int rc = read_open(file, fd, why);
	close(fd);
	return rc;
}

/* ---- what they hold ---- */

static int digest_of(const struct file *chain, const struct file *key, uint8_t ret[static DIGEST])
{
	gnutls_hash_hd_t hash;
	uint64_t len = chain->len; /* where the one ends is part of it */
	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256))
		return -ENOMEM;
	int rc = gnutls_hash(hash, &len, sizeof len);
	if (!rc)
		rc = gnutls_hash(hash, chain->bytes, chain->len);
	if (!rc)
		rc = gnutls_hash(hash, key->bytes, key->len);
	gnutls_hash_deinit(hash, ret);
	return rc ? -ENOMEM : 0;
}

static int explain(
	int rc, const struct file *chain, const struct file *key, char why[static HF_TLS_WHY_MAX])
{
	if (rc == GNUTLS_E_MEMORY_ERROR) {
		snprintf(why, HF_TLS_WHY_MAX, "%s", hf_strerror(-ENOMEM));
		return -ENOMEM;
	}
	if (rc == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		snprintf(why, HF_TLS_WHY_MAX,
			"the key in %s is not that of the first certificate in %s", key->path,
			chain->path);
	else
		snprintf(why, HF_TLS_WHY_MAX,
			"%s and %s are no chain of certificates and its key in PEM form: %s",
			chain->path, key->path, gnutls_strerror(rc));
	return HF_ESYNTAX;
}

/* The span in which all certificates of the chain count. */
static int note_dates(struct hf_tls_server *server)
{
	gnutls_x509_crt_t *chain = NULL;
	unsigned count = 0;
	int rc = gnutls_certificate_get_x509_crt(server->credentials, 0, &chain, &count);
	server->until = INT64_MAX;
	server->from = INT64_MIN;
	for (unsigned i = 0; !rc && i < count; i++) {
		int64_t last = gnutls_x509_crt_get_expiration_time(chain[i]);
		int64_t from = gnutls_x509_crt_get_activation_time(chain[i]);
		/* The last second still counts: RFC 5280 section 4.1.2.5. */
		if (last + 1 < server->until)
			server->until = last + 1;
		if (from > server->from)
			server->from = from;
	}
	for (unsigned i = 0; chain && i < count; i++)
		gnutls_x509_crt_deinit(chain[i]);
	gnutls_free(chain);
	if (!rc && (!count || count > HF_TLS_CHAIN_MAX))
		rc = GNUTLS_E_BASE64_DECODING_ERROR;
	return rc;
}

static int take(struct hf_tls_server *server, const struct file *chain, const struct file *key)
{
	const gnutls_datum_t cert = {(unsigned char *)chain->bytes, (unsigned)chain->len};
	const gnutls_datum_t secret = {(unsigned char *)key->bytes, (unsigned)key->len};
	int rc = gnutls_certificate_allocate_credentials(&server->credentials);
	if (rc)
		return rc;
	rc = gnutls_certificate_set_x509_key_mem2(
		server->credentials, &cert, &secret, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (rc < 0)
		return rc;
	rc = note_dates(server);
	return rc ? rc : gnutls_priority_init(&server->priority, PRIORITY, NULL);
}

static int make(const struct file *chain, const struct file *key, char why[static HF_TLS_WHY_MAX],
	struct hf_tls_server **ret)
{
	struct hf_tls_server *server = calloc(1, sizeof *server);
	if (!server)
		return explain(GNUTLS_E_MEMORY_ERROR, chain, key, why);
	atomic_init(&server->references, 1);
	pthread_mutex_init(&server->lock, NULL);
	int rc = take(server, chain, key);
	if (rc)
		rc = explain(rc, chain, key, why);
	else if (digest_of(chain, key, server->digest))
		rc = explain(GNUTLS_E_MEMORY_ERROR, chain, key, why);
	if (rc)
		hf_tls_server_unref(server);
	else
		*ret = server;
	return rc;
}

int hf_tls_server_load(const char *certificate, const char *key, char why[static HF_TLS_WHY_MAX],
	struct hf_tls_server **ret)
{
	struct file chain = {.path = certificate}, secret = {.path = key, .secret = true};
	int rc = read_file(&chain, why);
	if (!rc)
		rc = read_file(&secret, why);
	if (!rc)
		rc = make(&chain, &secret, why, ret);
	forget(&chain);
	forget(&secret);
	return rc;
}

/* ---- life ---- */

struct hf_tls_server *hf_tls_server_ref(struct hf_tls_server *server)
{
	atomic_fetch_add_explicit(&server->references, 1, memory_order_relaxed);
	return server;
}

static void drop_ticket_key(struct hf_tls_server *server)
{
	if (server->ticket_key.data)
		explicit_bzero(server->ticket_key.data, server->ticket_key.size);
	gnutls_free(server->ticket_key.data);
	server->ticket_key = (gnutls_datum_t){NULL, 0};
}

void hf_tls_server_unref(struct hf_tls_server *server)
{
	if (!server || atomic_fetch_sub_explicit(&server->references, 1, memory_order_acq_rel) != 1)
		return;
	if (server->credentials)
		gnutls_certificate_free_credentials(server->credentials);
	if (server->priority)
		gnutls_priority_deinit(server->priority);
	drop_ticket_key(server);
	pthread_mutex_destroy(&server->lock);
	free(server);
}

bool hf_tls_server_same(const struct hf_tls_server *a, const struct hf_tls_server *b)
{
	return memcmp(a->digest, b->digest, DIGEST) == 0;
}

int64_t hf_tls_server_until(const struct hf_tls_server *server)
{
	return server->until;
}

int64_t hf_tls_server_from(const struct hf_tls_server *server)
{
	return server->from;
}

bool hf_tls_server_lasts(
	const struct hf_tls_server *server, int64_t wall, char why[static HF_TLS_WHY_MAX])
{
	const int64_t day = 86400, left = server->until - wall;
	struct tm date;
	time_t last = (time_t)server->until - 1;
	char text[32] = "";
	if (gmtime_r(&last, &date))
		strftime(text, sizeof text, "%Y-%m-%d", &date);
	if (left <= 0)
		snprintf(why, HF_TLS_WHY_MAX,
			"certificate expired on %s: clients that look at it go away", text);
	else if (wall < server->from)
		snprintf(why, HF_TLS_WHY_MAX,
			"certificate does not count yet: clients that look at it go away");
	else if (left < HF_TLS_DAYS_AHEAD * day)
		snprintf(why, HF_TLS_WHY_MAX, "certificate expires on %s: %lld days are left", text,
			(long long)(left / day));
	else
		return true;
	return false;
}

/* ---- sessions ---- */

/* Without a key for tickets there are none, and each handshake is a whole one. */
static int give_tickets(struct hf_tls_server *server, gnutls_session_t session, hf_us now)
{
	int rc = 0;
	pthread_mutex_lock(&server->lock);
	if (!server->ticket_key.data || now - server->ticket_key_made >= HF_TLS_TICKET_KEY_FOR) {
		drop_ticket_key(server);
		rc = gnutls_session_ticket_key_generate(&server->ticket_key);
		server->ticket_key_made = now;
	}
	if (!rc)
		rc = gnutls_session_ticket_enable_server(session, &server->ticket_key);
	pthread_mutex_unlock(&server->lock);
	return rc;
}

int hf_tls_server_dress(struct hf_tls_server *server, struct gnutls_session_int *session, hf_us now)
{
	const gnutls_datum_t dot = {(unsigned char *)(uintptr_t) "dot", 3};
	int rc = gnutls_priority_set(session, server->priority);
	if (!rc)
		rc = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, server->credentials);
	if (!rc)
		rc = gnutls_alpn_set_protocols(session, &dot, 1, GNUTLS_ALPN_MANDATORY);
	if (!rc)
		rc = give_tickets(server, session, now);
	if (rc)
		return rc == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EPROTO;
	gnutls_db_set_cache_expiration(session, HF_TLS_TICKET_SECONDS);
	gnutls_certificate_server_set_request(session, GNUTLS_CERT_IGNORE);
	gnutls_handshake_set_max_packet_length(session, HF_TLS_HELLO_MAX);
	return 0;
}
