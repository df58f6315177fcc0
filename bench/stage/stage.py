# SPDX-License-Identifier: GPL-3.0-or-later
"""stage.py - one run: upstreams, a server, clients, and what they wrote down.

All moments are nanoseconds of the wall clock, as the kernel stamps packets.
"""
import bisect
import collections
import os
import resource
import subprocess
import time

import net

UPSTREAM_PORT = 5301
SECOND = 1_000_000_000

# How many packets arrive at an upstream for a query over TCP: the query and the
# acknowledgement of the answer; with a connection of its own also the three
# that open and close it. An estimate: only UDP packets are counted one by one.
WEIGHT = {"udp": 1, "tcp": 2, "tcp-new": 5}

Packet = collections.namedtuple("Packet", "when upstream way port type fate name")
Question = collections.namedtuple(
    "Question", "label asked late tries first first_rcode last rcode said ttl ede name")


class Flow:
    """Questions of one client; see client.c for what the words mean. Times in seconds."""

    def __init__(self, label, source, pattern, start=0.0, count=1, rate=0, qtype="A", tries=5,
                 wait_ms=1000, again=False, modulo=0):
        period = round(1_000_000 / rate) if rate else 0
        self.line = "%s %s %d %d %d %s %d %d %d %d %s\n" % (
            label, source, round(start * 1_000_000), count, period, qtype, tries, wait_ms,
            again, modulo, pattern)


class Upstreams:
    """The process that plays the upstreams: see upstream.c."""

    def __init__(self, binary, directory):
        self.log = os.path.join(directory, "packets.tsv")
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", binary], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def say(self, *words):
        """A command. Returns the moment when it took effect."""
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        said = self.process.stdout.readline().split()
        if not said or said[0] != "ok":
            raise RuntimeError("the upstreams say %r to %r" % (" ".join(said), words))
        return int(said[1])

    def packets(self):
        """What has come so far, and how many packets the kernel had no room for."""
        self.say("save", self.log)
        with open(self.log) as lines:
            lost = int(next(lines).split()[2])
            rows = (line.rstrip("\n").split("\t") for line in lines)
            return [Packet(int(when), upstream, way, int(port), int(qtype), fate, name)
                    for when, upstream, way, port, qtype, fate, name in rows], lost

    def end(self):
        self.process.kill()
        self.process.wait()


class Run:
    """What one run left: questions, packets since the clients began, moments."""

    def __init__(self, questions, packets, began, marks):
        self.questions, self.began, self.marks = questions, began, marks
        self.packets = [packet for packet in packets if packet.when >= began]

    def asked(self, label=None, since=0, until=1 << 63):
        return [q for q in self.questions
                if (label is None or q.label == label) and since <= q.asked < until]

    def weight(self, names=None, since=0, until=1 << 63, upstream=None):
        """Packets that reached an upstream, TCP as estimated."""
        return sum(WEIGHT[p.way] for p in self.packets if since <= p.when < until and
                   (names is None or p.name in names) and (upstream is None or p.upstream == upstream))


def read_questions(path):
    with open(path) as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines]
    return [Question(r[0], int(r[1]), int(r[2]), int(r[3]), int(r[4]), int(r[5]), int(r[6]), int(r[7]),
                     r[8], int(r[9]), r[10], r[11]) for r in rows]


class Machine:
    """How much of the machine others used while we measured."""

    def __init__(self, ours):
        """`ours` tells the CPU seconds of what we run, of all kinds, so far."""
        self.ours = ours
        self.load = os.getloadavg()[0]
        self.at, self.used, self.mine, self.stolen = time.monotonic(), *self.look()

    def look(self):
        with open("/proc/stat") as stat:
            ticks = [int(field) for field in stat.readline().split()[1:9]]
        user, nice, system, _, _, irq, softirq, steal = ticks
        hz = os.sysconf("SC_CLK_TCK")
        return (user + nice + system + irq + softirq) / hz, self.ours(), steal / hz

    def noise(self):
        """Shares of one core: what other processes used, what the host took."""
        used, mine, stolen = self.look()
        took = time.monotonic() - self.at
        return {"load": round(self.load, 2),
                "others": round(max(0.0, used - self.used - (mine - self.mine)) / took, 3),
                "stolen": round((stolen - self.stolen) / took, 3)}


class Stage:
    """Where one server plays one scene, alone."""

    def __init__(self, programs, directory):
        self.programs, self.directory = programs, directory
        self.upstreams = Upstreams(programs["upstream"], directory)
        self.places, self.server, self.noise = {}, None, {}

    def add_upstream(self, *names):
        for name in names:
            self.places[name] = (name, net.address(), UPSTREAM_PORT)
            self.upstreams.say("listen", *self.places[name])

    def start_server(self, variant, routes, ready):
        """`routes`: {zone: [names of upstreams]}; `ready`: names that must be answered."""
        told = [(zone, [self.places[name] for name in to]) for zone, to in routes.items()]
        self.server = variant.kind(self.directory, told, variant.options)
        self.server.start()
        self.server.wait_until_ready(ready)
        time.sleep(1.2)     # health checks of who has them have had their turn

    def restart_server(self):
        """kill -9 and at once a new one. Returns the moment."""
        self.server.kill()
        self.server.start()
        return time.time_ns()

    def ours(self):
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        alive = self.server.cpu_seconds() + net.cpu_seconds(self.upstreams.process.pid)
        return time.process_time() + children.ru_utime + children.ru_stime + alive

    def play(self, flows, script=()):
        """Runs the flows; `script` is a list of (seconds, mark, what to do). Ends when
        every question has ended."""
        machine = Machine(self.ours)
        log = os.path.join(self.directory, "questions.tsv")
        client = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", self.programs["client"], self.server.address,
             str(self.server.port), log], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            client.stdin.write("".join(flow.line for flow in flows))
            client.stdin.close()
            began = int(client.stdout.readline().split()[1])
            marks = {}
            for at, mark, act in script:
                time.sleep(max(0.0, (began - time.time_ns()) / SECOND + at))
                marks[mark] = act()
            if client.wait(180) != 0:
                raise RuntimeError("the client ended with %d" % client.returncode)
        finally:
            client.kill()
            client.wait()
        questions = read_questions(log)
        packets, lost = self.upstreams.packets()
        self.noise = machine.noise()
        late = sorted(q.late for q in questions)
        self.noise["client_late_p99_ms"] = round(late[len(late) * 99 // 100] / 1000, 2)
        self.noise["kernel_lost"] = lost
        return Run(questions, packets, began, marks)

    def end(self):
        if self.server:
            self.server.kill()
        self.upstreams.end()


def noisy(noise):
    """Why a run's times are not to be trusted, or nothing."""
    reasons = []
    if noise["others"] > 0.15:
        reasons.append("other processes used %.0f %% of a core" % (100 * noise["others"]))
    if noise["stolen"] > 0.05:
        reasons.append("the host took %.0f %% of a core" % (100 * noise["stolen"]))
    if noise["client_late_p99_ms"] > 5:
        reasons.append("the client was up to %.1f ms late" % noise["client_late_p99_ms"])
    if noise["kernel_lost"]:
        reasons.append("the kernel dropped %d packets" % noise["kernel_lost"])
    return reasons


def percentile(values, share):
    """None of an empty list."""
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else None


def busiest_window(packets, width=SECOND // 10):
    """The most packets within any stretch of `width`, wherever it begins."""
    whens = sorted(when for p in packets for when in [p.when] * WEIGHT[p.way])
    return max((i + 1 - bisect.bisect_right(whens, when - width) for i, when in enumerate(whens)),
               default=0)
