# SPDX-License-Identifier: Apache-2.0
"""Functions that are exported and that only their own file uses, computed from the text of src and tests. Run as a program,
it prints them:  exports.py"""

import pathlib
import re

import arrows
import house

ROOT = pathlib.Path(__file__).resolve().parents[2]


def lonely(root):
    """A function counts as used if another file names it, or if its own header does besides declaring it, as in a macro. A test
    is a file like any other."""
    bare = {path: arrows.COMMENT_OR_TEXT.sub(" ", house.read(root, path)) for path in house.files_below(root, "src", "tests")
            if path.endswith((".c", ".h"))}
    words = {path: re.findall(r"\w+", text) for path, text in bare.items()}
    users = {}
    for path, found in words.items():
        for word in set(found):
            users.setdefault(word, []).append(path)
    found = []
    for path, text in sorted(bare.items()):
        if not path.startswith("src/") or not path.endswith(".c"):
            continue
        own = set(re.findall(r"^(?:\w+\([^)]*\) )?static [^;={}]*?\b(\w+)\(", text, re.M)) | {"main"}
        for name in arrows.FUNCTION.findall(text):
            others = [user for user in users[name] if user != path]
            declared = [user for user in others if user.endswith(".h")]
            if name not in own and not (set(others) - set(declared)) and sum(words[user].count(name) for user in declared) <= 1:
                found.append(f"{path}: {name} is used in no other file: it should be static")
    return found


if __name__ == "__main__":
    print("\n".join(lonely(ROOT)))
