#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Full speed while an upstream dies and comes back, over and over.

Two real authoritative servers hold --names names with a TTL of --ttl seconds,
short enough that upstreams are needed all the time. dnsperf asks for --seconds
as fast as it is answered; meanwhile the first upstream is killed and started
again --kills times. holdfast and Unbound, a forwarder with the same upstreams,
take turns in the same run. Printed for each: questions lost, SERVFAIL, other
codes, rate, and the server's CPU time per answered question. Ends with 1 if
holdfast lost a question or answered SERVFAIL.
"""
import re
import shutil
import subprocess
import sys
import threading

import stage
from stage import option, say

import holdfast
import net
import peers
import zonemaker


def kill_and_restart(upstream, kills, seconds, stop):
    """Dead for half of each round. Called by the main thread: a program that a
    thread started would end with that thread (see net.Process)."""
    half = seconds / kills / 2
    for _ in range(kills):
        if stop.wait(half / 2):
            return
        upstream.kill()
        stop.wait(half)
        upstream.start(wait=False)
        if stop.wait(half / 2):
            return


def run_dnsperf(address, port, questions, options):
    argv = ["dnsperf", "-s", address, "-p", str(port), "-d", questions, "-l", str(options.seconds),
            "-c", str(options.clients), "-T", "1", "-q", str(options.outstanding), "-t", "6"]
    if options.rate:
        argv += ["-Q", str(options.rate)]
    if options.tcp:
        argv += ["-m", "tcp"]
    text = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    number = lambda pattern: float((re.search(pattern, text) or [0, 0])[1])
    codes = dict(re.findall(r"([A-Z]+) (\d+) \(", (re.search("Response codes:(.*)", text) or ["", ""])[1]))
    return {"sent": int(number(r"Queries sent:\s+(\d+)")), "text": text,
            "completed": int(number(r"Queries completed:\s+(\d+)")),
            "lost": int(number(r"Queries lost:\s+(\d+)")),
            "rate": number(r"Queries per second:\s+([\d.]+)"),
            "slowest": number(r"Average Latency.*max ([\d.]+)"),
            "mean": number(r"Average Latency \(s\):\s+([\d.]+)"),
            "servfail": int(codes.pop("SERVFAIL", 0)),
            "codes": {k: int(v) for k, v in codes.items() if k != "NOERROR"}}


def measure(name, address, port, pid, upstream, questions, options):
    result, stop = {}, threading.Event()

    def ask():
        result.update(run_dnsperf(address, port, questions, options))
        stop.set()

    cpu, starts = net.cpu_seconds(pid), upstream.starts
    asking = threading.Thread(target=ask)
    asking.start()
    if options.kills:
        kill_and_restart(upstream, options.kills, options.seconds, stop)
    asking.join()
    result["cpu"] = net.cpu_seconds(pid) - cpu
    result["kills"] = upstream.starts - starts
    per = result["cpu"] / result["completed"] * 1e6 if result["completed"] else float("nan")
    say("%-9s lost %d  SERVFAIL %d  other %s  answered %d  %.0f/s  CPU %.2f us each  "
        "latency mean %.3f ms, worst %.1f ms  upstream killed %d times" % (
            name, result["lost"], result["servfail"], result["codes"] or "none", result["completed"],
            result["rate"], per, result["mean"] * 1e3, result["slowest"] * 1e3, result["kills"]))
    if not result["completed"]:
        say(result["text"])
    net.wait_until("the upstream to be back", upstream.answers, 20)
    return result


def main():
    options = stage.arguments(
        __doc__,
        option("--seconds", type=int, default=60, help="how long each server is asked (default 60)"),
        option("--names", type=int, default=10000, help="distinct names (default 10,000)"),
        option("--ttl", type=int, default=1, help="of the names, in seconds (default 1)"),
        option("--kills", type=int, default=10, help="how often the first upstream dies (default 10)"),
        option("--clients", type=int, default=20, help="sockets of dnsperf (default 20)"),
        option("--outstanding", type=int, default=100, help="questions in the air (default 100)"),
        option("--rate", type=int, help="questions per second (default: as fast as answered)"),
        option("--tcp", action="store_true", help="ask over TCP"),
        option("--workers", type=int, default=2, help="threads of each server (default 2)"),
        option("--peer", choices=sorted(stage.KINDS), default="nsd", help="the upstreams"),
        option("--only", choices=["holdfast", "unbound"], help="measure one server only"))
    if shutil.which("dnsperf") is None:
        sys.exit("dnsperf is not installed")
    with stage.stage(options.keep) as directory:
        zones = zonemaker.Zones(stage.subdirectory(directory, "zones"))
        text = zonemaker.names_text(options.names).replace("$TTL 3600", "$TTL %d" % options.ttl)
        zones.write(zonemaker.NAMES_ZONE, text)
        only = zones.only(zonemaker.NAMES_ZONE)
        kind = stage.KINDS[options.peer]
        mortal, standby = (stage.peer(kind, directory, zones=only) for _ in range(2))
        questions = directory + "/questions"
        with open(questions, "w") as out:
            for i in range(options.names):
                out.write("%s %s\n" % zonemaker.names_question(i))
        bad = False
        if options.only != "unbound":
            server = holdfast.Holdfast(stage.subdirectory(directory, "holdfast"),
                                       {"a": mortal.at, "b": standby.at}, workers=options.workers,
                                       forward=[{"zone": ".", "to": ["a", "b"]}],
                                       cache={"size": "64MiB"})
            r = measure("holdfast", server.address, holdfast.PORT, server.pid, mortal, questions, options)
            bad = bool(r["lost"] or r["servfail"] or not r["completed"])
            say("          resident memory %.1f MiB" % (net.rss(server.pid) / 2**20))
            server.stop()
        if options.only != "holdfast":
            class Threaded(peers.Unbound):
                threads = options.workers
            Threaded.__name__ = "Unbound"
            unbound = stage.peer(Threaded, directory, upstreams=[mortal, standby])
            measure("unbound", unbound.address, unbound.port, unbound.process.pid, mortal, questions,
                    options)
            say("          resident memory %.1f MiB" % (net.rss(unbound.process.pid) / 2**20))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
