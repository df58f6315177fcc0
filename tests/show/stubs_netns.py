#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resolvers that programs really use, with holdfast behind resolv.conf.

Makes a network namespace of its own whose /etc/resolv.conf names 127.0.0.1, with
holdfast there on port 53 and an authoritative NSD behind it, and lets glibc
(getent, Python), c-ares (Node), Java, curl and dnspython look up names, with
each combination of the options edns0, trust-ad and use-vc. Needs root. Prints a
table; ends with 1 if any look-up failed.
"""
import itertools
import os
import shutil
import subprocess
import sys
import time

import stage
from stage import say

import holdfast
import net
import zonemaker

INNER = "HOLDFAST_SHOW_INSIDE"
ZONE = "stubs.example."
TEXT = "\n".join(zonemaker.head(ZONE) + [
    "www A 127.0.0.3", "www AAAA ::1", "alias CNAME www", "four A 192.0.2.4", "six AAAA 2001:db8::6",
    "many" + "\nmany".join(" A 198.51.100.%d" % i for i in range(1, 121)),
    "txt TXT \"hello\""]) + "\n"

JAVA = """
import java.net.InetAddress;
public class Resolve {
    public static void main(String[] names) throws Exception {
        for (String name : names)
            for (InetAddress a : InetAddress.getAllByName(name))
                System.out.println(a.getHostAddress());
    }
}
"""

NODE = """
const dns = require('node:dns').promises;
(async () => {
  const r = new dns.Resolver();
  for (const a of await r.resolve4('NAME')) console.log(a);
  if ('NAME'.startsWith('www')) for (const a of await r.resolve6('NAME')) console.log(a);
})().catch(e => { console.log(e.code); process.exit(1); });
"""


def tools(directory):
    """name -> (program, command line, what its output must contain), for each look-up."""
    python = ("import socket,sys\nfor x in socket.getaddrinfo(sys.argv[1], None, type=1): "
              "print(x[4][0])")
    dnspython = ("import dns.resolver,sys\nfor t in ('A','AAAA'):\n"
                 " for r in dns.resolver.resolve(sys.argv[1], t): print(r)")
    www, many = "www." + ZONE.rstrip("."), "many." + ZONE.rstrip(".")
    alias = "alias." + ZONE.rstrip(".")
    both, all_of_many = ["127.0.0.3"], ["198.51.100.1", "198.51.100.77", "198.51.100.120"]
    java = ["java", "-cp", directory, "Resolve"]
    return [
        ("getent ahosts", ["getent", "ahosts", www], both),
        ("getent, alias", ["getent", "ahosts", alias], both),
        ("getent, 120 addresses", ["getent", "ahosts", many], all_of_many),
        ("getent, no such name", ["getent", "ahosts", "nowhere." + ZONE], None),
        ("getent localhost", ["getent", "ahosts", "sub.localhost"], ["127.0.0.1"]),
        ("Python getaddrinfo", [sys.executable, "-c", python, www], both),
        ("Node c-ares", ["node", "-e", NODE.replace("NAME", www)], both + ["::1"]),
        ("Node c-ares, 120", ["node", "-e", NODE.replace("NAME", many)], all_of_many),
        ("Node dns.lookup", ["node", "-e", "require('dns').lookup('%s',{all:true},(e,a)=>{"
                             "if(e){console.log(e.code);process.exit(1)}"
                             "a.forEach(x=>console.log(x.address))})" % www], both),
        ("Java InetAddress", java + [www], both),
        ("Java, 120 addresses", java + [many], all_of_many),
        ("curl", ["curl", "-sS", "-4", "--noproxy", "*", "-m", "8", "http://%s:8080/" % www],
         ["hello over http"]),
        ("host", ["host", www], ["127.0.0.3"]),
        ("dig +search", ["dig", "+short", "+search", many], all_of_many),
        ("dnspython stub", ["/usr/bin/python3", "-c", dnspython, www], both + ["::1"]),
    ]


def works(argv, expected):
    """True, or what went wrong in a few words."""
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=20, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return "20 s and no end"
    if expected is None:
        return True if done.returncode == 2 and not done.stdout else "found something"
    if done.returncode:
        return "exit %d: %s" % (done.returncode, done.stdout.strip()[-80:])
    missing = [e for e in expected if e not in done.stdout.split("\n") and not any(
        line.split()[:1] == [e] or e in line for line in done.stdout.split("\n"))]
    return True if not missing else "lacks " + ", ".join(missing)


class WebServer:
    """Something for curl to fetch, on the address that the name has."""

    def __init__(self, directory):
        path = stage.subdirectory(directory, "web")
        with open(os.path.join(path, "index.html"), "w") as out:
            out.write("hello over http\n")
        self.process = net.Process("web", [sys.executable, "-m", "http.server", "8080", "--bind",
                                           "127.0.0.3", "--directory", path], directory + "/web.log")


def inside(options, directory):
    """Runs in the namespace."""
    zone = os.path.join(directory, "zone")
    with open(zone, "w") as out:
        out.write(TEXT)
    nsd = stage.peer(stage.KINDS["nsd"], directory, zones={ZONE: zone})
    holdfast.PORT = 53
    server = holdfast.Holdfast(stage.subdirectory(directory, "holdfast"), {"nsd": nsd.at},
                               address="127.0.0.1")
    WebServer(directory)
    rows = [r for r in tools(directory) if shutil.which(r[1][0])]
    for missing in sorted({r[1][0] for r in tools(directory)} - {r[1][0] for r in rows}):
        say("%s is not installed" % missing)
    net.wait_until("the web server", lambda: net.accepts("127.0.0.3", 8080), 10)
    combinations = [" ".join(c) for n in range(4)
                    for c in itertools.combinations(("edns0", "trust-ad", "use-vc"), n)]
    failures, table = [], {r[0]: [] for r in rows}
    for words in combinations:
        with open("/etc/resolv.conf", "w") as out:
            out.write("nameserver 127.0.0.1\n" + ("options %s\n" % words if words else ""))
        for name, argv, expected in rows:
            result = works(argv, expected)
            table[name].append("ok" if result is True else "FAIL")
            if result is not True:
                failures.append("%s with `%s`: %s" % (name, words, result))
    show(table, combinations)
    for failure in failures:
        say(failure)
    code = server.stop()
    say("%d look-ups, %d failed; holdfast ended with %s" % (
        sum(map(len, table.values())), len(failures), code))
    return 1 if failures or code else 0


def show(table, combinations):
    width = max(map(len, table))
    heads = [c or "(none)" for c in combinations]
    say(" " * width, "  ".join(heads))
    for name, cells in table.items():
        say(name.ljust(width), "  ".join(cell.ljust(len(h)) for cell, h in zip(cells, heads)))


def outside(options):
    """Makes the namespace and starts this program again in it, with /etc files of its own."""
    name = "holdfast-show-%d" % os.getpid()
    etc = "/etc/netns/" + name
    run = lambda *argv: subprocess.run(argv, check=True)
    with stage.stage(options.keep) as directory:
        if shutil.which("javac"):
            with open(os.path.join(directory, "Resolve.java"), "w") as out:
                out.write(JAVA)
            run("javac", "-d", directory, os.path.join(directory, "Resolve.java"))
        run("ip", "netns", "add", name)
        try:
            run("ip", "-n", name, "link", "set", "lo", "up")
            os.makedirs(etc)
            for path, text in (("resolv.conf", "nameserver 127.0.0.1\n"),
                               ("nsswitch.conf", "hosts: dns\n"), ("hosts", "")):
                with open(os.path.join(etc, path), "w") as out:
                    out.write(text)
            return subprocess.run(["ip", "netns", "exec", name, sys.executable] + sys.argv,
                                  env={**os.environ, INNER: directory}).returncode
        finally:
            shutil.rmtree(etc, ignore_errors=True)
            run("ip", "netns", "del", name)


def main():
    options = stage.arguments(__doc__)
    if os.geteuid():
        sys.exit("needs root: it makes a network namespace")
    if INNER in os.environ:
        directory = os.environ[INNER]
        try:
            return inside(options, directory)
        finally:
            for process in list(net.Process.running):
                process.kill()
            time.sleep(0.1)
    return outside(options)


if __name__ == "__main__":
    sys.exit(main())
