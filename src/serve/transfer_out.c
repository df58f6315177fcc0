/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/transfer_out.h"

#include <stdlib.h>

int hf_transfer_out_next(struct hf_transfer_out *t, uint8_t *m, size_t *ret_len)
{
	size_t len;
	int more = hf_zone_out_next(t->outgoing, m, &len);
	if (more < 0)
		return more;
	if (t->tsig) {
		int rc = hf_tsig_sign(
			t->tsig, m, &len, HF_MESSAGE_MAX, (uint64_t)hf_loop_wall(t->loop));
		if (rc)
			return rc;
	}
	*ret_len = len;
	return more;
}

void hf_transfer_out_free(struct hf_transfer_out *t)
{
	if (!t)
		return;
	if (t->under_way)
		--*t->under_way;
	hf_zone_out_free(t->outgoing);
	hf_tsig_free(t->tsig);
	hf_plan_unref(t->plan);
	free(t);
}
