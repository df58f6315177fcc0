# SPDX-License-Identifier: GPL-3.0-or-later
"""Local data and hosts files: single names that are answered from here."""
import json
import os

import pytest

import fake as fakes
import holdfast as under_test
import net
import wire

pytestmark = pytest.mark.own

THEIRS, OURS = "192.0.2.1", "10.0.0.5"
AA = 0x0400


def write(path, content):
    with open(str(path) + ".new", "w") as out:
        out.write(content)
    os.rename(str(path) + ".new", str(path))


def gives(address):
    rdata = bytes(int(part) for part in address.split("."))
    return lambda q: fakes.reply(q, [wire.record(b"\xc0\x0c", "A", 300, rdata)])


@pytest.fixture
def server(fake, holdfast, tmp_path):
    """holdfast before an upstream that gives one address for every name."""
    def start(start=True, local=None, **sections):
        upstream = fake(gives(THEIRS))
        made = holdfast({"u": upstream.at}, start=start, local=local or {}, **sections)
        made.upstream = upstream
        return made
    return start


def ours(reply):
    return bool(reply.flag(AA))


def wait_for(server, name, addresses):
    net.wait_until("%s to be %s" % (name, addresses),
                   lambda: server.udp(name).addresses() == addresses)


def status(server):
    """Of the one layer that is given."""
    layer, = json.loads(under_test.run_verb("status", "--json", "-c", server.path)[1])["local"]
    return layer


def check(server):
    return under_test.run_verb("check", "-c", server.path)


def test_a_name_with_local_data_is_answered_from_it_alone_and_its_neighbours_as_usual(server):
    s = server(local={"records": ["db.corp.example. 300 A " + OURS,
                                  "*.dev.example. A " + OURS]})
    reply = s.udp("db.corp.example.")
    assert reply.addresses() == [OURS] and ours(reply)
    for other in ("AAAA", "TXT"):
        reply = s.udp("DB.corp.example.", other)
        assert reply.rcode == 0 and not reply.answer and ours(reply)
        assert len(reply.authority) == 1  # so that the denial can be kept
    assert s.upstream.count() == 0
    for name in ("corp.example.", "x.db.corp.example.", "db2.corp.example.", "dev.example."):
        reply = s.udp(name)
        assert reply.addresses() == [THEIRS] and not ours(reply)
    assert s.udp("any.thing.dev.example.").addresses() == [OURS]
    assert s.metrics()["holdfast_local_answers_total"] == 4


def test_aliases_lead_from_local_data_to_zones_hosts_and_upstreams(server, tmp_path):
    write(tmp_path / "zone", "$TTL 60\n@ SOA ns host 1 60 10 3600 30\n@ NS ns\nns A 192.0.2.53\n"
          "to-local CNAME db.local.example.\n")
    write(tmp_path / "hosts", "10.0.0.9 h.local.example\n")
    s = server(zones=[{"name": "corp.example", "file": str(tmp_path / "zone")}],
               local={"hosts": [str(tmp_path / "hosts")],
                      "records": ["db.local.example. A " + OURS, "a.example. CNAME ns.corp.example.",
                                  "b.example. CNAME h.local.example.", "c.example. CNAME out.example."]})
    assert s.udp("a.example.").addresses() == ["192.0.2.53"]
    assert s.udp("b.example.").addresses() == ["10.0.0.9"]
    assert s.udp("to-local.corp.example.").addresses() == [OURS]
    assert s.upstream.count() == 0
    assert s.udp("c.example.").addresses() == [THEIRS]
    assert s.upstream.count() == 1


def test_a_file_is_read_again_and_a_broken_version_leaves_the_one_before(server, tmp_path):
    path = tmp_path / "local"
    write(path, "db.example. A 10.0.0.1\n")
    s = server(local={"file": str(path)})
    assert s.udp("db.example.").addresses() == ["10.0.0.1"]
    write(path, "db.example. A 10.0.0.2\nnew.example. A 10.0.0.3\n")
    wait_for(s, "db.example.", ["10.0.0.2"])
    write(path, "db.example. A 10.0.0.4\nbad A 10.0.0\n")
    net.wait_until("the fault to be told", lambda: "local:2: " in s.process.output())
    assert s.udp("db.example.").addresses() == ["10.0.0.2"]
    net.wait_until("the status to say so", lambda: status(s)["fault"])
    assert status(s)["of"] == "records" and status(s)["refused"] == 1
    assert "local:2: " in status(s)["fault"]
    write(path, "new.example. A 10.0.0.3\n")
    wait_for(s, "db.example.", [THEIRS])  # and a name that is local no more is asked for again


def test_hosts_files_give_addresses_names_and_pointers_and_explain_says_where_from(server, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    write(one, "# ours\n127.0.0.1 localhost\n127.0.1.1 me.example\n10.0.0.5 db.example db # old\n"
          "2001:db8::5 db.example\n")
    write(two, "10.0.0.5 other.example\n10.0.0.6 db.example\n")
    s = server(local={"hosts": [str(one), str(two)], "hosts-ttl": "90s",
                      "records": ["6.0.0.10.in-addr.arpa. PTR mine.example."]})
    reply = s.udp("db.example.")
    assert sorted(reply.addresses()) == ["10.0.0.5", "10.0.0.6"] and ours(reply)
    assert reply.answer[0].ttl == 90
    assert s.udp("db.").addresses() == ["10.0.0.5"]
    assert s.udp("me.example.").addresses() == [THEIRS]  # true for that machine alone
    pointer = s.udp("5.0.0.10.in-addr.arpa.", "PTR")
    assert len(pointer.answer) == 1 and b"\x02db\x07example" in pointer.wire
    assert b"mine" in s.udp("6.0.0.10.in-addr.arpa.", "PTR").wire
    code, text = under_test.run_verb("explain", "--no-ask", "-c", s.path, "db.example")
    assert code == 0 and "hosts: %s, line 4" % one in text
    assert "records say (hosts: %s, line 4): 10.0.0.5, 10.0.0.6" % one in text and "route" not in text
    _, text = under_test.run_verb("explain", "--no-ask", "-c", s.path, "6.0.0.10.in-addr.arpa", "PTR")
    assert "local data: %s, line " % s.path in text
    write(one, "10.0.0.7 db.example\n")
    net.wait_until("the change", lambda: sorted(s.udp("db.example.").addresses()) == ["10.0.0.6", "10.0.0.7"])


def test_what_is_wrong_with_records_is_told_with_line_and_column_and_hosts_by_check(server, tmp_path):
    s = server(start=False)
    text = under_test.yaml({k: v for k, v in s.conf.items() if k != "local"})
    before = text.count("\n")
    write(tmp_path / "hosts", "10.0.0.1 a\n10.0.0 b\n")
    s.write(text + "local:\n  records:\n    - 'a.example. A 10.0.0.1'\n    - 'b.example. A 10.0.0'\n"
            "    - 'c.example. NS d.'\n")
    code, out = check(s)
    assert code and "%s:%d:7: error: " % (s.path, before + 4) in out
    assert "%s:%d:7: error: a record of this type" % (s.path, before + 5) in out
    s.write(text + "local: { hosts: ['%s'] }\n" % (tmp_path / "hosts"))
    code, out = check(s)
    assert code and "hosts:2: error: '10.0.0' is no address" in out
    s.start()  # a server takes the lines that are good
    assert s.udp("a.").addresses() == ["10.0.0.1"]
    s.says("hosts:2: '10.0.0' is no address")


def test_zones_of_ours_go_before_and_retired_addresses_are_refused(server, tmp_path):
    write(tmp_path / "zone", "$TTL 60\n@ SOA ns host 1 60 10 3600 30\n@ NS ns\nns A 192.0.2.53\n")
    write(tmp_path / "hosts", "10.0.0.6 db.corp.example\n10.0.0.66 gone.example\n")
    zones = [{"name": "corp.example", "file": str(tmp_path / "zone")}]
    s = server(start=False, zones=zones, local={"records": ["db.corp.example. A " + OURS]})
    code, out = check(s)
    assert code and "db.corp.example lies in the zone corp.example" in out
    s.conf["local"] = {"hosts": [str(tmp_path / "hosts")]}
    s.write()
    s.start()
    assert s.udp("db.corp.example.").rcode == wire.NXDOMAIN
    assert s.udp("gone.example.").addresses() == ["10.0.0.66"]
    s.conf["tombstones"] = {"addresses": ["10.0.0.66"]}
    s.write()
    s.reload()
    assert s.udp("gone.example.").addresses() == [THEIRS]
    net.wait_until("the fault to be told", lambda: "hosts:2: gone.example has the address "
                   "10.0.0.66" in s.process.output())


def test_what_has_become_local_is_not_answered_from_the_cache_any_more(server, tmp_path):
    s = server()
    for _ in range(4):
        assert s.udp("db.example.").addresses() == [THEIRS]
    s.conf["local"] = {"records": ["db.example. A " + OURS]}
    s.write()
    s.reload()
    assert s.udp("db.example.").addresses() == [OURS]
    s.conf["local"] = {}
    s.write()
    s.reload()
    assert s.udp("db.example.").addresses() == [THEIRS]


def test_a_hundred_thousand_hosts_are_served(server, tmp_path):
    write(tmp_path / "hosts", "".join("10.%d.%d.%d h%d.corp.example\n" % (
        i >> 16, i >> 8 & 255, i & 255, i) for i in range(100000)))
    s = server(local={"hosts": [str(tmp_path / "hosts")]})
    assert s.udp("h0.corp.example.").addresses() == ["10.0.0.0"]
    assert s.udp("h99999.corp.example.").addresses() == ["10.1.134.159"]
    assert b"h99999" in s.udp("159.134.1.10.in-addr.arpa.", "PTR").wire
    assert s.udp("h100000.corp.example.").addresses() == [THEIRS]
