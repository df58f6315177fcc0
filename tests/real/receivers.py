# SPDX-License-Identifier: GPL-3.0-or-later
"""receivers.py - real servers that take a zone by dynamic updates (RFC 2136).

Each is one of the peers, primary of the zone that it begins with, with a key (name,
algorithm, secret in base64) that may update and transfer it.
"""
import os
import sqlite3

import dns.message
import dns.query
import dns.rdatatype
import dns.tsigkeyring
import dns.update
import dns.zone

import net
import peers
import secondaries

KEY = ("update-key", "hmac-sha256", "c2VjcmV0IG9mIHRoZSB0ZXN0IGZvciB1cGRhdGVzLi4=")
SCHEMA = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"


def plain(name, ttl, rdatas, leave):
    for data in rdatas:
        kind = dns.rdatatype.to_text(data.rdtype)
        if kind not in leave:
            yield str(name).lower(), ttl, kind, data.to_text().lower()


class Receiver:
    def __init__(self, directory, zone, text, key=KEY):
        self.zone, self.text, self.key = zone, text, key
        super().__init__(directory)

    def answers(self):
        return net.accepts(self.address, self.port) and self.serial() is not None

    def serial(self):
        return secondaries.soa(self, self.zone)

    def keyring(self):
        return dns.tsigkeyring.from_text({self.key[0]: (self.key[1], self.key[2])})

    def records(self, leave=("SOA",)):
        """What it has, as a set of (owner, TTL, type, data), without some types."""
        # PowerDNS ends a transfer with a message that dnspython takes for one too many.
        messages = dns.query.xfr(
            self.address, self.zone, port=self.port, keyring=self.keyring(), keyname=self.key[0],
            keyalgorithm=self.key[1], lifetime=120, relativize=False)
        return {record for m in messages for rrset in m.answer for record in plain(
            rrset.name, rrset.ttl, rrset, leave)}

    def meddle(self, change):
        """An update by somebody else who has the key."""
        update = dns.update.Update(self.zone, keyring=self.keyring(), keyname=self.key[0],
                                   keyalgorithm=self.key[1])
        change(update)
        reply = dns.query.tcp(update, self.address, port=self.port, timeout=30)
        assert reply.rcode() == 0, reply


class Bind(Receiver, peers.Bind):
    allowed = True

    def configure(self):
        conf = ("options {{ directory \"{2}\"; listen-on port {1} {{ {0}; }}; listen-on-v6 {{ none; }};"
                " pid-file none; session-keyfile none; {3} dnssec-validation no; recursion no;"
                " empty-zones-enable no; notify no; allow-query {{ any; }}; }};\ncontrols {{ }};\n"
                ).format(self.address, self.port, self.directory, self.lock())
        conf += 'key "%s" { algorithm %s; secret "%s"; };\n' % self.key
        conf += ('zone "%s" { type primary; file "%s"; allow-update { %s; }; %s'
                 " allow-transfer { key %s; }; };\n" % (
                     self.zone, self.path("zone", None if self.starts else self.text),
                     "key " + self.key[0] if self.allowed else "none", self.more, self.key[0]))
        return ["-g", "-n", "1", "-4", "-c", self.path("named.conf", conf)]

    more = ""


class Signing(Bind):
    """It signs the zone by itself."""
    more = " dnssec-policy default; inline-signing no;"


class Knot(Receiver, peers.Knot):
    allowed = True

    def configure(self):
        actions = "[transfer, update]" if self.allowed else "transfer"
        conf = ("server:\n  listen: {0}@{1}\n  rundir: \"{3}\"\n  udp-workers: 1\n"
                "  tcp-workers: 1\n  background-workers: 1\n"
                "  tcp-io-timeout: 20000\ndatabase:\n  storage: \"{2}\"\n"
                "log:\n- target: stderr\n  any: info\n").format(
                    self.address, self.port, self.directory, self.short_directory())
        conf += "key:\n- id: %s\n  algorithm: %s\n  secret: %s\n" % self.key
        conf += ("acl:\n- id: taker\n  address: 127.0.0.0/8\n  key: %s\n  action: %s\n"
                 "zone:\n- domain: %s\n  file: \"%s\"\n  acl: taker\n  zonefile-sync: 0\n" % (
                     self.key[0], actions, self.zone,
                     self.path("zone", None if self.starts else self.text)))
        return ["-c", self.path("knot.conf", conf)]


class Pdns(Receiver, peers.Pdns):
    """With the sqlite3 backend, which can take updates."""
    allowed = True

    def configure(self):
        self.fill(self.path("db"))
        self.path("pdns.conf", (
            "launch=gsqlite3\ngsqlite3-database=%s\ngsqlite3-pragma-synchronous=0\n"
            "local-address=%s\nlocal-port=%d\nsocket-dir=%s\ndaemon=no\nguardian=no\n"
            "security-poll-suffix=\nreceiver-threads=1\ndistributor-threads=1\n"
            "retrieval-threads=1\nzone-cache-refresh-interval=0\ncache-ttl=0\nquery-cache-ttl=0\n"
            "negquery-cache-ttl=0\ndnsupdate=%s\nprimary=yes\n" % (
                self.path("db"), self.address, self.port, self.short_directory(),
                "yes" if self.allowed else "no")))
        return ["--config-dir=" + self.directory]

    def fill(self, path):
        if os.path.exists(path):
            return
        zone, at = dns.zone.from_text(self.text, self.zone, relativize=False), self.zone.rstrip(".")
        base = sqlite3.connect(path)
        with open(SCHEMA) as schema:
            base.executescript(schema.read())
        base.execute("INSERT INTO domains (id, name, type) VALUES (1, ?, 'MASTER')", (at,))
        for name, ttl, data in zone.iterate_rdatas():
            kind, text, priority = dns.rdatatype.to_text(data.rdtype), data.to_text(), 0
            if kind == "SOA":
                text = " ".join(word.rstrip(".") for word in text.split())
            elif kind in ("NS", "CNAME", "PTR"):
                text = text.rstrip(".")
            base.execute("INSERT INTO records (domain_id, name, type, content, ttl, prio, disabled, auth)"
                         " VALUES (1, ?, ?, ?, ?, ?, 0, 1)",
                         (str(name).rstrip("."), kind, text, ttl, priority))
        for kind, value in (("TSIG-ALLOW-AXFR", self.key[0]), ("TSIG-ALLOW-DNSUPDATE", self.key[0]),
                            ("ALLOW-DNSUPDATE-FROM", "127.0.0.0/8"), ("SOA-EDIT-DNSUPDATE", "INCREASE")):
            base.execute("INSERT INTO domainmetadata (domain_id, kind, content) VALUES (1, ?, ?)",
                         (kind, value))
        base.execute("INSERT INTO tsigkeys (name, algorithm, secret) VALUES (?, ?, ?)", self.key)
        base.commit()
        base.close()


ALL = [Bind, Knot, Pdns]
