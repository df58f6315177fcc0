#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones over TLS (RFC 9103) between holdfast and Knot DNS 3.4, which Debian 12 does not have.

Makes a minimal Debian 13 with Knot in a directory (debootstrap; the mirror is the one that apt
uses here) and runs its knotd there (chroot), on loopback addresses:

  primary    holdfast takes a zone from it over TLS, known by the name in its certificate, and
             by its key; the whole of it, then differences. Plain TCP is refused to all. One that
             has another name, and one that has another key, give no zone.
  secondary  it takes a zone from holdfast over TLS (listen.tls), whole, then differences. The
             zone is given away by this way alone. A certificate is renewed under way, and Knot,
             which goes by the key, does not believe the new one until it is told of it.

Needs root and a network for the first run; --root DIR keeps what was made, and uses it again.
Ends with 1 if anything is not as it should be.
"""
import os
import shutil
import subprocess
import sys

import stage
from stage import option, say

import authority
import holdfast
import net
import peers
import primaries
import secondaries

BOUND = 60
TLS_PORT = 8853
ZONE = primaries.ZONE


def mirror():
    out = subprocess.run(["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)",
                          "Created-By: Packages"], stdout=subprocess.PIPE, text=True).stdout
    found = [line.split()[1] for line in out.splitlines() if line.startswith("Debian ") and
             "security" not in line]
    return found[0] if found else "http://deb.debian.org/debian"


def make_root(path):
    if os.path.exists(os.path.join(path, "usr/sbin/knotd")):
        return
    say("making Debian trixie with knot in %s" % path)
    done = subprocess.run(["debootstrap", "--variant=minbase", "--include=knot", "trixie", path,
                           mirror()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit("debootstrap failed:\n" + done.stdout[-2000:])


class Knot(peers.Knot):
    """knotd of the root. Its directory lies within, under the same name inside and outside."""
    root = None

    def __init__(self, name, **conf):
        self.name, self.conf = name, conf
        os.makedirs(self.root + "/world", exist_ok=True)
        super().__init__(self.root + "/world")

    @classmethod
    def which(cls):
        return shutil.which("chroot", path="/usr/sbin:/sbin:/usr/bin")

    def inside(self, name):
        return self.directory[len(self.root):] + "/" + name

    def answers(self):
        return net.accepts(self.address, self.port)

    def configure(self):
        os.chmod(self.directory, 0o755)
        text = ("server:\n  listen: %s@%d\n  rundir: \"%s\"\n  udp-workers: 1\n  tcp-workers: 1\n"
                "  background-workers: 1\n  user: root\n" % (self.address, self.port, self.inside("")))
        text += self.conf.get("server", "")
        text += "database:\n  storage: \"%s\"\nlog:\n- target: stderr\n  any: info\n" % self.inside("")
        text += self.conf["rest"](self)
        self.path("knot.conf", text)
        return [self.root, "/usr/sbin/knotd", "-c", self.inside("knot.conf")]


def primary(certificate):
    """Knot with the zone, given over TLS and not otherwise."""
    def rest(knot):
        for name, path in (("server.pem", certificate.pem), ("server.key", certificate.key)):
            shutil.copy(path, knot.path(name))
            os.chmod(knot.path(name), 0o644)
        knot.path("zone", primaries.version(1))
        return ("acl:\n- id: out\n  address: 127.0.0.0/8\n  action: transfer\n  protocol: tls\n"
                "zone:\n- domain: %s\n  file: \"%s\"\n  acl: out\n  zonefile-sync: -1\n"
                "  zonefile-load: difference\n  journal-content: changes\n" % (ZONE, knot.inside("zone")))
    class At(Knot):
        def configure(self):
            self.conf["server"] = (
                "  listen-tls: %s@%d\n  key-file: \"%s\"\n  cert-file: \"%s\"\n" % (
                    self.address, TLS_PORT, self.inside("server.key"), self.inside("server.pem")))
            return super().configure()

        def renew(self, serial):
            self.path("zone", primaries.version(serial))
            self.process.signal(1)
    At.__name__ = "Knot"
    return At("primary", rest=rest)


def secondary(at, pin):
    """Knot that takes the zone over TLS, from whoever has this key."""
    return _secondary(at, "  tls: on\n  cert-key: %s\n" % pin)


def secondary_in_the_open(at):
    return _secondary(at, "")


def _secondary(at, how):
    def rest(knot):
        return ("remote:\n- id: ours\n  address: %s@%d\n%s"
                "acl:\n- id: notify\n  address: 127.0.0.0/8\n  action: notify\n"
                "zone:\n- domain: %s\n  master: ours\n  acl: notify\n  zonefile-sync: -1\n"
                "  zonefile-load: none\n  journal-content: all\n" % (*at, how, ZONE))
    return Knot("secondary", rest=rest)


class Show:
    def __init__(self, directory):
        self.directory, self.number, self.wrong = directory, 0, []
        self.ca = authority.Authority(os.path.join(directory, "ca"))

    def check(self, good, what):
        say("%-4s %s" % ("ok" if good else "BAD", what))
        if not good:
            self.wrong.append(what)

    def wait(self, what, true):
        try:
            net.wait_until(what, true, BOUND, 0.05)
            self.check(True, what)
        except AssertionError:
            self.check(False, what)

    def holdfast(self, listen=None, **zone):
        self.number += 1
        return holdfast.Holdfast(stage.subdirectory(self.directory, "holdfast-%d" % self.number),
                                 {"u": "127.0.0.1:1"}, listen=listen,
                                 zones=[{"name": ZONE, "refresh-max": "2s", "required": False, **zone}])

    def take_from_knot(self):
        certificate = self.ca.certify("ns.example")
        knot = primary(certificate)
        at = "tls://%s:%d" % (knot.address, TLS_PORT)
        other = self.ca.certify("other.example")
        named = self.holdfast(primaries=[at], **{"tls-name": "ns.example", "tls-ca": self.ca.pem})
        pinned = self.holdfast(primaries=[at], **{"tls-pins": [certificate.pin()]})
        for server, how in ((named, "by name"), (pinned, "by key")):
            self.wait("version 1 from Knot over TLS, %s" % how,
                      lambda s=server: secondaries.soa(s, ZONE) == 1)
        knot.renew(2)
        for server, how in ((named, "by name"), (pinned, "by key")):
            self.wait("version 2, %s" % how, lambda s=server: secondaries.soa(s, ZONE) == 2)
            self.wait("... as differences, %s" % how,
                      lambda s=server: "as differences" in s.process.output())
        plain = self.holdfast(primaries=[knot.at])
        self.wait("plain TCP is refused", lambda: "its source could not be had" in plain.process.output())
        stranger = self.holdfast(primaries=[at], **{"tls-name": "other.example", "tls-ca": self.ca.pem})
        self.wait("another name is not believed", lambda: "certificate is for ns.example" in
                  stranger.process.output())
        wrong = self.holdfast(primaries=[at], **{"tls-pins": [other.pin()]})
        self.wait("another key is not believed", lambda: "its source could not be had" in
                  wrong.process.output())
        for server in (plain, stranger, wrong):
            self.check(secondaries.soa(server, ZONE) is None, "and gives no zone")
        for line in knot.process.output().splitlines():
            if "outgoing" in line and "finished" in line:
                say("  knot: " + line.split("info: ")[-1])
        for server in (named, pinned, plain, stranger, wrong):
            server.stop()
        knot.stop()

    @staticmethod
    def show_certificate(path, certificate):
        for kind, source in (("pem", certificate.pem), ("key", certificate.key)):
            shutil.copy(source, "%s.%s" % (path, kind))
            os.chmod("%s.%s" % (path, kind), 0o600)

    @staticmethod
    def publish(source, serial):
        with open(source + ".new", "w") as out:
            out.write(primaries.version(serial))
        os.rename(source + ".new", source)

    def give_to_knot(self):
        source = os.path.join(self.directory, "zone")
        with open(source, "w") as out:
            out.write(primaries.version(1))
        certificate, shown = self.ca.certify("ns.example"), os.path.join(self.directory, "shown")
        self.show_certificate(shown, certificate)
        address = net.address()
        server = self.holdfast(file=source, listen={
            "tls": ["%s:%d" % (address, TLS_PORT)], "tls-certificate": shown + ".pem",
            "tls-key": shown + ".key"}, **{"allow-transfer": ["127.0.0.0/8"], "allow-transfer-over": "tls"})
        knot = secondary((address, TLS_PORT), certificate.pin()[len("sha256/"):])
        self.wait("Knot has version 1 from holdfast over TLS, by key",
                  lambda: secondaries.soa(knot, ZONE) == 1)
        self.publish(source, 2)
        self.wait("version 2 at Knot", lambda: secondaries.soa(knot, ZONE) == 2)
        metrics = server.metrics()
        self.check(metrics["holdfast_transfers_out_whole_total"] >= 1 and
                   metrics["holdfast_transfers_out_differences_total"] >= 1,
                   "whole, then as differences")
        self.check(metrics["holdfast_tls_handshakes_total"] >= 2, "%d handshakes, %d of them resumed" % (
            metrics["holdfast_tls_handshakes_total"], metrics["holdfast_tls_resumed_total"]))
        plain = secondary_in_the_open((server.address, holdfast.PORT))
        self.wait("plain TCP is refused", lambda: "refused" in plain.process.output().lower())
        self.check(secondaries.soa(plain, ZONE) is None, "and it has no zone")
        stranger = secondary((address, TLS_PORT),
                             self.ca.certify("ns.example").pin()[len("sha256/"):])
        self.wait("another key is not believed by Knot", lambda: any(
            "cert" in line.lower() or "failed" in line.lower()
            for line in stranger.process.output().splitlines()))
        self.check(secondaries.soa(stranger, ZONE) is None, "and it has no zone")
        renewed = self.ca.certify("ns.example", until=60)
        self.show_certificate(shown, renewed)
        self.check(server.reload()[0] == 0, "a renewed certificate is taken by a reload")
        heir = secondary((address, TLS_PORT), renewed.pin()[len("sha256/"):])
        self.wait("who knows the new key has the zone", lambda: secondaries.soa(heir, ZONE) == 2)
        plain.stop()
        heir.stop()
        for line in knot.process.output().splitlines():
            if "incoming" in line and "finished" in line:
                say("  knot: " + line.split("info: ")[-1])
        server.stop()
        knot.stop()
        stranger.stop()


def main():
    options = stage.arguments(__doc__, option("--root", help="a directory for the Debian, kept"))
    with stage.stage(options.keep) as directory:
        Knot.root = os.path.abspath(options.root or os.path.join(directory, "root"))
        make_root(Knot.root)
        say(subprocess.run(["chroot", Knot.root, "/usr/sbin/knotd", "--version"],
                           stdout=subprocess.PIPE, text=True).stdout.strip())
        show = Show(directory)
        show.take_from_knot()
        show.give_to_knot()
        shutil.rmtree(os.path.join(Knot.root, "world"), ignore_errors=True)
    say("%d things are wrong" % len(show.wrong))
    return 1 if show.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
