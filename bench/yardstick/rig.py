# SPDX-License-Identifier: GPL-3.0-or-later
"""rig.py - one server under one load, alone, and what it cost.

The server has the first of two cores to itself; the load generator, the
upstream and this process share the second one. What a server used is told by
the scheduler (schedstat of all its threads, children included), in nanoseconds
and not in ticks; only the division into user and system time is sampled by
ticks. The work that the kernel does for a loopback packet is done by whoever
sends it, so a server is charged for what its own packets cost until they lie in
the receiver's queue, and the load generator for its own.
"""
import glob
import gzip
import json
import os
import shutil
import socket
import struct
import subprocess
import time

import net

UPSTREAM_PORT = 5301
READY = "4294967295.speed.example"
TTL = 3600
TICK = os.sysconf("SC_CLK_TCK")


def cores():
    """The server's core and everybody else's."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise RuntimeError("two cores are needed: one for the server, one for who asks it")
    return allowed[0], allowed[1]


def tasks_of(group):
    """The processes of a group: a server and what it forked."""
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            yield os.path.dirname(path), fields


def cpu_of(group):
    """(seconds used, user ticks, system ticks) of a process group, with the
    children that have ended."""
    seconds = user = system = 0.0
    for path, fields in tasks_of(group):
        user += int(fields[11]) + int(fields[13])
        system += int(fields[12]) + int(fields[14])
        seconds += (int(fields[13]) + int(fields[14])) / TICK
        for task in glob.glob(path + "/task/*/schedstat"):
            try:
                with open(task) as stat:
                    seconds += int(stat.read().split()[0]) / 1e9
            except OSError:
                continue
    return seconds, user, system


def interrupts_apart():
    """Whether this kernel charges interrupts to nobody (CONFIG_IRQ_TIME_ACCOUNTING)."""
    for path, opened in (("/proc/config.gz", gzip.open), ("/boot/config-" + os.uname().release, open)):
        try:
            with opened(path, "rt") as config:
                return "CONFIG_IRQ_TIME_ACCOUNTING=y" in config.read()
        except OSError:
            continue
    return False


APART = interrupts_apart()


def used_by_all():
    """(task -> seconds that it has used, told by the scheduler; seconds that the host took), of all
    tasks that there are, the kernel's too. What is not idle is no measure of it: with many interrupts
    and short waits a tenth of a core is neither idle nor anybody's."""
    seconds = {}
    for path in glob.glob("/proc/[0-9]*/task/*/schedstat"):
        try:
            with open(path) as stat:
                seconds[path] = int(stat.read().split()[0]) / 1e9
        except OSError:
            continue
    with open("/proc/stat") as stat:
        return seconds, int(stat.readline().split()[8]) / TICK


def shares(before, after, known, took):
    """How quiet the machine was between two words of used_by_all(), as shares of one core:
    what the host took, and what others used, that is all who are there at the end but the `known`
    seconds of those of us who are."""
    used = sum(max(0.0, seconds - before[0].get(task, 0.0)) for task, seconds in after[0].items())
    return {"others": round(max(0.0, used - known) / took, 4),
            "stolen": round((after[1] - before[1]) / took, 4)}


def counts_instructions():
    """Whether this machine lets us count the instructions of a process."""
    if shutil.which("perf") is None:
        return False
    done = subprocess.run(["perf", "stat", "-x,", "-e", "instructions:u", "true"], text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return done.returncode == 0 and done.stderr.split(",")[0].strip().isdigit()


def dropped(address, port):
    """How many datagrams have found the UDP sockets at an address full, so far."""
    local = "%08X:%04X" % (struct.unpack("=I", socket.inet_aton(address))[0], port)
    with open("/proc/net/udp") as table:
        rows = [line.split() for line in table]
    return sum(int(row[-1]) for row in rows if row[1] == local)


class Upstream:
    """yard_upstream: answers at once and counts."""

    def __init__(self, binary):
        self.address, self.port = net.address(), UPSTREAM_PORT
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", binary, self.address, str(self.port), str(TTL)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def asked(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline().split()[1])

    def cpu(self):
        with open("/proc/%d/schedstat" % self.process.pid) as stat:
            return int(stat.read().split()[0]) / 1e9

    def end(self):
        self.process.kill()
        self.process.wait()


class Look:
    """A moment: what everybody has used so far."""

    def __init__(self, rig):
        self.upstream = rig.upstream.cpu()
        self.ours = time.process_time() + self.upstream
        self.server, self.user, self.system = cpu_of(rig.server.process.pid)
        self.all = used_by_all()
        self.at = time.monotonic()
        self.asked = rig.upstream.asked()
        self.server_dropped = dropped(rig.server.address, rig.server.port)
        self.upstream_dropped = dropped(rig.upstream.address, rig.upstream.port)

    def until(self, later):
        """What was used between two moments."""
        known = (later.ours - self.ours) + (later.server - self.server)
        ticks = (later.user - self.user) + (later.system - self.system)
        return {"server_cpu": later.server - self.server,
                "user_share": (later.user - self.user) / ticks if ticks else None,
                "upstream_cpu": later.upstream - self.upstream,
                "upstream_asked": later.asked - self.asked,
                "server_dropped": later.server_dropped - self.server_dropped,
                "upstream_dropped": later.upstream_dropped - self.upstream_dropped,
                **shares(self.all, later.all, known, later.at - self.at)}


class Rig:
    """One server, started for one run."""

    def __init__(self, programs, directory, entrant, names, count_instructions=False, pinned=True):
        """`programs`: the directory of the yard_ programs. `pinned`: with a core of its own."""
        self.programs, self.directory = programs, directory
        self.count_instructions = count_instructions
        self.upstream = Upstream(os.path.join(programs, "yard_upstream"))
        self.server = None
        try:
            routes = [(".", [("a", self.upstream.address, self.upstream.port)])]
            self.server = entrant.kind(directory, routes, entrant.options(names))
            if pinned:
                self.server.argv = ["taskset", "-c", str(cores()[0])] + self.server.argv
            self.server.start()
            self.server.wait_until_ready([READY])
            time.sleep(0.5)     # what it does at its start is done
        except BaseException:
            self.end()
            raise

    def ask(self, transport, *words, seconds=600):
        """Runs the load generator. Returns its report."""
        argv = [os.path.join(self.programs, "yard_load"), transport, self.server.address,
                str(self.server.port)] + list(words)
        counted = os.path.join(self.directory, "instructions")
        if self.count_instructions:
            argv = ["perf", "stat", "-x,", "-o", counted, "-e", "instructions:u",
                    "-p", str(self.server.process.pid)] + argv
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              timeout=seconds)
        if done.returncode != 0:
            raise RuntimeError("the load generator ended with %d" % done.returncode)
        if not self.server.process.alive():
            raise RuntimeError("%s ended:\n%s" % (self.server.name, self.server.process.output()[-2000:]))
        report = json.loads(done.stdout)
        report["instructions"] = read_count(counted) if self.count_instructions else None
        return report

    def measure(self, transport, *words):
        """The same, with what it cost the server and how quiet the machine was."""
        before = Look(self)
        report = self.ask(transport, *words)
        report.update(before.until(Look(self)))
        return report

    def memory(self):
        """Octets of the server and what it forked."""
        return sum(net.rss(int(os.path.basename(path))) for path, _ in tasks_of(self.server.process.pid))

    def end(self):
        if self.server:
            self.server.kill()
        self.upstream.end()


def read_count(path):
    """What perf counted, or None."""
    with open(path) as lines:
        for line in lines:
            first = line.split(",")[0].strip()
            if "instructions" in line and first.isdigit():
                return int(first)
    return None
