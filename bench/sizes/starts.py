# SPDX-License-Identifier: GPL-3.0-or-later
"""starts.py - how long holdfast takes from exec until it is ready, and for a reload, with
much to put back or to read.

Ready is when it says so to its service manager (READY=1): all is put back and sockets
are served. A reload has taken as long as the verb did; it finds a zone less, or more.
Processor time is the server's, of all its threads, in nanoseconds.
"""
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import tempfile
import time

import net
import rig

TIMES = 3       # each start and each reload: the median is told
PATIENCE = 120


def write_configuration(path, zones, addresses, head=""):
    """Of so many zones, each forwarded to all addresses."""
    to = ", ".join("u%d" % i for i in range(len(addresses)))
    with open(path, "w", encoding="ascii") as file:
        file.write(head + "upstreams:\n")
        file.writelines("  u%d: %s\n" % (i, address) for i, address in enumerate(addresses))
        file.write("forward:\n  - { zone: '.', to: [%s] }\n" % to)
        file.writelines("  - { zone: z%06d.example, to: [%s] }\n" % (i, to) for i in range(1, zones))


def nobody(count):
    """Addresses at which nobody is."""
    return ["127.0.0.1:%d" % (20000 + i) for i in range(count)]


class Server:
    """holdfast with a configuration, which runs now and then."""

    def __init__(self, holdfast, folder, zones, addresses, cache):
        self.holdfast, self.zones, self.addresses = holdfast, zones, addresses
        self.path, self.manager = os.path.join(folder, "holdfast.yaml"), os.path.join(folder, "manager")
        self.address, self.process = net.address(), None
        conf = {"workers": 1, "control": os.path.join(folder, "control"), "cache": cache,
                "listen": {"dns": [self.address + ":5300"], "http": "none"}, "log": {"level": "warning"}}
        self.head = "".join("%s: %s\n" % (key, json.dumps(value)) for key, value in conf.items())
        write_configuration(self.path, zones, addresses, self.head)

    def used(self):
        return rig.cpu_of(self.process.pid)[0]

    def start(self):
        """Seconds until it is ready, and of a processor."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.manager)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(self.manager)
            manager.settimeout(PATIENCE)
            began = time.monotonic()
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", self.holdfast, "run", "-c", self.path],
                env={**os.environ, "NOTIFY_SOCKET": self.manager}, start_new_session=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while b"READY=1" not in manager.recv(4096).split(b"\n"):
                pass
            return time.monotonic() - began, self.used()

    def reload(self, turn):
        """The same of a reload."""
        write_configuration(self.path, self.zones - (turn + 1) % 2, self.addresses, self.head)
        before, began = self.used(), time.monotonic()
        subprocess.run([self.holdfast, "reload", "-c", self.path], check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - began, self.used() - before

    def end(self, number=signal.SIGTERM):
        if self.process:
            self.process.send_signal(number)
            self.process.wait(PATIENCE)
            self.process = None


def medians(rows):
    return [statistics.median(column) for column in zip(*rows)]


def measure(server):
    """(seconds, processor) of a start and of a reload, the server left running."""
    starts = []
    for _ in range(TIMES):
        server.end(signal.SIGKILL)
        starts.append(server.start())
    return medians(starts) + medians([server.reload(turn) for turn in range(TIMES)])


def tell(what, count, figures, remark=""):
    print(("%-16s %9d %10.4f %14.4f %10.4f %14.4f  %s" % (what, count, *figures, remark)).rstrip(), flush=True)


def load(programs, server, *words):
    subprocess.run([os.path.join(programs, "yard_load"), "udp", server.address, "5300", *words],
                   check=True, stdout=subprocess.DEVNULL)


def of_names(holdfast, programs, count):
    """With so many answers written down. Some are asked for again in the end: what its
    upstream hears of them was not put back."""
    upstream = rig.Upstream(os.path.join(programs, "yard_upstream"))
    with tempfile.TemporaryDirectory() as folder:
        server = Server(holdfast, folder, 2, ["%s:%d" % (upstream.address, upstream.port)],
                        {"size": "512MiB", "persist": os.path.join(folder, "cache")})
        try:
            server.start()
            load(programs, server, "each=1", "names=%d" % count)
            server.end()
            figures, before = measure(server), upstream.asked()
            load(programs, server, "names=%d" % count, "count=1000")
            tell("persisted names", count, figures, "%.1f %% put back" % (
                100 - (upstream.asked() - before) / 10))
        finally:
            server.end(signal.SIGKILL)
            upstream.end()


def of_configuration(holdfast, what, count, zones, upstreams):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(holdfast, folder, zones, nobody(upstreams), {"persist": "none"})
        try:
            tell(what, count, measure(server))
        finally:
            server.end(signal.SIGKILL)


def table(holdfast, programs, most):
    """`most`: names."""
    print("%-16s %9s %10s %14s %10s %14s" % (
        "", "", "start, s", "processor, s", "reload, s", "processor, s"))
    for count in (10000, 100000, 1000000):
        if count <= most:
            of_names(holdfast, programs, count)
    for count in (10, 1000, 100000):
        of_configuration(holdfast, "zones", count, count, 2)
    for count in (2, 8, 64):
        of_configuration(holdfast, "upstreams", count, 10, count)
