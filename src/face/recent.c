/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/recent.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"
#include "base/number.h"
#include "face/command.h"
#include "face/decisions.h"
#include "face/json_parts.h"

const struct hf_recent_wish hf_recent_any = {
	.diaries = {.slot = HF_DECISION_NOBODY, .most = HF_RECENT_LAST}};

/* ---- what is wanted ---- */

static int digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* %XX is an octet, but never NUL. False: it is not one, or it does not fit. */
static bool decode(const char *value, char *buf, size_t size)
{
	size_t len = 0;
	for (; *value && len + 1 < size; len++) {
		if (*value != '%') {
			buf[len] = *value++;
			continue;
		}
		int high = digit(value[1]), low = high < 0 ? -1 : digit(value[2]);
		if (low < 0 || !(high | low))
			return false;
		buf[len] = (char)(high << 4 | low);
		value += 3;
	}
	buf[len] = 0;
	return !*value;
}

bool hf_recent_encode(const char *value, char *buf, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	size_t len = 0;
	for (; *value && len + 4 <= size; value++) {
		const unsigned char c = (unsigned char)*value;
		if (c > ' ' && c < 0x7f && c != '%') {
			buf[len++] = *value;
			continue;
		}
		buf[len++] = '%';
		buf[len++] = digits[c >> 4];
		buf[len++] = digits[c & 15];
	}
	buf[len] = 0;
	return !*value;
}

static bool slot_name(void *ctx, unsigned slot, char *buf, size_t size)
{
	return hf_server_slot_name(ctx, slot, buf, size);
}

static bool want_upstream(
	struct hf_instance *instance, const char *value, struct hf_diaries_wish *wish)
{
	char name[256];
	for (unsigned slot = 0; slot < HF_UPSTREAMS_MAX; slot++)
		if (hf_server_slot_name(instance->server, slot, name, sizeof name) &&
			strcmp(name, value) == 0) {
			wish->slot = (uint16_t)slot;
			return true;
		}
	return false;
}

static bool want_route(
	struct hf_instance *instance, const char *value, struct hf_diaries_wish *wish)
{
	struct hf_config *config;
	bool any = false;
	if (hf_name_from_text(value, strlen(value), &wish->route))
		return false;
	config = hf_instance_config(instance);
	for (size_t i = 0; i < config->forward.route_count && !any; i++) {
		const struct hf_name *zone = &config->forward.routes[i].zone;
		any = zone->len == wish->route.len &&
		      memcmp(zone->bytes, wish->route.bytes, zone->len) == 0;
	}
	hf_config_unref(config);
	return any;
}

static bool want_name(struct hf_instance *instance, const char *value, struct hf_diaries_wish *wish)
{
	(void)instance;
	return hf_name_from_text(value, strlen(value), &wish->name) == 0;
}

static bool want_client(
	struct hf_instance *instance, const char *value, struct hf_diaries_wish *wish)
{
	struct hf_address address;
	if (hf_address_parse(value, 53, &address))
		return false;
	wish->client = hf_server_client(instance->server, &address);
	return true;
}

static bool want_last(struct hf_instance *instance, const char *value, struct hf_diaries_wish *wish)
{
	uint64_t last;
	(void)instance;
	if (!hf_parse_u64(value, strlen(value), HF_DIARIES_MOST, &last) || !last)
		return false;
	wish->most = last;
	return true;
}

static const struct row {
	bool (*want)(struct hf_instance *instance, const char *value, struct hf_diaries_wish *wish);
	const char *wrong;
} rows[] = {
	{want_upstream, "is no upstream of this server"},
	{want_route, "is not the zone of a route of this server"},
	{want_name, "is no domain name"},
	{want_client, "is no address"},
	{want_last, "is not a number from 1 to 1000"},
};

const char *const hf_recent_keys[] = {"upstream", "route", "name", "client", "last", NULL};

_Static_assert(HF_COUNT_OF(rows) + 1 == HF_COUNT_OF(hf_recent_keys), "a row for each key");

bool hf_recent_want(struct hf_instance *instance, const char *key, const char *value,
	struct hf_recent_wish *wish, FILE *out)
{
	char plain[HF_NAME_TEXT_MAX];
	for (size_t i = 0; i < HF_COUNT_OF(rows); i++) {
		if (strcmp(hf_recent_keys[i], key) != 0)
			continue;
		if (decode(value, plain, sizeof plain) &&
			rows[i].want(instance, plain, &wish->diaries))
			return true;
		fprintf(out, "%s: '%s' %s\n", key, value, rows[i].wrong);
		return false;
	}
	fprintf(out, "'%s' is not known here: expected upstream, route, name, client or last\n",
		key);
	return false;
}

bool hf_recent_read(
	struct hf_instance *instance, const char *argument, struct hf_recent_wish *wish, FILE *out)
{
	char *line = strdup(argument), *rest = NULL;
	bool good = line;
	*wish = hf_recent_any;
	if (!line)
		fprintf(out, "there is no memory\n");
	for (char *word = good ? strtok_r(line, " ", &rest) : NULL; word && good;
		word = strtok_r(NULL, " ", &rest)) {
		char *value = strchr(word, '=');
		if (value)
			*value++ = 0;
		if (!value && strcmp(word, "json") == 0)
			wish->json = true;
		else
			good = hf_recent_want(instance, word, value ? value : "", wish, out);
	}
	free(line);
	return good;
}

/* ---- what there is ---- */

static json_t *client_json(uint64_t client)
{
	char text[17];
	if (!client)
		return json_null();
	snprintf(text, sizeof text, "%016llx", (unsigned long long)client);
	return json_string(text);
}

static json_t *row_json(struct hf_instance *instance, const struct hf_recalled *it, hf_us now)
{
	const struct hf_slot_names names = {.name = slot_name, .ctx = instance->server};
	json_t *row = hf_decision_json(&it->decision, &names, now);
	json_object_set_new(row, "worker", json_integer(it->worker));
	json_object_set_new(row, "client", client_json(it->decision.client));
	return row;
}

static int write_json(
	struct hf_instance *instance, const struct hf_recollection *found, hf_us now, FILE *out)
{
	json_t *list = json_array(), *all;
	for (size_t i = 0; i < found->count; i++)
		json_array_append_new(list, row_json(instance, &found->items[i], now));
	all = json_pack("{s:I, s:I, s:o}", "workers", (json_int_t)found->workers, "silent_workers",
		(json_int_t)found->silent, "decisions", list);
	int error = all ? json_dumpf(all, out, JSON_COMPACT | HF_JSON_REALS) : -1;
	json_decref(all);
	fputc('\n', out);
	return error ? HF_EXIT_UNREACHED : HF_EXIT_GOOD;
}

static void write_text(
	struct hf_instance *instance, const struct hf_recollection *found, hf_us now, FILE *out)
{
	for (size_t i = 0; i < found->count; i++) {
		json_t *row = row_json(instance, &found->items[i], now);
		hf_decision_write(row, true, out);
		json_decref(row);
	}
	if (!found->count)
		fprintf(out, "nothing was decided lately about such questions\n");
	if (found->silent)
		fprintf(out, "%zu of %zu workers had no time to tell\n", found->silent,
			found->workers);
}

int hf_recent_write(
	struct hf_instance *instance, const struct hf_recent_wish *wish, hf_us now, FILE *out)
{
	struct hf_recollection found;
	if (atomic_load(&instance->draining)) {
		fprintf(out, "holdfast is stopping\n");
		return HF_EXIT_UNREACHED;
	}
	int error = hf_server_decisions(instance->server, &wish->diaries, &found);
	if (error) {
		fprintf(out, "%s\n",
			error == HF_EBOUND ? "too many are asking already, try again"
					   : hf_strerror(error));
		return HF_EXIT_UNREACHED;
	}
	int status = HF_EXIT_GOOD;
	if (wish->json)
		status = write_json(instance, &found, now, out);
	else
		write_text(instance, &found, now, out);
	free(found.items);
	return status;
}
