# SPDX-License-Identifier: GPL-3.0-or-later
"""test_explain.py - the whole story of one answer, from the running server."""
import json
import socket
import threading
import time

import pytest

import fake as fakes
import holdfast as under_test
import net

pytestmark = pytest.mark.own

NAME = "db.corp.example"
EXPECT = [{"name": NAME, "addresses": ["10.0.0.0/8"]}]


def lying(q):
    return fakes.honest(q, base=11)


def explain(server, *words):
    return under_test.run_verb("explain", "-c", server.path, *words, timeout=60)


def told(server, *words):
    code, text = explain(server, "--json", *words)
    return code, json.loads(text)


def test_it_tells_route_upstreams_cache_and_expectation(holdfast, fake):
    server = holdfast({"a": fake().at, "b": fake().at}, expect=EXPECT, startup={"verify": "off"})
    server.udp(NAME)
    code, story = told(server, "--no-ask", NAME)
    assert code == 0
    assert story["route"]["zone"] == "." and story["route"]["order"] == "listed"
    a, b = story["route"]["upstreams"]
    assert (a["name"], a["state"], a["first"], b["first"]) == ("a", "closed", True, False)
    assert a["rtt_ms"] > 0 and b["rtt_ms"] is None
    assert story["expected"] == {"name": NAME + ".", "says": "addresses in 10.0.0.0/8"} or \
        story["expected"] == {"name": NAME, "says": "addresses in 10.0.0.0/8"}
    assert story["cache"]["holds"] == "fresh" and story["cache"]["ttl"] == 300
    assert story["cache"]["answer"].startswith("10.")
    assert story["asked"] is None
    assert "from the cache" in story["client_gets"]


def test_each_upstream_is_asked_anew_and_what_it_says_is_judged(holdfast, fake):
    a, isp = fake(), fake(lying)
    server = holdfast({"a": a.at, "isp": isp.at}, expect=EXPECT, startup={"verify": "off"})
    code, story = told(server, NAME)
    assert code == 1  # somebody lies
    rows = {row["upstream"]: row for row in story["asked"]}
    assert rows["a"]["outcome"] == "true"
    assert rows["isp"]["outcome"] == "lie" and rows["isp"]["lie"] == "address"
    assert story["all_alike"] is False
    assert story["client_gets"].startswith("what upstream a says, which is believed: 10.")
    assert a.count(NAME, "A") == isp.count(NAME, "A") == 1
    code, text = explain(server, NAME)
    assert code == 1 and "lie" in text and "which is none of the addresses expected" in text


def test_who_is_kept_out_is_said_to_be(holdfast, fake):
    a, isp = fake(), fake(lying)
    server = holdfast({"isp": isp.at, "a": a.at}, expect=EXPECT, startup={"verify": "off"})
    assert server.udp(NAME).addresses()[0].startswith("10.")  # and the lie was heard
    _, text = explain(server, "--no-ask", NAME)
    row = next(line for line in text.splitlines() if line.split()[:1] == ["isp"])
    assert "kept out: see `holdfast status`" in row and "in use" not in row


def test_what_was_asked_for_it_goes_into_no_cache(holdfast, fake):
    server = holdfast({"a": fake().at}, startup={"verify": "off"})
    assert told(server, "www.example")[0] == 0
    assert told(server, "--no-ask", "www.example")[1]["cache"]["holds"] == "nothing"


def test_a_type_may_be_given(holdfast, fake):
    a = fake()
    server = holdfast({"a": a.at})
    code, story = told(server, "www.example", "txt")
    assert code == 0 and story["type"] == "TXT" and a.count("www.example", "TXT") == 1
    assert told(server, "www.example", "TYPE65400")[1]["type"] == "TYPE65400"
    code, text = explain(server, "www.example", "SPQR")
    assert code == 2 and "no type of record" in text
    code, text = explain(server, "a..b")
    assert code == 2 and "no domain name" in text


@pytest.mark.parametrize("words, said", [
    (("",), "'' is no domain name"),
    (("db.corp.example AAAA",), "'db.corp.example AAAA' is no domain name"),
    ((NAME, ""), "'' is no type of record"),
    ((NAME, "ask"), "'ask' is no type of record"),
    ((NAME, "json"), "'json' is no type of record"),
    ((NAME, "A ask"), "'A ask' is no type of record"),
])
@pytest.mark.parametrize("how", [(), ("--standalone",)])
def test_what_is_asked_for_is_what_was_written(holdfast, fake, words, said, how):
    server = holdfast({"a": fake().at})
    code, text = explain(server, "-q", *how, *words)
    assert code == 2 and said in text, text


def test_who_is_silent_takes_his_time_and_nobody_elses(holdfast, fake):
    server = holdfast({"a": fake().at, "dark": fake(fakes.silent).at})
    result = []
    asker = threading.Thread(target=lambda: result.append(told(server, NAME)))
    asker.start()
    time.sleep(0.3)
    began = time.monotonic()
    assert under_test.run_verb("status", "-c", server.path)[0] == 0  # the control socket goes on
    assert asker.is_alive() or time.monotonic() - began > 3
    assert server.udp("www.example").rcode == 0
    asker.join(60)
    code, story = result[0]
    assert code == 0
    rows = {row["upstream"]: row for row in story["asked"]}
    assert rows["dark"]["outcome"] == "no answer" and rows["a"]["outcome"] == "answer"


def test_denials_and_failures_are_told_from_the_cache(holdfast, fake):
    server = holdfast({"a": fake().at})
    server.udp("nx.corp.example")
    code, story = told(server, "--no-ask", "nx.corp.example", "AAAA")
    assert story["cache"]["holds"] == "no such name"
    assert story["client_gets"].startswith("NXDOMAIN from the cache")
    _, story = told(server, "--no-ask", "www.nx.corp.example")
    assert story["cache"]["holds"] == "no such name above" and story["cache"]["about"].startswith("nx.corp")
    bad = holdfast({"a": fake(fakes.servfail).at})
    bad.udp("www.example")
    _, story = told(bad, "--no-ask", "www.example")
    assert story["cache"]["failed_lately"] is True


def test_what_a_route_says_of_its_paths_is_told_with_whose_word_it_is(holdfast, fake):
    server = holdfast({"a": {"address": fake().at}}, forward=[
        {"zone": ".", "to": ["a"]},
        {"zone": "corp.example", "to": ["a"], "timeout-max": "900ms", "hedge": "no"}])
    _, story = told(server, "--no-ask", "www.corp.example")
    figures = story["route"]["upstreams"][0]["figures"]
    assert figures["timeout-max"] == {"is": "900ms", "from": "route"}
    assert figures["hedge"] == {"is": "no", "from": "route"}
    assert figures["timeout-min"]["from"] == "upstream"
    _, text = explain(server, "--no-ask", "www.corp.example")
    assert "on this route with timeout-max 900ms, hedge no" in text
    _, story = told(server, "--no-ask", "www.example")
    figures = story["route"]["upstreams"][0]["figures"]
    assert {figure["from"] for figure in figures.values()} == {"upstream"}


def test_a_name_without_a_route_is_told(holdfast, fake):
    server = holdfast({"a": fake().at}, forward=[{"zone": "corp.example", "to": ["a"]}])
    code, story = told(server, "www.example")
    assert code == 1 and story["route"] is None
    assert "no upstream is configured" in story["client_gets"]


def test_without_a_server_it_says_so_and_can_do_without(holdfast, fake):
    server = holdfast({"a": fake().at, "isp": fake(lying).at}, expect=EXPECT, start=False)
    code, text = explain(server, NAME)
    assert code == 3 and "--standalone" in text
    code, story = told(server, "--standalone", NAME)
    assert code == 1
    assert {row["upstream"]: row["outcome"] for row in story["asked"]} == {"a": "true", "isp": "lie"}
    _, text = explain(server, "--standalone", "-q", NAME)  # nobody here knows how they are
    assert "not known" in text and "in use" not in text


def test_who_hangs_up_harms_nobody(holdfast, fake):
    server = holdfast({"dark": fake(fakes.silent).at})
    for _ in range(12):  # more than may be under way at once
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(server.conf["control"])
            client.sendall(b"explain www.example A ask\n")
            time.sleep(0.02)
    code, text = explain(server, "--no-ask", "www.example")
    assert code in (0, 3)  # 3: too much is being explained already
    net.wait_until("there to be room again",
                   lambda: explain(server, "--no-ask", "www.example")[0] == 0, 60)


def test_a_stop_waits_for_no_story(holdfast, fake):
    server = holdfast({"dark": fake(fakes.silent).at}, startup={"verify": "off"})
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(server.conf["control"])
        client.sendall(b"explain www.example A ask\n")
        time.sleep(0.2)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 20


def decided(server, name, *words):
    code, story = told(server, "--no-ask", name, *words)
    return [row["decided"] for row in story["lately"]], story["lately"]


def test_what_was_decided_about_a_question_is_told_with_its_figures(holdfast, fake):
    a, b = fake(fakes.failing(2)), fake()
    server = holdfast({"a": a.at, "b": b.at}, startup={"verify": "off"})
    assert server.udp(NAME).rcode == 0
    kinds, rows = decided(server, NAME)
    assert kinds == ["ask", "reject", "retry", "answered"]
    assert [row["upstream"] for row in rows] == ["a", "a", "b", "b"]
    assert len({row["flight"] for row in rows}) == 1 and rows[0]["name"].startswith(NAME)
    assert "SERVFAIL" in rows[1]["says"] and "SERVFAIL" in rows[2]["says"]
    assert rows[-1]["b"] == 2 and rows[-1]["since_ms"] >= rows[0]["since_ms"] >= 0
    server.udp(NAME)  # a hit decides nothing
    assert decided(server, NAME)[0] == kinds
    assert decided(server, NAME, "AAAA")[0] == []  # another question
    _, text = explain(server, "--no-ask", NAME)
    assert "asked b over UDP, message 2" in text and "decided about it" in text


def test_a_failure_that_is_remembered_is_told_of(holdfast, fake):
    server = holdfast({"a": fake(fakes.failing(2)).at}, startup={"verify": "off"}, workers=1)
    assert server.udp(NAME).rcode == 2
    kinds, rows = decided(server, NAME)
    assert kinds == ["ask", "reject", "fail", "remember"]
    assert rows[-1]["a"] >= 1 and "RFC 9520" in rows[-1]["says"]
    assert server.udp(NAME).rcode == 2
    assert "fail_again" in decided(server, NAME)[0] or a_second_has_passed(server)


def a_second_has_passed(server):
    """On a slow machine the failure counted no more when it was asked for again."""
    return decided(server, NAME)[0].count("ask") > 1
