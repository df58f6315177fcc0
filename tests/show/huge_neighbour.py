#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long small zones wait for their new versions beside a huge one.

    tests/show/huge_neighbour.py [--build DIR] [--records N] [--seconds S]

One holdfast has a zone of a million records from one primary, and twenty small zones from
another. Every 50 ms one of the small ones gets a new version and a NOTIFY; what is told is the
time until that version is served: with the huge zone at rest, while all of it comes (AXFR) with
half of its records changed, while it comes as differences (IXFR), and while it comes from a web
server. Ends with 1 if any of the small zones waited for longer than `--most`.

The primaries are a process of their own and have their messages ready beforehand, but the machine
is shared: on two cores, the hands that work on the huge zone leave one for all others.
"""
import argparse
import http.server
import json
import multiprocessing
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

SMALL = 20
HUGE = "huge.example"
HERE, PORT = "127.0.7.1", 5300
HUGE_AT, SMALL_AT = ("127.0.7.2", 5301), ("127.0.7.3", 5301)
URL_AT = ("127.0.7.4", 5302)


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def soa(serial):
    rdata = b"\2ns\xc0\x0c\4host\xc0\x0c" + struct.pack(">5I", serial, 3600, 600, 86400, 60)
    return b"\xc0\x0c" + struct.pack(">HHIH", 6, 1, 300, len(rdata)) + rdata


def address(number, version):
    label = b"h%d" % number
    return (bytes([len(label)]) + label + b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 300, 4) +
            struct.pack(">I", 0x0a000000 + (number * 7 + version) % 0xffffff))


def framed(name, records):
    """Messages with their length, id and the question's type left 0."""
    head = wire(name) + struct.pack(">HH", 0, 1)
    out, at = [], 0
    while at < len(records):
        size, first = 12 + len(head), at
        while at < len(records) and size + len(records[at]) <= 16000:
            size += len(records[at])
            at += 1
        m = struct.pack(">6H", 0, 0x8400, 1, at - first, 0, 0) + head + b"".join(records[first:at])
        out.append(bytearray(struct.pack(">H", len(m)) + m))
    return out


NS = b"\xc0\x0c" + struct.pack(">HHIH", 2, 1, 300, 5) + b"\2ns\xc0\x0c"
NS_A = b"\2ns\xc0\x0c" + struct.pack(">HHIH", 1, 1, 300, 4) + b"\xc0\0\2\1"


def whole(name, serial, records, version):
    rest = [address(i, version if i % 2 else 0) for i in range(records)]
    return framed(name, [soa(serial), NS, NS_A] + rest + [soa(serial)])


def differences(name, serial, changed, before, after):
    return framed(name, [soa(serial), soa(serial - 1)] +
                  [address(i, before) for i in range(1, 2 * changed, 2)] + [soa(serial)] +
                  [address(i, after) for i in range(1, 2 * changed, 2)] + [soa(serial)])


class Primary:
    """Zones at one address: what is sent for each is ready."""

    def __init__(self, at):
        self.serials, self.ready = {}, {}
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(at)
        self.tcp = socket.create_server(at, backlog=64)
        threading.Thread(target=self.datagrams, daemon=True).start()
        threading.Thread(target=self.connections, daemon=True).start()

    def datagrams(self):
        while True:
            m, peer = self.udp.recvfrom(4096)
            end = m.index(0, 12) + 5
            name = m[12:end - 4]
            if name in self.serials:
                self.udp.sendto(m[:2] + struct.pack(">5H", 0x8400, 1, 1, 0, 0) + m[12:end] +
                                soa(self.serials[name]), peer)

    def connections(self):
        while True:
            threading.Thread(target=self.talk, args=(self.tcp.accept()[0],), daemon=True).start()

    def talk(self, conn):
        try:
            length = struct.unpack(">H", conn.recv(2))[0]
            m = conn.recv(length)
            end = m.index(0, 12) + 5
            kind = struct.unpack(">H", m[end - 4:end - 2])[0]
            for message in self.ready[bytes(m[12:end - 4])](kind):  # with this id and question
                conn.sendall(message[:2] + m[:2] + message[4:14] + m[12:end] + message[2 + end:])
            conn.recv(1)
        except OSError:
            pass
        finally:
            conn.close()


def primaries(pipe, records):
    """A process: takes orders (zone, serial, how) and says when it is ready."""
    huge, small = Primary(HUGE_AT), Primary(SMALL_AT)
    kept = {}

    def answer(kind):
        return kept["differences"] if kind == 251 and "differences" in kept else kept["whole"]

    huge.ready[wire(HUGE)] = answer
    while True:
        order = pipe.recv()
        if order[0] == "huge":
            _, serial, version, changed = order
            kept.pop("differences", None)
            if changed:
                kept["differences"] = differences(HUGE, serial, changed, version - 1, version)
            else:
                kept["whole"] = whole(HUGE, serial, records, version)
            huge.serials[wire(HUGE)] = serial
            pipe.send("ready")
        else:
            _, number, serial = order
            name = "s%d.example" % number
            messages = framed(name, [soa(serial), NS, NS_A, soa(serial)])
            small.ready[wire(name)] = lambda kind, messages=messages: messages
            small.serials[wire(name)] = serial
            pipe.send("ready")


def ask(name):
    m = struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + wire(name) + struct.pack(">HH", 6, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        s.sendto(m, (HERE, PORT))
        try:
            reply = s.recv(4096)
        except OSError:
            return None
    return struct.unpack(">I", reply[-20:-16])[0] if reply[7] and not reply[3] & 15 else None


def tell(name, serial, source):
    m = struct.pack(">6H", 9, 0x2400, 1, 1, 0, 0) + wire(name) + struct.pack(">HH", 6, 1) + soa(serial)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((source[0], 0))
        s.sendto(m, (HERE, PORT))


class Small:
    """Renews one small zone after the other and measures."""

    def __init__(self, pipe):
        self.pipe, self.serials, self.next = pipe, [1] * SMALL, 0

    def one(self):
        number = self.next = (self.next + 1) % SMALL
        name = "s%d.example" % number
        self.serials[number] += 1
        self.pipe.send(("small", number, self.serials[number]))
        self.pipe.recv()
        begun = time.monotonic()
        tell(name, self.serials[number], SMALL_AT)
        while ask(name) != self.serials[number]:
            if time.monotonic() - begun > 60:
                raise SystemExit("%s was never renewed" % name)
            time.sleep(0.002)
        return time.monotonic() - begun

    def until(self, over):
        waits = []
        while not over():
            begun = time.monotonic()
            waits.append(self.one())
            time.sleep(max(0, 0.05 - (time.monotonic() - begun)))
        return waits


def show(what, waits, seconds):
    waits.sort()
    print("%-34s %5.1f s %5d versions   median %6.1f ms   99%% %6.1f ms   most %6.1f ms" % (
        what, seconds, len(waits), 1000 * waits[len(waits) // 2],
        1000 * waits[len(waits) * 99 // 100], 1000 * waits[-1]), flush=True)
    return waits[-1]


def zone_text(records, serial, version):
    return ("$TTL 300\n@ SOA ns host %d 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\n" % serial +
            "".join("h%d A 10.%d.%d.%d\n" % (i, version, i >> 8 & 255, i & 255)
                    for i in range(records))).encode()


def web(pipe, records):
    """A process: the document in the version that was ordered."""
    kept = {"body": zone_text(1000, 1, 0)}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(kept["body"])))
            self.end_headers()
            self.wfile.write(kept["body"])

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(URL_AT, Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while True:
        serial = pipe.recv()
        kept["body"] = zone_text(records, serial, serial)
        pipe.send("ready")


def configuration(directory):
    zones = [{"name": "s%d.example." % i, "primaries": ["%s:%d" % SMALL_AT], "refresh-min": "5m"}
             for i in range(SMALL)]
    zones.append({"name": HUGE + ".", "primaries": ["%s:%d" % HUGE_AT], "refresh-min": "5m",
                  "allow-transfer": ["127.0.0.0/8"], "journal-size": "256MiB"})
    zones.append({"name": "url.example.", "url": "http://%s:%d/zone" % URL_AT, "refresh-min": "1s",
                  "refresh-max": "3s", "max-shrink": 100})
    conf = {"listen": {"dns": ["%s:%d" % (HERE, PORT)]}, "control": os.path.join(directory, "control"),
            "workers": 2, "upstreams": {"none": {"address": "127.0.0.1:1"}},
            "forward": [{"zone": ".", "to": ["none"]}], "startup": {"verify": "off"},
            "zone-state": os.path.join(directory, "state"), "zones": zones}
    path = os.path.join(directory, "holdfast.yaml")
    with open(path, "w") as out:
        out.writelines("%s: %s\n" % (key, json.dumps(value)) for key, value in conf.items())
    return path


def main():
    parse = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parse.add_argument("--build", default="build-release")
    parse.add_argument("--records", type=int, default=1_000_000)
    parse.add_argument("--seconds", type=float, default=5, help="at rest, and behind each version")
    parse.add_argument("--most", type=float, default=0.2, help="seconds that nobody may wait beyond")
    args = parse.parse_args()
    directory = tempfile.mkdtemp(prefix="huge-")
    pipe, theirs = multiprocessing.Pipe()
    web_pipe, webs = multiprocessing.Pipe()
    processes = [multiprocessing.Process(target=primaries, args=(theirs, args.records), daemon=True),
                 multiprocessing.Process(target=web, args=(webs, args.records), daemon=True)]
    for process in processes:
        process.start()

    def order(*what):
        pipe.send(what)
        pipe.recv()

    for number in range(SMALL):
        order("small", number, 1)
    order("huge", 1, 0, 0)
    log = open(os.path.join(directory, "log"), "w")
    server = subprocess.Popen([os.path.join(args.build, "holdfast"), "run", "-c",
                               configuration(directory)], stdout=log, stderr=log)
    try:
        while ask(HUGE) != 1 or any(ask("s%d.example" % i) != 1 for i in range(SMALL)):
            time.sleep(0.1)
            if server.poll() is not None:
                raise SystemExit(open(log.name).read())
        time.sleep(3)
        small = Small(pipe)
        most = show("at rest", *timed(small, lambda begun: time.monotonic() - begun > args.seconds))

        def beside(what, name, serial):
            served = []

            def over(begun):
                if not served and ask(name) == serial:
                    served.append(time.monotonic())
                return served and time.monotonic() - served[0] > args.seconds
            return show(what, *timed(small, over))

        order("huge", 2, 1, 0)
        tell(HUGE, 2, HUGE_AT)
        most = max(most, beside("a new version, all of it (AXFR)", HUGE, 2))
        order("huge", 3, 2, args.records // 10)
        tell(HUGE, 3, HUGE_AT)
        most = max(most, beside("a tenth of it changed (IXFR)", HUGE, 3))
        web_pipe.send(2)
        web_pipe.recv()
        most = max(most, beside("a new document of a web server", "url.example", 2))
        web_pipe.send(3)
        web_pipe.recv()
        most = max(most, beside("... and the next one", "url.example", 3))
        return int(most > args.most)
    finally:
        server.terminate()
        server.wait(60)
        for process in processes:
            process.terminate()
        shutil.rmtree(directory, ignore_errors=True)


def timed(small, over):
    begun = time.monotonic()
    waits = small.until(lambda: over(begun))
    return waits, time.monotonic() - begun


if __name__ == "__main__":
    sys.exit(main())
