# SPDX-License-Identifier: Apache-2.0
"""The quick suites, for builds in other ways: quick.py BUILD prints the names of the tests, quick.py --programs BUILD what ninja
must build for them. Quick is what needs no machine, no etcd and no daemon, and no more than seconds.

The plain tests/run plays each test once. With --once they are those that it plays with sanitizers, in which a play without would show
nothing more; with --others those that it plays without, of which --programs prints what must be built for them and for an installation.
"""

import json
import os
import re
import sys

SLOW = re.compile(r"-on-pid1$|^sim-\d000|mutations$|^registry-|^etcd-(?!json|corpus)|^test-daemon-(bus|many)$|^hosts-|^leasectl-documents$|^house|^explore")
# What the plain tests/run plays without sanitizers, though it is quick: seeds of the simulation (the tapes of simulation-corpus go through
# its memory more thoroughly) and every TTL, which compute for long; and what needs each file of leasectl, which are a fifth of all files.
WITHOUT = re.compile(r"^sim(-|$)|^test-timeline$|^arguments-corpus$|^test-ctl-history$")
# What it leaves to --all, where others play the same and more: sim-10000-beside-another has these seeds, too.
LEFT = re.compile(r"^sim-1000$")


def introspect(build, what):
    """What "meson introspect" would print."""
    with open(os.path.join(build, "meson-info", f"intro-{what}.json"), encoding="utf-8") as file:
        return json.load(file)


def is_quick(test, build):
    return not SLOW.search(test["name"]) and os.path.abspath(test["cmd"][0]).startswith(build + os.sep)


def programs_of(tests, build):
    """What ninja calls them."""
    return list(dict.fromkeys(os.path.relpath(test["cmd"][0], build) for test in tests))


def split(tests, build):
    """(what the plain tests/run plays with sanitizers, what it plays without)."""
    once = [each for each in tests if is_quick(each, build) and not WITHOUT.search(each["name"])]
    return once, [each for each in tests if each not in once and not LEFT.search(each["name"])]


def other_programs(targets, once, others, build):
    """All that is built but the programs that only those with sanitizers need. A library is built where a program needs it."""
    left_out = set(programs_of(once, build)) - set(programs_of(others, build))
    files = [os.path.relpath(file, build) for each in targets if each["build_by_default"] and each["type"] != "static library"
             for file in each["filename"]]
    return [file for file in files if file not in left_out]


def main(arguments):
    build = os.path.abspath(arguments[-1])
    tests = introspect(build, "tests")
    once, others = split(tests, build)
    if "--others" in arguments:
        chosen = others
        programs = other_programs(introspect(build, "targets"), once, others, build)
    else:
        chosen = once if "--once" in arguments else [each for each in tests if is_quick(each, build)]
        programs = programs_of(chosen, build)
    print("\n".join(programs if "--programs" in arguments else [test["name"] for test in chosen]))


if __name__ == "__main__":
    main(sys.argv[1:])
