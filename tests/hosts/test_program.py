# SPDX-License-Identifier: Apache-2.0
"""The tests of what hands out the scenes: one that is forgotten would be taken for one that passed."""

import unittest
from types import SimpleNamespace

import scenes


def scene(name, kind):
    return SimpleNamespace(__name__=name, kind=kind)


def result(name, *problems, unsafe=False):
    return {"name": name, "problems": list(problems), "unsafe": unsafe, "gaps": [], "overlap": 0.0, "seconds": 0.0, "processor": 0.0}


class Program(unittest.TestCase):
    def setUp(self):
        self._say, scenes.say = scenes.say, lambda text: None

    def tearDown(self):
        scenes.say = self._say

    def test_each_is_played_once(self):
        all_of_them = [scene(str(number), number % 3) for number in range(20)]
        program, last, played = scenes.Program(all_of_them, False), None, []
        while (last := program.next_after(last, [])) is not None:
            played.append(last)
        self.assertCountEqual(played, all_of_them)

    def test_machines_that_are_booted_are_used_first(self):
        program = scenes.Program([scene("a", 1), scene("b", 2), scene("c", 2), scene("d", 1)], False)
        self.assertEqual([program.next_after(scene("z", 1), []).__name__ for _ in range(2)], ["a", "d"])

    def test_lanes_begin_with_different_machines(self):
        program = scenes.Program([scene("a", 1), scene("b", 1), scene("c", 2)], False)
        first = program.next_after(None, [])
        self.assertEqual((first.kind, program.next_after(None, [first.kind]).kind), (1, 2))

    def test_nothing_is_begun_after_a_failure_if_that_is_asked_for(self):
        program = scenes.Program([scene("a", 1), scene("b", 1)], True)
        program.note(result("a", "it failed"))
        self.assertIsNone(program.next_after(None, []))

    def test_failures_are_counted(self):
        program = scenes.Program([], False)
        program.note(result("a"))
        program.note(result("b", "one thing", "and another"))
        self.assertEqual((program.passed, program.failed), (1, 1))

    def test_what_fails_is_played_once_more_unless_a_unit_ran_twice(self):
        all_of_them = [scene(name, 1) for name in "abc"]
        program = scenes.Program(all_of_them, False)
        while program.next_after(None, []) is not None:
            pass
        for each in (result("a"), result("b", "too late"), result("c", "twice", unsafe=True)):
            program.note(each)
        self.assertEqual(program.next_round(all_of_them), 1)
        self.assertEqual((program.next_after(None, []).__name__, program.next_after(None, [])), ("b", None))
        program.note(result("b"))
        self.assertEqual((program.passed, program.failed, program.late), (2, 1, {"b"}))

    def test_nothing_is_played_again_where_the_first_failure_is_the_end(self):
        program = scenes.Program([scene("a", 1)], True)
        program.note(result("a", "it failed"))
        self.assertEqual((program.next_round([scene("a", 1)]), program.failed), (0, 1))


if __name__ == "__main__":
    unittest.main()
