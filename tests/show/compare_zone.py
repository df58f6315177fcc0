#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the answers of a zone with authority with those of NSD and Knot.

A zone of --names names with everything in it that is hard to answer (tests/real/zonewild.py),
unsigned, with NSEC, with NSEC3 and with opt-out, is served by holdfast and by both others,
and --questions questions, half of them with DO, are put to all three. What counts as the
same stands in zonewild.py. Ends with 1 if an answer of holdfast is neither's.
"""
import os
import sys
import time

import stage
from stage import option, say

import holdfast
import zonewild


def compare(directory, how, options):
    text = zonewild.text(options.names, seed=options.seed)
    path = os.path.join(directory, "zone")
    with open(path, "w") as out:
        out.write(text)
    if how != "none":
        path = zonewild.sign(directory, path, how)
    zones = {zonewild.ZONE: path}
    server = holdfast.Holdfast(directory, {"u": "127.0.0.1:1"}, zones=[{"name": zonewild.ZONE, "file": path}])
    others = [stage.peer(kind, directory, zones=zones) for kind in (zonewild.Nsd, zonewild.Knot)]
    zonewild.wait_served(server)
    began, count = time.monotonic(), 0
    asked = zonewild.questions(text, options.questions, seed=options.seed)
    for found in zonewild.differences((server.address, holdfast.PORT),
                                      [zonewild.address_of(o) for o in others], asked):
        count += 1
        if count <= 5:
            say(zonewild.told(*found))
    say("%s: %d questions, %d answers that are neither NSD's nor Knot's (%.0f s)" % (
        how, options.questions, count, time.monotonic() - began))
    for running in [server] + others:
        running.stop()
    return count


def main():
    options = stage.arguments(
        __doc__,
        option("--names", type=int, default=100000, metavar="N", help="in the zone (default: 100000)"),
        option("--questions", type=int, default=100000, metavar="N", help="for each way of signing (default: 100000)"),
        option("--seed", default="1", help="of zone and questions (default: 1)"),
        option("--how", choices=list(zonewild.SIGNED), action="append", help="one way of signing (default: all)"))
    found = 0
    with stage.stage(options.keep) as directory:
        for how in options.how or list(zonewild.SIGNED):
            found += compare(stage.subdirectory(directory, how), how, options)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
