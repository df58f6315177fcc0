/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop/read_whole.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"

#define FIRST_ROOM (1u << 16)

int hf_read_whole(int fd, size_t most, char **ret, size_t *ret_len)
{
	size_t cap = FIRST_ROOM, len = 0;
	int rc = -ENOMEM;
	char *text = malloc(cap);
	while (text) {
		if (len == cap) {
			char *grown = realloc(text, cap *= 2);
			if (!grown)
				break;
			text = grown;
		}
		ssize_t n = read(fd, text + len, cap - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0) {
			*ret = text;
			*ret_len = len;
			return 0;
		}
		rc = n < 0 ? -errno : HF_EBOUND;
		len += n > 0 ? (size_t)n : 0;
		if (n < 0 || len > most)
			break;
		rc = -ENOMEM;
	}
	free(text);
	return rc;
}
