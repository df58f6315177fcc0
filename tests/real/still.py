# SPDX-License-Identifier: GPL-3.0-or-later
"""still.py - did the machine stand still?

A test that asks a server and its fakes over sockets says nothing of the server while the
host takes a core away: questions are sent twice, rests are over before they were seen,
whatever is said of time is said of the host. So there is a thread on each core that sleeps
for a moment, again and again, and writes down when it woke too late.

A test that fails is run again, with servers and fakes of its own, if and only if a core
stood still during it, and at most TRIES times in all: what is wrong fails each time, and on
a machine that runs on it fails at once. A server that died, or that a sanitizer or its own
counting of what cannot happen complains of, is no matter of time: that fails in any case.
Each such test is named at the end of the run with what it had said, so that nothing is
hidden. HOLDFAST_ONCE=1 turns this off, for who looks for tests that a slow machine breaks.
"""
import collections
import os
import re
import threading
import time

from _pytest.outcomes import OutcomeException
from _pytest.runner import runtestprotocol

TRIES = 3
NAP = 0.02    # seconds
LATE = 0.06   # seconds: longer than neighbours on the same core keep one waiting who has slept
KEPT = 10000  # of the times when a core stood still; the oldest are forgotten first
WORD = "run again"

# What Holdfast.finish says, wherever in a test it is called.
FAULT = re.compile(r"holdfast died|holdfast's output says|things happened that should not")


class Watch:
    """Threads that end with the process."""

    def __init__(self):
        self.gaps = collections.deque(maxlen=KEPT)
        for core in os.sched_getaffinity(0):
            threading.Thread(target=self._run, args=(core,), daemon=True).start()

    def _run(self, core):
        try:
            os.sched_setaffinity(0, [core])  # of this thread
        except OSError:
            pass
        before = time.monotonic()
        while True:
            time.sleep(NAP)
            now = time.monotonic()
            if now - before - NAP > LATE:
                self.gaps.append((now, now - before - NAP))
            before = now

    def longest_since(self, began):
        """The longest time for which a core stood still since then, in seconds."""
        time.sleep(2 * NAP)  # one that has just begun to run again says so
        return max((gap for ended, gap in list(self.gaps) if ended >= began), default=0.0)


_watch = None


def watch():
    global _watch
    if _watch is None:
        _watch = Watch()
    return _watch


def _begin_anew(item):
    """Nothing that the failed try has started goes on, but for what the whole run shares."""
    item.session._setupstate.teardown_exact(item.session)


def _is_a_fault(report):
    """Whatever the machine did meanwhile."""
    return report.when == "teardown" or FAULT.search(str(report.longrepr))


def run(item, nextitem):
    """Runs a test; returns the reports of the try that counts."""
    for left in reversed(range(TRIES)):
        began = time.monotonic()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        bad = [report for report in reports if report.failed]
        if not bad or not left or any(map(_is_a_fault, bad)):
            return reports
        stood = watch().longest_since(began)
        if not stood:
            return reports
        try:
            _begin_anew(item)
        except (Exception, OutcomeException):  # a server that died, say: no matter of time
            return reports
        said = getattr(getattr(bad[0].longrepr, "reprcrash", None), "message", "") or str(bad[0].longrepr)
        item.user_properties.append((WORD, "a core stood still for %.2f s; it had said: %s" % (
            stood, " ".join(said.split())[:300])))
    return reports


def tell(reporter):
    """At the end of the run: which tests were run again, and why."""
    # Each try is told by the reports of setup, test and teardown: once is enough.
    told = dict.fromkeys(
        (report.nodeid, said) for reports in list(reporter.stats.values()) for report in reports
        for word, said in getattr(report, "user_properties", ()) if word == WORD)
    if told:
        reporter.section("run again, as the machine stood still")
        for test, said in told:
            reporter.write_line("%s: %s" % (test, said))
