/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <jansson.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/error.h"
#include "base/number.h"
#include "face/check_zones.h"
#include "face/config.h"
#include "face/instance.h"
#include "face/json_parts.h"
#include "face/live.h"
#include "face/verbs.h"

static json_t *lines_of(const char *complaints)
{
	json_t *lines = json_array();
	for (const char *line = complaints; *line;) {
		size_t n = strcspn(line, "\n");
		json_array_append_new(lines, json_stringn(line, n));
		line += n + (line[n] == '\n');
	}
	return lines;
}

/* The complaints as one object: {"good": false, "complaints": ["...", ...]}. */
static void write_json(
	const struct hf_call *call, const struct hf_config *config, const char *complaints)
{
	json_t *result =
		json_pack("{s:b, s:o}", "good", config != NULL, "complaints", lines_of(complaints));
	char *printed = config && call->flags.print ? hf_config_json(config) : NULL;
	if (printed)
		json_object_set_new(result, "configuration", json_loads(printed, 0, NULL));
	free(printed);
	json_dumpf(result, call->out, JSON_INDENT(2));
	fprintf(call->out, "\n");
	json_decref(result);
}

static void write_text(const struct hf_call *call, const struct hf_config *config,
	const char *complaints)
{
	fputs(complaints, call->err);
	char *printed = config && call->flags.print ? hf_config_yaml(config) : NULL;
	if (printed)
		fputs(printed, call->out);
	else if (config)
		fprintf(call->out, "%s: good\n", config->source);
	free(printed);
}

/* Says what is to be said of the file alone, unless a live check comes next: then it is for
 * that to say. *ret_complaints: to be freed. */
static int check_file(const struct hf_call *call, struct hf_config **ret, char **ret_complaints)
{
	size_t len = 0;
	FILE *out = open_memstream(ret_complaints, &len);
	if (!out)
		return HF_EXIT_UNREACHED;
	int error = hf_config_load(call->flags.config, HF_RESOLV_CONF, out, ret);
	if (!error)
		error = hf_check_needed(*ret, out);
	if (!error && hf_check_zone_files(*ret, out))
		error = HF_ECONFIG;
	if (!error)
		hf_check_drivers(*ret, out);
	bool whole = fclose(out) == 0;
	if (whole && (error || !call->flags.live))
		(call->flags.json ? write_json : write_text)(
			call, error ? NULL : *ret, *ret_complaints);
	return error ? HF_EXIT_USAGE : HF_EXIT_GOOD;
}

/* ---- live ---- */

static bool write_junit(const struct hf_call *call, const struct hf_live *live)
{
	bool here = strcmp(call->flags.junit, "-") == 0;
	FILE *out = here ? call->out : fopen(call->flags.junit, "we");
	if (out)
		hf_live_write_junit(live, out);
	bool good = out && !ferror(out);
	if (out && !here)
		good = fclose(out) == 0 && good;
	if (!good)
		fprintf(call->err, "%s: cannot be written\n", call->flags.junit);
	return good;
}

static bool write_live(
	const struct hf_call *call, const struct hf_live *live, const char *complaints)
{
	bool here = call->flags.junit && strcmp(call->flags.junit, "-") == 0;
	json_t *report = call->flags.json ? hf_live_json(live) : NULL;
	if (report) {
		json_object_set_new(report, "complaints", lines_of(complaints));
		json_dumpf(report, call->out, JSON_INDENT(2) | HF_JSON_REALS);
		fprintf(call->out, "\n");
		json_decref(report);
	} else if (!here) {
		hf_live_write_text(live, call->out);
	}
	return !call->flags.junit || write_junit(call, live);
}

static bool read_deadline(const struct hf_call *call, hf_us *ret)
{
	const char *text = call->flags.deadline;
	*ret = HF_LIVE_DEADLINE;
	if (!text || (hf_parse_duration(text, strlen(text), ret) && *ret > 0))
		return true;
	fprintf(call->err, "holdfast check: --deadline wants a duration such as 10s\n");
	return false;
}

/* A host whose files cannot be looked at must not pass for one without a fault. */
static bool is_root(const struct hf_call *call)
{
	const char *root = call->flags.root;
	struct stat is;
	if (!root || (stat(root, &is) == 0 && S_ISDIR(is.st_mode)))
		return true;
	fprintf(call->err, "holdfast check: --root wants a folder, and `%s` is none\n", root);
	return false;
}

static int check_live(
	const struct hf_call *call, const struct hf_config *config, const char *complaints)
{
	struct hf_live_conf conf = {
		.host = !call->flags.no_host, .root = call->flags.root ? call->flags.root : ""};
	struct hf_live live;
	if (call->flags.json && call->flags.junit && strcmp(call->flags.junit, "-") == 0) {
		fprintf(call->err,
			"holdfast check: only one of --json and --junit - can be printed\n");
		return HF_EXIT_USAGE;
	}
	if (!read_deadline(call, &conf.deadline) || !is_root(call))
		return HF_EXIT_USAGE;
	if (!call->flags.json)
		fputs(complaints, call->err);
	hf_live_run(&live, config, &conf);
	int status = hf_live_exit(&live);
	if (!write_live(call, &live, complaints) && status == HF_EXIT_GOOD)
		status = HF_EXIT_UNREACHED; /* a finding stays one */
	hf_live_clear(&live);
	return status;
}

static bool wants_live(const struct hf_call *call)
{
	const struct hf_flags *f = &call->flags;
	if (!f->live && (f->junit || f->deadline || f->no_host || f->root))
		fprintf(call->err, "holdfast check: --junit, --deadline, --no-host and --root "
				   "belong to --live\n");
	if (f->live && f->print)
		fprintf(call->err,
			"holdfast check: --print shows the file; --live is another check\n");
	return f->live || f->junit || f->deadline || f->no_host || f->root;
}

static int check(const struct hf_call *call)
{
	struct hf_config *config = NULL;
	char *complaints = NULL;
	if (wants_live(call) && (!call->flags.live || call->flags.print))
		return HF_EXIT_USAGE;
	int status = check_file(call, &config, &complaints);
	if (status == HF_EXIT_GOOD && call->flags.live)
		status = check_live(call, config, complaints ? complaints : "");
	hf_config_unref(config);
	free(complaints);
	return status;
}

static const struct hf_flag_row flags[] = {
	HF_FLAG_CONFIG,
	{"print", 'p', NULL, offsetof(struct hf_flags, print),
		"Print what was understood: all values, and where each comes from."},
	{"live", 0, NULL, offsetof(struct hf_flags, live),
		"Ask every upstream whether what is expected is true, and look at this host."},
	{"deadline", 0, "DURATION", offsetof(struct hf_flags, deadline),
		"With --live: the longest that it may take (10s)."},
	{"junit", 0, "FILE", offsetof(struct hf_flags, junit),
		"With --live: write JUnit's XML as well; - prints it instead."},
	{"no-host", 0, NULL, offsetof(struct hf_flags, no_host),
		"With --live: do not look at this host, only at upstreams."},
	{"root", 0, "FOLDER", offsetof(struct hf_flags, root),
		"With --live: look at the files of a host below this folder."},
	HF_FLAG_JSON,
	HF_FLAG_END,
};

const struct hf_verb hf_cmd_check = {
	.name = "check",
	.help = "Read the configuration and its zone files, report every fault in them, and change nothing.",
	.more = "Exit status 0: it can be used; 2: it cannot. With --live also 1: a lie, or a "
		"fault of\n"
		"this host, was found; 3: somebody could not be asked.",
	.flags = flags,
	.run = check,
};
