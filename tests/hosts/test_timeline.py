# SPDX-License-Identifier: Apache-2.0
"""The tests of the measure itself: an overlap that it missed would prove anything."""

import unittest

import timeline


def stamps(*lines):
    """Each line: (machine, pid, index, invocation, from ms, to ms), a stamp every millisecond."""
    text = ""
    for machine, pid, index, invocation, first, last in lines:
        for at in range(first, last + 1):
            text += f"{at * 1000000} {machine} {pid} {index} {invocation}\n"
    return timeline.parse(text)


class Timeline(unittest.TestCase):
    def test_a_handover_has_a_gap_and_no_overlap(self):
        two = stamps(("a", 5, 1, "i", 1000, 2000), ("b", 5, 2, "j", 2500, 3000))
        self.assertEqual(timeline.overlap_of(two), 0.0)
        self.assertEqual(len(timeline.handovers_of(two)), 1)
        self.assertAlmostEqual(timeline.handovers_of(two)[0].gap, 0.5)
        self.assertEqual(timeline.tokens_of(two), [1, 2])
        self.assertTrue(timeline.tokens_grow(two))

    def test_a_margin_counts_from_the_last_process_of_any_other_machine(self):
        members = stamps(("a", 5, 1, "i", 1000, 2400), ("a", 6, 1, "k", 1500, 1600), ("b", 5, 2, "j", 2500, 3000), ("b", 6, 2, "l", 2600, 2700))
        self.assertEqual([round(each, 6) for each in timeline.margins_of(members)], [0.1])
        self.assertEqual(timeline.margins_of(stamps(("a", 5, 1, "i", 1000, 2000))), [])
        self.assertIn("1 moves, min 0.100 s", timeline.margin_line([0.1]))

    def test_two_machines_at_once_are_an_overlap(self):
        two = stamps(("a", 5, 1, "i", 1000, 2000), ("b", 5, 2, "j", 1750, 3000))
        self.assertAlmostEqual(timeline.overlap_of(two), 0.25)
        self.assertAlmostEqual(timeline.handovers_of(two)[0].gap, -0.25)

    def test_one_millisecond_is_an_overlap(self):
        two = stamps(("a", 5, 1, "i", 1000, 2000), ("b", 5, 2, "j", 1999, 3000))
        self.assertAlmostEqual(timeline.overlap_of(two), 0.001)

    def test_a_child_that_stays_behind_is_an_overlap(self):
        three = stamps(("a", 5, 1, "i", 1000, 2000), ("a", 6, 1, "i", 1001, 2600), ("b", 5, 2, "j", 2500, 3000))
        self.assertAlmostEqual(timeline.overlap_of(three), 0.1)
        self.assertAlmostEqual(timeline.handovers_of(three)[0].gap, -0.1)

    def test_a_run_inside_another_is_an_overlap(self):
        two = stamps(("a", 5, 1, "i", 1000, 9000), ("b", 5, 2, "j", 2000, 2100))
        self.assertAlmostEqual(timeline.overlap_of(two), 0.1)

    def test_children_of_one_machine_are_no_overlap(self):
        two = stamps(("a", 5, 1, "i", 1000, 2000), ("a", 6, 1, "i", 1000, 2000))
        self.assertEqual(timeline.overlap_of(two), 0.0)
        self.assertEqual(len(timeline.tenures_of(two)), 1)

    def test_three_machines_at_once_are_counted_once(self):
        three = stamps(("a", 1, 1, "i", 0, 100), ("b", 1, 2, "j", 0, 100), ("c", 1, 3, "k", 0, 100))
        self.assertAlmostEqual(timeline.overlap_of(three), 0.1)

    def test_the_same_process_number_after_a_reboot_is_another_run(self):
        three = stamps(("a", 5, 1, "i", 0, 100), ("b", 9, 2, "j", 200, 300), ("a", 5, 3, "k", 400, 500))
        self.assertEqual(timeline.overlap_of(three), 0.0)
        self.assertEqual(timeline.tokens_of(three), [1, 2, 3])

    def test_a_token_that_does_not_grow_is_seen(self):
        self.assertFalse(timeline.tokens_grow(stamps(("a", 5, 2, "i", 0, 9), ("b", 5, 2, "j", 20, 30))))
        self.assertFalse(timeline.tokens_grow(stamps(("a", 5, 3, "i", 0, 9), ("b", 5, 2, "j", 20, 30))))
        self.assertFalse(timeline.tokens_grow(stamps(("a", 5, "-", "i", 0, 9))))
        self.assertTrue(timeline.tokens_grow(stamps(("a", 5, 2, "i", 0, 9), ("a", 6, 2, "j", 20, 30))))

    def test_the_longest_silence_is_found(self):
        one = stamps(("a", 5, 1, "i", 0, 100), ("a", 5, 1, "i", 340, 400))
        self.assertAlmostEqual(timeline.tenures_of(one)[0].silence, 0.24)

    def test_a_half_written_line_is_left_out(self):
        self.assertEqual(len(timeline.parse("1000000 a 5 1 i\n2000000 a 5 1\n30000")), 1)

    def test_nobody_ran(self):
        self.assertEqual(timeline.overlap_of([]), 0.0)
        self.assertEqual(timeline.tenures_of([]), [])
        self.assertIn("nobody", timeline.table_of([]))


if __name__ == "__main__":
    unittest.main()
