/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "meter/meter.h"

#include "base/check.h"

const struct hf_meter_row hf_counter_rows[HF_COUNTERS] = {
	[HF_COUNT_CACHE_HITS] = {"holdfast_cache_hits_total", "Questions answered from the cache."},
	[HF_COUNT_CACHE_MISSES] = {"holdfast_cache_misses_total",
		"Questions that the cache had no fresh answer for."},
	[HF_COUNT_CACHE_CUT_HITS] = {"holdfast_cache_cut_hits_total",
		"Questions answered NXDOMAIN because a name above does not exist (RFC 8020)."},
	[HF_COUNT_CACHE_STALE] = {"holdfast_cache_stale_total",
		"Clients given an answer past its TTL because no upstream answered (RFC 8767)."},
	[HF_COUNT_CACHE_STORES] = {"holdfast_cache_stores_total", "Answers put into the cache."},
	[HF_COUNT_CACHE_TOO_LARGE] = {"holdfast_cache_too_large_total",
		"Answers too large for the cache's size."},
	[HF_COUNT_JOINED] = {"holdfast_joined_total",
		"Questions that waited for one already on its way to an upstream."},
	[HF_COUNT_PREFETCHED] = {"holdfast_prefetched_total",
		"Questions sent upstream for which no client was waiting: refreshes of answers "
		"near or past their end."},
	[HF_COUNT_HELD] = {"holdfast_held_total",
		"Denials of names that had just existed, answered with what was known before "
		"(hold-good)."},
	[HF_COUNT_ON_TRIAL] = {"holdfast_truth_held_total",
		"Answers that were held until other upstreams or a proof would show them to be "
		"true."},
	[HF_COUNT_HELD_REFUSED] = {"holdfast_truth_refused_total",
		"Answers that were not believed because there was no room to hold them."},
	[HF_COUNT_WITHDRAWN] = {"holdfast_truth_withdrawn_total",
		"Answers given before they were proven (prove-when: after) whose proof then "
		"failed."},
	[HF_COUNT_SWEPT] = {"holdfast_truth_swept_total",
		"Answers taken out of the cache because a reload brought other expectations."},
	[HF_COUNT_FAILURES] = {"holdfast_failures_total",
		"Questions that no upstream could answer, remembered for a while (RFC 9520)."},
	[HF_COUNT_ASKED] = {"holdfast_asked_total",
		"Distinct questions for which an upstream was asked."},
	[HF_COUNT_REBIND] = {"holdfast_rebind_refused_total",
		"Answers refused because they give a private address to a public name."},
	[HF_COUNT_RETIRED] = {"holdfast_tombstones_refused_total",
		"Answers of upstreams refused because they give an address that is retired."},
	[HF_COUNT_MALFORMED] = {"holdfast_malformed_total", "Client packets answered FORMERR."},
	[HF_COUNT_SILENCED] = {"holdfast_silenced_total",
		"Client packets dropped: too short, or responses."},
	[HF_COUNT_REFUSED_CLIENT] = {"holdfast_refused_clients_total",
		"Questions of clients that are not allowed to ask."},
	[HF_COUNT_TRUNCATED] = {"holdfast_truncated_total",
		"UDP replies that told the client to come over TCP."},
	[HF_COUNT_OVERLOAD_ROUTE] = {"holdfast_overload_route_total",
		"Questions not taken up because their route has its part of the place for them "
		"(in-flight-percent)."},
	[HF_COUNT_OVERLOAD_STALE] = {"holdfast_overload_stale_total",
		"Questions not taken up at a bound of ours that were answered with an old answer."},
	[HF_COUNT_OVERLOAD] = {"holdfast_overload_total",
		"Questions answered SERVFAIL because a bound of ours was reached."},
	[HF_COUNT_STRAY] = {"holdfast_stray_total",
		"Messages from upstreams that no question was waiting for: late, or forged."},
	[HF_COUNT_SEND_LOST] = {"holdfast_send_lost_total",
		"Replies that the system did not take."},
	[HF_COUNT_TCP_ACCEPTED] = {"holdfast_tcp_accepted_total",
		"TCP connections of clients; those that TLS goes over, too."},
	[HF_COUNT_TCP_CLOSED_IDLE] = {"holdfast_tcp_closed_idle_total",
		"TCP connections closed because they were idle."},
	[HF_COUNT_TCP_CLOSED_STALLED] = {"holdfast_tcp_closed_stalled_total",
		"TCP connections closed because the client sent or read too slowly."},
	[HF_COUNT_TCP_CLOSED_LIMIT] = {"holdfast_tcp_closed_limit_total",
		"TCP connections closed because a limit was reached."},
	[HF_COUNT_TLS_HANDSHAKES] = {"holdfast_tls_handshakes_total",
		"TLS sessions begun with clients."},
	[HF_COUNT_TLS_RESUMED] = {"holdfast_tls_resumed_total",
		"TLS sessions of clients that were resumed with a ticket."},
	[HF_COUNT_TLS_FAILED] = {"holdfast_tls_handshakes_failed_total",
		"TLS handshakes of clients that came to no agreement, or to no end."},
	[HF_COUNT_TLS_REFUSED] = {"holdfast_tls_handshakes_refused_total",
		"Connections closed before their TLS handshake: too many in a second."},
	[HF_COUNT_PROOFS_HELD] = {"holdfast_proofs_held_total",
		"Addresses that showed a certificate for the name (prove: tls)."},
	[HF_COUNT_PROOFS_FAILED] = {"holdfast_proofs_failed_total",
		"Addresses that showed a certificate which is not one for the name."},
	[HF_COUNT_PROOFS_MISSING] = {"holdfast_proofs_missing_total",
		"Addresses that showed no certificate: nobody there, no TLS, no time, no room."},
	[HF_COUNT_PROOFS_REMEMBERED] = {"holdfast_proofs_remembered_total",
		"Times that it was known already what an address shows."},
	[HF_COUNT_INTERCEPT_PROBES] = {"holdfast_intercept_probes_total",
		"Questions sent to truth.intercept-probe, where no resolver runs."},
	[HF_COUNT_INTERCEPTED] = {"holdfast_intercepted_total",
		"Questions to truth.intercept-probe that somebody in the path has answered."},
	[HF_COUNT_AS_ONE] = {"holdfast_upstreams_as_one_total",
		"Times that two upstreams in different networks were found to give one name."},
	[HF_COUNT_ZONE_ANSWERS] = {"holdfast_authority_answers_total",
		"Questions answered with records of a zone of our own."},
	[HF_COUNT_ZONE_DENIALS] = {"holdfast_authority_denials_total",
		"Questions that a zone of our own has no record for."},
	[HF_COUNT_ZONE_REFERRALS] = {"holdfast_authority_referrals_total",
		"Questions answered with a delegation of a zone of our own."},
	[HF_COUNT_LOCAL_ANSWERS] = {"holdfast_local_answers_total",
		"Questions answered from local data and hosts files."},
	[HF_COUNT_ZONE_LED_OUT] = {"holdfast_authority_led_out_total",
		"Questions for which an alias of a zone of our own was followed out of it."},
	[HF_COUNT_ZONE_LED_IN] = {"holdfast_authority_led_in_total",
		"Questions for which an alias of an upstream's led into a zone of our own."},
	[HF_COUNT_ZONE_WITHHELD] = {"holdfast_authority_withheld_total",
		"Questions answered SERVFAIL because the zone may not be served."},
	[HF_COUNT_ZONE_DROPPED] = {"holdfast_authority_dropped_total",
		"Questions left without a reply because the zone may not be served."},
	[HF_COUNT_NOTIFY_HEARD] = {"holdfast_notify_heard_total",
		"NOTIFY messages of primaries, passed on to who looks after the zone."},
	[HF_COUNT_NOTIFY_REFUSED] = {"holdfast_notify_refused_total",
		"NOTIFY messages from who may not send them, or without the zone's key."},
	[HF_COUNT_TRANSFERS_WHOLE] = {"holdfast_transfers_out_whole_total",
		"Transfers to secondaries that were begun with the whole zone."},
	[HF_COUNT_TRANSFERS_DIFFERENCES] = {"holdfast_transfers_out_differences_total",
		"Transfers to secondaries that were begun with what has changed (IXFR)."},
	[HF_COUNT_TRANSFERS_NOTHING] = {"holdfast_transfers_out_nothing_newer_total",
		"Requests for differences answered with the SOA record alone."},
	[HF_COUNT_TRANSFERS_REFUSED] = {"holdfast_transfers_out_refused_total",
		"Requests for a transfer from who may not have it, or without the zone's key."},
	[HF_COUNT_TSIG_BAD] = {"holdfast_tsig_bad_total",
		"Requests whose signature was not good: an unknown key, a wrong digest, another "
		"time."},
};

const struct hf_meter_row hf_gauge_rows[HF_GAUGES] = {
	[HF_GAUGE_IN_FLIGHT] = {"holdfast_in_flight", "Questions waiting for an upstream."},
	[HF_GAUGE_WAITING] = {"holdfast_waiting", "Client questions waiting for an answer."},
	[HF_GAUGE_TCP_OPEN] = {"holdfast_tcp_open",
		"Open TCP connections of clients; those that TLS goes over, too."},
	[HF_GAUGE_TLS_OPEN] = {"holdfast_tls_open", "Open TLS sessions of clients."},
	[HF_GAUGE_PROOFS_WAITING] = {"holdfast_proofs_waiting",
		"Addresses that are to show a certificate for a name."},
	[HF_GAUGE_INTERCEPTED] = {"holdfast_intercepted",
		"1 while somebody in the path answers questions that are for others."},
	[HF_GAUGE_CONNECTIONS] = {"holdfast_upstream_connections",
		"TCP and TLS connections to upstreams that questions wait on."},
};

const struct hf_meter_row hf_upstream_counter_rows[HF_UP_COUNTERS] = {
	[HF_UP_PACKETS_OUT] = {"holdfast_upstream_packets_out_total",
		"Messages sent to the upstream."},
	[HF_UP_PACKETS_IN] = {"holdfast_upstream_packets_in_total",
		"Messages received from the upstream."},
	[HF_UP_TIMEOUTS] = {"holdfast_upstream_timeouts_total",
		"Attempts that were not answered in time."},
	[HF_UP_ERRORS] = {"holdfast_upstream_errors_total",
		"Attempts that ended in a network error."},
	[HF_UP_SERVFAIL] = {"holdfast_upstream_failures_total",
		"Replies SERVFAIL, REFUSED, NOTIMP or FORMERR."},
	[HF_UP_MISMATCHED] = {"holdfast_upstream_mismatched_total",
		"Messages dropped because id, question or case was not what was asked."},
	[HF_UP_UNCOOKIED] = {"holdfast_upstream_uncookied_total",
		"Replies dropped because their cookie was not ours, or missing though the upstream "
		"gives them (RFC 7873); asked for again over TCP."},
	[HF_UP_MALFORMED] = {"holdfast_upstream_malformed_total", "Replies that do not parse."},
	[HF_UP_TRUNCATED] = {"holdfast_upstream_truncated_total",
		"Replies that had to be asked for again over TCP."},
	[HF_UP_RETRIES] = {"holdfast_upstream_retries_total",
		"Messages sent because another was late or had failed."},
	[HF_UP_HEDGES] = {"holdfast_upstream_hedges_total",
		"Messages sent because another upstream took longer than usual."},
	[HF_UP_PROBES] = {"holdfast_upstream_probes_total",
		"Messages sent to see whether the upstream answers again."},
	[HF_UP_QUEUED_TOTAL] = {"holdfast_upstream_queued_total",
		"Messages that had to wait for room in the packet budget."},
	[HF_UP_EVICTED] = {"holdfast_upstream_evicted_total",
		"Messages that waited for room in the packet budget and were given up."},
	[HF_UP_LIES] = {"holdfast_upstream_lies_total",
		"Answers that were not believed, because they break what is expected."},
	[HF_UP_QUARANTINES] = {"holdfast_upstream_quarantines_total",
		"Times that the upstream was put in quarantine because of a lie."},
	[HF_UP_CANARIES] = {"holdfast_upstream_canaries_total",
		"Names that cannot exist of which the upstream said something."},
	[HF_UP_AGREED] = {"holdfast_upstream_agreed_total",
		"Second opinions of the upstream that were the same as the answer given."},
	[HF_UP_DIFFERED] = {"holdfast_upstream_differed_total",
		"Second opinions that differed as answers of content networks and round robin do."},
	[HF_UP_CONTRADICTED] = {"holdfast_upstream_contradicted_total",
		"Second opinions that differed from the answer given, and nothing explains it."},
	[HF_UP_OLDER] = {"holdfast_upstream_older_total",
		"Second opinions from an older version of the zone."},
	[HF_UP_ABSURD_TTLS] = {"holdfast_upstream_absurd_ttls_total",
		"Answers, of those compared, with a TTL of over a week."},
	[HF_UP_LAME] = {"holdfast_upstream_lame_total",
		"Times that the upstream was rested for a zone because it failed the zone's own "
		"SOA after several of its names."},
	[HF_UP_FOREIGN] = {"holdfast_upstream_foreign_records_total",
		"Records left off because they do not belong to what was asked."},
	[HF_UP_CROWDED] = {"holdfast_upstream_crowded_total",
		"Messages not sent because questions wait on all TCP and TLS connections that the "
		"upstream, or the route, may have (outgoing.connections)."},
};

const struct hf_meter_row hf_upstream_gauge_rows[HF_UP_GAUGES] = {
	[HF_UP_RTT_US] = {"holdfast_upstream_rtt_seconds", "Smoothed round-trip time."},
	[HF_UP_STATE] = {"holdfast_upstream_state",
		"0 closed (in use), 1 open (rested), 2 probing, 3 quarantined."},
	[HF_UP_DUE] = {"holdfast_upstream_probe_due",
		"1 if the upstream is not in use but its rest is over: the next question tells."},
	[HF_UP_IN_FLIGHT] = {"holdfast_upstream_in_flight", "Attempts under way."},
	[HF_UP_QUEUED] = {"holdfast_upstream_queued",
		"Messages that wait for room in the packet budget."},
	[HF_UP_QUEUED_QUESTIONS] = {"holdfast_upstream_queue",
		"Of the messages that wait for room in the packet budget, those of each class: "
		"questions of clients, refreshes that nobody waits for, copies (retries, hedges, "
		"what the protocol wants), probes.",
		"class=\"question\""},
	[HF_UP_QUEUED_REFRESHES] = {"holdfast_upstream_queue", "", "class=\"refresh\""},
	[HF_UP_QUEUED_COPIES] = {"holdfast_upstream_queue", "", "class=\"copy\""},
	[HF_UP_QUEUED_PROBES] = {"holdfast_upstream_queue", "", "class=\"probe\""},
	[HF_UP_QUEUE_CLIENTS] = {"holdfast_upstream_queue_clients",
		"Clients whose messages wait for room in the packet budget."},
	[HF_UP_ROOM] = {"holdfast_upstream_room",
		"Packets that may go out to the upstream at this instant; -1: any number."},
	[HF_UP_LIMIT] = {"holdfast_upstream_limit",
		"Packets a second that the upstream may be sent: its budget, or a cap that was "
		"found; 0: any."},
	[HF_UP_CAP] = {"holdfast_upstream_cap", "Replies a second at which the upstream was found "
						"to be capped; 0: no cap is known."},
	[HF_UP_TOKENS] = {"holdfast_upstream_retry_tokens",
		"Retries, hedges and probes that the retry budget of the upstream allows at this "
		"instant."},
	[HF_UP_SINCE] = {"holdfast_upstream_state_since_seconds",
		"When the upstream came into its state, on the monotonic clock."},
	[HF_UP_QUARANTINED] = {"holdfast_upstream_quarantined",
		"Suffixes that the upstream is not asked for because it lied about them."},
	[HF_UP_DISTRUSTED] = {"holdfast_upstream_distrusted",
		"1 if the upstream is not asked for anything because it lied about several names, "
		"or about one that cannot exist."},
	[HF_UP_LATE_ZONES] = {"holdfast_upstream_late_zones",
		"Zones that the upstream is not asked for because its fellows have a newer "
		"version."},
	[HF_UP_COOKIES] = {"holdfast_upstream_cookies",
		"Cookies (RFC 7873) in its replies: 0 none, 1 given back, 2 copied as they were, "
		"3 not ours, several times in a row."},
};

/* From a cache hit on loopback to the last deadline of a query (4.5 s). */
const hf_us hf_duration_bounds[HF_DURATION_BUCKETS - 1] = {
	100,
	250,
	500,
	1000,
	2500,
	5000,
	10000,
	25000,
	50000,
	100000,
	250000,
	500000,
	1000000,
	2500000,
	5000000,
};

const char *const hf_transport_names[HF_TRANSPORTS] = {"udp", "tcp", "tls"};

static const struct {
	uint16_t number;
	const char *name;
} types[HF_METER_TYPES - 1] = {
	{1, "A"},
	{28, "AAAA"},
	{12, "PTR"},
	{65, "HTTPS"},
	{64, "SVCB"},
	{33, "SRV"},
	{16, "TXT"},
	{15, "MX"},
	{5, "CNAME"},
	{2, "NS"},
	{6, "SOA"},
	{43, "DS"},
	{48, "DNSKEY"},
	{35, "NAPTR"},
	{255, "ANY"},
};

static const struct {
	unsigned number;
	const char *name;
} rcodes[HF_METER_RCODES - 1] = {
	{0, "NOERROR"},
	{1, "FORMERR"},
	{2, "SERVFAIL"},
	{3, "NXDOMAIN"},
	{4, "NOTIMP"},
	{5, "REFUSED"},
	{16, "BADVERS"},
};

/* So many of them stand at the place that is their number. */
#define RCODES_IN_PLACE 6

unsigned hf_meter_type_index(uint16_t type)
{
	unsigned i = 0;
	while (i < HF_COUNT_OF(types) && types[i].number != type)
		i++;
	return i;
}

unsigned hf_meter_rcode_index(unsigned rcode)
{
	unsigned i = RCODES_IN_PLACE;
	if (rcode < RCODES_IN_PLACE)
		return rcode;
	while (i < HF_COUNT_OF(rcodes) && rcodes[i].number != rcode)
		i++;
	return i;
}

void hf_meter_query(struct hf_meter *meter, enum hf_transport transport, uint16_t type)
{
	hf_meter_add(&meter->queries[transport][hf_meter_type_index(type)], 1);
}

void hf_meter_reply(struct hf_meter *meter, enum hf_transport transport, unsigned rcode, hf_us took)
{
	unsigned bucket = 0;
	hf_meter_add(&meter->replies[transport][hf_meter_rcode_index(rcode)], 1);
	while (bucket < HF_DURATION_BUCKETS - 1 && took > hf_duration_bounds[bucket])
		bucket++;
	hf_meter_add(&meter->duration[transport].buckets[bucket], 1);
	if (took > 0)
		hf_meter_add(&meter->duration[transport].sum_us, (uint64_t)took);
}

const char *hf_meter_type_name(unsigned index)
{
	return index < HF_COUNT_OF(types) ? types[index].name : "other";
}

const char *hf_meter_rcode_name(unsigned index)
{
	return index < HF_COUNT_OF(rcodes) ? rcodes[index].name : "other";
}
