# SPDX-License-Identifier: GPL-3.0-or-later
"""What was known goes on being answered when nobody answers (RFC 8767, 9520)."""
import time

import pytest

import fake as fakes
import net
import wire

STALE, STALE_NXDOMAIN = 3, 19


def knows(fake, holdfast, stale_after):
    """A server that knows known.example, whose TTL of 1 s is over, and its upstream."""
    upstream = fake(lambda q: fakes.honest(q, ttl=1))
    server = holdfast({"a": upstream.at}, cache={"stale-after": stale_after})
    assert server.udp("known.example.").addresses()
    time.sleep(1.2)
    return server, upstream


@pytest.fixture
def known(fake, holdfast):
    return knows(fake, holdfast, "300ms")


@pytest.fixture
def patient(fake, holdfast):
    """Of clients who rather wait than take an old answer."""
    return knows(fake, holdfast, "4s")


def ask(server, name="known.example.", **how):
    began = time.monotonic()
    reply = server.udp(name, edns=True, **how)
    return reply, time.monotonic() - began


def test_a_healthy_upstream_leaves_no_excuse_for_a_stale_answer(patient):
    server, upstream = patient
    reply, _ = ask(server)
    assert reply.addresses() and reply.ede == []
    assert upstream.count("known.example.") == 2


def test_when_nobody_answers_the_old_answer_is_given_marked(known):
    server, upstream = known
    upstream.behave = fakes.silent
    reply, took = ask(server)
    assert reply.addresses() and reply.ede == [STALE]
    assert reply.answer[0].ttl == 30
    assert 0.25 < took < 4  # and not as long as a question lives


def test_once_it_is_clear_that_nobody_answers_nobody_waits(known):
    server, upstream = known
    upstream.behave = fakes.silent
    ask(server)
    waited = []
    for _ in range(50):
        reply, took = ask(server)
        assert reply.ede == [STALE]
        waited.append(took)
    assert sorted(waited)[25] < 0.2, waited  # who waits waits for 0.3 s
    assert server.tcp("known.example.").addresses()
    assert upstream.count("known.example.") <= 2 + 10  # one flight's messages


def test_the_first_fresh_answer_ends_it(known):
    server, upstream = known
    upstream.behave = fakes.silent
    assert ask(server)[0].ede == [STALE]
    upstream.behave = lambda q: fakes.honest(q, ttl=300)
    net.wait_until("a fresh answer", lambda: ask(server)[0].ede == [], 60, 0.1)
    reply, _ = ask(server)
    assert reply.ede == [] and reply.answer[0].ttl > 30


def test_servfail_is_answered_stale_at_once(patient):
    server, upstream = patient
    upstream.behave = lambda q: fakes.reply(q, rcode=wire.SERVFAIL)
    reply, took = ask(server)
    assert reply.ede == [STALE] and reply.addresses() and took < 3.5


def test_an_old_denial_is_marked_as_such(fake, holdfast):
    soa = wire.record("example.", "SOA", 1, wire.soa(minimum=1))
    upstream = fake(lambda q: fakes.reply(q, authority=[soa], rcode=wire.NXDOMAIN))
    server = holdfast({"a": upstream.at}, cache={"stale-after": "300ms"})
    assert server.udp("gone.example.").rcode == wire.NXDOMAIN
    time.sleep(1.2)
    upstream.behave = fakes.silent
    reply, _ = ask(server, "gone.example.")
    assert reply.rcode == wire.NXDOMAIN and reply.ede == [STALE_NXDOMAIN]


def test_stale_can_be_turned_off(fake, holdfast):
    upstream = fake(lambda q: fakes.honest(q, ttl=1))
    server = holdfast({"a": upstream.at}, cache={"stale": "0s"})
    assert server.udp("known.example.").addresses()
    time.sleep(1.2)
    upstream.behave = lambda q: fakes.reply(q, rcode=wire.SERVFAIL)
    assert ask(server)[0].rcode == wire.SERVFAIL


def test_stale_answers_are_counted(known):
    server, upstream = known
    upstream.behave = lambda q: fakes.reply(q, rcode=wire.SERVFAIL)
    for _ in range(5):
        ask(server)
    assert server.metrics()["holdfast_cache_stale_total"] == 5
