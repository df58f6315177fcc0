/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/admission.h"

/* One IPv6 host can have all of its /64. */
static size_t index_of(const struct hf_admission_table *table, const struct hf_address *client)
{
	size_t octets = client->family == 4 ? 4 : 8;
	uint64_t hash = hf_hash(&table->key, client->family, client->bytes, octets);
	return hash % HF_ADMISSION_PLACES;
}

static atomic_uint *place_of(struct hf_admission_table *table, const struct hf_address *client)
{
	return &table->places[index_of(table, client)];
}

enum hf_connection_verdict hf_connection_admit(struct hf_admission_table *table,
	const struct hf_tcp_conf *conf, const struct hf_address *client)
{
	atomic_uint *place = place_of(table, client);
	if (atomic_fetch_add_explicit(place, 1, memory_order_relaxed) >= conf->per_client) {
		atomic_fetch_sub_explicit(place, 1, memory_order_relaxed);
		return HF_CONNECTION_CLIENT_LIMIT;
	}
	unsigned total = atomic_fetch_add_explicit(&table->total, 1, memory_order_relaxed);
	return total >= conf->connections ? HF_CONNECTION_ONE_TOO_MANY : HF_CONNECTION_ADMITTED;
}

void hf_connection_gone(struct hf_admission_table *table, const struct hf_address *client)
{
	atomic_fetch_sub_explicit(place_of(table, client), 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&table->total, 1, memory_order_relaxed);
}

bool hf_handshake_admit(
	struct hf_admission_table *table, uint32_t most, const struct hf_address *client, hf_us now)
{
	atomic_uint_fast64_t *place = &table->handshakes[index_of(table, client)];
	uint_fast64_t next, seen = atomic_load_explicit(place, memory_order_relaxed);
	const uint_fast64_t second = (uint_fast64_t)(now / HF_SECOND) << 32;
	do {
		bool same = seen >> 32 == second >> 32;
		if (same && (uint32_t)seen >= most)
			return false;
		next = same ? seen + 1 : second + 1;
	} while (!atomic_compare_exchange_weak_explicit(
		place, &seen, next, memory_order_relaxed, memory_order_relaxed));
	return true;
}
