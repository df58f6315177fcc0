# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones from a web server, and serials that one says.

What comes is believed only whole, from the right server, and if it is what its digest says;
what does not come leaves the old version, and the gate decides about that.
"""
import base64
import gzip
import hashlib
import json
import os
import shutil
import time

import pytest

import authority
import holdfast as under_test
import net
import primaries
import web as webs
from test_zones import assert_withheld, figure, serial_of, text, wait_for

pytestmark = pytest.mark.own

ZONE = primaries.ZONE
NAME = "store.example"
QUICK = {"refresh-min": "1s", "refresh-max": "1s", "grace": "1s"}


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    return authority.Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def certificate(ca):
    return ca.certify(NAME)


@pytest.fixture
def web(certificate):
    server = webs.Web(certificate)
    server.pages["/corp"] = webs.page(text(1))
    yield server
    server.stop()


@pytest.fixture
def served(holdfast, web, ca, tmp_path):
    """holdfast with the zone from web's /corp."""
    def start(start=True, **zone):
        return holdfast({"u": "127.0.0.1:1"}, start=start,
                        **{"zone-state": str(tmp_path / "state")}, zones=[
                            {"name": ZONE, "url": web.url("/corp"), "url-ca": ca.pem,
                             "url-address": [web.address], **QUICK, **zone}])
    return start


def until_told(server, *what):
    net.wait_until("%r to be told" % (what,),
                   lambda: all(w in server.process.output() for w in what), 60)


def shown(server):
    code, out = under_test.run_verb("status", "--json", "-s", server.conf["control"])
    assert code == 0
    return json.loads(out)["zones"][0]


# --- what is taken ---------------------------------------------------------------


def test_a_zone_is_fetched_and_what_has_not_changed_is_not_fetched_again(served, web):
    server = served()
    wait_for(server, 1)
    net.wait_until("it to be asked for if it is another",
                   lambda: any("If-None-Match" in h for h in web.asked("/corp")), 60)
    net.wait_until("the answer to be seen",
                   lambda: figure(server, "holdfast_zone_http_status") == 304)
    time.sleep(2.5)  # longer than a proof lasts
    assert figure(server, "holdfast_zone_loads_total") == 1
    assert shown(server)["state"] == "current" and serial_of(server) == 1
    web.pages["/corp"] = webs.page(text(2))
    wait_for(server, 2)
    http = shown(server)["http"]
    assert http["status"] in (200, 304) and http["etag"].startswith('"')


def test_without_an_etag_a_document_of_the_last_second_is_asked_for_anew(served, web):
    now = time.time()

    def dated(modified):
        stamp = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now - modified))
        return lambda handler: webs.say(handler, 200, text(1).encode(), {"Last-Modified": stamp})
    web.pages["/corp"] = dated(-60)  # as new as the answer, or newer
    server = served()
    wait_for(server, 1)
    net.wait_until("it to be asked for again", lambda: len(web.asked("/corp")) > 2, 60)
    assert not any("If-Modified-Since" in h for h in web.asked("/corp"))
    web.pages["/corp"] = dated(60)
    net.wait_until("it to be asked for if it is newer",
                   lambda: any("If-Modified-Since" in h for h in web.asked("/corp")), 60)


def test_a_redirect_is_followed_to_the_same_host_and_told(served, web):
    web.pages["/corp"] = webs.redirect("/there")
    web.pages["/there"] = webs.page(text(5))
    server = served()
    wait_for(server, 5)
    until_told(server, "redirected to %s" % web.url("/there"))


def test_the_token_goes_to_the_server_of_the_url_and_nowhere_else(served, web, certificate, tmp_path):
    (tmp_path / "token").write_text("s3cret\n")
    os.chmod(tmp_path / "token", 0o600)
    other = webs.Web(certificate)
    try:
        web.pages["/corp"] = webs.redirect("https://%s:8444/corp" % NAME)
        other.stop()
        other.port = 8444
        other.address = web.address
        other.start()
        other.pages["/corp"] = webs.page(text(1))
        server = served(**{"url-token-file": str(tmp_path / "token")})
        wait_for(server, 1)
        assert web.asked("/corp")[0]["Authorization"] == "Bearer s3cret"
        assert all("Authorization" not in h for h in other.asked("/corp"))
        assert "s3cret" not in server.process.output()
    finally:
        other.stop()


def test_a_second_address_is_tried_where_the_first_does_not_answer(served, web):
    server = served(**{"url-address": [net.address(), "%s=%s" % ("other.example", web.address),
                                       web.address]})
    wait_for(server, 1)


def test_over_http_a_zone_comes_from_this_machine_alone(holdfast):
    web = webs.Web()
    web.pages["/corp"] = webs.page(text(1))
    try:
        server = holdfast({"u": "127.0.0.1:1"}, zones=[
            {"name": ZONE, "url": "http://%s:%d/corp" % (web.address, web.port), **QUICK}])
        wait_for(server, 1)
        web.pages["/corp"] = webs.redirect("http://192.0.2.1/corp")
        until_told(server, "not https://")
    finally:
        web.stop()


def test_a_pinned_key_must_be_the_servers(served, web, certificate):
    server = served(**{"url-pins": [certificate.pin()]})
    wait_for(server, 1)


# --- what is not taken -----------------------------------------------------------


def test_a_digest_that_does_not_match_refuses_the_zone_and_both_are_told(served, web):
    good, bad = (hashlib.sha256(text(n).encode()).hexdigest() for n in (1, 9))
    web.pages["/corp.sha256"] = webs.page("%s  corp\n" % bad)
    server = served(**{"url-digest": web.url("/corp.sha256")})
    until_told(server, good[:16], bad[:16])
    assert_withheld(server)
    web.pages["/corp.sha256"] = webs.page("%s  corp\n%s  corp.old\n" % (good, bad))
    wait_for(server, 1)


def endless_body(handler):
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for _ in range(10000):
        handler.wfile.write(b"1000\r\n%s\r\n" % (b"; " + b"x" * 4093 + b"\n"))


def endless_head(handler):
    handler.send_response(200)
    handler.flush_headers()
    for i in range(5000):
        handler.wfile.write(b"X-%d: %s\r\n" % (i, b"x" * 1000))
    handler.close_connection = True


def never(handler):
    """That it has not changed, to who did not ask that."""
    webs.say(handler, 304)


SUM1 = hashlib.sha256(text(1).encode()).digest()
BAD = {
    "cut": (webs.cut(text(2)), "before the end"),
    "endless": (endless_body, "longer than it may be"),
    "long": (webs.page(text(2) + "; %s\n" % ("x" * 70000)), "longer than it may be"),
    "huge": (lambda h: webs.say(h, 200, b"", {"Content-Length": str(1 << 40)}, length=False),
             "longer than it may be"),
    "head": (endless_head, "header lines do not end"),
    "unmeasured": (lambda h: webs.say(h, 200, text(2).encode(), length=False),
                   "does not say how long"),
    "packed": (lambda h: webs.say(h, 200, gzip.compress(text(2).encode()),
                                  {"Content-Encoding": "gzip"}), "encoded"),
    "summed": (webs.page(text(2), Repr_Digest="sha-256=:%s:" % base64.b64encode(SUM1).decode()),
               SUM1.hex()[:16]),
    "garbled": (webs.page(text(2), Digest="sha-256=x"), "cannot be read"),
    "500": (webs.status(500), "HTTP 500"),
    "206": (webs.status(206), "HTTP 206"),
    "304": (never, "HTTP 304"),
    "circle": (None, "redirected too often"),
    "plain": (webs.redirect("http://%s/corp" % NAME), "not https://"),
    "away": (webs.redirect("https://127.9.9.9:8443/corp"), "url-address does not name"),
    "fault": (webs.page(text(2, "www A 10.0.0\n")), "line 6"),
    "include": (webs.page(text(2, "$INCLUDE /etc/passwd\n")), "$INCLUDE is not read here"),
    "page": (webs.page("<html>moved</html>"), "line 1"),
    "older": (webs.page(text(0)), "serial"),
    "stalls": (webs.silent(30), "stopped talking"),
}


def test_what_cannot_be_taken_leaves_the_old_version_and_is_told(holdfast, web, ca):
    for name in BAD:  # without an ETag
        web.pages["/" + name] = lambda h: webs.say(h, 200, text(1).encode())
    server = holdfast({"u": "127.0.0.1:1"}, zones=[
        {"name": "z%s.example" % name, "url": web.url("/" + name), "url-ca": ca.pem,
         "url-address": [web.address], "max-size": "64KiB", **QUICK} for name in BAD])

    def serial(name):
        reply = server.udp("serial.z%s.example." % name, "TXT")
        return None if reply is None or reply.rcode else int(reply.answer[0].rdata[1:])
    net.wait_until("all to be served", lambda: all(serial(name) == 1 for name in BAD), 60)
    for name, (answer, _) in BAD.items():
        web.pages["/" + name] = answer or webs.redirect("/" + name)

    def untold():
        lines = [l for l in server.process.output().splitlines() if " error " in l or " warn" in l]
        return [name for name, (_, what) in BAD.items()
                if not any("zone=z%s.example" % name in l and what in l for l in lines)]
    try:
        net.wait_until("all to be told", lambda: not untold(), 60)
    except AssertionError:
        raise AssertionError("not told: %s" % untold())
    assert [name for name in BAD if serial(name) != 1] == []
    for name in BAD:
        web.pages["/" + name] = webs.page(text(2))
    web.ending.set()
    net.wait_until("all to be mended", lambda: all(serial(name) == 2 for name in BAD), 60)


def test_a_certificate_for_another_name_is_not_believed(served, web, ca):
    web.stop()
    web.certificate = ca.certify("another.example")
    web.start()
    server = served()
    until_told(server, "not believed")
    assert_withheld(server)
    assert not web.seen


def test_an_authority_that_is_not_trusted_is_not_believed(served, web, tmp_path):
    other = authority.Authority(tmp_path / "other", "Another CA")
    server = served(**{"url-ca": other.pem})
    until_told(server, "not believed")
    assert_withheld(server)
    assert not web.seen


def test_another_key_than_the_pinned_one_is_not_believed(served, web, ca):
    server = served(**{"url-pins": [ca.certify("x.example").pin()]})
    until_told(server, "none of url-pins")
    assert_withheld(server)
    assert not web.seen


def test_a_retired_address_in_it_refuses_the_version(holdfast, web, ca):
    server = holdfast({"u": "127.0.0.1:1"}, tombstones={"addresses": ["198.51.100.7"]}, zones=[
        {"name": ZONE, "url": web.url("/corp"), "url-ca": ca.pem, "url-address": [web.address],
         **QUICK}])
    wait_for(server, 1)
    web.pages["/corp"] = webs.page(text(2, "old A 198.51.100.7\n"))
    until_told(server, "198.51.100.7")
    assert serial_of(server) == 1
    web.pages["/corp"] = webs.page(text(3))
    wait_for(server, 3)


def test_a_reload_and_a_stop_end_what_is_under_way(served, web):
    server = served()
    wait_for(server, 1)
    web.pages["/corp"] = webs.silent(30)
    for _ in range(2):
        asked = len(web.asked("/corp"))
        net.wait_until("it to be asked for", lambda: len(web.asked("/corp")) > asked, 60)
        assert server.reload()[0] == 0
    assert serial_of(server) == 1
    server.stop()


# --- copies and witnesses --------------------------------------------------------


def short(serial):
    """Proofs of it last for two seconds."""
    return text(serial).replace(" 60 10 3600 ", " 1 1 3600 ")


def test_a_copy_from_before_a_kill_is_not_served_until_the_server_is_back(served, web, tmp_path):
    web.pages["/corp"] = webs.page(short(7))
    server = served()
    wait_for(server, 7)
    state = tmp_path / "state"
    net.wait_until("its copy and the proof of it", lambda: all(
        (state / (ZONE + kind)).exists() for kind in ("zone", "proof")))
    web.stop()
    server.kill()
    time.sleep(4)
    server.start()
    assert_withheld(server)
    web.pages["/corp"] = webs.page(short(8))
    web.start()
    wait_for(server, 8)


def test_a_witness_that_is_a_url_withdraws_a_copy_and_brings_it_back(served, web):
    web.pages["/serial"] = webs.page("1\n")
    server = served(published=[web.url("/serial")])
    wait_for(server, 1)
    web.pages["/corp"] = webs.status(503)
    web.pages["/serial"] = webs.page('{"%s": 2}' % ZONE)
    wait_for(server, None)
    net.wait_until("the published serial to be shown",
                   lambda: figure(server, "holdfast_zone_published_serial") == 2)
    web.pages["/corp"] = webs.page(text(2))
    wait_for(server, 2)
    web.pages["/corp"] = webs.page(text(3))
    web.pages["/serial"] = webs.page(text(3))  # the SOA record
    wait_for(server, 3)


def test_a_witness_that_says_no_serial_proves_nothing(served, web):
    web.pages["/serial"] = webs.page("soon\n")
    server = served(published=[web.url("/serial")])
    net.wait_until("it to be asked", lambda: len(web.asked("/serial")) > 1, 60)
    assert serial_of(server) is None
    web.pages["/serial"] = webs.page("1")
    wait_for(server, 1)


# --- what check says -------------------------------------------------------------


@pytest.mark.parametrize("zone, what", [
    ({"url": "http://store.example/corp"}, "anybody on the way"),
    ({"url": "https://store.example/corp", "url-address": []}, "where is 'store.example'?"),
    ({"url": "ftp://store.example/corp"}, "is no URL"),
    ({"url": "https://user:pw@store.example/"}, "is no URL"),
    ({"primaries": ["10.0.0.1"]}, "a zone has one source"),
    ({"url-address": ["store"]}, "is neither an address"),
    ({"url-digest": "http://store.example/sum"}, "anybody on the way"),
    ({"published": ["http://192.0.2.1/serial"]}, "anybody on the way"),
    ({"published": ["https://elsewhere.example/s"], "url-address": ["store.example=10.0.0.5"]},
     "where is 'elsewhere.example'?"),
    ({"url-token-file": "/nowhere"}, "cannot be read"),
    ({"url-ca": "/nowhere"}, "/nowhere"),
])
def test_check_says_what_is_wrong_with_a_url(served, zone, what):
    server = served(start=False, **zone)
    code, out = under_test.run_verb("check", "-c", server.path)
    assert code != 0 and what in out, out


def test_check_takes_what_is_right(served, web):
    for zone in ({}, {"url": "http://127.0.0.1/corp", "url-ca": "system"},
                 {"url": "http://store.example/corp", "url-digest": web.url("/sum")}):
        code, out = under_test.run_verb("check", "-c", served(start=False, **zone).path)
        assert code == 0, out


def test_without_libcurl_only_a_zone_with_a_url_is_refused(served, web, tmp_path):
    # What is no library, where the loader looks first.
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libcurl-gnutls.so.4").write_text("none")
    server = served(start=False)
    without = {"LD_LIBRARY_PATH": str(tmp_path / "lib")}
    for verb in ("check", "run"):
        code, out = under_test.run_verb(verb, "-c", server.path, env=without)
        assert code == 2 and "install the package libcurl3-gnutls" in out, out
    server.conf["zones"] = [{"name": ZONE, "primaries": ["127.0.0.1:1"]}]
    server.write()
    assert under_test.run_verb("check", "-c", server.path, env=without)[0] == 0
