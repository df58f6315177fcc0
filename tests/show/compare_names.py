#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares answers through holdfast with the authoritative server's own.

A real authoritative server holds a zone of --names names and one with more than
50 record types. Each question is put to it directly and to holdfast in front of
it, twice: from the upstream, then from the cache. Two answers are the same if
return code, question, flags and all sections agree octet for octet, but for id,
TTL and the order of records.

The names go over plain sockets, many at once, and then through kdig, whose own
words are compared. Ends with 1 if there was any difference.
"""
import re
import shutil
import subprocess
import sys

import stage
from stage import option, say

import ask
import holdfast
import wire
import zonemaker


def batch(server, questions, size=100):
    """Asks them all over UDP, `size` at once; yields replies in order, parsed."""
    with ask.Udp(*server) as client:
        for start in range(0, len(questions), size):
            part = questions[start:start + size]
            for i, (qname, qtype) in enumerate(part):
                client.send(wire.query(qname, qtype, id=i, edns=1232))
            got = {}
            while len(got) < len(part):
                reply = client.receive(6)
                if reply is None:
                    break
                got[reply[0] << 8 | reply[1]] = wire.Message(reply)
            for i in range(len(part)):
                yield got.get(i)


def compare_names(truth, server, count, differences):
    """Names over UDP, in one pass each for upstream and cache. Returns comparisons."""
    compared = 0
    for source in ("upstream", "cache"):
        step = 5000
        for start in range(0, count, step):
            questions = [zonemaker.names_question(i) for i in range(start, min(start + step, count))]
            for q, direct, ours in zip(questions, batch((truth.address, truth.port), questions),
                                       batch((server.address, holdfast.PORT), questions)):
                compared += 1
                if direct is None or ours is None or wire.comparable(direct) != wire.comparable(ours):
                    differences.append((source,) + q + (direct, ours))
        say("  %d names from the %s" % (count, source))
    return compared


def compare_types(truth, server, differences):
    """Every type over UDP and TCP, with and without DO."""
    compared, types = 0, set()
    questions = zonemaker.type_questions() + zonemaker.shape_questions(zonemaker.TYPES_ZONE)
    for zone in (zonemaker.SIGNED_ZONE, zonemaker.HASHED_ZONE):
        if zone in truth.zones:
            questions += zonemaker.signed_questions(zone) + zonemaker.shape_questions(zone)
    for do in (False, True):
        for qname, qtype in questions:
            direct = truth.udp(qname, qtype, do=do, edns=1232)
            if direct.flag(wire.TC):
                direct = truth.tcp(qname, qtype, do=do, edns=1232)
            if direct.rcode in (wire.SERVFAIL, wire.REFUSED):
                continue  # this peer cannot do that; holdfast would ask the next one
            # The case of a CNAME made from a DNAME is the question's, which is mixed.
            exact = not any(r.type == 39 for r in direct.answer)
            for proto in ("udp", "tcp"):
                for _ in range(2):
                    ours = getattr(server, proto)(qname, qtype, do=do, edns=1232)
                    compared += 1
                    if proto == "udp" and ours is not None and ours.flag(wire.TC) and (
                            len(direct.wire) > 1232 - 100):
                        continue  # told to come over TCP, where it is compared
                    if ours is None or (wire.comparable(direct, exact) !=
                                        wire.comparable(ours, exact)):
                        differences.append((proto, qname, qtype, direct, ours))
            types.add(wire.rtype(qtype))
    say("  %d types, %d questions, UDP and TCP, with and without DO" % (len(types), len(questions)))
    return compared


def kdig(address, port, questions):
    """What kdig prints for them: a list of (status, sorted records)."""
    argv = ["kdig", "@" + address, "-p", str(port), "+nottl", "+noall", "+header", "+question",
            "+answer", "+authority", "+additional", "+bufsize=1232", "+timeout=6"]
    for qname, qtype in questions:
        argv += ["-q", qname, "-t", qtype]
    text = subprocess.run(argv, stdout=subprocess.PIPE, text=True).stdout
    out = []
    for block in text.split(";; ->>HEADER<<-")[1:]:
        status = re.search(r"status: (\w+)", block).group(1)
        out.append((status, sorted(line for line in block.splitlines()
                                   if line and not line.startswith((";; ", " opcode:")))))
    return out


def compare_kdig(truth, server, count, differences):
    compared, step = 0, 200
    questions = zonemaker.type_questions() + [zonemaker.names_question(i) for i in range(count)]
    for start in range(0, len(questions), step):
        part = questions[start:start + step]
        direct = kdig(truth.address, truth.port, part)
        ours = kdig(server.address, holdfast.PORT, part)
        compared += len(part)
        if len(direct) != len(part) or len(ours) != len(part):
            differences.append(("kdig", start, "answers", len(direct), len(ours)))
        differences += [("kdig",) + q + (a, b) for q, a, b in zip(part, direct, ours) if a != b]
    say("  %d questions by kdig" % compared)
    return compared


def main():
    options = stage.arguments(
        __doc__,
        option("--names", type=int, default=100000, help="distinct names (default 100,000)"),
        option("--peer", choices=sorted(stage.KINDS), default="nsd", help="the authoritative server"),
        option("--kdig", type=int, metavar="N", help="names to compare by kdig (default: all of them)"))
    differences = []
    with stage.stage(options.keep) as directory:
        zones = zonemaker.Zones(stage.subdirectory(directory, "zones"))
        zones.write(zonemaker.NAMES_ZONE, zonemaker.names_text(options.names))
        truth = stage.peer(stage.KINDS[options.peer], directory, zones=zones.files)
        server = holdfast.Holdfast(stage.subdirectory(directory, "holdfast"), {"truth": truth.at},
                                   cache={"size": "128MiB"})
        say("%s behind holdfast:" % options.peer)
        compared = compare_types(truth, server, differences)
        compared += compare_names(truth, server, options.names, differences)
        by_kdig = options.names if options.kdig is None else options.kdig
        if by_kdig and shutil.which("kdig"):
            compared += compare_kdig(truth, server, min(by_kdig, options.names), differences)
        for difference in differences[:5]:
            say(*difference)
        code = server.stop()
        say("%d answers compared, %d differences; holdfast ended with %s" % (
            compared, len(differences), code))
    return 1 if differences or code else 0


if __name__ == "__main__":
    sys.exit(main())
