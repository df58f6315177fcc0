# SPDX-License-Identifier: GPL-3.0-or-later
"""The cache outlives the process: restarts, kill -9, damaged files (cache.persist)."""
import os
import random
import re
import shutil
import struct
import time

import pytest

import fake as fakes
import net
import spaces
import wire
import written

STALE = 3
NAMES = ["n%d.example." % i for i in range(40)]


@pytest.fixture
def place(tmp_path):
    return str(tmp_path / "cache")


@pytest.fixture
def start(fake, holdfast, place):
    """Starts a server that writes its cache down, and its upstream."""
    def begin(behave=fakes.honest, **sections):
        upstream = fake(behave)
        cache = {"persist": place, "stale-after": "100ms", **sections.pop("cache", {})}
        server = holdfast({"a": upstream.at}, cache=cache, **sections)
        return server, upstream
    return begin


def learn(server, names=NAMES):
    for name in names:
        assert server.udp(name).addresses(), name


def settle(server):
    """Waits until all that is known has been written."""
    wrote = [server.metrics()["holdfast_persist_written_total"]]
    def quiet():
        """For twice as long as it may rest between two writes."""
        time.sleep(1.2)
        wrote.append(server.metrics()["holdfast_persist_written_total"])
        return len(wrote) > 2 and wrote[-1] == wrote[-2] == wrote[-3]
    net.wait_until("the keeper to have written all", quiet, 60)


def put_back(server):
    """What the log says of the start, as {field: text}."""
    lines = [l for l in server.says("has been put back").splitlines() if "has been put back" in l]
    assert len(lines) == 1, server.process.output()
    return dict(re.findall(r"(\w+)=(\"[^\"]*\"|\S+)", lines[0]))


def warnings(server):
    return [l for l in server.process.output().splitlines() if " warning " in l or "<4>" in l]


def warned(server, *words):
    """Waits for a warning that has all of these words."""
    net.wait_until("a warning with %s" % " and ".join(words), lambda: any(
        all(word in line for word in words) for line in warnings(server)))


def truth(name):
    return [".".join(str(o) for o in fakes.address_of(wire.name(name)))]


def check_known(server, names=NAMES, stale=False):
    for name in names:
        reply = server.udp(name, edns=True)
        assert reply.addresses() == truth(name), name
        assert (STALE in reply.ede) == stale, name


def test_a_restart_forgets_nothing_and_ttls_run_on(start):
    server, upstream = start()
    learn(server)
    time.sleep(1.1)
    server.stop()
    time.sleep(1.1)
    upstream.stop()
    server.start()
    for name in NAMES:
        reply = server.udp(name, edns=True)
        assert reply.addresses() == truth(name) and reply.ede == []
        assert 200 <= reply.answer[0].ttl <= 298, reply.answer[0].ttl
    assert put_back(server)["answers"] == str(len(NAMES))
    assert not [w for w in warnings(server) if "persist" in w or "left out" in w]


def test_bounds_that_were_lowered_hold_for_what_is_put_back(start):
    server, upstream = start(lambda q: fakes.honest(q, ttl=7200), cache={"ttl-max": "2h"})
    learn(server, NAMES[:1])
    assert server.udp("nx1.example.").authority[0].ttl == 30
    server.stop()
    upstream.stop()
    server.conf["cache"].update({"ttl-max": "100s", "negative-max": "10s"})
    server.write()
    server.start()
    assert 0 < server.udp(NAMES[0]).answer[0].ttl <= 100
    reply = server.udp("nx1.example.")
    assert reply.rcode == wire.NXDOMAIN and 0 < reply.authority[0].ttl <= 10


def test_denials_and_types_and_do_come_back_as_what_they_were(start):
    server, upstream = start()
    assert server.udp("nx1.example.").rcode == wire.NXDOMAIN
    assert server.udp("a.example.", "AAAA").rcode == 0
    assert server.udp("a.example.", "TXT").answer
    server.stop()
    upstream.stop()
    server.start()
    for name, qtype in [("nx1.example.", "A"), ("nx1.example.", "MX"), ("below.nx1.example.", "A")]:
        reply = server.udp(name, qtype, edns=True)
        assert reply.rcode == wire.NXDOMAIN and reply.ede == [], name
    reply = server.udp("a.example.", "AAAA")
    assert reply.rcode == 0 and not reply.answer
    assert server.udp("a.example.", "TXT").answer
    assert server.udp("a.example.", "A", edns=True).rcode == wire.SERVFAIL


def test_what_was_answered_a_moment_before_kill_9_is_stale_but_there(start):
    server, upstream = start(lambda q: fakes.honest(q, ttl=1))
    known = []
    client_names = iter("k%d.example." % i for i in range(100000))
    # It is written down each second, or later where the machine is slow.
    while len(known) <= 100 or known[100][1] > time.monotonic() - 3.2:
        name = next(client_names)
        assert server.udp(name).addresses()
        known.append((name, time.monotonic()))
    server.kill()
    killed = time.monotonic()
    upstream.stop()
    time.sleep(1.1)
    server.start()
    sure = [name for name, at in known if at < killed - 3]
    assert len(sure) > 100
    for name in sure:
        reply = server.udp(name, edns=True)
        assert reply.addresses() == truth(name) and reply.ede == [STALE], name


def test_kill_9_again_and_again_forgets_nothing(start):
    server, upstream = start()
    learn(server)
    settle(server)
    upstream.stop()
    for i in range(12):
        server.kill()
        server.start()
        time.sleep(random.uniform(0, 0.4))
    check_known(server)


def test_files_do_not_pile_up(start, place):
    server, upstream = start()
    for i in range(4):
        learn(server, ["r%d-%d.example." % (i, j) for j in range(20)])
        settle(server)
        server.stop()
        server.start()
    learn(server, ["last.example."])
    settle(server)
    net.wait_until("two files", lambda: len(written.files(place)) == 2)
    assert server.metrics()["holdfast_persist_bytes"] == sum(
        os.path.getsize(p) for p in written.files(place))


def test_the_later_word_is_the_one_that_stays(start):
    """An address, then NXDOMAIN, then (what may not be kept) ends both."""
    server, upstream = start(lambda q: fakes.honest(q, ttl=1))
    learn(server, ["gone.example.", "ended.example."])
    time.sleep(1.2)
    soa = wire.record(b"\0", "SOA", 60, wire.soa(minimum=30))

    def later(q):
        if q.name.startswith(b"\4gone"):
            return fakes.reply(q, authority=[soa], rcode=wire.NXDOMAIN)
        return fakes.reply(q, rcode=wire.NXDOMAIN)  # no SOA: not to be kept
    upstream.behave = later
    for name in ("gone.example.", "ended.example."):  # what comes late finds the old one given
        net.wait_until("the later word", lambda: server.udp(name).rcode == wire.NXDOMAIN)
    settle(server)
    server.kill()
    upstream.stop()
    server.start()
    assert server.udp("gone.example.").rcode == wire.NXDOMAIN
    assert server.udp("ended.example.").rcode == wire.SERVFAIL


def test_answers_past_ttl_and_stale_stay_away(start):
    server, upstream = start(lambda q: fakes.honest(q, ttl=1), cache={"stale": "1s"})
    learn(server)
    settle(server)
    server.stop()
    time.sleep(2.1)
    upstream.stop()
    server.start()
    assert server.udp(NAMES[0]).rcode == wire.SERVFAIL
    said = put_back(server)
    assert said["answers"] == "0" and said["dropped_too_old"] == str(len(NAMES))


# --- routes --------------------------------------------------------------------

def test_what_other_upstreams_said_is_no_answer_after_a_restart(start, fake):
    server, old = start()
    learn(server)
    server.stop()
    other = fake(lambda q: fakes.honest(q, base=77))
    old.stop()
    server.conf["upstreams"] = {"a": {"address": other.at}}
    server.write()
    server.start()
    for name in NAMES:
        assert server.udp(name).addresses()[0].startswith("77."), name
    assert put_back(server)["dropped_rerouted"] == str(len(NAMES))


def test_a_route_that_keeps_one_of_its_upstreams_keeps_its_answers(start, fake):
    server, old = start()
    learn(server)
    server.stop()
    other = fake(lambda q: fakes.honest(q, base=77))
    server.conf["upstreams"] = {"b": {"address": other.at}, "a": {"address": old.at}}
    server.conf["forward"] = [{"zone": ".", "to": ["b", "a"]}]
    server.write()
    server.start()
    check_known(server)


def test_a_zone_with_a_route_of_its_own_takes_nothing_from_the_root(start, fake):
    server, old = start()
    learn(server, ["x.corp.example.", "x.example."])
    server.stop()
    other = fake(lambda q: fakes.honest(q, base=77))
    server.conf["upstreams"] = {"a": {"address": old.at}, "b": {"address": other.at}}
    server.conf["forward"] = [{"zone": ".", "to": ["a"]}, {"zone": "corp.example", "to": ["b"]}]
    server.write()
    server.start()
    assert server.udp("x.corp.example.").addresses()[0].startswith("77.")
    assert server.udp("x.example.").addresses() == truth("x.example.")
    assert put_back(server)["answers"] == "1"


def test_a_reload_in_between_is_minded(start, fake):
    """What was stored before a reload that changed the upstreams is not the new ones' word."""
    server, old = start()
    learn(server)
    settle(server)
    other = fake(lambda q: fakes.honest(q, base=77))
    server.conf["upstreams"] = {"a": {"address": other.at}}
    server.write()
    assert server.reload()[0] == 0
    assert server.udp(NAMES[0]).addresses()[0].startswith("77.")
    settle(server)
    server.kill()
    old.stop()
    server.start()
    for name in NAMES:
        assert server.udp(name).addresses()[0].startswith("77."), name


# --- damage --------------------------------------------------------------------

@pytest.fixture(scope="module")
def left_behind(shared_holdfast, shared_fake, tmp_path_factory):
    """What a server left that knew 40 names in its snapshot and 20 in its journal, and
    its upstream, which is no more."""
    place = str(tmp_path_factory.mktemp("left") / "cache")
    upstream = shared_fake(lambda q: fakes.honest(q, ttl=3600))
    server = shared_holdfast({"a": upstream.at}, cache={"persist": place})
    learn(server)
    server.stop()
    server.start()
    kinds = lambda: [p.rsplit(".")[-1] for p in written.files(place)]
    net.wait_until("a snapshot of what was known", lambda: kinds() == ["snapshot", "journal"])
    learn(server, ["j%d.example." % i for i in range(20)])
    server.stop()
    upstream.stop()
    assert kinds() == ["snapshot", "journal"]
    return place, upstream.at


@pytest.fixture
def shelved(left_behind, holdfast, place):
    """Starts a server on what was left, after a change to it."""
    def damage(change):
        left, at = left_behind
        shutil.copytree(left, place)
        change(written.files(place))
        return holdfast({"a": at}, cache={"persist": place, "stale-after": "100ms"})
    return damage


def never_wrong(server):
    """Every name is answered with the truth or not at all. Returns how many are."""
    names, good = NAMES + ["j%d.example." % i for i in range(20)], 0
    with server.udp_client() as client:
        for i, name in enumerate(names):
            client.send(wire.query(name, id=i))
        replies = [wire.Message(m) for m in client.drain(len(names))]
    assert sorted(r.id for r in replies) == list(range(len(names)))
    for reply in replies:
        assert reply.rcode in (0, wire.SERVFAIL), reply
        if reply.rcode == 0:
            assert reply.addresses() == truth(names[reply.id]) and reply.answer[0].ttl <= 3600
            good += 1
    return good


def test_untouched_files_lose_nothing(shelved):
    assert never_wrong(shelved(lambda files: None)) == 60


@pytest.mark.parametrize("seed", range(16))
def test_flipped_bits_are_found_out(shelved, seed):
    dice = random.Random(seed)

    def flip(files):
        for path in files:
            data = bytearray(open(path, "rb").read())
            for _ in range(dice.choice([1, 1, 3, 30])):
                data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
            open(path, "wb").write(data)
    server = shelved(flip)
    never_wrong(server)
    net.wait_until("a word about it", lambda: any(
        "left out" in w and "octet" in w or "header" in w for w in warnings(server)))


@pytest.mark.parametrize("seed", range(6))
def test_torn_files_lose_only_their_end(shelved, seed):
    dice = random.Random(seed)

    def tear(files):
        journal = files[-1]
        size = os.path.getsize(journal)
        os.truncate(journal, dice.randrange(size))
    server = shelved(tear)
    assert never_wrong(server) >= 40


def test_a_hole_of_zeros_and_rubbish_behind_lose_only_what_they_cover(shelved):
    def spoil(files):
        with open(files[-1], "ab") as journal:
            journal.write(bytes(100000) + os.urandom(5000))
    server = shelved(spoil)
    assert never_wrong(server) == 60
    warned(server, "left out")
    assert len([w for w in warnings(server) if "left out" in w]) == 1


def test_another_version_is_left_alone_with_a_word(shelved):
    def renumber(files):
        for path in files:
            header, blocks = written.read(path)
            written.write(path, header[:16] + struct.pack("!I", 9) + header[20:], blocks)
    server = shelved(renumber)
    assert never_wrong(server) == 0
    warned(server, "version 9")


def test_kinds_of_blocks_that_are_not_known_are_passed_over(shelved):
    def extend(files):
        header, blocks = written.read(files[-1])
        blocks[1:1] = [written.Block(written.BLOCK.pack(
            b"HFBL", 1, 77, 0, 1, *(getattr(blocks[0], f) for f in written.FIELDS[5:])), b"news")]
        written.write(files[-1], header, blocks)
    server = shelved(extend)
    assert never_wrong(server) == 60 and not any("left out" in w for w in warnings(server))


def test_of_many_reloads_with_other_routes_the_last_ones_count(shelved):
    """More tables of routes than are known at once, before those that are in use."""
    def reload(files):
        header, blocks = written.read(files[0])
        blocks[:0] = [written.Block(written.BLOCK.pack(
            b"HFBL", 1, written.ROUTES, 0, 1, *(getattr(blocks[0], f) for f in written.FIELDS[5:])),
            struct.pack("!I", i)) for i in range(70)]
        written.write(files[0], header, blocks)
    assert never_wrong(shelved(reload)) == 60


def test_whole_blocks_with_broken_answers_in_them_do_no_harm(shelved):
    """Checksums are right and the content is not: as if somebody meant it."""
    dice = random.Random(7)

    def corrupt(files):
        for path in files:
            header, blocks = written.read(path)
            for block in blocks:
                if block.kind == written.ANSWERS:
                    content = bytearray(block.content)
                    for _ in range(40):
                        content[dice.randrange(len(content))] = dice.randrange(256)
                    block.content = bytes(content)
            written.write(path, header, blocks)
    server = shelved(corrupt)
    with server.udp_client() as client:
        for i, name in enumerate(NAMES):
            client.send(wire.query(name, id=i))
        assert len(client.drain(len(NAMES))) == len(NAMES)


# --- clocks --------------------------------------------------------------------

HOUR = 3600 * 10**6


def turn_clocks(files, **changes):
    for path in files:
        header, blocks = written.read(path)
        for block in blocks:
            for field, by in changes.items():
                setattr(block, field, (getattr(block, field) + by) % (1 << 63))
        written.write(path, header, blocks)


def test_after_a_start_of_the_machine_the_wall_clock_tells_the_age(shelved):
    server = shelved(lambda files: turn_clocks(files, boot=1, wall=-1000 * 10**6))
    reply = server.udp(NAMES[0])
    assert reply.addresses() == truth(NAMES[0]) and 1000 < reply.answer[0].ttl < 2600


def test_a_wall_clock_that_went_back_makes_all_of_it_stale(shelved):
    server = shelved(lambda files: turn_clocks(files, boot=1, wall=HOUR))
    check_known(server, stale=True)
    warned(server, "wall clock")


def test_in_the_same_run_of_the_machine_a_wall_clock_set_back_has_no_say(shelved):
    server = shelved(lambda files: turn_clocks(files, wall=HOUR))
    check_known(server)


def test_a_long_time_without_a_server_drops_what_is_too_old(shelved):
    server = shelved(lambda files: turn_clocks(files, boot=1, wall=-24 * 4 * HOUR))
    assert never_wrong(server) == 0


# --- the directory -------------------------------------------------------------

def test_a_directory_that_cannot_be_had_is_told_and_tried_again(start, place):
    with open(place, "w") as obstacle:
        obstacle.write("in the way")
    server, upstream = start()
    learn(server)
    warned(server, "cannot be written")
    net.wait_until("an error", lambda: server.metrics()["holdfast_persist_errors_total"] >= 1)
    os.remove(place)
    net.wait_until("its return", lambda: "written down again" in server.process.output(), 60)
    settle(server)
    server.kill()
    upstream.stop()
    server.start()
    check_known(server)


def test_a_read_only_directory_keeps_nobody_from_serving(start, place):
    os.makedirs(place, mode=0o500)
    os.mkdir(os.path.join(place, "lock"))  # root is not kept out by modes
    server, _ = start()
    learn(server)
    net.wait_until("an error", lambda: server.metrics()["holdfast_persist_errors_total"] >= 1)
    net.wait_until("a word about it", lambda: any("persist" in w for w in warnings(server)))
    assert len([w for w in warnings(server) if "persist" in w]) == 1


def test_a_second_server_does_not_touch_the_first_ones_files(start, holdfast, fake, place):
    server, upstream = start()
    learn(server)
    settle(server)
    other = fake(lambda q: fakes.honest(q, base=77))
    second = holdfast({"a": other.at}, cache={"persist": place})
    assert second.udp(NAMES[0]).addresses()[0].startswith("77.")
    net.wait_until("a word about it", lambda: any("another holdfast" in w for w in warnings(second)))
    second.stop()
    server.kill()
    upstream.stop()
    server.start()
    check_known(server)


def test_a_full_disk_is_told_once_and_costs_no_answer(start, place, tmp_path):
    if not spaces.own_files():
        pytest.skip("needs a file system of its own")
    server, upstream = start(lambda q: fakes.reply(
        q, [wire.record(b"\xc0\x0c", "TXT", 300, (b"\xfa" + b"x" * 250) * 4)]))
    server.stop()
    server.start(argv=["unshare", "-m", "sh", "-c",
                       'mount -t tmpfs -o size=64k none "$0" && exec "$@"', place] + server.argv())
    for i in range(300):
        assert server.udp("big%d.example." % i, "TXT", edns=True).rcode == 0
    net.wait_until("a word about it", lambda: any("No space" in w for w in warnings(server)), 60)
    assert server.udp("big0.example.", "TXT", edns=True).rcode == 0
    time.sleep(3)
    assert len([w for w in warnings(server) if "persist" in w]) == 1
    assert server.metrics()["holdfast_persist_errors_total"] >= 1


def test_none_writes_nothing_and_auto_goes_by_the_service_manager(holdfast, fake, tmp_path):
    upstream = fake()
    server = holdfast({"a": upstream.at}, cache={"persist": "none"},
                      env={"STATE_DIRECTORY": str(tmp_path)})
    assert "holdfast_persist_bytes" not in server.metrics()
    server.stop()
    assert not os.path.exists(str(tmp_path / "cache"))
    auto = holdfast({"a": upstream.at}, env={"STATE_DIRECTORY": "%s:/elsewhere" % tmp_path})
    learn(auto, NAMES[:1])
    auto.stop()
    assert written.files(str(tmp_path / "cache"))


# --- what was learnt of upstreams ----------------------------------------------

RESTS = 'holdfast_upstream_state{upstream="%s"}'  # 0: in use


def knows(place, what):
    """Waits until the files say so of an upstream: every ten seconds it is looked at."""
    def said():
        return any(what(record) for record in written.learnt(place))
    net.wait_until("the keeper to have written what was learnt", said, 60, 0.5)


@pytest.fixture
def half_dead(fake, holdfast, place):
    """A server that has found out that the first of its upstreams says nothing."""
    dead, alive = fake(fakes.silent), fake()
    server = holdfast({"dead": {"address": dead.at}, "alive": {"address": alive.at}},
                      cache={"persist": place})
    names = iter(range(10000))

    def found_out():
        assert server.udp("found%d.example." % next(names)).addresses()
        return server.metrics()[RESTS % "dead"] > 0
    net.wait_until("it to be found out", found_out, 60)
    return server, dead, alive


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_after_a_restart_a_dead_upstream_is_not_waited_for_again(half_dead, place, end):
    server, dead, alive = half_dead
    if end == "kill":
        knows(place, lambda r: r.name == "dead" and r.open)
    getattr(server, end)()
    before = dead.count()
    server.start()
    begun = time.monotonic()
    for i in range(20):
        assert server.udp("again%d.example." % i).addresses()
    # Each probe is one question, and the rests between them go on growing; if each question
    # had waited for the dead one, these would be twenty and more.
    assert dead.count() - before <= 6 + (time.monotonic() - begun)
    assert int(put_back(server)["upstreams"]) == 2 and int(put_back(server)["paths"]) == 2


def test_a_dead_upstream_that_came_back_meanwhile_is_used_again(half_dead):
    server, dead, alive = half_dead
    server.stop()
    dead.behave = lambda q: fakes.honest(q, base=77)
    server.start()
    names = iter(range(10000))
    net.wait_until("it to be used", lambda: server.udp(
        "back%d.example." % next(names)).addresses()[0].startswith("77."), 60, 0.05)


def without_edns(fake, holdfast, place):
    """A server that has found out that its upstream does not know EDNS."""
    old = fake(fakes.no_edns(fakes.honest))
    server = holdfast({"old": old.at}, cache={"persist": place})
    learn(server, ["e1.example."])
    assert [q.edns for q in old.seen] == [True, False]
    return server, old


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_an_upstream_without_edns_is_asked_without_after_a_restart(fake, holdfast, place, end):
    server, old = without_edns(fake, holdfast, place)
    if end == "kill":
        knows(place, lambda r: r.name == "old")
    getattr(server, end)()
    server.start()
    learn(server, ["e2.example."])
    assert [q.edns for q in old.seen] == [True, False, False]


def test_what_was_learnt_goes_from_snapshot_to_snapshot(fake, holdfast, place):
    server, old = without_edns(fake, holdfast, place)
    for _ in range(2):
        server.stop()
        before = written.files(place)
        server.start()
        net.wait_until("a snapshot in place of the older files", lambda: not set(
            before) & set(written.files(place)), 60, 0.1)
        server.kill()
        snapshot = [p for p in written.files(place) if p.endswith("snapshot")]
        assert any(b.kind == written.LEARNT for b in written.read(snapshot[0])[1])
        for path in written.files(place):
            if path.endswith("journal"):
                os.remove(path)
        server.start()
    learn(server, ["e2.example."])
    assert [q.edns for q in old.seen] == [True, False, False]


def test_another_address_or_another_name_begins_anew(fake, holdfast, place):
    server, old = without_edns(fake, holdfast, place)
    new = fake()
    for name, at, whom in [("old", new.at, new), ("other", old.at, old)]:
        server.stop()
        server.conf["upstreams"] = {name: {"address": at}}
        server.conf["forward"] = [{"zone": ".", "to": [name]}]
        server.write()
        before = whom.count()
        server.start()
        learn(server, ["anew.%s.example." % name])
        assert whom.seen[before].edns
        assert put_back(server)["upstreams"] == "0"


def test_a_path_that_loses_large_answers_is_known_after_a_restart(fake, holdfast, place):
    def narrow(q):
        large = fakes.reply(q, [wire.record(b"\xc0\x0c", "TXT", 300, (b"\xfa" + b"x" * 250) * 4)])
        if q.qtype != 16:
            return fakes.honest(q)
        if q.proto == "tcp":
            return large
        return fakes.truncated(q) if q.message.udp_size < len(large) else None
    upstream = fake(narrow)
    server = holdfast({"a": {"address": upstream.at}}, cache={"persist": place})
    for i in range(2):
        assert server.tcp("large%d.example." % i, "TXT").answer
    server.udp("small.example.")
    told = upstream.seen[-1].message.udp_size
    assert told < 1000
    server.stop()
    server.start()
    assert server.tcp("large3.example.", "TXT").answer
    asked = [q for q in upstream.seen if q.name.startswith(b"\6large3")]
    assert [q.proto for q in asked] == ["udp", "tcp"] and asked[0].message.udp_size == told


@pytest.mark.parametrize("changes,known", [
    ({"boot": 1, "wall": -HOUR // 30}, True),     # the machine was started two minutes later
    ({"boot": 1, "wall": HOUR}, True),            # nobody knows when: sizes do no harm
    ({"boot": 1, "wall": -HOUR}, False),          # an hour: ten minutes are over
], ids=["minutes", "unknown", "hour"])
def test_time_without_a_server_counts_for_what_was_learnt(fake, holdfast, place, changes, known):
    server, old = without_edns(fake, holdfast, place)
    server.stop()
    turn_clocks(written.files(place), **changes)
    before = old.count()
    server.start()
    learn(server, ["later.example."])
    assert old.seen[before].edns != known


def test_what_is_a_day_old_is_not_taken_over(half_dead, place):
    server, dead, alive = half_dead
    server.stop()
    turn_clocks(written.files(place), boot=1, wall=-25 * HOUR)
    server.start()
    assert put_back(server)["upstreams"] == "0" and put_back(server)["paths"] == "0"


@pytest.mark.parametrize("seed", range(8))
def test_whole_blocks_with_broken_memories_in_them_do_no_harm(half_dead, place, seed):
    """Checksums are right and the content is not: as if somebody meant it."""
    server, dead, alive = half_dead
    server.stop()
    dice, spoilt = random.Random(seed), 0
    for path in written.files(place):
        header, blocks = written.read(path)
        for block in [b for b in blocks if b.kind == written.LEARNT]:
            content = bytearray(block.content)
            for _ in range(dice.choice([1, 3, 30])):
                content[dice.randrange(len(content))] = dice.choice([0, 255, dice.randrange(256)])
            block.content, spoilt = bytes(content), spoilt + 1
        written.write(path, header, blocks)
    assert spoilt
    dead.behave = fakes.honest
    server.start()
    for i in range(10):
        assert server.udp("spoilt%d.example." % i).addresses()


def test_a_rest_without_end_is_none(fake, holdfast, place):
    """All times of an open circuit as long as can be written, and no other upstream."""
    upstream = fake(fakes.silent)
    server = holdfast({"a": {"address": upstream.at, "rest-max": "1s"}}, cache={"persist": place})
    with server.udp_client() as client:
        for i in range(6):
            client.send(wire.query("dark%d.example." % i))
        said = client.drain(6)
    assert [m[3] & 15 for m in said] == [wire.SERVFAIL] * 6
    server.stop()
    changed = 0
    for path in written.files(place):
        header, blocks = written.read(path)
        for block in [b for b in blocks if b.kind == written.LEARNT]:
            content = bytearray(block.content)
            for at, kind, octets in written.records(block):
                if not written.Learnt(kind, octets).open:
                    continue
                circuit = at + 3 + 1 + 1 + 23 + (2 if kind == 2 else 0) + 4
                content[circuit:circuit + 11] = struct.pack("!BBBII", 1, 1, 64, 0, 0xfffffffe)
                changed += 1
            block.content = bytes(content)
        written.write(path, header, blocks)
    assert changed
    upstream.behave = fakes.honest
    server.start()
    net.wait_until("an answer", lambda: server.udp(NAMES[0]).addresses(), 60, 0.1)
