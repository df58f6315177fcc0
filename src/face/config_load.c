/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/config.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "face/config_rows.h"
#include "loop/read_whole.h"
#include "truth/tombstones.h"

/* ---- one life, counted ---- */

static struct hf_config *config_new(const char *source)
{
	struct hf_config *config = calloc(1, sizeof *config);
	if (!config)
		return NULL;
	atomic_init(&config->refs, 1);
	hf_arena_init(&config->arena, 0);
	config->source = hf_arena_text(&config->arena, source, strlen(source));
	config->origins = hf_arena_get(&config->arena, sizeof *config->origins);
	if (!config->source || !config->origins) {
		hf_config_unref(config);
		return NULL;
	}
	memset(config->origins, 0, sizeof *config->origins);
	return config;
}

struct hf_config *hf_config_ref(struct hf_config *config)
{
	unsigned before = atomic_fetch_add_explicit(&config->refs, 1, memory_order_relaxed);
	hf_require(before > 0 && before < UINT32_MAX);
	return config;
}

void hf_config_unref(struct hf_config *config)
{
	if (!config)
		return;
	unsigned before = atomic_fetch_sub_explicit(&config->refs, 1, memory_order_acq_rel);
	hf_require(before > 0);
	if (before > 1)
		return;
	hf_tombstones_free(config->forward.truth.tombstones.all);
	hf_arena_clear(&config->arena);
	free(config);
}

/* ---- text to configuration ---- */

/* `workers: auto`. */
static uint32_t usable_cores(void)
{
	const struct hf_option *workers = hf_sections[HF_SECTION_TOP].rows;
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set))
		return 1; /* more than 1,024 cores, or no right to ask */
	unsigned cores = (unsigned)CPU_COUNT(&set);
	return cores < 1 ? 1 : cores > workers->max ? (uint32_t)workers->max : cores;
}

static void settle(const struct hf_source *source, uint32_t *origins, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (origins[i] != HF_ORIGIN_DEFAULT)
			origins[i] = hf_source_line(source, origins[i]);
}

/* From places in the text to lines. */
static void settle_origins(struct hf_reading *r)
{
	for (unsigned id = 0; id < HF_SECTIONS; id++) {
		size_t count;
		hf_section_entries(&hf_sections[id], r->config, &count);
		settle(r->source, &r->origins->of[id].section, 1);
		if (r->origins->of[id].entries)
			settle(r->source, r->origins->of[id].entries, count);
		if (r->origins->of[id].keys)
			settle(r->source, r->origins->of[id].keys,
				count * hf_section_keys(&hf_sections[id]));
	}
}

static void finish(struct hf_reading *r)
{
	settle_origins(r);
	/* Printed as `auto`, used as a number. */
	r->config->workers_auto = r->config->process.workers == 0;
	if (r->config->workers_auto)
		r->config->process.workers = usable_cores();
	r->config->zones.state = r->config->process.zone_state;
	r->config->zones.transfer_memory = r->config->process.transfer_memory;
}

/* Reads and checks. 0 with complaints in the source, or -ENOMEM. */
static int fill(struct hf_reading *r)
{
	struct hf_node *root = NULL;
	hf_source_check_text(r->source);
	if (r->source->errors)
		return 0;
	int error = hf_tree_read(r->source, r->scratch, &root);
	if (error == HF_ECONFIG && r->source->errors)
		return 0;
	if (error)
		return error;
	r->config->said = root;
	r->config->keyed = root && root->first;
	hf_read_sections(r, root);
	if (!r->failed && !hf_source_hopeless(r->source))
		hf_check_all(r);
	if (!r->failed && !r->source->errors)
		finish(r);
	return r->failed;
}

/* An editor's byte order mark is no fault, and no part of the text. */
static void skip_mark(const char **text, size_t *len)
{
	if (*len >= 3 && memcmp(*text, "\xef\xbb\xbf", 3) == 0) {
		*text += 3;
		*len -= 3;
	}
}

static int read_source(struct hf_source *source, const char *resolv_conf, struct hf_config **ret)
{
	struct hf_arena scratch;
	struct hf_reading r = {.source = source,
		.config = config_new(source->name),
		.scratch = &scratch,
		.resolv_conf = resolv_conf};
	if (!r.config)
		return -ENOMEM;
	r.origins = r.config->origins;
	hf_arena_init(&scratch, 0);
	int error = fill(&r);
	if (!error)
		error = source->failed ? source->failed : source->errors ? HF_ECONFIG : 0;
	hf_arena_clear(&scratch);
	if (error)
		hf_config_unref(r.config);
	else
		*ret = r.config;
	return error;
}

static int too_long(const char *name, FILE *complaints)
{
	fprintf(complaints, "%s: error: more than %u MiB\n", name, HF_CONFIG_FILE_MAX >> 20);
	return HF_ECONFIG;
}

static int parse(const char *name, const char *text, size_t len, const char *resolv_conf,
	FILE *complaints, struct hf_config **ret)
{
	struct hf_source source;
	if (len > HF_CONFIG_FILE_MAX)
		return too_long(name, complaints);
	skip_mark(&text, &len);
	int error = hf_source_init(&source, name, text, len);
	if (!error) {
		error = read_source(&source, resolv_conf, ret);
		hf_source_report(&source, complaints);
		hf_source_clear(&source);
	}
	if (error == -ENOMEM)
		fprintf(complaints, "%s: error: not enough memory to read it\n", name);
	return error;
}

int hf_config_parse(const char *source, const char *text, size_t len, FILE *complaints,
	struct hf_config **ret)
{
	return parse(source, text, len, NULL, complaints, ret);
}

/* ---- files ---- */

static int read_and_close(int fd, char **ret_text, size_t *ret_len)
{
	int error = fd < 0 ? -errno : hf_read_whole(fd, HF_CONFIG_FILE_MAX, ret_text, ret_len);
	if (fd >= 0)
		close(fd);
	return error;
}

/* Not a pipe: a reload would wait until somebody writes to it. */
int hf_config_text(const char *path, char **ret_text, size_t *ret_len)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode)) {
		close(fd);
		return -ESPIPE;
	}
	return read_and_close(fd, ret_text, ret_len);
}

int hf_config_load(const char *path, const char *resolv_conf, FILE *complaints,
	struct hf_config **ret)
{
	char *text = NULL;
	size_t len = 0;
	if (!path)
		return parse("(defaults)", "", 0, resolv_conf, complaints, ret);
	/* May be a pipe, such as /dev/stdin of `check`; face/instance.c reads none again. */
	int error = read_and_close(open(path, O_RDONLY | O_CLOEXEC), &text, &len);
	if (error == HF_EBOUND)
		return too_long(path, complaints);
	if (error) {
		fprintf(complaints, "%s: error: cannot be read: %s\n", path, hf_strerror(error));
		return error;
	}
	error = parse(path, text, len, resolv_conf, complaints, ret);
	free(text);
	return error;
}
