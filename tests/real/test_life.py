# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, reload, drain, death and rebirth."""
import json
import os
import random
import re
import signal
import socket
import sys
import threading
import time

import pytest

import ask
import fake as fakes
import holdfast as under_test
import net
import wire

pytestmark = pytest.mark.own
PORT = under_test.PORT
KILLS = int(os.environ.get("HOLDFAST_KILLS", "20"))


class Load:
    """Asks without pause until told to stop, a few questions in the air at once,
    and remembers every one that was not answered well."""

    def __init__(self, server, name="load%d.example.", window=8):
        self.server, self.name, self.window = server, name, window
        self.answered, self.wrong, self.stopping = 0, [], threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        net.wait_until("the load to flow", lambda: self.answered > 50, 60)
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()

    def _run(self):
        sent = 0
        with self.server.udp_client() as client:
            while not self.stopping.is_set():
                ids = range(sent, sent + self.window)
                sent += self.window
                for i in ids:
                    client.send(wire.query(self.name % (i % 3000), id=i % 65536))
                replies = client.drain(self.window)
                self.answered += len(replies)
                if len(replies) < self.window:
                    self.wrong.append("%d of %d lost" % (self.window - len(replies), self.window))
                for m in map(wire.Message, replies):
                    if m.rcode or not m.answer:
                        self.wrong.append(repr(m))


# --- reload ----------------------------------------------------------------------

@pytest.mark.parametrize("how", ["SIGHUP", "verb"])
def test_reloading_under_load_loses_no_question_and_keeps_the_cache(fake, holdfast, how):
    upstream = fake()
    server = holdfast({"a": upstream.at})
    assert server.udp("kept.example.").addresses()
    with Load(server) as load:
        for i in range(10):
            server.conf["tcp"] = {"idle": "%ds" % (i + 1)}
            server.write()
            if how == "verb":
                code, said = server.reload()
                assert code == 0, said
            else:
                server.hangup()
            time.sleep(0.1)
        before = load.answered
        net.wait_until("the load to go on", lambda: load.answered > before + 100, 60)
    assert not load.wrong, load.wrong[:5]
    assert server.udp("kept.example.").addresses()
    assert upstream.count("kept.example.") == 1


def test_a_reload_changes_where_questions_go(fake, holdfast):
    a, b = fake(), fake(lambda q: fakes.honest(q, base=20))
    server = holdfast({"a": a.at, "b": b.at}, forward=[{"zone": ".", "to": ["a"]}])
    assert server.udp("one.example.").addresses()[0].startswith("10.")
    server.conf["forward"] = [{"zone": ".", "to": ["b"]}]
    server.write()
    assert server.reload()[0] == 0
    assert server.udp("two.example.").addresses()[0].startswith("20.")
    assert b.count() == 1


def test_a_question_under_way_survives_a_reload(fake, holdfast):
    server = holdfast({"a": fake(fakes.after(0.6, fakes.honest)).at})
    with server.udp_client() as over_udp, server.tcp_client() as over_tcp:
        over_udp.send(wire.query("flying.example."))
        over_tcp.send(wire.query("sailing.example."))
        time.sleep(0.1)
        assert server.reload()[0] == 0
        assert wire.Message(over_udp.receive()).addresses()
        assert wire.Message(over_tcp.receive()).addresses()


def test_a_question_under_way_survives_its_upstream_being_removed(fake, holdfast):
    a, b = fake(fakes.after(0.6, fakes.honest)), fake()
    server = holdfast({"a": a.at, "b": b.at}, forward=[{"zone": ".", "to": ["a"]}])
    with server.udp_client() as client:
        client.send(wire.query("orphan.example."))
        time.sleep(0.1)
        del server.conf["upstreams"]["a"]
        server.conf["forward"] = [{"zone": ".", "to": ["b"]}]
        server.write()
        assert server.reload()[0] == 0
        assert wire.Message(client.receive()).rcode == 0


BAD = """listen: { dns: [%(address)s:5300] }
workers: 2
upstream:
  a: { address: %(upstream)s }
forward: [ { zone: ".", to: [nobody] } ]
cache: { size: elephant }
"""


def test_a_bad_file_changes_nothing_and_the_verb_says_why(fake, holdfast):
    upstream = fake()
    server = holdfast({"a": upstream.at})
    server.write(BAD % {"address": server.address, "upstream": upstream.at})
    code, said = server.reload()
    assert code == 2
    for line in (3, 5, 6):
        assert re.search(re.escape(server.path) + r":%d:\d+: " % line, said), said
    assert "upstreams" in said, "the nearest valid word"
    assert server.udp("after-bad.example.").addresses()


def test_a_bad_file_changes_nothing_on_sighup_and_the_log_says_why(fake, holdfast):
    upstream = fake()
    server = holdfast({"a": upstream.at})
    server.write(BAD % {"address": server.address, "upstream": upstream.at})
    server.hangup()
    net.wait_until("the log to name the line", lambda: re.search(
        r"holdfast\.yaml:3:\d+", server.process.output()), 60)
    assert server.udp("after-bad.example.").addresses()


@pytest.mark.parametrize("text", ["", "listen: [", "\0\0\0", "- 1\n- 2\n", "workers: 2\nworkers: 3\n",
                                  "listen: {dns: [999.1.2.3:53]}", "cache: {size: 1TiB}\nx: y\n"],
    ids=["empty", "cut short", "zeros", "a list", "a key twice", "no address", "unknown key"])
def test_no_file_content_harms_the_running_server(fake, holdfast, text):
    server = holdfast({"a": fake().at})
    server.write(text)
    code, said = server.reload()
    if text or code:  # an empty file is all defaults, whose addresses may be taken or not
        assert code == 2 if text else code == 3, said
        assert server.udp("still.example.").addresses()
    server.write()
    assert under_test.run_verb("reload", "-s", server.conf["control"])[0] == 0
    assert server.udp("again.example.").addresses()


def test_a_missing_file_changes_nothing(fake, holdfast):
    server = holdfast({"a": fake().at})
    os.unlink(server.path)
    code, said = under_test.run_verb("reload", "-s", server.conf["control"])
    assert code in (2, 3) and said.strip()
    assert server.udp("still.example.").addresses()
    server.write()


def test_reload_finds_the_server_by_its_socket_too(fake, holdfast):
    server = holdfast({"a": fake().at})
    assert under_test.run_verb("reload", "-s", server.conf["control"])[0] == 0


def test_reload_without_a_server_says_that_it_reached_none(fake, holdfast):
    server = holdfast({"a": fake().at}, start=False)
    code, said = server.reload()
    assert code == 3 and said.strip()


def test_an_address_that_is_added_is_served_and_one_that_is_removed_is_not(fake, holdfast):
    server = holdfast({"a": fake().at})
    added = net.address()
    server.conf["listen"]["dns"].append("%s:%d" % (added, PORT))
    server.write()
    assert server.reload()[0] == 0
    for at in (server.address, added):
        assert ask.udp(at, PORT, wire.query("added.example.")).addresses()
        assert ask.tcp(at, PORT, wire.query("added.example.")).addresses()
    server.conf["listen"]["dns"] = ["%s:%d" % (added, PORT)]
    server.write()
    assert server.reload()[0] == 0
    assert ask.udp(added, PORT, wire.query("added.example.")).addresses()
    net.wait_until("the removed address to be closed",
                   lambda: not net.accepts(server.address, PORT), 60)
    assert ask.udp(server.address, PORT, wire.query("added.example."), 0.5) is None


def test_an_address_that_cannot_be_bound_changes_nothing(fake, holdfast):
    server = holdfast({"a": fake().at})
    server.conf["listen"]["dns"].append("192.0.2.1:%d" % PORT)  # nobody's here
    server.write()
    code, said = server.reload()
    assert code in (2, 3) and "192.0.2.1" in said
    assert server.udp("still.example.").addresses()


def test_what_is_odd_about_the_file_is_a_line_of_the_log_at_the_start_too(fake, holdfast):
    up = fake()
    server = holdfast({"a": up.at, "b": up.at}, log={"format": "json"})
    rows = [json.loads(line) for line in server.process.output().splitlines()]
    odd = [row for row in rows if "the one cannot stand in for the other" in row["message"]]
    assert len(odd) == 1 and odd[0]["level"] == "warning"


def test_a_change_that_needs_a_restart_is_said_to(fake, holdfast):
    server = holdfast({"a": fake().at})
    server.conf["cache"]["size"] = "32MiB"
    server.write()
    code, said = server.reload()
    assert code == 0 and "cache" in said and "size" in said and "restart" in said


def test_many_reloads_leave_nothing_behind(fake, holdfast):
    server = holdfast({"a": fake().at})
    fds = lambda: len(os.listdir("/proc/%d/fd" % server.pid))
    for _ in range(10):
        assert server.reload()[0] == 0
    before = net.rss(server.pid), fds()
    for _ in range(60):
        server.hangup()
        time.sleep(0.01)
    assert server.reload()[0] == 0
    assert server.udp("many.example.").addresses()
    net.wait_until("descriptors to be closed", lambda: fds() <= before[1] + 2, 60)
    assert net.rss(server.pid) - before[0] < 8 << 20


# --- the end -----------------------------------------------------------------------

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_question_under_way_is_answered_before_the_end(fake, holdfast, number):
    upstream = fake(fakes.after(1.0, fakes.honest))
    server = holdfast({"a": upstream.at})
    with server.udp_client() as over_udp, server.tcp_client() as over_tcp:
        over_udp.send(wire.query("drain.example."))
        over_tcp.send(wire.query("drain-tcp.example."))
        net.wait_until("both to be asked", lambda: len(upstream.seen) >= 2, pause=0.001)
        server.process.signal(number)
        assert wire.Message(over_udp.receive()).addresses()
        assert wire.Message(over_tcp.receive()).addresses()
        assert server.process.popen.wait(30) == 0
    server.process = None


def test_an_idle_server_ends_at_once(fake, holdfast):
    server = holdfast({"a": fake().at}, drain="5m")
    with server.tcp_client() as idle:
        assert idle.ask(wire.query("localhost."))
        assert server.stop() == 0  # within what `stop` waits for, far from five minutes


def test_draining_has_an_end(fake, holdfast):
    server = holdfast({"a": fake(fakes.silent).at}, drain="500ms")
    with server.udp_client() as client:
        client.send(wire.query("never.example."))
        time.sleep(0.2)
        start = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - start < 4  # the question would live for 4.5 s


def test_it_starts_again_at_once_where_it_just_stopped(fake, holdfast):
    server = holdfast({"a": fake().at})
    for _ in range(5):
        assert server.tcp("again.example.").addresses()
        assert server.stop() == 0
        server.start()
    assert server.udp("again.example.").addresses()


# --- systemd -----------------------------------------------------------------------

class Notify:
    """The socket that systemd would listen on."""

    def __init__(self, directory):
        self.path = os.path.join(str(directory), "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.messages = []

    def wait_for(self, line, seconds=30):
        end = time.monotonic() + seconds
        while True:
            for i, m in enumerate(self.messages):
                if line in m:
                    return self.messages.pop(i)
            self.socket.settimeout(max(end - time.monotonic(), 0.01))
            try:
                self.messages.append(self.socket.recv(4096).decode().splitlines())
            except socket.timeout:
                raise AssertionError("no %s, but %s" % (line, self.messages))


@pytest.fixture
def notify(tmp_path):
    n = Notify(tmp_path)
    yield n
    n.socket.close()


def test_systemd_hears_ready_reloading_and_stopping(fake, holdfast, notify):
    server = holdfast({"a": fake().at}, env={"NOTIFY_SOCKET": notify.path})
    notify.wait_for("READY=1")
    before = time.clock_gettime(time.CLOCK_MONOTONIC)
    server.hangup()
    m = notify.wait_for("RELOADING=1")
    stamp = [int(l.split("=")[1]) for l in m if l.startswith("MONOTONIC_USEC=")]
    assert stamp and before - 0.1 <= stamp[0] / 1e6 <= time.clock_gettime(time.CLOCK_MONOTONIC)
    notify.wait_for("READY=1")
    server.write(BAD % {"address": server.address, "upstream": "127.0.0.1:1"})
    server.hangup()
    notify.wait_for("RELOADING=1")
    notify.wait_for("READY=1")  # a bad file: reloading is over all the same
    assert server.stop() == 0
    notify.wait_for("STOPPING=1")


def test_ready_means_that_questions_are_answered(fake, holdfast, notify):
    server = holdfast({"a": fake().at}, start=False, env={"NOTIFY_SOCKET": notify.path})
    server.spawn()
    notify.wait_for("READY=1")
    assert server.udp("ready.example.").addresses() and server.tcp("ready.example.").addresses()
    assert server.get("/ready")[0] == 200


def test_an_abstract_notify_socket_works_too(fake, holdfast):
    name = "holdfast-notify-%d" % os.getpid()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind("\0" + name)
        s.settimeout(60)
        holdfast({"a": fake().at}, env={"NOTIFY_SOCKET": "@" + name})
        assert b"READY=1" in s.recv(4096)


def test_the_watchdog_is_fed_in_time(fake, holdfast, notify):
    server = holdfast({"a": fake().at}, start=False, env={"NOTIFY_SOCKET": notify.path,
                                                         "WATCHDOG_USEC": "3000000"})
    server.spawn()
    notify.wait_for("READY=1")
    times = []
    for _ in range(3):
        notify.wait_for("WATCHDOG=1")
        times.append(time.monotonic())
    assert max(b - a for a, b in zip(times, times[1:])) < 3


def test_no_watchdog_no_messages(fake, holdfast, notify):
    holdfast({"a": fake().at}, env={"NOTIFY_SOCKET": notify.path})
    notify.wait_for("READY=1")
    with pytest.raises(AssertionError):
        notify.wait_for("WATCHDOG=1", 0.7)


def launcher(server, mode):
    return [sys.executable, os.path.join(os.path.dirname(__file__), "launcher.py"), server.address,
            str(PORT), mode] + server.argv()


def test_sockets_of_systemd_are_used_and_questions_sent_before_the_start_answered(fake, holdfast):
    """A restart behind socket activation loses nothing: what came in between
    waits in the sockets."""
    server = holdfast({"a": fake().at}, start=False)
    server.spawn(launcher(server, "wait"))
    net.wait_until("the sockets", lambda: "bound" in server.process.output(), 60)
    with server.udp_client() as udp, server.tcp_client() as tcp:
        udp.send(wire.query("early.example."))
        tcp.send(wire.query("early-tcp.example."))
        assert wire.Message(udp.receive(20)).addresses()
        assert wire.Message(tcp.receive(20)).addresses()
    assert server.udp("later.example.").addresses() and server.tcp("later.example.").addresses()


def test_sockets_of_systemd_survive_a_reload(fake, holdfast):
    server = holdfast({"a": fake().at}, start=False)
    server.start(launcher(server, "now"))
    server.conf["tcp"] = {"idle": "3s"}
    server.write()
    with Load(server) as load:
        assert server.reload()[0] == 0
        time.sleep(0.2)
    assert not load.wrong, load.wrong[:3]
    assert server.tcp("after.example.").addresses()


def test_sockets_that_are_for_another_process_are_left_alone(fake, holdfast):
    server = holdfast({"a": fake().at}, start=False)
    server.start(launcher(server, "foreign"))
    assert server.udp("foreign.example.").addresses()


# --- kill -9 -------------------------------------------------------------------------

def again(server):
    """After a kill: starts and answers."""
    server.start()
    assert server.udp("phoenix.example.").addresses()
    assert server.tcp("phoenix.example.").addresses()


def test_killed_while_starting_it_starts_again(fake, holdfast):
    server = holdfast({"a": fake().at}, start=False)
    for _ in range(KILLS):
        server.spawn()
        time.sleep(random.uniform(0, 0.06))
        server.kill()
    again(server)


def test_killed_while_answering_it_starts_again(fake, holdfast):
    server = holdfast({"a": fake(fakes.after(0.01, fakes.honest)).at})
    for i in range(KILLS):
        with server.udp_client() as udp, server.tcp_client() as tcp:
            queries = [wire.query("k%d-%d.example." % (i, j)) for j in range(50)]
            for m in queries:
                udp.send(m)
            tcp.send(*queries)
            time.sleep(random.uniform(0, 0.03))
            server.kill()
        server.start()
    assert server.udp("phoenix.example.").addresses()


def test_killed_while_reloading_it_starts_again(fake, holdfast):
    server = holdfast({"a": fake().at})
    for _ in range(KILLS):
        for _ in range(random.randint(1, 3)):
            server.hangup()
        time.sleep(random.uniform(0, 0.02))
        server.kill()
        server.start()
    assert server.udp("phoenix.example.").addresses()
    assert server.reload()[0] == 0, "the control socket of the dead one is in nobody's way"


# --- usage ---------------------------------------------------------------------------

def test_a_port_that_is_taken_is_named_and_the_exit_code_says_so(fake, holdfast):
    server = holdfast({"a": fake().at}, start=False)
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as taken:
            taken.bind((server.address, PORT))
            if kind == socket.SOCK_STREAM:
                taken.listen()
            code, said = under_test.run_verb("run", "-c", server.path)
            assert code in (2, 3), said
            assert "%s:%d" % (server.address, PORT) in said and "in use" in said, said
            assert not under_test.FATAL.search(said) and len(said.splitlines()) < 20


def test_a_taken_http_port_is_named_too(fake, holdfast):
    server = holdfast({"a": fake().at}, start=False)
    with socket.socket() as taken:
        taken.bind((server.http, 9153))
        taken.listen()
        code, said = under_test.run_verb("run", "-c", server.path)
        assert code in (2, 3) and server.http in said, said


def test_two_servers_do_not_share_an_address_by_accident(fake, holdfast):
    """SO_REUSEPORT is for our own workers, not for a second server."""
    first = holdfast({"a": fake().at})
    second = holdfast({"a": fake().at}, address=first.address, start=False)
    code, said = under_test.run_verb("run", "-c", second.path, timeout=60)
    assert code in (2, 3) and first.address in said, said


def test_check_accepts_a_good_file_and_says_nothing_bad(fake, holdfast):
    server = holdfast({"a": fake().at}, start=False)
    code, said = under_test.run_verb("check", "-c", server.path)
    assert code == 0 and "error" not in said


def test_check_names_every_fault_of_a_bad_file(fake, holdfast):
    server = holdfast({"a": fake().at}, start=False)
    server.write(BAD % {"address": server.address, "upstream": "127.0.0.1:1"})
    code, said = under_test.run_verb("check", "-c", server.path)
    assert code == 2
    for line in (3, 5, 6):
        assert re.search(r":%d:\d+: error: " % line, said), said


def test_check_p_prints_what_was_understood(fake, holdfast):
    server = holdfast({"a": fake().at}, start=False)
    code, said = under_test.run_verb("check", "-p", "-c", server.path)
    assert code == 0 and "ttl-max" in said and "default" in said and server.address in said


def test_what_check_p_prints_is_itself_a_good_file(fake, holdfast, tmp_path):
    server = holdfast({"a": fake().at}, start=False)
    code, said = under_test.run_verb("check", "-p", "-c", server.path)
    path = tmp_path / "printed.yaml"
    path.write_text(said)
    assert code == 0
    code, complaints = under_test.run_verb("check", "-c", str(path))
    assert code == 0, complaints


def test_run_with_a_bad_file_exits_2_and_names_the_lines(fake, holdfast):
    server = holdfast({"a": fake().at}, start=False)
    server.write(BAD % {"address": server.address, "upstream": "127.0.0.1:1"})
    code, said = under_test.run_verb("run", "-c", server.path)
    assert code == 2 and re.search(r":3:\d+: error: ", said)


def test_a_file_that_is_not_there_is_said_in_words():
    for verb in ("run", "check"):
        code, said = under_test.run_verb(verb, "-c", "/nowhere/holdfast.yaml")
        assert code in (2, 3) and "/nowhere/holdfast.yaml" in said and "No such file" in said


def test_version_tells_its_name_and_number():
    code, said = under_test.run_verb("version")
    assert code == 0 and re.search(r"holdfast \d+\.\d+", said)


@pytest.mark.parametrize("verb", ["run", "check", "reload", "version"])
def test_every_verb_has_help(verb):
    code, said = under_test.run_verb(verb, "--help")
    assert code == 0 and verb in said and len(said) > 60


@pytest.mark.parametrize("argv", [["nonsense"], [], ["run", "--nonsense"], ["check", "-c"]],
                         ids=["unknown verb", "nothing", "unknown option", "no argument"])
def test_wrong_usage_exits_2_and_says_something(argv):
    code, said = under_test.run_verb(*argv)
    assert code == 2 and said.strip()
