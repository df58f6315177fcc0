#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Broken packets by the million at a running server.

Good queries, replies, updates and EDNS in all forms are mutated (bits, octets,
lengths, counts, pieces cut out or doubled) and sent over UDP and TCP, while the
upstream mutates its replies too. Every --check packets a good question must be
answered. Memory is read all along: it must be flat once the cache is full. A
server built with a sanitizer that complains ends this at once. Ends with 1 if
the server died, did not answer, or grew by more than --grow MiB.
"""
import random
import socket
import sys
import time

import stage
from stage import option, say

import ask
import fake
import holdfast
import net
import wire


def seeds():
    """Well-formed packets of every kind that a mutation may start from."""
    out = []
    for qname in ("localhost.", "a.example.", "a.b.c.d.e.f.example.", ".", "x" * 63 + ".example."):
        for qtype in ("A", "ANY", "TXT", "AXFR", 65280):
            out.append(wire.query(qname, qtype))
            out.append(wire.query(qname, qtype, do=True, edns=4096))
    out.append(wire.query("o.example.", options=b"".join(wire.option(c, b"12345678")
                                                         for c in (3, 8, 10, 11, 12, 15))))
    out += [wire.query("op.example.", opcode=o) for o in range(16)]
    out += [wire.query("v.example.", version=1), wire.query("c.example.", cls=3)]
    out.append(wire.header(1, 5 << 11, 1, 0, 1, 0) + wire.name("example.") + b"\0\6\0\1" +
               wire.record("u.example.", "A", 60, b"\1\2\3\4"))
    out.append(wire.header(1, 0, 1, 0, 0, 1) + wire.name("t.example.") + b"\0\1\0\1" + wire.record(
        "key.", "TSIG", 0, wire.name("hmac-sha256.") + bytes(6) + b"\1\x2c\0\x20" + bytes(38), 255))
    out.append(wire.header(1, wire.QR | wire.RA, 1, 1) + wire.name("r.example.") + b"\0\1\0\1" +
               b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4")
    return out


INTERESTING = bytes([0, 1, 0x3F, 0x40, 0x7F, 0x80, 0xBF, 0xC0, 0xC1, 0xFE, 0xFF, 12, 41])


def mutated(m, dice):
    m = bytearray(m)
    for _ in range(1 + dice.getrandbits(2)):
        what, at = dice.getrandbits(3), dice.randrange(len(m)) if m else 0
        if not m:
            break
        if what < 2:
            m[at] ^= 1 << dice.getrandbits(3)
        elif what < 4:
            m[at] = INTERESTING[dice.randrange(len(INTERESTING))]
        elif what == 4:
            del m[at:at + 1 + dice.getrandbits(4)]
        elif what == 5:
            m[at:at] = m[at:at + 1 + dice.getrandbits(4)]
        elif what == 6 and len(m) > 11:
            m[4 + dice.randrange(8)] = dice.getrandbits(8)
        else:
            del m[at:]
    return bytes(m)


def lying(dice):
    """An upstream half of whose replies are mutated."""
    def behave(q):
        m = fake.honest(q)
        return mutated(m, dice) if dice.getrandbits(1) else m
    return behave


class Watch:
    """Alive, answering, and no fatter than before."""

    def __init__(self, server):
        self.server, self.first, self.most = server, None, 0

    def check(self):
        process = self.server.process
        assert process.alive(), "the server died:\n" + process.output()[-4000:]
        fatal = holdfast.FATAL.search(process.output())
        assert not fatal, "the server says:\n" + process.output()[-4000:]
        net.wait_until("an answer to a good question", lambda: self.server.udp(
            "localhost.", seconds=2).rcode == 0, 10)
        self.most = max(self.most, net.rss(self.server.pid))

    def settle(self):
        self.first = net.rss(self.server.pid)

    def grown(self):
        return (self.most - self.first) / 2**20


def over_udp(server, packets, count, dice, pace):
    """Sends; now and then lets the server catch up by asking for something good."""
    with ask.Udp(server.address, holdfast.PORT) as client:
        client.socket.setblocking(False)
        for i in range(count):
            try:
                client.socket.send(mutated(packets[dice.randrange(len(packets))], dice))
            except (BlockingIOError, ConnectionRefusedError):
                time.sleep(0.0005)
            if i % pace == pace - 1:
                drain(client.socket)
                client.socket.settimeout(2)
                client.send(wire.query("localhost.", id=1))
                try:
                    while client.socket.recv(65535)[:2] != b"\0\1":
                        pass
                except OSError:
                    pass
                client.socket.setblocking(False)


def drain(sock):
    try:
        while sock.recv(65535):
            pass
    except OSError:
        pass


def over_tcp(server, packets, count, dice):
    """Frames of mutated packets; one in fifty lies about its length."""
    sent = 0
    while sent < count:
        try:
            with socket.create_connection((server.address, holdfast.PORT), 5) as s:
                s.settimeout(2)
                for _ in range(dice.randrange(1, 200)):
                    m = mutated(packets[dice.randrange(len(packets))], dice)
                    frame = wire.framed(m)
                    if not dice.randrange(50):
                        frame = bytes([dice.getrandbits(8) & 1, dice.getrandbits(8)]) + m
                    s.sendall(frame)
                    sent += 1
                    if dice.randrange(8) == 0:
                        s.setblocking(False)
                        drain(s)
                        s.settimeout(2)
        except OSError:
            sent += 1


def counted(server):
    """How many packets the server says it got: answered ones, and what deserved no answer."""
    if holdfast.STANDIN:
        return "?"
    return int(sum(v for k, v in server.metrics().items() if k.split("{")[0] in (
        "holdfast_replies_total", "holdfast_silenced_total")))


def main():
    options = stage.arguments(
        __doc__,
        option("--packets", type=int, default=1000000, help="how many (default 1,000,000)"),
        option("--tcp", type=float, default=0.1, metavar="SHARE", help="of them over TCP (default 0.1)"),
        option("--seed", type=int, default=None, help="of the dice (default: a new one, printed)"),
        option("--check", type=int, default=20000, help="packets between two looks (default 20,000)"),
        option("--grow", type=float, default=16, help="MiB that it may grow after a tenth (default 16)"),
        option("--workers", type=int, default=2, help="threads of the server (default 2)"))
    seed = options.seed if options.seed is not None else random.SystemRandom().getrandbits(32)
    say("seed %d" % seed)
    dice, packets = random.Random(seed), seeds()
    with stage.stage(options.keep) as directory:
        upstream = fake.Fake(lying(random.Random(seed + 1)))
        server = holdfast.Holdfast(stage.subdirectory(directory, "holdfast"),
                                   {"a": {"address": upstream.at, "timeout-max": "100ms"}},
                                   cache={"size": "4MiB"}, workers=options.workers)
        watch, start, done = Watch(server), time.monotonic(), 0
        share = int(options.check * options.tcp)
        try:
            while done < options.packets:
                over_udp(server, packets, options.check - share, dice, 64)
                over_tcp(server, packets, share, dice)
                done += options.check
                upstream.forget()
                watch.check()
                if watch.first is None and done >= options.packets / 10:
                    watch.settle()
                if done % (options.check * 10) == 0:
                    say("  %d packets, %.0f/s, resident %.1f MiB" % (
                        done, done / (time.monotonic() - start), net.rss(server.pid) / 2**20))
        except AssertionError as wrong:
            say("after %d packets (seed %d): %s" % (done, seed, wrong))
            return 1
        grown, read = watch.grown(), counted(server)
        code = server.stop()
        upstream.stop()
    say("%d packets sent, %s read: alive, %.1f MiB more at most since the first tenth, ended with %s" % (
        done, read, grown, code))
    return 1 if grown > options.grow or code else 0


if __name__ == "__main__":
    sys.exit(main())
