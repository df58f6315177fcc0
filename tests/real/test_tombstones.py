# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that are retired: no client gets one, from whichever source it would come."""
import pytest

import fake as fakes
import holdfast as under_test
import net
import wire

pytestmark = pytest.mark.own

GONE, HERE = "192.0.2.66", "192.0.2.7"
FILTERED, NOT_READY = 17, 14
ZONE = "corp.example."
QUICK = {"refresh-min": "1s", "refresh-max": "1s", "grace": "1s"}


def gives(address, ttl=300):
    rdata = bytes(int(part) for part in address.split("."))
    return lambda q: fakes.reply(q, [wire.record(b"\xc0\x0c", "A", ttl, rdata)])


def counted(server, name):
    return server.metrics()["holdfast_" + name]


def zone_text(serial, address):
    return ("$TTL 300\n@ SOA ns host %d 60 10 3600 30\n@ NS ns\nns A 192.0.2.53\n"
            "db A %s\n" % (serial, address))


@pytest.fixture
def two(fake, holdfast):
    """holdfast before upstreams `first` and `second`, asked in that order."""
    def start(first, second, **sections):
        upstreams = fake(first), fake(second)
        server = holdfast({"first": upstreams[0].at, "second": upstreams[1].at},
                          forward=[{"zone": ".", "to": ["first", "second"], "order": "listed"}],
                          startup={"verify": "off"}, **sections)
        return (*upstreams, server)
    return start


def test_a_retired_address_is_refused_for_any_name_and_the_next_upstream_is_asked(two):
    first, second, server = two(gives(GONE), gives(HERE), tombstones={"addresses": [GONE]})
    assert server.udp("any.name.example.").addresses() == [HERE]
    assert first.count() == second.count() == 1
    assert server.udp("any.name.example.").addresses() == [HERE]
    assert first.count() == second.count() == 1  # from the cache
    # Whoever gave it has not lied, and is asked again.
    assert server.udp("other.example.").addresses() == [HERE]
    assert first.count() == 2
    assert counted(server, "tombstones_refused_total") == 2
    assert server.metrics()['holdfast_upstream_lies_total{upstream="first"}'] == 0
    net.wait_until("the log to say so",
                   lambda: "an address that is retired is refused" in server.process.output())


def test_if_all_give_it_the_answer_is_servfail_and_says_why(two):
    _, _, server = two(gives(GONE), gives(GONE), tombstones={"addresses": ["192.0.2.64/30"]})
    reply = server.udp("db.example.", edns=1232)
    assert reply.rcode == wire.SERVFAIL and reply.ede == [FILTERED] and not reply.answer
    assert b"gave 192.0.2.66, which is retired" in reply.wire


def test_a_reload_with_a_new_list_empties_the_cache_of_it(two, tmp_path):
    gone = tmp_path / "gone"
    gone.write_text("# nothing yet\n")
    by_name = {b"db": gives(GONE), b"ww": gives(HERE)}
    first, second, server = two(lambda q: by_name[bytes(q.name[1:3])](q), gives(HERE),
                                tombstones={"file": str(gone)},
                                cache={"persist": str(tmp_path / "cache")})
    assert server.udp("db.example.").addresses() == [GONE]
    assert server.udp("ww.example.").addresses() == [HERE]
    gone.write_text("192.0.2.66 # db-old, until November\n")
    assert server.reload()[0] == 0
    assert server.udp("db.example.").addresses() == [HERE]
    asked = first.count(), second.count()
    assert server.udp("ww.example.").addresses() == [HERE]
    assert (first.count(), second.count()) == asked


def test_a_restart_does_not_put_a_retired_address_back(two, tmp_path):
    first, second, server = two(gives(GONE), gives(GONE), cache={"persist": str(tmp_path / "cache")})
    assert server.udp("db.example.").addresses() == [GONE]
    server.stop()
    first.behave = second.behave = fakes.silent
    server.conf["tombstones"] = {"addresses": [GONE]}
    server.write()
    server.start()
    reply = server.udp("db.example.", edns=1232)
    assert reply is None or (reply.rcode == wire.SERVFAIL and not reply.answer)


def test_an_address_that_is_used_again_is_given_at_once(two):
    _, _, server = two(gives(GONE), gives(GONE), tombstones={"addresses": [GONE]}, cache={"failure": "30s"})
    assert server.udp("db.example.").rcode == wire.SERVFAIL
    server.conf["tombstones"] = {}
    server.write()
    assert server.reload()[0] == 0
    net.wait_until("the answer", lambda: server.udp("db.example.").addresses() == [GONE], 5)


def test_a_list_with_faults_is_refused_with_their_lines(two, tmp_path):
    gone = tmp_path / "gone"
    gone.write_text("192.0.2.66\n")
    _, _, server = two(gives(GONE), gives(HERE), tombstones={"file": str(gone)})
    gone.write_text("192.0.2\n\n10.0.3.1/24\n")
    code, said = under_test.run_verb("check", "-c", server.path)
    assert code == 2 and "gone:1: '192.0.2' is no address" in said and "gone:3: " in said
    assert server.reload()[0] != 0
    assert server.udp("db.example.").addresses() == [HERE]  # by the list of before


def test_check_says_where_all_that_is_expected_is_retired(two):
    _, _, server = two(gives(HERE), gives(HERE), tombstones={"addresses": ["10.0.3.0/24"]},
                       expect=[{"name": "db.example", "addresses": ["10.0.3.17"]}])
    code, said = under_test.run_verb("check", "-c", server.path)
    assert code == 0 and "lies in 10.0.3.0/24, which the tombstones have" in said


# --- zones ------------------------------------------------------------------------------

@pytest.fixture
def zone_server(holdfast, tmp_path):
    def start(**sections):
        return holdfast({"u": "127.0.0.1:1"}, zones=[
            {"name": ZONE, "file": str(tmp_path / "corp"), **QUICK}], **sections)
    return start


def refused(server):
    return server.metrics().get('holdfast_zone_refused_total{zone="corp.example"}', 0)


def test_a_version_of_a_zone_with_a_retired_address_is_refused(zone_server, tmp_path):
    (tmp_path / "corp").write_text(zone_text(1, HERE))
    server = zone_server(tombstones={"addresses": [GONE]})
    assert server.udp("db." + ZONE).addresses() == [HERE]
    (tmp_path / "corp").write_text(zone_text(2, GONE))
    net.wait_until("it to be refused", lambda: refused(server) > 0)
    words = "corp:5: %sdb.corp.example has the address 192.0.2.66"
    net.wait_until("the log to say so", lambda: words % "" in server.process.output())
    assert server.udp("db." + ZONE).addresses() == [HERE]
    code, said = under_test.run_verb("check", "-c", server.path)
    assert code == 2 and str(tmp_path / words) % "error: " in said
    # In a file that it includes, the line is that file's.
    (tmp_path / "hosts").write_text("\nother A 192.0.2.9\ndb A %s\n" % GONE)
    (tmp_path / "corp").write_text(zone_text(3, HERE) + "$INCLUDE hosts\n")
    net.wait_until("the log to say so", lambda: "hosts:3: db.corp" in server.process.output())


def test_a_served_zone_is_withheld_when_a_reload_retires_an_address_in_it(zone_server, tmp_path):
    (tmp_path / "corp").write_text(zone_text(1, GONE))
    server = zone_server(**{"zone-state": str(tmp_path / "state")})
    assert server.udp("db." + ZONE).addresses() == [GONE]
    server.conf["tombstones"] = {"addresses": [GONE]}
    server.write()
    code, said = server.reload()  # taken, and a fault is found: by name, with why
    assert code == 1 and "zone %s was answered until now, and is not any more" % ZONE.rstrip(".") in said
    assert "192.0.2.66" in said
    assert "stays as it was" not in said and said.endswith("reloaded\n"), said
    net.wait_until("a line of it", lambda: "that were answered are not any more" in server.process.output())
    net.wait_until("the zone to be withheld",
                   lambda: server.udp("db." + ZONE, edns=1232).ede == [NOT_READY])
    reply = server.udp("db." + ZONE, edns=1232)
    assert reply.rcode == wire.SERVFAIL and b"192.0.2.66" in reply.wire
    net.wait_until("the node not to be ready", lambda: server.get("/ready")[0] == 503)
    assert server.reload()[0] == 0  # it is as dark as before, and not by this
    # Neither does the copy on the disk bring it back.
    server.stop()
    server.start()
    assert server.udp("db." + ZONE, edns=1232).rcode == wire.SERVFAIL
    (tmp_path / "corp").write_text(zone_text(2, HERE))
    net.wait_until("the mended version to be served",
                   lambda: server.udp("db." + ZONE).addresses() == [HERE])
