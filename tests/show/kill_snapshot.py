#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 while the snapshot of the cache is being written.

A server with `cache.persist` learns --names names, each with an address of its own, and is
stopped. Then it is started and killed --kills times. Each start writes a new snapshot; the kill
comes at a random instant of that, as far as it can be told from the directory. After each
--check kills it is started with a silent upstream: everything that was on the disk has to be
put back, and of --sample names each has to have its own address. Then it learns twenty more,
which have to be there from then on. Ends with 1 if a name is false or lost.
"""
import os
import random
import sys
import time

import stage
from stage import option, say

import fake
import holdfast
import net
import wire
from warm_start import dnsperf


def half_written(place):
    return [n for n in os.listdir(place) if n.endswith(".tmp")]


def watch(place, there, seconds):
    """Until a half-written snapshot is there, or is not; how long that took, or None."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if bool(half_written(place)) == there:
            return time.monotonic() - began
        time.sleep(0.0002)
    return None


class Kills:
    """How long writing takes, and how many kills fell into it."""

    def __init__(self, server, place):
        self.server, self.place = server, place
        self.lasts, self.within, self.all = 0.0, 0, 0

    def measure(self):
        self.server.spawn()
        watch(self.place, True, 20)
        self.lasts = max(self.lasts, watch(self.place, False, 20) or 0.0)
        self.server.kill()

    def kill(self):
        self.server.spawn()
        if watch(self.place, True, 20) is not None:
            time.sleep(random.uniform(0, self.lasts))
        self.within += bool(half_written(self.place))
        self.all += 1
        self.server.kill()


def settle(server):
    """Until all that is known has been written."""
    wrote = -1
    def quiet():
        nonlocal wrote
        time.sleep(1.2)
        before, wrote = wrote, server.metrics()["holdfast_persist_written_total"]
        return wrote == before
    net.wait_until("the keeper to have written all", quiet, 60)


def truth(name):
    return [".".join(str(o) for o in fake.address_of(wire.name(name)))]


def wrong_ones(server, names):
    out = []
    for name in names:
        reply = server.udp(name)
        if reply is None or reply.addresses() != truth(name):
            out.append((name, reply and (reply.rcode, reply.addresses())))
    return out


def check(server, upstream, known, options):
    """Starts it in the dark; what is wrong, as a list."""
    upstream.behave = fake.silent
    server.start()
    net.wait_until("the pages", lambda: net.accepts(server.http, 9153), 20)
    loaded = server.metrics()["holdfast_persist_entries_loaded"]
    wrong = wrong_ones(server, random.sample(known, options.sample) + known[-40:])
    if loaded < len(known):
        wrong.append("%d of %d were put back" % (loaded, len(known)))
    return wrong


def learn(server, upstream, first):
    upstream.behave = fake.honest
    names = ["later-%06d.many.example." % i for i in range(first, first + 20)]
    for name in names:
        net.wait_until(name, lambda: server.udp(name).addresses() == truth(name), 30)
    settle(server)
    return names


def fill(server, directory, count):
    path = os.path.join(directory, "questions")
    names = ["host-%06d.many.example." % i for i in range(count)]
    with open(path, "w") as out:
        out.writelines(name + " A\n" for name in names)
    dnsperf(server, path, 2)
    settle(server)
    return names


def main():
    options = stage.arguments(
        __doc__, option("--kills", type=int, default=200, help="how many (default 200)"),
        option("--names", type=int, default=100000, help="to know at first (default 100,000)"),
        option("--check", type=int, default=10, help="after so many kills (default 10)"),
        option("--sample", type=int, default=300, help="names to ask for (default 300)"))
    with stage.stage(options.keep) as directory:
        upstream = fake.Fake(fake.honest)
        place = os.path.join(directory, "cache")
        server = holdfast.Holdfast(
            stage.subdirectory(directory, "holdfast"), {"a": upstream.at},
            cache={"size": "256MiB", "persist": place, "stale-after": "100ms"})
        known = fill(server, directory, options.names)
        there = server.metrics()["holdfast_cache_entries"]
        say("%d of %d names learnt" % (there, len(known)))
        if there < len(known):
            return 1
        server.stop()
        kills = Kills(server, place)
        for _ in range(3):
            kills.measure()
        say("a snapshot takes %.0f ms" % (kills.lasts * 1000))
        while kills.all < options.kills:
            for _ in range(options.check):
                kills.kill()
            wrong = check(server, upstream, known, options)
            if wrong:
                say("after %d kills: %s" % (kills.all, wrong[:5]))
                return 1
            known += learn(server, upstream, len(known))
            server.kill()
        upstream.stop()
    say("%d kills, %d of them while a snapshot was being written: none of %d names was false or lost" % (
        kills.all, kills.within, len(known)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
