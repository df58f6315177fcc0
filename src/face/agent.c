/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/agent.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "face/listen_at.h"

struct hf_agent {
	struct hf_ready *ready;
	struct hf_stream_door *door;
};

const char *hf_agent_line(const struct hf_ready_view *view, char buf[static HF_AGENT_LINE_MAX])
{
	const struct hf_reason *worst = hf_look_worst(&view->look);
	if (view->draining)
		snprintf(buf, HF_AGENT_LINE_MAX, "drain\n");
	else if (view->ready)
		snprintf(buf, HF_AGENT_LINE_MAX, "up ready\n");
	else
		snprintf(buf, HF_AGENT_LINE_MAX, "down #%s\n", worst ? worst->text : "not ready");
	return buf;
}

static void accepted(void *ctx, struct hf_stream_door *door, struct hf_stream *stream, hf_us now)
{
	struct hf_agent *agent = ctx;
	struct hf_ready_view view;
	char line[HF_AGENT_LINE_MAX];
	uint8_t unread[256];
	(void)door, (void)now;
	hf_ready_read(agent->ready, &view);
	hf_agent_line(&view, line);
	/* What was sent and not read would make a reset of the close. */
	(void)hf_stream_read(stream, unread, sizeof unread);
	/* A socket that has just been accepted has room for a line. */
	(void)hf_stream_write(stream, (const uint8_t *)line, strlen(line));
	hf_stream_close(stream);
}

int hf_agent_open(struct hf_loop *loop, const struct hf_address *address, struct hf_ready *ready,
	struct hf_agent **ret)
{
	static const struct hf_door_handler handler = {accepted};
	struct hf_agent *agent = calloc(1, sizeof *agent);
	if (!agent)
		return -ENOMEM;
	agent->ready = ready;
	struct hf_bind bind = {.address = *address, .fd = hf_listen_at(address)};
	int error =
		bind.fd < 0 ? bind.fd : hf_door_open(loop, &bind, &handler, agent, &agent->door);
	if (error) {
		if (bind.fd >= 0)
			close(bind.fd);
		free(agent);
		return error;
	}
	*ret = agent;
	return 0;
}

void hf_agent_close(struct hf_agent *agent)
{
	if (!agent)
		return;
	hf_door_close(agent->door);
	free(agent);
}
