# SPDX-License-Identifier: GPL-3.0-or-later
"""steadypage.py - what came of many minutes under load, as Markdown: a part of the
page of speed (sections.py), and what `./dev bench steady` prints."""
import statistics

import sums

SPIKE = 2   # times the calm: what we want never to see
WORST = 5   # slices that are named

HEADING = "## Ten minutes"
TEXT = """
<!-- Written by `./dev bench steady --write`. -->

`./dev bench steady` puts holdfast (one worker, with a core of its own) under load for minutes, with a cache
of {cache} MiB that is full: nine questions of ten are for {names:,} names in it, one is for a new name. First
nobody disturbs (the calm); then every {slice} s the configuration is changed and loaded anew, and /metrics is
read each second. Figures are of slices of {slice} s, in microseconds.

{kinds}- A slice is *disturbed from outside* when others on the machine used more than {others:.0f} % of a core, or the
  host took more than {stolen:.0f} %.

"""
FULL, OPEN = "full load", "at random moments"
KINDS = {
    FULL: """\
- *Full load*: {window} questions are under way at all times, so that the server has more to do whatever it
  manages. The time of a question begins when it is asked: who stands still delays {window} questions once,
  which may be too few for a slice's p99.9; the longest time shows it.
""",
    OPEN: """\
- *At random moments*: {share:g} % of what it had answered at saturation, whatever comes back. The time of a
  question begins when it was to be asked, so that all are charged who would have asked while it stood still.
"""}


def noisy(report):
    return bool(sums.disturbances([report]))


def middle(slices, key):
    return statistics.median(report[key] for report in slices)


def total(slices, key):
    return "{:,}".format(sum(report[key] for report in slices))


def whole(value):
    return "{:,.0f}".format(value)


def over(slices, calm):
    """How many of the slices are far above the calm, of how many."""
    return "%d of %d" % (sum(report["p999"] > SPIKE * middle(calm, "p999") for report in slices), len(slices))


def timed(seconds):
    """Count, median and longest of what was done meanwhile."""
    return "none" if not seconds else "%d: %.1f, %.0f" % (
        len(seconds), 1e3 * statistics.median(seconds), 1e3 * max(seconds))


def column(load):
    """(what, figure) of one load, for the table."""
    calm, busy = load["calm"], load["disturbed"]
    memory = [report["memory"] / 2**20 for report in busy]
    tenth = max(1, len(memory) // 10)
    worst = sorted((report["p999"] for report in busy), reverse=True)[:WORST]
    return [
        ("calm: slices", "%d" % len(calm)),
        ("calm: answers/s", whole(middle(calm, "per_second"))),
        ("calm: p99.9, median", whole(middle(calm, "p999"))),
        ("calm: p99.9, highest", whole(max(report["p999"] for report in calm))),
        ("slices", "%d" % len(busy)),
        ("answers/s", whole(middle(busy, "per_second"))),
        ("p99.9, median", whole(middle(busy, "p999"))),
        ("p99.9, the worst slices", "; ".join(whole(value) for value in worst)),
        ("longest time, median and highest", "%s; %s" % (
            whole(middle(busy, "longest")), whole(max(report["longest"] for report in busy)))),
        ("above %d x the calm, nobody disturbing from outside" % SPIKE,
         over([report for report in busy if not noisy(report)], calm)),
        ("above %d x the calm, disturbed from outside" % SPIKE,
         over([report for report in busy if noisy(report)], calm)),
        ("questions", total(busy, "asked")),
        ("lost", total(busy, "lost")),
        ("found a socket full: the server's, the upstream's, the load's", "; ".join(
            total(busy, key) for key in ("server_dropped", "upstream_dropped", "dropped"))),
        ("failed", total(busy, "failed")), ("wrong", total(busy, "wrong")),
        ("memory, MiB: after the calm", "%.1f" % (calm[-1]["memory"] / 2**20)),
        ("memory, MiB: first tenth, last tenth, highest", "%.1f; %.1f; %.1f" % (
            statistics.median(memory[:tenth]), statistics.median(memory[-tenth:]), max(memory))),
        ("reloads: median and longest, ms", timed(load["reloads"])),
        ("readings of /metrics: median and longest, ms", timed(load["scrapes"])),
        ("of either, failed", "%d" % len(load["faults"]))]


def verdict(loads):
    """Of which loads nothing can be told, as most of their slices were disturbed from outside."""
    bad = [load["name"] for load in loads for part in ("calm", "disturbed")
           if 2 * sum(map(noisy, load[part])) > len(load[part])]
    if not bad:
        return ""
    return "\n**Too noisy to tell** (%s): %s, in more than half of the slices.\n" % (
        ", ".join(dict.fromkeys(bad)),
        "; ".join(sums.disturbances(report for load in loads for part in ("calm", "disturbed")
                                    for report in load[part])))


def table(loads):
    """`loads`: {name, calm, disturbed (slices), reloads, scrapes (seconds), faults} of each."""
    columns = [column(load) for load in loads]
    lines = ["| | " + " | ".join(load["name"] for load in loads) + " |", "| --- |" + " ---: |" * len(loads)]
    lines += ["| %s | %s |" % (row[0][0], " | ".join(figure for _, figure in row)) for row in zip(*columns)]
    return "\n".join(lines) + "\n" + verdict(loads)


def section(loads, **how):
    """The part below its heading; `how`: cache (MiB), names, slice (s), window, share (%)."""
    kinds = "".join(KINDS[load["name"]] for load in loads).format(**how)
    return TEXT.format(kinds=kinds, others=100 * sums.OTHERS, stolen=100 * sums.STOLEN, **how) + table(loads)
