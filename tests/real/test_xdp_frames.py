# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames that are odd below DNS: what is answered at the driver the sockets would have
answered, too. Each frame is sent to a server that answers there, and again when it does
not any more."""
import time

import pytest

import net
import pairs
import wire
from pairs import CLIENT4, CLIENT6, SERVER4, SERVER6

pytestmark = pytest.mark.own

STATION = b"\x02\0\0\0\0\x09"
SOURCES = {
    SERVER4: ["10.77.0.0", "10.77.0.255", "10.77.0.77", "10.77.0.1", "0.0.0.0", "240.0.0.1", "169.254.1.1",
              "100.64.0.1", "198.51.100.1", "127.0.0.1", "224.0.0.1", "255.255.255.255"],
    SERVER6: ["fd77::", "fd77::77", "fd77::1", "fe80::1", "fec0::1", "2002::1", "2001:db8::9", "64:ff9b::a4d:2",
              "::ffff:10.77.0.2", "::10.77.0.2", "::1", "::", "ff02::1"],
}
OPTIONS = b"\x11\0\1\4\0\0\0\0"


def frames_of(end):
    """By what is odd: how to ask, as Wire.question has it, and what the frame begins with."""
    v6 = dict(src=CLIENT6, dst=SERVER6)
    odd = {"nothing": {}, "nothing, IPv6": v6}
    for tos in (1, 2, 3, 0xB8):
        odd["TOS %d" % tos] = dict(ip=dict(tos=tos))
    for ttl in (0, 1, 255):
        odd["TTL %d" % ttl] = dict(ip=dict(ttl=ttl))
    for flags in (0x4000, 0x8000, 0xC000):
        odd["fragment flags %x" % flags] = dict(ip=dict(frag=flags))
    for dst, sources in SOURCES.items():
        for src in sources:
            odd["from %s" % src] = dict(src=src, dst=dst)
    for port in (1, 7, 53, 5353, 65535):
        odd["from port %d" % port] = dict(sport=port)
    for to in (end.mac, b"\xff" * 6, b"\x01\0\x5e\0\0\1", STATION):
        odd["to station %s" % to.hex()] = dict(to=to)
    for source in (end.peer_mac, b"\0" * 6, b"\x01\0\x5e\0\0\1", b"\xff" * 6):
        odd["from station %s" % source.hex()] = dict(station=source)
    for what, ip in (("no hops", dict(hops=0)), ("a class", dict(first=0xBB << 20)), ("a flow", dict(first=0xFFFFF)),
                     ("no length", dict(length=0)), ("hop-by-hop", dict(next_header=0, extension=OPTIONS)),
                     ("destination", dict(next_header=60, extension=OPTIONS)),
                     ("routing", dict(next_header=43, extension=b"\x11\0\0\0\0\0\0\0")),
                     ("a fragment of one", dict(next_header=44, extension=b"\x11\0\0\0\0\0\0\1"))):
        odd["IPv6, " + what] = dict(**v6, ip=ip)
    return odd


def frame_of(end, id, src=CLIENT4, dst=SERVER4, station=None, **how):
    frame = end.question(wire.query("hot.example.", id=id), src, dst, **how)
    return (frame[:6] + (station or end.mac) + frame[12:]).ljust(200, b"\0")


@pytest.fixture
def pair(tmp_path):
    yield from pairs.made("native", tmp_path)


def test_what_is_answered_at_the_driver_the_sockets_would_have_answered(pair):
    pair.begin(allow=["0.0.0.0/0", "::/0"])
    pair.heat("hot.example.")
    end = pair.wire()
    by_driver = set()
    for what, how in frames_of(end).items():
        before = pair.answered()
        for id in range(4):
            end.send(frame_of(end, id, **how))
        late = time.monotonic() + 0.2
        while pair.answered() < before + 4 and time.monotonic() < late:
            time.sleep(0.02)
        if pair.answered() > before:
            by_driver.add(what)
    assert {"nothing", "nothing, IPv6", "TTL 0", "from port 53", "IPv6, a flow"} <= by_driver
    assert not by_driver & {"from 10.77.0.255", "from fd77::1", "IPv6, hop-by-hop", "IPv6, a fragment of one"}

    pair.server.conf["listen"]["xdp"] = []
    pair.server.write()
    assert pair.reload()[0] == 0
    for version, via, near in (("-4", CLIENT4, ["10.77.0.77", "10.77.0.0"]), ("-6", CLIENT6, ["fd77::77", "fe80::1", "fd77::"])):
        pair.server_side.run("ip", version, "route", "add", "default", "via", via, "dev", "hs0")
        for address in near:
            pair.server_side.run("ip", version, "neigh", "replace", address, "lladdr", "02:00:00:00:00:09", "dev", "hs0")

    def hear(id, how):
        end.send(frame_of(end, id, **how))
        return end.reply(id, 1)
    for id, (what, how) in enumerate(frames_of(end).items(), 0x4000):
        if what in by_driver:
            net.wait_until("an answer of the sockets to %s" % what, lambda: hear(id, how), 20)
    end.close()
