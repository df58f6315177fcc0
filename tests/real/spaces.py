# SPDX-License-Identifier: GPL-3.0-or-later
"""spaces.py - two network namespaces with a cable between them.

Each namespace is held by a process that sleeps in it, so that it ends with the
tests. A socket stays where it was made: what is opened (or started) inside
`with space.inside():` belongs there, wherever it is used later.
"""
import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import subprocess

import net

CLONE_NEWNET = 0x40000000
SIOCETHTOOL, STXCSUM, SGRO = 0x8946, 0x17, 0x2C

_libc = ctypes.CDLL(None, use_errno=True)


def _enter(fd):
    if _libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Space:
    """A network namespace with its loopback up."""

    def __init__(self, name, log):
        self.holder = net.Process(name, ["unshare", "-n", "sleep", "infinity"], log)
        self.pid = self.holder.pid
        own = os.readlink("/proc/self/ns/net")
        net.wait_until("a namespace", lambda: self.holder.alive() and
                       os.readlink("/proc/%d/ns/net" % self.pid) != own, 5)
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *argv):
        done = subprocess.run(["nsenter", "-t", str(self.pid), "-n"] + list(argv), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, "%s: %s" % (" ".join(argv), done.stdout)
        return done.stdout

    @contextlib.contextmanager
    def inside(self):
        """Here for this thread, and for the threads and processes that it starts."""
        here, there = (os.open(path, os.O_RDONLY) for path in
                       ("/proc/self/ns/net", "/proc/%d/ns/net" % self.pid))
        _enter(there)
        try:
            yield
        finally:
            _enter(here)
            os.close(here)
            os.close(there)

    def ethtool(self, interface, command, value):
        data = ctypes.create_string_buffer(struct.pack("=II", command, value))
        request = struct.pack("16sP", interface.encode(), ctypes.addressof(data))
        with self.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            fcntl.ioctl(s, SIOCETHTOOL, request)

    def mac(self, interface):
        text = self.run("ip", "-o", "link", "show", "dev", interface)
        return bytes.fromhex(text.split("link/ether ")[1].split()[0].replace(":", ""))

    def stop(self):
        self.holder.kill()


def possible():
    """May this process make namespaces at all?"""
    done = subprocess.run(["unshare", "-n", "true"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL)
    return done.returncode == 0


def cable(a, name_a, b, name_b):
    """A virtual pair, both ends up. Its packets carry checksums, as those of a real
    network do, and both ends poll, so that either may send from its driver."""
    a.run("ip", "link", "add", name_a, "type", "veth", "peer", "name", name_b, "netns", str(b.pid))
    for space, name in ((a, name_a), (b, name_b)):
        space.ethtool(name, STXCSUM, 0)
        space.ethtool(name, SGRO, 1)
        space.run("ip", "link", "set", name, "up")
