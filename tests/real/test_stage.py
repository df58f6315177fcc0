# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that the benchmark of outages is made of do what they say. A
benchmark that nobody checks tells what its mistakes tell. No time is judged."""
import os
import socket
import struct
import sys

import pytest

import ask
import fake as fakes
import holdfast as under_test
import net
import wire

sys.path.append(os.path.join(under_test.ROOT, "bench", "stage"))
import scenes   # noqa: E402 (the path comes first)
import servers  # noqa: E402
import stage    # noqa: E402

ZONE = "outage.example"


@pytest.fixture(scope="module")
def programs():
    binary = under_test.binary()
    found = {name: os.path.join(os.path.dirname(binary), "bench", "stage", "stage_" + name)
             for name in ("upstream", "client")}
    servers.Holdfast.binary = binary
    return found


class At:
    """A server that is not ours to start: something that the client may ask."""

    def __init__(self, address, port):
        self.address, self.port = address, port

    @staticmethod
    def cpu_seconds():
        return 0.0

    def kill(self):
        pass


@pytest.fixture
def scene(programs, tmp_path):
    """A stage with one upstream, `a`, and the client pointed at it."""
    made = stage.Stage(programs, str(tmp_path))
    made.add_upstream("a")
    made.upstreams.say("zone", ZONE, 60)
    made.server = At(*made.places["a"][1:])
    yield made
    made.end()


SOON = {"wait_ms": 100}  # for who is not answered: the others are waited for


def questions(scene, count=3, **how):
    flow = stage.Flow("client", "127.0.2.1", "n%%.%s" % ZONE, count=count,
                      **{"rate": 1000, "tries": 2, "wait_ms": 5000, **how})
    return scene.play([flow])


def test_the_client_believes_the_upstream(scene):
    run = questions(scene, 50)
    assert [q.name for q in run.questions] == ["n%d.%s" % (i, ZONE) for i in range(50)]
    assert all(scenes.right(q) and q.said == "0" and q.ttl == 60 for q in run.questions)
    answered = [p.name for p in run.packets if p.fate == "answered"]
    assert set(answered) == {q.name for q in run.questions}
    assert all(p.way == "udp" and p.type == 1 and p.upstream == "a" for p in run.packets)


def test_pointers_of_addresses_are_judged_too(scene):
    scene.upstreams.say("zone", "104.in-addr.arpa", 60)
    flow = stage.Flow("ptr", "127.0.2.1", "%4.%3.16.104.in-addr.arpa", count=300, rate=2000, qtype="PTR")
    run = scene.play([flow])
    assert run.questions[258].name == "2.1.16.104.in-addr.arpa"
    assert all(map(scenes.right, run.questions))


def test_another_epoch_is_another_truth(scene):
    scene.upstreams.say("epoch", 3)
    assert {q.said for q in questions(scene).questions} == {"3"}


def test_an_address_that_was_never_true_is_wrong(scene, fake):
    liar = fake(fakes.honest)
    host, port = liar.at.rsplit(":", 1)
    scene.server = At(host, int(port))
    assert all(map(scenes.wrong, questions(scene).questions))


@pytest.mark.parametrize("fault, rcode", [("servfail", 2), ("refused", 5)])
def test_an_upstream_says_what_it_is_told_to_say(scene, fault, rcode):
    scene.upstreams.say("fault", "a", fault)
    run = questions(scene)
    assert {q.first_rcode for q in run.questions} == {rcode}
    assert {q.tries for q in run.questions} == {1}


def test_servfail_costs_a_try_if_asked_again(scene):
    scene.upstreams.say("fault", "a", "servfail")
    run = questions(scene, tries=4, wait_ms=1000, again=True)
    assert {q.tries for q in run.questions} == {4} and len(run.packets) == 12


def test_silence_is_asked_again_and_then_given_up(scene):
    scene.upstreams.say("fault", "a", "silent")
    run = questions(scene, **SOON)
    assert {(q.tries, q.first, q.last) for q in run.questions} == {(2, -1, -1)}
    assert [p.fate for p in run.packets] == ["dropped"] * 6


def test_a_lost_packet_is_made_good_by_the_next_try(scene):
    scene.upstreams.say("lose", "a", 1)
    run = questions(scene, 1, tries=5, wait_ms=500)
    assert scenes.right(run.questions[0]) and run.questions[0].tries >= 2
    assert [p.fate for p in run.packets][:2] == ["dropped", "answered"]


def test_loss_loses_some(scene):
    scene.upstreams.say("fault", "a", "loss", 30)
    fates = [p.fate for p in questions(scene, 500, tries=1, **SOON).packets]
    assert 0 < fates.count("dropped") < fates.count("answered")


def test_no_window_of_a_cap_has_more_replies_than_its_share(scene):
    began = scene.upstreams.say("fault", "a", "cap", 100)
    run = questions(scene, 300, tries=1, **SOON)
    windows = {}
    for p in run.packets:
        if p.fate == "answered":
            # The moment of the fault is told a little after it took effect: windows
            # are found by their own edges, no answer lies further than one apart.
            windows.setdefault((p.when - began) // (stage.SECOND // 10), []).append(p)
    assert max(map(len, windows.values())) <= 20 and 10 <= sum(map(len, windows.values())) < 300


def test_a_delay_delays_every_reply(scene):
    scene.upstreams.say("fault", "a", "delay", 50)
    run = questions(scene, tries=5, wait_ms=1000)
    assert all(scenes.right(q) and q.last >= 50_000 for q in run.questions)
    assert {p.fate for p in run.packets} == {"later"}


def test_flapping_begins_with_silence(scene):
    scene.upstreams.say("fault", "a", "flap", 60_000)
    assert {p.fate for p in questions(scene, **SOON).packets} == {"dropped"}


def test_an_upstream_that_is_down_refuses_until_it_is_up(scene):
    _, address, port = scene.places["a"]
    scene.upstreams.say("down", "a")
    assert not net.accepts(address, port)
    scene.upstreams.say("up", "a")
    assert all(map(scenes.right, questions(scene).questions))


def test_tcp_is_answered_and_counted_as_such(scene):
    _, address, port = scene.places["a"]
    octets = wire.query("over.%s." % ZONE)
    framed = struct.pack("!H", len(octets)) + octets
    with socket.create_connection((address, port), 5) as client:
        client.sendall(framed + framed)
        replies = b""
        while len(replies) < 2 or len(replies) < 2 * (2 + struct.unpack("!H", replies[:2])[0]):
            got = client.recv(4096)
            assert got
            replies += got
    packets, lost = scene.upstreams.packets()
    assert [p.way for p in packets] == ["tcp-new", "tcp"] and lost == 0


def test_what_is_no_query_is_no_trouble(scene):
    _, address, port = scene.places["a"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for octets in (b"", b"\0" * 12, b"\0\0\1\0\0\1\0\0\0\0\0\0\77", os.urandom(600)):
            client.sendto(octets, (address, port))
    assert ask.udp(address, port, wire.query("fine.%s." % ZONE)).rcode == 0


def test_commands_that_make_no_sense_are_refused(scene):
    for words in (["dance"], ["fault", "b", "silent"], ["fault", "a", "cap"], ["epoch", "9"]):
        with pytest.raises(RuntimeError):
            scene.upstreams.say(*words)


def test_a_server_in_between_is_measured(programs, tmp_path):
    made = stage.Stage(programs, str(tmp_path))
    try:
        made.add_upstream("a")
        made.upstreams.say("zone", ZONE, 60)
        variant = servers.VARIANTS[0]
        made.start_server(variant, {".": ["a"]}, ["ready." + ZONE])
        run = made.play([stage.Flow("same", "127.0.2.1", "same." + ZONE, count=20)])
        # On a busy machine the one packet may have a copy.
        assert all(map(scenes.right, run.questions)) and 1 <= run.weight({"same." + ZONE}) <= 2
        run = made.play([stage.Flow("old", "127.0.2.1", "outside.example", count=1, tries=1, wait_ms=6000)],
                        [(0, "fault", lambda: made.upstreams.say("fault", "a", "silent"))])
        assert run.questions[0].rcode in (2, 5) and run.questions[0].ede != "-"
    finally:
        made.end()


def test_windows_and_percentiles_are_counted_right():
    packets = [stage.Packet(t * stage.SECOND // 100, "a", "udp", 1, 1, "answered", "n")
               for t in (0, 1, 9, 10, 11, 30)]
    assert stage.busiest_window(packets) == 3       # 1, 9 and 10: at 11, 100 ms are over
    assert stage.busiest_window(packets[:1] * 3) == 3
    assert stage.percentile(list(range(100)), 0.99) == 99 and stage.percentile([], 0.5) is None
