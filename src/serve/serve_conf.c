/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/serve_conf.h"

#define LISTEN(field) .at = offsetof(struct hf_listen_conf, field)
#define TCP(field) .at = offsetof(struct hf_tcp_conf, field)
#define CLIENTS(field) .at = offsetof(struct hf_clients_conf, field)

const struct hf_option hf_listen_options[] = {
	{ .name = "dns", .type = HF_OPT_ADDRESSES, LISTEN(dns), .port = 53, .live = true,
	  .def = "[127.0.0.1:5300, \"[::1]:5300\"]",
	  .help = "Addresses that serve DNS over UDP and TCP; port 53 where none is given." },
	{ .name = "tls", .type = HF_OPT_ADDRESSES, LISTEN(tls), .port = 853, .live = true,
	  .def = "[]",
	  .help = "Addresses that serve DNS over TLS (RFC 7858), to clients and to secondaries (RFC 9103); port 853 where none is given." },
	{ .name = "tls-certificate", .type = HF_OPT_TEXT, LISTEN(tls_certificate), .min = 1,
	  .max = 1023, .def = "none", .live = true,
	  .help = "File of the chain that is shown there (PEM, the server's own certificate first); read anew with each reload." },
	{ .name = "tls-key", .type = HF_OPT_TEXT, LISTEN(tls_key), .min = 1, .max = 1023,
	  .def = "none", .live = true,
	  .help = "File of its private key (PEM), which not everybody may read." },
	{ .name = "tls-handshakes", .type = HF_OPT_RATE, LISTEN(tls_handshakes), .min = 1,
	  .max = 100000, .def = "300/s", .live = true,
	  .help = "TLS handshakes that a worker begins, for they take its time; further ones wait their turn, for `tcp.stall` at the most." },
	{ .name = "tls-handshakes-per-client", .type = HF_OPT_RATE, LISTEN(tls_handshakes_per_client),
	  .min = 1, .max = 100000, .def = "50/s", .live = true,
	  .help = "TLS connections that one client address (IPv6: one /64) may open; further ones are closed at once." },
	{ .name = "http", .type = HF_OPT_ADDRESS, LISTEN(http), .port = 9153, .live = false,
	  .def = "127.0.0.1:9153",
	  .help = "Address of /metrics, /healthz, /ready and /api, or `none`." },
	{ .name = "edns-size", .type = HF_OPT_COUNT, LISTEN(edns_size), .min = 512, .max = 4096,
	  .def = "1232", .live = true,
	  .help = "Largest UDP reply in bytes, whatever a client offers; more is told to come over TCP." },
	/* 24: an interface's name (15) and a mode. */
	{ .name = "xdp", .type = HF_OPT_TEXTS, LISTEN(xdp), .min = 1, .max = 24, .live = true,
	  .def = "[]",
	  .help = "Interfaces at whose driver popular answers are given before the sockets see the question, such as `eth0`; `:native` or `:generic` behind the name asks for that mode." },
	HF_OPTION_END,
};

const struct hf_option hf_tcp_options[] = {
	{ .name = "connections", .type = HF_OPT_COUNT, TCP(connections), .min = 1, .max = 1000000,
	  .def = "1024", .live = true,
	  .help = "TCP connections of all clients, those with TLS included; past it the one idle for longest is closed." },
	{ .name = "per-client", .type = HF_OPT_COUNT, TCP(per_client), .min = 1, .max = 1000000,
	  .def = "64", .live = true,
	  .help = "TCP connections of one client address (IPv6: of one /64), those with TLS included." },
	{ .name = "in-flight", .type = HF_OPT_COUNT, TCP(in_flight), .min = 1, .max = 65536, .def = "128",
	  .live = true,
	  .help = "Questions of one connection that may wait at once; further ones are read later." },
	{ .name = "idle", .type = HF_OPT_DURATION, TCP(idle), .min = 100 * HF_MS, .max = 3600 * HF_SECOND,
	  .def = "10s", .live = true,
	  .help = "A connection without a question is closed after this; clients are told (RFC 7828)." },
	{ .name = "stall", .type = HF_OPT_DURATION, TCP(stall), .min = 100 * HF_MS, .max = 600 * HF_SECOND,
	  .def = "5s", .live = true,
	  .help = "A client may take this long to finish sending a question, to read an answer, or for a TLS handshake." },
	HF_OPTION_END,
};

const struct hf_option hf_clients_options[] = {
	{ .name = "allow", .type = HF_OPT_PREFIXES, CLIENTS(allow), .live = true,
	  .def = "[127.0.0.0/8, \"::1\", 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, \"fc00::/7\", \"fe80::/10\"]",
	  .help = "Who may ask; everyone else gets REFUSED." },
	{ .name = "in-flight", .type = HF_OPT_COUNT, CLIENTS(in_flight), .min = 16, .max = 10000000,
	  .def = "65536", .live = false,
	  .help = "Questions waiting for an upstream at once, per worker; past it SERVFAIL." },
	HF_OPTION_END,
};
