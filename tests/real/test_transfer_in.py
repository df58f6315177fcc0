# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones that are transferred from primaries: real ones, and ones that are not well.

Every version of the zone (primaries.version) says its serial in a TXT record, and has names
that no other version has; so a version is told from another, and from a mix of two.
"""
import random
import re
import shutil
import struct
import time

import dns.message
import dns.rrset
import dns.zone
import pytest

import authority
import fake as fakes
import holdfast as under_test
import net
import primaries
import wire

pytestmark = pytest.mark.own

ZONE = primaries.ZONE
QUICK = {"refresh-min": "1s", "refresh-max": "1s"}


@pytest.fixture
def primary_of(tmp_path, need):
    """Starts a primary of a class; all end with the test."""
    started = []

    def start(cls, **how):
        if not cls.which():
            need(cls.program)
        directory = tmp_path / ("primary-%d" % len(started))
        directory.mkdir()
        started.append(cls(directory, **how))
        net.wait_until("the zone to be served", lambda: has_zone(started[-1]), 60)
        return started[-1]

    yield start
    for primary in started:
        primary.stop()


def has_zone(primary):
    reply = primary.udp(ZONE, "SOA")
    return reply is not None and reply.rcode == 0


@pytest.fixture
def secondary(holdfast):
    """holdfast with the zone from these primaries (addresses), and keys."""
    def start(*ats, keys=(), state=None, **zone):
        entry = {"name": ZONE, "primaries": list(ats), **QUICK, **zone}
        if keys:
            entry.setdefault("key", keys[0].name)
        sections = {"zones": [entry]}
        if keys:
            sections["keys"] = {k: v for key in keys for k, v in key.entry.items()}
        if state:
            sections["zone-state"] = str(state)
        return holdfast({"u": "127.0.0.1:1"}, **sections)
    return start


# --- what is served ---------------------------------------------------------------


def serial_of(server):
    """The serial that the TXT record says, or None where the zone is not served."""
    reply = server.udp("serial." + ZONE, "TXT")
    if reply is None or reply.rcode:
        return None
    return int(reply.answer[0].rdata[1:])


def wait_for(server, serial, seconds=60):
    net.wait_until("serial %d to be served" % serial, lambda: serial_of(server) == serial, seconds)


def is_whole(server, size, change, around):
    """All names that differ between versions, asked over one connection, are those of one
    version. Returns its serial, None where the zone is not served."""
    with server.tcp_client() as client:
        names = ["serial." + ZONE] + ["h%d.%s" % (n, ZONE) for n in range(
            size + around[0] * change, size + (around[1] + 1) * change)]
        replies = [wire.Message(client.ask(wire.query(n, "TXT" if i == 0 else "A")))
                   for i, n in enumerate(names)]
    if replies[0].rcode:
        return None
    serial = int(replies[0].answer[0].rdata[1:])
    there = [i for i, m in enumerate(replies[1:]) if m.rcode == 0]
    first = (serial - around[0]) * change
    assert there == list(range(first, first + change)), "a mix: serial %d, names %s" % (serial, there)
    return serial


# --- real primaries ---------------------------------------------------------------


@pytest.mark.parametrize("algorithm", [None, "hmac-sha256"])
@pytest.mark.parametrize("cls", primaries.ALL, ids=lambda c: c.__name__)
def test_a_zone_comes_from_it_and_so_do_its_next_versions(cls, algorithm, tmp_path, primary_of, secondary):
    keys = [primaries.Key(tmp_path, algorithm=algorithm)] if algorithm else []
    primary = primary_of(cls, key=keys[0] if keys else None)
    server = secondary(primary.at, keys=keys)
    wait_for(server, 1)
    for _ in range(2):
        primary.renew()
        wait_for(server, primary.serial)
        assert is_whole(server, 100, 3, (primary.serial - 1, primary.serial)) == primary.serial


@pytest.mark.parametrize("cls", primaries.ALL, ids=lambda c: c.__name__)
def test_ten_thousand_changes_come_at_once(cls, tmp_path, primary_of, secondary):
    """5,000 names gone and 5,000 new ones, signed with SHA-512."""
    key = primaries.Key(tmp_path, algorithm="hmac-sha512", octets=64)
    primary = primary_of(cls, key=key, size=10000, change=5000)
    server = secondary(primary.at, keys=[key])
    wait_for(server, 1)
    primary.renew()
    wait_for(server, 2)
    for name, rcode in (("h14999", wire.NXDOMAIN), ("h15000", wire.NXDOMAIN),
                        ("h19999", wire.NXDOMAIN), ("h20000", 0), ("h24999", 0), ("h9999", 0)):
        assert server.udp("%s.%s" % (name, ZONE)).rcode == rcode, name


@pytest.mark.parametrize("cls", primaries.ALL, ids=lambda c: c.__name__)
def test_notify_brings_a_new_version_at_once(cls, primary_of, holdfast):
    """Witnesses are asked each hour; so whatever comes sooner comes by NOTIFY."""
    at = net.address()
    primary = primary_of(cls, notify=["%s:%d" % (at, under_test.PORT)])
    server = holdfast({"u": "127.0.0.1:1"}, address=at, zones=[
        {"name": ZONE, "primaries": [primary.at], "refresh-min": "1h", "refresh-max": "1h",
         "allow-notify": ["127.0.0.0/8"]}])
    wait_for(server, 1)
    primary.renew()
    wait_for(server, 2, 60)


@pytest.mark.parametrize("cls", primaries.ALL, ids=lambda c: c.__name__)
def test_with_a_wrong_key_nothing_is_believed(cls, tmp_path, primary_of, secondary):
    key = primaries.Key(tmp_path)
    primary = primary_of(cls, key=key)
    key.path = primaries.Key(tmp_path, "other").path  # the same name, another secret
    server = secondary(primary.at, keys=[key])
    net.wait_until("the fault to be told", lambda: "signature" in fault_of(server), 60)
    reply = server.udp("serial." + ZONE, "TXT", edns=1232)
    assert reply.rcode == wire.SERVFAIL
    assert reply.ede == [14]


def fault_of(server):
    """What was wrong with the zone's source, as `status` says it; "" if nothing was."""
    code, text = under_test.run_verb("status", "-s", server.conf["control"])
    found = re.search(r"its source: (.*)", text)
    return found.group(1) if found else ""


# --- over TLS ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    return authority.Authority(tmp_path_factory.mktemp("ca"))


def test_a_zone_comes_over_tls(ca, tmp_path, primary_of, secondary):
    """RFC 9103, from BIND, which has it; known by name, and by key."""
    certificate = ca.certify("ns.example")
    key = primaries.Key(tmp_path)
    primary = primary_of(primaries.Bind, tls=certificate, key=key)
    at = "tls://%s:%d" % (primary.address, primary.tls_port)
    named = secondary(at, keys=[key], **{"tls-name": "ns.example", "tls-ca": ca.pem})
    pinned = secondary(at, keys=[key], **{"tls-pins": [certificate.pin()]})
    wait_for(named, 1)
    wait_for(pinned, 1)
    primary.renew()
    wait_for(named, 2)
    wait_for(pinned, 2)


def test_who_is_not_who_it_should_be_gives_no_zone(ca, primary_of, secondary):
    primary = primary_of(primaries.Bind, tls=ca.certify("ns.example"))
    at = "tls://%s:%d" % (primary.address, primary.tls_port)
    server = secondary(at, **{"tls-name": "other.example", "tls-ca": ca.pem})
    net.wait_until("the fault to be told", lambda: "certificate is for ns.example" in
                   fault_of(server), 60)
    assert server.udp("serial." + ZONE, "TXT").rcode == wire.SERVFAIL


# --- primaries that are not well --------------------------------------------------


def transfer_of(q, serial, size=20, per_message=7):
    """An AXFR as messages."""
    zone = dns.zone.from_text(primaries.version(serial, size), relativize=False)
    soa = zone.get_rrset(ZONE, "SOA")
    sets = [soa] + [dns.rrset.from_rdata_list(name, s.ttl, list(s)) for name, s in zone.iterate_rdatasets()
                    if s.rdtype != dns.rdatatype.SOA] + [soa]
    out = []
    for first in range(0, len(sets), per_message):
        m = dns.message.Message(q.id)
        m.flags = wire.QR | wire.AA
        m.question = dns.message.from_wire(q.wire, ignore_trailing=True).question if not first else []
        m.answer = sets[first:first + per_message]
        out.append(m.to_wire(max_size=65535))
    return out


class Patient:
    """A primary whose manner and serial the test changes."""

    def __init__(self, serial=1):
        self.serial, self.manner = serial, self.well
        self.fake = fakes.Fake(lambda q: self.answer(q))

    @property
    def at(self):
        return self.fake.at

    def answer(self, q):
        if q.qtype == 6:
            soa = dns.zone.from_text(primaries.version(self.serial), relativize=False).get_rrset(ZONE, "SOA")
            return fakes.reply(q, [wire.record(b"\xc0\x0c", "SOA", 300, soa[0].to_wire())])
        return self.manner(q, [fakes.Send(m) for m in transfer_of(q, self.serial)])

    @staticmethod
    def well(q, sends):
        return sends

    @staticmethod
    def stalls(q, sends):
        return sends[:1]

    @staticmethod
    def silent(q, sends):
        return None

    @staticmethod
    def hangs_up(q, sends):
        sends[1].close = True
        return sends[:2]

    @staticmethod
    def truncates(q, sends):
        """The last message is cut in the middle, and then nothing more comes."""
        whole = wire.framed(sends[-1].wire)
        return sends[:-1] + [fakes.Send(whole[:len(whole) // 2], raw=True, close=True)]

    @staticmethod
    def says_cut(q, sends):
        m = bytearray(sends[0].wire)
        m[2] |= 2
        return [fakes.Send(bytes(m))] + sends[1:]

    @staticmethod
    def garbage(q, sends):
        return sends[:1] + [fakes.Send(random.randbytes(3000), raw=True)]

    @staticmethod
    def ends_otherwise(q, sends):
        """The last SOA has another serial: the zone changed under its hands."""
        m = bytearray(sends[-1].wire)
        at = m.rindex(struct.pack("!4I", 2, 1, 600, 30)) - 4
        m[at + 3] ^= 0x40
        return sends[:-1] + [fakes.Send(bytes(m))]

    @staticmethod
    def refuses(q, sends):
        return fakes.reply(q, rcode=wire.REFUSED)


ILL = ["stalls", "silent", "hangs_up", "truncates", "says_cut", "garbage", "ends_otherwise", "refuses"]


@pytest.fixture
def patient():
    made = []

    def make(*args):
        made.append(Patient(*args))
        return made[-1]
    yield make
    for one in made:
        one.fake.stop()


@pytest.mark.parametrize("manner", ILL)
def test_a_version_that_does_not_come_whole_takes_no_place(manner, patient, secondary):
    """... and what was there is served on, within its grace, and the next whole one is taken."""
    primary = patient()
    server = secondary(primary.at, grace="1h")
    wait_for(server, 1)
    primary.serial, primary.manner = 2, getattr(Patient, manner)
    asked = primary.fake.count(qtype="AXFR") + primary.fake.count(qtype="IXFR")
    net.wait_until("it to be asked for", lambda: primary.fake.count(qtype="AXFR") +
                   primary.fake.count(qtype="IXFR") > asked, 60)
    for _ in range(10):
        assert serial_of(server) == 1
        time.sleep(0.05)
    primary.manner = Patient.well
    wait_for(server, 2, 60)


@pytest.mark.parametrize("manner", ILL)
def test_another_primary_gives_what_one_cannot(manner, patient, secondary):
    ill, well = patient(2), patient(2)
    ill.manner = getattr(Patient, manner)
    server = secondary(ill.at, well.at)
    wait_for(server, 2, 60)


def test_a_primary_that_shows_an_older_serial_changes_nothing(patient, secondary):
    behind, ahead = patient(5), patient(7)
    server = secondary(behind.at, ahead.at)
    wait_for(server, 7)
    behind.serial = 3
    asked = behind.fake.count(qtype="SOA")
    net.wait_until("it to be asked", lambda: behind.fake.count(qtype="SOA") > asked + 2, 60)
    assert serial_of(server) == 7


def test_one_slow_primary_keeps_no_other_zone_waiting(patient, holdfast):
    """Its zone has a slot of eight; the other zone comes meanwhile."""
    slow, well = patient(), patient()
    slow.manner = Patient.stalls
    running = holdfast({"u": "127.0.0.1:1"}, zones=[
        {"name": "slow.internal.", "primaries": [slow.at], **QUICK},
        {"name": ZONE, "primaries": [well.at], **QUICK}])
    wait_for(running, 1)


# --- witnesses --------------------------------------------------------------------


def test_a_txt_record_is_a_witness(patient, fake, secondary):
    """It says that there is a newer version than the primary gives: what is here is behind."""
    published = [b"1"]
    other = fake(lambda q: fakes.reply(q, [wire.record(
        b"\xc0\x0c", "TXT", 60, bytes([len(published[0])]) + published[0])]))
    server = secondary(patient().at, grace="1s",
                       published=["txt:serial.elsewhere.example@" + other.at])
    wait_for(server, 1)
    published[0] = b"2"
    net.wait_until("the zone to be withheld", lambda: serial_of(server) is None, 60)
    published[0] = b"1"
    wait_for(server, 1, 60)


def test_an_answer_of_a_witness_that_is_cut_is_asked_for_over_tcp(patient, secondary):
    primary = patient()
    by_proto = fakes.by_proto(fakes.truncated, primary.answer)
    primary.fake.behave = lambda q: by_proto(q) if q.qtype == 6 else primary.answer(q)
    wait_for(secondary(primary.at), 1)
    net.wait_until("it to be asked over TCP", lambda: primary.fake.count(qtype="SOA", proto="tcp"), 60)


# --- killed in the middle ---------------------------------------------------------


def test_killed_at_any_moment_it_has_one_version_or_the_other(tmp_path, primary_of, secondary):
    """A few of the many that tests/show/kill_transfer.py does."""
    state = tmp_path / "state"
    state.mkdir()
    primary = primary_of(primaries.Knot, size=3000, change=40)
    server = secondary(primary.at, state=state)
    wait_for(server, 1)
    for _ in range(4):
        primary.renew()
        time.sleep(random.random() * 1.5)
        server.kill()
        server.start()
        net.wait_until("the zone to be served", lambda: serial_of(server) is not None, 60)
        serial = is_whole(server, 3000, 40, (primary.serial - 1, primary.serial))
        assert serial in (primary.serial - 1, primary.serial)
        wait_for(server, primary.serial, 60)
