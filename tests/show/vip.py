#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two nodes behind one address, and one of them boots with an old zone.

Makes three network namespaces: a network with a primary (NSD), a client and, for BIRD, a
router; and two nodes, each a server that transfers the zone, and what leads clients to it: a
real keepalived, or a real BIRD with an anycast route. With holdfast these go by the files of
contrib/vip; with NSD, Knot, BIND and Unbound by a script that asks the node for the zone's SOA
(vip_nodes.py).

The client asks the common address a hundred times a second, all along, while node a is
killed, gets the copy of its zone from before the last change, and is started again; the
primary is up and newer, is down, or has been set back to the old zone itself. Then the primary
is well again. Needs root. Prints a table, and with --write puts it into docs/vip.md. Ends with 1
if one old answer of holdfast's reached the client, or if its node a was not back within five
seconds of the right zone; of the others it only tells.
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
import vip_nodes
import wire
from vip_nodes import ADDRESSES, CLIENT, PRIMARY, SOON, VIP, ZONE

OLD, NEW = (9, "10.0.3.17"), (12, "10.0.8.1")
CASES = ("newer", "down", "lower")   # what the primary is when node a boots


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
                      'zone:\n name: "%s"\n zonefile: "corp.zone"\n provide-xfr: 0.0.0.0/0 NOKEY\n%s'
                      % (PRIMARY, self.directory, self.directory, self.directory, ZONE, "".join(
                          " notify: %s NOKEY\n" % a for a in ADDRESSES.values())))
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
    for name, address in ADDRESSES.items():
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
    if node.front_kind == "keepalived":
        return node.vip + "/" in node.space.run("ip", "-o", "addr", "show", "dev", "eth0")
    return "via " + node.address in lan.run("ip", "route", "show", node.vip)


def serial_of(node):
    with node.space.inside():
        return soa("127.0.0.1")


def when(true, seconds):
    """How long until it is so; None: not in that time."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if true():
            return time.monotonic() - began
        time.sleep(0.02)
    return None


def prepare(nodes, lan, primary, old):
    """Both serve the new version, clients are led to a; `old` is what a had before."""
    for node in nodes.values():
        node.lead()
    primary.start(OLD)
    for node in nodes.values():
        node.start()
    for node in nodes.values():
        net.wait_until("node %s to be ready" % node.name, node.ready, SOON, 0.1)
    a = nodes["a"]
    net.wait_until("node a to keep a copy", a.saved, SOON, 0.1)
    a.kill()
    shutil.copytree(a.state, old)
    primary.start(NEW)
    a.start()
    for node in nodes.values():
        net.wait_until("node %s to have the new zone" % node.name, lambda: serial_of(node) == NEW[0], SOON, 0.1)
        net.wait_until("node %s to be ready" % node.name, node.ready, SOON, 0.1)
    net.wait_until("clients to be led to node a", lambda: has_it(a, lan), SOON, 0.1)
    net.wait_until("the address to answer", lambda: at_vip(lan, a.vip) == NEW[0], SOON, 0.1)


NOT_OUT = -1.0     # node a had clients all along, with the old zone


def boot_old(nodes, lan, primary, case, old):
    """Node a boots with the old copy. How long it took until clients were led away, whether it
    had clients meanwhile, and how long after the primary was well it was led to and right."""
    a, result = nodes["a"], {}
    led_away = threading.Thread(target=lambda: result.update(
        out=when(lambda: has_it(nodes["b"], lan), 10)))
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
    result["wrongly"] = a.ready() and case != "newer"
    never_out = has_it(a, lan) and case != "newer"
    primary.start(NEW)
    began = time.monotonic()
    if when(lambda: serial_of(a) == NEW[0], 30) is None:
        return {**result, "right": None, "back": None}
    result["right"] = time.monotonic() - began if case != "newer" else 0.0
    back = when(lambda: has_it(a, lan), 15)
    return {**result, "back": NOT_OUT if never_out else back and (0.0 if case == "newer" else back)}


def drill(kind, front, case, directory):
    lan, places = network(directory)
    primary = Primary(lan, stage.subdirectory(directory, "primary"))
    nodes = {n: kind(n, places[n], stage.subdirectory(directory, n), front) for n in ADDRESSES}
    if front == "bird":
        vip_nodes.start_router(lan, directory)
    old = os.path.join(directory, "old")
    prepare(nodes, lan, primary, old)
    client = Client(lan, VIP[front])
    time.sleep(1)
    result = boot_old(nodes, lan, primary, case, old)
    time.sleep(1)
    client.stop()
    result.update({"server": kind.label, "front": front, "primary": case, "asked": len(client.heard),
                   "old": client.count(OLD[1]), "lost": client.count("-"), "servfail": client.count("2"),
                   "gap": client.longest_gap()})
    for node in nodes.values():
        node.stop()
    primary.stop()
    for space in [lan] + list(places.values()):
        space.stop()
    return result


# --- what is told of it ------------------------------------------------------------

HEAD = ("server", "front", "primary", "asked", "old answers", "lost", "SERVFAIL", "longest gap",
        "out after", "right after", "back after")


def seconds(x):
    return "never" if x is None else "was not out" if x == NOT_OUT else "%.1f s" % x


def cells(r):
    return [r["server"], r["front"], r["primary"]] + [str(r[x]) for x in ("asked", "old", "lost", "servfail")] + [
        seconds(r[x]) for x in ("gap", "out", "right", "back")]


def show(rows):
    form = "%-9s %-11s %-8s" + " %12s" * 8
    print(form % HEAD)
    for r in rows:
        print(form % tuple(cells(r)), flush=True)


MARKS = ("<!-- Written by `tests/show/vip.py --write` from what it saw. -->\n", "<!-- /vip.py -->\n")


def versions():
    said = {"NSD": ["nsd", "-v"], "Knot": ["knotd", "-V"], "BIND": ["named", "-v"],
            "Unbound": ["unbound", "-V"], "keepalived": ["keepalived", "-v"], "BIRD": ["bird", "--version"]}
    out = []
    for name, argv in said.items():
        text = subprocess.run(["/usr/sbin/" + argv[0]] + argv[1:], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True).stdout
        out.append("%s %s" % (name, re.search(r"\d+\.\d+(\.\d+)*", text).group()))
    return ", ".join(out)


def write(rows):
    path = os.path.join(holdfast.ROOT, "docs", "vip.md")
    with open(path) as page:
        text = page.read()
    begin, end = text.index(MARKS[0]), text.index(MARKS[1])
    table = ["| " + " | ".join(HEAD) + " |", "| --- | --- | --- |" + " ---: |" * 8]
    table += ["| " + " | ".join(cells(r)) + " |" for r in rows]
    text = text[:begin] + MARKS[0] + "\n" + "\n".join(table) + "\n\nBeside it: " + versions() + ".\n\n" + text[end:]
    with open(path, "w") as page:
        page.write(text)


def is_bad(r):
    return r["server"] == vip_nodes.Holdfast.label and (
        r["old"] or r["wrongly"] or r["back"] in (None, NOT_OUT) or r["back"] > 5)


def main():
    options = stage.arguments(
        __doc__,
        stage.option("--server", choices=list(vip_nodes.KINDS), action="append", help="only these"),
        stage.option("--front", choices=("keepalived", "bird"), help="only this one"),
        stage.option("--case", choices=CASES, help="only this one"),
        stage.option("--write", action="store_true", help="the table into docs/vip.md"))
    rows = []
    for front in [options.front] if options.front else ["keepalived", "bird"]:
        for case in [options.case] if options.case else CASES:
            for kind in [vip_nodes.KINDS[k] for k in options.server or vip_nodes.KINDS]:
                with stage.stage(options.keep) as directory:
                    os.chmod(directory, 0o755)
                    say("%s, %s, the primary is %s" % (kind.label, front, case))
                    rows.append(drill(kind, front, case, directory))
                    show(rows[-1:])
    show(rows)
    if options.write:
        write(rows)
    return 1 if any(map(is_bad, rows)) else 0


if __name__ == "__main__":
    sys.exit(main())
