# SPDX-License-Identifier: Apache-2.0
"""Each step of the CI file calls what is there: a program of tests/, and suites and options that the program knows."""

import os
import re
import unittest

try:
    import yaml
except ImportError:
    yaml = None

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def jobs():
    return yaml.safe_load(read(".github", "workflows", "ci.yml"))["jobs"]


def commands():
    """The command lines of all steps, one for each value of the matrix that stands in them."""
    for job in jobs().values():
        matrix = job.get("strategy", {}).get("matrix", {})
        for line in (step["run"] for step in job["steps"] if "run" in step):
            key = re.search(r"\$\{\{ matrix\.(\w+) \}\}", line)
            for value in matrix[key.group(1)] if key else [None]:
                yield re.sub(r"\$\{\{.*?\}\}", str(value), line)


def suites():
    found = {"hosts", "sanitizers", "optimized", "clang", "valgrind"}
    for directory, _, names in os.walk(os.path.join(ROOT, "tests")):
        if "meson.build" in names:
            found.update(re.findall(r"suite : (?:\[)?'([\w-]+)'", read(directory, "meson.build")))
    return found


@unittest.skipUnless(yaml, "no python3-yaml")
class CiFile(unittest.TestCase):
    def test_every_job_is_one_that_a_forge_can_run(self):
        for name, job in jobs().items():
            with self.subTest(name):
                self.assertLessEqual({"runs-on", "timeout-minutes", "steps"}, set(job))
                self.assertLessEqual(set(job), {"runs-on", "timeout-minutes", "steps", "strategy", "container"})
                matrix = job.get("strategy", {}).get("matrix", {})
                self.assertEqual(set(re.findall(r"matrix\.(\w+)", str(job))), set(matrix))
                for step in job["steps"]:
                    self.assertEqual(len({"run", "uses"} & set(step)), 1, step)

    def test_what_the_project_promises_of_it_is_there(self):
        """Both compilers, both Debians, an optimized build, sanitizers, packages, the format."""
        lines = "\n".join(commands())
        for each in ("--suite=clang", "--suite=optimized", "--suite=sanitizers", "--suite=valgrind", "--suite=house", "tests/package"):
            self.assertIn(each, lines)
        images = [job["strategy"]["matrix"]["debian"] for job in jobs().values() if "debian" in job.get("strategy", {}).get("matrix", {})]
        self.assertEqual(images, [["12", "13"]] * len(images))
        self.assertGreaterEqual(len(images), 3)

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
