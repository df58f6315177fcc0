#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints "passed failed" of a test run.

    tally.py meson DIR    the last `meson test` of a build directory, by TAP case
    tally.py junit FILE   a JUnit report (pytest)
    tally.py tap FILE     TAP output

What was skipped, as this machine lacks what it takes (rights for BPF, namespaces, an
instruction), is neither: it is named on standard error, in lines "skipped: NAME: WHY"."""

import json
import os
import re
import sys
import xml.etree.ElementTree

CASE = re.compile(r'^(not )?ok\b(.*)$', re.M)
PLAN = re.compile(r'^1\.\.(\d+)', re.M)
NOTHING = re.compile(r'^1\.\.0 # skip\w*:?\s*(.*)$', re.M | re.I)  # a program that has no test to run
LEFT_OUT = re.compile(r'^# skipped: (.*)$', re.M)                  # base/skipped.h


def of_tap(text, name, finished=True):
    """A plan that was not kept, or none at all, is one failure more."""
    nothing = NOTHING.search(text)
    if nothing and finished:
        return 0, 0, [f'{name}: {nothing.group(1)}']
    skipped = LEFT_OUT.findall(text)  # whose case says "ok" all the same
    results = []
    for bad, rest in CASE.findall(text):
        if '# skip' in rest.lower():
            skipped.append(f'{name}: {rest.strip()}')
        else:
            results.append(bool(bad))
    lines = len(CASE.findall(text))
    plan = PLAN.search(text)
    failed = sum(results)
    passed = len(results) - failed - len(LEFT_OUT.findall(text))
    if not plan or not lines or int(plan.group(1)) != lines or (not finished and not failed):
        failed += 1
    return max(passed, 0), failed, skipped


def of_meson(directory):
    passed, failed, skipped = 0, 0, []
    with open(os.path.join(directory, 'meson-logs', 'testlog.json'), encoding='utf-8') as log:
        for line in log:
            test = json.loads(line)
            said, name = test.get('stdout', ''), test['name'].split(' / ')[-1]
            if test['result'] == 'OK' and not PLAN.search(said):
                passed += 1  # not TAP: meson judges it by its exit code
                continue
            good, bad, left_out = of_tap(said, name, test['result'] in ('OK', 'SKIP'))
            passed, failed, skipped = passed + good, failed + bad, skipped + left_out
    return passed, failed, skipped


def of_junit(path):
    passed, failed, skipped = 0, 0, []
    for case in xml.etree.ElementTree.parse(path).iter('testcase'):
        kinds = {child.tag: child for child in case}
        if kinds.keys() & {'failure', 'error'}:
            failed += 1
        elif 'skipped' in kinds:
            names = [case.get('classname'), case.get('name')]
            skipped.append(f'{".".join(filter(None, names))}: {kinds["skipped"].get("message")}')
        else:
            passed += 1
    return passed, failed, skipped


def main(kind, path):
    """What left no record has failed."""
    try:
        passed, failed, skipped = counts_of(kind, path)
    except (OSError, xml.etree.ElementTree.ParseError) as error:
        print(f'no record of the run: {error}', file=sys.stderr)
        passed, failed, skipped = 0, 1, []
    for what in skipped:
        print('skipped:', ' '.join(what.split()), file=sys.stderr)
    print(passed, failed)


def counts_of(kind, path):
    if kind == 'meson':
        return of_meson(path)
    if kind == 'junit':
        return of_junit(path)
    return of_tap(open(path, encoding='utf-8').read(), os.path.basename(path))


if __name__ == '__main__':
    main(*sys.argv[1:])
