# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose word an answer is, when reloads change who is asked."""
import pytest

import ask
import fake as fakes
import net
import wire

PUBLIC, INNER = ["1.1.1.1"], ["10.9.9.9"]


def says(address, ttl=3600):
    data = bytes(map(int, address.split(".")))
    return lambda q: fakes.reply(q, [wire.record(b"\xc0\x0c", "A", ttl, data)])


def denies(q):
    soa = wire.record("example.", "SOA", 3600, wire.soa(minimum=3600))
    return fakes.reply(q, authority=[soa], rcode=wire.NXDOMAIN)


@pytest.fixture
def two(fake, holdfast):
    """A public upstream that denies corp.example, and one inside that has it."""
    public = fake(lambda q: denies(q) if b"corp" in bytes(q.qname).lower()
                  else says(PUBLIC[0])(q))
    inner = fake(says(INNER[0]))
    server = holdfast({"public": public.at, "inner": inner.at},
                      forward=[{"zone": ".", "to": ["public"]}])
    return server, public, inner


def route(server, **zones):
    server.conf["forward"] = [{"zone": z.replace("_", "."), "to": to} for z, to in zones.items()]
    server.conf["forward"].append({"zone": ".", "to": ["public"]})
    server.write()
    assert server.reload()[0] == 0


def test_a_zone_with_a_route_of_its_own_is_asked_anew(two):
    server, _, inner = two
    assert server.udp("corp.example.").rcode == wire.NXDOMAIN
    assert server.udp("www.corp.example.").rcode == wire.NXDOMAIN
    assert server.udp("x.split.example.").addresses() == PUBLIC
    route(server, corp_example=["inner"], split_example=["inner"])
    for name in ("corp.example.", "www.corp.example.", "new.corp.example.", "x.split.example."):
        assert server.udp(name).addresses() == INNER, name
    assert inner.count() == 4


def test_what_was_said_inside_does_not_outlive_the_route(two):
    server, _, _ = two
    route(server, corp_example=["inner"])
    assert server.udp("www.corp.example.").addresses() == INNER
    route(server)
    assert server.udp("www.corp.example.").rcode == wire.NXDOMAIN


def test_a_route_that_keeps_an_upstream_keeps_its_answers(two):
    server, public, _ = two
    assert server.udp("kept.example.").addresses() == PUBLIC
    server.conf["forward"] = [{"zone": ".", "to": ["inner", "public"], "order": "listed"}]
    server.write()
    assert server.reload()[0] == 0
    assert server.udp("kept.example.").addresses() == PUBLIC
    assert public.count("kept.example.") == 1


def test_an_address_can_come_back_as_soon_as_it_has_gone(two, fake):
    server, public, _ = two
    public.behave = fakes.silent
    served = server.conf["listen"]["dns"]
    extra = net.address()
    for listen in (served + [extra + ":5300"], served, served + [extra + ":5300"]):
        server.conf["listen"]["dns"] = listen
        server.write()
        assert server.reload()[0] == 0
        if extra + ":5300" in listen:
            with ask.Udp(extra, 5300) as client:
                client.send(wire.query("pending.example."))
    assert ask.udp(extra, 5300, wire.query("localhost.")).addresses()
