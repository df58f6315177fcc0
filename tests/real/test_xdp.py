# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers at the driver, on a cable between two namespaces (pairs.py)."""
import signal
import struct
import sys
import threading
import time

import pytest

import ask
import fake as fakes
import frames
import holdfast as under_test
import net
import pairs
import spaces
import wire
from pairs import ALLOW, CLIENT4, CLIENT6, OTHER4, PORT, SERVER4, SERVER6

pytestmark = pytest.mark.own


@pytest.fixture
def pair(tmp_path):
    yield from pairs.made("native", tmp_path)


@pytest.fixture(params=["generic", "native"])
def either_pair(request, tmp_path):
    yield from pairs.made(request.param, tmp_path)


@pytest.fixture
def cable(pair):
    """The pair, begun, with a hot answer, and the client's end of its cable."""
    pair.begin()
    pair.heat("hot.example.")
    end = pair.wire()
    yield pair, end
    end.close()


# --- the same octets ------------------------------------------------------------

QUESTIONS = [
    {}, {"cd": True}, {"ad": True}, {"edns": 1232}, {"edns": 4096}, {"edns": 0}, {"do": True},
    {"do": True, "cd": True}, {"qtype": "TXT"}, {"qtype": "TXT", "do": True}, {"qtype": "MX"},
    {"qtype": "MX", "edns": 700},
]
NAMES = ["hOt.exAMPle.", "a.", "aa.", "NX.example.", "x" * 48 + ".example."]


def rich(q):
    """Answers with several records, some in additional, of different TTLs."""
    if q.qtype == 15:
        return fakes.reply(q, [wire.record(b"\xc0\x0c", "MX", 300, b"\0\x0a\2mx\xc0\x0c"),
                               wire.record(b"\xc0\x0c", "MX", 90, b"\0\x14\1m\xc0\x0c")],
                           [wire.record(b"\xc0\x0c", "NS", 7200, b"\2ns\xc0\x0c")],
                           [wire.record(b"\2mx\xc0\x0c", "A", 600, b"\1\2\3\4")])
    return fakes.honest(q)


@pytest.mark.parametrize("source", [CLIENT4, CLIENT6])
def test_an_answer_of_the_driver_is_octet_for_octet_that_of_the_sockets(either_pair, source):
    pair = either_pair
    pair.begin(rich)
    for name in NAMES:
        for how in QUESTIONS:
            how = {"qname": name, **how}
            m = wire.query(**how)
            pair.heat(how.pop("qname"), **how)
            for _ in range(5):  # a second may end between the two
                driver, sockets = pair.by_driver(m, source), pair.by_sockets(m, ":" in source)
                if driver == sockets:
                    break
            assert driver == sockets, "%s %s:\n%s\n%s" % (name, how, wire.Message(driver), wire.Message(sockets))
    time.sleep(2)
    for _ in range(5):
        driver, sockets = pair.by_driver(m, source), pair.by_sockets(m, ":" in source)
        if driver == sockets:
            break
    assert driver == sockets and wire.Message(driver).answer[0].ttl <= 298


def test_both_workers_publish_what_is_asked_of_either(pair):
    pair.begin()
    for i in range(8):
        pair.heat("n%d.example." % i)
        assert wire.Message(pair.by_driver(wire.query("n%d.example." % i))).rcode == 0


# --- what is left to the sockets --------------------------------------------------

def long_text(q):
    return fakes.reply(q, [wire.record(b"\xc0\x0c", "TXT", 300, b"\xff" + b"x" * 255 + b"\xd8" + b"y" * 216)])


def test_what_does_not_fit_into_the_clients_size_is_truncated_by_the_sockets(pair):
    pair.begin(long_text)
    pair.heat("text.example.", "TXT", edns=1232)
    m = wire.query("text.example.", "TXT", edns=1232)
    assert len(wire.Message(pair.by_driver(m)).answer) == 1
    for edns in (None, 0, 512):
        before = pair.passed("size")
        for _ in range(5):  # one in 256 goes up before its size is looked at
            reply = wire.Message(pair.not_by_driver(wire.query("text.example.", "TXT", edns=edns)))
            assert reply.flag(wire.TC) and not reply.answer
        assert pair.passed("size") > before


def test_an_answer_near_its_end_is_left_to_the_sockets_which_refresh_it(pair):
    pair.begin(lambda q: fakes.honest(q, ttl=5))
    pair.heat("short-lived.example.")
    m = wire.query("short-lived.example.")
    asked = pair.upstream.count()
    ttls = []
    with pair.client() as client:
        end = time.monotonic() + 8
        while time.monotonic() < end:
            ttls.append(wire.Message(client.ask(m)).answer[0].ttl)
            time.sleep(0.02)
    assert min(ttls) >= 0 and max(ttls) <= 5
    assert pair.passed("old") > 0
    assert pair.upstream.count() > asked
    assert pair.answered() > len(ttls) / 4


def test_after_a_newer_answer_no_older_one_is_given(pair):
    base = [10]
    pair.begin(lambda q: fakes.honest(q, ttl=3, base=base[0]))
    pair.heat("moves.example.")
    m = wire.query("moves.example.")
    base[0] = 20
    seen = []
    with pair.client() as client:
        end = time.monotonic() + 6
        while time.monotonic() < end:
            seen.append(wire.Message(client.ask(m)).addresses()[0].split(".")[0])
            time.sleep(0.005)
    assert "20" in seen
    assert "10" not in seen[seen.index("20"):]
    assert pair.answered() > len(seen) / 3


def test_who_asks_for_other_types_of_a_name_does_not_keep_it_from_the_driver(pair):
    pair.begin()
    pair.heat("hot.example.")
    misses, asked = pair.passed("miss"), pair.upstream.count()
    for i in range(60):
        pair.by_sockets(wire.query("hot.example.", 1000 + i))
        with pair.client() as client:
            assert wire.Message(client.ask(wire.query("hot.example."))).addresses()
    assert pair.upstream.count() - asked >= 60
    assert pair.passed("miss") == misses


def test_word_that_a_name_does_not_exist_withdraws_all_that_was_published_of_it(pair):
    gone = []
    pair.begin(lambda q: fakes.reply(q, rcode=wire.NXDOMAIN) if gone else fakes.honest(q))
    pair.heat("hot.example.")
    entries = pair.metrics()["holdfast_xdp_entries"]
    gone.append(True)
    pair.by_sockets(wire.query("hot.example.", "MX"))
    net.wait_until("it to be withdrawn",
                   lambda: pair.metrics()["holdfast_xdp_entries"] == entries - 1)


def test_a_question_with_a_cookie_is_left_to_the_sockets_and_counted(pair):
    pair.begin()
    pair.heat("hot.example.")
    before = pair.passed("option")
    m = wire.query("hot.example.", options=wire.option(10, b"12345678"))
    assert wire.Message(pair.not_by_driver(m)).rcode == 0
    assert pair.passed("option") == before + 1
    code, said = under_test.run_verb("status", "-c", pair.server.path)
    assert code == 0 and "1 with EDNS options left to sockets" in said, said


# --- who may ask ------------------------------------------------------------------

def test_who_is_not_allowed_is_refused_though_the_answer_is_hot(pair):
    pair.begin()
    pair.heat("hot.example.")
    pair.by_driver(wire.query("hot.example."))
    before = pair.passed("client")
    assert wire.Message(pair.not_by_driver(wire.query("hot.example."), OTHER4)).rcode == wire.REFUSED
    assert pair.passed("client") == before + 1


def test_a_reload_with_another_list_of_clients_holds_at_once(pair):
    pair.begin()
    pair.heat("hot.example.")
    pair.by_driver(wire.query("hot.example."))
    pair.server.conf["clients"]["allow"] = ["127.0.0.0/8", SERVER4, OTHER4]
    pair.server.write()
    code, said = pair.reload()
    assert code == 0, said
    assert wire.Message(pair.not_by_driver(wire.query("hot.example."))).rcode == wire.REFUSED
    assert pair.metrics()["holdfast_xdp_entries"] == 0
    pair.heat("hot.example.", source=OTHER4)
    assert wire.Message(pair.by_driver(wire.query("hot.example."), OTHER4)).rcode == 0
    assert wire.Message(pair.not_by_driver(wire.query("hot.example."))).rcode == wire.REFUSED


def test_a_reload_that_moves_the_port_moves_it_at_the_driver(pair):
    pair.begin()
    pair.heat("hot.example.")
    pair.by_driver(wire.query("hot.example."))
    pair.server.conf["listen"]["dns"] = ["%s:%d" % (SERVER4, PORT + 1)]
    pair.server.write()
    assert pair.reload()[0] == 0
    def published():
        with pair.server_side.inside(), ask.Udp(SERVER4, PORT + 1) as client:
            assert client.ask(wire.query("hot.example."))
        return pair.metrics()["holdfast_xdp_entries"] == 1
    net.wait_until("it to be published", published, 60, 0.05)
    pair.not_by_driver(wire.query("hot.example."), seconds=0.3)
    before = pair.answered()
    with pair.client_side.inside(), ask.Udp(SERVER4, PORT + 1, CLIENT4) as client:
        for _ in range(5):
            assert client.ask(wire.query("hot.example."))
    assert pair.answered() > before


# Becomes the server with a socket of its own making: address, port, kind, device or "".
GIVES = """
import os, socket, sys
address, port, kind, device = sys.argv[1:5]
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
if device:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
s.bind((address, int(port)))
kind == "tcp" and s.listen(8)
os.dup2(os.dup(s.fileno()), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="dns")
os.execv(sys.argv[5], sys.argv[5:])
"""


@pytest.mark.parametrize("kind,device,is_heard", [("udp", "", True), ("tcp", "", False), ("udp", "lo", False)])
def test_what_was_given_is_answered_for_if_its_socket_hears_datagrams_there(pair, kind, device, is_heard):
    pair.begin(start=lambda argv: [sys.executable, "-c", GIVES, SERVER4, str(PORT + 1), kind, device] + argv)
    pair.heat("hot.example.")
    before = pair.answered()
    end = pair.wire()
    for _ in range(9):
        end.send(end.question(hot(), CLIENT4, SERVER4, dport=PORT + 1))
    pair.settled()
    assert (pair.answered() > before) == is_heard
    end.close()


SUBNETS = "10.77.0.255"         # a broadcast from the start
NOBODYS = ["10.77.0.8", "10.78.0.8", "10.78.0.255", "10.77.0.99", "fd77::8"]


def test_an_address_of_this_host_or_of_a_broadcast_is_no_clients(pair):
    """They would come from the cable; the kernel drops them, or sends nothing there."""
    pair.begin(allow=["127.0.0.0/8", "10.0.0.0/8", "fd77::/64"])
    pair.heat("hot.example.")
    end = pair.wire()

    def answers(source):
        before = pair.answered()
        for _ in range(3):
            end.send(end.question(hot(), source, SERVER6 if ":" in source else SERVER4))
        time.sleep(0.02)
        return pair.answered() > before
    for source in NOBODYS:
        net.wait_until("an answer to %s" % source, lambda: answers(source), 60)
    for address, how in (("10.77.0.8/24", ["brd", "10.77.0.99", "dev", "hs0"]), ("10.78.0.8/24", ["dev", "lo"]),
                         ("fd77::8/64", ["dev", "hs0", "nodad"])):
        pair.server_side.run("ip", "addr", "add", address, *how)
    for source in NOBODYS + [SUBNETS]:
        net.wait_until("%s to be nobody's" % source, lambda: not answers(source), 60)
    pair.by_driver(hot())
    pair.by_driver(hot(), CLIENT6)
    change(pair, clients={"allow": ["10.0.0.0/8", "fd77::/64"]})
    pair.heat("hot.example.")
    assert not any(map(answers, NOBODYS))
    pair.server_side.run("ip", "addr", "del", "10.77.0.8/24", "dev", "hs0")
    net.wait_until("the address to be somebody's", lambda: answers("10.77.0.8"), 60)
    end.close()


# --- frames -------------------------------------------------------------------------

def hot(**how):
    return wire.query("hot.example.", **how)


# What differs from a plain question, and must not be answered at the driver.
ODD = {
    "a response": dict(m=hot(flags=wire.QR)),
    "another opcode": dict(m=hot(opcode=4)),
    "no recursion desired": dict(m=hot(rd=False)),
    "truncated": dict(m=hot(flags=wire.TC)),
    "authoritative": dict(m=hot(flags=wire.AA)),
    "the reserved flag": dict(m=hot(z=True)),
    "an rcode": dict(m=hot(flags=3)),
    "another class": dict(m=hot(cls=3)),
    "type ANY": dict(m=hot(qtype=255)),
    "no question": dict(m=wire.header(7, wire.RD)),
    "two questions": dict(m=hot()[:4] + b"\0\2" + hot()[6:] + hot()[12:]),
    "a record in answer": dict(m=hot()[:6] + b"\0\1" + hot()[8:] + wire.record("a.", "A", 1, b"1234")),
    "a record in authority": dict(m=hot()[:8] + b"\0\1" + hot()[10:] + wire.record("a.", "A", 1, b"1234")),
    "an additional record": dict(m=hot()[:10] + b"\0\1" + hot()[12:] + wire.record("a.", "A", 1, b"1234")),
    "two OPT records": dict(m=hot(edns=1232)[:10] + b"\0\2" + hot(edns=1232)[12:] + wire.opt()),
    "an EDNS option": dict(m=hot(options=wire.option(10, b"12345678"))),
    "EDNS version 1": dict(m=hot(version=1)),
    "an OPT record of a name": dict(m=hot()[:10] + b"\0\1" + hot()[12:] + wire.opt(owner=b"\1a\0")),
    "an octet too many": dict(m=hot() + b"\0"),
    "an octet too few": dict(m=hot()[:-1]),
    "a compressed name": dict(m=hot()[:12] + b"\3hot\xc0\x10\0\1\0\1"),
    "a name without end": dict(m=hot()[:12] + b"\3hot\7example"),
    "a label of a reserved type": dict(m=hot()[:12] + b"\x43hot\7example\0\0\1\0\1"),
    "an IP checksum that is wrong": dict(ip=dict(check=0x1234)),
    "IP options": dict(ip=dict(options=b"\1\1\1\1")),
    "the first of fragments": dict(ip=dict(frag=0x2000)),
    "a later fragment": dict(ip=dict(frag=0x0004)),
    "an IP length past the frame": dict(ip=dict(length=200)),
    "an IP length cut short": dict(ip=dict(length=40)),
    "a UDP checksum that is wrong": dict(transport=dict(check=0x1234)),
    "no UDP checksum": dict(transport=dict(check=0)),
    "a UDP length too long": dict(transport=dict(length=60)),
    "a UDP length too short": dict(transport=dict(length=20)),
    "source port 0": dict(sport=0),
    "from port to the same port": dict(sport=PORT),
    "another port": dict(dport=PORT + 1),
    "another address": dict(dst="10.77.0.9"),
    "a source in 127/8": dict(src="127.0.0.1"),
    "a source in 0/8": dict(src="0.0.0.1"),
    "our own address as a source": dict(src=SERVER4),
    "our own address as a source, IPv6": dict(src=SERVER6, dst=SERVER6),
    "a multicast source": dict(src="224.0.0.1"),
    "broadcast as a source": dict(src="255.255.255.255"),
    "another station's frame": dict(to=b"\x02\0\0\0\0\7"),
    "a broadcast frame": dict(to=b"\xff" * 6),
    "a VLAN that is not ours": dict(tags=[7]),
    "VLAN 0": dict(tags=[0]),
    "two tags": dict(tags=[7, 8]),
    "IPv6 from loopback": dict(src="::1", dst=SERVER6),
    "IPv6 from a mapped address": dict(src="::ffff:10.77.0.2", dst=SERVER6),
    "IPv6 from multicast": dict(src="ff02::1", dst=SERVER6),
    "an IPv6 extension header": dict(src=CLIENT6, dst=SERVER6, ip=dict(next_header=60)),
    "IPv6 without a UDP checksum": dict(src=CLIENT6, dst=SERVER6, transport=dict(check=0)),
}


def test_nothing_odd_is_answered_at_the_driver(cable):
    pair, end = cable
    plain = dict(m=hot(), src=CLIENT4, dst=SERVER4)
    for source, dst in ((CLIENT4, SERVER4), (CLIENT6, SERVER6)):
        before = pair.answered()
        for _ in range(6):
            end.send(end.question(hot(), source, dst))
        net.wait_until("the plain question to be answered", lambda: pair.answered() > before + 3, 60)
    pair.settled()
    for what, change in ODD.items():
        before = pair.answered()
        frame = end.question(**{**plain, **change})
        for _ in range(3):
            end.send(frame)
        time.sleep(0.01)
        assert pair.answered() == before, what
    pair.by_driver(hot())


def test_a_reply_is_a_whole_frame_for_whoever_asked(cable):
    pair, end = cable
    for source, dst in ((CLIENT4, SERVER4), (CLIENT6, SERVER6)):
        m = wire.query("hot.example.", id=0x4242, edns=1232)
        for _ in range(6):
            before = pair.answered()
            end.send(end.question(m, source, dst, sport=5555, ip={} if ":" in source else {"tos": 0xB8}))
            frame = end.reply(0x4242)
            if pair.answered() > before:
                break
        assert frame[:6] == end.mac and frame[6:12] == end.peer_mac
        ip = 40 if ":" in source else 20
        packet, datagram = frame[14:14 + ip], frame[14 + ip:]
        if ip == 20:
            assert frames.checksum(packet) == 0
            assert struct.unpack("!H", packet[2:4])[0] == len(frame) - 14
            assert packet[1] == 0 and packet[8] == 64
            assert packet[12:16] == frames.packed(dst) and packet[16:20] == frames.packed(source)
        else:
            assert packet[:4] == b"\x60\0\0\0" and packet[7] == 64
            assert struct.unpack("!H", packet[4:6])[0] == len(datagram)
            assert packet[8:24] == frames.packed(dst) and packet[24:40] == frames.packed(source)
        a, b = frames.packed(dst), frames.packed(source)
        assert datagram == frames.udp(a, b, PORT, 5555, datagram[8:])
        assert wire.Message(datagram[8:]).addresses()


def test_a_question_in_a_frame_with_padding_is_answered(cable):
    pair, end = cable
    pair.heat("p.")
    m = wire.query("p.")
    assert 14 + 28 + len(m) < 64
    frame = end.question(m, CLIENT4, SERVER4) + b"\xee" * 9
    before = pair.answered()
    for _ in range(5):
        end.send(frame)
    net.wait_until("an answer", lambda: pair.answered() > before, 60)
    reply = end.reply(struct.unpack("!H", m[:2])[0])
    assert len(reply) == 14 + struct.unpack("!H", reply[16:18])[0]


# --- VLANs ----------------------------------------------------------------------------

VLAN, VLAN_SERVER, VLAN_CLIENT = 5, "10.78.0.1", "10.78.0.2"


def with_vlan(directory):
    """Not every kernel can put a VLAN's interface on top of another. The program takes the
    tag off by itself; of the kernel it takes the list of such interfaces, and their addresses:
    a list of ours lies where this process reads it."""
    (directory / "vlan").mkdir()
    (directory / "vlan" / "config").write_text(
        "VLAN Dev name    | VLAN ID\nName-Type: VLAN_NAME_TYPE_RAW_PLUS_VID_NO_PAD\n"
        "vlan5          | %d  | hs0\n" % VLAN)
    return lambda argv: ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /proc/$$/net && exec "$@"',
                         str(directory)] + argv


def test_a_question_with_the_tag_of_a_vlan_is_answered_with_it(either_pair, tmp_path):
    """To the VLAN's address, and not without its tag; nor at the cable's own with it."""
    pair = either_pair
    pair.server_side.run("ip", "link", "add", "vlan5", "type", "veth", "peer", "name", "nobody")
    pair.server_side.run("ip", "link", "set", "vlan5", "up")
    pair.server_side.run("ip", "addr", "add", VLAN_SERVER + "/24", "dev", "vlan5")
    pair.begin(listen={"dns": ["0.0.0.0:%d" % PORT]}, allow=[*ALLOW, "10.78.0.0/24"],
               start=with_vlan(tmp_path))
    pair.heat("hot.example.")
    m = wire.query("hot.example.", id=0x4343, edns=1232)
    end = pair.wire()
    before = pair.answered()
    for _ in range(80):
        end.send(end.question(m, VLAN_CLIENT, VLAN_SERVER, tags=[6 << 13 | VLAN]))
    frame = end.reply(0x4343)
    assert frame, "no answer with its tag"
    assert frame[:12] == end.mac + end.peer_mac
    assert frame[12:18] == struct.pack("!HHH", 0x8100, VLAN, 0x0800)
    packet = frame[18:]
    a, b = frames.packed(VLAN_SERVER), frames.packed(VLAN_CLIENT)
    assert frames.checksum(packet[:20]) == 0 and packet[12:20] == a + b
    assert packet[20:] == frames.udp(a, b, PORT, 4444, packet[28:])
    assert wire.Message(packet[28:]).addresses()
    pair.settled()
    assert pair.answered() - before > 40

    before = pair.answered()
    for src, dst, tags in ((VLAN_CLIENT, VLAN_SERVER, []), (CLIENT4, SERVER4, [VLAN]),
                           (VLAN_CLIENT, VLAN_SERVER, [VLAN + 1])):
        for _ in range(5):
            end.send(end.question(m, src, dst, tags=tags))
    pair.settled()
    assert pair.answered() == before

    def is_answered():
        before = pair.answered()
        for _ in range(5):
            end.send(end.question(m, VLAN_CLIENT, VLAN_SERVER, tags=[VLAN]))
        time.sleep(0.02)
        return pair.answered() > before
    assert is_answered()
    pair.server_side.run("ip", "link", "set", "vlan5", "down")
    net.wait_until("it to be left to the sockets, which do not hear it", lambda: not is_answered(), 20)
    end.close()


# --- figures --------------------------------------------------------------------------

def test_counters_contain_what_the_driver_answered(pair):
    pair.begin()
    pair.heat("hot.example.")
    pair.heat("nx.example.")
    names = ['holdfast_queries_total{transport="udp",type="A"}', "holdfast_cache_hits_total",
             'holdfast_replies_total{transport="udp",rcode="NOERROR"}',
             'holdfast_replies_total{transport="udp",rcode="NXDOMAIN"}',
             'dns_query_duration_seconds_count{transport="udp"}']
    figures = lambda: [pair.metrics()[n] for n in names]
    before = None
    while before != figures():  # two ticks of the worker that counts them, at least
        before = figures()
        time.sleep(1.2)
    answered = pair.answered()
    with pair.client() as client:
        for name in ["hot.example."] * 200 + ["nx.example."] * 100:
            assert client.ask(wire.query(name))
    assert pair.answered() - answered > 250
    more = lambda: [now - then for now, then in zip(figures(), before)]
    net.wait_until("the counters", lambda: more()[0] >= 300, 60)
    assert more() == [300, 300, 200, 100, 300]


def test_the_status_tells_where_and_how(either_pair):
    pair = either_pair
    pair.begin()
    pair.heat("hot.example.")
    pair.by_driver(wire.query("hot.example."))
    code, said = under_test.run_verb("status", "-c", pair.server.path)
    assert code == 0
    line = next(line for line in said.splitlines() if line.startswith("xdp"))
    assert "hs0 (%s)" % pair.mode in line and "1 answers" in line, line


# --- coming and going -------------------------------------------------------------------

def programs(pair):
    return "xdp" in pair.server_side.run("ip", "link", "show", "dev", "hs0")


def test_kill_nine_leaves_no_program_behind(pair):
    pair.begin()
    pair.heat("hot.example.")
    assert programs(pair)
    pair.server.kill()
    net.wait_until("the program to be gone", lambda: not programs(pair), 60)


def test_while_a_server_stands_still_what_is_hot_goes_on_to_age(pair):
    """As long as it is good, and no longer: sockets would have begun to refresh it."""
    pair.begin(lambda q: fakes.honest(q, ttl=6))
    pair.heat("hot.example.")
    heard = []
    with pair.client() as client:
        pair.server.process.signal(signal.SIGSTOP)
        began = time.monotonic()
        while time.monotonic() < began + 7:
            reply = client.ask(hot(), 0.1)
            heard += [(time.monotonic() - began, wire.Message(reply).answer[0].ttl)] if reply else []
            time.sleep(0.05)
        pair.server.process.signal(signal.SIGCONT)
        assert client.ask(hot()) is not None
    last, ttl = heard[-1]
    assert 2 < last < 5.6 and 0 < ttl <= 3, heard
    assert all(was - 1.5 < 6 - at and was >= now for (at, was), (_, now) in zip(heard, heard[1:])), heard


def test_a_server_that_ends_takes_its_program_with_it(pair):
    pair.begin()
    assert programs(pair)
    assert pair.server.stop() == 0
    assert not programs(pair)


def test_a_second_server_at_the_same_interface_says_so_and_serves(pair, tmp_path):
    pair.begin()
    directory = tmp_path / "second"
    directory.mkdir()
    with pair.server_side.inside():
        second = under_test.Holdfast(directory, {"a": pair.upstream.at},
                                     listen={"xdp": ["hs0:" + pair.mode]})
        second.says("listen.xdp: cannot answer at hs0")
        second.says("another program")
        assert second.udp("hot.example.").rcode == 0
        second.finish()
    pair.heat("hot.example.")
    pair.by_driver(wire.query("hot.example."))


def test_an_interface_that_is_not_there_is_a_warning(pair):
    pair.begin(listen={"xdp": ["nosuch0", "hs0:" + pair.mode]})
    pair.server.says("cannot answer at nosuch0")
    pair.heat("hot.example.")
    pair.by_driver(wire.query("hot.example."))


def test_without_the_rights_sockets_answer_and_it_is_said(pair):
    with pair.server_side.inside():
        pair.upstream = fakes.Fake()
        pair.server = under_test.Holdfast(
            pair.directory, {"a": pair.upstream.at}, address=SERVER4, start=False,
            listen={"xdp": ["hs0"]}, clients={"allow": ALLOW})
        pair.server.start(argv=["setpriv", "--bounding-set=-bpf,-net_admin,-sys_admin", "--inh-caps=-all"] +
                          pair.server.argv())
    if pairs.WITHOUT in pair.server.says("listen.xdp: "):
        pytest.skip(pairs.WITHOUT)
    assert "listen.xdp: " in pair.server.says("CAP_BPF")
    with pair.client() as client:
        assert wire.Message(client.ask(wire.query("hot.example."))).rcode == 0
    assert not programs(pair)


@pytest.mark.parametrize("ahead", [5000, -5])
def test_in_a_time_namespace_answers_age_as_anywhere(pair, ahead):
    if not spaces.own_time():
        pytest.skip("time namespaces cannot be made here")
    pair.begin(start=lambda argv: ["unshare", "--time", "--monotonic", str(ahead), "--"] + argv)
    pair.heat("hot.example.")
    time.sleep(2)
    for _ in range(5):  # a second may end between the two
        driver, sockets = (wire.Message(m).answer[0].ttl for m in (pair.by_driver(hot()), pair.by_sockets(hot())))
        if driver == sockets:
            break
    assert driver == sockets <= 298


def test_three_capabilities_are_enough(pair):
    few = "-all,+bpf,+perfmon,+net_admin"
    pair.begin(start=lambda argv: ["setpriv", "--inh-caps=" + few.replace("+", "-"),
                                   "--bounding-set=" + few] + argv)
    pair.heat("hot.example.")
    pair.by_driver(wire.query("hot.example."))


def test_an_interface_that_goes_and_comes_back_is_answered_at_again(pair):
    pair.begin(listen={"dns": ["0.0.0.0:%d" % PORT]})
    pair.heat("hot.example.")
    pair.server_side.run("ip", "link", "del", "hs0")
    pair.plug()
    net.wait_until("the program to be there again", lambda: programs(pair), 60)
    assert "hs0" in pair.server.process.output()
    pair.heat("hot.example.")


def test_an_interface_that_comes_back_under_the_number_of_the_old_is_answered_at_again(pair):
    pair.begin(listen={"dns": ["0.0.0.0:%d" % PORT]})
    number = pair.server_side.run("ip", "-o", "link", "show", "hs0").split(":")[0]
    pair.server_side.run("ip", "link", "del", "hs0")
    pair.plug("index", number)
    net.wait_until("the program to be there again", lambda: programs(pair), 60)
    pair.heat("hot.example.")


def test_an_address_that_comes_later_is_answered_at_and_one_that_goes_is_not(pair):
    pair.begin(listen={"dns": ["0.0.0.0:%d" % PORT]})
    late = "10.77.0.8"
    pair.server_side.run("ip", "addr", "add", late + "/24", "dev", "hs0")
    pair.heat("hot.example.")

    def answers_at_late():
        before = pair.answered()
        with pair.client_side.inside(), ask.Udp(late, PORT, CLIENT4) as client:
            client.ask(wire.query("hot.example."), 0.3)
        return pair.answered() > before
    net.wait_until("answers at the new address", answers_at_late, 60, 0.1)
    pair.server_side.run("ip", "addr", "del", late + "/24", "dev", "hs0")
    net.wait_until("it to be given up", lambda: not answers_at_late(), 60, 0.1)


# --- zones of ours ------------------------------------------------------------------------

ZONE, NAME = "corp.example.", "db.corp.example."
THEIRS, FIRST, SECOND = "198.51.100.7", "10.0.8.1", "10.0.8.2"


def theirs(q):
    return fakes.reply(q, [wire.record(b"\xc0\x0c", "A", 300, bytes(map(int, THEIRS.split("."))))])


def put_zone(path, serial, address):
    new = path.with_suffix(".new")
    new.write_text("$ORIGIN %s\n$TTL 60\n@ SOA ns host %d 60 10 3600 30\n@ NS ns\nns A 192.0.2.53\ndb A %s\n" % (
        ZONE, serial, address))
    new.rename(path)


class Asking:
    """Asks for NAME all along, and writes down which addresses it hears, in their order."""

    def __init__(self, pair):
        self.client, self.heard, self.over = pair.client(), [], threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        with self.client:
            while not self.over.is_set():
                try:
                    reply = self.client.ask(wire.query(NAME))
                except OSError:     # the test has failed, and its cable is gone
                    return
                m = wire.Message(reply) if reply else None
                self.heard.append((m.addresses() or [m.rcode])[0] if m else None)

    def wait_for(self, address):
        net.wait_until("an answer with %s" % address, lambda: address in self.heard, 60)

    def end(self):
        self.over.set()
        self.thread.join()
        return self.heard


def change(pair, **sections):
    pair.server.conf.update(sections)
    pair.server.conf = {key: value for key, value in pair.server.conf.items() if value is not None}
    pair.server.write()
    code, said = pair.reload()
    assert code == 0, said


def test_a_zone_takes_its_names_from_the_driver_and_keeps_them(pair):
    """What was hot of an upstream's answer is never given again once the zone has been."""
    path = pair.directory / "corp.zone"
    put_zone(path, 1, FIRST)
    pair.begin(theirs)
    pair.heat(NAME)
    pair.by_driver(wire.query(NAME))
    asking = Asking(pair)
    net.wait_until("some answers", lambda: len(asking.heard) > 20, 60)
    change(pair, zones=[{"name": ZONE, "file": str(path)}])
    answered = pair.answered()
    asking.wait_for(FIRST)
    put_zone(path, 2, SECOND)
    asking.wait_for(SECOND)
    with pytest.raises(AssertionError, match="to be published"):
        pair.heat(NAME, seconds=3)
    heard = asking.end()
    first, second = heard.index(FIRST), heard.index(SECOND)
    assert set(heard[:first]) == {THEIRS}
    assert set(heard[first:second]) == {FIRST} and set(heard[second:]) == {SECOND}
    assert pair.answered() == answered
    assert pair.metrics()["holdfast_xdp_entries"] == 0


def test_a_zone_that_comes_and_goes_never_meets_what_was_published_meanwhile(pair):
    path = pair.directory / "corp.zone"
    put_zone(path, 1, FIRST)
    pair.begin(theirs)
    asking = Asking(pair)
    for _ in range(4):
        pair.heat(NAME)
        at = len(asking.heard)
        change(pair, zones=[{"name": ZONE, "file": str(path)}])
        net.wait_until("the zone's answer", lambda: FIRST in asking.heard[at:], 60)
        answered, first = pair.answered(), at + asking.heard[at:].index(FIRST)
        time.sleep(0.1)
        assert pair.answered() == answered
        last = len(asking.heard)
        change(pair, zones=None)
        assert set(asking.heard[first:last]) == {FIRST}
        net.wait_until("the upstream's answer", lambda: THEIRS in asking.heard[last:], 60)
    assert None not in asking.end()


def test_a_zone_that_may_not_be_served_is_not_answered_for_at_the_driver(pair):
    """Its primary is down: SERVFAIL, and not what an upstream said of the name before."""
    pair.begin(theirs)
    pair.heat(NAME)
    change(pair, zones=[{"name": ZONE, "primaries": ["127.0.0.1:1"]}])
    answered = pair.answered()
    net.wait_until("it to be withheld", lambda: wire.Message(
        pair.not_by_driver(wire.query(NAME))).rcode == wire.SERVFAIL, 60)
    for _ in range(20):
        assert wire.Message(pair.not_by_driver(wire.query(NAME))).rcode == wire.SERVFAIL
    assert pair.answered() == answered


def test_an_address_that_is_retired_is_gone_from_the_driver_with_the_reload(pair):
    pair.begin(theirs)
    pair.heat(NAME)
    pair.by_driver(wire.query(NAME))
    asking = Asking(pair)
    net.wait_until("some answers", lambda: len(asking.heard) > 20, 60)
    change(pair, tombstones={"addresses": [THEIRS]})
    at = len(asking.heard) + 1      # one may have been on its way
    net.wait_until("some answers", lambda: len(asking.heard) > at + 20, 60)
    assert THEIRS not in asking.end()[at:]
    assert wire.Message(pair.not_by_driver(wire.query(NAME))).rcode == wire.SERVFAIL


def test_a_name_in_a_hosts_file_is_gone_from_the_driver_before_it_is_answered_from_there(pair):
    hosts = pair.directory / "hosts"

    def put(text):
        new = hosts.with_suffix(".new")
        new.write_text(text)
        new.rename(hosts)
    put("")
    pair.begin(theirs, local={"hosts": [str(hosts)]})
    for _ in range(2):
        pair.heat(NAME)
        asking = Asking(pair)
        net.wait_until("some answers", lambda: len(asking.heard) > 20, 60)
        put("%s %s\n" % (FIRST, NAME.rstrip(".")))
        asking.wait_for(FIRST)
        time.sleep(0.1)
        heard = asking.end()
        first = heard.index(FIRST)
        assert set(heard[:first]) == {THEIRS} and set(heard[first:]) == {FIRST}
        put("")
        net.wait_until("the upstream's answer", lambda: wire.Message(
            pair.by_sockets(wire.query(NAME))).addresses() == [THEIRS], 60)
