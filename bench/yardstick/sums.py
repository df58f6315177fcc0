# SPDX-License-Identifier: GPL-3.0-or-later
"""sums.py - from runs to figures: medians, spreads, ratios, and whether the
machine was quiet enough to say anything.

A figure is the median of the rounds with the least and the greatest of them. A
ratio is formed within each round, between runs that were minutes apart and not
hours, and then treated like any other figure.
"""
import statistics

import entrants

REFERENCES = [e.name for e in entrants.ENTRANTS if e.is_reference]
OURS = "holdfast"
GAUGE, OTHERS, STOLEN = 0.05, 0.03, 0.02    # above these a scene is too noisy
FULL_SHARE = 0.95       # of the load generator's core: it may be what was measured


def disturbances(runs):
    """What took more of the machine than it may in any of the runs, in words."""
    runs, reasons = list(runs), []
    for key, bound, what in (("others", OTHERS, "others used %.0f %% of a core"),
                             ("stolen", STOLEN, "the host took %.0f %% of a core")):
        worst = max((run[key] for run in runs), default=0)
        if worst > bound:
            reasons.append(what % (100 * worst))
    return reasons


def parts(run):
    """What was measured in a run: at saturation and, mostly, at half of it."""
    return [run[part] for part in ("full", "half") if run.get(part)]


def disturbance(run):
    """How much was taken from it, as a share of a core."""
    return max((part["others"] + part["stolen"] for part in parts(run)), default=0.0)


def worked(runs):
    """Without those that did not, of which only the reason is known (`error`)."""
    return [run for run in runs if "error" not in run]


def absent(scene, runs):
    """[(server, why)] of those who have a part in a scene and no figure."""
    there = {run["server"] for run in worked(runs)}
    why = {run["server"]: run["error"] for run in runs if "error" in run}
    return [(e.name, why.get(e.name, "not run")) for e in entrants.ENTRANTS
            if scene.who(e) and e.name not in there]


class Figure:
    """Median, least and greatest. False when there was nothing to measure."""

    def __init__(self, values):
        self.values = sorted(value for value in values if value is not None)

    def __bool__(self):
        return bool(self.values)

    @property
    def middle(self):
        return statistics.median(self.values) if self.values else None

    @property
    def spread(self):
        """(greatest - least) / median."""
        return (self.values[-1] - self.values[0]) / self.middle if self.values and self.middle else 0.0

    def text(self, places=2, spread=True):
        if not self.values:
            return "-"
        out = "{:,.{}f}".format(self.middle, places)
        if spread and len(self.values) > 1:
            out += " ({:,.{p}f}..{:,.{p}f})".format(self.values[0], self.values[-1], p=places)
        return out


def per(part, whole, scale=1.0):
    return None if part is None or not whole else part / whole * scale


def cpu_of(run):
    """Microseconds of CPU per query that was answered right, at saturation."""
    return per(run["full"]["server_cpu"], run["full"]["right"], 1e6)


def user_of(run):
    """Of that, outside of the kernel, as far as ticks tell."""
    cpu, share = cpu_of(run), run["full"]["user_share"]
    return None if cpu is None or share is None else cpu * share


def asked_of(run):
    return per(run["full"]["upstream_asked"], run["full"]["right"])


class Row:
    """One server in one scene, of all rounds."""

    def __init__(self, server, runs):
        self.server, self.runs = server, runs
        self.sizing, self.version = runs[-1]["sizing"], runs[-1]["version"]
        self.by_round = {run["round"]: cpu_of(run) for run in runs}
        self.cpu = Figure(self.by_round.values())

    def figure(self, pick):
        return Figure([pick(run) for run in self.runs])

    def at_full(self, key):
        return Figure([run["full"][key] for run in self.runs])

    def at_half(self, key):
        return Figure([run["half"][key] for run in self.runs if run["half"]])

    def total(self, key):
        return sum(part.get(key, 0) for run in self.runs for part in parts(run))

    def disturbances(self):
        return disturbances(part for run in self.runs for part in parts(run))

    def ratio_to(self, other):
        return Figure([per(cpu, other.by_round.get(turn)) for turn, cpu in self.by_round.items()])

    def generator_share(self):
        """Of its core, at saturation; the upstream sits there too."""
        return self.figure(lambda run: (run["full"]["cpu"] + run["full"]["upstream_cpu"]) / run["seconds"])

    def server_share(self):
        """Of the server's core, at saturation: what is missing was waiting."""
        return self.figure(lambda run: run["full"]["server_cpu"] / run["seconds"])

    def does_the_work(self, fresh):
        """Whether at saturation it answered right (999 of 1,000, and nothing wrong), and
        from its cache what was meant to be there."""
        asked, right, wrong = (sum(run["full"][key] for run in self.runs)
                               for key in ("asked", "right", "wrong"))
        upstream = self.figure(asked_of).middle
        return asked > 0 and wrong == 0 and right / asked >= 0.999 and upstream is not None and \
            abs(upstream - fresh / 100) <= 0.02


class Sums:
    """A scene of load: its rows, its reference, its best peer and its noise."""

    def __init__(self, scene, runs):
        self.scene = scene
        self.absent = absent(scene, runs)
        by_server = {}
        for run in worked(runs):
            by_server.setdefault(run["server"], []).append(run)
        names = [e.name for e in entrants.ENTRANTS]
        self.rows = [Row(name, by_server[name]) for name in names if name in by_server]
        self.reference = self.row(scene.reference)
        self.ours = self.row(OURS)
        peers = [row for row in self.rows if row.server not in REFERENCES + [OURS]
                 and row.cpu and row.does_the_work(scene.fresh)]
        self.best_peer = min(peers, key=lambda row: row.cpu.middle, default=None)

    def row(self, name):
        return next((row for row in self.rows if row.server == name), None)

    def noise(self):
        """Why nothing can be told of those whom the verdict speaks of, or nothing."""
        reasons = []
        if self.reference is None or len(self.reference.cpu.values) < 2:
            reasons.append("the reference was not measured in two rounds")
        elif self.reference.cpu.spread > GAUGE:
            reasons.append("the reference's own CPU per query varied by %.0f %%" % (
                100 * self.reference.cpu.spread))
        compared = [row for row in (self.reference, self.ours, self.best_peer) if row]
        return reasons + disturbances(part for row in compared for run in row.runs for part in parts(run))

    def verdict(self):
        """One or two sentences about holdfast, or that nothing can be told."""
        noise = self.noise()
        if noise:
            return "**Too noisy to tell**: %s." % "; ".join(noise)
        if self.ours is None or not self.ours.cpu:
            return "holdfast was not measured."
        if not self.ours.does_the_work(self.scene.fresh):
            return "**holdfast does not do the work of this scene**: see the columns of failures."
        said = "holdfast takes %s times the CPU of the %s" % (
            self.ours.ratio_to(self.reference).text(), self.reference.server)
        if self.best_peer is None:
            return said + "."
        ratio = self.ours.ratio_to(self.best_peer)
        if not ratio:
            return said + "."
        word = "more than" if ratio.values[0] > 1 else "less than" if ratio.values[-1] < 1 else \
            "not to be told apart from"
        return "%s. Of its peers %s takes the least; holdfast takes %s times as much, which is %s it." % (
            said, self.best_peer.server, ratio.text(), word)

    def limits(self):
        """Rows at which the load generator's side may have been what was measured."""
        return [row.server for row in self.rows if (row.generator_share().middle or 0) > FULL_SHARE]
