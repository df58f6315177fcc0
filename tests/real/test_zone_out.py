# SPDX-License-Identifier: GPL-3.0-or-later
"""test_zone_out.py - zones on the wire: answers, transfers to secondaries, NOTIFY."""
import os
import socket
import struct
import threading
import time

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.zone
import pytest

import fake as fakes
import holdfast as under_test
import net
import secondaries
import wire

pytestmark = pytest.mark.own

ZONE = "corp.example."
PORT = under_test.PORT


def text(serial, extra="", hosts=200):
    lines = ["$ORIGIN %s" % ZONE, "$TTL 300",
             "@ SOA ns hostmaster %d 7200 600 86400 60" % serial, "@ NS ns", "ns A 192.0.2.53",
             "www A 192.0.2.80", "alias CNAME www", "out CNAME far.example.net.",
             "loop CNAME loop.other.example.", "over CNAME host.other.example.",
             "stamp TXT \"%d\"" % serial]
    lines += ["host%d A 10.%d.%d.%d" % (i, i >> 16 & 255, i >> 8 & 255, i & 255) for i in range(hosts)]
    return "\n".join(lines) + "\n" + extra


def other():
    return ("$ORIGIN other.example.\n$TTL 300\n@ SOA ns hostmaster 1 7200 600 86400 60\n@ NS ns\n"
            "ns A 192.0.2.54\nhost A 192.0.2.90\nloop CNAME loop.%s\n" % ZONE)


def write(path, content):
    """As an operator should: the new file takes the place of the old one at once."""
    with open(str(path) + ".new", "w") as out:
        out.write(content)
    os.rename(str(path) + ".new", str(path))


class Served:
    def __init__(self, holdfast, tmp_path, upstream, start=True, more=(), keys=None, content=None,
                 **zone):
        self.path = tmp_path / "corp.zone"
        write(self.path, content or text(1))
        zones = [{"name": ZONE, "file": str(self.path), "allow-transfer": ["127.0.0.0/8"], **zone}]
        sections = {"zones": zones + list(more)}
        if keys:
            sections["keys"] = keys
        self.server = holdfast({"a": upstream.at}, start=start, **sections)

    def publish(self, serial, **how):
        write(self.path, text(serial, **how))

    def serial(self):
        return secondaries.soa(self.server, ZONE)

    def metric(self, name):
        return self.server.metrics()[name]

    def axfr(self, key=None, **how):
        """(serial, names) by dnspython."""
        keyring = dns.tsigkeyring.from_text({key[0]: (key[1], key[2])}) if key else None
        zone = dns.zone.from_xfr(dns.query.xfr(
            self.server.address, ZONE, port=PORT, keyring=keyring, keyname=key[0] if key else None,
            keyalgorithm=key[1] if key else "hmac-sha256", lifetime=120, **how))
        return zone

    def ixfr(self, serial, udp=False):
        """The messages that answer an IXFR."""
        q = dns.message.make_query(ZONE, "IXFR")
        q.authority.append(dns.rrset.from_text(
            ZONE, 0, "IN", "SOA", "ns.%s hostmaster.%s %d 1 1 1 1" % (ZONE, ZONE, serial)))
        ask = dns.query.udp if udp else dns.query.tcp
        return ask(q, self.server.address, port=PORT, timeout=30)


@pytest.fixture
def served(holdfast, fake, tmp_path):
    def start(behave=fakes.honest, **how):
        upstream = fake(behave)
        one = Served(holdfast, tmp_path, upstream, **how)
        one.upstream = upstream
        return one
    return start


@pytest.fixture
def secondary(tmp_path, need):
    started = []

    def start(kind, one, **how):
        if kind.which() is None:
            need(kind.program)
        started.append(kind(tmp_path, (one.server.address, PORT), ZONE, **how))
        return started[-1]

    yield start
    for s in started:
        s.stop()


def key_section(tmp_path, key=secondaries.KEY):
    path = tmp_path / (key[0] + ".secret")
    path.write_text(key[2] + "\n")
    path.chmod(0o600)
    return {key[0]: {"algorithm": key[1], "secret-file": str(path)}}


# --- answers -------------------------------------------------------------------

def test_a_zone_is_answered_with_authority_by_both_transports(served):
    one = served()
    for ask in (one.server.udp, one.server.tcp):
        reply = ask("www." + ZONE, "A")
        assert reply.rcode == 0 and reply.flags & wire.AA and reply.addresses() == ["192.0.2.80"]
        reply = ask("gone." + ZONE, "A")
        assert reply.rcode == wire.NXDOMAIN and reply.flags & wire.AA
        assert [r.type for r in reply.authority] == [6]
    reply = one.server.udp("www." + ZONE, "A", rd=False)
    assert reply.addresses() == ["192.0.2.80"]
    assert one.upstream.count("www." + ZONE, "A") == 0
    # Above and beside the zone everything is as it was.
    assert one.server.udp("www.example", "A").addresses()[0].startswith("10.")
    assert one.metric("holdfast_authority_answers_total") == 3
    assert one.metric("holdfast_authority_denials_total") == 2


def test_an_alias_that_leads_out_comes_with_what_it_leads_to(served):
    one = served()
    for _ in range(2):
        reply = one.server.udp("out." + ZONE, "A")
        assert reply.rcode == 0 and reply.flags & wire.AA
        assert [r.type for r in reply.answer] == [5, 1]
        assert reply.addresses()[0].startswith("10.")
    assert one.upstream.count("far.example.net", "A") == 1
    assert [r.type for r in one.server.udp("out." + ZONE, "A", rd=False).answer] == [5]
    tcp = one.server.tcp("out." + ZONE, "A")
    assert [r.type for r in tcp.answer] == [5, 1]


def test_an_alias_whose_end_cannot_be_had_is_servfail_and_says_why(served):
    one = served(fakes.servfail)
    reply = one.server.udp("out." + ZONE, "A", edns=1232)
    assert reply.rcode == wire.SERVFAIL and not reply.answer
    assert reply.ede


def test_an_old_answer_serves_an_alias_when_its_upstream_is_gone(served):
    one = served(lambda q: fakes.honest(q, ttl=1))
    first = one.server.udp("out." + ZONE, "A")
    assert [r.type for r in first.answer] == [5, 1]
    one.upstream.stop()
    time.sleep(1.2)
    reply = net.wait_until("a stale answer behind the alias", lambda: stale(one), 60)
    assert reply.addresses() == first.addresses()


def stale(one):
    reply = one.server.udp("out." + ZONE, "A")
    return reply if reply and reply.rcode == 0 and len(reply.answer) == 2 and \
        reply.answer[0].ttl == 300 else None


def test_aliases_between_two_zones_of_ours(served, tmp_path):
    path = tmp_path / "other.zone"
    write(path, other())
    one = served(more=[{"name": "other.example", "file": str(path)}])
    assert one.server.udp("over." + ZONE, "A").addresses() == ["192.0.2.90"]
    reply = one.server.udp("loop." + ZONE, "A")
    assert reply.rcode == wire.SERVFAIL
    assert one.upstream.count() == 0


def test_what_the_cache_held_of_a_name_ends_when_a_zone_takes_it(holdfast, fake, tmp_path):
    upstream = fake()
    one = Served(holdfast, tmp_path, upstream, start=False)
    zones = one.server.conf.pop("zones")
    one.server.write()
    one.server.start()
    assert one.server.udp("www." + ZONE, "A").addresses()[0].startswith("10.")
    one.server.conf["zones"] = zones
    one.server.write()
    code, said = one.server.reload()
    assert code == 0, said
    net.wait_until("the zone to be served",
                   lambda: one.server.udp("www." + ZONE, "A").addresses() == ["192.0.2.80"], 60)
    for _ in range(20):
        assert one.server.udp("www." + ZONE, "A").addresses() == ["192.0.2.80"]


def test_explain_knows_that_a_zone_answers(served):
    one = served()
    code, said = under_test.run_verb("explain", "--no-ask", "-c", one.server.path, "www." + ZONE)
    assert code == 0 and "own zone corp.example says" in said
    code, said = under_test.run_verb("explain", "--no-ask", "-c", one.server.path, "www.example")
    assert "own zone" not in said


def test_explain_gives_a_zones_own_answer_and_asks_no_upstream_for_the_name(served):
    one = served()
    code, said = under_test.run_verb("explain", "-c", one.server.path, "www." + ZONE)
    assert code == 0 and "asked" not in said and one.upstream.count("www." + ZONE, "A") == 0
    assert "zone      corp.example, served, serial 1" in said
    assert "own zone corp.example says: 192.0.2.80" in said
    code, said = under_test.run_verb("explain", "--standalone", "-c", one.server.path, "www." + ZONE)
    assert code == 0 and "asked" not in said and "own zone corp.example says, if it is served" in said
    assert one.upstream.count("www." + ZONE, "A") == 0
    code, said = under_test.run_verb("explain", "-c", one.server.path, "nothing." + ZONE)
    assert code == 0 and "own zone corp.example says: NXDOMAIN" in said


# --- transfers -----------------------------------------------------------------

def test_a_transfer_has_every_record(served):
    one = served(content=text(1, hosts=20000))
    zone = one.axfr()
    assert len(zone.nodes) == 20000 + 8
    assert str(zone["host19999"].rdatasets[0][0]) == "10.0.78.31"
    assert one.metric("holdfast_transfers_out_whole_total") == 1


def test_who_may_not_transfer_is_refused(served):
    one = served(**{"allow-transfer": ["127.200.0.0/16"]})
    reply = one.server.tcp(ZONE, "AXFR")
    assert reply.rcode == wire.REFUSED and not reply.answer
    assert one.server.tcp("other.example", "AXFR").rcode == 9
    assert one.server.tcp("www." + ZONE, "AXFR").rcode == 9
    assert one.metric("holdfast_transfers_out_refused_total") == 1


def test_a_whole_zone_over_udp_is_no_request(served):
    one = served()
    assert one.server.udp(ZONE, "AXFR").rcode == wire.FORMERR


def test_with_a_key_only_who_signs_with_it_gets_the_zone(served, tmp_path):
    keys = key_section(tmp_path)
    keys.update(key_section(tmp_path, ("another", "hmac-sha512", "YW5vdGhlciBzZWNyZXQ=")))
    one = served(keys=keys, **{"transfer-key": secondaries.KEY[0]}, content=text(1, hosts=5000))
    assert one.server.tcp(ZONE, "AXFR").rcode == wire.REFUSED
    assert len(one.axfr(secondaries.KEY).nodes) == 5008
    with pytest.raises((dns.query.TransferError, dns.tsig.PeerError, dns.exception.DNSException)):
        one.axfr(("another", "hmac-sha512", "YW5vdGhlciBzZWNyZXQ="))
    with pytest.raises(dns.exception.DNSException):
        one.axfr((secondaries.KEY[0], secondaries.KEY[1], "d3Jvbmcgc2VjcmV0"))
    with pytest.raises(dns.exception.DNSException):
        one.axfr(("unknown", "hmac-sha256", "d3Jvbmcgc2VjcmV0"))
    assert one.metric("holdfast_tsig_bad_total") == 2
    # A secondary asks for the SOA record first, signed.
    keyring = dns.tsigkeyring.from_text({secondaries.KEY[0]: secondaries.KEY[1:]})
    q = dns.message.make_query(ZONE, "SOA")
    q.use_tsig(keyring, keyname=secondaries.KEY[0])
    reply = dns.query.udp(q, one.server.address, port=PORT, timeout=30)
    assert reply.had_tsig and reply.answer and reply.flags & dns.flags.AA


def test_who_has_the_last_version_gets_what_has_changed(served):
    one = served(content=text(1, hosts=2000))
    one.publish(2, hosts=2000, extra="new A 192.0.2.99\n")
    net.wait_until("version 2", lambda: one.serial() == 2, 60)
    one.publish(3, hosts=1999)
    net.wait_until("version 3", lambda: one.serial() == 3, 60)
    reply = one.ixfr(1)
    records = [r for rrset in reply.answer for r in rrset]
    soas = [r.serial for r in records if r.rdtype == dns.rdatatype.SOA]
    assert soas == [3, 1, 2, 2, 3, 3] or soas[0] == 3  # dnspython joins like sets
    assert len(reply.answer) < 20
    assert one.metric("holdfast_transfers_out_differences_total") == 1
    assert len(one.ixfr(3).answer) == 1
    assert len(one.ixfr(2, udp=True).answer) == 1
    whole = dns.zone.from_xfr(dns.query.xfr(one.server.address, ZONE, rdtype="AXFR", port=PORT))
    assert len(whole.nodes) == 1999 + 8


def test_a_restart_forgets_differences_and_sends_the_whole(served):
    one = served()
    one.publish(2)
    net.wait_until("version 2", lambda: one.serial() == 2, 60)
    assert one.server.stop() == 0
    one.server.start()
    assert one.serial() == 2
    one.ixfr(1)
    assert one.metric("holdfast_transfers_out_whole_total") == 1


def test_many_take_it_at_once_and_questions_go_on(served):
    one = served(content=text(1, hosts=3000))
    got, wrong = [], []

    def take():
        for _ in range(2):
            try:
                got.append(len(one.axfr().nodes))
            except Exception as error:  # noqa: a thread's own
                wrong.append(repr(error))

    threads = [threading.Thread(target=take) for _ in range(6)]
    for t in threads:
        t.start()
    while any(t.is_alive() for t in threads):
        assert one.server.udp("www." + ZONE, "A").addresses() == ["192.0.2.80"]
        time.sleep(0.1)  # the readers need the interpreter, too
    for t in threads:
        t.join()
    assert not wrong and got == [3008] * 12


def test_a_slow_reader_is_cut_off_and_harms_nobody(served):
    one = served(content=text(1, hosts=60000))
    one.server.conf["tcp"] = {"stall": "1s"}
    one.server.write()
    assert one.server.reload()[0] == 0
    q = wire.query(ZONE, "AXFR")
    stuck = []
    for _ in range(8):
        s = socket.create_connection((one.server.address, PORT), timeout=30)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(struct.pack("!H", len(q)) + q)
        stuck.append(s)
    assert len(one.axfr().nodes) == 60008  # another goes on
    net.wait_until("stuck readers to be closed", lambda: one.metric(
        "holdfast_tcp_open") == 0, 90)
    for s in stuck:
        s.close()
    assert len(one.axfr().nodes) == 60008


# --- NOTIFY --------------------------------------------------------------------

def notify(serial=None, zone=ZONE):
    q = dns.message.make_query(zone, "SOA")
    q.set_opcode(dns.opcode.NOTIFY)
    q.flags = (q.flags & ~dns.flags.RD) | dns.flags.AA
    if serial is not None:
        q.answer.append(dns.rrset.from_text(
            zone, 0, "IN", "SOA", "ns.%s hostmaster.%s %d 1 1 1 1" % (ZONE, ZONE, serial)))
    return q


def test_notify_is_heard_from_who_may_say_it(served):
    one = served(**{"allow-notify": ["127.0.0.1"]})
    reply = dns.query.udp(notify(7), one.server.address, port=PORT, timeout=30)
    assert reply.rcode() == 0 and reply.opcode() == dns.opcode.NOTIFY
    assert reply.flags & dns.flags.AA
    assert dns.query.udp(notify(), one.server.address, port=PORT, timeout=30).rcode() == 0
    assert dns.query.tcp(notify(), one.server.address, port=PORT, timeout=30).rcode() == 0
    assert dns.query.udp(notify(zone="test."), one.server.address, port=PORT, timeout=30).rcode() == 9
    other = dns.query.udp(notify(7), one.server.address, port=PORT, timeout=30, source="127.9.9.9")
    assert other.rcode() == wire.REFUSED
    assert one.metric("holdfast_notify_heard_total") == 3
    assert one.metric("holdfast_notify_refused_total") == 1


# --- real secondaries ----------------------------------------------------------

@pytest.mark.parametrize("kind", secondaries.ALL, ids=lambda k: k.__name__)
def test_a_secondary_has_the_zone_and_each_new_version(served, secondary, kind, tmp_path):
    there = kind.place()
    kind_at = type("At", (kind,), {"place": staticmethod(lambda: there)})
    one = served(notify=["%s:%d" % there])
    s = secondary(kind_at, one)
    net.wait_until("the secondary to have the zone", lambda: s.serial() == 1, 60)
    assert s.udp("host7." + ZONE, "A").addresses() == ["10.0.0.7"]
    for serial in (2, 3):
        one.publish(serial, extra="new A 192.0.2.%d\n" % serial)
        net.wait_until("version %d at the secondary" % serial, lambda: s.serial() == serial, 60)
        # NSD's processes of before answer for a moment longer than the first of the new ones.
        net.wait_until("its record", lambda: s.udp("new." + ZONE, "A").addresses()
                       == ["192.0.2.%d" % serial], 60)
    if kind in secondaries.INCREMENTAL:
        assert one.metric("holdfast_transfers_out_differences_total") >= 1


@pytest.mark.parametrize("kind", secondaries.SIGNING, ids=lambda k: k.__name__)
def test_a_secondary_that_signs_has_them_too(served, secondary, kind, tmp_path):
    there = kind.place()
    kind_at = type("At", (kind,), {"place": staticmethod(lambda: there)})
    one = served(keys=key_section(tmp_path), notify=["%s:%d" % there],
                 **{"transfer-key": secondaries.KEY[0]})
    s = secondary(kind_at, one, key=secondaries.KEY)
    net.wait_until("the secondary to have the zone", lambda: s.serial() == 1, 60)
    one.publish(2, extra="new A 192.0.2.2\n")
    net.wait_until("version 2 at the secondary", lambda: s.serial() == 2, 60)
    assert one.metric("holdfast_tsig_bad_total") == 0
    assert one.metric("holdfast_transfers_out_differences_total") >= 1
