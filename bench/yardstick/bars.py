# SPDX-License-Identifier: GPL-3.0-or-later
"""bars.py - the plot of CPU per query, written as SVG by hand.

A panel for each scene, a bar for each server: its length is the median, the thin
line on it goes from the least round to the greatest, the dashed line through
the panel is the reference. Text is text; colours follow the reader's scheme.
"""
from xml.sax.saxutils import escape

import loads
import sums

WIDTH, LEFT, RIGHT = 760, 130, 190
BAR, GAP, TITLE, FOOT = 16, 6, 34, 20

STYLE = """<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 14px } .small { font-size: 11px; fill: #57606a }
.bar { fill: #8c959f } .ours { fill: #0969da } .bare { fill: #d0d7de }
.whisker { stroke: #24292f; stroke-width: 1 } .reference { stroke: #cf222e; stroke-dasharray: 4 3 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .small { fill: #9198a1 }
.bar { fill: #6e7681 } .ours { fill: #4493f8 } .bare { fill: #3d444d }
.whisker { stroke: #e6edf3 } .reference { stroke: #f85149 }
}
</style>"""


def kind_of(row):
    return "ours" if row.server == sums.OURS else "bare" if row.server in sums.REFERENCES else "bar"


def bar(row, top, scale):
    """One server's line: name, bar, whisker, figure."""
    middle, low, high = (scale(value) for value in (row.cpu.middle, row.cpu.values[0], row.cpu.values[-1]))
    y = top + BAR / 2
    return [
        '<text x="%d" y="%.1f" text-anchor="end">%s</text>' % (LEFT - 8, y + 4, escape(row.server)),
        '<rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>' % (
            kind_of(row), LEFT, top, middle, BAR),
        '<line class="whisker" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>' % (LEFT + low, LEFT + high, y, y),
        '<text class="small" x="%.1f" y="%.1f">%s</text>' % (
            LEFT + max(middle, high) + 6, y + 4, escape(row.cpu.text()))]


def panel(of, top):
    """A scene. Returns its lines and where the next one begins."""
    rows = sorted((row for row in of.rows if row.cpu), key=lambda row: row.cpu.middle)
    longest = max(row.cpu.values[-1] for row in rows)
    scale = lambda value: value / longest * (WIDTH - LEFT - RIGHT)
    noisy = "(too noisy to tell)" if of.noise() else ""
    out = ['<text class="title" x="8" y="%d">%s<tspan class="small" dx="8">%s</tspan></text>' % (
        top + 18, escape(of.scene.name), noisy)]
    y = top + TITLE
    for row in rows:
        out += bar(row, y, scale)
        y += BAR + GAP
    if of.reference and of.reference.cpu:
        x = LEFT + scale(of.reference.cpu.middle)
        out.append('<line class="reference" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>' % (x, x, top + TITLE - 4, y))
    return out, y + 8


def whole(runs):
    """The picture."""
    lines, top = [], 0
    for scene in loads.LOADS:
        of_it = [run for run in runs if run["scene"] == scene.name]
        of = sums.Sums(scene, of_it)
        if any(row.cpu for row in of.rows):
            more, top = panel(of, top)
            lines += more
    lines.append('<text class="small" x="8" y="%d">CPU microseconds per query at saturation: median, least to '
                 'greatest round; dashed: the reference</text>' % (top + 12))
    return "\n".join(
        ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">' % (
            WIDTH, top + FOOT, WIDTH, top + FOOT),
         "<!-- SPDX-License-Identifier: GPL-3.0-or-later; written by ./dev bench speed -->",
         "<title>CPU per query of each server and load</title>", STYLE] + lines + ["</svg>", ""])
