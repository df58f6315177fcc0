/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/trust.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/address.h"
#include "base/check.h"
#include "base/error.h"

#define PREFIX "sha256/"

/* Text from a certificate: longest that goes into a cause. */
#define QUOTE_MAX 100

/* The file with all of the system's has 0.2 MB. */
#define FILE_MAX (8 << 20)

struct hf_trust {
	atomic_uint refs;
	unsigned size;
	gnutls_x509_trust_list_t list;
};

/* A peer's certificates while they are judged. */
struct chain {
	gnutls_x509_crt_t certs[HF_TRUST_CHAIN];
	unsigned count;
};

/* ---- pins ---- */

int hf_pin_parse(const char *text, struct hf_pin *ret)
{
	if (strncmp(text, PREFIX, strlen(PREFIX)) == 0)
		text += strlen(PREFIX);
	gnutls_datum_t in = {(unsigned char *)text, (unsigned)strlen(text)}, out;
	if (in.size != 44 || gnutls_base64_decode2(&in, &out))
		return HF_ESYNTAX;
	bool right = out.size == HF_PIN_SIZE;
	if (right)
		memcpy(ret->sha256, out.data, HF_PIN_SIZE);
	gnutls_free(out.data);
	return right ? 0 : HF_ESYNTAX;
}

const char *hf_pin_text(const struct hf_pin *pin, char buf[static HF_PIN_TEXT_MAX])
{
	gnutls_datum_t in = {(unsigned char *)pin->sha256, HF_PIN_SIZE}, out = {0};
	snprintf(buf, HF_PIN_TEXT_MAX, PREFIX);
	if (gnutls_base64_encode2(&in, &out) == 0)
		snprintf(buf, HF_PIN_TEXT_MAX, PREFIX "%.*s", (int)out.size, out.data);
	gnutls_free(out.data);
	return buf;
}

/* ---- authorities ---- */

static int load(struct hf_trust *trust, const char *path)
{
	int n;
	struct stat status;
	if (path && stat(path, &status))
		return -errno;
	/* A pipe or a device might never end. */
	if (path && (!S_ISREG(status.st_mode) || status.st_size > FILE_MAX))
		return HF_ESYNTAX;
	if (path && access(path, R_OK))
		return -errno;
	if (path)
		n = gnutls_x509_trust_list_add_trust_file(
			trust->list, path, NULL, GNUTLS_X509_FMT_PEM, 0, 0);
	else
		n = gnutls_x509_trust_list_add_system_trust(trust->list, 0, 0);
	if (n == GNUTLS_E_MEMORY_ERROR)
		return -ENOMEM;
	if (n == GNUTLS_E_UNIMPLEMENTED_FEATURE)
		return -ENOENT;
	if (n <= 0)
		return HF_ESYNTAX;
	trust->size = (unsigned)n;
	return 0;
}

int hf_trust_load(const char *path, struct hf_trust **ret)
{
	struct hf_trust *trust = calloc(1, sizeof *trust);
	if (!trust)
		return -ENOMEM;
	atomic_init(&trust->refs, 1);
	int rc = gnutls_x509_trust_list_init(&trust->list, 0) ? -ENOMEM : load(trust, path);
	if (rc)
		hf_trust_unref(trust);
	else
		*ret = trust;
	return rc;
}

unsigned hf_trust_size(const struct hf_trust *trust)
{
	return trust->size;
}

struct hf_trust *hf_trust_ref(struct hf_trust *trust)
{
	atomic_fetch_add_explicit(&trust->refs, 1, memory_order_relaxed);
	return trust;
}

void hf_trust_unref(struct hf_trust *trust)
{
	if (!trust || atomic_fetch_sub_explicit(&trust->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (trust->list)
		gnutls_x509_trust_list_deinit(trust->list, 1);
	free(trust);
}

/* ---- words ---- */

/* What somebody else wrote, fit to stand in a line of a log. */
static void clean(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~' || *text == '"' || *text == '\\')
			*text = '?';
}

__attribute__((format(printf, 2, 3))) static bool no(
	struct hf_trust_verdict *v, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(v->cause, sizeof v->cause, format, args);
	va_end(args);
	v->believed = false;
	return false;
}

static const char *date(int64_t wall, char buf[static 32])
{
	time_t at = (time_t)wall;
	struct tm tm;
	if (!gmtime_r(&at, &tm) || !strftime(buf, 32, "%Y-%m-%d", &tm))
		snprintf(buf, 32, "a day that cannot be told");
	return buf;
}

/* The first names that a certificate is for. */
static void names(gnutls_x509_crt_t cert, char *buf, size_t cap)
{
	unsigned more = 0;
	size_t len = 0;
	buf[0] = 0;
	for (unsigned i = 0; i < 1000; i++) {
		char one[HF_TRUST_NAME_MAX];
		unsigned char raw[HF_TRUST_NAME_MAX];
		size_t size = sizeof raw;
		int type = gnutls_x509_crt_get_subject_alt_name(cert, i, raw, &size, NULL);
		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		if (type == GNUTLS_SAN_IPADDRESS && (size == 4 || size == 16)) {
			struct hf_address a = {.family = size == 4 ? 4 : 6};
			char text[HF_ADDRESS_TEXT_MAX];
			memcpy(a.bytes, raw, size);
			snprintf(one, sizeof one, "%s", hf_address_text(&a, text));
		} else if (type == GNUTLS_SAN_DNSNAME) {
			snprintf(one, sizeof one, "%.*s", (int)size, (char *)raw);
		} else {
			continue;
		}
		if (len && len + strlen(one) + 2 > cap / 2) {
			more++;
			continue;
		}
		int n = snprintf(buf + len, cap - len, "%s%s", len ? ", " : "", one);
		len = len + (size_t)n < cap ? len + (size_t)n : cap - 1;
	}
	if (more && len + 20 < cap)
		snprintf(buf + len, cap - len, " and %u more", more);
	if (!len)
		snprintf(buf, cap, "no host");
	clean(buf);
}

static const char *issuer_name(gnutls_x509_crt_t cert, char buf[static QUOTE_MAX])
{
	size_t size = QUOTE_MAX;
	if (gnutls_x509_crt_get_issuer_dn_by_oid(
		    cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0, buf, &size)) {
		gnutls_datum_t dn = {0};
		buf[0] = 0;
		if (gnutls_x509_crt_get_issuer_dn3(cert, &dn, 0) == 0)
			snprintf(buf, QUOTE_MAX, "%s", (char *)dn.data);
		gnutls_free(dn.data);
	}
	clean(buf);
	return buf;
}

/* ---- judging ---- */

static void chain_clear(struct chain *c)
{
	while (c->count)
		gnutls_x509_crt_deinit(c->certs[--c->count]);
}

static bool chain_read(struct chain *c, gnutls_session_t session, struct hf_trust_verdict *v)
{
	unsigned n = 0;
	const gnutls_datum_t *raw = gnutls_certificate_get_peers(session, &n);
	if (!raw || !n)
		return no(v, "peer showed no certificate");
	if (n > HF_TRUST_CHAIN)
		return no(v, "peer showed more than %d certificates", HF_TRUST_CHAIN);
	for (unsigned i = 0; i < n; i++) {
		if (gnutls_x509_crt_init(&c->certs[i]))
			return no(v, "out of memory");
		c->count++;
		if (gnutls_x509_crt_import(c->certs[i], &raw[i], GNUTLS_X509_FMT_DER))
			return no(v, "certificate cannot be read");
	}
	return true;
}

static bool pins_hold(
	gnutls_x509_crt_t cert, const struct hf_tls_peer *peer, struct hf_trust_verdict *v)
{
	struct hf_pin pin;
	char text[HF_PIN_TEXT_MAX];
	size_t size = sizeof pin.sha256;
	if (gnutls_x509_crt_get_key_id(cert, GNUTLS_KEYID_USE_SHA256, pin.sha256, &size))
		return no(v, "key of the certificate cannot be read");
	for (unsigned i = 0; i < peer->pin_count; i++)
		if (memcmp(&peer->pins[i], &pin, sizeof pin) == 0)
			return true;
	return no(v, "pin does not match: %s", hf_pin_text(&pin, text));
}

/* One certificate's dates; whose says which it is. */
static bool in_time(
	gnutls_x509_crt_t cert, const char *whose, int64_t wall, struct hf_trust_verdict *v)
{
	int64_t from = gnutls_x509_crt_get_activation_time(cert);
	int64_t last = gnutls_x509_crt_get_expiration_time(cert);
	char day[32];
	if (from == -1 || last == -1)
		return no(v, "dates of the %s cannot be read", whose);
	if (wall > last)
		return no(v, "%s expired on %s", whose, date(last, day));
	if (wall < from)
		return no(v, "%s is not valid before %s", whose, date(from, day));
	if (last < v->until)
		v->until = last + 1;
	return true;
}

static gnutls_x509_crt_t issuer_among(const struct chain *c, gnutls_x509_crt_t cert)
{
	for (unsigned i = 1; i < c->count; i++)
		if (c->certs[i] != cert && gnutls_x509_crt_check_issuer(cert, c->certs[i]))
			return c->certs[i];
	return NULL;
}

/* The dates of the certificates that lead to an authority, and of no others that came
 * along: servers send ones that are needed by old clients only. */
static bool all_in_time(
	struct hf_trust *trust, const struct chain *c, int64_t wall, struct hf_trust_verdict *v)
{
	gnutls_x509_crt_t at = c->certs[0], anchor;
	for (unsigned i = 0; at && i < c->count; i++) {
		if (!in_time(at, i ? "issuer's certificate" : "certificate", wall, v))
			return false;
		if (gnutls_x509_trust_list_get_issuer(trust->list, at, &anchor, 0) == 0)
			return in_time(anchor, "authority's certificate", wall, v);
		at = issuer_among(c, at);
	}
	return true;
}

/* What the library found, the gravest first. */
static bool say_status(unsigned status, gnutls_x509_crt_t cert, const struct hf_tls_peer *peer,
	struct hf_trust_verdict *v)
{
	char quote[QUOTE_MAX];
	if (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA)) {
		if (gnutls_x509_crt_check_issuer(cert, cert))
			return no(v, "certificate is signed by itself and not trusted");
		return no(v, "issuer is not trusted: \"%s\"", issuer_name(cert, quote));
	}
	if (status & GNUTLS_CERT_REVOKED)
		return no(v, "certificate has been revoked");
	if (status & GNUTLS_CERT_INSECURE_ALGORITHM)
		return no(v, "certificate is signed in a way that is no longer safe");
	if (status & GNUTLS_CERT_SIGNATURE_FAILURE)
		return no(v, "signature of the certificate is not that of \"%s\"",
			issuer_name(cert, quote));
	if (status & GNUTLS_CERT_UNEXPECTED_OWNER) {
		names(cert, quote, sizeof quote);
		return no(v, "certificate is for %s, not %.*s", quote, 60, peer->name);
	}
	if (status & (GNUTLS_CERT_PURPOSE_MISMATCH | GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE))
		return no(v, "certificate is not meant for this use");
	return no(v, "certificate is not valid");
}

/* Does the certificate name all that differ from the name in the first label only? The
 * wildcard itself must stand there: names that happen to be beside one another may be
 * different people's. "*.com" is nobody's. */
static bool for_siblings(gnutls_x509_crt_t cert, const char *name)
{
	const char *parent = strchr(name, '.');
	char wanted[HF_TRUST_NAME_MAX + 1], one[HF_TRUST_NAME_MAX + 1];
	if (!parent || !strchr(parent + 1, '.'))
		return false;
	snprintf(wanted, sizeof wanted, "*%s", parent);
	for (unsigned i = 0; i < 1000; i++) {
		size_t size = sizeof one;
		int type = gnutls_x509_crt_get_subject_alt_name(cert, i, one, &size, NULL);
		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return false;
		if (type == GNUTLS_SAN_DNSNAME && size == strlen(wanted) &&
			strncasecmp(one, wanted, size) == 0)
			return true;
	}
	return false;
}

/* The chain up to an authority, the name and the purpose; dates are looked at by
 * all_in_time, since the library would ask its own clock. */
static bool name_holds(struct hf_trust *trust, struct chain *c, const struct hf_tls_peer *peer,
	int64_t wall, struct hf_trust_verdict *v)
{
	struct hf_address a;
	unsigned char raw[16];
	bool literal = hf_address_parse(peer->name, 0, &a) == 0;
	gnutls_typed_vdata_st data[] = {
		{GNUTLS_DT_DNS_HOSTNAME, (unsigned char *)peer->name, 0},
		{GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER, 0},
	};
	unsigned status = 0;
	if (!trust)
		return no(v, "there are no certificate authorities to trust");
	if (literal) {
		memcpy(raw, a.bytes, sizeof raw);
		data[0] =
			(gnutls_typed_vdata_st){GNUTLS_DT_IP_ADDRESS, raw, a.family == 4 ? 4 : 16};
	}
	int rc = gnutls_x509_trust_list_verify_crt2(trust->list, c->certs, c->count, data, 2,
		GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS,
		&status, NULL);
	if (rc)
		return no(v, "certificate cannot be checked: %s", gnutls_strerror(rc));
	if (status)
		return say_status(status, c->certs[0], peer, v);
	v->siblings = !literal && for_siblings(c->certs[0], peer->name);
	return all_in_time(trust, c, wall, v);
}

void hf_trust_judge(struct hf_trust *trust, const struct hf_tls_peer *peer,
	struct gnutls_session_int *session, int64_t wall, struct hf_trust_verdict *ret)
{
	struct chain c = {.count = 0};
	*ret = (struct hf_trust_verdict){.believed = true, .until = INT64_MAX};
	if (peer->anybody)
		return;
	if (!peer->name[0] && !peer->pin_count)
		no(ret, "there is nothing to know the peer by");
	else if (chain_read(&c, session, ret) &&
		 (!peer->pin_count || pins_hold(c.certs[0], peer, ret)) && peer->name[0])
		name_holds(trust, &c, peer, wall, ret);
	chain_clear(&c);
}

const char *hf_trust_library(void)
{
	return gnutls_check_version(NULL);
}
