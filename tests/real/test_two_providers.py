# SPDX-License-Identifier: GPL-3.0-or-later
"""test_two_providers.py - a zone published at two providers, of which one is not there.

holdfast is the hidden primary; NSD and Knot take the zone from it, and it looks at both from
outside. `tests/show/two_providers.py` is the long play of it, with figures.
"""
import json
import os
import signal
import time

import pytest

import holdfast as under_test
import net
import peers
import secondaries

pytestmark = pytest.mark.own

ZONE = "corp.example."
BOUND = 90  # seconds: nothing here takes more than a few, but on a machine that is busy


def text(serial):
    return ("$ORIGIN %s\n$TTL 300\n@ SOA ns.north.test. host %d 7200 3600 86400 60\n"
            "@ NS ns.north.test.\n@ NS ns.south.test.\nstamp TXT \"%d\"\n" % (ZONE, serial, serial) +
            "".join("host%d A 10.0.%d.%d\n" % (i, i >> 8, i & 255) for i in range(300)))


def from_its_address(self, name, content=None):
    """NSD's requests come from the address that it serves, so that it can be let in alone."""
    if name == "nsd.conf" and content:
        content = content.replace("  request-xfr:", "  outgoing-interface: %s\n  request-xfr:" %
                                  self.address)
    return peers.Peer.path(self, name, content)


class World:
    def __init__(self, directory, holdfast, secondary, peer):
        self.source = directory / "corp.zone"
        self.publish(1)
        secret, parent = directory / "secret", directory / "example.zone"
        secret.write_text(secondaries.KEY[2] + "\n")
        secret.chmod(0o600)
        parent.write_text("$ORIGIN example.\n$TTL 3600\n@ SOA ns host 1 3600 900 1209600 300\n@ NS ns\n"
                          "ns A 127.0.0.1\ncorp NS ns.north.test.\ncorp NS ns.south.test.\n")
        at = {name: ("127.%d.%d.1" % (net.octet(), n), net.PORT)
              for name, n in (("north", 238), ("south", 239))}
        self.holdfast = holdfast(
            {"none": "127.0.0.1:1"},
            zones=[{"name": ZONE, "file": str(self.source), "allow-transfer": ["127.0.0.0/8"],
                    "transfer-key": "k", "notify": ["%s:%d" % place for place in at.values()]}],
            keys={"k": {"algorithm": secondaries.KEY[1], "secret-file": str(secret)}},
            providers={n: {"servers": ["ns.%s.test@%s:%d" % (n, *place)]} for n, place in at.items()},
            delegations=[{"zone": ZONE, "source": str(self.source), "every": "500ms", "parents": [
                peer(peers.Nsd, zones={"example.": str(parent)}).at]}])
        for kind, name in ((secondaries.Nsd, "north"), (secondaries.Knot, "south")):
            here = type(kind.__name__, (kind,), {"place": staticmethod(lambda p=at[name]: p),
                                                 "path": from_its_address})
            setattr(self, name, secondary(here, self.holdfast))

    def publish(self, serial):
        new = str(self.source) + ".new"
        with open(new, "w") as out:
            out.write(text(serial))
        os.rename(new, self.source)

    def wait(self, server, serial):
        net.wait_until("version %d" % serial, lambda: server.serial() == serial, BOUND)

    def findings(self):
        """What `holdfast providers` says now: {provider: {finding}}, notes left off."""
        _, said = under_test.run_verb("providers", "-c", self.holdfast.path, "--json", timeout=60)
        out = {}
        for f in json.loads(said)["zones"][0]["findings"]:
            if f["severity"] != "note" and f.get("provider"):
                out.setdefault(f["provider"], set()).add(f["id"])
        return out

    def metric(self, family, **labels):
        return self.holdfast.metrics().get("holdfast_%s{zone=\"corp.example\"%s}" % (
            family, "".join(",%s=\"%s\"" % label for label in labels.items())))

    def up(self, name):
        return self.metric("provider_up", provider=name, server=getattr(self, name).at)


@pytest.fixture
def world(tmp_path, holdfast, peer, need):
    started = []

    def secondary(kind, server):
        if kind.which() is None:
            need(kind.program)
        # The transfer key goes by its name in holdfast's file.
        key = ("k",) + secondaries.KEY[1:]
        started.append(kind(tmp_path, (server.address, under_test.PORT), ZONE, key=key))
        return started[-1]

    yield World(tmp_path, holdfast, secondary, peer)
    for s in started:
        s.stop()


def test_one_provider_is_not_there_and_the_other_has_every_change(world):
    for server in (world.north, world.south):
        world.wait(server, 1)
    assert world.findings() == {}
    began = time.monotonic()
    os.killpg(world.south.process.pid, signal.SIGSTOP)
    try:
        for serial in range(2, 6):
            world.publish(serial)
            world.wait(world.north, serial)
        assert world.findings() == {"south": {"unreachable"}}
        net.wait_until("the metrics to say it", lambda: world.up("south") == 0, BOUND)
        net.wait_until("the other to be looked at", lambda: world.metric(
            "provider_serial", provider="north", server=world.north.at) == 5, BOUND)
        assert world.up("north") == 1
        world.holdfast.says("finding=unreachable")
    finally:
        os.killpg(world.south.process.pid, signal.SIGCONT)
    # Nothing changes any more, and its own refresh is two hours away.
    world.wait(world.south, 5)
    assert world.findings() == {}
    net.wait_until("the metrics to say it", lambda: world.up("south") == 1, BOUND)
    # To the one that was not there at most one in two seconds, and one each to the other.
    assert world.metric("zone_notifies_sent_total") < 40 + (time.monotonic() - began)
    assert world.metric("zone_secondaries_untold") == 0


def test_one_that_heard_and_could_not_fetch_is_told_again(world):
    for server in (world.north, world.south):
        world.wait(server, 1)
    zone = world.holdfast.conf["zones"][0]
    everybody = zone["allow-transfer"]

    def allow(prefixes):
        zone["allow-transfer"] = prefixes
        world.holdfast.write()
        assert world.holdfast.reload()[0] == 0

    allow([world.north.address])
    world.publish(2)
    world.wait(world.north, 2)
    assert world.findings() == {"south": {"behind"}}
    net.wait_until("the metrics to say it", lambda: world.metric(
        "provider_behind", provider="south", server=world.south.at) == 1, BOUND)
    world.holdfast.says("finding=behind")
    # Its own retry is an hour away, and no version comes that it would be told of.
    allow(everybody)
    world.wait(world.south, 2)
    assert world.findings() == {}
