# SPDX-License-Identifier: GPL-3.0-or-later
"""The same made-up packets over the cable, past the driver, and to the sockets from
within: whoever answers, and whatever the packet, the octets are the same.

Most packets are plain questions for hot answers, asked in one way or another; the
others are spoilt somewhere, from an option too many to a few octets that are not
what they were. HOLDFAST_SEED plays a run again."""
import os
import random
import struct
import time

import pytest

import ask
import fake as fakes
import frames
import net
import pairs
import wire

pytestmark = pytest.mark.own

ROUNDS, BURST = 24, 64
ROOM = 700      # of a frame, with padding: behind a short one is often too little for an answer
HOT = [
    ("a.", "A", {}), ("hot.example.", "A", {}), ("hot.example.", "A", {"do": True}),
    ("hot.example.", "A", {"cd": True}), ("hot.example.", "A", {"do": True, "cd": True}),
    ("hot.example.", "AAAA", {}), ("nx.example.", "A", {}), ("large.example.", "TXT", {"edns": 1232}),
    ("tight.example.", "TXT", {}), ("many.example.", "MX", {}), ("alias.example.", "A", {}), (".", "NS", {}),
    ("x" * 48 + ".example.", "A", {}), ("%s.l." % ".".join("abcdefghijklmnopqrst"), "A", {}),
]
# Over 512 octets; and over 512 only with an OPT record.
LAST_TEXT = {b"large": 226, b"tight": 208}


def answer(q):
    """Answers of all shapes that can be hot: by name, and of different TTLs."""
    first = q.name[1:1 + q.name[0]].lower()
    if first in LAST_TEXT and q.qtype == 16:
        last = LAST_TEXT[first]
        return fakes.reply(q, [wire.record(b"\xc0\x0c", "TXT", 300, b"\xff" + b"x" * 255 + bytes([last]) + b"y" * last)])
    if first == b"many" and q.qtype == 15:
        return fakes.reply(q, [wire.record(b"\xc0\x0c", "MX", 300, b"\0\x0a\2mx\xc0\x0c"),
                               wire.record(b"\xc0\x0c", "MX", 90000, b"\0\x14\1m\xc0\x0c")],
                           [wire.record(b"\xc0\x0c", "NS", 7200, b"\2ns\xc0\x0c")],
                           [wire.record(b"\2mx\xc0\x0c", "A", 600, b"\1\2\3\4")])
    if first == b"alias" and q.qtype == 1:
        return fakes.reply(q, [wire.record(b"\xc0\x0c", "CNAME", 120, b"\1t\xc0\x12"),
                               wire.record(b"\1t\xc0\x12", "A", 240, b"\1\2\3\4")])
    if q.name == b"\0" and q.qtype == 2:
        return fakes.reply(q, [wire.record(b"\0", "NS", 3600, b"\1%c\0" % c) for c in b"abcdef"])
    return fakes.honest(q)


# --- packets ------------------------------------------------------------------------

def mixed(dice, name):
    """The name in letters of both cases."""
    return "".join(dice.choice((c.lower(), c.upper())) for c in name)


def plain(dice):
    """A question for a hot answer, or for what is nearly one."""
    name, qtype, how = dice.choice(HOT)
    how = dict(how)
    if dice.random() < 0.4 and not how.get("do"):
        how["edns"] = dice.choice((0, 100, 512, 513, 700, 1232, 4096, 65535))
    if dice.random() < 0.2:
        how[dice.choice(("ad", "cd", "do"))] = True
    return wire.query(mixed(dice, name), qtype, **how)


OPTIONS = [wire.option(10, b"12345678"), wire.option(8, b"\0\1\x18\0\1\2\3"), wire.option(12, b"\0" * 9),
           wire.option(11), wire.option(3), wire.option(65001, b"?"), b"\0\x0a\0\x08123"]


def odd(dice):
    """A question with something that is not usual."""
    name, qtype, how = dice.choice(HOT)
    change = dice.choice((
        {"options": dice.choice(OPTIONS)}, {"version": dice.choice((1, 255))}, {"rd": False}, {"z": True},
        {"opcode": dice.choice((1, 2, 4, 5, 15))}, {"cls": dice.choice((0, 3, 4, 254, 255))},
        {"flags": dice.choice((wire.TC, wire.AA, wire.QR, 1, 15))}, {"qtype": dice.choice((0, 41, 250, 251, 252, 255))}))
    m = wire.query(mixed(dice, name), **{"qtype": qtype, **how, **change})
    return m


def spoilt(dice):
    """A question of which some octets are others, or more, or fewer; it keeps its id."""
    m = bytearray(plain(dice))
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(2, len(m))
        what = dice.randrange(5)
        if what == 0:
            m[at] ^= 1 << dice.randrange(8)
        elif what == 1:
            m[at] = dice.choice((0, 0xc0, 255, dice.randrange(256)))
        elif what == 2 and len(m) > 12:
            del m[at]
        elif what == 3:
            m.insert(at, dice.randrange(256))
        else:
            m += dice.choice((b"\0", wire.opt(), wire.opt(owner=b"\1a\0"), wire.record("a.", "A", 1, b"1234")))
            m[dice.choice((5, 7, 9, 11))] ^= dice.randrange(4)
    return bytes(m)


def burst(dice, first):
    """Packets whose ids follow each other."""
    made = [dice.choices((plain, odd, spoilt), (6, 1, 1))[0](dice) for _ in range(BURST)]
    return {first + i: struct.pack("!H", first + i) + m[2:] for i, m in enumerate(made)}


# --- both ways ----------------------------------------------------------------------

def message_in(frame):
    """What a frame to the client carries, if it is a whole datagram of the server's."""
    v6 = frame[12:14] == b"\x86\xdd"
    ip, at = frame[14:], 40 if v6 else 20
    if frame[12:14] not in (b"\x08\0", b"\x86\xdd") or ip[6 if v6 else 9] != 17:
        return None
    src, dst = (ip[8:24], ip[24:40]) if v6 else (ip[12:16], ip[16:20])
    length, = struct.unpack("!H", ip[at + 4:at + 6])
    sport, dport = struct.unpack("!2H", ip[at:at + 4])
    datagram = ip[at:at + length]
    if sport != pairs.PORT:
        return None
    assert datagram == frames.udp(src, dst, sport, dport, datagram[8:]), "a wrong checksum"
    return datagram[8:]


def gather(receive, wanted, quiet, seconds=3.0):
    """Messages by their ids, until all that are wanted are here, or none comes any more."""
    heard, end = {}, time.monotonic() + seconds
    while time.monotonic() < end and (wanted is None or not wanted <= heard.keys()):
        m = receive(quiet if wanted is None else end - time.monotonic())
        if m is None:
            break
        heard[struct.unpack("!H", m[:2])[0]] = m
    return heard


class Ways:
    """A client at the end of the cable, and one within."""

    def __init__(self, pair, v6):
        self.source, self.server = ((pairs.CLIENT6, pairs.SERVER6) if v6 else (pairs.CLIENT4, pairs.SERVER4))
        self.cable = pair.wire()
        with pair.server_side.inside():
            self.within = ask.Udp(self.server, pairs.PORT)
        # The host of the client would say that nobody hears there, and be slow with it.
        with pair.client_side.inside():
            self.ear = ask.Udp(self.server, pairs.PORT, self.source)
        self.sport = self.ear.socket.getsockname()[1]

    def close(self):
        self.cable.close()
        self.within.socket.close()
        self.ear.socket.close()

    def receive(self, seconds):
        """The next message of the server's that comes out of the cable, or None."""
        end = time.monotonic() + seconds
        while True:
            frame = self.cable.receive(end - time.monotonic())
            m = frame and message_in(frame)
            if m or frame is None:
                return m

    def by_sockets(self, packets):
        for m in packets.values():
            self.within.send(m)
        return gather(self.within.receive, None, 0.05)

    def by_cable(self, packets, wanted):
        for i, m in packets.items():
            frame = self.cable.question(m, self.source, self.server, self.sport)
            self.cable.send(frame.ljust(ROOM if i % 2 else 0, b"\0"))
        return gather(self.receive, wanted, 0.05)

    def differ(self, packets):
        """Packets that were answered in two ways, with both answers."""
        sockets = self.by_sockets(packets)
        cable = self.by_cable(packets, sockets.keys())
        return {packets[i]: (cable.get(i), sockets.get(i)) for i in packets if cable.get(i) != sockets.get(i)}

    def differ_still(self, packets):
        """The same but for chance: a second may have ended between the two, or an
        upstream have been asked."""
        for _ in range(5):
            found = self.differ(packets)
            packets = {i: m for i, m in packets.items() if m in found}
            if not packets:
                break
        return found


def heat(pair):
    """Asks until all is published."""
    def published():
        for name, qtype, how in HOT:
            assert pair.by_sockets(wire.query(name, qtype, **how)) is not None
        return pair.metrics()["holdfast_xdp_entries"] >= len(HOT)
    net.wait_until("all to be published", published, 60, 0.02)


@pytest.mark.parametrize("mode", ["generic", "native"])
def test_whatever_comes_is_answered_alike_at_the_driver_and_by_the_sockets(tmp_path, mode):
    seed = int(os.environ.get("HOLDFAST_SEED", random.getrandbits(32)))
    dice = random.Random(seed)
    for pair in pairs.made(mode, tmp_path):
        pair.begin(answer)
        heat(pair)
        for v6 in (False, True):
            ways, before = Ways(pair, v6), pair.answered()
            for i in range(ROUNDS):
                for m, (cable, within) in ways.differ_still(burst(dice, 1 + i * BURST)).items():
                    pytest.fail("seed %d: to %s the cable brought %s, and the sockets %s" % (
                        seed, m.hex(), cable and cable.hex(), within and within.hex()))
            assert pair.answered() - before > ROUNDS * BURST / 4
            ways.close()
