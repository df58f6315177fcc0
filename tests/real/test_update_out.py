# SPDX-License-Identifier: GPL-3.0-or-later
"""test_update_out.py - a zone is given to providers by dynamic updates (RFC 2136)."""
import os
import signal
import time

import dns.zone
import pytest

import holdfast as under_test
import net
import receivers

pytestmark = pytest.mark.own

ZONE = "corp.example."
BOUND = 90  # seconds: nothing here takes more than a few, but on a machine that is busy
FIRST = ("$ORIGIN %s\n$TTL 300\n@ SOA ns.%s host.%s 1 7200 3600 86400 60\n@ NS ns\nns A 127.0.0.1\n"
         "old A 192.0.2.1\n" % (ZONE, ZONE, ZONE))


def text(serial, hosts=30, extra=""):
    return ("$ORIGIN %s\n$TTL 300\n@ SOA ns host %d 7200 3600 86400 60\n@ NS ns\n@ NS ns2.other.test.\n"
            "@ MX 10 mail\nns A 127.0.0.1\nmail A 192.0.2.25\nmail AAAA 2001:db8::25\n"
            "www CNAME mail\n_sip._udp SRV 1 2 5060 mail\nstamp TXT \"%d\"\nlong TXT \"%s\" \"b c\"\n"
            "sub NS ns.sub\nns.sub A 192.0.2.77\n*.wild A 192.0.2.78\n" % (
                ZONE, serial, serial, "x" * 200) +
            "".join("host%d A 10.0.%d.%d\n" % (i, i >> 8, i & 255) for i in range(hosts)) + extra)


class World:
    """holdfast with a zone, and providers that are given it."""

    def __init__(self, directory, start):
        self.directory, self.start_holdfast = directory, start
        self.source = directory / "corp.zone"
        self.secret = directory / "secret"
        self.secret.write_text(receivers.KEY[2] + "\n")
        self.secret.chmod(0o600)
        self.publish(2)
        self.started = []

    def publish(self, serial, **how):
        new = str(self.source) + ".new"
        with open(new, "w") as out:
            out.write(text(serial, **how))
        os.rename(new, self.source)

    def receiver(self, kind, content=FIRST):
        self.started.append(kind(self.directory, ZONE, content))
        return self.started[-1]

    def begin(self, servers, **more):
        self.holdfast = self.start_holdfast(
            {"none": "127.0.0.1:1"},
            keys={receivers.KEY[0]: {"algorithm": receivers.KEY[1], "secret-file": str(self.secret)}},
            **{"update-servers": {name: {"address": at, "key": receivers.KEY[0], **more}
                                  for name, at in servers.items()}},
            zones=[{"name": ZONE, "file": str(self.source), "updates": list(servers), "max-shrink": 100}])
        return self.holdfast

    def metric(self, family, server):
        return self.holdfast.metrics().get("holdfast_zone_update%s{zone=\"corp.example\",server=\"%s\"}" % (
            family, server))

    def wait_current(self, server, behind=0):
        net.wait_until("%s to be current" % server, lambda: self.metric("_current", server) == 1 and
                       self.metric("_behind", server) == behind, BOUND)

    def wait_version(self, server, serial):
        """It is said to be current with this version, or a newer one."""
        def there():
            said = self.holdfast.metrics()
            return said.get("holdfast_zone_serial{zone=\"corp.example\"}") == serial and \
                said.get("holdfast_zone_update_current{zone=\"corp.example\",server=\"%s\"}" % server) == 1
        net.wait_until("version %d at %s" % (serial, server), there, BOUND, 0.1)

    def log(self):
        return self.holdfast.process.output()


@pytest.fixture
def world(tmp_path, holdfast, need):
    for kind in receivers.ALL:
        if kind.which() is None:
            need(kind.program)
    if not os.path.exists(receivers.SCHEMA):
        need("pdns-backend-sqlite3")
    one = World(tmp_path, holdfast)
    yield one
    for server in one.started:
        server.stop()


def is_equal(server, serial, leave=("SOA",), **how):
    """Whether a provider has every record of a version, and no other."""
    zone = dns.zone.from_text(text(serial, **how), ZONE, relativize=False)
    ours = {record for name, node in zone.items() for rdataset in node
            for record in receivers.plain(name, rdataset.ttl, rdataset, leave)}
    return server.records(leave) == ours


@pytest.mark.parametrize("kind", receivers.ALL, ids=lambda k: k.__name__)
def test_a_provider_is_given_what_it_lacks_and_each_new_version(world, kind):
    there = world.receiver(kind)
    world.begin({"north": there.at})
    net.wait_until("version 2", lambda: is_equal(there, 2), BOUND)
    assert there.serial() == 2
    for serial in (3, 4, 7):
        world.publish(serial, hosts=30 + serial % 3, extra="new A 192.0.2.%d\n" % serial)
        net.wait_until("version %d" % serial, lambda: there.serial() == serial, BOUND)
        assert is_equal(there, serial, hosts=30 + serial % 3,
                        extra="new A 192.0.2.%d\n" % serial)


def test_one_that_is_down_holds_up_nobody_and_is_caught_up(world):
    north, south = world.receiver(receivers.Knot), world.receiver(receivers.Bind)
    world.begin({"north": north.at, "south": south.at})
    for server in ("north", "south"):
        world.wait_current(server)
    os.killpg(south.process.pid, signal.SIGSTOP)
    begun = time.monotonic()
    for serial in range(3, 23):
        world.publish(serial, extra="new A 192.0.2.%d\n" % serial)
        net.wait_until("version %d" % serial, lambda: north.serial() == serial, BOUND)
    held = time.monotonic() - begun
    net.wait_until("it to be told", lambda: "could not be given" in world.log(), BOUND)
    assert held < BOUND
    net.wait_until("figures", lambda: world.metric("_behind", "south") == 20, 60)
    os.killpg(south.process.pid, signal.SIGCONT)
    world.wait_current("south")
    assert is_equal(south, 22, extra="new A 192.0.2.22\n") and south.serial() == 22
    net.wait_until("it to be told", lambda: "could not be given updates is current" in world.log(), 60)


def test_one_that_refuses_is_told_of_and_tried_again(world):
    """It forgets that the key may update; then it knows it again."""
    there = world.receiver(type("Bind", (receivers.Bind,), {"allowed": False}))
    world.begin({"north": there.at})
    net.wait_until("it to be told", lambda: "it answers an update with REFUSED" in world.log(), BOUND)
    net.wait_until("figures", lambda: world.metric("_faulty", "north") == 1, 60)
    assert world.metric("_current", "north") == 0
    there.stop()
    there.allowed = True
    there.configure()
    there.start()
    world.wait_current("north")
    assert is_equal(there, 2)
    assert world.log().count("could not be given a version") <= 3  # once for each thing that was wrong


@pytest.mark.parametrize("kind", receivers.ALL, ids=lambda k: k.__name__)
def test_what_somebody_else_changes_is_found_put_right_and_told(world, kind):
    there = world.receiver(kind)
    world.begin({"north": there.at}, look="1s")
    world.wait_current("north")

    def change(update):
        update.delete("host1")
        update.add("stray", 300, "A", "192.0.2.200")
        update.replace("host2", 60, "A", "192.0.2.201")

    there.meddle(change)  # may be put right before we could look: its count is below
    net.wait_until("it to be put right", lambda: is_equal(there, 2), BOUND)
    net.wait_until("it to be told", lambda: "somebody else had changed" in world.log(), 60)
    world.wait_current("north")
    net.wait_until("figures", lambda: world.metric("_drifts_total", "north") == 1, 60)
    world.publish(9, hosts=31)
    net.wait_until("version 9", lambda: is_equal(there, 9, hosts=31), BOUND)


@pytest.mark.parametrize("kind", receivers.ALL, ids=lambda k: k.__name__)
def test_a_large_difference_goes_in_several_messages(world, kind):
    there = world.receiver(kind)
    world.begin({"north": there.at})
    world.wait_current("north")
    hosts = 4000
    world.publish(50, hosts=hosts)
    world.wait_version("north", 50)
    assert is_equal(there, 50, hosts=hosts)
    net.wait_until("figures", lambda: world.metric("_messages_total", "north") >= 3, 60)
    world.publish(60, hosts=hosts - 50)
    world.wait_version("north", 60)
    assert is_equal(there, 60, hosts=hosts - 50)


@pytest.mark.parametrize("kind", [receivers.Bind, receivers.Knot], ids=lambda k: k.__name__)
def test_killed_in_the_middle_leaves_no_mix(world, kind):
    there = world.receiver(kind)
    server = world.begin({"north": there.at})
    world.wait_current("north")
    for version, hosts in ((50, 5000), (100, 1), (150, 5000), (200, 1), (250, 5000)):
        before = there.serial()
        world.publish(version, hosts=hosts)
        net.wait_until("the first message", lambda: there.serial() not in (None, before), BOUND, 0)
        server.kill()
        in_the_middle = there.serial() < version  # the last message sets it
        server.start()
        world.wait_version("north", version)
        assert is_equal(there, version, hosts=hosts)
        if in_the_middle:
            return
    raise AssertionError("all was over each time before it was killed")


def test_a_provider_keeps_what_is_at_the_zones_own_name(world):
    there = world.receiver(receivers.Knot)
    world.begin({"north": there.at}, apex="theirs")
    net.wait_until("version 2", lambda: is_equal(there, 2, leave=("SOA", "NS")) or
                   world.metric("_current", "north") == 1, BOUND)
    world.wait_current("north")
    records = there.records()
    assert (ZONE, 300, "NS", "ns." + ZONE) in records and (ZONE, 300, "NS", "ns2.other.test.") not in records
    assert any(r[:3] == ("sub." + ZONE, 300, "NS") for r in records)
    world.publish(3, extra="new A 192.0.2.3\n")
    net.wait_until("version 3", lambda: ("new." + ZONE, 300, "A", "192.0.2.3") in there.records(), BOUND)


def test_a_provider_that_signs_keeps_its_signatures(world):
    there = world.receiver(receivers.Signing)
    net.wait_until("it to be signed", lambda: any(r[2] == "RRSIG" for r in there.records()), BOUND)
    world.begin({"north": there.at})
    world.wait_current("north")
    world.publish(3, extra="new A 192.0.2.3\n")
    theirs = ("SOA", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "CDS", "CDNSKEY", "TYPE65534")
    net.wait_until("version 3", lambda: is_equal(there, 3, leave=theirs, extra="new A 192.0.2.3\n"), BOUND)
    kinds = {r[2] for r in there.records()}
    assert {"RRSIG", "DNSKEY"} <= kinds and kinds & {"NSEC", "NSEC3"}
    world.wait_current("north")


def test_a_reload_goes_on_from_what_is_known(world):
    there = world.receiver(receivers.Bind)
    server = world.begin({"north": there.at})
    world.wait_current("north")
    compares = world.metric("_compares_total", "north")
    server.conf["update-servers"]["north"]["look"] = "2s"
    server.write()
    assert server.reload()[0] == 0
    world.publish(3)
    net.wait_until("version 3", lambda: there.serial() == 3, BOUND)
    world.wait_current("north")
    assert world.metric("_compares_total", "north") == compares
