# SPDX-License-Identifier: Apache-2.0
"""Who writes the members of the core's struct Unit, computed from the text of src/core. Run as a program, it prints each
member's writers:  writers.py"""

import pathlib
import re

import house

ROOT = pathlib.Path(__file__).resolve().parents[2]

STEP = r"(?:\+\+|--)"
# A write is an assignment, a step up or down, or a buffer that is handed over with its size.
WRITE = (r"(\w+)->({members})\b(?:\.\w+|\[[^\]]*\])*"
         r"(?=\s*(?:[-+|&^*/%]|<<|>>)?=(?!=)|\s*{step}|,\s*sizeof\b)")
STEPPED = r"{step}\s*(?:\w+->)*(\w+)->({members})\b"


def members_of(state):
    """The members of struct Unit that are structures of their own: {name: type}."""
    body = re.search(r"^struct Unit \{\n(.*?)^\};", state, re.M | re.S).group(1)
    return {name: kind for kind, name in re.findall(r"^ +(Unit[A-Z]\w+) (\w+);", body, re.M)}


def sources_of(root):
    return {path: house.without_comments(house.read(root, path)) for path in house.files_below(root, "src/core")
            if path.endswith((".c", ".h"))}


def writers_of(root):
    """{member of struct Unit: the files that write it}. Members of Core may have the same names, so a pointer to a Core does
    not count."""
    sources = sources_of(root)
    members = members_of(sources["src/core/state.h"])
    cores = {name for text in sources.values() for name in re.findall(r"\bCore \*(?:const )?(\w+)", text)}
    found = {member: set() for member in members}
    for path, text in sources.items():
        for pattern in WRITE, STEPPED:
            for base, member in re.findall(pattern.format(step=STEP, members="|".join(members)), text):
                if base not in cores:
                    found[member].add(path)
    return found


def breaches(root):
    """Members that are written by two files or by none; and pointers by which somebody else could write one."""
    found = [f"u->{member} is written by {' and '.join(sorted(paths)) or 'no file'}, and not by one file"
             for member, paths in sorted(writers_of(root).items()) if len(paths) != 1]
    sources = sources_of(root)
    kinds = "|".join(members_of(sources["src/core/state.h"]).values())
    for path, text in sorted(sources.items()):
        found += [f"{path}: a {kind} is pointed to, and not as const"
                  for kind in re.findall(rf"(?<!const )\b({kinds}) \*", text)]
    return found


if __name__ == "__main__":
    for name, paths in sorted(writers_of(ROOT).items()):
        print(f"{name}: {' '.join(sorted(paths))}")
