#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The laws of the house, read from docs/levels.txt and held against every file
of src/. Prints TAP: first that each law can be broken (a small tree with one
fault planted is refused for that fault and no other), then the laws over the
real tree.

    tests/levels.py            both
    tests/levels.py --tree DIR the laws over another tree
"""

import fnmatch
import os
import re
import sys
import tempfile

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>|(\S.*))')
TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
# What tells the time or throws dice. Only loop/ may.
CLOCK_OR_DICE = re.compile(
    r'\b(clock_gettime|clock_nanosleep|gettimeofday|timespec_get|time|ftime|clock|'
    r'getrandom|getentropy|rand|rand_r|random|random_r|drand48|arc4random\w*)\s*\(')
RANDOM_DEVICE = re.compile(r'"/dev/u?random"')
MAY_READ = re.compile(r'^\s*#\s*define\s+HF_MAY_READ_THE_CLOCK\b', re.M)


class Law:
    """docs/levels.txt as sets."""

    def __init__(self, path):
        self.folders = {}
        self.impure = set()
        self.mit = set()
        self.dual = set()
        self.headers = []
        for number, line in enumerate(open(path, encoding='utf-8'), 1):
            words = line.split('#')[0].replace(':', ' : ').split()
            if not words:
                continue
            if words[0] == 'folder' and words[2:3] == [':']:
                self.folders[words[1]] = set(words[3:])
            elif words[0] == 'header' and words[2:3] == [':']:
                self.headers.append((words[1], set(words[3:])))
            elif words[0] in ('impure', 'mit', 'dual'):
                setattr(self, words[0], set(words[1:]))
            else:
                sys.exit(f'{path}:{number}: not a line of the law: {line.strip()}')

    def who_may(self, header):
        for pattern, who in self.headers:
            if fnmatch.fnmatch(header, pattern):
                return who
        return None


class File:
    """One source file: its text, and its text without comments (and strings)."""

    def __init__(self, src, path):
        self.path = path  # from src/: "wire/name.c"
        self.text = open(os.path.join(src, path), encoding='utf-8').read()
        self.code = TOKEN.sub(blank_comment, self.text)
        self.bare = TOKEN.sub(blank, self.text)
        self.folder = path.split('/')[0] if '/' in path else path[:-2]
        self.test = path.endswith('_test.c')
        self.unit = path[:-2]
        # (line number, project header, system header, anything else)
        self.includes = [(number,) + match.groups()
                         for number, line in enumerate(self.code.split('\n'), 1)
                         for match in [INCLUDE.match(line)] if match]


def newlines(text):
    return '\n' * text.count('\n')


def blank(match):
    text = match.group(0)
    return newlines(text) if text[0] == '/' else '""'


def blank_comment(match):
    return newlines(match.group(0)) if match.group(0)[0] == '/' else match.group(0)


def read_tree(src):
    files = []
    for folder, _, names in os.walk(src):
        for name in names:
            if name.endswith(('.c', '.h')):
                files.append(File(src, os.path.relpath(os.path.join(folder, name), src)))
    users = {file: [f for f in files if any(file.path == i[1] for i in f.includes)]
             for file in files}
    news = True
    while news:  # a header that only tests include, or headers of theirs, is part of them
        news = [f for f in files if not f.test and users[f] and all(u.test for u in users[f])]
        for file in news:
            file.test = True
    return sorted(files, key=lambda f: f.path)


def where(file, number):
    return f'src/{file.path}:{number}'


# ---- the laws: each yields a sentence for every breach ----

def folders_look_down_only(law, files):
    """A file includes from its own folder and those that the law lists for it."""
    known = {f.path for f in files}
    for file in files:
        if file.folder not in law.folders:
            yield f'{where(file, 1)}: folder {file.folder} is not in docs/levels.txt'
            continue
        allowed = law.folders[file.folder]
        for number, project, _, other in file.includes:
            if other:
                yield f'{where(file, number)}: an include that cannot be read: {other}'
            if not project:
                continue
            folder = project.split('/')[0]
            if project not in known:
                yield f'{where(file, number)}: "{project}" is no file under src/ (paths begin there)'
            elif not ({'*', folder, project} & allowed or folder == file.folder):
                yield (f'{where(file, number)}: {file.folder} may not include "{project}", only: '
                       f'{" ".join(sorted(allowed)) or "nothing"}')


def headers_stay_in_their_place(law, files):
    """A library or system header with a row is included only where the row says."""
    for file in files:
        for number, _, system, _ in file.includes:
            who = law.who_may(system) if system and not file.test else None
            if who is None or who & {file.folder, file.path}:
                continue
            if 'impure' in who and file.folder in law.impure:
                continue
            yield (f'{where(file, number)}: <{system}> belongs to: '
                   f'{" ".join(sorted(who)) or "tests"}')


def no_circle_between_units(law, files):
    """x.c and x.h are one unit; following includes never leads back to it."""
    edges = {}
    for file in files:
        targets = edges.setdefault(file.unit, {})
        for number, project, _, _ in file.includes:
            if project and project[:-2] != file.unit:
                targets.setdefault(project[:-2], where(file, number))
    done, path = set(), []

    def visit(unit):
        if unit in path:
            yield ' -> '.join(path[path.index(unit):] + [unit])
            return
        if unit in done:
            return
        path.append(unit)
        for target in sorted(edges.get(unit, {})):
            yield from visit(target)
        done.add(path.pop())

    for unit in sorted(edges):
        for circle in visit(unit):
            first, second = circle.split(' -> ')[:2]
            yield f'{edges[first][second]}: a circle: {circle}'


def only_the_loop_reads_clock_and_dice(law, files):
    """Time and chance come through loop/ and are handed down."""
    for file in files:
        if file.folder == 'loop' or file.path == 'base/banned.h':
            continue
        for text, pattern in ((file.bare, CLOCK_OR_DICE), (file.code, RANDOM_DEVICE)):
            for match in pattern.finditer(text):
                number = text.count('\n', 0, match.start()) + 1
                yield (f'{where(file, number)}: {match.group(0).rstrip("(").strip()}: '
                       'only src/loop/ reads the clock and throws dice')


def only_the_loop_lifts_the_ban(law, files):
    """HF_MAY_READ_THE_CLOCK is defined in loop/ only."""
    for file in files:
        match = MAY_READ.search(file.bare)
        if match and file.folder != 'loop':
            number = file.bare.count('\n', 0, match.end()) + 1
            yield f'{where(file, number)}: HF_MAY_READ_THE_CLOCK is for src/loop/ only'


def every_file_names_its_licence(law, files):
    """First line: MIT in the folders that can be taken elsewhere, BSD or GPL-2.0 for
    what the kernel takes in, else GPL-3.0 or later."""
    for file in files:
        licence = 'MIT' if file.folder in law.mit else 'GPL-3.0-or-later'
        if file.path in law.dual:
            licence = 'BSD-2-Clause OR GPL-2.0-only'
        wanted = f'/* SPDX-License-Identifier: {licence} */'
        if file.text.split('\n')[0] != wanted:
            yield f'{where(file, 1)}: the first line is not {wanted}'


def every_header_is_guarded(law, files):
    """#ifndef HF_FOLDER_FILE_H, the same name defined."""
    for file in files:
        if not file.path.endswith('.h'):
            continue
        guard = 'HF_' + re.sub(r'\W', '_', file.path).upper()
        code = [line for line in file.bare.split('\n') if line.strip()]
        if code[:2] != [f'#ifndef {guard}', f'#define {guard}'] or code[-1] != '#endif':
            yield f'{where(file, 1)}: not guarded by {guard}'


def every_header_tells_its_story(law, files):
    """Second line: what the header is, as "name.h - a sentence"."""
    for file in files:
        if not file.path.endswith('.h'):
            continue
        begin = f'/* {os.path.basename(file.path)} - '
        if not file.text.split('\n', 2)[1].startswith(begin):
            yield f'{where(file, 2)}: does not begin its story with "{begin.strip()}"'


LAWS = [folders_look_down_only, headers_stay_in_their_place, no_circle_between_units,
        only_the_loop_reads_clock_and_dice, only_the_loop_lifts_the_ban,
        every_file_names_its_licence, every_header_is_guarded, every_header_tells_its_story]


# ---- each law can be broken ----

MIT = '/* SPDX-License-Identifier: MIT */\n'
GPL = '/* SPDX-License-Identifier: GPL-3.0-or-later */\n'


def header(path, licence=GPL, body=''):
    guard = 'HF_' + re.sub(r'\W', '_', path).upper()
    return (f'{licence}/* {os.path.basename(path)} - a planted file. */\n'
            f'#ifndef {guard}\n#define {guard}\n{body}#endif\n')


# A tree without fault, and what is put over it: (law that must speak, where, files).
CLEAN = {
    'base/error.h': header('base/error.h', MIT),
    'base/address.c': MIT + '#include <arpa/inet.h>\n#include <netinet/in.h>\n',
    'wire/dns.h': header('wire/dns.h', MIT),
    'wire/name.h': header('wire/name.h', MIT, '#include "base/error.h"\n'),
    'wire/name.c': MIT + '#include "wire/name.h"\n/* not time(NULL), nor\n#include "face/x.h" */\n'
                   'const char *text = "time(0)";\n',
    'loop/loop.c': GPL + '#define HF_MAY_READ_THE_CLOCK\n#include <sys/epoll.h>\n'
                   'long f(void) { return time(0); }\n',
    'transport/udp.c': GPL + '#include "wire/dns.h"\n#include <sys/socket.h>\n',
    'zone/store.c': GPL + '#include <libknot/libknot.h>\n',
    'cache/cache.c': GPL + '#include <stdatomic.h>\n',
    'cache/cache_test.c': GPL + '#include <pthread.h>\n#include <cmocka.h>\n',
    'cache/scenes.h': header('cache/scenes.h', GPL, '#include <cmocka.h>\n'),
    'cache/scenes_test.c': GPL + '#include "cache/scenes.h"\n',
    'main.c': GPL + '#include "wire/name.h"\n',
}
FAULTS = [
    (folders_look_down_only, 'src/wire/name.c:2:',
     {'wire/name.c': MIT + '#include "cache/cache.h"\n', 'cache/cache.h': header('cache/cache.h')}),
    (folders_look_down_only, 'src/transport/udp.c:2:',
     {'transport/udp.c': GPL + '#include "wire/name.h"\n'}),
    (folders_look_down_only, 'src/cache/cache_test.c:2:',
     {'cache/cache_test.c': GPL + '#include "zone/store.h"\n', 'zone/store.h': header('zone/store.h')}),
    (folders_look_down_only, 'src/cellar/x.c:1:', {'cellar/x.c': GPL}),
    (folders_look_down_only, 'src/wire/name.c:2:', {'wire/name.c': MIT + '#include "name.h"\n'}),
    (folders_look_down_only, 'src/wire/name.c:2:', {'wire/name.c': MIT + '#include WHATEVER\n'}),
    (headers_stay_in_their_place, 'src/cache/cache.c:2:',
     {'cache/cache.c': GPL + '#include <libknot/dname.h>\n'}),
    (headers_stay_in_their_place, 'src/forward/query.c:3:',
     {'forward/query.c': GPL + '\n#  include <sys/socket.h>\n'}),
    (headers_stay_in_their_place, 'src/base/number.c:2:',
     {'base/number.c': MIT + '#include <arpa/inet.h>\n'}),
    (headers_stay_in_their_place, 'src/cache/cache.c:2:',
     {'cache/cache.c': GPL + '#include <pthread.h>\n'}),
    (headers_stay_in_their_place, 'src/cache/scenes.h:5:',
     {'cache/cache.c': GPL + '#include "cache/scenes.h"\n'}),
    (headers_stay_in_their_place, 'src/engine/worker.c:2:',
     {'engine/worker.c': GPL + '#include <jansson.h>\n'}),
    (no_circle_between_units, 'src/cache/a.c:2:',
     {'cache/a.h': header('cache/a.h'), 'cache/a.c': GPL + '#include "cache/b.h"\n',
      'cache/b.h': header('cache/b.h'), 'cache/b.c': GPL + '#include "cache/c.h"\n',
      'cache/c.h': header('cache/c.h', GPL, '#include "cache/a.h"\n')}),
    (only_the_loop_reads_clock_and_dice, 'src/serve/x.c:3:',
     {'serve/x.c': GPL + '/* a\n*/ long f(void) { return time (0); }\n'}),
    (only_the_loop_reads_clock_and_dice, 'src/cache/x.c:2:',
     {'cache/x.c': GPL + 'int f(void *p) { return getrandom(p, 1, 0); }\n'}),
    (only_the_loop_reads_clock_and_dice, 'src/face/x.c:2:',
     {'face/x.c': GPL + 'const char *dice = "/dev/urandom";\n'}),
    (only_the_loop_lifts_the_ban, 'src/serve/x.c:3:',
     {'serve/x.c': GPL + '\n# define HF_MAY_READ_THE_CLOCK 1\n'}),
    (every_file_names_its_licence, 'src/wire/name.c:1:',
     {'wire/name.c': GPL + '#include "wire/name.h"\n'}),
    (every_file_names_its_licence, 'src/xdp/xdp_map.h:1:',
     {'xdp/xdp_map.h': header('xdp/xdp_map.h', GPL)}),
    (every_file_names_its_licence, 'src/cache/cache.c:1:', {'cache/cache.c': 'int x;\n'}),
    (every_header_is_guarded, 'src/wire/name.h:1:',
     {'wire/name.h': header('wire/name.h', MIT).replace('NAME_H', 'NAMES_H')}),
    (every_header_is_guarded, 'src/wire/dns.h:1:',
     {'wire/dns.h': header('wire/dns.h', MIT, '').replace('#endif\n', '#endif\nint x;\n')}),
    (every_header_tells_its_story, 'src/wire/dns.h:2:',
     {'wire/dns.h': header('wire/dns.h', MIT).replace('/* dns.h - ', '/* ')}),
]


def breaches_of(law, tree):
    with tempfile.TemporaryDirectory() as src:
        for path, text in tree.items():
            os.makedirs(os.path.dirname(os.path.join(src, path)), exist_ok=True)
            with open(os.path.join(src, path), 'w', encoding='utf-8') as out:
                out.write(text)
        files = read_tree(src)
        return {rule: list(rule(law, files)) for rule in LAWS}


def fault_is_found(law, rule, place, files):
    """None, or what went otherwise: this law must speak once, of this place."""
    found = breaches_of(law, {**CLEAN, **files})
    said = found.pop(rule)
    others = [line for lines in found.values() for line in lines]
    if len(said) != 1 or not said[0].startswith(place):
        return f'wanted one breach at {place}, got {said}'
    return f'other laws spoke too: {others}' if others else None


def tap(number, name, complaints):
    print(f'{"not ok" if complaints else "ok"} {number} - {name}')
    for line in complaints:
        print(f'# {line}')
    return not complaints


def main(args):
    home = args[1] if args[:1] == ['--tree'] else HOME
    law = Law(os.path.join(HOME, 'docs', 'levels.txt'))
    cases = []
    if home == HOME:
        clean = [line for lines in breaches_of(law, CLEAN).values() for line in lines]
        cases.append(('a_tree_without_fault_passes', clean))
        for number, (rule, place, files) in enumerate(FAULTS, 1):
            complaint = fault_is_found(law, rule, place, files)
            cases.append((f'planted_fault_{number}_breaks_{rule.__name__}',
                          [complaint] if complaint else []))
    files = read_tree(os.path.join(home, 'src'))
    cases.append(('there_is_a_tree', [] if files else ['src/ is empty']))
    for rule in LAWS:
        cases.append((rule.__name__, list(rule(law, files))))
    print(f'1..{len(cases)}')
    results = [tap(i, name, complaints) for i, (name, complaints) in enumerate(cases, 1)]
    return 0 if all(results) else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
