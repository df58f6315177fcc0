#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a start takes that puts a million answers back.

dnsperf asks for --names distinct names, answered by a real authoritative server
with a wildcard; the server writes them down and is stopped. Then it is started
--starts times, each time after kill -9, with its upstream dead. Printed: how long
the start took from exec to the first answer of a name out of the cache, and how much
CPU (on a machine with other work the two differ), what it put back, and the size of the files. Then the same number of misses is asked of a
server with and without `cache.persist`, in turn; printed is the CPU time of its
workers for each. Ends with 1 if a start took longer than --limit, or if names are
missing.
"""
import os
import re
import subprocess
import sys
import time

import stage
from stage import option, say

import ask
import holdfast
import net
import wire
import written

BATCH = 50000
ZONE = "many.example."
TEXT = """$TTL 86400
@ SOA ns.many.example. host.many.example. 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.1
* A 192.0.2.7
"""


def write_questions(path, first, count):
    with open(path, "w") as out:
        for i in range(first, first + count):
            out.write("host-%07d.many.example A\n" % i)


def dnsperf(server, path, times=1):
    text = subprocess.run(
        ["dnsperf", "-s", server.address, "-p", str(holdfast.PORT), "-d", path, "-n", str(times),
         "-c", "8", "-T", "1", "-q", "400", "-t", "6"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    return int((re.search(r"Queries completed:\s+(\d+)", text) or [0, 0])[1])


def thread_cpu(pid):
    """Seconds of CPU, by the name of the thread."""
    out = {}
    for task in os.listdir("/proc/%d/task" % pid):
        stat = open("/proc/%d/task/%s/stat" % (pid, task)).read()
        name, rest = stat[stat.index("(") + 1:stat.rindex(")")], stat[stat.rindex(")") + 2:].split()
        name = name.split("/")[0]
        out[name] = out.get(name, 0) + (int(rest[11]) + int(rest[12])) / os.sysconf("SC_CLK_TCK")
    return out


def first_answer(server, name):
    """Starts it; seconds from exec to a good answer."""
    query = wire.query(name)
    began = time.monotonic()
    server.spawn()
    with ask.Udp(server.address, holdfast.PORT) as client:
        while time.monotonic() - began < 60:
            try:
                reply = client.ask(query, 0.01 if time.monotonic() - began < 0.1 else 0.2)
            except OSError:
                reply = None
            if reply is not None and wire.Message(reply).addresses():
                return time.monotonic() - began
            time.sleep(0.001)
    return 60.0


def warm_starts(server, options):
    worst = 0.0
    for i in range(options.starts):
        server.kill()
        took = first_answer(server, "host-%07d.many.example." % (options.names - 1 - i))
        cpu = net.cpu_seconds(server.pid)
        worst = max(worst, took)
        net.wait_until("the pages", lambda: net.accepts(server.http, 9153), 5)
        loaded = server.metrics()["holdfast_persist_entries_loaded"]
        line = [l for l in server.process.output().splitlines() if "put back" in l][0]
        say("start %d: first answer after %.3f s (CPU %.2f s), %d answers put back, %.0f MiB resident" % (
            i + 1, took, cpu, loaded, resident(server.pid)))
        say("   ", line)
        if loaded < options.names * 0.999:
            say("answers are missing")
            return 60.0
        time.sleep(options.pause)
    return worst


def resident(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", open("/proc/%d/status" % pid).read())[1]) / 1024


def cost(directory, upstream, questions, options):
    """Misses with and without, turn and turn about."""
    for turn in range(2 * options.rounds):
        place = os.path.join(directory, "cost-%d" % turn) if turn % 2 else "none"
        server = holdfast.Holdfast(stage.subdirectory(directory, "holdfast-%d" % turn),
                                   {"a": upstream.at}, workers=1,
                                   cache={"size": "512MiB", "persist": place})
        done = dnsperf(server, questions)
        time.sleep(1.5)
        cpu = thread_cpu(server.pid)
        say("%-8s %d misses: %.2f us of the worker each, %.2f us of the keeper" % (
            "persist" if turn % 2 else "without", done, cpu.get("worker", 0) / done * 1e6,
            cpu.get("keeper", 0) / done * 1e6))
        server.stop()


def main():
    options = stage.arguments(
        __doc__,
        option("--names", type=int, default=1000000, help="answers to know (default 1,000,000)"),
        option("--starts", type=int, default=5, help="how often to start (default 5)"),
        option("--pause", type=float, default=6.0, help="seconds between starts (default 6)"),
        option("--limit", type=float, default=1.0, help="seconds that a start may take (default 1)"),
        option("--rounds", type=int, default=3, help="of the measure of cost (default 3)"),
        option("--misses", type=int, default=200000, help="for it (default 200,000)"))
    with stage.stage(options.keep) as directory:
        zone = os.path.join(directory, "zone")
        with open(zone, "w") as out:
            out.write(TEXT)
        upstream = stage.peer(stage.KINDS["nsd"], directory, zones={ZONE: zone})
        place = os.path.join(directory, "cache")
        server = holdfast.Holdfast(stage.subdirectory(directory, "holdfast"), {"a": upstream.at},
                                   cache={"size": "512MiB", "persist": place})
        questions = os.path.join(directory, "questions")
        began = time.monotonic()
        # Each is asked twice soon after another, or it would be a scan, which the
        # cache lets pass through.
        for first in range(0, options.names, BATCH):
            write_questions(questions, first, min(BATCH, options.names - first))
            dnsperf(server, questions, 2)
        say("%d of %d names learnt in %.0f s" % (
            server.metrics()["holdfast_cache_entries"], options.names, time.monotonic() - began))
        time.sleep(1.5)
        few = os.path.join(directory, "few")
        write_questions(few, 0, options.misses)
        upstream.kill()
        worst = warm_starts(server, options)
        say("files: %s" % ", ".join("%s %.0f MB" % (os.path.basename(p), os.path.getsize(p) / 1e6)
                                    for p in written.files(place)))
        server.stop()
        upstream.start()
        cost(directory, upstream, few, options)
        upstream.stop()
    say("slowest start: %.3f s (limit %.1f s)" % (worst, options.limit))
    return worst > options.limit


if __name__ == "__main__":
    sys.exit(main())
