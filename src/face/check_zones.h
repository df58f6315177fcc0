/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check_zones.h - the zones' and other files of a configuration, read as a server would read
 * them.
 *
 * Threads: one.  At the bound: HF_ZONE_FILE_FAULTS_MAX faults of a file are told. */
#ifndef HF_FACE_CHECK_ZONES_H
#define HF_FACE_CHECK_ZONES_H

#include <stdio.h>

#include "face/config.h"

/* Is there what a server needs to serve this configuration, besides files: libcurl, where a
 * zone has a URL? HF_ECONFIG: no; what is missing is said on `complaints` as above. */
int hf_check_needed(const struct hf_config *config, FILE *complaints);

/* Reads each and lets it go. What is wrong is said on `complaints`, a line each, with file
 * and line, in the form of a configuration's complaints. Returns how many zones could not
 * be served from their file, and one more for a file of local data, and for
 * hosts files, that have faults. */
size_t hf_check_zone_files(const struct hf_config *config, FILE *complaints);

/* The interfaces of listen.xdp at which nothing could be answered now, a warning each: a server
 * starts all the same, and waits for them. */
void hf_check_drivers(const struct hf_config *config, FILE *complaints);

#endif
