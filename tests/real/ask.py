# SPDX-License-Identifier: GPL-3.0-or-later
"""ask.py - a client that hides nothing.

It sends the octets it is given and returns the octets that came back, with no
retries, so that a test sees what the server did and not what a stub made of it.
"""
import select
import socket
import struct
import time

import wire

ANSWER_WAIT = 20.0  # far longer than the server's own deadline: a missing answer is its fault


class Udp:
    """One UDP socket towards one server: its packets reach one worker in order."""

    def __init__(self, address, port, source=None, connect=True):
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
                                    socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        if source:
            self.socket.bind((source, 0))
        self.server = (address, port)
        if connect:
            self.socket.connect(self.server)
        self.connected = connect

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, m):
        if self.connected:
            self.socket.send(m)
        else:
            self.socket.sendto(m, self.server)

    def receive(self, seconds=ANSWER_WAIT):
        """The next datagram as octets, or None. A refused port counts as none."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            return self.socket.recv(65535)
        except (socket.timeout, ConnectionRefusedError):
            return None

    def ask(self, m, seconds=ANSWER_WAIT):
        """Sends and waits for the datagram with the same id."""
        self.send(m)
        end = time.monotonic() + seconds
        while True:
            reply = self.receive(end - time.monotonic())
            if reply is None or reply[:2] == m[:2]:
                return reply
            if time.monotonic() > end:
                return None

    def drain(self, count, seconds=ANSWER_WAIT):
        """Up to `count` datagrams."""
        out, end = [], time.monotonic() + seconds
        while len(out) < count:
            reply = self.receive(end - time.monotonic())
            if reply is None:
                break
            out.append(reply)
        return out


class Tcp:
    """One TCP connection."""

    def __init__(self, address, port, source=None, receive_buffer=None):
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
                                    socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(ANSWER_WAIT)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((address, port))
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *messages):
        self.socket.sendall(b"".join(wire.framed(m) for m in messages))

    def send_raw(self, octets):
        self.socket.sendall(octets)

    def receive(self, seconds=ANSWER_WAIT):
        """The next message's octets; None when the time is over; b"" when the
        server has closed."""
        end = time.monotonic() + seconds
        while True:
            if len(self.buffer) >= 2:
                length = struct.unpack("!H", self.buffer[:2])[0]
                if len(self.buffer) >= 2 + length:
                    m, self.buffer = self.buffer[2:2 + length], self.buffer[2 + length:]
                    return m
            more = self.more(end - time.monotonic())
            if not more:
                return more
            self.buffer += more

    def more(self, seconds):
        """The octets that come next, whatever they mean; else as receive."""
        if seconds <= 0 or not select.select([self.socket], [], [], seconds)[0]:
            return None
        try:
            return self.socket.recv(1 << 16)
        except ConnectionError:
            return b""

    def ask(self, m, seconds=ANSWER_WAIT):
        self.send(m)
        return self.receive(seconds)

    def closed_within(self, seconds):
        """True if the server closes (or resets) within the time; octets that
        arrive meanwhile are thrown away."""
        end = time.monotonic() + seconds
        while more := self.more(end - time.monotonic()):
            pass
        return more == b""


def udp(address, port, m, seconds=ANSWER_WAIT, source=None):
    """One question over UDP; the parsed reply or None."""
    with Udp(address, port, source) as client:
        reply = client.ask(m, seconds)
    return None if reply is None else wire.Message(reply)


def tcp(address, port, m, seconds=ANSWER_WAIT, source=None):
    """One question over a TCP connection of its own; the parsed reply or None."""
    with Tcp(address, port, source) as client:
        reply = client.ask(m, seconds)
    return wire.Message(reply) if reply else None
