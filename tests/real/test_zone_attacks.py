# SPDX-License-Identifier: GPL-3.0-or-later
"""Primaries that mean harm: whatever they send, the server keeps its bounds and answers."""
import socket
import struct
import threading

import pytest

import net
import wire

pytestmark = pytest.mark.own

ZONE = "evil.example."


def framed(m):
    return struct.pack("!H", len(m)) + m


def record(owner, rtype, rdata):
    """One whose names are compressed."""
    return owner + struct.pack("!2HIH", rtype, 1, 60, len(rdata)) + rdata


class Endless:
    """Begins a transfer that never ends. Names are compressed: fourteen octets each become
    four hundred where they are written out."""

    def __init__(self):
        self.address, self.sent = net.address(), 0
        self.door = socket.create_server((self.address, net.PORT))
        threading.Thread(target=self.serve, daemon=True).start()

    @property
    def at(self):
        return "%s:%d" % (self.address, net.PORT)

    def serve(self):
        while True:
            try:
                peer, _ = self.door.accept()
            except OSError:
                return
            with peer:
                try:
                    self.talk(peer, self.question(peer))
                except OSError:
                    pass

    @staticmethod
    def question(peer):
        length, = struct.unpack("!H", peer.recv(2, socket.MSG_WAITALL))
        m = peer.recv(length, socket.MSG_WAITALL)
        return m[:2], m[12:12 + len(wire.name(ZONE)) + 4]

    @staticmethod
    def message(question, records):
        identifier, section = question
        return framed(identifier + struct.pack("!5H", 0x8400, 1, len(records), 0, 0) + section +
                      b"".join(records))

    def talk(self, peer, question):
        pointer = struct.pack("!H", 0xc000 | 12)
        peer.sendall(self.message(question, [record(
            pointer, 6, b"\2ns" + pointer + b"\4host" + pointer +
            struct.pack("!5I", 9, 60, 60, 600, 60))]))
        longest = b"".join(b"\x3c" + b"x" * 60 for _ in range(3)) + pointer
        first = 12 + len(question[1])
        number = 0
        while True:
            records = [record(b"\1a" + longest, 2, pointer)]
            to_longest = struct.pack("!H", 0xc000 | (first + 2))
            for _ in range(3000):
                number += 1
                records.append(record(b"\4" + struct.pack("!I", number) + to_longest, 2,
                                      to_longest))
            m = self.message(question, records)
            peer.sendall(m)
            self.sent += len(m)


@pytest.fixture
def endless():
    primary = Endless()
    yield primary
    primary.door.close()


def test_a_transfer_without_end_takes_no_more_memory_than_the_zone_may_have(holdfast, endless):
    server = holdfast({"u": "127.0.0.1:1"}, zones=[
        {"name": ZONE, "primaries": [endless.at], "max-size": "8MiB"}])
    net.wait_until("the transfer to be given up",
                   lambda: "there is more than the zone may have" in server.process.output(), 60)
    assert server.udp("www." + ZONE).rcode == wire.SERVFAIL
    assert server.udp("localhost.").rcode == wire.NOERROR
    assert endless.sent < 8 << 20, "less than a twentieth of it should have been enough"
