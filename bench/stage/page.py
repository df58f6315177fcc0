# SPDX-License-Identifier: GPL-3.0-or-later
"""page.py - results as Markdown: a table a scene, and what follows from it.

The sentences below a table are made from its figures, in both directions: what
holdfast misses of what it promises, and who is better at what.
"""
import os

import scenes
import servers

HEAD = """# Outages

<!-- Written by `./dev bench outages` from what it measured: run it again to change this. -->

`./dev bench outages` played each outage against each server alone, one after the other, on one
machine: {cores} cores, loopback, a simulated upstream that stamps every packet with the kernel's
time, clients that retry as the C library does. The order changes from scene to scene. No figure
here passes or fails anything; each is one run's, so small differences say nothing. The scenes are
`bench/stage/scenes.py`, the configurations `bench/stage/servers.py` (`--keep DIR` leaves those of
a run, with every packet and question).

{versions}

A row with a `+` is the same server with something turned on that is off as it comes. One thread
each, no DNSSEC, no query log, and otherwise the program's defaults.

How it is counted:

- *Lost* has no reply after five tries of a second; in times it counts as {patience:.0f} s.
- *Wrong* is an address that the name never had.
- A query over TCP counts as 2 packets, 5 with its connection: an estimate. UDP packets are counted.
- A *silent* upstream still completes TCP handshakes, which a dead machine would not.
- *Trouble lasts* until the last question was asked that failed or took more than 100 ms.
- *First fresh* and *old answers until* are seconds after the return of the upstreams, whose addresses
  for all names are others then; `-`: not within 10 s.
- *Forged* is the liar's address given for a name that has another; *NXDOMAIN rewritten* the same for
  a name that has none. A name that is *listed* is one of the three of which an operator has said what
  is expected, where that can be said (`+ expect`); three other rows were told the forged address itself,
  which one has to have learnt first.
- Servers without an order of preference use both upstreams, so that a fault of the first touches
  about half of their questions.
- `~` marks a row whose run was disturbed. {noise}

"""


def number_of(cell):
    """What text_of wrote."""
    return None if cell == "-" else float(cell.replace(",", ""))


def read(path):
    """The results that a page was written from, as exactly as it shows them, without noise:
    for scenes that are not played again when there are no results any more. What was
    measured of a server that is configured in another way now is left out."""
    notes = {variant.kind.name: variant.kind.note for variant in servers.VARIANTS}
    titles = {scene.name: {c.title: c.key for c in scene.columns} for scene in scenes.SCENES}
    scene, head, known, out = None, [], {}, []
    with open(path) as page:
        lines = page.read().splitlines()
    for line in lines:
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("| ") else []
        if line.startswith("## "):
            scene = line[3:]
        elif cells and (cells[0] in ("server", "---") or set(cells[0]) == {"-"}):
            head = cells if cells[0] == "server" else head
        elif cells and scene is None:
            if notes.get(cells[0]) == cells[2]:
                known[cells[0]] = cells[1]
        elif cells and scene in titles and cells[0].removesuffix(" ~").split(" + ")[0] in known:
            server = cells[0].removesuffix(" ~")
            figures = {titles[scene][title]: number_of(cell)
                       for title, cell in zip(head[1:], cells[1:]) if title in titles[scene]}
            out.append({"scene": scene, "server": server, "figures": figures, "noise": None,
                        "noisy": ["as told"] if cells[0].endswith(" ~") else [],
                        "version": known[server.split(" + ")[0]]})
    return out


def text_of(value, places):
    if value is None:
        return "-"
    return "{:,.{}f}".format(value, places)


def order_of(result):
    names = [variant.name for variant in servers.VARIANTS]
    return names.index(result["server"]) if result["server"] in names else len(names)


def table(scene, results):
    columns = [c for c in scene.columns]
    lines = ["| server | " + " | ".join(c.title for c in columns) + " |",
             "| --- |" + " ---: |" * len(columns)]
    for result in results:
        cells = [text_of(result["figures"].get(c.key), c.places) for c in columns]
        name = result["server"] + (" ~" if result["noisy"] else "")
        lines.append("| %s | %s |" % (name, " | ".join(cells)))
    return "\n".join(lines)


def promises(scene, ours):
    """What holdfast misses, of each row of its own."""
    for result in ours:
        missed = ["%s %s (wanted: %s)" % (c.title, text_of(result["figures"].get(c.key), c.places),
                                          c.target.words)
                  for c in scene.columns if c.target and not c.target.met(result["figures"].get(c.key))]
        if missed:
            yield "**%s misses**: %s." % (result["server"], "; ".join(missed))
        else:
            yield "%s shows what it is meant to." % result["server"]


def is_better(column, theirs, ours):
    if column.better is None or theirs is None:
        return False
    if ours is None:
        return True
    gain = ours - theirs if column.better == "less" else theirs - ours
    return gain > column.slack


def compared(columns, theirs, ours):
    return "; ".join("%s %s against %s" % (c.title, text_of(theirs.get(c.key), c.places),
                                           text_of(ours.get(c.key), c.places)) for c in columns)


def better_ones(scene, results, ours):
    """Who is better than holdfast's plain row, and at what; and at what price, of
    that what holdfast promises."""
    for result in results:
        if result["server"].startswith("holdfast"):
            continue
        theirs, mine = result["figures"], ours["figures"]
        gains = [c for c in scene.columns if is_better(c, theirs.get(c.key), mine.get(c.key))]
        price = [c for c in scene.columns if c.target and not c.target.met(theirs.get(c.key)) and
                 is_better(c, mine.get(c.key), theirs.get(c.key))]
        if gains:
            yield "- %s: %s%s" % (result["server"], compared(gains, theirs, mine),
                                  " (but %s)" % compared(price, theirs, mine) if price else "")


def section(scene, results):
    """Heading, words, table and what follows from it."""
    wanted = ["%s %s" % (c.title, c.target.words) for c in scene.columns if c.target]
    parts = ["## %s" % scene.name, scene.what, table(scene, results)]
    ours = [r for r in results if r["server"].startswith("holdfast")]
    if ours:
        parts.append("holdfast is meant to show: %s.\n%s" % (
            "; ".join(wanted), "\n".join(promises(scene, ours))))
        better = list(better_ones(scene, results, ours[0]))
        parts.append("Better than %s here:\n\n%s" % (ours[0]["server"], "\n".join(better)) if better else
                     "Nobody is better than %s here at anything that is measured." % ours[0]["server"])
    return "\n\n".join(parts) + "\n"


def tables(results):
    """The sections of all scenes that there are results of."""
    out = []
    for scene in scenes.SCENES:
        of_it = sorted((r for r in results if r["scene"] == scene.name), key=order_of)
        if of_it:
            out.append(section(scene, of_it))
    return "\n".join(out)


def noise_words(results):
    """How quiet the machine was."""
    if not results:
        return ""
    noise = [r["noise"] for r in results if r["noise"]]
    if not noise:
        return "%d of %d were." % (sum(bool(r["noisy"]) for r in results), len(results))
    whose = "all runs" if len(noise) == len(results) else (
        "the %d runs that were made last\n  (the other rows are of earlier ones)" % len(noise))
    return ("%d of %d were.\n  Of %s: the load average before a run was %.1f to %.1f; in the middle "
            "other processes used\n  %.0f %% of a core, the host took %.0f %%, and one question in a hundred "
            "was asked more than %.1f ms\n  late; at worst %.0f %%, %.0f %% and %.1f ms." % (
                sum(bool(r["noisy"]) for r in results), len(results), whose,
                min(n["load"] for n in noise), max(n["load"] for n in noise),
                *(scale * pick(n[key] for n in noise) for pick in (middle, max)
                  for key, scale in (("others", 100), ("stolen", 100), ("client_late_p99_ms", 1)))))


def middle(values):
    values = sorted(values)
    return values[len(values) // 2]


def versions(results):
    """A table of who played, in which version, told what."""
    lines = ["| server | version | configuration |", "| --- | --- | --- |"]
    for kind in dict.fromkeys(variant.kind for variant in servers.VARIANTS):
        seen = sorted({r["version"] for r in results if r["server"].split(" + ")[0] == kind.name})
        if seen:
            lines.append("| %s | %s | %s |" % (kind.name, ", ".join(seen), kind.note))
    return "\n".join(lines)


def whole(results):
    """The page."""
    return HEAD.format(cores=os.cpu_count(), versions=versions(results), patience=scenes.PATIENCE,
                       noise=noise_words(results)) + tables(results)
