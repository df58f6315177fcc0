/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hint.h - what an operator can do about an error of the system. Threads: pure. */
#ifndef HF_FACE_HINT_H
#define HF_FACE_HINT_H

/* A sentence without a full stop for a negative error of bind, open and the
 * like, or NULL if there is nothing to advise. */
const char *hf_hint(int error);

#endif
