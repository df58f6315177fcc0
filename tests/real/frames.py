# SPDX-License-Identifier: GPL-3.0-or-later
"""frames.py - Ethernet frames by hand, right or wrong in one place.

A frame is built of what is given; `wrong` spoils it after everything has been
computed, so that nothing else gives it away.
"""
import socket
import struct
import time

ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 0x10


def checksum(octets):
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack("!%dH" % (len(octets) // 2), octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def udp(src, dst, sport, dport, payload, check=None, length=None):
    """UDP with the checksum that the pseudo header asks for, unless one is given."""
    length = 8 + len(payload) if length is None else length
    pseudo = src + dst + (struct.pack("!IHBB", 8 + len(payload), 0, 0, 17) if len(src) == 16 else
                          struct.pack("!BBH", 0, 17, 8 + len(payload)))
    head = struct.pack("!4H", sport, dport, length, 0)
    if check is None:
        check = checksum(pseudo + head + payload) or 0xFFFF
    return struct.pack("!4H", sport, dport, length, check) + payload


def ip4(src, dst, payload, ttl=64, frag=0, options=b"", check=None, length=None, tos=0):
    length = 20 + len(options) + len(payload) if length is None else length
    head = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, tos, length, 1, frag, ttl, 17, 0) + \
        src + dst + options
    check = checksum(head) if check is None else check
    return head[:10] + struct.pack("!H", check) + head[12:] + payload


def ip6(src, dst, payload, next_header=17, extension=b"", hops=64, first=0, length=None):
    """first: of the first word, what is not the version; extension: a header of that type."""
    payload = extension + payload
    length = len(payload) if length is None else length
    return struct.pack("!IHBB", 0x60000000 | first, length, next_header, hops) + src + dst + payload


def ether(dst, src, payload, proto, tags=(), pad=True):
    head = dst + src
    for tag in tags:
        head += struct.pack("!HH", 0x8100, tag)
    frame = head + struct.pack("!H", proto) + payload
    return frame.ljust(60, b"\0") if pad else frame


def tag_of(beside):
    """A VLAN's tag, which the kernel takes off and tells beside the frame."""
    for level, kind, data in beside:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, tci, proto = struct.unpack("=I12xHH", data[:20])
            return struct.pack("!HH", proto, tci) if status & TP_STATUS_VLAN_VALID else b""
    return b""


class Wire:
    """The client's end of the cable, octet by octet."""

    def __init__(self, space, interface, mac, peer_mac):
        with space.inside():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            self.socket.bind((interface, 0))
        self.mac, self.peer_mac = mac, peer_mac

    def close(self):
        self.socket.close()

    def question(self, m, src, dst, sport=4444, dport=5300, tags=(), to=None, ip=None, transport=None,
                 outer=None):
        """A frame that asks m; ip, transport and outer are more arguments of the layers."""
        a, b = packed(src), packed(dst)
        datagram = udp(a, b, sport, dport, m, **(transport or {}))
        packet = (ip6 if ":" in src else ip4)(a, b, datagram, **(ip or {}))
        return ether(to or self.peer_mac, self.mac, packet, 0x86DD if ":" in src else 0x0800, tags,
                     **(outer or {}))

    def send(self, frame):
        self.socket.send(frame)

    def receive(self, seconds):
        """The next frame that came in, or None."""
        end = time.monotonic() + seconds
        while True:
            self.socket.settimeout(max(end - time.monotonic(), 0.001))
            try:
                frame, beside, _, about = self.socket.recvmsg(4096, 256)
            except (socket.timeout, BlockingIOError):
                return None
            if about[2] != socket.PACKET_OUTGOING:
                return frame[:12] + tag_of(beside) + frame[12:]

    def reply(self, id, seconds=20.0):
        """The frame that carries a reply with this id, or None."""
        end = time.monotonic() + seconds
        frame = b""
        while frame is not None and struct.pack("!H", id) + b"\x81" not in frame:
            frame = self.receive(end - time.monotonic())
        return frame
