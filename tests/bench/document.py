# SPDX-License-Identifier: Apache-2.0
"""docs/performance.md: the prose is written by hand, and what lies between two marks is written by tests/bench/run --docs."""

import re

import figures

BEGIN = "<!-- bench {name} -->"
END = "<!-- end -->"


HEAD = "| benchmarks | begun | leased | length | load of the machine before, after |"


def _earlier(text, names):
    """The lines of runs before, of benchmarks that are not among these."""
    for line in text.splitlines():
        if not line.startswith("| ") or line == HEAD:
            continue
        first, rest = line[2:].split(" | ", 1)
        left = [name for name in first.split(", ") if name not in names]
        if left:
            yield f"| {', '.join(left)} | {rest}"


def _runs(about, before):
    """A line for each run, those whose figures stay among them, and what all had in common below."""
    lines = [HEAD, "|---|---|---|---|---|", *_earlier(before, {name for each in about for name in each["names"]})]
    for each in about:
        length = "quick" if each["quick"] else "full"
        length += f", at most {each['most']} units or machines" if each.get("most") else ""
        lines.append(f"| {', '.join(each['names'])} | {each['when']} | {each['leased']} | {length} | "
                     f"{each['load before']:.1f}, {each['load after']:.1f} |")
    common = {f"{each['processors']} processors, Linux {each['kernel']}, {each['systemd']}, {each['etcd']}" for each in about}
    return "\n".join(lines) + "\n\n" + "\n".join(sorted(common)) + "."


def _part(name, before, about, tables, drawn):
    if name == "circumstances":
        return _runs(about, before)
    pictures = "".join(f"\n![{each.title}](performance/{each.file})\n" for each in drawn.get(name, []))
    return tables[name] + "\n" + pictures


def fill(text, about, found, charts):
    """The text with what was measured now in each of its parts; a part of a benchmark that was not run stays as it is."""
    tables, drawn = figures.markdown(found), {}
    for each in charts:
        drawn.setdefault(each.bench, []).append(each)

    def replace(match):
        name = match.group(1)
        if name not in tables and name != "circumstances":
            return match.group(0)
        return f"{BEGIN.format(name=name)}\n\n{_part(name, match.group(0), about, tables, drawn).strip()}\n\n{END}"

    return re.sub(r"<!-- bench ([\w-]+) -->\n.*?<!-- end -->", replace, text, flags=re.DOTALL)
