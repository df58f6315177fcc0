# SPDX-License-Identifier: GPL-3.0-or-later
"""How every packet is met, good or not: RFC 1035, 3597, 6761, 6891, 8482, 8906, 9619."""
import itertools
import os
import struct

import pytest

import ask
import fake as fakes
import holdfast as under_test
import net
import wire

PORT = under_test.PORT
SENTINEL_ID = 0x7E57


@pytest.fixture(scope="module")
def upstream(shared_fake):
    return shared_fake()


@pytest.fixture(scope="module")
def server(upstream, shared_holdfast):
    return shared_holdfast({"a": {"address": upstream.at, **under_test.NEVER_AGAIN}})


def answer_to(server, octets, proto="udp"):
    """What the server says to these octets: the parsed reply, or None if it
    keeps silent. Behind them goes a question that it answers at once by itself;
    as a socket's packets are served in order, silence needs no waiting for."""
    sentinel = wire.query("localhost.", id=SENTINEL_ID)
    with (server.udp_client() if proto == "udp" else server.tcp_client()) as client:
        client.send(octets)
        client.send(sentinel)
        first = client.receive()
        assert first, "the server said nothing, not even to a good question"
        if first[:2] == sentinel[:2]:
            return None
        assert client.receive()[:2] == sentinel[:2]
        return wire.Message(first)


def replied(server, octets, proto="udp"):
    reply = answer_to(server, octets, proto)
    assert reply is not None, "silence"
    assert reply.flag(wire.QR) and reply.id == struct.unpack("!H", octets[:2])[0]
    return reply


# --- opcodes and header bits ---------------------------------------------------

@pytest.mark.parametrize("proto", ["udp", "tcp"])
@pytest.mark.parametrize("opcode", [1, 2, 3, 4, 5, 6, 15])
def test_an_opcode_we_do_not_serve_gets_notimp_with_the_same_id_and_opcode(server, opcode, proto):
    reply = replied(server, wire.query("a.example.", opcode=opcode), proto)
    assert reply.rcode == wire.NOTIMP and reply.opcode == opcode
    assert not reply.answer


def test_a_dynamic_update_with_records_gets_notimp(server):
    zone = wire.name("example.") + b"\0\6\0\1"
    update = wire.header(77, 5 << 11, 1, 0, 1) + zone + wire.record("a.example.", "A", 1, b"\1\2\3\4")
    assert replied(server, update).rcode == wire.NOTIMP


def test_an_opcode_without_a_question_gets_notimp(server):
    assert replied(server, wire.header(99, 2 << 11)).rcode == wire.NOTIMP


@pytest.mark.parametrize("rcode", [0, 1, 3])
def test_a_response_is_met_with_silence(server, rcode):
    m = wire.query("localhost.", flags=wire.QR | rcode)
    assert answer_to(server, m) is None


@pytest.mark.parametrize("length", range(0, 12))
def test_less_than_a_header_is_met_with_silence(server, length):
    assert answer_to(server, wire.query("localhost.")[:length]) is None


def test_no_recursion_desired_is_refused(server):
    assert replied(server, wire.query("a.example.", rd=False)).rcode == wire.REFUSED


def test_the_z_bit_is_not_echoed(server):
    reply = replied(server, wire.query("localhost.", z=True))
    assert reply.rcode == 0 and not reply.flag(wire.Z)


@pytest.mark.parametrize("qname", ["localhost.", "manners.example."])
def test_ad_is_not_set_as_nothing_was_validated(server, upstream, qname):
    for how in ({"ad": True}, {"do": True}, {}):
        assert not server.udp(qname, **how).flag(wire.AD)


def test_ad_of_an_upstream_is_not_passed_on(fake, holdfast):
    """Nobody checked it here, and the way to the upstream is not protected."""
    server = holdfast({"a": fake(lambda q: fakes.reply(
        q, [wire.record(b"\xc0\x0c", "A", 60, b"\1\2\3\4")], flags=wire.QR | wire.AD | wire.RA)).at})
    for _ in range(2):
        assert not server.udp("ad.example.", ad=True, do=True).flag(wire.AD)


def test_cd_is_echoed(server):
    assert server.udp("cd.example.", cd=True).flag(wire.CD)
    assert not server.udp("cd.example.", cd=False).flag(wire.CD)
    assert server.udp("localhost.", cd=True).flag(wire.CD)


def test_aa_and_tc_in_a_query_are_not_echoed(server):
    reply = replied(server, wire.query("localhost.", flags=wire.AA | wire.TC))
    assert not reply.flag(wire.AA) and not reply.flag(wire.TC)


# --- questions -----------------------------------------------------------------

@pytest.mark.parametrize("proto", ["udp", "tcp"])
def test_a_query_without_a_question_gets_formerr(server, proto):
    assert replied(server, wire.header(5, wire.RD), proto).rcode == wire.FORMERR


@pytest.mark.parametrize("proto", ["udp", "tcp"])
@pytest.mark.parametrize("count", [2, 3, 65535])
def test_more_than_one_question_gets_formerr(server, count, proto):
    question = wire.name("localhost.") + b"\0\1\0\1"
    m = wire.header(6, wire.RD, count) + question * min(count, 20)
    assert replied(server, m, proto).rcode == wire.FORMERR


@pytest.mark.parametrize("behind", [
    b"", b"\x07exampl", b"\x07example", b"\x07example\0", b"\x07example\0\0\1", b"\x40bad\0\0\1\0\1",
    b"\xc0\x0c\0\1\0\1", b"\xc0\xff\0\1\0\1", b"\x80x\0\0\1\0\1", b"\xff" * 300,
    (b"\x3f" + b"a" * 63) * 4 + b"\0\0\1\0\1",  # 257 octets of name
], ids=range(11))
def test_a_broken_question_gets_formerr(server, behind):
    m = wire.header(7, wire.RD, 1) + behind
    reply = replied(server, m)
    assert reply.rcode == wire.FORMERR and len(reply.wire) <= len(m)


def test_records_in_answer_or_authority_of_a_query_get_formerr(server):
    record = wire.record("localhost.", "A", 1, b"\1\2\3\4")
    question = wire.name("localhost.") + b"\0\1\0\1"
    for an, ns in ((1, 0), (0, 1)):
        m = wire.header(8, wire.RD, 1, an, ns) + question + record
        assert replied(server, m).rcode == wire.FORMERR


def test_counts_that_promise_more_than_there_is_get_formerr(server):
    m = bytearray(wire.query("localhost."))
    for at in (6, 8, 10):
        broken = bytes(m[:at]) + b"\xff\xff" + bytes(m[at + 2:])
        assert replied(server, broken).rcode == wire.FORMERR


def test_octets_behind_a_good_query_are_tolerated(server):
    reply = replied(server, wire.query("localhost.") + b"padding of a careless stub")
    assert reply.rcode == 0 and reply.addresses() == ["127.0.0.1"]


def test_an_unknown_record_in_additional_is_passed_over(server):
    m = bytearray(wire.query("localhost."))
    m[11] = 1
    reply = replied(server, bytes(m) + wire.record("x.", 65280, 0, b"what?"))
    assert reply.rcode == 0


def test_errors_are_never_longer_than_what_brought_them(server):
    """From an unverified address: nothing to gain for who forges it."""
    bad = [wire.header(9, wire.RD), wire.header(9, wire.RD, 1), wire.header(9, 4 << 11),
           wire.header(9, wire.RD, 1) + b"\xff" * 40, wire.header(9, wire.RD, 2) + b"\1a\0\0\1\0\1",
           wire.query("a.example.", opcode=4), wire.query("a.example.", opcode=5, edns=1232),
           wire.query("a.example.", version=1), wire.query("a.example.", cls=3),
           wire.query("a.example.", "AXFR"), wire.query("a.example.", rd=False),
           wire.query("a.example.", rd=False, edns=4096, do=True),
           wire.query("a.example.", "ANY"), wire.query("a.example.", "ANY", edns=4096)]
    for m in bad:
        reply = replied(server, m)
        assert len(reply.wire) <= len(m), reply


def test_every_mutation_of_a_query_is_answered_or_ignored_and_never_amplified(server):
    """Each octet of a good query set to four values; it is either a good query
    still, or gets an error that is no longer than it."""
    good = wire.query("localhost.", id=1, do=True, options=wire.option(10, b"12345678"))
    with server.udp_client() as client:
        sent = {}
        for at, value in itertools.product(range(2, len(good)), (0, 0x41, 0xC0, 0xFF)):
            m = bytearray(good)
            m[at] = value
            m[:2] = struct.pack("!H", len(sent) + 2)
            sent[len(sent) + 2] = bytes(m)
            client.send(bytes(m))
        client.send(wire.query("localhost.", id=SENTINEL_ID))
        while True:
            reply = client.receive()
            assert reply is not None
            message = wire.Message(reply)
            if message.id == SENTINEL_ID:
                break
            if message.rcode in (wire.FORMERR, wire.NOTIMP, wire.REFUSED):
                assert len(reply) <= len(sent[message.id])


# --- EDNS ----------------------------------------------------------------------

def test_a_query_without_edns_gets_a_reply_without(server):
    for qname in ("localhost.", "plain.example."):
        assert server.udp(qname).opt is None
        assert server.udp(qname, rd=False).opt is None


def test_a_query_with_edns_gets_a_reply_with(server):
    for qname in ("localhost.", "edns.example.", "edns.example."):
        reply = server.udp(qname, edns=1400)
        assert reply.opt is not None and reply.edns_version == 0 and reply.udp_size >= 512
        assert reply.opt.owner == b"\0"


def test_do_is_echoed(server):
    for qname in ("localhost.", "do.example."):
        assert server.udp(qname, do=True).dnssec_ok
        assert not server.udp(qname, edns=1232).dnssec_ok


@pytest.mark.parametrize("version", [1, 2, 255])
def test_an_edns_version_we_do_not_know_gets_badvers_and_ours(server, version):
    reply = replied(server, wire.query("localhost.", version=version))
    assert reply.rcode == wire.BADVERS and reply.edns_version == 0 and not reply.answer


@pytest.mark.parametrize("code", [3, 8, 10, 12, 26946, 65001])
def test_edns_options_we_do_not_serve_are_ignored(server, code):
    reply = server.udp("localhost.", options=wire.option(code, b"12345678"))
    assert reply.rcode == 0 and reply.addresses() == ["127.0.0.1"]
    assert all(c in (15,) for c, _ in reply.options)


def test_edns_flags_we_do_not_know_are_ignored_and_not_echoed(server):
    m = bytearray(wire.query("localhost.", edns=1232))
    m[-4:-2] = b"\x7f\xff"
    reply = replied(server, bytes(m))
    assert reply.rcode == 0 and reply.opt.ttl & 0x7FFF == 0


def test_two_opt_records_get_formerr(server):
    m = bytearray(wire.query("localhost.", edns=1232)) + wire.opt()
    m[11] = 2
    assert replied(server, bytes(m)).rcode == wire.FORMERR


def test_an_opt_record_with_a_name_gets_formerr(server):
    m = bytearray(wire.query("localhost."))
    m[11] = 1
    assert replied(server, bytes(m) + wire.opt(owner=wire.name("x."))).rcode == wire.FORMERR


def test_a_broken_option_gets_formerr(server):
    m = bytearray(wire.query("localhost."))
    m[11] = 1
    assert replied(server, bytes(m) + wire.opt(options=b"\0\x0a\xff\xff12")).rcode == wire.FORMERR


@pytest.mark.parametrize("edns", [None, 0, 100, 512, 800, 1232, 1400, 4096, 65535])
def test_a_udp_reply_fits_the_client_and_never_exceeds_1232(fake, holdfast, edns):
    """TXT of 150 to 1,400 octets: each arrives whole if it fits, else TC is set
    and TCP brings it all."""
    sizes = [150, 400, 480, 520, 700, 790, 1100, 1190, 1240, 1400]

    def texts(q):
        octets = b"".join(bytes([min(255, n) - 1]) + b"t" * (min(255, n) - 1)
                          for n in _pieces(int(q.name[2:6])))
        whole = fakes.reply(q, [wire.record(b"\xc0\x0c", "TXT", 60, octets)])
        limit = q.message.udp_size if q.edns else 512
        return whole if q.proto == "tcp" or len(whole) <= limit else fakes.truncated(q)

    server = holdfast({"a": fake(texts).at})
    limit = min(max(edns or 512, 512), 1232)
    for size in sizes:
        qname = "s%04d.example." % size
        full = server.tcp(qname, "TXT", edns=edns)
        assert len(full.answer[0].rdata) == size and not full.flag(wire.TC)
        reply = server.udp(qname, "TXT", edns=edns)
        assert len(reply.wire) <= limit
        if len(full.wire) <= limit:
            assert not reply.flag(wire.TC)
            assert [r.rdata for r in reply.answer] == [r.rdata for r in full.answer]
        else:
            assert reply.flag(wire.TC) and not reply.answer


def _pieces(total):
    while total > 0:
        yield min(255, total)
        total -= min(255, total)


@pytest.mark.own
def test_a_smaller_listen_edns_size_is_obeyed(fake, holdfast):
    server = holdfast({"a": fake().at}, listen={"edns-size": 600})
    for size in (550, 650):
        reply = server.udp("big.example.", "TXT", edns=4096)
        assert len(reply.wire) <= 600 and reply.flag(wire.TC)


# --- classes and types ------------------------------------------------------------

@pytest.mark.parametrize("proto", ["udp", "tcp"])
@pytest.mark.parametrize("cls", [3, 4, 254, 255])
def test_other_classes_are_refused(server, upstream, cls, proto):
    before = upstream.count()
    reply = replied(server, wire.query("a.example.", cls=cls), proto)
    assert reply.rcode == wire.REFUSED and not reply.answer
    assert upstream.count() == before


@pytest.mark.parametrize("qname", ["version.bind.", "version.server.", "id.server.", "hostname.bind."])
def test_what_we_are_is_not_told(server, qname):
    assert replied(server, wire.query(qname, "TXT", cls=3)).rcode == wire.REFUSED


@pytest.mark.parametrize("cls", [0, 2, 5, 253, 65280, 65535])
def test_an_unknown_class_is_answered_somehow(server, cls):
    assert replied(server, wire.query("a.example.", cls=cls)).rcode in (
        wire.NOERROR, wire.REFUSED, wire.NOTIMP)


@pytest.mark.parametrize("qtype", [10, 31, 100, 1000, 4711, 32767, 65280, 65534])
def test_an_unknown_type_passes(server, upstream, qtype):
    qname = "type%d.example." % qtype
    reply = server.udp(qname, qtype)
    assert reply.rcode == 0 and upstream.count(qname, qtype) == 1


@pytest.mark.parametrize("qtype", ["AXFR", "IXFR"])
@pytest.mark.parametrize("proto", ["udp", "tcp"])
def test_zone_transfers_are_refused(server, upstream, qtype, proto):
    before = upstream.count()
    assert replied(server, wire.query("example.", qtype), proto).rcode in (wire.REFUSED, wire.NOTIMP)
    assert upstream.count() == before


@pytest.mark.parametrize("qtype", [0, 41, 249, 250])
def test_types_that_are_no_questions_do_not_reach_an_upstream(server, upstream, qtype):
    before = upstream.count()
    assert replied(server, wire.query("meta.example.", qtype)).rcode in (
        wire.FORMERR, wire.REFUSED, wire.NOTIMP)
    assert upstream.count() == before


@pytest.mark.parametrize("qtype", [253, 254])
def test_the_old_mail_types_are_answered_somehow(server, qtype):
    assert server.udp("mail.example.", qtype).rcode in (wire.NOERROR, wire.REFUSED, wire.NOTIMP)


@pytest.mark.own
def test_any_over_udp_is_sent_to_tcp_and_over_tcp_answered_in_full(fake, holdfast):
    def everything(q):
        return fakes.reply(q, [wire.record(b"\xc0\x0c", "A", 60, b"\1\2\3\4"),
                               wire.record(b"\xc0\x0c", "TXT", 60, b"\2hi")])
    upstream = fake(everything)
    server = holdfast({"a": upstream.at})
    reply = server.udp("any.example.", "ANY", edns=4096)
    assert reply.flag(wire.TC) and not reply.answer and upstream.count() == 0
    reply = server.tcp("any.example.", "ANY")
    assert sorted(r.type for r in reply.answer) == [1, 16]


# --- names -------------------------------------------------------------------------

def test_every_octet_may_stand_in_a_label(server, upstream):
    for first in range(0, 256, 32):
        label = bytes(range(first, first + 32))
        qname = bytes([32]) + label + b"\7example\0"
        with server.udp_client() as client:
            reply = wire.Message(client.ask(wire.query(qname)))
        assert reply.question[0][0] == qname and reply.addresses()
        assert upstream.count(qname) == 1


@pytest.mark.parametrize("qname", [
    (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"b" * 61 + b"\0",
    b"\1c" * 127 + b"\0",
], ids=["few labels", "many labels"])
def test_a_name_of_255_octets_passes(server, upstream, qname):
    assert len(qname) == 255
    with server.udp_client() as client:
        reply = wire.Message(client.ask(wire.query(qname)))
    assert reply.rcode == 0 and reply.addresses() and upstream.count(qname) == 1


def test_the_root_can_be_asked_for(server, upstream):
    assert server.udp(".", "NS").rcode == 0
    assert upstream.count(".", "NS") == 1


def test_a_compressed_question_name_does_not_confuse(server):
    m = wire.header(3, wire.RD, 1) + b"\3www\xc0\x0c\0\1\0\1"
    assert replied(server, m).rcode == wire.FORMERR


# --- names that are ours (RFC 6761) -----------------------------------------------

@pytest.mark.parametrize("qname", ["localhost.", "LocalHost.", "a.localhost.", "b.c.LOCALHOST."])
def test_localhost_is_answered_here(server, upstream, qname):
    before = upstream.count(qname)
    assert server.udp(qname, "A").addresses() == ["127.0.0.1"]
    assert [r.rdata for r in server.udp(qname, "AAAA").answer] == [bytes(15) + b"\1"]
    assert server.udp(qname, "A").question[0][0] == wire.name(qname)
    assert server.udp(qname, "A").answer[0].owner.lower() == wire.name(qname).lower()
    assert upstream.count(qname) == before


def test_localhost_has_no_other_data(server, upstream):
    before = upstream.count("localhost.")
    reply = server.udp("localhost.", "MX")
    assert reply.rcode == 0 and not reply.answer and upstream.count("localhost.") == before


@pytest.mark.parametrize("qname", ["invalid.", "a.invalid.", "X.Y.INVALID."])
def test_invalid_does_not_exist(server, upstream, qname):
    reply = server.udp(qname)
    assert reply.rcode == wire.NXDOMAIN and upstream.count(qname) == 0


def test_a_name_that_merely_ends_in_the_letters_is_no_ones(server, upstream):
    for qname in ("notlocalhost.", "notinvalid.", "localhost.example.", "invalid.example."):
        assert server.udp(qname).rcode == 0
        assert upstream.count(qname) == 1


# --- who may ask, and where the answer comes from ---------------------------------

def test_a_client_that_is_not_allowed_is_refused(fake, holdfast):
    upstream = fake()
    server = holdfast({"a": upstream.at}, clients={"allow": ["127.0.0.9/32"]})
    for ask_it in (server.udp, server.tcp):
        reply = ask_it("allowed.example.", source="127.0.0.10")
        assert reply.rcode == wire.REFUSED and not reply.answer
    assert upstream.count() == 0
    for ask_it in (server.udp, server.tcp):
        assert ask_it("allowed.example.", source="127.0.0.9").addresses()


def test_a_client_that_is_not_allowed_learns_nothing_from_the_cache_or_localhost(fake, holdfast):
    server = holdfast({"a": fake().at}, clients={"allow": ["127.0.0.9/32"]})
    server.udp("cached.example.", source="127.0.0.9")
    for qname in ("cached.example.", "localhost."):
        reply = server.udp(qname, source="127.0.0.10")
        assert reply.rcode == wire.REFUSED and not reply.answer


@pytest.mark.own
def test_answers_come_from_the_address_that_was_asked(fake, holdfast):
    """A listener on 0.0.0.0 answers from whichever address the question went to;
    a connected socket takes nothing else."""
    port = net.port()
    server = holdfast({"a": fake().at}, start=False)
    server.conf["listen"]["dns"] = ["0.0.0.0:%d" % port]
    server.write()
    server.spawn()
    net.wait_until("holdfast to serve", lambda: server.serves("127.0.0.1", port), 60)
    for address in ("127.0.0.77", "127.1.2.3", "127.0.0.1"):
        for qname in ("from.example.", "localhost."):
            assert ask.udp(address, port, wire.query(qname)).addresses()
            assert ask.tcp(address, port, wire.query(qname)).addresses()


@pytest.mark.own
def test_the_ipv6_wildcard_answers_from_the_address_that_was_asked(fake, holdfast):
    if not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("no IPv6 here")
    port = net.port()
    server = holdfast({"a": fake().at}, start=False)
    server.conf["listen"]["dns"] = ["[::]:%d" % port]
    server.write()
    server.spawn()
    net.wait_until("holdfast to serve", lambda: server.serves("::1", port), 60)
    assert ask.udp("::1", port, wire.query("from.example.")).addresses()
    assert ask.tcp("::1", port, wire.query("from.example.")).addresses()
