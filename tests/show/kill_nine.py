#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at the worst moments, and whether it starts again.

--kills times in all, in turn: while it loads, while it answers over UDP and TCP,
while it reloads. After each it is started again and must answer, with nothing
of the dead one (socket file, ports) in its way. Ends with 1 if it ever does not.
"""
import random
import sys
import time

import stage
from stage import option, say

import fake
import holdfast
import wire


def while_loading(server):
    server.stop()
    server.spawn()
    time.sleep(random.uniform(0, 0.06))


def while_answering(server):
    with server.udp_client() as udp, server.tcp_client() as tcp:
        queries = [wire.query("k%d.example." % random.getrandbits(30)) for _ in range(50)]
        for m in queries:
            udp.send(m)
        tcp.send(*queries)
        time.sleep(random.uniform(0, 0.03))


def while_reloading(server):
    for _ in range(random.randint(1, 3)):
        server.hangup()
    time.sleep(random.uniform(0, 0.02))


def main():
    options = stage.arguments(
        __doc__, option("--kills", type=int, default=200, help="how many (default 200)"))
    ways = [while_loading, while_answering, while_reloading]
    counts, slowest = [0] * len(ways), 0.0
    with stage.stage(options.keep) as directory:
        upstream = fake.Fake(fake.after(0.005, fake.honest))
        server = holdfast.Holdfast(stage.subdirectory(directory, "holdfast"), {"a": upstream.at})
        for i in range(options.kills):
            ways[i % len(ways)](server)
            server.kill()
            start = time.monotonic()
            try:
                server.start()
                slowest = max(slowest, time.monotonic() - start)
                reply = server.udp("phoenix%d.example." % i)
                assert reply is not None and reply.rcode == 0, "no good answer: %s" % reply
                assert server.tcp("phoenix%d.example." % i).rcode == 0
            except AssertionError as wrong:
                say("kill %d, %s: %s" % (i + 1, ways[i % len(ways)].__name__, wrong))
                return 1
            counts[i % len(ways)] += 1
            upstream.forget()
        if not holdfast.STANDIN:
            code, said = server.reload()
            assert code == 0, said
        server.stop()
        upstream.stop()
    say("%d kills (%s): started again each time, in %.2f s at most" % (
        sum(counts), ", ".join("%d %s" % (n, w.__name__.replace("_", " ")) for n, w in
                               zip(counts, ways)), slowest))
    return 0


if __name__ == "__main__":
    sys.exit(main())
