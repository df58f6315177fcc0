# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients get while upstreams lie about names that are listed. The same with a million
questions is tests/show/liar.py; who is kept out, and until when, is test_quarantine.py."""
import itertools

import pytest

import fake as fakes
import net
import wire

pytestmark = pytest.mark.own

FORGED = bytes([203, 0, 113, 66])
EXPECT = [{"name": name, "addresses": ["10.0.0.0/8"]} for name in ("db.example", "api.example")]


def forge(q, ttl=0):
    return fakes.reply(q, [wire.record(b"\xc0\x0c", "A", ttl, FORGED)])


def truth(q, ttl=0):
    return fakes.honest(q, ttl=ttl)


def every(n, behave, otherwise):
    """Each n-th question is treated in another way."""
    count = itertools.count(1)
    return lambda q: behave(q) if next(count) % n == 0 else otherwise(q)


@pytest.mark.parametrize("often", [1, 3, 20])
def test_no_forged_answer_reaches_a_client_however_rarely_it_is_given(fake, holdfast, often):
    liar, others = fake(every(often, forge, truth)), [fake(truth), fake(truth)]
    server = holdfast({"liar": liar.at, "b": others[0].at, "c": others[1].at}, expect=EXPECT)
    said = [server.udp(name + ".example.", "A").addresses()
            for _ in range(60) for name in ("db", "api")]
    right = {".".join(map(str, fakes.address_of(wire.name(name + ".example."))))
             for name in ("db", "api")}
    assert all(addresses and set(addresses) <= right for addresses in said)
    assert liar.count() > 0
    net.wait_until("the liar to be named", lambda: "upstream=liar" in server.process.output(), 60)


def test_when_all_lie_what_was_known_is_given_and_the_rest_is_told_why(fake, holdfast):
    lies = []
    upstreams = {name: fake(lambda q: forge(q) if lies else truth(q, 1)) for name in "ab"}
    server = holdfast({name: u.at for name, u in upstreams.items()}, expect=EXPECT)
    known = server.udp("db.example.", "A").addresses()
    lies.append(True)
    net.wait_until("the answer to grow old", lambda: 3 in server.udp("db.example.", "A", edns=1232).ede, 60)
    for _ in range(20):
        m = server.udp("db.example.", "A", edns=1232)
        assert m.addresses() == known and 3 in m.ede
    m = server.udp("api.example.", "A", edns=1232)
    assert m.rcode == wire.SERVFAIL and not m.answer and m.ede
    assert FORGED not in m.wire
