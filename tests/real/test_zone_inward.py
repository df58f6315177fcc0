# SPDX-License-Identifier: GPL-3.0-or-later
"""Aliases of upstreams that lead into a zone of ours: the upstream has no say in what is there."""
import os

import pytest

import fake as fakes
import net
import peers
import wire

pytestmark = pytest.mark.own

AA, AD = 0x0400, 0x0020
NOT_READY = 14
OUTSIDE = """$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 300
@ NS ns
ns A 192.0.2.53
www CNAME db.corp.internal.
gone CNAME gone.corp.internal.
further CNAME www
plain A 192.0.2.80
"""
CORP = """$TTL 300
@ SOA ns hostmaster %d 3600 600 86400 300
@ NS ns
ns A 10.0.0.53
db A %s
%s
"""
THEIRS, OURS, NEXT = "10.0.0.99", "10.0.0.5", "10.0.0.6"


def write(path, content):
    with open(str(path) + ".new", "w") as out:
        out.write(content)
    os.rename(str(path) + ".new", str(path))


def upstream_of(kind, peer, tmp_path):
    """It has outside.example, and a copy of corp.internal that differs from ours."""
    outside, corp = tmp_path / "outside.theirs", tmp_path / "corp.theirs"
    write(outside, OUTSIDE)
    write(corp, CORP % (1, THEIRS, "gone A " + THEIRS))
    return peer(kind, zones={"outside.example": str(outside), "corp.internal": str(corp)})


def whole(q):
    """What a resolver says that looks into a corp.internal of its own."""
    targets = {"www": "db", "further": "db", "gone": "gone"}
    alias = targets.get(wire.text(q.name).split(".")[0])
    if not alias:
        return fakes.reply(q, [wire.record(b"\xc0\x0c", "A", 300, bytes([192, 0, 2, 80]))])
    target = wire.name(alias + ".corp.internal")
    return fakes.reply(q, [wire.record(b"\xc0\x0c", "CNAME", 300, target),
                           wire.record(target, "A", 300, bytes([10, 0, 0, 99]))])


def asked(server, name, how="udp", **more):
    reply = getattr(server, how)(name, **more)
    return reply.addresses()


def wait_for(server, name, addresses):
    net.wait_until("%s to be %s" % (name, addresses), lambda: asked(server, name) == addresses)


def reload(server, **zones):
    server.conf.pop("zones", None)
    server.conf.update(zones)
    server.write()
    code, said = server.reload()[:2]
    assert code == 0, said


# Servers of zones give the alias alone, resolvers what they know behind it.
@pytest.mark.parametrize("kind", [peers.Knot, peers.Nsd, None])
def test_an_upstreams_alias_into_a_zone_of_ours_goes_on_in_our_zone(
        kind, peer, fake, holdfast, tmp_path):
    theirs = upstream_of(kind, peer, tmp_path) if kind else fake(whole)
    path = tmp_path / "corp.ours"
    write(path, CORP % (7, OURS, ""))
    zone = {"name": "corp.internal", "file": str(path)}
    target = "%s:%d" % (theirs.address, theirs.port) if kind else theirs.at
    server = holdfast({"u": target}, zones=[zone])
    wait_for(server, "db.corp.internal", [OURS])
    for how in ("udp", "udp", "tcp"):  # as it comes, and from the cache
        for name in ("www.outside.example", "further.outside.example"):
            reply = getattr(server, how)(name)
            assert reply.addresses() == [OURS] and not reply.flag(AA) and not reply.flag(AD)
        reply = getattr(server, how)("gone.outside.example")
        assert reply.rcode == 3 and not reply.addresses()
        assert asked(server, "plain.outside.example", how) == ["192.0.2.80"]
    net.wait_until("the aliases to be counted",
                   lambda: server.metrics()["holdfast_authority_led_in_total"] >= 9)
    # A new version counts at once for what is in the cache.
    write(path, CORP % (8, NEXT, "gone A " + NEXT))
    wait_for(server, "db.corp.internal", [NEXT])
    assert asked(server, "www.outside.example") == [NEXT]
    assert asked(server, "gone.outside.example") == [NEXT]


def test_a_zone_that_comes_or_goes_changes_what_the_cache_says_past_an_alias(
        fake, holdfast, tmp_path):
    server = holdfast({"u": fake(whole).at}, **{"zone-state": str(tmp_path / "state")})
    for _ in range(2):
        assert asked(server, "www.outside.example") == [THEIRS]
    # Nobody can be asked for our zone: it is not ready, and an answer past it would be a guess.
    reload(server, zones=[{"name": "corp.internal", "primaries": ["127.0.0.1:1"]}])
    net.wait_until("the zone to be there", lambda: server.udp("db.corp.internal").rcode == 2)
    reply = server.udp("www.outside.example", edns=1232)
    assert reply.rcode == 2 and not reply.addresses()
    assert reply.ede == [NOT_READY]
    reload(server)
    wait_for(server, "www.outside.example", [THEIRS])


def mail(q):
    """A resolver that knows the mail servers' addresses, or thinks so."""
    ours, theirs = wire.name("db.corp.internal"), wire.name("mx.outside.example")
    mx = [wire.record(b"\xc0\x0c", "MX", 300, bytes([0, n]) + host) for n, host in enumerate((ours, theirs))]
    if wire.text(q.name).split(".")[0] != "mail":
        return fakes.reply(q, [wire.record(b"\xc0\x0c", "A", 300, bytes([192, 0, 2, 80]))])
    return fakes.reply(q, mx, additional=[wire.record(ours, "A", 300, bytes([10, 0, 0, 99])),
                                          wire.record(theirs, "A", 300, bytes([192, 0, 2, 25]))])


@pytest.mark.parametrize("how", ["zone", "local"])
def test_an_address_that_an_upstream_adds_for_a_name_of_ours_is_left_off(how, fake, holdfast, tmp_path):
    write(tmp_path / "corp.ours", CORP % (7, OURS, ""))
    ours = ({"zones": [{"name": "corp.internal", "file": str(tmp_path / "corp.ours")}]} if how == "zone"
            else {"local": {"records": ["db.corp.internal A " + OURS]}})
    server = holdfast({"u": fake(mail).at}, **ours)
    wait_for(server, "db.corp.internal", [OURS])
    for ask in ("udp", "udp", "tcp"):  # as it comes, and from the cache
        reply = getattr(server, ask)("mail.outside.example", qtype="MX")
        assert len(reply.answer) == 2, "that it is a mail server is the upstream's to say"
        assert [(wire.text(r.owner), r.rdata) for r in reply.additional if r.type == 1] == [
            ("mx.outside.example.", bytes([192, 0, 2, 25]))]
