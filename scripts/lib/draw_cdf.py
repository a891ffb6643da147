#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Draws how times are distributed: draw_cdf.py TITLE FIGURES.json >DRAWING.svg

FIGURES is {name: [seconds, ...]}, as scripts/bench announce writes it. Each name gets a line that says which part
of its times were not longer. The axis of times is logarithmic. The same figures give the same bytes.
"""

import json
import math
import sys
from html import escape

WIDTH, HEIGHT = 900, 420
LEFT, TOP, RIGHT, BOTTOM = 60, 44, 560, 370  # of the plot; names are to the right of it
# That can be told apart in light and dark, and by those who see red and green as one; then by their dashes.
COLOURS = ["#2a7fc9", "#d55e00", "#0a9a78", "#b8689a", "#8f7d00", "#7466d0"]
DASHES = ["", "7 3", "2 3"]
STYLE = """
text { font: 13px sans-serif; fill: #24292f; }
.title { font-weight: bold; }
.grid { stroke: #d0d7de; }
.back { fill: #ffffff; }
path { fill: none; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .grid { stroke: #3d444d; }
  .back { fill: #0d1117; }
}
"""


class Axis:
    """Powers of ten around all times, in pixels."""

    def __init__(self, seconds):
        self.first = math.floor(math.log10(min(seconds)))
        self.last = max(math.ceil(math.log10(max(seconds))), self.first + 1)

    def at(self, seconds):
        return LEFT + (math.log10(seconds) - self.first) / (self.last - self.first) * (RIGHT - LEFT)

    def marks(self):
        """(seconds, as text)"""
        for power in range(self.first, self.last + 1):
            yield 10 ** power, f"{10 ** power:g} s" if power >= 0 else f"{10 ** (power + 3):g} ms"


def height(part):
    return BOTTOM - part * (BOTTOM - TOP)


def steps(seconds, axis):
    """The path of one line: up at each time, and along to the next."""
    seconds = sorted(seconds)
    words = [f"M{axis.at(seconds[0]):.1f} {height(0):.1f}"]
    for i, one in enumerate(seconds, 1):
        words.append(f"H{axis.at(one):.1f}V{height(i / len(seconds)):.1f}")
    return "".join([*words, f"H{RIGHT}"])


def grid(axis):
    for seconds, text in axis.marks():
        x = f"{axis.at(seconds):.1f}"
        yield f'<line class="grid" x1="{x}" y1="{TOP}" x2="{x}" y2="{BOTTOM}"/>'
        yield f'<text x="{x}" y="{BOTTOM + 20}" text-anchor="middle">{text}</text>'
    for percent in range(0, 101, 25):
        y = f"{height(percent / 100):.1f}"
        yield f'<line class="grid" x1="{LEFT}" y1="{y}" x2="{RIGHT}" y2="{y}"/>'
        yield f'<text x="{LEFT - 8}" y="{y}" dy="4" text-anchor="end">{percent} %</text>'


def line(number, name, seconds, axis):
    """With its entry beside the plot."""
    dash = DASHES[number // len(COLOURS) % len(DASHES)]
    look = f'stroke="{COLOURS[number % len(COLOURS)]}"' + (f' stroke-dasharray="{dash}"' if dash else "")
    y = TOP + 12 + 22 * number
    yield f'<path {look} d="{steps(seconds, axis)}"/>'
    yield f'<path {look} d="M{RIGHT + 16} {y - 4}h28"/>'
    yield f'<text x="{RIGHT + 52}" y="{y}">{escape(name)} ({len(seconds)})</text>'


def draw(title, figures):
    """The drawing as text."""
    figures = {name: seconds for name, seconds in figures.items() if seconds}
    axis = Axis([one for seconds in figures.values() for one in seconds])
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
             f'aria-label="{escape(title, quote=True)}">', f"<style>{STYLE}</style>",
             f'<rect class="back" width="{WIDTH}" height="{HEIGHT}"/>',
             f'<text class="title" x="{LEFT}" y="24">{escape(title)}</text>', *grid(axis)]
    for number, (name, seconds) in enumerate(figures.items()):
        lines += line(number, name, seconds, axis)
    return "\n".join([*lines, "</svg>"]) + "\n"


def main():
    title, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        sys.stdout.write(draw(title, json.load(file)))


if __name__ == "__main__":
    main()
