/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/anchors.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/error.h"
#include "transport/trust.h"

#define LOOK_AGAIN (10 * HF_SECOND)

/* Where Debian keeps the host's, and GnuTLS looks for them. */
#define SYSTEM_FILE "/etc/ssl/certs/ca-certificates.crt"

struct anchor {
	char ca[256]; /* "": free */
	struct hf_trust *trust;
	uint64_t number;
	struct stat seen; /* the file as it was read */
	int error;        /* of reading it last */
	hf_us looked, asked;
};

struct hf_anchors {
	pthread_mutex_t lock; /* over all that follows */
	uint64_t numbers;     /* given so far */
	struct anchor all[HF_ANCHORS_MAX];
};

int hf_anchors_new(struct hf_anchors **ret)
{
	struct hf_anchors *anchors = calloc(1, sizeof *anchors);
	if (!anchors)
		return -ENOMEM;
	hf_require(pthread_mutex_init(&anchors->lock, NULL) == 0);
	*ret = anchors;
	return 0;
}

void hf_anchors_free(struct hf_anchors *anchors)
{
	if (!anchors)
		return;
	for (unsigned i = 0; i < HF_ANCHORS_MAX; i++)
		hf_trust_unref(anchors->all[i].trust);
	pthread_mutex_destroy(&anchors->lock);
	free(anchors);
}

/* ---- files ---- */

static bool is_system(const char *ca)
{
	return strcmp(ca, "system") == 0;
}

static int look_at(const char *ca, struct stat *ret)
{
	*ret = (struct stat){.st_size = 0};
	if (stat(is_system(ca) ? SYSTEM_FILE : ca, ret))
		return is_system(ca) ? 0 : -errno; /* another host's may lie elsewhere */
	if (!S_ISREG(ret->st_mode) && !is_system(ca))
		return -EINVAL;
	return ret->st_size > HF_ANCHORS_FILE_MAX ? -EFBIG : 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

int hf_anchors_load(const char *ca, struct hf_trust **ret)
{
	struct stat file;
	int rc = look_at(ca, &file);
	return rc ? rc : hf_trust_load(is_system(ca) ? NULL : ca, ret);
}

/* ---- the table ---- */

static struct anchor *find(struct hf_anchors *anchors, const char *ca)
{
	struct anchor *oldest = &anchors->all[0];
	for (unsigned i = 0; i < HF_ANCHORS_MAX; i++) {
		struct anchor *a = &anchors->all[i];
		if (strcmp(a->ca, ca) == 0)
			return a;
		if (!a->ca[0] || (oldest->ca[0] && a->asked < oldest->asked))
			oldest = a;
	}
	hf_trust_unref(oldest->trust);
	*oldest = (struct anchor){.looked = -LOOK_AGAIN};
	memcpy(oldest->ca, ca, strnlen(ca, sizeof oldest->ca - 1));
	return oldest;
}

/* Reads it if it has changed. Returns an error that has not been told yet. */
static int refresh(struct hf_anchors *anchors, struct anchor *a)
{
	struct hf_trust *trust;
	struct stat file;
	int rc = look_at(a->ca, &file), before = a->error;
	if (!rc && a->trust && same_file(&file, &a->seen))
		return 0;
	if (!rc && before && same_file(&file, &a->seen))
		return 0; /* still as bad as it was */
	if (!rc)
		rc = hf_trust_load(is_system(a->ca) ? NULL : a->ca, &trust);
	a->seen = file;
	a->error = rc;
	if (rc)
		return rc == before ? 0 : rc;
	hf_trust_unref(a->trust);
	a->trust = trust;
	a->number = ++anchors->numbers;
	return 0;
}

int hf_anchors_number(
	struct hf_anchors *anchors, const char *ca, hf_us now, uint64_t *ret_number, int *ret_news)
{
	int news = 0, rc = 0;
	pthread_mutex_lock(&anchors->lock);
	struct anchor *a = find(anchors, ca);
	a->asked = now;
	if (now - a->looked >= LOOK_AGAIN || now < a->looked) {
		a->looked = now;
		news = refresh(anchors, a);
	}
	if (a->trust)
		*ret_number = a->number;
	else
		rc = a->error;
	pthread_mutex_unlock(&anchors->lock);
	*ret_news = news;
	return rc;
}

struct hf_trust *hf_anchors_ref(struct hf_anchors *anchors, uint64_t number)
{
	struct hf_trust *trust = NULL;
	pthread_mutex_lock(&anchors->lock);
	for (unsigned i = 0; i < HF_ANCHORS_MAX; i++)
		if (anchors->all[i].trust && anchors->all[i].number == number)
			trust = hf_trust_ref(anchors->all[i].trust);
	pthread_mutex_unlock(&anchors->lock);
	return trust;
}
