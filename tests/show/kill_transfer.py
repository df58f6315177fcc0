#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 in the middle of transfers, and which version is there afterwards.

A primary (Knot, NSD or BIND in turn) gets a new version each time; holdfast, which keeps
copies, is killed at a random instant while it fetches, checks or writes it down, and started
again. From its first answer on it must serve one version or the other whole, never a mix of
two, and never one older than it had served before; then the newest. With --down the primary
is killed, too, and holdfast starts with what it has written down (`serve-unproven`); the
primary is back when all has been looked at; what it had served before is then what has been
written down, which is a moment later. Ends with 1 if not.
"""
import os
import random
import sys
import time

import stage
from stage import option, say

import holdfast
import net
import primaries
import test_transfer_in as asking
import wire

SIZE, CHANGE = 5000, 50


def said(server):
    """The serial that it serves just now, and if none, what it said instead, in words."""
    begun = time.monotonic()
    reply = server.udp("serial." + primaries.ZONE, "TXT", edns=1232)
    took = "%.1f s" % (time.monotonic() - begun)
    if reply is None:
        return None, "nothing within " + took
    if not reply.rcode and reply.answer:
        return int(reply.answer[0].rdata[1:]), ""
    return None, "rcode %d, flags %04x, extended errors %s, after %s: %r" % (
        reply.rcode, reply.flags, reply.ede, took, reply.wire)


def one_kill(server, primary, moment, down):
    before, instead = said(server)
    assert before is not None, "between two kills it was asked and said %s; it is %s; its log:\n%s" % (
        instead, "alive" if server.process.alive() else "gone", server.process.output()[-3000:])
    primary.renew()
    time.sleep(moment)
    server.kill()
    if down:
        stop(primary)
    server.start()
    net.wait_until("the zone to be served", lambda: asking.serial_of(server) is not None, 30)
    serial = asking.is_whole(server, SIZE, CHANGE, (before, primary.serial))
    assert serial is not None, "it was served and is not any more: it says %s; its log:\n%s" % (
        said(server)[1] or "it again", server.process.output()[-3000:])
    assert before <= serial <= primary.serial, "serial %s after %s" % (serial, before)
    if down:
        primary.start()
    asking.wait_for(server, primary.serial, 30)
    if down:
        net.wait_until("the copy to be written", lambda: written(server) == primary.serial, 10)
    return serial == primary.serial


def stop(primary):
    """Killed; BIND takes no zone whose journal is not of the same moment as the file."""
    primary.stop()
    journal = primary.path("journal")
    if os.path.isfile(journal):
        os.remove(journal)


def written(server):
    """The serial that the copy on the disk says in the zone's TXT record (authority/copy.c)."""
    path = os.path.join(server.conf["zone-state"], primaries.ZONE + "zone")
    if not os.path.exists(path):
        return None
    with open(path, "rb") as copy:
        content = copy.read()
    owner = wire.name("serial." + primaries.ZONE)
    rdata = content.index(owner) + len(owner) + 2 + 4 + 2 + 4 + 2
    return int(content[rdata + 1:rdata + 1 + content[rdata]])


def pair(cls, directory, down):
    """A primary, and holdfast that has taken its zone."""
    primary = cls(stage.subdirectory(directory, "primary"), size=SIZE, change=CHANGE)
    net.wait_until("the zone to be served", lambda: asking.has_zone(primary), 20)
    zone = {"name": primaries.ZONE, "primaries": [primary.at], **asking.QUICK}
    if down:
        zone["serve-unproven"] = "1h"
    server = holdfast.Holdfast(
        stage.subdirectory(directory, "holdfast"), {"u": "127.0.0.1:1"},
        **{"zones": [zone], "zone-state": stage.subdirectory(directory, "state")})
    asking.wait_for(server, 1)
    net.wait_until("the copy to be written", lambda: written(server) == 1, 10)
    return primary, server


def kills(cls, directory, numbers, down, counts):
    primary, server = pair(cls, directory, down)
    for i in numbers:
        try:
            # A version is asked for within a second, and comes in some milliseconds.
            counts[one_kill(server, primary, random.uniform(0, 1.3), down)] += 1
        except (AssertionError, OSError) as wrong:
            raise AssertionError("kill %d, from %s: %s" % (i + 1, cls.__name__, wrong)) from None
    server.stop()
    primary.stop()


def main():
    options = stage.arguments(
        __doc__, option("--kills", type=int, default=200, help="how many (default 200)"),
        option("--down", action="store_true", help="the primary is down when holdfast starts again"))
    counts = [0, 0]
    classes = [c for c in (primaries.Knot, primaries.Nsd, primaries.Bind) if c.which()]
    with stage.stage(options.keep) as directory:
        for number, cls in enumerate(classes):
            try:
                kills(cls, stage.subdirectory(directory, cls.__name__),
                      range(number, options.kills, len(classes)), options.down, counts)
            except AssertionError as wrong:
                say(wrong)
                return 1
    say("%d kills: the old version was there %d times, the new one %d times, a mix never" % (
        sum(counts), *counts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
