# SPDX-License-Identifier: Apache-2.0
"""Who calls whom among the files of a folder, computed from their text: a file is a .c and the header of its name together, and
an arrow leads from a file to each file whose functions or variables it names, or whose header it includes. Run as a program, it
prints the circles of every folder of a tree:  arrows.py [SRC]..."""

import os
import re
import sys

COMMENT_OR_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)
# A definition begins in the first column, which clang-format sees to.
FUNCTION = re.compile(r"^(?!static\b|typedef\b|extern\b|return\b|else\b|#)[A-Za-z_][^;={}#]*?\b(\w+)\((?:[^;{}]*?)\)\s*\{", re.M)
VARIABLE = re.compile(r"^(?!static\b|typedef\b|extern\b|struct \w+ \{|#)[A-Za-z_][\w \*]*?\b(\w+)(?:\[[^\]]*\])*\s*=", re.M)
WORD = re.compile(r"\b[A-Za-z_]\w*\b")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def sources_of(folder):
    """The files of a folder, those of the folders in it included: {name: [paths]}."""
    files = {}
    for directory, _, names in os.walk(folder):
        for name in names:
            if name.endswith((".c", ".h")):
                path = os.path.join(directory, name)
                files.setdefault(os.path.relpath(path, folder)[:-2], []).append(path)
    return files


def arrows_of(folder):
    """{file: {file that it needs: the names that say so}}."""
    files = {name: {path: read(path) for path in paths} for name, paths in sources_of(folder).items()}
    bare = {name: {path: COMMENT_OR_TEXT.sub(" ", text) for path, text in texts.items()} for name, texts in files.items()}
    home, has_source = {}, {name for name, texts in files.items() if any(path.endswith(".c") for path in texts)}
    for name, texts in bare.items():
        for path, text in texts.items():
            if path.endswith(".c"):
                for symbol in FUNCTION.findall(text) + VARIABLE.findall(text):
                    if symbol != "main":
                        home[symbol] = name
    arrows = {name: {} for name in files}
    prefix = os.path.basename(os.path.normpath(folder)) + "/"
    for name, texts in files.items():
        for path, text in texts.items():
            for include in INCLUDE.findall(text):
                other = include[len(prefix):-2] if include.startswith(prefix) else None
                if other in has_source and other != name:
                    arrows[name].setdefault(other, set()).add(f"#include {include}")
            own = set(re.findall(r"^static [^;={}]*?\b(\w+)\(", bare[name][path], re.M))
            for word in set(WORD.findall(bare[name][path])) - own if path.endswith(".c") else ():
                if home.get(word, name) != name:
                    arrows[name].setdefault(home[word], set()).add(word)
    return arrows


def circles_of(arrows):
    """The largest groups of files each of which reaches every other: those of more than one file, sorted."""
    order, seen = [], set()
    for root in sorted(arrows):
        stack = [(root, iter(sorted(arrows[root])))] if root not in seen else []
        seen.add(root)
        while stack:
            name, rest = stack[-1]
            for other in rest:
                if other not in seen and other in arrows:
                    seen.add(other)
                    stack.append((other, iter(sorted(arrows[other]))))
                    break
            else:
                order.append(name)
                stack.pop()
    back = {name: {a for a in arrows if name in arrows[a]} for name in arrows}
    circles, left = [], set(arrows)
    for root in reversed(order):
        group, waiting = set(), [root] if root in left else []
        while waiting:
            name = waiting.pop()
            if name in left:
                left.remove(name)
                group.add(name)
                waiting.extend(back[name])
        if len(group) > 1:
            circles.append(sorted(group))
    return sorted(circles)


def order_of(header):
    """The files of a folder in the order in which its header names them: "*   NAME, NAME  what it is", best first."""
    names = re.findall(r"^ \*   (\w[\w-]*(?:, [\w-]+)*)  +\S", read(header), re.M)
    return [name for line in names for name in line.split(", ")]


def upward_of(folder, order):
    """Calls of a file that comes before the one that it calls, and files that the order does not name."""
    place = {name: i for i, name in enumerate(order)}
    found = []
    for name, others in sorted(arrows_of(folder).items()):
        if name not in place:
            found.append(f"{name} is not in the order")
            continue
        for other, names in sorted(others.items()):
            calls = sorted(each for each in names if not each.startswith("#"))
            if calls and place.get(other, -1) > place[name]:
                found.append(f"{name} -> {other}: {' '.join(calls)}")
    return found


def main(roots):
    for folder in roots or [entry.path for entry in sorted(os.scandir("src"), key=lambda e: e.name) if entry.is_dir()]:
        arrows = arrows_of(folder)
        for circle in circles_of(arrows):
            print(f"{folder}: {len(circle)} files: {' '.join(circle)}")
            for name in circle:
                for other in sorted(set(arrows[name]) & set(circle)):
                    print(f"    {name} -> {other}: {' '.join(sorted(arrows[name][other])[:6])}")


if __name__ == "__main__":
    main(sys.argv[1:])
