# SPDX-License-Identifier: GPL-3.0-or-later
"""test_status.py - the page that `holdfast status` prints, for people in a hurry."""
import json
import re

import pytest

import holdfast as under_test
import net
import spaces

pytestmark = pytest.mark.own


def status(server, *words):
    code, text = under_test.run_verb("status", "-c", server.path, *words)
    return text if code == 0 else None


def row(text, upstream):
    """A line of the table: the upstream, its state, and the other columns."""
    line = next(line for line in text.splitlines() if line.split()[:1] == [upstream])
    return [cell.strip() for cell in re.split("  +", line.strip())]


def test_a_healthy_upstream_is_in_use_and_not_closed(holdfast, fake):
    server = holdfast({"a": fake().at}, startup={"verify": "off"})
    assert server.udp("www.example").rcode == 0
    text = status(server)
    assert row(text, "a")[1] == "in use" and "closed" not in text
    one, = json.loads(status(server, "--json"))["upstreams"]
    assert one["state"] == "closed"  # what programs read stays as it is


@pytest.fixture
def nowhere(holdfast):
    """A server in a network of its own, from which no route leads to its upstream."""
    if not spaces.possible():
        pytest.skip("needs a network of its own")
    name = "www.example"
    server = holdfast({"far": "192.0.2.1"}, start=False, startup={"verify": "warn"},
                      expect=[{"name": name, "addresses": ["192.0.2.0/24", "2001:db8::/32"]}])
    server.spawn(["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"] +
                 server.argv())
    net.wait_until("its status", lambda: status(server) is not None, 60)
    return server


def test_what_cannot_be_sent_is_a_failure_of_the_upstream(nowhere):
    def rests():
        under_test.run_verb("explain", "-c", nowhere.path, "www.example")
        return row(status(nowhere), "far")[1] == "rests"
    net.wait_until("the upstream to rest", rests, 60)
    one, = json.loads(status(nowhere, "--json"))["upstreams"]
    assert one["state"] == "open" and one["packets_in"] == 0
    assert one["errors"] == one["packets_out"] >= 1
    assert int(row(status(nowhere), "far")[-1]) >= one["errors"]


def test_at_the_start_only_answers_are_counted_as_answers(nowhere):
    said = lambda: [line for line in nowhere.process.output().splitlines()
                    if "have been asked for the names with expectations" in line]
    net.wait_until("what came of it", said, 30)
    assert re.search(r" asked=[1-9]\d* answers=0 ", said()[0])
