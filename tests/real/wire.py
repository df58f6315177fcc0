# SPDX-License-Identifier: GPL-3.0-or-later
"""wire.py - DNS bytes, as they are.

dnspython knows what records mean; comparing two servers needs what they sent.
So messages are cut up here without any view on their content: names are
expanded where RFC 3597 section 4 lets a sender compress them, everything else
stays the octets that arrived. Queries are built here too, because half of the
tests need ones that no polite library would write.
"""
import collections
import random
import struct

import dns.name
import dns.rdatatype

QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, BADVERS = 0, 1, 2, 3, 4, 5, 16
OPT = 41

Record = collections.namedtuple("Record", "owner type cls ttl rdata")

# What stands in the rdata before, and how many names follow, for the types
# whose names may arrive compressed (RFC 1035, and the older ones of RFC 3597).
# SOA's five numbers and the like behind the names are copied as they are.
NAMES_IN_RDATA = {
    2: (0, 1), 3: (0, 1), 4: (0, 1), 5: (0, 1), 6: (0, 2), 7: (0, 1), 8: (0, 1), 9: (0, 1),
    12: (0, 1), 14: (0, 2), 15: (2, 1), 17: (0, 2), 18: (2, 1), 21: (2, 1), 24: (18, 1),
    26: (2, 2), 30: (0, 1), 33: (6, 1), 36: (2, 1), 39: (0, 1),
}


class Broken(Exception):
    """The octets are not a DNS message."""


def name_at(m, at):
    """The name at an offset, expanded, and the offset behind it."""
    out, end, hops = bytearray(), None, 0
    while True:
        if at >= len(m):
            raise Broken("name runs out of the message")
        n = m[at]
        if n >= 0xC0:
            if at + 1 >= len(m):
                raise Broken("half a pointer")
            if end is None:
                end = at + 2
            target = (n & 0x3F) << 8 | m[at + 1]
            hops += 1
            if target >= at or hops > 127:
                raise Broken("pointer does not point back")
            at = target
            continue
        if n > 63 or at + 1 + n > len(m):
            raise Broken("bad label")
        out += m[at:at + 1 + n]
        at += 1 + n
        if len(out) > 255:
            raise Broken("name over 255 octets")
        if n == 0:
            return bytes(out), at if end is None else end


def lower(name):
    """A wire name in lower case. Length octets are at most 63, so they are no letters."""
    return bytes(name).lower()


def text(name):
    return dns.name.from_wire(bytes(name), 0)[0].to_text()


def _rdata(m, rtype, at, length):
    end = at + length
    if rtype not in NAMES_IN_RDATA or length == 0:
        return m[at:end]
    skip, names = NAMES_IN_RDATA[rtype]
    out = bytearray(m[at:at + skip])
    at += skip
    for _ in range(names):
        name, at = name_at(m, at)
        out += name
    if at > end:
        raise Broken("name runs out of the rdata")
    return bytes(out) + m[at:end]


class Message:
    """A whole message. `answer`, `authority` and `additional` are lists of
    Record, OPT not among them: it is in `opt`, its options in `options`."""

    def __init__(self, m):
        m = bytes(m)
        if len(m) < 12:
            raise Broken("shorter than a header")
        self.wire = m
        self.id, self.flags, qd, an, ns, ar = struct.unpack("!6H", m[:12])
        self.counts = (qd, an, ns, ar)
        self.question, at = [], 12
        for _ in range(qd):
            name, at = name_at(m, at)
            if at + 4 > len(m):
                raise Broken("question cut short")
            self.question.append((name,) + struct.unpack("!2H", m[at:at + 4]))
            at += 4
        self.question_end = at
        self.opt, self.options, self.edns_version = None, [], None
        self.answer, at = self._section(m, at, an)
        self.authority, at = self._section(m, at, ns)
        self.additional, at = self._section(m, at, ar)
        self.trailing = len(m) - at
        self.rcode = self.flags & 15
        if self.opt is not None:
            self.rcode |= self.opt.ttl >> 24 << 4
            self.edns_version = self.opt.ttl >> 16 & 255
            self.dnssec_ok = bool(self.opt.ttl & 0x8000)
            self.udp_size = self.opt.cls
            self.options = list(_options(self.opt.rdata))

    def _section(self, m, at, count):
        out = []
        for _ in range(count):
            owner, at = name_at(m, at)
            if at + 10 > len(m):
                raise Broken("record cut short")
            rtype, cls, ttl, length = struct.unpack("!2HIH", m[at:at + 10])
            at += 10
            if at + length > len(m):
                raise Broken("rdata cut short")
            record = Record(owner, rtype, cls, ttl, _rdata(m, rtype, at, length))
            at += length
            if rtype == OPT:
                if self.opt is not None:
                    raise Broken("two OPT records")
                self.opt = record
            else:
                out.append(record)
        return out, at

    def flag(self, bit):
        return bool(self.flags & bit)

    @property
    def opcode(self):
        return self.flags >> 11 & 15

    @property
    def ede(self):
        """Info codes of the extended errors (RFC 8914)."""
        return [struct.unpack("!H", data[:2])[0] for code, data in self.options if code == 15]

    def option(self, code):
        """The option's data, or None."""
        return next((data for c, data in self.options if c == code), None)

    def addresses(self):
        """IPv4 addresses of the answer, in text, sorted."""
        return sorted(".".join(map(str, r.rdata)) for r in self.answer if r.type == 1)

    def __repr__(self):
        lines = ["id %d flags %04x rcode %d counts %s %d octets" %
                 (self.id, self.flags, self.rcode, self.counts, len(self.wire))]
        for name, t, c in self.question:
            lines.append("  ? %s %d %d" % (text(name), t, c))
        for mark, records in (("=", self.answer), ("^", self.authority), ("+", self.additional)):
            for r in records:
                lines.append("  %s %s %d %d %d %s" % (mark, text(r.owner), r.ttl, r.cls, r.type,
                                                      r.rdata[:60].hex()))
        if self.opt:
            lines.append("  opt size %d version %d do %d options %s" % (
                self.udp_size, self.edns_version, self.dnssec_ok, self.options))
        return "\n".join(lines)


def _options(rdata):
    at = 0
    while at + 4 <= len(rdata):
        code, length = struct.unpack("!2H", rdata[at:at + 4])
        if at + 4 + length > len(rdata):
            raise Broken("EDNS option cut short")
        yield code, rdata[at + 4:at + 4 + length]
        at += 4 + length
    if at != len(rdata):
        raise Broken("octets behind the last EDNS option")


def comparable(message, exact=True):
    """What two servers must agree on: everything but id, TTLs, the order of
    records in a section, EDNS, and the flags that tell who is speaking. Names
    are names in any case: unless `exact`, they are lowered, in rdata too."""
    def plain(r):
        if exact:
            return r.owner, r.type, r.cls, r.rdata
        rdata = r.rdata.lower() if r.type in (2, 5, 6, 12, 39) else r.rdata
        return lower(r.owner), r.type, r.cls, rdata
    sections = tuple(frozenset(plain(r) for r in section)
                     for section in (message.answer, message.authority, message.additional))
    return (message.rcode, message.flags & ~(AA | RA | AD | 15), tuple(message.question)) + sections


# --- writing ----------------------------------------------------------------

def name(n):
    """Wire form of a name given as text (case kept) or as wire already."""
    if isinstance(n, (bytes, bytearray)):
        return bytes(n)
    return dns.name.from_text(n).to_wire()


def rtype(t):
    return t if isinstance(t, int) else int(dns.rdatatype.from_text(t))


def option(code, data=b""):
    return struct.pack("!2H", code, len(data)) + data


def opt(size=1232, do=False, version=0, options=b"", owner=b"\0", rcode_high=0):
    ttl = rcode_high << 24 | version << 16 | (0x8000 if do else 0)
    return owner + struct.pack("!2HIH", OPT, size, ttl, len(options)) + options


def header(id, flags, qd=0, an=0, ns=0, ar=0):
    return struct.pack("!6H", id, flags, qd, an, ns, ar)


def query(qname, qtype="A", cls=1, id=None, rd=True, cd=False, ad=False, z=False, do=False,
          edns=None, options=b"", version=0, opcode=0, flags=0):
    """A query. `edns` is the size to offer, or None for no OPT record (DO,
    options or a version bring one of 1,232)."""
    if id is None:
        id = random.getrandbits(16)
    flags |= opcode << 11
    for want, bit in ((rd, RD), (cd, CD), (ad, AD), (z, Z)):
        flags |= bit if want else 0
    if edns is None and (do or options or version):
        edns = 1232
    question = name(qname) + struct.pack("!2H", rtype(qtype), cls)
    extra = b"" if edns is None else opt(edns, do, version, options)
    return header(id, flags, 1, 0, 0, 1 if extra else 0) + question + extra


def record(owner, qtype, ttl, rdata, cls=1):
    return name(owner) + struct.pack("!2HIH", rtype(qtype), cls, ttl, len(rdata)) + rdata


def soa(mname="ns.invalid.", rname="host.invalid.", serial=1, minimum=60):
    return name(mname) + name(rname) + struct.pack("!5I", serial, 3600, 600, 86400, minimum)


def framed(m):
    """As TCP carries it."""
    return struct.pack("!H", len(m)) + m
