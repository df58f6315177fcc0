# SPDX-License-Identifier: GPL-3.0-or-later
"""test_live.py - no start into a lie, and `check --live`.

What upstreams say is their fakes' business; the host that is looked at is a folder
(--root), never the one that the tests run on.
"""
import json
import os
import time
import xml.etree.ElementTree

import pytest

import authority
import fake as fakes
import holdfast as under_test
import net
import vouched

pytestmark = pytest.mark.own

NAME = "db.corp.example"
EXPECT = [{"name": NAME, "addresses": ["10.0.0.0/8"]}]


def lying(q):
    """Another address than it has: 11.x for 10.x."""
    return fakes.honest(q, base=11)


def denying(q):
    return fakes.reply(q, authority=[fakes.wire.record(b"\0", "SOA", 60, fakes.wire.soa())],
                       rcode=fakes.wire.NXDOMAIN)


def written(holdfast, upstreams, expect=EXPECT, **how):
    """The file alone."""
    return holdfast(upstreams, start=False, expect=expect, **how)


def live(server, *flags, timeout=90):
    """`check --live` of a file: exit code, text, seconds. The host is not looked at."""
    began = time.monotonic()
    code, text = under_test.run_verb("check", "--live", "-c", server.path, *flags, timeout=timeout)
    return code, text, time.monotonic() - began


def alone(server, *flags):
    return live(server, "--no-host", *flags)


# --- the start -----------------------------------------------------------------

def ended(server, seconds=40):
    """Starts it; waits until it has ended by itself. Exit code, output, seconds."""
    began = time.monotonic()
    process = server.spawn()
    net.wait_until("holdfast to end", lambda: not process.alive(), seconds)
    took, code, text = time.monotonic() - began, process.popen.returncode, process.output()
    server.kill()
    return code, text, took


def test_a_start_with_a_liar_is_refused_in_a_sentence(holdfast, fake):
    server = written(holdfast, {"isp": fake(lying).at}, startup={"verify": "abort"})
    code, text, took = ended(server)
    assert code == 1
    line = next(line for line in text.splitlines() if NAME in line)
    assert "upstream isp (127." in line and "answered 11." in line
    assert "none of the addresses expected" in line and "addresses in 10.0.0.0/8" in line
    assert "take it out of its route" in line
    assert "not started: an upstream lies" in text
    assert "serving" not in text


def test_one_liar_among_honest_ones_is_enough_to_refuse(holdfast, fake):
    server = written(holdfast, {"a": fake().at, "isp": fake(lying).at}, startup={"verify": "abort"})
    code, text, _ = ended(server)
    assert code == 1 and "upstream isp" in text and "upstream a " not in text


def test_who_is_trusted_little_may_lie_and_is_told_of(holdfast, fake):
    server = holdfast({"a": fake().at, "isp": {"address": fake(lying).at, "trust": "low"}},
                      expect=EXPECT, startup={"verify": "abort"})
    server.says("upstream isp")
    assert server.udp(NAME).addresses()[0].startswith("10.")


def test_honest_upstreams_are_let_in(holdfast, fake):
    server = holdfast({"a": fake().at, "b": fake().at}, expect=EXPECT, startup={"verify": "abort"})
    assert server.udp(NAME).addresses()[0].startswith("10.")
    server.says("lies=0")


def test_a_silence_is_no_lie_and_holds_nobody_up_longer_than_said(holdfast, fake):
    server = holdfast({"a": fake(fakes.silent).at}, expect=EXPECT,
                      startup={"verify": "abort", "deadline": "500ms"})
    assert "gave no answer" in server.says("unanswered=2")


def test_what_does_not_fit_on_a_screen_at_the_start_is_counted(holdfast, fake):
    expect = [{"name": "n%d.corp.example" % i, "addresses": ["10.0.0.0/8"]} for i in range(12)]
    server = holdfast({"a": fake(fakes.servfail).at}, expect=expect, startup={"verify": "abort"})
    text = server.says("4 more are not listed; `holdfast check --live` lists all")
    assert text.count("gave no answer") == 20


def test_a_name_that_nobody_answers_ends_the_start_if_that_is_wanted(holdfast, fake):
    server = written(holdfast, {"a": fake(fakes.servfail).at},
                     startup={"verify": "abort", "unanswered": "abort", "deadline": "2s"})
    code, text, took = ended(server)
    assert code == 1
    assert "no upstream says anything about a name" in text


def test_by_default_liars_are_told_of_while_it_serves(holdfast, fake):
    dark = fake(fakes.silent)
    server = holdfast({"a": fake().at, "isp": fake(lying).at, "dark": dark.at}, expect=EXPECT,
                      start=False)
    del server.conf["startup"]
    server.write()
    server.start()
    net.wait_until("the lie to be counted",
                   lambda: server.metrics().get('holdfast_upstream_lies_total{upstream="isp"}', 0) >= 1, 60)
    assert server.udp(NAME).addresses()[0].startswith("10.")
    net.wait_until("it to be said", lambda: "lies=1" in server.process.output(), 60)


def test_a_start_can_be_stopped_while_it_asks(holdfast, fake):
    upstream = fake(fakes.silent)
    server = written(holdfast, {"a": upstream.at}, startup={"verify": "abort", "deadline": "60s"})
    process = server.spawn()
    net.wait_until("the upstream to be asked", lambda: upstream.seen)
    began = time.monotonic()
    assert process.stop(30) == 0
    assert time.monotonic() - began < 30  # and not after the deadline of a minute
    server.process = None


def test_nothing_is_asked_with_off(holdfast, fake):
    upstream = fake(lying)
    holdfast({"isp": upstream.at}, expect=EXPECT, startup={"verify": "off"})
    time.sleep(0.3)
    assert upstream.count(NAME) == 0


def test_an_example_must_be_one(holdfast, fake):
    server = written(holdfast, {"a": fake().at}, startup={"names": ["a..b"]}, expect=[
        {"name": "*.corp.example", "never": ["10.9.0.0/16"], "examples": ["corp.example", "www.other.example", "a..b"]}])
    code, text = under_test.run_verb("check", "-c", server.path)
    assert code == 2
    assert "'corp.example' is no example" in text and "'www.other.example' is no example" in text
    assert "'a..b' in examples is no domain name" in text and "'a..b' in startup.names" in text


# --- check --live: exit codes ---------------------------------------------------

def test_true_answers_are_good(holdfast, fake):
    code, text, _ = alone(written(holdfast, {"a": fake().at, "b": fake().at}))
    assert code == 0, text
    assert "0 findings, 0 that could not be asked" in text


def test_a_lie_is_a_finding(holdfast, fake):
    code, text, _ = alone(written(holdfast, {"a": fake().at, "isp": fake(lying).at}))
    assert code == 1
    assert "lie       %s. A: upstream isp" % NAME in text or "lie       %s A: upstream isp" % NAME in text


def test_a_name_that_one_upstream_denies_is_a_finding(holdfast, fake):
    code, text, _ = alone(written(holdfast, {"a": fake().at, "b": fake(denying).at}))
    assert code == 1
    assert "which another upstream knows" in text


def test_who_cannot_be_asked_is_told_apart(holdfast, fake):
    dark = fake()
    dark.stop()  # refused
    code, text, took = alone(written(holdfast, {"a": fake().at, "gone": dark.at}), "--deadline", "3s")
    assert code == 3
    assert "upstream gone" in text and took < 30


def test_a_dark_upstream_is_one_line_however_many_names_there_are(holdfast, fake):
    dark, broken = fake(), fake(fakes.servfail)
    dark.stop()
    expect = [{"name": "n%d.corp.example" % i, "addresses": ["10.0.0.0/8"]} for i in range(12)]
    server = written(holdfast, {"a": fake().at, "gone": dark.at, "broken": broken.at}, expect=expect)
    code, text, _ = alone(server, "--deadline", "5s")
    assert code == 3
    assert len([line for line in text.splitlines() if "upstream gone" in line and "none of" in line]) == 1
    assert text.count("upstream gone") == 1
    assert text.count("upstream broken") == 25  # it says something of each name


def test_what_is_odd_about_the_file_stands_in_the_object_too(holdfast, fake):
    server = written(holdfast, {"a": fake().at}, expect=[
        {"name": NAME, "addresses": ["10.0.0.0/8"], "never": ["10.0.0.0/7"]}])
    code, text, _ = alone(server, "--json")
    assert code == 1 and any("by 'never'" in line for line in json.loads(text)["complaints"])
    server = written(holdfast, {"a": fake().at}, cache={"size": "many"})
    code, text, _ = alone(server, "--json")
    assert code == 2 and "'many'" in " ".join(json.loads(text)["complaints"])


def test_a_lie_counts_more_than_a_silence(holdfast, fake):
    server = written(holdfast, {"isp": fake(lying).at, "dark": fake(fakes.silent).at})
    code, text, _ = alone(server, "--deadline", "1s")
    assert code == 1 and "no answer" in text or "not asked" in text


def test_a_file_with_a_fault_is_none_of_these(holdfast, fake):
    server = written(holdfast, {"a": fake().at}, cache={"size": "many"})
    code, text, _ = alone(server)
    assert code == 2 and "error" in text
    code, text, _ = alone(server, "--json")
    assert code == 2 and json.loads(text)["good"] is False


def test_flags_without_live_are_wrong_usage(holdfast, fake):
    server = written(holdfast, {"a": fake().at})
    code, text = under_test.run_verb("check", "-c", server.path, "--junit", "-")
    assert code == 2 and "belong to --live" in text
    code, text, _ = alone(server, "--deadline", "soon")
    assert code == 2 and "wants a duration" in text
    code, text, _ = live(server, "--root", "/nonexistent/folder")
    assert code == 2 and "--root wants a folder" in text
    code, text, _ = alone(server, "--print")
    assert code == 2 and "--live is another check" in text


def test_a_finding_stays_one_if_the_report_cannot_be_written(holdfast, fake):
    lies = written(holdfast, {"isp": fake(lying).at})
    assert alone(lies, "--junit", "/nonexistent/folder/report.xml")[0] == 1
    good = written(holdfast, {"a": fake().at})
    code, text, _ = alone(good, "--junit", "/nonexistent/folder/report.xml")
    assert code == 3 and "cannot be written" in text


@pytest.mark.parametrize("behave", [fakes.silent, None])
def test_it_ends_in_time_before_a_black_hole(holdfast, fake, behave):
    upstream = fake(behave or fakes.honest)
    if behave is None:
        upstream.stop()
    names = [{"name": "n%d.example" % i, "addresses": ["10.0.0.0/8"]} for i in range(200)]
    code, _, took = alone(written(holdfast, {"a": upstream.at}, expect=names), "--deadline", "2s")
    assert code == 3
    assert took < 30  # one after the other they would be minutes


def test_nothing_is_left_out_in_silence(holdfast, fake):
    server = written(holdfast, {"a": fake().at}, expect=[
        {"name": "*.corp.example", "addresses": ["10.0.0.0/8"]}])
    code, text, _ = alone(server)
    assert code == 0 and "they have no examples" in text
    server = written(holdfast, {"a": fake(lying).at}, expect=[
        {"name": "*.corp.example", "addresses": ["10.0.0.0/8"], "examples": ["www.corp.example"]}])
    code, text, _ = alone(server)
    assert code == 1 and "www.corp.example" in text


def test_every_upstream_is_asked_even_if_nothing_is_expected(holdfast, fake):
    a, b = fake(), fake(fakes.refused)
    server = holdfast({"a": a.at, "b": b.at}, start=False, forward=[
        {"zone": ".", "to": ["a"]}, {"zone": "corp.example", "to": ["b"]}])
    code, text, _ = alone(server)
    assert code == 3 and "upstream b" in text
    assert b.count("corp.example", "SOA") >= 1 and a.count(".", "SOA") >= 1


# --- lists that grow old -----------------------------------------------------------

def test_a_list_that_all_contradict_alike_is_proposed_to_be_mended(holdfast, fake):
    server = written(holdfast, {"a": fake(lying).at, "b": fake(lying).at})
    code, text, _ = alone(server, "--json")
    report = json.loads(text)
    assert code == 1
    address = next(row["answer"] for row in report["answers"] if row["lie"] == "address")
    proposal = report["proposals"][0]
    assert proposal.startswith("add %s/32 to addresses of %s" % (address, NAME))
    assert "all who answered say so" in proposal


def test_a_list_that_one_bears_out_is_not(holdfast, fake):
    code, text, _ = alone(written(holdfast, {"a": fake().at, "b": fake(lying).at}), "--json")
    assert code == 1 and json.loads(text)["proposals"] == []


# --- JSON and JUnit --------------------------------------------------------------------

def test_json_says_what_the_page_says(holdfast, fake):
    server = written(holdfast, {"a": fake().at, "isp": fake(lying).at, "dark": fake(fakes.silent).at})
    code, text, _ = alone(server, "--json", "--deadline", "1s")
    report = json.loads(text)
    assert code == report["exit"] == 1 and report["good"] is False
    by = {(row["upstream"], row["type"]): row for row in report["answers"] if row["name"].startswith("db.")}
    assert by["a", "A"]["outcome"] == "true" and by["a", "A"]["addresses"][0].startswith("10.")
    assert by["isp", "A"]["outcome"] == "lie" and "none of the addresses" in by["isp", "A"]["evidence"]
    assert by["dark", "A"]["outcome"] in ("no answer", "not asked")
    assert report["host"] is None and report["took_ms"] < 30000
    assert {u["name"] for u in report["upstreams"]} == {"a", "isp", "dark"}


def test_junit_is_read_by_a_real_parser(holdfast, fake, tmp_path):
    path = str(tmp_path / "report.xml")
    server = written(holdfast, {"a": fake().at, "isp": fake(lying).at, "dark": fake(fakes.silent).at})
    code, text, _ = alone(server, "--junit", path, "--deadline", "1s")
    assert code == 1 and "lie" in text
    suites = xml.etree.ElementTree.parse(path).getroot()
    assert suites.tag == "testsuites"
    by = {suite.get("name").split(" (")[0]: suite for suite in suites}
    assert set(by) == {"upstream a", "upstream isp", "upstream dark"}
    for suite in suites:
        cases = suite.findall("testcase")
        assert int(suite.get("tests")) == len(cases)
        assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("errors")) == len(suite.findall("testcase/error"))
        assert all(case.get("name") and case.get("classname") and float(case.get("time")) >= 0 for case in cases)
    assert by["upstream isp"].get("failures") == "1"
    assert "answered 11." in by["upstream isp"].find("testcase/failure").get("message")
    assert by["upstream dark"].get("errors") == by["upstream dark"].get("tests")


def test_junit_is_read_by_those_who_merge_reports(holdfast, fake, tmp_path, need):
    try:
        import junitparser
    except ImportError:
        need("python3-junitparser")
    path = str(tmp_path / "report.xml")
    alone(written(holdfast, {"a": fake().at, "isp": fake(lying).at}), "--junit", path)
    report = junitparser.JUnitXml.fromfile(path)
    report.update_statistics()
    assert (report.tests, report.failures, report.errors) == (6, 1, 0)


def test_junit_may_be_printed(holdfast, fake):
    code, text, _ = alone(written(holdfast, {"a": fake().at}), "--junit", "-")
    assert code == 0
    assert xml.etree.ElementTree.fromstring(text).tag == "testsuites"


def test_a_report_that_cannot_be_written_is_told_of(holdfast, fake, tmp_path):
    code, text, _ = alone(written(holdfast, {"a": fake().at}), "--junit", str(tmp_path / "no" / "where"))
    assert code == 3 and "cannot be written" in text


# --- the host ---------------------------------------------------------------------------

def host(tmp_path, **files):
    """A folder that looks like a host's root."""
    root = tmp_path / "root"
    for path, text in files.items():
        place = root / path.replace("__", ".").replace("_", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    root.mkdir(exist_ok=True)
    return str(root)


def test_a_host_whose_programs_ask_us_is_good(holdfast, fake, tmp_path):
    root = host(tmp_path, etc_resolv__conf="nameserver 127.0.0.1\noptions timeout:1\n",
                etc_nsswitch__conf="hosts: files dns\n")
    server = written(holdfast, {"a": fake().at}, listen={"dns": ["127.0.0.1:53"]})
    code, text, _ = live(server, "--root", root)
    assert code == 0, text
    assert "programs here ask 127.0.0.1:53: holdfast" in text


def test_a_resolver_of_the_host_is_put_to_the_same_questions(holdfast, fake, tmp_path):
    isp = fake(lying, port=53)
    root = host(tmp_path, etc_resolv__conf="nameserver %s\n" % isp.address)
    code, text, _ = live(written(holdfast, {"a": fake().at}), "--root", root, "--json")
    report = json.loads(text)
    assert code == 1
    assert report["host"]["resolvers"][0]["address"] == isp.at
    assert "nobody that the configuration knows" in report["host"]["resolvers"][0]["is"]
    row = next(row for row in report["host_answers"] if row["type"] == "A")
    assert row["outcome"] == "lie" and row["answer"].startswith("11.")
    assert isp.count(NAME, "A") >= 1


def test_findings_of_the_host_stand_in_junit(holdfast, fake, tmp_path):
    root = host(tmp_path, etc_resolv__conf="nameserver 127.0.0.1\noptions single-request<&\"\x01>\n",
                etc_docker_daemon__json='{"dns": ["127.0.0.1"]}')
    server = written(holdfast, {"a": fake().at}, listen={"dns": ["127.0.0.1:53"]})
    code, text, _ = live(server, "--root", root, "--junit", "-")
    assert code == 1
    suite = [s for s in xml.etree.ElementTree.fromstring(text) if s.get("name") == "host"][0]
    failure = suite.find("testcase/failure").get("message")
    assert "each container's own loopback" in failure and "instead:" in failure
    assert any('single-request<&"?>' in case.get("name") for case in suite)


def test_links_to_one_file_are_read_once(holdfast, fake, tmp_path):
    root = host(tmp_path, etc_resolv__conf="nameserver 127.0.0.1\n")
    java = os.path.join(root, "usr", "lib", "jvm", "java-17", "conf", "security")
    os.makedirs(java)
    with open(os.path.join(java, "java.security"), "w") as out:
        out.write("networkaddress.cache.ttl=-1\n")
    os.symlink("java-17", os.path.join(root, "usr", "lib", "jvm", "default-java"))
    server = written(holdfast, {"a": fake().at}, listen={"dns": ["127.0.0.1:53"]})
    code, text, _ = live(server, "--root", root, "--json")
    assert code == 1
    assert sum("for ever" in item["what"] for item in json.loads(text)["host"]["items"]) == 1


# --- certificates ------------------------------------------------------------------------

@pytest.fixture
def shop(tmp_path):
    """A site with a certificate for shop.example, what may vouch for it, and one with
    a certificate for another name."""
    ca = authority.Authority(tmp_path / "ca")
    sites = [vouched.Site(ca.certify("shop.example")), vouched.Site(ca.certify("other.example"))]
    yield ca, sites
    for site in sites:
        site.stop()


def proved(ca, addresses):
    return [{"name": "shop.example", "prove": "tls", "prove-port": vouched.PORT, "prove-ca": ca.pem,
             "addresses": addresses}]


def test_certificates_tell_the_true_address_from_the_false_one(holdfast, fake, shop):
    ca, (true, false) = shop
    server = written(holdfast, {"a": fake(vouched.gives(true.address)).at,
                                "isp": fake(vouched.gives(false.address)).at},
                     expect=proved(ca, ["127.0.0.0/8"]))
    code, text, _ = alone(server, "--json")
    rows = {row["upstream"]: row for row in json.loads(text)["answers"] if row["type"] == "A"}
    assert code == 1
    assert rows["a"]["outcome"] == "true"
    assert rows["isp"]["outcome"] == "lie" and rows["isp"]["lie"] == "proof"
    assert "shop.example" in true.asked and "shop.example" in false.asked


def test_an_address_where_nobody_listens_is_unproven_and_no_lie(holdfast, fake, shop):
    ca, _ = shop
    server = written(holdfast, {"a": fake(vouched.gives(net.address())).at},
                     expect=proved(ca, ["127.0.0.0/8"]), startup={"verify": "abort"})
    code, text, _ = alone(server, "--json")
    row = next(row for row in json.loads(text)["answers"] if row["type"] == "A")
    assert code == 3 and row["outcome"] == "unproven" and row["evidence"]
    server.start()  # nor does it hold up a start


def test_a_start_ends_before_a_false_certificate(holdfast, fake, shop):
    ca, (_, false) = shop
    server = written(holdfast, {"isp": fake(vouched.gives(false.address)).at},
                     expect=proved(ca, ["127.0.0.0/8"]), startup={"verify": "abort"})
    code, text, took = ended(server)
    assert code == 1
    assert "not proven" in text and "not started: an upstream lies" in text


# --- upstreams over TLS --------------------------------------------------------------------

def over_tls(upstream, ca, name="dns.example"):
    return {"address": "tls://%s:%d" % (upstream.address, upstream.port), "tls-name": name,
            "tls-ca": ca.pem}


@pytest.fixture
def dot(tmp_path, fake):
    """An upstream over TLS, and what may vouch for it."""
    ca = authority.Authority(tmp_path / "ca")
    return fake(tls=ca.certify("dns.example").context(), port=8853), ca


def test_upstreams_over_tls_are_asked_over_tls(holdfast, dot):
    upstream, ca = dot
    server = written(holdfast, {"dot": over_tls(upstream, ca)}, startup={"verify": "abort"})
    code, text, _ = alone(server)
    assert code == 0 and "upstream  dot (tls://127." in text, text
    code, text = under_test.run_verb("explain", "--standalone", "-c", server.path, NAME, timeout=60)
    assert code == 0 and "true" in text, text
    server.start()
    assert "gave no answer" not in server.says("lies=0")
    assert upstream.seen and all(q.proto == "tcp" for q in upstream.seen)
    assert upstream.sessions and upstream.unreadable == 0


def test_whoever_is_not_believed_is_asked_nothing_and_it_is_said_why(holdfast, dot):
    upstream, ca = dot
    server = written(holdfast, {"dot": over_tls(upstream, ca, "other.example")})
    code, text, _ = alone(server)
    assert code == 3
    assert "is not believed, and not asked: certificate is for dns.example, not other.example" in text
    assert "`tls-name`" in text
    assert upstream.seen == [] and upstream.unreadable == 0
