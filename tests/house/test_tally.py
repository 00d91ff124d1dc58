# SPDX-License-Identifier: Apache-2.0
"""The count at the end of tests/run: a failure that it missed would be worse than none counted."""

import contextlib
import io
import json
import tempfile
import unittest

import tally


def test_of(result, stdout="", stderr="", name="leased:unit / a"):
    return {"name": name, "result": result, "stdout": stdout, "stderr": stderr}


def log_of(*tests):
    file = tempfile.NamedTemporaryFile("w", suffix=".json")
    file.write("\n".join(json.dumps(each) for each in tests) + "\n")
    file.flush()
    return file


def said(function, *arguments):
    """What it prints, and returns."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        code = function(*arguments)
    return text.getvalue(), code


class Tally(unittest.TestCase):
    def test_a_program_without_counts_is_one_test(self):
        self.assertEqual(tally.counts_of(test_of("OK")), (1, 0, 0))
        self.assertEqual(tally.counts_of(test_of("FAIL")), (0, 1, 0))
        self.assertEqual(tally.counts_of(test_of("SKIP")), (0, 0, 1))

    def test_cmocka_is_counted_by_test(self):
        text = "[==========] 5 test(s) run.\n[  PASSED  ] 3 test(s).\n[  SKIPPED ] 1 test(s), listed below:\n"
        self.assertEqual(tally.counts_of(test_of("FAIL", text, "[  FAILED  ] 1 test(s), listed below:\n")), (3, 1, 1))
        self.assertEqual(tally.counts_of(test_of("OK", "[  PASSED  ] 12 test(s).\n")), (12, 0, 0))

    def test_unittest_is_counted_by_test(self):
        self.assertEqual(tally.counts_of(test_of("OK", "", "Ran 12 tests in 0.046s\n\nOK\n")), (12, 0, 0))
        text = "Ran 12 tests in 0.046s\n\nFAILED (failures=2, errors=1, skipped=1)\n"
        self.assertEqual(tally.counts_of(test_of("FAIL", "", text)), (8, 3, 1))

    def test_a_crash_after_good_tests_is_a_failure(self):
        self.assertEqual(tally.counts_of(test_of("FAIL", "[  PASSED  ] 12 test(s).\n")), (12, 1, 0))
        self.assertEqual(tally.counts_of(test_of("TIMEOUT")), (0, 1, 0))
        self.assertEqual(tally.counts_of(test_of("INTERRUPT")), (0, 1, 0))

    def test_what_failed_is_named(self):
        self.assertEqual(tally.names_of_failures(test_of("FAIL", "[  FAILED  ] a\n", "[  FAILED  ] 2 test(s), listed below:\n"
                                                         "[  FAILED  ] a\n[  FAILED  ] b\n")), ["a", "b"])
        self.assertEqual(tally.names_of_failures(test_of("FAIL", "", "FAIL: test_x (m.C)\nERROR: test_y (m.C)\n")),
                         ["test_x", "test_y"])
        self.assertEqual(tally.names_of_failures(test_of("TIMEOUT", "as far as it came")), ["TIMEOUT"])

    def test_the_suite_is_found(self):
        self.assertEqual(tally.suite_of(test_of("OK")), "unit")
        self.assertEqual(tally.suite_of({"name": "leased / sim"}), "sim")

    def test_the_names_of_a_newer_meson_are_read(self):
        self.assertEqual(tally.suite_of({"name": "unit - leased:core"}), "unit")
        self.assertEqual(tally.suite_of({"name": "leased:sim"}), "sim")
        with log_of(test_of("FAIL", name="guard - leased:guard-killer-on-pid1")) as log:
            self.assertEqual(said(tally.tell_failed, tally.read_log(log.name))[0], "guard-killer-on-pid1\n")

    def test_a_summary_line_is_believed(self):
        self.assertEqual(tally.counts_of(test_of("OK", "noise\n7 passed, 0 failed\n")), (7, 0, 0))
        self.assertEqual(tally.counts_of(test_of("FAIL", "7 passed, 2 failed, 1 skipped\n")), (7, 2, 1))

    def test_what_passes_alone_is_told_and_what_does_not_has_failed(self):
        bad, worse = (test_of("FAIL", f"FAIL: {name} (m.C)\n", name=f"leased:bus / {name}") for name in ("late", "wrong"))
        with log_of(test_of("OK"), bad, worse) as first, log_of(bad | {"result": "OK", "stdout": ""}, worse) as again:
            self.assertEqual(said(tally.tell_failed, tally.read_log(first.name))[0], "late\nwrong\n")
            text, code = said(tally.main, first.name, again.name)
        self.assertEqual(code, 1)
        self.assertIn("only alone: leased:bus / late: late\nFAIL  leased:bus / wrong: wrong\n2 passed, 1 failed, 0 skipped\n",
                      text)


if __name__ == "__main__":
    unittest.main()
