/* SPDX-License-Identifier: GPL-3.0-or-later */
/* anchors.h - the certificate authorities that proofs go back to.
 *
 * Story: an expectation names who may vouch for a name: the host's authorities
 * ("system") or a file. Each is read once for the whole team, and again when its file
 * has changed, which is looked for every ten seconds as long as it is asked for. What
 * has been read anew has another number; what it replaced goes when the last look by
 * it has ended. A file that cannot be read any more, or has no certificate in it,
 * leaves what was read before in force: half-written files are no revocation.
 * Reading the host's takes some 15 ms, under the lock; so it is done ahead, when a
 * configuration comes into force (hf_prover_expect), and not for a client.
 * Threads: any.
 * At the bound: HF_ANCHORS_MAX of them, then the one asked for least lately goes; the
 * configuration has no more (face/config_truth.c). A file over HF_ANCHORS_FILE_MAX octets
 * is not read. */
#ifndef HF_ENGINE_ANCHORS_H
#define HF_ENGINE_ANCHORS_H

#include <stdint.h>

#include "base/time.h"
#include "truth/truth_conf.h"

#define HF_ANCHORS_FILE_MAX (4u << 20) /* the host's are 200 KiB */

struct hf_anchors;
struct hf_trust;

int hf_anchors_new(struct hf_anchors **ret);      /* -ENOMEM */
void hf_anchors_free(struct hf_anchors *anchors); /* NULL is fine */

/* The number of those that `ca` names. The error of reading them, if there are none;
 * *ret_news: the error of reading them just now, else 0. */
int hf_anchors_number(
	struct hf_anchors *anchors, const char *ca, hf_us now, uint64_t *ret_number, int *ret_news);

/* Those with that number, a reference; NULL: there are others in their place now. */
struct hf_trust *hf_anchors_ref(struct hf_anchors *anchors, uint64_t number);

/* Reads them once: can they be? 0, -ENOENT, HF_ESYNTAX (no certificate), -EFBIG... */
int hf_anchors_load(const char *ca, struct hf_trust **ret);

#endif
