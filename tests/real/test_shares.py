# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections and sockets to upstreams are shared out: who never answers leaves others theirs."""
import os
import resource
import time

import pytest

import fake as fakes
import holdfast as under_test
import net
import wire

pytestmark = pytest.mark.own

PLACES = 10  # connections; each takes 100 questions
FLOOD = 1200  # more than there is place for in all of them

# Nothing of what is asked in vain ends before the test does, and nobody is rested for it.
PATIENT = {"timeout-min": "6s", "timeout-max": "6s", "failures-to-open": 1000, "rest-min": "10ms",
           "hedge": False, "infer-cap": False, "retry-percent": 0, "retry-floor": "1/s"}
QUICK = {"hedge": False, "infer-cap": False, "timeout-min": "1500ms"}


def of(server, metric, upstream):
    return server.metrics()['%s{upstream="%s"}' % (metric, upstream)]


def flood(server, client, zone, upstream):
    """Asks for more names than there are places, and waits until some are turned away; on a
    machine that was elsewhere meanwhile, once more."""
    def crowded():
        return of(server, "holdfast_upstream_crowded_total", upstream) > 300

    for i in range(5 * FLOOD):
        client.send(wire.query("n%d.%s" % (i, zone), id=i, edns=1232))
        if i % FLOOD == FLOOD - 1:
            for _ in range(20):
                if crowded():
                    return
                time.sleep(0.05)
    assert crowded(), "the connections were never used up"


def replies(client):
    """Those to what found no place, at least; the rest waits in vain for some seconds."""
    return [wire.Message(m) for m in client.drain(300)]


def text_of(reply):
    """The text of the extended error (RFC 8914)."""
    return (reply.option(15) or b"\0\0")[2:].decode()


def routes(*more):
    return [{"zone": ".", "to": ["good"]}] + list(more)


@pytest.mark.parametrize("way", ["tcp", "tls"])
def test_a_tar_pit_leaves_connections_for_the_upstreams_of_others(fake, holdfast, way):
    """Over TLS it hangs in the handshake."""
    pit, good = fake(fakes.silent), fake()
    tls = {"tls-auth": "opportunistic"} if way == "tls" else {}
    server = holdfast(
        {"good": {"address": "tcp://" + good.at, **QUICK},
         "pit": {"address": "%s://%s" % (way, pit.at), **PATIENT, **tls}},
        forward=routes({"zone": "pit.example", "to": ["pit"]}), workers=1,
        outgoing={"connections": PLACES}, drain="0s")
    with server.udp_client() as client:
        flood(server, client, "pit.example.", "pit")
        assert server.udp("other.example.").addresses(), "a question for a healthy upstream"
        # Who found no place is told so, and why.
        crowded = [m for m in replies(client)
                   if m.rcode == wire.SERVFAIL and "connections" in text_of(m)]
    assert crowded
    name = "n%d.pit.example." % crowded[-1].id
    assert "has all connections that it, or the zone, may have" in under_test.run_verb(
        "explain", name, "-c", server.path)[1]
    assert of(server, "holdfast_upstream_crowded_total", "good") == 0
    assert server.metrics()["holdfast_upstream_connections"] < PLACES
    _, status = under_test.run_verb("status", "-c", server.path)
    assert "for want of a connection" in status


def test_a_zone_whose_names_nobody_answers_leaves_the_upstreams_other_zones_theirs(fake, holdfast):
    """One upstream for both: it answers for one zone, and says nothing for the other."""
    dead = wire.name("dead.example.")
    good = fake(lambda q: None if q.name.endswith(dead) else fakes.honest(q))
    server = holdfast({"good": {"address": "tcp://" + good.at, **PATIENT}},
                      forward=routes({"zone": "dead.example", "to": ["good"]}), workers=1,
                      outgoing={"connections": PLACES}, drain="0s")
    with server.udp_client() as client:
        flood(server, client, "dead.example.", "good")
        for i in range(20):
            assert server.udp("a%d.example." % i).addresses()


def test_who_finds_no_connection_asks_the_next_upstream(fake, holdfast):
    pit, standby, good = fake(fakes.silent), fake(), fake()
    server = holdfast(
        {"good": {"address": "tcp://" + good.at, **QUICK},
         "pit": {"address": "tcp://" + pit.at, **PATIENT},
         "standby": {"address": standby.at, **QUICK}},
        forward=routes({"zone": "pit.example", "to": ["pit", "standby"], "order": "strict"}), workers=1,
        outgoing={"connections": PLACES}, drain="0s")
    with server.udp_client() as client:
        flood(server, client, "pit.example.", "pit")
        assert any(m.addresses() for m in replies(client))
    assert standby.count() > 0


def test_without_further_descriptors_questions_leave_from_the_sockets_that_there_are(fake, holdfast):
    """There is room for 64 sockets, and the system gives eight."""
    upstream = fake()
    server = holdfast({"a": {"address": upstream.at, **QUICK}}, workers=1, drain="0s")
    limits = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    with server.udp_client() as client:
        open_now = max(int(n) for n in os.listdir("/proc/%d/fd" % server.pid)) + 1
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (open_now + 8, limits[1]))
        try:
            for i in range(400):
                client.send(wire.query("n%d.example." % i, id=i, edns=1232))
            answers = [wire.Message(m) for m in client.drain(400)]
        finally:
            resource.prlimit(server.pid, resource.RLIMIT_NOFILE, limits)
    assert len(answers) == 400 and all(m.addresses() for m in answers)
    net.wait_until("the log to say so", lambda: "no further socket for" in
                   server.process.output(), 5)
