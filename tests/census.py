#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the marks of the house. They are to be looked at, not to be reached:
no check fails on them.

    tests/census.py [BUILD]    BUILD has the libcore.a whose symbols are counted
                               (default: the newest of build*)"""

import glob
import os
import re
import statistics
import subprocess
import sys

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COMMENT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
FUNCTION = re.compile(r'^[A-Za-z_][\w\s*]*?\b(\w+)\([^;{}]*\)\n\{', re.M)
PROTOTYPE = re.compile(r'^(?!typedef|static|return|#)[A-Za-z_][\w *()]*?\b(hf_\w+)\([^;{}]*\)[^;{}]*;', re.M)
BRANCH = re.compile(r'\b(if|for|while|case)\b|&&|\|\||\?')
CLOCK = re.compile(r'\b(clock_gettime|gettimeofday|time|getrandom)\s*\(')
HIDDEN_EXIT = re.compile(r'^\s*#\s*define\b(?:.*\\\n)*.*\b(return|goto)\b', re.M)


def blank(match):
    text = match.group(0)
    return '\n' * text.count('\n') if text[0] == '/' else '""'


def read(path):
    return open(path, encoding='utf-8').read()


def sources(*endings):
    found = [os.path.join(folder, name) for folder, _, names in os.walk(os.path.join(HOME, 'src'))
             for name in names if name.endswith(endings)]
    return sorted(found)


def short(path):
    return os.path.relpath(path, HOME)


def spread(values):
    """Median, nine in ten, most."""
    values = sorted(values) or [0]
    return f'{statistics.median(values):.0f} / {values[len(values) * 9 // 10 - (len(values) > 9)]} / {values[-1]}'


def functions(path):
    """(lines of the body, branches + 1, name)."""
    text = COMMENT.sub(blank, read(path))
    for match in FUNCTION.finditer(text):
        end = text.find('\n}', match.end())
        body = text[match.end():end]
        yield body.count('\n'), 1 + len(BRANCH.findall(body)), f'{short(path)}:{match.group(1)}'


def documented(path):
    """(name, has words): a comment ends right above a prototype, or above the
    block of prototypes that it stands in, or behind it on its line."""
    text = read(path)
    for match in PROTOTYPE.finditer(text):
        above = text[:match.start()].rstrip('\n')
        block = above.split('\n\n')[-1]
        behind = text[match.end():text.find('\n', match.end())]
        yield match.group(1), '*/' in block or '/*' in behind


def loose_symbols(build):
    """Linker-visible variables that can change."""
    listed = subprocess.run(['objdump', '-t', os.path.join(build, 'libcore.a')],
                            capture_output=True, text=True, check=False).stdout
    return re.findall(r'^[0-9a-f]+ g +O (?:\.t?data|\.t?bss|\*COM\*)\s+\w+ (?:\.hidden )?(\w+)$',
                      listed, re.M)


def print_sizes(code, tests):
    lines = {short(path): read(path).count('\n') for path in code}
    tested = sum(read(path).count('\n') for path in tests)
    print(f'source files                 {len(code)} .c of {sum(lines.values())} lines, '
          f'{len(sources(".h"))} .h; {len(tests)} tests of {tested} lines '
          f'({tested / max(1, sum(lines.values())):.2f} a line of source)')
    print(f'lines of a .c                {spread(lines.values())}   (median / nine in ten / most)')
    print(f'  over 800                   {[f for f, n in lines.items() if n > 800] or "none"}')


def print_functions(code):
    found = sorted((f for path in code for f in functions(path)), reverse=True)
    print(f'lines of a function          {spread([f[0] for f in found])}   of {len(found)}')
    print(f'  the longest                {", ".join(f"{name} {n}" for n, _, name in found[:5])}')
    print(f'branches of a function       {spread([f[1] for f in found])}')
    print(f'  over 20                    {[f[2] for f in found if f[1] > 20] or "none"}')


def print_headers():
    said = [pair for path in sources('.h') for pair in documented(path)]
    silent = [name for name, words in said if not words]
    includes = [len(re.findall(r'^#include "', read(path), re.M)) for path in sources('.h')]
    print(f'prototypes with words        {len(said) - len(silent)} of {len(said)}'
          f'{": not " + ", ".join(silent[:12]) if silent else ""}')
    print(f'project includes of a header {spread(includes)}')


def print_habits(code, build):
    clocks = [short(path) for path in code if CLOCK.search(COMMENT.sub(blank, read(path)))]
    macros = [short(path) for path in code + sources('.h') if HIDDEN_EXIT.search(read(path))]
    forest = sum(len(re.findall(r'^\s*#\s*if', read(path), re.M)) for path in code)
    lines = sum(read(path).count('\n') for path in code)
    loose = loose_symbols(build) if build else None
    print(f'files that read the clock    {clocks or "none"}')
    print(f'macros that hide an exit     {macros or "none"}')
    print(f'#if in 1,000 lines           {1000 * forest / max(1, lines):.1f}')
    print('variables the linker sees    '
          f'{"no build" if loose is None else loose or "none"}')


def main(args):
    builds = sorted(glob.glob(os.path.join(HOME, 'build*', 'libcore.a')), key=os.path.getmtime)
    build = args[0] if args else os.path.dirname(builds[-1]) if builds else None
    tests = sources('_test.c')
    code = [path for path in sources('.c') if path not in tests]
    print_sizes(code, tests)
    print_functions(code)
    print_headers()
    print_habits(code, build)


if __name__ == '__main__':
    main(sys.argv[1:])
