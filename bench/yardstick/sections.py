# SPDX-License-Identifier: GPL-3.0-or-later
"""sections.py - the parts of a page that another benchmark writes than the one that
writes the page. Such a part begins with a heading, and then says who wrote it; whoever
writes the page anew keeps these, and each of them is put in place without the others."""
import re

MARK = re.compile(r"## .*\n\s*<!-- Written by `\./dev bench \w+ --write`\. -->")


def split(text):
    """What is above the first heading of a part, then the parts."""
    return re.split(r"(?m)^(?=## )", text)


def join(parts):
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def kept(path):
    """The parts of a page that are others', to be put behind what is written anew."""
    try:
        with open(path) as page:
            others = [part for part in split(page.read()) if MARK.match(part)]
    except OSError:
        return ""
    return "\n" + join(others) if others else ""


def put(path, heading, text):
    """Puts a part in the place of its older self, or at the end."""
    with open(path) as page:
        parts = split(page.read())
    part = heading + "\n" + text
    at = next((i for i, old in enumerate(parts) if old.startswith(heading + "\n")), len(parts))
    parts[at:at + 1] = [part]
    with open(path, "w") as page:
        page.write(join(parts))
