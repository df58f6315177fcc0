# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP side: figures, health, and clients that misbehave there too."""
import http.client
import json
import shutil
import socket
import subprocess
import threading
import time

import pytest

import fake as fakes
import holdfast as under_test
import net
import wire

pytestmark = pytest.mark.own


@pytest.fixture(scope="module")
def upstream(shared_fake):
    return shared_fake()


@pytest.fixture(scope="module")
def server(upstream, shared_holdfast):
    s = shared_holdfast({"fast-one": {"address": upstream.at, **under_test.NEVER_AGAIN}})
    for i in range(5):
        s.udp("seed%d.example." % i)
        s.tcp("seed%d.example." % i)
    return s


def total(metrics, name, *labels):
    """The sum of all samples of a metric that carry these label texts."""
    return sum(v for k, v in metrics.items()
               if k.split("{")[0] == name and all(label in k for label in labels))


def moved(by, server, act, name, *labels):
    """A metric moves by so much while something happens. Counters of workers may be
    gathered a little later than the reply is sent."""
    before = total(server.metrics(), name, *labels)
    act()
    now = lambda: total(server.metrics(), name, *labels) - before
    net.wait_until("%s %s to move by %d" % (name, labels, by), lambda: now() >= by)
    assert now() == by, (name, labels)


def test_metrics_are_prometheus_text(server):
    status, body, headers = server.get("/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain")
    assert body.endswith("\n")
    described = set()
    for line in body.splitlines():
        if line.startswith("# "):
            what, name = line.split()[1:3]
            assert what in ("HELP", "TYPE")
            described.add((what, name))
        elif line:
            name = line.split("{")[0].split()[0]
            base = [name] + [name[:-len(s)] for s in ("_bucket", "_sum", "_count") if name.endswith(s)]
            assert any(("TYPE", b) in described and ("HELP", b) in described for b in base), name
            float(line.rsplit(" ", 1)[1])


def test_promtool_finds_nothing_to_complain_of(server, need):
    if shutil.which("promtool") is None:
        need("promtool")
    _, body, _ = server.get("/metrics")
    done = subprocess.run(["promtool", "check", "metrics"], input=body, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0 and not done.stdout.strip(), done.stdout


def test_the_clients_view_is_a_histogram(server):
    metrics = server.metrics()
    buckets = {k: v for k, v in metrics.items() if k.startswith("dns_query_duration_seconds_bucket")}
    assert any('le="+Inf"' in k for k in buckets)
    count = total(metrics, "dns_query_duration_seconds_count")
    assert count == total(metrics, "dns_query_duration_seconds_bucket", 'le="+Inf"') > 0
    assert total(metrics, "dns_query_duration_seconds_sum") >= 0


def test_histogram_buckets_never_fall(server):
    series = {}
    for k, v in server.metrics().items():
        if k.startswith("dns_query_duration_seconds_bucket"):
            labels = dict(p.split("=", 1) for p in k[k.index("{") + 1:-1].replace('"', "").split(","))
            le = labels.pop("le")
            series.setdefault(str(sorted(labels.items())), []).append((float(le), v))
    for points in series.values():
        values = [v for _, v in sorted(points)]
        assert values == sorted(values)


def test_the_histogram_counts_every_answered_question(server):
    def act():
        for i in range(20):
            server.udp("histo%d.example." % i)
        for i in range(10):
            server.tcp("histo%d.example." % i)
    moved(30, server, act, "dns_query_duration_seconds_count")


def test_a_slow_answer_is_counted_as_slow(fake, holdfast):
    server = holdfast({"a": fake(fakes.after(0.3, fakes.honest)).at})
    server.udp("slow.example.")
    spent = lambda: total(server.metrics(), "dns_query_duration_seconds_sum")
    net.wait_until("it to be counted", lambda: spent() >= 0.3)
    assert spent() < 20


def test_everything_else_is_called_holdfast_something(server):
    allowed = ("holdfast_", "dns_query_duration_seconds", "process_")
    for name in server.metrics():
        assert name.startswith(allowed), name


@pytest.mark.parametrize("name", [
    "cache_hits_total", "cache_misses_total", "cache_entries", "cache_bytes", "in_flight", "ready",
    "queries_total", "replies_total", "upstream_packets_out_total", "upstream_packets_in_total",
    "upstream_timeouts_total", "upstream_rtt_seconds"])
def test_the_figures_that_operators_look_for_are_there(server, name):
    assert "holdfast_" + name in {k.split("{")[0] for k in server.metrics()}


def test_queries_are_counted_by_type_and_transport_and_replies_by_rcode(server):
    for act, name, labels in (
            (lambda: server.tcp("seed1.example."), "queries", ('"tcp"', '"A"')),
            (lambda: server.udp("seed1.example."), "queries", ('"udp"', '"A"')),
            (lambda: server.udp("seed1.example.", "TXT"), "queries", ('"udp"', '"TXT"')),
            (lambda: server.udp("nxmetrics.example."), "replies", ('"udp"', '"NXDOMAIN"')),
            (lambda: server.tcp("seed1.example."), "replies", ('"tcp"', '"NOERROR"')),
            (lambda: server.udp("seed1.example.", rd=False), "replies", ('"udp"', '"REFUSED"'))):
        moved(1, server, act, "holdfast_%s_total" % name, *labels)


def test_hits_and_misses_are_counted(server):
    hit, miss = "holdfast_cache_hits_total", "holdfast_cache_misses_total"
    moved(7, server, lambda: [server.udp("hm%d.example." % i) for i in range(7)], miss)
    moved(7, server, lambda: [server.udp("hm%d.example." % i) for i in range(7)], hit)
    assert total(server.metrics(), "holdfast_cache_entries") >= 7


def test_packets_to_and_from_each_upstream_are_counted(server):
    for way in ("out", "in"):
        name = "holdfast_upstream_packets_%s_total" % way
        moved(5, server, lambda: [server.udp("pk%s%d.example." % (way, i)) for i in range(5)],
              name, '"fast-one"')
    assert total(server.metrics(), "holdfast_upstream_rtt_seconds", '"fast-one"') > 0


def test_questions_under_way_are_shown_while_they_are(fake, holdfast):
    # For three seconds, each asked once: so it can be seen, and that it is over.
    upstream = fake(fakes.after(3, fakes.honest))
    server = holdfast({"a": {"address": upstream.at, **under_test.NEVER_AGAIN}})
    flying = lambda: total(server.metrics(), "holdfast_in_flight")
    with server.udp_client() as client:
        for i in range(4):
            client.send(wire.query("flight%d.example." % i, id=i))
        net.wait_until("four to be shown", lambda: flying() == 4)
        assert len(client.drain(4)) == 4
        net.wait_until("none to be shown", lambda: flying() == 0)


def test_time_outs_are_counted(fake, holdfast):
    server = holdfast({"mute": {"address": fake(fakes.silent).at, "timeout-max": "100ms"}})
    assert server.udp("t.example.").rcode == wire.SERVFAIL
    assert total(server.metrics(), "holdfast_upstream_timeouts_total", '"mute"') >= 1


@pytest.mark.parametrize("path", ["/healthz", "/ready"])
def test_a_healthy_server_says_so(server, path):
    status, body, _ = server.get(path)
    assert status == 200 and body.strip()


def test_the_configuration_is_told_as_json(server, upstream):
    status, body, headers = server.get("/api/v1/config")
    assert status == 200 and headers["Content-Type"].startswith("application/json")
    json.loads(body)
    assert upstream.address in body and "16MiB" in body or "16777216" in body


@pytest.mark.parametrize("path", ["/nothing", "/metrics/x", "/api", "/api/v1/", "/..%2f..%2fetc/passwd",
                                  "/" + "a" * 5000])
def test_what_is_not_there_is_404(server, path):
    status, _, _ = server.get(path)
    assert status in (404, 414, 400, 431)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "FOO"])
def test_other_methods_are_not_allowed(server, method):
    connection = http.client.HTTPConnection(server.http, 9153, timeout=30)
    connection.request(method, "/metrics")
    assert connection.getresponse().status in (400, 404, 405, 501)
    connection.close()


def test_head_has_no_body(server):
    connection = http.client.HTTPConnection(server.http, 9153, timeout=30)
    connection.request("HEAD", "/healthz")
    reply = connection.getresponse()
    assert reply.status == 200 and reply.read() == b""
    connection.close()


def test_a_slow_client_does_not_hold_up_others(server):
    slow = []
    for _ in range(20):
        s = socket.create_connection((server.http, 9153), 5)
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: ")
        slow.append(s)
    start = time.monotonic()
    assert server.get("/healthz")[0] == 200
    assert server.udp("localhost.").addresses()
    assert time.monotonic() - start < 8
    for s in slow:
        s.close()


@pytest.mark.parametrize("octets", [b"\0" * 100, b"GET\r\n\r\n", b"\xff\xfe" * 5000,
                                    b"GET / HTTP/9.9\r\n\r\n", b"A" * 100000])
def test_nonsense_over_http_harms_nobody(server, octets):
    s = socket.create_connection((server.http, 9153), 5)
    try:
        s.sendall(octets)
    except OSError:
        pass
    s.close()
    assert server.get("/healthz")[0] == 200


def test_scrapes_while_questions_are_asked(server):
    """The figures are gathered from running workers; both go on."""
    stop, wrong = threading.Event(), []

    def scrape():
        while not stop.is_set():
            if server.get("/metrics")[0] != 200:
                wrong.append("a scrape failed")

    threads = [threading.Thread(target=scrape) for _ in range(3)]
    for t in threads:
        t.start()
    with server.udp_client() as client:
        for i in range(300):
            assert client.ask(wire.query("during%d.example." % i))
    stop.set()
    for t in threads:
        t.join()
    assert not wrong


def test_none_turns_http_off(fake, holdfast):
    server = holdfast({"a": fake().at}, listen={"http": "none"})
    with pytest.raises(OSError):
        socket.create_connection((server.http, 9153), 1)
