# SPDX-License-Identifier: GPL-3.0-or-later
"""speedpage.py - results as Markdown. The text above and below the tables is
made from the results too, so that no sentence outlives its figures."""
import os

import entrants
import loads
import rig
import sums

HEAD = """# Speed

<!-- Written by `./dev bench speed` from what it measured: run it again to change this. -->

{where}
**No absolute figure here is promised**: on other hardware all of them are others. What may be
compared is a row with the rows beside it, and above all with the *reference*: a program of ours that
does the least that a server on these sockets can do.

- The **bare echo** turns the QR bit on and sends the query back: batches, epoll, one thread. What a
  server needs beyond it for a hit is the price of knowing the answer.
- The **bare relay** passes a query on under a random id from one of 1,024 ports picked at random, and
  the reply back: no cache, no check but port, id and address. Whoever asks it over TCP is passed on over
  UDP. What a server needs beyond it for a miss is the price of knowing what it passes on.

{versions}

The configurations are those of [outages](outages.md): one thread, no DNSSEC, no query log, otherwise
as the program comes; source ports of misses are as random as each program makes them by itself
(dnsdist keeps one port for each upstream). Caches were made large enough for the scene; how large
stands below it.

How it is measured:

- A server has one core to itself (`taskset`); load generator, upstream and observer have another one.
- *queries/s*: right answers in a run with 128 questions under way at all times, which is what a socket
  of default size holds. Every answer is checked: id, question, rcode, address. *Core %*: how much of
  its core the server used meanwhile; far below 100, it was not the server that was at its limit.
- *CPU us*: processor time of the server and its children, told by the scheduler in nanoseconds, over
  right answers, at saturation. On loopback it includes the kernel's work until a packet lies in the
  receiver's queue{apart}. *User %*: the share of it outside of the kernel; *user us*:
  that share of each run's CPU. The share is sampled by ticks, {ticks} a second: of a run of some seconds it
  is known to a few percent.
- *x reference*, *x best peer*: that CPU over the reference's, or over that of the best of the other
  servers that did the work of the scene, within each round.
- *p50*, *p99*, *p99.9*: microseconds at half of the server's own saturation, for questions at random
  moments (as of many clients who know nothing of each other), from the moment when each was *to be*
  sent until the kernel had the reply (over TCP: until it was read); one without a reply counts as 2 s.
- *failed*, *wrong*, *lost*: of all rounds: an rcode or no address; another question or address; nothing
  within 2 s. *upstream*: queries to the upstream for each answer, at saturation.
- Figures are medians of the rounds, in brackets the least and the greatest.
- *instr.*: instructions in user space per query, where the machine lets them be counted.{instructions}

What it cannot tell: anything about a network card, about several cores, about names and clients that
are not alike, about long times. A server that waits less for each packet than another is charged more
of the wake-ups: CPU per query is told at saturation, where nobody sleeps.

A run is *disturbed* when others on the machine used more than {others:.0f} % of a core, or the host took more
than {stolen:.0f} %: then it is done again, twice at most, and the calmest counts. A scene says *too noisy to
tell* when that of the reference, of holdfast or of the best peer was disturbed all the same, or when
the reference's own CPU per query varied by more than {gauge:.0f} % between rounds.

"""

COLUMNS = ["server", "queries/s", "core %", "CPU us", "user %", "user us", "x reference", "x best peer", "p50", "p99", "p99.9",
           "failed", "wrong", "lost", "upstream", "instr."]


def cells(of, row):
    share = row.at_full("user_share")
    best = of.best_peer if row is not of.best_peer and row.server not in sums.REFERENCES else None
    instructions = row.figure(lambda run: sums.per(run["full"]["instructions"], run["full"]["right"]))
    return [
        row.server,
        row.at_full("per_second").text(0, spread=False),
        "%.0f" % (100 * row.server_share().middle),
        row.cpu.text(),
        "-" if not share else "%.0f" % (100 * share.middle),
        row.figure(sums.user_of).text(spread=False),
        row.ratio_to(of.reference).text() if of.reference and row is not of.reference else "-",
        row.ratio_to(best).text() if best else "-",
        row.at_half("p50").text(0, spread=False),
        row.at_half("p99").text(0, spread=False),
        row.at_half("p999").text(0, spread=False),
        "%d" % row.total("failed"), "%d" % row.total("wrong"), "%d" % row.total("lost"),
        row.figure(sums.asked_of).text(spread=False),
        instructions.text(0, spread=False)]


def markdown(columns, rows):
    lines = ["| " + " | ".join(columns) + " |", "| --- |" + " ---: |" * (len(columns) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def who_is_missing(absent):
    """[(server, why)] as a sentence; those of one reason stand together."""
    by_reason = {}
    for server, why in absent:
        by_reason.setdefault(why, []).append(server)
    return "Did not take part: %s." % "; ".join(
        "%s (%s)" % (", ".join(names), why) for why, names in by_reason.items())


def rounds_of_each(rows):
    """Which servers were measured in how many rounds, if not all in as many."""
    by_count = {}
    for row in rows:
        by_count.setdefault(len(row.runs), []).append(row.server)
    return "" if len(by_count) < 2 else "Not all were measured in as many rounds: %s." % "; ".join(
        "%s in %d" % (", ".join(names), count) for count, names in sorted(by_count.items()))


def remarks(of):
    """What has to be said about rows, after the table."""
    if of.absent:
        yield who_is_missing(of.absent)
    if rounds_of_each(of.rows):
        yield rounds_of_each(of.rows)
    for row in of.rows:
        if row.server not in sums.REFERENCES and not row.does_the_work(of.scene.fresh):
            yield "%s does not do all of this scene's work: it is compared with nobody." % row.server
    for server in of.limits():
        yield ("With %s the core of the load generator was more than %.0f %% busy: its queries/s may be "
               "the generator's." % (server, 100 * sums.FULL_SHARE))
    again = sum(run.get("again", 0) for row in of.rows for run in row.runs)
    if again:
        yield ("Runs were done again %d times because others disturbed the machine; of each the calmest counts."
               % again)
    for row in of.rows:
        if row.disturbances():
            yield "While %s was measured, %s." % (row.server, "; ".join(row.disturbances()))
    for row in of.rows:
        full = [(row.total(key), whose) for key, whose in (
            ("server_dropped", "its own"), ("upstream_dropped", "the upstream's"), ("dropped", "the load generator's"))]
        if of.scene.transport == "udp" and any(count for count, _ in full):
            yield "With %s datagrams found a socket full: %s." % (
                row.server, ", ".join("%s %s" % ("{:,}".format(count), whose) for count, whose in full if count))
    for row in of.rows:
        if row.total("reconnects"):
            yield "%s closed %d connections with questions under way; they were asked again." % (
                row.server, row.total("reconnects"))
    late = [(row.at_half("late_p50").middle, row.at_half("late_p99").middle) for row in of.rows
            if row.at_half("late_p50")]
    if late:
        yield ("At half of saturation one question in two left up to %.0f us after its moment, one in a hundred "
               "more than %.0f us (medians of the rounds, with the server where it was worst). That time is in "
               "the latencies." % (max(half for half, _ in late), max(most for _, most in late)))
    sized = ["%s %s" % (row.server, row.sizing) for row in of.rows if row.sizing != "-"]
    if sized:
        yield "Caches: %s." % "; ".join(sized)


def names_of(scene, runs):
    """With how many names it was played."""
    return runs[-1]["names"] if runs else scene.names


def load_section(scene, runs):
    of = sums.Sums(scene, runs)
    parts = ["## %s" % scene.name, scene.what.format(names=names_of(scene, sums.worked(runs))),
             markdown(COLUMNS, [cells(of, row) for row in of.rows]),
             of.verdict(), "\n".join("- " + text for text in remarks(of))]
    return "\n\n".join(part for part in parts if part) + "\n"


def memory_section(scene, runs):
    order, absent = [e.name for e in entrants.ENTRANTS], sums.absent(scene, runs)
    runs = sums.worked(runs)
    rows = [[run["server"], "%.0f" % ((run["after"] - run["before"]) / run["names"]),
             "%.0f" % (run["before"] / 2**20), "%.0f" % (run["after"] / 2**20),
             "%.1f" % (100 * run["kept"]), "%.1f" % (100 * run["kept_at_once"]), run["sizing"]]
            for run in sorted(runs, key=lambda run: order.index(run["server"]))]
    table = markdown(["server", "octets per name", "MiB before", "MiB after", "names kept %", "at once %", "cache"], rows)
    few = [row[0] for row in rows if float(row[4]) < 99.0]
    parts = ["## memory", scene.what.format(names=names_of(scene, runs)), table]
    if few:
        parts.append("Octets per name say nothing of who kept fewer than 99 %% of them: %s." % ", ".join(few))
    if absent:
        parts.append(who_is_missing(absent))
    return "\n\n".join(parts) + "\n"


def tables(runs):
    """The sections of all scenes that there are runs of."""
    out = []
    for scene in loads.SCENES:
        of_it = [run for run in runs if run["scene"] == scene.name]
        if of_it:
            out.append((memory_section if scene is loads.MEMORY else load_section)(scene, of_it))
    return "\n".join(out)


def versions(runs):
    seen = {run["server"]: run["version"] for run in sums.worked(runs)}
    rows = [[e.name, seen[e.name], e.note] for e in entrants.ENTRANTS if e.name in seen]
    return markdown(["server", "version", "configuration"], rows).replace(" ---: |", " --- |")


def where(runs):
    """What was done here; without runs, that nothing was."""
    if not runs:
        return ("Nothing has been measured yet: `./dev bench speed` on a quiet machine of two cores puts each "
                "server\nalone under the same loads, in interleaved rounds, and writes its tables here.")
    return ("![CPU per query of each server and load](speed.svg)\n\n"
            "`./dev bench speed` put each server alone under the same loads, on one machine: %d cores, "
            "loopback,\n%g s a run, %d rounds, each with every server and each begun with another one." % (
                os.cpu_count(), max(run.get("seconds", 0) for run in runs),
                1 + max(run["round"] for run in runs)))


def whole(runs):
    """The page."""
    counted = any(part and part["instructions"] for run in runs for part in (run.get("full"),))
    return HEAD.format(
        where=where(runs),
        apart=" (but this kernel charges its soft interrupts to nobody)" if rig.APART else "", versions=versions(runs) if runs else "",
        instructions="" if counted or not runs else " This one does not.",
        ticks=rig.TICK, gauge=100 * sums.GAUGE, others=100 * sums.OTHERS, stolen=100 * sums.STOLEN) + tables(runs)
