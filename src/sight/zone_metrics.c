/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sight/zone_metrics.h"

#include "base/check.h"

typedef unsigned long long ull; /* what %llu takes */

static void begin(struct hf_text *text, const char *family, const char *type, const char *help)
{
	hf_text_add(text, "# HELP %s %s\n# TYPE %s %s\n", family, help, family, type);
}

/* A name in its text form has no octets but plain ones; of these two mean something in a
 * label's value. */
static void write_name(struct hf_text *text, const struct hf_name *name)
{
	char buf[HF_NAME_TEXT_MAX];
	for (const char *at = hf_name_text(name->bytes, buf); *at; at++)
		hf_text_add(text, *at == '\\' || *at == '"' ? "\\%c" : "%c", *at);
}

static void write_sample(
	struct hf_text *text, const char *family, const struct hf_name *name, ull value)
{
	hf_text_add(text, "%s{zone=\"", family);
	write_name(text, name);
	hf_text_add(text, "\"} %llu\n", value);
}

/* ---- one figure a zone ---- */

static ull served(const struct hf_zone_figures *z)
{
	return z->standing == HF_ZONE_SERVED || z->standing == HF_ZONE_MARKED;
}

static ull serial(const struct hf_zone_figures *z)
{
	return z->serial;
}
static ull published(const struct hf_zone_figures *z)
{
	return z->published;
}
static ull records(const struct hf_zone_figures *z)
{
	return z->records;
}
static ull octets(const struct hf_zone_figures *z)
{
	return z->octets;
}
static ull proven(const struct hf_zone_figures *z)
{
	return (ull)(z->proven_ago / HF_SECOND);
}
static ull faulty(const struct hf_zone_figures *z)
{
	return z->faulty;
}
static ull required(const struct hf_zone_figures *z)
{
	return z->required;
}
static ull loads(const struct hf_zone_figures *z)
{
	return z->loads;
}
static ull refused(const struct hf_zone_figures *z)
{
	return z->refused;
}
static ull transfers(const struct hf_zone_figures *z)
{
	return z->transfers;
}
static ull failed(const struct hf_zone_figures *z)
{
	return z->transfers_failed;
}
static ull put_off(const struct hf_zone_figures *z)
{
	return z->put_off;
}
static ull notifies(const struct hf_zone_figures *z)
{
	return z->notifies;
}

static ull notifies_sent(const struct hf_zone_figures *z)
{
	return z->notifies_sent;
}
static ull untold(const struct hf_zone_figures *z)
{
	return z->untold;
}

static ull http_status(const struct hf_zone_figures *z)
{
	return (ull)z->http_status;
}
static ull asked(const struct hf_zone_figures *z)
{
	return (ull)(z->asked_ago / HF_SECOND);
}

static bool always(const struct hf_zone_figures *z)
{
	(void)z;
	return true;
}

static bool has_copy(const struct hf_zone_figures *z)
{
	return z->has_copy;
}
static bool is_published(const struct hf_zone_figures *z)
{
	return z->published_known;
}
static bool is_proven(const struct hf_zone_figures *z)
{
	return z->proven_ago >= 0;
}

static bool has_url(const struct hf_zone_figures *z)
{
	return z->asked_ago >= 0;
}

static const struct {
	const char *family, *type, *help;
	ull (*value)(const struct hf_zone_figures *z);
	bool (*known)(const struct hf_zone_figures *z);
} families[] = {
	{"holdfast_zone_served", "gauge", "1 while the zone is answered from our version.", served,
		always},
	{"holdfast_zone_required", "gauge", "1 if the node is not ready without the zone.",
		required, always},
	{"holdfast_zone_serial", "gauge", "Serial of our version.", serial, has_copy},
	{"holdfast_zone_published_serial", "gauge",
		"The newest serial that witnesses show and that can be believed.", published,
		is_published},
	{"holdfast_zone_records", "gauge", "Records of our version.", records, has_copy},
	{"holdfast_zone_bytes", "gauge", "Memory of our version.", octets, has_copy},
	{"holdfast_zone_proven_seconds", "gauge",
		"For how long nobody has shown our version to be the published one.", proven,
		is_proven},
	{"holdfast_zone_source_faulty", "gauge",
		"1 while the zone's source gives nothing that could be taken.", faulty, always},
	{"holdfast_zone_loads_total", "counter", "Versions that were taken.", loads, always},
	{"holdfast_zone_refused_total", "counter",
		"Versions that were refused, and did not take the place of ours.", refused, always},
	{"holdfast_zone_transfers_total", "counter", "Versions that primaries gave.", transfers,
		always},
	{"holdfast_zone_fetches_failed_total", "counter",
		"Times that the source could not be read.", failed, always},
	{"holdfast_zone_put_off_total", "counter",
		"Times that a version had to wait, for others had the memory (transfer-memory).",
		put_off, always},
	{"holdfast_zone_notifies_total", "counter", "NOTIFY messages that were heard.", notifies,
		always},
	{"holdfast_zone_notifies_sent_total", "counter", "NOTIFY messages to secondaries.",
		notifies_sent, always},
	{"holdfast_zone_secondaries_untold", "gauge",
		"Secondaries of `notify` that did not answer, refused, or heard and did not fetch.",
		untold, always},
	{"holdfast_zone_http_status", "gauge",
		"What the server of the zone's URL answered last; 0: nothing.", http_status, has_url},
	{"holdfast_zone_http_asked_seconds", "gauge",
		"How long ago that was.", asked, has_url},
};

/* One for each state, of which one is 1: what Prometheus wants of a word. */
static void write_states(const struct hf_zone_figures *zones, size_t count, struct hf_text *text)
{
	begin(text, "holdfast_zone_state", "gauge", "1 for the state that the zone is in.");
	for (size_t i = 0; i < count; i++)
		for (unsigned s = 0; s < HF_GATE_STATES; s++) {
			hf_text_add(text, "holdfast_zone_state{zone=\"");
			write_name(text, &zones[i].name);
			hf_text_add(text, "\",state=\"%s\"} %d\n",
				hf_gate_state_text((enum hf_gate_state)s), zones[i].state == s);
		}
}

void hf_zone_metrics_write(
	const struct hf_zone_figures *zones, size_t count, size_t total, struct hf_text *text)
{
	begin(text, "holdfast_zones", "gauge", "Zones that are served with authority.");
	hf_text_add(text, "holdfast_zones %llu\n", (ull)total);
	if (!total)
		return;
	write_states(zones, count, text);
	for (size_t f = 0; f < HF_COUNT_OF(families); f++) {
		begin(text, families[f].family, families[f].type, families[f].help);
		for (size_t i = 0; i < count; i++)
			if (families[f].known(&zones[i]))
				write_sample(text, families[f].family, &zones[i].name,
					families[f].value(&zones[i]));
	}
}

/* ---- updates ---- */

static ull u_current(const struct hf_zone_update_figures *u)
{
	return u->current;
}
static ull u_behind(const struct hf_zone_update_figures *u)
{
	return u->behind;
}
static ull u_faulty(const struct hf_zone_update_figures *u)
{
	return u->faulty;
}
static ull u_messages(const struct hf_zone_update_figures *u)
{
	return u->messages;
}
static ull u_changes(const struct hf_zone_update_figures *u)
{
	return u->changes;
}
static ull u_failures(const struct hf_zone_update_figures *u)
{
	return u->failures;
}
static ull u_compares(const struct hf_zone_update_figures *u)
{
	return u->compares;
}
static ull u_drifts(const struct hf_zone_update_figures *u)
{
	return u->drifts;
}

static const struct {
	const char *family, *type, *help;
	ull (*value)(const struct hf_zone_update_figures *u);
} update_families[] = {
	{"holdfast_zone_update_current", "gauge",
		"1 while a provider that is given updates is known to have our version.",
		u_current},
	{"holdfast_zone_update_behind", "gauge", "Versions that it has not been given.", u_behind},
	{"holdfast_zone_update_faulty", "gauge", "1 while the last try went wrong.", u_faulty},
	{"holdfast_zone_update_messages_total", "counter", "Updates that it took.", u_messages},
	{"holdfast_zone_update_changes_total", "counter",
		"Records that were added or taken away by updates.", u_changes},
	{"holdfast_zone_update_failures_total", "counter", "Tries that went wrong.", u_failures},
	{"holdfast_zone_update_compares_total", "counter",
		"Times that all of its zone was transferred to be compared.", u_compares},
	{"holdfast_zone_update_drifts_total", "counter",
		"Times that somebody else had changed its zone, which was put right.", u_drifts},
};

static void write_server(struct hf_text *text, const char *server)
{
	for (; *server; server++)
		hf_text_add(text, *server == '\\' || *server == '"' ? "\\%c" : "%c", *server);
}

void hf_zone_update_metrics_write(
	const struct hf_zone_update_figures *updates, size_t count, struct hf_text *text)
{
	for (size_t f = 0; count && f < HF_COUNT_OF(update_families); f++) {
		begin(text, update_families[f].family, update_families[f].type,
			update_families[f].help);
		for (size_t i = 0; i < count; i++) {
			hf_text_add(text, "%s{zone=\"", update_families[f].family);
			write_name(text, &updates[i].zone);
			hf_text_add(text, "\",server=\"");
			write_server(text, updates[i].server);
			hf_text_add(text, "\"} %llu\n", update_families[f].value(&updates[i]));
		}
	}
}
