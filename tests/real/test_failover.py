# SPDX-License-Identifier: GPL-3.0-or-later
"""Upstreams that are silent, broken, hostile or dead, and what clients notice of it."""
import collections
import itertools
import signal
import socket
import struct
import time

import pytest

import fake as fakes
import holdfast as under_test
import net
import peers
import wire

# What one attempt may take: enough for a fake on a busy machine, short for a test.
QUICK = {"timeout-min": "200ms", "timeout-max": "300ms"}
OURS, THEIRS = "10.", "20."      # addresses of the first and of the second upstream


def second(q):
    """An honest upstream whose addresses can be told from the first one's."""
    return fakes.honest(q, base=20)


def quick(at, **more):
    return {"address": at, **QUICK, **more}


def pair(fake, holdfast, first, other=second, **how):
    """Two upstreams in listed order, and holdfast."""
    a, b = fake(first), fake(other)
    return a, b, holdfast({"a": quick(a.at), "b": quick(b.at)}, **how)


def patient_pair(fake, holdfast, first, other=second, **how):
    """The same, but silence is waited for as long as a question lives: whatever is answered
    was answered without a time-out, and nothing was asked twice for one."""
    a, b = fake(first), fake(other)
    never = under_test.NEVER_AGAIN
    return a, b, holdfast({"a": {"address": a.at, **never}, "b": {"address": b.at, **never}}, **how)


def came_from(reply, prefix):
    assert reply is not None, "no answer"
    return reply.rcode == 0 and reply.addresses() and reply.addresses()[0].startswith(prefix)


# --- the next one is asked ------------------------------------------------------

@pytest.mark.parametrize("behave", [
    fakes.silent, fakes.servfail, fakes.refused, fakes.notimp, fakes.garbage, fakes.header_only,
    fakes.too_short, fakes.empty, fakes.a_query_back,
    fakes.by_proto(fakes.truncated, fakes.servfail),
], ids=["silent", "servfail", "refused", "notimp", "garbage", "header only", "too short", "empty",
        "a query back", "truncated and then servfail"])
def test_an_upstream_that_does_not_answer_properly_is_passed_over(fake, holdfast, behave):
    a, b, server = pair(fake, holdfast, behave)
    for i in range(3):
        assert came_from(server.udp("next%d.example." % i), THEIRS)
    assert a.count() >= 1 and b.count() >= 3


@pytest.mark.parametrize("behave", [fakes.servfail, fakes.refused, fakes.notimp],
                         ids=["servfail", "refused", "notimp"])
def test_a_refusal_is_not_waited_on(fake, holdfast, behave):
    _, _, server = patient_pair(fake, holdfast, behave)
    assert came_from(server.udp("atonce.example."), THEIRS)


def test_a_closed_port_is_passed_over_at_once(fake, holdfast):
    a, b, server = patient_pair(fake, holdfast, fakes.honest)
    a.stop()
    assert came_from(server.udp("icmp.example."), THEIRS)


def test_a_tcp_upstream_that_is_closed_is_passed_over_at_once(fake, holdfast):
    a, b = fake(), fake(second)
    never = under_test.NEVER_AGAIN
    server = holdfast({"a": {"address": "tcp://" + a.at, **never},
                       "b": {"address": "tcp://" + b.at, **never}})
    assert came_from(server.udp("up.example."), OURS)
    a.stop()
    assert came_from(server.udp("down.example."), THEIRS)
    assert b.count(proto="udp") == 0


@pytest.mark.parametrize("rcode", [wire.NXDOMAIN])
def test_an_upstream_that_says_no_is_believed(fake, holdfast, rcode):
    a, b, server = patient_pair(fake, holdfast, fakes.honest)
    assert server.udp("nxbelieved.example.").rcode == rcode
    assert b.count() == 0


def test_in_listed_order_the_standby_rests(fake, holdfast):
    a, b, server = patient_pair(fake, holdfast, fakes.honest)
    for i in range(30):
        assert came_from(server.udp("l%d.example." % i), OURS)
    assert b.count() == 0


@pytest.mark.own
def test_a_dead_upstream_is_soon_no_longer_waited_for(fake, holdfast):
    """After failures-to-open time-outs it is only probed: 0.2 s later, then after
    twice as long each time, with jitter. Few clients pay for that."""
    a, b, server = pair(fake, holdfast, fakes.silent)
    for i in range(8):
        assert came_from(server.udp("warm%d.example." % i), THEIRS)
    a.forget()
    began = time.monotonic()
    for i in range(40):
        assert came_from(server.udp("rested%d.example." % i), THEIRS)
    lasted = time.monotonic() - began
    # Each that waited for it, and each that went to find it back, is a packet.
    assert a.count() <= 6 + 2 * lasted, "%d packets in %.1f s to the dead one" % (a.count(), lasted)


def test_what_came_while_the_server_stood_still_has_not_timed_out(fake, holdfast):
    def stops(q):
        if upstream.count() == 1:
            server.process.signal(signal.SIGSTOP)
        return fakes.honest(q)

    upstream = fake(fakes.after(0.2, stops))  # it stands by then
    server = holdfast({"a": upstream.at})
    with server.udp_client() as client:
        client.send(wire.query("still.example."))
        net.wait_until("the question", upstream.count)
        time.sleep(2.5)  # one time-out takes 1.5 s
        server.process.signal(signal.SIGCONT)
        assert wire.Message(client.receive()).addresses()
    assert upstream.count() == 1


def test_an_upstream_that_comes_back_is_used_again(fake, holdfast):
    a, b = fake(fakes.silent), fake(second)
    # A busy machine is no reason to ask the other one: no second copies here.
    server = holdfast({"a": quick(a.at, **{"rest-max": "500ms", "hedge": False}),
                       "b": quick(b.at, hedge=False)})
    for i in range(8):
        assert came_from(server.udp("gone%d.example." % i), THEIRS)
    a.behave = fakes.honest
    names = iter(range(10000))
    # It may get its share back little by little, but all of it in the end.
    net.wait_until("the first upstream to get ten questions in a row", lambda: all(
        came_from(server.udp("back%d.example." % next(names)), OURS) for _ in range(10)), 60, 0.05)


# --- all of them dead --------------------------------------------------------------

@pytest.mark.parametrize("behave,codes", [(fakes.silent, {22, 23}), (None, {22, 23}),
                                          (fakes.servfail, {0, 22, 23}), (fakes.refused, {0, 22, 23})],
                         ids=["silent", "closed", "servfail", "refused"])
def test_with_all_dead_clients_get_servfail_and_the_reason_in_time(fake, holdfast, behave, codes):
    a, b, server = pair(fake, holdfast, behave or fakes.honest, behave or second)
    if behave is None:
        a.stop()
        b.stop()
    start = time.monotonic()
    reply = server.udp("dead.example.", edns=1232)
    assert reply is not None and reply.rcode == wire.SERVFAIL
    assert time.monotonic() - start < 15  # 4.5 s, where the machine lets us
    assert reply.ede and set(reply.ede) <= codes, reply
    plain = server.udp("dead2.example.")
    assert plain.rcode == wire.SERVFAIL and plain.opt is None


def test_with_all_dead_the_cache_and_localhost_still_answer(fake, holdfast):
    a, b, server = patient_pair(fake, holdfast, fakes.honest)
    assert came_from(server.udp("known.example."), OURS)
    a.stop()
    b.stop()
    assert server.udp("dead.example.").rcode == wire.SERVFAIL
    reply = server.udp("known.example.", edns=1232)
    assert came_from(reply, OURS) and reply.ede == []
    assert server.udp("localhost.").addresses()


# --- truncation and EDNS -------------------------------------------------------------

def test_a_truncated_reply_is_fetched_over_tcp(fake, holdfast):
    a, b, server = patient_pair(fake, holdfast, fakes.by_proto(fakes.truncated, fakes.honest))
    assert came_from(server.udp("tc.example."), OURS)
    assert a.count(proto="udp") == 1 and a.count(proto="tcp") == 1 and b.count() == 0


@pytest.mark.parametrize("tcp", [
    lambda q: [fakes.Send(fakes.honest(q)[:20], raw=True, close=True)],
    lambda q: [fakes.Send(b"", raw=True, close=True)],
    lambda q: [fakes.Send(b"\xff\xff" + fakes.honest(q), raw=True)],
    lambda q: [fakes.Send(b"\0\0", raw=True)],
    fakes.silent, fakes.garbage, fakes.wrong_id, fakes.wrong_question, fakes.truncated,
], ids=["half and closed", "closed", "length lies", "no octets", "silent", "garbage", "wrong id",
        "wrong question", "truncated over TCP"])
def test_tcp_that_breaks_is_passed_over(fake, holdfast, tcp):
    a, b, server = pair(fake, holdfast, fakes.by_proto(fakes.truncated, tcp))
    reply = server.udp("tcpbreaks.example.")
    assert came_from(reply, THEIRS), reply
    assert "6.6.6.6" not in reply.addresses()


def test_a_tcp_reply_that_drips_in_is_taken(fake, holdfast):
    a, b, server = patient_pair(fake, holdfast, fakes.by_proto(
        fakes.truncated, lambda q: [fakes.Send(fakes.honest(q), drip=0.001)]))
    assert came_from(server.udp("drip.example."), OURS)


def test_64_kb_come_through_over_tcp(fake, holdfast):
    octets = (b"\xff" + b"y" * 255) * 252
    a, b, server = patient_pair(fake, holdfast, fakes.by_proto(fakes.truncated, lambda q: fakes.reply(
        q, [wire.record(b"\xc0\x0c", "TXT", 60, octets)])))
    for _ in range(2):
        assert server.tcp("huge.example.", "TXT").answer[0].rdata == octets
    assert b.count() == 0


def test_an_upstream_that_does_not_know_edns_is_asked_without(fake, holdfast):
    a, b, server = patient_pair(fake, holdfast, fakes.no_edns(fakes.honest))
    assert came_from(server.udp("old.example."), OURS)
    assert [q.edns for q in a.seen] == [True, False] and b.count() == 0
    reply = server.udp("old.example.", edns=1232)
    assert reply.opt is not None and came_from(reply, OURS)


def test_edns_is_offered_with_1232_octets(fake, holdfast):
    a, b, server = patient_pair(fake, holdfast, fakes.honest)
    server.udp("size.example.", edns=4096)
    assert a.seen[0].edns and a.seen[0].message.udp_size == 1232
    assert not a.seen[0].message.options or {c for c, _ in a.seen[0].message.options} <= {10}


def test_clients_options_stay_here(fake, holdfast):
    """Client subnet, cookie and padding are between a client and us."""
    a, b, server = patient_pair(fake, holdfast, fakes.honest)
    server.udp("private.example.", options=wire.option(8, b"\0\1\x18\0\xc0\0\2") +
               wire.option(10, b"clientck") + wire.option(12, b"\0" * 20))
    codes = {c for c, _ in a.seen[0].message.options}
    assert codes <= {10} and b"clientck" not in a.seen[0].wire


def test_an_opt_record_before_other_additional_ones_is_understood(fake, holdfast):
    a, b, server = patient_pair(fake, holdfast, fakes.opt_first)
    for how in ({}, {"edns": 1232}, {"edns": 1232}):
        reply = server.udp("optfirst.example.", **how)
        assert came_from(reply, OURS)
        assert reply.additional == []  # nobody asked for ns.extra.example: it is left off
        assert (reply.opt is not None) == bool(how)


# --- TCP upstreams ------------------------------------------------------------------

def test_questions_to_a_tcp_upstream_share_connections(fake, holdfast):
    upstream = fake()
    server = holdfast({"a": "tcp://" + upstream.at})
    for i in range(60):
        assert server.udp("share%d.example." % i).addresses()
    assert upstream.count(proto="tcp") == 60 and upstream.connections <= 8


def test_a_tcp_upstream_that_closes_after_each_answer_loses_nothing(fake, holdfast):
    upstream = fake(lambda q: [fakes.Send(fakes.honest(q), close=True)])
    server = holdfast({"a": "tcp://" + upstream.at})
    for i in range(30):
        assert came_from(server.udp("closing%d.example." % i), OURS)


def test_a_tcp_upstream_that_forgot_an_idle_connection_loses_nothing(fake, holdfast):
    upstream = fake()
    server = holdfast({"a": "tcp://" + upstream.at})
    for i in range(3):
        assert came_from(server.udp("forgot%d.example." % i), OURS)
        upstream.stop()
        upstream.start()


def test_replies_of_a_tcp_upstream_may_come_in_any_order(fake, holdfast):
    upstream = fake(lambda q: fakes.after(0.3 if q.name[1:5] == b"slow" else 0, fakes.honest)(q))
    server = holdfast({"a": "tcp://" + upstream.at})
    with server.tcp_client() as client:
        client.send(wire.query("slow-a.example.", id=1), wire.query("quick-b.example.", id=2))
        assert [wire.Message(client.receive()).id for _ in range(2)] == [2, 1]


# --- many, and in circles ------------------------------------------------------------

def test_two_thousand_questions_in_the_air_are_all_answered(fake, holdfast):
    server = holdfast({"a": fake(fakes.after(0.3, fakes.honest)).at})
    with server.udp_client() as client:
        for i in range(2000):
            client.send(wire.query("air%d.example." % i, id=i))
        good = [wire.Message(m) for m in client.drain(2000)]
    assert sorted(m.id for m in good) == list(range(2000))
    assert all(m.addresses() for m in good)


@pytest.mark.own
def test_questions_beyond_the_limit_are_told_so_at_once(fake, holdfast):
    server = holdfast({"a": fake(fakes.silent).at}, workers=1, clients={"in-flight": 16})
    with server.udp_client() as client:
        for i in range(40):
            client.send(wire.query("limit%d.example." % i, id=i))
        said = [wire.Message(m) for m in client.drain(40)]
    assert sorted(m.id for m in said) == list(range(40))
    assert all(m.rcode == wire.SERVFAIL for m in said)
    # At once, and so before the first that were taken are given up.
    assert min(m.id for m in said[:24]) >= 10


@pytest.mark.own
def test_two_servers_that_ask_each_other_do_not_melt(fake, holdfast):
    first = holdfast({"other": {"address": "127.0.0.1:1", **QUICK}}, start=False)
    second = holdfast({"other": {"address": "%s:5300" % first.address, **QUICK}})
    first.conf["upstreams"]["other"]["address"] = "%s:5300" % second.address
    first.write()
    first.start()
    for i in range(2):
        start = time.monotonic()
        assert first.udp("loop%d.example." % i).rcode == wire.SERVFAIL
        assert time.monotonic() - start < 15
    out = sum(v for s in (first, second) for k, v in s.metrics().items()
              if k.startswith("holdfast_upstream_packets_out_total"))
    assert out < 200, "%d packets for 2 questions" % out


# --- lies --------------------------------------------------------------------------

def strays(server):
    """Replies that answered nothing that was asked, as the metrics count them."""
    return sum(value for key, value in server.metrics().items()
               if key.startswith(("holdfast_upstream_mismatched_total", "holdfast_stray")))


@pytest.mark.parametrize("lie", [
    fakes.wrong_id, fakes.wrong_question, fakes.wrong_type, fakes.wrong_case, fakes.other_port,
    fakes.other_address,
], ids=["wrong id", "wrong question", "wrong type", "wrong case", "another port",
        "another address"])
def test_a_forged_reply_is_not_believed_and_the_right_one_still_is(fake, holdfast, lie):
    """A forger speaks UDP; over TCP, where a doubt may be settled, is the upstream itself."""
    upstream = fake(fakes.by_proto(fakes.both(lie, fakes.after(0.1, fakes.honest)), fakes.honest))
    server = holdfast({"a": upstream.at})
    for i in range(3):
        reply = server.udp("forged%d.example." % i)
        assert came_from(reply, OURS), reply


@pytest.mark.own
@pytest.mark.parametrize("lie", [fakes.wrong_id, fakes.wrong_question, fakes.wrong_case],
                         ids=["wrong id", "wrong question", "wrong case"])
def test_a_forged_reply_is_counted(fake, holdfast, lie):
    upstream = fake(fakes.by_proto(fakes.both(lie, fakes.after(0.05, fakes.honest)), fakes.honest))
    server = holdfast({"a": upstream.at})
    before = strays(server)
    for i in range(3):
        server.udp("counted%d.example." % i)
    net.wait_until("the counter to rise by 3", lambda: strays(server) - before >= 3, 60, 0.1)


def test_a_thousand_forged_replies_do_not_hide_the_right_one(fake, holdfast):
    upstream = fake(lambda q: [fakes.Send(fakes.wrong_id(q))] * 1000 +
                    [fakes.Send(fakes.honest(q), delay=0.05)])
    server = holdfast({"a": upstream.at})
    assert came_from(server.udp("storm.example."), OURS)


def icmp_refusal(upstream, q, quoted):
    """Says, in the name of nobody in particular, that a question did not arrive, and repeats so
    many of its octets behind its UDP header."""
    udp = struct.pack("!HHHH", q.port, upstream.port, 8 + len(q.wire), 0)
    sent = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp) + len(q.wire), 0, 0, 64, 17, 0,
                       socket.inet_aton(q.source[0]), socket.inet_aton(upstream.address)) + udp
    m = bytearray(b"\3\3\0\0\0\0\0\0" + sent + quoted)
    m += b"\0" * (len(m) % 2)
    total = sum(struct.unpack("!%dH" % (len(m) // 2), m))
    total = (total >> 16) + (total & 0xffff)
    m[2:4] = struct.pack("!H", ~(total + (total >> 16)) & 0xffff)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
            raw.sendto(bytes(m), (q.source[0], 0))
    except PermissionError:
        pytest.skip("nobody but root may send ICMP")


@pytest.mark.parametrize("quoted, times", [
    (lambda q: struct.pack("!H", q.id ^ 1) + q.wire[2:], 1), (lambda q: q.wire, 2),
    (lambda q: b"", 1)], ids=["of another id", "of the question", "that shows nothing"])
def test_a_refusal_is_believed_of_what_it_shows(fake, holdfast, quoted, times):
    """An ICMP error comes from whoever guesses a port. One that repeats no octet of the question
    is believed unless the upstream has answered something that was asked later."""
    upstream = fake(lambda q: fakes.after(0.5 if q.name[1:5] == b"slow" else 0, fakes.honest)(q))
    server = holdfast({"a": upstream.at}, workers=1)
    with server.udp_client() as client, server.udp_client() as other:
        client.send(wire.query("slow.example."))
        net.wait_until("it to be asked", lambda: upstream.count() == 1)
        assert came_from(wire.Message(other.ask(wire.query("quick.example."))), OURS)
        icmp_refusal(upstream, upstream.seen[0], quoted(upstream.seen[0]))
        assert came_from(wire.Message(client.receive()), OURS)
    assert upstream.count("slow.example.") == times


def test_duplicate_replies_harm_nobody(fake, holdfast):
    upstream = fake(fakes.twice(fakes.honest))
    server = holdfast({"a": upstream.at})
    with server.udp_client() as client:
        for i in range(50):
            client.send(wire.query("dup%d.example." % i, id=i))
        replies = client.drain(50) + client.drain(10, 1.0)
    assert sorted(wire.Message(r).id for r in replies) == list(range(50))


def test_a_late_reply_is_still_used(fake, holdfast):
    """The first question is answered 0.7 s late, all repeats never: the attempt's
    time is long over, the client's is not."""
    upstream = fake(fakes.in_turn(fakes.after(0.7, fakes.honest), fakes.silent))
    server = holdfast({"a": quick(upstream.at)})
    assert came_from(server.udp("late.example."), OURS)


def test_a_late_reply_of_the_first_beats_a_silent_second(fake, holdfast):
    a, b, server = pair(fake, holdfast, fakes.in_turn(fakes.after(0.7, fakes.honest), fakes.silent),
                        fakes.silent)
    assert came_from(server.udp("late.example."), OURS)


def test_records_beside_the_question_are_not_believed_for_other_names(fake, holdfast):
    """An answer for one name does not become the cache's answer for another."""
    def poison(q):
        if q.name != wire.name("bait.example."):
            return fakes.honest(q)
        return fakes.reply(q, [wire.record(b"\xc0\x0c", "A", 300, b"\x0a\1\1\1")], additional=[
            wire.record("bank.example.", "A", 300, b"\x06\x06\x06\x06")])
    server = holdfast({"a": fake(poison).at})
    server.udp("bait.example.", edns=1232)
    assert server.udp("bank.example.").addresses() != ["6.6.6.6"]


# --- unpredictability (RFC 5452) -------------------------------------------------

@pytest.fixture(scope="module")
def five_hundred(shared_fake, shared_holdfast):
    """What an upstream sees of 500 questions for different names."""
    upstream = shared_fake()
    server = shared_holdfast({"a": {"address": upstream.at, **under_test.NEVER_AGAIN}})
    with server.udp_client() as client:
        for i in range(500):
            client.send(wire.query("unpredictable-%d.names.example." % i, id=i))
            client.drain(1)  # one by one: each has a port of its own
    assert upstream.count() >= 500
    return upstream.seen[:500]


def test_ids_are_spread_over_all_values(five_hundred):
    ids = [q.id for q in five_hundred]
    assert len(set(ids)) > 480  # 498 expected
    for bit in range(16):
        assert 170 < sum(i >> bit & 1 for i in ids) < 330, "bit %d" % bit


def test_ids_do_not_follow_each_other(five_hundred):
    steps = collections.Counter((b.id - a.id) % 65536 for a, b in zip(five_hundred, five_hundred[1:]))
    assert steps.most_common(1)[0][1] <= 4


def test_source_ports_are_spread_widely(five_hundred):
    """Ports may serve for a while, but there are many at any time, all over the
    range, and none is used so often that it is worth betting on."""
    ports = [q.port for q in five_hundred]
    assert len(set(ports)) >= 60, "%d different ports in 500 questions" % len(set(ports))
    assert max(ports) - min(ports) > 16000
    assert collections.Counter(ports).most_common(1)[0][1] <= 25
    steps = collections.Counter(b - a for a, b in zip(ports, ports[1:]) if a != b)
    assert steps.most_common(1)[0][1] <= 10


def test_a_burst_goes_by_eights_from_ports_taken_by_chance(shared_fake, shared_holdfast):
    """Questions of one turn share a system call and so a port, but not many of them."""
    upstream = shared_fake()
    server = shared_holdfast({"a": {"address": upstream.at, **under_test.NEVER_AGAIN}})
    with server.udp_client() as client:
        for i in range(400):
            client.send(wire.query("burst-%d.names.example." % i, id=i))
        client.drain(400)
    ports = [q.port for q in upstream.seen[:400]]
    runs = [len(list(run)) for _, run in itertools.groupby(ports)]
    assert max(runs) <= 32  # the same socket may be drawn again at once
    assert len(set(ports)) >= 20, "%d different ports in 400 questions" % len(set(ports))
    assert len({q.id for q in upstream.seen}) > 380


def test_case_is_mixed_and_differs_each_time(five_hundred):
    patterns = {"".join("1" if c.isupper() else "0" for c in wire.text(q.qname) if c.isalpha())
                for q in five_hundred}
    assert len(patterns) > 480
    upper = sum(p.count("1") for p in patterns) / sum(map(len, patterns))
    assert 0.45 < upper < 0.55


@pytest.mark.own
def test_case_is_left_alone_where_the_file_says_so(fake, holdfast):
    upstream = fake()
    server = holdfast({"a": {"address": upstream.at, "case-mix": False}})
    for i in range(20):
        server.udp("Plain%d.Example." % i)
    assert all(q.qname == wire.lower(q.qname) for q in upstream.seen)


# --- real pairs --------------------------------------------------------------------

@pytest.mark.parametrize("kind", [peers.Nsd, peers.Knot, peers.Bind, peers.Pdns, peers.Unbound,
                                  peers.Kresd], ids=lambda kind: kind.__name__)
def test_a_real_upstream_that_is_killed_and_restarted_loses_no_question(kind, peer, fleet, holdfast):
    resolver = kind in (peers.Unbound, peers.Kresd)
    mortal = peer(kind, upstreams=(fleet(peers.Nsd),)) if resolver else peer(kind)
    standby = fleet(peers.Nsd)
    server = holdfast({"mortal": quick(mortal.at, **{"rest-max": "500ms"}),
                       "standby": quick(standby.at)})
    names = iter(range(100000))

    def ask_some(count):
        for _ in range(count):
            reply = server.udp("x%d.wild.types.example." % next(names))
            assert reply is not None and reply.addresses() == ["192.0.2.99"], reply

    ask_some(10)
    mortal.kill()
    ask_some(20)
    mortal.start()
    ask_some(10)
