/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is wrong with where holdfast is to be reached: addresses, and what is shown over TLS. */
#include "face/config_rows.h"

#include "base/check.h"
#include "base/error.h"
#include "loop/loop_epoll.h"
#include "transport/tls_server.h"

static bool has(const struct hf_address_list *list, const struct hf_address *address)
{
	for (size_t i = 0; i < list->count; i++)
		if (hf_address_equal(&list->items[i], address))
			return true;
	return false;
}

static uint32_t at_listen(const struct hf_reading *r, const char *key)
{
	return hf_place_of(r, HF_SECTION_LISTEN, 0, key);
}

static void check_doubles(struct hf_reading *r)
{
	const struct hf_listen_conf *listen = &r->config->listen;
	char text[HF_ADDRESS_TEXT_MAX];
	if (listen->http.port && has(&listen->dns, &listen->http))
		hf_complain(r->source, at_listen(r, "http"), "%s is also in listen.dns",
			hf_address_text(&listen->http, text));
	if (listen->http.port && has(&listen->tls, &listen->http))
		hf_complain(r->source, at_listen(r, "http"), "%s is also in listen.tls",
			hf_address_text(&listen->http, text));
	for (size_t i = 0; i < listen->tls.count; i++)
		if (has(&listen->dns, &listen->tls.items[i]))
			hf_complain(r->source, at_listen(r, "tls"), "%s is also in listen.dns",
				hf_address_text(&listen->tls.items[i], text));
}

static void check_shown(struct hf_reading *r)
{
	const struct hf_listen_conf *listen = &r->config->listen;
	bool chain = strcmp(listen->tls_certificate, "none") != 0;
	bool key = strcmp(listen->tls_key, "none") != 0;
	struct hf_tls_server *tls;
	char why[HF_TLS_WHY_MAX];
	if (!listen->tls.count) {
		if (chain || key)
			hf_warn(r->source, at_listen(r, chain ? "tls-certificate" : "tls-key"),
				"nothing listens with it: listen.tls has no address");
		return;
	}
	if (!chain || !key) {
		hf_complain(r->source, at_listen(r, "tls"),
			"listen.tls needs a certificate and its key: give tls-certificate and "
			"tls-key");
		return;
	}
	if (hf_tls_server_load(listen->tls_certificate, listen->tls_key, why, &tls)) {
		hf_complain(r->source, at_listen(r, "tls-certificate"), "%s", why);
		return;
	}
	/* It is shown all the same: not to answer would be no better. */
	if (!hf_tls_server_lasts(tls, hf_clocks_now().wall / HF_SECOND, why))
		hf_warn(r->source, at_listen(r, "tls-certificate"), "%s: %s",
			listen->tls_certificate, why);
	hf_tls_server_unref(tls);
}

void hf_check_listen(struct hf_reading *r)
{
	if (!r->config->listen.dns.count)
		hf_complain(r->source, at_listen(r, "dns"),
			"listen needs at least one address in 'dns'");
	check_doubles(r);
	check_shown(r);
}
