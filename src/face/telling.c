/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/telling.h"

bool hf_telling_fault(struct hf_telling *t, uint64_t what, hf_us now, uint64_t *ret_untold)
{
	bool another = !t->times || t->what != what;
	t->times++;
	if (!another && now < t->at) {
		t->untold++;
		return false;
	}
	*ret_untold = t->untold;
	t->pause = another ? HF_TELLING_FIRST : 2 * t->pause;
	t->pause = t->pause < HF_TELLING_MOST ? t->pause : HF_TELLING_MOST;
	t->what = what;
	t->untold = 0;
	t->at = now + t->pause;
	return true;
}

uint64_t hf_telling_end(struct hf_telling *t)
{
	uint64_t times = t->times;
	*t = (struct hf_telling){0};
	return times;
}
