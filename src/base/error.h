/* SPDX-License-Identifier: MIT */
/* error.h - the one language of errors.
 *
 * Story: every function that can fail returns an int: 0 (or a count) for
 * success, a negative code for failure. errno values keep their numbers
 * (negated), so -ENOMEM is -ENOMEM everywhere; what errno has no word for
 * starts at HF_ERR_BASE. Outputs are called ret_x, come last, and are left
 * untouched on failure. A miss, a refusal or a lie is not an error: those are
 * enum values of the part that says them.
 * Threads: pure. */
#ifndef HF_BASE_ERROR_H
#define HF_BASE_ERROR_H

#include <errno.h>

#define HF_ERR_BASE 10000

enum hf_error {
	HF_OK = 0,
	HF_EMALFORMED = -(HF_ERR_BASE + 1), /* bytes that break the DNS wire format */
	HF_ESPACE = -(HF_ERR_BASE + 2),     /* the output buffer is too small */
	HF_EBOUND = -(HF_ERR_BASE + 3),     /* a configured bound was reached */
	HF_ESYNTAX = -(HF_ERR_BASE + 4),    /* text that does not parse */
	HF_ERANGE = -(HF_ERR_BASE + 5),     /* a value outside its range */
	HF_ECLOSED = -(HF_ERR_BASE + 6),    /* the peer ended the conversation */
	HF_ECONFIG = -(HF_ERR_BASE + 7),    /* a configuration that cannot be used */
	HF_EAUTH = -(HF_ERR_BASE + 8),      /* the peer is not who it should be */
	HF_ESHARE = -(HF_ERR_BASE + 9),     /* the place that is left is for others */
};

/* The sentence for a code, without a full stop. Never NULL; static storage for
 * our own codes, strerror's (thread-local) for errno values. */
const char *hf_strerror(int code);

#endif
