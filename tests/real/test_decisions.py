# SPDX-License-Identifier: GPL-3.0-or-later
"""test_decisions.py - what was decided lately, from all workers, in order of time."""
import json
import re

import pytest

import fake as fakes
import holdfast as under_test

pytestmark = pytest.mark.own

NAMES = ["n%d.shop.example" % i for i in range(24)]


def decisions(server, *words):
    return under_test.run_verb("decisions", "-c", server.path, *words)


def told(server, *words):
    code, text = decisions(server, "--json", *words)
    assert code == 0, text
    return json.loads(text)


def names(found):
    return {row["name"] for row in found["decisions"]}


@pytest.fixture
def asked(holdfast, fake):
    """Two workers, two routes; of 24 names some belong to each worker."""
    server = holdfast({"a": fake().at, "dead": fake(fakes.servfail).at},
                      forward=[{"zone": ".", "to": ["a"]}, {"zone": "dead.example", "to": ["dead"]}],
                      workers=2)
    for name in NAMES:
        assert server.udp(name).rcode == 0
    assert server.udp("www.dead.example").rcode == 2
    return server


def test_the_lines_of_all_workers_are_told_in_order_of_time(asked):
    found = told(asked, "--last", "200")
    assert found["workers"] == 2 and found["silent_workers"] == 0
    rows = found["decisions"]
    assert {row["worker"] for row in rows} == {0, 1}
    assert names(found) == set(NAMES) | {"www.dead.example"}
    ages = [row["ago_ms"] for row in rows]
    assert ages == sorted(ages, reverse=True)
    answered = [row["name"] for row in rows if row["decided"] == "answered" and row["upstream"] == "a"]
    assert answered == NAMES  # one after another, whichever worker they belong to
    assert [row["name"] for row in told(asked, "-n", "3")["decisions"]] == \
        [row["name"] for row in rows[-3:]]
    code, text = decisions(asked)
    assert code == 0 and "n23.shop.example A: a answered the first message" in text


def test_times_have_the_decimals_that_they_need(asked):
    code, text = decisions(asked, "--json", "--last", "200")
    times = re.findall(r'"(?:ago|since)_ms": *([-0-9.e+]+)', text)
    assert code == 0 and len(times) >= 2 * len(NAMES)
    assert all(re.fullmatch(r"\d+\.\d\d?", time) for time in times), times


def test_the_last_fifty_are_told_unless_more_are_wanted(asked):
    for i in range(60):
        assert asked.udp("m%d.shop.example" % i).rcode == 0
    rows = told(asked, "-n", "1000")["decisions"]
    assert names({"decisions": rows}) > {"m%d.shop.example" % i for i in range(60)} | set(NAMES)
    assert told(asked)["decisions"][-1]["name"] == "m59.shop.example"
    assert len(told(asked)["decisions"]) == len(decisions(asked)[1].splitlines()) == 50 < len(rows)


def test_upstream_route_name_and_client_are_filters(asked):
    assert names(told(asked, "--upstream", "dead")) == {"www.dead.example"}
    assert names(told(asked, "--route", "dead.example")) == {"www.dead.example"}
    assert names(told(asked, "--route", ".")) == set(NAMES)
    assert names(told(asked, "n7.shop.example")) == {"n7.shop.example"}
    assert names(told(asked, "Shop.Example")) == set(NAMES)
    asked.udp("other.example", source="127.0.0.9")
    assert names(told(asked, "--client", "127.0.0.9")) == {"other.example"}
    assert "other.example" not in names(told(asked, "--client", "127.0.0.1", "-n", "200"))
    code, text = decisions(asked, "nobody.example")
    assert code == 0 and "nothing was decided lately" in text


def test_an_answer_from_a_remembered_failure_has_its_client(asked):
    assert asked.udp("www.dead.example", source="127.0.0.9").rcode == 2
    found = told(asked, "--client", "127.0.0.9")
    assert names(found) == {"www.dead.example"}
    assert found["decisions"][-1]["decided"] == "fail_again"


def test_a_wish_that_is_wrong_is_told_what_is_right(asked):
    for words, why in ((["--upstream", "nobody"], "no upstream"), (["--route", "x.example"], "no"),
                       (["--client", "here"], "no address"), (["-n", "1001"], "from 1 to 1000"),
                       (["-n", "0"], "from 1 to 1000"), (["-u", "u" * 1021], "is no upstream"),
                       (["a..b"], "no domain name")):
        code, text = decisions(asked, *words)
        assert code == 2 and why in text, words


def test_the_same_comes_over_http(asked):
    status, body, _ = asked.get("/api/v1/decisions?route=dead.example&last=10")
    assert status == 200
    rows = json.loads(body)["decisions"]
    assert {row["name"] for row in rows} == {"www.dead.example"} and len(rows) <= 10
    status, body, _ = asked.get("/api/v1/decisions?name=%6e7.shop.example")
    assert status == 200 and {row["name"] for row in json.loads(body)["decisions"]} == {"n7.shop.example"}
    for wrong in ("?last=0", "?name=%00", "?colour=red", "?client=%zz", "?upstream"):
        assert asked.get("/api/v1/decisions" + wrong)[0] == 400, wrong
