/* SPDX-License-Identifier: GPL-3.0-or-later */
/* listen_at.h - a listening TCP socket that is nobody else's.
 * Threads: any. */
#ifndef HF_FACE_LISTEN_AT_H
#define HF_FACE_LISTEN_AT_H

#include "base/address.h"

/* A descriptor, non-blocking, or a negative errno. Without SO_REUSEPORT: two holdfasts must
 * not share an address of theirs without knowing. */
int hf_listen_at(const struct hf_address *address);

#endif
