# SPDX-License-Identifier: GPL-3.0-or-later
"""net.py - loopback addresses of one's own, and processes that always end.

127.0.0.0/8 is one host's, and nobody else needs most of it. Each test process
claims one second octet, so that any number of test runs may share a machine;
each server gets a fresh address within it, so that all may use the same port
and none is ever given another's late packets. The claim is an abstract socket:
it is seen by exactly those who share our loopback network, wherever their /tmp
is, and it ends with the process.
"""
import atexit
import glob
import os
import signal
import socket
import subprocess
import time

PORT = 5301            # for peers and fakes: below the ephemeral range, needs no rights
FIRST, LAST = 64, 250  # second octets handed out; 127.0 to 127.63 are left to others

_claim = None
_next = _next_port = 0


def _claim_octet():
    for octet in range(FIRST, LAST):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind("\0holdfast-loopback-127.%d" % octet)
            return octet, claim
        except OSError:
            claim.close()
    raise RuntimeError("every loopback network from 127.%d to 127.%d is claimed" % (FIRST, LAST))


def octet():
    global _claim
    if _claim is None:
        _claim = _claim_octet()
    return _claim[0]


def address():
    """A loopback address that nobody had before in this process."""
    global _next
    _next += 1
    return "127.%d.%d.%d" % (octet(), _next // 250, 1 + _next % 250)


def _is_free(number):
    """Nobody on this machine has it, over UDP or TCP."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as s:
            if kind == socket.SOCK_STREAM:  # who had it a moment ago is not in the way
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("0.0.0.0", number))
            except OSError:
                return False
    return True


def port():
    """A port that nobody has, nor had lately in this process, for who cannot have an
    address of its own. Below 16384, where source ports of resolvers begin; 55 a
    process in turn, as that many fit."""
    global _next_port
    for _ in range(55):
        _next_port += 1
        number = 6000 + (octet() - FIRST) * 55 + _next_port % 55
        if number not in (8080, 9153) and _is_free(number):
            return number
    raise RuntimeError("none of this process's ports is free")


def wait_until(what, true, seconds=60.0, pause=0.01):
    """Waits for a condition; says which one did not come true. The bound is for what
    never comes: a machine whose cores are taken away for seconds is no fault."""
    end = time.monotonic() + seconds
    while True:
        value = true()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited %.1f s for %s" % (seconds, what))
        time.sleep(pause)


def _group_runs(leader):
    """Does anybody of a process group still run? Who waits to be buried does not."""
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    for stat in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(stat) as text:
                state, _, group = text.read().rsplit(")", 1)[1].split()[:3]
        except OSError:  # it ended meanwhile
            continue
        if int(group) == leader and state not in "ZX":
            return True
    return False


class Process:
    """A program of ours in the foreground, its output in a file. It leads a
    process group of its own, so that its children end with it, and the kernel
    kills it should the tests themselves be killed. (It does so when the thread
    ends that started it: start from the main thread.)"""

    running = []  # all, for the logs of a failed test and for the end

    def __init__(self, name, argv, log, env=None, cwd=None, pass_fds=()):
        self.name, self.log = name, log
        self.handle = open(log, "ab")
        self.popen = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL"] + argv, stdin=subprocess.DEVNULL,
            stdout=self.handle, stderr=subprocess.STDOUT, cwd=cwd, start_new_session=True,
            env={**os.environ, **(env or {})}, pass_fds=pass_fds)
        Process.running.append(self)

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def stop(self, seconds=3.0):
        """SIGTERM, then SIGKILL. Returns the exit code, None if it had to be killed."""
        code = None
        if self.alive():
            self.popen.terminate()
        try:
            code = self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        self.kill()
        return code

    def kill(self):
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()
        # One of its children may have its port for a moment longer.
        wait_until("all of %s to end" % self.name, lambda: not _group_runs(self.popen.pid), pause=0.002)
        if self in Process.running:
            Process.running.remove(self)
            self.handle.close()

    def output(self):
        """What it said; nothing if the log's directory has gone with its test."""
        try:
            with open(self.log, errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""


@atexit.register
def _end_all():
    for process in list(Process.running):
        process.kill()


def rss(pid):
    """Resident memory in bytes."""
    with open("/proc/%d/statm" % pid) as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid):
    """User and system time so far."""
    with open("/proc/%d/stat" % pid) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def accepts(address, port, seconds=5):
    try:
        socket.create_connection((address, port), seconds).close()
        return True
    except OSError:
        return False
