# SPDX-License-Identifier: GPL-3.0-or-later
"""`holdfast providers` over IPv6 alone: a namespace without any IPv4 address but loopback's,
in which two providers, in networks of their own, and the parent listen."""
import json
import os

import pytest

import holdfast as under_test
import net
import peers
import spaces
import test_providers

pytestmark = pytest.mark.own

ZONE = "corp.example."
PARENT, A, B, NOBODY = "fd61:0:1::1", "fd61:0:2::1", "fd61:0:3::1", "fd61:0:4::1"


class Six:
    """A peer at an address of IPv6, which gives its zone to all."""

    def path(self, name, text=None):
        if text is not None:
            text = text.replace("127.0.0.0/8", "::/0")
        return super().path(name, text)

    @property
    def at(self):
        return "[%s]:%d" % (self.address, self.port)

    def answers(self):
        return net.accepts(self.address, self.port) and super().answers()


class Nsd(Six, peers.Nsd):
    pass


class Knot(Six, test_providers.Knot):
    pass


class World:
    def __init__(self, directory):
        self.directory = directory
        self.space = spaces.Space("six", str(directory / "six.log"))
        for address in (PARENT, A, B):
            self.space.run("ip", "addr", "add", address + "/128", "dev", "lo", "nodad")
        self.running = []

    def serve(self, kind, address, name, text):
        path = self.directory / (name + ".zone")
        path.write_text(text)
        zone = ZONE if name != "parent" else "example."
        here = type(kind.__name__, (kind,), {"place": staticmethod(lambda: (address, net.PORT))})
        with self.space.inside():
            self.running.append(here(self.directory, zones={zone: str(path)}))
        return self.running[-1]

    def zone(self, serial=1, www="2001:db8::80"):
        return ("$ORIGIN %s\n$TTL 300\n@ SOA ns1 host %d 3600 900 1209600 300\n@ NS ns1\n@ NS ns.b.test.\n"
                "ns1 AAAA %s\nwww AAAA %s\n" % (ZONE, serial, A, www))

    def build(self, text_b):
        self.a = self.serve(Nsd, A, "a", self.zone())
        self.b = self.serve(Knot, B, "b", text_b)
        self.parent = self.serve(Nsd, PARENT, "parent", (
            "$ORIGIN example.\n$TTL 3600\n@ SOA ns host 1 3600 900 1209600 300\n@ NS ns\nns AAAA %s\n"
            "corp NS ns1.corp\ncorp NS ns.b.test.\nns1.corp AAAA %s\n" % (PARENT, A)))
        return self

    def look(self, holdfast, b=None):
        """Exit code and the zone's object; `b`: where else provider b is said to be."""
        (self.directory / "source.zone").write_text(self.zone())
        with self.space.inside():
            server = holdfast({"none": "127.0.0.1:1"}, start=False, providers={
                "a": {"servers": ["ns1.corp.example@" + self.a.at]},
                "b": {"servers": ["ns.b.test@" + (b or self.b.at)]}},
                delegations=[{"zone": "corp.example", "parents": [self.parent.at],
                              "source": str(self.directory / "source.zone")}])
            code, said = under_test.run_verb("providers", "-c", server.path, "--json", timeout=60)
        return code, json.loads(said)["zones"][0]

    def end(self):
        for peer in self.running:
            peer.stop()
        self.space.stop()


@pytest.fixture
def world(tmp_path, need):
    if os.geteuid() != 0 or not spaces.possible():
        pytest.skip("network namespaces cannot be made here")
    for kind in (Nsd, Knot):
        if not kind.which():
            need(kind.program)
    net.octet()  # claimed on the host's loopback, not in a namespace of ours
    made = World(tmp_path)
    yield made
    made.end()


def faults(zone):
    return {f["id"]: f["text"] for f in zone["findings"] if f["severity"] != "note"}


def test_all_is_well_and_all_are_asked_over_it(world, holdfast):
    code, zone = world.build(world.zone()).look(holdfast)
    assert (code, faults(zone)) == (0, {}), zone["findings"]
    assert {s["provider"]: s["serial"] for s in zone["servers"]} == {"a": 1, "b": 1}


def test_what_differs_and_who_is_dark_is_told(world, holdfast):
    world.build(world.zone(www="2001:db8::81"))
    code, zone = world.look(holdfast)
    assert code == 1 and "2001:db8::81" in json.dumps(zone["findings"]), zone["findings"]
    world.b.stop()
    code, zone = world.look(holdfast)
    assert code == 1 and "unreachable" in faults(zone), zone["findings"]
    # No server's fault: from here there is no way to that network.
    _, zone = world.look(holdfast, "[%s]:%d" % (NOBODY, net.PORT))
    assert "unreachable" not in faults(zone)
    assert [f["id"] for f in zone["findings"] if f["provider"] == "b"] == ["no-route"]
