/* SPDX-License-Identifier: GPL-3.0-or-later */
/* server_double.h - a server that does nothing, for the tests of its faces.
 *
 * It has two workers, one upstream ("quad9" in slot 3), and does what the test
 * says. Threads: set it up before others look. */
#ifndef HF_FACE_SERVER_DOUBLE_H
#define HF_FACE_SERVER_DOUBLE_H

#include "serve/server.h"

#define HF_DOUBLE_WORKERS 2
#define HF_DOUBLE_SLOT 3

struct hf_server {
	struct hf_meter meters[HF_DOUBLE_WORKERS];
	struct hf_event_ring events[HF_DOUBLE_WORKERS];
	struct hf_settings settings; /* in force */
	int reload_error;            /* what the next reload returns */
	unsigned reloads;
	bool alive, ready;
};

struct hf_server *hf_double_new(const struct hf_settings *settings);

#endif
