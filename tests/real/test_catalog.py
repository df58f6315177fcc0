# SPDX-License-Identifier: GPL-3.0-or-later
"""Catalog zones (RFC 9432): zones that come and go as another server's list says."""
import json
import os
import signal

import pytest

import ask
import fake as fakes
import holdfast as under_test
import net
import peers
import wire

pytestmark = pytest.mark.own

CATALOG = "catalog.invalid."
QUICK = {"refresh-min": "1s", "refresh-max": "1s", "grace": "1s", "catalog": True}


def write(path, content):
    with open(str(path) + ".new", "w") as out:
        out.write(content)
    os.rename(str(path) + ".new", str(path))


def member_text(serial):
    return "$TTL 300\n@ SOA ns host %d 1 1 600 30\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.%d\n" % (
        serial, serial)


class Bind(peers.Bind):
    """named with members and a catalog written by hand: `lines` of it behind its apex."""

    def __init__(self, directory, members, catalog=CATALOG):
        self.members, self.catalog, self.serial = {}, catalog, 0
        self.source = str(directory)
        self.say(members)
        super().__init__(directory, {self.catalog: self.source})

    def say(self, members, more="", version="version TXT 2\n"):
        """The members as name: unique label."""
        self.serial += 1
        self.members = {**{name: 1 for name in members}, **self.members}
        lines = "".join("%s.zones PTR %s\n" % (label, name) for name, label in members.items())
        write(os.path.join(self.source, "list-" + self.catalog),
              "$TTL 0\n@ SOA invalid. invalid. %d 1 1 600 0\n@ NS invalid.\n%s%s%s" % (
                  self.serial, version, lines, more))
        for name, serial in self.members.items():
            write(os.path.join(self.source, "zone-" + name), member_text(serial))

    def renew(self, *say, **how):
        self.say(*say, **how)
        self.configure()
        self.process.signal(signal.SIGHUP)
        return self.serial

    def configure(self):
        text = ("options {{ directory \"{2}\"; listen-on port {1} {{ {0}; }}; listen-on-v6 {{ none; }};"
                " pid-file none; session-keyfile none; {3} dnssec-validation no; recursion no;"
                " empty-zones-enable no; allow-query {{ any; }}; allow-transfer {{ any; }};"
                " check-integrity no; notify no; }};\ncontrols {{ }};\n").format(
                    self.address, self.port, self.directory, self.lock())
        files = {**{n: "zone-" + n for n in self.members}, self.catalog: "list-" + self.catalog}
        for zone, name in files.items():
            text += 'zone "%s" { type primary; file "%s"; };\n' % (zone, os.path.join(self.source, name))
        return ["-g", "-n", "1", "-4", "-c", self.path("named.conf", text)]


class Knot(peers.Knot):
    """knotd, which makes the catalog itself of the zones that it is told to have."""

    def __init__(self, directory, members, **groups):
        """`groups` by the member's first label; the others are "fast"."""
        self.members, self.source, self.groups = list(members), str(directory), groups
        super().__init__(directory, {members[0]: None})  # the catalog is no answer to anybody

    def renew(self, members, **groups):
        self.members, self.groups = list(members), groups
        self.configure()
        self.process.signal(signal.SIGHUP)

    def configure(self):
        text = ("server:\n  listen: {0}@{1}\n  rundir: \"{3}\"\n  udp-workers: 1\n  tcp-workers: 1\n"
                "  background-workers: 1\ndatabase:\n  storage: \"{2}\"\n"
                "log:\n- target: stderr\n  any: info\nacl:\n- id: out\n  address: 127.0.0.0/8\n"
                "  action: transfer\nzone:\n- domain: {4}\n  catalog-role: generate\n  acl: out\n"
                "  zonefile-sync: -1\n").format(
                    self.address, self.port, self.directory, self.short_directory(), CATALOG)
        for name in self.members:
            path = os.path.join(self.source, "zone-" + name)
            write(path, member_text(1))
            text += ("- domain: %s\n  file: \"%s\"\n  catalog-role: member\n  catalog-zone: %s\n"
                     "  catalog-group: %s\n  acl: out\n  zonefile-sync: -1\n  zonefile-load: whole\n"
                     "  journal-content: none\n" % (
                         name, path, CATALOG, self.groups.get(name.split(".")[0], "fast")))
        return ["-c", self.path("knot.conf", text)]


@pytest.fixture
def primary(tmp_path, need):
    started = []

    def start(kind, *args, **how):
        if not kind.which():
            need(kind.program)
        directory = tmp_path / ("primary-%d" % len(started))
        directory.mkdir()
        started.append(kind(directory, *args, **how))
        return started[-1]
    yield start
    for one in started:
        one.stop()


@pytest.fixture
def consumer(holdfast, fake, tmp_path):
    upstream = fake(fakes.honest)  # for what is not served from here, without a wait

    def start(*primaries, others=(), groups=None, **catalog):
        more = {"catalog-groups": [{"catalog": CATALOG, "group": group, **keys}
                                   for group, keys in groups.items()]} if groups else {}
        return holdfast({"u": upstream.at}, **{"zone-state": str(tmp_path / "state")}, **more, zones=[
            {"name": p.catalog if hasattr(p, "catalog") else CATALOG, "primaries": [p.at],
             **QUICK, **catalog} for p in primaries] + list(others))
    return start


def served(server, name):
    """The zone's serial; None: it is not served from here."""
    reply = server.udp("www." + name, edns=1232)
    if reply is None or reply.rcode or not reply.flag(0x0400):
        return None
    return int(reply.addresses()[0].rsplit(".", 1)[1])


def wait_for(server, members):
    for name, wanted in members.items():
        net.wait_until("%s to be %s" % (name, wanted), lambda: served(server, name) == wanted, 60)


def zones(server):
    _, text = under_test.run_verb("status", "--json", "-c", server.path)
    return {zone["name"]: zone for zone in json.loads(text)["zones"]}


def files(tmp_path):
    return sorted(f for f in os.listdir(str(tmp_path / "state")) if f.endswith(".zone"))


def test_members_come_and_go_with_the_catalog_of_knot(primary, consumer):
    knot = primary(Knot, ["a.example.", "b.example."])
    server = consumer(knot)
    wait_for(server, {"a.example.": 1, "b.example.": 1, "c.example.": None})
    knot.renew(["b.example.", "c.example."])
    wait_for(server, {"c.example.": 1, "a.example.": None, "b.example.": 1})
    assert zones(server)["c.example"]["catalog"] == CATALOG.rstrip(".")


def test_members_come_and_go_with_the_catalog_of_bind_and_so_do_their_copies(
        primary, consumer, tmp_path):
    bind = primary(Bind, {"a.example.": "x1", "b.example.": "x2"})
    server = consumer(bind)
    wait_for(server, {"a.example.": 1, "b.example.": 1})
    net.wait_until("copies", lambda: files(tmp_path) == ["a.example.zone", "b.example.zone",
                                                         "catalog.invalid.zone"])
    bind.renew({"b.example.": "x2", "c.example.": "x3"})
    wait_for(server, {"c.example.": 1, "a.example.": None, "b.example.": 1})
    net.wait_until("copies", lambda: files(tmp_path) == ["b.example.zone", "c.example.zone",
                                                         "catalog.invalid.zone"])
    assert zones(server)["b.example"]["loads"] == 1  # and was left in peace
    code, text = under_test.run_verb("explain", "--no-ask", "-c", server.path, "www.b.example")
    assert "own zone b.example" in text


def test_the_catalog_is_told_to_those_who_may_transfer_it_and_to_nobody_else(primary, consumer):
    bind = primary(Bind, {"a.example.": "x1"})
    server = consumer(bind, **{"allow-transfer": ["127.9.9.9"]})
    wait_for(server, {"a.example.": 1})
    for name in ("version." + CATALOG, "x1.zones." + CATALOG, CATALOG):
        reply = server.udp(name, "TXT")
        assert reply.rcode == wire.REFUSED and not reply.answer
    assert server.udp("version." + CATALOG, "TXT", source="127.9.9.9").answer
    # Members go by the catalog's rules.
    assert server.tcp("a.example.", "AXFR").rcode == wire.REFUSED
    assert len(server.tcp("a.example.", "AXFR", source="127.9.9.9").answer) == 5


def test_a_broken_catalog_changes_nothing_and_says_why(primary, consumer):
    bind = primary(Bind, {"a.example.": "x1", "b.example.": "x2"})
    server = consumer(bind)
    wait_for(server, {"a.example.": 1, "b.example.": 1})
    for how, why in (({"version": ""}, "no version record"), ({"version": "version TXT 1\n"}, "version is not 2"),
                     ({"more": "x4.zones PTR a.example.\n"}, "a member twice"),
                     ({"more": "x1.zones PTR d.example.\n"}, "more than one PTR")):
        bind.renew({"a.example.": "x1"}, **how)
        net.wait_until(why, lambda: why in (zones(server)[CATALOG.rstrip(".")]["fault"] or ""), 60)
        assert served(server, "b.example.") == 1
    bind.renew({"a.example.": "x1"})
    wait_for(server, {"b.example.": None, "a.example.": 1})


def test_a_catalog_that_loses_too_much_is_refused_and_so_is_one_with_too_many(primary, consumer):
    many = {"m%d.example." % i: "x%d" % i for i in range(12)}
    bind = primary(Bind, many)
    server = consumer(bind, **{"catalog-limit": 12})
    wait_for(server, {"m0.example.": 1, "m11.example.": 1})
    bind.renew({"m0.example.": "x0"})
    net.wait_until("the refusal", lambda: "per cent fewer" in (zones(server)["catalog.invalid"]["fault"] or ""), 60)
    assert served(server, "m11.example.") == 1
    bind.renew({**many, "one.more.example.": "y"})
    net.wait_until("the refusal", lambda: "catalog-limit" in (zones(server)["catalog.invalid"]["fault"] or ""), 60)
    assert served(server, "one.more.example.") is None and served(server, "m11.example.") == 1


def test_zones_of_the_configuration_go_before_members(primary, consumer, tmp_path):
    write(tmp_path / "own", member_text(99))
    bind = primary(Bind, {"a.example.": "x1", "own.example.": "x2", CATALOG: "x3"})
    server = consumer(bind, others=[{"name": "own.example", "file": str(tmp_path / "own")}])
    wait_for(server, {"a.example.": 1, "own.example.": 99})
    net.wait_until("a word of it", lambda: "is a zone of the configuration" in server.process.output())


def test_a_member_is_handed_from_one_catalog_to_another_and_else_stays(primary, consumer):
    one = primary(Bind, {"a.example.": "x1"})
    two = primary(Bind, {"b.example.": "x2"}, catalog="second.invalid.")
    two.members["a.example."] = 2
    server = consumer(one, two)
    wait_for(server, {"a.example.": 1, "b.example.": 1})
    two.renew({"b.example.": "x2", "a.example.": "x1"})
    net.wait_until("a word of it", lambda: "is another catalog's" in server.process.output(), 60)
    assert served(server, "a.example.") == 1
    one.renew({"a.example.": "x1"}, more="coo.x1.zones PTR second.invalid.\n")
    wait_for(server, {"a.example.": 2})
    assert zones(server)["a.example"]["catalog"] == "second.invalid"
    one.renew({})
    two.members["a.example."] = 3
    two.renew({"b.example.": "x2", "a.example.": "other"})  # begins anew: RFC 9432 5.4
    wait_for(server, {"a.example.": 3})


def test_members_outlive_kill_9_and_the_primary(primary, consumer, tmp_path):
    bind = primary(Bind, {"m%d.example." % i: "x%d" % i for i in range(20)})
    server = consumer(bind, **{"serve-unproven": "60s"})
    wait_for(server, {"m19.example.": 1})
    bind.renew({**{"m%d.example." % i: "x%d" % i for i in range(10, 20)}, "n.example.": "y"})
    wait_for(server, {"n.example.": 1, "m0.example.": None})
    net.wait_until("copies", lambda: len(files(tmp_path)) == 12 and "n.example.zone" in files(tmp_path))
    server.process.signal(signal.SIGKILL)
    net.wait_until("its end", lambda: not server.process.alive())
    bind.stop()
    server.start()
    wait_for(server, {"n.example.": 1, "m10.example.": 1, "m0.example.": None})


def test_a_reload_leaves_members_where_they_are_and_takes_their_catalog_s_settings(primary, consumer):
    bind = primary(Bind, {"a.example.": "x1"})
    server = consumer(bind)
    wait_for(server, {"a.example.": 1})
    server.conf["zones"][0]["allow-transfer"] = ["127.0.0.0/8"]
    server.write()
    assert server.reload()[0] == 0
    assert served(server, "a.example.") == 1
    assert server.tcp("a.example.", "AXFR").rcode == 0
    assert zones(server)["a.example"]["loads"] == 1
    server.conf["zones"] = [{"name": "x.example", "primaries": [bind.at]}]
    server.write()
    assert server.reload()[0] == 0
    wait_for(server, {"a.example.": None})


GUEST = "127.9.9.9"


def may_transfer(server, name):
    return server.tcp(name, "AXFR", source=GUEST).rcode == 0


def test_members_of_a_group_go_by_its_settings_and_unknown_groups_by_the_catalog_s(primary, consumer):
    knot = primary(Knot, ["a.example.", "b.example."], b="other")
    server = consumer(knot, groups={"slow": {}, "fast": {"allow-transfer": [GUEST]}})
    wait_for(server, {"a.example.": 1, "b.example.": 1})
    assert may_transfer(server, "a.example.") and not may_transfer(server, "b.example.")
    assert zones(server)["a.example"]["group"] == "fast"
    assert zones(server)["b.example"]["group"] is None
    net.wait_until("a word of it", lambda: "b.example is in group 'other'" in server.process.output())
    # Another group is no other zone: what is here stays, under other rules.
    knot.renew(["a.example.", "b.example."], a="slow")
    net.wait_until("the change", lambda: may_transfer(server, "b.example.")
                   and not may_transfer(server, "a.example."), 20)
    assert served(server, "a.example.") == served(server, "b.example.") == 1
    assert zones(server)["a.example"]["loads"] == zones(server)["b.example"]["loads"] == 1


def test_a_group_that_nobody_knows_is_told_once_and_again_after_a_reload(primary, consumer):
    members = ["a.example.", "b.example."]
    knot = primary(Knot, members, b="other")
    server = consumer(knot, groups={"fast": {}})

    def told(group):
        return server.process.output().count("b.example is in group '%s'" % group)

    def list_one_more(**groups):
        members.append("m%d.example." % len(members))
        knot.renew(members, **groups)
        wait_for(server, {members[-1]: 1})

    wait_for(server, {"b.example.": 1})
    net.wait_until("a word of it", lambda: told("other") == 1)
    list_one_more(b="other")
    knot.renew(members, b="third")
    net.wait_until("a word of the third", lambda: told("third") == 1, 20)
    list_one_more(b="third")
    assert (told("other"), told("third")) == (1, 1)
    server.conf["zones"][0]["grace"] = "2s"
    server.write()
    assert server.reload()[0] == 0
    net.wait_until("a word of it again", lambda: told("third") == 2, 20)


def serial_at(peer, name="a.example."):
    reply = ask.udp(peer.address, peer.port, wire.query("www." + name, "A"), 1)
    return reply and int(reply.addresses()[0].rsplit(".", 1)[1])


def test_a_group_of_a_catalog_of_bind_says_where_its_members_come_from(primary, consumer):
    """Of several groups the one that the configuration knows counts; a reload may know none."""
    bind = primary(Bind, {"a.example.": "x1", "b.example.": "x2"})
    bind.members["a.example."] = 9
    bind.renew({"a.example.": "x1", "b.example.": "x2"},
               more="group.x1.zones TXT far\ngroup.x1.zones TXT inner\n")  # in this order
    inner = primary(Bind, {"a.example.": "y"}, catalog="second.invalid.")
    inner.members["a.example."] = 7
    inner.renew({"a.example.": "y"})
    net.wait_until("its versions", lambda: serial_at(bind) == 9 and serial_at(inner) == 7, 20)
    server = consumer(bind, groups={"inner": {"primaries": [inner.at]}})
    wait_for(server, {"a.example.": 7, "b.example.": 1})
    del server.conf["catalog-groups"]
    server.write()
    assert server.reload()[0] == 0
    wait_for(server, {"a.example.": 9, "b.example.": 1})
    assert zones(server)["a.example"]["group"] is None
