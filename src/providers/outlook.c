/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The facts themselves: made, added to, let go. What is heard comes from looking.c. */
#include "providers/outlook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

int hf_outlook_new(const struct hf_outlook_conf *conf, struct hf_outlook **ret)
{
	struct hf_outlook *look = calloc(1, sizeof *look);
	if (!look)
		return -ENOMEM;
	look->samples = calloc(HF_OUTLOOK_SAMPLES, sizeof *look->samples);
	if (!look->samples) {
		free(look);
		return -ENOMEM;
	}
	look->conf = conf->delegation;
	look->without = conf->without;
	look->reference_server = -1;
	*ret = look;
	return 0;
}

static void clear_sample(struct hf_outlook_sample *sample)
{
	hf_set_clear(&sample->truth);
	for (size_t i = 0; i < HF_OUTLOOK_SERVERS; i++)
		hf_set_clear(&sample->answers[i].set);
}

void hf_outlook_free(struct hf_outlook *look)
{
	if (!look)
		return;
	for (size_t i = 0; i < look->server_count; i++) {
		hf_set_clear(&look->servers[i].ns);
		hf_set_clear(&look->servers[i].keys);
		hf_zone_unref(look->servers[i].copy);
	}
	for (size_t i = 0; i < look->parent_count; i++) {
		hf_set_clear(&look->parents[i].ns);
		hf_set_clear(&look->parents[i].ds);
	}
	for (size_t i = 0; i < look->host_count; i++) {
		hf_set_clear(&look->hosts[i].of[0]);
		hf_set_clear(&look->hosts[i].of[1]);
	}
	for (size_t i = 0; i < look->sample_count; i++)
		clear_sample(&look->samples[i]);
	for (size_t i = 0; i < look->drift_count; i++) {
		hf_set_clear(&look->drifts[i].theirs);
		hf_set_clear(&look->drifts[i].ours);
	}
	hf_zone_unref(look->reference);
	free(look->samples);
	free(look->drifts);
	free(look);
}

int hf_outlook_add_server(struct hf_outlook *look, const struct hf_provider_conf *provider,
	const struct hf_name *name, const struct hf_address *address)
{
	if (look->server_count == HF_OUTLOOK_SERVERS) {
		look->servers_more++;
		return HF_EBOUND;
	}
	struct hf_outlook_server *server = &look->servers[look->server_count++];
	*server = (struct hf_outlook_server){
		.provider = provider, .name = *name, .address = *address};
	server->away = look->without && provider && strcmp(provider->name, look->without) == 0;
	return 0;
}

int hf_outlook_add_parent(struct hf_outlook *look, const struct hf_address *address)
{
	if (look->parent_count == HF_OUTLOOK_PARENTS)
		return HF_EBOUND;
	look->parents[look->parent_count++].address = *address;
	return 0;
}

void hf_outlook_add_source(struct hf_outlook *look, struct hf_zone *zone, const char *what)
{
	hf_zone_unref(look->reference);
	look->reference = hf_zone_ref(zone);
	look->reference_server = -1;
	look->has_source = true;
	look->source_serial = hf_zone_soa(zone)->serial;
	snprintf(look->source, sizeof look->source, "%s", what);
}
