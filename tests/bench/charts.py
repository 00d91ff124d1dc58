# SPDX-License-Identifier: Apache-2.0
"""Charts as SVG, drawn with nothing but the standard library: lines over a scale of numbers, and bars beside each other.
Pure functions: values in, text out. The colours are told apart by people who see no red or green, and each line also has
its name at its end and a mark of its own."""

import dataclasses
import math
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 76, 170, 52, 60
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444")
INK, FAINT = "#222222", "#dddddd"
FONT = 'font-family="DejaVu Sans, Verdana, Arial, sans-serif"'


@dataclass
class Series:
    """A line of points (x, y). A limit is drawn dashed, without marks."""
    name: str
    points: list
    limit: bool = False


@dataclass
class Chart:
    """kind "lines": y over x. kind "bars": groups of bars, a group for each of labels, where each series has a y for each label
    in points (label's place, y)."""
    file: str
    title: str
    x: str
    y: str
    series: list
    kind: str = "lines"
    log_x: bool = False
    log_y: bool = False
    labels: list = field(default_factory=list)
    bench: str = ""


def as_json(charts):
    return [dataclasses.asdict(each) for each in charts]


def from_json(values):
    return [Chart(**{**each, "series": [Series(**{**line, "points": [tuple(p) for p in line["points"]]})
                                        for line in each["series"]]}) for each in values]


def ticks(low, high, log):
    """Round numbers that span low to high: powers of ten, with 2 and 5 between if there are few; or steps of 1, 2 or 5."""
    if log:
        first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
        steps = (1, 2, 5) if last - first < 3 else (1,)
        found = [step * 10.0 ** power for power in range(first, last + 1) for step in steps]
        below = [each for each in found if each <= low * 1.0001] or found[:1]
        above = [each for each in found if each >= high * 0.9999] or found[-1:]
        return [each for each in found if below[-1] <= each <= above[0]]
    span = (high - low) or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(span / 5))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 6)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [step * each for each in range(first, last + 1)]


def tick_text(value):
    if value >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:g}" if abs(value) >= 1e-9 else "0"


def _scale(marks, log, start, end):
    """From a value to its place, for marks from first to last."""
    def of(value):
        return math.log10(max(value, marks[0])) if log else value

    low, high = of(marks[0]), of(marks[-1])
    return lambda value: start + (of(value) - low) / ((high - low) or 1) * (end - start)


def _text(x, y, text, anchor="start", size=12, extra="", colour=INK):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}" {extra}>{escape(text)}</text>'


def _line(x1, y1, x2, y2, colour, width=1.0, extra=""):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}" {extra}/>'


def _mark(number, x, y, colour):
    if number % 3 == 1:
        return f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" fill="{colour}"/>'
    if number % 3 == 2:
        return f'<path d="M{x:.1f} {y - 5:.1f} l5 9 h-10 z" fill="{colour}"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'


def _apart(places, distance, low, high):
    """Moves labels away from each other, downwards in their order, so that none covers another."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = list(places)
    at = low
    for i in order:
        moved[i] = at = max(moved[i], at)
        at += distance
    over = (at - distance) - high
    if over > 0:
        limit = high
        for i in reversed(order):
            moved[i] = min(moved[i], limit)
            limit = moved[i] - distance
    return moved


def _frame(chart, y_marks, y_at):
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" {FONT}>',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
             _text(LEFT, 26, chart.title, size=15, extra='font-weight="bold"'),
             _text(LEFT + (right - LEFT) / 2, HEIGHT - 14, chart.x + (" (log scale)" if chart.log_x else ""), "middle"),
             _text(18, TOP + (bottom - TOP) / 2, chart.y + (" (log scale)" if chart.log_y else ""), "middle",
                   extra=f'transform="rotate(-90 18 {TOP + (bottom - TOP) / 2:.1f})"')]
    for mark in y_marks:
        parts += [_line(LEFT, y_at(mark), right, y_at(mark), FAINT), _text(LEFT - 8, y_at(mark) + 4, tick_text(mark), "end")]
    parts.append(_line(LEFT, TOP, LEFT, bottom, INK))
    parts.append(_line(LEFT, bottom, right, bottom, INK))
    return parts


def _bounds(values, log):
    """What the y scale must span. A linear one begins at zero."""
    values = [each for each in values if each > 0 or not log] or [1.0]
    return (min(values), max(values)) if log else (min(0.0, *values), max(values))


def lines(chart):
    """A chart of lines. A point that a log scale cannot show is left out."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    series = [Series(each.name, [(x, y) for x, y in each.points if (x > 0 or not chart.log_x) and (y > 0 or not chart.log_y)],
                     each.limit) for each in chart.series]
    series = [each for each in series if each.points]
    xs = [x for each in series for x, _ in each.points] or [1]
    x_marks = ticks(min(xs), max(xs), chart.log_x)
    y_marks = ticks(*_bounds([y for each in series for _, y in each.points], chart.log_y), chart.log_y)
    x_at, y_at = _scale(x_marks, chart.log_x, LEFT, right), _scale(y_marks, chart.log_y, bottom, TOP)
    parts = _frame(chart, y_marks, y_at)
    for mark in x_marks:
        parts += [_line(x_at(mark), bottom, x_at(mark), bottom + 5, INK), _text(x_at(mark), bottom + 20, tick_text(mark), "middle")]
    ends = _apart([y_at(each.points[-1][1]) for each in series], 17, TOP + 4, bottom)
    for number, (each, label_y) in enumerate(zip(series, ends)):
        colour = INK if each.limit else COLOURS[number % len(COLOURS)]
        places = [(x_at(x), y_at(y)) for x, y in each.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        dashes = 'stroke-dasharray="6 4"' if each.limit else ""
        width = 1.2 if each.limit else 2
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}" {dashes}/>')
        if not each.limit:
            parts += [_mark(number, x, y, colour) for x, y in places]
        parts.append(_line(places[-1][0] + 5, places[-1][1], right + 12, label_y, colour, 0.6))
        parts.append(_text(right + 15, label_y + 4, each.name, colour=colour))
    return "\n".join(parts + ["</svg>"]) + "\n"


def bars(chart):
    """A chart of bars, each with its value above it. On a log scale a value of nothing has no bar, and says so."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    values = [y for each in chart.series for _, y in each.points]
    low, high = _bounds(values, chart.log_y)
    y_marks = ticks(low * (0.6 if chart.log_y else 1), high, chart.log_y)
    y_at = _scale(y_marks, chart.log_y, bottom, TOP)
    parts = _frame(chart, y_marks, y_at)
    slot = (right - LEFT) / max(1, len(chart.labels))
    width = min(40.0, 0.84 * slot / max(1, len(chart.series)))
    for place, label in enumerate(chart.labels):
        parts.append(_text(LEFT + (place + 0.5) * slot, bottom + 20, label, "middle", size=11))
    for number, each in enumerate(chart.series):
        colour = COLOURS[number % len(COLOURS)]
        for place, y in each.points:
            x = LEFT + (place + 0.5) * slot + (number - len(chart.series) / 2) * width
            top = y_at(y) if y > 0 or not chart.log_y else bottom
            parts.append(f'<rect x="{x + 1:.1f}" y="{top:.1f}" width="{width - 2:.1f}" height="{bottom - top:.1f}" '
                         f'fill="{colour}"/>')
            parts.append(_text(x + width / 2, top - 4, _bar_text(y), "middle", size=9))
        parts.append(f'<rect x="{right + 15}" y="{TOP + 18 * number}" width="11" height="11" fill="{colour}"/>')
        parts.append(_text(right + 31, TOP + 18 * number + 10, each.name))
    return "\n".join(parts + ["</svg>"]) + "\n"


def _bar_text(value):
    return "0" if value == 0 else f"{value:.2g}" if value < 10 else f"{value:.0f}"


def svg(chart):
    return lines(chart) if chart.kind == "lines" else bars(chart)
