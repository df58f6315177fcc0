# SPDX-License-Identifier: GPL-3.0-or-later
"""What does not belong to an answer is left off, and no public name leads into a private
network where the operator forbids it."""
import pytest

import fake as fakes
import net
import wire

pytestmark = pytest.mark.own  # no peer keeps exactly these rules

EVIL = bytes([203, 0, 113, 66])
GOOD = bytes([192, 0, 2, 7])
SELF = b"\xc0\x0c"


def rr(owner, kind, data, ttl=300):
    return wire.record(owner, kind, ttl, data)


def counted(server, family, upstream=None):
    key = "holdfast_" + family + ('{upstream="%s"}' % upstream if upstream else "")
    return server.metrics()[key]


def answers(*records, authority=(), additional=(), rcode=0):
    return lambda q: fakes.reply(q, list(records), list(authority), list(additional), rcode)


@pytest.fixture
def one(fake, holdfast):
    """An upstream that says what it is told, and holdfast in front of it."""
    def start(behave, **conf):
        upstream = fake(behave)
        return upstream, holdfast({"one": upstream.at}, **conf)
    return start


def test_what_nobody_asked_for_is_left_off_and_counted(one):
    _, server = one(answers(
        rr("www.bank.example.", "A", EVIL), rr(SELF, "A", GOOD),
        authority=[rr("example.", "NS", wire.name("www.bank.example."))],
        additional=[rr("www.bank.example.", "A", EVIL)]))
    for _ in range(2):  # later and at once
        m = server.udp("x1.example.", "A")
        assert m.addresses() == ["192.0.2.7"]
        assert len(m.authority) == 1 and not m.additional
        assert EVIL not in m.wire
    assert counted(server, "upstream_foreign_records_total", "one") == 2


def test_a_reply_that_does_not_lead_from_the_question_is_asked_for_elsewhere(fake, holdfast):
    poison = fake(answers(rr(SELF, "CNAME", wire.name("a.example.")),
                           rr("b.example.", "A", EVIL)))
    honest = fake(answers(rr(SELF, "A", GOOD)))
    server = holdfast({"poison": poison.at, "honest": honest.at})
    assert server.udp("www.example.", "A").addresses() == ["192.0.2.7"]
    assert counted(server, "upstream_malformed_total", "poison") == 1


def test_a_denial_by_another_zone_is_not_kept(one):
    upstream, server = one(answers(
        authority=[rr("bank.test.", "SOA", wire.soa(minimum=3600))], rcode=wire.NXDOMAIN))
    for asked in (1, 2):
        m = server.udp("www.example.", "A")
        assert m.rcode == wire.NXDOMAIN and not m.authority
        assert upstream.count() == asked


def test_aliases_are_followed_in_whatever_order_they_stand(one):
    _, server = one(answers(
        rr("b.cdn.example.", "A", GOOD), rr("a.cdn.example.", "CNAME", wire.name("b.cdn.example.")),
        rr(SELF, "CNAME", wire.name("a.cdn.example."))))
    assert server.udp("www.example.", "A").addresses() == ["192.0.2.7"]
    assert counted(server, "upstream_foreign_records_total", "one") == 0


# --- rebinding ---

def private(q):
    return fakes.reply(q, [rr(SELF, "A", bytes([192, 168, 0, 1]))])


def test_a_private_address_in_a_public_name_is_refused_and_said_so(fake, holdfast):
    first, second = fake(private), fake(private)
    server = holdfast({"first": first.at, "second": second.at}, truth={"rebind": "refuse"})
    m = server.udp("www.attacker.example.", "A", edns=1232)
    assert m.rcode == wire.SERVFAIL and m.ede == [15] and not m.answer
    assert b"upstream first: gave 192.168.0.1, a private address in a public name" in m.wire
    assert not second.count()  # it would say the same
    assert counted(server, "rebind_refused_total") == 1
    assert counted(server, "upstream_lies_total", "first") == 0
    net.wait_until("the log to say so", lambda: "an answer is refused" in server.process.output(), 60)
    assert server.udp("nas.home.arpa.", "A").addresses() == ["192.168.0.1"]
    assert server.udp("printer.", "A").addresses() == ["192.168.0.1"]


def test_an_internal_zone_with_a_route_of_its_own_is_no_public_name(fake, holdfast):
    upstream = fake(private)
    server = holdfast({"one": upstream.at}, truth={"rebind": "refuse", "rebind-allow": ["plex.example"]},
                      forward=[{"zone": ".", "to": ["one"]},
                               {"zone": "corp.example", "to": ["one"]}])
    assert server.udp("db.corp.example.", "A").addresses() == ["192.168.0.1"]
    assert server.udp("my.plex.example.", "A").addresses() == ["192.168.0.1"]
    assert server.udp("db.other.example.", "A").rcode == wire.SERVFAIL


def test_a_reload_or_a_restart_that_refuses_private_addresses_forgets_those_it_has(one, tmp_path):
    def behave(q):
        return private(q) if b"attacker" in q.name else answers(rr(SELF, "A", GOOD))(q)
    upstream, server = one(behave, cache={"persist": str(tmp_path / "cache")})
    bad, good = "www.attacker.example.", "www.example."
    def is_refused():
        return (server.udp(bad, "A").rcode == wire.SERVFAIL and
                server.udp("nas.attacker.home.arpa.", "A").addresses() == ["192.168.0.1"])
    def set_to(word):
        server.conf["truth"] = {"rebind": word}
        server.write()
    for name in (bad, good, "nas.attacker.home.arpa."):
        assert server.udp(name, "A").rcode == wire.NOERROR
    asked = upstream.count(good)
    set_to("refuse")
    assert server.reload()[0] == 0
    assert is_refused()
    net.wait_until("the sweep", lambda: counted(server, "truth_swept_total") == 1, 60)
    set_to("allow")
    assert server.reload()[0] == 0
    net.wait_until("the failure to be over", lambda: server.udp(bad, "A").addresses(), 60, 0.2)
    server.stop()
    set_to("refuse")
    server.start()
    assert is_refused() and server.udp(good, "A").addresses() == ["192.0.2.7"]
    assert upstream.count(good) == asked


def test_without_a_word_private_addresses_are_as_good_as_others(one):
    _, server = one(private)
    assert server.udp("www.example.", "A").addresses() == ["192.168.0.1"]


def test_an_old_public_address_is_better_than_a_private_one(one):
    public = answers(rr(SELF, "A", GOOD, ttl=1))
    _, server = one(fakes.in_turn(public, private), truth={"rebind": "refuse"})
    assert server.udp("www.example.", "A").addresses() == ["192.0.2.7"]
    net.wait_until("the answer to grow old", lambda: server.udp("www.example.", "A", edns=1232).ede, 60)
    m = server.udp("www.example.", "A", edns=1232)
    assert m.addresses() == ["192.0.2.7"] and 3 in m.ede
