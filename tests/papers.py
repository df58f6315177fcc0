#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks what stands beside the code: licences, scripts, generated pages,
manuals and examples, and how a run is counted. Prints TAP.

    tests/papers.py BUILD    the build directory whose holdfast writes the pages
                             anew, and where the manuals were put together"""

import glob
import json
import os
import re
import subprocess
import sys

import tally

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCE = re.compile(r'(\.(c|h|py|sh|play|[1578])|meson\.build|meson_options\.txt|^dev|^\.ci/run)$')

# Page in the tree -> the words that make the binary write it.
GENERATED = {
    'docs/configuration.md': ['doc', 'reference'],
    'docs/holdfast.schema.json': ['doc', 'schema'],
}


def run(*words):
    return subprocess.run(words, cwd=HOME, capture_output=True, text=True, check=False)


def all_files():
    """Paths of what belongs to the tree: git's word, or all but builds."""
    listed = run('git', 'ls-files', '-co', '--exclude-standard')
    if listed.returncode == 0:
        return sorted(p for p in listed.stdout.split('\n') if os.path.isfile(os.path.join(HOME, p)))
    found = []
    for folder, folders, names in os.walk(HOME):
        folders[:] = [f for f in folders if not f.startswith(('build', '.git', '__pycache__'))]
        found += [os.path.relpath(os.path.join(folder, name), HOME) for name in names]
    return sorted(found)


def head(path):
    with open(os.path.join(HOME, path), encoding='utf-8', errors='replace') as text:
        return [text.readline() for _ in range(3)]


def every_source_file_names_its_licence(files, _):
    for path in files:
        if SOURCE.search(path) and 'SPDX-License-Identifier: ' not in ''.join(head(path)):
            yield f'{path}:1: no SPDX-License-Identifier in the first three lines'


def shell_scripts_pass_shellcheck(files, _):
    scripts = [p for p in files if re.match(r'#!.*\b(ba)?sh\b', head(p)[0])]
    done = run('shellcheck', *scripts)
    if done.returncode:
        yield from done.stdout.split('\n')
    if not scripts:
        yield 'no shell script found'


def generated_pages_are_what_the_binary_writes(_, build):
    binary = os.path.join(build, 'holdfast')
    for page, words in GENERATED.items():
        done = run(binary, *words)
        if done.returncode or not done.stdout:
            yield f'{binary} {" ".join(words)} exits {done.returncode}: {done.stderr.strip()}'
            continue
        path = os.path.join(HOME, page)
        held = open(path, encoding='utf-8').read() if os.path.exists(path) else ''
        if held != done.stdout:
            yield f'{page}: not up to date: {binary} {" ".join(words)} > {page}'


def manuals_are_well_formed(files, build):
    frames = [p for p in files if re.search(r'^docs/man/[^/]*\.[1578]$', p)]
    manuals = sorted(glob.glob(os.path.join(build, 'docs', 'man', '*.[1578]')))
    if not frames or {os.path.basename(p) for p in frames} != {os.path.basename(p) for p in manuals}:
        yield f'docs/man has {frames}, the build {manuals}'
        return
    done = run('mandoc', '-T', 'lint', '-W', 'warning', *manuals)
    if done.returncode:
        yield from (done.stdout + done.stderr).split('\n')


def every_local_link_of_a_page_leads_somewhere(files, _):
    for path in (p for p in files if p.endswith('.md')):
        text = open(os.path.join(HOME, path), encoding='utf-8').read()
        for target in re.findall(r'\]\(([^)#\s]+)(?:#[^)]*)?\)', text):
            if not target.startswith(('http:', 'https:', 'mailto:')) and not os.path.exists(
                    os.path.join(HOME, os.path.dirname(path), target)):
                yield f'{path}: a link to {target}, which is not there'


# What a program wrote, if meson found it finished -> passed, failed, skipped.
RUNS = [
    ('1..2\nok 1 - a\nnot ok 2 - b\n', False, (1, 1, [])),
    ('1..2\nok 1 - a\n', False, (1, 1, [])),   # it died
    ('1..0\n', True, (0, 1, [])),              # no word why
    ('1..0 # SKIP no BPF\n', True, (0, 0, ['unit: no BPF'])),
    ('1..0 # SKIP no BPF\n', False, (0, 1, [])),
    ('1..2\n# skipped: a: no AES\nok 1 - a\nok 2 - b\n', True, (1, 0, ['a: no AES'])),
    ('1..2\nok 1 # SKIP a\nok 2 - b\n', True, (1, 0, ['unit: 1 # SKIP a'])),
]


def what_is_skipped_neither_passes_nor_fails_and_has_a_name(_, __):
    for said, finished, counts in RUNS:
        if tally.of_tap(said, 'unit', finished) != counts:
            yield f'{said!r} counts as {tally.of_tap(said, "unit", finished)}, not {counts}'


def examples(path, keys):
    """(line, text) of what a page shows of a configuration; other YAML has other keys."""
    text = open(os.path.join(HOME, path), encoding='utf-8').read()
    for found in re.finditer(r'^```yaml\n(.*?)^```', text, re.M | re.S):
        if re.match(r'[a-z-]*', found[1])[0] in keys:
            yield text.count('\n', 0, found.start()) + 2, found[1]


def faults_of(binary, text):
    """What is wrong with it, but for files that are not here."""
    done = subprocess.run([binary, 'check', '-c', '/dev/stdin'], input=text, capture_output=True,
                          text=True, check=False)
    return [line for line in (done.stdout + done.stderr).split('\n')
            if ' error: ' in line and 'No such file or directory' not in line]


def examples_of_pages_are_good_configurations(files, build):
    binary = os.path.join(build, 'holdfast')
    keys = json.loads(run(binary, 'doc', 'schema').stdout)['properties']
    for path in (p for p in files if p.endswith('.md')):
        first = ''
        for line, text in examples(path, keys):
            # Alone, or as what is added to the page's first.
            faults = faults_of(binary, text)
            if faults and (not first or faults_of(binary, first + text)):
                yield f'{path}:{line}: {faults[0]}'
            first = first or text


CHECKS = [every_source_file_names_its_licence, shell_scripts_pass_shellcheck,
          generated_pages_are_what_the_binary_writes, manuals_are_well_formed,
          every_local_link_of_a_page_leads_somewhere, examples_of_pages_are_good_configurations,
          what_is_skipped_neither_passes_nor_fails_and_has_a_name]


def complaints_of(check, files, build):
    try:
        return list(check(files, build))
    except OSError as error:
        return [str(error)]


def main(build):
    files, good = all_files(), True
    print(f'1..{len(CHECKS)}')
    for number, check in enumerate(CHECKS, 1):
        complaints = complaints_of(check, files, os.path.abspath(build))
        print(f'{"not ok" if complaints else "ok"} {number} - {check.__name__}')
        for line in complaints:
            print(f'# {line}')
        good = good and not complaints
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
