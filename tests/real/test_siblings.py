# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that serve the same zone ask each other what they serve."""
import time

import pytest

import holdfast as under_test
import net
import peers
import wire

pytestmark = pytest.mark.own
PORT = under_test.PORT
ZONE = "corp.internal."
SOON = 60
OLD, NEW = (9, "10.0.3.17"), (12, "10.0.8.1")


def text(serial, address, more="", refresh=2, retry=1):
    return ("$ORIGIN %s\n$TTL 60\n@ SOA ns admin %d %d %d 3600 5\n@ NS ns\nns A 192.0.2.1\n"
            "www A %s\n%s" % (ZONE, serial, refresh, retry, address, more))


@pytest.fixture
def addresses():
    return [net.address() for _ in range(3)]


def node(holdfast, fake, addresses, i, version, tmp_path, siblings=None, **sections):
    """The i-th node, whose zone is a file."""
    path = str(tmp_path / ("zone-%d" % i))
    with open(path, "w") as out:
        out.write(version if isinstance(version, str) else text(*version))
    others = ["%s:%d" % (a, PORT) for j, a in enumerate(addresses) if j != i]
    return holdfast({"u": fake().at}, address=addresses[i],
                    zones=[{"name": ZONE, "file": path}],
                    siblings={"servers": others[:1], "interval": "200ms", **(siblings or {})},
                    **sections)


def www(server):
    return server.udp("www." + ZONE, edns=1232)


def log(server, what):
    net.wait_until("the log to say %r" % what, lambda: what in server.process.output(), SOON, 0.05)
    return [x for x in server.process.output().splitlines() if what in x][-1]


def says(server):
    return under_test.run_verb("ready", "-c", server.path)


def test_a_node_that_boots_with_an_old_zone_never_serves_it_and_is_named_by_all(
        fake, holdfast, tmp_path, addresses):
    a = node(holdfast, fake, addresses, 0, NEW, tmp_path)
    net.wait_until("a to serve", lambda: www(a).addresses() == [NEW[1]], SOON)
    b = node(holdfast, fake, addresses, 1, OLD, tmp_path)
    began, heard = time.monotonic(), set()
    while time.monotonic() - began < 3:
        heard.update(www(b).addresses() or ["none"])
    assert heard == {"none"}, "nobody may hear %s" % OLD[1]
    code, said = says(b)
    assert code == 1 and "serial 12 is published, this is 9" in said
    m = www(b)
    assert m.rcode == wire.SERVFAIL and b"holds serial 9" in m.wire
    assert 'node="this node"' in log(b, "a node serves an older zone")
    line = log(a, "a node serves an older zone")
    assert "serial=9" in line and "newest=12" in line and addresses[1] in line
    # It gets the new file.
    with open(b.conf["zones"][0]["file"], "w") as out:
        out.write(text(*NEW))
    net.wait_until("b to serve", lambda: www(b).addresses() == [NEW[1]], SOON)
    net.wait_until("b to be ready", lambda: says(b)[0] == 0, SOON)
    log(a, "serves what its siblings serve again")


def test_without_any_sibling_up_a_node_serves_what_it_has(fake, holdfast, tmp_path, addresses):
    a = node(holdfast, fake, addresses, 0, OLD, tmp_path)
    net.wait_until("a to serve", lambda: www(a).addresses() == [OLD[1]], SOON)


def test_other_records_under_the_same_serial_are_told(fake, holdfast, tmp_path, addresses):
    a = node(holdfast, fake, addresses, 0, NEW, tmp_path, {"samples": 8})
    node(holdfast, fake, addresses, 1, (NEW[0], OLD[1]), tmp_path, {"samples": 8})
    line = log(a, "a sibling has other records under the same serial")
    assert addresses[1] in line and "serial=12" in line
    assert says(a)[0] == 0, "of two, nobody can tell which"


def test_who_differs_from_two_that_agree_is_not_ready(fake, holdfast, tmp_path, addresses):
    all_of_them = {"servers": ["%s:%d" % (a, PORT) for a in addresses], "samples": 8}
    others = lambda i: {**all_of_them, "servers": [
        x for j, x in enumerate(all_of_them["servers"]) if j != i]}
    a = node(holdfast, fake, addresses, 0, NEW, tmp_path, others(0))
    node(holdfast, fake, addresses, 1, NEW, tmp_path, others(1))
    odd = node(holdfast, fake, addresses, 2, (NEW[0], OLD[1]), tmp_path, others(2))
    log(odd, "this node has other records than its siblings")
    net.wait_until("it to be withdrawn", lambda: says(odd)[0] == 1, SOON)
    assert "sibling" in says(odd)[1]
    assert says(a)[0] == 0


def test_any_dns_server_is_a_sibling(fake, holdfast, tmp_path, addresses):
    for kind in peers.AUTHORITATIVE:
        if kind.which() is None:
            continue
        directory = tmp_path / kind.__name__
        directory.mkdir()
        peer = kind(str(directory), {ZONE: zone_file(directory, "theirs", NEW)})  # runs
        try:
            a = node(holdfast, fake, [net.address()], 0, NEW, directory,
                     {"servers": [peer.at], "samples": 8})
            figures = lambda: a.metrics().get(
                'holdfast_sibling_zones{sibling="%s",state="same"}' % peer.at)
            net.wait_until("%s to be the same" % kind.__name__, lambda: figures() == 1, SOON, 0.1)
            time.sleep(1)
            assert figures() == 1
            with open(a.conf["zones"][0]["file"], "w") as out:
                out.write(text(NEW[0] + 1, NEW[1]))
            assert peer.at in log(a, "a node serves an older zone"), kind.__name__
            a.stop()
        finally:
            peer.stop()


def test_an_old_zone_at_the_vip_is_told_with_who_shows_it(fake, holdfast, tmp_path, addresses):
    old = holdfast({"u": fake().at}, address=addresses[1],
                   zones=[{"name": ZONE, "file": zone_file(tmp_path, "old", OLD)}])
    net.wait_until("it to serve", lambda: www(old).addresses() == [OLD[1]], SOON)
    a = node(holdfast, fake, addresses, 0, NEW, tmp_path,
             {"vip": "%s:%d" % (addresses[1], PORT)})
    line = log(a, "clients get an old zone at the VIP")
    assert "serial=9" in line and "newest=12" in line and "shown_by=%s" % addresses[1] in line
    code, said = under_test.run_verb("status", "-c", a.path)
    assert code == 0 and "VIP" in said and "serial 9, the newest is 12" in said


def zone_file(tmp_path, name, version):
    path = str(tmp_path / name)
    with open(path, "w") as out:
        out.write(text(*version))
    return path


@pytest.mark.parametrize("servers, fault", [
    (["127.0.0.2", "127.0.0.2"], "given twice"), (["127.0.0.1:5300"], "own listen addresses"),
    (["127.0.1.%d" % i for i in range(1, 18)], "more than 16")], ids=["twice", "ourselves", "many"])
def test_siblings_that_cannot_be_meant_are_faults_of_the_file(tmp_path, servers, fault):
    path = str(tmp_path / "bad.yaml")
    with open(path, "w") as out:
        out.write(under_test.yaml({"siblings": {"servers": servers}}))
    code, said = under_test.run_verb("check", "-c", path)
    assert code == 2 and fault in said, said


# --- panic -----------------------------------------------------------------------

@pytest.mark.parametrize("panic", ["serve-newest", "off"])
def test_when_all_have_lost_the_primaries_the_newest_is_served_marked_if_so_wished(
        fake, holdfast, tmp_path, addresses, panic):
    primary = holdfast({"u": fake().at}, zones=[{
        "name": ZONE, "file": zone_file(tmp_path, "primary", OLD), "allow-transfer": ["127.0.0.0/8"]}])
    net.wait_until("the primary to serve", lambda: www(primary).addresses() == [OLD[1]], SOON)

    def secondary(i):
        return holdfast({"u": fake().at}, address=addresses[i],
                        **{"zone-state": str(tmp_path / ("state-%d" % i))},
                        zones=[{"name": ZONE, "primaries": ["%s:%d" % (primary.address, PORT)]}],
                        siblings={"servers": ["%s:%d" % (addresses[1 - i], PORT)],
                                  "interval": "200ms", "panic": panic})
    nodes = [secondary(0), secondary(1)]
    for n in nodes:
        net.wait_until("a copy", lambda: www(n).addresses() == [OLD[1]], SOON)
    nodes[1].stop()
    with open(str(tmp_path / "primary"), "w") as out:
        out.write(text(*NEW))
    net.wait_until("a newer copy", lambda: www(nodes[0]).addresses() == [NEW[1]], SOON)
    nodes[0].stop()
    primary.stop()
    time.sleep(5)  # past refresh and retry: what was proven before does not count any more
    for n in nodes:
        n.start()
    if panic == "off":
        time.sleep(3)
        assert all(www(n).rcode == wire.SERVFAIL for n in nodes)
        return
    net.wait_until("the newest to be served", lambda: www(nodes[0]).addresses() == [NEW[1]], SOON)
    m = www(nodes[0])
    assert m.ede, "it says that it is not proven"
    for _ in range(20):
        assert www(nodes[1]).rcode == wire.SERVFAIL, "the older one is served by nobody"
        time.sleep(0.05)
    log(nodes[0], "the newest copy is served, marked")
