# SPDX-License-Identifier: GPL-3.0-or-later
"""secondaries.py - real servers that take their zone from holdfast.

Each is one of the peers, with `primary` ("address", port) and perhaps a key (name, secret in
base64) in place of zone files.
"""
import net
import peers

KEY = ("transfer-key", "hmac-sha256", "c2VjcmV0IG9mIHRoZSB0ZXN0IGZvciB0cmFuc2ZlcnM=")


def soa(server, zone):
    """The serial that it serves, or None."""
    try:
        reply = server.udp(zone, "SOA")
    except OSError:
        return None
    if reply is None or reply.rcode or not reply.answer:
        return None
    return int.from_bytes(reply.answer[0].rdata[-20:-16], "big")


class Secondary:
    def __init__(self, directory, primary, zone, key=None):
        self.primary, self.zone, self.key = primary, zone, key
        super().__init__(directory)

    def answers(self):
        return net.accepts(self.address, self.port)

    def serial(self):
        return soa(self, self.zone)


class Nsd(Secondary, peers.Nsd):
    def configure(self):
        conf = ("server:\n  ip-address: {0}@{1}\n  username: \"\"\n  zonesdir: \"{2}\"\n"
                "  database: \"\"\n  pidfile: \"{2}/pid\"\n  xfrdfile: \"{2}/xfrd\"\n"
                "  zonelistfile: \"{2}/list\"\n  xfrdir: \"{2}\"\n  server-count: 1\n"
                "  rrl-ratelimit: 0\n  rrl-whitelist-ratelimit: 0\n"
                "remote-control:\n  control-enable: no\n").format(
                    self.address, self.port, self.directory)
        if self.key:
            conf += "key:\n  name: \"%s\"\n  algorithm: %s\n  secret: \"%s\"\n" % self.key
        name = self.key[0] if self.key else "NOKEY"
        conf += ("zone:\n  name: \"%s\"\n  zonefile: \"%s\"\n  request-xfr: %s@%d %s\n"
                 "  allow-notify: 127.0.0.0/8 %s\n" % (
                     self.zone, self.path("zone"), *self.primary, name, name))
        return ["-d", "-c", self.path("nsd.conf", conf)]


class Knot(Secondary, peers.Knot):
    def configure(self):
        key = ""
        conf = ("server:\n  listen: {0}@{1}\n  rundir: \"{3}\"\n  udp-workers: 1\n"
                "  tcp-workers: 1\n  background-workers: 1\ndatabase:\n  storage: \"{2}\"\n"
                "log:\n- target: stderr\n  any: info\n").format(
                    self.address, self.port, self.directory, self.short_directory())
        if self.key:
            conf += "key:\n- id: %s\n  algorithm: %s\n  secret: %s\n" % self.key
            key = "  key: %s\n" % self.key[0]
        conf += ("remote:\n- id: primary\n  address: %s@%d\n%s"
                 "acl:\n- id: notify\n  address: 127.0.0.0/8\n  action: notify\n%s"
                 "zone:\n- domain: %s\n  storage: \"%s\"\n  master: primary\n  acl: notify\n"
                 "  zonefile-sync: -1\n  zonefile-load: none\n  journal-content: all\n" % (
                     *self.primary, key, key, self.zone, self.directory))
        return ["-c", self.path("knot.conf", conf)]


class Bind(Secondary, peers.Bind):
    def configure(self):
        key = ""
        conf = ("options {{ directory \"{2}\"; listen-on port {1} {{ {0}; }}; listen-on-v6 {{ none; }};"
                " pid-file none; session-keyfile none; {3} dnssec-validation no; recursion no;"
                " empty-zones-enable no; notify no; allow-query {{ any; }}; }};\ncontrols {{ }};\n"
                ).format(self.address, self.port, self.directory, self.lock())
        if self.key:
            conf += 'key "%s" { algorithm %s; secret "%s"; };\n' % self.key
            key = 'key "%s" ' % self.key[0]
        conf += ('zone "%s" { type secondary; file "%s"; masterfile-format text;'
                 " primaries { %s port %d %s; }; allow-notify { 127.0.0.0/8; }; };\n" % (
                     self.zone, self.path("zone"), *self.primary, key))
        return ["-g", "-n", "1", "-4", "-c", self.path("named.conf", conf)]


class Pdns(Secondary, peers.Pdns):
    """Without a database it has no keys."""

    def configure(self):
        named = 'zone "%s" { type secondary; file "%s"; masters { %s port %d; }; };\n' % (
            self.zone.rstrip("."), self.path("zone", ""), *self.primary)
        named = named.replace("type secondary", "type slave").replace(
            "%s port %d;" % self.primary, "%s:%d;" % self.primary)
        self.path("pdns.conf", (
            "launch=bind\nbind-config=%s\nlocal-address=%s\nlocal-port=%d\nsocket-dir=%s\n"
            "daemon=no\nguardian=no\nsecurity-poll-suffix=\nreceiver-threads=1\nsecondary=yes\n"
            "distributor-threads=1\nretrieval-threads=1\nzone-cache-refresh-interval=0\n"
            "xfr-cycle-interval=1\ntrusted-notification-proxy=127.0.0.1\n" % (
                self.path("named.conf", named), self.address, self.port,
                self.short_directory())))
        return ["--config-dir=" + self.directory]


ALL = [Nsd, Knot, Bind, Pdns]
SIGNING = [Nsd, Knot, Bind]
INCREMENTAL = [Nsd, Knot, Bind]
