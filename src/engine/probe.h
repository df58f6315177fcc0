/* SPDX-License-Identifier: GPL-3.0-or-later */
/* probe.h - does an upstream in quarantine tell the truth again?
 *
 * Story: a bar that is due (truth/quarantine.h) is looked at: the upstream is asked what
 * it lied about, or for a new name that cannot exist if that was it. What it says is
 * held against what is expected of the name. Where that does not decide (several have to
 * agree, a name is denied, nothing is expected), others of the route are asked as well, and
 * it tells the truth if one says the same: one that is believed in the matter, or if there
 * is none, any. A certificate that the expectation wants is asked for at every address.
 * Private to engine/.  Threads: the worker's own; bars under the lock of upstreams.h.
 * At the bound: round.h. What could not be asked shows nothing. */
#ifndef HF_ENGINE_PROBE_H
#define HF_ENGINE_PROBE_H

#include "engine/inside.h"

/* Begins the probes that are due. */
void hf_probes_begin(struct hf_worker *worker, hf_us now);

#endif
