# SPDX-License-Identifier: Apache-2.0
"""The tests of what hands out the scenes: one that is forgotten would be taken for one that passed."""

import unittest
from types import SimpleNamespace

import scenes


def scene(name, kind):
    return SimpleNamespace(__name__=name, kind=kind)


def result(name, *problems):
    return {"name": name, "problems": list(problems), "gaps": [], "overlap": 0.0, "seconds": 0.0}


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


if __name__ == "__main__":
    unittest.main()
