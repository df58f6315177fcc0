/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "sight/metrics.h"

static struct hf_meter meters[2];

static const struct hf_meter *meter(void *ctx, size_t worker)
{
	(void)ctx;
	return &meters[worker];
}

static bool slot_name(void *ctx, unsigned slot, char *buf, size_t size)
{
	(void)ctx;
	return slot == 3 ? snprintf(buf, size, "quad9") > 0 :
	       slot == 7 ? snprintf(buf, size, "a\"b\\c\nd") > 0 : false;
}

static const struct hf_metrics_label build[] = {
	{ "version", "0.1.0" }, { "compiler", "gcc \"12\"" }, { NULL, NULL },
};

static struct hf_metrics_source source(void)
{
	return (struct hf_metrics_source){ .workers = 2, .meter = meter, .slot_name = slot_name,
		.cache_entries = 5, .cache_bytes = 600, .cache_size = 7000, .cache_evictions = 8,
		.unexpected = 9, .events_dropped = 10, .ready = true, .started_wall = 1763705040,
		.build = build };
}

static char *page;

static int clear_meters(void **state)
{
	(void)state;
	memset(meters, 0, sizeof meters);
	free(page);
	page = NULL;
	return 0;
}

static void write_page(void)
{
	struct hf_metrics_source from = source();
	struct hf_text text = hf_text(1 << 20);
	assert_int_equal(hf_metrics_write(&from, &text), 0);
	page = text.bytes;
}

/* The line must stand there whole. */
static void assert_line(const char *line)
{
	char wanted[512];
	snprintf(wanted, sizeof wanted, "\n%s\n", line);
	if (!strstr(page, wanted))
		fail_msg("not on the page: %s", line);
}

static void every_family_has_its_help_and_type_and_stands_once(void **state)
{
	(void)state;
	write_page();
	for (unsigned i = 0; i < HF_COUNTERS; i++) {
		char line[256];
		snprintf(line, sizeof line, "# TYPE %s counter", hf_counter_rows[i].family);
		assert_line(line);
		assert_null(strstr(strstr(page, line) + 1, line));
	}
	assert_line("# TYPE dns_query_duration_seconds histogram");
	assert_line("# HELP holdfast_in_flight Questions waiting for an upstream.");
	assert_line("# TYPE holdfast_in_flight gauge");
}

static void workers_are_summed(void **state)
{
	(void)state;
	hf_count(&meters[0], HF_COUNT_CACHE_HITS);
	hf_count(&meters[1], HF_COUNT_CACHE_HITS);
	hf_gauge_set(&meters[0].gauges[HF_GAUGE_IN_FLIGHT], 4);
	hf_gauge_set(&meters[1].gauges[HF_GAUGE_IN_FLIGHT], 3);
	hf_meter_query(&meters[0], HF_TRANSPORT_UDP, 28);
	hf_meter_query(&meters[1], HF_TRANSPORT_UDP, 28);
	hf_meter_query(&meters[1], HF_TRANSPORT_TCP, 65280);
	write_page();
	assert_line("holdfast_cache_hits_total 2");
	assert_line("holdfast_in_flight 7");
	assert_line("holdfast_queries_total{transport=\"udp\",type=\"AAAA\"} 2");
	assert_line("holdfast_queries_total{transport=\"tcp\",type=\"other\"} 1");
	struct hf_metrics_source from = source();
	assert_int_equal(hf_metrics_queries(&from), 3);
}

static void the_histogram_is_cumulative_and_in_seconds(void **state)
{
	(void)state;
	hf_meter_reply(&meters[0], HF_TRANSPORT_UDP, 0, 100);           /* into le 0.0001 */
	hf_meter_reply(&meters[0], HF_TRANSPORT_UDP, 0, 101);           /* into le 0.00025 */
	hf_meter_reply(&meters[1], HF_TRANSPORT_UDP, 3, 1500 * HF_MS);  /* into le 2.5 */
	hf_meter_reply(&meters[1], HF_TRANSPORT_UDP, 2, 60 * HF_SECOND);
	write_page();
	assert_line("dns_query_duration_seconds_bucket{transport=\"udp\",le=\"0.0001\"} 1");
	assert_line("dns_query_duration_seconds_bucket{transport=\"udp\",le=\"0.00025\"} 2");
	assert_line("dns_query_duration_seconds_bucket{transport=\"udp\",le=\"1\"} 2");
	assert_line("dns_query_duration_seconds_bucket{transport=\"udp\",le=\"2.5\"} 3");
	assert_line("dns_query_duration_seconds_bucket{transport=\"udp\",le=\"5\"} 3");
	assert_line("dns_query_duration_seconds_bucket{transport=\"udp\",le=\"+Inf\"} 4");
	assert_line("dns_query_duration_seconds_count{transport=\"udp\"} 4");
	assert_line("dns_query_duration_seconds_sum{transport=\"udp\"} 61.500201");
	assert_line("dns_query_duration_seconds_count{transport=\"tcp\"} 0");
	assert_line("holdfast_replies_total{transport=\"udp\",rcode=\"NXDOMAIN\"} 1");
}

static void upstreams_are_shown_by_name_and_names_are_escaped(void **state)
{
	(void)state;
	hf_count_upstream(&meters[0], 3, HF_UP_TIMEOUTS);
	hf_count_upstream(&meters[1], 7, HF_UP_TIMEOUTS);
	hf_count_upstream(&meters[1], 8, HF_UP_TIMEOUTS);
	write_page();
	assert_line("holdfast_upstream_timeouts_total{upstream=\"quad9\"} 1");
	assert_line("holdfast_upstream_timeouts_total{upstream=\"a\\\"b\\\\c\\nd\"} 1");
	assert_null(strstr(page, "upstream=\"\""));
}

static void what_upstreams_are_like_stands_in_the_first_workers_block(void **state)
{
	(void)state;
	_Atomic int64_t *gauges = meters[0].upstreams[3].gauges;
	hf_gauge_set(&gauges[HF_UP_RTT_US], 12000);
	hf_gauge_set(&gauges[HF_UP_IN_FLIGHT], 2);
	hf_gauge_set(&gauges[HF_UP_STATE], 1);
	hf_gauge_set(&gauges[HF_UP_SINCE], 86400 * HF_SECOND + 250 * HF_MS);
	hf_gauge_set(&gauges[HF_UP_QUEUED], 7);
	hf_gauge_set(&gauges[HF_UP_QUEUED_QUESTIONS], 4);
	hf_gauge_set(&gauges[HF_UP_QUEUED_PROBES], 3);
	hf_gauge_set(&gauges[HF_UP_LIMIT], 1024);
	for (unsigned i = 0; i < HF_UP_GAUGES; i++) /* nobody writes there; if so, it is not shown */
		hf_gauge_set(&meters[1].upstreams[3].gauges[i], 99);
	write_page();
	assert_line("holdfast_upstream_rtt_seconds{upstream=\"quad9\"} 0.012000");
	assert_line("holdfast_upstream_in_flight{upstream=\"quad9\"} 2");
	assert_line("holdfast_upstream_state{upstream=\"quad9\"} 1");
	assert_line("holdfast_upstream_state_since_seconds{upstream=\"quad9\"} 86400.250000");
	assert_line("holdfast_upstream_queued{upstream=\"quad9\"} 7");
	assert_line("holdfast_upstream_queue{upstream=\"quad9\",class=\"question\"} 4");
	assert_line("holdfast_upstream_queue{upstream=\"quad9\",class=\"copy\"} 0");
	assert_line("holdfast_upstream_queue{upstream=\"quad9\",class=\"probe\"} 3");
	const char *family = strstr(page, "# TYPE holdfast_upstream_queue gauge");
	assert_non_null(family); /* once */
	assert_null(strstr(family + 1, "# TYPE holdfast_upstream_queue gauge"));
	assert_line("holdfast_upstream_limit{upstream=\"quad9\"} 1024");
	struct hf_metrics_source nobody = source();
	nobody.workers = 0;
	assert_int_equal(hf_metrics_upstream_gauge(&nobody, 3, HF_UP_LIMIT), 0);
}

static void a_round_trip_that_nobody_knows_is_absent(void **state)
{
	(void)state;
	hf_gauge_set(&meters[0].upstreams[3].gauges[HF_UP_RTT_US], 12000);
	write_page();
	assert_null(strstr(page, "rtt_seconds{upstream=\"a"));
}

static void why_messages_went_out_is_counted(void **state)
{
	(void)state;
	hf_count(&meters[1], HF_COUNT_ASKED);
	hf_count_upstream(&meters[0], 3, HF_UP_RETRIES);
	hf_count_upstream(&meters[1], 3, HF_UP_RETRIES);
	hf_count_upstream(&meters[1], 3, HF_UP_HEDGES);
	hf_count_upstream(&meters[1], 3, HF_UP_QUEUED_TOTAL);
	write_page();
	assert_line("holdfast_asked_total 1");
	assert_line("holdfast_upstream_retries_total{upstream=\"quad9\"} 2");
	assert_line("holdfast_upstream_hedges_total{upstream=\"quad9\"} 1");
	assert_line("holdfast_upstream_probes_total{upstream=\"quad9\"} 0");
	assert_line("holdfast_upstream_queued_total{upstream=\"quad9\"} 1");
	assert_line("holdfast_upstream_evicted_total{upstream=\"quad9\"} 0");
}

static void the_process_tells_of_itself(void **state)
{
	(void)state;
	write_page();
	assert_line("holdfast_build_info{version=\"0.1.0\",compiler=\"gcc \\\"12\\\"\"} 1");
	assert_line("process_start_time_seconds 1763705040");
	assert_line("holdfast_ready 1");
	assert_line("holdfast_cache_entries 5");
	assert_line("holdfast_cache_size_bytes 7000");
	assert_line("holdfast_unexpected_total 9");
	assert_line("holdfast_events_dropped_total 10");
}

static void a_page_that_does_not_fit_is_an_error(void **state)
{
	(void)state;
	struct hf_metrics_source from = source();
	struct hf_text text = hf_text(5000);
	assert_true(hf_metrics_write(&from, &text) < 0);
	hf_text_clear(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_family_has_its_help_and_type_and_stands_once, clear_meters),
		cmocka_unit_test_setup(workers_are_summed, clear_meters),
		cmocka_unit_test_setup(the_histogram_is_cumulative_and_in_seconds, clear_meters),
		cmocka_unit_test_setup(upstreams_are_shown_by_name_and_names_are_escaped, clear_meters),
		cmocka_unit_test_setup(what_upstreams_are_like_stands_in_the_first_workers_block,
			clear_meters),
		cmocka_unit_test_setup(a_round_trip_that_nobody_knows_is_absent, clear_meters),
		cmocka_unit_test_setup(why_messages_went_out_is_counted, clear_meters),
		cmocka_unit_test_setup(the_process_tells_of_itself, clear_meters),
		cmocka_unit_test_setup_teardown(a_page_that_does_not_fit_is_an_error, clear_meters, clear_meters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
