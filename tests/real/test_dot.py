# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS over TLS (RFC 7858) to clients and zones over TLS (RFC 9103) to secondaries: what is
shown, who is answered, who is not, and those who come to do harm."""
import base64
import hashlib
import json
import os
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
import warnings

import dns.message
import dns.rcode
import pytest

import ask
import authority
import fake as fakes
import holdfast as under_test
import net
import secondaries
import test_zone_out as zone_out
import wire

pytestmark = pytest.mark.own

PORT = 8853
NAME = "ns.example"
ZONE = zone_out.ZONE


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return authority.Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def shown(ca):
    return ca.certify(NAME)


class Files:
    """Where a server's chain and key lie, for others to be put there."""

    def __init__(self, directory, certificate):
        self.pem, self.key = str(directory / "shown.pem"), str(directory / "shown.key")
        self.put(certificate)

    def put(self, certificate, key=None):
        for source, target in ((certificate.pem, self.pem), ((key or certificate).key, self.key)):
            shutil.copy(source, target + ".new")
            os.chmod(target + ".new", 0o600)
            os.rename(target + ".new", target)


def listen(certificate, address=None, **how):
    how = {key.replace("_", "-"): value for key, value in how.items()}
    return {"tls": ["%s:%d" % (address or net.address(), PORT)], "tls-certificate": certificate.pem,
            "tls-key": certificate.key, "tls-handshakes-per-client": "1000/s", **how}


def tls_at(server):
    host, port = server.conf["listen"]["tls"][0].rsplit(":", 1)
    return host, int(port)


def context(ca=None, alpn=("dot",), least=None, most=None):
    warnings.simplefilter("ignore", DeprecationWarning)  # the old versions are asked for on purpose
    it = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    it.check_hostname = ca is not None
    it.verify_mode = ssl.CERT_REQUIRED if ca else ssl.CERT_NONE
    if ca:
        it.load_verify_locations(ca.pem)
    if alpn:
        it.set_alpn_protocols(list(alpn))
    if most == ssl.TLSVersion.TLSv1_1:
        it.set_ciphers("DEFAULT:@SECLEVEL=0")
    if least:
        it.minimum_version = least
    if most:
        it.maximum_version = most
    return it


class Tls(ask.Tcp):
    """A connection over TLS."""

    def __init__(self, server, how=None, source=None, session=None, at=None, **more):
        super().__init__(*(at or tls_at(server)), source=source, **more)
        try:
            self.socket = (how or context()).wrap_socket(
                self.socket, server_hostname=NAME, session=session)
        except (OSError, ssl.SSLError):
            self.socket.close()
            raise

    def more(self, seconds):
        # Not select: what was decrypted already makes no socket readable.
        if seconds <= 0:
            return None
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(1 << 16)
        except socket.timeout:
            return None
        except (ssl.SSLError, ConnectionError):
            return b""


def raw(server, source=None):
    """A connection over which no hands have been shaken."""
    return ask.Tcp(*tls_at(server), source=source)


def counted(server, what):
    return server.metrics()["holdfast_tls_" + what]


def answers(server, how=None, name="www.example.", **more):
    with Tls(server, how, **more) as client:
        reply = wire.Message(client.ask(wire.query(name)))
        return reply.rcode == 0 and len(reply.addresses()) == 1


def slow_when_asked(q):
    return fakes.after(0.5, fakes.honest)(q) if q.name[1:5] == b"slow" else fakes.honest(q)


@pytest.fixture(scope="module")
def server(shared_fake, shared_holdfast, shown):
    return shared_holdfast({"a": shared_fake(slow_when_asked).at}, listen=listen(shown),
                           tcp={"stall": "1s", "idle": "2s"})


# --- clients ---------------------------------------------------------------------

def test_a_client_that_wants_to_know_who_answers_is_answered(server, ca):
    with Tls(server, context(ca)) as client:
        assert client.socket.selected_alpn_protocol() == "dot"
        assert client.socket.version() == "TLSv1.3"
        assert wire.Message(client.ask(wire.query("known.example."))).addresses()
    assert server.metrics()['holdfast_queries_total{transport="tls",type="A"}'] >= 1


def test_two_hundred_questions_in_one_write_are_all_answered_as_answers_come(server):
    queries = [wire.query("slow.example.", id=999)] + \
        [wire.query("p%d.example." % i, id=i) for i in range(200)]
    with Tls(server) as client:
        client.send(*queries)
        got = [wire.Message(client.receive()).id for _ in queries]
    assert sorted(got) == sorted(list(range(200)) + [999])
    assert got[0] != 999


def test_who_pads_is_padded_for_and_who_does_not_is_not(server):
    lengths = {}
    with Tls(server) as client:
        for name, pad in (("short.example.", 128), ("a-longer-name-than.the-other.example.", 128),
                          ("short.example.", 0)):
            q = dns.message.make_query(name, "A", use_edns=True, pad=pad)
            lengths[(name, pad)] = len(client.ask(q.to_wire()))
        refused = dns.message.make_query("short.example.", "AXFR", use_edns=True, pad=128)
        assert len(client.ask(refused.to_wire())) == 468
    assert sorted(lengths.values())[1:] == [468, 468] and min(lengths.values()) < 100
    # In the open there is nothing to hide.
    q = dns.message.make_query("short.example.", "A", use_edns=True, pad=128)
    with server.tcp_client() as client:
        assert len(client.ask(q.to_wire())) < 100


def test_the_idle_time_is_told_and_kept(server):
    q = wire.query("idle.example.", options=struct.pack("!2H", 11, 0))
    with Tls(server) as client:
        reply = dns.message.from_wire(client.ask(q))
        assert [(o.otype, o.to_wire()) for o in reply.options] == [(11, struct.pack("!H", 20))]
        assert client.closed_within(30)


def test_kdig_is_answered(server, ca, need):
    if not shutil.which("kdig"):
        need("kdig")
    host, port = tls_at(server)
    done = subprocess.run(
        ["kdig", "@" + host, "-p", str(port), "+tls-ca=" + ca.pem, "+tls-hostname=" + NAME,
         "+padding", "kdig.example.", "A"], stdout=subprocess.PIPE, text=True, timeout=60)
    assert "status: NOERROR" in done.stdout and "TLS1.3" in done.stdout, done.stdout


def test_a_client_comes_back_with_its_ticket(server):
    how, before = context(), counted(server, "resumed_total")
    with Tls(server, how) as client:
        assert client.ask(wire.query("one.example."))
        session = client.socket.session
    with Tls(server, how, session=session) as client:
        assert client.ask(wire.query("two.example."))
        assert client.socket.session_reused
    assert counted(server, "resumed_total") == before + 1


def test_versions_and_protocols_are_what_the_standards_say(server):
    v12 = ssl.TLSVersion.TLSv1_2
    assert answers(server, context(least=v12, most=v12))
    assert answers(server, context(alpn=()))
    assert answers(server, context(alpn=("h2", "dot")))
    with pytest.raises((ssl.SSLError, ConnectionError)) as error:
        Tls(server, context(alpn=("h2",)))
    assert "application protocol" in str(error.value).lower()
    old = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        Tls(server, context(least=ssl.TLSVersion.TLSv1, most=old))


def test_who_may_not_ask_is_refused_here_too(holdfast, fake, shown):
    server = holdfast({"a": fake().at}, listen=listen(shown), clients={"allow": ["192.0.2.0/24"]})
    with Tls(server) as client:
        assert wire.Message(client.ask(wire.query("www.example."))).rcode == wire.REFUSED


# --- those who do harm -----------------------------------------------------------

HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(32)  # the beginning of one

ATTACKS = {
    "garbage": os.urandom(3000),
    "plain DNS": wire.framed(wire.query("www.example.")),
    "HTTP": b"GET / HTTP/1.1\r\nHost: ns.example\r\n\r\n",
    "an empty record": bytes.fromhex("1603010000") * 50,
    "a huge record": bytes.fromhex("160301ffff") + bytes(65535),
    "a message of 16 MiB": bytes.fromhex("160301400001ffffff") + bytes(16380) +
                           (bytes.fromhex("1603014000") + bytes(16384)) * 8,
    "an alert": bytes.fromhex("15030100020100") * 100,
    "data first": bytes.fromhex("1703030020") + bytes(32),
}


@pytest.mark.parametrize("what", list(ATTACKS))
def test_what_is_no_handshake_ends_at_once_and_harms_nobody(server, what):
    failed = counted(server, "handshakes_failed_total")
    with raw(server) as client:
        try:
            client.send_raw(ATTACKS[what])
        except ConnectionError:
            pass
        assert client.closed_within(30)
    assert answers(server)
    net.wait_until("it to be counted",
                   lambda: counted(server, "handshakes_failed_total") == failed + 1)


def test_half_a_handshake_has_until_the_stall_however_it_drips(server):
    silent, half, dripping = raw(server), raw(server), raw(server)
    half.send_raw(HELLO)
    began, gone = time.monotonic(), False
    for octet in HELLO * 10:
        try:
            dripping.send_raw(bytes([octet]))
        except ConnectionError:
            gone = True
            break
        time.sleep(0.02)
        if time.monotonic() > began + 8:
            break
    assert gone
    assert silent.closed_within(30) and half.closed_within(30)
    assert answers(server)
    for client in (silent, half, dripping):
        client.socket.close()


def test_a_renegotiation_is_not_had(server, need):
    if not shutil.which("openssl"):
        need("openssl")
    host, port = tls_at(server)
    client = subprocess.Popen(["openssl", "s_client", "-tls1_2", "-connect", "%s:%d" % (host, port)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    time.sleep(0.3)
    said, _ = client.communicate(b"R\n", timeout=60)
    assert b"RENEGOTIATING" in said and client.returncode != 0
    assert answers(server)


def test_many_connections_are_bounded_and_the_idle_ones_go_first(holdfast, fake, shown):
    server = holdfast({"a": fake().at}, listen=listen(shown),
                      tcp={"connections": 20, "per-client": 1000})
    clients = [Tls(server, source=net.address()) for _ in range(20)]
    waiting = [raw(server, source=net.address()) for _ in range(30)]
    assert answers(server)
    assert server.metrics()["holdfast_tcp_open"] <= 21
    for client in clients + waiting:
        client.socket.close()


def test_one_client_does_not_shake_hands_for_all(holdfast, fake, shown):
    server = holdfast({"a": fake().at}, listen=listen(shown, tls_handshakes_per_client="3/s"))
    eager, refused = net.address(), 0
    for _ in range(30):
        try:
            Tls(server, source=eager).socket.close()
        except (OSError, ssl.SSLError):
            refused += 1
    assert refused
    net.wait_until("all to be counted",
                   lambda: counted(server, "handshakes_refused_total") == refused)
    assert answers(server, source=net.address())
    assert server.udp("www.example.").rcode == 0


def test_handshakes_wait_their_turn_and_questions_do_not(holdfast, fake, shown):
    server = holdfast({"a": fake().at}, listen=listen(shown, tls_handshakes="10/s"), workers=1)
    done = []

    def come():
        done.append(answers(server, source=net.address()))

    threads = [threading.Thread(target=come) for _ in range(20)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert server.udp("www.example.").rcode == 0
    assert done == [True] * 20
    # Who would wait longer than a handshake may take is told so at once.
    for number in range(200):
        raw(server, source=net.address()).send_raw(HELLO)
    net.wait_until("some to be refused", lambda: counted(server, "handshakes_refused_total") > 0, 60)
    assert server.udp("www.example.").rcode == 0


def test_a_reader_that_takes_nothing_is_closed(holdfast, fake, shown):
    server = holdfast({"a": fake().at}, listen=listen(shown),
                      tcp={"stall": "1s", "in-flight": 10000})
    with Tls(server, receive_buffer=4096) as client:
        client.socket.settimeout(20)
        q = b"".join(wire.framed(wire.query("www.example.", edns=1232, id=i)) for i in range(2000))
        try:
            for _ in range(200):
                client.socket.sendall(q)
        except (OSError, ssl.SSLError):
            pass
        net.wait_until("it to be closed", lambda: server.metrics()[
            "holdfast_tcp_closed_stalled_total"] == 1)
    assert answers(server)


# --- what is shown -----------------------------------------------------------------

def pin_of(server):
    with Tls(server) as client:
        der = client.socket.getpeercert(True)
    public = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-pubkey"], input=der,
                            stdout=subprocess.PIPE).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=public,
                         stdout=subprocess.PIPE).stdout
    return "sha256/" + base64.b64encode(hashlib.sha256(der).digest()).decode()


def test_a_renewed_certificate_needs_no_restart_and_a_broken_one_changes_nothing(
        holdfast, fake, ca, tmp_path):
    first, second = ca.certify(NAME), ca.certify(NAME, until=30)
    files = Files(tmp_path, first)
    server = holdfast({"a": fake().at}, listen=listen(files), tcp={"idle": "60s"})
    kept = Tls(server)
    assert pin_of(server) == first.pin()
    files.put(second)
    code, said = server.reload()
    assert code == 0, said
    assert pin_of(server) == second.pin()
    assert wire.Message(kept.ask(wire.query("kept.example."))).addresses()
    files.put(first, key=second)
    code, said = server.reload()
    assert code != 0 and "is not that of the first certificate" in said, said
    with open(files.pem, "w") as out:
        out.write("no certificate\n")
    code, said = server.reload()
    assert code != 0 and "PEM" in said, said
    files.put(first)
    os.chmod(files.key, 0o644)
    code, said = server.reload()
    assert code != 0 and "may be read by everybody" in said, said
    assert pin_of(server) == second.pin()
    assert wire.Message(kept.ask(wire.query("kept.example."))).addresses()
    kept.socket.close()


def test_log_status_and_metrics_tell_of_a_certificate_that_runs_out(holdfast, fake, ca):
    soon = ca.certify(NAME, until=5)
    server = holdfast({"a": fake().at}, listen=listen(soon))
    assert answers(server)
    net.wait_until("the log to tell", lambda: "renew it and reload" in server.process.output(), 60)
    left = server.metrics()["holdfast_tls_certificate_expires_seconds"] - time.time()
    assert 3 * 86400 < left < 6 * 86400
    code, said = under_test.run_verb("status", "-c", server.path)
    line = next(line for line in said.splitlines() if line.startswith("tls"))
    assert code == 0 and "1 begun" in line and "certificate until 2" in line
    code, said = under_test.run_verb("status", "--json", "-c", server.path)
    assert json.loads(said[said.index("{"):])["tls"]["handshakes"] == 1


def test_a_reload_of_the_same_files_keeps_tickets(holdfast, fake, shown):
    server, how = holdfast({"a": fake().at}, listen=listen(shown)), context()
    with Tls(server, how) as client:
        assert client.ask(wire.query("one.example."))
        session = client.socket.session
    assert server.reload()[0] == 0
    with Tls(server, how, session=session) as client:
        assert client.ask(wire.query("two.example.")) and client.socket.session_reused


def test_check_tells_what_is_wrong_with_what_is_shown(holdfast, ca, shown, tmp_path):
    def check(**how):
        server = holdfast({"a": "127.0.0.1:1"}, start=False, listen={
            "tls": ["127.0.0.1:8853"], "tls-certificate": shown.pem, "tls-key": shown.key, **how})
        return under_test.run_verb("check", "-c", server.path)

    assert check()[0] == 0
    old = ca.certify(NAME, since=-20, until=-2)
    code, said = check(**{"tls-certificate": old.pem, "tls-key": old.key})
    assert code == 0 and "expired on " in said
    soon = ca.certify(NAME, until=5)
    code, said = check(**{"tls-certificate": soon.pem, "tls-key": soon.key})
    assert code == 0 and "days are left" in said
    code, said = check(**{"tls-certificate": ca.certify(NAME, until=60).pem})
    assert code == 2 and "is not that of the first certificate" in said
    code, said = check(**{"tls-key": str(tmp_path / "gone")})
    assert code == 2 and "cannot be read" in said
    code, said = check(**{"tls-key": "none"})
    assert code == 2 and "needs a certificate and its key" in said
    code, said = check(dns=["127.0.0.1:8853"])
    assert code == 2 and "also in listen.dns" in said


def test_addresses_come_and_go_with_a_reload(holdfast, fake, shown):
    server = holdfast({"a": fake().at})
    there = net.address()
    assert not net.accepts(there, PORT)
    server.conf["listen"].update(listen(shown, there))
    server.write()
    assert server.reload()[0] == 0
    assert answers(server)
    kept = Tls(server)
    server.conf["listen"]["tls"] = []
    server.write()
    assert server.reload()[0] == 0
    net.wait_until("the door to be shut", lambda: not net.accepts(there, PORT), 60)
    assert wire.Message(kept.ask(wire.query("kept.example."))).addresses()
    kept.socket.close()


def test_what_was_asked_is_answered_before_the_end(holdfast, fake, shown):
    server = holdfast({"a": fake(slow_when_asked).at}, listen=listen(shown))
    client, unmet = Tls(server), raw(server)
    client.send(wire.query("slow1.example.", id=7))
    net.wait_until("it to be asked", lambda: server.metrics()["holdfast_waiting"] > 0, 60)
    assert server.stop() == 0
    assert wire.Message(client.receive()).id == 7
    assert client.receive() == b""
    assert unmet.closed_within(30)


# --- zones ---------------------------------------------------------------------------

@pytest.fixture
def primary(holdfast, fake, shown, tmp_path):
    """A server with the zone, its door for TLS, and who may have it."""
    def start(content=None, keys=None, tcp=None, **zone):
        path = tmp_path / "corp.zone"
        zone_out.write(path, content or zone_out.text(1))
        more = {"keys": keys} if keys else {}
        server = holdfast({"a": fake().at}, listen=listen(shown), tcp=tcp or {}, zones=[
            {"name": ZONE, "file": str(path), "allow-transfer": ["127.0.0.0/8"], **zone}], **more)
        server.publish = lambda text: zone_out.write(path, text)
        return server
    return start


def axfr(client):
    """(rcode, messages, records) of a transfer over a connection."""
    client.send(wire.query(ZONE, "AXFR"))
    messages = records = ends = 0
    while ends < 2:
        reply = dns.message.from_wire(client.receive(30), one_rr_per_rrset=True)
        if reply.rcode():
            return reply.rcode(), 0, 0
        messages += 1
        records += len(reply.answer)
        ends += sum(rr.rdtype == 6 for rr in reply.answer)
    return 0, messages, records


def test_a_transfer_needs_the_version_and_the_protocol_that_the_standard_asks_for(primary):
    server = primary()
    v12 = ssl.TLSVersion.TLSv1_2
    with Tls(server) as client:
        assert axfr(client) == (0, 1, 210)
        assert axfr(client) == (0, 1, 210)
    for how in (context(least=v12, most=v12), context(alpn=())):
        with Tls(server, how) as client:
            assert axfr(client)[0] == dns.rcode.REFUSED
            assert wire.Message(client.ask(wire.query("www." + ZONE))).addresses()
    with server.tcp_client() as client:
        assert axfr(client) == (0, 1, 210)


def test_a_zone_may_go_out_over_tls_alone(primary):
    server = primary(**{"allow-transfer-over": "tls"})
    with server.tcp_client() as client:
        reply = dns.message.from_wire(client.ask(wire.query(ZONE, "AXFR", edns=1232)))
        assert reply.rcode() == dns.rcode.REFUSED
        assert "over TLS only" in str(reply.options[0])
    with Tls(server) as client:
        assert axfr(client) == (0, 1, 210)
    assert server.metrics()["holdfast_transfers_out_refused_total"] == 1


def read_records(client, count):
    """Takes messages until so many records have come."""
    while count > 0:
        m = client.receive(30)
        assert m, "%d records are missing" % count
        count -= struct.unpack("!H", m[6:8])[0]
    return count == 0


def test_a_large_zone_goes_out_as_its_reader_follows(primary):
    server = primary(zone_out.text(1, hosts=60000), tcp={"stall": "1m"})
    with Tls(server, receive_buffer=16384) as client, Tls(server) as other:
        client.send(*[wire.query(ZONE, "AXFR", id=i) for i in range(14)])
        time.sleep(0.5)
        for i in range(20):
            assert wire.Message(other.ask(wire.query("host%d.%s" % (i, ZONE)))).addresses()
        other.send(wire.query(ZONE, "AXFR"))
        assert read_records(other, 60010)
        # Whoever reads it after a while gets all of it: more than the system holds.
        assert read_records(client, 14 * 60010)
    server.conf["tcp"] = {"stall": "2s"}
    server.write()
    assert server.reload()[0] == 0
    with Tls(server, receive_buffer=4096) as deaf:
        deaf.send(*[wire.query(ZONE, "AXFR") for _ in range(14)])
        net.wait_until("who does not read to be closed", lambda: server.metrics()[
            "holdfast_tcp_closed_stalled_total"] >= 1, 60)


class Bind(secondaries.Bind):
    """As a secondary over TLS that wants to know who gives."""

    def __init__(self, directory, primary, zone, ca, key=None):
        self.ca = ca
        super().__init__(directory, primary, zone, key)

    def configure(self):
        argv = super().configure()
        with open(argv[-1]) as source:
            text = source.read()
        begin = text.index("primaries {")
        end = text.index("};", begin)
        text = text[:begin] + text[begin:end].rstrip("; ") + " tls ours; " + text[end:]
        text += 'tls ours { ca-file "%s"; remote-hostname "%s"; };\n' % (self.ca.pem, NAME)
        self.path("named.conf", text)
        return argv


@pytest.mark.parametrize("signed", [False, True])
def test_bind_takes_a_zone_over_tls_whole_and_then_what_has_changed(
        primary, ca, tmp_path, need, signed):
    if Bind.which() is None:
        need("named")
    keys = zone_out.key_section(tmp_path) if signed else None
    wanted = {"transfer-key": secondaries.KEY[0]} if signed else {}
    server = primary(keys=keys, **{"allow-transfer-over": "tls", **wanted})
    bind = Bind(tmp_path, tls_at(server), ZONE, ca, key=secondaries.KEY if signed else None)
    try:
        net.wait_until("version 1 at BIND", lambda: bind.serial() == 1, 60)
        server.conf["zones"][0]["notify"] = ["%s:%d" % (bind.address, bind.port)]
        server.write()
        assert server.reload()[0] == 0
        server.publish(zone_out.text(2))
        net.wait_until("version 2 at BIND", lambda: bind.serial() == 2, 60)
    finally:
        bind.stop()
    metrics = server.metrics()
    assert metrics["holdfast_transfers_out_whole_total"] == 1
    assert metrics["holdfast_transfers_out_differences_total"] == 1
    assert metrics["holdfast_tls_handshakes_total"] >= 2
