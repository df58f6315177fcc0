# SPDX-License-Identifier: GPL-3.0-or-later
"""primaries.py - real servers that a zone is transferred from.

Each serves one zone from a file, gives differences where it can make them, asks for a
key if it is told to, sends NOTIFY to whom it is told to, and takes a new version with
`renew`. The zone is a function of its serial: each version says something else.
"""
import base64
import os
import random
import signal
import subprocess
import time

import net
import peers

ZONE = "corp.internal."


def version(serial, size=100, change=3):
    """Zone text: `size` names, of which `change` are others in each version, and one that
    says the serial."""
    lines = ["$ORIGIN " + ZONE, "$TTL 300",
             "@ SOA ns host %d 2 1 600 30" % serial, "@ NS ns", "ns A 192.0.2.53",
             "serial TXT \"%d\"" % serial, "alias CNAME h0"]
    first = serial * change
    for number in list(range(size)) + list(range(size + first, size + first + change)):
        lines.append("h%d A 10.%d.%d.%d" % (number, number >> 16, number >> 8 & 255, number & 255))
    return "\n".join(lines) + "\n"


class Key:
    def __init__(self, directory, name="transfer.key", algorithm="hmac-sha256", octets=32):
        self.name, self.algorithm = name, algorithm
        self.secret = base64.b64encode(random.randbytes(octets)).decode()
        self.path = os.path.join(str(directory), "%s.secret" % name)
        with open(self.path, "w", opener=lambda p, flags: os.open(p, flags, 0o600)) as out:
            out.write(self.secret + "\n")

    @property
    def entry(self):
        """As holdfast's `keys:` has it."""
        return {self.name: {"algorithm": self.algorithm, "secret-file": self.path}}


class Primary:
    """Mixed into a peer: one zone, with a serial. `notify`: who is told, "address:port"."""

    def __init__(self, directory, key=None, notify=(), size=100, change=3, serial=1, tls=None):
        self.key, self.notify, self.size, self.change = key, list(notify), size, change
        self.tls, self.serial = tls, serial
        self.source = os.path.join(str(directory), "zone-of-%s-%d" % (type(self).__name__, id(self)))
        self.write(serial)
        super().__init__(directory, {ZONE: self.source})

    def write(self, serial, text=None):
        self.serial = serial
        with open(self.source + ".new", "w") as out:
            out.write(text or version(serial, self.size, self.change))
        os.rename(self.source + ".new", self.source)

    def renew(self, serial=None, text=None):
        """The next version is there, and it is served."""
        self.write(serial or self.serial + 1, text)
        self.take_up()

    def take_up(self):
        self.process.signal(signal.SIGHUP)

    def answers(self):
        return net.accepts(self.address, self.port)


def _split(at):
    host, port = at.rsplit(":", 1)
    return host, port


class Nsd(Primary, peers.Nsd):
    def configure(self):
        text = ("server:\n  ip-address: {0}@{1}\n  username: \"\"\n  zonesdir: \"{2}\"\n"
                "  database: \"\"\n  pidfile: \"{2}/pid\"\n  xfrdfile: \"{2}/xfrd\"\n"
                "  zonelistfile: \"{2}/list\"\n  xfrdir: \"{2}\"\n  server-count: 1\n"
                "  rrl-ratelimit: 0\n  rrl-whitelist-ratelimit: 0\n"
                "remote-control:\n  control-enable: no\n").format(self.address, self.port,
                                                                  self.directory)
        if self.key:
            text += "key:\n  name: \"%s\"\n  algorithm: %s\n  secret: \"%s\"\n" % (
                self.key.name, self.key.algorithm, self.key.secret)
        key = self.key.name if self.key else "NOKEY"
        text += ("zone:\n  name: \"%s\"\n  zonefile: \"%s\"\n  provide-xfr: 127.0.0.0/8 %s\n"
                 "  store-ixfr: yes\n  create-ixfr: yes\n" % (ZONE, self.source, key))
        for at in self.notify:
            text += "  notify: %s@%s %s\n" % (*_split(at), key)
        return ["-d", "-c", self.path("nsd.conf", text)]


class Knot(Primary, peers.Knot):
    def configure(self):
        text = ("server:\n  listen: {0}@{1}\n  rundir: \"{3}\"\n  udp-workers: 1\n  tcp-workers: 1\n"
                "  background-workers: 1\ndatabase:\n  storage: \"{2}\"\n"
                "log:\n- target: stderr\n  any: info\n").format(
                    self.address, self.port, self.directory, self.short_directory())
        if self.key:
            text += "key:\n- id: %s\n  algorithm: %s\n  secret: %s\n" % (
                self.key.name, self.key.algorithm, self.key.secret)
        if self.notify:
            text += "remote:\n"
            for number, at in enumerate(self.notify):
                text += "- id: r%d\n  address: %s@%s\n" % (number, *_split(at))
                text += "  key: %s\n" % self.key.name if self.key else ""
        text += "acl:\n- id: out\n  address: 127.0.0.0/8\n  action: transfer\n"
        text += "  key: %s\n" % self.key.name if self.key else ""
        text += ("zone:\n- domain: %s\n  file: \"%s\"\n  acl: out\n  zonefile-sync: -1\n"
                 "  zonefile-load: difference\n  journal-content: changes\n" % (ZONE, self.source))
        if self.notify:
            text += "  notify: [%s]\n" % ", ".join("r%d" % n for n in range(len(self.notify)))
        return ["-c", self.path("knot.conf", text)]


class Bind(Primary, peers.Bind):
    """With `tls` (an authority.Certificate) transfers over TLS, too, on `tls_port`."""

    def configure(self):
        key = "key \"%s\"" % self.key.name if self.key else None
        text = ""
        if self.key:
            text += "key \"%s\" { algorithm %s; secret \"%s\"; };\n" % (
                self.key.name, self.key.algorithm, self.key.secret)
        over_tls = ""
        if self.tls:
            self.tls_port = net.port()
            text += "tls x { cert-file \"%s\"; key-file \"%s\"; };\n" % (self.tls.pem, self.tls.key)
            over_tls = "listen-on port %d tls x { %s; };" % (self.tls_port, self.address)
        text += ("options {{ directory \"{2}\"; listen-on port {1} {{ {0}; }}; listen-on-v6 {{ none; }};"
                 " pid-file none; session-keyfile none; {3} dnssec-validation no; recursion no;"
                 " empty-zones-enable no; allow-query {{ any; }}; check-integrity no; {4}"
                 " notify-delay 0; startup-notify-rate 1000; notify-rate 1000; }};\ncontrols {{ }};\n").format(
                     self.address, self.port, self.directory, self.lock(), over_tls)
        notify = "notify no;"
        if self.notify:
            notify = "notify explicit; also-notify { %s };" % " ".join(
                "%s port %s%s;" % (*_split(at), " " + key if key else "") for at in self.notify)
        text += ('zone "%s" { type primary; file "%s"; ixfr-from-differences yes; journal "%s";'
                 " max-ixfr-ratio unlimited; allow-transfer { %s; }; %s };\n" % (
                     ZONE, self.source, self.path("journal"), key or "any", notify))
        return ["-g", "-n", "1", "-4", "-c", self.path("named.conf", text)]


class Pdns(Primary, peers.Pdns):
    """Gives no differences: whoever asks for them gets the zone."""

    def configure(self):
        named = 'zone "%s" { type master; file "%s"; };\n' % (ZONE.rstrip("."), self.source)
        database = self.path("keys.sqlite")
        text = ("launch=bind\nbind-config=%s\nbind-dnssec-db=%s\nbind-check-interval=1\n"
                "local-address=%s\nlocal-port=%d\nsocket-dir=%s\n"
                "daemon=no\nguardian=no\nsecurity-poll-suffix=\nreceiver-threads=1\n"
                "distributor-threads=1\nretrieval-threads=1\nallow-axfr-ips=127.0.0.0/8\n"
                "primary=yes\nzone-cache-refresh-interval=0\nonly-notify=\nxfr-cycle-interval=1\n"
                "query-cache-ttl=0\ncache-ttl=0\nnegquery-cache-ttl=0\n"
                "also-notify=%s\n" % (self.path("named.conf", named), database, self.address,
                                      self.port, self.short_directory(), ",".join(self.notify)))
        self.path("pdns.conf", text)
        self.util("create-bind-db", database)
        if self.key:
            self.util("import-tsig-key", self.key.name, self.key.algorithm, self.key.secret)
            self.util("activate-tsig-key", ZONE, self.key.name, "primary")
        return ["--config-dir=" + self.directory]

    def util(self, *argv):
        subprocess.run(["pdnsutil", "--config-dir=" + self.directory] + list(argv), check=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    written = 0

    def write(self, serial, text=None):
        """It looks by itself, at whole seconds of when the file changed."""
        while int(time.time()) <= self.written:
            time.sleep(0.05)
        super().write(serial, text)
        self.written = int(os.stat(self.source).st_ctime)

    def take_up(self):
        pass


ALL = [Nsd, Knot, Bind, Pdns]
