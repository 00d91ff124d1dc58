# SPDX-License-Identifier: Apache-2.0
"""Each step of the CI file calls what is there: a program of tests/, and suites and options that the program knows."""

import os
import re
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def commands():
    """The command lines of all steps, one for each value of the matrix that stands in them."""
    for job in re.split(r"(?m)^  (?=\w+:$)", read(".github", "workflows", "ci.yml").split("\njobs:\n")[1])[1:]:
        matrix = {key: re.findall(r"[\w.]+", values) for key, values in re.findall(r"(?m)^ {8}(\w+): \[(.*)\]$", job)}
        for line in re.findall(r"(?m)^ +run: (.*)$", job):
            key = re.search(r"\$\{\{ matrix\.(\w+) \}\}", line)
            for value in matrix[key.group(1)] if key else [None]:
                yield re.sub(r"\$\{\{.*?\}\}", value or "", line)


def suites():
    found = {"hosts", "sanitizers", "optimized", "clang", "valgrind"}
    for directory, _, names in os.walk(os.path.join(ROOT, "tests")):
        if "meson.build" in names:
            found.update(re.findall(r"suite : (?:\[)?'([\w-]+)'", read(directory, "meson.build")))
    return found


class CiFile(unittest.TestCase):
    def test_every_step_calls_a_program_that_is_there(self):
        called = {re.sub(r"^sudo ", "", line).split()[0] for line in commands()} - {"apt-get"}
        self.assertLessEqual({"tests/run", "tests/package", "tests/roots/make"}, called)
        for program in called:
            self.assertTrue(os.access(os.path.join(ROOT, program), os.X_OK), program)

    def test_every_suite_and_option_is_known(self):
        lines = list(commands())
        named = {suite for line in lines for suite in re.findall(r"--suite=(\S+)", line)}
        self.assertEqual(suites() - named, {"long"})  # an emulated machine, and minutes of one processor for each of the others
        self.assertLessEqual(named, suites())
        for line in lines:
            program = re.sub(r"^sudo ", "", line).split()[0]
            for option in re.findall(r" (--[\w-]+)", line) if program.startswith("tests/") else []:
                self.assertIn(option, read(program), line)


if __name__ == "__main__":
    unittest.main()
