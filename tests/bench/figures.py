# SPDX-License-Identifier: Apache-2.0
"""What a benchmark found, as values, and these values as a table of 80 columns, as Markdown and as JSON. Nothing here
measures, reads a clock or opens a file."""

import dataclasses
import statistics
import textwrap
from dataclasses import dataclass

WIDTH = 80


@dataclass
class Figure:
    """One thing measured. beside: what a floor or a peer took in the same run, and which one that was. limit: the goal, on the
    ratio of the two (limit_of "ratio") or on the value itself ("value"). Without a limit it is there to be looked at."""
    bench: str
    goal: int
    what: str
    measured: float | None
    unit: str
    beside: float | None = None
    peer: str = ""
    limit: float | None = None
    limit_of: str = "value"
    note: str = ""  # how it was measured, or why it could not be

    @property
    def ratio(self):
        if self.measured is None or self.beside is None or self.measured < 0 or self.beside <= 0:
            return None
        return self.measured / self.beside

    @property
    def reached(self):
        """Whether the goal is; None if it has none. What could not be measured is not reached."""
        if self.limit is None:
            return None
        value = self.ratio if self.limit_of == "ratio" else self.measured
        return value is not None and value <= self.limit

    @property
    def excess(self):
        """How many times the limit it was."""
        value = self.ratio if self.limit_of == "ratio" else self.measured
        return value / self.limit if value is not None and self.limit else None


def number(value):
    """Three digits that count."""
    if value is None:
        return "-"
    for bound, form in ((0.0005, "0"), (0.1, "{:.3f}"), (10, "{:.2f}"), (100, "{:.1f}"), (100000, "{:.0f}")):
        if abs(value) < bound:
            return form.format(value)
    return f"{value:.3g}"


def quantity(value, unit):
    """A number with its unit; seconds below one as milliseconds."""
    if value is None:
        return "-"
    if unit == "s" and abs(value) < 1:
        value, unit = 1000 * value, "ms"
    return f"{number(value)} {unit}".rstrip()


def limit_text(figure):
    if figure.limit is None:
        return ""
    return f"{figure.limit:g} x" if figure.limit_of == "ratio" else quantity(figure.limit, figure.unit)


def verdict(figure):
    """The last column."""
    return {None: "", True: "yes", False: "NO"}[figure.reached]


def reason(figure):
    """Why the goal is not reached, as far as the figures tell; otherwise how it was measured."""
    if figure.reached is False and figure.measured is not None and figure.excess is not None:
        missed = f"{number(figure.excess)} times the limit"
        return f"{missed}; {figure.note}" if figure.note else missed
    return figure.note


def _row(goal, what, measured, beside, ratio, limit, mark):
    return f"{goal:<4} {what:<31}{measured:>12}{beside:>11}{ratio:>6}{limit:>10}{mark:>5}".rstrip()


def table(figures):
    """Lines of at most 80 columns: a row for each figure, and below it what stood beside and why."""
    lines = [_row("goal", "", "measured", "beside", "ratio", "limit", "ok?")]
    bench = None
    for each in figures:
        if each.bench != bench:
            bench = each.bench
            lines += ["", f"-- {bench} " + "-" * (WIDTH - len(bench) - 4)]
        names = textwrap.wrap(each.what, 31)
        lines.append(_row(each.goal, names[0], quantity(each.measured, each.unit), quantity(each.beside, each.unit),
                          number(each.ratio) if each.ratio is not None else "", limit_text(each), verdict(each)))
        lines += [f"     {rest}" for rest in names[1:]]
        for label, text in (("beside: ", each.peer), ("", reason(each))):
            if text:
                lines += textwrap.wrap(label + text, WIDTH, initial_indent=" " * 7, subsequent_indent=" " * 9)
    with_goal = [each for each in figures if each.reached is not None]
    reached = sum(each.reached for each in with_goal)
    lines += ["", f"{len(figures)} figures; of {len(with_goal)} goals {reached} reached, {len(with_goal) - reached} not"]
    return "\n".join(lines)


def markdown(figures):
    """A table for each benchmark: {name: text}."""
    texts = {}
    for each in figures:
        lines = texts.setdefault(each.bench, ["| goal | what | measured | beside | ratio | limit | reached |",
                                              "|---|---|---|---|---|---|---|"])
        beside = f"{quantity(each.beside, each.unit)} ({each.peer})" if each.beside is not None else each.peer
        mark = {None: "", True: "yes", False: "**no**"}[each.reached]
        why = f": {reason(each)}" if reason(each) else ""
        ratio = number(each.ratio) if each.ratio is not None else ""
        cells = [str(each.goal), each.what, quantity(each.measured, each.unit), beside, ratio, limit_text(each),
                 (mark + why).removeprefix(": ")]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return {name: "\n".join(lines) for name, lines in texts.items()}


def as_json(figures):
    return [{**dataclasses.asdict(each), "ratio": each.ratio, "reached": each.reached} for each in figures]


def from_json(values):
    names = {each.name for each in dataclasses.fields(Figure)}
    return [Figure(**{name: value for name, value in each.items() if name in names}) for each in values]


def median(values):
    return statistics.median(values) if values else None


def quantile(values, part):
    """The value below which that part of them lies, e.g. 0.99."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else None
