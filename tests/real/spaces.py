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
SIOCETHTOOL, STXCSUM = 0x8946, 0x17
BPF_PROG_LOAD, BPF_LINK_CREATE, BPF_XDP = 5, 28, 37
SYS_BPF = {"x86_64": 321, "aarch64": 280}.get(os.uname().machine)

_libc = ctypes.CDLL(None, use_errno=True)


def _enter(fd):
    if _libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _bpf(command, attributes):
    """The system call; a descriptor, or negative."""
    if SYS_BPF is None:
        return -1
    attributes = ctypes.create_string_buffer(attributes.ljust(144, b"\0"), 144)
    return _libc.syscall(SYS_BPF, command, attributes, 144)


class Space:
    """A network namespace with its loopback up."""

    def __init__(self, name, log):
        self.holder = net.Process(name, ["unshare", "-n", "sleep", "infinity"], log)
        self.pid = self.holder.pid
        own = os.readlink("/proc/self/ns/net")
        net.wait_until("a namespace", lambda: self.holder.alive() and
                       os.readlink("/proc/%d/ns/net" % self.pid) != own, 60)
        self.run("ip", "link", "set", "lo", "up")
        self.descriptors = []

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

    def polls(self, interface):
        """Puts a program that lets everything through at an interface: only then does
        the kernel wake this end of a virtual pair for what the other end's driver sends.
        False: there is no BPF for us here."""
        code = struct.pack("=BBhi", 0xB7, 0, 0, 2) + struct.pack("=BBhi", 0x95, 0, 0, 0)
        held = [ctypes.create_string_buffer(code), ctypes.create_string_buffer(b"GPL")]
        program = _bpf(BPF_PROG_LOAD, struct.pack("=IIQQIIQII", 6, len(code) // 8,
                                                  *map(ctypes.addressof, held), 0, 0, 0, 0, 0))
        with self.inside():
            link = _bpf(BPF_LINK_CREATE, struct.pack("=IIII", max(program, 0),
                                                     socket.if_nametoindex(interface), BPF_XDP, 0))
        self.descriptors += [fd for fd in (program, link) if fd >= 0]
        return link >= 0

    def mac(self, interface):
        text = self.run("ip", "-o", "link", "show", "dev", interface)
        return bytes.fromhex(text.split("link/ether ")[1].split()[0].replace(":", ""))

    def stop(self):
        for fd in self.descriptors:
            os.close(fd)
        self.holder.kill()


def possible():
    """May this process make namespaces at all?"""
    done = subprocess.run(["unshare", "-n", "true"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL)
    return done.returncode == 0


def own_files():
    """May it make file systems that nobody else sees?"""
    done = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/tmp"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode == 0


def own_time():
    """May it make time namespaces?"""
    done = subprocess.run(["unshare", "--time", "--monotonic", "1", "--", "true"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode == 0


def cable(a, name_a, b, name_b, *how):
    """A virtual pair, both ends up, whose packets carry checksums, as those of a real
    network do. how: more words for a's end."""
    a.run("ip", "link", "add", name_a, *how, "type", "veth", "peer", "name", name_b, "netns", str(b.pid))
    for space, name in ((a, name_a), (b, name_b)):
        space.ethtool(name, STXCSUM, 0)
        space.run("ip", "link", "set", name, "up")
