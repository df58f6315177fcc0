# SPDX-License-Identifier: GPL-3.0-or-later
"""peers.py - the real servers that holdfast is tested against.

Each class writes the least configuration that its program runs with, in a
directory of its own, and starts it on a loopback address of its own. None of
them looks at the outside world: no root hints, no trust anchors to refresh, no
version checks.
"""
import atexit
import os
import shutil
import subprocess
import tempfile

import ask
import net
import wire
import zonemaker


class Peer:
    """A program that answers DNS on address:port. Subclasses set `program` and
    write their files in `configure`, which returns the command line."""

    program = None

    def __init__(self, directory, zones=None, upstreams=()):
        self.address, self.port = self.place()
        self.directory = os.path.join(str(directory), "%s-%s-%d" % (
            type(self).__name__.lower(), self.address, self.port))
        os.makedirs(self.directory)
        self.zones, self.upstreams = zones or {}, list(upstreams)
        self.process, self.starts = None, 0
        self.argv = [self.which()] + self.configure()
        self.start()

    @staticmethod
    def place():
        return net.address(), net.PORT

    @classmethod
    def which(cls):
        return shutil.which(cls.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")

    @property
    def at(self):
        return "%s:%d" % (self.address, self.port)

    def path(self, name, text=None):
        """A file in the peer's directory, written if there is a text."""
        path = os.path.join(self.directory, name)
        if text is not None:
            with open(path, "w") as out:
                out.write(text)
        return path

    def start(self, wait=True):
        self.starts += 1
        self.process = net.Process(type(self).__name__, self.argv,
                                   self.path("log-%d" % self.starts), cwd=self.directory)
        if wait:
            net.wait_until(type(self).__name__ + " to answer", self.answers_or_ended, 60, 0.02)
            assert self.process.alive(), "%s ended at start:\n%s" % (self.program,
                                                                     self.process.output())

    def answers_or_ended(self):
        return not self.process.alive() or self.answers()

    def answers(self):
        """True when every zone has an answer over UDP and TCP is open."""
        for zone in self.zones or ["localhost."]:
            try:
                reply = ask.udp(self.address, self.port, wire.query(zone, "SOA"), 1.0)
            except OSError:
                return False
            if reply is None or (self.zones and reply.rcode != 0):
                return False
        return net.accepts(self.address, self.port)

    def short_directory(self):
        """For sockets, whose paths may have no more than 107 characters."""
        if not self.short:
            self.short = tempfile.mkdtemp(prefix="hf-")
            atexit.register(shutil.rmtree, self.short, ignore_errors=True)
        return self.short

    short = None

    def stop(self):
        """At once and with its children: nothing of value is in it."""
        if self.process:
            self.process.kill()
            self.process = None

    kill = stop

    def udp(self, qname, qtype, **how):
        return ask.udp(self.address, self.port, wire.query(qname, qtype, **how))

    def tcp(self, qname, qtype, **how):
        return ask.tcp(self.address, self.port, wire.query(qname, qtype, **how))


class Nsd(Peer):
    """NSD 4.12 takes the octets of a DLV record for those of DOA and refuses them,
    so it gets that type in its own notation."""

    program = "nsd"
    OWN_NOTATION = {32769}

    def configure(self):
        text = ("server:\n  ip-address: {0}@{1}\n  username: \"\"\n  zonesdir: \"{2}\"\n"
                "  database: \"\"\n  pidfile: \"{2}/pid\"\n  xfrdfile: \"{2}/xfrd\"\n"
                "  zonelistfile: \"{2}/list\"\n  xfrdir: \"{2}\"\n  server-count: 1\n"
                "  rrl-ratelimit: 0\n  rrl-whitelist-ratelimit: 0\n"
                "remote-control:\n  control-enable: no\n").format(self.address, self.port,
                                                                  self.directory)
        for zone, path in self.zones.items():
            with open(path) as source:
                mine = self.path(zone + "zone", zonemaker.presentation(source.read(), self.OWN_NOTATION))
            text += "zone:\n  name: \"%s\"\n  zonefile: \"%s\"\n  provide-xfr: 127.0.0.0/8 NOKEY\n" % (
                zone, mine)
        return ["-d", "-c", self.path("nsd.conf", text)]


class Knot(Peer):
    program = "knotd"

    def configure(self):
        text = ("server:\n  listen: {0}@{1}\n  rundir: \"{3}\"\n  udp-workers: 1\n  tcp-workers: 1\n"
                "  background-workers: 1\ndatabase:\n  storage: \"{2}\"\n"
                "log:\n- target: stderr\n  any: info\n"
                "template:\n- id: default\n  zonefile-sync: -1\n  zonefile-load: whole\n"
                "  journal-content: none\n  semantic-checks: off\nzone:\n").format(
                    self.address, self.port, self.directory, self.short_directory())
        for zone, path in self.zones.items():
            text += "- domain: %s\n  file: \"%s\"\n" % (zone, path)
        return ["-c", self.path("knot.conf", text)]


class Bind(Peer):
    """named: authoritative with zones, a forwarding resolver with upstreams. It
    listens on addresses that an interface has, so it gets a port of its own
    instead of an address."""

    program = "named"

    @staticmethod
    def place():
        return "127.0.0.1", net.port()

    def configure(self):
        text = ("options {{ directory \"{2}\"; listen-on port {1} {{ {0}; }}; listen-on-v6 {{ none; }};"
                " pid-file none; session-keyfile none; {4} dnssec-validation no;"
                " empty-zones-enable no; minimal-responses no; notify no; allow-query {{ any; }};"
                " check-names primary ignore; check-integrity no; {3} }};\n"
                "controls {{ }};\n")
        how = "recursion no;"
        if self.upstreams:
            targets = " ".join("%s port %d;" % (u.address, u.port) for u in self.upstreams)
            how = "recursion yes; allow-recursion { any; }; forward only; forwarders { %s };" % targets
        text = text.format(self.address, self.port, self.directory, how, self.lock())
        for zone, path in self.zones.items():
            text += 'zone "%s" { type primary; file "%s"; };\n' % (zone, path)
        return ["-g", "-n", "1", "-4", "-c", self.path("named.conf", text)]

    @classmethod
    def lock(cls):
        """BIND 9.18 locks a file of the whole system; 9.20 no longer knows the word."""
        said = subprocess.run([cls.which(), "-v"], stdout=subprocess.PIPE, text=True).stdout
        return "lock-file none;" if said.startswith("BIND 9.1") else ""


class Pdns(Peer):
    """PowerDNS with its bind backend. Without its database it takes no zone for
    signed, and it reads RFC 3597 octets only for types that it does not know."""

    program = "pdns_server"

    def configure(self):
        named = ""
        for zone, path in self.zones.items():
            with open(path) as text:
                mine = self.path(zone + "zone", zonemaker.presentation(text.read()))
            named += 'zone "%s" { type master; file "%s"; };\n' % (zone.rstrip("."), mine)
        text = ("launch=bind\nbind-config=%s\nlocal-address=%s\nlocal-port=%d\nsocket-dir=%s\n"
                "daemon=no\nguardian=no\nsecurity-poll-suffix=\nreceiver-threads=1\n"
                "distributor-threads=1\nretrieval-threads=1\ndname-processing=yes\n"
                "log-dns-details=no\nzone-cache-refresh-interval=0\n" % (
                    self.path("named.conf", named), self.address, self.port, self.short_directory()))
        self.path("pdns.conf", text)
        return ["--config-dir=" + self.directory]


class Unbound(Peer):
    """A resolver: with zones it serves them itself, with upstreams it forwards."""

    program = "unbound"

    def configure(self):
        text = ("server:\n  interface: {0}\n  port: {1}\n  directory: \"{2}\"\n  chroot: \"\"\n"
                "  username: \"\"\n  pidfile: \"\"\n  do-daemonize: no\n  use-syslog: no\n"
                "  access-control: 127.0.0.0/8 allow\n  do-not-query-localhost: no\n"
                "  module-config: \"iterator\"\n  do-ip6: no\n  edns-buffer-size: 1232\n"
                "  qname-minimisation: no\n  num-threads: {3}\n"
                "remote-control:\n  control-enable: no\n").format(self.address, self.port,
                                                                  self.directory, self.threads)
        for zone, path in self.zones.items():
            text += ("auth-zone:\n  name: \"%s\"\n  zonefile: \"%s\"\n  for-upstream: yes\n"
                     "  for-downstream: yes\n  fallback-enabled: no\n" % (zone, path))
        if self.upstreams:
            text += "forward-zone:\n  name: \".\"\n" + "".join(
                "  forward-addr: %s@%d\n" % (u.address, u.port) for u in self.upstreams)
        return ["-d", "-p", "-c", self.path("unbound.conf", text)]

    threads = 1


class Kresd(Peer):
    """Knot Resolver as a forwarder."""

    program = "kresd"

    def configure(self):
        targets = ", ".join("'%s@%d'" % (u.address, u.port) for u in self.upstreams)
        text = ("net.ipv6 = false\nnet.listen('%s', %d, { kind = 'dns' })\n"
                "modules.unload('ta_update')\nmodules.unload('ta_signal_query')\n"
                "modules.unload('priming')\nmodules.unload('detect_time_skew')\n"
                "modules.unload('detect_time_jump')\ntrust_anchors.remove('.')\n"
                "cache.open(10 * MB, 'lmdb://%s')\npolicy.add(policy.all(policy.STUB({%s})))\n" % (
                    self.address, self.port, self.directory, targets))
        return ["-n", "-c", self.path("kresd.conf", text), self.directory]


AUTHORITATIVE = [Nsd, Knot, Bind, Pdns]
RESOLVERS = [Unbound, Kresd, Bind]
