# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: who may be sent here, who is told, and that none of them is told otherwise."""
import json
import os
import socket
import stat
import subprocess
import time
import urllib.request

import pytest

import fake as fakes
import holdfast as under_test
import net

pytestmark = pytest.mark.own
SOON = 60
QUICK = {"rise": "200ms", "fall": "300ms", "hold": "200ms"}


def ready(server, *flags):
    return under_test.run_verb("ready", "-c", server.path, *flags)


def wait_ready(server, want=True, seconds=SOON):
    net.wait_until("it to be %sready" % ("" if want else "not "),
                   lambda: ready(server)[0] == (0 if want else 1), seconds, 0.1)


def program(directory, name, body):
    """A program that says what it was told in a file of its own."""
    path = os.path.join(str(directory), name)
    with open(path, "w") as out:
        out.write("#!/bin/sh\n" + body)
    os.chmod(path, stat.S_IRWXU)
    return path


def told(path):
    try:
        with open(path) as said:
            return said.read().split()
    except FileNotFoundError:
        return []


def agent_says(address, send=b""):
    with socket.create_connection((address, 9154), timeout=30) as s:
        if send:
            s.sendall(send)
        s.settimeout(30)
        said = b""
        while True:
            piece = s.recv(4096)
            if not piece:
                return said.decode()
            said += piece


def ask_in_vain(server, names=30):
    for i in range(names):
        with server.udp_client() as client:
            client.send(under_test.wire.query("n%d.example." % i))


# --- the verb, and pages ---------------------------------------------------------

def test_it_comes_in_after_rise_and_every_face_says_so(fake, holdfast):
    server = holdfast({"a": fake().at}, ready={"rise": "4s"})
    code, said = ready(server)
    assert (code, said.splitlines()[0]) == (1, "not ready")
    assert server.get("/ready")[0] == 503
    code, said = ready(server, "--wait", "40s")
    assert (code, said) == (0, "ready\n")
    assert server.get("/ready")[:2] == (200, "ready\n")
    assert server.metrics()["holdfast_ready"] == 1
    code, said = ready(server, "--json")
    assert code == 0
    page = json.loads(said)
    assert page["ready"] and page["state"] == "ready" and page["reasons"] == []
    status, body, headers = server.get("/ready.json")
    assert status == 200 and headers["Content-Type"] == "application/json"
    assert json.loads(body)["ready"] is True


def test_whoever_accepts_json_gets_it_at_ready(fake, holdfast):
    server = holdfast({"a": fake().at}, ready=QUICK)
    wait_ready(server)
    request = urllib.request.Request("http://%s:9153/ready" % server.http,
                                     headers={"Accept": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as page:
        assert json.loads(page.read())["state"] == "ready"


def test_a_server_that_is_not_there_is_3_and_soon(tmp_path):
    began = time.monotonic()
    code, said = under_test.run_verb("ready", "-s", str(tmp_path / "none.sock"))
    assert code == 3 and "none.sock" in said
    assert time.monotonic() - began < 20


def test_a_server_that_hangs_is_3_and_does_not_hold_up_who_asks(tmp_path):
    path = str(tmp_path / "hangs.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(1)
        began = time.monotonic()
        code, _ = under_test.run_verb("ready", "-s", path)
        assert code == 3
        assert time.monotonic() - began < 20, "keepalived waits for a second"


def test_waiting_that_is_in_vain_ends_with_the_reasons(fake, holdfast):
    server = holdfast({"a": fake().at}, ready={"rise": "600s"})
    code, said = ready(server, "--wait", "500ms")
    assert code == 1
    assert "ready.rise" in said


# --- upstreams -------------------------------------------------------------------

def test_who_has_nothing_to_answer_from_is_withdrawn(fake, holdfast):
    upstream = fake()
    server = holdfast({"a": upstream.at}, ready=QUICK)
    wait_ready(server)
    upstream.behave = fakes.silent
    ask_in_vain(server)
    net.wait_until("it to be withdrawn", lambda: (ask_in_vain(server, 5), ready(server)[0] == 1)[1],
                   SOON, 0.2)
    code, said = ready(server, "--json")
    reasons = json.loads(said)["reasons"]
    if code == 1:
        assert reasons[0]["kind"] in ("upstream", "settling")


def test_who_has_enough_to_answer_from_stays_ready_and_says_what_is_wrong(fake, holdfast):
    upstream = fake()
    server = holdfast({"a": upstream.at}, ready={**QUICK, "held": 20})
    wait_ready(server)
    for i in range(40):
        assert server.udp("held%d.example." % i).addresses()
    upstream.behave = fakes.silent
    noted = lambda: server.metrics()['holdfast_ready_reasons{kind="upstream"}']
    net.wait_until("it to be noted", lambda: (ask_in_vain(server, 5), noted() == 1)[1], SOON, 0.2)
    seen = 0
    while seen < 10:
        ask_in_vain(server, 2)
        code, said = ready(server)
        assert code == 0, said
        seen += 1
        time.sleep(0.1)


def test_all_asks_for_an_upstream_of_every_route(fake, holdfast):
    good, bad = fake(), fake()
    for which, withdrawn in (("any", False), ("all", True)):
        bad.behave = fakes.honest
        server = holdfast({"good": good.at, "bad": bad.at},
                          forward=[{"zone": ".", "to": ["good"]}, {"zone": "b.example", "to": ["bad"]}],
                          ready={**QUICK, "upstreams": which})
        wait_ready(server)
        bad.behave = fakes.silent

        def ask():
            for i in range(6):
                with server.udp_client() as client:
                    client.send(under_test.wire.query("n%d.b.example." % i))
        reasons = 'holdfast_ready_reasons{kind="upstream"}'
        net.wait_until("the dead route to be seen",
                       lambda: (ask(), server.metrics()[reasons] == 1)[1], SOON, 0.2)
        if withdrawn:
            net.wait_until("it to be withdrawn", lambda: (ask(), ready(server)[0] == 1)[1], SOON, 0.2)
        else:
            assert ready(server)[0] == 0
        server.stop()


# --- hooks -----------------------------------------------------------------------

def test_hooks_are_told_withdrawn_first_then_ready_then_withdrawn_at_the_end(fake, holdfast, tmp_path):
    said = str(tmp_path / "told")
    hook = program(tmp_path, "hook", 'echo "$1-$HOLDFAST_STATE" >>%s\n' % said)
    server = holdfast({"a": fake().at}, ready={**QUICK, "on-ready": [hook, "up"],
                                               "on-withdraw": [hook, "down"]})
    net.wait_until("both to be told", lambda: len(told(said)) == 2, SOON)
    assert told(said) == ["down-withdrawn", "up-ready"]
    net.wait_until("both to be counted", lambda: server.metrics()[
        'holdfast_ready_hooks_total{result="succeeded"}'] == 2, SOON)
    server.stop()
    assert told(said) == ["down-withdrawn", "up-ready", "down-withdrawn"]


def test_clients_are_answered_until_the_withdrawal_has_been_told(fake, holdfast, tmp_path):
    began, go = str(tmp_path / "began"), str(tmp_path / "go")
    hook = program(tmp_path, "hook", "touch %s; n=0; while [ ! -e %s ] && [ $n -lt 100 ]; do "
                   "sleep 0.1; n=$((n+1)); done\n" % (began, go))
    server = holdfast({"a": fake().at}, ready={**QUICK, "timeout": "20s"})
    wait_ready(server)
    server.conf["ready"]["on-withdraw"] = [hook]
    server.write()
    assert server.reload()[0] == 0
    server.process.signal(15)
    net.wait_until("the program to run", lambda: os.path.exists(began), SOON)
    assert ready(server)[0] == 1
    assert server.udp("late.example.").addresses(), "served until the route is gone"
    with open(go, "w"):
        pass
    assert server.process.popen.wait(60) == 0
    server.process = None


def test_who_only_asks_now_and_then_hears_of_the_end_while_all_are_still_answered(fake, holdfast):
    server = holdfast({"a": fake().at}, ready={**QUICK, "linger": "5s"})
    wait_ready(server)
    server.process.signal(15)
    wait_ready(server, False, 5)
    assert server.udp("late.example.").addresses()
    assert server.process.popen.wait(60) == 0
    server.process = None


def test_a_hook_that_hangs_is_killed_and_holds_nobody_up(fake, holdfast, tmp_path):
    said = str(tmp_path / "told")
    hook = program(tmp_path, "hook", "echo hangs >>%s; sleep 1000\n" % said)
    server = holdfast({"a": fake().at}, ready={**QUICK, "on-withdraw": [hook], "timeout": "300ms"})
    killed = 'holdfast_ready_hooks_total{result="killed"}'
    net.wait_until("it to be killed", lambda: server.metrics()[killed] >= 1, SOON)
    assert server.udp("fine.example.").addresses()
    server.says("on-withdraw was killed")


def test_a_hook_that_fails_is_an_error_in_the_log_with_its_words(fake, holdfast, tmp_path):
    hook = program(tmp_path, "hook", "echo no such protocol; exit 7\n")
    server = holdfast({"a": fake().at}, ready={**QUICK, "on-ready": hook})
    net.wait_until("it to be told", lambda: "on-ready has failed" in server.process.output(), SOON)
    line = [x for x in server.process.output().splitlines() if "on-ready has failed" in x][0]
    assert "status=7" in line and "no such protocol" in line


def test_a_hook_that_has_failed_and_runs_at_last_says_how_often_it_had_failed(fake, holdfast, tmp_path):
    runs = str(tmp_path / "runs")
    hook = program(tmp_path, "hook", "echo x >>%s; test $(wc -l <%s) -ge 2 || exit 7\n" % (runs, runs))
    server = holdfast({"a": fake().at}, ready={**QUICK, "on-ready": hook})
    net.wait_until("it to run", lambda: "on-ready has run" in server.process.output(), 60)
    lines = server.process.output().splitlines()
    assert sum("on-ready has failed" in x for x in lines) == 1
    assert "failed_before=1" in [x for x in lines if "on-ready has run" in x][0]


def test_a_hook_that_cannot_be_run_is_told_of_by_check_and_in_the_log(fake, holdfast, tmp_path):
    hook = program(tmp_path, "hook", "")
    os.chmod(hook, 0o644)
    server = holdfast({"a": fake().at}, ready={**QUICK, "on-ready": hook})
    code, said = under_test.run_verb("check", "-c", server.path)
    assert code == 0 and "warning: " in said and "cannot be run: Permission denied" in said
    net.wait_until("it to be told", lambda: 'because="Permission denied"' in server.process.output(), SOON)


def test_a_program_without_its_whole_path_is_a_fault_of_the_file(tmp_path):
    path = str(tmp_path / "bad.yaml")
    with open(path, "w") as out:
        out.write("ready: { on-ready: [birdc, enable, x] }\n")
    code, said = under_test.run_verb("check", "-c", path)
    assert code == 2 and "ready.on-ready" in said


# --- HAProxy's agent-check -------------------------------------------------------

def test_the_agent_says_up_and_then_drain(fake, holdfast, tmp_path):
    address = net.address()
    go = str(tmp_path / "go")
    hook = program(tmp_path, "hook", "test -e %s.armed || exit 0; n=0; while [ ! -e %s ] && "
                   "[ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done\n" % (go, go))
    server = holdfast({"a": fake().at}, ready={**QUICK, "agent": "%s:9154" % address,
                                               "on-withdraw": [hook], "timeout": "20s"})
    wait_ready(server)
    assert agent_says(address) == "up ready\n"
    assert agent_says(address, b"who is it?\n") == "up ready\n"
    with open(go + ".armed", "w"):
        pass
    server.process.signal(15)
    net.wait_until("it to say that it drains", lambda: agent_says(address) == "drain\n", SOON)
    with open(go, "w"):
        pass
    assert server.process.popen.wait(60) == 0
    server.process = None


def test_the_agent_says_down_and_why(fake, holdfast):
    address = net.address()
    server = holdfast({"a": fake().at}, ready={"rise": "600s", "agent": "%s:9154" % address})
    said = agent_says(address)
    assert said.startswith("down #") and "ready.rise" in said and said.endswith("\n")
    assert said.count("\n") == 1
    assert server.udp("served.example.").addresses(), "who asks all the same is answered"


def test_many_connections_to_the_agent_at_once_harm_nobody(fake, holdfast):
    address = net.address()
    server = holdfast({"a": fake().at}, ready={**QUICK, "agent": "%s:9154" % address})
    wait_ready(server)
    held = [socket.create_connection((address, 9154), timeout=30) for _ in range(200)]
    assert agent_says(address) == "up ready\n"
    assert ready(server)[0] == 0
    for s in held:
        s.close()


# --- those who stand in front -----------------------------------------------------

VIP = os.path.join(under_test.ROOT, "contrib", "vip")


def need(program):
    """A peer, or the test is passed over where peers need not be there."""
    for folder in ("/usr/sbin", "/usr/bin"):
        if os.path.exists(os.path.join(folder, program)):
            return os.path.join(folder, program)
    if os.environ.get("HOLDFAST_REQUIRE_PEERS"):
        pytest.fail(program + " is not installed")
    pytest.skip(program + " is not installed")


def test_what_we_tell_haproxy_and_bird_to_do_is_what_they_understand(tmp_path):
    for argv in ([need("haproxy"), "-c", "-f", os.path.join(VIP, "haproxy.cfg")],
                 [need("bird"), "-p", "-c", os.path.join(VIP, "bird.conf")]):
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout


def haproxy_states(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(30)
        s.connect(path)
        s.sendall(b"show servers state holdfast\n")
        said = b""
        while True:
            piece = s.recv(65536)
            if not piece:
                break
            said += piece
    rows = [x.split() for x in said.decode().splitlines() if x and x[0].isdigit() and " " in x]
    # op_state 2: running; admin_state 8: drain by the agent's word
    return {row[3]: (int(row[5]), int(row[6])) for row in rows}


def test_haproxy_goes_by_what_the_agent_says(fake, holdfast, tmp_path):
    program_path = need("haproxy")
    at = {name: net.address() for name in "ab"}
    nodes = {name: holdfast({"u": fake().at}, address=at[name],
                            listen={"http": "%s:9153" % at[name]},
                            ready={"rise": "200ms" if name == "a" else "600s",
                                   "agent": "%s:9154" % at[name]}) for name in "ab"}
    wait_ready(nodes["a"])
    front, admin = net.address(), str(tmp_path / "admin.sock")
    with open(os.path.join(VIP, "haproxy.cfg")) as text:
        conf = text.read()
    for old, new in (("/run/haproxy/admin.sock", admin), ("10.53.0.53:53", front + ":5300"),
                     ("10.53.0.21:53", at["a"] + ":5300"), ("10.53.0.22:53", at["b"] + ":5300"),
                     ("10.53.0.21", at["a"]), ("10.53.0.22", at["b"])):
        conf = conf.replace(old, new)
    path = str(tmp_path / "haproxy.cfg")
    with open(path, "w") as out:
        out.write(conf)
    proxy = net.Process("haproxy", [program_path, "-db", "-f", path], str(tmp_path / "haproxy.log"))
    try:
        net.wait_until("HAProxy to run", lambda: os.path.exists(admin) and net.accepts(front, 5300), SOON)
        net.wait_until("b to be down, and a to be up", lambda: (
            lambda s: s.get("a", (0,))[0] == 2 and s.get("b", (2,))[0] == 0)(haproxy_states(admin)),
            SOON, 0.2)
        for i in range(10):
            m = under_test.ask.tcp(front, 5300, under_test.wire.query("n%d.example." % i))
            assert m.addresses()
    finally:
        proxy.stop()
