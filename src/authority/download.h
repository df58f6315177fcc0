/* SPDX-License-Identifier: GPL-3.0-or-later */
/* download.h - one document over HTTPS, bounded in size and time; libcurl carries it.
 *
 * Story: a zone may be a document on a web server, and so may its published serial. A
 * *download* waits for its turn (call.h), connects to the addresses that `url-address`
 * gives the host, one after the other, lets the server prove that it is the host, asks
 * with GET, and hands over a whole document, that it has not changed, or why not.
 * What makes a document whole is its Content-Length or the last chunk: one without
 * either is handed over as `measured = false`, and what breaks off is none.
 * Redirects are followed here and not by libcurl: to https:// only, to hosts whose address
 * is written down, HF_DOWNLOAD_REDIRECTS of them. The token (`url-token-file`) is sent to
 * the server of `url` and nowhere else, and never in plain text over a network.
 * Names: libcurl is told the address that it has to connect to, so that nobody is ever asked
 * for one. The environment's proxies do not count. No encoding is asked for, and what comes
 * with one is refused: there is nothing to unpack.
 * Sockets: those of libcurl lie in an epoll set of our own, which the loop watches.
 * Ownership: a download is its owner's, and ended before the calls are.
 * Threads: the loop's.  Never: what a document says.
 * At the bound: `most` octets; HF_CALL_PATIENCE without a sign of life; HF_CALL_PACE, as
 * for calls; `patience` for all of it; HF_DOWNLOAD_HEAD octets of header lines. */
#ifndef HF_AUTHORITY_DOWNLOAD_H
#define HF_AUTHORITY_DOWNLOAD_H

#include "authority/call.h"
#include "zone/document.h"
#include "zone/url.h"

#define HF_DOWNLOAD_REDIRECTS 3
#define HF_DOWNLOAD_HEAD 65536
#define HF_DOWNLOAD_LONGEST (3600 * HF_SECOND)
#define HF_DOWNLOAD_TAG_MAX 256 /* an ETag, with its NUL; a longer one is not kept */
#define HF_DOWNLOAD_DATE_MAX 64 /* a date, as it was sent */
#define HF_DOWNLOAD_WHY_MAX 200

struct hf_download;

struct hf_downloaded {
	int status;          /* HTTP: 200 or 304 if it came; 0: there was no answer */
	const char *why;     /* "": it came; else a phrase */
	const uint8_t *body; /* 200 */
	size_t len;
	bool measured;        /* the server said how long it is, and it is so */
	bool redirected;      /* `url` is not the one that was asked for */
	const char *url;      /* where it was found at last */
	const char *tag;      /* the ETag, or "" */
	const char *modified; /* Last-Modified, or ""; where this could be the same for another
				 document of the same second, both are "" */
	enum { HF_DIGEST_NONE, HF_DIGEST_GIVEN, HF_DIGEST_GARBLED } digested;
	uint8_t digest[HF_SHA256]; /* GIVEN: as a header says */
};

struct hf_download_conf {
	struct hf_calls *calls;
	const struct hf_zone_conf *zone; /* whose url-... keys count; outlives it */
	const char *url;                 /* copied, as all text here */
	enum hf_turn_kind kind;          /* whose turn it takes */
	size_t most;                     /* octets of the body */
	hf_us patience;                  /* for all, counted from the turn */
	unsigned first;                  /* the address to begin with: counts round */
	const char *tag, *modified;      /* only what is another than this; "" or NULL: any */
	/* The body is to be so long: NULL, or why it cannot be taken. May be NULL. */
	const char *(*grows)(void *ctx, size_t len);
	/* The end. Never from within begin, and nothing comes after it. */
	void (*done)(void *ctx, const struct hf_downloaded *downloaded, hf_us now);
	void *ctx;
};

/* HF_ESYNTAX: no URL, or no address of its host is known; -ENOPKG: there is no libcurl; -ENOMEM,
 * and what sockets say. Then `done` is not called. */
int hf_download_begin(const struct hf_download_conf *conf, struct hf_download **ret);

/* Ends it; due after `done`, too, and may be called within it. NULL is fine. */
void hf_download_end(struct hf_download *download);

/* Within `done`: the body becomes the caller's, to be freed. */
uint8_t *hf_download_take(struct hf_download *download);

#endif
