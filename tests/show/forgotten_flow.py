#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""An idle TLS connection that a device on the way has forgotten.

Two network namespaces with a cable between them: the server under test in one, an
upstream over TLS in the other. Each round asks a question, lets the connection rest,
has nftables drop all that comes from it from then on, as a NAT device does that has
had enough of idle flows, and takes the time of the next question. holdfast and
Unbound (forward-tls-upstream) take turns. Needs root, nft and openssl. Printed:
median, 99th percentile and the slowest; ends with 1 if holdfast's 99th percentile is
not below --most milliseconds.
"""
import shutil
import sys
import time

import stage
from stage import option, say

import ask
import authority
import fake as fakes
import holdfast
import net
import spaces
import wire

NAME, PORT = "dns.example", 8853
NEAR, FAR = "10.99.0.1", "10.99.0.2"


def forget_flows(space, ports):
    space.run("nft", "add table inet nat; flush table inet nat; "
              "add chain inet nat way { type filter hook input priority 0; }; "
              "add rule inet nat way tcp sport { %s } drop" % ", ".join(map(str, ports)))


def start_holdfast(directory, ca):
    server = holdfast.Holdfast(directory, {"dot": {
        "address": "tls://%s:%d" % (FAR, PORT), "tls-name": NAME, "tls-ca": ca.pem}}, workers=1)
    return server.address, server.finish


def start_unbound(directory, ca):
    address = net.address()
    path = directory + "/unbound.conf"
    with open(path, "w") as out:
        out.write("""server:
    interface: %s@%d
    do-daemonize: no\n    username: ""\n    chroot: ""\n    directory: "%s"\n    pidfile: ""
    use-syslog: no\n    num-threads: 1\n    module-config: "iterator"\n    tls-cert-bundle: "%s"
    access-control: 127.0.0.0/8 allow\n    qname-minimisation: no
remote-control:\n    control-enable: no
forward-zone:\n    name: "."\n    forward-tls-upstream: yes\n    forward-addr: %s@%d#%s
""" % (address, holdfast.PORT, directory, ca.pem, FAR, PORT, NAME))
    process = net.Process("unbound", ["/usr/sbin/unbound", "-d", "-p", "-c", path],
                          directory + "/unbound.log")
    net.wait_until("Unbound to serve", lambda: net.accepts(address, holdfast.PORT))
    return address, process.stop


def rounds(address, upstream, far, options):
    took = []
    for n in range(options.rounds):
        for name in ("warm%d.example." % n, "next%d.example." % n):
            began = time.monotonic()
            reply = ask.udp(address, holdfast.PORT, wire.query(name), 20)
            last = time.monotonic() - began
            if reply is None or wire.Message(reply.wire).rcode:
                last = 20.0
            if name.startswith("warm"):
                time.sleep(options.rest)
                forget_flows(far, {q.source[1] for q in upstream.seen[-1000:]})
        took.append(last * 1000)
    return sorted(took)


def main():
    options = stage.arguments(
        __doc__, option("--rounds", type=int, default=40), option("--rest", type=float, default=1.5),
        option("--most", type=float, default=300), option("--only", choices=["holdfast", "unbound"]))
    if not spaces.possible() or not shutil.which("nft"):
        sys.exit("this needs root and nft")
    bad = False
    with stage.stage(options.keep) as directory:
        ca = authority.Authority(stage.subdirectory(directory, "ca"))
        context = ca.certify(NAME).context()
        near, far = (spaces.Space(name, directory + "/" + name) for name in ("near", "far"))
        spaces.cable(near, "near0", far, "far0")
        near.run("ip", "addr", "add", NEAR + "/24", "dev", "near0")
        far.run("ip", "addr", "add", FAR + "/24", "dev", "far0")
        say("%-10s %10s %10s %10s   ms, %d rounds" % ("", "median", "p99", "slowest", options.rounds))
        for name, start in (("holdfast", start_holdfast), ("unbound", start_unbound)):
            if options.only not in (None, name):
                continue
            with far.inside():
                upstream = fakes.Fake(tls=context, address=FAR, port=PORT)
            with near.inside():
                address, stop = start(stage.subdirectory(directory, name), ca)
                took = rounds(address, upstream, far, options)
                stop()
            upstream.stop()
            p99 = took[min(len(took) - 1, int(len(took) * 0.99))]
            say("%-10s %10.1f %10.1f %10.1f" % (name, took[len(took) // 2], p99, took[-1]))
            bad |= name == "holdfast" and p99 >= options.most
        for space in (near, far):
            space.stop()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
