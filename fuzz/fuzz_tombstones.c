/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets as a list of retired addresses: what is read is within bounds, each fault lies on a
 * line that there is, and all that was read is found again. */
#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"
#include "truth/tombstones.h"

#define MOST 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct list {
	const char *text;
	size_t size, lines, faults;
};

static void fault(void *ctx, size_t line, const char *text, size_t len, int error)
{
	struct list *list = ctx;
	hf_require(line >= 1 && line <= list->lines && len && error < 0);
	hf_require(text >= list->text && text + len <= list->text + list->size);
	list->faults++;
}

static void find_all(const struct hf_prefix *prefixes, size_t count)
{
	struct hf_tombstones *tombstones;
	hf_require(hf_tombstones_new(prefixes, count, &tombstones) == 0);
	for (size_t i = 0; i < count; i++)
		hf_require(hf_tombstones_find(tombstones, &prefixes[i].address) != NULL);
	hf_tombstones_free(tombstones);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size ? size : 1);
	struct list list = {.text = text, .size = size, .lines = 1};
	struct hf_prefix *prefixes = NULL;
	size_t count = 0;
	hf_require(text);
	for (size_t i = 0; i < size; i++) {
		text[i] = (char)data[i];
		list.lines += data[i] == '\n';
	}
	int rc = hf_tombstones_read(text, size, MOST, fault, &list, &prefixes, &count);
	hf_require(rc == 0 || rc == HF_EBOUND);
	hf_require(count <= MOST && count + list.faults <= list.lines);
	if (!rc && count)
		find_all(prefixes, count);
	free(prefixes);
	free(text);
	return 0;
}
