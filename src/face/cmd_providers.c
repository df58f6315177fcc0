/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <jansson.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"
#include "base/number.h"
#include "face/config.h"
#include "face/instance.h"
#include "face/json_parts.h"
#include "face/outside.h"
#include "face/verbs.h"
#include "providers/survey.h"

/* Which zones: those named, or all. NULL: a name that is no delegation (told). */
static const struct hf_delegation_conf *find_zone(
	const struct hf_call *call, const struct hf_config *config, const char *text)
{
	const struct hf_providers_conf *conf = &config->providers;
	struct hf_name name;
	for (size_t i = 0;
		!hf_name_from_text(text, strlen(text), &name) && i < conf->delegation_count; i++)
		if (conf->delegations[i].zone.len == name.len &&
			memcmp(conf->delegations[i].zone.bytes, name.bytes, name.len) == 0)
			return &conf->delegations[i];
	fprintf(call->err, "holdfast providers: `%s` is no zone of `delegations`\n", text);
	return NULL;
}

static bool is_provider(const struct hf_call *call, const struct hf_config *config)
{
	const char *name = call->flags.without;
	for (size_t i = 0; name && i < config->providers.provider_count; i++)
		if (strcmp(config->providers.providers[i].name, name) == 0)
			return true;
	if (name)
		fprintf(call->err, "holdfast providers: no provider is called `%s`\n", name);
	return !name;
}

static bool read_deadline(const struct hf_call *call, hf_us *ret)
{
	const char *text = call->flags.deadline;
	*ret = HF_SURVEY_LONGEST;
	if (!text || (hf_parse_duration(text, strlen(text), ret) && *ret > 0))
		return true;
	fprintf(call->err, "holdfast providers: --deadline wants a duration such as 30s\n");
	return false;
}

static void say_fault(void *ctx, const struct hf_key_conf *conf, const char *why)
{
	fprintf(ctx, "key %s: %s\n", conf->name, why);
}

static void look_at(const struct hf_call *call, const struct hf_config *config,
	const struct hf_keys *keys, hf_us longest, struct hf_outside *o)
{
	const struct hf_survey_conf conf = {.forward = &config->forward,
		.cache = &config->cache,
		.providers = &config->providers,
		.zones = &config->zones,
		.keys = keys,
		.without = call->flags.without,
		.longest = longest,
		.interrupt = -1};
	o->error = hf_survey(&conf, o->delegation, &o->look);
	if (!o->error)
		o->error = hf_report_new(o->look, &o->report);
}

static bool write_junit(const struct hf_call *call, const struct hf_outside *zones, size_t count)
{
	bool here = strcmp(call->flags.junit, "-") == 0;
	FILE *out = here ? call->out : fopen(call->flags.junit, "we");
	if (out)
		hf_outside_write_junit(zones, count, out);
	bool good = out && !ferror(out);
	if (out && !here)
		good = fclose(out) == 0 && good;
	if (!good)
		fprintf(call->err, "%s: cannot be written\n", call->flags.junit);
	return good;
}

static bool write_all(const struct hf_call *call, const struct hf_outside *zones, size_t count)
{
	bool here = call->flags.junit && strcmp(call->flags.junit, "-") == 0;
	json_t *report = call->flags.json ? hf_outside_json(zones, count) : NULL;
	if (report) {
		json_dumpf(report, call->out, JSON_INDENT(2) | HF_JSON_REALS);
		fprintf(call->out, "\n");
		json_decref(report);
	}
	for (size_t i = 0; i < count && !report && !here; i++)
		hf_outside_write_text(&zones[i], call->out);
	return !call->flags.junit || write_junit(call, zones, count);
}

static int look_at_all(const struct hf_call *call, const struct hf_config *config,
	const struct hf_keys *keys, hf_us longest)
{
	const struct hf_providers_conf *conf = &config->providers;
	size_t count = call->word_count ? call->word_count : conf->delegation_count;
	struct hf_outside *zones = calloc(count + 1, sizeof *zones);
	int status = zones ? HF_EXIT_GOOD : HF_EXIT_UNREACHED;
	for (size_t i = 0; i < count && status == HF_EXIT_GOOD; i++) {
		zones[i].delegation = call->word_count ? find_zone(call, config, call->words[i])
						       : &conf->delegations[i];
		status = zones[i].delegation ? HF_EXIT_GOOD : HF_EXIT_USAGE;
	}
	if (status == HF_EXIT_GOOD) {
		for (size_t i = 0; i < count; i++)
			look_at(call, config, keys, longest, &zones[i]);
		status = hf_outside_exit(zones, count);
		if (!write_all(call, zones, count) && status == HF_EXIT_GOOD)
			status = HF_EXIT_UNREACHED; /* a fault stays one */
	}
	for (size_t i = 0; zones && i < count; i++)
		hf_outside_clear(&zones[i]);
	free(zones);
	return status;
}

static int look_by(const struct hf_call *call, const struct hf_config *config)
{
	struct hf_keys *keys = NULL;
	hf_us longest;
	if (!config->providers.delegation_count) {
		fprintf(call->err, "%s: `delegations` names no zone to look at\n", config->source);
		return HF_EXIT_USAGE;
	}
	if (!is_provider(call, config) || !read_deadline(call, &longest))
		return HF_EXIT_USAGE;
	if (hf_keys_load(config->zones.keys, config->zones.key_count, say_fault, call->err, &keys))
		return HF_EXIT_UNREACHED;
	int status = look_at_all(call, config, keys, longest);
	hf_keys_free(keys);
	return status;
}

static int providers(const struct hf_call *call)
{
	struct hf_config *config = NULL;
	if (call->flags.json && call->flags.junit && strcmp(call->flags.junit, "-") == 0) {
		fprintf(call->err,
			"holdfast providers: only one of --json and --junit - can be printed\n");
		return HF_EXIT_USAGE;
	}
	if (hf_config_load(call->flags.config, HF_RESOLV_CONF, call->err, &config))
		return HF_EXIT_USAGE;
	int status = look_by(call, config);
	hf_config_unref(config);
	return status;
}

static const struct hf_flag_row flags[] = {
	HF_FLAG_CONFIG,
	{"without", 0, "PROVIDER", offsetof(struct hf_flags, without),
		"Leave this provider alone, and say what would still resolve if it vanished."},
	{"deadline", 0, "DURATION", offsetof(struct hf_flags, deadline),
		"The longest that one zone may take (30s)."},
	{"junit", 0, "FILE", offsetof(struct hf_flags, junit),
		"Write JUnit's XML as well; - prints it instead."},
	HF_FLAG_JSON,
	HF_FLAG_END,
};

const struct hf_verb hf_cmd_providers = {
	.name = "providers",
	.words = "[ZONE...]",
	.words_max = 64,
	.help = "Look at the zones of `delegations` from outside: parent, servers, versions, "
		"records.",
	.more = "Exit status 0: all is as it should be; 1: a fault was found; 3: something could "
		"not be\n"
		"asked. Without ZONE all of them are looked at, one after another.",
	.flags = flags,
	.run = providers,
};
