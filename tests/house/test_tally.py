# SPDX-License-Identifier: Apache-2.0
"""The count at the end of tests/run: a failure that it missed would be worse than none counted."""

import unittest

import tally


def test_of(result, stdout="", stderr=""):
    return {"name": "leased:unit / a", "result": result, "stdout": stdout, "stderr": stderr}


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

    def test_a_summary_line_is_believed(self):
        self.assertEqual(tally.counts_of(test_of("OK", "noise\n7 passed, 0 failed\n")), (7, 0, 0))
        self.assertEqual(tally.counts_of(test_of("FAIL", "7 passed, 2 failed, 1 skipped\n")), (7, 2, 1))


if __name__ == "__main__":
    unittest.main()
