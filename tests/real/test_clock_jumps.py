# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody sets the wall clock while zones are looked after: months ahead, or back.

The server's clock is moved by a library that is loaded into it (LD_PRELOAD) and adds what a file
says; its peers go on by the real one.
"""
import os
import shutil
import struct
import subprocess

import pytest

import net
import receivers
from test_catalog import Bind, consumer, primary, served, wait_for, zones  # noqa: F401 (fixtures)
from test_update_out import BOUND, World, is_equal

pytestmark = pytest.mark.own

HOUR, DAY = 3600, 86400

LIBRARY = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int64_t ahead(void)
{
	int64_t seconds = 0;
	int fd = open(getenv("CLOCK_AHEAD"), O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, &seconds, sizeof seconds) != sizeof seconds)
		seconds = 0;
	if (fd >= 0)
		close(fd);
	return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, clock, ts);
	if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		ts->tv_sec += ahead();
	return rc;
}
"""


class Clock:
    def __init__(self, directory):
        self.path, library = str(directory / "ahead"), str(directory / "clock.so")
        (directory / "clock.c").write_text(LIBRARY)
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, str(directory / "clock.c")], check=True)
        self.set(0)
        self.env = {"LD_PRELOAD": library, "CLOCK_AHEAD": self.path}

    def set(self, seconds):
        with open(self.path + ".new", "wb") as out:
            out.write(struct.pack("=q", seconds))
        os.rename(self.path + ".new", self.path)


@pytest.fixture
def clock(tmp_path):
    if not shutil.which("cc"):
        pytest.skip("needs a C compiler")
    return Clock(tmp_path)


@pytest.fixture
def moved(holdfast, clock):
    """As `holdfast`, by that clock."""
    return lambda *args, **how: holdfast(*args, env=clock.env, **how)


def test_updates_fail_while_the_clock_is_wrong_and_go_on_when_it_is_right(clock, moved, tmp_path, need):
    if receivers.Knot.which() is None:
        need("knotd")
    world = World(tmp_path, moved)
    there = world.receiver(receivers.Knot)
    try:
        world.begin({"north": there.at}, look="1s")
        net.wait_until("version 2", lambda: is_equal(there, 2), BOUND)
        world.wait_current("north")
        serial = 2
        for jump in (30 * DAY, -HOUR):
            serial += 1
            failures = world.metric("_failures_total", "north")
            clock.set(jump)
            world.publish(serial)
            net.wait_until("a failure", lambda: world.metric("_failures_total", "north") > failures, BOUND)
            assert world.metric("_current", "north") == 0
            assert there.serial() == serial - 1  # nothing of it has arrived
            clock.set(0)
            net.wait_until("version %d" % serial, lambda: is_equal(there, serial), BOUND)
            world.wait_current("north")
        assert "could not be given a version by updates" in world.log()
        assert world.log().count("had changed a provider's zone") == 0
    finally:
        there.stop()


def test_members_of_a_catalog_stay_whatever_the_clock_says(clock, primary, consumer):  # noqa: F811
    bind = primary(Bind, {"a.example.": "x1", "b.example.": "x2"})
    server = consumer(bind)
    server.stop()
    server.env.update(clock.env)
    server.start()
    wait_for(server, {"a.example.": 1, "b.example.": 1})
    for number, jump in enumerate((30 * DAY, -300 * DAY, 0)):
        clock.set(jump)
        name, gone = "c%d.example." % number, "c%d.example." % (number - 1)
        bind.renew({"a.example.": "x1", "b.example.": "x2", name: "y%d" % number})
        wait_for(server, {name: 1, gone: None, "a.example.": 1, "b.example.": 1})
        assert zones(server)["a.example"]["loads"] <= 1  # and were left in peace
    # A start in the past: what lies on the disk was proven after now, which proves nothing; the
    # primaries do.
    server.kill()
    clock.set(-300 * DAY)
    server.start()
    wait_for(server, {"a.example.": 1, "b.example.": 1, "c2.example.": 1})
    assert served(server, "c1.example.") is None
