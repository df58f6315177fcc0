# SPDX-License-Identifier: GPL-3.0-or-later
"""fake.py - an upstream that does what it is told, however rude.

A `Fake` listens on UDP and TCP of one loopback address, in a thread of its own,
writes down every question that it gets, and lets a function answer: it gets an
`Asked` and returns nothing (silence), octets, or a list of `Send`. The
behaviours that the tests need are here under their names; they combine, as in
`after(0.3, servfail)` or `in_turn(silent, honest)`.
"""
import asyncio
import socket
import ssl
import struct
import threading
import time
import zlib

import net
import wire


class Asked:
    """One question as it arrived."""

    def __init__(self, m, proto, source, number, stamp=None):
        self.wire, self.proto, self.source = m, proto, source
        self.number = number  # how many came before, over all names
        self.at = time.monotonic()
        # When the kernel got it, in seconds of the wall clock: this process may
        # have slept meanwhile. Over TCP: when it was read.
        self.stamp = time.time() if stamp is None else stamp
        self.message = wire.Message(m)
        self.id, self.flags = self.message.id, self.message.flags
        self.qname, self.qtype, self.qclass = self.message.question[0]
        self.name = wire.lower(self.qname)
        self.question = m[12:self.message.question_end]

    @property
    def edns(self):
        return self.message.opt is not None

    @property
    def port(self):
        return self.source[1]


class Send:
    """One thing to send: octets, when, and by which way. Over UDP `via` may be
    "port" (another source port) or "address" (another source address). Over TCP
    `raw` leaves the length away, `drip` sends octet by octet with that pause,
    and `close` closes behind it."""

    def __init__(self, m=b"", delay=0.0, via=None, raw=False, drip=0.0, close=False):
        self.wire, self.delay, self.via = m, delay, via
        self.raw, self.drip, self.close = raw, drip, close

    def later(self, seconds):
        return Send(self.wire, self.delay + seconds, self.via, self.raw, self.drip, self.close)


def reply(q, answer=(), authority=(), additional=(), rcode=0, flags=wire.QR | wire.AA, id=None,
          question=None, edns=True, size=1232, options=b""):
    """A well-formed reply to a question; records are octets from wire.record."""
    opt = b""
    if edns and q.edns:
        opt = wire.opt(size, bool(q.message.dnssec_ok), 0, options, rcode_high=rcode >> 4)
    head = wire.header(q.id if id is None else id, flags | (q.flags & wire.RD) | rcode & 15, 1,
                       len(answer), len(authority), len(additional) + (1 if opt else 0))
    return (head + (q.question if question is None else question) +
            b"".join(answer) + b"".join(authority) + b"".join(additional) + opt)


# --- behaviours: each takes an Asked -----------------------------------------

def address_of(qname, base=10):
    """The one address that a name has here: a function of the name."""
    h = zlib.crc32(wire.lower(qname))
    return bytes([base, h >> 16 & 255, h >> 8 & 255, h & 255])


def honest(q, ttl=300, base=10):
    """A and TXT for every name; NODATA for every other type. Names with a first
    label `nx...` do not exist, `short...` live 1 s, `zero...` 0 s, `big...` have
    TXT of 5,000 octets."""
    first = q.name[1:1 + q.name[0]]
    zone = [wire.record(b"\0", "SOA", 60, wire.soa(minimum=30))]
    if first.startswith(b"short"):
        ttl = 1
    elif first.startswith(b"zero"):
        ttl = 0
    if first.startswith(b"nx"):
        return reply(q, authority=zone, rcode=wire.NXDOMAIN)
    if q.qtype == 1:
        return reply(q, [wire.record(b"\xc0\x0c", "A", ttl, address_of(q.name, base))])
    if q.qtype == 16:
        octets = b"\xfa" + b"x" * 250
        rdata = octets * 20 if first.startswith(b"big") else b"\x05small"
        whole = reply(q, [wire.record(b"\xc0\x0c", "TXT", ttl, rdata)])
        limit = q.message.udp_size if q.edns else 512
        return whole if q.proto == "tcp" or len(whole) <= limit else truncated(q)
    return reply(q, authority=zone)


def silent(q):
    return None


def failing(rcode):
    return lambda q: reply(q, rcode=rcode)


servfail, refused, notimp, formerr = (failing(r) for r in
                                      (wire.SERVFAIL, wire.REFUSED, wire.NOTIMP, wire.FORMERR))


def truncated(q):
    return reply(q, flags=wire.QR | wire.AA | wire.TC)


def garbage(q):
    """The right id, and nonsense behind it."""
    return struct.pack("!H", q.id) + b"\x81\x80\x00\x01\x00\x07" + b"\xc0\xff" * 20


def header_only(q):
    return wire.header(q.id, wire.QR | wire.RA)


def too_short(q):
    return struct.pack("!H", q.id) + b"\x81\x80"


def empty(q):
    return [Send(b"")]


def after(seconds, behave):
    return lambda q: [s.later(seconds) for s in sends(behave(q))]


def in_turn(*behaviours):
    """The first question gets the first behaviour ..., all further ones the last."""
    count = iter(range(1 << 30))
    return lambda q: behaviours[min(next(count), len(behaviours) - 1)](q)


def both(*behaviours):
    """All of them, in order, for each question."""
    return lambda q: [s for behave in behaviours for s in sends(behave(q))]


def by_proto(udp, tcp):
    return lambda q: (udp if q.proto == "udp" else tcp)(q)


def false_address(q):
    """What a forger would send: right in all respects, but 6.6.6.6."""
    return reply(q, [wire.record(b"\xc0\x0c", "A", 300, b"\x06\x06\x06\x06")])


def wrong_id(q):
    m = false_address(q)
    return struct.pack("!H", q.id ^ 0x5555) + m[2:]


def wrong_question(q):
    return reply(q, [wire.record("forged.example.", "A", 300, b"\x06\x06\x06\x06")],
                 question=wire.name("forged.example.") + b"\0\1\0\1")


def wrong_type(q):
    return reply(q, [wire.record(b"\xc0\x0c", "A", 300, b"\x06\x06\x06\x06")],
                 question=q.qname + b"\0\x10\0\1")


def wrong_case(q):
    return reply(q, [wire.record(b"\xc0\x0c", "A", 300, b"\x06\x06\x06\x06")],
                 question=bytes(q.qname).swapcase() + q.question[-4:])


def a_query_back(q):
    """Not a reply at all: QR is 0."""
    m = bytearray(false_address(q))
    m[2] &= 0x7F
    return bytes(m)


def other_port(q):
    return [Send(false_address(q), via="port")]


def other_address(q):
    return [Send(false_address(q), via="address")]


def twice(behave):
    return both(behave, behave)


def opt_first(q):
    """OPT before the other additional records: legal, and seldom seen."""
    opt = wire.opt(1232)
    records = [wire.record(b"\xc0\x0c", "A", 300, address_of(q.name))]
    extra = [wire.record("ns.extra.example.", "A", 300, b"\x0a\x01\x01\x01")]
    head = wire.header(q.id, wire.QR | wire.AA | q.flags & wire.RD, 1, 1, 0, 2)
    return head + q.question + b"".join(records) + opt + b"".join(extra)


def no_edns(behave):
    """FORMERR with nothing but a header for whoever speaks EDNS, as very old
    servers have it (RFC 6891 section 7)."""
    return lambda q: wire.header(q.id, wire.QR | wire.FORMERR) if q.edns else behave(q)


def sends(answer):
    """Whatever a behaviour returned, as a list of Send."""
    if answer is None:
        return []
    if isinstance(answer, (bytes, bytearray)):
        return [Send(bytes(answer))]
    return list(answer)


# --- the server --------------------------------------------------------------

SO_TIMESTAMPNS = getattr(socket, "SO_TIMESTAMPNS", 35)  # Linux, and the name of what it brings
AT_ONCE = 64  # datagrams that are read before TCP has its turn


def stamp_of(ancillary):
    """The kernel's time stamp of a datagram in seconds, or None."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("@ll", data[:struct.calcsize("@ll")])
            return seconds + nanoseconds / 1e9
    return None


class Fake:
    def __init__(self, behave=honest, address=None, port=net.PORT, tls=None):
        self.address, self.port = address or net.address(), port
        self.behave, self.tls = behave, tls  # tls: an ssl.SSLContext; TCP is TLS then
        self.seen, self.unreadable, self.connections = [], 0, 0
        self.sessions = []  # of TLS: (version, was it resumed?, protocol agreed on)
        self.loop = self.thread = None
        self.start()

    @property
    def at(self):
        """As a configuration writes it."""
        return "%s:%d" % (self.address, self.port)

    def start(self):
        ready, failed = threading.Event(), []
        self.loop = asyncio.new_event_loop()

        def run():
            asyncio.set_event_loop(self.loop)
            try:
                self.loop.run_until_complete(self._listen())
            except OSError as error:
                failed.append(error)
            ready.set()
            if not failed:
                self.loop.run_forever()
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.close()

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()
        ready.wait(60)
        if failed:
            raise failed[0]

    def stop(self):
        """Closes its ports: the kernel refuses from now on (ICMP, RST)."""
        if self.thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._close(), self.loop).result(60)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(60)
        self.thread = None

    def refuse_tcp(self):
        """From now on the kernel refuses connections (RST); datagrams are answered."""
        asyncio.run_coroutine_threadsafe(self._refuse_tcp(), self.loop).result(60)

    async def _refuse_tcp(self):
        self.tcp.close()

    async def _listen(self):
        self.writers = set()
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.setblocking(False)
        sock.bind((self.address, self.port))
        self.udp_socket = sock
        self.loop.add_reader(sock, self._read_udp)
        self.tcp = await asyncio.start_server(self._serve, self.address, self.port,
                                              reuse_address=True, ssl=self.tls)
        self.side = {"port": self._side(self.address), "address": self._side(net.address())}

    @staticmethod
    def _side(address):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((address, 0))
        return sock

    async def _close(self):
        self.loop.remove_reader(self.udp_socket)
        self.udp_socket.close()
        self.tcp.close()
        for writer in list(self.writers):
            writer.transport.abort()
        await self.tcp.wait_closed()
        for sock in self.side.values():
            sock.close()

    def answers(self, m, proto, source, stamp=None):
        try:
            asked = Asked(m, proto, source, len(self.seen), stamp)
        except (wire.Broken, IndexError):
            self.unreadable += 1
            return []
        self.seen.append(asked)
        return sends(self.behave(asked))

    def _read_udp(self):
        for _ in range(AT_ONCE):
            try:
                m, ancillary, _, source = self.udp_socket.recvmsg(65535, 64)
            except OSError:  # nothing more, or what ICMP says of an earlier reply
                return
            for s in self.answers(m, "udp", source, stamp_of(ancillary)):
                if s.delay:
                    self.loop.call_later(s.delay, self.send_udp, s, source)
                else:
                    self.send_udp(s, source)

    def send_udp(self, s, target):
        sock = self.side[s.via] if s.via else self.udp_socket
        try:
            sock.sendto(s.wire, target)
        except OSError:  # closed meanwhile, or a full buffer: a datagram is lost
            pass

    async def _serve(self, reader, writer):
        self.connections += 1
        self.writers.add(writer)
        session = writer.get_extra_info("ssl_object")
        if session:
            self.sessions.append((session.version(), session.session_reused,
                                  session.selected_alpn_protocol()))
        tasks = []
        try:
            while True:
                length = struct.unpack("!H", await reader.readexactly(2))[0]
                m = await reader.readexactly(length)
                for s in self.answers(m, "tcp", writer.get_extra_info("peername")):
                    tasks.append(asyncio.ensure_future(self._send_tcp(writer, s)))
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            self.writers.discard(writer)
            for task in tasks:
                task.cancel()
            writer.close()

    async def _send_tcp(self, writer, s):
        if s.delay:
            await asyncio.sleep(s.delay)
        octets = s.wire if s.raw else wire.framed(s.wire)
        try:
            if s.drip:
                for i in range(len(octets)):
                    writer.write(octets[i:i + 1])
                    await writer.drain()
                    await asyncio.sleep(s.drip)
            else:
                writer.write(octets)
                await writer.drain()
            if s.close:
                writer.close()
        except ConnectionError:
            pass

    # --- what came ---

    def count(self, qname=None, qtype=None, proto=None):
        """Questions that came, as far as they fit."""
        return len(self.questions(qname, qtype, proto))

    def questions(self, qname=None, qtype=None, proto=None):
        n = None if qname is None else wire.lower(wire.name(qname))
        t = None if qtype is None else wire.rtype(qtype)
        return [q for q in list(self.seen) if (n is None or q.name == n) and
                (t is None or q.qtype == t) and (proto is None or q.proto == proto)]

    def forget(self):
        self.seen = []
