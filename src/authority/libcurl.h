/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libcurl.h - libcurl, found when it is needed and not at every start.
 *
 * Story: libcurl brings some twenty libraries with it, and loading them took most of the time
 * that a command such as `holdfast ready` runs, which is called each second. So the binary is
 * not linked with it: where a URL is configured it is loaded once, and its functions are
 * called through a table. The header that we are built with says of which type each is.
 * Knows:   the library's name and the functions that download.c calls.
 * Ownership: the table is the process' own, for good.
 * Threads: load from any; the table from whoever has loaded it, or comes after one who has.
 * At the bound: one library, of one name. If it is missing, too old, or lacks a function the
 * table may not be used, and the next load tries again. */
#ifndef HF_AUTHORITY_LIBCURL_H
#define HF_AUTHORITY_LIBCURL_H

/* The macros that hold each option against its argument's type know functions only. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#define HF_LIBCURL_FUNCTIONS(each)                                                                 \
	each(global_init) each(global_cleanup) each(version_info) each(getdate) each(slist_append) \
		each(slist_free_all) each(easy_init) each(easy_setopt) each(easy_getinfo)          \
			each(easy_cleanup) each(easy_strerror) each(multi_init) each(multi_setopt) \
				each(multi_assign) each(multi_socket_action)                       \
					each(multi_add_handle) each(multi_remove_handle)           \
						each(multi_info_read) each(multi_cleanup)

struct hf_libcurl {
#define HF_LIBCURL_MEMBER(name) __typeof__(curl_##name) *name;
	HF_LIBCURL_FUNCTIONS(HF_LIBCURL_MEMBER)
#undef HF_LIBCURL_MEMBER
};

extern struct hf_libcurl hf_libcurl; /* empty before hf_libcurl_load */

/* -ENOPKG: it cannot be had, and `why` is a phrase that says what to install. */
#define HF_LIBCURL_WHY_MAX 320
int hf_libcurl_load(char why[static HF_LIBCURL_WHY_MAX]);

#endif
