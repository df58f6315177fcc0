# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients get is what the authoritative server says, whatever it is."""
import pytest

import ask
import holdfast as under_test
import net
import peers
import wire
import zonemaker

QUESTIONS = (zonemaker.type_questions() + zonemaker.shape_questions(zonemaker.TYPES_ZONE))
SIGNED = [q for zone in (zonemaker.SIGNED_ZONE, zonemaker.HASHED_ZONE)
          for q in zonemaker.shape_questions(zone) + zonemaker.signed_questions(zone)]


@pytest.fixture(scope="module", params=peers.AUTHORITATIVE, ids=lambda kind: kind.__name__)
def pair(request, fleet, shared_holdfast):
    """A real authoritative server and holdfast in front of it."""
    truth = fleet(request.param)
    return truth, shared_holdfast({"truth": truth.at})


def said(truth, qname, qtype, do):
    """The server's own answer, as a forwarder gets it: over TCP if it does not fit."""
    direct = truth.udp(qname, qtype, do=do, edns=1232)
    return truth.tcp(qname, qtype, do=do, edns=1232) if direct.flag(wire.TC) else direct


def ttls(message):
    return {(r.owner.lower(), r.type, r.rdata.lower()): r.ttl
            for r in message.answer + message.authority + message.additional}


def without_glue(message):
    """Addresses of name servers in authority are for who follows delegations: nobody who
    asks a forwarder does, and a forged one is the oldest poison. They are left off."""
    glue = {wire.lower(r.rdata) for r in message.authority if r.type == 2}
    hosts = [wire.lower(r.rdata) for r in message.answer if r.type in (2, 15, 18, 21, 33, 35, 36)]
    glue = {n for n in glue if not any(n in rdata for rdata in hosts)}
    message.additional = [r for r in message.additional if wire.lower(r.owner) not in glue]


def same(ours, direct):
    without_glue(direct)
    if under_test.STANDIN:  # Unbound scrubs authority and additional
        ours.authority, ours.additional, direct.authority, direct.additional = [], [], [], []
    # A CNAME made from a DNAME repeats the question's letters, which we mix.
    exact = not any(r.type == 39 for r in direct.answer)
    return wire.comparable(ours, exact) == wire.comparable(direct, exact)


def compare(pair, questions, do):
    """All differences, over UDP and TCP; the list is what pytest shows."""
    truth, server = pair
    wrong = []
    for qname, qtype in questions:
        direct = said(truth, qname, qtype, do)
        if under_test.STANDIN and qname.startswith("outside"):
            continue  # it follows the alias itself
        if direct.rcode in (wire.SERVFAIL, wire.REFUSED):
            continue  # this peer cannot do that; holdfast would rightly not pass it on
        for proto in ("udp", "tcp"):
            ours = getattr(server, proto)(qname, qtype, do=do, edns=1232)
            if ours is None:
                wrong.append((qname, qtype, proto, "no answer"))
            elif proto == "udp" and ours.flag(wire.TC):
                if len(direct.wire) <= 1232 or len(ours.wire) > 1232:
                    wrong.append((qname, qtype, proto, "truncated", len(direct.wire)))
            elif not same(ours, direct):
                wrong.append((qname, qtype, proto, "direct:", direct, "holdfast:", ours))
            else:
                allowed = ttls(direct)
                wrong += [(qname, qtype, proto, "TTL grew", k) for k, ttl in ttls(ours).items()
                          if ttl > allowed[k]]
    return wrong


def show(wrong):
    return "%d differences\n" % len(wrong) + "\n".join(
        " ".join(map(str, difference)) for difference in wrong[:8])


def test_every_record_type_arrives_as_it_was_sent(pair):
    wrong = compare(pair, QUESTIONS, do=False)
    assert not wrong, show(wrong)


def test_every_record_type_arrives_as_it_was_sent_with_do(pair):
    wrong = compare(pair, QUESTIONS, do=True)
    assert not wrong, show(wrong)


def test_there_are_more_than_fifty_types_in_the_zone():
    assert len({wire.rtype(t) for _, t in QUESTIONS + SIGNED}) > 50


@pytest.mark.parametrize("do", [False, True], ids=["plain", "do"])
def test_signed_zones_keep_signatures_and_proofs(pair, need, do):
    if zonemaker.SIGNED_ZONE not in pair[0].zones:
        need("dnssec-signzone")
    wrong = compare(pair, SIGNED, do)
    assert not wrong, show(wrong)


@pytest.mark.parametrize("kind", peers.RESOLVERS, ids=lambda kind: kind.__name__)
def test_answers_through_a_real_resolver_are_what_it_says(kind, fleet, shared_holdfast):
    """Resolvers mark their answers RA, count TTLs down and may add less: so they
    are compared with themselves, asked directly."""
    resolver = fleet(kind, upstreams=(fleet(peers.Nsd),))
    server = shared_holdfast({"resolver": resolver.at})
    wrong = []
    for qname, qtype in QUESTIONS:
        direct = said(resolver, qname, qtype, False)
        ours = server.tcp(qname, qtype, edns=1232)
        if direct.rcode in (wire.SERVFAIL, wire.REFUSED):
            continue
        if under_test.STANDIN and qname.startswith("outside"):
            continue
        answers = lambda m: wire.comparable(m, exact=False)[3]
        if ours is None or ours.rcode != direct.rcode or answers(ours) != answers(direct):
            wrong.append((qname, qtype, "direct:", direct, "holdfast:", ours))
    assert not wrong, show(wrong)


# --- single shapes, against one peer -----------------------------------------

@pytest.fixture(scope="module")
def server(fleet, shared_holdfast):
    return shared_holdfast({"nsd": fleet(peers.Nsd).at})


def test_a_cname_chain_comes_whole_and_in_order(server):
    reply = server.udp("chain1.types.example.", "A")
    assert [wire.text(r.owner).split(".")[0] for r in reply.answer] == [
        "chain1", "chain2", "chain3", "chain4", "chain5", "a"]


def test_a_txt_over_4_kb_comes_over_tcp_and_not_over_udp(server):
    over_udp = server.udp("big.types.example.", "TXT", edns=4096)
    assert over_udp.flag(wire.TC) and len(over_udp.wire) <= 1232
    over_tcp = server.tcp("big.types.example.", "TXT")
    assert not over_tcp.flag(wire.TC) and len(over_tcp.answer[0].rdata) > 4096


def test_nxdomain_carries_the_soa(server):
    reply = server.udp("nowhere-at-all.types.example.", "A")
    assert reply.rcode == wire.NXDOMAIN and not reply.answer
    assert [r.type for r in reply.authority] == [6]


def test_no_data_carries_the_soa(server):
    reply = server.udp("a.types.example.", "MX")
    assert reply.rcode == wire.NOERROR and not reply.answer
    assert [r.type for r in reply.authority] == [6]


def test_a_wildcard_answers_under_the_name_that_was_asked(server):
    reply = server.udp("some.thing.wild.types.example.", "A")
    assert [wire.text(r.owner) for r in reply.answer] == ["some.thing.wild.types.example."]
    assert reply.addresses() == ["192.0.2.99"]


@pytest.mark.parametrize("qname", ["A.TYPES.EXAMPLE.", "a.TyPeS.eXaMpLe.", "mIxEd.types.example."])
def test_the_case_of_the_question_is_echoed_exactly(server, qname):
    for _ in range(2):  # from the upstream, then from the cache
        for ask_it in (server.udp, server.tcp):
            reply = ask_it(qname, "A")
            assert reply.question[0][0] == wire.name(qname)
            assert wire.lower(reply.answer[0].owner) == wire.lower(wire.name(qname))


def test_case_mixed_for_the_upstream_never_reaches_a_client(server):
    """0x20 is between us and the upstream: a client that asks in lower case sees
    no capital that the zone does not have."""
    for qname, qtype in QUESTIONS:
        if "mixed" in qname or ".tree" in qname:
            continue  # the zone's own capitals, and names made from the question's
        reply = server.tcp(qname, qtype)
        for r in reply.answer + reply.authority + reply.additional:
            assert r.owner == wire.lower(r.owner), (qname, qtype, reply)
            if r.type in wire.NAMES_IN_RDATA:
                assert b"EXAMPLE" not in r.rdata.upper() or b"example" in r.rdata, (qname, reply)


def test_the_reply_has_ra_and_not_aa(server):
    for _ in range(2):
        reply = server.udp("aaaa.types.example.", "AAAA")
        assert reply.flag(wire.QR) and reply.flag(wire.RA) and not reply.flag(wire.AA)
        assert reply.flag(wire.RD)


def test_an_rdata_that_looks_like_pointers_is_not_expanded(server):
    reply = server.tcp("unknown.types.example.", "TYPE4711")
    assert reply.answer[0].rdata == bytes.fromhex("c00cc00cdeadbeef")


def test_compressed_answers_are_not_blown_up(server, fleet):
    """A cached answer is about as long as the upstream's: names stay compressed."""
    nsd = fleet(peers.Nsd)
    direct = nsd.udp("many.types.example.", "A", edns=1232)
    direct = nsd.tcp("many.types.example.", "A") if direct.flag(wire.TC) else direct
    ours = server.tcp("many.types.example.", "A")
    assert len(ours.wire) <= len(direct.wire) + 64


def test_an_upstream_over_tcp_only_gives_the_same(fleet, holdfast):
    nsd = fleet(peers.Nsd)
    pair = nsd, holdfast({"nsd": "tcp://" + nsd.at})
    wrong = compare(pair, QUESTIONS[:40], do=False)
    assert not wrong, show(wrong)


def test_routes_by_zone_go_to_their_own_upstreams(fleet, fake, holdfast):
    nsd, other = fleet(peers.Nsd), fake()
    server = holdfast({"nsd": nsd.at, "other": other.at}, forward=[
        {"zone": "types.example", "to": ["nsd"]}, {"zone": ".", "to": ["other"]}])
    assert server.udp("a.types.example.").addresses() == ["192.0.2.1"]
    assert other.count() == 0
    assert server.udp("nottypes.example.").addresses() != []
    assert other.count() == 1


def test_ipv6_clients_get_the_same_answers(fleet, holdfast):
    nsd = fleet(peers.Nsd)
    port = net.port()
    server = holdfast({"nsd": nsd.at}, start=False)
    server.conf["listen"]["dns"].append("[::1]:%d" % port)
    server.write()
    server.start()
    for transport in (ask.udp, ask.tcp):
        reply = transport("::1", port, wire.query("a.types.example."))
        assert reply.addresses() == ["192.0.2.1"]
