# SPDX-License-Identifier: GPL-3.0-or-later
"""prove: tls - an address is only believed if a server there holds a certificate."""
import os
import shutil
import time

import pytest

import authority
import fake as fakes
import holdfast as under_test
import net
import vouched

pytestmark = pytest.mark.own

NAME = "shop.example"
QUICK = {"timeout-min": "200ms", "timeout-max": "300ms"}


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return authority.Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def true(ca):
    return ca.certify(NAME)


@pytest.fixture
def site():
    started = []

    def start(*args, **how):
        started.append(vouched.Site(*args, **how))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def proved(ca, name=NAME, **more):
    """The expectation. Loopback is connected to only because `addresses` says so."""
    return [{"name": name, "prove": "tls", "prove-port": vouched.PORT, "prove-ca": ca.pem,
             "addresses": ["127.0.0.0/8"], **more}]


def serve(holdfast, ca, *upstreams, expect=None, **how):
    named = {chr(ord("a") + i): {"address": u.at, **QUICK} for i, u in enumerate(upstreams)}
    return holdfast(named, expect=expect or proved(ca), **how)


def count(server, metric):
    return sum(value for key, value in server.metrics().items() if key.split("{")[0] == metric)


# --- an honest answer ----------------------------------------------------------

def test_an_address_that_shows_a_certificate_is_believed(fake, holdfast, ca, true, site):
    there = site(true)
    server = serve(holdfast, ca, fake(vouched.gives(there.address)))
    assert server.udp(NAME).addresses() == [there.address]
    assert there.asked == [NAME]
    assert server.udp(NAME).addresses() == [there.address]
    net.wait_until("the connection to be closed", lambda: there.connections == 1)
    assert there.sent == b""
    assert count(server, "holdfast_proofs_held_total") == 1
    assert count(server, "holdfast_proofs_waiting") == 0
    assert "1 addresses are their name's" in under_test.run_verb(
        "status", "-s", server.conf["control"])[1]


def test_all_addresses_of_an_answer_are_looked_at(fake, holdfast, ca, true, site):
    good, bad = site(true), site(ca.certify("other.example"))
    server = serve(holdfast, ca, fake(vouched.gives(good.address, bad.address)))
    reply = server.udp(NAME)
    assert reply.rcode == 2 or reply.addresses() == [good.address]


def test_names_without_an_expectation_are_not_looked_at(fake, holdfast, ca, true, site):
    there = site(true)
    server = serve(holdfast, ca, fake(vouched.gives(there.address)))
    assert server.udp("other.example").addresses() == [there.address]
    assert there.connections == 0


def test_addresses_may_move_without_a_word(fake, holdfast, ca, true, site):
    old, new = site(true), site(true)
    upstream = fake(vouched.gives(old.address, ttl=1))
    server = serve(holdfast, ca, upstream)
    assert server.udp(NAME).addresses() == [old.address]
    upstream.behave = vouched.gives(new.address, ttl=1)
    old.stop()

    def moved():
        return server.udp(NAME).addresses() == [new.address]
    net.wait_until("the new address", moved, 60, 0.2)
    assert count(server, "holdfast_upstream_lies_total") == 0


def test_two_upstreams_that_differ_are_both_believed_if_both_are_proven(
        fake, holdfast, ca, true, site):
    here, there = site(true), site(true)
    a, b = fake(vouched.gives(here.address, ttl=1)), fake(vouched.gives(there.address, ttl=1))
    server = serve(holdfast, ca, a, b)
    assert server.udp(NAME).addresses() == [here.address]
    a.behave = fakes.servfail
    net.wait_until("the other's answer",
                   lambda: server.udp(NAME).addresses() == [there.address], 60, 0.2)
    assert count(server, "holdfast_upstream_lies_total") == 0


def test_names_behind_one_wildcard_certificate_cost_one_connection(fake, holdfast, ca, site):
    there = site(ca.certify("*.shop.example"))
    server = serve(holdfast, ca, fake(vouched.gives(there.address)), workers=1,
                   expect=proved(ca, name="*.shop.example"))
    for i in range(20):
        assert server.udp("n%d.shop.example" % i).addresses() == [there.address]
    assert there.connections == 1
    assert server.udp("a.n1.shop.example").rcode == 2


# --- a lie ------------------------------------------------------------------------

def nobody(ca, directory):
    return net.address()


def self_signed(ca, directory):
    return vouched.signed_by_itself(directory, NAME)


def other_name(ca, directory):
    return ca.certify("sinkhole.example")


def expired(ca, directory):
    return ca.certify(NAME, since=-20, until=-2)


def unknown_issuer(ca, directory):
    return authority.Authority(os.path.join(str(directory), "stranger")).certify(NAME)


LIARS = [nobody, self_signed, other_name, expired, unknown_issuer]


def place_of(liar, ca, directory, site):
    """The address that a liar gives; behind it, what it could come up with."""
    made = liar(ca, directory)
    return made if isinstance(made, str) else site(made).address


@pytest.mark.parametrize("liar", LIARS + [None], ids=lambda f: f.__name__ if f else "no_tls")
def test_a_false_address_reaches_nobody_and_the_next_upstream_is_asked(
        fake, holdfast, ca, true, site, tmp_path, liar):
    false = place_of(liar, ca, tmp_path, site) if liar else site().address
    there = site(true)
    a, b = fake(vouched.gives(false)), fake(vouched.gives(there.address))
    server = serve(holdfast, ca, a, b)
    for _ in range(3):
        reply = server.udp(NAME)
        assert reply.addresses() == [there.address]
    assert b.count() == 1
    metric = "failed" if liar and liar is not nobody else "missing"
    assert count(server, "holdfast_proofs_%s_total" % metric) >= 1


# What the log and the extended error say was seen.
SEEN = {nobody: "Connection refused", self_signed: "signed by itself and not trusted",
        other_name: "is for sinkhole.example, not shop.example", expired: "certificate expired on",
        unknown_issuer: "Test CA"}


@pytest.mark.parametrize("liar", LIARS, ids=lambda f: f.__name__)
def test_if_nobody_tells_the_truth_there_is_no_answer(
        fake, holdfast, ca, true, site, tmp_path, liar):
    a = fake(vouched.gives(place_of(liar, ca, tmp_path, site)))
    server = serve(holdfast, ca, a)
    reply = server.udp(NAME, edns=1232)
    assert reply.rcode == 2 and not reply.addresses()
    assert reply.ede, "it says why"
    net.wait_until("a line in the log", lambda: SEEN[liar] in server.process.output())
    text = reply.option(15)[2:].decode()
    assert text.startswith("upstream a: "), text
    if liar is not nobody:
        assert SEEN[liar][:14] in text  # which has room for no more


def test_a_server_that_was_mended_is_soon_believed(fake, holdfast, ca, true, site):
    address = net.address()
    server = serve(holdfast, ca, fake(vouched.gives(address)))
    assert server.udp(NAME).rcode == 2
    site(true, address=address)
    net.wait_until("the answer", lambda: server.udp(NAME).addresses() == [address],
                   180, 1)


def test_with_after_a_false_answer_is_withdrawn(fake, holdfast, ca, true, site):
    false, there = site(ca.certify("sinkhole.example")), site(true)
    a, b = fake(vouched.gives(false.address)), fake(vouched.gives(there.address))
    server = serve(holdfast, ca, a, b, expect=proved(ca, **{"prove-when": "after"}))
    assert server.udp(NAME).addresses() == [false.address]
    net.wait_until("the true one",
                   lambda: server.udp(NAME).addresses() == [there.address], 60, 0.1)


def test_nobody_is_made_to_connect_to_this_host(fake, holdfast, ca, true, site):
    there = site(true)
    server = serve(holdfast, ca, fake(vouched.gives(there.address)),
                   expect=[{**proved(ca)[0], "addresses": []}])
    assert server.udp(NAME).rcode == 2
    assert there.connections == 0


@pytest.mark.parametrize("when", ["first", "after"])
def test_what_two_give_but_nothing_proves_does_not_lead_into_a_private_network(
        fake, holdfast, ca, when):
    a, b = fake(vouched.gives("127.0.0.1")), fake(vouched.gives("127.0.0.1"))
    expect = [{**proved(ca, **{"prove-when": when})[0], "addresses": []}]
    server = serve(holdfast, ca, a, b, expect=expect)
    assert server.udp(NAME).addresses() == ["127.0.0.1"]
    server.conf["truth"]["rebind"] = "refuse"
    server.conf["cache"] = {"size": "16MiB", "stale": "0s"}
    server.write()
    assert server.reload()[0] == 0
    net.wait_until("a refusal", lambda: server.udp(NAME).rcode == 2, 60, 0.5)


# --- the authorities ---------------------------------------------------------------

def test_other_authorities_count_as_soon_as_the_file_has_changed(
        fake, holdfast, ca, true, site, tmp_path):
    other = authority.Authority(tmp_path / "other")
    file = str(tmp_path / "trusted.pem")
    shutil.copy(other.pem, file)
    there = site(true)
    expect = [{**proved(ca)[0], "prove-ca": file}]
    server = serve(holdfast, ca, fake(vouched.gives(there.address)), expect=expect)
    assert server.udp(NAME).rcode == 2
    shutil.copy(ca.pem, file)
    net.wait_until("the answer",
                   lambda: server.udp(NAME).addresses() == [there.address], 180, 1)


def test_a_file_that_vouches_for_nobody_is_found_before_it_is_needed(holdfast, ca, tmp_path):
    expect = [{**proved(ca)[0], "prove-ca": str(tmp_path / "none.pem")}]
    server = holdfast({"a": "192.0.2.1"}, expect=expect, start=False)
    code, said = under_test.run_verb("check", "-c", server.path)
    assert code == 2
    assert "can vouch for a name: No such file or directory" in said


# --- nobody is harmed ----------------------------------------------------------------

def test_random_names_do_not_make_a_flood_of_connections(fake, holdfast, ca, site):
    victim = site(ca.certify("victim.example"))
    server = serve(holdfast, ca, fake(vouched.gives(victim.address)),
                   expect=proved(ca, name="*.example"))
    start = time.monotonic()
    with server.udp_client() as client:
        for i in range(600):
            client.send(vouched.wire.query("n%d.example" % i))
        time.sleep(2)
    net.wait_until("some to be made", lambda: victim.connections >= 10)
    made, took = victim.connections, time.monotonic() - start
    # 64 at once and 32 a second, halved between two workers, which are both busy.
    assert made <= 64 + 32 * (took + 1)
