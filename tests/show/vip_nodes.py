# SPDX-License-Identifier: GPL-3.0-or-later
"""vip_nodes.py - the nodes of vip.py: a server with the zone, and what leads clients to it.

Each node is a namespace in which a server takes the zone from the primary and keeps it in
`state`, and in which keepalived or BIRD runs by the files of contrib/vip. With holdfast
keepalived's check is `holdfast ready`, and the route is led by its hooks. The others have what
is common with them: a script that asks the server on its node for the zone's SOA with `dig`.
keepalived runs it every second, and for BIRD a loop does, which enables and disables the
route when the outcome changes. Each of them hears of new versions by NOTIFY, too.
"""
import os

import holdfast
import net
import stage

ZONE = "corp.internal."
PRIMARY, CLIENT, VIP = "10.53.0.1", "10.53.0.9", {"keepalived": "10.53.0.53", "bird": "10.53.9.53"}
ADDRESSES = {"a": "10.53.0.21", "b": "10.53.0.22"}
CONTRIB = os.path.join(holdfast.ROOT, "contrib", "vip")
SOON = 20

CHECK = """#!/bin/sh
dig +short +time=1 +tries=1 @127.0.0.1 %s SOA | grep -q '^[^;]'
""" % ZONE

LEAD = """#!/bin/sh
last=
while sleep 1; do
	if %(check)s; then now=enable; else now=disable; fi
	[ $now = "$last" ] || birdc -s %(control)s $now anycast
	last=$now
done
"""


class Node:
    """Kinds say how their server is configured (`configure`: its command line), and how one
    hears that it may have clients (`check`: a command; the one above)."""

    label = None

    def __init__(self, name, space, directory, front):
        self.name, self.space, self.directory, self.front_kind = name, space, directory, front
        self.address, self.vip = ADDRESSES[name], VIP[front]
        self.state = stage.subdirectory(directory, "zones")
        self.process, self.front, self.loop, self.starts = None, None, None, 0
        self.check = self.path("check", CHECK)
        os.chmod(self.check, 0o755)
        self.argv = self.configure()

    def path(self, name, text=None):
        path = os.path.join(self.directory, name)
        if text is not None:
            with open(path, "w") as out:
                out.write(text)
        return path

    # --- the server ---

    def saved(self):
        """Is there a copy of the zone that outlives the process?"""
        path = os.path.join(self.state, "zone")
        return os.path.exists(path) and os.path.getsize(path) > 0

    def start(self):
        self.starts += 1
        with self.space.inside():
            self.process = net.Process(type(self).__name__, self.argv,
                                       self.path("server-%d.log" % self.starts), cwd=self.directory)

    def kill(self):
        self.process.kill()
        self.process = None

    def ready(self):
        try:
            self.space.run(*self.check.split())
        except AssertionError:
            return False
        return True

    # --- what leads clients here ---

    @property
    def control(self):
        return self.path("bird.ctl")

    def lead(self):
        (self.lead_keepalived if self.front_kind == "keepalived" else self.lead_bird)()

    def contrib(self, name, *changes):
        with open(os.path.join(CONTRIB, name)) as text:
            conf = text.read()
        for old, new in changes:
            assert old in conf, old
            conf = conf.replace(old, new)
        return self.path(name, conf)

    def lead_keepalived(self):
        other = [a for n, a in ADDRESSES.items() if n != self.name][0]
        path = self.contrib(
            "keepalived.conf", ("unicast_src_ip 10.53.0.21", "unicast_src_ip " + self.address),
            ("\t\t10.53.0.22\n", "\t\t" + other + "\n"),
            ("priority 100", "priority %d" % (110 if self.name == "a" else 100)),
            ("/usr/bin/holdfast ready -s /run/holdfast/control.sock", self.check))
        pids = [x for o in "prc" for x in ("-" + o, self.path(o + ".pid"))]
        with self.space.inside():
            self.front = net.Process("keepalived", ["/usr/sbin/keepalived", "-n", "-l", "-D", "-P",
                                                    "-f", path] + pids, self.path("keepalived.log"))

    def lead_bird(self):
        self.space.run("ip", "addr", "add", self.vip + "/32", "dev", "lo")
        path = self.contrib("bird.conf", ("10.53.0.53/32 blackhole", self.vip + "/32 blackhole"),
                            ("65021", "650" + self.address[-2:]), ("10.53.1.21", self.address),
                            ("10.53.1.1", PRIMARY))
        with self.space.inside():
            self.front = net.Process("bird", ["/usr/sbin/bird", "-f", "-c", path, "-s", self.control],
                                     self.path("bird.log"))
            net.wait_until("BIRD to run", lambda: os.path.exists(self.control), SOON)
            self.lead_by_script()

    def lead_by_script(self):
        script = self.path("lead", LEAD % {"check": self.check, "control": self.control})
        self.loop = net.Process("lead", ["sh", script], self.path("lead.log"))

    def stop(self):
        for process in (self.process, self.front, self.loop):
            if process:
                process.kill()


class Holdfast(Node):
    label = "holdfast"

    def configure(self):
        socket = self.path("control.sock")
        self.check = "%s ready -s %s" % (holdfast.binary(), socket)
        birdc = ["/usr/sbin/birdc", "-s", self.control]
        hooks = {"on-ready": birdc + ["enable", "anycast"],
                 "on-withdraw": birdc + ["disable", "anycast"]} if self.front_kind == "bird" else {}
        conf = {
            "listen": {"dns": ["0.0.0.0:53"], "http": "none"}, "control": socket, "workers": 1,
            "upstreams": {"primary": {"address": PRIMARY}},
            "forward": [{"zone": ".", "to": ["primary"]}],
            "cache": {"size": "8MiB"}, "startup": {"verify": "off"},
            "truth": {"sample": "none", "canaries": "0s", "serials": "0s"},
            "zone-state": self.state,
            "zones": [{"name": ZONE, "primaries": [PRIMARY]}],
            "siblings": {"servers": [a for n, a in ADDRESSES.items() if n != self.name],
                         "interval": "1s", "vip": self.vip},
            "ready": {"upstreams": "none", "linger": "2s", **hooks},
        }
        return [holdfast.binary(), "run", "-c", self.path("holdfast.yaml", holdfast.yaml(conf))]

    def saved(self):
        return bool(os.listdir(self.state))

    def lead_by_script(self):
        """Its hooks do."""

    def kill(self):
        super().kill()
        if self.front_kind == "bird":  # ExecStopPost= of the unit: who is killed tells nobody
            self.space.run("/usr/sbin/birdc", "-s", self.control, "disable", "anycast")


class Nsd(Node):
    label = "NSD"

    def configure(self):
        addresses = "".join(" ip-address: %s\n" % a for a in ("127.0.0.1", self.address, self.vip))
        return ["/usr/sbin/nsd", "-d", "-c", self.path("nsd.conf", (
            'server:\n%(addresses)s ip-freebind: yes\n username: ""\n chroot: ""\n'
            ' zonesdir: "%(state)s"\n pidfile: "%(state)s/nsd.pid"\n xfrdfile: "%(state)s/xfrd.state"\n'
            ' zonelistfile: "%(state)s/zone.list"\n xfrdir: "%(state)s"\n database: ""\n'
            ' zonefiles-write: 1\nremote-control:\n control-enable: no\n'
            'zone:\n name: "%(zone)s"\n zonefile: "zone"\n'
            ' request-xfr: %(primary)s NOKEY\n allow-notify: %(primary)s NOKEY\n') % {
                "addresses": addresses, "state": self.state, "zone": ZONE, "primary": PRIMARY})]


class Knot(Node):
    label = "Knot"

    def configure(self):
        return ["/usr/sbin/knotd", "-c", self.path("knot.conf", (
            "server:\n  listen: [127.0.0.1@53, %(address)s@53, %(vip)s@53]\n"
            "  rundir: \"%(directory)s\"\ndatabase:\n  storage: \"%(state)s\"\n"
            "log:\n- target: stderr\n  any: info\n"
            "remote:\n- id: primary\n  address: %(primary)s\n"
            "acl:\n- id: notify\n  address: %(primary)s\n  action: notify\n"
            "zone:\n- domain: %(zone)s\n  storage: \"%(state)s\"\n  file: zone\n"
            "  master: primary\n  acl: notify\n") % {
                "address": self.address, "vip": self.vip, "state": self.state, "primary": PRIMARY,
                "zone": ZONE, "directory": self.directory})]


class Bind(Node):
    label = "BIND"

    def configure(self):
        return ["/usr/sbin/named", "-g", "-4", "-c", self.path("named.conf", (
            'options { directory "%(state)s"; listen-on { any; }; listen-on-v6 { none; };'
            " pid-file none; session-keyfile none; dnssec-validation no; recursion no;"
            " empty-zones-enable no; notify no; allow-query { any; }; };\ncontrols { };\n"
            'zone "%(zone)s" { type secondary; file "zone"; primaries { %(primary)s; }; };\n') % {
                "state": self.state, "zone": ZONE, "primary": PRIMARY})]


class Unbound(Node):
    label = "Unbound"

    def configure(self):
        addresses = "".join("  interface: %s\n" % a for a in ("127.0.0.1", self.address, self.vip))
        return ["/usr/sbin/unbound", "-d", "-p", "-c", self.path("unbound.conf", (
            "server:\n%(addresses)s  ip-freebind: yes\n  directory: \"%(state)s\"\n  chroot: \"\"\n"
            "  username: \"\"\n  pidfile: \"\"\n  use-syslog: no\n  access-control: 0.0.0.0/0 allow\n"
            "  module-config: \"iterator\"\n  local-zone: \"internal.\" nodefault\n"
            "remote-control:\n  control-enable: no\n"
            "auth-zone:\n  name: \"%(zone)s\"\n  zonefile: \"%(state)s/zone\"\n"
            "  primary: %(primary)s\n  allow-notify: %(primary)s\n  for-downstream: yes\n"
            "  for-upstream: yes\n  fallback-enabled: no\n") % {
                "addresses": addresses, "state": self.state, "zone": ZONE, "primary": PRIMARY})]


KINDS = {kind.__name__.lower(): kind for kind in (Holdfast, Nsd, Knot, Bind, Unbound)}


# --- the router of the anycast address ------------------------------------------------

ROUTER = """
router id %(primary)s;
protocol device {
}
protocol kernel {
	scan time 1;
	ipv4 { export all; import none; };
}
%(peers)s
"""


def start_router(space, directory):
    peers = "".join("protocol bgp %s {\n\tlocal %s as 65001;\n\tneighbor %s as 650%s;\n"
                    "\tconnect retry time 1;\n\terror wait time 1, 2;\n"
                    "\tipv4 { import all; export none; %s };\n}\n"
                    % (name, PRIMARY, address, address[-2:],
                       "preference 110;" if name == "a" else "")
                    for name, address in ADDRESSES.items())
    path = os.path.join(directory, "router.conf")
    with open(path, "w") as out:
        out.write(ROUTER % {"primary": PRIMARY, "peers": peers})
    with space.inside():
        return net.Process("bird", ["/usr/sbin/bird", "-f", "-c", path, "-s",
                                    os.path.join(directory, "router.ctl")],
                           os.path.join(directory, "router.log"))
