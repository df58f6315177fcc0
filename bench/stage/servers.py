# SPDX-License-Identifier: GPL-3.0-or-later
"""servers.py - the servers that the outages are played against.

Each class writes the file that someone who knows the program would write for a
caching forwarder: bounds high enough for the load, one thread, no DNSSEC, no
query log, no look at the outside world. All else is as the program comes, so
that the plain column shows its defaults. What a program has but does not do
unless told so is a *variant*, a row of its own in the tables.
"""
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile

import net

PORT = 5300
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def query(name):
    """The octets of a question for an address."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0" + labels + b"\0\0\x01\0\x01"


class Server:
    """One server. `routes` is a list of (zone, [(name, address, port), ...]);
    `options` are the variant's."""

    name = program = None
    version_words = ["--version"]
    version_pattern = r"(\d+\.\d+(?:\.\d+)?[\w.+~-]*)"
    note = ""           # one sentence about the configuration, for the page

    def __init__(self, directory, routes, options):
        self.directory, self.routes, self.options = directory, routes, options
        self.address, self.port = self.place()
        self.process, self.starts, self.used = None, 0, 0.0
        self.argv = [self.which()] + self.configure()

    @staticmethod
    def place():
        return net.address(), PORT

    @classmethod
    def which(cls):
        return shutil.which(cls.program, path=PATH)

    @classmethod
    def knows(cls, options):
        """Whether this build of the program has what the variant needs."""
        return True

    @classmethod
    def version(cls):
        said = subprocess.run([cls.which()] + cls.version_words, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
        found = re.search(cls.version_pattern, said)
        return found.group(1) if found else "unknown"

    def path(self, name, text=None):
        path = os.path.join(self.directory, name)
        if text is not None:
            with open(path, "w") as out:
                out.write(text)
        return path

    def start(self):
        """Starts it and returns at once."""
        self.starts += 1
        self.process = net.Process(self.name, self.argv, self.path("server-%d.log" % self.starts),
                                   cwd=self.directory)

    def wait_until_ready(self, names):
        """Until it answers each name (of an upstream that is well)."""
        for name in names:
            net.wait_until("%s to answer %s" % (self.name, name),
                           lambda: not self.process.alive() or self.answers(name), 20, 0.05)
        if not self.process.alive():
            raise RuntimeError("%s ended at start:\n%s" % (self.name, self.process.output()[-3000:]))

    def answers(self, name):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.5)
            client.connect((self.address, self.port))
            try:
                client.send(query(name))
                reply = client.recv(4096)
            except OSError:
                return False
            return reply[3] & 15 == 0 and reply[6:8] != b"\0\0"

    def cpu_seconds(self):
        """Of all its lives."""
        return self.used + (net.cpu_seconds(self.process.pid) if self.process else 0.0)

    def kill(self):
        """SIGKILL, at once."""
        if self.process:
            self.used = self.cpu_seconds() if self.process.alive() else self.used
            self.process.kill()
            self.process = None


class Holdfast(Server):
    name, program = "holdfast", "holdfast"
    version_words = ["version"]
    binary = None       # set by the benchmark: the build's
    note = "`workers: 1`, `order: listed`"

    @classmethod
    def which(cls):
        return cls.binary

    @classmethod
    def knows(cls, options):
        with tempfile.TemporaryDirectory(prefix="holdfast-") as directory:
            server = cls(directory, [(".", [("a", "127.0.0.1", 53)])], options)
            done = subprocess.run([cls.binary, "check", "-c", server.path("holdfast.yaml")],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return done.returncode == 0

    def configure(self):
        named = {name: {"address": "%s:%d" % (address, port)}
                 for _, to in self.routes for name, address, port in to}
        for upstream in named.values():
            upstream.update(self.options.get("upstream", {}))
        conf = {
            "listen": {"dns": ["%s:%d" % (self.address, self.port)],
                       "http": self.options.get("http", "none")},
            "control": os.path.join(self.directory, "control"),
            "workers": 1,
            "upstreams": named,
            "forward": [{"zone": zone, "to": [name for name, _, _ in to], "order": "listed"}
                        for zone, to in self.routes],
            "log": {"level": "warning"},
        }
        if self.options.get("persist"):
            conf["cache"] = {"persist": self.directory}
        conf.update(self.options.get("conf", {}))
        self.path("holdfast.yaml", "".join("%s: %s\n" % (k, json.dumps(v)) for k, v in conf.items()))
        return ["run", "-c", self.path("holdfast.yaml")]


class Unbound(Server):
    name = program = "unbound"
    version_words = ["-V"]
    note = "`forward-zone`; `outgoing-range: 8192`, `num-queries-per-thread: 4096`"

    def configure(self):
        text = ("server:\n interface: {0}\n port: {1}\n directory: \"{2}\"\n chroot: \"\"\n username: \"\"\n"
                " pidfile: \"\"\n do-daemonize: no\n use-syslog: no\n access-control: 127.0.0.0/8 allow\n"
                " do-not-query-localhost: no\n module-config: \"iterator\"\n do-ip6: no\n num-threads: 1\n"
                " outgoing-range: 8192\n num-queries-per-thread: 4096\n"
                " msg-cache-size: 64m\n rrset-cache-size: 128m\n").format(
                    self.address, self.port, self.directory)
        text += "".join(" %s\n" % line for line in self.options.get("server", []))
        text += "remote-control:\n control-enable: no\n"
        for zone, to in self.routes:
            text += "forward-zone:\n name: \"%s\"\n" % zone
            text += "".join(" forward-addr: %s@%d\n" % (address, port) for _, address, port in to)
        return ["-d", "-p", "-c", self.path("unbound.conf", text)]


class Bind(Server):
    """It listens only on addresses that an interface has, so it gets a port of
    its own instead of an address."""

    name, program = "bind", "named"
    version_words = ["-v"]
    note = "`forward only`; `recursive-clients 10000`"

    @staticmethod
    def place():
        return "127.0.0.1", net.port()

    def configure(self):
        lock = "lock-file none;" if self.version().startswith("9.1") else ""
        text = ("options {{ directory \"{2}\"; listen-on port {1} {{ {0}; }}; listen-on-v6 {{ none; }};\n"
                " pid-file none; session-keyfile none; {3} dnssec-validation no; recursion yes;\n"
                " allow-query {{ any; }}; allow-recursion {{ any; }}; empty-zones-enable no; notify no;\n"
                " recursive-clients 10000; max-cache-size {5};\n {4}\n").format(
                    self.address, self.port, self.directory, lock,
                    "\n ".join(self.options.get("options", [])),
                    self.options.get("max-cache-size", "256m"))
        zones = ""
        for zone, to in self.routes:
            forwarders = "forward only; forwarders { %s };" % " ".join(
                "%s port %d;" % (address, port) for _, address, port in to)
            if zone == ".":
                text += " " + forwarders + "\n"
            else:
                zones += 'zone "%s" { type forward; %s };\n' % (zone, forwarders)
        text += "};\ncontrols { };\n" + zones
        return ["-g", "-n", "1", "-4", "-c", self.path("named.conf", text)]


class Kresd(Server):
    name, program = "knot-resolver", "kresd"
    # What comes by policy.STUB 5.6.0 keeps for five seconds, whatever its TTL.
    note = "`policy.FORWARD`; one process"

    def configure(self):
        text = ("net.ipv6 = false\nnet.listen('%s', %d, { kind = 'dns' })\n"
                "modules.unload('ta_update')\nmodules.unload('ta_signal_query')\n"
                "modules.unload('priming')\nmodules.unload('detect_time_skew')\n"
                "modules.unload('detect_time_jump')\ntrust_anchors.remove('.')\n"
                "cache.open(%d * MB, 'lmdb://%s/cache')\n" % (
                    self.address, self.port, self.options.get("cache", 200), self.directory))
        text += "".join(line + "\n" for line in self.options.get("lines", []))
        for zone, to in sorted(self.routes, key=lambda route: -len(route[0])):
            forward = "policy.%s({%s})" % (self.options.get("policy", "FORWARD"),
                                           ", ".join("'%s@%d'" % (a, p) for _, a, p in to))
            text += ("policy.add(policy.all(%s))\n" % forward if zone == "." else
                     "policy.add(policy.suffix(%s, {todname('%s.')}))\n" % (forward, zone))
        os.makedirs(self.path("cache"), exist_ok=True)
        return ["-n", "-c", self.path("kresd.conf", text), self.directory]


class Recursor(Server):
    name, program = "pdns-recursor", "pdns_recursor"
    note = "`forward-zones-recurse`; `threads=1`, `extended-resolution-errors=yes`"

    def configure(self):
        forwards = ",".join("%s=%s" % (zone, ";".join("%s:%d" % (a, p) for _, a, p in to))
                            for zone, to in self.routes)
        text = ("local-address=%s\nlocal-port=%d\nsocket-dir=%s\nforward-zones-recurse=%s\n"
                "threads=1\npdns-distributes-queries=no\ndnssec=off\ndaemon=no\ndisable-syslog=yes\n"
                "write-pid=no\nhint-file=no\ndont-query=\nsecurity-poll-suffix=\nquiet=yes\nloglevel=3\n"
                "allow-from=127.0.0.0/8\nextended-resolution-errors=yes\n" % (
                    self.address, self.port, self.directory, forwards))
        text += "".join(line + "\n" for line in self.options.get("lines", []))
        self.path("recursor.conf", text)
        # From 5.2 on, files of this form are read only if one says so.
        major, minor = (int(part) for part in (self.version() + ".0").split(".")[:2])
        old = ["--enable-old-settings"] if (major, minor) >= (5, 2) else []
        return ["--config-dir=" + self.directory] + old


class Dnsdist(Server):
    name = program = "dnsdist"
    note = "a health check each second, `mustResolve`; a packet cache; policy as it comes (least outstanding)"

    def configure(self):
        text = ("setLocal('%s:%d')\nsetACL({'127.0.0.0/8'})\nsetSecurityPollSuffix('')\n"
                "cache = newPacketCache(100000, {maxTTL=86400})\n" % (self.address, self.port))
        for zone, to in self.routes:
            pool = "" if zone == "." else zone
            for name, address, port in to:
                text += ("newServer({address='%s:%d', name='%s', pool='%s', checkName='.', checkType='SOA',"
                         " mustResolve=true, checkInterval=1, maxCheckFailures=1})\n" % (
                             address, port, name, pool))
            text += "getPool('%s'):setCache(cache)\n" % pool
            if pool:
                text += "addAction('%s.', PoolAction('%s'))\n" % (zone, pool)
        text += "".join(line + "\n" for line in self.options.get("lines", []))
        return ["--supervised", "--disable-syslog", "-C", self.path("dnsdist.conf", text)]


class Dnsmasq(Server):
    name = program = "dnsmasq"
    note = "`cache-size=10000`, `dns-forward-max=10000`"

    def configure(self):
        text = ("no-resolv\nno-hosts\nno-poll\nport=%d\nlisten-address=%s\nbind-interfaces\nuser=root\n"
                "cache-size=%d\ndns-forward-max=10000\npid-file=\nlog-facility=-\n" % (
                    self.port, self.address, self.options.get("cache", 10000)))
        for zone, to in self.routes:
            scope = "" if zone == "." else "/%s/" % zone
            text += "".join("server=%s%s#%d\n" % (scope, address, port) for _, address, port in to)
        text += "".join(line + "\n" for line in self.options.get("lines", []))
        return ["--keep-in-foreground", "--conf-file=" + self.path("dnsmasq.conf", text)]


class Variant:
    """A server as told: a row of a table. `scenes` None: it plays in all."""

    def __init__(self, kind, told=None, options=None, scenes=None):
        self.kind, self.told, self.options, self.scenes = kind, told, options or {}, scenes
        self.name = kind.name + (" + " + told if told else "")

    def plays_in(self, scene):
        return self.scenes is None or any(scene == s or scene.startswith(s + "-") for s in self.scenes)


# What an operator says of three names that matter, where that can be said; and of the forged
# address, where only that can be said and somebody has learnt of it before.
EXPECT = {"expect": [{"name": name + ".victim.example", "addresses": ["10.0.0.0/8"]}
                     for name in ("api", "db", "login")]}

VARIANTS = [
    Variant(Holdfast),
    Variant(Holdfast, "budget: 100/s", {"upstream": {"budget": "100/s"}}, ["cap"]),
    Variant(Holdfast, "cache.persist", {"persist": True}, ["dark-restart"]),
    Variant(Holdfast, "expect", {"conf": EXPECT}, ["liar"]),
    Variant(Unbound),
    Variant(Unbound, "serve-expired", {"server": [
        "serve-expired: yes", "serve-expired-ttl: 86400", "serve-expired-client-timeout: 1800",
        "ede: yes", "ede-serve-expired: yes"]}, ["dark"]),
    Variant(Unbound, "private-address", {"server": ["private-address: 203.0.113.66/32"]}, ["liar"]),
    Variant(Bind),
    Variant(Bind, "stale-answer-enable", {"options": [
        "stale-cache-enable yes;", "stale-answer-enable yes;", "stale-answer-client-timeout 0;"]}, ["dark"]),
    Variant(Bind, "fetches-per-server 50", {"options": ["fetches-per-server 50 fail;"]}, ["cap"]),
    Variant(Bind, "deny-answer-addresses", {"options": [
        "deny-answer-addresses { 203.0.113.66/32; };"]}, ["liar"]),
    Variant(Kresd),
    Variant(Kresd, "policy.STUB", {"policy": "STUB"}),
    Variant(Kresd, "serve_stale", {"lines": ["modules.load('serve_stale < cache')"]}, ["dark"]),
    Variant(Kresd, "serve_stale and policy.STUB", {
        "policy": "STUB", "lines": ["modules.load('serve_stale < cache')"]}, ["dark"]),
    Variant(Recursor),
    Variant(Recursor, "serve-stale-extensions", {"lines": ["serve-stale-extensions=2880"]}, ["dark"]),
    Variant(Dnsdist),
    Variant(Dnsdist, "setStaleCacheEntriesTTL", {"lines": ["setStaleCacheEntriesTTL(86400)"]}, ["dark"]),
    Variant(Dnsdist, "MaxQPSIPRule(80)", {"lines": ["addAction(MaxQPSIPRule(80), DropAction())"]}, ["cap"]),
    Variant(Dnsmasq),
    Variant(Dnsmasq, "use-stale-cache", {"lines": ["use-stale-cache=86400"]}, ["dark"]),
    Variant(Dnsmasq, "fast-dns-retry", {"lines": ["fast-dns-retry"]}, ["preferred", "same-question"]),
    Variant(Dnsmasq, "ignore-address", {"lines": ["ignore-address=203.0.113.66"]}, ["liar"]),
]
