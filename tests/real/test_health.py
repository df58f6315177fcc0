# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is asked, how often, and for what: circuits, probes, copies, and shares."""
import collections
import itertools
import time

import pytest

import fake as fakes
import holdfast as under_test
import net
import wire

pytestmark = pytest.mark.own

# What one attempt may take: enough for a fake on a busy machine, short for a test.
QUICK = {"timeout-min": "100ms", "timeout-max": "200ms", "infer-cap": False}
OURS, THEIRS = "10.", "20."  # addresses of the first and of the second upstream


def quick(at, **more):
    return {"address": at, **QUICK, **more}


def second(q):
    """An honest upstream whose addresses can be told from the first one's."""
    return fakes.honest(q, base=20)


def by_zone(zone, inside, outside):
    """One behaviour for a zone, another for all else."""
    end = wire.lower(wire.name(zone))
    return lambda q: (inside if q.name.endswith(end) else outside)(q)


def came_from(reply, prefix):
    return reply is not None and reply.rcode == 0 and \
        bool(reply.addresses()) and reply.addresses()[0].startswith(prefix)


def timed(ask):
    began = time.monotonic()
    reply = ask()
    return reply, time.monotonic() - began


def state(server, upstream="a"):
    """0 in use, 1 resting, 2 being probed."""
    return server.metrics()['holdfast_upstream_state{upstream="%s"}' % upstream]


def copies(server, upstream="a"):
    metrics = server.metrics()
    return sum(metrics['holdfast_upstream_%s_total{upstream="%s"}' % (kind, upstream)]
               for kind in ("retries", "hedges", "probes"))


# --- a preferred upstream that is of no use -----------------------------------------

def test_a_preferred_upstream_that_falls_silent_is_only_probed_and_comes_back(fake, holdfast):
    a, b = fake(), fake(second)
    server = holdfast({"a": quick(a.at, **{"rest-max": "500ms"}), "b": quick(b.at)})
    names = iter(range(1 << 30))
    # What it is given when it is back goes by what it had before: fifty a second. Where the
    # machine keeps it waiting, the second is asked beside it, or for a while in its place.
    def fifty():
        time.sleep(0.02)
        return sum(came_from(server.udp("before%d.example." % next(names)), OURS)
                   for _ in range(60)) >= 50
    net.wait_until("the first to answer nearly all", fifty, pause=0)
    a.behave = fakes.silent
    a.forget()
    began = time.monotonic()
    for i in range(150):
        assert came_from(server.udp("dark%d.example." % i), THEIRS)
        time.sleep(0.005)
    lasted = time.monotonic() - began
    # Found out by a few questions, then looked at now and then, beside the second. If each
    # had waited for it, these would be 150, in 15 s.
    assert a.count() <= 15 + 5 * lasted, "%d packets in %.1f s to a silent upstream" % (
        a.count(), lasted)
    a.behave = fakes.honest

    def one():
        time.sleep(0.025)
        return came_from(server.udp("back%d.example." % next(names)), OURS)
    net.wait_until("the first one to be used again", lambda: all(one() for _ in range(10)), 60, 0)


@pytest.mark.parametrize("behave", [fakes.refused, fakes.servfail], ids=["refused", "servfail"])
def test_what_it_does_not_do_for_one_zone_leaves_the_others_alone(fake, holdfast, behave):
    """It refuses inner.example, which another server answers: that path is rested, and
    the same upstream goes on being asked for all else."""
    a = fake(by_zone("inner.example.", behave, fakes.honest))
    b = fake(second)
    # A busy machine is no reason to ask the other server: no second copies here.
    patient = {"hedge": False, "timeout-min": "1s", "timeout-max": "1500ms"}
    server = holdfast({"a": quick(a.at, **patient), "b": quick(b.at, **patient)}, forward=[
        {"zone": ".", "to": ["a", "b"], "order": "listed"},
        {"zone": "inner.example", "to": ["a", "b"], "order": "listed"}])
    for i in range(30):
        assert came_from(server.udp("n%d.inner.example." % i), THEIRS)
        assert came_from(server.udp("n%d.outer.example." % i), OURS)
    def told():
        return [line for line in server.process.output().splitlines()
                if "zone=inner.example" in line]
    net.wait_until("a line in the log", told, 60)
    assert "upstream=a" in told()[0] and state(server) == 0
    asked = [q for q in a.seen if q.name.endswith(wire.name("inner.example."))]
    assert len(asked) < 25, "%d of 30 questions went to who refuses them" % len(asked)
    assert not [q for q in b.seen if q.name.endswith(wire.name("outer.example."))]


def test_the_only_server_of_a_zone_that_refuses_all_of_it_is_spared(fake, holdfast):
    serves, names = [], itertools.count()
    def behave(q):
        return fakes.honest(q) if serves else fakes.refused(q)
    a, b = fake(behave), fake()
    server = holdfast({"a": a.at, "b": b.at}, forward=[
        {"zone": ".", "to": ["b"]},
        {"zone": "inner.example", "to": ["a"], "rest-max": "1s"}])
    def spared():
        reply = server.udp("n%d.inner.example." % next(names), edns=1232)
        assert reply.rcode == wire.SERVFAIL
        return b"answers for no name of the zone" in (reply.option(15) or b"")
    net.wait_until("it to be spared", spared, 60, 0.05)
    # It was asked for the zone itself before that, and now for nothing; others go on.
    assert a.count("inner.example", "SOA") >= 1
    assert came_from(server.udp("well.example."), OURS)
    def told():
        return [line for line in server.process.output().splitlines()
                if "answers for no name" in line]
    net.wait_until("a line in the log", told, 60)
    assert "upstream=a" in told()[0] and "zone=inner.example" in told()[0]
    serves.append(True)
    net.wait_until("it to be asked again", lambda: server.udp(
        "n%d.inner.example." % next(names)).rcode == wire.NOERROR, 60, 0.05)
    assert came_from(server.udp("well.inner.example."), OURS)


# --- names are not upstreams ----------------------------------------------------------

def test_a_way_without_tcp_costs_nobody_but_who_wants_large_answers(fake, holdfast):
    """A firewall that resets connections and lets datagrams through: before, twenty names
    whose answers are large kept the upstream from everybody."""
    upstream = fake()
    upstream.refuse_tcp()
    server = holdfast({"a": quick(upstream.at)})
    with server.udp_client() as large, server.udp_client() as client:
        for i in range(30):
            if i % 10 == 0:
                for n in range(20):
                    large.send(wire.query("big%d-%d.example." % (i, n), "TXT"))
            reply, took = timed(lambda: client.ask(wire.query("small%d.example." % i)))
            assert came_from(wire.Message(reply), OURS) and took < 1.5
            time.sleep(0.02)
    assert "upstream is rested" not in server.process.output()


def test_a_tcp_upstream_that_closes_behind_each_answer_is_not_taken_for_gone(fake, holdfast):
    """Forty are asked on one connection, and the server closes it behind the first."""
    upstream = fake(fakes.after(0.05, lambda q: [fakes.Send(fakes.honest(q), close=True)]))
    server = holdfast({"a": {"address": "tcp://" + upstream.at}})
    with server.udp_client() as client:
        for i in range(40):
            client.send(wire.query("closing%d.example." % i, id=i))
        replies = [wire.Message(m) for m in client.drain(40)]
    assert len(replies) == 40 and all(came_from(reply, OURS) for reply in replies)
    assert "upstream is rested" not in server.process.output()


def test_a_name_that_nobody_answers_never_rests_an_upstream(fake, holdfast):
    def behave(q):
        return None if q.name.startswith(b"\x03bad") else fakes.honest(q)
    a = fake(behave)
    server = holdfast({"a": quick(a.at)}, drain="0s")
    with server.udp_client() as client:
        for i in range(50):
            client.send(wire.query("bad.example.", id=i))
            assert came_from(server.udp("good%d.example." % i), OURS)
            assert state(server) == 0
            time.sleep(0.02)
    assert came_from(server.udp("good.example."), OURS) and state(server) == 0


def test_a_storm_for_a_dead_zone_does_not_touch_healthy_names(fake, holdfast):
    a = fake(by_zone("dead.example.", fakes.silent, fakes.honest))
    server = holdfast({"a": quick(a.at)}, drain="0s")
    took = []
    with server.udp_client(source=net.address()) as storm:
        for turn in range(20):
            for i in range(20):
                storm.send(wire.query("s%d-%d.dead.example." % (turn, i)))
            reply, seconds = timed(lambda: server.udp("well%d.example." % turn))
            assert came_from(reply, OURS)
            took.append(seconds)
            time.sleep(0.1)
        assert sum(t > 1 for t in took) <= 2, took
        assert state(server) == 0
        # 400 dead questions: 10 % and the floor of 10/s may be copies, for 2 s and more.
        assert copies(server) <= 40 + 10 * 6


# --- all of them dark -------------------------------------------------------------------

def dark_pair(fake, holdfast, **cache):
    """Two upstreams that knew known0...known9.example, went dark, and are rested."""
    a, b = fake(lambda q: fakes.honest(q, ttl=1)), fake(lambda q: fakes.honest(q, ttl=1))
    server = holdfast({"a": quick(a.at), "b": quick(b.at)},
                      cache={"stale-after": "200ms", **cache}, drain="0s")
    for i in range(10):
        assert server.udp("known%d.example." % i).addresses()
    a.behave = b.behave = fakes.silent
    server.dark_since = time.monotonic()
    time.sleep(1.2)
    with server.udp_client() as client:
        for i in range(10):
            client.send(wire.query("known%d.example." % i, edns=1232, id=i))
        assert all(wire.Message(m).ede == [3] for m in client.drain(10))
    end = time.monotonic() + 30
    while (state(server) == 0 or state(server, "b") == 0) and time.monotonic() < end:
        server.udp("known%d.example." % (time.monotonic_ns() % 10))
        time.sleep(0.05)
    assert state(server) and state(server, "b")
    return a, b, server


def test_in_the_dark_old_answers_are_given_at_once_and_few_packets_sent(fake, holdfast):
    a, b, server = dark_pair(fake, holdfast)
    a.forget()
    b.forget()
    began, late, turn = time.monotonic(), [], 0
    while time.monotonic() - began < 2.5:
        turn += 1
        reply, took = timed(lambda: server.udp("known%d.example." % (turn % 10), edns=True))
        assert reply.addresses() and reply.ede == [3]
        late.append(took)
        time.sleep(0.01)
    lasted = time.monotonic() - began
    assert sorted(late)[len(late) // 2] < 0.15, late  # who waits waits for 0.2 s
    # About one probe a second each; rests that have just begun are shorter.
    assert max(a.count(), b.count()) <= 7 + 2 * lasted, (a.count(), b.count(), lasted)


def test_soon_after_the_return_everything_is_fresh_also_what_had_failed(fake, holdfast):
    a, b, server = dark_pair(fake, holdfast)
    # Failures that are remembered for long: they must not outlive the outage.
    with server.udp_client() as client:
        for i in range(10):
            client.send(wire.query("known%d.example." % i))
        client.drain(10)
    a.behave = b.behave = lambda q: fakes.honest(q, ttl=300)
    # Rests are at most as long as it has been dark.
    dark = time.monotonic() - server.dark_since
    left, end = set(range(10)), time.monotonic() + dark + 10
    while left and time.monotonic() < end:
        for i in sorted(left):
            reply = server.udp("known%d.example." % i, edns=True)
            assert reply.addresses()
            if reply.ede == []:
                left.discard(i)
        time.sleep(0.02)
    assert not left, "still stale after %.1f s of darkness: %s" % (dark, left)


def test_a_name_that_was_never_known_is_answered_if_an_upstream_returns_in_time(fake, holdfast):
    a, b, server = dark_pair(fake, holdfast)
    with server.udp_client() as client:
        client.send(wire.query("never.example.", id=7))
        time.sleep(0.7)
        a.behave = fakes.honest
        reply = wire.Message(client.receive())
    assert reply.id == 7 and came_from(reply, OURS), reply


# --- copies --------------------------------------------------------------------------------

def test_retries_are_bounded_however_many_questions_are_silent(fake, holdfast):
    a = fake(fakes.silent)
    tight = {"retry-percent": 0, "retry-floor": "1/s"}
    server = holdfast({"a": quick(a.at, **tight)}, outgoing=tight, drain="0s")
    with server.udp_client() as client:
        for i in range(100):
            client.send(wire.query("tight%d.example." % i))
        time.sleep(3)
    names = collections.Counter(q.name for q in a.seen)
    again = sum(names.values()) - len(names)
    assert len(names) >= 1 and again <= 1 + 3 + 1, "%d copies in 3 s at 1/s" % again


def test_fifty_who_ask_the_same_cost_two_packets_when_the_first_reply_is_lost(fake, holdfast):
    a = fake(fakes.in_turn(fakes.silent, fakes.honest))
    server = holdfast({"a": quick(a.at, **{"timeout-min": "1s", "timeout-max": "1500ms"})})
    with server.udp_client() as client:
        for i in range(50):
            client.send(wire.query("lost.example.", id=i))
        replies = [wire.Message(m) for m in client.drain(50)]
    assert sorted(m.id for m in replies) == list(range(50))
    assert all(came_from(m, OURS) for m in replies)
    assert 2 <= a.count() <= 3, a.count()


def test_a_slow_one_is_hedged_and_the_other_answers(fake, holdfast):
    a, b = fake(), fake(second)
    # No time-out ends before the question does: only a second copy reaches b.
    server = holdfast({"a": {"address": a.at, "timeout-min": "10s", "timeout-max": "10s"}, "b": b.at})
    for i in range(40):  # on a busy machine one of these may have a second copy, too
        assert server.udp("usual%d.example." % i).addresses()
    hedges = lambda: server.metrics()['holdfast_upstream_hedges_total{upstream="b"}']
    before = hedges()
    a.behave = fakes.after(4, fakes.honest)
    assert came_from(server.udp("slow.example."), THEIRS)
    assert hedges() == before + 1


# --- shares ----------------------------------------------------------------------------------

def test_one_client_with_thousands_of_pending_questions_leaves_room_for_others(fake, holdfast):
    """Of 1,024 places the greedy one gets two thirds, though there is one upstream; two
    hundred others find room, twenty at a time."""
    a = fake(by_zone("slow.example.", fakes.silent, fakes.honest))
    server = holdfast({"a": {"address": a.at, **under_test.NEVER_AGAIN, "infer-cap": False}},
                      workers=1, clients={"in-flight": 1024}, drain="0s")
    with server.udp_client(source=net.address()) as greedy:
        for m in [wire.query("g%d.slow.example." % i, edns=1232) for i in range(3000)]:
            greedy.send(m)
        # Those that are over at once, and all that follow within half a second.
        refused = [wire.Message(m) for m in greedy.drain(3000 - 1024) + greedy.drain(1024, 0.5)]
        assert 3000 - 1024 <= len(refused) <= 3000 - 500, len(refused)
        assert all(m.rcode == wire.SERVFAIL and m.ede for m in refused)
        others, answered = [server.udp_client(source=net.address()) for _ in range(200)], []
        for i, client in enumerate(others):
            client.send(wire.query("other%d.example." % i, id=i))
            if i % 20 == 19:
                answered += [client.receive() for client in others[i - 19:i + 1]]
        for client in others:
            client.socket.close()
    # Shares are counted under 1,024 keyed hashes: now and then one of the two hundred
    # meets the greedy one there.
    assert sum(bool(m) and came_from(wire.Message(m), OURS) for m in answered) >= 195


# --- what gets through ---------------------------------------------------------------------

def large(q):
    """TXT of about 900 octets, and A."""
    if q.qtype != 16:
        return fakes.honest(q)
    whole = fakes.reply(q, [wire.record(b"\xc0\x0c", "TXT", 300, (b"\xfa" + b"x" * 250) * 4)])
    limit = q.message.udp_size if q.edns else 512
    return whole if q.proto == "tcp" or len(whole) <= limit else fakes.truncated(q)


def loses_above(octets, behave):
    """A path on which larger datagrams vanish."""
    return lambda q: [s for s in fakes.sends(behave(q)) if q.proto == "tcp" or len(s.wire) <= octets]


def test_a_path_that_loses_large_replies_is_found_out_after_two_names(fake, holdfast):
    a = fake(loses_above(600, large))
    server = holdfast({"a": quick(a.at)})
    for i in range(5):  # small ones arrive, and tell how large
        assert came_from(server.udp("small%d.example." % i), OURS)
    for i in range(2):
        assert server.udp("large%d.example." % i, "TXT", edns=4096).rcode == 0
    a.forget()
    for i in range(5):
        reply = server.tcp("known%d.example." % i, "TXT", edns=4096)
        assert len(reply.answer[0].rdata) == 1004
    # What it is told that it may send over UDP arrives: nobody waits for what does not.
    first = [q for q in a.seen if q.proto == "udp"]
    assert first and all(512 <= q.message.udp_size <= 600 for q in first)
    assert a.count(proto="tcp") >= 5


@pytest.mark.parametrize("behave", [
    fakes.no_edns(fakes.honest),
    lambda q: fakes.notimp(q) if q.edns else fakes.honest(q),
], ids=["formerr", "notimp"])
def test_who_does_not_know_edns_is_asked_without_from_the_second_question_on(fake, holdfast, behave):
    a = fake(behave)
    server = holdfast({"a": {"address": a.at, **under_test.NEVER_AGAIN}})
    assert came_from(server.udp("first.example."), OURS)
    assert [q.edns for q in a.seen] == [True, False]
    a.forget()
    for i in range(5):
        assert came_from(server.udp("then%d.example." % i), OURS)
    assert [q.edns for q in a.seen] == [False] * 5
