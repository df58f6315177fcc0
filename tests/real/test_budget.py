# SPDX-License-Identifier: GPL-3.0-or-later
"""No upstream gets more packets than its budget, and who is over it takes turns."""
import threading
import time

import pytest

import fake as fakes
import holdfast as under_test
import net
import wire

pytestmark = pytest.mark.own

# A budget holds in any 100 ms as the server's clock has it. The kernel stamps what
# arrives; a packet may be some milliseconds on its way to there.
WINDOW = 0.090
# One packet a question, though the fake may be slow on a busy machine.
PLAIN = {"infer-cap": False, "hedge": False, "timeout-min": "1500ms"}


def budgeted(at, rate, **more):
    return {"address": at, "budget": rate, **PLAIN, **more}


def most_in_a_window(questions, window=WINDOW):
    """The most questions that came within any window."""
    stamps = sorted(q.stamp for q in questions)
    most = first = 0
    for last, stamp in enumerate(stamps):
        while stamps[first] <= stamp - window:
            first += 1
        most = max(most, last - first + 1)
    return most


def throw(client, names, edns=1232):
    """Asks for all of the names at once; the id is the place in the list."""
    for m in [wire.query(name, id=i, edns=edns) for i, name in enumerate(names)]:
        client.send(m)


def many(stem, count):
    return ["%s%d.example." % (stem, i) for i in range(count)]


def messages(octets):
    return [wire.Message(m) for m in octets]


def text_of(reply):
    """The text of the extended error (RFC 8914)."""
    return (reply.option(15) or b"\0\0")[2:].decode()


# --- the law -------------------------------------------------------------------

@pytest.mark.parametrize("workers", [1, 2])
def test_the_budget_holds_in_every_tenth_of_a_second(fake, holdfast, workers):
    """However many threads ask: the budget is the process's."""
    upstream = fake()
    server = holdfast({"a": budgeted(upstream.at, "100/s")}, workers=workers)
    with server.udp_client() as client:
        throw(client, many("law", 100))
        replies = messages(client.drain(100))
    assert len(replies) == 100 and all(m.addresses() for m in replies)
    assert upstream.count() == 100, "each name is one packet"
    assert most_in_a_window(upstream.seen) <= 10
    # Nor is it held by being timid: these are a second's worth, and all were answered.


def test_retries_are_paid_for_out_of_the_same_budget(fake, holdfast):
    upstream = fake(fakes.silent)
    server = holdfast({"a": budgeted(upstream.at, "50/s", **{
        "timeout-min": "50ms", "timeout-max": "100ms", "retry-percent": 1000, "retry-floor": "1000/s",
        "failures-to-open": 1000})}, outgoing={"retry-percent": 1000, "retry-floor": "1000/s"}, drain="0s")
    with server.udp_client() as client:
        throw(client, many("again", 40))
        time.sleep(2)
    assert upstream.count(proto="udp") > 40, "nothing was asked again"
    assert most_in_a_window([q for q in upstream.seen if q.proto == "udp"]) <= 5


def test_what_all_upstreams_are_sent_together_has_a_budget_too(fake, holdfast):
    a, b = fake(), fake()
    server = holdfast({"a": {"address": a.at, **PLAIN}, "b": {"address": b.at, **PLAIN}},
                      forward=[{"zone": ".", "to": ["a"]}, {"zone": "b.example", "to": ["b"]}],
                      outgoing={"budget": "100/s"})
    names = [name for pair in zip(many("x", 60), ["x%d.b.example." % i for i in range(60)])
             for name in pair]
    with server.udp_client() as client:
        throw(client, names)
        assert all(m.addresses() for m in messages(client.drain(120)))
    assert a.count() == 60 and b.count() == 60
    assert most_in_a_window(a.seen + b.seen) <= 10


# --- turns -----------------------------------------------------------------------

def test_a_bulk_job_gets_what_the_others_leave(fake, holdfast):
    """Ten clients that ask for 40 names a second in all, and one that threw in two
    thousand at once: the ten are answered as if it were not there."""
    upstream = fake()
    server = holdfast({"a": budgeted(upstream.at, "100/s")}, drain="0s")
    clients = [server.udp_client(source=net.address()) for _ in range(10)]
    replies, took = [], []
    with server.udp_client(source=net.address()) as bulk:
        began = time.monotonic()
        throw(bulk, many("bulk", 2000))
        for turn in range(8):
            asked = time.monotonic()
            for i, client in enumerate(clients):
                client.send(wire.query("o%d-%d.example." % (turn, i), id=turn))
            for client in clients:
                replies.append(client.receive())
                took.append(time.monotonic() - asked)
            time.sleep(max(0.0, asked + 0.25 - time.monotonic()))
        served = [m for m in messages(bulk.drain(2000, 0.1)) if m.addresses()]
        lasted = time.monotonic() - began
    for client in clients:
        client.socket.close()
    assert all(m and wire.Message(m).addresses() for m in replies)
    assert sorted(took)[len(took) * 9 // 10] < 1.5, "the others waited for %.1f s" % max(took)
    assert most_in_a_window(upstream.seen) <= 10
    # 60 a second are left to it.
    assert 20 * lasted < len(served) < 100 * lasted


# --- over the budget ----------------------------------------------------------------

def test_who_found_no_room_in_time_is_told_so(fake, holdfast):
    upstream = fake()
    server = holdfast({"narrow": budgeted(upstream.at, "10/s")})
    with server.udp_client() as client:
        throw(client, many("over", 100))
        replies = messages(client.drain(100))
    assert len(replies) == 100
    late = [m for m in replies if m.rcode == wire.SERVFAIL]
    # Ten a second for as long as they may stand in line, where the machine lets us.
    assert 40 <= len(late) < 100, len(late)
    assert all(m.addresses() for m in replies if m not in late)
    assert {text_of(m) for m in late} == {"upstream narrow: over its packet budget"}


def test_who_finds_no_room_gets_the_old_answer_if_there_is_one(fake, holdfast):
    upstream = fake(lambda q: fakes.honest(q, ttl=1))
    server = holdfast({"a": budgeted(upstream.at, "10/s")}, cache={"stale-after": "300ms"},
                      drain="0s")
    old = many("old", 5)
    with server.udp_client() as client:
        throw(client, old)
        assert len(client.drain(5)) == 5
        time.sleep(1.3)
        throw(client, many("new", 60))
        began = time.monotonic()
        for i, name in enumerate(old):
            client.send(wire.query(name, id=1000 + i, edns=1232))
        stale = {}
        while len(stale) < 5 and time.monotonic() - began < 20:
            m = client.receive(1)
            reply = wire.Message(m) if m else None
            if reply and reply.id >= 1000:
                stale[reply.id] = reply
    assert len(stale) == 5 and time.monotonic() - began < 4  # its life would be 4.5 s
    assert all(m.addresses() and m.ede == [3] for m in stale.values())


# --- a reload ---------------------------------------------------------------------------

@pytest.mark.parametrize("change", ["raised", "removed", "removed of all"])
def test_a_reload_that_gives_room_gives_it_at_once(fake, holdfast, change):
    upstream = fake()
    everybodys = change == "removed of all"
    server = holdfast({"a": {"address": upstream.at, **PLAIN}})
    place = server.conf.setdefault("outgoing", {}) if everybodys else server.conf["upstreams"]["a"]
    place["budget"] = "10/s"
    server.write()
    assert server.reload()[0] == 0
    with server.udp_client() as client:
        began = time.monotonic()
        throw(client, many("reload", 200))
        first = len(client.drain(200, 0.5))
        assert first <= 2 + 10 * (time.monotonic() - began)
        place["budget"] = "1000/s" if change == "raised" else "none"
        server.write()
        code, output = server.reload()
        assert code == 0, output
        soon = time.monotonic() - began < 2
        replies = messages(client.drain(200 - first))
    assert first + len(replies) == 200
    # All of them: at 10/s it would be forty. (On a machine that took so long to reload, some
    # had been given up before.)
    assert all(m.addresses() for m in replies) or not soon
    assert upstream.count() == 200 or not soon


def test_a_reload_that_takes_room_takes_it_at_once(fake, holdfast):
    upstream = fake()
    server = holdfast({"a": {"address": upstream.at, **PLAIN}})
    with server.udp_client() as client:
        throw(client, many("free", 100))
        assert len(client.drain(100, 2)) == 100
        server.conf["upstreams"]["a"]["budget"] = "50/s"
        server.write()
        assert server.reload()[0] == 0
        upstream.forget()
        throw(client, many("bound", 40))  # less than a second's worth: nobody is given up
        assert all(m.addresses() for m in messages(client.drain(40)))
    assert upstream.count() == 40 and most_in_a_window(upstream.seen) <= 5


def test_no_question_is_lost_while_the_budget_changes_again_and_again(fake, holdfast):
    upstream = fake()
    server = holdfast({"a": budgeted(upstream.at, "100/s")})
    rates = ["50/s", "none", "200/s", "20/s", "1000/s", "100/s", "none"]
    failed = []

    def change():
        for rate in rates:
            server.conf["upstreams"]["a"]["budget"] = rate
            server.write()
            failed.extend([output for code, output in [server.reload()] if code])
            time.sleep(0.1)

    with server.udp_client() as client:
        changer = threading.Thread(target=change)
        changer.start()
        for i in range(200):
            client.send(wire.query("ever%d.example." % i, id=i))
            time.sleep(0.004)
        changer.join()
        replies = messages(client.drain(200))
    assert not failed and sorted(m.id for m in replies) == list(range(200))
    assert all(m.addresses() for m in replies)
    assert upstream.count() == 200


# --- what can be seen -----------------------------------------------------------------

def gauge(metrics, name, upstream="a"):
    return metrics['holdfast_upstream_%s{upstream="%s"}' % (name, upstream)]


def test_metrics_tell_the_limit_who_waits_and_who_lost(fake, holdfast):
    """Past 8,192 in the line, the newest of whoever has most are given up at once."""
    upstream = fake()
    server = holdfast({"a": budgeted(upstream.at, "100/s"), "free": fake().at},
                      forward=[{"zone": ".", "to": ["a"]}, {"zone": "free", "to": ["free"]}],
                      drain="0s")
    net.wait_until("the limit to be told", lambda: gauge(server.metrics(), "limit") == 100, 60, 0.1)
    before = server.metrics()
    assert gauge(before, "limit", "free") == 0
    assert gauge(before, "room") > 0 and gauge(before, "room", "free") == -1
    assert gauge(before, "queued") == gauge(before, "evicted_total") == 0
    with server.udp_client() as client:
        throw(client, many("line", 9000))
        net.wait_until("a full line", lambda: gauge(server.metrics(), "queued") > 7000, 60, 0.1)
        during = server.metrics()
        assert 7000 < gauge(during, "queued") <= 8192 and gauge(during, "evicted_total") > 0
        assert gauge(during, "queue_clients") == 1
        assert during['holdfast_upstream_queue{upstream="a",class="question"}'] > 6000
        assert 'holdfast_upstream_queue{upstream="free",class="probe"}' in during
        assert gauge(during, "queued_total") >= gauge(during, "queued")
        lost = [m for m in messages(client.drain(300, 0.3)) if m.rcode == wire.SERVFAIL]
    assert lost and {text_of(m) for m in lost} == {"upstream a: over its packet budget"}


# --- a file with a fault ------------------------------------------------------------------

@pytest.mark.parametrize("line,column,said", [
    ('upstreams: { a: { address: 192.0.2.1, budget: 100 } }', 47, "rate"),
    ('upstreams: { a: { address: 192.0.2.1, budget: 0/s } }', 47, "1 to 10000000"),
    ('upstreams: { a: { address: 192.0.2.1, retry-percent: -1 } }', 54, "whole number"),
    ('upstreams: { a: { address: 192.0.2.1, retry-floor: 10 } }', 52, "rate"),
    ('outgoing: { budget: 1k/s }', 21, "rate"),
    ('outgoing: { retry-percent: 1001 }', 28, "1000"),
    ('cache: { keep-warm: ["a..b"] }', 10, "a..b"),
    ('forward: [{ zone: ".", to: [x], hold-good: 2h }]', 44, "1h"),
])
def test_what_makes_no_sense_is_refused_with_its_place(holdfast, line, column, said):
    server = holdfast({"a": "192.0.2.1"}, start=False)
    server.write("workers: 1\n%s\n" % line)
    code, output = under_test.run_verb("check", "-c", server.path)
    assert code == 2, output
    assert any(":2:%d:" % column in o and said in o for o in output.splitlines()), output
