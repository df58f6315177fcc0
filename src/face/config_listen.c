/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is wrong with where holdfast is to be reached: addresses, and what is shown over TLS. */
#include "face/config_rows.h"

#include "base/check.h"
#include "base/error.h"
#include "loop/loop_epoll.h"
#include "transport/tls_server.h"
#include "xdp/doors.h"
#include "xdp/xdp_map.h"

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

/* Whether there are such interfaces is for the host to say, and may change. */
static void check_drivers(struct hf_reading *r)
{
	const struct hf_text_list *xdp = &r->config->listen.xdp;
	struct hf_xdp_door door, other;
	for (size_t i = 0; i < xdp->count; i++) {
		int rc = hf_xdp_door_read(xdp->items[i], &door);
		if (rc == HF_ESYNTAX)
			hf_complain(r->source, at_listen(r, "xdp"),
				"'%s': behind an interface stands :native, :generic or nothing",
				xdp->items[i]);
		else if (rc)
			hf_complain(r->source, at_listen(r, "xdp"),
				"'%s': no interface can be called so", xdp->items[i]);
		for (size_t j = 0; !rc && j < i; j++)
			if (hf_xdp_door_read(xdp->items[j], &other) == 0 &&
				strcmp(door.name, other.name) == 0)
				hf_warn(r->source, at_listen(r, "xdp"),
					"'%s' is listed twice; the first counts", door.name);
	}
	if (xdp->count > HF_XDP_DOORS)
		hf_warn(r->source, at_listen(r, "xdp"),
			"sockets answer at all interfaces but the first %d", HF_XDP_DOORS);
}

void hf_check_listen(struct hf_reading *r)
{
	if (!r->config->listen.dns.count)
		hf_complain(r->source, at_listen(r, "dns"),
			"listen needs at least one address in 'dns'");
	check_doubles(r);
	check_shown(r);
	check_drivers(r);
}
