# SPDX-License-Identifier: GPL-3.0-or-later
"""callgrind.py - what a program executed, by function and by folder of its source.

Reads the profile that `valgrind --tool=callgrind` writes (the format is in
valgrind's manual). Only self costs count: the line after `calls=` tells what the
callee cost, and the callee tells that itself. Code that the compiler put into
another function is charged to the file that it was written in.
"""
import os
import re
from collections import Counter

NAME = re.compile(r"\((\d+)\)(?: (.*))?$")
FOLDER = re.compile(r"(?:^|/)src/(\w+)/")
SPEC = re.compile(r"(ob|fl|fi|fe|fn|cob|cfi|cfl|cfn)=(.*)")
SAME = {"cob": "ob", "fi": "fl", "fe": "fl", "cfi": "fl", "cfl": "fl", "cfn": "fn"}


class Names:
    """The compression of names: `(7) text` the first time, then `(7)`."""

    def __init__(self):
        self.known = {}

    def text(self, kind, word):
        found = NAME.match(word)
        if not found:
            return word
        key = (kind, found.group(1))
        if found.group(2) is not None:
            self.known[key] = found.group(2)
        return self.known.get(key, "???")


def place_of(path, binary):
    """The folder of src/ that a file lies in, else the library it was linked into."""
    found = FOLDER.search(path)
    return found.group(1) if found else re.sub(r"(-linux.*)?\.so.*", "", os.path.basename(binary))


def read(path):
    """Returns two Counters of instructions: by place, and by (function, place)."""
    names, now = Names(), {"ob": "", "fl": "", "fn": ""}
    places, functions, skip = Counter(), Counter(), False
    with open(path, errors="replace") as lines:
        for line in lines:
            spec = SPEC.match(line)
            if spec:
                kind, word = spec.groups()
                text = names.text(SAME.get(kind, kind), word.rstrip("\n"))
                if not kind.startswith("c"):
                    now[SAME.get(kind, kind)] = text
            elif line.startswith("calls="):
                skip = True
            elif line[:1].isdigit() or line[:1] in "+-*":
                if not skip:
                    place, cost = place_of(now["fl"], now["ob"]), int(line.split()[1])
                    places[place] += cost
                    functions[now["fn"], place] += cost
                skip = False
    return places, functions


def difference(more, less, count):
    """What one of `count` more things cost, of each Counter's keys: rounded, largest first."""
    each = {key: (more[key] - less[key]) / count for key in set(more) | set(less)}
    return sorted(((cost, key) for key, cost in each.items() if cost >= 0.5), key=lambda pair: -pair[0])
