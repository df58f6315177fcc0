#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two nodes behind one address, and one of them boots with an old zone.

Makes three network namespaces: a network with a primary (NSD), a client and, for BIRD, a
router; and two nodes, each a holdfast that transfers the zone, and what leads clients to it:
a real keepalived whose check is `holdfast ready`, or a real BIRD whose anycast route is
announced and withdrawn by the hooks. Both go by the files of contrib/vip.

The client asks the common address a hundred times a second, all along, while node a is
killed, gets the copy of its zone from before the last change, and is started again; the
primary is up and newer, is down, or has been set back to the old zone itself. Then the primary
is well again. Needs root. Prints a table; ends with 1 if one old answer reached the client, or
if node a was not back within five seconds of the right zone.
"""
import os
import re
import shutil
import subprocess
import sys
import threading
import time

import stage
from stage import say

import ask
import holdfast
import net
import spaces
import wire

ZONE = "corp.internal."
OLD, NEW = (9, "10.0.3.17"), (12, "10.0.8.1")
PRIMARY, CLIENT, VIP = "10.53.0.1", "10.53.0.9", {"keepalived": "10.53.0.53", "bird": "10.53.9.53"}
NODES = {"a": "10.53.0.21", "b": "10.53.0.22"}
CONTRIB = os.path.join(holdfast.ROOT, "contrib", "vip")
SOON = 20


# --- the primary -----------------------------------------------------------------

class Primary:
    def __init__(self, space, directory):
        self.space, self.directory, self.process = space, directory, None

    def start(self, version):
        self.stop()
        serial, address = version
        with open(os.path.join(self.directory, "corp.zone"), "w") as out:
            out.write("$ORIGIN %s\n$TTL 60\n@ SOA ns admin %d 2 1 3600 5\n@ NS ns\nns A %s\n"
                      "www A %s\n" % (ZONE, serial, PRIMARY, address))
        conf = os.path.join(self.directory, "nsd.conf")
        with open(conf, "w") as out:
            out.write('server:\n ip-address: %s\n username: ""\n chroot: ""\n zonesdir: "%s"\n'
                      ' pidfile: "%s/nsd.pid"\n xfrdfile: ""\n zonelistfile: "%s/zone.list"\n'
                      ' database: ""\n reuseport: no\n'
                      'remote-control:\n control-enable: no\n'
                      'zone:\n name: "%s"\n zonefile: "corp.zone"\n provide-xfr: 0.0.0.0/0 NOKEY\n'
                      % (PRIMARY, self.directory, self.directory, self.directory, ZONE))
        with self.space.inside():
            self.process = net.Process("nsd", ["/usr/sbin/nsd", "-d", "-c", conf],
                                       os.path.join(self.directory, "nsd.log"))
            net.wait_until("the primary to answer", lambda: soa(PRIMARY) == serial, SOON)

    def stop(self):
        if self.process:
            self.process.kill()
        self.process = None


def soa(address):
    try:
        m = ask.udp(address, 53, wire.query(ZONE, "SOA"), 0.3)
    except (OSError, AssertionError):
        return None
    rows = [r for r in m.answer if r.type == 6] if m else []
    return int.from_bytes(rows[0].rdata[-20:-16], "big") if rows else None


# --- nodes -----------------------------------------------------------------------

class Node:
    def __init__(self, name, space, directory, kind):
        self.name, self.space, self.directory, self.kind = name, space, directory, kind
        self.address = NODES[name]
        self.state = os.path.join(directory, "zones")
        self.socket = os.path.join(directory, "control.sock")
        self.process, self.front, self.starts = None, None, 0

    def conf(self):
        birdc = ["/usr/sbin/birdc", "-s", os.path.join(self.directory, "bird.ctl")]
        hooks = {"on-ready": birdc + ["enable", "anycast"],
                 "on-withdraw": birdc + ["disable", "anycast"]} if self.kind == "bird" else {}
        return {
            "listen": {"dns": ["0.0.0.0:53"], "http": "none"}, "control": self.socket, "workers": 1,
            "upstreams": {"primary": {"address": PRIMARY}},
            "forward": [{"zone": ".", "to": ["primary"]}],
            "cache": {"size": "8MiB"}, "startup": {"verify": "off"},
            "truth": {"sample": "none", "canaries": "0s", "serials": "0s"},
            "zone-state": self.state,
            "zones": [{"name": ZONE, "primaries": [PRIMARY]}],
            "siblings": {"servers": [a for n, a in NODES.items() if n != self.name],
                         "interval": "1s", "vip": VIP[self.kind]},
            "ready": {"upstreams": "none", "linger": "2s", **hooks},
        }

    def start(self):
        self.starts += 1
        path = os.path.join(self.directory, "holdfast.yaml")
        with open(path, "w") as out:
            out.write(holdfast.yaml(self.conf()))
        os.makedirs(self.state, exist_ok=True)
        with self.space.inside():
            self.process = net.Process("holdfast", [holdfast.binary(), "run", "-c", path],
                                       os.path.join(self.directory, "holdfast-%d.log" % self.starts))

    def kill(self):
        self.process.kill()
        self.process = None
        if self.kind == "bird":  # ExecStopPost= of the unit: who is killed tells nobody
            self.space.run("/usr/sbin/birdc", "-s", os.path.join(self.directory, "bird.ctl"),
                           "disable", "anycast")

    def ready(self):
        return holdfast.run_verb("ready", "-s", self.socket)[0] == 0

    def soa(self, of=None):
        with self.space.inside():
            return soa("127.0.0.1")

    def lead(self):
        """Starts what leads clients here."""
        (self.lead_keepalived if self.kind == "keepalived" else self.lead_bird)()

    def contrib(self, name, *changes):
        with open(os.path.join(CONTRIB, name)) as text:
            conf = text.read()
        for old, new in changes:
            assert old in conf, old
            conf = conf.replace(old, new)
        path = os.path.join(self.directory, name)
        with open(path, "w") as out:
            out.write(conf)
        return path

    def lead_keepalived(self):
        other = [a for n, a in NODES.items() if n != self.name][0]
        path = self.contrib(
            "keepalived.conf", ("unicast_src_ip 10.53.0.21", "unicast_src_ip " + self.address),
            ("\t\t10.53.0.22\n", "\t\t" + other + "\n"), ("priority 100", "priority %d" % (110 if self.name == "a" else 100)),
            ("/usr/bin/holdfast ready -s /run/holdfast/control.sock",
             "%s ready -s %s" % (holdfast.binary(), self.socket)))
        pids = [x for o in "prc" for x in ("-" + o, os.path.join(self.directory, o + ".pid"))]
        with self.space.inside():
            self.front = net.Process("keepalived", ["/usr/sbin/keepalived", "-n", "-l", "-D", "-P",
                                                    "-f", path] + pids,
                                     os.path.join(self.directory, "keepalived.log"))

    def lead_bird(self):
        self.space.run("ip", "addr", "add", VIP["bird"] + "/32", "dev", "lo")
        path = self.contrib("bird.conf", ("10.53.0.53/32 blackhole", VIP["bird"] + "/32 blackhole"),
                            ("65021", "650" + self.address[-2:]), ("10.53.1.21", self.address),
                            ("10.53.1.1", PRIMARY))
        with self.space.inside():
            self.front = net.Process("bird", ["/usr/sbin/bird", "-f", "-c", path, "-s",
                                              os.path.join(self.directory, "bird.ctl")],
                                     os.path.join(self.directory, "bird.log"))
            net.wait_until("BIRD to run", lambda: os.path.exists(os.path.join(self.directory, "bird.ctl")), SOON)


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
                    for name, address in NODES.items())
    path = os.path.join(directory, "router.conf")
    with open(path, "w") as out:
        out.write(ROUTER % {"primary": PRIMARY, "peers": peers})
    with space.inside():
        return net.Process("bird", ["/usr/sbin/bird", "-f", "-c", path, "-s",
                                    os.path.join(directory, "router.ctl")],
                           os.path.join(directory, "router.log"))


# --- the client ------------------------------------------------------------------

class Client:
    """Asks the common address a hundred times a second and writes down what it hears."""

    def __init__(self, space, vip):
        self.space, self.vip = space, vip
        self.heard, self.stopping = [], threading.Event()  # (when asked, what: an address, "-", a code)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        with self.space.inside():
            client = ask.Udp(self.vip, 53, source=CLIENT)
        sent, i = {}, 0
        with client:
            while not self.stopping.is_set():
                i = (i + 1) % 65536
                if i in sent:
                    self.heard.append((sent.pop(i), "-"))
                sent[i] = time.monotonic()
                try:
                    client.send(wire.query("www." + ZONE, id=i))
                except OSError:
                    pass
                for reply in client.drain(100, 0.01):
                    m = wire.Message(reply)
                    if m.id in sent:
                        what = (m.addresses() or [str(m.rcode)])[0]
                        self.heard.append((sent.pop(m.id), what))
        self.heard += [(at, "-") for at in sent.values()]
        self.heard.sort()

    def stop(self):
        self.stopping.set()
        self.thread.join()

    def count(self, what):
        return sum(1 for _, x in self.heard if x == what)

    def longest_gap(self):
        """The longest time without the right address."""
        good = [at for at, x in self.heard if x == NEW[1]]
        return max((b - a for a, b in zip(good, good[1:])), default=0)


# --- a drill ---------------------------------------------------------------------

def network(directory):
    lan = spaces.Space("lan", os.path.join(directory, "lan.log"))
    lan.run("ip", "link", "add", "br0", "type", "bridge")
    lan.run("ip", "link", "set", "br0", "up")
    for address in (PRIMARY, CLIENT):
        lan.run("ip", "addr", "add", address + "/24", "dev", "br0")
    nodes = {}
    for name, address in NODES.items():
        nodes[name] = spaces.Space("node " + name, os.path.join(directory, name + ".log"))
        spaces.cable(lan, "v" + name, nodes[name], "eth0")
        lan.run("ip", "link", "set", "v" + name, "master", "br0")
        nodes[name].run("ip", "addr", "add", address + "/24", "dev", "eth0")
    return lan, nodes


def at_vip(lan, vip):
    with lan.inside():
        return soa(vip)


def has_it(node, lan):
    """Does the common address lead to this node?"""
    if node.kind == "keepalived":
        return VIP["keepalived"] + "/" in node.space.run("ip", "-o", "addr", "show", "dev", "eth0")
    return "via " + node.address in lan.run("ip", "route", "show", VIP["bird"])


def when(true, seconds):
    """How long until it is so; None: not in that time."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if true():
            return time.monotonic() - began
        time.sleep(0.02)
    return None


def drill(kind, case, directory):
    lan, places = network(directory)
    primary = Primary(lan, stage.subdirectory(directory, "primary"))
    nodes = {n: Node(n, places[n], stage.subdirectory(directory, n), kind) for n in NODES}
    a, b, vip = nodes["a"], nodes["b"], VIP[kind]
    if kind == "bird":
        start_router(lan, directory)
    for node in nodes.values():
        node.lead()
    primary.start(OLD)
    for node in nodes.values():
        node.start()
    for node in nodes.values():
        net.wait_until("node %s to be ready" % node.name, node.ready, SOON, 0.1)
    old = os.path.join(directory, "old")
    a.kill()
    shutil.copytree(a.state, old)
    primary.start(NEW)
    a.start()
    for node in nodes.values():
        net.wait_until("node %s to have the new zone" % node.name, lambda: node.soa() == NEW[0], SOON, 0.1)
        net.wait_until("node %s to be ready" % node.name, node.ready, SOON, 0.1)
    net.wait_until("clients to be led to node a", lambda: has_it(a, lan), SOON, 0.1)
    net.wait_until("the address to answer", lambda: at_vip(lan, vip) == NEW[0], SOON, 0.1)

    client = Client(lan, vip)
    time.sleep(1)
    led_away = threading.Thread(target=lambda: result.update(out=when(lambda: has_it(b, lan), 10)))
    result = {}
    led_away.start()
    a.kill()
    shutil.rmtree(a.state)
    shutil.copytree(old, a.state)
    if case == "down":
        primary.stop()
    elif case == "lower":
        primary.start(OLD)
    led_away.join()
    a.start()
    time.sleep(6)
    unproven = a.ready() and case != "newer"
    primary.start(NEW)
    have = when(lambda: a.soa() == NEW[0], 30)
    back = when(lambda: has_it(a, lan), 15)
    time.sleep(1)
    client.stop()
    result.update({"front": kind, "primary": case, "asked": len(client.heard), "old": client.count(OLD[1]),
              "lost": client.count("-"), "servfail": client.count("2"), "gap": client.longest_gap(),
              "back": back if case != "newer" else 0.0 if back is not None else None,
              "wrongly": unproven, "have": have})
    for node in nodes.values():
        node.kill()
        node.front.kill()
    primary.stop()
    for space in [lan] + list(places.values()):
        space.stop()
    return result


def show(rows):
    head = ("front", "primary", "asked", "old answers", "lost", "SERVFAIL", "longest gap", "out after", "back after")
    print(("%-11s %-8s" + " %12s" * 7) % head)
    for r in rows:
        seconds = lambda x: "never" if x is None else "%.2f s" % x
        print(("%-11s %-8s" + " %12s" * 7) % (
            r["front"], r["primary"], r["asked"], r["old"], r["lost"], r["servfail"],
            seconds(r["gap"]), seconds(r["out"]), seconds(r["back"])))


def main():
    options = stage.arguments(
        __doc__, stage.option("--front", choices=("keepalived", "bird"), help="only this one"),
        stage.option("--case", choices=("newer", "down", "lower"), help="only this one"))
    rows = []
    for kind in [options.front] if options.front else ["keepalived", "bird"]:
        for case in [options.case] if options.case else ["newer", "down", "lower"]:
            with stage.stage(options.keep) as directory:
                os.chmod(directory, 0o755)
                say("%s, the primary is %s" % (kind, case))
                rows.append(drill(kind, case, directory))
                show(rows[-1:])
    show(rows)
    bad = [r for r in rows if r["old"] or r["wrongly"] or r["back"] is None or r["back"] > 5]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
