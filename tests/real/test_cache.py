# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept, for how long, and for which questions (RFC 1035, 2308, 8020)."""
import time

import pytest

import fake as fakes
import holdfast as under_test
import net
import wire


@pytest.fixture(scope="module")
def upstream(shared_fake):
    return shared_fake()


@pytest.fixture(scope="module")
def server(upstream, shared_holdfast):
    return shared_holdfast({"a": {"address": upstream.at, **under_test.NEVER_AGAIN}})


def test_a_hit_does_not_reach_the_upstream(server, upstream):
    for _ in range(20):
        assert server.udp("hit.example.").addresses()
        assert server.tcp("hit.example.").addresses()
    assert upstream.count("hit.example.") == 1


def test_all_workers_share_one_cache(server, upstream):
    """Fresh sockets land on either worker; the upstream hears of one."""
    assert server.udp("shared.example.").addresses()
    for _ in range(40):
        assert server.udp("shared.example.").addresses()
    assert upstream.count("shared.example.") == 1


def test_a_hit_is_the_same_answer_with_another_id(server):
    first = server.udp("same.example.", id=1111)
    again = server.udp("same.example.", id=2222)
    assert (first.id, again.id) == (1111, 2222)
    assert wire.comparable(first) == wire.comparable(again)


def test_the_ttl_counts_down(server):
    before = time.monotonic()
    first = server.udp("ttl.example.").answer[0].ttl
    time.sleep(2.1)
    later = server.udp("ttl.example.").answer[0].ttl
    most = 1 + int(time.monotonic() - before)
    assert 300 - most <= first <= 300 and first - most <= later <= first - 2


def test_every_section_counts_down(fake, holdfast):
    upstream = fake(lambda q: fakes.reply(
        q, [wire.record(b"\xc0\x0c", "MX", 100, b"\0\12" + wire.name("mx.example."))],
        [wire.record("example.", "NS", 200, wire.name("ns.example."))],
        [wire.record("mx.example.", "A", 300, b"\1\2\3\5")]))
    server = holdfast({"a": upstream.at})
    before = time.monotonic()
    first = server.udp("all.example.", "MX", edns=1232)
    time.sleep(1.1)
    later = server.udp("all.example.", "MX", edns=1232)
    most = 1 + int(time.monotonic() - before)
    for section in ("answer", "authority", "additional"):
        a, b = getattr(first, section)[0], getattr(later, section)[0]
        assert 1 <= a.ttl - b.ttl <= most
        assert a.rdata == b.rdata
    assert upstream.count() == 1


def test_an_expired_answer_is_fetched_again(server, upstream):
    assert server.udp("short.example.").answer[0].ttl <= 1
    time.sleep(1.2)
    assert server.udp("short.example.").addresses()
    assert upstream.count("short.example.") == 2


def test_the_shortest_ttl_of_an_answer_decides(fake, holdfast):
    upstream = fake(lambda q: fakes.reply(
        q, [wire.record(b"\xc0\x0c", "CNAME", 3600, wire.name("b.example.")),
            wire.record("b.example.", "A", 1, b"\1\2\3\4")]))
    server = holdfast({"a": upstream.at})
    server.udp("chain.example.")
    time.sleep(1.2)
    server.udp("chain.example.")
    assert upstream.count() == 2


def test_a_ttl_of_0_is_passed_on_and_not_reused(server, upstream):
    for _ in range(3):
        assert server.udp("zero.example.").answer[0].ttl == 0
    assert upstream.count("zero.example.") == 3


def test_a_ttl_with_the_top_bit_counts_as_0(fake, holdfast):
    upstream = fake(lambda q: fakes.honest(q, ttl=0x80000001))
    server = holdfast({"a": upstream.at})
    for _ in range(2):
        assert server.udp("negative.example.").answer[0].ttl == 0
    assert upstream.count() == 2


@pytest.mark.own
def test_no_ttl_exceeds_ttl_max(fake, holdfast):
    upstream = fake(lambda q: fakes.honest(q, ttl=1000000))
    server = holdfast({"a": upstream.at}, cache={"ttl-max": "10s"})
    for _ in range(2):
        assert 1 <= server.udp("long.example.").answer[0].ttl <= 10
    assert upstream.count() == 1


@pytest.mark.parametrize("qname,qtype,rcode", [("nx.example.", "A", wire.NXDOMAIN),
                                               ("nodata.example.", "MX", wire.NOERROR)])
def test_absence_is_kept_for_the_soa_minimum(server, upstream, qname, qtype, rcode):
    """SOA TTL 60, MINIMUM 30: the smaller one bounds it (RFC 2308 section 5)."""
    for _ in range(5):
        reply = server.udp(qname, qtype)
        assert reply.rcode == rcode and not reply.answer
        assert reply.authority[0].type == 6 and reply.authority[0].ttl <= 60
    assert upstream.count(qname, qtype) == 1


def absence(minimum, soa_ttl, rcode=wire.NXDOMAIN):
    return lambda q: fakes.reply(q, authority=[
        wire.record("example.", "SOA", soa_ttl, wire.soa(minimum=minimum))], rcode=rcode)


@pytest.mark.parametrize("minimum,soa_ttl", [(1, 3600), (3600, 1)])
@pytest.mark.parametrize("rcode", [wire.NXDOMAIN, wire.NOERROR])
def test_absence_ends_with_the_smaller_of_soa_ttl_and_minimum(fake, holdfast, minimum, soa_ttl, rcode):
    upstream = fake(absence(minimum, soa_ttl, rcode))
    server = holdfast({"a": upstream.at})
    began = time.monotonic()
    server.udp("gone.example.")
    server.udp("gone.example.")
    asked = upstream.count()
    assert asked == 1 or time.monotonic() - began > 1
    time.sleep(1.2)
    server.udp("gone.example.")
    assert upstream.count() == asked + 1


def test_absence_without_a_soa_is_not_kept(fake, holdfast):
    """Nobody said for how long (RFC 2308 section 5)."""
    upstream = fake(lambda q: fakes.reply(q, rcode=wire.NXDOMAIN))
    server = holdfast({"a": upstream.at})
    for _ in range(2):
        assert server.udp("nosoa.example.").rcode == wire.NXDOMAIN
    assert upstream.count() == 2


@pytest.mark.own
def test_absence_is_not_kept_longer_than_negative_max(fake, holdfast):
    upstream = fake(absence(3600, 3600))
    server = holdfast({"a": upstream.at}, cache={"negative-max": "1s"})
    server.udp("gone.example.")
    time.sleep(1.2)
    server.udp("gone.example.")
    assert upstream.count() == 2


def test_nodata_of_one_type_says_nothing_of_another(server, upstream):
    assert not server.udp("types.example.", "MX").answer
    assert server.udp("types.example.", "A").addresses()
    assert server.udp("types.example.", "TXT").answer


def test_nothing_exists_below_a_name_that_does_not(server, upstream):
    """RFC 8020: one NXDOMAIN answers for the whole tree below it, of all types."""
    assert server.udp("nxcut.example.").rcode == wire.NXDOMAIN
    for qname, qtype in (("below.nxcut.example.", "A"), ("d.e.e.p.nxcut.example.", "MX"),
                         ("Below.NxCut.example.", "TXT")):
        reply = server.udp(qname, qtype)
        assert reply.rcode == wire.NXDOMAIN and reply.question[0][0] == wire.name(qname)
        assert [r.type for r in reply.authority] == [6]
        assert upstream.count(qname) == 0


def test_the_cut_does_not_reach_beside_or_above(server, upstream):
    assert server.udp("nxbeside.example.").rcode == wire.NXDOMAIN
    assert server.udp("notnxbeside.example.").rcode == wire.NOERROR
    assert server.udp("example.").rcode == wire.NOERROR


def test_nodata_is_no_cut(server, upstream):
    assert not server.udp("ent.example.", "MX").answer
    assert server.udp("below.ent.example.").addresses()


@pytest.mark.own
def test_the_cut_can_be_turned_off(fake, holdfast):
    upstream = fake()
    server = holdfast({"a": upstream.at}, cache={"nxdomain-cut": False})
    server.udp("nxoff.example.")
    assert server.udp("below.nxoff.example.").rcode == wire.NOERROR
    assert upstream.count("below.nxoff.example.") == 1


def test_a_nxdomain_behind_an_alias_cuts_nothing_below_the_alias(fake, holdfast):
    """The name that does not exist is the alias' target (RFC 8020 section 2)."""
    def behave(q):
        if q.name == wire.name("alias.example."):
            return fakes.reply(q, [wire.record(b"\xc0\x0c", "CNAME", 60, wire.name("t.example."))],
                               [wire.record("example.", "SOA", 60, wire.soa())], rcode=wire.NXDOMAIN)
        return fakes.honest(q)
    server = holdfast({"a": fake(behave).at})
    assert server.udp("alias.example.").rcode == wire.NXDOMAIN
    assert server.udp("below.alias.example.").addresses()


@pytest.mark.own
def test_do_and_cd_are_kept_apart(server, upstream):
    for how in ({}, {"do": True}, {"cd": True}, {"do": True, "cd": True}):
        for _ in range(2):
            assert server.udp("bits.example.", **how).addresses()
    assert upstream.count("bits.example.") == 4


@pytest.mark.own
def test_do_and_cd_reach_the_upstream(server, upstream):
    server.udp("up.example.", do=True, cd=True)
    q = upstream.questions("up.example.")[0]
    assert q.message.dnssec_ok and q.flags & wire.CD and q.flags & wire.RD
    server.udp("up.example.")
    q = upstream.questions("up.example.")[1]
    assert q.edns and not q.message.dnssec_ok and not q.flags & wire.CD


def test_types_are_kept_apart(server, upstream):
    assert server.udp("apart.example.", "A").answer[0].type == 1
    assert server.udp("apart.example.", "TXT").answer[0].type == 16
    assert upstream.count("apart.example.") == 2


def test_names_are_the_same_in_any_case_and_the_answer_has_the_clients(server, upstream):
    for qname in ("case.example.", "CASE.example.", "cAsE.eXaMpLe."):
        reply = server.udp(qname)
        assert reply.question[0][0] == wire.name(qname) and reply.addresses()
        assert wire.lower(reply.answer[0].owner) == wire.name("case.example.")
    assert upstream.count("case.example.") == 1


def test_a_failure_is_not_kept_for_long(fake, holdfast):
    """RFC 9520: at least a second, so that a storm stops here; then again."""
    upstream = fake(fakes.servfail)
    server = holdfast({"a": upstream.at})
    assert server.udp("fails.example.").rcode == wire.SERVFAIL
    upstream.behave = fakes.honest
    net.wait_until("an answer", lambda: server.udp("fails.example.").rcode == 0, pause=0.1)


@pytest.mark.own
def test_a_failure_is_kept_for_its_second(fake, holdfast):
    upstream = fake(fakes.servfail)
    server = holdfast({"a": upstream.at})
    began = time.monotonic()
    assert server.udp("storm.example.").rcode == wire.SERVFAIL
    asked = upstream.count()
    for _ in range(30):
        assert server.udp("storm.example.").rcode == wire.SERVFAIL
        # Where the machine took that long, its second is over.
        assert upstream.count() == asked or time.monotonic() - began > 1


def test_a_truncated_answer_is_never_kept_as_an_answer(fake, holdfast):
    upstream = fake(fakes.by_proto(fakes.truncated, fakes.honest))
    server = holdfast({"a": upstream.at})
    for _ in range(3):
        reply = server.udp("trunc.example.")
        assert not reply.flag(wire.TC) and reply.addresses()
    assert upstream.count(proto="tcp") == 1


def test_a_big_answer_fetched_for_a_udp_client_is_there_for_the_tcp_client(server, upstream):
    assert server.udp("bigonce.example.", "TXT").flag(wire.TC)
    assert len(server.tcp("bigonce.example.", "TXT").answer[0].rdata) == 5020
    assert upstream.count("bigonce.example.", proto="tcp") == 1


def test_one_question_from_many_clients_is_one_question_upstream(fake, holdfast):
    """All who wait for the same answer share one fetch, whichever worker they are on."""
    upstream = fake(fakes.after(0.3, fakes.honest))
    server = holdfast({"a": upstream.at})
    clients = [server.udp_client() for _ in range(50)]
    for i, client in enumerate(clients):
        client.send(wire.query("crowd.example.", id=i))
    for client in clients:
        assert wire.Message(client.receive()).addresses()
        client.socket.close()
    # One per worker at most: sharing across workers is the cache's part.
    assert upstream.count("crowd.example.") <= 2


@pytest.mark.own
def test_the_cache_is_bounded_and_the_server_answers_on(fake, holdfast):
    """1 MiB of cache, 10 MB of answers: old ones go, memory stays."""
    upstream = fake()
    server = holdfast({"a": upstream.at}, cache={"size": "1MiB"})
    with server.tcp_client() as client:
        def fill(first, last):
            for start in range(first, last, 100):
                client.send(*[wire.query("big%d.example." % i, "TXT", id=i % 65536)
                              for i in range(start, start + 100)])
                for _ in range(100):
                    assert client.receive()
        fill(0, 500)
        before = net.rss(server.pid)
        fill(500, 2000)
    assert net.rss(server.pid) - before < 4 << 20
    assert server.tcp("big1999.example.", "TXT").answer
