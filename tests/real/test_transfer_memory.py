# SPDX-License-Identifier: GPL-3.0-or-later
"""test_transfer_memory.py - a bound on the memory of all zones that are being received.

With 16 MiB huge ones share 12, and a zone of 40,000 addresses takes some 9 of them while it
comes. The primaries send all but the end and wait until the test lets them go on, so what is under
way at a time is known.
"""
import socket
import struct
import threading

import pytest

import net
import secondaries
import web as webs
from test_zones import text

pytestmark = pytest.mark.own

PORT = 5353
HUGE, TOO_HUGE, SOON = 40000, 120000, 60


def wire_name(zone):
    return b"".join(bytes([len(label)]) + label.encode() for label in zone.split("."))


def soa(serial):
    rdata = b"\2ns\xc0\x0c\4host\xc0\x0c" + struct.pack(">5I", serial, 3600, 600, 86400, 60)
    return b"\xc0\x0c" + struct.pack(">HHIH", 6, 1, 300, len(rdata)) + rdata


class Holding:
    """A primary that sends a zone but for its end, which waits for `go`."""

    over = False

    def __init__(self, zone, records, serial=1):
        self.zone = zone
        self.address, self.go, self.asked = net.address(), threading.Event(), 0
        ns = b"\xc0\x0c" + struct.pack(">HHIH", 2, 1, 300, 5) + b"\2ns\xc0\x0c"
        self.rest = [ns] + [self.host(i) for i in range(records)]
        self.renew(serial)
        self.tcp = socket.create_server((self.address, PORT))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((self.address, PORT))
        for work in (self.accept, self.hear):
            threading.Thread(target=work, daemon=True).start()
        self.at = "%s:%d" % (self.address, PORT)

    def renew(self, serial):
        self.records = [soa(serial)] + self.rest + [soa(serial)]

    @staticmethod
    def host(number):
        label = b"h%d" % number
        return (bytes([len(label)]) + label + b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 300, 4) +
                struct.pack(">I", 0x0a000000 + number))

    def hear(self):
        """Questions for the SOA record."""
        while not self.over:
            m, peer = self.udp.recvfrom(4096)
            end = m.index(0, 12) + 5
            self.udp.sendto(m[:2] + struct.pack(">5H", 0x8400, 1, 1, 0, 0) + m[12:end] + self.records[0], peer)

    def accept(self):
        while True:
            try:
                conn = self.tcp.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.talk, args=(conn,), daemon=True).start()

    def talk(self, conn):
        with conn:
            try:
                conn.settimeout(SOON)
                m = conn.recv(struct.unpack(">H", conn.recv(2))[0])
                end = m.index(0, 12) + 5
                soa_only = m[end - 4:end - 2] == b"\0\6"
                self.asked += not soa_only
                records = self.records
                records = records[:1] if soa_only else records
                for at in range(0, len(records), 500):
                    if at + 500 >= len(records) and not soa_only and not self.go.wait(SOON):
                        return
                    part = records[at:at + 500]
                    reply = m[:2] + struct.pack(">5H", 0x8400, 1, len(part), 0, 0) + m[12:end] + b"".join(part)
                    conn.sendall(struct.pack(">H", len(reply)) + reply)
                conn.recv(1)
            except OSError:
                pass  # whoever asked has hung up

    def stop(self):
        self.over = True
        self.go.set()
        self.tcp.close()


@pytest.fixture
def holding():
    made = []

    def start(*args):
        made.append(Holding(*args))
        return made[-1]

    yield start
    for each in made:
        each.stop()


@pytest.fixture
def web():
    server = webs.Web(port=PORT)
    yield server
    server.stop()


def put_off(server, zone):
    return server.metrics().get('holdfast_zone_put_off_total{zone="%s"}' % zone, 0)


def octets(server):
    return server.metrics().get("holdfast_transfer_memory_octets", 0)


def test_who_finds_no_room_waits_and_no_small_zone_does(holding, web, holdfast):
    a, small = holding("a.test", HUGE), holding("small.test", 500)
    b, never = holding("b.test", HUGE), holding("never.test", TOO_HUGE)
    web.pages["/url"] = webs.page(text(1) + "".join("x%d A 192.0.2.1\n" % i for i in range(80000)))
    small.go.set()
    zones = [{"name": p.zone + ".", "primaries": [p.at], "refresh-min": "1s", "refresh-max": "5s"}
             for p in (a, b, small)]
    zones.append({"name": "corp.internal.", "url": "http://%s:%d/url" % (web.address, PORT)})
    server = holdfast({"none": "127.0.0.1:1"}, zones=zones[:1], **{"transfer-memory": "16MiB"})
    net.wait_until("the first to be asked", lambda: a.asked, SOON)
    net.wait_until("most of it to be there",
                   lambda: octets(server) > 7 << 20, SOON)
    server.conf["zones"] = zones
    server.write()
    a.asked = 0
    assert server.reload()[0] == 0  # begins anew, now beside the others
    net.wait_until("two of three to wait", lambda: put_off(server, "a.test") + put_off(
        server, "b.test") + put_off(server, "corp.internal") >= 2, SOON, 0.05)
    net.wait_until("the small one", lambda: secondaries.soa(server, "small.test.") == 1, SOON, 0.05)
    net.wait_until("the log", lambda: "zone: a version has to wait" in server.process.output(), SOON)
    assert octets(server) <= 16 << 20
    a.go.set()
    b.go.set()
    for zone in ("a.test.", "b.test.", "corp.internal."):
        net.wait_until(zone, lambda: secondaries.soa(server, zone) == 1, SOON, 0.05)
    net.wait_until("all to be given back",
                   lambda: octets(server) == 0, SOON, 0.05)
    never.go.set()
    server.conf["zones"] = zones + [{"name": "never.test.", "primaries": [never.at]}]
    server.write()
    assert server.reload()[0] == 0
    net.wait_until("it to be given up", lambda: "leaves for one" in server.process.output(), SOON)
