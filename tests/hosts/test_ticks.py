# SPDX-License-Identifier: Apache-2.0
"""The tests of what is believed of a timer's job: a run without an Index that was let pass would prove anything."""

import unittest

from ticks import NO_INDEX, Run, parse

HIDDEN = [("b", 100.0, 100.3)]


class Index(unittest.TestCase):
    def judge(self, *lines):
        return parse([f"{line}\n" for line in lines], HIDDEN)

    def test_a_run_knows_its_index(self):
        self.assertEqual(self.judge("100.5 7 b 100.6", "100.1 7 b 100.2"),
                         ([Run(100.1, 7, "b", 100.2), Run(100.5, 7, "b", 100.6)], []))

    def test_a_run_that_began_just_as_its_environment_was_hidden_may_lack_it(self):
        for at, end in ((99.9, 100.0), (100.0, 100.4), (100.3, 101.0)):
            self.assertEqual(self.judge(f"{at}  b {end}"), ([Run(at, NO_INDEX, "b", end)], []))

    def test_no_other_run_may(self):
        for line in ("99.0  b 99.9", "100.31  b 100.4", "100.1  a 100.2", " 7 b 100.2"):
            self.assertEqual(self.judge(line), ([], [line.strip()]))


if __name__ == "__main__":
    unittest.main()
