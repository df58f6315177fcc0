/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets as a .play file: it is read, or there is a complaint that names the
 * file; what was read is within its bounds. Nothing is played. */
#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"
#include "drill/scenario.h"

/* No zone file can lie beside it. */
#define FILE_NAME "/nonexistent/x.play"

static void check_scenario(const struct hf_scenario *s)
{
	hf_require(s->workers >= 1 && s->workers <= HF_PLAY_WORKERS_MAX);
	hf_require(s->route_count && s->route_count <= HF_PLAY_ROUTES_MAX);
	hf_require(s->event_count && s->event_count <= HF_PLAY_EVENTS_MAX);
	for (size_t i = 0; i < s->route_count; i++)
		for (size_t u = 0; u < s->routes[i].upstream_count; u++)
			hf_require(s->routes[i].upstreams[u] < s->upstream_count);
	for (size_t i = 0; i < s->event_count; i++) {
		const struct hf_play_event *event = &s->events[i];
		struct hf_name name;
		hf_require(event->at >= 0 && event->lasting >= 0 && event->upstream < HF_PLAY_UPSTREAMS_MAX);
		if (event->what == HF_PLAY_ASK)
			hf_require(!hf_play_name(&event->ask.names, event->ask.names.low, &name));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *said = NULL;
	size_t len = 0;
	struct hf_scenario *s = NULL;
	FILE *complaints = open_memstream(&said, &len);
	hf_require(complaints);
	int rc = hf_scenario_parse(FILE_NAME, (const char *)data, size, complaints, &s);
	fclose(complaints);
	hf_require(rc == 0 || rc == HF_ESYNTAX);
	hf_require((rc == 0) == (len == 0) && (!len || memmem(said, len, FILE_NAME, sizeof FILE_NAME - 1)));
	if (!rc)
		check_scenario(s);
	hf_scenario_free(s);
	free(said);
	return 0;
}
