# SPDX-License-Identifier: Apache-2.0
"""The quick suites, for builds in other ways: quick.py BUILD prints the names of the tests, quick.py --programs BUILD what ninja
must build for them. Quick is what needs no machine, no etcd and no daemon, and no more than seconds.

Where the quick suites are played with sanitizers, another play of them without shows nothing more. quick.py --others BUILD prints the
names of the tests that are not quick, and of the simulation, which has a twentieth of its seeds with sanitizers; and quick.py
--others --programs BUILD what ninja must build for those, and for an installation."""

import json
import os
import re
import subprocess
import sys

SLOW = re.compile(r"-on-pid1$|^sim-\d000|mutations$|^registry-|^etcd-(?!json|corpus)|^test-daemon-bus$|^hosts-|^leasectl-documents$|^house|^explore")


def introspect(build, what):
    done = subprocess.run(["meson", "introspect", build, f"--{what}"], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def is_quick(test, build):
    return not SLOW.search(test["name"]) and os.path.abspath(test["cmd"][0]).startswith(build + os.sep)


def programs_of(tests, build):
    """What ninja calls them."""
    return list(dict.fromkeys(os.path.relpath(test["cmd"][0], build) for test in tests))


def split(tests, build):
    """(the quick ones, what is to be played without sanitizers all the same)."""
    quick = [each for each in tests if is_quick(each, build)]
    return quick, [each for each in tests if each not in quick or any(suite.endswith(":sim") for suite in each["suite"])]


def other_programs(targets, quick, others, build):
    """All that is built but the programs of quick tests alone. A library is built where a program needs it."""
    left_out = set(programs_of(quick, build)) - set(programs_of(others, build))
    files = [os.path.relpath(file, build) for each in targets if each["build_by_default"] and each["type"] != "static library"
             for file in each["filename"]]
    return [file for file in files if file not in left_out]


def main(arguments):
    build = os.path.abspath(arguments[-1])
    quick, others = split(introspect(build, "tests"), build)
    chosen = others if "--others" in arguments else quick
    if "--programs" not in arguments:
        lines = [test["name"] for test in chosen]
    elif chosen is quick:
        lines = programs_of(quick, build)
    else:
        lines = other_programs(introspect(build, "targets"), quick, others, build)
    print("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
