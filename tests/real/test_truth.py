# SPDX-License-Identifier: GPL-3.0-or-later
"""Which answers are believed: expectations, and upstreams that lie."""
import pytest

import fake as fakes
import net
import wire

pytestmark = pytest.mark.own

NAME = "db.corp.example."
TRUE, FALSE = "192.0.2.10", "198.51.100.66"
OTHER, STALE = 0, 3  # extended errors
INSIDE = {"name": "db.corp.example", "addresses": ["192.0.2.0/24"]}


def gives(address, ttl=300):
    rdata = bytes(int(part) for part in address.split("."))
    return lambda q: fakes.reply(q, [wire.record(b"\xc0\x0c", "A", ttl, rdata)])


def denies(q):
    return fakes.reply(q, authority=[wire.record(b"\0", "SOA", 60, wire.soa(minimum=30))],
                       rcode=wire.NXDOMAIN)


def lies(server, upstream):
    return server.metrics()['holdfast_upstream_lies_total{upstream="%s"}' % upstream]


def why(reply):
    """The texts of the extended errors."""
    return " ".join(data[2:].decode() for code, data in reply.options if code == 15)


@pytest.fixture
def start(fake, holdfast):
    """Starts a server before upstreams one, two, ... that behave so."""
    def begin(behaviours, expect, **sections):
        upstreams = [fake(b) for b in behaviours]
        names = ["one", "two", "three"][:len(upstreams)]
        if expect:
            sections["expect"] = expect
        # What is asked at the start would be counted with what clients ask.
        sections.setdefault("startup", {"verify": "off"})
        server = holdfast({n: u.at for n, u in zip(names, upstreams)}, **sections)
        return server, upstreams
    return begin


# --- lies -------------------------------------------------------------------------------

def test_a_liar_that_is_asked_first_reaches_neither_client_nor_cache(start):
    server, upstreams = start([gives(FALSE), gives(TRUE), gives(TRUE)], [INSIDE])
    assert server.udp(NAME).addresses() == [TRUE]
    upstreams[1].behave = upstreams[2].behave = fakes.silent
    for _ in range(3):
        assert server.udp(NAME).addresses() == [TRUE]
    assert upstreams[0].count(NAME) == 1 and upstreams[1].count(NAME) == 1
    assert lies(server, "one") == 1 and lies(server, "two") == 0
    assert server.udp("www.corp.example.").addresses() == [FALSE]  # of that nothing is expected


def test_when_all_lie_the_client_is_told_who_and_what(start):
    server, _ = start([gives(FALSE), gives("198.51.100.67")], [INSIDE])
    reply = server.udp(NAME, edns=True)
    assert reply.rcode == wire.SERVFAIL and reply.ede == [OTHER]
    assert "198.51.100.67, which is none of the addresses expected" in why(reply)
    assert "upstream two" in why(reply)


def test_when_all_lie_the_truth_of_before_is_given_and_marked(start):
    server, upstreams = start([gives(TRUE, 1), gives(TRUE, 1)], [INSIDE],
                              cache={"stale-after": "100ms"})
    assert server.udp(NAME).addresses() == [TRUE]
    for upstream in upstreams:
        upstream.behave = gives(FALSE)
    def old():
        reply = server.udp(NAME, edns=True)
        assert reply.addresses() == [TRUE]
        return reply.ede == [STALE]
    net.wait_until("an old answer", old, 60, 0.2)
    # That may have come while the new one was waited for.
    net.wait_until("the lie to be told", lambda: old() and lies(server, "one") >= 1)


# --- what has to be shown first -----------------------------------------------------------

def test_two_of_three_have_to_agree(start):
    server, upstreams = start([gives(FALSE), gives(TRUE), gives(TRUE)],
                              [{"name": "*.corp.example", "agree": "2 of 3"}])
    assert server.udp(NAME).addresses() == [TRUE]
    assert [u.count(NAME) for u in upstreams] == [1, 1, 1]
    assert lies(server, "one") == 0  # outvoted is no lie
    upstreams[2].behave = gives("192.0.2.99")
    reply = server.udp("other.corp.example.", edns=True)
    assert reply.rcode == wire.SERVFAIL and "where 2 are to" in why(reply)


def test_a_denial_of_a_name_that_is_expected_is_doubted(start):
    server, upstreams = start([denies, gives(TRUE)], [INSIDE])
    assert server.udp(NAME).addresses() == [TRUE]
    assert lies(server, "one") == 1
    server, upstreams = start([denies, denies], [INSIDE])
    assert server.udp(NAME).rcode == wire.NXDOMAIN
    assert [u.count(NAME) for u in upstreams] == [1, 1] and lies(server, "one") == 0


def has_nothing(q):
    return fakes.reply(q, authority=[wire.record(b"\0", "SOA", 60, wire.soa(minimum=30))])


def refers(q):
    """Somewhere else, though with the authority of the zone's own server."""
    return fakes.reply(q, authority=[wire.record(b"\0", "NS", 60, wire.name("ns.example."))])


def is_a_loose_end(q):
    return fakes.reply(q, [wire.record(b"\xc0\x0c", "CNAME", 60, wire.name("void.example."))])


@pytest.mark.parametrize("void", [has_nothing, refers, is_a_loose_end, lambda q: fakes.reply(q)])
def test_an_answer_without_the_address_that_is_expected_is_doubted(start, void):
    server, upstreams = start([void, gives(TRUE)], [INSIDE])
    assert server.udp(NAME).addresses() == [TRUE]
    assert lies(server, "one") == 1 and upstreams[1].count(NAME) == 1


def test_what_is_not_expected_may_be_missing(start):
    server, upstreams = start([has_nothing, gives(TRUE)], [INSIDE])
    reply = server.udp(NAME, "AAAA")  # only IPv4 is listed
    assert reply.rcode == wire.NOERROR and reply.addresses() == []
    assert upstreams[1].count(NAME) == 0 and lies(server, "one") == 0
    server, upstreams = start([has_nothing, has_nothing], [INSIDE])
    reply = server.udp(NAME)
    assert reply.rcode == wire.NOERROR and reply.addresses() == []
    assert [u.count(NAME) for u in upstreams] == [1, 1] and lies(server, "one") == 0


def test_a_reload_forgets_that_a_name_now_expected_has_no_address(start):
    server, upstreams = start([has_nothing, gives(TRUE)], [])
    assert server.udp(NAME).addresses() == [] == server.udp("other.example.").addresses()
    server.conf["expect"] = [INSIDE]
    server.write()
    code, said = server.reload()
    assert code == 0, said
    assert server.udp(NAME).addresses() == [TRUE] and lies(server, "one") == 1
    assert server.udp("other.example.").addresses() == []
    assert upstreams[0].count("other.example.") == 1


FROM_CDN = {"name": "*.shop.example", "cname": ["cdn.example"]}


def test_an_alias_must_not_lead_where_it_should_not_even_if_nothing_is_there(start):
    def leads(target):
        return lambda q: fakes.reply(
            q, [wire.record(b"\xc0\x0c", "CNAME", 60, wire.name(target))],
            authority=[wire.record(b"\0", "SOA", 60, wire.soa(minimum=30))])
    server, _ = start([leads("void.example."), leads("a.cdn.example.")], [FROM_CDN])
    reply = server.udp("www.shop.example.", "AAAA")
    assert reply.rcode == wire.NOERROR and wire.name("a.cdn.example.")[:10] in reply.wire
    assert lies(server, "one") == 1 and lies(server, "two") == 0


def test_nor_may_what_serves_a_name_be_elsewhere(start):
    def serves(target):
        return lambda q: fakes.reply(
            q, [wire.record(b"\xc0\x0c", "HTTPS", 60, b"\0\1" + wire.name(target))])
    server, _ = start([serves("void.example."), serves("a.cdn.example.")], [FROM_CDN])
    reply = server.udp("www.shop.example.", "HTTPS")
    assert reply.rcode == wire.NOERROR and b"\4void" not in reply.wire
    assert lies(server, "one") == 1 and lies(server, "two") == 0


# --- reload and restart ----------------------------------------------------------------------

def test_a_reload_with_an_expectation_ends_the_lie_that_was_believed(start):
    server, upstreams = start([gives(FALSE), gives(TRUE)], [])
    kept = ["kept%d.example." % i for i in range(20)]
    for name in [NAME, "idle.corp.example."] + kept:
        assert server.udp(name).addresses() == [FALSE]
    server.conf["expect"] = [INSIDE, {**INSIDE, "name": "idle.corp.example"}]
    server.write()
    code, said = server.reload()
    assert code == 0, said
    assert server.udp(NAME).addresses() == [TRUE]
    net.wait_until("the sweep", lambda: server.metrics()["holdfast_truth_swept_total"] >= 1, 60)
    assert upstreams[0].count(NAME) == 2 and lies(server, "one") == 1
    for name in kept:  # nothing else was forgotten
        assert server.udp(name).addresses() == [FALSE] and upstreams[0].count(name) == 1


@pytest.mark.parametrize("then", [[{**INSIDE, "addresses": ["198.51.100.0/24"]}], []], ids=["mended", "removed"])
def test_a_failure_is_forgotten_with_the_expectation_that_it_came_of(start, then):
    server, upstreams = start([gives(FALSE)], [INSIDE], cache={"failure": "30s"})
    reply = server.udp(NAME)
    assert reply.rcode == wire.SERVFAIL
    asked = upstreams[0].count(NAME)
    assert server.udp(NAME).rcode == wire.SERVFAIL and upstreams[0].count(NAME) == asked
    assert server.reload()[0] == 0  # nothing is new: nor is anybody asked anew
    assert server.udp(NAME).rcode == wire.SERVFAIL and upstreams[0].count(NAME) == asked
    server.conf.pop("expect")
    if then:
        server.conf["expect"] = then
    server.write()
    assert server.reload()[0] == 0
    net.wait_until("the answer", lambda: server.udp(NAME).addresses() == [FALSE], 5)


def test_a_restart_brings_no_lie_back(start, tmp_path):
    place = str(tmp_path / "cache")
    server, upstreams = start([gives(FALSE), gives(TRUE)], [], cache={"persist": place})
    for name in (NAME, "kept.example."):
        assert server.udp(name).addresses() == [FALSE]
    server.stop()
    server.conf["expect"] = [INSIDE]
    server.write()
    server.start()
    assert server.udp("kept.example.").addresses() == [FALSE]
    assert upstreams[0].count("kept.example.") == 1
    assert server.udp(NAME).addresses() == [TRUE]


def test_an_upstream_that_is_trusted_little_is_asked_last(fake, holdfast):
    low, normal = fake(gives(FALSE)), fake(gives(TRUE))
    server = holdfast({"low": {"address": low.at, "trust": "low"}, "normal": normal.at})
    assert server.udp(NAME).addresses() == [TRUE]
    normal.behave = fakes.servfail
    assert server.udp("other.example.").addresses() == [FALSE]
    assert low.count(NAME) == 0 and low.count("other.example.") == 1


# --- doors beside the one that is watched ------------------------------------------------------

def octets(address):
    return bytes(int(part) for part in address.split("."))


def leads_to_it(address):
    """Whatever is asked for is an alias of NAME, and that has the address."""
    return lambda q: fakes.reply(q, [
        wire.record(b"\xc0\x0c", "CNAME", 300, wire.name(NAME)),
        wire.record(wire.name(NAME), "A", 300, octets(address))])


def names_it(address):
    """Whatever is asked for is served by NAME, whose address stands beside."""
    return lambda q: fakes.reply(
        q, [wire.record(b"\xc0\x0c", "SRV", 300, b"\0\0\0\0\1\xbb" + wire.name(NAME))],
        additional=[wire.record(wire.name(NAME), "A", 300, octets(address))])


def test_what_is_expected_of_a_name_holds_by_way_of_an_alias_too(start):
    server, upstreams = start([leads_to_it(FALSE), leads_to_it(TRUE)], [INSIDE])
    assert server.udp("www.example.").addresses() == [TRUE]
    assert lies(server, "one") == 1 and lies(server, "two") == 0
    upstreams[1].behave = leads_to_it(FALSE)
    reply = server.udp("other.example.", edns=True)
    assert reply.rcode == wire.SERVFAIL and "none of the addresses expected" in why(reply)


def test_a_false_address_beside_the_answer_is_refused_too(start):
    server, _ = start([names_it(FALSE), names_it(TRUE)], [INSIDE])
    reply = server.udp("_http._tcp.example.", "SRV")
    assert octets(FALSE) not in reply.wire and octets(TRUE) in reply.wire
    assert lies(server, "one") == 1


def test_a_reload_and_a_restart_look_where_an_alias_leads(start, tmp_path):
    server, upstreams = start([leads_to_it(FALSE), leads_to_it(TRUE)], [],
                              cache={"persist": str(tmp_path / "cache")})
    assert server.udp("www.example.").addresses() == [FALSE]
    assert server.udp("ftp.example.").addresses() == [FALSE]
    server.conf["expect"] = [INSIDE]
    server.write()
    code, said = server.reload()
    assert code == 0, said
    assert server.udp("www.example.").addresses() == [TRUE]
    del server.conf["expect"]
    server.write()
    assert server.reload()[0] == 0
    upstreams[1].behave = leads_to_it(FALSE)
    assert server.udp("late.example.").addresses() == [FALSE]
    server.stop()
    upstreams[1].behave = leads_to_it(TRUE)
    server.conf["expect"] = [INSIDE]
    server.write()
    server.start()
    assert server.udp("late.example.").addresses() == [TRUE]


def test_what_must_never_be_given_is_not_to_be_had_by_way_of_ipv6(start):
    def mapped(q):
        return fakes.reply(q, [wire.record(
            b"\xc0\x0c", "AAAA", 300, b"\0" * 10 + b"\xff\xff" + octets(FALSE))])
    server, _ = start([mapped], [{"name": "db.corp.example", "never": [FALSE]}])
    assert server.udp(NAME, "AAAA").rcode == wire.SERVFAIL
    assert lies(server, "one") == 1


def test_a_false_address_beside_a_true_one_is_not_agreed_on(start):
    def both(q):
        return fakes.reply(q, [wire.record(b"\xc0\x0c", "A", 300, octets(a))
                               for a in (TRUE, FALSE)])
    server, upstreams = start([both, gives(TRUE), gives(TRUE)],
                              [{"name": "*.corp.example", "agree": "2 of 3"}])
    assert server.udp(NAME).addresses() == [TRUE]
