# SPDX-License-Identifier: GPL-3.0-or-later
"""Upstreams over TLS (RFC 7858, 8310): who is believed, what of a question can be seen,
and what becomes of connections that stall or are forgotten on the way."""
import os
import re
import shutil
import socket
import ssl
import threading
import time

import pytest

import ask
import authority
import fake as fakes
import holdfast as under_test
import net
import peers
import spaces
import wire

pytestmark = pytest.mark.own

NAME = "dns.example"
PORT = 8853


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    return authority.Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def good(ca):
    return ca.certify(NAME)


def over_tls(upstream, ca, **more):
    """An upstream's entry."""
    return {"address": "tls://%s:%d" % (upstream.address, upstream.port), "tls-name": NAME,
            "tls-ca": ca.pem, "timeout-min": "1500ms", **more}


def first_address(m):
    assert m.rcode == 0, m
    return m.answer[0].rdata


# --- real servers -----------------------------------------------------------------


class DotUnbound(peers.Unbound):
    """Unbound with its zones, over TLS."""

    def configure(self):
        argv = super().configure()
        with open(argv[-1]) as conf:
            text = conf.read()
        extra = ("server:\n  interface: {0}@{1}\n  tls-port: {1}\n  tls-service-key: \"{2}\"\n"
                 "  tls-service-pem: \"{3}\"\n").format(
                     self.address, PORT, self.certificate.key, self.certificate.pem)
        return ["-d", "-p", "-c", self.path("unbound-tls.conf", extra + text)]


class DotKresd(peers.Kresd):
    def configure(self):
        argv = super().configure()
        with open(argv[2]) as conf:
            text = conf.read()
        text += ("net.listen('%s', %d, { kind = 'tls' })\nnet.tls(\"%s\", \"%s\")\n" % (
            self.address, PORT, self.certificate.pem, self.certificate.key))
        return ["-n", "-c", self.path("kresd-tls.conf", text), self.directory]


class DotDnsdist(peers.Peer):
    program = "dnsdist"

    def configure(self):
        text = ("setLocal('%s:%d')\naddTLSLocal('%s:%d', '%s', '%s')\nsetACL('127.0.0.0/8')\n"
                "setSecurityPollSuffix('')\n" % (
                    self.address, self.port, self.address, PORT, self.certificate.pem,
                    self.certificate.key))
        text += "".join("newServer({address='%s', healthCheckMode='up'})\n" % u.at
                        for u in self.upstreams)
        return ["--supervised", "--disable-syslog", "-C", self.path("dnsdist.conf", text)]


class DotStunnel(peers.Peer):
    """stunnel in front of a server that knows nothing of TLS."""

    program = "stunnel4"

    def configure(self):
        os.chmod(self.certificate.key, 0o600)
        text = ("foreground = yes\npid =\nsyslog = no\n[dot]\naccept = %s:%d\nconnect = %s\n"
                "cert = %s\nkey = %s\n" % (self.address, PORT, self.upstreams[0].at,
                                           self.certificate.pem, self.certificate.key))
        return [self.path("stunnel.conf", text)]

    def answers(self):
        return net.accepts(self.address, PORT)


@pytest.fixture(scope="module")
def plain(tmp_path_factory, zones):
    """The authoritative server behind those that need one."""
    if peers.Nsd.which() is None:
        pytest.skip("nsd is not installed")
    server = peers.Nsd(tmp_path_factory.mktemp("nsd"), zones=zones.files)
    yield server
    server.stop()


@pytest.mark.parametrize("kind", [DotUnbound, DotKresd, DotDnsdist, DotStunnel])
def test_every_kind_of_server_is_understood(holdfast, tmp_path, need, zones, plain, good, ca, kind):
    if kind.which() is None:
        need(kind.program)
    kind = type(kind.__name__, (kind,), {"certificate": good})
    how = {"zones": zones.files} if kind.__mro__[1] is DotUnbound else {"upstreams": [plain]}
    upstream = kind(tmp_path, **how)
    try:
        upstream.port = PORT
        net.wait_until("TLS to be served", lambda: net.accepts(upstream.address, PORT))
        server = holdfast({"dot": over_tls(upstream, ca)})
        names = sorted(zones.files)
        for zone in names[:3]:
            for qtype in ("SOA", "NS", "TXT"):
                mine = server.tcp(zone, qtype)
                theirs = plain.tcp(zone, qtype)
                assert mine.rcode == theirs.rcode
                if mine.rcode == 0:
                    assert sorted(r.rdata for r in mine.answer) == \
                        sorted(r.rdata for r in theirs.answer)
        assert server.metrics()['holdfast_upstream_state{upstream="dot"}'] == 0
    finally:
        upstream.stop()


# --- what is on the wire -----------------------------------------------------------


def test_many_questions_share_a_connection_and_answers_come_in_any_order(holdfast, fake, good, ca):
    count = iter(range(1 << 30))

    def slower_first(q):
        return [s.later(0.3 - 0.01 * min(next(count), 20)) for s in fakes.sends(fakes.honest(q))]

    upstream = fake(slower_first, tls=good.context(), port=PORT)
    server = holdfast({"dot": over_tls(upstream, ca, hedge=False)}, workers=1)
    with server.udp_client() as client:
        for i in range(20):
            client.send(wire.query("n%d.test." % i))
        replies = [wire.Message(m) for m in client.drain(20)]
    assert len(replies) == 20
    for r in replies:
        assert r.answer[0].rdata == fakes.address_of(r.question[0][0])
    assert upstream.connections == 1
    assert upstream.sessions[0][2] == "dot"


def test_questions_are_padded_and_never_in_plain_text(holdfast, fake, good, ca):
    upstream = fake(tls=good.context(), port=PORT)
    server = holdfast({"dot": over_tls(upstream, ca)})
    for i in range(5):
        first_address(server.udp("a" * (1 + 12 * i) + ".test."))
    assert upstream.count() == 5
    for q in upstream.seen:
        assert q.proto == "tcp"
        assert len(q.wire) % 128 == 0, len(q.wire)
        assert q.edns


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed(holdfast, fake, good, ca, version):
    """The server closes after each answer, and the next connection is cheaper."""
    def once(q):
        return [fakes.Send(m.wire, close=True) for m in fakes.sends(fakes.honest(q))]

    upstream = fake(once, tls=good.context(version), port=PORT)
    server = holdfast({"dot": over_tls(upstream, ca)}, workers=1)
    for i in range(4):
        first_address(server.udp("n%d.test." % i))
    assert len(upstream.sessions) == 4
    assert [resumed for _, resumed, _ in upstream.sessions] == [False, True, True, True]


# --- who is not believed -----------------------------------------------------------


def listener_of_octets(address, port):
    """Takes down all that comes, and answers nothing. Returns (list of octets, stop)."""
    seen, sockets = [], []
    door = socket.create_server((address, port))

    def serve():
        while True:
            try:
                s, _ = door.accept()
            except OSError:
                return
            sockets.append(s)
            threading.Thread(target=read, args=(s,), daemon=True).start()

    def read(s):
        try:
            while True:
                octets = s.recv(65536)
                if not octets:
                    return
                seen.append(octets)
        except OSError:
            pass

    threading.Thread(target=serve, daemon=True).start()

    def stop():
        door.close()
        for s in sockets:
            s.close()

    return seen, stop


FAULTS = {
    "expired": (lambda ca, other: ca.certify(NAME, since=-20, until=-2), {},
                r"certificate expired on \d{4}-\d\d-\d\d"),
    "too early": (lambda ca, other: ca.certify(NAME, since=5, until=20), {},
                  r"certificate is not valid before \d{4}-\d\d-\d\d"),
    "another name": (lambda ca, other: ca.certify("*.example.net"), {},
                     r"certificate is for \*\.example\.net, not dns\.example"),
    "another issuer": (lambda ca, other: other.certify(NAME), {},
                       r'issuer is not trusted: "Another CA"'),
    "another key": (lambda ca, other: ca.certify(NAME),
                    {"tls-pins": ["sha256/" + "A" * 43 + "="]},
                    r"pin does not match: sha256/[A-Za-z0-9+/]{43}="),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_who_cannot_prove_who_it_is_is_asked_nothing_and_it_is_said_why(holdfast, fake, ca, tmp_path,
                                                                       fault):
    make, more, words = FAULTS[fault]
    other = authority.Authority(tmp_path / "other", "Another CA")
    certificate = make(ca, other)
    upstream = fake(tls=certificate.context(), port=PORT)
    server = holdfast({"dot": over_tls(upstream, ca, **more)}, cache={"size": "16MiB", "stale": "0s"})
    began = time.monotonic()
    m = server.udp("secret-word.test.", edns=1232)
    assert time.monotonic() - began < 4  # at once, and not at the deadline of 4.5 s
    assert m.rcode == wire.SERVFAIL
    assert m.ede == [22]
    said = m.option(15)[2:].decode()
    assert re.match("upstream dot: " + words, said) or said.startswith("upstream dot: pin"), said
    assert upstream.seen == [] and upstream.unreadable == 0
    net.wait_until("the log to say why", lambda: re.search(words, log_of(server)), 60)
    _, page = run_status(server)
    assert re.search("not believed, and not asked: " + words, page), page
    assert upstream.count() == 0


def run_status(server):
    return under_test.run_verb("status", "-c", server.path)


def log_of(server):
    # Quotes in a value are written with a backslash.
    return server.process.output().replace('\\"', '"')


def test_not_one_octet_of_a_question_leaves_in_plain_text(holdfast, ca):
    """A listener where TLS should be hears a TLS hello, and no name that was asked for;
    and nobody is asked on port 53 or over UDP."""
    address = net.address()
    seen, stop = listener_of_octets(address, PORT)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((address, PORT))
    udp.setblocking(False)
    try:
        server = holdfast({"dot": {"address": "tls://%s:%d" % (address, PORT), "tls-name": NAME,
                                   "tls-ca": ca.pem}}, cache={"size": "16MiB", "stale": "0s"})
        for i in range(5):
            server.udp("secret-word-%d.test." % i, seconds=0.5)
        net.wait_until("a hello", lambda: seen)
        assert all(octets[:1] == b"\x16" for octets in seen)  # a handshake record
        assert not any(b"secret" in octets.lower() for octets in seen)
        with pytest.raises(BlockingIOError):
            udp.recv(1)
    finally:
        stop()
        udp.close()


def test_who_speaks_no_tls_is_told_by_name(holdfast, ca):
    address = net.address()
    door = socket.create_server((address, PORT))

    def greet():
        while True:
            try:
                s, _ = door.accept()
                s.sendall(b"220 mail.example ESMTP\r\n")
            except OSError:
                return

    threading.Thread(target=greet, daemon=True).start()
    try:
        server = holdfast({"dot": {"address": "tls://%s:%d" % (address, PORT), "tls-name": NAME,
                                   "tls-ca": ca.pem}}, cache={"size": "16MiB", "stale": "0s"})
        m = server.udp("a.test.")
        assert m.rcode == wire.SERVFAIL
        net.wait_until("the log to say so", lambda: "does not speak TLS" in log_of(server))
    finally:
        door.close()


def test_another_upstream_answers_meanwhile_and_a_renewed_certificate_is_seen(holdfast, fake, ca):
    old, new = ca.certify(NAME, since=-20, until=-2), ca.certify(NAME)
    context = old.context()
    bad, behind = fake(tls=context, port=PORT), fake(lambda q: fakes.honest(q, base=11))
    server = holdfast({"dot": over_tls(bad, ca, **{"rest-min": "50ms", "rest-max": "200ms"}),
                       "behind": behind.at})
    assert first_address(server.udp("one.test."))[0] == 11
    assert bad.seen == []
    context.load_cert_chain(new.pem, new.key)
    number = iter(range(10000))
    net.wait_until("the renewed certificate to be believed", lambda: first_address(
        server.udp("n%d.test." % next(number)))[0] == 10, 60, 0.05)
    assert "not believed" not in run_status(server)[1]


def test_pins_alone_believe_the_key(holdfast, fake, ca):
    expired = ca.certify("whoever.example", since=-20, until=-2)
    upstream = fake(tls=expired.context(), port=PORT)
    server = holdfast({"dot": {"address": "tls://%s:%d" % (upstream.address, PORT),
                               "tls-pins": [expired.pin()]}})
    first_address(server.udp("a.test."))


def test_anybody_is_believed_on_request(holdfast, fake, ca):
    upstream = fake(tls=ca.certify("whoever.example", since=-20, until=-2).context(), port=PORT)
    server = holdfast({"dot": {"address": "tls://%s:%d" % (upstream.address, PORT),
                               "tls-auth": "opportunistic"}})
    first_address(server.udp("a.test."))
    assert upstream.seen[0].proto == "tcp"


# --- peers and paths that stall -----------------------------------------------------


def test_who_accepts_and_says_nothing_costs_a_hedge(holdfast, fake, ca):
    address = net.address()
    door = socket.create_server((address, PORT), backlog=128)
    behind = fake()
    try:
        server = holdfast({"dot": {"address": "tls://%s:%d" % (address, PORT), "tls-name": NAME,
                                   "tls-ca": ca.pem}, "behind": behind.at})
        took = []
        for i in range(10):
            began = time.monotonic()
            first_address(server.udp("n%d.test." % i))
            took.append(time.monotonic() - began)
        assert sorted(took)[5] < 2, took  # about 0.3 s, until it is rested
    finally:
        door.close()


def test_who_stops_reading_costs_a_hedge(holdfast, fake, good, ca):
    """It has answered for a while; then it takes questions and gives nothing back."""
    stuck = threading.Event()
    upstream = fake(lambda q: None if stuck.is_set() else fakes.honest(q), tls=good.context(),
                    port=PORT)
    behind = fake()
    server = holdfast({"dot": over_tls(upstream, ca), "behind": behind.at}, workers=1)
    for i in range(40):
        first_address(server.udp("before%d.test." % i))
    assert behind.count() <= 20
    stuck.set()
    took = []
    for i in range(10):
        began = time.monotonic()
        first_address(server.udp("after%d.test." % i))
        took.append(time.monotonic() - began)
    assert sorted(took)[5] < 2, took


@pytest.fixture
def two_spaces(tmp_path):
    if not spaces.possible():
        pytest.skip("no network namespaces here")
    if not shutil.which("nft", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
        pytest.skip("nft is not installed")
    made = [spaces.Space(name, str(tmp_path / name)) for name in ("near", "far")]
    spaces.cable(made[0], "near0", made[1], "far0")
    made[0].run("ip", "addr", "add", "10.99.0.1/24", "dev", "near0")
    made[1].run("ip", "addr", "add", "10.99.0.2/24", "dev", "far0")
    yield made
    for space in made:
        space.stop()


def forget_flows(space, ports):
    """What a NAT device does that has had enough of idle flows: what comes from these ports
    vanishes without a word, and new connections pass."""
    space.run("nft", "add table inet nat; flush table inet nat; "
              "add chain inet nat way { type filter hook input priority 0; }; "
              "add rule inet nat way tcp sport { %s } drop" % ", ".join(map(str, ports)))


def test_an_idle_connection_that_was_forgotten_on_the_way_holds_nobody_up(two_spaces, tmp_path, good,
                                                                         ca):
    near, far = two_spaces
    with far.inside():
        upstream = fakes.Fake(tls=good.context(), address="10.99.0.2", port=PORT)
    upstream_entry = over_tls(upstream, ca)
    with near.inside():
        server = under_test.Holdfast(tmp_path, {"dot": upstream_entry}, workers=1)
        try:
            took = []
            for round in range(3):
                first_address(server.udp("warm%d.test." % round))
                time.sleep(1.2)
                forget_flows(far, {q.source[1] for q in upstream.seen})
                began = time.monotonic()
                first_address(server.udp("next%d.test." % round))
                took.append(time.monotonic() - began)
            # 0.1 s until it is noticed, and a handshake. A time-out would be 1.5 s.
            assert sorted(took)[1] < 1, took
            assert upstream.connections >= 4
        finally:
            server.finish()
            upstream.stop()


def test_where_no_tls_gets_through_plain_upstreams_behind_answer_soon(two_spaces, tmp_path, ca):
    """As without a configuration behind a firewall: three over TLS that are never heard of
    again, and one of the host's behind them."""
    near, far = two_spaces
    far.run("nft", "add table inet wall; add chain inet wall way { type filter hook input priority 0; }; "
            "add rule inet wall way tcp dport %d drop" % PORT)
    with far.inside():
        behind = fakes.Fake(address="10.99.0.2")
    upstreams = {}
    for i in range(11, 14):
        far.run("ip", "addr", "add", "10.99.0.%d/24" % i, "dev", "far0")
        upstreams["tls%d" % i] = {"address": "tls://10.99.0.%d:%d" % (i, PORT), "tls-name": NAME,
                                  "tls-ca": ca.pem}
    upstreams["host1"] = behind.at
    with near.inside():
        server = under_test.Holdfast(tmp_path, upstreams, workers=1)
        try:
            took = []
            for n in range(30):
                began = time.monotonic()
                first_address(server.udp("n%d.test." % n))
                took.append(time.monotonic() - began)
            # All are answered: three hedges, 0.3 s each; about 0.9 s. And soon nothing at all.
            assert sorted(took[20:])[5] < 0.2, took
        finally:
            server.finish()
            behind.stop()


# --- settings ------------------------------------------------------------------------


def test_without_anything_to_know_it_by_nothing_starts(tmp_path):
    path = tmp_path / "holdfast.yaml"
    path.write_text('upstreams: { a: "tls://192.0.2.1" }\n')
    code, said = under_test.run_verb("check", "-c", str(path))
    assert code == 2
    assert "tls-name" in said and "tls-pins" in said
