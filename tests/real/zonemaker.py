# SPDX-License-Identifier: GPL-3.0-or-later
"""zonemaker.py - the zones that the peers serve, one text for all of them.

`types.example.` has a name for every record type; what not every server can
read in its own notation is written as RFC 3597 octets. `signed.example.` and
`hashed.example.` are signed with NSEC and NSEC3 by BIND's own tool, so that
their answers carry what a validator needs. `names.example.` has as many names
as are asked for.
"""
import os
import re
import shutil
import subprocess

import dns.rdata
import dns.rdatatype

TYPES_ZONE, SIGNED_ZONE, HASHED_ZONE = "types.example.", "signed.example.", "hashed.example."
NAMES_ZONE = "names.example."

# label -> (type, rdata in presentation form, or octets)
PLAIN = {
    "a": ("A", "192.0.2.1"),
    "aaaa": ("AAAA", "2001:db8::1"),
    "mx": ("MX", "10 mail.types.example."),
    "txt": ("TXT", '"one" "two words" "three \\"quoted\\""'),
    "ptr": ("PTR", "host.types.example."),
    "hinfo": ("HINFO", '"PDP-11" "UNIX"'),
    "rp": ("RP", "admin.types.example. txt.types.example."),
    "afsdb": ("AFSDB", "1 afs.types.example."),
    "srv": ("SRV", "10 20 5060 sip.types.example."),
    "naptr": ("NAPTR", '100 10 "U" "E2U+sip" "!^.*$!sip:info@example.com!" .'),
    "kx": ("KX", "10 kx.types.example."),
    "loc": ("LOC", "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m"),
    "minfo": ("MINFO", "resp.types.example. err.types.example."),
    "spf": ("SPF", '"v=spf1 -all"'),
}

# label -> (type number, octets): RFC 3597 notation for every server.
OCTETS = {
    "wks": (11, "c0000201 06 0000000040"),
    "mb": (7, None), "mg": (8, None), "mr": (9, None),
    "x25": (19, "0c333131303631373030393536"),
    "isdn": (20, "0f313530383632303238303033323137 03303034"),
    "nsap": (22, "47000580005a0000000001e133ffffff000161 00"),
    "key": (25, "0100 03 0d 0102030405060708090a0b0c0d0e0f10"),
    "px": (26, None),
    "rt": (21, None),
    "gpos": (27, "08 2d33322e36383832 08 3131362e38363532 04 31302e30"),
    "cert": (37, "0001 0001 05 30820122300d06092a864886f70d01"),
    "apl": (42, "0001 18 03 c00002 0002 20 04 20010db8"),
    "sshfp": (44, "04 02 " + "5a" * 32),
    "ipseckey": (45, "0a 01 02 c0000226 " + "0b" * 33),
    "dhcid": (49, "0002 01 " + "63" * 32),
    "tlsa": (52, "03 01 01 " + "d2" * 32),
    "smimea": (53, "03 00 01 " + "ab" * 32),
    "hip": (55, "10 02 0084 200100107b1a74df365639cc39f1d578" + "03" * 132),
    "ninfo": (56, "0568656c6c6f"),
    "talink": (58, "00 00"),
    "cds": (59, "04d2 0d 02 " + "1f" * 32),
    "cdnskey": (60, "0101 03 0d " + "2e" * 64),
    "openpgpkey": (61, "99010d04" + "77" * 60),
    "csync": (62, "00000042 0003 00 01 40"),
    "zonemd": (63, "00000001 01 01 " + "cd" * 48),
    "svcb": (64, "0001 04706f6f6c03737663076578616d706c6500 0001 0003 026832 0003 0002 01bb"),
    "https": (65, "0001 00 0001 0006 02683202 6833 0004 0004 c0000201"),
    "httpsalias": (65, "0000 0470 6f6f6c 03737663 076578616d706c65 00"),
    "nid": (104, "000a 0014 4fff ff20 ee64"),
    "l32": (105, "000a 0a010204"),
    "l64": (106, "000a 20010db8 1140 1000"),
    "lp": (107, "000a 03 6c3634 06 737562 6e6574 07 6578616d706c65 00"),
    "eui48": (108, "00005e00532a"),
    "eui64": (109, "00005eef1000002a"),
    "uri": (256, "000a 0001 " + b"https://www.example.com/path".hex()),
    "caa": (257, "00 05 6973737565 " + b"ca.example.net; policy=ev".hex()),
    "avc": (258, "0e 6170702d6e616d653a574f4c4631"),
    "doa": (259, "00000000 00000001 02 00 " + b"hello".hex()),
    "amtrelay": (260, "0a 01 cb007101"),
    "ta": (32768, "04d2 0d 02 " + "3c" * 32),
    "dlv": (32769, "04d2 0d 02 " + "4b" * 32),
    "private": (65280, "0a000001"),
    "privateempty": (65281, ""),
    "privatelong": (65282, "f0" * 700),
    "unknown": (4711, "c00cc00cdeadbeef"),
}
NAMES_AS_RDATA = {"mb": "box.types.example.", "mg": "group.types.example.",
                  "mr": "renamed.types.example."}

SOA = "SOA ns1.{0} hostmaster.{0} 2024010101 7200 3600 1209600 300"

BIG_TXT = " ".join('"%s"' % (chr(97 + i) * 250) for i in range(20))


def _octets(text):
    data = bytes.fromhex(text.replace(" ", ""))
    return "\\# %d %s" % (len(data), data.hex()) if data else "\\# 0"


def head(zone):
    """What every zone begins with."""
    return ["$ORIGIN %s" % zone, "$TTL 3600", "@ " + SOA.format(zone),
            "@ NS ns1", "@ NS ns2", "ns1 A 192.0.2.53", "ns1 AAAA 2001:db8::53",
            "ns2 A 192.0.2.54"]


# Names of every zone that show how answers are put together.
SHAPES = [
    "mail A 192.0.2.25", "mail AAAA 2001:db8::25", "sip A 192.0.2.50",
    "@ MX 10 mail",
    "alias CNAME a", "a A 192.0.2.1",
    "chain1 CNAME chain2", "chain2 CNAME chain3", "chain3 CNAME chain4", "chain4 CNAME chain5",
    "chain5 CNAME a",
    "dangling CNAME nowhere", "outside CNAME elsewhere.invalid.",
    "tree DNAME forest", "leaf.forest A 192.0.2.80",
    "*.wild A 192.0.2.99", "*.wild TXT \"from the wildcard\"", "known.wild A 192.0.2.98",
    "below.empty A 192.0.2.97",
    "deleg NS ns.deleg", "ns.deleg A 192.0.2.60",
    "big TXT " + BIG_TXT,
    "MiXeD A 192.0.2.70",
    "many" + "\nmany".join(" A 192.0.2.%d" % i for i in range(1, 101)),
    "\\000\\001\\255\\.\\032\\@ TXT \"any octet\"",
]

# (name below the zone, type) for what SHAPES holds; also answers without data.
SHAPE_QUESTIONS = [
    ("", "SOA"), ("", "NS"), ("", "MX"), ("alias", "A"), ("alias", "CNAME"), ("alias", "AAAA"),
    ("chain1", "A"), ("chain1", "AAAA"), ("chain1", "TXT"), ("dangling", "A"), ("outside", "A"),
    ("tree", "DNAME"), ("leaf.tree", "A"), ("none.tree", "A"),
    ("x.wild", "A"), ("x.y.wild", "TXT"), ("x.wild", "MX"), ("known.wild", "A"),
    ("known.wild", "TXT"), ("*.wild", "A"), ("empty", "A"), ("below.empty", "A"),
    ("below.empty", "AAAA"), ("big", "TXT"), ("mixed", "A"), ("many", "A"),
    ("\\000\\001\\255\\.\\032\\@", "TXT"),
    ("nowhere", "A"), ("a.b.c.nowhere", "A"), ("a", "TXT"), ("a", "TYPE65280"),
]


def types_text():
    zone = TYPES_ZONE
    lines = head(zone) + SHAPES
    for label, (rtype, rdata) in PLAIN.items():
        if label != "a":
            lines.append("%s %s %s" % (label, rtype, rdata))
    for label, (number, octets) in OCTETS.items():
        if octets is None:
            lines.append("%s TYPE%d %s" % (label, number, _octets(_names(label))))
        else:
            lines.append("%s TYPE%d %s" % (label, number, _octets(octets)))
    lines.append("child NS ns.child")
    lines.append("ns.child A 192.0.2.61")
    lines.append("child DS 4660 13 2 " + "5E" * 32)
    return "\n".join(lines) + "\n"


def _names(label):
    def octets(n):
        return b"".join(bytes([len(p)]) + p.encode() for p in n.rstrip(".").split(".")) + b"\0"
    if label == "rt":
        return "000a" + octets("relay.types.example.").hex()
    if label == "px":
        return "000a" + octets("map822.types.example.").hex() + octets("mapx400.types.example.").hex()
    return octets(NAMES_AS_RDATA[label]).hex()


# Types that PowerDNS takes in their own notation only; it takes none of the
# others in theirs.
OWN_NOTATION = {7, 8, 9, 25, 37, 42, 44, 45, 49, 52, 53, 59, 60, 61, 62, 63, 64, 65, 104, 105, 106,
                107, 108, 109, 256, 257, 32769}


def presentation(text, types=frozenset(OWN_NOTATION)):
    """A zone's text with RFC 3597 octets turned into these types' own notation."""
    return re.sub(r" TYPE(\d+) \\# (\d+) ([0-9a-f]+)$", lambda match: _presented(match, types),
                  text, flags=re.M)


def _presented(match, types):
    number, octets = int(match.group(1)), bytes.fromhex(match.group(3))
    if number not in types:
        return match.group(0)
    rdata = dns.rdata.from_wire(1, number, octets, 0, len(octets)).to_text()
    return " %s %s" % (dns.rdatatype.to_text(number), rdata)


def type_questions():
    """(name, type) for every record type of types.example."""
    out = [(label + "." + TYPES_ZONE, rtype) for label, (rtype, _) in PLAIN.items()]
    out += [(label + "." + TYPES_ZONE, "TYPE%d" % n) for label, (n, _) in OCTETS.items()]
    out += [("child." + TYPES_ZONE, "DS"), (TYPES_ZONE, "NS"), (TYPES_ZONE, "SOA"),
            ("alias." + TYPES_ZONE, "CNAME"), ("tree." + TYPES_ZONE, "DNAME")]
    return out


def shape_questions(zone):
    return [((label + "." if label else "") + zone, t) for label, t in SHAPE_QUESTIONS]


def signed_questions(zone):
    """Types that only a signed zone has, and those that prove absence."""
    out = [(zone, "DNSKEY"), (zone, "RRSIG"), (zone, "CDS"), (zone, "CDNSKEY")]
    if zone == HASHED_ZONE:
        out.append((zone, "NSEC3PARAM"))
    else:
        out += [(zone, "NSEC"), ("a." + zone, "NSEC")]
    return out + [("secure." + zone, "DS")]


def names_text(count):
    """A zone of `count` names, mostly addresses, with some of everything."""
    lines = head(NAMES_ZONE)
    kinds = ["A 192.0.2.{0}", "A 192.0.2.{0}", "AAAA 2001:db8::{0}", "TXT \"text of {1}\"",
             "MX 10 n0000000", "CNAME n0000000", "SRV 1 2 3 n0000000", "A 198.51.100.{0}"]
    for i in range(count):
        lines.append("n%07d %s" % (i, kinds[i % len(kinds)].format(1 + i % 250, i)
                                   if i else "A 192.0.2.1"))
    return "\n".join(lines) + "\n"


def names_question(i):
    """The i-th name of names.example. and the type that it has."""
    types = ["A", "A", "AAAA", "TXT", "MX", "A", "SRV", "A"]
    return "n%07d.%s" % (i, NAMES_ZONE), types[i % len(types)] if i else "A"


def sign(directory, zone, text, nsec3):
    """Signs with BIND's tools; returns the signed text."""
    run = lambda *argv: subprocess.run(argv, cwd=directory, check=True, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True).stdout.strip()
    key = run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", zone)
    zsk = run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", zone)
    source, target = os.path.join(directory, zone + "unsigned"), os.path.join(directory, zone + "out")
    with open(source, "w") as out:
        out.write(text)
        for k in (key, zsk):
            with open(os.path.join(directory, k + ".key")) as public:
                out.write(public.read())
        out.write(run("dnssec-dsfromkey", "-2", "-C", key) + "\n")
        with open(os.path.join(directory, key + ".key")) as public:
            out.write(public.read().splitlines()[-1].replace("DNSKEY", "CDNSKEY") + "\n")
    how = ["-3", "beef", "-H", "1"] if nsec3 else []
    run("dnssec-signzone", "-q", "-x", "-P", "-o", zone, "-f", target, *how, source, key, zsk)
    with open(target) as signed:
        return signed.read()


def signed_text(zone):
    return "\n".join(head(zone) + SHAPES + [
        "secure NS ns.secure", "ns.secure A 192.0.2.62",
        "secure DS 4660 13 2 " + "5E" * 32]) + "\n"


class Zones:
    """The zone files of one test run, written once. Peers share them."""

    def __init__(self, directory):
        self.directory = str(directory)
        self.files = {}
        self.write(TYPES_ZONE, types_text())
        if shutil.which("dnssec-signzone"):
            for zone in (SIGNED_ZONE, HASHED_ZONE):
                self.write(zone, sign(self.directory, zone, signed_text(zone), zone == HASHED_ZONE))

    def write(self, zone, text):
        path = os.path.join(self.directory, zone + "zone")
        with open(path, "w") as out:
            out.write(text)
        self.files[zone] = path

    def only(self, *zones):
        return {zone: path for zone, path in self.files.items() if zone in zones}
