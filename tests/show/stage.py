# SPDX-License-Identifier: GPL-3.0-or-later
"""stage.py - what the shows have in common: the harness of tests/real, a
directory that goes away, and everything stopped at the end."""
import argparse
import contextlib
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "real"))

import holdfast  # noqa: E402
import net  # noqa: E402
import peers  # noqa: E402


def arguments(doc, *extra):
    """The parser of a show: its docstring is its help; extra are add_argument calls."""
    parser = argparse.ArgumentParser(description=doc,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    for names, how in extra:
        parser.add_argument(*names, **how)
    parser.add_argument("--bin", help="the binary (default: HOLDFAST_BIN, else the newest build*/holdfast)")
    parser.add_argument("--keep", action="store_true", help="leave files and logs behind")
    options = parser.parse_args()
    if options.bin:
        os.environ["HOLDFAST_BIN"] = options.bin
    if not holdfast.STANDIN and holdfast.binary() is None:
        parser.error("no build*/holdfast: build it, or name it with --bin")
    return options


def option(*names, **how):
    return names, how


@contextlib.contextmanager
def stage(keep=False):
    """A directory; all processes end with it."""
    directory = tempfile.mkdtemp(prefix="holdfast-show-")
    try:
        yield directory
    finally:
        for process in list(net.Process.running):
            process.kill()
        if keep:
            print("files are in", directory, file=sys.stderr)
        else:
            shutil.rmtree(directory)


def subdirectory(directory, name):
    path = os.path.join(directory, name)
    os.makedirs(path)
    return path


def peer(kind, directory, **how):
    if kind.which() is None:
        sys.exit("%s is not installed" % kind.program)
    return kind(directory, **how)


def say(*what):
    print(*what, flush=True)


KINDS = {kind.__name__.lower(): kind for kind in peers.AUTHORITATIVE}
