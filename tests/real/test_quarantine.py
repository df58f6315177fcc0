# SPDX-License-Identifier: GPL-3.0-or-later
"""Upstreams that lie: who is kept out, for how long, and who is not.

Intervals of our own questions are short here; no bound of time is tighter than ten
times what it takes on an idle machine."""
import ipaddress
import json

import pytest

import fake as fakes
import holdfast as under_test
import net
import peers
import wire

pytestmark = pytest.mark.own

TRUE, FALSE = "10.0.8.5", "192.0.2.66"
EXPECT = [{"name": "*.corp.example", "addresses": ["10.0.8.0/24"]}]
LONG = 150  # seconds until what has to happen has happened


def resolver(address, denies=lambda name: False):
    """A resolver with one address for every name but those that it denies."""
    def behave(q):
        flags = wire.QR | 0x0080
        if denies(q.name):
            soa = wire.record(b"\0", "SOA", 60, wire.soa(minimum=30))
            return fakes.reply(q, authority=[soa], rcode=wire.NXDOMAIN, flags=flags)
        packed = ipaddress.ip_address(address).packed
        return fakes.reply(q, [wire.record(b"\xc0\x0c", "A", 60, packed)], flags=flags)
    return behave


def in_great_zone(name):
    return name.endswith((b"\3com\0", b"\3net\0", b"\3org\0")) or name[1 + name[0]] == 0


def gauge(server, upstream, what):
    return server.metrics()["holdfast_upstream_%s{upstream=\"%s\"}" % (what, upstream)]


def status(server):
    code, text = under_test.run_verb("status", "-s", server.conf["control"])
    assert code == 0, text
    return text


def as_json(server):
    code, text = under_test.run_verb("status", "--json", "-s", server.conf["control"])
    assert code == 0, text
    return json.loads(text)


def kept_out(server, upstream, what="quarantined"):
    return gauge(server, upstream, what) > 0


def says(server, words):
    """The log is written a moment later."""
    net.wait_until("the log to say " + words, lambda: words in server.process.output(), LONG, 0.1)


# --- lies about what is expected --------------------------------------------------

def test_who_lied_is_not_asked_again_until_it_tells_the_truth(fake, holdfast):
    a, b = fake(resolver(FALSE)), fake(resolver(TRUE))
    server = holdfast({"a": a.at, "b": b.at}, expect=EXPECT,
                      forward=[{"zone": ".", "to": ["a", "b"], "order": "strict"}])
    assert server.udp("db.corp.example.").addresses() == [TRUE]
    assert kept_out(server, "a")
    for i in range(20):
        assert server.udp("n%d.corp.example." % i).addresses() == [TRUE]
    names = {q.name for q in a.seen}
    assert names == {wire.name("db.corp.example.")}, "it is asked about its lie and nothing else"
    assert server.udp("other.example.").addresses() == [FALSE], "of others nothing is expected"
    entry, = [u for u in as_json(server)["upstreams"] if u["name"] == "a"]
    bar, = entry["quarantine"]
    assert bar["suffix"] == "corp.example" and bar["lie"] == "address"
    assert bar["name"] == "db.corp.example" and FALSE in bar["gave"]
    assert "in quarantine for corp.example and below" in status(server)
    assert FALSE in status(server) and "of 3 true answers so far" in status(server)

    a.behave = resolver(TRUE)
    net.wait_until("a to be out of quarantine", lambda: not kept_out(server, "a"), LONG, 0.2)
    assert server.udp("again.corp.example.").addresses() == [TRUE]
    assert a.count("again.corp.example.")
    assert "in quarantine" not in status(server)
    says(server, "upstream is quarantined")
    says(server, "upstream is out of quarantine")


def test_where_all_are_kept_out_the_failure_says_what_they_gave(fake, holdfast):
    server = holdfast({"isp": fake(resolver(FALSE)).at}, expect=EXPECT)
    assert server.udp("db.corp.example.").rcode == wire.SERVFAIL
    assert kept_out(server, "isp")
    reply = server.udp("www.corp.example.", edns=1232)
    assert reply.rcode == wire.SERVFAIL
    text = b"upstream isp: keeps lying; gave 192.0.2.66 for db.corp.example, which is"
    assert text in reply.wire, reply.wire


def test_who_has_nobody_left_to_believe_is_not_ready(fake, holdfast):
    suffixes = ["one.example", "two.example", "three.example"]
    isp = fake(resolver(FALSE))
    server = holdfast({"isp": isp.at}, expect=[
        {"name": "*." + s, "addresses": ["10.0.8.0/24"]} for s in suffixes])
    assert server.get("/ready")[0] == 200
    for suffix in suffixes[:2]:
        server.udp("db." + suffix + ".")
    assert server.get("/ready")[0] == 200, "other names still resolve"
    server.udp("db." + suffixes[2] + ".")
    net.wait_until("it to be withdrawn", lambda: server.get("/ready")[0] == 503, LONG, 0.1)
    assert "in quarantine for all names: isp" in server.get("/ready")[1]
    assert "NOT ready" in status(server)
    isp.behave = resolver(TRUE)  # nobody asks, and it is found out all the same
    net.wait_until("it to be ready", lambda: server.get("/ready")[0] == 200, LONG, 0.2)


def test_what_an_operator_expects_no_more_was_no_lie(fake, holdfast):
    a, b = fake(resolver(FALSE)), fake(resolver(TRUE))
    server = holdfast({"a": a.at, "b": b.at}, expect=EXPECT)
    server.udp("db.corp.example.")
    assert kept_out(server, "a")
    assert server.reload()[0] == 0
    assert kept_out(server, "a"), "a reload that changes nothing changes nothing"
    server.conf["expect"] = [{"name": "*.corp.example", "addresses": ["10.0.8.0/24", FALSE]}]
    server.write()
    assert server.reload()[0] == 0
    net.wait_until("a to be believed", lambda: not kept_out(server, "a"), LONG, 0.1)


# --- canaries ---------------------------------------------------------------------

def test_who_rewrites_denials_is_asked_for_nothing_until_it_stops(fake, holdfast):
    liar, honest = resolver(FALSE), resolver(TRUE, denies=in_great_zone)
    a, b = fake(liar), fake(honest)
    server = holdfast({"a": a.at, "b": b.at}, truth={"canaries": "1s"})
    net.wait_until("a to be caught", lambda: kept_out(server, "a", "distrusted"), LONG, 0.2)
    for i in range(10):
        assert server.udp("n%d.corp.example." % i).addresses() == [TRUE]
    assert not kept_out(server, "b", "distrusted")
    assert "in quarantine for all names" in status(server)
    a.behave = honest
    net.wait_until("a to be out", lambda: not kept_out(server, "a", "distrusted"), LONG, 0.2)


def named(address, text):
    """A resolver that says what it is called, and denies what cannot exist."""
    usual = resolver(address, denies=in_great_zone)

    def behave(q):
        if q.qclass != 3:
            return usual(q)
        rdata = bytes([len(text)]) + text
        return fakes.reply(q, [wire.record(b"\xc0\x0c", "TXT", 0, rdata, cls=3)])
    return behave


def test_two_in_two_networks_that_give_one_name_are_told_of(fake, holdfast):
    near = fake(named(TRUE, b"box-7"))
    far = fake(named(TRUE, b"box-7"), address="127.%d.0.77" % (net.octet() + 64))
    shy = fake(resolver(TRUE, denies=in_great_zone))
    server = holdfast({"near": near.at, "far": far.at, "shy": shy.at}, truth={"canaries": "1s"})
    says(server, "two upstreams answer as one machine")
    entries = {u["name"]: u["identity"] for u in as_json(server)["upstreams"]}
    assert entries["near"]["name"] == entries["far"]["name"] == "box-7"
    net.wait_until("the version", lambda: "says that it is 'box-7', running 'box-7'"
                   in status(server), LONG, 0.2)
    assert entries["shy"] is None or entries["shy"]["name"] == ""
    assert server.metrics()["holdfast_upstreams_as_one_total"] == 1
    assert not any(kept_out(server, u, "distrusted") for u in ("near", "far", "shy"))


def test_a_contradiction_is_shown_with_what_either_said(fake, holdfast):
    one, two = fake(resolver("192.0.2.10")), fake(resolver("203.0.113.66"))
    server = holdfast({"one": one.at, "two": two.at}, truth={"sample": "1000/s", "canaries": "0s"},
                      forward=[{"zone": ".", "to": ["one", "two"], "order": "listed"}])
    def told():
        server.udp("n%d.example." % next(names))
        entries = {u["name"]: u["opinions"] for u in as_json(server)["upstreams"]}
        return entries["two"]["last_contradiction"]
    names = iter(range(1000))
    net.wait_until("a contradiction", told, LONG, 0.1)
    last = told()
    assert last["believed"] == "192.0.2.10" and last["gave"] == "203.0.113.66"
    assert last["name"].endswith(".example")
    assert "gave 203.0.113.66, where 192.0.2.10 was believed" in status(server)
    assert not kept_out(server, "two", "distrusted")


def test_who_answers_where_no_resolver_runs_is_in_the_path(fake, holdfast):
    upstream, box = fake(resolver(TRUE)), fake(resolver(FALSE))
    server = holdfast({"a": upstream.at}, truth={"intercept-probe": box.at, "canaries": "1s"})
    says(server, "somebody in the path answers questions that are for others")
    seen = as_json(server)["interception"]
    assert seen["intercepted"] and seen["answered"] >= 1 and seen["probe"] == box.at
    assert "INTERCEPTED" in status(server) and "use tls://" in status(server)
    assert server.metrics()["holdfast_intercepted"] == 1
    assert server.udp("www.example.").addresses() == [TRUE], "nobody is kept out for it"
    net.wait_until("more probes", lambda: len(box.seen) >= 4, LONG, 0.2)
    assert len({q.name for q in box.seen}) >= 4 and len({q.id for q in box.seen}) >= 3
    box.behave = fakes.silent
    net.wait_until("the path to be free", lambda: not as_json(server)["interception"]["intercepted"],
                   LONG, 0.3)
    says(server, "nobody in the path answers")


def test_where_all_rewrite_denials_names_go_on_to_resolve(fake, holdfast):
    a, b = fake(resolver(FALSE)), fake(resolver(FALSE))
    server = holdfast({"a": a.at, "b": b.at}, truth={"canaries": "1s"})
    says(server, "all upstreams answer for a name that cannot exist")
    assert server.udp("www.corp.example.").addresses() == [FALSE]
    assert not kept_out(server, "a", "distrusted") and not kept_out(server, "b", "distrusted")


# --- serials ----------------------------------------------------------------------

def zone_file(directory, serial, address):
    path = directory / ("corp-%d.zone" % serial)
    path.write_text("$ORIGIN corp.example.\n$TTL 60\n@ SOA ns host %d 3600 600 86400 60\n"
                    "@ NS ns\nns A 10.0.8.1\n* A %s\n" % (serial, address))
    return {"corp.example.": str(path)}


@pytest.mark.parametrize("kinds", [(peers.Nsd, peers.Knot), (peers.Knot, peers.Nsd)],
                         ids=["knot is newer", "nsd is newer"])
def test_of_two_servers_of_a_zone_the_one_with_the_older_zone_is_out(peer, holdfast, tmp_path, kinds):
    # Ahead by RFC 1982, though the number is smaller.
    old = peer(kinds[0], zones=zone_file(tmp_path, 4294967290, FALSE))
    new = peer(kinds[1], zones=zone_file(tmp_path, 3, TRUE))
    server = holdfast({"old": old.at, "new": new.at}, truth={"serials": "1s"},
                      forward=[{"zone": "corp.example", "to": ["old", "new"], "order": "strict"}])
    assert server.udp("first.corp.example.").addresses() == [FALSE]
    net.wait_until("the older zone to be out", lambda: kept_out(server, "old", "late_zones"), LONG, 0.2)
    for i in range(10):
        assert server.udp("n%d.corp.example." % i).addresses() == [TRUE]
    assert not kept_out(server, "new", "late_zones")
    assert "with serial 4294967290, where the newest is 3" in status(server)
    says(server, "upstream serves an older zone than the others")


def test_a_server_that_catches_up_is_used_again(fake, holdfast):
    serials = {"a": 7, "b": 8}

    def owns(which):
        def behave(q):
            soa = wire.record(b"\xc0\x0c", "SOA", 60, wire.soa(serial=serials[which]))
            address = bytes([10, 0, 8, serials[which]])
            return fakes.reply(q, [soa if q.qtype == 6 else wire.record(b"\xc0\x0c", "A", 60, address)])
        return behave

    a, b = fake(owns("a")), fake(owns("b"))
    server = holdfast({"a": a.at, "b": b.at}, truth={"serials": "1s"},
                      forward=[{"zone": "corp.example", "to": ["a", "b"], "order": "strict"}])
    net.wait_until("a to be out", lambda: kept_out(server, "a", "late_zones"), LONG, 0.2)
    assert server.udp("one.corp.example.").addresses() == ["10.0.8.8"]
    serials["a"] = 8
    net.wait_until("a to be in", lambda: not kept_out(server, "a", "late_zones"), LONG, 0.2)
    server.udp("two.corp.example.")
    assert a.count("two.corp.example.", "A")


# --- and who does not lie ---------------------------------------------------------

def test_content_networks_and_round_robin_keep_nobody_out(fake, holdfast):
    """Each of two honest resolvers sees another place of a content network."""
    def place(number):
        def behave(q):
            flags = wire.QR | 0x0080
            first = q.name[1:1 + q.name[0]].decode()
            if in_great_zone(q.name):
                soa = wire.record(b"\0", "SOA", 60, wire.soa(minimum=30))
                return fakes.reply(q, authority=[soa], rcode=wire.NXDOMAIN, flags=flags)
            if first.startswith("alias"):
                edge = wire.name("e%d.dsc%d.edge.example." % (number, number))
                return fakes.reply(q, [wire.record(b"\xc0\x0c", "CNAME", 60, edge),
                                       wire.record(edge, "A", 20, bytes([20 * number, 9, 8, 7]))],
                                   flags=flags)
            if first.startswith("robin"):
                order = [1, 2, 3] if number == 1 else [3, 2]
                return fakes.reply(q, [wire.record(b"\xc0\x0c", "A", 60, bytes([10, 0, 8, i]))
                                       for i in order], flags=flags)
            # Placed by address alone: looks like a lie, and is none.
            return fakes.reply(q, [wire.record(b"\xc0\x0c", "A", 60 * number,
                                               bytes([20 * number, 1, 1, 1]))], flags=flags)
        return behave

    a, b = fake(place(1)), fake(place(2))
    server = holdfast({"a": a.at, "b": b.at}, truth={"sample": "1000/s", "canaries": "1s"})
    for i in range(30):
        for kind in ("alias", "robin", "geo"):
            assert server.udp("%s%d.corp.example." % (kind, i)).rcode == 0
    net.wait_until("opinions to be heard", lambda: gauge(server, "b", "differed_total") >= 5, LONG, 0.2)
    net.wait_until("canaries to be heard", lambda: gauge(server, "b", "canaries_total") >= 2, LONG, 0.2)
    for upstream in ("a", "b"):
        assert gauge(server, upstream, "quarantines_total") == 0
        assert gauge(server, upstream, "lies_total") == 0
    assert server.udp("last.corp.example.").addresses()[0] in ("20.1.1.1", "40.1.1.1")
