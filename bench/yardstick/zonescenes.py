# SPDX-License-Identifier: GPL-3.0-or-later
"""zonescenes.py - answers of servers with authority: the zones that they are given, the
questions that they are put, and one run of one of them, alone on a core (rig.py).

All names are numbered ones (numbered.h). The servers run with one thread (NSD: one process)
that answers, with minimal responses and no rate limit, otherwise as they come."""
import contextlib
import os
import re
import subprocess
import tempfile

import entrants
import holdfast
import net
import rig
import zonewild

ZONE = "speed.example."
FRESH = "from=1000000000"
SPREAD = 2654435761     # numbered.c: what a number is multiplied with for its address


def address_of(number):
    value = (number * SPREAD & 0xFFFFFFFF) >> 8
    return "10.%d.%d.%d" % (value >> 16 & 255, value >> 8 & 255, value & 255)


class Scene:
    """`lines(number)` is what the zone has of each numbered name, `more` what it has besides.
    `words` are the load generator's."""

    def __init__(self, name, what, lines, words, signed=False, more=()):
        self.name, self.what, self.lines, self.signed, self.more = name, what, lines, signed, list(more)
        self.words = words + (["secure=1"] if signed else [])

    def write(self, directory, names):
        """The zone's file, signed if it is to be."""
        path = os.path.join(directory, "zone")
        with open(path, "w") as out:
            out.write("$ORIGIN %s\n$TTL 3600\n@ SOA ns admin 1 7200 600 86400 60\n@ NS ns\nns A 192.0.2.53\n" % ZONE)
            out.writelines(line + "\n" for line in self.more)
            for number in range(names):
                out.writelines(line % {"n": "%010d" % number, "address": address_of(number)} + "\n"
                               for line in self.lines)
        return zonewild.sign(directory, path, "nsec3", ZONE) if self.signed else path


ADDRESS = ["%(n)s A %(address)s"]
SCENES = [
    Scene("positive", "Every question is for the address of one of {names:,} names, in random order.",
          ADDRESS, ["names={names}"]),
    Scene("positive-signed", "The same in a zone that is signed with ECDSA P-256 and NSEC3; every question wants "
          "DNSSEC's records (DO), and its answer has a signature.", ADDRESS, ["names={names}"], signed=True),
    Scene("denial-nsec3", "Every question is for a name that is not in such a zone of {names:,} names: NXDOMAIN with the "
          "SOA, three NSEC3 records (RFC 5155) and four signatures.",
          ADDRESS, ["fresh=100", FRESH, "want=denial"], signed=True),
    Scene("wildcard", "Every question is for a new name that a wildcard of such a zone answers: the address, its "
          "signature, and the NSEC3 record that denies the name itself.",
          ADDRESS, ["fresh=100", FRESH, "want=wild"], signed=True, more=["* A 10.1.2.3"]),
    Scene("referral", "Every question is for one of {names:,} delegations, each to one server below it, whose "
          "address is given along.",
          ["%(n)s NS ns.%(n)s", "ns.%(n)s A %(address)s"], ["names={names}", "want=referral"]),
]


# --- the servers -----------------------------------------------------------------------


class Holdfast:
    name = "holdfast"

    def __init__(self, directory, path):
        self.server = holdfast.Holdfast(directory, {"u": "127.0.0.1:1"}, start=False, workers=1,
                                        zones=[{"name": ZONE, "file": path}])
        self.server.spawn()
        self.address, self.port = self.server.address, holdfast.PORT

    @property
    def process(self):
        return self.server.process

    def kill(self):
        self.server.kill()


class Peer:
    def __init__(self, directory, path):
        self.server = self.kind(directory, zones={ZONE: path})
        self.address, self.port, self.process = self.server.address, self.server.port, self.server.process

    def kill(self):
        self.server.kill()


class Nsd(Peer):
    name, kind, version_words = "nsd", zonewild.Nsd, ["-v"]


class Knot(Peer):
    name, kind, version_words = "knot", zonewild.Knot, ["-V"]


class Echo:
    """The reference: what is left of a server that knows nothing."""

    name = entrants.Echo.name

    def __init__(self, directory, _):
        self.address, self.port = net.address(), net.PORT
        self.process = net.Process("echo", [os.path.join(entrants.Reference.binary, "yard_echo"), self.address,
                                            str(self.port)], os.path.join(directory, "echo.log"))

    def kill(self):
        self.process.kill()


SERVERS = [Echo, Holdfast, Nsd, Knot]


def installed():
    return [s for s in SERVERS if not issubclass(s, Peer) or s.kind.which()]


def versions():
    out = []
    for server in installed():
        if issubclass(server, Peer):
            said = subprocess.run([server.kind.which()] + server.version_words, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
            out.append("%s %s" % ({"nsd": "NSD", "knot": "Knot"}[server.name], re.search(r"\d+\.\d+\.\d+", said).group()))
    return ", ".join(out)


@contextlib.contextmanager
def on_core(core):
    """What is started meanwhile has this core to itself."""
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)


class NoUpstream:
    """Zones need none."""

    cpu, asked, end = (lambda self: 0.0), (lambda self: 0), (lambda self: None)


class Rig(rig.Rig):
    def __init__(self, programs, directory, kind, path, core, count_instructions):
        self.programs, self.directory, self.count_instructions = programs, directory, count_instructions
        self.upstream = NoUpstream()
        with on_core(core):
            self.server = kind(directory, path)
        try:
            if kind is not Echo:
                net.wait_until("%s to serve the zone" % kind.name, self.serves, 120)
        except BaseException:
            self.end()
            raise

    def serves(self):
        return zonewild.serves(self.server.server, ZONE)


def run(scene, kind, path, names, seconds, programs, core, perf):
    """One run of a server: what the load generator saw, and what it cost."""
    with tempfile.TemporaryDirectory(prefix="hf-") as directory:
        made = Rig(programs, directory, kind, path, core, perf)
        try:
            words = ["want=echo" if kind is Echo and w.startswith("want") else w.format(names=names)
                     for w in scene.words]
            if kind is Echo and "want=echo" not in words:
                words.append("want=echo")
            made.ask("udp", *words, "seconds=0.3")
            return {"scene": scene.name, "server": kind.name,
                    **made.measure("udp", *words, "seconds=%g" % seconds)}
        finally:
            made.end()
