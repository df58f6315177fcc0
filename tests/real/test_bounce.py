# SPDX-License-Identifier: GPL-3.0-or-later
"""The load at the driver counts what came back for what it was: a benchmark that
counts wrong answers measures nothing."""
import os
import socket
import struct
import sys
import threading

import pytest

import holdfast as under_test
import net
import spaces

sys.path[1:1] = [os.path.join(under_test.ROOT, "bench", part) for part in ("yardstick", "stage")]
import driver       # noqa: E402 (the path comes first)

pytestmark = pytest.mark.own

SERVER, CLIENT, PORT, NAMES, WINDOW = "10.79.0.1", "10.79.0.2", 5300, 50, 16
QUESTION_END = 12 + 30


def right(query):
    """What the upstream of the yardstick says."""
    number = int(query[13:23])
    address = struct.pack("!I", 10 << 24 | (number * 2654435761 & 0xFFFFFFFF) >> 8)
    return (query[:2] + b"\x81\x80\0\1\0\1\0\0\0\1" + query[12:QUESTION_END] +
            b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + address + query[QUESTION_END:])


def other_address(query):
    reply = right(query)
    return reply[:57] + bytes([reply[57] ^ 1]) + reply[58:]


def other_question(query):
    reply = right(query)
    return reply[:22] + bytes([reply[22] ^ 1]) + reply[23:]


def failure(query):
    return query[:2] + b"\x81\x82\0\1\0\0\0\0\0\0" + query[12:QUESTION_END]


def other_id(query):
    return query[:1] + bytes([query[1] ^ 1]) + right(query)[2:]


def silence(query):
    return None


class Server(threading.Thread):
    """Answers as told, over sockets, until its socket is closed."""

    def __init__(self, answer):
        super().__init__(daemon=True)
        self.answer, self.asked = answer, set()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((SERVER, PORT))
        self.start()

    def run(self):
        while True:
            query, peer = self.socket.recvfrom(2048)
            if not query:
                return
            self.asked.add(query[12:QUESTION_END])
            reply = self.answer(query)
            if reply:
                self.socket.sendto(reply, peer)

    def end(self):
        self.socket.sendto(b"", (SERVER, PORT))
        self.join(10)
        self.socket.close()


@pytest.fixture
def play(tmp_path):
    """Plays against a server that answers in one way until `enough(counts)`."""
    programs = os.path.join(os.path.dirname(under_test.binary()), "bench", "yardstick")
    if not spaces.possible():
        pytest.skip("no namespaces here")
    if not os.path.exists(os.path.join(programs, "yard_bounce")):
        pytest.skip("built without XDP")
    net.octet()
    a, b = (spaces.Space(name, str(tmp_path / name)) for name in ("server-side", "client-side"))
    spaces.cable(a, "ys0", b, "yc0")
    a.run("ip", "addr", "add", SERVER + "/24", "dev", "ys0")
    b.run("ip", "addr", "add", CLIENT + "/24", "dev", "yc0")
    a.ethtool("ys0", driver.ETHTOOL_SGRO, 1)
    if not b.polls("yc0"):
        pytest.skip("BPF programs cannot be loaded here")
    for fd in b.descriptors:
        os.close(fd)
    b.descriptors = []
    begun = []

    def one(answer, enough):
        with a.inside():
            begun.append(Server(answer))
        begun.append(driver.Bounce(programs, b, "yc0", CLIENT, (a, "ys0", SERVER, PORT), NAMES, WINDOW))
        net.wait_until("enough of %s" % answer.__name__, lambda: enough(begun[1].look()), 60, 0.1)
        return begun[1].look(), begun[0].asked

    yield one
    for what in reversed(begun):
        with a.inside():
            what.end()
    b.stop()
    a.stop()


def test_right_answers_are_counted_and_every_name_is_asked_for(play):
    counts, asked = play(right, lambda c: c["right"] >= 100 * WINDOW)
    assert counts["wrong"] == counts["failed"] == counts["stray"] == 0
    assert len(asked) == NAMES


@pytest.mark.parametrize("answer,kind", [(other_address, "wrong"), (other_question, "wrong"),
                                         (failure, "failed")])
def test_what_is_not_right_is_not_counted_as_right(play, answer, kind):
    counts, _ = play(answer, lambda c: c[kind] >= 10 * WINDOW)
    assert counts["right"] == 0


@pytest.mark.parametrize("answer,kind", [(other_id, "stray"), (silence, "lost")])
def test_what_does_not_come_back_is_lost_and_asked_anew(play, answer, kind):
    counts, _ = play(answer, lambda c: c[kind] >= 2 * WINDOW and c["lost"] >= 2 * WINDOW)
    assert counts["right"] == counts["wrong"] == 0
