#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 in the middle of transfers, and which version is there afterwards.

A primary (Knot, NSD or BIND in turn) gets a new version each time; holdfast, which keeps
copies, is killed at a random instant while it fetches, checks or writes it down, and started
again. From its first answer on it must serve one version or the other whole, never a mix of
two, and never one older than it had served before; then the newest. Ends with 1 if not.
"""
import random
import sys
import time

import stage
from stage import option, say

import holdfast
import net
import primaries
import test_transfer_in as asking

SIZE, CHANGE = 5000, 50


def one_kill(server, primary, moment):
    before = asking.serial_of(server)
    primary.renew()
    time.sleep(moment)
    server.kill()
    server.start()
    net.wait_until("the zone to be served", lambda: asking.serial_of(server) is not None, 30)
    serial = asking.is_whole(server, SIZE, CHANGE, (before, primary.serial))
    assert before <= serial <= primary.serial, "serial %s after %s" % (serial, before)
    asking.wait_for(server, primary.serial, 30)
    return serial == primary.serial


def main():
    options = stage.arguments(
        __doc__, option("--kills", type=int, default=200, help="how many (default 200)"))
    counts = [0, 0]
    with stage.stage(options.keep) as directory:
        classes = [c for c in (primaries.Knot, primaries.Nsd, primaries.Bind) if c.which()]
        for number, cls in enumerate(classes):
            primary = cls(stage.subdirectory(directory, "primary-%d" % number), size=SIZE, change=CHANGE)
            net.wait_until("the zone to be served", lambda: asking.has_zone(primary), 20)
            server = holdfast.Holdfast(
                stage.subdirectory(directory, "holdfast-%d" % number), {"u": "127.0.0.1:1"},
                **{"zones": [{"name": primaries.ZONE, "primaries": [primary.at], **asking.QUICK}],
                   "zone-state": stage.subdirectory(directory, "state-%d" % number)})
            asking.wait_for(server, 1)
            for i in range(number, options.kills, len(classes)):
                try:
                    # A version is asked for within a second, and comes in some milliseconds.
                    counts[one_kill(server, primary, random.uniform(0, 1.3))] += 1
                except AssertionError as wrong:
                    say("kill %d, from %s: %s" % (i + 1, cls.__name__, wrong))
                    return 1
            server.stop()
            primary.stop()
    say("%d kills: the old version was there %d times, the new one %d times, a mix never" % (
        sum(counts), *counts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
