# SPDX-License-Identifier: GPL-3.0-or-later
"""entrants.py - who is measured, and how large each one's cache is made.

The configurations are those of the benchmark of outages (bench/stage/servers.py),
so that nobody is fast here with settings that fail there. Only what the load
needs is added: room in the cache for the names of the scene, as many TCP
connections as the load generator opens, and what is noted. `sizing` tells what that was, for the
page. The two references are programs of this directory.
"""
import os
import socket

import servers


class Reference(servers.Server):
    """A program of ours that is no DNS server: what is left of one when it
    knows nothing."""

    binary = None       # set by the benchmark

    @classmethod
    def which(cls):
        return os.path.join(cls.binary, cls.program)

    @classmethod
    def version(cls):
        return "-"

    def configure(self):
        upstream = [word for _, to in self.routes for _, *at in to for word in at]
        return [str(word) for word in [self.address, self.port] + (upstream if self.asks else [])]


class Echo(Reference):
    name, program, asks = "bare echo", "yard_echo", False
    note = "ours: turns the QR bit on and sends the query back; no DNS server"

    def answers(self, name):
        """It knows no names; anything that comes back will do."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.5)
            client.connect((self.address, self.port))
            try:
                client.send(servers.query(name))
                return bool(client.recv(4096))
            except OSError:
                return False


class Relay(Reference):
    name, program, asks = "bare relay", "yard_relay", True
    note = "ours: another random id, one of 1,024 ports, no cache, no check of names; no DNS server"


class Entrant:
    """A server, and how it is told to keep `names` names. `sized(names)` returns
    the options of bench/stage/servers.py and a few words for the page."""

    def __init__(self, kind, sized=None, note=None):
        self.kind, self.name, self.note = kind, kind.name, note or kind.note
        self.sized = sized or (lambda names: ({}, "-"))

    @property
    def is_reference(self):
        return issubclass(self.kind, Reference)

    def options(self, names):
        return self.sized(names)[0]

    def sizing(self, names):
        return self.sized(names)[1]


def megabytes(names, octets, least):
    """Room for so many names of so many octets each, as a power of two of MiB."""
    room = least
    while room << 20 < names * octets:
        room *= 2
    return room


def holdfast(names):
    room = megabytes(names, 512, 256)
    return {"conf": {"cache": {"size": "%dMiB" % room}}}, "`cache.size: %dMiB`" % room


def unbound(names):
    room = megabytes(names, 1024, 64)
    lines = ["msg-cache-size: %dm" % room, "rrset-cache-size: %dm" % (2 * room), "incoming-num-tcp: 100"]
    return {"server": lines}, "`msg-cache-size: %dm`, `rrset-cache-size: %dm`" % (room, 2 * room)


def bind(names):
    room = megabytes(names, 2048, 256)
    return {"max-cache-size": "%dm" % room}, "`max-cache-size %dm`" % room


def kresd(names):
    room = megabytes(names, 1024, 200)
    return {"cache": room}, "`cache.open(%d * MB)`, a mapped file" % room


def recursor(names):
    # Two entries a name, with room to spare: it thins out before it is full.
    room = max(1000000, names * 3)
    return {"lines": ["max-cache-entries=%d" % room, "max-packetcache-entries=%d" % room]}, \
        "`max-cache-entries` and `max-packetcache-entries` %d" % room


def dnsdist(names):
    # Its shards fill unevenly, so that there must be more room than names.
    room = max(100000, names * 2)
    return {"lines": ["getPool(''):setCache(newPacketCache(%d, {maxTTL=86400}))" % room]}, \
        "`newPacketCache(%d)`" % room


def dnsmasq(names):
    room = max(10000, names + names // 10)
    return {"cache": room}, "`cache-size=%d`" % room


ENTRANTS = [
    Entrant(Echo),
    Entrant(Relay),
    Entrant(servers.Holdfast, holdfast),
    Entrant(servers.Unbound, unbound),
    Entrant(servers.Bind, bind),
    Entrant(servers.Kresd, kresd),
    Entrant(servers.Recursor, recursor),
    Entrant(servers.Dnsdist, dnsdist),
    Entrant(servers.Dnsmasq, dnsmasq),
]
