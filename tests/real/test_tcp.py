# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS over TCP as RFC 7766 and 7828 have it, and clients who abuse it."""
import os
import select
import socket
import struct
import time

import pytest

import fake as fakes
import holdfast as under_test
import net
import wire


def slow_when_asked(q):
    """Names that begin with `slow` take 400 ms."""
    return fakes.after(0.4, fakes.honest)(q) if q.name[1:5] == b"slow" else fakes.honest(q)


@pytest.fixture(scope="module")
def server(shared_fake, shared_holdfast):
    return shared_holdfast({"a": shared_fake(slow_when_asked).at})


def test_two_hundred_questions_in_one_write_are_all_answered(server):
    queries = {i: wire.query("p%d.example." % i, id=i) for i in range(200)}
    with server.tcp_client() as client:
        client.send(*queries.values())
        got = {}
        for _ in queries:
            reply = client.receive()
            assert reply, "%d of 200 answered" % len(got)
            got[wire.Message(reply).id] = wire.Message(reply)
    assert got.keys() == queries.keys()
    for i, reply in got.items():
        assert reply.question[0][0] == wire.name("p%d.example." % i) and reply.addresses()


def test_a_slow_name_does_not_hold_up_the_ones_behind_it(server):
    with server.tcp_client() as client:
        client.send(wire.query("slow-first.example.", id=1), wire.query("quick.example.", id=2),
                    wire.query("localhost.", id=3))
        order = [wire.Message(client.receive()).id for _ in range(3)]
    assert sorted(order) == [1, 2, 3] and order[-1] == 1


def test_questions_one_after_the_other_share_a_connection(server):
    with server.tcp_client() as client:
        for i in range(50):
            assert wire.Message(client.ask(wire.query("seq%d.example." % i))).addresses()


def test_one_octet_at_a_time_is_a_question_too(server):
    m = wire.framed(wire.query("drip.example.", id=4))
    with server.tcp_client() as client:
        for i in range(len(m)):
            client.send_raw(m[i:i + 1])
            time.sleep(0.002)
        assert wire.Message(client.receive()).addresses()


def test_a_question_and_a_half_gets_one_answer_and_then_the_other(server):
    first, second = wire.framed(wire.query("one.example.")), wire.framed(wire.query("two.example."))
    with server.tcp_client() as client:
        client.send_raw(first + second[:9])
        assert wire.Message(client.receive()).addresses()
        client.send_raw(second[9:])
        assert wire.Message(client.receive()).addresses()


def test_answers_come_though_the_client_has_closed_its_half(server):
    with server.tcp_client() as client:
        client.send(wire.query("slow-half.example.", id=5), wire.query("fast-half.example.", id=6))
        client.socket.shutdown(socket.SHUT_WR)
        ids = {wire.Message(client.receive()).id for _ in range(2)}
        assert ids == {5, 6}
        assert client.closed_within(20)


def test_a_frame_of_no_octets_harms_nobody(server):
    with server.tcp_client() as client:
        client.send_raw(b"\0\0")
        client.send(wire.query("localhost."))
        reply = client.receive()
        assert reply == b"" or wire.Message(reply).addresses()  # closing is an answer too
    assert server.tcp("localhost.").addresses()


def test_a_frame_shorter_than_a_header_harms_nobody(server):
    with server.tcp_client() as client:
        client.send(b"12345")
        client.send(wire.query("localhost."))
        reply = client.receive()
        assert reply == b"" or wire.Message(reply).addresses()
    assert server.tcp("localhost.").addresses()


def test_a_frame_of_65535_octets_is_read_whole(server):
    m = bytearray(wire.query("localhost.", id=8, edns=1232, options=b""))
    padding = 65535 - len(m) - 4
    m = wire.query("localhost.", id=8, options=wire.option(12, b"\0" * padding))
    assert len(m) == 65535
    with server.tcp_client() as client:
        client.send(m, wire.query("localhost.", id=9))
        assert [wire.Message(client.receive()).id for _ in range(2)] == [8, 9]


def test_a_client_that_leaves_in_the_middle_harms_nobody(server):
    for i in range(20):
        client = server.tcp_client()
        client.send(wire.query("slow-left%d.example." % i))
        if i % 2:  # a reset instead of a farewell
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.socket.close()
    time.sleep(0.5)
    assert server.tcp("slow-left1.example.").addresses()
    assert server.udp("localhost.").addresses()


# --- time -------------------------------------------------------------------------

@pytest.fixture(scope="module")
def impatient(shared_fake, shared_holdfast):
    return shared_holdfast({"a": shared_fake(slow_when_asked).at}, workers=1,
                           tcp={"idle": "600ms", "stall": "400ms"})


def test_an_idle_connection_is_closed_in_its_time(impatient):
    with impatient.tcp_client() as client:
        start = time.monotonic()
        assert wire.Message(client.ask(wire.query("localhost."))).addresses()
        assert client.closed_within(9)  # ten seconds would be the default
        assert 0.4 < time.monotonic() - start


def test_a_connection_that_never_asks_is_closed(impatient):
    with impatient.tcp_client() as client:
        assert client.closed_within(9)


def test_a_connection_in_use_is_not_closed(fake, holdfast):
    server = holdfast({"a": fake().at}, tcp={"idle": "3s"})
    with server.tcp_client() as client:
        for _ in range(5):
            assert wire.Message(client.ask(wire.query("localhost."))).addresses()
            time.sleep(1)


@pytest.fixture(scope="module")
def strict(shared_fake, shared_holdfast):
    """Patient with idle connections, not with half a question."""
    return shared_holdfast({"a": shared_fake().at}, workers=1, tcp={"idle": "30s", "stall": "400ms"})


@pytest.mark.own
def test_a_half_sent_question_is_not_waited_for_longer_than_stall(strict):
    m = wire.framed(wire.query("half.example."))
    for sent in (1, 2, 14):
        with strict.tcp_client() as client:
            start = time.monotonic()
            client.send_raw(m[:sent])
            assert client.closed_within(20)  # 30 s would be those of an idle one
            assert 0.25 < time.monotonic() - start


@pytest.mark.own
def test_dripping_octets_do_not_buy_more_time_than_stall(strict):
    """The clock runs per question, not per octet."""
    m = wire.framed(wire.query("drip-forever.example."))
    with strict.tcp_client() as client:
        with pytest.raises(ConnectionError):
            for i in range(len(m) - 1):
                client.send_raw(m[i:i + 1])
                if select.select([client.socket], [], [], 0.1)[0] and not client.socket.recv(100):
                    raise ConnectionError


def test_a_waiting_question_keeps_an_idle_connection_open(shared_fake, holdfast):
    late = shared_fake(fakes.after(1.0, fakes.honest))
    server = holdfast({"a": late.at}, tcp={"idle": "300ms", "stall": "300ms"})
    with server.tcp_client() as client:
        assert wire.Message(client.ask(wire.query("patience.example."))).addresses()


def test_keepalive_is_told_to_who_asks_over_tcp_and_in_100_ms(server):
    with server.tcp_client() as client:
        reply = wire.Message(client.ask(wire.query("localhost.", options=wire.option(11))))
    assert reply.option(11) == struct.pack("!H", 100)  # 10 s, the default


def test_keepalive_is_not_told_over_udp(server):
    assert server.udp("localhost.", options=wire.option(11)).option(11) is None


def test_keepalive_is_not_told_to_who_does_not_speak_edns(server):
    assert server.tcp("localhost.").opt is None


# --- bounds -------------------------------------------------------------------------

def flood_without_reading(client, query, seconds):
    """Asks as fast as the server reads, takes nothing back. True once it closes."""
    octets, end = wire.framed(query) * 200, time.monotonic() + seconds
    client.socket.settimeout(0.05)
    while time.monotonic() < end:
        try:
            client.socket.send(octets)
        except socket.timeout:
            pass
        except ConnectionError:
            return True
    return False


@pytest.mark.own
def test_a_slow_reader_is_cut_off_and_memory_stays_bounded(strict):
    assert strict.tcp("big.example.", "TXT").answer  # 5 kB, from now on in the cache
    before = net.rss(strict.pid)
    clients = [strict.tcp_client(receive_buffer=4096) for _ in range(8)]
    cut = [flood_without_reading(c, wire.query("big.example.", "TXT"), 20) for c in clients[:2]]
    grown = net.rss(strict.pid) - before
    for c in clients:
        c.socket.close()
    assert all(cut), "still open after 20 s though stall is 400 ms"
    assert grown < 16 << 20, "%d octets more" % grown


@pytest.mark.own
def test_many_slow_readers_cost_bounded_memory(fake, holdfast):
    server = holdfast({"a": fake().at}, workers=1, tcp={"stall": "5s", "per-client": 200})
    assert server.tcp("big.example.", "TXT").answer
    before = net.rss(server.pid)
    clients = [server.tcp_client(receive_buffer=4096) for _ in range(50)]
    octets = wire.framed(wire.query("big.example.", "TXT")) * 50
    for _ in range(10):
        for c in clients:
            c.socket.setblocking(False)
            try:
                c.socket.send(octets)
            except (BlockingIOError, ConnectionError):
                pass
    time.sleep(0.3)
    grown = net.rss(server.pid) - before
    assert server.udp("localhost.").addresses(), "others must not notice"
    for c in clients:
        c.socket.close()
    # 50 connections x 500 answers x 5 kB would be 125 MB.
    assert grown < 50 * 512 * 1024, "%d octets more" % grown


def open_ones(clients):
    """How many of the connections still answer."""
    alive = 0
    for c in clients:
        try:
            reply = c.ask(wire.query("localhost."))
        except OSError:
            continue
        alive += bool(reply)
    return alive


@pytest.mark.own
def test_one_client_gets_no_more_than_its_connections(fake, holdfast):
    server = holdfast({"a": fake().at}, workers=1, tcp={"per-client": 5})
    clients = []
    for _ in range(12):
        try:
            clients.append(server.tcp_client(source="127.0.0.21"))
        except ConnectionError:
            pass
    time.sleep(0.2)
    assert open_ones(clients) == 5
    with server.tcp_client(source="127.0.0.22") as other:
        assert other.ask(wire.query("localhost.")), "another client's share is its own"
    for c in clients:
        c.socket.close()


@pytest.mark.own
def test_at_the_limit_of_all_connections_the_longest_idle_one_goes(fake, holdfast):
    server = holdfast({"a": fake().at}, workers=1, tcp={"connections": 4})
    clients = []
    for i in range(4):
        clients.append(server.tcp_client(source="127.0.0.%d" % (30 + i)))
        assert clients[-1].ask(wire.query("localhost."))
        time.sleep(0.03)
    assert clients[0].ask(wire.query("localhost."))  # now the second is idle for longest
    time.sleep(0.03)
    with server.tcp_client(source="127.0.0.40") as late:
        assert late.ask(wire.query("localhost.")), "a new client is served"
        assert clients[1].closed_within(20)
        assert [bool(clients[i].ask(wire.query("localhost."))) for i in (0, 2, 3)] == [True] * 3
    for c in clients:
        c.socket.close()


@pytest.mark.own
def test_more_questions_than_in_flight_are_read_later_and_all_answered(fake, holdfast):
    upstream = fake(fakes.after(0.05, fakes.honest))
    server = holdfast({"a": {"address": upstream.at, **under_test.NEVER_AGAIN}}, workers=1, tcp={"in-flight": 4})
    with server.tcp_client() as client:
        client.send(*[wire.query("f%d.example." % i, id=i) for i in range(40)])
        ids = {wire.Message(client.receive()).id for _ in range(40)}
    assert ids == set(range(40))
    # Each is asked when one of the four before it has been answered, 50 ms after it came.
    assert all(b.at - a.at >= 0.049 for a, b in zip(upstream.seen, upstream.seen[4:]))


def test_a_thousand_connections_come_and_go(server):
    """Nothing is left behind: the same number of descriptors before and after."""
    fds = lambda: len(os.listdir("/proc/%d/fd" % server.pid))
    assert server.tcp("localhost.").addresses()
    before = fds()
    for i in range(1000):
        client = server.tcp_client()
        if i % 3:
            client.send(wire.query("localhost."))
        if i % 3 == 1:
            client.receive()
        client.socket.close()
    net.wait_until("connections to be closed", lambda: fds() <= before + 4, 60)
    assert under_test.STANDIN or server.process.alive()
