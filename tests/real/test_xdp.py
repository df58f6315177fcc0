# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers at the driver: a server in one namespace, its clients in another, and a
cable between them. Which of the two ways answered is told by the counters."""
import os
import re
import socket
import struct
import time

import pytest

import ask
import fake as fakes
import holdfast as under_test
import net
import spaces
import wire

pytestmark = pytest.mark.own

SERVER4, CLIENT4, OTHER4 = "10.77.0.1", "10.77.0.2", "10.77.0.3"
SERVER6, CLIENT6 = "fd77::1", "fd77::2"
PORT = 5300
ALLOW = ["127.0.0.0/8", "10.77.0.1", "10.77.0.2", "fd77::/64"]


class Pair:
    """A server at one end of a cable, and who asks at the other."""

    def __init__(self, directory, mode):
        self.server_side = spaces.Space("server side", str(directory / "server-side.log"))
        self.client_side = spaces.Space("client side", str(directory / "client-side.log"))
        spaces.cable(self.server_side, "hs0", self.client_side, "hc0")
        for space, name, addresses in ((self.server_side, "hs0", [SERVER4, SERVER6]),
                                       (self.client_side, "hc0", [CLIENT4, OTHER4, CLIENT6])):
            for address in addresses:
                space.run("ip", "addr", "add", address + ("/64" if ":" in address else "/24"),
                          "dev", name, *(["nodad"] if ":" in address else []))
        self.mode, self.directory = mode, directory
        self.upstream = self.server = None

    def begin(self, behave=fakes.honest, listen=None, allow=None, **sections):
        with self.server_side.inside():
            self.upstream = fakes.Fake(behave)
            self.server = under_test.Holdfast(
                self.directory, {"a": {"address": self.upstream.at, "infer-cap": False}}, address=SERVER4, start=False,
                listen={"dns": ["%s:%d" % (SERVER4, PORT), "[%s]:%d" % (SERVER6, PORT)],
                        "xdp": ["hs0:" + self.mode], **(listen or {})},
                clients={"allow": allow or ALLOW}, **sections)
            self.server.start()
        output = self.server.process.output()
        if "cannot be loaded" in output:
            pytest.skip("BPF programs cannot be loaded here")
        return self

    def end(self):
        with self.server_side.inside():
            if self.server:
                self.server.finish()
            if self.upstream:
                self.upstream.stop()
        self.client_side.stop()
        self.server_side.stop()

    def metrics(self):
        with self.server_side.inside():
            return self.server.metrics()

    def reload(self):
        return self.server.reload()

    def answered(self):
        return self.metrics()["holdfast_xdp_answered_total"]

    def passed(self, reason):
        return self.metrics()['holdfast_xdp_passed_total{reason="%s"}' % reason]

    def client(self, source=CLIENT4):
        with self.client_side.inside():
            return ask.Udp(SERVER6 if ":" in source else SERVER4, PORT, source)

    def by_sockets(self, m, v6=False):
        """From within the server's own namespace: never past the driver."""
        with self.server_side.inside():
            with ask.Udp(SERVER6 if v6 else SERVER4, PORT) as client:
                return client.ask(m)

    def by_driver(self, m, source=CLIENT4):
        """The reply of the driver: one in 256 goes up all the same, so it is asked again."""
        with self.client(source) as client:
            for _ in range(6):
                before = self.answered()
                reply = client.ask(m)
                if self.answered() == before + 1:
                    return reply
        raise AssertionError("not answered at the driver: %s" % {
            k: v for k, v in self.metrics().items() if "xdp" in k})

    def not_by_driver(self, m, source=CLIENT4, seconds=1.0):
        """The reply of the sockets, or None; the driver must not have answered."""
        before = self.answered()
        with self.client(source) as client:
            reply = client.ask(m, seconds)
        assert self.answered() == before
        return reply

    def heat(self, name, qtype="A", **how):
        """Asks until the answer is published (a third hit, and word to the owner)."""
        m = wire.query(name, qtype, **how)
        entries = self.metrics()["holdfast_xdp_entries"]
        for _ in range(5):
            assert self.by_sockets(m) is not None
        net.wait_until("%s to be published" % name,
                       lambda: self.metrics()["holdfast_xdp_entries"] > entries, 3)


@pytest.fixture(params=["generic", "native"])
def pair(request, tmp_path):
    if not spaces.possible():
        pytest.skip("network namespaces cannot be made here")
    made = Pair(tmp_path, request.param)
    yield made
    made.end()


def same(driver, sockets):
    assert driver is not None and sockets is not None
    assert driver == sockets, "\n%s\n%s" % (wire.Message(driver), wire.Message(sockets))


def both(pair, source=CLIENT4, **how):
    """The driver's reply and the sockets' to the same octets, within one second of age."""
    m = wire.query(**how)
    for _ in range(5):
        driver = pair.by_driver(m, source)
        sockets = pair.by_sockets(m, ":" in source)
        if driver == sockets:
            break
    return driver, sockets


@pytest.mark.parametrize("source", [CLIENT4, CLIENT6])
@pytest.mark.parametrize("how", [
    {}, {"cd": True}, {"ad": True}, {"edns": 1232}, {"edns": 4096}, {"edns": 0}, {"do": True},
    {"do": True, "cd": True}, {"qtype": "TXT"}, {"qtype": "MX"},
], ids=str)
def test_an_answer_of_the_driver_is_octet_for_octet_that_of_the_sockets(pair, source, how):
    pair.begin()
    pair.heat("www.shop.example.", **how)
    same(*both(pair, source, qname="wWw.sHOP.exAMPle.", **how))
