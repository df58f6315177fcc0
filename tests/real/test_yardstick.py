# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that the benchmark of speed is made of do what they say, and its
sums are right. A yardstick that nobody checks has any length. No time is judged
but from below."""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree

import pytest

import holdfast as under_test
import net

sys.path[1:1] = [os.path.join(under_test.ROOT, "bench", part) for part in ("yardstick", "stage")]
import bars         # noqa: E402 (the path comes first)
import callgrind    # noqa: E402
import driver       # noqa: E402
import entrants     # noqa: E402
import loads        # noqa: E402
import rig          # noqa: E402
import runs         # noqa: E402
import sections     # noqa: E402
import servers      # noqa: E402
import speedpage    # noqa: E402
import steadypage   # noqa: E402
import sums         # noqa: E402

PORT = 5302
SUFFIX = b"\5speed\7example\0"
QUESTION = b"\0\1\0\1"


@pytest.fixture(scope="module")
def programs():
    binary = under_test.binary()
    servers.Holdfast.binary = binary
    entrants.Reference.binary = os.path.join(os.path.dirname(binary), "bench", "yardstick")
    return entrants.Reference.binary


@pytest.fixture
def start(programs, tmp_path):
    """Starts one of the programs at an address of its own, which is returned."""
    started = []

    def one(name, *words):
        address = net.address()
        started.append(net.Process(name, [os.path.join(programs, "yard_" + name), address, str(PORT)] +
                                   [str(word) for word in words], str(tmp_path / (name + ".log"))))
        net.wait_until(name, lambda: bound(address))
        return address

    yield one
    for process in started:
        process.kill()


def bound(address):
    """Whether somebody has the UDP port at an address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, PORT))
            return False
        except OSError:
            return True


@pytest.fixture
def upstream(programs):
    made = rig.Upstream(os.path.join(programs, "yard_upstream"))
    made.asked()
    yield made
    made.end()


def load(programs, transport, address, port, *words):
    done = subprocess.run([os.path.join(programs, "yard_load"), transport, address, str(port)] + list(words),
                          stdout=subprocess.PIPE, timeout=60, check=True)
    return json.loads(done.stdout)


def query(number, ident=0x1234):
    return struct.pack("!6H", ident, 0x100, 1, 0, 0, 0) + b"\x0a%010d" % number + SUFFIX + QUESTION


def response(octets, address=None, rcode=0):
    """What an upstream says to a query of the load generator; by default the truth."""
    number = int(octets[13:23])
    truth = struct.pack("!I", 10 << 24 | (number * 2654435761 % 2**32) >> 8)
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + (address or truth)
    head = octets[:2] + struct.pack("!5H", 0x8180 | rcode, 1, rcode == 0, 0, 0)
    return head + octets[12:42] + (record if rcode == 0 else b"")


class Replier:
    """A server in a thread: `says(query, how many came before)` returns replies."""

    def __init__(self, says, asleep=0.0):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((net.address(), PORT))
        self.at, self.says, self.asleep, self.came = self.socket.getsockname(), says, asleep, []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        self.socket.settimeout(30)
        while True:
            octets, peer = self.socket.recvfrom(4096)
            if not octets:
                return
            if not self.came:
                time.sleep(self.asleep)
            self.came.append((octets, peer))
            for reply in self.says(octets, len(self.came) - 1):
                self.socket.sendto(reply, peer)

    def end(self):
        self.socket.sendto(b"", self.at)
        self.thread.join()
        self.socket.close()


@pytest.fixture
def replier():
    made = []

    def one(says, **how):
        made.append(Replier(says, **how))
        return made[-1]

    yield one
    for each in made:
        each.end()


# ---- the references ----

def test_the_echo_turns_the_qr_bit_on_and_nothing_else(start):
    address = start("echo")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect((address, PORT))
        client.send(query(7))
        assert client.recv(4096) == query(7)[:2] + b"\x81" + query(7)[3:]


def test_the_echo_answers_frames_however_they_are_cut(start):
    framed = b"".join(struct.pack("!H", 42) + query(n) for n in range(3))
    with socket.create_connection((start("echo"), PORT), 5) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in (framed[:1], framed[1:50], framed[50:]):
            client.sendall(part)
            time.sleep(0.02)
        got = b""
        while len(got) < len(framed):
            got += client.recv(4096)
    assert got == b"".join(struct.pack("!H", 42) + query(n)[:2] + b"\x81" + query(n)[3:] for n in range(3))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_relay_draws_ports_and_ids_and_gives_the_client_its_own_back(start, replier, programs, transport):
    behind = replier(lambda octets, _: [response(octets)])
    report = load(programs, transport, start("relay", *behind.at), PORT, "names=1000", "count=300")
    assert report["right"] == 300 and report["stray"] == 0
    ports = {peer[1] for _, peer in behind.came}
    idents = {octets[:2] for octets, _ in behind.came}
    assert len(ports) > 150 and len(idents) > 280   # of 1,024 and of 65,536, drawn 300 times


def test_the_relay_believes_once_and_only_the_right_id_from_the_upstream(start, replier):
    def says(octets, _):
        stranger.socket.sendto(response(octets, b"\1\1\1\1"), behind.came[-1][1])
        wrong = bytes([octets[0] ^ 1]) + octets[1:]
        return [response(wrong, b"\2\2\2\2"), response(octets), response(octets)]

    stranger, behind = replier(lambda *_: []), replier(says)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect((start("relay", *behind.at), PORT))
        client.send(query(9))
        assert client.recv(4096) == response(query(9))
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(4096)


def test_the_relay_says_nothing_to_a_connection_that_has_another_ones_place(start, replier):
    """The first client is gone when its answer comes; the second one has its place, and its own answer."""
    def says(octets, before):
        if before:
            first, peer = behind.came[0]
            behind.socket.sendto(response(first), peer)
        return [response(octets)] if before else []

    behind = replier(says)
    address = start("relay", *behind.at)
    with socket.create_connection((address, PORT), 5) as gone:
        gone.sendall(struct.pack("!H", 42) + query(1))
        net.wait_until("the first question", lambda: behind.came)
    time.sleep(0.1)     # the relay has read that it is gone
    with socket.create_connection((address, PORT), 5) as client:
        client.sendall(struct.pack("!H", 42) + query(2, 0x4321))
        client.settimeout(0.5)
        got = b""
        with pytest.raises(TimeoutError):
            while True:
                got += client.recv(4096)
    assert got == struct.pack("!H", len(response(query(2)))) + response(query(2, 0x4321))


# ---- the load generator and the upstream ----

@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_load_generator_believes_the_upstream(programs, upstream, transport):
    report = load(programs, transport, upstream.address, upstream.port, "names=100000", "count=20000")
    assert report["asked"] == report["right"] == 20000 == upstream.asked()
    assert report["failed"] == report["wrong"] == report["lost"] == report["stray"] == 0


def test_each_new_name_is_asked_for_once(programs, replier):
    server = replier(lambda octets, _: [response(octets)])
    load(programs, "udp", *map(str, server.at), "fresh=100", "from=5000", "count=500", "window=16")
    assert sorted(int(octets[13:23]) for octets, _ in server.came) == list(range(5000, 5500))


def test_some_in_a_hundred_are_new(programs, replier):
    server = replier(lambda octets, _: [response(octets)])
    load(programs, "udp", *map(str, server.at), "names=50", "fresh=10", "from=5000", "count=2000", "window=16")
    new = [octets for octets, _ in server.came if int(octets[13:23]) >= 5000]
    assert 100 < len(new) < 320


@pytest.mark.parametrize("says, verdict", [
    (lambda octets: response(octets, b"\x0a\1\2\3"), "wrong"),
    (lambda octets: response(octets)[:22] + b"x" + response(octets)[23:], "wrong"),
    (lambda octets: octets, "wrong"),
    (lambda octets: response(octets)[:40], "wrong"),
    (lambda octets: response(octets, rcode=2), "failed"),
    (lambda octets: response(octets)[:2] + b"\x83" + response(octets)[3:], "failed"),
], ids=["address", "question", "echo", "cut", "servfail", "truncated"])
def test_what_is_not_the_answer_is_told(programs, replier, says, verdict):
    server = replier(lambda octets, _: [says(octets)])
    report = load(programs, "udp", *map(str, server.at), "names=1000", "count=20")
    assert report[verdict] == 20 and report["right"] == 0


def from_a_zone(octets, rcode=0, aa=True, answer=0, authority=0):
    """What a server with authority says, in this many records."""
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4"
    head = octets[:2] + struct.pack("!5H", 0x8100 | aa << 10 | rcode, 1, answer, authority, 0)
    return head + octets[12:42] + record * (answer + authority)


@pytest.mark.parametrize("want, right, failed", [
    ("denial", {"rcode": 3, "authority": 2}, [{"rcode": 3}, {"authority": 2}, {"rcode": 3, "aa": False, "authority": 2}]),
    ("wild", {"answer": 1}, [{"answer": 1, "aa": False}, {"authority": 1}, {"rcode": 2}]),
    ("referral", {"aa": False, "authority": 1}, [{"authority": 1}, {"aa": False}, {"aa": False, "answer": 1, "authority": 1}]),
], ids=["denial", "wild", "referral"])
def test_what_zones_say_is_judged_by_what_is_wanted(programs, replier, want, right, failed):
    for said, verdict in [(right, "right")] + [(how, "failed") for how in failed]:
        server = replier(lambda octets, _, said=said: [from_a_zone(octets, **said)])
        report = load(programs, "udp", *map(str, server.at), "names=9", "count=5", "want=" + want, "secure=1")
        assert report[verdict] == 5, (said, report)
        assert all(octets[-4] & 0x80 for octets, _ in server.came)     # DO


def test_an_answer_to_nobody_ends_no_question(programs, replier):
    server = replier(lambda octets, _: [bytes([octets[0] ^ 0x40]) + response(octets)[1:]])
    report = load(programs, "udp", *map(str, server.at), "count=3")
    assert (report["stray"], report["lost"], report["right"]) == (3, 3, 0)


def test_whoever_must_be_answered_is_asked_again(programs, replier):
    server = replier(lambda octets, before: [response(octets, rcode=0 if before % 2 else 2)])
    report = load(programs, "udp", *map(str, server.at), "each=1", "names=40", "window=1")
    assert report["right"] == 40 and report["failed"] == 40


def test_a_closed_connection_is_opened_again(programs, upstream):
    """The server closes after three answers; what is open is asked once more."""
    listener = socket.create_server((net.address(), PORT))
    listener.settimeout(10)

    def serve():
        left = 30
        while left > 0:
            client, _ = listener.accept()
            for _ in range(min(3, left)):
                octets = client.recv(2 + 53, socket.MSG_WAITALL)[2:]
                client.sendall(struct.pack("!H", len(response(octets))) + response(octets))
                left -= 1
            client.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    report = load(programs, "tcp", *map(str, listener.getsockname()), "lanes=1", "window=2", "count=30",
                  "names=100")
    thread.join(10)
    listener.close()
    assert report["right"] == 30 and report["reconnects"] >= 9


def test_time_begins_when_a_question_was_to_be_asked(programs, replier):
    """The server sleeps for half a second and then answers all at once: those who
    would have asked meanwhile have waited, and the figures say so."""
    server = replier(lambda octets, _: [response(octets)], asleep=0.5)
    report = load(programs, "udp", *map(str, server.at), "rate=400", "seconds=0.5", "names=100")
    assert report["lost"] == 0 and 120 < report["asked"] < 300
    assert report["p50"] >= 150000 and report["p99"] >= 400000


def test_a_window_has_its_times_told_if_they_are_asked_for(programs, replier):
    """Of eight questions under way a server that stands still once delays eight."""
    server = replier(lambda octets, _: [response(octets)], asleep=0.5)
    words = [programs, "udp", *map(str, server.at), "names=100", "window=8", "lanes=1", "seconds=1"]
    timed = load(*words, "timed=1")
    assert timed["right"] == timed["asked"] > 20 and timed["longest"] >= 400000 > timed["p50"] > 0
    assert load(*words)["longest"] == 0


def test_a_load_generator_that_is_late_charges_itself(programs, replier):
    """It is stopped for half a second: whoever was to ask meanwhile has waited for it."""
    server = replier(lambda octets, _: [response(octets)])
    running = subprocess.Popen([os.path.join(programs, "yard_load"), "udp", *map(str, server.at), "rate=200",
                                "seconds=1.5", "names=100"], stdout=subprocess.PIPE)
    net.wait_until("the first question", lambda: server.came)
    running.send_signal(signal.SIGSTOP)
    time.sleep(0.5)
    running.send_signal(signal.SIGCONT)
    report = json.loads(running.communicate(timeout=60)[0])
    assert report["right"] == report["asked"] and report["p99"] >= 300000 and report["late_p99"] >= 300000


def test_who_is_never_answered_has_waited_two_seconds(programs, replier):
    report = load(programs, "udp", *map(str, replier(lambda *_: []).at), "rate=100", "seconds=0.3")
    assert report["lost"] == report["asked"] > 5 and report["p50"] == 2000000


# ---- a run, and its sums ----

def test_a_server_in_between_is_measured(programs, tmp_path, monkeypatch):
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs a processor for the server and one for who asks it")
    monkeypatch.setattr(rig.time, "sleep", lambda _: None)
    entrant = next(e for e in entrants.ENTRANTS if e.name == "holdfast")
    scene = loads.Load("hits-udp", "", names=300)
    result = runs.run(scene, entrant, programs, 0.3, False, lambda _: None)
    full = result["full"]
    # A hedge of what was asked to warm up may come late on a busy machine: of 300 names, not of hits.
    assert full["right"] == full["asked"] > 300 > 10 * full["upstream_asked"]
    assert full["server_cpu"] > 0 and result["half"]["right"] > 0


def made_up(server, turn, cpu, others=0.0, right=1000):
    part = {"asked": 1000, "right": right, "failed": 1000 - right, "wrong": 0, "lost": 0, "reconnects": 0,
            "server_cpu": cpu * right / 1e6, "user_share": 0.5, "cpu": 0.5, "upstream_cpu": 0.0,
            "upstream_asked": 0, "per_second": 1000.0, "seconds": 1.0, "others": others, "stolen": 0.0,
            "instructions": None, "p50": 1.0, "p99": 2.0, "p999": 3.0, "late_p50": 10.0,
            "late_p99": 20.0}
    return {"scene": "hits-udp", "server": server, "version": "1", "sizing": "-", "names": 10, "round": turn,
            "seconds": 1, "full": part, "half": part}


def quiet(**others):
    costs = {"bare echo": (1.0, 1.01), "holdfast": (1.5, 1.6), "unbound": (3.0, 3.1), "bind": (2.0, 2.5)}
    return [made_up(server, turn, cpu, **others) for server, both in costs.items()
            for turn, cpu in enumerate(both)]


def test_ratios_are_formed_within_rounds_and_the_best_peer_is_found():
    of = sums.Sums(loads.LOADS[0], quiet())
    assert of.best_peer.server == "bind"
    assert of.ours.ratio_to(of.reference).values == pytest.approx([1.5, 1.6 / 1.01])
    assert "less than it" in of.verdict()


def test_who_does_not_do_the_work_is_compared_with_nobody():
    results = quiet() + [made_up("dnsdist", turn, 0.1, right=900) for turn in (0, 1)]
    assert sums.Sums(loads.LOADS[0], results).best_peer.server == "bind"


def test_others_are_all_that_is_not_known():
    before, gone = {"ours": 9.0, "another": 1.0, "gone": 5.0}, {"ours": 9.0, "another": 1.0}
    after = {"ours": 11.0, "another": 1.5, "new": 0.5}
    assert rig.shares((before, 1.0), (after, 1.1), 2.0, 2.0) == {"others": 0.5, "stolen": 0.05}
    assert rig.shares((before, 1.0), (gone, 1.0), 2.0, 2.0) == {"others": 0.0, "stolen": 0.0}


def test_a_noisy_machine_gets_no_verdict():
    assert "Too noisy" in sums.Sums(loads.LOADS[0], quiet(others=0.05)).verdict()
    unsteady = [run for run in quiet() if run["server"] != "bare echo"]
    unsteady += [made_up("bare echo", turn, cpu) for turn, cpu in enumerate((1.0, 1.1))]
    assert "Too noisy" in sums.Sums(loads.LOADS[0], unsteady).verdict()


def test_a_disturbed_run_is_done_again_and_the_calmest_counts():
    def outcome(*shares):
        todo = iter([made_up("bind", 0, 1.0, others=share) for share in shares])
        result = runs.calmest(lambda: next(todo), 3)
        return result["full"]["others"], result["again"]
    assert outcome(0.0) == (0.0, 0)
    assert outcome(0.2, 0.01) == (0.01, 1)
    assert outcome(0.2, 0.1, 0.3, 0.0) == (0.1, 2)
    text = speedpage.whole([{**run, "again": 1} for run in quiet()])
    assert "Runs were done again 8 times because others disturbed the machine" in text


def test_only_those_whom_the_verdict_speaks_of_can_make_it_void():
    worst = [made_up("unbound", turn, cpu, others=0.1) for turn, cpu in enumerate((3.0, 3.1))]
    results = [run for run in quiet() if run["server"] != "unbound"] + worst
    assert "less than it" in sums.Sums(loads.LOADS[0], results).verdict()
    assert "While unbound was measured, others used 10 % of a core." in speedpage.whole(results)


def test_whose_socket_was_full_is_told_apart(programs):
    """Of the server's, the kernel's table tells; of the load's, the load."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((net.address(), PORT))
        before = rig.dropped(*server.getsockname())
        report = load(programs, "udp", *map(str, server.getsockname()), "rate=20000", "seconds=0.3", "lanes=1")
        fell = rig.dropped(*server.getsockname()) - before
        assert report["lost"] == report["asked"] > fell > 1000 and report["dropped"] == 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((net.address(), PORT))
        running = subprocess.Popen([os.path.join(programs, "yard_load"), "udp", *map(str, server.getsockname()),
                                    "rate=100", "seconds=0.5", "lanes=1"], stdout=subprocess.PIPE)
        octets, client = server.recvfrom(512)
        running.send_signal(signal.SIGSTOP)
        for _ in range(1200):    # its room is 16 MiB, doubled
            server.sendto(octets + bytes(60000), client)
        running.send_signal(signal.SIGCONT)
        assert json.loads(running.communicate(timeout=60)[0])["dropped"] > 100


def test_the_page_and_the_plot_name_everybody():
    results = quiet()
    page, picture = speedpage.whole(results), bars.whole(results)
    xml.etree.ElementTree.fromstring(picture)
    for server in ("bare echo", "holdfast", "unbound", "bind"):
        assert "| %s |" % server in page and ">%s</text>" % server in picture


def test_time_in_user_space_is_its_share_of_each_runs_cpu():
    ours = sums.Sums(loads.LOADS[0], quiet()).ours
    assert ours.figure(sums.user_of).values == pytest.approx([0.75, 0.8])
    assert "| holdfast | 1,000 | 0 | 1.55 (1.50..1.60) | 50 | 0.78 |" in speedpage.whole(quiet())


def test_who_is_not_in_a_table_is_named_with_the_reason():
    results = [run for run in quiet() if (run["server"], run["round"]) != ("bind", 1)]
    results.append({"scene": "hits-udp", "server": "dnsdist", "round": 0, "seconds": 1, "error": "not installed"})
    page = speedpage.whole(results)
    assert "Did not take part: knot-resolver, pdns-recursor, dnsmasq (not run); dnsdist (not installed)." in page
    assert "Not all were measured in as many rounds: bind in 1; bare echo, holdfast, unbound in 2." in page
    assert "dnsdist" not in bars.whole(results)
    assert "Not all were" not in speedpage.whole(quiet())


def slices(*p999, others=0.0):
    return [{"p999": time, "longest": 2 * time, "per_second": 1000.0, "asked": 5000, "lost": 1, "failed": 0, "wrong": 0,
             "server_dropped": 7, "upstream_dropped": 0, "dropped": 2, "memory": 3 * 2**20, "others": others, "stolen": 0.0} for time in p999]


def minutes(name, others):
    return {"name": name, "calm": slices(100.0, 110.0, 120.0), "reloads": [0.004, 0.002], "scrapes": [0.001],
            "disturbed": slices(90.0, 219.0, 221.0, 500.0) + slices(230.0, 100.0, others=others), "faults": []}


def test_slices_far_above_the_calm_are_told_by_whether_the_machine_was_quiet():
    text = steadypage.table([minutes("full load", 0.5), minutes("at random moments", 0.0)])
    assert "| above 2 x the calm, nobody disturbing from outside | 2 of 4 | 3 of 6 |" in text
    assert "| above 2 x the calm, disturbed from outside | 1 of 2 | 0 of 0 |" in text
    assert "| p99.9, the worst slices | 500; 230; 221; 219; 100 | 500; 230; 221; 219; 100 |" in text
    assert "| found a socket full: the server's, the upstream's, the load's | 42; 0; 12 | 42; 0; 12 |" in text
    assert "| lost | 6 | 6 |" in text and "| 2: 3.0, 4 |" in text and "Too noisy" not in text
    busy = {**minutes("full load", 0.5), "calm": slices(100.0, 100.0, others=0.5)}
    assert "**Too noisy to tell** (full load): others used 50 % of a core" in steadypage.table([busy])


def test_each_part_of_the_page_outlives_the_others(tmp_path):
    page = tmp_path / "speed.md"
    page.write_text(speedpage.whole(quiet()))
    driver.put(str(page), "| first |\n", 20000)
    how = {"cache": 16, "names": 10, "slice": 5, "window": 128, "share": 80}
    sections.put(str(page), steadypage.HEADING, steadypage.section([minutes("full load", 0.0)], **how))
    driver.put(str(page), "| second |\n", 20000)
    text = page.read_text()
    assert "| first |" not in text and text.count("| second |") == 1 and text.count("\n## Ten minutes\n") == 1
    assert text.index(driver.HEADING) < text.index(steadypage.HEADING) and "At random moments" not in text
    assert speedpage.whole(quiet()) + sections.kept(str(page)) == text
    assert speedpage.whole([]) + sections.kept(str(page)) != text


def test_instructions_are_charged_to_the_file_that_they_were_written_in(tmp_path):
    (tmp_path / "profile").write_text(
        "events: Ir\nob=(1) /x/holdfast\nfl=(1) ../src/serve/respond.c\nfn=(1) hf_respond\n10 5\n"
        "fi=(2) ../src/wire/name.h\n3 7\nfe=(1)\ncfn=(2) memcpy\ncob=(2) /lib/libc.so.6\ncalls=1 0\n11 100\n+1 2\n"
        "ob=(2)\nfl=(3) ???\nfn=(2)\n0 100\n")
    places, functions = callgrind.read(str(tmp_path / "profile"))
    assert places == {"serve": 7, "wire": 7, "libc": 100}
    assert functions["hf_respond", "wire"] == 7
