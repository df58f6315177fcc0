/* SPDX-License-Identifier: GPL-3.0-or-later */
/* admission.h - who may ask, how many connections each may hold, and how many TLS handshakes
 * each may begin.
 *
 * Story: clients are admitted by address prefix. Connections are counted for
 * the whole process in one table that all workers share: a client's
 * connections are spread over the workers by the kernel, its limit is not.
 * Handshakes over TLS are counted in the same way, by the second: a handshake takes us more
 * than the client, and who may hold a few connections could open them over and over.
 * Threads: any; the counts are atomic.
 * At the bound: two clients whose keyed hashes meet among 65,536 places share a
 * limit; nobody can choose to share another's. */
#ifndef HF_SERVE_ADMISSION_H
#define HF_SERVE_ADMISSION_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/address.h"
#include "base/hash.h"
#include "serve/serve_conf.h"

#define HF_ADMISSION_PLACES 65536

struct hf_admission_table {
	struct hf_hash_key key;
	atomic_uint total;
	atomic_uint places[HF_ADMISSION_PLACES];
	/* Handshakes: the second in the upper half, how many were begun in it in the lower. */
	atomic_uint_fast64_t handshakes[HF_ADMISSION_PLACES];
};

/* Here, and always taken in, for every hit asks. */
static inline __attribute__((always_inline)) bool hf_client_allowed(
	const struct hf_clients_conf *conf, const struct hf_address *client)
{
	for (size_t i = 0; i < conf->allow.count; i++)
		if (hf_prefix_has(&conf->allow.items[i], client))
			return true;
	return false;
}

enum hf_connection_verdict {
	HF_CONNECTION_ADMITTED,
	HF_CONNECTION_ONE_TOO_MANY, /* admitted if an idle one goes; counted already */
	HF_CONNECTION_CLIENT_LIMIT, /* not admitted, not counted */
};

/* A client wants a connection. */
enum hf_connection_verdict hf_connection_admit(struct hf_admission_table *table,
	const struct hf_tcp_conf *conf, const struct hf_address *client);

/* A client wants to shake hands. False: not in this second, for it has begun `most`. */
bool hf_handshake_admit(struct hf_admission_table *table, uint32_t most,
	const struct hf_address *client, hf_us now);

/* A connection that was counted is gone. */
void hf_connection_gone(struct hf_admission_table *table, const struct hf_address *client);

#endif
