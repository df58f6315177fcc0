# SPDX-License-Identifier: GPL-3.0-or-later
"""test_large_zone.py - a zone whose file and copy are read and written beside the others."""
import os
import random
import time

import pytest

import net
import secondaries
from test_transfer_memory import Holding

pytestmark = pytest.mark.own

ZONE, HOSTS = "large.example.", 120000
FEW = 25000  # which is large still


def write(path, serial, hosts=HOSTS):
    with open(str(path) + ".new", "w") as out:
        out.write("$ORIGIN %s\n$TTL 300\n@ SOA ns host %d 7200 600 86400 60\n@ NS ns\nns A 192.0.2.1\n"
                  % (ZONE, serial))
        out.writelines("host%d A 10.%d.%d.%d\n" % (i, i >> 16, i >> 8 & 255, i & 255)
                       for i in range(hosts))
    os.rename(str(path) + ".new", path)


def test_a_new_version_is_read_served_and_written_down(holdfast, tmp_path):
    path, state = tmp_path / "zone", tmp_path / "state"
    write(path, 1)
    server = holdfast({"none": "127.0.0.1:1"}, zones=[{"name": ZONE, "file": str(path)}],
                      **{"zone-state": str(state)})
    net.wait_until("version 1", lambda: secondaries.soa(server, ZONE) == 1, 90)

    def copy():
        found = [f for f in os.listdir(state) if f.endswith(".zone")] if state.exists() else []
        return (state / found[0]).stat().st_mtime_ns if found else None

    before = net.wait_until("its copy", copy, 90)
    write(path, 2)
    net.wait_until("version 2", lambda: secondaries.soa(server, ZONE) == 2, 90)
    net.wait_until("its copy", lambda: copy() != before, 90)
    server.kill()
    server.start()
    assert secondaries.soa(server, ZONE) == 2
    net.wait_until("word of the copy",
                   lambda: "the copy of the last time" in server.process.output())
    write(path, 3)  # ended while it is read, or written down: that is waited for
    net.wait_until("version 3", lambda: secondaries.soa(server, ZONE) == 3, 90)
    assert server.stop() == 0
    server.start()
    assert secondaries.soa(server, ZONE) == 3


def test_a_zone_that_goes_or_changes_while_it_is_worked_on_is_never_an_old_one(holdfast, tmp_path):
    """Reloads fall into reading, making and judging; at the end there is what was published last."""
    primary, path = Holding("huge.test", FEW), tmp_path / "zone"
    primary.go.set()
    write(path, 1, FEW)
    huge = {"name": "huge.test.", "primaries": [primary.at], "refresh-min": "1s", "refresh-max": "1s"}
    large = {"name": ZONE, "file": str(path)}
    rounds = [[huge, large], [large], [huge, {**large, "max-shrink": 10}], [huge]]
    server = holdfast({"none": "127.0.0.1:1"}, zones=[huge, large], **{"zone-state": str(tmp_path / "state")})
    dice = random.Random(7)
    try:
        for serial in range(2, 9):
            write(path, serial, FEW)
            primary.renew(serial)
            time.sleep(dice.random() * 0.3)
            before = secondaries.soa(server, "huge.test.")
            server.conf["zones"] = rounds[serial % len(rounds)]
            server.write()
            assert server.reload()[0] == 0
            now = secondaries.soa(server, "huge.test.")
            assert before is None or now is None or now >= before
        server.conf["zones"] = rounds[0]
        server.write()
        assert server.reload()[0] == 0
        for zone in (ZONE, "huge.test."):
            net.wait_until("the last version of " + zone, lambda: secondaries.soa(server, zone) == 8, 90, 0.05)
        write(path, 9, FEW)
        primary.renew(9)
        time.sleep(0.3)
        assert server.stop() == 0  # whatever was under way
    finally:
        primary.stop()
