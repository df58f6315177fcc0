#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints "passed failed" of a test run.

    tally.py meson DIR    the last `meson test` of a build directory, by TAP case
    tally.py junit FILE   a JUnit report (pytest)
    tally.py tap FILE     TAP output"""

import json
import os
import re
import sys
import xml.etree.ElementTree

CASE = re.compile(r'^(not )?ok\b(.*)$', re.M)
PLAN = re.compile(r'^1\.\.(\d+)', re.M)


def of_tap(text, finished=True):
    """A plan that was not kept, or none at all, is one failure more."""
    results = [bool(bad) for bad, rest in CASE.findall(text) if '# skip' not in rest.lower()]
    lines = len(CASE.findall(text))
    plan = PLAN.search(text)
    failed = sum(results)
    if not plan or int(plan.group(1)) != lines or (not finished and not failed):
        failed += 1
    return len(results) - sum(results), failed


def of_meson(directory):
    passed = failed = 0
    with open(os.path.join(directory, 'meson-logs', 'testlog.json'), encoding='utf-8') as log:
        for line in log:
            test = json.loads(line)
            said, fine = test.get('stdout', ''), test['result'] == 'OK'
            if fine and not PLAN.search(said):
                good, bad = 1, 0  # not TAP: meson judges it by its exit code
            else:
                good, bad = of_tap(said, fine)
            passed, failed = passed + good, failed + bad
    return passed, failed


def of_junit(path):
    passed = failed = 0
    for case in xml.etree.ElementTree.parse(path).iter('testcase'):
        kinds = {child.tag for child in case}
        if kinds & {'failure', 'error'}:
            failed += 1
        elif 'skipped' not in kinds:
            passed += 1
    return passed, failed


def main(kind, path):
    """What left no record has failed."""
    try:
        print(*counts_of(kind, path))
    except (OSError, xml.etree.ElementTree.ParseError) as error:
        print(f'no record of the run: {error}', file=sys.stderr)
        print(0, 1)


def counts_of(kind, path):
    if kind == 'meson':
        return of_meson(path)
    if kind == 'junit':
        return of_junit(path)
    return of_tap(open(path, encoding='utf-8').read())


if __name__ == '__main__':
    main(*sys.argv[1:])
