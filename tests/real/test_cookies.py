# SPDX-License-Identifier: GPL-3.0-or-later
"""Cookies that we and upstreams give each other over UDP (RFC 7873)."""
import hashlib

import pytest

import fake as fakes
import holdfast as under_test
import net
import peers
import wire

pytestmark = pytest.mark.own

COOKIE, BADCOOKIE = 10, 23


def of(q):
    return q.message.option(COOKIE)


def upstreams_part(q, secret):
    return hashlib.sha256(secret + of(q)[:8]).digest()[:8]


def with_cookie(q, secret=b"1", rcode=0):
    """An answer (or a failure) with the asker's cookie and the upstream's own."""
    option = wire.option(COOKIE, of(q)[:8] + upstreams_part(q, secret)) if of(q) else b""
    answer = [] if rcode else [wire.record(b"\xc0\x0c", "A", 300, fakes.address_of(q.name))]
    return fakes.reply(q, answer, rcode=rcode, options=option)


def demanding(secret):
    """Answers over UDP only who brings back what it was given."""
    def behave(q):
        good = q.proto == "tcp" or (of(q) or b"")[8:] == upstreams_part(q, secret)
        return with_cookie(q, secret, 0 if good else BADCOOKIE)
    return behave


def forged(q):
    """What somebody sends who guesses all but the cookie."""
    return fakes.reply(q, [wire.record(b"\xc0\x0c", "A", 300, b"\x06\x06\x06\x06")])


def count(server, what, upstream="one"):
    return server.metrics()['holdfast_upstream_%s{upstream="%s"}' % (what, upstream)]


@pytest.fixture
def start(fake, holdfast):
    def begin(behave, **row):
        upstream = fake(behave)
        row = {"address": upstream.at, **(row or under_test.NEVER_AGAIN)}
        server = holdfast({"one": row}, startup={"verify": "off"}, truth={"canaries": "0s"})
        return server, upstream
    return begin


def address(name):
    return [".".join(str(octet) for octet in fakes.address_of(wire.name(name)))]


def test_questions_carry_our_cookie_and_then_the_upstreams(start):
    server, upstream = start(with_cookie)
    for i in range(5):
        assert server.udp("n%d.example." % i).addresses() == address("n%d.example." % i)
    cookies = [of(q) for q in upstream.seen]
    assert [len(c) for c in cookies] == [8, 16, 16, 16, 16]
    assert len({c[:8] for c in cookies}) == 1 and cookies[0] != bytes(8)
    assert cookies[1][8:] == upstreams_part(upstream.seen[0], b"1")
    assert count(server, "cookies") == 1 and count(server, "uncookied_total") == 0


def test_each_upstream_gets_another_cookie(fake, holdfast):
    one, two = fake(fakes.servfail), fake(with_cookie)
    server = holdfast({"one": one.at, "two": two.at})
    assert server.udp("a.example.").addresses() == address("a.example.")
    assert of(one.seen[0]) != of(two.seen[0])[:8]


def test_what_is_forged_without_the_cookie_is_not_believed(start):
    server, upstream = start(with_cookie)
    assert server.udp("first.example.").addresses() == address("first.example.")
    upstream.behave = fakes.by_proto(fakes.both(forged, fakes.after(0.2, with_cookie)), with_cookie)
    for i in range(5):
        assert server.udp("n%d.example." % i).addresses() == address("n%d.example." % i)
    # Each copy that a slow machine makes us send meets a forged reply of its own.
    sent = len(upstream.seen) - 1
    assert 5 <= count(server, "uncookied_total") <= sent


def test_a_cookie_of_somebody_else_is_told_of_and_tcp_asked(start):
    def others(q):
        return fakes.reply(q, [wire.record(b"\xc0\x0c", "A", 300, b"\x06\x06\x06\x06")],
                           options=wire.option(COOKIE, b"somebody" + b"elses..."))
    server, upstream = start(fakes.by_proto(others, fakes.honest))
    for i in range(4):
        assert server.udp("n%d.example." % i).addresses() == address("n%d.example." % i)
    assert count(server, "cookies") == 3 and count(server, "uncookied_total") == 4
    net.wait_until("the log", lambda: "cookies that are not ours" in server.process.output(), 60)


def test_who_copies_the_option_is_told_of_and_answers_all_the_same(start):
    def copies(q):
        return fakes.reply(q, [wire.record(b"\xc0\x0c", "A", 300, fakes.address_of(q.name))],
                           options=wire.option(COOKIE, of(q)))
    server, upstream = start(copies)
    for i in range(3):
        assert server.udp("n%d.example." % i).addresses() == address("n%d.example." % i)
    assert len(upstream.seen) == 3 and count(server, "cookies") == 2
    net.wait_until("the log", lambda: "copies what it does not know" in server.process.output(), 60)


def test_who_wants_its_cookie_back_gets_it_within_the_question(start):
    server, upstream = start(demanding(b"1"))
    assert server.udp("a.example.").addresses() == address("a.example.")
    assert [q.proto for q in upstream.seen] == ["udp", "udp"]
    assert server.udp("b.example.").addresses() == address("b.example.")
    assert len(upstream.seen) == 3
    upstream.behave = demanding(b"2")  # started anew
    assert server.udp("c.example.").addresses() == address("c.example.")
    assert [q.proto for q in upstream.seen] == ["udp"] * 5


def test_who_is_never_content_is_asked_over_tcp(start):
    server, upstream = start(fakes.by_proto(lambda q: with_cookie(q, b"1", BADCOOKIE), with_cookie))
    assert server.udp("a.example.").addresses() == address("a.example.")
    assert [q.proto for q in upstream.seen] == ["udp", "udp", "tcp"]


def test_who_gives_cookies_no_more_is_believed_over_tcp_and_then_again_over_udp(start):
    server, upstream = start(with_cookie)
    assert server.udp("a.example.").addresses() == address("a.example.")
    upstream.behave = fakes.honest
    assert server.udp("b.example.").addresses() == address("b.example.")
    assert [q.proto for q in upstream.seen] == ["udp", "udp", "tcp"]
    assert server.udp("c.example.").addresses() == address("c.example.")
    assert len(upstream.seen) == 4 and upstream.seen[3].proto == "udp"


def test_who_gives_cookies_no_more_where_there_is_no_tcp_is_lost_for_a_moment_only(start):
    server, upstream = start(with_cookie)
    assert server.udp("a.example.").addresses() == address("a.example.")
    upstream.behave = fakes.honest
    upstream.refuse_tcp()
    with server.udp_client() as client:
        for i in range(6):
            client.send(wire.query("n%d.example." % i, id=i))
        assert len(client.drain(6)) == 6
    # What the refusals have cost it is a rest at most.
    net.wait_until("it to be believed", lambda: server.udp("z%d.example." % len(upstream.seen))
                   .addresses(), 30)


def test_who_knows_no_edns_is_asked_without_a_cookie(start):
    server, upstream = start(fakes.no_edns(fakes.honest))
    assert server.udp("a.example.").addresses() == address("a.example.")
    assert server.udp("b.example.").addresses() == address("b.example.")
    assert [q.edns for q in upstream.seen] == [True, False, False]


def test_who_says_nothing_to_a_cookie_is_asked_without_one(start):
    server, upstream = start(lambda q: None if of(q) else fakes.honest(q), **{"timeout-max": "100ms"})
    for i in range(6):
        reply = server.udp("n%d.example." % i)
        assert reply.addresses() == address("n%d.example." % i)
    assert of(upstream.seen[-1]) is None
    assert sum(of(q) is not None for q in upstream.seen) <= 4


def test_without_cookies_there_is_none(start):
    server, upstream = start(with_cookie, cookies=False)
    assert server.udp("a.example.").addresses() == address("a.example.")
    assert of(upstream.seen[0]) is None


# --- real servers --------------------------------------------------------------------------------

class CookieNsd(peers.Nsd):
    def path(self, name, text=None):
        if name == "nsd.conf" and text:
            text = text.replace("server:\n", "server:\n  answer-cookie: yes\n", 1)
        return super().path(name, text)


class CookieKnot(peers.Knot):
    def path(self, name, text=None):
        if name == "knot.conf" and text:
            text = text.replace("- id: default\n", "- id: default\n  global-module: mod-cookies\n", 1)
        return super().path(name, text)


class CookiePdns(peers.Pdns):
    def path(self, name, text=None):
        if name == "pdns.conf" and text:
            text += "edns-cookie-secret=aabbccddeeff11223344556677889900\n"
        return super().path(name, text)


class PdnsRecursor(peers.Peer):
    """A resolver that forwards."""

    program = "pdns_recursor"

    def configure(self):
        targets = ";".join(u.at for u in self.upstreams)
        self.path("recursor.conf", (
            "local-address=%s\nlocal-port=%d\nsocket-dir=%s\nforward-zones-recurse=.=%s\n"
            "daemon=no\nsecurity-poll-suffix=\ndont-query=\nallow-from=127.0.0.0/8\n"
            "dnssec=off\nthreads=1\nqname-minimization=no\n" % (
                self.address, self.port, self.short_directory(), targets)))
        return ["--config-dir=" + self.directory]


class Dnsmasq(peers.Peer):
    program = "dnsmasq"

    def configure(self):
        servers = ["--server=%s#%d" % (u.address, u.port) for u in self.upstreams]
        return ["--keep-in-foreground", "--no-resolv", "--no-hosts", "--no-daemon", "--conf-file=/dev/null",
                "--port=%d" % self.port, "--listen-address=" + self.address, "--bind-interfaces",
                "--pid-file="] + servers


class Dnsdist(peers.Peer):
    program = "dnsdist"

    def configure(self):
        text = ("setLocal('%s:%d')\nsetACL('127.0.0.0/8')\nsetSecurityPollSuffix('')\n" % (
            self.address, self.port))
        text += "".join("newServer({address='%s', healthCheckMode='up'})\n" % u.at
                        for u in self.upstreams)
        return ["--supervised", "--disable-syslog", "-C", self.path("dnsdist.conf", text)]


GIVERS = [CookieNsd, CookieKnot, CookiePdns, peers.Bind]
OTHERS = [peers.Nsd, peers.Knot, peers.Pdns]
FORWARDERS = [peers.Unbound, peers.Kresd, PdnsRecursor, Dnsmasq, Dnsdist]


@pytest.mark.parametrize("kind", GIVERS + OTHERS + FORWARDERS, ids=lambda kind: kind.__name__)
def test_real_upstreams_are_understood_before_and_after_a_restart(kind, peer, fleet, holdfast):
    if kind in FORWARDERS:
        real = peer(kind, upstreams=(fleet(peers.Nsd),))
    else:
        real = peer(kind)
    server = holdfast({"one": {"address": real.at, "rest-min": "100ms", "rest-max": "200ms",
                               **under_test.PATIENT}},
                      truth={"canaries": "0s"})
    for i in range(10):
        assert server.udp("a%d.wild.types.example." % i).addresses() == ["192.0.2.99"]
    assert (count(server, "cookies") == 1) == (kind in GIVERS)
    assert count(server, "uncookied_total") == 0
    real.kill()
    real.start()
    out = count(server, "packets_out_total")
    assert server.udp("b.wild.types.example.").addresses() == ["192.0.2.99"]
    assert count(server, "packets_out_total") - out <= 2
    for i in range(10):
        assert server.udp("c%d.wild.types.example." % i).addresses() == ["192.0.2.99"]
    assert count(server, "uncookied_total") == 0
