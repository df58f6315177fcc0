# SPDX-License-Identifier: GPL-3.0-or-later
"""test_providers.py - `holdfast providers`: zones seen from outside.

Two providers serve corp.example, each with a real server, and a parent delegates to both.
Everything is on loopback; what is named in the configuration is asked, and nobody else.
Providers have networks of their own (127.N.240.0/24 and on), or they would be told of.
"""
import json
import os
import subprocess
import xml.etree.ElementTree

import pytest

import fake as fakes
import holdfast as under_test
import net
import peers
import web as webs
import wire

pytestmark = pytest.mark.own

ZONE = "corp.example."
_next = 0


def place():
    """An address in a network of its own."""
    global _next
    _next += 1
    return "127.%d.%d.%d" % (net.octet(), 240 + _next % 14, 1 + _next // 14), net.PORT


class Nsd(peers.Nsd):
    place = staticmethod(place)


class KeptNsd(Nsd):
    """Gives no transfer, and sends no more than one server should."""

    def configure(self):
        argv = super().configure()
        conf = self.path("nsd.conf")
        with open(conf) as text:
            kept = text.read().replace("  provide-xfr: 127.0.0.0/8 NOKEY\n", "")
        self.path("nsd.conf", kept)
        return argv


class Knot(peers.Knot):
    """Gives the zone away, to whoever has the key if there is one."""
    place = staticmethod(place)
    key = ""

    def configure(self):
        argv = super().configure()
        with open(self.path("knot.conf")) as text:
            conf = text.read()
        acl = ("%sacl:\n- id: all\n  address: 127.0.0.0/8\n  action: transfer\n%stemplate:\n"
               "- id: default\n  acl: all\n" % (
                   "key:\n- id: watch\n  algorithm: hmac-sha256\n  secret: %s\n" % self.key
                   if self.key else "", "  key: watch\n" if self.key else ""))
        self.path("knot.conf", conf.replace("template:\n- id: default\n", acl, 1))
        return argv


class Pdns(peers.Pdns):
    place = staticmethod(place)

    def configure(self):
        argv = super().configure()
        with open(self.path("pdns.conf"), "a") as conf:
            conf.write("allow-axfr-ips=127.0.0.0/8\n")
        return argv


# --- the world -----------------------------------------------------------------

class World:
    """corp.example at providers a and b, its source, and its parent."""

    def __init__(self, directory, start):
        self.directory, self.start = directory, start
        self.serial = 2026010101
        self.records = {"www A": "192.0.2.80", "db A": "192.0.2.81", "@ MX": "10 mail",
                        "mail A": "192.0.2.25", "@ TXT": '"v=spf1 -all"', "alias CNAME": "www",
                        "*.dev A": "192.0.2.90", "api AAAA": "2001:db8::1"}
        self.ns = ["ns1", "ns.b.test."]
        self.soa = "3600 900 1209600 300"
        self.glue = None
        self.a = self.b = self.parent = None

    def text(self, address, serial=None, ns=None, soa=None, records=None):
        """Zone text; `address` is that of ns1, at provider a."""
        lines = ["$ORIGIN " + ZONE, "$TTL 300",
                 "@ SOA ns1 host %d %s" % (serial or self.serial, soa or self.soa)]
        lines += ["@ NS " + name for name in (self.ns if ns is None else ns)]
        lines.append("ns1 A " + address)
        for key, value in (records or self.records).items():
            owner, rtype = key.split()
            lines.append("%s %s %s" % (owner, rtype, value))
        return "\n".join(lines) + "\n"

    def write(self, name, text):
        path = os.path.join(str(self.directory), name)
        with open(path, "w") as out:
            out.write(text)
        return path

    def serve(self, kind, name, text, address=None):
        """A server of a provider, with this text; its address may be wanted in it."""
        if address:
            kind = type(kind.__name__, (kind,), {
                "place": staticmethod(lambda: (address, net.PORT))})
        return self.start(kind, zones={ZONE: self.write(name, text)})

    def delegate(self, ns=None, glue=None, extra=()):
        lines = ["$ORIGIN example.", "$TTL 3600", "@ SOA ns host 1 3600 900 1209600 300", "@ NS ns",
                 "ns A 127.0.0.1"]
        lines += ["corp NS " + name for name in ns or ["ns1.corp", "ns.b.test."]]
        lines += ["ns1.corp A " + g for g in ([self.a.address] if glue is None else glue)]
        lines += list(extra)
        self.parent = self.start(peers.Nsd, zones={
            "example.": self.write("parent", "\n".join(lines) + "\n")})

    def build(self, kind_a=Nsd, kind_b=Knot, parent=True, text_b=None, **b):
        """All is as it should be, but for what provider b has otherwise."""
        address = place()[0]
        self.a = self.serve(kind_a, "a.zone", self.text(address), address)
        self.b = self.serve(kind_b, "b.zone", text_b or self.text(address, **b))
        self.source = self.write("source.zone", self.text(address))
        if parent:
            self.delegate()
        return self

    def sections(self, **delegation):
        return {
            "providers": {
                "a": {"servers": ["ns1.corp.example@" + self.a.at]},
                "b": {"servers": ["ns.b.test@" + self.b.at]},
            },
            "delegations": [{"zone": "corp.example", "parents": [self.parent.at],
                             "source": self.source, **delegation}],
        }


@pytest.fixture
def world(tmp_path, peer):
    directory = tmp_path / "zones"
    directory.mkdir()
    return World(directory, peer)


def look(holdfast, sections, *flags, upstreams=None):
    """Exit code and the whole output."""
    server = holdfast(upstreams or {"none": "127.0.0.1:1"}, start=False, **sections)
    return under_test.run_verb("providers", "-c", server.path, *flags, timeout=60)


def findings(holdfast, sections, *flags, **how):
    """Exit code and {id: [finding]} without notes; the zone's object."""
    code, text = look(holdfast, sections, "--json", *flags, **how)
    zone = json.loads(text)["zones"][0]
    found = {}
    for f in zone["findings"]:
        if f["severity"] != "note":
            found.setdefault(f["id"], []).append(f)
    return code, found, zone


def expect_only(holdfast, sections, name, *texts):
    code, found, zone = findings(holdfast, sections)
    assert set(found) == {name}, zone["findings"]
    assert code == 1
    said = " ".join(f["text"] for f in found[name])
    for text in texts:
        assert text in said
    assert all(f["instead"] for f in found[name])
    return found[name]


# --- all is well ---------------------------------------------------------------

@pytest.mark.parametrize("kinds", [(Nsd, Knot), (Pdns, Nsd), (Knot, Pdns)])
def test_two_providers_that_say_the_same_are_good(world, holdfast, kinds):
    world.build(*kinds)
    code, found, zone = findings(holdfast, world.sections())
    assert (code, found) == (0, {}), zone["findings"]
    assert [s["compared"] for s in zone["servers"]] == ["whole", "whole"]
    assert [s["serial"] for s in zone["servers"]] == [world.serial] * 2
    assert zone["servers"][0]["sets"] == 9
    assert zone["parents"] == [{"address": world.parent.at, "reach": "answers", "delegates": True,
                                "ns": 2, "ds": 0}]


def test_bind_gives_what_it_has_as_well(world, holdfast):
    world.build(Nsd, peers.Bind)
    code, found, zone = findings(holdfast, world.sections())
    assert (code, found) == (0, {}), zone["findings"]


def test_without_a_source_providers_are_compared_with_each_other(world, holdfast):
    world.build(records={"www A": "192.0.2.80"})
    code, found, zone = findings(holdfast, world.sections(source="none"))
    assert code == 1 and set(found) == {"drift"}
    assert zone["servers"][0]["compared"] == "no" and zone["servers"][1]["compared"] == "whole"


def test_who_gives_no_transfer_is_asked_for_some_of_the_names(world, holdfast):
    world.build(Nsd, KeptNsd)
    code, found, zone = findings(holdfast, world.sections())
    assert (code, found) == (0, {}), zone["findings"]
    assert zone["servers"][1]["compared"] == "sampled"
    assert zone["servers"][1]["sets"] == 9
    notes = [f for f in zone["findings"] if f["id"] == "transfer"]
    assert len(notes) == 1 and notes[0]["provider"] == "b"


def test_the_page_says_it_in_sentences(world, holdfast):
    world.build(serial=2026010100)
    code, text = look(holdfast, world.sections())
    assert code == 1
    line = next(line for line in text.splitlines() if line.startswith("fault"))
    assert ("ns.b.test (%s) of provider b is behind: it serves serial 2026010100, and 2026010101 "
            "is published (1 further on) [behind]" % world.b.at) in line
    assert "          instead: see whether it is notified" in text
    assert "corp.example: a fault was found: 1 faults" in text
    assert "serial 2026010101, 9 sets of records compared, the whole zone, 0 differ" in text


def test_junit_has_a_case_for_each_finding(world, holdfast):
    world.build(serial=2026010100)
    code, text = look(holdfast, world.sections(), "--junit", "-")
    suite = xml.etree.ElementTree.fromstring(text).find("testsuite")
    assert code == 1 and suite.get("name") == "corp.example" and suite.get("failures") == "1"
    assert suite.find("testcase/failure").get("type") == "behind"


# --- each finding once ---------------------------------------------------------

def test_an_old_version_is_behind_and_not_compared(world, holdfast):
    world.build(serial=2026010099, records={"www A": "192.0.2.66"})
    expect_only(holdfast, world.sections(), "behind", "(2 further on)")


def test_a_newer_version_than_the_source_is_ahead(world, holdfast):
    world.build(serial=2026010102)
    expect_only(holdfast, world.sections(), "ahead", "the source has only 2026010101")


def test_a_provider_with_serials_of_its_own_is_compared_all_the_same(world, holdfast):
    world.build(serial=7, records={**world.records, "www A": "192.0.2.66"})
    sections = world.sections()
    sections["providers"]["b"]["own-serials"] = True
    expect_only(holdfast, sections, "drift", "www.corp.example A", "192.0.2.66", "192.0.2.80")


@pytest.mark.parametrize("kind", [Knot, KeptNsd])
def test_a_record_that_differs_is_named(world, holdfast, kind):
    changed = {**world.records, "www A": "192.0.2.66"}
    del changed["mail A"]
    world.build(kind_b=kind, records=changed)
    found = expect_only(holdfast, world.sections(), "drift",
                        "www.corp.example A: ns.b.test (%s) of provider b has 192.0.2.66, the source "
                        "has 192.0.2.80" % world.b.at,
                        "mail.corp.example A: ns.b.test (%s) of provider b has nothing" % world.b.at)
    assert len(found) == 2


def test_a_record_that_only_a_provider_has_is_found_in_its_transfer(world, holdfast):
    world.build(records={**world.records, "old A": "192.0.2.99"})
    expect_only(holdfast, world.sections(), "drift", "old.corp.example A", "the source has nothing")


def test_a_ttl_that_differs_is_named(world, holdfast):
    world.build()
    text = world.text(world.a.address).replace("www A", "www 60 A")
    world.b.stop()
    world.b = world.serve(Knot, "b2.zone", text)
    expect_only(holdfast, world.sections(), "ttl-drift", "a TTL of 60 s, the source has 300 s")


def test_a_server_without_the_zone_is_lame(world, holdfast):
    world.build()
    lame = world.start(Nsd, zones={"other.example.": world.write(
        "other", "$ORIGIN other.example.\n@ 60 SOA ns host 1 2 3 4 5\n@ 60 NS ns\n")})
    sections = world.sections()
    sections["providers"]["b"]["servers"].append("ns.b.test@" + lame.at)
    expect_only(holdfast, sections, "lame", "it says REFUSED", lame.at)


def test_a_dark_server_is_unreachable(world, holdfast):
    world.build()
    sections = world.sections()
    sections["providers"]["b"]["servers"].append("ns.b.test@%s:%d" % place())
    found = expect_only(holdfast, sections, "unreachable", "refuses connections")
    assert found[0]["provider"] == "b"


def test_silence_is_told_apart_from_a_closed_port(world, holdfast, fake):
    world.build()
    dark = fake(fakes.silent)
    sections = world.sections()
    sections["providers"]["b"]["servers"].append("ns.b.test@" + dark.at)
    code, found, _ = findings(holdfast, sections)
    assert code == 1
    assert "does not answer over UDP" in found["unreachable"][0]["text"]


def test_a_server_that_answers_over_udp_alone_is_told_of(world, holdfast, fake):
    def authoritative(q):
        if q.proto == "tcp":
            return None
        return fakes.reply(q, answer=[wire.record(ZONE, "SOA", 300, wire.soa(
            serial=world.serial))] if q.qtype == 6 else [])
    world.build()
    half = fake(authoritative)
    sections = world.sections()
    sections["providers"]["b"]["servers"].append("ns.b.test@" + half.at)
    sections["providers"]["b"]["transfer"] = False
    code, found, zone = findings(holdfast, sections)
    assert code == 1 and "transports" in found, zone["findings"]


def test_ns_records_of_parent_and_zone_are_compared(world, holdfast):
    world.build(parent=False)
    world.delegate(ns=["ns1.corp", "ns9.old.test."])
    code, found, zone = findings(holdfast, world.sections())
    assert code == 1
    assert set(found) == {"not-delegated", "ns-stray", "ns-only-parent", "ns-only-child"}, found
    assert "ns.b.test" in found["not-delegated"][0]["text"]
    assert "ns9.old.test" in found["ns-stray"][0]["text"]


def test_ns_records_of_two_providers_are_compared(world, holdfast):
    world.build(ns=["ns.b.test."])
    expect_only(holdfast, world.sections(), "ns-drift", "has NS records ns.b.test, and")


def test_stale_glue_is_named(world, holdfast):
    world.build(parent=False)
    world.delegate(glue=[world.a.address, "127.0.0.99"])
    found = findings(holdfast, world.sections())[1]
    assert "has address 127.0.0.99, and the zone has " + world.a.address in \
        found["glue-stale"][0]["text"]


def test_glue_that_leads_to_a_stranger_has_it_asked(world, holdfast):
    world.build(parent=False)
    world.delegate(ns=["ns1.corp", "ns.b.test.", "ns3.corp"],
                   extra=["ns3.corp A %s" % place()[0]])
    code, found, zone = findings(holdfast, world.sections())
    assert code == 1 and "ns-stray" in found
    assert any(s["provider"] is None for s in zone["servers"])
    assert "unreachable" in found


def test_one_provider_in_one_network_is_told(world, holdfast):
    world.build()
    sections = world.sections()
    sections["delegations"][0]["providers"] = ["a"]
    code, found, _ = findings(holdfast, sections)
    assert code == 1
    assert {"one-provider", "one-network", "ns-stray"} <= set(found)
    sections["delegations"][0]["accept"] = ["one-provider", "one-network", "ns-stray"]
    assert findings(holdfast, sections)[0] == 0


def test_timers_ttls_and_denials_are_looked_at(world, holdfast):
    world.soa = "3600 900 1800 90000"
    world.build()
    sections = world.sections()
    sections["delegations"][0]["change-within"] = "1m"
    code, found, _ = findings(holdfast, sections)
    assert code == 1 and set(found) == {"soa-timers", "ttl-high"}, found
    assert "expire 30m" in found["soa-timers"][0]["text"]
    assert "up to 5m to be seen everywhere" in found["ttl-high"][0]["text"]
    sections["delegations"][0]["negative-max"] = "1m"
    assert "negative-ttl" in findings(holdfast, sections)[1]


# --- keys ----------------------------------------------------------------------

def signed(world, directory, text):
    """The text signed with a key of its own, and the key's DS record."""
    os.makedirs(directory)
    run = lambda *argv: subprocess.run(argv, cwd=directory, check=True, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True).stdout.strip()
    key = run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", ZONE)
    with open(os.path.join(directory, key + ".key")) as public, \
            open(os.path.join(directory, "zone"), "w") as out:
        out.write(text + public.read())
    run("dnssec-signzone", "-q", "-z", "-o", ZONE, "-f", "signed", "zone", key)
    with open(os.path.join(directory, "signed")) as out:
        return out.read(), run("dnssec-dsfromkey", "-2", key)


def test_a_ds_record_is_held_against_the_keys(world, holdfast, tmp_path):
    if not peers.shutil.which("dnssec-signzone"):
        pytest.skip("dnssec-signzone is not installed")
    address = place()[0]
    text, ds = signed(world, str(tmp_path / "one"), world.text(address))
    _, other = signed(world, str(tmp_path / "two"), world.text(address))
    world.a = world.serve(Nsd, "a.zone", text, address)
    world.b = world.serve(Knot, "b.zone", text)
    world.source = world.write("source.zone", text)
    world.delegate(extra=[ds])
    code, found, zone = findings(holdfast, world.sections())
    assert (code, found) == (0, {}), zone["findings"]
    world.parent.stop()
    world.delegate(extra=[other])
    found = expect_only(holdfast, world.sections(), "ds-mismatch", "of provider a has",
                        "of provider b has")
    assert len(found) == 2


def test_a_provider_that_does_not_sign_is_told_of(world, holdfast, tmp_path):
    if not peers.shutil.which("dnssec-signzone"):
        pytest.skip("dnssec-signzone is not installed")
    address = place()[0]
    text, ds = signed(world, str(tmp_path / "one"), world.text(address))
    world.a = world.serve(Nsd, "a.zone", text, address)
    world.b = world.serve(Knot, "b.zone", world.text(address))
    world.source = world.write("source.zone", text)
    world.delegate(extra=[ds])
    code, found, _ = findings(holdfast, world.sections())
    assert code == 1 and set(found) == {"ds-without-key", "key-drift"}, found
    assert found["ds-without-key"][0]["provider"] == "b"


def test_a_transfer_may_be_signed(world, holdfast, tmp_path):
    key = "c2VjcmV0LW9mLXRlc3RzLW9ubHktMTIzNDU2Nzg5MDE="
    world.build(kind_b=type("Knot", (Knot,), {"key": key}))
    secret = tmp_path / "secret"
    secret.write_text(key + "\n")
    secret.chmod(0o600)
    sections = world.sections()
    code, _, zone = findings(holdfast, sections)
    assert zone["servers"][1]["compared"] == "sampled"
    sections["keys"] = {"watch": {"secret-file": str(secret)}}
    sections["providers"]["b"]["key"] = "watch"
    code, found, zone = findings(holdfast, sections)
    assert (code, found) == (0, {}), zone["findings"]
    assert zone["servers"][1]["compared"] == "whole"


# --- the source ----------------------------------------------------------------

def test_the_source_may_be_a_server(world, holdfast):
    world.build(records={**world.records, "www A": "192.0.2.66"})
    primary = world.serve(Nsd, "primary.zone", world.text(world.a.address))
    expect_only(holdfast, world.sections(source=primary.at), "drift", "192.0.2.66")


def test_the_source_is_our_own_zone_unless_another_is_named(world, holdfast):
    world.build(records={**world.records, "www A": "192.0.2.66"})
    sections = world.sections(source="auto")
    sections["zones"] = [{"name": "corp.example", "file": world.source}]
    expect_only(holdfast, sections, "drift", "the source has 192.0.2.80")


def test_the_source_may_be_our_own_zone_from_a_url(world, holdfast):
    world.build(records={**world.records, "www A": "192.0.2.66"})
    server = webs.Web()  # over http, which is fine on this machine
    sections = world.sections(source="auto")
    url = "http://%s:%d/corp" % (server.address, server.port)
    sections["zones"] = [{"name": "corp.example", "url": url}]
    try:
        with open(world.source) as text:
            server.pages["/corp"] = webs.page(text.read())
        expect_only(holdfast, sections, "drift", "the source has 192.0.2.80")
        server.pages["/corp"] = webs.page("no zone")
        found = findings(holdfast, sections)[1]
        assert url in found["source-unasked"][0]["text"]
    finally:
        server.stop()


def test_a_source_may_include_other_files(world, holdfast):
    world.build(records={**world.records, "www A": "192.0.2.66"})
    world.write("whole.zone", world.text(world.a.address))
    source = world.write("including.zone", "$INCLUDE whole.zone\n")
    expect_only(holdfast, world.sections(source=source), "drift", "the source has 192.0.2.80")


def test_a_source_that_cannot_be_had_is_said_and_not_called_good(world, holdfast):
    world.build()
    code, found, _ = findings(holdfast, world.sections(source="/nonexistent/zone"))
    assert code == 3 and set(found) == {"source-unasked"}
    broken = world.write("broken.zone", "$ORIGIN corp.example.\n@ 60 SOA nonsense\n")
    code, found, _ = findings(holdfast, world.sections(source=broken))
    assert code == 3 and "broken.zone:2: " in found["source-unasked"][0]["text"]


def test_a_parent_that_is_dark_is_said_and_not_called_good(world, holdfast):
    world.build()
    world.parent.stop()
    code, found, _ = findings(holdfast, world.sections())
    assert code == 3 and set(found) == {"parent-unasked"}


# --- what if -------------------------------------------------------------------

def test_without_a_provider_the_names_are_asked_of_the_others_and_that_holds(world, holdfast):
    less = {k: v for k, v in world.records.items() if k != "db A"}
    world.build(records=less)
    code, found, zone = findings(holdfast, world.sections(), "--without", "a")
    assert code == 1 and set(found) == {"without"}
    assert (zone["tried"], zone["left"]) == (9, 8)
    assert "db.corp.example A: without provider a nobody is left who gives 192.0.2.81" in \
        found["without"][0]["text"]
    assert [s["left_alone"] for s in zone["servers"]] == [True, False]
    world.a.stop()  # what was said holds
    assert world.b.udp("www.corp.example.", "A").addresses() == ["192.0.2.80"]
    assert world.b.udp("db.corp.example.", "A").rcode == wire.NXDOMAIN


def test_without_the_other_all_is_left(world, holdfast):
    world.build(records={"www A": "192.0.2.80"})
    code, found, zone = findings(holdfast, world.sections(), "--without", "b")
    assert (code, found) == (0, {}), zone["findings"]
    assert zone["tried"] == zone["left"] == 9


def test_who_is_not_delegated_to_does_not_count_as_left(world, holdfast):
    world.build(parent=False)
    world.delegate(ns=["ns1.corp"])
    code, found, zone = findings(holdfast, world.sections(), "--without", "a")
    assert code == 1 and "without-delegation" in found
    assert zone["left"] == 0


def test_names_may_be_given_where_there_is_no_source(world, holdfast):
    world.build()
    sections = world.sections(source="none", names=["www.corp.example", "gone.corp.example"])
    code, found, zone = findings(holdfast, sections, "--without", "a")
    assert code == 0 and zone["tried"] == zone["left"] == 1, zone["findings"]


# --- a running server ----------------------------------------------------------

def looked(server):
    return {k: v for k, v in server.metrics().items() if k.startswith("holdfast_provider_")}


def test_a_running_server_looks_by_itself_and_tells_what_is_new_and_gone(world, holdfast):
    world.build()
    sections = world.sections(every="200ms")
    server = holdfast({"none": "127.0.0.1:1"}, **sections)
    up = 'holdfast_provider_up{zone="corp.example",provider="b",server="%s"}' % world.b.at
    faults = 'holdfast_provider_findings{zone="corp.example",severity="fault"}'
    net.wait_until("the first look", lambda: looked(server).get(up) == 1, 60)
    assert looked(server)[faults] == 0
    assert looked(server)[up.replace("_up", "_serial")] == world.serial
    assert looked(server)[up.replace("_up", "_behind")] == 0
    world.b.stop()
    net.wait_until("the fault to be seen", lambda: looked(server).get(up) == 0, 60)
    assert looked(server)[faults] >= 1
    net.wait_until("it to be told", lambda: "finding=unreachable" in server.process.output(), 60)
    assert server.process.output().count("finding=unreachable") == 1
    world.b.start()
    net.wait_until("it to be gone", lambda: looked(server).get(up) == 1, 60)
    net.wait_until("that to be told", lambda: "provider finding is gone" in server.process.output(), 60)
    assert server.udp("localhost.").rcode == 0


def test_a_reload_begins_and_ends_looking(world, holdfast):
    world.build()
    server = holdfast({"none": "127.0.0.1:1"})
    assert looked(server) == {}
    conf = server.conf
    server.conf = {**conf, **world.sections(every="200ms")}
    server.write()
    assert server.reload()[0] == 0
    net.wait_until("the first look", lambda: any("looked" in k for k in looked(server)), 60)
    server.conf = conf
    server.write()
    assert server.reload()[0] == 0
    net.wait_until("it to be left off", lambda: looked(server) == {}, 60)


def test_a_server_ends_in_the_middle_of_a_look(world, holdfast, fake):
    world.build()
    sections = world.sections(parents=[fake(fakes.silent).at], every="200ms")
    server = holdfast({"none": "127.0.0.1:1"}, **sections)
    assert server.stop() == 0


# --- names that are looked up, and wrong words ---------------------------------

def test_names_of_servers_and_parents_are_looked_up_by_way_of_forward(world, holdfast, fake):
    def resolver(q):
        if q.qtype == 2 and q.name == b"\7example\0":
            return fakes.reply(q, answer=[wire.record("example.", "NS", 60, wire.name("ns.example."))])
        return fakes.honest(q, base=127)
    world.build()
    sections = world.sections(parents=[])
    sections["providers"]["b"]["servers"] = ["ns.b.test"]
    code, found, zone = findings(holdfast, sections, upstreams={"one": fake(resolver).at})
    assert code == 1
    assert "unreachable" in found and ":53" in found["unreachable"][0]["text"]
    assert len(zone["parents"]) >= 1 and all(p["address"].endswith(":53") for p in zone["parents"])


@pytest.mark.parametrize("change, complaint", [
    (lambda s: s["delegations"][0].update(providers=["c"]), "no provider is called 'c'"),
    (lambda s: s["delegations"][0].update(accept=["one-netwrk"]), "did you mean 'one-network'"),
    (lambda s: s["delegations"][0].update(source="zone"), "'zone' is no source"),
    (lambda s: s["delegations"][0].update(names=["www.example"]), "is no name of this zone"),
    (lambda s: s["delegations"].append(dict(s["delegations"][0])), "has two delegations"),
    (lambda s: s["providers"]["a"].update(servers=["192.0.2.300"]), "is no server"),
    (lambda s: s["providers"]["a"].update(servers=[]), "has no servers"),
    (lambda s: s["providers"]["a"].update(key="nobody"), "nobody"),
    (lambda s: s.pop("providers"), "needs `providers:`"),
])
def test_a_wrong_word_is_found_with_its_line(holdfast, change, complaint):
    sections = {
        "providers": {"a": {"servers": ["ns1.example@127.0.0.1:1"]}},
        "delegations": [{"zone": "corp.example", "parents": ["127.0.0.1:1"]}],
    }
    change(sections)
    code, text = look(holdfast, sections)
    assert code == 2 and complaint in text, text
    assert "holdfast.yaml:" in text


def test_wrong_usage_is_said(holdfast):
    sections = {
        "providers": {"a": {"servers": ["ns1.example@127.0.0.1:1"]}},
        "delegations": [{"zone": "corp.example", "parents": ["127.0.0.1:1"]}],
    }
    assert look(holdfast, sections, "--without", "c")[0] == 2
    assert look(holdfast, sections, "--deadline", "soon")[0] == 2
    assert look(holdfast, sections, "other.example")[0] == 2
    assert look(holdfast, {})[0] == 2
