# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that are fetched before they end, and old ones that outlive a sudden no."""
import time

import pytest

import fake as fakes
import net
import wire

pytestmark = pytest.mark.own


def living(ttl):
    """An honest upstream whose answers live so long."""
    return lambda q: fakes.honest(q, ttl=ttl)


def counted(server, name):
    return server.metrics()["holdfast_%s_total" % name]


def denying(q):
    return fakes.reply(q, authority=[wire.record(b"\0", "SOA", 60, wire.soa(minimum=60))],
                       rcode=wire.NXDOMAIN)


def empty(q):
    return fakes.reply(q, authority=[wire.record(b"\0", "SOA", 60, wire.soa(minimum=60))])


# --- popular names -----------------------------------------------------------------

@pytest.fixture
def slow_after_the_first(fake):
    """Answers at once what it is asked first, everything later 300 ms late."""
    def behave(q):
        asked = sum(q.name == other.name for other in upstream.seen)
        answer = fakes.honest(q, ttl=8)
        return answer if asked <= 1 else [fakes.Send(answer, delay=0.3)]
    upstream = fake(behave)
    return upstream


def test_a_popular_name_is_refreshed_before_its_end_and_nobody_waits(slow_after_the_first, holdfast):
    """TTL 8: its last tenth is 800 ms. Asked for every 20 ms over one end of its life."""
    upstream = slow_after_the_first
    server = holdfast({"a": {"address": upstream.at, "timeout-min": "1s"}})
    assert server.udp("popular.example.").addresses()
    end = time.monotonic() + 9
    while time.monotonic() < end:
        reply = server.udp("popular.example.", edns=True)
        assert reply.addresses() and reply.ede == []
        time.sleep(0.02)
    assert counted(server, "cache_misses") == 1, "a client waited for the second"
    assert upstream.count() == 2 and counted(server, "prefetched") >= 1


def test_a_name_that_is_asked_for_once_is_not_refreshed(fake, holdfast):
    upstream = fake(living(2))
    server = holdfast({"a": upstream.at})
    for i in range(10):
        assert server.udp("once%d.example." % i).addresses()
    time.sleep(1.85)
    for i in range(10):
        assert server.udp("once%d.example." % i).addresses()
    time.sleep(0.3)
    assert counted(server, "prefetched") == 0


def test_refreshing_can_be_turned_off(fake, holdfast):
    upstream = fake(living(2))
    server = holdfast({"a": upstream.at}, cache={"prefetch": False})
    began = time.monotonic()
    server.udp("popular.example.")
    while time.monotonic() < began + 1.9:
        server.udp("popular.example.")
        time.sleep(0.02)
    # Where the machine took that long, its two seconds were over.
    assert upstream.count() == 1 or time.monotonic() - began > 2
    assert counted(server, "prefetched") == 0


def test_nothing_is_refreshed_when_the_budget_has_no_room(fake, holdfast):
    """Clients' questions come first: while they fill the budget there is no refresh."""
    upstream = fake(living(4))
    server = holdfast({"a": {"address": upstream.at, "budget": "50/s", "infer-cap": False,
                             "hedge": False, "timeout-min": "1s"}}, drain="0s")
    names, ends = ["popular%d.example." % i for i in range(10)], {}
    for name in names:
        ends[wire.name(name)] = time.monotonic() + 4
        assert server.udp(name).addresses()
    time.sleep(3)
    with server.udp_client() as crowd:
        for i in range(200):
            crowd.send(wire.query("crowd%d.example." % i))
        end = time.monotonic() + 0.8
        while time.monotonic() < end:
            for name in names:
                server.udp(name)
            time.sleep(0.02)
        # What a slow machine asks for after its end is no refresh.
        early = [q for q in upstream.seen[10:] if q.at < ends.get(q.name, 0)]
    assert not early, "%d refreshes beside a full budget" % len(early)


# --- names that are kept warm ---------------------------------------------------------

def test_names_of_keep_warm_are_there_before_anybody_asks_and_stay(fake, holdfast):
    upstream = fake(living(2))
    began = time.monotonic()
    server = holdfast({"a": upstream.at}, cache={"keep-warm": ["warm.example", "also.example"]})
    net.wait_until("both types of both names", lambda: len(
        {(q.name, q.qtype) for q in upstream.seen}) == 4, 60, 0.05)
    assert {wire.text(q.name) for q in upstream.seen} == {"warm.example.", "also.example."}
    assert {q.qtype for q in upstream.seen} == {1, 28}
    net.wait_until("the second fetch", lambda: upstream.count("warm.example.", "A") >= 2, 60, 0.05)
    hits = counted(server, "cache_hits")
    assert server.udp("warm.example.").addresses()
    assert counted(server, "cache_hits") == hits + 1
    most = 3 + (time.monotonic() - began) / 1.5  # they live for two seconds
    assert upstream.count("warm.example.", "A") <= most, "not more often than it needs to be"


def test_a_reload_changes_what_is_kept_warm(fake, holdfast):
    upstream = fake(living(300))
    server = holdfast({"a": upstream.at})
    server.conf["cache"]["keep-warm"] = ["late.example"]
    server.write()
    assert server.reload()[0] == 0
    net.wait_until("the name to be fetched", lambda: upstream.count("late.example.") == 2, 60, 0.05)


# --- a sudden no ---------------------------------------------------------------------------

@pytest.mark.parametrize("no,rcode", [(denying, wire.NXDOMAIN), (empty, wire.NOERROR)],
                         ids=["nxdomain", "nodata"])
def test_hold_good_gives_the_old_answer_for_its_time_and_then_believes(fake, holdfast, no, rcode):
    upstream = fake(living(1))
    server = holdfast({"a": upstream.at}, forward=[
        {"zone": ".", "to": ["a"], "hold-good": "2s"}], cache={"failure": "1s", "failure-max": "1s"})
    assert server.udp("known.example.").addresses()
    fetched = time.monotonic()
    upstream.behave = no
    time.sleep(1.2)
    reply = server.udp("known.example.", edns=True)
    assert reply.addresses() and reply.ede == [3], reply
    assert server.udp("never.example.").rcode == rcode, "who never had an answer holds none"
    held = time.monotonic()
    while True:
        reply = server.udp("known.example.", edns=True)
        if reply.ede != [3]:
            break
        held = time.monotonic()
        assert held - fetched < 15, "held for %.1f s" % (held - fetched)
        time.sleep(0.05)
    # Its end and two seconds, less the rounding of seconds.
    assert held - fetched > 1.5
    assert reply.rcode == rcode and not reply.addresses() and reply.ede == []
    assert counted(server, "held") >= 1


def test_without_hold_good_a_no_counts_at_once(fake, holdfast):
    upstream = fake(living(1))
    server = holdfast({"a": upstream.at})
    assert server.udp("known.example.").addresses()
    upstream.behave = denying
    time.sleep(1.2)
    reply = server.udp("known.example.", edns=True)
    assert reply.rcode == wire.NXDOMAIN and reply.ede == []


def test_a_new_answer_ends_the_holding(fake, holdfast):
    upstream = fake(living(1))
    server = holdfast({"a": upstream.at}, forward=[
        {"zone": ".", "to": ["a"], "hold-good": "1m"}], cache={"failure": "1s", "failure-max": "1s"})
    assert server.udp("known.example.").addresses()
    upstream.behave = denying
    time.sleep(1.2)
    assert server.udp("known.example.", edns=True).ede == [3]
    upstream.behave = lambda q: fakes.honest(q, base=20)
    net.wait_until("the new answer", lambda: server.udp(
        "known.example.", edns=True).addresses()[0].startswith("20."), 60, 0.1)
