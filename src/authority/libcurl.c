/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/libcurl.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

/* The one that uses GnuTLS, as we do. */
#define LIBRARY "libcurl-gnutls.so.4"

/* Debian 13 has the second name. */
#define PACKAGES "install the package libcurl3-gnutls (or libcurl3t64-gnutls)"

/* 7.88, of Debian 12: options that we set are younger than what came before. */
#define VERSION_LEAST 0x075800

struct hf_libcurl hf_libcurl;

static struct {
	pthread_mutex_t lock;
	bool loaded;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const struct {
	const char *name;
	size_t at;
} functions[] = {
#define ROW(name) {"curl_" #name, offsetof(struct hf_libcurl, name)},
	HF_LIBCURL_FUNCTIONS(ROW)
#undef ROW
};

/* ISO C has no way from an object's address to a function's; POSIX promises that they look
 * alike. */
static bool find(void *library, size_t i, struct hf_libcurl *table)
{
	void *found = dlsym(library, functions[i].name);
	_Static_assert(sizeof found == sizeof table->easy_init, "they look alike");
	memcpy((char *)table + functions[i].at, &found, sizeof found);
	return found;
}

static const char *missing(void *library, struct hf_libcurl *table)
{
	for (size_t i = 0; i < HF_COUNT_OF(functions); i++)
		if (!find(library, i, table))
			return functions[i].name;
	if (table->version_info(CURLVERSION_NOW)->version_num < VERSION_LEAST)
		return "version 7.88";
	return NULL;
}

/* It stays once it was good: nobody knows what its libraries leave behind in threads. */
static bool load(char why[static HF_LIBCURL_WHY_MAX])
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		const char *said = dlerror();
		snprintf(why, HF_LIBCURL_WHY_MAX,
			"URLs need " LIBRARY ", which cannot be loaded: " PACKAGES " (%.160s)",
			said ? said : "no reason given");
		return false;
	}
	const char *lacks = missing(library, &hf_libcurl);
	if (!lacks)
		return true;
	snprintf(why, HF_LIBCURL_WHY_MAX, "URLs need a newer " LIBRARY ": it has no %s; " PACKAGES,
		lacks);
	dlclose(library);
	return false;
}

int hf_libcurl_load(char why[static HF_LIBCURL_WHY_MAX])
{
	pthread_mutex_lock(&state.lock);
	if (!state.loaded)
		state.loaded = load(why);
	bool loaded = state.loaded;
	pthread_mutex_unlock(&state.lock);
	return loaded ? 0 : -ENOPKG;
}
