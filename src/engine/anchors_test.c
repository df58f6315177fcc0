/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/anchors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "transport/trust.h"

#define NOON (1000 * HF_SECOND)
#define FILES (HF_ANCHORS_MAX + 1)

struct world {
	char folder[64];
	char files[FILES][96];
	struct hf_anchors *anchors;
};

static gnutls_datum_t pem;

static int make_certificate(void **state)
{
	static const unsigned char serial = 7;
	unsigned bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t cert;
	(void)state;
	assert_int_equal(gnutls_x509_privkey_init(&key), 0);
	assert_int_equal(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, bits, 0), 0);
	assert_int_equal(gnutls_x509_crt_init(&cert), 0);
	gnutls_x509_crt_set_version(cert, 3);
	gnutls_x509_crt_set_serial(cert, &serial, 1);
	gnutls_x509_crt_set_key(cert, key);
	gnutls_x509_crt_set_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, "Test CA", 7);
	gnutls_x509_crt_set_activation_time(cert, 0);
	gnutls_x509_crt_set_expiration_time(cert, 4000000000);
	gnutls_x509_crt_set_basic_constraints(cert, 1, -1);
	assert_int_equal(gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0), 0);
	assert_int_equal(gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &pem), 0);
	gnutls_x509_crt_deinit(cert);
	gnutls_x509_privkey_deinit(key);
	return 0;
}

static int forget_certificate(void **state)
{
	(void)state;
	gnutls_free(pem.data);
	return 0;
}

static void put(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	fclose(file);
}

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	assert_non_null(w);
	snprintf(w->folder, sizeof w->folder, "/tmp/holdfast-anchors-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	for (unsigned i = 0; i < FILES; i++) {
		snprintf(w->files[i], sizeof w->files[i], "%s/%u.pem", w->folder, i);
		put(w->files[i], pem.data, pem.size);
	}
	assert_int_equal(hf_anchors_new(&w->anchors), 0);
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;
	hf_anchors_free(w->anchors);
	for (unsigned i = 0; i < FILES; i++)
		unlink(w->files[i]);
	rmdir(w->folder);
	free(w);
	return 0;
}

static uint64_t number(struct world *w, const char *ca, hf_us now)
{
	uint64_t ret = 0;
	int news;
	assert_int_equal(hf_anchors_number(w->anchors, ca, now, &ret, &news), 0);
	return ret;
}

static int error_of(struct world *w, const char *ca, hf_us now)
{
	uint64_t ret;
	int news;
	return hf_anchors_number(w->anchors, ca, now, &ret, &news);
}

static void a_file_is_read_once_until_it_changes(void **state)
{
	struct world *w = *state;
	uint64_t first = number(w, w->files[0], NOON);
	assert_int_equal(number(w, w->files[0], NOON), first);
	assert_int_equal(number(w, w->files[0], NOON + 60 * HF_SECOND), first);
	struct hf_trust *old = hf_anchors_ref(w->anchors, first);
	assert_non_null(old);
	put(w->files[0], pem.data, pem.size);
	assert_int_equal(number(w, w->files[0], NOON + 61 * HF_SECOND), first); /* not looked for */
	assert_int_not_equal(number(w, w->files[0], NOON + 70 * HF_SECOND), first);
	assert_null(hf_anchors_ref(w->anchors, first));
	assert_int_equal(hf_trust_size(old), 1); /* it goes when the last lets go */
	hf_trust_unref(old);
}

static void a_file_that_comes_later_is_found(void **state)
{
	struct world *w = *state;
	unlink(w->files[0]);
	assert_int_equal(error_of(w, w->files[0], NOON), -ENOENT);
	put(w->files[0], pem.data, pem.size);
	assert_int_equal(error_of(w, w->files[0], NOON + HF_SECOND), -ENOENT);
	number(w, w->files[0], NOON + 10 * HF_SECOND);
}

static void what_is_no_file_of_certificates_is_not_read(void **state)
{
	struct world *w = *state;
	assert_int_equal(error_of(w, w->folder, NOON), -EINVAL);
	assert_int_equal(error_of(w, "/dev/zero", NOON), -EINVAL);
	assert_int_equal(truncate(w->files[0], HF_ANCHORS_FILE_MAX + 1), 0);
	assert_int_equal(error_of(w, w->files[0], NOON), -EFBIG);
	assert_int_equal(truncate(w->files[0], 0), 0);
	assert_int_equal(error_of(w, w->files[0], NOON + 10 * HF_SECOND), HF_ESYNTAX);
}

static void of_more_than_there_is_room_for_the_one_unused_for_longest_goes(void **state)
{
	struct world *w = *state;
	uint64_t numbers[FILES];
	for (unsigned i = 0; i < HF_ANCHORS_MAX; i++)
		numbers[i] = number(w, w->files[i], NOON + i);
	number(w, w->files[0], NOON + FILES);
	numbers[HF_ANCHORS_MAX] = number(w, w->files[HF_ANCHORS_MAX], NOON + FILES + 1);
	assert_null(hf_anchors_ref(w->anchors, numbers[1]));
	for (unsigned i = 0; i < FILES; i++) {
		struct hf_trust *trust = hf_anchors_ref(w->anchors, numbers[i]);
		assert_int_equal(trust == NULL, i == 1);
		hf_trust_unref(trust);
	}
}

struct reader {
	pthread_t thread;
	struct world *w;
	unsigned index, refs;
};

static void *read_on(void *arg)
{
	struct reader *r = arg;
	for (unsigned i = 0; i < 200; i++) {
		uint64_t n;
		int news;
		const char *ca = r->w->files[(r->index + i) % 3];
		if (i % 10 == 0)
			put(r->w->files[r->index], pem.data, pem.size);
		if (hf_anchors_number(r->w->anchors, ca, NOON + i * HF_SECOND, &n, &news))
			continue;
		struct hf_trust *trust = hf_anchors_ref(r->w->anchors, n);
		r->refs += trust && hf_trust_size(trust) == 1;
		hf_trust_unref(trust);
	}
	return NULL;
}

static void workers_share_them(void **state)
{
	struct reader readers[3];
	for (unsigned i = 0; i < 3; i++) {
		readers[i] = (struct reader){.w = *state, .index = i};
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(readers[i].thread, NULL);
		assert_true(readers[i].refs > 0);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_read_once_until_it_changes),
		TEST(a_file_that_comes_later_is_found),
		TEST(what_is_no_file_of_certificates_is_not_read),
		TEST(of_more_than_there_is_room_for_the_one_unused_for_longest_goes),
		TEST(workers_share_them),
	};
	return cmocka_run_group_tests(tests, make_certificate, forget_certificate);
}
