#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A million questions beside an upstream that lies, and what comes of it.

    tests/show/liar.py [--build DIR] [--questions N] [--rate N] [ACT...]

The acts:

  one      The first of three upstreams, preferred and fastest, forges answers for three names
           that are listed under `expect:` and gives every name that does not exist an address:
           for half of the questions one answer in a hundred, then all. No forged answer may
           reach a client, the liar must be named and in quarantine within 5 s, and out of it
           within a minute after it has turned honest.
  all      Then all three lie. The listed names are answered with the old truth (marked), or
           with SERVFAIL and an extended error, never with the lie.
  corpus   Three honest upstreams whose answers differ by design: by upstream (GeoDNS), from
           question to question (a content network behind an alias), in order (round robin).
           Compared as often as possible, they must bring nobody into quarantine.

The peers play the same load in `./dev bench outages liar`, whose scenes, upstreams and clients
these are. Prints what was counted; ends with 1 if something did not hold.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(HOME, "bench", "stage"), os.path.join(HOME, "tests", "real")]

import net                  # noqa: E402 (the path comes first)
import scenes               # noqa: E402
import servers              # noqa: E402
import stage                # noqa: E402

ROUND = 100_000             # questions at a time: what is read back of them is kept in memory
ACTS = ["one", "all", "corpus"]
faults = []


def say(*what):
    print(*what, flush=True)


def hold(what, holds):
    say("  %s %s" % ("holds:" if holds else "DOES NOT HOLD:", what))
    if not holds:
        faults.append(what)


def status(server):
    done = subprocess.run([servers.Holdfast.binary, "status", "--json", "-s",
                           server.path("control")], stdout=subprocess.PIPE, text=True, timeout=20)
    return {u["name"]: u for u in json.loads(done.stdout)["upstreams"]}


def bars(server, upstream="a"):
    return status(server)[upstream]["quarantine"]


def wait_for(what, seconds):
    """How long it took until what() was true; None: longer."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if what():
            return time.monotonic() - began
        time.sleep(0.05)
    return None


class Counted:
    """Sums over rounds."""

    def __init__(self):
        self.asked = self.forged = self.rewritten = self.lost = self.failed = self.gone = 0

    def add(self, run):
        figures = scenes.Liar.figures(run)
        self.asked += len(run.questions)
        self.gone += len(run.asked("gone"))
        self.forged += figures["forged"] + sum(map(scenes.forged, run.asked("other")))
        self.rewritten += figures["rewritten"]
        self.lost += figures["lost"]
        self.failed += figures["failed"]

    def tell(self, title):
        say("  %s: %d questions, forged %d, NXDOMAIN rewritten %d of %d, failed %d, lost %d" % (
            title, self.asked, self.forged, self.rewritten, self.gone, self.failed, self.lost))


def play_rounds(where, scene, args, questions, turn):
    counted = Counted()
    while counted.asked < questions:
        counted.add(where.play(scene.flows(args.rate, min(ROUND, questions) / args.rate, turn)))
        turn += 1
    return counted, turn


def one(where, args):
    scene, turn = scenes.Liar(1, ""), 0
    conf = {"conf": {**servers.EXPECT, "truth": {"canaries": "30s"}}}
    scene.set(where, servers.Variant(servers.Holdfast, "expect", conf))
    for percent in 1, 100:
        where.upstreams.say("fault", "a", "lie", percent)
        counted, turn = play_rounds(where, scene, args, args.questions // 2, turn)
        counted.tell("%d %% forged" % percent)
        hold("no forged answer for a listed name among %d questions" % counted.asked,
             counted.forged == 0)
        where.upstreams.say("fault", "a", "answer")
        back = wait_for(lambda: not bars(where.server), 75)
        say("  honest again: out of quarantine after %s s" % (back and round(back, 1)))
        hold("an upstream that turned honest is released within a minute",
             back is not None and back <= 60)
    where.upstreams.say("fault", "a", "lie", 100)
    names = stage.Flow("victim", scenes.OTHERS[0], scenes.VICTIMS[0], count=100, rate=100)
    where.play([names], [(0.0, "liar", lambda: time.time_ns())])
    caught = wait_for(lambda: bars(where.server), 5)
    hold("a liar is named and in quarantine within 5 s", caught is not None)
    say("  status: %s" % json.dumps(bars(where.server))[:300])


def everybody(where, args):
    scene = scenes.Liar(100, "")
    scene.set(where, servers.Variant(servers.Holdfast, "expect", {"conf": servers.EXPECT}))
    before = where.play([stage.Flow("victim", scenes.OTHERS[0], scenes.VICTIMS[0], count=10, rate=10)])
    for name in "abc":
        where.upstreams.say("fault", name, "lie", 100)
    count = min(args.questions, ROUND) // 10
    asked = [stage.Flow("victim", scenes.OTHERS[i], name, count=count, rate=args.rate / 10)
             for i, name in enumerate(scenes.VICTIMS)]
    run = where.play(asked)
    known = {q.name for q in before.questions}
    old = [q for q in run.questions if q.name in known]
    new = [q for q in run.questions if q.name not in known]
    forged = sum(map(scenes.forged, run.questions))
    stale = sum(scenes.right(q) and "3" in q.ede.split(",") for q in old)
    told = sum(q.rcode == 2 and q.ede != "-" for q in new)
    say("  %d questions: forged %d; of %d for a name that was known, stale %d; of %d for others, SERVFAIL "
        "with a reason %d" % (len(run.questions), forged, len(old), stale, len(new), told))
    hold("nothing forged when all lie", forged == 0)
    hold("what was known is given, and marked", stale == len(old))
    hold("what was not is SERVFAIL, and says why", told == len(new))


WORDS = ["agreed", "differed", "contradicted", "older", "lies", "quarantines"]


def metric(http, family):
    """Summed over upstreams."""
    with urllib.request.urlopen("http://%s/metrics" % http, timeout=10) as page:
        lines = page.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(family + "{"))


def corpus(where, args):
    http = "127.0.0.1:%d" % net.port()
    conf = {"http": http,
            "conf": {"expect": [{"name": "*." + scenes.ZONE, "addresses": ["10.0.0.0/8"]}],
                     "truth": {"sample": "1000/s", "canaries": "5s"}}}
    where.add_upstream("a", "b", "c")
    where.upstreams.say("zone", scenes.ZONE, 1)
    where.upstreams.say("gone", ".", 60)
    where.start_server(servers.Variant(servers.Holdfast, None, conf), {".": ["a", "b", "c"]},
                       ["ready." + scenes.ZONE])
    for i, name in enumerate("abc"):
        where.upstreams.say("fault", name, "vary", i + 1)
    total = min(args.questions, ROUND)
    each, rate = total // 3, args.rate / 3
    flows = [stage.Flow("r", scenes.OTHERS[i], "%s%%.%s" % (kind, scenes.ZONE), count=each, rate=rate,
                        modulo=2000) for i, kind in enumerate("rgc")]
    run = where.play(flows)
    answered = sum(q.last >= 0 and q.rcode == 0 for q in run.questions)
    seen = status(where.server)
    say("  %d questions, answered %d; compared: %s" % (len(run.questions), answered, ", ".join(
        "%s %d" % (word, metric(http, "holdfast_upstream_%s_total" % word)) for word in WORDS)))
    hold("nobody is in quarantine for what differs by design",
         not any(u["quarantine"] for u in seen.values()))
    log = where.server.process.output()
    hold("nobody ever was", "quarantined" not in log)
    hold("all were answered", answered == len(run.questions))


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("acts", nargs="*", metavar="ACT", help="one, all, corpus (default: all three)")
    words.add_argument("--build", default=os.path.join(HOME, "build"), help="the build to show")
    words.add_argument("--questions", type=int, default=1_000_000)
    words.add_argument("--rate", type=int, default=10_000, help="questions a second")
    args = words.parse_args()
    build = os.path.abspath(args.build)
    servers.Holdfast.binary = os.path.join(build, "holdfast")
    programs = {name: os.path.join(build, "bench", "stage", "stage_" + name)
                for name in ("upstream", "client")}
    if not set(args.acts) <= set(ACTS):
        words.error("acts are " + ", ".join(ACTS))
    for act in args.acts or ACTS:
        say(act)
        directory = tempfile.mkdtemp(prefix="hf-")
        where = stage.Stage(programs, directory)
        try:
            {"one": one, "all": everybody, "corpus": corpus}[act](where, args)
        finally:
            where.end()
            shutil.rmtree(directory, ignore_errors=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
