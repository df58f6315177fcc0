# SPDX-License-Identifier: GPL-3.0-or-later
"""The verb drill as a person types it: files, worlds, and what goes wrong."""

import subprocess

import holdfast

FAILS = """upstream a answers *.example A 192.0.2.10
route . to a
at 0s ask x.example A expect 192.0.2.11
"""


def drill(*words):
    return subprocess.run([holdfast.binary(), 'drill', *words], capture_output=True, text=True, timeout=120,
                          check=False)


def test_a_world_is_printed_and_played_from_the_file(tmp_path):
    printed = drill('--world', '3', '--print')
    assert printed.returncode == 0
    path = tmp_path / 'world.play'
    path.write_text(printed.stdout)
    by_number, by_file = drill('--world', '3'), drill(str(path))
    assert by_number.returncode == by_file.returncode == 0
    questions = by_number.stdout.rsplit('# ', 1)[1].split(' questions')[0]
    assert f', {questions} questions, ' in by_file.stdout


def test_many_worlds_are_a_test_for_each_hundred():
    done = drill('--worlds', '1..120', '--jobs', '2')
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith('1..2\n')
    assert sorted(line[:4] for line in done.stdout.split('\n') if line.startswith('ok')) == ['ok 1', 'ok 2']
    assert '# 120 worlds, 0 failed' in done.stdout


def test_the_same_worlds_come_out_the_same_however_many_at_once():
    def sums(jobs):
        return drill('--worlds', '1..60', '--jobs', jobs).stdout.split('\n')[-2]
    assert sums('1') == sums('4')


def test_a_scenario_that_fails_says_where_and_how_to_see_it_again(tmp_path):
    path = tmp_path / 'fails.play'
    path.write_text(FAILS)
    done = drill(str(path))
    assert done.returncode == 1
    assert 'line 3' in done.stdout and f'replay: holdfast drill --seed 1 {path}' in done.stdout


def test_wrong_usage_is_told():
    for words in ([], ['--world', '1', 'x.play'], ['--world', '0'], ['--worlds', '9..3'], ['--worlds', 'x'],
                  ['--worlds', '3', '--jobs', '0'], ['--seed', '1', '--seeds', '2', 'x.play']):
        done = drill(*words)
        assert done.returncode == 2, words
        assert done.stderr.startswith('holdfast drill: '), words


def test_a_trace_says_what_was_decided_and_why(tmp_path):
    path = tmp_path / 'slow.play'
    path.write_text("""upstream a servfail
upstream b answers *.example A 192.0.2.10
route . to a b
at 0s ask x.example A expect 192.0.2.10
""")
    told = drill('--trace', str(path))
    assert told.returncode == 0, told.stdout
    assert '  holdfast, x.example A #1: asked a over UDP, and waits ' in told.stdout
    assert '  holdfast, x.example A #1: upstream a answered SERVFAIL' in told.stdout
    assert '  holdfast, x.example A #1: asked b over UDP, message 2, and waits ' in told.stdout
    assert '; before that: answered SERVFAIL' in told.stdout
    assert '  holdfast, x.example A #1: b answered a retry, ' in told.stdout


def test_a_folder_is_said_to_be_one_and_not_a_broken_disk(tmp_path):
    done = drill(str(tmp_path))
    assert done.returncode == 2 and 'Is a directory' in done.stderr + done.stdout
