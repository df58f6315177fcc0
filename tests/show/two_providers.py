#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two providers take a zone from holdfast, and one of them is cut off.

Makes three network namespaces: holdfast, the hidden primary of a zone with some thousands of
names, with the parent zone (NSD); and two providers, each a real server that takes the zone
by NOTIFY and transfer, signed where it can sign. The file of the zone changes a hundred times,
once every half second. From change 20 to change 80 the second provider is cut off:

  link    its cable is unplugged
  stop    its process is stopped (SIGSTOP)
  deaf    it answers everybody, but does not reach its primary

Then, when all is current, it is cut off again, the zone changes once, and it comes back when
nothing changes any more. The zone's refresh and retry timers are long, so whoever is current
was told. Needs root. `holdfast providers --json` is asked on the way, and must say what is so.
Ends with 1 if the first provider was held up, if the second was not current again by itself,
if something untrue was said, or if the second got more NOTIFY messages than one in two seconds.
"""
import json
import os
import signal
import statistics
import sys
import threading
import time

import stage
from stage import option, say

import ask
import holdfast
import net
import peers
import secondaries
import spaces
import wire

ZONE = "corp.example."
HUB, PORT = "10.61.0.1", holdfast.PORT
LINKS = {"north": ("10.61.1.1", "10.61.1.2"), "south": ("10.61.2.1", "10.61.2.2")}
SERVERS = {kind.__name__.lower(): kind for kind in secondaries.ALL}
CHANGES, CUT, BACK, PAUSE = 100, 20, 80, 0.5
SOON = 15      # seconds in which the one that is well must have each change: a bound, no figure
LATE = 200     # ... and the other be current when it is back: a message is due every 120


# --- the zone and who serves it ---------------------------------------------------

class Zone:
    """The file, and when it had which serial."""

    def __init__(self, path, names):
        self.path, self.names, self.serial, self.written = path, names, 0, {}
        self.renew()

    def renew(self):
        serial = self.serial + 1
        lines = ["$ORIGIN %s" % ZONE, "$TTL 300",
                 "@ SOA ns.north.test. hostmaster %d 7200 3600 86400 60" % serial,
                 "@ NS ns.north.test.", "@ NS ns.south.test.", "stamp TXT \"%d\"" % serial]
        lines += ["host%d A 10.%d.%d.%d" % (i, 100 + (serial if i == serial % 50 else 0),
                                            i >> 8 & 255, i & 255) for i in range(self.names)]
        with open(self.path + ".new", "w") as out:
            out.write("\n".join(lines) + "\n")
        os.rename(self.path + ".new", self.path)
        self.written[serial], self.serial = time.monotonic(), serial


def provider(name, kind, space, directory, key):
    """A secondary in the provider's namespace, which believes our end of its cable."""
    class Here(kind):
        place = staticmethod(lambda: (LINKS[name][1], 53))

        def path(self, file, text=None):
            if text is not None:
                text = text.replace("127.0.0.0/8", "10.61.0.0/16")
            return super().path(file, text)
    Here.__name__ = kind.__name__
    with space.inside():
        return Here(directory, (LINKS[name][0], PORT), ZONE, key=key)


class Watch(threading.Thread):
    """Asks one provider for its serial all along, and notes when it had which first."""

    def __init__(self, hub, address):
        super().__init__(daemon=True)
        self.hub, self.address, self.over = hub, address, False
        self.serial, self.first = 0, []

    def run(self):
        with self.hub.inside():
            while not self.over:
                self.look()
                time.sleep(0.03)

    def look(self):
        try:
            reply = ask.udp(self.address, 53, wire.query(ZONE, "SOA"), 0.4)
        except (OSError, AssertionError):
            return
        if reply is None or reply.rcode or not reply.answer:
            return
        serial = int.from_bytes(reply.answer[0].rdata[-20:-16], "big")
        if serial != self.serial:
            self.first.append((serial, time.monotonic()))
            self.serial = serial

    def when(self, serial):
        """When it had this version or a newer one."""
        return next((at for s, at in self.first if s >= serial), None)


# --- the stage -------------------------------------------------------------------

class World:
    def __init__(self, directory, kinds, names):
        self.directory = directory
        self.hub = spaces.Space("hub", os.path.join(directory, "hub.log"))
        self.space = {n: spaces.Space(n, os.path.join(directory, n + ".log")) for n in LINKS}
        self.hub.run("ip", "addr", "add", HUB + "/32", "dev", "lo")
        for name, (ours, theirs) in LINKS.items():
            spaces.cable(self.hub, name, self.space[name], "wire")
            self.hub.run("ip", "addr", "add", ours + "/24", "dev", name)
            self.space[name].run("ip", "addr", "add", theirs + "/24", "dev", "wire")
        self.count_notifies()
        self.zone = Zone(os.path.join(directory, "corp.zone"), names)
        key = secondaries.KEY if all(k in secondaries.SIGNING for k in kinds) else None
        with self.hub.inside():
            self.start_parent()
            self.start_holdfast(key)
        self.servers = {name: provider(name, kind, self.space[name],
                                       stage.subdirectory(directory, name), key)
                        for (name, _), kind in zip(LINKS.items(), kinds)}
        self.watch = {name: Watch(self.hub, at) for name, (_, at) in LINKS.items()}
        for watch in self.watch.values():
            watch.start()

    def count_notifies(self):
        """Each that leaves for the second provider, delivered or not (opcode 4)."""
        self.hub.run("nft", "add", "table", "ip", "show")
        self.hub.run("nft", "add", "chain", "ip", "show", "out",
                     "{ type filter hook output priority 0; }")
        self.hub.run("nft", "add", "rule", "ip", "show", "out", "ip", "daddr", LINKS["south"][1],
                     "udp", "dport", "53", "@th,81,4", "4", "counter")
        self.hub.run("nft", "add", "chain", "ip", "show", "in",
                     "{ type filter hook input priority 0; }")

    def notifies(self):
        words = self.hub.run("nft", "list", "chain", "ip", "show", "out").split()
        return int(words[words.index("packets") + 1])

    def start_parent(self):
        path = os.path.join(self.directory, "example.zone")
        with open(path, "w") as out:
            out.write("$ORIGIN example.\n$TTL 3600\n@ SOA ns host 1 3600 900 1209600 300\n@ NS ns\n"
                      "ns A %s\ncorp NS ns.north.test.\ncorp NS ns.south.test.\n" % HUB)
        Parent = type("Nsd", (peers.Nsd,), {"place": staticmethod(lambda: (HUB, net.PORT))})
        self.parent = Parent(stage.subdirectory(self.directory, "parent"), {"example.": path})

    def start_holdfast(self, key):
        zone = {"name": ZONE, "file": self.zone.path, "allow-transfer": ["10.61.0.0/16"],
                "notify": ["%s:53" % theirs for _, theirs in LINKS.values()]}
        sections = {}
        if key:
            secret = os.path.join(self.directory, "secret")
            with open(secret, "w") as out:
                out.write(key[2] + "\n")
            os.chmod(secret, 0o600)
            zone["transfer-key"] = key[0]
            sections["keys"] = {key[0]: {"algorithm": key[1], "secret-file": secret}}
        self.holdfast = holdfast.Holdfast(
            stage.subdirectory(self.directory, "holdfast"), {"u": "127.0.0.1:1"}, address=HUB,
            listen={"dns": ["%s:%d" % (a, PORT) for a in [HUB] + [o for o, _ in LINKS.values()]]},
            zones=[zone],
            providers={n: {"servers": ["ns.%s.test@%s:53" % (n, at)]} for n, (_, at) in LINKS.items()},
            delegations=[{"zone": ZONE, "parents": [self.parent.at], "source": self.zone.path,
                          "every": "2s"}], **sections)

    # --- one is cut off ---

    def cut(self, way):
        if way == "link":
            self.space["south"].run("ip", "link", "set", "wire", "down")
        elif way == "stop":
            os.killpg(self.servers["south"].process.pid, signal.SIGSTOP)
        else:
            self.hub.run("nft", "add", "rule", "ip", "show", "in", "ip", "saddr", LINKS["south"][1],
                         "meta", "l4proto", "{ tcp, udp }", "th", "dport", str(PORT), "drop")

    def restore(self, way):
        if way == "link":
            self.space["south"].run("ip", "link", "set", "wire", "up")
        elif way == "stop":
            os.killpg(self.servers["south"].process.pid, signal.SIGCONT)
        else:
            self.hub.run("nft", "flush", "chain", "ip", "show", "in")
        return time.monotonic()

    def wait_for_south(self, serial):
        """At, or None."""
        end = time.monotonic() + LATE
        while time.monotonic() < end and self.watch["south"].when(serial) is None:
            time.sleep(0.05)
        return self.watch["south"].when(serial)

    def metrics(self):
        with self.hub.inside():
            return self.holdfast.metrics()

    def stop(self):
        for watch in self.watch.values():
            watch.over = True
        for server in self.servers.values():
            server.stop()
        with self.hub.inside():
            self.holdfast.stop()
        self.parent.stop()
        for space in [self.hub] + list(self.space.values()):
            space.stop()


# --- what holdfast says of it -------------------------------------------------------

class Asked(threading.Thread):
    """`holdfast providers --json`, beside what was so when it began and when it ended."""

    def __init__(self, world, label, state):
        super().__init__(daemon=True)
        self.world, self.label, self.state = world, label, state
        self.wrong, self.said = [], ""
        self.start()

    def facts(self):
        return {"file": self.world.zone.serial,
                **{n: w.serial for n, w in self.world.watch.items()}}

    def run(self):
        before = self.facts()
        with self.world.hub.inside():
            _, text = holdfast.run_verb("providers", "-c", self.world.holdfast.path, "--json",
                                        timeout=60)
        time.sleep(0.5)  # what was asked last may be newer than what we saw last
        try:
            zone = json.loads(text)["zones"][0]
        except ValueError:
            self.check(False, "it prints " + repr(text[:300]))
            return
        self.judge(zone, before, self.facts())

    def check(self, true, what):
        if not true:
            self.wrong.append("%s: %s" % (self.label, what))

    def judge(self, zone, before, after):
        found = {}
        for finding in zone["findings"]:
            if finding["severity"] != "note" and finding.get("provider"):
                found.setdefault(finding["provider"], set()).add(finding["id"])
        serial = {s["provider"]: s.get("serial") for s in zone["servers"]}
        published = zone["source"]["serial"] if isinstance(zone.get("source"), dict) else None
        self.check(published is None or before["file"] <= published <= after["file"],
                   "the source has %s" % published)
        for name in LINKS:
            ids = found.get(name, set())
            if name == "south" and self.state == "dark":
                self.check("unreachable" in ids, "south is dark, and %s is said" % sorted(ids))
                continue
            self.check("unreachable" not in ids, "%s answers, and unreachable is said" % name)
            self.check(serial[name] is not None and before[name] <= serial[name] <= after[name],
                       "%s has %d to %d, and %s is said" % (name, before[name], after[name], serial[name]))
            if published is not None and serial[name] is not None:
                self.check(("behind" in ids) == (serial[name] < published),
                           "%s has %d of %d, and %s is said" % (name, serial[name], published, sorted(ids)))
            if name == "south" and self.state == "behind":
                self.check("behind" in ids, "south is behind, and %s is said" % sorted(ids))
            if self.state == "good":
                self.check(not ids, "all is well, and %s is said of %s" % (sorted(ids), name))
        self.said = "; ".join("%s: %s" % (n, ", ".join(sorted(found.get(n, []))) or "good") for n in LINKS)


# --- one play --------------------------------------------------------------------

def changes(world, way):
    """A hundred of them. Returns when it was cut off and back, and who was asked."""
    dark = "behind" if way == "deaf" else "dark"
    asked, south = [], {}
    moments = {10: "changing", 35: dark, 50: dark, 60: dark, 90: "changing"}
    start = time.monotonic()
    for change in range(1, CHANGES + 1):
        if change == CUT:
            south["cut"], south["notifies"] = time.monotonic(), world.notifies()
            world.cut(way)
        if change == BACK:
            for one in asked:
                one.join()  # what it was asked about must be so until it ends
            south["notifies"] = world.notifies() - south["notifies"]
            south["metrics"] = world.metrics()
            south["back"] = world.restore(way)
            south["serial"] = world.zone.serial
        world.zone.renew()
        if change in moments:
            asked.append(Asked(world, "change %d" % change, moments[change]))
        time.sleep(max(0.0, start + change * PAUSE - time.monotonic()))
    return south, asked


def metric(world, figures, family, name):
    labels = 'zone="corp.example",provider="%s",server="%s:53"' % (name, LINKS[name][1])
    return figures.get("holdfast_provider_%s{%s}" % (family, labels))


def quiet_return(world, way, hold):
    """Cut off, one change, and back when nothing changes any more. Seconds, or None."""
    world.cut(way)
    world.zone.renew()
    time.sleep(hold)
    back = world.restore(way)
    at = world.wait_for_south(world.zone.serial)
    return at and at - back


def play(world, way, hold):
    wrong, first = [], world.zone.serial
    for name in LINKS:
        net.wait_until("%s to have the zone" % name,
                       lambda: world.watch[name].serial == world.zone.serial, 60)
    before = Asked(world, "before", "good")
    before.join()
    south, asked = changes(world, way)
    at = world.wait_for_south(world.zone.serial)
    caught = world.watch["south"].when(south["serial"])
    waits = []
    for serial in range(first + 1, world.zone.serial + 1):
        end = time.monotonic() + SOON
        while world.watch["north"].when(serial) is None and time.monotonic() < end:
            time.sleep(0.05)
        when = world.watch["north"].when(serial)
        waits.append(when - world.zone.written[serial] if when else float("inf"))
    if max(waits) > SOON:
        wrong.append("north was held up: %.1f s" % max(waits))
    if at is None:
        wrong.append("south is not current")
    dark = south["back"] - south["cut"]
    if south["notifies"] > dark / 2 + 3 and way != "deaf":
        wrong.append("%d NOTIFY messages in %.0f s" % (south["notifies"], dark))
    family, value = ("behind", None) if way == "deaf" else ("up", 0)
    said = metric(world, south["metrics"], family, "south")
    if (said != value) if value is not None else not said:
        wrong.append("the metric %s of south is %s" % (family, said))
    finding = "behind" if way == "deaf" else "unreachable"
    if "finding=" + finding not in world.holdfast.process.output():
        wrong.append("the log does not say %s" % finding)
    returned = quiet_return(world, way, hold) if at else None
    if returned is None:
        wrong.append("south is not current after one change and a rest")
    after = Asked(world, "after", "good")
    after.join()
    for one in [before] + asked + [after]:
        wrong += one.wrong
        say("    %-10s holdfast providers says: %s" % (one.label, one.said))
    untold = 'holdfast_zone_secondaries_untold{zone="corp.example"}'
    try:  # it is asked for its serial some seconds after it was told
        net.wait_until("south not to be complained of", lambda: not world.metrics().get(untold), LATE)
    except AssertionError as still:
        wrong.append(str(still))
    say("  %-5s north had each change after %.2f s in the median, %.2f s at worst" % (
        way, statistics.median(waits), max(waits)))
    say("        south was cut off for %.1f s and got %d NOTIFY messages; what it had missed it had "
        "%s s after it was back" % (dark, south["notifies"],
                                    "%.1f" % (caught - south["back"]) if caught else "no"))
    say("        back %.0f s after the last change, it had that %s s later" % (
        hold, "%.1f" % returned if returned is not None else "never"))
    for what in wrong:
        say("        WRONG: " + what)
    return not wrong


def main():
    options = stage.arguments(
        __doc__,
        option("--servers", default="nsd,knot", help="the two providers: %s (default nsd,knot)" %
               ", ".join(SERVERS)),
        option("--ways", default="link,stop,deaf", help="how the second is cut off (default all)"),
        option("--names", type=int, default=3000, help="names of the zone (default 3000)"),
        option("--hold", type=float, default=30, help="seconds for which the second is away when "
               "nothing changes any more (default 30)"))
    kinds = [SERVERS[name] for name in options.servers.split(",")]
    if len(kinds) != 2 or any(kind.which() is None for kind in kinds) or not spaces.possible():
        sys.exit("two servers that are installed, and the right to make namespaces, are needed")
    good = True
    for way in options.ways.split(","):
        with stage.stage(options.keep) as directory:
            say("%s and %s, %d names, cut off by: %s" % (
                *(k.__name__ for k in kinds), options.names, way))
            world = World(directory, kinds, options.names)
            try:
                good = play(world, way, options.hold) and good
            finally:
                world.stop()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
