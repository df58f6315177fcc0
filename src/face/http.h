/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http.h - /metrics, /healthz, /ready and /api/v1, on a thread of its own.
 *
 * Story: pages are rows of a table: path, type, and the function that writes
 * it. Only GET and HEAD; a request with a body is refused before the body is
 * read. Pages are made for each request from readers that any thread may call,
 * so nothing here is shared but the instance. HTTP can neither slow down an
 * answer nor change anything.
 * Ownership: the thread ends in hf_http_stop; the instance must live until then.
 * Threads: start and stop from main.
 * At the bound: 64 connections, 32 of one address, 10 s of silence, 32 KiB a
 * connection, 1,024 octets of target (414), headers in what memory is left
 * (431); a page is as large as its writer says. */
#ifndef HF_FACE_HTTP_H
#define HF_FACE_HTTP_H

#include "face/instance.h"

struct hf_http;

/* Listens at `address`. The negative errno of bind and the like, or -EIO if the
 * HTTP library does not start. */
int hf_http_start(struct hf_instance *instance, const struct hf_address *address,
	struct hf_http **ret);

/* Where it listens: with the port that the system chose if 0 was wanted. */
struct hf_address hf_http_address(const struct hf_http *http);

void hf_http_stop(struct hf_http *http); /* NULL is fine */

#endif
