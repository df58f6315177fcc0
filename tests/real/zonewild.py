# SPDX-License-Identifier: GPL-3.0-or-later
"""zonewild.py - zones that are hard to answer from, and questions to compare answers by.

`text` makes a zone of so many names by a seed: wildcards, some of them with names below,
aliases and chains of them, DNAME, delegations with and without DS and glue, empty
non-terminals. `sign` signs it with NSEC, NSEC3 or NSEC3 with opt-out. `questions` are names
that are there, that lie beside or below them, and that are not there.

`differences` puts each question to holdfast and to NSD and Knot, over TCP so that nothing is
cut. An answer is right if return code, AA and the sets of answer and authority are those of
one of the two; they differ now and then themselves (NSD leaves a record of a proof off where
a wildcard lacks a type, Knot sends addresses of a wildcard along with referrals). Of the
additional section, which is courtesy but for glue, holdfast may have less: each record must
be one of theirs, and the glue of a referral that lies below it must be all there.

With opt-out there are denials that nobody can prove: below a name that exists only because an
insecure delegation lies below it, and so has no NSEC3 record, while a name above it has a
wildcard. Knot then says NXDOMAIN without AA or any record, and NSD gives two records that do
not prove it; there only return code and answer are compared.
"""
import itertools
import os
import random
import shutil
import subprocess

import ask
import net
import peers
import wire

ZONE = "wild.example."
TYPES = ["A", "AAAA", "TXT", "MX", "CNAME", "NS", "DS", "SRV", "DNAME", "SOA", "DNSKEY"]
SIGNED = {"none": None, "nsec": [], "nsec3": ["-3", "beef", "-H", "2"],
          "optout": ["-3", "-", "-A", "-H", "0"]}
LETTERS = "abcdefgh"


class Patient:
    """A large signed zone takes NSD and Knot longer to read than what else they are used for."""

    def start(self, wait=True):
        super().start(wait=False)
        net.wait_until(type(self).__name__ + " to answer", self.answers_or_ended, 180, 0.1)
        assert self.process.alive(), self.process.output()


class Knot(Patient, peers.Knot):
    pass


class Nsd(Patient, peers.Nsd):
    """With minimal responses, as holdfast and Knot give them."""

    def configure(self):
        argv = super().configure()
        with open(self.path("nsd.conf")) as conf:
            text = conf.read()
        self.path("nsd.conf", text.replace("server-count: 1", "server-count: 1\n  minimal-responses: yes"))
        return argv


# --- zones -------------------------------------------------------------------------


def label(rnd):
    return "".join(rnd.choice(LETTERS) for _ in range(rnd.randint(1, 4)))


def records(rnd, name, names):
    """What a name has."""
    ttl, kind = rnd.choice([30, 60, 300, 3600]), rnd.random()
    some = lambda: rnd.choice(names)
    wild = name.startswith("*")
    address = lambda: "192.0.2.%d" % rnd.randint(1, 250)
    line = lambda rdtype, rdata: "%s %d %s %s" % (name, ttl, rdtype, rdata)
    if kind < .45:
        texts = [line("TXT", '"%s"' % label(rnd))] if rnd.random() < .3 else []
        return [line("A", address()) for _ in range(rnd.choice([1, 1, 2, 3]))] + texts
    if kind < .55:
        return [line("AAAA", "2001:db8::%x" % rnd.randint(1, 9999))]
    if kind < .67:
        return [line("CNAME", rnd.choice([some(), some(), label(rnd), label(rnd) + "." + some()]))]
    if kind < .82 and not wild:
        ns = [line("NS", "ns." + name), "ns.%s %d A %s" % (name, ttl, address())]
        more = [line("NS", "ns"), line("NS", "ns." + some()), line("NS", "ns.elsewhere.test."),
                line("DS", "1 8 2 %064x" % rnd.getrandbits(256))]
        return ns + [m for m in more if rnd.random() < .3]
    if kind < .9:
        return [line("MX", "10 " + some()), line("MX", "20 mail")]
    return [line("SRV", "1 2 53 " + some())]


def text(count, seed):
    rnd = random.Random(seed)
    out = ["$ORIGIN " + ZONE, "$TTL 300", "@ 3600 SOA ns admin 1 7200 600 86400 60", "@ 3600 NS ns",
           "@ 3600 NS ns.elsewhere.test.", "ns A 192.0.2.53", "ns AAAA 2001:db8::53", "@ MX 10 mail",
           "mail A 192.0.2.25"]
    names, used, closed = ["mail"], {"ns", "mail"}, set()
    while len(names) < count:
        base = "." + rnd.choice(names) if rnd.random() < .4 else ""
        name = ".".join(label(rnd) for _ in range(rnd.choice([1, 1, 1, 2, 2, 3]))) + base
        if rnd.random() < .06:
            name = "*." + name
        above = {name.split(".", i)[i] for i in range(1, name.count(".") + 1)}
        if len(name) > 80 or name in used or above & closed:
            continue
        if rnd.random() < .04 and not name.startswith("*"):  # were anything below it, it were used
            closed.add(name)
            out.append("%s 60 DNAME %s" % (name, rnd.choice(names)))
        else:
            out += records(rnd, name, names)
        used.add(name)
        used |= above
        names.append(name)
    return "\n".join(out) + "\n"


def sign(directory, path, how, zone=ZONE):
    """Signs a zone file with BIND's tools. Returns the path of the signed one."""
    directory = os.path.join(directory, "keys-" + how)
    os.makedirs(directory)
    run = lambda *argv: subprocess.run(argv, cwd=directory, check=True, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True).stdout.strip()
    run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", zone)
    run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", zone)
    signed = os.path.join(directory, "signed")
    run("dnssec-signzone", "-q", "-S", "-x", "-P", "-O", "full", "-N", "keep", "-o", zone, "-f", signed,
        *SIGNED[how], path)
    return signed


def can_sign():
    return shutil.which("dnssec-signzone") is not None


# --- questions ---------------------------------------------------------------------


def questions(zone_text, count, seed):
    rnd = random.Random(seed)
    owners = sorted({line.split()[0] for line in zone_text.split("\n")[2:] if line} - {"@"})
    for _ in range(count):
        owner, kind = rnd.choice(owners), rnd.random()
        above = owner.split(".", 1)[1] + "." if "." in owner else ""
        if kind < .4:
            name = owner + "."
        elif kind < .6:
            name = rnd.choice(LETTERS + "*") + "." + owner + "."
        elif kind < .7:
            name = "%s.%s.%s." % (label(rnd), rnd.choice(LETTERS + "*"), owner)
        elif kind < .85:
            name = above
        else:
            name = label(rnd) + "." + above
        yield name + ZONE, rnd.choice(TYPES[:5] if rnd.random() < .6 else TYPES), rnd.random() < .5


# --- answers -----------------------------------------------------------------------


def as_set(section):
    return frozenset((wire.lower(r.owner), r.type, r.ttl, r.rdata.lower()) for r in section)


def said(m):
    return m.rcode, bool(m.flags & wire.AA), as_set(m.answer), as_set(m.authority)


def glue(m):
    """Addresses of a referral's servers that lie below it: without them nobody gets there."""
    if m.flags & wire.AA or not m.authority:
        return frozenset()
    cuts = tuple(wire.lower(r.owner) for r in m.authority if r.type == 2)
    return frozenset(r for r in as_set(m.additional) if r[1] in (1, 28) and r[0].endswith(cuts))


def gave_up(m):
    """Knot, where there is no proof."""
    return m.rcode == wire.NXDOMAIN and not m.flags & wire.AA and not m.authority


def is_right(ours, theirs):
    if any(gave_up(m) for m in theirs):
        return all((ours.rcode, as_set(ours.answer)) == (m.rcode, as_set(m.answer)) for m in theirs)
    known = frozenset().union(*(as_set(m.additional) for m in theirs))
    return any(said(ours) == said(m) and glue(ours) == glue(m) for m in theirs) and \
        as_set(ours.additional) <= known


def ask_many(client, queries):
    """Puts them all, then takes the replies, in their order whatever order they come in."""
    client.send(*queries)
    replies = {}
    while len(replies) < len(queries):
        reply = client.receive()
        if not reply:
            raise AssertionError("%d of %d replies came" % (len(replies), len(queries)))
        replies[reply[:2]] = reply
    return [wire.Message(replies[query[:2]]) for query in queries]


def differences(server, others, asked, at_once=50):
    """Yields (name, type, DO, ours, theirs) for each answer that is not right. `server` and
    `others` have an address and a port; so many questions are under way at each."""
    clients = [ask.Tcp(*at) for at in [server] + list(others)]
    asked = iter(asked)
    try:
        while part := list(itertools.islice(asked, at_once)):
            queries = [wire.query(name, rdtype, id=i, do=do, rd=False)
                       for i, (name, rdtype, do) in enumerate(part)]
            for question, ours, *theirs in zip(part, *(ask_many(c, queries) for c in clients)):
                if not is_right(ours, theirs):
                    yield *question, ours, theirs
    finally:
        for client in clients:
            client.__exit__()


def told(name, rdtype, do, ours, theirs):
    """A difference as lines of text."""
    lines = ["%s %s%s" % (name, rdtype, " DO" if do else "")]
    for who, m in [("holdfast", ours)] + [("another", t) for t in theirs]:
        lines.append("  %s: rcode %d%s" % (who, m.rcode, " aa" if m.flags & wire.AA else ""))
        for mark, section in (("=", m.answer), ("-", m.authority), ("+", m.additional)):
            lines += ["    %s %s %d %d %s" % (mark, wire.text(r.owner), r.type, r.ttl, r.rdata.hex()[:60])
                      for r in section]
    return "\n".join(lines)


def address_of(peer):
    return peer.address, peer.port


def serves(server, zone=ZONE):
    reply = server.udp(zone, "SOA")
    return reply is not None and reply.rcode == 0


def wait_served(server):
    net.wait_until("the zone to be served", lambda: serves(server), 60)
