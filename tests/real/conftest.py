# SPDX-License-Identifier: GPL-3.0-or-later
"""conftest.py - fixtures: one server under test, its peers and its fakes.

All that a test starts is stopped when it ends; the read-only peers live as
long as the test process. A failed test shows the output of every program that
ran during it.
"""
import os
import subprocess

import pytest

import fake as fakes
import holdfast as under_test
import net
import still
import zonemaker

REQUIRE = os.environ.get("HOLDFAST_REQUIRE_PEERS") == "1"
ONCE = os.environ.get("HOLDFAST_ONCE") == "1"


def missing(what):
    """A peer or tool that is not installed: skip, or fail where it must be there."""
    if REQUIRE:
        pytest.fail("%s is not installed, and HOLDFAST_REQUIRE_PEERS=1" % what)
    pytest.skip("%s is not installed" % what)


@pytest.fixture(scope="session")
def need():
    return missing


def pytest_collection_modifyitems(items):
    """Nothing to test is one clear sentence and not a thousand errors."""
    if not under_test.STANDIN and under_test.binary() is None:
        pytest.exit("no build*/holdfast: build it, or name it in HOLDFAST_BIN", 2)
    if under_test.STANDIN:
        for item in items:
            if item.get_closest_marker("own"):
                item.add_marker(pytest.mark.skip("the stand-in is not holdfast"))


def pytest_report_header():
    binary = under_test.binary()
    if under_test.STANDIN:
        return "server: %s, standing in for holdfast" % under_test.STANDIN
    version = subprocess.run([binary, "version"], stdout=subprocess.PIPE, text=True,
                             stderr=subprocess.STDOUT).stdout if binary else "none\n"
    return "server: %s: %s" % (binary, version.splitlines()[0] if version else "silent")


def pytest_sessionstart():
    if not ONCE:
        still.watch()


def pytest_runtest_protocol(item, nextitem):
    """A test that fails while the machine stands still is run again (still.py)."""
    if ONCE:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in still.run(item, nextitem):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_terminal_summary(terminalreporter):
    still.tell(terminalreporter)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for process in list(net.Process.running):
            tail = process.output()[-4000:]
            if tail:
                report.sections.append(("output of %s" % process.name, tail))


def _servers(directory_for):
    """Hands out servers and at the end stops each, complaining of all that is wrong."""
    started = []

    def start(upstreams, start=True, **how):
        server = under_test.Holdfast(directory_for(len(started)), upstreams, start=False, **how)
        started.append(server)
        if start:
            server.start()
        return server

    yield start
    wrong = []
    for server in started:
        try:
            server.finish()
        except AssertionError as error:
            wrong.append(str(error))
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def holdfast(tmp_path):
    """Starts servers: holdfast({"a": fake.at}, cache={...}) -> Holdfast. With
    start=False only the file is written."""
    def directory(number):
        path = tmp_path / ("holdfast-%d" % number)
        path.mkdir()
        return path

    yield from _servers(directory)


@pytest.fixture(scope="module")
def shared_holdfast(tmp_path_factory):
    """The same for servers that all tests of a file put their questions to."""
    yield from _servers(lambda number: tmp_path_factory.mktemp("holdfast"))


@pytest.fixture
def fake():
    """Starts fake upstreams: fake(behaviour) -> Fake."""
    started = []

    def start(behave=fakes.honest, **how):
        upstream = fakes.Fake(behave, **how)
        started.append(upstream)
        return upstream

    yield start
    for upstream in started:
        upstream.stop()


@pytest.fixture(scope="module")
def shared_fake():
    started = []

    def start(behave=fakes.honest, **how):
        upstream = fakes.Fake(behave, **how)
        started.append(upstream)
        return upstream

    yield start
    for upstream in started:
        upstream.stop()


@pytest.fixture(scope="session")
def zones(tmp_path_factory):
    return zonemaker.Zones(tmp_path_factory.mktemp("zones"))


@pytest.fixture(scope="session")
def fleet(tmp_path_factory, zones):
    """Read-only peers, each started when first asked for: fleet(peers.Nsd)."""
    running = {}

    def get(kind, **how):
        key = (kind, tuple(sorted(how)))
        if kind.which() is None:
            missing(kind.program)
        if key not in running:
            if "upstreams" not in how:
                how = {"zones": zones.files, **how}
            running[key] = kind(tmp_path_factory.mktemp("peer"), **how)
        return running[key]

    yield get
    for peer in running.values():
        peer.stop()


@pytest.fixture
def peer(tmp_path, zones):
    """A peer of the test's own, to be killed and restarted: peer(peers.Nsd)."""
    started = []

    def start(kind, **how):
        if kind.which() is None:
            missing(kind.program)
        if "upstreams" not in how and "zones" not in how:
            how["zones"] = zones.files
        p = kind(tmp_path, **how)
        started.append(p)
        return p

    yield start
    for p in started:
        p.stop()
