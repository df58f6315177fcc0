# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones among files, disks, programs and primaries that are not as they should be: what was
served goes on being served, nothing hangs or grows, and it is said."""
import contextlib
import os
import re
import shutil
import socket
import ssl
import stat
import subprocess
import threading
import time

import pytest

import authority
import fake as fakes
import net
import primaries
import spaces
import web as webs
import wire
from test_zones import QUICK, ZONE, serial_of, text, wait_for, write

pytestmark = pytest.mark.own
SOON = 60


def said(server, what, times=1):
    return server.process.output().count(what) >= times


def wait_said(server, what):
    net.wait_until("the log to say %r" % what, lambda: said(server, what), SOON, 0.05)


# --- files -----------------------------------------------------------------------------

def fifo(path):
    os.mkfifo(path)


def endless_link(path):
    os.symlink("/dev/zero", path)


def link_to_itself(path):
    os.symlink(path, path)


def sparse(path):
    """A terabyte of nothing."""
    with open(path, "wb") as out:
        out.truncate(1 << 40)


def why_not(server):
    return re.search("corp: (it is no file|it cannot be read|zone text is too long)", server.process.output())


NOT_FILES = [os.mkdir, fifo, endless_link, link_to_itself, sparse]


@pytest.mark.parametrize("make", NOT_FILES, ids=lambda f: f.__name__)
def test_a_zone_file_that_becomes_none_leaves_the_version_and_is_told_of(make, holdfast, tmp_path):
    path = str(tmp_path / "corp")
    write(path, text(1))
    server = holdfast({"u": "127.0.0.1:1"}, zones=[{"name": ZONE, "file": path, **QUICK}])
    wait_for(server, 1)
    make(path + ".other")
    os.remove(path)
    os.rename(path + ".other", path)
    net.wait_until("it to be told", lambda: why_not(server), SOON, 0.05)
    assert serial_of(server) == 1
    assert net.rss(server.pid) < 300 << 20
    (os.rmdir if make is os.mkdir else os.remove)(path)
    write(path, text(2))
    wait_for(server, 2)


# (One that is not there, or leads nowhere, is a fault of the configuration.)
@pytest.mark.parametrize("make", [f for f in NOT_FILES if f is not link_to_itself], ids=lambda f: f.__name__)
def test_a_zone_file_that_is_none_at_the_start_holds_up_nobody(make, holdfast, tmp_path):
    path = str(tmp_path / "corp")
    make(path)
    server = holdfast({"u": "127.0.0.1:1"}, zones=[{"name": ZONE, "file": path, **QUICK}])
    assert server.udp("serial." + ZONE, "TXT").rcode == wire.SERVFAIL
    net.wait_until("it to be told", lambda: why_not(server), SOON, 0.05)
    (os.rmdir if make is os.mkdir else os.remove)(path)
    write(path, text(1))
    wait_for(server, 1)


# --- disks -----------------------------------------------------------------------------

class Mounted:
    """holdfast with `zone-state` on a file system of its own, and a primary."""

    def __init__(self, holdfast, tmp_path, need, options):
        if not spaces.own_files():
            pytest.skip("needs a file system of its own")
        if not primaries.Nsd.which():
            need("nsd")
        self.place = str(tmp_path / "state")
        os.mkdir(self.place)
        (tmp_path / "primary").mkdir()
        self.primary = primaries.Nsd(tmp_path / "primary", size=20)
        self.server = holdfast({"u": "127.0.0.1:1"}, start=False, **{"zone-state": self.place}, zones=[
            {"name": ZONE, "primaries": [self.primary.at], "refresh-min": "1s", "refresh-max": "1s",
             "max-shrink": 100}])
        self.server.start(argv=["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o %s none "$0" && exec "$@"' % options,
                                self.place] + self.server.argv())

    def copy(self):
        """What is in the directory, as the server sees it; octets of the copy."""
        inside = "/proc/%d/root%s" % (self.server.pid, self.place)
        return {name: os.path.getsize(os.path.join(inside, name)) for name in os.listdir(inside)}

    def renew(self, size):
        self.primary.renew(text=primaries.version(self.primary.serial + 1, size))
        wait_for(self.server, self.primary.serial)

    def end(self):
        self.primary.stop()


@pytest.fixture
def mounted(holdfast, tmp_path, need):
    made = []

    def mount(options):
        made.append(Mounted(holdfast, tmp_path, need, options))
        wait_for(made[0].server, 1)
        return made[0]

    yield mount
    for each in made:
        each.end()


STEM = ZONE + "zone"


def test_a_full_disk_leaves_the_copy_from_before_and_costs_no_version(mounted):
    state = mounted("size=32k")
    net.wait_until("a copy", lambda: state.copy().get(STEM), SOON)
    before = state.copy()[STEM]
    state.renew(3000)
    wait_said(state.server, "the copy cannot be written: No space left on device")
    assert state.copy()[STEM] == before and not [n for n in state.copy() if n.endswith(".tmp")]
    state.renew(30)
    net.wait_until("the next copy", lambda: state.copy()[STEM] > before, SOON)


def test_a_full_disk_under_a_zone_from_a_url_is_tried_again_until_it_takes_the_copy(holdfast, tmp_path):
    if not spaces.own_files():
        pytest.skip("needs a file system of its own")
    place, web = str(tmp_path / "state"), webs.Web(port=5380)
    os.mkdir(place)
    try:
        web.pages["/corp"] = webs.page(text(1))
        server = holdfast({"u": "127.0.0.1:1"}, start=False, **{"zone-state": place}, zones=[
            {"name": ZONE, "url": "http://%s:5380/corp" % web.address, **QUICK}])
        server.start(argv=["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=64k none "$0" && exec "$@"',
                           place] + server.argv())
        inside = "/proc/%d/root%s" % (server.pid, place)

        def size(name=STEM):
            path = os.path.join(inside, name)
            return os.path.getsize(path) if os.path.exists(path) else 0

        wait_for(server, 1)
        net.wait_until("a copy", size, SOON)
        net.wait_until("its proof", lambda: size(ZONE + "proof"), SOON)
        before, proof = size(), open(os.path.join(inside, ZONE + "proof"), "rb").read()
        with open(os.path.join(inside, "ballast"), "wb") as out:
            try:
                out.write(b"x" * (1 << 20))
            except OSError:
                pass
        web.pages["/corp"] = webs.page(text(2, "".join("h%d A 192.0.2.1\n" % i for i in range(200))))
        wait_for(server, 2)
        wait_said(server, "the copy cannot be written: No space left on device")
        assert size() == before and not [n for n in os.listdir(inside) if n.endswith(".tmp")]
        # What lies there is of version 1, and nobody says of it that it was proven again.
        assert open(os.path.join(inside, ZONE + "proof"), "rb").read() == proof
        os.remove(os.path.join(inside, "ballast"))
        net.wait_until("the copy of version 2", lambda: size() > before, SOON)
        assert server.process.output().count("the copy cannot be written") == 1
    finally:
        web.stop()


def test_a_directory_that_is_read_only_from_the_start_is_told_of(mounted):
    state = mounted("size=1m,ro")
    wait_said(state.server, "zone-state")
    wait_said(state.server, "Read-only file system")
    state.renew(30)


# --- hooks -----------------------------------------------------------------------------

HOOKS = {
    "writes without end": "exec yes no such route\n",
    "writes without end and goes on in the background": "yes >&2 & exec yes\n",
    "forks": "i=0; while [ $i -lt 40 ]; do sleep 1000 & i=$((i+1)); done; sleep 1000\n",
    "hears nothing of signals": "trap '' TERM INT HUP; while :; do sleep 1; done\n",
    "closes its output and stays": "exec >&- 2>&-; sleep 1000\n",
}


def children_of(pid):
    """Processes whose parent, or whose group's leader was, is this process: its own and theirs."""
    with open("/proc/%d/task/%d/children" % (pid, pid)) as said_:
        return said_.read().split()


@pytest.mark.parametrize("body", HOOKS.values(), ids=HOOKS)
def test_a_hook_that_does_not_end_is_killed_with_all_that_it_began(body, fake, holdfast, tmp_path):
    groups, hook = tmp_path / "groups", tmp_path / "hook"
    hook.write_text("#!/bin/sh\necho $$ >>%s\n%s" % (groups, body))
    hook.chmod(stat.S_IRWXU)
    server = holdfast({"a": fake().at}, ready={"rise": "300ms", "on-withdraw": [str(hook)], "timeout": "400ms"})
    wait_said(server, "on-withdraw was killed")
    first = int(groups.read_text().split()[0])
    net.wait_until("its group to be gone", lambda: not in_group(first), 60, 0.05)
    assert server.udp("fine.example.").addresses()
    assert net.rss(server.pid) < 300 << 20
    assert len(children_of(server.pid)) <= 1


def in_group(group):
    """Processes of a group that still run."""
    out = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as line:
                fields = line.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] not in "ZX":
            out.append(pid)
    return out


@pytest.mark.parametrize("spoil", [lambda p: p.chmod(0o600), lambda p: p.unlink(), lambda p: (p.unlink(), p.mkdir()),
                                   lambda p: p.write_text("#!/nowhere/sh\n"), lambda p: p.write_bytes(b"\x7fELF no")],
                         ids=["no right", "gone", "a directory", "no shell", "no program"])
def test_a_hook_that_cannot_be_run_is_told_of_and_tried_again(spoil, fake, holdfast, tmp_path):
    hook = tmp_path / "hook"
    hook.write_text("#!/bin/sh\n")
    hook.chmod(stat.S_IRWXU)
    spoil(hook)
    server = holdfast({"a": fake().at}, ready={"rise": "0s", "on-ready": [str(hook)]})
    wait_said(server, "on-ready has failed")
    assert server.udp("fine.example.").addresses()


# --- primaries over TLS ------------------------------------------------------------------

@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    return authority.Authority(tmp_path_factory.mktemp("ca")).certify("ns.example")


def no_tls(peer, _):
    """Plain text where a handshake should be."""
    peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 50)
    time.sleep(1)


def slow_handshake(peer, _):
    """A record that says that it is long, an octet now and then."""
    peer.sendall(b"\x16\x03\x03\x40\x00")
    while True:
        peer.sendall(b"\x02")
        time.sleep(0.05)


def endless_handshake(peer, _):
    """Handshake records without end, each of a message that is never whole."""
    record = b"\x16\x03\x03\x40\x00" + b"\x0b\xff\xff\xff" + b"x" * 16380
    while True:
        peer.sendall(record)


def nothing(peer, _):
    time.sleep(60)


def in_tls(talk):
    def act(peer, certificate):
        with certificate.context().wrap_socket(peer, server_side=True) as tls:
            talk(tls, peer)
    act.__name__ = talk.__name__
    return act


@in_tls
def garbage_after_the_handshake(tls, _):
    tls.recv(4096)
    tls.sendall(os.urandom(1 << 20))


@in_tls
def garbage_beneath_tls(tls, peer):
    tls.recv(4096)
    os.write(peer.fileno() if peer.fileno() >= 0 else tls.fileno(), os.urandom(4096))
    time.sleep(1)


@in_tls
def endless_small_records(tls, _):
    """A message of 64 KiB, an octet a record, for as long as it is read."""
    tls.recv(4096)
    tls.sendall(b"\xff\xff")
    while True:
        tls.sendall(b"x")
        time.sleep(0.02)


@in_tls
def silence_after_the_handshake(_tls, _):
    time.sleep(60)


ATTACKS = [no_tls, slow_handshake, endless_handshake, nothing, garbage_after_the_handshake, garbage_beneath_tls,
           endless_small_records, silence_after_the_handshake]


class Attacker:
    """A primary over TLS that does this to whoever comes."""

    def __init__(self, act, certificate):
        self.act, self.certificate, self.came = act, certificate, 0
        self.door = socket.create_server((net.address(), net.PORT))
        threading.Thread(target=self.run, daemon=True).start()

    @property
    def at(self):
        return "tls://%s:%d" % self.door.getsockname()

    def run(self):
        while True:
            try:
                peer, _ = self.door.accept()
            except OSError:
                return
            self.came += 1
            threading.Thread(target=self.one, args=(peer,), daemon=True).start()

    def one(self, peer):
        with peer:
            try:
                self.act(peer, self.certificate)
            except (OSError, ssl.SSLError, ValueError):
                pass


@pytest.mark.parametrize("act", ATTACKS, ids=lambda f: f.__name__)
def test_a_primary_that_attacks_over_tls_costs_one_connection_and_no_zone(act, certificate, holdfast, tmp_path):
    """The same zone from a file beside it, and another's, go on; a good primary after it is used."""
    bad, path = Attacker(act, certificate), str(tmp_path / "corp")
    write(path, text(1))
    server = holdfast({"u": "127.0.0.1:1"}, zones=[
        {"name": "evil.example", "primaries": [bad.at], "tls-pins": [certificate.pin()],
         "refresh-min": "1s", "refresh-max": "1s"},
        {"name": ZONE, "file": path, **QUICK}])
    net.wait_until("it to be asked", lambda: bad.came, SOON)
    write(path, text(2))
    wait_for(server, 2)
    time.sleep(0.3)
    assert server.udp("www.evil.example.").rcode == wire.SERVFAIL
    assert serial_of(server) == 2
    assert net.rss(server.pid) < 300 << 20
    assert net.cpu_seconds(server.pid) < 5
    bad.door.close()


def test_a_primary_that_wants_another_handshake_gets_nothing(certificate, holdfast, tmp_path):
    """TLS 1.2 has that; openssl asks for it when told R."""
    address, port = "127.0.0.1", net.port()
    log = open(tmp_path / "openssl.log", "wb")
    evil = subprocess.Popen(
        ["openssl", "s_server", "-accept", "%s:%d" % (address, port), "-cert", certificate.pem, "-key", certificate.key,
         "-tls1_2", "-alpn", "dot", "-legacy_renegotiation"], stdin=subprocess.PIPE, stdout=log, stderr=log)
    try:
        net.wait_until("openssl to listen", lambda: net.accepts(address, port), 60)
        server = holdfast({"u": "127.0.0.1:1"}, zones=[
            {"name": "evil.example", "primaries": ["tls://%s:%d" % (address, port)],
             "tls-pins": [certificate.pin()], "refresh-min": "1s", "refresh-max": "1s"}])
        with contextlib.suppress(BrokenPipeError):
            while not said(server, "Rehandshake was requested"):
                evil.stdin.write(b"R\n")
                evil.stdin.flush()
                time.sleep(0.05)
        assert server.udp("www.evil.example.").rcode == wire.SERVFAIL
        assert server.udp("localhost.").rcode == 0
        assert net.cpu_seconds(server.pid) < 5
    finally:
        evil.kill()
        evil.wait()
        log.close()
