/* SPDX-License-Identifier: GPL-3.0-or-later */
/* object.h - the compiled program, as octets in ours; embed.py writes the other side. */
#ifndef HF_XDP_OBJECT_H
#define HF_XDP_OBJECT_H

#include <stddef.h>

extern const unsigned char hf_xdp_object[];
extern const size_t hf_xdp_object_len;

#endif
