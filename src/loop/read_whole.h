/* SPDX-License-Identifier: GPL-3.0-or-later */
/* read_whole.h - what an open file gives until its end, in one piece.
 *
 * Story: configurations and zone files are read before anything is made of them, so
 * that what is read is one state of the file. Its size is not asked for: pipes
 * have none, and a file may grow meanwhile.
 * Never:   opens or closes.
 * At the bound: HF_EBOUND, and nothing is kept. Threads: any; it blocks as read(2) does. */
#ifndef HF_LOOP_READ_WHOLE_H
#define HF_LOOP_READ_WHOLE_H

#include <stddef.h>

/* 0 with at most `most` octets in *ret, which the caller frees; otherwise -errno, -ENOMEM, or
 * HF_EBOUND if there are more, and *ret stays as it was. */
int hf_read_whole(int fd, size_t most, char **ret, size_t *ret_len);

#endif
