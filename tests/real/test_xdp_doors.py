# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers at the driver: interfaces that come late, go, and change their names."""
import resource
import re
import threading
import time

import pytest

import ask
import fake as fakes
import holdfast as under_test
import net
import pairs
import spaces
import wire
from pairs import CLIENT4, PORT, SERVER4

pytestmark = pytest.mark.own

ANYWHERE = {"dns": ["0.0.0.0:%d" % PORT]}


@pytest.fixture
def pair(tmp_path):
    yield from pairs.made("native", tmp_path)


def programs(space, name="hs0"):
    return "xdp" in space.run("ip", "link", "show", "dev", name)


def attached(pair, name="hs0"):
    return pair.metrics()['holdfast_xdp_attached{interface="%s"}' % name]


def status(pair):
    code, said = under_test.run_verb("status", "-c", pair.server.path)
    assert code == 0, said
    return next(line for line in said.splitlines() if line.startswith("xdp"))


def is_answered_at(pair, address, name="hot.example."):
    before = pair.answered()
    with pair.client_side.inside(), ask.Udp(address, PORT, CLIENT4) as client:
        for _ in range(4):
            client.ask(wire.query(name), 0.3)
    return pair.answered() > before


# --- coming late -----------------------------------------------------------------

def test_an_interface_that_comes_after_the_start_is_answered_at(pair):
    run = pair.server_side.run
    run("ip", "link", "del", "hs0")
    run("ip", "addr", "add", SERVER4, "dev", "lo")
    pair.begin(listen=ANYWHERE)
    pair.server.says("cannot answer at hs0: there is no such interface")
    assert attached(pair) == 0
    assert "hs0 (not: there is no such interface)" in status(pair)
    assert wire.Message(pair.by_sockets(wire.query("hot.example."))).rcode == 0
    run("ip", "addr", "del", SERVER4, "dev", "lo")
    pair.plug()
    net.wait_until("it to be answered at", lambda: attached(pair) == 1, 60)
    pair.heat("hot.example.")
    pair.by_driver(wire.query("hot.example."))
    assert "hs0 (native)" in status(pair)
    pair.server.says("now answering at hs0 (native)")


def test_one_that_is_waited_for_is_said_once(pair):
    pair.begin(listen={**ANYWHERE, "xdp": ["hs0:native", "late0"]})
    pair.server.says("cannot answer at late0")
    time.sleep(3)
    assert pair.server.process.output().count("late0: there is no such interface") == 1
    assert attached(pair) == 1 and attached(pair, "late0") == 0


def test_what_another_program_sits_at_is_answered_at_when_that_goes(pair, tmp_path):
    pair.begin()
    directory = tmp_path / "second"
    directory.mkdir()
    with pair.server_side.inside():
        second = under_test.Holdfast(directory, {"a": pair.upstream.at},
                                     listen={"xdp": ["hs0:native"]})
        second.says("another program")
        assert second.metrics()['holdfast_xdp_attached{interface="hs0"}'] == 0
        pair.server.stop()
        net.wait_until("the second to have it", lambda: programs(pair.server_side), 60)
        assert second.metrics()['holdfast_xdp_attached{interface="hs0"}'] == 1
        second.finish()


# --- names ---------------------------------------------------------------------

def test_an_interface_that_is_renamed_is_left_and_one_that_is_named_so_is_taken(pair):
    pair.begin(listen=ANYWHERE)
    pair.heat("hot.example.")
    run = pair.server_side.run
    run("ip", "link", "set", "hs0", "down")
    run("ip", "link", "set", "hs0", "name", "other0")
    run("ip", "link", "set", "other0", "up")
    net.wait_until("it to be left", lambda: not programs(pair.server_side, "other0"), 60)
    assert attached(pair) == 0
    assert not is_answered_at(pair, SERVER4)
    run("ip", "link", "set", "other0", "down")
    run("ip", "link", "set", "other0", "name", "hs0")
    run("ip", "link", "set", "hs0", "up")
    net.wait_until("it to be taken", lambda: attached(pair) == 1, 60)
    pair.heat("hot.example.")


def test_two_interfaces_may_exchange_their_names(pair):
    run = pair.server_side.run
    run("ip", "link", "add", "hs1", "type", "veth", "peer", "name", "nobody")
    pair.begin(listen={**ANYWHERE, "xdp": ["hs0", "hs1"]})
    pair.heat("hot.example.")
    run("ip", "link", "set", "hs0", "down")
    run("ip", "link", "set", "hs0", "name", "between")
    run("ip", "link", "set", "hs1", "name", "hs0")
    run("ip", "link", "set", "between", "name", "hs1")
    run("ip", "link", "set", "hs1", "up")
    net.wait_until("both to be taken", lambda: attached(pair) + attached(pair, "hs1") == 2 and
                   programs(pair.server_side) and programs(pair.server_side, "hs1"), 60)
    pair.heat("hot.example.")


def test_an_interface_by_another_of_its_names_is_answered_at(pair):
    pair.server_side.run("ip", "link", "property", "add", "dev", "hs0", "altname", "uplink0")
    pair.begin(listen={**ANYWHERE, "xdp": ["uplink0:native"]})
    pair.heat("hot.example.")
    assert attached(pair, "uplink0") == 1


def test_one_interface_twice_is_once(pair):
    pair.server_side.run("ip", "link", "property", "add", "dev", "hs0", "altname", "uplink0")
    pair.begin(listen={**ANYWHERE, "xdp": ["hs0:native", "hs0", "uplink0"]})
    pair.server.says("'hs0' is listed twice")
    pair.server.says("cannot answer at uplink0: it is listed by another name, too")
    pair.heat("hot.example.")
    assert attached(pair) == 1 and attached(pair, "uplink0") == 0
    assert sum("holdfast_xdp_attached{" in key for key in pair.metrics()) == 2
    relist(pair, "uplink0", "hs0:native")
    assert "uplink0 (not: it is listed by another name, too), hs0 (native)" in status(pair)


def test_an_interface_that_moves_to_another_namespace_takes_no_program_along(pair, tmp_path):
    """Else it would go on to answer there, for addresses of this host."""
    pair.begin(listen=ANYWHERE)
    pair.heat("hot.example.")
    elsewhere = spaces.Space("elsewhere", str(tmp_path / "elsewhere.log"))
    try:
        pair.server_side.run("ip", "link", "set", "hs0", "netns", str(elsewhere.pid))
        net.wait_until("it to be left", lambda: not programs(elsewhere), 60)
        assert attached(pair) == 0
        pair.server.says("cannot answer at hs0: there is no such interface")
    finally:
        elsewhere.stop()


def test_the_loopback_is_not_answered_at_and_it_is_said(pair):
    pair.begin(listen={**ANYWHERE, "xdp": ["lo"]})
    pair.server.says("cannot answer at lo: it carries no Ethernet")
    assert not programs(pair.server_side, "lo")
    assert wire.Message(pair.by_sockets(wire.query("hot.example."))).rcode == 0


def test_the_check_says_what_is_not_there_and_what_cannot_be(pair, tmp_path):
    path = tmp_path / "checked.yaml"

    def check(interfaces):
        path.write_text("listen: { dns: ['127.0.0.1:5300'], xdp: %s }\n" % interfaces)
        with pair.server_side.inside():
            return under_test.run_verb("check", "-c", str(path))
    code, said = check("[hs0, late0, 'lo:generic']")
    if pairs.WITHOUT in said:
        pytest.skip(pairs.WITHOUT)
    assert code == 0 and "warning: listen.xdp: nothing is answered at late0: there is no such interface" in said, said
    assert "at lo:generic: it carries no Ethernet" in said and "hs0" not in said, said
    code, said = check("[hs0, 'hs0:native']")
    assert code == 0 and "'hs0' is listed twice" in said, said
    code, said = check("['hs0:natif']")
    assert code == 2 and "behind an interface stands :native, :generic or nothing" in said, said
    code, said = check("[aninterfacewithaname]")
    assert code == 2 and "no interface can be called so" in said, said


# --- reloads ---------------------------------------------------------------------

def relist(pair, *interfaces):
    pair.server.conf["listen"]["xdp"] = list(interfaces)
    pair.server.write()
    code, said = pair.reload()
    assert code == 0, said
    return said


@pytest.mark.parametrize("first", [[], ["hs0:native"]])
def test_interfaces_come_and_go_with_a_reload(pair, first):
    pair.begin(listen={"xdp": first})
    if pairs.WITHOUT in relist(pair, "hs0:native"):
        pytest.skip(pairs.WITHOUT)
    for _ in range(2):
        assert attached(pair) == 1
        pair.heat("hot.example.")
        pair.by_driver(wire.query("hot.example."))
        relist(pair)
        assert not programs(pair.server_side)
        assert not any("xdp" in key for key in pair.metrics())
        with pair.client() as client:
            assert client.ask(wire.query("hot.example."))
        relist(pair, "hs0:native")
    assert "hs0 (native)" in status(pair)
    relist(pair, "hs0:generic")
    assert "hs0 (generic)" in status(pair)
    pair.heat("hot.example.")


def test_reloads_that_change_the_interfaces_lose_no_question_and_tell_no_lie(tmp_path):
    for pair in pairs.made("generic", tmp_path):
        said = []
        pair.server_side.run("ip", "link", "add", "hs1", "type", "veth", "peer", "name", "nobody")
        pair.begin(lambda q: fakes.honest(q, ttl=3))
        pair.heat("hot.example.")
        right = wire.Message(pair.by_sockets(wire.query("hot.example."))).addresses()
        over = threading.Event()

        def ask_on():
            with pair.client() as client:
                while not over.is_set():
                    reply = client.ask(wire.query("hot.example."))
                    said.append(wire.Message(reply).addresses() if reply else None)

        def read_on():
            """What a reader of /metrics, in a thread of its own, takes for the list."""
            while not over.is_set():
                told.add(frozenset(re.findall(r'xdp_attached{interface="(.*?)"}', " ".join(pair.metrics()))))
        lists = [("hs0:generic", "hs1"), ("hs1", "hs0:generic"), ("hs1",), (), ("late0", "hs0")]
        told = set()
        threads = [threading.Thread(target=act) for act in (ask_on, read_on)]
        for thread in threads:
            thread.start()
        try:
            before = pair.answered()
            for names in lists * 3:
                relist(pair, *names)
                at = len(said)
                net.wait_until("some answers", lambda: len(said) > at + 300, 60)
                assert programs(pair.server_side) == any("hs0" in name for name in names)
                assert programs(pair.server_side, "hs1") == ("hs1" in names)
            assert pair.answered() > before
        finally:
            over.set()
            for thread in threads:
                thread.join()
        assert all(addresses == right for addresses in said), [a for a in said if a != right]
        assert told <= {frozenset(name.split(":")[0] for name in names) for names in lists + [("hs0",)]}


# --- addresses --------------------------------------------------------------------

def test_an_address_with_a_label_is_answered_at(pair):
    late = "10.77.0.8"
    pair.server_side.run("ip", "addr", "add", late + "/24", "dev", "hs0", "label", "hs0:vip")
    pair.begin(listen=ANYWHERE)
    pair.heat("hot.example.")
    net.wait_until("an answer at it", lambda: is_answered_at(pair, late), 20)


def test_an_interface_that_loses_its_addresses_and_gets_them_again(pair):
    pair.begin(listen=ANYWHERE)
    pair.heat("hot.example.")
    run = pair.server_side.run
    run("ip", "addr", "add", "10.77.0.9/24", "dev", "hs0")
    run("ip", "addr", "del", SERVER4 + "/24", "dev", "hs0")
    net.wait_until("it to be given up", lambda: not is_answered_at(pair, SERVER4), 60)
    run("ip", "addr", "add", SERVER4 + "/24", "dev", "hs0")
    net.wait_until("it to be answered at", lambda: is_answered_at(pair, SERVER4), 60)


def test_what_too_many_addresses_of_ours_ended_begins_again_without_them(pair, tmp_path):
    pair.begin()
    pair.heat("hot.example.")
    many = ["10.%d.%d.%d/32" % (80, i // 250, 1 + i % 250) for i in range(8300)]
    for word in ("add", "del"):
        batch = tmp_path / word
        batch.write_text("".join("addr %s %s dev lo\n" % (word, address) for address in many))
    pair.server_side.run("ip", "-batch", str(tmp_path / "add"))
    pair.server.says("listen.xdp: the rules cannot be written")
    assert not is_answered_at(pair, SERVER4)
    pair.server_side.run("ip", "-batch", str(tmp_path / "del"))
    net.wait_until("it to answer again", lambda: is_answered_at(pair, SERVER4), 60)


def test_a_server_that_cannot_read_its_addresses_leaves_all_to_the_sockets(pair):
    """It cannot know whether they are still its own: it has no descriptor to ask with."""
    pair.begin()
    pair.heat("hot.example.")
    pid = pair.server.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    with pair.client() as client:
        before = pair.answered()
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        pair.server.says("listen.xdp: the rules cannot be written")
        for _ in range(200):
            assert client.ask(wire.query("hot.example."))
        assert programs(pair.server_side)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    assert pair.answered() == before
    net.wait_until("it to answer again", lambda: is_answered_at(pair, SERVER4), 60)
