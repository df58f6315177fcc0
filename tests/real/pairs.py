# SPDX-License-Identifier: GPL-3.0-or-later
"""pairs.py - a server in one namespace, its clients in another, and a cable between
them. Which of the two ways answered, the driver or the sockets, is told by the
counters.
"""
import time

import pytest

import ask
import fake as fakes
import frames
import holdfast as under_test
import net
import spaces
import wire

SERVER4, CLIENT4, OTHER4 = "10.77.0.1", "10.77.0.2", "10.77.0.3"
SERVER6, CLIENT6 = "fd77::1", "fd77::2"
PORT = 5300
WITHOUT = "built without XDP"
ALLOW = ["127.0.0.0/8", "10.77.0.1", "10.77.0.2", "fd77::/64"]


class Pair:
    """A server at one end of a cable, and who asks at the other."""

    def __init__(self, directory, mode):
        net.octet()  # claimed on the host's loopback, not in a namespace of ours
        self.server_side = spaces.Space("server side", str(directory / "server-side.log"))
        self.client_side = spaces.Space("client side", str(directory / "client-side.log"))
        self.mode, self.directory = mode, directory
        self.upstream = self.server = None
        self.plug()

    def plug(self, *how):
        spaces.cable(self.server_side, "hs0", self.client_side, "hc0", *how)
        for space, name, addresses in ((self.server_side, "hs0", [SERVER4, SERVER6]),
                                       (self.client_side, "hc0", [CLIENT4, OTHER4, CLIENT6])):
            for address in addresses:
                space.run("ip", "addr", "add", address + ("/64" if ":" in address else "/24"),
                          "dev", name, *(["nodad"] if ":" in address else []))
        if self.mode == "native" and not self.client_side.polls("hc0"):
            pytest.skip("BPF programs cannot be loaded here")

    def begin(self, behave=fakes.honest, listen=None, allow=None, start=None, **sections):
        with self.server_side.inside():
            self.upstream = fakes.Fake(behave)
            self.server = under_test.Holdfast(
                self.directory, {"a": {"address": self.upstream.at, "infer-cap": False}}, address=SERVER4, start=False,
                listen={"dns": ["%s:%d" % (SERVER4, PORT), "[%s]:%d" % (SERVER6, PORT)],
                        "xdp": ["hs0:" + self.mode], **(listen or {})},
                clients={"allow": allow or ALLOW}, **sections)
            self.server.start(argv=start and start(self.server.argv()))
        output = self.server.process.output()
        if "cannot be loaded" in output or WITHOUT in output:
            pytest.skip("BPF programs cannot be built or loaded here")
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

    def settled(self):
        """Waits until the driver has answered what lay in its way."""
        before = None
        while before != self.answered():
            before = self.answered()
            time.sleep(0.3)

    def passed(self, reason):
        return self.metrics()['holdfast_xdp_passed_total{reason="%s"}' % reason]

    def client(self, source=CLIENT4):
        with self.client_side.inside():
            return ask.Udp(SERVER6 if ":" in source else SERVER4, PORT, source)

    def wire(self):
        """The client's end of the cable, for frames by hand; to be closed."""
        return frames.Wire(self.client_side, "hc0", self.client_side.mac("hc0"),
                           self.server_side.mac("hs0"))

    def by_sockets(self, m, v6=False):
        """From within the server's own namespace: never past the driver."""
        with self.server_side.inside():
            with ask.Udp(SERVER6 if v6 else SERVER4, PORT) as client:
                return client.ask(m)

    def by_driver(self, m, source=CLIENT4):
        """The reply of the driver. One in 256 goes up all the same, and on a virtual cable
        many for want of room behind the question, so it is asked again."""
        with self.client(source) as client:
            for _ in range(80):
                before = self.answered()
                reply = client.ask(m)
                if self.answered() == before + 1:
                    return reply
        raise AssertionError("not answered at the driver: %s" % {
            k: v for k, v in self.metrics().items() if "xdp" in k})

    def not_by_driver(self, m, source=CLIENT4, seconds=ask.ANSWER_WAIT):
        """The reply of the sockets, or None; the driver must not have answered."""
        before = self.answered()
        with self.client(source) as client:
            reply = client.ask(m, seconds)
        assert self.answered() == before
        return reply

    def heat(self, name, qtype="A", source=CLIENT4, seconds=30, **how):
        """Asks until the driver answers: after a third hit, and word to the owner."""
        m = wire.query(name, qtype, **how)
        with self.client(source) as client:
            def answers():
                before = self.answered()
                assert self.by_sockets(m) is not None and client.ask(m) is not None
                return self.answered() > before
            net.wait_until("%s to be published" % name, answers, seconds, 0.02)


def made(mode, path):
    """For a fixture: a pair, not begun yet, and its end."""
    if not spaces.possible():
        pytest.skip("network namespaces cannot be made here")
    pair = Pair(path, mode)
    yield pair
    pair.end()
