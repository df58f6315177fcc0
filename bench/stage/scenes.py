# SPDX-License-Identifier: GPL-3.0-or-later
"""scenes.py - the outages: who fails when, who asks what, and what is told of it.

A scene sets the stage, lets a server play, and returns figures: {key: number or
None}. Its columns say how they are shown, which way is better, and what
holdfast is meant to reach.
"""
import collections

from stage import SECOND, Flow, busiest_window, percentile

BULK, OTHERS = "127.0.1.1", ["127.0.2.%d" % i for i in range(1, 6)]
ZONE, DEAD = "outage.example", "dead.example"
REVERSE = "104.in-addr.arpa"
PATIENCE = 5.0      # of the clients' stub: five tries of a second
LONG = 300          # TTL of what is not to expire

# key: of the figures; title: of the column; better: "less", "more" or None;
# places: digits after the point; target: what holdfast is meant to show, and
# whether it does; slack: differences up to this say nothing.
Column = collections.namedtuple("Column", "key title better places target slack",
                                defaults=(None, 0, None, 0))
Target = collections.namedtuple("Target", "words met")


def at_most(limit, unit=""):
    return Target("at most %s%s" % (limit, unit), lambda value: value is not None and value <= limit)


def at_least(limit, unit=""):
    return Target("at least %s%s" % (limit, unit), lambda value: value is not None and value >= limit)


class Scene:
    """`name`; `what` happens, in a sentence or two; `columns`; `seconds` that it takes about;
    `play(stage, variant)`."""

    name = what = None
    columns = []
    seconds = 0


def share(part, whole):
    return 100.0 * part / whole if whole else None


def right(q):
    """Ended with an address that is or was true."""
    return q.last >= 0 and q.rcode == 0 and q.said not in "-x"


def wrong(q):
    return q.said == "x"


def took_ms(q):
    """Until the first reply; who got none has waited in vain for the stub's patience."""
    return q.first / 1000 if q.first >= 0 else PATIENCE * 1000


def times(questions):
    """p50, p99 and max in milliseconds."""
    took = [took_ms(q) for q in questions]
    return {"p50": percentile(took, 0.5), "p99": percentile(took, 0.99), "max": max(took, default=None)}


class Cap(Scene):
    name = "cap"
    RATE, SECONDS, BULK_RATE, OTHERS_RATE = 100, 30, 200, 10
    seconds = SECONDS + 8
    what = ("The only upstream answers 100 packets a second, 10 in each window of 100 ms, and drops the "
            "rest. For 30 s one client asks for 200 new PTR names a second and five others for 10 new "
            "addresses a second together. All retry as the C library does: five tries of a second, "
            "SERVFAIL costs a try.")
    columns = [
        Column("per_name", "packets per name", "less", 2, at_most(1.05), 0.02),
        Column("worst_name", "most for one name", "less", 0, None, 0),
        Column("others", "others answered %", "more", 1, at_least(99, " %"), 0.5),
        Column("others_p99", "others p99 ms", "less", 0, None, 50),
        Column("bulk", "bulk answered", None, 0),
        Column("bulk_share", "of what the cap leaves %", "more", 1, at_least(95, " %"), 2),
        Column("window", "most packets in 100 ms", "less", 0, at_most(10), 0),
        Column("packets", "packets a second", "less", 0, None, 5),
        Column("wrong", "wrong", "less", 0, at_most(0)),
    ]

    def play(self, stage, variant):
        stage.add_upstream("vpc")
        for zone in (ZONE, REVERSE):
            stage.upstreams.say("zone", zone, LONG)
        stage.start_server(variant, {".": ["vpc"]}, ["ready." + ZONE])
        stage.upstreams.say("fault", "vpc", "cap", self.RATE)
        each = self.OTHERS_RATE // len(OTHERS)
        flows = [Flow("bulk", BULK, "%%4.%%3.16.%s" % REVERSE, count=self.BULK_RATE * self.SECONDS,
                      rate=self.BULK_RATE, qtype="PTR", again=True)]
        flows += [Flow("other", source, "n%%.o%d.%s" % (i, ZONE), start=i * 0.09,
                       count=each * self.SECONDS, rate=each, again=True) for i, source in enumerate(OTHERS)]
        run = stage.play(flows)
        return self.figures(run)

    def figures(self, run):
        bulk, others = run.asked("bulk"), run.asked("other")
        names = {q.name for q in run.questions}
        seen = collections.Counter(p.name for p in run.packets if p.name in names)
        answered = sum(map(right, bulk))
        left = self.RATE * self.SECONDS - len(others)
        end = run.began + self.SECONDS * SECOND
        return {"per_name": run.weight(names) / len(seen) if seen else None,
                "worst_name": max(seen.values(), default=0),
                "others": share(sum(map(right, others)), len(others)),
                "others_p99": percentile([q.last / 1000 if right(q) else PATIENCE * 1000
                                          for q in others], 0.99),
                "bulk": answered, "bulk_share": share(answered, left),
                "window": busiest_window(run.packets),
                "packets": run.weight(until=end) / self.SECONDS,
                "wrong": sum(map(wrong, run.questions))}


class Preferred(Scene):
    RATE, SECONDS, FAULT = 1000, 20, 5
    seconds = SECONDS + 4
    columns = [
        Column("lost", "lost", "less", 0, at_most(0), 0),
        Column("wrong", "wrong", "less", 0, at_most(0), 0),
        Column("servfail", "SERVFAIL", "less", 0, at_most(0), 0),
        Column("failed", "other failures", "less", 0, at_most(0), 0),
        Column("p50", "p50 ms", "less", 1, None, 1),
        Column("p99", "p99 ms", "less", 1, at_most(100, " ms"), 5),
        Column("max", "max ms", "less", 0, None, 20),
        Column("slow", "slower than 100 ms", "less", 0, None, 10),
        Column("trouble", "trouble lasts s", "less", 1, None, 0.5),
        Column("extra", "extra packets %", "less", 1, at_most(10, " %"), 1),
    ]
    before = ("Two upstreams, the first one preferred where the server has preferences. Clients ask for "
              "1,000 new names a second for 20 s; after 5 s the first upstream ")

    def __init__(self, name, words, *fault):
        self.name, self.fault = "preferred-" + name, fault
        self.what = self.before + words

    def play(self, stage, variant):
        stage.add_upstream("a", "b")
        stage.upstreams.say("zone", ZONE, LONG)
        stage.start_server(variant, {".": ["a", "b"]}, ["ready." + ZONE])
        each = self.RATE // len(OTHERS)
        flows = [Flow("client", source, "n%%.c%d.%s" % (i, ZONE), start=i / self.RATE,
                      count=each * self.SECONDS, rate=each) for i, source in enumerate(OTHERS)]
        run = stage.play(flows, [(self.FAULT, "fault", lambda: stage.upstreams.say("fault", "a", *self.fault))])
        return self.figures(run)

    @staticmethod
    def figures(run):
        fault = run.marks["fault"]
        asked = run.asked(since=fault)
        names = {q.name for q in asked}
        bad = [q for q in asked if took_ms(q) > 100 or q.first_rcode != 0]
        return {"lost": sum(q.first < 0 for q in asked),
                "wrong": sum(map(wrong, run.questions)),
                "servfail": sum(q.first >= 0 and q.first_rcode == 2 for q in asked),
                "failed": sum(q.first >= 0 and q.first_rcode not in (0, 2) for q in asked),
                **times(asked),
                "slow": sum(took_ms(q) > 100 for q in asked),
                "trouble": (max(q.asked for q in bad) - fault) / SECOND if bad else 0.0,
                "extra": share(run.weight(names) - len(names), len(names))}


class Dark(Scene):
    """Known names while nobody answers. What an answer says tells how old it is: on
    return the upstreams have other addresses for all names."""

    RATE, NAMES, TTL, DARK, LASTS, AFTER = 50, 25, 5, 8, 20, 10
    seconds = DARK + LASTS + AFTER + 4
    columns = [
        Column("answered", "answered %", "more", 1, at_least(100, " %"), 0.5),
        Column("marked", "of these marked stale %", "more", 1, at_least(100, " %"), 0.5),
        Column("wrong", "wrong", "less", 0, at_most(0), 0),
        Column("p50", "p50 ms", "less", 1, None, 1),
        Column("p99", "p99 ms", "less", 0, None, 20),
        Column("probes", "packets/s per upstream", "less", 2, at_most(1), 0.1),
        Column("fresh", "first fresh s", "less", 2, at_most(1, " s"), 0.1),
        Column("all_fresh", "old answers until s", "less", 1, None, 0.5),
    ]
    name = "dark"
    restart = False
    what = ("Clients ask for 25 names of TTL 5, 50 questions a second. After 8 s both upstreams are "
            "silent for 20 s. Counted are the questions from the moment when every TTL has run out "
            "until 2 s before the return; only what was answered before the return is answered.")

    def play(self, stage, variant):
        stage.add_upstream("a", "b")
        stage.upstreams.say("zone", ZONE, self.TTL)
        stage.start_server(variant, {".": ["a", "b"]}, ["ready." + ZONE])
        count = self.RATE * (self.DARK + self.LASTS + self.AFTER)
        flows = [Flow("client", OTHERS[0], "n%%.%s" % ZONE, count=count, rate=self.RATE, modulo=self.NAMES)]

        def both(*fault):
            return [stage.upstreams.say("fault", name, *fault) for name in ("a", "b")][-1]

        def come_back():
            stage.upstreams.say("epoch", 1)
            return both("answer")
        script = [(self.DARK, "dark", lambda: both("silent")),
                  (self.DARK + self.LASTS, "back", come_back)]
        if self.restart:
            script.insert(1, (self.DARK + self.LASTS / 2, "restart", stage.restart_server))
        return self.figures(stage.play(flows, script))

    def figures(self, run):
        expired, back = run.marks["dark"] + self.TTL * SECOND, run.marks["back"]
        asked = run.asked(since=expired, until=back - 2 * SECOND)
        answered = [q for q in asked if right(q) and q.asked + q.last * 1000 < back]
        fresh = sorted(q.asked + q.last * 1000 for q in run.questions if right(q) and q.said == "1")
        old = [q.asked + q.last * 1000 for q in run.questions if right(q) and q.said == "0"]
        stretch = (back - expired) / SECOND
        return {"answered": share(len(answered), len(asked)),
                "marked": share(sum("3" in q.ede.split(",") for q in answered), len(answered)),
                "wrong": sum(map(wrong, run.questions)), **times(asked),
                "probes": max(run.weight(since=expired, until=back, upstream=u) for u in "ab") / stretch,
                "fresh": (fresh[0] - back) / SECOND if fresh else None,
                "all_fresh": max(0, (max(old) - back) / SECOND) if fresh and old else None}


class DarkRestart(Dark):
    name = "dark-restart"
    restart = True
    what = ("The same, but half-way through the darkness the server is killed (SIGKILL) and started "
            "again at once.")


class SameQuestion(Scene):
    name = "same-question"
    ROUNDS, EVERY, EACH = 3, 7, 10
    seconds = ROUNDS * EVERY + 5
    what = ("Five clients ask the same question ten times each at the same moment, and the upstream's "
            "first answer is lost; three times, with three names. The middle of the three is shown, "
            "and the worst.")
    columns = [
        Column("packets", "packets", "less", 0, at_most(2), 0),
        Column("packets_worst", "most packets", "less", 0, at_most(2), 0),
        Column("answered", "answered of 50", "more", 0, at_least(50), 0),
        Column("answered_worst", "fewest answered", "more", 0, at_least(50), 0),
        Column("wrong", "wrong", "less", 0, at_most(0), 0),
        Column("p50", "p50 ms", "less", 0, None, 20),
        Column("max", "max ms", "less", 0, None, 20),
    ]

    def play(self, stage, variant):
        stage.add_upstream("a")
        stage.upstreams.say("zone", ZONE, LONG)
        stage.start_server(variant, {".": ["a"]}, ["ready." + ZONE])
        flows = [Flow("warm", OTHERS[0], "n%%.warm.%s" % ZONE, count=20, rate=20)]
        script = []
        for r in range(self.ROUNDS):
            at = 2.0 + r * self.EVERY
            script.append((at - 0.05, "lose", lambda: stage.upstreams.say("lose", "a", 1)))
            flows += [Flow("same", source, "same-%d.%s" % (r, ZONE), start=at, count=self.EACH)
                      for source in OTHERS]
        return self.figures(stage.play(flows, script))

    @staticmethod
    def figures(run):
        asked = run.asked("same")
        rounds = sorted({q.name for q in asked})
        packets = sorted(run.weight({name}) for name in rounds)
        answered = sorted(sum(right(q) for q in asked if q.name == name) for name in rounds)
        took = times(asked)
        return {"packets": packets[len(packets) // 2], "packets_worst": packets[-1],
                "answered": answered[len(answered) // 2], "answered_worst": answered[0],
                "wrong": sum(map(wrong, run.questions)), "p50": took["p50"], "max": took["max"]}


class DeadZone(Scene):
    name = "dead-zone"
    SECONDS, STORM, STORM_RATE, RATE = 15, 2, 500, 100
    seconds = SECONDS + 8
    what = ("Two zones are forwarded to an upstream each. That of the second zone is silent, and from "
            "2 s on a client storms it with 500 new names a second and five tries each, for 13 s. "
            "Another client asks for 100 new names a second of the healthy zone.")
    columns = [
        Column("healthy", "healthy answered %", "more", 2, at_least(100, " %"), 0.05),
        Column("wrong", "wrong", "less", 0, at_most(0), 0),
        Column("p50", "p50 ms", "less", 1, None, 1),
        Column("p99", "p99 ms", "less", 1, None, 5),
        Column("max", "max ms", "less", 0, None, 20),
        Column("dead_packets", "packets/s to the dead", "less", 0, None, 5),
        Column("per_name", "packets per dead name", "less", 2, None, 0.05),
        Column("told", "storm told SERVFAIL %", None, 1),
    ]

    def play(self, stage, variant):
        stage.add_upstream("well", "ill")
        for zone in (ZONE, DEAD):
            stage.upstreams.say("zone", zone, LONG)
        stage.start_server(variant, {ZONE: ["well"], DEAD: ["ill"]}, ["ready." + ZONE, "ready." + DEAD])
        stage.upstreams.say("fault", "ill", "silent")
        flows = [Flow("healthy", OTHERS[0], "n%%.%s" % ZONE, count=self.RATE * self.SECONDS, rate=self.RATE),
                 Flow("storm", BULK, "n%%.%s" % DEAD, start=self.STORM, rate=self.STORM_RATE, again=True,
                      count=self.STORM_RATE * (self.SECONDS - self.STORM))]
        run = stage.play(flows)
        return self.figures(run)

    def figures(self, run):
        since = run.began + self.STORM * SECOND
        healthy, storm = run.asked("healthy", since), run.asked("storm")
        names = {q.name for q in storm}
        return {"healthy": share(sum(map(right, healthy)), len(healthy)),
                "wrong": sum(map(wrong, run.questions)), **times(healthy),
                "dead_packets": run.weight(since=since, until=since + 13 * SECOND, upstream="ill") /
                (self.SECONDS - self.STORM),
                "per_name": run.weight(names) / len(names),
                "told": share(sum(q.rcode == 2 and q.last >= 0 for q in storm), len(storm))}


FORGED = "203.0.113.66"     # of upstream.c
VICTIMS = ["%s.victim.example" % name for name in ("api", "db", "login")]
GONE = "gone.example"


def forged(q):
    """An address that the name never had; a name that does not exist has none."""
    return q.last >= 0 and q.said == "x"


class Liar(Scene):
    """The first of three upstreams, and the fastest, forges answers."""

    RATE, SECONDS = 1000, 20
    seconds = SECONDS + 8
    columns = [
        Column("forged", "forged, listed names", "less", 0, at_most(0), 0),
        Column("forged_share", "of their answers %", "less", 3, None, 0.001),
        Column("rewritten", "NXDOMAIN rewritten", "less", 0, None, 0),
        Column("rewritten_share", "of theirs %", "less", 3, None, 0.001),
        Column("victims", "listed names answered right %", "more", 2, at_least(99.9, " %"), 0.05),
        Column("lost", "lost", "less", 0, None, 5),
        Column("failed", "failures", "less", 0, None, 5),
        Column("p50", "p50 ms", "less", 1, None, 1),
        Column("p99", "p99 ms", "less", 1, None, 5),
    ]
    before = ("Three upstreams; the first one is preferred where the server has preferences, and it is the "
              "fastest: the others take 5 ms for a reply. Clients ask 1,000 questions a second for 20 s: three "
              "in ten for three names that matter (TTL 0), one in ten for names that do not exist, the "
              "rest for others. From the beginning on the first upstream gives every name that does not "
              "exist an address of its own, and forges ")

    def __init__(self, percent, words):
        self.name, self.percent = "liar-%d" % percent, percent
        self.what = self.before + words

    def flows(self, rate, seconds, turn=0):
        """A round of questions; `turn` numbers it, for names never asked before."""
        def of(label, source, pattern, share):
            return Flow(label, source, pattern, count=round(rate * share * seconds), rate=rate * share)
        flows = [of("victim", OTHERS[i], name, 0.1) for i, name in enumerate(VICTIMS)]
        flows += [of("gone", OTHERS[3], "n%%-%d.%s" % (turn, GONE), 0.1),
                  of("other", OTHERS[4], "n%%-%d.%s" % (turn, ZONE), 0.3),
                  Flow("other", BULK, "m%%.%s" % ZONE, count=round(rate * 0.3 * seconds), rate=rate * 0.3,
                       modulo=1000)]
        return flows

    def set(self, stage, variant):
        stage.add_upstream("a", "b", "c")
        stage.upstreams.say("zone", ZONE, LONG)
        stage.upstreams.say("zone", "victim.example", 0)
        stage.upstreams.say("gone", ".", LONG)
        for name in VICTIMS:
            stage.upstreams.say("victim", name)
        for name in "b", "c":
            stage.upstreams.say("fault", name, "delay", 5)
        stage.start_server(variant, {".": ["a", "b", "c"]}, ["ready." + ZONE])

    def play(self, stage, variant):
        self.set(stage, variant)
        stage.upstreams.say("fault", "a", "lie", self.percent)
        return self.figures(stage.play(self.flows(self.RATE, self.SECONDS)))

    @staticmethod
    def figures(run):
        victims, gone = ([q for q in run.asked(label) if q.last >= 0] for label in ("victim", "gone"))
        took = times(run.questions)
        return {"forged": sum(map(forged, victims)), "rewritten": sum(map(forged, gone)),
                "forged_share": share(sum(map(forged, victims)), len(victims)),
                "rewritten_share": share(sum(map(forged, gone)), len(gone)),
                "victims": share(sum(map(right, victims)), len(run.asked("victim"))),
                "lost": sum(q.last < 0 for q in run.questions),
                "failed": sum(q.last >= 0 and q.rcode not in (0, 3) for q in run.questions),
                "p50": took["p50"], "p99": took["p99"]}


SCENES = [
    Cap(),
    Preferred("silent", "gives no reply.", "silent"),
    Preferred("servfail", "says SERVFAIL to everything.", "servfail"),
    Preferred("refused", "says REFUSED to everything.", "refused"),
    Preferred("loss30", "loses 30 % of the queries.", "loss", 30),
    Preferred("slow900", "takes 900 ms for every reply.", "delay", 900),
    Preferred("flap4", "is silent for 4 s, well for 4 s, and so on.", "flap", 4000),
    Dark(),
    DarkRestart(),
    SameQuestion(),
    DeadZone(),
    Liar(1, "one in a hundred answers for the three names."),
    Liar(100, "every answer for the three names."),
]
