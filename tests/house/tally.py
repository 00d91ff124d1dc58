# SPDX-License-Identifier: Apache-2.0
"""Counts what "meson test" ran: tally.py [--failed] TESTLOG.json [AGAIN.json]...

One program often holds many tests (cmocka, unittest): each counts. Prints the output of each program that failed, one line
a suite, the names of what failed, and at last "N passed, N failed, N skipped". The exit code is 1 if anything failed.
With more logs, of programs that were run once more, the last one of a program counts. With --failed only the names of the
programs that failed are printed, as "meson test" takes them.
"""

import json
import re
import sys

CMOCKA = re.compile(r"^\[  (PASSED|FAILED|SKIPPED)\s*\] (\d+) test\(s\)", re.MULTILINE)
UNITTEST = re.compile(r"^Ran (\d+) tests? in .*\n\n(?:OK|FAILED)(?: \((.*)\))?", re.MULTILINE)
SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.MULTILINE)
NAME_OF_FAILURE = re.compile(r"^(?:(?:FAIL|ERROR): (\w+)|\[  FAILED  \] (?!\d+ test)(\w+))", re.MULTILINE)
GOOD, SKIPPED = ("OK", "EXPECTEDFAIL"), ("SKIP", "IGNORED")


def inner_counts(output):
    """(passed, failed, skipped) as the program itself says, or None if it says nothing."""
    summaries = SUMMARY.findall(output)
    if summaries:
        return tuple(int(each or 0) for each in summaries[-1])
    match = UNITTEST.search(output)
    if match:
        notes = dict(note.split("=") for note in (match.group(2) or "").split(", ") if "=" in note)
        failed = int(notes.get("failures", 0)) + int(notes.get("errors", 0))
        skipped = int(notes.get("skipped", 0))
        return int(match.group(1)) - failed - skipped, failed, skipped
    counts = {"PASSED": 0, "FAILED": 0, "SKIPPED": 0}
    found = CMOCKA.findall(output)
    for word, number in found:
        counts[word] += int(number)
    return (counts["PASSED"], counts["FAILED"], counts["SKIPPED"]) if found else None


def counts_of(test):
    """(passed, failed, skipped) of one program. What meson says of the whole is never better than this."""
    output = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
    inner = inner_counts(output)
    if test["result"] in SKIPPED:
        return 0, 0, max(1, inner[2] if inner else 1)
    if test["result"] in GOOD:
        return inner if inner and sum(inner) > 0 else (1, 0, 0)
    passed, failed, skipped = inner or (0, 0, 0)
    return passed, max(failed, 1), skipped


def program_of(test):
    """(project and suite, program): meson names a program "project:suite / program", and 1.12 "suite - project:program"."""
    if " / " in test["name"]:
        project, _, program = test["name"].partition(" / ")
        return project, program
    suite, _, whole = test["name"].rpartition(" - ")
    project, _, program = whole.partition(":")
    return f"{project}:{suite}" if suite else project, program


def suite_of(test):
    """A program without a suite is one by itself."""
    project, program = program_of(test)
    return project.partition(":")[2] or program or project


def names_of_failures(test):
    """As the program names them itself; otherwise what meson says of the whole."""
    found = NAME_OF_FAILURE.findall((test.get("stdout") or "") + "\n" + (test.get("stderr") or ""))
    return list(dict.fromkeys("".join(each) for each in found)) or [test["result"]]


def read_log(path):
    with open(path) as file:
        return {test["name"]: test for test in map(json.loads, filter(str.strip, file))}


def tell_failed(tests):
    for test in tests.values():
        if counts_of(test)[1]:
            print(program_of(test)[1])


def main(path, *more):
    suites, total = {}, [0, 0, 0]
    first = read_log(path)
    tests = dict(first)
    for again in more:
        tests |= read_log(again)
    for test in tests.values():
        sums = suites.setdefault(suite_of(test), [0, 0, 0])
        for i, count in enumerate(counts_of(test)):
            sums[i] += count
            total[i] += count
    failures = [test for test in tests.values() if counts_of(test)[1]]
    late = [test for name, test in first.items() if counts_of(test)[1] and not counts_of(tests[name])[1]]
    for test in failures + late:
        print(f"--- {test['name']} ({test['result']})")
        print((test.get("stdout") or "") + (test.get("stderr") or ""))
    for suite in sorted(suites):
        print(f"{suite:<14} {suites[suite][0]:>6} passed {suites[suite][1]:>4} failed {suites[suite][2]:>4} skipped")
    for test in late:
        print(f"only alone: {test['name']}: {' '.join(names_of_failures(test))}")
    for test in failures:
        for name in names_of_failures(test):
            print(f"FAIL  {test['name']}: {name}")
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or not tests else 0


if __name__ == "__main__":
    if sys.argv[1] == "--failed":
        tell_failed(read_log(sys.argv[2]))
    else:
        sys.exit(main(*sys.argv[1:]))
