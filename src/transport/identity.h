/* SPDX-License-Identifier: GPL-3.0-or-later */
/* identity.h - keys and certificates made up for tests.
 *
 * Story: an authority, a server, a stranger: each is a key and a certificate, signed by
 * another or by itself, valid for some days around the start of a world in a box.
 * Ownership: an identity is the test's, cleared by identity_clear.
 * Threads: one. Used by tests only. */
#ifndef HF_TRANSPORT_IDENTITY_H
#define HF_TRANSPORT_IDENTITY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sys/stat.h>

#include "loop/loop_sim.h"

struct identity {
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t cert;
};

struct identity_conf { /* what a certificate says */
	const char *cn;
	const char *host, *other; /* whom it is for; host NULL: an authority's, other NULL: none */
	const uint8_t *address;   /* ... 4 octets, or NULL */
	int from, last;           /* days off the start of the world */
};

static inline void identity_key(struct identity *i)
{
	unsigned bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
	assert_int_equal(gnutls_x509_privkey_init(&i->key), 0);
	assert_int_equal(gnutls_x509_privkey_generate(i->key, GNUTLS_PK_ECDSA, bits, 0), 0);
}

/* One that was made here does not know its own octets. */
static inline void identity_read_again(struct identity *i)
{
	gnutls_datum_t der;
	assert_int_equal(gnutls_x509_crt_export2(i->cert, GNUTLS_X509_FMT_DER, &der), 0);
	gnutls_x509_crt_deinit(i->cert);
	assert_int_equal(gnutls_x509_crt_init(&i->cert), 0);
	assert_int_equal(gnutls_x509_crt_import(i->cert, &der, GNUTLS_X509_FMT_DER), 0);
	gnutls_free(der.data);
}

static inline void identity_is_for(struct identity *i, const struct identity_conf *conf)
{
	if (conf->host)
		gnutls_x509_crt_set_subject_alt_name(i->cert, GNUTLS_SAN_DNSNAME, conf->host,
			(unsigned)strlen(conf->host), GNUTLS_FSAN_SET);
	if (conf->host && conf->other)
		gnutls_x509_crt_set_subject_alt_name(i->cert, GNUTLS_SAN_DNSNAME, conf->other,
			(unsigned)strlen(conf->other), GNUTLS_FSAN_APPEND);
	if (conf->host && conf->address)
		gnutls_x509_crt_set_subject_alt_name(
			i->cert, GNUTLS_SAN_IPADDRESS, conf->address, 4, GNUTLS_FSAN_APPEND);
}

/* A certificate for the key of `i`, signed by `by`, which may be itself. */
static inline void identity_certify(
	struct identity *i, const struct identity *by, const struct identity_conf *conf)
{
	static const unsigned char serial = 7;
	const long day = 86400;
	assert_int_equal(gnutls_x509_crt_init(&i->cert), 0);
	gnutls_x509_crt_set_version(i->cert, 3);
	gnutls_x509_crt_set_serial(i->cert, &serial, 1);
	gnutls_x509_crt_set_key(i->cert, i->key);
	gnutls_x509_crt_set_dn_by_oid(
		i->cert, GNUTLS_OID_X520_COMMON_NAME, 0, conf->cn, (unsigned)strlen(conf->cn));
	gnutls_x509_crt_set_activation_time(i->cert, HF_SIM_WALL + conf->from * day);
	gnutls_x509_crt_set_expiration_time(i->cert, HF_SIM_WALL + conf->last * day);
	gnutls_x509_crt_set_basic_constraints(i->cert, !conf->host, -1);
	identity_is_for(i, conf);
	assert_int_equal(
		gnutls_x509_crt_sign2(i->cert, by->cert, by->key, GNUTLS_DIG_SHA256, 0), 0);
	identity_read_again(i);
}

static inline void identity_clear(struct identity *i)
{
	if (i->cert)
		gnutls_x509_crt_deinit(i->cert);
	if (i->key)
		gnutls_x509_privkey_deinit(i->key);
	*i = (struct identity){0};
}

/* Makes it the content of a file that its owner alone may read, as a key's has to be. */
static inline void identity_put(gnutls_datum_t pem, const char *path)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(pem.data, 1, pem.size, file), pem.size);
	gnutls_free(pem.data);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	assert_int_equal(fclose(file), 0);
}

/* Writes the certificate into a file, as one that others may trust. */
static inline void identity_write(const struct identity *i, const char *path)
{
	gnutls_datum_t pem;
	assert_int_equal(gnutls_x509_crt_export2(i->cert, GNUTLS_X509_FMT_PEM, &pem), 0);
	identity_put(pem, path);
}

static inline void identity_write_key(const struct identity *i, const char *path)
{
	gnutls_datum_t pem;
	assert_int_equal(gnutls_x509_privkey_export2(i->key, GNUTLS_X509_FMT_PEM, &pem), 0);
	identity_put(pem, path);
}

/* What a server shows that has this key; the caller frees them. */
static inline gnutls_certificate_credentials_t identity_credentials(struct identity *i)
{
	gnutls_certificate_credentials_t credentials;
	assert_int_equal(gnutls_certificate_allocate_credentials(&credentials), 0);
	assert_int_equal(gnutls_certificate_set_x509_key(credentials, &i->cert, 1, i->key), 0);
	return credentials;
}

#endif
