# SPDX-License-Identifier: GPL-3.0-or-later
"""runs.py - what one run of a scene is made of, and in which order runs are done.

Every run starts its server anew. Rounds are interleaved: each has all servers
once, beginning with another one, so that a machine that gets slower or busier
meets all of them.
"""
import shutil
import tempfile

import loads
import rig
import sums

# New names of the parts of a run; no two parts may share any.
WARM, FULL, HALF = 1000000000, 2000000000, 3000000000
AGAIN = 20000
PASSES = 4
SMALL = 10000


def warm(made, transport, names):
    """Asks for each name until all are kept, at most PASSES times: some caches give
    most of their room to what was asked for twice. Returns the share that each
    pass but the last left to be found by the next."""
    shares = []
    for turn in range(PASSES):
        filled = made.measure(transport, "each=1", "names=%d" % names)
        if turn:
            shares.append(max(0.0, 1 - filled["upstream_asked"] / names))
        if shares and shares[-1] > 0.999:
            break
    return shares


def under_load(load, entrant, made, seconds):
    """At saturation, then at half of what that was."""
    words = load.words(entrant)
    if load.keeps and not entrant.is_reference:
        for transport in dict.fromkeys(["udp", load.transport]):    # some keep answers apart
            warm(made, transport, load.names)
    made.ask(load.transport, *words, "seconds=0.3", "from=%d" % WARM)
    full = made.measure(load.transport, *words, "seconds=%g" % seconds, "from=%d" % FULL)
    rate = full["per_second"] / 2
    half = None
    if rate >= 100:
        # Whoever needs no upstream has the second core for the load alone.
        spin = ["spin=1"] if load.fresh == 0 else []
        half = made.measure(load.transport, *words, *spin, "seconds=%g" % seconds, "from=%d" % HALF,
                            "rate=%.0f" % rate)
    return {"full": full, "half": half}


def memory(made, names, before):
    """`before`: what the server took at its start with a small cache."""
    shares = warm(made, "udp", names)
    after = made.memory()
    again = made.measure("udp", "names=%d" % names, "count=%d" % AGAIN)
    return {"before": before, "after": after, "kept_at_once": shares[0],
            "kept": max(0.0, 1 - again["upstream_asked"] / AGAIN)}


def in_a_rig(programs, entrant, names, perf, keep, act):
    """Starts a server, alone, and acts. `keep(directory)` is called before all is forgotten."""
    directory = tempfile.mkdtemp(prefix="hf-")      # short: paths of sockets are
    made = None
    try:
        made = rig.Rig(programs, directory, entrant, names, perf)
        return act(made)
    finally:
        if made:
            made.end()
        keep(directory)
        shutil.rmtree(directory, ignore_errors=True)


def run(scene, entrant, programs, seconds, perf, keep):
    """One run of a server."""
    names = scene.names
    if scene is loads.MEMORY:
        # Some take memory for the whole cache when they start: that is part of its price.
        small = in_a_rig(programs, entrant, SMALL, False, keep, lambda made: made.memory())
        act = lambda made: memory(made, names, small)
    else:
        act = lambda made: under_load(scene, entrant, made, seconds)
    result = in_a_rig(programs, entrant, scene.room, perf, keep, act)
    return {"scene": scene.name, "server": entrant.name, "version": entrant.kind.version(),
            "sizing": entrant.sizing(scene.room), "names": names, **result}


def calmest(act, tries):
    """A run in which nobody disturbed the machine, or the calmest of so many. Says in
    it how often it was done again (`again`)."""
    done = []
    while len(done) < tries and (not done or sums.disturbances(sums.parts(done[-1]))):
        done.append(act())
    return {**min(done, key=sums.disturbance), "again": len(done) - 1}


def schedule(scenes, entrants, rounds):
    """(round, scene, entrant), in the order of the runs. The memory is looked at once."""
    for scene in scenes:
        row = [entrant for entrant in entrants if scene.who(entrant)]
        for turn in range(1 if scene is loads.MEMORY else rounds):
            first = turn % len(row) if row else 0
            for entrant in row[first:] + row[:first]:
                yield turn, scene, entrant
