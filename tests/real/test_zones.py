# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones served with authority: files that change, and copies from before a restart.

The gate is tried where it matters: an old copy is never answered from once a newer version
is known, whoever of those who know it can be reached.
"""
import os
import random
import subprocess
import threading
import time

import pytest

import holdfast as under_test
import net
import primaries
import spaces
import wire

pytestmark = pytest.mark.own

ZONE = primaries.ZONE
NOT_READY = 14
QUICK = {"refresh-min": "1s", "refresh-max": "1s", "grace": "1s"}


def text(serial, more=""):
    return ("$TTL 300\n@ SOA ns host %d 60 10 3600 30\n@ NS ns\nns A 192.0.2.53\n"
            "serial TXT \"%d\"\n%s" % (serial, serial, more))


def write(path, content):
    with open(str(path) + ".new", "w") as out:
        out.write(content)
    os.rename(str(path) + ".new", str(path))


def serial_of(server):
    """The serial that is served; None: the zone is not."""
    reply = server.udp("serial." + ZONE, "TXT")
    if reply is None or reply.rcode:
        return None
    assert reply.flag(0x0400), "without authority"
    return int(reply.answer[0].rdata[1:])


def wait_for(server, serial, seconds=60):
    net.wait_until("serial %s to be served" % serial, lambda: serial_of(server) == serial, seconds)


def assert_withheld(server):
    reply = server.udp("serial." + ZONE, "TXT", edns=1232)
    assert reply.rcode == wire.SERVFAIL and reply.ede == [NOT_READY]


def figure(server, name):
    """A figure of the zone."""
    return server.metrics().get('%s{zone="%s"}' % (name, ZONE.rstrip(".")))


def wait_for_figure(server, name, value):
    """Figures are read by the half second, and follow what is served and told."""
    net.wait_until("%s to be %s" % (name, value), lambda: figure(server, name) == value)


@pytest.fixture
def file_server(holdfast, tmp_path):
    """holdfast with the zone from tmp_path/zones/corp."""
    (tmp_path / "zones").mkdir()

    def start(start=True, **zone):
        return holdfast({"u": "127.0.0.1:1"}, start=start, zones=[
            {"name": ZONE, "file": str(tmp_path / "zones" / "corp"), **QUICK, **zone}])
    return start


@pytest.fixture
def nsd(tmp_path, need):
    """Starts primaries; all end with the test."""
    started = []

    def start(**how):
        if not primaries.Nsd.which():
            need(primaries.Nsd.program)
        directory = tmp_path / ("primary-%d" % len(started))
        directory.mkdir()
        started.append(primaries.Nsd(directory, **how))
        net.wait_until("the zone to be there", lambda: served_by(started[-1]), 60)
        return started[-1]

    yield start
    for primary in started:
        primary.stop()


def served_by(primary):
    reply = primary.udp(ZONE, "SOA")
    return reply is not None and reply.rcode == 0


@pytest.fixture
def secondary(holdfast, tmp_path):
    def start(*ats, **zone):
        return holdfast({"u": "127.0.0.1:1"}, **{"zone-state": str(tmp_path / "state")}, zones=[
            {"name": ZONE, "primaries": list(ats), **QUICK, **zone}])
    return start


# --- files -----------------------------------------------------------------------


def test_a_file_is_served_from_the_first_question_on_and_again_when_it_changes(file_server, tmp_path):
    write(tmp_path / "zones" / "corp", text(1))
    server = file_server()
    assert serial_of(server) == 1
    for serial in (2, 3):
        write(tmp_path / "zones" / "corp", text(serial))
        wait_for(server, serial)
    with open(str(tmp_path / "zones" / "corp"), "w") as out:  # in place, in two pieces
        out.write(text(4)[:60])
        out.flush()
        time.sleep(0.1)
        out.write(text(4)[60:])
    wait_for(server, 4)
    wait_for_figure(server, "holdfast_zone_serial", 4)


def test_a_broken_version_leaves_the_old_one_and_is_told_of_with_its_line(file_server, tmp_path):
    write(tmp_path / "zones" / "corp", text(1))
    server = file_server()
    write(tmp_path / "zones" / "corp", text(2, "www A 10.0.0\n"))
    net.wait_until("the fault to be told", lambda: "zones/corp:6: " in server.process.output())
    assert serial_of(server) == 1
    wait_for_figure(server, "holdfast_zone_source_faulty", 1)
    os.remove(str(tmp_path / "zones" / "corp"))
    time.sleep(1)
    assert serial_of(server) == 1
    write(tmp_path / "zones" / "corp", text(3))
    wait_for(server, 3)
    wait_for_figure(server, "holdfast_zone_source_faulty", 0)


def test_a_file_with_a_fault_at_the_start_is_not_served_until_it_is_mended(file_server, tmp_path):
    write(tmp_path / "zones" / "corp", text(1, "www A 10.0.0\n"))
    server = file_server()
    assert_withheld(server)
    status, page = server.get("/ready")[:2]
    assert status == 503 and ZONE.rstrip(".") in page and "corp:6: " in page  # the cause, with its line
    said = server.udp("serial." + ZONE, "TXT", edns=1232).wire
    assert b"corp:6: " in said and str(tmp_path).encode() not in said
    net.wait_until("the log to have it",
                   lambda: "and there is no version of before" in server.process.output())
    write(tmp_path / "zones" / "corp", text(2))
    wait_for(server, 2)
    net.wait_until("the node to be ready", lambda: server.get("/ready")[0] == 200)


def test_what_a_file_includes_is_watched_too(file_server, tmp_path):
    write(tmp_path / "zones" / "corp", text(1, "$INCLUDE hosts\n"))
    write(tmp_path / "zones" / "hosts", "www A 10.0.0.1\n")
    server = file_server()
    assert server.udp("www." + ZONE).addresses() == ["10.0.0.1"]
    write(tmp_path / "zones" / "hosts", "www A 10.0.0.2\n")
    net.wait_until("the change to be served",
                   lambda: server.udp("www." + ZONE).addresses() == ["10.0.0.2"])


def test_a_link_that_changes_its_aim_is_noticed(file_server, tmp_path):
    """As volumes of containers do it: the directory is swapped by a link."""
    for serial in (1, 2):
        (tmp_path / "zones" / ("..v%d" % serial)).mkdir()
        write(tmp_path / "zones" / ("..v%d" % serial) / "corp", text(serial))
    os.symlink("..v1", str(tmp_path / "zones" / "..data"))
    os.symlink("..data/corp", str(tmp_path / "zones" / "corp"))
    server = file_server()
    assert serial_of(server) == 1
    os.symlink("..v2", str(tmp_path / "zones" / "..data.new"))
    os.rename(str(tmp_path / "zones" / "..data.new"), str(tmp_path / "zones" / "..data"))
    wait_for(server, 2)


@pytest.mark.parametrize("zone,content,cause", [
    ({}, text(1), "older than"),
    ({}, "".join(text(6).splitlines(True)[:4]), "max-shrink"),
    ({"never": ["10.9.0.0/16"]}, text(6, "".join("h%d A 10.9.0.1\n" % n for n in range(9))), "never"),
], ids=["serial", "shrink", "never"])
def test_a_version_that_is_a_mistake_is_refused(zone, content, cause, file_server, tmp_path):
    write(tmp_path / "zones" / "corp", text(5, "".join("h%d A 10.0.0.1\n" % n for n in range(9))))
    server = file_server(**zone)
    assert serial_of(server) == 5
    write(tmp_path / "zones" / "corp", content)
    net.wait_until("it to be refused", lambda: "is refused" in server.process.output())
    server.says(cause)
    net.wait_until("it to be counted", lambda: figure(server, "holdfast_zone_refused_total"))
    assert serial_of(server) == 5
    wait_for_figure(server, "holdfast_zone_source_faulty", 1)


def test_check_reads_the_files_of_zones(file_server, tmp_path):
    write(tmp_path / "zones" / "corp", text(1, "www A 10.0.0\n"))
    server = file_server(start=False)
    code, said = under_test.run_verb("check", "-c", server.path)
    assert code == 2 and "zones/corp:6: error: invalid IPv4 address\n  www A 10.0.0\n" in said
    write(tmp_path / "zones" / "corp", text(1))
    assert under_test.run_verb("check", "-c", server.path)[0] == 0


def check_in_a_mount(server, place, options):
    """What check says where `place` is an empty file system of its own."""
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o %s none "$0" && exec "$@"' % options, place,
         under_test.binary(), "check", "-c", server.path],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)


def test_check_warns_of_a_directory_for_copies_that_cannot_be_had(file_server, tmp_path):
    write(tmp_path / "zones" / "corp", text(1))
    server = file_server(start=False)

    def warning(path, words):
        line = 1 + [l.startswith(("zone-state", '"zone-state')) for l in open(server.path)].index(True)
        return "%s:%d:1: warning: %s %s" % (server.path, line, path, words)

    def say(path):
        server.conf["zone-state"] = str(path)
        server.write()

    for path, words in (
            (tmp_path / "none" / "state", "is not there and cannot be made: No such file or directory; "),
            (tmp_path / "zones" / "corp", "is no directory: "),
            (tmp_path / "zones" / "corp" / "state", "cannot be written to: Not a directory; ")):
        say(path)
        code, said = under_test.run_verb("check", "-c", server.path)
        assert code == 0 and warning(path, words + "no copy of a zone outlives a restart") in said
        assert said.count("warning") == 1
    for path in (tmp_path / "state", tmp_path, "none"):  # is made; is there; is none
        say(path)
        assert "warning" not in under_test.run_verb("check", "-c", server.path)[1]
    say(tmp_path / "none" / "state")
    del server.conf["zones"]  # nobody needs it
    server.write()
    code, said = under_test.run_verb("check", "-c", server.path)
    assert code == 0 and "warning" not in said


def test_check_warns_of_a_directory_for_copies_that_is_read_only(file_server, tmp_path):
    if not spaces.own_files():
        pytest.skip("needs a file system of its own")
    write(tmp_path / "zones" / "corp", text(1))
    server = file_server(start=False)
    place = tmp_path / "place"
    place.mkdir()
    for path, words in ((place, "cannot be written to"), (place / "state", "is not there and cannot be made")):
        server.conf["zone-state"] = str(path)
        server.write()
        done = check_in_a_mount(server, str(place), "ro")
        assert done.returncode == 0
        assert "warning: %s %s: Read-only file system; " % (path, words) in done.stdout
        assert "warning" not in check_in_a_mount(server, str(place), "rw").stdout


def test_a_reload_brings_zones_and_takes_them_and_leaves_the_others_alone(file_server, tmp_path):
    write(tmp_path / "zones" / "corp", text(1))
    write(tmp_path / "zones" / "other", text(7))
    server = file_server()
    failures, done = [], threading.Event()

    def ask():
        while not done.is_set():
            if serial_of(server) != 1:
                failures.append(1)

    asker = threading.Thread(target=ask)
    asker.start()
    other = {"name": "other.example.", "file": str(tmp_path / "zones" / "other")}
    for _ in range(3):
        server.conf["zones"].append(other)
        server.write()
        server.reload()
        net.wait_until("the zone to be there",
                       lambda: server.udp("serial.other.example.", "TXT").rcode == 0)
        server.conf["zones"].pop()
        server.write()
        server.reload()
        net.wait_until("the zone to be gone",
                       lambda: not server.udp("serial.other.example.", "TXT").flag(0x0400))
    done.set()
    asker.join()
    assert not failures


# --- copies, and what was published meanwhile ---------------------------------------


def stop(server):
    server.stop()


def test_an_old_copy_is_not_answered_from_when_a_newer_version_is_there(nsd, secondary):
    primary = nsd(serial=5)
    server = secondary(primary.at)
    wait_for(server, 5)
    stop(server)
    primary.renew(6)
    net.wait_until("the primary to have it",
                   lambda: primary.udp("serial." + ZONE, "TXT").answer[0].rdata[1:] == b"6")
    server.start()
    seen = set()
    net.wait_until("the new one", lambda: seen.add(serial_of(server)) or 6 in seen, 60)
    assert 5 not in seen


def test_an_old_copy_is_held_back_when_a_witness_knows_a_newer_version(nsd, secondary):
    primary, witness = nsd(serial=5), nsd(serial=5)
    server = secondary(primary.at, published=[witness.at])
    wait_for(server, 5)
    stop(server)
    primary.stop()
    witness.renew(6)
    net.wait_until("the witness to have it",
                   lambda: witness.udp("serial." + ZONE, "TXT").answer[0].rdata[1:] == b"6")
    server.start()
    net.wait_until("what is published to be known",
                   lambda: figure(server, "holdfast_zone_published_serial") == 6, 60)
    assert_withheld(server)
    net.wait_until("the node to be withdrawn", lambda: server.get("/ready")[0] == 503)
    assert figure(server, "holdfast_zone_serial") == 5


def test_a_copy_that_nobody_proves_is_not_served_and_with_leave_it_is_marked(nsd, secondary):
    primary = nsd(serial=5)
    server = secondary(primary.at)
    wait_for(server, 5)
    stop(server)
    primary.stop()
    time.sleep(3)  # past refresh and retry
    server.start()
    assert_withheld(server)
    net.wait_until("who was asked in vain to be told of", lambda: "no witness gives a serial; %s: " % primary.at
                   in server.process.output().split("not served, SERVFAIL")[-1])
    assert "no witness gives a serial; %s: " % primary.at in server.get("/ready")[1]
    stop(server)
    server.conf["zones"][0]["serve-unproven"] = "1h"
    server.write()
    server.start()
    wait_for(server, 5, 60)
    assert server.udp("serial." + ZONE, "TXT", edns=1232).ede == [3]


def test_a_short_restart_while_the_primary_is_gone_serves_on(nsd, secondary):
    primary = nsd(serial=5)
    server = secondary(primary.at, **{"refresh-min": "10m", "refresh-max": "10m"})
    wait_for(server, 5)
    primary.stop()
    stop(server)
    server.start()
    wait_for(server, 5, 60)
    net.wait_until("the node to be ready", lambda: server.get("/ready")[0] == 200)


def test_a_primary_with_an_older_version_neither_proves_nor_replaces_the_copy(nsd, secondary):
    primary = nsd(serial=5)
    server = secondary(primary.at)
    wait_for(server, 5)
    primary.renew(4)
    net.wait_until("the primary to have it",
                   lambda: primary.udp("serial." + ZONE, "TXT").answer[0].rdata[1:] == b"4")
    time.sleep(4)
    assert serial_of(server) == 5  # it ages
    stop(server)
    time.sleep(1)
    server.start()
    net.wait_until("the primary to have been asked",
                   lambda: figure(server, "holdfast_zone_published_serial") == 4, 60)
    assert serial_of(server) is None
    primary.renew(5)
    wait_for(server, 5)


def test_a_newer_version_that_cannot_be_had_withdraws_the_old_one(nsd, secondary):
    primary, witness = nsd(serial=5), nsd(serial=5)
    server = secondary(primary.at, published=[witness.at])
    wait_for(server, 5)
    primary.stop()
    witness.renew(6)
    net.wait_until("the old one to be withdrawn", lambda: serial_of(server) is None, 60)
    assert "behind" in under_test.run_verb("status", "-c", server.path)[1]
    net.wait_until("the node to be withdrawn", lambda: server.get("/ready")[0] == 503)


def test_damaged_copies_are_dropped_and_told_of(nsd, secondary, tmp_path):
    primary = nsd(serial=5)
    server = secondary(primary.at, **{"refresh-min": "10m", "refresh-max": "10m"})
    wait_for(server, 5)
    stop(server)
    primary.stop()
    path = tmp_path / "state" / (ZONE.rstrip(".") + ".zone")
    octets = bytearray(path.read_bytes())
    octets[len(octets) // 2] ^= 1
    path.write_bytes(octets)
    server.start()
    net.wait_until("the damage to be told", lambda: "was damaged" in server.process.output())
    assert serial_of(server) is None
    net.wait_until("it to be dropped", lambda: not path.exists())


def test_kill_while_copies_are_written_leaves_the_old_or_the_new(file_server, tmp_path):
    """Killed over and over while versions come: what is there afterwards is one of them."""
    write(tmp_path / "zones" / "corp", text(1, "".join("h%d A 10.0.0.1\n" % n for n in range(3000))))
    server = file_server(start=False)
    server.conf["zone-state"] = str(tmp_path / "state")
    server.write()
    serial = 1
    for _ in range(8):
        server.start()
        wait_for(server, serial)
        serial += 1
        write(tmp_path / "zones" / "corp",
              text(serial, "".join("h%d A 10.0.0.1\n" % n for n in range(3000))))
        time.sleep(0.3 + random.random() * 0.2)
        assert "was damaged" not in server.process.output()
        server.kill()
    server.start()
    wait_for(server, serial)
    assert "was damaged" not in server.process.output()
    left = [name for name in os.listdir(str(tmp_path / "state")) if name.endswith(".tmp")]
    assert len(left) <= 2
