# SPDX-License-Identifier: GPL-3.0-or-later
"""zonespage.py - what answers from zones cost, as Markdown: docs/zones.md."""
import entrants
import rig
import sums
import zonescenes

HEAD = """# Answers from zones

<!-- Written by `./dev bench zones --write` from what it measured: run it again to change this. -->

What an answer with authority costs, beside {versions}, with the same zone and the same questions over UDP.
**No absolute figure here is promised**; what may be compared is a row with the rows beside it.

- Each server has one core to itself and answers with one thread (NSD: one process), with minimal responses
  and no rate limit; the load generator has another core. The zone has {names:,} names.
- *answers/s*: right answers with 128 questions under way at all times; each is checked (id, question, rcode,
  AA, what sections have records, and where there is one, the address). *Core %*: how much of its core the
  server used meanwhile.
- *CPU us*: processor time of the server and its children over right answers. On loopback it includes the
  kernel's work until a packet lies in the receiver's queue, which is more for larger answers.
  *User us*: the share of it outside of the kernel, sampled by ticks.
- *x NSD*, *x Knot*: that CPU over theirs, within each round. The *bare echo* sends each question back, and
  is what is left of a server that knows nothing.
- Figures are medians of {rounds} rounds of {seconds:g} s, in which the servers take turns; in brackets the least and
  the greatest. *Failed*, *wrong* and *lost* answers are of all rounds.

A scene says *too noisy to tell* when the echo's own CPU per query varied by more than {gauge:.0f} % between rounds,
when others used more than {others:.0f} % of a core, or the host took more than {stolen:.0f} %.

"""

COLUMNS = ["server", "answers/s", "core %", "CPU us", "user us", "x nsd", "x knot", "failed", "wrong", "lost", "instr."]


class Rows:
    """The runs of one scene, by server and round."""

    def __init__(self, runs):
        self.by_server = {}
        for run in runs:
            self.by_server.setdefault(run["server"], {})[run["round"]] = run

    def figure(self, server, pick):
        return sums.Figure([pick(run) for run in self.by_server.get(server, {}).values()])

    def cpu(self, server):
        return self.figure(server, cpu_of)

    def ratio(self, server, other):
        theirs = self.by_server.get(other, {})
        return sums.Figure([sums.per(cpu_of(run), cpu_of(theirs[turn])) for turn, run in
                            self.by_server.get(server, {}).items() if turn in theirs])

    def noise(self):
        """Why nothing can be told, or nothing (as sums.Sums has it)."""
        echo, reasons = self.cpu(entrants.Echo.name), []
        if len(echo.values) < 2:
            reasons.append("the echo was not measured in two rounds")
        elif echo.spread > sums.GAUGE:
            reasons.append("the echo's own CPU per query varied by %.0f %%" % (100 * echo.spread))
        return reasons + sums.disturbances(
            run for runs in self.by_server.values() for run in runs.values())

    def verdict(self):
        noise = self.noise()
        if noise:
            return "**Too noisy to tell**: %s." % "; ".join(noise)
        said = []
        for other in ("nsd", "knot"):
            ratio = self.ratio("holdfast", other)
            if ratio:
                word = "more than" if ratio.values[0] > 1 else "less than" if ratio.values[-1] < 1 else \
                    "not to be told apart from"
                said.append("%s times the CPU of %s for an answer, which is %s it" % (ratio.text(), other, word))
        return "holdfast takes %s." % "; ".join(said) if said else "There is nothing to compare with."


def cpu_of(run):
    return sums.per(run["server_cpu"], run["right"], 1e6)


def user_of(run):
    cpu = cpu_of(run)
    return None if cpu is None or run["user_share"] is None else cpu * run["user_share"]


def cells(rows, server):
    runs = rows.by_server[server].values()
    count = lambda key: "{:,}".format(sum(run[key] for run in runs))
    return [server, rows.figure(server, lambda r: r["per_second"]).text(0, spread=False),
            rows.figure(server, lambda r: sums.per(r["server_cpu"], r["seconds"], 100)).text(0, spread=False),
            rows.cpu(server).text(), rows.figure(server, user_of).text(spread=False),
            *(rows.ratio(server, other).text() if server not in (other, entrants.Echo.name) else "-"
              for other in ("nsd", "knot")),
            count("failed"), count("wrong"), count("lost"),
            rows.figure(server, lambda r: sums.per(r["instructions"], r["right"])).text(0, spread=False)]


def scene(of, runs, names):
    rows = Rows(runs)
    lines = ["## " + of.name, "", of.what.format(names=names), "", rows.verdict(), "",
             "| " + " | ".join(COLUMNS) + " |", "| --- |" + " ---: |" * (len(COLUMNS) - 1)]
    lines += ["| " + " | ".join(cells(rows, s.name)) + " |" for s in zonescenes.SERVERS
              if s.name in rows.by_server]
    return "\n".join(lines) + "\n"


def scenes(results, names):
    return "\n".join(scene(of, [r for r in results if r["scene"] == of.name], names)
                     for of in zonescenes.SCENES if any(r["scene"] == of.name for r in results))


def whole(results, names, rounds, seconds):
    head = HEAD.format(versions=zonescenes.versions(), names=names, rounds=rounds, seconds=seconds,
                       gauge=100 * sums.GAUGE, others=100 * sums.OTHERS, stolen=100 * sums.STOLEN)
    if rig.APART:
        head = head.replace("receiver's queue, which", "receiver's queue (but not in interrupts), which")
    return head + scenes(results, names)
